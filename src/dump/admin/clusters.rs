//! Envoy's `/clusters`: every host of every cluster, its health and its counters.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Page, PageError, address::Address, clusters_text, invalid, item, list};
use crate::dump::{JsonError, json::Walker};

/// A cluster with its hosts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its hosts, in the order of the page.
    pub hosts: Vec<Host>,
}

/// A host of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// Its address as the text has it: `10.0.0.1:80`, `[::1]:80`, `/path/of.sock`, `envoy://listener/endpoint`.
    pub address: String,
    /// The name that it was resolved from, or that its endpoint was given; may be empty.
    pub hostname: String,
    /// What is the matter with it, in the words of the text: `failed_outlier_check`. Empty: nothing is.
    pub flags: BTreeSet<String>,
    /// Counters and gauges: `rq_total`, `cx_connect_fail`, …
    pub counters: BTreeMap<String, u64>,
    /// Its weight in load balancing.
    pub weight: u32,
    /// Its priority; 0 is the highest.
    pub priority: u32,
    /// Where it is.
    pub locality: Locality,
    /// Whether it is a canary, which only the text tells.
    pub canary: Option<bool>,
    /// The rate of success that outlier detection measured, in percent.
    pub success_rate: Option<f64>,
    /// The same, of errors that Envoy itself met.
    pub local_origin_success_rate: Option<f64>,
}

/// Where a host is; what was not told is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Locality {
    /// Its region.
    pub region: String,
    /// Its zone.
    pub zone: String,
    /// The part of the zone.
    #[serde(alias = "subZone")]
    pub sub_zone: String,
}

/// Whether requests go to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// They do.
    Healthy,
    /// They do where there are not enough that are healthy.
    Degraded,
    /// They do not, unless too few of all are healthy.
    Unhealthy,
}

impl Host {
    /// Envoy's verdict (`Host::coarseHealth`). A flag of a newer Envoy is judged by its name.
    pub fn health(&self) -> Health {
        self.flags
            .iter()
            .map(|flag| health_of(flag))
            .max()
            .unwrap_or(Health::Healthy)
    }

    /// The flags for which the host is not healthy.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        let flags = self.flags.iter().map(String::as_str);
        flags.filter(|flag| health_of(flag) != Health::Healthy)
    }
}

fn health_of(flag: &str) -> Health {
    if flag.starts_with("failed_") || flag == DRAINING {
        Health::Unhealthy
    } else if flag.starts_with("degraded_") {
        Health::Degraded
    } else {
        Health::Healthy
    }
}

/// What EDS says of a host that goes.
const DRAINING: &str = "eds_status_draining";

/// The members of `HostHealthStatus` that are true or false, in both JSON spellings, and what the text calls each.
const FLAGS: [([&str; 2], &str); 8] = [
    (
        ["failed_active_health_check", "failedActiveHealthCheck"],
        "failed_active_hc",
    ),
    (
        ["failed_outlier_check", "failedOutlierCheck"],
        "failed_outlier_check",
    ),
    (
        ["failed_active_degraded_check", "failedActiveDegradedCheck"],
        "degraded_active_hc",
    ),
    (
        ["pending_dynamic_removal", "pendingDynamicRemoval"],
        "pending_dynamic_removal",
    ),
    (
        ["pending_active_hc", "pendingActiveHc"],
        "pending_active_hc",
    ),
    (
        [
            "excluded_via_immediate_hc_fail",
            "excludedViaImmediateHcFail",
        ],
        "excluded_via_immediate_hc_fail",
    ),
    (
        ["active_hc_timeout", "activeHcTimeout"],
        "active_hc_timeout",
    ),
    (
        [
            "failed_degraded_outlier_detection",
            "failedDegradedOutlierDetection",
        ],
        "degraded_outlier_detection",
    ),
];

/// The member that holds an enumeration.
const EDS_HEALTH: [&str; 2] = ["eds_health_status", "edsHealthStatus"];

/// The values of that enumeration, and what the text calls each.
const EDS_FLAGS: [(&str, Option<&str>); 6] = [
    ("UNKNOWN", None),
    ("HEALTHY", None),
    ("UNHEALTHY", Some("failed_eds_health")),
    ("DRAINING", Some(DRAINING)),
    ("TIMEOUT", Some("failed_eds_health")),
    ("DEGRADED", Some("degraded_eds_health")),
];

/// Reads the page, as text or as JSON, and calls `each` with every cluster, in the order of the page. One cluster is
/// held at a time.
///
/// # Errors
///
/// Where the page is none. The clusters before that place were given then.
pub fn clusters(bytes: &[u8], mut each: impl FnMut(Cluster)) -> Result<(), PageError> {
    match Page::open(bytes)? {
        Page::Text(text) => clusters_text::read(text, &mut each),
        Page::Json(walker, root) => {
            let names = ["cluster_statuses", "clusterStatuses"];
            list(walker, root, names, |raw| {
                each(item::<ClusterStatus>(walker, raw)?.read(walker, raw)?);
                Ok(())
            })?;
            Ok(())
        }
    }
}

