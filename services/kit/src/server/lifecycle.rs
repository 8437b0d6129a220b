//! The life of a process: its tasks, its end.
//!
//! Every task has an owner: it runs on the one [`Lifecycle`], which can tell all of them to stop and wait until they have.
//! A task that ends before it was told to takes readiness with it: the service can no longer keep what it promises.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Owns a process's tasks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    stop: CancellationToken,
    tasks: TaskTracker,
    died: watch::Sender<Option<&'static str>>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { stop: CancellationToken::new(), tasks: TaskTracker::new(), died: watch::Sender::new(None) }
    }
}

impl Lifecycle {
    /// Runs a task until it ends by itself, which it is to do once [`Lifecycle::stopping`] says so.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let guard = DeathNote { name, lifecycle: self.clone() };
        self.tasks.spawn(async move {
            let _guard = guard; // dropped when the task ends, also by a panic
            task.await;
        });
    }

    /// Cancelled when the process is to end.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells every task to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Which task ended though nobody told it to.
    #[must_use]
    pub fn died(&self) -> watch::Receiver<Option<&'static str>> {
        self.died.subscribe()
    }

    /// Stops, and waits until every task has ended, for at most `deadline`. True if they all did.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.stop();
        self.tasks.close();
        tokio::time::timeout(deadline, self.tasks.wait()).await.is_ok()
    }
}

struct DeathNote {
    name: &'static str,
    lifecycle: Lifecycle,
}

impl Drop for DeathNote {
    fn drop(&mut self) {
        if !self.lifecycle.stop.is_cancelled() {
            tracing::error!(
                task = self.name,
                "the task {} ended unexpectedly: the service is not ready any more",
                self.name
            );
            self.lifecycle.died.send_replace(Some(self.name));
        }
    }
}

/// SIGTERM and SIGINT, the words to end. Made once and kept: one that comes while nobody waits is still there for the next
/// [`Signals::next`], but a signal that came before this was made is not, and while this is not made it ends the process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// If the system does not let them be caught.
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Ends at the next one. Cancel safe. Two of the same kind that come while nobody waits count as one.
    pub async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_while_nobody_waits_is_not_lost() {
        let mut signals = Signals::catch().unwrap();
        let mut heard = Signals::catch().unwrap();
        for _ in 0..2 {
            let waited = tokio::time::timeout(Duration::ZERO, signals.next()).await;
            assert!(waited.is_err(), "none yet, and the wait was cut short");

            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
            heard.next().await; // it has arrived

            tokio::time::timeout(Duration::from_secs(60), signals.next()).await.expect("it is there");
        }
    }

    #[tokio::test]
    async fn draining_ends_tasks_that_listen() {
        let lifecycle = Lifecycle::default();
        let stopping = lifecycle.stopping();
        lifecycle.spawn("listens", async move { stopping.cancelled().await });

        assert!(lifecycle.drain(Duration::from_secs(5)).await);
        assert_eq!(*lifecycle.died().borrow(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_listen_is_not_waited_for_beyond_the_deadline() {
        let lifecycle = Lifecycle::default();
        lifecycle.spawn("deaf", std::future::pending());

        assert!(!lifecycle.drain(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_task_that_ends_or_panics_by_itself_is_noticed() {
        for panics in [false, true] {
            let lifecycle = Lifecycle::default();
            let mut died = lifecycle.died();
            lifecycle.spawn("brittle", async move { assert!(!panics, "as it should") });

            assert_eq!(*died.wait_for(Option::is_some).await.unwrap(), Some("brittle"));
        }
    }
}
