//! What configures a Wasm plugin: values go, names stay. No schema tells which of them are secrets.

use std::{ops::Range, sync::LazyLock};

use jiter::{Jiter, Peek};
use regex::Regex;

use super::{
    scheme::is_operator,
    shapes,
    span::{Form, Span, token_at},
    tags,
};
use crate::redact::{
    MAX_DEPTH,
    cut::is_harmless,
    names::{self, Telling},
};

/// Values that are no secrets and are asked for first: levels, modes, answers.
const WORDS: &[&str] = &[
    "",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "null",
    "none",
    "auto",
    "default",
    "enabled",
    "disabled",
    "trace",
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "critical",
    "fatal",
    "allow",
    "deny",
    "log",
    "strict",
    "permissive",
    "http",
    "https",
    "grpc",
    "tcp",
    "json",
    "text",
    "get",
    "post",
    "put",
    "delete",
    "patch",
    "head",
    "options",
    "inbound",
    "outbound",
    "client",
    "server",
    "gateway",
    "sidecar",
    "request",
    "response",
    "header",
    "body",
    "fail_open",
    "fail_close",
    "authn",
    "authz",
    "stats",
];

/// The lines of YAML and of settings that are read: an item, a name and a value, or one of them.
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"^[ \t]*(?:- *)*(?:(?<name>"[^"]{1,80}"|'[^']{1,80}'|[A-Za-z0-9_./-]{1,80})[ \t]*(?:=|:(?:[ \t]|$)))?[ \t]*(?<value>.*?)[ \t\r]*$"#;
    Regex::new(pattern).expect("a valid pattern")
});

/// What goes of a configuration.
pub(super) fn find(text: &str) -> Vec<Span> {
    let start = text.trim_start();
    let is_token = token_at(start, 0).is_some();
    let found = match start.bytes().next() {
        _ if is_token => in_lines(text),
        Some(b'{' | b'[' | b'"') => in_json(text),
        _ => in_lines(text),
    };
    found.unwrap_or_else(|| vec![Span::new(0..text.len(), tags::WASM)])
}

/// `None` if it is no JSON.
fn in_json(text: &str) -> Option<Vec<Span>> {
    let mut walk = Walk {
        text,
        json: Jiter::new(text.as_bytes()),
        spans: Vec::new(),
    };
    let first = walk.json.peek().ok()?;
    walk.value(first, false, 0)?;
    walk.json.finish().ok()?;
    Some(walk.spans)
}

struct Walk<'a> {
    text: &'a str,
    json: Jiter<'a>,
    spans: Vec<Span>,
}

impl Walk<'_> {
    /// A value whose first byte is the next, and whether a name around it tells; `None` if it is no JSON, or too deep.
    fn value(&mut self, peek: Peek, is_secret: bool, depth: usize) -> Option<()> {
        let start = self.json.current_index();
        match peek {
            Peek::Object | Peek::Array if depth >= MAX_DEPTH => None,
            Peek::Object => self.object(is_secret, depth),
            Peek::Array => {
                let mut item = self.json.known_array().ok()?;
                while let Some(peek) = item {
                    self.value(peek, is_secret, depth + 1)?;
                    item = self.json.array_step().ok()?;
                }
                Some(())
            }
            Peek::String => {
                let text = self.json.known_str().ok()?.to_owned();
                let inner = start + 1..self.json.current_index() - 1;
                if is_secret || !stays(&text) {
                    self.spans.push(spelt(inner, text, self.text, tags::WASM));
                }
                Some(())
            }
            Peek::Null => self.json.known_null().ok(),
            Peek::True | Peek::False => self.json.known_bool(peek).ok().map(drop),
            _ => {
                self.json.known_number_bytes(peek).ok()?;
                if is_secret {
                    let mut span = Span::new(start..self.json.current_index(), tags::NAMED);
                    span.form = Form::Quoted;
                    self.spans.push(span);
                }
                Some(())
            }
        }
    }

    fn object(&mut self, is_secret: bool, depth: usize) -> Option<()> {
        let mut before = self.json.current_index();
        let mut is_first = true;
        loop {
            let key = match is_first {
                true => self.json.known_object().ok()?,
                false => self.json.next_key().ok()?,
            };
            let Some(key) = key.map(str::to_owned) else {
                return Some(());
            };
            let read = before..self.json.current_index();
            let is_telling = names::telling(&key) == Telling::Secret;
            if !shapes::find(&key).is_empty() {
                self.key(read, key);
            }
            let peek = self.json.peek().ok()?;
            self.value(peek, is_secret || is_telling, depth + 1)?;
            before = self.json.current_index();
            is_first = false;
        }
    }

    /// A key that has the shape of a secret; `read` is what was read for it, punctuation included.
    fn key(&mut self, read: Range<usize>, key: String) {
        let text = &self.text[read.clone()];
        if let (Some(first), Some(last)) = (text.find('"'), text.rfind('"')) {
            let inner = read.start + first + 1..read.start + last;
            self.spans.push(spelt(inner, key, self.text, tags::WASM));
        }
    }
}

