//! Endpoint assignments as Envoy shows them: it does not keep what it was sent, but rebuilds it from its live hosts.

use std::collections::BTreeSet;

use crate::normalize::{List, Number, Object, Value, sort};

/// What Envoy does not show of a policy and of a host.
const LOST_OF_POLICY: [&str; 2] = ["endpoint_stale_after", "weighted_priority_health"];
const LOST_OF_ENDPOINT: &str = "health_check_config";

/// Does to an assignment what Envoy does, and tells what it then does not show, if there was any of it.
///
/// Localities without hosts go, those of one priority and locality are one, a host's health is healthy, degraded or
/// not, and what is dropped counts per million.
pub(super) fn rebuild(assignment: &mut Value) -> Option<String> {
    let Value::Object(assignment) = assignment else {
        return None;
    };
    let mut lost = BTreeSet::new();
    if let Some(Value::Object(policy)) = assignment.get_mut("policy") {
        for name in LOST_OF_POLICY {
            lost.extend(policy.remove(name).map(|_| name));
        }
        for overload in objects(policy.get_mut("drop_overloads")) {
            if let Some(Value::Object(percentage)) = overload.get_mut("drop_percentage") {
                per_million(percentage);
            }
        }
        if policy.members.is_empty() {
            assignment.remove("policy");
        }
    }
    if let Some(Value::List(localities)) = assignment.get_mut("endpoints") {
        localities
            .items
            .retain(|locality| locality.get("lb_endpoints").is_some());
        merge(localities);
        if localities.items.is_empty() {
            assignment.remove("endpoints");
        }
    }
    for locality in objects(assignment.get_mut("endpoints")) {
        for host in objects(locality.get_mut("lb_endpoints")) {
            if let Some(Value::String(health)) = host.get_mut("health_status")
                && matches!(health.as_str(), "DRAINING" | "TIMEOUT")
            {
                "UNHEALTHY".clone_into(health);
            }
            if let Some(Value::Object(endpoint)) = host.get_mut("endpoint") {
                lost.extend(endpoint.remove(LOST_OF_ENDPOINT).map(|_| LOST_OF_ENDPOINT));
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

/// Writes an `envoy.type.v3.FractionalPercent` with the denominator MILLION.
fn per_million(percentage: &mut Object) {
    let scale = match percentage.get("denominator").and_then(Value::as_str) {
        None => 10_000,
        Some("TEN_THOUSAND") => 100,
        Some(_) => return,
    };
    let Some(Value::Number(Number::Int(numerator))) = percentage.get_mut("numerator") else {
        return;
    };
    *numerator *= scale;
    percentage.remove("denominator");
    percentage
        .members
        .insert(0, ("denominator".into(), "MILLION".into()));
}

fn objects(list: Option<&mut Value>) -> impl Iterator<Item = &mut Object> {
    list.into_iter().flat_map(Value::objects_mut)
}
