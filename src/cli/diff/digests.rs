//! Before against after by the digests that two sealed bundles hold: only resources that differ are read, and of proxies of
//! which these are the same, one.
//!
//! Law: the report is the one that is made where everything is read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    capture::{
        Input,
        resources::{self, At, Differing, Flags, Index, Indexed, Indexes, Key, Places, Wanted},
    },
    cli::{both::both, side::Side},
    diff::{Compared, Comparer, Outcome, ProxyMatch, ProxyPair, Rest},
    dump::{Dump, ElementAt},
    model::{ProxyId, Source, XdsType},
};

/// So many resources are looked up at a time.
const MOST_LOOKED_UP: usize = 200_000;

/// So many outcomes are kept.
const MOST_KNOWN: usize = 1 << 16;

/// What two sealed bundles tell of their resources.
pub(super) struct Digests {
    before: Index,
    after: Index,
}

/// What is known of two dumps, and what is to be read of them.
struct Plan<'i> {
    dumps: [&'i Indexed; 2],
    types: BTreeSet<XdsType>,
    differing: Differing,
}

/// Goes on with a pair of proxies, whether it is compared already or the digests do not tell all of it.
pub(super) type Then<'t> = dyn FnMut(&mut Comparer<'_>, [&mut Side; 2], ProxyMatch, bool) + 't;

/// Where the resources stand that are wanted of a dump.
type Found = BTreeMap<Key, Vec<At>>;

/// What the comparison of two resources depends on; `of` counts what it depends on beside these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Identity {
    Differing {
        of: usize,
        sides: [Option<([u8; resources::DIGEST_BYTES], bool)>; 2],
    },
    Untold {
        of: usize,
        untold: u128,
    },
}

/// Resources of a dump that are to be compared.
pub(super) struct Reading<'d> {
    digests: Indexes<'d>,
    indexes: [&'d Index; 2],
    /// What was compared, with the types of which the dumps have sections.
    kinds: Vec<(Compared, BTreeSet<XdsType>)>,
    known: HashMap<Identity, Outcome>,
}

impl Digests {
    /// Those of both sides; `None` where one has none that can be believed.
    pub(super) fn of(before: &mut Side, after: &mut Side) -> Option<Self> {
        let index = |side: &mut Side| side.input.resources().ok().flatten();
        let (before, after) = both(|| index(before), || index(after));
        Some(Self {
            before: before?,
            after: after?,
        })
    }

    pub(super) fn reading(&self) -> Reading<'_> {
        Reading {
            digests: Indexes::new(&self.before, &self.after),
            indexes: [&self.before, &self.after],
            kinds: Vec::new(),
            known: HashMap::new(),
        }
    }
}

impl<'d> Reading<'d> {
    /// Compares these pairs of proxies, each of which is handed to `then` in its turn.
    pub(super) fn compare(
        &mut self,
        comparer: &mut Comparer<'_>,
        [before, after]: [&mut Side; 2],
        matches: Vec<ProxyMatch>,
        (source, compared): (Source, Compared),
        then: &mut Then<'_>,
    ) {
        let mut rest = matches.into_iter().peekable();
        while rest.peek().is_some() {
            let mut batch = Vec::new();
            let mut wanted = 0;
            while wanted < MOST_LOOKED_UP
                && let Some(matched) = rest.next()
            {
                let plan = self.plan(&matched, source, [&before.input, &after.input]);
                wanted += plan.as_ref().map_or(0, |plan| plan.differing.wanted.len());
                batch.push((matched, plan));
            }
            let plans: Vec<_> = batch.iter().map(|(_, plan)| plan.as_ref()).collect();
            let (old, new) = both(
                || look_up(&mut before.input, 0, &plans),
                || look_up(&mut after.input, 1, &plans),
            );
            for (((matched, plan), old), new) in batch.into_iter().zip(old).zip(new) {
                let ids = [&matched.before, &matched.after];
                let is_done = plan.zip(old.zip(new)).is_some_and(|(plan, (old, new))| {
                    let inputs = [&mut before.input, &mut after.input];
                    let found = [old, new];
                    self.pair(comparer, inputs, ids, (source, compared), &plan, found)
                        .is_some()
                });
                then(comparer, [&mut *before, &mut *after], matched, is_done);
            }
        }
    }

