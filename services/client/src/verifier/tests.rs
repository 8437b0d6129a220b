//! One test for each row of the table of hostile JWTs, and the laws.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::claims::tests::ISSUED;
use crate::claims::{assemble, header_segment, signing_input};

const ISSUER: &str = "urn:passgate:00000000-0000-0000-0000-00000000000a";
const NOW: u64 = ISSUED + 10;
const USER: &str = "users/00000000-0000-0000-0000-000000000003";

/// A key pair and the set that has its public half.
struct Signer {
    pair: Ed25519KeyPair,
    keys: KeySet,
}

impl Signer {
    fn new(state: KeyState) -> Self {
        Self::seeded(1, state)
    }

    fn seeded(seed: u8, state: KeyState) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
        let public = pair.public_key().as_ref().try_into().expect("32 bytes");
        let keys = KeySet::new(ISSUER, [PublicKey::new(public, state).expect("a key")]);
        Self { pair, keys }
    }

    fn kid(&self) -> Kid {
        self.keys.keys().next().expect("one key").kid().clone()
    }

    fn header(&self, kind: TokenKind) -> String {
        header_segment(kind, &self.kid())
    }

    fn sign(&self, input: &str) -> String {
        assemble(input, self.pair.sign(input.as_bytes()).as_ref()).expose().to_owned()
    }

    fn token(&self, claims: &Claims) -> String {
        self.sign(&signing_input(claims, &self.kid(), ISSUER))
    }

    fn good(&self) -> String {
        self.token(&Claims::example(TokenKind::Named))
    }

    /// A token with our header and these claims, as they are.
    fn with_json(&self, kind: TokenKind, json: &str) -> String {
        self.sign(&format!("{}.{}", self.header(kind), BASE64URL.encode(json)))
    }

    fn with_header(&self, header: &str) -> String {
        let input = signing_input(&Claims::example(TokenKind::Named), &self.kid(), ISSUER);
        let (_, payload) = input.split_once('.').expect("two parts");
        self.sign(&format!("{}.{payload}", BASE64URL.encode(header)))
    }

    fn check(&self, token: &str) -> Result<Verified, Refusal> {
        verify(&self.keys, token.as_bytes(), NOW)
    }

    /// Refused in the one way that tells nothing.
    fn refuses(&self, token: &str, rule: &str) {
        let refusal = self.check(token).expect_err(token);
        assert_eq!((refusal.reason, refusal.rule, refusal.genuine), (Reason::TokenInvalid, rule, None), "{token}");
    }
}

fn signer() -> Signer {
    Signer::new(KeyState::Signing)
}

fn wire() -> Value {
    json!({
        "iss": ISSUER, "sub": USER, "aud": ISSUER, "client_id": USER, "iat": ISSUED, "exp": ISSUED + 3600,
        "jti": "00000000-0000-0000-0000-000000000002", "token_id": "00000000-0000-0000-0000-000000000001",
    })
}

fn with(member: &str, value: Value) -> String {
    let mut wire = wire();
    wire[member] = value;
    wire.to_string()
}

#[test]
fn a_genuine_token_is_taken_and_says_what_it_said() {
    let signer = signer();
    for kind in TokenKind::ALL {
        let claims = Claims::example(kind);
        let token = signer.token(&claims);

        let verified = signer.check(&token).expect("genuine");

        assert_eq!(verified, Verified { claims, kid: signer.kid(), digest: sha256(token.as_bytes()) });
    }
}

#[test]
fn the_algorithm_is_the_keys_and_any_other_is_refused() {
    let signer = signer();
    let kid = signer.kid();
    for alg in ["none", "None", "NONE", "HS256", "RS256", "ES256", "Ed25519", "eddsa", ""] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"{kid}"}}"#);
        let token = signer.with_header(&header);
        signer.refuses(&token, "header");

        let unsigned = format!("{}.", token.rsplit_once('.').expect("three parts").0);
        signer.refuses(&unsigned, "header");
    }
}

