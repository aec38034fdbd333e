//! Values of which something stands in the place of secrets: which of them are known to be equal or to differ, and
//! which cannot be compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, Mode};
use crate::{
    model::Fingerprint,
    normalize::{Mark, Object, ObjectKind, Redacted, Value},
};

/// What is known of two values, of which at least one is redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are equal, in whichever spelling.
    Same,
    /// They differ.
    Differ,
    /// Nothing.
    NotCompared(Cause, String),
}

/// What `value` holds in the place of secrets. Istiod against Envoy, that is said of data sources: Envoy prints the variant
/// that it was sent, and istiod always `inline_bytes`.
pub(super) fn redacted(value: &Value, mode: Mode) -> Option<Redacted> {
    match value {
        Value::String(text) => Redacted::of(text),
        Value::Object(object) if mode == Mode::Sync => Redacted::of(source(object)?.1),
        _ => None,
    }
}

/// The variant of a data source, and what it holds.
fn source(object: &Object) -> Option<(&str, &str)> {
    match (object.kind, &object.members[..]) {
        (ObjectKind::Message(message), [(name, Value::String(text))]) => {
            let is_source = message.name() == "envoy.config.core.v3.DataSource";
            is_source.then_some((name, text))
        }
        _ => None,
    }
}

/// What is known of two values; `None` where neither is redacted, or they are to be compared inside.
pub(super) fn judge(before: &Value, after: &Value, mode: Mode) -> Option<Verdict> {
    match (redacted(before, mode), redacted(after, mode)) {
        (None, None) => None,
        (Some(before), Some(after)) => Some(both(&before, &after, mode)),
        (Some(redacted), None) => one(&redacted, after, mode),
        (None, Some(redacted)) => one(&redacted, before, mode),
    }
}

fn both(before: &Redacted, after: &Redacted, mode: Mode) -> Verdict {
    let is_whole = [before, after].map(|side| side.whole().is_some());
    let is_spelled_alike =
        is_whole == [true; 2] || mode == Mode::Sync || before.in_base64 == after.in_base64;
    if is_spelled_alike && before.pieces == after.pieces {
        let mut unknown = Unknown::default();
        for pair in before.marks.iter().zip(&after.marks) {
            match pair {
                (Mark::Token(old), Mark::Token(new)) if old.key == new.key => {
                    if old.tag != new.tag {
                        return Verdict::Differ;
                    }
                }
                (old, new) => {
                    unknown.add_to(0, *old);
                    unknown.add_to(1, *new);
                }
            }
        }
        return match unknown {
            Unknown {
                bare: [false, false],
                keys,
            } if keys.is_empty() => Verdict::Same,
            unknown => unknown.verdict(mode),
        };
    }
    let mut unknown = Unknown::default();
    before
        .marks
        .iter()
        .for_each(|mark| unknown.add_to(0, *mark));
    after.marks.iter().for_each(|mark| unknown.add_to(1, *mark));
    // One may have been taken out in whole and the other in part, by other rules.
    match is_whole.contains(&true) && !unknown.is_one_key() {
        true => unknown.verdict(mode),
        false => Verdict::Differ,
    }
}

/// A redacted value against `other`, which is in clear.
fn one(redacted: &Redacted, other: &Value, mode: Mode) -> Option<Verdict> {
    let whole = redacted.whole();
    let is_possible = match other {
        // No token stands for nothing; Envoy hides even that.
        Value::String(text) if text.is_empty() => whole == Some(Mark::Bare),
        Value::String(text) => redacted.fits(text),
        Value::Bool(_) | Value::Number(_) => whole.is_some(),
        Value::Null => false,
        // One of two printers may tell what the other does not.
        Value::Object(_) | Value::List(_) if mode == Mode::Sync => whole.is_some(),
        Value::Object(_) | Value::List(_) => false,
    };
    is_possible.then(|| {
        let cause = match (mode, redacted.has_bare()) {
            (Mode::Sync, true) => Cause::Inherent,
            _ => Cause::Missing,
        };
        let reason = "the value is redacted on one side";
        Verdict::NotCompared(cause, reason.to_owned())
    })
}

/// The members of two objects, by the name under which they may be one.
pub(super) type Names<'v> = BTreeMap<String, [Vec<(&'v str, &'v Value)>; 2]>;

/// Names of members that are not compared, and why.
type HiddenNames = (BTreeSet<String>, Cause, String);

