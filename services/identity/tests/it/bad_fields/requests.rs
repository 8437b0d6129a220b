//! The requests of each service: what is right, and what each field may not be.

use passgate_proto::identity::v1::*;
use passgate_proto::r#type::v1::PatternList;
use prost_types::FieldMask;

use super::values::*;
use super::{Tried, Wrong};
use crate::support::Client;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Walks one method.
macro_rules! walk {
    ($tried:ident, $client:ident, $name:literal = $service:ident.$method:ident($right:expr), [$($wrong:expr),+ $(,)?]) => {
        let wrong: Vec<Wrong<_>> = [$($wrong),+].into_iter().flatten().collect();
        $tried.walk($name, $right, wrong, |request| async move { $client.$service().$method(request).await.map(drop) }).await;
    };
}

fn all() -> Option<FieldMask> {
    Some(FieldMask { paths: vec!["*".into()] })
}

/// A change to the resource in an update.
macro_rules! within {
    ($request:ident.$resource:ident.$field:ident) => {
        |r: &mut $request, v| r.$resource.get_or_insert_default().$field = v
    };
}

/// Whether a resource is there at all is tried alone: a field in what is not there has no value.
async fn is_required<R: Clone + std::fmt::Debug, F: Future<Output = Result<(), tonic::Status>>>(
    tried: &mut Tried,
    method: &'static str,
    field: &'static str,
    right: R,
    call: impl Fn(R) -> F,
) {
    tried.walk(method, right, vec![one(field, |_| ())], call).await;
}

pub async fn of_users(tried: &mut Tried, client: &Client, bob: &str) {
    let right = CreateUserRequest { email: "new@example.org".into(), ..Default::default() };
    walk!(
        tried,
        client,
        "CreateUser" = users.create_user(right),
        [
            emails("email", |r: &mut CreateUserRequest, v| r.email = v),
            names("display_name", |r: &mut CreateUserRequest, v| r.display_name = v),
            new_passwords("password", |r: &mut CreateUserRequest, v| r.password = v),
            vec![one("password", |r: &mut CreateUserRequest| r.password = Some("new@example.org1".into()))],
            descriptions("description", |r: &mut CreateUserRequest, v| r.description = v),
            labels("labels", |r: &mut CreateUserRequest, v| r.labels = v),
            patterns("grants[0]", "grants", |r: &mut CreateUserRequest, v| r.grants = v),
            groups(|r: &mut CreateUserRequest, v| r.groups = v),
            request_ids(|r: &mut CreateUserRequest, v| r.request_id = v),
        ]
    );
    walk!(
        tried,
        client,
        "ListUsers" = users.list_users(ListUsersRequest::default()),
        [
            page_sizes(|r: &mut ListUsersRequest, v| r.page_size = v),
            page_tokens(|r: &mut ListUsersRequest, v| r.page_token = v),
            listings(|r: &mut ListUsersRequest, v| r.filter = v, |r: &mut ListUsersRequest, v| r.order_by = v),
            states(|r: &mut ListUsersRequest, v| r.state = v),
            texts("email", &["a", "a@", "a\u{200b}@b"], |r: &mut ListUsersRequest, v| r.email = v),
        ]
    );
    walk!(
        tried,
        client,
        "GetUser" = users.get_user(GetUserRequest { id: ID.into() }),
        [ids("id", |r: &mut GetUserRequest, v| r.id = v),]
    );
    walk!(
        tried,
        client,
        "DisableUser" = users.disable_user(DisableUserRequest { id: ID.into(), confirm_within: None }),
        [
            ids("id", |r: &mut DisableUserRequest, v| r.id = v),
            confirmations(|r: &mut DisableUserRequest, v| r.confirm_within = v)
        ]
    );
    walk!(
        tried,
        client,
        "EnableUser" = users.enable_user(EnableUserRequest { id: ID.into() }),
        [ids("id", |r: &mut EnableUserRequest, v| r.id = v),]
    );
    walk!(
        tried,
        client,
        "DeleteUser" = users.delete_user(DeleteUserRequest { id: ID.into(), ..Default::default() }),
        [
            ids("id", |r: &mut DeleteUserRequest, v| r.id = v),
            confirmations(|r: &mut DeleteUserRequest, v| r.confirm_within = v)
        ]
    );
    walk!(
        tried,
        client,
        "SetPassword" = users.set_password(SetPasswordRequest { id: bob.to_owned(), ..Default::default() }),
        [
            ids("id", |r: &mut SetPasswordRequest, v| r.id = v),
            new_passwords("new_password", |r: &mut SetPasswordRequest, v| r.new_password = v),
            vec![one("new_password", |r: &mut SetPasswordRequest| r.new_password = Some("bob@example.org1".into()))],
            texts("current_password", &["a\0b", &"x".repeat(1025)], |r: &mut SetPasswordRequest, v| r
                .current_password =
                v),
        ]
    );
    let right = UpdateUserRequest {
        user: Some(User { id: ID.into(), email: "new@example.org".into(), ..Default::default() }),
        update_mask: all(),
    };
    walk!(
        tried,
        client,
        "UpdateUser" = users.update_user(right.clone()),
        [
            ids("user.id", within!(UpdateUserRequest.user.id)),
            emails("user.email", within!(UpdateUserRequest.user.email)),
            names("user.display_name", within!(UpdateUserRequest.user.display_name)),
            descriptions("user.description", within!(UpdateUserRequest.user.description)),
            labels("user.labels", within!(UpdateUserRequest.user.labels)),
        ]
    );
    walk!(
        tried,
        client,
        "UpdateUser" = users.update_user(right),
        [masks(|r: &mut UpdateUserRequest, v| r.update_mask = v),]
    );
    is_required(
        tried,
        "UpdateUser",
        "user",
        UpdateUserRequest { user: None, update_mask: all() },
        |request| async move { client.users().update_user(request).await.map(drop) },
    )
    .await;
}

