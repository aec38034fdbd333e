//! What counts as a difference beyond the values themselves: live state, a pod's own identity, what istiod cannot
//! know, and what the agent rewrites between istiod and Envoy.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Mode, value::Edit};
use crate::{
    model::{ResourceKey, State, Step, XdsType},
    normalize::{Dump, Number, Object, ObjectKind, Resource, Value, normalize, sort},
    xds::Special,
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

/// Pairs the resources of one type, name and state: by bytes, by content, then in order.
pub(super) fn pair_resources<'a>(
    before: &[&'a Resource<'a>],
    after: &[&'a Resource<'a>],
    types: &BTreeSet<XdsType>,
) -> Vec<(Option<&'a Resource<'a>>, Option<&'a Resource<'a>>)> {
    let mut before = before.to_vec();
    let mut after = after.to_vec();
    let mut pairs = Vec::new();
    if before.len().max(after.len()) > 1 {
        take_equal(&mut before, &mut after, &mut pairs, |resource| {
            resource.body
        });
        take_equal(&mut before, &mut after, &mut pairs, |r| {
            normalize(r, types).ok()
        });
    }
    for i in 0..before.len().max(after.len()) {
        pairs.push((before.get(i).copied(), after.get(i).copied()));
    }
    pairs
}

/// Moves what both sides have of one `form` to `pairs`, the n-th with the n-th.
fn take_equal<'a, K: Ord>(
    before: &mut Vec<&'a Resource<'a>>,
    after: &mut Vec<&'a Resource<'a>>,
    pairs: &mut Vec<(Option<&'a Resource<'a>>, Option<&'a Resource<'a>>)>,
    form: impl Fn(&Resource<'a>) -> Option<K>,
) {
    let mut found: BTreeMap<K, VecDeque<usize>> = BTreeMap::new();
    for (at, resource) in after.iter().enumerate() {
        if let Some(form) = form(resource) {
            found.entry(form).or_default().push_back(at);
        }
    }
    let mut taken = BTreeSet::new();
    before.retain(|resource| {
        let partner = form(resource).and_then(|form| found.get_mut(&form)?.pop_front());
        if let Some(at) = partner {
            pairs.push((Some(*resource), Some(after[at])));
            taken.insert(at);
        }
        partner.is_none()
    });
    let mut at = 0;
    after.retain(|_| {
        at += 1;
        !taken.contains(&(at - 1))
    });
}

/// The name under which Envoy's dump has the resource that istiod calls otherwise.
///
/// Istiod's page shows a Wasm extension bare, with only the plugin's own name; the extension's ends with it.
pub(super) fn envoy_name(resource: &Resource<'_>, envoy: &Dump<'_>) -> String {
    let name = &resource.key.name;
    if resource.key.xds_type == XdsType::ExtensionConfig {
        let same = |other: &&Resource<'_>| {
            other.key.xds_type == XdsType::ExtensionConfig
                && other.key.name.rsplit('/').next() == Some(name)
        };
        let mut found = envoy.resources.iter().filter(same);
        if let (Some(only), None) = (found.next(), found.next()) {
            return only.key.name.clone();
        }
    }
    name.clone()
}

/// What the text of a rejection says of the resource `name`, one of `names`, if it names it:
/// `Error adding/updating listener(s) NAME: …, NAME: …`.
pub(super) fn error_of(text: &str, name: &str, names: &BTreeSet<&str>) -> Option<String> {
    let starts_at = |name: &str| -> Option<usize> {
        let named = format!("{name}: ");
        let mut found = text.match_indices(&named).map(|(at, _)| at);
        found.find(|at| text[..*at].ends_with(' '))
    };
    let start = starts_at(name)? + name.len() + 2;
    let next = names
        .iter()
        .filter_map(|name| starts_at(name))
        .filter(|at| *at > start)
        .min();
    let end = next.map_or(text.len(), |next| next.saturating_sub(2).max(start));
    Some(text[start..end].trim_end().to_owned())
}

