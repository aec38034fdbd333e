//! What an INPUT may be beside a bundle, a dump and a folder: a bug report of istioctl, packed or not, what
//! `istioctl proxy-config` prints as JSON, and several bundles at once.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::Value;

use crate::support::{
    program::{AFTER, BEFORE, recording, run, testdata, xdsnap},
    report::{LOGGED, NACK, PRODUCTPAGE, REVIEWS, header, packed, report_files, unpacked},
};

/// A new folder for one test, or for what all of them only read.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("inputs")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A bug report: `report.tar.gz`, of an older release in `old.tar.gz`, and unpacked in `report`.
static REPORT: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = folder("report");
    let files = report_files("config_dump?include_eds");
    fs::write(folder.join("report.tar.gz"), packed(&[], &files)).unwrap();
    fs::write(
        folder.join("old.tar.gz"),
        packed(&[], &report_files("config_dump")),
    )
    .unwrap();
    unpacked(&folder.join("report"), &files);
    folder
});

/// The forms of one bug report.
fn reports() -> [PathBuf; 4] {
    ["report.tar.gz", "old.tar.gz", "report", "report/bug-report"].map(|name| REPORT.join(name))
}

#[test]
fn a_bug_report_is_read_as_the_folder_that_it_was_made_of() {
    let output = |command: &[&str], input: &Path| {
        let ran = run(xdsnap(command).arg(input));
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.out
    };
    for report in reports() {
        for command in [
            &["normalize", "-o", "jsonl", "--source", "envoy"][..],
            &["show", "-o", "json", "--source", "envoy"],
        ] {
            let [expected, found] = [&testdata(NACK), &report].map(|input| output(command, input));
            let lines = |text: &str| -> Vec<String> {
                // The input's name, and versions that only the dump tells.
                let differ = ["\"input\"", "version", "\"file\"", "\"label\""];
                let kept = |line: &&str| !differ.iter().any(|word| line.contains(word));
                text.lines().filter(kept).map(str::to_owned).collect()
            };
            assert_eq!(lines(&found), lines(&expected), "{}", report.display());
        }
        let ran = run(xdsnap(["diff", "-o", "json"])
            .arg(testdata(NACK))
            .arg(&report));
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(ran.json()["summary"]["proxies"], 2);
        assert_eq!(ran.json()["summary"]["changes"], 0);
    }
}

#[test]
fn a_bug_report_tells_what_was_rejected_and_says_what_it_never_holds() {
    for report in reports() {
        let ran = run(xdsnap(["status"]).arg(&report));
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.out.contains("script load error"), "{ran:?}");
        assert!(ran.out.contains("a bug report does"), "{ran:?}");
        let ran = run(xdsnap(["diff"]).arg(&report));
        assert_eq!(ran.status, 2, "{ran:?}");
        let never = "a bug report does not hold what istiod would send";
        assert!(ran.err.contains(never), "{ran:?}");
        let ran = run(xdsnap(["info", "-o", "json"]).arg(&report));
        assert!(ran.out.contains(never), "{ran:?}");
        let documents: Vec<Value> = ran.json()["documents"].as_array().unwrap().clone();
        let paths: Vec<_> = documents
            .iter()
            .filter_map(|d| d["path"].as_str())
            .collect();
        let mut expected = Vec::new();
        for proxy in [PRODUCTPAGE, REVIEWS] {
            for document in ["clusters", "config_dump", "listeners", "stats"] {
                expected.push(format!("envoy/{proxy}/{document}.json"));
            }
        }
        expected.push("istiod/syncz.json".into());
        let mut paths = paths;
        paths.sort_unstable();
        assert_eq!(paths, expected);
        // Given the other half, it is compared with it.
        let mut diff = xdsnap(["diff"]);
        for proxy in [PRODUCTPAGE, REVIEWS] {
            let dump = format!("{NACK}/istiod/{proxy}.config_dump.json.zst");
            diff.arg("--istiod");
            diff.arg(format!("{proxy}={}", testdata(&dump).display()));
        }
        let ran = run(diff.arg(&report));
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.out.contains("2 of 2 proxies compared"), "{ran:?}");
    }
}

