//! Many proxies: which are compared with which, and what they have alike is said once.

use std::{fs, path::Path};

use serde_json::{Value, json};

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
    8 of 12 proxies; not on 4 gateways
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
            name.as_str()
                .unwrap()
                .rsplitn(3, '-')
                .nth(2)
                .unwrap()
                .to_owned()
        };
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
    insta::assert_snapshot!(text, @"");
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
    insta::assert_snapshot!(text, @"");
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
    insta::assert_snapshot!(said.concat(), @"");

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
    assert_eq!(
        json["not_compared"][0]["proxy"],
        "reviews-v1-545db77b95-2k8lc.default"
    );
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
