//! An independent reading of protobuf's JSON, `prost-reflect`, judges normalizing and comparing.
//!
//! Random messages of the eight resource types are printed in many spellings. One message must have one normal form,
//! two messages must compare equal exactly when the oracle finds them equal, and every path must select what its
//! change says.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use base64::{Engine, engine::general_purpose};
use jsonpath_rust::JsonPath;
use proptest::prelude::*;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage, SerializeOptions, Value, prost::Message,
};
use serde_json::Value as Json;
use xdsnap::{
    diff::{ChangeKind, Compared, Comparer, Edit, Mode, Options, ProxyPair, Report, diff},
    dump::Dump,
    model::{ProxyId, XdsType},
    normalize::normalize,
};

/// A resource type: its message, the section that holds it, and what stands around it there; `%` is the resource.
const ENVELOPES: [(&str, &str); 8] = [
    (
        "envoy.config.cluster.v3.Cluster",
        r#"{"@type":"x/envoy.admin.v3.ClustersConfigDump","dynamic_active_clusters":[{"cluster":%}]}"#,
    ),
    (
        "envoy.config.listener.v3.Listener",
        r#"{"@type":"x/envoy.admin.v3.ListenersConfigDump","dynamicListeners":[{"name":"l","activeState":{"listener":%}}]}"#,
    ),
    (
        "envoy.config.route.v3.RouteConfiguration",
        r#"{"@type":"x/envoy.admin.v3.RoutesConfigDump","dynamic_route_configs":[{"route_config":%}]}"#,
    ),
    (
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        r#"{"@type":"x/envoy.admin.v3.EndpointsConfigDump","dynamicEndpointConfigs":[{"endpointConfig":%}]}"#,
    ),
    (
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        r#"{"@type":"x/envoy.admin.v3.SecretsConfigDump","dynamic_active_secrets":[{"name":"s","secret":%}]}"#,
    ),
    (
        "envoy.config.core.v3.TypedExtensionConfig",
        r#"{"@type":"x/envoy.admin.v3.EcdsConfigDump","ecds_filters":[{"ecds_filter":%}]}"#,
    ),
    (
        "envoy.config.route.v3.ScopedRouteConfiguration",
        r#"{"@type":"x/envoy.admin.v3.ScopedRoutesConfigDump","dynamic_scoped_route_configs":[{"scoped_route_configs":[%]}]}"#,
    ),
    (
        "envoy.config.bootstrap.v3.Bootstrap",
        r#"{"@type":"x/envoy.admin.v3.BootstrapConfigDump","bootstrap":%}"#,
    ),
];

const BOOTSTRAP: &str = "envoy.config.bootstrap.v3.Bootstrap";

/// Fields for which more is equal than the oracle knows: what Envoy fills in, and what changes by itself.
const EQUIVALENCES: [(&str, &[&str]); 6] = [
    ("envoy.config.core.v3.CidrRange", &["prefix_len"]),
    (
        "envoy.config.core.v3.Node",
        &[
            "id",
            "extensions",
            "user_agent_name",
            "user_agent_version",
            "user_agent_build_version",
        ],
    ),
    (
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        &["policy"],
    ),
    (
        "envoy.config.endpoint.v3.LocalityLbEndpoints",
        &["load_balancing_weight", "locality", "metadata"],
    ),
    (
        "envoy.config.endpoint.v3.LbEndpoint",
        &["load_balancing_weight", "health_status", "metadata"],
    ),
    (
        "envoy.config.endpoint.v3.Endpoint",
        &["health_check_config"],
    ),
];

const WRAPPED: [&str; 13] = [
    "google.protobuf.BoolValue",
    "google.protobuf.BytesValue",
    "google.protobuf.DoubleValue",
    "google.protobuf.FloatValue",
    "google.protobuf.Int32Value",
    "google.protobuf.Int64Value",
    "google.protobuf.StringValue",
    "google.protobuf.UInt32Value",
    "google.protobuf.UInt64Value",
    "google.protobuf.Duration",
    "google.protobuf.Struct",
    "google.protobuf.Timestamp",
    "google.protobuf.Value",
];

const STRINGS: [&str; 14] = [
    "a",
    "b",
    "x/y.z",
    "",
    "it's",
    "\"q\"",
    "back\\slash",
    "tab\tnew\nline",
    "\u{1}\u{7f}",
    "é\u{2028}\u{1f600}",
    "5",
    "null",
    "a_b",
    "<&>",
];

/// The API, and which of its repeated fields have no order, from the facts rather than from the generated table.
struct Api {
    pool: DescriptorPool,
    unordered: BTreeSet<String>,
    extensions: Vec<MessageDescriptor>,
}

static API: LazyLock<Api> = LazyLock::new(|| {
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/xds/input");
    let read = |name: &str| std::fs::read(input.join(name)).unwrap();
    let pool = DescriptorPool::decode(read("xds.descriptors.pb").as_slice()).unwrap();
    let lists: Vec<Json> = serde_json::from_slice(&read("lists.json")).unwrap();
    let unordered = lists
        .iter()
        .filter(|list| ["set", "keyed"].contains(&list["class"].as_str().unwrap()))
        .map(|list| {
            format!(
                "{}.{}",
                list["message"].as_str().unwrap(),
                list["field"].as_str().unwrap()
            )
        })
        .collect();
    let extensions = pool
        .all_messages()
        .filter(|message| {
            let name = message.full_name();
            !message.is_map_entry()
                && (name.starts_with("envoy.extensions.")
                    || name == "udpa.type.v1.TypedStruct"
                    || name == "xds.type.v3.TypedStruct"
                    || WRAPPED.contains(&name))
        })
        .collect();
    Api {
        pool,
        unordered,
        extensions,
    }
});

