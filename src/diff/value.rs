//! The differences between two normalized values, each at the smallest place.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    Cause, ChangeKind, Mode, PairedBy, Pairing,
    align::{self, Alignment, Items, Pair},
    rules::HEADER_ORDER,
    secret::{self, Marks, Names, Verdict, hidden_names},
    step::Steps,
};
use crate::{
    model::{Path, Scope, Step},
    normalize::{Key, List, Mark, Number, Object, ObjectKind, Redacted, Value},
    xds::{Field, Kind, Special},
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
    /// Whether headers to be added may stand in any order.
    pub(super) any_header_order: bool,
    /// How what stands in the place of secrets is read; as any other text where there is none.
    pub(super) secrets: Option<Mode>,
    /// Whether anything on either side stands in the place of a secret.
    pub(super) has_marks: bool,
    /// Whether both sides hold some of which nothing tells if they are equal: they are looked for in what is, too.
    pub(super) seek_bare: bool,
    /// Nodes that are live state: an item is the same one with another state.
    pub(super) live: Option<&'a Nodes>,
    pub(super) edits: Vec<Edit>,
    /// How many fields, of both sides, are spelled otherwise on the other side.
    pub(super) folded: usize,
    /// How many headers stand at another place.
    pub(super) reordered: usize,
    /// Nodes that both sides have and that cannot be compared, and why.
    pub(super) not_compared: Vec<(Path, Cause, String)>,
}

/// Where the comparison stands: a step from the place above. Paths are made of it only for what differs.
#[derive(Clone, Copy)]
struct Place<'p> {
    above: Option<&'p Self>,
    step: At<'p>,
    selected: bool,
    /// The field that the node is, where it is a single value of a known message.
    field: Option<&'static Field>,
    /// Whether the node is in something of which no schema is known.
    no_schema: bool,
}

