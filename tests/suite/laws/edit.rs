//! Places in a normalized resource, what an edit of one must read as, and whether a list of edits explains a difference.

use jsonpath_rust::JsonPath;
use serde_json::Value as Json;
use xdsnap::{
    diff::{ChangeKind, Edit, PairedBy},
    model::Step,
    normalize::{KeyValue, List, ObjectKind, Value, identity},
    xds::MatchBy,
};

/// A step from a value to one of its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seg {
    Key(String),
    Index(usize),
}

/// Every node below `value`, with the way to it.
pub(crate) fn places(value: &Value) -> Vec<Vec<Seg>> {
    fn walk(value: &Value, way: &mut Vec<Seg>, found: &mut Vec<Vec<Seg>>) {
        let mut child = |seg: Seg, value: &Value, found: &mut Vec<Vec<Seg>>| {
            way.push(seg);
            found.push(way.clone());
            walk(value, way, found);
            way.pop();
        };
        match value {
            Value::Object(object) => {
                for (key, member) in &object.members {
                    child(Seg::Key(key.to_string()), member, found);
                }
            }
            Value::List(list) => {
                for (i, item) in list.items.iter().enumerate() {
                    child(Seg::Index(i), item, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, &mut Vec::new(), &mut found);
    found
}

pub(crate) fn at<'a>(value: &'a Value, way: &[Seg]) -> &'a Value {
    way.iter().fold(value, |value, seg| match (value, seg) {
        (Value::Object(object), Seg::Key(key)) => object.get(key).unwrap(),
        (Value::List(list), Seg::Index(index)) => &list.items[*index],
        _ => panic!("no such place"),
    })
}

pub(crate) fn at_mut<'a>(value: &'a mut Value, way: &[Seg]) -> &'a mut Value {
    way.iter().fold(value, |value, seg| match (value, seg) {
        (Value::Object(object), Seg::Key(key)) => {
            let mut members = object.members.iter_mut();
            members
                .find(|(name, _)| name == key)
                .map(|(_, value)| value)
                .unwrap()
        }
        (Value::List(list), Seg::Index(index)) => &mut list.items[*index],
        _ => panic!("no such place"),
    })
}

/// How a change at `way` reads, given the lists that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As itself.
    There,
    /// As one item removed and one added: the item at this way, which nothing identifies, or no longer.
    Item(Vec<Seg>),
    /// It touches the type of an `Any`, or one of two equal items in an ordered list; no promise is made here.
    Unclear,
}

/// How a change of the node at `way` reads.
pub(crate) fn reading(value: &Value, way: &[Seg]) -> Reading {
    if way
        .iter()
        .any(|seg| matches!(seg, Seg::Key(key) if key == "@type" || key == "type_url"))
    {
        return Reading::Unclear;
    }
    for (depth, seg) in way.iter().enumerate() {
        let (Value::List(list), Seg::Index(index)) = (at(value, &way[..depth]), seg) else {
            continue;
        };
        // Of two equal items either may be the one that changed.
        let has_twin = list
            .items
            .iter()
            .filter(|item| **item == list.items[*index])
            .count()
            > 1;
        if has_twin && list.rule.ordered {
            return Reading::Unclear;
        }
        let item = Reading::Item(way[..=depth].to_vec());
        let touches_key = touches_key(list, &way[depth + 1..]);
        match (list.rule.ordered, list.rule.match_by, touches_key) {
            // What pairs by no key any more pairs by the next one, or is what is left.
            (_, MatchBy::Fallback, _) => {}
            (_, _, true) => return item,
            (false, _, _) if list.rule.keys.is_empty() => return item,
            (false, MatchBy::Composite | MatchBy::Either, _) if !is_unique(list, *index) => {
                return item;
            }
            _ => {}
        }
    }
    Reading::There
}

/// Whether what lies at `way` in an item is part of its key, or holds it.
fn touches_key(list: &List, way: &[Seg]) -> bool {
    list.rule.keys.iter().any(|key| {
        let mut steps = way.iter();
        key.split('.').all(|name| match steps.next() {
            None => true,
            Some(Seg::Key(step)) => step == name || name.starts_with('<'),
            Some(Seg::Index(_)) => false,
        })
    })
}

