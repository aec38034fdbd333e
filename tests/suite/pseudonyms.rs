//! Pseudonyms: that no name and no address is found afterwards, and that recordings still compare as they did.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value as Json, json};
use xdsnap::{
    diff::Mode,
    model::Document,
    redact::{Key, Policy, Pseudonyms, RedactError, Redactor},
};

use crate::{
    laws::{DUMPS, GATEWAY, PAIRS, REVIEWS, compare, envoy},
    support::program::recording,
};

const BOTH: Pseudonyms = Pseudonyms {
    hostnames: true,
    ips: true,
};
const HOSTNAMES: Pseudonyms = Pseudonyms {
    hostnames: true,
    ips: false,
};
const IPS: Pseudonyms = Pseudonyms {
    hostnames: false,
    ips: true,
};

fn redactor(pseudonyms: Pseudonyms) -> Redactor {
    Redactor::new(Policy::Tokens(Key::new([7; 32]))).with_pseudonyms(pseudonyms)
}

/// A copy with pseudonyms, and how many names each kind has in it.
fn copy(
    pseudonyms: Pseudonyms,
    document: Document,
    text: &[u8],
) -> (String, BTreeMap<&'static str, u64>) {
    let mut out = Vec::new();
    let counts = redactor(pseudonyms)
        .copy(document, &mut &*text, &mut out)
        .unwrap();
    (String::from_utf8(out).unwrap(), counts.iter().collect())
}

fn renamed(pseudonyms: Pseudonyms, value: &Json) -> Json {
    let (text, _) = copy(
        pseudonyms,
        Document::ConfigDump,
        value.to_string().as_bytes(),
    );
    serde_json::from_str(&text).unwrap()
}

/// Everything in a document, with what its base64 says.
fn readable(text: &str) -> String {
    let base64 = Regex::new("[A-Za-z0-9+/]{40,}={0,2}").unwrap();
    let decoded = base64
        .find_iter(text)
        .filter_map(|found| STANDARD.decode(found.as_str()).ok());
    let decoded: Vec<String> = decoded
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    format!("{text}\n{}", decoded.join("\n"))
}

