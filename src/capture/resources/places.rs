//! Where the resources of a dump stand in its document, and when they were updated.

use std::ops::Range;

use super::{Key, SHORT_BYTES};
use crate::{dump::ElementAt, model::ResourceKey};

/// What is told of a resource.
pub(super) struct Row {
    pub(super) key: [u8; SHORT_BYTES],
    pub(super) list: u8,
    pub(super) range: Range<usize>,
    pub(super) updated: Option<Time>,
}

/// A time as Envoy prints it: in milliseconds of the Unix epoch, and whether these are printed though there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    milliseconds: i64,
    has_zeros: bool,
}

/// Where a resource stands, and when Envoy last updated it, as it prints that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The element that holds it.
    pub element: ElementAt,
    /// When it was updated.
    pub updated: Option<String>,
}

/// Where the resources of one dump stand.
pub struct Places<'a> {
    keys: &'a [u8],
    lists: &'a [u8],
    rest: &'a [u8],
}

impl Time {
    /// The time that `text` is, if it is printed like that again.
    pub(super) fn of(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        let time = Self {
            milliseconds: time.as_millisecond(),
            has_zeros: text.ends_with(".000Z"),
        };
        (time.text()? == text).then_some(time)
    }

    fn text(self) -> Option<String> {
        let time = jiff::Timestamp::from_millisecond(self.milliseconds).ok()?;
        Some(match self.milliseconds % 1000 {
            0 if !self.has_zeros => format!("{time:.0}"),
            _ => format!("{time:.3}"),
        })
    }
}

/// The bytes of these rows: a column after the other, so that what is alike stands together.
pub(super) fn spell(rows: &[Row]) -> Vec<u8> {
    let mut bytes = (rows.len() as u32).to_le_bytes().to_vec();
    rows.iter().for_each(|row| bytes.extend(row.key));
    bytes.extend(rows.iter().map(|row| row.list));
    let mut end = 0;
    for row in rows {
        signed(&mut bytes, row.range.start as i64 - end);
        end = row.range.end as i64;
    }
    rows.iter()
        .for_each(|row| unsigned(&mut bytes, row.range.len() as u64));
    let mut last = 0;
    for row in rows {
        match row.updated {
            None => unsigned(&mut bytes, 0),
            Some(time) => {
                // No time has so many milliseconds that one bit more would not fit.
                let change = zigzag(time.milliseconds.wrapping_sub(last));
                unsigned(&mut bytes, (change << 1 | u64::from(time.has_zeros)) + 1);
                last = time.milliseconds;
            }
        }
    }
    bytes
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn signed(bytes: &mut Vec<u8>, value: i64) {
    unsigned(bytes, zigzag(value));
}

/// Seven bits a byte, the lowest first; all but the last byte have the eighth bit.
fn unsigned(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_unsigned(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

impl<'a> Places<'a> {
    /// Reads them; `None` where they are something else.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (count, bytes) = bytes.split_first_chunk()?;
        let count = u32::from_le_bytes(*count) as usize;
        let (keys, bytes) = bytes.split_at_checked(count.checked_mul(SHORT_BYTES)?)?;
        let (lists, rest) = bytes.split_at_checked(count)?;
        Some(Self { keys, lists, rest })
    }

    /// Where those stand whose keys are `wanted`, which is sorted: each with its key, in the order of the document. Now and
    /// then there may be one more than these. `None` where the bytes are something else.
    pub fn find(&self, wanted: &[Key]) -> Option<Vec<(Key, At)>> {
        let short = |key: &Key| -> [u8; SHORT_BYTES] {
            let mut short = [0; SHORT_BYTES];
            short.copy_from_slice(&key[..SHORT_BYTES]);
            short
        };
        let mut rows: Vec<(usize, Key)> = Vec::new();
        for (at, key) in self.keys.chunks_exact(SHORT_BYTES).enumerate() {
            let first = wanted.partition_point(|wanted| short(wanted)[..] < *key);
            let same = wanted[first..]
                .iter()
                .take_while(|wanted| short(wanted)[..] == *key);
            rows.extend(same.map(|wanted| (at, *wanted)));
        }
        let mut rest = self.rest;
        let mut starts = Vec::with_capacity(self.lists.len());
        for _ in self.lists {
            starts.push(unzigzag(take_unsigned(&mut rest)?));
        }
        let mut end = 0_i64;
        let mut ranges = Vec::with_capacity(self.lists.len());
        for gap in starts {
            let start = end.checked_add(gap)?;
            end = start.checked_add_unsigned(take_unsigned(&mut rest)?)?;
            ranges.push(usize::try_from(start).ok()?..usize::try_from(end).ok()?);
        }
        let mut last = 0_i64;
        let mut found = Vec::with_capacity(rows.len());
        let mut rows = rows.into_iter().peekable();
        for (at, range) in ranges.into_iter().enumerate() {
            let time = take_unsigned(&mut rest)?.checked_sub(1).map(|value| {
                last = last.wrapping_add(unzigzag(value >> 1));
                Time {
                    milliseconds: last,
                    has_zeros: value & 1 == 1,
                }
            });
            while let Some((_, key)) = rows.next_if(|(row, _)| *row == at) {
                let element = ElementAt {
                    list: self.lists[at],
                    range: range.clone(),
                };
                let updated = match time {
                    Some(time) => Some(time.text()?),
                    None => None,
                };
                found.push((key, At { element, updated }));
            }
        }
        Some(found)
    }
}

/// Whether a resource is one of those that were asked for, by their sorted keys.
pub fn is_wanted(wanted: &[Key], key: &ResourceKey) -> bool {
    wanted.binary_search(&super::key_of(key)).is_ok()
}

#[test]
fn places_are_found_again() {
    use super::first;
    for text in [
        "2026-11-20T09:00:00.0Z",
        "2026-11-20 09:00:00Z",
        "2026-11-20T09:00:00+00:00",
        "now",
    ] {
        assert_eq!(Time::of(text), None);
    }
    let row = |key: u8, list, range, updated: Option<&str>| Row {
        key: first(&[key; 32]),
        list,
        range,
        updated: updated.map(|text| Time::of(text).unwrap()),
    };
    let rows = [
        row(7, 15, 10..20, None),
        row(3, 1, 30..500_000, Some("2023-11-14T22:13:20.123Z")),
        row(3, 1, 30..500_000, Some("2020-09-13T12:26:40Z")),
        row(3, 1, 30..31, Some("2020-09-13T12:26:40.000Z")),
        row(9, 2, 500_001..500_001, None),
    ];
    let bytes = spell(&rows);
    let places = Places::read(&bytes).unwrap();
    let found = places.find(&[[3; 5], [9; 5], [10; 5]]).unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|(key, at)| {
            (
                key[0],
                at.element.list,
                at.element.range.clone(),
                at.updated.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (3, 1, 30..500_000, Some("2023-11-14T22:13:20.123Z")),
            (3, 1, 30..500_000, Some("2020-09-13T12:26:40Z")),
            (3, 1, 30..31, Some("2020-09-13T12:26:40.000Z")),
            (9, 2, 500_001..500_001, None),
        ]
    );
    for length in 0..bytes.len() {
        if let Some(places) = Places::read(&bytes[..length]) {
            assert_eq!(places.find(&[[3; 5]]), None);
        }
    }
}
