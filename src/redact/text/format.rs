//! Formats of access logs: operators stay, and what is between them is any text.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{scheme::is_operator, shapes, span::Span, tags};
use crate::redact::names;

/// A literal in the arguments of an operator.
static LITERAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"'([^']+)'|"([^"]+)""#).expect("a valid pattern"));

/// What goes of a format.
pub(super) fn find(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let last_end = ends(bytes).next_back();
    let mut spans = Vec::new();
    let mut literal = 0;
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'%', &bytes[at..]) {
        let start = at + next;
        let Some(operator) = operator(text, start, last_end) else {
            // Two of them are one that is meant.
            at = start + 1 + usize::from(bytes.get(start + 1) == Some(&b'%'));
            continue;
        };
        add(&mut spans, text, literal..start);
        add_arguments(&mut spans, text, operator.clone());
        literal = operator.end;
        at = operator.end;
    }
    add(&mut spans, text, literal..text.len());
    spans
}

/// Where the arguments of operators may end: at `)%` and `):7%`.
fn ends(bytes: &[u8]) -> impl DoubleEndedIterator<Item = usize> {
    memchr::memchr_iter(b')', bytes).filter(|at| operator_end(&bytes[at + 1..]).is_some())
}

/// How long the end of an operator is that `rest` begins with: `%`, `:7%`.
fn operator_end(rest: &[u8]) -> Option<usize> {
    let length = match rest {
        [b':', digits @ ..] => {
            1 + digits
                .iter()
                .take(10)
                .take_while(|b| b.is_ascii_digit())
                .count()
        }
        _ => 0,
    };
    (rest.get(length) == Some(&b'%')).then_some(length + 1)
}

/// The operator that begins at `start`. `last_end` is where the last arguments of all may end.
fn operator(text: &str, start: usize, last_end: Option<usize>) -> Option<Range<usize>> {
    if !is_operator(&text[start..]) {
        return None;
    }
    let bytes = text.as_bytes();
    let is_name = |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b'_';
    let name = bytes[start + 1..].iter().take_while(is_name).count();
    let mut end = start + 1 + name;
    if bytes.get(end) == Some(&b'(') {
        if last_end.is_none_or(|last| last < end) {
            return None;
        }
        end += ends(&bytes[end..]).next()? + 1;
    }
    Some(start..end + operator_end(&bytes[end..])?)
}

fn add(spans: &mut Vec<Span>, text: &str, range: Range<usize>) {
    let found = shapes::find(&text[range.clone()]).into_iter();
    spans.extend(found.map(|span| span.shifted(range.start)));
}

/// Literals within an operator go if they look like a secret; the names of headers and of metadata stay.
fn add_arguments(spans: &mut Vec<Span>, text: &str, range: Range<usize>) {
    let operator = &text[range.clone()];
    let Some(arguments) = operator.find('(').map(|open| range.start + open + 1) else {
        return;
    };
    let text = &text[arguments..range.end];
    for found in shapes::find(text) {
        // The end of the operator is none of a secret's.
        let end = text
            .rfind(')')
            .map_or(text.len(), |close| found.range.end.min(close));
        if found.range.start < end {
            spans.push(Span::new(found.range.start..end, found.rule).shifted(arguments));
        }
    }
    for literal in LITERAL.captures_iter(text) {
        let inner = literal.get(1).or(literal.get(2));
        if let Some(inner) = inner.filter(|inner| names::is_random(inner.as_str())) {
            spans.push(Span::new(inner.range(), tags::TOKEN).shifted(arguments));
        }
    }
}

#[test]
fn operators_stay_and_secrets_between_them_go() {
    let istio = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% \
        \"%REQ(AUTHORIZATION)%\" token=%REQ(X-TOKEN):7% 100%% \"%REQ(X-REQUEST-ID)%\" %DYNAMIC_METADATA(a:b)% %CEL(f(x))%\n";
    let cases = [
        (istio, istio),
        (
            "token=%REQ(X)% token=hunter2 %PROTOCOL%",
            "token=%REQ(X)% token=[redacted] %PROTOCOL%",
        ),
        (
            "api_key: \"hunter2\"%REQ(X)%",
            "api_key: \"[redacted]\"%REQ(X)%",
        ),
        (
            "%CEL(request.headers['authorization'] == 'Bearer hunter2' ? 'a' : '8f14e45fceea167a5a36dedd4bea2543')%",
            "%CEL(request.headers['authorization'] == 'Bearer [redacted]' ? 'a' : '[redacted]')%",
        ),
        (
            "%REQ(X)% ghp_0123456789012345678901234567890123456789 %REQ(",
            "%REQ(X)% [redacted] %REQ(",
        ),
    ];
    for (format, expected) in cases {
        let hider = crate::redact::cut::Hider::default();
        let cuts = super::find(format, super::Language::Format, &hider);
        assert_eq!(crate::redact::cut::apply(format, &cuts), expected);
    }
}
