//! SHA-256 digests of normalized values: equal exactly where a comparison finds nothing.
//!
//! A resource has two, for what is configuration and for what is [live state](super::LIVE_PARTS) in it. Of two
//! documents of one source and the same sections:
//!
//! - the configuration digests are equal exactly where a comparison of the two finds no changes;
//! - where these are equal, the live digests are equal exactly where it finds no live ones;
//! - equal live digests mean no live changes in any case; but different ones may come of hosts, with their health, that
//!   only one side has, which is a change of configuration.
//!
//! Not told by them is what is decided by both sides together: another pod's identity, the endpoint assignments of a
//! cluster that is EDS on one side only (its change of type is a change too), and whether redacted values can be
//! compared: tokens of two keys differ, and so do a token, `[redacted]` and a value in clear.
//!
//! # What is hashed
//!
//! Every node has a digest of its own, so that none needs the others in order. `H` is SHA-256, `,` joins bytes, and
//! digests are joined as their 32 bytes:
//!
//! | node | digest |
//! |---|---|
//! | `null`, `false`, `true` | `H("n")`, `H("f")`, `H("t")` |
//! | a number | `H("#", its normalized text)` |
//! | a string | `H("\"", its UTF-8)` |
//! | an ordered list | `H("[", the items' digests in order)` |
//! | any other list | `H("{", the items' digests in byte order)` |
//! | an object | `H("o", for each member in byte order of names: the name's length as 64 bits, big-endian; its UTF-8; the value's digest)` |
//! | a value that is [redacted](super::Redacted) without a key: `[redacted]`, `<Redacted>`, base64 of the first | `H("r")` |
//! | a token that stands for a value, in base64 too | `H("\"", the token)` |
//!
//! The configuration digest of a resource is that of its value without the members that are live. Where all of it is
//! live, it has none, and its live digest is that of the whole value.
//!
//! The live digest is that of the live nodes and of what leads to them: of a node its own digest; of an object
//! `H("o", …)` as above, with the one member on the way; of a list `H("{", entries in byte order)`, an entry for each
//! item that holds a live node: `H("k", H(the digests of its keys), its configuration's digest where another item has
//! the same keys, the digest below it)`, where the digest of an absent key is `H("a")`, and that of a oneof member that
//! of its name as a string. Where there are several ways to live nodes, it is `H("[", …)` of them, with `H("a")` for
//! one that leads to none. A resource in which nothing is live has none.
//!
//! The digest of a type in a dump is `H` of an entry for each of its resources, in byte order:
//! `H(name), H(state), digest`; copies count. Routes that a listener repeats are left out where a dump has both.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use sha2::{Digest as _, Sha256};

use super::{
    Dump, KeyValue, List, Mark, NormalizeError, Redacted, Value, identity,
    known::{Known, KnownDigests},
    live_part, live_resource,
};
use crate::model::{ResourceKey, State, XdsType};

/// The version of all that decides digests: what the resources of a dump are, their canonical form, what in it is live, and
/// how both are hashed. Digests of two versions have nothing to do with each other.
///
/// 2: a token is hashed as the string that it is, where 1 took all that begins with `[redacted` for one value.
pub const DIGEST_RULES: u32 = 2;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What is to be compared of a resource, or of all resources of a type, in short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// Of its configuration; `None` where all of it is live.
    pub configuration: Option<Digest>,
    /// Of its live state; `None` where it has none.
    pub live: Option<Digest>,
}

/// The digests of the resource `key`, of which `value` is the normalized form.
///
/// `eds` are the names of the endpoint assignments that come by EDS, if that is known.
pub fn digests(key: &ResourceKey, value: &Value, eds: Option<&BTreeSet<String>>) -> Digests {
    if is_live(key, eds) {
        return Digests {
            configuration: None,
            live: Some(node(value, &[])),
        };
    }
    let ways = live_part(key).map_or(&[][..], |part| part.rule.paths);
    Digests {
        configuration: Some(node(value, ways)),
        live: live(value, ways),
    }
}

/// Whether all of the resource `key` is live.
pub(super) fn is_live(key: &ResourceKey, eds: Option<&BTreeSet<String>>) -> bool {
    live_resource(key, eds).is_some()
}

/// What is known of a resource of a dump.
#[derive(Clone, Debug)]
pub struct OfResource {
    /// Its position among the resources of the dump.
    pub at: usize,
    /// What is known of it.
    pub known: Known,
    /// Whether it is an endpoint assignment that comes by EDS.
    pub by_eds: bool,
}

