//! A filter's terms as a condition.

use passgate_client::Labels;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Func};
use sea_orm::{Condition, DbBackend};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::grammar::{Operator, SyntaxError, Term, Value, terms};
use super::schema::{Choice, Field, Kind, Schema};
use super::{MAX_FILTER_BYTES, MAX_TERMS};

/// Beyond every character that a text can go on with.
const LAST: char = char::MAX;

/// What a list is narrowed to: all of its terms hold.
#[derive(Clone, Debug, Default)]
pub struct Filter(Vec<Test>);

#[derive(Clone, Debug)]
struct Test {
    column: &'static str,
    is: Is,
}

/// A term whose value was read.
#[derive(Clone, Debug)]
enum Is {
    Text { text: String, is_prefix: bool, not: bool },
    Word { choice: Choice, not: bool },
    Time { operator: Operator, micros: i64 },
    Labelled { key: String, value: String, not: bool },
    HasLabel { key: String },
}

/// Why a filter is none, in words that fit a field violation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Longer than allowed.
    #[error("must have at most {MAX_FILTER_BYTES} bytes")]
    TooLong,
    /// More terms than allowed.
    #[error("must have at most {MAX_TERMS} terms")]
    TooManyTerms,
    /// It cannot be read.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// There is no such field.
    #[error("has no field {name}: there are {fields}")]
    UnknownField {
        /// What was named, cut to what is worth showing.
        name: String,
        /// What could be.
        fields: String,
    },
    /// The field cannot be compared so.
    #[error("{field} does not take {operator}: it takes {operators}")]
    Operator {
        /// The field.
        field: &'static str,
        /// What was written.
        operator: Operator,
        /// What could be.
        operators: &'static str,
    },
    /// The field is never this.
    #[error("{field} {rule}")]
    Value {
        /// The field.
        field: &'static str,
        /// The rule that the value breaks.
        rule: String,
    },
}

impl Filter {
    /// Reads a filter as a caller writes it. An empty one lets everything through.
    ///
    /// # Errors
    /// The first rule that `text` breaks, with what is allowed there.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, FilterError> {
        if text.len() > MAX_FILTER_BYTES {
            return Err(FilterError::TooLong);
        }
        let terms = terms(text)?;
        if terms.len() > MAX_TERMS {
            return Err(FilterError::TooManyTerms);
        }
        terms.into_iter().map(|term| test(term, schema)).collect::<Result<_, _>>().map(Self)
    }

    /// The condition, for rows as they are at `now_us`, in microseconds since 1970.
    #[must_use]
    pub fn condition(&self, backend: DbBackend, now_us: i64) -> Condition {
        self.0.iter().fold(Condition::all(), |all, test| all.add(test.condition(backend, now_us)))
    }
}

fn test(term: Term<'_>, schema: &Schema) -> Result<Test, FilterError> {
    let field = schema.field(term.field).filter(|field| term.key.is_none() || matches!(field.kind, Kind::Labels));
    let field = field.ok_or_else(|| FilterError::UnknownField {
        name: term
            .field
            .chars()
            .chain(term.key.map(|_| '.'))
            .chain(term.key.unwrap_or_default().chars())
            .take(64)
            .collect(),
        fields: schema.filterable(),
    })?;
    let is = match field.kind {
        Kind::Text { canonical, by_prefix } => text(field, canonical, by_prefix, term)?,
        Kind::Choice(choices) => word(field, choices, &term)?,
        Kind::Time => time(field, &term)?,
        Kind::Labels => label(field, term)?,
    };
    Ok(Test { column: field.column, is })
}

fn text(
    field: &Field,
    canonical: fn(&str) -> Result<String, String>,
    by_prefix: bool,
    term: Term<'_>,
) -> Result<Is, FilterError> {
    let not = equality(field, term.operator, "= or !=")?;
    let Value { text, is_prefix } = term.value;
    if is_prefix && !by_prefix {
        return Err(wrong(field, "cannot be given by its beginning: write it whole, without a star"));
    }
    let text = if is_prefix && text.is_empty() { Ok(text) } else { canonical(&text) };
    Ok(Is::Text { text: text.map_err(|rule| wrong(field, &rule))?, is_prefix, not })
}

fn word(field: &Field, choices: &'static [Choice], term: &Term<'_>) -> Result<Is, FilterError> {
    let not = equality(field, term.operator, "= or !=")?;
    let choice = choices.iter().find(|choice| choice.word == term.value.text && !term.value.is_prefix);
    let words = || choices.iter().map(|choice| choice.word).collect::<Vec<_>>().join(", ");
    let choice = *choice.ok_or_else(|| wrong(field, &format!("must be one of {}", words())))?;
    Ok(Is::Word { choice, not })
}

