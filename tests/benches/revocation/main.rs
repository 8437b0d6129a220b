//! How long after the reply of a change the last request is still let through, seen from outside.
//!
//! Starts the real program as four processes (identity, token, two gateways), keeps both gateways busy at about half of what
//! they can do here, and then, again and again: takes something away, and asks both gateways back to back until each has
//! refused. Counted is the time from the *reply* of the change to the arrival of the last answer that let the request
//! through, at the slower of the two gateways; what was refused everywhere before the reply came counts as zero.
//!
//! ```sh
//! cargo build --release && PASSGATE_BIN=target/release/passgate cargo bench -p passgate-tests --bench revocation
//! ```
//!
//! `SAMPLES` is how often each kind is done (1,000). Everything is on loopback and on SQLite, and ends by itself.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that cannot run fails loudly, and prints what it found"
)]

mod caller;
mod installation;
mod kinds;
mod load;
mod process;
mod report;

#[path = "../../tests/it/support/ports.rs"]
mod ports;

use std::time::Instant;

use installation::Installation;
use kinds::Kind;
use load::Load;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the real time")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::main]
async fn main() {
    let samples = std::env::var("SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let installation = Installation::start().await;
    let load = Load::prepare(&installation).await;
    let most = load.most().await;
    println!("both gateways together: {most:.0} requests a second at most here; loaded with {:.0}", most / 2.0);
    let running = load.run(most / 2.0);
    for kind in Kind::ALL {
        let taken = kind.measure(&installation, samples).await;
        report::print(kind.name(), &taken);
    }
    report::load(&running.stop().await);
}
