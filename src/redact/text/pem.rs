//! Private keys in PEM form, wherever a text holds one.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::redact::base64_of;

/// What both marks of a key have.
pub(super) const PRIVATE_KEY: &str = "PRIVATE KEY";

/// A block from its first line to its last, or to the end of the text. What is between does not matter, so escaped
/// line ends (`\n` as two characters) are covered. Or a last line whose first is cut off.
static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
    let marker = |word| format!("-{{4,5}} ?{word} [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{{4,5}}");
    let (begin, end) = (marker("BEGIN"), marker("END"));
    let pattern = format!("(?s){begin}.*?(?:{end}|$)|(?<tail>{end})");
    Regex::new(&pattern).expect("a valid pattern")
});

/// Every private key in `text`.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for block in BLOCK.captures_iter(text) {
        let Some(whole) = block.get(0) else { continue };
        let mut range = whole.range();
        if block.name("tail").is_some() {
            let from = found.last().map_or(0, |range| range.end);
            range.start -= body_before(&text.as_bytes()[from..range.start]);
        }
        found.push(range);
    }
    found
}

/// How much of a key's base64 the text before its last line ends with.
fn body_before(text: &[u8]) -> usize {
    let is_body = |byte: &&u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\n' | b'\r' | b'\\')
    };
    text.iter().rev().take_while(is_body).count()
}

/// Whether `base64` encodes a text that holds a private key.
pub(in crate::redact) fn is_in_base64(base64: &str) -> bool {
    base64_of(base64).is_some_and(|bytes| BLOCK.is_match(&String::from_utf8_lossy(&bytes)))
}

#[cfg(test)]
use crate::redact::cut::Hider;

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
        (
            "key MIIa\nMIIb==\n-----END RSA PRIVATE KEY-----\nnext",
            Some("key [redacted]\nnext"),
        ),
        ("-----BEGIN PUBLIC KEY-----\nMII", None),
        ("a PRIVATE KEY-----", None),
    ];
    for (text, expected) in cases {
        let cuts = super::find(text, super::Language::Plain, &Hider::default());
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
