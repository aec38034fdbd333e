//! Programs in Lua 5.1: their literals go, quotes and everything else stay, so that what is left is still a program.

use std::ops::Range;

use super::{
    shapes,
    span::{Form, Span},
    tags,
};
use crate::redact::names::{self, Telling};

/// Literals that are no secrets: of HTTP and of Envoy's and Lua's interfaces.
const WORDS: &[&str] = &[
    // Pseudo-headers and headers.
    ":authority",
    ":method",
    ":path",
    ":protocol",
    ":scheme",
    ":status",
    "accept",
    "accept-encoding",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "grpc-status",
    "grpc-timeout",
    "host",
    "location",
    "origin",
    "referer",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-envoy-attempt-count",
    "x-envoy-original-path",
    "x-envoy-upstream-service-time",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
    // Methods, schemes, versions, types.
    "connect",
    "delete",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "trace",
    "http",
    "https",
    "http/1.0",
    "http/1.1",
    "http/2",
    "grpc",
    "application/grpc",
    "application/json",
    "application/x-www-form-urlencoded",
    "text/html",
    "text/plain",
    "utf-8",
    "gzip",
    "close",
    "keep-alive",
    "no-cache",
    "no-store",
    "chunked",
    "basic",
    "bearer",
    // What functions of Lua take and give.
    "true",
    "false",
    "nil",
    "boolean",
    "function",
    "number",
    "string",
    "table",
    "thread",
    "userdata",
    "*a",
    "*l",
    "*n",
    "%s",
    "%d",
    "r",
    "w",
    "rb",
    "wb",
    "k",
    "v",
    "kv",
    "mode",
    "inf",
    "nan",
    // Statuses, and numbers that say nothing.
    "0",
    "1",
    "200",
    "201",
    "202",
    "204",
    "301",
    "302",
    "303",
    "304",
    "307",
    "308",
    "400",
    "401",
    "403",
    "404",
    "405",
    "408",
    "409",
    "410",
    "413",
    "415",
    "422",
    "429",
    "431",
    "500",
    "501",
    "502",
    "503",
    "504",
];

/// Methods whose first argument is the name of a header or of metadata.
const NAMING: &[&str] = &[
    "add",
    "get",
    "getAtIndex",
    "getNumValues",
    "remove",
    "replace",
];

/// The longest literal of marks that stays.
const MARKS: usize = 8;
/// The longest name that stays.
const NAME: usize = 64;

/// What the lexer read, as far as what follows depends on it.
#[derive(Clone, Debug, Default)]
enum Lexeme {
    #[default]
    Other,
    Name(Range<usize>),
    Literal(Range<usize>),
    Mark(u8),
}

