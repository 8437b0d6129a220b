//! What lists can be filtered and ordered by. Each order has an index of its own.

use passgate_kit::client::Principal;
use passgate_kit::filter::{Choice, Field, Kind, Schema};
use sea_orm::{ColumnTrait as _, Condition};

use super::entity::token::Column;
use super::token::in_state;
use crate::token::State;

/// ListTokens.
pub const TOKENS: Schema = Schema {
    fields: &[
        Field { name: "state", column: "revoke_time", kind: STATE, ordered: false },
        Field { name: "owner", column: "owner", kind: OWNER, ordered: false },
        Field { name: "owner_kind", column: "owner", kind: OWNER_KIND, ordered: false },
        Field { name: "name", column: "name", kind: NAME, ordered: false },
        Field { name: "labels", column: "labels", kind: Kind::Labels, ordered: false },
        Field { name: "create_time", column: "create_time", kind: Kind::Time, ordered: true },
        Field { name: "expire_time", column: "expire_time", kind: Kind::Time, ordered: false },
    ],
    id: "id",
    order: "create_time desc",
};

const STATE: Kind = Kind::Choice(&[
    Choice { word: "ACTIVE", is: |now| in_state(State::Active, now) },
    Choice { word: "DISABLED", is: |now| in_state(State::Disabled, now) },
    Choice { word: "EXPIRED", is: |now| in_state(State::Expired, now) },
    Choice { word: "REVOKED", is: |now| in_state(State::Revoked, now) },
    Choice { word: "OWNER_DELETED", is: |now| in_state(State::OwnerDeleted, now) },
]);
const OWNER: Kind = Kind::Text {
    canonical: |text| Principal::parse(text).map(|owner| owner.to_string()).map_err(|rule| rule.to_string()),
    by_prefix: false,
};
const OWNER_KIND: Kind = Kind::Choice(&[
    Choice { word: "USER", is: |_| Condition::all().add(Column::Owner.starts_with("users/")) },
    Choice { word: "API_USER", is: |_| Condition::all().add(Column::Owner.starts_with("api-users/")) },
]);
const NAME: Kind = Kind::Text { canonical: |text| Ok(text.to_owned()), by_prefix: false };
