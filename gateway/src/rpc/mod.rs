//! The admin RPCs: one file for each gRPC service, which reads the request, calls the registry, and writes the answer.

mod api;
mod api_fields;
mod audit;
mod callers;
mod convert;
mod endpoint;
mod endpoint_fields;

pub use api::ApiRpc;
pub use audit::AuditRpc;
pub use callers::PossibleCallers;
pub use endpoint::EndpointRpc;

use passgate_kit::caller::Caller;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::list::Page;
use passgate_kit::page::PageTokens;

/// Reads `page_size` and `page_token` of a list that has no other fields.
fn parse_page(tokens: &PageTokens, caller: &Caller, size: i32, token: &str) -> Result<Page, FieldViolations> {
    let mut fields = Fields::default();
    Page::parse(&mut fields, tokens, caller, "", size, token).ok_or_else(|| fields.into_error())
}
