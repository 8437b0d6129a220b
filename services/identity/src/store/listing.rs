//! What the lists can be filtered and ordered by. Each order has an index of its own.

use passgate_kit::client::Name;
use passgate_kit::filter::{Choice, Field, Kind, Schema};
use sea_orm::{ColumnTrait as _, Condition};

use super::entity::principal;

/// ListUsers.
pub const USERS: Schema = Schema {
    fields: &[
        STATE,
        Field { name: "email", column: "unique_key", kind: NAME, ordered: true },
        Field { name: "display_name", column: "name_key", kind: NAME, ordered: true },
        LABELS,
        CREATE_TIME,
    ],
    id: "principal",
    order: NEWEST_FIRST,
};

/// ListApiUsers.
pub const API_USERS: Schema = Schema {
    fields: &[STATE, Field { name: "name", column: "unique_key", kind: NAME, ordered: true }, LABELS, CREATE_TIME],
    id: "principal",
    order: NEWEST_FIRST,
};

/// ListGroups.
pub const GROUPS: Schema = Schema {
    fields: &[Field { name: "name", column: "unique_key", kind: NAME, ordered: true }, LABELS, CREATE_TIME],
    id: "group_name",
    order: NEWEST_FIRST,
};

const NEWEST_FIRST: &str = "create_time desc";

const STATE: Field = Field {
    name: "state",
    column: "disabled",
    kind: Kind::Choice(&[
        Choice { word: "ENABLED", is: |_| Condition::all().add(principal::Column::Disabled.eq(false)) },
        Choice { word: "DISABLED", is: |_| Condition::all().add(principal::Column::Disabled.eq(true)) },
    ]),
    ordered: false,
};
const LABELS: Field = Field { name: "labels", column: "labels", kind: Kind::Labels, ordered: false };
const CREATE_TIME: Field = Field { name: "create_time", column: "create_us", kind: Kind::Time, ordered: true };
/// Names and e-mail addresses are compared as they fold; what is no name is a long address, or the beginning of one.
const NAME: Kind = Kind::Text {
    canonical: |text| Ok(Name::parse(text).map_or_else(|_| text.to_lowercase(), |name| name.folded().to_owned())),
    by_prefix: true,
};
