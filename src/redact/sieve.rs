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

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use jiter::Jiter;
use serde::de::IgnoredAny;

use super::{
    MAX_DEPTH, Redactor,
    blocks::{BLOCK, Blocks},
    cut::Counts,
    labels::{TYPE, TYPE_URL},
    lookup::{Rules, Treatment, Verdict, tells},
    memo::Memo,
    names::{self, Telling},
    rules::{KEYS, RULES, What},
    shape::{Scalar, Shape},
    string::{self, Around},
    text::{self, Language},
};
use crate::xds::{Kind, Message};

/// What the name of a member tells.
#[derive(Clone, Copy, Debug)]
struct Name {
    kind: NameKind,
    /// In which pairs its text names what stands beside it: a bit each.
    labels: u64,
    /// In which pairs what it holds is named by what stands beside it.
    values: u64,
    /// In which ways texts in it may be treated, other than all texts are.
    ways: &'static [Treatment],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameKind {
    Other,
    /// Of something that may go, or goes itself.
    Alarm,
    /// Of what an Any holds.
    Type,
    /// Of what a TypedStruct holds.
    InnerType,
}

impl Name {
    const OTHER: Self = Self {
        kind: NameKind::Other,
        labels: 0,
        values: 0,
        ways: &[],
    };
    const ALARM: Self = Self {
        kind: NameKind::Alarm,
        ..Self::OTHER
    };
}

/// How deep what is looked at may be nested: no text in it stands deeper, and JSON in a text goes if it is too deep.
const DEPTH: usize = MAX_DEPTH / 2;

/// How many members of which texts are treated in a way of their own are looked at in a value.
const MOST_BELOW: usize = 1 << 10;

/// Looks at the strings of values.
#[derive(Debug)]
pub(super) struct Sieve<'a> {
    redactor: &'a Redactor,
    /// Names of members.
    names: Memo<Name>,
    /// Whether any rule may apply to a text that is none.
    texts: Memo<bool>,
    /// Whether a text, as a name, tells of a secret.
    labels: Memo<bool>,
    /// Whether texts below a name go, by name and value.
    below: Memo<bool>,
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
    /// What the last name of a member tells.
    name: Name,
    /// Where that name begins.
    name_start: usize,
    /// Where the string before the last one ends.
    before: usize,
    /// In which pairs a text names a secret.
    named: u64,
    /// In which pairs there may be a value that such a name is of.
    values: u64,
    /// Members that are no texts and whose texts are treated in a way of their own: where each begins, where its value
    /// does, and how.
    below: Vec<(usize, usize, &'static [Treatment])>,
    /// Whether anything was found.
    pub(super) alarm: bool,
}

impl Scan {
    /// A value that is in so many lists and objects.
    pub(super) fn new(depth: usize) -> Self {
        Self {
            blocks: Blocks::default(),
            depth: 0,
            max_depth: DEPTH.saturating_sub(depth),
            string: 0,
            string_end: None,
            in_string: false,
            scalar: 0,
            in_scalar: false,
            name: Name::OTHER,
            name_start: 0,
            before: 0,
            named: 0,
            values: 0,
            below: Vec::new(),
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
        if let Some(end) = end {
            self.look(sieve, bytes);
            self.alarm |= self.named & self.values != 0;
            self.alarm |= bytes.starts_with(b"{") != bytes[..end].ends_with(b"}");
            self.alarm = self.alarm || sieve.is_touched_below(&bytes[..end], &self.below);
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
        let mut after = bytes[end + 1..].iter().enumerate();
        let is_space = |byte: u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
        let after = after.find(|(_, byte)| !is_space(**byte));
        match after {
            Some((at, b':')) => {
                let last = std::mem::replace(&mut self.name, sieve.name(string));
                self.name_start = self.string;
                self.values |= self.name.values;
                let before = &bytes[..self.string - 1];
                self.alarm |= match self.name.kind {
                    NameKind::Other => false,
                    NameKind::Alarm => true,
                    // Of two types, nobody can tell which counts. One that comes first, or second after a type that
                    // comes first, comes once.
                    NameKind::Type => before.trim_ascii_end().last() != Some(&b'{'),
                    NameKind::InnerType => {
                        let between = &before[self.before + 1..];
                        last.kind != NameKind::Type
                            || !between.iter().all(|byte| is_space(*byte) || *byte == b',')
                    }
                };
                if self.name.kind != NameKind::Other || !self.name.ways.is_empty() {
                    let value = end + 1 + at + 1;
                    // What is not in the buffer yet is no text: a text would be, up to its quote.
                    let first = bytes[value..].iter().find(|byte| !is_space(**byte));
                    let is_text = first == Some(&b'"');
                    // A list may have two types.
                    self.alarm |= self.name.kind != NameKind::Other && !is_text;
                    if !is_text && !self.name.ways.is_empty() {
                        self.below.push((self.string, value, self.name.ways));
                        self.alarm |= self.below.len() > MOST_BELOW;
                        self.name.ways = &[];
                    }
                }
            }
            _ => {
                self.alarm |= sieve.is_alarming_text(string);
                if self.name.labels & !self.named != 0 && sieve.is_telling(string) {
                    self.named |= self.name.labels;
                }
                if !self.name.ways.is_empty() {
                    let member = &bytes[self.name_start..end];
                    self.alarm |= sieve.is_touched(member, string, self.name.ways);
                }
            }
        }
        self.before = end;
    }
}

impl<'a> Sieve<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Self {
        Self {
            redactor,
            names: Memo::new(),
            texts: Memo::new(),
            labels: Memo::new(),
            below: Memo::new(),
        }
    }

