//! The decision client: asks the token service for each question.
//!
//! An answer tells how old its evidence was when it was made. It may be used only while the time since the question was
//! *asked* plus that age is within the bound (the model's rule 7): so delaying packets can make answers unusable, never
//! old. A cache can stand in front of it as another [`DecisionSource`].

use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use passgate_proto::token::v1::authorization_service_client::AuthorizationServiceClient;
use passgate_proto::token::v1::{AuthorizeRequest, FindLackingRequest, FindLackingResponse};
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use zeroize::Zeroizing;

use crate::ambient::Ambient;
use crate::clock::Moment;
use crate::convert::{Unreadable, read_age};
use crate::credential::{Credential, SERVICE_SECRET_PREFIX};
use crate::decision::{Decision, Question};
use crate::headers::SERVICE_HEADER;
use crate::patterns::Patterns;
use crate::position::Position;
use crate::secret::SecretString;
use crate::source::{DecisionSource, Undecidable};

/// How long one question may take. The token service waits at most a second for a change mark; the rest is for the way.
pub const DEADLINE: Duration = Duration::from_secs(2);

/// Asks the token service, over one channel that all clones share.
#[derive(Clone, Debug)]
pub struct DecisionClient {
    channel: Channel,
    service_credential: Arc<SecretString>,
    ambient: Ambient,
    max_staleness: Duration,
}

impl DecisionClient {
    /// A client that asks over `channel` as the service that `service_credential` names, and uses no answer whose evidence
    /// is older than `max_staleness`.
    #[must_use]
    pub fn new(
        channel: Channel,
        service_credential: Arc<SecretString>,
        ambient: Ambient,
        max_staleness: Duration,
    ) -> Self {
        Self { channel, service_credential, ambient, max_staleness }
    }

    /// What of `wanted` the holder of `token` does not cover now: for who gives power away, and must not give more than the
    /// one who asks for it holds. By nothing older than the change mark `at_least`.
    ///
    /// # Errors
    /// If it cannot be known. Then nothing is given.
    pub async fn lacking(
        &self,
        token: &Credential,
        wanted: &Patterns,
        at_least: Option<&str>,
    ) -> Result<Patterns, Undecidable> {
        let request = self.request(FindLackingRequest {
            token: token.expose().to_owned(),
            patterns: wanted.to_strings(),
            at_least: at_least.unwrap_or_default().to_owned(),
        });
        let request = request.map_err(sorted)?;
        let mut service = AuthorizationServiceClient::new(self.channel.clone());
        let asked = self.ambient.moment(); // before sending: what happens on the way is part of the age
        let answer = tokio::time::timeout(DEADLINE, service.find_lacking(request)).await;
        let answer = answer.map_err(|_| Undecidable::Unreachable(None))?.map_err(sorted)?;
        let lacking = read_lacking(answer.get_ref())?;
        self.check_age(asked, read_age(answer.get_ref().evidence_age)?)?;
        Ok(lacking)
    }

    /// Asks once, and says when. For who keeps answers: it says how far it is itself, so that it gets none that is older, and
    /// judges the answer's age when it uses it.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn ask(&self, question: &Question, applied: Option<Position>) -> Result<(Decision, Moment), Undecidable> {
        let message = AuthorizeRequest { applied: applied.map(Into::into), ..AuthorizeRequest::from(question) };
        let request = self.request(message).map_err(sorted)?;
        let mut service = AuthorizationServiceClient::new(self.channel.clone());
        let asked = self.ambient.moment(); // before sending: what happens on the way is part of the age
        let answer = tokio::time::timeout(DEADLINE, service.authorize(request)).await;
        let answer = answer.map_err(|_| Undecidable::Unreachable(None))?.map_err(sorted)?;
        Ok((Decision::try_from(answer.get_ref())?, asked))
    }

    fn check_age(&self, asked: Moment, age: Duration) -> Result<(), Undecidable> {
        let age = self.ambient.moment().since(asked).saturating_add(age);
        if age > self.max_staleness { Err(Undecidable::Stale { age, bound: self.max_staleness }) } else { Ok(()) }
    }

    fn request<T>(&self, message: T) -> Result<Request<T>, Status> {
        let mut request = Request::new(message);
        request.set_timeout(DEADLINE);
        present(&self.service_credential, request.metadata_mut())?;
        Ok(request)
    }
}

