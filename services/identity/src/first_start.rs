//! The first start: the built-in groups and the first user, once for an installation however many replicas start.
//!
//! One transaction, guarded by the single row `installation`: whoever inserts it founds. The password is on the disk,
//! synced, *before* the transaction commits, so that there is never a user whose password nobody can know; whoever loses
//! the race removes the file that it wrote.

use std::path::{Path, PathBuf};

use passgate_kit::client::{Name, NameError, Pattern, PatternError, SecretString, UserId};
use passgate_kit::feed::Actor;
use passgate_kit::keyfile::{KeyFileError, read_secret, write_new_secret};
use passgate_kit::store::{Store, StoreError, Tx};
use sea_orm::{EntityTrait as _, IntoActiveModel as _, sea_query::OnConflict};

use crate::config::Config;
use crate::email::{Email, EmailError};
use crate::error::IdentityError;
use crate::password::{Hasher, Password, PasswordError, PasswordHash};
use crate::principal::{About, USER, group, new_row};
use crate::sign_in::one_time_password;
use crate::store::entity::installation;
use crate::store::{Principals, grants, groups, members, micros, query, rows};

/// Why the first start failed.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The address cannot be one.
    #[error("`first_user_email` {0}")]
    Email(#[source] EmailError),
    /// The file with the first password.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The password in the file.
    #[error("the first password {rule}: put another one into {}", .file.display())]
    Password {
        /// The rule that it breaks.
        rule: PasswordError,
        /// Where it is.
        file: PathBuf,
    },
    /// The names of what is built in, which a build does not let happen.
    #[error("a built-in group has no right name")]
    Name(#[from] NameError),
    /// The patterns of what is built in, which a build does not let happen.
    #[error("a built-in group has no right pattern")]
    Pattern(#[from] PatternError),
    /// The database, or the hashing.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl From<StoreError> for FirstStartError {
    fn from(error: StoreError) -> Self {
        Self::Identity(error.into())
    }
}

/// What the first start did.
#[derive(Debug, PartialEq, Eq)]
pub enum FirstStart {
    /// There was nothing to do.
    DoneBefore,
    /// The first user is there.
    Done,
}

/// Founds the installation if that was not done before.
pub async fn first_start(store: &Store, hasher: &Hasher, config: &Config) -> Result<FirstStart, FirstStartError> {
    if is_founded(store).await? {
        return Ok(FirstStart::DoneBefore);
    }
    try_to_found(store, hasher, config).await
}

/// Founds, if nobody else does meanwhile.
async fn try_to_found(store: &Store, hasher: &Hasher, config: &Config) -> Result<FirstStart, FirstStartError> {
    let email = Email::parse(&config.first_user_email).map_err(FirstStartError::Email)?;
    let file = &config.first_password_file;
    let (password, made) = first_password(store, file)?;
    let parsed =
        Password::parse(password.expose()).map_err(|rule| FirstStartError::Password { rule, file: file.clone() })?;
    let hash = hasher.hash(parsed).await?;

    let address = email.canonical().to_owned();
    let founded = store.write(move |tx| Box::pin(async move { found(tx, &email, &hash).await }));
    match founded.await.map(|committed| committed.value) {
        Ok(true) => Ok(FirstStart::Done),
        lost => {
            // The outcome may be unknown, or the winner may have read this very file: it goes only if it opens nothing.
            if made && !opens(store, hasher, address, &password).await? {
                remove(file);
            }
            lost.map(|_| FirstStart::DoneBefore)
        }
    }
}

/// Whether this password is the first user's.
async fn opens(
    store: &Store,
    hasher: &Hasher,
    address: String,
    password: &SecretString,
) -> Result<bool, FirstStartError> {
    let row = store.read(move |conn| Box::pin(async move { query::principal_by_key(conn, USER, &address).await }));
    let hash = row.await?.and_then(|row| row.password_hash);
    let password = Password::parse(password.expose()).map_err(IdentityError::from)?;
    Ok(hasher.check(password, hash).await?)
}

async fn is_founded(store: &Store) -> Result<bool, StoreError> {
    let row = store.read(|conn| {
        Box::pin(async move { Ok::<_, StoreError>(installation::Entity::find_by_id(1).one(conn).await?) })
    });
    Ok(row.await?.is_some())
}

/// The password to begin with, and whether it was made here.
fn first_password(store: &Store, file: &Path) -> Result<(SecretString, bool), FirstStartError> {
    match read_secret(file) {
        Err(KeyFileError::Missing { .. }) => {}
        there => return Ok((there?, false)),
    }
    let made = one_time_password(store.ambient());
    match write_new_secret(file, &format!("{}\n", made.expose())) {
        Ok(()) => Ok((made, true)),
        // Of a replica that founds at this moment: its password is as good.
        Err(KeyFileError::Exists { .. }) => Ok((read_secret(file)?, false)),
        Err(error) => Err(error.into()),
    }
}

fn remove(file: &Path) {
    if let Err(error) = std::fs::remove_file(file) {
        tracing::warn!("remove {} yourself, its password opens nothing: {error}", file.display());
    }
}

/// False if somebody else founds, or has.
async fn found(tx: &mut Tx, email: &Email, hash: &PasswordHash) -> Result<bool, FirstStartError> {
    let now = micros(tx.ambient().now());
    let row = installation::Model { id: 1, create_us: now };
    let insert = installation::Entity::insert(row.into_active_model());
    let insert = insert.on_conflict(OnConflict::column(installation::Column::Id).do_nothing().to_owned());
    if insert.exec_without_returning(tx.connection()).await.map_err(StoreError::from)? == 0 {
        return Ok(false);
    }
    let user = UserId::new(tx.ambient().uuid_v7()).resource_name();
    let mut principals = Principals::founding(tx, Actor::passgate("start"));
    built_in(&mut principals, group::ADMINISTRATORS, "administrators", "*").await?;
    built_in(&mut principals, group::AUDITORS, "auditors", "apis/passgate.*:read").await?;

    let mut row = new_row(user, USER, "Administrator", &About::default(), now);
    row.unique_key = Some(email.canonical().to_owned());
    row.email = Some(email.as_given().to_owned());
    row.password_hash = Some(hash.expose().to_owned());
    row.password_one_time = true;
    rows::insert(principals.conn(), &row).await?;
    members::add(principals.conn(), group::ADMINISTRATORS, &row.principal, now).await?;
    let facts = principals.facts(&row).await?;
    principals.record("user.created", None, facts, None);
    Ok(true)
}

async fn built_in(
    principals: &mut Principals<'_>,
    id: passgate_kit::client::GroupId,
    name: &str,
    pattern: &str,
) -> Result<(), FirstStartError> {
    let now = principals.now();
    let row = group::new_row(id, &Name::parse(name)?, &About::default(), true, now);
    groups::insert(principals.conn(), &row).await?;
    grants::give(principals.conn(), &row.group_name, &Pattern::parse(pattern)?, "system", now).await?;
    let facts = principals.group_facts(&row).await?;
    principals.record_group("group.created", None, facts);
    Ok(())
}

#[cfg(test)]
mod tests {
    use passgate_kit::client::Ambient;
    use passgate_kit::testing::{DIALECTS, TestDatabase};
    use sea_orm::PaginatorTrait as _;

    use super::*;
    use crate::password::HasherConfig;
    use crate::store::{Migrator, principal_row};

    /// Two replicas that both found an empty database, with these files for the first password.
    async fn race(database: &TestDatabase, files: [&str; 2]) -> (Store, Hasher, [FirstStart; 2]) {
        let ambient = Ambient::system();
        let hasher = Hasher::start(&HasherConfig::default(), &ambient).await.expect("a hasher");
        let (one, two) = (
            database.open::<Migrator>("identity", &ambient).await,
            database.open::<Migrator>("identity", &ambient).await,
        );
        let [first, second] =
            files.map(|file| Config { first_password_file: database.folder().join(file), ..Config::default() });
        let (first, second) = tokio::join!(try_to_found(&one, &hasher, &first), try_to_found(&two, &hasher, &second));
        (one, hasher, [first.expect("founded or lost"), second.expect("founded or lost")])
    }

    async fn users(store: &Store) -> u64 {
        let counted = store.read(|conn| {
            Box::pin(async move { Ok::<_, IdentityError>(principal_row::Entity::find().count(conn).await?) })
        });
        counted.await.expect("counted")
    }

    #[tokio::test]
    async fn of_two_first_starts_one_founds_and_the_other_takes_its_file_away() {
        for dialect in DIALECTS {
            let database = TestDatabase::new(dialect);
            let (store, hasher, ends) = race(&database, ["first", "second"]).await;

            let winners = ends.iter().filter(|end| **end == FirstStart::Done).count();
            assert_eq!((winners, users(&store).await), (1, 1));
            let left =
                ["first", "second"].map(|file| database.folder().join(file)).into_iter().filter(|file| file.exists());
            let left: Vec<PathBuf> = left.collect();
            assert_eq!(left.len(), 1, "{left:?}");
            let password = read_secret(&left[0]).expect("the password");
            assert!(opens(&store, &hasher, "admin@localhost".to_owned(), &password).await.expect("checked"));
        }
    }

    #[tokio::test]
    async fn two_first_starts_with_one_file_leave_it_and_it_opens() {
        for dialect in DIALECTS {
            let database = TestDatabase::new(dialect);
            let (store, hasher, ends) = race(&database, ["first", "first"]).await;

            let winners = ends.iter().filter(|end| **end == FirstStart::Done).count();
            assert_eq!((winners, users(&store).await), (1, 1));
            let password = read_secret(&database.folder().join("first")).expect("the password");
            assert!(opens(&store, &hasher, "admin@localhost".to_owned(), &password).await.expect("checked"));
        }
    }
}
