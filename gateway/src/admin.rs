//! The gateway's own services behind their access layer: what the admin port serves, and what the data port calls without a
//! connection.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use passgate_kit::access::{AcceptedServices, AccessLayer, AccessParts};
use passgate_kit::audit::Audit;
use passgate_kit::caller::ServicePeer;
use passgate_kit::client::{DecisionSource, SecretString};
use passgate_kit::credentials::fingerprint;
use passgate_kit::mark::Marks;
use passgate_kit::page::PageTokens;
use passgate_proto::access::Role;
use passgate_proto::gateway::v1::api_service_server::ApiServiceServer;
use passgate_proto::gateway::v1::audit_service_server::AuditServiceServer;
use passgate_proto::gateway::v1::endpoint_service_server::EndpointServiceServer;
use tonic::service::Routes;

use crate::dial::DialRules;
use crate::registry::{Apis, Endpoints};
use crate::rpc::{ApiRpc, AuditRpc, EndpointRpc, PossibleCallers};

/// What the admin services are made of.
pub struct AdminParts {
    pub endpoints: Endpoints,
    pub apis: Apis,
    pub callers: PossibleCallers,
    pub rules: DialRules,
    pub pages: PageTokens,
    pub marks: Marks,
    pub audit: Audit,
}

impl AdminParts {
    /// The services, not guarded yet.
    pub fn routes(self) -> Routes {
        let Self { endpoints, apis, callers, rules, pages, marks, audit } = self;
        let endpoint = EndpointRpc::new(endpoints, callers.clone(), rules.clone(), pages.clone(), marks.clone());
        let api = ApiRpc::new(apis, callers, rules, pages, marks);
        Routes::new(EndpointServiceServer::new(endpoint))
            .add_service(ApiServiceServer::new(api))
            .add_service(AuditServiceServer::new(AuditRpc::new(audit)))
    }
}

/// The guard in front of them.
pub fn access_layer(
    decisions: Arc<dyn DecisionSource>,
    own_credential: Arc<SecretString>,
    marks: Marks,
    open_reflection: bool,
) -> AccessLayer {
    AccessLayer::new(AccessParts { decisions, services: only_ourselves(own_credential), marks, open_reflection })
}

/// No other service has business here; but what comes in at the data port comes with our own credential, so that the
/// caller's address is believed.
fn only_ourselves(own: Arc<SecretString>) -> AcceptedServices {
    Arc::new(move |presented| {
        let same = verify_slices_are_equal(presented.as_bytes(), own.expose().as_bytes()).is_ok();
        let sha256 = fingerprint(presented);
        same.then(|| ServicePeer { instance: "this gateway".to_owned(), role: Role::Gateway, sha256 })
    })
}