/// Whether `null` is a value of the field.
fn is_null(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Enum(found) if found.full_name() == NULL_VALUE)
}

const NULL_VALUE: &str = "google.protobuf.NullValue";

fn is_typed_struct(message: &MessageDescriptor) -> bool {
    message.name() == "TypedStruct"
}

/// Where random choices come from; when it is used up every choice is the first, so that shrinking it shrinks the case.
struct Choices<'a>(std::slice::Iter<'a, u16>);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.0
            .next()
            .map_or(0, |&choice| usize::from(choice) % bound)
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == bound - 1
    }

    fn of<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }

    fn resource(&mut self, name: &str) -> DynamicMessage {
        let desc = API.pool.get_message_by_name(name).unwrap();
        let mut resource = self.message(&desc, 5);
        // A listener without a name is called by its address as it is spelled.
        if name == "envoy.config.listener.v3.Listener" {
            resource.set_field_by_name("name", Value::String("l".to_owned()));
        }
        resource
    }

    fn message(&mut self, desc: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(desc.clone());
        match desc.full_name() {
            "google.protobuf.Any" => {
                let inner = self.of(&API.extensions).clone();
                let inner = self.message(&inner, depth.saturating_sub(1));
                set_any(&mut message, &inner);
            }
            "google.protobuf.Duration" => {
                let sign = if self.one_in(4) { -1 } else { 1 };
                let seconds = *self.of(&[0i64, 1, 90, 3600, 315_576_000_000]);
                let nanos = match seconds {
                    315_576_000_000 => 0,
                    _ => *self.of(&[0, 500_000_000, 250_000, 100, 1, 999_999_999]),
                };
                message.set_field_by_name("seconds", Value::I64(sign * seconds));
                message.set_field_by_name("nanos", Value::I32(sign as i32 * nanos));
            }
            "google.protobuf.Timestamp" => {
                let seconds =
                    *self.of(&[0i64, 1_700_000_000, -1, -62_135_596_800, 253_402_300_799]);
                message.set_field_by_name("seconds", Value::I64(seconds));
                let nanos = *self.of(&[0, 500_000_000, 250_000, 1]);
                message.set_field_by_name("nanos", Value::I32(nanos));
            }
            "google.protobuf.Value" => {
                let kinds: &[&str] = match depth {
                    0 => &["string_value", "number_value", "bool_value", "null_value"],
                    _ => &[
                        "string_value",
                        "number_value",
                        "bool_value",
                        "null_value",
                        "struct_value",
                        "list_value",
                    ],
                };
                let field = desc.get_field_by_name(self.of::<&str>(kinds)).unwrap();
                let value = match field.kind() {
                    Kind::Double => Value::F64(*self.of(&FINITE)),
                    Kind::Enum(_) => Value::EnumNumber(0),
                    kind => self.single(&kind, depth.saturating_sub(1)),
                };
                message.set_field(&field, value);
            }
            // The oracle's printer has no spelling for these wrappers of what is no number.
            "google.protobuf.FloatValue" => {
                let value = *self.of(&[0.0, 1.0, -0.0, 0.1, 16_777_216.0, f32::MAX]);
                message.set_field_by_name("value", Value::F32(value));
            }
            "google.protobuf.DoubleValue" => {
                message.set_field_by_name("value", Value::F64(*self.of(&FINITE)));
            }
            _ if is_typed_struct(desc) => self.typed_struct(&mut message, depth),
            _ => {
                let most = if depth == 0 { 2 } else { 5 };
                for _ in 0..self.below(most + 1) {
                    self.set_field(&mut message, depth);
                }
            }
        }
        message
    }

    /// A TypedStruct whose value is a message of its type, as protobuf's JSON has it.
    fn typed_struct(&mut self, message: &mut DynamicMessage, depth: usize) {
        let inner = self.of(&API.extensions).clone();
        let is_object = !is_typed_struct(&inner) && !WRAPPED.contains(&inner.full_name());
        let field = message.descriptor().get_field_by_name("value").unwrap();
        let Kind::Message(structure) = field.kind() else {
            unreachable!()
        };
        let (name, value) = match is_object {
            true => {
                let inner_message = self.message(&inner, depth.saturating_sub(1));
                let json = printed(&inner_message, self);
                let value: Json = serde_json::from_str(&json).unwrap();
                (
                    inner.full_name().to_owned(),
                    DynamicMessage::deserialize(structure, value).unwrap(),
                )
            }
            false => (
                "x.y.Unknown".to_owned(),
                self.message(&structure, depth.saturating_sub(1)),
            ),
        };
        message.set_field_by_name(
            "type_url",
            Value::String(format!("type.googleapis.com/{name}")),
        );
        message.set_field(&field, Value::Message(value));
    }

    /// Sets one field of `message`, if it has any that may be set.
    fn set_field(&mut self, message: &mut DynamicMessage, depth: usize) {
        let desc = message.descriptor();
        let hidden = EQUIVALENCES
            .iter()
            .find(|(name, _)| *name == desc.full_name());
        let may_be_set = |field: &FieldDescriptor| {
            let is_scalar = !matches!(field.kind(), Kind::Message(_));
            (depth > 0 || is_scalar)
                && hidden.is_none_or(|(_, names)| !names.contains(&field.name()))
        };
        let fields: Vec<_> = desc.fields().filter(may_be_set).collect();
        if fields.is_empty() {
            return;
        }
        // Lists are where most can go wrong.
        let lists: Vec<_> = fields
            .iter()
            .filter(|field| field.is_list())
            .cloned()
            .collect();
        let field = match self.one_in(3) && !lists.is_empty() {
            true => self.of(&lists).clone(),
            false => self.of(&fields).clone(),
        };
        let value = self.field(&field, depth);
        message.set_field(&field, value);
    }

    fn field(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        let depth = depth.saturating_sub(1);
        let kind = field.kind();
        if field.is_map() {
            let Kind::Message(entry) = &kind else {
                unreachable!()
            };
            let count = self.below(3);
            let entries = (0..count).map(|_| {
                let key = match self.single(&entry.map_entry_key_field().kind(), 0) {
                    Value::Bool(key) => MapKey::Bool(key),
                    Value::I32(key) => MapKey::I32(key),
                    Value::I64(key) => MapKey::I64(key),
                    Value::U32(key) => MapKey::U32(key),
                    Value::U64(key) => MapKey::U64(key),
                    Value::String(key) => MapKey::String(key),
                    _ => unreachable!(),
                };
                (
                    key,
                    self.single(&entry.map_entry_value_field().kind(), depth),
                )
            });
            return Value::Map(entries.collect());
        }
        match field.is_list() {
            true => Value::List(
                (0..=self.below(4))
                    .map(|_| self.single(&kind, depth))
                    .collect(),
            ),
            false => self.single(&kind, depth),
        }
    }

    fn single(&mut self, kind: &Kind, depth: usize) -> Value {
        match kind {
            Kind::Bool => Value::Bool(self.below(2) == 1),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                Value::I32(*self.of(&[0, 1, -1, 80, i32::MIN, i32::MAX]))
            }
            Kind::Uint32 | Kind::Fixed32 => Value::U32(*self.of(&[0, 1, 80, u32::MAX])),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                Value::I64(*self.of(&[0, 1, -1, (1 << 53) + 1, i64::MIN, i64::MAX]))
            }
            Kind::Uint64 | Kind::Fixed64 => Value::U64(*self.of(&[0, 1, (1 << 53) + 1, u64::MAX])),
            Kind::Float => Value::F32(*self.of(&[
                0.0,
                1.0,
                -0.0,
                0.1,
                1.0 / 3.0,
                16_777_216.0,
                f32::MAX,
                f32::MIN_POSITIVE,
                f32::NAN,
                f32::INFINITY,
            ])),
            Kind::Double => match self.below(12) {
                0 => Value::F64(f64::NAN),
                1 => Value::F64(f64::NEG_INFINITY),
                other => Value::F64(FINITE[other % FINITE.len()]),
            },
            Kind::String => Value::String((*self.of(&STRINGS)).to_owned()),
            Kind::Bytes => Value::Bytes(
                self.of(&[&b""[..], b"\xfb\xff", b"abc", b"\0"])
                    .to_vec()
                    .into(),
            ),
            Kind::Enum(found) if found.full_name() == NULL_VALUE => Value::EnumNumber(0),
            Kind::Enum(found) => {
                let values: Vec<_> = found.values().map(|value| value.number()).collect();
                Value::EnumNumber(match self.one_in(5) {
                    true => *self.of(&[7777, -3]),
                    false => *self.of(&values),
                })
            }
            Kind::Message(desc) => Value::Message(self.message(desc, depth)),
        }
    }

    /// Changes one thing in `message`, which may leave it as it was.
    fn edit(&mut self, message: &mut DynamicMessage, depth: usize) {
        let desc = message.descriptor();
        if desc.full_name() == "google.protobuf.Any" && !self.one_in(6) {
            let mut inner = any(message);
            self.edit(&mut inner, depth);
            return set_any(message, &inner);
        }
        let is_whole = desc.full_name().starts_with("google.protobuf.") || is_typed_struct(&desc);
        if is_whole {
            *message = self.message(&desc, depth);
            return;
        }
        let set: Vec<_> = message.fields().map(|(field, _)| field).collect();
        match self.below(5) {
            0 if !set.is_empty() => message.clear_field(&self.of(&set).clone()),
            1 => self.set_field(message, depth),
            _ if set.is_empty() => self.set_field(message, depth),
            _ => {
                let lists: Vec<_> = set
                    .iter()
                    .filter(|field| field.is_list())
                    .cloned()
                    .collect();
                let field = match self.below(2) == 1 && !lists.is_empty() {
                    true => self.of(&lists).clone(),
                    false => self.of(&set).clone(),
                };
                let kind = field.kind();
                let value = message.get_field_mut(&field);
                match value {
                    Value::List(items) => self.edit_list(items, &kind, depth),
                    Value::Map(entries) => {
                        let mut keys: Vec<_> = entries.keys().cloned().collect();
                        keys.sort();
                        let key = self.of(&keys).clone();
                        match entries.get_mut(&key) {
                            Some(Value::Message(inner)) if !self.one_in(4) => {
                                self.edit(inner, depth)
                            }
                            _ => {
                                entries.remove(&key);
                            }
                        }
                    }
                    Value::Message(inner) => self.edit(inner, depth.saturating_sub(1)),
                    _ => *value = self.single(&kind, depth),
                }
            }
        }
    }

    fn edit_list(&mut self, items: &mut Vec<Value>, kind: &Kind, depth: usize) {
        let at = self.below(items.len());
        match self.below(6) {
            0 => items.reverse(),
            1 => items.rotate_left(at),
            2 => items.push(items[at].clone()),
            3 => {
                items.remove(at);
            }
            4 => items.insert(at, self.single(kind, depth.saturating_sub(1))),
            _ => match &mut items[at] {
                Value::Message(inner) => self.edit(inner, depth.saturating_sub(1)),
                item => *item = self.single(kind, depth),
            },
        }
    }
}

