//! One value made into another by the operations of a JSON Patch (RFC 6902).

use super::{align, value::is_other_any};
use crate::normalize::{List, Object, Value};

/// One operation of a JSON Patch; places are JSON Pointers (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Puts a member into an object, or an item into a list before what stands there.
    Add {
        /// Where it stands then.
        path: String,
        /// What it is.
        value: &'a Value,
    },
    /// Takes an item out of a list and puts it in elsewhere.
    Move {
        /// Where it stands.
        from: String,
        /// Where it stands then: counted without it.
        path: String,
    },
    /// Takes a member or an item out.
    Remove {
        /// Where it stands.
        path: String,
    },
    /// Puts another value in the place of one.
    Replace {
        /// Where it stands.
        path: String,
        /// What it is then.
        value: &'a Value,
    },
}

/// The operations that make `after` of `before`, to be applied in order.
///
/// Items of lists are aligned as they are for [`diff`](super::diff), so that an item more is one operation.
pub fn patch<'a>(before: &Value, after: &'a Value) -> Vec<Operation<'a>> {
    let mut operations = Vec::new();
    node(before, after, "", &mut operations);
    operations
}

fn node<'a>(before: &Value, after: &'a Value, path: &str, out: &mut Vec<Operation<'a>>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(before), Value::Object(after)) if !is_other_any(before, after) => {
            objects(before, after, path, out);
        }
        (Value::List(before), Value::List(after)) => lists(before, after, path, out),
        _ => out.push(Operation::Replace {
            path: path.to_owned(),
            value: after,
        }),
    }
}

fn objects<'a>(before: &Object, after: &'a Object, path: &str, out: &mut Vec<Operation<'a>>) {
    let at = |key: &str| format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
    for (key, _) in &before.members {
        if after.get(key).is_none() {
            out.push(Operation::Remove { path: at(key) });
        }
    }
    for (key, value) in &after.members {
        match before.get(key) {
            Some(old) => node(old, value, &at(key), out),
            None => out.push(Operation::Add {
                path: at(key),
                value,
            }),
        }
    }
}

/// First what goes, from the end, so that positions hold; then what comes or moves, from the start; then the edits
/// inside, at the positions of *after*.
fn lists<'a>(before: &List, after: &'a List, path: &str, out: &mut Vec<Operation<'a>>) {
    let [old, new] = [before, after].map(|list| align::Items::whole(&list.items));
    let alignment = align::align(old, new, after.rule);
    let at = |position: usize| format!("{path}/{position}");
    for &position in alignment.removed.iter().rev() {
        out.push(Operation::Remove { path: at(position) });
    }
    // An item that both sides have is called by its position before.
    let mut partners = vec![None; after.items.len()];
    for pair in &alignment.pairs {
        partners[pair.after] = Some(pair.before);
    }
    let mut current: Vec<usize> = alignment.pairs.iter().map(|pair| pair.before).collect();
    let stays = align::longest_increasing(&current);
    let mut is_kept = vec![false; before.items.len()];
    for (&item, stays) in current.iter().zip(stays) {
        is_kept[item] = stays;
    }
    current.sort_unstable();
    let mut current: Vec<Option<usize>> = current.into_iter().map(Some).collect();

    // Before `next` stand the items of *after* so far, and such as are still to be moved to behind it.
    let mut next = 0;
    for (position, partner) in partners.iter().enumerate() {
        match *partner {
            None => {
                out.push(Operation::Add {
                    path: at(next),
                    value: &after.items[position],
                });
                current.insert(next, None);
            }
            Some(item) if is_kept[item] => {
                while current[next] != Some(item) {
                    next += 1;
                }
            }
            Some(item) => {
                let from = place_of(item, &current);
                let to = if from < next { next - 1 } else { next };
                if from != to {
                    out.push(Operation::Move {
                        from: at(from),
                        path: at(to),
                    });
                    let moved = current.remove(from);
                    current.insert(to, moved);
                }
                next = to;
            }
        }
        next += 1;
    }
    for pair in &alignment.pairs {
        let (old, new) = (&before.items[pair.before], &after.items[pair.after]);
        node(old, new, &at(pair.after), out);
    }
}

fn place_of(item: usize, current: &[Option<usize>]) -> usize {
    let mut items = current.iter();
    items
        .position(|found| *found == Some(item))
        .expect("an item that both sides have stays in the list")
}
