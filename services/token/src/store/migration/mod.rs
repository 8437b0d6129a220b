//! The token service's schema, a file for each step. A released step is never edited.

mod m0001_projection;
mod m0001_tokens;
mod m0002_deciders;
mod m0003_lists;

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

/// Every step, in order: first what all services have.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut steps = passgate_kit::store::schema::migrations();
        steps.push(Box::new(m0001_tokens::Migration));
        steps.push(Box::new(m0001_projection::Migration));
        steps.push(Box::new(m0002_deciders::Migration));
        steps.push(Box::new(m0003_lists::Migration));
        steps.push(passgate_kit::audit::migration());
        steps
    }
}
