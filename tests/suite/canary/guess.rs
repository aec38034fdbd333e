//! What can be guessed from a bundle without its key: nothing, not even a PIN.

use std::{fs, path::Path};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{case::cluster, program::assert_clean_bundle};
use crate::support::program::{run, xdsnap};

const PIN: &str = "7394";

/// A dump whose secrets are four digits.
fn dump(pin: &str) -> Value {
    cluster(json!({
        "metadata": {"filter_metadata": {"f": {"pin": pin, "password": pin, "passcode": pin.parse::<u64>().unwrap()}}},
        "transport_socket": {"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {"tls_certificates": [{"password": {"inline_string": pin}}]},
        }},
    }))
}

/// All bytes of a bundle of that dump, unpacked, and the dump's.
fn bundle(folder: &Path, pin: &str) -> (Vec<u8>, String) {
    let text = dump(pin).to_string();
    fs::write(folder.join("dump.json"), &text).unwrap();
    let ran = run(xdsnap([
        "capture",
        "-q",
        "-o",
        "x.xdsnap",
        "--envoy",
        "web.shop=dump.json",
    ])
    .current_dir(folder));
    assert_eq!(ran.status, 0, "{}", ran.err);
    let path = folder.join("x.xdsnap");
    assert_clean_bundle(&path);
    let packed = fs::read(&path).unwrap();
    let mut all = zstd::decode_all(packed.as_slice()).unwrap();
    all.extend(&packed);
    (all, text)
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| hmac.update(part));
    hmac.finalize().into_bytes().to_vec()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// MD5, for a test has to try what nobody should use.
fn md5(bytes: &[u8]) -> Vec<u8> {
    let shifts: [[u32; 4]; 4] = [
        [7, 12, 17, 22],
        [5, 9, 14, 20],
        [4, 11, 16, 23],
        [6, 10, 15, 21],
    ];
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((bytes.len() as u64 * 8).to_le_bytes());
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks(64) {
        let word =
            |index: usize| u32::from_le_bytes(block[4 * index..4 * index + 4].try_into().unwrap());
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (mixed, index) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), 7 * i % 16),
            };
            let constant = (((i + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a
                .wrapping_add(mixed)
                .wrapping_add(constant)
                .wrapping_add(word(index));
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(shifts[i / 16][i % 4]));
        }
        for (state, value) in state.iter_mut().zip([a, b, c, d]) {
            *state = state.wrapping_add(value);
        }
    }
    state.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn crc32(bytes: &[u8], polynomial: u32) -> Vec<u8> {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (polynomial & (crc & 1).wrapping_neg())
        })
    });
    (!crc).to_be_bytes().to_vec()
}

/// xxHash of up to 31 bytes, with seed 0: what zstd's frames use of a content.
fn xxh64(bytes: &[u8]) -> Vec<u8> {
    const P: [u64; 5] = [
        0x9e37_79b1_85eb_ca87,
        0xc2b2_ae3d_27d4_eb4f,
        0x1656_67b1_9e37_79f9,
        0x85eb_ca77_c2b2_ae63,
        0x27d4_eb2f_1656_67c5,
    ];
    let mut hash = P[4].wrapping_add(bytes.len() as u64);
    let mut rest = bytes;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight)
            .wrapping_mul(P[1])
            .rotate_left(31)
            .wrapping_mul(P[0]);
        hash = (hash ^ word)
            .rotate_left(27)
            .wrapping_mul(P[0])
            .wrapping_add(P[3]);
        rest = after;
    }
    if let Some((four, after)) = rest.split_first_chunk::<4>() {
        hash ^= u64::from(u32::from_le_bytes(*four)).wrapping_mul(P[0]);
        hash = hash.rotate_left(23).wrapping_mul(P[1]).wrapping_add(P[2]);
        rest = after;
    }
    for byte in rest {
        hash ^= u64::from(*byte).wrapping_mul(P[4]);
        hash = hash.rotate_left(11).wrapping_mul(P[0]);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(P[1]);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(P[2]);
    (hash ^ (hash >> 32)).to_be_bytes().to_vec()
}