const FINITE: [f64; 9] = [
    0.0,
    1.0,
    -0.0,
    1.0 / 3.0,
    1e-7,
    1e21,
    9_007_199_254_740_993.0,
    1.5e300,
    -2.5,
];

fn any(message: &DynamicMessage) -> DynamicMessage {
    let url = message.get_field_by_name("type_url").unwrap();
    let name = url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let desc = API.pool.get_message_by_name(&name).unwrap();
    let value = message.get_field_by_name("value").unwrap();
    DynamicMessage::decode(desc, value.as_bytes().unwrap().clone()).unwrap()
}

fn set_any(message: &mut DynamicMessage, inner: &DynamicMessage) {
    let url = format!("type.googleapis.com/{}", inner.descriptor().full_name());
    message.set_field_by_name("type_url", Value::String(url));
    message.set_field_by_name("value", Value::Bytes(inner.encode_to_vec().into()));
}

/// What the oracle compares: a text that two messages share exactly when they mean the same.
fn meaning(message: &DynamicMessage) -> String {
    let desc = message.descriptor();
    if desc.full_name() == "google.protobuf.Any" {
        let inner = any(message);
        return format!("any {} {}", inner.descriptor().full_name(), meaning(&inner));
    }
    if is_typed_struct(&desc) {
        let url = message
            .get_field_by_name("type_url")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        let value = message.get_field_by_name("value").unwrap();
        let value = value.as_message().unwrap();
        let inner = API
            .pool
            .get_message_by_name(url.rsplit('/').next().unwrap());
        let text = match inner {
            Some(inner) => {
                let mut json = serde_json::to_value(value).unwrap();
                integral(&mut json);
                meaning(&DynamicMessage::deserialize(inner, json).unwrap())
            }
            None => meaning(value),
        };
        return format!("typed struct {url} {text}");
    }
    let mut text = "{".to_owned();
    let fields: BTreeMap<_, _> = message
        .fields()
        .map(|(field, value)| (field.name().to_owned(), (field, value)))
        .collect();
    for (name, (field, value)) in fields {
        let value = match value {
            Value::List(items) => {
                let mut items: Vec<_> = items.iter().map(scalar_meaning).collect();
                if API.unordered.contains(field.full_name()) {
                    items.sort();
                }
                items.join(",")
            }
            Value::Map(entries) => {
                let entries: BTreeMap<_, _> = entries
                    .iter()
                    .map(|(key, value)| (key, scalar_meaning(value)))
                    .collect();
                format!("{entries:?}")
            }
            value => scalar_meaning(value),
        };
        text.push_str(&format!("{name}:[{value}];"));
    }
    text + "}"
}

