//! `-o json`: the contract with scripts, specified in `schema/outputs.md` and `schema/diff.schema.json`.
//!
//! The structs here are what is written; a field may be added to them, and never be renamed, retyped or removed.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Serialize, Serializer};

use super::{Side, Sides, layout};
use crate::{
    diff::{self, PairedBy, Report, Runs, renames},
    inspect::{self, certificate},
    model::ResourceKey,
    normalize::Value,
};

/// The format's name and major version; a minor version only adds fields.
const FORMAT: &str = "xdsnap.diff/v1";

/// Writes the report as one JSON document, a change per line.
pub fn json(out: &mut dyn Write, report: &Report, sides: &Sides) -> io::Result<()> {
    layout::write(
        out,
        &Diff::new(report, sides),
        layout::Layout::item_per_line(),
    )?;
    out.write_all(b"\n")
}

/// The JSON Schema of what [`json`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Diff>()
}

/// What differs between two sides.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.diff/v1")]
struct Diff<'a> {
    /// The name and major version of this format. A minor version only adds fields.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// `change`: before against after. `sync`: istiod (`before`) against Envoy (`after`).
    #[schemars(extend("enum" = ["change", "sync"]))]
    mode: &'static str,
    /// The first side; in mode `sync` istiod's.
    before: Header<'a>,
    /// The second side; in mode `sync` Envoy's.
    after: Header<'a>,
    /// Counts.
    summary: Summary,
    /// Differences, in byte order of proxy, source, type, name, state, occurrence, path and kind.
    #[serde(serialize_with = "changes")]
    #[schemars(with = "Vec<Change>")]
    changes: &'a [diff::Change],
    /// Differences in live state, which is not configuration and does not count, in the same order.
    #[serde(serialize_with = "changes")]
    #[schemars(with = "Vec<Change>")]
    live: &'a [diff::Change],
    /// Proxies that only one side has.
    #[serde(serialize_with = "each::<_, ProxyOnly, _>")]
    #[schemars(with = "Vec<ProxyOnly>")]
    proxies_only: &'a [diff::ProxyOnly],
    /// Proxies that were compared although they have two names, in byte order of `proxy`; absent if there are none.
    #[serde(
        serialize_with = "each::<_, ProxyPair, _>",
        skip_serializing_if = "no_items"
    )]
    #[schemars(with = "Vec<ProxyPair>")]
    pairs: &'a [diff::ProxyMatch],
    /// What could not be compared, and why.
    #[serde(serialize_with = "each::<_, NotCompared, _>")]
    #[schemars(with = "Vec<NotCompared>")]
    not_compared: &'a [diff::NotCompared],
    /// Rejected updates that name no resource; absent if there are none.
    #[serde(
        serialize_with = "each::<_, Rejection, _>",
        skip_serializing_if = "no_items"
    )]
    #[schemars(with = "Vec<Rejection>")]
    rejections: &'a [diff::Rejection],
    /// What to know before believing the result, a sentence each.
    warnings: &'a [String],
    /// How many values each rule hid from the comparison, in byte order of their names; only with `--why`, and only
    /// rules that hid any.
    #[serde(
        serialize_with = "each::<_, Hidden, _>",
        skip_serializing_if = "no_items"
    )]
    #[schemars(with = "Vec<Hidden>")]
    hidden: &'a [diff::Hidden],
}

/// What a side is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Header<'a> {
    /// The file or URL as it was typed.
    label: &'a str,
    /// When it was captured: RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    captured: Option<&'a str>,
    /// How many proxies it holds.
    proxies: usize,
    /// The version of istiod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    istio_version: Option<&'a str>,
    /// The version of Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    envoy_version: Option<&'a str>,
}

/// Counts. A resource counts once, whatever the number of changes in it.
#[derive(Serialize, JsonSchema)]
struct Summary {
    /// Proxies compared.
    proxies: usize,
    /// Resources of either side that were compared.
    resources: usize,
    /// Resources that only *after* has.
    added_resources: usize,
    /// Resources that only *before* has.
    removed_resources: usize,
    /// Resources that both sides have and that differ.
    changed_resources: usize,
    /// The length of `changes`.
    changes: usize,
    /// The length of `live`.
    live: usize,
    /// The length of `not_compared`.
    not_compared: usize,
}

