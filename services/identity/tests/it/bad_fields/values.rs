//! Values that are none.

use std::collections::BTreeMap;

use prost_types::{Duration, FieldMask};

use super::Wrong;

/// One value.
pub fn one<R>(field: &'static str, put: impl Fn(&mut R) + Send + Sync + 'static) -> Wrong<R> {
    Wrong { field, put: Box::new(put) }
}

/// Each of these values.
fn each<R: 'static, V: Clone + Send + Sync + 'static>(
    field: &'static str,
    values: Vec<V>,
    put: fn(&mut R, V),
) -> Vec<Wrong<R>> {
    values.into_iter().map(|value| one(field, move |request| put(request, value.clone()))).collect()
}

/// Each of these texts.
pub fn texts<R: 'static>(field: &'static str, values: &[&str], put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    each(field, values.iter().map(ToString::to_string).collect(), put)
}

const HIDDEN: &[&str] =
    &["a\u{200b}b", "a\u{200d}b", "a\u{202e}b", "a\u{2066}b", "a\u{feff}b", "a\u{ad}b", "a\u{7}b", "a\0b", "a\u{85}b"];

/// Names, also of what may have none.
pub fn names<R: 'static>(field: &'static str, put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    let long = "x".repeat(101);
    let edges = [" a", "a ", "\ta", "a\u{a0}b", "a\u{3000}b", "a\nb", long.as_str()];
    texts(field, &[HIDDEN, &edges].concat(), put)
}

/// Names of what needs one.
pub fn required_names<R: 'static>(field: &'static str, put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    let mut wrong = names(field, put);
    wrong.extend(texts(field, &[""], put));
    wrong
}

/// Descriptions.
pub fn descriptions<R: 'static>(field: &'static str, put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    let long = "x".repeat(1001);
    texts(field, &[HIDDEN, &["a\rb", long.as_str()]].concat(), put)
}

/// Labels.
pub fn labels<R: 'static>(field: &'static str, put: fn(&mut R, BTreeMap<String, String>)) -> Vec<Wrong<R>> {
    let one = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let mut wrong: Vec<_> =
        ["", "UPPER", "1st", "-a", "a-", "a_b", "a.b", "ä", &"k".repeat(64)].map(|key| one(key, "")).into();
    wrong.extend([&"v".repeat(101), "a\u{200b}", "a\u{7}"].map(|value| one("key", value)));
    wrong.push((0..65).map(|number| (format!("key-{number}"), String::new())).collect());
    each(field, wrong, put)
}

/// Plain ids.
pub fn ids<R: 'static>(field: &'static str, put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    let wrong = [
        "",
        "x",
        "users/01890a5d-ac96-774b-bcce-b302099a8057",
        "01890a5dac96774bbcceb302099a8057",
        "01890A5D-AC96-774B-BCCE-B302099A8057",
        "{01890a5d-ac96-774b-bcce-b302099a8057}",
        " 01890a5d-ac96-774b-bcce-b302099a8057",
        "01890a5d-ac96-774b-bcce-b302099a805",
        "administrators",
    ];
    texts(field, &wrong, put)
}

/// `users/{id}` and `api-users/{id}`.
pub fn principals<R: 'static>(field: &'static str, put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    let wrong = [
        "",
        "bob",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "groups/01890a5d-ac96-774b-bcce-b302099a8057",
        "users/",
        "users/x",
        "Users/01890a5d-ac96-774b-bcce-b302099a8057",
        "users/01890a5d-ac96-774b-bcce-b302099a8057/",
    ];
    texts(field, &wrong, put)
}

/// Who can hold grants.
pub fn holders<R: 'static>(field: &'static str, put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    texts(field, &["bob", "groups/", "groups/administrators", "users/x", "endpoints/a", "*"], put)
}

/// Addresses.
pub fn emails<R: 'static>(field: &'static str, put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    let long = format!("{}@example.org", "a".repeat(255));
    let wrong = [
        "",
        "a",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "a@b.",
        "a@.b",
        "a@b..c",
        "a\u{200b}@b",
        "a\u{202e}@b",
        "a＠b@c",
        "api-users/x@y",
        long.as_str(),
    ];
    texts(field, &wrong, put)
}

/// Passwords that may not be set.
pub fn new_passwords<R: 'static>(field: &'static str, put: fn(&mut R, Option<String>)) -> Vec<Wrong<R>> {
    let wrong =
        ["", "fourteen chars", "a password\0with nul", "passwordpassword", "aaaaaaaaaaaaaaaaaaaa", &"é".repeat(600)];
    each(field, wrong.iter().map(|text| Some((*text).to_owned())).collect(), put)
}

