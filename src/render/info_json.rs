//! The front page of an input, as JSON.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::layout::{self, Layout};
use crate::{
    inspect::{HostsOverview, Overview, PageOverview},
    model::ProxyId,
};

/// The format of the JSON document.
const FORMAT: &str = "xdsnap.info/v1";

/// What an input is, holds and lacks; `-o json`.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.info/v1")]
struct Info<'a> {
    /// Always `xdsnap.info/v1`.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The input as it was named.
    input: &'a str,
    /// Absent for what is no bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bundle")]
    bundle: Option<Bundle<'a>>,
    /// The words of the person who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    note: Option<&'a str>,
    /// Absent for a capture from files.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Span")]
    captured: Option<Span<'a>>,
    /// Whether everything could be read and every checksum holds.
    intact: bool,
    /// What is wrong, a sentence each.
    damage: &'a [String],
    /// Every proxy that the input is about.
    proxies: Vec<Proxy<'a>>,
    /// The istiods that it is from.
    istiods: Vec<Istiod<'a>>,
    /// Every document.
    documents: Vec<Document<'a>>,
    /// Documents that are there and cannot be read: their content is not that of the page.
    unreadable: Vec<Unreadable<'a>>,
    /// What could not be captured.
    failures: Vec<Failure<'a>>,
    /// What was taken out.
    redaction: Redaction<'a>,
    /// The questions that the input cannot answer.
    lacks: Vec<Lack>,
}

/// A bundle.
#[derive(Serialize, JsonSchema)]
struct Bundle<'a> {
    /// The version of its format.
    version: &'a str,
    /// The program that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    tool: Option<&'a str>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    size_bytes: Option<u64>,
    /// Its seal, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Seal")]
    seal: Option<Seal<'a>>,
}

/// What only a holder of a key can put on a bundle.
#[derive(Serialize, JsonSchema)]
struct Seal<'a> {
    /// The fingerprint of the key.
    key: &'a str,
    /// Whether nothing was altered since; absent where it is not the user's key, by which alone it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    holds: Option<bool>,
}

/// A time span, RFC 3339.
#[derive(Serialize, JsonSchema)]
struct Span<'a> {
    /// The first request.
    start: &'a str,
    /// The last answer.
    end: &'a str,
}

/// A proxy.
#[derive(Serialize, JsonSchema)]
struct Proxy<'a> {
    /// Its ID.
    id: &'a str,
    /// The version of its Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    envoy_version: Option<&'a str>,
    /// The version of its Istio.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    istio_version: Option<&'a str>,
    /// How its hosts are, by its `/clusters`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Hosts")]
    hosts: Option<Hosts<'a>>,
    /// The updates that it was sent since it started, by its statistics, for each type that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Updates>")]
    updates: Option<Vec<Updates<'a>>>,
    /// Whether it is connected to the control plane, by its statistics.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    connected: Option<bool>,
}

/// How hosts are; one counts once in each cluster that it is in.
#[derive(Serialize, JsonSchema)]
struct Hosts<'a> {
    /// Those that requests go to.
    healthy: u64,
    /// Those that requests go to where too few are healthy.
    degraded: u64,
    /// Those that requests do not go to.
    unhealthy: u64,
    /// Why hosts are not healthy, in Envoy's words (`failed_outlier_check`), and how many; one may have several reasons.
    reasons: &'a BTreeMap<String, u64>,
    /// The clusters with hosts that are not healthy, and how many.
    clusters: &'a BTreeMap<String, u64>,
}

/// Updates of one type, whole responses each.
#[derive(Serialize, JsonSchema)]
struct Updates<'a> {
    /// The type: `cluster`, `listener`, …
    #[serde(rename = "type")]
    xds_type: &'a str,
    /// Those that were taken.
    accepted: u64,
    /// Those that were rejected, if only for one resource in them.
    rejected: u64,
}

/// A document that cannot be read.
#[derive(Serialize, JsonSchema)]
struct Unreadable<'a> {
    /// Its path in a bundle.
    path: &'a str,
    /// Why, in a sentence.
    reason: &'a str,
}

/// An istiod.
#[derive(Serialize, JsonSchema)]
struct Istiod<'a> {
    /// Its name, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    name: Option<&'a str>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    version: Option<&'a str>,
}

/// A document.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// Its path in a bundle.
    path: &'a str,
    /// Its size in bytes; absent if it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    size_bytes: Option<u64>,
    /// Where it came from: a URL or the name of a file.
    origin: &'a str,
    /// When it was asked for: RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    requested: Option<&'a str>,
    /// How many values were taken out of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    redacted: Option<u64>,
}

/// Something that could not be captured.
#[derive(Serialize, JsonSchema)]
struct Failure<'a> {
    /// What: source, proxy, document and part.
    what: &'a str,
    /// Where it would have come from.
    origin: &'a str,
    /// When it was asked for: RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    time: Option<&'a str>,
    /// The HTTP status, if there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u16")]
    status: Option<u16>,
    /// Why, in a sentence.
    reason: &'a str,
}

