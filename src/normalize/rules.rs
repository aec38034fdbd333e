//! What normalizing leaves out or fills in beyond the rules of protobuf's JSON, and what of it is live state: tables.

use super::{Number, Object, ObjectKind, Value};
use crate::model::{Action, Rule, Scope, Tally, XdsType};

/// Every rule, in the order in which they are applied.
#[rustfmt::skip]
pub static RULES: [Rule; 14] = [
    Rule {
        name: "bootstrap-extensions",
        reason: "Envoy lists the extensions that it was built with; they change with the binary only",
        scope: Scope::Type(XdsType::Bootstrap),
        paths: &[&["node", "extensions"]],
        action: Action::Drop,
    },
    Rule {
        name: "bootstrap-user-agent",
        reason: "Envoy adds its own name and version to the node",
        scope: Scope::Type(XdsType::Bootstrap),
        paths: &[&["node", "user_agent_name"], &["node", "user_agent_version"], &["node", "user_agent_build_version"]],
        action: Action::Drop,
    },
    Rule {
        name: "bootstrap-static-clusters",
        reason: "static clusters are compared at their own section",
        scope: Scope::TypeBeside(XdsType::Bootstrap, XdsType::Cluster),
        paths: &[&["static_resources", "clusters"]],
        action: Action::Drop,
    },
    Rule {
        name: "bootstrap-static-listeners",
        reason: "static listeners are compared at their own section",
        scope: Scope::TypeBeside(XdsType::Bootstrap, XdsType::Listener),
        paths: &[&["static_resources", "listeners"]],
        action: Action::Drop,
    },
    Rule {
        name: "bootstrap-static-secrets",
        reason: "static secrets are compared at their own section",
        scope: Scope::TypeBeside(XdsType::Bootstrap, XdsType::Secret),
        paths: &[&["static_resources", "secrets"]],
        action: Action::Drop,
    },
    Rule {
        name: "bootstrap-static-resources",
        reason: "nothing is left of it where all static resources are compared at their own sections",
        scope: Scope::TypeBeside(XdsType::Bootstrap, XdsType::Cluster),
        paths: &[&["static_resources"]],
        action: Action::DropEmpty,
    },
    Rule {
        name: "cidr-prefix-length",
        reason: "Envoy reads an absent prefix length as 0",
        scope: Scope::Message("envoy.config.core.v3.CidrRange"),
        paths: &[&["prefix_len"]],
        action: Action::DropNumber(0),
    },
    Rule {
        name: "xds-cidr-prefix-length",
        reason: "Envoy reads an absent prefix length as 0",
        scope: Scope::Message("xds.core.v3.CidrRange"),
        paths: &[&["prefix_len"]],
        action: Action::DropNumber(0),
    },
    Rule {
        name: "endpoint-overprovisioning",
        reason: "Envoy rebuilds endpoint assignments and prints the default factor, 140, in each",
        scope: Scope::Type(XdsType::Endpoint),
        paths: &[&["policy", "overprovisioning_factor"]],
        action: Action::DropNumber(140),
    },
    Rule {
        name: "endpoint-zero-weight",
        reason: "Envoy prints weight 0 for a locality that was sent without one",
        scope: Scope::Type(XdsType::Endpoint),
        paths: &[&["endpoints", "*", "load_balancing_weight"]],
        action: Action::DropNumber(0),
    },
    Rule {
        name: "endpoint-healthy",
        reason: "Envoy prints HEALTHY for a host that was sent without a health status",
        scope: Scope::Type(XdsType::Endpoint),
        paths: &[&["endpoints", "*", "lb_endpoints", "*", "health_status"]],
        action: Action::DropText("HEALTHY"),
    },
    Rule {
        name: "endpoint-weight",
        reason: "Envoy prints weight 1 for a host that was sent without one",
        scope: Scope::Type(XdsType::Endpoint),
        paths: &[&["endpoints", "*", "lb_endpoints", "*", "load_balancing_weight"]],
        action: Action::Fill(1),
    },
    Rule {
        name: "endpoint-empty-messages",
        reason: "Envoy prints empty messages in endpoint assignments where none was sent",
        scope: Scope::Type(XdsType::Endpoint),
        paths: &[
            &["policy"],
            &["endpoints", "*", "locality"],
            &["endpoints", "*", "metadata"],
            &["endpoints", "*", "lb_endpoints", "*", "metadata"],
            &["endpoints", "*", "lb_endpoints", "*", "endpoint", "health_check_config"],
        ],
        action: Action::DropEmpty,
    },
    Rule {
        name: "unknown-section-versions",
        reason: "every section and element of a config dump carries versions and times",
        scope: Scope::UnknownSection,
        paths: &[
            &["version_info"], &["versionInfo"], &["last_updated"], &["lastUpdated"],
        ],
        action: Action::Drop,
    },
];

/// Hosts come and go, and so does their health.
pub static HOST_HEALTH: Rule = Rule {
    name: "host-health",
    reason: "a host's health changes without a change of configuration",
    scope: Scope::Type(XdsType::Endpoint),
    paths: &[
        &["endpoints", "*", "lb_endpoints", "*", "health_status"],
        &[
            "endpoints",
            "*",
            "load_balancer_endpoints",
            "lb_endpoints",
            "*",
            "health_status",
        ],
    ],
    action: Action::Code("told apart as live state"),
};

