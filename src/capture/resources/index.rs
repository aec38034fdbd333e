//! Reading it, and what of two bundles differs by it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
    rc::Rc,
};

use super::{DIGEST_BYTES, KEY_BYTES, Key, MAGIC, UNTOLD_BYTES};
use crate::{
    diff::Facts,
    model::{ProxyId, Source, XdsType},
};

/// No index of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not as its rules spell it")]
pub struct IndexError;

/// What is to be known of a resource without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub(super) u8);

impl Flags {
    /// It is an endpoint assignment that comes by EDS.
    pub const BY_EDS: Self = Self(1);
    /// Something in it cannot be told though it is equal on both sides.
    pub const UNTOLD: Self = Self(2);
    /// It is not told where it stands.
    pub const NO_PLACE: Self = Self(4);
    /// It is a cluster that the control plane sent.
    pub const DYNAMIC_CLUSTER: Self = Self(8);

    /// These, and others if they are set.
    pub(super) fn and(self, others: Self, are_set: bool) -> Self {
        Self(self.0 | if are_set { others.0 } else { 0 })
    }

    /// Whether any of `others` is set.
    pub fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// A resource, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What tells it from others of its dump, nearly always.
    pub key: Key,
    /// The digest of what it is called and of all that is compared of it.
    pub digest: [u8; DIGEST_BYTES],
    /// What else is to be known of it.
    pub flags: Flags,
    /// What cannot be told of it, in short; 0 where there is nothing of the sort.
    pub untold: u128,
}

/// A run of leaves that several dumps may have alike.
struct Bucket {
    range: Range<usize>,
    leaves: usize,
    /// All flags of its leaves.
    flags: Flags,
}

/// The resources of one type of a dump.
struct Table {
    xds_type: usize,
    buckets: Vec<u32>,
}

/// What is told of a dump.
pub struct Indexed {
    tables: Vec<u32>,
    /// The latest time of any of its resources.
    pub last_updated: Option<String>,
    /// What tells the workload of its proxy, where the dump does.
    pub facts: Option<Facts>,
    /// Where in the member it is told where its resources stand; empty where that is not told.
    pub places: Range<u64>,
}

/// The digests of the resources of a bundle's dumps.
pub struct Index {
    bytes: Vec<u8>,
    types: Vec<XdsType>,
    buckets: Vec<Bucket>,
    tables: Vec<Table>,
    dumps: HashMap<(Source, ProxyId), Indexed>,
}

/// Reads numbers and texts.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], IndexError> {
        let end = self.at.checked_add(length).ok_or(IndexError)?;
        let taken = self.bytes.get(self.at..end).ok_or(IndexError)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], IndexError> {
        self.take(N)?.try_into().map_err(|_| IndexError)
    }

    fn number(&mut self) -> Result<usize, IndexError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn long(&mut self) -> Result<u64, IndexError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn bytes(&mut self) -> Result<&'a [u8], IndexError> {
        let length = self.number()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'a str, IndexError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| IndexError)
    }

    /// A number that is less than `limit`.
    fn below(&mut self, limit: usize) -> Result<u32, IndexError> {
        let number = u32::from_le_bytes(self.array()?);
        ((number as usize) < limit)
            .then_some(number)
            .ok_or(IndexError)
    }

    /// So many things, each of which takes a byte at least.
    fn many<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, IndexError>,
    ) -> Result<Vec<T>, IndexError> {
        let count = self.number()?;
        let left = self.bytes.len() - self.at;
        let mut things = Vec::with_capacity(count.min(left));
        for _ in 0..count {
            if self.at == self.bytes.len() {
                return Err(IndexError);
            }
            things.push(read(self)?);
        }
        Ok(things)
    }
}

/// The first leaf of some, and what is behind it.
fn split_leaf(bytes: &[u8]) -> Option<(Leaf, &[u8])> {
    let (key, bytes) = bytes.split_first_chunk::<KEY_BYTES>()?;
    let (digest, bytes) = bytes.split_first_chunk::<DIGEST_BYTES>()?;
    let (flags, mut bytes) = bytes.split_first()?;
    let mut leaf = Leaf {
        key: *key,
        digest: *digest,
        flags: Flags(*flags),
        untold: 0,
    };
    if leaf.flags.has(Flags::UNTOLD) {
        let (untold, rest) = bytes.split_first_chunk::<UNTOLD_BYTES>()?;
        leaf.untold = u128::from_le_bytes(*untold);
        bytes = rest;
    }
    Some((leaf, bytes))
}

impl Index {
    /// How many bytes at the beginning of the member are its head, which [`read`](Self::read) takes.
    ///
    /// # Errors
    ///
    /// Where the member is something else.
    pub fn head_bytes(start: &[u8]) -> Result<u64, IndexError> {
        let mut cursor = Cursor {
            bytes: start,
            at: 0,
        };
        match cursor.array::<16>()? == *MAGIC {
            true => cursor.long(),
            false => Err(IndexError),
        }
    }