pub(crate) fn is_unique(list: &List, index: usize) -> bool {
    let key = |item| -> Vec<KeyValue<'_>> { identity(item, list.rule) };
    let wanted = key(&list.items[index]);
    list.items.iter().filter(|item| key(item) == wanted).count() == 1
}

/// Whether a boolean here is left out when it is false.
pub(crate) fn is_left_out_when_default(value: &Value, way: &[Seg]) -> bool {
    let (Some(Seg::Key(key)), parent) = (way.last(), &way[..way.len() - 1]) else {
        return false;
    };
    match at(value, parent).kind() {
        ObjectKind::Message(message) | ObjectKind::Any(Some(message)) => message
            .field(key)
            .is_some_and(|field| !field.has_presence() && !field.is_map() && !field.is_repeated()),
        _ => false,
    }
}

/// Checks that the edits of the one way are those of the other with both sides exchanged: as many moves, and all other
/// edits at the same places with the same values.
///
/// Of equal items in an ordered list several may keep the order, and each way chooses those with the smallest positions
/// on its *after* side. Then another one may be left over, and it may pair otherwise, so nothing is promised where such
/// an item was left: one that no key names, and that has no partner or one that is not equal. Where only one choice keeps
/// the order, the mirror is a law of `align`.
pub(crate) fn check_mirror(there: &[Edit], back: &[Edit]) -> Result<(), String> {
    let may_tie = |edit: &Edit| {
        let steps = edit.path.0.iter();
        let items = steps.filter(|step| !matches!(step, Step::Key(_)));
        items.zip(&edit.pairings).any(|(step, pairing)| {
            pairing.rule.ordered
                && matches!(step, Step::Index { .. })
                && matches!(pairing.by, None | Some(PairedBy::Position))
        })
    };
    if there.iter().chain(back).any(may_tie) {
        return Ok(());
    }
    let [(moves, one), (moves_back, other)] = [mirrored(there, false), mirrored(back, true)];
    match moves == moves_back && one == other {
        true => Ok(()),
        false => Err(format!("no mirror:\n{there:#?}\n{back:#?}")),
    }
}

/// The number of moves, and the other edits as they read from the one side or from the other.
fn mirrored(edits: &[Edit], is_swapped: bool) -> (usize, Vec<String>) {
    let text = |edit: &Edit| {
        let path = edit.path.to_string();
        let before_path = edit.before_path.as_ref().map(ToString::to_string);
        let mut paths = [before_path.unwrap_or_else(|| path.clone()), path];
        let mut values = [&edit.before, &edit.after].map(|value| value.as_ref().map(json));
        if is_swapped {
            paths.reverse();
            values.reverse();
        }
        format!("{paths:?} {values:?}")
    };
    let others = edits.iter().filter(|edit| edit.kind != ChangeKind::Moved);
    let mut others: Vec<String> = others.map(text).collect();
    others.sort();
    (edits.len() - others.len(), others)
}

