//! Walking raw JSON without building a tree: members and items as slices of the input.

use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType};
use memchr::memchr2;

use super::index::Index;

/// The deepest nesting that `jiter` passes over.
const MAX_DEPTH: usize = 200;

/// JSON that cannot be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid JSON at byte {offset}: {message}")]
pub struct JsonError {
    /// Where in the document, in bytes from its start.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
}

impl JsonError {
    /// The error that `jiter` met in `slice`, placed in the document `base` that holds the slice.
    pub(crate) fn new(error: &JiterError, base: &[u8], slice: &[u8]) -> Self {
        let message = match &error.error_type {
            JiterErrorType::JsonError(JsonErrorType::RecursionLimitExceeded) => {
                format!("nested deeper than {MAX_DEPTH} levels, which no configuration is")
            }
            JiterErrorType::JsonError(found) => found.to_string(),
            JiterErrorType::WrongType { expected, actual } => {
                format!("expected {expected}, found {actual}")
            }
        };
        Self {
            offset: offset_in(base, slice) + error.index,
            message,
        }
    }
}

/// Where `slice` starts in `base`, of which it is a part.
pub(crate) fn offset_in(base: &[u8], slice: &[u8]) -> usize {
    (slice.as_ptr() as usize).saturating_sub(base.as_ptr() as usize)
}

/// A document, to whose start error positions refer.
#[derive(Clone, Copy)]
pub(crate) struct Walker<'a, 'i> {
    base: &'a [u8],
    index: Option<&'i Index>,
}

impl<'a> Walker<'a, '_> {
    pub(crate) fn new(base: &'a [u8]) -> Self {
        Self { base, index: None }
    }
}

impl<'a, 'i> Walker<'a, 'i> {
    /// Where `raw`, which is a part of the document, begins in it.
    pub(crate) fn offset_of(self, raw: &[u8]) -> usize {
        offset_in(self.base, raw)
    }

    /// A document that is well-formed and has an index.
    pub(crate) fn indexed(base: &'a [u8], index: &'i Index) -> Self {
        Self {
            base,
            index: Some(index),
        }
    }

    /// Calls `each` with every member of the object `raw`. Anything but an object has no members.
    pub(crate) fn members<E: From<JsonError>>(
        self,
        raw: &'a [u8],
        mut each: impl FnMut(&str, &'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if raw.first() != Some(&b'{') {
            return Ok(());
        }
        let fail = |error: JiterError| JsonError::new(&error, self.base, raw);
        if let Some(index) = self.index {
            let mut parts = Parts::new(self.base, raw, index);
            while let Some(key) = parts.next()
                && let Some(value) = parts.next()
            {
                let mut json = Jiter::new(key);
                each(json.next_str().map_err(fail)?, value)?;
            }
            return Ok(());
        }
        let mut json = Jiter::new(raw);
        let mut key = json.next_object().map_err(fail)?.map(str::to_owned);
        while let Some(name) = key {
            let value = skip(&mut json).map_err(fail)?;
            each(&name, value)?;
            key = json.next_key().map_err(fail)?.map(str::to_owned);
        }
        Ok(())
    }

    /// Calls `each` with every item of the list `raw`. Anything but a list has no items.
    pub(crate) fn items<E: From<JsonError>>(
        self,
        raw: &'a [u8],
        mut each: impl FnMut(&'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if raw.first() != Some(&b'[') {
            return Ok(());
        }
        if let Some(index) = self.index {
            for item in Parts::new(self.base, raw, index) {
                each(item)?;
            }
            return Ok(());
        }
        let fail = |error: JiterError| JsonError::new(&error, self.base, raw);
        let mut json = Jiter::new(raw);
        let mut next = json.next_array().map_err(fail)?;
        while next.is_some() {
            each(skip(&mut json).map_err(fail)?)?;
            next = json.array_step().map_err(fail)?;
        }
        Ok(())
    }

    /// The value at `path` below the object `raw`, each step named in either of its JSON spellings.
    pub(crate) fn find(
        self,
        raw: &'a [u8],
        path: &[[&str; 2]],
    ) -> Result<Option<&'a [u8]>, JsonError> {
        let mut found = Some(raw);
        for names in path {
            let Some(raw) = found else { break };
            found = None;
            self.members(raw, |key, value| {
                if names.contains(&key) {
                    found = Some(value);
                }
                Ok::<_, JsonError>(())
            })?;
        }
        Ok(found)
    }
}

/// The names and values of an object, or the items of a list, of a document that is well-formed: one after the other.
struct Parts<'a, 'i> {
    raw: &'a [u8],
    /// Where `raw` begins in the document.
    start: usize,
    index: &'i Index,
    /// Where the next part begins, or what is before it.
    at: usize,
}

impl<'a, 'i> Parts<'a, 'i> {
    fn new(base: &[u8], raw: &'a [u8], index: &'i Index) -> Self {
        Self {
            raw,
            start: offset_in(base, raw),
            index,
            at: 1,
        }
    }
}

impl<'a> Iterator for Parts<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let is_between = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':');
        let rest = self.raw.get(self.at..)?;
        let begin = self.at + rest.iter().position(|byte| !is_between(byte))?;
        let value = &self.raw[begin..];
        let end = match value[0] {
            b'}' | b']' => return None,
            b'"' => begin + string_length(value)?,
            b'{' | b'[' => match self.index.end(self.start + begin) {
                Some(end) => end - self.start,
                None => begin + skip(&mut Jiter::new(value)).ok()?.len(),
            },
            _ => {
                let is_end = |byte: &u8| is_between(byte) || matches!(byte, b'}' | b']');
                begin + value.iter().position(is_end)?
            }
        };
        self.at = end;
        self.raw.get(begin..end)
    }
}

