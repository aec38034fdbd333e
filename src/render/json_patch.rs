//! `-o json-patch`: RFC 6902, resource by resource; specified in `schema/outputs.md` and
//! `schema/json-patch.schema.json`.
//!
//! The structs here are what is written; a field may be added to them, and never be renamed, retyped or removed.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Serialize, Serializer};

use super::{
    json::{STATES, is_zero, state},
    layout,
};
use crate::{
    diff::{self, ChangeKind, DocumentPair, Report, patch},
    model::ResourceKey,
    normalize::Value,
};

/// The format's name and major version; a minor version only adds fields.
const FORMAT: &str = "xdsnap.json-patch/v1";

/// Writes a patch for each of the report's documents, one a line; a report without documents has none.
pub fn json_patch(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let document = Document {
        format: FORMAT,
        resources: &report.documents,
    };
    layout::write(out, &document, layout::Layout::item_per_line())?;
    out.write_all(b"\n")
}

/// The JSON Schema of what [`json_patch`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document>()
}

/// What makes the resources of *after* of those of *before*.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.json-patch/v1")]
struct Document<'a> {
    /// The name and major version of this format. A minor version only adds fields.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The resources that differ, in byte order of proxy, source, type, name, state and occurrence.
    #[serde(serialize_with = "each")]
    #[schemars(with = "Vec<Resource>")]
    resources: &'a [DocumentPair],
}

/// One resource that differs.
#[derive(Serialize, JsonSchema)]
struct Resource<'a> {
    /// The proxy; on the *after* side where two pods of one workload were paired.
    proxy: &'a str,
    /// The proxy on the *before* side, where it has another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    before_proxy: Option<&'a str>,
    /// Whose configuration: Envoy's, istiod's, or istiod's (before) against Envoy's (after).
    #[schemars(extend("enum" = ["envoy", "istiod", "istiod-envoy"]))]
    source: &'static str,
    /// The xDS type, or the full message name of a section that is not known.
    r#type: &'a str,
    /// The resource's name; empty for the bootstrap.
    name: &'a str,
    /// Its name on the *before* side, where it has another one: a Wasm extension, istiod against Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    before_name: Option<&'a str>,
    /// The state in which the dump lists the resource; absent where dumps tell none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = STATES))]
    state: Option<&'static str>,
    /// Its state on the *before* side, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = STATES))]
    before_state: Option<&'static str>,
    /// Its number among those of the same type, name and state; absent for the first, 0.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(range(min = 1))]
    occurrence: u32,
    /// That number on the *before* side, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32")]
    before_occurrence: Option<u32>,
    /// Which sides have the resource: `added` has no before, which is `null` then; `removed` no after.
    #[schemars(extend("enum" = ["added", "changed", "removed"]))]
    kind: &'static str,
    /// A JSON Patch: applied to the resource as `xdsnap normalize` prints it before, it gives the one after.
    patch: Vec<Operation<'a>>,
}

/// An operation of RFC 6902.
#[derive(Serialize, JsonSchema)]
struct Operation<'a> {
    /// What is done.
    #[schemars(extend("enum" = ["add", "move", "remove", "replace"]))]
    op: &'static str,
    /// Of `move`: where the value stands, a JSON Pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    from: Option<String>,
    /// Where it is done: a JSON Pointer (RFC 6901).
    path: String,
    /// Of `add` and `replace`: the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Value")]
    value: Option<&'a Value>,
}

impl<'a> From<&'a DocumentPair> for Resource<'a> {
    fn from(pair: &'a DocumentPair) -> Self {
        let key = &pair.resource;
        let before = pair.before_resource.as_ref().unwrap_or(key);
        let other = |is_other: bool| Some(before).filter(|_| is_other);
        let kind = match (&pair.before, &pair.after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        Self {
            proxy: pair.proxy.as_str(),
            before_proxy: pair.before_proxy.as_ref().map(|proxy| proxy.as_str()),
            source: pair.source.as_str(),
            r#type: key.xds_type.as_str(),
            name: &key.name,
            before_name: other(before.name != key.name).map(|before| &*before.name),
            state: state(key),
            before_state: other(before.state != key.state).and_then(state),
            occurrence: key.occurrence,
            before_occurrence: other(before.occurrence != key.occurrence)
                .map(|before: &ResourceKey| before.occurrence),
            kind: kind.as_str(),
            patch: operations(pair),
        }
    }
}

/// A side without the resource is a null.
fn operations(pair: &DocumentPair) -> Vec<Operation<'_>> {
    const NULL: &Value = &Value::Null;
    let before = pair.before.as_ref().unwrap_or(NULL);
    let operations = patch(before, pair.after.as_ref().unwrap_or(NULL));
    operations.into_iter().map(Operation::from).collect()
}

impl<'a> From<diff::Operation<'a>> for Operation<'a> {
    fn from(operation: diff::Operation<'a>) -> Self {
        let (op, from, path, value) = match operation {
            diff::Operation::Add { path, value } => ("add", None, path, Some(value)),
            diff::Operation::Move { from, path } => ("move", Some(from), path, None),
            diff::Operation::Remove { path } => ("remove", None, path, None),
            diff::Operation::Replace { path, value } => ("replace", None, path, Some(value)),
        };
        Self {
            op,
            from,
            path,
            value,
        }
    }
}

/// Makes the patch of one resource after the other.
fn each<S: Serializer>(pairs: &&[DocumentPair], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pairs.iter().map(Resource::from))
}
