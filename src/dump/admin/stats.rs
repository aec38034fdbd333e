//! Envoy's statistics, of which those count here that tell whether it took the updates that it was sent.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Page, PageError, invalid, item, lines, list};
use crate::model::XdsType;

/// What the statistics of an Envoy tell of its updates, since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// By type. A type that is not there was not counted: Istio keeps few counters.
    pub updates: BTreeMap<XdsType, UpdateCounts>,
    /// Whether the control plane is connected, where that is told.
    pub connected: Option<bool>,
}

/// Updates of one type, whole responses each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpdateCounts {
    /// Those that were taken.
    pub accepted: u64,
    /// Those that were rejected, if only for one resource in them.
    pub rejected: u64,
}

/// Where the counters of one type stand, by their names without the dots of `/stats` and the underscores of
/// `/stats/prometheus`.
struct Scope {
    xds_type: XdsType,
    /// The words with which a name begins.
    start: &'static [&'static str],
    /// A word that stands further on.
    within: Option<&'static str>,
}

const fn scope(
    xds_type: XdsType,
    start: &'static [&'static str],
    within: Option<&'static str>,
) -> Scope {
    Scope {
        xds_type,
        start,
        within,
    }
}

/// From the more special to the more general: the first that fits counts.
static SCOPES: [Scope; 7] = [
    scope(XdsType::Cluster, &["cluster_manager", "cds"], None),
    scope(XdsType::Listener, &["listener_manager", "lds"], None),
    // `http.<prefix>.rds.<route configuration>`
    scope(XdsType::ScopedRoute, &["http"], Some("scoped_rds")),
    scope(XdsType::Route, &["http"], Some("rds")),
    // `cluster.<cluster>`
    scope(XdsType::Endpoint, &["cluster"], None),
    // `sds.<secret>`
    scope(XdsType::Secret, &["sds"], None),
    // `extension_config_discovery.<kind>.<extension>`
    scope(
        XdsType::ExtensionConfig,
        &["extension_config_discovery"],
        None,
    ),
];

const ACCEPTED: &str = "update_success";
const REJECTED: &str = "update_rejected";

/// 1 where there is a connection to the control plane.
const CONNECTED: [&str; 2] = ["control_plane", "connected_state"];

/// What every line of Prometheus' text is, but for comments.
const EXPECTED: &str = "`<name>{<labels>} <value>`";

impl Stats {
    /// Reads `/stats?format=json` or `/stats/prometheus`.
    ///
    /// # Errors
    ///
    /// Where the page is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, PageError> {
        let mut counted = Counted::default();
        match Page::open(bytes)? {
            Page::Text(text) => lines(text, EXPECTED, |line| {
                let first = line.bytes().next()?;
                if first == b'#' {
                    return Some(());
                }
                if !(first.is_ascii_alphabetic() || first == b'_' || first == b':') {
                    return None;
                }
                let (name, value) = line.rsplit_once(' ')?;
                let (name, labels) = name.split_once('{').unwrap_or((name, ""));
                match name.strip_prefix("envoy_") {
                    Some(name) => counted.add(name, labels, '_', value),
                    // Of a workload, which the agent puts in between.
                    None => Some(()),
                }
            })?,
            Page::Json(walker, root) => list(walker, root, ["stats"; 2], |raw| {
                let Stat { name, value } = item(walker, raw)?;
                let (Some(name), Some(value)) = (name, value) else {
                    // The item that holds the histograms.
                    return Ok(());
                };
                let value = match &value {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let added = counted.add(&name, "", '.', &value);
                added.ok_or_else(|| invalid(walker, raw, "a counter that is no number".to_owned()))
            })?,
        }
        Ok(counted.finish())
    }
}

/// An item of `/stats?format=json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stat {
    name: Option<String>,
    /// A number; of a text, a string.
    value: Option<serde_json::Value>,
}

