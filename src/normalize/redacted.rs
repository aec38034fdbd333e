//! What stands in the place of a secret.

use super::{ObjectKind, Value};

/// Whether a value is what Envoy and istiod print in the place of a secret, or what redaction leaves of one.
///
/// It is known to be there, but not what it is: two of them never differ.
pub fn is_redacted(value: &Value) -> bool {
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
