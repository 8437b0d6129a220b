//! The audit of the gateway: who may read it, and what it tells.

#![cfg(test)]

use passgate_proto::gateway::v1 as pb;
use passgate_proto::gateway::v1::audit_service_client::AuditServiceClient;
use passgate_proto::r#type::v1::AuditEvent;
use tonic::{Code, Request};

use crate::support::{Gateway, create_endpoint, endpoint, on_both_databases, told};

fn with_token<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("metadata"));
    request
}

async fn client(gateway: &Gateway) -> AuditServiceClient<tonic::transport::Channel> {
    AuditServiceClient::connect(format!("http://{}", gateway.admin_address())).await.expect("connected")
}

async fn list(gateway: &Gateway, filter: &str) -> Vec<AuditEvent> {
    let request = pb::ListAuditEventsRequest { filter: filter.to_owned(), ..Default::default() };
    client(gateway)
        .await
        .list_audit_events(with_token(&gateway.tokens().secret("admin"), request))
        .await
        .expect(filter)
        .into_inner()
        .events
}

on_both_databases! {
    async fn changes_and_refusals_are_listed_and_a_stranger_leaves_no_trace(gateway: Gateway) {
        gateway.tokens().add("nobody", &["endpoints/x"]);
        gateway.endpoints("admin").create_endpoint(create_endpoint(endpoint("sales"))).await.expect("made");
        gateway.endpoints("nobody").list_endpoints(pb::ListEndpointsRequest::default()).await.expect_err("refused");
        gateway.endpoints("forged").list_endpoints(pb::ListEndpointsRequest::default()).await.expect_err("refused");

        let refused = tokio::time::timeout(std::time::Duration::from_secs(20), async {
            loop {
                let events = list(&gateway, "kind = token.refused").await;
                if !events.is_empty() {
                    return events;
                }
            }
        });
        let refused = refused.await.expect("written in time");

        let [event] = refused.as_slice() else { panic!("one: {refused:?}") };
        let occurrence = event.occurrence.as_ref().expect("an occurrence");
        assert_eq!((occurrence.count, occurrence.reason.as_str()), (1, "NO_GRANT"));
        assert_eq!(occurrence.last_resource, "apis/passgate.gateway.v1.EndpointService/ListEndpoints");
        let changes = list(&gateway, "kind = endpoint.*").await;
        assert_eq!(changes[0].subject, "endpoints/sales");
        assert!(changes[0].before.is_none() && changes[0].after.is_some());
    }

    async fn it_is_read_and_checked_by_whoever_holds_the_right_to_read(gateway: Gateway) {
        gateway.tokens().add("auditor", &["apis/passgate.*:read"]);
        gateway.tokens().add("other", &["endpoints/*"]);
        let mut client = client(&gateway).await;
        gateway.endpoints("admin").create_endpoint(create_endpoint(endpoint("sales"))).await.expect("made");

        client.list_audit_events(with_token(&gateway.tokens().secret("auditor"), pb::ListAuditEventsRequest::default())).await.expect("a list");
        let report = client.verify_chain(with_token(&gateway.tokens().secret("auditor"), pb::VerifyChainRequest::default())).await.expect("a report");
        assert_eq!(report.into_inner().report.expect("it").first_bad_number, 0);
        let watch = pb::WatchAuditEventsRequest { after_number: Some(0), ..Default::default() };
        let mut stream = client.watch_audit_events(with_token(&gateway.tokens().secret("auditor"), watch)).await.expect("a stream").into_inner();
        assert_eq!(stream.message().await.expect("good").expect("it").event.expect("it").kind, "endpoint.created");

        let refused = client.list_audit_events(with_token(&gateway.tokens().secret("other"), pb::ListAuditEventsRequest::default())).await;
        assert_eq!(told(&refused.expect_err("refused")), (Code::PermissionDenied, "NO_GRANT".to_owned()));
        let refused = client.watch_audit_events(with_token(&gateway.tokens().secret("other"), pb::WatchAuditEventsRequest::default())).await;
        assert_eq!(told(&refused.expect_err("refused")), (Code::PermissionDenied, "NO_GRANT".to_owned()));
        let refused = client.verify_chain(Request::new(pb::VerifyChainRequest::default())).await;
        assert_eq!(told(&refused.expect_err("refused")), (Code::Unauthenticated, "TOKEN_MISSING".to_owned()));
    }
}
