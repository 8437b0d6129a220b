//! What a filter looks like.
//!
//! ```text
//! filter   = [ term { "AND" term } ]
//! term     = field [ "." key ] operator value
//! operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":"
//! value    = word [ "*" ] | '"' text [ "*" ] '"' | "*"      (in a text, \" \\ and \* stand for themselves)
//! ```

use std::fmt;

use winnow::ascii::{multispace0, multispace1};
use winnow::combinator::{alt, cut_err, delimited, opt, preceded, repeat};
use winnow::error::{StrContext, StrContextValue};
use winnow::prelude::*;
use winnow::token::{none_of, one_of, take_while};

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `:`
    Has,
}

impl fmt::Display for Operator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Has => ":",
        })
    }
}

/// A term as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term<'t> {
    pub field: &'t str,
    pub key: Option<&'t str>,
    pub operator: Operator,
    pub value: Value,
}

/// A value as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub text: String,
    /// Whether a star follows: all that begin with the text.
    pub is_prefix: bool,
}

/// Where a text stops being a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot be read at character {at}: expected {expected}; write terms like state = DISABLED or labels.team = \"sales\", joined by AND"
)]
pub struct SyntaxError {
    /// The place, counted in characters from 1.
    pub at: usize,
    /// What could stand there.
    pub expected: &'static str,
}

/// Reads the terms of a filter; none if there is nothing but space.
pub(super) fn terms(text: &str) -> Result<Vec<Term<'_>>, SyntaxError> {
    delimited(multispace0, opt(joined), multispace0).parse(text).map(Option::unwrap_or_default).map_err(|error| {
        let before = text.char_indices().take_while(|(at, _)| *at < error.offset()).count();
        let expected = error.inner().context().find_map(|context| match context {
            StrContext::Expected(StrContextValue::Description(what)) => Some(*what),
            _ => None, // a type of the library's
        });
        SyntaxError { at: before + 1, expected: expected.unwrap_or("AND, or the end") }
    })
}

fn joined<'t>(input: &mut &'t str) -> ModalResult<Vec<Term<'t>>> {
    let first = term.parse_next(input)?;
    let more = preceded((multispace1, "AND"), cut_err(preceded(multispace0, term)));
    repeat(0.., more)
        .fold(
            move || vec![first.clone()],
            |mut terms: Vec<Term<'t>>, term| {
                terms.push(term);
                terms
            },
        )
        .parse_next(input)
}

fn term<'t>(input: &mut &'t str) -> ModalResult<Term<'t>> {
    let field = name.context(expected("a field")).parse_next(input)?;
    let key = opt(preceded('.', cut_err(name).context(expected("a key")))).parse_next(input)?;
    let operator = delimited(multispace0, cut_err(operator).context(expected("=, !=, <, <=, >, >= or :")), multispace0)
        .parse_next(input)?;
    let value = cut_err(value).context(expected("a word, or a text in double quotes")).parse_next(input)?;
    Ok(Term { field, key, operator, value })
}

fn expected(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

fn name<'t>(input: &mut &'t str) -> ModalResult<&'t str> {
    take_while(1.., ('a'..='z', '0'..='9', '_', '-')).parse_next(input)
}

fn operator(input: &mut &str) -> ModalResult<Operator> {
    alt((
        "!=".value(Operator::NotEqual),
        "<=".value(Operator::AtMost),
        ">=".value(Operator::AtLeast),
        "=".value(Operator::Equal),
        "<".value(Operator::Less),
        ">".value(Operator::Greater),
        ":".value(Operator::Has),
    ))
    .parse_next(input)
}

fn value(input: &mut &str) -> ModalResult<Value> {
    alt((quoted, bare, '*'.value(Value { text: String::new(), is_prefix: true }))).parse_next(input)
}

fn quoted(input: &mut &str) -> ModalResult<Value> {
    let escaped = preceded('\\', one_of(['"', '\\', '*']));
    let text = repeat(0.., alt((none_of(['"', '\\', '*']), escaped))).fold(String::new, |mut text: String, next| {
        text.push(next);
        text
    });
    let value = (text, opt('*')).map(|(text, star)| Value { text, is_prefix: star.is_some() });
    delimited('"', cut_err(value), cut_err('"').context(expected("the closing quote"))).parse_next(input)
}

fn bare(input: &mut &str) -> ModalResult<Value> {
    let word =
        take_while(1.., |next: char| next.is_alphanumeric() || matches!(next, '.' | '_' | '-' | '+' | '@' | '/' | ':'));
    (word, opt('*'))
        .map(|(text, star): (&str, _)| Value { text: text.to_owned(), is_prefix: star.is_some() })
        .parse_next(input)
}
