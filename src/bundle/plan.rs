//! How members are ordered and gathered in zstd frames.
//!
//! Small frames are read alone sooner, large ones repeat less: the proxies of a mesh hold nearly the same resources. The
//! measurements behind the numbers stand in `schema/bundle.md`.

use crate::model::{Document, Source};

use super::layout::{DERIVED, MemberPath};

/// How much a frame holds in a bundle of one proxy, in bytes: each member has frames of its own, so that damage to one
/// leaves the others, and a dump is cut into several.
pub(super) const SMALL_FRAME: u64 = 2_000_000;

/// How much a frame holds in a bundle of several proxies, in bytes: several members of one kind. Stock tools unpack it
/// with a window of as much, of which they allow 128 MiB.
pub(super) const LARGE_FRAME: u64 = 80_000_000;

/// What stands side by side in a bundle: the documents of one kind from one source, in the order of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Known(Source, Document),
    /// A member of a later version.
    Unknown,
    /// What was computed from the others.
    Derived,
}

impl Kind {
    pub(super) fn of(path: &str) -> Self {
        match path.parse::<MemberPath>() {
            Ok(path) => Self::Known(path.source(), path.document()),
            Err(_) if path.starts_with(DERIVED) => Self::Derived,
            Err(_) => Self::Unknown,
        }
    }
}

/// The sizes of the frames for members of these kinds and sizes, in the order of the archive.
///
/// A frame holds whole members: one in a bundle of one proxy, else as many of a kind as fit. A member that is larger than
/// a frame is cut, and shares none of its frames.
pub(super) fn frames(members: impl Iterator<Item = (Kind, u64)>, one_proxy: bool) -> Vec<u64> {
    let limit = match one_proxy {
        true => SMALL_FRAME,
        false => LARGE_FRAME,
    };
    let mut frames = Vec::new();
    let mut open = 0;
    let mut last = None;
    for (kind, size) in members {
        let apart = one_proxy || last.is_some_and(|last| last != kind);
        last = Some(kind);
        if open > 0 && (apart || open + size > limit) {
            frames.push(open);
            open = 0;
        }
        open += size;
        if open > limit {
            while open > 0 {
                let frame = open.min(limit);
                frames.push(frame);
                open -= frame;
            }
        }
    }
    if open > 0 {
        frames.push(open);
    }
    frames
}

#[test]
fn frames_hold_whole_members_of_one_kind_and_cut_those_that_are_larger() {
    const DUMP: Kind = Kind::Known(Source::Envoy, Document::ConfigDump);
    const STATS: Kind = Kind::Known(Source::Envoy, Document::Stats);
    const MB: u64 = 1_000_000;
    for (members, one_proxy, expected) in [
        (&[][..], true, &[][..]),
        (&[(DUMP, MB), (STATS, MB)], true, &[MB, MB]),
        (&[(DUMP, MB), (STATS, MB)], false, &[MB, MB]),
        (&[(DUMP, MB), (DUMP, MB)], false, &[2 * MB]),
        (
            &[(DUMP, 5 * MB), (STATS, 1)],
            true,
            &[2 * MB, 2 * MB, MB, 1],
        ),
        (
            &[(DUMP, 30 * MB), (DUMP, 50 * MB), (DUMP, 1), (STATS, 1)],
            false,
            &[80 * MB, 1, 1],
        ),
        (
            &[(DUMP, 1), (DUMP, 81 * MB), (DUMP, 1)],
            false,
            &[1, 80 * MB, MB, 1],
        ),
    ] {
        let frames = frames(members.iter().copied(), one_proxy);
        assert_eq!(frames, expected, "{members:?}");
    }
}
