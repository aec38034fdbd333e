//! What is asked of Envoy's admin interface.

use std::io;

use serde::Deserialize;

use super::{
    fetch::{Asker, Cause, Refusal, Shape},
    http::{Client, Endpoint},
    sink::Sink,
};
use crate::{
    dump::recognize,
    model::{Document, ProxyId, Source},
};

/// The pages of one proxy, in the order in which they are asked for.
const PAGES: [(Document, &str); 5] = [
    (Document::ConfigDump, "/config_dump?include_eds"),
    (Document::Clusters, "/clusters?format=json"),
    (Document::Listeners, "/listeners?format=json"),
    (Document::Certs, "/certs"),
    (Document::Stats, STATS),
];

/// The statistics that tell whether updates were accepted, and whether the control plane is there.
const STATS: &str = "/stats?filter=(update_attempt|update_success|update_failure|update_rejected|\
    init_fetch_timeout|version|control_plane)&format=json";

/// `/server_info` holds the node with all its extensions, about 100 KB; in bytes.
const MAX_SERVER_INFO: u64 = 16 << 20;

/// The lists of a config dump, by which it can be asked for piecemeal. The bootstrap is no list.
const LISTS: [&str; 15] = [
    "static_clusters",
    "dynamic_active_clusters",
    "dynamic_warming_clusters",
    "static_listeners",
    DYNAMIC_LISTENERS,
    "static_route_configs",
    "dynamic_route_configs",
    "inline_scoped_route_configs",
    "dynamic_scoped_route_configs",
    "static_endpoint_configs",
    "dynamic_endpoint_configs",
    "static_secrets",
    "dynamic_active_secrets",
    "dynamic_warming_secrets",
    "ecds_filters",
];

/// The list that holds rejected configurations, which need not be of types that Envoy can print.
const DYNAMIC_LISTENERS: &str = "dynamic_listeners";

/// All fields of that list but `error_state.failed_configuration`.
const WITHOUT_REJECTED: &str = "name,active_state,warming_state,draining_state,\
    error_state.details,error_state.last_update_attempt";

/// Asks an Envoy who it is, and captures that answer: `label`, else the ID in its node ID, else the
/// endpoint (`127.0.0.1_15000`).
///
/// `None` where nothing answers; there is then no point in [`capture`]. The failure is recorded.
///
/// # Errors
///
/// The sink can take nothing more.
pub fn identify(
    client: &Client,
    endpoint: &Endpoint,
    label: Option<ProxyId>,
    sink: &mut dyn Sink,
) -> io::Result<Option<ProxyId>> {
    let mut asker = asker(client, endpoint, sink);
    let page = "/server_info";
    let mut request = asker.request(label.as_ref(), Document::ServerInfo, None, page);
    let answer = asker.ask(&request, page, Shape::Object).and_then(|answer| {
        let received = answer.received;
        Ok((received, answer.read(MAX_SERVER_INFO)?))
    });
    match answer {
        Ok((received, body)) => {
            let id = label
                .or_else(|| node_id(&body))
                .or_else(|| endpoint_label(endpoint));
            request.proxy.clone_from(&id);
            asker.hand_over_body(&request, received, body.as_slice())?;
            Ok(id)
        }
        Err(refusal) => {
            // Whoever answers at all may still serve the other pages.
            let id = match (label, refusal.status) {
                (_, None) => None,
                (Some(label), _) => Some(label),
                (None, _) => bootstrap_id(&mut asker).or_else(|| endpoint_label(endpoint)),
            };
            request.proxy = id.clone().or(request.proxy);
            asker.refused(&request, &refusal, refusal.reason());
            Ok(id)
        }
    }
}

/// Captures everything else that an Envoy tells of itself. What does not come is recorded as a
/// failure.
///
/// Where a config dump cannot be printed as JSON (a rejected listener of a type that this Envoy
/// lacks), it is captured list by list, and what is still missing is recorded.
///
/// # Errors
///
/// The sink can take nothing more.
pub fn capture(
    client: &Client,
    endpoint: &Endpoint,
    proxy: &ProxyId,
    sink: &mut dyn Sink,
) -> io::Result<()> {
    let mut asker = asker(client, endpoint, sink);
    for (document, page) in PAGES {
        let request = asker.request(Some(proxy), document, None, page);
        match asker.ask(&request, page, Shape::Object) {
            Ok(answer) => asker.hand_over(&request, answer)?,
            Err(refusal) => {
                asker.refused(&request, &refusal, refusal.reason());
                if document == Document::ConfigDump && is_unprintable(&refusal) {
                    capture_piecemeal(&mut asker, proxy)?;
                }
            }
        }
    }
    Ok(())
}

