//! Which proxy of one side takes the place of which of the other: by ID, then within one workload by content.
//!
//! Pods come and go, so before and after hold other pods of the same workloads. Of one workload, first those are pairs
//! that run the same, then those that have most in common; never one of this and one of another workload.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
    rc::Rc,
};

use super::{Facts, Fingerprint, SideName, Workload, workloads};
use crate::model::ProxyId;

/// Two proxies that are compared with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyMatch {
    /// The one on the *before* side.
    pub before: ProxyId,
    /// The one on the *after* side.
    pub after: ProxyId,
    /// What makes them a pair.
    pub by: MatchedBy,
    /// The workload of which both are, where that made them a pair.
    pub workload: Option<Workload>,
}

/// What makes two proxies a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchedBy {
    /// They have one ID.
    Id,
    /// Somebody said so.
    Given,
    /// Each side has but one.
    Only,
    /// They are of one workload, and each the only one of it that the other side lacks.
    Workload,
    /// They are of one workload and run the same.
    Content,
    /// They are of one workload, and none of it has more in common with either.
    Likeness,
    /// They are of one workload, and nothing tells which of it belong together.
    Order,
}

impl MatchedBy {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Given => "given",
            Self::Only => "only",
            Self::Workload => "workload",
            Self::Content => "content",
            Self::Likeness => "likeness",
            Self::Order => "order",
        }
    }
}

/// A proxy that the other side does not have, and what is known of it.
#[derive(Clone, Debug)]
pub struct Lone {
    /// The proxy.
    pub proxy: ProxyId,
    /// What tells its workload.
    pub facts: Facts,
}

/// Pairs, of proxies that only one side has, those of one workload, whatever the order in which they are given.
///
/// `fingerprint` is asked for what a proxy runs only where a workload leaves a choice; it has none of a proxy that
/// cannot be read.
pub fn pair_proxies(
    before: &[Lone],
    after: &[Lone],
    fingerprint: &mut dyn FnMut(SideName, &ProxyId) -> Option<Fingerprint>,
) -> Vec<ProxyMatch> {
    let all = before.iter().chain(after);
    let found = workloads(all.clone().map(|lone| &lone.facts));
    let mut groups: BTreeMap<Workload, [Vec<&ProxyId>; 2]> = BTreeMap::new();
    for (at, (lone, workload)) in all.zip(found).enumerate() {
        if let Some(workload) = workload {
            groups.entry(workload).or_default()[usize::from(at >= before.len())].push(&lone.proxy);
        }
    }
    let mut pairs = Vec::new();
    for (workload, mut sides) in groups {
        sides.iter_mut().for_each(|side| side.sort());
        let [before, after] = &sides;
        for (old, new, by) in matching(before, after, fingerprint) {
            pairs.push(ProxyMatch {
                before: before[old].clone(),
                after: after[new].clone(),
                by,
                workload: Some(workload.clone()),
            });
        }
    }
    pairs
}

/// Pairs positions of the proxies of one workload, as many as there are.
fn matching(
    before: &[&ProxyId],
    after: &[&ProxyId],
    fingerprint: &mut dyn FnMut(SideName, &ProxyId) -> Option<Fingerprint>,
) -> Vec<(usize, usize, MatchedBy)> {
    match (before, after) {
        ([], _) | (_, []) => return Vec::new(),
        ([_], [_]) => return vec![(0, 0, MatchedBy::Workload)],
        _ => {}
    }
    let mut classes = |side, proxies: &[&ProxyId]| {
        Classes::new(proxies.iter().map(|proxy| fingerprint(side, proxy)))
    };
    let mut old = classes(SideName::Before, before);
    let mut new = classes(SideName::After, after);
    let mut pairs = Vec::new();
    let same: Vec<(usize, usize)> = old
        .known()
        .filter_map(|(at, content)| Some((at, *new.index.get(content)?)))
        .collect();
    for (one, other) in same {
        take(
            &mut old.members[one],
            &mut new.members[other],
            MatchedBy::Content,
            &mut pairs,
        );
    }
    for (one, other) in alike(&old, &new) {
        take(
            &mut old.members[one],
            &mut new.members[other],
            MatchedBy::Likeness,
            &mut pairs,
        );
    }
    let [mut old, mut new] = [old, new].map(Classes::rest);
    take(&mut old, &mut new, MatchedBy::Order, &mut pairs);
    pairs
}

/// Pairs the first with the first while there are any.
fn take(
    old: &mut VecDeque<usize>,
    new: &mut VecDeque<usize>,
    by: MatchedBy,
    pairs: &mut Vec<(usize, usize, MatchedBy)>,
) {
    while let (Some(one), Some(other)) = (old.front(), new.front()) {
        pairs.push((*one, *other, by));
        old.pop_front();
        new.pop_front();
    }
}

/// Contents of both sides are not counted as likeness where so many pairs of them have a resource alike: it hardly tells
/// them apart, and a thousand contents would make a million pairs of each of a thousand resources.
const MOST_PAIRS: usize = 1024;

