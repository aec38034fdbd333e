//! What goes of any text: secrets that tell by their shape or by the name before them.
//!
//! One pass looks for short literals that every secret has in it or before it, and what such a literal announces is
//! looked at where it stands. Nothing is looked at twice, but for a bounded stretch.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{
    encoded, jwt, pairs, pem, scheme,
    span::Span,
    tags, url,
    vendors::{self, VENDORS},
};
use crate::redact::names;

/// What a literal announces.
#[derive(Clone, Copy, Debug)]
enum Trigger {
    /// A name that may tell.
    Name,
    /// A token of a vendor, by its place in the table.
    Vendor(usize),
    /// A JSON web token.
    Jwt,
    /// A private key in PEM form.
    Pem,
    /// A private key in PEM form, in base64.
    EncodedPem(encoded::Mark),
    /// A JSON web key.
    Jwk,
    /// Who may use a URL; whether its punctuation is written in `%` and digits.
    Authority { is_encoded: bool },
    /// A scheme of HTTP's authentication.
    Scheme,
}

static TRIGGERS: LazyLock<Vec<(&str, Trigger)>> = LazyLock::new(|| {
    let names = names::PARTS.iter().map(|part| (*part, Trigger::Name));
    let vendors = VENDORS.iter().enumerate();
    let vendors = vendors.map(|(index, vendor)| (vendor.prefix, Trigger::Vendor(index)));
    let encoded = encoded::MARKS.iter();
    let encoded = encoded.map(|(literal, mark)| (*literal, Trigger::EncodedPem(*mark)));
    let schemes = scheme::LITERALS.iter().map(|part| (*part, Trigger::Scheme));
    names
        .chain(vendors)
        .chain(encoded)
        .chain(schemes)
        .chain([
            (jwt::BEGIN, Trigger::Jwt),
            (pem::PRIVATE_KEY, Trigger::Pem),
            (jwt::KEY_TYPE, Trigger::Jwk),
            ("://", Trigger::Authority { is_encoded: false }),
            ("%3a%2f%2f", Trigger::Authority { is_encoded: true }),
        ])
        .collect()
});

static LITERALS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(TRIGGERS.iter().map(|(literal, _)| literal))
        .expect("a few short literals")
});

/// What was found so far.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) text: &'a str,
    pub(super) spans: Vec<Span>,
    /// Where the last of the spans ends.
    covered: usize,
    /// Where the last name that was looked at ends.
    pub(super) name_end: usize,
    /// Where the last run of letters that may be of a JSON web token ends.
    pub(super) jwt_end: usize,
    /// Where the last base64 that was read for private keys ends.
    pub(super) encoded_end: usize,
    /// Where what followed the last scheme ends.
    pub(super) scheme_end: usize,
}

impl Scan<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The bytes from `from` on, `most` of them at most.
    pub(super) fn ahead(&self, from: usize, most: usize) -> &[u8] {
        let bytes = self.bytes();
        let from = from.min(bytes.len());
        &bytes[from..bytes.len().min(from + most)]
    }

    pub(super) fn push(&mut self, range: std::ops::Range<usize>, rule: &'static str) {
        if range.is_empty() {
            return;
        }
        self.covered = self.covered.max(range.end);
        self.spans.push(Span::new(range, rule));
    }

    /// Whether a token can begin at `at`: not within a word, but for escapes (`\n`, `%3D`) right before it.
    pub(super) fn begins(&self, at: usize) -> bool {
        let before = &self.bytes()[..at];
        match before {
            [] => true,
            [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
            [.., b'\\', b'n' | b'r' | b't'] => true,
            [.., last] => !last.is_ascii_alphanumeric(),
        }
    }
}

/// What goes of `text`.
pub(super) fn find(text: &str) -> Vec<Span> {
    let mut scan = Scan {
        text,
        spans: Vec::new(),
        covered: 0,
        name_end: 0,
        jwt_end: 0,
        encoded_end: 0,
        scheme_end: 0,
    };
    let mut has_pem = false;
    let mut has_jwk = false;
    for found in LITERALS.find_overlapping_iter(text) {
        let (literal, trigger) = TRIGGERS[found.pattern().as_usize()];
        let is_exact = || text.as_bytes()[found.range()] == *literal.as_bytes();
        match trigger {
            // These may reach back over what was found.
            Trigger::Pem => has_pem |= is_exact(),
            Trigger::Jwk => has_jwk |= is_exact(),
            _ if found.end() <= scan.covered => {}
            Trigger::EncodedPem(mark) if is_exact() => encoded::at(&mut scan, found.range(), mark),
            Trigger::Name => pairs::at(&mut scan, found.range()),
            Trigger::Vendor(index) if is_exact() => {
                vendors::at(&mut scan, &VENDORS[index], found.start());
            }
            Trigger::Jwt if is_exact() => jwt::at(&mut scan, found.start()),
            Trigger::Authority { is_encoded: false } => url::at(&mut scan, found.range()),
            Trigger::Authority { is_encoded: true } => url::encoded_at(&mut scan, found.range()),
            Trigger::Scheme => scheme::at(&mut scan, found.range()),
            Trigger::EncodedPem(_) | Trigger::Vendor(_) | Trigger::Jwt => {}
        }
    }
    let mut spans = scan.spans;
    if has_pem {
        let keys = pem::find(text).into_iter();
        spans.extend(keys.map(|range| Span::new(range, tags::PEM)));
    }
    if has_jwk {
        spans.extend(jwt::keys(text));
    }
    spans
}
