//! What a difference counts as: configuration, live state, or nothing that can be compared.

use std::collections::BTreeSet;

use super::{Mode, value::Edit};
use crate::{
    model::{ResourceKey, Rules, State, Step, XdsType},
    normalize::{
        DRAINING_LISTENERS, HOST_HEALTH, HOSTS_WITHOUT_EDS, Object, ObjectKind, Value,
        WORKLOAD_CERTIFICATE, sort,
    },
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

/// Whether a value is what Envoy and istiod print in the place of a secret, or what redaction leaves of one.
pub(super) fn is_redacted(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            let [redacted, base64, istiods] = MARKS;
            text.starts_with(redacted) || text == base64 || text == istiods
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

/// What printers and redaction put in the place of a value, as it begins.
const MARKS: [&str; 3] = ["[redacted", "W3JlZGFjdGVkXQ==", "<Redacted>"];

/// Whether `raw` JSON may hold a value that [`is_redacted`]: cheap, and without reading it.
pub(super) fn may_be_redacted(raw: &[u8]) -> bool {
    let mut marks = MARKS.iter();
    marks.any(|mark| memchr::memmem::find(raw, mark.as_bytes()).is_some())
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
    let last_key = match edit.path.0.last() {
        Some(Step::Key(name)) => name.as_str(),
        _ => "",
    };
    match &key.xds_type {
        _ if key.state == Some(State::Draining) && rules.has(&DRAINING_LISTENERS) => {
            live("draining listeners are live state")
        }
        XdsType::Endpoint
            if eds.is_some_and(|names| !names.contains(&key.name))
                && rules.has(&HOSTS_WITHOUT_EDS) =>
        {
            live("the cluster's hosts do not come by EDS")
        }
        XdsType::Endpoint if last_key == "health_status" && rules.has(&HOST_HEALTH) => {
            live("a host's health is live state")
        }
        XdsType::Secret
            if key.name == "default"
                && is_in_certificate_chain(edit)
                && rules.has(&WORKLOAD_CERTIFICATE) =>
        {
            live("the workload certificate rotates by itself")
        }
        _ => Verdict::Change,
    }
}

/// Whether the edit is inside the certificate chain of a secret.
fn is_in_certificate_chain(edit: &Edit) -> bool {
    let mut keys = edit.path.0.iter().filter_map(|step| match step {
        Step::Key(name) => Some(name.as_str()),
        _ => None,
    });
    keys.next() == Some("tls_certificate") && keys.next() == Some("certificate_chain")
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
