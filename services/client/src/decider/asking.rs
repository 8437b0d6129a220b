//! Asking for what memory does not know.
//!
//! First the edge: what is not genuine is refused here. Then a flight, which equal questions share; whoever gets its outcome
//! checks for itself whether it may be used by then.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::core::{Came, Judged};
use super::flight::{Landing, Outcome, Route};
use super::known::{Answer, Asked};
use super::source::{CachedDecisions, Shared};
use super::stats::count;
use crate::decision::Question;
use crate::position::Vector;
use crate::source::Undecidable;

/// How often an answer that was overtaken on its way is asked for again.
const MOST_AGAIN: u32 = 8;
/// The first pause before that; each further one is longer by as much. The first repeat waits for nothing.
const PAUSE: Duration = Duration::from_millis(10);

impl CachedDecisions {
    /// Settles what can be settled here, and asks for the rest.
    pub(super) async fn find(
        &self,
        question: &Question,
        digest: [u8; 32],
        mark: Option<&Vector>,
        bound: Option<Duration>,
    ) -> Result<Answer, Undecidable> {
        let Shared { core, counters, ambient, .. } = &*self.0;
        count(&counters.misses);
        let asked = Asked::of(question, &digest, mark);
        let found = match core.refuse_at_the_edge(&question.token, &asked, ambient.moment()) {
            Ok(Some(refused)) => {
                count(&counters.refused_at_the_edge);
                return Ok(refused);
            }
            Ok(None) => self.join(question, digest, bound).await,
            Err(cause) => Err(cause),
        };
        if found.is_err() {
            count(&counters.undecidable);
        }
        found
    }

    /// Takes part in asking, until there is an answer that may be used when it comes.
    async fn join(
        &self,
        question: &Question,
        digest: [u8; 32],
        bound: Option<Duration>,
    ) -> Result<Answer, Undecidable> {
        let Shared { core, ambient, settings, flights, .. } = &*self.0;
        for _ in 0..MOST_AGAIN {
            let route = Route {
                digest,
                resource: question.resource.clone(),
                action: question.action,
                mark: question.at_least.clone(),
            };
            let (seat, landing) = flights.board(route, settings.most_asks).ok_or(Undecidable::Busy)?;
            if let Some(landing) = landing {
                self.0.tasks.spawn(fly(self.clone(), question.clone(), digest, landing));
            }
            let answer = seat.outcome().await?;
            let now = ambient.moment();
            if core.may_tell(&answer, now, bound) {
                return Ok(answer);
            }
            if !core.is_overtaken(&answer, now) {
                let bound = bound.map_or(core.bound(), |bound| bound.min(core.bound()));
                return Err(Undecidable::Stale { age: answer.age, bound });
            }
        }
        Err(Undecidable::NotUpToDate(None))
    }
}

/// Asks, within a deadline of its own, until the answer is not overtaken.
async fn fly(decisions: CachedDecisions, question: Question, digest: [u8; 32], landing: Landing) {
    let limit = decisions.0.settings.ask_deadline;
    let outcome = timeout(limit, ask(&decisions.0, &question, digest)).await;
    landing.land(outcome.unwrap_or(Err(Undecidable::Unreachable(None))));
}

async fn ask(shared: &Shared, question: &Question, digest: [u8; 32]) -> Outcome {
    let asked = Asked::of(question, &digest, None);
    for again in 0..MOST_AGAIN {
        sleep(PAUSE * again.saturating_sub(1)).await;
        let asking = shared.core.asking();
        count(&shared.counters.asks);
        let limit = shared.settings.ask_deadline;
        let (decision, sent) = shared.replicas.ask(question, asking.applied, limit).await?;
        let came = Came { decision, sent, now: shared.ambient.moment() };
        match shared.core.answer(asking, &asked, came, None) {
            Judged::Use(answer) => return Ok(answer),
            Judged::TooOld { age, bound } => return Err(Undecidable::Stale { age, bound }),
            Judged::AskAgain => count(&shared.counters.asked_again),
        }
    }
    Err(Undecidable::NotUpToDate(None))
}
