//! What a writer does with derived data: it stands in no partial file, for it can be computed again.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read, Seek, Write},
};

use sha2::{Digest, Sha256};
use tempfile::SpooledTempFile;

use super::{
    super::{
        archive::BLOCK,
        derived::{self, Derive, Derived, DerivedEntry},
        digest,
        layout::MemberPath,
        pack::{self, Packer},
        plan::Kind,
    },
    Entry, Fields, SPOOL_BYTES, WriteError, Writer,
};

/// Takes a member of an archive, and keeps its content.
struct Content {
    /// How much of its header is still to come.
    header: u64,
    /// How much of its content is.
    left: u64,
    bytes: Vec<u8>,
}

impl Write for Content {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = |limit: u64| {
            bytes
                .len()
                .min(usize::try_from(limit).unwrap_or(usize::MAX))
        };
        if self.header > 0 {
            let taken = taken(self.header);
            self.header -= taken as u64;
            return Ok(taken);
        }
        let kept = taken(self.left);
        self.left -= kept as u64;
        self.bytes.extend_from_slice(&bytes[..kept]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What computes derived members.
pub(super) struct Deriving(pub(super) Box<dyn Derive>);

impl fmt::Debug for Deriving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deriving").finish_non_exhaustive()
    }
}

/// Reads what is to be kept, too.
pub(super) struct Keeping<'a> {
    pub(super) content: &'a mut dyn Read,
    pub(super) kept: Option<Vec<u8>>,
}

impl Read for Keeping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&buffer[..length]);
        }
        Ok(length)
    }
}

/// A derived member.
#[derive(Debug)]
pub(super) struct Spooled {
    entry: Entry,
    /// Its kind, and the version of the rules that made it.
    rules: (String, u32),
    content: SpooledTempFile,
    size: u64,
    /// Its size in the archive, with header and padding.
    pub(super) packed: u64,
}

impl Writer {
    /// Adds what `derive` computes from the members.
    pub fn deriving(mut self, derive: impl Derive + 'static) -> Self {
        self.derive = Some(Deriving(Box::new(derive)));
        self
    }

    /// The documents among the members with their sizes in bytes, in the order of the bundle.
    pub fn documents(&self) -> Vec<(MemberPath, u64)> {
        let members = self.members.iter();
        members
            .filter_map(|((_, path), (_, stored))| Some((path.parse().ok()?, stored.content)))
            .collect()
    }

    /// The bytes of a member that was added.
    ///
    /// # Errors
    ///
    /// Where there is none, or the partial file cannot be read.
    pub fn read(&mut self, path: &MemberPath) -> io::Result<Vec<u8>> {
        let path = path.to_string();
        let member = self.members.get(&(Kind::of(&path), path));
        let (_, stored) = member.ok_or(io::ErrorKind::NotFound)?;
        let mut content = Content {
            header: stored.size - stored.content.next_multiple_of(BLOCK),
            left: stored.content,
            bytes: Vec::new(),
        };
        self.partial.copy(stored, &mut content)?;
        Ok(content.bytes)
    }

    /// The digest that names all members as what something was made from.
    pub(in crate::bundle) fn made_from(&self) -> String {
        let members = self.members.iter();
        let members: Vec<(&str, String)> = members
            .map(|((_, path), (entry, _))| (path.as_str(), entry.sha256()))
            .collect();
        derived::from(
            members
                .iter()
                .map(|(path, sha256)| (*path, sha256.as_str())),
        )
    }

    /// Adds a derived member of another bundle, verified, with what the manifest there says of it.
    pub(in crate::bundle) fn keep_derived(
        &mut self,
        entry: &DerivedEntry,
        fields: Fields,
        bytes: &[u8],
    ) -> Result<(), WriteError> {
        let rules = (entry.kind.clone(), entry.rules);
        self.add_derived(&entry.path, Entry::Copied(fields), rules, bytes)
    }

    pub(in crate::bundle) fn has_derived(&self, path: &str) -> bool {
        self.derived.contains_key(path)
    }

    /// Takes back all that was kept.
    pub(in crate::bundle) fn drop_derived(&mut self) {
        self.derived.clear();
    }

    /// Computes what is to be derived, in the place of what was kept by the same rules; but not of what was kept by others,
    /// which may be newer. It does so once.
    pub(in crate::bundle) fn derive_all(&mut self) -> Result<(), WriteError> {
        let Some(derive) = self.derive.take() else {
            return Ok(());
        };
        let made = derive.0.derive(self);
        let from = self.made_from();
        for Derived {
            kind,
            extension,
            rules,
            bytes,
        } in made
        {
            let path = derived::path_of(kind, extension);
            let by = (kind.to_owned(), rules);
            if self.derived.get(&path).is_some_and(|kept| kept.rules != by) {
                continue;
            }
            let entry = DerivedEntry {
                path: path.clone(),
                kind: kind.to_owned(),
                rules,
                from: from.clone(),
                size: bytes.len() as u64,
                sha256: digest::hex(Sha256::new().chain_update(&bytes)),
                offset: None,
            };
            self.add_derived(&path, Entry::Derived(entry), by, &bytes)?;
        }
        Ok(())
    }

    fn add_derived(
        &mut self,
        path: &str,
        entry: Entry,
        rules: (String, u32),
        bytes: &[u8],
    ) -> Result<(), WriteError> {
        let mut content = tempfile::spooled_tempfile_in(SPOOL_BYTES, &self.folder);
        let error = |error| self.partial_error(error);
        content.write_all(bytes).map_err(error)?;
        let size = bytes.len() as u64;
        let header = pack::header(path, size).map_err(error)?;
        let spooled = Spooled {
            entry,
            rules,
            content,
            size,
            packed: header.len() as u64 + size.next_multiple_of(BLOCK),
        };
        self.derived.insert(path.to_owned(), spooled);
        Ok(())
    }

    /// What the manifest says of them, in the order of the archive.
    pub(super) fn derived_entries(&self) -> Vec<Entry> {
        let mut offset = self.members.values().map(|(_, stored)| stored.size).sum();
        let entry = |spooled: &Spooled| {
            let entry = spooled.entry.at(offset);
            offset += spooled.packed;
            entry
        };
        self.derived.values().map(entry).collect()
    }

    /// Writes them behind the members.
    pub(super) fn pack_derived(
        derived: &mut BTreeMap<String, Spooled>,
        packer: &mut Packer<'_>,
    ) -> io::Result<()> {
        for (path, spooled) in derived {
            packer.write_all(&pack::header(path, spooled.size)?)?;
            spooled.content.rewind()?;
            io::copy(&mut spooled.content, packer)?;
            let padding = spooled.size.next_multiple_of(BLOCK) - spooled.size;
            io::copy(&mut io::repeat(0).take(padding), packer)?;
        }
        Ok(())
    }
}
