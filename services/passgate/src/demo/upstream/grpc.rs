//! The sample gRPC upstream: `shop.v1.Orders` with a method that reads and one that writes.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// Which order is meant.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct OrderRequest {
    /// Its number.
    #[prost(string, tag = "1")]
    pub number: String,
}

/// What there is to say of an order.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct OrderReply {
    /// Its number.
    #[prost(string, tag = "1")]
    pub number: String,
    /// `shipped` or `placed`.
    #[prost(string, tag = "2")]
    pub state: String,
    /// Who asked, as the gateway said.
    #[prost(string, tag = "3")]
    pub principal: String,
}

/// Serves until `stop` is cancelled.
pub async fn serve(listener: TcpListener, stop: CancellationToken) {
    let served = tonic::transport::Server::builder()
        .add_service(Orders)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::warn!("the sample gRPC upstream ended: {error}");
    }
}

#[derive(Clone, Copy, Debug)]
struct Orders;

impl NamedService for Orders {
    const NAME: &'static str = "shop.v1.Orders";
}

impl Service<http::Request<Body>> for Orders {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let state = match request.uri().path() {
            "/shop.v1.Orders/Get" => "shipped",
            "/shop.v1.Orders/Place" => "placed",
            _ => return Box::pin(async { Ok(Status::unimplemented("no such method").into_http()) }),
        };
        Box::pin(async move {
            let codec = ProstCodec::<OrderReply, OrderRequest>::default();
            Ok(Grpc::new(codec).unary(Answer(state), request).await)
        })
    }
}

/// Answers with an order in this state.
struct Answer(&'static str);

impl UnaryService<OrderRequest> for Answer {
    type Response = OrderReply;
    type Future = Ready<Result<Response<OrderReply>, Status>>;

    fn call(&mut self, request: Request<OrderRequest>) -> Self::Future {
        let principal = request.metadata().get("x-passgate-principal").and_then(|value| value.to_str().ok());
        let principal = principal.unwrap_or_default().to_owned();
        let number = request.into_inner().number;
        ready(Ok(Response::new(OrderReply { number, state: self.0.to_owned(), principal })))
    }
}
