//! Pages of a list (AIP-158): how many, and where the next one begins.
//!
//! A page token is where the next page begins, sealed with an HMAC over whose list it is: the caller, the method and the
//! query. Altered, handed on, used with another filter, or a day old, it is refused. It holds no secret: what is in it was
//! in the page before.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgate_client::Ambient;

use crate::request::BodyDigest;

/// How many a page has if the request does not say.
pub const DEFAULT_PAGE_SIZE: u32 = 50;
/// How many a page has at most.
pub const MAX_PAGE_SIZE: u32 = 1000;
/// How long a page token can be used.
pub const PAGE_TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;
const HEAD_BYTES: usize = 1 + 8 + TAG_BYTES;
const MAX_TOKEN_BYTES: usize = 4096;

/// How many items a page has: 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// Reads `page_size`: 0 means 50, more than 1000 means 1000.
    ///
    /// # Errors
    /// If it is negative.
    pub fn parse(size: i32) -> Result<Self, PageSizeError> {
        match u32::try_from(size) {
            Ok(0) => Ok(Self(DEFAULT_PAGE_SIZE)),
            Ok(size) => Ok(Self(size.min(MAX_PAGE_SIZE))),
            Err(_) => Err(PageSizeError),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// What to ask the database for: one more, which shows whether there is a next page.
    #[must_use]
    pub fn with_next(self) -> u64 {
        u64::from(self.0) + 1
    }
}

/// A negative `page_size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must not be negative: leave it out for {DEFAULT_PAGE_SIZE}, or name a number up to {MAX_PAGE_SIZE}")]
pub struct PageSizeError;

/// Whose list a page token continues.
#[derive(Clone, Copy, Debug)]
pub struct PageOf<'a> {
    /// The caller, as `users/{id}`.
    pub caller: &'a str,
    /// The method's full name.
    pub method: &'a str,
    /// What was asked for, without `page_size` and `page_token`.
    pub query: BodyDigest,
}

/// Makes page tokens, and reads them back.
#[derive(Clone, Debug)]
pub struct PageTokens {
    key: hmac::Key,
    ambient: Ambient,
}

impl PageTokens {
    /// With a key that all replicas of the service share ([`crate::store::Store::page_tokens`]).
    #[must_use]
    pub fn new(key: &[u8; 32], ambient: Ambient) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), ambient }
    }

    /// The token of the page that begins after `cursor`.
    #[must_use]
    pub fn seal(&self, of: PageOf<'_>, cursor: &str) -> String {
        let made = self.ambient.unix_now().to_be_bytes();
        let mut token = vec![VERSION];
        token.extend_from_slice(&made);
        token.extend_from_slice(&self.tag(of, made, cursor.as_bytes()));
        token.extend_from_slice(cursor.as_bytes());
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Reads `page_token`: where the page begins, or `None` for the first page.
    ///
    /// # Errors
    /// If it is not a token of this very list, or too old.
    pub fn open(&self, of: PageOf<'_>, token: &str) -> Result<Option<String>, PageTokenError> {
        if token.is_empty() {
            return Ok(None);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(PageTokenError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| PageTokenError)?;
        let (head, cursor) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(PageTokenError)?;
        let (version, head) = head.split_first().ok_or(PageTokenError)?;
        let (made, tag) = head.split_first_chunk::<8>().ok_or(PageTokenError)?;

        let same = aws_lc_rs::constant_time::verify_slices_are_equal(&self.tag(of, *made, cursor), tag).is_ok();
        let age = self.ambient.unix_now().saturating_sub(u64::from_be_bytes(*made));
        if *version != VERSION || !same || age > PAGE_TOKEN_LIFETIME.as_secs() {
            return Err(PageTokenError);
        }
        String::from_utf8(cursor.to_vec()).map(Some).map_err(|_| PageTokenError)
    }

    fn tag(&self, of: PageOf<'_>, made: [u8; 8], cursor: &[u8]) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[VERSION]);
        // Each part is preceded by its length: no part can be moved into its neighbour.
        for part in [of.caller.as_bytes(), of.method.as_bytes(), of.query.as_bytes(), &made, cursor] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; TAG_BYTES];
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

/// Not a page token of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a `next_page_token` that this method gave you for the same request less than a day ago; leave it out for the first page"
)]
pub struct PageTokenError;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use passgate_client::{ManualClock, SeededRandom};
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use super::*;

    fn tokens() -> (PageTokens, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000)));
        let ambient = Ambient::new(clock.clone(), Arc::new(SeededRandom::new(1)));
        (PageTokens::new(&[7; 32], ambient), clock)
    }

    fn of(caller: &'static str, method: &'static str, query: &[u8]) -> PageOf<'static> {
        PageOf { caller, method, query: BodyDigest::of_bytes(query) }
    }

    #[test]
    fn page_sizes_have_a_default_and_a_bound() {
        assert_eq!(PageSize::parse(0).map(PageSize::get), Ok(50));
        assert_eq!(PageSize::parse(7).map(PageSize::get), Ok(7));
        assert_eq!(PageSize::parse(i32::MAX).map(PageSize::get), Ok(1000));
        assert_eq!(PageSize::parse(-1), Err(PageSizeError));
    }

    #[test]
    fn a_token_of_another_caller_method_or_query_is_refused() {
        let (tokens, _) = tokens();
        let token = tokens.seal(of("users/a", "List", b"q"), "cursor");

        assert_eq!(tokens.open(of("users/a", "List", b"q"), &token), Ok(Some("cursor".to_owned())));
        assert_eq!(tokens.open(of("users/b", "List", b"q"), &token), Err(PageTokenError));
        assert_eq!(tokens.open(of("users/a", "Other", b"q"), &token), Err(PageTokenError));
        assert_eq!(tokens.open(of("users/a", "List", b"r"), &token), Err(PageTokenError));
        assert_eq!(tokens.open(of("users/aL", "ist", b"q"), &token), Err(PageTokenError));
        assert_eq!(
            PageTokens::new(&[8; 32], Ambient::system()).open(of("users/a", "List", b"q"), &token),
            Err(PageTokenError)
        );
    }

    #[test]
    fn a_token_is_refused_after_a_day() {
        let (tokens, clock) = tokens();
        let token = tokens.seal(of("users/a", "List", b"q"), "cursor");

        clock.advance(PAGE_TOKEN_LIFETIME);
        assert!(tokens.open(of("users/a", "List", b"q"), &token).is_ok());
        clock.advance(Duration::from_secs(1));
        assert_eq!(tokens.open(of("users/a", "List", b"q"), &token), Err(PageTokenError));
    }

    proptest! {
        #[test]
        fn any_cursor_comes_back(cursor in "\\PC{0,60}") {
            let (tokens, _) = tokens();
            let token = tokens.seal(of("users/a", "List", b"q"), &cursor);
            prop_assert_eq!(tokens.open(of("users/a", "List", b"q"), &token), Ok(Some(cursor)));
        }

        #[test]
        fn an_altered_token_is_refused(cursor in "[a-z]{0,20}", at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let (tokens, _) = tokens();
            let mut bytes = URL_SAFE_NO_PAD.decode(tokens.seal(of("users/a", "List", b"q"), &cursor)).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_eq!(tokens.open(of("users/a", "List", b"q"), &URL_SAFE_NO_PAD.encode(bytes)), Err(PageTokenError));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let (tokens, _) = tokens();
            let _ = tokens.open(of("users/a", "List", b"q"), &text);
        }
    }
}
