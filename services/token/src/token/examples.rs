//! Lines to try a new token with, the secret in `$PASSGATE_TOKEN`: two that can be pasted.

use passgate_kit::client::{Pattern, Patterns};

/// Makes such lines for an installation.
#[derive(Clone, Debug)]
pub struct Examples {
    public_url: String,
}

impl Examples {
    /// For an installation whose gateway is called at `public_url`.
    #[must_use]
    pub fn new(public_url: &str) -> Self {
        Self { public_url: public_url.trim_end_matches('/').to_owned() }
    }

    /// A call of an endpoint. If the token may call none that is known by name, its place is `$ENDPOINT`.
    #[must_use]
    pub fn curl(&self, effective: &Patterns) -> String {
        let named = effective.iter().find_map(Self::endpoint).unwrap_or("$ENDPOINT");
        format!("curl -sS -H \"Authorization: Bearer $PASSGATE_TOKEN\" \"{}/endpoints/{named}/\"", self.public_url)
    }

    fn endpoint(pattern: &Pattern) -> Option<&str> {
        let is_prefix = pattern.to_string().contains('*');
        pattern.stem().strip_prefix("endpoints/").filter(|_| !is_prefix)
    }

    /// What can this token do? Every live token may ask that.
    #[must_use]
    pub fn grpcurl(&self) -> String {
        let (plain, host) = match self.public_url.split_once("://") {
            Some(("https", rest)) => ("", rest),
            Some((_, rest)) => ("-plaintext ", rest),
            None => ("-plaintext ", self.public_url.as_str()),
        };
        let host = host.split('/').next().unwrap_or(host);
        let default_port = if plain.is_empty() { ":443" } else { ":80" };
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let port = if has_port { "" } else { default_port };
        format!(
            "grpcurl {plain}-H \"authorization: Bearer $PASSGATE_TOKEN\" {host}{port} passgate.token.v1.TokenService/GetSelf"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_name_what_the_token_may_call() {
        let may = Patterns::parse_list(["endpoints/a*", "endpoints/sales:read"]).expect("patterns");
        let examples = Examples::new("http://localhost:8080/");

        assert_eq!(
            examples.curl(&may),
            "curl -sS -H \"Authorization: Bearer $PASSGATE_TOKEN\" \"http://localhost:8080/endpoints/sales/\""
        );
        assert!(examples.curl(&Patterns::all()).ends_with("/endpoints/$ENDPOINT/\""));
        assert_eq!(
            examples.grpcurl(),
            "grpcurl -plaintext -H \"authorization: Bearer $PASSGATE_TOKEN\" localhost:8080 \
             passgate.token.v1.TokenService/GetSelf"
        );
    }

    #[test]
    fn a_public_url_with_tls_needs_no_plaintext() {
        let line = Examples::new("https://api.example.com").grpcurl();
        assert!(line.starts_with("grpcurl -H ") && line.contains(" api.example.com:443 "), "{line}");
    }
}