    /// What digests tell of two dumps; `None` where they do not tell all.
    fn plan(
        &mut self,
        matched: &ProxyMatch,
        source: Source,
        inputs: [&Input; 2],
    ) -> Option<Plan<'d>> {
        let dumps = [
            self.indexes[0].dump(source, &matched.before)?,
            self.indexes[1].dump(source, &matched.after)?,
        ];
        let types = self.digests.types(dumps)?;
        let differing = self.digests.differing(dumps)?;
        let is_told = |wanted: &Wanted| {
            let mut leaves = wanted.leaves.iter().flatten();
            let has_places = leaves.all(|leaf| !leaf.flags.has(Flags::NO_PLACE));
            // Whether an assignment that only one side has comes by EDS, the clusters of the other may tell.
            let is_on_both = wanted.leaves.iter().all(|leaves| !leaves.is_empty());
            let mut leaves = wanted.leaves.iter().flatten();
            let by_eds = leaves.any(|leaf| leaf.flags.has(Flags::BY_EDS));
            has_places && (!wanted.is_endpoint || is_on_both || by_eds)
        };
        let facts = dumps.iter().zip(inputs);
        let mut facts =
            facts.flat_map(|(dump, input)| dump.facts.iter().map(move |of| (of, input)));
        let are_shown = facts.all(|(facts, input)| facts.texts().all(|text| input.shows(text)));
        (are_shown && differing.wanted.iter().all(is_told)).then_some(Plan {
            dumps,
            types,
            differing,
        })
    }

    /// Compares a pair of proxies. `None` where something is not as it was told, and nothing was compared.
    fn pair(
        &mut self,
        comparer: &mut Comparer<'_>,
        [before, after]: [&mut Input; 2],
        [before_id, after_id]: [&ProxyId; 2],
        (source, compared): (Source, Compared),
        plan: &Plan<'_>,
        found: [Found; 2],
    ) -> Option<()> {
        let kind = (compared, plan.types.clone());
        let of = self.kinds.iter().position(|known| *known == kind);
        let of = of.unwrap_or_else(|| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        });
        let mut again = Vec::new();
        let mut read: BTreeMap<Key, (&Wanted, Option<Identity>)> = BTreeMap::new();
        let mut has_several = false;
        for wanted in &plan.differing.wanted {
            let identity = identity(of, wanted);
            let updated = updated(wanted, &found);
            match (identity, updated) {
                (Some(identity), Some(updated)) if self.known.contains_key(&identity) => {
                    again.push((identity, updated));
                }
                (identity, updated) => {
                    let identity = identity.filter(|_| updated.is_some());
                    has_several |= read.insert(wanted.key, (wanted, identity)).is_some();
                }
            }
        }
        if has_several {
            // Two types have resources of one key.
            return None;
        }
        let keys: Vec<Key> = read.keys().copied().collect();
        let elements = [0, 1].map(|side| elements(&read, side, &found[side]));
        let [old, new] = elements;
        let (old, new) = (old?, new?);
        let is_any = !(old.is_empty() && new.is_empty());
        let (old, new) = both_if(
            is_any,
            || before.elements(before_id, source, &old),
            || after.elements(after_id, source, &new),
        );
        let (mut old, mut new) = (old.ok()?, new.ok()?);
        old.leave_out_equal(&mut new);
        let (old, new) = both_if(is_any, || before.excerpt(&old), || after.excerpt(&new));
        let (old, new) = (old.ok()?, new.ok()?);
        let rules = comparer.rules();
        let parse = |side: usize, bytes| -> Option<Dump<'_>> {
            let updated = plan.dumps[side].last_updated.clone();
            let mut dump = Dump::parse_excerpt(bytes, plan.types.clone(), updated, rules).ok()?;
            dump.resources
                .retain(|resource| resources::is_wanted(&keys, &resource.key));
            let expected: usize = read
                .values()
                .map(|(wanted, _)| wanted.leaves[side].len())
                .sum();
            (dump.resources.len() == expected).then_some(dump)
        };
        let (old, new) = (parse(0, &old[..])?, parse(1, &new[..])?);
        let by_eds = old
            .resources
            .iter()
            .chain(&new.resources)
            .filter(|resource| {
                let wanted = read.get(&resources::key_of(&resource.key));
                let mut leaves = wanted
                    .into_iter()
                    .flat_map(|(wanted, _)| wanted.leaves.iter().flatten());
                leaves.any(|leaf| leaf.flags.has(Flags::BY_EDS))
            });
        let rest = Rest {
            equal: plan.differing.equal,
            facts: plan.dumps[1].facts.clone().or(plan.dumps[0].facts.clone()),
            eds: by_eds
                .map(|resource| resource.key.name.to_string())
                .collect(),
        };
        let pair = ProxyPair {
            before_id,
            after_id,
            before: &old,
            after: &new,
            compared,
            last_errors: &[],
        };
        let known = &mut self.known;
        comparer.excerpt(&pair, rest, &mut |key, outcome| {
            let identity = read.get(&resources::key_of(&key));
            let identity = identity.and_then(|(_, identity)| identity.clone());
            if let Some(identity) = identity.filter(|_| known.len() < MOST_KNOWN) {
                known.insert(identity, outcome);
            }
        });
        for (identity, updated) in again {
            if let Some(outcome) = self.known.get(&identity) {
                comparer.again([before_id, after_id], compared, outcome, updated);
            }
        }
        Some(())
    }
}

