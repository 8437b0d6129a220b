//! Administrators who take rights away and give them back, one for each token.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use passgate_client::{Ambient, MarkKey};
use tokio::time::sleep;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::admin::{Admin, mark};
use crate::history::{Factor, History, Kind};
use crate::installation::Subject;
use crate::rng::Rng;

/// How long an administrator pauses, in milliseconds.
const PAUSE: (u64, u64) = (50, 1_200);
/// In how many percent of the cases a token is revoked for good.
const REVOKES: u64 = 5;

/// What the administrators of a run share.
#[derive(Clone)]
pub struct Office {
    /// What happens is written down here.
    pub history: History,
    /// What marks are read with.
    pub marks: Arc<MarkKey>,
    /// Set when they are to put everything in order.
    pub settle: Arc<AtomicBool>,
}

/// One token's administrator.
pub struct Operator {
    office: Office,
    admin: Admin,
    subject: usize,
    it: Subject,
    rng: Rng,
    /// What it believes of each factor; `None` if it does not know.
    believes: [(Factor, Option<bool>); 4],
}

impl Operator {
    /// The administrator of `it`, which is the token number `subject`.
    ///
    /// # Errors
    /// Never: the services have addresses.
    pub fn new(
        office: Office,
        ambient: &Ambient,
        token: &str,
        subject: usize,
        it: Subject,
        rng: Rng,
    ) -> anyhow::Result<Self> {
        let admin = Admin::new(ambient, token)?;
        Ok(Self { office, admin, subject, it, rng, believes: Factor::ALL.map(|factor| (factor, Some(true))) })
    }

    /// Works until everything is to be put in order, and does that. `settled` is called once it is.
    pub async fn run<T>(mut self, settled: impl FnOnce() -> T) {
        while !self.office.settle.load(Ordering::Relaxed) {
            let pause = self.rng.between(PAUSE.0, PAUSE.1);
            sleep(Duration::from_millis(pause)).await;
            if !self.office.settle.load(Ordering::Relaxed) {
                self.act().await;
            }
        }
        self.put_in_order().await;
        let _ = settled();
    }

    async fn act(&mut self) {
        let factors = [Factor::User, Factor::Grant, Factor::Enabled];
        let factor = if self.rng.chance(REVOKES) { Some(Factor::NotRevoked) } else { self.rng.pick(&factors).copied() };
        let Some(factor) = factor.filter(|factor| self.can_change(*factor)) else { return };
        let is_good = self.believes.iter().any(|(of, good)| *of == factor && *good != Some(false));
        let kind = if is_good || factor == Factor::NotRevoked { Kind::Break } else { Kind::Mend };
        self.call(factor, kind).await;
    }

    /// What is broken and can be mended is mended; what may be revoked is. Until every call was answered.
    async fn put_in_order(&mut self) {
        // What may be revoked first: nothing else can be done to such a token.
        for (factor, believed) in self.believes.into_iter().rev() {
            let kind = if factor == Factor::NotRevoked { Kind::Break } else { Kind::Mend };
            let is_in_order = believed == Some(true) || (factor == Factor::NotRevoked && believed == Some(false));
            if is_in_order || !self.can_change(factor) {
                continue;
            }
            while !self.call(factor, kind).await {
                sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// Whether the factor can be changed: what was revoked, or may be, is neither enabled nor disabled any more.
    fn can_change(&self, factor: Factor) -> bool {
        let untouched = self.believes.iter().any(|(of, good)| *of == Factor::NotRevoked && *good == Some(true));
        factor != Factor::Enabled || untouched
    }

    /// Calls, and writes down what came of it. True if it was answered.
    async fn call(&mut self, factor: Factor, kind: Kind) -> bool {
        let operation = self.office.history.sent(self.subject, factor, kind);
        let replica = usize::from(self.rng.chance(50));
        let answered = self.send(factor, kind, replica).await;
        let is_known = answered.is_ok();
        match &answered {
            Ok(answer) => self.office.history.ended(operation, Ok(mark(answer, &self.office.marks))),
            Err(status) => {
                let why = format!("{:?}: {}", status.code(), status.message());
                self.office.history.ended(operation, Err(&why));
            }
        }
        for (of, believed) in &mut self.believes {
            if *of == factor {
                *believed = is_known.then_some(kind == Kind::Mend);
            }
        }
        is_known
    }

    async fn send(&self, factor: Factor, kind: Kind, replica: usize) -> Result<MetadataMap, Status> {
        let (it, mends) = (&self.it, kind == Kind::Mend);
        match factor {
            Factor::User => self.admin.set_user(&it.user_id, mends).await,
            Factor::Grant => {
                let holder = format!("users/{}", it.user_id);
                self.admin.set_grant(&holder, &it.resource, mends).await
            }
            Factor::Enabled => self.admin.set_token(replica, &it.token_id, mends).await,
            Factor::NotRevoked => self.admin.revoke(replica, &it.token_id).await,
        }
    }
}
