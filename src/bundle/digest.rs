//! SHA-256 digests as manifests spell them.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The digest of what was hashed, in lowercase hexadecimal.
pub(super) fn hex(hash: Sha256) -> String {
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

#[test]
fn a_digest_is_spelled_as_sha256sum_spells_it() {
    assert_eq!(
        hex(Sha256::new().chain_update(b"abc")),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}
