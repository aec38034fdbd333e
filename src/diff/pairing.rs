//! Which resource of one dump corresponds to which of another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::value::diff;
use crate::{
    model::{Rules, Tally, XdsType},
    normalize::{Dump, Resource, Value, normalize_by},
};

/// A resource as it was before, and as it is after: one of them may be missing.
pub(super) type Pair<'a> = (Option<&'a Resource<'a>>, Option<&'a Resource<'a>>);

/// Pairs the resources of one type, name and state: by bytes, by content, then those that have most in common, then
/// in order.
pub(super) fn pair_resources<'a>(
    before: &[&'a Resource<'a>],
    after: &[&'a Resource<'a>],
    types: &BTreeSet<XdsType>,
    rules: &Rules,
) -> Vec<Pair<'a>> {
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
        take_similar(&mut before, &mut after, &mut pairs, |r| {
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
    pairs: &mut Vec<Pair<'a>>,
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

/// More pairs than these are not looked into.
const MOST_PAIRS: usize = 256;

/// Moves to `pairs` what differs least, until one side has nothing left; of equals, the first with the first.
///
/// Inline route configurations and listeners without a name have nothing else that tells them apart.
fn take_similar<'a>(
    before: &mut Vec<&'a Resource<'a>>,
    after: &mut Vec<&'a Resource<'a>>,
    pairs: &mut Vec<Pair<'a>>,
    form: impl Fn(&Resource<'a>) -> Option<Value>,
) {
    if before.len().max(after.len()) < 2 || before.len() * after.len() > MOST_PAIRS {
        return;
    }
    let normal = |side: &[&Resource<'a>]| -> Vec<Option<Value>> {
        side.iter().map(|resource| form(resource)).collect()
    };
    let values = [normal(before), normal(after)];
    let mut distances = Vec::new();
    for (i, old) in values[0].iter().enumerate() {
        for (j, new) in values[1].iter().enumerate() {
            let distance = match (old, new) {
                (Some(old), Some(new)) => distance(old, new),
                _ => usize::MAX,
            };
            distances.push((distance, i, j));
        }
    }
    distances.sort_unstable();
    let mut taken = [BTreeSet::new(), BTreeSet::new()];
    for (_, i, j) in distances {
        if !taken[0].contains(&i) && !taken[1].contains(&j) {
            pairs.push((Some(before[i]), Some(after[j])));
            taken[0].insert(i);
            taken[1].insert(j);
        }
    }
    for (side, taken) in [(before, &taken[0]), (after, &taken[1])] {
        let mut at = 0;
        side.retain(|_| {
            at += 1;
            !taken.contains(&(at - 1))
        });
    }
}

/// How much of two values differs: the length of what would be printed of it.
fn distance(before: &Value, after: &Value) -> usize {
    let length = |value: &Value| serde_json::to_string(value).map_or(0, |text| text.len());
    let edits = diff(before, after);
    let values = edits.iter().flat_map(|edit| [&edit.before, &edit.after]);
    values.flatten().map(length).sum()
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
            return only.key.name.to_string();
        }
    }
    name.to_string()
}

#[test]
fn of_several_of_one_name_the_ones_that_are_most_alike_are_pairs() {
    use crate::{
        model::{ResourceKey, State},
        normalize::Shape,
    };
    fn resource(body: &'static str) -> Resource<'static> {
        Resource {
            key: ResourceKey {
                xds_type: XdsType::Listener,
                name: "0.0.0.0_80".into(),
                state: Some(State::Static),
                occurrence: 0,
            },
            shape: Shape::Any(None),
            body: Some(body.as_bytes()),
            last_updated: None,
            error: None,
        }
    }
    const A: &str = r#"{"@type":"x/envoy.config.listener.v3.Listener","stat_prefix":"a","traffic_direction":"INBOUND"}"#;
    const A_SPELLED: &str =
        r#"{"@type":"x/envoy.config.listener.v3.Listener","trafficDirection":1,"statPrefix":"a"}"#;
    const A_EDITED: &str = r#"{"@type":"x/envoy.config.listener.v3.Listener","stat_prefix":"a","traffic_direction":"INBOUND","freebind":true}"#;
    const B: &str = r#"{"@type":"x/envoy.config.listener.v3.Listener","stat_prefix":"b","traffic_direction":"OUTBOUND"}"#;
    const B_EDITED: &str = r#"{"@type":"x/envoy.config.listener.v3.Listener","stat_prefix":"b","traffic_direction":"OUTBOUND","freebind":false}"#;
    const C: &str =
        r#"{"@type":"x/envoy.config.listener.v3.Listener","stat_prefix":"quite another one"}"#;
    for (before, after, expected) in [
        (
            vec![A, B],
            vec![B, A],
            vec![(Some(A), Some(A)), (Some(B), Some(B))],
        ),
        (
            vec![A, B],
            vec![B, A_SPELLED],
            vec![(Some(B), Some(B)), (Some(A), Some(A_SPELLED))],
        ),
        (
            vec![A, B],
            vec![B_EDITED, A_EDITED],
            vec![(Some(A), Some(A_EDITED)), (Some(B), Some(B_EDITED))],
        ),
        // Whoever has least in common is left.
        (
            vec![C, A],
            vec![A_EDITED],
            vec![(Some(A), Some(A_EDITED)), (Some(C), None)],
        ),
        (
            vec![B],
            vec![C, B_EDITED],
            vec![(Some(B), Some(B_EDITED)), (None, Some(C))],
        ),
        (
            vec![A, A],
            vec![A],
            vec![(Some(A), Some(A)), (Some(A), None)],
        ),
        (vec![A], vec![C], vec![(Some(A), Some(C))]),
    ] {
        let [old, new] = [&before, &after]
            .map(|side| -> Vec<Resource<'_>> { side.iter().map(|body| resource(body)).collect() });
        let [old, new] = [&old, &new].map(|side| side.iter().collect::<Vec<_>>());
        let mut found: Vec<_> = pair_resources(&old, &new, &BTreeSet::new(), Rules::all())
            .into_iter()
            .map(|(old, new)| [old, new].map(|side| side.and_then(|r| r.body)))
            .collect();
        let mut expected: Vec<_> = expected
            .into_iter()
            .map(|(old, new)| [old, new].map(|body: Option<&str>| body.map(str::as_bytes)))
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{before:?} {after:?}");
    }
}
