//! What remains of a bundle that is cut, damaged or never finished.

use std::{process::Stdio, time::Duration};

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
            redacted: Some(number as u64),
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
        let fragment = json!({"format": "xdsnap.bundle", "version": "1-rc", "member": entry});
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

/// A folder of recordings that takes a moment to capture.
const RECORDINGS: &str = "testdata/corpus/o_endpoints/1_before";

fn capture(output: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xdsnap"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDINGS);
    command
        .args(["capture", "-q", "-o"])
        .arg(output)
        .arg(folder)
        .stdout(Stdio::null());
    command
}

/// Checks what stands after a capture that did not end by itself; whether the bundle is the new one.
fn check_remains(path: &Path, whole: &Members) -> bool {
    let partial = path.with_extension("xdsnap.partial");
    if let Ok(bytes) = fs::read(&partial) {
        let (intact, _) = recovered(&bytes);
        assert_eq!(
            intact.len(),
            frame_ends_of_members(&bytes),
            "all that was captured"
        );
        for found in intact {
            assert!(
                found.bytes == whole[&found.entry.path],
                "{}",
                found.entry.path
            );
            assert!(found.entry.origin.file.is_some());
        }
        fs::remove_file(&partial).unwrap();
    }
    let found = fs::read(path).unwrap();
    if found == b"old" {
        return false;
    }
    assert!(&read_all(&found) == whole);
    true
}

/// How many frames of a partial file are whole.
fn frame_ends_of_members(bytes: &[u8]) -> usize {
    let ends = frame_ends(bytes);
    let starts = [0].into_iter().chain(ends.iter().copied());
    let is_whole = |(start, end): (usize, &usize)| zstd::decode_all(&bytes[start..*end]).is_ok();
    starts
        .zip(&ends)
        .filter(|(s, e)| e > &s && is_whole((*s, e)))
        .count()
}

#[test]
fn a_capture_that_is_killed_leaves_the_old_file_or_the_whole_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xdsnap");
    assert!(capture(&path).status().unwrap().success());
    let whole = read_all(&fs::read(&path).unwrap());
    for millis in (0..120).step_by(6) {
        fs::write(&path, "old").unwrap();
        let mut child = capture(&path).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        // On Unix this is SIGKILL.
        let _ = child.kill();
        child.wait().unwrap();
        check_remains(&path, &whole);
    }
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_leaves_the_old_file_and_what_was_captured() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xdsnap");
    assert!(capture(&path).status().unwrap().success());
    let bundle = fs::read(&path).unwrap();
    let whole = read_all(&bundle);
    // A file can get no larger than so many blocks of 512 bytes, as with a quota or on a full disk.
    let most = bundle.len() / 512;
    for blocks in [0, 1, 5, most / 2, most - 1] {
        fs::write(&path, "old").unwrap();
        let command = capture(&path);
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""))
            .arg("sh")
            .arg(command.get_program())
            .args(command.get_args())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{blocks} blocks");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.contains("x.xdsnap") && text.contains("cannot write"),
            "{text}"
        );
        assert!(!check_remains(&path, &whole), "{blocks} blocks");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_named_and_nothing_is_left() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser writes everywhere.
    let is_bound = fs::write(locked.join("x"), "").is_err();
    let path = locked.join("x.xdsnap");
    if is_bound {
        let error = Writer::create(&path).unwrap_err().to_string();
        assert!(error.contains("x.xdsnap.partial"), "{error}");
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    let proc = Writer::create(Path::new("/proc/x.xdsnap"));
    if Path::new("/proc/self").exists() {
        let error = proc.unwrap_err().to_string();
        assert!(error.contains("cannot write `/proc/x.xdsnap"), "{error}");
    }
}
