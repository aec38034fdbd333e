//! Where the lists and objects of a document end, so that what is of no interest is passed over at once.
//!
//! The resources of a dump stand in envelopes, in lists, in sections, in a list: to look at each level, all below it
//! has to be passed over, and to do that by reading takes most of the time. One pass finds all ends.

use super::{
    blocks::{BLOCK, Blocks},
    vectors::{Vectors, Widest, WithVectors},
};

/// How deep what is looked up stands at most: `{"configs": [{"dynamic_listeners": [{"active_state": {"listener": {`.
const MAX_DEPTH: usize = 7;

/// The lists and objects of a document that are not too deep in it.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Where each begins, in order, and where it ends. There are many: none are listed of a document that is too large for
    /// these numbers.
    spans: Vec<(u32, u32)>,
    /// No list or object of the document stands in more; `None` if nobody counted.
    depth: Option<usize>,
}

impl Index {
    /// The index of a document that is well-formed: of another one it is of no use, and does no harm.
    pub(crate) fn new(document: &[u8]) -> Self {
        match u32::try_from(document.len()) {
            Ok(length) => Widest::default().run(Find(document, length)),
            Err(_) => Self::default(),
        }
    }

    /// Whether it is known that lists and objects are nested no deeper than so.
    pub(crate) fn is_no_deeper_than(&self, depth: usize) -> bool {
        self.depth.is_some_and(|deepest| deepest <= depth)
    }

    /// Where what begins at `start` ends, if it is in here.
    pub(crate) fn end(&self, start: usize) -> Option<usize> {
        let start = u32::try_from(start).ok()?;
        let at = self.spans.binary_search_by_key(&start, |span| span.0);
        at.ok().map(|at| self.spans[at].1 as usize)
    }
}

/// Finds what is in a document of that length.
struct Find<'a>(&'a [u8], u32);

impl WithVectors for Find<'_> {
    type Output = Index;

    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) -> Index {
        let mut blocks = Blocks::default();
        let mut index = Index::default();
        // Positions in `spans` of what is open and not too deep, and how much is open in all.
        let mut open = Vec::with_capacity(MAX_DEPTH);
        let mut depth = 0_usize;
        let mut deepest = 0;
        let (texts, rest) = self.0.as_chunks::<BLOCK>();
        let mut last = [b' '; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        for (number, block) in texts.iter().chain([&last]).enumerate() {
            let marks = blocks.read(vectors, block);
            let [opening, closing] =
                [marks.opening, marks.closing].map(|marks| marks.count_ones() as usize);
            deepest = deepest.max(depth + opening);
            // Nothing of a block that begins and stays too deep is in the index.
            if depth > MAX_DEPTH + closing {
                depth = depth + opening - closing;
                continue;
            }
            let mut brackets = marks.opening | marks.closing;
            while brackets != 0 {
                let bit = brackets & brackets.wrapping_neg();
                brackets ^= bit;
                let at = (number * BLOCK) as u32 + bit.trailing_zeros();
                if marks.opening & bit != 0 {
                    depth += 1;
                    if depth <= MAX_DEPTH {
                        open.push(index.spans.len());
                        index.spans.push((at, self.1));
                    }
                } else {
                    if depth <= MAX_DEPTH
                        && let Some(span) = open.pop()
                    {
                        index.spans[span].1 = at + 1;
                    }
                    depth = depth.saturating_sub(1);
                }
            }
        }
        index.depth = Some(deepest);
        index
    }
}

#[cfg(test)]
use proptest::prelude::*;

#[cfg(test)]
proptest! {
    #[test]
    fn an_index_has_the_ends_of_all_that_is_not_too_deep(text in r#"([\[{]|[\]}]|"[a\\]\\[\\]{0,2}b"|, ){0,300}"#) {
        let index = Index::new(text.as_bytes());
        let (mut open, mut in_string, mut escaped) = (Vec::new(), false, false);
        let mut expected = Vec::new();
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'[' | b'{' => {
                    open.push(expected.len());
                    expected.push((at, text.len(), open.len()));
                }
                b']' | b'}' => if let Some(span) = open.pop() {
                    expected[span].1 = at + 1;
                },
                _ => {}
            }
        }
        for (start, end, depth) in expected {
            prop_assert_eq!(index.end(start), (depth <= MAX_DEPTH).then_some(end));
            prop_assert!(!index.is_no_deeper_than(depth - 1));
        }
    }
}
