//! Writing bundles: never half of one in its place, and what was captured is never lost.

mod derived;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::model::{ProxyId, Sealer};

use super::{
    about::{Failure, Head, Provenance},
    derived::DerivedEntry,
    digest,
    format::{
        FORMAT, FailureEntry, MAX_MANIFEST_BYTES, MAX_MEMBER_BYTES, MAX_MEMBERS,
        MAX_UNPACKED_BYTES, Manifest, MemberEntry, ProxyEntry, Version, is_too_much,
    },
    layout::{MANIFEST_PATH, MemberPath},
    pack::Packer,
    partial::{Copying, Partial, Stored},
    plan::{self, Kind},
    write_error::WriteError,
};

use self::derived::{Deriving, Keeping};

/// How much of a member is held in memory before it goes to a file without a name.
const SPOOL_BYTES: usize = 8 << 20;

/// Writes a bundle.
///
/// Members go to `<path>.partial` as they come, each a finished zstd frame with what the manifest will say of it, so
/// that this file is at any time a zstd-compressed tar archive of what was captured. [`Writer::finish`] sorts them, packs
/// them together beside the bundle's place and renames the result; until then nothing happens to a file that is there.
/// Packing twice is what lets a capture that is killed lose nothing, while the bundle's bytes depend neither on the
/// order in which members came nor on how many came at a time.
///
/// A writer that is dropped unfinished leaves the partial file if it holds a member. A later writer for the same
/// path never touches it: it takes `<path>.partial.2`, then `.3`, and so on. One without a member, which only a writer
/// leaves that was killed, it takes over.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    replace: bool,
    folder: PathBuf,
    partial: Partial,
    /// The members in the order of the bundle.
    members: BTreeMap<(Kind, String), (Entry, Stored)>,
    /// Their paths, by their lowercase form.
    paths: HashMap<String, String>,
    /// The proxies of which there is a member.
    proxies: BTreeSet<ProxyId>,
    failures: Vec<FailureEntry>,
    /// What computes derived members.
    derive: Option<Deriving>,
    /// What seals the bundle.
    sealer: Option<Sealer>,
    /// Derived members, by path. They are in no partial file, for they can be computed again.
    derived: BTreeMap<String, derived::Spooled>,
    /// Whether the partial file holds nothing that is not somewhere else, too.
    is_copy: bool,
}

/// What a writer holds that is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The partial file.
    pub path: PathBuf,
    /// How many members it holds.
    pub members: usize,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// The fields of a JSON object, as they are spelled.
pub(super) type Fields = BTreeMap<String, Box<RawValue>>;

/// What the manifest says of a member.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Entry {
    /// What this release knows.
    Known(MemberEntry),
    /// The same, of derived data.
    Derived(DerivedEntry),
    /// What another bundle's manifest said, also what this release does not know.
    Copied(Fields),
}

impl Entry {
    /// Where the member's header stands in the archive.
    fn at(&self, offset: u64) -> Self {
        let mut entry = self.clone();
        match &mut entry {
            Self::Known(entry) => entry.offset = Some(offset),
            Self::Derived(entry) => entry.offset = Some(offset),
            Self::Copied(fields) => {
                fields.insert("offset".to_owned(), raw(&offset));
            }
        }
        entry
    }

    fn sha256(&self) -> String {
        match self {
            Self::Known(entry) => entry.sha256.clone(),
            Self::Derived(entry) => entry.sha256.clone(),
            Self::Copied(fields) => (fields.get("sha256"))
                .and_then(|raw| serde_json::from_str(raw.get()).ok())
                .unwrap_or_default(),
        }
    }
}

/// `value` as it is spelled in JSON.
pub(super) fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("what bundles hold is JSON")
}

/// A bundle that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
}

