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
    ops::Range,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use jiter::Jiter;
use memchr::{memchr, memrchr};
use serde::de::IgnoredAny;

use super::{
    Redactor,
    cut::Counts,
    labels::{TYPE, TYPE_URL},
    lookup::{Rules, Treatment, Verdict, tells},
    memo::Memo,
    names::{self, Telling},
    rules::{KEYS, RULES, What},
    scan::{Below, DEPTH, QUOTES},
    shape::{Scalar, Shape},
    string::{self, Around},
    text::{self, Language},
};
use crate::{
    dump::Widest,
    xds::{Kind, Message},
};

/// What the name of a member tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) kind: NameKind,
    /// In which pairs its text names what stands beside it: a bit each.
    pub(super) labels: u64,
    /// In which pairs what it holds is named by what stands beside it.
    pub(super) values: u64,
    /// In which ways texts in it may be treated, other than all texts are.
    pub(super) ways: &'static [Treatment],
}

/// Where what a name tells stands among what is known.
pub(super) type NameId = u16;

/// Of a name that tells nothing.
pub(super) const OTHER: NameId = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameKind {
    Other,
    /// Of something that may go, or goes itself.
    Alarm,
    /// Of what an Any holds.
    Type,
    /// Of what a TypedStruct holds.
    InnerType,
}

impl Name {
    pub(super) const OTHER: Self = Self {
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

/// Looks at the strings of values.
#[derive(Debug)]
pub(super) struct Sieve<'a> {
    redactor: &'a Redactor,
    known: Known,
    pub(super) vectors: Widest,
}

/// What is known of strings: what is found for a document holds for the next one.
#[derive(Debug)]
pub(super) struct Known {
    /// Of texts, and of names of members.
    strings: [Memo<Tells>; 2],
    /// What names tell, each once; that of most is the first.
    names: Vec<Name>,
    /// Whether texts below a name go, by name and value.
    below: Memo<Option<bool>>,
    /// Where quotes are that were not looked at yet.
    quotes: Vec<u32>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            strings: [Memo::new(), Memo::new()],
            names: vec![Name::OTHER],
            below: Memo::new(),
            quotes: vec![0; QUOTES],
        }
    }
}

/// What a string tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tells {
    /// What it tells as a name of a member; or, as a text, whether any rule may apply to it, whatever its shape. 0 is nothing.
    pub(super) itself: u16,
    /// Whether it tells of a secret, as a text that names what stands beside it.
    beside: u16,
}

impl Default for Tells {
    fn default() -> Self {
        Self {
            itself: UNSEEN,
            beside: UNSEEN,
        }
    }
}

/// What nobody has asked for yet.
const UNSEEN: u16 = u16::MAX;

