use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;
use passgate_client::claims::TokenKind;
use passgate_client::decision::{Decision, Denied, Holder, Question};
use passgate_client::mark::MarkKey;
use passgate_client::source::Undecidable;
use passgate_client::{Jti, Patterns, Principal, PrincipalKind, Reason, Scopes, TokenId, Vector};
use passgate_proto::access::{RULES, Role};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::*;
use crate::caller::{Caller, Reach, Who};
use crate::mark::FeedOf;
use crate::store::{DatabaseConfig, Store};

const GRANTED: &str = "/passgate.identity.v1.UserService/ListUsers";
const OWN: &str = "/passgate.identity.v1.UserService/SetPassword";
const ON_ITSELF: &str = "/passgate.token.v1.TokenService/RevokeToken";
const PUBLIC: &str = "/passgate.identity.v1.SessionService/SignIn";
const INTERNAL: &str = "/passgate.identity.v1.DirectoryService/GetPrincipal";
const WITH_ROLE: &str = "/passgate.token.v1.AuthorizationService/Authorize";

/// Decides by the token's text: `allowed`, a reason such as `NO_GRANT`, `away`, or else it is not genuine.
#[derive(Debug)]
struct ByName;

#[tonic::async_trait]
impl DecisionSource for ByName {
    async fn decide(&self, question: &Question) -> Result<Decision, Undecidable> {
        let token = question.token.expose();
        if token == "away" {
            return Err(Undecidable::Unreachable(None));
        }
        let reason = Reason::parse(token);
        let verdict = if token == "allowed" {
            Ok(())
        } else {
            let reason = reason.unwrap_or(Reason::TokenInvalid);
            Err(Denied { reason, detail: format!("{} says {reason}", question.resource) })
        };
        let genuine = token == "allowed" || reason.is_some();
        Ok(Decision {
            verdict,
            as_of: Vector::default(),
            rests_on: None,
            holder: genuine.then(holder),
            evidence_age: Duration::ZERO,
        })
    }
}

fn holder() -> Holder {
    Holder {
        principal: Principal::new(PrincipalKind::User, Uuid::from_u128(1)),
        token_id: TokenId::new(Uuid::from_u128(2)),
        jti: Jti::new(Uuid::from_u128(3)),
        kind: TokenKind::Named,
        scopes: Scopes::Unrestricted,
        auth_time: None,
        expires_at: None,
    }
}

pub(super) fn parts() -> AccessParts {
    let role = |text: &str| match text {
        "pgs_gateway" => Some(Role::Gateway),
        "pgs_identity" => Some(Role::Identity),
        "pgs_token" => Some(Role::Token),
        _ => None,
    };
    AccessParts {
        decisions: Arc::new(ByName),
        services: Arc::new(move |text| {
            role(text).map(|role| ServicePeer { instance: text.to_owned(), role, sha256: [0; 32] })
        }),
        marks: Marks::new(Arc::new(MarkKey::new([1; 32])), FeedOf::Identity),
        open_reflection: true,
    }
}

/// What came of a request: the caller that a handler saw, or the refusal.
type Outcome = Result<Option<Caller>, (Code, String)>;

async fn call_with(parts: AccessParts, path: &str, headers: &[(&'static str, &str)]) -> Outcome {
    let seen = Arc::new(Mutex::new(None));
    let handler = {
        let seen = Arc::clone(&seen);
        tower::service_fn(move |request: Request<()>| {
            assert!(
                !request.headers().contains_key("authorization") && !request.headers().contains_key("passgate-service")
            );
            *seen.lock() = request.extensions().get::<Caller>().cloned();
            assert_ne!(request.uri().path(), PANICS, "the handler panics");
            std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Body::empty())))
        })
    };
    let mut request = Request::builder().uri(path).header("content-type", "application/grpc").body(()).unwrap();
    for (name, value) in headers {
        if *name == "content-type" {
            request.headers_mut().remove("content-type");
        }
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    let response = AccessLayer::new(parts).layer(handler).oneshot(request).await.unwrap();
    match Status::from_header_map(response.headers()) {
        None => Ok(seen.lock().take()),
        Some(status) => {
            assert!(seen.lock().is_none() || path == PANICS, "refused before the handler");
            let info = status.get_details_error_info().expect("every refusal carries an ErrorInfo");
            assert_eq!(info.domain, "passgate");
            Err((status.code(), info.reason))
        }
    }
}

const PANICS: &str = "/passgate.identity.v1.UserService/GetSelf";