#[test]
fn no_address_and_no_host_of_a_recording_is_found_afterwards() {
    let address = Regex::new(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b").unwrap();
    let host = Regex::new(r"[a-z0-9-]+\.[a-z0-9-]+\.svc\b|[a-z0-9.-]+\.(?:com|org|net)\b").unwrap();
    let others = Regex::new(r#""(?:@type|type_url|version_info|last_updated)": ?"[^"]*""#).unwrap();
    let extensions = Regex::new(r#""(?:envoy|istio)\.[a-z_.]*""#).unwrap();
    let all_of = |pattern: &Regex, text: &str| -> Vec<String> {
        let found = pattern.find_iter(text);
        found.map(|found| found.as_str().to_owned()).collect()
    };
    let is_kept =
        |text: &&str| text.starts_with("127.") || *text == "0.0.0.0" || *text == "169.254.169.254";
    for (step, proxy) in [
        ("a_in_sync/1_before", GATEWAY),
        ("c_mtls/1_permissive", REVIEWS),
        ("k_ecds/4_wasm", REVIEWS),
    ] {
        let before = envoy(step, proxy);
        let (after, counts) = copy(BOTH, Document::ConfigDump, &before);
        assert!(
            counts["hostnames"] > 100 && counts["ips"] > 10,
            "{counts:?}"
        );
        let [before, after] =
            [String::from_utf8(before).unwrap(), after].map(|text| readable(&text));
        for (pattern, least) in [(&address, 5), (&host, 5)] {
            let found: BTreeSet<&str> = pattern
                .find_iter(&before)
                .map(|found| found.as_str())
                .filter(|found| !is_kept(found))
                .collect();
            let found: Vec<_> = found
                .iter()
                .filter(|name| !name.starts_with("type.googleapis"))
                .collect();
            assert!(found.len() >= least, "{found:?}");
            let left: Vec<_> = found.iter().filter(|name| after.contains(**name)).collect();
            assert_eq!(left, [] as [&&&str; 0], "{step}");
        }
        // What is no host is as it was.
        for pattern in [&others, &extensions] {
            assert_eq!(all_of(pattern, &before), all_of(pattern, &after));
        }
    }
}

#[test]
fn the_other_pages_of_a_proxy_hold_none_either() {
    let folder = "corpus/a_in_sync/1_before/envoy/reviews-v1-545db77b95-2k8ls.default";
    let address = Regex::new(r"\b10\.\d+\.\d+\.\d+\b|[a-z-]+\.default\.svc").unwrap();
    for (page, document) in [
        ("clusters.json", Document::Clusters),
        ("listeners.json", Document::Listeners),
        ("certs.json", Document::Certs),
        ("server_info.json", Document::ServerInfo),
        ("stats.json", Document::Stats),
    ] {
        let before = recording(&format!("{folder}/{page}"));
        let (after, _) = copy(BOTH, document, &before);
        let left: Vec<_> = address
            .find_iter(&after)
            .map(|found| found.as_str())
            .collect();
        assert_eq!(left, [] as [&str; 0], "{page}");
        serde_json::from_str::<Json>(&after).unwrap();
    }
    let text = "outbound|80||a.shop.example.com::10.0.0.1:8080::cx_active::0\nx::[fd00::1]:80::y\n";
    let (after, _) = copy(BOTH, Document::Clusters, text.as_bytes());
    let shape = Regex::new(r"^outbound\|80\|\|(host-\w{16}\.){3}com::ip-\w{16}:8080::cx_active::0\nx::\[ip-\w{16}\]:80::y\n$").unwrap();
    assert!(shape.is_match(&after), "{after}");
}

#[test]
fn two_recordings_have_as_many_changes_as_before() {
    for [before, after] in PAIRS.iter() {
        let report = compare(Mode::Change, before, after);
        for pseudonyms in [BOTH, HOSTNAMES, IPS] {
            // Redaction by the same key is compared with itself: what is a secret is one on both sides.
            let [old, new] =
                [before, after].map(|bytes| copy(pseudonyms, Document::ConfigDump, bytes).0);
            let found = compare(Mode::Change, old.as_bytes(), new.as_bytes());
            let kinds = |report: &xdsnap::diff::Report| {
                let mut kinds = BTreeMap::new();
                for change in &report.changes {
                    let kind = (change.resource.xds_type.clone(), change.kind);
                    *kinds.entry(kind).or_insert(0) += 1;
                }
                (kinds, report.live.len(), report.summary)
            };
            assert_eq!(kinds(&found), kinds(&report));
        }
    }
}

#[test]
fn what_is_equal_stays_so_and_what_is_related_too() {
    let value = json!({
        "domains": ["*.shop.example.com", "a.shop.example.com", "reviews", "reviews:9080"],
        "clusters": ["outbound|80||a.shop.example.com", "outbound_.80_._.a.shop.example.com"],
        "url": "https://a.shop.example.com:8443/path?x=a.shop.example.com",
        "a.shop.example.com": 1,
        "address": "10.0.0.1",
        "name": "10.0.0.1_8080",
        "range": "10.0.0.0/8",
        "kept": ["0.0.0.0", "127.0.0.1", "::1", "169.254.169.254", "localhost", "*"],
        "lua": STANDARD.encode("local host = 'a.shop.example.com' -- 10.0.0.1"),
    });
    let after = renamed(BOTH, &value);
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let wild = text(&after["domains"][0]);
    let parent = wild.strip_prefix("*.").unwrap();
    let host = text(&after["domains"][1]);
    assert!(
        parent.ends_with(".com") && host.ends_with(&format!(".{parent}")),
        "{after}"
    );
    assert_eq!(
        format!("{}:9080", text(&after["domains"][2])),
        text(&after["domains"][3])
    );
    assert_eq!(text(&after["clusters"][0]), format!("outbound|80||{host}"));
    assert_eq!(
        text(&after["clusters"][1]),
        format!("outbound_.80_._.{host}")
    );
    assert_eq!(
        text(&after["url"]),
        format!("https://{host}:8443/path?x={host}")
    );
    assert_eq!(after[&host], 1);
    let address = text(&after["address"]);
    assert_eq!(text(&after["name"]), format!("{address}_8080"));
    assert!(text(&after["range"]).ends_with("/8"));
    assert_ne!(text(&after["range"]), format!("{address}/8"));
    assert_eq!(after["kept"], value["kept"]);
    let lua = String::from_utf8(STANDARD.decode(text(&after["lua"])).unwrap()).unwrap();
    assert_eq!(lua, format!("local host = '{host}' -- {address}"));

    // Each alone; and none at all is no pass.
    assert_eq!(renamed(HOSTNAMES, &value)["address"], "10.0.0.1");
    assert_eq!(renamed(IPS, &value)["domains"], value["domains"]);
    assert_eq!(renamed(Pseudonyms::default(), &value), value);
}

#[test]
fn a_certificate_becomes_a_token_in_pem_and_in_base64() {
    let pem = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/testdata/certificates/web.pem"
    ))
    .unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let value =
        json!({"a": pem, "b": STANDARD.encode(&pem), "c": format!("x\n{pem}{pem}y"), "der": body});
    for pseudonyms in [HOSTNAMES, IPS] {
        let after = renamed(pseudonyms, &value);
        let text = after["a"].as_str().unwrap();
        assert!(
            text.starts_with("[redacted:") && !text.contains("BEGIN"),
            "{text}"
        );
        assert_eq!(
            STANDARD.decode(after["b"].as_str().unwrap()).unwrap(),
            text.as_bytes()
        );
        assert_eq!(after["c"].as_str().unwrap(), format!("x\n{text}{text}y"));
        let der = STANDARD.decode(after["der"].as_str().unwrap()).unwrap();
        assert!(der.starts_with(b"[redacted:"));
        assert_eq!(renamed(pseudonyms, &after), after);
    }
}

#[test]
fn without_a_key_nothing_is_written() {
    for policy in [Policy::Alike, Policy::Off] {
        let redactor = Redactor::new(policy).with_pseudonyms(IPS);
        let mut out = Vec::new();
        let error = redactor
            .copy(Document::Version, &mut &b"10.0.0.1"[..], &mut out)
            .unwrap_err();
        assert!(matches!(error, RedactError::NoKey), "{error}");
        assert_eq!(out, b"");
        assert_eq!(redactor.rename("to 10.0.0.1:80".to_owned()), "to [ip]:80");
    }
    let reason = redactor(BOTH).scrub_reason("no route to a.example.com at 10.0.0.1");
    assert!(
        !reason.contains("a.example") && !reason.contains("10.0.0.1"),
        "{reason}"
    );
}

/// Text of parts that look like names and what stands around them.
fn texts() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "10.0.0.1",
        "10.0.0.2",
        "fd00::1",
        "a.example.com",
        "b.example.com",
        "*.",
        "svc",
        "cluster.local",
        ".",
        ":80",
        "/8",
        "|",
        "outbound|80||",
        "outbound_.80_._.",
        "https://",
        "@",
        "\\.",
        "~",
        " ",
        "\"",
        "é",
        "\u{1f600}",
        "\n",
        "-----BEGIN CERTIFICATE-----",
        "-----END CERTIFICATE-----",
        "MII",
        "[redacted]",
        "[redacted:1a2b3c4d-0123456789abcdef]",
        "host-0123456789abcdef",
        "ip-0123456789abcdef",
        "0.0.0.0",
        "_",
    ]);
    prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat())
}

