//! Reading bundles, also from strangers: bounded in memory, and nothing is believed that is not verified.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    io::{Read, Seek},
    ops::Range,
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::model::{Fingerprint, Sealer};

use super::{
    archive::{Archive, BLOCK, Data, Entry},
    derived, digest,
    error::{ReadError, Reason},
    format::{
        FORMAT, MAX_JSON_DEPTH, MAX_MANIFEST_BYTES, MAX_MEMBER_BYTES, MAX_MEMBERS, Manifest,
        MemberEntry, Version,
    },
    frames::{Place, TooMuch},
    layout::{DERIVED, FRAGMENTS, MANIFEST_PATH, MemberPath, unsafe_path},
    seal::Seal,
    seek_table::{Found, SeekTable},
};

/// An open bundle.
///
/// A bundle that stock tools repacked (in one zstd frame, with other headers, the members and the manifest in any
/// order) is read too. What is intact in a damaged or truncated bundle is read; the rest is named with the reason.
pub struct Reader<R> {
    name: String,
    pub(super) archive: Archive<R>,
    pub(super) table: Found,
    seal: Option<Seal>,
    manifest: Manifest,
    manifest_data: Data,
    /// The position in `manifest.members`, and behind them in `manifest.derived`, by path.
    positions: HashMap<String, usize>,
    /// Where the bytes of the members stand that were passed so far, by the same position.
    found: Vec<Option<Data>>,
    /// The members whose paths differ from that of an earlier one in letter case only.
    collisions: HashSet<usize>,
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("name", &self.name)
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

/// What a manifest says of any member.
pub(super) struct Listing<'a> {
    pub(super) path: &'a str,
    pub(super) size: u64,
    pub(super) sha256: &'a str,
    pub(super) offset: Option<u64>,
}

