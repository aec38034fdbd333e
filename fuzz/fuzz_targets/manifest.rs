//! A manifest that is read is written as what was read, and a bundle with it opens only if it is one.
//!
//! Input: a `manifest.json`.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use xdsnap::bundle::{Manifest, Reader, Time, Version, recover, verify};
use xdsnap_fuzz::{
    bundle::{BLOCK, check, entry, framed},
    json::respelled,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(version) = text.parse::<Version>() {
            assert_eq!(version.to_string(), text);
        }
        if let Ok(time) = Time::try_from(text.to_owned()) {
            assert_eq!(Time::try_from(time.to_string()), Ok(time));
        }
    }
    let manifest = serde_json::from_slice::<Manifest>(data);
    if let Ok(manifest) = &manifest {
        let written = serde_json::to_string(manifest).expect("a manifest is JSON");
        let again = serde_json::from_str::<Manifest>(&written);
        assert_eq!(again.as_ref().ok(), Some(manifest), "{written}");
    }
    let listed = entry(b'0', b"manifest.json", data);
    let member = entry(b'0', b"istiod/version.json", b"1.30.3");
    let bundle = framed(&[&listed, &member, &[0; 2 * BLOCK]]);
    let opened = Reader::open("x", Cursor::new(&bundle[..]));
    if let Ok(reader) = &opened {
        assert_eq!(manifest.as_ref().ok(), Some(reader.manifest()));
    }
    let is_opened = opened.is_ok();
    drop(opened);
    if let Some(other) = respelled(data) {
        let listed = entry(b'0', b"manifest.json", other.as_bytes());
        let bundle = framed(&[&listed, &member, &[0; 2 * BLOCK]]);
        let other = Reader::open("x", Cursor::new(&bundle[..]));
        assert_eq!(other.is_ok(), is_opened, "{other:?}");
        if let (Ok(other), Ok(manifest)) = (other, &manifest) {
            assert_eq!(other.manifest(), manifest);
        }
    }
    assert_eq!(verify("x", Cursor::new(&bundle[..])).is_ok(), is_opened);
    let _ = recover("x", Cursor::new(&bundle[..]));
    check(&bundle);
});
