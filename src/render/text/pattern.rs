//! Names of resources that are of one pattern: `outbound|*||ratings.shop.svc.cluster.local`.
//!
//! What one setting does to several of them is the same but for what their names say: a virtual host of the route
//! configuration `9080` ends with `:9080`. Where that part of the name stands, the text has `<port>` instead.

use crate::{
    diff::Change,
    model::{Path, Scalar, Step},
    normalize::Value,
};

/// The parts of a name that other texts repeat.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    /// What each is called, and what it is; not empty.
    parts: Vec<(&'static str, &'a str)>,
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Anything.
    Text(&'t str),
    /// One of the parts, by its position.
    Part(usize),
}

impl<'a> Parts<'a> {
    /// Port, subset and host of an Istio cluster; the port that a route configuration is called by; or all of a name.
    pub(super) fn of(name: &'a str) -> Self {
        let parts = match split(name) {
            Some([_, port, subset, host]) => {
                vec![("<port>", port), ("<subset>", subset), ("<host>", host)]
            }
            None if name.bytes().all(|byte| byte.is_ascii_digit()) => vec![("<port>", name)],
            None => vec![("<name>", name)],
        };
        Self { parts }
    }

    /// How many there are, whether they say something or not.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The part that a whole text is.
    pub(super) fn position(&self, text: &str) -> Option<usize> {
        let mut parts = self.parts.iter();
        parts.position(|(_, part)| !part.is_empty() && *part == text)
    }

    /// The text in pieces: a part of the name stands for itself where it is a word, the longest first.
    pub(super) fn pieces<'t>(&self, text: &'t str) -> Vec<Piece<'t>> {
        let mut pieces = Vec::new();
        let mut start = 0;
        let mut before: Option<char> = None;
        let mut skip_to = 0;
        for (at, c) in text.char_indices() {
            let is_start = before.is_none_or(|c| !c.is_alphanumeric());
            before = Some(c);
            if at < skip_to || !is_start {
                continue;
            }
            let Some(part) = self.at(&text[at..]) else {
                continue;
            };
            if start < at {
                pieces.push(Piece::Text(&text[start..at]));
            }
            pieces.push(Piece::Part(part));
            skip_to = at + self.parts[part].1.len();
            start = skip_to;
        }
        if start < text.len() {
            pieces.push(Piece::Text(&text[start..]));
        }
        pieces
    }

    /// The longest part that `text` begins with, as a word.
    fn at(&self, text: &str) -> Option<usize> {
        let begins = |part: &str| {
            let rest = text.strip_prefix(part).filter(|_| !part.is_empty());
            rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        let parts = self.parts.iter().enumerate();
        let found = parts.filter(|(_, (_, part))| begins(part));
        // Of equals the first.
        found
            .rev()
            .max_by_key(|(_, (_, part))| part.len())
            .map(|(at, _)| at)
    }
}

/// Direction, port, subset and host of a name that Istio makes.
fn split(name: &str) -> Option<[&str; 4]> {
    let mut parts = name.split('|');
    let found = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

/// Several names, and what they have in common.
pub(super) struct Pattern<'a> {
    /// The names, at least one.
    pub(super) names: Vec<&'a str>,
    /// A name with `*` for what differs.
    pub(super) text: String,
    /// What stands for `*`, where that is one part of each name.
    pub(super) varying: Option<Vec<&'a str>>,
    /// Which of the parts differ.
    differs: Vec<bool>,
}

impl<'a> Pattern<'a> {
    /// The pattern of names of resources in which something is the same whatever their names say.
    pub(super) fn of_equal(names: Vec<&'a str>) -> Self {
        Self {
            differs: Vec::new(),
            ..Self::new(names)
        }
    }

    /// The pattern of names that have as many parts.
    pub(super) fn new(names: Vec<&'a str>) -> Self {
        let parts: Vec<Parts<'_>> = names.iter().map(|name| Parts::of(name)).collect();
        let part = |parts: &Parts<'a>, at: usize| parts.parts.get(at).map(|(_, part)| *part);
        let len = parts.iter().map(Parts::len).max().unwrap_or(0);
        let differs = |at: usize| parts.iter().any(|of| part(of, at) != part(&parts[0], at));
        let differs: Vec<bool> = (0..len).map(differs).collect();
        let split: Option<Vec<[&str; 4]>> = names.iter().map(|name| split(name)).collect();
        let (text, varying) = match split {
            Some(split) => {
                let place = |at: usize| {
                    let first = split[0][at];
                    match split.iter().all(|parts| parts[at] == first) {
                        true => first,
                        false => "*",
                    }
                };
                let text = [0, 1, 2, 3].map(place).join("|");
                let varying: Vec<usize> = (0..4)
                    .filter(|at| split.iter().any(|parts| parts[*at] != split[0][*at]))
                    .collect();
                let varying = match varying[..] {
                    [at] => Some(split.iter().map(|parts| parts[at]).collect()),
                    _ => None,
                };
                (text, varying)
            }
            None => ("*".to_owned(), Some(names.clone())),
        };
        Self {
            names,
            text,
            varying,
            differs,
        }
    }

