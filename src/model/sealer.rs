//! A seal: what only a holder of a key can put on bytes, and check on them.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Fingerprint;

/// Seals bytes, and checks seals, by one key: HMAC-SHA-256.
///
/// Whoever reads a sealed file with the same key knows that a holder of the key wrote it, and that no bit of it is
/// another one now.
#[derive(Clone)]
pub struct Sealer {
    hmac: Hmac<Sha256>,
    fingerprint: Fingerprint,
}

/// Bytes that are being sealed, or of which the seal is being checked.
#[derive(Clone)]
pub struct Sealing(Hmac<Sha256>);

impl Sealer {
    /// How many bytes a tag has.
    pub const TAG_BYTES: usize = 32;

    /// One by this key, which must be used for nothing else; `fingerprint` is what the user's key is called.
    pub fn new(key: &[u8; 32], fingerprint: Fingerprint) -> Self {
        Self {
            hmac: Hmac::new_from_slice(key).expect("a key of any length"),
            fingerprint,
        }
    }

    /// What names the user's key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Begins with no bytes.
    pub fn begin(&self) -> Sealing {
        Sealing(self.hmac.clone())
    }
}

impl Sealing {
    /// Goes on with these bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The tag of all bytes.
    pub fn tag(self) -> [u8; Sealer::TAG_BYTES] {
        self.0.finalize().into_bytes().into()
    }

    /// Whether all bytes have this tag; takes the same time for every wrong one.
    pub fn is(self, tag: &[u8]) -> bool {
        self.0.verify_slice(tag).is_ok()
    }
}

impl fmt::Debug for Sealer {
    /// The fingerprint alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", self.fingerprint)
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealing")
    }
}