/// How long the string that `raw` begins with is, with its quotes.
fn string_length(raw: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', raw.get(at..)?)?;
        match raw[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// Passes over the next value, and gives it.
fn skip<'a>(json: &mut Jiter<'a>) -> Result<&'a [u8], JiterError> {
    let peek = json.peek()?;
    let start = json.current_index();
    json.known_skip(peek)?;
    Ok(json.slice_to_current(start))
}

/// The text of the JSON string `raw`; of anything else, nothing.
pub(crate) fn text(raw: &[u8]) -> Option<String> {
    Jiter::new(raw).next_str().ok().map(str::to_owned)
}

/// Whether `raw`, which is well-formed, is an object without members.
pub(crate) fn is_empty_object(raw: &[u8]) -> bool {
    matches!(Jiter::new(raw).next_object(), Ok(None))
}

/// The one value that the document holds, without the white space around it.
pub(crate) fn document(bytes: &[u8]) -> Result<&[u8], JsonError> {
    let fail = |error: JiterError| JsonError::new(&error, bytes, bytes);
    let mut json = Jiter::new(bytes);
    let value = skip(&mut json).map_err(fail)?;
    json.finish().map_err(fail)?;
    Ok(value)
}

/// The same of a document that was [recognized](super::recognize_slice()) and has this index: it need not be read again to
/// find that it is JSON, only that it is such as can be read.
pub(crate) fn recognized<'a>(bytes: &'a [u8], index: &Index) -> Result<&'a [u8], JsonError> {
    match index.is_no_deeper_than(MAX_DEPTH) && std::str::from_utf8(bytes).is_ok() {
        true => Ok(bytes.trim_ascii()),
        false => document(bytes),
    }
}

#[test]
fn an_error_names_the_byte_in_the_whole_document() {
    let bytes = br#"{"configs":[{"a":tru}]}"#;
    assert_eq!(
        document(bytes).unwrap_err(),
        JsonError {
            offset: 20,
            message: "expected ident".into()
        }
    );
    let walker = Walker::new(bytes);
    let inner = &bytes[12..21];
    let error = walker
        .members(inner, |_, _| Ok::<_, JsonError>(()))
        .unwrap_err();
    assert_eq!(error.offset, 20);
}
