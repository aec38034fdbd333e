//! JSONPath (RFC 9535) over normalized values.

use jsonpath_rust::query::queryable::Queryable;

use super::{List, Number, Value};
use crate::xds::ORDERED;

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::Int(value.into()))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(Number::from_f64(value))
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::List(List {
            items,
            rule: &ORDERED,
        })
    }
}

impl Queryable for Value {
    fn get(&self, key: &str) -> Option<&Self> {
        Self::get(self, key)
    }

    fn as_array(&self) -> Option<&Vec<Self>> {
        match self {
            Self::List(list) => Some(&list.items),
            _ => None,
        }
    }

    fn as_object(&self) -> Option<Vec<(&str, &Self)>> {
        match self {
            Self::Object(object) => Some(
                object
                    .members
                    .iter()
                    .map(|(key, value)| (key.as_ref(), value))
                    .collect(),
            ),
            _ => None,
        }
    }

    fn as_str(&self) -> Option<&str> {
        Self::as_str(self)
    }

    fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(Number::Int(value)) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(Number::Int(value)) => Some(*value as f64),
            Self::Number(Number::Float(value)) => Some(*value),
            _ => None,
        }
    }

    fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn null() -> Self {
        Self::Null
    }
}
