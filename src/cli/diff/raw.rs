//! Before against after of two dumps as they were received: only what differs is redacted, and nothing else is compared.
//!
//! Law: the report is the one that is made where everything is redacted first.

use crate::{
    capture::Unredacted,
    cli::{both::both, side::Side},
    diff::{Compared, Comparer, Facts, ProxyPair},
    dump::Dump,
    model::{ProxyId, ResourceKey, Source},
};

/// Compares two dumps by what differs. `false` where they have to be read in whole, and nothing was compared.
pub(super) fn compare(
    comparer: &mut Comparer<'_>,
    sides: [&mut Side; 2],
    ids: [&ProxyId; 2],
    (source, compared): (Source, Compared),
) -> bool {
    let [before, after] = sides;
    let old = before.input.take_unredacted(ids[0], source);
    let new = after.input.take_unredacted(ids[1], source);
    let is_done = match (&old, &new) {
        (Some(old), Some(new)) => {
            excerpts(comparer, [before, after], ids, compared, [old, new]).is_some()
        }
        _ => false,
    };
    if !is_done {
        for (side, dump) in [(before, old), (after, new)] {
            dump.into_iter().for_each(|dump| side.input.put_back(dump));
        }
    }
    is_done
}

fn excerpts(
    comparer: &mut Comparer<'_>,
    [before, after]: [&mut Side; 2],
    [before_id, after_id]: [&ProxyId; 2],
    compared: Compared,
    [old, new]: [&Unredacted; 2],
) -> Option<()> {
    let rules = comparer.rules();
    let documents = [old.bytes(), new.bytes()];
    let (one, other) = both(
        || Dump::parse_recognized(documents[0], rules),
        || Dump::parse_recognized(documents[1], rules),
    );
    let (one, other) = (one.ok()?, other.ok()?);
    let pair = ProxyPair {
        before_id,
        after_id,
        before: &one,
        after: &other,
        compared,
        last_errors: &[],
    };
    let differing = comparer.differing(&pair, documents)?;
    let [mut old, mut new] = [
        old.elements(&differing.elements[0]),
        new.elements(&differing.elements[1]),
    ];
    old.leave_out_equal(&mut new);
    let (old, new) = both(|| before.input.excerpt(&old), || after.input.excerpt(&new));
    let (old, new) = (old.ok()?, new.ok()?);
    let parse = |side: usize, bytes| -> Option<Dump<'_>> {
        let whole = [&one, &other][side];
        let (types, updated) = (whole.types.clone(), whole.last_updated.clone());
        let mut dump = Dump::parse_excerpt(bytes, types, updated, rules).ok()?;
        dump.resources.retain(|resource| {
            differing.keys.contains(&ResourceKey {
                occurrence: 0,
                ..resource.key.clone()
            })
        });
        // A name may be a secret.
        (dump.resources.len() == differing.counts[side]).then_some(dump)
    };
    let (old, new) = (parse(0, &old[..])?, parse(1, &new[..])?);
    let mut rest = differing.rest;
    rest.facts = Facts::of(after_id, &new).or_else(|| Facts::of(before_id, &old));
    let pair = ProxyPair {
        before: &old,
        after: &new,
        ..pair
    };
    comparer.excerpt(&pair, rest, &mut |_, _| {});
    Some(())
}