/// Makes equal on both sides what differs for no reason of configuration, and gives the fields that were left out
/// because Envoy cannot show them.
pub(super) fn equate(
    key: &ResourceKey,
    mode: Mode,
    before: &mut Value,
    after: &mut Value,
) -> BTreeSet<String> {
    match (&key.xds_type, mode) {
        (XdsType::Bootstrap, Mode::Change) if is_other_pod(before, after) => {
            for path in POD_IDENTITY {
                remove(before, path);
                remove(after, path);
            }
        }
        (XdsType::ExtensionConfig, Mode::Sync) => equate_wasm(before, after),
        (XdsType::Endpoint, Mode::Sync) => equate_assignment(before),
        _ => {}
    }
    match mode {
        Mode::Change => BTreeSet::new(),
        Mode::Sync => drop_foreign_fields(before, after),
    }
}

/// Does to an endpoint assignment what Envoy does when it rebuilds it: localities without hosts go, and what is
/// dropped counts per million.
fn equate_assignment(assignment: &mut Value) {
    let Value::Object(assignment) = assignment else {
        return;
    };
    if let Some(Value::List(localities)) = member(assignment, "endpoints") {
        localities
            .items
            .retain(|locality| locality.get("lb_endpoints").is_some());
        if localities.items.is_empty() {
            remove_member(assignment, "endpoints");
        }
    }
    if let Some(Value::Object(policy)) = member(assignment, "policy") {
        for overload in items(member(policy, "drop_overloads")) {
            if let Some(Value::Object(percentage)) = member(overload, "drop_percentage") {
                per_million(percentage);
            }
        }
    }
}

/// Writes an `envoy.type.v3.FractionalPercent` with the denominator MILLION.
fn per_million(percentage: &mut Object) {
    let scale = match percentage.get("denominator").and_then(Value::as_str) {
        None => 10_000,
        Some("TEN_THOUSAND") => 100,
        Some(_) => return,
    };
    let Some(Value::Number(Number::Int(numerator))) = member(percentage, "numerator") else {
        return;
    };
    *numerator *= scale;
    percentage.members.retain(|(key, _)| key != "denominator");
    percentage
        .members
        .insert(0, ("denominator".into(), "MILLION".into()));
}

/// Leaves out the fields that istiod's side has in a TypedStruct and that neither its type nor Envoy's side has:
/// Envoy reads a TypedStruct as its type, and drops them.
fn drop_foreign_fields(before: &mut Value, after: &Value) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    foreign_fields(after, false, &mut known);
    let mut found = BTreeSet::new();
    foreign_fields(before, false, &mut found);
    let dropped: BTreeSet<String> = found.difference(&known).cloned().collect();
    if !dropped.is_empty() {
        remove_foreign(before, false, &dropped);
        sort(before);
    }
    dropped
}

/// Adds `<message>.<field>` for each field in a TypedStruct that its message does not have.
fn foreign_fields(value: &Value, in_typed_struct: bool, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let inside = in_typed_struct || is_typed_struct(object.kind);
            for (key, member) in &object.members {
                if let Some(name) = foreign_name(object.kind, key, in_typed_struct) {
                    found.insert(name);
                }
                foreign_fields(member, inside, found);
            }
        }
        Value::List(list) => {
            list.items
                .iter()
                .for_each(|item| foreign_fields(item, in_typed_struct, found));
        }
        _ => {}
    }
}

fn remove_foreign(value: &mut Value, in_typed_struct: bool, dropped: &BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let (kind, inside) = (object.kind, in_typed_struct || is_typed_struct(object.kind));
            object.members.retain(|(key, _)| {
                !foreign_name(kind, key, in_typed_struct)
                    .is_some_and(|name| dropped.contains(&name))
            });
            object
                .members
                .iter_mut()
                .for_each(|(_, member)| remove_foreign(member, inside, dropped));
        }
        Value::List(list) => {
            list.items
                .iter_mut()
                .for_each(|item| remove_foreign(item, in_typed_struct, dropped));
        }
        _ => {}
    }
}

