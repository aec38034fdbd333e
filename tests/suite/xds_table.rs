//! The generated table of the xDS API, `src/xds/table.rs`, is what its inputs generate.
//!
//! This module is the generator too: with `XDSNAP_BLESS=1` it writes the table instead of comparing it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
};

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde::Deserialize;

#[test]
fn the_committed_table_is_what_its_inputs_generate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/xds");
    let input = root.join("input");
    let read = |name: &str| std::fs::read(input.join(name)).unwrap();
    let pool = DescriptorPool::decode(read("xds.descriptors.pb").as_slice()).unwrap();
    let mut lists: Vec<ListFact> = Vec::new();
    for name in ["lists.json", "lists_longtail.json"] {
        lists.extend(serde_json::from_slice::<Vec<ListFact>>(&read(name)).unwrap());
    }
    let generated = Table::new(&pool, &lists).to_rust();
    let file = root.join("table.rs");
    if std::env::var_os("XDSNAP_BLESS").is_some() {
        std::fs::write(&file, generated).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap();
    let line = committed
        .lines()
        .zip(generated.lines())
        .position(|(a, b)| a != b);
    assert!(
        committed == generated,
        "src/xds/table.rs differs from what its inputs generate, first at line {:?}; run `XDSNAP_BLESS=1 cargo test xds_table`",
        line.map(|line| line + 1)
    );
}

/// An entry of `lists.json`.
#[derive(Deserialize)]
struct ListFact {
    message: String,
    field: String,
    class: String,
    key: Option<Vec<String>>,
    keys: Option<String>,
}

impl ListFact {
    /// The Rust expression of its `ListRule`.
    fn to_rust(&self) -> String {
        let ordered = self.class.starts_with("ordered");
        // What is identified by its whole content has no key; in a fallback, content always comes last anyway.
        // A plain ordered list aligns by content whatever its facts say of a key.
        let keys: Vec<String> = match self.class.as_str() {
            "ordered" => Vec::new(),
            _ => self
                .key
                .iter()
                .flatten()
                .filter(|key| *key != "<content>")
                .map(|key| key.replace("<type>", "<oneof type>"))
                .collect(),
        };
        let match_by = match self.keys.as_deref() {
            // A set's `name, <content>`: unique names pair, and then content.
            _ if keys.len() < 2 => "Composite",
            None | Some("composite") => "Composite",
            Some("either") => "Either",
            Some("fallback") => "Fallback",
            Some(other) => panic!("unknown `keys` value `{other}`"),
        };
        format!("ListRule {{ ordered: {ordered}, match_by: MatchBy::{match_by}, keys: &{keys:?} }}")
    }
}

/// Everything that the table holds, with indices resolved.
struct Table {
    strings: Vec<String>,
    messages: Vec<MessageDescriptor>,
    enums: Vec<EnumDescriptor>,
    lists: Vec<String>,
    /// Index into `lists`, by message and field.
    list_of: BTreeMap<(String, String), usize>,
    /// What a message of an older API is called in the current one.
    current: BTreeMap<String, String>,
}

impl Table {
    fn new(pool: &DescriptorPool, facts: &[ListFact]) -> Self {
        let mut messages: Vec<_> = pool
            .all_messages()
            .filter(|message| !message.is_map_entry())
            .collect();
        messages.sort_by(|a, b| a.full_name().cmp(b.full_name()));
        let mut enums: Vec<_> = pool.all_enums().collect();
        enums.sort_by(|a, b| a.full_name().cmp(b.full_name()));

        let mut strings = BTreeSet::new();
        for field in messages.iter().flat_map(MessageDescriptor::fields) {
            strings.insert(field.name().to_owned());
            strings.insert(field.json_name().to_owned());
        }
        for value in enums.iter().flat_map(EnumDescriptor::values) {
            strings.insert(value.name().to_owned());
        }

        let default =
            "ListRule { ordered: true, match_by: MatchBy::Composite, keys: &[] }".to_owned();
        let mut lists = vec![default];
        let mut list_of = BTreeMap::new();
        for fact in facts {
            let rust = fact.to_rust();
            let index = lists
                .iter()
                .position(|known| *known == rust)
                .unwrap_or_else(|| {
                    lists.push(rust);
                    lists.len() - 1
                });
            let message = pool.get_message_by_name(&fact.message);
            let field = message.and_then(|message| message.get_field_by_name(&fact.field));
            // The facts were gathered on more versions of the API than these descriptors.
            let Some(field) = field.filter(FieldDescriptor::is_list) else {
                continue;
            };
            let key = (
                field.parent_message().full_name().to_owned(),
                field.name().to_owned(),
            );
            let before = list_of.insert(key, index);
            assert!(
                before.is_none_or(|before| before == index),
                "two rules for {}",
                field.full_name()
            );
        }
        let current = messages
            .iter()
            .filter_map(|message| Some((previous_name(message)?, message.full_name().to_owned())))
            .collect();
        Self {
            strings: strings.into_iter().collect(),
            messages,
            enums,
            lists,
            list_of,
            current,
        }
    }

