//! The reason of a rejected update, without the configuration that it quotes.
//!
//! Envoy's errors have no grammar. What a message quotes or dumps is configuration, secrets included; its own words
//! tell the reason. So everything quoted goes but for what cannot be a secret, and what follows a dump goes with it.

use std::{collections::HashSet, ops::Range, sync::LazyLock};

use regex::Regex;

use super::{
    Language, quotes, shapes,
    span::{Span, token_at},
    tags,
};
use crate::{
    redact::cut::{Hider, apply, is_harmless},
    xds::Message,
};

/// Where to look closer: the first alternative that matches counts.
///
/// - Dumps: the marker of protobuf's text form, a brace, with which JSON and every nested text form begins, and what
///   ends in YAML.
/// - `[string "…"]`: the first line of a Lua script, with its quotes as they are.
/// - Lua's `near '…'`: a token as it is, at the end of a message.
/// - A key that is quoted without escapes.
/// - A format of an access log, as it is.
/// - A piece of a regular expression, as it is, after one of RE2's errors.
/// - Quotes.
static SPOTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)(?<dump>goo\.gle/debug|\{)
        |Unable\ to\ convert\ YAML\ as\ JSON:\ (?<yaml>)
        |\[string\ (?<script>")
        |near\ (?<token>')
        |Duplicated\ credential\ key:\ (?<key>)
        |Incorrect\ configuration:\ (?<format>)
        |(?:missing\ [\])]|unexpected\ \)|trailing\ \\|invalid\ escape\ sequence|invalid\ character\ class(?:\ range)?
            |no\ argument\ for\ repetition\ operator|invalid\ repetition\ size|bad\ repetition\ operator
            |invalid\ perl\ operator|invalid\ named\ capture\ group|invalid\ UTF-8):\ (?<regex>)
        |(?<double>")|(?<single>')"#,
    )
});

/// What a message that breaks a constraint is reported with, before the message itself.
const CONSTRAINT: &str = "Proto constraint validation failed (";

/// The reason where Envoy prints it after the message, in words of which none is a value of it.
static TAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\n: Proto constraint validation failed \([A-Za-z0-9_.,:|\[\] ()-]{1,400}\)$")
});

/// What follows a format in which something is wrong.
const FORMAT_END: &str = ". Couldn't find valid command at position ";

/// Where the name of a Lua script ends.
static SCRIPT_END: LazyLock<Regex> = LazyLock::new(|| pattern(r#""\]:\d+:"#));

/// How the errors of Lua itself begin after the place; what a script makes of `error("…")` is anything.
static LUA_ERROR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)^"\]:\d+:\ (?:
            '[^']{1,12}'\ expected|<(?:name|eof)>\ expected|unexpected\ symbol|unfinished\ |malformed\ number|attempt\ to\ |bad\ argument\ \#
            |function\ arguments\ expected|control\ structure\ too\ long|chunk\ has\ too\ many|too\ many\ |ambiguous\ syntax
            |no\ loop\ to\ break|no\ visible\ label|cannot\ use\ '...'|invalid\ escape\ sequence|invalid\ long\ string
            |escape\ sequence\ too\ large|lexical\ element\ too\ long|unexpected\ |duplicate\ label|stack\ overflow
            |'(?:=|for)')"#,
    )
});

/// What of an apostrophe's word follows it.
static CONTRACTION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^'(?:t|s|re|ll|ve|d|m)(?:[^0-9A-Za-z'_]|$)"));

/// A quotation that is no secret: tokens of Lua; names of Envoy's and Istio's extensions and messages; what Istio
/// calls clusters and listeners.
static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
    let lua = "and|break|do|else|elseif|end|false|for|function|goto|if|in|local|nil|not|or|repeat|return|then|true|\
        until|while|<eof>|<name>|<number>|<string>|[-+*/%^#=<>~(){}\\[\\];:,.]{1,3}";
    let name = "(?:type\\.googleapis\\.com/[a-z]{1,20}|envoy|google|io\\.istio|istio|udpa|xds)\
        (?:\\.[a-z][a-z0-9_]{0,40}){0,8}(?:\\.[A-Z][A-Za-z0-9]{0,60}){0,3}";
    let cluster = "(?:in|out)bound\\|[0-9]{1,5}\\|[a-z0-9-]{0,40}\\|[a-z0-9.*-]{0,253}";
    let listener = "[0-9.]{7,15}_[0-9]{1,5}";
    let fixed = "BlackHoleCluster|InboundPassthroughCluster|PassthroughCluster|virtualInbound|virtualOutbound";
    pattern(&format!("^(?:{lua}|{name}|{cluster}|{listener}|{fixed})$"))
});