/// What is known of each resource of a dump, but for those that the dump repeats. Of those that are `known`, it is not
/// computed again.
///
/// # Errors
///
/// Where a resource has no normal form.
pub fn resource_digests(
    dump: &Dump<'_>,
    known: &KnownDigests,
) -> Result<Vec<OfResource>, NormalizeError> {
    let has_clusters = dump.types.contains(&XdsType::Cluster);
    let eds = has_clusters.then(|| dump.eds_names().ok()).flatten();
    let mut found = Vec::with_capacity(dump.resources.len());
    for (at, resource) in dump.resources.iter().enumerate() {
        let key = &resource.key;
        let is_repeated = key.xds_type == XdsType::Route
            && key.state == Some(State::Static)
            && dump.types.contains(&XdsType::Listener);
        if is_repeated {
            continue;
        }
        let is_listed = |names: &BTreeSet<String>| names.contains(&*key.name);
        found.push(OfResource {
            at,
            known: known.of(resource, dump, eds.as_ref())?,
            by_eds: key.xds_type == XdsType::Endpoint && eds.as_ref().is_some_and(is_listed),
        });
    }
    Ok(found)
}

/// The digests of all resources of a dump, by type; a section without resources has one too. Of resources that are
/// `known`, they are not computed again.
///
/// # Errors
///
/// Where a resource has no normal form.
pub fn dump_digests(
    dump: &Dump<'_>,
    known: &KnownDigests,
) -> Result<BTreeMap<XdsType, Digests>, NormalizeError> {
    Ok(type_digests(dump, &resource_digests(dump, known)?))
}

/// As [`dump_digests`], of a dump of which the digests of the resources are known.
pub fn type_digests(dump: &Dump<'_>, found: &[OfResource]) -> BTreeMap<XdsType, Digests> {
    type Entries = [Vec<[Digest; 3]>; 2];
    let mut entries: BTreeMap<&XdsType, Entries> = dump
        .types
        .iter()
        .map(|of| (of, Entries::default()))
        .collect();
    for OfResource { at, known, .. } in found {
        let key = &dump.resources[*at].key;
        let of = known.digests;
        let entries = entries.entry(&key.xds_type).or_default();
        let state = key.state.map_or("", State::as_str);
        let name = [hash(&[key.name.as_bytes()]), hash(&[state.as_bytes()])];
        for (entries, digest) in entries.iter_mut().zip([of.configuration, of.live]) {
            entries.extend(digest.map(|digest| [name[0], name[1], digest]));
        }
    }
    let multiset = |mut entries: Vec<[Digest; 3]>| {
        entries.sort();
        hash_all(b"", entries.into_iter().flatten())
    };
    let each = entries.into_iter();
    each.map(|(xds_type, [configuration, live])| {
        let digests = Digests {
            configuration: Some(multiset(configuration)),
            live: (!live.is_empty()).then(|| multiset(live)),
        };
        (xds_type.clone(), digests)
    })
    .collect()
}

/// A way from a node to those below it: names of members, and `*` for every item of a list.
type Way = &'static [&'static str];

/// The digest of `value` without what `left_out` leads to.
fn node(value: &Value, left_out: &[Way]) -> Digest {
    match value {
        Value::Null => hash(&[b"n"]),
        Value::Bool(false) => hash(&[b"f"]),
        Value::Bool(true) => hash(&[b"t"]),
        Value::Number(number) => hash(&[b"#", number.to_string().as_bytes()]),
        Value::String(text) => match Redacted::of(text).and_then(|redacted| redacted.whole()) {
            None => hash(&[b"\"", text.as_bytes()]),
            Some(Mark::Bare) => hash(&[b"r"]),
            Some(Mark::Token(token)) => hash(&[b"\"", token.to_string().as_bytes()]),
        },
        Value::List(list) => {
            let below = below(left_out, "*");
            let items = list.items.iter().map(|item| node(item, &below));
            match list.rule.ordered {
                true => hash_all(b"[", items),
                false => set(items.collect()),
            }
        }
        Value::Object(object) => {
            let members = object.members.iter().filter_map(|(name, member)| {
                let below = below(left_out, name);
                let is_left_out = below.iter().any(|way| way.is_empty());
                (!is_left_out).then(|| (name.as_ref(), node(member, &below)))
            });
            object_of(members)
        }
    }
}

/// What is left of those `ways` that begin with `name`.
fn below(ways: &[Way], name: &str) -> Vec<Way> {
    let each = ways.iter().filter_map(|way| way.split_first());
    each.filter(|(first, _)| **first == name)
        .map(|(_, rest)| rest)
        .collect()
}

/// The digest of what `ways` lead to.
fn live(value: &Value, ways: &[Way]) -> Option<Digest> {
    let found: Vec<_> = ways.iter().map(|way| live_at(value, way, ways)).collect();
    match found[..] {
        [only] => only,
        _ if found.iter().all(Option::is_none) => None,
        _ => {
            let absent = hash(&[b"a"]);
            let found = found.into_iter().map(|digest| digest.unwrap_or(absent));
            Some(hash_all(b"[", found))
        }
    }
}

