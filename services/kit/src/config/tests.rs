//! What operators are told of a configuration.

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    listen: String,
    #[serde(default = "bound")]
    max_staleness: Span,
}

fn bound() -> Span {
    Span(Duration::from_secs(5))
}

fn read(text: &str, flags: impl Serialize) -> Result<Sample, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passgate.toml");
    std::fs::write(&file, text).unwrap();
    load(Some(&file), "PASSGATE_NOBODY_SETS_THIS_", flags)
}

#[derive(Serialize)]
struct NoFlags {}

#[test]
fn flags_come_after_the_file_and_defaults_fill_the_rest() {
    let flags = std::collections::BTreeMap::from([("listen", "b")]);
    assert_eq!(read("listen = \"a\"", flags).unwrap(), Sample { listen: "b".to_owned(), max_staleness: bound() });
    let given = read("listen = \"a\"\nmax_staleness = \"250ms\"", NoFlags {}).unwrap();
    assert_eq!(given.max_staleness, Span(Duration::from_millis(250)));
}

#[test]
fn an_unknown_key_is_told_with_its_source_and_the_nearest_key() {
    let error = read("listen = \"a\"\nmax_stalenes = \"1s\"", NoFlags {}).unwrap_err().to_string();
    assert!(error.contains("max_stalenes (from ") && error.contains("did you mean `max_staleness`?"), "{error}");
}

#[test]
fn a_missing_key_and_a_wrong_value_say_what_is_wanted() {
    assert!(read("", NoFlags {}).unwrap_err().to_string().contains("listen: must be given"));
    let error = read("listen = \"a\"\nmax_staleness = \"soon\"", NoFlags {}).unwrap_err().to_string();
    assert!(error.contains("max_staleness") && error.contains("a length of time"), "{error}");
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[expect(dead_code, reason = "only read")]
    port: u16,
    #[expect(dead_code, reason = "only read")]
    inner: Sample,
    #[expect(dead_code, reason = "only read")]
    #[serde(default)]
    names: Vec<u16>,
}

#[test]
fn all_problems_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passgate.toml");
    let text =
        "port = 700000\nprot = 1\nnames = [1, \"s3cret\"]\n[inner]\nlisten = 5\nmax_staleness = \"soon\"\nmax = 1\n";
    std::fs::write(&file, text).unwrap();

    let error = load::<Whole>(Some(&file), "PASSGATE_NOBODY_SETS_THIS_", NoFlags {}).unwrap_err();

    let ConfigError::Keys(problems) = error else { panic!("{error}") };
    assert!(!problems.iter().any(|problem| problem.contains("s3cret")), "values may be secrets: {problems:?}");
    let mut places: Vec<&str> =
        problems.iter().map(|problem| problem.split_once(" (from ").expect(problem).0).collect();
    places.sort_unstable();
    assert_eq!(places, ["inner.listen", "inner.max", "inner.max_staleness", "names.1", "port", "prot"]);
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    One,
    Other,
}

/// One key of each kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Every {
    text: Option<String>,
    number: Option<u16>,
    truth: Option<bool>,
    span: Option<Span>,
    choice: Option<Choice>,
    address: Option<std::net::SocketAddr>,
    pair: Option<(u8, u8)>,
    letter: Option<char>,
    list: Option<Vec<std::net::IpAddr>>,
    inner: Option<Sample>,
}

#[test]
fn no_message_repeats_a_value_that_was_given() {
    const SECRET: &str = "s3cret-Marker\\n9Zq";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passgate.toml");
    let keys = ["text", "number", "truth", "span", "choice", "address", "pair", "letter", "list", "inner"];
    let forms = [
        "K = \"S\"",
        "K = [\"S\"]",
        "K.x = \"S\"",
        "[K]\nlisten = [\"S\"]",
        "K = S",
        "K = \"S",
        "K = \"S\" S",
        "[[K]]\nS = \"S\"\nS = 1",
    ];
    for (key, form) in keys.iter().flat_map(|key| forms.map(|form| (key, form))) {
        let text = form.replace('K', key).replace('S', SECRET);
        std::fs::write(&file, &text).unwrap();

        let Err(error) = load::<Every>(Some(&file), "PASSGATE_NOBODY_SETS_THIS_", NoFlags {}) else { continue };

        let told = format!("{error} {error:?}");
        assert!(!told.contains("Marker") && !told.contains("s3cret"), "{text}: {told}");
        assert!(told.contains(key) || told.contains("line"), "{text}: {told}");
    }
}

#[test]
fn a_wrong_choice_is_told_what_there_is() {
    let read = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passgate.toml");
        std::fs::write(&file, text).unwrap();
        load::<Every>(Some(&file), "PASSGATE_NOBODY_SETS_THIS_", NoFlags {})
    };

    let error = read("choice = \"neither\"").unwrap_err().to_string();
    assert!(error.contains("one of one, other"), "{error}");
    assert!(matches!(read("choice = \"one\"").unwrap().choice, Some(Choice::One)));
    let error = read("address = \"here\"").unwrap_err().to_string();
    assert!(error.contains("socket address"), "the rule stays where it repeats nothing: {error}");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named() {
    let missing = load::<Sample>(Some(Path::new("/nowhere/passgate.toml")), "PASSGATE_X_", NoFlags {}).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/passgate.toml"));
    assert!(matches!(read("listen = ", NoFlags {}), Err(ConfigError::Toml { .. })));
}