async fn call(path: &str, headers: &[(&'static str, &str)]) -> Outcome {
    call_with(parts(), path, headers).await
}

fn refused(code: Code, reason: Reason) -> Result<(), (Code, String)> {
    Err((code, reason.as_str().to_owned()))
}

async fn reach(path: &str, token: &str) -> Result<Reach, (Code, String)> {
    call(path, &[("authorization", &format!("Bearer {token}"))]).await.map(|caller| caller.expect("a caller").reach)
}

#[tokio::test]
async fn a_granted_method_needs_grant_and_scope() {
    assert_eq!(reach(GRANTED, "allowed").await, Ok(Reach::All));
    assert_eq!(reach(GRANTED, "NO_GRANT").await.map(drop), refused(Code::PermissionDenied, Reason::NoGrant));
    assert_eq!(reach(GRANTED, "NO_SCOPE").await.map(drop), refused(Code::PermissionDenied, Reason::NoScope));
}

#[tokio::test]
async fn without_the_grant_a_self_method_reaches_only_ones_own_things() {
    assert_eq!(reach(OWN, "allowed").await, Ok(Reach::All));
    assert_eq!(reach(OWN, "NO_GRANT").await, Ok(Reach::OwnOnly));
    assert_eq!(reach(OWN, "NO_SCOPE").await.map(drop), refused(Code::PermissionDenied, Reason::NoScope));
}

#[tokio::test]
async fn a_live_token_may_always_act_on_itself_where_the_contract_says_so() {
    assert_eq!(reach(ON_ITSELF, "NO_SCOPE").await, Ok(Reach::ItselfOnly));
    assert_eq!(reach(ON_ITSELF, "TOKEN_REVOKED").await.map(drop), refused(Code::Unauthenticated, Reason::TokenRevoked));
}

#[tokio::test]
async fn genuine_tokens_learn_the_reason_and_all_others_get_one_answer() {
    for reason in
        [Reason::TokenExpired, Reason::TokenRevoked, Reason::TokenDisabled, Reason::OwnerDisabled, Reason::KeyRevoked]
    {
        assert_eq!(reach(GRANTED, reason.as_str()).await.map(drop), refused(Code::Unauthenticated, reason));
    }
    for forged in ["x", "eyJ.e30.x"] {
        assert_eq!(reach(GRANTED, forged).await.map(drop), refused(Code::Unauthenticated, Reason::TokenInvalid));
    }
    let twice = [("authorization", "Bearer allowed"), ("authorization", "Bearer allowed")];
    assert_eq!(call(GRANTED, &twice).await.map(drop), refused(Code::Unauthenticated, Reason::TokenInvalid));
    assert_eq!(call(GRANTED, &[]).await.map(drop), refused(Code::Unauthenticated, Reason::TokenMissing));
}

#[tokio::test]
async fn a_genuine_token_that_is_refused_is_noted_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let database = DatabaseConfig::sqlite(&folder.path().join("noted.db"));
    let store = Store::open(&database, "things", &passgate_client::Ambient::system()).await.unwrap();
    let (occurrences, mut written) = crate::audit::occurrences(&store);
    let guard = AccessLayer::new(parts()).noting(occurrences);
    let handler = || {
        tower::service_fn(|_: Request<()>| async { Ok::<_, std::convert::Infallible>(Response::new(Body::empty())) })
    };

    for (path, token) in
        [(GRANTED, "allowed"), (OWN, "NO_GRANT"), (ON_ITSELF, "NO_SCOPE"), (GRANTED, "forged"), (GRANTED, "away")]
    {
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {token}")).body(()).unwrap();
        guard.layer(handler()).oneshot(request).await.unwrap();
        assert_eq!(written.next_noted(), None, "{path} {token}");
    }
    for reason in ["NO_GRANT", "TOKEN_EXPIRED"] {
        let request =
            Request::builder().uri(GRANTED).header("authorization", format!("Bearer {reason}")).body(()).unwrap();
        guard.layer(handler()).oneshot(request).await.unwrap();
        let noted = written.next_noted().expect("noted");
        assert_eq!((noted.reason, noted.subject), (reason, format!("tokens/{}", holder().token_id)));
        assert_eq!(noted.resource.as_deref(), Some("apis/passgate.identity.v1.UserService/ListUsers"));
    }
}

#[tokio::test]
async fn what_cannot_be_decided_is_unavailable_and_never_a_no() {
    assert_eq!(reach(GRANTED, "away").await.map(drop), refused(Code::Unavailable, Reason::Undecidable));
}

#[tokio::test]
async fn a_public_method_needs_no_token_and_ignores_a_bad_one() {
    for headers in [&[][..], &[("authorization", "Basic x")], &[("authorization", "Bearer TOKEN_REVOKED")]] {
        let caller = call(PUBLIC, headers).await.unwrap().expect("a caller");
        assert!(matches!(caller.who, Who::Anonymous));
    }
}

#[tokio::test]
async fn an_internal_method_opens_to_its_role_and_to_nothing_else() {
    assert!(call(INTERNAL, &[("passgate-service", "pgs_token")]).await.is_ok());

    let wrong_role = refused(Code::PermissionDenied, Reason::ServiceCredentialInvalid);
    assert_eq!(call(INTERNAL, &[("passgate-service", "pgs_gateway")]).await.map(drop), wrong_role);
    let none = refused(Code::Unauthenticated, Reason::ServiceCredentialInvalid);
    assert_eq!(call(INTERNAL, &[("passgate-service", "pgs_forged")]).await.map(drop), none);
    assert_eq!(call(INTERNAL, &[("authorization", "Bearer allowed")]).await.map(drop), none, "not even `*` opens it");
    assert_eq!(call(INTERNAL, &[]).await.map(drop), none);
}

#[tokio::test]
async fn a_role_opens_only_what_names_it() {
    let caller = call(WITH_ROLE, &[("passgate-service", "pgs_gateway")]).await.unwrap().expect("a caller");
    assert!(matches!(caller.who, Who::Service(ServicePeer { role: Role::Gateway, .. })));

    let missing = refused(Code::Unauthenticated, Reason::TokenMissing);
    assert_eq!(call(WITH_ROLE, &[("passgate-service", "pgs_token")]).await.map(drop), missing);
    assert_eq!(call(GRANTED, &[("passgate-service", "pgs_gateway")]).await.map(drop), missing);
}

#[tokio::test]
async fn a_stranger_sees_the_same_at_every_path() {
    for path in ["/no.such.Service/Method", "/passgate.identity.v1.UserService/listusers", "//", "/x", GRANTED] {
        assert_eq!(call(path, &[]).await.map(drop), refused(Code::Unauthenticated, Reason::TokenMissing), "{path}");
        let forged = [("authorization", "Bearer forged")];
        assert_eq!(call(path, &forged).await.map(drop), refused(Code::Unauthenticated, Reason::TokenInvalid), "{path}");
    }
    let genuine = [("authorization", "Bearer NO_SCOPE")];
    assert_eq!(call("/x", &genuine).await.map(drop), refused(Code::Unimplemented, Reason::Unimplemented));
}

#[tokio::test]
async fn every_method_of_the_contracts_refuses_strangers_unless_it_is_public() {
    for rule in RULES {
        let outcome = call(rule.path, &[]).await;
        assert_eq!(outcome.is_ok(), rule.level == passgate_proto::access::Level::Public, "{}", rule.path);
    }
}

#[tokio::test]
async fn reflection_is_open_on_loopback_and_needs_a_token_elsewhere() {
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    assert!(call(path, &[]).await.is_ok());

    let closed = || AccessParts { open_reflection: false, ..parts() };
    assert_eq!(call_with(closed(), path, &[]).await.map(drop), refused(Code::Unauthenticated, Reason::TokenMissing));
    assert!(call_with(closed(), path, &[("authorization", "Bearer NO_SCOPE")]).await.is_ok());
    assert!(call_with(closed(), "/grpc.health.v1.Health/Check", &[]).await.is_ok());
}

#[tokio::test]
async fn another_content_type_is_refused_after_the_decision() {
    let outcome = call(GRANTED, &[("content-type", "text/plain"), ("authorization", "Bearer allowed")]).await;
    assert_eq!(outcome.map(drop), refused(Code::InvalidArgument, Reason::UnsupportedMediaType));
    let stranger = call(GRANTED, &[("content-type", "text/plain")]).await;
    assert_eq!(stranger.map(drop), refused(Code::Unauthenticated, Reason::TokenMissing));
}

#[tokio::test]
async fn a_panic_in_a_handler_answers_internal() {
    let outcome = call(PANICS, &[("authorization", "Bearer allowed")]).await;
    assert_eq!(outcome.map(drop), refused(Code::Internal, Reason::Internal));
}

#[tokio::test]
async fn the_peer_is_believed_only_beside_a_gateways_credential() {
    let peer = |service: &'static str| async move {
        let headers = [("passgate-service", service), ("passgate-peer", "::ffff:192.0.2.7")];
        call(PUBLIC, &headers).await.unwrap().expect("a caller").peer
    };
    assert_eq!(peer("pgs_gateway").await, "192.0.2.7", "IPv4-mapped IPv6 is IPv4");
    assert_eq!(peer("pgs_token").await, "unknown");
}

