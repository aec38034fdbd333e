//! What was found of a string, by its bytes.
//!
//! A dump says the same few thousand strings over and over, most of them short: those are looked up by a few words of
//! the machine. Memory is bounded, and so is the work of finding one: a string that finds no place takes another's.

use std::ops::Range;

/// How many strings there is room for at first, and at most.
const SLOTS: [usize; 2] = [1 << 10, 1 << 15];
/// How many of the slots from its own on a string may be kept in.
const PROBES: usize = 8;
/// How long a string that is kept in its slot may be, in bytes.
const SHORT: usize = 32;
/// How long a string that is kept may be, in bytes.
const LONGEST: usize = 1 << 10;
/// How many bytes of strings that are not short are kept.
const BYTES: usize = 1 << 20;

/// A short string, and zeros; or the hash of a longer one.
type Head = [u64; SHORT / 8];

/// What was found of strings.
#[derive(Debug)]
pub(super) struct Memo<T> {
    slots: Vec<Slot<T>>,
    used: usize,
    /// The strings that are not short, one after the other.
    bytes: Vec<u8>,
    /// What was found of the last string that is not kept.
    other: T,
}

/// In one line of the machine's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Slot<T> {
    head: Head,
    /// How long the string is: more than any, if there is none.
    length: u32,
    /// Where in the bytes a string that is not short begins.
    start: u32,
    found: T,
}

impl<T: Copy + Default> Slot<T> {
    fn empty() -> Self {
        Self {
            head: Head::default(),
            length: u32::MAX,
            start: 0,
            found: T::default(),
        }
    }

    fn is_empty(&self) -> bool {
        self.length == u32::MAX
    }

    /// Whether a string of this head and length may be here: without a branch for each word.
    #[inline(always)]
    fn is(&self, head: &Head, length: usize) -> bool {
        let differs = (self.head[0] ^ head[0])
            | (self.head[1] ^ head[1])
            | (self.head[2] ^ head[2])
            | (self.head[3] ^ head[3]);
        differs == 0 && self.length as usize == length
    }
}

impl<T: Copy + Default> Memo<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![Slot::empty(); SLOTS[0]],
            used: 0,
            bytes: Vec::new(),
            other: T::default(),
        }
    }

    /// What was found of `buffer[string]`: the default at first.
    #[inline(always)]
    pub(super) fn get(&mut self, buffer: &[u8], string: Range<usize>) -> &mut T {
        let head = head(buffer, &string);
        let own = place(&head) as usize & (self.slots.len() - 1);
        // Most are in the place of their own.
        let is_here = self.slots[own].is(&head, string.len())
            && (string.len() <= SHORT || self.is_at(own, &buffer[string.clone()]));
        match is_here {
            true => &mut self.slots[own].found,
            false => self.search(head, &buffer[string]),
        }
    }

    /// What was found of a string that is not in the place of its own.
    #[inline(never)]
    fn search(&mut self, head: Head, string: &[u8]) -> &mut T {
        let is_there = |at: &usize| {
            self.slots[*at].is(&head, string.len())
                && (string.len() <= SHORT || self.is_at(*at, string))
        };
        match self.places(place(&head)).find(is_there) {
            Some(at) => &mut self.slots[at].found,
            None => self.add(head, string),
        }
    }

    /// Whether the slot at `at` holds `string`, which is not short.
    fn is_at(&self, at: usize, string: &[u8]) -> bool {
        self.bytes[self.slots[at].start as usize..].starts_with(string)
    }

    #[cold]
    fn add(&mut self, head: Head, string: &[u8]) -> &mut T {
        if string.len() > LONGEST {
            self.other = T::default();
            return &mut self.other;
        }
        if string.len() > SHORT && self.bytes.len() + string.len() > BYTES {
            *self = Self::new();
        }
        if 3 * self.used >= self.slots.len() && self.slots.len() < SLOTS[1] {
            self.grow();
        }
        let slot = Slot {
            head,
            length: string.len() as u32,
            start: self.bytes.len() as u32,
            found: T::default(),
        };
        if string.len() > SHORT {
            self.bytes.extend_from_slice(string);
        }
        let at = self.put(slot);
        &mut self.slots[at].found
    }

    fn put(&mut self, slot: Slot<T>) -> usize {
        let own = place(&slot.head);
        let free = self.places(own).find(|at| self.slots[*at].is_empty());
        self.used += usize::from(free.is_some());
        let at = free.unwrap_or(own as usize & (self.slots.len() - 1));
        self.slots[at] = slot;
        at
    }

    fn grow(&mut self) {
        let slots = vec![Slot::empty(); 2 * self.slots.len()];
        self.used = 0;
        for slot in std::mem::replace(&mut self.slots, slots) {
            if !slot.is_empty() {
                self.put(slot);
            }
        }
    }

    /// Where a string whose own place this is may be kept.
    #[inline]
    fn places(&self, own: u64) -> impl Iterator<Item = usize> + use<T> {
        let last = self.slots.len() - 1;
        (0..PROBES).map(move |step| (own as usize + step) & last)
    }
}

