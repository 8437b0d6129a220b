//! From a request's head to its [`Caller`], or a refusal.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, request};
use passgate_client::decision::{Decision, Holder, Question};
use passgate_client::headers::{AT_LEAST_HEADER, PEER_HEADER, SERVICE_HEADER};
use passgate_client::{Credential, Reason, Resource};
use passgate_proto::access::{Level, Role, Rule, rule};

use super::{AccessLayer, AccessParts, Refusal};
use crate::audit::{Occurrence, Occurrences};
use crate::caller::{Caller, Reach, ServicePeer, Who, action};
use crate::tls::ConnectionInfo;

/// Asked about where only a token's being genuine and live counts, not what it may do.
const SOME_METHOD: &str = "/passgate.identity.v1.UserService/GetSelf";

/// The outcome for a request that may go on.
pub(super) enum Admitted {
    /// One of Passgate's methods.
    Caller(Box<Caller>),
    /// Health or reflection, which know no callers.
    Plain,
}

/// Judges a request by its head, and takes every credential out of it.
pub(super) async fn admit(guard: &AccessLayer, head: &mut request::Parts) -> Result<Admitted, Refusal> {
    let parts = &*guard.parts;
    let credential = Credential::take(&mut head.headers);
    let service = take_service(guard, head);
    let path = head.uri.path().to_owned();
    let Some(rule) = rule(&path) else {
        let service = service.is_ok_and(|peer| peer.is_some_and(|peer| !is_forwarded(head, &peer)));
        return plain(parts, &path, credential.map_err(|_| Refusal::TokenInvalid)?, service).await;
    };
    let service = service?;
    let at_least_text = single(&head.headers, AT_LEAST_HEADER).map_err(|()| Refusal::BadMark)?;
    let at_least =
        at_least_text.as_deref().map(|text| parts.marks.read(text)).transpose().map_err(|_| Refusal::BadMark)?;
    let credential = match (credential, rule.level) {
        (Ok(credential), _) => credential.map(Arc::new),
        (Err(_), Level::Public) => None, // a public method ignores a bad token
        (Err(_), _) => return Err(Refusal::TokenInvalid),
    };
    let peer = peer_address(head, service.as_ref());
    let service = service.map(|peer| Beside { forwarded: is_forwarded(head, &peer), peer });
    let judged = who(parts, rule, credential.as_ref(), service, at_least_text.as_ref()).await;
    let (who, reach) = judged.inspect_err(|refusal| note(guard.occurrences.as_ref(), refusal, &peer))?;
    Ok(Admitted::Caller(Box::new(Caller { who, reach, credential, peer, at_least, at_least_text, rule })))
}

/// Notes a genuine token that is refused.
fn note(occurrences: Option<&Occurrences>, refusal: &Refusal, peer: &str) {
    if let (Some(occurrences), Refusal::Denied { denied, resource, principal, token_id }) = (occurrences, refusal) {
        let refused = Occurrence::token_refused(*principal, *token_id, denied.reason, Some(peer.to_owned()));
        occurrences.note(refused.asking_for(resource.clone()));
    }
}

/// A service credential that came along.
struct Beside {
    /// Whose it is.
    peer: ServicePeer,
    /// The gateway passes on somebody else's call: it vouches for his address, and lends him none of its rights.
    forwarded: bool,
}

impl Beside {
    /// The service, if it calls for itself and its role opens the method.
    fn opens(self, rule: &Rule) -> Option<ServicePeer> {
        (!self.forwarded && rule.roles.contains(&self.peer.role)).then_some(self.peer)
    }
}

async fn who(
    parts: &AccessParts,
    rule: &'static Rule,
    credential: Option<&Arc<Credential>>,
    service: Option<Beside>,
    at_least: Option<&String>,
) -> Result<(Who, Reach), Refusal> {
    match rule.level {
        Level::Public => {
            let itself = service.filter(|beside| !beside.forwarded);
            Ok((itself.map_or(Who::Anonymous, |beside| Who::Service(beside.peer)), Reach::All))
        }
        Level::Internal => {
            let known = service.is_some();
            let peer = service.and_then(|beside| beside.opens(rule)).ok_or(Refusal::NotThatService { known })?;
            Ok((Who::Service(peer), Reach::All))
        }
        Level::Granted | Level::OwnOrGranted => match credential {
            Some(credential) => judge_token(parts, rule, credential, at_least).await,
            None => {
                let peer = service.and_then(|beside| beside.opens(rule)).ok_or(Refusal::TokenMissing)?;
                Ok((Who::Service(peer), Reach::All))
            }
        },
    }
}

async fn judge_token(
    parts: &AccessParts,
    rule: &'static Rule,
    credential: &Arc<Credential>,
    at_least: Option<&String>,
) -> Result<(Who, Reach), Refusal> {
    let decision = ask(parts, rule.path, rule, credential, at_least.cloned()).await?;
    let Some(holder) = decision.holder else {
        return Err(Refusal::TokenInvalid);
    };
    let reach = match decision.verdict {
        Ok(()) => Reach::All,
        Err(denied) if denied.reason == Reason::NoGrant && own_things(rule, &holder) => Reach::OwnOnly,
        Err(denied) if denied.reason == Reason::NoScope && rule.token_on_itself => Reach::ItselfOnly,
        Err(denied) => {
            return Err(Refusal::Denied {
                denied,
                resource: format!("apis{}", rule.path),
                principal: holder.principal,
                token_id: holder.token_id,
            });
        }
    };
    Ok((Who::Token(Box::new(holder)), reach))
}

