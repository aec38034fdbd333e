//! Why a bundle cannot be written.

use std::{io, path::PathBuf};

use super::partial::MAX_PARTIAL_FILES;

/// Why a bundle, or a member of it, could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder of the bundle does not exist.
    #[error("cannot write `{}`: there is no folder `{}`; make it first", path.display(), folder.display())]
    NoFolder {
        /// The bundle.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// What is at the path is not a file, or no file can have the name.
    #[error("cannot write `{}`: it is not the path of a file; give another one", .0.display())]
    NotAFile(PathBuf),
    /// There is a file, and it must not be replaced.
    #[error("`{}` exists and is not replaced; move it away or give another path", .0.display())]
    Exists(PathBuf),
    /// Earlier captures left many partial files.
    #[error(
        "there are {MAX_PARTIAL_FILES} unfinished captures of `{}` beside it (`.partial` and `.partial.2` to \
         `.partial.{MAX_PARTIAL_FILES}`); move them away or give another path",
        .0.display()
    )]
    TooManyPartialFiles(PathBuf),
    /// The bundle has this member already.
    #[error("member `{0}` was written before; a bundle holds it once")]
    Duplicate(String),
    /// The bundle has a member that differs from this one in letter case only.
    #[error(
        "member `{path}` differs from `{other}` in letter case only; give one of them another name"
    )]
    CaseCollision {
        /// The member.
        path: String,
        /// The member that is in the bundle.
        other: String,
    },
    /// A bundle must not hold so much.
    #[error("{what} exceeds what a bundle may hold (at most {limit})")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// The member's content could not be read to its end, so the member was not added.
    #[error("member `{path}` could not be read: {error}")]
    Body {
        /// The member.
        path: String,
        /// What its reader said.
        error: io::Error,
    },
    /// The partial file could not be read back.
    #[error("cannot read `{}` back: {error}", path.display())]
    Partial {
        /// The partial file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{}`: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}
