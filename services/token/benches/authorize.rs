//! How fast the token service decides, beside a server of the same kind that only answers; whether that depends on how many
//! tokens there are; and how fast it makes tokens. Over loopback gRPC, on SQLite.
//!
//! `cargo bench -p passgate-token`. The number of rows of the second part is `PASSGATE_BENCH_ROWS`, 1,000,000 if not said.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run fails loudly"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use passgate_kit::client::{Ambient, Principal};
use passgate_kit::store::{Dialect, Store, StoreError, Tx};
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::authorization_service_client::AuthorizationServiceClient;
use passgate_proto::token::v1::authorization_service_server::{AuthorizationService, AuthorizationServiceServer};
use sea_orm::ConnectionTrait as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, async_trait};

use support::Harness;
use support::calls::{named, question, with_service, with_token};

#[expect(dead_code, unused_macros, unused_imports, reason = "the tests' support has more than a benchmark needs")]
#[path = "../tests/it/support/mod.rs"]
mod support;

/// How many calls are under way at once.
const AT_ONCE: usize = 64;
const RESOURCE: &str = "endpoints/sales";

/// Answers the same to everybody, without looking.
struct Echo(pb::AuthorizeResponse);

#[async_trait]
impl AuthorizationService for Echo {
    async fn authorize(&self, _: Request<pb::AuthorizeRequest>) -> Result<Response<pb::AuthorizeResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    async fn batch_authorize(
        &self,
        _: Request<pb::BatchAuthorizeRequest>,
    ) -> Result<Response<pb::BatchAuthorizeResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn find_lacking(
        &self,
        _: Request<pb::FindLackingRequest>,
    ) -> Result<Response<pb::FindLackingResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn explain_decision(
        &self,
        _: Request<pb::ExplainDecisionRequest>,
    ) -> Result<Response<pb::ExplainDecisionResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn list_callers(
        &self,
        _: Request<pb::ListCallersRequest>,
    ) -> Result<Response<pb::ListCallersResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }
}

async fn echo(answer: pb::AuthorizeResponse) -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Server::builder().add_service(AuthorizationServiceServer::new(Echo(answer)));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true))));
    Endpoint::from_shared(format!("http://{address}")).expect("a URL").connect_lazy()
}

/// What is asked, and where.
#[derive(Clone)]
struct Asked {
    channel: Channel,
    gateway: Arc<str>,
    token: Arc<str>,
}

impl Asked {
    async fn once(&self) -> pb::AuthorizeResponse {
        let request = with_service(&self.gateway, question(&self.token, RESOURCE));
        let answer = AuthorizationServiceClient::new(self.channel.clone()).authorize(request).await;
        answer.expect("an answer").into_inner()
    }

    /// `calls` of them, [`AT_ONCE`] under way.
    async fn many(&self, calls: u64) {
        let mut running = JoinSet::new();
        let each = calls.div_ceil(AT_ONCE as u64);
        for _ in 0..AT_ONCE {
            let asked = self.clone();
            running.spawn(async move {
                for _ in 0..each {
                    assert!(asked.once().await.decision.expect("a decision").allowed);
                }
            });
        }
        while let Some(done) = running.join_next().await {
            done.expect("all calls are answered");
        }
    }
}

async fn begin() -> (Harness, Asked) {
    let service = Harness::start(Dialect::Sqlite).await;
    let (_, session) = service.user(&["endpoints/*"]).await;
    let (_, secret) = service.token(&session, "laptop").await;
    let asked = Asked {
        channel: service.replica.channel.clone(),
        gateway: service.installation.gateway.as_str().into(),
        token: secret.into(),
    };
    (service, asked)
}

/// Puts `rows` tokens of nobody into the table.
async fn fill(service: &Harness, rows: u64) {
    let store =
        Store::open(service.installation.database.config(), "token", &Ambient::system()).await.expect("the database");
    let filled = store.write(move |tx: &mut Tx| {
        Box::pin(async move {
            let sql = format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
                 INSERT INTO token (id, owner, name, description, labels, provisional, create_time, created_by, update_time, \
                                    revoked_by, revoke_reason, revision) \
                 SELECT randomblob(16), 'users/' || i, 'token ' || i, '', '{{}}', 0, 0, 'users/' || i, 0, '', '', 1 FROM n"
            );
            tx.connection().execute_unprepared(&sql).await?;
            Ok::<_, StoreError>(())
        })
    });
    let _ = filled.await.expect("the rows");
    store.close().await;
}

fn measure(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    runtime: &Runtime,
    name: &str,
    asked: &Asked,
) {
    group.bench_function(name, |bencher| {
        bencher.to_async(runtime).iter_custom(|calls| async move {
            let began = now();
            asked.many(calls).await;
            began.elapsed()
        });
    });
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the real time")]
fn now() -> Instant {
    Instant::now()
}

fn decisions(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (service, asked) = runtime.block_on(begin());
    let answer = runtime.block_on(asked.once());
    let bare = Asked { channel: runtime.block_on(echo(answer)), ..asked.clone() };

    let mut group = criterion.benchmark_group("authorize");
    group.throughput(Throughput::Elements(1));
    measure(&mut group, &runtime, "an answer without looking", &bare);
    measure(&mut group, &runtime, "one token in the table", &asked);
    runtime.block_on(fill(&service, 1_000));
    measure(&mut group, &runtime, "a thousand tokens in the table", &asked);
    let rows = std::env::var("PASSGATE_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    runtime.block_on(fill(&service, rows));
    measure(&mut group, &runtime, &format!("{rows} tokens in the table"), &asked);
    group.finish();
    drop(service);
}

fn creations(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (service, session, owners) = runtime.block_on(async {
        let service = Harness::start(Dialect::Sqlite).await;
        let (_, session) = service.user(&["*"]).await;
        let owners: Vec<Principal> = (0..500).map(|_| service.identity().api_user(&[])).collect();
        service.caught_up(&session).await;
        (service, session, owners)
    });
    let made = AtomicUsize::new(0);
    let mut group = criterion.benchmark_group("create");
    group.throughput(Throughput::Elements(1));
    group.bench_function("tokens on SQLite, synced", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let number = made.fetch_add(1, Ordering::Relaxed);
            let owner = owners[number % owners.len()].to_string();
            let request = pb::CreateTokenRequest { owner, ..named(&format!("token {number}")) };
            service.replica.tokens().create_token(with_token(&session, request)).await.expect("a token");
        });
    });
    group.finish();
}

criterion_group!(benches, decisions, creations);
criterion_main!(benches);