/// A member whose size and SHA-256 digest are what the manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl<R: Read + Seek> Reader<R> {
    /// Opens the bundle in `file`, which errors call `name`, and reads its manifest.
    ///
    /// Whether it is one is told from its content. Whatever the size of the bundle, no more is held in memory than
    /// the manifest, a zstd window and where the members stand.
    ///
    /// # Errors
    ///
    /// [`Reason::NotABundle`] if it is something else, [`Reason::UnsupportedVersion`] if it is of another major
    /// version, else why the manifest cannot be read.
    pub fn open(name: &str, mut file: R) -> Result<Self, ReadError> {
        let error = |member: Option<&str>, reason| ReadError {
            bundle: name.to_owned(),
            member: member.map(str::to_owned),
            reason,
        };
        let io = |err| error(None, Reason::Io(err));
        let table = SeekTable::find(&mut file).map_err(io)?;
        let seal = Seal::find(&mut file, &table).map_err(io)?;
        let mut archive = Archive::new(file).map_err(|reason| error(None, reason))?;
        let data = find_manifest(&mut archive).map_err(|reason| error(None, reason))?;
        let bytes = read_manifest(&mut archive, &data)
            .map_err(|reason| error(Some(MANIFEST_PATH), reason))?;
        let mut manifest = parse_manifest(&bytes).map_err(|reason| match reason {
            // These are about the bundle.
            Reason::NotABundle(_) | Reason::UnsupportedVersion { .. } => error(None, reason),
            _ => error(Some(MANIFEST_PATH), reason),
        })?;
        let mut positions = HashMap::with_capacity(manifest.members.len());
        let mut lowercase = HashSet::with_capacity(manifest.members.len());
        let mut collisions = HashSet::new();
        for (position, entry) in manifest.members.iter().enumerate() {
            check_entry(entry).map_err(|reason| error(Some(&entry.path), reason))?;
            if positions.insert(entry.path.clone(), position).is_some() {
                let reason = Reason::InvalidManifest("it lists the member twice".to_owned());
                return Err(error(Some(&entry.path), reason));
            }
            if !lowercase.insert(entry.path.to_lowercase()) {
                collisions.insert(position);
            }
        }
        (manifest.derived).retain(|entry| lowercase.insert(entry.path.to_lowercase()));
        for entry in &manifest.derived {
            positions.insert(entry.path.clone(), positions.len());
        }
        archive.rewind();
        Ok(Self {
            name: name.to_owned(),
            archive,
            table,
            seal,
            collisions,
            found: vec![None; positions.len()],
            manifest,
            manifest_data: data,
            positions,
        })
    }

    /// What the bundle says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whose key the bundle says that it was sealed with: what names the key.
    pub fn sealed_with(&self) -> Option<Fingerprint> {
        self.seal.map(|seal| seal.fingerprint)
    }

    /// Whether a holder of this key wrote the bundle, and nothing in it has changed since: reads all of the file, and unpacks
    /// nothing.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn is_sealed_by(&mut self, sealer: &Sealer) -> Result<bool, ReadError> {
        let Some(seal) = self.seal else {
            return Ok(false);
        };
        let holds = seal.holds(self.archive.file(), sealer);
        holds.map_err(|err| self.error(None, Reason::Io(err)))
    }

    /// Reads some bytes of the member at `path`, and unpacks little more than these: only of a bundle that
    /// [is sealed](Self::is_sealed_by), for neither the member's size nor its digest are verified.
    ///
    /// # Errors
    ///
    /// Where they are not where the manifest and the seek table say that they are.
    pub fn read_part(&mut self, path: &str, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        self.part(path, range)
            .map_err(|reason| self.error(Some(path.to_owned()), reason))
    }

    fn part(&mut self, path: &str, range: Range<u64>) -> Result<Vec<u8>, Reason> {
        let position = *self.positions.get(path).ok_or(Reason::NotListed)?;
        let data = match self.found[position] {
            Some(data) => data,
            None => {
                let data = self.listed(position).ok_or(Reason::Missing)?;
                self.found[position] = Some(data);
                data
            }
        };
        let Found::Table(table) = &self.table else {
            return Err(Reason::Missing);
        };
        let size = self.entry(position).size;
        if range.start > range.end || range.end > size || data.size != size {
            return Err(Reason::Missing);
        }
        let offset = data.offset().saturating_add(range.start);
        let frame = table.holding(offset).ok_or(Reason::Missing)?;
        let place = Place::listed(frame.start, frame.offset, offset);
        self.archive.part(place, range.end - range.start)
    }

    /// Reads the member at `path`, which may be `manifest.json` or derived, and verifies its size and digest.
    ///
    /// No more is unpacked than the frames that hold the member, up to its end. In a bundle that was packed again, or
    /// whose seek table is wrong, it is what stands before the member when that is first asked for. To read all of a
    /// bundle use [`Reader::members`].
    ///
    /// # Errors
    ///
    /// Why the member cannot be read; damage elsewhere in the bundle is no error.
    pub fn read(&mut self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.read_member(path)
            .map_err(|reason| self.error(Some(path.to_owned()), reason))
    }

    fn read_member(&mut self, path: &str) -> Result<Vec<u8>, Reason> {
        if path == MANIFEST_PATH {
            return read_manifest(&mut self.archive, &self.manifest_data);
        }
        let position = *self.positions.get(path).ok_or(Reason::NotListed)?;
        if self.found[position].is_none()
            && let Some(data) = self.listed(position)
        {
            match self.verified(position, &data) {
                Ok(bytes) => {
                    self.found[position] = Some(data);
                    return Ok(bytes);
                }
                Err(Reason::Io(err)) => return Err(Reason::Io(err)),
                // The seek table or the offset may be what is wrong.
                Err(_) => {}
            }
        }
        let data = loop {
            if let Some(data) = self.found[position] {
                break data;
            }
            match self.archive.next() {
                Ok(Some(entry)) => {
                    self.note(&entry);
                }
                Ok(None) => return Err(self.why_missing()),
                Err(Reason::Io(err)) => return Err(Reason::Io(err)),
                // Damage to others.
                Err(_) => {}
            }
        };
        self.verified(position, &data)
    }

    /// Where the member stands by its offset and the seek table, if a header with its path does stand there.
    pub(super) fn listed(&mut self, position: usize) -> Option<Data> {
        let Found::Table(table) = &self.table else {
            return None;
        };
        let entry = self.entry(position);
        let offset = table.first_unpacked()?.checked_add(entry.offset?)?;
        let frame = table.holding(offset)?;
        let place = Place::listed(frame.start, frame.offset, offset);
        let path = entry.path.to_owned();
        match self.archive.entry_at(place) {
            Ok(Some(found)) if found.path == path => Some(found.data),
            _ => None,
        }
    }

    /// What the manifest says of the member, or of the derived member, at a position.
    pub(super) fn entry(&self, position: usize) -> Listing<'_> {
        let Manifest {
            members, derived, ..
        } = &self.manifest;
        match members.get(position) {
            Some(entry) => Listing {
                path: &entry.path,
                size: entry.size,
                sha256: &entry.sha256,
                offset: entry.offset,
            },
            None => {
                let entry = &derived[position - members.len()];
                Listing {
                    path: &entry.path,
                    size: entry.size,
                    sha256: &entry.sha256,
                    offset: entry.offset,
                }
            }
        }
    }

    /// What [`from`](super::DerivedEntry::from) of derived data says of what was made from the members that the manifest lists.
    pub fn made_from(&self) -> String {
        let members = self.manifest.members.iter();
        derived::from(members.map(|entry| (&*entry.path, &*entry.sha256)))
    }

    /// Whether a path is that of derived data.
    fn is_derived(&self, path: &str) -> bool {
        match self.positions.get(path) {
            Some(position) => *position >= self.manifest.members.len(),
            None => path.starts_with(DERIVED),
        }
    }

    /// Reads all members in the order of the archive, and tells what is wrong with the bundle.
    ///
    /// An item is a verified member, or an error that names the member where it is about one: damaged, altered,
    /// refused, not listed, or missing. What was captured is intact if no item is an error: derived members are passed
    /// over, whatever is wrong with them, unless they are asked for ([`Members::and_derived`]).
    pub fn members(&mut self) -> Members<'_, R> {
        self.archive.rewind();
        Members {
            seen: vec![false; self.positions.len()],
            seen_manifest: false,
            told_table: false,
            unfinished: None,
            missing: None,
            with_derived: false,
            reader: self,
        }
    }

    /// Keeps where the entry stands; its position in the manifest, if it is listed.
    fn note(&mut self, entry: &Entry) -> Option<usize> {
        let position = *self.positions.get(&entry.path)?;
        self.found[position].get_or_insert(entry.data);
        Some(position)
    }

    fn verified(&mut self, position: usize, data: &Data) -> Result<Vec<u8>, Reason> {
        if self.collisions.contains(&position) {
            return Err(Reason::Forbidden(
                "its path differs from that of another member in letter case only",
            ));
        }
        let bytes = self.archive.content(data, MAX_MEMBER_BYTES)?;
        let entry = self.entry(position);
        if data.size != entry.size {
            return Err(Reason::Altered(format!(
                "it has {} bytes, the manifest says {}",
                data.size, entry.size
            )));
        }
        let sha256 = digest::hex(Sha256::new().chain_update(&bytes));
        if sha256 != entry.sha256 {
            return Err(Reason::Altered(format!(
                "its SHA-256 digest is {sha256}, the manifest says {}",
                entry.sha256.escape_debug()
            )));
        }
        Ok(bytes)
    }

    fn why_missing(&self) -> Reason {
        if self.archive.is_exhausted() {
            too_much_unpacked()
        } else if self.archive.is_truncated() {
            Reason::Truncated
        } else {
            Reason::Missing
        }
    }

    /// Whether the first frame of the seek table that is not skippable holds the manifest and nothing else.
    pub(super) fn table_starts_with_manifest(&self) -> bool {
        let Found::Table(table) = &self.table else {
            return false;
        };
        table.first_unpacked() == Some(BLOCK + self.manifest_data.size.next_multiple_of(BLOCK))
    }

    pub(super) fn error(&self, member: Option<String>, reason: Reason) -> ReadError {
        ReadError {
            bundle: self.name.clone(),
            member,
            reason,
        }
    }
}

