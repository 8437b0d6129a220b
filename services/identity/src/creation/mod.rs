//! An API user with its token: both come into being, or neither.
//!
//! Identity coordinates, presumed abort, one commit point. A token whose owner does not exist is inert, so the token goes
//! first, provisionally; the transaction that adds the API user is the commit, and its line in the feed names the token.
//! Whoever asks later what became of a provisional token ([`Creations::resolve`]) is told by the row: PREPARING can only
//! become COMMITTED before `give_up_at` and ABORTED, so the answers ABORTED and "nobody knows" are final. Rows that nobody
//! can ask for any more are pruned; of a token older than that nobody says that it was given up.

#[cfg(test)]
mod tests;
mod token;

use passgate_kit::caller::Caller;
use passgate_kit::client::{ApiUserId, Position, Principal, TokenId};
use passgate_kit::request::{BodyDigest, RequestId};
use passgate_kit::store::{Committed, Store};
use passgate_proto::identity::v1::resolve_creation_response::Outcome;
use passgate_proto::token::v1::PrepareTokenResponse;
use time::{Duration, OffsetDateTime};

pub use token::InitialToken;

use crate::acting::{Acting, act};
use crate::error::IdentityError;
use crate::issuing::Issuing;
use crate::principal::api_user::{self, NewApiUser};
use crate::principal::{View, view};
use crate::store::{creation, creation_row, micros};

/// How long a creation may take.
pub const GIVE_UP_AFTER: Duration = Duration::seconds(30);
/// How long a repeat is known: as long as those of all other creates.
const REPEATS_KEPT: Duration = Duration::days(1);
/// How long it is known what became of a token. Longer than any token service is away.
const TOKENS_KEPT: Duration = Duration::days(30);

/// What is to be made.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The API user.
    pub api_user: NewApiUser,
    /// Its token.
    pub token: Option<InitialToken>,
    /// What the caller calls it.
    pub request_id: Option<RequestId>,
    /// The digest of the request.
    pub body: BodyDigest,
}

/// What was made.
#[derive(Debug)]
pub struct Created {
    /// The API user.
    pub api_user: View,
    /// Its token.
    pub token: Option<PrepareTokenResponse>,
    /// The commit, or the head where it lies behind.
    pub position: Option<Position>,
}

/// Makes API users.
#[derive(Clone, Debug)]
pub struct Creations {
    store: Store,
    issuing: Issuing,
}

/// Where a creation stands after its first step.
enum Begun {
    /// The token is to be prepared, then both are to be committed.
    Preparing(Box<creation_row::Model>),
    /// It was done before.
    Done(Box<(creation_row::Model, View)>),
}

impl Creations {
    /// Makes them in `store`, their tokens by `issuing`.
    pub fn new(store: Store, issuing: Issuing) -> Self {
        Self { store, issuing }
    }

    /// Makes an API user, and its token if one is wanted; or finds what the same request made before.
    pub async fn create(&self, caller: &Caller, wanted: Wanted) -> Result<Created, IdentityError> {
        let begun = self.begin(caller, &wanted).await?;
        let position = begun.position;
        match begun.value {
            Begun::Done(done) => {
                let (row, api_user) = *done;
                let token = match &wanted.token {
                    Some(token) => Some(self.issuing.prepare(token.prepare(&row, caller)?).await.map_err(token::told)?),
                    None => None,
                };
                Ok(Created { api_user, token, position })
            }
            Begun::Preparing(row) => {
                let made = self.prepare_and_commit(caller, &wanted, &row).await;
                if made.is_err() {
                    self.abort(caller, &row).await;
                }
                made
            }
        }
    }

    /// T1: the row, or what is there already. Without a token it is the commit too.
    async fn begin(&self, caller: &Caller, wanted: &Wanted) -> Result<Committed<Begun>, IdentityError> {
        let wanted = wanted.clone();
        act(&self.store, caller, move |acting| Box::pin(async move { begin(acting, wanted).await })).await
    }

