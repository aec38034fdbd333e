//! Private keys in PEM form, wherever a text holds one.

use std::{borrow::Cow, sync::LazyLock};

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use regex::Regex;

use super::REDACTED;

/// What every PEM block begins with: a search for it is cheaper than the pattern.
const BEGIN: &str = "-----BEGIN ";

/// A block from its first line to its last, or to the end of the text. What is between does not matter, so escaped
/// line ends (`\n` as two characters) are covered.
static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
    let marker = |word| format!("-----{word} [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----");
    let pattern = format!("(?s){}.*?(?:{}|$)", marker("BEGIN"), marker("END"));
    Regex::new(&pattern).expect("a valid pattern")
});

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
/// Both alphabets, padded or not: protobuf's JSON allows all of them.
const ENGINES: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&STANDARD, LENIENT),
    GeneralPurpose::new(&URL_SAFE, LENIENT),
];

/// `text` with every private key replaced, and how many there were; `None` if there is none.
pub(super) fn scrub(text: &str) -> Option<(String, u64)> {
    if !text.contains(BEGIN) {
        return None;
    }
    match BLOCK.replace_all(text, REDACTED) {
        Cow::Borrowed(_) => None,
        Cow::Owned(scrubbed) => Some((scrubbed, BLOCK.find_iter(text).count() as u64)),
    }
}

/// Whether `base64` encodes a text that holds a private key.
pub(super) fn is_in_base64(base64: &str) -> bool {
    ENGINES
        .iter()
        .find_map(|engine| engine.decode(base64).ok())
        .is_some_and(|bytes| scrub(&String::from_utf8_lossy(&bytes)).is_some())
}

#[test]
fn a_block_goes_and_the_text_around_it_stays() {
    let cases = [
        (
            "a\n-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nb",
            Some("a\n[redacted]\nb"),
        ),
        (
            r"x -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- y",
            Some("x [redacted] y"),
        ),
        ("-----BEGIN EC PRIVATE KEY-----\nMII", Some("[redacted]")),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n-----END ENCR",
            Some("[redacted]"),
        ),
        (
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nMII\n-----END PGP PRIVATE KEY BLOCK-----.",
            Some("[redacted]."),
        ),
        (
            "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n\
             -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----",
            Some("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n[redacted]"),
        ),
        ("-----BEGIN PUBLIC KEY-----\nMII", None),
        ("a PRIVATE KEY-----", None),
    ];
    for (text, expected) in cases {
        let scrubbed = scrub(text).map(|(text, _)| text);
        assert_eq!(scrubbed.as_deref(), expected, "{text}");
    }
}

#[test]
fn base64_of_either_alphabet_is_looked_into() {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};
    let key = "~~~???-----BEGIN PRIVATE KEY-----";
    assert!(is_in_base64(&STANDARD_NO_PAD.encode(key)));
    assert!(is_in_base64(&URL_SAFE.encode(key)));
    assert!(!is_in_base64(
        &URL_SAFE.encode("-----BEGIN CERTIFICATE-----")
    ));
    assert!(!is_in_base64("no base64"));
}
