//! Power is contained: every RPC of this service is classified here, and one that gives, restores or takes power is called by
//! somebody who holds less than what it is about.

use std::collections::BTreeSet;

use passgate_kit::client::{Principal, UserId};
use passgate_proto::access::{RULES, Rule};
use passgate_proto::identity::v1::*;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::support::{Client, Harness, on_both, reason, told};

const ADMINISTRATORS: &str = "00000000-0000-7000-8000-000000000001";
/// What the targets hold, and the caller does not.
const POWER: &str = "endpoints/sales-*";

/// What an RPC does with power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Gives or restores power, or a way to use somebody else's.
    Gives,
    /// Takes power away, or changes by what people know who has it: needs cover.
    NeedsCover,
    /// Gives nothing and takes nothing.
    GrantAlone,
    /// Reads.
    Reads,
    /// For everybody, on oneself alone.
    OnesOwn,
    /// For Passgate's own services.
    Internal,
}

fn class(method: &str) -> Option<Class> {
    Some(match method {
        "CreateUser" | "EnableUser" | "SetPassword" | "UpdateUser" => Class::Gives,
        "CreateApiUser" | "EnableApiUser" => Class::Gives,
        "AddMember" | "Grant" => Class::Gives,
        "DisableUser" | "DeleteUser" => Class::NeedsCover,
        "UpdateApiUser" | "DisableApiUser" | "DeleteApiUser" => Class::NeedsCover,
        "UpdateGroup" | "DeleteGroup" | "RemoveMember" | "Revoke" => Class::NeedsCover,
        "CreateGroup" => Class::GrantAlone,
        "GetUser" | "ListUsers" | "GetSelf" => Class::Reads,
        "GetApiUser" | "ListApiUsers" => Class::Reads,
        "GetGroup" | "ListGroups" | "ListMembers" | "ListGrants" => Class::Reads,
        "ListAuditEvents" | "WatchAuditEvents" | "VerifyChain" => Class::Reads,
        "SignIn" | "SignOut" => Class::OnesOwn,
        "GetPrincipal" | "WatchPrincipals" | "ResolveCreation" => Class::Internal,
        _ => return None,
    })
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(|rule| rule.service.starts_with("passgate.identity."))
}

/// Things that hold [`POWER`]: a user, an API user and a group; and a user and a group that hold nothing.
struct Targets {
    user: UserId,
    api_user: String,
    group: String,
    nobody: UserId,
    empty: String,
}

impl Targets {
    async fn make(harness: &Harness) -> Self {
        let group = |name: &str| CreateGroupRequest { name: name.into(), ..Default::default() };
        let api_user =
            CreateApiUserRequest { name: "machine".into(), grants: vec![POWER.into()], ..Default::default() };
        let api_user = harness.admin.api_users().create_api_user(api_user).await.expect("created").into_inner();
        let wide = harness.admin.groups().create_group(group("wide")).await.expect("created").into_inner();
        let empty = harness.admin.groups().create_group(group("empty")).await.expect("created").into_inner();
        let wide = wide.group.expect("a group").id;
        let give = GrantRequest { holder: format!("groups/{wide}"), patterns: vec![POWER.into()] };
        harness.admin.grants().grant(give).await.expect("given");
        Self {
            user: harness.user("carol@example.org", &[POWER]).await,
            api_user: api_user.api_user.expect("it").id,
            group: wide,
            nobody: harness.user("dave@example.org", &[]).await,
            empty: empty.group.expect("a group").id,
        }
    }
}

