//! Open streams, held to the token that opened them (rule 9).
//!
//! Each piece that is forwarded is a use: before it, [`Hold::poll_piece`] has to say so. When something touches what the
//! answer rests on, when the lease ends, or when the token's time is over, the stream **stalls**: nothing is read and nothing
//! forwarded. It asks again by itself, and goes on if the answer is still yes; it ends if it is no, or if none comes within
//! the limit. A hold keeps its answer itself, so the cache can push nothing out from under it.
//!
//! A stream on which nothing happens is polled by nobody. So a hold that waits is on a list, which is gone through after
//! changes and once a second, and woken if its answer is not good any more.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::flight::Outcome;
use super::known::Answer;
use super::rules::Rule;
use super::source::{CachedDecisions, Shared};
use super::stats::count;
use crate::decision::{Denied, Question};
use crate::source::Undecidable;

/// How often the list is gone through when nothing happens: expiry and the end of a lease are no events.
const EVERY: Duration = Duration::from_secs(1);
/// How long it rests after it was gone through, so that many changes do not make it a full-time job.
const REST: Duration = Duration::from_millis(2);
/// The pause before a question that failed is asked again.
const RETRY: Duration = Duration::from_millis(100);

/// Why a stream has to end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Over {
    /// The answer is no now.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It could not be known within the limit whether it still is yes.
    #[error(transparent)]
    Undecidable(Undecidable),
}

/// Whether a stream may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// It may forward a piece now.
    Good,
    /// It may forward nothing now.
    Stalled,
}

/// Holds one open stream to its token.
pub struct Hold {
    decisions: CachedDecisions,
    question: Question,
    bound: Option<Duration>,
    answer: Answer,
    place: Option<Place>,
    stall: Option<Stall>,
}

/// What goes on while a stream stalls.
struct Stall {
    limit: Pin<Box<Sleep>>,
    asking: Pin<Box<dyn Future<Output = Outcome> + Send>>,
    failed: Option<Undecidable>,
}

impl Hold {
    pub(super) fn new(decisions: CachedDecisions, question: Question, answer: Answer, bound: Option<Duration>) -> Self {
        Self { decisions, question, bound, answer, place: None, stall: None }
    }

    /// Another hold to the same token, for the other direction of the stream.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self::new(self.decisions.clone(), self.question.clone(), self.answer.clone(), self.bound)
    }

    /// Whether a piece may be forwarded at this instant. Wakes nobody.
    #[must_use]
    pub fn check(&self) -> Holding {
        let is_checked = self.decisions.0.settings.rules.keep(Rule::PieceChecked);
        let is_good = !is_checked || self.decisions.is_good(&self.answer, self.bound);
        if is_good { Holding::Good } else { Holding::Stalled }
    }

    /// Ready once a piece may be forwarded: at this instant, and no later. Pending while the stream stalls; then it is woken.
    ///
    /// # Errors
    /// If the stream has to end.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        loop {
            if self.check() == Holding::Good {
                self.stall = None;
                return Poll::Ready(Ok(()));
            }
            self.place(cx); // for a lease that comes back by itself
            let stall = self.stall.get_or_insert_with(|| {
                count(&self.decisions.0.counters.stalls);
                Stall {
                    limit: Box::pin(sleep(self.decisions.0.settings.stall_limit)),
                    asking: ask(self.decisions.clone(), self.question.clone(), self.bound, Duration::ZERO),
                    failed: None,
                }
            });
            match stall.asking.as_mut().poll(cx) {
                Poll::Ready(Ok(answer)) => {
                    if let Some(denied) = answer.denied() {
                        return Poll::Ready(Err(self.over(Over::Denied(denied.clone()))));
                    }
                    self.answer = answer;
                    self.put_down();
                    if self.check() == Holding::Stalled {
                        self.ask_later(None); // overtaken again already
                    }
                }
                Poll::Ready(Err(cause)) => self.ask_later(Some(cause)),
                Poll::Pending => {
                    ready!(stall.limit.as_mut().poll(cx));
                    let failed = stall.failed.take().unwrap_or(Undecidable::Unreachable(None));
                    return Poll::Ready(Err(self.over(Over::Undecidable(failed))));
                }
            }
        }
    }

    /// Has the task woken when the answer stops being good, while it waits for something else. Call it when the stream
    /// itself is pending.
    pub fn wait(&mut self, cx: &mut Context<'_>) {
        self.place(cx);
        // What happened before the hold was on the list was not told to it.
        if self.check() == Holding::Stalled {
            cx.waker().wake_by_ref();
        }
    }

    /// Waits until the stream has to end, and says why: for a task of its own that drops the upstream's side.
    pub async fn over_at_last(&mut self) -> Over {
        std::future::poll_fn(|cx| match ready!(self.poll_piece(cx)) {
            Err(over) => Poll::Ready(over),
            Ok(()) => {
                self.wait(cx);
                Poll::Pending
            }
        })
        .await
    }

    fn ask_later(&mut self, failed: Option<Undecidable>) {
        let asking = ask(self.decisions.clone(), self.question.clone(), self.bound, RETRY);
        if let Some(stall) = &mut self.stall {
            stall.asking = asking;
            stall.failed = failed.or(stall.failed.take());
        }
    }

    fn over(&self, over: Over) -> Over {
        count(&self.decisions.0.counters.ended);
        over
    }

    fn place(&mut self, cx: &Context<'_>) {
        let place = self.place.get_or_insert_with(|| Place::new(&self.decisions, &self.answer, self.bound));
        place.spot.waker.register(cx.waker());
    }

    /// The list learns the answer that counts now.
    fn put_down(&self) {
        if let Some(place) = &self.place {
            *place.spot.answer.lock() = self.answer.clone();
        }
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stalls = self.stall.is_some();
        out.debug_struct("Hold").field("question", &self.question).field("stalls", &stalls).finish_non_exhaustive()
    }
}

