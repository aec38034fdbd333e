//! Which workload a proxy is of: what its replicas, and the pods that take their place, have in common.
//!
//! The bootstrap tells it: its owner, as the injector noted it, or else cluster and service account. A dump without a
//! bootstrap (istiod's, a cut one) leaves the pod's name, as Kubernetes makes it for the replicas of a workload.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    model::{ProxyId, XdsType},
    normalize::Dump,
};

/// What a proxy is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyKind {
    /// It stands beside a workload.
    Sidecar,
    /// It stands at the border of a mesh.
    Gateway,
    /// It stands before the workloads of a namespace or a service, in ambient mode.
    Waypoint,
    /// Something else, or nothing tells.
    Other,
}

impl ProxyKind {
    /// One of them, and several.
    pub fn nouns(self) -> [&'static str; 2] {
        match self {
            Self::Sidecar => ["sidecar", "sidecars"],
            Self::Gateway => ["gateway", "gateways"],
            Self::Waypoint => ["waypoint", "waypoints"],
            Self::Other => ["proxy", "proxies"],
        }
    }

    /// The first part of an Istio `node.id` tells it.
    fn of_node_id(node_id: &str) -> Self {
        match node_id.split_once('~') {
            Some(("sidecar", _)) => Self::Sidecar,
            Some(("router", _)) => Self::Gateway,
            Some(("waypoint", _)) => Self::Waypoint,
            _ => Self::Other,
        }
    }
}

/// What is known of a proxy that tells which workload it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What it is there for.
    pub kind: ProxyKind,
    namespace: String,
    /// The workload's name; `None` where nothing tells one.
    name: Option<String>,
    evidence: Option<Evidence>,
}

/// What tells two workloads of one name and namespace apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Evidence {
    /// The kind of the owner: `deployments`, `statefulsets`.
    Owner(String),
    /// `node.cluster` and the service account.
    Node(Option<String>, Option<String>),
}

/// A workload: the owner of some pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    namespace: String,
    name: String,
    /// Only where others of its name and namespace are known to be something else.
    evidence: Option<Evidence>,
}

impl Workload {
    /// Its name, without the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What of a proxy's ID tells it from its siblings: the pod's name behind the workload's.
    pub fn suffix<'a>(&self, proxy: &'a ProxyId) -> Option<&'a str> {
        let pod = proxy.as_str().strip_suffix(self.namespace.as_str())?;
        let pod = pod.strip_suffix('.')?;
        pod.strip_prefix(self.name.as_str())?.strip_prefix('-')
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => f.pad(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// What is read of a bootstrap; anything may be something else in a hostile one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Bootstrap {
    node: Node,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Node {
    id: Json,
    cluster: Json,
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "SCREAMING_SNAKE_CASE")]
struct Metadata {
    owner: Json,
    namespace: Json,
    workload_name: Json,
    service_account: Json,
}

