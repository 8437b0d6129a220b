//! Tokens by id, jti or name.
//!
//! A name is unique among its owner's live tokens only. So it is looked for among one owner's: whom `--owner` names, or else
//! oneself, and among everybody's only where one's own has none of it. Of tokens with one name the live one is meant.

use passgate_kit::client::looks_like_token;
use passgate_proto::token::v1::token::State;
use passgate_proto::token::v1::{GetTokenRequest, ListTokensRequest, Token};

use super::principal::{own_principal, principal};
use super::{is_id, only_one};
use crate::admin::connection::Connection;
use crate::admin::failure::Failure;

const TOKENS: &str = "tokens/";

/// What names a token.
#[derive(clap::Args, Clone, Debug)]
pub struct Found {
    /// The token: name, id, or the jti of one of its secrets.
    pub token: String,
    /// Whose, if it is named by its name: e-mail, name, id or `me`.
    #[arg(long, value_name = "PRINCIPAL")]
    pub owner: Option<String>,
}

/// The token that is meant, as it is now.
///
/// # Errors
/// If there is none or it cannot be read.
pub async fn token(api: &Connection, found: &Found) -> Result<Token, Failure> {
    let text = found.token.strip_prefix(TOKENS).unwrap_or(&found.token);
    if looks_like_token(text) {
        return Err(Failure::Usage(
            "that is a token itself, where its name or id belongs: it is in your shell's history and was seen by every \
             process of this machine, so replace it. `passgate token inspect` reads one from standard input"
                .to_owned(),
        ));
    }
    let id = if is_id(text) { text.to_owned() } else { by_name(api, text, found.owner.as_deref()).await? };
    let answer = api.call(api.tokens().get_token(GetTokenRequest { id })).await?;
    answer.token.ok_or(Failure::Contract("GetTokenResponse"))
}

async fn by_name(api: &Connection, name: &str, owner: Option<&str>) -> Result<String, Failure> {
    let own = match owner {
        Some(owner) => principal(api, owner).await?,
        None => own_principal(api).await?,
    };
    let mut tokens = named(api, name, own, String::new()).await?;
    if tokens.is_empty() && owner.is_none() {
        // Among everybody's only the server can look: there may be any number of them.
        tokens = named(api, name, String::new(), format!("name = {}", quoted(name))).await?;
    }
    let live: Vec<Token> = tokens.iter().filter(|token| is_live(token)).cloned().collect();
    let meant = if live.is_empty() { tokens } else { live };
    let told = |token: Token| {
        let state = State::try_from(token.state).map(|state| state.as_str_name()).unwrap_or_default();
        (token.id, format!("{:?} of {}, {}", token.name, token.owner, state.trim_start_matches("STATE_")))
    };
    only_one(
        "token",
        name,
        meant.into_iter().map(told).collect(),
        "`passgate token list` lists them; --owner says whose",
    )
}

fn is_live(token: &Token) -> bool {
    matches!(State::try_from(token.state), Ok(State::Active | State::Disabled))
}

/// The owner's tokens of this name; everybody's for an owner that is empty, as far as the caller may see them.
async fn named(api: &Connection, name: &str, owner: String, filter: String) -> Result<Vec<Token>, Failure> {
    let wanted = name.to_lowercase();
    let mut request = ListTokensRequest { owner, filter, page_size: 1_000, ..ListTokensRequest::default() };
    let mut found = Vec::new();
    loop {
        let page = api.call(api.tokens().list_tokens(request.clone())).await?;
        found.extend(page.tokens.into_iter().filter(|token| token.name.to_lowercase() == wanted));
        if page.next_page_token.is_empty() {
            return Ok(found);
        }
        request.page_token = page.next_page_token;
    }
}

/// A value of a filter.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|character| matches!(character, '"' | '\\' | '*').then_some('\\').into_iter().chain([character]))
        .collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_value_of_a_filter_whatever_is_in_it() {
        assert_eq!(quoted("my laptop"), r#""my laptop""#);
        assert_eq!(quoted(r#"a" OR name = "b*\"#), r#""a\" OR name = \"b\*\\""#);
    }
}
