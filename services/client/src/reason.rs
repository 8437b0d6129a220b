//! Why something was refused, in words that programs compare.
//!
//! A reason is stable: it is never renamed or used for something else, and `docs/errors.md` tells for each what happened
//! and what to do. Clients branch on it, dashboards count it; the message beside it is for people.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// The reason of a refusal: `google.rpc.ErrorInfo.reason`, and `x-passgate-reason` over HTTP.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The text that never changes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

reasons! {
    // ── about the credential: 401 ──
    /// The call came without a credential. Send `authorization: Bearer <token>`.
    TokenMissing = "TOKEN_MISSING",
    /// The credential is not one of ours, or is not where it belongs. Nothing more is told to who holds none of ours.
    TokenInvalid = "TOKEN_INVALID",
    /// The token's time is over. Make a new one.
    TokenExpired = "TOKEN_EXPIRED",
    /// The token was revoked. Make a new one.
    TokenRevoked = "TOKEN_REVOKED",
    /// The token is switched off. Ask who switched it off to enable it again.
    TokenDisabled = "TOKEN_DISABLED",
    /// The key that signed the token was revoked. Make a new token.
    KeyRevoked = "KEY_REVOKED",
    /// The token's owner is disabled. An administrator can enable it; the token then works again.
    OwnerDisabled = "OWNER_DISABLED",
    /// The token's owner does not exist any more.
    OwnerDeleted = "OWNER_DELETED",
    /// The call between services came with a service credential that is unknown, removed, or of another role.
    /// Run `passgate credentials add` on both sides.
    ServiceCredentialInvalid = "SERVICE_CREDENTIAL_INVALID",
    /// A token was found in the URL, a cookie or another place where it gets logged. Send it as `authorization: Bearer`, and replace it.
    TokenInUrl = "TOKEN_IN_URL",

    // ── about rights: 403 ──
    /// The owner holds no grant that covers the resource with this action. Ask an administrator for the grant.
    NoGrant = "NO_GRANT",
    /// The token's scopes do not cover the resource with this action. Use a token that has the scope.
    NoScope = "NO_SCOPE",
    /// The call would give power that the caller does not hold itself. The lacking patterns are named.
    NotHeld = "NOT_HELD",
    /// The scopes asked for are wider than what the caller holds. The lacking patterns are named.
    ScopeNotHeld = "SCOPE_NOT_HELD",
    /// An act on credentials needs a session, or a token whose scopes name this method: a leaked token breeds nothing. Sign in.
    LeastPrivilege = "CREDENTIAL_ACT_NOT_SCOPED",

    // ── undecidable or away: 503, try again ──
    /// It cannot be known now whether the call is allowed, so it is not. Try again.
    Undecidable = "UNDECIDABLE",
    /// The endpoint's or API's own server cannot be reached. Try again.
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE",
    /// A part of Passgate that this call needs is away. Try again with the same `request_id`.
    NotNow = "DEPENDENCY_UNAVAILABLE",
    /// Too many sign-ins at once. Try again after the time that is told.
    TooManySignIns = "SIGN_IN_BUSY",

    // ── about the request ──
    /// The request cannot be read, or could be read in two ways.
    MalformedRequest = "MALFORMED_REQUEST",
    /// The endpoint does not take this HTTP method. Those that it takes are in `Allow`.
    MethodNotAllowed = "METHOD_NOT_ALLOWED",
    /// The body or message is larger than allowed.
    BodyTooLarge = "BODY_TOO_LARGE",
    /// The content type does not belong to this path: gRPC paths take `application/grpc`.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
    /// There is no such thing, or none that the caller may see.
    NotFound = "NOT_FOUND",
    /// There is no such method here.
    Unimplemented = "UNIMPLEMENTED",
    /// One or more fields break their rule. Each is named with it.
    InvalidField = "INVALID_FIELD",
    /// The `request_id` was used before with another body. Take a new one for another request.
    RequestIdReused = "REQUEST_ID_REUSED",

    // ── about the state of things ──
    /// Something live has this name, or one that looks the same. Choose another.
    NameTaken = "NAME_TAKEN",
    /// The name belonged to something that was deleted. Say `reuse_name` to take it with all that is still granted on it.
    NameWasUsed = "NAME_WAS_USED",
    /// Another user has this e-mail address.
    EmailTaken = "EMAIL_TAKEN",
    /// The installation would be left without an administrator. Make another one first.
    LastAdministrator = "LAST_ADMINISTRATOR",
    /// What was to be changed has changed since it was read. Read it again and repeat.
    EtagMismatch = "ETAG_MISMATCH",
    /// Another call changed the same thing at the same time. Try again.
    Conflict = "ABORTED_BY_RACE",
    /// The `request_id` was used with another token of the same principal: the thing exists and is named; its secret is not repeated.
    RequestIdOtherToken = "REQUEST_ID_OTHER_TOKEN",
    /// The thing exists, and its secret can no longer be shown. Revoke the token and make another.
    SecretNoLongerShown = "SECRET_NO_LONGER_SHOWN",
    /// The principal still has live tokens, whose number is told. Say `delete_live_tokens` to end them too.
    HasLiveTokens = "HAS_LIVE_TOKENS",
    /// There may not be more of these. The limit is told.
    LimitReached = "LIMIT_REACHED",
    /// It is part of Passgate itself and can be neither changed nor deleted.
    BuiltIn = "BUILT_IN",

    // ── about signing in ──
    /// E-mail or password is wrong, or signing in is not possible now. Which of them is not told.
    SignInRefused = "SIGN_IN_REFUSED",
    /// API users have no password and do not sign in: use one of their tokens.
    ApiUsersDoNotSignIn = "API_USERS_DO_NOT_SIGN_IN",
    /// The password was set by somebody else. Sign in with `new_password` too.
    PasswordMustChange = "PASSWORD_MUST_CHANGE",
    /// This act needs a session that began less than ten minutes ago. Sign in again.
    SignInAgain = "SIGN_IN_AGAIN",

    // ── our fault ──
    /// Something broke inside Passgate. It is in the log.
    Internal = "INTERNAL",
}

impl Reason {
    /// The reason with this text; `None` if it is none of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_text_of_its_own_that_reads_back() {
        let texts: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();

        assert_eq!(texts.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
            assert!(reason.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
        }
        assert_eq!(Reason::parse("token_missing"), None);
    }
}
