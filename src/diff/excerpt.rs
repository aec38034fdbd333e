//! Two dumps of one proxy of which only some resources are read: what is known of the others is that they are equal, or what
//! a comparison of others that are the same as they found.
//!
//! Law: the report is what it is when all resources are read.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
    thread,
};

use super::{
    Change, Compared, Comparer, Facts, Mode, NotCompared, ProxyPair,
    compare::{Found, eds_names},
};
use crate::{
    model::{ProxyId, ResourceKey, XdsType},
    normalize::{Dump, ElementAt, RouteHosts, alike, content_hash, keep_items, may_hold_marks},
};

/// The positions of resources before and after.
type Positions = [Vec<usize>; 2];

/// What is known of two dumps beside the resources that are read.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// How many resources both have, equal, and with nothing to be told of them.
    pub equal: usize,
    /// What tells the workload, as the bootstraps have it.
    pub facts: Option<Facts>,
    /// Of the endpoint assignments that are read, those that come by EDS on either side.
    pub eds: BTreeSet<String>,
}

/// What is to be read of two dumps to compare them: the rest is the same on both sides, but for the order of members.
#[derive(Clone, Debug, Default)]
pub struct Differing {
    /// Where it stands, in the order of each document.
    pub elements: [Vec<ElementAt>; 2],
    /// The resources, each the first of its name.
    pub keys: BTreeSet<ResourceKey>,
    /// How many there are of these on each side.
    pub counts: [usize; 2],
    /// What is known of the rest.
    pub rest: Rest,
}

/// What the comparison of the resources of one type, name and state found.
#[derive(Clone, Debug)]
pub struct Outcome {
    resources: usize,
    changes: Vec<Change>,
    live: Vec<Change>,
    not_compared: Vec<NotCompared>,
    /// Whether they were added, removed, changed.
    counted: [bool; 3],
}

impl Comparer<'_> {
    /// Compares what was read of one proxy before with what was read of it after: `pair` are excerpts of two dumps that
    /// [are whole](crate::normalize::Dump::is_whole), with sections of the same types, and `rest` is what is known of the rest.
    /// `found` is told of each type, name and state what was found.
    pub fn excerpt(
        &mut self,
        pair: &ProxyPair<'_>,
        rest: Rest,
        found: &mut dyn FnMut(ResourceKey, Outcome),
    ) {
        self.note(pair, rest.facts);
        self.check_times(pair);
        self.report.summary.resources += rest.equal;
        self.change_by(pair, Some(&rest.eds), &mut |comparer, key, before| {
            found(key, comparer.outcome(&before));
        });
    }

    /// What is to be read of two dumps, which were read from these documents; `None` where that is all of them.
    ///
    /// The bootstraps are read in any case: they tell the workload.
    pub fn differing(&self, pair: &ProxyPair<'_>, documents: [&[u8]; 2]) -> Option<Differing> {
        let dumps = [pair.before, pair.after];
        if !dumps.iter().all(|dump| dump.is_whole()) || pair.before.types != pair.after.types {
            return None;
        }
        let eds = eds_names(pair)?;
        let groups = self.groups(pair);
        let alike = alike_bodies(dumps, &groups);
        let mut differing = Differing::default();
        let mut has_common_cluster = false;
        let mut wanted: Positions = Default::default();
        for (key, group) in groups {
            let is_same = match [&group[0][..], &group[1][..]] {
                [[before], [after]] => {
                    let sides = [&dumps[0].resources[*before], &dumps[1].resources[*after]];
                    key.xds_type != XdsType::Bootstrap
                        && sides.iter().all(|resource| resource.body.is_some())
                        && self.may_skip(sides, || alike.contains(before))
                }
                _ => false,
            };
            if is_same {
                differing.rest.equal += 1;
                has_common_cluster |= key.xds_type == XdsType::Cluster;
                continue;
            }
            for side in [0, 1] {
                wanted[side].extend(&group[side]);
                differing.counts[side] += group[side].len();
            }
            if key.xds_type == XdsType::Endpoint && eds.contains(&*key.name) {
                differing.rest.eds.insert(key.name.to_string());
            }
            differing.keys.insert(key);
        }
        // That there is none is told of the dumps as a whole.
        if !has_common_cluster {
            return None;
        }
        for side in [0, 1] {
            let found = dumps[side].elements_in(documents[side]);
            let elements = wanted[side].iter().map(|at| found[*at].clone());
            let mut elements: Vec<_> = elements.collect::<Option<_>>()?;
            elements.sort_by_key(|element| (element.range.start, element.list));
            elements.dedup();
            differing.elements[side] = elements;
        }
        Some(differing)
    }

    /// The resources that are compared, by what they are called.
    fn groups(&self, pair: &ProxyPair<'_>) -> HashMap<ResourceKey, Positions> {
        let mut groups: HashMap<ResourceKey, Positions> = HashMap::new();
        for (side, dump) in [pair.before, pair.after].into_iter().enumerate() {
            for (at, resource) in dump.resources.iter().enumerate() {
                let key = ResourceKey {
                    occurrence: 0,
                    ..resource.key.clone()
                };
                if (self.options.keep)(&key) && !self.is_repeated(pair, &key) {
                    groups.entry(key).or_default()[side].push(at);
                }
            }
        }
        groups
    }

    /// Notes for a proxy what was found of other proxies' resources, which are the same as its own; `updated` is when its
    /// own was updated.
    pub fn again(
        &mut self,
        [before_id, after_id]: [&ProxyId; 2],
        compared: Compared,
        outcome: &Outcome,
        updated: Option<&str>,
    ) {
        debug_assert_eq!(self.report.mode, Mode::Change);
        let of = |change: &Change| Change {
            proxy: after_id.clone(),
            before_proxy: (before_id != after_id).then(|| before_id.clone()),
            source: compared,
            updated: updated.map(str::to_owned),
            ..change.clone()
        };
        let report = &mut self.report;
        report.changes.extend(outcome.changes.iter().map(of));
        report.live.extend(outcome.live.iter().map(of));
        let not_compared = outcome.not_compared.iter();
        report
            .not_compared
            .extend(not_compared.map(|entry| NotCompared {
                proxy: after_id.clone(),
                source: Some(compared),
                ..entry.clone()
            }));
        let summary = &mut report.summary;
        summary.resources += outcome.resources;
        let resource = outcome.changes.first().map(|change| &change.resource);
        if let Some(resource) = resource
            && (self.changed).insert((after_id.clone(), compared, resource.clone()))
        {
            let [added, removed, changed] = outcome.counted.map(usize::from);
            summary.added_resources += added;
            summary.removed_resources += removed;
            summary.changed_resources += changed;
        }
    }

    /// What was found since then.
    fn outcome(&self, then: &Found) -> Outcome {
        let report = &self.report;
        let (now, then_counted) = (&report.summary, &then.summary);
        Outcome {
            resources: now.resources - then_counted.resources,
            changes: report.changes[then.changes..].to_vec(),
            live: report.live[then.live..].to_vec(),
            not_compared: report.not_compared[then.not_compared..].to_vec(),
            counted: [
                now.added_resources > then_counted.added_resources,
                now.removed_resources > then_counted.removed_resources,
                now.changed_resources > then_counted.changed_resources,
            ],
        }
    }
}

