//! The entries of a tar archive in zstd frames, read as from a stranger.

use std::io::{ErrorKind, Read, Seek};

use tar::{EntryType, Header, PaxExtensions};

use super::{
    error::Reason,
    format::{MAX_MEMBER_BYTES, MAX_MEMBERS, MAX_PATH_BYTES},
    frames::{Frames, Measured, Place},
    layout::unsafe_path,
};

/// Tar counts in blocks of this many bytes.
pub(super) const BLOCK: u64 = 512;

/// How many headers an archive may hold: a member may need three, and folders have one each.
const MAX_HEADERS: usize = 4 * MAX_MEMBERS;

/// How many headers the header of one file may be extended by, where a seek table tells its place.
const MAX_EXTENSIONS: usize = 16;

/// How large a header that extends the next one (with a long name) may be.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;

/// The second of the two blocks that end an archive, and how many bytes may follow: stock tools fill up their last record.
const MAX_TRAILER_BYTES: u64 = BLOCK + (1 << 20);

/// A file in the archive.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) data: Data,
}

/// Where a file's bytes stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data {
    place: Place,
    pub(super) size: u64,
    /// Why they must not be read.
    refusal: Option<&'static str>,
}

impl Data {
    /// How many bytes are unpacked before them.
    pub(super) fn offset(&self) -> u64 {
        self.place.offset()
    }
}

/// A cursor over the files in an archive.
///
/// Files are found one after the other; the bytes of those found can be read at any time and in any order.
pub(super) struct Archive<R> {
    frames: Frames<R>,
    next: Next,
    /// How many headers were read since the archive's beginning.
    headers: usize,
    truncated: bool,
}

/// Where the cursor stands.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// Before a header.
    Header(Place),
    /// Behind what could not be read, which began in the frame of this place.
    Lost(Place),
    /// Behind the last entry.
    End,
}

/// What stands where a header is expected.
enum Block {
    Header(Box<Header>),
    /// The block of zeros that ends an archive.
    Zeros,
    /// The end of the file.
    Nothing,
    /// Something else.
    Other,
}

impl<R> std::fmt::Debug for Archive<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl<R: Read + Seek> Archive<R> {
    /// Opens what begins as a zstd-compressed tar archive does.
    pub(super) fn new(file: R) -> Result<Self, Reason> {
        let mut frames = Frames::new(file)?;
        if !frames.is_zstd()? {
            return Err(Reason::NotABundle("it is not zstd-compressed"));
        }
        let mut archive = Self {
            frames,
            next: Next::End,
            headers: 0,
            truncated: false,
        };
        match archive.block()? {
            Block::Header(_) => {
                archive.rewind();
                Ok(archive)
            }
            _ => Err(Reason::NotABundle("it holds no tar archive")),
        }
    }

    /// Opens what may once have been such an archive.
    pub(super) fn damaged(file: R) -> Result<Self, Reason> {
        let mut frames = Frames::new(file)?;
        if !frames.is_zstd()? && frames.next_frame(Place::START)?.is_none() {
            return Err(Reason::NotABundle("it is not zstd-compressed"));
        }
        Ok(Self {
            frames,
            next: Next::Header(Place::START),
            headers: 0,
            truncated: false,
        })
    }

    /// Goes back before the first file.
    pub(super) fn rewind(&mut self) {
        self.next = Next::Header(Place::START);
        self.headers = 0;
    }

    /// Whether the file was found to end too early.
    pub(super) fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The size of the file. What is read next must be gone to.
    pub(super) fn size(&mut self) -> Result<u64, Reason> {
        Ok(self.frames.size()?)
    }

    /// Whether all was unpacked that may be.
    pub(super) fn is_exhausted(&self) -> bool {
        self.frames.is_exhausted()
    }

    /// The next file, also one that must not be read.
    ///
    /// After an error the next call goes on behind the damage, in the next frame that begins with a header. What
    /// cannot be read of a file's bytes is not told here, but by [`Archive::content`].
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Reason> {
        let mut searching = false;
        loop {
            match self.next {
                Next::End => return Ok(None),
                Next::Lost(place) => {
                    searching = true;
                    self.next = match self.frames.next_frame(place)? {
                        Some(place) => Next::Header(place),
                        None => Next::End,
                    };
                }
                Next::Header(place) => {
                    if let Err(err) = self.frames.go_to(place) {
                        if err.kind() == ErrorKind::FileTooLarge {
                            self.next = Next::End;
                            return Err(err.into());
                        }
                        self.truncated |= err.kind() == ErrorKind::UnexpectedEof;
                        self.next = Next::Lost(self.frames.place());
                        searching = true;
                        continue;
                    }
                    match self.entry() {
                        Err(_) if searching => {}
                        result => return result,
                    }
                }
            }
        }
    }

