//! Named tokens in the database.

use std::collections::{BTreeSet, HashMap};

use passgate_kit::client::{Description, Jti, Kid, Name, Principal, Scopes, TokenId};
use passgate_kit::filter::Listing;
use passgate_kit::store::StoreError;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::columns::{
    damaged, from_column, from_micros, from_optional_micros, parse_labels, to_column, to_json, to_micros,
};
use super::entity::token::{Column, Entity, Model};
use super::entity::{principal, token_secret};
use crate::token::{Creation, Life, Secret, State, Token};

/// The token of this id, or the one that has a secret of this id.
pub async fn find_any(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Token>, StoreError> {
    if let Some(token) = find(db, TokenId::new(id)).await? {
        return Ok(Some(token));
    }
    match token_secret::Entity::find_by_id(id).one(db).await? {
        Some(secret) => find(db, TokenId::new(secret.token_id)).await,
        None => Ok(None),
    }
}

/// The token of this id.
pub async fn find(db: &impl ConnectionTrait, id: TokenId) -> Result<Option<Token>, StoreError> {
    let row = Entity::find_by_id(id.as_uuid()).one(db).await?;
    with_secrets(db, row.into_iter().collect()).await.map(|found| found.into_iter().next())
}

/// As [`find`], and nobody else changes it before this transaction ends.
pub async fn find_locked(db: &impl ConnectionTrait, id: TokenId) -> Result<Option<Token>, StoreError> {
    let row = Entity::find_by_id(id.as_uuid()).lock_exclusive().one(db).await?;
    with_secrets(db, row.into_iter().collect()).await.map(|found| found.into_iter().next())
}

/// The same tokens, knowing whether their owners were deleted.
pub async fn with_owners(db: &impl ConnectionTrait, mut tokens: Vec<Token>) -> Result<Vec<Token>, StoreError> {
    let owners: BTreeSet<String> = tokens.iter().map(|token| token.owner.to_string()).collect();
    let deleted: BTreeSet<String> = deleted_among(owners).into_tuple().all(db).await?.into_iter().collect();
    for token in &mut tokens {
        token.owner_deleted = deleted.contains(&token.owner.to_string());
    }
    Ok(tokens)
}

fn deleted_among(owners: BTreeSet<String>) -> Select<principal::Entity> {
    principal::Entity::find()
        .select_only()
        .column(principal::Column::Name)
        .filter(principal::Column::Name.is_in(owners))
        .filter(principal::Column::Deleted.eq(true))
}

/// Which tokens a list has.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Only those of this owner.
    pub owner: Option<Principal>,
    /// Only those in this state.
    pub state: Option<State>,
    /// What else they are narrowed to, and their order.
    pub listing: Listing,
    /// Only those after this one, which is named as [`Listing::cursor`] does it.
    pub after: Option<String>,
}

/// At most `limit` tokens, each with what names it for the next page. Provisional ones are not among them.
pub async fn list(
    db: &impl ConnectionTrait,
    listed: Listed,
    limit: u64,
    now: OffsetDateTime,
) -> Result<Vec<(Token, String)>, StoreError> {
    let mut wanted = Condition::all().add(Column::Provisional.eq(false));
    wanted = wanted.add_option(listed.owner.map(|owner| Column::Owner.eq(owner.to_string())));
    wanted = wanted.add_option(listed.state.map(|state| in_state(state, to_micros(now))));
    let found = Entity::find().filter(wanted);
    let backend = db.get_database_backend();
    let found = listed.listing.select(found, backend, to_micros(now), listed.after.as_deref());
    let rows = found.limit(limit).all(db).await?;
    let cursors: Vec<String> = rows.iter().map(|row| listed.listing.cursor(row)).collect();
    let tokens = with_owners(db, with_secrets(db, rows).await?).await?;
    Ok(tokens.into_iter().zip(cursors).collect())
}

/// When a token is in a state, at `now` in microseconds since 1970. Never null.
pub fn in_state(state: State, now: i64) -> Condition {
    let in_time = Condition::any().add(Column::ExpireTime.is_null()).add(Column::ExpireTime.gt(now));
    let not_revoked = Condition::all().add(Column::RevokeTime.is_null());
    let deleted = || {
        let deleted = principal::Entity::find()
            .select_only()
            .column(principal::Column::Name)
            .filter(principal::Column::Deleted.eq(true));
        deleted.into_query()
    };
    let unhindered = |in_time| not_revoked.clone().add(in_time).add(Column::DisableTime.is_null());
    match state {
        State::Revoked => Condition::all().add(Column::RevokeTime.is_not_null()),
        State::Expired => not_revoked.add(Column::ExpireTime.is_not_null()).add(Column::ExpireTime.lte(now)),
        State::Disabled => not_revoked.add(in_time).add(Column::DisableTime.is_not_null()),
        State::Active => unhindered(in_time).add(Column::Owner.not_in_subquery(deleted())),
        State::OwnerDeleted => unhindered(in_time).add(Column::Owner.in_subquery(deleted())),
    }
}

