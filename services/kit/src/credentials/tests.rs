//! What the services rely on of each other's credentials.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use passgate_client::clock::ManualClock;
use passgate_client::{Ambient, SecretString, SeededRandom};
use passgate_proto::access::Role;
use tempfile::TempDir;
use time::OffsetDateTime;

use super::*;
use crate::caller::ServicePeer;
use crate::tls::ServiceName;

/// A folder with a file of accepted credentials, and a clock that moves only when told to.
struct Place {
    _folder: TempDir,
    file: PathBuf,
    clock: Arc<ManualClock>,
    ambient: Ambient,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accepted.toml");
        let clock = Arc::new(ManualClock::new(OffsetDateTime::UNIX_EPOCH));
        let ambient = Ambient::new(Arc::clone(&clock) as _, Arc::new(SeededRandom::new(1)));
        Self { _folder: folder, file, clock, ambient }
    }

    /// A new secret that is accepted.
    fn accepts(&self, instance: &str, role: Role) -> SecretString {
        let secret = generate(instance, &self.ambient).unwrap();
        add(&self.file, accept(&secret, role).unwrap()).unwrap();
        secret
    }

    fn open(&self) -> Accepted {
        Accepted::open(&self.file, &self.ambient).unwrap()
    }
}

#[test]
fn an_accepted_secret_names_its_instance_and_role_and_no_other_does() {
    let place = Place::new();
    let gateway = place.accepts("gateway-1", Role::Gateway);

    let accepted = place.open();

    let peer = accepted.check(gateway.expose()).expect("accepted");
    let sha256 = fingerprint(gateway.expose());
    assert_eq!(peer, ServicePeer { instance: "gateway-1".to_owned(), role: Role::Gateway, sha256 });
    assert_eq!(accepted.check(generate("gateway-1", &place.ambient).unwrap().expose()), None);
    assert_eq!(accepted.check(""), None);
    assert!(!fs::read_to_string(&place.file).unwrap().contains(gateway.expose()), "only the digest is kept");
}

#[test]
fn a_removed_line_stops_working_at_the_next_use() {
    let place = Place::new();
    let old = place.accepts("token", Role::Token);
    let accepted = place.open();
    let new = place.accepts("token", Role::Token);
    assert!(accepted.check(old.expose()).is_some() && accepted.check(new.expose()).is_some(), "two for rotation");
    let third = generate("token", &place.ambient).unwrap();
    let third = add(&place.file, accept(&third, Role::Token).unwrap());
    assert!(matches!(third, Err(CredentialsError::TooMany { .. })));

    assert_eq!(remove(&place.file, "token").unwrap(), 2);

    assert_eq!(accepted.check(old.expose()), None);
    assert_eq!(accepted.check(new.expose()), None);
}

#[tokio::test]
async fn a_removed_line_ends_what_was_opened_with_it_and_nothing_else() {
    let place = Place::new();
    let (old, new) = (place.accepts("gateway", Role::Gateway), place.accepts("gateway", Role::Gateway));
    let accepted = place.open();
    let (old_peer, new_peer) = (accepted.check(old.expose()).unwrap(), accepted.check(new.expose()).unwrap());
    let gone = accept(&old, Role::Gateway).unwrap();

    let mut edit = Edit::begin(&place.file).unwrap();
    assert_eq!(edit.remove(|line| *line == gone), 1);
    edit.save().unwrap();

    tokio::time::timeout(Duration::from_secs(60), accepted.until_removed(&old_peer)).await.expect("it ends");
    tokio::select! {
        biased;
        () = accepted.until_removed(&new_peer) => panic!("the other one goes on"),
        () = std::future::ready(()) => {}
    }
}

