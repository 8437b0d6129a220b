//! Where calls to the database run.

use std::future::{Future, pending};
use std::sync::Arc;

use passgate_client::world::World;
use tokio::sync::oneshot;

/// Runs `work` as it is; in a simulated world outside of its virtual time, as drivers have threads of their own.
pub(super) async fn run<T: Send + 'static>(
    world: Option<Arc<dyn World>>,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let Some(world) = world else { return work.await };
    let (done, result) = oneshot::channel();
    let work = async move {
        let _ = done.send(work.await); // nobody waits any more: the process has ended meanwhile
    };
    world.outside(Box::pin(work)).await;
    match result.await {
        Ok(value) => value,
        Err(_) => pending().await, // the world did not run it: it has ended this process
    }
}
