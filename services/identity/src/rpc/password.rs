//! Setting passwords: one's own, and somebody else's.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Principal, SecretString, UserId};
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::store::Committed;
use passgate_proto::identity::v1::SetPasswordRequest;

use super::Rooms;
use crate::error::IdentityError;
use crate::password::{NewPassword, Password};
use crate::principal::{View, user};
use crate::sign_in::{fit, one_time_password};

/// SetPassword, read. Which of the passwords must be there depends on whose it is.
pub struct Wanted {
    /// Whose.
    pub id: UserId,
    current: Option<Password>,
    new: Option<NewPassword>,
}

impl Wanted {
    /// Reads the request; every wrong field is named.
    pub fn parse(request: &SetPasswordRequest) -> Result<Self, FieldViolations> {
        let mut fields = Fields::default();
        let id = fields.check("id", UserId::parse(&request.id));
        let current = (!request.current_password.is_empty())
            .then(|| fields.check("current_password", Password::parse(&request.current_password)));
        let new = request.new_password.as_deref().map(|text| fields.check("new_password", NewPassword::parse(text)));
        match id {
            Some(id) if fields.is_empty() => Ok(Self { id, current: current.flatten(), new: new.flatten() }),
            Some(_) | None => Err(fields.into_error()),
        }
    }

    /// The current and the new one, both of which one's own password needs.
    fn both(self) -> Result<(Password, NewPassword), FieldViolations> {
        match (self.current, self.new) {
            (Some(current), Some(new)) => Ok((current, new)),
            (current, new) => {
                let mut fields = Fields::default();
                if current.is_none() {
                    fields.add("current_password", "must be given to set one's own");
                }
                if new.is_none() {
                    fields.add("new_password", "must be given to set one's own");
                }
                Err(fields.into_error())
            }
        }
    }
}

impl Rooms {
    pub(super) async fn set_own_password(
        &self,
        caller: &Caller,
        wanted: Wanted,
    ) -> Result<Committed<View>, IdentityError> {
        let id = wanted.id;
        let (current, new) = wanted.both()?;
        caller.signed_in_just_now(self.ambient().now())?;
        let row = self.view(Principal::User(id)).await?.row;
        self.sign_in.check_current(&row, current, &caller.peer).await?;
        fit(&new, &row)?;
        let hash = self.hasher.hash(new.into_password()).await?;
        let checked = SecretString::new(row.password_hash.unwrap_or_default());
        let kept = caller.holder().map(|holder| holder.token_id);
        self.act(caller, move |acting| {
            Box::pin(async move { user::change_own_password(acting, id, &checked, hash, kept).await })
        })
        .await
    }

    pub(super) async fn set_others_password(
        &self,
        caller: &Caller,
        wanted: Wanted,
    ) -> Result<(Committed<View>, Option<SecretString>), IdentityError> {
        let id = wanted.id;
        let (password, made) = match wanted.new {
            Some(new) => {
                fit(&new, &self.view(Principal::User(id)).await?.row)?;
                (new.into_password(), None)
            }
            None => {
                let made = one_time_password(self.ambient());
                (Password::parse(made.expose())?, Some(made))
            }
        };
        let hash = self.hasher.hash(password).await?;
        let done =
            self.act(caller, move |acting| Box::pin(async move { user::set_password(acting, id, hash).await })).await?;
        Ok((done, made))
    }
}
