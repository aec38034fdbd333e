//! Every field that the API annotates as sensitive, in every form that its message can come in.

use std::sync::LazyLock;

use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use super::case::{Case, awkward, base64, cases, pem, plain};
use crate::support::program::recording;

/// The descriptors that the product's own table is made of, read by somebody else.
pub(super) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../src/xds/input/xds.descriptors.pb");
    DescriptorPool::decode(bytes.as_slice()).unwrap()
});

/// The annotated fields of Envoy 1.40, its contrib extensions and the v2 API.
fn fields() -> Vec<FieldDescriptor> {
    let is_annotated = |field: &FieldDescriptor| {
        let options = field.options();
        let mut extensions = options.extensions();
        extensions.any(|(option, value)| {
            option.full_name() == "udpa.annotations.sensitive" && value.as_bool() == Some(true)
        })
    };
    let messages = POOL.all_messages();
    messages
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter(is_annotated)
        .collect()
}

/// A message that holds a secret.
struct Sent {
    /// The annotated field, and what of it holds the secret.
    name: String,
    /// The type.
    message: String,
    /// The annotated field.
    field: String,
    /// Without `@type`.
    value: Value,
}

impl Sent {
    fn any(&self) -> Value {
        any(&self.message, &self.value)
    }
}

fn any(message: &str, value: &Value) -> Value {
    let mut any = json!({"@type": format!("type.googleapis.com/{message}")});
    let members = value.as_object().unwrap().clone();
    any.as_object_mut().unwrap().extend(members);
    any
}

/// A message for every string and every value of bytes that an annotated field can hold.
fn sent() -> Vec<Sent> {
    let mut all = Vec::new();
    for field in fields() {
        for secret in [plain(), awkward(), pem()] {
            for (way, value) in values_of(&field, &secret, 0) {
                // A path or a name is short.
                if secret != plain() && !holds_text(&way) {
                    continue;
                }
                let message = field.parent_message().full_name().to_owned();
                all.push(Sent {
                    name: format!("{}{way}", field.full_name()),
                    value: json!({field.name(): value}),
                    field: field.name().to_owned(),
                    message,
                });
            }
        }
    }
    all
}

impl Sent {
    /// Whether the name of the field and of what is in it tell of a secret without the type.
    fn is_telling(&self) -> bool {
        !["config", "typed_config"].contains(&&*self.field) && holds_text(&self.name)
    }
}

/// Whether it holds the secret itself, not where it is.
fn holds_text(way: &str) -> bool {
    let places = ["filename", "environment_variable", "path"];
    !places.iter().any(|place| way.ends_with(place))
}

/// What a field can hold with `secret` as the one string in it, and where that is.
fn values_of(field: &FieldDescriptor, secret: &str, depth: usize) -> Vec<(String, Value)> {
    let one = match (field.is_map(), field.kind()) {
        (true, Kind::Message(entry)) => {
            let value = entry.map_entry_value_field();
            let values = kind_values(&value.kind(), secret, depth);
            return values
                .into_iter()
                .map(|(way, value)| {
                    (
                        format!("{{}}{way}"),
                        json!({"first": value, "second": value}),
                    )
                })
                .collect();
        }
        (_, kind) => kind_values(&kind, secret, depth),
    };
    match field.cardinality() {
        Cardinality::Repeated => one
            .into_iter()
            .map(|(way, value)| (format!("[]{way}"), json!([value, value])))
            .collect(),
        _ => one,
    }
}

fn kind_values(kind: &Kind, secret: &str, depth: usize) -> Vec<(String, Value)> {
    let here = |value| vec![(String::new(), value)];
    match kind {
        Kind::String => here(json!(secret)),
        Kind::Bytes => here(json!(base64(secret))),
        Kind::Message(message) => message_values(message, secret, depth),
        _ => Vec::new(),
    }
}

