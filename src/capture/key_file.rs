//! The key of redaction in a file: made once, and the same ever after.
//!
//! A key file holds 64 hexadecimal digits and a newline. It is put in its place whole, so that of two programs that make
//! it at once both take the one that came first, and it is never written over: with another key, no value that was
//! captured before could be compared with one that is captured later.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::redact::{InvalidKey, Key};

/// The most that is read of a key file, in bytes: a key, and blanks around it.
const MAX_BYTES: u64 = 1024;

/// A key, and who else may read it.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// The key.
    pub key: Key,
    /// Whether others of its owner's group can read it or change it.
    pub is_open_to_group: bool,
    /// Whether everybody can.
    pub is_open_to_all: bool,
}

/// Why there is no key. No message holds anything of what a file holds.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no such file.
    #[error("`{}`: there is no such key file", .0.display())]
    Missing(PathBuf),
    /// There is none, and none can be made there.
    #[error("a key cannot be kept in `{}`: {error}", path.display())]
    CannotMake {
        /// Where it would be.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be read.
    #[error("`{}`: the key file cannot be read: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A folder, a pipe, a device.
    #[error("`{}`: no regular file, and no key is read from anything else", .0.display())]
    NotAFile(PathBuf),
    /// It holds something else.
    #[error("`{}`: this is no key ({error})", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What was expected.
        error: InvalidKey,
    },
}

/// Reads the key in the file at `path`.
///
/// # Errors
///
/// Where there is no such file, or it does not hold a key.
pub fn read(path: &Path) -> Result<KeyFile, KeyFileError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        _ => KeyFileError::Io {
            path: path.to_owned(),
            error,
        },
    };
    // Before it is opened, for opening a device may do something.
    let is_file = path.metadata().map_err(failed)?.is_file();
    if !is_file {
        return Err(KeyFileError::NotAFile(path.to_owned()));
    }
    let mut file = open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    let mut most = Read::by_ref(&mut file).take(MAX_BYTES + 1);
    most.read_to_end(&mut bytes).map_err(failed)?;
    let text = std::str::from_utf8(&bytes).ok();
    let text = text.filter(|text| text.len() as u64 <= MAX_BYTES);
    let key = text.map_or(Err(InvalidKey), Key::from_hexadecimal);
    let (is_open_to_group, is_open_to_all) = open_to(&metadata);
    Ok(KeyFile {
        key: key.map_err(|error| KeyFileError::NoKey {
            path: path.to_owned(),
            error,
        })?,
        is_open_to_group,
        is_open_to_all,
    })
}

/// Reads the key in the file at `path`, and makes the file if there is none, with the folders that it needs: readable by
/// their owner alone.
///
/// # Errors
///
/// [`KeyFileError::CannotMake`] where there is none and none can be made; and those of [`read`].
pub fn read_or_make(path: &Path) -> Result<KeyFile, KeyFileError> {
    let cannot = |error| KeyFileError::CannotMake {
        path: path.to_owned(),
        error,
    };
    match path.symlink_metadata() {
        Ok(_) => return read(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // What is no folder, or may not be looked into, holds no key of this user.
        Err(error) => return Err(cannot(error)),
    }
    make(path).map_err(cannot)?;
    read(path)
}

/// Puts a new key at `path`, unless one came there meanwhile.
fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let key = Key::random()?;
    let mut file = tempfile::Builder::new()
        .prefix(".redaction.key.")
        .tempfile_in(folder)?;
    file.write_all(format!("{}\n", key.to_hexadecimal()).as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens it; a pipe that took its place does not keep anybody waiting.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits() as i32,
    );
    options.open(path)
}

/// Whether a file is open to its group, and to all.
#[cfg(unix)]
fn open_to(metadata: &Metadata) -> (bool, bool) {
    let mode = std::os::unix::fs::MetadataExt::mode(metadata);
    (mode & 0o070 != 0, mode & 0o007 != 0)
}

#[cfg(not(unix))]
fn open_to(_: &Metadata) -> (bool, bool) {
    (false, false)
}

#[test]
fn a_key_is_made_once_and_read_ever_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/redaction.key");
    assert!(matches!(read(&path), Err(KeyFileError::Missing(_))));
    let made = read_or_make(&path).unwrap();
    let again = read_or_make(&path).unwrap();
    assert_eq!(made.key.fingerprint(), again.key.fingerprint());
    assert!(!made.is_open_to_group && !made.is_open_to_all);
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
    assert_eq!(names.count(), 1, "nothing is left beside it");
}

#[test]
fn what_holds_no_key_is_refused_and_never_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redaction.key");
    let digits = "ab".repeat(32);
    for content in [
        String::new(),
        "\n".to_owned(),
        "hunter2".to_owned(),
        digits[1..].to_owned(),
        format!("{digits}ab"),
        format!("{digits}\n{digits}\n"),
        format!("{digits}{}", " ".repeat(2000)),
    ] {
        std::fs::write(&path, &content).unwrap();
        let error = read_or_make(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::NoKey { .. }), "{error}");
        let message = error.to_string();
        assert!(
            !message.contains("hunter2") && !message.contains(&digits[1..]),
            "{message}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
    std::fs::write(&path, [0xff; 64]).unwrap();
    assert!(matches!(read(&path), Err(KeyFileError::NoKey { .. })));
    assert!(matches!(
        read(folder.path()),
        Err(KeyFileError::NotAFile(_))
    ));
}
