//! The rules by which two sides are made equal before their values are compared, and the list of all rules that can
//! be switched off.

use crate::{
    model::{Action, Rule, Scope, XdsType},
    normalize,
};

/// What a rule is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// It is applied to each side alone.
    Normalize,
    /// It is applied to two sides.
    Compare,
    /// It tells live state from configuration.
    Live,
}

/// Every rule that can be switched off.
pub fn rules() -> impl Iterator<Item = (Group, &'static Rule)> {
    let of = |group| move |rule| (group, rule);
    let envelope = normalize::ENVELOPE_RULES.into_iter();
    envelope
        .chain(&normalize::RULES)
        .map(of(Group::Normalize))
        .chain(RULES.into_iter().map(of(Group::Compare)))
        .chain(normalize::LIVE.into_iter().map(of(Group::Live)))
}

/// Every rule about two sides.
static RULES: [&Rule; 15] = [
    &LISTENER_ROUTES,
    &POD_IDENTITY,
    &EXTENSION_NAME,
    &WASM_CODE,
    &WASM_VERSION,
    &ENDPOINT_POLICY,
    &ENDPOINT_DROPS,
    &ENDPOINT_LOCALITIES,
    &ENDPOINT_DUPLICATES,
    &ENDPOINT_HEALTH,
    &ENDPOINT_HEALTH_CHECK,
    &TYPED_STRUCT_FIELDS,
    &UNKNOWN_FIELD_NAMES,
    &API_VERSION,
    &HEADER_ORDER,
];

pub(super) static LISTENER_ROUTES: Rule = Rule {
    name: "listener-routes",
    reason: "Envoy repeats the route configurations that stand inside listeners, where they are compared",
    scope: Scope::TypeBeside(XdsType::Route, XdsType::Listener),
    paths: &[&[]],
    action: Action::Code("left out where its state is static"),
};

pub(super) static POD_IDENTITY: Rule = Rule {
    name: "pod-identity",
    reason: "it tells which pod of its workload a proxy is",
    scope: Scope::Type(XdsType::Bootstrap),
    paths: &[
        &["node", "id"],
        &["node", "metadata", "NAME"],
        &["node", "metadata", "INSTANCE_IPS"],
        &["node", "metadata", "pod-template-hash"],
        &["node", "metadata", "LABELS", "pod-template-hash"],
        &["node", "metadata", "STATIC_LABELS", "pod-template-hash"],
    ],
    action: Action::Code("left out between two pods of one workload"),
};

pub(super) static EXTENSION_NAME: Rule = Rule {
    name: "extension-name",
    reason: "istiod shows a Wasm extension by the name of its plugin only",
    scope: Scope::Type(XdsType::ExtensionConfig),
    paths: &[&["name"]],
    action: Action::Code("istiod against Envoy: read as Envoy has it"),
};

/// Istiod says where to fetch the code, and Envoy where the agent has put it.
pub(super) static WASM_CODE: Rule = Rule {
    name: "wasm-code",
    reason: "the agent fetches the code, and gives Envoy a file",
    scope: Scope::Type(XdsType::ExtensionConfig),
    paths: &[&["typed_config", "config", "vm_config", "code"]],
    action: Action::Code("istiod against Envoy: left out where it is remote there and local here"),
};

pub(super) static WASM_VERSION: Rule = Rule {
    name: "wasm-resource-version",
    reason: "the agent takes the version of the pull secret away",
    scope: Scope::Type(XdsType::ExtensionConfig),
    paths: &[&[
        "typed_config",
        "config",
        "vm_config",
        "environment_variables",
        "key_values",
        "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION",
    ]],
    action: Action::Code("istiod against Envoy: left out of what istiod says"),
};

pub(super) static ENDPOINT_POLICY: Rule = Rule {
    name: "endpoint-policy",
    reason: "Envoy rebuilds endpoint assignments, and does not show this of their policy",
    scope: Scope::Type(XdsType::Endpoint),
    paths: &[
        &["policy", "endpoint_stale_after"],
        &["policy", "weighted_priority_health"],
    ],
    action: Action::Code("istiod against Envoy: left out"),
};