impl<'a> Sieve<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Self {
        Self {
            redactor,
            known: redactor.known.take(),
            vectors: Widest::default(),
        }
    }

    /// Leaves what is known to the next document.
    pub(super) fn end(self) {
        self.redactor.known.put(self.known);
    }

    /// What a string tells, as the name of a member or as a text.
    #[inline(always)]
    pub(super) fn tells(&mut self, buffer: &[u8], string: Range<usize>, is_name: bool) -> Tells {
        let known = &mut self.known;
        let tells = known.strings[usize::from(is_name)].get(buffer, string.clone());
        if tells.itself == UNSEEN {
            let string = &buffer[string];
            *tells = match is_name {
                true => what_is_named(self.redactor, &mut known.names, string),
                false => Tells {
                    itself: u16::from(is_alarming_text(self.redactor, string)),
                    ..Tells::default()
                },
            };
        }
        *tells
    }

    /// Whether a text, as a name, tells of a secret; `tells` is what is known of it.
    #[inline(always)]
    pub(super) fn is_telling(&mut self, buffer: &[u8], text: Range<usize>, tells: Tells) -> bool {
        match tells.beside {
            UNSEEN => self.find_telling(buffer, text),
            known => known != 0,
        }
    }

    #[cold]
    fn find_telling(&mut self, buffer: &[u8], text: Range<usize>) -> bool {
        let tells = |name: Cow<str>| tells(&name) != Telling::Nothing;
        let is_telling = decode(&buffer[text.clone()]).is_none_or(tells);
        self.known.strings[0].get(buffer, text).beside = u16::from(is_telling);
        is_telling
    }

    /// What a name tells, as it is known.
    #[inline(always)]
    pub(super) fn name(&self, name: NameId) -> Name {
        self.known.names[usize::from(name)]
    }

    /// Whether how to read what is in the member that has this name, as it is written, depends on more than can be seen
    /// in it, or the name itself goes.
    pub(super) fn is_alarming_name(&mut self, name: &[u8]) -> bool {
        let name = self.tells(name, 0..name.len(), true);
        self.name(name.itself).kind == NameKind::Alarm
    }

    /// Takes the place for quotes.
    pub(super) fn take_quotes(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.known.quotes)
    }

    pub(super) fn return_quotes(&mut self, quotes: Vec<u32>) {
        self.known.quotes = quotes;
    }

    /// Whether anything of `string` goes in one of these `ways`; `member` is what it is remembered by.
    pub(super) fn is_touched(
        &mut self,
        buffer: &[u8],
        member: Range<usize>,
        string: Range<usize>,
        ways: &[Treatment],
    ) -> bool {
        let redactor = self.redactor;
        *self.known.below.get(buffer, member).get_or_insert_with(|| {
            let goes = |text: Cow<str>| ways.iter().any(|way| goes(redactor, &text, *way));
            decode(&buffer[string]).is_none_or(goes)
        })
    }

    /// Whether anything goes in one of `members`: where each begins in `slice`, where its value does, and its ways.
    pub(super) fn is_touched_below(&mut self, bytes: &[u8], members: &[Below]) -> bool {
        let redactor = self.redactor;
        members.iter().any(|Below { name, value, ways }| {
            let mut values =
                serde_json::Deserializer::from_slice(&bytes[*value..]).into_iter::<IgnoredAny>();
            if !matches!(values.next(), Some(Ok(_))) {
                return true;
            }
            let end = value + values.byte_offset();
            *self
                .known
                .below
                .get(bytes, *name..end)
                .get_or_insert_with(|| {
                    let mut json = Jiter::new(&bytes[*value..end]);
                    is_touched_in(redactor, &mut json, ways).unwrap_or(true)
                })
        })
    }
}

/// What is known at rest: as much as there were documents read at a time.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Vec<Known>>);

impl Shelf {
    fn take(&self) -> Known {
        self.lock().pop().unwrap_or_default()
    }

    fn put(&self, known: Known) {
        self.lock().push(known);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    goes(Shape::Unknown)
        || way != Treatment::KEEP && goes(Shape::Scalar(Scalar::Text))
        || text.bytes().all(|byte| byte.is_ascii_hexdigit())
            && goes(Shape::Scalar(Scalar::Hexadecimal))
        || !matches!(way, Treatment::Named(_))
            && text.bytes().all(is_base64_letter)
            && (goes(Shape::Scalar(Scalar::Bytes)) || goes(Shape::Serialized))
}

/// Of any of base64's alphabets.
fn is_base64_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
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

/// What `string` tells as a name, as it is `known` then.
#[cold]
fn what_is_named(redactor: &Redactor, known: &mut Vec<Name>, string: &[u8]) -> Tells {
    let tells = |name: Cow<str>| what_name_tells(redactor, &name);
    let name = decode(string).map_or(Name::ALARM, tells);
    let id = known.iter().position(|known| *known == name);
    // There are no more than the table of rules makes.
    let id = id.unwrap_or_else(|| {
        known.push(name);
        known.len() - 1
    });
    Tells {
        itself: id as NameId,
        ..Tells::default()
    }
}

/// Whether any rule may apply to a text, whatever its shape.
#[cold]
fn is_alarming_text(redactor: &Redactor, string: &[u8]) -> bool {
    decode(string).is_none_or(|text| {
        is_alarming_type(&text) || !is_harmless(&text) && goes(redactor, &text, Treatment::KEEP)
    })
}

/// Whether a text has none of what every secret has in it or before it, and cannot be read as anything but a text:
/// most are so.
fn is_harmless(text: &str) -> bool {
    !text::has_marks(text)
        && !text.trim_start().starts_with(['{', '['])
        && !text.bytes().all(is_base64_letter)
}

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
    if memchr(b'\\', string).is_none() {
        return std::str::from_utf8(string).ok().map(Into::into);
    }
    let token = [b"\"", string, b"\""].concat();
    let mut json = Jiter::new(&token);
    json.next_str().ok().map(|text| text.to_owned().into())
}

/// Whether `text` is the type of a message whose fields matter though they have common names.
pub(super) fn is_alarming_type(text: &str) -> bool {
    let name = memrchr(b'/', text.as_bytes()).map_or(text, |at| &text[at + 1..]);
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