/// One difference.
#[derive(Serialize, JsonSchema)]
struct Change<'a> {
    /// The proxy; on the *after* side where two pods of one workload were paired.
    proxy: &'a str,
    /// The proxy on the *before* side, where it has another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    before_proxy: Option<&'a str>,
    /// Whose configuration: Envoy's, istiod's, or istiod's against Envoy's.
    #[schemars(extend("enum" = ["envoy", "istiod", "istiod-envoy"]))]
    source: &'static str,
    /// The xDS type: `listener`, `cluster`, `route`, `endpoint`, `secret`, `extension_config`, `scoped_route`,
    /// `bootstrap`, or the full message name of a section that is not known.
    r#type: &'a str,
    /// The resource's name; empty for the bootstrap.
    name: &'a str,
    /// The state in which the dump lists the resource; absent where dumps tell none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = STATES))]
    state: Option<&'static str>,
    /// Its number among those of the same type, name and state; absent for the first, 0.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(range(min = 1))]
    occurrence: u32,
    /// What happened.
    #[schemars(extend("enum" = ["added", "changed", "moved", "removed"]))]
    kind: &'static str,
    /// An RFC 9535 query for the one node: on the *before* side where `kind` is `removed`, else on the *after* side.
    #[schemars(regex(pattern = r"^\$"))]
    path: String,
    /// Where the node is on the *before* side, if that differs from `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    before_path: Option<String>,
    /// The normalized value before, or the 0-based position of what moved; absent where that side has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Value")]
    before: Option<&'a Value>,
    /// The normalized value after, or the 0-based position of what moved; absent where that side has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Value")]
    after: Option<&'a Value>,
    /// When Envoy last updated the resource, as it printed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    updated: Option<&'a str>,
    /// Why Envoy rejected an update of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    reason: Option<&'a str>,
    /// What sort of change it is. `endpoints_replaced`: a cluster's hosts only changed their addresses. `host_replaced`:
    /// this host took the place of one that is alike but for its address, or gave it up, but others changed otherwise.
    /// `wasm_stand_in`: the agent could not fetch the code of a Wasm extension, and has Envoy allow or deny all
    /// requests instead. There may be others in a later minor version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    class: Option<&'static str>,
    /// Of an endpoint assignment that has more or fewer hosts: how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Hosts")]
    hosts: Option<Hosts>,
    /// `unknown`: no schema is known of the node, or of what it is in, and it was compared as plain JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = ["unknown"]))]
    schema: Option<&'static str>,
    /// How the items of the lists on the way to the node were paired, from the root; only with `--why`, and where
    /// there is a list on the way.
    #[serde(
        serialize_with = "each::<_, Pairing, _>",
        skip_serializing_if = "no_items"
    )]
    #[schemars(with = "Vec<Pairing>")]
    pairings: &'a [diff::Pairing],
    /// The certificates that are in `before`, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Certificate>")]
    before_certificates: Vec<Certificate>,
    /// The certificates that are in `after`, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Certificate>")]
    after_certificates: Vec<Certificate>,
    /// Of a resource that was added: the removed one that is equal but for its name, if there is just one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    renamed_from: Option<&'a str>,
    /// Of a resource that was removed: the added one that is equal but for its name, if there is just one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    renamed_to: Option<&'a str>,
}

/// How many hosts a cluster has.
#[derive(Serialize, JsonSchema)]
struct Hosts {
    /// On the *before* side.
    before: usize,
    /// On the *after* side.
    after: usize,
}

/// How the items of one list were paired.
#[derive(Serialize, JsonSchema)]
struct Pairing<'a> {
    /// The list's field.
    list: &'a str,
    /// `set`: order means nothing, and items have no keys. `keyed`: order means nothing. `ordered`: items have no
    /// keys. `ordered_keyed`: order has a meaning, and keys identify items.
    #[schemars(extend("enum" = ["keyed", "ordered", "ordered_keyed", "set"]))]
    rule: &'static str,
    /// What identifies an item: paths from it, members joined by dots.
    keys: &'static [&'static str],
    /// What paired the item on the way; absent where only one side has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = ["content", "keys", "position"]))]
    by: Option<&'static str>,
    /// Which of the keys did, where `by` is `keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    by_keys: Option<&'static [&'static str]>,
}