#[derive(Default)]
struct Counted {
    /// By type and subscription.
    subscriptions: BTreeMap<(XdsType, String), UpdateCounts>,
    connected: Option<bool>,
}

impl Counted {
    /// Takes a statistic into account if it matters; `None` where its value is no number.
    fn add(&mut self, name: &str, labels: &str, separator: char, value: &str) -> Option<()> {
        if strip(name, &CONNECTED, separator) == Some("") {
            let is_connected = number(value)? != 0;
            // Of several control planes each has to be there.
            self.connected = Some(self.connected.unwrap_or(true) && is_connected);
            return Some(());
        }
        let (base, is_rejected) = match (name.strip_suffix(REJECTED), name.strip_suffix(ACCEPTED)) {
            (Some(base), _) => (base, true),
            (None, Some(base)) => (base, false),
            (None, None) => return Some(()),
        };
        let Some(xds_type) = type_of(base, separator) else {
            return Some(());
        };
        let subscription = format!("{base}{{{labels}");
        let counts = self.subscriptions.entry((xds_type, subscription));
        let counts = counts.or_default();
        let field = match is_rejected {
            true => &mut counts.rejected,
            false => &mut counts.accepted,
        };
        *field = field.saturating_add(number(value)?);
        Some(())
    }

    fn finish(self) -> Stats {
        let mut updates: BTreeMap<XdsType, UpdateCounts> = BTreeMap::new();
        for ((xds_type, _), counts) in self.subscriptions {
            // Of a cluster without EDS, these count what DNS answered.
            if xds_type == XdsType::Endpoint && counts.rejected == 0 {
                continue;
            }
            let sum = updates.entry(xds_type).or_default();
            sum.accepted = sum.accepted.saturating_add(counts.accepted);
            sum.rejected = sum.rejected.saturating_add(counts.rejected);
        }
        Stats {
            updates,
            connected: self.connected,
        }
    }
}

/// The type of which a counter's name, but for its last word, has the scope.
fn type_of(base: &str, separator: char) -> Option<XdsType> {
    let fits = |scope: &&Scope| {
        let Some(rest) = strip(base, scope.start, separator) else {
            return false;
        };
        let Some(word) = scope.within else {
            return true;
        };
        let mut at = rest.match_indices(word);
        at.any(|(at, _)| {
            (at == 0 || rest[..at].ends_with(separator))
                && rest[at + word.len()..].starts_with(separator)
        })
    };
    let found = SCOPES.iter().find(fits)?;
    Some(found.xds_type.clone())
}

/// What follows these words, each with a separator after it.
fn strip<'a>(name: &'a str, words: &[&str], separator: char) -> Option<&'a str> {
    words.iter().try_fold(name, |rest, word| {
        let rest = rest.strip_prefix(word)?;
        match rest.is_empty() {
            true => Some(rest),
            false => rest.strip_prefix(separator),
        }
    })
}

/// A count, which Prometheus' text may write as any number.
fn number(text: &str) -> Option<u64> {
    let whole = text.parse::<u64>().ok();
    // No count is anything but a number from 0.
    whole.or_else(|| {
        text.parse::<f64>()
            .ok()
            .filter(|n| *n >= 0.0)
            .map(|n| n as u64)
    })
}

