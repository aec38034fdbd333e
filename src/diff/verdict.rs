//! What a difference counts as: configuration, live state, or nothing that can be compared.

use std::collections::BTreeSet;

use super::{Mode, value::Edit};
use crate::{
    model::{ResourceKey, Rules, XdsType},
    normalize::{Object, ObjectKind, Value, live_part, live_resource, sort},
};

/// What an edit is.
pub(super) enum Verdict {
    /// A change of configuration.
    Change,
    /// Live state in a comparison over time.
    Live,
    /// Nothing that can be compared, and why.
    NotCompared(String),
}

/// Whether the edit puts what the agent has Envoy run where it cannot fetch the code of a Wasm extension: an RBAC
/// filter that lets every request pass, or none.
pub(super) fn is_wasm_stand_in(key: &ResourceKey, edit: &Edit) -> bool {
    let is = |value: &Value, name: &str| matches!(value.kind(), ObjectKind::Any(Some(message)) if message.name() == name);
    let prefix = |value: &Value| {
        value
            .get("rules_stat_prefix")
            .and_then(Value::as_str)
            .is_some_and(|text| matches!(text, "wasm-default-allow" | "wasm-default-deny"))
    };
    key.xds_type == XdsType::ExtensionConfig
        && edit
            .before
            .as_ref()
            .is_some_and(|value| is(value, "envoy.extensions.filters.http.wasm.v3.Wasm"))
        && edit.after.as_ref().is_some_and(|value| {
            is(value, "envoy.extensions.filters.http.rbac.v3.RBAC") && prefix(value)
        })
}

/// Tells what `edit` of the resource `key` is: by a rule that is off it is no live state.
pub(super) fn judge(
    key: &ResourceKey,
    mode: Mode,
    rules: &Rules,
    eds: Option<&BTreeSet<String>>,
    edit: &Edit,
) -> Verdict {
    let live = |reason: &str| match mode {
        Mode::Change => Verdict::Live,
        Mode::Sync => Verdict::NotCompared(reason.to_owned()),
    };
    let whole = live_resource(key, eds).filter(|(rule, _)| rules.has(rule));
    let part = live_part(key).filter(|part| rules.has(part.rule) && part.holds(&edit.path));
    match whole
        .map(|(_, reason)| reason)
        .or(part.map(|part| part.reason))
    {
        Some(reason) => live(reason),
        None => Verdict::Change,
    }
}

/// Whether a cluster's hosts only changed their addresses: same number, ports, weights, localities, priorities and
/// metadata.
pub(super) fn endpoints_replaced(
    key: &ResourceKey,
    before: Option<&Value>,
    after: Option<&Value>,
) -> bool {
    let (XdsType::Endpoint, Some(before), Some(after)) = (&key.xds_type, before, after) else {
        return false;
    };
    let without_addresses = |value: &Value| {
        let mut value = value.clone();
        each_host(&mut value, &mut |host| {
            host.remove("health_status");
            if let Some(Value::Object(endpoint)) = host.get_mut("endpoint")
                && let Some(Value::Object(address)) = endpoint.get_mut("address")
                && let Some(Value::Object(socket)) = address.get_mut("socket_address")
            {
                socket.remove("address");
            }
        });
        sort(&mut value);
        value
    };
    without_addresses(before) == without_addresses(after)
}

/// How many hosts an endpoint assignment has before and after, where that differs.
pub(super) fn changed_hosts(
    key: &ResourceKey,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Option<[usize; 2]> {
    let (XdsType::Endpoint, Some(before), Some(after)) = (&key.xds_type, before, after) else {
        return None;
    };
    let number = |assignment: &Value| -> usize {
        let localities = items(assignment, "endpoints").iter();
        localities
            .map(|locality| items(locality, "lb_endpoints").len())
            .sum()
    };
    let hosts = [number(before), number(after)];
    (hosts[0] != hosts[1]).then_some(hosts)
}

/// The items of the list `name` in an object.
fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    match value.get(name) {
        Some(Value::List(list)) => &list.items,
        _ => &[],
    }
}

/// Calls `each` with every host of an endpoint assignment.
fn each_host(assignment: &mut Value, each: &mut dyn FnMut(&mut Object)) {
    let Value::Object(assignment) = assignment else {
        return;
    };
    let localities = assignment.get_mut("endpoints").into_iter();
    for locality in localities.flat_map(Value::objects_mut) {
        let hosts = locality.get_mut("lb_endpoints").into_iter();
        hosts.flat_map(Value::objects_mut).for_each(&mut *each);
    }
}
