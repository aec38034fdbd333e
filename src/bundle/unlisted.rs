//! Reading an archive without a manifest: what an interrupted capture left, or a bundle that is damaged there.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{Read, Seek},
};

use sha2::{Digest, Sha256};

use super::{
    archive::{Archive, Data},
    digest,
    error::Reason,
    finding::{Finding, Level, Rule},
    format::{MAX_FRAMES, MAX_MANIFEST_BYTES, MAX_MEMBER_BYTES, MemberEntry, Origin},
    fragment::{self, Known, MAX_FRAGMENT_BYTES},
    layout::{DERIVED, FRAGMENTS, MANIFEST_PATH, MemberPath},
    writer::{Fields, raw},
};

/// The most fragments that wait for their members.
const MAX_WAITING: usize = 1024;

/// An archive of which nothing tells what it should hold, but fragments that tell of one member each and of what was
/// known of the whole.
#[derive(Debug)]
pub(super) struct Unlisted<R> {
    pub(super) name: String,
    archive: Archive<R>,
    /// Why the manifest that there is cannot be read.
    damage: Option<Finding>,
    /// Those whose members have not come yet, by path.
    fragments: HashMap<String, Described>,
    /// What they tell of the whole, so far.
    known: Known,
    /// How large those are that told it.
    told_bytes: u64,
    seen: HashSet<String>,
    /// Where intact frames begin, and where each ends; found when first needed.
    frames: Option<BTreeMap<u64, u64>>,
    /// Whether nothing was told to be lost.
    is_complete: bool,
    stage: Stage,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Damage,
    Files,
    /// Fragments whose members did not come.
    Waiting,
    Gap,
    Note,
    End,
}

/// What is said of a member.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) known: MemberEntry,
    /// The same, with what this release does not know.
    pub(super) fields: Fields,
}

impl<R: Read + Seek> Unlisted<R> {
    /// Of an archive called `name` that never had a manifest, or has one with this `damage`.
    pub(super) fn new(name: &str, archive: Archive<R>, damage: Option<Finding>) -> Self {
        Self {
            name: name.to_owned(),
            archive,
            damage,
            fragments: HashMap::new(),
            known: Known::default(),
            told_bytes: 0,
            seen: HashSet::new(),
            frames: None,
            is_complete: true,
            stage: Stage::Damage,
        }
    }

    /// Goes back before the first file.
    pub(super) fn rewind(&mut self) {
        self.archive.rewind();
        self.fragments.clear();
        self.known = Known::default();
        self.told_bytes = 0;
        self.seen.clear();
        self.is_complete = true;
        self.stage = Stage::Damage;
    }

    /// What was known of the whole, as far as it was read.
    pub(super) fn known(self) -> Known {
        self.known
    }

    /// The next intact member, or what is wrong.
    pub(super) fn next(&mut self) -> Option<Result<(Described, Vec<u8>), Finding>> {
        loop {
            let (found, next) = match self.stage {
                Stage::Damage => (self.damage.clone().map(Err), Stage::Files),
                Stage::Files => match self.file() {
                    Some(found) => (Some(found), Stage::Files),
                    None => (None, Stage::Waiting),
                },
                Stage::Waiting => match self.waiting() {
                    Some(finding) => (Some(Err(finding)), Stage::Waiting),
                    None => (None, Stage::Gap),
                },
                Stage::Gap => (self.gap().map(Err), Stage::Note),
                Stage::Note => (self.note().map(Err), Stage::End),
                Stage::End => return None,
            };
            self.stage = next;
            if let Some(Err(finding)) = &found {
                self.is_complete &= finding.level < Level::Error;
            }
            if found.is_some() {
                return found;
            }
        }
    }

    /// That there never was a manifest, and what that means.
    fn note(&self) -> Option<Finding> {
        const LEFT: &str = "there is none, as in what an interrupted capture left";
        let meaning = match self.known.is_empty() {
            true => "its note, failures and versions are not known",
            false => "its note, failures and versions are those that it knew by then",
        };
        let text = format!("{LEFT}: {meaning}");
        let note = Finding::new(Level::Note, Rule::Manifest, text);
        self.damage.is_none().then_some(note)
    }

