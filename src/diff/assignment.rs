//! Endpoint assignments as Envoy shows them: it does not keep what it was sent, but rebuilds it from its live hosts.

use std::collections::BTreeSet;

use super::rules::{
    ENDPOINT_DROPS, ENDPOINT_HEALTH, ENDPOINT_HEALTH_CHECK, ENDPOINT_LOCALITIES, ENDPOINT_POLICY,
};
use crate::{
    model::{Rule, Tally},
    normalize::{List, Number, Object, Value, sort},
};

/// Does to an assignment what Envoy does, as far as the rules for it are on, and tells what it then does not show, if
/// there was any of it.
///
/// Localities without hosts go, those of one priority and locality are one, a host's health is healthy, degraded or
/// not, and what is dropped counts per million.
pub(super) fn rebuild(assignment: &mut Value, tally: &mut Tally<'_>) -> Option<String> {
    let Value::Object(assignment) = assignment else {
        return None;
    };
    let mut lost = BTreeSet::new();
    if let Some(Value::Object(policy)) = assignment.get_mut("policy") {
        if tally.has(&ENDPOINT_DROPS) {
            for overload in objects(policy.get_mut("drop_overloads")) {
                if let Some(Value::Object(percentage)) = overload.get_mut("drop_percentage") {
                    tally.hid(&ENDPOINT_DROPS, usize::from(per_million(percentage)));
                }
            }
        }
        lose(policy, &ENDPOINT_POLICY, tally, &mut lost);
        if !lost.is_empty() && policy.members.is_empty() {
            assignment.remove("policy");
        }
    }
    if tally.has(&ENDPOINT_LOCALITIES)
        && let Some(Value::List(localities)) = assignment.get_mut("endpoints")
    {
        let all = localities.items.len();
        localities
            .items
            .retain(|locality| locality.get("lb_endpoints").is_some());
        merge(localities);
        let left = localities.items.len();
        tally.hid(&ENDPOINT_LOCALITIES, all - left);
        if left == 0 {
            assignment.remove("endpoints");
        }
    }
    for locality in objects(assignment.get_mut("endpoints")) {
        for host in objects(locality.get_mut("lb_endpoints")) {
            if tally.has(&ENDPOINT_HEALTH)
                && let Some(Value::String(health)) = host.get_mut("health_status")
                && matches!(health.as_str(), "DRAINING" | "TIMEOUT")
            {
                "UNHEALTHY".clone_into(health);
                tally.hid(&ENDPOINT_HEALTH, 1);
            }
            if let Some(Value::Object(endpoint)) = host.get_mut("endpoint") {
                lose(endpoint, &ENDPOINT_HEALTH_CHECK, tally, &mut lost);
            }
        }
        if let Some(hosts) = locality.get_mut("lb_endpoints") {
            sort(hosts);
        }
    }
    let names: Vec<_> = lost.into_iter().collect();
    (!names.is_empty()).then(|| {
        format!(
            "Envoy does not show this of its hosts: {}",
            names.join(", ")
        )
    })
}

/// Takes out of an object the members at the ends of the rule's paths, and adds their names to `lost`.
fn lose(
    object: &mut Object,
    rule: &Rule,
    tally: &mut Tally<'_>,
    lost: &mut BTreeSet<&'static str>,
) {
    if !tally.has(rule) {
        return;
    }
    for name in rule.paths.iter().filter_map(|path| path.last()) {
        if object.remove(name).is_some() {
            lost.insert(name);
            tally.hid(rule, 1);
        }
    }
}

/// Joins the hosts of localities that have one priority and locality.
fn merge(localities: &mut List) {
    let mut merged: Vec<Value> = Vec::with_capacity(localities.items.len());
    for mut locality in std::mem::take(&mut localities.items) {
        let place = |value: &Value| ["priority", "locality"].map(|name| value.get(name).cloned());
        let wanted = place(&locality);
        let same = merged.iter_mut().find(|other| place(other) == wanted);
        let Some(Value::Object(other)) = same else {
            merged.push(locality);
            continue;
        };
        if let (Some(Value::List(hosts)), Value::Object(locality)) =
            (other.get_mut("lb_endpoints"), &mut locality)
            && let Some(Value::List(more)) = locality.remove("lb_endpoints")
        {
            hosts.items.extend(more.items);
        }
    }
    localities.items = merged;
}

/// Writes an `envoy.type.v3.FractionalPercent` with the denominator MILLION; tells whether it had another.
fn per_million(percentage: &mut Object) -> bool {
    let scale = match percentage.get("denominator").and_then(Value::as_str) {
        None => 10_000,
        Some("TEN_THOUSAND") => 100,
        Some(_) => return false,
    };
    let Some(Value::Number(Number::Int(numerator))) = percentage.get_mut("numerator") else {
        return false;
    };
    *numerator *= scale;
    percentage.remove("denominator");
    percentage
        .members
        .insert(0, ("denominator".into(), "MILLION".into()));
    true
}

fn objects(list: Option<&mut Value>) -> impl Iterator<Item = &mut Object> {
    list.into_iter().flat_map(Value::objects_mut)
}
