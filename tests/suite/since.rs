//! `--since` on `diff`, `show` and `status`: which moment is meant, what Envoy updated since, and what cannot be told.

use std::{collections::BTreeSet, fs, path::Path};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{
    http::{Answer, Server},
    program::{AFTER, BEFORE, Ran, recording, run, testdata, xdsnap},
};

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";
const REVIEWS: &str = "reviews-v1-545db77b95-2k8ls.default";

/// When the weights of `AFTER` were changed, by the one who recorded it.
fn config_changed() -> String {
    let record = recording(&format!("{AFTER}/record.json"));
    let record: Value = serde_json::from_slice(&record).unwrap();
    record["config_changed"].as_str().unwrap().to_owned()
}

fn xdsnap_in_testdata(args: &[&str]) -> Ran {
    run(xdsnap(args).current_dir(testdata("")))
}

/// Proxy, type and name of each item of a list.
fn names<'a>(document: &'a Value, list: &str) -> Vec<[&'a str; 3]> {
    let items = document[list].as_array().unwrap().iter();
    let text = |item: &'a Value, key: &str| item[key].as_str().unwrap_or_default();
    items
        .map(|item| ["proxy", "type", "name"].map(|key| text(item, key)))
        .collect()
}

#[test]
fn one_dump_names_exactly_the_two_routes_of_the_canary() {
    let since = config_changed();
    assert_eq!(since, "2026-11-21T01:52:25.430Z");
    let ran = xdsnap_in_testdata(&["diff", "--since", &since, AFTER, "-o", "json"]);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    let document = ran.json();
    assert_eq!(
        names(&document, "updated"),
        [
            [PRODUCTPAGE, "route", "80"],
            [PRODUCTPAGE, "route", "9080"],
            [REVIEWS, "route", "80"],
            [REVIEWS, "route", "9080"],
        ]
    );
    assert_eq!(document["since"], json!(since));
    // Endpoint assignments carry no time, which is said.
    let unknown = document["unknown"].as_array().unwrap();
    assert_eq!(unknown.len(), 3);
    for item in unknown {
        assert_eq!(
            (&item["type"], &item["cause"]),
            (&json!("endpoint"), &json!("inherent"))
        );
    }

    let lines = xdsnap_in_testdata(&[
        "diff",
        "--since",
        &since,
        AFTER,
        "--oneline",
        "-p",
        "reviews-v1",
    ]);
    assert_eq!(
        lines.out,
        format!(
            "{REVIEWS} route 80 active 2026-11-21T01:52:25.599Z\n\
             {REVIEWS} route 9080 active 2026-11-21T01:52:25.598Z\n"
        )
    );
    let shown = xdsnap_in_testdata(&["show", "--since", &since, AFTER, "-o", "json"]);
    assert_eq!(shown.status, 0);
    assert_eq!(
        names(&shown.json(), "resources"),
        names(&document, "updated")
    );
    let status = xdsnap_in_testdata(&["status", "--since", &since, AFTER]);
    assert_eq!(status.status, 0, "{}", status.err);
    let row = "                             0    0    2    ?    0     0    2026-11-21T01:52:25Z\n";
    assert!(
        status.out.contains(&format!("{PRODUCTPAGE}\n{row}")),
        "{}",
        status.out
    );
    assert_eq!(
        status.last_line(),
        "3 of 3 proxies judged, 117 resources: 4 updated"
    );
    let counted = xdsnap_in_testdata(&["status", "--since", &since, AFTER, "-o", "json"]);
    assert_eq!(counted.json(), document);
}

#[test]
fn the_moment_counts_itself_and_the_exit_status_tells_whether_anything_was_updated() {
    for (since, updated, status) in [
        ("2026-11-21T01:52:25.598Z", 2, 1),
        ("2026-11-21T01:52:25.599Z", 1, 1),
        ("2026-11-21T02:52:25.599+01:00", 1, 1),
        // Envoy prints milliseconds: what it prints as .599 may have been later.
        ("2026-11-21T01:52:25.599900Z", 1, 1),
        ("2026-11-21T01:52:25.600Z", 0, 0),
    ] {
        let ran =
            xdsnap_in_testdata(&["diff", "--since", since, AFTER, "-p", REVIEWS, "-o", "json"]);
        let found = ran.json()["updated"].as_array().unwrap().len();
        assert_eq!((found, ran.status), (updated, status), "{since}");
    }
}