    /// At the end: where in the file something stands that is no intact frame, unless a loss was told before.
    ///
    /// A frame that is cut may not even tell which member it held.
    fn gap(&mut self) -> Option<Finding> {
        if !self.is_complete {
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

    fn file(&mut self) -> Option<Result<(Described, Vec<u8>), Finding>> {
        loop {
            let entry = match self.archive.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => return None,
                // A partial file has no end: what is cut off is told by the fragments that wait.
                Err(Reason::Truncated) if self.damage.is_none() => continue,
                Err(reason) => {
                    if matches!(reason, Reason::Io(_)) {
                        self.stage = Stage::End;
                    }
                    let text = reason.to_string();
                    return Some(Err(Finding::new(Level::Error, Rule::Archive, text)));
                }
            };
            // What was made from others can be made again.
            if entry.path == MANIFEST_PATH || entry.path.starts_with(DERIVED) {
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
    }

    /// A fragment whose member did not come.
    fn waiting(&mut self) -> Option<Finding> {
        let path = self.fragments.keys().min()?.clone();
        self.fragments.remove(&path);
        let finding = Finding::new(Level::Error, Rule::Member, Reason::Truncated.to_string());
        Some(finding.of(&path))
    }

    /// Keeps what a fragment says: of the whole, and of a member until that comes.
    fn fragment(&mut self, data: &Data) -> Result<(), Reason> {
        let bytes = self.archive.content(data, MAX_FRAGMENT_BYTES)?;
        let (first, last) = self.archive.frames_of(data);
        let (known, member) = fragment::from_json(&bytes)?;
        if !known.is_empty() {
            match self.are_intact(first, last)? {
                true => self.tell(known, data.size)?,
                // The loss is told with the member.
                false if member.is_some() => {}
                false => return Err(not_intact()),
            }
        }
        let Some(member) = member else {
            return Ok(());
        };
        let invalid =
            |err: serde_json::Error| Reason::InvalidManifest(crate::model::json_problem(&err));
        let known: MemberEntry = serde_json::from_str(member.get()).map_err(invalid)?;
        let fields = serde_json::from_str(member.get()).map_err(invalid)?;
        if self.fragments.len() == MAX_WAITING {
            return Err(Reason::TooLarge {
                what: "the number of fragments without members".to_owned(),
                limit: MAX_WAITING as u64,
            });
        }
        self.fragments
            .insert(known.path.clone(), Described { known, fields });
        Ok(())
    }

    fn tell(&mut self, known: Known, bytes: u64) -> Result<(), Reason> {
        self.told_bytes += bytes;
        if self.told_bytes > MAX_MANIFEST_BYTES {
            return Err(Reason::TooLarge {
                what: "what the fragments tell of the bundle".to_owned(),
                limit: MAX_MANIFEST_BYTES,
            });
        }
        self.known.add(known);
        Ok(())
    }

    fn member(&mut self, path: &str, data: &Data) -> Result<(Described, Vec<u8>), Reason> {
        let described = self.fragments.remove(path);
        if described.is_none() && path.parse::<MemberPath>().is_err() {
            return Err(Reason::NotListed);
        }
        if !self.seen.insert(path.to_lowercase()) {
            return Err(Reason::Duplicate);
        }
        let bytes = self.archive.content(data, MAX_MEMBER_BYTES)?;
        let (first, last) = self.archive.frames_of(data);
        // The checksum guards the fragment, too, which nothing else does.
        if !self.are_intact(first, last)? {
            return Err(not_intact());
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
            redacted_by: BTreeMap::new(),
            offset: None,
        };
        let fields = serde_json::from_str(raw(&known).get())
            .map_err(|err| Reason::InvalidManifest(crate::model::json_problem(&err)))?;
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

fn not_intact() -> Reason {
    Reason::Damaged("a zstd frame that holds it is cut or has another checksum".to_owned())
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
