//! Whatever the seek table and the offsets of a bundle say, every member is read right.
//!
//! Input: a byte that chooses one of the bundles and what is done to its table, then
//!
//! - the bytes in the table's place;
//! - the bytes behind the table;
//! - entries, of which a table is made whose sizes add up;
//! - changes to the table, each a place and a byte;
//! - for each member in turn where the manifest says that it stands, with a table that is right.

#![no_main]

use std::{io::Cursor, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use xdsnap::bundle::{Level, Reader, Rule, verify};
use xdsnap_fuzz::bundle::{Members, entry, framed, seek_table, table_of, unpacked, written};

struct Sample {
    members: Members,
    bundle: Vec<u8>,
    /// The frames in front of the seek table, as it lists them.
    frames: Vec<(u32, u32, u32)>,
}

static SAMPLES: LazyLock<[Sample; 3]> = LazyLock::new(|| {
    let dump = |proxy: &str, length: usize| {
        let content =
            (0..length as u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes());
        (format!("envoy/{proxy}/config_dump.json"), content.collect())
    };
    let page = |path: &str| (path.to_owned(), path.as_bytes().to_vec());
    let few = [
        page("istiod/syncz.json"),
        page("istiod/version.json"),
        dump("web-1.shop", 300),
    ];
    let many = [
        dump("web-1.shop", 20),
        dump("web-2.shop", 700),
        dump("web-3.shop", 0),
        page("envoy/web-1.shop/stats.json"),
    ];
    [
        few.into(),
        many.into(),
        // Of one proxy, a member that is cut.
        [dump("web-1.shop", 510_000), page("istiod/syncz.json")].into(),
    ]
    .map(|members: Members| {
        let bundle = written(&members);
        let frames = table_of(&bundle);
        Sample {
            members,
            bundle,
            frames,
        }
    })
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    // The large one is slow.
    let sample = &SAMPLES[match choice / 5 % 16 {
        0..=6 => 0,
        15 => 2,
        _ => 1,
    }];
    let table = sample
        .frames
        .iter()
        .map(|(packed, ..)| *packed as usize)
        .sum();
    let (frames, old) = sample.bundle.split_at(table);
    let bundle = match choice % 5 {
        0 => [frames, data].concat(),
        1 => [&sample.bundle, data].concat(),
        2 => [frames, &seek_table(&entries(data, &sample.frames))].concat(),
        3 => {
            let mut new = old.to_vec();
            for change in data.chunks_exact(2) {
                let at = usize::from(change[0]) % new.len();
                new[at] = change[1];
            }
            [frames, &new].concat()
        }
        _ => moved(sample, data),
    };
    check(&bundle, &sample.members);
});

/// Entries as given, the last of them so that the sizes add up.
fn entries(data: &[u8], right: &[(u32, u32, u32)]) -> Vec<(u32, u32, u32)> {
    let mut left: u32 = right.iter().map(|(packed, ..)| packed).sum();
    let mut entries = Vec::new();
    for chunk in data.chunks_exact(6) {
        // Near to a size that is right.
        let (packed, unpacked, checksum) = right[usize::from(chunk[0]) % right.len()];
        let near = |size: u32, by: &[u8]| {
            size.wrapping_add_signed(i32::from(i16::from_le_bytes([by[0], by[1]])))
        };
        let packed = near(packed, &chunk[1..3]).min(left);
        left -= packed;
        entries.push((
            packed,
            near(unpacked, &chunk[3..5]),
            checksum ^ u32::from(chunk[5]),
        ));
    }
    if left > 0 {
        entries.push((left, 0, 0));
    }
    entries
}

/// The bundle with other offsets in its manifest.
fn moved(sample: &Sample, data: &[u8]) -> Vec<u8> {
    let mut contents = unpacked(&sample.bundle, &sample.frames);
    let mut reader = Reader::open("x", Cursor::new(&sample.bundle)).expect("a bundle");
    let manifest = reader.read("manifest.json").expect("it has one");
    let mut manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("it is JSON");
    let members = manifest["members"].as_array_mut().expect("a list");
    for (member, offset) in members.iter_mut().zip(data.chunks(3)) {
        let mut bytes = [0; 8];
        bytes[..offset.len()].copy_from_slice(offset);
        // Places of headers, and the largest numbers.
        let offset = u64::from_le_bytes(bytes) * 512;
        member["offset"] = match offset >> 32 {
            0 => offset.into(),
            _ => u64::MAX.into(),
        };
    }
    contents[0] = entry(b'0', b"manifest.json", manifest.to_string().as_bytes());
    let contents: Vec<&[u8]> = contents.iter().map(|content| &content[..]).collect();
    framed(&contents)
}

fn check(bundle: &[u8], members: &Members) {
    let mut reader =
        Reader::open("x", Cursor::new(bundle)).expect("the table is no reason to refuse it");
    // From the end, so that as little as possible was found before.
    for (path, content) in members.iter().rev() {
        let read = reader.read(path);
        assert!(
            read.as_ref().is_ok_and(|read| read == content),
            "{path}: {read:?}"
        );
    }
    let mut left = members.clone();
    for member in reader.members() {
        match member {
            Ok(member) => assert_eq!(left.remove(&member.path), Some(member.bytes)),
            Err(error) => assert_eq!(error.member, None, "{error}"),
        }
    }
    assert!(left.is_empty());
    for finding in verify("x", Cursor::new(bundle)).expect("it opens") {
        let is_told = finding.level < Level::Error || finding.rule != Rule::Member;
        assert!(is_told, "{finding}");
    }
}
