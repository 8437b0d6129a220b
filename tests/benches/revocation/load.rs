//! What keeps the gateways busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::caller::Caller;
use crate::installation::Installation;
use crate::kinds::machine;
use crate::now;

/// Connections to each gateway.
const CONNECTIONS: usize = 8;
/// How long it is measured what they can do.
const MEASURED: Duration = Duration::from_secs(3);

/// Tokens that are good throughout, and where they are used.
pub struct Load {
    gateways: [std::net::SocketAddr; 2],
    tokens: Arc<Vec<String>>,
}

/// A load that runs.
pub struct Running {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
    counted: Arc<Counted>,
    began: std::time::Instant,
}

/// What became of its requests.
#[derive(Debug, Default)]
pub struct Counted {
    pub allowed: AtomicU64,
    pub refused: AtomicU64,
    pub seconds: AtomicU64,
}

impl Load {
    /// Makes the tokens.
    pub async fn prepare(installation: &Installation) -> Self {
        let mut tokens = Vec::new();
        for number in 0..20 {
            tokens.push(machine(installation, &format!("load {number}")).await.secret);
        }
        Self { gateways: installation.gateways, tokens: Arc::new(tokens) }
    }

    /// How many requests a second both gateways answer together when asked without a pause.
    pub async fn most(&self) -> f64 {
        let running = self.start(None);
        tokio::time::sleep(MEASURED).await;
        let counted = running.stop().await;
        let requests = u32::try_from(counted.allowed.load(Ordering::Relaxed)).expect("some");
        f64::from(requests) / MEASURED.as_secs_f64()
    }

    /// Loads both with `rate` requests a second in all.
    pub fn run(&self, rate: f64) -> Running {
        let connections = f64::from(u32::try_from(CONNECTIONS * self.gateways.len()).expect("few"));
        self.start(Some(rate / connections))
    }

    fn start(&self, rate: Option<f64>) -> Running {
        let (stop, counted) = (Arc::new(AtomicBool::new(false)), Arc::new(Counted::default()));
        let mut tasks = JoinSet::new();
        for gateway in self.gateways {
            for first in 0..CONNECTIONS {
                let (tokens, stop, counted) = (Arc::clone(&self.tokens), Arc::clone(&stop), Arc::clone(&counted));
                tasks.spawn(async move {
                    let mut caller = Caller::connect(gateway).await;
                    let mut pace = rate.map(pace);
                    for number in first.. {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        if let Some((ticks, burst)) = &mut pace
                            && (number - first) % *burst == 0
                        {
                            ticks.tick().await;
                        }
                        let status = caller.call(&tokens[number % tokens.len()]).await;
                        let counter = if status.is_success() { &counted.allowed } else { &counted.refused };
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        }
        Running { stop, tasks, counted, began: now() }
    }
}

/// Ticks of a few milliseconds, as timers are no finer, and how many requests go with each.
fn pace(rate: f64) -> (tokio::time::Interval, usize) {
    let burst = (rate / 200.0).ceil().max(1.0);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(burst / rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
    (ticks, burst as usize)
}

impl Running {
    /// Ends it, and says what it did.
    pub async fn stop(mut self) -> Counted {
        self.stop.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        self.counted.seconds.store(self.began.elapsed().as_secs(), Ordering::Relaxed);
        Arc::into_inner(self.counted).expect("all tasks have ended")
    }
}
