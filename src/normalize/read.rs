//! Raw JSON to a [`Value`], driven by the schema: names, presence and scalars in their canonical spelling.
//!
//! What does not fit the schema is kept as it was written: unknown is data.

use std::borrow::Cow;

use jiter::{Jiter, JiterError, JiterErrorType, Peek};

use super::{Key, List, NormalizeError, Number, Object, ObjectKind, Value, scalar};
use crate::{
    dump::Shape,
    xds::{Field, Kind, ListRule, Message, ORDERED, Special},
};

/// The deepest nesting that is read: more than any configuration has, less than a stack holds.
const MAX_DEPTH: usize = 200;

const TYPE_PREFIX: &str = "type.googleapis.com/";

/// The enum whose one value is `null` in JSON.
const NULL_VALUE: &str = "google.protobuf.NullValue";

/// Reads `raw` in the shape that the dump gave it.
pub(super) fn read(raw: &[u8], shape: Shape) -> Result<Value, NormalizeError> {
    let mut reader = Reader {
        json: Jiter::new(raw),
        depth: 0,
    };
    let value = match shape {
        Shape::Any(default) => match default {
            Some(message) if !reader.names_its_type()? => reader
                .message(Some(message))
                .map(|value| named(value, message)),
            _ => reader.message(Message::find("google.protobuf.Any")),
        },
        Shape::Message(message) => reader.message(Some(message)),
        Shape::Unknown => reader.plain(Plain::Unknown),
    }?;
    reader.json.finish()?;
    Ok(value)
}

/// How JSON without fields is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plain {
    /// A `google.protobuf.Struct`: numbers are doubles.
    Struct,
    /// A message or field that the table lacks: integers are exact.
    Unknown,
}

struct Reader<'j> {
    json: Jiter<'j>,
    depth: usize,
}

impl<'j> Reader<'j> {
    /// Whether the next value is an object with an `@type`.
    fn names_its_type(&mut self) -> Result<bool, NormalizeError> {
        let is_object = self.json.peek()? == Peek::Object;
        Ok(is_object && self.look_ahead(&["@type"])?.is_some())
    }

    /// Reads the next value as a message; `None` for one that the table lacks.
    fn message(&mut self, message: Option<&'static Message>) -> Result<Value, NormalizeError> {
        let Some(message) = message else {
            return self.plain(Plain::Unknown);
        };
        let peek = self.json.peek()?;
        match (message.special(), peek) {
            (Special::Struct | Special::Value | Special::ListValue, _) => self.plain(Plain::Struct),
            (Special::Duration, Peek::String) => self.text(scalar::duration),
            (Special::Timestamp, Peek::String) => self.text(scalar::timestamp),
            (Special::Wrapper, _) => match message.fields().first() {
                Some(field) => self.scalar(field.kind()),
                None => self.plain(Plain::Unknown),
            },
            (Special::Any, Peek::Object) => self.nested(Self::any),
            (Special::TypedStruct, Peek::Object) => {
                self.nested(|reader| reader.typed_struct(message))
            }
            (Special::No, Peek::Object) => self.nested(|reader| {
                let members = reader.fields(message, |_, _| Ok(None))?;
                Ok(object(members, ObjectKind::Message(message)))
            }),
            _ => self.plain(Plain::Unknown),
        }
    }

    /// Reads an object's members as fields of `message`. `special` may read one itself, and says so.
    fn fields(
        &mut self,
        message: &'static Message,
        mut special: impl FnMut(&mut Self, &str) -> Result<Option<(Key, Value)>, NormalizeError>,
    ) -> Result<Vec<(Key, Value)>, NormalizeError> {
        let mut members = Vec::new();
        // A field that says no more than its absence leaves no member, but may not be given twice either.
        let mut seen = Vec::new();
        let mut key = self.json.known_object()?.map(str::to_owned);
        while let Some(name) = key {
            if let Some(member) = special(self, &name)? {
                members.push(member);
            } else if let Some(field) = message.field(&name) {
                if seen.contains(&field.name()) {
                    return Err(NormalizeError::Duplicate(self.json.current_index(), name));
                }
                seen.push(field.name());
                if let Some(value) = self.field(field)? {
                    members.push((Cow::Borrowed(field.name()), value));
                }
            } else {
                members.push((Cow::Owned(name), self.plain(Plain::Unknown)?));
            }
            key = self.json.next_key()?.map(str::to_owned);
        }
        Ok(members)
    }

