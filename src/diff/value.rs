//! The differences between two normalized values, each at the smallest place.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{ChangeKind, Pairing, align, step::Steps};
use crate::{
    model::{Path, Step},
    normalize::{Key, List, Number, Object, ObjectKind, Value},
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
    /// The default of a field that one side lacks, if it needs not be written.
    pub default: Option<Value>,
    /// Whether the node is in something of which no schema is known.
    pub no_schema: bool,
    /// How the items of the lists on the way were paired, from the root.
    pub pairings: Vec<Pairing>,
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
    /// Tells the values of which it is known that they are there, but not what they are.
    pub(super) is_opaque: Option<&'a dyn Fn(&Value) -> bool>,
    pub(super) edits: Vec<Edit>,
    /// Nodes that both sides have and that cannot be compared, and why.
    pub(super) not_compared: Vec<(Path, &'static str)>,
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
        let Some(place) = self.enter(before, after, place) else {
            return;
        };
        let place = &place;
        match (before, after) {
            (None, None) => {}
            (Some(before), None) => {
                self.edit(ChangeKind::Removed, place, Some(before.clone()), None);
            }
            (None, Some(after)) => self.edit(ChangeKind::Added, place, None, Some(after.clone())),
            (Some(before), Some(after)) if before == after => {}
            (Some(before), Some(after)) if self.are_opaque(before, after) => {
                self.not_compared
                    .push((place.after.clone(), "the value is redacted"));
            }
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

    /// The place with what the queries say of the node there; `None` where it is left out.
    fn enter(&self, before: Option<&Value>, after: Option<&Value>, place: &Place) -> Option<Place> {
        let is_in = |nodes: Option<&Nodes>| {
            let mut values = before.into_iter().chain(after);
            nodes
                .is_some_and(|nodes| values.any(|value| nodes.contains(&std::ptr::from_ref(value))))
        };
        if is_in(self.ignored) {
            return None;
        }
        let mut place = place.clone();
        place.selected |= is_in(self.selected);
        Some(place)
    }

    fn are_opaque(&self, before: &Value, after: &Value) -> bool {
        self.is_opaque
            .is_some_and(|is_opaque| is_opaque(before) && is_opaque(after))
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
        let mut names: BTreeMap<String, [Vec<(&str, &Value)>; 2]> = BTreeMap::new();
        for (side, object) in [before, after].into_iter().enumerate() {
            for (key, value) in &object.members {
                names.entry(name(key)).or_default()[side].push((key, value));
            }
        }
        for [before, after] in names.into_values() {
            let key = |first: &[(&str, &Value)], second: &[(&str, &Value)]| {
                first
                    .first()
                    .or(second.first())
                    .map_or(String::new(), |(key, _)| (*key).to_owned())
            };
            let place = place.key(&key(&before, &after), &key(&after, &before));
            match (&before[..], &after[..]) {
                ([_, _, ..], _) | (_, [_, _, ..]) => {
                    let reason = "two names differ only in their spelling";
                    self.not_compared.push((place.after, reason));
                }
                (before, after) => {
                    let [before, after] =
                        [before, after].map(|side| side.first().map(|found| found.1));
                    self.node(before, after, &place);
                }
            }
        }
    }

    fn lists(&mut self, before: &List, after: &List, place: &Place) {
        let alignment = match self.fold_names && !after.rule.ordered {
            // An item whose unknown fields are spelled otherwise is the same item.
            true => {
                let folded = |list: &List| list.items.iter().map(folded).collect::<Vec<_>>();
                align::align(&folded(before), &folded(after), after.rule)
            }
            false => align::align(&before.items, &after.items, after.rule),
        };
        let (steps_before, steps_after) = (Steps::new(before), Steps::new(after));
        let order_counts = !(self.fold_names && is_headers(before) && is_headers(after));
        for pair in alignment.pairs {
            let (old, new) = (&before.items[pair.before], &after.items[pair.after]);
            let moved = pair.moved && order_counts;
            if !moved && old == new {
                continue;
            }
            let place = place.steps(steps_before.to(pair.before), steps_after.to(pair.after));
            if let (true, Some(place)) = (moved, self.enter(Some(old), Some(new), &place)) {
                let position = |at: usize| Some(Value::Number(Number::Int(at as i128)));
                self.edit(
                    ChangeKind::Moved,
                    &place,
                    position(pair.before),
                    position(pair.after),
                );
            }
            self.node(Some(old), Some(new), &place);
        }
        for at in alignment.removed {
            let step = steps_before.to(at);
            self.node(
                Some(&before.items[at]),
                None,
                &place.steps(step.clone(), step),
            );
        }
        for at in alignment.added {
            let step = steps_after.to(at);
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
            default: None,
            no_schema: false,
            pairings: Vec::new(),
        });
    }
}

/// Whether these are headers to be added, each once: Envoy formats all their values before it adds the first, so between
/// istiod and Envoy the order of different headers means nothing.
fn is_headers(list: &List) -> bool {
    let mut names = HashSet::new();
    list.items.iter().all(|item| match item.kind() {
        ObjectKind::Message(message) => {
            let name = item.at(&["header", "key"]).and_then(Value::as_str);
            message.name() == "envoy.config.core.v3.HeaderValueOption"
                && names.insert(name.map(str::to_ascii_lowercase))
        }
        _ => false,
    })
}

/// Whether both are an `Any`, of different types: then nothing inside can be compared.
fn is_other_any(before: &Object, after: &Object) -> bool {
    let is_any = |object: &Object| matches!(object.kind, ObjectKind::Any(_));
    is_any(before) && is_any(after) && before.get("@type") != after.get("@type")
}

/// `value` with the names of all fields in lowerCamelCase; those of maps and Structs are data and stay.
fn folded(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let fold = object.kind != ObjectKind::Plain;
            let name = |key: &Key| {
                if fold {
                    camel_case(key).into()
                } else {
                    key.clone()
                }
            };
            let members = object
                .members
                .iter()
                .map(|(key, value)| (name(key), folded(value)));
            let mut members: Vec<_> = members.collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(Object {
                members,
                kind: object.kind,
            })
        }
        Value::List(list) => Value::List(List {
            items: list.items.iter().map(folded).collect(),
            rule: list.rule,
        }),
        scalar => scalar.clone(),
    }
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
