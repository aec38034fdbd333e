//! What stands in the place of a secret, in values and in texts.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use super::scalar;
use crate::model::Token;

/// What printers, and redaction without a key, put in the place of a value.
const BARE: &str = "[redacted]";
/// What istiod's own printer puts there, always in the place of all of it.
const ISTIODS: &str = "<Redacted>";

/// What is in `[redacted`, in base64, whatever stands before it: by how many bytes of three that is.
const BASE64: [&str; 3] = ["W3JlZGFjdGVk", "tyZWRhY3RlZ", "bcmVkYWN0ZW"];
/// The same of [`BARE`].
const BARE_BASE64: [&str; 3] = ["W3JlZGFjdGVkX", "tyZWRhY3RlZF", "bcmVkYWN0ZWRd"];

static FIND_BASE64: LazyLock<[Finder<'_>; 3]> = LazyLock::new(|| BASE64.map(Finder::new));
static FIND_MARK: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("[redacted"));

/// What stands in the place of one secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing that tells which: two of these may stand for one secret or for two.
    Bare,
    /// What the secret comes to under a key: tokens of one key are equal exactly where their secrets are.
    Token(Token),
}

/// A text in which something stands in the place of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// What is around the marks: one piece more than there are marks.
    pub pieces: Vec<String>,
    /// What stands between them, in order: at least one.
    pub marks: Vec<Mark>,
    /// Whether the text was written as base64, as fields of bytes are.
    pub in_base64: bool,
}

impl Redacted {
    /// What `text` holds in the place of secrets, or the text that it is base64 of, if that is anything.
    pub fn of(text: &str) -> Option<Self> {
        if text == ISTIODS {
            return Some(Self {
                pieces: vec![String::new(); 2],
                marks: vec![Mark::Bare],
                in_base64: false,
            });
        }
        if let Some(found) = Self::in_text(text, false) {
            return Some(found);
        }
        let bytes = text.as_bytes();
        let may_be_base64 = FIND_BASE64.iter().any(|find| find.find(bytes).is_some());
        let decoded = may_be_base64.then(|| scalar::decode(text)).flatten()?;
        Self::in_text(std::str::from_utf8(&decoded).ok()?, true)
    }

    fn in_text(text: &str, in_base64: bool) -> Option<Self> {
        let mut marks = Vec::new();
        let mut pieces = Vec::new();
        let mut rest = 0;
        for start in FIND_MARK.find_iter(text.as_bytes()) {
            let token = || {
                let end = start + Token::LENGTH;
                let token = Token::of(text.get(start..end)?)?;
                Some((Mark::Token(token), end))
            };
            let (mark, end) = match text[start..].starts_with(BARE) {
                true => (Mark::Bare, start + BARE.len()),
                false => match token() {
                    Some(found) => found,
                    None => continue,
                },
            };
            pieces.push(text[rest..start].to_owned());
            marks.push(mark);
            rest = end;
        }
        if marks.is_empty() {
            return None;
        }
        pieces.push(text[rest..].to_owned());
        Some(Self {
            pieces,
            marks,
            in_base64,
        })
    }

    /// What stands in the place of the whole text, if all of it is one secret.
    pub fn whole(&self) -> Option<Mark> {
        match (&self.marks[..], &self.pieces[..]) {
            ([mark], [before, after]) if before.is_empty() && after.is_empty() => Some(*mark),
            _ => None,
        }
    }

    /// Whether a secret in it has no token.
    pub fn has_bare(&self) -> bool {
        self.marks.contains(&Mark::Bare)
    }

    /// Whether `clear` may be this text as it was before its secrets were taken out.
    pub fn fits(&self, clear: &str) -> bool {
        let decoded = match self.in_base64 {
            true => scalar::decode(clear),
            false => None,
        };
        let clear = decoded.as_deref().unwrap_or(clear.as_bytes());
        let [first, between @ .., last] = &self.pieces[..] else {
            return false;
        };
        let Some(mut rest) = clear.strip_prefix(first.as_bytes()) else {
            return false;
        };
        for piece in between {
            // A secret has at least one byte.
            let found = rest
                .get(1..)
                .and_then(|rest| memmem::find(rest, piece.as_bytes()));
            let Some(found) = found else { return false };
            rest = &rest[1 + found + piece.len()..];
        }
        rest.strip_suffix(last.as_bytes())
            .is_some_and(|secret| !secret.is_empty())
    }

    /// The text, in which every mark reads as `spell` has it.
    pub fn text(&self, spell: impl Fn(Mark) -> String) -> String {
        let mut text = String::new();
        let mut marks = self.marks.iter();
        for piece in &self.pieces {
            text.push_str(piece);
            if let Some(mark) = marks.next() {
                text.push_str(&spell(*mark));
            }
        }
        text
    }
}

impl std::fmt::Display for Mark {
    /// As redaction writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bare => f.write_str(BARE),
            Self::Token(token) => token.fmt(f),
        }
    }
}

/// Whether `raw` JSON may hold a [`Mark::Bare`]: cheap, and without reading it.
pub fn may_hold_bare(raw: &[u8]) -> bool {
    // Go's printers escape angle brackets.
    const ESCAPED: &str = "\\u003cRedacted\\u003e";
    static FIND: LazyLock<Vec<Finder<'_>>> = LazyLock::new(|| {
        let marks = [BARE, ISTIODS, ESCAPED].into_iter().chain(BARE_BASE64);
        marks.map(Finder::new).collect()
    });
    FIND.iter().any(|mark| mark.find(raw).is_some())
}

