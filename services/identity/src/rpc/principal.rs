//! What UserService and ApiUserService do alike.

use passgate_kit::caller::Caller;
use passgate_kit::client::Principal;
use passgate_kit::etag::Etag;
use passgate_kit::filter::Listing;
use passgate_kit::list::Page;
use passgate_kit::store::Committed;

use super::Rooms;
use crate::acting::look;
use crate::error::IdentityError;
use crate::principal::{self, View};
use crate::store::{micros, query, rows};

impl Rooms {
    pub(super) async fn view(&self, who: Principal) -> Result<View, IdentityError> {
        let found = look(&self.store, move |db| {
            Box::pin(async move {
                let row = query::principal(db, who).await?;
                let row = row.ok_or_else(|| IdentityError::NotFound(who.to_string()))?;
                Ok(View { groups: query::groups_of(db, &row.principal).await?, row })
            })
        });
        found.await
    }

    pub(super) async fn page(
        &self,
        kind: &'static str,
        key: Option<String>,
        disabled: Option<bool>,
        listing: Listing,
        page: Page,
    ) -> Result<(Vec<View>, String), IdentityError> {
        let wanted = rows::Wanted { kind, key, disabled, listing: listing.clone(), after: page.after.clone() };
        let (now, limit) = (micros(self.ambient().now()), page.limit());
        let found =
            look(&self.store, move |db| Box::pin(async move { Ok(rows::page(db, wanted, now, limit).await?) })).await?;
        let mut found: Vec<View> = found.into_iter().map(|(row, groups)| View { row, groups }).collect();
        let next = page.cut(&self.pages, &mut found, |view| listing.cursor(&view.row));
        Ok((found, next))
    }

    pub(super) async fn disable(&self, caller: &Caller, who: Principal) -> Result<Committed<View>, IdentityError> {
        self.act(caller, move |acting| {
            Box::pin(async move {
                let row = acting.principals.principal(who).await?;
                principal::disable(acting, row).await
            })
        })
        .await
    }

    pub(super) async fn enable(&self, caller: &Caller, who: Principal) -> Result<Committed<View>, IdentityError> {
        self.act(caller, move |acting| {
            Box::pin(async move {
                let row = acting.principals.principal(who).await?;
                principal::enable(acting, row).await
            })
        })
        .await
    }

    pub(super) async fn delete(
        &self,
        caller: &Caller,
        who: Principal,
        etag: String,
        although: bool,
    ) -> Result<Committed<()>, IdentityError> {
        self.view(who).await?; // what is not there has no tokens to ask for
        self.may_delete(who.to_string(), although).await?;
        self.act(caller, move |acting| {
            Box::pin(async move {
                let row = acting.principals.principal(who).await?;
                Etag::of(row.revision.unsigned_abs()).check_if_given(&etag)?;
                principal::delete(acting, row).await
            })
        })
        .await
    }
}