fn message_values(message: &MessageDescriptor, secret: &str, depth: usize) -> Vec<(String, Value)> {
    let header = "envoy.config.core.v3.HeaderValue";
    match message.full_name() {
        _ if depth > 3 => Vec::new(),
        "google.protobuf.Any" => vec![
            (
                " as a known type".into(),
                any(header, &json!({"key": "k", "value": secret})),
            ),
            (
                " as an unknown type".into(),
                any("new.Type", &json!({"list": [secret], "value": secret})),
            ),
            (
                " as a string".into(),
                any("google.protobuf.StringValue", &json!({"value": secret})),
            ),
            (
                " as bytes".into(),
                any(
                    "google.protobuf.BytesValue",
                    &json!({"value": base64(secret)}),
                ),
            ),
        ],
        "google.protobuf.Struct" => {
            vec![(String::new(), json!({"a": secret, "b": [{"c": secret}]}))]
        }
        "google.protobuf.Duration" | "google.protobuf.Timestamp" => Vec::new(),
        _ => message
            .fields()
            .flat_map(|field| {
                let values = values_of(&field, secret, depth + 1);
                values.into_iter().map(move |(way, value)| {
                    (
                        format!(".{}{way}", field.name()),
                        json!({field.name(): value}),
                    )
                })
            })
            .collect(),
    }
}

/// All keys in lowerCamelCase.
fn camel(value: &Value) -> Value {
    let name = |name: &str| {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| {
            let (begin, rest) = word.split_at(usize::from(!word.is_empty()));
            name + &begin.to_uppercase() + rest
        })
    };
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (name(key), camel(value)))
            .collect(),
        Value::Array(items) => items.iter().map(camel).collect(),
        other => other.clone(),
    }
}

/// JSON with each key and each string as `write` has it, and members in the order of `first`.
fn spelled(
    value: &Value,
    write: &impl Fn(&str, bool) -> String,
    is_last: &impl Fn(&str) -> bool,
) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| is_last(key));
            let members: Vec<_> = members
                .into_iter()
                .map(|(key, value)| {
                    format!("{}:{}", write(key, true), spelled(value, write, is_last))
                })
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|item| spelled(item, write, is_last))
                .collect();
            format!("[{}]", items.join(","))
        }
        Value::String(text) => write(text, false),
        other => other.to_string(),
    }
}

/// A JSON string in which every letter is an escape.
fn escaped(text: &str) -> String {
    let mut units = [0; 2];
    let escapes = text.chars().map(|c| {
        c.encode_utf16(&mut units)
            .iter()
            .map(|unit| format!("\\u{unit:04X}"))
            .collect::<String>()
    });
    format!("\"{}\"", escapes.collect::<String>())
}

