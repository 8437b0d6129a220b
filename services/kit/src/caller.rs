//! Who calls, and how far the call may reach: what the access layer found out before the message was decoded.
//!
//! A handler learns of its target only through [`Caller::target`]: under [`Reach::OwnOnly`] somebody else's thing gets the
//! same answer as one that does not exist.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use passgate_client::claims::TokenKind;
use passgate_client::decision::Holder;
use passgate_client::{Action, Credential, Principal, Reason, Resource, Scopes, TokenId, Vector};
use passgate_proto::access::{self, Role, Rule};
use time::OffsetDateTime;
use tonic::{Code, Request, Status};

use crate::feed::Actor;
use crate::problem::{Problem, to_status};

/// How long after signing in a session may do what needs a fresh sign-in.
pub const FRESH_SIGN_IN: Duration = Duration::from_secs(600);

/// Another service of this installation, known by its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePeer {
    /// The instance, as the file of accepted credentials names it.
    pub instance: String,
    /// What it may do.
    pub role: Role,
    /// Which line of that file it came with: the SHA-256 of its secret; for a line without one, of the
    /// name in the certificate.
    pub sha256: [u8; 32],
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum Who {
    /// Nobody said: a public method.
    Anonymous,
    /// Another service of this installation.
    Service(ServicePeer),
    /// Whoever holds a genuine, live token.
    Token(Box<Holder>),
}

/// How far a call may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everything: grant and scope cover the method, or it is public, or a service calls.
    All,
    /// The caller's own things.
    OwnOnly,
    /// The very token that the call is made with, and nothing else.
    ItselfOnly,
}

/// One call's caller. The access layer puts it into the request's extensions.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who calls.
    pub who: Who,
    /// How far.
    pub reach: Reach,
    /// The token that came along, for asking the token service again within this call.
    pub credential: Option<Arc<Credential>>,
    /// The network address of who calls, without port: the socket's, or what the gateway says.
    pub peer: String,
    /// What the call must not be decided without (`passgate-at-least`).
    pub at_least: Option<Vector>,
    /// The same, as it was sent.
    pub at_least_text: Option<String>,
    /// The method's rule.
    pub rule: &'static Rule,
}

impl Caller {
    /// The caller of a request.
    ///
    /// # Errors
    /// `INTERNAL` if no access layer stands in front: nothing is ever done for nobody.
    pub fn of<T>(request: &Request<T>) -> Result<&Self, Status> {
        request.extensions().get::<Self>().ok_or_else(|| to_status(&CallerError::NoAccessLayer))
    }

    /// Whose token it is, if a token was judged.
    #[must_use]
    pub fn holder(&self) -> Option<&Holder> {
        match &self.who {
            Who::Token(holder) => Some(holder),
            Who::Anonymous | Who::Service(_) => None,
        }
    }

    /// The service that calls, if one does on its own account.
    #[must_use]
    pub fn service(&self) -> Option<&ServicePeer> {
        match &self.who {
            Who::Service(peer) => Some(peer),
            Who::Anonymous | Who::Token(_) => None,
        }
    }

    /// The principal that calls.
    ///
    /// # Errors
    /// If no principal does, but a service.
    pub fn principal(&self) -> Result<Principal, CallerError> {
        self.holder().map(|holder| holder.principal).ok_or(CallerError::NoPrincipal)
    }

