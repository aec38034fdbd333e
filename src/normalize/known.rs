//! Digests that were computed before, of resources that many proxies have.
//!
//! The proxies of a mesh have most of their resources in common, in another order of members each: to find the digests
//! of one that was seen takes a tenth of the time of computing them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use super::{
    Digests, Dump, NormalizeError, Resource, Shape, Value,
    alike::{content_hash, hash_of_texts},
    digest::{digests, is_live},
    normalize,
};

/// How many are kept: of more, all are forgotten.
const MOST: usize = 1 << 17;

/// What is known of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its digests.
    pub digests: Digests,
    /// What cannot be told of it though it is equal on both sides, in short; `None` where there is nothing of the sort.
    pub untold: Option<u128>,
}

/// Tells in short what cannot be told of a resource, even where it is equal on both sides.
pub type Untold = fn(&Resource<'_>, &Value) -> Option<u128>;

/// Digests of resources, by all that they depend on.
#[derive(Debug, Default)]
pub struct KnownDigests {
    known: Mutex<HashMap<u128, Known>>,
    untold: Option<Untold>,
}

impl KnownDigests {
    /// One that also knows what `untold` says of each resource.
    pub fn and(untold: Untold) -> Self {
        Self {
            untold: Some(untold),
            ..Self::default()
        }
    }

    /// The [`digests`] of the normalized form of `resource`, which is of `dump`; `eds` are the names of its endpoint
    /// assignments that come by EDS, if that is known.
    ///
    /// # Errors
    ///
    /// As [`normalize`](super::normalize()).
    pub fn of(
        &self,
        resource: &Resource<'_>,
        dump: &Dump<'_>,
        eds: Option<&BTreeSet<String>>,
    ) -> Result<Known, NormalizeError> {
        let compute = || {
            let value = normalize(resource, &dump.types)?;
            Ok(Known {
                digests: digests(&resource.key, &value, eds),
                untold: self.untold.and_then(|untold| untold(resource, &value)),
            })
        };
        let Some(id) = identity(resource, dump, eds) else {
            return compute();
        };
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(&id) {
            return Ok(*found);
        }
        let computed = compute()?;
        let mut known = known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id, computed);
        Ok(computed)
    }
}

/// A hash of all that the digests of `resource` depend on; `None` if its body is like no other.
fn identity(
    resource: &Resource<'_>,
    dump: &Dump<'_>,
    eds: Option<&BTreeSet<String>>,
) -> Option<u128> {
    let content = content_hash(resource.body?)?.to_le_bytes();
    let key = &resource.key;
    let xds_type = key.xds_type.to_string();
    let message = match resource.shape {
        Shape::Any(message) => ["any", message.map_or("", |message| message.name())],
        Shape::Message(message) => ["message", message.name()],
        Shape::Unknown => ["unknown", ""],
    };
    let state = key.state.map_or("", |state| state.as_str());
    let live = ["running", "live"][usize::from(is_live(key, eds))];
    let texts = [&*xds_type, &*key.name, state, live, message[0], message[1]];
    let types: Vec<_> = dump.types.iter().map(ToString::to_string).collect();
    let texts = texts.into_iter().chain(types.iter().map(String::as_str));
    let texts = texts.map(str::as_bytes);
    Some(hash_of_texts(texts.chain([&content[..]])))
}
