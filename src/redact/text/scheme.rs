//! Credentials after the scheme of HTTP's authentication: `Basic dXNlcjpwYXNz`, `Bearer abc`. The scheme stays.

use std::ops::Range;

use super::{shapes::Scan, span::token_at, tags};
use crate::redact::base64_of;

/// The schemes with the space after them, as texts, URLs and forms write it.
pub(super) const LITERALS: &[&str] = &[
    "basic ",
    "basic%20",
    "basic+",
    "bearer ",
    "bearer%20",
    "bearer+",
];

/// Words that follow `Bearer` in prose, and parameters of its challenge.
const PROSE: &[&str] = &[
    "and",
    "are",
    "auth",
    "authentication",
    "authorization",
    "credential",
    "credentials",
    "error",
    "error_description",
    "error_uri",
    "format",
    "from",
    "has",
    "header",
    "headers",
    "in",
    "is",
    "jwt",
    "not",
    "of",
    "or",
    "prefix",
    "realm",
    "required",
    "scheme",
    "scope",
    "token",
    "tokens",
    "type",
    "was",
    "with",
];

/// Schemes whose credentials are one word.
const ONE_WORD: &[&str] = &[
    "basic",
    "bearer",
    "dpop",
    "negotiate",
    "ntlm",
    "token",
    "apikey",
    "api-key",
    "key",
    "sso-key",
    "hoba",
    "vapid",
];
/// Schemes whose credentials are a list.
const LISTS: &[&str] = &[
    "digest",
    "aws4-hmac-sha256",
    "hmac-sha256",
    "signature",
    "oauth",
    "mutual",
    "hawk",
];

/// Looks at what follows a scheme.
pub(super) fn at(scan: &mut Scan, found: Range<usize>) {
    if found.start < scan.scheme_end || !scan.begins(found.start) {
        return;
    }
    let is_basic = scan.bytes()[found.start].eq_ignore_ascii_case(&b'b')
        && scan.bytes()[found.start + 1].eq_ignore_ascii_case(&b'a');
    let start = found.end + spaces(scan.ahead(found.end, 8));
    if token_at(scan.text, start).is_some() {
        return;
    }
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~+/=-%".contains(byte);
    let rest = &scan.bytes()[start..];
    let length = rest.iter().take_while(|byte| is_letter(byte)).count();
    scan.scheme_end = start + length;
    let value = &scan.text[start..start + length];
    if is_operator(&scan.text[start..]) || !is_credential(value, is_basic) {
        return;
    }
    scan.push(start..start + length, tags::TOKEN);
}

fn is_credential(value: &str, is_basic: bool) -> bool {
    if is_basic {
        let value = value.replace("%3D", "=").replace("%3d", "=");
        return base64_of(&value).is_some_and(|bytes| bytes.len() > 1 && bytes.contains(&b':'));
    }
    let word = value.trim_end_matches(['.', '=', ',', ':']);
    !word.is_empty() && !PROSE.contains(&word.to_ascii_lowercase().as_str())
}

/// Whether `text` begins with an operator of an access log, `%REQ(X)%`.
pub(super) fn is_operator(text: &str) -> bool {
    let mut bytes = text.bytes();
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    bytes.next() == Some(b'%')
        && bytes.next().is_some_and(|byte| byte.is_ascii_uppercase())
        && bytes
            .find(|byte| !is_name(*byte))
            .is_some_and(|byte| matches!(byte, b'(' | b'%' | b':'))
}

/// Where the credentials begin in `value`, that of a header such as `authorization`, and whether they go on to its
/// end: after its scheme, if it has one.
pub(super) fn skip(value: &[u8]) -> (usize, bool) {
    let word = value
        .iter()
        .take(20)
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
    let length = word.count();
    let space = match &value[length..] {
        [b' ', ..] | [b'+', ..] => 1,
        [b'%', b'2', b'0', ..] => 3,
        _ => return (0, false),
    };
    let scheme = String::from_utf8_lossy(&value[..length]).to_ascii_lowercase();
    let start = length + space + spaces(&value[length + space..]);
    if ONE_WORD.contains(&scheme.as_str()) {
        (start, false)
    } else if LISTS.contains(&scheme.as_str()) {
        (start, true)
    } else {
        (0, false)
    }
}

fn spaces(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take(8)
        .take_while(|byte| **byte == b' ')
        .count()
}

#[test]
fn credentials_go_after_every_spelling_of_a_scheme() {
    use super::{Language, find};
    use crate::redact::cut::{Hider, apply};
    for (schemes, credential) in [
        (["basic ", "Basic%20", "BASIC+"], "dXNlcjpodW50ZXIy"),
        (["bearer ", "Bearer%20", "BEARER+"], "abcdefghij0123456789"),
    ] {
        for scheme in schemes {
            let text = format!("x {scheme}{credential}");
            let left = apply(&text, &find(&text, Language::Plain, &Hider::default()));
            assert_eq!(left, format!("x {scheme}[redacted]"));
        }
    }
}