fn values() -> impl Strategy<Value = Json> {
    let key = prop::sample::select(vec![
        "domains",
        "address",
        "name",
        "@type",
        "a.example.com",
        "10.0.0.1",
        "url",
    ]);
    let leaf = prop_oneof![
        texts().prop_map(Json::from),
        texts().prop_map(|text| STANDARD.encode(text).into()),
        any::<i32>().prop_map(Json::from),
        Just(Json::Null),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::btree_map(key.clone(), inner, 0..5).prop_map(|members| Json::Object(
                members
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect()
            )),
        ]
    })
    .prop_map(|value| json!({ "value": value }))
}

/// A writer that takes as many bytes at a time as it is told.
struct Chunks<'a>(&'a [u8], usize);

impl std::io::Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.len().min(self.1).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_second_pass_changes_nothing_and_counts_nothing(value in values(), chunk in 1..9_usize) {
        for pseudonyms in [BOTH, HOSTNAMES, IPS] {
            let text = value.to_string();
            let (once, _) = copy(pseudonyms, Document::ConfigDump, text.as_bytes());
            let (twice, counts) = copy(pseudonyms, Document::ConfigDump, once.as_bytes());
            // No name is left. A secret may be: beside a pseudonym, what follows it may look like a password.
            let is_name = |rule: &&str| ["certificates", "hostnames", "ips"].contains(rule);
            prop_assert!(!counts.keys().any(is_name), "{text}: {counts:?}");
            if counts.is_empty() {
                prop_assert_eq!(&once, &twice, "{}", text);
            }
            let mut out = Vec::new();
            redactor(pseudonyms)
                .copy(Document::ConfigDump, &mut Chunks(text.as_bytes(), chunk), &mut out)
                .unwrap();
            prop_assert_eq!(String::from_utf8(out).unwrap(), once);
        }
    }

    #[test]
    fn texts_that_differ_still_do(one in texts(), other in texts()) {
        let value = json!({"domains": [one, other], "name": [one, other]});
        let secrets = renamed(Pseudonyms::default(), &value);
        let after = renamed(BOTH, &value);
        for key in ["domains", "name"] {
            let is_equal = |value: &Json| value[key][0] == value[key][1];
            prop_assert_eq!(is_equal(&secrets), is_equal(&after), "{} {}", secrets, after);
        }
    }

    #[test]
    fn no_address_is_left(value in values()) {
        // Base64 is looked into where no host stands.
        let after = renamed(IPS, &value).to_string();
        let address = Regex::new(r"(?:^|[^0-9A-Za-z.])10\.0\.0\.[12](?:[^0-9A-Za-z.]|$)").unwrap();
        let kept = |key: &str| value.to_string().contains(key);
        prop_assert!(!address.is_match(&after) || kept("@type"), "{} {}", value, after);
    }
}

#[test]
fn a_whole_dump_is_copied_but_for_names() {
    let string = Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap();
    for bytes in DUMPS.iter() {
        let (plain, _) = copy(Pseudonyms::default(), Document::ConfigDump, bytes);
        let (after, _) = copy(BOTH, Document::ConfigDump, bytes);
        let outline = |text: &str| string.replace_all(text, "s").into_owned();
        assert!(outline(&plain) == outline(&after));
    }
}
