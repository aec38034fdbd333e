//! Typed access to the generated table.

use std::fmt;

use super::{ListRule, ORDERED, hash::hash, table};

/// A message type.
pub struct Message {
    /// Index of the full name.
    pub(super) name: u16,
    pub(super) first_field: u16,
    pub(super) field_count: u16,
    /// Where the slots begin in which its fields are found by their names; there are two to the power of `slot_bits`.
    pub(super) first_slot: u16,
    pub(super) slot_bits: u8,
    /// Index of the message that [`Message::current`] gives.
    pub(super) current: u16,
    pub(super) special: Special,
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// Index of the name in the `.proto` file.
    pub(super) name: u16,
    /// Index of the lowerCamelCase name of protobuf's JSON.
    pub(super) json_name: u16,
    pub(super) kind: RawKind,
    /// Index of the enum or message.
    pub(super) target: u16,
    pub(super) flags: u8,
    /// Index of the list rule, for a repeated field.
    pub(super) list: u16,
}

/// An enum type.
#[derive(Debug)]
pub struct Enum {
    /// Index of the full name.
    pub(super) name: u16,
    pub(super) first_value: u16,
    pub(super) value_count: u16,
}

/// The number and the name of an enum value; of aliases, the first in the `.proto` file comes first.
#[derive(Debug)]
pub(super) struct EnumValue {
    pub(super) number: i32,
    pub(super) name: u16,
}

/// A field's kind as the table stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RawKind {
    Bool,
    Int32,
    UInt32,
    Int64,
    UInt64,
    Float,
    Double,
    String,
    Bytes,
    Enum,
    Message,
}

/// The text that the table calls by an index.
fn text(index: u16) -> &'static str {
    let index = usize::from(index);
    let [start, end] = [index, index + 1].map(|i| table::ENDS[i] as usize);
    &table::TEXT[start..end]
}

/// A slot of a hash table that holds nothing.
pub(super) const NO_MESSAGE: u16 = u16::MAX;
/// A slot of a message that holds no field.
pub(super) const NO_FIELD: u8 = u8::MAX;

pub(super) const REPEATED: u8 = 1;
pub(super) const MAP: u8 = 2;
pub(super) const PRESENCE: u8 = 4;
pub(super) const SENSITIVE: u8 = 8;
pub(super) const DEPRECATED: u8 = 16;
pub(super) const ONEOF: u8 = 32;

/// The kind of a field's values; of a map, that of the map's values.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `bool`.
    Bool,
    /// `int32`, `sint32`, `sfixed32`.
    Int32,
    /// `uint32`, `fixed32`.
    UInt32,
    /// `int64`, `sint64`, `sfixed64`: a string in JSON.
    Int64,
    /// `uint64`, `fixed64`: a string in JSON.
    UInt64,
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// `string`.
    String,
    /// `bytes`: base64 in JSON.
    Bytes,
    /// An enum.
    Enum(&'static Enum),
    /// A message.
    Message(&'static Message),
}

/// Messages whose JSON is not an object of their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// None: an object of fields.
    No,
    /// `google.protobuf.Any`.
    Any,
    /// `google.protobuf.Struct`: any JSON object.
    Struct,
    /// `google.protobuf.Value`: any JSON.
    Value,
    /// `google.protobuf.ListValue`: any JSON list.
    ListValue,
    /// `google.protobuf.Duration`: `"1.500s"`.
    Duration,
    /// `google.protobuf.Timestamp`: RFC 3339.
    Timestamp,
    /// A wrapper such as `google.protobuf.UInt32Value`: the bare value of its only field.
    Wrapper,
    /// `udpa.type.v1.TypedStruct` or `xds.type.v3.TypedStruct`: a Struct in the shape of its `type_url`.
    TypedStruct,
}

impl Message {
    /// All messages of the table.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        table::MESSAGES.iter()
    }

    /// The message of that full name (`envoy.config.cluster.v3.Cluster`), if the table has it.
    pub fn find(full_name: &str) -> Option<&'static Self> {
        let slots = &table::MESSAGE_SLOTS;
        let mut at = hash(full_name) as usize >> (32 - slots.len().ilog2());
        while slots[at] != NO_MESSAGE {
            let message = &table::MESSAGES[usize::from(slots[at])];
            if message.name() == full_name {
                return Some(message);
            }
            at = (at + 1) % slots.len();
        }
        None
    }

    /// The message that a type URL names: what follows its last slash.
    pub fn find_url(type_url: &str) -> Option<&'static Self> {
        Self::find(type_url.rsplit_once('/').map_or(type_url, |(_, name)| name))
    }

    /// The full name.
    pub fn name(&self) -> &'static str {
        text(self.name)
    }

    /// The message of the current API that this one became (`udpa.annotations.versioning`), or this one.
    ///
    /// Both are the same bytes on the wire: Envoys that took v2 read `envoy.api.v2.Cluster` as
    /// `envoy.config.cluster.v3.Cluster`.
    pub fn current(&self) -> &'static Self {
        &table::MESSAGES[usize::from(self.current)]
    }

    /// What its JSON looks like, if it is not an object of its fields.
    pub fn special(&self) -> Special {
        self.special
    }

    /// Its fields, in byte order of their JSON names.
    pub fn fields(&self) -> &'static [Field] {
        let first = usize::from(self.first_field);
        &table::FIELDS[first..first + usize::from(self.field_count)]
    }

    /// The field that JSON calls `key`: by its `.proto` name or its lowerCamelCase one.
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        let fields = self.fields();
        let length = 1 << self.slot_bits;
        let slots = &table::FIELD_SLOTS[usize::from(self.first_slot)..][..length];
        // The shift is of 64 bits, as it is by 32 where there is one slot.
        let mut at = (u64::from(hash(key)) >> (32 - u32::from(self.slot_bits))) as usize;
        while slots[at] != NO_FIELD {
            let field = &fields[usize::from(slots[at])];
            if field.name() == key || field.json_name() == key {
                return Some(field);
            }
            at = (at + 1) % length;
        }
        None
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Message").field(&self.name()).finish()
    }
}

