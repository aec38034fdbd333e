//! The command `redact`, the page for whoever must approve redaction, and the ways out other than documents.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::{
    capture::{envoy_routes, with},
    support::{
        http::{Answer, Server},
        program::{BEFORE, Ran, run, testdata, xdsnap},
        report::PRODUCTPAGE,
    },
};

const SECRET: &str = "hunter2-correct-horse";

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::write(desk.path("a.json"), dump(SECRET)).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &str) -> Command {
        let mut command = xdsnap(args.split_whitespace());
        command.current_dir(self.0.path());
        command
    }

    fn run(&self, args: &str) -> Ran {
        run(&mut self.command(args))
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// A dump with a private key, and a header that carries one.
fn dump(secret: &str) -> String {
    json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "dynamic_active_clusters": [{"cluster": {
            "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            "name": "web",
            "connect_timeout": "1.50s",
            "transport_socket": {"name": "tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {"tls_certificates": [{
                    "private_key": {"inline_string": secret}
                }]}
            }}
        }}]
    }]})
    .to_string()
}

const PLACE: &str = "configs[0].dynamic_active_clusters[0].cluster.transport_socket.typed_config.\
    common_tls_context.tls_certificates[0].private_key.inline_string";

#[test]
fn a_dry_run_says_that_it_lists_no_pseudonyms() {
    let desk = Desk::new();
    let plain = desk.run("redact --dry-run a.json");
    for flag in ["--redact-hostnames", "--redact-ips"] {
        let ran = desk.run(&format!("redact --dry-run {flag} a.json"));
        assert_eq!((ran.status, &ran.out), (1, &plain.out));
        let said = ran.err.strip_prefix(&plain.err).unwrap_or_default();
        assert!(said.contains("host names and addresses"), "{said}");
    }
}

#[test]
fn a_dump_becomes_its_redacted_json_in_whatever_form_it_comes() {
    let desk = Desk::new();
    let ran = desk.run("redact a.json");
    assert_eq!(
        (ran.status, ran.err.as_str()),
        (0, "a.json: 1 value redacted\n")
    );
    let (before, rest) = ran.out.split_once("[redacted:").unwrap();
    let (token, after) = rest.split_once(']').unwrap();
    // All else is as it was, to the byte.
    assert_eq!(format!("{before}{SECRET}{after}"), dump(SECRET));
    let token = format!("[redacted:{token}]");
    // Again it is what it is.
    fs::write(desk.path("again.json"), &ran.out).unwrap();
    let again = desk.run("redact again.json");
    assert_eq!(
        (again.out.as_str(), again.err.as_str()),
        (ran.out.as_str(), "again.json: 0 values redacted\n")
    );
    // However it comes, and wherever it goes.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(dump(SECRET).as_bytes()).unwrap();
    fs::write(desk.path("a.json.gz"), gzip.finish().unwrap()).unwrap();
    fs::write(
        desk.path("a.json.zst"),
        zstd::encode_all(dump(SECRET).as_bytes(), 1).unwrap(),
    )
    .unwrap();
    for input in ["a.json.gz", "a.json.zst"] {
        assert_eq!(
            desk.run(&format!("redact -q {input}")).out,
            ran.out,
            "{input}"
        );
    }
    for args in ["redact -", "redact - -o -"] {
        let piped = run(desk.command(args).write_stdin(dump(SECRET)));
        assert_eq!((piped.status, &piped.out), (0, &ran.out));
    }
    let filed = desk.run("redact a.json -o a.json");
    assert_eq!(
        (filed.status, filed.out.as_str()),
        (0, ""),
        "over its own input"
    );
    assert_eq!(fs::read_to_string(desk.path("a.json")).unwrap(), ran.out);
    assert!(!token.contains(SECRET));
    assert_eq!(
        desk.files(),
        ["a.json", "a.json.gz", "a.json.zst", "again.json"]
    );
}

