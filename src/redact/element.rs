//! One JSON value that is held in memory as a slice: copied with its secrets replaced.

use std::io::Write;

use jiter::{Jiter, JiterError, Peek};

use super::{
    MAX_DEPTH, RedactError, Redactor,
    cut::{Cut, apply},
    found::Log,
    labels::{LabelError, LateLabels},
    rules::Treatment,
    shape::{Object, Shape},
    text::{self, Language},
};
use crate::xds::Message;

/// Where a slice stands in its document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Bytes before it.
    pub(super) offset: u64,
    /// Lists and objects around it.
    pub(super) depth: usize,
    pub(super) shape: Shape,
    pub(super) treatment: Treatment,
}

/// Copies `slice`, one JSON value; `log` hears what was replaced.
pub(super) fn copy<L: Log>(
    redactor: &Redactor,
    place: Place,
    slice: &[u8],
    output: &mut dyn Write,
    log: &mut L,
) -> Result<(), RedactError> {
    let mut walk = Walk {
        redactor,
        slice,
        offset: place.offset,
        json: Jiter::new(slice),
        labels: None,
        output,
        copied: 0,
        log,
    };
    let first = walk.json.peek();
    let first = walk.valid(first)?;
    walk.value(first, place.shape, place.treatment, place.depth)?;
    let end = walk.json.finish();
    walk.valid(end)?;
    walk.copy_to(slice.len())
}

/// What `key` should be replaced by; the log enters its member.
pub(super) fn scrub_key<L: Log>(redactor: &Redactor, key: &str, log: &mut L) -> Option<String> {
    let cuts = text::find(key, Language::Plain, &redactor.hider);
    let scrubbed = (!cuts.is_empty()).then(|| apply(key, &cuts));
    log.enter_member(scrubbed.as_deref().unwrap_or(key));
    cuts.iter().for_each(|cut| log.gone(cut.rule));
    scrubbed
}

/// `text` as `cuts` leave it, if there are any.
fn scrubbed<L: Log>(text: &str, cuts: &[Cut], log: &mut L) -> Option<String> {
    cuts.iter().for_each(|cut| log.gone(cut.rule));
    (!cuts.is_empty()).then(|| apply(text, cuts))
}

/// Writes `text` as a JSON string.
pub(super) fn write_string(text: &str, output: &mut dyn Write) -> Result<(), RedactError> {
    serde_json::to_writer(output, text).map_err(|error| RedactError::Write(error.into()))
}

struct Walk<'a, L> {
    redactor: &'a Redactor,
    slice: &'a [u8],
    /// Bytes of the document before the slice.
    offset: u64,
    json: Jiter<'a>,
    /// Read when they are needed.
    labels: Option<LateLabels>,
    output: &'a mut dyn Write,
    /// How much of the slice is in the output, replaced or not.
    copied: usize,
    log: &'a mut L,
}