pub async fn of_api_users(tried: &mut Tried, client: &Client) {
    let token = Some(InitialToken { name: "first".into(), ..Default::default() });
    let right = CreateApiUserRequest { name: "new".into(), token, ..Default::default() };
    walk!(
        tried,
        client,
        "CreateApiUser" = api_users.create_api_user(right),
        [
            required_names("name", |r: &mut CreateApiUserRequest, v| r.name = v),
            descriptions("description", |r: &mut CreateApiUserRequest, v| r.description = v),
            labels("labels", |r: &mut CreateApiUserRequest, v| r.labels = v),
            patterns("grants[0]", "grants", |r: &mut CreateApiUserRequest, v| r.grants = v),
            groups(|r: &mut CreateApiUserRequest, v| r.groups = v),
            request_ids(|r: &mut CreateApiUserRequest, v| r.request_id = v),
            required_names("token.name", within!(CreateApiUserRequest.token.name)),
            descriptions("token.description", within!(CreateApiUserRequest.token.description)),
            labels("token.labels", within!(CreateApiUserRequest.token.labels)),
            patterns("token.scopes.patterns[0]", "token.scopes.patterns", |r: &mut CreateApiUserRequest, patterns| {
                r.token.get_or_insert_default().scopes = Some(PatternList { patterns });
            }),
            vec![one("token.scopes", |r: &mut CreateApiUserRequest| {
                r.token.get_or_insert_default().scopes = Some(PatternList::default());
            })],
            durations("token.ttl", within!(CreateApiUserRequest.token.ttl)),
        ]
    );
    walk!(
        tried,
        client,
        "ListApiUsers" = api_users.list_api_users(ListApiUsersRequest::default()),
        [
            page_sizes(|r: &mut ListApiUsersRequest, v| r.page_size = v),
            page_tokens(|r: &mut ListApiUsersRequest, v| r.page_token = v),
            listings(|r: &mut ListApiUsersRequest, v| r.filter = v, |r: &mut ListApiUsersRequest, v| r.order_by = v),
            states(|r: &mut ListApiUsersRequest, v| r.state = v),
            names("name", |r: &mut ListApiUsersRequest, v| r.name = v),
        ]
    );
    walk!(
        tried,
        client,
        "GetApiUser" = api_users.get_api_user(GetApiUserRequest { id: ID.into() }),
        [ids("id", |r: &mut GetApiUserRequest, v| r.id = v),]
    );
    walk!(
        tried,
        client,
        "DisableApiUser" = api_users.disable_api_user(DisableApiUserRequest { id: ID.into(), confirm_within: None }),
        [
            ids("id", |r: &mut DisableApiUserRequest, v| r.id = v),
            confirmations(|r: &mut DisableApiUserRequest, v| r.confirm_within = v)
        ]
    );
    walk!(
        tried,
        client,
        "EnableApiUser" = api_users.enable_api_user(EnableApiUserRequest { id: ID.into() }),
        [ids("id", |r: &mut EnableApiUserRequest, v| r.id = v),]
    );
    walk!(
        tried,
        client,
        "DeleteApiUser" = api_users.delete_api_user(DeleteApiUserRequest { id: ID.into(), ..Default::default() }),
        [
            ids("id", |r: &mut DeleteApiUserRequest, v| r.id = v),
            confirmations(|r: &mut DeleteApiUserRequest, v| r.confirm_within = v)
        ]
    );
    let right = UpdateApiUserRequest {
        api_user: Some(ApiUser { id: ID.into(), name: "new".into(), ..Default::default() }),
        update_mask: all(),
    };
    walk!(
        tried,
        client,
        "UpdateApiUser" = api_users.update_api_user(right.clone()),
        [
            ids("api_user.id", within!(UpdateApiUserRequest.api_user.id)),
            required_names("api_user.name", within!(UpdateApiUserRequest.api_user.name)),
            descriptions("api_user.description", within!(UpdateApiUserRequest.api_user.description)),
            labels("api_user.labels", within!(UpdateApiUserRequest.api_user.labels)),
        ]
    );
    walk!(
        tried,
        client,
        "UpdateApiUser" = api_users.update_api_user(right),
        [masks(|r: &mut UpdateApiUserRequest, v| r.update_mask = v),]
    );
    is_required(
        tried,
        "UpdateApiUser",
        "api_user",
        UpdateApiUserRequest { api_user: None, update_mask: all() },
        |request| async move { client.api_users().update_api_user(request).await.map(drop) },
    )
    .await;
}

