//! File names for resources: each has its own, and none leaves its folder.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::model::{ProxyId, ResourceKey, State, XdsType};

/// The longest part that is not cut, in bytes.
const LONGEST: usize = 200;
/// How much of a longer one is kept. With the hash it is longer than [`LONGEST`], so that no other name equals it.
const KEPT: usize = 140;
/// What stands for an empty part; no encoded text is a lone percent sign.
const NAMELESS: &str = "%";

/// Where a resource's document stands below an output folder:
/// `<proxy>/<source>/<type>/<name>[.<state>][.<occurrence>].json`.
///
/// `source` is `envoy`, `istiod` or `istiod-envoy`. Bytes outside `[A-Za-z0-9._-]` are percent-encoded; a part over
/// 200 bytes is cut and ends with the SHA-256 of what it stands for. No two resources share a path: the bootstrap is
/// called `bootstrap`, and a name that would read as another's name and suffix has one more byte encoded.
/// Names that differ only in case stay so: a file system that ignores case is not provided for.
pub fn resource_path(proxy: &ProxyId, source: &str, resource: &ResourceKey) -> String {
    let mut path = format!(
        "{}/{}/{}/{}",
        folder(proxy.as_str()),
        folder(source),
        folder(resource.xds_type.as_str()),
        stem(resource)
    );
    if let Some(state) = resource.state {
        path.push('.');
        path.push_str(state.as_str());
    }
    if resource.occurrence > 0 {
        write!(path, ".{}", resource.occurrence).expect("a String takes all");
    }
    path.push_str(".json");
    path
}

/// A folder's name: never empty, `.` or `..`.
fn folder(text: &str) -> String {
    if text.is_empty() {
        return NAMELESS.to_owned();
    }
    if text.bytes().all(|byte| byte == b'.') {
        return bounded(text.replace('.', "%2E"), text);
    }
    bounded(encode(text), text)
}

/// A resource's name without suffixes: its last dot never begins what could be read as one.
fn stem(resource: &ResourceKey) -> String {
    let name = &*resource.name;
    let mut stem = match (&resource.xds_type, name) {
        (XdsType::Bootstrap, "") => "bootstrap".to_owned(),
        (XdsType::Bootstrap, "bootstrap") => "%62ootstrap".to_owned(),
        (_, "") => NAMELESS.to_owned(),
        _ => encode(name),
    };
    if let Some((head, tail)) = stem.rsplit_once('.')
        && (is_state(tail) || tail.bytes().all(|byte| byte.is_ascii_digit()))
    {
        stem = format!("{head}%2E{tail}");
    }
    bounded(stem, name)
}

fn is_state(text: &str) -> bool {
    [
        State::Active,
        State::Draining,
        State::Rejected,
        State::Static,
        State::Warming,
    ]
    .iter()
    .any(|state| state.as_str() == text)
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            out.push(byte.into());
        } else {
            write!(out, "%{byte:02X}").expect("a String takes all");
        }
    }
    out
}

fn bounded(encoded: String, text: &str) -> String {
    if encoded.len() <= LONGEST {
        return encoded;
    }
    let mut kept = &encoded[..KEPT];
    if let Some(at) = kept[KEPT - 2..].find('%') {
        kept = &kept[..KEPT - 2 + at];
    }
    let mut out = format!("{kept}-");
    for byte in Sha256::digest(text) {
        write!(out, "{byte:02x}").expect("a String takes all");
    }
    out
}

#[test]
fn no_two_resources_share_a_path_and_none_leaves_its_folder() {
    let proxy = ProxyId::new("a.b").unwrap();
    let long = "\u{e9}|".repeat(100);
    let hashed = resource_path(&proxy, "envoy", &key(XdsType::Cluster, &long, None, 0));
    let hashed = hashed.rsplit('/').next().unwrap().strip_suffix(".json");
    let names = [
        "",
        ".",
        "..",
        "a",
        "a.",
        "a.1",
        "a.active",
        "a.active.1",
        "1",
        "active",
        ".active",
        "%",
        "bootstrap",
        "%62ootstrap",
        "a/b",
        "a%2Fb",
        "../x",
        "A",
        &long,
        &long[2..].replace('|', ""),
        hashed.unwrap(),
    ];
    let mut seen = std::collections::BTreeMap::new();
    for xds_type in [
        XdsType::Bootstrap,
        XdsType::Cluster,
        XdsType::Other("..".into()),
        XdsType::Other("%2E%2E".into()),
        XdsType::Other(String::new()),
    ] {
        for name in names {
            for state in [None, Some(State::Active), Some(State::Static)] {
                for occurrence in [0, 1, 2] {
                    let key = key(xds_type.clone(), name, state, occurrence);
                    let path = resource_path(&proxy, "envoy", &key);
                    let parts: Vec<&str> = path.split('/').collect();
                    assert_eq!(parts.len(), 4, "{path}");
                    for part in parts {
                        assert!(!["", ".", ".."].contains(&part), "{path}");
                        assert!(part.len() <= 255, "{path}");
                    }
                    if let Some(other) = seen.insert(path.clone(), key.clone()) {
                        panic!("{path}: {key:?} and {other:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_path_is_what_scripts_expect() {
    let proxy = ProxyId::new("web-1.shop").unwrap();
    for (key, expected) in [
        (
            key(XdsType::Cluster, "outbound|80||x.y", Some(State::Active), 0),
            "cluster/outbound%7C80%7C%7Cx.y.active.json",
        ),
        (
            key(XdsType::Route, "9080", Some(State::Static), 3),
            "route/9080.static.3.json",
        ),
        (
            key(XdsType::Bootstrap, "", None, 0),
            "bootstrap/bootstrap.json",
        ),
        (
            key(XdsType::Endpoint, "a.1", None, 0),
            "endpoint/a%2E1.json",
        ),
    ] {
        let path = resource_path(&proxy, "envoy", &key);
        assert_eq!(path, format!("web-1.shop/envoy/{expected}"));
    }
}

#[cfg(test)]
fn key(xds_type: XdsType, name: &str, state: Option<State>, occurrence: u32) -> ResourceKey {
    ResourceKey {
        xds_type,
        name: name.into(),
        state,
        occurrence,
    }
}
