//! What was found of a string, by its bytes.
//!
//! A dump says the same few thousand strings over and over. Memory is bounded, and so is the work of finding one:
//! two strings that have one place push each other out.

use std::ops::Range;

/// How many strings are kept.
const SLOTS: usize = 1 << 13;
/// How long a string that is kept may be, in bytes.
const LONGEST: usize = 1 << 10;
/// How many bytes are kept.
const BYTES: usize = 1 << 19;

/// What was found of strings.
#[derive(Debug)]
pub(super) struct Memo<T> {
    slots: Vec<Option<(Range<u32>, T)>>,
    bytes: Vec<u8>,
}

impl<T: Copy> Memo<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![None; SLOTS],
            bytes: Vec::new(),
        }
    }

    /// What is known of `text`, or what `find` finds now.
    #[inline]
    pub(super) fn get(&mut self, text: &[u8], find: impl FnOnce(&[u8]) -> T) -> T {
        let slot = slot(text);
        if let Some((range, found)) = &self.slots[slot]
            && self.bytes[range.start as usize..range.end as usize] == *text
        {
            return *found;
        }
        let found = find(text);
        self.keep(slot, text, found);
        found
    }

    #[cold]
    fn keep(&mut self, slot: usize, text: &[u8], found: T) {
        if text.len() > LONGEST {
            return;
        }
        if self.bytes.len() + text.len() > BYTES {
            self.bytes.clear();
            self.slots.fill(None);
        }
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        self.slots[slot] = Some((start..self.bytes.len() as u32, found));
    }
}

/// Where `text` is kept: all of its bytes count, as the names of a mesh differ in the middle.
#[inline]
fn slot(text: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, bytes: u64| (hash ^ bytes).wrapping_mul(FACTOR).rotate_left(29);
    let (eights, rest) = text.as_chunks::<8>();
    let hash = eights.iter().fold(text.len() as u64, |hash, eight| {
        mix(hash, u64::from_le_bytes(*eight))
    });
    let last = match text.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest
            .iter()
            .fold(0, |last, byte| last << 8 | u64::from(*byte)),
    };
    (mix(hash, last).wrapping_mul(FACTOR) >> 32) as usize % SLOTS
}

#[test]
fn what_is_known_of_a_string_is_not_taken_for_another_string() {
    let mut memo = Memo::new();
    for round in 0..3 {
        for i in 0..20_000 {
            let text = format!("{}{i}", "x".repeat(i % 300));
            assert_eq!(memo.get(text.as_bytes(), |_| i), i, "{round}");
        }
    }
    assert_eq!(memo.get(b"", |_| 7), 7);
    assert_eq!(memo.get(b"", |_| 8), 7);
    assert!(memo.bytes.len() <= BYTES);
}
