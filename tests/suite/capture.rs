//! The command `capture`, against a real Envoy, a replayed istiod and servers that die; and the way back, by `diff`
//! and `info`.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{
    desk::Desk,
    envoy::{Envoy, PROXY, Setup, endpoints, route},
    http::{Answer, Server},
    program::{AFTER, BEFORE, bare, recording, run, testdata, xdsnap},
};

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";
const REVIEWS: &str = "reviews-v1-545db77b95-2k8ls.default";

/// Longer than any answer takes that comes at all, for servers that stall.
const IMPATIENT: &str = "--timeout=2s";

impl Desk {
    /// Captures, and expects that nothing is missing.
    fn capture(&self, args: &str) {
        let ran = self.run(&format!("capture {args}"));
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(ran.err.contains("nothing missing"), "{}", ran.err);
    }
}

/// `kind type name path` of each change in a report.
fn changes(report: &Value) -> Vec<String> {
    let changes = report["changes"].as_array().unwrap().iter();
    let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    changes
        .map(|change| {
            ["kind", "type", "name", "path"]
                .map(|key| text(change, key))
                .join(" ")
        })
        .collect()
}

/// Two clusters, of which the first gets `weight` percent.
fn weighted(weight: u32) -> Value {
    let mut routes = route("backend");
    routes["virtual_hosts"][0]["routes"][0]["route"] = json!({"weighted_clusters": {"clusters": [
        {"name": "backend", "weight": weight},
        {"name": "other", "weight": 100 - weight},
    ]}});
    routes
}

