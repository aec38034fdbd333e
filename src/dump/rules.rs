//! What is left out of a dump before it is compared: what stands around resources, and what Envoy prints twice.

use super::envelope::{
    CLIENT_STATUS, DETAILS, ERROR_STATE, LAST_UPDATE_ATTEMPT, LAST_UPDATED, NAME, Name,
    VERSION_INFO,
};
use crate::model::{Action, Rule, Scope, XdsType};

/// Every rule about a dump.
pub static RULES: [&Rule; 7] = [
    &VERSIONS,
    &TIMES,
    &STATUS,
    &NAMES,
    &REJECTION_TIMES,
    &REJECTION_DETAILS,
    &REJECTED_COPY,
];

static VERSIONS: Rule = Rule {
    name: "version-info",
    reason: "versions count what was pushed, and tell nothing of what it means",
    scope: Scope::Envelope,
    paths: &[&["version_info"]],
    action: Action::Drop,
};

static TIMES: Rule = Rule {
    name: "last-updated",
    reason: "the time of an update is shown beside a change, and is none itself",
    scope: Scope::Envelope,
    paths: &[&["last_updated"]],
    action: Action::Drop,
};

static STATUS: Rule = Rule {
    name: "client-status",
    reason: "the state of a subscription is not configuration",
    scope: Scope::Envelope,
    paths: &[&["client_status"]],
    action: Action::Drop,
};

static NAMES: Rule = Rule {
    name: "envelope-name",
    reason: "it repeats the resource's own name; a listener without one gets a random UUID here",
    scope: Scope::Envelope,
    paths: &[&["name"]],
    action: Action::Drop,
};

static REJECTION_TIMES: Rule = Rule {
    name: "rejection-time",
    reason: "when an update was rejected is not configuration",
    scope: Scope::Envelope,
    paths: &[&["error_state", "last_update_attempt"]],
    action: Action::Drop,
};

static REJECTION_DETAILS: Rule = Rule {
    name: "rejection-details",
    reason: "Envoy's words change from run to run; they are shown as the reason of a change",
    scope: Scope::Envelope,
    paths: &[&["error_state", "details"]],
    action: Action::Drop,
};

/// A rejected listener has an element with its name and one without, both with the same error.
pub(super) static REJECTED_COPY: Rule = Rule {
    name: "rejected-listener-copy",
    reason: "Envoy lists a rejected listener twice, once without its name",
    scope: Scope::Type(XdsType::Listener),
    paths: &[&[]],
    action: Action::Code("the nameless one of two rejected listeners with one error is left out"),
};

/// The rule for a field of a section, of an element, or of what that is made of: its `.proto` name and the rule; none
/// for a field that is not left out.
pub(super) fn of_field(
    container: Option<Name>,
    key: &str,
) -> Option<(&'static str, &'static Rule)> {
    let is_error = container == Some(ERROR_STATE);
    let (name, rule) = match key {
        key if VERSION_INFO.contains(&key) => (VERSION_INFO, &VERSIONS),
        key if LAST_UPDATED.contains(&key) => (LAST_UPDATED, &TIMES),
        key if CLIENT_STATUS.contains(&key) => (CLIENT_STATUS, &STATUS),
        key if NAME.contains(&key) => (NAME, &NAMES),
        key if is_error && LAST_UPDATE_ATTEMPT.contains(&key) => {
            (LAST_UPDATE_ATTEMPT, &REJECTION_TIMES)
        }
        key if is_error && DETAILS.contains(&key) => (DETAILS, &REJECTION_DETAILS),
        _ => return None,
    };
    Some((name[0], rule))
}
