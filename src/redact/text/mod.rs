//! Secrets in texts: which parts of one go, by what the text is.
//!
//! Laws: what is found is in order, and none is in another; a text in which all of it was replaced has nothing more to
//! find; the work grows with the length of the text, whatever is in it.

mod encoded;
mod format;
mod jwt;
mod log;
mod lua;
mod pairs;
mod pem;
mod quotes;
mod reason;
mod scheme;
mod shapes;
mod span;
mod tags;
mod url;
mod vendors;
mod wasm;

use super::cut::{Cut, Hider, apply};

pub(super) use pem::is_in_base64;
pub use reason::scrub_reason;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// Any.
    Plain,
    /// Why Envoy rejected an update.
    Reason,
    /// A program in Lua: it loses its literals and stays a program.
    Lua,
    /// What configures a Wasm plugin, mostly JSON: it loses its literals.
    Wasm,
    /// A format of an access log: literals with `%COMMANDS%` in between.
    Format,
    /// Lines of a log of Envoy or pilot-agent.
    Log,
}

/// How often what is left of a text is looked at again.
const ROUNDS: usize = 4;

/// What goes of `text`: in order, none in another.
pub(super) fn find(text: &str, language: Language, hider: &Hider) -> Vec<Cut> {
    find_knowing(text, language, &|_| false, hider)
}

/// The same where `known` tells names that a [reason](Language::Reason) or a [log](Language::Log) may quote: those of
/// resources, say.
pub(super) fn find_knowing(
    text: &str,
    language: Language,
    known: &dyn Fn(&str) -> bool,
    hider: &Hider,
) -> Vec<Cut> {
    let look = |text: &str| span::settle(text, spans(text, language, known), hider);
    let mut cuts = look(text);
    // What is left reads differently without what is gone: a quote that was in a key no longer begins anything.
    for _ in 0..ROUNDS {
        if cuts.is_empty() {
            return cuts;
        }
        let more = look(&apply(text, &cuts));
        if more.is_empty() {
            return cuts;
        }
        cuts = span::compose(text, &cuts, &more, hider);
    }
    // Nothing that anybody writes comes here.
    let rule = cuts.first().map_or(tags::TOKEN, |cut| cut.rule);
    hider.cut(text, 0..text.len(), rule).into_iter().collect()
}

/// Whether there is any of what every secret in a [plain](Language::Plain) text has in it or before it.
pub(super) fn has_marks(text: &str) -> bool {
    shapes::has_marks(text)
}

