//! Getting back what is intact: of a cut or damaged bundle, and of what an interrupted capture left.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io::{Read, Seek},
};

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::model::Source;

use super::{
    archive::{Archive, Data},
    digest,
    error::{ReadError, Reason},
    finding::{Finding, Level, Rule},
    format::{
        Captured, FORMAT, FailureEntry, IstiodEntry, MAX_FRAMES, MAX_JSON_DEPTH, MAX_MEMBER_BYTES,
        Manifest, MemberEntry, Origin, Redaction, Version,
    },
    layout::{FRAGMENTS, MANIFEST_PATH, MemberPath},
    reader::{Reader, check_depth},
    writer::{Entry, Fields, Head, WriteError, Writer, Written, raw},
};

/// The largest fragment that is read, in bytes.
const MAX_FRAGMENT_BYTES: u64 = 64 << 10;

/// The most fragments that wait for their members.
const MAX_WAITING: usize = 1024;

/// A file from which to get back what is intact. See [`recover`].
#[derive(Debug)]
pub struct Recovery<R> {
    name: String,
    file: File<R>,
}

#[derive(Debug)]
enum File<R> {
    /// Its manifest is intact.
    Listed(Box<Reader<R>>),
    /// It has none, or a damaged one.
    Unlisted(Box<Unlisted<R>>),
}

/// A member that is what was written, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intact {
    /// What the manifest, or a fragment of one, says of it. Where both are lost, the file that is recovered from is
    /// its origin.
    pub entry: MemberEntry,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A bundle that was made of what was intact.
#[derive(Debug)]
pub struct Salvage {
    /// The new bundle; none where nothing was intact.
    pub written: Option<Written>,
    /// How many members it holds.
    pub members: usize,
    /// What was lost, and why: a [`Level::Error`] each. Below that nothing was lost.
    pub findings: Vec<Finding>,
}

/// Opens a cut or damaged bundle, or what an interrupted capture left, to get back what is intact.
///
/// A member is intact if its size and digest are what the manifest says. Where there is no manifest, or a damaged one, it
/// is intact if the checksums of all zstd frames that hold it agree, and also its size and digest with the fragment that
/// stands before it in a partial file.
///
/// # Errors
///
/// Where the file is no zstd-compressed tar archive, of another major version, or cannot be read.
pub fn recover<R: Read + Seek>(name: &str, mut file: R) -> Result<Recovery<R>, ReadError> {
    let why = match Reader::open(name, &mut file) {
        Ok(_) => {
            return Ok(Recovery {
                name: name.to_owned(),
                file: File::Listed(Box::new(Reader::open(name, file)?)),
            });
        }
        Err(
            error @ ReadError {
                reason: Reason::Io(_) | Reason::UnsupportedVersion { .. },
                ..
            },
        ) => {
            return Err(error);
        }
        Err(error) => error,
    };
    let never_had_one = matches!(why.reason, Reason::Unfinished);
    let archive = Archive::damaged(file).map_err(|reason| ReadError {
        bundle: name.to_owned(),
        member: None,
        reason,
    })?;
    Ok(Recovery {
        name: name.to_owned(),
        file: File::Unlisted(Box::new(Unlisted {
            name: name.to_owned(),
            archive,
            pass: Pass::default(),
            frames: None,
            is_damaged: !never_had_one,
            first: match never_had_one {
                true => Finding::new(
                    Level::Note,
                    Rule::Manifest,
                    "there is none, as in what an interrupted capture left: its note, failures and \
                     versions are not known",
                ),
                false => Finding::new(Level::Error, Rule::Manifest, why.reason.to_string())
                    .of(MANIFEST_PATH),
            },
        })),
    })
}

impl<R: Read + Seek> Recovery<R> {
    /// The manifest, if it is intact.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.file {
            File::Listed(reader) => Some(reader.manifest()),
            File::Unlisted(_) => None,
        }
    }

    /// The intact members, and what is wrong with the rest, in the order of the file.
    pub fn members(&mut self) -> Box<dyn Iterator<Item = Result<Intact, Finding>> + '_> {
        match &mut self.file {
            File::Listed(reader) => {
                let entries: HashMap<String, MemberEntry> = (reader.manifest().members.iter())
                    .map(|entry| (entry.path.clone(), entry.clone()))
                    .collect();
                Box::new(reader.members().map(move |member| match member {
                    Ok(member) => Ok(Intact {
                        entry: entries[&member.path].clone(),
                        bytes: member.bytes,
                    }),
                    Err(error) => Err(error.into()),
                }))
            }
            File::Unlisted(unlisted) => {
                unlisted.rewind();
                Box::new(std::iter::from_fn(|| {
                    let (entry, bytes) = match unlisted.next()? {
                        Ok(found) => found,
                        Err(finding) => return Some(Err(finding)),
                    };
                    Some(Ok(Intact {
                        entry: entry.known,
                        bytes,
                    }))
                }))
            }
        }
    }

    /// Writes what is intact as a bundle, by `tool`. What the manifest says and this release does not know is kept;
    /// what was lost stands in it as failures. Where nothing is intact, nothing is written.
    ///
    /// # Errors
    ///
    /// Where the bundle cannot be written.
    pub fn write(self, writer: Writer, tool: &str) -> Result<Salvage, WriteError> {
        match self.file {
            File::Listed(reader) => write_listed(*reader, writer, tool, &self.name),
            File::Unlisted(unlisted) => write_unlisted(*unlisted, writer, tool),
        }
    }
}

