//! What Envoy drops of a TypedStruct: it reads one as the type that it names, and forgets what that type lacks.

use std::collections::BTreeSet;

use crate::{
    normalize::{ObjectKind, Value, sort},
    xds::Special,
};

/// Leaves out the fields that istiod's side has in a TypedStruct and that neither its type nor Envoy's side has:
/// Envoy reads a TypedStruct as its type, and drops them. Tells which fields, and how many values they had.
pub(super) fn drop_foreign_fields(before: &mut Value, after: &Value) -> (BTreeSet<String>, usize) {
    let mut known = BTreeSet::new();
    foreign_fields(after, false, &mut known);
    let mut found = BTreeSet::new();
    foreign_fields(before, false, &mut found);
    let dropped: BTreeSet<String> = found.difference(&known).cloned().collect();
    let mut values = 0;
    if !dropped.is_empty() {
        values = remove_foreign(before, false, &dropped);
        sort(before);
    }
    (dropped, values)
}

/// Adds `<message>.<field>` for each field in a TypedStruct that its message does not have.
fn foreign_fields(value: &Value, in_typed_struct: bool, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let inside = in_typed_struct || is_typed_struct(object.kind);
            for (key, member) in &object.members {
                if let Some(name) = foreign_name(object.kind, key, in_typed_struct) {
                    found.insert(name);
                }
                foreign_fields(member, inside, found);
            }
        }
        Value::List(list) => {
            list.items
                .iter()
                .for_each(|item| foreign_fields(item, in_typed_struct, found));
        }
        _ => {}
    }
}

/// Takes out the fields `dropped`, and tells how many values they had.
fn remove_foreign(value: &mut Value, in_typed_struct: bool, dropped: &BTreeSet<String>) -> usize {
    match value {
        Value::Object(object) => {
            let (kind, inside) = (object.kind, in_typed_struct || is_typed_struct(object.kind));
            let all = object.members.len();
            object.members.retain(|(key, _)| {
                !foreign_name(kind, key, in_typed_struct)
                    .is_some_and(|name| dropped.contains(&name))
            });
            let here = all - object.members.len();
            let members = object.members.iter_mut();
            let below = members.map(|(_, member)| remove_foreign(member, inside, dropped));
            here + below.sum::<usize>()
        }
        Value::List(list) => {
            let items = list.items.iter_mut();
            items
                .map(|item| remove_foreign(item, in_typed_struct, dropped))
                .sum()
        }
        _ => 0,
    }
}

/// `<message>.<field>` where `key` is no field of the message that an object in a TypedStruct is.
fn foreign_name(kind: ObjectKind, key: &str, in_typed_struct: bool) -> Option<String> {
    let (ObjectKind::Message(message) | ObjectKind::Any(Some(message))) = kind else {
        return None;
    };
    let is_foreign = in_typed_struct && key != "@type" && message.field(key).is_none();
    is_foreign.then(|| format!("{}.{key}", message.name()))
}

fn is_typed_struct(kind: ObjectKind) -> bool {
    match kind {
        ObjectKind::Message(message) | ObjectKind::Any(Some(message)) => {
            message.special() == Special::TypedStruct
        }
        _ => false,
    }
}