/// Makes integers of the doubles that a Struct holds, where they are; the oracle reads enums of no other number.
fn integral(json: &mut Json) {
    match json {
        Json::Number(number) => {
            if let Some(float) = number
                .as_f64()
                .filter(|float| float.fract() == 0.0 && float.abs() < 1e15)
            {
                *json = Json::from(float as i64);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(integral),
        Json::Object(members) => members.values_mut().for_each(integral),
        _ => {}
    }
}

fn scalar_meaning(value: &Value) -> String {
    match value {
        Value::Message(message) => meaning(message),
        Value::F32(number) => format!("{:?}", number + 0.0),
        Value::F64(number) => format!("{:?}", number + 0.0),
        other => format!("{other:?}"),
    }
}

/// `message` as `prost-reflect` prints it, with any of its options.
fn printed(message: &DynamicMessage, choices: &mut Choices<'_>) -> String {
    let options = SerializeOptions::new()
        .use_proto_field_name(choices.below(2) == 1)
        .use_enum_numbers(choices.below(2) == 1)
        .stringify_64_bit_integers(choices.below(2) == 0)
        .skip_default_fields(choices.below(2) == 0);
    let mut out = Vec::new();
    let mut json = serde_json::Serializer::new(&mut out);
    message.serialize_with_options(&mut json, &options).unwrap();
    String::from_utf8(out).unwrap()
}

/// `message` in a spelling of our own, in which every choice that protobuf's JSON leaves is made anew each time.
fn respelled(message: &DynamicMessage, choices: &mut Choices<'_>) -> String {
    let desc = message.descriptor();
    match desc.full_name() {
        "google.protobuf.Any" => {
            let inner = any(message);
            let name = inner.descriptor().full_name().to_owned();
            let url = format!(
                "\"@type\":\"{}/{name}\"",
                choices.of(&["type.googleapis.com", "x.y/z", ""])
            );
            let text = respelled(&inner, choices);
            let mut members = match name.starts_with("google.protobuf.") {
                true => vec![format!("\"value\":{text}")],
                false if text == "{}" => vec![],
                false => vec![text[1..text.len() - 1].to_owned()],
            };
            members.insert(choices.below(members.len() + 1), url);
            format!("{{{}}}", members.join(", "))
        }
        "google.protobuf.Duration" | "google.protobuf.Timestamp" => {
            let text = printed(message, &mut Choices([].iter()));
            let end = if desc.name() == "Duration" {
                "s\""
            } else {
                "Z\""
            };
            let number = text.strip_suffix(end).unwrap();
            let (number, zeros) = match number.split_once('.') {
                Some((whole, fraction)) if choices.below(2) == 0 => {
                    (format!("{whole}.{}", fraction.trim_end_matches('0')), "")
                }
                Some((_, fraction)) => (number.to_owned(), &"000000000"[fraction.len()..]),
                None => (number.to_owned(), *choices.of(&["", ".0", ".000000"])),
            };
            format!("{number}{zeros}{end}")
        }
        name if name.ends_with("Value")
            && name.starts_with("google.protobuf.")
            && WRAPPED.contains(&name)
            && name != "google.protobuf.Value" =>
        {
            let field = desc.fields().next().unwrap();
            respelled_scalar(&message.get_field(&field), &field.kind(), choices)
        }
        name if name.starts_with("google.protobuf.") => printed(message, &mut Choices([].iter())),
        _ => {
            let mut members: Vec<String> = Vec::new();
            for (field, value) in message.fields() {
                let kind = field.kind();
                let text = match value {
                    Value::List(items) => {
                        let mut items: Vec<_> = items
                            .iter()
                            .map(|item| respelled_scalar(item, &kind, choices))
                            .collect();
                        if API.unordered.contains(field.full_name()) {
                            let by = choices.below(items.len());
                            items.rotate_left(by);
                            if choices.below(2) == 1 {
                                items.reverse();
                            }
                        }
                        format!("[ {} ]", items.join(","))
                    }
                    Value::Map(entries) => {
                        let Kind::Message(entry) = &kind else {
                            unreachable!()
                        };
                        let kind = entry.map_entry_value_field().kind();
                        let entries: BTreeMap<_, _> = entries.iter().collect();
                        let mut texts: Vec<_> = entries
                            .into_iter()
                            .map(|(key, value)| {
                                let key = match key {
                                    MapKey::Bool(key) => key.to_string(),
                                    MapKey::I32(key) => key.to_string(),
                                    MapKey::I64(key) => key.to_string(),
                                    MapKey::U32(key) => key.to_string(),
                                    MapKey::U64(key) => key.to_string(),
                                    MapKey::String(key) => key.clone(),
                                };
                                format!(
                                    "{}:{}",
                                    quoted(&key, choices),
                                    respelled_scalar(value, &kind, choices)
                                )
                            })
                            .collect();
                        if choices.below(2) == 1 {
                            texts.reverse();
                        }
                        format!("{{{}}}", texts.join(","))
                    }
                    value => respelled_scalar(value, &kind, choices),
                };
                let name = if choices.below(2) == 0 {
                    field.name()
                } else {
                    field.json_name()
                };
                members.insert(
                    choices.below(members.len() + 1),
                    format!("\"{name}\": {text}"),
                );
            }
            // An absent field may be said to be: `null`, an empty list, a default.
            let absent: Vec<_> = desc
                .fields()
                .filter(|field| !message.has_field(field))
                .collect();
            if !absent.is_empty() && !is_typed_struct(&desc) && choices.one_in(3) {
                let field = choices.of(&absent).clone();
                let is_value = matches!(field.kind(), Kind::Message(m) if m.full_name() == "google.protobuf.Value");
                let text = match () {
                    () if field.is_list() => "[]",
                    () if field.is_map() => "{}",
                    () if is_value || is_null(&field) => "",
                    () => "null",
                };
                if !text.is_empty() {
                    members.push(format!("\"{}\":{text}", field.name()));
                }
            }
            format!("{{{}}}", members.join(","))
        }
    }
}

fn respelled_scalar(value: &Value, kind: &Kind, choices: &mut Choices<'_>) -> String {
    let integer = |text: String, choices: &mut Choices<'_>| match choices.below(3) {
        0 => text,
        1 => format!("\"{text}\""),
        _ if text.len() < 12 => format!("{text}.0"),
        _ => text,
    };
    let float = |number: f64, choices: &mut Choices<'_>| match choices.below(3) {
        _ if number.is_nan() => "\"NaN\"".to_owned(),
        _ if number.is_infinite() => format!("\"{}Infinity\"", if number < 0.0 { "-" } else { "" }),
        0 => format!("{number:?}"),
        1 => format!("{number:.16e}"),
        _ => format!("\"{number:e}\""),
    };
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(number) => integer(number.to_string(), choices),
        Value::I64(number) => integer(number.to_string(), choices),
        Value::U32(number) => integer(number.to_string(), choices),
        Value::U64(number) => integer(number.to_string(), choices),
        Value::F32(number) => float(f64::from(*number), choices),
        Value::F64(number) => float(*number, choices),
        Value::String(text) => quoted(text, choices),
        Value::Bytes(bytes) => {
            let engine = choices.of(&[
                general_purpose::STANDARD,
                general_purpose::STANDARD_NO_PAD,
                general_purpose::URL_SAFE,
                general_purpose::URL_SAFE_NO_PAD,
            ]);
            format!("\"{}\"", engine.encode(bytes))
        }
        Value::EnumNumber(number) => {
            let Kind::Enum(found) = kind else {
                unreachable!()
            };
            let mut spellings = vec![number.to_string()];
            let names = found.values().filter(|value| value.number() == *number);
            spellings.extend(names.map(|value| format!("\"{}\"", value.name())));
            if found.full_name() == NULL_VALUE {
                spellings.push("null".to_owned());
            }
            choices.of(&spellings).clone()
        }
        Value::Message(message) => respelled(message, choices),
        Value::List(_) | Value::Map(_) => unreachable!(),
    }
}

