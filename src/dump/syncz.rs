//! istiod's `/debug/syncz`: what it sent each proxy, and what the proxy answered.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::envelope::BARE;
use crate::model::XdsType;

/// The sync state of one proxy.
#[derive(Clone, Debug, Deserialize)]
pub struct SyncState {
    /// The proxy's ID.
    pub proxy: String,
    /// The version of its Istio.
    #[serde(default)]
    pub istio_version: Option<String>,
    /// By type URL.
    #[serde(default)]
    resources: BTreeMap<String, ResourceState>,
}

/// The sync state of one xDS type, as it is written.
#[derive(Clone, Debug, Deserialize)]
struct ResourceState {
    #[serde(default)]
    sent: Option<String>,
    #[serde(default)]
    acked: Option<String>,
    #[serde(default, rename = "sentTime")]
    sent_time: Option<String>,
    #[serde(default, rename = "lastError")]
    last_error: Option<String>,
}

/// How far a proxy is with what it was sent of one xDS type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeState {
    /// The type.
    pub xds_type: XdsType,
    /// Whether the proxy accepted the last update.
    pub is_acked: bool,
    /// When the last update was sent, as istiod printed it.
    pub sent_time: Option<String>,
    /// Why the proxy rejected the last update, if it did.
    pub last_error: Option<String>,
}

impl SyncState {
    /// Reads the sync states of all proxies.
    ///
    /// # Errors
    ///
    /// Where `bytes` are not the JSON of `/debug/syncz`.
    pub fn parse(bytes: &[u8]) -> Result<Vec<Self>, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Why the proxy rejected the last update of a type, for the types of which it did.
    pub fn last_errors(&self) -> Vec<(XdsType, String)> {
        let types = self.types().into_iter();
        let of = |state: TypeState| Some((state.xds_type, state.last_error?));
        types.filter_map(of).collect()
    }

    /// The types of which istiod has sent the proxy anything.
    pub fn types(&self) -> Vec<TypeState> {
        let of = |(url, state): (&String, &ResourceState)| {
            let name = url.rsplit_once('/').map_or(url.as_str(), |(_, name)| name);
            let known = BARE.iter().find(|(message, ..)| *message == name);
            let sent = state.sent.as_deref().filter(|sent| !sent.is_empty());
            let last_error = state.last_error.clone().filter(|text| !text.is_empty());
            if sent.is_none() && last_error.is_none() {
                return None;
            }
            Some(TypeState {
                xds_type: known.map_or_else(|| XdsType::unknown(name), |(_, t, _)| t.clone()),
                is_acked: sent.is_some() && sent == state.acked.as_deref(),
                sent_time: state.sent_time.clone(),
                last_error,
            })
        };
        self.resources.iter().filter_map(of).collect()
    }
}

#[test]
fn a_rejection_is_read_with_its_type() {
    let text = r#"[{"proxy":"web-1.shop","istio_version":"1.30.3","resources":{
        "type.googleapis.com/envoy.config.cluster.v3.Cluster":{"sent":"a","lastError":"bad"},
        "type.googleapis.com/envoy.config.listener.v3.Listener":{"sent":"a","acked":"a"}}}]"#;
    let states = SyncState::parse(text.as_bytes()).unwrap();
    assert_eq!(
        states[0].last_errors(),
        [(XdsType::Cluster, "bad".to_owned())]
    );
}

#[test]
fn a_type_is_acknowledged_where_what_was_sent_last_was() {
    for (state, expected) in [
        (r#"{"sent":"b","acked":"b","sentTime":"t"}"#, Some(true)),
        (r#"{"sent":"b","acked":"a"}"#, Some(false)),
        (r#"{"sent":"b"}"#, Some(false)),
        (r#"{"acked":"a"}"#, None),
        (r#"{"sent":"","acked":""}"#, None),
    ] {
        let text = format!(
            r#"[{{"proxy":"web-1.shop","resources":{{"type.googleapis.com/envoy.config.listener.v3.Listener":{state}}}}}]"#
        );
        let types = SyncState::parse(text.as_bytes()).unwrap()[0].types();
        let found = types.first().map(|state| state.is_acked);
        assert_eq!(found, expected, "{state}");
    }
}
