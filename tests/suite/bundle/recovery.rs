//! What remains of a bundle that is cut, damaged or never finished.

use xdsnap::bundle::{Finding, Intact, Level, Salvage, recover, verify};

use super::*;

fn recovered(bytes: &[u8]) -> (Vec<Intact>, Vec<Finding>) {
    let Ok(mut recovery) = recover("x.xdsnap", Cursor::new(bytes)) else {
        return Default::default();
    };
    let mut intact = Vec::new();
    let mut findings = Vec::new();
    for member in recovery.members() {
        match member {
            Ok(member) => intact.push(member),
            Err(finding) => findings.push(finding),
        }
    }
    (intact, findings)
}

fn written_again(bytes: &[u8]) -> (Salvage, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.xdsnap");
    let recovery = recover("x.xdsnap", Cursor::new(bytes)).unwrap();
    let salvage = recovery
        .write(Writer::create(&path).unwrap(), "xdsnap 0.1.0")
        .unwrap();
    (salvage, fs::read(path).unwrap())
}

/// What a capture leaves that is killed after these members.
fn partial_of(members: &Members) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join("x.xdsnap")).unwrap();
    for (number, (path, body)) in members.iter().enumerate() {
        let provenance = Provenance {
            origin: Origin::url(format!("http://127.0.0.1:15000/{number}")),
            requested: Some(time("2026-11-21T01:52:51.5Z")),
            received: Some(time(&format!("2026-11-21T01:52:5{}Z", number + 2))),
            status: Some(200),
            redacted: Some([("private-key-pem", number as u64)].into_iter().collect()),
        };
        writer
            .member(path.parse().unwrap(), provenance, &mut &body[..])
            .unwrap();
    }
    fs::read(writer.partial_path()).unwrap()
}

/// Where the frames of a file without a seek table end.
fn frame_ends(bytes: &[u8]) -> Vec<usize> {
    let magic = 0xFD2F_B528_u32.to_le_bytes();
    (1..bytes.len())
        .filter(|at| bytes[*at..].starts_with(&magic))
        .chain([bytes.len()])
        .collect()
}

/// Found by fuzzing: what was looked at before it was written was taken for duplicates, and nothing was saved.
#[test]
fn what_was_looked_at_can_be_looked_at_again_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.xdsnap");
    let partial = partial_of(&few_members());
    let mut recovery = recover("x.xdsnap", Cursor::new(&partial)).unwrap();
    let [first, second] = [(); 2].map(|()| recovery.members().collect::<Vec<_>>());
    assert_eq!(first, second);
    let salvage = recovery
        .write(Writer::create(&path).unwrap(), "xdsnap 0.1.0")
        .unwrap();
    assert_eq!(salvage.members, 3);
    assert_eq!(read_all(&fs::read(path).unwrap()), few_members());
}

/// Found by fuzzing: what was nested as deep as a manifest may be made the new manifest too deep to be read.
#[test]
fn what_a_partial_file_says_however_deep_leaves_the_new_bundle_readable() {
    for depth in 50..70 {
        let mut entry = entry_of(SYNCZ, b"[]");
        entry["later"] = (0..depth).fold(Value::Null, |inner, _| json!([inner]));
        let fragment = json!({"format": "xdsnap.bundle", "version": "1", "member": entry});
        let fragment = fragment.to_string();
        let partial = tar_of(&[
            ("manifest.d/1.json", EntryType::Regular, fragment.as_bytes()),
            (SYNCZ, EntryType::Regular, b"[]"),
        ]);
        let (salvage, bundle) = written_again(&partial);
        assert_eq!(salvage.members, 1, "{depth}");
        assert_eq!(read_all(&bundle)[SYNCZ], b"[]", "{depth}");
    }
}

/// Found by fuzzing: a field that is ignored was not UTF-8, so the bundle opened, and nothing of it could be saved.
#[test]
fn of_a_bundle_whose_manifest_is_not_utf_8_every_member_is_saved() {
    let members = few_members();
    let mut manifest = manifest_of(&members);
    manifest["later"] = json!("~");
    let mut manifest = manifest.to_string().into_bytes();
    let at = manifest.iter().position(|byte| *byte == b'~').unwrap();
    manifest[at] = 0xff;
    let mut entries = vec![(MANIFEST_PATH, EntryType::Regular, &manifest[..])];
    for (path, body) in &members {
        entries.push((path, EntryType::Regular, body));
    }
    let bundle = tar_of(&entries);
    let err = open(&bundle).unwrap_err();
    assert!(err.to_string().contains("it is not UTF-8"), "{err}");
    let (salvage, saved) = written_again(&bundle);
    assert_eq!(salvage.members, members.len());
    assert_eq!(read_all(&saved), members);
}

