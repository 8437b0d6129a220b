//! Where database calls run: on threads with real time, while the whole world stands still.
//!
//! SQLite's driver has a thread of its own. Called from virtual time it would take a random part of it; so the caller's
//! thread, on which every process of the world lives, waits here until the call has come to its end.

use std::sync::{LazyLock, mpsc};

use passgate_client::world::Task;
use tokio::runtime::{Builder, Runtime};

static REAL: LazyLock<std::io::Result<Runtime>> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).thread_name("real time").enable_all().build());

/// Runs `work` to its end. Nothing else happens in the world meanwhile.
pub fn run(work: Task<()>) {
    let Ok(real) = REAL.as_ref() else { return };
    let (done, ended) = mpsc::channel();
    real.spawn(async move {
        work.await;
        let _ = done.send(());
    });
    let _ = ended.recv(); // an error: the work panicked, and its caller gets no answer
}