#[test]
fn an_envoy_that_is_younger_than_the_time_is_said_and_not_judged() {
    // Productpage started at 01:52:20.400, reviews at 01:52:20.876.
    let since = "2026-11-21T01:52:20.500Z";
    let args = [
        "diff",
        "--since",
        since,
        AFTER,
        "-p",
        "productpage-v1",
        "-p",
        "reviews-v1",
    ];
    let ran = xdsnap_in_testdata(&[&args[..], &["-o", "json"]].concat());
    let document = ran.json();
    assert_eq!(ran.status, 1, "productpage was updated");
    let judged: BTreeSet<_> = names(&document, "updated")
        .iter()
        .map(|name| name[0])
        .collect();
    assert_eq!(judged, BTreeSet::from([PRODUCTPAGE]));
    let young = &document["unknown"].as_array().unwrap()[1];
    assert_eq!(
        young,
        &json!({
            "proxy": REVIEWS,
            "started": "2026-11-21T01:52:20.876Z",
            "cause": "missing",
            "reason": "its Envoy started only at 2026-11-21T01:52:20.876Z, so its times tell nothing of changes",
        })
    );
    let only = ["diff", "--since", since, AFTER, "-p", "reviews-v1"];
    let ran = xdsnap_in_testdata(&only);
    assert_eq!(ran.status, 3, "{}", ran.out);
    assert_eq!(
        ran.last_line(),
        "0 of 1 proxy judged, 0 resources: 0 updated"
    );
    let allowed = xdsnap_in_testdata(&[&only[..], &["--allow-missing"]].concat());
    assert_eq!(allowed.status, 0);
    let shown = xdsnap_in_testdata(&["show", "--since", since, AFTER, "-p", "reviews-v1", "cds"]);
    assert!(
        shown
            .out
            .starts_with(&format!("warning: {REVIEWS}: its Envoy")),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("BlackHoleCluster"), "{}", shown.out);
}

#[test]
fn where_nothing_tells_the_capture_a_relative_time_is_taken_from_the_last_update_and_said() {
    for (since, expected) in [
        ("01:52:22", "2026-11-21T01:52:22Z"),
        ("01:53", "2026-11-20T01:53:00Z"),
        ("3s", "2026-11-21T01:52:22.599Z"),
        ("1h30m", "2026-11-21T00:22:25.599Z"),
    ] {
        let ran = xdsnap_in_testdata(&["diff", "--since", since, AFTER, "-o", "json"]);
        let document = ran.json();
        assert_eq!(document["since"], json!(expected), "{since}");
        let warning = document["warnings"][0].as_str().unwrap();
        assert!(warning.contains(expected), "{warning}");
        assert!(ran.err.contains("2026-11-21T01:52:25.599Z"), "{}", ran.err);
    }
    let late = xdsnap_in_testdata(&["diff", "--since", "2026-11-22", AFTER]);
    assert_eq!(late.status, 0);
    let said = "may be from before 2026-11-22T00:00:00Z";
    assert!(
        late.out.replace("\n    ", " ").contains(said),
        "{}",
        late.out
    );
}

#[test]
fn a_time_that_is_none_is_refused_with_the_forms_that_are() {
    for since in ["soon", "25:00", "30", ""] {
        for command in ["diff", "show", "status"] {
            let ran = xdsnap_in_testdata(&[command, AFTER, &format!("--since={since}")]);
            assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{command} {since}");
            assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
            if !since.is_empty() {
                for form in ["02:40", "2026-11-21T02:40:00Z", "30m"] {
                    assert!(ran.err.contains(form), "{}", ran.err);
                }
            }
        }
    }
}

