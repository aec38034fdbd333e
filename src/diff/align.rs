//! Which item of one list corresponds to which of another: pure, on positions.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::PairedBy;
use crate::{
    normalize::{KeyValue, Value, identity},
    xds::{ListRule, MatchBy},
};

/// The items of one list.
#[derive(Clone, Copy)]
pub(super) struct Items<'a> {
    /// As they are.
    pub(super) whole: &'a [Value],
    /// Without what does not make them other items: live state, the words that stand for a redacted value.
    pub(super) identity: &'a [Value],
}

impl<'a> Items<'a> {
    /// Items of which everything counts.
    pub(super) fn whole(items: &'a [Value]) -> Self {
        Self {
            whole: items,
            identity: items,
        }
    }

    fn len(&self) -> usize {
        self.whole.len()
    }
}

/// The correspondence of two lists. Every position of either side occurs exactly once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Alignment {
    /// Items that both sides have, in order of their *after* positions.
    pub(super) pairs: Vec<Pair>,
    /// Positions that only *before* has.
    pub(super) removed: Vec<usize>,
    /// Positions that only *after* has.
    pub(super) added: Vec<usize>,
}

/// One item that both sides have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) before: usize,
    pub(super) after: usize,
    /// Whether it stands at another place among the items of an ordered list.
    pub(super) moved: bool,
    /// What the two have in common.
    pub(super) by: PairedBy,
}

/// Aligns two lists as `rule` says.
pub(super) fn align(before: Items<'_>, after: Items<'_>, rule: &'static ListRule) -> Alignment {
    let mut pairs = match (rule.ordered, rule.keys.is_empty()) {
        (true, true) => pair_by_content(before.identity, after.identity),
        (true, false) => {
            let mut pairs = pair_by_keys(before, after, rule);
            mark_moved(&mut pairs);
            pairs
        }
        (false, _) => pair_by_keys(before, after, rule),
    };
    pairs.sort_by_key(|pair| pair.after);
    let removed = rest(before.len(), pairs.iter().map(|pair| pair.before));
    let added = rest(after.len(), pairs.iter().map(|pair| pair.after));
    Alignment {
        pairs,
        removed,
        added,
    }
}

/// The positions below `length` that are not `taken`.
fn rest(length: usize, taken: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut free = vec![true; length];
    for position in taken {
        free[position] = false;
    }
    (0..length).filter(|&i| free[i]).collect()
}

/// Marks the pairs that are not in the longest order that both sides have.
fn mark_moved(pairs: &mut [Pair]) {
    pairs.sort_by_key(|pair| pair.before);
    let positions: Vec<usize> = pairs.iter().map(|pair| pair.after).collect();
    for (pair, kept) in pairs.iter_mut().zip(longest_increasing(&positions)) {
        pair.moved = !kept;
    }
}

/// Items that are still without a partner.
struct Unpaired {
    before: Vec<usize>,
    after: Vec<usize>,
    pairs: Vec<Pair>,
}

