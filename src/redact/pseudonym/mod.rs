//! Pseudonyms for host names and IP addresses: no secrets, but what some must not hand out.
//!
//! A pass of its own over what redaction writes, on only where it is asked for. Equal names have equal pseudonyms under
//! one key, and different ones different ones (64 bits), so that two recordings still compare:
//!
//! - an address becomes `ip-<16 digits>`; a port, a prefix length, a name around it stay. Unspecified, loopback and
//!   metadata addresses stay;
//! - a host name goes label by label, each to `host-<16 digits>`, so that `*.shop.example.com` and `a.shop.example.com`
//!   keep their relation; `*`, top-level domains, `svc` and `cluster.local` stay;
//! - certificates, which name hosts, become a token as a secret does, with either.
//!
//! What a host is, is told by where it stands (`domains`, `server_names`, a cluster's name, a URL, …) or by its last
//! label. What stays: namespaces, pods, services and service accounts where they do not stand in a host name, paths,
//! names of types and extensions, and label keys of well-known projects.

mod address;
mod host;
mod writer;

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

pub(super) use writer::Writer;

use self::host::Context;
use super::{Policy, base64_of, cut::Counts, key::Key, to_base64};
use crate::model::Token;

/// Which names are replaced by pseudonyms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pseudonyms {
    /// Host names.
    pub hostnames: bool,
    /// IP addresses.
    pub ips: bool,
}

/// The names under which they are counted.
const HOSTNAMES: &str = "hostnames";
const IPS: &str = "ips";
const CERTIFICATES: &str = "certificates";

/// What a certificate begins with, whatever stands for the space.
const BEGIN: &str = "-----BEGIN";

/// Certificates in PEM form, cut ones and those in URLs, too.
static CERTIFICATE: LazyLock<Regex> = LazyLock::new(|| {
    let marker =
        |word| format!("-----{word}(?: |\\+|%20)(?:TRUSTED(?: |\\+|%20))?CERTIFICATE-----");
    let pattern = format!("(?s){}.*?(?:{}|$)", marker("BEGIN"), marker("END"));
    Regex::new(&pattern).expect("a valid pattern")
});

/// What stands for an address.
static RENAMED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"ip-[0-9a-f]{16}|\[(?:ip|hostname)\]").expect("a valid pattern"));

/// The shortest base64 that is looked into, in bytes: anything shorter may be a word.
const MIN_BASE64: usize = 16;

/// How often a text is looked at.
const ROUNDS: usize = 4;

/// Knows what stands for names.
#[derive(Debug)]
struct Namer {
    pseudonyms: Pseudonyms,
    /// Without one, all names look alike.
    key: Option<Key>,
}