/// The last step to a place, on both sides.
#[derive(Clone, Copy)]
enum At<'p> {
    Root,
    Member([&'p str; 2]),
    Item {
        lists: [&'p Steps<'p>; 2],
        positions: [Option<usize>; 2],
        by: Option<PairedBy>,
    },
}

/// The two sides, as indices.
const BEFORE: usize = 0;
const AFTER: usize = 1;

impl<'p> Place<'p> {
    fn below(&'p self, step: At<'p>) -> Self {
        Self {
            above: Some(self),
            step,
            selected: self.selected,
            field: None,
            no_schema: self.no_schema,
        }
    }

    /// Takes in what the schema says of a place that is the member `name` of the objects `before` and `after`.
    fn enter_field(&mut self, name: &str, before: &Object, after: &Object) {
        let fields = [before, after].map(|object| match object.kind {
            ObjectKind::Message(message) => Some(message.field(name)),
            ObjectKind::Any(Some(message)) if name != "@type" => match message.special() {
                Special::No | Special::TypedStruct => Some(message.field(name)),
                _ => None,
            },
            _ => None,
        });
        self.no_schema |= fields.iter().any(|found| matches!(found, Some(None)));
        self.field = match fields {
            [Some(field), Some(_)] => field.filter(|field| !field.is_repeated() && !field.is_map()),
            _ => None,
        };
    }

    /// Whether `value` is one that the enum in this place does not have.
    fn is_unknown(&self, value: &Value) -> bool {
        match (value, self.field.map(Field::kind)) {
            (Value::Number(_), Some(Kind::Enum(_))) => true,
            (Value::String(name), Some(Kind::Enum(names))) => names.number(name).is_none(),
            _ => false,
        }
    }

    /// The places on the way from the root, this one included.
    fn way(&self) -> Vec<&Self> {
        let mut way: Vec<&Self> = std::iter::successors(Some(self), |place| place.above).collect();
        way.reverse();
        way
    }

    /// The path on one side; where that lacks the last item, as the other has it.
    fn path(&self, side: usize) -> Path {
        let step = |place: &Self| match place.step {
            At::Root => None,
            At::Member(names) => Some(Step::Key(names[side].to_owned())),
            At::Item {
                lists, positions, ..
            } => {
                let side = if positions[side].is_some() {
                    side
                } else {
                    1 - side
                };
                positions[side].map(|position| lists[side].to(position))
            }
        };
        Path(self.way().into_iter().filter_map(step).collect())
    }

    /// How the items on the way were paired.
    fn pairings(&self) -> Vec<Pairing> {
        let mut field = "";
        let mut pairings = Vec::new();
        for place in self.way() {
            match place.step {
                At::Root => {}
                At::Member(names) => field = names[AFTER],
                At::Item { lists, by, .. } => pairings.push(Pairing {
                    list: field.to_owned(),
                    rule: lists[AFTER].rule(),
                    by,
                }),
            }
        }
        pairings
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
        if self.secrets.is_some() {
            let marks = [before, after].map(|side| {
                let mut marks = Marks::default();
                side.into_iter().for_each(|value| marks.add(value));
                marks
            });
            self.has_marks = !marks.iter().all(Marks::is_empty);
            self.seek_bare = marks.iter().all(Marks::has_bare);
        }
        let place = Place {
            above: None,
            step: At::Root,
            selected: self.selected.is_none(),
            field: None,
            no_schema: false,
        };
        self.node(before, after, &place);
    }

    /// Compares a node that either side may lack.
    fn node(&mut self, before: Option<&Value>, after: Option<&Value>, place: &Place<'_>) {
        let Some(place) = self.enter(before, after, place) else {
            return;
        };
        let mut place = place;
        let sides = [before, after].into_iter().flatten();
        place.no_schema |= sides.filter_map(Value::as_object).any(is_unknown);
        let place = &place;
        match (before, after) {
            (None, None) => {}
            (Some(before), None) => {
                self.edit(ChangeKind::Removed, place, Some(before.clone()), None);
            }
            (None, Some(after)) => self.edit(ChangeKind::Added, place, None, Some(after.clone())),
            (Some(before), Some(after)) if before == after && !self.hides(after) => {}
            (Some(before), Some(after)) => match self.judge(before, after) {
                Some(Verdict::Same) => {}
                Some(Verdict::NotCompared(cause, reason)) => {
                    if place.selected {
                        self.not_compared.push((place.path(AFTER), cause, reason));
                    }
                }
                // Of a data source that is spelled otherwise, the variant is no difference.
                Some(Verdict::Differ) if !have_same_names(before, after) => {
                    let (before, after) = (Some(before.clone()), Some(after.clone()));
                    self.edit(ChangeKind::Changed, place, before, after);
                }
                Some(Verdict::Differ) | None => self.inside(before, after, place),
            },
        }
    }

    /// Compares two values of which nothing is known but what they hold.
    fn inside(&mut self, before: &Value, after: &Value, place: &Place<'_>) {
        match (before, after) {
            (Value::Object(before), Value::Object(after)) if !is_other_any(before, after) => {
                self.objects(before, after, place);
            }
            (Value::List(before), Value::List(after)) => self.lists(before, after, place),
            (before, after) => {
                let (before, after) = (Some(before.clone()), Some(after.clone()));
                self.edit(ChangeKind::Changed, place, before, after);
            }
        }
    }

    /// The place with what the queries say of the node there; `None` where it is left out.
    fn enter<'p>(
        &self,
        before: Option<&Value>,
        after: Option<&Value>,
        place: &Place<'p>,
    ) -> Option<Place<'p>> {
        let is_in = |nodes: Option<&Nodes>| {
            let mut values = before.into_iter().chain(after);
            nodes
                .is_some_and(|nodes| values.any(|value| nodes.contains(&std::ptr::from_ref(value))))
        };
        if is_in(self.ignored) {
            return None;
        }
        Some(Place {
            selected: place.selected || is_in(self.selected),
            ..*place
        })
    }

    /// What is known of two values of which one, at least, is redacted.
    fn judge(&self, before: &Value, after: &Value) -> Option<Verdict> {
        let mode = self.secrets.filter(|_| self.has_marks)?;
        secret::judge(before, after, mode)
    }

    /// Whether something in `value`, which both sides have, is not to be seen.
    fn hides(&self, value: &Value) -> bool {
        self.seek_bare && secret::holds_bare(value)
    }

    fn objects(&mut self, old: &Object, new: &Object, place: &Place<'_>) {
        let fold = self.fold_names && old.kind != ObjectKind::Plain;
        let name = |key: &str| {
            if fold {
                camel_case(key)
            } else {
                key.to_owned()
            }
        };
        let mut names = Names::new();
        for (side, object) in [old, new].into_iter().enumerate() {
            for (key, value) in &object.members {
                names.entry(name(key)).or_default()[side].push((key, value));
            }
        }
        if let Some(mode) = self.secrets.filter(|_| self.has_marks) {
            let is_data = [old, new].map(|object| object.kind) == [ObjectKind::Plain; 2];
            for (hidden, cause, reason) in hidden_names(&names, is_data, mode) {
                let hidden: Vec<_> = hidden
                    .iter()
                    .filter_map(|name| names.remove(name))
                    .collect();
                let mut members = hidden.iter().flatten().flatten();
                let selects = |nodes| members.any(|(_, value)| holds(value, nodes));
                if place.selected || self.selected.is_some_and(selects) {
                    self.not_compared.push((place.path(AFTER), cause, reason));
                }
            }
        }
        for [before, after] in names.into_values() {
            fn key<'k>(first: &[(&'k str, &Value)], second: &[(&'k str, &Value)]) -> &'k str {
                first.first().or(second.first()).map_or("", |(key, _)| key)
            }
            let names = [key(&before, &after), key(&after, &before)];
            let mut place = place.below(At::Member(names));
            place.enter_field(names[AFTER], old, new);
            match (&before[..], &after[..]) {
                ([_, _, ..], _) | (_, [_, _, ..]) => {
                    let reason = "two names differ only in their spelling".to_owned();
                    let entry = (place.path(AFTER), Cause::Inherent, reason);
                    self.not_compared.push(entry);
                }
                (before, after) => {
                    if let ([(old, _)], [(new, _)]) = (before, after)
                        && old != new
                    {
                        self.folded += 2;
                    }
                    let [before, after] =
                        [before, after].map(|side| side.first().map(|found| found.1));
                    self.node(before, after, &place);
                }
            }
        }
    }

    fn lists(&mut self, before: &List, after: &List, place: &Place<'_>) {
        let mut alignment = match self.fold_names || self.has_marks || self.has_live() {
            true => {
                let identities = self.identities([before, after]);
                let [old, new] = [(before, &identities[BEFORE]), (after, &identities[AFTER])].map(
                    |(list, identity)| Items {
                        whole: &list.items,
                        identity,
                    },
                );
                align::align(old, new, after.rule)
            }
            false => {
                let [old, new] = [before, after].map(|list| Items::whole(&list.items));
                align::align(old, new, after.rule)
            }
        };
        if self.has_marks {
            self.pair_hidden(before, after, &mut alignment);
        }
        let steps = [Steps::new(before), Steps::new(after)];
        let item = |positions: [Option<usize>; 2], by: Option<PairedBy>| {
            place.below(At::Item {
                lists: [&steps[BEFORE], &steps[AFTER]],
                positions,
                by,
            })
        };
        let any_order = self.any_header_order && is_headers(before) && is_headers(after);
        for mut pair in alignment.pairs {
            let (old, new) = (&before.items[pair.before], &after.items[pair.after]);
            if any_order && pair.moved {
                pair.moved = false;
                self.reordered += 1;
            }
            if !pair.moved && old == new && !self.hides(new) {
                continue;
            }
            let place = item([Some(pair.before), Some(pair.after)], Some(pair.by));
            if let (true, Some(place)) = (pair.moved, self.enter(Some(old), Some(new), &place)) {
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
            self.node(Some(&before.items[at]), None, &item([Some(at), None], None));
        }
        for at in alignment.added {
            self.node(None, Some(&after.items[at]), &item([None, Some(at)], None));
        }
    }

    fn has_live(&self) -> bool {
        self.live.is_some_and(|nodes| !nodes.is_empty())
    }

    /// What identifies the items of two lists. Where some secrets in them cannot be told apart, all read alike, but for
    /// items that both sides have.
    fn identities(&self, lists: [&List; 2]) -> [Vec<Value>; 2] {
        let of = |spell: fn(Mark) -> String| {
            lists.map(|list| {
                let items = list.items.iter();
                items.map(|item| self.identity_of(item, spell)).collect()
            })
        };
        let mut marks = Marks::default();
        if self.has_marks {
            let items = lists.into_iter().flat_map(|list| &list.items);
            items.for_each(|item| marks.add(item));
        }
        let as_they_are: [Vec<Value>; 2] = of(|mark| mark.to_string());
        if !marks.are_alike() {
            return as_they_are;
        }
        let mut counts: BTreeMap<&Value, [usize; 2]> = BTreeMap::new();
        for (side, items) in as_they_are.iter().enumerate() {
            for item in items {
                counts.entry(item).or_default()[side] += 1;
            }
        }
        let left = counts.into_iter();
        let left = left.map(|(item, [old, new])| (item.clone(), [old.min(new); 2]));
        let mut left: BTreeMap<Value, [usize; 2]> = left.collect();
        let mut alike: [Vec<Value>; 2] = of(|_| Mark::Bare.to_string());
        for (side, (items, alike)) in as_they_are.into_iter().zip(&mut alike).enumerate() {
            for (item, alike) in items.into_iter().zip(alike) {
                if let Some(left) = left.get_mut(&item)
                    && left[side] > 0
                {
                    left[side] -= 1;
                    *alike = item;
                }
            }
        }
        alike
    }

    /// Pairs the scalars of an unordered list that only one side has, where one side hides some and the other none:
    /// nothing tells that they are others.
    fn pair_hidden(&self, before: &List, after: &List, alignment: &mut Alignment) {
        let is_hidden = |item: &Value| {
            let found = item.as_str().and_then(Redacted::of);
            found.is_some_and(|redacted| redacted.whole().is_some())
        };
        let hides = [before, after].map(|list| list.items.iter().any(is_hidden));
        if after.rule.ordered || hides[BEFORE] == hides[AFTER] {
            return;
        }
        let is_scalar = |item: &Value| !matches!(item, Value::Object(_) | Value::List(_));
        let mut left = [
            (before, &mut alignment.removed),
            (after, &mut alignment.added),
        ]
        .into_iter()
        .zip(hides)
        .map(|((list, left), hides)| {
            let is_wanted = |at: &usize| match &list.items[*at] {
                item if hides => is_hidden(item),
                item => is_scalar(item),
            };
            let (wanted, other) = left.iter().partition::<Vec<usize>, _>(|at| is_wanted(at));
            *left = other;
            (wanted, left)
        });
        let (Some((old, removed)), Some((new, added))) = (left.next(), left.next()) else {
            return;
        };
        let pairs = old.len().min(new.len());
        removed.extend(&old[pairs..]);
        added.extend(&new[pairs..]);
        removed.sort_unstable();
        added.sort_unstable();
        let new = old.into_iter().zip(new).map(|(before, after)| Pair {
            before,
            after,
            moved: false,
            by: PairedBy::Position,
        });
        alignment.pairs.extend(new);
        alignment.pairs.sort_by_key(|pair| pair.after);
    }

    /// An item as far as it makes it another one than its neighbours: without live state, what stands for secrets as
    /// `spell` has it, and unknown fields under one of their names.
    fn identity_of(&self, item: &Value, spell: fn(Mark) -> String) -> Value {
        let mode = self.secrets.filter(|_| self.has_marks);
        if let Some(redacted) = mode.and_then(|mode| secret::redacted(item, mode)) {
            return Value::String(redacted.text(spell));
        }
        match item {
            Value::Object(object) => {
                let fold = self.fold_names && object.kind != ObjectKind::Plain;
                let name = |key: &Key| match mode.and_then(|_| Redacted::of(key)) {
                    Some(redacted) => redacted.text(spell).into(),
                    None if fold => camel_case(key).into(),
                    None => key.clone(),
                };
                let is_live = |value: &Value| {
                    self.live
                        .is_some_and(|live| live.contains(&std::ptr::from_ref(value)))
                };
                let mut members: Vec<_> = object
                    .members
                    .iter()
                    .filter(|(_, value)| !is_live(value))
                    .map(|(key, value)| (name(key), self.identity_of(value, spell)))
                    .collect();
                members.sort();
                Value::Object(Object {
                    members,
                    kind: object.kind,
                })
            }
            Value::List(list) => {
                let mut items: Vec<_> = list
                    .items
                    .iter()
                    .map(|item| self.identity_of(item, spell))
                    .collect();
                if !list.rule.ordered {
                    items.sort();
                }
                Value::List(List {
                    items,
                    rule: list.rule,
                })
            }
            scalar => scalar.clone(),
        }
    }

    fn edit(
        &mut self,
        kind: ChangeKind,
        place: &Place<'_>,
        before: Option<Value>,
        after: Option<Value>,
    ) {
        if !place.selected {
            return;
        }
        let (path, before_path) = match kind {
            ChangeKind::Removed => (place.path(BEFORE), None),
            ChangeKind::Added => (place.path(AFTER), None),
            ChangeKind::Changed | ChangeKind::Moved => {
                let (before, after) = (place.path(BEFORE), place.path(AFTER));
                let differs = before.to_string() != after.to_string();
                (after, differs.then_some(before))
            }
        };
        let values = [before.as_ref(), after.as_ref()];
        let no_schema = place.no_schema
            || values
                .into_iter()
                .flatten()
                .any(|value| place.is_unknown(value));
        let default = match values {
            [Some(_), Some(_)] => None,
            _ => place.field.filter(|_| !no_schema).and_then(default_of),
        };
        self.edits.push(Edit {
            kind,
            path,
            before_path,
            before,
            after,
            default,
            no_schema,
            pairings: place.pairings(),
        });
    }
}

