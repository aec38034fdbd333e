//! What the schema says of a JSON value, level by level.

use std::{collections::HashMap, sync::LazyLock};

use super::{
    labels::{LabelPath, Labels, TYPE, TYPE_URL, is_camel_of},
    lookup::{Rules, Treatment, Verdict, step},
    rules::UNREADABLE,
};
use crate::{
    model::Document,
    xds::{Field, Kind, Message, Special},
};

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
    /// Figures under names that tell nothing of secrets.
    Figures,
    /// A message.
    Message(&'static Message),
    /// A list of the field's values.
    List(&'static Field),
    /// An object of the field's values.
    Map(&'static Field),
    /// Nothing, or the base64 of a message of an unknown type.
    Serialized,
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
    /// Base64 of no known meaning.
    Opaque,
    /// Text in hexadecimal digits.
    Hexadecimal,
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
            Document::Stats => return Self::Figures,
            Document::Log | Document::Syncz | Document::Version => return Self::Unknown,
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
            Special::Wrapper => match message.field("value") {
                Some(field) if matches!(field.kind(), Kind::Bytes) => Self::Scalar(Scalar::Opaque),
                field => field.map_or(Self::Unknown, Self::of_kind),
            },
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
        matches!(self, Self::Scalar(Scalar::Bytes | Scalar::Opaque))
    }

    /// Whether a string of it is text in hexadecimal digits.
    pub(super) fn is_hexadecimal(self) -> bool {
        matches!(self, Self::Scalar(Scalar::Hexadecimal))
    }

    /// Whether nothing is known of it.
    pub(super) fn is_unknown(self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether a string of it may be base64.
    pub(super) fn is_serialized(self) -> bool {
        matches!(self, Self::Serialized)
    }

    /// Whether bytes of it go that are no text.
    pub(super) fn is_opaque(self) -> bool {
        matches!(self, Self::Scalar(Scalar::Opaque))
    }

    /// What is known of the members, if the value turns out to be an object with these `labels`.
    pub(super) fn enter(self, rules: &Rules, labels: &Ahead) -> Object {
        let message = match self {
            Self::Figures => return Object::of(Members::Figures),
            Self::Map(field) => {
                return Object::of(Members::Entries(field, Self::of_kind(field)));
            }
            // A list was expected: an object is taken for its only item.
            Self::List(_) => return self.item().enter(rules, labels),
            Self::Message(message) if message.special() != Special::Any => Some(message),
            Self::Message(_) | Self::Unknown | Self::Serialized | Self::Scalar(_) => None,
        };
        let typed = message.is_none();
        let mut is_ambiguous = false;
        let mut type_in = |label| {
            let urls = labels.urls(label);
            is_ambiguous |= urls.iter().any(|url| *url != urls[0]);
            urls.into_iter().next()
        };
        let url = match message {
            Some(_) => None,
            None => type_in(TYPE),
        };
        let message = message.or_else(|| Message::find_url(url.as_deref()?));
        let members = match message {
            None => Members::Unknown {
                is_any: url.is_some(),
            },
            Some(message) => match message.special() {
                Special::No => Members::Fields(message),
                Special::TypedStruct => {
                    let inner = type_in(TYPE_URL).and_then(|url| Message::find_url(&url));
                    Members::Typed(inner.map_or(Self::Unknown, Self::of_message))
                }
                // In an Any, what is not an object of its fields stands in a member of its own.
                _ => Members::Value(Self::of_message(message)),
            },
        };
        let pairs = match members {
            Members::Fields(message) => Some(rules.pairs(Some(message))),
            Members::Unknown { .. } => Some(rules.pairs(None)),
            _ => None,
        };
        let named = pairs.into_iter().flatten().filter_map(|pair| {
            let verdict = pair.verdict(labels.texts(&pair.names))?;
            Some((verdict, pair.values))
        });
        Object {
            members,
            typed,
            named: named.collect(),
            marked: match members {
                Members::Unknown { .. } => labels.marked(rules),
                _ => Vec::new(),
            },
            is_ambiguous,
        }
    }

    /// Whether [`Shape::enter`] asks for no label but, maybe, the type of an object that begins with `leading_type`.
    pub(super) fn is_plain(self, rules: &Rules, leading_type: Option<&str>) -> bool {
        let message = match self {
            Self::Message(message) if message.special() != Special::Any => Some(message),
            Self::Message(_) | Self::Unknown => leading_type.and_then(Message::find_url),
            _ => None,
        };
        message.is_some_and(|message| {
            message.special() == Special::No && rules.pairs(Some(message)).next().is_none()
        })
    }
}

/// What can be known of an object's labels before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ahead<'a> {
    /// The type that it begins with, if it does.
    Type(Option<&'a str>),
    /// All labels, of the object that begins here.
    All(&'a Labels<'a>, usize),
}

impl Ahead<'_> {
    /// The types that the label called `label` tells.
    fn urls(&self, label: &str) -> Vec<String> {
        match self {
            Self::Type(url) if label == TYPE => url.iter().map(|url| (*url).to_owned()).collect(),
            Self::Type(_) => Vec::new(),
            Self::All(labels, object) => labels.texts_of(*object, label),
        }
    }

    fn texts(&self, paths: &[LabelPath]) -> impl Iterator<Item = String> {
        paths.iter().flat_map(move |path| match self {
            Self::Type(_) => Vec::new(),
            Self::All(labels, object) => labels.texts(*object, path),
        })
    }

    /// The members that go because of a label, and their rules.
    fn marked(&self, rules: &Rules) -> Vec<(&'static [&'static str], &'static str)> {
        let Self::All(labels, object) = self else {
            return Vec::new();
        };
        let marked = rules
            .marked()
            .filter(|(mark, ..)| !labels.texts(*object, mark).is_empty());
        marked.map(|(_, members, rule)| (*members, *rule)).collect()
    }
}