    /// A change of the first of the resources, as it is of all of them.
    pub(super) fn apply(&self, change: &Change) -> Change {
        let parts = Parts::of(&change.resource.name);
        let differs = |at: usize| self.differs.get(at).is_some_and(|differs| *differs);
        let text = |text: &str| -> String {
            let each = parts.pieces(text).into_iter();
            each.map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Part(at) if differs(at) => parts.parts[at].0,
                Piece::Part(at) => parts.parts[at].1,
            })
            .collect()
        };
        let path = |path: &Path| Path(path.0.iter().map(|step| in_step(step, &text)).collect());
        let number = |number: &str| {
            let at = parts.position(number).filter(|at| differs(*at))?;
            Some(parts.parts[at].0)
        };
        let value = |value: &Value| {
            let mut value = value.clone();
            in_value(&mut value, &text, &number);
            value
        };
        Change {
            path: path(&change.path),
            before_path: change.before_path.as_ref().map(path),
            before: change.before.as_ref().map(value),
            after: change.after.as_ref().map(value),
            reason: change.reason.as_deref().map(text),
            ..change.clone()
        }
    }
}

fn in_step(step: &Step, text: &impl Fn(&str) -> String) -> Step {
    match step {
        Step::Key(key) => Step::Key(text(key)),
        Step::Index { index, label } => Step::Index {
            index: *index,
            label: label.as_deref().map(text),
        },
        Step::Filter(predicates) => {
            let mut predicates = predicates.clone();
            for predicate in &mut predicates {
                if let Some(Scalar::String(value)) = &mut predicate.value {
                    *value = text(value);
                }
            }
            Step::Filter(predicates)
        }
    }
}

fn in_value(
    value: &mut Value,
    text: &impl Fn(&str) -> String,
    number: &impl Fn(&str) -> Option<&'static str>,
) {
    match value {
        Value::String(found) => *found = text(found),
        Value::Number(found) => {
            if let Some(part) = number(&found.to_string()) {
                *value = Value::String(part.to_owned());
            }
        }
        Value::List(list) => {
            list.items
                .iter_mut()
                .for_each(|item| in_value(item, text, number));
        }
        Value::Object(object) => {
            let members = object.members.iter_mut();
            members.for_each(|(_, member)| in_value(member, text, number));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[test]
fn the_parts_of_a_name_are_found_where_they_are_words() {
    use Piece::{Part, Text};
    let cluster = "outbound|80|v1|a.shop";
    for (name, text, expected) in [
        ("9080", "a.shop:9080", vec![Text("a.shop:"), Part(0)]),
        ("80", "a.shop:9080", vec![Text("a.shop:9080")]),
        ("80", "8080 80é 80", vec![Text("8080 80é "), Part(0)]),
        (
            cluster,
            "outbound|80|v1|a.shop",
            vec![
                Text("outbound|"),
                Part(0),
                Text("|"),
                Part(1),
                Text("|"),
                Part(2),
            ],
        ),
        (cluster, "a.shops a.shop", vec![Text("a.shops "), Part(2)]),
        (cluster, "", vec![]),
        ("x", "x", vec![Part(0)]),
        // What is empty stands nowhere.
        ("outbound|80||a.shop", "||", vec![Text("||")]),
        ("outbound|80|80|a", "80", vec![Part(0)]),
    ] {
        assert_eq!(Parts::of(name).pieces(text), expected, "{name} {text}");
    }
}

#[test]
fn names_of_a_pattern_have_a_star_where_they_differ() {
    for (names, text, varying) in [
        (&["80", "9080"][..], "*", Some(vec!["80", "9080"])),
        (
            &["80", "outbound|80||a"],
            "*",
            Some(vec!["80", "outbound|80||a"]),
        ),
        (
            &["outbound|80||a", "outbound|80|v1|a"],
            "outbound|80|*|a",
            Some(vec!["", "v1"]),
        ),
        (&["outbound|80||a", "outbound|90||b"], "outbound|*||*", None),
        (
            &["outbound|80||a", "inbound|80||a"],
            "*|80||a",
            Some(vec!["outbound", "inbound"]),
        ),
    ] {
        let pattern = Pattern::new(names.to_vec());
        assert_eq!((pattern.text.as_str(), pattern.varying), (text, varying));
    }
}

#[cfg(test)]
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        failure_persistence: None,
        ..Default::default()
    })]

    /// So two texts are of one pattern only where their names say all that they differ in.
    #[test]
    fn a_text_is_its_pieces_and_the_parts_of_the_name(
        name in "[ab8|é.]{1,9}|[ab]\\|8{0,2}\\|[a8]{0,2}\\|[aé.]{0,3}",
        text in "[ab8|é. :]{0,20}",
    ) {
        let parts = Parts::of(&name);
        let each = parts.pieces(&text).into_iter();
        let again: String = each
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Part(at) => parts.parts[at].1,
            })
            .collect();
        proptest::prop_assert_eq!(again, text);
    }
}
