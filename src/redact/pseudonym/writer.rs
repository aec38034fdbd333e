//! What redaction writes, with pseudonyms: strings of JSON one by one, and a text as a whole.

use std::io::{self, BufWriter, Write};

use super::{Namer, Pseudonyms, host::Context};
use crate::redact::{MAX_DEPTH, MAX_VALUE, Policy, RedactError, cut::Counts};

/// Writes to another writer with pseudonyms in the place of names, if any are asked for. At most one string is held, or
/// a text that is no JSON.
pub(in crate::redact) struct Writer<'a> {
    output: BufWriter<&'a mut dyn Write>,
    namer: Namer,
    counts: Counts,
    state: State,
    /// The string, with its quotes, or the text, as far as it came.
    held: Vec<u8>,
    /// What is around the next byte of JSON.
    around: Vec<Around>,
    /// What the key says of the value behind it.
    value: Context,
}

/// What the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Of white space, or the first that tells if this is JSON.
    Start,
    /// Between strings.
    Json,
    /// In a string.
    String,
    /// The second of an escape.
    Escape,
    /// Of a text.
    Text,
}

/// A list or an object.
#[derive(Clone, Copy, Debug)]
enum Around {
    /// Its items are what it is.
    List(Context),
    Object {
        /// Whether a key is the next string.
        expects_key: bool,
    },
}

impl<'a> Writer<'a> {
    /// One that writes to `output`.
    ///
    /// # Errors
    ///
    /// Where pseudonyms are asked for and `policy` has no key.
    pub(in crate::redact) fn new(
        pseudonyms: Pseudonyms,
        policy: &Policy,
        output: &'a mut dyn Write,
    ) -> Result<Self, RedactError> {
        let namer = Namer::new(pseudonyms, policy);
        if namer.is_on() && namer.key.is_none() {
            return Err(RedactError::NoKey);
        }
        Ok(Self {
            output: BufWriter::new(output),
            namer,
            counts: Counts::default(),
            state: State::Start,
            held: Vec::new(),
            around: Vec::new(),
            value: Context::Text,
        })
    }

    /// Writes what is held, and adds what was replaced to `counts`.
    ///
    /// # Errors
    ///
    /// Where the output fails.
    pub(in crate::redact) fn finish(mut self, mut counts: Counts) -> Result<Counts, RedactError> {
        self.end().map_err(RedactError::Write)?;
        counts += &self.counts;
        Ok(counts)
    }

    fn end(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let text = match self.state {
            State::Start | State::Json => None,
            State::Text => Some(std::str::from_utf8(&held).map_err(invalid)?),
            State::String | State::Escape => return Err(invalid("a string without end")),
        };
        let renamed =
            text.and_then(|text| self.namer.rename(text, Context::Text, &mut self.counts));
        match renamed {
            Some(text) => self.output.write_all(text.as_bytes())?,
            None => self.output.write_all(&held)?,
        }
        self.output.flush()
    }

    /// Takes in the next bytes of JSON, as many as are of one kind, and tells how many those are.
    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_of_string = |byte: &&u8| !matches!(byte, b'"' | b'\\');
        let is_of_json =
            |byte: &&u8| !matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b':' | b',');
        let is_space = |byte: &&u8| byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(byte);
        let count =
            |fits: &dyn Fn(&&u8) -> bool| bytes.iter().take_while(|byte| fits(byte)).count();
        match self.state {
            State::Start => match count(&is_space) {
                0 => {
                    self.state = match bytes[0] {
                        b'{' | b'[' => State::Json,
                        _ => State::Text,
                    };
                    if self.state == State::Json {
                        self.output.write_all(&std::mem::take(&mut self.held))?;
                    }
                    Ok(0)
                }
                spaces => self.hold(&bytes[..spaces]),
            },
            State::Text => self.hold(bytes),
            State::Json => match count(&is_of_json) {
                0 => self.punctuation(bytes[0]),
                plain => self.output.write_all(&bytes[..plain]).map(|()| plain),
            },
            State::Escape => {
                self.state = State::String;
                self.hold(&bytes[..1])
            }
            State::String => match (count(&is_of_string), bytes[0]) {
                (0, b'\\') => {
                    self.state = State::Escape;
                    self.hold(&bytes[..1])
                }
                (0, _) => {
                    self.hold(&bytes[..1])?;
                    self.state = State::Json;
                    self.string().map(|()| 1)
                }
                (plain, _) => self.hold(&bytes[..plain]),
            },
        }
    }

    fn hold(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Redaction holds no more either, but may make it longer.
        if self.held.len() + bytes.len() > 2 * MAX_VALUE {
            return Err(invalid("a text that is too long"));
        }
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// A byte that is around strings and values.
    fn punctuation(&mut self, byte: u8) -> io::Result<usize> {
        match byte {
            b'"' => {
                self.state = State::String;
                return self.hold(&[byte]);
            }
            b'{' | b'[' => {
                let context = self.context();
                self.around.push(match byte {
                    b'[' => Around::List(context),
                    _ => Around::Object { expects_key: true },
                });
                if self.around.len() > 2 * MAX_DEPTH {
                    return Err(invalid("too many levels"));
                }
            }
            b'}' | b']' => drop(self.around.pop()),
            _ => {
                if let Some(Around::Object { expects_key }) = self.around.last_mut() {
                    *expects_key = byte == b',';
                }
            }
        }
        self.output.write_all(&[byte])?;
        Ok(1)
    }

    /// What is known of the next value.
    fn context(&self) -> Context {
        match self.around.last() {
            None => Context::Text,
            Some(Around::List(context)) => *context,
            Some(Around::Object { .. }) => self.value,
        }
    }

    /// Writes the string that is held.
    fn string(&mut self) -> io::Result<()> {
        let mut held = std::mem::take(&mut self.held);
        let text: String = serde_json::from_slice(&held).map_err(invalid)?;
        let is_key = matches!(
            self.around.last(),
            Some(Around::Object { expects_key: true })
        );
        let context = match is_key {
            true => {
                self.value = Context::of_member(&text);
                Context::Text
            }
            false => self.context(),
        };
        match self.namer.rename(&text, context, &mut self.counts) {
            Some(text) => serde_json::to_writer(&mut self.output, &text)?,
            None => self.output.write_all(&held)?,
        }
        held.clear();
        self.held = held;
        Ok(())
    }
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.namer.is_on() {
            return self.output.write(bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.take(rest)?;
            rest = &rest[taken..];
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