    /// Steps 2 and 3.
    async fn prepare_and_commit(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        row: &creation_row::Model,
    ) -> Result<Created, IdentityError> {
        let token = match &wanted.token {
            Some(token) => Some(self.issuing.prepare(token.prepare(row, caller)?).await.map_err(token::told)?),
            None => None,
        };
        let (wanted, row) = (wanted.clone(), row.clone());
        let committed =
            act(&self.store, caller, move |acting| Box::pin(async move { commit(acting, &wanted, &row).await }))
                .await?;
        Ok(Created { api_user: committed.value, token, position: committed.position })
    }

    /// Presumes that nothing was made, which only a commit can gainsay, and frees the name. If that fails, the sweep does it.
    async fn abort(&self, caller: &Caller, row: &creation_row::Model) {
        let (id, api_user) = (row.id.clone(), row.api_user.clone());
        let aborted = act(&self.store, caller, move |acting| {
            Box::pin(async move { Ok(creation::abort(acting.principals.conn(), &id, &api_user).await?) })
        });
        if let Err(error) = aborted.await {
            tracing::warn!("a creation that failed is not marked so yet; the sweep will: {error}");
        }
    }

    /// What became of the creation of a provisional token.
    pub async fn resolve(&self, token_id: TokenId) -> Result<Outcome, IdentityError> {
        let resolved = self.store.write(move |tx| {
            Box::pin(async move {
                let now = micros(tx.ambient().now());
                creation::abort_late(tx.connection(), now).await?;
                let row = creation::by_token(tx.connection(), &token_id.to_string()).await?;
                Ok::<_, IdentityError>(match row.as_ref().map(|row| row.state.as_str()) {
                    Some(creation::PREPARING) => Outcome::Preparing,
                    Some(creation::COMMITTED) => Outcome::Committed,
                    None if is_forgotten(token_id, tx.ambient().now()) => Outcome::Preparing,
                    Some(_) | None => Outcome::Aborted,
                })
            })
        });
        Ok(resolved.await?.value)
    }

    /// Takes away what nobody can ask for any more; gives how many.
    pub async fn prune(&self) -> Result<u64, IdentityError> {
        let mut pruned = 0;
        loop {
            let batch = self.store.write(|tx| {
                Box::pin(async move {
                    let now = tx.ambient().now();
                    let (repeats, tokens) = (micros(now - REPEATS_KEPT), micros(now - TOKENS_KEPT));
                    Ok::<_, IdentityError>(creation::prune(tx.connection(), repeats, tokens).await?)
                })
            });
            match batch.await?.value {
                0 => return Ok(pruned),
                batch => pruned += batch,
            }
        }
    }

    /// Gives up what took too long; gives how many.
    pub async fn sweep(&self) -> Result<u64, IdentityError> {
        let swept = self.store.write(|tx| {
            Box::pin(async move {
                let now = micros(tx.ambient().now());
                Ok::<_, IdentityError>(creation::abort_late(tx.connection(), now).await?)
            })
        });
        Ok(swept.await?.value)
    }
}

/// Whether a token is so old (its id tells when that was chosen) that the row which would know of it may have been pruned.
/// Its provisional token is then kept: one that was given up is inert, and one that was committed must not be lost.
fn is_forgotten(token: TokenId, now: OffsetDateTime) -> bool {
    let chosen = token.as_uuid().get_timestamp().and_then(|time| i64::try_from(time.to_unix().0).ok());
    let chosen = chosen.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    chosen.is_some_and(|chosen| now - chosen >= TOKENS_KEPT)
}