/// The longest name that is looked up, in bytes.
const NAME: usize = 512;

/// The names of the fields of all messages, in both spellings.
static FIELDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    Message::all()
        .flat_map(Message::fields)
        .flat_map(|field| [field.name(), field.json_name()])
        .collect()
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// The reason of a rejected update without the configuration that it quotes, and whether that changed it.
///
/// `details` is what Envoy says in `error_state.details` of a config dump and istiod repeats as `lastError` in
/// `/debug/syncz`. What is taken out reads `[redacted]`, whatever it was.
pub fn scrub_reason(details: &str) -> (String, bool) {
    let cuts = super::find(details, Language::Reason, &Hider::default());
    (apply(details, &cuts), !cuts.is_empty())
}

/// What goes of a reason; `known` tells names that it may quote.
pub(super) fn find(text: &str, known: &dyn Fn(&str) -> bool) -> Vec<Span> {
    let mut spans = shapes::find(text);
    let limit = match dumped(text) {
        Some(dump) => {
            spans.push(Span::new(dump..text.len(), tags::REASON));
            dump
        }
        None => text.len(),
    };
    let reason = Reason {
        text: &text[..limit],
        known,
    };
    let mut at = 0;
    while let Some(spot) = SPOTS.captures_at(reason.text, at) {
        let start = |name| spot.name(name).map(|group| group.start());
        let span = if let Some(quote) = start("single").or(start("token")) {
            reason.single(quote, start("token").is_some())
        } else if let Some(quote) = start("double") {
            reason.double(quote)
        } else if let Some(quote) = start("script") {
            let (name, error) = reason.script(quote);
            spans.extend(name);
            error
        } else if let Some(from) = start("format") {
            let end = reason.text[from..].rfind(FORMAT_END);
            reason.plain(from..end.map_or(limit, |end| from + end))
        } else if let Some(from) = start("regex") {
            reason.plain(from..line_end(reason.text, from))
        } else {
            let dump = start("dump").or(start("yaml")).or(start("key"));
            let dump = dump.unwrap_or_default();
            // A line of a dump cannot begin so, whatever is quoted in it: its ends of line are escaped.
            let tail = TAIL.find_at(reason.text, dump).map(|tail| tail.start());
            reason.plain(dump..tail.unwrap_or(limit))
        };
        at = match span {
            Part::Kept(end) => end,
            Part::Secret(span) => {
                let end = span.range.end;
                spans.push(span);
                end
            }
        };
    }
    spans
}

