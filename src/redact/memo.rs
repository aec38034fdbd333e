//! What was found of a string, by its bytes.
//!
//! A dump says the same few thousand strings over and over. Memory is bounded, and so is the work of finding one: when
//! either would grow too large, all is forgotten.

/// How many strings are kept at most.
const SLOTS: usize = 1 << 14;
/// How many of the slots from its own on a string may be kept in.
const PROBES: usize = 8;
/// How long a string that is kept may be, in bytes.
const LONGEST: usize = 1 << 10;
/// How many bytes are kept.
const BYTES: usize = 1 << 20;

/// What was found of strings.
#[derive(Debug)]
pub(super) struct Memo<T> {
    slots: Vec<Option<Slot<T>>>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Slot<T> {
    hash: u32,
    start: u32,
    length: u32,
    found: T,
}

impl<T: Copy> Memo<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// What is known of `text`, or what `find` finds now.
    #[inline]
    pub(super) fn get(&mut self, text: &[u8], find: impl FnOnce(&[u8]) -> T) -> T {
        let hash = hash(text);
        for at in places(hash) {
            let Some(Some(slot)) = self.slots.get(at) else {
                break;
            };
            let start = slot.start as usize;
            if slot.hash == hash && self.bytes[start..start + slot.length as usize] == *text {
                return slot.found;
            }
        }
        let found = find(text);
        self.keep(hash, text, found);
        found
    }

    #[cold]
    fn keep(&mut self, hash: u32, text: &[u8], found: T) {
        if text.len() > LONGEST {
            return;
        }
        let free = places(hash).find(|at| matches!(self.slots.get(*at), None | Some(None)));
        let at = match free {
            Some(at) if !self.slots.is_empty() && self.bytes.len() + text.len() <= BYTES => at,
            _ => {
                self.bytes.clear();
                self.slots.clear();
                self.slots.resize(SLOTS, None);
                hash as usize % SLOTS
            }
        };
        self.slots[at] = Some(Slot {
            hash,
            start: self.bytes.len() as u32,
            length: text.len() as u32,
            found,
        });
        self.bytes.extend_from_slice(text);
    }
}

/// Where a string of this hash may be kept.
fn places(hash: u32) -> impl Iterator<Item = usize> {
    (0..PROBES).map(move |step| (hash as usize + step) % SLOTS)
}

/// All bytes count, as the names of a mesh differ in the middle.
#[inline]
fn hash(text: &[u8]) -> u32 {
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
    (mix(hash, last).wrapping_mul(FACTOR) >> 32) as u32
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