/// The digest of what `way` leads to; `all` are the ways to what is live.
fn live_at(value: &Value, way: Way, all: &[Way]) -> Option<Digest> {
    let Some((name, rest)) = way.split_first() else {
        return Some(node(value, &[]));
    };
    let all = below(all, name);
    match value {
        Value::List(list) if *name == "*" => {
            let mut entries = Vec::new();
            let mut identities = None;
            for (at, item) in list.items.iter().enumerate() {
                let Some(found) = live_at(item, rest, &all) else {
                    continue;
                };
                let (identities, counts) = identities.get_or_insert_with(|| identity_digests(list));
                let keys = identities[at];
                let content = (counts[&keys] > 1).then(|| node(item, &all));
                entries.push(hash_all(
                    b"k",
                    [keys].into_iter().chain(content).chain([found]),
                ));
            }
            (!entries.is_empty()).then(|| set(entries))
        }
        value => {
            let found = live_at(value.get(name)?, rest, &all)?;
            Some(object_of([(*name, found)]))
        }
    }
}

/// For each item of a list, the digest of its keys; and how many items have it.
fn identity_digests(list: &List) -> (Vec<Digest>, BTreeMap<Digest, usize>) {
    let key = |key: KeyValue<'_>| match key {
        KeyValue::Absent => hash(&[b"a"]),
        KeyValue::Value(value) => node(value, &[]),
        KeyValue::Member(name) => hash(&[b"\"", name.as_bytes()]),
    };
    let of = |item: &Value| hash_all(b"", identity(item, list.rule).into_iter().map(key));
    let digests: Vec<Digest> = list.items.iter().map(of).collect();
    let mut counts = BTreeMap::new();
    for digest in &digests {
        *counts.entry(*digest).or_default() += 1;
    }
    (digests, counts)
}

fn object_of<'a>(members: impl IntoIterator<Item = (&'a str, Digest)>) -> Digest {
    let mut hasher = Sha256::new_with_prefix(b"o");
    for (name, digest) in members {
        hasher.update((name.len() as u64).to_be_bytes());
        hasher.update(name);
        hasher.update(digest.0);
    }
    Digest(hasher.finalize().into())
}

fn set(mut digests: Vec<Digest>) -> Digest {
    digests.sort();
    hash_all(b"{", digests)
}

fn hash(parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Digest(hasher.finalize().into())
}

fn hash_all(tag: &[u8], digests: impl IntoIterator<Item = Digest>) -> Digest {
    let mut hasher = Sha256::new_with_prefix(tag);
    digests
        .into_iter()
        .for_each(|digest| hasher.update(digest.0));
    Digest(hasher.finalize().into())
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[test]
fn what_is_hashed_is_what_the_table_says() {
    use super::{List, Number, Object, ObjectKind};
    use crate::xds::{ListRule, MatchBy, ORDERED};
    static SET: ListRule = ListRule {
        ordered: false,
        match_by: MatchBy::Composite,
        keys: &[],
    };
    let sha256 = |parts: &[&[u8]]| -> [u8; 32] { Sha256::digest(parts.concat()).into() };
    let [one, two] = [b"#1", b"#2"].map(|text| sha256(&[text]));
    let ordered = sha256(&[b"[", &two, &one]);
    let mut sorted = [one, two];
    sorted.sort();
    let set = sha256(&[b"{", &sorted[0], &sorted[1]]);
    let length = 4u64.to_be_bytes();
    let object = sha256(&[
        b"o",
        &length,
        b"list",
        &ordered,
        &length,
        b"pass",
        &sha256(&[b"r"]),
        &length,
        b"sets",
        &set,
        &length,
        b"text",
        &sha256(&[b"\"", "é".as_bytes()]),
    ]);
    let numbers = |rule| {
        let items = [2, 1].map(|n| Value::Number(Number::Int(n))).to_vec();
        Value::List(List { items, rule })
    };
    let value = Value::Object(Object {
        members: vec![
            ("list".into(), numbers(&ORDERED)),
            ("pass".into(), "[redacted]".into()),
            ("sets".into(), numbers(&SET)),
            ("text".into(), "é".into()),
        ],
        kind: ObjectKind::Plain,
    });
    let key = ResourceKey {
        xds_type: XdsType::Cluster,
        name: "c".into(),
        state: None,
        occurrence: 0,
    };
    let found = digests(&key, &value, None);
    assert_eq!(found.configuration, Some(Digest(object)));
    assert_eq!(found.live, None);
    let draining = ResourceKey {
        state: Some(State::Draining),
        ..key
    };
    let found = digests(&draining, &value, None);
    assert_eq!(
        (found.configuration, found.live),
        (None, Some(Digest(object)))
    );
}
