//! One change: where, and the values.

use std::io;

use similar::{ChangeTag, TextDiff};
use unicode_width::UnicodeWidthStr;

use super::{
    lone_words, outline,
    page::{Ink, Line, Page, Piece, columns},
    reading::{self, Reading},
    steps::{Node, place},
    why::Said,
};
use crate::{
    diff::{Change, ChangeKind, Mode},
    inspect::certificate,
    normalize::{Mark, Redacted, Value},
    render::{
        Style,
        clip::{Tail, clip, clip_pair},
    },
};

/// Lines of an added or removed value that are shown.
const VALUE_LINES: usize = 10;
/// Lines of a comparison by line that are shown.
const DIFF_LINES: usize = 24;
/// Equal lines around those that differ.
const CONTEXT: usize = 2;
/// Characters of a line that are shown.
const CHARACTERS: usize = 240;
/// Changes of one resource that are shown.
pub(super) const CHANGES: usize = 40;

/// Writes the changes of one resource, below its heading.
pub(super) fn tree(
    page: &mut Page,
    mode: Mode,
    changes: &[&Change],
    indent: usize,
) -> io::Result<()> {
    let shown = match page.style.full {
        true => changes.len(),
        false => changes.len().min(CHANGES),
    };
    let root = Node::new(&changes[..shown], page.style);
    let said = &mut Said::default();
    for change in &root.changes {
        let last = one(page, mode, &["$"], change, indent)?;
        said.tell(page, change, last + 2)?;
    }
    children(page, mode, said, &root, indent, true)?;
    if shown < changes.len() {
        let what = format!("{} more changes of this resource", changes.len() - shown);
        page.folded(indent, &what)?;
    }
    Ok(())
}

fn children(
    page: &mut Page,
    mode: Mode,
    said: &mut Said,
    node: &Node,
    indent: usize,
    top: bool,
) -> io::Result<()> {
    for child in &node.children {
        let (mut texts, end) = child.chain();
        if top {
            texts[0] = texts[0].strip_prefix('.').unwrap_or(texts[0]);
        }
        let mut below = indent;
        if end.changes.is_empty() {
            for (indent, text) in place(&texts, indent, page.style.width, 0) {
                page.line(Line::new(indent).with(Ink::Plain, text))?;
                below = indent;
            }
        }
        for change in &end.changes {
            below = one(page, mode, &texts, change, indent)?;
            said.tell(page, change, below + 2)?;
        }
        children(page, mode, said, end, below + 2, false)?;
    }
    Ok(())
}

/// Writes one change at the path of `texts`, and returns how far its last step is indented.
fn one(
    page: &mut Page,
    mode: Mode,
    texts: &[&str],
    change: &Change,
    indent: usize,
) -> io::Result<usize> {
    let style = page.style;
    let values = Values {
        change,
        mode,
        style,
    };
    let short = values.inline(style.width);
    let tail = short.as_ref().map_or(0, |pieces| 2 + columns(pieces));
    let mut placed = place(texts, indent, style.width, tail);
    let (last, text) = placed.pop().unwrap_or((indent, String::new()));
    for (indent, text) in placed {
        page.line(Line::new(indent).with(Ink::Plain, text))?;
    }
    let mut line = match change.kind {
        ChangeKind::Changed => Line::new(last),
        kind => Line::new(last.saturating_sub(2))
            .with(Ink::of(kind), kind.sign().to_string())
            .with(Ink::Plain, " "),
    }
    .with(Ink::Plain, text);
    match short {
        Some(pieces) if line.width() + tail <= style.width => {
            line = line.with(Ink::Plain, "  ");
            pieces.into_iter().for_each(|piece| line.push(piece));
            page.line(line)?;
        }
        short => {
            let room = style.width.saturating_sub(last + 2);
            match short.filter(|pieces| columns(pieces) <= room) {
                Some(pieces) => {
                    page.line(line)?;
                    let mut line = Line::new(last + 2);
                    pieces.into_iter().for_each(|piece| line.push(piece));
                    page.line(line)?;
                }
                None => {
                    if let Some(note) = values.only_in().or(values.other_secret()) {
                        line = line.with(Ink::Faint, format!("  {note}"));
                    }
                    page.line(line)?;
                    values.below(page, last + 2)?;
                }
            }
        }
    }
    if change.no_schema {
        let note = "(no schema known: compared as plain JSON)";
        page.line(Line::new(last + 2).with(Ink::Faint, note))?;
    }
    Ok(last)
}

