//! Labels: the members that tell how to read the object they stand in, such as its type or the name of a header.
//!
//! They may stand after what they tell of, and twice. Looking ahead in every object would read what is nested once per
//! level, so a slice is read once for the labels of all of its objects.

use jiter::{Jiter, JiterError, Peek};

use super::{MAX_DEPTH, RedactError};

/// The members that are labels, in the spelling of `.proto` files.
pub(super) const LABELS: [&str; 20] = [
    TYPE,
    TYPE_URL,
    "kty",
    "cookie",
    "descriptor_key",
    "header",
    "header_name",
    "input",
    "key",
    "metadata_namespace",
    "name",
    "object_key",
    "path",
    "property_name",
    "provider_name",
    "query_param",
    "selectors",
    "tag",
    "tag_name",
    "typed_config",
];

/// The type of an Any.
pub(super) const TYPE: &str = "@type";
/// The type of a TypedStruct.
pub(super) const TYPE_URL: &str = "type_url";

/// Where to find labels: the members to go through, by their places in [`LABELS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LabelPath(Vec<u8>);

impl LabelPath {
    /// The path that `path` spells with dots, if labels are all that is on it.
    pub(super) fn new(path: &str) -> Option<Self> {
        let place = |name| LABELS.iter().position(|label| *label == name);
        let steps = path.split('.').map(|name| place(name).map(|at| at as u8));
        steps.collect::<Option<_>>().map(Self)
    }
}

/// The labels of a slice of JSON.
#[derive(Debug)]
pub(super) struct Labels<'a> {
    slice: &'a [u8],
    /// Sorted by object; those of one object in their order.
    found: Vec<Label>,
}

#[derive(Debug)]
struct Label {
    /// Where its object begins in the slice.
    object: u32,
    /// Where its value begins in the slice: a string or an object. A list of such is a label each.
    value: u32,
    /// Its name: index into [`LABELS`].
    name: u8,
}

/// Why a slice has no labels.
#[derive(Debug)]
pub(super) enum LabelError {
    /// Not JSON.
    Json(JiterError),
    /// More than [`MAX_DEPTH`] levels; where the level after the last begins.
    TooDeep(usize),
}

impl From<JiterError> for LabelError {
    fn from(error: JiterError) -> Self {
        Self::Json(error)
    }
}

impl LabelError {
    /// The same of a slice that begins at `offset` of a document.
    pub(super) fn at(self, offset: u64) -> RedactError {
        match self {
            Self::Json(error) => RedactError::json(offset, &error),
            Self::TooDeep(index) => RedactError::TooDeep {
                offset: offset + index as u64,
            },
        }
    }
}

impl<'a> Labels<'a> {
    /// Reads all of `slice`, one JSON value in `depth` lists and objects.
    pub(super) fn read(slice: &'a [u8], depth: usize) -> Result<Self, LabelError> {
        let mut found = Vec::new();
        let mut reader = Reader {
            json: Jiter::new(slice),
            found: &mut found,
        };
        let first = reader.json.peek()?;
        reader.value(first, depth)?;
        reader.json.finish()?;
        found.sort_by_key(|label| label.object);
        Ok(Self { slice, found })
    }

    /// The texts of the labels at `path` of the object that begins at `object`, in order.
    pub(super) fn texts(&self, object: usize, path: &LabelPath) -> Vec<String> {
        let mut values = vec![object];
        for name in &path.0 {
            let next = values.iter().flat_map(|object| self.of(*object, *name));
            values = next.collect();
        }
        let texts = values.into_iter().filter_map(|value| {
            let text = self.slice.get(value..)?;
            Jiter::new(text).next_str().ok().map(str::to_owned)
        });
        texts.collect()
    }

    /// The texts of the labels of `object` called `name`, in order.
    pub(super) fn texts_of(&self, object: usize, name: &str) -> Vec<String> {
        let path = LabelPath::new(name);
        path.map_or_else(Vec::new, |path| self.texts(object, &path))
    }

    /// Where the values of the labels of `object` called `name` begin.
    fn of(&self, object: usize, name: u8) -> impl Iterator<Item = usize> {
        let start = self
            .found
            .partition_point(|label| (label.object as usize) < object);
        self.found[start..]
            .iter()
            .take_while(move |label| label.object as usize == object)
            .filter(move |label| label.name == name)
            .map(|label| label.value as usize)
    }
}

struct Reader<'a, 'f> {
    json: Jiter<'a>,
    found: &'f mut Vec<Label>,
}

