//! How a path names an item of a list: by its keys where they are unique, else by its position.

use std::{cell::OnceCell, collections::HashMap};

use crate::{
    model::{Predicate, Scalar, Step},
    normalize::{KeyValue, List, Number, Value, identity},
    xds::{ListRule, MatchBy},
};

/// The steps to the items of one list.
pub(super) struct Steps<'a> {
    list: &'a List,
    /// How many items make the same predicates; counted when it is first asked for.
    counts: OnceCell<HashMap<Vec<Predicate>, usize>>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(list: &'a List) -> Self {
        Self {
            list,
            counts: OnceCell::new(),
        }
    }

    /// What the list's order means, and what identifies its items.
    pub(super) fn rule(&self) -> &'static ListRule {
        self.list.rule
    }

    /// The step to the item at `index`.
    pub(super) fn to(&self, index: usize) -> Step {
        let item = &self.list.items[index];
        match predicates(self.list, item) {
            // An item that is only known by what it lacks reads better by its position.
            Some(predicates)
                if predicates.iter().any(|predicate| predicate.value.is_some())
                    && self.is_unique(&predicates) =>
            {
                Step::Filter(predicates)
            }
            _ => Step::Index {
                index,
                label: label(self.list, item),
            },
        }
    }

    fn is_unique(&self, wanted: &Vec<Predicate>) -> bool {
        let counts = self.counts.get_or_init(|| {
            let mut counts = HashMap::new();
            for item in &self.list.items {
                if let Some(predicates) = predicates(self.list, item) {
                    *counts.entry(predicates).or_default() += 1;
                }
            }
            counts
        });
        counts.get(wanted) == Some(&1)
    }
}

/// The conditions that the item's keys make, if they are scalars.
fn predicates(list: &List, item: &Value) -> Option<Vec<Predicate>> {
    let keys = match list.rule.match_by {
        MatchBy::Composite => list.rule.keys,
        MatchBy::Fallback => list.rule.keys.get(..1)?,
        MatchBy::Either => {
            let set = list
                .rule
                .keys
                .iter()
                .position(|key| at(item, key).is_some())?;
            // That the keys before it are absent is part of what tells the item from one that has them.
            &list.rule.keys[..=set]
        }
    };
    if keys.is_empty() || keys.iter().any(|key| key.contains('<')) {
        return None;
    }
    keys.iter()
        .map(|key| {
            let value = match at(item, key) {
                None => None,
                Some(value) => Some(scalar(value)?),
            };
            Some(Predicate {
                keys: key.split('.').map(str::to_owned).collect(),
                value,
            })
        })
        .collect()
}

fn at<'a>(item: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(item, |value, name| value.get(name))
}

/// The longest text that a predicate compares with, in bytes: it stands in the path of every change in the item, which
/// its position names as well.
const MAX_KEY: usize = 1024;

/// The value in the form that a predicate can compare with; JSONPath readers differ on larger integers.
fn scalar(value: &Value) -> Option<Scalar> {
    const EXACT: i128 = 1 << 53;
    match value {
        Value::String(text) if text.len() > MAX_KEY => None,
        Value::String(text) => Some(Scalar::String(text.clone())),
        Value::Bool(value) => Some(Scalar::Bool(*value)),
        Value::Number(Number::Int(value)) if value.abs() <= EXACT => {
            i64::try_from(*value).ok().map(Scalar::Integer)
        }
        _ => None,
    }
}

/// The longest label, in characters.
const MAX_LABEL: usize = 80;

/// What to call an item whose keys make no predicate: the scalars in its keys.
fn label(list: &List, item: &Value) -> Option<String> {
    let mut words = Vec::new();
    // A name says more than a message, and a label may be cut at its end.
    let mut keys = identity(item, list.rule);
    keys.sort_by_key(|key| matches!(key, KeyValue::Value(Value::Object(_) | Value::List(_))));
    for key in keys {
        match key {
            KeyValue::Value(value) => leaves(value, &mut words),
            KeyValue::Member(name) => words.push(name.to_owned()),
            KeyValue::Absent => {}
        }
    }
    if list.rule.keys.is_empty() {
        match item {
            Value::Object(_) | Value::List(_) | Value::Null => {}
            scalar => leaves(scalar, &mut words),
        }
    }
    let label = words.join(" ");
    match label.char_indices().nth(MAX_LABEL) {
        _ if label.is_empty() => None,
        Some((end, _)) => Some(format!("{}…", &label[..end])),
        None => Some(label),
    }
}

