//! All planted secrets at once through the program: what it writes and what it prints has none of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use xdsnap::model::Document;

use super::{
    annotated,
    case::{Case, awkward, base64, cluster, header, jwt, pem, plain, rejected, route},
    in_clear, not_annotated,
    search::{HEAD, Needles, TAIL},
    shapes,
};
use crate::{
    capture::envoy_routes,
    support::{
        http::{Answer, Server},
        program::{BEFORE, Ran, recording, run, testdata, xdsnap},
        report,
    },
};

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";

/// The sections of a dump, as they are.
#[derive(Deserialize)]
struct Dump {
    configs: Vec<Box<RawValue>>,
}

/// Every case that is a config dump, each with names of its own.
fn sections() -> (Vec<String>, Vec<String>) {
    let many = annotated::all();
    // All forms of each field are too many for one dump: by steps that take another form of each.
    let cases = many.into_iter().step_by(41);
    let cases = cases.chain(in_clear::all());
    let cases = cases.chain(not_annotated::all()).chain(shapes::all());
    let mut resources = Vec::new();
    let mut bootstraps = Vec::new();
    for (number, case) in cases.enumerate() {
        let Ok(dump) = serde_json::from_str::<Dump>(&case.text) else {
            continue;
        };
        for section in dump.configs {
            let text = section.get();
            if text.contains("BootstrapConfigDump") {
                bootstraps.push(text.to_owned());
            } else {
                let names = ["backend", "http"];
                resources.push(names.iter().fold(text.to_owned(), |text, name| {
                    text.replace(
                        &format!("\"name\":\"{name}\""),
                        &format!("\"name\":\"{name}-{number}\""),
                    )
                }));
            }
        }
    }
    (resources, bootstraps)
}

/// The cases of a document other than a dump that are JSON, as it is.
fn pages(document: Document) -> Vec<String> {
    let cases = in_clear::all().into_iter().chain(not_annotated::all());
    cases
        .filter(|case| case.document == document && case.text.starts_with(['{', '[']))
        .map(|case| case.text)
        .collect()
}

/// A recorded mesh with all secrets planted in it, as a folder.
static PLANTED: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("canary/mesh");
    let _ = fs::remove_dir_all(&folder);
    let write = |path: String, content: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let (resources, bootstraps) = sections();
    let proxies = resources.chunks(resources.len().div_ceil(bootstraps.len()));
    let recorded = recording(&format!("{BEFORE}/envoy/{PRODUCTPAGE}/config_dump.json"));
    let recorded: Dump = serde_json::from_slice(&recorded).unwrap();
    let recorded: Vec<&str> = recorded.configs.iter().map(|config| config.get()).collect();
    for (number, (resources, bootstrap)) in proxies.zip(&bootstraps).enumerate() {
        let real = if number == 0 {
            recorded.join(",")
        } else {
            bootstrap.clone()
        };
        let dump = format!("{{\"configs\":[{real},{}]}}", resources.join(","));
        let name = format!("web-{number}.shop");
        write(format!("envoy/{name}/config_dump.json"), &dump);
        write(
            format!("istiod/{name}.config_dump.json"),
            &dump.replace("\"version_info\"", "\"versionInfo\""),
        );
    }
    for (document, file) in [
        (Document::ServerInfo, "server_info"),
        (Document::Clusters, "clusters"),
        (Document::Listeners, "listeners"),
        (Document::Certs, "certs"),
        (Document::Stats, "stats"),
    ] {
        for (number, page) in pages(document).iter().enumerate() {
            write(format!("envoy/web-{number}.shop/{file}.json"), page);
        }
    }
    let entries: Vec<Value> = pages(Document::Syncz)
        .iter()
        .flat_map(|page| serde_json::from_str::<Vec<Value>>(page).unwrap())
        .enumerate()
        .map(|(number, mut proxy)| {
            proxy["proxy"] = json!(format!("web-{number}.shop"));
            proxy
        })
        .collect();
    write("istiod/syncz.json".into(), &json!(entries).to_string());
    folder
});

/// A folder of a test's own.
fn desk() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs the program in `folder` and looks at all that it prints.
pub(super) fn clean(folder: &Path, args: &[&str]) -> Ran {
    let ran = run(xdsnap(args).current_dir(folder));
    for (stream, text) in [("stdout", &ran.out), ("stderr", &ran.err)] {
        let hit = Needles::planted().find(text.as_bytes());
        assert!(hit.is_none(), "{args:?}: {stream}: {hit:?}");
        assert!(!text.contains("panicked"), "{args:?}: {text}");
    }
    ran
}

