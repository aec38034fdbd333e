//! What was found of a string, by its bytes.
//!
//! A dump says the same few thousand strings over and over, most of them short: those are looked up by a few words of
//! the machine. Of a longer one only a hash is kept, as all of them would not fit near the processor; a seed of this
//! process decides it, so that nobody can make two strings of one hash. Memory is bounded, and so is the work of finding
//! a string: one that finds no place takes another's.

use std::{
    hash::{BuildHasher, RandomState},
    ops::Range,
    sync::LazyLock,
};

use xxhash_rust::xxh3::xxh3_128_with_seed;

/// How many strings there is room for at first.
const LEAST_SLOTS: usize = 1 << 10;
/// How many of the slots from its own on a string may be kept in.
const PROBES: usize = 16;
/// How long a string that is kept in its slot may be, in bytes.
const SHORT: usize = 32;

/// What was found of strings.
#[derive(Debug)]
pub(super) struct Memo<T> {
    short: Table<Short, T>,
    long: Table<Long, T>,
}

impl<T: Copy + Default> Memo<T> {
    pub(super) fn new() -> Self {
        Self {
            short: Table::new(),
            long: Table::new(),
        }
    }

    /// What was found of `buffer[string]`: the default at first.
    #[inline(always)]
    pub(super) fn get(&mut self, buffer: &[u8], string: Range<usize>) -> &mut T {
        match string.len() <= SHORT {
            true => self.short.get(short(buffer, string)),
            false => self.long.get(long(&buffer[string])),
        }
    }
}

/// What was found, by what stands for the string.
#[derive(Debug)]
struct Table<K, T> {
    slots: Vec<Slot<K, T>>,
    used: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot<K, T> {
    key: K,
    found: T,
}

/// What stands for a string.
trait Key: Copy {
    /// How many there is room for at most.
    const MOST: usize;
    /// What stands for none.
    const NONE: Self;

    fn is(&self, other: &Self) -> bool;

    /// What tells its place: the lowest bits do.
    fn place(&self) -> usize;
}

impl<K: Key, T: Copy + Default> Table<K, T> {
    fn new() -> Self {
        Self {
            slots: vec![Slot::empty(); LEAST_SLOTS],
            used: 0,
        }
    }

    #[inline(always)]
    fn get(&mut self, key: K) -> &mut T {
        let own = key.place() & (self.slots.len() - 1);
        // Most are in the place of their own.
        match self.slots[own].key.is(&key) {
            true => &mut self.slots[own].found,
            false => self.search(key),
        }
    }

    /// What was found of a string that is not in the place of its own.
    #[inline(never)]
    fn search(&mut self, key: K) -> &mut T {
        match self.places(key).find(|at| self.slots[*at].key.is(&key)) {
            Some(at) => &mut self.slots[at].found,
            None => self.add(key),
        }
    }

    #[cold]
    fn add(&mut self, key: K) -> &mut T {
        if 8 * self.used >= 5 * self.slots.len() && self.slots.len() < K::MOST {
            self.grow();
        }
        let at = self.put(Slot {
            key,
            found: T::default(),
        });
        &mut self.slots[at].found
    }

    fn put(&mut self, slot: Slot<K, T>) -> usize {
        let free = self.places(slot.key).find(|at| self.slots[*at].is_empty());
        self.used += usize::from(free.is_some());
        let at = free.unwrap_or(slot.key.place() & (self.slots.len() - 1));
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

    /// Where a string may be kept.
    #[inline]
    fn places(&self, key: K) -> impl Iterator<Item = usize> + use<K, T> {
        let (own, last) = (key.place(), self.slots.len() - 1);
        (0..PROBES).map(move |step| (own + step) & last)
    }
}

impl<K: Key, T: Default> Slot<K, T> {
    fn empty() -> Self {
        Self {
            key: K::NONE,
            found: T::default(),
        }
    }

    fn is_empty(&self) -> bool {
        self.key.is(&K::NONE)
    }
}

/// A short string, and zeros.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
struct Short {
    words: [u64; SHORT / 8],
    /// How long it is: more than any, if there is none.
    length: u32,
}

impl Key for Short {
    const MOST: usize = 1 << 15;
    const NONE: Self = Self {
        words: [0; 4],
        length: u32::MAX,
    };

    /// Without a branch for each word.
    #[inline(always)]
    fn is(&self, other: &Self) -> bool {
        let differs = (self.words[0] ^ other.words[0])
            | (self.words[1] ^ other.words[1])
            | (self.words[2] ^ other.words[2])
            | (self.words[3] ^ other.words[3])
            | u64::from(self.length ^ other.length);
        differs == 0
    }

    #[inline(always)]
    fn place(&self) -> usize {
        /// Odd, and without a pattern.
        const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];
        // Two products and not four: four would be made of vectors' halves, which takes longer.
        let [low, high] = [
            self.words[0].wrapping_add(self.words[2].rotate_left(23)),
            self.words[1].wrapping_add(self.words[3].rotate_left(41)),
        ];
        // What is high in a product depends on all that was multiplied.
        ((low.wrapping_mul(FACTORS[0]) ^ high.wrapping_mul(FACTORS[1])) >> 40) as usize
    }
}

#[inline(always)]
fn short(buffer: &[u8], string: Range<usize>) -> Short {
    /// Ones for as many bytes as a string has.
    const MASKS: [[u64; SHORT / 8]; SHORT + 1] = {
        let mut masks = [[0; 4]; SHORT + 1];
        let mut bytes = 1;
        while bytes <= SHORT {
            masks[bytes] = masks[bytes - 1];
            masks[bytes][(bytes - 1) / 8] |= 0xff << ((bytes - 1) % 8 * 8);
            bytes += 1;
        }
        masks
    };
    let mask = &MASKS[string.len()];
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
    Short {
        words: [word(0), word(1), word(2), word(3)],
        length: string.len() as u32,
    }
}

/// Most of the 128 bits of a hash of a longer string: as many as fit beside what was found.
#[derive(Clone, Copy, Debug)]
struct Long([u32; 3]);

impl Key for Long {
    const MOST: usize = 1 << 17;
    /// No string has it, but for one in more than there will ever be.
    const NONE: Self = Self([0; 3]);

    #[inline(always)]
    fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    #[inline(always)]
    fn place(&self) -> usize {
        self.0[0] as usize
    }
}

fn long(string: &[u8]) -> Long {
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    let hash = xxh3_128_with_seed(string, *SEED);
    Long([0, 32, 64].map(|shift| (hash >> shift) as u32))
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
    assert!(memo.short.slots.len() <= Short::MOST && memo.long.slots.len() <= Long::MOST);
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