fn leaves(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let (Some(address), Some(port)) = (object.get("address"), object.get("port_value"))
                && let (Value::String(address), Value::Number(Number::Int(port))) = (address, port)
            {
                return words.push(format!("{address}:{port}"));
            }
            for (key, member) in &object.members {
                if key != "@type" {
                    leaves(member, words);
                }
            }
        }
        Value::List(list) => list.items.iter().for_each(|item| leaves(item, words)),
        Value::String(text) => words.push(text.clone()),
        Value::Bool(value) => words.push(value.to_string()),
        Value::Number(Number::Int(value)) => words.push(value.to_string()),
        Value::Number(Number::Float(value)) => words.push(value.to_string()),
        Value::Number(Number::Big(digits)) => words.push(digits.to_string()),
        Value::Null => {}
    }
}

#[test]
fn a_number_that_readers_round_names_no_item() {
    use crate::normalize::{Object, ObjectKind};
    static BY_PORT: ListRule = ListRule {
        ordered: false,
        match_by: MatchBy::Composite,
        keys: &["port"],
    };
    for (port, expected) in [
        (80, "$[?@.port==80]"),
        (-(1 << 53), "$[?@.port==-9007199254740992]"),
        ((1 << 53) + 1, "$[0]"),
        (i128::MAX, "$[0]"),
    ] {
        let item = Value::Object(Object {
            members: vec![("port".into(), Value::Number(Number::Int(port)))],
            kind: ObjectKind::Plain,
        });
        let list = List {
            items: vec![item],
            rule: &BY_PORT,
        };
        let path = crate::model::Path(vec![Steps::new(&list).to(0)]);
        assert_eq!(path.to_string(), expected);
    }
}

#[test]
fn a_text_that_no_name_is_as_long_as_names_no_item() {
    use crate::normalize::{Object, ObjectKind};
    static BY_NAME: ListRule = ListRule {
        ordered: false,
        match_by: MatchBy::Composite,
        keys: &["name"],
    };
    for (length, is_name) in [(MAX_KEY, true), (MAX_KEY + 1, false)] {
        let name = Value::String("x".repeat(length));
        let list = List {
            items: vec![Value::Object(Object {
                members: vec![("name".into(), name)],
                kind: ObjectKind::Plain,
            })],
            rule: &BY_NAME,
        };
        let path = crate::model::Path(vec![Steps::new(&list).to(0)]).to_string();
        assert_eq!(path.starts_with("$[?@.name=="), is_name, "{path}");
        assert_eq!(path == "$[0]", !is_name, "{path}");
    }
}

#[test]
fn an_item_named_by_its_second_key_is_not_one_that_has_the_first_too() {
    use crate::normalize::{Object, ObjectKind};
    static EITHER: ListRule = ListRule {
        ordered: false,
        match_by: MatchBy::Either,
        keys: &["cluster", "header"],
    };
    let item = |members: &[&'static str]| {
        let member = |name: &&'static str| ((*name).into(), Value::String("x".to_owned()));
        Value::Object(Object {
            members: members.iter().map(member).collect(),
            kind: ObjectKind::Plain,
        })
    };
    let list = List {
        items: vec![item(&["header"]), item(&["cluster", "header"])],
        rule: &EITHER,
    };
    let steps = Steps::new(&list);
    let paths = [0, 1].map(|index| crate::model::Path(vec![steps.to(index)]).to_string());
    assert_eq!(
        paths,
        ["$[?!@.cluster && @.header=='x']", "$[?@.cluster=='x']"]
    );
}