pub async fn of_groups(tried: &mut Tried, client: &Client) {
    walk!(
        tried,
        client,
        "CreateGroup" = groups.create_group(CreateGroupRequest { name: "new".into(), ..Default::default() }),
        [
            required_names("name", |r: &mut CreateGroupRequest, v| r.name = v),
            descriptions("description", |r: &mut CreateGroupRequest, v| r.description = v),
            labels("labels", |r: &mut CreateGroupRequest, v| r.labels = v),
            request_ids(|r: &mut CreateGroupRequest, v| r.request_id = v),
        ]
    );
    walk!(
        tried,
        client,
        "ListGroups" = groups.list_groups(ListGroupsRequest::default()),
        [
            page_sizes(|r: &mut ListGroupsRequest, v| r.page_size = v),
            page_tokens(|r: &mut ListGroupsRequest, v| r.page_token = v),
            listings(|r: &mut ListGroupsRequest, v| r.filter = v, |r: &mut ListGroupsRequest, v| r.order_by = v),
            names("name", |r: &mut ListGroupsRequest, v| r.name = v),
        ]
    );
    walk!(
        tried,
        client,
        "GetGroup" = groups.get_group(GetGroupRequest { id: ID.into() }),
        [ids("id", |r: &mut GetGroupRequest, v| r.id = v),]
    );
    walk!(
        tried,
        client,
        "DeleteGroup" = groups.delete_group(DeleteGroupRequest { id: ID.into(), ..Default::default() }),
        [ids("id", |r: &mut DeleteGroupRequest, v| r.id = v),]
    );
    let member = || format!("users/{ID}");
    walk!(
        tried,
        client,
        "AddMember" = groups.add_member(AddMemberRequest { group_id: ID.into(), member: member() }),
        [
            ids("group_id", |r: &mut AddMemberRequest, v| r.group_id = v),
            principals("member", |r: &mut AddMemberRequest, v| r.member = v),
        ]
    );
    walk!(
        tried,
        client,
        "RemoveMember" =
            groups.remove_member(RemoveMemberRequest { group_id: ID.into(), member: member(), confirm_within: None }),
        [
            ids("group_id", |r: &mut RemoveMemberRequest, v| r.group_id = v),
            principals("member", |r: &mut RemoveMemberRequest, v| r.member = v),
            confirmations(|r: &mut RemoveMemberRequest, v| r.confirm_within = v),
        ]
    );
    walk!(
        tried,
        client,
        "ListMembers" = groups.list_members(ListMembersRequest { group_id: ID.into(), ..Default::default() }),
        [
            ids("group_id", |r: &mut ListMembersRequest, v| r.group_id = v),
            page_sizes(|r: &mut ListMembersRequest, v| r.page_size = v),
            page_tokens(|r: &mut ListMembersRequest, v| r.page_token = v),
        ]
    );
    let right = UpdateGroupRequest {
        group: Some(Group { id: ID.into(), name: "new".into(), ..Default::default() }),
        update_mask: all(),
    };
    walk!(
        tried,
        client,
        "UpdateGroup" = groups.update_group(right.clone()),
        [
            ids("group.id", within!(UpdateGroupRequest.group.id)),
            required_names("group.name", within!(UpdateGroupRequest.group.name)),
            descriptions("group.description", within!(UpdateGroupRequest.group.description)),
            labels("group.labels", within!(UpdateGroupRequest.group.labels)),
        ]
    );
    walk!(
        tried,
        client,
        "UpdateGroup" = groups.update_group(right),
        [masks(|r: &mut UpdateGroupRequest, v| r.update_mask = v),]
    );
    is_required(
        tried,
        "UpdateGroup",
        "group",
        UpdateGroupRequest { group: None, update_mask: all() },
        |request| async move { client.groups().update_group(request).await.map(drop) },
    )
    .await;
}