fn asker<'a>(client: &'a Client, endpoint: &'a Endpoint, sink: &'a mut dyn Sink) -> Asker<'a> {
    Asker {
        client,
        endpoint,
        source: Source::Envoy,
        istiod: None,
        sink,
    }
}

/// Whether Envoy answered, but could not print what was asked for: status 200, and the error as the
/// body.
fn is_unprintable(refusal: &Refusal) -> bool {
    refusal.cause == Cause::Shape(Shape::Object)
}

/// The config dump by its parts, each a document of its own.
fn capture_piecemeal(asker: &mut Asker<'_>, proxy: &ProxyId) -> io::Result<()> {
    let page = "/config_dump?mask=bootstrap";
    let request = asker.request(Some(proxy), Document::ConfigDump, Some("bootstrap"), page);
    asker.fetch(&request, page, Shape::Object)?;

    for list in LISTS {
        let page = format!("/config_dump?resource={list}&include_eds");
        let request = asker.request(Some(proxy), Document::ConfigDump, Some(list), &page);
        match asker.ask(&request, &page, Shape::Object) {
            Ok(answer) => asker.hand_over(&request, answer)?,
            Err(refusal) if is_no_such_list(&refusal) => {}
            Err(refusal) if list == DYNAMIC_LISTENERS && is_unprintable(&refusal) => {
                let page = format!("/config_dump?resource={list}&mask={WITHOUT_REJECTED}");
                let part = format!("{list}.masked");
                let masked = asker.request(Some(proxy), Document::ConfigDump, Some(&part), &page);
                asker.fetch(&masked, &page, Shape::Object)?;
                let reason = format!(
                    "`failed_configuration` of rejected listeners is missing, for Envoy cannot print \
                     it: {}",
                    refusal.text
                );
                asker.refused(&request, &refusal, reason);
            }
            Err(refusal) => asker.refused(&request, &refusal, refusal.reason()),
        }
    }
    Ok(())
}

/// Whether the dump has no section of that list: Envoy leaves out `ecds_filters` where it has no
/// such filter.
fn is_no_such_list(refusal: &Refusal) -> bool {
    refusal.status == Some(404) && refusal.text.ends_with("not found in config dump")
}

/// The ID in `/server_info`.
fn node_id(server_info: &[u8]) -> Option<ProxyId> {
    #[derive(Deserialize)]
    struct ServerInfo {
        node: Node,
    }
    #[derive(Deserialize)]
    struct Node {
        id: String,
    }
    let info: ServerInfo = serde_json::from_slice(server_info).ok()?;
    ProxyId::from_node_id(&info.node.id).ok()
}

/// The ID in the bootstrap, which is asked for alone: a whole dump is worth asking for once only.
fn bootstrap_id(asker: &mut Asker<'_>) -> Option<ProxyId> {
    let page = "/config_dump?mask=bootstrap";
    let request = asker.request(None, Document::ConfigDump, Some("bootstrap"), page);
    let answer = asker.ask(&request, page, Shape::Object).ok()?;
    let body = answer.read(MAX_SERVER_INFO).ok()?;
    recognize(body.as_slice()).ok()??.proxy
}

/// A name for an Envoy without one.
fn endpoint_label(endpoint: &Endpoint) -> Option<ProxyId> {
    let text = match endpoint {
        Endpoint::Tcp { host, port, .. } => format!("{host}_{port}"),
        Endpoint::Unix(path) => path.file_name()?.to_string_lossy().into_owned(),
    };
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    ProxyId::new(text.replace(|c| !safe(c), "_")).ok()
}

#[test]
fn an_envoy_without_a_node_id_is_named_after_its_endpoint() {
    for (endpoint, expected) in [
        ("http://127.0.0.1:15000", Some("127.0.0.1_15000")),
        ("http://[::1]:15000", Some("__1_15000")),
        (
            "http://localhost:8001/pods/web/proxy",
            Some("localhost_8001"),
        ),
        ("unix:/run/envoy/admin.sock", Some("admin.sock")),
        ("unix:/", None),
    ] {
        let label = endpoint_label(&endpoint.parse().unwrap());
        assert_eq!(label.as_ref().map(ProxyId::as_str), expected);
    }
    for (server_info, expected) in [
        (
            r#"{"node": {"id": "sidecar~10.0.0.1~web.shop~x"}}"#,
            Some("web.shop"),
        ),
        (r#"{"node": {"id": ""}}"#, None),
        (r#"{"node": {"id": "../x"}}"#, None),
        (r#"{"state": "LIVE"}"#, None),
        ("{", None),
    ] {
        let id = node_id(server_info.as_bytes());
        assert_eq!(id.as_ref().map(ProxyId::as_str), expected);
    }
}
