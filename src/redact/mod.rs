//! Secrets out, before any byte is written.
//!
//! [`Redactor::copy`] copies a document and replaces the values that [`RULES`] name; everything else is copied byte
//! for byte: white space, the order of keys, the text of numbers. (A string of which a part is replaced is written
//! anew, so escapes in the rest of it may be spelt differently.) Memory stays bounded whatever the size of the
//! document: it is read in chunks and redacted one element of one list at a time.
//!
//! Laws: redacting what is redacted changes nothing and counts nothing; how the input is cut into reads does not
//! matter; a document without secrets is copied as it is.

mod changed;
mod cut;
mod element;
mod found;
mod key;
mod known;
mod labels;
mod lookup;
mod memo;
mod names;
mod pseudonym;
mod rules;
mod scan;
mod shape;
mod sieve;
mod stream;
mod string;
mod text;

use std::io::{self, Read, Write};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

use changed::Changed;
pub use cut::Counts;
pub use found::Found;
pub use key::{InvalidKey, Key};
pub use pseudonym::Pseudonyms;
pub use rules::{KEYS, Pair, RULES, Rule, What};
pub use text::scrub_reason;

use crate::model::{Document, Sealer};

/// What stands in for a secret string.
const REDACTED: &str = "[redacted]";

/// [`REDACTED`] in base64, as Envoy and istiod print it for secret bytes.
const REDACTED_BYTES: &str = "W3JlZGFjdGVkXQ==";

/// The largest value that is redacted as a whole, in bytes: one resource, or a section that does not begin with its
/// type.
const MAX_VALUE: usize = 64 << 20;

/// The largest text that is taken for an error page in the place of a JSON document, in bytes.
const MAX_PAGE: usize = 64 << 10;

/// How deep lists and objects may nest.
const MAX_DEPTH: usize = 256;

/// What a redactor goes by.
#[derive(Clone, Debug, Default)]
pub enum Policy {
    /// Secrets go; those that are equal have equal tokens under this key.
    Tokens(Key),
    /// Secrets go, and all look alike: a changed one does not show.
    #[default]
    Alike,
    /// Nothing goes: documents are copied as they are.
    Off,
}

/// Takes secrets out of documents, by [`RULES`].
#[derive(Debug)]
pub struct Redactor {
    rules: lookup::Rules,
    policy: Policy,
    hider: cut::Hider,
    pseudonyms: Pseudonyms,
    known: sieve::Shelf,
}

impl Redactor {
    /// A redactor that goes by all of [`RULES`], unless `policy` is to keep everything.
    pub fn new(policy: Policy) -> Self {
        let key = match &policy {
            Policy::Tokens(key) => Some(key.clone()),
            Policy::Alike | Policy::Off => None,
        };
        Self {
            rules: lookup::Rules::new(RULES),
            policy,
            hider: cut::Hider { key },
            pseudonyms: Pseudonyms::default(),
            known: sieve::Shelf::default(),
        }
    }

    /// The same redactor, which replaces names and addresses too. That takes a key: without one, documents are refused.
    pub fn with_pseudonyms(self, pseudonyms: Pseudonyms) -> Self {
        Self { pseudonyms, ..self }
    }

    /// What it replaces beside secrets.
    pub fn pseudonyms(&self) -> Pseudonyms {
        self.pseudonyms
    }

    /// What seals what it has redacted, where it goes by a key that is kept.
    pub fn sealer(&self) -> Option<Sealer> {
        match &self.policy {
            Policy::Tokens(key) => key.sealer(),
            Policy::Alike | Policy::Off => None,
        }
    }

    /// What it goes by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether it takes nothing out.
    pub fn is_off(&self) -> bool {
        matches!(self.policy, Policy::Off)
    }

