//! Resources that are likely the same under another name.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{Change, ChangeKind, Compared};
use crate::{
    model::{ProxyId, State, XdsType},
    normalize::Value,
};

/// For each of `changes`, the name that the resource likely has on the other side.
///
/// A resource that went and one that came are likely one if they are of one proxy, source, type and state, equal but
/// for the name, and the only two of which that is true. One that is nothing but a name is not taken for another.
pub fn renames<'a>(changes: &[&'a Change]) -> Vec<Option<&'a str>> {
    type Alike<'a> = (&'a ProxyId, Compared, &'a XdsType, Option<State>, [u8; 32]);
    // Of each content, the positions of what went and of what came.
    let mut alike: BTreeMap<Alike<'a>, [Vec<usize>; 2]> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate() {
        let side = match change.kind {
            ChangeKind::Removed => 0,
            ChangeKind::Added => 1,
            ChangeKind::Changed | ChangeKind::Moved => continue,
        };
        let value = change.before.as_ref().or(change.after.as_ref());
        let resource = &change.resource;
        let rest = value.and_then(|value| without_name(value, &resource.xds_type));
        let (true, Some(rest)) = (change.path.0.is_empty(), rest) else {
            continue;
        };
        // What many resources are is not held twice.
        let Ok(rest) = serde_json::to_vec(&rest) else {
            continue;
        };
        let rest = Sha256::digest(rest).into();
        let id = (&change.proxy, change.source, &resource.xds_type);
        alike
            .entry((id.0, id.1, id.2, resource.state, rest))
            .or_default()[side]
            .push(at);
    }
    let mut names = vec![None; changes.len()];
    for sides in alike.into_values() {
        if let ([removed], [added]) = (&sides[0][..], &sides[1][..]) {
            names[*removed] = Some(&*changes[*added].resource.name);
            names[*added] = Some(&*changes[*removed].resource.name);
        }
    }
    names
}

/// What a resource is but for its name, if there is anything.
///
/// Where it repeats its name, as an EDS cluster of Istio does in `service_name` and, with a semicolon, in
/// `alt_stat_name`, that is its name too.
fn without_name(value: &Value, xds_type: &XdsType) -> Option<Value> {
    let named = match xds_type {
        XdsType::Endpoint => "cluster_name",
        _ => "name",
    };
    let name = value.get(named)?.as_str()?.to_owned();
    let mut rest = value.clone();
    blank(&mut rest, &name);
    let Value::Object(object) = &mut rest else {
        return None;
    };
    object.remove(named);
    let is_more = object.members.iter().any(|(key, _)| key != "@type");
    is_more.then_some(rest)
}

/// Empties every string that is `name`, with or without a semicolon behind it.
fn blank(value: &mut Value, name: &str) {
    match value {
        Value::String(text) if text.strip_suffix(';').unwrap_or(text) == name => text.clear(),
        Value::Object(object) => {
            let members = object.members.iter_mut();
            members.for_each(|(_, member)| blank(member, name));
        }
        Value::List(list) => list.items.iter_mut().for_each(|item| blank(item, name)),
        _ => {}
    }
}
