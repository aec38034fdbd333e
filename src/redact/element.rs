//! One JSON value that is held in memory as a slice: copied with its secrets replaced.

use std::io::{self, Write};

use jiter::{Jiter, JiterError, Peek};

use super::{
    MAX_DEPTH, RedactError, Redactor,
    cut::apply,
    found::Log,
    known::{self, Names},
    labels::Labels,
    lookup::{Treatment, Verdict, step},
    names,
    shape::{Ahead, Member, Shape},
    string::{self, Around},
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
    /// Texts around it that it is a part of.
    pub(super) texts: usize,
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
    let labels = Labels::read(slice, place.depth).map_err(|error| error.at(place.offset))?;
    copy_labelled(redactor, place, slice, &labels, output, log)
}

/// The same of a slice whose labels were read.
pub(super) fn copy_labelled<L: Log>(
    redactor: &Redactor,
    place: Place,
    slice: &[u8],
    labels: &Labels,
    output: &mut dyn Write,
    log: &mut L,
) -> Result<(), RedactError> {
    let mut walk = Walk {
        redactor,
        place,
        slice,
        json: Jiter::new(slice),
        labels,
        names: None,
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

/// Writes `text` as a JSON string.
pub(super) fn write_string(text: &str, output: &mut dyn Write) -> Result<(), RedactError> {
    serde_json::to_writer(output, text).map_err(|error| RedactError::Write(error.into()))
}

struct Walk<'a, L> {
    redactor: &'a Redactor,
    place: Place,
    slice: &'a [u8],
    json: Jiter<'a>,
    labels: &'a Labels<'a>,
    /// What the slice calls by name and does not hide, once it is asked for.
    names: Option<Names>,
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
                offset: self.place.offset + self.json.current_index() as u64,
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
            Peek::String => self.string(shape, treatment, depth),
            Peek::Null => {
                let null = self.json.known_null();
                self.valid(null)
            }
            Peek::True | Peek::False => {
                let start = self.json.current_index();
                let value = self.json.known_bool(peek);
                let text = self.valid(value)?.to_string();
                match treatment {
                    Treatment::Hide(rule) => self.scalar(start, &text, rule),
                    // Nothing but yes or no stands under a name.
                    _ => Ok(()),
                }
            }
            _ => {
                let start = self.json.current_index();
                let number = self.json.known_number_bytes(peek);
                let text = number.map(|text| String::from_utf8_lossy(text).into_owned());
                let text = self.valid(text)?;
                match treatment {
                    Treatment::Hide(rule) => self.scalar(start, &text, rule),
                    Treatment::Read(_) | Treatment::IfSource(_) => Ok(()),
                    Treatment::Named(verdict)
                    | Treatment::Untyped(verdict)
                    | Treatment::Toward(verdict, _)
                    | Treatment::Keys(verdict) => match verdict.if_random {
                        true => Ok(()),
                        false => self.scalar(start, &text, verdict.rule),
                    },
                }
            }
        }
    }

    /// Hides a number or a boolean, `text`, that was read since `start`.
    fn scalar(&mut self, start: usize, text: &str, rule: &'static str) -> Result<(), RedactError> {
        match self.redactor.hider.hide(text) {
            Some(token) => {
                self.log.gone(rule);
                self.replace(start, &token)
            }
            None => Ok(()),
        }
    }

    fn object(
        &mut self,
        shape: Shape,
        treatment: Treatment,
        depth: usize,
    ) -> Result<(), RedactError> {
        let ahead = Ahead::All(self.labels, self.json.current_index());
        let object = shape.enter(&self.redactor.rules, &ahead);
        let treatment = match treatment {
            Treatment::Untyped(_) if object.has_known_type() => Treatment::KEEP,
            Treatment::Untyped(verdict) => Treatment::Named(verdict),
            other => other,
        };
        let mut before = self.json.current_index();
        let mut is_first = true;
        loop {
            let key = match is_first {
                true => self.json.known_object(),
                false => self.json.next_key(),
            };
            let key = key.map_err(|error| RedactError::json(self.place.offset, &error))?;
            let Some(key) = key else { return Ok(()) };
            let member = object.member(key, &self.redactor.rules);
            let below = self::below(treatment, &member, key);
            let new_key = match secret_key(treatment, &member, key) {
                Some(rule) => hide_key(self.redactor, key, rule, self.log),
                None => scrub_key(self.redactor, key, self.log),
            };
            if let Some(key) = new_key {
                self.replace_key(before, &key)?;
            }
            let peek = self.json.peek();
            let peek = self.valid(peek)?;
            let below = match below {
                Treatment::Hide(_) | Treatment::Named(_)
                    if member.is_type_url && self.is_type_url() =>
                {
                    Treatment::KEEP
                }
                below => below,
            };
            self.value(peek, member.shape, below, depth + 1)?;
            self.log.leave();
            before = self.json.current_index();
            is_first = false;
        }
    }

    fn string(
        &mut self,
        shape: Shape,
        treatment: Treatment,
        depth: usize,
    ) -> Result<(), RedactError> {
        let start = self.json.current_index();
        if treatment == Treatment::Read(Language::Reason) {
            return self.reason(start);
        }
        let text = match self.json.known_str() {
            Ok(text) => text,
            Err(error) => return Err(RedactError::json(self.place.offset, &error)),
        };
        let around = Around {
            redactor: self.redactor,
            depth,
            texts: self.place.texts,
        };
        match string::scrub(around, text, shape, treatment, self.log) {
            None => {
                self.log.kept(text);
                Ok(())
            }
            Some(text) => self.replace(start, &text),
        }
    }

    /// Why an update was rejected: what the slice holds under names may be quoted.
    fn reason(&mut self, start: usize) -> Result<(), RedactError> {
        let text = self.json.known_str().map(str::to_owned);
        let text = self.valid(text)?;
        if L::IS_FOR_NAMES {
            return Ok(());
        }
        if self.names.is_none() {
            let mut names = Names::default();
            // What can be read is found out by this walk.
            let _ = copy_labelled(
                self.redactor,
                self.place,
                self.slice,
                self.labels,
                &mut io::sink(),
                &mut names,
            );
            self.names = Some(names);
        }
        let names = self.names.as_ref();
        let is_known = |name: &str| {
            known::is_api_name(name) || names.is_some_and(|names| names.contains(name))
        };
        let hider = &self.redactor.hider;
        let cuts = text::find_knowing(&text, Language::Reason, &is_known, hider);
        if cuts.is_empty() {
            return Ok(());
        }
        cuts.iter().for_each(|cut| self.log.gone(cut.rule));
        self.replace(start, &apply(&text, &cuts))
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
    fn replace(&mut self, start: usize, text: &str) -> Result<(), RedactError> {
        self.copy_to(start)?;
        self.copied = self.json.current_index();
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
        result.map_err(|error| RedactError::json(self.place.offset, &error))
    }
}