/// What goes of a program.
pub(super) fn find(text: &str) -> Vec<Span> {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        before: Default::default(),
        spans: Vec::new(),
    };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.spans
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The last lexemes, the latest first.
    before: [Lexeme; 4],
    spans: Vec<Span>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.bytes[self.at..];
        match rest {
            [b'-', b'-', ..] => self.comment(),
            [quote @ (b'"' | b'\''), ..] => self.short(*quote),
            [b'[', ..] if self.level(self.at).is_some() => {
                let (inner, level) = self.long(self.at);
                self.literal(inner, level == 0);
            }
            [byte, ..] if byte.is_ascii_alphabetic() || *byte == b'_' => {
                let length = rest.iter().take_while(|b| is_name(**b)).count();
                let range = self.at..self.at + length;
                self.push(Lexeme::Name(range));
                self.at += length;
            }
            [byte, next, ..] if byte.is_ascii_digit() || *byte == b'.' && next.is_ascii_digit() => {
                self.number()
            }
            [byte] if byte.is_ascii_digit() => self.number(),
            // A comparison is read like an assignment.
            [b'=' | b'~', b'=', ..] => {
                self.push(Lexeme::Mark(b'='));
                self.at += 2;
            }
            [b'-', ..] if matches!(self.before[0], Lexeme::Mark(b'=')) => self.at += 1,
            [byte, ..] => {
                if !byte.is_ascii_whitespace() {
                    self.push(Lexeme::Mark(*byte));
                }
                self.at += 1;
            }
            [] => {}
        }
    }

    fn push(&mut self, lexeme: Lexeme) {
        self.before.rotate_right(1);
        self.before[0] = lexeme;
    }

    /// The level of the long bracket that begins at `at`, if one does.
    fn level(&self, at: usize) -> Option<usize> {
        let rest = self.bytes.get(at + 1..)?;
        let level = rest.iter().take_while(|byte| **byte == b'=').count();
        (self.bytes.get(at) == Some(&b'[') && rest.get(level) == Some(&b'[')).then_some(level)
    }

    /// Reads from the long bracket at `at` on: what is between it and its end, or that of the text, and its level.
    fn long(&mut self, at: usize) -> (Range<usize>, usize) {
        let level = self.level(at).unwrap_or_default();
        let start = at + level + 2;
        let close = format!("]{}]", "=".repeat(level));
        match memchr::memmem::find(&self.bytes[start..], close.as_bytes()) {
            Some(length) => {
                self.at = start + length + close.len();
                (start..start + length, level)
            }
            None => {
                self.at = self.bytes.len();
                (start..self.at, level)
            }
        }
    }

    /// A literal in quotes. One that does not end on its line has lost its end, and all after it is suspect.
    fn short(&mut self, quote: u8) {
        let start = self.at + 1;
        let mut at = start;
        let end = loop {
            match self.bytes.get(at) {
                None | Some(b'\n' | b'\r') => break None,
                Some(b'\\') => at += 1 + escaped(&self.bytes[at + 1..]),
                Some(byte) if *byte == quote => break Some(at),
                Some(_) => at += 1,
            }
        };
        match end {
            Some(end) => {
                self.at = end + 1;
                self.literal(start..end, false);
            }
            None => {
                self.at = self.bytes.len();
                self.spans.push(Span::new(start..self.at, tags::LUA));
            }
        }
    }

    /// What is between the quotes of a literal; whether its end is `]]`.
    fn literal(&mut self, range: Range<usize>, is_long: bool) {
        let text = &self.text[range.clone()];
        let is_header = self.is_named() && is_plain_name(text);
        if !(stays(text) || is_header) {
            self.hide(range.clone(), is_long, tags::LUA);
        }
        self.push(Lexeme::Literal(range));
    }

    fn hide(&mut self, range: Range<usize>, is_long: bool, rule: &'static str) {
        let mut span = Span::new(range, rule);
        // The end of a token and of a long bracket would be read as one.
        if is_long && self.bytes.get(span.range.end) == Some(&b']') {
            span.form = Form::Spaced;
        }
        self.spans.push(span);
    }

    /// Whether the next literal is the first argument of a method that takes a name.
    fn is_named(&self) -> bool {
        let method = match &self.before {
            [
                Lexeme::Mark(b'('),
                Lexeme::Name(name),
                Lexeme::Mark(b':' | b'.'),
                _,
            ] => name,
            [Lexeme::Name(name), Lexeme::Mark(b':'), ..] => name,
            _ => return false,
        };
        NAMING.contains(&&self.text[method.clone()])
    }

    fn number(&mut self) {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .take_while(|b| is_name(**b) || **b == b'.')
            .count();
        let range = self.at..self.at + length;
        let name = match &self.before {
            [Lexeme::Mark(b'='), Lexeme::Name(name), ..] => Some(name),
            [
                Lexeme::Mark(b'='),
                Lexeme::Mark(b']'),
                Lexeme::Literal(name),
                _,
            ] => Some(name),
            _ => None,
        };
        if name.is_some_and(|name| names::telling(&self.text[name.clone()]) == Telling::Secret) {
            let mut span = Span::new(range.clone(), tags::NAMED);
            span.form = Form::Quoted;
            self.spans.push(span);
        }
        self.push(Lexeme::Other);
        self.at = range.end;
    }

    /// Two dashes and what they take out of the program: prose, or a piece of it.
    fn comment(&mut self) {
        let (inner, is_long) = match self.level(self.at + 2) {
            Some(_) => {
                let (inner, level) = self.long(self.at + 2);
                (inner, level == 0)
            }
            None => {
                let start = self.at + 2;
                let rest = &self.bytes[start..];
                let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                self.at = start + length;
                (start..self.at, false)
            }
        };
        let text = &self.text[inner.clone()];
        let quotations = quotations(text);
        for range in quotations {
            if !stays(&text[range.clone()]) {
                self.hide(
                    inner.start + range.start..inner.start + range.end,
                    is_long,
                    tags::LUA,
                );
            }
        }
        for span in shapes::find(text) {
            let span = span.shifted(inner.start);
            self.hide(span.range, is_long, span.rule);
        }
    }
}