/// Checks that the edits say exactly how the two documents differ.
///
/// Each path selects one node, and that is the value that the edit says; and without the nodes that edits are about,
/// both documents are the same. `normal` gives the normalized form of a document.
pub(crate) fn check_explained(
    edits: &[Edit],
    before: &Json,
    after: &Json,
    normal: &dyn Fn(&Json) -> Json,
) -> Result<(), String> {
    let mut masked = [before.clone(), after.clone()];
    let mut moved = Vec::new();
    for edit in edits {
        let path = edit.path.to_string();
        let before_path = edit
            .before_path
            .as_ref()
            .map_or(path.clone(), ToString::to_string);
        let mut ways = [None, None];
        for (side, document, path, value) in [
            (0, before, &before_path, &edit.before),
            (1, after, &path, &edit.after),
        ] {
            let Some(value) = value else { continue };
            let way = locate(document, path)?;
            if edit.kind != ChangeKind::Moved {
                let (found, said) = (json_at(document, &way), json(value));
                if *found != said {
                    return Err(format!("{path} is {found}, but the edit says {said}"));
                }
                if is_masked(&masked[side], &way) {
                    return Err(format!("{path} lies in another edit"));
                }
                *json_at_mut(&mut masked[side], &way) = tombstone();
            } else if way.last() != Some(&Seg::Index(position(value))) {
                return Err(format!("{path} is not at position {}", json(value)));
            }
            ways[side] = Some(way);
        }
        match (edit.kind, &ways) {
            (ChangeKind::Added, [None, Some(_)]) | (ChangeKind::Removed, [Some(_), None]) => {}
            (ChangeKind::Changed, [Some(_), Some(_)]) if edit.before != edit.after => {}
            (ChangeKind::Moved, [Some(before), Some(after)]) => {
                moved.push([before.clone(), after.clone()]);
            }
            _ => return Err(format!("{:?} at {path} has the wrong sides", edit.kind)),
        }
    }
    // Items that moved are compared with each other, the innermost first, and then put aside too.
    moved.sort_by_key(|[_, after]| std::cmp::Reverse(after.len()));
    for [before_way, after_way] in moved {
        let items = [
            json_at(&masked[0], &before_way),
            json_at(&masked[1], &after_way),
        ];
        let [a, b] = items.map(|item| without_tombstones(item.clone()));
        if a != b {
            return Err(format!("an item that moved is {a} before and {b} after"));
        }
        *json_at_mut(&mut masked[0], &before_way) = tombstone();
        *json_at_mut(&mut masked[1], &after_way) = tombstone();
    }
    let [a, b] = masked.map(|document| normal(&without_tombstones(document)));
    match a == b {
        true => Ok(()),
        false => Err(format!("a difference that no edit tells:\n{a}\n{b}")),
    }
}

fn position(value: &Value) -> usize {
    json(value)
        .as_u64()
        .map_or(usize::MAX, |position| position as usize)
}

pub(crate) fn json(value: &Value) -> Json {
    serde_json::to_value(value).unwrap()
}

/// The way to the one node that `path` selects.
fn locate(document: &Json, path: &str) -> Result<Vec<Seg>, String> {
    let found = document
        .query(path)
        .map_err(|error| format!("{path}: {error}"))?;
    match found[..] {
        [node] => Ok(way_to(document, node).expect("a node of the document")),
        _ => Err(format!("{path} selects {} nodes", found.len())),
    }
}

fn way_to(value: &Json, node: &Json) -> Option<Vec<Seg>> {
    if std::ptr::eq(value, node) {
        return Some(Vec::new());
    }
    let below = |seg: Seg, child: &Json| {
        let mut way = way_to(child, node)?;
        way.insert(0, seg);
        Some(way)
    };
    match value {
        Json::Object(members) => {
            let mut members = members.iter();
            members.find_map(|(key, child)| below(Seg::Key(key.clone()), child))
        }
        Json::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(i, child)| below(Seg::Index(i), child))
        }
        _ => None,
    }
}

fn json_at<'a>(document: &'a Json, way: &[Seg]) -> &'a Json {
    way.iter().fold(document, |value, seg| match seg {
        Seg::Key(key) => &value[key],
        Seg::Index(index) => &value[index],
    })
}

fn json_at_mut<'a>(document: &'a mut Json, way: &[Seg]) -> &'a mut Json {
    way.iter().fold(document, |value, seg| match seg {
        Seg::Key(key) => &mut value[key],
        Seg::Index(index) => &mut value[index],
    })
}

fn is_masked(document: &Json, way: &[Seg]) -> bool {
    (0..=way.len()).any(|end| *json_at(document, &way[..end]) == tombstone())
}

fn tombstone() -> Json {
    Json::from("\u{0}put aside")
}

fn without_tombstones(value: Json) -> Json {
    let is_left = |value: &Json| *value != tombstone();
    match value {
        Json::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| is_left(value));
            members
                .map(|(key, value)| (key, without_tombstones(value)))
                .collect()
        }
        Json::Array(items) => {
            let items = items.into_iter().filter(is_left);
            items.map(without_tombstones).collect()
        }
        value => value,
    }
}
