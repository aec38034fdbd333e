//! Which proxies are in sync, as a table and as JSON.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    Side, Style,
    clip::{Tail, clip},
    escape,
    head::{head, warnings},
    json::Header,
    layout::{self, Layout},
    page::{Ink, Line, Page, Piece, count},
    table::Table,
    text::{items, seconds, title},
};
use crate::{
    inspect::{ProxyStatus, STATUS_TYPES, Status, SyncStatus, TypeStatus},
    model::{ProxyId, XdsType},
};

/// The format of the JSON document.
const FORMAT: &str = "xdsnap.status/v1";

/// How much of a reason is shown, in characters.
const REASON: usize = 400;

/// Writes a row for each proxy, and reasons below.
///
/// # Errors
///
/// Where `out` fails.
pub fn status(out: &mut dyn Write, status: &Status, input: &Side, style: Style) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    warnings(page, &status.warnings)?;
    head(page, "input", input)?;
    page.gap()?;
    table(status, style).write(page, 0)?;
    waiting(page, status)?;
    reasons(page, status, SyncStatus::Rejected, "rejected by Envoy:")?;
    reasons(
        page,
        status,
        SyncStatus::Unknown,
        "not known, but should be:",
    )?;
    page.gap()?;
    let counts = counts(status);
    let gravest_first = counts.iter().rev();
    let parts: Vec<String> = gravest_first
        .map(|(status, number)| format!("{number} {}", word(*status).to_lowercase()))
        .collect();
    let compared = status.proxies.iter().filter(|proxy| proxy.is_compared);
    let line = format!(
        "{} of {} compared: {}",
        compared.count(),
        count(status.proxies.len(), "proxy", "proxies"),
        parts.join(", ")
    );
    page.line(Line::new(0).with(Ink::Heading, line))
}

/// The word in text.
fn word(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::NotSent => "NOT SENT",
        SyncStatus::Synced => "SYNCED",
        SyncStatus::Behind => "BEHIND",
        SyncStatus::Unknown => "UNKNOWN",
        SyncStatus::Stale => "STALE",
        SyncStatus::Rejected => "REJECTED",
    }
}

/// What `istioctl proxy-status` calls a type.
pub(super) fn heading(xds_type: &XdsType, style: Style) -> String {
    match xds_type {
        XdsType::Cluster => "CDS",
        XdsType::Listener => "LDS",
        XdsType::Route => "RDS",
        XdsType::Endpoint => "EDS",
        XdsType::ExtensionConfig => "ECDS",
        XdsType::Secret => "SDS",
        XdsType::ScopedRoute => "SRDS",
        XdsType::Bootstrap => "BOOTSTRAP",
        XdsType::Other(name) => return escape::name(name, style),
    }
    .to_owned()
}

/// A proxy's status: one to which nothing is sent is in sync.
fn of_proxy(proxy: &ProxyStatus) -> SyncStatus {
    proxy.worst().max(SyncStatus::Synced)
}

/// How many proxies there are of each status.
fn counts(status: &Status) -> BTreeMap<SyncStatus, usize> {
    let mut counts = BTreeMap::new();
    for proxy in &status.proxies {
        *counts.entry(of_proxy(proxy)).or_default() += 1;
    }
    counts
}

fn table(status: &Status, style: Style) -> Table {
    let mut types: Vec<&XdsType> = STATUS_TYPES.iter().collect();
    for found in status.proxies.iter().flat_map(|proxy| &proxy.types) {
        if !types.contains(&&found.xds_type) {
            types.push(&found.xds_type);
        }
    }
    let mut headings = vec!["PROXY".to_owned()];
    headings.extend(types.iter().map(|xds_type| heading(xds_type, style)));
    headings.extend(["ISTIO", "ENVOY"].map(str::to_owned));
    let mut table = Table::new(headings, 0);
    for proxy in &status.proxies {
        let id = escape::name(proxy.proxy.as_str(), style);
        let mut row = vec![(Ink::Plain, id)];
        row.extend(types.iter().map(|xds_type| {
            let mut found = proxy.types.iter();
            let found = found.find(|found| found.xds_type == **xds_type);
            found.map_or((Ink::Plain, String::new()), cell)
        }));
        for version in [&proxy.istio_version, &proxy.envoy_version] {
            let version = version.as_deref().map(|text| escape::name(text, style));
            row.push((Ink::Plain, version.unwrap_or_default()));
        }
        table.row(row);
    }
    table
}

fn cell(found: &TypeStatus) -> Piece {
    let ink = match found.status {
        SyncStatus::Stale | SyncStatus::Rejected => Ink::Warning,
        SyncStatus::NotSent => Ink::Faint,
        _ => Ink::Plain,
    };
    let word = word(found.status);
    match (found.status, found.differs) {
        (SyncStatus::Stale, Some(differs)) => (ink, format!("{word} {differs}")),
        _ => (ink, word.to_owned()),
    }
}

