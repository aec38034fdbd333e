//! Making it: what dumps have alike is stored once.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

use super::{
    DIGEST_BYTES, Flags, KEY_BYTES, MAGIC, UNTOLD_BYTES, first, key_hash, leaf_digest,
    places::{self, Row, Time},
};
use crate::{
    capture::digests::DumpOf,
    diff::{Facts, untold},
    dump::Dump,
    model::{State, XdsType},
    normalize::{OfResource, Resource, Value},
};

/// How much is told of where resources stand, in bytes: of more, nothing is told.
const MAX_PLACES: usize = 64 << 20;

/// A bucket ends behind a key of which the last byte has none of these bits: one of 32 has not.
const BUCKET_MASK: u8 = 0x1F;

/// What is told of a dump.
pub(in crate::capture) struct OfDump {
    /// The buckets of each type.
    types: BTreeMap<String, Vec<Vec<u8>>>,
    last_updated: Option<String>,
    facts: Vec<u8>,
    places: Vec<u8>,
}

/// What cannot be told of a resource that is equal on both sides, in short; `value` is its normalized form.
pub(in crate::capture) fn what_is_untold(resource: &Resource<'_>, value: &Value) -> Option<u128> {
    let found = untold(resource, value);
    let mut hash = Sha256::new_with_prefix(b"u");
    hash.update(key_hash(&resource.key));
    for (path, cause, reason) in &found {
        for text in [&path.to_string(), cause.as_str(), reason] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
    }
    let hash: [u8; UNTOLD_BYTES] = first(&hash.finalize().into());
    (!found.is_empty()).then(|| u128::from_le_bytes(hash))
}

impl OfDump {
    /// Of the one `document` that is a dump; `None` where what differs could not be told without all of it.
    pub(in crate::capture) fn new(
        of: &DumpOf,
        dump: &Dump<'_>,
        document: &[u8],
        found: &[OfResource],
    ) -> Option<Self> {
        let updated = dump.last_updated.as_deref();
        // Else it is a text of somebody else.
        let is_time = updated.is_none_or(|updated| Time::of(updated).is_some());
        if !dump.is_whole() || !is_time {
            return None;
        }
        let elements = dump.elements_in(document);
        let mut leaves: BTreeMap<&XdsType, Vec<(usize, Vec<u8>)>> =
            dump.types.iter().map(|of| (of, Vec::new())).collect();
        let mut rows = Vec::with_capacity(found.len());
        for OfResource { at, known, by_eds } in found {
            let resource = &dump.resources[*at];
            let hash = key_hash(&resource.key);
            let element = &elements[*at];
            let updated = resource.last_updated.as_deref();
            if let Some(element) = element {
                rows.push(Row {
                    key: first(&hash),
                    list: element.list,
                    range: element.range.clone(),
                    updated: match updated {
                        Some(updated) => Some(Time::of(updated)?),
                        None => None,
                    },
                });
            }
            let is_dynamic_cluster = resource.key.xds_type == XdsType::Cluster
                && resource.key.state != Some(State::Static);
            let flags = Flags::default()
                .and(Flags::BY_EDS, *by_eds)
                .and(Flags::NO_PLACE, element.is_none())
                .and(Flags::DYNAMIC_CLUSTER, is_dynamic_cluster)
                .and(Flags::UNTOLD, known.untold.is_some());
            let mut leaf = Vec::with_capacity(KEY_BYTES + DIGEST_BYTES + 1);
            leaf.extend(first::<KEY_BYTES>(&hash));
            leaf.extend(leaf_digest(&hash, &known.digests));
            leaf.push(flags.0);
            leaf.extend(known.untold.iter().flat_map(|untold| untold.to_le_bytes()));
            let of_type = leaves.entry(&resource.key.xds_type).or_default();
            of_type.push((*at, leaf));
        }
        let facts = Facts::of(&of.proxy, dump).map(|facts| serde_json::to_vec(&facts));
        Some(Self {
            types: (leaves.into_iter())
                .map(|(xds_type, leaves)| (xds_type.to_string(), buckets(leaves)))
                .collect(),
            last_updated: dump.last_updated.clone(),
            facts: facts.transpose().ok()?.unwrap_or_default(),
            places: places::spell(&rows),
        })
    }
}

/// Gathers leaves, in order of their keys; those of one key share a bucket.
fn buckets(leaves: Vec<(usize, Vec<u8>)>) -> Vec<Vec<u8>> {
    let mut leaves: Vec<Vec<u8>> = leaves.into_iter().map(|(_, leaf)| leaf).collect();
    leaves.sort_unstable();
    let mut buckets = Vec::new();
    let mut bucket = Vec::new();
    for (at, leaf) in leaves.iter().enumerate() {
        bucket.extend_from_slice(leaf);
        let key = &leaf[..KEY_BYTES];
        let is_last = leaves
            .get(at + 1)
            .is_none_or(|next| next[..KEY_BYTES] != *key);
        if is_last && key[KEY_BYTES - 1] & BUCKET_MASK == 0 {
            buckets.push(std::mem::take(&mut bucket));
        }
    }
    if !bucket.is_empty() {
        buckets.push(bucket);
    }
    buckets
}