/// One wrong pattern, where the refusal names its place: put it at the front.
pub fn patterns<R: 'static>(at: &'static str, list: &'static str, put: fn(&mut R, Vec<String>)) -> Vec<Wrong<R>> {
    let long = format!("endpoints/{}", "a".repeat(512));
    let wrong = [
        "",
        "**",
        "endpoints/sales*x",
        "endpoints/*/x",
        "APIS/shop.v1.Orders/*",
        " endpoints/a",
        "endpoints/a ",
        "endpoints/a%2a",
        "endpoints/\u{430}",
        "endpoints/a:delete",
        "endpoints/a:",
        "Endpoints/a",
        "endpoints/A",
        "users/a",
        long.as_str(),
    ];
    let right = || "endpoints/right".to_owned();
    let mut all = each(at, wrong.iter().map(|text| vec![(*text).to_owned(), right()]).collect(), put);
    all.push(one(list, move |request| put(request, (0..201).map(|number| format!("endpoints/e{number}")).collect())));
    all
}

/// Groups to be in.
pub fn groups<R: 'static>(put: fn(&mut R, Vec<String>)) -> Vec<Wrong<R>> {
    let wrong = [
        "",
        "administrators",
        "00000000-0000-7000-8000-000000000001",
        "groups/x",
        "users/01890a5d-ac96-774b-bcce-b302099a8057",
    ];
    let mut all = each("groups[0]", wrong.iter().map(|text| vec![(*text).to_owned()]).collect(), put);
    let many = (0..101).map(|_| "groups/01890a5d-ac96-774b-bcce-b302099a8057".to_owned()).collect::<Vec<_>>();
    all.push(one("groups", move |request| put(request, many.clone())));
    all
}

/// Request ids.
pub fn request_ids<R: 'static>(put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    texts("request_id", &["a b", "ü", "a\n", "a\0", &"x".repeat(65)], put)
}

/// Update masks.
pub fn masks<R: 'static>(put: fn(&mut R, Option<FieldMask>)) -> Vec<Wrong<R>> {
    let mask = |paths: &[&str]| Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() });
    let mut wrong: Vec<_> =
        ["", "id", "state", "etag", "create_time", "created_by", "owner", "groups", "labels.team", "Labels"]
            .iter()
            .map(|path| mask(&["labels", path]))
            .collect();
    wrong.extend([None, mask(&[]), mask(&["*", "labels"]), mask(&["**"])]);
    each("update_mask", wrong, put)
}

/// Page sizes.
pub fn page_sizes<R: 'static>(put: fn(&mut R, i32)) -> Vec<Wrong<R>> {
    each("page_size", vec![-1, i32::MIN], put)
}

/// Page tokens that nobody was given.
pub fn page_tokens<R: 'static>(put: fn(&mut R, String)) -> Vec<Wrong<R>> {
    texts("page_token", &["x", "AAAA", "=", &"A".repeat(120), &"A".repeat(5000)], put)
}

/// Filters and orders.
pub fn listings<R: 'static>(filter: fn(&mut R, String), order: fn(&mut R, String)) -> Vec<Wrong<R>> {
    let long = "x".repeat(65_536);
    let deep = "(".repeat(1000);
    let many = vec!["labels.a = b"; 17].join(" AND ");
    let wrong = [
        "name",
        "password_hash = x",
        "labels.team = \"",
        "create_time > yesterday",
        "' OR 1=1 --",
        "labels = a",
        "NOT labels.a:*",
        &long,
        &deep,
        &many,
    ];
    let mut all = texts("filter", &wrong, filter);
    all.extend(texts(
        "order_by",
        &["password_hash", "create_time up", "create_time, name", "1; DROP TABLE principal"],
        order,
    ));
    all
}

/// Numbers that are no state.
pub fn states<R: 'static>(put: fn(&mut R, i32)) -> Vec<Wrong<R>> {
    each("state", vec![9, -1], put)
}

/// How long something is good for.
pub fn durations<R: 'static>(field: &'static str, put: fn(&mut R, Option<Duration>)) -> Vec<Wrong<R>> {
    let time = |seconds, nanos| Some(Duration { seconds, nanos });
    let wrong = vec![time(0, 0), time(-1, 0), time(60, -1), time(60, 1_000_000_000), time(i64::MIN, 0)];
    each(field, wrong, put)
}

/// How long to wait for a confirmation.
pub fn confirmations<R: 'static>(put: fn(&mut R, Option<Duration>)) -> Vec<Wrong<R>> {
    let time = |seconds, nanos| Some(Duration { seconds, nanos });
    each("confirm_within", vec![time(31, 0), time(30, 1), time(-1, 0), time(1, -1), time(0, 1_000_000_000)], put)
}