#[test]
fn a_line_that_gets_another_role_is_another_line() {
    let place = Place::new();
    let secret = place.accepts("gateway", Role::Gateway);
    let accepted = place.open();
    let before = accepted.check(secret.expose()).unwrap();

    let text = fs::read_to_string(&place.file).unwrap().replace("\"gateway\"\nsha256", "\"identity\"\nsha256");
    fs::write(&place.file, text).unwrap();

    let after = accepted.check(secret.expose()).unwrap();
    assert_eq!((before.role, after.role), (Role::Gateway, Role::Identity));
    assert_ne!(before, after, "what was opened as a gateway ends");
}

#[test]
fn a_deleted_file_accepts_nobody_at_once_and_a_new_one_is_followed() {
    let place = Place::new();
    let secret = place.accepts("identity", Role::Identity);
    let accepted = place.open();
    let text = fs::read(&place.file).unwrap();

    fs::remove_file(&place.file).unwrap();
    assert_eq!(accepted.check(secret.expose()), None);

    fs::write(&place.file, text).unwrap();
    assert!(accepted.check(secret.expose()).is_some());
    fs::remove_file(&place.file).unwrap();
    assert!(matches!(Accepted::open(&place.file, &place.ambient), Err(CredentialsError::Missing { .. })));
}

#[test]
fn a_wrong_file_leaves_what_was_in_force_for_a_bound_and_then_accepts_nobody() {
    let place = Place::new();
    let secret = place.accepts("identity", Role::Identity);
    let accepted = place.open();
    let right = fs::read(&place.file).unwrap();

    fs::write(&place.file, &right[..right.len() / 2]).unwrap();
    assert!(accepted.check(secret.expose()).is_some(), "half an edit");
    place.clock.advance(GRACE / 2);
    fs::write(&place.file, &right[..right.len() / 3]).unwrap();
    assert!(accepted.check(secret.expose()).is_some(), "still within the bound");
    place.clock.advance(GRACE / 2);
    assert_eq!(accepted.check(secret.expose()), None, "another wrong file does not begin the bound anew");

    fs::write(&place.file, &right).unwrap();
    assert!(accepted.check(secret.expose()).is_some(), "mended");
}

#[test]
fn a_change_that_leaves_no_trace_on_the_file_is_seen_within_a_second() {
    let place = Place::new();
    let (one, other) = (place.accepts("one", Role::Gateway), generate("one", &place.ambient).unwrap());
    let accepted = place.open();
    let before = fs::metadata(&place.file).unwrap();
    let line = |secret| accept(secret, Role::Gateway).unwrap().sha256;
    let text = fs::read_to_string(&place.file).unwrap().replace(&line(&one).unwrap(), &line(&other).unwrap());
    fs::write(&place.file, text).unwrap();
    // As if both had been written within one tick: what is remembered of the file fits it as it is now.
    accepted.pretend_nothing_changed();
    assert_eq!(before.len(), fs::metadata(&place.file).unwrap().len());
    assert!(accepted.check(one.expose()).is_some(), "nothing shows it yet");

    place.clock.advance(Duration::from_secs(1));

    assert_eq!(accepted.check(one.expose()), None);
    assert!(accepted.check(other.expose()).is_some());
}

#[test]
fn no_message_repeats_what_stands_in_the_file() {
    let place = Place::new();
    let secret = generate("gateway", &place.ambient).unwrap();
    let marker = secret.expose();
    let sha256 = "a".repeat(64);
    for text in [
        format!("[[accepted]]\ninstance = \"{marker}\"\nrole = \"token\"\nsha256 = \"{sha256}\""),
        format!("[[accepted]]\ninstance = \"x\"\nrole = \"{marker}\"\nsha256 = \"{sha256}\""),
        format!("[[accepted]]\ninstance = \"x\"\nrole = \"token\"\nsha256 = \"{marker}\""),
        format!("[[accepted]]\ninstance = \"x\"\nrole = \"token\"\n{marker} = \"{sha256}\""),
        format!("accepted = \"{marker}\""),
        format!("[[accepted]]\ninstance = {marker}"),
        marker.to_owned(),
    ] {
        fs::write(&place.file, &text).unwrap();

        let error = Accepted::open(&place.file, &place.ambient).expect_err(&text);

        let told = format!("{error} {error:?} {:?}", anyhow_chain(&error));
        assert!(!told.contains(marker), "{told}");
    }
}

