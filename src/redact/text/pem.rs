//! Private keys in PEM form, wherever a text holds one.

use std::sync::LazyLock;

use regex::Regex;

use crate::redact::{
    base64_of,
    cut::{Cut, Hider},
};

/// The rule that they go by.
const RULE: &str = "private-key-pem";

/// What every PEM block begins with: a search for it is cheaper than the pattern.
const BEGIN: &str = "-----BEGIN ";

/// A block from its first line to its last, or to the end of the text. What is between does not matter, so escaped
/// line ends (`\n` as two characters) are covered.
static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
    let marker = |word| format!("-----{word} [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----");
    let pattern = format!("(?s){}.*?(?:{}|$)", marker("BEGIN"), marker("END"));
    Regex::new(&pattern).expect("a valid pattern")
});

/// Every private key in `text`.
pub(super) fn find(text: &str, hider: &Hider) -> Vec<Cut> {
    if !text.contains(BEGIN) {
        return Vec::new();
    }
    let blocks = BLOCK.find_iter(text);
    blocks
        .filter_map(|block| hider.cut(text, block.range(), RULE))
        .collect()
}

/// Whether `base64` encodes a text that holds a private key.
pub(in crate::redact) fn is_in_base64(base64: &str) -> bool {
    base64_of(base64).is_some_and(|bytes| BLOCK.is_match(&String::from_utf8_lossy(&bytes)))
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
        let cuts = find(text, &Hider::default());
        let scrubbed = (!cuts.is_empty()).then(|| crate::redact::cut::apply(text, &cuts));
        assert_eq!(scrubbed.as_deref(), expected, "{text}");
    }
}

#[test]
fn base64_of_either_alphabet_is_looked_into() {
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE},
    };
    let key = "~~~???-----BEGIN PRIVATE KEY-----";
    assert!(is_in_base64(&STANDARD_NO_PAD.encode(key)));
    assert!(is_in_base64(&URL_SAFE.encode(key)));
    assert!(!is_in_base64(
        &URL_SAFE.encode("-----BEGIN CERTIFICATE-----")
    ));
    assert!(!is_in_base64("no base64"));
}