pub(super) static ENDPOINT_DROPS: Rule = Rule {
    name: "endpoint-drop-percentage",
    reason: "Envoy rebuilds endpoint assignments, and prints what is dropped per million",
    scope: Scope::Type(XdsType::Endpoint),
    paths: &[&["policy", "drop_overloads", "*", "drop_percentage"]],
    action: Action::Code("istiod against Envoy: read as per million"),
};

pub(super) static ENDPOINT_LOCALITIES: Rule = Rule {
    name: "endpoint-localities",
    reason: "Envoy rebuilds endpoint assignments from hosts, by priority and locality",
    scope: Scope::Type(XdsType::Endpoint),
    paths: &[&["endpoints", "*"]],
    action: Action::Code(
        "istiod against Envoy: left out without hosts, joined where priority and locality are one",
    ),
};

pub(super) static ENDPOINT_DUPLICATES: Rule = Rule {
    name: "endpoint-duplicates",
    reason: "Envoy keeps the first of the hosts that have one address",
    scope: Scope::Type(XdsType::Endpoint),
    paths: &[&["endpoints", "*", "lb_endpoints", "*"]],
    action: Action::Code(
        "istiod against Envoy: left out where the locality has its address already",
    ),
};

pub(super) static ENDPOINT_HEALTH: Rule = Rule {
    name: "endpoint-coarse-health",
    reason: "to Envoy a host is healthy, degraded or not",
    scope: Scope::Type(XdsType::Endpoint),
    paths: &[&["endpoints", "*", "lb_endpoints", "*", "health_status"]],
    action: Action::Code("istiod against Envoy: DRAINING and TIMEOUT read as UNHEALTHY"),
};

pub(super) static ENDPOINT_HEALTH_CHECK: Rule = Rule {
    name: "endpoint-health-check",
    reason: "Envoy rebuilds endpoint assignments, and does not show this of their hosts",
    scope: Scope::Type(XdsType::Endpoint),
    paths: &[&[
        "endpoints",
        "*",
        "lb_endpoints",
        "*",
        "endpoint",
        "health_check_config",
    ]],
    action: Action::Code("istiod against Envoy: left out"),
};

pub(super) static TYPED_STRUCT_FIELDS: Rule = Rule {
    name: "typed-struct-fields",
    reason: "Envoy reads a TypedStruct as the type it names, and drops fields which that lacks",
    scope: Scope::Everywhere,
    paths: &[],
    action: Action::Code(
        "istiod against Envoy: left out where a TypedStruct's type and Envoy both lack the field",
    ),
};

pub(super) static UNKNOWN_FIELD_NAMES: Rule = Rule {
    name: "unknown-field-names",
    reason: "istiod prints names in camel case, Envoy in snake case",
    scope: Scope::Everywhere,
    paths: &[],
    action: Action::Code("istiod against Envoy: read as one, for fields without a schema"),
};

/// istio/istio#23735.
pub(super) static API_VERSION: Rule = Rule {
    name: "api-version",
    reason: "a message is the same bytes by its name in an older API and by its current one",
    scope: Scope::Everywhere,
    paths: &[],
    action: Action::Code("read by the current name, where two sides use names of other versions"),
};

/// istio/istio#10293.
pub(super) static HEADER_ORDER: Rule = Rule {
    name: "header-order",
    reason: "Envoy formats the values of all headers before it adds the first",
    scope: Scope::Message("envoy.config.core.v3.HeaderValueOption"),
    paths: &[],
    action: Action::Code("istiod against Envoy: in any order, where each is there once"),
};

#[test]
fn every_rule_has_a_name_of_its_own_and_all_that_is_printed() {
    let mut names = std::collections::BTreeSet::new();
    for (_, rule) in rules() {
        assert!(names.insert(rule.name), "two rules called {}", rule.name);
        assert!(
            rule.name
                .bytes()
                .all(|b| b == b'-' || b.is_ascii_lowercase()),
            "{}",
            rule.name
        );
        for text in [rule.reason.to_owned(), rule.action.to_string()] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
        }
    }
}