/// Puts a credential where the token service looks for it: a secret between services (`pgs_…`) beside any caller's own, and
/// the token of an API user, which a service of one's own has, as the caller's.
///
/// # Errors
/// If the credential has characters that no metadata may have; those that we make have none.
pub fn present(credential: &SecretString, metadata: &mut MetadataMap) -> Result<(), Status> {
    let secret = credential.expose();
    let (name, text) = if secret.starts_with(SERVICE_SECRET_PREFIX) {
        (SERVICE_HEADER, Zeroizing::new(secret.to_owned()))
    } else {
        (AUTHORIZATION.as_str(), Zeroizing::new(format!("Bearer {secret}")))
    };
    let value = AsciiMetadataValue::try_from(text.as_str());
    let mut value = value.map_err(|_| Status::unauthenticated("the credential has characters that cannot be sent"))?;
    value.set_sensitive(true);
    metadata.insert(name, value);
    Ok(())
}

#[tonic::async_trait]
impl DecisionSource for DecisionClient {
    async fn decide(&self, question: &Question) -> Result<Decision, Undecidable> {
        let (decision, asked) = self.ask(question, None).await?;
        self.check_age(asked, decision.evidence_age)?;
        Ok(decision)
    }
}

/// A token that is not good covers nothing: an answer that says so, and that nothing lacks, cannot be read.
fn read_lacking(answer: &FindLackingResponse) -> Result<Patterns, Unreadable> {
    let lacking = Patterns::parse_list(&answer.lacking).map_err(|_| Unreadable("lacking"))?;
    if lacking.is_empty() && !answer.reason.is_empty() { Err(Unreadable("lacking")) } else { Ok(lacking) }
}

