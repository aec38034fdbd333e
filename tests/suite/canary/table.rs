//! Every entry of the table of rules: each is needed for something, and none is lost.
//!
//! `XDSNAP_BLESS=1` writes the list of entries anew.

use std::{env, fmt::Write as _, fs};

use serde_json::{Value, json};
use xdsnap::{
    redact::{KEYS, RULES, What},
    xds::{Field, Kind, Message, Special},
};

use super::{
    case::{Case, base64, plain},
    search::Needles,
};
use crate::support::program::testdata;

const LIST: &str = "canary/rules.txt";

/// Every entry, one a line.
fn entries() -> String {
    let mut list = String::new();
    for rule in RULES {
        let mut add = |what: &str, entries: &[&str]| {
            for entry in entries {
                writeln!(list, "{}  {what}  {entry}", rule.name).unwrap();
            }
        };
        match rule.what {
            What::Annotated | What::Unreadable => add("all", &[""]),
            What::Fields(fields)
            | What::Lua(fields)
            | What::Plugins(fields)
            | What::Opaque(fields) => add("field", fields),
            What::Reasons { fields, members } => {
                add("field", fields);
                add("member", members);
            }
            What::Shapes(scope) => add("shape", &[scope]),
            What::Named(pairs) => {
                for pair in pairs {
                    add("of", pair.messages);
                    add("name", pair.names);
                    add("value", pair.values);
                }
            }
            What::Members { names, sources } => {
                add("member", names);
                add("source", sources);
            }
            What::Marked { by, members } => {
                add("beside", &[by]);
                add("member", members);
            }
        }
    }
    list
}

#[test]
fn no_entry_of_the_table_is_lost() {
    let path = testdata(LIST);
    let entries = entries();
    if env::var_os("XDSNAP_BLESS").is_some() {
        fs::write(&path, &entries).unwrap();
    }
    let listed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        listed == entries,
        "other entries than {LIST} has (read what is gone, then XDSNAP_BLESS=1 writes it):\n{entries}"
    );
}

/// A value of `field` with `text` in all that can hold it.
fn filled(field: &'static Field, text: &str, depth: usize) -> Option<Value> {
    let one = filled_once(field, text, depth)?;
    Some(match field {
        _ if field.is_map() => json!({"k": one}),
        _ if field.is_repeated() => json!([one]),
        _ => one,
    })
}

fn filled_once(field: &'static Field, text: &str, depth: usize) -> Option<Value> {
    let message = match field.kind() {
        Kind::String => return Some(json!(text)),
        Kind::Bytes => return Some(json!(base64(text))),
        Kind::Message(message) => message,
        _ => return None,
    };
    match message.special() {
        Special::Any => {
            Some(json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text}))
        }
        Special::Struct => Some(json!({"a": {"b": [text]}})),
        Special::Value => Some(json!(text)),
        Special::ListValue => Some(json!([text])),
        Special::Wrapper => filled_once(message.field("value")?, text, depth),
        Special::No if depth > 0 => {
            // What tells where data is does not hold it.
            let is_place = |field: &&Field| {
                ["filename", "environment_variable", "watched_directory"].contains(&field.name())
            };
            let fields = message.fields().iter().filter(|field| !is_place(field));
            let members = fields.filter_map(|field| {
                Some((field.name().to_owned(), filled(field, text, depth - 1)?))
            });
            Some(Value::Object(members.collect()))
        }
        _ => None,
    }
}

/// A value with `text` at a path through `message`, if it has that path; of an Any, whatever is on it.
fn at(message: Option<&'static Message>, path: &str, text: &str) -> Option<Value> {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let field = match message {
        Some(message) => Some(message.field(step)?),
        None => None,
    };
    let value = match (rest, field) {
        ("", Some(field)) => filled(field, text, 2)?,
        ("", None) => json!(text),
        (KEYS, _) => json!({text: {}}),
        (rest, None) => at(None, rest, text)?,
        (rest, Some(field)) => {
            let inner = match field.kind() {
                Kind::Message(inner) => inner,
                _ => return None,
            };
            let mut value = match inner.special() {
                Special::Any => at(None, rest, text)?,
                _ => at(Some(inner), rest, text)?,
            };
            if inner.special() == Special::Any {
                value["@type"] = json!("type.googleapis.com/new.Input");
            }
            match field.is_repeated() {
                true => json!([value]),
                false => value,
            }
        }
    };
    Some(json!({step: value}))
}