#[tokio::test]
async fn what_the_gateway_passes_on_has_none_of_the_gateways_rights() {
    let forwarded = [("passgate-service", "pgs_gateway"), ("passgate-peer", "192.0.2.7")];
    assert_eq!(call(WITH_ROLE, &forwarded).await.map(drop), refused(Code::Unauthenticated, Reason::TokenMissing));

    let caller = call(PUBLIC, &forwarded).await.unwrap().expect("a caller");
    assert!(matches!(caller.who, Who::Anonymous), "the gateway vouches for the address only");
}

#[tokio::test]
async fn the_token_is_judged_where_a_service_credential_came_beside_it() {
    let beside = |token: &'static str| {
        [("passgate-service", "pgs_gateway"), ("passgate-peer", "192.0.2.7"), ("authorization", token)]
    };
    let caller = call(WITH_ROLE, &beside("Bearer allowed")).await.unwrap().expect("a caller");
    assert!(matches!(caller.who, Who::Token(_)));
    let refusal = call(WITH_ROLE, &beside("Bearer NO_GRANT")).await;
    assert_eq!(refusal.map(drop), refused(Code::PermissionDenied, Reason::NoGrant));
}

#[tokio::test]
async fn a_change_mark_of_this_installation_is_read_and_any_other_is_a_field_error() {
    let mark = parts().marks.with_changes(tonic::Response::new(()), &FeedOf::Token.vector(Some(position())));
    let mark = mark.metadata().get("passgate-change").unwrap().to_str().unwrap().to_owned();

    let headers = [("authorization", "Bearer allowed"), ("passgate-at-least", mark.as_str())];
    let caller = call(GRANTED, &headers).await.unwrap().expect("a caller");
    assert_eq!(caller.at_least, Some(FeedOf::Token.vector(Some(position()))));
    assert_eq!(caller.at_least_text, Some(mark));

    let wrong = [("authorization", "Bearer allowed"), ("passgate-at-least", "made-up")];
    assert_eq!(call(GRANTED, &wrong).await.map(drop), refused(Code::InvalidArgument, Reason::InvalidField));
}

