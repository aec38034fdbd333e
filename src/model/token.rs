//! What stands in the place of a value that was taken out.

use std::{fmt, ops::Range, str::FromStr};

/// Which key a token was made with: the first half of what stands in its brackets.
///
/// Tokens of one key can be compared, tokens of two cannot. It tells nothing else of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u32);

impl Fingerprint {
    /// The one that these bytes are.
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }

    /// Its bytes.
    pub const fn bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for Fingerprint {
    /// Eight hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// No fingerprint: it has eight hexadecimal digits, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected eight hexadecimal digits")]
pub struct InvalidFingerprint;

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hexadecimal(text, 8)
            .and_then(|value| u32::try_from(value).ok())
            .map(Self)
            .ok_or(InvalidFingerprint)
    }
}

/// What stands for a secret: `[redacted:1a2b3c4d-0123456789abcdef]`, the fingerprint of a key and what the secret
/// comes to under that key.
///
/// Equal secrets have equal tokens under one key. Without the key, a token tells nothing of its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// The key it was made with.
    pub key: Fingerprint,
    /// What the secret comes to.
    pub tag: u64,
}

impl Token {
    /// How many bytes each has.
    pub const LENGTH: usize = Self::BEGIN.len() + 8 + 1 + 16 + 1;
    /// How each begins.
    pub const BEGIN: &str = "[redacted:";

    /// The token that `text` is.
    pub fn of(text: &str) -> Option<Self> {
        let inner = text.strip_prefix(Self::BEGIN)?.strip_suffix(']')?;
        let (key, tag) = inner.split_once('-')?;
        Some(Self {
            key: key.parse().ok()?,
            tag: hexadecimal(tag, 16)?,
        })
    }

    /// The tokens in `text`, and where they stand.
    pub fn all_in(text: &str) -> impl Iterator<Item = (Range<usize>, Self)> {
        text.match_indices(Self::BEGIN).filter_map(|(start, _)| {
            let range = start..start + Self::LENGTH;
            let token = text.get(range.clone()).and_then(Self::of)?;
            Some((range, token))
        })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}-{:016x}]", Self::BEGIN, self.key, self.tag)
    }
}

/// The value of `text`, if it is `length` hexadecimal digits in lower case.
fn hexadecimal(text: &str, length: usize) -> Option<u64> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == length && text.bytes().all(is_digit))
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten()
}

#[test]
fn a_token_is_what_it_prints_and_nothing_else() {
    let token = Token {
        key: Fingerprint::new([0x1a, 0x2b, 0x3c, 0x4d]),
        tag: 0x0123_4567_89ab_cdef,
    };
    let text = "[redacted:1a2b3c4d-0123456789abcdef]";
    assert_eq!(token.to_string(), text);
    assert_eq!(text.len(), Token::LENGTH);
    assert_eq!(Token::of(text), Some(token));
    for other in [
        "[redacted]",
        "[redacted:1A2B3C4D-0123456789abcdef]",
        "[redacted:1a2b3c4d-0123456789abcdef] ",
        "[redacted:+a2b3c4d-0123456789abcdef]",
        "[redacted:1a2b3c4d0123456789abcdef]",
        "",
    ] {
        assert_eq!(Token::of(other), None, "{other}");
    }
    let twice = format!("ü{text}[redacted:{text}ü");
    let found: Vec<_> = Token::all_in(&twice).collect();
    assert_eq!(found, [(2..38, token), (48..84, token)]);
}
