//! Text in base64, as a field of bytes holds it.

use base64::{Engine, engine::general_purpose::STANDARD};

/// The shortest base64 that is looked into: anything shorter may be a word.
const MIN: usize = 32;

/// The text that `base64` encodes, if that is text that a person can read.
pub fn decode(base64: &str) -> Option<String> {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if base64.len() < MIN || !base64.len().is_multiple_of(4) || !base64.bytes().all(is_digit) {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(base64).ok()?).ok()?;
    let is_readable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_readable).then_some(text)
}

#[test]
fn only_what_is_readable_is_text() {
    for (base64, text) in [
        (
            "bG9jYWwgZnVuY3Rpb24gZigpIGVuZA==",
            Some("local function f() end"),
        ),
        ("cmV2aWV3cy5kZWZhdWx0", None),
        (
            "bG9jYWwgZnVuY3Rpb24gZigpIGVuZAo=",
            Some("local function f() end\n"),
        ),
        ("bG9jYWwgZnVuY3Rpb24gZigpIGVuZAo", None),
        ("AGFzbQEAAAABBAFgAAADAgEABwUBAWYAAAoEAQIACw==", None),
        // The hexadecimal digits of a digest are base64 too.
        (
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            None,
        ),
    ] {
        assert_eq!(decode(base64).as_deref(), text, "{base64}");
    }
}