fn live(now: OffsetDateTime) -> Condition {
    let in_time = Condition::any().add(Column::ExpireTime.is_null()).add(Column::ExpireTime.gt(to_micros(now)));
    Condition::all().add(Column::RevokeTime.is_null()).add(in_time).add(Column::Provisional.eq(false))
}

/// How many live tokens an owner has.
pub async fn count_live(db: &impl ConnectionTrait, owner: Principal, now: OffsetDateTime) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::Owner.eq(owner.to_string())).filter(live(now)).count(db).await?)
}

/// How many live tokens were made with this one.
pub async fn count_live_made_with(
    db: &impl ConnectionTrait,
    id: TokenId,
    now: OffsetDateTime,
) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::CreatedWith.eq(id.as_uuid())).filter(live(now)).count(db).await?)
}

/// All tokens of an owner that are not revoked yet, for revoking them: nobody else changes them meanwhile.
pub async fn unrevoked_locked(db: &impl ConnectionTrait, owner: Principal) -> Result<Vec<Token>, StoreError> {
    let rows = Entity::find()
        .filter(Column::Owner.eq(owner.to_string()))
        .filter(Column::RevokeTime.is_null())
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(db)
        .await?;
    with_secrets(db, rows).await
}

/// The live tokens of each of these owners.
pub async fn live_of(
    db: &impl ConnectionTrait,
    owners: &[Principal],
    now: OffsetDateTime,
) -> Result<Vec<Token>, StoreError> {
    let owners = owners.iter().map(Principal::to_string);
    let rows =
        Entity::find().filter(Column::Owner.is_in(owners)).filter(live(now)).order_by_desc(Column::Id).all(db).await?;
    with_secrets(db, rows).await
}

/// Provisional tokens that were made before `before`, at most `limit`.
pub async fn provisional(
    db: &impl ConnectionTrait,
    before: OffsetDateTime,
    limit: u64,
) -> Result<Vec<TokenId>, StoreError> {
    let rows = Entity::find()
        .filter(Column::Provisional.eq(true))
        .filter(Column::CreateTime.lt(to_micros(before)))
        .order_by_asc(Column::CreateTime)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| TokenId::new(row.id)).collect())
}

/// Frees the names of an owner's tokens whose time is over.
pub async fn release_expired_names(
    db: &impl ConnectionTrait,
    owner: Principal,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::HeldName, Expr::value(Option::<String>::None))
        .filter(Column::Owner.eq(owner.to_string()))
        .filter(Column::HeldName.is_not_null())
        .filter(Column::ExpireTime.lte(to_micros(now)))
        .exec(db)
        .await?;
    Ok(())
}

/// Adds a token. A unique violation if a live one of its owner has the name.
pub async fn insert(db: &impl ConnectionTrait, token: &Token) -> Result<(), StoreError> {
    Entity::insert(Model::from(token).into_active_model()).exec_without_returning(db).await?;
    let secrets = token.secrets.iter().map(|secret| secret_row(token.id, secret).into_active_model());
    token_secret::Entity::insert_many(secrets).exec_without_returning(db).await?;
    Ok(())
}

/// Puts a token in the place of the one with its id. Its secrets stay as they are.
pub async fn replace(db: &impl ConnectionTrait, token: &Token) -> Result<(), StoreError> {
    Model::from(token).into_active_model().reset_all().update(db).await?;
    Ok(())
}

/// Removes a token without a trace but the feed's.
pub async fn delete(db: &impl ConnectionTrait, id: TokenId) -> Result<(), StoreError> {
    token_secret::Entity::delete_many().filter(token_secret::Column::TokenId.eq(id.as_uuid())).exec(db).await?;
    Entity::delete_by_id(id.as_uuid()).exec(db).await?;
    Ok(())
}

