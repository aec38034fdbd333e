//! Reader × writer × age: what each version of the format is to this release, and the bundles of every version.

use xdsnap::bundle::{Level, Rule, Version, recover, verify};

use super::*;

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bundles");
    fs::read(folder.join(name)).unwrap()
}

/// A bundle as a release would write it that knows more than this one.
fn of_version(version: &str) -> Vec<u8> {
    let mut members = few_members();
    let mut manifest = manifest_of(&members);
    members.insert("digests/added-later.bin".to_owned(), b"\0later".to_vec());
    let later = entry_of("digests/added-later.bin", b"\0later");
    manifest["members"].as_array_mut().unwrap().push(later);
    manifest["version"] = json!(version);
    manifest["tool"] = json!("xdsnap 9.2.0");
    manifest["members"][0]["added_later"] = json!([1, {"x": 0.10}]);
    manifest["members"][0]["origin"] = json!({"pod": "web-1"});
    manifest["added_later"] = json!({"rules": 7});
    manifest["proxies"][0]["added_later"] = json!("x");
    let bundle = hostile(&manifest, &members);
    // A skippable frame that nobody knows yet.
    [
        &0x184D_2A55_u32.to_le_bytes()[..],
        &[2, 0, 0, 0, b'h', b'i'],
        &bundle,
    ]
    .concat()
}

/// Writes the bundle again, as `verify --recover` does.
fn rewritten(bundle: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.xdsnap");
    let writer = Writer::create(&path).unwrap();
    let recovery = recover("x.xdsnap", Cursor::new(bundle)).unwrap();
    recovery.write(writer, "xdsnap 0.1.0").unwrap();
    fs::read(path).unwrap()
}