/// What old and new contents have most resources in common, most first; of equals, the first with the first.
fn alike(old: &Classes, new: &Classes) -> Vec<(usize, usize)> {
    let holders = |classes: &Classes| {
        let mut holders: HashMap<u32, Vec<usize>> = HashMap::new();
        let left = classes
            .known()
            .filter(|(at, _)| !classes.members[*at].is_empty());
        for (at, content) in left {
            for number in content.chunk_by(|a, b| a == b).map(|copies| copies[0]) {
                holders.entry(number).or_default().push(at);
            }
        }
        holders
    };
    let (old, new) = (holders(old), holders(new));
    let mut common: HashMap<(usize, usize), usize> = HashMap::new();
    for (number, ones) in &old {
        let Some(others) = new
            .get(number)
            .filter(|others| ones.len() * others.len() <= MOST_PAIRS)
        else {
            continue;
        };
        for one in ones {
            for other in others {
                *common.entry((*one, *other)).or_default() += 1;
            }
        }
    }
    let mut pairs: Vec<_> = common.into_iter().collect();
    pairs.sort_unstable_by_key(|(pair, common)| (Reverse(*common), *pair));
    pairs.into_iter().map(|(pair, _)| pair).collect()
}

/// Proxies of one side of a workload, by what they run.
struct Classes {
    /// The positions of the proxies of each class, in order of the first.
    members: Vec<VecDeque<usize>>,
    /// The class of each content: those of which none is known have one, too, that is not here.
    index: HashMap<Rc<[u32]>, usize>,
    /// What each class runs; `None` where it is not known.
    contents: Vec<Option<Rc<[u32]>>>,
}

impl Classes {
    fn new(found: impl IntoIterator<Item = Option<Fingerprint>>) -> Self {
        let mut classes = Self {
            members: Vec::new(),
            index: HashMap::new(),
            contents: Vec::new(),
        };
        let mut unknown = None;
        for (at, content) in found.into_iter().enumerate() {
            let content = content.map(|content| content.resources());
            let next = classes.members.len();
            let class = match &content {
                Some(content) => *classes.index.entry(Rc::clone(content)).or_insert(next),
                None => *unknown.get_or_insert(next),
            };
            if class == next {
                classes.members.push(VecDeque::new());
                classes.contents.push(content);
            }
            classes.members[class].push_back(at);
        }
        classes
    }

    /// The classes of which the content is known.
    fn known(&self) -> impl Iterator<Item = (usize, &Rc<[u32]>)> {
        let each = self.contents.iter().enumerate();
        each.filter_map(|(at, content)| Some((at, content.as_ref()?)))
    }

