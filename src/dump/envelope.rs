//! The sections of a config dump, as one table: which lists they have, and where in an element a resource is.
//!
//! From `envoy/admin/v3/config_dump.proto` and `config_dump_shared.proto`.

use crate::model::{State, XdsType};

/// A member by its `.proto` name and its lowerCamelCase one.
pub(crate) type Name = [&'static str; 2];

/// One list of a section.
#[derive(Debug)]
pub(crate) struct ListSpec {
    /// The section's message.
    pub(crate) section: &'static str,
    /// The list's field.
    pub(crate) list: Name,
    /// The message of its elements; `?resource=` answers hold these without the section.
    pub(crate) element: &'static str,
    pub(crate) xds_type: XdsType,
    /// Where an element holds a resource, and in which state it then is.
    pub(crate) bodies: &'static [Body],
    /// The element's other fields that do not matter to a comparison: versions, times, names.
    pub(crate) known: &'static [Name],
}

/// Where an element holds a resource.
#[derive(Debug)]
pub(crate) struct Body {
    /// Members to go through.
    pub(crate) path: &'static [Name],
    pub(crate) state: Option<State>,
}

pub(crate) const NAME: Name = ["name", "name"];
pub(crate) const LAST_UPDATED: Name = ["last_updated", "lastUpdated"];
pub(crate) const LAST_UPDATE_ATTEMPT: Name = ["last_update_attempt", "lastUpdateAttempt"];
pub(crate) const ERROR_STATE: Name = ["error_state", "errorState"];
pub(crate) const DETAILS: Name = ["details", "details"];
pub(crate) const VERSION_INFO: Name = ["version_info", "versionInfo"];
pub(crate) const CLIENT_STATUS: Name = ["client_status", "clientStatus"];
const LISTENER: Name = ["listener", "listener"];
const SCOPED: Name = ["scoped_route_configs", "scopedRouteConfigs"];

const STATIC: &[Name] = &[LAST_UPDATED];
const DYNAMIC: &[Name] = &[VERSION_INFO, LAST_UPDATED, ERROR_STATE, CLIENT_STATUS, NAME];

macro_rules! bodies {
    ($([$($name:expr),+] => $state:expr),+) => { &[$(Body { path: &[$($name),+], state: $state }),+] };
}

macro_rules! list {
    ($section:literal, $list:expr, $element:literal, $xds_type:ident, $bodies:expr, $known:expr) => {
        ListSpec {
            section: concat!("envoy.admin.v3.", $section),
            list: $list,
            element: concat!("envoy.admin.v3.", $section, ".", $element),
            xds_type: XdsType::$xds_type,
            bodies: $bodies,
            known: $known,
        }
    };
}

const CLUSTER: Name = ["cluster", "cluster"];
pub(crate) const ROUTE_CONFIG: Name = ["route_config", "routeConfig"];
const SECRET: Name = ["secret", "secret"];
const ENDPOINT_CONFIG: Name = ["endpoint_config", "endpointConfig"];

/// Every list of every section.
#[rustfmt::skip]
pub(crate) static LISTS: [ListSpec; 15] = [
    list!("ClustersConfigDump", ["static_clusters", "staticClusters"], "StaticCluster", Cluster,
        bodies!([CLUSTER] => Some(State::Static)), STATIC),
    list!("ClustersConfigDump", ["dynamic_active_clusters", "dynamicActiveClusters"], "DynamicCluster", Cluster,
        bodies!([CLUSTER] => Some(State::Active)), DYNAMIC),
    list!("ClustersConfigDump", ["dynamic_warming_clusters", "dynamicWarmingClusters"], "DynamicCluster", Cluster,
        bodies!([CLUSTER] => Some(State::Warming)), DYNAMIC),
    list!("ListenersConfigDump", ["static_listeners", "staticListeners"], "StaticListener", Listener,
        bodies!([LISTENER] => Some(State::Static)), STATIC),
    list!("ListenersConfigDump", ["dynamic_listeners", "dynamicListeners"], "DynamicListener", Listener,
        bodies!(
            [["active_state", "activeState"], LISTENER] => Some(State::Active),
            [["warming_state", "warmingState"], LISTENER] => Some(State::Warming),
            [["draining_state", "drainingState"], LISTENER] => Some(State::Draining),
            [ERROR_STATE, ["failed_configuration", "failedConfiguration"]] => Some(State::Rejected)
        ), DYNAMIC),
    list!("RoutesConfigDump", ["static_route_configs", "staticRouteConfigs"], "StaticRouteConfig", Route,
        bodies!([ROUTE_CONFIG] => Some(State::Static)), STATIC),
    list!("RoutesConfigDump", ["dynamic_route_configs", "dynamicRouteConfigs"], "DynamicRouteConfig", Route,
        bodies!([ROUTE_CONFIG] => Some(State::Active)), DYNAMIC),
    list!("ScopedRoutesConfigDump", ["inline_scoped_route_configs", "inlineScopedRouteConfigs"],
        "InlineScopedRouteConfigs", ScopedRoute, bodies!([SCOPED] => Some(State::Static)), DYNAMIC),
    list!("ScopedRoutesConfigDump", ["dynamic_scoped_route_configs", "dynamicScopedRouteConfigs"],
        "DynamicScopedRouteConfigs", ScopedRoute, bodies!([SCOPED] => Some(State::Active)), DYNAMIC),
    list!("SecretsConfigDump", ["static_secrets", "staticSecrets"], "StaticSecret", Secret,
        bodies!([SECRET] => Some(State::Static)), DYNAMIC),
    list!("SecretsConfigDump", ["dynamic_active_secrets", "dynamicActiveSecrets"], "DynamicSecret", Secret,
        bodies!([SECRET] => Some(State::Active)), DYNAMIC),
    list!("SecretsConfigDump", ["dynamic_warming_secrets", "dynamicWarmingSecrets"], "DynamicSecret", Secret,
        bodies!([SECRET] => Some(State::Warming)), DYNAMIC),
    list!("EcdsConfigDump", ["ecds_filters", "ecdsFilters"], "EcdsFilterConfig", ExtensionConfig,
        bodies!([["ecds_filter", "ecdsFilter"]] => None), DYNAMIC),
    list!("EndpointsConfigDump", ["static_endpoint_configs", "staticEndpointConfigs"], "StaticEndpointConfig",
        Endpoint, bodies!([ENDPOINT_CONFIG] => None), STATIC),
    list!("EndpointsConfigDump", ["dynamic_endpoint_configs", "dynamicEndpointConfigs"], "DynamicEndpointConfig",
        Endpoint, bodies!([ENDPOINT_CONFIG] => None), DYNAMIC),
];

/// The section that holds no list.
pub(crate) const BOOTSTRAP_SECTION: &str = "envoy.admin.v3.BootstrapConfigDump";
pub(crate) const BOOTSTRAP: Name = ["bootstrap", "bootstrap"];

/// Fields of a section itself that do not matter to a comparison.
pub(crate) const SECTION_KNOWN: &[Name] = &[["@type", "@type"], VERSION_INFO, LAST_UPDATED];

/// The type that a section is about, if it is a known one.
pub(crate) fn section_type(message: &str) -> Option<XdsType> {
    if message == BOOTSTRAP_SECTION {
        return Some(XdsType::Bootstrap);
    }
    LISTS
        .iter()
        .find(|spec| spec.section == message)
        .map(|spec| spec.xds_type.clone())
}

/// Whether a type URL is that of a list's elements, which `?resource=` answers hold without the section.
pub(crate) fn is_element(type_url: &str) -> bool {
    let name = type_url.rsplit_once('/').map_or(type_url, |(_, name)| name);
    LISTS.iter().any(|spec| spec.element == name)
}

/// Resources as istiod's `?types=` prints them: bare, without section or element.
pub(crate) static BARE: [(&str, XdsType, Option<State>); 7] = [
    (
        "envoy.config.cluster.v3.Cluster",
        XdsType::Cluster,
        Some(State::Active),
    ),
    (
        "envoy.config.listener.v3.Listener",
        XdsType::Listener,
        Some(State::Active),
    ),
    (
        "envoy.config.route.v3.RouteConfiguration",
        XdsType::Route,
        Some(State::Active),
    ),
    (
        "envoy.config.route.v3.ScopedRouteConfiguration",
        XdsType::ScopedRoute,
        Some(State::Active),
    ),
    (
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        XdsType::Endpoint,
        None,
    ),
    (
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        XdsType::Secret,
        Some(State::Active),
    ),
    (
        "envoy.config.core.v3.TypedExtensionConfig",
        XdsType::ExtensionConfig,
        None,
    ),
];

#[test]
fn the_table_agrees_with_the_api() {
    use crate::xds::{Kind, Message};
    for spec in &LISTS {
        let section = Message::find(spec.section).unwrap();
        let field = section.field(spec.list[0]).unwrap();
        assert_eq!(field.json_name(), spec.list[1]);
        assert!(matches!(field.kind(), Kind::Message(m) if m.name() == spec.element));
        let element = Message::find(spec.element).unwrap();
        for body in spec.bodies {
            let mut message = element;
            for name in body.path {
                let field = message.field(name[0]).unwrap();
                assert_eq!(field.json_name(), name[1]);
                if let Kind::Message(inner) = field.kind() {
                    message = inner;
                }
            }
            assert_eq!(message.name(), "google.protobuf.Any");
        }
        // Whatever else an element has is known, so a field that is not in the API is a new one.
        for field in element.fields() {
            let body = spec
                .bodies
                .iter()
                .any(|body| body.path[0][0] == field.name());
            let known = spec.known.iter().any(|name| name[0] == field.name());
            assert!(body || known, "{}.{}", spec.element, field.name());
        }
    }
}
