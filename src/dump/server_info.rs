//! Envoy's `/server_info`: for how long its process has been running.

use jiff::SignedDuration;
use serde::Deserialize;

#[derive(Deserialize)]
struct ServerInfo {
    #[serde(alias = "uptimeCurrentEpoch")]
    uptime_current_epoch: String,
}

/// For how long the process had been running when it printed these bytes, in whole seconds; `None` where they do not
/// tell.
///
/// A hot restart begins a new epoch, and loads everything anew.
pub fn uptime(bytes: &[u8]) -> Option<SignedDuration> {
    let info: ServerInfo = serde_json::from_slice(bytes).ok()?;
    let seconds = info.uptime_current_epoch.strip_suffix('s')?;
    let whole = seconds.split('.').next()?;
    Some(SignedDuration::from_secs(whole.parse().ok()?))
}

#[test]
fn the_uptime_is_read_in_whole_seconds() {
    for (text, expected) in [
        (
            r#"{"uptime_current_epoch":"8s","uptime_all_epochs":"90s"}"#,
            Some(8),
        ),
        (r#"{"uptimeCurrentEpoch":"1.500s"}"#, Some(1)),
        (r#"{"uptime_current_epoch":"soon"}"#, None),
        (r#"{"uptime_all_epochs":"90s"}"#, None),
        ("not JSON", None),
    ] {
        let found = uptime(text.as_bytes()).map(|uptime| uptime.as_secs());
        assert_eq!(found, expected, "{text}");
    }
}