/// Where the message begins that breaks a constraint, if one does: what is wrong with it stands in brackets before.
fn dumped(text: &str) -> Option<usize> {
    let open = text.find(CONSTRAINT)? + CONSTRAINT.len() - 1;
    let mut depth = 0_usize;
    for (index, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => {
                let rest = &text[index + 1..];
                return rest.starts_with(": ").then_some(index + 3);
            }
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// What a spot begins.
enum Part {
    /// Nothing, or something harmless, up to here.
    Kept(usize),
    Secret(Span),
}

struct Reason<'a> {
    text: &'a str,
    known: &'a dyn Fn(&str) -> bool,
}

impl Reason<'_> {
    /// A part that is not quoted; marks tell nothing.
    fn plain(&self, range: Range<usize>) -> Part {
        let text = &self.text[range.clone()];
        let is_marks = text.len() <= 4 && text.bytes().all(|b| b.is_ascii_punctuation());
        let is_redacted = token_at(self.text, range.start).is_some_and(|end| end == range.end);
        match is_marks && !text.contains('{') || is_redacted {
            true => Part::Kept(range.end.max(range.start)),
            false => Part::Secret(Span::new(range, tags::REASON)),
        }
    }

    /// A quotation, `range` with its quotes and `inner` without.
    fn quotation(&self, range: Range<usize>, inner: Range<usize>) -> Part {
        let text = &self.text[inner];
        if text.is_empty() && range.end < self.text.len() || is_harmless(text) && !text.is_empty() {
            return Part::Kept(range.end);
        }
        let mut span = Span::new(range, tags::REASON);
        span.secret = Some(text.to_owned()).filter(|text| !text.is_empty());
        Part::Secret(span)
    }

    fn is_known(&self, name: &str) -> bool {
        name.len() <= NAME
            && !name.is_empty()
            && (HARMLESS.is_match(name)
                || FIELDS.contains(name)
                || Message::find_url(name).is_some()
                || (self.known)(name))
    }

    /// Where the quotation of a name that is known ends, if that is what `quote` begins.
    fn name(&self, quote: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let start = quote + 1;
        let length = bytes[start..]
            .iter()
            .take(NAME)
            .position(|byte| *byte == bytes[quote])?;
        let end = start + length;
        let goes_on = bytes
            .get(end + 1)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"'\"_".contains(byte));
        (!goes_on && self.is_known(&self.text[start..end])).then_some(end + 1)
    }

    fn double(&self, quote: usize) -> Part {
        let bytes = self.text.as_bytes();
        let start = quote - quotes::backslashes(bytes, 0, quote);
        match quotes::closing(bytes, quote) {
            Some(close) => {
                let slashes = bytes[close..]
                    .iter()
                    .take_while(|byte| **byte == b'\\')
                    .count();
                let end = close + slashes + 1;
                match self.is_known(&self.text[quote + 1..close]) {
                    true => Part::Kept(end),
                    false => self.quotation(start..end, quote + 1..close),
                }
            }
            None => self.quotation(start..bytes.len(), quote + 1..bytes.len()),
        }
    }

    fn single(&self, quote: usize, is_token: bool) -> Part {
        let text = self.text;
        let follows_letter = text[..quote].ends_with(|c: char| c.is_ascii_alphabetic());
        if follows_letter && CONTRACTION.is_match(&text[quote..]) {
            return Part::Kept(quote + 1);
        }
        if let Some(end) = self.name(quote) {
            return Part::Kept(end);
        }
        let close = if is_token {
            text[quote + 1..line_end(text, quote)]
                .rfind('\'')
                .map(|last| quote + 1 + last)
        } else {
            closing(text, quote)
        };
        // With both kinds of quotes in it nobody can tell its end: it may go on.
        let is_doubtful = |close: usize| {
            text[quote + 1..close].contains(['"', '{'])
                || text[close + 1..].starts_with(['"', '\''])
        };
        match close.filter(|close| is_token || !is_doubtful(*close)) {
            Some(close) => self.quotation(quote..close + 1, quote + 1..close),
            None => self.quotation(quote..text.len(), quote + 1..text.len()),
        }
    }

    /// The name of a script that begins at `quote`, and what is wrong with it: in words of Lua, or its own.
    fn script(&self, quote: usize) -> (Option<Span>, Part) {
        let text = self.text;
        let line = &text[quote..line_end(text, quote)];
        // As late as possible, as a script may look like its end.
        let Some(end) = SCRIPT_END.find_iter(line).last() else {
            return (None, self.plain(quote..text.len()));
        };
        let close = quote + end.start();
        let name = match self.quotation(quote..close + 1, quote + 1..close) {
            Part::Secret(span) => Some(span),
            Part::Kept(_) => None,
        };
        let message = quote + end.end();
        if LUA_ERROR.is_match(&text[close..]) || text[message..].trim().is_empty() {
            return (name, Part::Kept(message));
        }
        let start = message + usize::from(text[message..].starts_with(' '));
        (name, self.plain(start..text.trim_end().len().max(start)))
    }
}

