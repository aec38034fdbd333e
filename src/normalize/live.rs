//! What of a resource is live state: what changes by itself, without a change of configuration.

use std::collections::BTreeSet;

use super::{DRAINING_LISTENERS, HOST_HEALTH, HOSTS_WITHOUT_EDS, Value, WORKLOAD_CERTIFICATE};
use crate::model::{Path, ResourceKey, Rule, State, Step, XdsType};

/// Nodes of one sort of resource that are live state, with all that is in them.
#[derive(Debug)]
pub struct LivePart {
    /// The rule by which they are; its paths lead to them.
    pub rule: &'static Rule,
    /// Why they are.
    pub reason: &'static str,
    /// The type of the resources.
    pub xds_type: XdsType,
    /// The name of the one resource that is meant, if it is one.
    pub name: Option<&'static str>,
}

/// Every part that is live; a resource has those of at most one row.
pub static LIVE_PARTS: [LivePart; 2] = [
    LivePart {
        rule: &HOST_HEALTH,
        reason: "a host's health is live state",
        xds_type: XdsType::Endpoint,
        name: None,
    },
    LivePart {
        rule: &WORKLOAD_CERTIFICATE,
        reason: "the workload certificate rotates by itself",
        xds_type: XdsType::Secret,
        name: Some("default"),
    },
];

/// By which rule the whole resource `key` is live state, and why; `None` where it is configuration.
///
/// `eds` are the names of the endpoint assignments that come by EDS, if that is known: all others are resolved, or
/// repeat what stands in the cluster.
pub fn live_resource(
    key: &ResourceKey,
    eds: Option<&BTreeSet<String>>,
) -> Option<(&'static Rule, &'static str)> {
    match &key.xds_type {
        _ if key.state == Some(State::Draining) => {
            Some((&DRAINING_LISTENERS, "draining listeners are live state"))
        }
        XdsType::Endpoint if eds.is_some_and(|names| !names.contains(&*key.name)) => {
            Some((&HOSTS_WITHOUT_EDS, "the cluster's hosts do not come by EDS"))
        }
        _ => None,
    }
}

/// What of the resource `key` is live state.
pub fn live_part(key: &ResourceKey) -> Option<&'static LivePart> {
    LIVE_PARTS.iter().find(|part| {
        part.xds_type == key.xds_type && part.name.is_none_or(|name| *name == *key.name)
    })
}

impl LivePart {
    /// Whether the node at `path` is live or in something that is.
    pub fn holds(&self, path: &Path) -> bool {
        let fits = |(step, name): (&Step, &&str)| match step {
            Step::Key(key) => key == name,
            Step::Index { .. } | Step::Filter(_) => *name == "*",
        };
        self.rule
            .paths
            .iter()
            .any(|names| path.0.len() >= names.len() && path.0.iter().zip(*names).all(fits))
    }

    /// The live nodes of `value`.
    pub fn nodes<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let each = self.rule.paths.iter();
        each.flat_map(|names| {
            names.iter().fold(vec![value], |found, name| {
                let below = |value: &'v Value| -> Vec<&'v Value> {
                    match value {
                        Value::List(list) if *name == "*" => list.items.iter().collect(),
                        value => value.get(name).into_iter().collect(),
                    }
                };
                found.into_iter().flat_map(below).collect()
            })
        })
        .collect()
    }
}