impl Reader<'_, '_> {
    /// A value whose first byte is the next.
    fn value(&mut self, peek: Peek, depth: usize) -> Result<(), LabelError> {
        match peek {
            Peek::Object | Peek::Array if depth >= MAX_DEPTH => {
                return Err(LabelError::TooDeep(self.json.current_index()));
            }
            Peek::Object => self.object(depth)?,
            Peek::Array => self.list(depth, None)?,
            // As text, so that what is read here can be read again.
            Peek::String => _ = self.json.known_str()?,
            Peek::True | Peek::False => _ = self.json.known_bool(peek)?,
            Peek::Null => self.json.known_null()?,
            _ => _ = self.json.known_number_bytes(peek)?,
        }
        Ok(())
    }

    /// A list, that of the values of a label maybe: its object and its name.
    fn list(&mut self, depth: usize, label: Option<(usize, u8)>) -> Result<(), LabelError> {
        let mut item = self.json.known_array()?;
        while let Some(peek) = item {
            if let Some((object, name)) = label {
                self.label(object, name, peek);
            }
            self.value(peek, depth + 1)?;
            item = self.json.array_step()?;
        }
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), LabelError> {
        let object = self.json.current_index();
        let mut is_first = true;
        loop {
            let key = match is_first {
                true => self.json.known_object()?,
                false => self.json.next_key()?,
            };
            let Some(key) = key else { return Ok(()) };
            let name = label_called(key);
            let peek = self.json.peek()?;
            match (name, peek) {
                (Some(name), Peek::Array) if depth + 1 < MAX_DEPTH => {
                    self.list(depth + 1, Some((object, name)))?;
                }
                (name, _) => {
                    if let Some(name) = name {
                        self.label(object, name, peek);
                    }
                    self.value(peek, depth + 1)?;
                }
            }
            is_first = false;
        }
    }

    /// Keeps the next value as a label, if it can be one.
    fn label(&mut self, object: usize, name: u8, peek: Peek) {
        if matches!(peek, Peek::String | Peek::Object) {
            // A slice has at most 64 MiB.
            self.found.push(Label {
                object: object as u32,
                value: self.json.current_index() as u32,
                name,
            });
        }
    }
}

/// The place in [`LABELS`] of the label that `key` spells.
fn label_called(key: &str) -> Option<u8> {
    let is_spelt = |label: &str| {
        label.as_bytes().first() == key.as_bytes().first()
            && (label == key || is_camel_of(key, label))
    };
    let at = LABELS.iter().position(|label| is_spelt(label))?;
    Some(at as u8)
}

/// Whether `key` is `name` in lowerCamelCase.
pub(super) fn is_camel_of(key: &str, name: &str) -> bool {
    let mut after_line = false;
    let letters = name.bytes().filter_map(|byte| {
        let letter = match after_line {
            true => byte.to_ascii_uppercase(),
            false => byte,
        };
        after_line = byte == b'_';
        (!after_line).then_some(letter)
    });
    letters.eq(key.bytes())
}

#[test]
fn labels_are_found_wherever_they_stand() {
    let slice = br#" {"a": {"x": [{"value": 1, "key": "k"}], "@type": "t/inner"}, "@type": "t/outer", "@type": "t/2"}"#;
    let labels = Labels::read(slice, 0).unwrap();
    let at = |text: &str| std::str::from_utf8(slice).unwrap().find(text).unwrap();
    let find = |object, path: &str| labels.texts(object, &LabelPath::new(path).unwrap());
    assert_eq!(find(1, TYPE), ["t/outer", "t/2"]);
    assert_eq!(find(at(r#"{"x""#), TYPE), ["t/inner"]);
    assert_eq!(find(at(r#"{"value""#), "key"), ["k"]);
    assert_eq!(find(at(r#"{"value""#), TYPE), [""; 0]);
    assert_eq!(find(0, TYPE), [""; 0]);
}

#[test]
fn labels_are_found_through_objects_and_lists_in_both_spellings() {
    let slice = br#"{"input":{"typedConfig":{"header_name":"h","headerName":"i"}},"path":[{"key":"a"},7,{"key":"b"}]}"#;
    let labels = Labels::read(slice, 0).unwrap();
    let find = |path: &str| labels.texts(0, &LabelPath::new(path).unwrap());
    assert_eq!(find("input.typed_config.header_name"), ["h", "i"]);
    assert_eq!(find("path.key"), ["a", "b"]);
    assert_eq!(find("input.name"), [""; 0]);
    assert!(LabelPath::new("input.other").is_none());
}
