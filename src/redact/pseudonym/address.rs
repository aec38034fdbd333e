//! IP addresses in a text.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

/// The longest text of an IPv6 address, in bytes.
const LONGEST_V6: usize = 45;

/// The link-local and local addresses where clouds answer for a machine: of the metadata and of the DNS of AWS, GCP,
/// Azure and OpenStack. They are the same everywhere, and which one is called is needed for diagnosis.
const METADATA: [IpAddr; 7] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];

/// An address in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// Whether it stays: it says nothing of a network.
    pub(super) is_kept: bool,
}

/// The addresses in `text`, in order: by themselves, with a port or a prefix length, and in names such as
/// `10.0.0.1_8080` and `ip-10-0-0-1`.
pub(super) fn find(text: &str) -> Vec<Found> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let next = match bytes[at] {
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b':' => {
                v6_at(text, at).or_else(|| v4_at(text, at))
            }
            b'i' => dashed_at(text, at),
            _ => None,
        };
        match next {
            Some((address, end)) => {
                found.push(Found {
                    range: at..end,
                    is_kept: is_kept(address),
                });
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// Whether an address stays: unspecified, loopback, and those of [`METADATA`].
fn is_kept(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_unspecified() || address.is_loopback() || METADATA.contains(&address)
}

fn v6_at(text: &str, start: usize) -> Option<(IpAddr, usize)> {
    let bytes = text.as_bytes();
    let before = start.checked_sub(1).map(|at| bytes[at]);
    // Only where a run of its characters begins.
    if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.')) {
        return None;
    }
    let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(**byte, b':' | b'.');
    let run = &bytes[start..];
    let length = run.iter().take(LONGEST_V6 + 2).take_while(is_part).count();
    if run.get(length).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let run = &text[start..start + length];
    // The end of a sentence, or what separates the address from the next word.
    [
        run,
        run.trim_end_matches('.'),
        run.strip_suffix(':').unwrap_or(run),
    ]
    .into_iter()
    .find_map(|run| {
        let address: Ipv6Addr = run.parse().ok()?;
        Some((address.into(), start + run.len()))
    })
}

fn v4_at(text: &str, start: usize) -> Option<(IpAddr, usize)> {
    let bytes = text.as_bytes();
    if !bytes[start].is_ascii_digit() || !begins(bytes, start) {
        return None;
    }
    let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
    let length = bytes[start..].iter().take(16).take_while(is_part).count();
    let run = text[start..start + length].trim_end_matches('.');
    let end = start + run.len();
    if bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let address: Ipv4Addr = run.parse().ok()?;
    Some((address.into(), end))
}

/// `ip-10-0-0-1`, as clouds name machines.
fn dashed_at(text: &str, start: usize) -> Option<(IpAddr, usize)> {
    const PREFIX: &str = "ip-";
    let bytes = text.as_bytes();
    let rest = text[start..].strip_prefix(PREFIX)?;
    if !begins(bytes, start) {
        return None;
    }
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
    let length = rest.bytes().take(16).take_while(is_part).count();
    let run = rest[..length].trim_end_matches('-');
    let end = start + PREFIX.len() + run.len();
    if bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let address: Ipv4Addr = run.replace('-', ".").parse().ok()?;
    Some((address.into(), end))
}

/// Whether a number may begin at `start`: not within a word or a longer row of numbers.
fn begins(bytes: &[u8], start: usize) -> bool {
    match start.checked_sub(1).map(|at| bytes[at]) {
        None => true,
        Some(b'.') => start < 2 || !bytes[start - 2].is_ascii_digit(),
        Some(byte) => !byte.is_ascii_alphanumeric(),
    }
}

#[test]
fn addresses_are_found_in_all_that_is_made_of_them() {
    for (text, expected) in [
        ("10.0.0.1", &["10.0.0.1"][..]),
        ("10.0.0.1:8080", &["10.0.0.1"]),
        ("10.0.0.0/8, fd00::/64", &["10.0.0.0", "fd00::"]),
        ("10.0.0.1_8080", &["10.0.0.1"]),
        ("outbound_.80_._.10.0.0.1", &["10.0.0.1"]),
        ("listener.10.0.0.1_80.downstream", &["10.0.0.1"]),
        ("[fd00::1]:80", &["fd00::1"]),
        (
            "fd00::1_80 ::ffff:10.0.0.1",
            &["fd00::1", "::ffff:10.0.0.1"],
        ),
        ("at 10.0.0.1. Or fd00::1: no", &["10.0.0.1", "fd00::1"]),
        ("x::10.0.0.1:8080::cx_active::0", &["10.0.0.1"]),
        ("ip-10-0-0-1.ec2.internal", &["ip-10-0-0-1"]),
        ("tcp://10.0.0.1", &["10.0.0.1"]),
        ("10.0.0.1.nip.io", &["10.0.0.1"]),
        ("é10.0.0.1é", &["10.0.0.1"]),
        ("1.30.3", &[]),
        ("v1.30.3.1", &[]),
        ("1.2.3.4.5", &[]),
        ("1.2.3.400", &[]),
        ("std::bad_alloc", &[]),
        ("12:34:56", &[]),
        ("2026-11-21T01:52:51.123Z", &[]),
        ("AA:BB:CC:DD:EE:FF", &[]),
        ("ip-0123456789abcdef", &[]),
        ("zip-10-0-0-1", &[]),
    ] {
        let found = find(text);
        let texts: Vec<&str> = found
            .iter()
            .map(|found| &text[found.range.clone()])
            .collect();
        assert_eq!(texts, expected, "{text}");
        assert!(found.iter().all(|found| !found.is_kept), "{text}");
    }
    for text in [
        "0.0.0.0_80",
        "127.0.0.6:80",
        "[::]:80",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
    ] {
        assert!(find(text).iter().all(|found| found.is_kept), "{text}");
        assert_eq!(find(text).len(), 1, "{text}");
    }
}