fn anyhow_chain(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string).collect()
}

#[test]
fn a_digest_is_64_hexadecimal_digits_and_nothing_like_it() {
    let place = Place::new();
    for sha256 in ["+1".repeat(32), "a".repeat(63), "a".repeat(65), " a".repeat(32), String::new()] {
        fs::write(&place.file, format!("[[accepted]]\ninstance = \"x\"\nrole = \"token\"\nsha256 = \"{sha256}\""))
            .unwrap();

        let error = Accepted::open(&place.file, &place.ambient).expect_err(&sha256);

        assert!(matches!(error, CredentialsError::Entry { entry: 1, .. }), "{error}");
    }
}

#[test]
fn changes_that_are_made_at_once_all_hold() {
    let place = Place::new();
    let secrets: Vec<SecretString> = (0..16).map(|n| generate(&format!("g{n}"), &place.ambient).unwrap()).collect();

    std::thread::scope(|scope| {
        for secret in &secrets {
            scope.spawn(|| add(&place.file, accept(secret, Role::Gateway).unwrap()).unwrap());
        }
    });

    let accepted = place.open();
    for secret in &secrets {
        assert!(accepted.check(secret.expose()).is_some());
    }
}

#[test]
fn a_change_keeps_the_files_mode_and_leaves_nothing_beside_it() {
    let place = Place::new();
    place.accepts("one", Role::Gateway);
    fs::set_permissions(&place.file, fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(place.file.with_extension("toml.new"), "what a crash left").unwrap();

    place.accepts("other", Role::Gateway);

    assert_eq!(fs::metadata(&place.file).unwrap().permissions().mode() & 0o7777, 0o640);
    assert!(!place.file.with_extension("toml.new").exists());
    place.open();
}

#[test]
fn a_certificate_counts_for_an_instance_and_role_that_the_file_has_a_line_for() {
    let place = Place::new();
    let secret = place.accepts("gateway-1", Role::Gateway);
    let lines = "\n[[accepted]]\ninstance = \"token-1\"\nrole = \"token\"\n\
                 [[accepted]]\ninstance = \"token-2\"\nrole = \"token\"\n";
    fs::write(&place.file, fs::read_to_string(&place.file).unwrap() + lines).unwrap();
    let accepted = place.open();
    let check = |uri: &str| accepted.check_certificate(&ServiceName::parse(uri).unwrap());

    assert_eq!(check("spiffe://passgate/gateway/gateway-1"), accepted.check(secret.expose()));
    let without_a_secret = check("spiffe://passgate/token/token-1").expect("accepted");
    assert_eq!((without_a_secret.role, without_a_secret.instance.as_str()), (Role::Token, "token-1"));
    assert_ne!(without_a_secret.sha256, check("spiffe://passgate/token/token-2").expect("accepted").sha256);
    for unknown in
        ["spiffe://passgate/token/gateway-1", "spiffe://passgate/gateway/token-1", "spiffe://passgate/token/x"]
    {
        assert_eq!(check(unknown), None, "{unknown}");
        assert_eq!(accepted.check(unknown), None);
    }
    assert_eq!(accepted.check("spiffe://passgate/token/token-1"), None, "a name is no secret");
}

#[tokio::test]
async fn a_line_without_a_secret_that_is_taken_out_ends_what_its_certificate_opened() {
    let place = Place::new();
    fs::write(&place.file, "[[accepted]]\ninstance = \"token-1\"\nrole = \"token\"\n").unwrap();
    let accepted = place.open();
    let peer = accepted.check_certificate(&ServiceName::parse("spiffe://passgate/token/token-1").unwrap()).unwrap();

    assert_eq!(remove(&place.file, "token-1").unwrap(), 1);

    tokio::time::timeout(Duration::from_secs(30), accepted.until_removed(&peer)).await.expect("it ends");
}
