//! Who may use a URL: `scheme://user:password@host`. The host stays.

use std::ops::Range;

use super::{shapes::Scan, tags};
use crate::redact::names;

/// The most bytes of such a part.
const MOST: usize = 4096;

/// Looks at what follows a `://`.
pub(super) fn at(scan: &mut Scan, found: Range<usize>) {
    if !follows_scheme(scan, found.start) {
        return;
    }
    let start = found.end;
    let rest = scan.ahead(start, MOST);
    let end = position(rest, |byte| is_outside(byte) || b"/?#\\".contains(&byte));
    let user = match rest[..end].iter().rposition(|byte| *byte == b'@') {
        Some(at) => at,
        // A password may have a slash in it; a port has not.
        None => {
            let Some(colon) = rest[..end].iter().position(|byte| *byte == b':') else {
                return;
            };
            let is_port = rest[colon + 1..end].iter().all(u8::is_ascii_digit);
            if is_port || rest.first() == Some(&b'[') || start < scan.hosts_end {
                return;
            }
            let last = position(rest, is_outside);
            match rest[..last].iter().rposition(|byte| *byte == b'@') {
                Some(at) => at,
                // What stands before an `@` that was cut off.
                None if start + last == scan.bytes().len() && !rest[..end].contains(&b'[') => end,
                None => {
                    scan.hosts_end = start + last;
                    return;
                }
            }
        }
    };
    hide(scan, start..start + user, b":");
}

/// The same for a URL in a parameter of another one.
pub(super) fn encoded_at(scan: &mut Scan, found: Range<usize>) {
    if !follows_scheme(scan, found.start) {
        return;
    }
    let start = found.end;
    let rest = scan.ahead(start, MOST);
    let ends = |index: &usize| {
        let rest = &rest[*index..];
        is_outside(rest[0])
            || b"/?#\\&".contains(&rest[0])
            || rest.len() > 2 && rest[..3].eq_ignore_ascii_case(b"%2f")
    };
    let end = (0..rest.len()).find(ends).unwrap_or(rest.len());
    let authority = &rest[..end];
    let at = authority.windows(3).rposition(|code| code == b"%40");
    let at = at.or_else(|| authority.iter().rposition(|byte| *byte == b'@'));
    if let Some(at) = at {
        hide(scan, start..start + at, b"%3a");
    }
}

/// A name without a password stays, unless it is a token.
fn hide(scan: &mut Scan, user: Range<usize>, colon: &[u8]) {
    let text = &scan.bytes()[user.clone()];
    let has_password = text
        .windows(colon.len())
        .any(|part| part.eq_ignore_ascii_case(colon))
        || text.contains(&b':');
    // A cut may begin or end within a letter only where none does.
    let Some(text) = scan.text.get(user.clone()) else {
        return;
    };
    if has_password || names::is_random(text) {
        scan.push(user, tags::URL);
    }
}

fn follows_scheme(scan: &Scan, at: usize) -> bool {
    scan.bytes()[..at]
        .last()
        .is_some_and(u8::is_ascii_alphanumeric)
}

fn position(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .position(|byte| is(*byte))
        .unwrap_or(bytes.len())
}

/// Whether a URL ends before `byte`.
fn is_outside(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'<>`|".contains(&byte)
}
