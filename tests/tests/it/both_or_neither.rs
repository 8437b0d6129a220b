//! Way 2: an API user and its token come into being together or not at all, wherever a service is killed.
//!
//! Each round kills one service at a point of its own, some milliseconds into the call, starts it again, and sends the same
//! request again until it is answered. The points come from a seed, so a run can be repeated.

use std::collections::BTreeSet;
use std::time::Duration;

use passgate_kit::client::{Random as _, SeededRandom};
use passgate_proto::identity::v1::CreateApiUserResponse;
use serde_json::json;
use tonic::{Code, Status};

use crate::support::direct::{Created, create_api_user};
use crate::support::http as plain;
use crate::support::patience::until;
use crate::support::system::{Database, System};

/// How often each service is killed.
const ROUNDS: u64 = 8;
/// The latest point, in microseconds: an undisturbed call is over by then.
const LATEST: u64 = 60_000;

async fn rounds(database: Database, victim: &'static str, seed: u64) {
    let mut system = System::processes(database).await;
    system.endpoint("sales-orders");
    let random = SeededRandom::new(seed);
    let (mut ids, mut cut_off) = (BTreeSet::new(), 0);
    for round in 0..ROUNDS {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let point = Duration::from_micros(u64::from_be_bytes(bytes) % LATEST);
        let request_id = format!("{seed}-{round}");

        let (identity, session) = (system.identity, system.session.clone());
        let (id, bearer) = (request_id.clone(), session.clone());
        let call = tokio::spawn(async move { create_api_user(identity, &bearer, &id).await });
        tokio::time::sleep(point).await; // not to wait for something: this is the point where the power goes
        system.kill(victim);
        let first = call.await.expect("no panic");
        system.start_again(victim);
        let again = repeat(&system, &request_id).await;

        cut_off += u64::from(first.is_err());
        let what = format!("round {round} of seed {seed}, killed after {point:?}");
        same_as_before(first, &again.message, &what);
        assert!(ids.insert(holds_together(&system, &again, &what).await), "{what}");
    }
    let found = until("the list of API users", || async {
        let list = system.identity("ApiUserService/ListApiUsers").body(json!({"pageSize": 1000}));
        list.send().ok().map(|answer| answer.messages[0]["apiUsers"].clone())
    });
    let found = found.await;
    let found = found.as_array().expect("a list").iter().map(|user| user["id"].as_str().expect("an id").to_owned());
    assert_eq!(found.collect::<BTreeSet<_>>(), ids, "no API user but those that were answered");
    assert!(cut_off > 0, "no round of seed {seed} was cut off: the points are too late");
}

/// The same request until it is answered: until then the services find each other again.
async fn repeat(system: &System, request_id: &str) -> Created {
    until("the answer to a repeat", || async {
        match create_api_user(system.identity, &system.session, request_id).await {
            Ok(answer) => Some(answer),
            Err(status) if matches!(status.code(), Code::Unavailable | Code::Aborted) => None,
            Err(status) => panic!("a repeat was refused: {status:?}"),
        }
    })
    .await
}

/// What was answered before the cut still holds after it.
fn same_as_before(first: Result<Created, Status>, again: &CreateApiUserResponse, what: &str) {
    if let Ok(Created { message: first, .. }) = first {
        assert_eq!(first.api_user, again.api_user, "{what}");
        assert_eq!(first.token.map(|token| token.id), again.token.as_ref().map(|token| token.id.clone()), "{what}");
        assert!(first.secret == again.secret, "the same bytes: {what}");
    }
}

/// The API user is there with one token, its own, which works. Gives the API user's id.
async fn holds_together(system: &System, created: &Created, what: &str) -> String {
    let user = created.message.api_user.as_ref().expect("an API user");
    let token = created.message.token.as_ref().expect("its token");
    assert_eq!(token.owner, format!("api-users/{}", user.id), "{what}");

    let called = until("a decision", || async {
        let call = plain::get(system.gateway, "/endpoints/sales-orders/1").token(&created.message.secret);
        let answer = call.header("passgate-at-least", &created.mark).send().await;
        (answer.status != 503).then_some(answer)
    });
    assert_eq!(called.await.outcome(), (200, ""), "{what}");
    let listed = until("the list of its tokens", || async {
        let list = system.token("TokenService/ListTokens").body(json!({"owner": token.owner}));
        list.send().ok().map(|answer| answer.messages[0]["tokens"].clone())
    });
    let listed = listed.await;
    let listed: Vec<&str> = listed.as_array().into_iter().flatten().filter_map(|token| token["id"].as_str()).collect();
    assert_eq!(listed, [token.id.as_str()], "one token each: {what}");
    user.id.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_user_and_its_token_are_both_there_or_neither_when_identity_is_killed_on_sqlite() {
    rounds(Database::Sqlite, "identity", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_user_and_its_token_are_both_there_or_neither_when_identity_is_killed_on_postgres() {
    rounds(Database::Postgres, "identity", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_user_and_its_token_are_both_there_or_neither_when_token_is_killed_on_sqlite() {
    rounds(Database::Sqlite, "token", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_user_and_its_token_are_both_there_or_neither_when_token_is_killed_on_postgres() {
    rounds(Database::Postgres, "token", 4).await;
}
