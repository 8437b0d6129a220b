//! The lines to use a new token with, the secret in `$PASSGATE_TOKEN`: they are for the very server that made it.

use passgate_kit::client::{Action, EndpointName, Patterns, Resource};
use passgate_proto::gateway::v1::ListEndpointsRequest;

use super::connection::Connection;
use super::server::Server;

/// The lines. `endpoint` is one that the token may call; without one its place is `$ENDPOINT`.
#[must_use]
pub fn use_lines(server: &Server, endpoint: Option<&str>) -> Vec<String> {
    vec![
        "use it: put the secret into PASSGATE_TOKEN, then".to_owned(),
        format!(
            "  curl -sS -H \"Authorization: Bearer $PASSGATE_TOKEN\" \"{server}/endpoints/{}/\"",
            endpoint.unwrap_or("$ENDPOINT")
        ),
        format!(
            "  grpcurl {}-H \"authorization: Bearer $PASSGATE_TOKEN\" {} passgate.token.v1.TokenService/GetSelf",
            if server.is_secure() { "" } else { "-plaintext " },
            server.host_and_port()
        ),
    ]
}

/// An endpoint that a token may call which covers `effective`: one that is named there, or else the first of those that there
/// are, if whoever makes the token may list them.
pub async fn callable_endpoint(api: &Connection, effective: &[String]) -> Option<String> {
    if let Some(name) = effective.iter().find_map(|pattern| endpoint(pattern)) {
        return Some(name.to_owned());
    }
    let patterns = Patterns::parse_list(effective).ok().filter(|patterns| !patterns.is_empty())?;
    let request = ListEndpointsRequest { page_size: 1_000, page_token: String::new() };
    let endpoints = api.call(api.endpoints().list_endpoints(request)).await.ok()?.endpoints;
    let names = endpoints.into_iter().filter(|endpoint| !endpoint.disabled).map(|endpoint| endpoint.name);
    names.into_iter().find(|name| may_read(&patterns, name))
}

fn may_read(patterns: &Patterns, name: &str) -> bool {
    EndpointName::parse(name).is_ok_and(|name| patterns.covers(&Resource::Endpoint(name), Action::Read))
}

/// The endpoint that a pattern names, if it names one alone.
fn endpoint(pattern: &str) -> Option<&str> {
    let resource = pattern.split(':').next()?;
    resource.strip_prefix("endpoints/").filter(|name| !name.contains('*'))
}

#[cfg(test)]
mod tests {
    use super::super::environment::Environment;
    use super::super::home::Home;
    use super::*;

    fn server(url: &str) -> Server {
        let environment = Environment::from([("PASSGATE_HOME", "/nowhere")]);
        Server::choose(Some(url), &environment, &Home::find(&environment).expect("a home")).expect("a server")
    }

    #[test]
    fn the_lines_call_the_server_that_made_the_token() {
        let lines = use_lines(&server("http://127.0.0.1:8080"), Some("sales"));

        assert_eq!(
            lines[1..],
            [
                "  curl -sS -H \"Authorization: Bearer $PASSGATE_TOKEN\" \"http://127.0.0.1:8080/endpoints/sales/\"",
                "  grpcurl -plaintext -H \"authorization: Bearer $PASSGATE_TOKEN\" 127.0.0.1:8080 passgate.token.v1.TokenService/GetSelf",
            ]
        );
    }

    #[test]
    fn where_no_endpoint_is_known_its_place_is_open() {
        let lines = use_lines(&server("https://api.example.com"), None);

        assert!(lines[1].ends_with("https://api.example.com/endpoints/$ENDPOINT/\""), "{lines:?}");
        assert!(lines[2].starts_with("  grpcurl -H ") && lines[2].contains(" api.example.com:443 "), "{lines:?}");
    }

    #[test]
    fn an_endpoint_that_the_token_may_not_read_is_no_example() {
        let patterns = Patterns::parse_list(["endpoints/sales-*:read", "endpoints/hr:write"]).expect("patterns");

        assert!(may_read(&patterns, "sales-orders") && !may_read(&patterns, "hr") && !may_read(&patterns, "other"));
        assert_eq!(endpoint("endpoints/a:read"), Some("a"));
        assert_eq!(endpoint("endpoints/a*"), None);
    }
}
