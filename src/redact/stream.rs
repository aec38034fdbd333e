//! A document of any size: its outer structure is copied as it is read, and each value in it is redacted as a slice.

use std::{
    borrow::Cow,
    io::{self, BufWriter, Read, Write},
};

use jiter::Jiter;
use memchr::memchr2;

use super::{
    MAX_PAGE, MAX_VALUE, RedactError, Redactor, cut,
    element::{self, Place},
    found::Log,
    labels::TYPE,
    lookup::Treatment,
    scan::{BATCH, Scan},
    shape::{Ahead, Object, Shape},
    sieve::{Sieve, is_alarming_type},
    text::{self, Language},
};
use crate::{dump::BLOCK, model::Document, xds::Message};

/// How many levels of structure are not held in memory: `{"configs": [{"dynamic_listeners": [`.
const STREAMED_LEVELS: usize = 4;

/// How many levels are around a section of a config dump.
const SECTION_DEPTH: usize = 2;

/// How much is read at a time, in bytes.
const CHUNK: usize = 64 << 10;

/// How much is written at a time, in bytes, unless more is passed on as it was read.
const WRITTEN: usize = 8 << 10;

/// Copies a document; see [`super::Redactor::copy`]. `log` hears what was replaced.
pub(super) fn copy<L: Log>(
    redactor: &Redactor,
    document: Document,
    input: Input,
    output: &mut dyn Write,
    log: &mut L,
) -> Result<(), RedactError> {
    let mut stream = Stream {
        redactor,
        source: Source::new(input, output),
        sieve: Sieve::new(redactor),
        is_plain: true,
        log,
    };
    stream.byte_order_mark()?;
    match stream.space()? {
        // A log begins with whatever its first line is.
        Some(b'{' | b'[') if document != Document::Log => stream.document(document)?,
        _ => stream.text(document)?,
    }
    stream.sieve.end();
    stream.source.flush()
}

struct Stream<'a, 'i, L> {
    redactor: &'a Redactor,
    source: Source<'a, 'i>,
    sieve: Sieve<'a>,
    /// Whether nothing around what follows makes anything in it go.
    is_plain: bool,
    log: &'a mut L,
}

impl<L: Log> Stream<'_, '_, L> {
    fn document(&mut self, document: Document) -> Result<(), RedactError> {
        // A dump in another form, such as a bare section, has to tell by itself what it is.
        let is_other = document == Document::ConfigDump
            && self.leading_key()?.is_none_or(|(key, _)| key != "configs");
        let shape = match is_other {
            true => Shape::Unknown,
            false => Shape::of_document(document),
        };
        self.value(shape, Treatment::KEEP, 0)?;
        match self.space()? {
            None => Ok(()),
            Some(_) => Err(self.source.invalid("the document goes on after its end")),
        }
    }

    /// A value whose first byte is the next; `depth` counts the lists and objects around it.
    fn value(
        &mut self,
        shape: Shape,
        treatment: Treatment,
        depth: usize,
    ) -> Result<(), RedactError> {
        let is_streamed = depth < STREAMED_LEVELS && treatment == Treatment::KEEP;
        match self.source.peek()? {
            Some(b'[') if is_streamed => self.list(shape, depth),
            Some(b'{') if is_streamed && self.is_streamed(shape, depth)? => {
                self.object(shape, depth)
            }
            _ => self.slice(shape, treatment, depth),
        }
    }

    /// Whether how to read the object that begins at the next byte does not depend on a member further on.
    fn is_streamed(&mut self, shape: Shape, depth: usize) -> Result<bool, RedactError> {
        let leading_type = self.leading_type()?;
        let is_new_section = depth == SECTION_DEPTH
            && leading_type
                .as_ref()
                .is_some_and(|url| Message::find_url(url).is_none());
        Ok(is_new_section || shape.is_plain(&self.redactor.rules, leading_type.as_deref()))
    }

    fn slice(
        &mut self,
        shape: Shape,
        treatment: Treatment,
        depth: usize,
    ) -> Result<(), RedactError> {
        let length = match self.source.peek()? {
            Some(b'{' | b'[') if treatment == Treatment::KEEP && self.is_plain => {
                let mut scan = Scan::new(depth);
                match self.source.scan(&mut scan, &mut self.sieve)? {
                    None => self.source.buffered().len(),
                    Some(length) => {
                        let value = &self.source.buffered()[..length];
                        if scan.is_clean(&mut self.sieve, value) {
                            self.source.keep(length);
                            return Ok(());
                        }
                        length
                    }
                }
            }
            _ => self.source.value(0)?,
        };
        let place = Place {
            offset: self.source.offset,
            depth,
            texts: 0,
            shape,
            treatment,
        };
        let (slice, output) = self.source.replace(length)?;
        element::copy(self.redactor, place, slice, output, self.log)
    }