/// Whether `raw` JSON may hold any [`Mark`]: cheap, and without reading it. What is escaped may be anything.
pub fn may_hold_marks(raw: &[u8]) -> bool {
    static FIND_OTHERS: LazyLock<[Finder<'_>; 2]> =
        LazyLock::new(|| [ISTIODS, "\\u00"].map(Finder::new));
    let mut finders = FIND_BASE64.iter().chain(&*FIND_OTHERS);
    FIND_MARK.find(raw).is_some() || finders.any(|finder| finder.find(raw).is_some())
}

#[cfg(test)]
mod tests {
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE},
    };

    use super::*;

    const TOKEN: &str = "[redacted:1a2b3c4d-0123456789abcdef]";

    fn token() -> Mark {
        Mark::Token(Token::of(TOKEN).unwrap())
    }

    #[test]
    fn marks_are_found_wherever_they_stand_in_a_text() {
        let cases: [(&str, &[&str], &[Mark]); 7] = [
            (BARE, &["", ""], &[Mark::Bare]),
            (ISTIODS, &["", ""], &[Mark::Bare]),
            (TOKEN, &["", ""], &[token()]),
            (
                &format!("https://{TOKEN}@host/"),
                &["https://", "@host/"],
                &[token()],
            ),
            (
                &format!("{BARE}{TOKEN}é"),
                &["", "", "é"],
                &[Mark::Bare, token()],
            ),
            (
                &format!("[redacted:{TOKEN}[redacted:é0123456789012345678901234567890"),
                &["[redacted:", "[redacted:é0123456789012345678901234567890"],
                &[token()],
            ),
            ("[redacted] [redacted", &["", " [redacted"], &[Mark::Bare]),
        ];
        for (text, pieces, marks) in cases {
            let found = Redacted::of(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (&found.pieces[..], &found.marks[..]),
                (
                    &pieces
                        .iter()
                        .map(|piece| (*piece).to_owned())
                        .collect::<Vec<_>>()[..],
                    marks
                )
            );
            assert!(!found.in_base64);
            for gap in ["", "a", "ab", "é?>"] {
                for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE] {
                    let base64 = engine.encode(format!("{gap}{text}{gap}"));
                    let is_text = text != ISTIODS;
                    let found = Redacted::of(&base64);
                    assert_eq!(found.is_some(), is_text, "{base64}");
                    if let Some(found) = found {
                        assert!(found.in_base64);
                        assert_eq!(found.marks, marks);
                    }
                    let has_bare = is_text && marks.contains(&Mark::Bare);
                    assert_eq!(may_hold_bare(base64.as_bytes()), has_bare, "{base64}");
                }
            }
        }
        for text in [
            "",
            "redacted",
            "[redacted",
            "[redacted:]",
            "W3JlZGFjdGVk",
            "x<Redacted>",
        ] {
            assert_eq!(Redacted::of(text), None, "{text}");
        }
    }

    #[test]
    fn a_whole_secret_is_told_from_one_in_a_text() {
        for (text, whole) in [
            (TOKEN.to_owned(), Some(token())),
            (STANDARD.encode(TOKEN), Some(token())),
            (BARE.to_owned(), Some(Mark::Bare)),
            (format!("{TOKEN}{TOKEN}"), None),
            (format!("{TOKEN} "), None),
        ] {
            let found = Redacted::of(&text).unwrap();
            assert_eq!(found.whole(), whole, "{text}");
            if !found.in_base64 {
                assert_eq!(found.text(|mark| mark.to_string()), text);
            }
        }
    }

    #[test]
    fn a_text_fits_what_redaction_left_of_it() {
        let two = format!("https://{TOKEN}@host/?key={TOKEN}");
        for (redacted, clear, expected) in [
            (TOKEN, "hunter2", true),
            (TOKEN, "", false),
            (two.as_str(), "https://a:b@host/?key=c", true),
            (two.as_str(), "https://a@host/?key=", false),
            (two.as_str(), "https://@host/?key=c", false),
            (two.as_str(), "https://a@host/", false),
            (two.as_str(), "http://a@host/?key=c", false),
        ] {
            let found = Redacted::of(redacted).unwrap();
            assert_eq!(found.fits(clear), expected, "{redacted} {clear}");
            let found = Redacted::of(&STANDARD.encode(redacted)).unwrap();
            assert_eq!(found.fits(&STANDARD.encode(clear)), expected, "{clear}");
        }
    }

    #[test]
    fn what_holds_tokens_alone_holds_nothing_bare() {
        for (raw, expected) in [
            (format!("{{\"a\":\"{TOKEN}\"}}"), false),
            (format!("{{\"a\":\"x[redacted]{TOKEN}\"}}"), true),
            ("{\"a\":\"W3JlZGFjdGVkXQ\"}".to_owned(), true),
            (format!("\"{}\"", STANDARD.encode(TOKEN)), false),
            (r#""\u003cRedacted\u003e""#.to_owned(), true),
            ("\"<Redacted>\"".to_owned(), true),
        ] {
            assert_eq!(may_hold_bare(raw.as_bytes()), expected, "{raw}");
        }
    }
}