#[test]
fn a_bug_report_becomes_a_bundle_that_extracts_to_what_it_was() {
    let folder = folder("report-bundle");
    for (at, report) in reports().iter().enumerate() {
        let bundle = folder.join(format!("{at}.xdsnap"));
        let ran = run(xdsnap(["capture", "-q", "-o"]).arg(&bundle).arg(report));
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        let again = folder.join(format!("again-{at}.xdsnap"));
        let ran = run(xdsnap(["capture", "-o"]).args([&again, &bundle]));
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(ran.err.contains("nothing missing"), "{ran:?}");
        // What was never there stays known, however often it is saved; and why the rest of it was not kept.
        let never = "a bug report does not hold what istiod would send";
        for input in [report, &bundle, &again] {
            let ran = run(xdsnap(["info", "-o", "json"]).arg(input));
            let info = ran.json();
            let failures = info["failures"].as_array().unwrap();
            assert_eq!(failures.len(), 1, "{ran:?}");
            let reason = failures[0]["reason"].as_str().unwrap();
            assert!(reason.starts_with(never), "{ran:?}");
            assert!(reason.contains("cannot be redacted yet"), "{ran:?}");
            let lacks = info["lacks"].to_string();
            assert!(lacks.contains(never), "{lacks}");
            let ran = run(xdsnap(["diff"]).arg(input));
            assert!(ran.status == 2 && ran.err.contains(never), "{ran:?}");
        }
        assert!(
            ran.err.contains("never there: istiod config_dump"),
            "{ran:?}"
        );
        let out = folder.join(format!("{at}"));
        fs::create_dir(&out).unwrap();
        let archive = zstd::decode_all(fs::File::open(&bundle).unwrap()).unwrap();
        tar::Archive::new(archive.as_slice()).unpack(&out).unwrap();
        assert!(memchr::memmem::find(&archive, LOGGED.as_bytes()).is_none());
        // Pages that are text are no failures there.
        let ran = run(xdsnap(["info", "-o", "json"]).arg(&out));
        assert_eq!(ran.json()["failures"].as_array().unwrap().len(), 0);
        for input in [&bundle, &out] {
            let ran = run(xdsnap(["diff"]).arg(report).arg(input));
            assert_eq!(ran.status, 0, "{ran:?}");
        }
    }
}

#[test]
fn a_page_that_holds_an_error_is_told_as_missing() {
    let folder = folder("report-errors");
    let mut files = report_files("config_dump?include_eds");
    for (path, bytes) in &mut files {
        if path.contains("reviews") && path.ends_with("include_eds") {
            *bytes = b"error: unable to upgrade connection\n".to_vec();
        }
        if path.contains("reviews") && path.ends_with("clusters") {
            bytes.clear();
        }
    }
    let report = folder.join("report.tar.gz");
    fs::write(&report, packed(&[], &files)).unwrap();
    let ran = run(xdsnap(["info", "-o", "json"]).arg(&report));
    let failures = ran.json()["failures"].to_string();
    assert!(
        failures.contains("unable to upgrade connection"),
        "{failures}"
    );
    assert!(failures.contains("the document is empty"), "{failures}");
    let ran = run(xdsnap(["diff", "--source", "envoy"])
        .arg(testdata(NACK))
        .arg(&report));
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(!ran.out.contains("only before"), "{ran:?}");
}

