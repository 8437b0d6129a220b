//! Who is accepted now, by the file as it is now.
//!
//! **A removed line stops working at once.** Each use looks at the file's inode, times and length first. Where two writes
//! leave the same of these (a file written in place twice within one tick of the file system's clock), the file's contents
//! tell: they are read again once a second. Streams that are open already look as well, and end with their line
//! ([`Accepted::until_removed`]).
//!
//! **No file, nobody.** A file that was deleted is a clear word, and it holds at once. A file that is there but cannot be
//! read, or is wrong, may be an edit in the middle: what was in force before stays so for [`GRACE`], so that saving a file
//! does not cut the services off from each other; after that nobody is accepted until the file is right again. So the last
//! good list outlives its file by a bound, and whoever damages the file keeps nobody accepted. Each of these is an error in
//! the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use parking_lot::Mutex;
use passgate_client::Ambient;
use passgate_client::clock::Moment;
use tokio::sync::watch;

use super::CredentialsError;
use super::file::{load, without_secret};
use super::secret::{fingerprint, instance_of};
use crate::caller::ServicePeer;
use crate::stamp::Stamp;
use crate::tls::ServiceName;

/// How long the last good list stays in force while the file cannot be read, or is wrong.
pub const GRACE: Duration = Duration::from_secs(5);
/// How long the file's contents may go unread while nothing shows that it has changed.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// How long an open stream may go without a look at the file.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The credentials that a service accepts, from its file.
#[derive(Debug)]
pub struct Accepted {
    file: PathBuf,
    ambient: Ambient,
    seen: Mutex<Seen>,
    in_force: watch::Sender<Arc<[ServicePeer]>>,
}

/// What was seen of the file.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    read: Moment,
    wrong: Option<Wrong>,
}

/// A file that cannot be followed.
#[derive(Debug)]
struct Wrong {
    since: Moment,
    /// What was told of it, so that it is told once and not at every use.
    told: String,
    closed: bool,
}

impl Accepted {
    /// Reads the file.
    ///
    /// # Errors
    /// If it is missing or wrong: a service without it could trust nobody.
    pub fn open(file: &Path, ambient: &Ambient) -> Result<Self, CredentialsError> {
        let seen = Seen { stamp: Stamp::of(file), read: ambient.moment(), wrong: None };
        let in_force = watch::Sender::new(load(file)?.into());
        Ok(Self { file: file.to_owned(), ambient: ambient.clone(), seen: Mutex::new(seen), in_force })
    }

    /// Which service presents `secret`; `None` if it is none that is accepted by the file as it is now.
    #[must_use]
    pub fn check(&self, secret: &str) -> Option<ServicePeer> {
        self.look();
        instance_of(secret)?; // the name in a certificate is no secret, and opens nothing here
        let presented = fingerprint(secret);
        let mut found = None;
        for peer in self.in_force.borrow().iter() {
            if verify_slices_are_equal(&peer.sha256, &presented).is_ok() {
                found = Some(peer.clone());
            }
        }
        found
    }

    /// Which service a verified certificate is of; `None` if the file has no line of that instance with that role. So the
    /// file cuts off whoever has a certificate, too.
    #[must_use]
    pub fn check_certificate(&self, named: &ServiceName) -> Option<ServicePeer> {
        self.look();
        let in_force = self.in_force.borrow();
        let mut lines = in_force.iter().filter(|peer| peer.role == named.role && peer.instance == named.instance);
        lines.clone().find(|peer| peer.sha256 == without_secret(named)).or_else(|| lines.next()).cloned()
    }

    /// Ends once the line that `peer` came with is in force no more: everything that it was given ends with it. Cancel safe.
    ///
    /// A second secret of the same instance does not count: each ends what was opened with it.
    pub async fn until_removed(&self, peer: &ServicePeer) {
        let mut in_force = self.in_force.subscribe();
        loop {
            self.look();
            if !in_force.borrow_and_update().contains(peer) {
                return;
            }
            // Losing either branch does no harm: the file is looked at, and the list read, anew.
            tokio::select! {
                biased;
                _ = in_force.changed() => {} // the sender is ours: it does not go
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Looks at the file, and reads it if it may have changed.
    fn look(&self) {
        let (stamp, now) = (Stamp::of(&self.file), self.ambient.moment());
        let mut seen = self.seen.lock();
        if stamp == seen.stamp && now.since(seen.read) < READ_AGAIN {
            return;
        }
        seen.stamp = stamp;
        seen.read = now;
        match load(&self.file) {
            Ok(peers) => self.follow(&mut seen, peers),
            Err(error) => self.lose(&mut seen, &error, now),
        }
    }

    fn follow(&self, seen: &mut Seen, peers: Vec<ServicePeer>) {
        if seen.wrong.take().is_some() {
            tracing::info!("service credentials are read from {} again", self.file.display());
        }
        self.put_in_force(peers);
    }

    fn lose(&self, seen: &mut Seen, error: &CredentialsError, now: Moment) {
        let told = error.to_string();
        let wrong = seen.wrong.get_or_insert(Wrong { since: now, told: String::new(), closed: false });
        let closes = matches!(error, CredentialsError::Missing { .. }) || now.since(wrong.since) >= GRACE;
        if closes && !wrong.closed {
            self.put_in_force(Vec::new());
            tracing::error!(cause = ?std::error::Error::source(error), "no service is accepted any more: {error}");
        } else if !wrong.closed && told != wrong.told {
            let cause = std::error::Error::source(error);
            let grace = GRACE.as_secs();
            tracing::error!(?cause, "service credentials stay as they were for {grace} s at most: {error}");
        }
        wrong.closed |= closes;
        wrong.told = told;
    }

    fn put_in_force(&self, peers: Vec<ServicePeer>) {
        self.in_force.send_if_modified(|before| {
            let changed = **before != *peers;
            if changed {
                *before = peers.into();
            }
            changed
        });
    }
}

#[cfg(test)]
impl Accepted {
    /// Remembers the file's facts as they are now, though it was not read.
    pub(super) fn pretend_nothing_changed(&self) {
        self.seen.lock().stamp = Stamp::of(&self.file);
    }
}