impl Unpaired {
    /// Groups what is left by `key` and pairs, in each group, as many as `count` says of the two sides' numbers.
    fn pair_by<'a, K: Ord>(
        &mut self,
        [before, after]: [&'a [Value]; 2],
        key: impl Fn(&'a Value) -> K,
        count: impl Fn(usize, usize) -> usize,
        by: impl Fn(&K) -> PairedBy,
    ) {
        let mut groups: BTreeMap<K, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for &position in &self.before {
            let group = groups.entry(key(&before[position])).or_default();
            group.0.push(position);
        }
        for &position in &self.after {
            let group = groups.entry(key(&after[position])).or_default();
            group.1.push(position);
        }
        let first = self.pairs.len();
        for (key, (before, after)) in groups {
            let count = count(before.len(), after.len());
            for (before, after) in before.into_iter().zip(after).take(count) {
                self.pairs.push(Pair {
                    before,
                    after,
                    moved: false,
                    by: by(&key),
                });
            }
        }
        self.leave_out_pairs(first);
    }

    /// Pairs what is left by content, so that as many items as can keep their order.
    fn pair_equal_in_order(&mut self, [before, after]: [&[Value]; 2]) {
        let old: BTreeSet<&Value> = self.before.iter().map(|&at| &before[at]).collect();
        if !self.after.iter().any(|&at| old.contains(&after[at])) {
            return;
        }
        let first = self.pairs.len();
        // Items that are paired have a number of their own, and none that equals them.
        let mut numbers = [vec![0; before.len()], vec![0; after.len()]];
        for (number, pair) in self.pairs.iter().enumerate() {
            numbers[0][pair.before] = number;
            numbers[1][pair.after] = number;
        }
        let mut known = BTreeMap::new();
        let left = [(before, &self.before), (after, &self.after)];
        for (numbers, (items, positions)) in numbers.iter_mut().zip(left) {
            for &at in positions {
                let next = first + known.len();
                numbers[at] = *known.entry(&items[at]).or_insert(next);
            }
        }
        // A common end stays, so that an item that was edited is not taken for an equal one behind it.
        let [old, new] = &numbers;
        let ends = old.iter().rev().zip(new.iter().rev());
        let end = ends.take_while(|(old, new)| old == new).count();
        let (start_of_old, start_of_new) = (old.len() - end, new.len() - end);
        let equal = equal_pairs(&old[..start_of_old], &new[..start_of_new]).into_iter();
        let equal = equal.chain((0..end).map(|i| equal_at((start_of_old + i, start_of_new + i))));
        self.pairs
            .extend(equal.filter(|pair| old[pair.before] >= first));
        self.leave_out_pairs(first);
    }

    /// Takes what has been paired since there were `first` pairs out of what is left.
    fn leave_out_pairs(&mut self, first: usize) {
        let new = &self.pairs[first..];
        if !new.is_empty() {
            let before: HashSet<usize> = new.iter().map(|pair| pair.before).collect();
            let after: HashSet<usize> = new.iter().map(|pair| pair.after).collect();
            self.before.retain(|position| !before.contains(position));
            self.after.retain(|position| !after.contains(position));
        }
    }
}

/// Pairs items by key where that is unique on both sides, then by content, and then, where the rule or the order
/// allows it, the n-th with the n-th of one key.
fn pair_by_keys(before: Items<'_>, after: Items<'_>, rule: &'static ListRule) -> Vec<Pair> {
    let mut unpaired = Unpaired {
        before: (0..before.len()).collect(),
        after: (0..after.len()).collect(),
        pairs: Vec::new(),
    };
    let identities = [before.identity, after.identity];
    let unique = |before: usize, after: usize| usize::from(before == 1 && after == 1);
    let stages = match (rule.keys.is_empty(), rule.match_by) {
        (true, _) => 0,
        (false, MatchBy::Fallback) => rule.keys.len(),
        (false, _) => 1,
    };
    let key = |item, stage: usize| -> Vec<KeyValue<'_>> {
        let mut keys = identity(item, rule);
        if rule.match_by == MatchBy::Fallback {
            keys = vec![keys[stage]];
        }
        keys
    };
    for stage in 0..stages {
        let by = |key: &Vec<KeyValue<'_>>| PairedBy::Keys(keys_used(rule, stage, key));
        unpaired.pair_by(identities, |item| key(item, stage), unique, by);
    }
    let content = |_: &&Value| PairedBy::Content;
    if rule.ordered {
        unpaired.pair_by(identities, |item| item, unique, content);
        unpaired.pair_equal_in_order(identities);
    } else {
        // Of equal items the order is no matter, and so those are first of which nothing else differs either.
        if !std::ptr::eq(before.whole, before.identity) {
            let wholes = [before.whole, after.whole];
            unpaired.pair_by(wholes, |item| item, usize::min, content);
        }
        unpaired.pair_by(identities, |item| item, usize::min, content);
    }
    if rule.ordered || rule.match_by == MatchBy::Fallback {
        for stage in 0..stages {
            let by = |_: &Vec<KeyValue<'_>>| PairedBy::Position;
            unpaired.pair_by(identities, |item| key(item, stage), usize::min, by);
        }
    }
    unpaired.pairs
}

/// The keys of `rule` by which two items of that identity are one.
fn keys_used(
    rule: &'static ListRule,
    stage: usize,
    identity: &[KeyValue<'_>],
) -> &'static [&'static str] {
    let set = || identity.iter().position(|key| *key != KeyValue::Absent);
    match rule.match_by {
        MatchBy::Composite => rule.keys,
        MatchBy::Fallback => &rule.keys[stage..=stage],
        MatchBy::Either => set().map_or(rule.keys, |at| &rule.keys[at..=at]),
    }
}

