//! The room of Passgate's own services. They decide again themselves, so they get the credential as it came; here it is
//! decided by the method's access option in the contract. The gateway's own are called without a connection.

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use passgate_kit::client::credential::Credential;
use passgate_kit::client::{Action, Reason, Resource};
use passgate_proto::access::{self, Level, Rule};
use tower::ServiceExt as _;

use super::body::{Answering, Body, Upload};
use super::call::Call;
use super::judge::Judge;
use super::refusal::Refusal;
use super::rooms::{cleaned, unwritable};
use super::{Proxy, outbound};
use crate::registry::BuiltIn;
use crate::registry::built_in;

impl Proxy {
    /// `/passgate.…/{Method}`, `/grpc.…/{Method}`
    pub(super) async fn own_method(&self, mut call: Call, resource: Resource) -> Result<Response<Body>, Refusal> {
        let path = call.parts.uri.path().to_owned();
        let Some(owner) = self.owner(&path) else {
            self.judge.at_the_edge(call.presented())?;
            return Err(call.nothing_there());
        };
        let credential = self.admit(&mut call, &path, resource).await?;
        let deadline = self.check_grpc_call(&mut call)?;
        let Call { mut parts, body, peer, speech, .. } = call;
        let authority = match owner {
            BuiltIn::Identity => &self.identity,
            BuiltIn::Token | BuiltIn::Gateway => self.tokens.first().unwrap_or(&self.identity),
        };
        let built = outbound::to_built_in(&mut parts, authority.clone(), credential.as_deref(), &self.credential, peer);
        built.ok_or_else(unwritable)?;
        let upload = Upload::until(body, deadline);
        if owner == BuiltIn::Gateway {
            let request = Request::from_parts(parts, tonic::body::Body::new(upload));
            let how = Answering { speech, deadline, is_built_in: true, place: None };
            return self.in_process(request, how).await;
        }
        let request = Request::from_parts(parts, upload.boxed_unsync());
        let (answer, place) = self.upstreams.to_own(request, deadline).await?;
        Ok(cleaned(answer, Answering { speech, deadline, is_built_in: true, place: Some(place) }))
    }

    /// Which service answers a path; `None` if nobody does, and for INTERNAL methods, whoever asks.
    fn owner(&self, path: &str) -> Option<BuiltIn> {
        if speaks_for_gateway(path) {
            return Some(BuiltIn::Gateway);
        }
        let rule = access::rule(path).filter(|rule| rule.level != Level::Internal)?;
        built_in::owner(rule.service)
    }

    /// Decides by the access option. Answers the credential to send along.
    async fn admit(&self, call: &mut Call, path: &str, resource: Resource) -> Result<Option<Arc<Credential>>, Refusal> {
        let presented = call.presented();
        match access::rule(path) {
            // Open to all: a credential that is one token goes along, and anything else is nobody's business.
            Some(Rule { level: Level::Public, .. }) => Ok(presented.ok().flatten().map(Arc::new)),
            None if is_health(path) || call.peer.ip().to_canonical().is_loopback() => {
                Ok(presented.ok().flatten().map(Arc::new))
            }
            None => self.judge.at_the_edge(presented).map(Some),
            Some(rule) => {
                let credential = Judge::only_one(presented)?;
                let action = match rule.action {
                    access::Action::Read => Action::Read,
                    access::Action::Write => Action::Write,
                };
                let decided = self.judge.decide(Arc::clone(&credential), resource, action, call.at_least()).await;
                match decided {
                    Err(Refusal::Denied { denied, .. }) if may_be_about_oneself(rule, denied.reason) => {
                        Ok(Some(credential))
                    }
                    decided => decided.map(|_| Some(credential)),
                }
            }
        }
    }

    async fn in_process(&self, request: Request<tonic::body::Body>, how: Answering) -> Result<Response<Body>, Refusal> {
        let answer = self.own.clone().oneshot(request);
        let answer = match how.deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, answer).await.map_err(|_| Refusal::DeadlineExceeded)?,
            None => answer.await,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        Ok(cleaned(answer, how))
    }
}

/// The right to the method is lacking, and the service may find that it is about the caller's own things.
fn may_be_about_oneself(rule: &Rule, reason: Reason) -> bool {
    rule.level == Level::OwnOrGranted
        && (reason == Reason::NoGrant || (reason == Reason::NoScope && rule.token_on_itself))
}

/// Health and reflection on the data port are the gateway's own, not its upstreams'.
fn speaks_for_gateway(path: &str) -> bool {
    is_health(path)
        || path.starts_with("/grpc.reflection.v1.ServerReflection/")
        || path.starts_with("/grpc.reflection.v1alpha.ServerReflection/")
}

fn is_health(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/")
}
