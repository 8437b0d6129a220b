//! Who holds a stream open, and whether he still may.
//!
//! A stream that a service opened ends with the credential that it came with; all streams of one credential are watched
//! together. A stream that a token opened ends when the token stops being good for it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use passgate_kit::access::Refusal;
use passgate_kit::caller::{Caller, CallerError, ServicePeer, Who, action};
use passgate_kit::client::{Action, Credential, Holder, Resource};
use passgate_kit::credentials::Accepted;
use passgate_kit::feed::Touch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::end::End;
use super::log::Entry;
use crate::decision::Decider;

/// Whose streams are open. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Guests {
    accepted: Arc<Accepted>,
    decider: Decider,
    tasks: TaskTracker,
    services: Arc<Mutex<HashMap<[u8; 32], Weak<Admitted>>>>,
}

/// A service credential with streams.
#[derive(Debug)]
struct Admitted {
    removed: CancellationToken,
    /// Ends the watch with the last stream.
    _watched: DropGuard,
}

/// Who opened a stream.
#[derive(Clone, Debug)]
pub enum Guest {
    /// A service, known by its credential.
    Service(ServiceGuest),
    /// Whoever holds a token.
    Holder(Box<HolderGuest>),
}

/// A service that opened a stream.
#[derive(Clone, Debug)]
pub struct ServiceGuest {
    instance: String,
    admitted: Arc<Admitted>,
}

/// A principal that opened a stream.
#[derive(Clone, Debug)]
pub struct HolderGuest {
    holder: Holder,
    credential: Arc<Credential>,
    resource: Resource,
    action: Action,
}

impl Guests {
    /// Services as `accepted` has them, tokens as `decider` judges them. `tasks` owns what watches.
    #[must_use]
    pub fn new(accepted: Arc<Accepted>, decider: Decider, tasks: TaskTracker) -> Self {
        Self { accepted, decider, tasks, services: Arc::default() }
    }

    /// The caller as the one who opens a stream.
    ///
    /// # Errors
    /// If it is nobody.
    pub fn admit(&self, caller: &Caller) -> Result<Guest, End> {
        match (&caller.who, &caller.credential) {
            (Who::Service(peer), _) => Ok(Guest::Service(self.service(peer))),
            (Who::Token(holder), Some(credential)) => {
                let resource = Resource::parse_grpc_path(caller.rule.path).map_err(|_| Refusal::TokenInvalid)?;
                Ok(Guest::Holder(Box::new(HolderGuest {
                    holder: (**holder).clone(),
                    credential: Arc::clone(credential),
                    resource,
                    action: action(caller.rule),
                })))
            }
            (Who::Token(_), None) | (Who::Anonymous, _) => Err(Refusal::TokenMissing.into()),
        }
    }

    fn service(&self, peer: &ServicePeer) -> ServiceGuest {
        let mut services = self.services.lock();
        services.retain(|_, admitted| admitted.strong_count() > 0);
        let known = services.get(&peer.sha256).and_then(Weak::upgrade);
        let admitted = known.unwrap_or_else(|| {
            let admitted = Arc::new(self.watch(peer.clone()));
            services.insert(peer.sha256, Arc::downgrade(&admitted));
            admitted
        });
        ServiceGuest { instance: peer.instance.clone(), admitted }
    }

    fn watch(&self, peer: ServicePeer) -> Admitted {
        let (removed, unwatched) = (CancellationToken::new(), CancellationToken::new());
        let (told, accepted) = (removed.clone(), Arc::clone(&self.accepted));
        let watched = unwatched.clone().drop_guard();
        self.tasks.spawn(async move {
            tokio::select! {
                () = unwatched.cancelled() => {}
                () = accepted.until_removed(&peer) => told.cancel(),
            }
        });
        Admitted { removed, _watched: watched }
    }

    /// Whether a token that opened a stream is still good for it. That it cannot be known now changes nothing: no lease is
    /// given meanwhile.
    ///
    /// # Errors
    /// If it is not.
    pub async fn judge(&self, guest: &HolderGuest) -> Result<(), End> {
        let decided = self.decider.decide(&guest.credential, &guest.resource, guest.action, None).await;
        match decided.map(|decision| decision.verdict) {
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(denied)) => {
                let (resource, principal) = (guest.resource.to_string(), guest.holder.principal);
                let token_id = guest.holder.token_id;
                Err(Refusal::Denied { denied, resource, principal, token_id }.into())
            }
        }
    }
}

impl Guest {
    /// Whose credential it is: `services/{instance}`, `users/{id}` or `api-users/{id}`.
    #[must_use]
    pub fn principal(&self) -> String {
        match self {
            Self::Service(guest) => format!("services/{}", guest.instance),
            Self::Holder(guest) => guest.holder.principal.to_string(),
        }
    }

    /// Whether it is one of this installation's services, whose word about the feed is believed.
    #[must_use]
    pub const fn is_service(&self) -> bool {
        matches!(self, Self::Service(_))
    }

    /// The token's holder, who is judged again now and then.
    #[must_use]
    pub fn holder(&self) -> Option<&HolderGuest> {
        match self {
            Self::Service(_) => None,
            Self::Holder(guest) => Some(guest),
        }
    }

    /// Ends once the service's credential is removed. Cancel safe.
    pub async fn removed(&self) {
        match self {
            Self::Service(guest) => guest.admitted.removed.cancelled().await,
            Self::Holder(_) => std::future::pending().await,
        }
    }
}

impl HolderGuest {
    /// Whether a change may have to do with it.
    #[must_use]
    pub fn is_touched_by(&self, entry: &Entry) -> bool {
        entry.touches.iter().any(|touch| match touch {
            Touch::Token(id) => *id == self.holder.token_id,
            Touch::Jti(jti) => *jti == self.holder.jti,
            Touch::Principal(principal) => *principal == self.holder.principal,
            Touch::Key(_) | Touch::Group(_) | Touch::Resource(_) | Touch::Everything => true,
        })
    }
}

impl From<CallerError> for End {
    fn from(error: CallerError) -> Self {
        crate::error::TokenError::from(error).into()
    }
}
