//! The command line, as clap reads it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::admin;
use crate::admin::place::Place;

/// Named tokens in front of named API endpoints and gRPC APIs, revocable at once.
#[derive(Debug, Parser)]
#[command(name = "passgate", version, arg_required_else_help = true, max_term_width = 120)]
#[command(after_help = admin::exit::Exit::table())]
pub struct Cli {
    /// How what serves logs and says that it is ready; also accepted behind the verb.
    #[command(flatten)]
    pub serving: Serving,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run everything in one process on a data folder, which is filled at the first start.
    Standalone(StandaloneArgs),
    /// Run the identity service.
    Identity(ConfigArgs),
    /// Run the token service; with a verb behind it, administer tokens.
    #[command(after_help = crate::admin::token::EXAMPLES)]
    Token(TokenArgs),
    /// Run the gateway.
    Gateway(ConfigArgs),
    /// Bring a service's database to this program's version, and end.
    Migrate(MigrateArgs),
    /// Mend a service's change feed after its database was restored, or lost commits at a fail-over.
    #[command(subcommand)]
    Feed(FeedVerb),
    /// Walk through the product on a throw-away folder, showing each call and its answer.
    Demo(Logging),
    /// Make and remove the credentials between the services.
    #[command(subcommand)]
    Credentials(CredentialsVerb),
    /// Administration.
    #[command(flatten)]
    Admin(admin::Verb),
}

/// How what serves logs.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Logging {
    /// How log lines on standard error look; `human` if left out.
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Servers")]
    pub log: Option<LogFormat>,
    /// The least important lines to log; `info` if left out, `error` for the demo.
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Servers")]
    pub log_level: Option<LogLevel>,
}

/// How what serves logs and says that it is ready.
#[derive(Args, Clone, Debug, Default)]
pub struct Serving {
    /// See [`Logging`].
    #[command(flatten)]
    pub logging: Logging,
    /// How to say on standard output where the program listens and when it is ready; `human` if left out.
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Servers")]
    pub ready: Option<ReadyFormat>,
    /// A file to write where the program listens, once it is ready: one line of JSON.
    #[arg(long, value_name = "FILE", help_heading = "Servers")]
    pub ready_file: Option<PathBuf>,
}

impl Serving {
    /// What is said here, and elsewhere where nothing is said here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            logging: Logging {
                log: self.logging.log.or(other.logging.log),
                log_level: self.logging.log_level.or(other.logging.log_level),
            },
            ready: self.ready.or(other.ready),
            ready_file: self.ready_file.or(other.ready_file),
        }
    }

    /// Whether anything is said at all.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.logging.log.is_some()
            || self.logging.log_level.is_some()
            || self.ready.is_some()
            || self.ready_file.is_some()
    }
}

/// Where `standalone` keeps things and listens.
#[derive(Debug, Args)]
pub struct StandaloneArgs {
    /// The data folder. It is made if it is not there, readable by its owner only.
    #[arg(long, value_name = "DIR", default_value = "passgate-data")]
    pub data: PathBuf,
    /// Where callers come in.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub gateway: SocketAddr,
    /// Where endpoints and APIs are administered.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9080")]
    pub gateway_admin: SocketAddr,
    /// Where the identity service listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9081")]
    pub identity: SocketAddr,
    /// Where the token service listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9082")]
    pub token: SocketAddr,
    /// Listen on ports that the system chooses, whatever the addresses above say.
    #[arg(long)]
    pub free_ports: bool,
    /// See [`Serving`].
    #[command(flatten)]
    pub serving: Serving,
}

/// Where a single service's configuration is.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The configuration, in TOML. Variables `PASSGATE_…` override it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// See [`Serving`].
    #[command(flatten)]
    pub serving: Serving,
}

/// The token service, or what to do with tokens.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TokenArgs {
    /// See [`ConfigArgs`].
    #[command(flatten)]
    pub service: ConfigArgs,
    /// See [`Place`].
    #[command(flatten)]
    pub place: Place,
    /// What to do with tokens.
    #[command(subcommand)]
    pub verb: Option<admin::token::Verb>,
}

/// Which database to migrate.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Whose database.
    #[arg(value_enum)]
    pub service: Service,
    /// The configuration, in TOML. Variables `PASSGATE_…` override it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// See [`Logging`].
    #[command(flatten)]
    pub logging: Logging,
}

/// What to do with a change feed.
#[derive(Debug, Subcommand)]
pub enum FeedVerb {
    /// Give the feed of a restored database a new identity, so that whoever saw more of it starts over, and revoke again what
    /// was revoked since the backup. No process may serve the database, and none that served the lost one may still answer.
    Adopt(AdoptArgs),
}

/// Which feed to adopt, and what was lost.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// Whose database.
    #[arg(long, value_enum)]
    pub service: Service,
    /// The service's configuration, in TOML. Variables `PASSGATE_…` override it.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub config: Option<PathBuf>,
    /// The data folder of `passgate standalone`, in place of a configuration.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// For the token service: what was revoked after the backup, one JSON object a line: `{"token_id": "…"}`, or audit events
    /// as they are exported.
    #[arg(long, value_name = "FILE", conflicts_with = "nothing_to_revoke")]
    pub revocations: Option<PathBuf>,
    /// For the token service: there is no such file. What was revoked after the backup, and is in it, is good again.
    #[arg(long)]
    pub nothing_to_revoke: bool,
    /// See [`Logging`].
    #[command(flatten)]
    pub logging: Logging,
}

/// A service of Passgate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// Principals, groups, grants, sessions.
    Identity,
    /// Tokens, keys, decisions.
    Token,
    /// Endpoints and APIs.
    Gateway,
}

/// What to do with credentials between the services.
#[derive(Debug, Subcommand)]
pub enum CredentialsVerb {
    /// Make one for each service, the file of accepted ones, and the keys that the services are told of. What is there
    /// already is kept.
    Init {
        /// The folder.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
    },
    /// Make one more, such as for a second gateway, or for rotation (two per instance are accepted).
    Add {
        /// The folder that `init` filled.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// A name for who will hold it.
        #[arg(long, value_name = "NAME")]
        instance: String,
        /// What the holder is.
        #[arg(long, value_enum)]
        role: Service,
    },
    /// Take away what an instance holds: its streams and leases end at once.
    Remove {
        /// The folder that `init` filled.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// Whose.
        #[arg(long, value_name = "NAME")]
        instance: String,
        /// Only the one that `add` put aside as `NAME.credential.old`: the end of a rotation.
        #[arg(long)]
        old: bool,
    },
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// The least important lines to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Someone should act.
    Error,
    /// It went on, worse.
    Warn,
    /// Few.
    Info,
    /// Each request.
    Debug,
    /// Everything.
    Trace,
}

/// How to say that the program is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReadyFormat {
    /// For people.
    Human,
    /// `{"listening": {name: address}}`, then `{"ready": true}`: one JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn standalone_listens_on_loopback_unless_told_otherwise() {
        let cli = Cli::parse_from(["passgate", "standalone"]);

        let Verb::Standalone(args) = cli.verb else { panic!("another verb") };
        for address in [args.gateway, args.gateway_admin, args.identity, args.token] {
            assert!(address.ip().is_loopback(), "{address}");
        }
    }
}