/// Whether the object is a message of which no schema is known, or the value of such a field.
fn is_unknown(object: &Object) -> bool {
    matches!(object.kind, ObjectKind::Unknown | ObjectKind::Any(None))
}

/// The value that the absence of a field means, where it means one.
fn default_of(field: &'static Field) -> Option<Value> {
    if field.has_presence() {
        return None;
    }
    Some(match field.kind() {
        Kind::Bool => Value::Bool(false),
        Kind::Int32 | Kind::UInt32 | Kind::Float | Kind::Double => Value::Number(Number::Int(0)),
        Kind::Int64 | Kind::UInt64 => Value::String("0".to_owned()),
        Kind::String | Kind::Bytes => Value::String(String::new()),
        Kind::Enum(names) => Value::String(names.name_of(0)?.to_owned()),
        Kind::Message(_) => return None,
    })
}

/// Whether these are headers to be added, each once.
fn is_headers(list: &List) -> bool {
    let mut names = HashSet::new();
    list.items.iter().all(|item| match item.kind() {
        ObjectKind::Message(message) => {
            let name = item.at(&["header", "key"]).and_then(Value::as_str);
            matches!(HEADER_ORDER.scope, Scope::Message(scope) if scope == message.name())
                && names.insert(name.map(str::to_ascii_lowercase))
        }
        _ => false,
    })
}

