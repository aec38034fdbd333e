//! What is asked of istiod's debug interface.

use std::{collections::BTreeSet, io};

use serde::Deserialize;
use url::form_urlencoded;

use super::{
    fetch::{Asker, Cause, Refusal, Shape},
    http::{Client, Endpoint},
    sink::{Failure, Sink},
};
use crate::model::{Document, ProxyId, Source};

/// The largest sync status that is read, in bytes: a proxy takes a few KB.
const MAX_SYNCZ: u64 = 256 << 20;

/// Captures an istiod's version, its sync status, and what it would send each of `proxies`. What
/// does not come is recorded as a failure.
///
/// istiod takes the ID it is asked for as a part of a connection's name, and answers for any proxy
/// that fits. So its answer is asked for only where the sync status lists that ID and no other
/// proxy that could be meant.
///
/// # Errors
///
/// The sink can take nothing more.
pub fn capture(
    client: &Client,
    endpoint: &Endpoint,
    name: Option<String>,
    proxies: &[ProxyId],
    sink: &mut dyn Sink,
) -> io::Result<()> {
    let mut asker = Asker {
        client,
        endpoint,
        source: Source::Istiod,
        istiod: name.as_deref(),
        sink,
    };
    capture_version(&mut asker)?;
    let connected = capture_syncz(&mut asker)?;
    for proxy in proxies {
        let id: String = form_urlencoded::byte_serialize(proxy.as_str().as_bytes()).collect();
        let page = format!("/debug/config_dump?proxyID={id}&include_eds=true");
        let request = asker.request(Some(proxy), Document::ConfigDump, None, &page);
        let doubt = match &connected {
            Some(connected) => connected.doubt(proxy.as_str()),
            None => Some(
                "not asked: without a readable /debug/syncz nothing tells whether istiod's answer \
                 is about this proxy"
                    .to_owned(),
            ),
        };
        if let Some(reason) = doubt {
            asker.sink.failure(Failure::not_asked(&request, reason));
            continue;
        }
        match asker.ask(&request, &page, Shape::Object) {
            Ok(answer) => asker.hand_over(&request, answer)?,
            Err(refusal) if refusal.status == Some(404) => {
                asker.refused(&request, &refusal, NOT_CONNECTED.to_owned());
            }
            Err(refusal) => asker.refused(&request, &refusal, explain(&refusal)),
        }
    }
    Ok(())
}

const NOT_CONNECTED: &str = "not connected to this istiod; another replica may have it";

fn capture_version(asker: &mut Asker<'_>) -> io::Result<()> {
    let page = "/version";
    let request = asker.request(None, Document::Version, None, page);
    match asker.ask(&request, page, Shape::Text) {
        Ok(answer) => asker.hand_over(&request, answer),
        Err(refusal) => {
            let reason = match refusal.status {
                Some(404) => {
                    "answered 404: istiod tells its version on its monitoring port (15014) only"
                        .to_owned()
                }
                _ => explain(&refusal),
            };
            asker.refused(&request, &refusal, reason);
            Ok(())
        }
    }
}

/// Hands the sync status over, and returns whom it lists.
fn capture_syncz(asker: &mut Asker<'_>) -> io::Result<Option<Connected>> {
    let page = "/debug/syncz";
    let request = asker.request(None, Document::Syncz, None, page);
    let answer = asker.ask(&request, page, Shape::Array).and_then(|answer| {
        let received = answer.received;
        Ok((received, answer.read(MAX_SYNCZ)?))
    });
    match answer {
        Ok((received, body)) => {
            asker.hand_over_body(&request, received, body.as_slice())?;
            Ok(Connected::read(&body))
        }
        Err(refusal) => {
            asker.refused(&request, &refusal, explain(&refusal));
            Ok(None)
        }
    }
}

/// What a refusal by istiod means.
fn explain(refusal: &Refusal) -> String {
    match (refusal.cause, refusal.status) {
        (Cause::Status, Some(status @ (401 | 403))) => format!(
            "answered {status}: istiod serves this without credentials only to its own localhost; \
             go through `kubectl port-forward` to its pod"
        ),
        _ => refusal.reason(),
    }
}

/// The proxies that a sync status lists, each with its cluster's name.
struct Connected(BTreeSet<(String, String)>);

impl Connected {
    fn read(syncz: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Status {
            proxy: String,
            #[serde(default)]
            cluster_id: String,
        }
        let statuses: Vec<Status> = serde_json::from_slice(syncz).ok()?;
        let pairs = statuses
            .into_iter()
            .map(|status| (status.proxy, status.cluster_id));
        Some(Self(pairs.collect()))
    }

    /// Why istiod's answer for `id` could be about another proxy, or would be about none.
    fn doubt(&self, id: &str) -> Option<String> {
        let mut exact = self.0.iter().filter(|(proxy, _)| proxy == id);
        if exact.next().is_none() {
            return Some(format!("{NOT_CONNECTED} (/debug/syncz does not list it)"));
        }
        if exact.next().is_some() {
            return Some(
                "ambiguous: proxies of this ID in several clusters are connected to this istiod"
                    .to_owned(),
            );
        }
        let (other, _) = self
            .0
            .iter()
            .find(|(proxy, _)| proxy != id && may_answer_for(proxy, id))?;
        Some(format!(
            "ambiguous: istiod matches a part of the ID, so its answer could be about `{other}`"
        ))
    }
}

/// Whether the name of a connection of `proxy`, `<ID>-<number>`, can hold `id`.
fn may_answer_for(proxy: &str, id: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit();
    proxy.contains(id)
        || id
            .trim_end_matches(digits)
            .strip_suffix('-')
            .is_some_and(|stem| proxy.ends_with(stem))
}

#[test]
fn an_answer_is_trusted_only_where_no_other_proxy_can_be_meant() {
    let syncz = r#"[
        {"proxy": "web.shop", "cluster_id": "a", "resources": {}},
        {"proxy": "web.shop-1", "cluster_id": "a"},
        {"proxy": "api.shop", "cluster_id": "a"},
        {"proxy": "my-api.shop", "cluster_id": "a"},
        {"proxy": "db-0.shop", "cluster_id": "a"},
        {"proxy": "db-0.shop", "cluster_id": "b"},
        {"proxy": "job.shop", "cluster_id": "a"},
        {"proxy": "job.shop", "cluster_id": "a"},
        {"proxy": "old.shop"}
    ]"#;
    let connected = Connected::read(syncz.as_bytes()).unwrap();
    for (id, expected) in [
        ("web.shop", Some("could be about `web.shop-1`")),
        // Connection 12 of `web.shop` is called `web.shop-12`.
        ("web.shop-1", Some("could be about `web.shop`")),
        ("api.shop", Some("could be about `my-api.shop`")),
        ("my-api.shop", None),
        (
            "db-0.shop",
            Some("ambiguous: proxies of this ID in several clusters"),
        ),
        ("job.shop", None),
        ("old.shop", None),
        ("shop", Some("does not list it")),
        ("absent.shop", Some("does not list it")),
    ] {
        let doubt = connected.doubt(id);
        match (&doubt, expected) {
            (None, None) => {}
            (Some(reason), Some(expected)) if reason.contains(expected) => {}
            _ => panic!("{id}: {doubt:?}"),
        }
    }
    assert!(Connected::read(b"[{}]").is_none());
    assert!(Connected::read(b"[").is_none());
}
