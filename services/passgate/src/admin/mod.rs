//! The verbs of daily administration: everything that grpcurl can do, where grpcurl is clumsy.
//!
//! A verb of a noun is a variant in the noun's file, with its flags, its examples and what it does; a new noun is a new file
//! and a line here. What they share: [`console`] (connection, screen, what is remembered), [`screen`] (tables, JSON),
//! [`resolve`] (ids, names, e-mails), [`confirm`] (asking before something breaks), [`failure`] and [`exit`] (how it ended).
//! Every call goes through [`connection::Connection::call`], which notes the change mark and tells a refusal.

mod advice;
mod api;
mod api_user;
mod audit;
mod completion;
mod confirm;
mod confirmation;
mod connection;
mod console;
mod deciders;
mod endpoint;
mod environment;
pub mod exit;
mod explain;
pub mod failure;
mod grant;
mod group;
mod home;
mod impact;
mod issued;
mod key;
mod login;
mod logout;
mod marks;
pub mod place;
#[cfg(test)]
mod reference;
mod resolve;
mod screen;
mod secrets;
mod server;
mod session;
pub mod token;
mod use_lines;
mod user;
mod values;
mod who_can;
mod whoami;

use clap::{Args, Subcommand};

use self::console::Console;
use self::failure::Failure;
use self::place::Place;
use self::screen::Shown;

/// The nouns and verbs, besides `token`, which is also the name of a service.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Sign in, and remember the session for the verbs after it.
    #[command(after_help = login::EXAMPLES)]
    Login(At<login::Login>),
    /// End the session of `passgate login`.
    #[command(after_help = logout::EXAMPLES)]
    Logout(At<Nothing>),
    /// Say who the session or token belongs to, and what it may do.
    #[command(after_help = whoami::EXAMPLES)]
    Whoami(At<Shown>),
    /// Administer users: people.
    User(Of<user::Verb>),
    /// Administer API users: machines.
    ApiUser(Of<api_user::Verb>),
    /// Administer groups.
    Group(Of<group::Verb>),
    /// Give and take rights.
    Grant(Of<grant::Verb>),
    /// See the keys that tokens are signed with.
    Key(Of<key::Verb>),
    /// List who keeps decisions: each gateway with its position and the lease it has left.
    #[command(after_help = deciders::EXAMPLES)]
    Deciders(At<deciders::Deciders>),
    /// Administer named HTTP endpoints.
    Endpoint(Of<endpoint::Verb>),
    /// Administer registered gRPC services.
    Api(Of<api::Verb>),
    /// See what was done, by whom, when and from where.
    Audit(Of<audit::Verb>),
    /// Say why a token may or may not call something.
    #[command(after_help = explain::EXAMPLES)]
    Explain(At<explain::Explain>),
    /// List who can call something, with the grants and tokens that give it.
    #[command(after_help = who_can::EXAMPLES)]
    WhoCan(At<who_can::WhoCan>),
    /// Write a script that completes verbs and flags in a shell.
    #[command(after_help = completion::EXAMPLES)]
    Completion(completion::Completion),
}

/// A noun's verbs, and which server they are for.
#[derive(Args, Debug)]
pub struct Of<V: Subcommand> {
    /// See [`Place`].
    #[command(flatten)]
    pub place: Place,
    /// What to do.
    #[command(subcommand)]
    pub verb: V,
}

/// A verb's flags, and which server it is for.
#[derive(Args, Debug)]
pub struct At<A: Args> {
    /// See [`Place`].
    #[command(flatten)]
    pub place: Place,
    /// How to do it.
    #[command(flatten)]
    pub args: A,
}

/// No flags.
#[derive(Args, Debug)]
pub struct Nothing {}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub async fn run(verb: Verb) -> Result<(), Failure> {
    let open = Console::signed_in;
    match verb {
        Verb::Login(At { place, args }) => login::run(args, &mut Console::of_nobody(&place)?).await,
        Verb::Logout(At { place, .. }) => logout::run(&mut Console::of_nobody(&place)?).await,
        Verb::Whoami(At { place, args }) => whoami::run(args, &mut open(&place)?).await,
        Verb::User(Of { place, verb }) => user::run(verb, &mut open(&place)?).await,
        Verb::ApiUser(Of { place, verb }) => api_user::run(verb, &mut open(&place)?).await,
        Verb::Group(Of { place, verb }) => group::run(verb, &mut open(&place)?).await,
        Verb::Grant(Of { place, verb }) => grant::run(verb, &mut open(&place)?).await,
        Verb::Key(Of { place, verb }) => key::run(verb, &mut open(&place)?).await,
        Verb::Deciders(At { place, args }) => deciders::run(args, &mut open(&place)?).await,
        Verb::Endpoint(Of { place, verb }) => endpoint::run(verb, &mut open(&place)?).await,
        Verb::Api(Of { place, verb }) => api::run(verb, &mut open(&place)?).await,
        Verb::Audit(Of { place, verb }) => audit::run(verb, &mut open(&place)?).await,
        Verb::Explain(At { place, args }) => explain::run(args, &mut open(&place)?).await,
        Verb::WhoCan(At { place, args }) => who_can::run(args, &mut open(&place)?).await,
        Verb::Completion(args) => completion::run(&args),
    }
}

/// Does something with tokens.
///
/// # Errors
/// Why it was not done.
pub async fn run_token(place: &Place, verb: token::Verb) -> Result<(), Failure> {
    // What a token says of itself needs no other credential.
    let console = if token::is_for_nobody(&verb) { Console::of_nobody(place)? } else { Console::signed_in(place)? };
    token::run(verb, &mut { console }).await
}