fn manifest_text(bundle: &[u8]) -> Value {
    let bytes = open(bundle).unwrap().read(MANIFEST_PATH).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn an_older_version_reads_and_is_written_again_as_the_current_one() {
    let draft = golden("1-draft.xdsnap");
    let members = read_all(&draft);
    let again = rewritten(&draft);
    assert_eq!(read_all(&again), members);
    let (before, after) = (manifest_text(&draft), manifest_text(&again));
    assert_eq!(after["version"], Version::CURRENT.to_string());
    for field in [
        "note",
        "captured",
        "proxies",
        "istiods",
        "failures",
        "redaction",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert!(verify("x", Cursor::new(&again[..])).unwrap().is_empty());
}

#[test]
fn the_current_version_reads_and_is_written_again_to_the_byte() {
    let bundle = bundle_of(&few_members());
    assert_eq!(read_all(&bundle), few_members());
    assert_eq!(read_all(&rewritten(&bundle)), few_members());
    let twice = rewritten(&rewritten(&bundle));
    assert!(twice == rewritten(&bundle));
}

#[test]
fn what_a_newer_minor_version_adds_is_ignored_when_read_and_kept_when_written_again() {
    for version in ["1.1", "1.7-rc"] {
        let newer = of_version(version);
        let mut reader = open(&newer).unwrap();
        for (path, body) in &few_members() {
            assert_eq!(&reader.read(path).unwrap(), body);
        }
        let findings = verify("x", Cursor::new(&newer[..])).unwrap();
        let is_told =
            |f: &xdsnap::bundle::Finding| f.level == Level::Note && f.rule == Rule::Version;
        assert!(findings.iter().any(is_told), "{findings:?}");
        assert!(
            findings.iter().all(|f| f.level < Level::Error),
            "{findings:?}"
        );

        let again = rewritten(&newer);
        assert_eq!(read_all(&again), read_all(&newer));
        let manifest = manifest_text(&again);
        assert_eq!(manifest["version"], version);
        assert_eq!(manifest["tool"], "xdsnap 0.1.0");
        assert_eq!(manifest["added_later"], json!({"rules": 7}));
        assert_eq!(manifest["proxies"][0]["added_later"], "x");
        let member = &manifest["members"][0];
        assert_eq!(member["added_later"], json!([1, {"x": 0.10}]));
        assert_eq!(member["origin"], json!({"pod": "web-1"}));
        assert_eq!(member["offset"], 0);
        let last = manifest["members"].as_array().unwrap().last().unwrap();
        assert_eq!(last["path"], "digests/added-later.bin");
    }
}

#[test]
fn another_major_version_is_refused_by_everything_that_opens_it() {
    for version in ["0", "2", "2.1-rc"] {
        let other = of_version(version);
        let errors = [
            open(&other).map(drop).unwrap_err(),
            verify("x.xdsnap", Cursor::new(&other[..]))
                .map(drop)
                .unwrap_err(),
            recover("x.xdsnap", Cursor::new(&other[..]))
                .map(drop)
                .unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(text.contains(&format!("version `{version}`")), "{text}");
            assert!(text.contains("`xdsnap 9.2.0`"), "{text}");
        }
    }
}

#[test]
fn every_bundle_ever_released_reads() {
    let mut names: Vec<String> =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bundles"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "README.md")
            .collect();
    names.sort();
    // Of each: its size and digest, that it may never change, its version, and how many members it holds.
    let expected = [
        (
            "1-draft-mesh.xdsnap",
            "a037d670d6513d7c2fa0275378c86e3f9231a51aa895ff7ed3b21d3ec23d066e",
            "1-draft",
            23,
        ),
        (
            "1-draft.xdsnap",
            "81b34a4fac14b4b303afdb68d929433827ecea5ff430efd38696d45f527f53ae",
            "1-draft",
            7,
        ),
        (
            "1-mesh.xdsnap",
            "3b5a96263c428838232b81f98f492c485b90dda968ddf67b70b4b698985bbb16",
            "1",
            23,
        ),
        (
            "1-rc-derived.xdsnap",
            "ff09903bd4a485751949bc5d0594df32cc09d2b85d414fda97c77a8165d7c662",
            "1-rc",
            23,
        ),
        (
            "1-rc-mesh.xdsnap",
            "e43bc6d8b60c9843191a341360233605dce87fadb876ebf90e7b4906a049fd65",
            "1-rc",
            23,
        ),
        (
            "1-rc.xdsnap",
            "fa7282dfdeaa0e42239228f2d8338dd262be1b1ddbfd5ae46c607bc5754d760f",
            "1-rc",
            7,
        ),
        (
            "1.xdsnap",
            "15fa00130099e85fe60cb4b26bcfd6f27f11bd82dddec444e52ab5ef0ae48d60",
            "1",
            7,
        ),
    ];
    let of_bundles: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| name.ends_with(".xdsnap"))
        .collect();
    assert_eq!(of_bundles, expected.map(|(name, ..)| name));
    for (name, sha256, version, members) in expected {
        let bundle = golden(name);
        assert_eq!(
            sha256_of(&bundle),
            sha256,
            "{name} was changed, which it never may be"
        );
        let manifest = open(&bundle).unwrap().manifest().clone();
        assert_eq!(manifest.version.to_string(), version);
        assert_eq!(read_all(&bundle).len(), members, "{name}");
        let findings = verify(name, Cursor::new(&bundle[..])).unwrap();
        assert!(findings.is_empty(), "{name}: {findings:?}");
        let mut reader = open(&bundle).unwrap();
        for entry in manifest.members.iter().rev() {
            reader.read(&entry.path).unwrap();
        }
    }
    // The same content in each version.
    for (old, new) in [
        ("1-rc", "1"),
        ("1-rc-mesh", "1-mesh"),
        ("1-draft", "1-rc"),
        ("1-draft-mesh", "1-rc-mesh"),
        ("1-rc-mesh", "1-rc-derived"),
    ] {
        let read = |name: &str| read_all(&golden(&format!("{name}.xdsnap")));
        assert!(read(old) == read(new), "{old} {new}");
    }
}

fn sha256_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_an_interrupted_capture_of_each_version_left_is_recovered_with_its_origins() {
    for version in ["1-rc", "1"] {
        let partial = golden(&format!("{version}.partial"));
        let mut recovery = recover("x.partial", Cursor::new(&partial[..])).unwrap();
        let intact: Vec<_> = recovery.members().filter_map(Result::ok).collect();
        let whole = golden(&format!("{version}.xdsnap"));
        let whole = open(&whole).unwrap().manifest().clone();
        assert_eq!(intact.len(), whole.members.len());
        for entry in &whole.members {
            let mut entry = entry.clone();
            entry.offset = None;
            assert!(
                intact.iter().any(|found| found.entry == entry),
                "{version} {}",
                entry.path
            );
        }
    }
}

#[test]
fn the_bytes_in_the_specification_are_those_of_the_bundle_that_it_names() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/bundle.md");
    let specification = fs::read_to_string(file).unwrap();
    let (_, section) = specification.split_once("### An example\n").unwrap();
    let bundle = golden("1-rc.xdsnap");
    let archive = zstd::decode_all(&bundle[..]).unwrap();
    let not_zero = |bytes: &[u8]| bytes.iter().filter(|byte| **byte != 0).count();
    let blocks = section.split("```").skip(1).step_by(2);
    for ((block, bytes), expected) in blocks.zip([&bundle, &archive]).zip([11, 10]) {
        let (mut lines, mut told) = (0, 0);
        for line in block.lines() {
            let Some((at, rest)) = line.split_once("  ") else {
                continue;
            };
            let Ok(at) = usize::from_str_radix(at, 16) else {
                assert!(at.starts_with('…'), "{line}");
                continue;
            };
            let mut words = rest.split(' ').map(|word| u8::from_str_radix(word, 16));
            let shown: Vec<u8> = std::iter::from_fn(|| words.next()?.ok()).collect();
            assert!(!shown.is_empty(), "{line}");
            assert_eq!(bytes[at..at + shown.len()], shown, "{line}");
            (lines, told) = (lines + 1, told + not_zero(&shown));
        }
        assert_eq!(lines, expected);
        if std::ptr::eq(bytes, &archive) {
            // Of frame 3, nothing but zeros is left out.
            assert_eq!(told, not_zero(&bytes[0x2200..0x2600]));
        }
    }
    // What is said of the member with a long path.
    for (at, start) in [
        (0x1a00, "././@LongLink"),
        (0x1c00, "envoy/xxx"),
        (0x1e00, "envoy/xxx"),
        (0x2000, "{"),
    ] {
        assert!(archive[at..].starts_with(start.as_bytes()), "{start}");
    }
}
