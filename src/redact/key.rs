//! The key that secrets are turned into tokens with.

use std::{fmt, io};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::{Fingerprint, Sealer, Token};

/// How many bytes a key has.
const BYTES: usize = 32;

/// What a fingerprint is made of: no secret is taken for it, for those are told apart by what is before them.
const FINGERPRINT: &[u8] = b"xdsnap redaction key fingerprint";
/// What is before each secret.
const SECRET: &[u8] = b"xdsnap secret\0";
/// What is before each name that is no secret, and that a pseudonym stands for.
const PSEUDONYM: &[u8] = b"xdsnap pseudonym\0";
/// What the key of seals is made of.
const SEAL: &[u8] = b"xdsnap bundle seal";

/// The key that secrets are turned into tokens with: 256 bits that never enter a bundle.
///
/// A token is HMAC-SHA-256 of the secret, cut to 64 bits; a [fingerprint](Fingerprint) is HMAC-SHA-256 of a fixed
/// text, cut to 32.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; BYTES],
    /// The state of the HMAC, once its key was taken in.
    hmac: Hmac<Sha256>,
    fingerprint: Fingerprint,
    /// Whether anybody may ever have it again.
    is_kept: bool,
}

/// No key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {} hexadecimal digits and nothing else", 2 * BYTES)]
pub struct InvalidKey;

impl Key {
    /// A new one, which seals nothing: whoever keeps it has the [same](Self::from_hexadecimal) that does.
    ///
    /// # Errors
    ///
    /// Where the system has no randomness.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::from)?;
        Ok(Self {
            is_kept: false,
            ..Self::new(bytes)
        })
    }

    /// The one that these bytes are; whoever can guess them can guess what tokens stand for.
    pub fn new(bytes: [u8; BYTES]) -> Self {
        let hmac = Hmac::new_from_slice(&bytes).expect("a key of any length");
        let digest = hmac.clone().chain_update(FINGERPRINT).finalize();
        Self {
            bytes,
            hmac,
            fingerprint: Fingerprint::new(first(&digest.into_bytes())),
            is_kept: true,
        }
    }

    /// The key that `text` writes down: 64 hexadecimal digits, and white space around them.
    ///
    /// # Errors
    ///
    /// Where it is anything else.
    pub fn from_hexadecimal(text: &str) -> Result<Self, InvalidKey> {
        let digits = text.trim().as_bytes();
        let mut bytes = [0; BYTES];
        if digits.len() != 2 * BYTES || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(InvalidKey);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
            *byte = value(pair[0]) << 4 | value(pair[1]);
        }
        Ok(Self::new(bytes))
    }

    /// The key as [`Key::from_hexadecimal`] reads it.
    pub fn to_hexadecimal(&self) -> String {
        self.bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// What names this key in bundles and tokens.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// What stands for `secret`.
    pub fn token(&self, secret: &[u8]) -> Token {
        let digest = (self.hmac.clone())
            .chain_update(SECRET)
            .chain_update(secret)
            .finalize();
        Token {
            key: self.fingerprint,
            tag: u64::from_be_bytes(first(&digest.into_bytes())),
        }
    }

    /// What seals bundles by this key; `None` for one that is thrown away, by which no seal could ever be checked.
    pub fn sealer(&self) -> Option<Sealer> {
        let digest = self.hmac.clone().chain_update(SEAL).finalize();
        let sealer = Sealer::new(&digest.into_bytes().into(), self.fingerprint);
        self.is_kept.then_some(sealer)
    }

    /// What the `name` of something of this `kind`, a word, comes to.
    pub(super) fn pseudonym(&self, kind: &str, name: &str) -> u64 {
        let digest = (self.hmac.clone())
            .chain_update(PSEUDONYM)
            .chain_update(kind)
            .chain_update([0])
            .chain_update(name)
            .finalize();
        u64::from_be_bytes(first(&digest.into_bytes()))
    }
}

impl fmt::Debug for Key {
    /// Its fingerprint alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.fingerprint)
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut first = [0; N];
    first.copy_from_slice(&bytes[..N]);
    first
}

#[test]
fn a_token_depends_on_key_and_secret_alone() {
    let [first, second] = [[1; BYTES], [2; BYTES]].map(Key::new);
    assert_eq!(first.token(b"1234"), Key::new([1; BYTES]).token(b"1234"));
    assert_ne!(first.token(b"1234"), first.token(b"1235"));
    assert_ne!(first.token(b"1234").tag, second.token(b"1234").tag);
    assert_ne!(first.fingerprint(), second.fingerprint());
    // As Python's `hmac` has it.
    assert_eq!(
        first.token(b"1234").to_string(),
        "[redacted:faf17f1e-e1b65701092e38d5]"
    );
}

#[test]
fn a_key_is_written_in_hexadecimal() {
    let key = Key::random().unwrap();
    let text = key.to_hexadecimal();
    let again = Key::from_hexadecimal(&format!(" {text}\n")).unwrap();
    assert_eq!(again.fingerprint(), key.fingerprint());
    assert!(!format!("{key:?}").contains(&text[..16]));
    for wrong in ["", "hunter2", &text[1..], &text.replace(&text[..1], "g")] {
        assert_eq!(Key::from_hexadecimal(wrong).unwrap_err(), InvalidKey);
    }
}
