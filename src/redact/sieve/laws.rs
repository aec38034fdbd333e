//! What is without alarm stays as it is, whatever its shape: of recordings, and of JSON made of what rules look for.

mod made;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use proptest::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use made::Dice;

use super::{Sieve, is_alarming_type};
use crate::redact::{
    Redactor,
    cut::Counts,
    element::{self, Place},
    labels::Labels,
    lookup::Treatment,
    scan::{BATCH, Scan},
    shape::{Ahead, Shape},
};
use crate::{dump::BLOCK, model::Document};

/// Whether nothing in `value`, an object or a list, alarms: however much of it is read at a time.
fn is_clean(sieve: &mut Sieve, value: &str) -> bool {
    let mut padded = value.as_bytes().to_vec();
    padded.resize(value.len().next_multiple_of(BLOCK), b' ');
    let (blocks, _) = padded.as_chunks();
    let [is_clean, others @ ..] = [BATCH, 1, 3].map(|size| is_clean_by(sieve, value, blocks, size));
    assert_eq!(others, [is_clean; 2], "{value}");
    is_clean
}

/// The same, with so many `blocks` at a time.
fn is_clean_by(sieve: &mut Sieve, value: &str, blocks: &[[u8; BLOCK]], size: usize) -> bool {
    let mut scan = Scan::new(0);
    let bytes = value.as_bytes();
    for (number, batch) in blocks.chunks(size).enumerate() {
        // What is not read yet is not in the buffer.
        let read = bytes.len().min(((number + 1) * size) * BLOCK);
        if let Some(end) = scan.read(sieve, &bytes[..read], number * size * BLOCK, batch) {
            assert_eq!(end, bytes.len());
            return scan.is_clean(sieve, bytes);
        }
    }
    panic!("no end: {value}");
}

/// Holds `value` and what is in it, down to so many levels, to the law.
fn hold(sieve: &mut Sieve, value: &str, shape: Shape, levels: usize) {
    let value = value.trim();
    if levels == 0 || !value.starts_with(['{', '[']) {
        return;
    }
    let redactor = sieve.redactor;
    if is_clean(sieve, value) {
        for shape in [shape, Shape::Unknown] {
            let place = Place {
                offset: 0,
                depth: 0,
                texts: 0,
                shape,
                treatment: Treatment::KEEP,
            };
            let mut copy = Vec::new();
            let mut counts = Counts::default();
            element::copy(redactor, place, value.as_bytes(), &mut copy, &mut counts).unwrap();
            assert_eq!(counts, Counts::default(), "{shape:?}: {value}");
            assert!(copy == value.as_bytes(), "{shape:?}: {value}");
        }
        // What is in it is only clean.
        return;
    }
    if value.starts_with('[') {
        for item in serde_json::from_str::<Vec<&RawValue>>(value).unwrap() {
            hold(sieve, item.get(), shape.item(), levels - 1);
        }
        return;
    }
    let labels = Labels::read(value.as_bytes(), 0).unwrap();
    let object = shape.enter(&redactor.rules, &Ahead::All(&labels, 0));
    let members = Members.deserialize(&mut serde_json::Deserializer::from_str(value));
    let members = members.unwrap();
    let is_alarming = |(_, member): &(String, &RawValue)| {
        serde_json::from_str::<String>(member.get()).is_ok_and(|text| is_alarming_type(&text))
    };
    if members.iter().any(is_alarming) {
        return;
    }
    for (name, member) in members {
        let known = object.member(&name, &redactor.rules);
        let written = serde_json::to_string(&name).unwrap();
        let is_alarming = sieve.is_alarming_name(written.trim_matches('"').as_bytes());
        if known.treatment == Treatment::KEEP && !is_alarming {
            hold(sieve, member.get(), known.shape, levels - 1);
        }
    }
}

/// The members of an object as they stand there, twice or not.
struct Members;

