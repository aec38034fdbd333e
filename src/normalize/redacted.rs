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
    let [redacted, base64, istiods] = MARKS;
    value
        .as_str()
        .is_some_and(|text| text.starts_with(redacted) || text == base64 || text == istiods)
}

/// Whether a value [is redacted](is_redacted), or a data source of which that is true: Envoy prints the variant that it
/// was sent, and istiod always `inline_bytes`.
pub fn is_redacted_source(value: &Value) -> bool {
    match value {
        Value::Object(object) => match (object.kind, &object.members[..]) {
            (ObjectKind::Message(message), [(_, member)]) => {
                message.name() == "envoy.config.core.v3.DataSource" && is_redacted(member)
            }
            _ => false,
        },
        value => is_redacted(value),
    }
}