    /// The scopes of the token that calls. A service is bound by none.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        self.holder().map_or(Scopes::Unrestricted, |holder| holder.scopes.clone())
    }

    /// Passes if the call may reach a thing of `owner`; else `not_found`, the answer for an unknown id.
    ///
    /// # Errors
    /// `not_found`.
    pub fn target<E>(&self, owner: Principal, not_found: impl FnOnce() -> E) -> Result<(), E> {
        let own = self.holder().is_some_and(|holder| holder.principal == owner);
        match self.reach {
            Reach::All => Ok(()),
            Reach::OwnOnly if own => Ok(()),
            Reach::OwnOnly | Reach::ItselfOnly => Err(not_found()),
        }
    }

    /// Passes if the call may reach the token `id` of `owner`; else `not_found`.
    ///
    /// # Errors
    /// `not_found`.
    pub fn target_token<E>(&self, owner: Principal, id: TokenId, not_found: impl FnOnce() -> E) -> Result<(), E> {
        if self.is_itself(id) { Ok(()) } else { self.target(owner, not_found) }
    }

    /// True if the token `id` is the one that the call is made with.
    #[must_use]
    pub fn is_itself(&self, id: TokenId) -> bool {
        self.holder().is_some_and(|holder| holder.token_id == id)
    }

    /// A leaked token breeds nothing: where the call reaches only one's own things, an act on credentials needs a session, or
    /// a scope that names the method literally or by an `apis/passgate.…` prefix. No scopes and `*` do not count.
    ///
    /// # Errors
    /// If it is neither.
    pub fn may_act_on_credentials(&self) -> Result<(), CallerError> {
        let Some(holder) = self.holder().filter(|_| self.reach != Reach::All) else {
            return Ok(());
        };
        let named = Resource::parse_grpc_path(self.rule.path).is_ok_and(|resource| {
            holder.scopes.patterns().is_some_and(|scopes| {
                scopes.iter().any(|scope| {
                    scope.to_string().starts_with("apis/passgate.") && scope.covers(&resource, action(self.rule))
                })
            })
        });
        if holder.kind == TokenKind::Session || named {
            Ok(())
        } else {
            Err(CallerError::NotScopedForCredentials { method: self.rule.path })
        }
    }

    /// Passes if the caller signed in at most [`FRESH_SIGN_IN`] ago.
    ///
    /// # Errors
    /// If it is longer ago, or the token is no session.
    pub fn signed_in_just_now(&self, now: OffsetDateTime) -> Result<(), CallerError> {
        let signed_in = self.holder().and_then(|holder| holder.auth_time);
        if signed_in.is_some_and(|at| now - at <= FRESH_SIGN_IN) { Ok(()) } else { Err(CallerError::SignInAgain) }
    }

    /// Who is written down as having done what this call does.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let principal = match &self.who {
            Who::Token(holder) => holder.principal.to_string(),
            Who::Service(peer) => format!("services/{}", peer.instance),
            Who::Anonymous => "anonymous".to_owned(),
        };
        let token_id = self.holder().map(|holder| holder.token_id);
        Actor { principal, token_id, peer: Some(self.peer.clone()), via: "api".to_owned() }
    }
}

/// The action of a method, in the words of grants and scopes.
#[must_use]
pub const fn action(rule: &Rule) -> Action {
    match rule.action {
        access::Action::Read => Action::Read,
        access::Action::Write => Action::Write,
    }
}

/// Why a handler turns a caller away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    /// A service was started without its access layer.
    #[error("the service is wired wrongly: no access layer stands in front of it")]
    NoAccessLayer,
    /// A service calls what needs a principal.
    #[error("this needs the token of a principal, not a service credential")]
    NoPrincipal,
    /// See [`Caller::may_act_on_credentials`].
    #[error("this acts on credentials: sign in, or use a token with a scope that names apis{method}")]
    NotScopedForCredentials {
        /// The method's path.
        method: &'static str,
    },
    /// See [`Caller::signed_in_just_now`].
    #[error("this needs a session that signed in within the last 10 minutes: sign in again, then repeat it")]
    SignInAgain,
}

impl Problem for CallerError {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::NoAccessLayer => (Code::Internal, Reason::Internal),
            Self::NoPrincipal => (Code::PermissionDenied, Reason::NoGrant),
            Self::NotScopedForCredentials { .. } => (Code::PermissionDenied, Reason::LeastPrivilege),
            Self::SignInAgain => (Code::FailedPrecondition, Reason::SignInAgain),
        }
    }

    fn facts(&self) -> HashMap<String, String> {
        match self {
            Self::NotScopedForCredentials { method } => {
                HashMap::from([("resource".to_owned(), format!("apis{method}"))])
            }
            Self::NoAccessLayer | Self::NoPrincipal | Self::SignInAgain => HashMap::new(),
        }
    }
}

impl From<CallerError> for Status {
    fn from(error: CallerError) -> Self {
        to_status(&error)
    }
}
