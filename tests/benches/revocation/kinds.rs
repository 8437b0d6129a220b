//! The ways to take something away, and the measuring of each.

use std::time::{Duration, Instant};

use http::StatusCode;
use passgate_proto::identity::v1::api_user_service_client::ApiUserServiceClient;
use passgate_proto::identity::v1::grant_service_client::GrantServiceClient;
use passgate_proto::identity::v1::{
    CreateApiUserRequest, DisableApiUserRequest, EnableApiUserRequest, GrantRequest, InitialToken, RevokeRequest,
};
use passgate_proto::token::v1::token_service_client::TokenServiceClient;
use passgate_proto::token::v1::{CreateTokenRequest, RevokeTokenRequest};

use crate::caller::Caller;
use crate::installation::Installation;
use crate::now;

const PATTERN: &str = "endpoints/bench";
/// An owner has at most 200 live tokens; revoked ones do not count.
const WARM: usize = 3;

/// Something that takes a right away.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    RevokeToken,
    DisableApiUser,
    RemoveGrant,
}

/// An API user with a token.
pub struct Machine {
    pub id: String,
    pub token_id: String,
    pub secret: String,
}

/// What a change took, seen from outside.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// From the reply to the last answer that let a request through.
    pub last_allow: Duration,
    /// From the call to its reply.
    pub call: Duration,
}

/// Makes an API user with a grant and a token.
pub async fn machine(installation: &Installation, name: &str) -> Machine {
    let request = CreateApiUserRequest {
        name: name.to_owned(),
        token: Some(InitialToken { name: "first".to_owned(), ..InitialToken::default() }),
        grants: vec![PATTERN.to_owned()],
        ..CreateApiUserRequest::default()
    };
    let mut service = ApiUserServiceClient::new(installation.identity.clone());
    let answer = service.create_api_user(installation.signed(request)).await.expect("an API user").into_inner();
    Machine {
        id: answer.api_user.expect("an API user").id,
        token_id: answer.token.expect("a token").id,
        secret: answer.secret,
    }
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::RevokeToken, Self::DisableApiUser, Self::RemoveGrant];

    pub const fn name(self) -> &'static str {
        match self {
            Self::RevokeToken => "RevokeToken",
            Self::DisableApiUser => "DisableApiUser",
            Self::RemoveGrant => "a grant's removal",
        }
    }

    /// Does it `samples` times.
    pub async fn measure(self, installation: &Installation, samples: usize) -> Vec<Taken> {
        let mut machine = machine(installation, self.name()).await;
        let [one, other] = installation.gateways;
        let mut callers = [Caller::connect(one).await, Caller::connect(other).await];
        let mut taken = Vec::with_capacity(samples);
        for number in 0..samples {
            self.give_back(installation, &mut machine, number).await;
            for caller in &mut callers {
                caller.until_allowed(&machine.secret).await;
                for _ in 0..WARM {
                    caller.call(&machine.secret).await;
                }
            }
            let [one, other] = &mut callers;
            let (first, second, (sent, replied)) = tokio::join!(
                until_refused(one, &machine.secret),
                until_refused(other, &machine.secret),
                self.take_away(installation, &machine),
            );
            let last = [first, second].into_iter().flatten().max();
            let last_allow = last.map_or(Duration::ZERO, |last| last.saturating_duration_since(replied));
            taken.push(Taken { last_allow, call: replied - sent });
        }
        taken
    }

    /// Takes it away: when the call went out, and when its reply came.
    async fn take_away(self, installation: &Installation, machine: &Machine) -> (Instant, Instant) {
        let sent = now();
        match self {
            Self::RevokeToken => {
                let request = RevokeTokenRequest { id: machine.token_id.clone(), ..RevokeTokenRequest::default() };
                let mut service = TokenServiceClient::new(installation.token.clone());
                service.revoke_token(installation.signed(request)).await.expect("revoked");
            }
            Self::DisableApiUser => {
                let request = DisableApiUserRequest { id: machine.id.clone(), ..DisableApiUserRequest::default() };
                let mut service = ApiUserServiceClient::new(installation.identity.clone());
                service.disable_api_user(installation.signed(request)).await.expect("disabled");
            }
            Self::RemoveGrant => {
                let request = RevokeRequest {
                    holder: format!("api-users/{}", machine.id),
                    patterns: vec![PATTERN.to_owned()],
                    ..RevokeRequest::default()
                };
                let mut service = GrantServiceClient::new(installation.identity.clone());
                service.revoke(installation.signed(request)).await.expect("taken");
            }
        }
        (sent, now())
    }

    /// Makes it good again for the next time.
    async fn give_back(self, installation: &Installation, machine: &mut Machine, number: usize) {
        if number == 0 {
            return;
        }
        match self {
            Self::RevokeToken => {
                let request = CreateTokenRequest {
                    name: format!("token {number}"),
                    owner: format!("api-users/{}", machine.id),
                    ..CreateTokenRequest::default()
                };
                let mut service = TokenServiceClient::new(installation.token.clone());
                let made = service.create_token(installation.signed(request)).await.expect("a token").into_inner();
                machine.secret = made.secret;
                machine.token_id = made.token.expect("a token").id;
            }
            Self::DisableApiUser => {
                let request = EnableApiUserRequest { id: machine.id.clone() };
                let mut service = ApiUserServiceClient::new(installation.identity.clone());
                service.enable_api_user(installation.signed(request)).await.expect("enabled");
            }
            Self::RemoveGrant => {
                let request =
                    GrantRequest { holder: format!("api-users/{}", machine.id), patterns: vec![PATTERN.to_owned()] };
                let mut service = GrantServiceClient::new(installation.identity.clone());
                service.grant(installation.signed(request)).await.expect("granted");
            }
        }
    }
}

/// Calls back to back until it is refused: when the last answer came that was no refusal.
async fn until_refused(caller: &mut Caller, token: &str) -> Option<Instant> {
    let mut last = None;
    loop {
        match caller.call(token).await {
            StatusCode::OK => last = Some(now()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return last,
            other => panic!("neither allowed nor refused: {other}"),
        }
    }
}