    /// Copies `input` to `output` without its secrets; returns how many values were replaced, by rule.
    ///
    /// What begins like JSON (`{` or `[`) has to be JSON. Everything else is text, such as an error message of Envoy.
    ///
    /// # Errors
    ///
    /// Reading, writing, and input that cannot be redacted: malformed JSON, values of more than 64 MiB, more than
    /// 256 levels, text that is not UTF-8. No secret was written then either, but `output` is incomplete. Pseudonyms without a key.
    pub fn copy(
        &self,
        document: Document,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<Counts, RedactError> {
        self.copy_from(document, stream::Input::Stream(input), output)
    }

    /// The same of a document that is in memory, which need not be copied there.
    ///
    /// # Errors
    ///
    /// Those of [`Redactor::copy`] but for reading.
    pub fn copy_slice(
        &self,
        document: Document,
        input: &[u8],
        output: &mut dyn Write,
    ) -> Result<Counts, RedactError> {
        self.copy_from(document, stream::Input::Slice(input), output)
    }

    /// `bytes` without its secrets: the same bytes, if there are none, which are not copied then.
    ///
    /// # Errors
    ///
    /// Those of [`Redactor::copy`] but for reading and writing.
    pub fn redact(
        &self,
        document: Document,
        bytes: Vec<u8>,
    ) -> Result<(Vec<u8>, Counts), RedactError> {
        let mut output = Changed::from(bytes.as_slice());
        let counts = self.copy_slice(document, &bytes, &mut output)?;
        let changed = output.finish();
        Ok((changed.unwrap_or(bytes), counts))
    }

    fn copy_from(
        &self,
        document: Document,
        input: stream::Input,
        output: &mut dyn Write,
    ) -> Result<Counts, RedactError> {
        let mut output = pseudonym::Writer::new(self.pseudonyms, &self.policy, output)?;
        let mut counts = Counts::default();
        match (&self.policy, input) {
            (Policy::Off, stream::Input::Stream(input)) => verbatim(input, &mut output)?,
            (Policy::Off, stream::Input::Slice(slice)) => {
                output.write_all(slice).map_err(RedactError::Write)?;
            }
            (Policy::Tokens(_) | Policy::Alike, input) => {
                stream::copy(self, document, input, &mut output, &mut counts)?;
            }
        }
        output.finish(counts)
    }

    /// A text that stands beside documents (a note, a URL, a message) without what looks like a secret, and how much that
    /// was, by rule.
    pub fn scrub(&self, text: &str) -> (String, Counts) {
        let mut counts = Counts::default();
        if self.is_off() {
            return (text.to_owned(), counts);
        }
        let cuts = text::find(text, text::Language::Plain, &self.hider);
        cuts.iter().for_each(|cut| counts.count(cut.rule));
        (self.rename(cut::apply(text, &cuts)), counts)
    }

    /// Hands every place that [`Redactor::copy`] would replace to `found`, in the order of the document, and never
    /// what stands there. A string of which several parts go is several places of one path.
    ///
    /// # Errors
    ///
    /// Those of [`Redactor::copy`] but for writing; what was found up to there was handed out.
    pub fn find(
        &self,
        document: Document,
        input: &mut dyn Read,
        found: &mut dyn FnMut(&Found),
    ) -> Result<Counts, RedactError> {
        let mut finder = found::Finder::new(found);
        match self.policy {
            Policy::Off => verbatim(input, &mut io::sink())?,
            Policy::Tokens(_) | Policy::Alike => {
                let input = stream::Input::Stream(input);
                stream::copy(self, document, input, &mut io::sink(), &mut finder)?;
            }
        }
        Ok(finder.counts)
    }

    /// Why an update was rejected, without what that quotes of configuration.
    pub fn scrub_reason(&self, reason: &str) -> String {
        let reason = match self.policy {
            Policy::Off => reason.to_owned(),
            Policy::Tokens(_) | Policy::Alike => {
                let cuts = text::find(reason, text::Language::Reason, &self.hider);
                cut::apply(reason, &cuts)
            }
        };
        self.rename(reason)
    }

    /// `text` with pseudonyms in the place of the names and addresses in it, as far as these are asked for.
    pub fn rename(&self, text: String) -> String {
        pseudonym::rename(self.pseudonyms, &self.policy, text)
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

/// Copies `input` as it is.
fn verbatim(input: &mut dyn Read, output: &mut dyn Write) -> Result<(), RedactError> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => output
                .write_all(&buffer[..read])
                .map_err(RedactError::Write)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(RedactError::Read(error)),
        }
    }
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
/// Both alphabets, padded or not: protobuf's JSON allows all of them.
const ENGINES: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT),
];

/// The bytes that `text` encodes, if it is base64.
fn base64_of(text: &str) -> Option<Vec<u8>> {
    ENGINES.iter().find_map(|engine| engine.decode(text).ok())
}

fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Why a document could not be redacted; offsets are in bytes from the start of the input.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// The input begins like JSON and is not.
    #[error("invalid JSON at byte {offset}: {problem}")]
    Json {
        /// Where.
        offset: u64,
        /// What is wrong; never a part of the input.
        problem: String,
    },
    /// More levels than allowed.
    #[error("JSON is nested deeper than {MAX_DEPTH} levels at byte {offset}")]
    TooDeep {
        /// Where the level after the last begins.
        offset: u64,
    },
    /// A value that would have to be held in memory and is too large for it.
    #[error("the value at byte {offset} has more than {} MiB", MAX_VALUE >> 20)]
    TooLarge {
        /// Where the value begins.
        offset: u64,
    },
    /// Not JSON, and not the text of an error either.
    #[error("neither JSON nor UTF-8 text of at most {limit} bytes (first doubt at byte {offset})")]
    NotText {
        /// The most that is taken for text.
        limit: usize,
        /// The first byte that is not text, or one too many.
        offset: u64,
    },
    /// Pseudonyms were asked for, and there is no key to make them with: all names would look alike, and be taken for one.
    #[error(
        "host names and addresses are replaced under a key, and there is none; give one by --redaction-key-file"
    )]
    NoKey,
    /// The input failed.
    #[error("cannot read the document")]
    Read(#[source] io::Error),
    /// The output failed.
    #[error("cannot write the redacted document")]
    Write(#[source] io::Error),
}

impl RedactError {
    /// A problem that the JSON parser found in a slice of the input that begins at `base`.
    fn json(base: u64, error: &jiter::JiterError) -> Self {
        Self::Json {
            offset: base + error.index as u64,
            problem: error.error_type.to_string(),
        }
    }
}