fn write_listed<R: Read + Seek>(
    mut reader: Reader<R>,
    mut writer: Writer,
    tool: &str,
    name: &str,
) -> Result<Salvage, WriteError> {
    let unreadable = |what: String| WriteError::Body {
        path: MANIFEST_PATH.to_owned(),
        error: std::io::Error::other(what),
    };
    let bytes = reader
        .read(MANIFEST_PATH)
        .map_err(|err| unreadable(err.to_string()))?;
    let json = |err: serde_json::Error| unreadable(err.to_string());
    let mut manifest: Fields = serde_json::from_slice(&bytes).map_err(json)?;
    let entries: Vec<Fields> = serde_json::from_str(manifest["members"].get()).map_err(json)?;
    let failures: Vec<Box<RawValue>> =
        serde_json::from_str(manifest["failures"].get()).map_err(json)?;
    // They are sorted by what is known of them.
    let known = reader.manifest().failures.iter().cloned();
    let mut failures: Vec<(FailureEntry, Box<RawValue>)> = known.zip(failures).collect();
    drop(bytes);
    let mut entries: HashMap<String, Fields> = (reader.manifest().members.iter())
        .map(|entry| entry.path.clone())
        .zip(entries)
        .collect();
    let mut findings = Vec::new();
    let mut members = 0;
    for member in reader.members() {
        match member {
            Ok(member) => {
                let entry = entries.remove(&member.path).unwrap_or_default();
                writer.copy(&member.path, Entry::Copied(entry), &member.bytes)?;
                members += 1;
            }
            Err(error) => {
                let mut finding = Finding::from(error);
                if finding.member.is_none() {
                    // What is lost, the manifest names.
                    finding.level = Level::Warning;
                }
                findings.push(finding);
            }
        }
    }
    if members == 0 {
        return Ok(Salvage {
            written: None,
            members,
            findings,
        });
    }
    let mut told = HashSet::new();
    for finding in &findings {
        let Some(path) = &finding.member else {
            continue;
        };
        let lost = entries.contains_key(path) && told.insert(path);
        if let (true, Ok(path)) = (lost, path.parse()) {
            let failure = lost_member(&path, name, &finding.text);
            failures.push((failure.clone(), raw(&failure)));
        }
    }
    if !told.is_empty() {
        failures.sort_by(|a, b| a.0.cmp(&b.0));
        let failures: Vec<_> = failures.into_iter().map(|(_, failure)| failure).collect();
        manifest.insert("failures".to_owned(), raw(&failures));
    }
    manifest.insert("tool".to_owned(), raw(&tool));
    if !reader.manifest().version.is_newer() {
        manifest.insert("version".to_owned(), raw(&Version::CURRENT));
    }
    Ok(Salvage {
        written: Some(writer.finish_copy(manifest)?),
        members,
        findings,
    })
}

fn write_unlisted<R: Read + Seek>(
    mut file: Unlisted<R>,
    mut writer: Writer,
    tool: &str,
) -> Result<Salvage, WriteError> {
    let mut head = Head {
        tool: tool.to_owned(),
        ..Head::default()
    };
    let mut istiods: BTreeSet<Option<String>> = BTreeSet::new();
    let mut findings = Vec::new();
    let mut members = 0;
    file.rewind();
    while let Some(member) = file.next() {
        let (entry, bytes) = match member {
            Ok(found) => found,
            Err(finding) => {
                let lost = finding.member.as_deref().and_then(|path| path.parse().ok());
                if let (Some(path), Level::Error) = (lost, finding.level) {
                    writer.failure_entry(lost_member(&path, &file.name, &finding.text));
                }
                findings.push(finding);
                continue;
            }
        };
        if let Ok(path) = entry.known.path.parse::<MemberPath>()
            && path.source() == Source::Istiod
        {
            istiods.insert(path.istiod_name().map(str::to_owned));
        }
        if let (Some(start), Some(end)) = (entry.known.requested, entry.known.received) {
            let span = head.captured.get_or_insert(Captured { start, end });
            span.start = span.start.min(start);
            span.end = span.end.max(end);
        }
        head.redaction.values += entry.known.redacted.unwrap_or(0);
        writer.copy(&entry.known.path, Entry::Copied(entry.fields), &bytes)?;
        members += 1;
    }
    if members == 0 {
        return Ok(Salvage {
            written: None,
            members,
            findings,
        });
    }
    head.istiods = istiods
        .into_iter()
        .map(|name| IstiodEntry {
            name,
            version: None,
        })
        .collect();
    head.redaction = Redaction {
        rules: Vec::new(),
        ..head.redaction
    };
    Ok(Salvage {
        written: Some(writer.finish(head)?),
        members,
        findings,
    })
}

