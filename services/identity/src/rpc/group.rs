//! `passgate.identity.v1.GroupService`.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Description, GroupId, Labels, Name, Principal};
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::request::{BodyDigest, RequestId, confirm_within};
use passgate_proto::identity::v1::group_service_server::GroupService;
use passgate_proto::identity::v1::{
    AddMemberRequest, AddMemberResponse, CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest,
    DeleteGroupResponse, GetGroupRequest, GetGroupResponse, ListGroupsRequest, ListGroupsResponse, ListMembersRequest,
    ListMembersResponse, RemoveMemberRequest, RemoveMemberResponse, UpdateGroupRequest, UpdateGroupResponse,
};
use tonic::{Request, Response, Status};

use super::{Rooms, convert, parse};
use crate::acting::look;
use crate::error::IdentityError;
use crate::principal::group::{self, GroupEdit};
use crate::store::{groups, listing, members, micros, query};
use passgate_kit::filter::Listing;
use passgate_kit::idempotency::Claim;
use passgate_kit::list::Page;

const CHANGEABLE: &[&str] = &["name", "description", "labels"];

#[tonic::async_trait]
impl GroupService for Rooms {
    async fn create_group(
        &self,
        request: Request<CreateGroupRequest>,
    ) -> Result<Response<CreateGroupResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let mut fields = Fields::default();
        let name = fields.check("name", Name::parse(&wanted.name));
        let about = parse::about(&mut fields, "", &wanted.description, &wanted.labels);
        let request_id = fields.check("request_id", RequestId::parse(&wanted.request_id));
        let (Some(name), Some(about), Some(request_id)) = (name, about, request_id) else {
            return Err(fields.into_error().into());
        };
        let id = GroupId::new(self.ambient().uuid_v7());
        let body = BodyDigest::of(&wanted);
        let claim = request_id.map(|request_id| Claim::of(&caller, request_id, body, id.resource_name()));
        let done = self
            .act(&caller, move |acting| Box::pin(async move { group::create(acting, id, name, about, claim).await }))
            .await?;
        self.answer(done, |row| CreateGroupResponse { group: Some(convert::group(row)) })
    }

    async fn get_group(&self, request: Request<GetGroupRequest>) -> Result<Response<GetGroupResponse>, Status> {
        Caller::of(&request)?;
        let id = parse::one("id", GroupId::parse(&request.get_ref().id))?;
        let found = look(&self.store, move |db| Box::pin(async move { Ok(query::group(db, id).await?) })).await?;
        let row = found.ok_or_else(|| IdentityError::NotFound(id.resource_name()))?;
        Ok(Response::new(GetGroupResponse { group: Some(convert::group(row)) }))
    }

    async fn list_groups(&self, request: Request<ListGroupsRequest>) -> Result<Response<ListGroupsResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let mut fields = Fields::default();
        let listing = Listing::parse(&mut fields, &listing::GROUPS, &wanted.filter, &wanted.order_by);
        let query = format!("{}\0{}\0{}", wanted.name, wanted.filter, wanted.order_by);
        let page = Page::parse(&mut fields, &self.pages, &caller, &query, wanted.page_size, &wanted.page_token);
        let name = (!wanted.name.is_empty()).then(|| fields.check("name", Name::parse(&wanted.name)));
        let (Some(page), Some(listing), true) = (page, listing, fields.is_empty()) else {
            return Err(fields.into_error().into());
        };
        let key = name.flatten().map(|name| name.folded().to_owned());
        let (after, limit, now) = (page.after.clone(), page.limit(), micros(self.ambient().now()));
        let asked = listing.clone();
        let found = look(&self.store, move |db| {
            Box::pin(async move { Ok(groups::page(db, key, &asked, after.as_deref(), now, limit).await?) })
        });
        let mut found = found.await?;
        let next_page_token = page.cut(&self.pages, &mut found, |row| listing.cursor(row));
        let groups = found.into_iter().map(convert::group).collect();
        Ok(Response::new(ListGroupsResponse { groups, next_page_token }))
    }

    async fn update_group(
        &self,
        request: Request<UpdateGroupRequest>,
    ) -> Result<Response<UpdateGroupResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let (id, edit, etag) = parse_edit(request.get_ref())?;
        let done =
            self.act(&caller, move |acting| Box::pin(async move { group::update(acting, id, edit, &etag).await }));
        self.answer(done.await?, |row| UpdateGroupResponse { group: Some(convert::group(row)) })
    }

    async fn delete_group(
        &self,
        request: Request<DeleteGroupRequest>,
    ) -> Result<Response<DeleteGroupResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let id = parse::one("id", GroupId::parse(&wanted.id))?;
        let done =
            self.act(&caller, move |acting| Box::pin(async move { group::delete(acting, id, &wanted.etag).await }));
        self.answer(done.await?, |()| DeleteGroupResponse {})
    }

    async fn add_member(&self, request: Request<AddMemberRequest>) -> Result<Response<AddMemberResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let (group, member) = parse_member(&request.get_ref().group_id, &request.get_ref().member)?;
        let done =
            self.act(&caller, move |acting| Box::pin(async move { group::add_member(acting, group, member).await }));
        self.answer(done.await?, |()| AddMemberResponse {})
    }

    async fn remove_member(
        &self,
        request: Request<RemoveMemberRequest>,
    ) -> Result<Response<RemoveMemberResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let mut fields = Fields::default();
        let member = read_member(&mut fields, &wanted.group_id, &wanted.member);
        let within = confirm_within(&mut fields, parse::CONFIRM_WITHIN, wanted.confirm_within.as_ref());
        let Some(((group, member), within)) = member.zip(within) else { return Err(fields.into_error().into()) };
        let done =
            self.act(&caller, move |acting| Box::pin(async move { group::remove_member(acting, group, member).await }));
        self.answer_confirmed(done.await?, within, |(), confirmation| RemoveMemberResponse { confirmation }).await
    }

    async fn list_members(
        &self,
        request: Request<ListMembersRequest>,
    ) -> Result<Response<ListMembersResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let mut fields = Fields::default();
        let id = fields.check("group_id", GroupId::parse(&wanted.group_id));
        let query = &wanted.group_id;
        let page = Page::parse(&mut fields, &self.pages, &caller, query, wanted.page_size, &wanted.page_token);
        let (Some(id), Some(page)) = (id, page) else {
            return Err(fields.into_error().into());
        };
        let (after, limit) = (page.after.clone(), page.limit());
        let found = look(&self.store, move |db| {
            Box::pin(async move {
                let group = query::group(db, id).await?;
                group.ok_or_else(|| IdentityError::NotFound(id.resource_name()))?;
                Ok(members::page(db, id, after, limit).await?)
            })
        });
        let mut members = found.await?;
        let next_page_token = page.cut(&self.pages, &mut members, String::clone);
        Ok(Response::new(ListMembersResponse { members, next_page_token }))
    }
}

