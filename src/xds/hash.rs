//! The hash by which the table finds names. Its generator reads this file too.

/// A hash of `name`, the same in every build, of which the upper bits are the best.
pub(super) fn hash(name: &str) -> u32 {
    /// 2^64 divided by the golden ratio.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| {
        let product = (state ^ word).wrapping_mul(FACTOR);
        product ^ (product >> 32)
    };
    let bytes = name.as_bytes();
    let state = bytes.len() as u64;
    // The last words overlap, so that none is shorter than the others.
    let state = match (bytes.last_chunk::<8>(), bytes.first_chunk::<4>()) {
        (Some(last), _) => {
            let words = bytes.as_chunks::<8>().0.iter();
            let state = words.fold(state, |state, word| mix(state, u64::from_le_bytes(*word)));
            mix(state, u64::from_le_bytes(*last))
        }
        (None, Some(first)) => {
            let last = bytes.last_chunk::<4>().unwrap_or(first);
            let [first, last] = [first, last].map(|word| u64::from(u32::from_le_bytes(*word)));
            mix(state, (first << 32) | last)
        }
        (None, None) => bytes
            .iter()
            .fold(state, |state, byte| mix(state, u64::from(*byte))),
    };
    (state >> 32) as u32
}
