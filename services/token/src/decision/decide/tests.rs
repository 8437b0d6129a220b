use passgate_kit::client::{Description, Kid, Labels, Name, UserId};
use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::token::Secret;

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00 UTC);

fn patterns(texts: &[&str]) -> Patterns {
    Patterns::parse_list(texts).expect("patterns")
}

fn alice() -> UserId {
    UserId::new(Uuid::from_u128(1))
}

fn token(scopes: Scopes) -> Token {
    let kid = Kid::of(&[1; 32]);
    Token {
        id: TokenId::new(Uuid::from_u128(2)),
        owner: alice().into(),
        name: Name::parse("laptop").expect("a name"),
        description: Description::default(),
        labels: Labels::default(),
        scopes,
        life: Life::Active,
        creation: None,
        create_time: NOW,
        expire_time: Some(NOW + Duration::days(1)),
        created_by: alice().into(),
        created_with: None,
        update_time: NOW,
        secrets: vec![Secret { jti: Jti::new(Uuid::from_u128(3)), kid, create_time: NOW }],
        revision: 1,
        owner_deleted: false,
    }
}

fn named(token: Token) -> Row {
    Row::Named(Box::new(token))
}

fn session(epoch: u64) -> Row {
    Row::Session(Session {
        id: TokenId::new(Uuid::from_u128(2)),
        jti: Jti::new(Uuid::from_u128(3)),
        kid: Kid::of(&[1; 32]),
        owner: alice(),
        epoch,
        auth_time: NOW,
        create_time: NOW,
        expire_time: NOW + Duration::hours(8),
        end_time: None,
    })
}

fn owner(grants: &[&str]) -> Owner {
    let record = PrincipalRecord {
        principal: alice().into(),
        display_name: "Alice".to_owned(),
        enabled: true,
        deleted: false,
        grants: patterns(grants),
        groups: Vec::new(),
        session_epoch: 0,
        kept_session: None,
    };
    Owner { record: Arc::new(record), groups: Vec::new() }
}

fn reason(row: Option<&Row>, owner: Option<&Owner>, now: OffsetDateTime) -> Option<Reason> {
    let resource = Resource::parse("endpoints/sales").expect("a resource");
    let facts = Facts { row, jti: Some(Jti::new(Uuid::from_u128(3))), owner };
    decide(facts, &resource, Action::Read, now).err().map(|denied| denied.reason)
}

#[test]
fn a_token_without_scopes_may_what_its_owner_may() {
    let row = named(token(Scopes::Unrestricted));

    assert_eq!(reason(Some(&row), Some(&owner(&["endpoints/sales"])), NOW), None);
    assert_eq!(reason(Some(&row), Some(&owner(&["endpoints/hr"])), NOW), Some(Reason::NoGrant));
}

#[test]
fn the_first_step_that_refuses_gives_the_reason() {
    let mut worst = token(Scopes::Only(patterns(&["endpoints/hr"])));
    worst.expire_time = Some(NOW);
    worst.life = Life::Disabled { at: NOW };
    let mut gone = owner(&[]);
    Arc::make_mut(&mut gone.record).enabled = false;

    assert_eq!(reason(Some(&named(worst.clone())), Some(&gone), NOW), Some(Reason::TokenDisabled));
    worst.life = Life::Active;
    assert_eq!(reason(Some(&named(worst.clone())), Some(&gone), NOW), Some(Reason::TokenExpired));
    worst.expire_time = None;
    assert_eq!(reason(Some(&named(worst.clone())), None, NOW), Some(Reason::OwnerDeleted));
    assert_eq!(reason(Some(&named(worst.clone())), Some(&gone), NOW), Some(Reason::OwnerDisabled));
    Arc::make_mut(&mut gone.record).enabled = true;
    assert_eq!(reason(Some(&named(worst)), Some(&gone), NOW), Some(Reason::NoScope));
}

#[test]
fn a_token_without_a_row_or_with_another_secret_is_refused() {
    let mut other = token(Scopes::Unrestricted);
    other.secrets.clear();

    assert_eq!(reason(None, Some(&owner(&["*"])), NOW), Some(Reason::TokenRevoked));
    assert_eq!(reason(Some(&named(other)), Some(&owner(&["*"])), NOW), Some(Reason::TokenRevoked));
}

#[test]
fn a_provisional_token_is_refused_only_for_having_no_owner() {
    let mut early = token(Scopes::Unrestricted);
    early.life = Life::Provisional;
    let early = named(early);

    assert_eq!(reason(Some(&early), None, NOW), Some(Reason::OwnerDeleted));
    assert_eq!(reason(Some(&early), Some(&owner(&["*"])), NOW), None);
}

#[test]
fn a_session_of_an_older_epoch_is_over_unless_it_was_kept() {
    let mut owner = owner(&["*"]);
    assert_eq!(reason(Some(&session(0)), Some(&owner), NOW), None);

    Arc::make_mut(&mut owner.record).session_epoch = 1;
    assert_eq!(reason(Some(&session(0)), Some(&owner), NOW), Some(Reason::TokenRevoked));
    assert_eq!(reason(Some(&session(1)), Some(&owner), NOW), None);

    Arc::make_mut(&mut owner.record).kept_session = Some(TokenId::new(Uuid::from_u128(2)));
    assert_eq!(reason(Some(&session(0)), Some(&owner), NOW), None);
}

#[test]
fn a_group_gives_what_it_holds() {
    let mut owner = owner(&[]);
    let group = GroupId::new(Uuid::from_u128(9));
    let record =
        GroupRecord { id: group, name: "sales".to_owned(), deleted: false, grants: patterns(&["endpoints/sales*"]) };
    owner.groups.push(Arc::new(record));
    let resource = Resource::parse("endpoints/sales").expect("a resource");

    let found = owner.grant_for(&resource, Action::Write).map(|(pattern, source)| (pattern.to_string(), source));

    assert_eq!(found, Some(("endpoints/sales*".to_owned(), Source::Group(group))));
}

fn a_pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("*".to_owned()),
        Just("*:read".to_owned()),
        Just("apis/*".to_owned()),
        "endpoints/[ab]{0,2}\\*(:read|:write)?",
        "endpoints/[ab]{1,3}(:read|:write)?",
    ]
}

proptest! {
    #[test]
    fn no_scope_allows_what_no_grant_covers_and_the_other_way_round(
        grants in prop::collection::vec(a_pattern(), 0..4),
        scopes in prop::option::of(prop::collection::vec(a_pattern(), 1..4)),
        resource in "endpoints/[ab]{1,3}",
        write in any::<bool>(),
    ) {
        let grants = Patterns::parse_list(&grants).expect("patterns");
        let scopes = Scopes::from(scopes.map(|scopes| Patterns::parse_list(&scopes).expect("patterns")));
        let resource = Resource::parse(&resource).expect("a resource");
        let action = if write { Action::Write } else { Action::Read };
        let mut owner = owner(&[]);
        Arc::make_mut(&mut owner.record).grants = grants.clone();
        let row = named(token(scopes.clone()));

        let allowed = decide(Facts { row: Some(&row), jti: None, owner: Some(&owner) }, &resource, action, NOW).is_ok();

        prop_assert_eq!(allowed, grants.covers(&resource, action) && scopes.covers(&resource, action));
        prop_assert_eq!(allowed, scopes.meet_with_grants(&grants).covers(&resource, action));
    }
}
