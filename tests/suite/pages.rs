//! Envoy's clusters, listeners and statistics in all the forms in which it prints them, and what `info` tells of them.

use std::{collections::BTreeMap, fs, net::TcpStream};

use serde_json::{Value, json};
use xdsnap::{
    dump::admin::{self, Cluster, Stats},
    model::XdsType,
};

use crate::support::{
    envoy::{Envoy, Setup, endpoints, route},
    http,
    program::{BEFORE, recording, run, testdata, xdsnap},
    report::{
        NACK, PRODUCTPAGE, REVIEWS, clusters_text, listeners_text, packed, prometheus_text,
        report_files,
    },
};

const OUTLIER: &str = "corpus/v_outlier/2_ejected";
const GATEWAY: &str = "istio-ingressgateway-6d4bd4bc57-v7w5k.istio-system";

fn clusters(page: &[u8]) -> BTreeMap<String, Cluster> {
    let mut found = BTreeMap::new();
    admin::clusters(page, |cluster| {
        found.insert(cluster.name.clone(), cluster);
    })
    .unwrap();
    found
}

/// A cluster that has hosts of every kind.
fn motley(name: &str) -> Value {
    let host = |address: Value, more: Value| {
        let mut host = json!({"endpoint": {"address": address}});
        host.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        host
    };
    let socket =
        |ip: &str, port: u16| json!({"socket_address": {"address": ip, "port_value": port}});
    let hosts = json!([
        host(socket("127.0.0.1", 9), json!({"load_balancing_weight": 3})),
        host(
            socket("::1", 80),
            json!({"health_status": "UNHEALTHY",
            "metadata": {"filter_metadata": {"envoy.lb": {"canary": true}}}})
        ),
        host(
            json!({"pipe": {"path": "/tmp/x::y.sock"}}),
            json!({"health_status": "DEGRADED"})
        ),
        host(
            socket("127.0.0.1", 11),
            json!({"health_status": "DRAINING"})
        ),
        host(socket("127.0.0.1", 12), json!({"health_status": "TIMEOUT"})),
    ]);
    let mut second = host(socket("127.0.0.1", 13), json!({}));
    second["endpoint"]["hostname"] = json!("h.example");
    json!({
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [
            {"locality": {"region": "r", "zone": "z", "sub_zone": "s"}, "lb_endpoints": hosts},
            {"priority": 1, "lb_endpoints": [second]},
        ]},
    })
}

/// A cluster whose only host never answers a health check, of which there is one.
fn checked() -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": "checked",
        "type": "STATIC",
        "connect_timeout": "1s",
        "health_checks": [{"timeout": "1s", "interval": "3600s", "no_traffic_interval": "3600s",
            "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp_health_check": {}}],
        "load_assignment": endpoints("checked", &[1]),
    })
}

#[test]
fn both_forms_of_one_moment_are_one_model() {
    let envoy = Envoy::start(Setup::default());
    envoy.write_xds(
        "cds",
        &json!([motley("plain"), motley("a::b|c"), checked()]),
    );
    let mut listener = envoy.listener();
    listener["additional_addresses"] =
        json!([{"address": {"socket_address": {"address": "::1", "port_value": 8080}}}]);
    let mut second = envoy.listener();
    second["name"] = json!("x::y");
    second["address"]["socket_address"]["port_value"] = json!(0);
    second["bind_to_port"] = json!(true);
    envoy.write_xds("lds", &json!([listener, second]));
    envoy.write_xds("rds", &json!([route("checked")]));
    let get = |page: &str| envoy.get(page).unwrap();
    let address = envoy.poll("configured", || {
        let text = get("/listeners");
        let address = text.lines().find_map(|line| line.strip_prefix("x::y::"));
        let is_known = get("/clusters").contains("a::b|c::");
        address.filter(|_| is_known).map(str::to_owned)
    });
    // A request that reaches no host is counted.
    envoy.poll("routing", || {
        http::get(TcpStream::connect(&address).ok()?, "/").ok()?;
        let text = get("/clusters");
        text.contains("checked::127.0.0.1:1::cx_connect_fail::1\n")
            .then_some(())
    });

    // A moment is one in which nothing moves.
    let (text, json) = envoy.poll("at rest", || {
        let text = get("/clusters");
        let json = get("/clusters?format=json");
        let is_checked = text.contains("checked::127.0.0.1:1::health_flags::/failed_active_hc");
        (is_checked && get("/clusters") == text).then_some((text, json))
    });
    let mut by_text = clusters(text.as_bytes());
    let by_json = clusters(json.as_bytes());
    let canaries: Vec<_> = by_text["plain"]
        .hosts
        .iter()
        .map(|host| host.canary)
        .collect();
    assert_eq!(canaries, [0, 1, 0, 0, 0, 0].map(|is| Some(is == 1)));
    for host in by_text.values_mut().flat_map(|cluster| &mut cluster.hosts) {
        // JSON does not tell.
        host.canary = None;
    }
    assert_eq!(by_text, by_json);
    assert!(by_json["checked"].hosts[0].counters["cx_connect_fail"] > 0);
    assert_eq!(by_json["a::b|c"].hosts.len(), 6);
    // So do bug reports that tests make of JSON.
    let made = clusters_text(&serde_json::from_str(&json).unwrap());
    let lines: Vec<_> = text.lines().collect();
    for line in made.lines() {
        assert!(lines.contains(&line), "{line}\n{text}");
    }

    let text = get("/listeners");
    let json = get("/listeners?format=json");
    let found = admin::listeners(text.as_bytes()).unwrap();
    assert_eq!(found, admin::listeners(json.as_bytes()).unwrap());
    assert_eq!(found.len(), 2, "{text}");
    assert_eq!(found[0].addresses, ["127.0.0.1:8080", "[::1]:8080"]);
    assert_eq!(text, listeners_text(&serde_json::from_str(&json).unwrap()));
}