    /// How many bytes of the member [`head_bytes`](Self::head_bytes) takes.
    pub const START_BYTES: u64 = 24;

    /// Reads the head of the member, `bytes`; the whole has `size` bytes.
    ///
    /// # Errors
    ///
    /// Where it is something else.
    pub fn read(bytes: Vec<u8>, size: u64) -> Result<Self, IndexError> {
        let head = Self::head_bytes(&bytes)?;
        if head != bytes.len() as u64 {
            return Err(IndexError);
        }
        let mut cursor = Cursor {
            bytes: &bytes,
            at: Self::START_BYTES as usize,
        };
        let types = cursor.many(|cursor| Ok(type_of(cursor.text()?)))?;
        let buckets = cursor.many(|cursor| {
            let length = cursor.number()?;
            let start = cursor.at;
            let mut left = cursor.take(length)?;
            let mut bucket = Bucket {
                range: start..start + length,
                leaves: 0,
                flags: Flags::default(),
            };
            while !left.is_empty() {
                let (leaf, rest) = split_leaf(left).ok_or(IndexError)?;
                bucket.leaves += 1;
                bucket.flags = Flags(bucket.flags.0 | leaf.flags.0);
                left = rest;
            }
            Ok(bucket)
        })?;
        let tables = cursor.many(|cursor| {
            Ok(Table {
                xds_type: cursor.below(types.len())? as usize,
                buckets: cursor.many(|cursor| cursor.below(buckets.len()))?,
            })
        })?;
        let dumps = cursor.many(|cursor| {
            let source = match cursor.array()? {
                [0] => Source::Envoy,
                [1] => Source::Istiod,
                _ => return Err(IndexError),
            };
            let istiod = cursor.text()?.to_owned();
            let proxy = ProxyId::new(cursor.text()?).map_err(|_| IndexError)?;
            let last_updated = cursor.text()?;
            let facts = match cursor.bytes()? {
                [] => None,
                json => Some(serde_json::from_slice(json).map_err(|_| IndexError)?),
            };
            let tables = cursor.many(|cursor| cursor.below(tables.len()))?;
            let (start, length) = (cursor.long()?, cursor.long()?);
            let start = head.checked_add(start).ok_or(IndexError)?;
            let end = start.checked_add(length).ok_or(IndexError)?;
            let indexed = Indexed {
                tables,
                last_updated: (!last_updated.is_empty()).then(|| last_updated.to_owned()),
                facts,
                places: start..end,
            };
            match end <= size {
                true => Ok((istiod, (source, proxy), indexed)),
                false => Err(IndexError),
            }
        })?;
        if cursor.at != bytes.len() {
            return Err(IndexError);
        }
        // Of several istiods, their sync states tell whose dump counts.
        let of_one = dumps.into_iter().filter(|(istiod, ..)| istiod.is_empty());
        Ok(Self {
            dumps: of_one.map(|(_, of, indexed)| (of, indexed)).collect(),
            types,
            buckets,
            tables,
            bytes,
        })
    }

    /// What is told of the dump of `proxy` by `source`, if anything is, and it is the only one.
    pub fn dump(&self, source: Source, proxy: &ProxyId) -> Option<&Indexed> {
        self.dumps.get(&(source, proxy.clone()))
    }

    fn leaves(&self, bucket: u32) -> impl Iterator<Item = Leaf> + '_ {
        let mut left = &self.bytes[self.buckets[bucket as usize].range.clone()];
        std::iter::from_fn(move || {
            let (leaf, rest) = split_leaf(left)?;
            left = rest;
            Some(leaf)
        })
    }

    fn types_of(&self, dump: &Indexed) -> BTreeSet<&XdsType> {
        let tables = dump.tables.iter();
        tables
            .map(|table| &self.types[self.tables[*table as usize].xds_type])
            .collect()
    }
}

/// The type of this name, as it is spelled.
fn type_of(name: &str) -> XdsType {
    let known: Option<XdsType> = name.parse().ok();
    known
        .filter(|known| known.as_str() == name)
        .unwrap_or_else(|| XdsType::Other(name.to_owned()))
}

/// A resource that differs, or of which something cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it is called, in short.
    pub key: Key,
    /// Whether it is an endpoint assignment.
    pub is_endpoint: bool,
    /// The resources of that key on each side: mostly one at most.
    pub leaves: [Vec<Leaf>; 2],
}

/// What two dumps have alike, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differing {
    /// How many resources are equal, and nothing is to be told of them.
    pub equal: usize,
    /// The others, those of one type in order of their keys.
    pub wanted: Vec<Wanted>,
    /// Whether each side has clusters that the control plane sent.
    clusters: [bool; 2],
    /// Whether they have one of these in common.
    shares_cluster: bool,
}