#[test]
fn a_secret_in_a_bug_report_is_taken_out() {
    let key = "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBg\\n-----END PRIVATE KEY-----";
    let mut files = report_files("config_dump?include_eds");
    for (path, bytes) in &mut files {
        if path.ends_with("clusters") {
            bytes.extend_from_slice(key.replace("\\n", "\n").as_bytes());
        }
        if path.ends_with("include_eds") {
            let text = String::from_utf8(std::mem::take(bytes)).unwrap();
            let with_key =
                text.replacen("\"configs\"", &format!("\"x\": \"{key}\", \"configs\""), 1);
            *bytes = with_key.into_bytes();
        }
    }
    let folder = folder("report-secret");
    let report = folder.join("report.tar.gz");
    fs::write(&report, packed(&[], &files)).unwrap();
    let bundle = folder.join("report.xdsnap");
    let ran = run(xdsnap(["capture", "-q", "-o"]).arg(&bundle).arg(&report));
    assert_eq!(ran.status, 0, "{ran:?}");
    let archive = zstd::decode_all(fs::File::open(&bundle).unwrap()).unwrap();
    assert!(memchr::memmem::find(&archive, b"MIIEvQIBADANBg").is_none());
}

#[test]
fn what_is_hostile_in_an_archive_is_passed_over_or_ends_it() {
    use tar::EntryType;
    let files = report_files("config_dump?include_eds");
    let dump = "bug-report/proxies/default/evil/config_dump";
    let entry = |path: &str, size, kind| header(path, size, kind).as_bytes().to_vec();
    let absolute = format!("/{dump}");
    let climbing = format!("bug-report/../{dump}");
    let folder = folder("report-hostile");
    // What stands before the good files, what is said of it, and whether they are still read.
    for (name, more, said, is_read) in [
        (
            "absolute",
            entry(&absolute, 0, EntryType::Regular),
            "absolute",
            true,
        ),
        (
            "climbing",
            entry(&climbing, 0, EntryType::Regular),
            "`..`",
            true,
        ),
        (
            "escape",
            entry("a\u{1b}[2J", 0, EntryType::Regular),
            "\\u{1b}",
            true,
        ),
        ("symlink", entry(dump, 0, EntryType::Symlink), "link", true),
        ("hard link", entry(dump, 0, EntryType::Link), "link", true),
        ("device", entry(dump, 0, EntryType::Char), "device", true),
        ("pipe", entry(dump, 0, EntryType::Fifo), "pipe", true),
        (
            "sparse",
            entry(dump, 0, EntryType::GNUSparse),
            "sparse",
            true,
        ),
        (
            "long name",
            entry("x", 1 << 40, EntryType::GNULongName),
            "64 KiB",
            false,
        ),
        (
            "huge",
            entry("x", 1 << 40, EntryType::Regular),
            "cut off",
            false,
        ),
        ("no checksum", vec![7; 512], "", false),
    ] {
        let report = folder.join(format!("{name}.tar.gz"));
        fs::write(&report, packed(&more, &files)).unwrap();
        let ran = run(xdsnap(["normalize", "-o", "jsonl"]).arg(&report));
        assert_eq!(ran.status, if is_read { 0 } else { 2 }, "{name}: {ran:?}");
        assert!(ran.err.contains(said), "{name}: {ran:?}");
        assert!(
            !ran.out.contains("evil") && !ran.err.contains('\u{1b}'),
            "{name}"
        );
    }
    let mut pax = entry("x", 13, EntryType::XHeader);
    pax.extend_from_slice(b"13 size=9999\n");
    pax.resize(1024, 0);
    pax.extend(entry(dump, 0, EntryType::Regular));
    let report = folder.join("pax.tar.gz");
    fs::write(&report, packed(&pax, &files)).unwrap();
    let ran = run(xdsnap(["normalize", "-o", "jsonl"]).arg(&report));
    assert!(
        ran.status == 0 && ran.err.contains("holds a size"),
        "{ran:?}"
    );
    // A document that is there twice: which of them counts is not for us to say.
    let mut twice = files.clone();
    twice.push(files[0].clone());
    let report = folder.join("twice.tar.gz");
    fs::write(&report, packed(&[], &twice)).unwrap();
    let ran = run(xdsnap(["normalize"]).arg(&report));
    assert!(ran.status == 2 && ran.err.contains("already"), "{ran:?}");
}

