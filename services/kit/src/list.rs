//! One page of a list: read from a request, and cut from what was found.

use crate::caller::Caller;
use crate::fields::Fields;
use crate::page::{PageOf, PageSize, PageTokens};
use crate::request::BodyDigest;

/// Which page a caller asks for.
#[derive(Debug)]
pub struct Page {
    size: PageSize,
    caller: String,
    method: &'static str,
    query: BodyDigest,
    /// What the page before ended with.
    pub after: Option<String>,
}

impl Page {
    /// Reads `page_size` and `page_token`. `query` is what else was asked for. `None` after a violation was noted.
    pub fn parse(
        fields: &mut Fields,
        tokens: &PageTokens,
        caller: &Caller,
        query: &str,
        page_size: i32,
        page_token: &str,
    ) -> Option<Self> {
        let (caller, method) = (caller.actor().principal, caller.rule.path);
        let query = BodyDigest::of_bytes(query.as_bytes());
        let size = fields.check("page_size", PageSize::parse(page_size));
        let of = PageOf { caller: &caller, method, query };
        let after = fields.check("page_token", tokens.open(of, page_token));
        Some(Self { size: size?, after: after?, caller, method, query })
    }

    /// How many to look for: one more than fit, which tells whether there is a next page.
    pub fn limit(&self) -> u64 {
        self.size.with_next()
    }

    /// Cuts `found` to the page, and gives the token of the next one; empty if this is the last.
    pub fn cut<T>(&self, tokens: &PageTokens, found: &mut Vec<T>, cursor: impl Fn(&T) -> String) -> String {
        self.cut_to(tokens, found, usize::MAX, cursor)
    }

    /// Like [`Page::cut`], to a page of at most `fit`: where what was found is larger than an answer may be.
    pub fn cut_to<T>(
        &self,
        tokens: &PageTokens,
        found: &mut Vec<T>,
        fit: usize,
        cursor: impl Fn(&T) -> String,
    ) -> String {
        let size = usize::try_from(self.size.get()).unwrap_or(usize::MAX).min(fit);
        let more = found.len() > size;
        found.truncate(size);
        let of = PageOf { caller: &self.caller, method: self.method, query: self.query };
        match found.last() {
            Some(last) if more => tokens.seal(of, &cursor(last)),
            Some(_) | None => String::new(),
        }
    }
}
