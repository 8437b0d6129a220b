//! Which server the verbs talk to: the gateway's data port, behind which Passgate's own services are reachable.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use serde::Deserialize;

use super::environment::Environment;
use super::failure::Failure;
use super::home::Home;

/// Where `passgate standalone` lets callers in.
const DEFAULT: &str = "http://127.0.0.1:8080";

/// A server's address: `http://host[:port]` or `https://host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    secure: bool,
    authority: String,
}

/// The verbs' configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    server: Option<String>,
}

impl Server {
    /// The server that the flag names, or `PASSGATE_SERVER`, or the configuration file; else the standalone's own address.
    ///
    /// # Errors
    /// If the first of them that says something does not name a server.
    pub fn choose(flag: Option<&str>, environment: &Environment, home: &Home) -> Result<Self, Failure> {
        if let Some(url) = flag {
            return Self::parse(url, "--server");
        }
        if let Some(url) = environment.get("PASSGATE_SERVER") {
            return Self::parse(url, "PASSGATE_SERVER");
        }
        let file = home.configuration();
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Failure::Local { what: format!("cannot read {}", file.display()), source }),
        };
        let configuration: Configuration = toml::from_str(&text).map_err(|error| {
            Failure::Usage(format!(
                "{} may hold `server = \"https://host:port\"` and nothing else: {error}",
                file.display()
            ))
        })?;
        Self::parse(configuration.server.as_deref().unwrap_or(DEFAULT), &file.display().to_string())
    }

    /// Reads an address; `from` says where it came from.
    ///
    /// # Errors
    /// If it is none.
    fn parse(url: &str, from: &str) -> Result<Self, Failure> {
        let wrong =
            |rule: &str| Failure::Usage(format!("{from} must name the gateway's data port, such as {DEFAULT}: {rule}"));
        let uri: Uri = url.parse().map_err(|_| wrong("this is no URL"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it begins with http:// or https://")),
        };
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        if authority.contains('@') {
            return Err(wrong("a user or password has no place in it"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("nothing follows host and port"));
        }
        Ok(Self { secure, authority: authority.to_ascii_lowercase() })
    }

    /// Whether what is sent is encrypted.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        let uri: Option<Uri> = self.to_string().parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// Host and port, as grpcurl takes them.
    #[must_use]
    pub fn host_and_port(&self) -> String {
        let named =
            self.authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let port = match (named, self.secure) {
            (true, _) => "",
            (false, true) => ":443",
            (false, false) => ":80",
        };
        format!("{}{port}", self.authority)
    }

    /// A name for files: the same server has the same, and others have others.
    #[must_use]
    pub fn file_name(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}+{}", self.host_and_port().replace(':', "+"))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Server, String> {
        Server::parse(url, "--server").map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_flag_comes_before_the_variable_and_that_before_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("config.toml"), "server = \"http://file:1\"").expect("written");
        let folder = folder.path().to_str().expect("text");
        let chosen = |flag, environment: &Environment| {
            let home = Home::find(environment).expect("a home");
            Server::choose(flag, environment, &home)
                .map(|server| server.to_string())
                .map_err(|failure| failure.to_string())
        };
        let all = Environment::from([("PASSGATE_HOME", folder), ("PASSGATE_SERVER", "http://variable:1")]);
        let file = Environment::from([("PASSGATE_HOME", folder)]);
        let nothing = Environment::from([("PASSGATE_HOME", "/nowhere")]);

        assert_eq!(chosen(Some("http://flag:1"), &all).as_deref(), Ok("http://flag:1"));
        assert_eq!(chosen(None, &all).as_deref(), Ok("http://variable:1"));
        assert_eq!(chosen(None, &file).as_deref(), Ok("http://file:1"));
        assert_eq!(chosen(None, &nothing).as_deref(), Ok(DEFAULT));
    }

    #[test]
    fn what_names_no_server_is_refused_with_its_rule_and_without_the_password_in_it() {
        for wrong in ["", "127.0.0.1:8080", "ftp://a", "http://a/path", "http://a?x=1", "http://user:secret@host"] {
            let error = parse(wrong).expect_err(wrong);
            assert!(error.contains("--server") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for here in ["http://127.0.0.1:1", "http://localhost", "http://[::1]:80", "http://LOCALHOST:80"] {
            assert!(parse(here).expect("a server").is_here(), "{here}");
        }
        for away in ["http://127.0.0.1.example.com", "http://10.0.0.1", "https://api.example.com", "http://[fe80::1]"] {
            assert!(!parse(away).expect("a server").is_here(), "{away}");
        }
    }

    #[test]
    fn a_server_has_one_name_for_files_however_it_is_written() {
        let name = |url| parse(url).expect("a server").file_name();

        assert_eq!(name("http://Example.com"), name("http://example.com:80/"));
        assert_ne!(name("http://example.com:443"), name("https://example.com"));
        assert_eq!(name("http://[::1]:8080"), "http+[++1]+8080");
    }
}