#[test]
fn an_archive_that_is_cut_gives_what_stands_before_the_cut() {
    let folder = folder("report-cut");
    let whole = packed(&[], &report_files("config_dump?include_eds"));
    let report = folder.join("cut.tar.gz");
    fs::write(&report, &whole[..whole.len() * 3 / 4]).unwrap();
    let ran = run(xdsnap(["info", "-o", "json"]).arg(&report));
    let failures = ran.json()["failures"].to_string();
    assert!(failures.contains("cut off or damaged"), "{ran:?}");
    let ran = run(xdsnap(["normalize", "-o", "jsonl"]).arg(&report));
    assert!(ran.out.contains(PRODUCTPAGE), "{}", ran.err);
    // No green lie: what is behind the cut may be the other proxy.
    let ran = run(xdsnap(["diff", "--source", "envoy"])
        .arg(testdata(NACK))
        .arg(&report));
    assert_eq!(ran.status, 3, "{ran:?}");
    // Whatever the length, it is read or named.
    let small: Vec<_> = vec![(
        "proxies/shop/web-1/config_dump".to_owned(),
        br#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump"}]}"#
            .to_vec(),
    )];
    let whole = packed(&[], &small);
    for length in (1..whole.len()).step_by(9) {
        fs::write(&report, &whole[..length]).unwrap();
        let ran = run(xdsnap(["info"]).arg(&report));
        assert!([0, 2, 3].contains(&ran.status), "{length}: {ran:?}");
        assert!(!ran.err.contains("panicked"), "{length}: {ran:?}");
    }
}

#[test]
fn an_archive_of_anything_else_is_refused() {
    let folder = folder("report-none");
    for (name, path, said) in [
        (
            "other",
            "notes/todo.txt",
            "neither a bundle nor a bug report",
        ),
        (
            "bundle",
            "envoy/a.b/config_dump.json",
            "laid out as a bundle",
        ),
    ] {
        let archive = folder.join(format!("{name}.tar.gz"));
        fs::write(&archive, packed(&[], &[(path.into(), b"{}".to_vec())])).unwrap();
        let ran = run(xdsnap(["info"]).arg(&archive));
        assert!(ran.status == 2 && ran.err.contains(said), "{ran:?}");
    }
    let mut files = report_files("config_dump");
    let second: Vec<_> = files
        .iter()
        .map(|(path, bytes)| (path.replace("bug-report/", "second/"), bytes.clone()))
        .collect();
    files.extend(second);
    let archive = folder.join("two.tar.gz");
    fs::write(&archive, packed(&[], &files)).unwrap();
    let ran = run(xdsnap(["info"]).arg(&archive));
    assert!(
        ran.status == 2 && ran.err.contains("several bug reports"),
        "{ran:?}"
    );
}

/// The recording of which `testdata/istioctl` holds what istioctl prints.
const IN_SYNC: &str = "corpus/a_in_sync/1_before";

