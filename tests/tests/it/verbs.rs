//! The verbs of the command line, as people and scripts use them: the real program, against a real installation, through the
//! gateway's data port.

mod audit;
mod desk;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use self::desk::Desk;
use crate::support::system::{ADMINISTRATOR, Database, PASSWORD, System};
use crate::support::upstream::Upstream;

/// The line that begins with this word, without it.
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    let line = text.lines().find(|line| line.trim_start().starts_with(word));
    line.unwrap_or_else(|| panic!("no {word} in {text}")).trim_start().trim_start_matches(word).trim()
}

/// A line of the text that begins with this word.
fn line<'a>(text: &'a str, word: &str) -> &'a str {
    text.lines()
        .map(str::trim_start)
        .find(|line| line.starts_with(word))
        .unwrap_or_else(|| panic!("no {word} in {text}"))
}

#[tokio::test(flavor = "multi_thread")] // the program holds one thread, the upstream answers on another
async fn s01_a_token_for_a_user_is_one_command_and_its_lines_work_as_they_are_printed() {
    let upstream = Upstream::start().await;
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["endpoint", "create", "sales-orders", &upstream.url()]);
    let alice = admin.of_user("alice@example.com", &["endpoints/sales-orders:read"]);

    let said = alice.done(&["token", "create", "laptop"]);

    let secret = after(&said, "secret ");
    for tool in ["curl", "grpcurl"] {
        let tried = alice.sh(line(&said, &format!("{tool} ")), &[("PASSGATE_TOKEN", secret)]);
        assert_eq!(tried.code, 0, "{tool}: {tried:?}\n{said}");
        assert!(tried.out.contains("fresh") || tried.out.contains("laptop"), "{tried:?}");
    }
    let again = alice.done(&["token", "get", "laptop"]) + &alice.done(&["token", "list", "--output", "json"]);
    assert!(!again.contains(secret), "a secret is shown once");
    assert_eq!(admin.json(&["token", "list", "--owner", "alice@example.com"])[0]["name"], "laptop");
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_an_api_user_and_its_token_are_one_command_and_a_repeat_gives_the_same_secret() {
    let upstream = Upstream::start().await;
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["endpoint", "create", "sales-orders", &upstream.url()]);
    let create = [
        "api-user",
        "create",
        "mexico",
        "--token",
        "widget",
        "--grant",
        "endpoints/sales-*:read",
        "--request-id",
        "r-1",
    ];

    let told = admin.done(&create);
    let secret = admin.done(&[&create[..], &["--output", "secret"]].concat());

    assert_eq!(after(&told, "secret "), secret.trim());
    assert_eq!(secret.lines().count(), 1, "the secret alone");
    let tried = admin.sh(line(&told, "curl "), &[("PASSGATE_TOKEN", secret.trim())]);
    assert!(tried.out.contains("fresh"), "{tried:?}");
    assert_eq!(admin.json(&["api-user", "list"]).as_array().map(Vec::len), Some(1));
    let taken = admin.refused(7, &["api-user", "create", "MEXICO", "--token", "widget"]);
    assert!(taken.aside.contains("reason: NAME_TAKEN"), "{}", taken.aside);
    let wrong = admin.refused(3, &["api-user", "create", "peru", "--token", ""]);
    assert!(wrong.aside.contains("field token.name"), "{}", wrong.aside);
    assert_eq!(admin.json(&["api-user", "list"]).as_array().map(Vec::len), Some(1), "neither came into being");
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_and_s04_a_token_comes_later_and_works_after_one_grant() {
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["api-user", "create", "nightly report"]);
    let secret = admin.done(&["token", "create", "cron", "--owner", "nightly report", "--output", "secret"]);
    let file = admin.file("cron.token", secret.trim());
    let explain = ["explain", "endpoints/sales-orders", "--secret-file", &file];

    let before = admin.refused(12, &explain);
    admin.done(&["grant", "add", "nightly report", "endpoints/sales-*:read"]);
    let after_it = admin.done(&explain);

    assert!(before.out.contains("NO_GRANT"), "{}", before.out);
    assert!(after_it.contains("endpoints/sales-*:read"), "{after_it}");
    assert_eq!(admin.json(&["grant", "list", "--holder", "nightly report"])[0]["pattern"], "endpoints/sales-*:read");
    admin.refused(10, &["grant", "revoke", "nightly report", "endpoints/sales-*:read"]);
    admin.done(&["grant", "revoke", "nightly report", "endpoints/sales-*:read", "--yes"]);
    admin.refused(12, &explain);
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_a_token_for_somebody_else_tells_who_made_it() {
    let (_standalone, admin) = Desk::of_administrator().await;
    let alice = admin.of_user("alice@example.com", &["endpoints/*"]);
    admin.done(&["token", "create", "from above", "--owner", "alice@example.com"]);

    let token = &alice.json(&["token", "list"])[0];

    assert_eq!(token["name"], "from above");
    assert_ne!(token["owner"], token["createdBy"]);
    let denied = alice.refused(6, &["token", "create", "x", "--owner", "users/019f0000-0000-7000-8000-000000000001"]);
    assert!(denied.aside.contains("NOT_FOUND"), "{}", denied.aside);
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_disabling_says_what_breaks_asks_first_and_holds_for_the_very_next_verb() {
    let (_standalone, admin) = Desk::of_administrator().await;
    let alice = admin.of_user("alice@example.com", &["endpoints/*"]);
    let secret = alice.done(&["token", "create", "laptop", "--output", "secret"]);
    let file = admin.file("laptop.token", secret.trim());
    let explain = ["explain", "endpoints/sales-orders", "--secret-file", &file];

    let asked = admin.refused(10, &["user", "disable", "alice@example.com"]);
    assert!(asked.aside.contains("1 live token (laptop)") && asked.aside.contains("--yes"), "{}", asked.aside);
    admin.done(&explain);

    admin.done(&["user", "disable", "alice@example.com", "--yes"]);
    assert!(admin.refused(12, &explain).out.contains("OWNER_DISABLED"));
    let session = alice.refused(4, &["token", "list"]);
    assert!(session.aside.contains("passgate user enable"), "{}", session.aside);

    admin.done(&["user", "enable", "alice@example.com"]);
    admin.done(&explain);
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_deleting_a_principal_with_live_tokens_needs_to_be_said() {
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["api-user", "create", "mexico", "--token", "widget"]);

    let refused = admin.refused(8, &["api-user", "delete", "mexico", "--yes"]);
    assert!(
        refused.aside.contains("HAS_LIVE_TOKENS") && refused.aside.contains("--delete-live-tokens"),
        "{}",
        refused.aside
    );
    admin.done(&["api-user", "get", "mexico"]);

    admin.done(&["api-user", "delete", "mexico", "--yes", "--delete-live-tokens"]);
    let gone = admin.refused(6, &["api-user", "get", "mexico"]);
    assert!(gone.aside.contains("passgate api-user list"), "{}", gone.aside);
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_who_can_call_an_endpoint_is_told_with_grants_and_tokens() {
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["group", "create", "sales"]);
    admin.done(&["grant", "add", "groups/sales", "endpoints/sales-*:read"]);
    admin.done(&["api-user", "create", "mexico", "--token", "widget", "--group", "sales"]);

    let read = admin.done(&["who-can", "endpoints/sales-orders"]);
    let write = admin.done(&["who-can", "endpoints/sales-orders", "--action", "write"]);

    assert!(
        read.contains("mexico") && read.contains("endpoints/sales-*:read of groups/") && read.contains("widget ("),
        "{read}"
    );
    assert!(!write.contains("mexico") && write.contains("Administrator"), "{write}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_making_an_endpoint_public_is_an_act_of_its_own() {
    let upstream = Upstream::start().await;
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["endpoint", "create", "status", &upstream.url(), "--label", "team=ops"]);
    assert!(admin.done(&["endpoint", "list"]).contains("TOKEN_REQUIRED"));

    let asked = admin.refused(10, &["endpoint", "update", "status", "--access", "public"]);
    assert!(asked.aside.contains("without a token"), "{}", asked.aside);
    assert!(admin.done(&["endpoint", "list"]).contains("TOKEN_REQUIRED"), "nothing was done");

    admin.done(&["endpoint", "update", "status", "--access", "public", "--yes"]);
    assert!(admin.done(&["endpoint", "list"]).contains("PUBLIC"));
    admin.done(&["endpoint", "update", "status", "--label", "place=mx", "--remove-label", "team"]);
    assert_eq!(admin.json(&["endpoint", "get", "status"])["labels"], json!({"place": "mx"}));
    admin.done(&["endpoint", "disable", "status", "--yes"]);
    admin.done(&["endpoint", "enable", "status"]);
    admin.done(&["endpoint", "delete", "status", "--yes"]);
    let used = admin.refused(8, &["endpoint", "create", "status", &upstream.url()]);
    assert!(used.aside.contains("--reuse-name"), "{}", used.aside);
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_token_says_what_it_can_do_and_is_never_echoed() {
    let (_standalone, admin) = Desk::of_administrator().await;
    let made = admin.json(&["api-user", "create", "mexico", "--token", "widget", "--grant", "endpoints/sales-*"]);
    let secret = made["secret"].as_str().expect("a secret");
    let file = admin.file("widget.token", secret);

    let inspected = admin.say(&["token", "inspect", &file]);
    let piped = Desk::at("http://127.0.0.1:9").said_to(&["token", "inspect"], secret, &[]);
    let asked = admin.refused(12, &["token", "inspect", &file, "--resource", "endpoints/hr"]);
    let who = admin.said_to(&["whoami"], "", &[("PASSGATE_TOKEN", secret)]);

    assert_eq!(inspected.code, 0, "{inspected:?}");
    for fact in ["at+jwt", "endpoints/sales-*", "widget", made["token"]["id"].as_str().expect("an id")] {
        assert!(inspected.out.contains(fact), "{fact}: {}", inspected.out);
    }
    assert_eq!(piped.code, 9, "what it says is told, and then that the server is away: {piped:?}");
    assert!(piped.out.contains("token_id") && asked.out.contains("NO_GRANT"), "{piped:?} {asked:?}");
    assert!(who.code == 4 || who.out.contains("mexico"), "{who:?}");
    let signature = secret.rsplit('.').next().expect("a signature");
    for said in [&inspected, &piped, &asked, &who] {
        assert!(!said.all().contains(signature), "{said:?}");
    }
    admin.done(&["token", "revoke", "widget", "--owner", "mexico", "--yes"]);
    assert!(admin.refused(12, &["token", "inspect", &file]).out.contains("TOKEN_REVOKED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_a_token_is_narrowed_after_asking_and_never_widened() {
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["token", "create", "laptop", "--scope", "endpoints/sales-*", "--ttl", "30d"]);
    let narrow = ["token", "update", "laptop", "--scope", "endpoints/sales-orders:read"];

    admin.refused(10, &narrow);
    admin.done(&[&narrow[..], &["--yes"]].concat());

    assert_eq!(admin.json(&["token", "get", "laptop"])["scopes"]["patterns"], json!(["endpoints/sales-orders:read"]));
    let wider = admin.refused(3, &["token", "update", "laptop", "--scope", "endpoints/*", "--yes"]);
    assert!(wider.aside.contains("field "), "{}", wider.aside);
    admin.refused(2, &["token", "update", "laptop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s22_a_leaked_token_is_found_from_what_a_log_shows_and_revoked_in_one_command() {
    let (_standalone, admin) = Desk::of_administrator().await;
    let made = admin.json(&["token", "create", "laptop"]);
    let jti = made["token"]["secrets"][0]["jti"].as_str().expect("a jti");
    let file = admin.file("laptop.token", made["secret"].as_str().expect("a secret"));

    let typed = admin.refused(2, &["token", "revoke", made["secret"].as_str().expect("a secret"), "--yes"]);
    let revoked = admin.say(&["token", "revoke", jti, "--reason", "left on a train", "--yes"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert!(revoked.aside.contains("refused at") || revoked.aside.contains("refused everywhere"), "{revoked:?}");

    assert!(typed.aside.contains("history") && !typed.all().contains("eyJ"), "{typed:?}");
    assert!(admin.refused(12, &["token", "inspect", &file]).out.contains("TOKEN_REVOKED"));
    assert_eq!(admin.json(&["token", "get", jti])["revokeReason"], "left on a train");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_fail_has_an_exit_code_of_its_own() {
    let (standalone, admin) = Desk::of_administrator().await;
    let alice = admin.of_user("alice@example.com", &[]);
    let nobody = Desk::at(&format!("http://{}", standalone.gateway));
    let away = Desk::at("http://127.0.0.1:9");

    admin.refused(2, &["user", "get"]);
    admin.refused(2, &["--ready", "json", "user", "list"]);
    admin.refused(3, &["user", "create", "no e-mail"]);
    assert!(nobody.refused(4, &["user", "list"]).aside.contains("passgate login"));
    assert!(alice.refused(5, &["user", "list"]).aside.contains("the session of alice@example.com"));
    admin.refused(6, &["user", "get", "bob@example.com"]);
    admin.refused(7, &["user", "create", "ALICE@example.com"]);
    admin.refused(8, &["user", "disable", "admin@localhost", "--yes"]);
    let lost = away.said_to(&["token", "create", "laptop"], "", &[("PASSGATE_TOKEN", "eyJ.eyJ.x")]);
    assert_eq!(lost.code, 9, "{lost:?}");
    assert!(lost.aside.contains("--request-id ") && lost.aside.contains("does not answer"), "{lost:?}");
    let wrong = nobody.said_to(&["login", "alice@example.com"], "wrong horse battery\n", &[]);
    assert_eq!(wrong.code, 4, "{wrong:?}");
    assert!(wrong.aside.contains("SIGN_IN_REFUSED") && !wrong.all().contains("horse"), "{wrong:?}");
    let far = Desk::at("http://192.0.2.1").said_to(&["whoami"], "", &[("PASSGATE_TOKEN", "eyJ.eyJ.x")]);
    assert_eq!(far.code, 2, "a token is not sent in clear text: {far:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_fits_two_things_is_refused_with_both() {
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.of_user("alice@example.com", &[]);
    admin.done(&["api-user", "create", "alice@example.com"]);

    let both = admin.refused(11, &["token", "create", "x", "--owner", "alice@example.com"]);
    admin.done(&["token", "create", "x", "--owner", "users/alice@example.com"]);
    admin.done(&["token", "create", "x", "--owner", "api-users/alice@example.com"]);
    let tokens = admin.refused(11, &["token", "revoke", "x", "--yes"]);

    assert!(both.aside.contains("candidate: users/") && both.aside.contains("candidate: api-users/"), "{}", both.aside);
    assert_eq!(tokens.aside.matches("candidate: ").count(), 2, "{}", tokens.aside);
    assert_eq!(
        admin.json(&["token", "list", "--state", "active"]).as_array().map(Vec::len),
        Some(2),
        "none was revoked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_for_its_user_alone_and_ends_with_logout() {
    let (_standalone, admin) = Desk::of_administrator().await;
    let session = admin.remembered("session");
    let mode = fs::metadata(&session).expect("a session").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let token = serde_json::from_str::<serde_json::Value>(&fs::read_to_string(&session).expect("text")).expect("JSON");
    assert!(admin.done(&["whoami"]).contains("Administrator"));

    admin.done(&["logout"]);

    assert!(!session.exists());
    admin.refused(4, &["whoami"]);
    let stolen = admin.said_to(&["whoami"], "", &[("PASSGATE_TOKEN", token["token"].as_str().expect("a token"))]);
    assert_eq!(stolen.code, 4, "the session has ended at the server too: {stolen:?}");
    admin.done(&["logout"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_mark_of_a_write_is_remembered_and_a_wrong_one_is_forgotten() {
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["group", "create", "sales"]);
    let file = admin.remembered("change-mark");
    let first = fs::read_to_string(&file).expect("a mark");

    admin.done(&["group", "create", "shipping"]);
    assert_ne!(fs::read_to_string(&file).expect("a mark"), first);

    let mut wrong: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    wrong["mark"] = "AAAA".into();
    fs::write(&file, wrong.to_string()).expect("written");
    let refused = admin.say(&["group", "list"]);
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.aside.contains("do: repeat"), "{refused:?}");
    admin.done(&["group", "list"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_at_a_terminal_types_a_password_unseen_and_is_asked_before_something_breaks() {
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["logout"]);

    let login = admin.at_terminal("login admin@localhost", "Password: ", &format!("{PASSWORD}\n"), true);
    admin.done(&["group", "create", "sales"]);
    let no = admin.at_terminal("group delete sales", "[y/N] ", "n\n", false);
    let still = admin.say(&["group", "get", "sales"]);
    let yes = admin.at_terminal("group delete sales", "[y/N] ", "y\n", false);

    assert_eq!(login.code, 0, "{login:?}");
    assert!(!login.out.contains(PASSWORD), "{login:?}");
    assert_eq!((no.code, still.code, yes.code), (10, 0, 0), "{no:?} {still:?} {yes:?}");
    assert!(no.out.contains("0 members lose"), "{no:?}");
    admin.refused(6, &["group", "get", "sales"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_have_members_by_any_name_and_lists_end_at_the_limit() {
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.of_user("alice@example.com", &[]);
    admin.done(&["api-user", "create", "mexico"]);
    admin.done(&["group", "create", "sales", "--description", "who sells"]);

    admin.done(&["group", "member", "add", "sales", "alice@example.com", "mexico"]);
    let members = admin.json(&["group", "member", "list", "sales"]);
    let one = admin.json(&["group", "member", "list", "sales", "--limit", "1"]);
    let filtered = admin.json(&["group", "list", "--filter", "name = sa*", "--order-by", "name"]);
    assert_eq!((filtered.as_array().map(Vec::len), &filtered[0]["name"]), (Some(1), &json!("sales")));
    assert!(admin.refused(3, &["group", "list", "--filter", "colour = red"]).aside.contains("field filter"));
    admin.refused(10, &["group", "member", "remove", "sales", "mexico"]);
    admin.done(&["group", "member", "remove", "sales", "mexico", "--yes"]);

    assert_eq!((members.as_array().map(Vec::len), one.as_array().map(Vec::len)), (Some(2), Some(1)));
    assert_eq!(admin.json(&["group", "member", "list", "sales"]).as_array().map(Vec::len), Some(1));
    let renamed = admin.json(&["group", "update", "sales", "--name", "selling"]);
    assert_eq!((&renamed["name"], &renamed["description"]), (&json!("selling"), &json!("who sells")));
    let built_in = admin.say(&["group", "delete", "administrators", "--yes"]);
    assert!(built_in.code != 0 && built_in.aside.contains("BUILT_IN"), "{built_in:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_closes_the_screen_early_meets_no_error() {
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["group", "create", "sales"]);

    let said = admin.sh("passgate group list --output json | true; passgate key list | head -1", &[]);

    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("KID") && !said.aside.contains("error"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_of_others_stays_text_on_the_screen() {
    let (_standalone, admin) = Desk::of_administrator().await;
    let hostile = "a\u{202e}b\u{200b}";
    let made = admin.say(&["group", "create", "sales", "--description", hostile]);
    if made.code != 0 {
        assert_eq!(made.code, 3, "refused as a field, and told harmlessly: {made:?}");
    }

    let shown = made.all() + &admin.say(&["group", "list"]).all() + &admin.say(&["group", "get", hostile]).all();

    assert!(!shown.contains('\u{202e}') && !shown.contains('\u{200b}'), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_set_by_oneself_with_the_old_one_and_by_others_as_one_time_passwords() {
    let (standalone, admin) = Desk::of_administrator().await;
    let alice = admin.of_user("alice@example.com", &[]);
    let (old, new) = (alice.file("old", PASSWORD), alice.file("new", "another walk, not as long"));

    alice.done(&["user", "set-password", "me", "--current-password-file", &old, "--new-password-file", &new]);
    admin.refused(10, &["user", "set-password", "alice@example.com"]);
    let once = admin.done(&["user", "set-password", "alice@example.com", "--yes", "--output", "secret"]);

    // She may come before the change does; with its mark she cannot.
    std::fs::copy(admin.remembered("change-mark"), alice.remembered("change-mark")).expect("the mark");
    alice.refused(4, &["whoami"]);
    let fresh = Desk::at(&format!("http://{}", standalone.gateway));
    let must = fresh.said_to(&["login", "alice@example.com"], &once, &[]);
    assert!(must.code != 0 && must.aside.contains("--new-password"), "{must:?}");
    let chosen = format!("{}\n{PASSWORD} again\n", once.trim());
    assert_eq!(fresh.said_to(&["login", "alice@example.com", "--new-password"], &chosen, &[]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_decisions_is_listed_and_keys_are() {
    let (_standalone, admin) = Desk::of_administrator().await;

    assert!(admin.json(&["deciders"]).is_array());
    assert_eq!(admin.json(&["key", "list"])[0]["state"], "STATE_SIGNING");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_somebody_else_made_meanwhile_is_not_lost() {
    let upstream = Upstream::start().await;
    let (_standalone, admin) = Desk::of_administrator().await;
    admin.done(&["endpoint", "create", "status", &upstream.url()]);

    let meanwhile = || {
        admin.done(&["endpoint", "update", "status", "--description", "meanwhile"]);
        "y\n".to_owned()
    };
    let line = "endpoint update status --upstream http://127.0.0.1:1";
    let late = admin.at_terminal_while(line, "[y/N] ", meanwhile, false);

    assert_eq!(late.code, 7, "{late:?}");
    assert!(late.out.contains("ETAG_MISMATCH"), "{late:?}");
    let now = admin.json(&["endpoint", "get", "status"]);
    assert_eq!((&now["description"], &now["upstream"]), (&json!("meanwhile"), &json!(upstream.url())));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verb_sees_what_the_one_before_did_on_three_processes() {
    let system = System::processes(Database::Postgres).await;
    let admin = Desk::at(&format!("http://{}", system.gateway));
    let signed_in = admin.said_to(&["login", ADMINISTRATOR], &format!("{PASSWORD}\n"), &[]);
    assert_eq!(signed_in.code, 0, "{signed_in:?}");
    let secret = admin.done(&["api-user", "create", "mexico", "--token", "widget", "--output", "secret"]);
    let file = admin.file("widget.token", secret.trim());
    let explain = ["explain", "endpoints/sales-orders", "--secret-file", &file];

    for _ in 0..5 {
        admin.done(&["grant", "add", "mexico", "endpoints/*"]);
        admin.done(&explain);
        admin.done(&["api-user", "disable", "mexico", "--yes"]);
        assert!(admin.refused(12, &explain).out.contains("OWNER_DISABLED"));
        admin.done(&["api-user", "enable", "mexico"]);
        admin.done(&["grant", "revoke", "mexico", "endpoints/*", "--yes"]);
        assert!(admin.refused(12, &explain).out.contains("NO_GRANT"));
    }
}