/// Writes which updates proxies have not answered, and when those were sent.
fn waiting(page: &mut Page, status: &Status) -> io::Result<()> {
    let style = page.style;
    let mut lines: Vec<(&ProxyId, String, Vec<String>)> = Vec::new();
    for proxy in &status.proxies {
        for found in &proxy.types {
            let (Some(sent), false) = (&found.waiting_since, found.status == SyncStatus::Rejected)
            else {
                continue;
            };
            let sent = escape::name(&seconds(sent), style);
            let heading = heading(&found.xds_type, style);
            let mut same = lines.iter_mut();
            let same = same.find(|(of, time, _)| (*of, &**time) == (&proxy.proxy, sent.as_str()));
            match same {
                Some((.., types)) => types.push(heading),
                None => lines.push((&proxy.proxy, sent, vec![heading])),
            }
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    title(page, "not acknowledged:")?;
    items(page, lines, "more", |page, (proxy, sent, types)| {
        let proxy = escape::name(proxy.as_str(), style);
        let line = Line::new(2).with(Ink::Plain, proxy + ":");
        let text = format!("{}, sent {sent}", types.join(" "));
        page.flow(line, " ", [(Ink::Plain, text)], 6)
    })
}

/// Writes why something has a status, proxy by proxy and type by type.
fn reasons(page: &mut Page, status: &Status, of: SyncStatus, heads: &str) -> io::Result<()> {
    let style = page.style;
    let mut lines: Vec<(&ProxyId, Vec<String>, &str)> = Vec::new();
    for proxy in &status.proxies {
        for found in proxy.types.iter().filter(|found| found.status == of) {
            let reason = found.reason.as_deref().unwrap_or_default();
            let heading = heading(&found.xds_type, style);
            match lines.last_mut() {
                Some((last, types, same)) if **last == proxy.proxy && *same == reason => {
                    types.push(heading);
                }
                _ => lines.push((&proxy.proxy, vec![heading], reason)),
            }
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    title(page, heads)?;
    items(page, lines, "more", |page, (proxy, types, reason)| {
        let proxy = escape::name(proxy.as_str(), style);
        let line = Line::new(2).with(Ink::Plain, format!("{proxy} {}:", types.join(" ")));
        let reason = escape::sentence(reason, style);
        let reason = clip(&reason, REASON, Tail::Counted, style);
        page.sentence(line, Ink::Plain, &reason, 6)
    })
}

/// Writes the verdicts as one JSON document.
///
/// # Errors
///
/// Where `out` fails.
pub fn status_json(out: &mut dyn Write, status: &Status, input: &Side) -> io::Result<()> {
    layout::write(out, &Document::new(status, input), Layout::item_per_line())?;
    out.write_all(b"\n")
}

/// The JSON Schema of what [`status_json`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document<'static>>()
}

/// Which proxies run what istiod would send them.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.status/v1")]
struct Document<'a> {
    /// The name and major version of this format. A minor version only adds fields.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// What was looked at.
    input: Header<'a>,
    /// Counts.
    summary: Summary,
    /// Every proxy, in byte order of their IDs.
    proxies: Vec<Proxy<'a>>,
    /// What to know before believing the result, a sentence each.
    warnings: &'a [String],
}

/// How many proxies there are, by their `status`.
#[derive(Serialize, JsonSchema)]
struct Summary {
    /// All proxies.
    proxies: usize,
    /// Proxies of which the two dumps were compared.
    compared: usize,
    /// Proxies that run what istiod would send.
    synced: usize,
    /// Proxies that do, but have not acknowledged it.
    behind: usize,
    /// Proxies of which something cannot be told, and nothing is stale or rejected.
    unknown: usize,
    /// Proxies that run something else, and have rejected nothing.
    stale: usize,
    /// Proxies that rejected what istiod sent.
    rejected: usize,
}

/// A proxy.
#[derive(Serialize, JsonSchema)]
struct Proxy<'a> {
    /// Its ID.
    proxy: &'a str,
    /// The gravest status of all types.
    #[schemars(extend("enum" = ["synced", "behind", "unknown", "stale", "rejected"]))]
    status: &'static str,
    /// The version of its Istio.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    istio_version: Option<&'a str>,
    /// The version of its Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    envoy_version: Option<&'a str>,
    /// Cluster, listener, route, endpoint, extension config and secret; then others of which there is anything to say.
    types: Vec<Type<'a>>,
}

/// One xDS type of a proxy.
#[derive(Serialize, JsonSchema)]
struct Type<'a> {
    /// The xDS type.
    r#type: &'a str,
    /// How far the proxy is.
    #[schemars(extend("enum" = SyncStatus::ALL.map(SyncStatus::as_str)))]
    status: &'static str,
    /// How many resources differ; absent where they were not compared, and istiod's sync state alone is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    differs: Option<usize>,
    /// When the update was sent that the proxy has not acknowledged, as istiod printed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    waiting_since: Option<&'a str>,
    /// Why it was rejected, or is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    reason: Option<&'a str>,
}

impl<'a> Document<'a> {
    fn new(status: &'a Status, input: &'a Side) -> Self {
        let counts = counts(status);
        let count = |of| counts.get(&of).copied().unwrap_or(0);
        let proxies = status.proxies.iter();
        Self {
            format: FORMAT,
            input: input.into(),
            summary: Summary {
                proxies: status.proxies.len(),
                compared: proxies.clone().filter(|proxy| proxy.is_compared).count(),
                synced: count(SyncStatus::Synced),
                behind: count(SyncStatus::Behind),
                unknown: count(SyncStatus::Unknown),
                stale: count(SyncStatus::Stale),
                rejected: count(SyncStatus::Rejected),
            },
            proxies: proxies.map(Proxy::from).collect(),
            warnings: &status.warnings,
        }
    }
}

impl<'a> From<&'a ProxyStatus> for Proxy<'a> {
    fn from(proxy: &'a ProxyStatus) -> Self {
        let types = proxy.types.iter().map(|found| Type {
            r#type: found.xds_type.as_str(),
            status: found.status.as_str(),
            differs: found.differs,
            waiting_since: found.waiting_since.as_deref(),
            reason: found.reason.as_deref(),
        });
        Self {
            proxy: proxy.proxy.as_str(),
            status: of_proxy(proxy).as_str(),
            istio_version: proxy.istio_version.as_deref(),
            envoy_version: proxy.envoy_version.as_deref(),
            types: types.collect(),
        }
    }
}
