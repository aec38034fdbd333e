//! The xDS resource types, under the names that scripts and `istioctl` use.

use std::fmt;

/// The type of an xDS resource.
///
/// A config-dump section that this build has no rules for is kept as [`XdsType::Other`], so that a dump from a
/// newer Envoy is compared whole rather than refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum XdsType {
    /// `envoy.config.bootstrap.v3.Bootstrap`, one a proxy.
    Bootstrap,
    /// `envoy.config.cluster.v3.Cluster` (CDS).
    Cluster,
    /// `envoy.config.endpoint.v3.ClusterLoadAssignment` (EDS).
    Endpoint,
    /// `envoy.config.core.v3.TypedExtensionConfig` (ECDS).
    ExtensionConfig,
    /// `envoy.config.listener.v3.Listener` (LDS).
    Listener,
    /// `envoy.config.route.v3.RouteConfiguration` (RDS).
    Route,
    /// `envoy.config.route.v3.ScopedRouteConfiguration` (SRDS).
    ScopedRoute,
    /// `envoy.extensions.transport_sockets.tls.v3.Secret` (SDS).
    Secret,
    /// A section of another type, by its full message name.
    Other(String),
}

/// What each type is called: the name in outputs first, then every other name that is understood.
const NAMES: [(XdsType, &[&str]); 8] = [
    (XdsType::Bootstrap, &["bootstrap", "bootstraps", "b"]),
    (XdsType::Cluster, &["cluster", "clusters", "c", "cds"]),
    (XdsType::Endpoint, &["endpoint", "endpoints", "ep", "eds"]),
    (
        XdsType::ExtensionConfig,
        &["extension_config", "extension_configs", "ecds"],
    ),
    (XdsType::Listener, &["listener", "listeners", "l", "lds"]),
    (XdsType::Route, &["route", "routes", "r", "rds"]),
    (
        XdsType::ScopedRoute,
        &["scoped_route", "scoped_routes", "srds"],
    ),
    (XdsType::Secret, &["secret", "secrets", "s", "sds"]),
];

impl XdsType {
    /// The type of a section that is a message of an unknown type; it never has the name of a known one.
    pub fn unknown(message: &str) -> Self {
        Self::Other(match message.contains('.') {
            true => message.to_owned(),
            false => format!("unknown.{message}"),
        })
    }

    /// The name in outputs: `listener`, `cluster`, … or the full message name of an unknown section.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => {
                NAMES
                    .iter()
                    .find(|(xds_type, _)| xds_type == known)
                    .expect("every known type has a name")
                    .1[0]
            }
        }
    }
}

impl fmt::Display for XdsType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialOrd for XdsType {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for XdsType {
    /// Byte order of the names, as outputs are sorted.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// A type name that is neither one of ours nor a full message name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "unknown type `{0}` (expected cluster, listener, route, endpoint, secret, extension_config, scoped_route, bootstrap or a full message name)"
)]
pub struct UnknownType(String);

impl std::str::FromStr for XdsType {
    type Err = UnknownType;

    /// Reads the names that `istioctl proxy-config` takes: singular, plural, short or xDS; a name with a dot is a
    /// full message name.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let folded = name.to_ascii_lowercase().replace('-', "_");
        for (xds_type, names) in &NAMES {
            if names.contains(&folded.as_str()) {
                return Ok(xds_type.clone());
            }
        }
        if name.contains('.') {
            return Ok(Self::Other(name.to_owned()));
        }
        Err(UnknownType(name.to_owned()))
    }
}

#[test]
fn every_name_istioctl_takes_is_read_and_others_are_refused() {
    for (name, expected) in [
        ("cluster", XdsType::Cluster),
        ("Clusters", XdsType::Cluster),
        ("cds", XdsType::Cluster),
        ("ep", XdsType::Endpoint),
        ("extension-configs", XdsType::ExtensionConfig),
        (
            "envoy.admin.v9.New",
            XdsType::Other("envoy.admin.v9.New".into()),
        ),
    ] {
        assert_eq!(name.parse(), Ok(expected), "{name}");
    }
    let err = "clutser".parse::<XdsType>().unwrap_err();
    assert!(err.to_string().starts_with("unknown type `clutser`"));
}
