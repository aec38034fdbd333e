//! Paths as a person reads them, and the changes of one resource as a tree of them.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use crate::{
    diff::{Change, ChangeKind},
    model::{Path, Predicate, Scalar, Step},
    render::{Style, escape},
};

/// Changes below one another: what several paths begin with stands once.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    unit: Unit,
    pub(super) changes: Vec<&'a Change>,
    pub(super) children: Vec<Self>,
}

/// A member and which of its items: never broken over two lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Unit {
    text: String,
    /// Whether an index in this or an earlier unit counts on the *before* side: it is no index of *after*.
    before: bool,
}

impl<'a> Node<'a> {
    /// The tree of `changes`, in their order.
    pub(super) fn new(changes: &[&'a Change], style: Style) -> Self {
        let mut root = Self::default();
        for change in changes {
            let mut node = &mut root;
            for unit in units(&change.path, change.kind == ChangeKind::Removed, style) {
                if node.children.last().is_none_or(|last| last.unit != unit) {
                    node.children.push(Self {
                        unit,
                        ..Self::default()
                    });
                }
                node = node.children.last_mut().expect("one was pushed");
            }
            node.changes.push(change);
        }
        root
    }

    /// This node's part of the path, with what follows it alone; and the node at its end.
    pub(super) fn chain(&self) -> (Vec<&str>, &Self) {
        let mut texts = vec![self.unit.text.as_str()];
        let mut node = self;
        while let ([only], true) = (node.children.as_slice(), node.changes.is_empty()) {
            node = only;
            texts.push(&node.unit.text);
        }
        (texts, node)
    }
}

/// A path on one line, without its `$`.
pub(super) fn path(path: &Path, style: Style) -> String {
    let texts: Vec<String> = units(path, false, style)
        .into_iter()
        .map(|unit| unit.text)
        .collect();
    match texts.concat() {
        text if text.is_empty() => "$".to_owned(),
        text => text.strip_prefix('.').map(str::to_owned).unwrap_or(text),
    }
}

fn units(path: &Path, removed: bool, style: Style) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut before = false;
    for step in &path.0 {
        before |= removed && matches!(step, Step::Index { .. });
        let text = step_text(step, style);
        match (step, units.last_mut()) {
            (Step::Index { .. } | Step::Filter(_), Some(unit)) => {
                unit.text.push_str(&text);
                unit.before = before;
            }
            _ => units.push(Unit { text, before }),
        }
    }
    units
}

fn step_text(step: &Step, style: Style) -> String {
    match step {
        Step::Key(key) if is_word(key) => format!(".{key}"),
        Step::Key(key) => format!("[{}]", escape::quoted(key, style)),
        Step::Index { index, label: None } => format!("[{index}]"),
        Step::Index {
            index,
            label: Some(label),
        } => format!("[{index}: {}]", escape::name(label, style)),
        Step::Filter(predicates) => match predicates.as_slice() {
            [
                Predicate {
                    value: Some(value), ..
                },
            ] => format!("[{}]", scalar(value, style)),
            several => {
                let mut text = "[".to_owned();
                for (i, predicate) in several.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    let key = last_key(predicate, several);
                    let key = escape::name(&key, style);
                    match &predicate.value {
                        None => write!(text, "{comma}no {key}"),
                        Some(value) => write!(text, "{comma}{key}={}", scalar(value, style)),
                    }
                    .expect("a String takes all");
                }
                text + "]"
            }
        },
    }
}

/// The last of a predicate's keys, or all of them where another predicate ends alike.
fn last_key(predicate: &Predicate, all: &[Predicate]) -> String {
    let last = predicate.keys.last();
    let alike = all.iter().filter(|other| other.keys.last() == last).count();
    match last {
        Some(key) if alike == 1 => key.clone(),
        _ => predicate.keys.join("."),
    }
}

fn scalar(value: &Scalar, style: Style) -> String {
    match value {
        Scalar::String(text) => escape::string(text, style),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Bool(value) => value.to_string(),
    }
}

fn is_word(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The units of a chain on as many lines as they need, each deeper than the one before: indentation and text.
///
/// After the last one `tail` columns stay free, where a break before the last unit can provide that.
pub(super) fn place(
    texts: &[&str],
    indent: usize,
    width: usize,
    tail: usize,
) -> Vec<(usize, String)> {
    let placed = pack(texts, indent, width, tail);
    match placed.last() {
        Some((deepest, text)) if deepest + text.width() + tail > width => {
            pack(texts, indent, width, 0)
        }
        _ => placed,
    }
}

fn pack(texts: &[&str], indent: usize, width: usize, tail: usize) -> Vec<(usize, String)> {
    let mut placed: Vec<(usize, String)> = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let tail = if i + 1 == texts.len() { tail } else { 0 };
        match placed.last_mut() {
            None => placed.push((indent, (*text).to_owned())),
            Some((indent, line)) if *indent + line.width() + text.width() + tail <= width => {
                line.push_str(text);
            }
            Some((indent, _)) => {
                let deeper = *indent + 2;
                placed.push((deeper, (*text).to_owned()));
            }
        }
    }
    placed
}
