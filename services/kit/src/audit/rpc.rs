//! The RPCs of the audit, the same in each service.
//!
//! The contracts are three, one for each package, and what is generated from them are three traits. What stands behind them
//! is one.

/// Makes `AuditRpc`, which serves `AuditService` of a package of the contracts from an [`Audit`](crate::audit::Audit).
#[macro_export]
macro_rules! audit_rpc {
    ($package:path) => {
        use futures_util::StreamExt as _;
        use futures_util::stream::BoxStream;
        use tonic::{Request, Response, Status};
        use $package as pb;

        /// The RPCs of the audit.
        #[derive(Debug)]
        pub struct AuditRpc($crate::audit::Audit);

        impl AuditRpc {
            /// The RPCs of `audit`.
            #[must_use]
            pub const fn new(audit: $crate::audit::Audit) -> Self {
                Self(audit)
            }
        }

        #[tonic::async_trait]
        impl pb::audit_service_server::AuditService for AuditRpc {
            type WatchAuditEventsStream = BoxStream<'static, Result<pb::WatchAuditEventsResponse, Status>>;

            async fn list_audit_events(
                &self,
                request: Request<pb::ListAuditEventsRequest>,
            ) -> Result<Response<pb::ListAuditEventsResponse>, Status> {
                let (caller, asked) = ($crate::caller::Caller::of(&request)?, request.get_ref());
                let listed = self.0.list(caller, &asked.filter, asked.page_size, &asked.page_token).await?;
                let (events, next_page_token) = listed;
                Ok(Response::new(pb::ListAuditEventsResponse { events, next_page_token }))
            }

            async fn watch_audit_events(
                &self,
                request: Request<pb::WatchAuditEventsRequest>,
            ) -> Result<Response<Self::WatchAuditEventsStream>, Status> {
                let (caller, asked) = ($crate::caller::Caller::of(&request)?, request.get_ref());
                let events = self.0.watch(caller, asked.after_number, &asked.filter).await?;
                let told =
                    |event: Result<_, Status>| event.map(|event| pb::WatchAuditEventsResponse { event: Some(event) });
                Ok(Response::new(events.map(told).boxed()))
            }

            async fn verify_chain(
                &self,
                request: Request<pb::VerifyChainRequest>,
            ) -> Result<Response<pb::VerifyChainResponse>, Status> {
                let asked = request.get_ref();
                let report = self.0.verify(asked.from_number, asked.to_number, asked.known.as_ref()).await?;
                Ok(Response::new(pb::VerifyChainResponse { report: Some(report) }))
            }
        }
    };
}