    fn list(&mut self, shape: Shape, depth: usize) -> Result<(), RedactError> {
        self.punctuation(b"[")?;
        if self.space()? == Some(b']') {
            return self.punctuation(b"]").map(drop);
        }
        for index in 0.. {
            self.log.enter_item(index);
            self.value(shape.item(), Treatment::KEEP, depth + 1)?;
            self.log.leave();
            self.space()?;
            if self.punctuation(b",]")? == b']' {
                break;
            }
            self.space()?;
        }
        Ok(())
    }

    fn object(&mut self, shape: Shape, depth: usize) -> Result<(), RedactError> {
        let object = self.enter(shape)?;
        let was_plain = self.is_plain;
        let leading_type = self.leading_type()?;
        let is_plain = was_plain && !leading_type.is_some_and(|url| is_alarming_type(&url));
        self.punctuation(b"{")?;
        if self.space()? == Some(b'}') {
            return self.punctuation(b"}").map(drop);
        }
        loop {
            if self.source.peek()? != Some(b'"') {
                return Err(self.source.invalid("expected a key"));
            }
            let length = self.source.value(0)?;
            let token = &self.source.buffered()[..length];
            let key = decode(token, self.source.offset)?;
            let is_alarming = self.sieve.is_alarming_name(&token[1..length - 1]);
            let new_key = match is_alarming {
                true => element::scrub_key(self.redactor, &key, self.log),
                false => {
                    self.log.enter_member(&key);
                    None
                }
            };
            match new_key {
                None => self.source.keep(length),
                Some(key) => element::write_string(&key, self.source.replace(length)?.1)?,
            }
            self.space()?;
            self.punctuation(b":")?;
            self.space()?;
            let member = object.member(&key, &self.redactor.rules);
            self.is_plain = is_plain && !is_alarming;
            self.value(member.shape, member.treatment, depth + 1)?;
            self.is_plain = was_plain;
            self.log.leave();
            self.space()?;
            if self.punctuation(b",}")? == b'}' {
                return Ok(());
            }
            self.space()?;
        }
    }

    /// What is known of the object that begins at the next byte, by the type that it begins with.
    fn enter(&mut self, shape: Shape) -> Result<Object, RedactError> {
        let leading = self.leading_type()?;
        let ahead = Ahead::Type(leading.as_deref());
        Ok(shape.enter(&self.redactor.rules, &ahead))
    }

    /// The type of the object that begins at the next byte, if that is its first member.
    fn leading_type(&mut self) -> Result<Option<String>, RedactError> {
        let Some((key, key_end)) = self.leading_key()? else {
            return Ok(None);
        };
        if key != TYPE {
            return Ok(None);
        }
        let colon = self.source.skip_space(key_end)?;
        let value = self.source.skip_space(colon + 1)?;
        if (self.source.byte(colon)?, self.source.byte(value)?) != (Some(b':'), Some(b'"')) {
            return Ok(None);
        }
        let value_end = value + self.source.value(value)?;
        let token = &self.source.buffered()[value..value_end];
        decode(token, self.source.offset + value as u64).map(Some)
    }

    /// The first key of the object that begins at the next byte, and how many bytes on it ends.
    fn leading_key(&mut self) -> Result<Option<(String, usize)>, RedactError> {
        let key = self.source.skip_space(1)?;
        if self.source.byte(key)? != Some(b'"') {
            return Ok(None);
        }
        let end = key + self.source.value(key)?;
        let token = &self.source.buffered()[key..end];
        let text = decode(token, self.source.offset + key as u64)?;
        Ok(Some((text, end)))
    }

    /// Copies white space; returns the byte after it.
    fn space(&mut self) -> Result<Option<u8>, RedactError> {
        loop {
            let next = self.source.peek()?;
            let bytes = self.source.buffered();
            let length = bytes.iter().take_while(|byte| is_space(**byte)).count();
            if length == 0 {
                return Ok(next);
            }
            self.source.keep(length);
        }
    }

