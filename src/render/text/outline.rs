//! A value as a person reads it: like YAML, on one line where it fits.

use unicode_width::UnicodeWidthStr;

use crate::{
    normalize::{Number, Value},
    render::{Style, escape},
};

/// The value on one line, if that takes at most `limit` columns.
pub(super) fn inline(value: &Value, limit: usize, style: Style) -> Option<String> {
    let mut out = String::new();
    (write_inline(value, limit, style, &mut out) && out.width() <= limit).then_some(out)
}

/// The value on as many lines as it needs, broken at `width`. Two values that differ never have the same lines.
pub(super) fn lines(value: &Value, width: usize, style: Style) -> Vec<String> {
    block(value, width, style)
        .into_iter()
        .map(|(indent, text)| match text.as_str() {
            "" => text,
            _ => format!("{:indent$}{text}", ""),
        })
        .collect()
}

/// Whether a string is better shown line by line.
pub(super) fn is_multiline(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
}

/// The lines of a string, escaped, without their newlines.
pub(super) fn text_lines(text: &str, style: Style) -> impl Iterator<Item = String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(move |line| escape::line(line, style))
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
fn block(value: &Value, width: usize, style: Style) -> Vec<Indented> {
    match value {
        Value::String(text) if is_multiline(text) => {
            // As in YAML: `|-` where no newline ends the last line.
            let mark = if text.ends_with('\n') { "|" } else { "|-" };
            let lines = text_lines(text, style).map(|line| (2, line));
            return std::iter::once((0, mark.to_owned())).chain(lines).collect();
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
                let mut lines = block(item, width.saturating_sub(2), style).into_iter();
                out.extend(lines.next().map(|(_, text)| (0, format!("- {text}"))));
                out.extend(lines.map(|(indent, text)| (indent + 2, text)));
            }
        }
        Value::Object(object) if !object.members.is_empty() => {
            for (key, value) in &object.members {
                let key = escape::string(key, style);
                let room = width.saturating_sub(key.width() + 2);
                push_member(&mut out, key, value, room, width, style);
            }
        }
        _ => out.push((0, scalar(value, style))),
    }
    out
}

/// `key: value` on one line within `room`, or the key and the value's lines below it.
fn push_member(
    out: &mut Vec<Indented>,
    key: String,
    value: &Value,
    room: usize,
    width: usize,
    style: Style,
) {
    let is_container = matches!(value, Value::List(_) | Value::Object(_));
    if is_container && inline(value, room, style).is_none() {
        out.push((0, format!("{key}:")));
        let below = block(value, width.saturating_sub(2), style);
        out.extend(below.into_iter().map(|(indent, text)| (indent + 2, text)));
        return;
    }
    let mut lines = block(value, room, style).into_iter();
    out.extend(lines.next().map(|(_, text)| (0, format!("{key}: {text}"))));
    out.extend(lines);
}