impl Writer {
    /// Begins the bundle at `path`, where [`Writer::finish`] will replace a file that is there.
    ///
    /// # Errors
    ///
    /// The folder of `path` does not exist, `path` could not be a file, there are too many partial files beside it, or
    /// none can be written.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        Self::begin(path, true)
    }

    /// Begins the bundle at `path`, where no file may be: neither now nor when [`Writer::finish`] puts it there.
    ///
    /// # Errors
    ///
    /// [`WriteError::Exists`] if there is a file, and those of [`Writer::create`].
    pub fn create_new(path: &Path) -> Result<Self, WriteError> {
        Self::begin(path, false)
    }

    fn begin(path: &Path, replace: bool) -> Result<Self, WriteError> {
        if path.file_name().is_none() {
            return Err(WriteError::NotAFile(path.to_owned()));
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(WriteError::NoFolder {
                path: path.to_owned(),
                folder: folder.to_owned(),
            });
        }
        match path.metadata() {
            Ok(found) if !found.is_file() => return Err(WriteError::NotAFile(path.to_owned())),
            Ok(_) if !replace => return Err(WriteError::Exists(path.to_owned())),
            _ => {}
        }
        let partial = Partial::create(path)?;
        Ok(Self {
            path: path.to_owned(),
            replace,
            folder: folder.to_owned(),
            partial,
            members: BTreeMap::new(),
            paths: HashMap::new(),
            proxies: BTreeSet::new(),
            failures: Vec::new(),
            derive: None,
            sealer: None,
            derived: BTreeMap::new(),
            is_copy: false,
        })
    }

    /// Seals the bundle when it is finished, where there is a `sealer`.
    pub fn sealing(mut self, sealer: Option<Sealer>) -> Self {
        self.sealer = sealer;
        self
    }

    /// Where the members are until the bundle is finished.
    pub fn partial_path(&self) -> &Path {
        self.partial.path()
    }

    /// The partial files beside the bundle that earlier writers left, with members.
    pub fn earlier(&self) -> &[PathBuf] {
        self.partial.earlier()
    }

    /// What stays if the writer is dropped now.
    pub fn unfinished(&self) -> Option<Unfinished> {
        (!self.is_copy && !self.members.is_empty()).then(|| Unfinished {
            path: self.partial_path().to_owned(),
            members: self.members.len(),
            size_bytes: self.partial.size(),
        })
    }

    /// From now on the writer leaves no partial file, not even with members: they are somewhere else, too, or of no use.
    pub fn leave_nothing(&mut self) {
        self.is_copy = true;
    }

    /// Puts what is known of the whole bundle so far into the partial file, for the case that the writer is not finished.
    /// What is told later adds to lists, and else stands instead. [`Writer::finish`] takes nothing from it.
    pub fn know(&mut self, head: Head) {
        self.partial.know(head.into());
    }

    /// Adds a member: the bytes of `body`, which must be redacted already.
    ///
    /// However large it is, only a few megabytes are held in memory. After an error the member is not in the bundle,
    /// and the partial file is as it was before.
    ///
    /// # Errors
    ///
    /// [`WriteError::Body`] if `body` fails, [`WriteError::Duplicate`] if there is such a member,
    /// [`WriteError::TooLarge`] if it or the bundle is too large, [`WriteError::Io`] if it cannot be stored.
    pub fn member(
        &mut self,
        path: MemberPath,
        provenance: Provenance,
        body: &mut dyn Read,
    ) -> Result<(), WriteError> {
        self.check_path(&path.to_string())?;
        let mut spool = tempfile::spooled_tempfile_in(SPOOL_BYTES, &self.folder);
        let measured = self.measure(&path, body, &mut spool, MAX_MEMBER_BYTES)?;
        spool.rewind().map_err(|error| self.partial_error(error))?;
        self.measured(path, provenance, &mut spool, measured)
    }

    /// The same of a `body` that can be read twice, from its beginning on: it need not be stored in between.
    ///
    /// # Errors
    ///
    /// As [`Writer::member`].
    pub fn seekable_member(
        &mut self,
        path: MemberPath,
        provenance: Provenance,
        body: &mut (impl Read + Seek),
    ) -> Result<(), WriteError> {
        self.check_path(&path.to_string())?;
        let failed = |error| WriteError::Body {
            path: path.to_string(),
            error,
        };
        body.rewind().map_err(failed)?;
        let measured = self.measure(&path, body, &mut io::sink(), MAX_MEMBER_BYTES)?;
        body.rewind().map_err(failed)?;
        self.measured(path, provenance, body, measured)
    }

    /// Adds a member of this size and with this digest.
    fn measured(
        &mut self,
        path: MemberPath,
        provenance: Provenance,
        content: &mut dyn Read,
        (size, sha256): (u64, String),
    ) -> Result<(), WriteError> {
        self.proxies.extend(path.proxy().cloned());
        let name = path.to_string();
        let entry = Entry::Known(MemberEntry {
            path: name.clone(),
            size,
            sha256,
            origin: provenance.origin,
            requested: provenance.requested,
            received: provenance.received,
            status: provenance.status,
            redacted: provenance.redacted.as_ref().map(|found| found.values),
            redacted_by: (provenance.redacted).map_or_else(BTreeMap::new, |found| found.by_rule),
            offset: None,
        });
        self.add(name, entry, content, size)
    }

    /// Adds a member of another bundle, verified, with what the manifest there says of it.
    pub(super) fn copy(
        &mut self,
        path: &str,
        entry: Entry,
        content: &[u8],
    ) -> Result<(), WriteError> {
        if let Ok(path) = path.parse::<MemberPath>() {
            self.proxies.extend(path.proxy().cloned());
        }
        self.check_path(path)?;
        self.add(path.to_owned(), entry, &mut &*content, content.len() as u64)
    }

    fn check_path(&self, path: &str) -> Result<(), WriteError> {
        if self.members.len() == MAX_MEMBERS {
            return Err(WriteError::TooLarge {
                what: "the number of members".to_owned(),
                limit: MAX_MEMBERS as u64,
            });
        }
        match self.paths.get(&path.to_lowercase()) {
            None => Ok(()),
            Some(other) if other == path => Err(WriteError::Duplicate(path.to_owned())),
            Some(other) => Err(WriteError::CaseCollision {
                path: path.to_owned(),
                other: other.clone(),
            }),
        }
    }

    fn add(
        &mut self,
        path: String,
        entry: Entry,
        content: &mut dyn Read,
        size: u64,
    ) -> Result<(), WriteError> {
        let known: Option<MemberPath> = path.parse().ok();
        let wants = |derive: &Deriving| known.as_ref().is_some_and(|of| derive.0.wants(of, size));
        let mut content = Keeping {
            content,
            kept: (self.derive.as_ref().is_some_and(wants))
                .then(|| Vec::with_capacity(usize::try_from(size).unwrap_or_default())),
        };
        let stored = self
            .partial
            .member(&path, &entry, &mut content, size)
            .map_err(|error| self.partial_error(error))?;
        if let (Some(derive), Some(path), Some(bytes)) = (&mut self.derive, known, content.kept) {
            derive.0.take(&path, bytes);
        }
        self.paths.insert(path.to_lowercase(), path.clone());
        self.members
            .insert((Kind::of(&path), path), (entry, stored));
        Ok(())
    }

    /// Records something that could not be had.
    pub fn failure(&mut self, failure: Failure) {
        self.failure_entry(failure.into());
    }

    /// As [`Writer::failure`], for one of which only a path is known.
    pub(super) fn failure_entry(&mut self, failure: FailureEntry) {
        self.partial.know(failure.clone().into());
        self.failures.push(failure);
    }

    /// Writes the bundle and puts it in its place; then the partial file is removed.
    ///
    /// The bundle's bytes depend on its members, its manifest and the release of xdsnap alone, not on the order in
    /// which members came. It is readable by its owner alone (mode 0600).
    ///
    /// # Errors
    ///
    /// [`WriteError::Exists`] if a file came to the path of [`Writer::create_new`], [`WriteError::TooLarge`] if the
    /// manifest is, [`WriteError::Io`] if a file cannot be written. The partial file stays then.
    pub fn finish(mut self, head: Head) -> Result<Written, WriteError> {
        self.derive_all()?;
        let manifest = self.manifest(head);
        self.pack(&manifest)
    }

    /// As [`Writer::finish`], with the manifest of another bundle: its members are replaced by those that were added.
    pub(super) fn finish_copy(mut self, mut manifest: Fields) -> Result<Written, WriteError> {
        self.derive_all()?;
        manifest.insert("members".to_owned(), raw(&self.entries()));
        if !self.derived.is_empty() {
            manifest.insert("derived".to_owned(), raw(&self.derived_entries()));
        }
        self.pack(&manifest)
    }

    fn pack(mut self, manifest: &impl Serialize) -> Result<Written, WriteError> {
        let manifest = manifest_bytes(manifest)?;
        let error = |error| WriteError::Io {
            path: self.path.clone(),
            error,
        };
        let packing = self.partial.packing();
        // What has this name was left by a writer that was killed: the lock of the partial file is one on it, too.
        let _ = std::fs::remove_file(&packing);
        let mut bundle = tempfile::Builder::new()
            .prefix(packing.file_name().unwrap_or_default())
            .rand_bytes(0)
            .tempfile_in(&self.folder)
            .map_err(error)?;
        let frames = plan::frames(
            (self.members.iter())
                .map(|((kind, _), (_, stored))| (*kind, stored.size))
                .chain((self.derived.values()).map(|spooled| (Kind::Derived, spooled.packed))),
            self.proxies.len() <= 1,
        );
        let mut packer = Packer::new(bundle.as_file_mut(), self.sealer.as_ref());
        packer.member(MANIFEST_PATH, &manifest).map_err(error)?;
        packer.cut(frames);
        for (_, stored) in self.members.values() {
            let copied = self.partial.copy(stored, &mut packer);
            copied.map_err(|failed| match failed {
                Copying::Write(failed) => error(failed),
                Copying::Read(error) => WriteError::Partial {
                    path: self.partial.path().to_owned(),
                    error,
                },
            })?;
        }
        Self::pack_derived(&mut self.derived, &mut packer).map_err(error)?;
        let (packed, unpacked) = packer.finish().map_err(error)?;
        if is_too_much(unpacked, packed) {
            return Err(WriteError::TooLarge {
                what: "what the bundle unpacks to".to_owned(),
                limit: MAX_UNPACKED_BYTES,
            });
        }
        bundle.as_file().sync_all().map_err(error)?;
        let size_bytes = bundle.as_file().metadata().map_err(error)?.len();
        let persisted = match self.replace {
            true => bundle.persist(&self.path),
            false => bundle.persist_noclobber(&self.path),
        };
        persisted.map_err(|err| match err.error.kind() {
            io::ErrorKind::AlreadyExists if !self.replace => WriteError::Exists(self.path.clone()),
            _ => error(err.error),
        })?;
        self.is_copy = true;
        // The bundle is in place: a folder that cannot be synced does not undo that.
        #[cfg(unix)]
        let _ = File::open(&self.folder).and_then(|folder| folder.sync_all());
        Ok(Written {
            path: self.path.clone(),
            size_bytes,
        })
    }

    /// What the manifest says of the members, in the order of the archive.
    fn entries(&self) -> Vec<Entry> {
        let mut offset = 0;
        let entry = |(entry, stored): &(Entry, Stored)| {
            let entry = entry.at(offset);
            offset += stored.size;
            entry
        };
        self.members.values().map(entry).collect()
    }

    /// Reads `body`, of at most `limit` bytes, into `copy`, and tells its size and digest.
    fn measure(
        &self,
        path: &MemberPath,
        body: &mut dyn Read,
        copy: &mut dyn Write,
        limit: u64,
    ) -> Result<(u64, String), WriteError> {
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let path = path.to_string();
                    return Err(WriteError::Body { path, error });
                }
            };
            size += length as u64;
            if size > limit {
                return Err(WriteError::TooLarge {
                    what: format!("the size of member `{path}`"),
                    limit,
                });
            }
            hash.update(&buffer[..length]);
            copy.write_all(&buffer[..length])
                .map_err(|error| self.partial_error(error))?;
        }
        Ok((size, digest::hex(hash)))
    }

    fn manifest(&mut self, head: Head) -> impl Serialize + use<> {
        let Head {
            tool,
            note,
            captured,
            mut proxies,
            mut istiods,
            redaction,
        } = head;
        let named: BTreeSet<ProxyId> = proxies.iter().map(|proxy| proxy.id.clone()).collect();
        for id in self.proxies.difference(&named) {
            proxies.push(ProxyEntry {
                id: id.clone(),
                envoy_version: None,
                istio_version: None,
                istiod: None,
            });
        }
        proxies.sort_by(|a, b| a.id.cmp(&b.id));
        istiods.sort();
        self.failures.sort();
        Manifest::<Entry> {
            format: FORMAT.to_owned(),
            version: Version::CURRENT,
            tool,
            note,
            captured,
            proxies,
            istiods,
            members: self.entries(),
            derived: (self.derived_entries().into_iter())
                .filter_map(|entry| match entry {
                    Entry::Derived(entry) => Some(entry),
                    _ => None,
                })
                .collect(),
            failures: std::mem::take(&mut self.failures),
            redaction,
        }
    }

    fn partial_error(&self, error: io::Error) -> WriteError {
        WriteError::Io {
            path: self.partial_path().to_owned(),
            error,
        }
    }
}

impl Drop for Writer {
    /// Removes the partial file, unless it alone holds what was captured.
    fn drop(&mut self) {
        if self.unfinished().is_none() {
            let _ = std::fs::remove_file(self.partial_path());
        }
    }
}

/// The bytes of `manifest.json`.
fn manifest_bytes(manifest: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    let mut bytes =
        serde_json::to_vec_pretty(manifest).expect("a manifest holds nothing but JSON values");
    bytes.push(b'\n');
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(WriteError::TooLarge {
            what: "the size of the manifest".to_owned(),
            limit: MAX_MANIFEST_BYTES,
        });
    }
    Ok(bytes)
}

#[test]
fn a_body_without_end_is_refused_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::create(&folder.path().join("x.xdsnap")).unwrap();
    let path = "istiod/syncz.json".parse().unwrap();
    let measure = |body: &mut dyn Read| writer.measure(&path, body, &mut io::sink(), 100_000);
    let (size, _) = measure(&mut io::repeat(0).take(100_000)).unwrap();
    assert_eq!(size, 100_000);
    let err = measure(&mut io::repeat(0)).unwrap_err();
    assert!(
        matches!(err, WriteError::TooLarge { limit: 100_000, .. }),
        "{err}"
    );
}