/// Looks at all bytes of a bundle, as they are and unpacked by stock tools, at their names, and at digests of secrets.
pub(super) fn assert_clean_bundle(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let unpacked = zstd::decode_all(bytes.as_slice()).unwrap();
    for (what, bytes) in [("packed", &bytes), ("unpacked", &unpacked)] {
        let hit = Needles::planted().find(bytes);
        assert!(hit.is_none(), "{}, {what}: {hit:?}", path.display());
    }
    let folder = desk();
    let tar = Command::new("tar")
        .args(["--zstd", "-xf"])
        .arg(path)
        .arg("-C")
        .arg(folder.path())
        .status();
    assert!(tar.unwrap().success());
    assert_clean_folder(folder.path());
}

fn assert_clean_folder(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        assert!(Needles::planted().find(name.as_bytes()).is_none(), "{name}");
        if path.is_dir() {
            assert_clean_folder(&path);
            continue;
        }
        let hit = Needles::planted().find(&fs::read(&path).unwrap());
        assert!(hit.is_none(), "{name}: {hit:?}");
    }
}

/// The bundle of the planted mesh.
static BUNDLE: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = PLANTED.with_extension("xdsnap");
    let ran = clean(
        PLANTED.parent().unwrap(),
        &[
            "capture",
            "-o",
            path.to_str().unwrap(),
            PLANTED.to_str().unwrap(),
            "--note",
            &format!("see https://u:{}@wiki.example", plain()),
        ],
    );
    assert!(matches!(ran.status, 0 | 3), "{}", ran.err);
    path
});

#[test]
fn planted_secrets_are_in_what_is_captured() {
    let planted = |path: &str| {
        let bytes = fs::read(PLANTED.join(path)).unwrap();
        Needles::planted().find(&bytes).is_some()
    };
    for path in [
        "envoy/web-0.shop/config_dump.json",
        "istiod/web-0.shop.config_dump.json",
        "istiod/syncz.json",
        "envoy/web-0.shop/server_info.json",
        "envoy/web-0.shop/stats.json",
        "envoy/web-0.shop/clusters.json",
    ] {
        assert!(planted(path), "{path}");
    }
}

#[test]
fn bundle_of_everything_is_clean() {
    assert_clean_bundle(&BUNDLE);
    let manifest = clean(
        PLANTED.parent().unwrap(),
        &["info", "-o", "json", BUNDLE.to_str().unwrap()],
    )
    .json();
    assert_eq!(
        manifest["documents"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|document| document["document"] == "config_dump")
            .count()
            % 2,
        0
    );
    // All of the mesh is in it, not the dumps that were easy.
    // Digests in it are no text.
    let bytes = zstd::decode_all(fs::File::open(&*BUNDLE).unwrap()).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for file in [
        "web-0.shop/config_dump.json",
        "web-1.shop/config_dump.json",
        "web-0.shop/stats.json",
        "web-0.shop/server_info.json",
        "istiod/syncz.json",
    ] {
        assert!(text.contains(file), "{file}");
    }
}

/// There is no secret in it that a command could tell, as the bundle itself is looked at: one form of each has to do.
#[test]
fn every_command_on_the_bundle_is_clean() {
    let folder = desk();
    for args in [
        &["info", "--members"] as &[&str],
        &["show"],
        &["status", "-o", "json"],
        &["normalize"],
        &["diff", "--why", "-o", "json"],
        &["redact", "--dry-run"],
        &["extract", "--output-dir", "out"],
        &["verify"],
    ] {
        let args: Vec<&str> = args.iter().copied().chain(BUNDLE.to_str()).collect();
        clean(folder.path(), &args);
    }
    assert_clean_folder(folder.path());
    clean(folder.path(), &["verify", PLANTED.to_str().unwrap()]);
}

/// What is read and printed was never captured: it passes through the same hands.
#[test]
fn every_command_on_the_raw_dumps_is_clean() {
    let folder = desk();
    every_command(folder.path(), PLANTED.to_str().unwrap());
    let dump = PLANTED.join("envoy/web-1.shop/config_dump.json");
    every_command(folder.path(), dump.to_str().unwrap());
    let syncz = PLANTED.join("istiod/syncz.json");
    clean(folder.path(), &["status", syncz.to_str().unwrap()]);
    let before = testdata(BEFORE);
    for args in [
        &["diff", before.to_str().unwrap(), PLANTED.to_str().unwrap()] as &[&str],
        &["diff", BUNDLE.to_str().unwrap(), PLANTED.to_str().unwrap()],
        &[
            "diff",
            "--why",
            "-o",
            "json",
            PLANTED.to_str().unwrap(),
            BUNDLE.to_str().unwrap(),
        ],
    ] {
        clean(folder.path(), args);
    }
    assert_clean_folder(folder.path());
}