/// A JSON string, with characters escaped that need not be.
fn quoted(text: &str, choices: &mut Choices<'_>) -> String {
    if choices.below(2) == 0 {
        return serde_json::to_string(text).unwrap();
    }
    let units: String = text
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    format!("\"{units}\"")
}

/// A config dump with `resource`, the JSON of a message, in the envelope of its type.
fn dump_of((message, envelope): (&str, &str), resource: &str, last: bool) -> String {
    let url = format!("\"@type\":\"type.googleapis.com/{message}\"");
    let inside = &resource[1..resource.len() - 1];
    let resource = match (message, inside.trim().is_empty()) {
        (BOOTSTRAP, _) => resource.to_owned(),
        (_, true) => format!("{{{url}}}"),
        _ if last => format!("{{{inside},{url}}}"),
        _ => format!("{{{url},{inside}}}"),
    };
    format!("{{\"configs\":[{}]}}", envelope.replace('%', &resource))
}

fn parse(text: &str) -> Dump<'_> {
    Dump::parse([(None, text.as_bytes())]).unwrap()
}

fn compare(before: &str, after: &str, mode: Mode) -> Report {
    let id = ProxyId::new("web-1.shop").unwrap();
    let options = Options {
        documents: true,
        ..Options::default()
    };
    let mut comparer = Comparer::new(mode, options);
    comparer.proxy(&ProxyPair {
        before_id: &id,
        after_id: &id,
        before: &parse(before),
        after: &parse(after),
        compared: match mode {
            Mode::Change => Compared::Envoy,
            Mode::Sync => Compared::IstiodEnvoy,
        },
        last_errors: &[],
    });
    comparer.finish()
}

