//! The bundle: one file that holds what was captured, and the only code that knows its bytes.
//!
//! A bundle is a tar archive compressed with zstd, so `tar --zstd -xf` opens it. Its first member, `manifest.json`,
//! tells when and from where each other member came, what is missing, what was redacted, and each member's size and
//! SHA-256 digest. The other members are the documents as they were received, after redaction.
//!
//! ```text
//! zstd frame        manifest.json                          tar header, content, padding
//! zstd frame        envoy/web-1.shop/config_dump.json          "
//!                   envoy/web-2.shop/config_dump.json          "
//! zstd frame        envoy/web-1.shop/stats.json                "
//!                   envoy/web-2.shop/stats.json                "
//! zstd frame        istiod/syncz.json                          "
//! zstd frame        the end of the archive                 two blocks of zeros
//! skippable frame   the seal                               that a holder of a key wrote it
//! skippable frame   the seek table                         where each frame begins
//! ```
//!
//! The specification is `schema/bundle.md`. [`Writer`] makes a bundle without ever leaving half of one in its place,
//! [`Reader`] reads one as from a stranger, [`verify()`] tells what breaks the rules of the format, and [`recover()`] gets
//! back what is intact of a damaged bundle or an interrupted capture. [`Folder`] is where members are unpacked to, and
//! nothing outside. [`MemberPath`] names a document in a bundle or in a
//! directory of recordings, and [`Manifest`] with what it holds is the JSON of `manifest.json`.
//!
//! Within: `frames` unpacks zstd frames and `archive` finds the tar entries in them, `seek_table` is where each frame
//! begins, `seal` whose key vouches for all of it; `plan` decides what shares a frame, and `pack` writes them. `derived` is about what was computed from members.

mod about;
mod archive;
mod derived;
mod digest;
mod error;
mod finding;
mod format;
mod fragment;
mod frames;
mod layout;
mod pack;
mod partial;
mod plan;
mod reader;
mod recover;
mod seal;
mod seek_table;
mod unlisted;
mod unpack;
mod verify;
mod write_error;
mod writer;

pub use about::{Failure, Head, Provenance, Replaced};
pub use derived::{Derive, Derived, DerivedEntry, MAX_DERIVED};
pub use error::{ReadError, Reason};
pub use finding::{Finding, Level, Rule};
pub use format::{
    Captured, FORMAT, FREE_UNPACKED_BYTES, FailureEntry, InvalidTime, InvalidVersion, IstiodEntry,
    MAX_FRAME_BYTES, MAX_FRAMES, MAX_JSON_DEPTH, MAX_MANIFEST_BYTES, MAX_MEMBER_BYTES, MAX_MEMBERS,
    MAX_PATH_BYTES, MAX_RATIO, MAX_UNPACKED_BYTES, MAX_WINDOW_LOG, Manifest, MemberEntry, Origin,
    ProxyEntry, Redaction, Time, Version,
};
pub(crate) use layout::unsafe_path;
pub use layout::{InvalidMemberPath, MANIFEST_PATH, MemberPath};
pub use reader::{Member, Members, Reader};
pub use recover::{Intact, Recovery, Salvage, recover};
pub use unpack::{Folder, UnpackError};
pub use verify::verify;
pub use write_error::WriteError;
pub use writer::{Unfinished, Writer, Written};