fn lost_member(path: &MemberPath, file: &str, why: &str) -> FailureEntry {
    FailureEntry {
        source: path.source().to_string(),
        proxy: path.proxy().map(ToString::to_string),
        document: Some(path.document().to_string()),
        part: path.part().map(str::to_owned),
        origin: Origin::file(file),
        time: None,
        status: None,
        reason: format!("lost from a damaged bundle: {why}"),
    }
}

/// An archive of which nothing tells what it should hold, but fragments that tell of one member each.
#[derive(Debug)]
struct Unlisted<R> {
    name: String,
    archive: Archive<R>,
    pass: Pass,
    /// Where intact frames begin, and where each ends; found when first needed.
    frames: Option<BTreeMap<u64, u64>>,
    /// Whether there is a manifest, that cannot be read.
    is_damaged: bool,
    /// Why there is no manifest.
    first: Finding,
}

/// How far one reading of an [`Unlisted`] archive has come.
#[derive(Debug, Default)]
struct Pass {
    /// Those whose members have not come yet, by path.
    fragments: HashMap<String, Described>,
    seen: HashSet<String>,
    /// Whether it was told why there is no manifest.
    has_begun: bool,
    /// Whether anything was told to be lost.
    is_lossy: bool,
    ended: bool,
}

/// What is said of a member.
#[derive(Debug)]
struct Described {
    known: MemberEntry,
    /// The same, with what this release does not know.
    fields: Fields,
}

/// What stands before a member in a partial file.
#[derive(Deserialize)]
struct Fragment {
    format: String,
    version: Version,
    member: Box<RawValue>,
}

impl<R: Read + Seek> Unlisted<R> {
    /// Begins anew.
    fn rewind(&mut self) {
        self.archive.rewind();
        self.pass = Pass::default();
    }

    fn next(&mut self) -> Option<Result<(Described, Vec<u8>), Finding>> {
        let next = self.advance().or_else(|| self.gap().map(Err));
        if let Some(Err(finding)) = &next {
            self.pass.is_lossy |= finding.level == Level::Error;
        }
        next
    }

    /// At the end: where in the file something stands that is no intact frame, unless a loss was told before.
    ///
    /// A frame that is cut may not even tell which member it held.
    fn gap(&mut self) -> Option<Finding> {
        if self.pass.is_lossy {
            return None;
        }
        let (size, frames) = match (self.archive.size(), self.intact_frames()) {
            (Ok(size), Ok(frames)) => (size, frames),
            (Err(reason), _) | (_, Err(reason)) => {
                let text = reason.to_string();
                return Some(Finding::new(Level::Error, Rule::Archive, text));
            }
        };
        let mut start = 0;
        while let Some(end) = frames.get(&start) {
            start = *end;
        }
        let text = format!("cut or damaged: what stood from byte {start} on cannot be read");
        (start < size).then(|| Finding::new(Level::Error, Rule::Frames, text))
    }

