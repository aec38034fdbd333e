//! The order of lists whose order means nothing: by key, then by content.

use super::{Object, ObjectKind, Value};
use crate::xds::{ListRule, MatchBy, Message};

/// What one key of a list rule finds in an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue<'a> {
    /// The item has no such member: that identifies it too.
    Absent,
    /// The value that the key leads to.
    Value(&'a Value),
    /// The name of the oneof member that is set.
    Member(&'static str),
}

/// The keys of `item`, one for each that its list's rule names; where either may be set, only the first that is.
pub fn identity<'a>(item: &'a Value, rule: &ListRule) -> Vec<KeyValue<'a>> {
    let mut is_set = false;
    let mut key = |key: &&str| {
        let found = find(item, key);
        let hidden = is_set && rule.match_by == MatchBy::Either;
        is_set |= found != KeyValue::Absent;
        if hidden { KeyValue::Absent } else { found }
    };
    rule.keys.iter().map(&mut key).collect()
}

/// The value that `key`, members joined by dots, leads to.
fn find<'a>(item: &'a Value, key: &str) -> KeyValue<'a> {
    let mut found = item;
    for name in key.split('.') {
        if name.starts_with("<oneof ") {
            return set_member(found);
        }
        match found.get(name) {
            Some(value) => found = value,
            None => return KeyValue::Absent,
        }
    }
    KeyValue::Value(found)
}

/// The oneof member that is set. No message of which a key asks this has more than one oneof.
fn set_member(value: &Value) -> KeyValue<'_> {
    let Value::Object(object) = value else {
        return KeyValue::Absent;
    };
    let set = |message: &'static Message| {
        let members = object.members.iter();
        members
            .filter_map(|(key, _)| message.field(key))
            .find(|field| field.is_in_oneof())
            .map_or(KeyValue::Absent, |field| KeyValue::Member(field.name()))
    };
    match object.kind {
        ObjectKind::Message(message) | ObjectKind::Any(Some(message)) => set(message),
        _ => KeyValue::Absent,
    }
}

/// Sorts every unordered list in `value`, the innermost first.
pub fn sort(value: &mut Value) {
    match value {
        Value::Object(Object { members, .. }) => {
            members.iter_mut().for_each(|(_, member)| sort(member));
        }
        Value::List(list) => {
            list.items.iter_mut().for_each(sort);
            if !list.rule.ordered {
                let rule = list.rule;
                list.items.sort_by(|a, b| {
                    identity(a, rule)
                        .cmp(&identity(b, rule))
                        .then_with(|| a.cmp(b))
                });
            }
        }
        _ => {}
    }
}