    fn string(&self, text: &str) -> usize {
        self.strings
            .binary_search_by(|known| known.as_str().cmp(text))
            .unwrap()
    }

    fn message(&self, full_name: &str) -> usize {
        self.messages
            .binary_search_by(|message| message.full_name().cmp(full_name))
            .unwrap()
    }

    /// The kind's name and its target's index.
    fn kind(&self, kind: Kind) -> (&'static str, usize) {
        match kind {
            Kind::Bool => ("Bool", 0),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => ("Int32", 0),
            Kind::Uint32 | Kind::Fixed32 => ("UInt32", 0),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => ("Int64", 0),
            Kind::Uint64 | Kind::Fixed64 => ("UInt64", 0),
            Kind::Float => ("Float", 0),
            Kind::Double => ("Double", 0),
            Kind::String => ("String", 0),
            Kind::Bytes => ("Bytes", 0),
            Kind::Enum(found) => {
                let index = self
                    .enums
                    .binary_search_by(|known| known.full_name().cmp(found.full_name()))
                    .unwrap();
                ("Enum", index)
            }
            Kind::Message(found) => ("Message", self.message(found.full_name())),
        }
    }

    fn to_rust(&self) -> String {
        let mut out = String::new();
        out.push_str(HEADER);
        writeln!(
            out,
            "pub(super) static STRINGS: [&str; {}] = [",
            self.strings.len()
        )
        .unwrap();
        for text in &self.strings {
            writeln!(out, "    {text:?},").unwrap();
        }
        out.push_str("];\n\n");

        writeln!(
            out,
            "pub(super) static LISTS: [ListRule; {}] = [",
            self.lists.len()
        )
        .unwrap();
        for rule in &self.lists {
            writeln!(out, "    {rule},").unwrap();
        }
        out.push_str("];\n\n");

        let mut values = String::new();
        let mut count = 0;
        writeln!(
            out,
            "pub(super) static ENUMS: [Enum; {}] = [",
            self.enums.len()
        )
        .unwrap();
        for found in &self.enums {
            let first = count;
            for value in found.values() {
                let name = self.string(value.name());
                writeln!(
                    values,
                    "    v({}, {name}), // {}",
                    value.number(),
                    value.name()
                )
                .unwrap();
                count += 1;
            }
            writeln!(
                out,
                "    e({:?}, {first}, {}),",
                found.full_name(),
                count - first
            )
            .unwrap();
        }
        out.push_str("];\n\n");
        writeln!(
            out,
            "pub(super) static ENUM_VALUES: [EnumValue; {count}] = [\n{values}];\n"
        )
        .unwrap();

        let mut fields = String::new();
        let mut count = 0;
        writeln!(
            out,
            "pub(super) static MESSAGES: [Message; {}] = [",
            self.messages.len()
        )
        .unwrap();
        for message in &self.messages {
            let first = count;
            writeln!(fields, "    // {}", message.full_name()).unwrap();
            let mut sorted: Vec<_> = message.fields().collect();
            sorted.sort_by(|a, b| a.json_name().cmp(b.json_name()));
            for field in sorted {
                writeln!(fields, "    {}", self.field(&field)).unwrap();
                count += 1;
            }
            let special = special(message.full_name());
            let length = count - first;
            let name = message.full_name();
            let current = self.message(self.current.get(name).map_or(name, String::as_str));
            writeln!(
                out,
                "    m({name:?}, {first}, {length}, {current}, Special::{special}),"
            )
            .unwrap();
        }
        out.push_str("];\n\n");
        writeln!(
            out,
            "pub(super) static FIELDS: [Field; {count}] = [\n{fields}];"
        )
        .unwrap();
        out
    }