/// Of the members of two objects, the names of those that cannot be paired, as the names stand for secrets that may be
/// one or not; and why. Where the names are data, what stands for one may be any name that the other side has.
pub(super) fn hidden_names(names: &Names<'_>, are_data: bool, mode: Mode) -> Vec<HiddenNames> {
    const SUBJECT: &str = "the names of some members are";
    type Group<'n> = [Vec<(&'n String, Redacted)>; 2];
    // By what is around the marks.
    let mut alike: BTreeMap<Vec<String>, Group<'_>> = BTreeMap::new();
    let mut clear = [Vec::new(), Vec::new()];
    let mut has_marks = [false; 2];
    for (name, sides) in names {
        let is_on = [0, 1].map(|side| !sides[side].is_empty());
        let is_paired = is_on == [true; 2];
        match Redacted::of(name) {
            Some(redacted) => {
                has_marks[0] |= is_on[0];
                has_marks[1] |= is_on[1];
                if !is_paired || redacted.has_bare() {
                    let group = alike.entry(redacted.pieces.clone()).or_default();
                    for side in (0..2).filter(|side| is_on[*side]) {
                        group[side].push((name, redacted.clone()));
                    }
                }
            }
            None if !is_paired => clear[usize::from(is_on[1])].push(name),
            None => {}
        }
    }
    let mut found = Vec::new();
    let mut hidden = BTreeSet::new();
    let mut unknown = Unknown::default();
    for group in alike.values() {
        let mut of_group = Unknown::default();
        for (side, members) in group.iter().enumerate() {
            let marks = members.iter().flat_map(|(_, redacted)| &redacted.marks);
            marks.for_each(|mark| of_group.add_to(side, *mark));
        }
        if group.iter().all(|side| !side.is_empty()) && !of_group.is_one_key() {
            unknown.add_all(&of_group);
            hidden.extend(group.iter().flatten().map(|(name, _)| (*name).clone()));
        }
    }
    if !hidden.is_empty() {
        let (cause, reason) = unknown.told(SUBJECT, mode);
        found.push((hidden, cause, reason));
    }
    let whole = vec![String::new(); 2];
    for (side, clear) in [(0, &clear[1]), (1, &clear[0])] {
        let redacted = alike.get(&whole).map_or(&[][..], |group| &group[side]);
        if are_data && !has_marks[1 - side] && !redacted.is_empty() && !clear.is_empty() {
            let redacted = redacted.iter().map(|(name, _)| *name);
            let hidden = redacted.chain(clear.iter().copied()).cloned().collect();
            let reason = format!("{SUBJECT} redacted on one side");
            found.push((hidden, Cause::Missing, reason));
        }
    }
    found
}

/// What stands on both sides for values that cannot be told apart.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    bare: [bool; 2],
    /// The keys of the tokens, in the order in which they come.
    keys: Vec<Fingerprint>,
}

impl Unknown {
    pub(super) fn add_to(&mut self, side: usize, mark: Mark) {
        match mark {
            Mark::Bare => self.bare[side] = true,
            Mark::Token(token) => self.add_key(token.key),
        }
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        for (bare, more) in self.bare.iter_mut().zip(other.bare) {
            *bare |= more;
        }
        for key in &other.keys {
            self.add_key(*key);
        }
    }

    fn add_key(&mut self, key: Fingerprint) {
        // More than these are not worth the words.
        if self.keys.len() < 3 && !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }

    /// Whether all of it are tokens of one key, so that they tell their secrets apart.
    pub(super) fn is_one_key(&self) -> bool {
        self.keys.len() == 1 && self.bare == [false; 2]
    }

    fn verdict(&self, mode: Mode) -> Verdict {
        let (cause, reason) = self.told("the value is", mode);
        Verdict::NotCompared(cause, reason)
    }

    /// Why they are not compared: of what is called `subject`.
    pub(super) fn told(&self, subject: &str, mode: Mode) -> (Cause, String) {
        match &self.keys[..] {
            [] => (
                Cause::Inherent,
                format!("{subject} redacted on both sides: a rotation would not show"),
            ),
            [_] => {
                let cause = match mode {
                    Mode::Sync => Cause::Inherent,
                    Mode::Change => Cause::Missing,
                };
                let reason = format!(
                    "{subject} redacted on both sides, on one without a key, as Envoy and istiod do it"
                );
                (cause, reason)
            }
            [first, .., last] => {
                let remedy = "capture both with one key: --redaction-key-file";
                let reason =
                    format!("{subject} redacted under two keys ({first}, {last}): {remedy}");
                (Cause::Missing, reason)
            }
        }
    }
}

/// What stands for secrets in some values, in short.
#[derive(Debug, Default)]
pub(super) struct Marks {
    has_bare: bool,
    keys: BTreeSet<Fingerprint>,
}

impl Marks {
    /// Adds what `value` holds, and the names in it.
    pub(super) fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add_text(text),
            Value::Object(object) => {
                for (key, member) in &object.members {
                    self.add_text(key);
                    self.add(member);
                }
            }
            Value::List(list) => list.items.iter().for_each(|item| self.add(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        for mark in Redacted::of(text).into_iter().flat_map(|found| found.marks) {
            match mark {
                Mark::Bare => self.has_bare = true,
                Mark::Token(token) => {
                    self.keys.insert(token.key);
                }
            }
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.has_bare
    }

    /// Whether some have no token.
    pub(super) fn has_bare(&self) -> bool {
        self.has_bare
    }

    /// Whether some tell nothing of whether they are others: then none tells one value from another.
    pub(super) fn are_alike(&self) -> bool {
        self.keys.len() > 1 || (self.has_bare && !self.keys.is_empty())
    }
}

/// Whether `value` holds a secret without a token, in names or values.
pub(super) fn holds_bare(value: &Value) -> bool {
    let is_bare = |text: &str| Redacted::of(text).is_some_and(|found| found.has_bare());
    match value {
        Value::String(text) => is_bare(text),
        Value::Object(object) => {
            let mut members = object.members.iter();
            members.any(|(key, member)| is_bare(key) || holds_bare(member))
        }
        Value::List(list) => list.items.iter().any(holds_bare),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
