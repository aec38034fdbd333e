//! The canonical form of a resource: equal meaning, equal bytes.

mod alike;
mod digest;
mod known;
mod live;
mod query;
mod read;
mod redacted;
mod rules;
mod scalar;
mod sort;
mod value;

pub use crate::dump::{
    Cut, Dump, ElementAt, RULES as ENVELOPE_RULES, Resource, RouteHosts, Shape, excerpt, keep_items,
};
pub use alike::{alike, content_hash};
pub use digest::{
    DIGEST_RULES, Digest, Digests, OfResource, digests, dump_digests, resource_digests,
    type_digests,
};
pub use known::{Known, KnownDigests, Untold};
pub use live::{LIVE_PARTS, LivePart, live_part, live_resource};
pub use redacted::{Mark, Redacted, may_hold_bare, may_hold_marks};
pub use rules::{
    DRAINING_LISTENERS, HOST_HEALTH, HOSTS_WITHOUT_EDS, LIVE, RULES, WORKLOAD_CERTIFICATE,
};
pub use sort::{KeyValue, identity, sort};
pub use value::{Key, List, Number, Object, ObjectKind, Value};

use std::collections::BTreeSet;

use crate::model::{Rules, Tally, XdsType};

/// A resource that cannot be normalized.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NormalizeError {
    /// It is not JSON.
    #[error("invalid JSON at byte {0} of the resource: {1}")]
    Json(usize, String),
    /// An object has two members of one name.
    #[error("`{1}` is given twice in the object that ends at byte {0} of the resource")]
    Duplicate(usize, String),
    /// It is nested too deeply.
    #[error("nested deeper than {1} levels at byte {0} of the resource")]
    TooDeep(usize, usize),
}

/// The canonical form of `resource`, from a dump that has sections of `types`, by all of [`RULES`].
///
/// # Errors
///
/// Where its JSON is malformed, names a member twice, or is nested deeper than any configuration.
pub fn normalize(
    resource: &Resource<'_>,
    types: &BTreeSet<XdsType>,
) -> Result<Value, NormalizeError> {
    normalize_by(resource, types, &mut Tally::new(Rules::all()))
}

/// The canonical form of `resource`, from a dump that has sections of `types`, by those of [`RULES`] that are on.
///
/// `tally` gets one value for each node that a rule leaves out or fills in.
///
/// # Errors
///
/// As [`normalize`].
pub fn normalize_by(
    resource: &Resource<'_>,
    types: &BTreeSet<XdsType>,
    tally: &mut Tally<'_>,
) -> Result<Value, NormalizeError> {
    let Some(body) = resource.body else {
        return Ok(Value::empty());
    };
    let mut value = read::read(body, resource.shape)?;
    if resource.key.xds_type == XdsType::ExtensionConfig {
        value = wrap_bare_extension(value, &resource.key.name);
    }
    let has_section = |xds_type: &XdsType| types.contains(xds_type);
    rules::apply(&mut value, &resource.key.xds_type, &has_section, tally);
    sort::sort(&mut value);
    Ok(value)
}

/// Puts a bare extension into the `TypedExtensionConfig` in which Envoy prints it.
///
/// Istiod's debug page shows a Wasm extension without it.
fn wrap_bare_extension(value: Value, name: &str) -> Value {
    const WRAPPER: &str = "envoy.config.core.v3.TypedExtensionConfig";
    let (Some(wrapper), ObjectKind::Any(Some(message))) =
        (crate::xds::Message::find(WRAPPER), value.kind())
    else {
        return value;
    };
    if *message == *wrapper {
        return value;
    }
    Value::Object(Object {
        members: vec![
            (
                "@type".into(),
                Value::String(format!("type.googleapis.com/{WRAPPER}")),
            ),
            ("name".into(), Value::String(name.to_owned())),
            ("typed_config".into(), value),
        ],
        kind: ObjectKind::Any(Some(wrapper)),
    })
}
