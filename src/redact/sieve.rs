//! Tells of a value, from its strings alone, that no rule applies to anything in it.
//!
//! To read a value by its schema takes several times as long as to look at its bytes. What a rule applies to tells by
//! a string: by itself, by the name of its member, or by the name of its header. So each string of a value is looked
//! at wherever it stands, by the same functions that the rules go by, once for all its repetitions; only a value with
//! a string that may matter somewhere is read by its schema.
//!
//! Laws: what is in a value without alarm stays as it is, whatever the shape of the value; outside of its strings it
//! has nothing but punctuation, numbers and words of JSON. (The order of these is not looked at: who reads the
//! document next finds out.)

use std::{collections::HashSet, sync::LazyLock};

use jiter::Jiter;

use super::{
    Redactor,
    blocks::{BLOCK, Blocks},
    memo::Memo,
    rules::{RULES, Rules, Treatment},
    shape,
    text::{self, Language},
};
use crate::xds::{Kind, Message};

/// What the name of a member tells of its value, where nothing else is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// Nothing.
    Plain,
    /// That it is the name of something whose value is a secret, if it tells so.
    OfName,
    /// That it, or the member itself, may go.
    Alarm,
}

/// Looks at the strings of values.
#[derive(Debug)]
pub(super) struct Sieve<'a> {
    redactor: &'a Redactor,
    names: Memo<Name>,
    texts: Memo<bool>,
}

/// A value as it is read: a list or an object.
#[derive(Debug)]
pub(super) struct Scan {
    blocks: Blocks,
    /// How many lists and objects are open.
    depth: usize,
    /// How many may be.
    max_depth: usize,
    /// Where the string begins that was the last to begin, after its quote.
    string: usize,
    /// Where it ended, if it did and was not looked at yet.
    string_end: Option<usize>,
    in_string: bool,
    /// Where the number or word begins that was the last to begin.
    scalar: usize,
    in_scalar: bool,
    /// What the string before tells, if it was a name.
    before: Name,
    /// Whether anything was found.
    pub(super) alarm: bool,
}

impl Scan {
    /// A value that may have `max_depth` levels.
    pub(super) fn new(max_depth: usize) -> Self {
        Self {
            blocks: Blocks::default(),
            depth: 0,
            max_depth,
            string: 0,
            string_end: None,
            in_string: false,
            scalar: 0,
            in_scalar: false,
            before: Name::Plain,
            alarm: false,
        }
    }

    /// Reads `block`, which is what `bytes` has from `at` on, or the last of it and spaces; returns where the value
    /// ends, if that is in there.
    #[inline]
    pub(super) fn read(
        &mut self,
        sieve: &mut Sieve,
        bytes: &[u8],
        at: usize,
        block: &[u8; BLOCK],
    ) -> Option<usize> {
        let mut marks = self.blocks.read(block);
        let closing = marks.closing.count_ones() as usize;
        let mut end = None;
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
        let end = end.map(|end| at + end as usize + 1);
        if self.alarm {
            return end;
        }
        while marks.quotes != 0 {
            let quote = at + marks.quotes.trailing_zeros() as usize;
            marks.quotes &= marks.quotes - 1;
            if self.in_string {
                self.string_end = Some(quote);
            } else {
                self.look(sieve, bytes);
                self.string = quote + 1;
            }
            self.in_string ^= true;
        }
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
        if end.is_some() {
            self.look(sieve, bytes);
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

    /// Looks at the string that ended last, now that what follows it is known.
    #[inline]
    fn look(&mut self, sieve: &mut Sieve, bytes: &[u8]) {
        let Some(end) = self.string_end.take() else {
            return;
        };
        let string = &bytes[self.string..end];
        let after = bytes[end + 1..]
            .iter()
            .find(|byte| !byte.is_ascii_whitespace());
        if after == Some(&b':') {
            self.before = sieve.name(string);
            self.alarm |= self.before == Name::Alarm;
        } else {
            self.alarm |= sieve.is_alarming_text(string);
            if self.before != Name::Plain {
                self.alarm |= sieve.is_alarming_name(string);
                self.before = Name::Plain;
            }
        }
    }
}

impl<'a> Sieve<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Self {
        Self {
            redactor,
            names: Memo::new(),
            texts: Memo::new(),
        }
    }

    #[inline]
    fn name(&mut self, string: &[u8]) -> Name {
        let redactor = self.redactor;
        self.names.get(string, |string| match decode(string) {
            None => Name::Alarm,
            Some(key) if goes(redactor, &key) => Name::Alarm,
            Some(key) => what_name_tells(&redactor.rules, &key),
        })
    }

    /// Whether a rule may apply to a string that is no name of a member.
    #[inline]
    fn is_alarming_text(&mut self, string: &[u8]) -> bool {
        let redactor = self.redactor;
        self.texts.get(string, |string| match decode(string) {
            None => true,
            Some(text) => {
                goes(redactor, &text)
                    || text::is_in_base64(&text)
                    || HOLDERS.messages.contains(type_name(&text))
            }
        })
    }

    fn is_alarming_name(&self, string: &[u8]) -> bool {
        decode(string).is_none_or(|name| self.redactor.rules.is_secret_header(&name))
    }
}

/// Whether anything goes of `text` itself.
fn goes(redactor: &Redactor, text: &str) -> bool {
    !text::find(text, Language::Plain, &redactor.hider).is_empty()
}

fn what_name_tells(rules: &Rules, key: &str) -> Name {
    if HOLDERS.fields.contains(key) || rules.of_member(key) != Treatment::KEEP {
        Name::Alarm
    } else if shape::is_label_of_name(key) {
        Name::OfName
    } else {
        Name::Plain
    }
}

/// The text of a JSON string, if it is one; quotes are not part of `string`.
fn decode(string: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    if !string.contains(&b'\\') {
        return std::str::from_utf8(string).ok().map(Into::into);
    }
    let token = [b"\"", string, b"\""].concat();
    let mut json = Jiter::new(&token);
    json.next_str().ok().map(|text| text.to_owned().into())
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

fn type_name(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

/// Names of fields that rules apply to, and what stands for names that too many other fields have.
#[derive(Debug, Default)]
struct Holders {
    /// Names of fields, in both spellings.
    fields: HashSet<&'static str>,
    /// Messages that have such fields.
    messages: HashSet<&'static str>,
}

/// How many messages may have a field of a name that alarms.
const COMMON: usize = 12;

static HOLDERS: LazyLock<Holders> = LazyLock::new(|| Holders::of(&Rules::new(RULES)));

impl Holders {
    fn of(rules: &Rules) -> Self {
        let all = || {
            Message::all()
                .iter()
                .flat_map(|message| message.fields().iter().map(move |field| (message, field)))
        };
        let mut holders = Self::default();
        let ruled = all().filter(|(_, field)| rules.of_field(field) != Treatment::KEEP);
        let mut common = HashSet::new();
        for (message, field) in ruled {
            match all()
                .filter(|(_, other)| other.name() == field.name())
                .count()
                > COMMON
            {
                false => holders.fields.extend([field.name(), field.json_name()]),
                true => {
                    holders.messages.insert(message.name());
                    common.insert(std::ptr::from_ref(message));
                }
            }
        }
        for (_, field) in all() {
            if let Kind::Message(message) = field.kind()
                && common.contains(&std::ptr::from_ref(message))
            {
                holders.fields.extend([field.name(), field.json_name()]);
            }
        }
        holders
    }
}
