//! Signing keys in the database.

use passgate_kit::client::{KeyState, PublicKey};
use passgate_kit::store::StoreError;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, QueryOrder};
use time::OffsetDateTime;

use super::columns::{damaged, from_micros, to_micros};
use super::entity::signing_key::{Column, Entity, Model};

/// A key as it is stored.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// Its public half, id and state.
    pub public: PublicKey,
    /// Its private half, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub create_time: OffsetDateTime,
}

/// All keys, newest first.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<StoredKey>, StoreError> {
    let rows = Entity::find().order_by_desc(Column::CreateTime).order_by_asc(Column::Kid).all(db).await?;
    rows.into_iter().map(StoredKey::try_from).collect()
}

/// Adds a key.
pub async fn insert(db: &impl ConnectionTrait, key: &StoredKey) -> Result<(), StoreError> {
    let row = Model {
        kid: key.public.kid().to_string(),
        public_key: key.public.bytes().to_vec(),
        sealed: key.sealed.clone(),
        state: state_text(key.public.state()).to_owned(),
        create_time: to_micros(key.create_time),
    };
    Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

const fn state_text(state: KeyState) -> &'static str {
    match state {
        KeyState::Published => "published",
        KeyState::Signing => "signing",
        KeyState::Retired => "retired",
        KeyState::Revoked => "revoked",
    }
}

fn parse_state(text: &str) -> Option<KeyState> {
    [KeyState::Published, KeyState::Signing, KeyState::Retired, KeyState::Revoked]
        .into_iter()
        .find(|state| state_text(*state) == text)
}

impl TryFrom<Model> for StoredKey {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let at = format!("the key {}", row.kid);
        let state = parse_state(&row.state).ok_or_else(|| damaged(&at, "its state is unknown"))?;
        let bytes = row.public_key.as_slice().try_into().map_err(|rule| damaged(&at, rule))?;
        let public = PublicKey::new(bytes, state).map_err(|rule| damaged(&at, rule))?;
        if public.kid().as_str() != row.kid {
            return Err(damaged(at, "its id is not that of its public half"));
        }
        Ok(Self { public, sealed: row.sealed, create_time: from_micros(at, row.create_time)? })
    }
}