#[test]
fn a_partial_file_becomes_a_bundle_with_the_origins_and_times_of_its_members() {
    let members = few_members();
    let partial = partial_of(&members);
    let (salvage, bundle) = written_again(&partial);
    assert_eq!(salvage.members, 3);
    assert!(salvage.findings.iter().all(|f| f.level == Level::Note));
    assert_eq!(read_all(&bundle), members);
    let manifest = open(&bundle).unwrap().manifest().clone();
    for (number, entry) in manifest.members.iter().enumerate() {
        assert_eq!(
            entry.origin,
            Origin::url(format!("http://127.0.0.1:15000/{number}"))
        );
        assert_eq!(entry.redacted, Some(number as u64));
        assert_eq!(entry.status, Some(200));
    }
    let span = manifest.captured.unwrap();
    assert_eq!(span.start, time("2026-11-21T01:52:51.5Z"));
    assert_eq!(span.end, time("2026-11-21T01:52:54Z"));
    assert_eq!(manifest.redaction.values, 3);
    assert_eq!(manifest.redaction.by_rule["private-key-pem"], 3);
    assert_eq!(manifest.proxies[0].id, id("web-1.shop"));
    assert!(verify("x", Cursor::new(&bundle[..])).unwrap().is_empty());
}

#[test]
fn a_partial_file_cut_anywhere_gives_every_member_whose_frame_is_whole() {
    let members = few_members();
    let partial = partial_of(&members);
    let ends = frame_ends(&partial);
    assert_eq!(ends.len(), members.len());
    for length in 0..=partial.len() {
        let (intact, findings) = recovered(&partial[..length]);
        let whole = ends.iter().filter(|end| **end <= length).count();
        assert!(intact.len() >= whole, "cut at {length}: {findings:?}");
        let is_told = findings.iter().any(|found| found.level == Level::Error);
        let is_clean = ends.contains(&length);
        assert!(
            is_clean != is_told || intact.is_empty(),
            "cut at {length}: {findings:?}"
        );
        for found in intact {
            assert_eq!(found.bytes, members[&found.entry.path]);
            assert!(found.entry.origin.url.is_some());
        }
    }
}

#[test]
fn an_altered_byte_of_a_partial_file_loses_one_member_at_most_and_alters_none() {
    let members = few_members();
    let partial = partial_of(&members);
    for index in 0..partial.len() {
        for mask in [0x01, 0x80, 0xFF] {
            let mut altered = partial.clone();
            altered[index] ^= mask;
            let (intact, findings) = recovered(&altered);
            for found in &intact {
                assert_eq!(found.bytes, members[&found.entry.path], "byte {index}");
            }
            let is_told = findings.iter().any(|found| found.level == Level::Error);
            let is_named = intact.len() == 3 || is_told;
            assert!(is_named, "byte {index}");
            assert!(intact.len() >= 2, "byte {index}: {findings:?}");
        }
    }
}

#[test]
fn a_bundle_cut_or_altered_anywhere_gives_every_member_that_is_not_hit() {
    let members = few_members();
    let bundle = bundle_of(&members);
    let ends = frame_ends(&bundle);
    for length in 0..bundle.len() {
        let (intact, _) = recovered(&bundle[..length]);
        let whole = ends.iter().skip(1).filter(|end| **end <= length).count();
        assert!(intact.len() >= whole.min(3), "cut at {length}");
    }
    for index in 0..bundle.len() {
        let mut altered = bundle.clone();
        altered[index] ^= 0x10;
        let (intact, findings) = recovered(&altered);
        assert!(intact.len() >= 2, "byte {index}: {findings:?}");
        for found in &intact {
            assert_eq!(found.bytes, members[&found.entry.path], "byte {index}");
        }
    }
}

#[test]
fn without_its_manifest_a_bundle_gives_its_members_and_says_what_is_lost() {
    let members = few_members();
    let mut bundle = bundle_of(&members);
    // In the manifest's frame, and in the last member's.
    bundle[100] ^= 0xFF;
    let ends = frame_ends(&bundle);
    bundle[ends[3] - 2] ^= 0xFF;
    let (salvage, again) = written_again(&bundle);
    assert_eq!(salvage.members, 2);
    let of = |path: &str| {
        let mut findings = salvage.findings.iter();
        findings.any(|finding| finding.member.as_deref() == Some(path))
    };
    assert!(of(MANIFEST_PATH) && of(SYNCZ), "{:?}", salvage.findings);
    let manifest = open(&again).unwrap().manifest().clone();
    assert_eq!(manifest.members[0].origin, Origin::file("x.xdsnap"));
    let [failure] = &manifest.failures[..] else {
        panic!("{:?}", manifest.failures)
    };
    assert_eq!(failure.document.as_deref(), Some("syncz"));
    assert!(failure.reason.starts_with("lost from a damaged bundle: "));
}

