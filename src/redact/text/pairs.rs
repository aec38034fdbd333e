//! Values under names that tell: `password=…`, `token: …`, `--api-key …`, `"secret" => "…"`, YAML's blocks.

use std::{ops::Range, sync::LazyLock};

use regex::bytes::Regex;

use super::{quotes, scheme, shapes::Scan, span::token_at, tags};
use crate::redact::names::{self, Telling};

/// The most bytes of a name.
const NAME: usize = 200;
/// The most space around what separates a name from its value.
const SPACE: usize = 64;

/// How many bytes of a value are looked at that has to look random.
const HINTED: usize = 128;

/// Values that are none.
const EMPTY: &[&str] = &[
    "",
    "-",
    "~",
    "null",
    "nil",
    "none",
    "undefined",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
];

/// What separates a name from its value; the longer ones first.
const SEPARATORS: &[&str] = &[
    "===", "=>", ":=", "==", "!=", "~=", "?=", "=", ":", "%3D", "%3d", "%3A", "%3a",
];

/// A member that says which value is meant: `key: "authorization" value: "…"`.
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?i:key|name|header|header_?name)\\*["']?[ \t]*[:=]>?[ \t]*\\*["']?$"#)
});

/// The member with that value.
static LABELLED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"^\\*["']?[\s,;]*\\*["']?(?i:raw_?)?(?i:value)\\*["']?[ \t]*[:=]>?[ \t]*"#)
});

/// What a line begins with before a name that it is about.
static LINE_START: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?:^|\n|\r)[ \t]*(?:- +|[>+*] )*(?:export |set |declare -x )?["']?$"#)
});