#[test]
fn what_cannot_be_redacted_leaves_what_was_there_and_says_what_to_do() {
    let desk = Desk::new();
    fs::write(desk.path("old.json"), "old").unwrap();
    let cut = &dump(SECRET)[..dump(SECRET).rfind("inline_string").unwrap() + 25];
    fs::write(desk.path("cut.json"), cut).unwrap();
    fs::create_dir(desk.path("folder")).unwrap();
    fs::write(desk.path("folder/b.json"), dump(SECRET)).unwrap();
    desk.run("capture -q -o a.xdsnap a.json");
    for (args, said) in [
        ("redact", "nothing to redact; give an INPUT"),
        ("redact cut.json -o old.json", "JSON that is cut off"),
        ("redact a.json a.json", "one INPUT at a time"),
        ("redact folder", "a folder; `xdsnap capture -o NEW folder`"),
        (
            "redact http://127.0.0.1:1 -o x",
            "a URL, of which nothing is saved yet",
        ),
        (
            "redact a.xdsnap",
            "which is not written to standard output; name a file",
        ),
        (
            "redact a.xdsnap -o -",
            "a bundle is not written to standard output",
        ),
        ("redact a.xdsnap -o json", "`json` is a format"),
        ("redact a.json -o folder", "no regular file"),
        ("redact a.json -o none/x.json", "No such file"),
        ("redact a.json --format json", "--dry-run"),
        ("redact --dry-run a.json -o x", "exclude each other"),
        ("redact missing.json", "missing.json: No such file"),
    ] {
        let ran = desk.run(args);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args}: {ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{args}: {ran:?}");
        assert!(ran.err.contains(said), "{args}: {ran:?}");
        assert!(!ran.err.contains("hunter2"), "{args}: {ran:?}");
    }
    assert_eq!(fs::read_to_string(desk.path("old.json")).unwrap(), "old");
    assert_eq!(
        desk.files(),
        ["a.json", "a.xdsnap", "cut.json", "folder", "old.json"]
    );
}

fn manifest(path: &Path) -> Value {
    let bytes = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    let first = archive.entries().unwrap().next().unwrap().unwrap();
    serde_json::from_reader(first).unwrap()
}

#[test]
fn a_bundle_becomes_a_bundle_that_keeps_what_is_known_of_it() {
    let desk = Desk::new();
    // A live capture with a failure and a note, unredacted.
    let server = Server::start(with(
        envoy_routes(BEFORE, PRODUCTPAGE),
        "/certs",
        Answer::Whole(500, b"no certs for 'hunter2'".to_vec()),
    ));
    let mut capture = desk.command("capture -q --no-redact=yes-it-holds-secrets -o a.xdsnap");
    let ran = run(capture.arg(server.url()).args(["--note", "the first"]));
    assert_eq!(ran.status, 3, "{ran:?}");
    let raw = manifest(&desk.path("a.xdsnap"));
    assert!(
        raw["failures"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("hunter2")
    );

    let ran = desk.run("redact a.xdsnap -o b.xdsnap");
    assert_eq!((ran.status, ran.out.as_str()), (0, "b.xdsnap\n"), "{ran:?}");
    let new = manifest(&desk.path("b.xdsnap"));
    assert_eq!(new["note"], "the first");
    for field in ["captured", "proxies", "istiods"] {
        assert_eq!(new[field], raw[field], "{field}");
    }
    assert_eq!(new["redaction"].get("off"), None);
    assert!(new["redaction"]["rules"].as_array().unwrap().len() > 3);
    assert!(!new.to_string().contains("hunter2"), "{new}");
    for (new, raw) in
        (new["members"].as_array().unwrap().iter()).zip(raw["members"].as_array().unwrap())
    {
        for field in ["path", "origin", "requested", "received", "status"] {
            assert_eq!(new[field], raw[field], "{field}");
        }
        assert!(new["redacted"].is_u64());
    }
    assert_eq!(desk.run("verify b.xdsnap").status, 0);
    assert_eq!(desk.run("diff a.xdsnap b.xdsnap").status, 0);
    // Again, over itself, it is the same to the byte.
    let before = fs::read(desk.path("b.xdsnap")).unwrap();
    assert_eq!(desk.run("redact b.xdsnap -o b.xdsnap").status, 0);
    assert_eq!(fs::read(desk.path("b.xdsnap")).unwrap(), before);
    // From a pipe it is held in memory.
    let piped = run(desk
        .command("redact - -o c.xdsnap")
        .write_stdin(before.clone()));
    assert_eq!(piped.status, 0, "{piped:?}");
    assert_eq!(fs::read(desk.path("c.xdsnap")).unwrap(), before);
    assert_eq!(desk.files(), ["a.json", "a.xdsnap", "b.xdsnap", "c.xdsnap"]);
}

#[test]
fn bundles_of_every_release_are_redacted_and_what_they_counted_stays() {
    let desk = Desk::new();
    for name in [
        "1-draft.xdsnap",
        "1-draft-mesh.xdsnap",
        "1-rc.xdsnap",
        "1-rc-mesh.xdsnap",
        "1.xdsnap",
        "1-mesh.xdsnap",
    ] {
        let old = testdata(&format!("bundles/{name}"));
        let ran = run(desk.command("redact -q -o new.xdsnap").arg(&old));
        assert!(matches!(ran.status, 0 | 3), "{name}: {ran:?}");
        let (old, new) = (manifest(&old), manifest(&desk.path("new.xdsnap")));
        let values = |manifest: &Value| manifest["redaction"]["values"].as_u64().unwrap();
        assert!(values(&new) >= values(&old), "{name}");
        assert_eq!(desk.run("verify new.xdsnap").status, 0, "{name}");
        assert_eq!(desk.run("info new.xdsnap").status, 0, "{name}");
    }
}

#[test]
fn a_damaged_bundle_is_not_written_over_by_what_is_left_of_it() {
    let desk = Desk::new();
    let server = Server::start(envoy_routes(BEFORE, PRODUCTPAGE));
    run(desk.command("capture -q -o a.xdsnap").arg(server.url()));
    let mut bytes = fs::read(desk.path("a.xdsnap")).unwrap();
    // Within the frames of the members, before those of derived data.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(desk.path("a.xdsnap"), &bytes).unwrap();
    let ran = desk.run("redact a.xdsnap -o a.xdsnap");
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("`a.xdsnap` stays as it is"), "{ran:?}");
    assert_eq!(fs::read(desk.path("a.xdsnap")).unwrap(), bytes);
    let ran = desk.run("redact a.xdsnap -o b.xdsnap");
    assert!(
        ran.status == 3 && ran.err.contains("left out: envoy"),
        "{ran:?}"
    );
    assert_eq!(desk.run("verify b.xdsnap").status, 0);
}