/// Where the single quotation that `text[quote]` begins ends, if it does. Escaped quotes do not end it, nor do those
/// right after it or in a word.
fn closing(text: &str, quote: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = quote + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\'' if at > quote + 1 => {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                if !text[at + 1..].starts_with(is_word) {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn line_end(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |i| from + i)
}

#[test]
fn the_words_of_a_reason_stay_and_what_it_quotes_goes() {
    let cases = [
        (
            "script load error: [string \"function envoy_on_request(handle)...\"]:4: 'end' expected \
             (to close 'function' at line 1) near '<eof>'",
            "script load error: [string [redacted]]:4: 'end' expected (to close 'function' at line 1) near '<eof>'",
        ),
        (
            r#"script load error: [string "local t = x["k"]:1: "SECRET""]:1: '=' expected near 'SECRET'"#,
            "script load error: [string [redacted]]:1: '=' expected near [redacted]",
        ),
        (
            "goo.gle/debugstr   \npassword {\n  inline_string: \"SECRET\"\n}\n: Proto constraint validation failed \
             (RedisProxyValidationError.StatPrefix: value length must be at least 1 characters)",
            "[redacted]\n: Proto constraint validation failed \
             (RedisProxyValidationError.StatPrefix: value length must be at least 1 characters)",
        ),
        (
            "unfinished string near '' SECRET'': more\nl3: other",
            "unfinished string near [redacted]: more\nl3: other",
        ),
        (r#"[string "local SECRET"#, "[string [redacted]"),
        (
            "Duplicated credential key: 'a'b",
            "Duplicated credential key: [redacted]",
        ),
        (
            r#"Unable to parse JSON as proto (INVALID_ARGUMENT: invalid value "a\"b" near 1:2): {"users":"u:p"}"#,
            "Unable to parse JSON as proto (INVALID_ARGUMENT: invalid value [redacted] near 1:2): [redacted]",
        ),
        (
            "Proto constraint validation failed (Secret.Name: too short): goo.gle/debugproto   name: x",
            "Proto constraint validation failed (Secret.Name: too short): [redacted]",
        ),
        (
            "Proto constraint validation failed: name: \"it's\" private_key {\n inline_string: \"k\"\n}",
            "Proto constraint validation failed: name: [redacted] private_key [redacted]",
        ),
        (
            "key 'a b' can't be 'c\nd', it's 'x",
            "key [redacted] can't be [redacted], it's [redacted]",
        ),
        (
            "password 'it's' bad, '' too",
            "password [redacted] bad, [redacted]",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY----- is no key",
            "[redacted] is no key",
        ),
        ("missing ): a(b\nx: c", "missing ): [redacted]\nx: c"),
        (
            "Incorrect configuration: hunter2 %A. Couldn't find valid command at position 7",
            "Incorrect configuration: [redacted]. Couldn't find valid command at position 7",
        ),
        (
            "Proto constraint validation failed (A.B: too (short) | caused by C.D): name: hunter2",
            "Proto constraint validation failed (A.B: too (short) | caused by C.D): [redacted]",
        ),
        (
            "script load error: [string \"x\"]:7: my hunter2 is\nwrong\n",
            "script load error: [string [redacted]]:7: [redacted]\n",
        ),
        (
            r#"Unable to parse JSON (no such field: 'hunter2') near \"lb_policy\" and \"hunter2\" end"#,
            r#"Unable to parse JSON (no such field: [redacted]) near \"lb_policy\" and [redacted] end"#,
        ),
        (
            "wrong: 'hunter2', 'eyJhbGc.eyJz.c2ln'",
            "wrong: [redacted], [redacted]",
        ),
    ];
    for (details, expected) in cases {
        let (scrubbed, changed) = scrub_reason(details);
        assert_eq!(scrubbed, expected);
        assert!(changed);
        assert_eq!(scrub_reason(&scrubbed), (scrubbed, false));
    }
}

#[test]
fn a_reason_that_quotes_names_only_stays() {
    let reasons = [
        "",
        "bad repetition operator: **",
        "Only a single wildcard domain is permitted in route in",
        "Didn't find a registered implementation for 'istio.metadata_exchange' with type URL: \
         'envoy.tcp.metadataexchange.config.MetadataExchange'",
        "0.0.0.0_80: Didn't find a registered implementation for 'istio.metadata_exchange' with type URL: \
         'io.istio.http.peer_metadata.Config'\n",
        "Error adding/updating cluster(s) outbound|9080||ratings.default.svc.cluster.local: cluster manager: cluster \
         provided LB specified but cluster 'outbound|9080||ratings.default.svc.cluster.local' did not provide one.",
        "could not find @type 'type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig'",
        "it wasn't listeners that didn't fit",
    ];
    for reason in reasons {
        assert_eq!(scrub_reason(reason), (reason.to_owned(), false));
    }
}