impl Field {
    /// The name in the `.proto` file: `lb_policy`.
    pub fn name(&self) -> &'static str {
        text(self.name)
    }

    /// The name in protobuf's JSON: `lbPolicy`.
    pub fn json_name(&self) -> &'static str {
        text(self.json_name)
    }

    /// The kind of its values.
    pub fn kind(&self) -> Kind {
        let target = usize::from(self.target);
        match self.kind {
            RawKind::Bool => Kind::Bool,
            RawKind::Int32 => Kind::Int32,
            RawKind::UInt32 => Kind::UInt32,
            RawKind::Int64 => Kind::Int64,
            RawKind::UInt64 => Kind::UInt64,
            RawKind::Float => Kind::Float,
            RawKind::Double => Kind::Double,
            RawKind::String => Kind::String,
            RawKind::Bytes => Kind::Bytes,
            RawKind::Enum => Kind::Enum(&table::ENUMS[target]),
            RawKind::Message => Kind::Message(&table::MESSAGES[target]),
        }
    }

    /// Whether it is a list; a map is not.
    pub fn is_repeated(&self) -> bool {
        self.flags & REPEATED != 0
    }

    /// Whether it is a map.
    pub fn is_map(&self) -> bool {
        self.flags & MAP != 0
    }

    /// Whether absent differs from the default value: messages, oneof members, `optional` fields.
    pub fn has_presence(&self) -> bool {
        self.flags & PRESENCE != 0
    }

    /// Whether it is a member of a oneof.
    pub fn is_in_oneof(&self) -> bool {
        self.flags & ONEOF != 0
    }

    /// Whether the API marks it as holding a secret (`udpa.annotations.sensitive`).
    pub fn is_sensitive(&self) -> bool {
        self.flags & SENSITIVE != 0
    }

    /// Whether the API marks it as deprecated.
    pub fn is_deprecated(&self) -> bool {
        self.flags & DEPRECATED != 0
    }

    /// What the order of its items means, for a repeated field.
    pub fn list_rule(&self) -> &'static ListRule {
        match self.is_repeated() {
            true => &table::LISTS[usize::from(self.list)],
            false => &ORDERED,
        }
    }
}

impl Enum {
    /// The full name.
    pub fn name(&self) -> &'static str {
        text(self.name)
    }

    fn values(&self) -> &'static [EnumValue] {
        let first = usize::from(self.first_value);
        &table::ENUM_VALUES[first..first + usize::from(self.value_count)]
    }

    /// The number of the value called `name`, by any of its aliases.
    pub fn number(&self, name: &str) -> Option<i32> {
        self.values()
            .iter()
            .find(|value| text(value.name) == name)
            .map(|value| value.number)
    }

    /// The name of `number`: the first of its aliases.
    pub fn name_of(&self, number: i32) -> Option<&'static str> {
        self.values()
            .iter()
            .find(|value| value.number == number)
            .map(|value| text(value.name))
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Message {}

#[test]
fn a_field_is_found_by_either_spelling_and_by_no_other() {
    let protocol = Message::find("envoy.config.core.v3.Http1ProtocolOptions").unwrap();
    for key in ["accept_http_10", "acceptHttp10"] {
        assert_eq!(protocol.field(key).unwrap().name(), "accept_http_10");
    }
    for key in ["accept_http10", "AcceptHttp10", "accept__http_10", "", "_"] {
        assert!(protocol.field(key).is_none(), "{key}");
    }
    let outlier = Message::find_url("any.host/envoy.config.cluster.v3.OutlierDetection").unwrap();
    assert_eq!(
        outlier.field("consecutive5xx").unwrap().name(),
        "consecutive_5xx"
    );
}

#[test]
fn kinds_presence_lists_and_marks_are_those_of_the_api() {
    let cluster = Message::find("envoy.config.cluster.v3.Cluster").unwrap();
    let field = |key: &str| cluster.field(key).unwrap();
    assert!(matches!(field("type").kind(), Kind::Enum(e) if e.number("EDS") == Some(3)));
    assert!(field("type").has_presence(), "a oneof member");
    assert!(!field("lb_policy").has_presence());
    assert!(field("typed_extension_protocol_options").is_map());
    let matches = field("transport_socket_matches");
    assert!(matches.list_rule().ordered);
    assert_eq!(matches.list_rule().keys, ["name"]);
    let certificate =
        Message::find("envoy.extensions.transport_sockets.tls.v3.TlsCertificate").unwrap();
    assert!(certificate.field("private_key").unwrap().is_sensitive());
    assert!(
        !certificate
            .field("certificate_chain")
            .unwrap()
            .is_sensitive()
    );
}