    /// The file whose header stands at `place`. Where the cursor stands is not changed.
    pub(super) fn entry_at(&mut self, place: Place) -> Result<Option<Entry>, Reason> {
        let cursor = (self.next, self.headers);
        self.headers = MAX_HEADERS - MAX_EXTENSIONS;
        let found = match self.frames.go_to(place) {
            Ok(()) => self.entry_here(),
            Err(err) => Err(err.into()),
        };
        (self.next, self.headers) = cursor;
        found
    }

    /// Where in the file the frames begin that hold a file's bytes, which were read a moment ago: the first and the
    /// last.
    pub(super) fn frames_of(&self, data: &Data) -> (u64, u64) {
        (data.place.frame(), self.frames.place().frame())
    }

    /// The frame that begins at `start` in the file and must end at `end`.
    pub(super) fn measure(&mut self, start: u64, end: u64) -> Result<Measured, Reason> {
        Ok(self.frames.measure(start, end)?)
    }

    /// Where the next frame seems to begin in the file, after the beginning of the one at `start`.
    pub(super) fn next_frame(&mut self, start: u64) -> Result<Option<u64>, Reason> {
        let found = self.frames.next_frame(Place::listed(start, 0, 0))?;
        Ok(found.map(Place::frame))
    }

    /// The bytes of a file, if they are no more than `limit`.
    pub(super) fn content(&mut self, data: &Data, limit: u64) -> Result<Vec<u8>, Reason> {
        if let Some(refusal) = data.refusal {
            return Err(Reason::Forbidden(refusal));
        }
        if data.size > limit {
            return Err(Reason::TooLarge {
                what: format!("{} bytes", data.size),
                limit,
            });
        }
        self.frames.go_to(data.place)?;
        let mut content = Vec::new();
        (&mut self.frames)
            .take(data.size)
            .read_to_end(&mut content)?;
        if (content.len() as u64) < data.size {
            return Err(Reason::Truncated);
        }
        Ok(content)
    }

    /// So many bytes from a place that a seek table tells.
    pub(super) fn part(&mut self, place: Place, length: u64) -> Result<Vec<u8>, Reason> {
        self.frames.go_to(place)?;
        let mut content = Vec::new();
        (&mut self.frames).take(length).read_to_end(&mut content)?;
        match content.len() as u64 == length {
            true => Ok(content),
            false => Err(Reason::Truncated),
        }
    }

    /// The file itself. What is read next must be gone to.
    pub(super) fn file(&mut self) -> &mut R {
        self.frames.file()
    }

    /// Reads what fills up the last block of a file, and so the checksum of its frame where that ends there.
    pub(super) fn finish(&mut self, data: &Data) -> Result<(), Reason> {
        let end = data.size.next_multiple_of(BLOCK);
        Ok(self.frames.go_to(data.place.after(end))?)
    }

    /// Compares the checksum of the frame that was read last, if its end is no more than `limit` bytes away.
    pub(super) fn finish_frame(&mut self, limit: u64) -> Result<(), Reason> {
        Ok(self.frames.finish_frame(limit)?)
    }

    /// Reads headers up to that of a file. Any error leaves the cursor behind the damage.
    fn entry(&mut self) -> Result<Option<Entry>, Reason> {
        let result = self.entry_here();
        if let Err(reason) = &result {
            self.truncated |= matches!(reason, Reason::Truncated);
            if self.frames.is_exhausted() {
                self.next = Next::End;
            }
            if !matches!(self.next, Next::End) {
                self.next = Next::Lost(self.frames.place());
            }
        }
        result
    }

    fn entry_here(&mut self) -> Result<Option<Entry>, Reason> {
        let mut long_path = None;
        let mut refused = None;
        loop {
            if self.headers == MAX_HEADERS {
                self.next = Next::End;
                return Err(Reason::TooLarge {
                    what: "the number of members".to_owned(),
                    limit: MAX_MEMBERS as u64,
                });
            }
            self.headers += 1;
            let header = match self.block()? {
                Block::Header(header) => header,
                Block::Zeros => {
                    self.next = Next::End;
                    return self.trailer().map(|()| None);
                }
                Block::Nothing => {
                    self.next = Next::End;
                    return Err(Reason::Truncated);
                }
                Block::Other => return Err(damaged("a tar header is not what it was")),
            };
            let size = header
                .entry_size()
                .map_err(|_| damaged("a tar header holds no size"))?;
            let place = self.frames.place();
            let padded = size
                .checked_next_multiple_of(BLOCK)
                .ok_or_else(|| damaged("a tar header holds an impossible size"))?;
            let next = place.after(padded);
            let kind = header.entry_type();
            match kind {
                EntryType::GNULongName => {
                    let mut name = self.extension(size)?;
                    name.truncate(name.iter().position(|b| *b == 0).unwrap_or(name.len()));
                    long_path = Some(name);
                    self.frames.go_to(next)?;
                    continue;
                }
                EntryType::XHeader => {
                    let records = self.extension(size)?;
                    let pax = Pax::parse(&records)?;
                    long_path = pax.path.or(long_path);
                    refused = pax.refusal.or(refused);
                    self.frames.go_to(next)?;
                    continue;
                }
                EntryType::XGlobalHeader => {
                    let records = self.extension(size)?;
                    if !Pax::parse(&records)?.is_comment {
                        // It would hold for every file from here on.
                        self.next = Next::End;
                        return Err(Reason::Forbidden(
                            "a tar header for all members holds more than comments",
                        ));
                    }
                    self.frames.go_to(next)?;
                    continue;
                }
                EntryType::GNULongLink => {
                    self.extension(size)?;
                    self.frames.go_to(next)?;
                    continue;
                }
                _ => {}
            }
            let bytes = long_path
                .take()
                .unwrap_or_else(|| header.path_bytes().into_owned());
            let (path, refusal) = checked_path(&bytes, kind);
            let refusal = refusal.or(refused.take()).or(match kind {
                EntryType::Regular | EntryType::Directory => None,
                EntryType::Link | EntryType::Symlink => Some("it is a link"),
                EntryType::Char | EntryType::Block | EntryType::Fifo => {
                    Some("it is a device or a pipe")
                }
                _ => Some("it is neither a file nor a folder"),
            });
            if kind == EntryType::Directory && refusal.is_none() {
                self.frames.go_to(next)?;
                continue;
            }
            // Unpacking so much only to skip it is what its maker wants; and where the next header stands after a size
            // that is doubted, only its checksum tells.
            self.next = match size <= MAX_MEMBER_BYTES {
                true => Next::Header(next),
                false => Next::Lost(place),
            };
            let data = Data {
                place,
                size,
                refusal,
            };
            return Ok(Some(Entry { path, data }));
        }
    }