fn every_command(folder: &Path, input: &str) {
    let changed = folder.join("changed");
    let _ = fs::create_dir_all(&changed);
    for args in [
        &["info"] as &[&str],
        &["info", "-o", "json"],
        &["show"],
        &["show", "-o", "json"],
        &["status"],
        &["status", "-o", "json"],
        &["normalize"],
        &["normalize", "-o", "json"],
        &["normalize", "--output-dir", changed.to_str().unwrap()],
        &["diff"],
        &["diff", "--oneline"],
        &["diff", "--why"],
        &["diff", "-o", "json"],
        &["diff", "-o", "json-patch"],
        &["diff", "-o", "unified"],
        &["redact", "--dry-run"],
        &["redact", "--dry-run", "--format", "json"],
    ] {
        let args: Vec<&str> = args.iter().copied().chain([input]).collect();
        clean(folder, &args);
    }
    let _ = fs::remove_dir_all(&changed);
}

#[test]
fn rules_are_listed_without_a_secret() {
    for args in [
        &["rules"] as &[&str],
        &["rules", "--redaction"],
        &["rules", "--redaction", "-o", "json"],
        &["rules", "--redaction", "-o", "markdown"],
    ] {
        let ran = clean(Path::new("/"), args);
        assert_eq!(ran.status, 0, "{args:?}: {}", ran.err);
    }
}

/// A dump whose one secret is cut at each of its bytes, and what else can be wrong with a file.
#[test]
fn errors_of_broken_files_are_clean() {
    let folder = desk();
    let tls = json!({"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.TlsCertificate", "private_key": {"inline_string": plain()}});
    let dump = Case::message("", tls).text;
    let start = dump.find(HEAD).unwrap();
    let mut files = Vec::new();
    for length in [4, 8, 12, 19, 20, 21, 22, 24] {
        files.push((
            format!("cut-{length}.json"),
            dump[..start + length].to_owned(),
        ));
    }
    let secret = plain();
    files.extend([
        ("wrong.json".into(), format!("{{\"configs\": {secret}}}")),
        ("key.json".into(), format!("{{\"configs\": [{{\"{secret}\" 1}}]}}")),
        ("escape.json".into(), format!("{{\"configs\": [{{\"password\": \"{secret}\\q\"}}]}}")),
        ("type.json".into(), json!({"configs": [{"@type": "type.googleapis.com/new.Type", "token": secret}], "password": secret}).to_string()),
        ("kind.json".into(), json!({"configs": format!("password={secret}"), "password": secret}).to_string()),
        ("string.json".into(), json!(bearer()).to_string()),
        ("page.txt".into(), format!("upstream connect error, Authorization: {} password={secret}\n", bearer())),
        ("page.html".into(), format!("<html><body>password={secret}</body></html>")),
        ("list.json".into(), json!([secret, {"password": secret}]).to_string()),
        ("syncz.json".into(), format!("[{{\"proxy\": \"web.shop\", \"lastError\": \"password: \\\"{secret}")),
        ("unprintable.json".into(), format!("Failed to convert protobuf message to JSON string: could not find @type 'x/{}'", user_info())),
        ("deep.json".into(), format!("{}\"{secret}\"", "{\"password\":".repeat(300))),
        ("twice.json".into(), format!("{dump}{dump}")),
        ("utf.json".into(), format!("{{\"configs\": [{{\"password\": \"{secret}\u{0}\"}}]}}")),
        ("number.json".into(), format!("{{\"configs\": [{{\"pin\": 73{secret}}}]}}")),
    ]);
    let needles = Needles::new(&[&HEAD[..4], HEAD, TAIL]);
    for (name, content) in &files {
        fs::write(folder.path().join(name), content).unwrap();
        for args in [
            &["capture", "-o", "x.xdsnap"] as &[&str],
            &["info"],
            &["show"],
            &["normalize"],
            &["diff"],
            &["status"],
            &["verify"],
            &["redact", "--dry-run"],
        ] {
            let args: Vec<&str> = args.iter().copied().chain([name.as_str()]).collect();
            let ran = run(xdsnap(&args)
                .current_dir(folder.path())
                .env("RUST_BACKTRACE", "full"));
            let told = ran.out + &ran.err;
            // Of a type or a URL its name may be told.
            let told = told.replace(name.as_str(), "");
            let hit = needles.find(told.as_bytes());
            assert!(hit.is_none(), "{args:?}: {hit:?}");
            assert!(!told.contains("panicked"), "{args:?}: {told}");
        }
        for made in ["x.xdsnap", "x.xdsnap.partial"] {
            let path = folder.path().join(made);
            if path.exists() {
                let bytes = fs::read(&path).unwrap();
                assert!(needles.find(&bytes).is_none(), "{name}: {made}");
                let unpacked = zstd::decode_all(bytes.as_slice()).unwrap_or_default();
                let hit = needles.find(&unpacked);
                assert!(hit.is_none(), "{name}: {made}: {hit:?}");
                fs::remove_file(path).unwrap();
            }
        }
    }
}