/// `envoy.admin.v3.ClusterStatus`
#[derive(Default, Deserialize)]
#[serde(default)]
struct ClusterStatus {
    name: String,
    #[serde(alias = "hostStatuses")]
    host_statuses: Vec<HostStatus>,
}

/// `envoy.admin.v3.HostStatus`
#[derive(Default, Deserialize)]
#[serde(default)]
struct HostStatus {
    address: Address,
    stats: Vec<SimpleMetric>,
    #[serde(alias = "healthStatus")]
    health_status: BTreeMap<String, Sign>,
    #[serde(alias = "successRate")]
    success_rate: Option<Percent>,
    weight: u32,
    hostname: String,
    priority: u32,
    #[serde(alias = "localOriginSuccessRate")]
    local_origin_success_rate: Option<Percent>,
    locality: Locality,
}

/// A member of `envoy.admin.v3.HostHealthStatus`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sign {
    Flag(bool),
    Value(String),
}

/// `envoy.admin.v3.SimpleMetric`
#[derive(Default, Deserialize)]
#[serde(default)]
struct SimpleMetric {
    name: String,
    value: Count,
}

/// A 64-bit number, which JSON prints as a string; one without a value is 0.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
}

impl Default for Count {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// `envoy.type.v3.Percent`
#[derive(Default, Deserialize)]
#[serde(default)]
struct Percent {
    value: f64,
}

impl ClusterStatus {
    fn read(self, walker: Walker<'_, '_>, raw: &[u8]) -> Result<Cluster, JsonError> {
        let hosts: Option<Vec<Host>> = self.host_statuses.into_iter().map(host).collect();
        match hosts {
            Some(hosts) => Ok(Cluster {
                name: self.name,
                hosts,
            }),
            None => Err(invalid(
                walker,
                raw,
                "the cluster that begins here: a count that is no number, or a health status \
                 that is not known"
                    .to_owned(),
            )),
        }
    }
}

fn host(status: HostStatus) -> Option<Host> {
    let mut flags = BTreeSet::new();
    for (member, sign) in status.health_status {
        match sign {
            Sign::Flag(false) => {}
            Sign::Flag(true) => {
                let known = FLAGS.iter().find(|(names, _)| names.contains(&&*member));
                flags.insert(known.map_or(member, |(_, flag)| (*flag).to_owned()));
            }
            Sign::Value(value) if EDS_HEALTH.contains(&&*member) => {
                let (_, flag) = EDS_FLAGS.iter().find(|(name, _)| *name == value)?;
                flags.extend(flag.map(str::to_owned));
            }
            Sign::Value(_) => {}
        }
    }
    let mut counters = BTreeMap::new();
    for SimpleMetric { name, value } in status.stats {
        let value = match value {
            Count::Number(number) => number,
            Count::Text(text) => text.parse().ok()?,
        };
        counters.insert(name, value);
    }
    Some(Host {
        address: status.address.text(),
        hostname: status.hostname,
        flags,
        counters,
        weight: status.weight,
        priority: status.priority,
        locality: status.locality,
        canary: None,
        success_rate: status.success_rate.map(|percent| percent.value),
        local_origin_success_rate: status
            .local_origin_success_rate
            .map(|percent| percent.value),
    })
}

#[cfg(test)]
fn read(text: &str) -> Result<Vec<Cluster>, PageError> {
    let mut found = Vec::new();
    clusters(text.as_bytes(), |cluster| found.push(cluster))?;
    Ok(found)
}

#[test]
fn both_forms_tell_of_the_same_hosts() {
    let text = "\
a::b::observability_name::x::y
a::b::default_priority::max_connections::1024
a::b::outlier::success_rate_average::-1
a::b::added_via_api::true
a::b::[::1]:80::cx_active::1
a::b::[::1]:80::rq_total::12
a::b::[::1]:80::hostname::::1
a::b::[::1]:80::health_flags::/failed_active_hc/degraded_eds_health
a::b::[::1]:80::weight::3
a::b::[::1]:80::region::r
a::b::[::1]:80::zone::z
a::b::[::1]:80::sub_zone::
a::b::[::1]:80::canary::false
a::b::[::1]:80::priority::1
a::b::[::1]:80::success_rate::12.5
a::b::[::1]:80::local_origin_success_rate::-1
a::b::/tmp/x::cx_active::0
a::b::/tmp/x::health_flags::healthy
a::b::/tmp/x::weight::1
a::b::/tmp/x::y.sock::cx_active::0
a::b::/tmp/x::y.sock::health_flags::/eds_status_draining
a::b::/tmp/x::y.sock::weight::1
a::observability_name::a
a::envoy://connect_originate/10.0.0.1:80::cx_active::0
a::envoy://connect_originate/10.0.0.1:80::health_flags::/pending_dynamic_removal
a::envoy://connect_originate/10.0.0.1:80::weight::1
none::observability_name::none
";
    let json = r#"{"cluster_statuses": [
        {"name": "a::b", "host_statuses": [
            {"address": {"socket_address": {"address": "::1", "port_value": 80}},
             "stats": [{"name": "cx_active", "value": "1", "type": "GAUGE"}, {"name": "rq_total", "value": 12}],
             "health_status": {"eds_health_status": "DEGRADED", "failed_active_health_check": true},
             "weight": 3, "hostname": "::1", "priority": 1, "success_rate": {"value": 12.5},
             "locality": {"region": "r", "zone": "z"}},
            {"address": {"pipe": {"path": "/tmp/x"}}, "stats": [{"name": "cx_active"}],
             "healthStatus": {"edsHealthStatus": "HEALTHY", "failedOutlierCheck": false}, "weight": 1},
            {"address": {"pipe": {"path": "/tmp/x::y.sock"}}, "stats": [{"name": "cx_active"}],
             "health_status": {"eds_health_status": "DRAINING"}, "weight": 1}]},
        {"name": "a", "hostStatuses": [
            {"address": {"envoyInternalAddress": {"serverListenerName": "connect_originate", "endpointId": "10.0.0.1:80"}},
             "stats": [{"name": "cx_active"}], "health_status": {"pending_dynamic_removal": true}, "weight": 1}]},
        {"name": "none"}]}"#;
    let from_json = read(json).unwrap();
    let mut from_text = read(text).unwrap();
    assert_eq!(from_text[0].hosts[0].canary, Some(false));
    from_text[0].hosts[0].canary = None;
    assert_eq!(from_text, from_json);
    let hosts = || from_json.iter().flat_map(|cluster| &cluster.hosts);
    assert_eq!(
        hosts().map(Host::health).collect::<Vec<_>>(),
        [
            Health::Unhealthy,
            Health::Healthy,
            Health::Unhealthy,
            Health::Healthy
        ]
    );
    assert_eq!(
        hosts().flat_map(Host::reasons).collect::<Vec<_>>(),
        [
            "degraded_eds_health",
            "failed_active_hc",
            "eds_status_draining"
        ]
    );
}

