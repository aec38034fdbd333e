//! Replicas of one workload that do not run the same: what most of them run, and who runs something else.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use crate::{
    diff::{Facts, Fingerprint, Fingerprints, Workload, workloads},
    model::{ProxyId, ResourceKey},
};

/// A proxy, and what it runs in short.
#[derive(Clone, Debug)]
pub struct Sibling {
    /// The proxy.
    pub proxy: ProxyId,
    /// What tells its workload.
    pub facts: Facts,
    /// What it runs.
    pub runs: Fingerprint,
}

/// A workload whose replicas do not run the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The workload.
    pub workload: Workload,
    /// How many replicas run what most run; of equally many, what the first does.
    pub alike: usize,
    /// The others, those of most replicas first.
    pub others: Vec<Drifted>,
}

/// Replicas that run the same, but not what most of their workload run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifted {
    /// These, in byte order.
    pub proxies: Vec<ProxyId>,
    /// The resources that they have otherwise, or that only they have or lack.
    pub resources: Vec<ResourceKey>,
}

/// The workloads whose replicas differ, in byte order; the fingerprints were taken by `all`.
pub fn drift(siblings: &[Sibling], all: &Fingerprints) -> Vec<Drift> {
    let found = workloads(siblings.iter().map(|sibling| &sibling.facts));
    let mut groups: BTreeMap<Workload, HashMap<&Fingerprint, Vec<&ProxyId>>> = BTreeMap::new();
    for (workload, sibling) in found.into_iter().zip(siblings) {
        if let Some(workload) = workload {
            let contents = groups.entry(workload).or_default();
            contents
                .entry(&sibling.runs)
                .or_default()
                .push(&sibling.proxy);
        }
    }
    let each = groups.into_iter();
    each.filter_map(|(workload, contents)| {
        let mut contents: Vec<(&Fingerprint, Vec<&ProxyId>)> = contents.into_iter().collect();
        contents.iter_mut().for_each(|(_, proxies)| proxies.sort());
        contents.sort_by_key(|(_, proxies)| (Reverse(proxies.len()), proxies.first().copied()));
        let mut contents = contents.into_iter();
        let (most, proxies) = contents.next()?;
        let mut alike = proxies.len();
        let mut others = Vec::new();
        for (runs, proxies) in contents {
            let resources: Vec<ResourceKey> =
                all.differences(most, runs).into_iter().cloned().collect();
            match resources.is_empty() {
                // One of the dumps tells less.
                true => alike += proxies.len(),
                false => others.push(Drifted {
                    proxies: proxies.into_iter().cloned().collect(),
                    resources,
                }),
            }
        }
        (!others.is_empty()).then_some(Drift {
            workload,
            alike,
            others,
        })
    })
    .collect()
}

#[test]
fn who_runs_something_else_than_most_of_its_workload_is_found_with_what_differs() {
    use crate::{model::Rules, normalize::Dump};
    let mut all = Fingerprints::default();
    let mut sibling = |pod: &str, timeout: &str| {
        let dump = serde_json::json!({"configs": [
            {
                "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
                "bootstrap": {"node": {"id": format!("sidecar~10.0.0.1~{pod}~x"), "cluster": "x"}},
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
        .to_string();
        let dump = Dump::parse([(None, dump.as_bytes())]).unwrap();
        let proxy = ProxyId::new(pod).unwrap();
        Sibling {
            facts: Facts::of(&proxy, &dump).unwrap(),
            runs: all.take(&dump, Rules::all(), &|_| true).unwrap(),
            proxy,
        }
    };
    let mut siblings = vec![
        sibling("web-545db77b95-2k8ls.shop", "1s"),
        sibling("web-545db77b95-tq4rz.shop", "2s"),
        sibling("web-545db77b95-w9xnd.shop", "1.0s"),
        // Replicas that agree, and one that is alone.
        sibling("api-545db77b95-2k8ls.shop", "1s"),
        sibling("api-545db77b95-tq4rz.shop", "1s"),
        sibling("one-545db77b95-tq4rz.shop", "3s"),
    ];
    let text = |siblings: &[Sibling]| {
        let found = drift(siblings, &all);
        let [drift] = &found[..] else {
            panic!("{found:?}");
        };
        let [other] = &drift.others[..] else {
            panic!("{found:?}");
        };
        let names = |keys: &[ResourceKey]| {
            let each = keys
                .iter()
                .map(|key| format!("{} {}", key.xds_type, key.name));
            each.collect::<Vec<_>>()
        };
        let proxies = other.proxies.clone();
        (
            drift.workload.to_string(),
            drift.alike,
            proxies,
            names(&other.resources),
        )
    };
    let expected = (
        "shop/web".to_owned(),
        2,
        vec![ProxyId::new("web-545db77b95-tq4rz.shop").unwrap()],
        vec!["cluster a".to_owned()],
    );
    assert_eq!(text(&siblings), expected);
    siblings.reverse();
    assert_eq!(text(&siblings), expected);
}