fn bearer() -> String {
    format!("Bearer {}", plain())
}

fn user_info() -> String {
    format!("https://user:{}@host.example/x", plain())
}

/// Servers that answer with secrets where nobody expects any, asked by a URL with a secret.
#[test]
fn servers_that_tell_secrets_in_errors_leave_a_clean_bundle() {
    let folder = desk();
    let text = format!(
        "upstream error: Authorization: {} password={} {} token={}\n",
        bearer(),
        plain(),
        user_info(),
        jwt()
    );
    for answer in [
        Answer::Whole(500, text.clone().into_bytes()),
        Answer::Whole(
            401,
            json!({"error": text, "access_token": plain()})
                .to_string()
                .into_bytes(),
        ),
        Answer::ok(text.clone()),
        Answer::ok(format!("<html>{text}</html>")),
        Answer::Half(
            rejected(&format!("password: \"{}\"", awkward()))
                .to_string()
                .into_bytes(),
        ),
        Answer::ok(format!("{{\"configs\": [{{\"x\": \"{}", plain())),
        Answer::ok(
            json!({"configs": format!("password={}", plain()), "password": plain()}).to_string(),
        ),
    ] {
        for page in 0..5 {
            let mut routes = envoy_routes(BEFORE, PRODUCTPAGE);
            routes[page].1 = vec![answer.clone()];
            let server = Server::start(routes);
            let address = server.url().replace("http://", "");
            let url = format!("http://user:{}@{address}/?access_token={0}", plain());
            // All that is asked for without a secret is asked for with one, too.
            for url in [url].into_iter().chain((page == 0).then(|| server.url())) {
                let ran = clean(
                    folder.path(),
                    &["capture", "--timeout=5s", "-o", "x.xdsnap", "--envoy", &url],
                );
                let path = folder.path().join("x.xdsnap");
                if path.exists() {
                    assert_clean_bundle(&path);
                    clean(folder.path(), &["info", "x.xdsnap"]);
                    clean(folder.path(), &["status", "x.xdsnap"]);
                    fs::remove_file(&path).unwrap();
                }
                assert_clean_folder(folder.path());
                assert_ne!(ran.status, 101);
            }
        }
    }
}

#[test]
fn bug_report_with_secrets_in_its_logs_leaves_a_clean_bundle() {
    let folder = desk();
    let mut files = report::report_files("config_dump?include_eds");
    for (path, content) in &mut files {
        if path.ends_with(".log") {
            let lines: Vec<String> = in_clear::details(&plain())
                .into_iter()
                .map(|line| format!("warning\tenvoy config\t{line}\n"))
                .collect();
            *content = lines.concat().into_bytes();
        } else if path.contains("clusters") {
            content.extend(format!("c::observability_name::password={}\n", plain()).bytes());
        } else if path.contains("stats") {
            content.extend(format!("envoy_x{{api_key=\"{}\"}} 1\n", plain()).bytes());
        } else if path.ends_with("crs") {
            content.extend(format!("password: {}\n", plain()).bytes());
        }
    }
    fs::write(
        folder.path().join("report.tar.gz"),
        report::packed(&[], &files),
    )
    .unwrap();
    clean(
        folder.path(),
        &["capture", "-o", "x.xdsnap", "report.tar.gz"],
    );
    assert_clean_bundle(&folder.path().join("x.xdsnap"));
    every_command(folder.path(), "report.tar.gz");
}