#[test]
fn what_is_lost_of_a_damaged_bundle_stands_in_the_new_one_as_failures() {
    let members = few_members();
    let mut bundle = bundle_of(&members);
    let ends = frame_ends(&bundle);
    bundle[ends[2] - 8] ^= 0xFF;
    let (salvage, again) = written_again(&bundle);
    assert_eq!(salvage.members, 2);
    let manifest = open(&again).unwrap().manifest().clone();
    let [failure] = &manifest.failures[..] else {
        panic!("{:?}", manifest.failures)
    };
    assert_eq!(failure.document.as_deref(), Some("stats"));
    assert_eq!(failure.proxy.as_deref(), Some("web-1.shop"));
    assert_eq!(manifest.members.len(), 2);
    assert!(verify("x", Cursor::new(&again[..])).unwrap().is_empty());
}

#[test]
fn another_archive_gives_nothing() {
    let other = tar_of(&[("readme.txt", EntryType::Regular, b"hello")]);
    let (intact, findings) = recovered(&other);
    assert!(intact.is_empty() && !findings.is_empty());
    assert!(recover("x", Cursor::new(b"{}")).is_err());
}

#[test]
fn what_was_known_of_the_whole_is_restored_also_of_a_file_that_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join("x.xdsnap")).unwrap();
    let failure = |reason: &str| Failure {
        source: Source::Envoy,
        proxy: Some(id("web-1.shop")),
        document: Some(Document::Certs),
        part: None,
        origin: Origin::url("http://127.0.0.1:15000/certs"),
        time: Some(time("2026-11-21T01:52:53Z")),
        status: Some(503),
        reason: reason.to_owned(),
    };
    let mut told = head();
    told.note = Some("n".repeat(100_000));
    told.redaction.rules = vec!["private-key-pem".to_owned()];
    told.redaction.off = true;
    told.proxies.push(ProxyEntry {
        id: id("web-1.shop"),
        envoy_version: Some("1.40.0".to_owned()),
        istio_version: None,
        istiod: None,
    });
    writer.know(told.clone());
    let mut sizes = vec![fs::read(writer.partial_path()).unwrap().len()];
    for (path, body) in &few_members() {
        writer.failure(failure(path));
        sizes.push(fs::read(writer.partial_path()).unwrap().len());
        let provenance = Provenance::of_file("x.json");
        writer
            .member(path.parse().unwrap(), provenance, &mut &body[..])
            .unwrap();
        sizes.push(fs::read(writer.partial_path()).unwrap().len());
    }
    let partial = fs::read(writer.partial_path()).unwrap();
    assert_eq!(sizes.last(), Some(&partial.len()));
    for (number, size) in sizes.iter().enumerate() {
        // One byte less loses what was written last, and no more.
        for (length, failures, members) in [
            (*size, number.div_ceil(2), number / 2),
            (size - 1, number / 2, number.saturating_sub(1) / 2),
        ] {
            let recovery = recover("x", Cursor::new(&partial[..length]));
            let Ok(recovery) = recovery else {
                assert!(length < sizes[0]);
                continue;
            };
            let path = folder.path().join("again.xdsnap");
            let salvage = recovery
                .write(Writer::create(&path).unwrap(), "xdsnap 0.1.0")
                .unwrap();
            assert_eq!(salvage.members, members, "cut at {length}");
            let errors = salvage.findings.iter().filter(|f| f.level == Level::Error);
            assert_eq!(errors.count() > 0, length < *size, "cut at {length}");
            let Some(written) = salvage.written else {
                assert_eq!(members, 0);
                continue;
            };
            let bundle = fs::read(written.path).unwrap();
            let manifest = open(&bundle).unwrap().manifest().clone();
            assert_eq!(manifest.note, told.note);
            assert_eq!(manifest.captured, told.captured);
            assert_eq!(manifest.redaction, told.redaction);
            assert_eq!(manifest.proxies, told.proxies);
            let is_told = |failure: &&xdsnap::bundle::FailureEntry| failure.status == Some(503);
            let told = manifest.failures.iter().filter(is_told).count();
            assert_eq!(told, failures, "cut at {length}");
            assert!(verify("x", Cursor::new(&bundle[..])).unwrap().is_empty());
        }
    }
}

