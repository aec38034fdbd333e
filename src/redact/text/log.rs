//! Logs of Envoy and of pilot-agent, line by line.
//!
//! An entry goes on until a line that begins like one: what is in it cannot reach into the next. Warnings and errors
//! quote configuration as [reasons](super::Language::Reason) do, and are read like them.

use std::{ops::Range, sync::LazyLock};

use jiter::{Jiter, Peek};
use regex::Regex;

use super::{reason, shapes, span::Span};

/// How an entry begins: in brackets with its level, as Envoy by itself and access logs do, or with tabs in between, as
/// Istio has it.
static BEGIN: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?x)^(?:
        \[\d{4}-\d\d-\d\d[T\ ][^\]]{5,40}\](?:\[\d+\]\[(?<level>[a-z]+)\]\[[^\]]{0,80}\]\ ?)?
        |\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d[^\t\ ]{0,20}[\t\ ](?:(?<name>[a-z]+)[\t\ ])?)";
    Regex::new(pattern).expect("a valid pattern")
});

/// The levels of what went wrong.
const WRONG: &[&str] = &[
    "warn", "warning", "err", "error", "critical", "fatal", "panic", "dpanic",
];

/// The field at the end of an entry in Istio's form.
const THREAD: &str = "\tthread=";

/// What goes of a log.
pub(super) fn find(text: &str, known: &dyn Fn(&str) -> bool) -> Vec<Span> {
    let mut log = Log {
        text,
        known,
        spans: Vec::new(),
    };
    let mut entry: Option<Entry> = None;
    let mut start = 0;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if let Some(next) = log.begin(end, line, entry) {
            log.entry(start..end, entry);
            entry = Some(next);
            start = end;
        }
        end += line.len();
    }
    log.entry(start..end, entry);
    log.spans
}

/// How an entry is read.
#[derive(Clone, Copy, Debug)]
enum Entry {
    /// As any text.
    Plain,
    /// As a reason from here on.
    Wrong(usize),
    /// As an object of JSON; whether it tells what went wrong.
    Json(bool),
}

struct Log<'a> {
    text: &'a str,
    known: &'a dyn Fn(&str) -> bool,
    spans: Vec<Span>,
}

impl Log<'_> {
    /// What begins with `line`, at `at`, after `before`.
    fn begin(&self, at: usize, line: &str, before: Option<Entry>) -> Option<Entry> {
        if let Some(found) = BEGIN.captures(line) {
            let level = found.name("level").or(found.name("name"));
            let is_wrong = level.is_some_and(|level| WRONG.contains(&level.as_str()));
            let message = at + found.get(0).map_or(0, |all| all.end());
            return Some(match is_wrong {
                true => Entry::Wrong(message),
                false => Entry::Plain,
            });
        }
        let is_json = line.starts_with("{\"") && line.trim_end().ends_with('}');
        if !is_json || matches!(before, Some(Entry::Wrong(_))) && !line.contains("\"level\":") {
            return None;
        }
        let level = level_of(line.trim_end())?;
        Some(Entry::Json(
            WRONG.contains(&level.to_ascii_lowercase().as_str()),
        ))
    }

    fn entry(&mut self, range: Range<usize>, entry: Option<Entry>) {
        let text = self.text[range.clone()].trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return;
        }
        match entry {
            Some(Entry::Wrong(message)) => {
                let end = range.start + text.rfind(THREAD).unwrap_or(text.len());
                let message = message.min(end);
                self.add(range.start, shapes::find(&self.text[range.start..message]));
                self.add(message, reason::find(&self.text[message..end], self.known));
            }
            Some(Entry::Json(is_wrong)) => {
                self.add(range.start, shapes::find(text));
                if is_wrong {
                    self.json(range.start, text);
                }
            }
            Some(Entry::Plain) | None => self.add(range.start, shapes::find(text)),
        }
    }

    fn add(&mut self, offset: usize, found: Vec<Span>) {
        self.spans
            .extend(found.into_iter().map(|span| span.shifted(offset)));
    }

    /// The texts of an entry in JSON at `offset` that tells what went wrong, but for its level and the like.
    fn json(&mut self, offset: usize, text: &str) {
        for (name, range) in members(text).unwrap_or_default() {
            if matches!(
                name.as_str(),
                "level" | "time" | "ts" | "scope" | "logger" | "caller" | "stack"
            ) {
                continue;
            }
            let written = &text[range.clone()];
            let (message, places) = unescaped(written);
            for span in reason::find(&message, self.known) {
                let place = |at: usize| {
                    offset + range.start + places.get(at).map_or(written.len(), |at| *at as usize)
                };
                let mut found =
                    Span::new(place(span.range.start)..place(span.range.end), span.rule);
                found.secret = span.secret.or_else(|| Some(message[span.range].to_owned()));
                self.spans.push(found);
            }
        }
    }
}

