//! How long a change takes to the last of many deciders, and what a watching decider costs the token service.
//!
//! One token service in this process, the deciders in another (so that CPU and memory are the service's own), a connection
//! and a `WatchChanges` stream for each. Tokens are disabled and enabled at a given rate over gRPC; measured is from the
//! reply to when the last decider has read the change, by the machine's monotonic clock.
//!
//! `cargo bench -p passgate-token --bench fanout`, with variables:
//!
//! | variable | without it |
//! |---|---|
//! | `PASSGATE_FANOUT_WATCHERS` | 2000 |
//! | `PASSGATE_FANOUT_RATES` | `10,500,1000`: changes a second, one run each; what the database cannot take comes later |
//! | `PASSGATE_FANOUT_SECONDS` | 15 for each rate |
//! | `PASSGATE_FANOUT_NONCE_MS` | 1000: how often a decider asks for a lease |
//! | `PASSGATE_FANOUT_DATABASE` | `sqlite`; or `postgres`, which `PASSGATE_TEST_POSTGRES` names |

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run fails loudly"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use passgate_kit::client::{MarkKey, Vector};
use passgate_kit::keyfile::read_or_create_key;
use passgate_kit::mark::{FeedOf, Marks};
use passgate_kit::store::Dialect;
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::watch_changes_request::{Message as Say, Nonce};
use passgate_proto::token::v1::watch_changes_response::Message as Told;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tonic::transport::Endpoint;

use support::calls::{mark, with_service, with_token};
use support::watching::{open, start};
use support::{Harness, Replica};

#[expect(dead_code, unused_macros, unused_imports, reason = "the tests' support has more than a benchmark needs")]
#[path = "../tests/it/support/mod.rs"]
mod support;

/// Says to this program that it is the deciders: the address of the token service and the credential to watch with.
const CHILD: &str = "PASSGATE_FANOUT_CHILD";
/// How many calls that make changes are under way at once.
const WRITERS: usize = 32;
/// How many changes one run can have.
const MOST: usize = 200_000;

fn variable<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(format!("PASSGATE_FANOUT_{name}")).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return; // `cargo test` builds benchmarks and runs them without it
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match std::env::var(CHILD) {
        Ok(where_and_how) => runtime.block_on(watch(&where_and_how)),
        Err(_) => runtime.block_on(serve()),
    }
}

