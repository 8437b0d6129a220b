//! Waiting for what must happen, by asking again until it has.

use std::future::Future;
use std::time::Duration;

use passgate_kit::client::{Ambient, Moment};

/// Longer than anything here takes: a test that reaches it fails.
const LONG: Duration = Duration::from_secs(60);

/// Now, for measuring.
pub fn now() -> Moment {
    Ambient::system().moment()
}

/// How long ago that was.
pub fn since(moment: Moment) -> Duration {
    now().since(moment)
}

/// Asks until there is an answer.
#[track_caller]
pub fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> impl Future<Output = T> {
    let began = now();
    let what = what.to_owned();
    async move {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(since(began) < LONG, "never seen: {what}");
            tokio::task::yield_now().await;
        }
    }
}
