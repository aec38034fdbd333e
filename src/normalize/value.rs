//! A normalized value: JSON in which everything that means the same is spelled the same.

use std::{borrow::Cow, cmp::Ordering, fmt};

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::xds::{ListRule, Message};

/// A member name: from the field table where there is one, else from the input.
pub type Key = Cow<'static, str>;

/// A normalized JSON value. Two values are equal exactly when they mean the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `null`, which only a Struct or an unknown message can hold.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string; also a 64-bit integer, an enum, bytes (base64), a duration or a timestamp.
    String(String),
    /// A repeated field, or a list in a Struct.
    List(List),
    /// A message, a map or a Struct.
    Object(Object),
}

/// A list and the meaning of its order.
///
/// Unordered lists are sorted by key and then by content, so that equal sets are equal lists.
#[derive(Clone, Debug)]
pub struct List {
    /// The items.
    pub items: Vec<Value>,
    /// What their order means, and what identifies one.
    pub rule: &'static ListRule,
}

/// An object's members, in byte order of their names.
#[derive(Clone, Debug)]
pub struct Object {
    /// The members.
    pub members: Vec<(Key, Value)>,
    /// What the object is.
    pub kind: ObjectKind,
}

/// What an object stands for: it decides how a difference inside it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A message of a known type.
    Message(&'static Message),
    /// A `google.protobuf.Any`: its `@type` and the message's fields, of a known type or not.
    Any(Option<&'static Message>),
    /// A map or a Struct: its keys are data.
    Plain,
    /// A message of an unknown type, or the value of an unknown field.
    Unknown,
}

/// A JSON number.
#[derive(Clone, Debug)]
pub enum Number {
    /// An integer, exact; a float with an integral value below 2^53 is one too.
    Int(i128),
    /// Any other finite number.
    Float(f64),
    /// An integer that does not fit 128 bits, as it was written.
    Big(Box<str>),
}

impl Value {
    /// An empty object: what is known of a resource of which a dump shows nothing.
    pub fn empty() -> Self {
        Self::Object(Object {
            members: Vec::new(),
            kind: ObjectKind::Plain,
        })
    }

    /// What object this is; [`ObjectKind::Plain`] for anything that is none.
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::Object(object) => object.kind,
            _ => ObjectKind::Plain,
        }
    }

    /// The member `name` of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => object.get(name),
            _ => None,
        }
    }

    /// The value at `path`, members joined from here.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, name| value.get(name))
    }

    /// Takes out the member at `path`.
    pub fn remove(&mut self, path: &[&str]) {
        let Self::Object(object) = self else { return };
        match path {
            [name] => {
                object.remove(name);
            }
            [name, rest @ ..] => {
                if let Some(inner) = object.get_mut(name) {
                    inner.remove(rest);
                }
            }
            [] => {}
        }
    }

    /// The objects of a list, to be changed; nothing of anything else.
    pub fn objects_mut(&mut self) -> impl Iterator<Item = &mut Object> {
        let items = match self {
            Self::List(list) => list.items.as_mut_slice(),
            _ => &mut [],
        };
        items.iter_mut().filter_map(|item| match item {
            Self::Object(object) => Some(object),
            _ => None,
        })
    }

    /// The members, where this is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The text, where this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Object {
    /// The member `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members
            .binary_search_by(|(key, _)| key.as_ref().cmp(name))
            .ok()
            .map(|i| &self.members[i].1)
    }
}

impl Object {
    /// The member `name`, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.members
            .binary_search_by(|(key, _)| key.as_ref().cmp(name))
            .ok()
            .map(|i| &mut self.members[i].1)
    }

    /// Takes out the member `name`.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let found = self
            .members
            .binary_search_by(|(key, _)| key.as_ref().cmp(name));
        found.ok().map(|at| self.members.remove(at).1)
    }
}

impl Number {
    /// A float: an integer where it is integral and below 2^53 in magnitude, and so never `-0`.
    pub fn from_f64(value: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() < EXACT {
            Self::Int(value as i128)
        } else {
            Self::Float(value)
        }
    }

    /// Orders variants, so that equality and order agree.
    fn rank(&self) -> u8 {
        match self {
            Self::Int(_) => 0,
            Self::Float(_) => 1,
            Self::Big(_) => 2,
        }
    }
}

impl fmt::Display for Number {
    /// As JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => {
                serde_json::Number::from_f64(*value).map_or(Ok(()), |number| number.fmt(f))
            }
            Self::Big(digits) => digits.fmt(f),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Big(a), Self::Big(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl Ord for List {
    fn cmp(&self, other: &Self) -> Ordering {
        self.items.cmp(&other.items)
    }
}

impl PartialOrd for List {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl Eq for List {}

impl Ord for Object {
    fn cmp(&self, other: &Self) -> Ordering {
        self.members.cmp(&other.members)
    }
}

impl PartialOrd for Object {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl Eq for Object {}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(Number::Int(value)) => {
                match (i64::try_from(*value), u64::try_from(*value)) {
                    (Ok(value), _) => serializer.serialize_i64(value),
                    (_, Ok(value)) => serializer.serialize_u64(value),
                    _ => serializer.serialize_i128(*value),
                }
            }
            Self::Number(Number::Float(value)) => serializer.serialize_f64(*value),
            Self::Number(Number::Big(digits)) => {
                serde_json::value::RawValue::from_string(digits.to_string())
                    .map_err(serde::ser::Error::custom)?
                    .serialize(serializer)
            }
            Self::String(text) => serializer.serialize_str(text),
            Self::List(list) => {
                let mut seq = serializer.serialize_seq(Some(list.items.len()))?;
                for item in &list.items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.members.len()))?;
                for (key, value) in &object.members {
                    map.serialize_entry(key.as_ref(), value)?;
                }
                map.end()
            }
        }
    }
}

#[test]
fn numbers_print_alike_when_they_are_equal() {
    for (number, text) in [
        (Number::from_f64(1.0), "1"),
        (Number::from_f64(-0.0), "0"),
        (Number::from_f64(0.1), "0.1"),
        (Number::from_f64(1e21), "1e+21"),
        (
            Number::Int(i128::from(u64::MAX) + 1),
            "18446744073709551616",
        ),
        (Number::Big("1".repeat(50).into()), &"1".repeat(50)),
    ] {
        assert_eq!(number.to_string(), text);
        let printed = serde_json::to_string(&Value::Number(number)).unwrap();
        assert_eq!(printed, text);
    }
}