    /// The positions of those that have no partner, in their order.
    fn rest(self) -> VecDeque<usize> {
        let mut rest: Vec<usize> = self.members.into_iter().flatten().collect();
        rest.sort_unstable();
        rest.into()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;
    use crate::{diff::Fingerprints, model::Rules, normalize::Dump};

    /// A proxy whose clusters are these names with these timeouts.
    type Proxy = (&'static str, Option<&'static [(&'static str, u8)]>);

    fn lone(id: &str) -> Lone {
        let proxy = ProxyId::new(id).unwrap();
        Lone {
            facts: Facts::of_id(&proxy),
            proxy,
        }
    }

    fn fingerprint(all: &mut Fingerprints, clusters: &[(&str, u8)]) -> Fingerprint {
        let element = |(name, timeout): &(&str, u8)| {
            serde_json::json!({"cluster": {
                "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
                "name": name,
                "connect_timeout": format!("{timeout}s"),
            }})
        };
        let dump = serde_json::json!({"configs": [{
            "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
            "dynamic_active_clusters": clusters.iter().map(element).collect::<Vec<_>>(),
        }]})
        .to_string();
        let dump = Dump::parse([(None, dump.as_bytes())]).unwrap();
        all.take(&dump, Rules::all(), &|_| true).unwrap()
    }

    /// Pairs proxies of workload `web-`, and tells how many fingerprints were asked for.
    fn pairs(sides: [&[Proxy]; 2]) -> (Vec<String>, usize) {
        let mut all = Fingerprints::default();
        let id = |(pod, _): &Proxy| lone(&format!("web-545db77b95-{pod}.shop"));
        let lones = sides.map(|side| side.iter().map(id).collect::<Vec<_>>());
        let asked = Cell::new(0);
        let found = pair_proxies(&lones[0], &lones[1], &mut |side, proxy| {
            asked.set(asked.get() + 1);
            let side = match side {
                SideName::Before => sides[0],
                SideName::After => sides[1],
            };
            let of = side.iter().find(|(pod, _)| proxy.as_str().contains(pod));
            of.and_then(|(_, clusters)| Some(fingerprint(&mut all, (*clusters)?)))
        });
        let short = |id: &ProxyId| id.as_str()[15..20].to_owned();
        let text =
            |m: &ProxyMatch| format!("{} {} {}", short(&m.before), short(&m.after), m.by.as_str());
        (found.iter().map(text).collect(), asked.get())
    }

    #[test]
    fn equal_content_pairs_first_then_most_in_common_then_order() {
        const A: Option<&[(&str, u8)]> = Some(&[("a", 1), ("b", 1), ("c", 1)]);
        const A_EDITED: Option<&[(&str, u8)]> = Some(&[("a", 1), ("b", 1), ("c", 2)]);
        const Z: Option<&[(&str, u8)]> = Some(&[("a", 9), ("b", 9), ("c", 9)]);
        const Z_EDITED: Option<&[(&str, u8)]> = Some(&[("a", 9), ("b", 9), ("c", 2)]);
        for (before, after, expected, asked) in [
            // One of each needs no content.
            (
                &[("bbbbb", A)][..],
                &[("ccccc", Z)][..],
                &["bbbbb ccccc workload"][..],
                0,
            ),
            (
                &[("bbbbb", A), ("ccccc", Z)],
                &[("ddddd", Z), ("fffff", A)],
                &["bbbbb fffff content", "ccccc ddddd content"],
                4,
            ),
            (
                &[("bbbbb", A), ("ccccc", Z)],
                &[("ddddd", Z_EDITED), ("fffff", A_EDITED)],
                &["bbbbb fffff likeness", "ccccc ddddd likeness"],
                4,
            ),
            // Who has least in common is left.
            (
                &[("bbbbb", A), ("ccccc", Z)],
                &[("ddddd", Z_EDITED)],
                &["ccccc ddddd likeness"],
                3,
            ),
            (
                &[("bbbbb", A), ("ccccc", A)],
                &[("ddddd", A)],
                &["bbbbb ddddd content"],
                3,
            ),
            (
                &[("bbbbb", A), ("ccccc", None)],
                &[("ddddd", None), ("fffff", Z)],
                &["bbbbb ddddd order", "ccccc fffff order"],
                4,
            ),
            (&[("bbbbb", A)], &[], &[], 0),
        ] {
            assert_eq!(
                pairs([before, after]),
                (expected.iter().map(|t| (*t).to_owned()).collect(), asked)
            );
        }
    }

    #[test]
    fn a_thousand_replicas_that_all_differ_are_paired_by_what_tells_them_apart() {
        // One resource of each is its own, and fifty are everybody's.
        let own = |i: u32| -> Vec<u32> { (0..50).chain([1000 + i]).collect() };
        let mut known = Fingerprints::default();
        let template = fingerprint(&mut known, &[]);
        let of = |resources: Vec<u32>| Some(template.with_resources(resources));
        let mut each = (0..1000).map(|i| of(own(i))).collect::<Vec<_>>();
        let old = Classes::new(each.clone());
        each.reverse();
        let edited = each.into_iter().map(|content| {
            let mut resources = content.unwrap().resources().to_vec();
            resources[0] = 999;
            of(resources)
        });
        let found = alike(&old, &Classes::new(edited));
        assert_eq!(found.len(), 1000);
        assert!(found.iter().all(|(old, new)| old + new == 999));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A matching within workloads, of all that can be matched, which no order of the proxies changes.
        #[test]
        fn pairs_are_a_matching_within_workloads_whatever_the_order(
            before in proptest::collection::btree_map((0u8..3, 0u8..9), 0u32..3, 0..12),
            after in proptest::collection::btree_map((0u8..3, 9u8..18), 0u32..3, 0..12),
            seed in any::<u64>(),
        ) {
            const LETTERS: &[u8] = b"bcdfghjklmnpqrstvw";
            let id = |(workload, pod): &(u8, u8)| {
                let pod = char::from(LETTERS[usize::from(*pod)]);
                format!("w{workload}-545db77b95-2k8l{pod}.shop")
            };
            let mut known = Fingerprints::default();
            let template = fingerprint(&mut known, &[]);
            let contents: BTreeMap<String, u32> =
                before.iter().chain(&after).map(|(key, content)| (id(key), *content)).collect();
            let run = |before: &[Lone], after: &[Lone]| pair_proxies(before, after, &mut |_, proxy| {
                let content = contents[proxy.as_str()];
                (content > 0).then(|| template.with_resources(vec![content]))
            });
            let [mut old, mut new] = [&before, &after]
                .map(|side| side.keys().map(|key| lone(&id(key))).collect::<Vec<_>>());
            let found = run(&old, &new);
            let mut dice = seed;
            for side in [&mut old, &mut new] {
                for i in (1..side.len()).rev() {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    side.swap(i, (dice >> 33) as usize % (i + 1));
                }
            }
            prop_assert_eq!(&found, &run(&old, &new));
            let mut seen = std::collections::BTreeSet::new();
            for pair in &found {
                prop_assert!(seen.insert(&pair.before) && seen.insert(&pair.after));
                prop_assert_eq!(pair.before.workload(), pair.after.workload());
                let same = contents[pair.before.as_str()] == contents[pair.after.as_str()];
                prop_assert!(pair.by != MatchedBy::Content || same);
            }
            for workload in 0..3 {
                let count = |side: &BTreeMap<(u8, u8), u32>| side.keys().filter(|(of, _)| *of == workload).count();
                let name = format!("w{workload}");
                let paired = found.iter().filter(|p| p.before.workload().unwrap().0 == name).count();
                prop_assert_eq!(paired, count(&before).min(count(&after)));
            }
        }
    }
}
