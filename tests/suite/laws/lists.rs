//! What one edit of a list must read as, for every kind of rule that a list may have.

use proptest::prelude::*;
use xdsnap::{
    diff::{ChangeKind, Edit, diff},
    model::Step,
    normalize::{Key, List, Object, ObjectKind, Value, sort},
    xds::{ListRule, MatchBy, ORDERED},
};

const fn rule(ordered: bool, match_by: MatchBy, keys: &'static [&'static str]) -> ListRule {
    ListRule {
        ordered,
        match_by,
        keys,
    }
}

static SET: ListRule = rule(false, MatchBy::Composite, &[]);
static RULES: [ListRule; 8] = [
    rule(false, MatchBy::Composite, &["a"]),
    rule(false, MatchBy::Composite, &["a", "b"]),
    rule(false, MatchBy::Either, &["a", "b"]),
    rule(false, MatchBy::Fallback, &["a", "b"]),
    rule(true, MatchBy::Composite, &["a"]),
    rule(true, MatchBy::Composite, &["a", "b"]),
    rule(true, MatchBy::Either, &["a", "b"]),
    rule(true, MatchBy::Fallback, &["a", "b"]),
];

type Item = Vec<(&'static str, usize)>;

fn value(item: &Item) -> Value {
    let member =
        |(name, value): &(&'static str, usize)| (Key::from(*name), Value::from(value.to_string()));
    Value::Object(Object {
        members: item.iter().map(member).collect(),
        kind: ObjectKind::Plain,
    })
}

fn edits(before: &[Item], after: &[Item], rule: &'static ListRule) -> Vec<Edit> {
    let [before, after] = [before, after].map(|items| {
        let items = items.iter().map(value).collect();
        let mut list = Value::List(List { items, rule });
        sort(&mut list);
        list
    });
    diff(&before, &after)
}

/// The kinds of the edits, and how deep they are: 1 is a whole item.
fn shapes(edits: &[Edit]) -> Vec<(ChangeKind, usize)> {
    let each = edits.iter();
    let mut shapes: Vec<_> = each.map(|edit| (edit.kind, edit.path.0.len())).collect();
    shapes.sort();
    shapes
}

const ADDED: (ChangeKind, usize) = (ChangeKind::Added, 1);
const REMOVED: (ChangeKind, usize) = (ChangeKind::Removed, 1);
const MOVED: (ChangeKind, usize) = (ChangeKind::Moved, 1);
const CHANGED_INSIDE: (ChangeKind, usize) = (ChangeKind::Changed, 2);

/// `items` with the one at `from` standing at `to`.
fn with_moved(items: &[Item], from: usize, to: usize) -> Vec<Item> {
    let mut items = items.to_vec();
    let item = items.remove(from);
    items.insert(to, item);
    items
}

/// How many items keep their order at most.
fn longest_order(before: &[Item], after: &[Item]) -> usize {
    let mut length = vec![vec![0; after.len() + 1]; before.len() + 1];
    for b in 0..before.len() {
        for a in 0..after.len() {
            length[b + 1][a + 1] = match before[b] == after[a] {
                true => length[b][a] + 1,
                false => length[b][a + 1].max(length[b + 1][a]),
            };
        }
    }
    length[before.len()][after.len()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_edit_of_a_list_with_keys_is_that_edit(
        contents in proptest::collection::vec(0..3usize, 1..7),
        which in 0..RULES.len(),
        (at, other) in (0..8usize, 0..8usize),
    ) {
        let rule = &RULES[which];
        let item = |(i, v): (usize, &usize)| -> Item {
            match rule.match_by {
                MatchBy::Either if i % 2 == 0 => vec![("a", i), ("v", *v)],
                MatchBy::Either => vec![("b", i), ("v", *v)],
                _ => vec![("a", i), ("b", 100 + i), ("v", *v)],
            }
        };
        let items: Vec<Item> = contents.iter().enumerate().map(item).collect();
        let (at, other) = (at % items.len(), other % items.len());
        let edited = |edit: &dyn Fn(&mut Vec<Item>)| {
            let mut after = items.clone();
            edit(&mut after);
            shapes(&edits(&items, &after, rule))
        };
        let new: Item = vec![("a", 7), ("b", 107), ("v", 0)];

        prop_assert_eq!(edited(&|_| {}), []);
        prop_assert_eq!(edited(&|list| list[at].last_mut().unwrap().1 = 9), [CHANGED_INSIDE]);
        prop_assert_eq!(edited(&|list| { list.remove(at); }), [REMOVED]);
        prop_assert_eq!(edited(&|list| list.insert(at, new.clone())), [ADDED]);
        prop_assert_eq!(edited(&|list| { let copy = list[at].clone(); list.insert(other, copy); }), [ADDED]);
        // Another key makes another item, but for a list that has a second one to pair by.
        let expected = match rule.match_by {
            MatchBy::Fallback => vec![CHANGED_INSIDE],
            _ => vec![ADDED, REMOVED],
        };
        prop_assert_eq!(edited(&|list| list[at][0].1 = 9), expected);
        let moves = |number: usize| vec![MOVED; if rule.ordered { number } else { 0 }];
        prop_assert_eq!(edited(&|list| *list = with_moved(list, at, other)), moves(usize::from(at != other)));
        prop_assert_eq!(edited(&|list| list.swap(at, other)), moves(at.abs_diff(other).min(2)));
        // Moved and edited is both.
        let mut both = moves(usize::from(at != other));
        both.insert(0, CHANGED_INSIDE);
        let found = edited(&|list| {
            list[at].last_mut().unwrap().1 = 9;
            *list = with_moved(list, at, other);
        });
        prop_assert_eq!(found, both);
    }

    /// Only what is equal may be told apart otherwise: what moved, and which of several equal items came or went.
    #[test]
    fn one_edit_of_a_list_without_keys_is_that_edit(
        contents in proptest::collection::vec(0..4usize, 1..8),
        is_ordered in any::<bool>(),
        (at, other) in (0..8usize, 0..8usize),
        new in 0..6usize,
    ) {
        let rule = if is_ordered { &ORDERED } else { &SET };
        let items: Vec<Item> = contents.iter().map(|v| vec![("v", *v)]).collect();
        let (at, other) = (at % items.len(), other % items.len());
        let edited = |edit: &dyn Fn(&mut Vec<Item>)| {
            let mut after = items.clone();
            edit(&mut after);
            let found = edits(&items, &after, rule);
            (shapes(&found), found, after)
        };
        prop_assert_eq!(edited(&|_| {}).0, []);
        prop_assert_eq!(edited(&|list| { list.remove(at); }).0, [REMOVED]);
        prop_assert_eq!(edited(&|list| list.insert(at, vec![("v", new)])).0, [ADDED]);
        prop_assert_eq!(edited(&|list| list.insert(other, list[at].clone())).0, [ADDED]);
        for edit in [
            &(|list: &mut Vec<Item>| *list = with_moved(list, at, other)) as &dyn Fn(&mut Vec<Item>),
            &|list| list.swap(at, other),
        ] {
            let (found, _, after) = edited(edit);
            let moved = if is_ordered { items.len() - longest_order(&items, &after) } else { 0 };
            prop_assert_eq!(found, vec![MOVED; moved]);
        }

        let (found, all, after) = edited(&|list| list[at] = vec![("v", new)]);
        // An item that becomes equal to the one behind it makes a tie: the smaller positions after are kept, and so it
        // is the last of the equal ones that was added.
        let is_tie = after.get(at + 1) == Some(&after[at]);
        if contents[at] == new {
            prop_assert_eq!(found, []);
        } else if is_ordered && !is_tie {
            prop_assert_eq!(found, [CHANGED_INSIDE]);
            let is_there = matches!(all[0].path.0[0], Step::Index { index, .. } if index == at);
            prop_assert!(is_there && all[0].before_path.is_none(), "{:?}", all);
        } else {
            prop_assert_eq!(found, [ADDED, REMOVED]);
        }
    }
}
