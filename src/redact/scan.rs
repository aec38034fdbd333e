//! A list or an object as it is read: where it ends, and whether anything in it may go.
//!
//! Quotes are found 64 bytes at a time, and strings are looked at many at a time, so that neither waits for the other.

use std::ops::Range;

use jiter::Jiter;

use super::{
    MAX_DEPTH,
    lookup::Treatment,
    sieve::{NameId, NameKind, OTHER, Sieve, Tells},
};
use crate::dump::{BLOCK, Blocks, Vectors, WithVectors};

/// How deep what is looked at may be nested: no text in it stands deeper, and JSON in a text goes if it is too deep.
pub(super) const DEPTH: usize = MAX_DEPTH / 2;

/// How many members of which texts are treated in a way of their own are looked at in a value.
const MOST_BELOW: usize = 1 << 10;

/// How many blocks are read before the strings in them are looked at.
pub(super) const BATCH: usize = 32;

/// How many quotes there may be in a batch, with those that the last one left: a string, and where the next begins.
pub(super) const QUOTES: usize = BATCH * BLOCK + 2;

/// A member whose texts are treated in ways of their own, and which is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Below {
    /// Where its name begins, after the quote.
    pub(super) name: usize,
    /// Where its value does, or space before it.
    pub(super) value: usize,
    pub(super) ways: &'static [Treatment],
}

/// A list or an object.
#[derive(Debug)]
pub(super) struct Scan {
    blocks: Blocks,
    /// How many lists and objects are open.
    depth: usize,
    /// How many may be.
    max_depth: usize,
    /// How many quotes were not looked at yet; each string has two.
    quotes: usize,
    /// Where the number or word begins that was the last to begin.
    scalar: usize,
    in_scalar: bool,
    /// What the last name of a member tells.
    name: NameId,
    /// Where that name begins.
    name_start: usize,
    /// Whether its value is no text.
    is_below: bool,
    /// Where the string before the one that is looked at ends.
    before: usize,
    /// In which pairs a text names a secret.
    named: u64,
    /// In which pairs there may be a value that such a name is of.
    values: u64,
    below: Vec<Below>,
    /// Whether there may be a colon that does not follow a quote at once.
    has_lone_colons: bool,
    /// One if the byte before the next block is a quote.
    after_string: u64,
    /// Whether there is anything but ASCII in it.
    has_eights: bool,
    /// Whether anything was found.
    alarm: bool,
}

impl Scan {
    /// A value that is in so many lists and objects.
    pub(super) fn new(depth: usize) -> Self {
        Self {
            blocks: Blocks::default(),
            depth: 0,
            max_depth: DEPTH.saturating_sub(depth),
            quotes: 0,
            scalar: 0,
            in_scalar: false,
            name: OTHER,
            name_start: 0,
            is_below: false,
            before: 0,
            named: 0,
            values: 0,
            below: Vec::new(),
            has_lone_colons: false,
            after_string: 0,
            has_eights: false,
            alarm: false,
        }
    }

    /// Reads `batch`, at most [`BATCH`] blocks: what `bytes` has from `at` on, or the last of it and spaces. Returns
    /// where the value ends, if that is in there.
    pub(super) fn read(
        &mut self,
        sieve: &mut Sieve,
        bytes: &[u8],
        at: usize,
        batch: &[[u8; BLOCK]],
    ) -> Option<usize> {
        let mut masks = [0; BATCH];
        let end = sieve.vectors.run(Read {
            scan: self,
            bytes,
            at,
            batch,
            quotes: &mut masks,
        });
        if !self.alarm {
            let mut quotes = sieve.take_quotes();
            sieve.vectors.narrow().run(Look {
                scan: self,
                sieve,
                bytes,
                at,
                masks: &masks,
                quotes: &mut quotes,
                is_end: end.is_some(),
            });
            sieve.return_quotes(quotes);
        }
        if let Some(end) = end {
            self.alarm |= self.named & self.values != 0;
            self.alarm |= bytes.starts_with(b"{") != bytes[..end].ends_with(b"}");
        }
        end
    }

