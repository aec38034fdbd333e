//! Looking for secrets in bytes, however they are written.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// How each secret that tests plant begins.
pub(super) const HEAD: &str = "Xq7vKz9b";

/// How each secret that tests plant ends: a redactor that stops at a quote, a brace or a line end leaves it.
pub(super) const TAIL: &str = "Wj4pTd8r";

/// What is looked for, in all its spellings.
pub(super) struct Needles {
    patterns: Vec<String>,
    automaton: AhoCorasick,
}

impl Needles {
    /// Any part of a planted secret that has its beginning or its end.
    pub(super) fn planted() -> &'static Self {
        static PLANTED: LazyLock<Needles> = LazyLock::new(|| Needles::new(&[HEAD, TAIL]));
        &PLANTED
    }

    /// Spellings of `texts`; each text has at least four bytes.
    pub(super) fn new(texts: &[&str]) -> Self {
        let mut patterns: Vec<String> = texts.iter().flat_map(|text| spellings(text)).collect();
        patterns.sort();
        patterns.dedup();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&patterns)
            .unwrap();
        Self {
            patterns,
            automaton,
        }
    }

    /// The first of them in `bytes`, as they are or with their escapes undone: how it is written, and what is around it.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<String> {
        self.find_as_is(bytes).or_else(|| {
            let mut text = bytes.to_vec();
            // JSON in a string in JSON has its escapes escaped.
            for _ in 0..3 {
                let less = unescaped(&text)?;
                if let Some(hit) = self.find_as_is(&less) {
                    return Some(hit);
                }
                text = less;
            }
            None
        })
    }

    fn find_as_is(&self, bytes: &[u8]) -> Option<String> {
        let found = self.automaton.find(bytes)?;
        let pattern = &self.patterns[found.pattern().as_usize()];
        let around = found.start().saturating_sub(60)..bytes.len().min(found.end() + 60);
        let around = String::from_utf8_lossy(&bytes[around]);
        Some(format!("{pattern} in {around:?}"))
    }
}

/// `text` raw, backwards, in hexadecimal, in base64 at each alignment, and in base64 of that.
fn spellings(text: &str) -> Vec<String> {
    let hexadecimal = |between: &str| {
        let digits: Vec<_> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        digits.join(between)
    };
    let mut all = vec![
        text.to_owned(),
        text.chars().rev().collect(),
        hexadecimal(""),
        hexadecimal(" "),
        hexadecimal(":"),
    ];
    let once = base64_parts(text.as_bytes());
    all.extend(once.iter().flat_map(|part| base64_parts(part.as_bytes())));
    all.extend(once);
    all
}

/// What base64 of anything with `bytes` in it has in it: depends on where they begin, modulo 3, and is left out where
/// it has fewer than four letters.
fn base64_parts(bytes: &[u8]) -> Vec<String> {
    (0..3)
        .map(|skipped| bytes.get(skipped..).unwrap_or_default())
        .map(|rest| &rest[..rest.len() / 3 * 3])
        .filter(|whole| whole.len() >= 3)
        .flat_map(|whole| [STANDARD_NO_PAD.encode(whole), URL_SAFE_NO_PAD.encode(whole)])
        .collect()
}

/// `bytes` with `\u0058`, `\x58`, `\130`, `%58`, `&#x58;` and escaped punctuation undone once; none if there are none.
fn unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    let number = |digits: &[u8], radix: u32| {
        let text = std::str::from_utf8(digits).ok()?;
        let is_digits = text.chars().all(|c| c.is_digit(radix));
        u32::from_str_radix(text, radix).ok().filter(|_| is_digits)
    };
    let mut result = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let mut changed = false;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let hex = |from: usize, to: usize| {
            let value = rest.get(from..to).and_then(|digits| number(digits, 16))?;
            Some((value, to))
        };
        let found = match rest {
            [b'\\', b'u', ..] => hex(2, 6),
            [b'\\', b'x', ..] => hex(2, 4),
            [b'%', ..] => hex(1, 3),
            [b'&', b'#', b'x', ..] => hex(3, 5).map(|(value, end)| (value, end + 1)),
            [b'\\', b'0'..=b'3', ..] => rest
                .get(1..4)
                .and_then(|digits| Some((number(digits, 8)?, 4))),
            [b'\\', b'n', ..] => Some((u32::from(b'\n'), 2)),
            [b'\\', b't', ..] => Some((u32::from(b'\t'), 2)),
            [b'\\', other, ..] if other.is_ascii_punctuation() => Some((u32::from(*other), 2)),
            _ => None,
        };
        match found {
            None => {
                result.push(bytes[at]);
                at += 1;
            }
            Some((value, length)) => {
                let c = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
                result.extend(c.encode_utf8(&mut [0; 4]).bytes());
                at += length;
                changed = true;
            }
        }
    }
    changed.then_some(result)
}

#[test]
fn a_secret_is_found_in_every_spelling() {
    let secret = format!("{HEAD}0001{TAIL}");
    let escaped = |prefix: &str| {
        let bytes = secret.bytes();
        bytes
            .map(|byte| format!("{prefix}{byte:02X}"))
            .collect::<String>()
    };
    let base64 = |before: &str, times: u32| {
        (0..times).fold(format!("{before}{secret}?>~"), |text, _| {
            URL_SAFE_NO_PAD.encode(text)
        })
    };
    let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    for spelling in [
        secret.clone(),
        secret.to_lowercase(),
        secret.chars().rev().collect(),
        hexadecimal,
        escaped("\\x"),
        escaped("\\u00"),
        escaped("\\\\u00"),
        escaped("%"),
        secret.replace('X', "\\u0058").replace('8', "\\u0038"),
        base64("", 1),
        base64("a", 1),
        base64("aa", 1),
        base64("", 2),
        base64("a", 2),
        base64("aa", 2),
        TAIL.to_owned(),
    ] {
        let text = format!("{{\"a\": \"{spelling}\"}}");
        assert!(Needles::planted().find(text.as_bytes()).is_some(), "{text}");
    }
    for harmless in [
        "",
        "[redacted:1a2b3c4d-0123456789abcdef]",
        "Xq7vKz",
        "%zz \\u00 \\",
    ] {
        let hit = Needles::planted().find(harmless.as_bytes());
        assert!(hit.is_none(), "{hit:?}");
    }
}