async fn begin(acting: &mut Acting<'_>, wanted: Wanted) -> Result<Begun, IdentityError> {
    wanted.api_user.bundle.check(acting).await?;
    let caller = acting.who.to_string();
    let earlier = match &wanted.request_id {
        Some(id) => creation::by_request(acting.principals.conn(), &caller, id.as_str()).await?,
        None => None,
    };
    let now = acting.principals.now();
    if let Some(row) = &earlier {
        if row.body_digest != wanted.body.as_bytes() {
            return Err(IdentityError::RequestIdReused);
        }
        if let Some(found) = found(acting, row, now).await? {
            return Ok(found);
        }
    }
    api_user::refuse_taken(acting, &wanted.api_user.name).await?;
    let mut row = fresh(acting, &wanted, now);
    match earlier {
        Some(earlier) => {
            row.id = earlier.id;
            creation::save(acting.principals.conn(), &row).await?;
        }
        None => creation::insert(acting.principals.conn(), &row).await?,
    }
    match wanted.token {
        Some(_) => Ok(Begun::Preparing(Box::new(row))),
        None => {
            let view = commit(acting, &wanted, &row).await?;
            Ok(Begun::Done(Box::new((row, view))))
        }
    }
}

/// What an earlier request left: `None` if it left nothing.
async fn found(acting: &Acting<'_>, row: &creation_row::Model, now: i64) -> Result<Option<Begun>, IdentityError> {
    let live = row.state == creation::COMMITTED || (row.state == creation::PREPARING && row.give_up_us > now);
    if !live {
        return Ok(None);
    }
    let token = acting.caller.holder().map(|holder| holder.token_id.to_string());
    if row.caller_token != token {
        return Err(IdentityError::RequestIdOtherToken { resource: row.api_user.clone() });
    }
    if row.state == creation::PREPARING {
        return Ok(Some(Begun::Preparing(Box::new(row.clone()))));
    }
    let there = Principal::parse(&row.api_user).map_err(|_| IdentityError::NotFound(row.api_user.clone()))?;
    let api_user = acting.principals.principal(there).await?;
    Ok(Some(Begun::Done(Box::new((row.clone(), view(acting, api_user).await?)))))
}

fn fresh(acting: &Acting<'_>, wanted: &Wanted, now: i64) -> creation_row::Model {
    let ambient = acting.principals.tx().ambient();
    let id = ambient.uuid_v7().to_string();
    creation_row::Model {
        caller: acting.who.to_string(),
        request_id: wanted.request_id.as_ref().map_or_else(|| format!("/{id}"), |id| id.as_str().to_owned()),
        id,
        body_digest: wanted.body.as_bytes().to_vec(),
        caller_token: acting.caller.holder().map(|holder| holder.token_id.to_string()),
        api_user: ApiUserId::new(ambient.uuid_v7()).resource_name(),
        token_id: wanted.token.as_ref().map(|_| ambient.uuid_v7().to_string()),
        held_name: Some(wanted.api_user.name.folded().to_owned()),
        state: creation::PREPARING.to_owned(),
        give_up_us: micros(ambient.now() + GIVE_UP_AFTER).max(now),
    }
}

/// T2, the commit. Of two repeats at once the second finds it done.
async fn commit(acting: &mut Acting<'_>, wanted: &Wanted, row: &creation_row::Model) -> Result<View, IdentityError> {
    wanted.api_user.bundle.check(acting).await?;
    let now = acting.principals.now();
    if creation::commit(acting.principals.conn(), &row.id, &row.api_user, now).await? {
        let id =
            ApiUserId::parse_resource_name(&row.api_user).map_err(|_| IdentityError::NotFound(row.api_user.clone()))?;
        return api_user::add(acting, id, &wanted.api_user, row.token_id.clone()).await;
    }
    let there = creation::by_id(acting.principals.conn(), &row.id).await?;
    match there.filter(|there| there.state == creation::COMMITTED && there.api_user == row.api_user) {
        Some(_) => {
            let principal =
                Principal::parse(&row.api_user).map_err(|_| IdentityError::NotFound(row.api_user.clone()))?;
            let api_user = acting.principals.principal(principal).await?;
            view(acting, api_user).await
        }
        None => Err(IdentityError::GivenUp),
    }
}