#[test]
fn a_dry_run_names_places_and_rules_and_never_a_value() {
    let desk = Desk::new();
    let ran = desk.run("redact --dry-run a.json");
    let document = "envoy/a/config_dump.json";
    let expected = format!(
        "{document}  {PLACE}  annotated-fields\n\n     1  annotated-fields\n     1  in 1 document, would be taken out\n"
    );
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (1, expected.as_str(), "")
    );
    let json = desk.run("redact --dry-run --format json a.json");
    assert_eq!(json.status, 1);
    assert_eq!(
        json.json(),
        json!({
            "format": "xdsnap.redaction/v1",
            "places": [{"document": document, "path": PLACE, "rule": "annotated-fields"}],
            "by_rule": {"annotated-fields": 1},
            "values": 1
        })
    );
    // Of any input: piped, live (which is looked at as it comes), a folder, a bundle in clear.
    let piped = run(desk.command("redact --dry-run -").write_stdin(dump(SECRET)));
    assert_eq!(piped.status, 1);
    let server = Server::start(with(
        envoy_routes(BEFORE, PRODUCTPAGE),
        "/config_dump?include_eds",
        Answer::ok(dump(SECRET)),
    ));
    let live = run(desk.command("redact --dry-run").arg(server.url()));
    assert!(
        live.status == 1 && live.out.contains("  annotated-fields\n"),
        "{live:?}"
    );
    desk.run("capture -q --no-redact=yes-it-holds-secrets -o raw.xdsnap a.json");
    fs::create_dir(desk.path("folder")).unwrap();
    fs::write(desk.path("folder/a.json"), dump(SECRET)).unwrap();
    for input in ["raw.xdsnap", "folder"] {
        let ran = desk.run(&format!("redact --dry-run {input}"));
        assert_eq!(ran.out, expected, "{input}");
    }
    // Of what is redacted there is nothing to tell.
    desk.run("capture -q -o a.xdsnap a.json");
    let ran = desk.run("redact --dry-run a.xdsnap");
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (0, "nothing would be taken out\n")
    );
    let ran = desk.run("redact --dry-run --format json a.xdsnap");
    assert_eq!((ran.status, ran.json()["values"].as_u64()), (0, Some(0)));
    for ran in [&json, &piped, &live] {
        assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
    }
}

