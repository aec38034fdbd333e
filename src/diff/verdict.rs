//! What a difference counts as: configuration, live state, or nothing that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{ChangeKind, Mode, value::Edit};
use crate::{
    model::{ResourceKey, Rules, Step, XdsType},
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
        each_host(&mut value, &mut remove_address);
        sort(&mut value);
        value
    };
    without_addresses(before) == without_addresses(after)
}

/// Which of the edits of an endpoint assignment add or remove a host that took the place of one in the same locality
/// which is alike but for its address, or gave it up to one.
pub(super) fn replaced_hosts(
    key: &ResourceKey,
    before: Option<&Value>,
    after: Option<&Value>,
    edits: &[Edit],
) -> BTreeSet<usize> {
    let (XdsType::Endpoint, Some(before), Some(after)) = (&key.xds_type, before, after) else {
        return BTreeSet::new();
    };
    // What a host is but for its address, and the positions of those that went and that came.
    type Like<'v> = ([Option<&'v Value>; 2], Value);
    let mut alike: BTreeMap<Like<'_>, [Vec<usize>; 2]> = BTreeMap::new();
    for (at, edit) in edits.iter().enumerate() {
        let (side, assignment, host) = match (edit.kind, &edit.before, &edit.after) {
            (ChangeKind::Removed, Some(host), _) => (0, before, host),
            (ChangeKind::Added, _, Some(host)) => (1, after, host),
            _ => continue,
        };
        let [
            Step::Key(localities),
            Step::Index { index, .. },
            Step::Key(hosts),
            _,
        ] = &edit.path.0[..]
        else {
            continue;
        };
        let locality = items(assignment, "endpoints").get(*index);
        let Some(locality) =
            locality.filter(|_| localities == "endpoints" && hosts == "lb_endpoints")
        else {
            continue;
        };
        let mut host = host.clone();
        if let Value::Object(host) = &mut host {
            remove_address(host);
        }
        let place = ["priority", "locality"].map(|name| locality.get(name));
        alike.entry((place, host)).or_default()[side].push(at);
    }
    let pairs = alike
        .into_values()
        .flat_map(|[went, came]| went.into_iter().zip(came));
    pairs.flat_map(|(went, came)| [went, came]).collect()
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

/// Takes out of a host what another one in its place has otherwise: its address, and how healthy it is.
fn remove_address(host: &mut Object) {
    host.remove("health_status");
    if let Some(Value::Object(endpoint)) = host.get_mut("endpoint")
        && let Some(Value::Object(address)) = endpoint.get_mut("address")
        && let Some(Value::Object(socket)) = address.get_mut("socket_address")
    {
        socket.remove("address");
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