impl<L: Log> Walk<'_, L> {
    /// A value whose first byte is the next; `depth` counts the lists and objects around it.
    fn value(
        &mut self,
        peek: Peek,
        shape: Shape,
        treatment: Treatment,
        depth: usize,
    ) -> Result<(), RedactError> {
        match peek {
            Peek::Object | Peek::Array if depth >= MAX_DEPTH => Err(RedactError::TooDeep {
                offset: self.offset + self.json.current_index() as u64,
            }),
            Peek::Object => self.object(shape, treatment, depth),
            Peek::Array => {
                let mut item = self.json.known_array();
                let mut index = 0;
                while let Some(peek) = self.valid(item)? {
                    self.log.enter_item(index);
                    self.value(peek, shape.item(), treatment, depth + 1)?;
                    self.log.leave();
                    item = self.json.array_step();
                    index += 1;
                }
                Ok(())
            }
            Peek::String => self.string(shape, treatment),
            Peek::Null => {
                let null = self.json.known_null();
                self.valid(null)
            }
            Peek::True | Peek::False => {
                let start = self.json.current_index();
                let value = self.json.known_bool(peek);
                let text = self.valid(value)?.to_string();
                self.scalar(start, &text, treatment)
            }
            _ => {
                let start = self.json.current_index();
                let number = self.json.known_number_bytes(peek);
                let text = number.map(|text| String::from_utf8_lossy(text).into_owned());
                let text = self.valid(text)?;
                self.scalar(start, &text, treatment)
            }
        }
    }

    /// A number or a boolean, `text`, that was read since `start`.
    fn scalar(
        &mut self,
        start: usize,
        text: &str,
        treatment: Treatment,
    ) -> Result<(), RedactError> {
        let Treatment::Hide(rule) = treatment else {
            return Ok(());
        };
        match self.redactor.hider.hide(text) {
            Some(token) => self.replace(start, &token, rule),
            None => Ok(()),
        }
    }

    fn object(
        &mut self,
        shape: Shape,
        treatment: Treatment,
        depth: usize,
    ) -> Result<(), RedactError> {
        let object = self.enter(shape)?;
        let mut before = self.json.current_index();
        let mut is_first = true;
        loop {
            let key = match is_first {
                true => self.json.known_object(),
                false => self.json.next_key(),
            };
            let key = key.map_err(|error| RedactError::json(self.offset, &error))?;
            let Some(key) = key else { return Ok(()) };
            let member = object.member(key, &self.redactor.rules);
            if let Some(key) = scrub_key(self.redactor, key, self.log) {
                self.replace_key(before, &key)?;
            }
            let peek = self.json.peek();
            let peek = self.valid(peek)?;
            let treatment = match (treatment, member.treatment) {
                (Treatment::Hide(_), _) if member.is_type_url && self.is_type_url() => {
                    Treatment::KEEP
                }
                (Treatment::Hide(rule), _) | (_, Treatment::Hide(rule)) => Treatment::Hide(rule),
                (Treatment::KEEP, of_member) => of_member,
                (of_all, _) => of_all,
            };
            self.value(peek, member.shape, treatment, depth + 1)?;
            self.log.leave();
            before = self.json.current_index();
            is_first = false;
        }
    }

    fn string(&mut self, shape: Shape, treatment: Treatment) -> Result<(), RedactError> {
        let start = self.json.current_index();
        let text = match self.json.known_str() {
            Ok(text) => text,
            Err(error) => return Err(RedactError::json(self.offset, &error)),
        };
        let hider = &self.redactor.hider;
        let replacement = match treatment {
            Treatment::Hide(rule) => {
                let replacement = match shape.is_bytes() {
                    true => hider.hide_bytes(text),
                    false => hider.hide(text),
                };
                replacement.inspect(|_| self.log.gone(rule))
            }
            Treatment::KEEP if shape.is_bytes() && text::is_in_base64(text) => {
                let replacement = hider.hide_bytes(text);
                replacement.inspect(|_| self.log.gone("private-key-pem"))
            }
            Treatment::Read(language) => {
                scrubbed(text, &text::find(text, language, hider), self.log)
            }
        };
        match replacement {
            None => Ok(()),
            Some(text) => {
                self.copy_to(start)?;
                self.copied = self.json.current_index();
                write_string(&text, self.output)
            }
        }
    }

    /// What is known of the object that begins at the next byte.
    fn enter(&mut self, shape: Shape) -> Result<Object, RedactError> {
        let rules = &self.redactor.rules;
        let start = self.json.current_index();
        shape.enter(rules, |names| self.label(start, names))
    }

    /// The text of the first member called one of `names` of the object that begins at `object`, the next byte.
    fn label(&mut self, object: usize, names: &[&str]) -> Result<Option<String>, RedactError> {
        let mut ahead = self.json.clone();
        let first = ahead.known_object();
        let Some(first) = self.valid(first.map(|key| key.map(|key| names.contains(&key))))? else {
            return Ok(None);
        };
        if first && matches!(ahead.peek(), Ok(Peek::String)) {
            let text = ahead.known_str().map(str::to_owned);
            return self.valid(text).map(Some);
        }
        let labels = match self.labels.take() {
            Some(labels) => labels,
            None => LateLabels::read(self.slice).map_err(|error| match error {
                LabelError::Json(error) => RedactError::json(self.offset, &error),
                LabelError::TooDeep(index) => RedactError::TooDeep {
                    offset: self.offset + index as u64,
                },
            })?,
        };
        let found = labels.find(self.slice, object, names);
        self.labels = Some(labels);
        Ok(found)
    }

    /// Whether the next value is a string that is a type URL: what hides behind its member's name is not kept.
    fn is_type_url(&self) -> bool {
        let mut ahead = self.json.clone();
        let Ok(url) = ahead.next_str() else {
            return false;
        };
        let is_name_byte =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/');
        Message::find_url(url).is_some()
            || url.starts_with("type.googleapis.com/") && url.bytes().all(is_name_byte)
    }

    /// Replaces what was read since `start` by the string `text`.
    fn replace(&mut self, start: usize, text: &str, rule: &'static str) -> Result<(), RedactError> {
        self.copy_to(start)?;
        self.copied = self.json.current_index();
        self.log.gone(rule);
        write_string(text, self.output)
    }

    /// Replaces the key that was read since `start`: what is before it is punctuation, and what is after it too.
    fn replace_key(&mut self, start: usize, key: &str) -> Result<(), RedactError> {
        let read = &self.slice[start..self.json.current_index()];
        let quote = |byte: &u8| *byte == b'"';
        let (Some(first), Some(last)) = (read.iter().position(quote), read.iter().rposition(quote))
        else {
            return Ok(());
        };
        self.copy_to(start + first)?;
        self.copied = start + last + 1;
        write_string(key, self.output)
    }

    /// Copies what is not in the output yet, up to `end`.
    fn copy_to(&mut self, end: usize) -> Result<(), RedactError> {
        let range = self.copied..end;
        self.copied = end;
        let bytes = &self.slice[range];
        self.output.write_all(bytes).map_err(RedactError::Write)
    }

    fn valid<T>(&self, result: Result<T, JiterError>) -> Result<T, RedactError> {
        result.map_err(|error| RedactError::json(self.offset, &error))
    }
}
