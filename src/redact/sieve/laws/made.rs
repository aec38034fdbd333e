//! JSON made of what rules look for: of the paths, names and messages that the table has, spelt in every way that JSON
//! allows, fitting their schema or not.

use std::{collections::BTreeSet, sync::LazyLock};

use serde_json::Value;

use super::super::{BYTES, camel};
use crate::{
    redact::{
        labels::LABELS,
        rules::{FORMATS, KEYS, Pair, RULES, What},
        to_base64,
    },
    xds::{Field, Kind, Message, Special},
};

/// Makes choices of bytes; of none that are left, the first.
pub(super) struct Dice<'a>(pub(super) &'a [u8]);

impl Dice<'_> {
    fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first)
    }

    fn below(&mut self, count: usize) -> usize {
        match count {
            0 | 1 => 0,
            2..=256 => self.byte() % count,
            _ => (self.byte() << 8 | self.byte()) % count,
        }
    }

    fn pick<'v, T: ?Sized>(&mut self, list: &[&'v T]) -> &'v T {
        list[self.below(list.len())]
    }

    /// True once in so many times; never once no choice is left.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }
}

/// Texts that are looked for, or nearly.
const TEXTS: &[&str] = &[
    "",
    "x",
    "it's",
    "authorization",
    "x-api-key",
    "key",
    "pod-hash",
    "password",
    "session",
    "http.jwt_token_header",
    "envoy.filters.http.jwt_authn",
    "Bearer abcdefghij0123",
    "Basic dXNlcjpodW50ZXIy",
    "wJalrXUtnFEMI7K7MDENGbPxRfiCYEXAMPLEKEY",
    "8f14e45fceea167a5a36dedd4bea2543",
    "ghp_0123456789abcdefABCDEF0123456789abcd",
    "https://user:hunter2@example.com",
    "https://example.com/?access_token=hunter2",
    "spiffe://cluster.local/ns/x",
    "-----BEGIN PRIVATE KEY-----\nMII",
    "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t",
    "QUJDREVGR0hJSktMTU5PUFFSU1RVVg==",
    "//79/AD/AAECAwQF",
    "CgNhYmM=",
    "687474703a2f2f753a70617373776f726440682f",
    "[%START_TIME%] \"%REQ(:METHOD)% hunter2 %PROTOCOL%\"\n",
    "%REQ(HOST)%",
    "Bearer %REQ(X-TOKEN)%",
    "local x = 'hunter2'",
    "local pin = 1234",
    "password=hunter2",
    "password: hunter2\nname: x",
    "{\"password\": \"hunter2\"}",
    "{\"a\": [1]}",
    "[{\"name\": \"cookie\", \"value\": \"hunter2\"}]",
    "near 'hunter2'",
    "missing route \"hunter2\"",
    "[redacted]",
    "[redacted:1a2b3c4d-0123456789abcdef]",
    "outbound|80||a.b.svc.cluster.local",
    "<a> / é\u{1f600}",
    "1234",
];

/// Names of members that tell, hint, or tell nothing.
const NAMES: &[&str] = &[
    "x",
    "y_z",
    "a.b",
    "value",
    "password",
    "DB_PASSWORD",
    "token",
    "secret",
    "key",
    "sig",
    "sds_secret_configs",
    "generic_secret",
    "credentials",
    "pod-hash",
    "config",
    "headers",
    "lastError",
    "kty",
    "https://user:hunter2@example.com",
    "8f14e45fceea167a5a36dedd4bea2543",
    "envoy.filters.http.jwt_authn",
    "static_clusters",
    "dynamic_listeners",
    "error_state",
    "static_secrets",
    "filter_metadata",
    "fields",
    "string_value",
    "struct_value",
    "inline_string",
    "filename",
];