fn parse_member(group: &str, member: &str) -> Result<(GroupId, Principal), FieldViolations> {
    let mut fields = Fields::default();
    read_member(&mut fields, group, member).ok_or_else(|| fields.into_error())
}

fn read_member(fields: &mut Fields, group: &str, member: &str) -> Option<(GroupId, Principal)> {
    let group = fields.check("group_id", GroupId::parse(group));
    let member = fields.check("member", Principal::parse(member));
    group.zip(member)
}

fn parse_edit(request: &UpdateGroupRequest) -> Result<(GroupId, GroupEdit, String), FieldViolations> {
    let mut fields = Fields::default();
    let mask = parse::mask(&mut fields, request.update_mask.as_ref(), CHANGEABLE);
    let Some(group) = &request.group else {
        fields.add("group", "must be given");
        return Err(fields.into_error());
    };
    let id = fields.check("group.id", GroupId::parse(&group.id));
    let mut edit = GroupEdit::default();
    for path in mask {
        match path {
            "name" => edit.name = fields.check("group.name", Name::parse(&group.name)),
            "description" => {
                edit.description = fields.check("group.description", Description::parse(&group.description));
            }
            _ => edit.labels = fields.check("group.labels", Labels::parse(&group.labels)),
        }
    }
    match id {
        Some(id) if fields.is_empty() => Ok((id, edit, group.etag.clone())),
        Some(_) | None => Err(fields.into_error()),
    }
}
