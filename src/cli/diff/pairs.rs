//! Which proxy of one side is compared with which of the other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;

use super::{why_absent, why_perhaps_absent};
use crate::{
    cli::{
        proxies::{self, ProxyArgs},
        side::Side,
    },
    diff::{
        Fingerprint, Fingerprints, Lone, MatchedBy, MoreReplicas, ProxyMatch, Runs, SideName,
        pair_proxies,
    },
    model::{ProxyId, ResourceKey, Rules, Source},
};

/// A replica is held against so many siblings that do not run the same as each other.
const MOST_CONTENTS: usize = 256;

/// The proxies of both sides, by what becomes of them.
pub(super) struct Pairs {
    /// Those that are compared with each other.
    pub(super) matches: Vec<ProxyMatch>,
    /// Those that one side has, of which the other had none when it was captured.
    pub(super) lone: Vec<(SideName, Lone)>,
    /// Those that one side has and the other should have, with why it does not.
    pub(super) missing: Vec<(ProxyId, String)>,
}

/// Both sides, and what is read of their proxies to tell them apart.
pub(super) struct Mesh<'a> {
    pub(super) before: &'a mut Side,
    pub(super) after: &'a mut Side,
    pub(super) rules: &'a Rules,
    pub(super) keep: &'a dyn Fn(&ResourceKey) -> bool,
    pub(super) fingerprints: Fingerprints,
}

impl Mesh<'_> {
    /// Pairs the proxies that have a dump by `source`: as `given` (`OLD=NEW`) says, the only one with the only one, by
    /// ID, then within one workload; of these, the ones that `chosen` wants.
    ///
    /// # Errors
    ///
    /// Where a name means no proxy or several.
    pub(super) fn pairs(
        &mut self,
        given: &[String],
        chosen: &ProxyArgs,
        source: Source,
    ) -> anyhow::Result<Pairs> {
        let (mut old, mut new) = (self.before.proxies(source), self.after.proxies(source));
        let chosen = chosen.choose(&old.union(&new).cloned().collect())?;
        let mut matches = Vec::new();
        let mut pair = |before, after, by| {
            matches.push(ProxyMatch {
                before,
                after,
                by,
                workload: None,
            });
        };
        for (before, after) in as_given(given, &old, &new)? {
            old.remove(&before);
            new.remove(&after);
            pair(before, after, MatchedBy::Given);
        }
        if given.is_empty() && old.len() == 1 && new.len() == 1 {
            for (before, after) in old.pop_first().into_iter().zip(new.pop_first()) {
                let by = match before == after {
                    true => MatchedBy::Id,
                    false => MatchedBy::Only,
                };
                pair(before, after, by);
            }
        }
        for id in old.intersection(&new) {
            pair(id.clone(), id.clone(), MatchedBy::Id);
        }
        matches.retain(|m| chosen.contains(&m.before) || chosen.contains(&m.after));

        // Nothing outside of their namespaces can be of the workloads that are wanted.
        let namespaces: BTreeSet<_> = chosen.iter().map(ProxyId::namespace).collect();
        let mut missing = Vec::new();
        let mut lone = [Vec::new(), Vec::new()];
        for (side, only) in [
            (SideName::Before, old.difference(&new)),
            (SideName::After, new.difference(&old)),
        ] {
            for proxy in only.filter(|id| namespaces.contains(&id.namespace())) {
                let (this, other) = match side {
                    SideName::Before => (&mut *self.before, &*self.after),
                    SideName::After => (&mut *self.after, &*self.before),
                };
                match why_absent(other, proxy, source) {
                    Some(why) if chosen.contains(proxy) => {
                        missing.push((proxy.clone(), format!("{}: {why}", other.label)));
                    }
                    Some(_) => {}
                    None => lone[usize::from(side == SideName::After)].push(Lone {
                        facts: this.facts(proxy, self.rules),
                        proxy: proxy.clone(),
                    }),
                }
            }
        }
        let found = pair_proxies(&lone[0], &lone[1], &mut |side, proxy| {
            self.fingerprint(side, proxy)
        });
        let paired: [BTreeSet<ProxyId>; 2] = [
            found.iter().map(|m| m.before.clone()).collect(),
            found.iter().map(|m| m.after.clone()).collect(),
        ];
        for (lone, paired) in lone.iter_mut().zip(&paired) {
            lone.retain(|lone| !paired.contains(&lone.proxy));
        }
        for found in found {
            if chosen.contains(&found.before) || chosen.contains(&found.after) {
                matches.push(found);
            }
        }
        let mut left = Vec::new();
        for ((side, other), lone) in [
            (SideName::Before, &*self.after),
            (SideName::After, &*self.before),
        ]
        .into_iter()
        .zip(lone)
        {
            let why = why_perhaps_absent(other, source);
            for lone in lone.into_iter().filter(|lone| chosen.contains(&lone.proxy)) {
                match &why {
                    Some(why) => missing.push((lone.proxy, format!("{}: {why}", other.label))),
                    None => left.push((side, lone)),
                }
            }
        }
        Ok(Pairs {
            matches,
            lone: left,
            missing,
        })
    }

    /// What replicas run beside their siblings: these are read one after the other until one runs the same.
    pub(super) fn runs(&mut self, of: &MoreReplicas) -> BTreeMap<ProxyId, Runs> {
        let mut known: Vec<Fingerprint> = Vec::new();
        let mut siblings = of.siblings.iter();
        let mut runs = BTreeMap::new();
        for proxy in &of.proxies {
            let Some(own) = self.fingerprint(of.side, proxy) else {
                continue;
            };
            let mut at = 0;
            let mut nearest: Option<Vec<ResourceKey>> = None;
            let found = loop {
                while at == known.len() && known.len() < MOST_CONTENTS {
                    let Some(sibling) = siblings.next() else {
                        break;
                    };
                    let other = self.fingerprint(of.side, sibling);
                    known.extend(other.filter(|other| !known.contains(other)));
                }
                let Some(other) = known.get(at) else {
                    // One that was not read may run the same.
                    let nearest = nearest.filter(|_| siblings.len() == 0);
                    break nearest.map_or(Runs::Unknown, Runs::Other);
                };
                at += 1;
                let differences = self.fingerprints.differences(&own, other);
                if differences.is_empty() {
                    break Runs::Same;
                }
                let least = nearest.as_ref().map_or(usize::MAX, Vec::len);
                if differences.len() < least {
                    nearest = Some(differences.into_iter().cloned().collect());
                }
            };
            runs.insert(proxy.clone(), found);
        }
        runs
    }

    /// What a proxy runs, in short, if that can be read.
    fn fingerprint(&mut self, side: SideName, proxy: &ProxyId) -> Option<Fingerprint> {
        let side = match side {
            SideName::Before => &mut *self.before,
            SideName::After => &mut *self.after,
        };
        let source = side.nearest_source(proxy)?;
        let documents = side.dump(proxy, source).ok()?;
        let dump = documents.parse(self.rules).ok()?;
        let is_whole = dump.query().is_none() && documents.missing.is_empty();
        let taken = is_whole.then(|| self.fingerprints.take(&dump, self.rules, self.keep));
        taken?.ok()
    }
}