    fn advance(&mut self) -> Option<Result<(Described, Vec<u8>), Finding>> {
        if !std::mem::replace(&mut self.pass.has_begun, true) {
            return Some(Err(self.first.clone()));
        }
        while !self.pass.ended {
            let entry = match self.archive.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    self.pass.ended = true;
                    break;
                }
                // A partial file has no end: what is cut off is told by the fragments that wait.
                Err(Reason::Truncated) if !self.is_damaged => continue,
                Err(Reason::Io(err)) => {
                    self.pass.ended = true;
                    let text = Reason::Io(err).to_string();
                    return Some(Err(Finding::new(Level::Error, Rule::Archive, text)));
                }
                Err(reason) => {
                    let text = reason.to_string();
                    return Some(Err(Finding::new(Level::Error, Rule::Archive, text)));
                }
            };
            if entry.path == MANIFEST_PATH {
                continue;
            }
            let result = match entry.path.starts_with(FRAGMENTS) {
                true => match self.fragment(&entry.data) {
                    Ok(()) => continue,
                    Err(reason) => Err(reason),
                },
                false => self.member(&entry.path, &entry.data),
            };
            return Some(result.map_err(|reason| {
                let finding = Finding::new(Level::Error, Rule::Member, reason.to_string());
                finding.of(&entry.path)
            }));
        }
        let path = self.pass.fragments.keys().min()?.clone();
        self.pass.fragments.remove(&path);
        let finding = Finding::new(Level::Error, Rule::Member, Reason::Truncated.to_string());
        Some(Err(finding.of(&path)))
    }

    /// Keeps what a fragment says until its member comes.
    fn fragment(&mut self, data: &Data) -> Result<(), Reason> {
        let bytes = self.archive.content(data, MAX_FRAGMENT_BYTES)?;
        // What it says of its member stands one level deeper in the manifest.
        check_depth(&bytes, MAX_JSON_DEPTH - 1)?;
        let invalid = |err: serde_json::Error| Reason::InvalidManifest(err.to_string());
        let fragment: Fragment = serde_json::from_slice(&bytes).map_err(invalid)?;
        if fragment.format != FORMAT || !fragment.version.is_supported() {
            return Err(Reason::InvalidManifest(
                "a fragment of another format".to_owned(),
            ));
        }
        let known: MemberEntry = serde_json::from_str(fragment.member.get()).map_err(invalid)?;
        let fields = serde_json::from_str(fragment.member.get()).map_err(invalid)?;
        if self.pass.fragments.len() == MAX_WAITING {
            return Err(Reason::TooLarge {
                what: "the number of fragments without members".to_owned(),
                limit: MAX_WAITING as u64,
            });
        }
        self.pass
            .fragments
            .insert(known.path.clone(), Described { known, fields });
        Ok(())
    }

    fn member(&mut self, path: &str, data: &Data) -> Result<(Described, Vec<u8>), Reason> {
        let described = self.pass.fragments.remove(path);
        if described.is_none() && path.parse::<MemberPath>().is_err() {
            return Err(Reason::NotListed);
        }
        if !self.pass.seen.insert(path.to_lowercase()) {
            return Err(Reason::Duplicate);
        }
        let bytes = self.archive.content(data, MAX_MEMBER_BYTES)?;
        let (first, last) = self.archive.frames_of(data);
        // The checksum guards the fragment, too, which nothing else does.
        if !self.are_intact(first, last)? {
            return Err(Reason::Damaged(
                "a zstd frame that holds it is cut or has another checksum".to_owned(),
            ));
        }
        let sha256 = digest::hex(Sha256::new().chain_update(&bytes));
        if let Some(described) = described {
            let entry = &described.known;
            if entry.size != bytes.len() as u64 || entry.sha256 != sha256 {
                return Err(Reason::Altered(
                    "its size or SHA-256 digest is not what its fragment says".to_owned(),
                ));
            }
            return Ok((described, bytes));
        }
        let known = MemberEntry {
            path: path.to_owned(),
            size: bytes.len() as u64,
            sha256,
            origin: Origin::file(&self.name),
            requested: None,
            received: None,
            status: None,
            redacted: None,
            offset: None,
        };
        let fields = serde_json::from_str(raw(&known).get())
            .map_err(|err| Reason::InvalidManifest(err.to_string()))?;
        Ok((Described { known, fields }, bytes))
    }

    /// Whether the frames are intact from the one that begins at `first` to the one that begins at `last`.
    fn are_intact(&mut self, first: u64, last: u64) -> Result<bool, Reason> {
        let frames = self.intact_frames()?;
        let mut start = first;
        while let Some(end) = frames.get(&start) {
            if start >= last {
                return Ok(start == last);
            }
            start = *end;
        }
        Ok(false)
    }

    fn intact_frames(&mut self) -> Result<&BTreeMap<u64, u64>, Reason> {
        if self.frames.is_none() {
            self.frames = Some(intact_frames(&mut self.archive)?);
        }
        Ok(self.frames.get_or_insert_default())
    }
}

/// Where intact frames begin, and where each ends.
fn intact_frames<R: Read + Seek>(archive: &mut Archive<R>) -> Result<BTreeMap<u64, u64>, Reason> {
    let mut frames = BTreeMap::new();
    let mut next = Some(0);
    while let Some(start) = next.filter(|_| (frames.len() as u64) < MAX_FRAMES) {
        next = match archive.measure(start, u64::MAX) {
            Ok(frame) => {
                let end = start + frame.packed;
                frames.insert(start, end);
                Some(end)
            }
            Err(Reason::Io(err)) => return Err(Reason::Io(err)),
            Err(_) => archive.next_frame(start)?,
        };
    }
    Ok(frames)
}