/// Pairs the items of ordered lists that nothing but their content identifies: those of the longest common order, then
/// the others that both sides have, and of what is left, between two that keep their order, the i-th with the i-th.
fn pair_by_content(before: &[Value], after: &[Value]) -> Vec<Pair> {
    let (before, after) = numbered(before, after);
    let mut pairs = equal_pairs(&before, &after);
    let mut kept: Vec<(usize, usize)> = pairs
        .iter()
        .filter(|pair| !pair.moved)
        .map(|pair| (pair.before, pair.after))
        .collect();
    kept.sort_unstable();
    kept.push((before.len(), after.len()));
    let old = rest(before.len(), pairs.iter().map(|pair| pair.before));
    let new = rest(after.len(), pairs.iter().map(|pair| pair.after));
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    for (end_before, end_after) in kept {
        let old: Vec<usize> = std::iter::from_fn(|| old.next_if(|&b| b < end_before)).collect();
        let new: Vec<usize> = std::iter::from_fn(|| new.next_if(|&a| a < end_after)).collect();
        pairs.extend(old.into_iter().zip(new).map(|(before, after)| Pair {
            before,
            after,
            moved: false,
            by: PairedBy::Position,
        }));
    }
    pairs
}

/// The items that both sides have: what keeps its order, and what has moved.
fn equal_pairs(before: &[usize], after: &[usize]) -> Vec<Pair> {
    match before.len().saturating_mul(after.len()) > MAX_TABLE {
        true => approximate_pairs(before, after),
        false => exact_pairs(before, after),
    }
}

fn equal_at((before, after): (usize, usize)) -> Pair {
    Pair {
        before,
        after,
        moved: false,
        by: PairedBy::Content,
    }
}

/// Numbers in the place of items: equal ones have one number.
fn numbered(before: &[Value], after: &[Value]) -> (Vec<usize>, Vec<usize>) {
    let mut numbers = BTreeMap::new();
    for item in before.iter().chain(after) {
        let next = numbers.len();
        numbers.entry(item).or_insert(next);
    }
    let number = |items: &[Value]| items.iter().map(|item| numbers[item]).collect();
    (number(before), number(after))
}

/// Of what `taken` leaves, the n-th with the n-th of equal items.
fn equal_items(before: &[usize], after: &[usize], taken: &[Pair]) -> Vec<Pair> {
    let mut free: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in rest(after.len(), taken.iter().map(|pair| pair.after)) {
        free.entry(after[at]).or_default().push(at);
    }
    free.values_mut().for_each(|positions| positions.reverse());
    let old = rest(before.len(), taken.iter().map(|pair| pair.before)).into_iter();
    old.filter_map(|at| Some(equal_at((at, free.get_mut(&before[at])?.pop()?))))
        .collect()
}

/// The largest product of lengths for which the exact table is filled.
const MAX_TABLE: usize = 16_000_000;

/// The equal items of two lists that are too long for the table: what stays in order may be fewer than could be.
fn approximate_pairs(before: &[usize], after: &[usize]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, before, after) {
        if let similar::DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        {
            pairs.extend((0..len).map(|i| equal_at((old_index + i, new_index + i))));
        }
    }
    pairs.extend(equal_items(before, after, &pairs));
    // What was found besides may keep the order too.
    mark_moved(&mut pairs);
    pairs
}

/// The equal items of two lists: those of the longest order that both have, and the others, which have moved.
fn exact_pairs(before: &[usize], after: &[usize]) -> Vec<Pair> {
    let kept = with_fewest_surplus(before, after, common_subsequence(before, after));
    let mut pairs: Vec<Pair> = kept.into_iter().map(equal_at).collect();
    let moved = equal_items(before, after, &pairs).into_iter();
    pairs.extend(moved.map(|pair| Pair {
        moved: true,
        ..pair
    }));
    pairs
}

