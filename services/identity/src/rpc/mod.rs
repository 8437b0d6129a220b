//! The services on the port: each reads its messages, opens one transaction, and answers with the change mark.

mod api_user;
mod audit;
mod convert;
mod directory;
mod grant;
mod group;
mod parse;
mod password;
mod principal;
mod session;
mod user;
mod user_fields;

use std::time::Duration;

use futures_util::future::BoxFuture;
use passgate_kit::audit::{Audit, Occurrence, Occurrences};
use passgate_kit::caller::Caller;
use passgate_kit::client::{Ambient, UserId};
use passgate_kit::mark::Marks;
use passgate_kit::page::PageTokens;
use passgate_kit::store::{Committed, Store};
use passgate_proto::identity::v1::api_user_service_server::ApiUserServiceServer;
use passgate_proto::identity::v1::audit_service_server::AuditServiceServer;
use passgate_proto::identity::v1::directory_service_server::DirectoryServiceServer;
use passgate_proto::identity::v1::grant_service_server::GrantServiceServer;
use passgate_proto::identity::v1::group_service_server::GroupServiceServer;
use passgate_proto::identity::v1::session_service_server::SessionServiceServer;
use passgate_proto::identity::v1::user_service_server::UserServiceServer;
use passgate_proto::r#type::v1::Confirmation;
use tonic::service::Routes;
use tonic::{Response, Status};

use self::audit::AuditRpc;

use crate::acting::{Acting, act};
use crate::creation::Creations;
use crate::directory::Directory;
use crate::error::IdentityError;
use crate::issuing::Issuing;
use crate::password::Hasher;
use crate::sign_in::SignIn;

/// What the services are made of.
#[derive(Clone, Debug)]
pub struct Rooms {
    /// The database.
    pub store: Store,
    /// The token service.
    pub issuing: Issuing,
    /// Checks passwords.
    pub hasher: Hasher,
    /// Signs people in.
    pub sign_in: SignIn,
    /// Makes API users.
    pub creations: Creations,
    /// Streams to the token service.
    pub directory: Directory,
    /// Writes change marks.
    pub marks: Marks,
    /// Seals page tokens.
    pub pages: PageTokens,
    /// Tells what was done here.
    pub audit: Audit,
    /// Notes what changed nothing.
    pub occurrences: Occurrences,
}

impl Rooms {
    /// All services.
    pub fn routes(self) -> Routes {
        Routes::default()
            .add_service(UserServiceServer::new(self.clone()))
            .add_service(ApiUserServiceServer::new(self.clone()))
            .add_service(GroupServiceServer::new(self.clone()))
            .add_service(GrantServiceServer::new(self.clone()))
            .add_service(SessionServiceServer::new(self.clone()))
            .add_service(AuditServiceServer::new(AuditRpc::new(self.audit.clone())))
            .add_service(DirectoryServiceServer::new(self))
    }

    fn ambient(&self) -> &Ambient {
        self.store.ambient()
    }

    async fn act<T, F>(&self, caller: &Caller, work: F) -> Result<Committed<T>, IdentityError>
    where
        F: for<'a, 't> FnOnce(&'a mut Acting<'t>) -> BoxFuture<'a, Result<T, IdentityError>> + Send + 'static,
        T: Send + 'static,
    {
        act(&self.store, caller, work).await
    }

    /// Notes that a password of `user` was shown.
    fn note_shown(&self, caller: &Caller, user: UserId, by: &'static str) {
        self.occurrences.note(Occurrence::secret_shown(user.resource_name(), by, caller.actor()));
    }

    /// The answer to a write, with its mark.
    fn answer<T, M>(&self, committed: Committed<T>, message: impl FnOnce(T) -> M) -> Result<Response<M>, Status> {
        let Committed { value, position } = committed;
        let done = Committed { value: (), position };
        Ok(self.marks.with_change(Response::new(message(value)), &done))
    }

    /// The answer to a write that takes something away: with its mark, and with who has acknowledged it if that is asked.
    async fn answer_confirmed<T, M>(
        &self,
        committed: Committed<T>,
        within: Option<Duration>,
        message: impl FnOnce(T, Option<Confirmation>) -> M,
    ) -> Result<Response<M>, Status> {
        let confirmation = match committed.position.zip(within) {
            Some((position, within)) => Some(self.issuing.confirmed(position, within).await),
            None => None,
        };
        self.answer(committed, |value| message(value, confirmation))
    }

    /// Passes if nothing that lives would stop working, or the caller said that it may.
    async fn may_delete(&self, principal: String, although: bool) -> Result<(), IdentityError> {
        if although {
            return Ok(());
        }
        match self.issuing.live_tokens(principal.clone()).await? {
            0 => Ok(()),
            live => Err(IdentityError::HasLiveTokens { principal, live }),
        }
    }
}
