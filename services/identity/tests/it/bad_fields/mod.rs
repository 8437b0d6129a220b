//! Every field of every RPC, with values that it may not have: each wrong field is named, all of them at once, and nothing is
//! written.

mod requests;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use http::uri::PathAndQuery;
use passgate_proto::ALL_DESCRIPTOR_SET;
use passgate_proto::access::{Level, RULES};
use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};
use tonic::client::Grpc;
use tonic::service::interceptor::InterceptedService;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::support::{Client, fields, on_both};

/// A value that a field may not have.
pub struct Wrong<R> {
    /// The field as the refusal names it.
    field: &'static str,
    /// Puts the value there.
    put: Box<dyn Fn(&mut R) + Send + Sync>,
}

/// The part of a request that a wrong value is put into: one for each fits into one request.
fn root(field: &'static str) -> &'static str {
    field.split('[').next().unwrap_or(field).trim_end_matches(".patterns")
}

/// What was tried so far: the fields of each method.
#[derive(Default)]
pub struct Tried(BTreeMap<&'static str, BTreeSet<String>>);

impl Tried {
    /// Calls `method` with each wrong value alone, and then with one for each field at once.
    async fn walk<R: Clone + std::fmt::Debug, F>(
        &mut self,
        method: &'static str,
        right: R,
        wrong: Vec<Wrong<R>>,
        call: impl Fn(R) -> F,
    ) where
        F: Future<Output = Result<(), Status>>,
    {
        let mut at_once = right.clone();
        let (mut all, mut alone, mut roots) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut calls = Vec::new();
        for Wrong { field, put } in wrong {
            let mut request = right.clone();
            put(&mut request);
            calls.push((field, format!("{method} {request:?}"), call(request)));
            alone.insert(field.to_owned());
            if roots.insert(root(field)) {
                all.insert(field.to_owned());
                put(&mut at_once);
            }
        }
        join_all(calls.into_iter().map(|(field, shown, call)| async move {
            assert_eq!(fields::<()>(Err(call.await.expect_err(&shown))), [field], "{shown}");
        }))
        .await;
        let shown = format!("{method} {at_once:?}");
        let named: BTreeSet<String> = fields::<()>(Err(call(at_once).await.expect_err(&shown))).into_iter().collect();
        assert_eq!(named, all, "{shown}: all at once");
        self.0.entry(method).or_default().extend(alone);
    }

    fn has(&self, method: &str, field: &str) -> bool {
        let begins = |tried: &String| {
            tried.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.0.get(method).is_some_and(|tried| tried.iter().any(begins))
    }
}

/// Fields whose every value is right: switches, and etags, of which any but the current one is `ABORTED`.
fn takes_anything(name: &str, kind: Type) -> bool {
    kind == Type::Bool || name == "etag"
}

/// Of a resource in an update: what a caller can change, and the id.
const IN_UPDATES: &[&str] = &["id", "email", "display_name", "name", "description", "labels"];

/// The fields of a request, those of what it wraps too.
fn fields_of(message: &DescriptorProto, messages: &BTreeMap<String, DescriptorProto>) -> Vec<(String, Type)> {
    let update = message.name().starts_with("Update");
    let inner = |field: &prost_types::FieldDescriptorProto| {
        let wrapped = ["user", "api_user", "group", "token"].contains(&field.name()) && field.r#type() == Type::Message;
        wrapped.then(|| messages.get(field.type_name().trim_start_matches('.'))).flatten()
    };
    let mut found = Vec::new();
    for field in &message.field {
        match inner(field) {
            None => found.push((field.name().to_owned(), field.r#type())),
            Some(wrapped) => {
                let of = wrapped.field.iter().filter(|part| !update || IN_UPDATES.contains(&part.name()));
                found.extend(of.map(|part| (format!("{}.{}", field.name(), part.name()), part.r#type())));
            }
        }
    }
    found
}

/// Whether the service has this method: the contract may be ahead of it.
async fn is_served(client: &Client, path: &'static str) -> bool {
    let mut grpc = Grpc::new(InterceptedService::new(client.0.clone(), client.1.clone()));
    grpc.ready().await.expect("a connection");
    let answer = grpc.unary(Request::new(()), PathAndQuery::from_static(path), ProstCodec::<(), ()>::default()).await;
    answer.err().is_none_or(|status| status.code() != Code::Unimplemented)
}

async fn every_field_was_tried(tried: &Tried, client: &Client) {
    let set = FileDescriptorSet::decode(ALL_DESCRIPTOR_SET).expect("descriptors");
    let mut messages = BTreeMap::new();
    for file in &set.file {
        for message in &file.message_type {
            messages.insert(format!("{}.{}", file.package(), message.name()), message.clone());
        }
    }
    for rule in RULES.iter().filter(|rule| rule.service.starts_with("passgate.identity.")) {
        let is_tried = tried.0.contains_key(rule.method);
        if rule.level == Level::Internal || (!is_tried && !is_served(client, rule.path).await) {
            continue;
        }
        let request = format!("passgate.identity.v1.{}Request", rule.method);
        let request = messages.get(&request).unwrap_or_else(|| panic!("{request} has a descriptor"));
        for (field, kind) in fields_of(request, &messages) {
            let covered = tried.has(rule.method, &field) || takes_anything(&field, kind);
            assert!(covered, "{}: no wrong value of {field} was tried", rule.method);
        }
    }
}

on_both! {
    async fn every_wrong_field_of_every_rpc_is_named_and_nothing_is_written(harness) {
        let bob = harness.user("bob@example.org", &[]).await;
        let before = harness.changes().await;
        let mut tried = Tried::default();
        let client: &Client = &harness.admin;

        requests::of_users(&mut tried, client, &bob.to_string()).await;
        requests::of_api_users(&mut tried, client).await;
        requests::of_groups(&mut tried, client).await;
        requests::of_grants(&mut tried, client).await;
        requests::of_sessions(&mut tried, &harness.nobody()).await;
        requests::of_audit(&mut tried, client).await;

        every_field_was_tried(&tried, client).await;
        assert_eq!(harness.changes().await, before, "nothing was written");
        assert!(harness.query("SELECT request_id FROM request_id").await.is_empty());
        assert!(harness.query("SELECT id FROM creation").await.is_empty());
    }
}
