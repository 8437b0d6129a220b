//! What would break: told before it is confirmed.
//!
//! Whoever may not see it is told so; the verb itself is still possible, since seeing and doing are different rights.

use passgate_proto::token::v1::token::State;
use passgate_proto::token::v1::{ListCallersRequest, ListTokensRequest};
use passgate_proto::r#type::v1::Action;

use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;

/// So many names are told; more are counted.
const NAMED: usize = 10;

/// The principal's live tokens.
///
/// # Errors
/// If they cannot be counted for another reason than a missing right.
pub async fn live_tokens(api: &Connection, principal: &str) -> Result<Vec<String>, Failure> {
    let state = State::Active.into();
    let request = ListTokensRequest { owner: principal.to_owned(), state, page_size: 1_000, ..Default::default() };
    match api.call(api.tokens().list_tokens(request)).await {
        Ok(answer) => {
            let names = answer.tokens.iter().map(|token| token.name.clone()).collect();
            let more = if answer.next_page_token.is_empty() { "" } else { "more than " };
            let stop = if answer.tokens.len() == 1 { "stops" } else { "stop" };
            Ok(vec![format!("{more}{} {stop} working", counted(names, "live token"))])
        }
        Err(failure) => unseen(failure, "its live tokens"),
    }
}

/// Who could call a resource until now.
///
/// # Errors
/// As [`live_tokens`].
pub async fn callers(api: &Connection, resource: &str) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for action in [Action::Read, Action::Write] {
        let request = ListCallersRequest {
            resource: resource.to_owned(),
            action: action.into(),
            page_size: 1_000,
            ..Default::default()
        };
        let answer = match api.call(api.authorization().list_callers(request)).await {
            Ok(answer) => answer,
            Err(failure) => return unseen(failure, "who could call it"),
        };
        let names = answer.callers.iter().map(|caller| caller.display_name.clone()).collect();
        let tokens: usize = answer.callers.iter().map(|caller| caller.tokens.len()).sum();
        let more = if answer.next_page_token.is_empty() { "" } else { "more than " };
        let verb = if action == Action::Read { "read" } else { "write" };
        let told = counted(names, "principal");
        lines.push(format!("{more}{told} with {tokens} live tokens cannot {verb} it any more"));
    }
    Ok(lines)
}

/// `2 live tokens (laptop, ci)`.
fn counted(names: Vec<String>, what: &str) -> String {
    let count = names.len();
    let plural = if count == 1 { "" } else { "s" };
    let told: Vec<String> = names.into_iter().take(NAMED).collect();
    let dots = if count > NAMED { ", …" } else { "" };
    match count {
        0 => format!("no {what}s"),
        _ => format!("{count} {what}{plural} ({}{dots})", told.join(", ")),
    }
}

fn unseen(failure: Failure, what: &str) -> Result<Vec<String>, Failure> {
    match failure.exit() {
        Exit::PermissionDenied | Exit::NotFound => Ok(vec![format!("{what}: you may not see that")]),
        _ => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_names_are_told_and_many_are_counted() {
        let names = |count: usize| (0..count).map(|at| format!("t{at}")).collect::<Vec<_>>();

        assert_eq!(counted(names(0), "live token"), "no live tokens");
        assert_eq!(counted(names(1), "live token"), "1 live token (t0)");
        assert_eq!(counted(names(12), "live token"), "12 live tokens (t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, …)");
    }
}
