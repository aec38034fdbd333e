//! The derived member `resources` of a bundle: digests of each resource of its dumps, and where each stands.
//!
//! `schema/bundle.md` specifies it. Most proxies of a mesh have most resources alike, so these are gathered in buckets, by
//! hashes of their names, and what several dumps have alike is stored once: what differs between two bundles is found in
//! time that is proportional to it. Where a resource stands is told apart, for each dump, and read where it is needed.

mod build;
mod index;
mod places;

pub(super) use build::{Builder, OfDump, what_is_untold};
pub use index::{Differing, Flags, Index, IndexError, Indexed, Indexes, Leaf, Wanted};
pub use places::{At, Places, is_wanted};

use sha2::{Digest as _, Sha256};

use crate::{
    model::{ResourceKey, State},
    normalize::{DIGEST_RULES, Digest, Digests},
};

/// The kind of this derived data.
pub const KIND: &str = "resources";

/// The version of its rules: that of what digests are made of, and in hundreds that of the layout.
pub const RULES: u32 = 100 + DIGEST_RULES;

/// What it begins with.
const MAGIC: &[u8; 16] = b"xdsnap resources";

/// How much of the hash of a resource's name tells it from others.
pub const KEY_BYTES: usize = 5;

/// How much of it tells where it stands.
const SHORT_BYTES: usize = 4;

/// How much of a digest tells content from other content.
pub const DIGEST_BYTES: usize = 20;

/// How much of a digest tells what cannot be told from what else cannot be.
const UNTOLD_BYTES: usize = 16;

/// What tells a resource from the others of its dump; those of one key and state have one of these, too.
pub type Key = [u8; KEY_BYTES];

/// The hash of type, state and name of a resource.
fn key_hash(key: &ResourceKey) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"k");
    let state = key.state.map_or("", State::as_str);
    for text in [key.xds_type.as_str(), state] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.update(&*key.name);
    hash.finalize().into()
}

/// The key of a resource.
pub fn key_of(key: &ResourceKey) -> Key {
    first(&key_hash(key))
}

/// The digest of all that is compared of the resource of this hash.
fn leaf_digest(key: &[u8; 32], digests: &Digests) -> [u8; DIGEST_BYTES] {
    let mut hash = Sha256::new_with_prefix(b"l");
    hash.update(key);
    for digest in [digests.configuration, digests.live] {
        hash.update([u8::from(digest.is_some())]);
        hash.update(
            digest
                .as_ref()
                .map_or(&[][..], |digest| Digest::bytes(digest)),
        );
    }
    first(&hash.finalize().into())
}

fn first<const N: usize>(bytes: &[u8; 32]) -> [u8; N] {
    let mut first = [0; N];
    first.copy_from_slice(&bytes[..N]);
    first
}
