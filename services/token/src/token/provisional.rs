//! Tokens whose owner is about to be: what becomes of them.
//!
//! A creation commits in the identity service alone. Here follows, by its feed or by asking: the token becomes good, or it
//! vanishes. Both are conditional, so it does not matter who does it, or how often.

use passgate_kit::client::TokenId;
use passgate_kit::feed::Actor;
use passgate_kit::store::{StoreError, Tx};

use super::lines;
use super::model::Life;
use crate::store::{signing_input, token};

/// Its creation committed: it is as any other token from now on. False if there is no such provisional token.
///
/// # Errors
/// If the database does not answer.
pub async fn commit(tx: &mut Tx, id: TokenId, actor: &Actor) -> Result<bool, StoreError> {
    let found = token::find_locked(tx.connection(), id).await?;
    let Some(before) = found.filter(|token| token.is_provisional()) else { return Ok(false) };
    let mut after = before.clone();
    after.life = Life::Active;
    after.touch(tx.ambient().now());
    token::replace(tx.connection(), &after).await?;
    tx.append(lines::changed("token.created", &before, &after), actor);
    Ok(true)
}

/// Its creation came to nothing: it vanishes. False if there is no such provisional token.
///
/// # Errors
/// If the database does not answer.
pub async fn abort(tx: &mut Tx, id: TokenId, actor: &Actor) -> Result<bool, StoreError> {
    let found = token::find_locked(tx.connection(), id).await?;
    let Some(before) = found.filter(|token| token.is_provisional()) else { return Ok(false) };
    signing_input::erase(tx.connection(), &[id]).await?;
    token::delete(tx.connection(), id).await?;
    tx.append(lines::dropped(&before), actor);
    Ok(true)
}