/// Of the resources of two dumps, by what they are called, which are not the same by their bytes but for the order of
/// members: their positions before.
fn alike_bodies(dumps: [&Dump<'_>; 2], groups: &HashMap<ResourceKey, Positions>) -> HashSet<usize> {
    let body = |side: usize, at: usize| dumps[side].resources[at].body;
    let mut others = Vec::new();
    for group in groups.values() {
        if let [[before], [after]] = [&group[0][..], &group[1][..]]
            && body(0, *before) != body(1, *after)
        {
            others.push([*before, *after]);
        }
    }
    // In the order of the document, as memory is read best.
    others.sort_unstable();
    let hash = |side: usize| -> Vec<Option<u128>> {
        let bodies = others.iter().map(|pair| body(side, pair[side]));
        bodies.map(|body| content_hash(body?)).collect()
    };
    let hashes = thread::scope(|scope| {
        let after = scope.spawn(|| hash(1));
        let before = hash(0);
        after.join().map(|after| [before, after])
    });
    let Ok([before, after]) = hashes else {
        return HashSet::new();
    };
    let hashes = before.iter().zip(&after);
    let alike = others
        .iter()
        .zip(hashes)
        .filter(|(_, (before, after))| before.is_some() && before == after);
    alike.map(|([before, _], _)| *before).collect()
}

/// Takes out of the route configurations of an [excerpt](crate::normalize::excerpt()), of which both sides have one, virtual hosts
/// that are the same on both: the one of a port may hold one of each service in the mesh.
///
/// Law: a comparison finds the same. Virtual hosts are paired by their names where these are unique, whatever others there
/// are, and so one that is the same on both sides has nothing to do with any other. One of these stays, for a list without
/// items is none.
pub fn leave_out_equal(before: &mut [(u8, Vec<u8>)], after: &mut [(u8, Vec<u8>)]) {
    let routes = |side: &[(u8, Vec<u8>)]| {
        let mut routes: HashMap<(u8, String), Vec<(usize, Hosts)>> = HashMap::new();
        for (at, (list, element)) in side.iter().enumerate() {
            if let Some(route) = RouteHosts::of(element) {
                let of_name = routes.entry((*list, route.name)).or_default();
                of_name.push((at, route.hosts));
            }
        }
        routes
    };
    let mut others = routes(after);
    for (name, found) in routes(before) {
        let other = others.remove(&name).unwrap_or_default();
        if let ([(before_at, old)], [(after_at, new)]) = (&found[..], &other[..]) {
            let elements = [&mut before[*before_at].1, &mut after[*after_at].1];
            leave_out_equal_hosts(elements, [old, new]);
        }
    }
}

/// Names, and where what they name stands in an element.
type Hosts = Vec<(String, Range<usize>)>;

/// The longest name by which paths tell virtual hosts apart, in bytes, and a little less.
const MAX_NAME: usize = 1000;

fn leave_out_equal_hosts([before, after]: [&mut Vec<u8>; 2], hosts: [&Hosts; 2]) -> Option<()> {
    let by_name = |hosts: &Hosts| -> Option<HashMap<String, Range<usize>>> {
        let is_plain = |name: &str| name.len() <= MAX_NAME && !may_hold_marks(name.as_bytes());
        let are_plain = hosts.iter().all(|(name, _)| is_plain(name));
        let by_name: HashMap<_, _> = hosts.iter().cloned().collect();
        (are_plain && by_name.len() == hosts.len()).then_some(by_name)
    };
    by_name(hosts[0])?;
    let others = by_name(hosts[1])?;
    let mut left_out = BTreeSet::new();
    for (name, range) in hosts[0] {
        let Some(other) = others.get(name) else {
            continue;
        };
        let (one, other) = (&before[range.clone()], &after[other.clone()]);
        if (one == other || alike(one, other)) && !may_hold_marks(one) {
            left_out.insert(name.clone());
        }
    }
    left_out.pop_first()?;
    for (element, hosts) in [before, after].into_iter().zip(hosts) {
        let items: Vec<_> = (hosts.iter())
            .map(|(name, range)| (range.clone(), !left_out.contains(name)))
            .collect();
        keep_items(element, &items);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{
        diff::Options,
        normalize::{Dump, excerpt},
    };

    /// A virtual host: its name, its domain, and another value in it.
    type Host = (u8, u8, u8);

    fn element(hosts: &[Host], is_turned: bool) -> (u8, Vec<u8>) {
        let host = |(name, domain, value): &Host| {
            let name = match name {
                20 => "[redacted]".to_owned(),
                21 => "e\\u005b".to_owned(),
                name => char::from(b'a' + name).to_string(),
            };
            let value = ["1s", "2s", "[redacted]"][usize::from(*value)];
            let members = [
                format!("\"name\": \"{name}\""),
                format!("\"domains\": [\"{domain}.example\"]"),
                format!(
                    "\"routes\": [{{\"name\": \"{value}\", \"match\": {{\"prefix\": \"/\"}}}}]"
                ),
            ];
            match is_turned {
                true => format!(
                    "{{{}}}",
                    members.iter().rev().cloned().collect::<Vec<_>>().join(",")
                ),
                false => format!("{{{}}}", members.join(", ")),
            }
        };
        let hosts: Vec<String> = hosts.iter().map(host).collect();
        let route = format!(
            "{{\"route_config\": {{\"@type\": \"type.googleapis.com/envoy.config.route.v3.RouteConfiguration\", \
             \"name\": \"80\", \"virtual_hosts\": [{}]}}}}",
            hosts.join(" ,")
        );
        (6, route.into_bytes())
    }

    fn report(sides: [&[(u8, Vec<u8>)]; 2]) -> String {
        let texts = sides.map(|side| excerpt(side.iter().map(|(list, raw)| (*list, &raw[..]))));
        let [before, after] = texts.each_ref().map(|text| {
            let types = [crate::model::XdsType::Route].into();
            let rules = crate::model::Rules::all();
            Dump::parse_excerpt(text, types, None, rules).unwrap()
        });
        let id = ProxyId::new("web-1.shop").unwrap();
        let mut comparer = Comparer::new(Mode::Change, Options::default());
        comparer.proxy(&ProxyPair {
            before_id: &id,
            after_id: &id,
            before: &before,
            after: &after,
            compared: Compared::Envoy,
            last_errors: &[],
        });
        format!("{:#?}", comparer.finish())
    }

    fn hosts() -> impl Strategy<Value = Vec<Host>> {
        prop::collection::vec((0..22_u8, 0..9_u8, 0..3_u8), 0..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_comparison_finds_the_same_without_equal_virtual_hosts(
            common in hosts(),
            before in hosts(),
            after in hosts(),
        ) {
            let before = [&common[..], &before].concat();
            let after = [&after[..], &common].concat();
            let mut sides = [element(&before, false), element(&after, true)].map(|side| vec![side]);
            let whole = report(sides.each_ref().map(Vec::as_slice));
            let [before, after] = &mut sides;
            leave_out_equal(before, after);
            prop_assert_eq!(report(sides.each_ref().map(Vec::as_slice)), whole);
        }
    }

    #[test]
    fn what_is_left_out_is_all_but_one_of_what_is_the_same() {
        let hosts: Vec<Host> = (0..4).map(|name| (name, name, 0)).collect();
        let mut changed = hosts.clone();
        changed[2].2 = 1;
        let mut sides = [element(&hosts, false), element(&changed, true)].map(|side| vec![side]);
        let [before, after] = &mut sides;
        leave_out_equal(before, after);
        let names = sides.map(|side| {
            let json: Json = serde_json::from_slice(&side[0].1).unwrap();
            let hosts = json["route_config"]["virtual_hosts"]
                .as_array()
                .unwrap()
                .clone();
            hosts
                .into_iter()
                .map(|host| host["name"].clone())
                .collect::<Vec<_>>()
        });
        assert_eq!(names, [[json!("a"), json!("c")], [json!("a"), json!("c")]]);
    }
}