/// What was taken out.
#[derive(Serialize, JsonSchema)]
struct Redaction<'a> {
    /// The names of the rules.
    rules: &'a [String],
    /// How many values were taken out.
    values: u64,
    /// How many of them by each rule, where that is known.
    by_rule: &'a BTreeMap<String, u64>,
    /// The fingerprints of the keys that they were replaced with.
    keys: &'a [String],
    /// Whether its maker wished that nothing be taken out: it holds secrets in clear.
    off: bool,
}

/// A question that the input cannot answer.
#[derive(Serialize, JsonSchema)]
struct Lack {
    /// The question.
    question: &'static str,
    /// For how many proxies.
    proxies: usize,
    /// How to capture it.
    remedy: &'static str,
}

impl<'a> From<&'a Overview> for Info<'a> {
    fn from(overview: &'a Overview) -> Self {
        let mut pages: BTreeMap<&ProxyId, Vec<&PageOverview>> = BTreeMap::new();
        for (proxy, page) in overview.pages() {
            pages.entry(proxy).or_default().push(page);
        }
        Self {
            format: FORMAT,
            input: &overview.label,
            bundle: overview.format.as_deref().map(|version| Bundle {
                version,
                tool: overview.tool.as_deref(),
                size_bytes: overview.size_bytes,
                seal: overview.seal.as_ref().map(|seal| Seal {
                    key: &seal.key,
                    holds: seal.holds,
                }),
            }),
            note: overview.note.as_deref(),
            captured: overview
                .captured
                .as_ref()
                .map(|(start, end)| Span { start, end }),
            intact: overview.damage.is_empty(),
            damage: &overview.damage,
            proxies: overview
                .proxies
                .iter()
                .map(|proxy| {
                    let mut written = Proxy {
                        id: proxy.id.as_str(),
                        envoy_version: proxy.envoy_version.as_deref(),
                        istio_version: proxy.istio_version.as_deref(),
                        hosts: None,
                        updates: None,
                        connected: None,
                    };
                    for page in pages.get(&proxy.id).into_iter().flatten() {
                        written.tell(page);
                    }
                    written
                })
                .collect(),
            unreadable: overview
                .unreadable()
                .map(|(path, reason)| Unreadable { path, reason })
                .collect(),
            istiods: overview
                .istiods
                .iter()
                .map(|istiod| Istiod {
                    name: istiod.name.as_deref(),
                    version: istiod.version.as_deref(),
                })
                .collect(),
            documents: overview
                .documents
                .iter()
                .map(|document| Document {
                    path: &document.path,
                    size_bytes: document.size_bytes,
                    origin: &document.origin,
                    requested: document.requested.as_deref(),
                    redacted: document.redacted,
                })
                .collect(),
            failures: overview
                .failures
                .iter()
                .map(|failure| Failure {
                    what: &failure.what,
                    origin: &failure.origin,
                    time: failure.time.as_deref(),
                    status: failure.status,
                    reason: &failure.reason,
                })
                .collect(),
            redaction: Redaction {
                rules: &overview.redaction_rules,
                values: overview.redacted,
                by_rule: &overview.redacted_by,
                keys: &overview.redaction_keys,
                off: overview.holds_secrets,
            },
            lacks: overview
                .lacks()
                .into_iter()
                .map(|lack| Lack {
                    question: lack.question,
                    proxies: lack.proxies,
                    remedy: lack.remedy,
                })
                .collect(),
        }
    }
}

impl<'a> Proxy<'a> {
    /// Takes over what one of its pages says.
    fn tell(&mut self, page: &'a PageOverview) {
        match page {
            PageOverview::Hosts(HostsOverview {
                healthy,
                degraded,
                unhealthy,
                reasons,
                clusters,
            }) => {
                self.hosts = Some(Hosts {
                    healthy: *healthy,
                    degraded: *degraded,
                    unhealthy: *unhealthy,
                    reasons,
                    clusters,
                });
            }
            PageOverview::Stats(stats) => {
                self.connected = stats.connected;
                let updates = stats.updates.iter();
                let updates = updates.map(|(xds_type, counts)| Updates {
                    xds_type: xds_type.as_str(),
                    accepted: counts.accepted,
                    rejected: counts.rejected,
                });
                self.updates = Some(updates.collect());
            }
            PageOverview::Silent | PageOverview::Unreadable(_) => {}
        }
    }
}

/// The JSON Schema of the document.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Info<'static>>()
}

/// Writes the front page as JSON.
///
/// # Errors
///
/// Where `out` fails.
pub fn info_json(out: &mut dyn Write, overview: &Overview) -> io::Result<()> {
    layout::write(out, &Info::from(overview), Layout::pretty())?;
    out.write_all(b"\n")
}
