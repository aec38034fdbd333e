//! Resources that are likely the same under another name.

use std::collections::BTreeMap;

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
    type Alike<'a> = (
        &'a ProxyId,
        Compared,
        &'a XdsType,
        Option<State>,
        Vec<(&'a str, &'a Value)>,
    );
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
        let id = (&change.proxy, change.source, &resource.xds_type);
        alike
            .entry((id.0, id.1, id.2, resource.state, rest))
            .or_default()[side]
            .push(at);
    }
    let mut names = vec![None; changes.len()];
    for sides in alike.into_values() {
        if let ([removed], [added]) = (&sides[0][..], &sides[1][..]) {
            names[*removed] = Some(changes[*added].resource.name.as_str());
            names[*added] = Some(changes[*removed].resource.name.as_str());
        }
    }
    names
}

/// What a resource is but for its name, if there is anything.
fn without_name<'a>(value: &'a Value, xds_type: &XdsType) -> Option<Vec<(&'a str, &'a Value)>> {
    let named = match xds_type {
        XdsType::Endpoint => "cluster_name",
        _ => "name",
    };
    let Value::Object(object) = value else {
        return None;
    };
    object.get(named)?;
    let members = object.members.iter();
    let rest: Vec<_> = members
        .filter(|(key, _)| key != named)
        .map(|(key, value)| (key.as_ref(), value))
        .collect();
    rest.iter().any(|(key, _)| *key != "@type").then_some(rest)
}