/// Gathers what is told of dumps.
#[derive(Default)]
pub(in crate::capture) struct Builder {
    types: HashMap<String, u32>,
    buckets: Store<Vec<u8>>,
    tables: Store<(u32, Vec<u32>)>,
    dumps: BTreeMap<DumpOf, Stored>,
    places_bytes: usize,
}

/// Things by their numbers, each once.
struct Store<T>(HashMap<T, u32>);

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: std::hash::Hash + Eq> Store<T> {
    fn number(&mut self, thing: T) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(thing).or_insert(next)
    }

    fn by_number(&self) -> Vec<&T> {
        let mut things: Vec<(&T, &u32)> = self.0.iter().collect();
        things.sort_unstable_by_key(|(_, number)| **number);
        things.into_iter().map(|(thing, _)| thing).collect()
    }
}

/// A dump of which types and buckets are known by numbers.
struct Stored {
    tables: Vec<u32>,
    last_updated: Option<String>,
    facts: Vec<u8>,
    places: Vec<u8>,
}

/// New numbers, in the order in which things are asked for first.
struct Renumber {
    new: Vec<Option<u32>>,
    order: Vec<u32>,
}

impl Renumber {
    fn new(count: usize) -> Self {
        Self {
            new: vec![None; count],
            order: Vec::new(),
        }
    }

    fn of(&mut self, old: u32) -> u32 {
        let order = &mut self.order;
        *self.new[old as usize].get_or_insert_with(|| {
            order.push(old);
            order.len() as u32 - 1
        })
    }
}

impl Builder {
    pub(in crate::capture) fn add(&mut self, of: DumpOf, found: OfDump) {
        let tables = found.types.into_iter().map(|(xds_type, buckets)| {
            let next = self.types.len() as u32;
            let xds_type = *self.types.entry(xds_type).or_insert(next);
            let buckets = buckets.into_iter();
            let buckets = buckets.map(|bucket| self.buckets.number(bucket)).collect();
            self.tables.number((xds_type, buckets))
        });
        let tables = tables.collect();
        self.places_bytes += found.places.len();
        let mut places = found.places;
        if self.places_bytes > MAX_PLACES {
            places.clear();
            self.dumps
                .values_mut()
                .for_each(|dump| dump.places = Vec::new());
        }
        let stored = Stored {
            tables,
            last_updated: found.last_updated,
            facts: found.facts,
            places,
        };
        self.dumps.insert(of, stored);
    }

    /// Its bytes; `None` where nothing is told of any dump. They do not depend on the order in which dumps came.
    pub(in crate::capture) fn finish(self) -> Option<Vec<u8>> {
        if self.dumps.is_empty() {
            return None;
        }
        let mut types: Vec<(String, u32)> = self.types.into_iter().collect();
        types.sort_unstable();
        let mut type_numbers = vec![0; types.len()];
        for (new, (_, old)) in types.iter().enumerate() {
            type_numbers[*old as usize] = new as u32;
        }
        let tables = self.tables.by_number();
        let buckets = self.buckets.by_number();
        let mut new_tables = Renumber::new(tables.len());
        let mut new_buckets = Renumber::new(buckets.len());

        let mut dumps = Vec::new();
        let mut places_at = 0;
        for (of, dump) in &self.dumps {
            dumps.push(u8::from(of.source == crate::model::Source::Istiod));
            text(
                &mut dumps,
                of.istiod.as_deref().unwrap_or_default().as_bytes(),
            );
            text(&mut dumps, of.proxy.as_str().as_bytes());
            let updated = dump.last_updated.as_deref().unwrap_or_default();
            text(&mut dumps, updated.as_bytes());
            text(&mut dumps, &dump.facts);
            number(&mut dumps, dump.tables.len());
            for table in &dump.tables {
                number(&mut dumps, new_tables.of(*table) as usize);
            }
            dumps.extend((places_at as u64).to_le_bytes());
            dumps.extend((dump.places.len() as u64).to_le_bytes());
            places_at += dump.places.len();
        }
        let mut spelled_tables = Vec::new();
        for old in &new_tables.order {
            let (xds_type, buckets) = tables[*old as usize];
            number(
                &mut spelled_tables,
                type_numbers[*xds_type as usize] as usize,
            );
            number(&mut spelled_tables, buckets.len());
            for bucket in buckets {
                number(&mut spelled_tables, new_buckets.of(*bucket) as usize);
            }
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0; 8]);
        number(&mut bytes, types.len());
        types
            .iter()
            .for_each(|(name, _)| text(&mut bytes, name.as_bytes()));
        number(&mut bytes, new_buckets.order.len());
        for old in &new_buckets.order {
            text(&mut bytes, buckets[*old as usize]);
        }
        number(&mut bytes, new_tables.order.len());
        bytes.extend(spelled_tables);
        number(&mut bytes, self.dumps.len());
        bytes.extend(dumps);
        let head = bytes.len() as u64;
        bytes[MAGIC.len()..MAGIC.len() + 8].copy_from_slice(&head.to_le_bytes());
        bytes.reserve_exact(places_at);
        for dump in self.dumps.into_values() {
            bytes.extend(dump.places);
        }
        Some(bytes)
    }
}

fn number(bytes: &mut Vec<u8>, number: usize) {
    // There are not as many things as would not fit: each is tens of bytes of a dump.
    bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

/// Bytes, with how many they are before them.
fn text(bytes: &mut Vec<u8>, text: &[u8]) {
    number(bytes, text.len());
    bytes.extend(text);
}