/// What goes at first sight.
fn spans(text: &str, language: Language, known: &dyn Fn(&str) -> bool) -> Vec<span::Span> {
    match language {
        Language::Plain => shapes::find(text),
        Language::Reason => reason::find(text, known),
        Language::Lua => lua::find(text),
        Language::Wasm => wasm::find(text),
        Language::Format => format::find(text),
        Language::Log => log::find(text, known),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::redact::Key;

    const ALL: [Language; 6] = [
        Language::Plain,
        Language::Reason,
        Language::Lua,
        Language::Wasm,
        Language::Format,
        Language::Log,
    ];

    fn hiders() -> [Hider; 2] {
        let key = Some(Key::new([7; 32]));
        [Hider { key }, Hider::default()]
    }

    /// Pieces that rules look for, and what they stop at.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "password",
            "token",
            "key",
            "pin",
            "x-api-key",
            "authorization",
            "Cookie",
            "name",
            "value",
            "=",
            ": ",
            ":",
            " => ",
            "--",
            "\"",
            "'",
            "\\\"",
            "\\",
            "`",
            "{",
            "}",
            "[",
            "]",
            "[[",
            "]]",
            "[=[",
            "]=]",
            "(",
            ")",
            ",",
            ";",
            "&",
            "?",
            "%",
            "%REQ(X)%",
            "%3D",
            "%26",
            "%40",
            "${A}",
            " ",
            "\n",
            "\\n",
            "  ",
            "- ",
            "|",
            "|\n  ",
            "://",
            "%3A%2F%2F",
            "https://",
            "@",
            "host",
            "/",
            "#",
            "hunter2",
            "1234",
            "a",
            "é",
            "eyJhbGciOi",
            ".",
            "eyJzdWIi",
            "Bearer ",
            "Basic ",
            "dXNlcjpwYXNz",
            "ghp_0123456789012345678901234567890123456789",
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "8f14e45fceea167a5a36dedd4bea2543",
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t",
            "goo.gle/debug",
            "[string \"",
            "\"]:1: ",
            "near '",
            "Duplicated credential key: ",
            "missing ): ",
            "Proto constraint validation failed (",
            "[redacted]",
            "[redacted:1a2b3c4d-0123456789abcdef]",
            "[redacted:",
            ":get(",
            "local pin = ",
            "==",
            "2026-11-21T14:00:00.1Z\twarning\t",
            "[2026-11-21T14:00:00.1Z] ",
            "{\"level\":\"error\",\"msg\":\"",
            "\"}\n",
            "true",
            "null",
            "\"kty\"",
            "\"d\":\"",
        ]);
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn what_is_left_of_a_text_has_nothing_more_to_find(text in pieces()) {
            prop_assert!(has_marks(&text) || find(&text, Language::Plain, &Hider::default()).is_empty());
            for language in ALL {
                for hider in hiders() {
                    let cuts = find(&text, language, &hider);
                    let mut end = 0;
                    for cut in &cuts {
                        prop_assert!(end <= cut.range.start && cut.range.start < cut.range.end);
                        prop_assert!(text.get(cut.range.clone()).is_some());
                        end = cut.range.end;
                    }
                    let left = apply(&text, &cuts);
                    let more = find(&left, language, &hider);
                    prop_assert!(more.is_empty(), "{:?}: {} {:?}", language, left, more);
                }
            }
        }

        #[test]
        fn json_stays_json(text in pieces(), number: u32) {
            let json = serde_json::json!({"a": [text, {"pin": number}], "password": {"x": number, "y": [text]}});
            let cuts = find(&json.to_string(), Language::Wasm, &Hider::default());
            let left: serde_json::Value = serde_json::from_str(&apply(&json.to_string(), &cuts)).unwrap();
            prop_assert_eq!(&left["a"][1]["pin"], "[redacted]");
            prop_assert_eq!(&left["password"]["x"], "[redacted]");
        }
    }

    #[test]
    fn hostile_texts_take_time_in_proportion_to_their_length() {
        const LENGTH: usize = 1 << 16;
        let pieces = [
            "key=",
            "password=",
            "token: ",
            "key='",
            "key=\"",
            "\\",
            "\\\"",
            "\"",
            "'",
            "{",
            "[",
            "password={",
            "://a:",
            "https://a",
            "%3A%2F%2F",
            "eyJ",
            "-eyJ",
            ".eyJa",
            "basic+",
            "Bearer ",
            "sk-",
            "ghp_",
            "AKIA",
            "LS0tLS1CRUdJT",
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            "[string \"",
            "missing ): ",
            "near '",
            "Incorrect configuration: ",
            "%A(",
            "%A(%B%",
            "--[[",
            "[[",
            "[==[",
            "pin=",
            "secret:\n ",
            "secret:|\n",
            "token-",
            "a",
            "[redacted]",
            "[redacted:",
            "{\"a\":",
            "2026-11-21T14:00:00Z\terror\t'\n",
            "%5F",
            "\n",
            "\"kty\"",
            "&key=",
            "key=a,",
            "cookie: a; ",
        ];
        for piece in pieces {
            let text = piece.repeat(LENGTH / piece.len());
            for language in ALL {
                let start = Instant::now();
                let cuts = find(&text, language, &Hider::default());
                // Some hundredths of a second where nothing else runs; minutes, if work grew with the square.
                let seconds = start.elapsed().as_secs();
                assert!(seconds < 20, "{piece:?} {language:?} {seconds} s");
                assert!(cuts.len() <= text.len());
            }
        }
    }
}
