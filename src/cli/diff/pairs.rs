//! Which proxy of one side is compared with which of the other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;

use crate::{
    cli::proxies::{self, ProxyArgs},
    model::ProxyId,
};

/// A proxy of the side before, one of the side after, or one that only one of them has.
pub(super) type Pair = (Option<ProxyId>, Option<ProxyId>);

/// Pairs the proxies of both sides: as `given` (`OLD=NEW`) says, the only one with the only one, then by ID; of
/// these, the ones that `chosen` wants.
///
/// # Errors
///
/// Where a name means no proxy or several.
pub(super) fn pairs(
    given: &[String],
    chosen: &ProxyArgs,
    mut old: BTreeSet<ProxyId>,
    mut new: BTreeSet<ProxyId>,
) -> anyhow::Result<Vec<Pair>> {
    let chosen = chosen.choose(&old.union(&new).cloned().collect())?;
    let mut paired: BTreeMap<ProxyId, ProxyId> = BTreeMap::new();
    for pair in given {
        let Some((first, second)) = pair.split_once('=') else {
            bail!(
                "--pair `{pair}`: expected OLD=NEW, a proxy of the first input and one of the second"
            );
        };
        let first = one(pair, first, &old, "before")?;
        let second = one(pair, second, &new, "after")?;
        if !old.remove(&first) || !new.remove(&second) {
            bail!("--pair `{pair}`: a proxy can be paired once only");
        }
        paired.insert(first, second);
    }
    if given.is_empty() && old.len() == 1 && new.len() == 1 {
        paired.extend(old.pop_first().zip(new.pop_first()));
    }
    let mut pairs: Vec<Pair> = paired
        .into_iter()
        .filter(|(first, second)| chosen.contains(first) || chosen.contains(second))
        .map(|(first, second)| (Some(first), Some(second)))
        .collect();
    for id in old.union(&new).filter(|id| chosen.contains(id)) {
        let on = |found: &BTreeSet<ProxyId>| found.get(id).cloned();
        pairs.push((on(&old), on(&new)));
    }
    Ok(pairs)
}

/// The one proxy that `name` means on a side.
fn one(pair: &str, name: &str, found: &BTreeSet<ProxyId>, side: &str) -> anyhow::Result<ProxyId> {
    let matching: Vec<_> = found
        .iter()
        .filter(|id| proxies::matches(name, id))
        .collect();
    match matching[..] {
        [id] => Ok(id.clone()),
        [] => bail!(
            "--pair `{pair}`: no proxy on the {side} side is called `{name}`{}",
            proxies::nearest(name, found)
        ),
        [first, second, ..] => bail!(
            "--pair `{pair}`: `{name}` means {} proxies on the {side} side, among them `{first}` and `{second}`",
            matching.len()
        ),
    }
}
