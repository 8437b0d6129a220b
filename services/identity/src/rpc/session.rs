//! `passgate.identity.v1.SessionService`.

use passgate_kit::caller::Caller;
use passgate_kit::client::claims::TokenKind;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::store::Committed;
use passgate_proto::identity::v1::session_service_server::SessionService;
use passgate_proto::identity::v1::{SignInRequest, SignInResponse, SignOutRequest, SignOutResponse};
use tonic::{Request, Response, Status};

use super::Rooms;
use crate::email::Email;
use crate::error::IdentityError;
use crate::password::{NewPassword, Password};
use crate::sign_in::Presented;

#[tonic::async_trait]
impl SessionService for Rooms {
    async fn sign_in(&self, request: Request<SignInRequest>) -> Result<Response<SignInResponse>, Status> {
        let peer = Caller::of(&request)?.peer.clone();
        let wanted = request.into_inner();
        // A form that no person's address has, so it tells nothing about who there is.
        if wanted.email.starts_with("api-users/") {
            return Err(IdentityError::ApiUsersDoNotSignIn.into());
        }
        let signed_in = self.sign_in.sign_in(parse(&wanted, peer)?).await?;
        let done = Committed { value: (), position: signed_in.position };
        self.answer(done, |()| SignInResponse {
            session_token: signed_in.session.session_token,
            principal: signed_in.user.resource_name(),
            expire_time: signed_in.session.expire_time,
        })
    }

    async fn sign_out(&self, request: Request<SignOutRequest>) -> Result<Response<SignOutResponse>, Status> {
        let caller = Caller::of(&request)?;
        if let Some(holder) = caller.holder().filter(|holder| holder.kind == TokenKind::Session) {
            let (principal, token_id) = (holder.principal.to_string(), holder.token_id.to_string());
            self.issuing.end_session(principal, token_id).await?;
            return Ok(Response::new(SignOutResponse {}));
        }
        let rule = "must be a session token: a named token is ended by TokenService/RevokeToken";
        Err(FieldViolations::one("authorization", rule).into())
    }
}

fn parse(request: &SignInRequest, peer: String) -> Result<Presented, FieldViolations> {
    let mut fields = Fields::default();
    let login = fields.check("email", login(&request.email));
    let password = fields.check("password", Password::parse(&request.password));
    let new_password =
        request.new_password.as_deref().map(|text| fields.check("new_password", NewPassword::parse(text)));
    match (login, password) {
        (Some(login), Some(password)) if fields.is_empty() => {
            Ok(Presented { login, password, new_password: new_password.flatten(), peer })
        }
        _ => Err(fields.into_error()),
    }
}

/// What to look a user up by. A text that is no address is nobody's, and is answered as such, not as a wrong field: a mere
/// name gets the answer of an unknown address.
fn login(text: &str) -> Result<String, &'static str> {
    match Email::parse(text) {
        Ok(email) => Ok(email.canonical().to_owned()),
        Err(_) if text.is_empty() => Err("must be the e-mail address that the user signs in with"),
        Err(_) if text.len() > 254 => Err("must have at most 254 bytes"),
        Err(_) => Ok(text.to_lowercase()),
    }
}