/// The members of a bundle, see [`Reader::members`].
pub struct Members<'a, R> {
    reader: &'a mut Reader<R>,
    /// Which members of the manifest were passed.
    seen: Vec<bool>,
    seen_manifest: bool,
    /// Whether it was told what is wrong with the seek table.
    told_table: bool,
    /// The member that was verified last, until what stands behind its bytes is, too.
    unfinished: Option<Data>,
    /// After the archive's end: which member of the manifest to look at next.
    missing: Option<usize>,
    /// Whether derived members are among the items.
    with_derived: bool,
}

impl<R: Read + Seek> Members<'_, R> {
    /// With derived members among the items, and what is wrong with them.
    pub fn and_derived(self) -> Self {
        Self {
            with_derived: true,
            ..self
        }
    }

    /// Whether an item with this path is about derived data.
    pub fn is_derived(&self, path: &str) -> bool {
        self.reader.is_derived(path)
    }

    fn present(&mut self, entry: &Entry) -> Option<Result<Vec<u8>, Reason>> {
        if entry.path == MANIFEST_PATH {
            return std::mem::replace(&mut self.seen_manifest, true)
                .then_some(Err(Reason::Duplicate));
        }
        // Derived data is not what was captured.
        if !self.with_derived && self.reader.is_derived(&entry.path) {
            self.reader.note(entry);
            return None;
        }
        let Some(position) = self.reader.note(entry) else {
            return Some(Err(Reason::NotListed));
        };
        if std::mem::replace(&mut self.seen[position], true) {
            return Some(Err(Reason::Duplicate));
        }
        let bytes = self.reader.verified(position, &entry.data);
        self.unfinished = bytes.is_ok().then_some(entry.data);
        Some(bytes)
    }
}

