//! The configuration files of three processes that know each other.

use std::path::Path;

use super::ports::Reserved;
use super::system::ADMINISTRATOR;

/// The addresses that the processes are told beforehand, since each must know the others.
pub struct Ports {
    identity: Reserved,
    token: Reserved,
    gateway: Reserved,
    gateway_admin: Reserved,
}

impl Ports {
    /// Reserves them.
    pub fn reserve() -> Self {
        let [identity, token, gateway, gateway_admin] = [(); 4].map(|()| Reserved::loopback());
        Self { identity, token, gateway, gateway_admin }
    }

    /// The configuration of one service, in TOML, with its database at `url`.
    pub fn configuration(&self, service: &str, folder: &Path, url: &str) -> String {
        let (identity, token) = (self.identity.address(), self.token.address());
        let (gateway, gateway_admin) = (self.gateway.address(), self.gateway_admin.address());
        let own = match service {
            "identity" => format!(
                "listen = \"{identity}\"\ntoken_url = \"http://{token}\"\n\
                 first_user_email = \"{ADMINISTRATOR}\"\nfirst_password_file = \"{}\"\n",
                folder.join("first-password").display()
            ),
            "token" => format!(
                "listen = \"{token}\"\nidentity_url = \"http://{identity}\"\nmaster_key_file = \"{}\"\n",
                folder.join("credentials/master.key").display()
            ),
            _ => format!(
                "listen = \"{gateway}\"\nadmin_listen = \"{gateway_admin}\"\ntoken_urls = [\"http://{token}\"]\n\
                 identity_url = \"http://{identity}\"\nallowed_upstreams = [\"127.0.0.0/8\"]\n"
            ),
        };
        let credentials = folder.join("credentials");
        let mut own = own;
        for (key, file) in
            [("credential_file", format!("{service}.credential")), ("mark_key_file", "mark.key".to_owned())]
        {
            own.push_str(&format!("{key} = \"{}\"\n", credentials.join(file).display()));
        }
        if service != "gateway" {
            own.push_str(&format!("accepted_file = \"{}\"\n", credentials.join("accepted.toml").display()));
        }
        format!("{own}\n[database]\nurl = \"{url}\"\n")
    }
}