struct Vocabulary {
    names: Vec<&'static str>,
    pairs: Vec<&'static Pair>,
    /// Messages that rules are about, and those with fields of them.
    messages: Vec<&'static Message>,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let mut names: BTreeSet<&str> = NAMES.iter().chain(&LABELS).chain(&BYTES).copied().collect();
    let mut pairs = Vec::new();
    let mut paths: Vec<&str> = FORMATS.to_vec();
    let mut messages = BTreeSet::new();
    for rule in RULES {
        match rule.what {
            What::Fields(fields)
            | What::Lua(fields)
            | What::Plugins(fields)
            | What::Opaque(fields) => paths.extend(fields),
            What::Reasons { fields, members } => {
                paths.extend(fields);
                names.extend(members);
            }
            What::Named(all) => pairs.extend(all),
            What::Members {
                names: all,
                sources,
            } => names.extend(all.iter().chain(sources)),
            What::Marked { by, members } => {
                names.insert(by);
                names.extend(members);
            }
            What::Annotated | What::Shapes(_) | What::Unreadable => {}
        }
    }
    for pair in &pairs {
        let paths = pair.names.iter().chain(pair.values);
        names.extend(paths.flat_map(|path| path.split('.')));
        messages.extend(pair.messages);
    }
    names.remove(KEYS);
    for path in paths {
        let (message, field) = path.rsplit_once('.').unwrap();
        names.insert(field);
        messages.insert(message);
    }
    let is_annotated = |message: &&Message| message.fields().iter().any(Field::is_sensitive);
    messages.extend(Message::all().filter(is_annotated).map(Message::name));
    // Those are found in others, too.
    let holds = |message: &&Message| {
        let mut kinds = message.fields().iter().map(Field::kind);
        kinds.any(|kind| matches!(kind, Kind::Message(inner) if messages.contains(inner.name())))
    };
    let holders: Vec<_> = Message::all().filter(holds).map(Message::name).collect();
    messages.extend(holders);
    Vocabulary {
        names: names.into_iter().collect(),
        pairs,
        messages: messages.into_iter().filter_map(Message::find).collect(),
    }
});

/// Texts of which none goes wherever it stands, but beside what tells.
const CALM: &[&str] = &[
    "x",
    "authorization",
    "x-api-key",
    "cookie",
    "y-z",
    "near 'hunter2'",
    "CgNhYmMSAQ==",
    "687474703a2f2f753a70617373776f726440682f",
    "local x = 'hunter2'",
];

/// A document: a list of what the choices make, often of little, for where much is, something alarms.
pub(super) fn document(dice: &mut Dice) -> String {
    let levels = 1 + dice.below(5);
    let mut items = vec![match dice.below(3) {
        0 => any(dice, levels),
        1 => pair(dice, levels),
        _ => known(dice),
    }];
    while items.len() < 3 && dice.once_in(4) {
        items.push(value(dice, levels));
    }
    format!("[{}]", items.join(","))
}

/// Anything, with so many levels at most.
fn value(dice: &mut Dice, levels: usize) -> String {
    if levels == 0 {
        return scalar(dice);
    }
    match dice.below(14) {
        12 | 13 => known(dice),
        0..=3 => scalar(dice),
        4 => list(dice, |dice| value(dice, levels - 1)),
        5 | 6 => free(dice, levels),
        7..=9 => pair(dice, levels),
        10 => any(dice, levels),
        _ => fields(message(dice), dice, levels),
    }
}

fn scalar(dice: &mut Dice) -> String {
    const OTHERS: &[&str] = &["7", "-0", "1.5e3", "true", "null", "73940000000000000000"];
    match dice.once_in(6) {
        true => dice.pick(OTHERS).to_owned(),
        false => text(dice),
    }
}

fn text(dice: &mut Dice) -> String {
    let text = match dice.below(8) {
        0..=4 => dice.pick(CALM).to_owned(),
        5 => dice.pick(&VOCABULARY.names).to_owned(),
        6 if dice.once_in(2) => url(message(dice)),
        _ => dice.pick(TEXTS).to_owned(),
    };
    let text = match dice.below(16) {
        14 => to_base64(text.as_bytes()),
        15 => value(dice, 1),
        _ => text,
    };
    string(&text, dice)
}

