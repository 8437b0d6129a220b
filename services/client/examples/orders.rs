//! A service of one's own that lets Passgate decide who may call it: an axum service with three routes.
//!
//! | route | needs |
//! |---|---|
//! | `GET /orders` | `endpoints/orders`, to read |
//! | `POST /orders` | `endpoints/orders`, to write |
//! | `GET /orders/watch` | `endpoints/orders`, to read: a stream that ends when the token stops being good |
//!
//! Decisions come from memory and are as exact as if each were asked for: a revoked token is refused on its next request,
//! whatever is in memory. While Passgate cannot be reached, what is known is used for `max_staleness` and no longer; after
//! that requests are answered 503.
//!
//! # To run it
//!
//! The service is an API user of Passgate. It may ask for decisions and watch changes, and nothing else:
//!
//! ```text
//! grant    apis/passgate.token.v1.AuthorizationService/Authorize
//! grant    apis/passgate.token.v1.ChangeService/WatchChanges
//! ```
//!
//! Put its token into a file that only the service can read, and start it:
//!
//! ```text
//! ORDERS_LISTEN=127.0.0.1:8090 \
//! ORDERS_TOKEN_SERVICE=http://127.0.0.1:9082 \
//! ORDERS_CREDENTIAL_FILE=orders.token \
//! cargo run -p passgate-client --example orders
//! ```
//!
//! Then, with a token of somebody who holds `endpoints/orders`:
//!
//! ```text
//! curl -H "authorization: Bearer $PASSGATE_TOKEN" http://127.0.0.1:8090/orders
//! ```
//!
//! # For a gRPC service
//!
//! The same layer goes in front of a tonic server. A method needs `apis/{package.Service}/{Method}`:
//!
//! ```ignore
//! let layer = AuthorizeLayer::grpc(decisions).with_reading(&["/shop.v1.Orders/ListOrders"]);
//! Server::builder().layer(layer).add_service(OrdersServer::new(orders)).serve(address).await?;
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{Method, request};
use axum::routing::get;
use parking_lot::Mutex;
use passgate_client::decider::{Access, AuthorizeLayer, CachedDecisions, Parts, Settings};
use passgate_client::{Action, Allowed, Ambient, EndpointName, Resource, SecretString};
use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::IntervalStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

/// The orders, and who made them.
type Orders = Arc<Mutex<Vec<String>>>;

/// What a request needs. Reading and writing are told apart by the method, as at the gateway.
fn needs(head: &request::Parts) -> Access {
    let action = if head.method == Method::GET || head.method == Method::HEAD { Action::Read } else { Action::Write };
    match EndpointName::parse("orders") {
        Ok(orders) => Access::Token(Resource::Endpoint(orders), action),
        Err(_) => Access::Nothing,
    }
}

/// The service, behind the layer.
pub fn service(decisions: CachedDecisions) -> Router {
    Router::new()
        .route("/orders", get(list).post(create))
        .route("/orders/watch", get(watch))
        .with_state(Orders::default())
        .layer(AuthorizeLayer::by_request(decisions, needs))
}

async fn list(State(orders): State<Orders>) -> String {
    orders.lock().join("\n")
}

/// Whoever gets here was let through, and the handler knows who it is.
async fn create(State(orders): State<Orders>, Extension(caller): Extension<Allowed>, order: String) -> String {
    let line = format!("{order}, for {}", caller.holder().principal);
    orders.lock().push(line.clone());
    line
}

async fn watch(State(orders): State<Orders>) -> Body {
    let ticks = IntervalStream::new(tokio::time::interval(Duration::from_millis(100)));
    let lines = ticks.map(move |_| Ok::<_, std::io::Error>(format!("{} orders\n", orders.lock().len())));
    Body::from_stream(lines)
}

/// Everything that runs: the service, and the work behind its decisions.
///
/// # Errors
/// If the listener fails.
pub async fn run(listener: TcpListener, parts: Parts, stop: CancellationToken) -> std::io::Result<()> {
    let (decisions, watching) = CachedDecisions::new(parts);
    let serving = axum::serve(listener, service(decisions)).with_graceful_shutdown(stop.clone().cancelled_owned());
    let (served, ()) = tokio::join!(serving.into_future(), watching.run(stop));
    served
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting =
        |name: &str| std::env::var(name).map_err(|_| format!("set {name}; the head of this file says to what"));
    let listener = TcpListener::bind(setting("ORDERS_LISTEN")?).await?;
    let token_service = Endpoint::from_shared(setting("ORDERS_TOKEN_SERVICE")?)?
        .http2_keep_alive_interval(Duration::from_secs(5)) // so that a connection that is cut without a word is noticed
        .keep_alive_while_idle(true);
    let credential = std::fs::read_to_string(setting("ORDERS_CREDENTIAL_FILE")?)?;
    let ambient = Ambient::system();
    let parts = Parts {
        replicas: vec![token_service.connect_lazy()],
        service_credential: Arc::new(SecretString::new(credential.trim_end().to_owned())),
        marks: None, // the key for change marks is the installation's own; a question with one is asked each time
        settings: Settings::new("orders", ambient.uuid_v7()),
        ambient,
    };
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        // A failure to listen for the signal ends it as well.
        let _ = tokio::signal::ctrl_c().await;
        stopping.cancel();
    });
    run(listener, parts, stop).await?;
    Ok(())
}