    /// Copies a byte that has to be one of `expected`.
    fn punctuation(&mut self, expected: &[u8]) -> Result<u8, RedactError> {
        match self.source.peek()? {
            Some(byte) if expected.contains(&byte) => {
                self.source.keep(1);
                Ok(byte)
            }
            Some(_) => {
                let expected: Vec<_> = expected.iter().map(|byte| char::from(*byte)).collect();
                Err(self
                    .source
                    .invalid(&format!("expected one of {expected:?}")))
            }
            None => Err(self.source.invalid("the document is cut off")),
        }
    }

    fn byte_order_mark(&mut self) -> Result<(), RedactError> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        self.source.byte(MARK.len() - 1)?;
        if self.source.buffered().starts_with(MARK) {
            self.source.keep(MARK.len());
        }
        Ok(())
    }

    /// A document that is no JSON: a version, or the text of an error.
    fn text(&mut self, document: Document) -> Result<(), RedactError> {
        let limit = match document {
            // Envoy prints these as text, too.
            Document::Clusters
            | Document::Listeners
            | Document::Stats
            | Document::Log
            | Document::Version => MAX_VALUE,
            _ => MAX_PAGE,
        };
        let doubt = |index: usize, start: u64| RedactError::NotText {
            limit,
            offset: start + index as u64,
        };
        let start = self.source.offset;
        if self.source.byte(limit)?.is_some() {
            return Err(doubt(limit, start));
        }
        self.source.write_kept()?;
        let bytes = self.source.buffered();
        let text = std::str::from_utf8(bytes).map_err(|error| doubt(error.valid_up_to(), start))?;
        let cuts = text::find(text, Language::Log, &self.redactor.hider);
        self.log.gone_of_text(text, &cuts);
        let text = cut::apply(text, &cuts);
        let written = self.source.output.write_all(text.as_bytes());
        written.map_err(RedactError::Write)
    }
}