/// A pair that begins after a value.
static NEXT_PAIR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^[ \t]*\\*["']?[A-Za-z_][A-Za-z0-9_.%-]{0,63}(?: [A-Z][A-Za-z]{0,20})?\\*["']?(?:=|:)"#,
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// A name in its place.
struct Name {
    range: Range<usize>,
    telling: Telling,
    /// Whether a quote is before it, and after it.
    is_quoted: bool,
    /// Whether its line begins with it.
    begins_line: bool,
    /// Whether it is a parameter in the query of a URL.
    is_parameter: bool,
}

/// Looks at the name that has `part` in it.
pub(super) fn at(scan: &mut Scan, part: Range<usize>) {
    if part.start < scan.name_end {
        return;
    }
    let range = name_around(scan, part);
    scan.name_end = range.end;
    if range.len() > NAME {
        return;
    }
    let text = scan.text[range.clone()].trim_end_matches('.');
    let range = range.start..range.start + text.len();
    let telling = telling(text);
    if telling == Telling::Nothing {
        return;
    }
    let bytes = scan.bytes();
    let before = &bytes[..range.start];
    let tail = &before[before.len().saturating_sub(SPACE)..];
    let name = Name {
        telling,
        is_quoted: is_quote(before.last())
            && bytes
                .get(range.end)
                .is_some_and(|b| is_quote(Some(b)) || *b == b'\\'),
        begins_line: LINE_START.is_match(tail) && (tail.len() < SPACE || tail.contains(&b'\n')),
        is_parameter: matches!(before.last(), Some(b'?' | b'&'))
            || before.len() > 2 && matches!(&before[before.len() - 3..], b"%3F" | b"%3f" | b"%26"),
        range,
    };
    let Some((value, separator)) = value_of(scan, &name, tail) else {
        return;
    };
    if let Some(found) = extent(scan, &name, value, separator) {
        scan.push(found, tags::NAMED);
    }
}

/// What the last part of a name tells: `jwt_authn.denied` is no secret, and Envoy's extensions are none.
fn telling(name: &str) -> Telling {
    let name = name.trim_start_matches('-');
    if name.starts_with("envoy.") || name.contains("//") {
        return Telling::Nothing;
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    match last.contains('%') {
        true => names::telling(
            &last
                .replace("%5F", "_")
                .replace("%5f", "_")
                .replace("%2D", "-")
                .replace("%2d", "-"),
        ),
        false => names::telling(last),
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Whether `code` is a letter of a name as URLs may spell it.
fn is_encoded_name(code: &[u8]) -> bool {
    matches!(code, b"%5F" | b"%5f" | b"%2D" | b"%2d")
}

fn name_around(scan: &Scan, part: Range<usize>) -> Range<usize> {
    let bytes = scan.bytes();
    let mut start = part.start;
    while start > scan.name_end {
        if start >= 3 && is_encoded_name(&bytes[start - 3..start]) {
            start -= 3;
        } else if is_name(bytes[start - 1]) {
            start -= 1;
        } else {
            break;
        }
    }
    // `%3F` is not a part of a name, but for the letters of its code.
    if start > 0 && bytes[start - 1] == b'%' && part.start >= start + 2 {
        start += 2;
    }
    // Nor is the letter of an escaped end of line.
    if start > 0
        && bytes[start - 1] == b'\\'
        && matches!(bytes[start], b'n' | b'r' | b't')
        && part.start > start
    {
        start += 1;
    }
    let mut end = part.end;
    while end < bytes.len() {
        if is_name(bytes[end]) {
            end += 1;
        } else if bytes.get(end..end + 3).is_some_and(is_encoded_name) {
            end += 3;
        } else {
            break;
        }
    }
    start..end
}

fn is_quote(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b'"' | b'\'' | b'`'))
}

/// Where the value of `name` begins, and what separates it.
fn value_of(scan: &Scan, name: &Name, before: &[u8]) -> Option<(usize, &'static str)> {
    let ahead = scan.ahead(name.range.end, 2 * SPACE);
    let slashes = count(ahead, |byte| byte == b'\\');
    let mut at = match is_quote(ahead.get(slashes)) {
        true => slashes + 1,
        false => 0,
    };
    if ahead.get(at) == Some(&b']') {
        at += 1;
    }
    let is_space =
        |byte: u8| matches!(byte, b' ' | b'\t') || name.is_quoted && matches!(byte, b'\n' | b'\r');
    let space = count(&ahead[at..], is_space);
    at += space;
    let rest = &ahead[at..];
    let found = SEPARATORS
        .iter()
        .find(|separator| rest.starts_with(separator.as_bytes()));
    if let Some(separator) = found {
        at += separator.len();
        // `secret://` is the scheme of a URL, `token::new` a path of Rust.
        if *separator == ":" && (ahead[at..].starts_with(b"//") || ahead.get(at) == Some(&b':')) {
            return None;
        }
        at += count(&ahead[at..], is_space);
        return Some((name.range.end + at, separator));
    }
    if name.telling != Telling::Secret {
        return None;
    }
    // As Envoy logs headers.
    if ahead.starts_with(b"', '") {
        return Some((name.range.end + 3, ","));
    }
    // An element of XML.
    if before.last() == Some(&b'<') && ahead.first() == Some(&b'>') {
        return Some((name.range.end + 1, ">"));
    }
    let is_option =
        name.range.start < scan.text.len() && scan.text[name.range.clone()].starts_with('-');
    if is_option && space > 0 && !rest.is_empty() && rest[0] != b'-' {
        return Some((name.range.end + at, " "));
    }
    // The text form of protobuf.
    if rest.first() == Some(&b'{') && !name.is_quoted {
        return Some((name.range.end + at, " "));
    }
    if LABEL.is_match(before) {
        let value = LABELLED.find(ahead)?;
        return Some((name.range.end + value.end(), ":"));
    }
    None
}

fn count(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| is(**byte)).count()
}

/// How far the value goes that begins at `start`, if it goes at all.
fn extent(scan: &Scan, name: &Name, start: usize, separator: &'static str) -> Option<Range<usize>> {
    let bytes = scan.bytes();
    let rest = &bytes[start..];
    if scheme::is_operator(&scan.text[start..]) || is_reference(rest) {
        return None;
    }
    let slashes = count(rest, |byte| byte == b'\\');
    if is_quote(rest.get(slashes)) {
        let open = start + slashes;
        let end = quotes::closing(bytes, open).unwrap_or(bytes.len());
        return secret(scan, name, open + 1..end);
    }
    // A literal with a letter before it: `b"…"`.
    if rest
        .first()
        .is_some_and(|byte| b"bBrRuUfFL@$".contains(byte))
        && is_quote(rest.get(1))
    {
        let end = quotes::closing(bytes, start + 1).unwrap_or(bytes.len());
        return secret(scan, name, start + 2..end);
    }
    let is_secret = name.telling == Telling::Secret;
    match rest.first() {
        None => None,
        Some(b'{' | b'[') if token_at(scan.text, start).is_none() => match is_secret {
            true => secret(scan, name, start + 1..container_end(bytes, start)),
            false => None,
        },
        Some(b'\n' | b'\r') => match is_secret && name.begins_line && separator == ":" {
            true => secret(scan, name, block(bytes, name.range.start, start, false)),
            false => None,
        },
        Some(b'|' | b'>') if is_secret && name.begins_line && is_block_mark(rest) => {
            secret(scan, name, block(bytes, name.range.start, start, true))
        }
        Some(_) => {
            if !is_secret {
                let end = unquoted_end(scan, name, start, separator, HINTED);
                secret(scan, name, start..end)?;
            }
            let end = unquoted_end(scan, name, start, separator, bytes.len());
            secret(scan, name, start..end)
        }
    }
}

/// `range` without what tells nothing: its scheme and the space around it; `None` if nothing is left that goes.
fn secret(scan: &Scan, name: &Name, range: Range<usize>) -> Option<Range<usize>> {
    let written = &scan.text[range.clone()];
    let start = range.start + (written.len() - written.trim_start().len());
    let end = start + written.trim().len();
    let (skipped, _) = scheme::skip(&scan.bytes()[start..end]);
    let start = start + skipped;
    let value = &scan.text[start..end];
    let is_empty = || {
        value.len() < 10 && EMPTY.contains(&value.to_ascii_lowercase().as_str())
            || value.bytes().all(|byte| byte == b'*')
    };
    let goes = match name.telling {
        Telling::Secret => true,
        Telling::Hint => names::is_random(value) || name.is_parameter && is_mixed(value),
        Telling::Nothing => false,
    };
    if !goes || is_empty() || scheme::is_operator(value) || is_reference(value.as_bytes()) {
        return None;
    }
    (token_at(scan.text, start) != Some(end)).then_some(start..end)
}

/// Whether a parameter of a URL has letters and digits, enough of them for a secret.
fn is_mixed(value: &str) -> bool {
    let has = |is: fn(&u8) -> bool| value.bytes().take(NAME).any(|byte| is(&byte));
    value.len() >= 8 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// Whether `value` begins with the name of a variable: `${NAME}`, `$(NAME)`, `{{ name }}`.
fn is_reference(value: &[u8]) -> bool {
    let is_variable = |close: u8| {
        let length = count(&value[2..], |byte| is_name(byte) || byte == b' ');
        length > 0 && value.get(length + 2) == Some(&close)
    };
    match value {
        [b'$', b'{', ..] => is_variable(b'}'),
        [b'$', b'(', ..] => is_variable(b')'),
        [b'{', b'{', ..] => is_variable(b'}'),
        _ => false,
    }
}

/// Where the list or object ends that begins at `start`: before its bracket, or with the text.
fn container_end(bytes: &[u8], start: usize) -> usize {
    let mut open = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => open += 1,
            b'}' | b']' => {
                open -= 1;
                if open == 0 {
                    return at;
                }
            }
            b'"' => match quotes::closing(bytes, at) {
                Some(end) => at = end + count(&bytes[end..], |byte| byte == b'\\'),
                None => return bytes.len(),
            },
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Whether a line ends after the mark of a block: `|`, `>-`, `|2`.
fn is_block_mark(rest: &[u8]) -> bool {
    let mark = 1 + count(&rest[1..rest.len().min(4)], |byte| {
        b"+-123456789".contains(&byte)
    });
    let space = count(&rest[mark..rest.len().min(SPACE)], |byte| {
        matches!(byte, b' ' | b'\t')
    });
    matches!(rest.get(mark + space), None | Some(b'\n' | b'\r' | b'#'))
}

/// The lines after that of `at` that are indented deeper than the line of `name`; items of a list as deep as it
/// belong to it, too, unless it `is_scalar`.
fn block(bytes: &[u8], name: usize, at: usize, is_scalar: bool) -> Range<usize> {
    let line = bytes[..name]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let indent = count(&bytes[line..name], |byte| matches!(byte, b' ' | b'\t'));
    let next_line = |at: usize| memchr::memchr(b'\n', &bytes[at..]).map(|end| at + end + 1);
    let Some(start) = next_line(at) else {
        return bytes.len()..bytes.len();
    };
    let mut end = start;
    let mut next = Some(start);
    while let Some(line) = next.filter(|line| *line < bytes.len()) {
        let depth = count(&bytes[line..], |byte| matches!(byte, b' ' | b'\t'));
        let first = bytes.get(line + depth);
        let is_item = !is_scalar && depth == indent && bytes[line + depth..].starts_with(b"- ");
        let is_blank = matches!(first, None | Some(b'\n' | b'\r'));
        if !is_blank && depth <= indent && !is_item {
            break;
        }
        next = next_line(line);
        if !is_blank {
            end = next.unwrap_or(bytes.len());
        }
    }
    start..end
}

/// Where a value without quotes ends, or its first `most` bytes.
fn unquoted_end(scan: &Scan, name: &Name, start: usize, separator: &str, most: usize) -> usize {
    let most = start.saturating_add(most);
    let bytes = scan.bytes();
    let is_encoded = separator.starts_with('%');
    let is_line = name.begins_line && !name.is_quoted && !is_encoded && separator != " ";
    let is_cookie = separator == ":" && {
        let name = scan.text[name.range.clone()].to_ascii_lowercase();
        name.ends_with("cookie")
    };
    let (skipped, is_list) = match name.telling {
        Telling::Secret => scheme::skip(&bytes[start..bytes.len().min(start + SPACE)]),
        _ => (0, false),
    };
    let is_element = separator == ">";
    let takes_spaces = is_line || is_list || is_element;
    let begins_pair = |at: usize| NEXT_PAIR.is_match(scan.ahead(at, 2 * SPACE));
    let mut at = match token_at(scan.text, start + skipped) {
        Some(end) => end,
        None => start + skipped,
    };
    while let Some(byte) = bytes
        .get(at)
        .filter(|_| at < most || !scan.text.is_char_boundary(at))
    {
        let next = bytes.get(at + 1);
        let ends_here =
            || next.is_none_or(|byte| byte.is_ascii_whitespace() || is_quote(Some(byte)));
        let ends = match byte {
            b'<' if is_element => true,
            b'\n' | b'\r' => true,
            b' ' | b'\t' if is_cookie && bytes[at - 1] == b';' => false,
            b' ' | b'\t' => !takes_spaces || separator == "=" && begins_pair(at + 1),
            b'"' | b'\'' | b'`' => !is_line,
            b'\\' => {
                let slashes = count(&bytes[at..bytes.len().min(at + 16)], |byte| byte == b'\\');
                is_quote(bytes.get(at + slashes))
                    || matches!(next, Some(b'n' | b'r' | b't'))
                        && (at + 2 == bytes.len() || begins_pair(at + 2))
            }
            b'&' | b'#' if name.is_parameter || is_encoded => true,
            b'%' if is_encoded || name.is_parameter => bytes[at..].starts_with(b"%26"),
            b'&' => begins_pair(at + 1),
            b';' if is_cookie => false,
            b',' | b';' if takes_spaces => separator == "=" && begins_pair(at + 1),
            b',' | b';' => ends_here() || name.is_quoted || begins_pair(at + 1),
            b')' | b']' | b'}' | b'>' => {
                name.is_quoted
                    || !is_line
                        && (ends_here() || next.is_some_and(|next| b",;.:)]}".contains(next)))
            }
            _ => false,
        };
        if ends {
            break;
        }
        at += 1;
    }
    at
}

#[test]
fn values_go_after_every_separator() {
    use super::{Language, apply, find};
    use crate::redact::cut::Hider;
    for separator in "=== => := == != ~= ?= = : %3D %3d %3A %3a".split(' ') {
        let text = format!("password{separator}hunter2");
        let left = apply(&text, &find(&text, Language::Plain, &Hider::default()));
        assert_eq!(left, format!("password{separator}[redacted]"));
    }
}