type Acts = Vec<(&'static str, Result<(), Status>)>;

/// Every act that needs power, in an order in which all of them succeed for who holds enough. Each act of a method is listed
/// under its name in the contract.
async fn acts(targets: &Targets, client: &Client) -> Acts {
    let mut acts = on_users(targets, client).await;
    acts.extend(on_api_users(targets, client).await);
    acts.extend(on_groups_and_grants(targets, client).await);
    acts
}

macro_rules! acts {
    ($client:ident: $($name:literal = $service:ident.$method:ident($request:expr)),+ $(,)?) => {
        vec![$(($name, $client.$service().$method($request).await.map(drop))),+]
    };
}

fn mask(path: &str) -> Option<FieldMask> {
    Some(FieldMask { paths: vec![path.to_owned()] })
}

async fn on_users(targets: &Targets, client: &Client) -> Acts {
    let id = targets.user.to_string();
    let new = |email: &str| CreateUserRequest { email: email.to_owned(), ..Default::default() };
    let user = |user: User| User { id: id.clone(), ..user };
    let email = user(User { email: "carols@example.org".into(), ..Default::default() });
    let shown = user(User { display_name: "Carol".into(), ..Default::default() });
    acts![client:
        "CreateUser" = users.create_user(CreateUserRequest { grants: vec![POWER.into()], ..new("e@example.org") }),
        "CreateUser" = users.create_user(CreateUserRequest {
            groups: vec![format!("groups/{}", targets.group)], ..new("f@example.org")
        }),
        "UpdateUser" = users.update_user(UpdateUserRequest { user: Some(email), update_mask: mask("email") }),
        "UpdateUser" = users.update_user(UpdateUserRequest { user: Some(shown), update_mask: mask("display_name") }),
        "SetPassword" = users.set_password(SetPasswordRequest { id: id.clone(), ..Default::default() }),
        "DisableUser" = users.disable_user(DisableUserRequest { id: id.clone(), confirm_within: None }),
        "EnableUser" = users.enable_user(EnableUserRequest { id: id.clone() }),
    ]
}

async fn on_api_users(targets: &Targets, client: &Client) -> Acts {
    let id = targets.api_user.clone();
    let new = |name: &str| CreateApiUserRequest { name: name.to_owned(), ..Default::default() };
    let token = Some(InitialToken { name: "first".into(), ..Default::default() });
    let renamed = Some(ApiUser { id: id.clone(), name: "other".into(), ..Default::default() });
    acts![client:
        "CreateApiUser" = api_users.create_api_user(CreateApiUserRequest { grants: vec![POWER.into()], ..new("e") }),
        "CreateApiUser" = api_users.create_api_user(CreateApiUserRequest {
            groups: vec![format!("groups/{}", targets.group)], ..new("f")
        }),
        "CreateApiUser" = api_users.create_api_user(CreateApiUserRequest {
            grants: vec![POWER.into()], token, ..new("g")
        }),
        "UpdateApiUser" = api_users.update_api_user(UpdateApiUserRequest {
            api_user: renamed, update_mask: mask("name")
        }),
        "DisableApiUser" = api_users.disable_api_user(DisableApiUserRequest { id: id.clone(), confirm_within: None }),
        "EnableApiUser" = api_users.enable_api_user(EnableApiUserRequest { id: id.clone() }),
        "DeleteApiUser" = api_users.delete_api_user(DeleteApiUserRequest { id, ..Default::default() }),
    ]
}

async fn on_groups_and_grants(targets: &Targets, client: &Client) -> Acts {
    let Targets { user, group, nobody, empty, .. } = targets;
    let member = |id: &UserId| format!("users/{id}");
    let add = |group: &str, id: &UserId| AddMemberRequest { group_id: group.to_owned(), member: member(id) };
    let remove = |group: &str, id: &UserId| RemoveMemberRequest {
        group_id: group.to_owned(),
        member: member(id),
        confirm_within: None,
    };
    let give = |holder: String, pattern: &str| GrantRequest { holder, patterns: vec![pattern.to_owned()] };
    let take = |holder: String, pattern: &str| RevokeRequest {
        holder,
        patterns: vec![pattern.to_owned()],
        confirm_within: None,
    };
    let renamed = Some(Group { id: group.clone(), name: "others".into(), ..Default::default() });
    acts![client:
        "AddMember" = groups.add_member(add(group, nobody)),
        "AddMember" = groups.add_member(add(empty, user)),
        "RemoveMember" = groups.remove_member(remove(empty, user)),
        "RemoveMember" = groups.remove_member(remove(group, nobody)),
        "Grant" = grants.grant(give(member(nobody), POWER)),
        "Grant" = grants.grant(give(member(user), "apis/passgate.token.v1.TokenService/GetToken")),
        "Grant" = grants.grant(give(format!("groups/{group}"), "apis/passgate.token.v1.TokenService/GetToken")),
        "Grant" = grants.grant(give(format!("groups/{empty}"), POWER)),
        "Revoke" = grants.revoke(take(member(user), "apis/passgate.token.v1.TokenService/GetToken")),
        "Revoke" = grants.revoke(take(format!("groups/{group}"), "apis/passgate.token.v1.TokenService/GetToken")),
        "UpdateGroup" = groups.update_group(UpdateGroupRequest { group: renamed, update_mask: mask("name") }),
        "DeleteGroup" = groups.delete_group(DeleteGroupRequest { id: group.clone(), ..Default::default() }),
        "DeleteUser" = users.delete_user(DeleteUserRequest { id: user.to_string(), ..Default::default() }),
    ]
}

/// Each act was refused for lack of [`POWER`], which was named.
fn refused_for_lack(acts: Acts) {
    for (act, result) in acts {
        let status = result.expect_err(act);
        assert_eq!((status.code(), reason(&status)), (Code::PermissionDenied, "NOT_HELD".into()), "{act}: {status:?}");
        let lacking = tonic_types::StatusExt::get_details_error_info(&status).expect("details").metadata;
        assert_eq!(lacking.get("lacking").map(String::as_str), Some(POWER), "{act}");
        assert!(status.message().contains(POWER), "{act} names what lacks: {}", status.message());
    }
}

#[test]
fn every_rpc_is_classified_and_nothing_else_is() {
    for rule in rules() {
        assert!(class(rule.method).is_some(), "{} is in no class: say what it does with power", rule.path);
    }
    let internal = |rule: &Rule| rule.level == passgate_proto::access::Level::Internal;
    for rule in rules() {
        assert_eq!(internal(rule), class(rule.method) == Some(Class::Internal), "{}", rule.path);
        let reads = rule.action == passgate_proto::access::Action::Read && !internal(rule);
        assert_eq!(reads, class(rule.method) == Some(Class::Reads), "{}", rule.path);
    }
}

on_both! {
    async fn whoever_may_call_everything_of_passgate_has_no_power_over_what_holds_more(harness) {
        let targets = Targets::make(&harness).await;
        let help_desk = harness.user("help@example.org", &["apis/passgate.*"]).await;
        // Of what a refusal names first, only the caller's lack is left.
        let client = harness.session(help_desk);
        let before = (harness.changes().await, harness.query("SELECT state FROM creation").await);

        let acts = acts(&targets, &client).await;

        let walked: BTreeSet<&str> = acts.iter().map(|(name, _)| *name).collect();
        let needed: BTreeSet<&str> = rules()
            .map(|rule| rule.method)
            .filter(|method| matches!(class(method), Some(Class::Gives | Class::NeedsCover)))
            .collect();
        assert_eq!(walked, needed, "every RPC that gives or takes power is called");
        refused_for_lack(acts);
        assert_eq!((harness.changes().await, harness.query("SELECT state FROM creation").await), before);
    }

    async fn a_narrow_token_of_who_holds_everything_has_no_more_power_than_its_scopes(harness) {
        let targets = Targets::make(&harness).await;
        let narrow = harness.named(Principal::User(harness.admin_user), &["apis/passgate.*"]);
        let before = harness.changes().await;

        refused_for_lack(acts(&targets, &narrow).await);

        assert_eq!(harness.changes().await, before, "nothing was changed");
    }

    async fn the_same_acts_are_open_to_who_holds_as_much(harness) {
        let targets = Targets::make(&harness).await;
        let help_desk = harness.user("help@example.org", &["apis/passgate.*", POWER]).await;

        for (act, result) in acts(&targets, &harness.session(help_desk)).await {
            result.unwrap_or_else(|status| panic!("{act}: {status:?}"));
        }
    }

    async fn what_administrators_hold_is_beyond_who_holds_less(harness) {
        let help_desk = harness.session(harness.user("help@example.org", &["apis/passgate.*"]).await);
        let holder = format!("users/{}", harness.admin_user);
        let before = harness.changes().await;

        let add = AddMemberRequest { group_id: ADMINISTRATORS.into(), member: holder.clone() };
        let remove = RemoveMemberRequest { group_id: ADMINISTRATORS.into(), member: holder.clone(), confirm_within: None };
        let give = GrantRequest { holder: holder.clone(), patterns: vec!["apis/passgate.*".into()] };
        let refused = (Code::PermissionDenied, "NOT_HELD".to_owned());
        assert_eq!(told(help_desk.groups().add_member(add).await), refused);
        assert_eq!(told(help_desk.groups().remove_member(remove).await), refused);
        assert_eq!(told(help_desk.grants().grant(give).await), refused);
        let password = SetPasswordRequest { id: harness.admin_user.to_string(), ..Default::default() };
        assert_eq!(told(help_desk.users().set_password(password).await), refused);

        assert_eq!(harness.changes().await, before, "nothing was changed");
    }
}