#[test]
fn what_istioctl_prints_equals_the_dump_that_it_was_printed_from() {
    let folder = folder("istioctl");
    let dump = folder.join("dump.json");
    let bytes = recording(&format!("{IN_SYNC}/envoy/{PRODUCTPAGE}/config_dump.json"));
    fs::write(&dump, bytes).unwrap();
    for (name, found) in [
        ("cluster", 25),
        ("listener", 13),
        ("route", 9),
        ("secret", 2),
        ("bootstrap", 1),
    ] {
        let file = folder.join(format!("{name}.json"));
        fs::write(&file, recording(&format!("istioctl/{name}.json"))).unwrap();
        for sides in [[&dump, &file], [&file, &dump]] {
            let args = ["diff", "-o", "json", "--type", name];
            let ran = run(xdsnap(args).args(sides));
            let summary = &ran.json()["summary"];
            assert_eq!(summary["resources"], found, "{name}: {ran:?}");
            assert_eq!(summary["changes"], 0, "{name}: {ran:?}");
            assert_eq!(ran.status, 0, "{name}: {ran:?}");
        }
        // A bootstrap without the sections that repeat its resources is printed with them.
        let inputs = match name {
            "bootstrap" => [&file, &file],
            _ => [&dump, &file],
        };
        let [whole, part] = inputs.map(|input| {
            let ran = run(xdsnap(["normalize", "-o", "jsonl", "--type", name]).arg(input));
            let mut bodies: Vec<String> = ran
                .out
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["resource"].to_string())
                .collect();
            bodies.sort();
            bodies
        });
        assert_eq!(part, whole, "{name}");
        // A bundle of it is one of a dump.
        let bundle = folder.join(format!("{name}.xdsnap"));
        let ran = run(xdsnap(["capture", "-q", "-o"]).arg(&bundle).arg(&file));
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{name}");
        let ran = run(xdsnap(["diff", "--type", name]).arg(&dump).arg(&bundle));
        assert_eq!(ran.status, 0, "{name}: {ran:?}");
    }
    // By itself the rest of the dump is missing, and nothing is removed.
    let ran = run(xdsnap(["diff", "-o", "json"])
        .arg(&dump)
        .arg(folder.join("cluster.json")));
    assert_eq!(ran.status, 3, "{ran:?}");
    assert_eq!(ran.json()["summary"]["removed_resources"], 0);
}

#[test]
fn a_list_that_istioctl_prints_shows_a_change() {
    let folder = folder("istioctl-change");
    for name in ["route", "route_after"] {
        let bytes = recording(&format!("istioctl/{name}.json"));
        fs::write(folder.join(name), bytes).unwrap();
    }
    let ran = run(xdsnap(["diff"])
        .args(["route", "route_after"])
        .current_dir(&folder));
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.out.contains("weight: 50"), "{ran:?}");
}

#[test]
fn a_list_of_hosts_is_a_clusters_page_and_an_empty_list_is_nothing() {
    let folder = folder("istioctl-other");
    let file = folder.join("endpoint.json");
    fs::write(&file, recording("istioctl/endpoint.json")).unwrap();
    let ran = run(xdsnap(["info", "-o", "json"]).arg(&file));
    assert_eq!(
        ran.json()["documents"][0]["path"],
        "envoy/endpoint/clusters.json"
    );
    for (text, said) in [
        ("[]", "an empty list"),
        ("[ \n]\n", "an empty list"),
        (
            "[{\"name\": \"a\"}]",
            "none that Envoy, istiod or istioctl prints",
        ),
        (
            "[{\"kind\": \"Pod\"}]",
            "none that Envoy, istiod or istioctl prints",
        ),
        ("{}", "none that Envoy, istiod or istioctl prints"),
    ] {
        fs::write(&file, text).unwrap();
        let ran = run(xdsnap(["normalize"]).arg(&file));
        assert!(ran.status == 2 && ran.err.contains(said), "{text}: {ran:?}");
    }
}

#[test]
fn a_secret_in_a_list_is_taken_out_by_the_type_of_its_items() {
    let folder = folder("istioctl-secret");
    let list = r#"[{"name": "a", "type": "STATIC", "transportSocket": {"name": "tls", "typedConfig": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "commonTlsContext": {"tlsCertificates": [{"privateKey": {"inlineString": "hunter2"}}]}}}}]"#;
    fs::write(folder.join("a.json"), list).unwrap();
    let ran = run(xdsnap(["normalize", "a.json"]).current_dir(&folder));
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        !ran.out.contains("hunter2") && ran.out.contains("[redacted:"),
        "{ran:?}"
    );
}

