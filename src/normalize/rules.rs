//! What normalizing leaves out or fills in beyond the rules of protobuf's JSON: one table.

use super::{Number, Object, ObjectKind, Value};
use crate::model::XdsType;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Why it holds.
    pub reason: &'static str,
    /// Where it applies.
    pub scope: Scope,
    /// Members to go through from there; `*` stands for every item of a list.
    pub paths: &'static [&'static [&'static str]],
    /// What is done to the node.
    pub action: Action,
}

/// Where a rule applies.
#[derive(Debug)]
pub enum Scope {
    /// From the root of every resource of a type.
    Type(XdsType),
    /// From the root of every resource of the first type, where the dump has a section of the second.
    TypeBeside(XdsType, XdsType),
    /// From every message of that full name.
    Message(&'static str),
}

/// What a rule does to a node.
#[derive(Debug)]
pub enum Action {
    /// Leaves it out.
    Drop,
    /// Leaves it out where it is a number of that value.
    DropNumber(i128),
    /// Leaves it out where it is that text.
    DropText(&'static str),
    /// Leaves it out where it is an empty message.
    DropEmpty,
    /// Writes that number where it is absent.
    Fill(i128),
}

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
        scope: Scope::Type(XdsType::Other(String::new())),
        paths: &[
            &["version_info"], &["versionInfo"], &["last_updated"], &["lastUpdated"],
        ],
        action: Action::Drop,
    },
];

/// Applies every rule to the resource `value`; `has_section` tells which types the dump has a section of.
pub(super) fn apply(value: &mut Value, xds_type: &XdsType, has_section: &dyn Fn(&XdsType) -> bool) {
    for rule in &RULES {
        match &rule.scope {
            Scope::Type(XdsType::Other(_)) if matches!(xds_type, XdsType::Other(_)) => {
                walk(value, &mut |object| match object.kind {
                    ObjectKind::Unknown | ObjectKind::Any(None) => rule.apply(object),
                    _ => {}
                });
            }
            Scope::Type(of) if of == xds_type => rule.apply_to(value),
            Scope::TypeBeside(of, beside) if of == xds_type && has_section(beside) => {
                rule.apply_to(value);
            }
            Scope::Message(name) => walk(value, &mut |object| match object.kind {
                ObjectKind::Message(message) | ObjectKind::Any(Some(message))
                    if message.name() == *name =>
                {
                    rule.apply(object);
                }
                _ => {}
            }),
            _ => {}
        }
    }
}

impl Rule {
    fn apply_to(&self, value: &mut Value) {
        if let Value::Object(object) = value {
            self.apply(object);
        }
    }

    fn apply(&self, object: &mut Object) {
        for path in self.paths {
            self.action.at(object, path);
        }
    }
}

impl Action {
    fn at(&self, object: &mut Object, path: &[&'static str]) {
        let (name, rest) = match path {
            [name] => return self.on_member(object, name),
            [name, rest @ ..] => (name, rest),
            [] => return,
        };
        match (object.get_mut(name), rest) {
            (Some(Value::Object(inner)), rest) => self.at(inner, rest),
            (Some(Value::List(list)), ["*", rest @ ..]) => {
                for item in &mut list.items {
                    if let Value::Object(inner) = item {
                        self.at(inner, rest);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_member(&self, object: &mut Object, name: &'static str) {
        let found = object.get(name);
        let drop = match (self, found) {
            (Self::Fill(number), None) => {
                let at = object
                    .members
                    .partition_point(|(key, _)| key.as_ref() < name);
                let value = Value::Number(Number::Int(*number));
                object.members.insert(at, (name.into(), value));
                false
            }
            (Self::Drop, Some(_)) => true,
            (Self::DropNumber(number), Some(Value::Number(found))) => {
                *found == Number::Int(*number)
            }
            (Self::DropText(text), Some(Value::String(found))) => found == text,
            (Self::DropEmpty, Some(Value::Object(found))) => found.members.is_empty(),
            _ => false,
        };
        if drop {
            object.members.retain(|(key, _)| key != name);
        }
    }
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