/// What `--pair` says.
fn as_given(
    given: &[String],
    old: &BTreeSet<ProxyId>,
    new: &BTreeSet<ProxyId>,
) -> anyhow::Result<Vec<(ProxyId, ProxyId)>> {
    let mut pairs: Vec<(ProxyId, ProxyId)> = Vec::new();
    for pair in given {
        let Some((first, second)) = pair.split_once('=') else {
            bail!(
                "--pair `{pair}`: expected OLD=NEW, a proxy of the first input and one of the second"
            );
        };
        let first = one(pair, first, ("before", old), ("after", new))?;
        let second = one(pair, second, ("after", new), ("before", old))?;
        for (taken, again) in [(0, &first), (1, &second)] {
            let earlier = pairs.iter().find(|(a, b)| [a, b][taken] == again);
            if let Some((first, second)) = earlier {
                bail!(
                    "--pair `{pair}`: `{again}` is paired already, by `{first}={second}`; a proxy can be paired once only"
                );
            }
        }
        pairs.push((first, second));
    }
    Ok(pairs)
}

/// The one proxy that `name` means on a side.
fn one(
    pair: &str,
    name: &str,
    (side, found): (&str, &BTreeSet<ProxyId>),
    (other, others): (&str, &BTreeSet<ProxyId>),
) -> anyhow::Result<ProxyId> {
    let matching: Vec<_> = found
        .iter()
        .filter(|id| proxies::matches(name, id))
        .collect();
    match matching[..] {
        [id] => Ok(id.clone()),
        [] if others.iter().any(|id| proxies::matches(name, id)) => bail!(
            "--pair `{pair}`: only the {other} side has a proxy called `{name}`: OLD=NEW, the one of the first input first{}",
            proxies::nearest(name, found)
        ),
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
