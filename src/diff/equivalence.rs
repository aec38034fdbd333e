//! What differs for no reason of configuration, made equal before values are compared: a pod's own identity, what
//! Envoy rebuilds, and what the agent rewrites between istiod and Envoy.

use super::{Mode, api_version::modernize, assignment::rebuild, typed_struct::drop_foreign_fields};
use crate::{
    model::{ResourceKey, XdsType},
    normalize::{ObjectKind, Value},
};

/// Makes equal on both sides what differs for no reason of configuration, and gives the reasons for what can then not
/// be compared any more.
pub(super) fn equate(
    key: &ResourceKey,
    mode: Mode,
    before: &mut Value,
    after: &mut Value,
) -> Vec<String> {
    let mut reasons = Vec::new();
    modernize(before, after);
    match (&key.xds_type, mode) {
        (XdsType::Bootstrap, Mode::Change) if is_other_pod(before, after) => {
            for path in POD_IDENTITY {
                before.remove(path);
                after.remove(path);
            }
        }
        (XdsType::Cluster, Mode::Sync) => equate_static(before, after),
        (XdsType::ExtensionConfig, Mode::Sync) => reasons.extend(equate_wasm(before, after)),
        (XdsType::Endpoint, Mode::Sync) => {
            rebuild(after);
            reasons.extend(rebuild(before));
        }
        _ => {}
    }
    if mode == Mode::Sync {
        let dropped = drop_foreign_fields(before, after);
        if !dropped.is_empty() {
            let fields: Vec<_> = dropped.into_iter().collect();
            reasons.push(format!(
                "Envoy drops fields of a TypedStruct that its type does not have: {}",
                fields.join(", ")
            ));
        }
    }
    reasons
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
    let both = |path: &[&str]| [before.at(path), after.at(path)];
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

/// Drops the type of a static cluster where the other side has none: Envoy takes a cluster without a type for a static
/// one, and not every printer writes a default that stands in a oneof.
fn equate_static(before: &mut Value, after: &mut Value) {
    let is_static = |value: &Value| value.get("type").and_then(Value::as_str) == Some("STATIC");
    let has_none =
        |value: &Value| value.get("type").is_none() && value.get("cluster_type").is_none();
    if is_static(before) && has_none(after) {
        before.remove(&["type"]);
    } else if has_none(before) && is_static(after) {
        after.remove(&["type"]);
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

/// Undoes what the agent does to a Wasm extension between istiod (`before`) and Envoy (`after`), and tells what this
/// hides.
fn equate_wasm(before: &mut Value, after: &mut Value) -> Option<String> {
    let is_wasm = |value: &Value| {
        let kind = value.get("typed_config").map(Value::kind);
        matches!(kind, Some(ObjectKind::Any(Some(message))) if message.name().ends_with(".wasm.v3.Wasm"))
    };
    if let (Some(name), Value::Object(before)) = (after.get("name"), &mut *before)
        && let Some(old) = before.get_mut("name")
    {
        old.clone_from(name);
    }
    if !is_wasm(before) || !is_wasm(after) {
        return None;
    }
    // Istiod says where to fetch the code, and Envoy where the agent has put it.
    let is_fetched = before
        .at(&WASM_VM)
        .is_some_and(|code| code.get("remote").is_some())
        && after
            .at(&WASM_VM)
            .is_some_and(|code| code.get("local").is_some());
    if is_fetched {
        before.remove(&WASM_VM);
        after.remove(&WASM_VM);
    }
    let mut variable = WASM_ENVIRONMENT.to_vec();
    variable.extend(["key_values", WASM_RESOURCE_VERSION]);
    before.remove(&variable);
    for end in [5, 4] {
        let is_empty = |value: &Value| matches!(value, Value::Object(o) if o.members.is_empty());
        if before.at(&variable[..end]).is_some_and(is_empty) && after.at(&variable[..end]).is_none()
        {
            before.remove(&variable[..end]);
        }
    }
    is_fetched.then(|| "whether the agent fetched this code: only its file is shown".to_owned())
}
