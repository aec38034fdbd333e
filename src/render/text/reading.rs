//! Long strings as a person reads them: base64 decoded, JSON laid out, certificates told in words.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::{
    inspect::{Certificate, base64_text, certificate},
    render::{Style, escape, text::outline::is_multiline},
};

/// The lengths of JSON that is laid out: what is shorter is read as it is, and what is longer by nobody.
const JSON: std::ops::Range<usize> = 80..256 * 1024;

/// How deep JSON is nested that is laid out: the indent of what is deeper would be most of the text.
const DEPTH: usize = 64;

/// Columns of names in a certificate before they go on on another line.
const SANS: usize = 64;

/// A way to read a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As JSON, in base64.
    JsonInBase64,
    /// As text, in base64.
    Base64,
    /// As JSON on one line.
    Json,
    /// As it is.
    Plain,
}

impl Reading {
    /// The clearest way first.
    const ALL: [Self; 4] = [Self::JsonInBase64, Self::Base64, Self::Json, Self::Plain];

    /// The clearest way to read `text`.
    pub(super) fn of(text: &str) -> (Self, Cow<'_, str>) {
        let mut found = Self::ALL.into_iter();
        let found = found.find_map(|way| way.read(text).map(|read| (way, read)));
        found.unwrap_or((Self::Plain, text.into()))
    }

    /// How to read a text that is part of something larger: few lines of that are shown, so without `full` only
    /// certificates are read.
    pub(super) fn of_part(text: &str, style: Style) -> (Self, Cow<'_, str>) {
        match Self::of(text) {
            (way, read) if style.full || !certificate::in_text(&read).is_empty() => (way, read),
            _ => (Self::Plain, text.into()),
        }
    }

    /// The lines of both texts, read in the clearest way in which they still differ; and what the reader must know of
    /// that.
    pub(super) fn of_both(
        before: &str,
        after: &str,
        style: Style,
    ) -> (Option<&'static str>, [Vec<String>; 2]) {
        let full = Style {
            full: true,
            ..style
        };
        let read = |way: Self, style| {
            let [before, after] = way.read_both([before, after])?;
            let mut sides = [lines(&before, style), lines(&after, style)];
            if before.ends_with('\n') != after.ends_with('\n') {
                let short = usize::from(before.ends_with('\n'));
                // No line of a string looks like this: its backslashes are doubled.
                sides[short].push("\\ no newline at end".to_owned());
            }
            Some((way.note(), sides))
        };
        let is_same = |way: Self| {
            way.read_both([before, after])
                .is_some_and(|[before, after]| before == after)
        };
        if is_same(Self::Json) || (is_same(Self::JsonInBase64) && !is_same(Self::Base64)) {
            // On one line each, the white space that differs can be seen.
            let sides = match style.full || ![before, after].into_iter().any(is_multiline) {
                true => [before, after].map(|text| verbatim_lines(text, style)),
                false => Default::default(),
            };
            return (Some("(same JSON, other layout)"), sides);
        }
        let mut found = Self::ALL
            .into_iter()
            .flat_map(|way| [read(way, style), read(way, full)])
            .flatten();
        let differ = |(_, [before, after]): &(_, [Vec<String>; 2])| before != after;
        found.find(differ).unwrap_or_default()
    }

    /// Both texts, where both can be read so. JSON on one line is compared with JSON on several: both are laid out.
    fn read_both(self, texts: [&str; 2]) -> Option<[Cow<'_, str>; 2]> {
        let decoded = |text| base64_text::decode(text);
        let [before, after] = texts;
        Some(match self {
            Self::Plain | Self::Base64 => [self.read(before)?, self.read(after)?],
            Self::Json => both_laid_out(texts)?.map(Cow::Owned),
            Self::JsonInBase64 => {
                both_laid_out([&decoded(before)?, &decoded(after)?])?.map(Cow::Owned)
            }
        })
    }

    fn read(self, text: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Plain => Some(text.into()),
            Self::Base64 => base64_text::decode(text).map(Cow::Owned),
            Self::Json => one_laid_out(text).map(Cow::Owned),
            Self::JsonInBase64 => one_laid_out(&base64_text::decode(text)?).map(Cow::Owned),
        }
    }

    /// What the reader must know of it.
    pub(super) fn note(self) -> Option<&'static str> {
        match self {
            Self::JsonInBase64 => Some("(base64 of JSON, laid out)"),
            Self::Base64 => Some("(base64 of this text)"),
            Self::Json => Some("(JSON, laid out)"),
            Self::Plain => None,
        }
    }
}

/// The lines of a text, escaped, without their newlines. In the place of a certificate's bytes stands what it says, in
/// one piece of several lines; with `full`, before them.
pub(super) fn lines(text: &str, style: Style) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = 0;
    for (block, certificate) in certificate::in_text(text) {
        if rest < block.start {
            out.extend(verbatim_lines(&text[rest..block.start], style));
        }
        out.push(words(&certificate, style));
        rest = match style.full {
            true => block.start,
            false => block.end + line_end(&text[block.end..]),
        };
    }
    if rest < text.len() || text.is_empty() {
        out.extend(verbatim_lines(&text[rest..], style));
    }
    out
}