    /// Reads a field's value; `None` where it says no more than its absence.
    fn field(&mut self, field: &'static Field) -> Result<Option<Value>, NormalizeError> {
        let peek = self.json.peek()?;
        let kind = field.kind();
        let is_value = match kind {
            Kind::Message(message) => message.special() == Special::Value,
            Kind::Enum(names) => names.name() == NULL_VALUE,
            _ => false,
        };
        if peek == Peek::Null && (!is_value || field.is_repeated()) {
            self.json.known_null()?;
            return Ok(None);
        }
        if field.is_map() {
            return match peek {
                Peek::Object => Ok(not_empty(self.nested(|reader| reader.map(kind))?)),
                _ => self.plain(Plain::Unknown).map(Some),
            };
        }
        if field.is_repeated() {
            return match peek {
                Peek::Array => Ok(not_empty(
                    self.nested(|reader| reader.list(kind, field.list_rule()))?,
                )),
                _ => self.plain(Plain::Unknown).map(Some),
            };
        }
        let value = self.single(kind)?;
        Ok((field.has_presence() || !is_default(&value, kind)).then_some(value))
    }

    fn single(&mut self, kind: Kind) -> Result<Value, NormalizeError> {
        match kind {
            Kind::Message(message) => self.message(Some(message)),
            kind => self.scalar(kind),
        }
    }

    fn list(&mut self, kind: Kind, rule: &'static ListRule) -> Result<Value, NormalizeError> {
        let mut items = Vec::new();
        let mut next = self.json.known_array()?;
        while next.is_some() {
            items.push(self.single(kind)?);
            next = self.json.array_step()?;
        }
        Ok(Value::List(List { items, rule }))
    }

    fn map(&mut self, kind: Kind) -> Result<Value, NormalizeError> {
        let mut members = Vec::new();
        let mut key = self.json.known_object()?.map(str::to_owned);
        while let Some(name) = key {
            members.push((Cow::Owned(name), self.single(kind)?));
            key = self.json.next_key()?.map(str::to_owned);
        }
        Ok(object(members, ObjectKind::Plain))
    }

    /// Reads an `Any`: its type may come after its fields.
    fn any(&mut self) -> Result<Value, NormalizeError> {
        let type_url = self.look_ahead(&["@type"])?;
        let message = type_url.as_deref().and_then(Message::find_url);
        let kind = ObjectKind::Any(message);
        let is_fields = message.is_some_and(|message| message.special() == Special::No);
        let is_typed_struct =
            message.is_some_and(|message| message.special() == Special::TypedStruct);
        let special =
            |reader: &mut Self, name: &str| -> Result<Option<(Key, Value)>, NormalizeError> {
                match name {
                    "@type" => {
                        let value = match reader.plain(Plain::Unknown)? {
                            Value::String(url) => Value::String(canonical_url(&url)),
                            other => other,
                        };
                        Ok(Some(("@type".into(), value)))
                    }
                    // A well-known type stands beside its name, under `value`.
                    "value" if !is_fields && !is_typed_struct => {
                        Ok(Some(("value".into(), reader.message(message)?)))
                    }
                    _ => Ok(None),
                }
            };
        let mut members = match message {
            Some(message) if is_typed_struct => self.typed_struct_members(message, special)?,
            Some(message) if is_fields => self.fields(message, special)?,
            _ => self.unknown_fields(special)?,
        };
        // Beside a well-known type, printers do not agree on whether to write a `value` that says nothing.
        if let Some(message) = message.filter(|_| !is_fields && !is_typed_struct) {
            let says_nothing = |value: &Value| match (message.special(), message.fields().first()) {
                (Special::Wrapper, Some(field)) => is_default(value, field.kind()),
                _ => false,
            };
            members.retain(|(key, value)| key != "value" || !says_nothing(value));
        }
        if message.is_some_and(|message| message.name() == "google.protobuf.Empty") {
            members.retain(|(key, value)| {
                key != "value"
                    || !matches!(value, Value::Object(object) if object.members.is_empty())
            });
        }
        Ok(object(members, kind))
    }

    fn unknown_fields(
        &mut self,
        mut special: impl FnMut(&mut Self, &str) -> Result<Option<(Key, Value)>, NormalizeError>,
    ) -> Result<Vec<(Key, Value)>, NormalizeError> {
        let mut members = Vec::new();
        let mut key = self.json.known_object()?.map(str::to_owned);
        while let Some(name) = key {
            match special(self, &name)? {
                Some(member) => members.push(member),
                None => members.push((Cow::Owned(name), self.plain(Plain::Unknown)?)),
            }
            key = self.json.next_key()?.map(str::to_owned);
        }
        Ok(members)
    }