/// `<message>.<field>` where `key` is no field of the message that an object in a TypedStruct is.
fn foreign_name(kind: ObjectKind, key: &str, in_typed_struct: bool) -> Option<String> {
    let (ObjectKind::Message(message) | ObjectKind::Any(Some(message))) = kind else {
        return None;
    };
    let is_foreign = in_typed_struct && key != "@type" && message.field(key).is_none();
    is_foreign.then(|| format!("{}.{key}", message.name()))
}

/// Where a bootstrap says which pod of its workload it is.
const POD_IDENTITY: [&[&str]; 6] = [
    &["node", "id"],
    &["node", "metadata", "NAME"],
    &["node", "metadata", "INSTANCE_IPS"],
    &["node", "metadata", "pod-template-hash"],
    &["node", "metadata", "LABELS", "pod-template-hash"],
    &["node", "metadata", "STATIC_LABELS", "pod-template-hash"],
];

/// Whether two bootstraps are of two pods of one workload.
fn is_other_pod(before: &Value, after: &Value) -> bool {
    let both = |path: &[&str]| [get(before, path), get(after, path)];
    let same = |path: &[&str]| matches!(both(path), [Some(a), Some(b)] if a == b);
    let [before_id, after_id] = both(&["node", "id"]);
    let owner = &["node", "metadata", "OWNER"];
    before_id != after_id
        && match both(owner) {
            [None, None] => same(&["node", "cluster"]),
            _ => {
                same(owner)
                    && both(&["node", "metadata", "NAMESPACE"])
                        .windows(2)
                        .all(|w| w[0] == w[1])
            }
        }
}

/// Where a Wasm extension has what the agent replaces: it fetches the code, and takes away the pull secret's version.
const WASM_VM: [&str; 4] = ["typed_config", "config", "vm_config", "code"];
const WASM_ENVIRONMENT: [&str; 4] = [
    "typed_config",
    "config",
    "vm_config",
    "environment_variables",
];
const WASM_RESOURCE_VERSION: &str = "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION";

/// Undoes what the agent does to a Wasm extension between istiod (`before`) and Envoy (`after`).
fn equate_wasm(before: &mut Value, after: &mut Value) {
    let is_wasm = |value: &Value| {
        let kind = value.get("typed_config").map(Value::kind);
        matches!(kind, Some(ObjectKind::Any(Some(message))) if message.name().ends_with(".wasm.v3.Wasm"))
    };
    if let (Some(name), Some(_)) = (after.get("name").cloned(), before.get("name")) {
        set(before, "name", name);
    }
    if !is_wasm(before) || !is_wasm(after) {
        return;
    }
    // The code is the same where istiod says where to fetch it and Envoy where the agent put it.
    let is_fetched = get(before, &WASM_VM).is_some_and(|code| code.get("remote").is_some())
        && get(after, &WASM_VM).is_some_and(|code| code.get("local").is_some());
    if is_fetched {
        remove(before, &WASM_VM);
        remove(after, &WASM_VM);
    }
    let mut variable = WASM_ENVIRONMENT.to_vec();
    variable.extend(["key_values", WASM_RESOURCE_VERSION]);
    remove(before, &variable);
    for end in [5, 4] {
        let is_empty = |value: &Value| matches!(value, Value::Object(o) if o.members.is_empty());
        if get(before, &variable[..end]).is_some_and(is_empty)
            && get(after, &variable[..end]).is_none()
        {
            remove(before, &variable[..end]);
        }
    }
}