#[test]
fn a_header_with_any_member_beyond_alg_typ_and_kid_is_refused_unread() {
    let signer = signer();
    let kid = signer.kid();
    for member in [
        r#""jwk":{"kty":"OKP"}"#,
        r#""jku":"https://evil.example/jwks""#,
        r#""x5u":"https://evil.example/x""#,
        r#""x5c":["MII"]"#,
        r#""crit":["exp"]"#,
        r#""zip":"DEF""#,
        r#""b64":false"#,
        r#""cty":"JWT""#,
        r#""x":1"#,
    ] {
        signer.refuses(
            &signer.with_header(&format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}",{member}}}"#)),
            "header",
        );
        signer.refuses(
            &signer.with_header(&format!(r#"{{{member},"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#)),
            "header",
        );
    }
}

#[test]
fn a_kid_is_looked_up_and_never_used_as_anything_else() {
    let signer = signer();
    let long = "a".repeat(1024);
    for kid in ["../../etc/passwd", "' or 1=1 --", &long, "", "http://evil.example/key", Kid::of(&[9; 32]).as_str()] {
        signer.refuses(&signer.with_header(&format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#)), "header");
    }
    signer.refuses(&signer.with_header(r#"{"typ":"at+jwt","alg":"EdDSA","kid":1}"#), "header");
    signer.refuses(&signer.with_header(r#"{"typ":"at+jwt","alg":"EdDSA"}"#), "header");
}

#[test]
fn duplicate_members_in_header_or_claims_are_refused_also_through_escapes() {
    let signer = signer();
    let kid = signer.kid();
    for twice in [r#""alg":"EdDSA","alg":"EdDSA""#, r#""alg":"EdDSA","\u0061lg":"none""#] {
        signer.refuses(&signer.with_header(&format!(r#"{{"typ":"at+jwt",{twice},"kid":"{kid}"}}"#)), "header");
    }
    let claims = wire().to_string();
    let open = claims.strip_suffix('}').expect("an object");
    for twice in [
        r#""exp":9999999999"#,
        r#""\u0065xp":9999999999"#,
        r#""sub":"users/00000000-0000-0000-0000-000000000004""#,
        r#""s\u0075b":"x""#,
    ] {
        signer.refuses(&signer.with_json(TokenKind::Named, &format!("{open},{twice}}}")), "claims");
    }
}

#[test]
fn members_that_we_do_not_write_are_refused() {
    let signer = signer();
    for member in ["nbf", "azp", "amr", "cnf", "admin", ""] {
        signer.refuses(&signer.with_json(TokenKind::Named, &with(member, json!(1))), "claims");
    }
}

#[test]
fn times_that_are_string_float_null_negative_or_too_late_are_refused() {
    let signer = signer();
    let taken = |json: &str| signer.check(&signer.with_json(TokenKind::Named, json));
    assert!(taken(&with("exp", json!(253_402_300_799_u64))).is_ok(), "the last second of 9999");
    for member in ["exp", "iat", "nbf"] {
        for value in [
            json!("1800003600"),
            json!(1_800_003_600.5),
            json!(1e10),
            Value::Null,
            json!(-1),
            json!((1_u64 << 53) + 1),
            json!(u64::MAX),
            json!(253_402_300_800_u64),
            json!([1]),
            json!({}),
            json!(true),
        ] {
            signer.refuses(&signer.with_json(TokenKind::Named, &with(member, value)), "claims");
        }
    }
    for literal in ["1800003600.0", "18e8", "-0", "1e400", "18446744073709551616", "01", "+1", "NaN"] {
        let json = with("exp", json!("@")).replace(r#""@""#, literal);
        signer.refuses(&signer.with_json(TokenKind::Named, &json), "claims");
    }
}

#[test]
fn an_absent_exp_is_without_end_and_a_malformed_one_is_not() {
    let signer = signer();
    let mut endless = wire();
    endless.as_object_mut().expect("an object").remove("exp");

    let verified =
        signer.check(&signer.with_json(TokenKind::Named, &endless.to_string())).expect("policy may allow it");
    assert_eq!(verified.claims.expires_at, None);

    signer.refuses(&signer.with_json(TokenKind::Named, &with("exp", Value::Null)), "claims");
    signer.refuses(&signer.with_json(TokenKind::Named, &with("exp", json!(""))), "claims");
}

#[test]
fn every_other_member_is_required() {
    let signer = signer();
    for member in ["iss", "sub", "aud", "client_id", "iat", "jti", "token_id"] {
        let mut lacking = wire();
        lacking.as_object_mut().expect("an object").remove(member);
        signer.refuses(&signer.with_json(TokenKind::Named, &lacking.to_string()), "claims");
        signer.refuses(&signer.with_json(TokenKind::Named, &with(member, Value::Null)), "claims");
    }
}

#[test]
fn issuer_audience_and_subject_are_exactly_equal_or_refused() {
    let signer = signer();
    for (member, value) in [
        ("aud", json!([ISSUER])),
        ("aud", json!([ISSUER, "other"])),
        ("aud", json!([])),
        ("aud", json!("")),
        ("aud", json!(format!("{ISSUER}/"))),
        ("aud", json!(ISSUER.to_uppercase())),
        ("aud", json!(format!("{ISSUER}#session"))),
        ("iss", json!(format!("{ISSUER}/"))),
        ("iss", json!(ISSUER.to_uppercase())),
        ("iss", json!("")),
        ("iss", json!(format!("{ISSUER} "))),
        ("sub", json!("00000000-0000-0000-0000-000000000003")),
        ("sub", json!("groups/00000000-0000-0000-0000-000000000003")),
        ("sub", json!("users/x")),
        ("sub", json!("")),
        ("sub", json!("Users/00000000-0000-0000-0000-000000000003")),
        ("client_id", json!("users/00000000-0000-0000-0000-000000000004")),
        ("client_id", json!("")),
        ("jti", json!("x")),
        ("jti", json!("00000000000000000000000000000002")),
        ("token_id", json!("tokens/00000000-0000-0000-0000-000000000001")),
        ("scope", json!("")),
        ("scope", json!(["*"])),
        ("scope", json!("everything")),
        ("scope", Value::Null),
    ] {
        signer.refuses(&signer.with_json(TokenKind::Named, &with(member, value)), "claims");
    }
    let mut neither = wire();
    neither["sub"] = json!("carol");
    neither["client_id"] = json!("carol");
    signer.refuses(&signer.with_json(TokenKind::Named, &neither.to_string()), "claims");
}

#[test]
fn one_kind_of_token_never_passes_for_another() {
    let signer = signer();
    let session = {
        let mut session = wire();
        session["aud"] = json!(format!("{ISSUER}#session"));
        session["auth_time"] = json!(ISSUED);
        session
    };
    assert_eq!(
        signer.check(&signer.with_json(TokenKind::Session, &session.to_string())).expect("a session").claims.kind,
        TokenKind::Session
    );
    signer.refuses(&signer.with_json(TokenKind::Named, &session.to_string()), "claims");
    signer.refuses(&signer.with_json(TokenKind::Session, &wire().to_string()), "claims");
    signer.refuses(&signer.with_json(TokenKind::Named, &with("auth_time", json!(ISSUED))), "claims");
    for member in ["auth_time", "exp"] {
        let mut lacking = session.clone();
        lacking.as_object_mut().expect("an object").remove(member);
        signer.refuses(&signer.with_json(TokenKind::Session, &lacking.to_string()), "claims");
    }
    let mut machine = session.clone();
    machine["sub"] = json!("api-users/00000000-0000-0000-0000-000000000003");
    machine["client_id"] = machine["sub"].clone();
    signer.refuses(&signer.with_json(TokenKind::Session, &machine.to_string()), "claims");

    for typ in ["JWT", "jwt", "AT+JWT", "application/at+jwt", "assertion+jwt", "checkpoint+jwt", ""] {
        signer.refuses(
            &signer.with_header(&format!(r#"{{"typ":"{typ}","alg":"EdDSA","kid":"{}"}}"#, signer.kid())),
            "header",
        );
    }
    signer.refuses(&format!("pgs_gateway-1_{}", "a".repeat(43)), "shape");
}

#[test]
fn a_token_has_one_spelling() {
    let signer = signer();
    let good = signer.good();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };

    for (token, rule) in [
        (format!("{good}="), "base64url"),
        (format!("{good}=="), "base64url"),
        (format!("{header}.{payload}=.{signature}"), "base64url"),
        (format!("{header}=.{payload}.{signature}"), "header"),
        (format!(" {good}"), "header"),
        (format!("{good} "), "base64url"),
        (format!("{good}\n"), "base64url"),
        (
            format!("{header}.{payload}.{}", signature.replacen(|c: char| c.is_ascii_alphanumeric(), "+", 1)),
            "base64url",
        ),
        (
            format!("{header}.{payload}.{}", signature.replacen(|c: char| c.is_ascii_alphanumeric(), "/", 1)),
            "base64url",
        ),
        (format!("{header}.{payload}"), "header"),
        (format!("{header}.{payload}.{signature}.x"), "shape"),
        (format!("{header}.{payload}..{signature}"), "shape"),
        (format!("{good}.a.b"), "shape"),
        (format!("{header}..{signature}"), "signature"),
        (format!("{header}.{payload}."), "signature length"),
        ("".to_owned(), "shape"),
        (".".to_owned(), "shape"),
        ("..".to_owned(), "header"),
    ] {
        let refusal = signer.check(&token).expect_err(&token);
        assert_eq!(refusal.reason, Reason::TokenInvalid, "{token}");
        let by_shape = refusal.rule == "shape" && token.matches('.').count() < 2;
        assert!(refusal.rule == rule || by_shape, "{token}: {} instead of {rule}", refusal.rule);
    }
}

#[test]
fn spare_bits_in_the_last_character_are_refused() {
    let signer = signer();
    let good = signer.good();
    let (start, last) = good.split_at(good.len() - 1);

    let twins = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().map(|c| c.to_string());
    let taken: Vec<String> = twins.filter(|twin| signer.check(&format!("{start}{twin}")).is_ok()).collect();

    assert_eq!(taken, [last], "64 bytes leave 4 spare bits: one signature would have 16 spellings");
}

#[test]
fn a_jwe_and_a_jwt_in_a_jwt_are_refused() {
    let signer = signer();
    signer.refuses(&format!("{}.a.b.c.d", signer.header(TokenKind::Named)), "shape");
    signer.refuses(
        &signer.sign(&format!("{}.{}", signer.header(TokenKind::Named), BASE64URL.encode(signer.good()))),
        "claims",
    );
}

#[test]
fn a_token_cut_short_or_lengthened_is_refused() {
    let signer = signer();
    let good = signer.good();
    for end in 0..good.len() {
        assert_eq!(
            signer.check(good.get(..end).expect("ASCII")).expect_err("cut").reason,
            Reason::TokenInvalid,
            "{end}"
        );
    }
    for more in ["A", "AA", "AAAA", "."] {
        assert_eq!(signer.check(&format!("{good}{more}")).expect_err("longer").reason, Reason::TokenInvalid, "{more}");
    }
}

#[test]
fn a_signature_with_s_of_l_or_more_is_refused() {
    let signer = signer();
    let input = signing_input(&Claims::example(TokenKind::Named), &signer.kid(), ISSUER);
    let mut signature = signer.pair.sign(input.as_bytes()).as_ref().to_vec();
    // L = 2^252 + 27742317777372353535851937790883648493 (RFC 8032 §5.1), little-endian.
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u8,
    ];
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }

    signer.refuses(assemble(&input, &signature).expose(), "signature");
}

#[test]
fn a_signature_with_r_of_low_order_or_not_canonical_is_refused() {
    let signer = signer();
    let input = signing_input(&Claims::example(TokenKind::Named), &signer.kid(), ISSUER);
    let mut identity = [0; 64];
    identity[0] = 1;
    signer.refuses(assemble(&input, &identity).expose(), "signature point");
    signer.refuses(assemble(&input, &[0xff; 64]).expose(), "signature point");
    signer.refuses(assemble(&input, &[0; 64]).expose(), "signature point");
}

#[test]
fn der_and_other_lengths_of_signature_are_refused() {
    let signer = signer();
    let input = signing_input(&Claims::example(TokenKind::Named), &signer.kid(), ISSUER);
    for length in [0, 1, 32, 63, 65, 70, 72, 128] {
        signer.refuses(assemble(&input, &vec![0x30; length]).expose(), "signature length");
    }
}

#[test]
fn what_is_too_long_is_refused_before_any_parsing() {
    let signer = signer();
    for token in [
        "a".repeat(1 << 20),
        format!("{}.{}.x", signer.header(TokenKind::Named), "A".repeat(MAX_TOKEN_BYTES)),
        ".".repeat(MAX_TOKEN_BYTES + 1),
    ] {
        let refusal = signer.check(&token).expect_err("too long");
        assert_eq!(refusal.rule, "size");
    }
    let nested = format!("{}{}", "[".repeat(2500), "]".repeat(2500));
    signer.refuses(&signer.with_json(TokenKind::Named, &with("exp", json!("@")).replace(r#""@""#, &nested)), "claims");
}

#[test]
fn a_token_with_all_the_scopes_that_creation_allows_fits() {
    let signer = signer();
    let scope = format!("apis/{}*", "a".repeat(240));
    let scopes = [scope.as_str(); 8].join(" ");
    let token = signer.token(&Claims { scopes: Some(scopes), ..Claims::example(TokenKind::Named) });

    assert!(token.len() < 4096, "{}", token.len());
    assert!(signer.check(&token).is_ok());
}

#[test]
fn a_genuine_token_of_a_revoked_key_learns_so_and_a_forged_one_does_not() {
    let revoked = Signer::new(KeyState::Revoked);
    let good = revoked.good();

    let refusal = revoked.check(&good).expect_err("revoked");
    assert_eq!(refusal.reason, Reason::KeyRevoked);
    assert_eq!(refusal.genuine.expect("genuine").claims, Claims::example(TokenKind::Named));

    let other = Signer::seeded(2, KeyState::Signing);
    let forged = other.sign(good.rsplit_once('.').expect("three parts").0);
    revoked.refuses(&forged, "signature");

    let late = Claims { expires_at: Some(NOW - 1), ..Claims::example(TokenKind::Named) };
    assert_eq!(
        revoked.check(&revoked.token(&late)).expect_err("both").reason,
        Reason::KeyRevoked,
        "what is final comes first"
    );
}

#[test]
fn published_and_retired_keys_verify() {
    for state in [KeyState::Published, KeyState::Signing, KeyState::Retired] {
        let signer = Signer::new(state);
        assert!(signer.check(&signer.good()).is_ok(), "{state:?}");
    }
}

#[test]
fn exp_has_no_leeway_and_iat_has_a_minute() {
    let signer = signer();
    let expires = |at| Claims { expires_at: Some(at), ..Claims::example(TokenKind::Named) };
    let issued = |at| Claims { issued_at: at, ..Claims::example(TokenKind::Named) };

    assert!(signer.check(&signer.token(&expires(NOW + 1))).is_ok());
    let refusal = signer.check(&signer.token(&expires(NOW))).expect_err("that second is too late");
    assert_eq!(refusal.reason, Reason::TokenExpired);
    assert_eq!(refusal.genuine.expect("genuine").claims, expires(NOW));

    assert!(signer.check(&signer.token(&issued(NOW + 60))).is_ok());
    signer.refuses(&signer.token(&issued(NOW + 61)), "issued ahead");
    assert!(verify(&signer.keys, signer.token(&issued(NOW)).as_bytes(), u64::MAX).is_err(), "no overflow");
}

proptest! {
    #[test]
    fn no_bytes_make_the_verifier_panic(bytes: Vec<u8>, payload: Vec<u8>, tail: Vec<u8>) {
        let signer = signer();
        prop_assert!(verify(&signer.keys, &bytes, NOW).is_err());
        let ours = [signer.header(TokenKind::Named).as_bytes(), b".", &payload, b".", &tail].concat();
        prop_assert!(verify(&signer.keys, &ours, NOW).is_err());
        let signed = signer.sign(&format!("{}.{}", signer.header(TokenKind::Named), BASE64URL.encode(&payload)));
        prop_assert!(signer.check(&signed).is_err());
    }

    #[test]
    fn no_single_changed_byte_passes(at in 0_usize..10_000, byte in 0_u8..128) {
        let signer = signer();
        let good = signer.good().into_bytes();
        let at = at % good.len();
        let mut changed = good.clone();
        changed[at] = byte;
        prop_assert_eq!(verify(&signer.keys, &changed, NOW).is_ok(), changed == good);
    }
}