/// What a rule hid.
#[derive(Serialize, JsonSchema)]
struct Hidden {
    /// The rule's name, as `xdsnap rules` prints it.
    rule: &'static str,
    /// How many values of both sides it left out, filled in or equated.
    values: usize,
}

/// A certificate in PEM form, as it says of itself.
#[derive(Serialize, JsonSchema)]
struct Certificate {
    /// Whose it is; may be empty.
    subject: String,
    /// The other names of whose it is, each with its kind: `DNS:`, `URI:`, `IP:`, `email:`…
    sans: Vec<String>,
    /// Who made it.
    issuer: String,
    /// Its serial number, in lower hexadecimal digits.
    serial: String,
    /// When it begins to be valid: RFC 3339.
    not_before: String,
    /// When it ends to be valid: RFC 3339.
    not_after: String,
    /// The SHA-256 digest of its DER form, in lower hexadecimal digits.
    sha256: String,
}

/// A proxy that only one side has.
#[derive(Serialize, JsonSchema)]
struct ProxyOnly<'a> {
    /// The proxy.
    proxy: &'a str,
    /// The side that has it.
    #[schemars(extend("enum" = ["after", "before"]))]
    side: &'static str,
    /// `true` where the side has but one replica more of a workload that was compared: that is no difference.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(with = "bool")]
    replica: bool,
    /// The workload that it is a replica of: `<namespace>/<name>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    workload: Option<String>,
    /// Of a replica: whether one of its siblings on the same side runs the `same`, all of them something else (`other`),
    /// or that is not known (`unknown`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = ["other", "same", "unknown"]))]
    configuration: Option<&'static str>,
    /// Where `configuration` is `other`: what differs from the sibling that has most in common with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<ResourceName>")]
    differs_in: Vec<ResourceName<'a>>,
}

/// A resource of a proxy.
#[derive(Serialize, JsonSchema)]
struct ResourceName<'a> {
    /// The xDS type.
    r#type: &'a str,
    /// The resource's name.
    name: &'a str,
    /// The resource's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = STATES))]
    state: Option<&'static str>,
}

/// Two proxies that were compared with each other.
#[derive(Serialize, JsonSchema)]
struct ProxyPair<'a> {
    /// The proxy on the *after* side.
    proxy: &'a str,
    /// The proxy on the *before* side.
    before_proxy: &'a str,
    /// What made them a pair. `given`: `--pair` did. `only`: each side has but one. All else is within one workload:
    /// each is the only one of it that the other side lacks (`workload`), both run the same (`content`), no other two
    /// have more in common (`likeness`), or nothing tells which belong together (`order`).
    #[schemars(extend("enum" = ["content", "given", "likeness", "only", "order", "workload"]))]
    by: &'static str,
    /// The workload of both: `<namespace>/<name>`; absent where that did not make them a pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    workload: Option<String>,
}

/// Something that was not compared: a proxy, one of its sources, a type, a resource or a node, as far as fields tell.
#[derive(Serialize, JsonSchema)]
struct NotCompared<'a> {
    /// The proxy.
    proxy: &'a str,
    /// Whose configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = ["envoy", "istiod", "istiod-envoy"]))]
    source: Option<&'static str>,
    /// The xDS type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    r#type: Option<&'a str>,
    /// The resource's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    name: Option<&'a str>,
    /// The resource's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = STATES))]
    state: Option<&'static str>,
    /// The resource's number among those of the same type, name and state; absent for the first, 0.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(range(min = 1))]
    occurrence: u32,
    /// The node: an RFC 9535 query.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    path: Option<String>,
    /// `inherent`: it never can be compared. `missing`: it should have been.
    #[schemars(extend("enum" = ["inherent", "missing"]))]
    cause: &'static str,
    /// Why, in a sentence.
    reason: &'a str,
}