#[test]
fn all_forms_count_the_same_updates_of_every_type() {
    let envoy = Envoy::start(Setup::default());
    // Of each kind one that Envoy does not take.
    let mut two_wildcards = route("backend");
    two_wildcards["virtual_hosts"][0]["domains"] = json!(["*", "*"]);
    envoy.write_xds("rds", &json!([two_wildcards]));
    envoy.write_xds("eds", &json!([endpoints("other", &[9001])]));
    let mut unbalanced = motley("x");
    unbalanced["lb_policy"] = json!("CLUSTER_PROVIDED");
    envoy.write_xds("cds", &json!([envoy.cluster(), unbalanced]));
    let mut twice = envoy.listener();
    let chain = twice["filter_chains"][0].clone();
    twice["filter_chains"] = json!([chain, chain]);
    envoy.write_xds("lds", &json!([twice]));
    let asked = "/stats?filter=(update_attempt|update_success|update_failure|update_rejected|\
        init_fetch_timeout|version|control_plane)&format=json";
    let rejected = |stats: &Stats| -> Vec<String> {
        let counts = stats
            .updates
            .iter()
            .filter(|(_, counts)| counts.rejected > 0);
        counts.map(|(xds_type, _)| xds_type.to_string()).collect()
    };
    let (stats, text) = envoy.poll("done with one update of each type", || {
        let text = envoy.get("/stats/prometheus").unwrap();
        let stats = Stats::parse(text.as_bytes()).unwrap();
        let moved = envoy.get("/stats/prometheus").unwrap();
        let is_still = Stats::parse(moved.as_bytes()).unwrap() == stats;
        let is_done = rejected(&stats) == ["cluster", "endpoint", "listener", "route"];
        (is_done && is_still).then_some((stats, text))
    });
    for page in [asked, "/stats?format=json"] {
        let json = envoy.get(page).unwrap();
        assert_eq!(Stats::parse(json.as_bytes()).unwrap(), stats, "{page}");
        let without_tags = prometheus_text(&serde_json::from_str(&json).unwrap());
        assert_eq!(
            Stats::parse(without_tags.as_bytes()).unwrap(),
            stats,
            "{page}"
        );
    }
    assert_eq!(stats.updates[&XdsType::Cluster].accepted, 1, "{text}");
    assert_eq!(stats.updates[&XdsType::Cluster].rejected, 1, "{text}");
}

/// The lines of the field `name`, in one.
fn field(page: &str, name: &str) -> String {
    let mut lines = page.lines().skip_while(|line| !line.starts_with(name));
    let first = lines.next().unwrap_or_default();
    let more = lines.take_while(|line| line.starts_with(' '));
    let words = std::iter::once(first).chain(more);
    let words = words.flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_bug_report_tells_of_hosts_and_updates_what_a_capture_of_that_moment_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let report = path("report.tar.gz");
    fs::write(&report, packed(&[], &report_files("config_dump"))).unwrap();
    let bundle = path("report.xdsnap");
    let ran = run(xdsnap(["capture", "-q", "-o"]).args([&bundle, &report]));
    assert_eq!(ran.status, 0, "{ran:?}");
    for input in [testdata(NACK), report, bundle] {
        let ran = run(xdsnap(["info"]).arg(&input));
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(
            field(&ran.out, "hosts"),
            "hosts 50 healthy, counted by each of 2 proxies"
        );
        assert_eq!(
            field(&ran.out, "updates"),
            format!("updates LDS rejected 1 of 16 since the start, on {REVIEWS}")
        );
        let ran = run(xdsnap(["info", "-o", "json"]).arg(&input));
        let proxies = ran.json()["proxies"].clone();
        assert_eq!(proxies[0]["id"], PRODUCTPAGE);
        assert_eq!(proxies[1]["id"], REVIEWS);
        assert_eq!(
            proxies[0]["hosts"],
            json!({"healthy": 25, "degraded": 0, "unhealthy": 0, "reasons": {}, "clusters": {}})
        );
        assert_eq!(
            proxies[1]["updates"],
            json!([
                {"type": "cluster", "accepted": 16, "rejected": 0},
                {"type": "listener", "accepted": 15, "rejected": 1},
            ])
        );
        for question in ["why is a host unhealthy?", "were updates rejected"] {
            let lacks = ran.json()["lacks"].to_string();
            assert!(!lacks.contains(question), "{lacks}");
        }
    }
}