/// What is known of an object's members.
#[derive(Debug)]
pub(super) struct Object {
    members: Members,
    /// Whether its type came, or may come, from [`TYPE`].
    typed: bool,
    /// What names in it say of the values at these paths.
    named: Vec<(Verdict, &'static [&'static str])>,
    /// What goes of it because of a label, and by which rule.
    marked: Vec<(&'static [&'static str], &'static str)>,
    /// Whether it has two types.
    is_ambiguous: bool,
}

#[derive(Clone, Copy, Debug)]
enum Members {
    /// Nothing but their names, and whether they are those of an Any.
    Unknown { is_any: bool },
    /// Their names tell nothing.
    Figures,
    /// They are fields of a message.
    Fields(&'static Message),
    /// They are entries of this map, of this shape.
    Entries(&'static Field, Shape),
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
    /// Whether it tells where a secret is, and does not hold it.
    pub(super) is_reference: bool,
    /// Whether its name is one that somebody chose.
    pub(super) is_free: bool,
}

impl Member {
    fn new(shape: Shape, treatment: Treatment) -> Self {
        Self {
            shape,
            treatment,
            is_type_url: false,
            is_reference: false,
            is_free: false,
        }
    }

    fn keep(shape: Shape) -> Self {
        Self::new(shape, Treatment::KEEP)
    }
}

impl Object {
    fn of(members: Members) -> Self {
        Self {
            members,
            typed: false,
            named: Vec::new(),
            marked: Vec::new(),
            is_ambiguous: false,
        }
    }

    /// Whether it has a type, and the type is known.
    pub(super) fn has_known_type(&self) -> bool {
        self.typed && !matches!(self.members, Members::Unknown { .. })
    }

    /// The member called `key`.
    pub(super) fn member(&self, key: &str, rules: &Rules) -> Member {
        let is_type_url = self.typed && key == TYPE
            || matches!(self.members, Members::Typed(_)) && (key == TYPE_URL || key == "typeUrl");
        if is_type_url {
            return Member {
                is_type_url,
                ..Member::keep(Shape::Scalar(Scalar::Text))
            };
        }
        let member = match self.members {
            Members::Figures => Member::keep(Shape::Figures),
            Members::Entries(field, shape) => Member {
                is_free: true,
                ..Member::new(shape, rules.of_entry(field, key))
            },
            Members::Value(shape) | Members::Typed(shape) if key == "value" => Member::keep(shape),
            Members::Fields(message) => match message.field(key) {
                Some(field) => of_field(message, field, rules),
                None => by_name(key, rules),
            },
            // Without its type, what is in an Any may be printed as it was serialized.
            Members::Unknown { is_any: true } if key == "value" => Member {
                shape: Shape::Serialized,
                ..by_name(key, rules)
            },
            Members::Unknown { .. } | Members::Value(_) | Members::Typed(_) => by_name(key, rules),
        };
        let treatment = match self.is_ambiguous {
            true => Some(Treatment::Hide(UNREADABLE)),
            false => None,
        };
        let of_name = || {
            let mut named = self.named.iter();
            let treatments = named.by_ref().flat_map(|(verdict, paths)| {
                paths.iter().filter_map(|path| step(path, key, *verdict))
            });
            // Of two verdicts, the stricter one.
            treatments.reduce(|first, second| match first {
                Treatment::Named(Verdict {
                    if_random: true, ..
                }) => second,
                first => first,
            })
        };
        let of_label = || {
            let is_one = |name: &str| name == key || is_camel_of(key, name);
            let mut marked = self.marked.iter();
            let found = marked.find(|(members, _)| members.iter().any(|name| is_one(name)));
            found.map(|(_, rule)| Treatment::Hide(rule))
        };
        let treatment = treatment.or_else(of_label).or_else(of_name);
        Member {
            treatment: match (treatment, member.treatment) {
                (_, annotated @ Treatment::Hide(_)) => annotated,
                (Some(treatment), _) => treatment,
                (None, of_member) => of_member,
            },
            ..member
        }
    }
}

fn of_field(message: &'static Message, field: &'static Field, rules: &Rules) -> Member {
    let shape = match rules.is_opaque(field) {
        true => Shape::Scalar(Scalar::Opaque),
        false if message.name().ends_with(".HealthCheck.Payload") && field.name() == "text" => {
            Shape::Scalar(Scalar::Hexadecimal)
        }
        false => Shape::of_field(field),
    };
    let is_reference = message.name().ends_with(".DataSource")
        && matches!(
            field.name(),
            "filename" | "environment_variable" | "watched_directory"
        );
    Member {
        is_reference,
        ..Member::new(shape, rules.of_field(field))
    }
}

/// A member of an object without a schema.
fn by_name(key: &str, rules: &Rules) -> Member {
    let (shape, treatment) = match ENVELOPE_FIELDS.get(key) {
        Some(field) => {
            let treatment = match (field.is_repeated(), rules.of_member(key)) {
                // `secret` in a dump of secrets, or in any other JSON.
                (false, Treatment::Named(verdict)) => Treatment::Untyped(verdict),
                _ => Treatment::KEEP,
            };
            (Shape::of_field(field), treatment)
        }
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
        is_free: true,
        ..Member::new(shape, treatment)
    }
}
