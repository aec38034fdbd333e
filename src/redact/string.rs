//! One string: hidden, or read as what it is, text, bytes, or JSON within.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Redactor, base64_of,
    cut::{Cut, apply},
    element::{self, Place},
    found::Log,
    labels::{LabelError, Labels},
    lookup::{Treatment, Verdict},
    names,
    rules::{PEM, UNREADABLE},
    shape::Shape,
    text::{self, Language},
    to_base64,
};

/// How many texts may be in each other, JSON in a text of JSON: each is read as a whole, so the work grows with this.
const MAX_TEXTS: usize = 8;

/// What is around a string.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) redactor: &'a Redactor,
    /// Lists and objects.
    pub(super) depth: usize,
    /// Texts that it is a part of.
    pub(super) texts: usize,
}

/// What `text` should be replaced by, if anything in it goes; `log` hears of that.
pub(super) fn scrub<L: Log>(
    around: Around,
    text: &str,
    shape: Shape,
    treatment: Treatment,
    log: &mut L,
) -> Option<String> {
    match treatment {
        Treatment::Hide(rule) => hide(around, text, shape, rule, log),
        Treatment::Read(language) => read(around, text, shape, language, log),
        Treatment::IfSource(_) => read(around, text, shape, Language::Plain, log),
        Treatment::Named(verdict)
        | Treatment::Untyped(verdict)
        | Treatment::Toward(verdict, _)
        | Treatment::Keys(verdict) => named(around, text, shape, verdict, log),
    }
}

fn hide<L: Log>(
    around: Around,
    text: &str,
    shape: Shape,
    rule: &'static str,
    log: &mut L,
) -> Option<String> {
    let hider = &around.redactor.hider;
    let hidden = match shape.is_bytes() {
        true => hider.hide_bytes(text),
        false => hider.hide(text),
    };
    hidden.inspect(|_| log.gone(rule))
}

/// A value that stands under a name.
fn named<L: Log>(
    around: Around,
    text: &str,
    shape: Shape,
    verdict: Verdict,
    log: &mut L,
) -> Option<String> {
    let goes = match (verdict.if_random, shape.is_bytes()) {
        (false, _) => !is_of_commands(text),
        (true, false) => names::is_random(text),
        (true, true) => text_of(text).is_none_or(|text| names::is_random(&text)),
    };
    let scheme = match shape.is_bytes() {
        true => 0,
        false => SCHEME.find(text).map_or(0, |scheme| scheme.end()),
    };
    match goes {
        // What is the same without its scheme is the same secret.
        true => hide(around, &text[scheme..], shape, verdict.rule, log)
            .map(|hidden| format!("{}{hidden}", &text[..scheme])),
        false => read(around, text, shape, Language::Plain, log),
    }
}

/// How a credential of HTTP begins.
static SCHEME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^(?i:basic|bearer|token) +").expect("a valid pattern"));

/// Whether commands of an access log are all that a value is made of, but for the scheme of a credential.
fn is_of_commands(text: &str) -> bool {
    static COMMANDS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^(?:(?i:basic|bearer|token) +)?(?:%[A-Z][A-Z0-9_]*(?:\([^()%]*\))?(?::[0-9]+)?% *)+$",
        )
        .expect("a valid pattern")
    });
    let scheme = SCHEME.find(text).map_or(0, |scheme| scheme.end());
    COMMANDS.is_match(&text[scheme..])
}

fn read<L: Log>(
    around: Around,
    text: &str,
    shape: Shape,
    language: Language,
    log: &mut L,
) -> Option<String> {
    let is_object = text.trim_start().starts_with(['{', '[']);
    if language == Language::Wasm && shape.is_unknown() && !is_object {
        return read_setting(around, text, log);
    }
    if shape.is_hexadecimal() {
        return read_hexadecimal(around, text, log);
    }
    let is_bytes = shape.is_bytes()
        || is_json_in_base64(text)
        || shape.is_serialized() && is_like_base64(text);
    let bytes = match is_bytes {
        true => base64_of(text),
        false => None,
    };
    let Some(bytes) = bytes else {
        return read_text(around, text, language, log);
    };
    let hide = |rule, log: &mut L| {
        let hidden = around.redactor.hider.hide_bytes(text);
        hidden.inspect(|_| log.gone(rule))
    };
    match as_text(&bytes) {
        Some(inner) => {
            let scrubbed = read_text(around, inner, language, log);
            scrubbed.map(|text| to_base64(text.as_bytes()))
        }
        None if shape.is_opaque() || shape.is_serialized() => {
            hide(around.redactor.rules.opaque_bytes, log)
        }
        None if text::is_in_base64(text) => hide(PEM, log),
        None => None,
    }
}

/// A value in the configuration of a plugin: what goes is all of it.
fn read_setting<L: Log>(around: Around, text: &str, log: &mut L) -> Option<String> {
    let hider = &around.redactor.hider;
    let quoted = serde_json::Value::from(text).to_string();
    let cuts = text::find(&quoted, Language::Wasm, hider);
    let rule = cuts.first()?.rule;
    hider.hide(text).inspect(|_| log.gone(rule))
}

/// Digits that spell a text: all of them go if anything in it does.
fn read_hexadecimal<L: Log>(around: Around, digits: &str, log: &mut L) -> Option<String> {
    let hider = &around.redactor.hider;
    let value = |digit: u8| char::from(digit).to_digit(16);
    let bytes = digits.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => Some((value(high)? << 4 | value(low)?) as u8),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let cuts = text::find(text.as_deref().unwrap_or(digits), Language::Plain, hider);
    let rule = cuts.first()?.rule;
    hider.hide(digits).inspect(|_| log.gone(rule))
}