/// Asks, after a pause.
fn ask(
    decisions: CachedDecisions,
    question: Question,
    bound: Option<Duration>,
    pause: Duration,
) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
    Box::pin(async move {
        if !pause.is_zero() {
            sleep(pause).await;
        }
        decisions.answer(&question, bound).await
    })
}

/// Where a hold that waits is on the list. Taken off when dropped.
struct Place {
    decisions: CachedDecisions,
    number: u64,
    spot: Arc<Spot>,
}

#[derive(Debug)]
struct Spot {
    answer: Mutex<Answer>,
    bound: Option<Duration>,
    waker: AtomicWaker,
}

impl Place {
    fn new(decisions: &CachedDecisions, answer: &Answer, bound: Option<Duration>) -> Self {
        let spot = Arc::new(Spot { answer: Mutex::new(answer.clone()), bound, waker: AtomicWaker::new() });
        let number = decisions.0.holds.put(Arc::clone(&spot));
        Self { decisions: decisions.clone(), number, spot }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.decisions.0.holds.list.lock().holds.remove(&self.number);
    }
}

/// The list of holds that wait, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Holds {
    list: Mutex<List>,
    stirred: Notify,
}

#[derive(Debug, Default)]
struct List {
    holds: BTreeMap<u64, Arc<Spot>>,
    next: u64,
}

impl Holds {
    /// Something happened that may concern holds.
    pub(super) fn stir(&self) {
        self.stirred.notify_one();
    }

    /// How many are on the list.
    pub(super) fn count(&self) -> usize {
        self.list.lock().holds.len()
    }

    /// Goes through the list whenever something happened, until `stop`.
    pub(super) async fn wake(&self, shared: &Shared, stop: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                // Stirred or not, it is time.
                _ = timeout(EVERY, self.stirred.notified()) => {}
            }
            self.go_through(shared);
            sleep(REST).await;
        }
    }

    fn go_through(&self, shared: &Shared) {
        let now = shared.ambient.moment();
        for spot in self.list.lock().holds.values() {
            let is_good = shared.core.is_good(&spot.answer.lock(), now, spot.bound);
            if !is_good {
                spot.waker.wake();
            }
        }
    }

    fn put(&self, spot: Arc<Spot>) -> u64 {
        let list = &mut *self.list.lock();
        list.next += 1;
        list.holds.insert(list.next, spot);
        list.next
    }
}
