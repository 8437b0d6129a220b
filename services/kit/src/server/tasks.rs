//! One service's tasks, among those of the process.

use std::future::Future;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use super::{Lifecycle, Listener, serve};
use crate::access::AccessLayer;
use crate::store::Store;

/// The tasks of a service. Its database is closed once the last of them has ended.
#[derive(Debug)]
pub struct ServiceTasks {
    lifecycle: Lifecycle,
    alive: TaskTracker,
}

impl ServiceTasks {
    /// Tasks that `lifecycle` owns, none yet.
    #[must_use]
    pub fn new(lifecycle: Lifecycle) -> Self {
        Self { lifecycle, alive: TaskTracker::new() }
    }

    /// The process that they are part of.
    #[must_use]
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// Cancelled when they are to end.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.lifecycle.stopping()
    }

    /// For work that a task leaves behind, such as a stream: the database stays open until that has ended too.
    #[must_use]
    pub fn tracker(&self) -> TaskTracker {
        self.alive.clone()
    }

    /// Runs a task until it ends by itself, which it is to do once [`ServiceTasks::stopping`] says so.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.lifecycle.spawn(name, self.alive.track_future(task));
    }

    /// Serves a port, as [`serve`] does, until the service is to end.
    pub fn serve(&self, name: &'static str, listener: impl Into<Listener>, access: AccessLayer, routes: Routes) {
        let served = serve(listener.into(), access, routes, self.stopping()).map(move |served| {
            if let Err(error) = served {
                tracing::error!(port = name, "the {name} is not served any more: {error}");
            }
        });
        self.spawn(name, served);
    }

    /// Closes the database once nothing needs it any more, as a task called `name`.
    pub fn close_after_all(self, name: &'static str, store: Store) {
        let Self { lifecycle, alive } = self;
        alive.close();
        lifecycle.spawn(name, async move {
            alive.wait().await;
            store.close().await;
        });
    }
}
