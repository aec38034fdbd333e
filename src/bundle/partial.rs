//! The file beside a bundle that holds what was captured until the bundle is finished.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    archive::{Archive, BLOCK},
    fragment::{self, Known},
    layout::FRAGMENTS,
    pack,
    write_error::WriteError,
    writer::Entry,
};

/// How many names are tried for the file.
pub(super) const MAX_PARTIAL_FILES: u32 = 100;

/// A partial file that is being written.
///
/// As long as it is open it is locked, so that whoever finds it can tell it from what an interrupted capture left.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    packing: PathBuf,
    file: File,
    /// Where the last finished frame ends.
    end: u64,
    /// How many fragments it holds.
    fragments: u32,
    /// What is known and could not be written yet.
    pending: Known,
    /// Those beside it that earlier captures left.
    earlier: Vec<PathBuf>,
}

/// Where a member stands in a partial file.
#[derive(Debug)]
pub(super) struct Stored {
    /// Where its frame begins, and the size of it.
    frame: (u64, u64),
    /// How much the frame holds before the member's header.
    before: u64,
    /// The size of the member in the archive, with its header and padding.
    pub(super) size: u64,
    /// The size of its content.
    pub(super) content: u64,
}

impl Partial {
    /// Creates the first of `<bundle>.partial`, `<bundle>.partial.2`, … that does not exist, or takes over one that
    /// was left without a member.
    pub(super) fn create(bundle: &Path) -> Result<Self, WriteError> {
        let mut earlier = Vec::new();
        for number in 1..=MAX_PARTIAL_FILES {
            let path = beside(bundle, ".partial", number);
            let created = options().create_new(true).open(&path);
            let file = match created {
                // Whoever finds it before it is locked may take it over.
                Ok(file) => (lock(&file) != Lock::Taken).then_some(file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    match left_behind(&path) {
                        Left::Empty(file) => Some(file),
                        Left::Running => None,
                        Left::Unfinished => {
                            earlier.push(path.clone());
                            None
                        }
                    }
                }
                Err(error) => return Err(WriteError::Io { path, error }),
            };
            if let Some(file) = file {
                return Ok(Self {
                    packing: beside(bundle, ".packing", number),
                    path,
                    file,
                    end: 0,
                    fragments: 0,
                    pending: Known::default(),
                    earlier,
                });
            }
        }
        Err(WriteError::TooManyPartialFiles(bundle.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where its members are packed. The name is no longer than its own.
    pub(super) fn packing(&self) -> PathBuf {
        self.packing.clone()
    }

    /// Those beside it that earlier captures left, with members.
    pub(super) fn earlier(&self) -> &[PathBuf] {
        &self.earlier
    }

    /// Its size, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.end
    }

    /// Writes what became known in a frame of its own; where that fails, it goes with the next frame.
    pub(super) fn know(&mut self, known: Known) {
        self.pending.add(known);
        if self.pending.is_empty() {
            return;
        }
        let head = self.fragment(None::<&Entry>);
        let written = head.and_then(|head| self.frame(&head, &mut io::empty(), 0));
        if written.is_ok() {
            self.pending = Known::default();
        }
    }

    /// Appends a member, and before it what the manifest will say of it. After an error the file is as it was.
    pub(super) fn member(
        &mut self,
        path: &str,
        entry: &Entry,
        content: &mut dyn Read,
        size: u64,
    ) -> io::Result<Stored> {
        let mut head = self.fragment(Some(entry))?;
        let before = head.len() as u64;
        head.extend(pack::header(path, size)?);
        let frame = self.frame(&head, content, size)?;
        self.pending = Known::default();
        Ok(Stored {
            frame,
            before,
            size: head.len() as u64 - before + size.next_multiple_of(BLOCK),
            content: size,
        })
    }

    /// The next fragment, as a file of the archive.
    fn fragment(&self, member: Option<&Entry>) -> io::Result<Vec<u8>> {
        let name = format!("{FRAGMENTS}{}.json", self.fragments + 1);
        pack::entry(&name, &fragment::to_json(&self.pending, member))
    }

    /// Appends a frame; where it begins, and the size of it.
    fn frame(&mut self, head: &[u8], content: &mut dyn Read, size: u64) -> io::Result<(u64, u64)> {
        let start = self.end;
        let written = self.write(start, head, content, size);
        match written {
            Ok(end) => {
                self.end = end;
                self.fragments += 1;
                Ok((start, end - start))
            }
            Err(error) => {
                // The next frame overwrites what this leaves, and so does the next attempt to cut it off.
                let _ = self.file.set_len(start);
                Err(error)
            }
        }
    }

    fn write(
        &mut self,
        start: u64,
        head: &[u8],
        content: &mut dyn Read,
        size: u64,
    ) -> io::Result<u64> {
        self.file.seek(SeekFrom::Start(start))?;
        self.file.set_len(start)?;
        pack::partial_frame(&mut self.file, head, content, size)?;
        self.file.flush()?;
        self.file.stream_position()
    }

    /// Copies a member, header and padding included, to `packer`.
    pub(super) fn copy(&mut self, member: &Stored, out: &mut dyn Write) -> Result<(), Copying> {
        let (start, size) = member.frame;
        let mut copied = 0;
        let read = (|| {
            self.file.seek(SeekFrom::Start(start))?;
            let mut frame = zstd::Decoder::new((&mut self.file).take(size))?;
            io::copy(&mut (&mut frame).take(member.before), &mut io::sink())?;
            let mut buffer = vec![0; 128 << 10];
            loop {
                // At the end the checksum of the frame is compared.
                match frame.read(&mut buffer)? {
                    0 if copied == member.size => return Ok(Ok(())),
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    length => {
                        copied += length as u64;
                        if let Err(error) = out.write_all(&buffer[..length]) {
                            return Ok(Err(error));
                        }
                    }
                }
            }
        })();
        read.map_err(Copying::Read)?.map_err(Copying::Write)
    }
}

/// Which side of a copy failed.
pub(super) enum Copying {
    Read(io::Error),
    Write(io::Error),
}

impl From<Copying> for io::Error {
    fn from(copying: Copying) -> Self {
        match copying {
            Copying::Read(error) | Copying::Write(error) => error,
        }
    }
}

/// `<bundle><suffix>`, `<bundle><suffix>.2`, …
fn beside(bundle: &Path, suffix: &str, number: u32) -> PathBuf {
    let mut name = bundle.as_os_str().to_owned();
    name.push(suffix);
    if number > 1 {
        name.push(format!(".{number}"));
    }
    name.into()
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// What a partial file is that is there already.
enum Left {
    /// Of a capture that is still running.
    Running,
    /// Of one that ended and left members, or what cannot be told.
    Unfinished,
    /// Of one that ended before its first member: nothing is lost with it. It is empty now.
    Empty(File),
}

fn left_behind(path: &Path) -> Left {
    // A link is not followed: what is overwritten must be what stands here.
    if !path.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return Left::Unfinished;
    }
    let Ok(mut file) = options().open(path) else {
        return Left::Unfinished;
    };
    match lock(&file) {
        Lock::Taken => return Left::Running,
        // Nothing would tell it from one that is being written.
        Lock::Unknown => return Left::Unfinished,
        Lock::Ours => {}
    }
    match is_this(&file, path) && holds_no_member(&mut file) && file.set_len(0).is_ok() {
        true => Left::Empty(file),
        false => Left::Unfinished,
    }
}

/// Whether all that can be read in a partial file are fragments.
fn holds_no_member(file: &mut File) -> bool {
    if file.metadata().is_ok_and(|found| found.len() == 0) {
        return true;
    }
    let Ok(mut archive) = Archive::new(file) else {
        return false;
    };
    loop {
        match archive.next() {
            Ok(Some(entry)) if entry.path.starts_with(FRAGMENTS) => {}
            // It has no end.
            Err(super::Reason::Truncated) => {}
            Ok(None) => return true,
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    Ours,
    /// Somebody else's.
    Taken,
    /// Files cannot be locked here.
    Unknown,
}

#[cfg(unix)]
fn lock(file: &File) -> Lock {
    use rustix::{
        fs::{FlockOperation, flock},
        io::Errno,
    };
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Lock::Ours,
        Err(Errno::WOULDBLOCK) => Lock::Taken,
        Err(_) => Lock::Unknown,
    }
}

#[cfg(not(unix))]
fn lock(_: &File) -> Lock {
    Lock::Unknown
}

/// Whether `file` is what stands at `path`: it may have been removed, or replaced by a link, since it was looked at.
#[cfg(unix)]
fn is_this(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_this(_: &File, _: &Path) -> bool {
    false
}
