//! What to do about a refusal, where a verb or a flag of this program does it. The server's message says the rest.

use passgate_kit::client::Reason;

/// The advice for a reason; `None` where the message is enough.
#[must_use]
pub const fn advice(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::TokenMissing => "run `passgate login`, or put a token into PASSGATE_TOKEN",
        Reason::TokenInvalid | Reason::TokenExpired | Reason::TokenRevoked | Reason::KeyRevoked => {
            "run `passgate login`, or use another token"
        }
        Reason::OwnerDisabled => "ask an administrator: `passgate user enable` or `passgate api-user enable`",
        Reason::SignInAgain => "run `passgate login` again, then repeat",
        Reason::PasswordMustChange => "add --new-password and choose one of your own",
        Reason::NoGrant => "ask an administrator for the grant: `passgate grant add YOU PATTERN`",
        Reason::NoScope => "use a token that has the scope, or the session of `passgate login`",
        Reason::LeastPrivilege => "use the session of `passgate login`, not a token",
        Reason::HasLiveTokens => "add --delete-live-tokens to end them too",
        Reason::NameWasUsed => "add --reuse-name to take the name with all that is still granted on it",
        Reason::EtagMismatch | Reason::Conflict => "repeat: the verb reads the present state first",
        Reason::RequestIdReused => "leave --request-id out, or choose another",
        Reason::SecretNoLongerShown => "revoke the token with `passgate token revoke`, and make another",
        _ => return None,
    })
}