/// What goes because of something beside it or around it that is easily overlooked.
fn known(dice: &mut Dice) -> String {
    let marks = RULES.iter().filter_map(|rule| match rule.what {
        What::Marked { by, members } => Some((by, members)),
        _ => None,
    });
    let marks: Vec<_> = marks.collect();
    let mut members = match dice.below(6) {
        0 => {
            let (by, members) = marks[dice.below(marks.len())];
            let member = dice.pick(members);
            vec![
                (name(by, dice), text(dice)),
                (name(member, dice), text(dice)),
            ]
        }
        // Of a type that nobody knows, and of two.
        1 => vec![
            (
                name("@type", dice),
                string("type.googleapis.com/new.Type", dice),
            ),
            (name("value", dice), text(dice)),
        ],
        2 => {
            let (first, second) = (message(dice), message(dice));
            let mut members = vec![type_of(first, dice), type_of(second, dice)];
            if dice.once_in(3) {
                members.truncate(1);
                members[0].1 = format!(
                    "[{},{}]",
                    string(&url(first), dice),
                    string(&url(second), dice)
                );
            }
            members.push((name("x", dice), text(dice)));
            members
        }
        3 => {
            let holder = Message::find("xds.type.v3.TypedStruct").unwrap();
            let mut members = vec![type_of(holder, dice)];
            for _ in 0..=dice.below(2) {
                let url = url(message(dice));
                members.push((name("type_url", dice), string(&url, dice)));
            }
            members.push((name("value", dice), free(dice, 1)));
            members
        }
        4 => vec![(name("lastError", dice), value(dice, 1))],
        _ => {
            let payload = "envoy.config.core.v3.HealthCheck.Payload";
            let payload = Message::find(payload).unwrap();
            return typed(payload, dice, 1);
        }
    };
    if dice.once_in(4) {
        members.push((name("x", dice), scalar(dice)));
    }
    object(members, dice)
}

fn list(dice: &mut Dice, mut item: impl FnMut(&mut Dice) -> String) -> String {
    let items: Vec<_> = (0..dice.below(4)).map(|_| item(dice)).collect();
    format!("[{}]", items.join(","))
}

fn free(dice: &mut Dice, levels: usize) -> String {
    let count = dice.below(5);
    let members = (0..count).map(|_| {
        let name = match dice.once_in(8) {
            true => text(dice),
            false => name(dice.pick(&VOCABULARY.names), dice),
        };
        (name, value(dice, levels - 1))
    });
    let members = members.collect();
    object(members, dice)
}

/// What stands beside a name.
fn pair(dice: &mut Dice, levels: usize) -> String {
    let pair = dice.pick(&VOCABULARY.pairs);
    let mut members = Vec::new();
    if let Some(message) = (!pair.messages.is_empty()).then(|| dice.pick(pair.messages))
        && dice.once_in(2)
    {
        members.push(type_of(Message::find(message).unwrap(), dice));
    }
    for _ in 0..=dice.below(4) / 3 {
        let steps: Vec<_> = dice.pick(pair.names).split('.').collect();
        members.push(member(&steps, dice, 1));
    }
    for _ in 0..=dice.below(4) / 3 {
        let steps: Vec<_> = dice.pick(pair.values).split('.').collect();
        members.push(member(&steps, dice, levels - 1));
    }
    if dice.once_in(4) {
        members.push((
            name(dice.pick(&VOCABULARY.names), dice),
            value(dice, levels - 1),
        ));
    }
    object(members, dice)
}

/// The member that begins a path, which may end early, go through a list, or hold something beside.
fn member(steps: &[&str], dice: &mut Dice, levels: usize) -> (String, String) {
    let (first, rest) = steps.split_first().unwrap();
    let first = match *first == KEYS {
        true => text(dice),
        false => name(first, dice),
    };
    let inner = match rest {
        [] => value(dice, levels.min(2)),
        _ if dice.once_in(4) => scalar(dice),
        rest => {
            let mut members = vec![member(rest, dice, levels)];
            if dice.once_in(4) {
                members.push((name(dice.pick(&VOCABULARY.names), dice), scalar(dice)));
            }
            object(members, dice)
        }
    };
    match dice.once_in(8) {
        true => (first, format!("[{inner}]")),
        false => (first, inner),
    }
}

fn message(dice: &mut Dice) -> &'static Message {
    dice.pick(&VOCABULARY.messages)
}

/// A message in an Any: as it stands, in a TypedStruct, in another Any, or without what tells what it is.
fn any(dice: &mut Dice, levels: usize) -> String {
    let message = message(dice);
    match dice.below(8) {
        0..=3 => typed(message, dice, levels),
        4 | 5 => {
            let package = dice.pick(&["xds.type.v3", "udpa.type.v1"]);
            let holder = Message::find(&format!("{package}.TypedStruct")).unwrap();
            let mut members = vec![type_of(holder, dice)];
            let url = string(&url(message), dice);
            members.push((name("type_url", dice), url));
            members.push((name("value", dice), fields(message, dice, levels)));
            object(members, dice)
        }
        6 => {
            let holders = [
                "google.protobuf.Any",
                "google.protobuf.Struct",
                "google.protobuf.Value",
            ];
            let holder = Message::find(dice.pick(&holders)).unwrap();
            let inner = typed(message, dice, levels);
            let members = vec![type_of(holder, dice), (name("value", dice), inner)];
            object(members, dice)
        }
        _ => fields(message, dice, levels),
    }
}

