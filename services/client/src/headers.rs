//! The names that Passgate's services and callers agree on outside the contracts.

/// Metadata: the credential of a calling service, beside the caller's own `authorization`.
pub const SERVICE_HEADER: &str = "passgate-service";
/// Metadata: the address of the peer at the gateway's socket. Believed only beside the gateway's service credential.
pub const PEER_HEADER: &str = "passgate-peer";
/// Metadata of an answer to a write: the change mark.
pub const MARK_HEADER: &str = "passgate-change";
/// Metadata or header of a request: a change mark that the answer must not be older than.
pub const AT_LEAST_HEADER: &str = "passgate-at-least";
/// HTTP header of our refusals: the reason.
pub const REASON_HEADER: &str = "x-passgate-reason";
/// The domain of `google.rpc.ErrorInfo` in our refusals.
pub const ERROR_DOMAIN: &str = "passgate";