impl Facts {
    /// The texts in them, which a dump holds.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let of_evidence = match &self.evidence {
            None => [None; 2],
            Some(Evidence::Owner(kind)) => [Some(kind), None],
            Some(Evidence::Node(cluster, account)) => [cluster.as_ref(), account.as_ref()],
        };
        let texts = of_evidence.into_iter().chain([self.name.as_ref()]);
        let texts = texts.flatten().chain([&self.namespace]);
        texts.map(String::as_str)
    }

    /// What the ID alone tells.
    pub fn of_id(proxy: &ProxyId) -> Self {
        let (name, namespace) = match proxy.workload() {
            Some((name, namespace)) => (Some(name), namespace),
            None => (None, proxy.namespace().unwrap_or_default()),
        };
        Self {
            kind: ProxyKind::Other,
            namespace: namespace.to_owned(),
            name: name.map(str::to_owned),
            evidence: None,
        }
    }

    /// What the ID and the bootstrap in the proxy's dump tell; `None` where it has no bootstrap.
    pub fn of(proxy: &ProxyId, dump: &Dump<'_>) -> Option<Self> {
        let mut resources = dump.resources.iter();
        let bootstrap = resources.find(|r| r.key.xds_type == XdsType::Bootstrap)?;
        let Bootstrap { node } = serde_json::from_slice(bootstrap.body?).ok()?;
        let mut facts = Self::of_id(proxy);
        let text = |value: &Json| {
            value
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        facts.kind = text(&node.id).map_or(ProxyKind::Other, |id| ProxyKind::of_node_id(&id));
        if let Some(namespace) = text(&node.metadata.namespace) {
            facts.namespace = namespace;
        }
        if let Some([namespace, kind, name]) = text(&node.metadata.owner).as_deref().and_then(owner)
        {
            facts.namespace = namespace.to_owned();
            facts.name = Some(name.to_owned());
            facts.evidence = Some(Evidence::Owner(kind.to_owned()));
            return Some(facts);
        }
        let cluster = text(&node.cluster);
        let named = text(&node.metadata.workload_name).or(facts.name.take());
        facts.name = named.or_else(|| cluster.clone());
        facts.evidence = (cluster.is_some()).then(|| {
            let account = text(&node.metadata.service_account);
            Evidence::Node(cluster, account)
        });
        Some(facts)
    }
}

/// Namespace, kind and name of an owner: `kubernetes://apis/apps/v1/namespaces/default/deployments/reviews-v1`.
fn owner(owner: &str) -> Option<[&str; 3]> {
    let (_, rest) = owner.split_once("/namespaces/")?;
    let mut parts = rest.split('/');
    let found = [parts.next()?, parts.next()?, parts.next()?];
    (parts.next().is_none() && found.iter().all(|part| !part.is_empty())).then_some(found)
}

