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

/// The sync state of one xDS type.
#[derive(Clone, Debug, Deserialize)]
struct ResourceState {
    #[serde(default, rename = "lastError")]
    last_error: Option<String>,
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
        let of = |(url, state): (&String, &ResourceState)| {
            let error = state.last_error.clone().filter(|text| !text.is_empty())?;
            let name = url.rsplit_once('/').map_or(url.as_str(), |(_, name)| name);
            let known = BARE.iter().find(|(message, ..)| *message == name);
            let xds_type = known.map_or_else(|| XdsType::unknown(name), |(_, t, _)| t.clone());
            Some((xds_type, error))
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
