//! `passgate token inspect`: what a token says, and what the server says of it.
//!
//! What it says is read without verifying: anybody can write such a text. Only what the server says counts. The token goes
//! to the server and nowhere else; no part of its signature is ever shown.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use passgate_kit::client::SecretString;
use passgate_proto::token::v1::explain_decision_request::Subject;
use passgate_proto::token::v1::{GetSelfRequest, GetSelfResponse};
use prost_types::Timestamp;
use serde_json::{Map, Value, json};

use crate::admin::console::Console;
use crate::admin::exit::Exit;
use crate::admin::explain;
use crate::admin::failure::Failure;
use crate::admin::place::Credential;
use crate::admin::screen::{Output, Shown, plain_json, to_json};
use crate::admin::secrets;
use crate::admin::values::{Action, when};

/// Its flags.
#[derive(Args, Debug)]
pub struct Inspect {
    /// A file (0600) with the token; `-`, or nothing, is standard input.
    file: Option<PathBuf>,
    /// Ask as well whether it may call this: `endpoints/NAME` or `apis/PACKAGE.SERVICE/METHOD`.
    #[arg(long)]
    resource: Option<String>,
    /// Whether it would only read.
    #[arg(long, value_enum, default_value_t = Action::Read, requires = "resource")]
    action: Action,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// Shows what the token says, then what the server says. The call is made with the token itself.
///
/// # Errors
/// [`Failure::No`] if the server refuses the token; if it is no token, or the server does not answer.
pub async fn run(args: Inspect, at: &mut Console) -> Result<(), Failure> {
    let token = secrets::read(&mut at.screen, args.file.as_deref(), "Token")?;
    let says = Says::read(&token)?;
    let output = args.shown.output;
    if output == Output::Table {
        at.screen.line("says, unverified:")?;
        at.screen.pairs(&says.pairs())?;
    }
    let subject = Subject::Token(token.expose().to_owned());
    let credential = Credential { token, from: "the token itself".to_owned() };
    let itself = at.api.clone().with(credential)?;
    let answer = itself.call(itself.tokens().get_self(GetSelfRequest {})).await;
    let good = answer.is_ok();
    match output {
        Output::Json => {
            let server = match &answer {
                Ok(answer) => to_json(answer)?,
                Err(failure) => refusal(failure)?,
            };
            at.screen.line(&plain_json(&format!("{:#}", json!({ "says": says.json(), "server": server }))))?;
        }
        Output::Table => {
            at.screen.line("\nthe server says:")?;
            at.screen.pairs(&told(answer)?)?;
        }
    }
    if let Some(resource) = args.resource {
        at.screen.line("")?;
        at.api = itself;
        return explain::ask(at, subject, resource, args.action, output).await;
    }
    if good { Ok(()) } else { Err(Failure::No) }
}

fn told(answer: Result<GetSelfResponse, Failure>) -> Result<Vec<(String, String)>, Failure> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    match answer {
        Ok(answer) => {
            let token = answer.token.unwrap_or_default();
            Ok(vec![
                pair("good", "yes".to_owned()),
                pair("name", token.name),
                pair("owner", token.owner),
                pair("expires", when(token.expire_time.as_ref())),
                pair("may call", answer.effective_patterns.join(", ")),
            ])
        }
        Err(Failure::Refused(refused)) if Exit::of(refused.code, false) == Exit::Unauthenticated => {
            Ok(vec![pair("good", format!("no: {} ({})", refused.message, refused.reason))])
        }
        Err(failure) => Err(failure),
    }
}

fn refusal(failure: &Failure) -> Result<Value, Failure> {
    match failure {
        Failure::Refused(refused) if failure.exit() == Exit::Unauthenticated => {
            Ok(json!({ "reason": refused.reason, "message": refused.message }))
        }
        other => Err(Failure::Usage(other.to_string())),
    }
}

/// A token's header and claims, unverified.
struct Says {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Says {
    fn read(token: &SecretString) -> Result<Self, Failure> {
        let mut parts = token.expose().split('.');
        let (Some(header), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(not_a_token());
        };
        Ok(Self { header: members(header)?, claims: members(claims)? })
    }

    fn json(&self) -> Value {
        json!({ "header": self.header, "claims": self.claims })
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let header = self.header.iter().filter(|(name, _)| matches!(name.as_str(), "typ" | "kid"));
        header.chain(&self.claims).map(|(name, value)| (name.clone(), readable(name, value))).collect()
    }
}

/// Times as people read them; everything else as it is.
fn readable(name: &str, value: &Value) -> String {
    let seconds = value.as_i64().filter(|_| matches!(name, "iat" | "exp" | "auth_time" | "nbf"));
    match (seconds, value) {
        (Some(seconds), _) => when(Some(&Timestamp { seconds, nanos: 0 })),
        (None, Value::String(text)) => text.clone(),
        (None, other) => other.to_string(),
    }
}

fn members(part: &str) -> Result<Map<String, Value>, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| not_a_token())?;
    serde_json::from_slice(&bytes).map_err(|_| not_a_token())
}

fn not_a_token() -> Failure {
    Failure::Usage("this is no token: a token has three parts with dots between them, and begins with `eyJ`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> SecretString {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        SecretString::new(format!("{}.{}.c2lnbmF0dXJl", part(header), part(claims)))
    }

    #[test]
    fn claims_are_told_and_the_signature_is_not() {
        let token = token(r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k"}"#, r#"{"sub":"users/1","exp":1800000000}"#);

        let says = Says::read(&token).expect("a token");

        let pairs = says.pairs();
        let pair = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!((pair("sub"), pair("exp"), pair("kid")), (Some("users/1"), Some("2027-01-15T08:00:00Z"), Some("k")));
        assert!(!says.json().to_string().contains("c2ln") && !format!("{pairs:?}").contains("c2ln"));
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_told() {
        for text in ["", "hunter2hunter2", "a.b", "a.b.c", "e30.e30", "e30.e30.x.y", "W10.e30.x"] {
            let error = Says::read(&SecretString::new(text.to_owned())).err().expect(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(Says::read(&SecretString::new("e30.e30.x".to_owned())).is_ok());
    }

    #[test]
    fn times_out_of_range_do_no_harm() {
        for time in [i64::MAX, i64::MIN, -1] {
            readable("exp", &json!(time));
        }
    }
}