impl<R: Read + Seek> Iterator for Members<'_, R> {
    type Item = Result<Member, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Found::Broken(what) = self.reader.table
            && !std::mem::replace(&mut self.told_table, true)
        {
            let reason = Reason::SeekTable(what);
            return Some(Err(self.reader.error(None, reason)));
        }
        // The member is intact, but its frame is not: that must be told, though nothing is lost by it.
        if let Some(data) = self.unfinished.take()
            && let Err(reason @ Reason::Damaged(_)) = self.reader.archive.finish(&data)
        {
            return Some(Err(self.reader.error(None, reason)));
        }
        while self.missing.is_none() {
            match self.reader.archive.next() {
                Ok(Some(entry)) => {
                    if let Some(result) = self.present(&entry) {
                        let path = entry.path;
                        return Some(match result {
                            Ok(bytes) => Ok(Member { path, bytes }),
                            Err(reason) => Err(self.reader.error(Some(path), reason)),
                        });
                    }
                }
                Ok(None) => self.missing = Some(0),
                Err(reason) => return Some(Err(self.reader.error(None, reason))),
            }
        }
        let first = self.missing?;
        let end = match self.with_derived {
            true => self.seen.len(),
            false => self.reader.manifest.members.len(),
        };
        let position = first + self.seen[first..end].iter().position(|seen| !seen)?;
        self.missing = Some(position + 1);
        let path = self.reader.entry(position).path.to_owned();
        let reason = self.reader.why_missing();
        Some(Err(self.reader.error(Some(path), reason)))
    }
}