async fn with_secrets(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Token>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let secrets = token_secret::Entity::find()
        .filter(token_secret::Column::TokenId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(token_secret::Column::CreateTime)
        .order_by_asc(token_secret::Column::Jti)
        .all(db)
        .await?;
    let mut by_token: HashMap<Uuid, Vec<Secret>> = HashMap::new();
    for secret in secrets {
        by_token.entry(secret.token_id).or_default().push(Secret::try_from(secret)?);
    }
    rows.into_iter().map(|row| parse(by_token.remove(&row.id).unwrap_or_default(), row)).collect()
}

fn secret_row(token_id: TokenId, secret: &Secret) -> token_secret::Model {
    token_secret::Model {
        jti: secret.jti.as_uuid(),
        token_id: token_id.as_uuid(),
        kid: secret.kid.to_string(),
        create_time: to_micros(secret.create_time),
    }
}

impl TryFrom<token_secret::Model> for Secret {
    type Error = StoreError;

    fn try_from(row: token_secret::Model) -> Result<Self, StoreError> {
        let at = format!("the secret {}", row.jti);
        Ok(Self {
            jti: Jti::new(row.jti),
            kid: Kid::parse(&row.kid).ok_or_else(|| damaged(&at, "its kid"))?,
            create_time: from_micros(&at, row.create_time)?,
        })
    }
}

impl From<&Token> for Model {
    fn from(token: &Token) -> Self {
        let (disable_time, revoked) = match &token.life {
            Life::Provisional | Life::Active => (None, None),
            Life::Disabled { at } => (Some(*at), None),
            Life::Revoked { at, by, reason } => (None, Some((*at, by.clone(), reason.to_string()))),
        };
        let (revoke_time, revoked_by, revoke_reason) =
            revoked.map_or((None, String::new(), String::new()), |(at, by, reason)| (Some(at), by, reason));
        Self {
            id: token.id.as_uuid(),
            owner: token.owner.to_string(),
            name: token.name.to_string(),
            held_name: revoke_time.is_none().then(|| token.name.folded().to_owned()),
            description: token.description.to_string(),
            labels: to_json(&token.labels),
            scopes: token.scopes.to_claim(),
            provisional: token.is_provisional(),
            creation: token.creation.map(|creation| creation.id),
            creation_digest: token.creation.map(|creation| creation.digest.to_vec()),
            create_time: to_micros(token.create_time),
            expire_time: token.expire_time.map(to_micros),
            created_by: token.created_by.to_string(),
            created_with: token.created_with.map(TokenId::as_uuid),
            update_time: to_micros(token.update_time),
            disable_time: disable_time.map(to_micros),
            revoke_time: revoke_time.map(to_micros),
            revoked_by,
            revoke_reason,
            revision: to_column(token.revision),
        }
    }
}

fn parse(secrets: Vec<Secret>, row: Model) -> Result<Token, StoreError> {
    let id = TokenId::new(row.id);
    let at = id.resource_name();
    Ok(Token {
        id,
        owner: Principal::parse(&row.owner).map_err(|rule| damaged(&at, rule))?,
        name: Name::parse(&row.name).map_err(|rule| damaged(&at, rule))?,
        description: Description::parse(&row.description).map_err(|rule| damaged(&at, rule))?,
        labels: parse_labels(&at, &row.labels)?,
        scopes: Scopes::from_claim(row.scopes.as_deref()).map_err(|rule| damaged(&at, rule))?,
        creation: creation(&at, row.creation, row.creation_digest.as_deref())?,
        create_time: from_micros(&at, row.create_time)?,
        expire_time: from_optional_micros(&at, row.expire_time)?,
        created_by: Principal::parse(&row.created_by).map_err(|rule| damaged(&at, rule))?,
        created_with: row.created_with.map(TokenId::new),
        update_time: from_micros(&at, row.update_time)?,
        life: life(&at, &row)?,
        secrets,
        revision: from_column(row.revision),
        owner_deleted: false,
    })
}

fn creation(at: &str, id: Option<Uuid>, digest: Option<&[u8]>) -> Result<Option<Creation>, StoreError> {
    match (id, digest) {
        (None, None) => Ok(None),
        (Some(id), Some(digest)) => {
            let digest = digest.try_into().map_err(|rule| damaged(at, rule))?;
            Ok(Some(Creation { id, digest }))
        }
        (Some(_), None) | (None, Some(_)) => Err(damaged(at, "half a creation")),
    }
}

fn life(at: &str, row: &Model) -> Result<Life, StoreError> {
    if let Some(time) = row.revoke_time {
        let reason = Description::parse(&row.revoke_reason).map_err(|rule| damaged(at, rule))?;
        return Ok(Life::Revoked { at: from_micros(at, time)?, by: row.revoked_by.clone(), reason });
    }
    Ok(match row.disable_time {
        Some(time) => Life::Disabled { at: from_micros(at, time)? },
        None if row.provisional => Life::Provisional,
        None => Life::Active,
    })
}