#[inline(always)]
fn head(buffer: &[u8], string: &Range<usize>) -> Head {
    /// Ones for as many bytes as a string has.
    const MASKS: [Head; SHORT + 1] = {
        let mut masks = [[0; 4]; SHORT + 1];
        let mut bytes = 1;
        while bytes <= SHORT {
            masks[bytes] = masks[bytes - 1];
            masks[bytes][(bytes - 1) / 8] |= 0xff << ((bytes - 1) % 8 * 8);
            bytes += 1;
        }
        masks
    };
    let Some(mask) = MASKS.get(string.len()) else {
        return [hash(&buffer[string.clone()]), 0, 0, 0];
    };
    // What follows the string is read, too, and masked.
    let bytes = match buffer[string.start..].first_chunk::<SHORT>() {
        Some(bytes) => *bytes,
        None => {
            let mut bytes = [0; SHORT];
            bytes[..string.len()].copy_from_slice(&buffer[string.clone()]);
            bytes
        }
    };
    let word = |at: usize| match bytes[8 * at..].first_chunk() {
        Some(word) => u64::from_le_bytes(*word) & mask[at],
        None => 0,
    };
    [word(0), word(1), word(2), word(3)]
}

/// The place of its own that a string of this head has.
#[inline(always)]
fn place(head: &Head) -> u64 {
    // Two products and not four: four would be made of vectors' halves, which takes longer.
    let [low, high] = [
        head[0].wrapping_add(head[2].rotate_left(23)),
        head[1].wrapping_add(head[3].rotate_left(41)),
    ];
    // What is high in a product depends on all that was multiplied.
    (low.wrapping_mul(FACTORS[0]) ^ high.wrapping_mul(FACTORS[1])) >> 40
}

/// Odd, and without a pattern.
const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];

/// All bytes count, as the names of a mesh differ in the middle.
fn hash(string: &[u8]) -> u64 {
    let (pairs, _) = string.as_chunks::<16>();
    let half = |pair: &[u8; 16]| {
        let pair = u128::from_le_bytes(*pair);
        (pair as u64, (pair >> 64) as u64)
    };
    let hash = pairs.iter().fold(string.len() as u64, |hash, pair| {
        let (low, high) = half(pair);
        mix(hash ^ low, high)
    });
    let (low, high) = string.last_chunk::<16>().map_or((0, 0), half);
    mix(hash ^ low, high)
}

/// Both halves of a product, so that each bit of it depends on many.
fn mix(low: u64, high: u64) -> u64 {
    let product = u128::from(low ^ FACTORS[0]) * u128::from(high ^ FACTORS[1]);
    product as u64 ^ (product >> 64) as u64
}

#[test]
fn what_is_known_of_a_string_is_not_taken_for_another_string() {
    let mut memo = Memo::<Option<usize>>::new();
    for _ in 0..3 {
        for i in 0..100_000 {
            let text = format!(">{}{i}<", "x".repeat(i % 300));
            let found = memo.get(text.as_bytes(), 1..text.len() - 1);
            assert_eq!(*found.get_or_insert(i), i);
        }
    }
    for (text, string, is) in [
        (&b""[..], 0..0, 1),
        (b"long enough to be read at once, and some", 3..3, 1),
        (b"\0", 0..1, 2),
        (b"long enough to be read at once, and some", 0..32, 3),
        (b"long enough to be read at once, and some", 0..33, 4),
    ] {
        assert_eq!(*memo.get(text, string).get_or_insert(is), is);
    }
    assert!(memo.bytes.len() <= BYTES && memo.slots.len() <= SLOTS[1]);
}

#[test]
fn what_was_found_is_not_looked_for_again() {
    let mut memo = Memo::new();
    let text = |i: usize| format!("{i}|outbound|{}", "x".repeat(i % 40));
    let texts: Vec<_> = (0..10_000).map(text).collect();
    let mut looked = 0;
    for text in texts.iter().chain(&texts) {
        let found = memo.get(text.as_bytes(), 0..text.len());
        looked += usize::from(!std::mem::replace(found, true));
    }
    assert!((10_000..10_100).contains(&looked), "{looked}");
}
