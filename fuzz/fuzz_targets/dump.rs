//! Reading a dump tells the same of every spelling of it, and what it tells is in the document; and so does redacting it,
//! which twice is once.
//!
//! Input: a document.

#![no_main]

use std::{collections::BTreeSet, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use xdsnap::{
    dump::{Dump, Resource, SyncState, recognize, uptime},
    model::{Document, ResourceKey, XdsType},
    normalize::normalize,
    redact::Redactor,
};
use xdsnap_fuzz::json::respelled;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::default);

const PARTS: [&str; 3] = ["bootstrap", "dynamic_listeners.masked", "no_such_part"];

fuzz_target!(|data: &[u8]| {
    let content = recognize(data);
    uptime(data);
    if let Ok(states) = SyncState::parse(data) {
        for state in &states {
            assert!(state.last_errors().len() <= state.types().len());
        }
    }
    for part in PARTS {
        if let Ok(dump) = Dump::parse([(Some(part), data)]) {
            check(&dump, data);
        }
    }
    let dump = Dump::parse([(None, data)]);
    let other = respelled(data);
    check_redaction(data, other.as_deref());
    if let Some(other) = &other {
        let again = recognize(other.as_bytes());
        assert_eq!(content.ok(), again.ok(), "{other}");
        let again = Dump::parse([(None, other.as_bytes())]);
        match (&dump, again) {
            (Ok(dump), Ok(again)) => assert_same(dump, &again),
            (Err(_), Err(_)) => {}
            (dump, again) => panic!("{dump:?} is {again:?} as {other}"),
        }
    }
    let Ok(dump) = dump else { return };
    check(&dump, data);
    assert_same(&dump, &Dump::parse([(None, data)]).expect("it was read"));
});

/// Redacts as text that says what is wrong, or the copy and how many values were replaced.
fn redacted(data: &[u8]) -> Result<(u64, Vec<u8>), String> {
    let mut copy = Vec::new();
    let copied = REDACTOR.copy(Document::ConfigDump, &mut &data[..], &mut copy);
    copied
        .map(|replaced| (replaced.total(), copy))
        .map_err(|error| error.to_string())
}

fn check_redaction(data: &[u8], other: Option<&str>) {
    let result = redacted(data);
    if let Ok((_, copy)) = &result {
        let again = redacted(copy);
        assert_eq!(again.as_ref(), Ok(&(0, copy.clone())));
    }
    let Some(other) = other else { return };
    let json = |(replaced, copy): (u64, Vec<u8>)| {
        let copy: serde_json::Value = serde_json::from_slice(&copy).expect("JSON stays JSON");
        (replaced, copy)
    };
    let other = redacted(other.as_bytes());
    match (result, other) {
        (Err(_), Err(_)) => {}
        // What does not begin like JSON is text.
        _ if !matches!(data.trim_ascii_start().first(), Some(b'{' | b'[')) => {}
        (one, other) => assert_eq!(one.map(json), other.map(json)),
    }
}

/// What a dump must tell of itself.
fn check(dump: &Dump<'_>, data: &[u8]) {
    let mut keys = BTreeSet::new();
    let within = data.as_ptr_range();
    for resource in &dump.resources {
        assert!(keys.insert(&resource.key), "{:?} twice", resource.key);
        if let Some(body) = resource.body {
            let range = body.as_ptr_range();
            assert!(within.start <= range.start && range.end <= within.end);
            let _ = normalize(resource, &dump.types);
        }
    }
    if let Ok(names) = dump.eds_names() {
        let clusters = keys.iter().filter(|k| k.xds_type == XdsType::Cluster);
        assert!(names.len() <= clusters.count());
    }
    dump.source();
    dump.missing_parts().count();
    for xds_type in &dump.types {
        dump.cut(xds_type, None);
    }
}

/// Checks that two spellings of one dump hold the same; members may stand in another order, and so may resources.
fn assert_same(one: &Dump<'_>, other: &Dump<'_>) {
    assert_eq!(one.types, other.types);
    assert_eq!(one.node_id, other.node_id);
    assert_eq!(one.last_updated, other.last_updated);
    assert_eq!(one.query(), other.query());
    let told = |dump: &Dump<'_>| {
        let mut told: Vec<_> = dump.resources.iter().map(|of| tell(of, dump)).collect();
        told.sort();
        told
    };
    assert_eq!(told(one), told(other));
}

fn tell(resource: &Resource<'_>, dump: &Dump<'_>) -> (ResourceKey, Option<String>, String) {
    let normal = normalize(resource, &dump.types).ok();
    let normal = normal.map(|value| serde_json::to_string(&value).expect("a value is JSON"));
    let rest = format!(
        "{:?} {:?} {:?}",
        resource.shape, resource.last_updated, resource.error
    );
    (resource.key.clone(), normal, rest)
}
