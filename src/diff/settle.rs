//! Which resources have nothing to tell: that is found on all cores, before the others are looked at one by one.
//!
//! Law: of what is settled a comparison tells nothing, and counts it.

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use super::{
    Mode,
    compare::{are_same, is_alike},
    equivalence::equate,
    pairing::Pair,
    rules::{HEADER_ORDER, UNKNOWN_FIELD_NAMES},
    value::{Comparison, Nodes},
};
use crate::{
    model::{ResourceKey, Rules, Tally, XdsType},
    normalize::{NormalizeError, Resource, Value, live_part, normalize_by},
};

/// So many pairs are looked at by one thread before it asks for more.
const CHUNK: usize = 32;

/// The stack of each, as large as that of a program: resources are nested.
const STACK_BYTES: usize = 8 << 20;

/// By what resources of two dumps are compared.
#[derive(Clone, Debug)]
pub(super) struct Ways<'a> {
    pub(super) mode: Mode,
    pub(super) rules: &'a Rules,
    /// The types of which both dumps have sections: what a dump says elsewhere too is left out only where both do so.
    pub(super) types: BTreeSet<XdsType>,
}

impl Ways<'_> {
    /// The normalized form of a resource.
    pub(super) fn normal(
        &self,
        resource: &Resource<'_>,
        tally: &mut Tally<'_>,
    ) -> Result<Value, NormalizeError> {
        normalize_by(resource, &self.types, tally)
    }

    /// What differs between two normalized resources, among the nodes that are `selected` and not `ignored`.
    pub(super) fn compare(
        &self,
        key: &ResourceKey,
        [before, after]: [Option<&Value>; 2],
        [selected, ignored]: [Option<&Nodes>; 2],
    ) -> Comparison<'static> {
        let live = live_part(key).filter(|part| self.rules.has(part.rule));
        let live = live.map(|part| {
            let values = before.into_iter().chain(after);
            let nodes = values.flat_map(|value| part.nodes(value));
            nodes.map(std::ptr::from_ref).collect::<Nodes>()
        });
        let is_sync = self.mode == Mode::Sync;
        let mut comparison = Comparison {
            live: live.as_ref(),
            selected,
            ignored,
            fold_names: is_sync && self.rules.has(&UNKNOWN_FIELD_NAMES),
            any_header_order: is_sync && self.rules.has(&HEADER_ORDER),
            secrets: Some(self.mode),
            ..Comparison::default()
        };
        comparison.run(before, after);
        Comparison {
            edits: comparison.edits,
            not_compared: comparison.not_compared,
            folded: comparison.folded,
            reordered: comparison.reordered,
            ..Comparison::default()
        }
    }

    /// Whether there is nothing to tell of a resource that both sides have.
    fn is_settled(&self, before: &Resource<'_>, after: &Resource<'_>) -> bool {
        let key = &after.key;
        // Of a bootstrap that was cut, something is told all the same; of what has no body, too.
        if key.xds_type == XdsType::Bootstrap || before.body.is_none() || after.body.is_none() {
            return false;
        }
        if are_same([before, after], || {
            self.mode == Mode::Change && is_alike(before, after)
        }) {
            return true;
        }
        let tally = &mut Tally::new(self.rules);
        let mut normal = |resource| self.normal(resource, tally);
        let (Ok(mut before), Ok(mut after)) = (normal(before), normal(after)) else {
            return false;
        };
        let reasons = equate(key, self.mode, tally, &mut before, &mut after);
        if !reasons.is_empty() {
            return false;
        }
        let found = self.compare(key, [Some(&before), Some(&after)], [None; 2]);
        found.edits.is_empty() && found.not_compared.is_empty()
    }

    /// Of which of `pairs` there is nothing to tell.
    pub(super) fn settled(&self, pairs: &[Pair<'_>]) -> Vec<bool> {
        let settled: Vec<_> = pairs.iter().map(|_| AtomicBool::new(false)).collect();
        let next = AtomicUsize::new(0);
        let settle = || {
            loop {
                let start = next.fetch_add(CHUNK, Ordering::Relaxed);
                let Some(rest) = pairs.get(start..).filter(|rest| !rest.is_empty()) else {
                    return;
                };
                for (pair, is_settled) in rest.iter().zip(&settled[start..]).take(CHUNK) {
                    if let (Some(before), Some(after)) = pair
                        && self.is_settled(before, after)
                    {
                        is_settled.store(true, Ordering::Relaxed);
                    }
                }
            }
        };
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        thread::scope(|scope| {
            for _ in 1..cores.min(pairs.len().div_ceil(CHUNK)) {
                let thread = thread::Builder::new().stack_size(STACK_BYTES);
                // Where there can be no more threads, fewer do it.
                if thread.spawn_scoped(scope, settle).is_err() {
                    break;
                }
            }
            settle();
        });
        settled.into_iter().map(AtomicBool::into_inner).collect()
    }
}