#[test]
fn an_altered_byte_of_what_is_told_of_the_whole_is_told_and_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join("x.xdsnap")).unwrap();
    writer.know(Head {
        note: Some("before".to_owned()),
        ..Head::default()
    });
    let end = fs::read(writer.partial_path()).unwrap().len();
    let provenance = Provenance::of_file("x.json");
    writer
        .member(SYNCZ.parse().unwrap(), provenance, &mut &b"[]"[..])
        .unwrap();
    let partial = fs::read(writer.partial_path()).unwrap();
    for index in 0..end {
        let mut altered = partial.clone();
        altered[index] ^= 0x10;
        let (salvage, again) = written_again(&altered);
        assert_eq!(salvage.members, 1, "byte {index}");
        let note = open(&again).unwrap().manifest().note.clone();
        let is_told = salvage.findings.iter().any(|f| f.level == Level::Error);
        assert!(
            note.as_deref() == Some("before") || (note.is_none() && is_told),
            "byte {index}: {note:?} {:?}",
            salvage.findings
        );
    }
}

#[test]
fn what_is_recovered_is_written_where_there_is_room_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.xdsnap");
    let partial = partial_of(&few_members());
    let recovery = recover("x", Cursor::new(&partial[..])).unwrap();
    let writer = Writer::create_new(&path).unwrap();
    // It comes to its place meanwhile.
    fs::create_dir(&path).unwrap();
    recovery.write(writer, "xdsnap 0.1.0").unwrap_err();
    assert_eq!(names_in(folder.path()), ["new.xdsnap"]);
}

#[test]
fn a_bundle_that_cannot_be_put_in_its_place_stays_as_a_partial_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xdsnap");
    let mut writer = Writer::create(&path).unwrap();
    for (path, body) in &few_members() {
        let provenance = Provenance::of_file("x.json");
        writer
            .member(path.parse().unwrap(), provenance, &mut &body[..])
            .unwrap();
    }
    let unfinished = writer.unfinished().unwrap();
    fs::create_dir(&path).unwrap();
    let error = writer.finish(head()).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot write `") && error.contains("x.xdsnap`"),
        "{error}"
    );
    assert_eq!(names_in(folder.path()), ["x.xdsnap", "x.xdsnap.partial"]);
    assert_eq!(
        (unfinished.path.file_name(), unfinished.members),
        (Some(OsStr::new("x.xdsnap.partial")), 3)
    );
    let partial = fs::read(&unfinished.path).unwrap();
    assert_eq!(partial.len() as u64, unfinished.size_bytes);
    assert_eq!(recovered(&partial).0.len(), 3);
}

#[cfg(unix)]
#[test]
fn a_partial_file_is_taken_over_only_if_it_holds_no_member_and_nobody_writes_it() {
    let few = partial_of(&few_members());
    let told = {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&folder.path().join("x.xdsnap")).unwrap();
        writer.know(head());
        fs::read(writer.partial_path()).unwrap()
    };
    for (what, left, is_taken) in [
        ("empty", &b""[..], true),
        ("what is known of the whole", &told, true),
        ("the same, cut", &told[..told.len() - 1], true),
        ("members", &few, false),
        ("a member, cut", &few[..few.len() / 4], false),
        ("another file", b"my notes", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.xdsnap");
        let partial = folder.path().join("x.xdsnap.partial");
        fs::write(&partial, left).unwrap();
        let writer = Writer::create(&path).unwrap();
        let earlier: &[PathBuf] = writer.earlier();
        match is_taken {
            true => assert!(
                earlier.is_empty() && writer.partial_path() == partial,
                "{what}"
            ),
            false => {
                assert_eq!(earlier, std::slice::from_ref(&partial), "{what}");
                assert!(fs::read(&partial).unwrap() == left, "{what}");
            }
        }
        // While one writes, the next one writes elsewhere, and does not take it for something that was left.
        let next = Writer::create(&path).unwrap();
        assert_ne!(next.partial_path(), writer.partial_path(), "{what}");
        assert_eq!(next.earlier(), writer.earlier(), "{what}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xdsnap");
    let victim = folder.path().join("victim");
    fs::write(&victim, &told).unwrap();
    std::os::unix::fs::symlink(&victim, folder.path().join("x.xdsnap.partial")).unwrap();
    let writer = Writer::create(&path).unwrap();
    assert!(writer.partial_path().ends_with("x.xdsnap.partial.2"));
    assert!(fs::read(victim).unwrap() == told);
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
