//! The structure of JSON, 64 bytes at a time: which of them are quotes, brackets, and text outside of strings.

use super::vectors::Vectors;

/// How many bytes are looked at together: one bit each.
pub(crate) const BLOCK: usize = 64;

/// Where in JSON a block begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Blocks {
    /// All bits if within a string, none if not.
    in_string: u64,
    /// One if the byte before the block escapes its first one.
    escaped: u64,
}

/// What the bytes of a block are; the lowest bit is the first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    /// Quotes that begin or end a string.
    pub(crate) quotes: u64,
    /// `{` and `[` outside of strings.
    pub(crate) opening: u64,
    /// `}` and `]` outside of strings.
    pub(crate) closing: u64,
    /// Colons outside of strings.
    pub(crate) colons: u64,
    /// Numbers and words: what is neither in a string nor a bracket, a comma, a colon or white space.
    pub(crate) scalars: u64,
    /// What is neither in a string nor its end.
    pub(crate) outside: u64,
    /// Whether there are bytes of eight bits.
    pub(crate) has_eights: bool,
}

impl Blocks {
    /// Reads the next block.
    #[inline(always)]
    pub(crate) fn read<V: Vectors>(&mut self, vectors: V, block: &[u8; BLOCK]) -> Marks {
        let bytes = vectors.load(block);
        let equal = |bytes, byte| vectors.equal(bytes, byte);
        let mut quotes = equal(bytes, b'"');
        let backslashes = equal(bytes, b'\\');
        if backslashes | self.escaped != 0 {
            quotes &= !self.escapes(backslashes);
        }
        // A quote turns all bits from it on: those within a string are on then, its closing quote is off.
        let in_string = fill(quotes) ^ self.in_string;
        self.in_string = ((in_string as i64) >> 63) as u64;

        // Brackets of both shapes differ from braces in one bit; nothing else has these letters then.
        let folded = vectors.with_bit(bytes, 0x20);
        let opening = equal(folded, b'{');
        let closing = equal(folded, b'}');
        let eights = vectors.eights(bytes);
        let space = vectors.less(bytes, b'!') & !eights;
        let colons = equal(bytes, b':');
        let other = opening | closing | equal(bytes, b',') | colons | space;
        Marks {
            quotes,
            opening: opening & !in_string,
            closing: closing & !in_string,
            colons: colons & !in_string,
            scalars: !(other | in_string | quotes),
            outside: !(in_string | quotes),
            has_eights: eights != 0,
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

/// Each bit turned by all bits up to it.
#[inline(always)]
fn fill(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

#[cfg(test)]
use {
    super::vectors::{Narrow, Widest, WithVectors},
    proptest::prelude::*,
};

/// Reads a text with what this machine has.
#[cfg(test)]
struct Read<'a>(&'a [u8]);

#[cfg(test)]
impl WithVectors for Read<'_> {
    type Output = Vec<Marks>;

    fn run<V: Vectors>(self, vectors: V) -> Vec<Marks> {
        let mut blocks = Blocks::default();
        let (texts, _) = self.0.as_chunks();
        texts
            .iter()
            .map(|block| blocks.read(vectors, block))
            .collect()
    }
}

#[cfg(test)]
proptest! {
    #[test]
    fn blocks_are_read_as_bytes_are(text in r#"["\\{}\[\],: \na1é\x00]{0,200}"#) {
        let mut bytes = text.into_bytes();
        bytes.resize(bytes.len().next_multiple_of(BLOCK), b' ');
        let widest = Widest::default();
        let all = [widest.run(Read(&bytes)), widest.narrow().run(Read(&bytes)), Read(&bytes).run(Narrow)];
        for all in all {
            let (mut in_string, mut is_escaped) = (false, false);
            for (marks, block) in all.iter().zip(bytes.as_chunks::<BLOCK>().0) {
                prop_assert_eq!(marks.has_eights, !block.is_ascii());
                for (i, byte) in block.iter().enumerate() {
                    let has = |mask: u64| mask >> i & 1 == 1;
                    let is_quote = *byte == b'"' && !is_escaped;
                    is_escaped = *byte == b'\\' && !is_escaped;
                    prop_assert_eq!(has(marks.quotes), is_quote);
                    let is_outside = !in_string && !is_quote;
                    prop_assert_eq!(has(marks.opening), is_outside && matches!(byte, b'{' | b'['));
                    prop_assert_eq!(has(marks.closing), is_outside && matches!(byte, b'}' | b']'));
                    prop_assert_eq!(has(marks.colons), is_outside && *byte == b':');
                    let is_scalar = !matches!(byte, 0..=b' ' | b',' | b':' | b'{' | b'}' | b'[' | b']');
                    let is_scalar = is_outside && is_scalar;
                    prop_assert_eq!(has(marks.scalars), is_scalar);
                    in_string ^= is_quote;
                }
            }
        }
    }
}