#[test]
fn what_changes_in_a_running_envoy_and_nothing_else_is_told() {
    for unix_socket in [false, true] {
        let envoy = Envoy::start(Setup {
            unix_socket,
            ..Setup::default()
        });
        envoy.write_xds("rds", &json!([weighted(95)]));
        envoy.wait_until(|dump| dump.to_string().contains("\"weight\":95"));
        let url = envoy.url();
        let desk = Desk::new();
        desk.capture(&format!("-o 0.xdsnap --envoy {url}"));
        // What it is, is found by asking.
        desk.capture(&format!("-o same.xdsnap {url}"));
        let ran = desk.run("diff 0.xdsnap same.xdsnap");
        assert_eq!(ran.status, 0, "{}", ran.out);
        assert!(ran.last_line().ends_with("no differences"), "{}", ran.out);

        let route = "$.virtual_hosts[?@.name=='all'].routes[0].route.weighted_clusters.clusters";
        let mut listener = envoy.listener();
        listener["filter_chains"][0]["filters"][0]["typed_config"]["stat_prefix"] = json!("other");
        for (number, (file, resource, sign, expected)) in [
            (
                "rds",
                weighted(50),
                "\"weight\":50",
                vec![
                    format!("changed route http {route}[?@.name=='backend'].weight"),
                    format!("changed route http {route}[?@.name=='other'].weight"),
                ],
            ),
            (
                "eds",
                endpoints("backend", &[9001, 9002, 9003]),
                "9003",
                vec!["added endpoint backend $.endpoints[0].lb_endpoints[2]".to_owned()],
            ),
            (
                "lds",
                listener,
                "\"stat_prefix\":\"other\"",
                vec![
                    "changed listener http $.filter_chains[0].filters[?@.name=='envoy.filters.network.http_connection_manager']\
                     .typed_config.stat_prefix"
                        .to_owned(),
                ],
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let [before, after] = [number, number + 1].map(|number| format!("{number}.xdsnap"));
            envoy.write_xds(file, &json!([resource]));
            envoy.wait_until(|dump| dump.to_string().contains(sign));
            desk.capture(&format!("-o {after} --envoy {url}"));
            let ran = desk.run(&format!("diff {before} {after} -o json"));
            assert_eq!((ran.status, changes(&ran.json())), (1, expected.clone()), "{}", ran.out);
            // The running Envoy is an input as the bundle is.
            let live = desk.run(&format!("diff {before} {url} -o json"));
            assert_eq!((live.status, changes(&live.json())), (1, expected));
            assert_eq!(live.json()["after"]["proxies"], 1);
        }
        let overview = desk.run("info 3.xdsnap -o json").json();
        assert_eq!(
            overview["proxies"],
            json!([{
                "id": PROXY,
                "envoy_version": "1.40.0",
                "hosts": {"healthy": 3, "degraded": 0, "unhealthy": 0, "reasons": {}, "clusters": {}},
                "updates": [
                    {"type": "cluster", "accepted": 1, "rejected": 0},
                    {"type": "listener", "accepted": 2, "rejected": 0},
                    {"type": "route", "accepted": 3, "rejected": 0},
                ],
            }])
        );
        assert_eq!(overview["documents"].as_array().unwrap().len(), 6);
        assert_eq!(overview["failures"], json!([]));
    }
}

const STATS: &str = "/stats?filter=(update_attempt|update_success|update_failure|update_rejected|\
    init_fetch_timeout|version|control_plane)&format=json";

pub(crate) type Routes = Vec<(String, Vec<Answer>)>;

/// What the Envoy of a proxy answered.
pub(crate) fn envoy_routes(step: &str, proxy: &str) -> Routes {
    [
        ("/server_info", "server_info"),
        ("/config_dump?include_eds", "config_dump"),
        ("/clusters?format=json", "clusters"),
        ("/listeners?format=json", "listeners"),
        ("/certs", "certs"),
        (STATS, "stats"),
    ]
    .map(|(page, name)| {
        let body = recording(&format!("{step}/envoy/{proxy}/{name}.json"));
        (page.to_owned(), vec![Answer::ok(body)])
    })
    .into()
}

fn istiod_dump(proxy: &str) -> String {
    format!("/debug/config_dump?proxyID={proxy}&include_eds=true")
}

/// What istiod answered.
pub(crate) fn istiod_routes(step: &str) -> Routes {
    let answer = |path: &str| vec![Answer::ok(recording(&format!("{step}/istiod/{path}")))];
    let mut routes = vec![
        ("/version".to_owned(), answer("version.json")),
        ("/debug/syncz".to_owned(), answer("syncz.json")),
    ];
    for proxy in [PRODUCTPAGE, REVIEWS] {
        routes.push((
            istiod_dump(proxy),
            answer(&format!("{proxy}.config_dump.json")),
        ));
    }
    routes
}

/// The routes with another answer for one page.
pub(crate) fn with(mut routes: Routes, page: &str, answer: Answer) -> Routes {
    routes.retain(|(path, _)| path != page);
    routes.push((page.to_owned(), vec![answer]));
    routes
}

#[test]
fn istiod_is_asked_before_envoy_and_compared_with_it() {
    // Both at one address, for the order of all requests.
    let mut routes = envoy_routes(BEFORE, PRODUCTPAGE);
    routes.extend(istiod_routes(BEFORE));
    let server = Server::start(routes);
    let url = server.url();
    let desk = Desk::new();
    desk.capture(&format!("-o x.xdsnap --envoy {url} --istiod {url}"));
    let dump = istiod_dump(PRODUCTPAGE);
    assert_eq!(
        server.requests(),
        [
            "/server_info",
            "/version",
            "/debug/syncz",
            &dump,
            "/config_dump?include_eds",
            "/clusters?format=json",
            "/listeners?format=json",
            "/certs",
            STATS,
        ]
    );
    let ran = desk.run("diff x.xdsnap");
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(ran.out.starts_with("istiod  x.xdsnap  20"), "{}", ran.out);
    assert_eq!(
        ran.last_line(),
        "1 of 1 proxy compared, 49 resources: no differences"
    );
    let info = desk.run("info x.xdsnap").out;
    assert!(
        info.contains("\nversions  istiod 1.30.3, istio 1.30.3, envoy 1.40.0\n"),
        "{info}"
    );
    assert!(
        info.ends_with("lacks     nothing that xdsnap captures\n"),
        "{info}"
    );
}

#[test]
fn several_envoys_and_their_istiod_need_no_flags() {
    let envoys = [PRODUCTPAGE, REVIEWS].map(|proxy| Server::start(envoy_routes(BEFORE, proxy)));
    let istiod = Server::start(istiod_routes(AFTER));
    let [one, two] = [&envoys[0], &envoys[1]].map(Server::url);
    let istiod = istiod.url();
    let desk = Desk::new();
    desk.capture(&format!("-o x.xdsnap {istiod} {one} {two}"));
    let ran = desk.run("diff x.xdsnap -o json");
    assert_eq!(ran.status, 1, "{}", ran.out);
    let report = ran.json();
    assert_eq!(
        (&report["mode"], &report["summary"]["proxies"]),
        (&json!("sync"), &json!(2))
    );
    assert_eq!(changes(&report).len(), 8);
    let values = |key: &str| {
        let mut values: Vec<_> = report["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c[key].as_u64().unwrap())
            .collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    assert_eq!((values("before"), values("after")), (vec![50], vec![5, 95]));
    // The same without a bundle, in any order.
    for args in [
        format!("{istiod} {one}"),
        format!("{one} {istiod}"),
        "x.xdsnap -p productpage".to_owned(),
    ] {
        let ran = desk.run(&format!("diff {args} -o json"));
        assert_eq!(
            (ran.status, changes(&ran.json()).len()),
            (1, 4),
            "{args}: {}",
            ran.err
        );
        assert_eq!(ran.json()["mode"], "sync");
    }
}

#[test]
fn what_istiod_refuses_is_missing_with_an_explanation() {
    let envoy = Server::start(envoy_routes(BEFORE, PRODUCTPAGE));
    let dump = istiod_dump(PRODUCTPAGE);
    for (page, answer, document, explanation) in [
        (
            "/debug/syncz",
            Answer::Whole(401, Vec::new()),
            "syncz",
            "answered 401: istiod serves this without credentials only to its own localhost; \
             go through `kubectl port-forward` to its pod",
        ),
        (
            dump.as_str(),
            Answer::Whole(
                404,
                b"Proxy not connected to this Pilot instance.\n".to_vec(),
            ),
            "config_dump",
            "not connected to this istiod; another replica may have it",
        ),
        (
            &dump,
            Answer::ok("<html><title>Sign in</title>"),
            "config_dump",
            "the answer is no JSON object: <html><title>Sign in</title>",
        ),
        (
            &dump,
            Answer::Half(b"{\"configs\": []}".to_vec()),
            "config_dump",
            "connection closed in the middle of the body, after 7 bytes",
        ),
        (&dump, Answer::Stall, "config_dump", "timed out after 2s"),
    ] {
        let istiod = Server::start(with(istiod_routes(BEFORE), page, answer));
        let desk = Desk::new();
        let ran = desk.run(&format!(
            "capture -o x.xdsnap {IMPATIENT} --envoy {} --istiod {}",
            envoy.url(),
            istiod.url()
        ));
        assert_eq!(
            (ran.status, ran.out.as_str()),
            (3, "x.xdsnap\n"),
            "{}",
            ran.err
        );
        let missing = format!("{document} ({}): {explanation}\n", istiod.url());
        assert!(ran.err.contains(&missing), "{}", ran.err);
        let overview = desk.run("info x.xdsnap -o json").json();
        assert_eq!(overview["failures"][0]["reason"], explanation);
        // Whoever asks whether they agree is told why that cannot be said.
        let diff = desk.run("diff x.xdsnap");
        assert_eq!((diff.status, diff.out.as_str()), (2, ""));
        assert!(
            diff.err
                .starts_with("xdsnap: x.xdsnap: what istiod would send was not captured: "),
            "{}",
            diff.err
        );
    }
}

#[test]
fn an_envoy_that_dies_half_way_leaves_a_bundle_with_the_rest() {
    let mut routes = envoy_routes(BEFORE, PRODUCTPAGE);
    for (page, answer) in [
        (
            "/clusters?format=json",
            Answer::Half(b"{\"cluster_statuses\": []}".to_vec()),
        ),
        ("/listeners?format=json", Answer::Close),
        ("/certs", Answer::Close),
        (STATS, Answer::Stall),
    ] {
        routes = with(routes, page, answer);
    }
    let server = Server::start(routes);
    let url = server.url();
    let desk = Desk::new();
    let ran = desk.run(&format!("capture -o x.xdsnap {IMPATIENT} {url}"));
    assert_eq!((ran.status, ran.out.as_str()), (3, "x.xdsnap\n"));
    let lines: Vec<_> = ran.err.lines().collect();
    assert_eq!(lines[0], format!("reading {url}"));
    assert!(
        lines[1].starts_with("x.xdsnap: ") && lines[1].contains("1 proxy, 4 documents missing, "),
        "{}",
        ran.err
    );
    assert_eq!(
        lines[2..],
        [
            format!(
                "  missing: envoy {PRODUCTPAGE} clusters ({url}): connection closed in the middle of the body, after 12 bytes"
            ),
            format!(
                "  missing: envoy {PRODUCTPAGE} listeners, certs ({url}): connection closed before an answer came"
            ),
            format!("  missing: envoy {PRODUCTPAGE} stats ({url}): timed out after 2s"),
        ]
    );
    assert_eq!(desk.files(), ["x.xdsnap"]);
    let info = desk.run("info x.xdsnap");
    assert_eq!(info.status, 0);
    assert!(info.out.contains("intact    2 documents"), "{}", info.out);
    assert!(info.out.contains("failed    envoy"), "{}", info.out);
    assert_eq!(
        desk.run("info x.xdsnap -o json").json()["failures"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(desk.run("diff x.xdsnap x.xdsnap").status, 0);

    // Quiet is not silent about what is missing.
    let quiet = desk.run(&format!(
        "capture -q -o y.xdsnap --allow-missing {IMPATIENT} {url}"
    ));
    assert_eq!((quiet.status, quiet.err), (0, lines[2..].join("\n") + "\n"));
}

#[test]
fn a_real_envoy_that_is_killed_or_stops_after_it_said_its_name_is_missed() {
    for killed in [true, false] {
        let mut envoy = Envoy::start(Setup::default());
        let url = envoy.url();
        // The capture is held up here, once Envoy has said who it is.
        let istiod = Server::start([("/version", vec![Answer::Stall])]);
        let desk = Desk::new();
        let mut command = bare();
        command
            .args([
                "capture", "-q", "-o", "x.xdsnap", IMPATIENT, "--envoy", &url,
            ])
            .args(["--istiod", &istiod.url(), "--envoy"])
            .arg(format!(
                "other.shop={}",
                testdata(&format!(
                    "{BEFORE}/envoy/{PRODUCTPAGE}/config_dump.json.zst"
                ))
                .display()
            ))
            .current_dir(&desk.0)
            .stderr(Stdio::piped())
            .stdout(Stdio::null());
        let child = command.spawn().unwrap();
        wait_for(&istiod, "/version");
        match killed {
            true => envoy.kill(),
            false => envoy.freeze(),
        }
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{err}");
        let reason = match killed {
            true => "connection refused",
            false => "timed out after 2s",
        };
        let missing = format!(
            "envoy {PROXY} config_dump, clusters, listeners, certs, stats ({url}): {reason}\n"
        );
        assert!(err.contains(&missing), "{err}");
        let overview = desk.run("info x.xdsnap -o json").json();
        let paths: Vec<_> = overview["documents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["path"].as_str().unwrap())
            .collect();
        assert_eq!(
            paths,
            [
                "envoy/other.shop/config_dump.json",
                &format!("envoy/{PROXY}/server_info.json")
            ]
        );
    }
}

/// Waits until a server was asked for a page.
fn wait_for(server: &Server, page: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !server.requests().iter().any(|path| path == page) {
        assert!(Instant::now() < deadline, "nobody asked for {page}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_proxy_that_did_not_even_say_its_name_is_not_taken_for_removed() {
    let servers = [PRODUCTPAGE, REVIEWS].map(|proxy| Server::start(envoy_routes(BEFORE, proxy)));
    let [one, two] = [&servers[0], &servers[1]].map(Server::url);
    let desk = Desk::new();
    desk.capture(&format!("-o both.xdsnap {one} {two}"));
    drop(servers);
    let only = Server::start(envoy_routes(BEFORE, PRODUCTPAGE));
    let ran = desk.run(&format!(
        "capture -o one.xdsnap --envoy {} --envoy {two}",
        only.url()
    ));
    assert_eq!(ran.status, 3);
    assert!(
        ran.err.ends_with(&format!(
            "missing: envoy server_info ({two}): connection refused\n"
        )),
        "{}",
        ran.err
    );
    for (before, after) in [("both", "one"), ("one", "both")] {
        let ran = desk.run(&format!("diff {before}.xdsnap {after}.xdsnap -o json"));
        assert_eq!(ran.status, 3, "{}", ran.out);
        let report = ran.json();
        assert_eq!(
            (&report["changes"], &report["proxies_only"]),
            (&json!([]), &json!([]))
        );
        let mut entries = report["not_compared"].as_array().unwrap().iter();
        let missing = entries.find(|entry| entry["cause"] == "missing");
        assert_eq!(missing.unwrap()["proxy"], REVIEWS);
    }
}

#[test]
fn without_a_dump_nothing_is_written_and_what_was_there_stays() {
    let envoy = Envoy::start(Setup::default());
    envoy.freeze();
    let no_dump = Server::start(with(
        envoy_routes(BEFORE, PRODUCTPAGE),
        "/config_dump?include_eds",
        Answer::Whole(500, b"out of memory".to_vec()),
    ));
    let closed = Server::start(Routes::new()).url();
    let istiod = Server::start(istiod_routes(BEFORE));
    for (url, reason) in [
        (
            no_dump.url(),
            format!(
                "envoy {PRODUCTPAGE} config_dump ({}): answered 500: out of memory",
                no_dump.url()
            ),
        ),
        (
            closed.clone(),
            format!("envoy server_info ({closed}): connection refused"),
        ),
        (
            envoy.url(),
            format!("envoy server_info ({}): timed out after 2s", envoy.url()),
        ),
        (istiod.url(), String::new()),
    ] {
        let desk = Desk::new();
        let args = format!("capture {IMPATIENT} {url}");
        for (output, left) in [
            ("", vec![]),
            ("-o x.xdsnap", vec![]),
            ("-o old.xdsnap", vec!["old.xdsnap"]),
        ] {
            if !left.is_empty() {
                fs::write(desk.path("old.xdsnap"), "old").unwrap();
            }
            let ran = desk.run(&format!("{args} {output}"));
            assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{}", ran.err);
            let message =
                format!("xdsnap: no config dump came, so no bundle was written: {reason}");
            assert!(
                ran.err
                    .lines()
                    .any(|line| line.starts_with(message.trim_end_matches(": "))),
                "{}",
                ran.err
            );
            assert_eq!(desk.files(), left);
        }
        assert_eq!(fs::read_to_string(desk.path("old.xdsnap")).unwrap(), "old");
    }
}

#[test]
fn json_that_is_no_dump_is_missed_and_not_taken_for_one() {
    for body in ["{}", r#"{"error":"x"}"#, r#"{"configs":[]}"#] {
        let answer = || Answer::Whole(200, body.as_bytes().to_vec());
        let envoy = Server::start(envoy_routes(BEFORE, PRODUCTPAGE));
        let page = istiod_dump(PRODUCTPAGE);
        let istiod = Server::start(with(istiod_routes(BEFORE), &page, answer()));
        let desk = Desk::new();
        let ran = desk.run(&format!(
            "capture -o x.xdsnap --envoy {} --istiod {}",
            envoy.url(),
            istiod.url()
        ));
        assert_eq!(ran.status, 3, "{}", ran.err);
        assert!(
            ran.err.contains("the answer is no config dump"),
            "{}",
            ran.err
        );
        let info = desk.run("info x.xdsnap");
        assert!(info.out.contains("istiod's of 0 of 1"), "{}", info.out);

        let routes = envoy_routes(BEFORE, PRODUCTPAGE);
        let envoy = Server::start(with(routes, "/config_dump?include_eds", answer()));
        let ran = desk.run(&format!("capture -o y.xdsnap --envoy {}", envoy.url()));
        assert_eq!(
            (ran.status, desk.files()),
            (2, vec!["x.xdsnap".to_owned()]),
            "{}",
            ran.err
        );
    }
}

#[test]
fn an_envoy_without_server_info_is_known_by_its_bootstrap() {
    let bootstrap = json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
        "bootstrap": {"node": {"id": format!("sidecar~10.0.0.1~{PRODUCTPAGE}~x")}},
    }]});
    let routes = with(
        envoy_routes(BEFORE, PRODUCTPAGE),
        "/server_info",
        Answer::Whole(404, b"no such page".to_vec()),
    );
    let page = "/config_dump?mask=bootstrap";
    let answer = Answer::Whole(200, bootstrap.to_string().into_bytes());
    let envoy = Server::start(with(routes, page, answer));
    let desk = Desk::new();
    let ran = desk.run(&format!("capture -o x.xdsnap --envoy {}", envoy.url()));
    assert_eq!(ran.status, 3, "{}", ran.err);
    let listing = desk.run("info x.xdsnap --members").out;
    assert!(
        listing.contains(&format!("envoy/{PRODUCTPAGE}/config_dump.json")),
        "{listing}"
    );
}

#[test]
fn the_default_name_is_never_that_of_a_file() {
    let desk = Desk::new();
    let dump = testdata(&format!(
        "{BEFORE}/envoy/{PRODUCTPAGE}/config_dump.json.zst"
    ));
    let mut names = Vec::new();
    // Some of these begin in the same second.
    for _ in 0..4 {
        let ran = run(xdsnap(["capture", "-q"]).arg(&dump).current_dir(&desk.0));
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        let name = ran.out.trim_end().to_owned();
        assert!(
            name.starts_with("xdsnap-2") && name.ends_with(".xdsnap"),
            "{name}"
        );
        names.push(name);
    }
    names.sort();
    assert_eq!(desk.files(), names);
    names.dedup();
    assert_eq!(names.len(), 4);
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let desk = Desk::new();
    let folder = testdata(BEFORE);
    let folder = folder.display();
    desk.capture(&format!("-o a.xdsnap {folder}"));
    desk.capture(&format!("-o b.xdsnap {folder}"));
    // A bundle's members keep where they came from.
    desk.capture("-o c.xdsnap a.xdsnap");
    let bytes = |name| fs::read(desk.path(name)).unwrap();
    assert!(bytes("a.xdsnap") == bytes("b.xdsnap"));
    assert!(bytes("a.xdsnap") == bytes("c.xdsnap"));

    // Two bundles become one, with everything that each of them knew.
    let envoys = [PRODUCTPAGE, REVIEWS]
        .map(|proxy| Server::start(with(envoy_routes(BEFORE, proxy), "/certs", Answer::Close)));
    for (envoy, name) in envoys.iter().zip(["one", "two"]) {
        let ran = desk.run(&format!(
            "capture -o {name}.xdsnap --note {name} {}",
            envoy.url()
        ));
        assert_eq!(ran.status, 3);
    }
    assert_eq!(
        desk.run("capture -o both.xdsnap one.xdsnap two.xdsnap")
            .status,
        3
    );
    let [one, two, both] =
        ["one", "two", "both"].map(|name| desk.run(&format!("info {name}.xdsnap -o json")).json());
    let joined = |key: &str| {
        let mut items = one[key].as_array().unwrap().clone();
        items.extend(two[key].as_array().unwrap().clone());
        Value::from(items)
    };
    for key in ["documents", "proxies", "failures"] {
        assert_eq!(both[key], joined(key), "{key}");
    }
    assert_eq!(both["note"], "one");
    assert_eq!(
        both["captured"],
        json!({"start": one["captured"]["start"], "end": two["captured"]["end"]})
    );
}

#[test]
fn a_dump_is_the_same_however_it_comes() {
    let desk = Desk::new();
    let dump = recording(&format!("{BEFORE}/envoy/{PRODUCTPAGE}/config_dump.json"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&dump).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(dump.as_slice(), 1).unwrap();
    fs::create_dir(desk.path("folder")).unwrap();
    for (name, bytes) in [
        ("plain.json", &dump),
        ("packed.json.gz", &gzip),
        ("packed.json.zst", &zstd),
        // What it is, is not in the name.
        ("packed", &zstd),
        ("packed.json", &gzip),
        ("folder/dump", &gzip),
    ] {
        fs::write(desk.path(name), bytes).unwrap();
    }
    for input in [
        "packed.json.gz",
        "packed.json.zst",
        "packed",
        "packed.json",
        "folder",
    ] {
        desk.capture(&format!("-o x.xdsnap {input}"));
        for other in [input, "x.xdsnap"] {
            let ran = desk.run(&format!("diff plain.json {other}"));
            assert_eq!(ran.status, 0, "{other}: {}{}", ran.out, ran.err);
        }
    }
    for bytes in [&dump, &gzip, &zstd] {
        let ran = run(xdsnap(["capture", "-o", "x.xdsnap", "-"])
            .write_stdin(bytes.clone())
            .current_dir(&desk.0));
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert_eq!(desk.run("diff plain.json x.xdsnap").status, 0);
        let overview = desk.run("info x.xdsnap -o json").json();
        assert_eq!(overview["documents"][0]["origin"], "stdin");
    }
}

#[test]
fn a_secret_that_a_running_envoy_prints_is_in_no_output() {
    const SECRET: &str = "Bearer dGhpcyBpcyBhIHNlY3JldA";
    let envoy = Envoy::start(Setup::default());
    let mut routes = route("backend");
    routes["request_headers_to_add"] =
        json!([{"header": {"key": "authorization", "value": SECRET}}]);
    envoy.write_xds("rds", &json!([routes]));
    // Envoy itself prints it.
    envoy.wait_until(|dump| dump.to_string().contains(SECRET));
    let desk = Desk::new();
    let url = envoy.url();
    let ran = desk.run(&format!("capture -o x.xdsnap {url}"));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains(", 1 value redacted"), "{}", ran.err);
    let bundle = fs::read(desk.path("x.xdsnap")).unwrap();
    let members = zstd::decode_all(bundle.as_slice()).unwrap();
    let mut outputs = vec![String::from_utf8_lossy(&members).into_owned()];
    assert!(outputs[0].contains("request_headers_to_add"));
    for input in [url.as_str(), "x.xdsnap"] {
        outputs.push(desk.run(&format!("normalize {input}")).out);
        outputs.push(desk.run(&format!("info {input} --members")).out);
    }
    envoy.write_xds("rds", &json!([route("backend")]));
    envoy.wait_until(|dump| !dump.to_string().contains(SECRET));
    for form in ["-o text", "-o json", "-o unified", "--oneline"] {
        let ran = desk.run(&format!("diff x.xdsnap {url} {form}"));
        assert_eq!(ran.status, 1);
        assert!(ran.out.contains("authorization"), "{}", ran.out);
        outputs.push(ran.out);
    }
    // What goes has no value in a JSON Patch.
    outputs.push(desk.run(&format!("diff x.xdsnap {url} -o json-patch")).out);
    for output in outputs {
        assert!(!output.contains(&SECRET[7..]), "{output}");
    }
}

#[test]
fn the_front_page_of_thirty_failures_is_a_page() {
    let info = recording(&format!("{BEFORE}/envoy/{PRODUCTPAGE}/server_info.json"));
    let info = String::from_utf8(info).unwrap();
    let dump = recording(&format!("{BEFORE}/envoy/{PRODUCTPAGE}/config_dump.json"));
    let servers: Vec<_> = (0..8u16)
        .map(|i| {
            let info = info.replace(PRODUCTPAGE, &format!("web-{i}.shop"));
            Server::start([
                ("/server_info", vec![Answer::ok(info)]),
                ("/config_dump?include_eds", vec![Answer::ok(dump.clone())]),
                ("/certs", vec![Answer::Whole(500 + i, b"no".to_vec())]),
            ])
        })
        .collect();
    let urls: Vec<_> = servers.iter().map(Server::url).collect();
    let desk = Desk::new();
    let ran = desk.run(&format!(
        "capture -o x.xdsnap --note why {}",
        urls.join(" ")
    ));
    assert_eq!(ran.status, 3, "{}", ran.err);
    let failures = desk.run("info x.xdsnap -o json").json()["failures"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(failures, 8 * 4);
    let info = desk.run("info x.xdsnap");
    assert_eq!(info.status, 0);
    assert!(info.out.lines().count() <= 24, "{}", info.out);
    assert!(info.out.starts_with("note      why\n"), "{}", info.out);
    assert!(
        info.out
            .contains("\nfailed    envoy web-0.shop certs (http://"),
        "{}",
        info.out
    );
    assert!(desk.run("info x.xdsnap --full").out.lines().count() > 24);
}

#[test]
fn a_capture_that_is_killed_keeps_what_it_has_and_what_was_there() {
    let server = Server::start(with(
        envoy_routes(BEFORE, PRODUCTPAGE),
        "/certs",
        Answer::Stall,
    ));
    let desk = Desk::new();
    fs::write(desk.path("x.xdsnap"), "old").unwrap();
    let mut child = bare()
        .args(["capture", "-q", "-o", "x.xdsnap", &server.url()])
        .current_dir(&desk.0)
        .spawn()
        .unwrap();
    wait_for(&server, "/certs");
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(desk.files(), ["x.xdsnap", "x.xdsnap.partial"]);
    assert_eq!(fs::read_to_string(desk.path("x.xdsnap")).unwrap(), "old");
    let partial = desk.path("x.xdsnap.partial");
    assert_eq!(mode(&partial), 0o600);
    let members = zstd::decode_all(File::open(partial).unwrap()).unwrap();
    let members = String::from_utf8_lossy(&members);
    for name in ["server_info", "config_dump", "clusters", "listeners"] {
        assert!(
            members.contains(&format!("envoy/{PRODUCTPAGE}/{name}.json")),
            "{name}"
        );
    }
}

/// Who may read a file.
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}