/// Whether both are an `Any`, of different types: then nothing inside can be compared.
pub(super) fn is_other_any(before: &Object, after: &Object) -> bool {
    let is_any = |object: &Object| matches!(object.kind, ObjectKind::Any(_));
    is_any(before) && is_any(after) && before.get("@type") != after.get("@type")
}

/// Whether two objects have members of the same names.
fn have_same_names(before: &Value, after: &Value) -> bool {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
        return false;
    };
    let [before, after] = [before, after].map(|object| object.members.iter().map(|(key, _)| key));
    before.eq(after)
}

/// Whether `value` is or holds one of `nodes`.
fn holds(value: &Value, nodes: &Nodes) -> bool {
    nodes.contains(&std::ptr::from_ref(value))
        || match value {
            Value::Object(object) => object
                .members
                .iter()
                .any(|(_, member)| holds(member, nodes)),
            Value::List(list) => list.items.iter().any(|item| holds(item, nodes)),
            _ => false,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xds::{ListRule, MatchBy, ORDERED};

    const fn rule(ordered: bool, match_by: MatchBy, keys: &'static [&'static str]) -> ListRule {
        ListRule {
            ordered,
            match_by,
            keys,
        }
    }

    static SET: ListRule = rule(false, MatchBy::Composite, &[]);
    static KEYED: ListRule = rule(false, MatchBy::Composite, &["a", "b"]);
    static ORDERED_KEYED: ListRule = rule(true, MatchBy::Composite, &["a"]);
    static EITHER: ListRule = rule(false, MatchBy::Either, &["a", "b"]);
    static FALLBACK: ListRule = rule(false, MatchBy::Fallback, &["a", "b"]);

    /// `a=1,v=x a=2` as a list of objects, in an object under `list`.
    fn resource(items: &str, rule: &'static ListRule) -> Value {
        let item = |text: &str| {
            let members = text.split(',').map(|member| {
                let (name, value) = member.split_once('=').unwrap();
                (Key::from(name.to_owned()), Value::from(value))
            });
            Value::Object(Object {
                members: members.collect(),
                kind: ObjectKind::Plain,
            })
        };
        let items = items.split_whitespace().map(item).collect();
        let mut list = Value::List(List { items, rule });
        crate::normalize::sort(&mut list);
        Value::Object(Object {
            members: vec![("list".into(), list)],
            kind: ObjectKind::Plain,
        })
    }

    #[test]
    fn an_edit_tells_how_the_items_on_its_way_were_paired() {
        let words = |edit: &Edit| {
            let [pairing] = &edit.pairings[..] else {
                panic!("{edit:?}")
            };
            let by = match pairing.by {
                None => "alone".to_owned(),
                Some(PairedBy::Keys(keys)) => keys.join(" "),
                Some(PairedBy::Content) => "content".to_owned(),
                Some(PairedBy::Position) => "position".to_owned(),
            };
            let sign = edit.kind.sign();
            (pairing.list.clone(), pairing.rule, format!("{sign} {by}"))
        };
        for (rule, before, after, expected) in [
            (&KEYED, "a=1,b=1,v=x", "a=1,b=1,v=y", "~ a b"),
            (&KEYED, "a=1,v=x", "a=2,v=x", "- alone, + alone"),
            (&SET, "v=x", "v=y", "- alone, + alone"),
            (&EITHER, "a=1,v=x", "a=1,v=y", "~ a"),
            (&EITHER, "b=1,v=x", "b=1,v=y", "~ b"),
            (&EITHER, "v=x", "v=y", "~ a b"),
            (&FALLBACK, "a=1,v=x", "a=1,v=y", "~ a"),
            (&FALLBACK, "a=1,b=1", "a=2,b=1", "~ b"),
            (
                &FALLBACK,
                "a=1,v=w a=1,v=x",
                "a=1,v=w a=1,v=y",
                "~ position",
            ),
            (&ORDERED_KEYED, "a=1 a=2", "a=2 a=1", "> a"),
            (
                &ORDERED_KEYED,
                "a=1,v=w a=1,v=x",
                "a=1,v=x a=1,v=w",
                "> content",
            ),
            (
                &ORDERED_KEYED,
                "a=1,v=w a=1,v=x",
                "a=1,v=w a=1,v=y",
                "~ position",
            ),
            (&ORDERED, "v=x", "v=y", "~ position"),
            (&ORDERED, "v=x v=y", "v=y v=x", "> content"),
            (&ORDERED, "v=x", "v=x v=y", "+ alone"),
        ] {
            let edits = diff(&resource(before, rule), &resource(after, rule));
            let expected: Vec<_> = expected
                .split(", ")
                .map(|words| ("list".to_owned(), rule, words.to_owned()))
                .collect();
            let found: Vec<_> = edits.iter().map(words).collect();
            assert_eq!(found, expected, "{before} | {after}");
        }
    }

    #[test]
    fn pairings_are_told_from_the_root_and_only_of_lists() {
        let nested = |value: &str, position: usize| {
            let mut outer = resource("a=1 a=2", &KEYED);
            let Value::Object(object) = &mut outer else {
                unreachable!()
            };
            let inner = object.get_mut("list").unwrap().objects_mut().nth(position);
            let inner = inner.unwrap();
            inner.members.push(("in".into(), resource(value, &ORDERED)));
            outer
        };
        let edits = diff(&nested("v=x", 1), &nested("v=y", 1));
        assert_eq!(edits.len(), 1);
        assert_eq!(
            edits[0].path.to_string(),
            "$.list[?@.a=='2' && !@.b].in.list[0].v"
        );
        let by: Vec<_> = edits[0]
            .pairings
            .iter()
            .map(|p| (&p.list[..], p.by))
            .collect();
        assert_eq!(
            by,
            [
                ("list", Some(PairedBy::Keys(&["a", "b"]))),
                ("list", Some(PairedBy::Position))
            ]
        );
    }

    #[test]
    fn what_is_absent_has_its_default_and_what_is_unknown_is_said_to_be() {
        use crate::{
            model::{ResourceKey, XdsType},
            normalize::{Resource, Shape, normalize},
        };
        let cluster = |members: &str| {
            let body = format!("{{\"@type\":\"x/envoy.config.cluster.v3.Cluster\",{members}}}");
            let resource = Resource {
                key: ResourceKey {
                    xds_type: XdsType::Cluster,
                    name: "".into(),
                    state: None,
                    occurrence: 0,
                },
                shape: Shape::Any(None),
                body: Some(body.as_bytes()),
                last_updated: None,
                error: None,
            };
            normalize(&resource, &BTreeSet::new()).unwrap()
        };
        let string = |text: &str| Some(Value::String(text.to_owned()));
        let any = r#"{"name":"a","typed_config":{"@type":"x/new.Message","a":{"b":[1]}}}"#;
        for (before, after, default, no_schema) in [
            // Scalars, enums and strings without presence.
            (
                r#""name":"a""#,
                r#""name":"a","respect_dns_ttl":true"#,
                Some(Value::Bool(false)),
                false,
            ),
            (
                r#""lb_policy":"MAGLEV""#,
                r#""name":"""#,
                string("ROUND_ROBIN"),
                false,
            ),
            (r#""alt_stat_name":"a""#, r#""name":"""#, string(""), false),
            // Wrappers, messages, oneof members, lists and what both sides have.
            (
                r#""name":"""#,
                r#""per_connection_buffer_limit_bytes":0"#,
                None,
                false,
            ),
            (r#""name":"""#, r#""connect_timeout":"0s""#, None, false),
            (r#""name":"""#, r#""type":"STATIC""#, None, false),
            (r#""name":"""#, r#""filters":[{"name":"a"}]"#, None, false),
            (r#""name":"a""#, r#""name":"b""#, None, false),
            // Fields, enum values and messages that the table lacks.
            (r#""name":"a""#, r#""name":"a","new_field":1"#, None, true),
            (
                r#""new_field":{"a":1}"#,
                r#""new_field":{"a":2}"#,
                None,
                true,
            ),
            (
                r#""lb_policy":"MAGLEV""#,
                r#""lb_policy":"NEWEST""#,
                None,
                true,
            ),
            (r#""lb_policy":77"#, r#""name":"""#, None, true),
            (
                &format!(r#""transport_socket":{any}"#),
                &format!(r#""transport_socket":{}"#, any.replace('1', "2")),
                None,
                true,
            ),
            (
                &format!(r#""transport_socket":{any}"#),
                &format!(r#""transport_socket":{}"#, any.replace("\"a\",", "\"b\",")),
                None,
                false,
            ),
            // The keys of a map or a Struct are data.
            (
                r#""metadata":{"filter_metadata":{"a":{"b":1}}}"#,
                r#""metadata":{"filter_metadata":{"a":{"c":1,"b":1}}}"#,
                None,
                false,
            ),
        ] {
            let edits = diff(&cluster(before), &cluster(after));
            let found: Vec<_> = edits
                .iter()
                .map(|edit| (edit.default.clone(), edit.no_schema))
                .collect();
            assert_eq!(found, [(default, no_schema)], "{before} {after}");
        }
    }
}
