//! Which proxy a resource belongs to, and who says so.

use std::fmt;

/// A proxy's ID: `<pod>.<namespace>` as istiod has it, or any label the user gave.
///
/// It becomes a folder name in a bundle, so it never holds a slash, a control character, or only dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProxyId(String);

/// A text that cannot be a proxy's ID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "invalid proxy ID {0:?} (expected 1 to 253 bytes without slash, backslash or control character, not only dots)"
)]
pub struct InvalidProxyId(String);

impl ProxyId {
    /// The longest ID in bytes: a Kubernetes name and a namespace fit.
    pub const MAX_BYTES: usize = 253;

    /// Checks and wraps `id`.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidProxyId> {
        let id = id.into();
        let bad = |c: char| c == '/' || c == '\\' || c.is_control();
        if id.is_empty()
            || id.len() > Self::MAX_BYTES
            || id.contains(bad)
            || id.bytes().all(|b| b == b'.')
        {
            return Err(InvalidProxyId(id));
        }
        Ok(Self(id))
    }

    /// The ID in an Envoy `node.id`: the third `~` part (`sidecar~10.0.0.1~pod.namespace~domain`), else all of it.
    pub fn from_node_id(node_id: &str) -> Result<Self, InvalidProxyId> {
        let parts: Vec<&str> = node_id.split('~').collect();
        match parts[..] {
            [_, _, id, _] => Self::new(id),
            _ => Self::new(node_id),
        }
    }

    /// The workload and the namespace of a pod that a Deployment, a DaemonSet or a StatefulSet named: what its
    /// replicas have in common.
    pub fn workload(&self) -> Option<(&str, &str)> {
        // What Kubernetes makes random parts of names from: `SafeEncodeString` in `k8s.io/apimachinery`.
        const RANDOM: &str = "bcdfghjklmnpqrstvwxz2456789";
        let is_random = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&part.len()) && part.chars().all(|c| RANDOM.contains(c))
        };
        let (pod, namespace) = self.0.rsplit_once('.')?;
        let (rest, last) = pod.rsplit_once('-')?;
        let workload = match rest.rsplit_once('-') {
            Some((workload, template)) if is_random(last, 5..=5) && is_random(template, 6..=10) => {
                workload
            }
            _ if is_random(last, 5..=5) || last.bytes().all(|b| b.is_ascii_digit()) => rest,
            _ => return None,
        };
        Some((workload, namespace))
    }

    /// The namespace of a pod: what follows the last dot.
    pub fn namespace(&self) -> Option<&str> {
        self.0.rsplit_once('.').map(|(_, namespace)| namespace)
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProxyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Who says what a proxy's configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Envoy: what the proxy runs.
    Envoy,
    /// Istiod: what it would send that proxy.
    Istiod,
}

impl Source {
    /// `envoy` or `istiod`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::Istiod => "istiod",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no source.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown source `{0}` (expected `envoy` or `istiod`)")]
pub struct UnknownSource(String);

impl std::str::FromStr for Source {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "envoy" => Ok(Self::Envoy),
            "istiod" => Ok(Self::Istiod),
            _ => Err(UnknownSource(text.to_owned())),
        }
    }
}

#[test]
fn the_id_is_the_third_part_of_a_node_id_or_all_of_it() {
    for (node_id, id) in [
        (
            "sidecar~10.44.1.11~web-1.shop~shop.svc.cluster.local",
            "web-1.shop",
        ),
        ("lab-node", "lab-node"),
        ("a~b", "a~b"),
    ] {
        assert_eq!(ProxyId::from_node_id(node_id).unwrap().as_str(), id);
    }
}

#[test]
fn an_id_that_could_leave_its_folder_is_refused() {
    for id in ["", ".", "..", "a/b", "a\\b", "a\u{1b}[2J", &"x".repeat(254)] {
        assert!(ProxyId::new(id).is_err(), "{id:?}");
    }
}

#[test]
fn replicas_have_their_workload_in_common() {
    for (id, expected) in [
        ("reviews-v1-545db77b95-2k8ls.default", Some("reviews-v1")),
        (
            "istio-ingressgateway-6d4bd4bc57-v7w5k.istio-system",
            Some("istio-ingressgateway"),
        ),
        ("ztunnel-x2k4b.istio-system", Some("ztunnel")),
        ("web-12.shop", Some("web")),
        ("web-one.shop", None),
        ("web.shop", None),
        ("web-1", None),
    ] {
        let id = ProxyId::new(id).unwrap();
        assert_eq!(
            id.workload().map(|(workload, _)| workload),
            expected,
            "{id}"
        );
    }
}
