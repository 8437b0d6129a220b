//! What the decider costs: a hit, a miss, an answer that is kept, a change to a group of 100,000, and hits from 8 threads.
//!
//! The digest of the token (SHA-256 of some 700 bytes) is measured by itself: who asks has it already.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run fails loudly")]

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use passgate_client::Credential;

#[path = "../tests/it/sample.rs"]
mod sample;

use sample::{Desk, digest, resource};

const MANY: u64 = 100_000;

/// All of `MANY` fit.
fn filled() -> Desk {
    let (desk, resource) = (Desk::new(256 << 20), resource(1));
    (0..MANY).for_each(|id| desk.keep(id, &resource, 1));
    desk
}

fn one_thread(criterion: &mut Criterion) {
    let (desk, resource) = (filled(), resource(1));
    let one = digest(7);
    criterion.bench_function("hit, one token", |bench| {
        bench.iter(|| assert!(desk.is_allowed(black_box(&one), &resource)));
    });

    let digests: Vec<_> = (0..MANY).map(digest).collect();
    let mut round = 0;
    criterion.bench_function("hit, any of 100,000 tokens", |bench| {
        bench.iter(|| {
            round += 1;
            assert!(desk.is_allowed(any_of(&digests, round), &resource));
        });
    });

    let unknown = digest(MANY + 1);
    criterion.bench_function("miss", |bench| {
        bench.iter(|| assert!(!desk.is_allowed(black_box(&unknown), &resource)));
    });

    let mut id = MANY;
    criterion.bench_function("an answer is judged and kept", |bench| {
        bench.iter(|| {
            id += 1;
            desk.keep(black_box(id), &resource, 1);
        });
    });

    let text = format!("{}.{}.{}", "a".repeat(140), "b".repeat(470), "c".repeat(86));
    criterion.bench_function("the token's digest", |bench| {
        bench.iter_batched_ref(
            || Credential::parse(&text).expect("a token"),
            |token| token.digest(),
            BatchSize::SmallInput,
        );
    });
}

fn invalidation(criterion: &mut Criterion) {
    let (desk, resource) = (filled(), resource(1));
    let mut number = 1;
    criterion.bench_function("a change touches a group of 100,000", |bench| {
        bench.iter(|| {
            number += 1;
            desk.touch_everybody(number);
        });
    });
    assert!((0..MANY).all(|id| !desk.is_allowed(&digest(id), &resource)), "nobody is allowed any more");
}

/// Another token each round, far from the last.
fn any_of(digests: &[[u8; 32]], round: u64) -> &[u8; 32] {
    let at = usize::try_from(round.wrapping_mul(7919) % MANY).expect("small");
    black_box(digests.get(at).expect("as many as that"))
}

/// The time that `threads` take for `rounds` hits each, started together.
fn together(threads: u64, rounds: u64, hit: impl Fn(u64) + Sync) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures by the real clock")]
    let start = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let hit = &hit;
            scope.spawn(move || (0..rounds).for_each(|round| hit(thread * rounds + round)));
        }
    });
    start.elapsed()
}

fn eight_threads(criterion: &mut Criterion) {
    let (desk, resource) = (filled(), resource(1));
    let digests: Vec<_> = (0..MANY).map(digest).collect();
    let mut group = criterion.benchmark_group("8 threads");
    group.throughput(Throughput::Elements(8));
    group.bench_function("hits, any of 100,000 tokens", |bench| {
        bench.iter_custom(|rounds| {
            together(8, rounds, |round| assert!(desk.is_allowed(any_of(&digests, round), &resource)))
        });
    });
    let one = digest(7);
    group.bench_function("hits, all on one token", |bench| {
        bench.iter_custom(|rounds| together(8, rounds, |_| assert!(desk.is_allowed(black_box(&one), &resource))));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500)).sample_size(30);
    targets = one_thread, invalidation, eight_threads
}
criterion_main!(benches);
