//! The structure of JSON, 64 bytes at a time: which of them are quotes, brackets, and text outside of strings.

use wide::{CmpEq, CmpLt, i8x16};

/// How many bytes are looked at together: one bit each.
pub(super) const BLOCK: usize = 64;

/// Where in JSON a block begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks {
    /// All bits if within a string, none if not.
    in_string: u64,
    /// One if the byte before the block escapes its first one.
    escaped: u64,
}

/// What the bytes of a block are; the lowest bit is the first byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// Quotes that begin or end a string.
    pub(super) quotes: u64,
    /// `{` and `[` outside of strings.
    pub(super) opening: u64,
    /// `}` and `]` outside of strings.
    pub(super) closing: u64,
    /// Numbers and words: what is neither in a string nor a bracket, a comma, a colon or white space.
    pub(super) scalars: u64,
}

impl Blocks {
    /// Reads the next block.
    #[inline]
    pub(super) fn read(&mut self, block: &[u8; BLOCK]) -> Marks {
        let lanes: [i8x16; 4] = bytemuck::cast(*block);
        let mut quotes = equal(lanes, b'"');
        let backslashes = equal(lanes, b'\\');
        if backslashes | self.escaped != 0 {
            quotes &= !self.escapes(backslashes);
        }
        // A quote turns all bits from it on: those within a string are on then, its closing quote is off.
        let in_string = fill(quotes) ^ self.in_string;
        self.in_string = ((in_string as i64) >> 63) as u64;

        // Brackets of both shapes differ from braces in one bit; nothing else has these letters then.
        let line = i8x16::splat(0x20);
        let [first, second, third, fourth] = lanes;
        let folded = [first | line, second | line, third | line, fourth | line];
        let opening = equal(folded, b'{');
        let closing = equal(folded, b'}');
        // Bytes of eight bits are negative numbers, and no space.
        let space = bits(lanes, |lane| lane.cmp_lt(i8x16::splat(b'!' as i8)));
        let space = space & !bits(lanes, |lane| lane);
        let other = opening | closing | equal(lanes, b',') | equal(lanes, b':') | space;
        Marks {
            quotes,
            opening: opening & !in_string,
            closing: closing & !in_string,
            scalars: !(other | in_string | quotes),
        }
    }

    /// The bytes that `backslashes`, of which some may be escaped themselves, escape.
    fn escapes(&mut self, mut backslashes: u64) -> u64 {
        let mut escaped = self.escaped;
        backslashes &= !escaped;
        self.escaped = 0;
        while backslashes != 0 {
            let first = backslashes & backslashes.wrapping_neg();
            let next = first << 1;
            self.escaped = u64::from(next == 0);
            escaped |= next;
            backslashes &= !(first | next);
        }
        escaped
    }
}

/// The bits of the bytes that are `byte`.
#[inline(always)]
fn equal(lanes: [i8x16; 4], byte: u8) -> u64 {
    let byte = i8x16::splat(byte as i8);
    bits(lanes, |lane| lane.cmp_eq(byte))
}

/// The bits of the bytes that `test` makes negative. Without a loop or a map, which do not become as few instructions.
#[inline(always)]
fn bits([first, second, third, fourth]: [i8x16; 4], test: impl Fn(i8x16) -> i8x16) -> u64 {
    let bits = |lane| u64::from(test(lane).move_mask() as u16);
    bits(first) | bits(second) << 16 | bits(third) << 32 | bits(fourth) << 48
}

/// Each bit turned by all bits up to it.
fn fill(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

#[cfg(test)]
use proptest::prelude::*;

#[cfg(test)]
proptest! {
    #[test]
    fn blocks_are_read_as_bytes_are(text in r#"["\\{}\[\],: \na1é\x00]{0,200}"#) {
        let mut bytes = text.into_bytes();
        bytes.resize(bytes.len().next_multiple_of(BLOCK), b' ');
        let mut blocks = Blocks::default();
        let (mut in_string, mut is_escaped) = (false, false);
        for block in bytes.as_chunks::<BLOCK>().0 {
            let marks = blocks.read(block);
            for (i, byte) in block.iter().enumerate() {
                let has = |mask: u64| mask >> i & 1 == 1;
                let is_quote = *byte == b'"' && !is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                prop_assert_eq!(has(marks.quotes), is_quote);
                let is_outside = !in_string && !is_quote;
                prop_assert_eq!(has(marks.opening), is_outside && matches!(byte, b'{' | b'['));
                prop_assert_eq!(has(marks.closing), is_outside && matches!(byte, b'}' | b']'));
                let is_scalar = !matches!(byte, 0..=b' ' | b',' | b':' | b'{' | b'}' | b'[' | b']');
                let is_scalar = is_outside && is_scalar;
                prop_assert_eq!(has(marks.scalars), is_scalar);
                in_string ^= is_quote;
            }
        }
    }
}
