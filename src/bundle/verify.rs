//! Checking a bundle against all that the format demands.

use std::io::{Read, Seek};

use super::{
    archive::{Archive, BLOCK},
    derived,
    error::{ReadError, Reason},
    finding::{Finding, Level, Rule},
    format::Manifest,
    layout::{MANIFEST_PATH, MemberPath},
    plan::Kind,
    reader::Reader,
    seek_table::{Found, Frame},
};

/// The size of the end of an archive, in bytes.
const END: u64 = 2 * BLOCK;

/// Reads all of the bundle in `file`, which errors call `name`, and tells what breaks the rules of its format: each
/// digest and size, the seek table and the offsets, the frames' checksums, the order, and what the manifest says.
///
/// What derived members hold is not computed again: who knows their rules can do that.
///
/// # Errors
///
/// Where nothing can be verified: it is no bundle, of another major version, or its manifest cannot be read.
pub fn verify<R: Read + Seek>(name: &str, file: R) -> Result<Vec<Finding>, ReadError> {
    let mut reader = Reader::open(name, file)?;
    let mut findings = Vec::new();
    let mut order = Vec::new();
    let mut members = reader.members().and_derived();
    while let Some(member) = members.next() {
        let path = match &member {
            Ok(member) => Some(&member.path),
            Err(error) => error.member.as_ref(),
        };
        let is_derived = path.is_some_and(|path| members.is_derived(path));
        order.extend(path.filter(|_| !is_derived).cloned());
        match member {
            Err(error) if is_derived => findings.push(Finding {
                level: Level::Warning,
                rule: Rule::Derived,
                ..error.into()
            }),
            Err(error) => findings.push(error.into()),
            Ok(_) => {}
        }
    }
    version(reader.manifest(), &mut findings);
    manifest(reader.manifest(), &mut findings);
    if reader
        .read(MANIFEST_PATH)
        .is_ok_and(|bytes| holds_null(&bytes))
    {
        let text = "a field is `null`, where it should be absent";
        findings.push(Finding::new(Level::Warning, Rule::Manifest, text));
    }
    // What is damaged is told above, once.
    let intact = findings.iter().all(|finding| finding.level < Level::Error);
    derived::verify(&mut reader, &mut findings)?;
    if intact {
        let listed = reader.manifest().members.iter().map(|entry| &entry.path);
        if !listed.eq(&order) {
            let text = "the members do not stand in the order of the manifest: the bundle was packed again";
            findings.push(Finding::new(Level::Note, Rule::Archive, text));
        }
    }
    frames(&mut reader, intact, &mut findings)?;
    Ok(findings)
}

/// Whether versions before `1-rc` wrote the bundle: it has neither a seek table nor offsets.
fn is_draft(manifest: &Manifest) -> bool {
    manifest.version.to_string() == "1-draft"
}

fn version(manifest: &Manifest, findings: &mut Vec<Finding>) {
    if manifest.version.is_newer() {
        let text = format!(
            "version `{}` is newer than this release, which ignores what it does not know",
            manifest.version
        );
        findings.push(Finding::new(Level::Note, Rule::Version, text));
    }
}

/// Whether JSON, which was parsed before, holds a `null`.
fn holds_null(json: &[u8]) -> bool {
    let mut in_text = false;
    let mut is_escaped = false;
    json.iter().any(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_text = !in_text,
            _ => {}
        }
        // Neither a number, `true` nor `false` has this letter.
        !in_text && *byte == b'n'
    })
}