/// A part of a text that goes, the name under which that is counted, and what stands there instead.
type Cut = (Range<usize>, &'static str, String);

/// `text` with pseudonyms; without a key, all names look alike in it.
pub(super) fn rename(pseudonyms: Pseudonyms, policy: &Policy, text: String) -> String {
    let namer = Namer::new(pseudonyms, policy);
    let renamed = namer.rename(&text, Context::Text, &mut Counts::default());
    renamed.unwrap_or(text)
}

impl Namer {
    fn new(pseudonyms: Pseudonyms, policy: &Policy) -> Self {
        let key = match policy {
            Policy::Tokens(key) => Some(key.clone()),
            Policy::Alike | Policy::Off => None,
        };
        Self { pseudonyms, key }
    }

    fn is_on(&self) -> bool {
        self.pseudonyms.hostnames || self.pseudonyms.ips
    }

    /// `text` with pseudonyms, if it holds any name.
    fn rename(&self, text: &str, context: Context, counts: &mut Counts) -> Option<String> {
        if !self.is_on() {
            return None;
        }
        // Where a host stands, what looks like base64 is the name of one.
        let decoded = (context != Context::Host)
            .then(|| in_base64(text))
            .flatten();
        match decoded {
            Some(Decoded::Certificate(bytes)) => {
                counts.count(CERTIFICATES);
                return Some(to_base64(self.token(&bytes).as_bytes()));
            }
            Some(Decoded::Text(decoded)) => {
                if let Some(renamed) = self.in_text(&decoded, Context::Text, counts) {
                    return Some(to_base64(renamed.as_bytes()));
                }
            }
            None => {}
        }
        self.in_text(text, context, counts)
    }

    fn in_text(&self, text: &str, context: Context, counts: &mut Counts) -> Option<String> {
        let mut renamed = self.once_in_text(text, context, counts)?;
        // What is left may read differently beside a pseudonym than beside a name.
        for _ in 1..ROUNDS {
            match self.once_in_text(&renamed, context, counts) {
                Some(more) => renamed = more,
                None => break,
            }
        }
        Some(renamed)
    }

    fn once_in_text(&self, text: &str, context: Context, counts: &mut Counts) -> Option<String> {
        let cuts = self.cuts(text, context);
        let mut renamed = String::with_capacity(text.len());
        let mut rest = 0;
        for (range, name, replacement) in &cuts {
            counts.count(name);
            renamed.push_str(&text[rest..range.start]);
            renamed.push_str(replacement);
            rest = range.end;
        }
        renamed.push_str(&text[rest..]);
        (!cuts.is_empty()).then_some(renamed)
    }

    /// What goes of a text: in order, none in another.
    fn cuts(&self, text: &str, context: Context) -> Vec<Cut> {
        let mut skipped: Vec<Range<usize>> = Token::all_in(text).map(|(range, _)| range).collect();
        skipped.extend(["[redacted]", "<Redacted>"].iter().flat_map(|mark| {
            let found = text.match_indices(mark);
            found.map(|(start, mark)| start..start + mark.len())
        }));
        let mut cuts = Vec::new();
        if text.contains(BEGIN) {
            for block in CERTIFICATE.find_iter(text) {
                skipped.push(block.range());
                let token = self.token(block.as_str().as_bytes());
                cuts.push((block.range(), CERTIFICATES, token));
            }
        }
        skipped.sort_by_key(|range| range.start);
        let mut free = skipped.iter().peekable();
        let mut addresses = address::find(text);
        addresses.retain(|found| {
            while free
                .next_if(|range| range.end <= found.range.start)
                .is_some()
            {}
            free.peek()
                .is_none_or(|range| range.start >= found.range.end)
        });
        if self.pseudonyms.ips {
            for found in addresses.iter().filter(|found| !found.is_kept) {
                let name = &text[found.range.clone()];
                let pseudonym = self.pseudonym(host::ADDRESS, "[ip]", name);
                cuts.push((found.range.clone(), IPS, pseudonym));
            }
        }
        if self.pseudonyms.hostnames {
            skipped.extend(addresses.into_iter().map(|found| found.range));
            // What stands for an address is passed over as that was: a second pass has to find the same names.
            skipped.extend(RENAMED.find_iter(text).map(|found| found.range()));
            skipped.sort_by_key(|range| range.start);
            for range in host::find(text, context, &skipped) {
                let pseudonym = self.pseudonym(host::LABEL, "[hostname]", &text[range.clone()]);
                cuts.push((range, HOSTNAMES, pseudonym));
            }
        }
        cuts.sort_by_key(|(range, ..)| range.start);
        cuts
    }

    fn pseudonym(&self, prefix: &str, alike: &str, name: &str) -> String {
        match &self.key {
            Some(key) => format!("{prefix}{:016x}", key.pseudonym(prefix, name)),
            None => alike.to_owned(),
        }
    }

    fn token(&self, certificate: &[u8]) -> String {
        match &self.key {
            Some(key) => key.token(certificate).to_string(),
            None => super::REDACTED.to_owned(),
        }
    }
}

/// What base64 holds that may name something.
enum Decoded {
    /// A certificate in its binary form, or something else of that shape.
    Certificate(Vec<u8>),
    /// A text.
    Text(String),
}

fn in_base64(text: &str) -> Option<Decoded> {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
    if text.len() < MIN_BASE64 || !text.bytes().all(is_digit) {
        return None;
    }
    let bytes = base64_of(text)?;
    // A DER sequence that fills all of it.
    if let [0x30, 0x82, high, low, rest @ ..] = &bytes[..]
        && rest.len() == usize::from(u16::from_be_bytes([*high, *low]))
    {
        return Some(Decoded::Certificate(bytes));
    }
    let text = String::from_utf8(bytes).ok()?;
    let is_readable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_readable).then_some(Decoded::Text(text))
}
