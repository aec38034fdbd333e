//! Where the resources of a dump stand in its document, and when they were updated.

use std::ops::Range;

use super::{Key, SHORT_BYTES};
use crate::{dump::ElementAt, model::ResourceKey};

/// What is told of a resource.
pub(super) struct Row {
    pub(super) key: [u8; SHORT_BYTES],
    pub(super) list: u8,
    pub(super) range: Range<usize>,
    pub(super) milliseconds: Option<i64>,
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

/// A time as Envoy prints it: with milliseconds, where there are any.
pub(super) fn time(milliseconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(milliseconds).ok()?;
    Some(match milliseconds % 1000 {
        0 => format!("{time:.0}"),
        _ => format!("{time:.3}"),
    })
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
        match row.milliseconds {
            None => unsigned(&mut bytes, 0),
            Some(now) => {
                unsigned(&mut bytes, zigzag(now.wrapping_sub(last)).saturating_add(1));
                last = now;
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
            let value = take_unsigned(&mut rest)?;
            if let Some(value) = value.checked_sub(1) {
                last = last.wrapping_add(unzigzag(value));
            }
            while let Some((_, key)) = rows.next_if(|(row, _)| *row == at) {
                let element = ElementAt {
                    list: self.lists[at],
                    range: range.clone(),
                };
                let updated = match value {
                    0 => None,
                    _ => Some(time(last)?),
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
    let row = |key: u8, list, range, milliseconds| Row {
        key: first(&[key; 32]),
        list,
        range,
        milliseconds,
    };
    let rows = [
        row(7, 15, 10..20, None),
        row(3, 1, 30..500_000, Some(1_700_000_000_123)),
        row(3, 1, 30..500_000, Some(1_600_000_000_000)),
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
            (9, 2, 500_001..500_001, None),
        ]
    );
    for length in 0..bytes.len() {
        if let Some(places) = Places::read(&bytes[..length]) {
            assert_eq!(places.find(&[[3; 5]]), None);
        }
    }
}
