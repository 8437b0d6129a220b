//! The real grpcurl, with reflection: what an administrator types.

use std::net::SocketAddr;
use std::process::{Command, Output};

use serde_json::Value;

/// A call to make.
#[derive(Clone)]
pub struct Call {
    address: SocketAddr,
    method: String,
    body: Value,
    headers: Vec<String>,
}

/// A good answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The messages that came, one for a unary call.
    pub messages: Vec<Value>,
    /// The change mark of a write.
    pub mark: Option<String>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// As grpcurl writes it: `PermissionDenied`.
    pub code: String,
    /// ErrorInfo's reason.
    pub reason: String,
    /// What a person reads.
    pub message: String,
    /// ErrorInfo's domain.
    pub domain: String,
    /// All details, for fields and facts.
    pub details: Value,
}

/// `grpcurl -plaintext {address} {method}`.
pub fn call(address: SocketAddr, method: &str) -> Call {
    Call { address, method: method.to_owned(), body: Value::Null, headers: Vec::new() }
}

impl Call {
    /// With a token.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With a metadata entry.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}"));
        self
    }

    /// With a message; an array is a stream of them.
    pub fn body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    /// Makes the call.
    pub fn send(&self) -> Result<Answer, Box<Refusal>> {
        let output = self.output();
        if output.status.success() { Ok(answer(&output.stdout)) } else { Err(Box::new(refusal(&output))) }
    }

    /// The one message of a call that must be answered.
    #[track_caller]
    pub fn answered(&self) -> Value {
        let answer = self.send().unwrap_or_else(|refusal| panic!("{}: {refusal:?}", self.method));
        answer.messages.into_iter().next().unwrap_or_default()
    }

    /// The code and reason of a call that must be refused.
    #[track_caller]
    pub fn refused(&self) -> Refusal {
        self.send().map_or_else(|refusal| *refusal, |answer| panic!("{} was answered: {answer:?}", self.method))
    }

    fn output(&self) -> Output {
        let grpcurl = std::env::var_os("PASSGATE_TEST_GRPCURL").expect("PASSGATE_TEST_GRPCURL: run tests/run.sh");
        let mut command = Command::new(grpcurl);
        command.args(["-plaintext", "-v", "-format-error", "-max-time", "60"]);
        for header in &self.headers {
            command.args(["-H", header]);
        }
        let body = match &self.body {
            Value::Null => "{}".to_owned(),
            Value::Array(messages) => messages.iter().map(Value::to_string).collect(),
            body => body.to_string(),
        };
        command.args(["-d", &body, &self.address.to_string(), &self.method]).output().expect("grpcurl runs")
    }
}

/// Reads what `grpcurl -v` prints: headers, then each message after `Response contents:`, then trailers.
fn answer(output: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(output);
    let mark = text.lines().find_map(|line| line.strip_prefix("passgate-change: ")).map(str::to_owned);
    let contents = text.split("Response contents:\n").skip(1);
    let messages = contents.map(|rest| {
        let message = rest.split("\nResponse trailers received:").next().unwrap_or_default();
        serde_json::Deserializer::from_str(message).into_iter().next().expect("a message").expect("JSON")
    });
    Answer { messages: messages.collect(), mark }
}

fn refusal(output: &Output) -> Refusal {
    let text = String::from_utf8_lossy(&output.stderr);
    let json = text.find('{').map(|at| &text[at..]).unwrap_or_default();
    let status: Value = serde_json::Deserializer::from_str(json)
        .into_iter()
        .next()
        .and_then(Result::ok)
        .unwrap_or_else(|| panic!("grpcurl: {text}"));
    let details = status["details"].clone();
    let info = details.as_array().into_iter().flatten().find(|detail| !detail["reason"].is_null()).cloned();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let info = info.unwrap_or_default();
    Refusal {
        code: code(status["code"].as_i64().unwrap_or(2)).to_owned(),
        reason: text(&info, "reason"),
        message: text(&status, "message"),
        domain: text(&info, "domain"),
        details,
    }
}

fn code(number: i64) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    usize::try_from(number).ok().and_then(|number| NAMES.get(number)).copied().unwrap_or("Unknown")
}

/// What `grpcurl {arguments}` prints, for `list` and `describe`.
pub fn prints(arguments: &[&str]) -> String {
    let grpcurl = std::env::var_os("PASSGATE_TEST_GRPCURL").expect("PASSGATE_TEST_GRPCURL: run tests/run.sh");
    let output = Command::new(grpcurl).arg("-plaintext").args(arguments).output().expect("grpcurl runs");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