/// Writes the lines of a value that only one side has.
pub(super) fn value(page: &mut Page, ink: Ink, value: &Value, indent: usize) -> io::Result<()> {
    let style = page.style;
    let lines = outline::lines(value, style.width.saturating_sub(indent), style);
    let lines: Vec<Piece> = lines
        .into_iter()
        .map(|line| (ink, clip(&line, CHARACTERS, Tail::Counted, style)))
        .collect();
    folding(page, lines, indent, VALUE_LINES)
}

/// Writes what the certificates in a value say that only one side has.
pub(super) fn certificates(
    page: &mut Page,
    ink: Ink,
    value: &Value,
    indent: usize,
) -> io::Result<()> {
    let words = certificate::in_value(value).into_iter();
    let words: Vec<String> = words
        .map(|certificate| reading::words(&certificate, page.style))
        .collect();
    let lines = words.iter().flat_map(|words| words.split('\n'));
    let lines = lines.map(|line| (ink, clip(line, CHARACTERS, Tail::Counted, page.style)));
    folding(page, lines.collect(), indent, VALUE_LINES)
}

/// Writes the lines that make the first `limit` rows, and how many lines there are more; a single one is not worth the
/// words.
fn folding(page: &mut Page, lines: Vec<Piece>, indent: usize, limit: usize) -> io::Result<()> {
    let mut rows = 0;
    let fitting = lines.iter().take_while(|(_, text)| {
        rows += (indent + text.width())
            .div_ceil(page.style.width.max(1))
            .max(1);
        rows <= limit
    });
    let fitting = fitting.count().max(1);
    let shown = match lines.len() {
        all if page.style.full || all <= fitting + 1 => all,
        _ => fitting,
    };
    let more = lines.len() - shown;
    for piece in lines.into_iter().take(shown) {
        let mut line = Line::new(indent);
        line.push(piece);
        page.line(line)?;
    }
    match more {
        0 => Ok(()),
        more => page.folded(indent, &format!("{more} more lines")),
    }
}

/// The values of a change.
struct Values<'a> {
    change: &'a Change,
    mode: Mode,
    style: Style,
}