/// An update that a proxy rejected, of which no resource is known.
#[derive(Serialize, JsonSchema)]
struct Rejection<'a> {
    /// The proxy.
    proxy: &'a str,
    /// The xDS type.
    r#type: &'a str,
    /// Why.
    reason: &'a str,
}

pub(super) const STATES: [&str; 5] = ["active", "draining", "rejected", "static", "warming"];

impl<'a> Diff<'a> {
    fn new(report: &'a Report, sides: &'a Sides) -> Self {
        Self {
            format: FORMAT,
            mode: report.mode.as_str(),
            before: (&sides.before).into(),
            after: (&sides.after).into(),
            summary: report.into(),
            changes: &report.changes,
            live: &report.live,
            proxies_only: &report.proxies_only,
            pairs: &report.matches,
            not_compared: &report.not_compared,
            rejections: &report.rejections,
            warnings: &report.warnings,
            hidden: &report.hidden,
        }
    }
}

impl<'a> From<&'a Side> for Header<'a> {
    fn from(side: &'a Side) -> Self {
        Self {
            label: &side.label,
            captured: side.captured.as_deref(),
            proxies: side.proxies,
            istio_version: side.istio_version.as_deref(),
            envoy_version: side.envoy_version.as_deref(),
        }
    }
}

impl From<&Report> for Summary {
    fn from(report: &Report) -> Self {
        let counts = report.summary;
        Self {
            proxies: counts.proxies,
            resources: counts.resources,
            added_resources: counts.added_resources,
            removed_resources: counts.removed_resources,
            changed_resources: counts.changed_resources,
            changes: report.changes.len(),
            live: report.live.len(),
            not_compared: report.not_compared.len(),
        }
    }
}

impl<'a> From<&'a diff::Change> for Change<'a> {
    fn from(change: &'a diff::Change) -> Self {
        let resource = &change.resource;
        Self {
            proxy: change.proxy.as_str(),
            before_proxy: change.before_proxy.as_ref().map(|proxy| proxy.as_str()),
            source: change.source.as_str(),
            r#type: resource.xds_type.as_str(),
            name: &resource.name,
            state: state(resource),
            occurrence: resource.occurrence,
            kind: change.kind.as_str(),
            path: change.path.to_string(),
            before_path: change.before_path.as_ref().map(ToString::to_string),
            before: change.before.as_ref(),
            after: change.after.as_ref(),
            updated: change.updated.as_deref(),
            reason: change.reason.as_deref(),
            class: change.class.map(diff::Class::as_str),
            hosts: change.hosts.map(|[before, after]| Hosts { before, after }),
            schema: change.no_schema.then_some("unknown"),
            pairings: &change.pairings,
            before_certificates: certificates(change.before.as_ref()),
            after_certificates: certificates(change.after.as_ref()),
            renamed_from: None,
            renamed_to: None,
        }
    }
}

impl<'a> From<&'a diff::Pairing> for Pairing<'a> {
    fn from(pairing: &'a diff::Pairing) -> Self {
        let rule = pairing.rule;
        let (by, by_keys) = match pairing.by {
            None => (None, None),
            Some(PairedBy::Keys(keys)) => (Some("keys"), Some(keys)),
            Some(PairedBy::Content) => (Some("content"), None),
            Some(PairedBy::Position) => (Some("position"), None),
        };
        Self {
            list: &pairing.list,
            rule: match (rule.ordered, rule.keys.is_empty()) {
                (false, true) => "set",
                (false, false) => "keyed",
                (true, true) => "ordered",
                (true, false) => "ordered_keyed",
            },
            keys: rule.keys,
            by,
            by_keys,
        }
    }
}

impl From<&diff::Hidden> for Hidden {
    fn from(hidden: &diff::Hidden) -> Self {
        Self {
            rule: hidden.rule,
            values: hidden.values,
        }
    }
}

