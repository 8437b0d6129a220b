//! Creations: the one commit point of an API user and its token.

use passgate_kit::store::StoreError;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, ExprTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _, sea_query::Expr,
};

use super::entity::creation;

/// Most rows that one transaction takes away.
const BATCH: u64 = 500;

/// Under way.
pub const PREPARING: &str = "PREPARING";
/// Both came into being.
pub const COMMITTED: &str = "COMMITTED";
/// Neither did.
pub const ABORTED: &str = "ABORTED";

/// The creation that a caller named.
pub async fn by_request(
    conn: &impl ConnectionTrait,
    caller: &str,
    request_id: &str,
) -> Result<Option<creation::Model>, StoreError> {
    let found = creation::Entity::find()
        .filter(creation::Column::Caller.eq(caller))
        .filter(creation::Column::RequestId.eq(request_id));
    Ok(found.one(conn).await?)
}

/// The creation that a provisional token belongs to.
pub async fn by_token(conn: &impl ConnectionTrait, token_id: &str) -> Result<Option<creation::Model>, StoreError> {
    Ok(creation::Entity::find().filter(creation::Column::TokenId.eq(token_id)).one(conn).await?)
}

/// Whether a creation under way holds this name. It lets go of names whose time is over.
pub async fn holds_name(conn: &impl ConnectionTrait, folded: &str, now: i64) -> Result<bool, StoreError> {
    abort_late(conn, now).await?;
    Ok(creation::Entity::find().filter(creation::Column::HeldName.eq(folded)).one(conn).await?.is_some())
}

/// Adds a row.
pub async fn insert(conn: &impl ConnectionTrait, row: &creation::Model) -> Result<(), StoreError> {
    creation::Entity::insert(row.clone().into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Writes a row as it is now.
pub async fn save(conn: &impl ConnectionTrait, row: &creation::Model) -> Result<(), StoreError> {
    row.clone().into_active_model().reset_all().update(conn).await?;
    Ok(())
}

/// The creation with this id.
pub async fn by_id(conn: &impl ConnectionTrait, id: &str) -> Result<Option<creation::Model>, StoreError> {
    Ok(creation::Entity::find_by_id(id).one(conn).await?)
}

/// PREPARING → COMMITTED, if it is still in time and still makes this API user. False if not: a repeat may have begun
/// anew, with other ids.
pub async fn commit(conn: &impl ConnectionTrait, id: &str, api_user: &str, now: i64) -> Result<bool, StoreError> {
    let updated = creation::Entity::update_many()
        .col_expr(creation::Column::State, Expr::value(COMMITTED))
        .col_expr(creation::Column::HeldName, Expr::value(Option::<String>::None))
        .filter(creation::Column::Id.eq(id))
        .filter(creation::Column::ApiUser.eq(api_user))
        .filter(creation::Column::State.eq(PREPARING))
        .filter(creation::Column::GiveUpUs.gt(now));
    Ok(updated.exec(conn).await?.rows_affected > 0)
}

/// PREPARING → ABORTED. The name is free.
pub async fn abort(conn: &impl ConnectionTrait, id: &str, api_user: &str) -> Result<(), StoreError> {
    abort_where(conn, creation::Column::Id.eq(id).and(creation::Column::ApiUser.eq(api_user))).await.map(drop)
}

/// PREPARING → ABORTED for all whose time is over; gives how many.
pub async fn abort_late(conn: &impl ConnectionTrait, now: i64) -> Result<u64, StoreError> {
    abort_where(conn, creation::Column::GiveUpUs.lte(now)).await
}

/// Takes away, a batch at a time, rows that are done: those without a live token if their time was over before `repeats`, all
/// if it was before `tokens`. Gives how many.
pub async fn prune(conn: &impl ConnectionTrait, repeats: i64, tokens: i64) -> Result<u64, StoreError> {
    let without_token = creation::Column::State.eq(ABORTED).or(creation::Column::TokenId.is_null());
    let old = without_token.and(creation::Column::GiveUpUs.lt(repeats)).or(creation::Column::GiveUpUs.lt(tokens));
    let done = creation::Entity::find().filter(creation::Column::State.is_in([COMMITTED, ABORTED])).filter(old);
    let ids: Vec<String> = done.limit(BATCH).all(conn).await?.into_iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let gone = creation::Entity::delete_many().filter(creation::Column::Id.is_in(ids)).exec(conn).await?;
    Ok(gone.rows_affected)
}

async fn abort_where(conn: &impl ConnectionTrait, which: Expr) -> Result<u64, StoreError> {
    let updated = creation::Entity::update_many()
        .col_expr(creation::Column::State, Expr::value(ABORTED))
        .col_expr(creation::Column::HeldName, Expr::value(Option::<String>::None))
        .filter(which)
        .filter(creation::Column::State.eq(PREPARING));
    Ok(updated.exec(conn).await?.rows_affected)
}