/// A case for each message.
fn each(form: impl Fn(&Sent) -> Vec<(&'static str, Value)>) -> Vec<Case> {
    sent()
        .iter()
        .flat_map(|sent| {
            let forms = form(sent);
            forms
                .into_iter()
                .map(|(form, message)| Case::message(format!("{} {form}", sent.name), message))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn typed_struct(package: &str, url: &str, value: &Value) -> Value {
    any(
        &format!("{package}.TypedStruct"),
        &json!({"type_url": url, "value": value}),
    )
}

/// In a list of lists, in an object, 90 levels down.
fn deep(value: &Value) -> Value {
    (0..45).fold(value.clone(), |value, _| json!({"a": [value]}))
}

#[test]
fn annotated_fields_that_were_measured_are_among_those_of_the_descriptors() {
    let places: Value = serde_json::from_slice(&recording("canary/places.json")).unwrap();
    let names: Vec<String> = fields()
        .iter()
        .map(|field| field.full_name().to_owned())
        .collect();
    for measured in places["annotated"].as_array().unwrap() {
        assert!(names.iter().any(|name| measured == name), "{measured}");
    }
}

#[test]
fn annotated_fields_are_those_of_envoy_contrib_and_v2() {
    let fields = fields();
    let of = |part: &str| {
        let names = fields.iter().map(FieldDescriptor::full_name);
        names.filter(|name| name.contains(part)).count()
    };
    // 27 of Envoy 1.40; file_based_metadata, cryptomb, qat and kae are newer or contrib.
    assert_eq!(fields.len() - of(".v2") - of("private_key_providers"), 28);
    assert_eq!(of("private_key_providers"), 3);
    assert_eq!(of(".v2"), 10);
    assert!(sent().len() > 5 * fields.len());
}

fn annotated_field_in_its_message() -> Vec<Case> {
    cases(each(|sent| vec![("", sent.any())]))
}

fn annotated_field_in_both_spellings_escaped_and_label_last() -> Vec<Case> {
    let mut cases = Vec::new();
    let plain_string = |text: &str, _: bool| json!(text).to_string();
    let keys_escaped = |text: &str, is_key: bool| match is_key {
        true => escaped(text),
        false => json!(text).to_string(),
    };
    let all_escaped = |text: &str, _: bool| escaped(text);
    let is_label = |key: &str| key == "@type";
    for sent in sent() {
        let case = Case::message(String::new(), sent.any());
        let dump: Value = serde_json::from_str(&case.text).unwrap();
        for (spelling, text) in [
            ("in camelCase", camel(&dump).to_string()),
            (
                "with escaped keys",
                spelled(&dump, &keys_escaped, &|_| false),
            ),
            ("all escaped", spelled(&dump, &all_escaped, &|_| false)),
            ("with labels last", spelled(&dump, &plain_string, &is_label)),
            (
                "with labels last, escaped, in camelCase",
                spelled(&camel(&dump), &all_escaped, &is_label),
            ),
            ("spread over lines", format!("{dump:#}")),
        ] {
            let name = format!("{} {spelling}", sent.name);
            cases.push(Case::new(name, case.document, text));
        }
    }
    cases
}

fn annotated_field_in_an_any_in_an_any_and_in_a_typed_struct() -> Vec<Case> {
    cases(each(|sent| {
        let nested = any("google.protobuf.Any", &json!({"value": sent.any()}));
        let url = format!("type.googleapis.com/{}", sent.message);
        vec![
            ("in an Any in an Any", nested.clone()),
            (
                "in an Any in an Any in an Any",
                any("google.protobuf.Any", &json!({"value": nested})),
            ),
            (
                "in a TypedStruct of udpa",
                typed_struct("udpa.type.v1", &url, &sent.value),
            ),
            (
                "in a TypedStruct of xds",
                typed_struct("xds.type.v3", &url, &sent.value),
            ),
            (
                "in a TypedStruct with a bare name",
                typed_struct("xds.type.v3", &sent.message, &sent.value),
            ),
            (
                "in an Any in a TypedStruct of unknown type",
                typed_struct("xds.type.v3", "x/new.Type", &json!({"in": [sent.any()]})),
            ),
            (
                "in a TypedStruct in a TypedStruct",
                typed_struct(
                    "xds.type.v3",
                    "x/new.Type",
                    &json!({"in": typed_struct("udpa.type.v1", &url, &sent.value)}),
                ),
            ),
            (
                "in an Any of unknown type",
                any("new.Type", &json!({"config": sent.any()})),
            ),
            (
                "90 levels deep",
                any(
                    "google.protobuf.Struct",
                    &json!({"value": deep(&sent.any())}),
                ),
            ),
            (
                "where a string was expected",
                any(
                    "envoy.config.core.v3.Address",
                    &json!({"pipe": {"path": sent.any()}}),
                ),
            ),
        ]
    }))
}

fn annotated_field_of_a_wrong_kind() -> Vec<Case> {
    cases(each(|sent| {
        let url = format!("type.googleapis.com/{}", sent.message);
        let mut forms = Vec::new();
        let mut form = |name: &'static str, value: &Value| {
            forms.push((name, any(&sent.message, value)));
            forms.push((name, typed_struct("udpa.type.v1", &url, value)));
        };
        // As Envoy leaves a TypedStruct that does not fit.
        let mut beside = sent.value.clone();
        for member in ["ocsp_staple", "name", "config"] {
            beside[member] = json!(7);
        }
        form("beside others of a wrong kind", &beside);
        for secret in [plain(), awkward(), pem()] {
            for (name, value) in [
                ("as a bare string", json!(secret)),
                ("as a list", json!([secret, [secret]])),
                (
                    "as an object of other names",
                    json!({"other": {"deeper": secret}}),
                ),
                (
                    "as a list of objects",
                    json!([{"inline_string": secret}, {"inline_bytes": base64(&secret)}]),
                ),
                (
                    "as bytes that are no base64",
                    json!({"inline_bytes": secret}),
                ),
            ] {
                form(name, &json!({&*sent.field: value}));
            }
        }
        forms
    }))
}

fn annotated_field_twice() -> Vec<Case> {
    let mut cases = Vec::new();
    for sent in sent() {
        let key = json!(sent.field);
        let value = &sent.value[&sent.field];
        let harmless = match value {
            Value::Array(_) => json!([]),
            Value::Object(_) => json!({}),
            _ => json!(""),
        };
        let url = json!(format!("type.googleapis.com/{}", sent.message));
        for (name, members) in [
            (
                "first of two",
                format!("\"@type\":{url},{key}:{value},{key}:{harmless}"),
            ),
            (
                "last of two",
                format!("\"@type\":{url},{key}:{harmless},{key}:{value}"),
            ),
            (
                "both of two",
                format!("\"@type\":{url},{key}:{value},{key}:{value}"),
            ),
            (
                "with its type twice",
                format!("\"@type\":{url},\"@type\":{url},{key}:{value}"),
            ),
        ] {
            let dump = Case::message("", json!("HERE"));
            let text = dump.text.replace("\"HERE\"", &format!("{{{members}}}"));
            cases.push(Case::new(
                format!("{} {name}", sent.name),
                dump.document,
                text,
            ));
        }
    }
    cases
}

/// Without the type, the names have to do: those of annotated fields are as telling as the annotation.
fn annotated_field_in_a_struct_of_its_shape() -> Vec<Case> {
    cases(each(|sent| {
        if !sent.is_telling() {
            return Vec::new();
        }
        let as_struct = any("google.protobuf.Struct", &json!({"value": sent.value}));
        let old = format!(
            "type.googleapis.com/envoy.api.v2.auth.Old{}",
            sent.message.rsplit('.').next().unwrap()
        );
        let metadata = any(
            "envoy.config.core.v3.Metadata",
            &json!({"filter_metadata": {"f": sent.value}}),
        );
        vec![
            ("in a Struct", as_struct),
            (
                "in a Struct, in camelCase",
                any(
                    "google.protobuf.Struct",
                    &json!({"value": camel(&sent.value)}),
                ),
            ),
            ("in filter metadata", metadata),
            (
                "in a TypedStruct of an older type",
                typed_struct("udpa.type.v1", &old, &sent.value),
            ),
            (
                "in an Any of an older type",
                any("envoy.api.v2.auth.Older", &sent.value),
            ),
            (
                "in a Struct 90 levels deep",
                any(
                    "google.protobuf.Struct",
                    &json!({"value": deep(&sent.value)}),
                ),
            ),
            (
                "in an unknown field",
                any(
                    "envoy.config.core.v3.Metadata",
                    &json!({"new_field": sent.value}),
                ),
            ),
        ]
    }))
}

fn annotated_field_in_json_in_a_string_and_in_base64() -> Vec<Case> {
    cases(each(|sent| {
        let text = sent.any().to_string();
        let untyped = sent.value.to_string();
        let lines = format!("{:#}", sent.any());
        let string = |text: &str| any("google.protobuf.StringValue", &json!({"value": text}));
        let mut forms = vec![
            ("in JSON in a string", string(&text)),
            ("in JSON in a string, over lines", string(&lines)),
            (
                "in JSON in a string in JSON in a string",
                string(&json!({"config": text}).to_string()),
            ),
            (
                "in JSON in a string of a Struct",
                any(
                    "google.protobuf.Struct",
                    &json!({"value": {"config": text}}),
                ),
            ),
            (
                "in JSON in bytes",
                any(
                    "google.protobuf.BytesValue",
                    &json!({"value": base64(&text)}),
                ),
            ),
        ];
        if sent.is_telling() {
            forms.push(("in JSON in a string, without its type", string(&untyped)));
        }
        // Base64 in a string is not told by its shape, but for keys.
        if text.contains("PRIVATE KEY") {
            forms.push(("in base64 in a string", string(&base64(&pem()))));
        }
        forms
    }))
}

each_and_all! {
    annotated_field_in_its_message,
    annotated_field_in_both_spellings_escaped_and_label_last,
    annotated_field_in_an_any_in_an_any_and_in_a_typed_struct,
    annotated_field_of_a_wrong_kind,
    annotated_field_twice,
    annotated_field_in_a_struct_of_its_shape,
    annotated_field_in_json_in_a_string_and_in_base64,
}
