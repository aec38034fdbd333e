//! What stands in the place of a secret.

use super::{ObjectKind, Value};

/// What printers and redaction put in the place of a value, as it begins.
const MARKS: [&str; 3] = ["[redacted", "W3JlZGFjdGVkXQ==", "<Redacted>"];

/// Whether `raw` JSON may hold a value that [`is_redacted`]: cheap, and without reading it.
pub fn may_be_redacted(raw: &[u8]) -> bool {
    let mut marks = MARKS.iter();
    marks.any(|mark| memchr::memmem::find(raw, mark.as_bytes()).is_some())
}

/// Whether a value is what Envoy and istiod print in the place of a secret, or what redaction leaves of one.
///
/// It is known to be there, but not what it is: two of them never differ.
pub fn is_redacted(value: &Value) -> bool {
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
