//! What the schema says of a JSON value, level by level.

use std::{collections::HashMap, sync::LazyLock};

use super::{
    RedactError,
    rules::{Rules, Treatment},
};
use crate::{
    model::Document,
    xds::{Field, Kind, Message, Special},
};

/// The member that tells the type of an Any.
pub(super) const TYPE: &str = "@type";
/// The member that tells the type of a TypedStruct, in both spellings.
const TYPE_URL: [&str; 2] = ["type_url", "typeUrl"];
/// The member that names a header.
const KEY: &str = "key";

/// The members that tell how to read the object they stand in, wherever they stand in it.
pub(super) const LABELS: [&str; 4] = [TYPE, TYPE_URL[0], TYPE_URL[1], KEY];

/// Whether a member called `key` may tell the name of what its object holds.
pub(super) fn is_label_of_name(key: &str) -> bool {
    key == KEY
}

/// Messages whose fields have names that tell them: what is in them is known even if their type is not given.
const ENVELOPES: [&str; 8] = [
    "envoy.admin.v3.BootstrapConfigDump",
    "envoy.admin.v3.ClustersConfigDump",
    "envoy.admin.v3.EcdsConfigDump",
    "envoy.admin.v3.EndpointsConfigDump",
    "envoy.admin.v3.ListenersConfigDump",
    "envoy.admin.v3.ListenersConfigDump.DynamicListener",
    "envoy.admin.v3.RoutesConfigDump",
    "envoy.admin.v3.SecretsConfigDump",
];

/// The fields of [`ENVELOPES`] that hold messages, by both spellings of their names.
static ENVELOPE_FIELDS: LazyLock<HashMap<&str, &'static Field>> = LazyLock::new(|| {
    let messages = ENVELOPES.iter().filter_map(|name| Message::find(name));
    let fields = messages.flat_map(Message::fields);
    fields
        .filter(|field| matches!(field.kind(), Kind::Message(_)))
        .flat_map(|field| [(field.name(), field), (field.json_name(), field)])
        .collect()
});

