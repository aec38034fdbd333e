//! Many proxies: which are compared with which, and what they have alike is said once.

use std::{fs, path::Path};

use serde_json::{Value, json};
use xdsnap::{
    diff::{
        Cause, Change, ChangeKind, Class, Compared, ComparedProxy, Facts, Mode, NotCompared, Report,
    },
    dump::Dump,
    model::{Path as NodePath, ProxyId, ResourceKey, State, Step, XdsType},
    normalize::{Number, Value as Normal},
    render::{self, Sides, Style},
};

use crate::support::program::{AFTER, BEFORE, recording, run, xdsnap};

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs";
const REVIEWS: &str = "reviews-v1-545db77b95-2k8ls";
const GATEWAY: &str = "istio-ingressgateway-6d4bd4bc57-v7w5k";

/// What stands where for a pod: its name and address instead of the recorded ones.
struct Pod<'a> {
    step: &'a str,
    recorded: &'a str,
    namespace: &'a str,
    name: String,
    /// The third byte of every address.
    net: u8,
}

/// Writes the dump of a pod of a mesh to a folder, after `edit`.
fn write(folder: &Path, pod: &Pod<'_>, edit: &dyn Fn(String) -> String) {
    let id = format!("{}.{}", pod.recorded, pod.namespace);
    let text = recording(&format!("{}/envoy/{id}/config_dump.json", pod.step));
    let text = String::from_utf8(text).unwrap();
    let text = text.replace(pod.recorded, &pod.name);
    let text = edit(text.replace("10.44.1.", &format!("10.44.{}.", pod.net)));
    let to = folder.join(format!("envoy/{}.{}", pod.name, pod.namespace));
    fs::create_dir_all(&to).unwrap();
    fs::write(to.join("config_dump.json"), text).unwrap();
}

/// The recorded canary with so many replicas, all called otherwise and on other addresses where `net` is another.
fn mesh(folder: &Path, step: &str, replicas: usize, [hash, ends]: [&str; 2], net: u8) {
    for (recorded, namespace) in [
        (PRODUCTPAGE, "default"),
        (REVIEWS, "default"),
        (GATEWAY, "istio-system"),
    ] {
        let mut parts = recorded.rsplitn(3, '-').skip(2);
        let workload = parts.next().unwrap();
        for end in ends.chars().take(replicas) {
            let name = format!("{workload}-{hash}-2k8l{end}");
            let pod = Pod {
                step,
                recorded,
                namespace,
                name,
                net,
            };
            write(folder, &pod, &|text| text);
        }
    }
}

fn diff(before: &Path, after: &Path, more: &[&str]) -> crate::support::program::Ran {
    let sides = [before, after].map(|side| side.to_str().unwrap().to_owned());
    let mut command = xdsnap(["diff"]);
    command.args(sides).args(more);
    run(&mut command)
}

