//! Labels that are not the first member of their object.
//!
//! How to read an object can depend on a member at its end. Looking ahead in every object would read what is nested
//! once per level, so a slice is read once, and only labels that stand where no printer puts them take memory.

use jiter::{Jiter, JiterError, Peek};

use super::{MAX_DEPTH, shape::LABELS};

/// The labels of a slice of JSON whose objects do not begin with them.
#[derive(Debug, Default)]
pub(super) struct LateLabels {
    /// Sorted by object.
    found: Vec<Label>,
}

#[derive(Debug)]
struct Label {
    /// Where its object begins in the slice.
    object: u32,
    /// Where its value, a string, begins in the slice.
    value: u32,
    /// Its name: index into [`LABELS`].
    name: u8,
}

/// Why a slice has no labels: the levels of `TooDeep` are those of the caller too.
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

impl LateLabels {
    /// Reads all of `slice`, one JSON value.
    pub(super) fn read(slice: &[u8]) -> Result<Self, LabelError> {
        let mut labels = Self::default();
        let mut json = Jiter::new(slice);
        let first = json.peek()?;
        labels.value(&mut json, first, 0)?;
        labels.found.sort_by_key(|label| label.object);
        Ok(labels)
    }

    /// The text of the first label called one of `names` in the object that begins at `object`.
    pub(super) fn find(&self, slice: &[u8], object: usize, names: &[&str]) -> Option<String> {
        let start = self
            .found
            .partition_point(|label| (label.object as usize) < object);
        let label = self.found[start..]
            .iter()
            .take_while(|label| label.object as usize == object)
            .find(|label| names.contains(&LABELS[usize::from(label.name)]))?;
        let text = slice.get(label.value as usize..)?;
        Jiter::new(text).next_str().ok().map(str::to_owned)
    }

    fn value(&mut self, json: &mut Jiter, peek: Peek, depth: usize) -> Result<(), LabelError> {
        if depth > MAX_DEPTH {
            return Err(LabelError::TooDeep(json.current_index()));
        }
        match peek {
            Peek::Object => self.object(json, depth)?,
            Peek::Array => {
                let mut item = json.known_array()?;
                while let Some(peek) = item {
                    self.value(json, peek, depth + 1)?;
                    item = json.array_step()?;
                }
            }
            Peek::String => _ = json.known_bytes()?,
            Peek::True | Peek::False => _ = json.known_bool(peek)?,
            Peek::Null => json.known_null()?,
            _ => _ = json.known_number_bytes(peek)?,
        }
        Ok(())
    }

    fn object(&mut self, json: &mut Jiter, depth: usize) -> Result<(), LabelError> {
        let object = json.current_index();
        let mut is_first = true;
        loop {
            let key = match is_first {
                true => json.known_object()?,
                false => json.next_key()?,
            };
            let Some(key) = key else { return Ok(()) };
            let name = LABELS.iter().position(|label| *label == key);
            let peek = json.peek()?;
            if let (Some(name), Peek::String, false) = (name, peek, is_first) {
                // A slice has at most 64 MiB.
                self.found.push(Label {
                    object: object as u32,
                    value: json.current_index() as u32,
                    name: name as u8,
                });
            }
            self.value(json, peek, depth + 1)?;
            is_first = false;
        }
    }
}

#[test]
fn labels_are_found_wherever_they_stand() {
    let slice =
        br#" {"a": {"x": [{"value": 1, "key": "k"}], "@type": "t/inner"}, "@type": "t/outer"}"#;
    let labels = LateLabels::read(slice).unwrap();
    let at = |text: &str| {
        let slice = std::str::from_utf8(slice).unwrap();
        slice.find(text).unwrap()
    };
    let find = |object, names: &[&str]| labels.find(slice, object, names);
    assert_eq!(find(1, &["@type"]).unwrap(), "t/outer");
    assert_eq!(find(at(r#"{"x""#), &["@type"]).unwrap(), "t/inner");
    assert_eq!(find(at(r#"{"value""#), &["key"]).unwrap(), "k");
    assert!(find(at(r#"{"value""#), &["@type"]).is_none());
    assert!(find(0, &["@type"]).is_none());
}