    fn typed_struct(&mut self, message: &'static Message) -> Result<Value, NormalizeError> {
        let members = self.typed_struct_members(message, |_, _| Ok(None))?;
        Ok(object(members, ObjectKind::Message(message)))
    }

    /// Reads a TypedStruct: its `value` is a message of the type that `type_url` names, written as a Struct.
    fn typed_struct_members(
        &mut self,
        message: &'static Message,
        mut special: impl FnMut(&mut Self, &str) -> Result<Option<(Key, Value)>, NormalizeError>,
    ) -> Result<Vec<(Key, Value)>, NormalizeError> {
        let inner = self
            .look_ahead(&["type_url", "typeUrl"])?
            .and_then(|url| Message::find_url(&url));
        let mut members = self.fields(message, |reader, name| match (name, inner) {
            ("value", Some(inner)) => Ok(Some(("value".into(), reader.message(Some(inner))?))),
            _ => special(reader, name),
        })?;
        // An empty value is the message with all its defaults, and so is none.
        members.retain(|(key, value)| key != "value" || !is_empty_object(value));
        for (key, value) in &mut members {
            if let (true, Value::String(url)) = (key == "type_url", value) {
                *url = canonical_url(url);
            }
        }
        Ok(members)
    }

    /// The string member of the coming object that has one of `names`, without consuming anything.
    fn look_ahead(&self, names: &[&str]) -> Result<Option<String>, NormalizeError> {
        let mut json = self.json.clone();
        let mut key = json.known_object()?.map(str::to_owned);
        while let Some(name) = key {
            let peek = json.peek()?;
            if names.contains(&name.as_str()) && peek == Peek::String {
                return Ok(Some(json.known_str()?.to_owned()));
            }
            json.known_skip(peek)?;
            key = json.next_key()?.map(str::to_owned);
        }
        Ok(None)
    }

    fn scalar(&mut self, kind: Kind) -> Result<Value, NormalizeError> {
        let peek = self.json.peek()?;
        let is_text = peek == Peek::String;
        if !is_text && !peek.is_num() {
            return self.plain(Plain::Unknown);
        }
        let text = match is_text {
            true => self.json.known_str()?.to_owned(),
            false => number_text(self.json.known_number_bytes(peek)?),
        };
        let found = match kind {
            Kind::Int32 | Kind::UInt32 => {
                scalar::integer(&text).map(|n| Value::Number(Number::Int(n)))
            }
            Kind::Int64 | Kind::UInt64 => {
                scalar::integer(&text).map(|n| Value::String(n.to_string()))
            }
            Kind::Float => scalar::float(&text, true),
            Kind::Double => scalar::float(&text, false),
            Kind::Bytes if is_text => scalar::bytes(&text).map(Value::String),
            Kind::Enum(names) => {
                let number = match is_text {
                    true => names.number(&text),
                    false => scalar::integer(&text).and_then(|n| i32::try_from(n).ok()),
                };
                let name = number.and_then(|n| names.name_of(n));
                name.map(|name| match names.name() {
                    NULL_VALUE => Value::Null,
                    _ => Value::String(name.to_owned()),
                })
            }
            _ => None,
        };
        // What is no such value is kept as it was written.
        Ok(found.unwrap_or_else(|| match is_text {
            true => Value::String(text),
            false => number(&text, Plain::Unknown),
        }))
    }

    /// Reads a string that has a canonical spelling, unless it does not parse.
    fn text(
        &mut self,
        canonical: impl Fn(&str) -> Option<String>,
    ) -> Result<Value, NormalizeError> {
        let text = self.json.known_str()?;
        Ok(Value::String(
            canonical(text).unwrap_or_else(|| text.to_owned()),
        ))
    }

    /// Reads JSON of which the table says nothing. An `Any` shows itself by its `@type`.
    fn plain(&mut self, mode: Plain) -> Result<Value, NormalizeError> {
        let peek = self.json.peek()?;
        Ok(match peek {
            Peek::Null => {
                self.json.known_null()?;
                Value::Null
            }
            Peek::True | Peek::False => Value::Bool(self.json.known_bool(peek)?),
            Peek::String => Value::String(self.json.known_str()?.to_owned()),
            Peek::Array => self.nested(|reader| {
                let mut items = Vec::new();
                let mut next = reader.json.known_array()?;
                while next.is_some() {
                    items.push(reader.plain(mode)?);
                    next = reader.json.array_step()?;
                }
                Ok(Value::List(List {
                    items,
                    rule: &ORDERED,
                }))
            })?,
            Peek::Object => self.nested(|reader| {
                let is_any = mode == Plain::Unknown && reader.look_ahead(&["@type"])?.is_some();
                if is_any {
                    return reader.any();
                }
                let kind = match mode {
                    Plain::Struct => ObjectKind::Plain,
                    Plain::Unknown => ObjectKind::Unknown,
                };
                let members = reader.plain_members(mode)?;
                Ok(object(members, kind))
            })?,
            _ => number(&number_text(self.json.known_number_bytes(peek)?), mode),
        })
    }

