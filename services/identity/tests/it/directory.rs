//! DirectoryService.

use passgate_kit::client::Reason;
use passgate_kit::credentials::remove;
use passgate_proto::identity::v1::watch_principals_request::{Message as Say, Nonce, Start};
use passgate_proto::identity::v1::watch_principals_response::Message;
use passgate_proto::identity::v1::*;
use passgate_proto::r#type::v1::{Position, PrincipalState};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};

use crate::support::{Harness, on_both, told};

struct Watch {
    say: mpsc::Sender<WatchPrincipalsRequest>,
    heard: Streaming<WatchPrincipalsResponse>,
}

impl Watch {
    async fn start(harness: &Harness, since: Option<Position>) -> Self {
        let (say, said) = mpsc::channel(8);
        let start = WatchPrincipalsRequest { message: Some(Say::Start(Start { since })) };
        say.send(start).await.expect("said");
        let answer = harness.as_token_service().directory().watch_principals(ReceiverStream::new(said)).await;
        Self { say, heard: answer.expect("a stream").into_inner() }
    }

    async fn next(&mut self) -> Message {
        self.heard.message().await.expect("a message").expect("not the end").message.expect("something")
    }

    async fn ask(&self, nonce: u64) {
        let nonce = WatchPrincipalsRequest { message: Some(Say::Nonce(Nonce { nonce, applied: 0 })) };
        self.say.send(nonce).await.expect("said");
    }

    /// The snapshot: what it is true for, and everything in it.
    async fn snapshot(&mut self) -> (Position, Vec<PrincipalRecord>, Vec<GroupRecord>) {
        let Message::SnapshotBegin(begin) = self.next().await else { panic!("a snapshot begins") };
        let (mut principals, mut groups) = (Vec::new(), Vec::new());
        loop {
            match self.next().await {
                Message::SnapshotChunk(chunk) => {
                    principals.extend(chunk.principals);
                    groups.extend(chunk.groups);
                }
                Message::SnapshotEnd(_) => return (begin.as_of.expect("a position"), principals, groups),
                other => panic!("{other:?}"),
            }
        }
    }
}

on_both! {
    async fn a_snapshot_has_everybody_and_the_changes_after_it_follow_in_order(harness) {
        let bob = harness.user("bob@example.org", &["endpoints/a"]).await;
        let mut watch = Watch::start(&harness, None).await;
        let (as_of, principals, groups) = watch.snapshot().await;
        assert_eq!((principals.len(), groups.len()), (2, 2));
        let record = principals.iter().find(|record| record.principal == format!("users/{bob}")).expect("bob");
        assert_eq!((record.patterns.as_slice(), record.state()), (&["endpoints/a".to_owned()][..], PrincipalState::Enabled));

        harness.admin.users().disable_user(DisableUserRequest { id: bob.to_string(), confirm_within: None }).await.expect("disabled");
        harness.admin.users().enable_user(EnableUserRequest { id: bob.to_string() }).await.expect("enabled");

        for (ahead, state) in [(1, PrincipalState::Disabled), (2, PrincipalState::Enabled)] {
            let Message::Change(change) = watch.next().await else { panic!("a change") };
            assert_eq!(change.position.expect("a position").number, as_of.number + ahead);
            assert_eq!(change.principals[0].state(), state);
            assert_eq!(change.actor, format!("users/{}", harness.admin_user));
        }
    }

    async fn a_nonce_is_answered_after_everything_up_to_the_head_that_was_read(harness) {
        let mut watch = Watch::start(&harness, None).await;
        let (as_of, ..) = watch.snapshot().await;
        harness.user("bob@example.org", &[]).await;
        watch.ask(7).await;

        let Message::Change(change) = watch.next().await else { panic!("the change comes before the echo") };
        let Message::Echo(echo) = watch.next().await else { panic!("an echo") };

        assert_eq!(echo.nonce, 7);
        assert_eq!(echo.position, change.position);
        assert_eq!(echo.position.expect("a position").number, as_of.number + 1);
        assert!(echo.age.is_some());
    }

    async fn a_reader_goes_on_where_it_stopped_and_starts_over_if_the_feed_is_another(harness) {
        let mut watch = Watch::start(&harness, None).await;
        let (as_of, ..) = watch.snapshot().await;
        drop(watch);
        harness.user("bob@example.org", &[]).await;

        let mut resumed = Watch::start(&harness, Some(as_of.clone())).await;
        assert!(matches!(resumed.next().await, Message::Change(_)));
        let other = Position { feed_id: uuid::Uuid::nil().to_string(), ..as_of };
        let mut over = Watch::start(&harness, Some(other)).await;
        assert_eq!(over.snapshot().await.1.len(), 2);
    }

    async fn a_reader_that_has_seen_more_of_the_feed_gets_neither_a_copy_nor_a_lease(harness) {
        let mut watch = Watch::start(&harness, None).await;
        let (as_of, ..) = watch.snapshot().await;
        for lost in [Position { hash: vec![7; 32], ..as_of.clone() }, Position { number: as_of.number + 9, ..as_of }] {
            let mut refused = Watch::start(&harness, Some(lost)).await;
            let status = refused.heard.message().await.expect_err("the database went back");
            assert_eq!(status.code(), Code::DataLoss);
            assert!(status.message().contains("passgate feed adopt"), "{}", status.message());
        }
    }

    async fn a_creation_names_its_token_in_the_change_that_commits_it(harness) {
        let mut watch = Watch::start(&harness, None).await;
        watch.snapshot().await;
        let request = CreateApiUserRequest {
            name: "import".into(),
            token: Some(InitialToken { name: "first".into(), ..Default::default() }),
            ..Default::default()
        };
        let made = harness.admin.api_users().create_api_user(request).await.expect("created").into_inner();

        let Message::Change(change) = watch.next().await else { panic!("a change") };

        assert_eq!(change.committed_token_ids, [made.token.expect("a token").id]);
    }

    async fn a_stream_ends_with_the_credential_that_it_was_opened_with(harness) {
        let mut watch = Watch::start(&harness, None).await;
        watch.snapshot().await;

        assert_eq!(remove(&harness.config.accepted_file, "token").expect("removed"), 1);

        let (code, reason) = told(watch.heard.message().await);
        assert_eq!((code, reason.as_str()), (Code::Unauthenticated, Reason::ServiceCredentialInvalid.as_str()));
    }

    async fn no_token_opens_the_directory_not_even_one_that_holds_everything(harness) {
        let request = GetPrincipalRequest { principal: format!("users/{}", harness.admin_user) };
        let refused = harness.admin.directory().get_principal(request).await;
        assert!(matches!(told(refused).0, Code::PermissionDenied | Code::Unauthenticated));
        let request = GetPrincipalRequest { principal: "users/01890a5d-ac96-774b-bcce-b302099a8057".into() };
        let unknown = harness.as_token_service().directory().get_principal(request).await.expect("answered").into_inner();
        assert!(unknown.principal.is_none() && unknown.as_of.is_some());
    }
}