    /// Whether nothing in what was read, which is `value`, may go.
    pub(super) fn is_clean(&self, sieve: &mut Sieve, value: &[u8]) -> bool {
        !self.alarm
            && !sieve.is_touched_below(value, &self.below)
            && (!self.has_eights || std::str::from_utf8(value).is_ok())
    }

    #[inline(always)]
    fn read_block<V: Vectors>(
        &mut self,
        vectors: V,
        bytes: &[u8],
        at: usize,
        block: &[u8; BLOCK],
        quotes: &mut u64,
    ) -> Option<usize> {
        let mut marks = self.blocks.read(vectors, block);
        self.has_eights |= marks.has_eights;
        self.has_lone_colons |= marks.colons & !(marks.quotes << 1 | self.after_string) != 0;
        self.after_string = marks.quotes >> (BLOCK - 1);
        let mut end = None;
        if marks.opening | marks.closing != 0 {
            let closing = marks.closing.count_ones() as usize;
            if self.depth > closing {
                self.depth += marks.opening.count_ones() as usize;
                self.alarm |= self.depth > self.max_depth;
                self.depth -= closing;
            } else {
                end = self.end(marks.opening, marks.closing);
                if let Some(end) = end {
                    let before = (1 << end) - 1;
                    marks.quotes &= before;
                    marks.scalars &= before;
                }
            }
        }
        let end = end.map(|end| at + end as usize + 1);
        *quotes = marks.quotes;
        // Where numbers and words begin and end, in turn.
        let mut turns = marks.scalars ^ (marks.scalars << 1 | u64::from(self.in_scalar));
        while turns != 0 {
            let turn = at + turns.trailing_zeros() as usize;
            turns &= turns - 1;
            match self.in_scalar {
                false => self.scalar = turn,
                true => self.alarm |= !is_scalar(&bytes[self.scalar..turn]),
            }
            self.in_scalar ^= true;
        }
        end
    }

