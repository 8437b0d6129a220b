//! The gateway's schema: what every service has, then a file for each step. A released step is never edited.

mod m0002_registry;

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

/// Every step, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut steps = passgate_kit::store::schema::migrations();
        steps.push(Box::new(m0002_registry::Migration));
        steps.push(passgate_kit::audit::migration());
        steps
    }
}
