//! `KeyService`, and keys at rest.

use passgate_kit::client::keyset::KeyState;
use passgate_kit::client::{Ambient, KeySet, PublicKey, verify};
use passgate_kit::feed::{Actor, Change, Touch};
use passgate_kit::store::{Store, StoreError};
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::key::State;
use passgate_proto::token::v1::watch_changes_response::Message;
use sea_orm::ConnectionTrait as _;
use tonic::Code;

use crate::support::calls::{denied, refused, with_service, with_token};
use crate::support::watching::start;
use crate::support::{Harness, NOW, on_both, told};

async fn listed(service: &Harness) -> pb::ListKeysResponse {
    let request = with_service(&service.installation.gateway, pb::ListKeysRequest {});
    service.replica.keys().list_keys(request).await.expect("keys").into_inner()
}

on_both![
    whoever_knows_the_listed_keys_can_verify_tokens,
    keys_are_for_services_and_for_who_is_granted_them,
    installation_and_key_survive_a_restart,
    tokens_of_a_revoked_key_are_refused,
    no_private_half_lies_in_the_database,
    a_key_that_is_revoked_is_so_at_once_here_and_on_the_stream,
];

async fn whoever_knows_the_listed_keys_can_verify_tokens(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;

    let listed = listed(&service).await;

    assert!(listed.issuer.starts_with("urn:passgate:"), "{}", listed.issuer);
    let [key] = listed.keys.as_slice() else { panic!("one key") };
    assert_eq!((key.algorithm.as_str(), key.state()), ("EdDSA", State::Signing));
    let public =
        PublicKey::new(key.public_key.to_vec().try_into().expect("32 bytes"), KeyState::Signing).expect("a key");
    assert_eq!(public.kid().as_str(), key.kid);
    let keys = KeySet::new(listed.issuer, [public]);
    let now = u64::try_from(NOW.unix_timestamp()).expect("after 1970");
    assert!(verify(&keys, session.as_bytes(), now).is_ok());
}

async fn keys_are_for_services_and_for_who_is_granted_them(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let (_, granted) = service.user(&["apis/passgate.token.v1.KeyService/ListKeys"]).await;

    let refusal =
        service.replica.keys().list_keys(with_token(&session, pb::ListKeysRequest {})).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::PermissionDenied, "NO_GRANT"));
    service.replica.keys().list_keys(with_token(&granted, pb::ListKeysRequest {})).await.expect("keys");
}

async fn installation_and_key_survive_a_restart(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let before = listed(&service).await;

    let Harness { installation, replica } = service;
    replica.stop().await;
    let replica = installation.replica().await;
    let service = Harness { installation, replica };

    assert_eq!(listed(&service).await, before);
    assert_eq!(service.authorize(&session, "endpoints/a").await, Ok(()));
}

async fn tokens_of_a_revoked_key_are_refused(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let Harness { installation, replica } = service;
    replica.stop().await;
    let store = Store::open(installation.database.config(), "token", &Ambient::system()).await.expect("the database");
    let revoke = store.write(|tx| {
        Box::pin(async move {
            tx.connection().execute_unprepared("UPDATE signing_key SET state = 'revoked'").await?;
            Ok::<_, StoreError>(())
        })
    });
    let _ = revoke.await.expect("revoked");
    store.close().await;

    let replica = installation.replica().await;
    let service = Harness { installation, replica };

    assert_eq!(service.authorize(&session, "endpoints/a").await, denied("KEY_REVOKED"));
}

async fn no_private_half_lies_in_the_database(service: Harness) {
    let store =
        Store::open(service.installation.database.config(), "token", &Ambient::system()).await.expect("the database");
    let row = store.read(|db| {
        Box::pin(async move {
            let sql = sea_orm::Statement::from_string(db.get_database_backend(), "SELECT sealed FROM signing_key");
            Ok::<_, StoreError>(db.query_one_raw(sql).await?)
        })
    });
    let sealed: Vec<u8> = row.await.expect("read").expect("a key").try_get("", "sealed").expect("bytes");

    assert_eq!(sealed.len(), 12 + 32 + 16, "nonce, sealed seed, tag");
}

async fn a_key_that_is_revoked_is_so_at_once_here_and_on_the_stream(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    assert_eq!(service.authorize(&session, "endpoints/a").await, Ok(()));
    let mut watching = service.replica.watch(&service.installation.gateway, start("gateway", 1, None)).await;
    let kid = watching.keys.keys[0].kid.clone();
    assert_eq!(
        (watching.keys.keys[0].state(), watching.keys.issuer.clone()),
        (State::Signing, listed(&service).await.issuer)
    );

    // As another process does it: the row, and its line in the feed.
    let store =
        Store::open(service.installation.database.config(), "token", &Ambient::system()).await.expect("the database");
    let touch = Touch::Key(kid.clone());
    let revoke = store.write(|tx| {
        Box::pin(async move {
            tx.connection().execute_unprepared("UPDATE signing_key SET state = 'revoked'").await?;
            tx.append(Change::new("key.revoked", "keys").touch(touch), &Actor::passgate("test"));
            Ok::<_, StoreError>(())
        })
    });
    let _ = revoke.await.expect("revoked");
    store.close().await;

    watching.until_touched(&format!("keys/{kid}")).await;
    assert!(matches!(watching.next().await, Ok(Message::Keys(_))), "right after it");
    assert_eq!(watching.keys.keys[0].state(), State::Revoked);
    assert_eq!(service.authorize(&session, "endpoints/a").await, denied("KEY_REVOKED"));
}