/// Where a secret stands in a dump of one cluster or listener that has this `password` there.
fn with_secret(secret: &str) -> Vec<(&'static str, Value)> {
    vec![
        (
            "header",
            route(
                json!({"match": {"prefix": "/"}, "request_headers_to_add": [header("x-api-key", secret)]}),
            ),
        ),
        (
            "Struct",
            cluster(json!({"metadata": {"filter_metadata": {"f": {"password": secret}}}})),
        ),
        (
            "annotated",
            cluster(json!({"transport_socket": {"name": "tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {"tls_certificates": [{"private_key": {"inline_string": secret}}]},
            }}})),
        ),
        (
            "bytes",
            cluster(json!({"transport_socket": {"name": "tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {"tls_certificates": [{"private_key": {"inline_bytes": base64(secret)}}]},
            }}})),
        ),
        (
            "URL",
            cluster(
                json!({"metadata": {"filter_metadata": {"f": {"x": format!("https://user:{secret}@host.example/")}}}}),
            ),
        ),
        (
            "JSON in a string",
            cluster(
                json!({"metadata": {"filter_metadata": {"f": {"x": json!({"password": secret}).to_string()}}}}),
            ),
        ),
    ]
}

/// Captures `dump` to `name` as the proxy `web.shop`.
fn capture(folder: &Path, name: &str, dump: &Value, args: &[&str]) {
    fs::write(folder.join("dump.json"), dump.to_string()).unwrap();
    let base = ["capture", "-q", "-o", name, "--envoy", "web.shop=dump.json"];
    let args: Vec<&str> = base.into_iter().chain(args.iter().copied()).collect();
    let ran = clean(folder, &args);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_clean_bundle(&folder.join(name));
}

#[test]
fn equal_secrets_stay_equal_and_a_changed_one_shows() {
    let folder = desk();
    let folder = folder.path();
    let other = format!("{HEAD}9999{TAIL}");
    for ((place, before), (_, after)) in with_secret(&plain()).iter().zip(with_secret(&other)) {
        capture(folder, "before.xdsnap", before, &[]);
        capture(folder, "same.xdsnap", before, &[]);
        capture(folder, "after.xdsnap", &after, &[]);
        let same = clean(folder, &["diff", "before.xdsnap", "same.xdsnap"]);
        assert_eq!(same.status, 0, "{place}: {}", same.out);
        let changed = clean(folder, &["diff", "before.xdsnap", "after.xdsnap"]);
        assert_eq!(changed.status, 1, "{place}: {}", changed.out);
        assert!(changed.out.contains("redacted"), "{place}: {}", changed.out);
        // A raw dump meets the tokens by the same key.
        fs::write(folder.join("raw.json"), before.to_string()).unwrap();
        let raw = clean(
            folder,
            &[
                "diff",
                "before.xdsnap",
                "raw.json",
                "--pair",
                "web.shop=raw",
            ],
        );
        assert!(
            raw.status < 2 || raw.err.contains("pair"),
            "{place}: {} {}",
            raw.out,
            raw.err
        );
        for form in ["json", "json-patch", "unified"] {
            let told = clean(
                folder,
                &["diff", "-o", form, "before.xdsnap", "after.xdsnap"],
            );
            assert_eq!(told.status, 1, "{place}: {form}: {}", told.err);
        }
        clean(folder, &["diff", "--why", "before.xdsnap", "after.xdsnap"]);
        clean(
            folder,
            &["diff", "--oneline", "before.xdsnap", "after.xdsnap"],
        );
    }
}

#[test]
fn secrets_under_different_keys_are_not_compared() {
    let folder = desk();
    let folder = folder.path();
    for (place, dump) in with_secret(&plain()) {
        capture(folder, "mine.xdsnap", &dump, &[]);
        capture(folder, "theirs.xdsnap", &dump, &["--redaction-key", "none"]);
        let ran = clean(folder, &["diff", "mine.xdsnap", "theirs.xdsnap"]);
        assert_ne!(ran.status, 1, "{place}: {}", ran.out);
        let told = ran.out.clone() + &ran.err;
        assert!(told.contains("not compared"), "{place}: {told}");
    }
}

/// One key makes one token of one secret, in whatever place and spelling it stands.
#[test]
fn one_secret_has_one_token_wherever_it_stands() {
    let folder = desk();
    let folder = folder.path();
    for secret in [plain(), pem()] {
        let dump = json!({"metadata": {"filter_metadata": {"f": {"password": secret, "nested": [{"api_key": secret}]}}}});
        capture(folder, "x.xdsnap", &cluster(dump), &[]);
        let ran = clean(folder, &["extract", "x.xdsnap", "--output-dir", "out"]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        let text = fs::read_to_string(folder.join("out/envoy/web.shop/config_dump.json")).unwrap();
        let tokens: Vec<_> = xdsnap::model::Token::all_in(&text)
            .map(|(_, token)| token)
            .collect();
        assert_eq!(tokens.len(), 2, "{text}");
        assert_eq!(tokens[0], tokens[1]);
        fs::remove_dir_all(folder.join("out")).unwrap();
    }
}
