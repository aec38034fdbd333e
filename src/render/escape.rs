//! What comes from a dump, made harmless to a terminal and unambiguous to a reader.

use std::{borrow::Cow, fmt::Write};

use super::Style;

/// Whether a character acts on a terminal, cannot be seen, or changes how the characters around it look.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // line separators, direction overrides
            | '\u{2060}'..='\u{206f}' // word joiner, direction isolates
            | '\u{fff9}'..='\u{fffb}' // annotations
            | '\u{e0000}'..='\u{e007f}') // tags
}

/// A name: as it is where that can be read without doubt, else quoted.
pub(super) fn name(text: &str, style: Style) -> String {
    if is_bare(text, style) {
        text.to_owned()
    } else {
        quoted(text, style)
    }
}

/// A string value: as it is where it cannot be taken for a number or for part of a list, else quoted.
pub(super) fn string(text: &str, style: Style) -> String {
    let literal =
        matches!(text, "true" | "false" | "null" | "|" | "|-" | "-") || text.parse::<f64>().is_ok();
    let punctuation = [',', '[', ']', '{', '}', '\'', '`', '→', '…'];
    if is_bare(text, style)
        && !literal
        && !text.contains(punctuation)
        && !text.starts_with('(')
        && !text.ends_with(':')
    {
        text.to_owned()
    } else {
        quoted(text, style)
    }
}

/// A sentence, on one line: only what is unsafe is escaped, and the end of a line is a space.
pub(super) fn sentence(text: &str, style: Style) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c => put(&mut out, c, style),
        }
    }
    out
}

/// A line of a longer text, without its newline: two lines print alike only if they are equal, and no space ends one.
pub(super) fn line(text: &str, style: Style) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' {
            out.push_str("\\\\");
        } else if c.is_whitespace() && chars.peek().is_none() {
            put_code(&mut out, c);
        } else {
            put(&mut out, c, style);
        }
    }
    out
}

/// A JSON text or a query, on one line and with unsafe characters as `\u` escapes; what it means stays.
pub(super) fn json(text: &str, ascii: bool) -> Cow<'_, str> {
    let hide = |c: char| is_unsafe(c) || (ascii && !c.is_ascii());
    if !text.contains(hide) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hide(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("a String takes all");
            }
        } else {
            out.push(c);
        }
    }
    out.into()
}

fn is_bare(text: &str, style: Style) -> bool {
    let hidden = |c: char| {
        c.is_whitespace() || c == '\\' || c == '"' || is_unsafe(c) || (style.ascii && !c.is_ascii())
    };
    !text.is_empty() && !text.contains(hidden)
}

/// A text in quotes.
pub(super) fn quoted(text: &str, style: Style) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c => put(&mut out, c, style),
        }
    }
    out.push('"');
    out
}

fn put(out: &mut String, c: char, style: Style) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_unsafe(c) || (style.ascii && !c.is_ascii()) => put_code(out, c),
        c => out.push(c),
    }
}

fn put_code(out: &mut String, c: char) {
    write!(out, "\\u{{{:x}}}", c as u32).expect("a String takes all");
}

#[test]
fn what_acts_on_a_terminal_or_could_be_misread_is_escaped() {
    let utf8 = Style::default();
    let ascii = Style {
        ascii: true,
        ..utf8
    };
    for (text, style, expected) in [
        ("outbound|80||x.y", utf8, "outbound|80||x.y"),
        ("*.example.com", utf8, "*.example.com"),
        ("", utf8, r#""""#),
        ("a b", utf8, r#""a b""#),
        ("5", utf8, r#""5""#),
        ("true", utf8, r#""true""#),
        ("(absent)", utf8, r#""(absent)""#),
        ("a,b", utf8, r#""a,b""#),
        ("\\d", utf8, r#""\\d""#),
        ("\u{1b}[2J", utf8, r#""\u{1b}[2J""#),
        ("\u{9b}2J\u{7f}", utf8, r#""\u{9b}2J\u{7f}""#),
        ("\u{202e}cba\u{2066}", utf8, r#""\u{202e}cba\u{2066}""#),
        ("a\n\tb\"", utf8, r#""a\n\tb\"""#),
        ("é", utf8, "é"),
        ("é", ascii, r#""\u{e9}""#),
    ] {
        assert_eq!(string(text, style), expected, "{text:?}");
    }
    assert_eq!(name("5", utf8), "5");
    assert_eq!(line("\ta\\t \u{3000}", utf8), r"\ta\\t \u{3000}");
    assert_eq!(line("a ", utf8), r"a\u{20}");
    assert_eq!(sentence(" C:\\x\u{1b}\ny\n", utf8), r"C:\x\u{1b} y");
    assert_eq!(json("a\u{9b}\u{e0001}é", false), "a\\u009b\\udb40\\udc01é");
    assert_eq!(json("é", true), "\\u00e9");
}
