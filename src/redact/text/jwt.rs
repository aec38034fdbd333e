//! JSON web tokens and the secret members of JSON web keys.

use std::sync::LazyLock;

use regex::Regex;

use super::{shapes::Scan, span::Span, tags};

/// How the base64 of every header begins: `{"`.
pub(super) const BEGIN: &str = "eyJ";
/// What every key has.
pub(super) const KEY_TYPE: &str = "kty";

/// The fewest letters of a header.
const LEAST: usize = 8;

/// The members of RFC 7518 that are secret: of private keys, and of symmetric ones.
static SECRET_MEMBERS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern =
        r#"(?:"|\\"|')(?:d|p|q|dp|dq|qi|k|r|t)(?:"|\\"|')\s*:\s*(?:"|\\"|')([A-Za-z0-9_+/=-]+)"#;
    Regex::new(pattern).expect("a valid pattern")
});

/// Looks at what begins at `start` like the header of a token: of three parts (RFC 7515), of which the last may be
/// empty, or of five (RFC 7516), of which the second may be. Of a token that is cut off, a second part that is JSON
/// tells.
pub(super) fn at(scan: &mut Scan, start: usize) {
    if start < scan.jwt_end || !scan.begins(start) {
        return;
    }
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let length = scan.bytes()[start..]
        .iter()
        .take_while(|b| is_letter(b))
        .count();
    scan.jwt_end = start + length;
    let mut parts = scan.text[start..start + length].split('.');
    let header = parts.next().unwrap_or_default();
    let second = parts.next();
    let is_token = match (second, parts.next()) {
        (Some(second), Some(_)) => !second.is_empty() || parts.next().is_some(),
        (Some(second), None) => second.starts_with(BEGIN),
        _ => false,
    };
    if is_token && header.len() >= LEAST {
        scan.push(start..start + length, tags::TOKEN);
    }
}

/// The secret members of the keys in `text`.
pub(super) fn keys(text: &str) -> Vec<Span> {
    let members = SECRET_MEMBERS.captures_iter(text);
    members
        .filter_map(|member| Some(Span::new(member.get(1)?.range(), tags::TOKEN)))
        .collect()
}