#[test]
fn the_page_for_approval_tells_every_rule_what_stays_and_how_to_look() {
    let desk = Desk::new();
    let json = desk.run("rules --redaction -o json").json();
    let names: Vec<&str> = (json["rules"].as_array().unwrap().iter())
        .map(|rule| rule["name"].as_str().unwrap())
        .collect();
    let expected: Vec<&str> = xdsnap::redact::RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names, expected);
    let text = desk.run("rules --redaction");
    let markdown = desk.run("rules --redaction -o markdown");
    for ran in [&text, &markdown] {
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        for name in &expected {
            assert!(ran.out.contains(name), "{name}");
        }
        // Fields come from the API's own annotations.
        for part in [
            "envoy.extensions.transport_sockets.tls.v3.TlsCertificate.private_key",
            "host names",
            "IP addresses",
            "certificates",
            "neither a telling name nor a telling shape",
            "xdsnap redact --dry-run INPUT",
            "--redaction-key-file",
        ] {
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words(&ran.out).contains(part), "{part}: {}", ran.out);
        }
    }
    let is_identity = |line: &&str| !line.trim_end_matches(',').trim_start().contains(' ');
    let long = text.out.lines().filter(|line| line.len() > 80);
    assert!(
        long.into_iter().all(|line| is_identity(&line)),
        "{}",
        text.out
    );
    // Rows of a table have as many cells as its head.
    for line in markdown.out.lines().filter(|line| line.starts_with("| ")) {
        let cells = line.replace("\\|", "").matches('|').count();
        assert!(matches!(cells, 3 | 4), "{line}");
    }
    assert_eq!(desk.run("rules -o markdown").status, 2);
    assert_eq!(desk.run("rules --redaction host-health").status, 2);
    assert_eq!(desk.run("rules --redaction private-key-pem").status, 0);
}

#[test]
fn credentials_in_a_url_are_used_and_kept_and_printed_nowhere() {
    let desk = Desk::new();
    let server = Server::start(envoy_routes(BEFORE, PRODUCTPAGE));
    let host = server.url().replace("http://", "");
    let url = format!("http://{SECRET}:{SECRET}-2@{host}");
    let secret = "hunter2";
    for args in [
        &["capture", "-o", "x.xdsnap", &url][..],
        &["info", &url],
        &["info", "-o", "json", &url],
        &["show", &url],
        &["normalize", &url],
        &["diff", "-o", "json", &url, &url],
        &["status", &url],
        &["redact", "--dry-run", &url],
        // Where it cannot be used, it is not repeated either.
        &["verify", &url],
        &["extract", &url],
        &["redact", &url],
        &["capture", "-o", &url, &url],
        &["diff", &format!("http://x:{SECRET}@127.0.0.1:1")],
        &["diff", &format!("HTTP://x:{SECRET}@127.0.0.1:1")],
        &["diff", &format!("https://x:{SECRET}@127.0.0.1:1")],
        &["diff", &format!("http://x:{SECRET}/@127.0.0.1:1")],
        &["diff", &format!("x:{SECRET}@127.0.0.1:1")],
        &[
            "diff",
            "--envoy",
            &format!("=http://x:{SECRET}@127.0.0.1:1"),
        ],
        &[
            "diff",
            &format!("http://127.0.0.1:1/?access_token={SECRET}"),
        ],
    ] {
        let ran = run(xdsnap(args).current_dir(desk.0.path()));
        assert!(!format!("{ran:?}").contains(secret), "{args:?}: {ran:?}");
    }
    let kept = zstd::decode_all(fs::File::open(desk.path("x.xdsnap")).unwrap()).unwrap();
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains(&format!("http://{host}/server_info")) && !kept.contains(secret));
}

#[test]
fn names_and_addresses_are_replaced_consistently_where_that_is_asked_for() {
    let desk = Desk::new();
    let server = Server::start(envoy_routes(BEFORE, PRODUCTPAGE));
    let mut capture = desk.command(
        "capture -q --redact-hostnames --redact-ips -o a.xdsnap --note from:reviews.example.com",
    );
    let ran = run(capture.arg(server.url()));
    assert_eq!(ran.status, 0, "{ran:?}");
    let saved = manifest(&desk.path("a.xdsnap"));
    let by_rule = &saved["redaction"]["by_rule"];
    assert!(by_rule["hostnames"].as_u64() > Some(10), "{by_rule}");
    assert!(by_rule["ips"].as_u64() > Some(10), "{by_rule}");
    assert!(
        !saved["note"].to_string().contains("example"),
        "{}",
        saved["note"]
    );
    // Of the same dump, in clear, the same comes of `redact`.
    run(desk.command("capture -q -o b.xdsnap").arg(server.url()));
    let ran = desk.run("redact -q --redact-hostnames --redact-ips b.xdsnap -o b.xdsnap");
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(desk.run("diff a.xdsnap b.xdsnap").status, 0);
    let ran = desk.run("capture --no-redact --redact-ips -o c.xdsnap a.json");
    assert!(
        ran.status == 2 && ran.err.contains("exclude each other"),
        "{ran:?}"
    );
}