#[test]
fn what_newer_and_older_envoys_print_is_read() {
    // No observability name, counters and members of which nothing is known, and a host that is listed twice.
    let text = "\
a::default_priority::max_connections::1
a::1.2.3.4:80::rq_new::7
a::1.2.3.4:80::brand_new::x::y
a::1.2.3.4:80::health_flags::/failed_new_check
a::1.2.3.4:80::rq_new::8
a::b::default_priority::max_connections::1
a::b::1.2.3.4:80::rq_new::9\r\n";
    let found = read(text).unwrap();
    let told: Vec<_> = found
        .iter()
        .flat_map(|cluster| {
            let hosts = cluster.hosts.iter();
            hosts.map(|host| (&*cluster.name, host.counters["rq_new"], host.health()))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("a", 7, Health::Unhealthy),
            ("a", 8, Health::Healthy),
            ("a::b", 9, Health::Healthy)
        ]
    );
    let json = r#"{"cluster_statuses": [{"name": "a", "host_statuses": [
        {"health_status": {"failed_new_check": true, "new": "x"}, "new": [{}]}]}], "new": 1}"#;
    assert_eq!(read(json).unwrap()[0].hosts[0].health(), Health::Unhealthy);
    for empty in ["", "\n", "{}", r#"{"cluster_statuses": []}"#] {
        assert_eq!(read(empty), Ok(Vec::new()), "{empty}");
    }
}

#[test]
fn what_is_no_page_is_told_with_its_place() {
    for (page, said) in [
        ("upstream connect error\n", "line 1 is none"),
        (
            "a::observability_name::a\na::1.2.3.4:80::cx_act",
            "line 2 is none",
        ),
        (
            "a::observability_name::a\na::1.2.3.4:80::cx_active::x\n",
            "line 2 is none",
        ),
        (
            "a::observability_name::a\na::h::cx_active::1\na::h::weight::-1\n",
            "line 3 is none",
        ),
        ("a::observability_name::a\nb::c\n", "line 2 is none"),
        ("::::::\n", "line 1 is none"),
        ("\u{e9}", "line 1 is none"),
        ("{", "byte 1"),
        ("[]", "expected an object with a list `cluster_statuses`"),
        (r#"{"error": 1}"#, "expected an object with a list"),
        (
            r#"{"cluster_statuses": 1}"#,
            "expected an object with a list",
        ),
        (
            r#"{"cluster_statuses": [1]}"#,
            "byte 22: the item that begins here",
        ),
        (
            r#"{"cluster_statuses": [{"host_statuses": [{"weight": -1}]}]}"#,
            "byte 22",
        ),
        (
            r#"{"cluster_statuses": [{"host_statuses": [{"stats": [{"value": "x"}]}]}]}"#,
            "byte 22: the cluster that begins here: a count",
        ),
        (
            r#"{"cluster_statuses": [{"host_statuses": [{"health_status": {"eds_health_status": "ILL"}}]}]}"#,
            "a health status",
        ),
    ] {
        let error = read(page).unwrap_err().to_string();
        assert!(error.contains(said), "{page}: {error}");
    }
    let error = clusters(b"\xff\n", |_| ()).unwrap_err();
    assert_eq!(error, PageError::NotText { offset: 0 });
}