/// Assignments that no control plane sent.
pub static HOSTS_WITHOUT_EDS: Rule = Rule {
    name: "hosts-without-eds",
    reason: "they are resolved by DNS, or repeated from the cluster",
    scope: Scope::Type(XdsType::Endpoint),
    paths: &[&[]],
    action: Action::Code("told apart as live state where the cluster is EDS on neither side"),
};

/// Listeners that wait for their last connections.
pub static DRAINING_LISTENERS: Rule = Rule {
    name: "draining-listeners",
    reason: "a draining listener goes away by itself",
    scope: Scope::Type(XdsType::Listener),
    paths: &[&[]],
    action: Action::Code("told apart as live state where its state is draining"),
};

/// What the agent has renewed every few hours.
pub static WORKLOAD_CERTIFICATE: Rule = Rule {
    name: "workload-certificate",
    reason: "the workload certificate rotates by itself",
    scope: Scope::Type(XdsType::Secret),
    paths: &[&["tls_certificate", "certificate_chain"]],
    action: Action::Code("told apart as live state in the secret `default`"),
};

/// The rules by which a difference is live state and not one of configuration.
pub static LIVE: [&Rule; 4] = [
    &HOST_HEALTH,
    &HOSTS_WITHOUT_EDS,
    &DRAINING_LISTENERS,
    &WORKLOAD_CERTIFICATE,
];

/// Applies every rule of [`RULES`] that is on to the resource `value`, and counts what it hides; `has_section` tells
/// which types the dump has a section of.
pub(super) fn apply(
    value: &mut Value,
    xds_type: &XdsType,
    has_section: &dyn Fn(&XdsType) -> bool,
    tally: &mut Tally<'_>,
) {
    for rule in &RULES {
        if !tally.has(rule) {
            continue;
        }
        let mut hidden = 0;
        match &rule.scope {
            Scope::UnknownSection if matches!(xds_type, XdsType::Other(_)) => {
                walk(value, &mut |object| match object.kind {
                    ObjectKind::Unknown | ObjectKind::Any(None) => {
                        hidden += to_object(rule, object)
                    }
                    _ => {}
                });
            }
            Scope::Type(of) if of == xds_type => hidden += to_value(rule, value),
            Scope::TypeBeside(of, beside) if of == xds_type && has_section(beside) => {
                hidden += to_value(rule, value);
            }
            Scope::Message(name) => walk(value, &mut |object| match object.kind {
                ObjectKind::Message(message) | ObjectKind::Any(Some(message))
                    if message.name() == *name =>
                {
                    hidden += to_object(rule, object);
                }
                _ => {}
            }),
            _ => {}
        }
        tally.hid(rule, hidden);
    }
}

/// Applies a rule below `value`, and returns how many nodes it hid.
fn to_value(rule: &Rule, value: &mut Value) -> usize {
    match value {
        Value::Object(object) => to_object(rule, object),
        _ => 0,
    }
}

fn to_object(rule: &Rule, object: &mut Object) -> usize {
    let paths = rule.paths.iter();
    paths.map(|path| at(&rule.action, object, path)).sum()
}

fn at(action: &Action, object: &mut Object, path: &[&'static str]) -> usize {
    let (name, rest) = match path {
        [name] => return usize::from(on_member(action, object, name)),
        [name, rest @ ..] => (name, rest),
        [] => return 0,
    };
    match (object.get_mut(name), rest) {
        (Some(Value::Object(inner)), rest) => at(action, inner, rest),
        (Some(list @ Value::List(_)), ["*", rest @ ..]) => {
            let items = list.objects_mut();
            items.map(|inner| at(action, inner, rest)).sum()
        }
        _ => 0,
    }
}

/// Does to the member `name` what the action says, and tells whether there was anything to do.
fn on_member(action: &Action, object: &mut Object, name: &'static str) -> bool {
    let found = object.get(name);
    let drop = match (action, found) {
        (Action::Fill(number), None) => {
            let at = object
                .members
                .partition_point(|(key, _)| key.as_ref() < name);
            let value = Value::Number(Number::Int(*number));
            object.members.insert(at, (name.into(), value));
            return true;
        }
        (Action::Drop, Some(_)) => true,
        (Action::DropNumber(number), Some(Value::Number(found))) => *found == Number::Int(*number),
        (Action::DropText(text), Some(Value::String(found))) => found == text,
        (Action::DropEmpty, Some(Value::Object(found))) => found.members.is_empty(),
        _ => false,
    };
    if drop {
        object.members.retain(|(key, _)| key != name);
    }
    drop
}

/// Calls `each` with every object in `value`.
fn walk(value: &mut Value, each: &mut dyn FnMut(&mut Object)) {
    match value {
        Value::Object(object) => {
            each(object);
            for (_, member) in &mut object.members {
                walk(member, each);
            }
        }
        Value::List(list) => list.items.iter_mut().for_each(|item| walk(item, each)),
        _ => {}
    }
}