    fn field(&self, field: &FieldDescriptor) -> String {
        let value_kind = match field.kind() {
            Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
            kind => kind,
        };
        let (kind, target) = self.kind(value_kind);
        let options = field.options();
        let has_option = |name: &str| {
            options.extensions().any(|(extension, value)| {
                extension.full_name() == name && value.as_bool() == Some(true)
            })
        };
        let deprecated = options
            .get_field_by_name("deprecated")
            .is_some_and(|value| value.as_bool() == Some(true));
        // A proto3 `optional` field stands alone in a oneof that only descriptors know.
        let oneof = field
            .containing_oneof()
            .filter(|oneof| !oneof.is_synthetic());
        let mut flags = Vec::new();
        for (set, name) in [
            (field.is_list(), "REPEATED"),
            (field.is_map(), "MAP"),
            (field.supports_presence(), "PRESENCE"),
            (has_option("udpa.annotations.sensitive"), "SENSITIVE"),
            (deprecated, "DEPRECATED"),
            (oneof.is_some(), "ONEOF"),
        ] {
            if set {
                flags.push(name);
            }
        }
        let flags = match flags.is_empty() {
            true => "0".to_owned(),
            false => flags.join(" | "),
        };
        let parent = field.parent_message();
        let key = (parent.full_name().to_owned(), field.name().to_owned());
        let list = self.list_of.get(&key).copied().unwrap_or(0);
        let (name, json_name) = (self.string(field.name()), self.string(field.json_name()));
        format!(
            "f({name}, {json_name}, RawKind::{kind}, {target}, {flags}, {list}), // {}",
            field.name()
        )
    }
}

/// What a message was called in the API before (`udpa.annotations.versioning`).
fn previous_name(message: &MessageDescriptor) -> Option<String> {
    let options = message.options();
    let (_, versioning) = options
        .extensions()
        .find(|(extension, _)| extension.full_name() == "udpa.annotations.versioning")?;
    let name = versioning
        .as_message()?
        .get_field_by_name("previous_message_type")?;
    Some(name.as_str()?.to_owned())
}

fn special(full_name: &str) -> &'static str {
    match full_name {
        "google.protobuf.Any" => "Any",
        "google.protobuf.Struct" => "Struct",
        "google.protobuf.Value" => "Value",
        "google.protobuf.ListValue" => "ListValue",
        "google.protobuf.Duration" => "Duration",
        "google.protobuf.Timestamp" => "Timestamp",
        "google.protobuf.BoolValue"
        | "google.protobuf.Int32Value"
        | "google.protobuf.UInt32Value"
        | "google.protobuf.Int64Value"
        | "google.protobuf.UInt64Value"
        | "google.protobuf.FloatValue"
        | "google.protobuf.DoubleValue"
        | "google.protobuf.StringValue"
        | "google.protobuf.BytesValue" => "Wrapper",
        "udpa.type.v1.TypedStruct" | "xds.type.v3.TypedStruct" => "TypedStruct",
        _ => "No",
    }
}

const HEADER: &str = r"// Generated by `XDSNAP_BLESS=1 cargo test xds_table` from the files in `input/`. Do not edit.
// One row a message, enum, value, field and list rule; names are shared by index.
#![cfg_attr(rustfmt, rustfmt_skip)]

use super::{
    ListRule, MatchBy,
    schema::{
        DEPRECATED, Enum, EnumValue, Field, MAP, Message, ONEOF, PRESENCE, REPEATED, RawKind, SENSITIVE, Special,
    },
};

const fn m(name: &'static str, first_field: u16, field_count: u16, current: u16, special: Special) -> Message {
    Message { name, first_field, field_count, current, special }
}

const fn e(name: &'static str, first_value: u16, value_count: u16) -> Enum {
    Enum { name, first_value, value_count }
}

const fn v(number: i32, name: u16) -> EnumValue {
    EnumValue { number, name }
}

const fn f(name: u16, json_name: u16, kind: RawKind, target: u16, flags: u8, list: u16) -> Field {
    Field { name, json_name, kind, target, flags, list }
}

";
