//! The connection to a server: one channel, the metadata that every call carries, and the one place where answers come in.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use passgate_kit::client::{AT_LEAST_HEADER, SecretString};
use passgate_proto::gateway::v1::api_service_client::ApiServiceClient;
use passgate_proto::gateway::v1::audit_service_client::AuditServiceClient as GatewayAuditClient;
use passgate_proto::gateway::v1::endpoint_service_client::EndpointServiceClient;
use passgate_proto::identity::v1::api_user_service_client::ApiUserServiceClient;
use passgate_proto::identity::v1::audit_service_client::AuditServiceClient as IdentityAuditClient;
use passgate_proto::identity::v1::grant_service_client::GrantServiceClient;
use passgate_proto::identity::v1::group_service_client::GroupServiceClient;
use passgate_proto::identity::v1::session_service_client::SessionServiceClient;
use passgate_proto::identity::v1::user_service_client::UserServiceClient;
use passgate_proto::token::v1::audit_service_client::AuditServiceClient as TokenAuditClient;
use passgate_proto::token::v1::authorization_service_client::AuthorizationServiceClient;
use passgate_proto::token::v1::change_service_client::ChangeServiceClient;
use passgate_proto::token::v1::key_service_client::KeyServiceClient;
use passgate_proto::token::v1::token_service_client::TokenServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status};
use tonic_types::StatusExt as _;

use super::failure::Failure;
use super::marks::Marks;
use super::place::{Credential, Place};
use super::server::Server;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a call may take.
const CALL: Duration = Duration::from_secs(60);

/// A channel whose calls carry token and mark.
type Line = InterceptedService<Channel, Card>;

/// A server, as whoever has the credential.
#[derive(Clone)]
pub struct Connection {
    server: Server,
    channel: Channel,
    card: Card,
    marks: Marks,
    /// The token and where it came from; `None` without one.
    credential: Option<Arc<Credential>>,
}

/// What each call carries.
#[derive(Clone)]
pub struct Card {
    bearer: Option<MetadataValue<Ascii>>,
    marks: Option<Marks>,
}

impl Interceptor for Card {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        if let Some(mark) = self.marks.as_ref().and_then(Marks::to_send) {
            request.metadata_mut().insert(AT_LEAST_HEADER, mark);
        }
        Ok(request)
    }
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident -> $client:ident,)+) => {
        impl Connection {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> $client<Line> {
                $client::with_interceptor(self.channel.clone(), self.card.clone())
            })+
        }
    };
}

services! {
    /// Users.
    users -> UserServiceClient,
    /// API users.
    api_users -> ApiUserServiceClient,
    /// Groups.
    groups -> GroupServiceClient,
    /// Grants.
    grants -> GrantServiceClient,
    /// Signing in and out.
    sessions -> SessionServiceClient,
    /// Tokens.
    tokens -> TokenServiceClient,
    /// Decisions.
    authorization -> AuthorizationServiceClient,
    /// Changes, and who watches them.
    changes -> ChangeServiceClient,
    /// Keys.
    keys -> KeyServiceClient,
    /// Endpoints.
    endpoints -> EndpointServiceClient,
    /// APIs.
    apis -> ApiServiceClient,
    /// What was done at the identity service.
    identity_audit -> IdentityAuditClient,
    /// What was done at the token service.
    token_audit -> TokenAuditClient,
    /// What was done at the gateway.
    gateway_audit -> GatewayAuditClient,
}

impl Connection {
    /// A connection to `server`, made with the first call.
    ///
    /// # Errors
    /// If secrets would go to another machine unencrypted, or the certificates cannot be read.
    pub fn open(server: Server, place: &Place, marks: Marks) -> Result<Self, Failure> {
        if !server.is_secure() && !server.is_here() && !place.send_secrets_in_clear_text {
            return Err(Failure::Usage(format!(
                "{server} is another machine, and everybody on the way could read the token: use https://, or say --send-secrets-in-clear-text"
            )));
        }
        let endpoint = Endpoint::from_shared(server.to_string())
            .and_then(|endpoint| endpoint.user_agent(concat!("passgate/", env!("CARGO_PKG_VERSION"))))
            .map_err(|_| Failure::Usage(format!("{server} cannot be connected to: it is no address")))?
            .connect_timeout(CONNECT)
            .timeout(CALL);
        let endpoint = if server.is_secure() { secured(endpoint, place.ca_file.as_deref())? } else { endpoint };
        let card = Card { bearer: None, marks: None };
        Ok(Self { server, channel: endpoint.connect_lazy(), card, marks, credential: None })
    }

    /// The same connection with a credential. Its calls also carry the last change mark.
    ///
    /// # Errors
    /// If the token has characters that no token has.
    pub fn with(mut self, credential: Credential) -> Result<Self, Failure> {
        self.card =
            Card { bearer: Some(bearer(&credential.token, &credential.from)?), marks: Some(self.marks.clone()) };
        self.credential = Some(Arc::new(credential));
        Ok(self)
    }

    /// The token that calls carry. Only for asking the server about it.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.credential.as_ref().map(|credential| credential.token.expose())
    }

    /// The server.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// Waits for an answer, notes its change mark, and tells a refusal as a failure.
    ///
    /// # Errors
    /// What the server says, or that it does not answer.
    pub async fn call<T>(&self, answer: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Failure> {
        match answer.await {
            Ok(response) => {
                self.marks.note(response.metadata())?;
                Ok(response.into_inner())
            }
            Err(status) => Err(self.refused(&status)?),
        }
    }

    fn refused(&self, status: &Status) -> Result<Failure, Failure> {
        let mut failure = Failure::of(status, &self.server.to_string());
        if names_the_mark(status) {
            self.marks.forget()?;
        }
        if let Failure::Refused(refused) = &mut failure {
            if names_the_mark(status) {
                refused
                    .advice
                    .push("repeat: what this program remembered of another installation is forgotten".to_owned());
            }
            let about_rights = matches!(status.code(), tonic::Code::Unauthenticated | tonic::Code::PermissionDenied);
            if let (true, Some(credential)) = (about_rights, &self.credential) {
                refused.sent = Some(credential.from.clone());
            }
        }
        Ok(failure)
    }
}

/// Whether it is the change mark that is wrong: the server's installation was made anew.
fn names_the_mark(status: &Status) -> bool {
    if status.code() != tonic::Code::InvalidArgument {
        return false;
    }
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    // The edge refuses before anything is decoded, and so names no field.
    status.message().starts_with(AT_LEAST_HEADER) || fields.iter().any(|field| field.field == AT_LEAST_HEADER)
}

fn bearer(token: &SecretString, from: &str) -> Result<MetadataValue<Ascii>, Failure> {
    let value = SecretString::new(format!("Bearer {}", token.expose()));
    let wrong =
        |_| Failure::Usage(format!("{from} has characters that no token has: is it the right text, on one line?"));
    let mut value = MetadataValue::try_from(value.expose()).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(value)
}

fn secured(endpoint: Endpoint, roots: Option<&Path>) -> Result<Endpoint, Failure> {
    let tls = match roots {
        None => ClientTlsConfig::new().with_native_roots(),
        Some(file) => {
            let failed = |source| Failure::Local { what: format!("cannot read {}", file.display()), source };
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(std::fs::read(file).map_err(failed)?))
        }
    };
    let failed = |error: tonic::transport::Error| Failure::Usage(format!("the certificates cannot be used: {error}"));
    endpoint.tls_config(tls).map_err(failed)
}