#[test]
fn the_digests_that_are_tried_are_what_they_are_called() {
    let hex = |bytes: Vec<u8>| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    assert_eq!(hex(md5(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(hex(crc32(b"123456789", 0xedb8_8320)), "cbf43926");
    assert_eq!(hex(crc32(b"123456789", 0x82f6_3b78)), "e3069283");
    assert_eq!(hex(xxh64(b"")), "ef46db3751d8e999");
    assert_eq!(hex(xxh64(b"abc")), "44bc2cf5ad770999");
}

/// What can be computed of a text without a key, each with its name.
fn digests(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = text.as_bytes();
    // What the product puts before a secret is no secret.
    let prefixed = [b"xdsnap secret\0", bytes].concat();
    let quoted = format!("\"{text}\"");
    let mut all = vec![
        ("sha256", sha256(bytes)),
        ("sha256, quoted", sha256(quoted.as_bytes())),
        ("sha256, prefixed", sha256(&prefixed)),
        ("sha256, twice", sha256(&sha256(bytes))),
        ("md5", md5(bytes)),
        ("md5, prefixed", md5(&prefixed)),
        ("crc32", crc32(bytes, 0xedb8_8320)),
        ("crc32c", crc32(bytes, 0x82f6_3b78)),
    ];
    if prefixed.len() < 32 {
        all.push(("xxh64", xxh64(bytes)));
        all.push(("xxh64, prefixed", xxh64(&prefixed)));
    }
    for (name, key) in [
        ("HMAC by an empty key", vec![]),
        ("HMAC by a key of zeros", vec![0; 32]),
    ] {
        all.push((name, hmac(&key, &[bytes])));
        all.push((name, hmac(&key, &[&prefixed])));
    }
    all
}

/// Every run of 8 bytes that `text` can hold in hexadecimal, and every 4, forwards and backwards.
fn numbers_in(text: &[u8]) -> std::collections::HashSet<Vec<u8>> {
    let mut numbers = std::collections::HashSet::new();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    for length in [4, 8] {
        for window in text.windows(2 * length) {
            let digits: Option<Vec<u8>> = window.iter().map(|byte| digit(*byte)).collect();
            let Some(digits) = digits else { continue };
            let bytes: Vec<u8> = digits
                .chunks(2)
                .map(|pair| pair[0] << 4 | pair[1])
                .collect();
            numbers.insert(bytes.iter().rev().copied().collect());
            numbers.insert(bytes);
        }
    }
    numbers
}

#[test]
fn a_pin_is_not_found_by_trying_all() {
    let folder = tempfile::tempdir().unwrap();
    let (all, _) = bundle(folder.path(), PIN);
    let text = String::from_utf8_lossy(&all);
    assert!(
        xdsnap::model::Token::all_in(&text).count() >= 4,
        "{text:.2000}"
    );
    let numbers = numbers_in(&all);
    let token = xdsnap::model::Token::all_in(&text).next().unwrap().1;
    let fingerprint = u32::from_str_radix(&token.key.to_string(), 16).unwrap();
    for pin in 0..10_000 {
        let pin = format!("{pin:04}");
        for (name, digest) in digests(&pin).into_iter().chain([
            // The fingerprint is known to whoever has the bundle.
            (
                "HMAC by the fingerprint",
                hmac(&fingerprint.to_be_bytes(), &[pin.as_bytes()]),
            ),
            (
                "HMAC by its text",
                hmac(
                    token.key.to_string().as_bytes(),
                    &[b"xdsnap secret\0", pin.as_bytes()],
                ),
            ),
        ]) {
            let length = digest.len().min(8);
            for part in [&digest[..length], &digest[digest.len() - length..]] {
                assert!(!numbers.contains(part), "{name} of {pin} is in the bundle");
            }
            // Four bytes are anywhere among ten thousand times ten: those of a short digest alone are looked for.
            let raw = pin == PIN
                && digest.len() >= 8
                && all.windows(8).any(|window| window == &digest[..8]);
            assert!(!raw, "{name} of {pin} is in the bundle");
        }
    }
}

/// Two bundles that differ in the PIN alone differ in tokens, and in what is computed of what holds tokens.
#[test]
fn nothing_unkeyed_of_a_document_is_in_its_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let (all, document) = bundle(folder.path(), PIN);
    let text = String::from_utf8_lossy(&all).to_lowercase();
    let parsed: Value = serde_json::from_str(&document).unwrap();
    let cluster = &parsed["configs"][0]["dynamic_active_clusters"][0]["cluster"];
    // Whoever can guess all but the PIN of a document can try each with its digest.
    for (what, bytes) in [
        ("document", document.clone()),
        ("section", parsed["configs"][0].to_string()),
        ("cluster", cluster.to_string()),
        ("metadata", cluster["metadata"].to_string()),
        ("secret", PIN.to_owned()),
        ("quoted", format!("\"{PIN}\"")),
    ] {
        for (name, digest) in digests(&bytes) {
            let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(
                !text.contains(&hexadecimal),
                "{name} of the {what} is in the bundle"
            );
            use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
            let base64 = STANDARD_NO_PAD.encode(&digest).to_lowercase();
            assert!(
                !text.contains(&base64),
                "{name} of the {what} is in the bundle"
            );
        }
    }
}
