//! The reason of a rejected update, without the configuration that it quotes.
//!
//! Envoy's errors have no grammar. What a message quotes or dumps is configuration, secrets included; its own words
//! tell the reason. So everything quoted goes but for what cannot be a secret, and what follows a dump goes with it.

use std::sync::LazyLock;

use regex::Regex;

use super::pem;
use crate::redact::cut::{Cut, Hider, apply};

/// The rule that these parts go by.
const RULE: &str = "error-details";

/// Where to look closer: the first alternative that matches counts.
///
/// - Dumps: the marker of protobuf's text form, and a brace, with which JSON and every nested text form begins.
/// - `[string "…"]`: the first line of a Lua script, with its quotes as they are.
/// - Lua's `near '…'`: a token as it is, at the end of a message.
/// - A key that is quoted without escapes.
/// - Quotes.
static SPOTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?<dump>goo\.gle/debug|\{)|\[string (?<script>")|near (?<token>')|Duplicated credential key: (?<key>)|(?<double>")|(?<single>')"#,
    )
});

/// Where the name of a Lua script ends.
static SCRIPT_END: LazyLock<Regex> = LazyLock::new(|| pattern(r#""\]:\d+:"#));

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
    let fixed = "BlackHoleCluster|InboundPassthroughCluster|PassthroughCluster|virtualInbound|virtualOutbound";
    pattern(&format!(
        "^'(?:{lua}|{name}|{cluster}|{fixed})'(?:[^0-9A-Za-z'\"_]|$)"
    ))
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// The reason of a rejected update without the configuration that it quotes, and whether that changed it.
///
/// `details` is what Envoy says in `error_state.details` of a config dump and istiod repeats as `lastError` in
/// `/debug/syncz`. What is taken out reads `[redacted]`, whatever it was.
pub fn scrub_reason(details: &str) -> (String, bool) {
    let cuts = find(details, &Hider::default());
    (apply(details, &cuts), !cuts.is_empty())
}

/// What goes of a reason.
pub(super) fn find(text: &str, hider: &Hider) -> Vec<Cut> {
    let mut cuts = pem::find(text, hider);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(spot) = SPOTS.captures_at(text, at) {
        let start = |name| spot.name(name).map(|group| group.start());
        let (from, to) = if let Some(quote) = start("single").or(start("token")) {
            match read_single_quote(text, quote, start("token").is_some()) {
                Quoted::Kept(end) => {
                    at = end;
                    continue;
                }
                Quoted::Secret(end) => (quote, end),
            }
        } else if let Some(quote) = start("double") {
            (quote, closing(text, quote, |_| true))
        } else if let Some(quote) = start("script") {
            (quote, script_end(text, quote))
        } else {
            (start("dump").or(start("key")).unwrap_or(0), text.len())
        };
        found.extend(hider.cut(text, from..to, RULE));
        at = to;
        if to == text.len() {
            break;
        }
    }
    // A key may stand in a quotation, or a quotation in a key.
    found.retain(|cut| !cuts.iter().any(|key| key.range.contains(&cut.range.start)));
    cuts.retain(|key| !found.iter().any(|cut| cut.range.contains(&key.range.start)));
    cuts.extend(found);
    cuts.sort_by_key(|cut| cut.range.start);
    cuts
}

/// What a single quote begins.
enum Quoted {
    /// Nothing, or something harmless, up to here.
    Kept(usize),
    /// A quotation that ends here.
    Secret(usize),
}

fn read_single_quote(text: &str, quote: usize, is_token: bool) -> Quoted {
    let follows_letter = text[..quote].ends_with(|c: char| c.is_ascii_alphabetic());
    if follows_letter && CONTRACTION.is_match(&text[quote..]) {
        return Quoted::Kept(quote + 1);
    }
    if HARMLESS.is_match(&text[quote..]) {
        let end = text[quote + 1..]
            .find('\'')
            .map_or(quote, |i| quote + 1 + i);
        return Quoted::Kept(end + 1);
    }
    if is_token {
        let end = line_end(text, quote);
        return Quoted::Secret(match text[quote + 1..end].rfind('\'') {
            Some(last) => quote + 1 + last + 1,
            None => text.len(),
        });
    }
    Quoted::Secret(closing(text, quote, |end| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        end > quote + 1 && !text[end + 1..].starts_with(is_word)
    }))
}

/// Where the quotation that `text[quote]` begins ends, or the end of the text. Escaped quotes do not end it, nor do
/// those that `ends` refuses.
fn closing(text: &str, quote: usize, ends: impl Fn(usize) -> bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = quote + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            byte if byte == bytes[quote] && ends(at) => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Where the name of the script that begins at `quote` ends: as late as possible, as it may look like an end.
fn script_end(text: &str, quote: usize) -> usize {
    let line = &text[quote..line_end(text, quote)];
    match SCRIPT_END.find_iter(line).last() {
        Some(end) => quote + end.start() + 1,
        None => text.len(),
    }
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
        "missing ): a(b",
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