/// What happens to the value of `member`, called `key`, of an object that `treatment` happens to.
fn below(treatment: Treatment, member: &Member, key: &str) -> Treatment {
    match (treatment, member.treatment) {
        (Treatment::Hide(_), _) => treatment,
        (Treatment::Read(_), of_member) if member.is_type_url => of_member,
        (_, hidden @ Treatment::Hide(_)) => hidden,
        (Treatment::Named(_), _) if member.is_reference => Treatment::KEEP,
        (
            Treatment::Named(Verdict {
                if_random: true, ..
            }),
            named @ Treatment::Named(_),
        ) => named,
        (Treatment::Named(_), _) => treatment,
        (Treatment::Toward(verdict, path), of_member) => {
            step(path, key, verdict).unwrap_or(of_member)
        }
        (Treatment::IfSource(verdict), of_member) => match is_source(key) {
            true => Treatment::Named(verdict),
            false => of_member,
        },
        (Treatment::Read(_), Treatment::KEEP) if !member.is_reference => treatment,
        (Treatment::Read(_) | Treatment::Keys(_) | Treatment::Untyped(_), of_member) => of_member,
    }
}

/// Whether `key` is what a source of data calls its data, or where it has it from.
fn is_source(key: &str) -> bool {
    matches!(
        key,
        "inline_string"
            | "inlineString"
            | "inline_bytes"
            | "inlineBytes"
            | "filename"
            | "environment_variable"
            | "environmentVariable"
            | "watched_directory"
            | "watchedDirectory"
    )
}

/// The rule that `key` goes by, which calls `member` of an object that `treatment` happens to: somebody may have chosen
/// a secret for a name.
fn secret_key(treatment: Treatment, member: &Member, key: &str) -> Option<&'static str> {
    let if_random = |rule| names::is_random(key).then_some(rule);
    match treatment {
        Treatment::Keys(verdict) if verdict.if_random => if_random(verdict.rule),
        Treatment::Keys(verdict) => Some(verdict.rule),
        Treatment::Hide(rule) | Treatment::Named(Verdict { rule, .. }) if member.is_free => {
            if_random(rule)
        }
        _ => None,
    }
}

/// What stands for `key`, which goes by `rule`; the log enters its member.
fn hide_key<L: Log>(
    redactor: &Redactor,
    key: &str,
    rule: &'static str,
    log: &mut L,
) -> Option<String> {
    let hidden = redactor.hider.hide(key);
    log.enter_member(hidden.as_deref().unwrap_or(key));
    if hidden.is_some() {
        log.gone(rule);
    }
    hidden
}
