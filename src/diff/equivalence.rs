//! What differs for no reason of configuration, made equal before values are compared: a pod's own identity, what
//! Envoy rebuilds, and what the agent rewrites between istiod and Envoy.

use super::{
    Mode,
    api_version::modernize,
    assignment::rebuild,
    rules::{
        API_VERSION, EXTENSION_NAME, POD_IDENTITY, TYPED_STRUCT_FIELDS, WASM_CODE, WASM_VERSION,
    },
    typed_struct::drop_foreign_fields,
};
use crate::{
    model::{ResourceKey, Rule, Tally, XdsType},
    normalize::{ObjectKind, Value},
};

/// Makes equal on both sides what differs for no reason of configuration, as far as the rules for it are on, and gives
/// the reasons for what can then not be compared any more.
pub(super) fn equate(
    key: &ResourceKey,
    mode: Mode,
    tally: &mut Tally<'_>,
    before: &mut Value,
    after: &mut Value,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if tally.has(&API_VERSION) {
        tally.hid(&API_VERSION, modernize(before, after));
    }
    match (&key.xds_type, mode) {
        (XdsType::Bootstrap, Mode::Change)
            if tally.has(&POD_IDENTITY) && is_other_pod(before, after) =>
        {
            for path in POD_IDENTITY.paths {
                for side in [&mut *before, &mut *after] {
                    leave_out(side, path, &POD_IDENTITY, tally);
                }
            }
        }
        (XdsType::ExtensionConfig, Mode::Sync) => {
            reasons.extend(equate_wasm(tally, before, after));
        }
        (XdsType::Endpoint, Mode::Sync) => {
            rebuild(after, tally);
            reasons.extend(rebuild(before, tally));
        }
        _ => {}
    }
    if mode == Mode::Sync && tally.has(&TYPED_STRUCT_FIELDS) {
        let (dropped, values) = drop_foreign_fields(before, after);
        tally.hid(&TYPED_STRUCT_FIELDS, values);
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

/// Takes out the member at `path`, and counts it.
fn leave_out(value: &mut Value, path: &[&str], rule: &Rule, tally: &mut Tally<'_>) {
    if value.at(path).is_some() {
        value.remove(path);
        tally.hid(rule, 1);
    }
}

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

/// Undoes what the agent does to a Wasm extension between istiod (`before`) and Envoy (`after`), and tells what this
/// hides.
fn equate_wasm(tally: &mut Tally<'_>, before: &mut Value, after: &mut Value) -> Option<String> {
    let is_wasm = |value: &Value| {
        let kind = value.get("typed_config").map(Value::kind);
        matches!(kind, Some(ObjectKind::Any(Some(message))) if message.name().ends_with(".wasm.v3.Wasm"))
    };
    if let (true, Some(name), Value::Object(before)) =
        (tally.has(&EXTENSION_NAME), after.get("name"), &mut *before)
        && let Some(old) = before.get_mut("name")
        && old != name
    {
        old.clone_from(name);
        tally.hid(&EXTENSION_NAME, 2);
    }
    if !is_wasm(before) || !is_wasm(after) {
        return None;
    }
    let code = WASM_CODE.paths[0];
    let is_fetched = tally.has(&WASM_CODE)
        && before
            .at(code)
            .is_some_and(|code| code.get("remote").is_some())
        && after
            .at(code)
            .is_some_and(|code| code.get("local").is_some());
    if is_fetched {
        leave_out(before, code, &WASM_CODE, tally);
        leave_out(after, code, &WASM_CODE, tally);
    }
    let variable = WASM_VERSION.paths[0];
    if tally.has(&WASM_VERSION) && before.at(variable).is_some() {
        leave_out(before, variable, &WASM_VERSION, tally);
        // Where it was the only one, Envoy has nothing around it.
        for end in [5, 4] {
            let around = &variable[..end];
            let is_empty =
                |value: &Value| matches!(value, Value::Object(o) if o.members.is_empty());
            if before.at(around).is_some_and(is_empty) && after.at(around).is_none() {
                before.remove(around);
            }
        }
    }
    is_fetched.then(|| "whether the agent fetched this code: only its file is shown".to_owned())
}