pub(super) fn find_manifest<R: Read + Seek>(archive: &mut Archive<R>) -> Result<Data, Reason> {
    archive.rewind();
    let mut damage = None;
    let mut files = 0;
    let mut is_unfinished = false;
    loop {
        match archive.next() {
            Ok(Some(entry)) if entry.path == MANIFEST_PATH => return Ok(entry.data),
            Ok(Some(entry)) => {
                files += 1;
                is_unfinished |=
                    entry.path.starts_with(FRAGMENTS) || entry.path.parse::<MemberPath>().is_ok();
            }
            Err(reason) => {
                damage.get_or_insert(reason);
            }
            Ok(None) => break,
        }
    }
    Err(match damage {
        // The manifest comes first: where only the end is missing, there never was one.
        None | Some(Reason::Truncated) if is_unfinished => Reason::Unfinished,
        None | Some(Reason::Truncated) if files > 0 => {
            Reason::NotABundle("the archive holds no `manifest.json`")
        }
        Some(reason) => reason,
        None => Reason::NotABundle("the archive is empty"),
    })
}

pub(super) fn read_manifest<R: Read + Seek>(
    archive: &mut Archive<R>,
    data: &Data,
) -> Result<Vec<u8>, Reason> {
    let bytes = archive.content(data, MAX_MANIFEST_BYTES)?;
    // Nothing lists the manifest's digest: the checksum of its frame stands for it. In a bundle of one huge frame
    // it is compared when all of it is read.
    archive.finish_frame(MAX_MEMBER_BYTES)?;
    Ok(bytes)
}

/// Why nothing more is unpacked.
fn too_much_unpacked() -> Reason {
    std::io::Error::from(TooMuch::UNPACKED).into()
}

/// The field that makes JSON a manifest.
#[derive(Deserialize)]
struct Format {
    format: String,
}

/// The fields that every version has.
#[derive(Deserialize)]
struct Envelope {
    version: Version,
    tool: Option<String>,
}

fn parse_manifest(bytes: &[u8]) -> Result<Manifest, Reason> {
    let invalid =
        |err: serde_json::Error| Reason::InvalidManifest(crate::model::json_problem(&err));
    check_depth(bytes, MAX_JSON_DEPTH)?;
    match serde_json::from_slice::<Format>(bytes) {
        Ok(found) if found.format == FORMAT => {}
        _ => {
            return Err(Reason::NotABundle(
                "its `manifest.json` is not of the format `xdsnap.bundle`",
            ));
        }
    }
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(invalid)?;
    if !envelope.version.is_supported() {
        return Err(Reason::UnsupportedVersion {
            found: envelope.version,
            tool: envelope.tool,
        });
    }
    // What is ignored could be anything else, and could not be kept when the bundle is written again.
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Reason::InvalidManifest("it is not UTF-8".to_owned()));
    };
    let manifest: Manifest = serde_json::from_str(text).map_err(invalid)?;
    if manifest.members.len() > MAX_MEMBERS {
        return Err(Reason::TooLarge {
            what: format!("{} members", manifest.members.len()),
            limit: MAX_MEMBERS as u64,
        });
    }
    Ok(manifest)
}

/// Refuses JSON that is nested deeper than `limit`, without recursion.
pub(super) fn check_depth(json: &[u8], limit: usize) -> Result<(), Reason> {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return Err(Reason::TooLarge {
                what: "the depth of the JSON".to_owned(),
                limit: limit as u64,
            });
        }
    }
    Ok(())
}

fn check_entry(entry: &MemberEntry) -> Result<(), Reason> {
    if let Some(reason) = unsafe_path(&entry.path) {
        return Err(Reason::Forbidden(reason));
    }
    if entry.path == MANIFEST_PATH {
        return Err(Reason::InvalidManifest("it lists itself".to_owned()));
    }
    if entry.size > MAX_MEMBER_BYTES {
        return Err(Reason::TooLarge {
            what: format!("{} bytes", entry.size),
            limit: MAX_MEMBER_BYTES,
        });
    }
    Ok(())
}