/// The workload of each proxy; `None` where nothing tells one.
///
/// Proxies of one name and namespace are of one workload, unless what is known of them says that there are several:
/// owners of two kinds, or two service accounts. Then a proxy of which nothing is known is of none of these.
pub fn workloads<'a>(facts: impl IntoIterator<Item = &'a Facts>) -> Vec<Option<Workload>> {
    let facts: Vec<&Facts> = facts.into_iter().collect();
    let mut known: BTreeMap<(&str, &str), BTreeSet<&Evidence>> = BTreeMap::new();
    for facts in &facts {
        if let (Some(name), Some(evidence)) = (&facts.name, &facts.evidence) {
            let known = known.entry((&facts.namespace, name)).or_default();
            known.insert(evidence);
        }
    }
    let several: BTreeSet<(&str, &str)> = known
        .into_iter()
        .filter(|(_, known)| {
            let owners = known.iter().filter(|of| matches!(of, Evidence::Owner(_)));
            let owners = owners.count();
            owners > 1 || known.len() - owners > 1
        })
        .map(|(name, _)| name)
        .collect();
    let each = facts.into_iter();
    each.map(|facts| {
        let name = facts.name.as_deref()?;
        let is_split = several.contains(&(facts.namespace.as_str(), name));
        Some(Workload {
            namespace: facts.namespace.clone(),
            name: name.to_owned(),
            evidence: facts.evidence.clone().filter(|_| is_split),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(id: &str, node: Json) -> Facts {
        let dump = json!({"configs": [{
            "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
            "bootstrap": {"node": node},
        }]})
        .to_string();
        let dump = Dump::parse([(None, dump.as_bytes())]).unwrap();
        Facts::of(&ProxyId::new(id).unwrap(), &dump).unwrap()
    }

    fn owned(kind: &str, name: &str) -> Json {
        let owner = format!("kubernetes://apis/apps/v1/namespaces/shop/{kind}/{name}");
        json!({"id": "sidecar~10.0.0.1~x.shop~d", "cluster": "web.shop", "metadata": {"OWNER": owner}})
    }

    fn node(cluster: &str, account: &str) -> Json {
        json!({"cluster": cluster, "metadata": {"NAMESPACE": "shop", "SERVICE_ACCOUNT": account}})
    }

    #[test]
    fn replicas_are_of_one_workload_by_owner_else_by_node_else_by_name() {
        let id = |id: &str| Facts::of_id(&ProxyId::new(id).unwrap());
        const A: &str = "web-545db77b95-2k8ls.shop";
        const B: &str = "web-7d8c6f9b44-w9xnd.shop";
        for (one, other, is_one) in [
            (
                facts(A, owned("deployments", "web")),
                facts(B, owned("deployments", "web")),
                true,
            ),
            (facts(A, owned("deployments", "web")), id(B), true),
            (id(A), id(B), true),
            (id(A), id("web-7d8c6f9b44-w9xnd.other"), false),
            (id(A), id("api-7d8c6f9b44-w9xnd.shop"), false),
            // What the owner is called, whatever the pod is.
            (
                facts("a.shop", owned("deployments", "web")),
                facts("b.shop", owned("deployments", "web")),
                true,
            ),
            (
                facts(A, owned("deployments", "web")),
                facts(B, owned("deployments", "web2")),
                false,
            ),
            (
                facts(A, owned("deployments", "web")),
                facts(B, owned("statefulsets", "web")),
                false,
            ),
            (facts(A, node("web", "a")), facts(B, node("web", "a")), true),
            (
                facts(A, node("web", "a")),
                facts(B, node("web", "b")),
                false,
            ),
            (
                facts(A, node("web", "a")),
                facts(B, node("api", "a")),
                false,
            ),
            // No pods: the cluster is all that there is.
            (
                facts("edge-one", node("edge", "a")),
                facts("edge-two", node("edge", "a")),
                true,
            ),
            (
                facts("edge-one", node("edge", "a")),
                facts("edge-two", node("core", "a")),
                false,
            ),
            (id("one"), id("two"), false),
            (
                facts(A, json!({"id": 5, "metadata": {"OWNER": ["x"]}})),
                id(B),
                true,
            ),
            (
                facts(
                    A,
                    json!({"metadata": {"OWNER": "kubernetes://x/namespaces//a/b"}}),
                ),
                id(B),
                true,
            ),
        ] {
            let found = workloads([&one, &other]);
            let are_one = found[0].is_some() && found[0] == found[1];
            assert_eq!(are_one, is_one, "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_is_not_known_belongs_to_neither_of_two_workloads_of_one_name() {
        let id = Facts::of_id(&ProxyId::new("web-545db77b95-2k8ls.shop").unwrap());
        let deployment = facts("a.shop", owned("deployments", "web"));
        let set = facts("b.shop", owned("statefulsets", "web"));
        let found = workloads([&id, &deployment, &set]);
        let distinct: BTreeSet<_> = found.iter().collect();
        assert_eq!(distinct.len(), 3, "{found:?}");
    }

    #[test]
    fn the_kind_of_a_proxy_is_told_by_its_node() {
        for (id, kind) in [
            ("sidecar~1~a.b~c", ProxyKind::Sidecar),
            ("router~1~a.b~c", ProxyKind::Gateway),
            ("waypoint~1~a.b~c", ProxyKind::Waypoint),
            ("edge", ProxyKind::Other),
        ] {
            assert_eq!(facts("a.b", json!({"id": id})).kind, kind, "{id}");
        }
    }

    #[test]
    fn what_tells_a_pod_from_its_siblings_is_what_follows_the_workload() {
        let facts = facts("web-545db77b95-2k8ls.shop", owned("deployments", "web"));
        let workload = workloads([&facts])[0].clone().unwrap();
        assert_eq!(workload.to_string(), "shop/web");
        for (id, expected) in [
            ("web-545db77b95-2k8ls.shop", Some("545db77b95-2k8ls")),
            ("web.shop", None),
            ("web-1.other", None),
            ("api-1.shop", None),
        ] {
            assert_eq!(
                workload.suffix(&ProxyId::new(id).unwrap()),
                expected,
                "{id}"
            );
        }
    }
}