/// Whether a token without the grant reaches its owner's things: where the method is for that, and its scopes cover it.
fn own_things(rule: &Rule, holder: &Holder) -> bool {
    rule.level == Level::OwnOrGranted
        && Resource::parse_grpc_path(rule.path).is_ok_and(|method| holder.scopes.covers(&method, action(rule)))
}

async fn ask(
    parts: &AccessParts,
    path: &str,
    rule: &Rule,
    credential: &Arc<Credential>,
    at_least: Option<String>,
) -> Result<Decision, Refusal> {
    let resource = Resource::parse_grpc_path(path).map_err(|_| Refusal::Unimplemented { path: path.to_owned() })?;
    let question = Question { token: Arc::clone(credential), resource, action: action(rule), at_least };
    Ok(parts.decisions.decide(&question).await?)
}

/// Health and reflection; for every other path the answer tells a stranger nothing about what is here.
async fn plain(
    parts: &AccessParts,
    path: &str,
    credential: Option<Credential>,
    service: bool,
) -> Result<Admitted, Refusal> {
    let reflection = path.starts_with("/grpc.reflection.v1.ServerReflection/")
        || path.starts_with("/grpc.reflection.v1alpha.ServerReflection/");
    if path.starts_with("/grpc.health.v1.Health/") || (reflection && parts.open_reflection) {
        return Ok(Admitted::Plain);
    }
    if !service {
        genuine(parts, credential).await?;
    }
    if reflection { Ok(Admitted::Plain) } else { Err(Refusal::Unimplemented { path: path.to_owned() }) }
}

/// Passes for any genuine, live token, whatever it may do.
async fn genuine(parts: &AccessParts, credential: Option<Credential>) -> Result<(), Refusal> {
    let credential = Arc::new(credential.ok_or(Refusal::TokenMissing)?);
    let some = rule(SOME_METHOD).ok_or(Refusal::TokenInvalid)?;
    let decision = ask(parts, SOME_METHOD, some, &credential, None).await?;
    match (decision.holder, decision.verdict) {
        (None, _) => Err(Refusal::TokenInvalid),
        (Some(_), Ok(())) => Ok(()),
        (Some(_), Err(denied)) if matches!(denied.reason, Reason::NoGrant | Reason::NoScope) => Ok(()),
        (Some(holder), Err(denied)) => {
            let (principal, token_id) = (holder.principal, holder.token_id);
            Err(Refusal::Denied { denied, resource: format!("apis{SOME_METHOD}"), principal, token_id })
        }
    }
}

/// The service that calls, by its credential or by its connection's certificate, which needs none beside it. One of another
/// instance beside it is refused: what was stolen is of no use with somebody else's certificate.
fn take_service(guard: &AccessLayer, head: &mut request::Parts) -> Result<Option<ServicePeer>, Refusal> {
    let unknown = || Refusal::NotThatService { known: false };
    let presented = single(&head.headers, SERVICE_HEADER);
    head.headers.remove(SERVICE_HEADER);
    let named = head.extensions.get::<ConnectionInfo>().and_then(|info| info.service.as_ref());
    let certified = match named.zip(guard.certificates.as_ref()) {
        Some((name, accepted)) => Some(accepted.check_certificate(name).ok_or_else(unknown)?),
        None => None,
    };
    let Some(text) = presented.map_err(|()| unknown())? else { return Ok(certified) };
    match ((guard.parts.services)(&text), certified) {
        (Some(peer), Some(certified)) if (peer.role, &peer.instance) != (certified.role, &certified.instance) => {
            Err(unknown())
        }
        (Some(peer), _) => Ok(Some(peer)),
        (None, certified) => certified.map(Some).ok_or_else(unknown),
    }
}

/// The one value of a header; more than one, or one that is no text, is an error.
fn single(headers: &HeaderMap, name: &str) -> Result<Option<String>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.to_owned())).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// Only what the gateway passes on carries `passgate-peer`; the calls it makes for itself do not.
fn is_forwarded(head: &request::Parts, peer: &ServicePeer) -> bool {
    peer.role == Role::Gateway && head.headers.contains_key(PEER_HEADER)
}

/// The caller's address: what a gateway says, or the socket's.
fn peer_address(head: &request::Parts, service: Option<&ServicePeer>) -> String {
    let said = service
        .filter(|peer| peer.role == Role::Gateway)
        .and_then(|_| single(&head.headers, PEER_HEADER).ok().flatten())
        .and_then(|text| text.parse::<IpAddr>().ok());
    let socket = || head.extensions.get::<ConnectionInfo>().and_then(|info| info.remote).map(|addr| addr.ip());
    said.or_else(socket).map_or_else(|| "unknown".to_owned(), |ip| ip.to_canonical().to_string())
}
