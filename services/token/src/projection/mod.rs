//! The durable copy of principals, groups and grants, which are the identity service's.
//!
//! Each replica watches the identity service with a lease of its own. Change *n* is written by one transaction, which moves
//! the copy's position from *n − 1* to *n* and appends to the token service's own feed; of two replicas one wins, and the
//! other reads what the winner wrote. So one number of the own feed stands for both feeds, and evidence for identity's
//! counts only once the memory contains it (rule 6 of the feed's protocol).

mod apply;
mod directory;
mod record;
mod watch;

pub use apply::{Applier, PROJECTION_SUBJECT};
pub use directory::{Directory, Looked, Outcome};
pub use record::{GroupRecord, PrincipalRecord};
pub use watch::Watcher;
