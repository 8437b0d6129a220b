//! What is a filter, what is none, and what is said about it.

use proptest::prelude::*;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{Condition, DbBackend};

use super::*;

const SCHEMA: Schema = Schema {
    fields: &[
        Field {
            name: "name",
            column: "name_key",
            kind: Kind::Text {
                canonical: |text| {
                    if text.contains('\n') { Err("must be one line".to_owned()) } else { Ok(text.to_lowercase()) }
                },
                by_prefix: true,
            },
            ordered: true,
        },
        Field {
            name: "owner",
            column: "owner",
            kind: Kind::Text { canonical: |text| Ok(text.to_owned()), by_prefix: false },
            ordered: false,
        },
        Field {
            name: "state",
            column: "",
            kind: Kind::Choice(&[
                Choice { word: "ENABLED", is: |_| Condition::all().add(Expr::col(Alias::new("disabled")).eq(false)) },
                Choice { word: "EXPIRED", is: |now| Condition::all().add(Expr::col(Alias::new("expire_us")).lte(now)) },
            ]),
            ordered: false,
        },
        Field { name: "labels", column: "labels", kind: Kind::Labels, ordered: false },
        Field { name: "create_time", column: "create_us", kind: Kind::Time, ordered: true },
    ],
    id: "id",
    order: "create_time desc",
};

/// The condition as SQLite gets it, and what is bound in it.
fn sql(filter: &str) -> (String, Vec<String>) {
    let filter = Filter::parse(filter, &SCHEMA).unwrap_or_else(|error| panic!("{filter}: {error}"));
    let mut select = Query::select();
    select.expr(Expr::val(1)).from(Alias::new("t")).cond_where(filter.condition(DbBackend::Sqlite, 7));
    let (sql, values) = select.build(sea_orm::sea_query::SqliteQueryBuilder);
    let values = values.into_iter().skip(1).map(shown).collect();
    (sql.split_once(" WHERE ").map(|(_, condition)| condition.to_owned()).unwrap_or_default(), values)
}

fn shown(value: sea_orm::Value) -> String {
    match value {
        sea_orm::Value::String(Some(text)) => format!("'{text}'"),
        other => other.to_string(),
    }
}

fn error(filter: &str) -> String {
    Filter::parse(filter, &SCHEMA).expect_err(filter).to_string()
}

#[test]
fn each_kind_of_term_is_a_condition_with_parameters_only() {
    for (filter, condition, values) in [
        ("", "TRUE", vec![]),
        ("  ", "TRUE", vec![]),
        ("name = Sales", r#""name_key" = ?"#, vec!["'sales'"]),
        (r#"name!="a \"b\" \\ \*""#, r#""name_key" <> ?"#, vec![r#"'a "b" \ *'"#]),
        ("name = sales*", r#""name_key" >= ? AND "name_key" < ?"#, vec!["'sales'", "'sales\u{10ffff}'"]),
        ("state = EXPIRED", r#""expire_us" <= ?"#, vec!["7"]),
        ("state != ENABLED", r#"NOT "disabled" = ?"#, vec!["FALSE"]),
        ("create_time >= 1970-01-01T00:00:01Z", r#""create_us" >= ?"#, vec!["1000000"]),
        ("create_time < 1970-01-02", r#""create_us" < ?"#, vec!["86400000000"]),
        ("labels.team:*", r#"json_extract("labels", ?) IS NOT NULL"#, vec![r#"'$."team"'"#]),
        ("labels.team = \"%'--\"", r#"json_extract("labels", ?) = ?"#, vec![r#"'$."team"'"#, "'%'--'"]),
        ("name = a AND owner = users/b", r#""name_key" = ? AND "owner" = ?"#, vec!["'a'", "'users/b'"]),
    ] {
        let (sql, bound) = sql(filter);
        let plain: String = sql.chars().filter(|c| !matches!(c, '(' | ')')).collect();
        let wanted: String = condition.chars().filter(|c| !matches!(c, '(' | ')')).collect();
        assert_eq!(
            (plain.as_str(), bound),
            (wanted.as_str(), values.iter().map(ToString::to_string).collect()),
            "{filter}"
        );
    }
}

#[test]
fn what_is_no_filter_is_told_where_and_what_could_stand_there() {
    for (filter, told) in [
        ("name", "at character 5: expected =, !="),
        ("name =", "at character 7: expected a word, or a text"),
        ("name = \"a", "at character 10: expected the closing quote"),
        ("name = a OR name = b", "at character 10: expected AND, or the end"),
        ("name = a AND", "at character 13: expected a field"),
        ("(name = a)", "at character 1: expected"),
        ("NOT name = a", "at character 1: expected"),
        ("name = a\0", "at character 9: expected AND, or the end"),
        ("labels. = a", "at character 8: expected a key"),
        ("password = a", "has no field password: there are name, owner, state, labels.KEY, create_time"),
        ("name.x = a", "has no field name.x"),
        ("name < a", "name does not take <: it takes = or !="),
        ("name = \"a\nb\"", "name must be one line"),
        ("owner = users/*", "owner cannot be given by its beginning"),
        ("state = enabled", "state must be one of ENABLED, EXPIRED"),
        ("state > ENABLED", "state does not take >"),
        ("create_time = yesterday", "create_time must be a time such as"),
        ("create_time:2026-01-31", "create_time does not take :"),
        ("create_time > 20260131T000000Z", "create_time must be a time such as"),
        ("labels = a", "labels needs a key"),
        ("labels.team:a", "labels needs a key"),
        ("labels.TEAM = a", "at character 8: expected a key"),
        ("labels.-x = a", "labels keys must be"),
        ("labels.team < a", "labels does not take <"),
        ("labels.team = a*", "labels cannot be given by its beginning"),
    ] {
        let error = error(filter);
        assert!(error.contains(told), "{filter}: {error}");
    }
}

#[test]
fn length_and_number_of_terms_are_bounded() {
    let terms = |count: usize| vec!["name = a"; count].join(" AND ");
    assert!(Filter::parse(&terms(MAX_TERMS), &SCHEMA).is_ok());
    assert_eq!(error(&terms(MAX_TERMS + 1)), "must have at most 16 terms");
    assert_eq!(error(&"(".repeat(MAX_FILTER_BYTES + 1)), "must have at most 2048 bytes");
}

#[test]
fn an_order_is_one_field_that_the_list_has_an_index_for() {
    for right in ["", " ", "name", "name asc", "create_time desc", " name  desc "] {
        assert!(Order::parse(right, &SCHEMA).is_ok(), "{right:?}");
    }
    for wrong in ["state", "labels", "name, create_time", "name up", "name desc desc", "desc", "NAME", "name;--"] {
        let error = Order::parse(wrong, &SCHEMA).expect_err(wrong);
        assert_eq!(error.to_string(), "must be one of name, create_time, alone or followed by desc");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        let _ = Filter::parse(&text, &SCHEMA);
        let _ = Order::parse(&text, &SCHEMA);
    }

    #[test]
    fn what_is_nearly_a_filter_does_not_either(text in "(name|state|labels\\.team|create_time)? ?(=|!=|<|:)? ?[\"a*\\\\ ]{0,6}( AND )?") {
        let _ = Filter::parse(&text.repeat(3), &SCHEMA);
    }

    #[test]
    fn any_text_can_be_written_in_quotes(text in "[^\n]{0,40}") {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"").replace('*', "\\*");
        let (_, bound) = sql(&format!("owner = \"{quoted}\""));
        prop_assert_eq!(bound, vec![format!("'{text}'")]);
    }
}
