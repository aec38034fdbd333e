//! Capturing over HTTP: from a real Envoy, from recordings, and from servers that fail.

use std::{
    fs,
    io::{self, Read},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use xdsnap::{
    capture::{
        envoy,
        http::{Client, Endpoint},
        istiod,
        sink::{Failure, Received, Request, Sink, SinkError},
    },
    model::{Document, ProxyId, Source},
};

use crate::support::{
    envoy::{Envoy, PROXY, Setup, endpoints},
    http::{Answer, Server},
};

/// Long enough for any answer that comes at all.
const PATIENT: Duration = Duration::from_secs(60);

/// For answers that never come.
const IMPATIENT: Duration = Duration::from_millis(300);

/// Keeps everything in memory.
#[derive(Default)]
struct Collected {
    documents: Vec<(Request, Received, Vec<u8>)>,
    failures: Vec<Failure>,
    announced: Vec<Request>,
    /// What to answer to the next documents, instead of keeping them.
    answers: Vec<SinkError>,
}

impl Sink for Collected {
    fn document(
        &mut self,
        request: &Request,
        received: &Received,
        body: &mut dyn Read,
    ) -> Result<(), SinkError> {
        if let Some(error) = self.answers.pop() {
            return Err(error);
        }
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        self.documents.push((request.clone(), *received, bytes));
        Ok(())
    }

    fn failure(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    fn progress(&mut self, request: &Request) {
        self.announced.push(request.clone());
    }
}

impl Collected {
    /// `config_dump`, `config_dump.bootstrap`, …: what arrived.
    fn arrived(&self) -> Vec<String> {
        let documents = self.documents.iter();
        documents
            .map(|(request, ..)| name(request.document, request.part.as_deref()))
            .collect()
    }

    /// What did not, and why.
    fn missed(&self) -> Vec<(String, &str)> {
        let failures = self.failures.iter();
        failures
            .map(|failure| {
                (
                    name(failure.document, failure.part.as_deref()),
                    failure.reason.as_str(),
                )
            })
            .collect()
    }

    fn of(&self, document: Document) -> &Failure {
        let mut failures = self.failures.iter();
        failures
            .find(|failure| failure.document == document)
            .unwrap()
    }

    fn body(&self, wanted: &str) -> &[u8] {
        let position = self.arrived().iter().position(|name| name == wanted);
        &self.documents[position.unwrap_or_else(|| panic!("no {wanted}"))].2
    }

    fn json(&self, wanted: &str) -> Value {
        serde_json::from_slice(self.body(wanted)).unwrap()
    }
}

fn name(document: Document, part: Option<&str>) -> String {
    match part {
        Some(part) => format!("{document}.{part}"),
        None => document.to_string(),
    }
}

fn id(text: &str) -> ProxyId {
    ProxyId::new(text).unwrap()
}

/// What [`envoy::identify`] and [`envoy::capture`] bring.
fn capture_envoy(url: &str, timeout: Duration) -> (Option<ProxyId>, Collected) {
    let client = Client::new(timeout).unwrap();
    let endpoint: Endpoint = url.parse().unwrap();
    let mut sink = Collected::default();
    let proxy = envoy::identify(&client, &endpoint, None, &mut sink).unwrap();
    if let Some(proxy) = &proxy {
        envoy::capture(&client, &endpoint, proxy, &mut sink).unwrap();
    }
    (proxy, sink)
}

/// What [`envoy::capture`] brings of a proxy `web.shop`.
fn capture_pages(url: &str, timeout: Duration) -> Collected {
    let client = Client::new(timeout).unwrap();
    let mut sink = Collected::default();
    envoy::capture(&client, &url.parse().unwrap(), &id("web.shop"), &mut sink).unwrap();
    sink
}

/// What [`istiod::capture`] brings of these proxies.
fn capture_istiod(url: &str, proxies: &[&str]) -> Collected {
    let client = Client::new(PATIENT).unwrap();
    let proxies: Vec<_> = proxies.iter().map(|proxy| id(proxy)).collect();
    let mut sink = Collected::default();
    istiod::capture(
        &client,
        &url.parse().unwrap(),
        Some("a".to_owned()),
        &proxies,
        &mut sink,
    )
    .unwrap();
    sink
}

const ENVOY_PAGES: [&str; 5] = ["config_dump", "clusters", "listeners", "certs", "stats"];

#[test]
fn a_real_envoy_is_captured_over_tcp_and_over_its_unix_socket() {
    for unix_socket in [false, true] {
        let server = Envoy::start(Setup {
            unix_socket,
            ..Setup::default()
        });
        server.write_xds("eds", &json!([endpoints("backend", &[9003])]));
        server.wait_until(|dump| dump.to_string().contains("9003"));
        let (proxy, sink) = capture_envoy(&server.url(), PATIENT);

        assert_eq!(proxy, Some(id(PROXY)));
        assert_eq!(sink.missed(), []);
        assert_eq!(sink.arrived()[0], "server_info");
        assert_eq!(sink.arrived()[1..], ENVOY_PAGES);
        assert_eq!(sink.announced.len(), sink.documents.len());
        for (request, received, body) in &sink.documents {
            assert_eq!(request.proxy, proxy);
            assert_eq!((request.source, &request.istiod), (Source::Envoy, &None));
            assert!(request.url.starts_with(&server.url()), "{}", request.url);
            assert_eq!(received.status, 200);
            let json: Value = serde_json::from_slice(body).unwrap();
            assert!(json.is_object(), "{}", request.url);
        }
        let dump = sink.json("config_dump");
        let types: Vec<_> = dump["configs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|section| section["@type"].as_str().unwrap())
            .collect();
        assert!(
            types.contains(&"type.googleapis.com/envoy.admin.v3.EndpointsConfigDump"),
            "{types:?}"
        );
        assert!(dump.to_string().contains("9003"));
        let stats = sink.json("stats").to_string();
        for name in ["cds.version_text", "lds.update_rejected"] {
            assert!(stats.contains(name), "{stats}");
        }
    }
}

#[test]
fn an_envoy_that_dies_leaves_failures() {
    for unix_socket in [false, true] {
        let mut server = Envoy::start(Setup {
            unix_socket,
            ..Setup::default()
        });
        let client = Client::new(PATIENT).unwrap();
        let endpoint = server.url().parse().unwrap();
        let mut sink = Collected::default();
        let proxy = envoy::identify(&client, &endpoint, None, &mut sink)
            .unwrap()
            .unwrap();
        server.kill();
        envoy::capture(&client, &endpoint, &proxy, &mut sink).unwrap();

        assert_eq!(sink.arrived(), ["server_info"]);
        assert_eq!(
            sink.missed(),
            ENVOY_PAGES.map(|page| (page.to_owned(), "connection refused"))
        );
        for failure in &sink.failures {
            assert_eq!(failure.proxy, Some(id(PROXY)));
            assert!(failure.time.is_some());
            assert_eq!(failure.status, None);
        }
    }
}

#[test]
fn a_frozen_envoy_is_not_waited_for() {
    let server = Envoy::start(Setup::default());
    server.freeze();
    let (proxy, sink) = capture_envoy(&server.url(), IMPATIENT);
    assert_eq!(proxy, None);
    assert_eq!(sink.arrived(), [""; 0]);
    assert_eq!(
        sink.missed(),
        [("server_info".to_owned(), "timed out after 300ms")]
    );
}

#[test]
fn a_dump_that_envoy_cannot_print_is_captured_in_parts() {
    let server = Envoy::start(Setup {
        binary_xds: true,
        ..Setup::default()
    });
    let unknown = "type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig";
    let mut listener = server.listener();
    let filters = &mut listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"];
    filters.as_array_mut().unwrap().insert(
        0,
        json!({"name": "istio.alpn", "typed_config": {"@type": unknown}}),
    );
    server.write_xds("lds", &json!([listener]));
    server.wait_until(Value::is_string);
    let (proxy, sink) = capture_envoy(&server.url(), PATIENT);

    assert_eq!(proxy, Some(id(PROXY)));
    assert_eq!(
        sink.arrived(),
        [
            "server_info",
            "config_dump.bootstrap",
            "config_dump.static_clusters",
            "config_dump.dynamic_active_clusters",
            "config_dump.dynamic_warming_clusters",
            "config_dump.static_listeners",
            "config_dump.dynamic_listeners.masked",
            "config_dump.static_route_configs",
            "config_dump.dynamic_route_configs",
            "config_dump.inline_scoped_route_configs",
            "config_dump.dynamic_scoped_route_configs",
            "config_dump.static_endpoint_configs",
            "config_dump.dynamic_endpoint_configs",
            "config_dump.static_secrets",
            "config_dump.dynamic_active_secrets",
            "config_dump.dynamic_warming_secrets",
            "clusters",
            "listeners",
            "certs",
            "stats",
        ]
    );
    let text = format!(
        "Failed to convert protobuf message to JSON string: INVALID_ARGUMENT: \
         could not find @type '{unknown}'"
    );
    assert_eq!(
        sink.missed(),
        [
            ("config_dump".to_owned(), format!("the answer is no JSON object: {text}").as_str()),
            (
                "config_dump.dynamic_listeners".to_owned(),
                format!("`failed_configuration` of rejected listeners is missing, for Envoy cannot print it: {text}").as_str()
            ),
        ]
    );
    assert!(
        sink.failures
            .iter()
            .all(|failure| failure.status == Some(200))
    );
    let masked = sink.json("config_dump.dynamic_listeners.masked");
    let listener = &masked["configs"][0];
    assert_eq!(listener["name"], "http");
    assert!(listener["active_state"].is_object());
    assert!(
        listener["error_state"]["details"]
            .as_str()
            .unwrap()
            .contains("istio.alpn")
    );
    let endpoints = sink.json("config_dump.dynamic_endpoint_configs");
    assert!(endpoints.to_string().contains("9001"), "{endpoints}");
}

/// The URL that each file of `testdata/text_dump` is the answer to, but `ecds_filters`.
fn text_dump() -> impl Iterator<Item = (String, String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/text_dump");
    let mask = "name,active_state,warming_state,draining_state,\
                error_state.details,error_state.last_update_attempt";
    fs::read_dir(folder).unwrap().filter_map(move |entry| {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        let (name, bytes) = match file.strip_suffix(".json.zst") {
            Some(name) => (
                name,
                zstd::decode_all(fs::File::open(&path).unwrap()).unwrap(),
            ),
            None => (file.strip_suffix(".json")?, fs::read(&path).unwrap()),
        };
        let url = match name {
            "server_info" => "/server_info".to_owned(),
            "config_dump" => "/config_dump?include_eds".to_owned(),
            "config_dump.bootstrap" => "/config_dump?mask=bootstrap".to_owned(),
            "config_dump.dynamic_listeners.masked" => {
                format!("/config_dump?resource=dynamic_listeners&mask={mask}")
            }
            _ => format!(
                "/config_dump?resource={}&include_eds",
                name.strip_prefix("config_dump.").unwrap()
            ),
        };
        Some((name.to_owned(), url, bytes))
    })
}

#[test]
fn a_recorded_dump_that_is_text_is_captured_in_parts_to_the_byte() {
    let server = Server::start(text_dump().map(|(name, url, bytes)| {
        let status = if name == "config_dump.ecds_filters" {
            404
        } else {
            200
        };
        (url, vec![Answer::Whole(status, bytes)])
    }));
    let (proxy, sink) = capture_envoy(&server.url(), PATIENT);

    assert_eq!(proxy, Some(id("productpage-v1-6b746f74dc-9stvs.default")));
    let text = [
        "config_dump",
        "config_dump.dynamic_listeners",
        "config_dump.ecds_filters",
    ];
    for (name, _, bytes) in text_dump().filter(|(name, ..)| !text.contains(&name.as_str())) {
        assert!(sink.body(&name) == bytes, "{name}");
    }
    assert_eq!(sink.documents.len(), text_dump().count() - text.len());
    // The other pages were not recorded here, and a list that has no section is no failure.
    let missed: Vec<_> = sink
        .failures
        .iter()
        .filter(|failure| failure.status == Some(200))
        .collect();
    assert_eq!(missed.len(), 2, "{missed:?}");
    for (failure, part) in missed.iter().zip([None, Some("dynamic_listeners")]) {
        assert_eq!(failure.part.as_deref(), part);
        assert!(
            failure.reason.ends_with("alpn.v2alpha1.FilterConfig'"),
            "{}",
            failure.reason
        );
    }
    assert!(
        sink.failures
            .iter()
            .all(|failure| failure.part.as_deref() != Some("ecds_filters"))
    );
}

#[test]
fn what_breaks_one_page_does_not_break_the_others() {
    for (answer, status, reason) in [
        (
            Answer::Half(b"{\"configs\": []}".to_vec()),
            Some(200),
            "connection closed in the middle of the body, after 7 bytes",
        ),
        (
            Answer::Close,
            None,
            "connection closed before an answer came",
        ),
        (
            Answer::Whole(503, b"no healthy upstream".to_vec()),
            Some(503),
            "answered 503: no healthy upstream",
        ),
        (Answer::Whole(302, Vec::new()), Some(302), "answered 302"),
        (Answer::ok(""), Some(200), "the answer is no JSON object"),
        (
            Answer::ok("[\"hunter2\"]"),
            Some(200),
            "the answer is no JSON object",
        ),
        (
            Answer::ok("<html>"),
            Some(200),
            "the answer is no JSON object: <html>",
        ),
    ] {
        let server = Server::start([
            ("/clusters?format=json", vec![answer]),
            ("/certs", vec![Answer::ok("{}")]),
        ]);
        let sink = capture_pages(&server.url(), PATIENT);
        let failure = sink.of(Document::Clusters);
        assert_eq!((failure.status, failure.reason.as_str()), (status, reason));
        assert_eq!(
            failure.origin,
            format!("{}/clusters?format=json", server.url())
        );
        assert!(failure.time.is_some());
        assert_eq!(sink.arrived(), ["certs"], "{reason}");
    }
}

#[test]
fn a_server_that_stalls_is_given_up() {
    for answer in [
        Answer::Stall,
        Answer::StallHalfway(b"{\"configs\": []}".to_vec()),
    ] {
        let server = Server::start([("/clusters?format=json", vec![answer])]);
        let sink = capture_pages(&server.url(), IMPATIENT);
        assert_eq!(sink.of(Document::Clusters).reason, "timed out after 300ms");
    }
}

#[test]
fn what_passes_is_tried_three_times() {
    let ok = Answer::ok("{}");
    let unavailable = Answer::Whole(503, b"later".to_vec());
    for (answers, tries, arrives) in [
        (vec![ok.clone()], 1, true),
        (
            vec![Answer::Close, unavailable.clone(), ok.clone()],
            3,
            true,
        ),
        (vec![Answer::Whole(429, Vec::new()), ok.clone()], 2, true),
        (
            vec![
                unavailable.clone(),
                unavailable.clone(),
                unavailable,
                ok.clone(),
            ],
            3,
            false,
        ),
        (vec![Answer::Whole(500, Vec::new()), ok.clone()], 1, false),
        (vec![Answer::Half(b"{}".to_vec()), ok.clone()], 1, false),
    ] {
        let server = Server::start([("/certs", answers)]);
        let sink = capture_pages(&server.url(), PATIENT);
        let asked = server
            .requests()
            .iter()
            .filter(|path| *path == "/certs")
            .count();
        assert_eq!((asked, sink.arrived().len()), (tries, usize::from(arrives)));
    }
}

#[test]
fn a_large_body_in_chunks_arrives_whole() {
    let mut chunks = vec![b"  \n ".to_vec(), b"{".to_vec()];
    chunks.extend((0..1000).map(|i| format!("\"{i}\": {i:>10000},").into_bytes()));
    chunks.push(b"\"last\": 0}".to_vec());
    let whole = chunks.concat();
    let server = Server::start([("/config_dump?include_eds", vec![Answer::Chunked(chunks)])]);
    let sink = capture_pages(&server.url(), PATIENT);
    assert!(sink.body("config_dump") == whole);
}

#[test]
fn a_document_that_the_sink_refuses_is_a_failure_and_a_full_sink_ends_the_capture() {
    let pages = ["/config_dump?include_eds", "/certs"];
    let server = Server::start(pages.map(|page| (page, vec![Answer::ok("{}")])));
    let client = Client::new(PATIENT).unwrap();
    let endpoint = server.url().parse().unwrap();

    let mut sink = Collected {
        answers: vec![SinkError::Document("no config dump".to_owned())],
        ..Collected::default()
    };
    envoy::capture(&client, &endpoint, &id("web.shop"), &mut sink).unwrap();
    assert_eq!(
        sink.missed()[0],
        ("config_dump".to_owned(), "no config dump")
    );
    assert_eq!(sink.arrived(), ["certs"]);

    let mut sink = Collected {
        answers: vec![io::Error::from(io::ErrorKind::StorageFull).into()],
        ..Collected::default()
    };
    let error = envoy::capture(&client, &endpoint, &id("web.shop"), &mut sink).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!((sink.announced.len(), sink.failures.len()), (1, 0));
}

/// Takes a cut body for a whole one.
#[derive(Default)]
struct Careless(Vec<Failure>);

impl Sink for Careless {
    fn document(
        &mut self,
        _: &Request,
        _: &Received,
        body: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let _ = io::copy(body, &mut io::sink());
        Ok(())
    }

    fn failure(&mut self, failure: Failure) {
        self.0.push(failure);
    }

    fn progress(&mut self, _: &Request) {}
}

#[test]
fn a_body_that_was_cut_is_a_failure_whatever_the_sink_says() {
    let server = Server::start([("/certs", vec![Answer::Half(b"{}".to_vec())])]);
    let client = Client::new(PATIENT).unwrap();
    let mut sink = Careless::default();
    envoy::capture(
        &client,
        &server.url().parse().unwrap(),
        &id("web.shop"),
        &mut sink,
    )
    .unwrap();
    let failure = sink
        .0
        .iter()
        .find(|failure| failure.document == Document::Certs)
        .unwrap();
    assert_eq!(
        failure.reason,
        "connection closed in the middle of the body, after 1 bytes"
    );
}

#[test]
fn an_envoy_is_called_by_its_label_its_id_or_its_endpoint() {
    let info = r#"{"node": {"id": "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local"}}"#;
    let nobody = Server::start([("/", vec![])]);
    let endpoint_label = nobody.url().replace("http://", "").replace(':', "_");
    let no_node = Server::start([("/server_info", vec![Answer::ok("{}")])]);
    let no_node_label = no_node.url().replace("http://", "").replace(':', "_");
    let named = Server::start([("/server_info", vec![Answer::ok(info)])]);
    let closed = {
        let server = Server::start([("/", vec![])]);
        server.url()
    };
    let client = Client::new(PATIENT).unwrap();
    for (url, label, expected, arrived) in [
        (named.url(), None, Some("web.shop"), 1),
        (named.url(), Some("mine"), Some("mine"), 1),
        (no_node.url(), None, Some(no_node_label.as_str()), 1),
        (nobody.url(), None, Some(endpoint_label.as_str()), 0),
        (nobody.url(), Some("mine"), Some("mine"), 0),
        (closed.clone(), None, None, 0),
        (closed, Some("mine"), None, 0),
    ] {
        let mut sink = Collected::default();
        let found =
            envoy::identify(&client, &url.parse().unwrap(), label.map(id), &mut sink).unwrap();
        assert_eq!(found, expected.map(id), "{url} {label:?}");
        assert_eq!(
            (sink.documents.len(), sink.failures.len()),
            (arrived, 1 - arrived)
        );
        let about = match sink.documents.first() {
            Some((request, ..)) => &request.proxy,
            None => &sink.failures[0].proxy,
        };
        assert_eq!(*about, expected.or(label).map(id), "{url} {label:?}");
    }
}

/// An istiod that has these proxies, and answers what it is told for one of them.
fn istiod_with(proxies: &[&str], dump_of: &str, answer: Answer) -> Server {
    let syncz: Vec<_> = proxies
        .iter()
        .map(|proxy| json!({"proxy": proxy, "cluster_id": "Kubernetes", "resources": {}}))
        .collect();
    Server::start([
        ("/version".to_owned(), vec![Answer::ok("1.30.3-Clean")]),
        (
            "/debug/syncz".to_owned(),
            vec![Answer::ok(json!(syncz).to_string())],
        ),
        (
            format!("/debug/config_dump?proxyID={dump_of}&include_eds=true"),
            vec![answer],
        ),
    ])
}

#[test]
fn istiod_is_asked_for_what_its_sync_status_lists() {
    let server = istiod_with(
        &["web.shop", "api.shop"],
        "web.shop",
        Answer::ok(r#"{"configs": []}"#),
    );
    let sink = capture_istiod(&server.url(), &["web.shop", "gone.shop"]);

    assert_eq!(sink.arrived(), ["version", "syncz", "config_dump"]);
    for (request, ..) in &sink.documents {
        assert_eq!(
            (request.source, request.istiod.as_deref()),
            (Source::Istiod, Some("a"))
        );
        let about = (request.document == Document::ConfigDump).then(|| id("web.shop"));
        assert_eq!(request.proxy, about);
    }
    assert_eq!(sink.body("config_dump"), br#"{"configs": []}"#);
    assert_eq!(
        sink.missed(),
        [(
            "config_dump".to_owned(),
            "not connected to this istiod; another replica may have it (/debug/syncz does not list it)"
        )]
    );
    assert_eq!(
        (sink.failures[0].proxy.clone(), sink.failures[0].time),
        (Some(id("gone.shop")), None)
    );
    assert_eq!(
        server.requests().len(),
        3,
        "what is not listed is not asked for"
    );
}

#[test]
fn istiod_is_not_asked_for_an_id_that_is_part_of_another() {
    let server = istiod_with(&["api.shop", "my-api.shop"], "api.shop", Answer::ok("{}"));
    let sink = capture_istiod(&server.url(), &["api.shop"]);
    assert_eq!(
        sink.missed(),
        [(
            "config_dump".to_owned(),
            "ambiguous: istiod matches a part of the ID, so its answer could be about `my-api.shop`"
        )]
    );
    assert_eq!(server.requests(), ["/version", "/debug/syncz"]);
}

#[test]
fn an_id_of_any_characters_reaches_istiod_whole() {
    let server = istiod_with(&["a&b=c d%.shop"], "a%26b%3Dc+d%25.shop", Answer::ok("{}"));
    let sink = capture_istiod(&server.url(), &["a&b=c d%.shop"]);
    assert_eq!(sink.missed(), []);
}

#[test]
fn what_istiod_refuses_is_explained() {
    for (answer, status, reason) in [
        (
            Answer::Whole(
                404,
                b"Proxy not connected to this Pilot instance.\n".to_vec(),
            ),
            Some(404),
            "not connected to this istiod; another replica may have it",
        ),
        (
            Answer::Whole(401, Vec::new()),
            Some(401),
            "answered 401: istiod serves this without credentials only to its own localhost; \
             go through `kubectl port-forward` to its pod",
        ),
        (
            Answer::Whole(
                400,
                b"You must provide a proxyID in the query string".to_vec(),
            ),
            Some(400),
            "answered 400: You must provide a proxyID in the query string",
        ),
        (
            Answer::Whole(500, b"could not marshal\nsecond line".to_vec()),
            Some(500),
            "answered 500: could not marshal",
        ),
        (
            Answer::Half(b"{\"configs\":1}".to_vec()),
            Some(200),
            "connection closed in the middle of the body, after 6 bytes",
        ),
    ] {
        let server = istiod_with(&["web.shop"], "web.shop", answer);
        let sink = capture_istiod(&server.url(), &["web.shop"]);
        assert_eq!(sink.missed(), [("config_dump".to_owned(), reason)]);
        assert_eq!(sink.failures[0].status, status);
    }
}

#[test]
fn without_a_sync_status_istiod_is_not_asked_for_proxies() {
    for (syncz, arrived, reason) in [
        (
            Answer::Whole(404, b"404 page not found".to_vec()),
            vec!["version"],
            Some("answered 404: 404 page not found"),
        ),
        (
            Answer::Half(b"[{}, {}]".to_vec()),
            vec!["version"],
            Some("connection closed in the middle of the body, after 4 bytes"),
        ),
        (
            Answer::ok("{}"),
            vec!["version"],
            Some("the answer is no JSON array"),
        ),
        // Kept, but of no use here.
        (Answer::ok("[{}]"), vec!["version", "syncz"], None),
    ] {
        let server = Server::start([
            ("/version", vec![Answer::ok("1.30.3")]),
            ("/debug/syncz", vec![syncz]),
            (
                "/debug/config_dump?proxyID=web.shop&include_eds=true",
                vec![Answer::ok("{}")],
            ),
        ]);
        let sink = capture_istiod(&server.url(), &["web.shop"]);
        assert_eq!(sink.arrived(), arrived);
        let not_asked = "not asked: without a readable /debug/syncz nothing tells whether \
                         istiod's answer is about this proxy";
        let expected = reason
            .map(|reason| ("syncz".to_owned(), reason))
            .into_iter();
        let expected: Vec<_> = expected
            .chain([("config_dump".to_owned(), not_asked)])
            .collect();
        assert_eq!(sink.missed(), expected);
        assert_eq!(server.requests(), ["/version", "/debug/syncz"]);
    }
}

#[test]
fn an_istiod_without_a_version_page_is_captured_all_the_same() {
    let syncz = json!([{"proxy": "web.shop"}]).to_string();
    let server = Server::start([
        ("/debug/syncz", vec![Answer::ok(syncz)]),
        (
            "/debug/config_dump?proxyID=web.shop&include_eds=true",
            vec![Answer::ok("{}")],
        ),
    ]);
    let sink = capture_istiod(&server.url(), &["web.shop"]);
    assert_eq!(sink.arrived(), ["syncz", "config_dump"]);
    assert_eq!(
        sink.missed(),
        [(
            "version".to_owned(),
            "answered 404: istiod tells its version on its monitoring port (15014) only"
        )]
    );
}