    #[inline]
    fn name(&mut self, string: &[u8]) -> Name {
        let redactor = self.redactor;
        self.names.get(string, |string| {
            decode(string).map_or(Name::ALARM, |name| what_name_tells(redactor, &name))
        })
    }

    /// Whether how to read what is in the member called `name` depends on more than can be seen in it.
    pub(super) fn is_alarming_name(&mut self, name: &str) -> bool {
        what_name_tells(self.redactor, name).kind == NameKind::Alarm
    }

    /// Whether a rule may apply to a string that is no name of a member, whatever its shape.
    #[inline]
    fn is_alarming_text(&mut self, string: &[u8]) -> bool {
        let redactor = self.redactor;
        self.texts.get(string, |string| {
            decode(string).is_none_or(|text| {
                goes(redactor, &text, Treatment::KEEP) || is_alarming_type(&text)
            })
        })
    }

    /// Whether a string, as a name, tells of a secret.
    #[inline]
    fn is_telling(&mut self, string: &[u8]) -> bool {
        self.labels.get(string, |string| {
            decode(string).is_none_or(|name| tells(&name) != Telling::Nothing)
        })
    }

    /// Whether anything of `string` goes in one of these `ways`; `member` is what it is remembered by.
    #[inline]
    fn is_touched(&mut self, member: &[u8], string: &[u8], ways: &[Treatment]) -> bool {
        let redactor = self.redactor;
        self.below.get(member, |_| {
            decode(string).is_none_or(|text| ways.iter().any(|way| goes(redactor, &text, *way)))
        })
    }