/// The indexes of two bundles.
pub struct Indexes<'i> {
    sides: [&'i Index; 2],
    /// For the buckets of each side: their numbers among those of both.
    numbers: [Vec<u32>; 2],
    /// What was found of two tables, by their numbers.
    known: HashMap<[u32; 2], Rc<Differing>>,
}

impl<'i> Indexes<'i> {
    /// Those of before and after.
    pub fn new(before: &'i Index, after: &'i Index) -> Self {
        let sides = [before, after];
        let mut known: HashMap<&[u8], u32> = HashMap::new();
        let numbers = sides.map(|index| {
            let buckets = index.buckets.iter();
            let number = |bucket: &Bucket| {
                let next = known.len() as u32;
                *known
                    .entry(&index.bytes[bucket.range.clone()])
                    .or_insert(next)
            };
            buckets.map(number).collect()
        });
        Self {
            sides,
            numbers,
            known: HashMap::new(),
        }
    }

    /// The types of which both dumps have a section; `None` where these are not the same.
    pub fn types(&self, dumps: [&Indexed; 2]) -> Option<BTreeSet<XdsType>> {
        let [before, after] = [0, 1].map(|side| self.sides[side].types_of(dumps[side]));
        (before == after).then(|| before.into_iter().cloned().collect())
    }

    /// What differs between two dumps that have sections of the same types; `None` where they have no cluster in common,
    /// perhaps.
    pub fn differing(&mut self, dumps: [&Indexed; 2]) -> Option<Differing> {
        let by_type = |side: usize| -> HashMap<&'i XdsType, u32> {
            let index = self.sides[side];
            let tables = dumps[side].tables.iter();
            let of = |table: &u32| &index.types[index.tables[*table as usize].xds_type];
            tables.map(|table| (of(table), *table)).collect()
        };
        let (before, after) = (by_type(0), by_type(1));
        let mut pairs: Vec<_> = before
            .iter()
            .filter_map(|(of, table)| Some((*of, [*table, *after.get(of)?])))
            .collect();
        pairs.sort_unstable();
        let mut all = Differing::default();
        for (of, tables) in pairs {
            let known = self.known.get(&tables).cloned();
            let found = known.unwrap_or_else(|| {
                let found = Rc::new(self.tables(of, tables));
                self.known.insert(tables, Rc::clone(&found));
                found
            });
            all.equal += found.equal;
            all.wanted.extend(found.wanted.iter().cloned());
            all.shares_cluster |= found.shares_cluster;
            for side in [0, 1] {
                all.clusters[side] |= found.clusters[side];
            }
        }
        (all.shares_cluster || all.clusters != [true; 2]).then_some(all)
    }

    /// What differs between two tables of a type.
    fn tables(&self, of: &XdsType, tables: [u32; 2]) -> Differing {
        let mut found = Differing::default();
        let buckets = [0, 1].map(|side| {
            let index = self.sides[side];
            &index.tables[tables[side] as usize].buckets[..]
        });
        let numbers = |side: usize| -> HashSet<u32> {
            let numbers = buckets[side].iter();
            numbers
                .map(|bucket| self.numbers[side][*bucket as usize])
                .collect()
        };
        let numbers = [numbers(0), numbers(1)];
        let mut leaves = [Vec::new(), Vec::new()];
        for side in [0, 1] {
            let index = self.sides[side];
            for bucket in buckets[side] {
                let about = &index.buckets[*bucket as usize];
                let is_dynamic = about.flags.has(Flags::DYNAMIC_CLUSTER);
                found.clusters[side] |= is_dynamic;
                let is_shared = numbers[1 - side].contains(&self.numbers[side][*bucket as usize]);
                if is_shared {
                    found.shares_cluster |= is_dynamic;
                }
                match is_shared && !about.flags.has(Flags::UNTOLD) {
                    true if side == 0 => found.equal += about.leaves,
                    true => {}
                    false => leaves[side].extend(index.leaves(*bucket)),
                }
            }
        }
        let mut rest = leaves.each_ref().map(|leaves| &leaves[..]);
        while let Some(key) = rest.iter().filter_map(|rest| Some(rest.first()?.key)).min() {
            let group = [0, 1].map(|side| {
                let end = rest[side].partition_point(|leaf| leaf.key == key);
                let (group, behind) = rest[side].split_at(end);
                rest[side] = behind;
                group
            });
            let is_dynamic = |leaf: &Leaf| leaf.flags.has(Flags::DYNAMIC_CLUSTER);
            found.shares_cluster |= group.iter().all(|group| group.iter().any(is_dynamic));
            let is_untold = |leaf: &Leaf| leaf.flags.has(Flags::UNTOLD);
            match group[0] == group[1] && !group[0].iter().any(is_untold) {
                true => found.equal += group[0].len(),
                false => found.wanted.push(Wanted {
                    key,
                    is_endpoint: *of == XdsType::Endpoint,
                    leaves: group.map(<[Leaf]>::to_vec),
                }),
            }
        }
        found
    }
}