    fn block(&mut self) -> Result<Block, Reason> {
        let mut header = Header::new_old();
        let mut length = 0;
        while length < BLOCK as usize {
            match self.frames.read(&mut header.as_mut_bytes()[length..])? {
                0 => break,
                more => length += more,
            }
        }
        if length == 0 {
            return Ok(Block::Nothing);
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(Block::Zeros);
        }
        let mut expected = header.clone();
        expected.set_cksum();
        Ok(match (header.cksum(), expected.cksum()) {
            (Ok(found), Ok(expected)) if found == expected => Block::Header(Box::new(header)),
            _ => Block::Other,
        })
    }

    /// The bytes of a header that extends the next one.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Reason> {
        if size > MAX_EXTENSION_BYTES {
            return Err(Reason::TooLarge {
                what: format!("a tar header of {size} bytes"),
                limit: MAX_EXTENSION_BYTES,
            });
        }
        let mut bytes = Vec::new();
        (&mut self.frames).take(size).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < size {
            return Err(Reason::Truncated);
        }
        Ok(bytes)
    }

    /// Reads what follows the first block of zeros: nothing but zeros, and not many.
    fn trailer(&mut self) -> Result<(), Reason> {
        let mut bytes = Vec::new();
        (&mut self.frames)
            .take(MAX_TRAILER_BYTES + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_TRAILER_BYTES || bytes.iter().any(|byte| *byte != 0) {
            return Err(Reason::Forbidden("data follows the end of the archive"));
        }
        Ok(())
    }
}

fn damaged(what: &str) -> Reason {
    Reason::Damaged(what.to_owned())
}

/// What an extended header of POSIX says of the next file.
#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    /// Why the file must not be read. A member never needs a size there or to be sparse, and programs disagree on what
    /// they mean.
    refusal: Option<&'static str>,
    /// Whether it says nothing but comments.
    is_comment: bool,
}

impl Pax {
    fn parse(records: &[u8]) -> Result<Self, Reason> {
        let mut pax = Self {
            is_comment: true,
            ..Self::default()
        };
        for record in PaxExtensions::new(records) {
            let record =
                record.map_err(|_| damaged("an extended tar header is not what it was"))?;
            pax.is_comment &= record.key_bytes() == b"comment";
            match record.key_bytes() {
                b"path" => pax.path = Some(record.value_bytes().to_vec()),
                b"size" => pax.refusal = Some("an extended tar header holds a size"),
                key if key.starts_with(b"GNU.sparse.") => pax.refusal = Some("it is a sparse file"),
                _ => {}
            }
        }
        Ok(pax)
    }
}

/// The path of a tar entry without the `./` that `tar -cf x .` puts before it and the `/` after a folder, and why
/// it must not be used.
fn checked_path(bytes: &[u8], kind: EntryType) -> (String, Option<&'static str>) {
    let text = String::from_utf8_lossy(bytes);
    let mut path = &*text;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    if kind == EntryType::Directory {
        path = path.trim_end_matches('/');
        if path == "." || path.is_empty() && !text.starts_with('/') {
            return (text.into_owned(), None);
        }
    }
    let refusal = match text {
        std::borrow::Cow::Owned(_) => Some("its path is not UTF-8"),
        std::borrow::Cow::Borrowed(_) => unsafe_path(path),
    };
    // A refused path is only shown.
    (path.chars().take(MAX_PATH_BYTES).collect(), refusal)
}