fn url(message: &Message) -> String {
    format!("type.googleapis.com/{}", message.name())
}

fn type_of(message: &Message, dice: &mut Dice) -> (String, String) {
    (name("@type", dice), string(&url(message), dice))
}

fn typed(message: &'static Message, dice: &mut Dice, levels: usize) -> String {
    let mut members = vec![type_of(message, dice)];
    match message.special() {
        Special::No => members.extend(members_of(message, dice, levels)),
        _ => members.push((name("value", dice), value(dice, levels.saturating_sub(1)))),
    }
    object(members, dice)
}

fn fields(message: &'static Message, dice: &mut Dice, levels: usize) -> String {
    let members = members_of(message, dice, levels);
    object(members, dice)
}

fn members_of(message: &'static Message, dice: &mut Dice, levels: usize) -> Vec<(String, String)> {
    let all: Vec<&Field> = message.fields().iter().collect();
    if all.is_empty() || levels == 0 {
        return Vec::new();
    }
    let count = 1 + dice.below(3);
    let members = (0..count).map(|_| {
        let field = dice.pick(&all);
        let value = match dice.once_in(8) {
            true => value(dice, levels - 1),
            false => of_field(field, dice, levels - 1),
        };
        (name(field.name(), dice), value)
    });
    members.collect()
}

fn of_field(field: &'static Field, dice: &mut Dice, levels: usize) -> String {
    if field.is_map() {
        let count = dice.below(3);
        let entries = (0..count).map(|_| (text(dice), of_kind(field, dice, levels)));
        let entries = entries.collect();
        return object(entries, dice);
    }
    match field.is_repeated() {
        true => list(dice, |dice| of_kind(field, dice, levels)),
        false => of_kind(field, dice, levels),
    }
}

fn of_kind(field: &'static Field, dice: &mut Dice, levels: usize) -> String {
    match field.kind() {
        Kind::String | Kind::Enum(_) => text(dice),
        Kind::Bytes => {
            let text = dice.pick(TEXTS);
            string(&to_base64(text.as_bytes()), dice)
        }
        Kind::Message(message) => match message.special() {
            _ if levels == 0 => scalar(dice),
            Special::No => fields(message, dice, levels),
            Special::Any | Special::TypedStruct => any(dice, levels),
            Special::Struct => free(dice, levels),
            Special::Value | Special::ListValue => value(dice, levels),
            Special::Duration | Special::Timestamp | Special::Wrapper => scalar(dice),
        },
        _ => "7".to_owned(),
    }
}

/// The members in this order or another, one of them twice maybe, with space somewhere.
fn object(mut members: Vec<(String, String)>, dice: &mut Dice) -> String {
    if members.len() > 1 && dice.once_in(4) {
        let length = members.len();
        members.rotate_left(1 + dice.below(length - 1));
    }
    if !members.is_empty() && dice.once_in(12) {
        let again = members[dice.below(members.len())].clone();
        members.push(again);
    }
    let space = dice.pick(&["", "", "", " ", "\n    ", "\r\n\t"]);
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{space}{name}{space}:{space}{value}"))
        .collect();
    format!("{{{}{space}}}", members.join(","))
}

/// A name in either spelling.
fn name(name: &str, dice: &mut Dice) -> String {
    match dice.once_in(3) {
        true => string(&camel(name), dice),
        false => string(name, dice),
    }
}

/// A string of JSON, in which a letter may be an escape.
fn string(text: &str, dice: &mut Dice) -> String {
    let plain = Value::from(text).to_string();
    let letters: Vec<usize> = plain
        .char_indices()
        .filter(|(_, c)| c.is_ascii_alphanumeric())
        .map(|(at, _)| at)
        .collect();
    if letters.is_empty() || plain.contains('\\') || !dice.once_in(10) {
        return plain;
    }
    let at = letters[dice.below(letters.len())];
    let letter = plain.as_bytes()[at];
    format!("{}\\u{letter:04x}{}", &plain[..at], &plain[at + 1..])
}