pub async fn of_grants(tried: &mut Tried, client: &Client) {
    let (holder, patterns_given) = (|| format!("users/{ID}"), || vec!["endpoints/a".to_owned()]);
    walk!(
        tried,
        client,
        "Grant" = grants.grant(GrantRequest { holder: holder(), patterns: patterns_given() }),
        [
            holders("holder", |r: &mut GrantRequest, v| r.holder = v),
            texts("holder", &[""], |r: &mut GrantRequest, v| r.holder = v),
            patterns("patterns[0]", "patterns", |r: &mut GrantRequest, v| r.patterns = v),
            vec![one("patterns", |r: &mut GrantRequest| r.patterns = Vec::new())],
        ]
    );
    walk!(
        tried,
        client,
        "Revoke" = grants.revoke(RevokeRequest { holder: holder(), patterns: patterns_given(), confirm_within: None }),
        [
            holders("holder", |r: &mut RevokeRequest, v| r.holder = v),
            texts("holder", &[""], |r: &mut RevokeRequest, v| r.holder = v),
            patterns("patterns[0]", "patterns", |r: &mut RevokeRequest, v| r.patterns = v),
            confirmations(|r: &mut RevokeRequest, v| r.confirm_within = v),
            vec![one("patterns", |r: &mut RevokeRequest| r.patterns = Vec::new())],
        ]
    );
    walk!(
        tried,
        client,
        "ListGrants" = grants.list_grants(ListGrantsRequest::default()),
        [
            holders("holder", |r: &mut ListGrantsRequest, v| r.holder = v),
            texts(
                "resource",
                &["a", "endpoints/", "endpoints/a*", "endpoints/A", "*"],
                |r: &mut ListGrantsRequest, v| r.resource = v
            ),
            page_sizes(|r: &mut ListGrantsRequest, v| r.page_size = v),
            page_tokens(|r: &mut ListGrantsRequest, v| r.page_token = v),
        ]
    );
}

pub async fn of_sessions(tried: &mut Tried, client: &Client) {
    let right = SignInRequest { email: "a@b.org".into(), password: "some words or other".into(), new_password: None };
    walk!(
        tried,
        client,
        "SignIn" = sessions.sign_in(right),
        [
            texts("email", &["", &"a".repeat(255)], |r: &mut SignInRequest, v| r.email = v),
            texts("password", &["", "a\0b", &"x".repeat(1025)], |r: &mut SignInRequest, v| r.password = v),
            new_passwords("new_password", |r: &mut SignInRequest, v| r.new_password = v),
        ]
    );
}

pub async fn of_audit(tried: &mut Tried, client: &Client) {
    let filters = ["moon = 1", "kind > a", "time = soon", "token_id = x", "kind = \"a\0b\"", "kind ="];
    walk!(
        tried,
        client,
        "ListAuditEvents" = audit.list_audit_events(ListAuditEventsRequest::default()),
        [
            vec![one("page_size", |r: &mut ListAuditEventsRequest| r.page_size = -1)],
            texts("page_token", &["made up", "AAAA"], |r: &mut ListAuditEventsRequest, v| r.page_token = v),
            texts("filter", &filters, |r: &mut ListAuditEventsRequest, v| r.filter = v),
        ]
    );
    walk!(
        tried,
        client,
        "WatchAuditEvents" = audit.watch_audit_events(WatchAuditEventsRequest::default()),
        [
            vec![one("after_number", |r: &mut WatchAuditEventsRequest| r.after_number = Some(u64::MAX))],
            texts("filter", &filters, |r: &mut WatchAuditEventsRequest, v| r.filter = v),
        ]
    );
    let known = passgate_proto::r#type::v1::Position { feed_id: ID.into(), number: 1, hash: vec![0; 31] };
    walk!(
        tried,
        client,
        "VerifyChain" = audit.verify_chain(VerifyChainRequest::default()),
        [
            vec![one("from_number", |r: &mut VerifyChainRequest| r.from_number = u64::MAX)],
            vec![one("to_number", |r: &mut VerifyChainRequest| r.to_number = u64::MAX)],
            vec![one("known", move |r: &mut VerifyChainRequest| r.known = Some(known.clone()))],
            vec![one("known", |r: &mut VerifyChainRequest| r.known = Some(Default::default()))],
        ]
    );
}
