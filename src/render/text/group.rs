//! Changes that are the same on several proxies, or in several resources of one pattern, as one entry.
//!
//! What is compared is a digest of each change, so that a mesh of changes needs no more room than they take already.

use std::{borrow::Cow, collections::HashMap, hash::Hash};

use sha2::{Digest as _, Sha256};

use super::{
    pattern::{Parts, Pattern, Piece},
    why,
};
use crate::{
    diff::{Change, ChangeKind, Class, Compared, renames},
    model::{Path, ProxyId, ResourceKey, Step},
    normalize::Value,
    render::Style,
};

/// Entries of one resource that differ in nothing but values are one from so many on.
const VARIANTS: usize = 4;

/// Changes of a resource, or of several of one pattern, and the proxies on which they are the same.
pub(super) struct Entry<'a> {
    /// What changed, as the first of the proxies and resources has it; never empty.
    pub(super) changes: Vec<Cow<'a, Change>>,
    /// In byte order; the entries of one set share it.
    pub(super) proxies: Vec<&'a ProxyId>,
    /// The names of the resources, where there are several of one pattern.
    pub(super) pattern: Option<Pattern<'a>>,
    /// With how many different values, where each proxy has its own.
    pub(super) variants: usize,
    /// The name that the resource likely has on the other side.
    pub(super) other_name: Option<&'a str>,
    /// When Envoy updated the resource, where all proxies agree to the second.
    pub(super) updated: Option<&'a str>,
}

impl Entry<'_> {
    pub(super) fn first(&self) -> &Change {
        &self.changes[0]
    }

    /// How many resources it stands for, of all its proxies.
    pub(super) fn resources(&self) -> usize {
        let names = self
            .pattern
            .as_ref()
            .map_or(1, |pattern| pattern.names.len());
        self.proxies.len() * names
    }

    /// Whether the resource as a whole came or went.
    pub(super) fn whole(&self) -> Option<ChangeKind> {
        match &self.changes[..] {
            [only] if only.path.0.is_empty() => match only.kind {
                ChangeKind::Added | ChangeKind::Removed => Some(only.kind),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Equal exactly where two changes are the same, but for proxy and resource.
type Content = [u8; 32];

/// Groups changes, which are sorted by proxy and resource, in order of first appearance; folds those that share a pattern
/// unless everything is to be shown.
pub(super) fn entries<'a>(changes: &[&'a Change], full: bool) -> Vec<Entry<'a>> {
    let units = units(changes);
    let mut entries = of_resources(units);
    if !full {
        entries = fold(entries, of_variants, |same| match same.len() {
            ..VARIANTS => same,
            _ => vec![variants(same)],
        });
        // A word that one name has and another has not may stand in both for something else.
        entries = fold(entries, of_equal, |same| patterns(same, Pattern::of_equal));
        entries = fold(entries, of_pattern, |same| patterns(same, Pattern::new));
    }
    entries
}

/// One change, and where it is the same.
struct Unit<'a> {
    change: &'a Change,
    other_name: Option<&'a str>,
    updated: Option<&'a str>,
    proxies: Vec<&'a ProxyId>,
}

fn units<'a>(changes: &[&'a Change]) -> Vec<Unit<'a>> {
    let mut units: Vec<Unit> = Vec::new();
    let mut index: HashMap<(Compared, &ResourceKey, Option<&str>, Content), usize> = HashMap::new();
    let names = renames(changes);
    let same_resource = |a: &(&&Change, Option<&str>), b: &(&&Change, Option<&str>)| {
        (&a.0.proxy, a.0.source, &a.0.resource) == (&b.0.proxy, b.0.source, &b.0.resource)
    };
    let named: Vec<(&&Change, Option<&str>)> = changes.iter().zip(names).collect();
    for group in named.chunk_by(same_resource) {
        let updated = group
            .iter()
            .find_map(|(change, _)| change.updated.as_deref());
        let other_name = group.iter().find_map(|(_, name)| *name);
        for (change, _) in group {
            let key = (change.source, &change.resource, other_name, content(change));
            let at = *index.entry(key).or_insert(units.len());
            match units.get_mut(at) {
                Some(unit) => {
                    unit.proxies.push(&change.proxy);
                    unit.updated = agreed(unit.updated, updated);
                }
                None => units.push(Unit {
                    change,
                    other_name,
                    updated,
                    proxies: vec![&change.proxy],
                }),
            }
        }
    }
    units
}

/// The first of two times, if they are of one second: no more of them is shown.
fn agreed<'a>(one: Option<&'a str>, other: Option<&'a str>) -> Option<&'a str> {
    let second = |time: Option<&'a str>| time.and_then(|time| time.split(['.', 'Z']).next());
    one.filter(|_| second(one) == second(other))
}