/// The level that an object of JSON says it has, or none; `None` if it is not an object.
fn level_of(text: &str) -> Option<String> {
    let members = members(text)?;
    let level = members.into_iter().find(|(name, _)| name == "level");
    Some(level.map_or_else(String::new, |(_, range)| text[range].to_owned()))
}

/// The strings that the object `text` has as members, without their quotes; `None` if it is none.
fn members(text: &str) -> Option<Vec<(String, Range<usize>)>> {
    let mut json = Jiter::new(text.as_bytes());
    let mut found = Vec::new();
    if json.peek().ok()? != Peek::Object {
        return None;
    }
    let mut key = json.known_object().ok()?.map(str::to_owned);
    while let Some(name) = key {
        let peek = json.peek().ok()?;
        let start = json.current_index();
        match peek {
            Peek::String => {
                json.known_bytes().ok()?;
                found.push((name, start + 1..json.current_index() - 1));
            }
            _ => json.known_skip(peek).ok()?,
        }
        key = json.next_key().ok()?.map(str::to_owned);
    }
    json.finish().ok()?;
    Some(found)
}

/// What the inside of a string of JSON says, and where each of its bytes is written.
fn unescaped(written: &str) -> (String, Vec<u32>) {
    let mut text = String::with_capacity(written.len());
    let mut places = Vec::with_capacity(written.len());
    let mut letters = written.char_indices();
    while let Some((at, letter)) = letters.next() {
        let said = match letter {
            '\\' => match letters.next().map(|(_, letter)| letter) {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('u') => {
                    let digits = written.get(at + 2..at + 6).unwrap_or_default();
                    let said = u32::from_str_radix(digits, 16)
                        .ok()
                        .and_then(char::from_u32);
                    digits.chars().for_each(|_| _ = letters.next());
                    // Half of a letter beyond the first plane: no rule looks for any.
                    said.unwrap_or('\u{fffd}')
                }
                Some(letter) => letter,
                None => '\\',
            },
            letter => letter,
        };
        text.push(said);
        places.resize(text.len(), at as u32);
    }
    (text, places)
}

#[test]
fn entries_are_read_by_what_they_are() {
    let cases = [
        (
            "2026-11-21T14:00:00.123456Z\twarning\tenvoy config external/envoy/a.cc:138\tgRPC config for type.googleapis.com/\
             envoy.config.listener.v3.Listener rejected: Error adding/updating listener(s) a: bad 'hunter2': \
             goo.gle/debugstr name: \"x\"\nfilter {\n  {\"a\":\"hunter2\"}\n}\tthread=12\n\
             2026-11-21T14:00:01.123456Z\tinfo\tca\t'fine' token=hunter2 x\n",
            "2026-11-21T14:00:00.123456Z\twarning\tenvoy config external/envoy/a.cc:138\tgRPC config for type.googleapis.com/\
             envoy.config.listener.v3.Listener rejected: Error adding/updating listener(s) a: bad [redacted]: \
             [redacted]\tthread=12\n\
             2026-11-21T14:00:01.123456Z\tinfo\tca\t'fine' token=[redacted] x\n",
        ),
        (
            "[2026-11-21 14:00:00.123][12][warning][config] [source/a.cc:138] bad 'hunter2'\n  more 'hunter2'\n\
             [2026-11-21 14:00:00.123][12][info][main] [source/a.cc:138] good 'x'\n",
            "[2026-11-21 14:00:00.123][12][warning][config] [source/a.cc:138] bad [redacted]\n  more [redacted]\n\
             [2026-11-21 14:00:00.123][12][info][main] [source/a.cc:138] good 'x'\n",
        ),
        (
            "[2026-11-21T14:00:00.123Z] \"GET /a?token=hunter2&x=y HTTP/1.1\" 200 - via_upstream - \"-\" 0 1 \"https://a:hunter2@h/\"\n",
            "[2026-11-21T14:00:00.123Z] \"GET /a?token=[redacted]&x=y HTTP/1.1\" 200 - via_upstream - \"-\" 0 1 \"https://[redacted]@h/\"\n",
        ),
        (
            "{\"level\":\"error\",\"time\":\"t\",\"msg\":\"bad \\\"hunter2\\\" in 'envoy.a': {\\\"a\\\"\"}\n{\"path\":\"'x'\",\"authorization\":\"hunter2\"}\n",
            "{\"level\":\"error\",\"time\":\"t\",\"msg\":\"bad [redacted] in 'envoy.a': [redacted]\"}\n{\"path\":\"'x'\",\"authorization\":\"[redacted]\"}\n",
        ),
        (
            "no log at all: 'x' password=hunter2 y",
            "no log at all: 'x' password=[redacted] y",
        ),
    ];
    for (log, expected) in cases {
        let hider = crate::redact::cut::Hider::default();
        let cuts = super::find(log, super::Language::Log, &hider);
        assert_eq!(crate::redact::cut::apply(log, &cuts), expected);
    }
}