#[test]
fn a_null_is_found_and_none_in_a_text() {
    for (json, expected) in [
        (r#"{"note":null}"#, true),
        (r#"[1,"\\",null]"#, true),
        (r#"{"note":"null\"n","n":[true,false,1]}"#, false),
    ] {
        assert_eq!(holds_null(json.as_bytes()), expected, "{json}");
    }
}

/// The rules that a manifest can break and still be read.
fn manifest(manifest: &Manifest, findings: &mut Vec<Finding>) {
    let warning = |text: &str| Finding::new(Level::Warning, Rule::Manifest, text);
    let mut warn = |text: &str| findings.push(warning(text));
    if !manifest.proxies.is_sorted_by(|a, b| a.id < b.id) {
        warn("`proxies` is not sorted by ID, each once");
    }
    if !manifest.istiods.is_sorted() {
        warn("`istiods` is not sorted");
    }
    if !manifest.failures.is_sorted() {
        warn("`failures` is not sorted");
    }
    let key = |path: &String| (Kind::of(path), path.clone());
    if !is_draft(manifest) && !manifest.members.is_sorted_by_key(|entry| key(&entry.path)) {
        warn("`members` is not in the order of the format");
    }
    for entry in &manifest.members {
        let Ok(path) = entry.path.parse::<MemberPath>() else {
            // Of these the rules of derived data tell.
            if Kind::of(&entry.path) == Kind::Derived {
                continue;
            }
            let text = "its path is of no document that this release knows";
            findings.push(Finding::new(Level::Note, Rule::Manifest, text).of(&entry.path));
            continue;
        };
        let mut warn = |text: &str| findings.push(warning(text).of(&entry.path));
        if let Some(proxy) = path.proxy()
            && manifest
                .proxies
                .binary_search_by(|known| known.id.cmp(proxy))
                .is_err()
        {
            warn("its proxy is not in `proxies`");
        }
        if let (Some(requested), Some(received)) = (entry.requested, entry.received)
            && received < requested
        {
            warn("it was received before it was requested");
        }
        let origin = &entry.origin;
        if let Some(file) = &origin.file
            && file.contains(['/', '\\'])
        {
            warn("its origin names a folder");
        }
    }
}

/// The frames, and what the seek table says of them.
fn frames<R: Read + Seek>(
    reader: &mut Reader<R>,
    intact: bool,
    findings: &mut Vec<Finding>,
) -> Result<(), ReadError> {
    let Found::Table(table) = &reader.table else {
        if matches!(reader.table, Found::Nothing) && !is_draft(reader.manifest()) {
            let text = "there is no seek table: the bundle was packed again, or its end is missing";
            findings.push(Finding::new(Level::Note, Rule::SeekTable, text));
        }
        return Ok(());
    };
    let mut without_checksum = 0;
    for (number, frame) in table.frames().iter().enumerate() {
        let place = format!("frame {} at byte {}", number + 1, frame.start);
        match wrong_with(&mut reader.archive, frame, &mut without_checksum) {
            Ok(None) => {}
            Ok(Some(what)) => {
                let text = format!("{place}: {what}");
                findings.push(Finding::new(Level::Error, Rule::SeekTable, text));
            }
            Err(Reason::Io(err)) => {
                return Err(reader.error(None, Reason::Io(err)));
            }
            Err(reason) => {
                let text = format!("{place}: {reason}");
                findings.push(Finding::new(Level::Error, Rule::Frames, text));
            }
        }
    }
    if without_checksum > 0 {
        let text = format!("{without_checksum} frames have no content checksum");
        findings.push(Finding::new(Level::Warning, Rule::Frames, text));
    }
    if intact {
        offsets(reader, findings);
        cuts(reader, findings);
    }
    Ok(())
}

/// What the seek table says wrongly of a frame, if anything.
fn wrong_with<R: Read + Seek>(
    archive: &mut Archive<R>,
    frame: &Frame,
    without_checksum: &mut usize,
) -> Result<Option<String>, Reason> {
    let end = frame.start + u64::from(frame.packed);
    let found = archive.measure(frame.start, end)?;
    *without_checksum += usize::from(found.is_data && found.checksum.is_none());
    let sizes = (u64::from(frame.packed), u64::from(frame.unpacked));
    Ok(if (found.packed, found.unpacked) != sizes {
        Some(format!(
            "the seek table says that {} bytes unpack to {}, it is {} to {}",
            sizes.0, sizes.1, found.packed, found.unpacked
        ))
    } else if frame.checksum.is_some()
        && found.checksum.is_some()
        && frame.checksum != found.checksum
    {
        Some("the seek table has another checksum".to_owned())
    } else {
        None
    })
}

/// Whether each member is where its offset says.
fn offsets<R: Read + Seek>(reader: &mut Reader<R>, findings: &mut Vec<Finding>) {
    let Manifest {
        members, derived, ..
    } = reader.manifest();
    // By their places, so that no frame is unpacked from its beginning for each of its members.
    let mut places: Vec<(u64, usize)> = (0..members.len() + derived.len())
        .filter_map(|position| Some((reader.entry(position).offset?, position)))
        .collect();
    places.sort_unstable();
    for (_, position) in places {
        let path = reader.entry(position).path.to_owned();
        if reader.listed(position).is_none() {
            let text = "it does not stand at its offset: the bundle was packed again";
            findings.push(Finding::new(Level::Warning, Rule::SeekTable, text).of(&path));
        }
    }
    if reader.table_starts_with_manifest() {
        return;
    }
    let text = "it does not fill the first frame alone";
    findings.push(Finding::new(Level::Warning, Rule::Frames, text).of(MANIFEST_PATH));
}

/// Whether frames end where they may: a member that is cut shares none of its frames, and the end of the archive has one
/// of its own.
fn cuts<R: Read + Seek>(reader: &Reader<R>, findings: &mut Vec<Finding>) {
    let Found::Table(table) = &reader.table else {
        return;
    };
    let frames: Vec<&Frame> = table.frames().iter().filter(|f| f.unpacked > 0).collect();
    let ([first, ..], [.., last]) = (&frames[..], &frames[..]) else {
        return;
    };
    let mut warn = |text: String| findings.push(Finding::new(Level::Warning, Rule::Frames, text));
    if u64::from(last.unpacked) != END {
        warn("the end of the archive is no frame of its own".to_owned());
    }
    let manifest = reader.manifest();
    let members = manifest.members.iter().map(|entry| entry.offset);
    let derived = manifest.derived.iter().map(|entry| entry.offset);
    let place = |offset: Option<u64>| offset?.checked_add(u64::from(first.unpacked));
    let places: Option<Vec<u64>> = members.chain(derived).map(place).collect();
    let Some(mut places) = places else {
        return;
    };
    places.push((last.offset + u64::from(last.unpacked)).saturating_sub(END));
    places.sort_unstable();
    let starts: Vec<u64> = frames.iter().map(|frame| frame.offset).collect();
    let is_start = |place: &u64| starts.binary_search(place).is_ok();
    let shares = |ends: &&[u64]| {
        let inside = starts.partition_point(|start| *start <= ends[0]);
        let is_cut = starts.get(inside).is_some_and(|start| *start < ends[1]);
        is_cut && !ends.iter().all(is_start)
    };
    let count = places.windows(2).filter(shares).count();
    if count > 0 {
        warn(format!(
            "members that are cut share frames with others: {count}"
        ));
    }
}