/// A longest common subsequence as pairs of positions; of several, the one with the smallest *after* positions, and
/// for these the smallest *before* positions.
fn common_subsequence(before: &[usize], after: &[usize]) -> Vec<(usize, usize)> {
    // Pairing a common start is always the longest, and at the smallest positions.
    let start = before.iter().zip(after).take_while(|(b, a)| b == a).count();
    let mut pairs: Vec<_> = (0..start).map(|i| (i, i)).collect();
    let (before, after) = (&before[start..], &after[start..]);

    // length[b][a]: how much the rests from b and from a have in common.
    let width = after.len() + 1;
    let mut length = vec![0u32; (before.len() + 1) * width];
    for b in (0..before.len()).rev() {
        for a in (0..after.len()).rev() {
            length[b * width + a] = match before[b] == after[a] {
                true => length[(b + 1) * width + a + 1] + 1,
                false => length[(b + 1) * width + a].max(length[b * width + a + 1]),
            };
        }
    }
    let (mut b, mut a) = (0, 0);
    while length[b * width + a] > 0 {
        let wanted = length[b * width + a];
        let partner = (b..before.len())
            .find(|&b| before[b] == after[a] && length[(b + 1) * width + a + 1] + 1 == wanted);
        match partner {
            Some(partner) => {
                pairs.push((start + partner, start + a));
                (b, a) = (partner + 1, a + 1);
            }
            None => a += 1,
        }
    }
    pairs
}

/// The common subsequence `kept` with those *before* positions, of all that hold the same items, that leave the fewest
/// surplus items: so that an item that was edited beside one that equals it is compared with itself.
fn with_fewest_surplus(
    before: &[usize],
    after: &[usize],
    kept: Vec<(usize, usize)>,
) -> Vec<(usize, usize)> {
    let choices = positions(before, after, &kept);
    let steps = choices.windows(2).map(|pair| pair[0].len() * pair[1].len());
    if choices.iter().all(|choice| choice.len() == 1) || steps.sum::<usize>() > MAX_TABLE {
        return kept;
    }
    // How many of each item either side has beyond what is kept, and so, beyond what moved, is left of it.
    let mut spare: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
    for (side, items) in [before, after].into_iter().enumerate() {
        for &item in items {
            spare.entry(item).or_default()[side] += 1;
        }
    }
    for (_, at) in &kept {
        let counts = spare.entry(after[*at]).or_default();
        *counts = counts.map(|count| count - 1);
    }
    let left = |item: usize, side: usize| {
        let counts = spare[&item];
        counts[side].saturating_sub(counts[1 - side])
    };
    // How many new items are left in the gap before each kept item, and after the last.
    let mut new = vec![0; kept.len() + 1];
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut gap = kept.len();
    for at in (0..after.len()).rev() {
        if gap > 0 && kept[gap - 1].1 == at {
            gap -= 1;
            continue;
        }
        let seen = seen.entry(after[at]).or_default();
        // The first ones of an item moved, the last ones are left.
        new[gap] += usize::from(*seen < left(after[at], 1));
        *seen += 1;
    }
    // How many equal items follow each old one, and how many of these are kept where the gap lies before it.
    let mut following = vec![0; before.len()];
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    for at in (0..before.len()).rev() {
        let seen = seen.entry(before[at]).or_default();
        following[at] = *seen;
        *seen += 1;
    }
    let mut kept_from: BTreeMap<usize, usize> = BTreeMap::new();
    for (_, at) in &kept {
        *kept_from.entry(after[*at]).or_default() += 1;
    }

    // best[i][j]: the most old items that find a partner in the gaps up to the i-th kept one, where that stands at the
    // j-th of its positions; and at which one the kept item before it then stands.
    let mut best: Vec<Vec<(usize, usize)>> = Vec::with_capacity(choices.len());
    for (gap, ends) in choices.iter().enumerate() {
        let starts: &[usize] = if gap == 0 { &[] } else { &choices[gap - 1] };
        let first = starts.first().map_or(0, |start| start + 1);
        let last = ends.last().copied().unwrap_or(0);
        // left_to[i]: how many old items from `first` to before `first + i` are left, if they are in this gap.
        let mut left_to = vec![0];
        for at in first..last {
            let kept = kept_from.get(&before[at]).copied().unwrap_or(0);
            let is_left = following[at] - kept.min(following[at]) < left(before[at], 0);
            left_to.push(left_to[at - first] + usize::from(is_left));
        }
        let partners =
            |start: usize, end: usize| new[gap].min(left_to[end - first] - left_to[start - first]);
        let reached = ends.iter().map(|&end| match gap {
            0 => (partners(0, end), 0),
            _ => {
                let possible = starts.iter().enumerate().filter(|(_, start)| **start < end);
                let totals =
                    possible.map(|(i, start)| (best[gap - 1][i].0 + partners(start + 1, end), i));
                totals
                    .max_by_key(|&(total, i)| (total, std::cmp::Reverse(i)))
                    .unwrap_or_default()
            }
        });
        best.push(reached.collect());
        if let Some((_, at)) = kept.get(gap) {
            *kept_from.entry(after[*at]).or_default() -= 1;
        }
    }
    let mut kept = kept;
    // The end of the list is the last choice, and the only one.
    let mut choice = 0;
    for i in (0..kept.len()).rev() {
        choice = best[i + 1][choice].1;
        kept[i].0 = choices[i][choice];
    }
    kept
}