/// How many bytes after a backslash belong to it: an end of line and the space after `z` are some.
fn escaped(rest: &[u8]) -> usize {
    match rest {
        [b'\r', b'\n', ..] | [b'\n', b'\r', ..] => 2,
        [b'z', rest @ ..] => 1 + rest.iter().take_while(|b| b.is_ascii_whitespace()).count(),
        [] => 0,
        // Of a letter of several bytes, none of the others is a quote.
        _ => 1,
    }
}

/// What is between quotes in a comment: up to the next quote of its kind, or the end of the line. An apostrophe
/// between letters is none.
fn quotations(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = memchr::memchr2(b'"', b'\'', &bytes[at..]) {
        let open = at + next;
        at = open + 1;
        let is_letter = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        if bytes[open] == b'\''
            && open > 0
            && is_letter(bytes.get(open - 1))
            && is_letter(bytes.get(at))
        {
            continue;
        }
        let mut end = at;
        loop {
            match bytes.get(end) {
                None | Some(b'\n' | b'\r') => break,
                Some(byte) if *byte == bytes[open] => break,
                Some(b'\\') => end += 1 + usize::from(bytes.get(end + 1).is_some_and(u8::is_ascii)),
                Some(_) => end += 1,
            }
        }
        let end = end.min(bytes.len());
        found.push(at..end);
        at = (end + 1).min(bytes.len());
    }
    found
}

/// Whether a literal tells nothing.
fn stays(text: &str) -> bool {
    let is_marks = || {
        let marks = text
            .replace("\\n", "")
            .replace("\\r", "")
            .replace("\\t", "");
        text.len() <= MARKS
            && marks
                .bytes()
                .all(|b| b.is_ascii() && !b.is_ascii_alphanumeric())
    };
    is_marks() || text.len() <= NAME && WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// Whether `text` is a name as headers and filters have.
fn is_plain_name(text: &str) -> bool {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    let name = text.strip_prefix(':').unwrap_or(text);
    (1..=NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(is_letter)
        && !names::is_random(text)
        && shapes::find(text).is_empty()
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
fn scrub(text: &str) -> String {
    let hider = crate::redact::cut::Hider::default();
    let cuts = super::find(text, super::Language::Lua, &hider);
    crate::redact::cut::apply(text, &cuts)
}

#[test]
fn literals_go_and_the_program_stays() {
    let cases = [
        (
            r#"local k = "hunter2" .. 'x\'y'"#,
            r#"local k = "[redacted]" .. '[redacted]'"#,
        ),
        (
            "local k = [[hunter2]]; a[b[1]]=2",
            "local k = [[[redacted] ]]; a[b[1]]=2",
        ),
        ("f[==[a]]b]==]", "f[==[[redacted]]==]"),
        (
            "x = \"a\\\nb\" y = \"c\\z  \n d\"",
            "x = \"[redacted]\" y = \"[redacted]\"",
        ),
        (
            r#"h:headers():get("x-api-key") == "abc" h:headers():add("x-lab", "on")"#,
            r#"h:headers():get("x-api-key") == "[redacted]" h:headers():add("x-lab", "[redacted]")"#,
        ),
        (
            r#"h:headers():replace "x-b" h:metadata():get("Hunter2") m.get("8f14e45fceea167a5a36dedd4bea2543")"#,
            r#"h:headers():replace "x-b" h:metadata():get("[redacted]") m.get("[redacted]")"#,
        ),
        (
            r#"respond({[":status"] = "403"}, "go away", "", ", ")"#,
            r#"respond({[":status"] = "403"}, "[redacted]", "", ", ")"#,
        ),
        (
            "local pin = 1234 pin=-7 t.pin == 12 t['pin'] = 5 local timeout = 5000 x = 0x1F",
            "local pin = \"[redacted]\" pin=-\"[redacted]\" t.pin == \"[redacted]\" t['[redacted]'] = \"[redacted]\" \
             local timeout = 5000 x = 0x1F",
        ),
        ("local x = 'open\nlocal y = 1", "local x = '[redacted]"),
        ("local x = [[open\nlocal y = 1", "local x = [[[redacted]"),
        (
            "-- don't: local k = \"hunter2\" 'it\nlocal x -- password=hunter2 is it",
            "-- don't: local k = \"[redacted]\" '[redacted]\nlocal x -- password=[redacted]",
        ),
        (
            "--[[ password=hunter2]] f() --[==[ 'x' ]==]",
            "--[[ password=[redacted] ]] f() --[==[ '[redacted]' ]==]",
        ),
    ];
    for (program, expected) in cases {
        assert_eq!(scrub(program), expected);
        assert_eq!(scrub(expected), expected);
    }
}