impl<'a> DeserializeSeed<'a> for Members {
    type Value = Vec<(String, &'a RawValue)>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Members {
    type Value = Vec<(String, &'a RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

fn recordings() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    files
}

fn read(file: &Path) -> Option<String> {
    let bytes = fs::read(file).unwrap();
    let bytes = match file.extension()?.to_str()? {
        "zst" => zstd::decode_all(&*bytes).unwrap(),
        "json" => bytes,
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}

fn shape_of(file: &Path) -> Shape {
    let name = file.file_name().unwrap().to_str().unwrap();
    let document = Document::ALL
        .into_iter()
        .find(|document| name.contains(document.to_string().as_str()));
    document.map_or(Shape::Unknown, Shape::of_document)
}

#[test]
fn what_alarms_in_no_recording_stays_as_it_is() {
    let redactor = Redactor::default();
    let mut sieve = Sieve::new(&redactor);
    // Recordings of one scene are much alike.
    for file in recordings().iter().step_by(23) {
        let Some(text) = read(file) else { continue };
        if serde_json::from_str::<&RawValue>(&text).is_ok() {
            hold(&mut sieve, &text, shape_of(file), 6);
        }
    }
}

#[test]
fn what_real_dumps_hold_does_not_alarm() {
    let redactor = Redactor::default();
    let mut sieve = Sieve::new(&redactor);
    for scene in [
        "a_in_sync/3_proxies_restarted",
        "c_mtls/3_strict_dr_istio_mutual",
    ] {
        let file = format!(
            "testdata/corpus/{scene}/envoy/productpage-v1-6b746f74dc-9stvs.default/config_dump.json.zst"
        );
        let text = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let dump: Dump = serde_json::from_str(&text).unwrap();
        for section in dump.configs {
            let is_of_secrets = section.get().contains("SecretsConfigDump");
            assert_eq!(
                is_clean(&mut sieve, section.get()),
                !is_of_secrets,
                "{:.200}",
                section.get()
            );
        }
    }
}

#[derive(serde::Deserialize)]
struct Dump<'a> {
    #[serde(borrow)]
    configs: Vec<&'a RawValue>,
}

#[test]
fn what_tells_of_a_secret_alarms_however_it_is_spelt() {
    let redactor = Redactor::default();
    let mut sieve = Sieve::new(&redactor);
    for value in [
        r#"{"a": {"private_key": 1}}"#,
        r#"{"privateKey": 1}"#,
        r#"{"\u0070rivate_key": 1}"#,
        r#"{"pri\u0076ateKey": 1}"#,
        r#"[{"key": "Authorization", "value": "x"}]"#,
        r#"{"value": "x", "n\u0061me": "x-api-key"}"#,
        r#"{"headers": [{"name": "cookie", "string_match": {"exact": "a=b"}}]}"#,
        r#"["https://user:hunter2@example.com/"]"#,
        r#"["https:\/\/user:hunter2\u0040example.com/"]"#,
        r#"["-----BEGIN PRIVATE KEY-----\nMII"]"#,
        r#"{"@type": "x/a.B", "@type": "x/a.C", "v": "x"}"#,
        r#"{"@type": "x/xds.type.v3.TypedStruct", "type_url": "x/a", "value": {}, "type_url": "x/b"}"#,
        r#"{"@type": ["x/a.B", "x/a.C"], "v": "x"}"#,
        r#"{"x": "{\"password\": \"hunter2\"}"}"#,
        r#"{"kty": "oct", "k": "AAEC"}"#,
        r#"{"key": "wJalrXUtnFEMI7K7MDENGbPxRfiCYEXAMPLEKEY"}"#,
        r#"{"key": {"x": ["wJalrXUtnFEMI7K7MDENGbPxRfiCYEXAMPLEKEY"]}}"#,
        r#"{"private_key_provider": {"provider_name": "x", "typed_config": {"a": "b"}}}"#,
        r#"{"@type": "x/envoy.extensions.transport_sockets.tls.v3.PrivateKeyProvider", "typed_config": {"a": "b"}}"#,
        r#"{"lastError": "near 'hunter2'"}"#,
        r#"{"provider_name": "x", "config": {"a": "b"}}"#,
        r#"{"users": {"inline_string": "u:p"}}"#,
        r#"{"text": "687474703a2f2f753a70617373776f726440682f"}"#,
        r#"["eyJwYXNzd29yZCI6Imh1bnRlcjIifQ=="]"#,
        // No JSON: whoever reads it says where.
        r#"{"a": tru}"#,
        r#"{"a": 01}"#,
        r#"{"a": hunter2}"#,
        r#"{"a": "\x"}"#,
        "{\"a\": é}",
    ] {
        assert!(!is_clean(&mut sieve, value), "{value}");
    }
    for value in [
        r#"{"sds_secret_configs": [{"name": "default"}], "token_bucket": {"max_tokens": 5}}"#,
        r#"{"name": "envoy.filters.http.jwt_authn", "value": "x"}"#,
        r#"{"key": "x-request-id", "value": "%REQ(X-REQUEST-ID)%"}"#,
        r#"{"uri": "spiffe://cluster.local/ns/default/sa/bookinfo-reviews", "a": [1.5e3, -0, true, null]}"#,
        r#"{"lastError": "missing route"}"#,
        r#"{"@type": "x/xds.type.v3.TypedStruct", "type_url": "x/a", "value": {}}"#,
        r#"{"inline_bytes": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg=="}"#,
    ] {
        assert!(is_clean(&mut sieve, value), "{value}");
    }
}

/// The shapes that a document may have.
fn shapes() -> Vec<Shape> {
    Document::ALL.into_iter().map(Shape::of_document).collect()
}

#[test]
fn what_is_made_is_json_and_does_not_alarm_as_a_rule_of_its_own() {
    // As many choices as documents have, by a generator of numbers.
    let mut state = 7_u64;
    let redactor = Redactor::default();
    let mut sieve = Sieve::new(&redactor);
    let mut clean = 0;
    for _ in 0..400 {
        let bytes: Vec<u8> = (0..120)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        let document = made::document(&mut Dice(&bytes));
        let items: Vec<&RawValue> = serde_json::from_str(&document).expect("JSON");
        let mut values = items.iter().map(|item| item.get().trim());
        clean += usize::from(values.any(|value| {
            value.len() > 40 && value.starts_with(['{', '[']) && is_clean(&mut sieve, value)
        }));
    }
    // The law says something of those alone.
    assert!((40..400).contains(&clean), "{clean}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    #[test]
    fn what_does_not_alarm_stays_as_it_is(choices in prop::collection::vec(any::<u8>(), 0..120), shape in prop::sample::select(shapes())) {
        let redactor = &*REDACTOR;
        let mut sieve = Sieve::new(redactor);
        let document = made::document(&mut Dice(&choices));
        hold(&mut sieve, &document, Shape::Unknown, 8);
        hold(&mut sieve, &document, shape, 8);
    }
}

static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::default);