fn is_equal(report: &Report) -> bool {
    // A dump of one resource has no endpoints, which is said where it is a cluster that has some.
    let mut not_compared = report.not_compared.iter();
    let all_compared = not_compared.all(|not| not.xds_type == Some(XdsType::Endpoint));
    report.changes.is_empty() && report.live.is_empty() && all_compared
}

fn json(value: &xdsnap::normalize::Value) -> Json {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// Every path of `report` selects one node, which is what the change says.
fn check_paths(report: &Report) -> Result<(), TestCaseError> {
    for change in &report.changes {
        let document = report
            .documents
            .iter()
            .find(|document| document.resource == change.resource)
            .unwrap();
        let [before, after] =
            [&document.before, &document.after].map(|side| side.as_ref().map(json));
        let before_path = change
            .before_path
            .as_ref()
            .unwrap_or(&change.path)
            .to_string();
        let path = change.path.to_string();
        let sides = match change.kind {
            ChangeKind::Removed => vec![(&path, &before, &change.before)],
            ChangeKind::Added => vec![(&path, &after, &change.after)],
            ChangeKind::Changed | ChangeKind::Moved => {
                vec![
                    (&before_path, &before, &change.before),
                    (&path, &after, &change.after),
                ]
            }
        };
        for (path, document, said) in sides {
            let document = document.as_ref().unwrap();
            let found = document
                .query(path)
                .map_err(|error| TestCaseError::fail(format!("{path}: {error}")))?;
            prop_assert_eq!(found.len(), 1, "{} in {}", path, document);
            let said = json(said.as_ref().unwrap());
            if change.kind == ChangeKind::Moved {
                let parent = path.rsplit_once('[').unwrap().0;
                let at = usize::try_from(said.as_u64().unwrap()).unwrap();
                let items = document.query(parent);
                // A predicate may hold a bracket itself; then the parent is not to be had from the text.
                if let Some(list) = items
                    .ok()
                    .and_then(|items| items.first().copied().and_then(Json::as_array))
                {
                    prop_assert_eq!(&list[at], found[0], "{}", path);
                }
            } else {
                prop_assert_eq!(found[0], &said, "{}", path);
            }
        }
    }
    Ok(())
}

/// The messages of the API whose JSON is an object of their fields, and those of these that are looked at.
fn every_field() -> Vec<(MessageDescriptor, Vec<FieldDescriptor>)> {
    let messages = API.pool.all_messages().filter(|message| {
        !message.is_map_entry()
            && !message.full_name().starts_with("google.protobuf.")
            && !is_typed_struct(message)
    });
    messages
        .map(|message| {
            let hidden = EQUIVALENCES
                .iter()
                .find(|(name, _)| *name == message.full_name())
                .map_or(&[][..], |(_, names)| names);
            let fields = message.fields();
            let fields = fields
                .filter(|field| !hidden.contains(&field.name()))
                .collect();
            (message, fields)
        })
        .collect()
}

/// The edits between two messages of one type with one field each.
fn edits_between(before: &DynamicMessage, after: &DynamicMessage) -> Vec<Edit> {
    let none = || Choices([].iter());
    let [old, new] =
        [before, after].map(|message| extension_form(message, &respelled(message, &mut none())));
    diff(&old, &new)
}

fn with_field(
    message: &MessageDescriptor,
    field: &FieldDescriptor,
    value: Value,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(message.clone());
    message.set_field(field, value);
    message
}

/// Up to `count` values for `field`, or for an item of it, that mean different things.
fn distinct_values(field: &FieldDescriptor, count: usize) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::new();
    let mut meanings = BTreeSet::new();
    for round in 0..40u16 {
        let numbers: Vec<u16> = (0..30).map(|i| round.wrapping_mul(7 + i) + i % 3).collect();
        let value = Choices(numbers.iter()).single(&field.kind(), 2);
        if values.len() < count && meanings.insert(scalar_meaning(&value)) {
            values.push(value);
        }
    }
    values
}

