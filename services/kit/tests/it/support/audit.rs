//! An audit of the things, and who asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use passgate_kit::audit::{Audit, AuditParts, Occurrences, occurrences};
use passgate_kit::caller::{Caller, Reach, Who};
use passgate_kit::client::claims::TokenKind;
use passgate_kit::client::decision::{Decision, Denied, Holder, Question};
use passgate_kit::client::source::{DecisionSource, Undecidable};
use passgate_kit::client::{Credential, Jti, MarkKey, Principal, PrincipalKind, Reason, Scopes, TokenId, Vector};
use passgate_kit::mark::{FeedOf, Marks};
use passgate_kit::store::Store;
use passgate_proto::access::rule;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Says of every token what the test wants: nothing is a yes. It counts how often it is asked.
#[derive(Debug, Default)]
pub struct Says(pub Mutex<Option<Reason>>, pub AtomicU64);

#[tonic::async_trait]
impl DecisionSource for Says {
    async fn decide(&self, _: &Question) -> Result<Decision, Undecidable> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let verdict = match *self.0.lock() {
            None => Ok(()),
            Some(Reason::Undecidable) => return Err(Undecidable::Unreachable(None)),
            Some(reason) => Err(Denied { reason, detail: "as the test wants".to_owned() }),
        };
        Ok(Decision {
            verdict,
            as_of: Vector::default(),
            rests_on: None,
            holder: Some(holder()),
            evidence_age: Duration::ZERO,
        })
    }
}

pub fn holder() -> Holder {
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

/// An auditor who calls `method` of identity's AuditService.
pub fn auditor(method: &str) -> Caller {
    auditor_with(method, holder())
}

/// Another one.
pub fn auditor_with(method: &str, holder: Holder) -> Caller {
    let text = "a.b.c".to_owned();
    Caller {
        who: Who::Token(Box::new(holder)),
        reach: Reach::All,
        credential: Some(Arc::new(Credential::parse(&text).expect("a credential"))),
        peer: "192.0.2.1".to_owned(),
        at_least: None,
        at_least_text: None,
        rule: rule(&format!("/passgate.identity.v1.AuditService/{method}")).expect("a method"),
    }
}

/// An audit that runs.
pub struct Audited {
    pub audit: Audit,
    pub says: Arc<Says>,
    pub stop: CancellationToken,
    pub occurrences: Occurrences,
    writer: JoinHandle<()>,
}

impl Audited {
    pub async fn of(store: &Store) -> Self {
        let (says, stop) = (Arc::new(Says::default()), CancellationToken::new());
        let (occurrences, writer) = occurrences(store);
        let audit = Audit::new(AuditParts {
            store: store.clone(),
            pages: store.page_tokens().await.expect("a key"),
            decisions: says.clone(),
            marks: Marks::new(Arc::new(MarkKey::new([1; 32])), FeedOf::Identity),
            tasks: TaskTracker::new(),
            stop: stop.clone(),
        });
        let writer = tokio::spawn(writer.run(stop.clone()));
        Self { audit, says, stop, occurrences, writer }
    }

    /// Stops, and waits until everything that was noted is written.
    pub async fn written(self) -> Audit {
        self.stop.cancel();
        self.writer.await.expect("it ends");
        self.audit
    }
}
