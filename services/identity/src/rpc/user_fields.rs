//! Reading the messages of UserService, each wrong field named.

use passgate_kit::client::{Description, Labels, Name, UserId};
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::request::RequestId;
use passgate_proto::identity::v1::{CreateUserRequest, UpdateUserRequest};

use super::parse;
use crate::email::Email;
use crate::password::NewPassword;
use crate::principal::About;
use crate::principal::bundle::Bundle;
use crate::principal::user::UserEdit;

const CHANGEABLE: &[&str] = &["email", "display_name", "description", "labels"];

/// CreateUser, read.
pub struct ParsedUser {
    /// To sign in with.
    pub email: Email,
    /// For people; left out: the e-mail.
    pub display_name: Option<Name>,
    /// Description and labels.
    pub about: About,
    /// Grants and groups.
    pub bundle: Bundle,
    /// The first password; left out: one is made.
    pub password: Option<NewPassword>,
}

impl ParsedUser {
    /// Reads the request; every wrong field is named.
    pub fn parse(request: &CreateUserRequest) -> Result<(Self, Option<RequestId>), FieldViolations> {
        let mut fields = Fields::default();
        let email = fields.check("email", Email::parse(&request.email));
        let display_name = optional_name(&mut fields, "display_name", &request.display_name);
        let password = request.password.as_deref().map(|text| fields.check("password", NewPassword::parse(text)));
        let about = parse::about(&mut fields, "", &request.description, &request.labels);
        let bundle = parse::bundle(&mut fields, &request.grants, &request.groups);
        let request_id = fields.check("request_id", RequestId::parse(&request.request_id));
        if let (Some(Some(password)), Some(email)) = (&password, &email) {
            let name = display_name.as_ref().map_or(email.as_given(), Name::as_str);
            let local = email.as_given().split('@').next().unwrap_or_default();
            fields.check("password", password.is_not_made_of([name, email.as_given(), local]));
        }
        match (email, about, bundle, request_id) {
            (Some(email), Some(about), Some(bundle), Some(request_id)) if fields.is_empty() => {
                Ok((Self { email, display_name, about, bundle, password: password.flatten() }, request_id))
            }
            _ => Err(fields.into_error()),
        }
    }
}

fn optional_name(fields: &mut Fields, path: &str, text: &str) -> Option<Name> {
    if text.is_empty() { None } else { fields.check(path, Name::parse(text)) }
}

/// UpdateUser, read: whom, what, and the revision that the caller saw.
pub fn parse_edit(request: &UpdateUserRequest) -> Result<(UserId, UserEdit, String), FieldViolations> {
    let mut fields = Fields::default();
    let mask = parse::mask(&mut fields, request.update_mask.as_ref(), CHANGEABLE);
    let Some(user) = &request.user else {
        fields.add("user", "must be given");
        return Err(fields.into_error());
    };
    let id = fields.check("user.id", UserId::parse(&user.id));
    let mut edit = UserEdit::default();
    for path in mask {
        match path {
            "email" => edit.email = fields.check("user.email", Email::parse(&user.email)),
            "display_name" => {
                edit.display_name = Some(optional_name(&mut fields, "user.display_name", &user.display_name));
            }
            "description" => {
                edit.description = fields.check("user.description", Description::parse(&user.description));
            }
            _ => edit.labels = fields.check("user.labels", Labels::parse(&user.labels)),
        }
    }
    match id {
        Some(id) if fields.is_empty() => Ok((id, edit, user.etag.clone())),
        Some(_) | None => Err(fields.into_error()),
    }
}
