//! What a proxy runs, in short: so that replicas are compared without holding what they run.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use super::rules::POD_IDENTITY;
use crate::{
    model::{ResourceKey, Rules, State, Tally, XdsType},
    normalize::{Digest, Dump, NormalizeError, digests, normalize_by},
};

/// The configuration of one proxy, but for live state and for what tells which pod it is.
///
/// Of one [`Fingerprints`], two are equal exactly where the two proxies run the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The numbers of its resources with their content, sorted; copies count.
    resources: Rc<[u32]>,
    /// The types of which the dump has a section.
    types: Rc<BTreeSet<XdsType>>,
}

/// Takes fingerprints of proxies, and knows what they stand for. What several have alike is held once.
#[derive(Debug, Default)]
pub struct Fingerprints {
    numbers: HashMap<(ResourceKey, Digest), u32>,
    keys: Vec<ResourceKey>,
    types: BTreeSet<Rc<BTreeSet<XdsType>>>,
}

impl Fingerprint {
    /// What it runs, as numbers: equal where two run the same, sorted.
    pub(super) fn resources(&self) -> Rc<[u32]> {
        Rc::clone(&self.resources)
    }

    #[cfg(test)]
    pub(super) fn with_resources(&self, resources: Vec<u32>) -> Self {
        let mut resources = resources;
        resources.sort_unstable();
        Self {
            resources: resources.into(),
            ..self.clone()
        }
    }
}

impl Fingerprints {
    /// The fingerprint of the resources of `dump` that `keep` wants; the dump was parsed by `rules`.
    ///
    /// # Errors
    ///
    /// Where a resource has no normal form.
    pub fn take(
        &mut self,
        dump: &Dump<'_>,
        rules: &Rules,
        keep: &dyn Fn(&ResourceKey) -> bool,
    ) -> Result<Fingerprint, NormalizeError> {
        let has_clusters = dump.types.contains(&XdsType::Cluster);
        let eds = has_clusters.then(|| dump.eds_names().ok()).flatten();
        let mut resources = Vec::with_capacity(dump.resources.len());
        for resource in &dump.resources {
            let key = ResourceKey {
                occurrence: 0,
                ..resource.key.clone()
            };
            let is_repeated = key.xds_type == XdsType::Route
                && key.state == Some(State::Static)
                && dump.types.contains(&XdsType::Listener);
            if is_repeated || !keep(&key) {
                continue;
            }
            let mut value = normalize_by(resource, &dump.types, &mut Tally::new(rules))?;
            if key.xds_type == XdsType::Bootstrap && rules.has(&POD_IDENTITY) {
                POD_IDENTITY
                    .paths
                    .iter()
                    .for_each(|path| value.remove(path));
            }
            if let Some(digest) = digests(&key, &value, eds.as_ref()).configuration {
                resources.push(self.number(key, digest));
            }
        }
        resources.sort_unstable();
        Ok(Fingerprint {
            resources: resources.into(),
            types: self.shared(&dump.types),
        })
    }

    fn number(&mut self, key: ResourceKey, digest: Digest) -> u32 {
        let keys = &mut self.keys;
        *self
            .numbers
            .entry((key, digest))
            .or_insert_with_key(|(key, _)| {
                keys.push(key.clone());
                // There are not as many resources as would not fit: each is tens of bytes of a dump.
                u32::try_from(keys.len() - 1).unwrap_or(u32::MAX)
            })
    }

    fn shared(&mut self, types: &BTreeSet<XdsType>) -> Rc<BTreeSet<XdsType>> {
        match self.types.get(types) {
            Some(found) => Rc::clone(found),
            None => {
                let types = Rc::new(types.clone());
                self.types.insert(Rc::clone(&types));
                types
            }
        }
    }

    /// The resources that two proxies do not have alike, of the types that both dumps tell of.
    pub fn differences(&self, one: &Fingerprint, other: &Fingerprint) -> BTreeSet<&ResourceKey> {
        let (mut left, mut right) = (
            one.resources.iter().peekable(),
            other.resources.iter().peekable(),
        );
        let mut found = BTreeSet::new();
        loop {
            let number = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a == b => {
                    left.next();
                    right.next();
                    continue;
                }
                (Some(a), Some(b)) if a > b => right.next(),
                (Some(_), _) => left.next(),
                (None, Some(_)) => right.next(),
                (None, None) => break,
            };
            found.extend(number.and_then(|number| self.keys.get(*number as usize)));
        }
        found.retain(|key| {
            [one, other]
                .iter()
                .all(|of| of.types.contains(&key.xds_type))
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn dump(name: &str, timeout: &str) -> Json {
        json!({"configs": [
            {
                "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
                "bootstrap": {"node": {"id": name, "cluster": "web", "metadata": {"NAME": name}}},
            },
            {
                "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
                "dynamic_active_clusters": [{"cluster": {
                    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
                    "name": "a",
                    "connect_timeout": timeout,
                }}],
            },
        ]})
    }

    #[test]
    fn replicas_that_run_the_same_have_equal_fingerprints_and_others_differ_by_name() {
        let mut all = Fingerprints::default();
        let mut take = |json: Json| {
            let text = json.to_string();
            let dump = Dump::parse([(None, text.as_bytes())]).unwrap();
            all.take(&dump, Rules::all(), &|_| true).unwrap()
        };
        let one = take(dump("web-1", "1s"));
        let same = take(dump("web-2", "1.000s"));
        let other = take(dump("web-3", "2s"));
        let mut cut = dump("web-4", "2s");
        cut["configs"].as_array_mut().unwrap().pop();
        let cut = take(cut);
        assert_eq!(one, same);
        assert_ne!(one, other);
        let names = |one, other| -> Vec<String> {
            let found = all.differences(one, other).into_iter();
            found
                .map(|key| format!("{} {}", key.xds_type, key.name))
                .collect()
        };
        assert_eq!(names(&one, &same), [""; 0]);
        assert_eq!(names(&one, &other), ["cluster a"]);
        assert_eq!(names(&other, &one), ["cluster a"]);
        // Of clusters, the cut dump tells nothing.
        assert_eq!(names(&one, &cut), [""; 0]);
    }
}