fn sorted(status: Status) -> Undecidable {
    let by_service = !status.details().is_empty();
    match status.code() {
        Code::InvalidArgument => Undecidable::BadQuestion(Box::new(status)),
        Code::Unauthenticated | Code::PermissionDenied => Undecidable::NotTrusted(Box::new(status)),
        // With details it is the service that says so; without, nobody answered.
        Code::Unavailable if by_service => Undecidable::NotUpToDate(Some(Box::new(status))),
        _ => Undecidable::Unreachable(Some(Box::new(status))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use parking_lot::Mutex;
    use passgate_proto::token::v1 as proto;
    use passgate_proto::token::v1::authorization_service_server::{AuthorizationService, AuthorizationServiceServer};
    use time::macros::datetime;
    use tokio::net::TcpListener;
    use tonic::transport::server::TcpIncoming;
    use tonic::transport::{Endpoint, Server};
    use tonic::{Response, async_trait};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;
    use crate::action::Action;
    use crate::ambient::SeededRandom;
    use crate::clock::ManualClock;
    use crate::convert::tests::{allow, denial};
    use crate::resource::Resource;

    type Answer = Result<proto::AuthorizeResponse, Status>;
    type Asked = Arc<Mutex<Vec<(MetadataMap, AuthorizeRequest)>>>;

    /// A token service that gives one answer, after a time on the asker's clock.
    struct Fake {
        answer: Answer,
        takes: Duration,
        clock: Arc<ManualClock>,
        asked: Asked,
    }

    #[async_trait]
    impl AuthorizationService for Fake {
        async fn authorize(
            &self,
            request: Request<AuthorizeRequest>,
        ) -> Result<Response<proto::AuthorizeResponse>, Status> {
            self.clock.advance(self.takes);
            self.asked.lock().push((request.metadata().clone(), request.into_inner()));
            self.answer.clone().map(Response::new)
        }

        async fn batch_authorize(
            &self,
            _: Request<proto::BatchAuthorizeRequest>,
        ) -> Result<Response<proto::BatchAuthorizeResponse>, Status> {
            Err(Status::unimplemented("not asked"))
        }

        async fn find_lacking(
            &self,
            request: Request<FindLackingRequest>,
        ) -> Result<Response<FindLackingResponse>, Status> {
            self.clock.advance(self.takes);
            assert!(request.metadata().contains_key(SERVICE_HEADER), "asked as a service");
            let asked = request.into_inner();
            assert_eq!((&*asked.token, &*asked.at_least), ("a.b.c", "mark"));
            let evidence_age = self.answer.clone()?.evidence_age;
            let lacking = asked.patterns.into_iter().filter(|pattern| pattern.starts_with("apis/")).collect();
            Ok(Response::new(FindLackingResponse { lacking, evidence_age, ..FindLackingResponse::default() }))
        }

        async fn explain_decision(
            &self,
            _: Request<proto::ExplainDecisionRequest>,
        ) -> Result<Response<proto::ExplainDecisionResponse>, Status> {
            Err(Status::unimplemented("not asked"))
        }

        async fn list_callers(
            &self,
            _: Request<proto::ListCallersRequest>,
        ) -> Result<Response<proto::ListCallersResponse>, Status> {
            Err(Status::unimplemented("not asked"))
        }
    }

    fn client(channel: Channel, clock: Arc<ManualClock>) -> DecisionClient {
        let secret = Arc::new(SecretString::new("pgs_gateway-1_secret".to_owned()));
        let ambient = Ambient::new(clock, Arc::new(SeededRandom::new(1)));
        DecisionClient::new(channel, secret, ambient, Duration::from_secs(5))
    }

    fn question() -> Question {
        Question {
            token: Arc::new(Credential::parse("a.b.c").expect("a token")),
            resource: Resource::parse("endpoints/sales").expect("a resource"),
            action: Action::Read,
            at_least: Some("mark".to_owned()),
        }
    }

    async fn serve(answer: Answer, takes: Duration) -> (DecisionClient, Asked) {
        let clock = Arc::new(ManualClock::new(datetime!(2026-01-01 0:00 UTC)));
        let asked = Asked::default();
        let fake = Fake { answer, takes, clock: clock.clone(), asked: asked.clone() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Server::builder().add_service(AuthorizationServiceServer::new(fake));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("a URL").connect_lazy();
        (client(channel, clock), asked)
    }

    async fn ask(answer: Answer, takes: Duration) -> (Result<Decision, Undecidable>, Asked) {
        let (client, asked) = serve(answer, takes).await;
        (client.decide(&question()).await, asked)
    }

    #[tokio::test]
    async fn it_asks_as_a_service_and_hands_on_the_answer() {
        for decision in [allow(), denial()] {
            let (decided, asked) = ask(Ok((&decision).into()), Duration::ZERO).await;

            assert_eq!(decided.expect("an answer"), decision);
            let asked = asked.lock();
            let [(metadata, request)] = &asked[..] else { panic!("asked once") };
            assert_eq!(metadata.get(SERVICE_HEADER).expect("a credential"), "pgs_gateway-1_secret");
            assert!(metadata.get("grpc-timeout").is_some());
            assert_eq!((&*request.token, &*request.resource, &*request.at_least), ("a.b.c", "endpoints/sales", "mark"));
            assert_eq!(request.action(), passgate_proto::r#type::v1::Action::Read);
        }
    }

    #[test]
    fn a_service_presents_its_secret_beside_the_callers_credential_and_an_api_user_its_token_as_its_own() {
        for (secret, name, value) in [
            ("pgs_gateway-1_secret", SERVICE_HEADER, "pgs_gateway-1_secret"),
            ("a.b.c", "authorization", "Bearer a.b.c"),
        ] {
            let mut metadata = MetadataMap::new();
            present(&SecretString::new(secret.to_owned()), &mut metadata).expect("can be sent");
            assert_eq!(metadata.len(), 1);
            assert!(metadata.get(name).is_some_and(|sent| sent == value && sent.is_sensitive()));
        }
        let odd = SecretString::new("pgs_\n".to_owned());
        assert!(present(&odd, &mut MetadataMap::new()).is_err());
    }

    #[tokio::test]
    async fn an_answer_is_unusable_once_the_way_and_the_age_of_its_evidence_exceed_the_bound() {
        let aged = Decision { evidence_age: Duration::from_secs(3), ..allow() };

        let (just_in_time, _) = ask(Ok((&aged).into()), Duration::from_secs(2)).await;
        assert!(just_in_time.is_ok());

        let (delayed, _) = ask(Ok((&aged).into()), Duration::from_millis(2001)).await;
        assert!(
            matches!(delayed, Err(Undecidable::Stale { age, .. }) if age == Duration::from_millis(5001)),
            "{delayed:?}"
        );
    }

    #[tokio::test]
    async fn what_a_token_lacks_is_asked_as_a_service_and_counts_within_the_same_bound() {
        let aged = Decision { evidence_age: Duration::from_secs(3), ..allow() };
        let wanted = Patterns::parse_list(["apis/shop.v1.Orders/*", "endpoints/sales"]).expect("patterns");
        let token = Credential::parse("a.b.c").expect("a token");

        let (client, _) = serve(Ok((&aged).into()), Duration::from_secs(2)).await;
        let lacking = client.lacking(&token, &wanted, Some("mark")).await.expect("an answer");
        assert_eq!(lacking.to_strings(), ["apis/shop.v1.Orders/*"]);

        let (client, _) = serve(Ok((&aged).into()), Duration::from_millis(2001)).await;
        let delayed = client.lacking(&token, &wanted, Some("mark")).await;
        assert!(matches!(delayed, Err(Undecidable::Stale { .. })), "{delayed:?}");
    }

    #[test]
    fn a_token_that_is_not_good_and_lacks_nothing_is_no_answer() {
        let odd = FindLackingResponse { reason: "TOKEN_REVOKED".to_owned(), ..FindLackingResponse::default() };
        assert_eq!(read_lacking(&odd), Err(Unreadable("lacking")));
        let broken = FindLackingResponse { lacking: vec!["**".to_owned()], ..FindLackingResponse::default() };
        assert_eq!(read_lacking(&broken), Err(Unreadable("lacking")));
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_no_answer() {
        let (decided, _) = ask(Ok(proto::AuthorizeResponse::default()), Duration::ZERO).await;

        assert!(matches!(decided, Err(Undecidable::BadAnswer(_))), "{decided:?}");
    }

    #[tokio::test]
    async fn refusals_of_the_question_are_sorted_by_who_can_mend_them() {
        let details = ErrorDetails::with_error_info("UNDECIDABLE", "passgate", HashMap::new());
        let not_up_to_date = Status::with_error_details(Code::Unavailable, "not now", details);
        let decided = ask(Err(not_up_to_date), Duration::ZERO).await.0;
        assert!(matches!(decided, Err(Undecidable::NotUpToDate(_))), "{decided:?}");
        let decided = ask(Err(Status::unauthenticated("unknown service")), Duration::ZERO).await.0;
        assert!(matches!(decided, Err(Undecidable::NotTrusted(_))), "{decided:?}");
        let decided = ask(Err(Status::invalid_argument("at_least is no mark")), Duration::ZERO).await.0;
        assert!(matches!(decided, Err(Undecidable::BadQuestion(_))), "{decided:?}");
        let decided = ask(Err(Status::internal("broken")), Duration::ZERO).await.0;
        assert!(matches!(decided, Err(Undecidable::Unreachable(_))), "{decided:?}");
    }

    #[tokio::test]
    async fn a_token_service_that_is_away_is_no_answer() {
        let closed = {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            listener.local_addr().expect("an address")
        };
        let channel = Endpoint::from_shared(format!("http://{closed}")).expect("a URL").connect_lazy();
        let clock = Arc::new(ManualClock::new(datetime!(2026-01-01 0:00 UTC)));

        let decided = client(channel, clock).decide(&question()).await;

        assert!(matches!(decided, Err(Undecidable::Unreachable(_))), "{decided:?}");
    }
}
