//! A path to one node of a resource: an RFC 9535 query that selects exactly that node.

use std::fmt::{self, Write};

/// A path from a resource (`$`) to one of its nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<Step>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A member of an object.
    Key(String),
    /// An item of a list, by its 0-based position; `label` tells a person which one it is (a host's address).
    Index {
        /// The position.
        index: usize,
        /// What to call the item in text; not part of the query.
        label: Option<String>,
    },
    /// The one item of a list for which every predicate holds.
    Filter(Vec<Predicate>),
}

/// A condition on one scalar of a list item: `@.header.key=='x'`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Predicate {
    /// The members to go through, from the item.
    pub keys: Vec<String>,
    /// What is found there; `None` where the item has no such member.
    pub value: Option<Scalar>,
}

/// A value that a predicate can compare with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scalar {
    /// A string.
    String(String),
    /// An integer whose magnitude is at most 2^53, so that every JSON reader sees the same number.
    Integer(i64),
    /// A boolean.
    Bool(bool),
}

impl Path {
    /// The path of the resource itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// This path with one more step.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::Key(key) => write_key(f, key)?,
                Step::Index { index, .. } => write!(f, "[{index}]")?,
                Step::Filter(predicates) => {
                    f.write_str("[?")?;
                    for (i, predicate) in predicates.iter().enumerate() {
                        if i > 0 {
                            f.write_str(" && ")?;
                        }
                        write_predicate(f, predicate)?;
                    }
                    f.write_str("]")?;
                }
            }
        }
        Ok(())
    }
}

fn write_predicate(f: &mut fmt::Formatter<'_>, predicate: &Predicate) -> fmt::Result {
    if predicate.value.is_none() {
        f.write_str("!")?;
    }
    f.write_str("@")?;
    for key in &predicate.keys {
        write_key(f, key)?;
    }
    match &predicate.value {
        None => Ok(()),
        Some(Scalar::String(text)) => {
            f.write_str("==")?;
            write_quoted(f, text)
        }
        Some(Scalar::Integer(number)) => write!(f, "=={number}"),
        Some(Scalar::Bool(value)) => write!(f, "=={value}"),
    }
}

/// Writes `.key` where the shorthand of RFC 9535 §2.5.1.2 allows it, else `['key']`.
fn write_key(f: &mut fmt::Formatter<'_>, key: &str) -> fmt::Result {
    let mut chars = key.chars();
    let first = chars.next();
    if first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        return write!(f, ".{key}");
    }
    f.write_str("[")?;
    write_quoted(f, key)?;
    f.write_str("]")
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('\'')?;
    for c in text.chars() {
        match c {
            '\'' => f.write_str("\\'")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if (c as u32) < 0x20 || c == '\u{7f}' => write!(f, "\\u{:04x}", c as u32)?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('\'')
}

#[test]
fn a_path_prints_as_an_rfc_9535_query() {
    let name = |value: &str| {
        Step::Filter(vec![Predicate {
            keys: vec!["name".into()],
            value: Some(Scalar::String(value.into())),
        }])
    };
    for (steps, expected) in [
        (vec![], "$"),
        (
            vec![Step::Key("virtual_hosts".into()), name("a'b\\c")],
            r"$.virtual_hosts[?@.name=='a\'b\\c']",
        ),
        (vec![Step::Key("istio.io/x".into())], "$['istio.io/x']"),
        (
            vec![
                Step::Key("routes".into()),
                Step::Index {
                    index: 3,
                    label: Some("/x".into()),
                },
            ],
            "$.routes[3]",
        ),
        (
            vec![Step::Filter(vec![
                Predicate {
                    keys: vec!["header".into(), "key".into()],
                    value: Some(Scalar::String("x".into())),
                },
                Predicate {
                    keys: vec!["state".into()],
                    value: None,
                },
                Predicate {
                    keys: vec!["port_value".into()],
                    value: Some(Scalar::Integer(80)),
                },
            ])],
            "$[?@.header.key=='x' && !@.state && @.port_value==80]",
        ),
    ] {
        assert_eq!(Path(steps).to_string(), expected);
    }
}
