//! Derived data: nothing in it, nor that it is missing, changes what is read of a bundle; and it is told what is wrong.

use xdsnap::bundle::{Derived, Finding, Level, Rule, Salvage, recover, verify};

use super::*;

const SIZES: &str = "derived/sizes.json";

/// Derives something that every change of a member changes.
fn sizes(writer: &mut Writer) -> Vec<Derived> {
    let mut text = String::new();
    for (path, size) in writer.documents() {
        assert_eq!(writer.read(&path).unwrap().len() as u64, size, "{path}");
        text.push_str(&format!("{path} {size}\n"));
    }
    vec![Derived {
        kind: "sizes",
        extension: "json",
        rules: 3,
        bytes: text.into_bytes(),
    }]
}

fn bundle_with_sizes(members: &[(&String, &Vec<u8>)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xdsnap");
    let mut writer = Writer::create(&path).unwrap().deriving(sizes);
    for (path, body) in members {
        add(&mut writer, path, body);
    }
    writer.finish(head()).unwrap();
    fs::read(path).unwrap()
}

fn sha256_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What members were made from them names, computed by the words of the specification.
fn made_from(members: &Members) -> String {
    let lines = members
        .iter()
        .map(|(path, body)| format!("{}  {path}\n", sha256_of(body)));
    sha256_of(lines.collect::<String>().as_bytes())
}

/// An entry of the manifest's `derived`.
fn entry(path: &str, body: &[u8], members: &Members) -> Value {
    json!({
        "path": path, "kind": "sizes", "rules": 3, "from": made_from(members),
        "size": body.len(), "sha256": sha256_of(body),
    })
}

/// A bundle with `derived` in its manifest, and these derived members.
fn with(derived: Value, more: &[(&str, &[u8])]) -> Vec<u8> {
    let members = few_members();
    let mut manifest = manifest_of(&members);
    manifest["derived"] = derived;
    let manifest = manifest.to_string();
    let mut entries = vec![(MANIFEST_PATH, EntryType::Regular, manifest.as_bytes())];
    for (path, body) in &members {
        entries.push((path, EntryType::Regular, body));
    }
    for (path, body) in more {
        entries.push((path, EntryType::Regular, body));
    }
    tar_of(&entries)
}

fn findings(bundle: &[u8]) -> Vec<Finding> {
    let all = verify("x.xdsnap", Cursor::new(bundle)).unwrap();
    // That these bundles are packed by hand.
    let of_derived = |finding: &Finding| finding.rule != Rule::SeekTable;
    all.into_iter().filter(of_derived).collect()
}

fn rewritten(bundle: &[u8], derive: bool) -> (Salvage, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.xdsnap");
    let mut writer = Writer::create(&path).unwrap();
    if derive {
        writer = writer.deriving(sizes);
    }
    let recovery = recover("x.xdsnap", Cursor::new(bundle)).unwrap();
    let salvage = recovery.write(writer, "xdsnap 0.1.0").unwrap();
    (salvage, fs::read(path).unwrap())
}

fn manifest_text(bundle: &[u8]) -> Value {
    let bytes = open(bundle).unwrap().read(MANIFEST_PATH).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn it_stands_last_names_its_rules_and_what_it_was_made_from_and_is_no_member() {
    for members in [few_members(), hard_members()] {
        let forwards: Vec<_> = members.iter().collect();
        let backwards: Vec<_> = members.iter().rev().collect();
        let bundle = bundle_with_sizes(&forwards);
        assert!(bundle == bundle_with_sizes(&backwards));
        assert_eq!(read_all(&bundle), members);
        assert_eq!(findings(&bundle), []);

        let mut reader = open(&bundle).unwrap();
        let manifest = reader.manifest().clone();
        let [derived] = &manifest.derived[..] else {
            panic!("{manifest:?}");
        };
        assert_eq!((derived.kind.as_str(), derived.rules), ("sizes", 3));
        assert_eq!(derived.path, SIZES);
        assert_eq!(derived.from, made_from(&members));
        assert_eq!(derived.from, reader.made_from());
        let bytes = reader.read(SIZES).unwrap();
        assert_eq!(derived.sha256, sha256_of(&bytes));
        assert_eq!(derived.size, bytes.len() as u64);
        assert_eq!(bytes.split(|b| *b == b'\n').count(), members.len() + 1);
        assert_eq!(manifest.members.len(), members.len());

        let folder = tempfile::tempdir().unwrap();
        let file = write_file(folder.path(), "x.xdsnap", &bundle);
        let listed = run("tar", ["--zstd", "-tf", file.to_str().unwrap()]);
        assert_eq!(listed.lines().last(), Some(SIZES));
    }
}

#[test]
fn whatever_derived_data_says_the_same_is_read_and_what_is_wrong_is_told() {
    let members = few_members();
    let body = b"{}";
    let good = entry(SIZES, body, &members);
    let edited = |field: &str, value: Value| {
        let mut edited = good.clone();
        edited[field] = value;
        edited
    };
    let path = |path: &str| edited("path", json!(path));
    let many = vec![json!({}); 2000];
    type Case<'a> = (&'a str, Value, &'a [(&'a str, &'a [u8])], &'a str);
    let there: &[(&str, &[u8])] = &[(SIZES, body)];
    let cases: &[Case<'_>] = &[
        ("good", json!([good]), there, ""),
        ("none", json!([]), &[], ""),
        (
            "later",
            json!([edited("added_later", json!([1]))]),
            there,
            "",
        ),
        (
            "of an unknown kind",
            json!([edited("kind", json!("x"))]),
            there,
            "",
        ),
        (
            "of unknown rules",
            json!([edited("rules", json!(7))]),
            there,
            "",
        ),
        ("an object", json!({"a": 1}), there, "`derived`: no list"),
        ("a text", json!("x"), &[], "`derived`: no list"),
        ("numbers", json!([1, 2]), &[], "entry 2: invalid type"),
        ("no rules", json!([{"path": SIZES}]), there, "missing field"),
        (
            "rules of a later form",
            json!([edited("rules", json!("1.2"))]),
            there,
            "entry 1:",
        ),
        ("many", json!(many), &[], "1000 entries are ignored"),
        (
            "missing",
            json!([good]),
            &[],
            "missing: the manifest lists it",
        ),
        (
            "altered",
            json!([good]),
            &[(SIZES, b"{ }")],
            "altered: it has 3 bytes",
        ),
        (
            "another digest",
            json!([edited("sha256", json!("0"))]),
            there,
            "altered: its SHA-256",
        ),
        ("not listed", json!([]), there, "not listed"),
        (
            "huge",
            json!([edited("size", json!(1_u64 << 40))]),
            there,
            "more than 1073741824 bytes",
        ),
        (
            "a negative size",
            json!([edited("size", json!(-1))]),
            there,
            "entry 1: invalid",
        ),
        (
            "listed twice",
            json!([good, good]),
            there,
            "entry 2: `derived/sizes.json` is listed twice",
        ),
        (
            "there twice",
            json!([good]),
            &[(SIZES, body), (SIZES, b"x")],
            "more than once",
        ),
        (
            "a member",
            json!([path(STATS)]),
            &[],
            "`envoy/web-1.shop/stats.json` does not begin with",
        ),
        (
            "the manifest",
            json!([path("manifest.json")]),
            &[],
            "does not begin with",
        ),
        ("outside", json!([path("derived/../../x")]), &[], "`..`"),
        (
            "of other members",
            json!([edited("from", json!("00"))]),
            there,
            "made from other members",
        ),
    ];
    for (what, derived, more, told) in cases {
        let bundle = with(derived.clone(), more);
        assert_eq!(read_all(&bundle), members, "{what}");
        let mut reader = open(&bundle).unwrap();
        for (path, body) in &members {
            assert_eq!(&reader.read(path).unwrap(), body, "{what}");
        }
        let found = findings(&bundle);
        let text = found.iter().map(|f| f.text.as_str()).collect::<String>();
        assert!(text.contains(told), "{what}: {text}");
        assert_eq!(found.is_empty(), told.is_empty(), "{what}: {text}");
        for finding in &found {
            assert_eq!(
                (finding.level, finding.rule),
                (Level::Warning, Rule::Derived),
                "{what}"
            );
        }
        // What is written of it again is right, whatever it was, and with all members.
        let (_, again) = rewritten(&bundle, false);
        assert_eq!(read_all(&again), members, "{what}");
        assert_eq!(findings(&again), [], "{what}");
    }
}

#[test]
fn what_is_derived_from_derived_data_is_told_and_is_a_member_that_nothing_reads() {
    let mut members = few_members();
    members.insert(SIZES.to_owned(), b"{}".to_vec());
    let mut manifest = manifest_of(&members);
    manifest["derived"] = json!([entry(SIZES, b"{}", &members)]);
    let bundle = hostile(&manifest, &members);
    assert_eq!(read_all(&bundle), members);
    assert!(open(&bundle).unwrap().manifest().derived.is_empty());
    let found = findings(&bundle);
    let texts: Vec<_> = found.iter().map(|finding| finding.text.as_str()).collect();
    assert!(
        texts
            .iter()
            .any(|text| text.contains("listed in `members`")),
        "{texts:?}"
    );
}

#[test]
fn what_others_made_is_kept_as_it_is_while_its_members_are_there_and_dropped_otherwise() {
    let members = few_members();
    let body = b"\0 of a later version";
    let mut unknown = entry("derived/later/index.bin", body, &members);
    unknown["kind"] = json!("index");
    unknown["rules"] = json!(7);
    unknown["added_later"] = json!({"x": 0.10});
    let more: &[(&str, &[u8])] = &[("derived/later/index.bin", body)];
    let bundle = with(json!([unknown]), more);
    let (salvage, again) = rewritten(&bundle, false);
    assert_eq!(salvage.findings, []);
    let manifest = manifest_text(&again);
    let mut kept = manifest["derived"][0].clone();
    assert!(kept["offset"].is_u64());
    kept.as_object_mut().unwrap().remove("offset");
    assert_eq!(kept, unknown);
    let bytes = open(&again).unwrap().read("derived/later/index.bin");
    assert_eq!(bytes.unwrap(), body);
    assert!(rewritten(&again, false).1 == rewritten(&rewritten(&again, false).1, false).1);

    // A member is lost, or another: all that was made from it goes.
    for lost in members.keys() {
        let mut fewer = members.clone();
        fewer.remove(lost);
        let mut manifest = manifest_of(&members);
        manifest["derived"] = json!([unknown]);
        let mut archive = fewer.clone();
        archive.insert("derived/later/index.bin".to_owned(), body.to_vec());
        let (salvage, again) = rewritten(&hostile(&manifest, &archive), false);
        let notes: Vec<_> = (salvage.findings.iter())
            .filter(|finding| finding.level == Level::Note)
            .map(Finding::to_string)
            .collect();
        assert_eq!(
            notes,
            [
                "note: member `derived/later/index.bin`: not kept: it was made from other members than these"
            ]
        );
        assert!(manifest_text(&again).get("derived").is_none());
        assert_eq!(read_all(&again), fewer);
    }
}

#[test]
fn what_is_made_anew_takes_the_place_of_what_the_same_rules_made_and_of_nothing_else() {
    let members = few_members();
    let all: Vec<_> = members.iter().collect();
    let expected = open(&bundle_with_sizes(&all)).unwrap().read(SIZES).unwrap();
    let wrong = b"lies";
    for (kind, rules, is_replaced) in [("sizes", 3, true), ("sizes", 4, false), ("x", 3, false)] {
        let mut derived = entry(SIZES, wrong, &members);
        derived["kind"] = json!(kind);
        derived["rules"] = json!(rules);
        let bundle = with(json!([derived]), &[(SIZES, wrong)]);
        let (_, again) = rewritten(&bundle, true);
        let found = open(&again).unwrap().read(SIZES).unwrap();
        match is_replaced {
            true => assert_eq!(found, expected),
            false => assert_eq!(found, wrong),
        }
        assert_eq!(manifest_text(&again)["derived"][0]["rules"], rules);
        assert_eq!(findings(&again), []);
    }
}

#[test]
fn a_bundle_without_its_manifest_or_packed_by_others_gives_its_members_alone() {
    let members = few_members();
    let all: Vec<_> = members.iter().collect();
    let bundle = bundle_with_sizes(&all);
    // Without a manifest, nothing tells what the rest is.
    let mut entries: Vec<(&str, EntryType, &[u8])> = Vec::new();
    for (path, body) in &members {
        entries.push((path, EntryType::Regular, body));
    }
    entries.push((SIZES, EntryType::Regular, b"x"));
    let (salvage, again) = rewritten(&tar_of(&entries), true);
    assert_eq!(salvage.members, members.len());
    assert!(
        salvage
            .findings
            .iter()
            .all(|f| f.member.as_deref() != Some(SIZES)),
        "{:?}",
        salvage.findings
    );
    let made = open(&again).unwrap().read(SIZES).unwrap();
    assert_eq!(made, open(&bundle).unwrap().read(SIZES).unwrap());

    let folder = tempfile::tempdir().unwrap();
    let file = write_file(folder.path(), "x.xdsnap", &bundle);
    let unpacked = folder.path().join("x");
    fs::create_dir(&unpacked).unwrap();
    let (file, unpacked) = (file.to_str().unwrap(), unpacked.to_str().unwrap());
    run("tar", ["--zstd", "-xf", file, "-C", unpacked]);
    run("tar", ["--zstd", "-cf", file, "-C", unpacked, "."]);
    let packed = fs::read(file).unwrap();
    assert_eq!(read_all(&packed), members);
    let wrong: Vec<_> = findings(&packed)
        .into_iter()
        .filter(|finding| finding.level > Level::Note)
        .collect();
    assert_eq!(wrong, []);
    let read = open(&packed).unwrap().read(SIZES).unwrap();
    assert_eq!(read, made);
}
