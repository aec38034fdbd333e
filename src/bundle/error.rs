//! Why a bundle, or a member of it, cannot be read.

use std::{fmt, io};

use super::{format::Version, frames::TooMuch};

/// A bundle, or a member of it, that cannot be read.
#[derive(Debug, thiserror::Error)]
pub struct ReadError {
    /// What the bundle was called when it was opened.
    pub bundle: String,
    /// The member's path, where the error is about one.
    pub member: Option<String>,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.bundle.escape_debug())?;
        if let Some(member) = &self.member {
            write!(f, "member `{}`: ", member.escape_debug())?;
        }
        self.reason.fmt(f)
    }
}

/// Why a bundle, or a member of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It is something else: another kind of file, or an archive without a manifest.
    #[error(
        "not an xdsnap bundle: {0} (expected a zstd-compressed tar archive with a `manifest.json`)"
    )]
    NotABundle(&'static str),
    /// It holds documents and no manifest: what an interrupted capture left.
    #[error(
        "not a bundle yet, but what an interrupted capture left: it has no `manifest.json`; \
         `xdsnap verify --recover NEW FILE` makes a bundle of it"
    )]
    Unfinished,
    /// Its format is of another major version.
    #[error(
        "bundle format version `{found}` is not supported, this release reads version {}; \
         use a release that reads it, such as the one that wrote it{}",
        Version::CURRENT.major(),
        tool.as_deref().map(|tool| format!(": `{}`", tool.escape_debug())).unwrap_or_default()
    )]
    UnsupportedVersion {
        /// The version of the bundle.
        found: Version,
        /// What wrote it, if it says so.
        tool: Option<String>,
    },
    /// Its manifest is not what the format demands.
    #[error("invalid manifest: {0}")]
    InvalidManifest(String),
    /// The file ends before it does.
    #[error("truncated: the file ends before all of it was read; fetch or copy it again")]
    Truncated,
    /// The compressed data or the archive in it is broken.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The seek table says what cannot be.
    #[error("damaged: the seek table: {0}")]
    SeekTable(&'static str),
    /// It is not what the manifest says it is.
    #[error("altered: {0}")]
    Altered(String),
    /// The manifest lists it, and the archive does not hold it.
    #[error("missing: the manifest lists it, but the archive does not hold it or is damaged there")]
    Missing,
    /// The archive may hold it, but the manifest does not list it.
    #[error("not listed in the manifest")]
    NotListed,
    /// The archive holds it more than once.
    #[error("refused: the archive holds it more than once")]
    Duplicate,
    /// It is more than a reader may be asked to take.
    #[error("too large: {what} (at most {limit})")]
    TooLarge {
        /// What is too large, with its size.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// A bundle must not hold such a thing: a link, a device, a path that leads out of the folder.
    #[error("refused: {0}")]
    Forbidden(&'static str),
    /// The file itself could not be read.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for Reason {
    /// Of an error in reading what zstd frames hold.
    fn from(err: io::Error) -> Self {
        if let Some(too_much) = err.get_ref().and_then(|err| err.downcast_ref::<TooMuch>()) {
            return Self::TooLarge {
                what: too_much.what.to_owned(),
                limit: too_much.limit,
            };
        }
        match err.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            io::ErrorKind::InvalidData => Self::Damaged(format!("zstd: {err}")),
            _ => Self::Io(err),
        }
    }
}