/// A bundle of one proxy of a recording, with what its istiod says.
fn bundle_of(folder: &Path, name: &str, step: &str, proxy: &str) -> PathBuf {
    let source = folder.join(format!("{name}-files"));
    for path in [
        format!("envoy/{proxy}/config_dump.json"),
        format!("istiod/{proxy}.config_dump.json"),
        "istiod/syncz.json".to_owned(),
        "istiod/version.json".to_owned(),
    ] {
        let file = source.join(&path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, recording(&format!("{step}/{path}"))).unwrap();
    }
    let bundle = folder.join(format!("{name}.xdsnap"));
    let ran = run(xdsnap(["capture", "-q", "-o"]).arg(&bundle).arg(&source));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    bundle
}

#[test]
fn several_bundles_are_one_input_and_each_proxy_is_judged_by_its_own_istiod() {
    let folder = folder("several");
    // Each rejected something at its own time, of which the other's istiod knows nothing.
    let reviews = bundle_of(&folder, "reviews", NACK, REVIEWS);
    let productpage = bundle_of(
        &folder,
        "productpage",
        "corpus/f_nack/4_cds_nack",
        PRODUCTPAGE,
    );
    let both = folder.join("both.xdsnap");
    let ran = run(xdsnap(["capture", "-q", "-o"]).args([&both, &reviews, &productpage]));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    for inputs in [
        vec![&reviews, &productpage],
        vec![&productpage, &reviews],
        vec![&both],
    ] {
        let ran = run(xdsnap(["status"]).args(&inputs));
        assert_eq!(ran.status, 1, "{ran:?}");
        let out = ran.out.replace("\n      ", " ");
        assert!(out.contains("2 rejected"), "{ran:?}");
        assert!(out.contains(&format!("{PRODUCTPAGE} CDS: ")), "{ran:?}");
        assert!(out.contains(&format!("{REVIEWS} LDS: ")), "{ran:?}");
        let ran = run(xdsnap(["info", "-o", "json"]).args(&inputs));
        assert_eq!(ran.json()["intact"], true, "{ran:?}");
        assert_eq!(ran.json()["documents"].as_array().unwrap().len(), 8);
    }
}

#[test]
fn a_proxy_in_two_bundles_is_refused_naming_both() {
    let folder = folder("twice");
    let before = bundle_of(&folder, "before", BEFORE, REVIEWS);
    let after = bundle_of(&folder, "after", AFTER, REVIEWS);
    let ran = run(xdsnap(["status"]).args([&before, &after]));
    assert_eq!(ran.status, 2, "{ran:?}");
    for name in ["before.xdsnap", "after.xdsnap", REVIEWS] {
        assert!(ran.err.contains(name), "{ran:?}");
    }
    // In a folder the second is passed over whole, and said.
    let captures = folder.join("captures");
    fs::create_dir(&captures).unwrap();
    for bundle in [&before, &after] {
        fs::copy(bundle, captures.join(bundle.file_name().unwrap())).unwrap();
    }
    let ran = run(xdsnap(["info", "-o", "json"]).arg(&captures));
    assert!(ran.err.contains("skipped"), "{ran:?}");
    assert_eq!(ran.json()["documents"].as_array().unwrap().len(), 4);
}

#[test]
fn of_very_many_files_that_are_passed_over_some_are_named_and_the_rest_counted() {
    let folder = folder("many");
    let files = folder.join("files");
    fs::create_dir(&files).unwrap();
    let dump = r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump","bootstrap":{"node":{"id":"sidecar~10.0.0.1~web.shop~x"}}}]}"#;
    for number in 0..50 {
        fs::write(files.join(format!("{number}.json")), dump).unwrap();
    }
    let bundle = folder.join("new.xdsnap");
    for mut command in [xdsnap(["info"]), {
        let mut capture = xdsnap(["capture", "-q", "-o"]);
        capture.arg(bundle);
        capture
    }] {
        let ran = run(command.arg(&files));
        assert_eq!(ran.err.lines().count(), 21, "{}", ran.err);
        assert!(ran.err.ends_with("skipped 29 more files\n"), "{}", ran.err);
    }
}