impl Values<'_> {
    /// The values on one line, if they are short enough to be read there.
    fn inline(&self, width: usize) -> Option<Vec<Piece>> {
        let one = |value: &Option<Value>| match (value, &self.change.default) {
            (None, None) => Some("(absent)".to_owned()),
            (None, Some(default)) => {
                let default = outline::inline(default, width, self.style)?;
                Some(format!("{default} (default)"))
            }
            (Some(value), _) if token(value).is_some() => token(value),
            (Some(Value::String(text)), _) if outline::is_multiline(text) => None,
            (Some(value), _) => outline::inline(value, width, self.style),
        };
        let before = one(&self.change.before)?;
        let after = one(&self.change.after)?;
        let position = self.change.kind == ChangeKind::Moved;
        let plain = |text: &str| (Ink::Plain, text.to_owned());
        Some(match self.mode {
            Mode::Sync => {
                let word = if position { "position " } else { "" };
                vec![
                    plain(&format!("istiod {word}")),
                    (Ink::Removed, before),
                    plain(&format!(", envoy {word}")),
                    (Ink::Added, after),
                ]
            }
            Mode::Change => match (&self.change.before, &self.change.after) {
                (Some(_), None) => vec![(Ink::Removed, before)],
                (None, Some(_)) => vec![(Ink::Added, after)],
                _ => {
                    let word = if position { "position " } else { "" };
                    vec![
                        plain(word),
                        (Ink::Removed, before),
                        plain(&format!(" {} ", self.style.arrow())),
                        (Ink::Added, after),
                    ]
                }
            },
        })
    }

    /// Whose value stands below alone, where the sign would not tell.
    fn only_in(&self) -> Option<&'static str> {
        let [in_envoy, in_istiod] = lone_words(self.mode);
        match (self.mode, &self.change.before, &self.change.after) {
            (Mode::Sync, Some(_), None) => Some(in_istiod),
            (Mode::Sync, None, Some(_)) => Some(in_envoy),
            _ => None,
        }
    }

    /// Whether both values are tokens, so that nothing else than another secret is to be seen.
    fn other_secret(&self) -> Option<&'static str> {
        let tokens = [&self.change.before, &self.change.after];
        let are_tokens = tokens.map(|value| value.as_ref().and_then(token).is_some());
        (are_tokens == [true; 2]).then_some("(another secret)")
    }

    /// Writes the values on lines of their own.
    fn below(&self, page: &mut Page, indent: usize) -> io::Result<()> {
        match (&self.change.before, &self.change.after) {
            (None, None) => Ok(()),
            (Some(before), None) => value(page, Ink::Removed, before, indent),
            (None, Some(after)) => value(page, Ink::Added, after, indent),
            (Some(before), Some(after)) if are_long(before, after) => {
                self.by_line(page, before, after, indent)
            }
            (Some(before), Some(after)) => {
                let verbatim = |value| outline::verbatim_lines(value, 0, self.style).concat();
                let text = |value| token(value).unwrap_or_else(|| verbatim(value));
                let (before, after) = clip_pair(
                    &text(before),
                    &text(after),
                    CHARACTERS,
                    Tail::Counted,
                    self.style,
                );
                let (minus, plus) = match self.mode {
                    Mode::Change => ("- ", "+ "),
                    Mode::Sync => ("istiod  ", "envoy   "),
                };
                page.line(Line::new(indent).with(Ink::Removed, format!("{minus}{before}")))?;
                page.line(Line::new(indent).with(Ink::Added, format!("{plus}{after}")))
            }
        }
    }

    /// Writes the lines that differ, and a few around them.
    fn by_line(
        &self,
        page: &mut Page,
        before: &Value,
        after: &Value,
        indent: usize,
    ) -> io::Result<()> {
        let style = self.style;
        if self.mode == Mode::Sync {
            let legend = Line::new(indent)
                .with(Ink::Removed, "- istiod")
                .with(Ink::Plain, ", ")
                .with(Ink::Added, "+ envoy");
            page.line(legend)?;
        }
        let room = style.width.saturating_sub(indent + 2);
        let (note, [old, new]) = diff_lines(before, after, room, style);
        if let Some(note) = note {
            page.line(Line::new(indent).with(Ink::Faint, note))?;
        }
        let old: Vec<&str> = old.iter().map(String::as_str).collect();
        let new: Vec<&str> = new.iter().map(String::as_str).collect();
        let diff = TextDiff::from_slices(&old, &new);
        let mut lines = Vec::new();
        for (i, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
            if i > 0 {
                lines.push((Ink::Faint, style.ellipsis().to_owned()));
            }
            for op in group {
                let (old, new) = (&old[op.old_range()], &new[op.new_range()]);
                for change in diff.iter_changes(op) {
                    let at = |index: Option<usize>, start| index.map_or(0, |index| index - start);
                    let (ink, sign, other) = match change.tag() {
                        ChangeTag::Equal => (Ink::Plain, " ", None),
                        ChangeTag::Delete => {
                            let at = at(change.old_index(), op.old_range().start);
                            (Ink::Removed, "-", new.get(at))
                        }
                        ChangeTag::Insert => {
                            let at = at(change.new_index(), op.new_range().start);
                            (Ink::Added, "+", old.get(at))
                        }
                    };
                    // A long line is shown from where it begins to differ from the one in its place.
                    let other = other.filter(|other| !other.contains('\n'));
                    for line in change.value().split('\n') {
                        let text = match other {
                            None => clip(line, CHARACTERS, Tail::Counted, style),
                            Some(other) => {
                                clip_pair(line, other, CHARACTERS, Tail::Counted, style).0
                            }
                        };
                        let line = format!("{sign} {text}");
                        lines.push((ink, line.trim_end_matches(' ').to_owned()));
                    }
                }
            }
        }
        folding(page, lines, indent, DIFF_LINES)
    }
}

/// The token that a value is, in base64 too.
fn token(value: &Value) -> Option<String> {
    match Redacted::of(value.as_str()?)?.whole()? {
        Mark::Token(token) => Some(token.to_string()),
        Mark::Bare => None,
    }
}

/// Whether two values are better compared line by line.
fn are_long(before: &Value, after: &Value) -> bool {
    if token(before).is_some() && token(after).is_some() {
        return false;
    }
    let is_long = |value: &Value| match value {
        Value::List(list) => !list.items.is_empty(),
        Value::Object(object) => !object.members.is_empty(),
        Value::String(text) => outline::is_multiline(text),
        _ => false,
    };
    let read_otherwise = match (before, after) {
        (Value::String(before), Value::String(after)) => {
            [before, after].map(|text| Reading::of(text).0) != [Reading::Plain; 2]
        }
        _ => false,
    };
    is_long(before) || is_long(after) || read_otherwise
}

/// The lines to compare: those of two strings, with what to know of them, or of their outlines.
fn diff_lines(
    before: &Value,
    after: &Value,
    width: usize,
    style: Style,
) -> (Option<&'static str>, [Vec<String>; 2]) {
    if let (Value::String(before), Value::String(after)) = (before, after) {
        return Reading::of_both(before, after, style);
    }
    let sides = [before, after];
    let lines = sides.map(|value| outline::lines(value, width, style));
    if lines[0] != lines[1] {
        return (None, lines);
    }
    let verbatim = |value| outline::verbatim_lines(value, width, style);
    (None, sides.map(verbatim))
}
