//! JSON in other words.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

/// `json` with the members of each object in another order, every string escaped, and spaces between: the same to
/// every reader. `None` where it is not JSON or an object gives a name twice.
pub fn respelled(json: &[u8]) -> Option<String> {
    respelled_by(json, &|number| number.to_owned())
}

/// As [`respelled`], with integers as floats: the same to a reader of protobuf's JSON.
pub fn respelled_with_floats(json: &[u8]) -> Option<String> {
    respelled_by(json, &|number| {
        let is_integer = number
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_digit());
        match is_integer && number.len() <= 15 {
            true => format!("{number}.0"),
            false => number.to_owned(),
        }
    })
}

fn respelled_by(json: &[u8], number: &dyn Fn(&str) -> String) -> Option<String> {
    let json: &RawValue = serde_json::from_slice(json).ok()?;
    let mut out = String::new();
    respell(json, number, &mut out)?;
    Some(out)
}

/// `json` after edits of three bytes each: what is done, and two for the node that it is done to.
pub fn edited(json: &Value, script: &[u8]) -> Value {
    let mut made = json.clone();
    for edit in script.chunks_exact(3) {
        let mut places = Vec::new();
        pointers(&made, &mut String::new(), &mut places);
        let at = |number: usize| &places[number % places.len()];
        let place = usize::from(u16::from_le_bytes([edit[1], edit[2]]));
        let (above, name) = at(place).rsplit_once('/').unwrap_or_default();
        let name = &*name.replace("~1", "/").replace("~0", "~");
        // What is put there: a node of the same document, or a scalar.
        let new = match edit[0] >> 4 {
            0 => Value::Null,
            1 => true.into(),
            2 => "x".into(),
            3 => place.into(),
            4 => Value::Array(Vec::new()),
            5 => Value::Object(serde_json::Map::new()),
            other => made
                .pointer(at(place * usize::from(other)))
                .cloned()
                .unwrap_or_default(),
        };
        match made.pointer_mut(above) {
            Some(Value::Object(members)) => match edit[0] % 4 {
                0 => drop(members.remove(name)),
                1 => drop(members.insert("name".to_owned(), new)),
                _ => drop(members.insert(name.to_owned(), new)),
            },
            Some(Value::Array(items)) => {
                let Some(at) = name.parse().ok().filter(|at| *at < items.len()) else {
                    continue;
                };
                match edit[0] % 8 {
                    0 => drop(items.remove(at)),
                    1 => items.insert(at, new),
                    2 => items.insert(at, items[at].clone()),
                    3 => items.rotate_left(at),
                    4 => items.swap(0, at),
                    5 => items[at..].reverse(),
                    _ => items[at] = new,
                }
            }
            _ => {}
        }
    }
    made
}

/// The JSON pointer of every node.
fn pointers(value: &Value, way: &mut String, found: &mut Vec<String>) {
    found.push(way.clone());
    let mut below = |name: &str, value: &Value| {
        let length = way.len();
        way.push('/');
        way.push_str(&name.replace('~', "~0").replace('/', "~1"));
        pointers(value, way, found);
        way.truncate(length);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(at, value)| below(&at.to_string(), value));
        }
        _ => {}
    }
}

fn respell(json: &RawValue, number: &dyn Fn(&str) -> String, out: &mut String) -> Option<()> {
    let text = json.get();
    match text.as_bytes().first()? {
        b'{' => {
            let members: Members = serde_json::from_str(text).ok()?;
            out.push_str("{ ");
            for (at, (name, value)) in members.0.iter().rev().enumerate() {
                if at > 0 {
                    out.push_str(" ,\n");
                }
                escape(name, out);
                out.push_str(" :\t");
                respell(value, number, out)?;
            }
            out.push('}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                respell(item, number, out)?;
            }
            out.push_str(" ]");
        }
        b'"' => escape(&serde_json::from_str::<String>(text).ok()?, out),
        b'-' | b'0'..=b'9' => out.push_str(&number(text)),
        _ => out.push_str(text),
    }
    Some(())
}

fn escape(text: &str, out: &mut String) {
    out.push('"');
    for unit in text.encode_utf16() {
        out.push_str(&format!("\\u{unit:04x}"));
    }
    out.push('"');
}

/// The members of an object, each name once.
struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if members.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("a name is given twice"));
                    }
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Visitor)
    }
}