/// What is known of a value before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Nothing, or that it is free form.
    Unknown,
    /// A message.
    Message(&'static Message),
    /// A list of the field's values.
    List(&'static Field),
    /// An object of the field's values.
    Map(&'static Field),
    /// A string, a number or a boolean.
    Scalar(Scalar),
}

/// What the string of a scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    /// Text.
    Text,
    /// Base64.
    Bytes,
    /// A number, or a word like `NaN`.
    Number,
    /// `1.500s`.
    Duration,
}

impl Shape {
    /// The shape of a whole document.
    pub(super) fn of_document(document: Document) -> Self {
        let message = match document {
            Document::ConfigDump => "envoy.admin.v3.ConfigDump",
            Document::ServerInfo => "envoy.admin.v3.ServerInfo",
            Document::Clusters => "envoy.admin.v3.Clusters",
            Document::Listeners => "envoy.admin.v3.Listeners",
            Document::Certs => "envoy.admin.v3.Certificates",
            Document::Stats | Document::Syncz | Document::Version => return Self::Unknown,
        };
        Message::find(message).map_or(Self::Unknown, Self::Message)
    }

    fn of_field(field: &'static Field) -> Self {
        match field {
            _ if field.is_map() => Self::Map(field),
            _ if field.is_repeated() => Self::List(field),
            _ => Self::of_kind(field),
        }
    }

    /// The shape of one of the field's values.
    fn of_kind(field: &'static Field) -> Self {
        match field.kind() {
            Kind::Message(message) => Self::of_message(message),
            Kind::Bytes => Self::Scalar(Scalar::Bytes),
            Kind::String | Kind::Enum(_) => Self::Scalar(Scalar::Text),
            Kind::Bool
            | Kind::Int32
            | Kind::UInt32
            | Kind::Int64
            | Kind::UInt64
            | Kind::Float
            | Kind::Double => Self::Scalar(Scalar::Number),
        }
    }

    fn of_message(message: &'static Message) -> Self {
        match message.special() {
            Special::No | Special::Any | Special::TypedStruct => Self::Message(message),
            Special::Struct | Special::Value | Special::ListValue => Self::Unknown,
            Special::Duration => Self::Scalar(Scalar::Duration),
            Special::Timestamp => Self::Scalar(Scalar::Text),
            Special::Wrapper => message.field("value").map_or(Self::Unknown, Self::of_kind),
        }
    }

    /// The shape of the items, if the value turns out to be a list.
    pub(super) fn item(self) -> Self {
        match self {
            Self::List(field) | Self::Map(field) => Self::of_kind(field),
            other => other,
        }
    }

    /// Whether a string of it is base64.
    pub(super) fn is_bytes(self) -> bool {
        matches!(self, Self::Scalar(Scalar::Bytes))
    }

    /// What is known of the members, if the value turns out to be an object. `label` finds the text of the first of
    /// the object's members that has one of these names.
    pub(super) fn enter<L>(self, rules: &Rules, mut label: L) -> Result<Object, RedactError>
    where
        L: FnMut(&[&str]) -> Result<Option<String>, RedactError>,
    {
        let message = match self {
            Self::Map(field) => return Ok(Object::of(Members::Entries(Self::of_kind(field)))),
            // A list was expected: an object is taken for its only item.
            Self::List(_) => return self.item().enter(rules, label),
            Self::Message(message) if message.special() != Special::Any => Some(message),
            Self::Message(_) | Self::Unknown | Self::Scalar(_) => None,
        };
        let typed = message.is_none();
        let message = match message {
            Some(message) => Some(message),
            None => label(&[TYPE])?.and_then(|url| Message::find_url(&url)),
        };
        let members = match message {
            None => Members::Unknown,
            Some(message) => match message.special() {
                Special::No => Members::Fields(message),
                Special::TypedStruct => {
                    let inner = label(&TYPE_URL)?.and_then(|url| Message::find_url(&url));
                    Members::Typed(inner.map_or(Self::Unknown, Self::of_message))
                }
                // In an Any, what is not an object of its fields stands in a member of its own.
                _ => Members::Value(Self::of_message(message)),
            },
        };
        let may_be_header = match members {
            Members::Fields(message) => rules.is_header(message),
            Members::Unknown => true,
            _ => false,
        };
        let is_secret_header =
            may_be_header && label(&[KEY])?.is_some_and(|name| rules.is_secret_header(&name));
        Ok(Object {
            members,
            typed,
            is_secret_header,
        })
    }

    /// Whether [`Shape::enter`] asks for no label but, maybe, the type of an object that begins with `leading_type`.
    pub(super) fn is_plain(self, rules: &Rules, leading_type: Option<&str>) -> bool {
        let message = match self {
            Self::Message(message) if message.special() != Special::Any => Some(message),
            Self::Message(_) | Self::Unknown => leading_type.and_then(Message::find_url),
            Self::List(_) | Self::Map(_) | Self::Scalar(_) => None,
        };
        message.is_some_and(|message| message.special() == Special::No && !rules.is_header(message))
    }
}

/// What is known of an object's members.
#[derive(Debug)]
pub(super) struct Object {
    members: Members,
    /// Whether its type came, or may come, from [`TYPE`].
    typed: bool,
    is_secret_header: bool,
}

#[derive(Debug)]
enum Members {
    /// Nothing but their names.
    Unknown,
    /// They are fields of a message.
    Fields(&'static Message),
    /// They are entries of a map.
    Entries(Shape),
    /// One of them, `value`, is what an Any holds.
    Value(Shape),
    /// One of them, `value`, is what a TypedStruct holds.
    Typed(Shape),
}

/// What is known of one member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) shape: Shape,
    pub(super) treatment: Treatment,
    /// Whether its text is a type URL, which is no secret even below a sensitive field.
    pub(super) is_type_url: bool,
}

impl Object {
    fn of(members: Members) -> Self {
        Self {
            members,
            typed: false,
            is_secret_header: false,
        }
    }

    /// The member called `key`.
    pub(super) fn member(&self, key: &str, rules: &Rules) -> Member {
        let keep = |shape| Member {
            shape,
            treatment: Treatment::KEEP,
            is_type_url: false,
        };
        let is_type_url = match self.members {
            Members::Typed(_) => TYPE_URL.contains(&key) || self.typed && key == TYPE,
            _ => self.typed && key == TYPE,
        };
        if is_type_url {
            return Member {
                is_type_url,
                ..keep(Shape::Scalar(Scalar::Text))
            };
        }
        let member = match self.members {
            Members::Entries(shape) => keep(shape),
            Members::Value(shape) | Members::Typed(shape) if key == "value" => keep(shape),
            Members::Fields(message) => match message.field(key) {
                Some(field) => Member {
                    treatment: rules.of_field(field),
                    ..keep(Shape::of_field(field))
                },
                None => by_name(key, rules),
            },
            Members::Unknown | Members::Value(_) | Members::Typed(_) => by_name(key, rules),
        };
        match self.is_secret_header && matches!(key, "value" | "raw_value" | "rawValue") {
            true => Member {
                treatment: rules.of_secret_header(),
                ..member
            },
            false => member,
        }
    }
}

/// A member of an object without a schema.
fn by_name(key: &str, rules: &Rules) -> Member {
    let (shape, treatment) = match ENVELOPE_FIELDS.get(key) {
        Some(field) => (Shape::of_field(field), Treatment::KEEP),
        None if matches!(
            key,
            "inline_bytes" | "inlineBytes" | "raw_value" | "rawValue"
        ) =>
        {
            (Shape::Scalar(Scalar::Bytes), Treatment::KEEP)
        }
        None => (Shape::Unknown, rules.of_member(key)),
    };
    Member {
        shape,
        treatment,
        is_type_url: false,
    }
}