    fn plain_members(&mut self, mode: Plain) -> Result<Vec<(Key, Value)>, NormalizeError> {
        let mut members = Vec::new();
        let mut key = self.json.known_object()?.map(str::to_owned);
        while let Some(name) = key {
            members.push((Cow::Owned(name), self.plain(mode)?));
            key = self.json.next_key()?.map(str::to_owned);
        }
        Ok(members)
    }

    /// Goes one level deeper for `read`.
    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value, NormalizeError>,
    ) -> Result<Value, NormalizeError> {
        if self.depth == MAX_DEPTH {
            return Err(NormalizeError::TooDeep(
                self.json.current_index(),
                MAX_DEPTH,
            ));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        if let Value::Object(object) = &value {
            for pair in object.members.windows(2) {
                if pair[0].0 == pair[1].0 {
                    let name = pair[0].0.to_string();
                    return Err(NormalizeError::Duplicate(self.json.current_index(), name));
                }
            }
        }
        Ok(value)
    }
}

impl From<JiterError> for NormalizeError {
    fn from(error: JiterError) -> Self {
        let message = match error.error_type {
            JiterErrorType::JsonError(found) => found.to_string(),
            JiterErrorType::WrongType { expected, actual } => {
                format!("expected {expected}, found {actual}")
            }
        };
        Self::Json(error.index, message)
    }
}

fn object(mut members: Vec<(Key, Value)>, kind: ObjectKind) -> Value {
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    Value::Object(Object { members, kind })
}

fn is_empty_object(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.members.is_empty())
}

fn not_empty(value: Value) -> Option<Value> {
    match &value {
        Value::List(list) if list.items.is_empty() => None,
        Value::Object(object) if object.members.is_empty() => None,
        _ => Some(value),
    }
}

fn is_default(value: &Value, kind: Kind) -> bool {
    match (kind, value) {
        (Kind::Bool, value) => *value == Value::Bool(false),
        (Kind::Int32 | Kind::UInt32 | Kind::Float | Kind::Double, Value::Number(number)) => {
            *number == Number::Int(0)
        }
        (Kind::Int64 | Kind::UInt64, Value::String(text)) => text == "0",
        (Kind::Enum(names), Value::String(text)) => names.number(text) == Some(0),
        (Kind::Enum(_), Value::Null) => true,
        (Kind::String | Kind::Bytes, Value::String(text)) => text.is_empty(),
        _ => false,
    }
}

fn number(text: &str, mode: Plain) -> Value {
    /// The largest power of ten that a double holds exactly: up to here an integer may be written as a float.
    const EXACT: f64 = 1e22;
    let float: Option<f64> = text.parse().ok().filter(|float: &f64| float.is_finite());
    let is_integer = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    Value::Number(match (mode, text.parse(), float) {
        (Plain::Unknown, Ok(number), _) => Number::Int(number),
        (Plain::Unknown, _, Some(float))
            if !is_integer && float.fract() == 0.0 && float.abs() <= EXACT =>
        {
            Number::Int(float as i128)
        }
        (Plain::Unknown, ..) if is_integer => Number::Big(text.into()),
        (.., Some(float)) => Number::from_f64(float),
        (.., None) => Number::Big(text.into()),
    })
}

fn number_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A message as the `Any` that names its type.
fn named(value: Value, message: &'static Message) -> Value {
    match value {
        Value::Object(Object { mut members, .. }) => {
            let url = Value::String(format!("{TYPE_PREFIX}{}", message.name()));
            members.push(("@type".into(), url));
            object(members, ObjectKind::Any(Some(message)))
        }
        other => other,
    }
}

/// The type URL with the prefix that everyone writes; what counts is the name after the last slash.
fn canonical_url(url: &str) -> String {
    let name = url.rsplit_once('/').map_or(url, |(_, name)| name);
    format!("{TYPE_PREFIX}{name}")
}