    /// Which byte of a block closes what is open; counts on if none does.
    fn end(&mut self, opening: u64, closing: u64) -> Option<u32> {
        let mut brackets = opening | closing;
        while brackets != 0 {
            let first = brackets & brackets.wrapping_neg();
            brackets ^= first;
            if opening & first != 0 {
                self.depth += 1;
                self.alarm |= self.depth > self.max_depth;
            } else {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Some(first.trailing_zeros());
                }
            }
        }
        None
    }

    /// Lists the quotes of a block.
    #[inline(always)]
    fn list(&mut self, at: usize, mut mask: u64, quotes: &mut [u32]) {
        let count = mask.count_ones() as usize;
        let quotes = &mut quotes[self.quotes..][..BLOCK];
        self.quotes += count;
        // Some at a time, though there may be fewer: that costs less than to ask before each.
        for quotes in quotes
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .take(count.div_ceil(4))
        {
            for quote in quotes {
                *quote = (at as u32).wrapping_add(mask.trailing_zeros());
                mask &= mask.wrapping_sub(1);
            }
        }
    }

    /// Looks at the strings after which another one begins, or at all at the end of the value: what follows a string
    /// tells if it is a name, and what of.
    #[inline(always)]
    fn look(&mut self, sieve: &mut Sieve, bytes: &[u8], quotes: &mut [u32], is_end: bool) {
        let looked = match is_end {
            true => self.quotes,
            false => self.quotes.saturating_sub(1),
        } / 2;
        for quotes in quotes[..2 * looked].as_chunks().0 {
            let [start, end] = quotes.map(|quote| quote as usize);
            let string = start + 1..end;
            let is_name = match self.has_lone_colons {
                false => bytes.get(end + 1) == Some(&b':'),
                true => bytes.get(skip_space(bytes, end + 1)) == Some(&b':'),
            };
            let tells = sieve.tells(bytes, string.clone(), is_name);
            if tells.itself | self.name != 0 {
                match (is_name, tells.itself) {
                    (true, OTHER) => self.name = OTHER,
                    (true, name) => self.look_at_name(sieve, bytes, string, name),
                    (false, _) => self.look_at_text(sieve, bytes, string, tells),
                }
            }
            self.before = end;
        }
        quotes.copy_within(2 * looked..self.quotes, 0);
        self.quotes -= 2 * looked;
    }

    /// Looks at a name that tells something.
    fn look_at_name(&mut self, sieve: &Sieve, bytes: &[u8], string: Range<usize>, name: NameId) {
        let last = std::mem::replace(&mut self.name, name);
        self.name_start = string.start;
        let name = sieve.name(name);
        self.values |= name.values;
        let before = &bytes[..string.start - 1];
        self.alarm |= match name.kind {
            NameKind::Other => false,
            NameKind::Alarm => true,
            // Of two types, nobody can tell which counts. One that comes first, or second after a type that comes
            // first, comes once.
            NameKind::Type => before.trim_ascii_end().last() != Some(&b'{'),
            NameKind::InnerType => {
                let is_between = |byte: &u8| is_space(*byte) || *byte == b',';
                sieve.name(last).kind != NameKind::Type
                    || !before[self.before + 1..].iter().all(is_between)
            }
        };
        // What is not in the buffer yet is no text: a text would be, up to its quote.
        let value = skip_space(bytes, string.end + 1) + 1;
        self.is_below = bytes.get(skip_space(bytes, value)) != Some(&b'"');
        // A list may have two types.
        self.alarm |= name.kind != NameKind::Other && self.is_below;
        if self.is_below && !name.ways.is_empty() {
            self.below.push(Below {
                name: string.start,
                value,
                ways: name.ways,
            });
            self.alarm |= self.below.len() > MOST_BELOW;
        }
    }

    /// Looks at a text, by whether it tells and by the last name.
    fn look_at_text(&mut self, sieve: &mut Sieve, bytes: &[u8], text: Range<usize>, tells: Tells) {
        let name = sieve.name(self.name);
        self.alarm |= tells.itself != 0;
        if name.labels & !self.named != 0 && sieve.is_telling(bytes, text.clone(), tells) {
            self.named |= name.labels;
        }
        if !name.ways.is_empty() && !self.is_below {
            let member = self.name_start..text.end;
            self.alarm |= sieve.is_touched(bytes, member, text, name.ways);
        }
    }
}

/// A batch that is read.
struct Read<'a> {
    scan: &'a mut Scan,
    bytes: &'a [u8],
    at: usize,
    batch: &'a [[u8; BLOCK]],
    /// Those of each block.
    quotes: &'a mut [u64; BATCH],
}

impl WithVectors for Read<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) -> Option<usize> {
        for (index, (block, quotes)) in self.batch.iter().zip(self.quotes).enumerate() {
            let at = self.at + index * BLOCK;
            let end = self.scan.read_block(vectors, self.bytes, at, block, quotes);
            if end.is_some() {
                return end;
            }
        }
        None
    }
}

/// A batch that is looked at. It goes by words and not by vectors, but with the instructions that come with these.
struct Look<'a, 's, 'r> {
    scan: &'a mut Scan,
    sieve: &'s mut Sieve<'r>,
    bytes: &'a [u8],
    at: usize,
    masks: &'a [u64; BATCH],
    quotes: &'a mut [u32],
    is_end: bool,
}

impl WithVectors for Look<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        for (index, mask) in self.masks.iter().enumerate() {
            self.scan.list(self.at + index * BLOCK, *mask, self.quotes);
        }
        let Self { scan, sieve, .. } = self;
        scan.look(sieve, self.bytes, self.quotes, self.is_end);
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

/// Where what comes after white space at `at` stands, if that is there yet.
#[inline(always)]
fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| is_space(*byte)) {
        at += 1;
    }
    at
}

/// Whether `token` is a number or a word of JSON.
fn is_scalar(token: &[u8]) -> bool {
    match token {
        b"true" | b"false" | b"null" => true,
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => true,
        [b'-' | b'0'..=b'9', ..] => {
            let mut json = Jiter::new(token);
            json.next_number_bytes().is_ok() && json.finish().is_ok()
        }
        _ => false,
    }
}