/// The positions before at which each item of the common subsequence `kept` may stand, and then the end of the list.
fn positions(before: &[usize], after: &[usize], kept: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut choices = Vec::with_capacity(kept.len() + 1);
    let mut end = before.len();
    choices.push(vec![end]);
    for (earliest, at) in kept.iter().rev() {
        let possible = (*earliest..end).filter(|&b| before[b] == after[*at]);
        let possible: Vec<usize> = possible.collect();
        end = possible.last().copied().unwrap_or(*earliest);
        choices.push(possible);
    }
    choices.reverse();
    choices
}

/// Marks a longest increasing subsequence of distinct `values`; of several, the one with the smallest values.
pub(super) fn longest_increasing(values: &[usize]) -> Vec<bool> {
    // length[i]: of the longest one that starts at i. `tails[k]` is the largest first value of one of length k + 1.
    let mut length = vec![0; values.len()];
    let mut tails: Vec<usize> = Vec::new();
    for (i, &value) in values.iter().enumerate().rev() {
        let at = tails.partition_point(|&tail| tail > value);
        match tails.get_mut(at) {
            Some(tail) => *tail = value,
            None => tails.push(value),
        }
        length[i] = at + 1;
    }
    // Positions by that length, in order; in each group the values fall.
    let mut groups = vec![Vec::new(); tails.len()];
    for (i, &length) in length.iter().enumerate() {
        groups[length - 1].push(i);
    }
    let mut kept = vec![false; values.len()];
    let mut floor = None;
    for group in groups.iter().rev() {
        // The last that is above what was chosen is the smallest, and stands behind it.
        let above = group.partition_point(|&i| floor.is_none_or(|floor| values[i] > floor));
        let Some(&best) = above.checked_sub(1).and_then(|at| group.get(at)) else {
            break;
        };
        kept[best] = true;
        floor = Some(values[best]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        normalize::{Object, ObjectKind},
        xds::ORDERED,
    };

    fn item(text: &str) -> Value {
        let (name, content) = text.split_once('=').unwrap_or((text, ""));
        Value::Object(Object {
            members: vec![
                ("content".into(), content.into()),
                ("name".into(), name.into()),
            ],
            kind: ObjectKind::Plain,
        })
    }

    fn items(text: &str) -> Vec<Value> {
        text.split_whitespace().map(item).collect()
    }

    static KEYED: ListRule = ListRule {
        ordered: false,
        match_by: MatchBy::Composite,
        keys: &["name"],
    };
    static ORDERED_KEYED: ListRule = ListRule {
        ordered: true,
        match_by: MatchBy::Composite,
        keys: &["name"],
    };
    static FALLBACK: ListRule = ListRule {
        ordered: false,
        match_by: MatchBy::Fallback,
        keys: &["name", "content"],
    };

    /// The alignment in words: `0>1` is a pair, with `!` if it moved; `-0` removed, `+1` added.
    fn words(before: &str, after: &str, rule: &'static ListRule) -> String {
        let (before, after) = (items(before), items(after));
        let alignment = align(Items::whole(&before), Items::whole(&after), rule);
        let mut words: Vec<String> = alignment
            .pairs
            .iter()
            .map(|p| format!("{}>{}{}", p.before, p.after, if p.moved { "!" } else { "" }))
            .collect();
        words.extend(alignment.removed.iter().map(|b| format!("-{b}")));
        words.extend(alignment.added.iter().map(|a| format!("+{a}")));
        words.join(" ")
    }

    #[test]
    fn items_pair_by_name_then_content_then_order_and_never_cross() {
        for (rule, before, after, expected) in [
            (&KEYED, "a=1 b=1", "b=2 a=1", "1>0 0>1"),
            // Not unique: by content; what is left of an unordered list is removed and added.
            (&KEYED, "a=1 a=2", "a=2 a=3", "1>0 -0 +1"),
            (&KEYED, "a=1", "b=1", "-0 +0"),
            // A new name with the old content pairs by the second key.
            (&FALLBACK, "a=1 b=2", "a=1 c=2", "0>0 1>1"),
            (&FALLBACK, "a=1 a=2", "a=3 a=4", "0>0 1>1"),
            (&FALLBACK, "a=1", "b=2", "-0 +0"),
            // Ordered: what leaves the longest common order has moved.
            (&ORDERED_KEYED, "a b c", "c a b", "2>0! 0>1 1>2"),
            // Of two equally long orders, the one with the smallest positions after stays.
            (&ORDERED_KEYED, "a b", "b a", "1>0 0>1!"),
            (
                &ORDERED_KEYED,
                "r=deny r=allow",
                "r=allow r=deny",
                "1>0 0>1!",
            ),
            (&ORDERED_KEYED, "r=1 r=2", "r=1 r=3", "0>0 1>1"),
            // Of equal items those are one that keep the order.
            (&ORDERED_KEYED, "a b c", "c a b c", "0>1 1>2 2>3 +0"),
            (&ORDERED_KEYED, "r=1 r=1", "r=2 r=1", "0>0 1>1"),
            (&ORDERED_KEYED, "r=2 r=1", "r=1 r=1", "0>0 1>1"),
            (&ORDERED, "a b c", "a x c d", "0>0 1>1 2>2 +3"),
            // Without keys the content identifies an item: one that left the order has moved too.
            (&ORDERED, "a b", "b a", "1>0 0>1!"),
            (&ORDERED, "a b c d", "d b c a", "3>0! 1>1 2>2 0>3!"),
            (&ORDERED, "a x b", "b y a", "2>0 0>2! -1 +1"),
            (&ORDERED, "x a b y", "b z a", "2>0 3>1 1>2! -0"),
            (&ORDERED, "a a b", "b a c a", "2>0! 0>1 1>3 +2"),
            // Of what equals what was edited, that is kept which leaves least over.
            (&ORDERED, "a a", "b a", "0>0 1>1"),
            // Of what it has become equal to, the first stays.
            (&ORDERED, "b a", "a a", "1>0 -0 +1"),
            (&ORDERED, "a a a", "a b a", "0>0 1>1 2>2"),
            (&ORDERED, "a a a b", "a a c b", "0>0 1>1 2>2 3>3"),
            (&ORDERED, "x a x a x", "y a x a x", "0>0 1>1 2>2 3>3 4>4"),
        ] {
            assert_eq!(words(before, after, rule), expected, "{before} | {after}");
        }
    }

    /// Every choice of `count` of the positions below `end`, in order of the positions.
    fn subsets(end: usize, count: usize) -> Vec<Vec<usize>> {
        let all = (0..1u32 << end).filter(|set| set.count_ones() as usize == count);
        let mut all: Vec<Vec<usize>> = all
            .map(|set| (0..end).filter(|i| set & (1 << i) != 0).collect())
            .collect();
        all.sort();
        all
    }

    /// How many items are removed or added where those at `kept` keep their order.
    fn surplus(before: &[Value], after: &[Value], kept: [&[usize]; 2]) -> usize {
        let sides = [before, after];
        let count = |side: usize, item: &Value| {
            let free = (0..sides[side].len()).filter(|at| !kept[side].contains(at));
            free.filter(|&at| sides[side][at] == *item).count()
        };
        let left = |side: usize, gap: usize| {
            let (from, to) = (
                gap.checked_sub(1).map(|i| kept[side][i]),
                kept[side].get(gap),
            );
            let in_gap = (0..sides[side].len())
                .filter(|at| from.is_none_or(|from| *at > from) && to.is_none_or(|to| at < to));
            in_gap
                .filter(|&at| {
                    let item = &sides[side][at];
                    let first = (0..at).filter(|i| !kept[side].contains(i));
                    let number = first.filter(|&i| sides[side][i] == *item).count();
                    number >= count(0, item).min(count(1, item))
                })
                .count()
        };
        (0..=kept[0].len())
            .map(|gap| left(0, gap).abs_diff(left(1, gap)))
            .sum()
    }

    proptest! {
        #[test]
        fn without_keys_the_longest_order_stays_and_least_is_left_over(
            before in proptest::collection::vec("[abc]", 0..8),
            after in proptest::collection::vec("[abc]", 0..8),
        ) {
            let [before, after] = [before, after].map(|side| items(&side.join(" ")));
            let found = align(Items::whole(&before), Items::whole(&after), &ORDERED);
            let stays = found.pairs.iter().filter(|p| p.by == PairedBy::Content && !p.moved);
            let (old, new): (Vec<_>, Vec<_>) = stays.map(|p| (p.before, p.after)).unzip();

            let holds = |at: &[usize], other: &[usize]| {
                at.iter().zip(other).all(|(&b, &a)| before[b] == after[a])
            };
            let embeddings = |new: &[usize]| -> Vec<Vec<usize>> {
                let all = subsets(before.len(), new.len()).into_iter();
                all.filter(|old| holds(old, new)).collect()
            };
            let most = before.len().min(after.len());
            let best = (0..=most)
                .rev()
                .flat_map(|count| subsets(after.len(), count))
                .find(|new| !embeddings(new).is_empty());
            prop_assert_eq!(Some(&new), best.as_ref());

            let least = embeddings(&new).iter().map(|old| surplus(&before, &after, [old, &new])).min();
            prop_assert_eq!(Some(surplus(&before, &after, [&old, &new])), least);
            prop_assert_eq!(Some(found.removed.len() + found.added.len()), least);

            // As many move the other way round; and where only one choice keeps the longest order, all is its mirror.
            let back = align(Items::whole(&after), Items::whole(&before), &ORDERED);
            let moves = |of: &Alignment| of.pairs.iter().filter(|pair| pair.moved).count();
            prop_assert_eq!(moves(&found), moves(&back));
            let choices = subsets(after.len(), new.len()).into_iter();
            if choices.map(|new| embeddings(&new).len()).sum::<usize>() == 1 {
                let pairs = back.pairs.iter();
                let mut mirror: Vec<Pair> = pairs
                    .map(|pair| Pair { before: pair.after, after: pair.before, ..*pair })
                    .collect();
                mirror.sort_by_key(|pair| pair.after);
                prop_assert_eq!(found.pairs, mirror);
            }
        }

        #[test]
        fn long_lists_have_no_more_moves_than_cross(
            (before, after) in proptest::collection::vec("[a-f]", 0..30)
                .prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle())),
        ) {
            let [before, after] = [before, after].map(|side| items(&side.join(" ")));
            let (before, after) = numbered(&before, &after);
            let pairs = approximate_pairs(&before, &after);
            prop_assert_eq!(pairs.len(), before.len());
            for moved in pairs.iter().filter(|pair| pair.moved) {
                let crosses = |kept: &&Pair| {
                    !kept.moved && (kept.before < moved.before) != (kept.after < moved.after)
                };
                prop_assert!(pairs.iter().any(|kept| crosses(&kept)));
            }
        }

        #[test]
        fn the_longest_increasing_subsequence_is_the_longest_and_the_smallest(
            values in Just((0..9usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let kept = longest_increasing(&values);
            let chosen: Vec<usize> = (0..9).filter(|&i| kept[i]).map(|i| values[i]).collect();
            let best = (0..1u32 << 9)
                .map(|set| -> Vec<usize> {
                    (0..9).filter(|i| set & (1 << i) != 0).map(|i| values[i]).collect()
                })
                .filter(|subset| subset.is_sorted())
                .max_by(|x, y| x.len().cmp(&y.len()).then_with(|| y.cmp(x)))
                .unwrap();
            prop_assert_eq!(chosen, best);
        }

        #[test]
        fn every_position_is_paired_removed_or_added_once(
            before in proptest::collection::vec("[ab]=[12]", 0..8),
            after in proptest::collection::vec("[ab]=[12]", 0..8),
            rule in prop::sample::select(vec![&KEYED, &ORDERED_KEYED, &FALLBACK, &ORDERED]),
        ) {
            let (before, after) = (items(&before.join(" ")), items(&after.join(" ")));
            let found = align(Items::whole(&before), Items::whole(&after), rule);
            let mut b: Vec<_> = found.pairs.iter().map(|p| p.before).chain(found.removed).collect();
            let mut a: Vec<_> = found.pairs.iter().map(|p| p.after).chain(found.added).collect();
            b.sort();
            a.sort();
            prop_assert_eq!(b, (0..before.len()).collect::<Vec<_>>());
            prop_assert_eq!(a, (0..after.len()).collect::<Vec<_>>());
        }
    }
}