fn position() -> passgate_client::Position {
    passgate_client::Position {
        feed: passgate_client::FeedId(Uuid::from_u128(9)),
        number: passgate_client::ChangeNumber(4),
        hash: [5; 32],
    }
}

#[tokio::test]
async fn a_leaked_token_breeds_nothing() {
    let mut caller = call(OWN, &[("authorization", "Bearer NO_GRANT")]).await.unwrap().expect("a caller");
    let mut may = |kind, scopes: Option<&str>| {
        let scopes = scopes.map_or(Scopes::Unrestricted, |text| Scopes::Only(Patterns::parse_list([text]).unwrap()));
        caller.who = Who::Token(Box::new(Holder { kind, scopes, ..holder() }));
        caller.may_act_on_credentials().is_ok()
    };

    assert!(may(TokenKind::Session, None));
    assert!(may(TokenKind::Named, Some("apis/passgate.identity.v1.UserService/SetPassword")));
    assert!(may(TokenKind::Named, Some("apis/passgate.identity.v1.*")));
    assert!(!may(TokenKind::Named, None), "no scopes do not count");
    assert!(!may(TokenKind::Named, Some("*")));
    assert!(!may(TokenKind::Named, Some("apis/*")));
    assert!(!may(TokenKind::Named, Some("apis/passgate.token.v1.*")));
}

#[test]
fn what_cannot_be_decided_says_when_to_try_again() {
    let status = to_status(&Refusal::from(Undecidable::Unreachable(None)));
    assert!(status.get_details_retry_info().expect("a RetryInfo").retry_delay.is_some());
    assert!(to_status(&Refusal::TokenInvalid).get_details_retry_info().is_none());
}

#[test]
fn what_tonic_answers_by_itself_gets_details() {
    for (code, message, told) in [
        (Code::Internal, "failed to decode Protobuf message: x", (Code::InvalidArgument, "MALFORMED_REQUEST")),
        (Code::Unimplemented, "", (Code::Unimplemented, "UNIMPLEMENTED")),
        (Code::OutOfRange, "too large", (Code::ResourceExhausted, "BODY_TOO_LARGE")),
        (Code::Unknown, "h2 error", (Code::Unknown, "INTERNAL")),
    ] {
        let mended = answer::with_details(Status::new(code, message).into_http());
        let status = Status::from_header_map(mended.headers()).unwrap();
        assert_eq!((status.code(), status.get_details_error_info().unwrap().reason.as_str()), told);
    }
}
