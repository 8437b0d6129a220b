//! The lines to use a new token with, the secret in `$PASSGATE_TOKEN`: they are for the very server that made it.

use super::server::Server;

/// The lines, for a token that may call what `effective` covers.
#[must_use]
pub fn use_lines(server: &Server, effective: &[String]) -> Vec<String> {
    vec![
        "use it: put the secret into PASSGATE_TOKEN, then".to_owned(),
        format!(
            "  curl -sS -H \"Authorization: Bearer $PASSGATE_TOKEN\" \"{server}/endpoints/{}/\"",
            effective.iter().find_map(|pattern| endpoint(pattern)).unwrap_or("$ENDPOINT")
        ),
        format!(
            "  grpcurl {}-H \"authorization: Bearer $PASSGATE_TOKEN\" {} passgate.token.v1.TokenService/GetSelf",
            if server.is_secure() { "" } else { "-plaintext " },
            server.host_and_port()
        ),
    ]
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
    fn the_lines_call_the_server_that_made_the_token_and_an_endpoint_that_it_may_call() {
        let effective = ["endpoints/a-*".to_owned(), "endpoints/sales:read".to_owned()];

        let lines = use_lines(&server("http://127.0.0.1:8080"), &effective);

        assert_eq!(
            lines[1..],
            [
                "  curl -sS -H \"Authorization: Bearer $PASSGATE_TOKEN\" \"http://127.0.0.1:8080/endpoints/sales/\"",
                "  grpcurl -plaintext -H \"authorization: Bearer $PASSGATE_TOKEN\" 127.0.0.1:8080 passgate.token.v1.TokenService/GetSelf",
            ]
        );
    }

    #[test]
    fn a_token_for_no_single_endpoint_leaves_its_place_open() {
        let lines = use_lines(&server("https://api.example.com"), &["*".to_owned()]);

        assert!(lines[1].ends_with("https://api.example.com/endpoints/$ENDPOINT/\""), "{lines:?}");
        assert!(lines[2].starts_with("  grpcurl -H ") && lines[2].contains(" api.example.com:443 "), "{lines:?}");
    }
}