#[test]
fn what_only_a_comparison_gives_is_refused() {
    let since = ["diff", "--since", "2026-11-21T01:52:23Z"];
    for (args, expected) in [
        (&[AFTER, "-o", "unified"][..], "-o unified: "),
        (&[AFTER, "-o", "json-patch"], "-o json-patch: "),
        (&[AFTER, "--why"], "--why: "),
        (&[AFTER, "--strict"], "--strict and --no-rule: "),
        (&[AFTER, "--select", "$.name"], "--select and --ignore: "),
        (&[AFTER, "--pair", "a=b"], "--pair: "),
        (
            &[BEFORE, AFTER, "--source", "both"],
            "cannot be used with --source",
        ),
        (
            &[AFTER, "--type", "endpoint"],
            "Envoy prints no time of endpoint assignments",
        ),
    ] {
        let ran = xdsnap_in_testdata(&[&since[..], args].concat());
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains(expected), "{}", ran.err);
    }
}

#[test]
fn of_two_inputs_the_changes_of_what_was_updated_before_are_left_out() {
    let counts = |since: &str| {
        let ran = xdsnap_in_testdata(&["diff", "--since", since, BEFORE, AFTER, "-o", "json"]);
        let report = ran.json();
        let changed = report["summary"]["changed_resources"].as_u64().unwrap();
        assert_eq!(report["summary"]["resources"], json!(189));
        (changed, ran.status, report["warnings"].to_string())
    };
    let (changed, status, warnings) = counts("2026-11-21T01:52:25.430Z");
    assert_eq!((changed, status, warnings.as_str()), (4, 1, "[]"));
    let (changed, status, warnings) = counts("2026-11-21T01:52:25.596Z");
    assert_eq!((changed, status), (2, 1));
    assert!(
        warnings.contains("left out: 4 changes of resources"),
        "{warnings}"
    );
    let (changed, status, warnings) = counts("2026-11-21T01:52:26Z");
    assert_eq!((changed, status), (0, 0));
    assert!(
        warnings.contains("left out: 8 changes of resources"),
        "{warnings}"
    );
    let (changed, _, warnings) = counts("2026-11-21T01:52:20Z");
    assert_eq!(changed, 4);
    assert!(
        warnings.contains(&format!("kept: all changes of {PRODUCTPAGE}")),
        "{warnings}"
    );
}

#[test]
fn of_two_inputs_what_carries_no_time_is_kept_and_said() {
    let step = |name: &str| format!("corpus/o_endpoints/{name}");
    let ran = xdsnap_in_testdata(&[
        "diff",
        "--since",
        "2026-11-21T23:00:00Z",
        &step("1_before"),
        &step("2_added"),
        "-o",
        "json",
    ]);
    let report = ran.json();
    assert_eq!(ran.status, 1);
    let types: BTreeSet<_> = names(&report, "changes")
        .iter()
        .map(|name| name[1])
        .collect();
    assert_eq!(types, BTreeSet::from(["endpoint"]));
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("changes of resources without a time in `after`"),
        "{warnings}"
    );
}

#[test]
fn a_rejected_update_is_told_by_the_time_of_the_attempt() {
    let step = "corpus/f_nack/2_lds_nack";
    let since = "2026-11-21T01:53:14Z";
    let ran = xdsnap_in_testdata(&["diff", "--since", since, step, "--oneline"]);
    assert_eq!(
        ran.out,
        format!("{REVIEWS} listener virtualInbound rejected 2026-11-21T01:53:15.973Z\n")
    );
}

/// A dump of one Envoy: a cluster, updated `seconds` ago, and whatever `more` is.
fn dump(seconds: i64, more: &str) -> String {
    let updated = Timestamp::now() - SignedDuration::from_secs(seconds);
    format!(
        r#"{{"configs": [{more} {{
            "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
            "dynamic_active_clusters": [{{
                "last_updated": "{updated}",
                "cluster": {{
                    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
                    "name": "web"
                }}
            }}]
        }}]}}"#
    )
}