impl<'a> From<&'a diff::ProxyOnly> for ProxyOnly<'a> {
    fn from(only: &'a diff::ProxyOnly) -> Self {
        let replica = only.replica.as_ref();
        Self {
            proxy: only.proxy.as_str(),
            side: only.side.as_str(),
            replica: only.replica.is_some(),
            workload: replica.map(|replica| replica.workload.to_string()),
            configuration: replica.map(|replica| match replica.runs {
                Runs::Same => "same",
                Runs::Other(_) => "other",
                Runs::Unknown => "unknown",
            }),
            differs_in: match replica.map(|replica| &replica.runs) {
                Some(Runs::Other(keys)) => keys.iter().map(ResourceName::from).collect(),
                _ => Vec::new(),
            },
        }
    }
}

impl<'a> From<&'a ResourceKey> for ResourceName<'a> {
    fn from(key: &'a ResourceKey) -> Self {
        Self {
            r#type: key.xds_type.as_str(),
            name: &key.name,
            state: state(key),
        }
    }
}

impl<'a> From<&'a diff::ProxyMatch> for ProxyPair<'a> {
    fn from(found: &'a diff::ProxyMatch) -> Self {
        Self {
            proxy: found.after.as_str(),
            before_proxy: found.before.as_str(),
            by: found.by.as_str(),
            workload: found.workload.as_ref().map(ToString::to_string),
        }
    }
}

impl<'a> From<&'a diff::NotCompared> for NotCompared<'a> {
    fn from(not: &'a diff::NotCompared) -> Self {
        let resource = not.resource.as_ref();
        let xds_type = resource.map(|resource| &resource.xds_type);
        Self {
            proxy: not.proxy.as_str(),
            source: not.source.map(diff::Compared::as_str),
            r#type: xds_type
                .or(not.xds_type.as_ref())
                .map(|xds_type| xds_type.as_str()),
            name: resource.map(|resource| &*resource.name),
            state: resource.and_then(state),
            occurrence: resource.map_or(0, |resource| resource.occurrence),
            path: not.path.as_ref().map(ToString::to_string),
            cause: not.cause.as_str(),
            reason: &not.reason,
        }
    }
}

impl<'a> From<&'a diff::Rejection> for Rejection<'a> {
    fn from(rejection: &'a diff::Rejection) -> Self {
        Self {
            proxy: rejection.proxy.as_str(),
            r#type: rejection.xds_type.as_str(),
            reason: &rejection.reason,
        }
    }
}

fn certificates(value: Option<&Value>) -> Vec<Certificate> {
    let found = value.map(certificate::in_value).unwrap_or_default();
    found.into_iter().map(Certificate::from).collect()
}

impl From<inspect::Certificate> for Certificate {
    fn from(certificate: inspect::Certificate) -> Self {
        Self {
            subject: certificate.subject,
            sans: certificate.sans,
            issuer: certificate.issuer,
            serial: certificate.serial,
            not_before: certificate.not_before.to_string(),
            not_after: certificate.not_after.to_string(),
            sha256: certificate.sha256,
        }
    }
}

pub(super) fn state(resource: &ResourceKey) -> Option<&'static str> {
    resource.state.map(|state| state.as_str())
}

/// Converts and writes one change after the other, with the likely other name of the resource.
fn changes<S: Serializer>(changes: &&[diff::Change], serializer: S) -> Result<S::Ok, S::Error> {
    let all: Vec<&diff::Change> = changes.iter().collect();
    let names = renames(&all).into_iter();
    serializer.collect_seq(all.iter().zip(names).map(|(change, name)| {
        let (renamed_from, renamed_to) = match change.kind {
            diff::ChangeKind::Added => (name, None),
            _ => (None, name),
        };
        Change {
            renamed_from,
            renamed_to,
            ..Change::from(*change)
        }
    }))
}

/// Converts and writes one item after the other.
fn each<'a, T, W, S>(items: &&'a [T], serializer: S) -> Result<S::Ok, S::Error>
where
    W: From<&'a T> + Serialize,
    S: Serializer,
{
    serializer.collect_seq(items.iter().map(W::from))
}

fn no_items<T>(items: &&[T]) -> bool {
    items.is_empty()
}

pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}