/// The text of a JSON string at `offset`.
fn decode(token: &[u8], offset: u64) -> Result<String, RedactError> {
    let mut json = Jiter::new(token);
    let text = json.next_str().map(str::to_owned);
    text.map_err(|error| RedactError::json(offset, &error))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The input, with a buffer that holds what is looked at, at most one value; and the output, which most of it is
/// passed on to as it is.
struct Source<'a, 'i> {
    input: Input<'i>,
    output: BufWriter<&'a mut dyn Write>,
    /// Of a slice, all of it.
    buffer: Cow<'i, [u8]>,
    /// Where in the buffer that begins what was kept and not written yet: it ends at the next byte.
    kept: usize,
    /// Where the next byte stands in the buffer.
    next: usize,
    /// Where what was read ends in the buffer.
    end: usize,
    /// Where the next byte stands in the input.
    offset: u64,
}

/// What is read from.
pub(super) enum Input<'a> {
    Stream(&'a mut dyn Read),
    Slice(&'a [u8]),
}

impl<'a, 'i> Source<'a, 'i> {
    fn new(input: Input<'i>, output: &'a mut dyn Write) -> Self {
        let buffer = match input {
            Input::Stream(_) => &[][..],
            Input::Slice(slice) => slice,
        };
        Self {
            input,
            output: BufWriter::with_capacity(WRITTEN, output),
            buffer: buffer.into(),
            kept: 0,
            next: 0,
            end: 0,
            offset: 0,
        }
    }

    /// What was read and neither kept nor replaced.
    fn buffered(&self) -> &[u8] {
        &self.buffer[self.next..self.end]
    }

    /// Passes on the next `length` bytes, which are in the buffer.
    fn keep(&mut self, length: usize) {
        self.next += length;
        self.offset += length as u64;
    }

    /// Takes the next `length` bytes, which are in the buffer, and the output, for what is there instead of them.
    fn replace(&mut self, length: usize) -> Result<(&[u8], &mut dyn Write), RedactError> {
        self.write_kept()?;
        let replaced = self.next..self.next + length;
        self.keep(length);
        self.kept = self.next;
        Ok((&self.buffer[replaced], &mut self.output))
    }

    fn write_kept(&mut self) -> Result<(), RedactError> {
        let kept = &self.buffer[self.kept..self.next];
        self.kept = self.next;
        self.output.write_all(kept).map_err(RedactError::Write)
    }

    fn flush(&mut self) -> Result<(), RedactError> {
        self.write_kept()?;
        self.output.flush().map_err(RedactError::Write)
    }

    /// The next byte; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>, RedactError> {
        self.byte(0)
    }

    /// The byte that is `ahead` bytes after the next one, if the input is that long.
    fn byte(&mut self, ahead: usize) -> Result<Option<u8>, RedactError> {
        loop {
            if let Some(byte) = self.buffered().get(ahead) {
                return Ok(Some(*byte));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads on; false at the end of the input.
    fn fill(&mut self) -> Result<bool, RedactError> {
        if self.buffered().len() > MAX_VALUE {
            return Err(RedactError::TooLarge {
                offset: self.offset,
            });
        }
        let Input::Stream(input) = &mut self.input else {
            let read = CHUNK.min(self.buffer.len() - self.end);
            self.end += read;
            return Ok(read > 0);
        };
        if self.end == self.buffer.len() {
            let kept = &self.buffer[self.kept..self.next];
            self.output.write_all(kept).map_err(RedactError::Write)?;
            let buffer = self.buffer.to_mut();
            buffer.copy_within(self.next.., 0);
            self.end -= self.next;
            self.next = 0;
            self.kept = 0;
            if self.end == buffer.len() {
                let length = (2 * self.end).clamp(CHUNK, MAX_VALUE + CHUNK);
                buffer.resize(length, 0);
            }
        }
        let room = &mut self.buffer.to_mut()[self.end..];
        loop {
            match input.read(room) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(RedactError::Read(error)),
            }
        }
    }

    /// Where the first byte that is no white space stands, from `start` bytes after the next one on.
    fn skip_space(&mut self, start: usize) -> Result<usize, RedactError> {
        let mut at = start;
        while self.byte(at)?.is_some_and(is_space) {
            at += 1;
        }
        Ok(at)
    }

    /// The length of the list or object that begins at the next byte, as `scan` reads it; all of it is in the buffer
    /// then. `None` if it is cut off.
    fn scan(&mut self, scan: &mut Scan, sieve: &mut Sieve) -> Result<Option<usize>, RedactError> {
        let mut at = 0;
        loop {
            let bytes = self.buffered();
            for batch in bytes[at..].as_chunks::<BLOCK>().0.chunks(BATCH) {
                if let Some(end) = scan.read(sieve, bytes, at, batch) {
                    return Ok(Some(end));
                }
                at += batch.len() * BLOCK;
            }
            if !self.fill()? {
                break;
            }
        }
        let bytes = self.buffered();
        let mut block = [b' '; BLOCK];
        block[..bytes.len() - at].copy_from_slice(&bytes[at..]);
        Ok(scan.read(sieve, bytes, at, &[block]))
    }

    /// The length of the value that begins `start` bytes after the next one; all of it is in the buffer then.
    ///
    /// Only strings and the number of brackets are looked at: who reads the value finds out if it is one.
    fn value(&mut self, start: usize) -> Result<usize, RedactError> {
        let mut at = start;
        let mut open = 0_usize;
        loop {
            let Some(byte) = self.byte(at)? else {
                // A number has no end of its own, and every other value has.
                return Ok(at - start);
            };
            match byte {
                b'"' => at = self.string_end(at)?,
                b'{' | b'[' => {
                    open += 1;
                    at += 1;
                }
                b'}' | b']' if open > 0 => {
                    open -= 1;
                    at += 1;
                }
                _ if open == 0 => {
                    let is_end = |byte: u8| is_space(byte) || b",:]}[{\"".contains(&byte);
                    while self.byte(at)?.is_some_and(|byte| !is_end(byte)) {
                        at += 1;
                    }
                    return Ok((at - start).max(1));
                }
                _ => {
                    let plain = |byte: &&u8| !matches!(byte, b'"' | b'{' | b'}' | b'[' | b']');
                    at += self.buffered()[at..].iter().take_while(plain).count();
                }
            }
            if open == 0 {
                return Ok(at - start);
            }
        }
    }

    /// Where the string that begins at `at` ends.
    fn string_end(&mut self, at: usize) -> Result<usize, RedactError> {
        let mut at = at + 1;
        loop {
            if self.byte(at)?.is_none() {
                return Ok(self.buffered().len());
            }
            match memchr2(b'"', b'\\', &self.buffered()[at..]) {
                None => at = self.buffered().len(),
                Some(found) if self.buffered()[at + found] == b'"' => return Ok(at + found + 1),
                // The escaped byte may not have been read yet.
                Some(found) => at += found + 2,
            }
        }
    }

    /// What is wrong with the next byte.
    fn invalid(&self, problem: &str) -> RedactError {
        RedactError::Json {
            offset: self.offset,
            problem: problem.to_owned(),
        }
    }
}