#[test]
fn of_a_live_envoy_a_relative_time_is_taken_from_now_and_its_start_from_its_uptime() {
    let info = |uptime: u32| {
        format!(
            r#"{{"version": "a/1.40.0/b", "state": "LIVE", "uptime_current_epoch": "{uptime}s",
                "command_line_options": {{}}, "node": {{"id": "web-1"}}}}"#
        )
    };
    for (age, uptime, status, started) in [
        (600, 900, 0, false),
        (60, 900, 1, false),
        (60, 100, 3, true),
    ] {
        let server = Server::start([
            ("/config_dump?include_eds", vec![Answer::ok(dump(age, ""))]),
            ("/server_info", vec![Answer::ok(info(uptime))]),
        ]);
        let ran = run(&mut xdsnap([
            "diff",
            "--since",
            "5m",
            "-o",
            "json",
            &server.url(),
        ]));
        let document = ran.json();
        assert_eq!(ran.status, status, "{age} {uptime}: {}", ran.out);
        assert_eq!(
            document["unknown"][0].get("started").is_some(),
            started,
            "{}",
            ran.out
        );
        assert_eq!(document["warnings"], json!([]));
    }
    let server = Server::start([("/config_dump?include_eds", vec![Answer::ok(dump(60, ""))])]);
    let ran = run(&mut xdsnap([
        "diff",
        "--since",
        "2999-01-01",
        &server.url(),
    ]));
    assert_eq!(ran.status, 2, "{}", ran.out);
    assert!(
        ran.err.contains("is after the input was captured"),
        "{}",
        ran.err
    );
}

#[test]
fn an_envoy_of_which_nothing_tells_the_start_may_be_younger() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.json");
    fs::write(&file, dump(60, "")).unwrap();
    let file = file.to_str().unwrap();
    let ran = run(&mut xdsnap(["diff", "--since", "1s", file]));
    assert!(
        ran.out.contains("started: it may be younger"),
        "{}",
        ran.out
    );
    // Static clusters come with the bootstrap.
    let started = dump(90, "");
    let started = started.replace("dynamic_active_clusters", "static_clusters");
    let (_, section) = started.split_once('[').unwrap();
    let section = format!("{},", section.strip_suffix("]}").unwrap());
    fs::write(Path::new(file), dump(60, &section)).unwrap();
    let ran = run(&mut xdsnap(["diff", "--since", "1s", file, "-o", "json"]));
    assert_eq!(names(&ran.json(), "updated").len(), 1, "{}", ran.out);
    let ran = run(&mut xdsnap(["diff", "--since", "1m", file, "-o", "json"]));
    assert_eq!(ran.status, 3, "{}", ran.out);
}

#[test]
fn a_proxy_without_a_dump_is_said_and_makes_it_3() {
    let folder = tempfile::tempdir().unwrap();
    for from in [
        format!("envoy/{PRODUCTPAGE}/config_dump.json"),
        format!("istiod/{REVIEWS}.config_dump.json"),
    ] {
        let path = folder.path().join(&from);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, recording(&format!("{AFTER}/{from}"))).unwrap();
    }
    let input = folder.path().to_str().unwrap();
    for (since, status) in [("2026-11-21T01:52:26Z", 3), ("2026-11-21T01:52:25Z", 1)] {
        for command in ["diff", "show", "status"] {
            let ran = run(&mut xdsnap([command, "--since", since, input]));
            let expected = if command == "diff" { status } else { 3 };
            assert_eq!(ran.status, expected, "{command} {since}");
            assert!(
                ran.out.contains(&format!("{REVIEWS}: no dump by envoy")),
                "{}",
                ran.out
            );
        }
    }
}

#[test]
fn what_is_too_much_is_folded_and_nothing_leaves_80_columns() {
    let since = "2026-11-21T01:52:20.401Z";
    let folded = xdsnap_in_testdata(&["diff", "--since", since, AFTER, "-p", "productpage-v1"]);
    assert!(folded.out.contains("… "), "{}", folded.out);
    assert!(
        folded.out.contains("more resources (--full)"),
        "{}",
        folded.out
    );
    let full = xdsnap_in_testdata(&[
        "diff",
        "--since",
        since,
        AFTER,
        "-p",
        "productpage-v1",
        "--full",
    ]);
    assert!(!full.out.contains("(--full)"), "{}", full.out);
    assert!(full.out.contains("route 9080  active"), "{}", full.out);
    for line in folded.out.lines().chain(full.out.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