#[test]
fn where_every_pod_was_replaced_the_one_route_that_changed_is_on_the_first_screen() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before", "after"].map(|side| folder.path().join(side));
    mesh(&before, BEFORE, 4, ["545db77b95", "bcdf"], 1);
    mesh(&after, AFTER, 4, ["7d8c6f9b44", "ghjk"], 9);
    let ran = diff(&before, &after, &[]);
    let folder = folder.path().to_str().unwrap();
    let shown: Vec<String> = ran
        .out
        .lines()
        .take(24)
        .map(|line| line.replace(folder, ""))
        .collect();
    insta::assert_snapshot!(shown[3..].join("\n"), @r"
    8 of 12 proxies; not on the 4 gateways
      ~ route 80, 9080  active  updated 2026-11-21T01:52:25Z
          virtual_hosts[reviews.default.svc.cluster.local:<port>].routes[0: /].route
            .weighted_clusters
              .clusters[outbound|<port>|v1|reviews.default.svc.cluster.local]
                .weight  95 → 50
              .clusters[outbound|<port>|v2|reviews.default.svc.cluster.local]
                .weight  5 → 50

    endpoints: addresses replaced in 13 clusters on 12 proxies, counts equal
        (--full)

    paired by workload:
      istio-system/istio-ingressgateway: 545db77b95-2k8lb → 7d8c6f9b44-2k8lg
      istio-system/istio-ingressgateway: 545db77b95-2k8lc → 7d8c6f9b44-2k8lh
      istio-system/istio-ingressgateway: 545db77b95-2k8ld → 7d8c6f9b44-2k8lj
      … 9 more pairs of 3 workloads (--full)

    never comparable:
      12 on 12 proxies: the value is redacted on both sides: a rotation would not
          show
    ");
    for line in ran.out.lines().skip(2) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(ran.status, 1);

    let json = diff(
        Path::new(&format!("{folder}/before")),
        Path::new(&format!("{folder}/after")),
        &["-o", "json"],
    )
    .json();
    let pairs = json["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 12);
    for pair in pairs {
        assert_eq!(pair["by"], "likeness", "{pair}");
        let workload = |name: &Value| {
            let id = ProxyId::new(name.as_str().unwrap()).unwrap();
            id.workload()
                .map(|(name, namespace)| format!("{namespace}/{name}"))
        };
        assert_eq!(
            workload(&pair["proxy"]).as_deref(),
            pair["workload"].as_str()
        );
        assert_eq!(workload(&pair["proxy"]), workload(&pair["before_proxy"]));
    }
    let changes = json["changes"].as_array().unwrap();
    assert!(
        changes
            .iter()
            .all(|change| change["before_proxy"].is_string())
    );
    let routes = changes.iter().filter(|change| change["type"] == "route");
    assert_eq!(routes.count(), 8 * 4, "JSON groups nothing");
}

#[test]
fn a_replica_set_that_scaled_is_one_line_and_a_replica_unlike_its_siblings_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before", "after"].map(|side| folder.path().join(side));
    mesh(&before, BEFORE, 2, ["545db77b95", "bc"], 1);
    mesh(&after, BEFORE, 4, ["545db77b95", "bcdf"], 1);
    let ran = diff(&before, &after, &[]);
    let (_, text) = ran.out.split_once("\n\n").unwrap();
    insta::assert_snapshot!(text, @r"
    2 more replicas of default/productpage-v1, same configuration
    2 more replicas of default/reviews-v1, same configuration
    2 more replicas of istio-system/istio-ingressgateway, same configuration

    never comparable:
      6 on 6 proxies: the value is redacted on both sides: a rotation would not show

    6 of 12 proxies compared, 378 resources: no differences
    ");
    assert_eq!(ran.status, 0);
    let back = diff(&after, &before, &["-p", "reviews-v1"]);
    assert!(
        back.out
            .contains("2 replicas fewer of default/reviews-v1, same configuration"),
        "{}",
        back.out
    );

    let pod = Pod {
        step: AFTER,
        recorded: REVIEWS,
        namespace: "default",
        name: "reviews-v1-545db77b95-2k8ld".to_owned(),
        net: 1,
    };
    write(&after, &pod, &|text| text);
    let ran = diff(&before, &after, &["-p", "reviews-v1"]);
    let (_, text) = ran.out.split_once("\n\n").unwrap();
    insta::assert_snapshot!(text, @r"
    1 more replica of default/reviews-v1, same configuration
    1 more replica of default/reviews-v1, configuration unlike its siblings': route
        80, route 9080

    never comparable:
      2 on 2 proxies: the value is redacted on both sides: a rotation would not show

    2 of 4 proxies compared, 138 resources: no differences
    ");
    let json = diff(&before, &after, &["-p", "reviews-v1", "-o", "json"]).json();
    let only = |name: &str| {
        let only = json["proxies_only"].as_array().unwrap();
        only.iter()
            .find(|only| only["proxy"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(
        only("reviews-v1-545db77b95-2k8ld.default"),
        json!({
            "proxy": "reviews-v1-545db77b95-2k8ld.default",
            "side": "after",
            "replica": true,
            "workload": "default/reviews-v1",
            "configuration": "other",
            "differs_in": [
                {"type": "route", "name": "80", "state": "active"},
                {"type": "route", "name": "9080", "state": "active"},
            ],
        })
    );
    assert_eq!(
        only("reviews-v1-545db77b95-2k8lf.default")["configuration"],
        "same"
    );
    assert_eq!(json.get("pairs"), None);
}

#[test]
fn pairs_that_make_no_sense_are_told_with_what_would() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before", "after"].map(|side| folder.path().join(side));
    mesh(&before, BEFORE, 2, ["545db77b95", "bc"], 1);
    mesh(&after, BEFORE, 2, ["7d8c6f9b44", "gh"], 1);
    let one = "reviews-v1-545db77b95-2k8lb";
    let new = "reviews-v1-7d8c6f9b44-2k8lg";
    let mut said = Vec::new();
    for pairs in [
        &[format!("{new}={one}")][..],
        &[format!("{one}=reviews-v1-7d8c6f9b44-2k8lx")],
        &[format!("reviews-v1={new}")],
        &[
            format!("{one}={new}"),
            format!("{one}=reviews-v1-7d8c6f9b44-2k8lh"),
        ],
        &[one.to_owned()],
    ] {
        let flags: Vec<&str> = pairs.iter().flat_map(|pair| ["--pair", pair]).collect();
        let ran = diff(&before, &after, &flags);
        assert_eq!(ran.status, 2, "{ran:?}");
        said.push(ran.err);
    }
    insta::assert_snapshot!(said.concat(), @r"
    xdsnap: --pair `reviews-v1-7d8c6f9b44-2k8lg=reviews-v1-545db77b95-2k8lb`: only the after side has a proxy called `reviews-v1-7d8c6f9b44-2k8lg`: OLD=NEW, the one of the first input first (nearest: `reviews-v1-545db77b95-2k8lb.default`, `reviews-v1-545db77b95-2k8lc.default`, `productpage-v1-545db77b95-2k8lb.default`)
    xdsnap: --pair `reviews-v1-545db77b95-2k8lb=reviews-v1-7d8c6f9b44-2k8lx`: no proxy on the after side is called `reviews-v1-7d8c6f9b44-2k8lx` (nearest: `reviews-v1-7d8c6f9b44-2k8lg.default`, `reviews-v1-7d8c6f9b44-2k8lh.default`, `productpage-v1-7d8c6f9b44-2k8lg.default`)
    xdsnap: --pair `reviews-v1=reviews-v1-7d8c6f9b44-2k8lg`: `reviews-v1` means 2 proxies on the before side, among them `reviews-v1-545db77b95-2k8lb.default` and `reviews-v1-545db77b95-2k8lc.default`
    xdsnap: --pair `reviews-v1-545db77b95-2k8lb=reviews-v1-7d8c6f9b44-2k8lh`: `reviews-v1-545db77b95-2k8lb.default` is paired already, by `reviews-v1-545db77b95-2k8lb.default=reviews-v1-7d8c6f9b44-2k8lg.default`; a proxy can be paired once only
    xdsnap: --pair `reviews-v1-545db77b95-2k8lb`: expected OLD=NEW, a proxy of the first input and one of the second
    ");

    // What is said wins over what they run, across workloads too; the rest are still pairs of their workloads.
    let pair = format!("{one}=productpage-v1-7d8c6f9b44-2k8lg");
    let json = diff(&before, &after, &["--pair", &pair, "-o", "json"]).json();
    let by = |name: &str| {
        let pairs = json["pairs"].as_array().unwrap();
        let found = pairs
            .iter()
            .find(|pair| pair["before_proxy"] == format!("{name}.default"));
        let found = found.unwrap_or_else(|| panic!("{name}: {pairs:?}"));
        (
            found["by"].as_str().unwrap(),
            found["proxy"].as_str().unwrap(),
        )
    };
    assert_eq!(
        by(one),
        ("given", "productpage-v1-7d8c6f9b44-2k8lg.default")
    );
    assert_eq!(by("reviews-v1-545db77b95-2k8lc").0, "content");
}

#[test]
fn a_proxy_that_was_not_captured_is_neither_replaced_nor_a_replica_less() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before", "after"].map(|side| folder.path().join(side));
    mesh(&before, BEFORE, 2, ["545db77b95", "bc"], 1);
    mesh(&after, BEFORE, 3, ["545db77b95", "bcd"], 1);
    // Something of it is there, but no dump.
    let lost = "envoy/reviews-v1-545db77b95-2k8lc.default";
    fs::rename(
        after.join(lost).join("config_dump.json"),
        after.join("unused"),
    )
    .unwrap();
    fs::write(
        after.join(lost).join("clusters.json"),
        "{\"cluster_statuses\": []}",
    )
    .unwrap();
    fs::remove_file(after.join("unused")).unwrap();
    let json = diff(&before, &after, &["-p", "reviews-v1", "-o", "json"]).json();
    assert_eq!(json.get("pairs"), None, "{json}");
    let missing = json["not_compared"].as_array().unwrap().iter();
    let missing: Vec<&Value> = missing
        .filter(|entry| entry["cause"] == "missing")
        .collect();
    assert_eq!(missing.len(), 1, "{json}");
    assert_eq!(missing[0]["proxy"], "reviews-v1-545db77b95-2k8lc.default");
    assert_eq!(json["proxies_only"].as_array().unwrap().len(), 1);
}

#[test]
fn a_mesh_is_compared_with_itself_by_id() {
    let folder = tempfile::tempdir().unwrap();
    let mesh_at = folder.path().join("mesh");
    mesh(&mesh_at, BEFORE, 2, ["545db77b95", "bc"], 1);
    let ran = diff(&mesh_at, &mesh_at, &["-o", "json"]);
    assert_eq!(ran.status, 0);
    let json = ran.json();
    assert_eq!(
        (json.get("pairs"), json["summary"]["proxies"].as_u64()),
        (None, Some(6))
    );
    assert_eq!(json["proxies_only"].as_array().unwrap().len(), 0);
}

/// A change of a number in a resource of a proxy.
fn change(proxy: &ProxyId, xds_type: XdsType, name: &str, key: &str, values: [i128; 2]) -> Change {
    let [before, after] = values.map(|value| Some(Normal::Number(Number::Int(value))));
    Change {
        proxy: proxy.clone(),
        before_proxy: None,
        source: Compared::Envoy,
        resource: ResourceKey {
            state: (xds_type != XdsType::Endpoint).then_some(State::Active),
            xds_type,
            name: name.into(),
            occurrence: 0,
        },
        kind: ChangeKind::Changed,
        path: NodePath(vec![Step::Key(key.into())]),
        before_path: None,
        before,
        after,
        updated: None,
        reason: None,
        class: None,
        hosts: None,
        default: None,
        no_schema: false,
        pairings: Vec::new(),
    }
}

/// A report of so many proxies of these workloads and kinds, without changes.
fn report(workloads: &[(&str, &str, usize)]) -> (Report, Vec<ProxyId>) {
    let mut report = Report::new(Mode::Change);
    for (workload, kind, replicas) in workloads {
        for i in 0..*replicas {
            let id = ProxyId::new(format!("{workload}-{i:04}.shop")).unwrap();
            let dump = json!({"configs": [{
                "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
                "bootstrap": {"node": {"id": format!("{kind}~10.0.0.1~{id}~x"), "metadata": {
                    "OWNER": format!("kubernetes://apis/apps/v1/namespaces/shop/deployments/{workload}"),
                }}},
            }]})
            .to_string();
            let facts = Facts::of(&id, &Dump::parse([(None, dump.as_bytes())]).unwrap()).unwrap();
            let compared = ComparedProxy {
                before: id.clone(),
                facts,
                sources: [Compared::Envoy].into(),
            };
            report.proxies.insert(id, compared);
        }
    }
    report.summary.proxies = report.proxies.len();
    report.summary.proxies_found = report.proxies.len();
    report.summary.resources = report.proxies.len();
    let ids = report.proxies.keys().cloned().collect();
    (report, ids)
}

fn printed(report: &Report, style: Style) -> String {
    let mut out = Vec::new();
    render::text(&mut out, report, &Sides::default(), style).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.split_once("\n\n").unwrap().1.to_owned()
}

#[test]
fn who_has_a_change_is_told_by_name_by_kind_or_by_workload() {
    let (all, ids) = report(&[
        ("web", "sidecar", 40),
        ("api", "sidecar", 8),
        ("edge", "router", 5),
    ]);
    let of = |name: &'static str| move |id: &&ProxyId| id.as_str().starts_with(name);
    let [web, api, edge] = ["web", "api", "edge"].map(of);
    let mut said = String::new();
    let mut tell = |wanted: &dyn Fn(&&ProxyId) -> bool| {
        let one = |id: &ProxyId| change(id, XdsType::Route, "9080", "weight", [95, 50]);
        let mut report = all.clone();
        report.changes = ids.iter().filter(wanted).map(one).collect();
        let text = printed(&report, Style::default());
        said.push_str(text.split_once("\n  ~").unwrap().0);
        said.push('\n');
    };
    tell(&|_| true);
    tell(&|id| !edge(id));
    tell(&|id| edge(id));
    tell(&|id| api(id));
    tell(&|id| !api(id));
    tell(&|id| web(id) && id.as_str() < "web-0030");
    tell(&|id| id.as_str() != "web-0007.shop");
    tell(&|id| id.as_str().ends_with("1.shop"));
    tell(&|id| id.as_str() == "edge-0001.shop");
    insta::assert_snapshot!(said, @r"
    all 53 proxies
    48 of 53 proxies; not on the 5 gateways
    5 of 53 proxies: the 5 gateways
    8 of 53 proxies: the 8 of shop/api
    45 of 53 proxies; not on the 8 of shop/api
    30 of 53 proxies; not on 10 of the 40 of shop/web, the 8 of shop/api,
        the 5 of shop/edge
    52 of 53 proxies; not on web-0007.shop
    6 of 53 proxies: 4 of the 40 of shop/web, 1 of the 8 of shop/api,
        1 of the 5 of shop/edge
    edge-0001.shop
    ");
}

#[test]
fn of_a_proxy_of_which_something_is_missing_nobody_says_that_it_has_no_change() {
    let (mut report, ids) = report(&[("web", "sidecar", 9), ("api", "sidecar", 4)]);
    let (web, api): (Vec<ProxyId>, Vec<ProxyId>) = ids
        .into_iter()
        .partition(|id| id.as_str().starts_with("web"));
    let one = |id: &ProxyId| change(id, XdsType::Route, "9080", "weight", [95, 50]);
    report.changes = web.iter().map(one).collect();
    report.not_compared = vec![NotCompared {
        proxy: api[1].clone(),
        source: Some(Compared::Envoy),
        resource: None,
        xds_type: Some(XdsType::Route),
        path: None,
        cause: Cause::Missing,
        reason: "the dump was cut".into(),
    }];
    let text = printed(&report, Style::default());
    let (heading, _) = text.split_once("\n  ~").unwrap();
    assert_eq!(
        heading,
        "9 of 13 proxies; not on api-0000.shop, api-0002.shop, api-0003.shop;\n    not known of 1"
    );
}

#[test]
fn hosts_that_came_or_went_stand_by_their_number_above_those_that_only_moved() {
    let (mut report, ids) = report(&[("web", "sidecar", 6)]);
    for id in &ids {
        for (cluster, hosts) in [
            ("a", Some([3_usize, 2])),
            ("b", Some([1, 2])),
            ("gone", Some([3, 0])),
            ("moved", None),
        ] {
            let name = format!("outbound|80||{cluster}.shop");
            let counts = hosts.unwrap_or([1, 1]);
            for at in 0..counts[0].abs_diff(counts[1]).max(1) {
                let mut host = change(id, XdsType::Endpoint, &name, "endpoints", [0, 0]);
                host.path.0.extend([
                    Step::Index {
                        index: 0,
                        label: None,
                    },
                    Step::Key("lb_endpoints".into()),
                    Step::Index {
                        index: at,
                        label: Some(format!("10.0.0.{at}:80")),
                    },
                ]);
                host.hosts = hosts;
                (host.kind, host.before, host.after) = match counts[1] > counts[0] {
                    true => (ChangeKind::Added, None, host.after),
                    false => (ChangeKind::Removed, host.before, None),
                };
                host.class = hosts.is_none().then_some(Class::EndpointsReplaced);
                report.changes.push(host);
            }
        }
        report
            .changes
            .push(change(id, XdsType::Route, "80", "weight", [95, 50]));
    }
    insta::assert_snapshot!(printed(&report, Style::default()), @r"
    all 6 proxies
      ~ route 80  active
          weight  95 → 50

    hosts lost or gained:
      outbound|80||gone.shop  3 → 0
          on all 6 proxies: - 10.0.0.0:80, - 10.0.0.1:80, - 10.0.0.2:80
      outbound|80||a.shop  3 → 2
          on all 6 proxies: - 10.0.0.0:80
      outbound|80||b.shop  1 → 2
          on all 6 proxies: + 10.0.0.0:80

    endpoints: addresses replaced in 1 cluster on 6 proxies, counts equal (--full)

    6 of 6 proxies compared, 6 resources: 0 changed, 0 added, 0 removed
    ");
}

#[test]
fn values_that_each_proxy_has_of_its_own_are_one_entry() {
    let (mut report, ids) = report(&[("web", "sidecar", 6)]);
    let own = |(at, id): (i128, &ProxyId)| {
        change(id, XdsType::Secret, "default", "serial", [at, at + 100])
    };
    report.live = (0..).zip(&ids).map(own).collect();
    insta::assert_snapshot!(printed(&report, Style::default()), @r"
    live state, not counted:
      all 6 proxies
        ~ secret default  active
            6 different values, each proxy its own; these are of web-0000.shop
              (--full)
            serial  0 → 100

    6 of 6 proxies compared, 6 resources: no differences
    ");
    let full = Style {
        full: true,
        ..Style::default()
    };
    assert_eq!(
        printed(&report, full).matches("~ secret default").count(),
        6
    );
}

/// A change of every resource on every proxy: no more work than there are changes.
#[test]
fn a_mesh_of_changes_is_one_screen() {
    let (mut report, ids) = report(&[("web", "sidecar", 190), ("edge", "router", 10)]);
    for id in &ids {
        for i in 0..200 {
            let name = format!("outbound|{}||s{i}.shop.svc.cluster.local", 8000 + i % 7);
            report
                .changes
                .push(change(id, XdsType::Cluster, &name, "timeout", [10, 5]));
        }
    }
    let text = printed(&report, Style::default());
    insta::assert_snapshot!(text, @r"
    all 200 proxies
      ~ cluster outbound|*||*  active
          200 of them: outbound|8000||s0.shop.svc.cluster.local,
            outbound|8001||s1.shop.svc.cluster.local,
            outbound|8002||s2.shop.svc.cluster.local, and 197 more (--full)
          timeout  10 → 5

    200 of 200 proxies compared, 200 resources: 0 changed, 0 added, 0 removed
    ");
    let full = Style {
        full: true,
        ..Style::default()
    };
    let text = printed(&report, full);
    assert_eq!(
        text.matches("~ cluster").count(),
        200,
        "unfolded by resource"
    );
}