/// Nanoseconds of the machine's monotonic clock, the same in both processes.
fn now() -> u64 {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(at.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(at.tv_nsec).unwrap()
}

// ── the service's side ──

async fn serve() {
    let dialect = if std::env::var("PASSGATE_FANOUT_DATABASE").is_ok_and(|name| name == "postgres") {
        Dialect::Postgres
    } else {
        Dialect::Sqlite
    };
    let watchers: usize = variable("WATCHERS", 2000);
    let rates = std::env::var("PASSGATE_FANOUT_RATES").unwrap_or_else(|_| "10,500,1000".to_owned());
    let service = Arc::new(Harness::start(dialect).await);
    // The harness' clock is a hand's; leases are not measured here, and evidence never ages.
    let (_, session) = service.user(&["*"]).await;
    let mut tokens = Vec::new();
    for number in 0..WRITERS {
        tokens.push(service.token(&session, &format!("token {number}")).await.0);
    }

    let before = Usage::now();
    let mut deciders = Deciders::start(&service, watchers);
    let idle_from = Usage::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let idle = Usage::now();
    println!(
        "{watchers} deciders on {dialect:?}: {:.1} KiB each; idle {:.3} % of a core each ({:.1} % in all)",
        (idle_from.rss_kib as f64 - before.rss_kib as f64) / watchers as f64,
        idle.since(idle_from).cpu / watchers as f64,
        idle.since(idle_from).cpu,
    );
    for rate in rates.split(',').filter_map(|rate| rate.trim().parse::<u64>().ok()) {
        run(&service, &session, &tokens, rate, &mut deciders, watchers).await;
    }
    deciders.end();
}

/// Makes changes at a rate, and tells how long each took to the last decider.
async fn run(
    service: &Arc<Harness>,
    session: &str,
    tokens: &[String],
    rate: u64,
    deciders: &mut Deciders,
    watchers: usize,
) {
    let seconds: u64 = variable("SECONDS", 15);
    let replies: Arc<Mutex<BTreeMap<u64, u64>>> = Arc::default();
    let from = Usage::now();
    let mut writers = JoinSet::new();
    let began = Instant::now();
    for (index, token) in tokens.iter().enumerate() {
        let each = Duration::from_secs_f64(tokens.len() as f64 / rate as f64);
        let writer = Writer {
            service: Arc::clone(service),
            session: session.to_owned(),
            token: token.clone(),
            replies: Arc::clone(&replies),
        };
        let first = began + each.mul_f64(index as f64 / tokens.len() as f64);
        writers.spawn(writer.write(first, each, began + Duration::from_secs(seconds)));
    }
    while let Some(done) = writers.join_next().await {
        done.expect("a writer");
    }
    let took = began.elapsed();
    let replies = std::mem::take(&mut *replies.lock());
    let last = *replies.keys().next_back().expect("a change");
    let arrived = deciders.arrived(last);
    let used = Usage::now().since(from);

    let mut latencies: Vec<f64> = Vec::new();
    let mut lost = 0;
    for (number, reply) in &replies {
        match arrived.get(number) {
            Some((at, count)) if *count as usize == watchers => {
                latencies.push((*at as f64 - *reply as f64) / 1_000_000.0);
            }
            _ => lost += 1,
        }
    }
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies.get(((latencies.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(f64::NAN);
    println!(
        "{:>6.0} changes/s (asked for {rate}): to the last of {watchers} p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms; \
         not everywhere {lost} of {}; {:.0} % of a core, {:.1} µs for each change and decider; {:.0} MiB",
        replies.len() as f64 / took.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0),
        replies.len(),
        used.cpu,
        used.cpu_seconds * 1e6 / (replies.len() as f64 * watchers as f64),
        Usage::now().rss_kib as f64 / 1024.0,
    );
}

struct Writer {
    service: Arc<Harness>,
    session: String,
    token: String,
    replies: Arc<Mutex<BTreeMap<u64, u64>>>,
}

impl Writer {
    async fn write(self, first: Instant, each: Duration, end: Instant) {
        let marks = marks(&self.service);
        let mut ticks = tokio::time::interval_at(first, each);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tokens = self.service.replica.tokens();
        let mut on = true;
        while Instant::now() < end {
            ticks.tick().await;
            let marked = if on {
                let request = pb::DisableTokenRequest { id: self.token.clone(), ..Default::default() };
                mark(&tokens.disable_token(with_token(&self.session, request)).await.expect("disabled"))
            } else {
                let request = pb::EnableTokenRequest { id: self.token.clone() };
                mark(&tokens.enable_token(with_token(&self.session, request)).await.expect("enabled"))
            };
            let at = now();
            on = !on;
            let Vector { token: Some(position), .. } = marks.read(&marked).expect("a mark") else {
                panic!("no number")
            };
            self.replies.lock().insert(position.number.0, at);
        }
        if !on {
            let request = pb::EnableTokenRequest { id: self.token.clone() };
            tokens.enable_token(with_token(&self.session, request)).await.expect("as it was for the next run");
        }
    }
}

fn marks(service: &Harness) -> Marks {
    let file = service.installation.database.folder().join("mark.key");
    let key = read_or_create_key(&file, &service.installation.ambient).expect("the key");
    Marks::new(Arc::new(MarkKey::new(*key)), FeedOf::Token)
}

/// The other process.
struct Deciders {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Deciders {
    fn start(service: &Harness, watchers: usize) -> Self {
        let address = address(&service.replica);
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("--bench")
            .env(CHILD, format!("{address} {}", service.installation.gateway))
            .env("PASSGATE_FANOUT_WATCHERS", watchers.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the deciders");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        assert_eq!(lines.next().expect("a line").expect("text"), "ready");
        Self { child, lines }
    }

    /// When each change up to `last` had arrived at the last decider, and at how many.
    fn arrived(&mut self, last: u64) -> BTreeMap<u64, (u64, u32)> {
        writeln!(self.child.stdin.as_mut().expect("its input"), "{last}").expect("said");
        let mut arrived = BTreeMap::new();
        loop {
            let line = self.lines.next().expect("a line").expect("text");
            let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
            let [number, at, count] = numbers[..] else { return arrived };
            arrived.insert(number, (at, u32::try_from(count).expect("a count")));
        }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().expect("it ends");
    }
}

fn address(replica: &Replica) -> std::net::SocketAddr {
    replica.running.addresses[0].1
}

/// What this process has used so far.
#[derive(Clone, Copy)]
struct Usage {
    at: Instant,
    cpu_seconds: f64,
    rss_kib: u64,
}

struct Used {
    cpu_seconds: f64,
    /// Percent of one core.
    cpu: f64,
}

impl Usage {
    fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
        let pages: u64 = statm.split(' ').nth(1).expect("pages").parse().unwrap();
        Self { at: Instant::now(), cpu_seconds: ticks / 100.0, rss_kib: pages * 4 }
    }

    fn since(self, before: Self) -> Used {
        let cpu_seconds = self.cpu_seconds - before.cpu_seconds;
        Used { cpu_seconds, cpu: cpu_seconds * 100.0 / (self.at - before.at).as_secs_f64() }
    }
}

// ── the deciders' side ──

/// When changes arrived, by their numbers.
struct Board {
    base: AtomicU64,
    last: Vec<AtomicU64>,
    counts: Vec<AtomicU32>,
    /// How far the slowest is, roughly: how many have which number.
    heads: Vec<AtomicU64>,
}

async fn watch(where_and_how: &str) {
    let (address, credential) = where_and_how.split_once(' ').expect("an address and a credential");
    let watchers: usize = variable("WATCHERS", 2000);
    let board = Arc::new(Board {
        base: AtomicU64::new(u64::MAX),
        last: (0..MOST).map(|_| AtomicU64::new(0)).collect(),
        counts: (0..MOST).map(|_| AtomicU32::new(0)).collect(),
        heads: (0..watchers).map(|_| AtomicU64::new(0)).collect(),
    });
    let mut begun = JoinSet::new();
    for index in 0..watchers {
        let (address, credential, board) = (address.to_owned(), credential.to_owned(), Arc::clone(&board));
        begun.spawn(async move { decider(index, &address, &credential, board).await });
        if index % 50 == 49 {
            while let Some(opened) = begun.join_next().await {
                opened.expect("it watches");
            }
        }
    }
    while let Some(opened) = begun.join_next().await {
        opened.expect("it watches");
    }
    println!("ready");
    let mut told = 0;
    for line in std::io::stdin().lines() {
        let last: u64 = line.expect("text").parse().expect("a number");
        let deadline = Instant::now() + Duration::from_secs(30);
        let behind = || board.heads.iter().any(|head| head.load(Ordering::Relaxed) < last);
        while behind() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let base = board.base.load(Ordering::Relaxed);
        let upto = usize::try_from(last - base).expect("a number").min(MOST - 1);
        for index in told..=upto {
            let (at, count) = (board.last[index].load(Ordering::Relaxed), board.counts[index].load(Ordering::Relaxed));
            println!("{} {at} {count}", base + index as u64);
        }
        told = upto + 1;
        println!("end");
    }
}

/// Opens a stream, and leaves a task that reads it.
async fn decider(index: usize, address: &str, credential: &str, board: Arc<Board>) {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL").tcp_nodelay(true);
    let channel = endpoint.connect().await.expect("connected");
    let started = start(&format!("decider-{index}"), index as u128 + 1, None);
    let opened = open(channel, started, |questions| with_service(credential, questions)).await;
    let (mut stream, questions) = opened.expect("a stream");
    let Told::Begin(begin) = stream.message().await.expect("a message").expect("one").message.expect("one") else {
        panic!("it begins")
    };
    let mut at = begin.position.expect("a position");
    let _ = board.base.compare_exchange(u64::MAX, at.number, Ordering::Relaxed, Ordering::Relaxed);
    let base = board.base.load(Ordering::Relaxed);
    board.heads[index].store(at.number, Ordering::Relaxed);
    tokio::spawn(async move {
        let every = Duration::from_millis(variable("NONCE_MS", 1000));
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut nonce = 0;
        loop {
            tokio::select! {
                message = stream.message() => {
                    let Ok(Some(message)) = message else { return };
                    if let Some(Told::Change(change)) = message.message {
                        at = change.position.expect("a position");
                        let slot = usize::try_from(at.number - base).expect("a number");
                        if slot < MOST {
                            board.last[slot].fetch_max(now(), Ordering::Relaxed);
                            board.counts[slot].fetch_add(1, Ordering::Relaxed);
                        }
                        board.heads[index].store(at.number, Ordering::Relaxed);
                    }
                }
                _ = ticks.tick() => {
                    nonce += 1;
                    let said = Say::Nonce(Nonce { nonce, applied: Some(at.clone()) });
                    let _ = questions.try_send(pb::WatchChangesRequest { message: Some(said) });
                }
            }
        }
    });
}
