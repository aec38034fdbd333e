//! Which item of one list corresponds to which of another: pure, on positions.

use std::collections::{BTreeMap, HashSet};

use crate::{
    normalize::{KeyValue, Value, identity},
    xds::{ListRule, MatchBy},
};

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
}

/// Aligns two lists as `rule` says.
pub(super) fn align(before: &[Value], after: &[Value], rule: &ListRule) -> Alignment {
    let pairs = match (rule.ordered, rule.keys.is_empty()) {
        (true, true) => align_by_content(before, after),
        (true, false) => {
            let mut pairs = pair_by_keys(before, after, rule);
            pairs.sort_by_key(|pair| pair.before);
            let positions: Vec<usize> = pairs.iter().map(|pair| pair.after).collect();
            for (i, kept) in longest_increasing(&positions).into_iter().enumerate() {
                pairs[i].moved = !kept;
            }
            pairs
        }
        (false, _) => pair_by_keys(before, after, rule),
    };
    let rest = |length: usize, taken: Vec<usize>| {
        let mut free = vec![true; length];
        for position in taken {
            free[position] = false;
        }
        (0..length).filter(|&i| free[i]).collect()
    };
    let removed = rest(before.len(), pairs.iter().map(|pair| pair.before).collect());
    let added = rest(after.len(), pairs.iter().map(|pair| pair.after).collect());
    let mut pairs = pairs;
    pairs.sort_by_key(|pair| pair.after);
    Alignment {
        pairs,
        removed,
        added,
    }
}

/// Items that are still without a partner.
struct Unpaired<'a> {
    before: Vec<(usize, &'a Value)>,
    after: Vec<(usize, &'a Value)>,
    pairs: Vec<Pair>,
}

impl<'a> Unpaired<'a> {
    /// Groups what is left by `key` and pairs, in each group, as many as `count` says of the two sides' numbers.
    fn pair_by<K: Ord>(
        &mut self,
        key: impl Fn(&'a Value) -> K,
        count: impl Fn(usize, usize) -> usize,
    ) {
        let mut groups: BTreeMap<K, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (position, item) in &self.before {
            groups.entry(key(item)).or_default().0.push(*position);
        }
        for (position, item) in &self.after {
            groups.entry(key(item)).or_default().1.push(*position);
        }
        let first = self.pairs.len();
        for (before, after) in groups.into_values() {
            let count = count(before.len(), after.len());
            for (before, after) in before.into_iter().zip(after).take(count) {
                self.pairs.push(Pair {
                    before,
                    after,
                    moved: false,
                });
            }
        }
        let new = &self.pairs[first..];
        if !new.is_empty() {
            let before: HashSet<usize> = new.iter().map(|pair| pair.before).collect();
            let after: HashSet<usize> = new.iter().map(|pair| pair.after).collect();
            self.before
                .retain(|(position, _)| !before.contains(position));
            self.after.retain(|(position, _)| !after.contains(position));
        }
    }
}

/// Pairs items by key where that is unique on both sides, then by content, and then, where the rule or the order
/// allows it, the n-th with the n-th of one key.
fn pair_by_keys(before: &[Value], after: &[Value], rule: &ListRule) -> Vec<Pair> {
    let mut unpaired = Unpaired {
        before: before.iter().enumerate().collect(),
        after: after.iter().enumerate().collect(),
        pairs: Vec::new(),
    };
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
        unpaired.pair_by(|item| key(item, stage), unique);
    }
    unpaired.pair_by(|item| item, usize::min);
    if rule.ordered || rule.match_by == MatchBy::Fallback {
        for stage in 0..stages {
            unpaired.pair_by(|item| key(item, stage), usize::min);
        }
    }
    unpaired.pairs
}

/// Aligns lists whose items have no name: equal items that keep their order, and between them the i-th with the i-th.
fn align_by_content(before: &[Value], after: &[Value]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let (mut b, mut a) = (0, 0);
    let end = [(before.len(), after.len())];
    for (next_b, next_a) in common_subsequence(before, after).into_iter().chain(end) {
        let gap = (next_b - b).min(next_a - a);
        let matched = usize::from(next_b < before.len());
        for i in 0..gap {
            pairs.push((b + i, a + i));
        }
        if matched == 1 {
            pairs.push((next_b, next_a));
        }
        (b, a) = (next_b + matched, next_a + matched);
    }
    pairs
        .into_iter()
        .map(|(before, after)| Pair {
            before,
            after,
            moved: false,
        })
        .collect()
}

/// The largest product of lengths for which the exact table is filled.
const MAX_TABLE: usize = 16_000_000;

/// A longest common subsequence as pairs of positions; of several, the one with the smallest *after* positions.
fn common_subsequence(before: &[Value], after: &[Value]) -> Vec<(usize, usize)> {
    let mut ids = BTreeMap::new();
    let mut number = |items: &'_ [Value]| -> Vec<usize> {
        let mut numbers = Vec::with_capacity(items.len());
        for item in items {
            let next = ids.len();
            // The maps hold clones only of lists that differ, which are few.
            numbers.push(*ids.entry(item.clone()).or_insert(next));
        }
        numbers
    };
    let (before, after) = (number(before), number(after));
    // Pairing a common start is always the longest, and at the smallest positions.
    let start = before
        .iter()
        .zip(&after)
        .take_while(|(b, a)| b == a)
        .count();
    let mut pairs: Vec<_> = (0..start).map(|i| (i, i)).collect();
    let (before, after) = (&before[start..], &after[start..]);

    if before.len().saturating_mul(after.len()) > MAX_TABLE {
        for op in similar::capture_diff_slices(similar::Algorithm::Myers, before, after) {
            if let similar::DiffOp::Equal {
                old_index,
                new_index,
                len,
            } = op
            {
                pairs.extend((0..len).map(|i| (start + old_index + i, start + new_index + i)));
            }
        }
        return pairs;
    }

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
    fn words(before: &str, after: &str, rule: &ListRule) -> String {
        let alignment = align(&items(before), &items(after), rule);
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
            (&ORDERED, "a b c", "a x c d", "0>0 1>1 2>2 +3"),
            (&ORDERED, "a b", "b a", "1>0 -0 +1"),
        ] {
            assert_eq!(words(before, after, rule), expected, "{before} | {after}");
        }
    }

    proptest! {
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
            let found = align(&before, &after, rule);
            let mut b: Vec<_> = found.pairs.iter().map(|p| p.before).chain(found.removed).collect();
            let mut a: Vec<_> = found.pairs.iter().map(|p| p.after).chain(found.added).collect();
            b.sort();
            a.sort();
            prop_assert_eq!(b, (0..before.len()).collect::<Vec<_>>());
            prop_assert_eq!(a, (0..after.len()).collect::<Vec<_>>());
        }
    }
}
