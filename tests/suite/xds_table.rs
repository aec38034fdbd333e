//! The generated table of the xDS API, `src/xds/table.rs`, is what its inputs generate.
//!
//! This module is the generator too: with `XDSNAP_BLESS=1` it writes the table instead of comparing it. What a program
//! then reads in it is held to the descriptors themselves, by other code than generates it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
};

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    prost_types::{
        EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
        field_descriptor_proto::{Label, Type},
    },
};
use serde::Deserialize;
use xdsnap::xds::{self, MatchBy};

#[test]
fn the_committed_table_is_what_its_inputs_generate() {
    let generated = Table::new(&descriptors(), &list_facts()).to_rust();
    let file = root().join("table.rs");
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/xds")
}

fn input(name: &str) -> Vec<u8> {
    std::fs::read(root().join("input").join(name)).unwrap()
}

fn descriptors() -> DescriptorPool {
    DescriptorPool::decode(input("xds.descriptors.pb").as_slice()).unwrap()
}

fn list_facts() -> Vec<ListFact> {
    ["lists.json", "lists_longtail.json"]
        .iter()
        .flat_map(|name| serde_json::from_slice::<Vec<ListFact>>(&input(name)).unwrap())
        .collect()
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
        strings.extend(
            messages
                .iter()
                .map(|message| message.full_name().to_owned()),
        );
        strings.extend(enums.iter().map(|found| found.full_name().to_owned()));

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
        out.push_str("pub(super) static TEXT: &str = concat!(\n");
        let mut ends = vec![0];
        for text in &self.strings {
            writeln!(out, "    {text:?},").unwrap();
            ends.push(ends[ends.len() - 1] + text.len());
        }
        out.push_str(");\n\n");
        let length = ends.len();
        writeln!(out, "pub(super) static ENDS: [u32; {length}] = [").unwrap();
        rows(&mut out, &ends);

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
            // As they stand in the file: the library's own order mixes up aliases.
            for value in &found.enum_descriptor_proto().value {
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
            let name = self.string(found.full_name());
            writeln!(
                out,
                "    e({name}, {first}, {}), // {}",
                count - first,
                found.full_name()
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
        let mut slots = Vec::new();
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
            for field in &sorted {
                writeln!(fields, "    {}", self.field(field)).unwrap();
                count += 1;
            }
            let first_slot = slots.len();
            let keys: Vec<[&str; 2]> = sorted
                .iter()
                .map(|field| [field.name(), field.json_name()])
                .collect();
            let own = field_slots(&keys);
            let bits = own.len().ilog2();
            slots.extend(own);
            let special = special(message.full_name());
            let length = count - first;
            let name = message.full_name();
            let index = self.string(name);
            let current = self.message(self.current.get(name).map_or(name, String::as_str));
            writeln!(
                out,
                "    m({index}, {first}, {length}, {first_slot}, {bits}, {current}, Special::{special}), // {name}"
            )
            .unwrap();
        }
        out.push_str("];\n\n");
        writeln!(
            out,
            "pub(super) static FIELDS: [Field; {count}] = [\n{fields}];\n"
        )
        .unwrap();

        let length = slots.len();
        writeln!(out, "pub(super) static FIELD_SLOTS: [u8; {length}] = [").unwrap();
        rows(&mut out, &slots);
        let slots = message_slots(&self.messages);
        let length = slots.len();
        writeln!(out, "pub(super) static MESSAGE_SLOTS: [u16; {length}] = [").unwrap();
        rows(&mut out, &slots);
        // No empty line ends the file.
        out.pop();
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

/// Writes the rest of an array, some numbers in a row.
fn rows(out: &mut String, numbers: &[usize]) {
    for row in numbers.chunks(16) {
        let row: Vec<String> = row.iter().map(usize::to_string).collect();
        writeln!(out, "    {},", row.join(", ")).unwrap();
    }
    out.push_str("];\n\n");
}

/// A hash table with linear probing, of a power of two of slots, at most two thirds of them taken.
fn slots(entries: &[(&str, usize)], empty: usize) -> Vec<usize> {
    let length = (entries.len() * 3).div_ceil(2).max(1).next_power_of_two();
    // One is always empty, where looking for a name that there is not ends.
    let length = length.max((entries.len() + 1).next_power_of_two());
    let mut slots = vec![empty; length];
    for (name, index) in entries {
        assert!(*index < empty, "{name} does not fit a slot");
        let mut at = (u64::from(hash::hash(name)) >> (32 - length.ilog2())) as usize;
        while slots[at] != empty {
            at = (at + 1) % length;
        }
        slots[at] = *index;
    }
    slots
}

/// The slots of the fields of one message, by both of their names.
fn field_slots(fields: &[[&str; 2]]) -> Vec<usize> {
    let mut entries = Vec::new();
    for (index, [name, json_name]) in fields.iter().enumerate() {
        entries.push((*name, index));
        if name != json_name {
            entries.push((*json_name, index));
        }
    }
    slots(&entries, usize::from(u8::MAX))
}

fn message_slots(messages: &[MessageDescriptor]) -> Vec<usize> {
    let names = messages.iter().enumerate();
    let entries: Vec<_> = names.map(|(i, message)| (message.full_name(), i)).collect();
    slots(&entries, usize::from(u16::MAX))
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

#[path = "../../src/xds/hash.rs"]
mod hash;

/// What the descriptors' own messages say, without any interpretation by a library.
struct Raw {
    /// By full name: the fields, and whether it is the entry of a map.
    messages: BTreeMap<String, (Vec<FieldDescriptorProto>, bool)>,
    enums: BTreeMap<String, EnumDescriptorProto>,
    /// Full names of the messages of proto2, where every single field has presence.
    proto2: BTreeSet<String>,
}

impl Raw {
    fn new(pool: &DescriptorPool) -> Self {
        let mut raw = Self {
            messages: BTreeMap::new(),
            enums: BTreeMap::new(),
            proto2: BTreeSet::new(),
        };
        for file in pool.file_descriptor_protos() {
            for message in &file.message_type {
                raw.add(file, file.package(), message);
            }
            for found in &file.enum_type {
                let name = format!("{}.{}", file.package(), found.name());
                raw.enums.insert(name, found.clone());
            }
        }
        raw
    }

    fn add(
        &mut self,
        file: &FileDescriptorProto,
        parent: &str,
        message: &prost_reflect::prost_types::DescriptorProto,
    ) {
        let name = format!("{parent}.{}", message.name());
        for nested in &message.nested_type {
            self.add(file, &name, nested);
        }
        for found in &message.enum_type {
            let name = format!("{name}.{}", found.name());
            self.enums.insert(name, found.clone());
        }
        if file.syntax() != "proto3" {
            self.proto2.insert(name.clone());
        }
        let is_entry = message.options.as_ref().is_some_and(|o| o.map_entry());
        self.messages
            .insert(name, (message.field.clone(), is_entry));
    }

    /// The value's field, where `field` is a map.
    fn map_value(&self, field: &FieldDescriptorProto) -> Option<&FieldDescriptorProto> {
        match self.messages.get(field.type_name().trim_start_matches('.')) {
            Some((fields, true)) => fields.iter().find(|field| field.name() == "value"),
            _ => None,
        }
    }
}

/// What protobuf makes of a field's name in JSON, where the field does not say it itself.
fn json_name(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[test]
fn every_field_of_the_descriptors_is_answered_as_they_say() {
    let raw = Raw::new(&descriptors());
    let is_entry = |name: &&String| raw.messages[*name].1;
    assert_eq!(raw.messages.len(), 2_411);
    assert_eq!(raw.messages.keys().filter(is_entry).count(), 122);
    for (name, (fields, is_entry)) in &raw.messages {
        let Some(message) = xds::Message::find(name) else {
            assert!(is_entry, "{name} is missing");
            continue;
        };
        assert!(!is_entry, "{name}: nothing asks for the entry of a map");
        assert_eq!(message.name(), name);
        assert_eq!(message.fields().len(), fields.len(), "{name}");
        for described in fields {
            let place = format!("{name}.{}", described.name());
            let camel = json_name(described.name());
            assert_eq!(described.json_name(), camel, "{place}");
            let field = message
                .field(described.name())
                .unwrap_or_else(|| panic!("{place} is missing"));
            let same = message.field(&camel).unwrap();
            assert!(std::ptr::eq(field, same), "{place}");
            assert_eq!(
                (field.name(), field.json_name()),
                (described.name(), &*camel)
            );

            let value = raw.map_value(described);
            let is_list = described.label() == Label::Repeated && value.is_none();
            assert_eq!(field.is_map(), value.is_some(), "{place}");
            assert_eq!(field.is_repeated(), is_list, "{place}");
            let is_single = described.label() != Label::Repeated;
            let in_oneof = described.oneof_index.is_some() && !described.proto3_optional();
            assert_eq!(field.is_in_oneof(), in_oneof, "{place}");
            let presence = is_single
                && (described.oneof_index.is_some()
                    || matches!(described.r#type(), Type::Message | Type::Group)
                    || raw.proto2.contains(name));
            assert_eq!(field.has_presence(), presence, "{place}");
            let deprecated = described.options.as_ref().is_some_and(|o| o.deprecated());
            assert_eq!(field.is_deprecated(), deprecated, "{place}");

            let value = value.unwrap_or(described);
            let target = value.type_name().trim_start_matches('.');
            let fits = match (value.r#type(), field.kind()) {
                (Type::Bool, xds::Kind::Bool)
                | (Type::Int32 | Type::Sint32 | Type::Sfixed32, xds::Kind::Int32)
                | (Type::Uint32 | Type::Fixed32, xds::Kind::UInt32)
                | (Type::Int64 | Type::Sint64 | Type::Sfixed64, xds::Kind::Int64)
                | (Type::Uint64 | Type::Fixed64, xds::Kind::UInt64)
                | (Type::Float, xds::Kind::Float)
                | (Type::Double, xds::Kind::Double)
                | (Type::String, xds::Kind::String)
                | (Type::Bytes, xds::Kind::Bytes) => true,
                (Type::Enum, xds::Kind::Enum(found)) => {
                    for value in &raw.enums[target].value {
                        assert_eq!(found.number(value.name()), Some(value.number()), "{place}");
                        let mut values = raw.enums[target].value.iter();
                        let first = values.find(|other| other.number() == value.number());
                        assert_eq!(found.name_of(value.number()), first.map(|v| v.name()));
                    }
                    assert_eq!(found.name_of(i32::MIN), None);
                    found.name() == target
                }
                (Type::Message | Type::Group, xds::Kind::Message(found)) => found.name() == target,
                _ => false,
            };
            assert!(fits, "{place}: {:?} is {:?}", value.r#type(), field.kind());
        }
    }
}

/// Whether `key` goes from field to field, starting from an item of that kind.
fn leads_to_a_field(item: xds::Kind, key: &str) -> bool {
    key.split('.')
        .filter(|name| !name.starts_with('<'))
        .try_fold(item, |at, name| match at {
            xds::Kind::Message(message) => message.field(name).map(xds::Field::kind),
            _ => None,
        })
        .is_some()
}

#[test]
fn every_list_has_the_rule_that_the_facts_give_it() {
    let facts = list_facts();
    assert_eq!(facts.len(), 375);
    let mut known = BTreeSet::new();
    let mut astray = Vec::new();
    for fact in &facts {
        let place = format!("{}.{}", fact.message, fact.field);
        let message = xds::Message::find(&fact.message).unwrap_or_else(|| panic!("{place}"));
        let Some(field) = message.field(&fact.field) else {
            // The one fact from a newer version of the API than the descriptors are of.
            assert_eq!(
                place,
                "envoy.tcp.metadataexchange.config.MetadataExchange.additional_labels"
            );
            continue;
        };
        known.insert(place.clone());
        let rule = field.list_rule();
        let is_ordered = matches!(fact.class.as_str(), "ordered" | "ordered-keyed");
        assert_eq!(rule.ordered, is_ordered, "{place}");
        let written = fact.key.iter().flatten();
        let keys: Vec<&str> = written
            .map(String::as_str)
            .filter(|key| *key != "<content>" && fact.class != "ordered")
            .collect();
        let keys: Vec<String> = keys
            .iter()
            .map(|key| key.replace("<type>", "<oneof type>"))
            .collect();
        assert_eq!(rule.keys, keys, "{place}");
        // One key alone has nothing to work together with.
        let match_by = match fact.keys.as_deref().filter(|_| keys.len() > 1) {
            Some("either") => MatchBy::Either,
            Some("fallback") => MatchBy::Fallback,
            _ => MatchBy::Composite,
        };
        assert_eq!(rule.match_by, match_by, "{place}");
        for key in rule.keys {
            // The lists of a dump itself are taken apart before, and lead into an `Any`.
            let is_in_dump = fact.message.starts_with("envoy.admin.");
            if !is_in_dump && !leads_to_a_field(field.kind(), key) {
                astray.push(format!("{place}: {key}"));
            }
        }
    }
    // The API does not have this one; nothing is ever found there, and the other key pairs.
    let tcp_proxy = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
    assert_eq!(
        astray,
        [format!(
            "{tcp_proxy}.WeightedCluster.clusters: cluster_header"
        )]
    );
    // Of every other list nothing is known, so its order counts.
    for (name, (fields, _)) in &Raw::new(&descriptors()).messages {
        for field in fields {
            let Some(found) = xds::Message::find(name).and_then(|m| m.field(field.name())) else {
                continue;
            };
            if found.is_repeated() && !known.contains(&format!("{name}.{}", field.name())) {
                assert_eq!(*found.list_rule(), xds::ORDERED, "{name}.{}", field.name());
            }
        }
    }
}

/// The fields that the API of today marks as sensitive; those of older versions are marked too.
const SENSITIVE: &[&str] = &[
    "envoy.config.core.v3.GrpcService.GoogleGrpc.SslCredentials.private_key",
    "envoy.config.grpc_credential.v3.FileBasedMetadataConfig.secret_data",
    "envoy.config.trace.v3.ClientConfig.backend_token",
    "envoy.extensions.common.aws.v3.AssumeRoleWithWebIdentityCredentialProvider.web_identity_token_data_source",
    "envoy.extensions.common.aws.v3.CredentialsFileCredentialProvider.credentials_data_source",
    "envoy.extensions.common.aws.v3.IAMRolesAnywhereCredentialProvider.private_key",
    "envoy.extensions.common.aws.v3.InlineCredentialProvider.secret_access_key",
    "envoy.extensions.common.aws.v3.InlineCredentialProvider.session_token",
    "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth.credentials",
    "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuthPerRoute.credentials",
    "envoy.extensions.filters.http.basic_auth.v3.BasicAuth.users",
    "envoy.extensions.filters.http.basic_auth.v3.BasicAuthPerRoute.users",
    "envoy.extensions.filters.http.ext_authz.v3.CheckSettings.context_extensions",
    "envoy.extensions.filters.network.redis_proxy.v3.RedisProtocolOptions.Credential.auth_password",
    "envoy.extensions.filters.network.redis_proxy.v3.RedisProtocolOptions.Credential.auth_username",
    "envoy.extensions.filters.network.redis_proxy.v3.RedisProtocolOptions.auth_password",
    "envoy.extensions.filters.network.redis_proxy.v3.RedisProtocolOptions.auth_username",
    "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.downstream_auth_password",
    "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.downstream_auth_passwords",
    "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.downstream_auth_username",
    "envoy.extensions.grpc_service.call_credentials.file_based_metadata.v3.FileBasedMetadataCallCredentials.secret_data",
    "envoy.extensions.private_key_providers.cryptomb.v3alpha.CryptoMbPrivateKeyMethodConfig.private_key",
    "envoy.extensions.private_key_providers.kae.v3alpha.KaePrivateKeyMethodConfig.private_key",
    "envoy.extensions.private_key_providers.qat.v3alpha.QatPrivateKeyMethodConfig.private_key",
    "envoy.extensions.transport_sockets.tls.v3.GenericSecret.secret",
    "envoy.extensions.transport_sockets.tls.v3.GenericSecret.secrets",
    "envoy.extensions.transport_sockets.tls.v3.PrivateKeyProvider.typed_config",
    "envoy.extensions.transport_sockets.tls.v3.TlsCertificate.password",
    "envoy.extensions.transport_sockets.tls.v3.TlsCertificate.pkcs12",
    "envoy.extensions.transport_sockets.tls.v3.TlsCertificate.private_key",
    "envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys.keys",
];

#[test]
fn the_fields_that_the_api_marks_as_sensitive_are_and_no_other() {
    let mut marked = BTreeSet::new();
    for (name, (fields, _)) in &Raw::new(&descriptors()).messages {
        let Some(message) = xds::Message::find(name) else {
            continue;
        };
        for field in fields {
            if message.field(field.name()).unwrap().is_sensitive() {
                marked.insert(format!("{name}.{}", field.name()));
            }
        }
    }
    let older = marked.iter().filter(|name| name.contains(".v2"));
    assert_eq!(older.count(), 10, "{marked:#?}");
    let today: Vec<&String> = marked.iter().filter(|n| !n.contains(".v2")).collect();
    assert_eq!(today, SENSITIVE);
}

#[test]
fn a_message_of_an_older_api_leads_to_what_it_became() {
    for (old, new) in [
        ("envoy.api.v2.Cluster", "envoy.config.cluster.v3.Cluster"),
        (
            "envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager",
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        ),
        ("envoy.type.Percent", "envoy.type.v3.Percent"),
        (
            "envoy.admin.v2alpha.RoutesConfigDump.StaticRouteConfig",
            "envoy.admin.v3.RoutesConfigDump.StaticRouteConfig",
        ),
        ("google.protobuf.Any", "google.protobuf.Any"),
    ] {
        assert_eq!(xds::Message::find(old).unwrap().current().name(), new);
    }
    // What is current leads to itself, and so no way is longer than one step.
    let names = Raw::new(&descriptors()).messages;
    let found = || names.keys().filter_map(|name| xds::Message::find(name));
    assert_eq!(found().filter(|m| m.current() != *m).count(), 545);
    assert!(found().all(|m| m.current().current() == m.current()));
}

const HEADER: &str = r"// Generated by `XDSNAP_BLESS=1 cargo test xds_table` from the files in `input/`. Do not edit.
// One row a message, enum, value, field and list rule. Names are in `TEXT`, each up to its entry in `ENDS`, and called
// by index; slots are hash tables.
#![cfg_attr(rustfmt, rustfmt_skip)]

use super::{
    ListRule, MatchBy,
    schema::{
        DEPRECATED, Enum, EnumValue, Field, MAP, Message, ONEOF, PRESENCE, REPEATED, RawKind, SENSITIVE, Special,
    },
};

const fn m(name: u16, first_field: u16, field_count: u16, first_slot: u16, slot_bits: u8, current: u16, special: Special) -> Message {
    Message { name, first_field, field_count, first_slot, slot_bits, current, special }
}

const fn e(name: u16, first_value: u16, value_count: u16) -> Enum {
    Enum { name, first_value, value_count }
}

const fn v(number: i32, name: u16) -> EnumValue {
    EnumValue { number, name }
}

const fn f(name: u16, json_name: u16, kind: RawKind, target: u16, flags: u8, list: u16) -> Field {
    Field { name, json_name, kind, target, flags, list }
}

";