/// Where what the plans want stands in the dumps of a side; `None` for one that has no plan, or of which that is not told.
fn look_up(input: &mut Input, side: usize, plans: &[Option<&Plan<'_>>]) -> Vec<Option<Found>> {
    let each = plans.iter().map(|plan| {
        let plan = plan.as_ref()?;
        let wanted = plan.differing.wanted.iter();
        let wanted = wanted.filter(|wanted| !wanted.leaves[side].is_empty());
        let mut keys: Vec<Key> = wanted.map(|wanted| wanted.key).collect();
        if keys.is_empty() {
            return Some(Found::new());
        }
        keys.sort_unstable();
        let bytes = input.places(plan.dumps[side]).ok()?;
        let mut found = Found::new();
        for (key, at) in Places::read(&bytes)?.find(&keys)? {
            found.entry(key).or_default().push(at);
        }
        Some(found)
    });
    each.collect()
}

/// What the comparison of `wanted` depends on; `None` where more than one resource has that name.
fn identity(of: usize, wanted: &Wanted) -> Option<Identity> {
    let [before, after] = &wanted.leaves;
    if before.len() > 1 || after.len() > 1 {
        return None;
    }
    Some(match (before.first(), after.first()) {
        (Some(before), Some(after)) if before == after => Identity::Untold {
            of,
            untold: before.untold,
        },
        (before, after) => Identity::Differing {
            of,
            sides: [before, after]
                .map(|leaf| leaf.map(|leaf| (leaf.digest, leaf.flags.has(Flags::BY_EDS)))),
        },
    })
}

/// When the resource was updated, after where it is there, else before; `None` where it is not told which of several it is.
fn updated<'f>(wanted: &Wanted, found: &'f [Found; 2]) -> Option<Option<&'f str>> {
    let side = usize::from(!wanted.leaves[1].is_empty());
    match &found[side].get(&wanted.key)?[..] {
        [only] => Some(only.updated.as_deref()),
        _ => None,
    }
}

/// The elements of a side that hold what is read, in the order of the document; `None` where one is not to be found.
fn elements(
    read: &BTreeMap<Key, (&Wanted, Option<Identity>)>,
    side: usize,
    found: &Found,
) -> Option<Vec<ElementAt>> {
    let mut elements = Vec::new();
    for (key, (wanted, _)) in read {
        if !wanted.leaves[side].is_empty() {
            let at = found.get(key)?.iter();
            elements.extend(at.map(|at| at.element.clone()));
        }
    }
    elements.sort_by_key(|element| (element.range.start, element.list));
    elements.dedup();
    Some(elements)
}

/// What `first` and `second` give, side by side if that is worth it.
fn both_if<A: Send, B: Send>(
    is_worth_it: bool,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    match is_worth_it {
        true => both(first, second),
        false => (first(), second()),
    }
}
