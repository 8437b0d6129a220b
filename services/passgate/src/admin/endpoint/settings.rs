//! What an endpoint is, besides its name: flags of `create` and `update`.

use clap::{Args, ValueEnum};
use passgate_proto::gateway::v1::Endpoint;
use passgate_proto::gateway::v1::endpoint::Access as ProtoAccess;

use crate::admin::values::{Pair, duration, map};

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Access {
    /// Whoever has a token with the scope, and the grant.
    TokenRequired,
    /// Anybody.
    Public,
}

/// What an endpoint is, besides its name.
#[derive(Args, Debug)]
pub struct Settings {
    /// Who may call: with a token, if left out.
    #[arg(long, value_enum)]
    access: Option<Access>,
    /// An HTTP method to let through; all if left out. Say it again for more.
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// An HTTP method that counts as read besides GET, HEAD and OPTIONS. Say it again for more.
    #[arg(long = "read-method", value_name = "METHOD")]
    read_methods: Vec<String>,
    /// A query parameter that is always sent with this value. Say it again for more.
    #[arg(long = "fixed-query", value_name = "KEY=VALUE")]
    fixed_query: Vec<Pair>,
    /// How long the upstream may take to begin its answer; 30s if left out.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<prost_types::Duration>,
    /// The largest request body in bytes; 0 is no bound.
    #[arg(long, value_name = "BYTES")]
    max_request_bytes: Option<u64>,
}

impl Settings {
    /// Puts them into an endpoint, and names what changes.
    pub fn apply(self, endpoint: &mut Endpoint) -> Vec<String> {
        let mut paths = Vec::new();
        let mut changed = |path: &str| paths.push(path.to_owned());
        if let Some(access) = self.access {
            let access = match access {
                Access::TokenRequired => ProtoAccess::TokenRequired,
                Access::Public => ProtoAccess::Public,
            };
            endpoint.access = access.into();
            changed("access");
        }
        if !self.methods.is_empty() {
            endpoint.methods = self.methods;
            changed("methods");
        }
        if !self.read_methods.is_empty() {
            endpoint.read_methods = self.read_methods;
            changed("read_methods");
        }
        if !self.fixed_query.is_empty() {
            endpoint.fixed_query = map(&self.fixed_query);
            changed("fixed_query");
        }
        if self.timeout.is_some() {
            endpoint.timeout = self.timeout;
            changed("timeout");
        }
        if let Some(bytes) = self.max_request_bytes {
            endpoint.max_request_bytes = bytes;
            changed("max_request_bytes");
        }
        paths
    }
}

/// What of a change could break callers, or let strangers in.
pub fn worth_asking(before: &Endpoint, after: &Endpoint) -> Vec<String> {
    let mut lines = Vec::new();
    if before.upstream != after.upstream {
        lines.push(format!("requests go to {} instead of {}", after.upstream, before.upstream));
    }
    let public = ProtoAccess::Public as i32;
    match (before.access == public, after.access == public) {
        (false, true) => lines.push("anybody may call it from now on, without a token".to_owned()),
        (true, false) => lines.push("callers without a token are refused from now on".to_owned()),
        _ => {}
    }
    if before.methods != after.methods {
        lines.push(format!("only {} are let through", after.methods.join(", ")));
    }
    if before.fixed_query != after.fixed_query {
        lines.push("the fixed query parameters change for every caller".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_strangers_in_or_moves_callers_is_worth_asking_and_a_description_is_not() {
        let before = Endpoint {
            upstream: "http://a".to_owned(),
            access: ProtoAccess::TokenRequired.into(),
            ..Endpoint::default()
        };

        let described = Endpoint { description: "new".to_owned(), ..before.clone() };
        let opened = Endpoint { access: ProtoAccess::Public.into(), ..before.clone() };
        let moved = Endpoint { upstream: "http://b".to_owned(), ..before.clone() };

        assert_eq!(worth_asking(&before, &described), Vec::<String>::new());
        assert_eq!(worth_asking(&before, &opened), ["anybody may call it from now on, without a token"]);
        assert_eq!(worth_asking(&before, &moved), ["requests go to http://b instead of http://a"]);
    }
}