#[test]
fn one_edit_of_any_list_of_the_api_is_that_edit() {
    let mut lists = 0;
    let lists_of = |(message, fields): (MessageDescriptor, Vec<FieldDescriptor>)| {
        let fields = fields.into_iter().filter(FieldDescriptor::is_list);
        fields.map(move |field| (message.clone(), field))
    };
    for (message, field) in every_field().into_iter().flat_map(lists_of) {
        let mut items = distinct_values(&field, 4);
        let Some(new) = items.pop().filter(|_| items.len() > 1) else {
            continue;
        };
        lists += 1;
        let is_ordered = !API.unordered.contains(field.full_name());
        let list = |items: &[Value]| with_field(&message, &field, Value::List(items.to_vec()));
        let check = |what: &str, edit: &dyn Fn(&mut Vec<Value>), expected: &[ChangeKind]| {
            let mut after = items.clone();
            edit(&mut after);
            let edits = edits_between(&list(&items), &list(&after));
            let kinds: Vec<_> = edits.iter().map(|edit| edit.kind).collect();
            assert_eq!(
                kinds,
                expected,
                "{what} in {}: {edits:#?}",
                field.full_name()
            );
            assert!(
                edits.iter().all(|edit| edit.pairings.len() == 1),
                "{edits:#?}"
            );
        };
        let moves = |number: usize| vec![ChangeKind::Moved; if is_ordered { number } else { 0 }];
        for at in 0..items.len() {
            check(
                "removed",
                &|list| drop(list.remove(at)),
                &[ChangeKind::Removed],
            );
            check(
                "added",
                &|list| list.insert(at, new.clone()),
                &[ChangeKind::Added],
            );
            for to in 0..items.len() {
                check(
                    "repeated",
                    &|list| list.insert(to, items[at].clone()),
                    &[ChangeKind::Added],
                );
                check(
                    "swapped",
                    &|list| list.swap(at, to),
                    &moves(at.abs_diff(to).min(2)),
                );
                let and_back = |list: &mut Vec<Value>| {
                    let item = list.remove(at);
                    list.insert(to, item);
                };
                check("moved", &and_back, &moves(usize::from(at != to)));
            }
            // Whatever becomes of an item is told of that item: inside of it, or as one that went and one that came.
            let mut after = items.clone();
            after[at] = new.clone();
            let edits = edits_between(&list(&items), &list(&after));
            let whole = edits.iter().filter(|edit| edit.pairings.len() == 1);
            let is_whole = |edit: &Edit| edit.pairings[0].by.is_none();
            let mut kinds: Vec<_> = whole
                .filter(|edit| is_whole(edit) || edit.kind == ChangeKind::Moved)
                .map(|edit| edit.kind)
                .collect();
            kinds.sort();
            let is_replaced = kinds == [ChangeKind::Added, ChangeKind::Removed];
            assert!(
                !edits.is_empty() && (kinds.is_empty() || is_replaced && edits.len() == 2),
                "{}: {edits:#?}",
                field.full_name()
            );
        }
    }
    assert!(lists > 500, "only {lists} lists");
}

#[test]
fn another_value_of_any_field_of_the_api_is_one_edit() {
    let mut fields = 0;
    for (message, all) in every_field() {
        for field in all
            .iter()
            .filter(|field| !field.is_list() && !field.is_map())
        {
            let is_scalar = !matches!(field.kind(), Kind::Message(_));
            let is_any =
                matches!(field.kind(), Kind::Message(m) if m.full_name() == "google.protobuf.Any");
            if !is_scalar && !is_any {
                continue;
            }
            let values = distinct_values(field, 6);
            for pair in values.windows(2) {
                let messages =
                    [&pair[0], &pair[1]].map(|value| with_field(&message, field, value.clone()));
                let types = [&pair[0], &pair[1]].map(|value| {
                    value
                        .as_message()
                        .map(|message| any(message).descriptor().full_name().to_owned())
                });
                // Inside of one type an Any is compared as any message is.
                if is_any && types[0] == types[1] {
                    continue;
                }
                fields += 1;
                let edits = edits_between(&messages[0], &messages[1]);
                let has = messages.each_ref().map(|message| message.has_field(field));
                let expected = match has {
                    [true, true] => ChangeKind::Changed,
                    [true, false] => ChangeKind::Removed,
                    _ => ChangeKind::Added,
                };
                assert!(
                    matches!(&edits[..], [edit] if edit.kind == expected && edit.path.to_string().ends_with(field.name())),
                    "{}: {edits:#?}",
                    field.full_name()
                );
            }
        }
        // A member of a oneof for another is one that went and one that came.
        for oneof in message.oneofs().filter(|oneof| oneof.fields().len() > 1) {
            let members: Vec<_> = oneof.fields().filter(|field| all.contains(field)).collect();
            for pair in members.windows(2) {
                let messages = [&pair[0], &pair[1]].map(|field| {
                    let value = distinct_values(field, 1).remove(0);
                    with_field(&message, field, value)
                });
                let edits = edits_between(&messages[0], &messages[1]);
                let mut found: Vec<_> = edits
                    .iter()
                    .map(|edit| {
                        (
                            edit.kind,
                            edit.path.to_string().rsplit('.').next().unwrap().to_owned(),
                        )
                    })
                    .collect();
                found.sort();
                let expected = [
                    (ChangeKind::Added, pair[1].name().to_owned()),
                    (ChangeKind::Removed, pair[0].name().to_owned()),
                ];
                assert_eq!(found, expected, "{}", oneof.full_name());
                fields += 1;
            }
        }
    }
    assert!(fields > 5_000, "only {fields} pairs");
}