/// A case for `members` in a message, or in a Struct.
fn case(name: String, message: Option<&str>, members: &[&Value]) -> Case {
    let mut object = json!({});
    for more in members {
        let more = more.as_object().unwrap().clone();
        object.as_object_mut().unwrap().extend(more);
    }
    Case::message(
        name,
        match message {
            Some(message) => {
                object["@type"] = json!(format!("type.googleapis.com/{message}"));
                object
            }
            None => json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": object}),
        },
    )
}

fn every_field_of_the_table() -> Vec<Case> {
    let mut cases = Vec::new();
    for rule in RULES {
        let (fields, text) = match rule.what {
            What::Fields(fields) | What::Plugins(fields) => (fields, plain()),
            What::Lua(fields) => (fields, format!("local x = '{}'", plain())),
            What::Reasons { fields, .. } => (fields, format!("near '{}'", plain())),
            What::Opaque(fields) => (fields, format!("\u{1}{}", plain())),
            _ => continue,
        };
        for path in fields {
            let (message, field) = path.rsplit_once('.').unwrap();
            let found = Message::find(message).unwrap();
            match found.special() {
                Special::No => {
                    let value = at(Some(found), field, &text).unwrap();
                    cases.push(case((*path).to_owned(), Some(message), &[&value]));
                }
                // A wrapper is its value, in an Any in a member called so.
                _ => cases.push(case(
                    (*path).to_owned(),
                    Some(message),
                    &[&json!({"value": base64(&text)})],
                )),
            }
        }
    }
    cases
}

fn every_pair_of_the_table() -> Vec<Case> {
    let pairs = RULES.iter().flat_map(|rule| match rule.what {
        What::Named(pairs) => pairs,
        _ => &[],
    });
    let mut cases = Vec::new();
    for pair in pairs {
        let messages = pair.messages.iter().map(|name| Some(*name));
        let free = pair.messages.is_empty().then_some(None);
        let (mut names, mut values) = (0, 0);
        for message in messages.chain(free) {
            let found = message.map(|name| Message::find(name).unwrap());
            let telling = pair
                .names
                .iter()
                .filter_map(|path| at(found, path, "authorization"));
            let telling: Vec<Value> = telling.collect();
            let held = pair
                .values
                .iter()
                .filter_map(|path| at(found, path, &plain()));
            // A range of numbers holds no text.
            let held = held.filter(|value| {
                Needles::planted()
                    .find(value.to_string().as_bytes())
                    .is_some()
            });
            let held: Vec<Value> = held.collect();
            assert!(!telling.is_empty() && !held.is_empty(), "{message:?}");
            (names, values) = (names.max(telling.len()), values.max(held.len()));
            for name in &telling {
                for value in &held {
                    let case_name = format!("{message:?} {name} {value}");
                    cases.push(case(case_name.clone(), message, &[name, value]));
                    cases.push(case(case_name, message, &[value, name]));
                }
            }
        }
        assert!(names > 0 && values > 0);
    }
    cases
}

fn every_member_of_the_table() -> Vec<Case> {
    let mut cases = Vec::new();
    for rule in RULES {
        match rule.what {
            What::Members { names, sources } => {
                let sources = sources
                    .iter()
                    .map(|name| (name, json!({"inline_string": plain()})));
                let names = names.iter().map(|name| (name, json!({"x": [plain()]})));
                for (name, value) in names.chain(sources) {
                    cases.push(case((*name).to_owned(), None, &[&json!({*name: value})]));
                }
            }
            What::Marked { by, members } => {
                for member in members {
                    let marked = json!({by: "x", *member: {"y": plain()}});
                    cases.push(case(format!("{member} beside {by}"), None, &[&marked]));
                }
            }
            What::Reasons { members, .. } => {
                for member in members {
                    let reason = json!({*member: format!("near '{}'", plain())});
                    cases.push(case((*member).to_owned(), None, &[&reason]));
                }
            }
            _ => {}
        }
    }
    cases
}

each! {
    every_field_of_the_table,
    every_pair_of_the_table,
    every_member_of_the_table,
}
