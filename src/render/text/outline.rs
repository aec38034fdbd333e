//! A value as a person reads it: like YAML, on one line where it fits.

use unicode_width::UnicodeWidthStr;

use super::reading::{self, Reading};
use crate::{
    normalize::{Number, Value},
    render::{Style, escape},
};

/// The value on one line, if that takes at most `limit` columns.
pub(super) fn inline(value: &Value, limit: usize, style: Style) -> Option<String> {
    let mut out = String::new();
    (write_inline(value, limit, style, &mut out) && out.width() <= limit).then_some(out)
}

/// The value on as many lines as it needs, broken at `width`; a long string in the way that is clearest to read.
pub(super) fn lines(value: &Value, width: usize, style: Style) -> Vec<String> {
    if let Value::String(text) = value
        && escape::string(text, style).width() > width
        && let (reading, read) = Reading::of(text)
        && reading != Reading::Plain
    {
        return indented(text_block(reading, &read, reading::lines(&read, style)));
    }
    indented(block(
        value,
        width,
        Form {
            style,
            is_verbatim: false,
        },
    ))
}

/// The value on as many lines as it needs, all strings as they are: two values that differ never have the same lines.
pub(super) fn verbatim_lines(value: &Value, width: usize, style: Style) -> Vec<String> {
    indented(block(
        value,
        width,
        Form {
            style,
            is_verbatim: true,
        },
    ))
}

fn indented(lines: Vec<Indented>) -> Vec<String> {
    let lines = lines.into_iter();
    lines
        .map(|(indent, text)| match text.as_str() {
            "" => text,
            _ => format!("{:indent$}{text}", ""),
        })
        .collect()
}

/// How a value is written.
#[derive(Clone, Copy)]
struct Form {
    style: Style,
    /// Whether strings are written as they are.
    is_verbatim: bool,
}

/// Whether a string is better shown line by line.
pub(super) fn is_multiline(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
}

fn scalar(value: &Value, style: Style) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(Number::Int(number)) => number.to_string(),
        Value::Number(Number::Float(number)) => number.to_string(),
        Value::Number(Number::Big(digits)) => {
            escape::string(digits, style).trim_matches('"').to_owned()
        }
        Value::String(text) => escape::string(text, style),
        Value::List(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

/// Writes until the value or the limit ends; `false` if it is the limit.
fn write_inline(value: &Value, limit: usize, style: Style, out: &mut String) -> bool {
    match value {
        Value::List(list) => {
            out.push('[');
            for (i, item) in list.items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                if !write_inline(item, limit, style, out) {
                    return false;
                }
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (i, (key, value)) in object.members.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                out.push_str(&escape::string(key, style));
                out.push_str(": ");
                if !write_inline(value, limit, style, out) {
                    return false;
                }
            }
            out.push('}');
        }
        scalar_value => out.push_str(&scalar(scalar_value, style)),
    }
    // Every column is at most four bytes of what was escaped, so that hostile depth and length end here.
    out.len() <= limit.saturating_mul(4)
}

/// A line and how far it is indented.
type Indented = (usize, String);

/// The lines of a value within `width` columns. The first is not indented.
fn block(value: &Value, width: usize, form: Form) -> Vec<Indented> {
    let style = form.style;
    match value {
        Value::String(text) => {
            let (reading, read) = match form.is_verbatim {
                true => (Reading::Plain, text.into()),
                false => Reading::of_part(text, style),
            };
            if reading != Reading::Plain || is_multiline(text) {
                let lines = match form.is_verbatim {
                    true => reading::verbatim_lines(&read, style),
                    false => reading::lines(&read, style),
                };
                return text_block(reading, &read, lines);
            }
        }
        Value::List(_) | Value::Object(_) => {
            if let Some(text) = inline(value, width, style) {
                return vec![(0, text)];
            }
        }
        _ => {}
    }
    let mut out = Vec::new();
    match value {
        Value::List(list) if !list.items.is_empty() => {
            for item in &list.items {
                let mut lines = block(item, width.saturating_sub(2), form).into_iter();
                out.extend(lines.next().map(|(_, text)| (0, format!("- {text}"))));
                out.extend(lines.map(|(indent, text)| (indent + 2, text)));
            }
        }
        Value::Object(object) if !object.members.is_empty() => {
            for (key, value) in &object.members {
                let key = escape::string(key, style);
                let room = width.saturating_sub(key.width() + 2);
                push_member(&mut out, key, value, room, width, form);
            }
        }
        _ => out.push((0, scalar(value, style))),
    }
    out
}

/// `lines` of the text `read`, below a mark that says how it was read.
fn text_block(reading: Reading, read: &str, lines: Vec<String>) -> Vec<Indented> {
    // As in YAML: `|-` where no newline ends the last line.
    let mark = if read.ends_with('\n') { "|" } else { "|-" };
    let mark = match reading.note() {
        Some(note) => format!("{mark} {note}"),
        None => mark.to_owned(),
    };
    let lines = lines.iter().flat_map(|line| line.split('\n'));
    let lines = lines.map(|line| (2, line.to_owned()));
    std::iter::once((0, mark)).chain(lines).collect()
}

/// `key: value` on one line within `room`, or the key and the value's lines below it.
fn push_member(
    out: &mut Vec<Indented>,
    key: String,
    value: &Value,
    room: usize,
    width: usize,
    form: Form,
) {
    let is_container = matches!(value, Value::List(_) | Value::Object(_));
    if is_container && inline(value, room, form.style).is_none() {
        out.push((0, format!("{key}:")));
        let below = block(value, width.saturating_sub(2), form);
        out.extend(below.into_iter().map(|(indent, text)| (indent + 2, text)));
        return;
    }
    let mut lines = block(value, room, form).into_iter();
    out.extend(lines.next().map(|(_, text)| (0, format!("{key}: {text}"))));
    out.extend(lines);
}