/// Whether a value is what Envoy and istiod print in the place of a secret, or what redaction leaves of one.
pub(super) fn is_redacted(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            text.starts_with("[redacted") || text == "W3JlZGFjdGVkXQ==" || text == "<Redacted>"
        }
        // Of a redacted DataSource the printers do not agree on the variant.
        Value::Object(object) => match (object.kind, &object.members[..]) {
            (ObjectKind::Message(message), [(_, member)]) => {
                message.name() == "envoy.config.core.v3.DataSource" && is_redacted(member)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Tells what `edit` of the resource `key` is.
pub(super) fn judge(
    key: &ResourceKey,
    mode: Mode,
    eds: Option<&BTreeSet<String>>,
    edit: &Edit,
) -> Verdict {
    let live = |reason: &str| match mode {
        Mode::Change => Verdict::Live,
        Mode::Sync => Verdict::NotCompared(reason.to_owned()),
    };
    let last_key = match edit.path.0.last() {
        Some(Step::Key(name)) => name.as_str(),
        _ => "",
    };
    match &key.xds_type {
        _ if key.state == Some(State::Draining) => live("draining listeners are live state"),
        XdsType::Endpoint if eds.is_some_and(|names| !names.contains(&key.name)) => {
            live("the cluster's hosts do not come by EDS")
        }
        XdsType::Endpoint if last_key == "health_status" => live("a host's health is live state"),
        XdsType::Secret if key.name == "default" && last_key_is_certificate(edit) => {
            live("the workload certificate rotates by itself")
        }
        _ => Verdict::Change,
    }
}

/// Whether the edit is inside the certificate chain of a secret.
fn last_key_is_certificate(edit: &Edit) -> bool {
    let mut keys = edit.path.0.iter().filter_map(|step| match step {
        Step::Key(name) => Some(name.as_str()),
        _ => None,
    });
    keys.next() == Some("tls_certificate") && keys.next() == Some("certificate_chain")
}

fn is_typed_struct(kind: ObjectKind) -> bool {
    match kind {
        ObjectKind::Message(message) | ObjectKind::Any(Some(message)) => {
            message.special() == Special::TypedStruct
        }
        _ => false,
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
            remove_member(host, "health_status");
            if let Some(Value::Object(endpoint)) = member(host, "endpoint")
                && let Some(Value::Object(address)) = member(endpoint, "address")
                && let Some(Value::Object(socket)) = member(address, "socket_address")
            {
                remove_member(socket, "address");
            }
        });
        sort(&mut value);
        value
    };
    without_addresses(before) == without_addresses(after)
}

/// Calls `each` with every host of an endpoint assignment.
fn each_host(assignment: &mut Value, each: &mut dyn FnMut(&mut Object)) {
    let Value::Object(assignment) = assignment else {
        return;
    };
    for locality in items(member(assignment, "endpoints")) {
        items(member(locality, "lb_endpoints")).for_each(&mut *each);
    }
}

/// The messages of a list.
fn items<'a>(value: Option<&'a mut Value>) -> impl Iterator<Item = &'a mut Object> + use<'a> {
    let items = match value {
        Some(Value::List(list)) => list.items.as_mut_slice(),
        _ => &mut [],
    };
    items.iter_mut().filter_map(|item| match item {
        Value::Object(object) => Some(object),
        _ => None,
    })
}

fn get<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

fn member<'a>(object: &'a mut Object, name: &str) -> Option<&'a mut Value> {
    object
        .members
        .iter_mut()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

fn remove_member(object: &mut Object, name: &str) {
    object.members.retain(|(key, _)| key != name);
}

fn set(value: &mut Value, name: &str, new: Value) {
    if let Value::Object(object) = value
        && let Some(old) = member(object, name)
    {
        *old = new;
    }
}

fn remove(value: &mut Value, path: &[&str]) {
    let Value::Object(object) = value else { return };
    match path {
        [name] => remove_member(object, name),
        [name, rest @ ..] => {
            if let Some(inner) = member(object, name) {
                remove(inner, rest);
            }
        }
        [] => {}
    }
}

#[test]
fn a_rejection_is_told_apart_by_the_names_in_it() {
    let text = "Error adding/updating cluster(s) a|80: no such thing, b.c: bad: worse, 80: last\n";
    let names = BTreeSet::from(["a|80", "b.c", "80", "d"]);
    for (name, expected) in [
        ("a|80", Some("no such thing")),
        ("b.c", Some("bad: worse")),
        ("80", Some("last")),
        ("d", None),
    ] {
        assert_eq!(error_of(text, name, &names).as_deref(), expected, "{name}");
    }
}