    /// Whether anything goes in one of `members`: where each begins in `slice`, where its value does, and its ways.
    fn is_touched_below(
        &mut self,
        slice: &[u8],
        members: &[(usize, usize, &'static [Treatment])],
    ) -> bool {
        let redactor = self.redactor;
        members.iter().any(|(start, value, ways)| {
            let mut values =
                serde_json::Deserializer::from_slice(&slice[*value..]).into_iter::<IgnoredAny>();
            if !matches!(values.next(), Some(Ok(_))) {
                return true;
            }
            let end = value + values.byte_offset();
            self.below.get(&slice[*start..end], |_| {
                let mut json = Jiter::new(&slice[*value..end]);
                is_touched_in(redactor, &mut json, ways).unwrap_or(true)
            })
        })
    }
}

/// Whether anything goes in the next value of `json`, if its texts are treated in one of these `ways`. `None` where it
/// is no JSON.
fn is_touched_in(redactor: &Redactor, json: &mut Jiter, ways: &[Treatment]) -> Option<bool> {
    use jiter::Peek;
    match json.peek().ok()? {
        Peek::Object => {
            let is_hinted = ways.iter().any(|way| matches!(way, Treatment::Named(_)));
            let mut key = json.known_object().ok()?;
            while let Some(name) = key {
                // Bytes go that do not look random, too.
                let is_other = name == TYPE || BYTES.contains(&name) || names::is_random(name);
                if is_hinted && is_other || is_touched_in(redactor, json, ways)? {
                    return Some(true);
                }
                key = json.next_key().ok()?;
            }
        }
        Peek::Array => {
            let mut item = json.known_array().ok()?;
            while item.is_some() {
                if is_touched_in(redactor, json, ways)? {
                    return Some(true);
                }
                item = json.array_step().ok()?;
            }
        }
        Peek::String => {
            let text = json.known_str().ok()?;
            return Some(ways.iter().any(|way| goes(redactor, text, *way)));
        }
        _ => json.next_skip().ok()?,
    }
    Some(false)
}

/// Whether anything of `text` goes that is treated in this way, whatever its shape.
fn goes(redactor: &Redactor, text: &str, way: Treatment) -> bool {
    let around = Around {
        redactor,
        depth: DEPTH,
        texts: 0,
    };
    let goes = |shape| string::scrub(around, text, shape, way, &mut Counts::default()).is_some();
    let is_base64_letter =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
    goes(Shape::Unknown)
        || way != Treatment::KEEP && goes(Shape::Scalar(Scalar::Text))
        || text.bytes().all(|byte| byte.is_ascii_hexdigit())
            && goes(Shape::Scalar(Scalar::Hexadecimal))
        || !matches!(way, Treatment::Named(_))
            && text.bytes().all(is_base64_letter)
            && (goes(Shape::Scalar(Scalar::Bytes)) || goes(Shape::Serialized))
}

/// Members that hold base64 wherever they stand.
const BYTES: [&str; 4] = ["inline_bytes", "inlineBytes", "raw_value", "rawValue"];

/// Ways of the text of a rejection that is called so where there is no schema.
const REJECTED: &[Treatment] = &[Treatment::Read(Language::Reason)];

/// Ways of what stands below a name that only hints at a secret.
const HINTED: &[Treatment] = &[Treatment::Named(Verdict {
    rule: "",
    if_random: true,
})];

fn what_name_tells(redactor: &Redactor, name: &str) -> Name {
    if !text::find(name, Language::Plain, &redactor.hider).is_empty() {
        return Name::ALARM;
    }
    if TELLING.marks.contains(name) {
        return Name::ALARM;
    }
    let of_field = TELLING.fields.get(name);
    let ways = match (redactor.rules.of_member(name), of_field) {
        (Treatment::KEEP, None) => &[],
        (Treatment::KEEP, Some(Some(ways))) => ways.as_slice(),
        (Treatment::Read(Language::Reason), None) => REJECTED,
        (
            Treatment::Named(Verdict {
                if_random: true, ..
            }),
            None,
        ) => HINTED,
        _ => return Name::ALARM,
    };
    Name {
        kind: match name {
            TYPE => NameKind::Type,
            TYPE_URL | "typeUrl" => NameKind::InnerType,
            _ => NameKind::Other,
        },
        labels: TELLING.labels.get(name).copied().unwrap_or_default(),
        values: TELLING.values.get(name).copied().unwrap_or_default(),
        ways,
    }
}

/// The text of a JSON string, if it is one; quotes are not part of `string`.
fn decode(string: &[u8]) -> Option<Cow<'_, str>> {
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

/// Whether `text` is the type of a message whose fields matter though they have common names.
pub(super) fn is_alarming_type(text: &str) -> bool {
    let name = text.rsplit_once('/').map_or(text, |(_, name)| name);
    TELLING.messages.contains(name)
}

/// What the table of rules has, by the names that tell of it.
#[derive(Debug, Default)]
struct TellingNames {
    /// Fields that rules apply to, in both spellings: the ways their texts are treated, or `None` if all goes.
    fields: HashMap<&'static str, Option<Vec<Treatment>>>,
    /// Messages with such fields whose names too many others have.
    messages: HashSet<&'static str>,
    /// Members that tell that others of their object go, in both spellings.
    marks: HashSet<String>,
    /// Members whose texts name what stands beside them, in both spellings, with a bit for each pair.
    labels: HashMap<String, u64>,
    /// Members that hold what is named so: of a path, the last.
    values: HashMap<String, u64>,
}

/// How many messages may have a field of a name that tells.
const COMMON: usize = 12;

static TELLING: LazyLock<TellingNames> = LazyLock::new(|| TellingNames::of(&Rules::new(RULES)));

impl TellingNames {
    fn of(rules: &Rules) -> Self {
        let mut telling = Self::default();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for field in Message::all().flat_map(Message::fields) {
            *counts.entry(field.name()).or_default() += 1;
        }
        for message in Message::all() {
            for field in message.fields() {
                let way = match rules.is_opaque(field) {
                    true => None,
                    false => Some(rules.of_field(field)),
                };
                if way == Some(Treatment::KEEP) {
                    continue;
                }
                if counts[field.name()] > COMMON {
                    telling.messages.insert(message.name());
                    continue;
                }
                for name in [field.name(), field.json_name()] {
                    telling.add_field(name, way);
                }
            }
        }
        // Fields of such messages tell for them, and their types do.
        for field in Message::all().flat_map(Message::fields) {
            if let Kind::Message(message) = field.kind()
                && telling.messages.contains(message.name())
            {
                telling.add_field(field.name(), None);
                telling.add_field(field.json_name(), None);
            }
        }
        for rule in RULES {
            if let What::Marked { by, .. } = rule.what {
                telling.marks.extend([by.to_owned(), camel(by)]);
            }
        }
        let pairs = RULES.iter().flat_map(|rule| match rule.what {
            What::Named(pairs) => pairs,
            _ => &[],
        });
        for (index, pair) in pairs.enumerate() {
            // Of so many that there are no bits left, some have one together.
            let bit = 1 << (index % 64);
            let add = |names: &mut HashMap<String, u64>, step: &str| {
                for name in [step.to_owned(), camel(step)] {
                    *names.entry(name).or_default() |= bit;
                }
            };
            let steps = |path: &'static str| path.split('.').filter(|step| *step != KEYS);
            for last in pair.names.iter().filter_map(|path| steps(path).next_back()) {
                add(&mut telling.labels, last);
            }
            // What stands on the way goes whole where the way ends before its end.
            for step in pair.values.iter().copied().flat_map(steps) {
                add(&mut telling.values, step);
            }
        }
        telling
    }

    fn add_field(&mut self, name: &'static str, way: Option<Treatment>) {
        let ways = self.fields.entry(name).or_insert_with(|| Some(Vec::new()));
        match (way, ways.as_mut()) {
            (Some(way @ Treatment::Read(_)), Some(ways)) => ways.push(way),
            _ => *ways = None,
        }
        if let Some(ways) = ways {
            ways.dedup();
        }
    }
}

/// `name` in lowerCamelCase.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &first.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod laws;
