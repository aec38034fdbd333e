//! Private keys in PEM form that are wrapped in base64.

use std::ops::Range;

use super::{pem, shapes::Scan, tags};

/// What `-----BEGIN` and `PRIVATE KEY` are in base64, by how many bytes are before them: none, one, two, or three more
/// of them. They are next to each other, so one of them is whole wherever lines end.
pub(super) static MARKS: [(&str, Mark); 6] = [
    ("LS0tLS1CRUdJT", Mark::Begin { letter: 0 }),
    ("0tLS0tQkVHSU", Mark::Begin { letter: 2 }),
    ("tLS0tLUJFR0lO", Mark::Begin { letter: 3 }),
    ("UFJJVkFURSBLRV", Mark::PrivateKey),
    ("BSSVZBVEUgS0VZ", Mark::PrivateKey),
    ("QUklWQVRFIEtFW", Mark::PrivateKey),
];

/// What a literal of base64 says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// `-----BEGIN`; the first of its letters is this one of the four that three bytes have.
    Begin { letter: usize },
    /// `PRIVATE KEY`.
    PrivateKey,
}

/// The fewest letters of a line that goes on in the next one.
const LINE: usize = 16;

/// Takes all of the base64 around `found`, over ends of lines and over `\n`, if a private key is in it.
pub(super) fn at(scan: &mut Scan, found: Range<usize>, mark: Mark) {
    if found.start < scan.encoded_end {
        return;
    }
    let bytes = scan.bytes();
    let mut start = line_start(bytes, found.start);
    let mut end = line_end(bytes, found.end);
    let mut line = end - start;
    while line >= LINE {
        let Some(next) = break_after(&bytes[end..]).map(|width| end + width) else {
            break;
        };
        let next = next + spaces(bytes[next..].iter());
        let next_end = line_end(bytes, next);
        line = next_end - next;
        let is_other = |byte: &u8| matches!(byte, b' ' | b'\t' | b':' | b'.' | b'(' | b'[');
        if line == 0 || bytes.get(next_end).is_some_and(is_other) {
            break;
        }
        end = next_end;
    }
    loop {
        let indent = start - spaces(bytes[..start].iter().rev());
        let Some(before) = break_before(&bytes[..indent]).map(|width| indent - width) else {
            break;
        };
        let line = line_start(bytes, before);
        if before - line < LINE {
            break;
        }
        start = line;
    }
    let is_key = match mark {
        Mark::PrivateKey => true,
        Mark::Begin { letter } => {
            // The other mark is looked for in what is left of the run.
            scan.encoded_end = end;
            has_private_key(&scan.bytes()[found.start..end], letter)
        }
    };
    if is_key {
        scan.push(start..end, tags::PEM);
    }
}

/// Whether `base64`, lines of it, says `PRIVATE KEY`; its first letter is this one of four.
fn has_private_key(base64: &[u8], letter: usize) -> bool {
    let mut said = Vec::with_capacity(base64.len() / 4 * 3 + 3);
    let mut bits = 0_u32;
    let mut count = 0;
    let mut at = 0;
    let mut skipped = (4 - letter) % 4;
    while let Some(byte) = base64.get(at) {
        if let Some(width) = break_after(&base64[at..]) {
            at += width;
            continue;
        }
        at += 1;
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        if skipped > 0 {
            skipped -= 1;
            continue;
        }
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            said.push((bits >> count) as u8);
        }
    }
    memchr::memmem::find(&said, pem::PRIVATE_KEY.as_bytes()).is_some()
}

fn line_start(bytes: &[u8], at: usize) -> usize {
    let letters = bytes[..at].iter().rev().take_while(|b| is_letter(**b));
    let mut start = at - letters.count();
    // The letter of an escaped end of line is none of the text.
    if start > 0 && start < at && bytes[start - 1] == b'\\' && matches!(bytes[start], b'n' | b'r') {
        start += 1;
    }
    start
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|b| is_letter(**b)).count()
}

fn spaces<'a>(bytes: impl Iterator<Item = &'a u8>) -> usize {
    bytes.take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// How long the end of line is that `bytes` begin with.
fn break_after(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\\', b'r', b'\\', b'n', ..] => Some(4),
        [b'\r', b'\n', ..] | [b'\\', b'n', ..] => Some(2),
        [b'\n', ..] => Some(1),
        _ => None,
    }
}

/// The same for what they end with.
fn break_before(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [.., b'\\', b'r', b'\\', b'n'] => Some(4),
        [.., b'\r', b'\n'] | [.., b'\\', b'n'] => Some(2),
        [.., b'\n'] => Some(1),
        _ => None,
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

#[cfg(test)]
use crate::redact::{cut::Hider, text};

#[test]
fn keys_are_found_in_base64_of_any_alignment_and_with_any_line_ends() {
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    let key = format!(
        "-----BEGIN EC PRIVATE KEY-----\n{}-----END EC PRIVATE KEY-----\n",
        "MHcCAQEE~~??\n".repeat(9)
    );
    for before in ["", "a", "bc", "def\n", "-----BEGIN CERTIFICATE-----"] {
        for encoded in [
            STANDARD.encode(before.to_owned() + &key),
            URL_SAFE_NO_PAD.encode(before.to_owned() + &key),
        ] {
            for width in [61, 64, 76, 4096] {
                for end in ["\n", "\r\n", "\\n", "\n    "] {
                    let lines: Vec<_> = encoded
                        .as_bytes()
                        .chunks(width)
                        .map(|line| std::str::from_utf8(line).unwrap())
                        .collect();
                    let text = format!("a: b\n  tls: {}\nname: x", lines.join(end));
                    let cuts = text::find(&text, text::Language::Plain, &Hider::default());
                    let scrubbed = crate::redact::cut::apply(&text, &cuts);
                    assert_eq!(scrubbed, "a: b\n  tls: [redacted]\nname: x", "{text}");
                }
            }
        }
    }
}
