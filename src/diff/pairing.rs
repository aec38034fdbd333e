//! Which resource of one dump corresponds to which of another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    model::{Rules, Tally, XdsType},
    normalize::{Dump, Resource, normalize_by},
};

/// Pairs the resources of one type, name and state: by bytes, by content, then in order.
pub(super) fn pair_resources<'a>(
    before: &[&'a Resource<'a>],
    after: &[&'a Resource<'a>],
    types: &BTreeSet<XdsType>,
    rules: &Rules,
) -> Vec<(Option<&'a Resource<'a>>, Option<&'a Resource<'a>>)> {
    let mut before = before.to_vec();
    let mut after = after.to_vec();
    let mut pairs = Vec::new();
    if before.len().max(after.len()) > 1 {
        take_equal(&mut before, &mut after, &mut pairs, |resource| {
            resource.body
        });
        take_equal(&mut before, &mut after, &mut pairs, |r| {
            normalize_by(r, types, &mut Tally::new(rules)).ok()
        });
    }
    for i in 0..before.len().max(after.len()) {
        pairs.push((before.get(i).copied(), after.get(i).copied()));
    }
    pairs
}

/// Moves what both sides have of one `form` to `pairs`, the n-th with the n-th.
fn take_equal<'a, K: Ord>(
    before: &mut Vec<&'a Resource<'a>>,
    after: &mut Vec<&'a Resource<'a>>,
    pairs: &mut Vec<(Option<&'a Resource<'a>>, Option<&'a Resource<'a>>)>,
    form: impl Fn(&Resource<'a>) -> Option<K>,
) {
    let mut found: BTreeMap<K, VecDeque<usize>> = BTreeMap::new();
    for (at, resource) in after.iter().enumerate() {
        if let Some(form) = form(resource) {
            found.entry(form).or_default().push_back(at);
        }
    }
    let mut taken = BTreeSet::new();
    before.retain(|resource| {
        let partner = form(resource).and_then(|form| found.get_mut(&form)?.pop_front());
        if let Some(at) = partner {
            pairs.push((Some(*resource), Some(after[at])));
            taken.insert(at);
        }
        partner.is_none()
    });
    let mut at = 0;
    after.retain(|_| {
        at += 1;
        !taken.contains(&(at - 1))
    });
}

/// The name under which Envoy's dump has the resource that istiod calls otherwise.
///
/// Istiod's page shows a Wasm extension bare, with only the plugin's own name; the extension's ends with it.
pub(super) fn envoy_name(resource: &Resource<'_>, envoy: &Dump<'_>) -> String {
    let name = &resource.key.name;
    if resource.key.xds_type == XdsType::ExtensionConfig {
        let same = |other: &&Resource<'_>| {
            other.key.xds_type == XdsType::ExtensionConfig
                && other.key.name.rsplit('/').next() == Some(name)
        };
        let mut found = envoy.resources.iter().filter(same);
        if let (Some(only), None) = (found.next(), found.next()) {
            return only.key.name.clone();
        }
    }
    name.clone()
}