/// The lines of a text, escaped, without their newlines.
pub(super) fn verbatim_lines(text: &str, style: Style) -> Vec<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines = text.split('\n');
    lines.map(|line| escape::line(line, style)).collect()
}

/// How long the end of a line is that `text` begins with.
fn line_end(text: &str) -> usize {
    let ends = ["\r\n", "\n"].into_iter();
    let mut ends = ends.filter(|end| text.starts_with(end));
    ends.next().map_or(0, str::len)
}

/// What a certificate says, a line for each fact.
pub(super) fn words(certificate: &Certificate, style: Style) -> String {
    let subject = match certificate.subject.as_str() {
        "" => "(none)".to_owned(),
        subject => escape::sentence(subject, style),
    };
    let mut sans = "  SANs".to_owned();
    let mut width = sans.len();
    for (i, san) in certificate.sans.iter().enumerate() {
        let san = escape::sentence(san, style);
        if i > 0 {
            sans.push(',');
        }
        width += san.len() + 2;
        if i > 0 && width > SANS {
            sans.push_str("\n   ");
            width = san.len() + 6;
        }
        sans.push(' ');
        sans.push_str(&san);
    }
    if certificate.sans.is_empty() {
        sans.push_str(" (none)");
    }
    let Certificate {
        not_before,
        not_after,
        sha256,
        ..
    } = certificate;
    format!(
        "certificate  subject {subject}\n{sans}\n  valid {not_before} to {not_after}\n  sha256 {sha256}"
    )
}

fn is_long(text: &str) -> bool {
    text.trim_end_matches('\n').len() >= JSON.start
}

/// JSON that stands on one line, laid out.
fn one_laid_out(text: &str) -> Option<String> {
    (is_long(text) && !is_multiline(text)).then(|| laid_out(text))?
}

/// Two texts of JSON, at least one of them on one line, both laid out.
fn both_laid_out(texts: [&str; 2]) -> Option<[String; 2]> {
    if !texts.into_iter().any(is_long) || texts.into_iter().all(is_multiline) {
        return None;
    }
    let [before, after] = texts.map(laid_out);
    Some([before?, after?])
}

/// JSON with a line for each member and item and nothing else changed.
fn laid_out(text: &str) -> Option<String> {
    let text = text.trim_end_matches('\n');
    let is_container = text.starts_with(['{', '[']);
    if !is_container || text.len() >= JSON.end {
        return None;
    }
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut chars = text.chars().peekable();
    let newline = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                while let Some(c) = chars.next() {
                    out.push(c);
                    match c {
                        '\\' => out.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                match chars.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None if depth == DEPTH => return None,
                    None => {
                        depth += 1;
                        newline(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                newline(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                newline(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    Some(out)
}

#[test]
fn json_is_laid_out_and_else_stays_as_it_is() {
    let long = "x".repeat(JSON.start);
    for (text, expected) in [
        (
            format!(r#"{{"a" :[1,  2.50,{{}}, [ ]],"b":"{long}\",[:\\"}}"#),
            Some(format!(
                "{{\n  \"a\": [\n    1,\n    2.50,\n    {{}},\n    []\n  ],\n  \"b\": \"{long}\\\",[:\\\\\"\n}}"
            )),
        ),
        (format!(r#"{{"a": "{long}"}} more"#), None),
        (format!(r#""{long}""#), None),
        (
            format!("{}1{}", "[".repeat(DEPTH + 1), "]".repeat(DEPTH + 1)),
            None,
        ),
        (r#"{"short": 1}"#.to_owned(), None),
    ] {
        assert_eq!(one_laid_out(&text), expected, "{text}");
    }
}

#[test]
fn json_on_one_line_is_compared_with_json_on_several() {
    let style = Style::default();
    let json = |value: u32, gap: &str| {
        format!(
            "{{{gap}\"long\": \"{}\",{gap}\"n\": {value}{gap}}}",
            "x".repeat(JSON.start)
        )
    };
    let (note, [before, after]) = Reading::of_both(&json(1, ""), &json(2, "\n    "), style);
    assert_eq!(note, Reading::Json.note());
    assert_eq!(
        (before[1..2].as_ref(), &*before[2]),
        (&after[1..2], "  \"n\": 1")
    );
    assert_eq!(after[2], "  \"n\": 2");

    let same = Some("(same JSON, other layout)");
    let (one, several) = (json(1, ""), json(1, "\n"));
    assert_eq!(
        Reading::of_both(&one, &several, style),
        (same, Default::default())
    );
    let full = Style {
        full: true,
        ..style
    };
    let (note, [before, after]) = Reading::of_both(&one, &several, full);
    assert_eq!((note, before.len(), after.len()), (same, 1, 4));

    // Where both have lines already, those are compared.
    let (note, _) = Reading::of_both(&several, &json(1, "\n  "), style);
    assert_eq!(note, None);
}