/// Puts together what one resource has on the same proxies.
fn of_resources(units: Vec<Unit<'_>>) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry> = Vec::new();
    type Key<'a> = (Compared, &'a ResourceKey, Option<&'a str>, Vec<&'a ProxyId>);
    let mut index: HashMap<Key, usize> = HashMap::new();
    for unit in units {
        let change = unit.change;
        let key = (
            change.source,
            &change.resource,
            unit.other_name,
            unit.proxies,
        );
        if let Some(at) = index.get(&key) {
            let entry: &mut Entry = &mut entries[*at];
            entry.changes.push(Cow::Borrowed(change));
            entry.updated = agreed(entry.updated, unit.updated);
            continue;
        }
        entries.push(Entry {
            changes: vec![Cow::Borrowed(change)],
            proxies: key.3.clone(),
            pattern: None,
            variants: 1,
            other_name: unit.other_name,
            updated: unit.updated,
        });
        index.insert(key, entries.len() - 1);
    }
    entries
}

/// Brings entries of one `key` together at the first of them, and puts in their place what `join` makes of them.
fn fold<'a, K: Hash + Eq>(
    entries: Vec<Entry<'a>>,
    key: fn(&Entry<'a>) -> Option<K>,
    join: fn(Vec<Entry<'a>>) -> Vec<Entry<'a>>,
) -> Vec<Entry<'a>> {
    let mut groups: Vec<Vec<Entry>> = Vec::new();
    let mut index: HashMap<K, usize> = HashMap::new();
    for entry in entries {
        let at = key(&entry).map(|key| *index.entry(key).or_insert(groups.len()));
        match at.and_then(|at| groups.get_mut(at)) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    groups.into_iter().flat_map(join).collect()
}

/// What entries have in common that differ in values only.
fn of_variants(entry: &Entry<'_>) -> Option<Content> {
    let mut hasher = Hasher::default();
    let first = entry.first();
    hasher.resource(first);
    hasher.text(&first.resource.name);
    hasher.text(entry.other_name.unwrap_or_default());
    for change in &entry.changes {
        hasher.text(change.kind.as_str());
        hasher.text(&change.path.to_string());
        hasher.text(change.class.map_or("", Class::as_str));
        hasher.text(change.reason.as_deref().unwrap_or_default());
    }
    Some(hasher.finish())
}

/// One entry of those that differ in values only.
fn variants(mut same: Vec<Entry<'_>>) -> Entry<'_> {
    let all = same.len();
    let mut first = same.swap_remove(0);
    for other in same {
        first.proxies.extend(other.proxies);
        first.other_name = first
            .other_name
            .filter(|name| other.other_name == Some(name));
        first.updated = agreed(first.updated, other.updated);
    }
    first.proxies.sort();
    first.proxies.dedup();
    first.variants = all;
    first
}

/// What entries have in common that are the same in several resources.
fn of_equal<'a>(entry: &Entry<'a>) -> Option<(Content, Vec<&'a ProxyId>)> {
    alike(entry, Parts::default())
}

/// What entries have in common that are the same but for what the names of their resources say.
fn of_pattern<'a>(entry: &Entry<'a>) -> Option<(Content, Vec<&'a ProxyId>)> {
    alike(entry, Parts::of(&entry.first().resource.name))
}

fn alike<'a>(entry: &Entry<'a>, parts: Parts<'_>) -> Option<(Content, Vec<&'a ProxyId>)> {
    let first = entry.first();
    let is_one = entry.variants == 1 && entry.pattern.is_none() && entry.other_name.is_none();
    if !is_one || first.resource.name.is_empty() {
        return None;
    }
    let mut hasher = Hasher::default();
    hasher.resource(first);
    hasher.number(parts.len());
    for change in &entry.changes {
        hasher.change(change, &parts);
    }
    Some((hasher.finish(), entry.proxies.clone()))
}

/// One entry of those that are the same in several resources, of which `pattern` makes a pattern.
fn patterns<'a>(
    mut same: Vec<Entry<'a>>,
    pattern: fn(Vec<&'a str>) -> Pattern<'a>,
) -> Vec<Entry<'a>> {
    if same.len() < 2 {
        return same;
    }
    let names = same.iter().filter_map(|entry| match &entry.changes[0] {
        Cow::Borrowed(change) => Some(&*change.resource.name),
        Cow::Owned(_) => None,
    });
    let pattern = pattern(names.collect());
    let times = same.iter().map(|entry| entry.updated);
    let updated = times.reduce(agreed).flatten();
    let mut first = same.swap_remove(0);
    let changes = first.changes.iter();
    first.changes = changes
        .map(|change| Cow::Owned(pattern.apply(change)))
        .collect();
    first.updated = updated;
    first.pattern = Some(pattern);
    vec![first]
}

fn content(change: &Change) -> Content {
    let mut hasher = Hasher::default();
    hasher.change(change, &Parts::default());
    hasher.finish()
}

/// A digest in the making, of parts that cannot run into each other.
#[derive(Default)]
struct Hasher(Sha256);

/// Stands for a part of a resource's name, and at the end of a text: no text has these bytes.
const PART: u8 = 0xff;
const END: u8 = 0xfe;