fn time(field: &Field, term: &Term<'_>) -> Result<Is, FilterError> {
    if term.operator == Operator::Has {
        return Err(not_so(field, term.operator, "=, !=, <, <=, > or >="));
    }
    let text = term.value.text.as_str();
    let day = || Date::parse(text, format_description!("[year]-[month]-[day]")).map(|day| day.midnight().assume_utc());
    let time = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| day()).ok().filter(|_| !term.value.is_prefix);
    let micros = time.and_then(|time| i64::try_from(time.unix_timestamp_nanos() / 1000).ok());
    let rule = "must be a time such as 2026-01-31T08:00:00Z, or a day such as 2026-01-31, which is its midnight in UTC";
    Ok(Is::Time { operator: term.operator, micros: micros.ok_or_else(|| wrong(field, rule))? })
}

fn label(field: &Field, term: Term<'_>) -> Result<Is, FilterError> {
    let form = "needs a key: write labels.team = \"sales\", or labels.team:* for all that have the label";
    let key = term.key.ok_or_else(|| wrong(field, form))?.to_owned();
    Labels::parse([(&key, &String::new())]).map_err(|rule| wrong(field, &rule.to_string()))?;
    let any = term.value.is_prefix && term.value.text.is_empty();
    match term.operator {
        Operator::Has if any => Ok(Is::HasLabel { key }),
        Operator::Has => Err(wrong(field, form)),
        operator => {
            let not = equality(field, operator, "= or !=, or :* for all that have the label")?;
            if term.value.is_prefix {
                return Err(wrong(field, "cannot be given by its beginning: write it whole, without a star"));
            }
            Ok(Is::Labelled { key, value: term.value.text, not })
        }
    }
}

/// Whether it is `!=`.
fn equality(field: &Field, operator: Operator, operators: &'static str) -> Result<bool, FilterError> {
    match operator {
        Operator::Equal => Ok(false),
        Operator::NotEqual => Ok(true),
        Operator::Less | Operator::AtMost | Operator::Greater | Operator::AtLeast | Operator::Has => {
            Err(not_so(field, operator, operators))
        }
    }
}

fn not_so(field: &Field, operator: Operator, operators: &'static str) -> FilterError {
    FilterError::Operator { field: field.name, operator, operators }
}

fn wrong(field: &Field, rule: &str) -> FilterError {
    FilterError::Value { field: field.name, rule: rule.to_owned() }
}

impl Test {
    fn condition(&self, backend: DbBackend, now_us: i64) -> Condition {
        let column = || Expr::col(Alias::new(self.column));
        match &self.is {
            Is::Text { text, is_prefix: false, not: false } => Condition::all().add(column().eq(text.as_str())),
            Is::Text { text, is_prefix: false, not: true } => Condition::all().add(column().ne(text.as_str())),
            Is::Text { text, is_prefix: true, not } => {
                let begins =
                    Condition::all().add(column().gte(text.as_str())).add(column().lt(format!("{text}{LAST}")));
                negated(begins, *not)
            }
            Is::Word { choice, not } => negated((choice.is)(now_us), *not),
            Is::Time { operator, micros } => Condition::all().add(match operator {
                Operator::Equal | Operator::Has => column().eq(*micros),
                Operator::NotEqual => column().ne(*micros),
                Operator::Less => column().lt(*micros),
                Operator::AtMost => column().lte(*micros),
                Operator::Greater => column().gt(*micros),
                Operator::AtLeast => column().gte(*micros),
            }),
            Is::HasLabel { key } => Condition::all().add(self.label(backend, key).is_not_null()),
            Is::Labelled { key, value, not: false } => {
                Condition::all().add(self.label(backend, key).eq(value.as_str()))
            }
            Is::Labelled { key, value, not: true } => Condition::any()
                .add(self.label(backend, key).is_null())
                .add(self.label(backend, key).ne(value.as_str())),
        }
    }

    /// The value of a label, or null. A key has only letters, digits and dashes, and is a parameter all the same.
    fn label(&self, backend: DbBackend, key: &str) -> Expr {
        let column = Expr::col(Alias::new(self.column));
        match backend {
            DbBackend::Postgres => {
                let json = column.cast_as(Alias::new("jsonb"));
                Func::cust(Alias::new("jsonb_extract_path_text")).arg(json).arg(key).into()
            }
            _ => Func::cust(Alias::new("json_extract")).arg(column).arg(format!("$.\"{key}\"")).into(),
        }
    }
}

fn negated(condition: Condition, not: bool) -> Condition {
    if not { condition.not() } else { condition }
}
