//! One page of a list that is ordered by name.

use passgate_kit::caller::Caller;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::page::{PageOf, PageSize, PageTokens};
use passgate_kit::request::BodyDigest;

/// Which page a caller asks for.
pub struct Page {
    size: PageSize,
    of: (String, &'static str),
    /// The name after which it begins; empty for the first.
    pub after: String,
}

impl Page {
    /// Reads `page_size` and `page_token` of a list that has no other fields.
    ///
    /// # Errors
    /// If either breaks its rule.
    pub fn parse(
        tokens: &PageTokens,
        caller: &Caller,
        method: &'static str,
        page_size: i32,
        page_token: &str,
    ) -> Result<Self, FieldViolations> {
        let mut fields = Fields::default();
        let of = (caller.actor().principal, method);
        let size = fields.check("page_size", PageSize::parse(page_size));
        let after = fields.check("page_token", tokens.open(page_of(&of), page_token));
        let (Some(size), Some(after)) = (size, after) else {
            return Err(fields.into_error());
        };
        Ok(Self { size, of, after: after.unwrap_or_default() })
    }

    /// How many to look for: one more than fit, which tells whether there is a next page.
    pub fn limit(&self) -> u64 {
        self.size.with_next()
    }

    /// Cuts `found` to the page, and answers the token of the next one; empty if this is the last.
    pub fn cut<T>(&self, tokens: &PageTokens, found: &mut Vec<T>, name: impl Fn(&T) -> &str) -> String {
        let size = usize::try_from(self.size.get()).unwrap_or(usize::MAX);
        let more = found.len() > size;
        found.truncate(size);
        match found.last() {
            Some(last) if more => tokens.seal(page_of(&self.of), name(last)),
            Some(_) | None => String::new(),
        }
    }
}

fn page_of<'a>((caller, method): &'a (String, &'static str)) -> PageOf<'a> {
    PageOf { caller, method, query: BodyDigest::of_bytes(&[]) }
}
