//! What a person calls a thing, and its id: RPCs take ids, the command line takes id, name or e-mail.
//!
//! An id is taken as it is: the RPC itself says whether there is such a thing. A name or e-mail is looked up with the filters
//! of the list RPCs. What fits nothing is not found, what fits more than one thing is refused with the candidates.

mod group;
mod principal;
mod token;

pub use self::group::{group, group_name, groups};
pub use self::principal::{ApiUserRef, PrincipalRef, UserRef, api_user, own_principal, principal, user};
pub use self::token::{Found, token};

use uuid::Uuid;

use super::failure::Failure;

/// Whether the text is an id. Nothing is looked up by a name that is.
fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok() && text.len() == 36
}

/// The one candidate; each has its id and how it is told to people.
fn only_one(
    kind: &'static str,
    name: &str,
    mut found: Vec<(String, String)>,
    try_instead: &str,
) -> Result<String, Failure> {
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(Failure::NotFound(format!("no {kind} is called {name:?}: {try_instead}"))),
        (Some((id, _)), true) => Ok(id),
        (Some(last), false) => {
            found.push(last);
            let candidates = found.into_iter().map(|(id, told)| format!("{id}  {told}")).collect();
            Err(Failure::Ambiguous { name: name.to_owned(), kind, candidates })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::exit::Exit;
    use super::*;

    fn found(ids: &[&str]) -> Result<String, Failure> {
        let found = ids.iter().map(|id| ((*id).to_owned(), format!("told {id}"))).collect();
        only_one("user", "alice", found, "`passgate user list` lists them")
    }

    #[test]
    fn one_thing_of_that_name_is_meant_none_is_not_found_and_more_are_told() {
        assert_eq!(found(&["users/1"]).ok().as_deref(), Some("users/1"));

        let none = found(&[]).expect_err("none");
        assert_eq!((none.exit(), none.to_string().contains("passgate user list")), (Exit::NotFound, true));

        let both = found(&["users/1", "api-users/2"]).expect_err("two");
        let mut told = Vec::new();
        both.tell(&mut told).expect("a screen in memory");
        let told = String::from_utf8(told).expect("text");
        assert_eq!(both.exit(), Exit::Ambiguous);
        assert!(told.contains("users/1  told users/1") && told.contains("api-users/2  told api-users/2"), "{told}");
    }

    #[test]
    fn only_a_whole_uuid_is_an_id() {
        assert!(is_id("019f0000-0000-7000-8000-000000000001"));
        for name in ["019f0000000070008000000000000001", "alice", "", "{019f0000-0000-7000-8000-000000000001}"] {
            assert!(!is_id(name), "{name}");
        }
    }
}
