//! A bug report of istioctl, made of a recording: its pages are text, as Envoy prints them where nobody asks for JSON.

use std::{fmt::Write as _, fs, io::Write, path::Path};

use serde_json::Value;

use super::program::recording;

pub(crate) const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";
pub(crate) const REVIEWS: &str = "reviews-v1-545db77b95-2k8ls.default";

/// The recording that bug reports are made of: an Envoy of two has rejected a listener.
pub(crate) const NACK: &str = "corpus/f_nack/2_lds_nack";

/// What nobody may find again that stands in its log.
pub(crate) const LOGGED: &str = "hunter2-in-a-log";

/// `/clusters` as text, of `/clusters?format=json`. JSON does not tell of canaries, and here nothing is measured.
pub(crate) fn clusters_text(page: &Value) -> String {
    let mut text = String::new();
    for cluster in list(&page["cluster_statuses"]) {
        let name = cluster["name"].as_str().unwrap();
        let mut line =
            |rest: &str, value: String| writeln!(text, "{name}::{rest}::{value}").unwrap();
        line("observability_name", string(&cluster["observability_name"]));
        for priority in ["default_priority", "high_priority"] {
            line(&format!("{priority}::max_retries"), "3".to_owned());
        }
        line(
            "added_via_api",
            (cluster["added_via_api"] == true).to_string(),
        );
        for host in list(&cluster["host_statuses"]) {
            let address = address(&host["address"]);
            let mut line = |key: &str, value: String| line(&format!("{address}::{key}"), value);
            let mut stats: Vec<_> = list(&host["stats"])
                .map(|stat| (string(&stat["name"]), number(&stat["value"])))
                .collect();
            stats.sort();
            for (name, value) in stats {
                line(&name, value);
            }
            let health = &host["health_status"];
            let mut flags = String::new();
            for (sign, flag) in [
                (
                    health["failed_active_health_check"] == true,
                    "/failed_active_hc",
                ),
                (
                    health["failed_outlier_check"] == true,
                    "/failed_outlier_check",
                ),
                (
                    health["eds_health_status"] == "UNHEALTHY",
                    "/failed_eds_health",
                ),
                (
                    health["eds_health_status"] == "DEGRADED",
                    "/degraded_eds_health",
                ),
                (
                    health["eds_health_status"] == "DRAINING",
                    "/eds_status_draining",
                ),
            ] {
                flags.push_str(if sign { flag } else { "" });
            }
            if flags.is_empty() {
                flags.push_str("healthy");
            }
            line("hostname", string(&host["hostname"]));
            line("health_flags", flags);
            line("weight", number(&host["weight"]));
            for part in ["region", "zone", "sub_zone"] {
                line(part, string(&host["locality"][part]));
            }
            line("priority", number(&host["priority"]));
            line("success_rate", "-1".to_owned());
        }
    }
    text
}

/// `/listeners` as text, of `/listeners?format=json`.
pub(crate) fn listeners_text(page: &Value) -> String {
    let mut text = String::new();
    for listener in list(&page["listener_statuses"]) {
        let name = listener["name"].as_str().unwrap();
        let more = list(&listener["additional_local_addresses"]);
        for found in std::iter::once(&listener["local_address"]).chain(more) {
            writeln!(text, "{name}::{}", address(found)).unwrap();
        }
    }
    text
}

/// `/stats/prometheus`, of `/stats?format=json`: names as they are without tags, and numbers alone.
pub(crate) fn prometheus_text(page: &Value) -> String {
    let mut text = String::new();
    for stat in list(&page["stats"]) {
        if let (Some(name), Some(value)) = (stat["name"].as_str(), stat["value"].as_u64()) {
            let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            writeln!(
                text,
                "# TYPE envoy_{name} counter\nenvoy_{name}{{}} {value}"
            )
            .unwrap();
        }
    }
    text
}

fn list(value: &Value) -> std::slice::Iter<'_, Value> {
    value
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A number, which is left out where it is 0 and a string where it has 64 bits.
fn number(value: &Value) -> String {
    match value {
        Value::Null => "0".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn address(value: &Value) -> String {
    let socket = &value["socket_address"];
    match (socket["address"].as_str(), value["pipe"]["path"].as_str()) {
        (Some(ip), _) if ip.contains(':') => format!("[{ip}]:{}", number(&socket["port_value"])),
        (Some(ip), _) => format!("{ip}:{}", number(&socket["port_value"])),
        (None, path) => path.unwrap_or_default().to_owned(),
    }
}

/// The files of a bug report, with paths as in the archive.
pub(crate) fn report_files(dump_page: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for proxy in [PRODUCTPAGE, REVIEWS] {
        let (pod, namespace) = proxy.split_once('.').unwrap();
        let dump = recording(&format!("{NACK}/envoy/{proxy}/config_dump.json"));
        let page = |name: &str| {
            let bytes = recording(&format!("{NACK}/envoy/{proxy}/{name}.json"));
            serde_json::from_slice::<Value>(&bytes).unwrap()
        };
        for (page, bytes) in [
            (dump_page, dump),
            ("clusters", clusters_text(&page("clusters")).into_bytes()),
            ("listeners", listeners_text(&page("listeners")).into_bytes()),
            (
                "stats/prometheus",
                prometheus_text(&page("stats")).into_bytes(),
            ),
            ("memory", b"{\"allocated\": \"1\"}".to_vec()),
            (
                "istio-proxy.log",
                format!("info\tEnvoy proxy is ready\ttoken={LOGGED}\n").into_bytes(),
            ),
        ] {
            let path = format!("bug-report/proxies/{namespace}/{pod}/{page}");
            files.push((path, bytes));
        }
    }
    let syncz = recording(&format!("{NACK}/istiod/syncz.json"));
    let istiod = "bug-report/istio/istio-system/istiod-7/debug";
    files.push((format!("{istiod}/syncz"), syncz));
    files.push((format!("{istiod}/configz"), b"[]".to_vec()));
    files.push((
        "bug-report/cluster/crs".into(),
        b"apiVersion: v1\n".to_vec(),
    ));
    files
}

pub(crate) fn header(path: &str, size: u64, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    // Unchecked, as somebody hostile would write it.
    let name = &mut header.as_old_mut().name;
    name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_size(size);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    header.set_cksum();
    header
}

/// A `.tar.gz` of these files, with `more` put before them as it is.
pub(crate) fn packed(more: &[u8], files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
    gzip.write_all(more).unwrap();
    let mut archive = tar::Builder::new(gzip);
    for (path, bytes) in files {
        let header = header(path, bytes.len() as u64, tar::EntryType::Regular);
        archive.append(&header, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

pub(crate) fn unpacked(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