impl Hasher {
    fn finish(self) -> Content {
        self.0.finalize().into()
    }

    fn text(&mut self, text: &str) {
        self.0.update(text);
        self.0.update([END]);
    }

    fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_be_bytes());
    }

    /// A text with the parts of a name left out.
    fn pieces(&mut self, text: &str, parts: &Parts<'_>) {
        for piece in parts.pieces(text) {
            match piece {
                Piece::Text(text) => self.0.update(text),
                Piece::Part(at) => self.0.update([PART, at as u8]),
            }
        }
        self.0.update([END]);
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.update([u8::from(value.is_some())]);
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Whose resource, of which type and state.
    fn resource(&mut self, change: &Change) {
        let key = &change.resource;
        self.text(change.source.as_str());
        self.text(key.xds_type.as_str());
        self.text(key.state.map_or("", |state| state.as_str()));
        self.number(key.occurrence as usize);
    }

    /// All of a change but proxy and resource.
    fn change(&mut self, change: &Change, parts: &Parts<'_>) {
        let path = |hasher: &mut Self, path: &Path| {
            hasher.pieces(&path.to_string(), parts);
            let labels = path.0.iter().filter_map(|step| match step {
                Step::Index { label, .. } => Some(label.as_deref().unwrap_or_default()),
                _ => None,
            });
            labels.for_each(|label| hasher.pieces(label, parts));
        };
        self.text(change.kind.as_str());
        path(self, &change.path);
        self.optional(change.before_path.as_ref(), path);
        for value in [&change.before, &change.after] {
            self.optional(value.as_ref(), |hasher, value| hasher.value(value, parts));
        }
        self.optional(change.reason.as_deref(), |hasher, reason| {
            hasher.pieces(reason, parts)
        });
        self.text(change.class.map_or("", Class::as_str));
        // Any style will do to tell two apart.
        let pairings = why::pairings(change, Style::default());
        self.number(pairings.len());
        pairings.iter().for_each(|text| self.text(text));
    }

    fn value(&mut self, value: &Value, parts: &Parts<'_>) {
        match value {
            Value::Null => self.0.update(b"n"),
            Value::Bool(value) => self.0.update([b'b', u8::from(*value)]),
            Value::Number(number) => {
                let text = number.to_string();
                self.0.update(b"#");
                match parts.position(&text) {
                    Some(at) => self.0.update([PART, at as u8]),
                    None => self.text(&text),
                }
            }
            Value::String(text) => {
                self.0.update(b"s");
                self.pieces(text, parts);
            }
            Value::List(list) => {
                self.0.update(b"[");
                self.number(list.items.len());
                list.items.iter().for_each(|item| self.value(item, parts));
            }
            Value::Object(object) => {
                self.0.update(b"{");
                self.number(object.members.len());
                for (name, member) in &object.members {
                    self.pieces(name, parts);
                    self.value(member, parts);
                }
            }
        }
    }
}

#[cfg(test)]
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn every_change_is_in_one_entry_folded_or_not(
        values in proptest::collection::btree_map((0u8..6, 0usize..4, 0u8..3), 0i128..3, 0..60),
        full in proptest::bool::ANY,
    ) {
        const NAMES: [&str; 4] = ["outbound|80||a", "outbound|80|v1|a", "outbound|90||a", "b"];
        let change = |((proxy, name, key), value): (&(u8, usize, u8), &i128)| Change {
            proxy: ProxyId::new(format!("p{proxy}")).unwrap(),
            before_proxy: None,
            source: Compared::Envoy,
            resource: ResourceKey {
                xds_type: crate::model::XdsType::Cluster,
                name: NAMES[*name].into(),
                state: None,
                occurrence: 0,
            },
            kind: ChangeKind::Changed,
            path: Path(vec![Step::Key(format!("k{key}"))]),
            before_path: None,
            before: None,
            after: Some(Value::String(format!("{value} of {}", NAMES[*name]))),
            updated: None,
            reason: None,
            class: None,
            hosts: None,
            default: None,
            no_schema: false,
            pairings: Vec::new(),
        };
        let changes: Vec<Change> = values.iter().map(change).collect();
        let all: Vec<&Change> = changes.iter().collect();
        let entries = entries(&all, full);
        let told: usize = entries.iter().map(|entry| entry.resources() * entry.changes.len()).sum();
        proptest::prop_assert_eq!(told, changes.len());
        if full {
            // Each proxy's value of each resource stands there.
            for change in &changes {
                let has = |entry: &&Entry<'_>| {
                    let same = |of: &&Cow<'_, Change>| {
                        (&of.resource, &of.path, &of.after) == (&change.resource, &change.path, &change.after)
                    };
                    entry.proxies.contains(&&change.proxy) && entry.changes.iter().any(|of| same(&of))
                };
                proptest::prop_assert_eq!(entries.iter().filter(has).count(), 1);
            }
        }
    }
}
