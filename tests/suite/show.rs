//! The command `show`: what it lists, and in which words it is asked.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::program::{AFTER, Ran, run, testdata, xdsnap};

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";

fn show(args: &[&str]) -> Ran {
    run(xdsnap([&["show"], args].concat()).current_dir(testdata("")))
}

fn resources(ran: &Ran) -> Vec<Value> {
    ran.json()["resources"].as_array().unwrap().clone()
}

#[test]
fn a_table_has_name_state_and_time_and_breaks_before_the_values() {
    let ran = show(&[
        "listeners",
        AFTER,
        "-p",
        "productpage-v1",
        "--name",
        "0.0.0.0_*",
    ]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(
        ran.out,
        format!(
            "envoy   {AFTER}  3 proxies  istio 1.30.3  envoy 1.40.0

{PRODUCTPAGE}
  NAME           STATE   UPDATED
  0.0.0.0_15021  static  2026-11-21T01:52:20Z
  0.0.0.0_15090  static  2026-11-21T01:52:20Z
  0.0.0.0_3306   active  2026-11-21T01:52:20Z
  0.0.0.0_443    active  2026-11-21T01:52:20Z
  0.0.0.0_7070   active  2026-11-21T01:52:20Z
  0.0.0.0_80     active  2026-11-21T01:52:20Z
  0.0.0.0_9080   active  2026-11-21T01:52:20Z

1 of 1 proxy read, 7 resources
"
        )
    );
    let all = show(&[AFTER]);
    for line in all.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(all.out.contains("\n  TYPE  "), "{}", all.out);
}

#[test]
fn the_type_has_every_name_that_istioctl_takes_on_either_side_of_the_input() {
    let expected = show(&["cluster", AFTER]).out;
    assert!(expected.contains("BlackHoleCluster") && !expected.contains("9080  "));
    for args in [["clusters", AFTER], [AFTER, "c"], [AFTER, "CDS"]] {
        assert_eq!(show(&args).out, expected, "{args:?}");
    }
    assert_eq!(show(&["all", AFTER]).out, show(&[AFTER]).out);
    let types = |ran: &Ran| -> BTreeSet<String> {
        let resources = resources(ran);
        let types = resources.iter().map(|r| r["type"].as_str().unwrap());
        types.map(str::to_owned).collect()
    };
    let ran = show(&[AFTER, "-o", "json"]);
    let all = [
        "bootstrap",
        "cluster",
        "endpoint",
        "listener",
        "route",
        "secret",
    ];
    assert_eq!(types(&ran), all.map(str::to_owned).into());
    let ran = show(&["secrets", AFTER, "-o", "json"]);
    assert_eq!(types(&ran), ["secret".to_owned()].into());
}

#[test]
fn each_source_lists_its_own_and_istiods_has_no_times() {
    let ran = show(&[
        "routes",
        AFTER,
        "--source",
        "istiod",
        "-p",
        PRODUCTPAGE,
        "-o",
        "json",
    ]);
    let names: Vec<String> = resources(&ran)
        .iter()
        .map(|resource| {
            assert_eq!(resource["source"], "istiod");
            assert!(resource.get("updated").is_none());
            resource["name"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names, ["7070", "80", "9080"]);
    let alone = format!("{AFTER}/istiod/{PRODUCTPAGE}.config_dump.json.zst");
    let ran = show(&["routes", &alone]);
    assert!(ran.out.starts_with("istiod  "), "{}", ran.out);
    let ran = show(&["routes", &alone, "--since", "1m"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
}

#[test]
fn what_makes_no_sense_is_refused_on_one_line() {
    for (args, expected) in [
        (&[][..], "nothing to show; give an INPUT"),
        (&["clusters"], "nothing to show; give an INPUT"),
        (&["clutsers", AFTER], "unknown type `clutsers`"),
        (&["clusters", "nothing.json"], "nothing.json: No such file"),
        (
            &["clusters", AFTER, "--name", "x"],
            "there is no such resource: --name x",
        ),
        (&[AFTER, "-p", "x"], "no proxy is called `x`"),
    ] {
        let ran = show(args);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args:?}");
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(ran.err.contains(expected), "{}", ran.err);
    }
}