/// A text, with JSON in it or not.
fn read_text<L: Log>(
    around: Around,
    text: &str,
    language: Language,
    log: &mut L,
) -> Option<String> {
    if let Some(json) = Embedded::find(text, language) {
        match Labels::read(json.text.as_bytes(), around.depth + 1) {
            Ok(labels) if around.texts < MAX_TEXTS => return json.read(around, &labels, log),
            Ok(_) | Err(LabelError::TooDeep(_)) => {
                let hidden = around.redactor.hider.hide(text);
                return hidden.inspect(|_| log.gone(UNREADABLE));
            }
            Err(LabelError::Json(_)) => {}
        }
    }
    let cuts: Vec<Cut> = text::find(text, language, &around.redactor.hider);
    cuts.iter().for_each(|cut| log.gone(cut.rule));
    (!cuts.is_empty()).then(|| apply(text, &cuts))
}

/// JSON that a text is, but for space around it.
struct Embedded<'a> {
    before: &'a str,
    text: &'a str,
    after: &'a str,
    language: Language,
}

impl<'a> Embedded<'a> {
    /// What may be JSON in `text`.
    fn find(text: &'a str, language: Language) -> Option<Self> {
        let inner = text.trim();
        let is_like_json = inner.starts_with(['{', '[']) && inner.ends_with(['}', ']']);
        // These have readers of their own for it.
        if matches!(language, Language::Reason | Language::Log | Language::Wasm) {
            return None;
        }
        let start = text.len() - text.trim_start().len();
        is_like_json.then(|| Self {
            before: &text[..start],
            text: inner,
            after: &text[start + inner.len()..],
            language,
        })
    }

    fn read<L: Log>(&self, around: Around, labels: &Labels, log: &mut L) -> Option<String> {
        let place = Place {
            offset: 0,
            depth: around.depth + 1,
            texts: around.texts + 1,
            shape: Shape::Unknown,
            treatment: Treatment::Read(self.language),
        };
        let slice = self.text.as_bytes();
        let mut output = self.before.as_bytes().to_vec();
        let copied =
            element::copy_labelled(around.redactor, place, slice, labels, &mut output, log);
        output.extend(self.after.as_bytes());
        match (copied, String::from_utf8(output)) {
            (Ok(()), Ok(output)) => {
                let is_same = output[self.before.len()..].starts_with(self.text);
                (!is_same).then_some(output)
            }
            // It was read before, so this does not happen.
            _ => around.redactor.hider.hide(self.text),
        }
    }
}

/// The text that `base64` encodes, if it is one.
fn text_of(base64: &str) -> Option<String> {
    let bytes = base64_of(base64)?;
    as_text(&bytes).map(str::to_owned)
}

/// The text that `bytes` are, if they are no message.
fn as_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    (text.chars().all(is_printable) && !is_message(bytes)).then_some(text)
}

/// Whether `bytes` read as a protobuf message that begins with a text, a list or a message in its first field.
fn is_message(bytes: &[u8]) -> bool {
    let mut rest = match bytes {
        [b'\n', ..] => bytes,
        _ => return false,
    };
    while let Some(tag) = varint(&mut rest) {
        let length = match tag & 7 {
            0 => varint(&mut rest).map(|_| 0),
            1 => Some(8),
            2 => varint(&mut rest),
            5 => Some(4),
            _ => None,
        };
        let after = length
            .and_then(|length| usize::try_from(length).ok())
            .and_then(|length| rest.get(length..));
        match after {
            Some(after) if tag >= 8 => rest = after,
            _ => return false,
        }
        if rest.is_empty() {
            return true;
        }
    }
    false
}

/// The number that `bytes` begin with; takes it off them.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        value |= u64::from(byte & 127) << (7 * index);
        if byte & 128 == 0 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

/// Whether `text` may be base64 of JSON: an object or a list, with a space after its bracket or without.
fn is_json_in_base64(text: &str) -> bool {
    let is_begin = |begin: &str| text.starts_with(begin);
    text.len() >= 12
        && ["ey", "ew", "W3", "Ww", "Wy"]
            .iter()
            .any(|begin| is_begin(begin))
        && text_of(text).is_some_and(|text| Embedded::find(&text, Language::Plain).is_some())
}

/// Whether nobody would write `text` as a word.
fn is_like_base64(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    text.len() >= 8
        && text.len().is_multiple_of(4)
        && has(u8::is_ascii_uppercase)
        && has(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'/' | b'='))
}

#[test]
fn values_of_commands_alone_are_no_secrets() {
    for text in [
        "%REQ(X-Token)%",
        "Bearer %DYNAMIC_METADATA(a:b)%",
        "%REQ(X):12% %PROTOCOL%",
    ] {
        assert!(is_of_commands(text), "{text}");
    }
    for text in [
        "",
        "Bearer SECRET",
        "%REQ(X)%SECRET",
        "SECRET %REQ(X)%",
        "100%",
        "%%",
    ] {
        assert!(!is_of_commands(text), "{text}");
    }
}

#[test]
fn bytes_are_text_unless_they_are_a_message() {
    for text in ["", "a: b\n", "\n{\"a\": 1}", "\nhello", "é"] {
        assert_eq!(as_text(text.as_bytes()), Some(text));
    }
    let long = [b"\n", &b"!"[..], &[b'x'; 33]].concat();
    for bytes in [&b"\x00\x01"[..], b"\n\x03abc", &long, b"\xff\xfe"] {
        assert_eq!(as_text(bytes), None, "{bytes:?}");
    }
}
