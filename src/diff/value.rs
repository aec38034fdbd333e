//! The differences between two normalized values, each at the smallest place.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{ChangeKind, align, step::item_step};
use crate::{
    model::{Path, Step},
    normalize::{List, Number, Object, ObjectKind, Value},
};

/// One difference between two values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What happened.
    pub kind: ChangeKind,
    /// Where: on the *before* side for [`ChangeKind::Removed`], else on the *after* side.
    pub path: Path,
    /// Where on the *before* side, if that differs.
    pub before_path: Option<Path>,
    /// The value before; the position, for [`ChangeKind::Moved`].
    pub before: Option<Value>,
    /// The value after; the position, for [`ChangeKind::Moved`].
    pub after: Option<Value>,
}

/// Nodes of a value, by identity.
pub(super) type Nodes = HashSet<*const Value>;

/// How two values are compared.
#[derive(Default)]
pub(super) struct Comparison<'a> {
    /// Nodes to be treated as absent.
    pub(super) ignored: Option<&'a Nodes>,
    /// Nodes at or below which an edit must be; all where there are none.
    pub(super) selected: Option<&'a Nodes>,
    /// Whether names of unknown fields may be spelled in snake or camel case: two printers are compared.
    pub(super) fold_names: bool,
    pub(super) edits: Vec<Edit>,
}

/// Where the comparison stands, on both sides.
#[derive(Clone)]
struct Place {
    before: Path,
    after: Path,
    selected: bool,
}

impl Place {
    fn key(&self, before: &str, after: &str) -> Self {
        self.steps(Step::Key(before.to_owned()), Step::Key(after.to_owned()))
    }

    fn steps(&self, before: Step, after: Step) -> Self {
        Self {
            before: self.before.join(before),
            after: self.after.join(after),
            selected: self.selected,
        }
    }
}

/// The differences between `before` and `after`.
pub fn diff(before: &Value, after: &Value) -> Vec<Edit> {
    let mut comparison = Comparison::default();
    comparison.run(Some(before), Some(after));
    comparison.edits
}

impl Comparison<'_> {
    /// Compares a resource that either side may lack.
    pub(super) fn run(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let place = Place {
            before: Path::root(),
            after: Path::root(),
            selected: self.selected.is_none(),
        };
        self.node(before, after, &place);
    }

    /// Compares a node that either side may lack.
    fn node(&mut self, before: Option<&Value>, after: Option<&Value>, place: &Place) {
        let shown = |value: &&Value| {
            self.ignored
                .is_none_or(|nodes| !nodes.contains(&std::ptr::from_ref(*value)))
        };
        let (before, after) = (before.filter(shown), after.filter(shown));
        let is_selected = |value: Option<&Value>| {
            value.is_some_and(|value| {
                self.selected
                    .is_some_and(|nodes| nodes.contains(&std::ptr::from_ref(value)))
            })
        };
        let mut place = place.clone();
        place.selected |= is_selected(before) || is_selected(after);
        let place = &place;
        match (before, after) {
            (None, None) => {}
            (Some(before), None) => {
                self.edit(ChangeKind::Removed, place, Some(before.clone()), None)
            }
            (None, Some(after)) => self.edit(ChangeKind::Added, place, None, Some(after.clone())),
            (Some(before), Some(after)) if before == after => {}
            (Some(Value::Object(before)), Some(Value::Object(after)))
                if !is_other_any(before, after) =>
            {
                self.objects(before, after, place);
            }
            (Some(Value::List(before)), Some(Value::List(after))) => {
                self.lists(before, after, place);
            }
            (Some(before), Some(after)) => {
                let (before, after) = (Some(before.clone()), Some(after.clone()));
                self.edit(ChangeKind::Changed, place, before, after);
            }
        }
    }

    fn objects(&mut self, before: &Object, after: &Object, place: &Place) {
        let fold = self.fold_names && before.kind != ObjectKind::Plain;
        let name = |key: &str| {
            if fold {
                camel_case(key)
            } else {
                key.to_owned()
            }
        };
        let mut names: BTreeMap<String, [Option<(&str, &Value)>; 2]> = BTreeMap::new();
        for (side, object) in [before, after].into_iter().enumerate() {
            for (key, value) in &object.members {
                names.entry(name(key)).or_default()[side] = Some((key, value));
            }
        }
        for [before, after] in names.into_values() {
            let before_key = before.or(after).map_or("", |(key, _)| key);
            let after_key = after.or(before).map_or("", |(key, _)| key);
            let place = place.key(before_key, after_key);
            self.node(
                before.map(|(_, value)| value),
                after.map(|(_, value)| value),
                &place,
            );
        }
    }

    fn lists(&mut self, before: &List, after: &List, place: &Place) {
        let alignment = align::align(&before.items, &after.items, after.rule);
        for pair in alignment.pairs {
            let place = place.steps(item_step(before, pair.before), item_step(after, pair.after));
            if pair.moved {
                let position = |at: usize| Some(Value::Number(Number::Int(at as i128)));
                self.edit(
                    ChangeKind::Moved,
                    &place,
                    position(pair.before),
                    position(pair.after),
                );
            }
            let (before, after) = (&before.items[pair.before], &after.items[pair.after]);
            self.node(Some(before), Some(after), &place);
        }
        for at in alignment.removed {
            let step = item_step(before, at);
            self.node(
                Some(&before.items[at]),
                None,
                &place.steps(step.clone(), step),
            );
        }
        for at in alignment.added {
            let step = item_step(after, at);
            self.node(
                None,
                Some(&after.items[at]),
                &place.steps(step.clone(), step),
            );
        }
    }

    fn edit(
        &mut self,
        kind: ChangeKind,
        place: &Place,
        before: Option<Value>,
        after: Option<Value>,
    ) {
        if !place.selected {
            return;
        }
        let (path, before_path) = match kind {
            ChangeKind::Removed => (place.before.clone(), None),
            ChangeKind::Added => (place.after.clone(), None),
            ChangeKind::Changed | ChangeKind::Moved => {
                let differs = place.before.to_string() != place.after.to_string();
                (place.after.clone(), differs.then(|| place.before.clone()))
            }
        };
        self.edits.push(Edit {
            kind,
            path,
            before_path,
            before,
            after,
        });
    }
}

/// Whether both are an `Any`, of different types: then nothing inside can be compared.
fn is_other_any(before: &Object, after: &Object) -> bool {
    let is_any = |object: &Object| matches!(object.kind, ObjectKind::Any(_));
    is_any(before) && is_any(after) && before.get("@type") != after.get("@type")
}

/// A field name in lowerCamelCase, as protobuf derives it.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or("").to_owned();
    for word in words {
        let mut chars = word.chars();
        camel.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        camel.push_str(chars.as_str());
    }
    camel
}

/// The nodes of `value` that `query` selects.
pub(super) fn select(value: &Value, query: &str) -> Vec<*const Value> {
    use jsonpath_rust::JsonPath;
    // A query is checked when it is given; one that fails on a value selects nothing of it.
    let found = value.query(query).unwrap_or_default();
    found.into_iter().map(std::ptr::from_ref).collect()
}

impl jsonpath_rust::JsonPath for Value {}

/// The distinct nodes that any of `queries` selects in `value`; which of them selected something is noted in `used`.
pub(super) fn select_all(value: &Value, queries: &[String], used: &mut BTreeSet<usize>) -> Nodes {
    let mut nodes = Nodes::new();
    for (i, query) in queries.iter().enumerate() {
        let found = select(value, query);
        if !found.is_empty() {
            used.insert(i);
        }
        nodes.extend(found);
    }
    nodes
}