#[test]
fn hosts_that_are_not_well_are_told_with_their_clusters() {
    let ran = run(xdsnap(["info"]).arg(testdata(OUTLIER)));
    assert_eq!(
        field(&ran.out, "hosts"),
        format!(
            "hosts 24 healthy, 1 unhealthy (failed_outlier_check 1) in 1 cluster \
             1 in outbound|9080||productpage.default.svc.cluster.local, by {GATEWAY}"
        )
    );
    // Of the others it is not known.
    assert!(
        ran.out.contains("why is a host unhealthy? for 2 of 3"),
        "{ran:?}"
    );
    let ran = run(xdsnap(["info"]).arg(testdata(BEFORE)));
    assert_eq!(
        field(&ran.out, "updates"),
        "updates none rejected since the start"
    );
}

#[test]
fn a_page_that_is_none_is_told_and_answers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = folder.path().join(format!("envoy/{REVIEWS}"));
    fs::create_dir_all(&proxy).unwrap();
    let dump = recording(&format!("{NACK}/envoy/{REVIEWS}/config_dump.json"));
    fs::write(proxy.join("config_dump.json"), dump).unwrap();
    let whole = recording(&format!("{NACK}/envoy/{REVIEWS}/clusters.json"));
    let text = clusters_text(&serde_json::from_slice(&whole).unwrap());
    let stranger = format!("{text}upstream connect error: {}\n", "x".repeat(9));
    for (name, page, said) in [
        ("clusters", stranger.as_str(), "is none of this page"),
        (
            "clusters",
            r#"{"cluster_statuses": [{"name": 1}]}"#,
            "at byte 22",
        ),
        (
            "clusters",
            r#"{"cluster_statuses": 5}"#,
            "a list `cluster_statuses`",
        ),
        ("listeners", r#"{"listener_statuses": [5]}"#, "at byte 23"),
        (
            "stats",
            "envoy_cluster_manager_cds_update_rejected x\n",
            "line 1",
        ),
    ] {
        for other in ["clusters", "listeners", "stats"] {
            let recorded = recording(&format!("{NACK}/envoy/{REVIEWS}/{other}.json"));
            fs::write(proxy.join(format!("{other}.json")), recorded).unwrap();
        }
        fs::write(proxy.join(format!("{name}.json")), page).unwrap();
        let bundle = folder.path().join("x.xdsnap");
        let ran = run(xdsnap(["capture", "-q", "-o"])
            .arg(&bundle)
            .arg(folder.path()));
        assert_eq!(ran.status, 0, "{ran:?}");
        for input in [folder.path(), &bundle] {
            let ran = run(xdsnap(["info"]).arg(input));
            assert_eq!(ran.status, 0, "{ran:?}");
            let unread = field(&ran.out, "unread");
            assert!(
                unread.contains(&format!("/{name}.json: ")),
                "{name}: {ran:?}"
            );
            assert!(
                unread.contains(said) && !unread.contains("xxx"),
                "{name}: {ran:?}"
            );
            assert_eq!(field(&ran.out, "hosts").is_empty(), name == "clusters");
            let ran = run(xdsnap(["info", "-o", "json"]).arg(input));
            let unreadable = &ran.json()["unreadable"];
            assert_eq!(unreadable.as_array().unwrap().len(), 1, "{ran:?}");
            assert_eq!(ran.json()["intact"], true);
            let lacks = ran.json()["lacks"].to_string();
            assert!(lacks.contains("cannot be read: see there"), "{lacks}");
        }
        fs::remove_file(&bundle).unwrap();
    }
    // Statistics of something else do not tell either.
    fs::write(proxy.join("stats.json"), "envoy_server_live{} 1\n").unwrap();
    let ran = run(xdsnap(["info", "--full"]).arg(folder.path()));
    let lacks = field(&ran.out, "lacks");
    assert!(lacks.contains("do not count updates"), "{lacks}");
    assert_eq!(field(&ran.out, "updates"), "");
}
