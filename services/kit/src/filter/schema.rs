//! What a list can be filtered and ordered by.

use sea_orm::Condition;

/// A list: its fields, and how it is ordered if nobody asks.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// What can be named.
    pub fields: &'static [Field],
    /// The column of the id: unique, so that it tells rows apart that are equal in the order's own column.
    pub id: &'static str,
    /// The order if none is asked for, as a caller would write it: `create_time desc`.
    pub order: &'static str,
}

impl Schema {
    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The fields, as they are written in a filter.
    #[must_use]
    pub fn filterable(&self) -> String {
        let written = |field: &Field| match field.kind {
            Kind::Labels => format!("{}.KEY", field.name),
            Kind::Text { .. } | Kind::Choice(_) | Kind::Time => field.name.to_owned(),
        };
        self.fields.iter().map(written).collect::<Vec<_>>().join(", ")
    }

    /// The fields that the list can be ordered by.
    #[must_use]
    pub fn orderable(&self) -> String {
        self.fields.iter().filter(|field| field.ordered).map(|field| field.name).collect::<Vec<_>>().join(", ")
    }
}

/// One field of a list.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// As the contract calls it: `create_time`.
    pub name: &'static str,
    /// The column that holds it.
    pub column: &'static str,
    /// What it can be compared with.
    pub kind: Kind,
    /// Whether the list can be ordered by it. The column is then never null in the list, and an index has it and the id.
    pub ordered: bool,
}

/// What a field can be compared with.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text, compared in its canonical form.
    Text {
        /// The form that the column holds of what a caller writes, or the rule that it breaks.
        canonical: fn(&str) -> Result<String, String>,
        /// Whether the beginning alone can be given: `sales*`. The column is then ordered by bytes.
        by_prefix: bool,
    },
    /// One of these words. The column is not looked at.
    Choice(&'static [Choice]),
    /// A time; the column holds microseconds since 1970. Null is no time, and neither before nor after any.
    Time,
    /// Labels; the column holds a JSON object of texts.
    Labels,
}

/// A word that a field can be compared with.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The word.
    pub word: &'static str,
    /// When the field is this word, at a time in microseconds since 1970. Never null.
    pub is: fn(i64) -> Condition,
}
