//! Versions of the API: what two sides call by names of different versions is brought to the current ones.

use std::collections::BTreeMap;

use crate::{
    normalize::{ObjectKind, Value, sort},
    xds::Message,
};

/// Brings both values to the current API, where they do not name the same messages of older versions, and tells how many
/// names that changed.
///
/// A message and what it became are the same bytes to Envoy, so `envoy.api.v2.Cluster` is another spelling of
/// `envoy.config.cluster.v3.Cluster`. Two sides of one old version are compared as they are.
pub(super) fn modernize(before: &mut Value, after: &mut Value) -> usize {
    let outdated = |value: &Value| {
        let mut names = BTreeMap::new();
        outdated(value, &mut names);
        names
    };
    let [old, new] = [outdated(before), outdated(after)];
    if old.keys().eq(new.keys()) {
        return 0;
    }
    for value in [before, after] {
        rename(value);
        sort(value);
    }
    old.values().chain(new.values()).sum()
}

/// Counts the names of the messages in an `Any` that have other names in the current API.
fn outdated(value: &Value, names: &mut BTreeMap<&'static str, usize>) {
    match value {
        Value::Object(object) => {
            if let ObjectKind::Any(Some(message)) = object.kind
                && message.current() != message
            {
                *names.entry(message.name()).or_default() += 1;
            }
            for (_, member) in &object.members {
                outdated(member, names);
            }
        }
        Value::List(list) => list.items.iter().for_each(|item| outdated(item, names)),
        _ => {}
    }
}

/// Gives every message its current name, and every list the rule that it has there.
fn rename(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let message: Option<&'static Message> = match &mut object.kind {
                ObjectKind::Message(message) | ObjectKind::Any(Some(message)) => {
                    *message = message.current();
                    Some(message)
                }
                _ => None,
            };
            if let (ObjectKind::Any(Some(message)), Some(Value::String(url))) =
                (object.kind, object.get_mut("@type"))
            {
                *url = format!("type.googleapis.com/{}", message.name());
            }
            for (key, member) in &mut object.members {
                let field = message.and_then(|message| message.field(key));
                if let (Some(field), Value::List(list)) = (field, &mut *member) {
                    list.rule = field.list_rule();
                }
                rename(member);
            }
        }
        Value::List(list) => list.items.iter_mut().for_each(rename),
        _ => {}
    }
}
