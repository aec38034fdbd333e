//! What the bytes of a document are, and where they are none, what they are instead.

use std::io::{self, Read};

use super::{InputError, bug_report};
use crate::{
    dump::{Content, recognize, recognize_slice},
    model::{Document, Source, json_problem},
    redact::scrub_reason,
};

/// Why the first bytes of a file cannot be had: the system does not give them, or they are compressed and damaged.
pub(super) fn cannot_unpack(name: &str, error: io::Error) -> InputError {
    if error.raw_os_error().is_some() {
        return InputError::io(name, error);
    }
    let reason = format!(
        "compressed, and cut off or damaged at its beginning ({error}); take it again, or if it is a bundle, save what \
         is intact: xdsnap verify --recover NEW FILE"
    );
    InputError::unusable(name, reason)
}

/// The first line of a document that should be JSON and is neither that nor the text that it may be.
pub(super) fn text_instead_of_json(document: Document, start: &[u8]) -> Option<String> {
    if document == Document::Version || starts_as_json(start) {
        return None;
    }
    let text = String::from_utf8_lossy(start);
    if bug_report::is_page(document, &text) {
        return None;
    }
    let line = first_line(&text);
    Some(match line.is_empty() {
        true => "the document is empty".to_owned(),
        false => format!("not JSON but text: {line}"),
    })
}

/// What may be shown of how a text begins: of its first line, redacted, 200 characters at most.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    let line: String = line.chars().take(200).collect();
    scrub_reason(&line).0
}

pub(super) fn starts_as_json(start: &[u8]) -> bool {
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
}

/// What a document of about `expected` bytes is; where its content says nothing, what the user says. And the document, if
/// all of it was held in memory to find that out.
pub(super) fn content_of(
    name: &str,
    mut reader: impl Read,
    source: Option<Source>,
    expected: u64,
) -> Result<(Content, Option<Vec<u8>>), InputError> {
    // One more, so that its end is found without room for as much again.
    let mut held = Vec::with_capacity(expected.min(MAX_WHOLE) as usize + 1);
    let read = reader.by_ref().take(MAX_WHOLE + 1).read_to_end(&mut held);
    let is_whole = read.map_err(|error| InputError::io(name, error))? as u64 <= MAX_WHOLE;
    let content = match is_whole {
        true => recognize_slice(&held),
        false => recognize(held.as_slice().chain(reader)),
    };
    let start = &held[..held.len().min(MAX_START)];
    let content = content.map_err(|error| match error.io_error_kind() {
        Some(_) => InputError::io(name, error.into()),
        None => InputError::unusable(name, why_no_dump(start, &error)),
    })?;
    let content = content.ok_or_else(|| {
        let reason = match start.split(u8::is_ascii_whitespace).collect::<Vec<_>>().concat() {
            empty if empty == b"[]" => {
                "an empty list, which does not tell what it is a list of; take the whole dump (`istioctl proxy-config all -o json`)"
            }
            _ => {
                "JSON, but none that Envoy, istiod or istioctl prints (expected a config dump: an object with a list `configs`)"
            }
        };
        InputError::unusable(name, reason)
    })?;
    match source {
        Some(source) if !content.document.is_of(source) => {
            let reason = format!(
                "a `{}` document, which {source} does not print",
                content.document
            );
            Err(InputError::unusable(name, reason))
        }
        _ => Ok((content, is_whole.then_some(held))),
    }
}

/// How long a document may be to be held in memory while it is looked at, in bytes.
pub(super) const MAX_WHOLE: u64 = 256 << 20;

/// How much of a document is looked at to tell what it may be, in bytes.
const MAX_START: usize = 4096;

/// Why a document with this `start` is no dump.
fn why_no_dump(start: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(start);
    let line = first_line(text.trim());
    if line.starts_with("Failed to convert protobuf message") {
        return format!(
            "Envoy could not print this dump ({line}); capture the Envoy by its URL, which takes the dump in parts"
        );
    }
    match text.trim_start().starts_with(['{', '[']) {
        true if error.is_eof() => format!(
            "neither a bundle nor a dump: JSON that is cut off, at line {} column {}; take it again",
            error.line(),
            error.column()
        ),
        true => format!(
            "neither a bundle nor a dump: invalid JSON: {}",
            json_problem(error)
        ),
        false if line.is_empty() => "neither a bundle nor a dump: nothing but blanks".to_owned(),
        false if is_binary(&line) => {
            "neither a bundle nor a dump, but binary data; of a bundle with a damaged beginning, \
             `xdsnap verify --recover NEW FILE` saves what is intact"
                .to_owned()
        }
        false => {
            let begin: String = line.chars().take(60).collect();
            format!("neither a bundle nor a dump: no JSON, it begins with `{begin}`")
        }
    }
}

/// Whether this is no text of which a beginning could be shown.
fn is_binary(line: &str) -> bool {
    line.contains(|c: char| c == char::REPLACEMENT_CHARACTER || (c.is_control() && c != '\t'))
}