/// The normal form of `message` as an extension's configuration.
fn extension_form(message: &DynamicMessage, text: &str) -> xdsnap::normalize::Value {
    let inside = &text[1..text.len() - 1];
    let comma = if inside.trim().is_empty() { "" } else { "," };
    let url = format!("\"@type\":\"x/{}\"", message.descriptor().full_name());
    let resource = format!("{{\"typed_config\":{{{inside}{comma}{url}}}}}");
    let dump = dump_of(ENVELOPES[5], &resource, true);
    let dump = parse(&dump);
    normalize(&dump.resources[0], &dump.types).unwrap()
}

#[test]
fn every_field_of_the_api_is_read_and_compared() {
    let mut fields = 0;
    for (message, all) in every_field() {
        for field in all {
            fields += 1;
            let mut forms: Vec<(String, xdsnap::normalize::Value, String)> = Vec::new();
            for first in 0..4 {
                // A field's list gets an item or two, and whatever is in it differs from round to round.
                let values: Vec<u16> = (0..40).map(|i| first * 7 + i * first).collect();
                let mut choices = Choices(values.iter());
                let mut value = DynamicMessage::new(message.clone());
                value.set_field(&field, choices.field(&field, 2));
                for text in [
                    printed(&value, &mut choices),
                    respelled(&value, &mut choices),
                ] {
                    forms.push((meaning(&value), extension_form(&value, &text), text));
                }
            }
            for (i, (meaning, form, text)) in forms.iter().enumerate() {
                for (other_meaning, other, other_text) in &forms[..i] {
                    let name = field.full_name();
                    assert_eq!(
                        form == other,
                        meaning == other_meaning,
                        "{name}: {text} | {other_text}"
                    );
                }
            }
        }
    }
    assert!(fields > 5_000, "only {fields} fields");
}

fn choices() -> impl Strategy<Value = Vec<u16>> {
    proptest::collection::vec(any_choice(), 0..400)
}

fn any_choice() -> impl Strategy<Value = u16> {
    proptest::num::u16::ANY
}

fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_spelling_of_a_message_has_one_normal_form(bytes in choices(), spelling in choices(), kind in 0..ENVELOPES.len()) {
        let mut choices = Choices(bytes.iter());
        let message = choices.resource(ENVELOPES[kind].0);
        let mut choices = Choices(spelling.iter());
        let mut spellings = vec![printed(&message, &mut Choices([].iter()))];
        spellings.extend((0..2).map(|_| printed(&message, &mut choices)));
        spellings.extend((0..3).map(|_| respelled(&message, &mut choices)));
        let dumps: Vec<_> = spellings.iter().map(|text| dump_of(ENVELOPES[kind], text, choices.below(2) == 1)).collect();
        let forms: Vec<_> = dumps
            .iter()
            .map(|text| {
                let dump = parse(text);
                let value = normalize(&dump.resources[0], &dump.types).unwrap();
                (dump.resources[0].key.clone(), serde_json::to_string(&value).unwrap(), value)
            })
            .collect();
        for (i, form) in forms.iter().enumerate() {
            prop_assert_eq!(&forms[0], form, "{}\n{}", dumps[0], dumps[i]);
        }
        let again = dump_of(ENVELOPES[kind], &forms[0].1, false);
        let again = again.replacen(&format!("\"@type\":\"type.googleapis.com/{}\",", ENVELOPES[kind].0), "", 1);
        let again = parse(&again);
        prop_assert_eq!(&forms[0].2, &normalize(&again.resources[0], &again.types).unwrap(), "{}", dumps[0]);
        for other in &dumps[1..] {
            let report = compare(&dumps[0], other, Mode::Change);
            prop_assert!(is_equal(&report), "{}\n{}\n{:?}", dumps[0], other, report);
            // Istiod sends no bootstrap, and of secrets only some.
            if !["envoy.config.bootstrap.v3.Bootstrap"].contains(&ENVELOPES[kind].0) {
                let report = compare(&dumps[0], other, Mode::Sync);
                prop_assert!(is_equal(&report), "{}\n{}\n{:?}", dumps[0], other, report);
            }
        }
    }

    #[test]
    fn two_messages_compare_equal_exactly_when_the_oracle_says_so(
        bytes in choices(),
        edits in choices(),
        kind in 0..ENVELOPES.len(),
    ) {
        let mut choices = Choices(bytes.iter());
        let before = choices.resource(ENVELOPES[kind].0);
        let mut after = before.clone();
        let mut choices = Choices(edits.iter());
        for _ in 0..=choices.below(2) {
            choices.edit(&mut after, 5);
        }
        let [a, b] = [&before, &after].map(|message| dump_of(ENVELOPES[kind], &respelled(message, &mut choices), false));
        let report = compare(&a, &b, Mode::Change);
        prop_assert_eq!(is_equal(&report), meaning(&before) == meaning(&after), "{}\n{}\n{:?}", a, b, report);
        check_paths(&report)?;
        let [old, new] = [&a, &b].map(|text| crate::laws::digests_of(&parse(text)));
        prop_assert_eq!(is_equal(&report), old == new, "{}\n{}", a, b);
        crate::laws::check_mirror(&parse(&a), &parse(&b)).map_err(TestCaseError::fail)?;
    }
}
