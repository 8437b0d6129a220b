//! **Outbound**, a guard: builds what an upstream gets. What callers may not say is removed first, what connections say
//! among themselves next, and ours is added last; so nothing of a caller can take the place of ours, or remove it.

use std::net::SocketAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Uri, Version};
use passgate_kit::client::SecretString;
use passgate_kit::client::credential::Credential;
use passgate_kit::client::decision::Holder;
use passgate_kit::client::headers::{AT_LEAST_HEADER, PEER_HEADER, SERVICE_HEADER};

use super::judge::Permit;
use super::serve::CameByTls;
use super::target::Suffix;
use super::{headers, query};
use crate::registry::{EndpointRoute, UpstreamUrl};

const PRINCIPAL: HeaderName = HeaderName::from_static("x-passgate-principal");
const TOKEN_ID: HeaderName = HeaderName::from_static("x-passgate-token-id");
const SCOPES: HeaderName = HeaderName::from_static("x-passgate-scopes");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Makes `parts` the head of a request to an endpoint's upstream. `None` if the address cannot be written.
pub(super) fn to_endpoint(
    parts: &mut Parts,
    permit: &Permit,
    route: &EndpointRoute,
    suffix: Suffix<'_>,
    caller_query: Option<&str>,
    peer: SocketAddr,
) -> Option<()> {
    let mut path = format!("{}{}", route.upstream.base_path(), suffix.as_str());
    if path.is_empty() {
        path.push('/');
    }
    if let Some(query) = query::with_fixed(caller_query, &route.fixed_query) {
        path.push('?');
        path.push_str(&query);
    }
    parts.uri = uri(route.upstream.scheme(), route.upstream.authority().clone(), PathAndQuery::try_from(path).ok()?)?;
    parts.version = Version::HTTP_11;
    let takes_trailers = strip(&mut parts.headers);
    if takes_trailers {
        parts.headers.insert(header::TE, HeaderValue::from_static("trailers"));
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    join_cookies(&mut parts.headers)?;
    parts.headers.insert(header::HOST, route.upstream.host_header().clone());
    introduce(parts, permit.holder(), peer)
}

/// Makes `parts` the head of a call to an API's upstream. `None` if the address cannot be written.
pub(super) fn to_api(parts: &mut Parts, permit: &Permit, upstream: &UpstreamUrl, peer: SocketAddr) -> Option<()> {
    to_grpc(parts, upstream.scheme(), upstream.authority().clone())?;
    introduce(parts, permit.holder(), peer)
}

/// Makes `parts` the head of a call to one of Passgate's own services, which decides again: it gets the credential as it
/// came, ours beside it, and the change mark. `None` if something cannot be written.
pub(super) fn to_built_in(
    parts: &mut Parts,
    authority: Authority,
    credential: Option<&Credential>,
    own: &SecretString,
    peer: SocketAddr,
) -> Option<()> {
    let at_least = parts.headers.get(AT_LEAST_HEADER).cloned();
    to_grpc(parts, Scheme::HTTP, authority)?; // whether there is TLS, the way to the services knows
    if let Some(mark) = at_least {
        parts.headers.insert(AT_LEAST_HEADER, mark);
    }
    if let Some(credential) = credential {
        parts.headers.insert(header::AUTHORIZATION, credential.to_header()?);
    }
    let mut own = HeaderValue::from_str(own.expose()).ok()?;
    own.set_sensitive(true);
    parts.headers.insert(SERVICE_HEADER, own);
    parts.headers.insert(PEER_HEADER, peer_value(peer)?);
    Some(())
}

fn to_grpc(parts: &mut Parts, scheme: Scheme, authority: Authority) -> Option<()> {
    parts.uri = uri(scheme, authority, parts.uri.path_and_query()?.clone())?;
    parts.version = Version::HTTP_2;
    strip(&mut parts.headers);
    parts.headers.remove(header::HOST);
    parts.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    Some(())
}

fn uri(scheme: Scheme, authority: Authority, path: PathAndQuery) -> Option<Uri> {
    Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build().ok()
}

/// Removes what ends here. The body's length is written anew from the body itself.
fn strip(headers: &mut HeaderMap) -> bool {
    let takes_trailers = headers::strip_hop_by_hop(headers);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::EXPECT);
    headers.remove(AT_LEAST_HEADER);
    takes_trailers
}

/// HTTP/2 may send a cookie in crumbs; HTTP/1.1 has one field for it (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Option<()> {
    let crumbs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1 {
        let whole = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).ok()?;
        headers.insert(header::COOKIE, whole);
    }
    Some(())
}

fn introduce(parts: &mut Parts, holder: Option<&Holder>, peer: SocketAddr) -> Option<()> {
    let proto = if parts.extensions.get::<CameByTls>().is_some() { "https" } else { "http" };
    let headers = &mut parts.headers;
    headers.insert(FORWARDED_FOR, peer_value(peer)?);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
    let Some(holder) = holder else { return Some(()) };
    headers.insert(PRINCIPAL, HeaderValue::try_from(holder.principal.to_string()).ok()?);
    headers.insert(TOKEN_ID, HeaderValue::try_from(holder.token_id.to_string()).ok()?);
    if let Some(scopes) = holder.scopes.to_claim() {
        headers.insert(SCOPES, HeaderValue::try_from(scopes).ok()?);
    }
    Some(())
}

fn peer_value(peer: SocketAddr) -> Option<HeaderValue> {
    HeaderValue::try_from(peer.ip().to_canonical().to_string()).ok()
}