#[test]
fn both_forms_tell_of_the_same_updates() {
    // As Envoy 1.40 printed them, names with dots in them.
    let json = r#"{"stats": [
        {"name": "cluster.b.x.update_rejected", "value": 1}, {"name": "cluster.b.x.update_success", "value": 0},
        {"name": "cluster.dns.update_rejected", "value": 0}, {"name": "cluster.dns.update_success", "value": 9},
        {"name": "cluster_manager.cds.update_rejected", "value": 0},
        {"name": "cluster_manager.cds.update_success", "value": 3},
        {"name": "cluster_manager.cds.version_text", "value": "2026-11-21T01:52:22Z/2"},
        {"name": "extension_config_discovery.http_filter.my.ext.update_rejected", "value": 1},
        {"name": "extension_config_discovery.http_filter.my.ext.update_success", "value": 0},
        {"name": "http.in.x.rds.r.80.update_rejected", "value": 1},
        {"name": "http.in.x.rds.r.80.update_success", "value": 2},
        {"name": "http.in.x.rds.r.90.update_success", "value": 2},
        {"name": "http.in.x.scoped_rds.s.update_success", "value": 5},
        {"name": "listener_manager.lds.update_rejected", "value": "1"},
        {"name": "listener_manager.lds.update_success", "value": "1"},
        {"name": "sds.my.cert.update_rejected", "value": 1}, {"name": "sds.my.cert.update_success", "value": 0},
        {"name": "control_plane.connected_state", "value": 1},
        {"name": "http.admin.downstream_rq_total", "value": 7},
        {"histograms": {"supported_quantiles": [0, 25]}}]}"#;
    let prometheus = "\
# TYPE envoy_cluster_update_rejected counter
envoy_cluster_x_update_rejected{envoy_cluster_name=\"b\"} 1
envoy_cluster_x_update_success{envoy_cluster_name=\"b\"} 0
envoy_cluster_update_success{envoy_cluster_name=\"dns\"} 9
envoy_cluster_update_rejected{envoy_cluster_name=\"dns\"} 0
envoy_cluster_manager_cds_update_rejected{} 0
envoy_cluster_manager_cds_update_success{} 3

envoy_extension_config_discovery_http_filter_my_ext_update_rejected{} 1
envoy_extension_config_discovery_http_filter_my_ext_update_success{} 0
envoy_http_x_rds_r_80_update_rejected{envoy_http_conn_manager_prefix=\"in\"} 1
envoy_http_x_rds_r_80_update_success{envoy_http_conn_manager_prefix=\"in\"} 2
envoy_http_rds_update_success{envoy_http_conn_manager_prefix=\"in\",envoy_rds_route_config=\"90\"} 2
envoy_http_scoped_rds_update_success{envoy_scoped_rds_config=\"s\"} 5
envoy_listener_manager_lds_update_rejected{} 1
envoy_listener_manager_lds_update_success{} 1
envoy_sds_cert_update_rejected{envoy_xds_resource_name=\"my\"} 1
envoy_sds_cert_update_success{envoy_xds_resource_name=\"my\"} 0
envoy_control_plane_connected_state{} 1
envoy_server_uptime{} 1e+06
istio_requests_total{a=\"x } y\"} NaN
";
    let stats = Stats::parse(json.as_bytes()).unwrap();
    assert_eq!(stats, Stats::parse(prometheus.as_bytes()).unwrap());
    let counts: Vec<_> = stats
        .updates
        .iter()
        .map(|(xds_type, counts)| (xds_type.as_str(), counts.accepted, counts.rejected))
        .collect();
    assert_eq!(
        counts,
        [
            ("cluster", 3, 0),
            ("endpoint", 0, 1),
            ("extension_config", 0, 1),
            ("listener", 1, 1),
            ("route", 4, 1),
            ("scoped_route", 5, 0),
            ("secret", 0, 1),
        ]
    );
    assert_eq!(stats.connected, Some(true));
}

#[test]
fn what_is_no_page_is_told_with_its_place() {
    for (page, said) in [
        ("# TYPE x counter\n\nno: page?\n<html>\n", "line 4 is none"),
        (
            "envoy_listener_manager_lds_update_success{} x\n",
            "line 1 is none",
        ),
        ("envoy_x\n", "line 1 is none"),
        (
            r#"{"stats": [{"name": "listener_manager.lds.update_success", "value": -1}]}"#,
            "byte 11",
        ),
        (r#"{"stats": {}}"#, "expected an object with a list `stats`"),
        (r#"{"stats": ["#, "invalid JSON"),
    ] {
        let error = Stats::parse(page.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(said), "{page}: {error}");
    }
}