/// A string of JSON that goes, and what it says.
fn spelt(inner: Range<usize>, text: String, all: &str, rule: &'static str) -> Span {
    let is_escaped = all[inner.clone()] != text;
    Span {
        secret: is_escaped.then_some(text),
        ..Span::new(inner, rule)
    }
}

/// Whether a value is no secret.
fn stays(value: &str) -> bool {
    WORDS.contains(&value.to_ascii_lowercase().as_str())
        || is_plain(value)
        || is_operator(value) && value[1..].find('%') == Some(value.len() - 2)
}

/// The longest word, and the longest number, that a value is made of which says what a plugin does.
const WORD: usize = 16;
const NUMBER: usize = 3;

/// Whether a value is a name in words of lower-case letters, as headers and modes have it, or a small number.
fn is_plain(value: &str) -> bool {
    let is_word = |word: &str| {
        (1..=WORD).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    let is_name = value.len() <= 2 * WORD && value.split(['-', '_', '.']).all(is_word);
    let is_number = value.len() <= NUMBER && value.bytes().all(|byte| byte.is_ascii_digit());
    !value.is_empty() && (is_name || is_number)
}

/// Settings and YAML, line by line; `None` if a line is neither.
fn in_lines(text: &str) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    let mut start = 0;
    // How deep the line is that a block of text belongs to.
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        let indent = line.len() - line.trim_start().len();
        let content = line.trim();
        if content.is_empty() || matches!(content, "---" | "...") || is_harmless(content) {
            continue;
        }
        if block.is_some_and(|depth| indent > depth) || content.starts_with('#') {
            spans.push(Span::new(
                at + indent..at + line.trim_end().len(),
                tags::WASM,
            ));
            continue;
        }
        block = None;
        let read = LINE.captures(line)?;
        let value = read.name("value")?;
        let name = read.name("name").map(|name| name.as_str());
        if name.is_none() && !content.starts_with("- ") {
            return None;
        }
        if matches!(value.as_str().bytes().next(), Some(b'|' | b'>')) && value.len() <= 3 {
            block = Some(indent);
            continue;
        }
        let is_secret = name
            .is_some_and(|name| names::telling(name.trim_matches(['"', '\''])) == Telling::Secret);
        add_value(&mut spans, value.as_str(), at + value.start(), is_secret);
    }
    Some(spans)
}

/// A value at `at`, with or without quotes.
fn add_value(spans: &mut Vec<Span>, value: &str, at: usize, is_secret: bool) {
    let is_quoted =
        |quote: char| value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote);
    let inner = match is_quoted('"') || is_quoted('\'') {
        true => 1..value.len() - 1,
        false => 0..value.len(),
    };
    let text = &value[inner.clone()];
    let is_number = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    if is_secret || !(stays(text) || is_number && inner.start == 0) {
        spans.push(Span::new(at + inner.start..at + inner.end, tags::WASM));
    }
}

#[test]
fn values_go_and_names_stay() {
    let cases = [
        (
            "{\"header\": \"x-lab\", \"level\":\"debug\", \"n\": 7, \"pin\":1234, \"ok\":true, \"a\\\"\": [\"hun\\\"ter2\"], \"f\":\"%REQ(X)%\"}",
            "{\"header\": \"x-lab\", \"level\":\"debug\", \"n\": 7, \"pin\":\"[redacted]\", \"ok\":true, \"a\\\"\": [\"[redacted]\"], \"f\":\"%REQ(X)%\"}",
        ),
        (
            "# hunter2\na: hunter2\nb:\n  - \"hunter2\"\n  - c: 7\npin = 1234\nd: |\n  hunter2\n  more\n",
            "[redacted]\na: [redacted]\nb:\n  - \"[redacted]\"\n  - c: 7\npin = [redacted]\nd: |\n  [redacted]\n  [redacted]\n",
        ),
        ("hunter2", "[redacted]"),
        ("1234", "[redacted]"),
        ("{\"a\": \"hunter2", "[redacted]"),
        ("\"hunter2\"", "\"[redacted]\""),
        (
            "{\"ghp_0123456789abcdefABCDEF0123456789abcd\": 1}",
            "{\"[redacted]\": 1}",
        ),
    ];
    for (text, expected) in cases {
        let hider = crate::redact::cut::Hider::default();
        let cuts = super::find(text, super::Language::Wasm, &hider);
        assert_eq!(crate::redact::cut::apply(text, &cuts), expected);
    }
}
