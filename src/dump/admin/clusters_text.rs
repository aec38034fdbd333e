//! `/clusters` as text: a line for each value, `<cluster>::<key>::<value>`, `<cluster>::<group>::<key>::<value>` or
//! `<cluster>::<host>::<key>::<value>`, all lines of a cluster together, and in it those of a host.
//!
//! Names of clusters, addresses and values may hold `::` themselves. So a line is first read as one of the cluster and
//! of the host at hand; the first line of a host is a counter, and that of a cluster `observability_name`.

use std::collections::BTreeMap;

use super::{
    PageError,
    clusters::{Cluster, Host},
    lines,
};

/// What every line is.
const EXPECTED: &str = "`<cluster>::<key>::<value>` or `<cluster>::<host>::<key>::<value>`";

/// What the first line of a cluster holds; of an Envoy before 1.18, that of one of the groups.
const FIRST: &str = "::observability_name::";

/// What is said of a cluster: keys with a value, and groups of keys.
const OF_CLUSTER: [&str; 5] = [
    "default_priority::",
    "high_priority::",
    "outlier::",
    "added_via_api::",
    "eds_service_name::",
];

/// Reads the page, and calls `each` with every cluster.
pub(super) fn read(text: &str, each: &mut impl FnMut(Cluster)) -> Result<(), PageError> {
    let mut at_hand: Option<Cluster> = None;
    let read = lines(text, EXPECTED, |line| {
        if let Some((name, _)) = line.split_once(FIRST) {
            each_of(at_hand.replace(named(name)), each);
            return Some(());
        }
        let rest = at_hand.as_ref().and_then(|at_hand| {
            let rest = line.strip_prefix(at_hand.name.as_str())?;
            rest.strip_prefix("::")
        });
        if let (Some(cluster), Some(rest)) = (&mut at_hand, rest) {
            if OF_CLUSTER.iter().any(|start| rest.starts_with(start)) {
                return Some(());
            }
            match of_host(&mut cluster.hosts, rest) {
                Line::Read => return Some(()),
                Line::Wrong => return None,
                Line::Unknown => {}
            }
        }
        if let Some(name) = of_older_envoy(line) {
            each_of(at_hand.replace(named(name)), each);
            return Some(());
        }
        // Something that a newer Envoy tells of the host at hand.
        let host = at_hand.as_ref()?.hosts.last()?;
        let new = rest?.strip_prefix(host.address.as_str())?;
        let (key, _) = new.strip_prefix("::")?.split_once("::")?;
        is_key(key).then_some(())
    });
    if read.is_ok() {
        each_of(at_hand, each);
    }
    read
}

fn each_of(cluster: Option<Cluster>, each: &mut impl FnMut(Cluster)) {
    if let Some(cluster) = cluster {
        each(cluster);
    }
}

fn named(name: &str) -> Cluster {
    Cluster {
        name: name.to_owned(),
        ..Cluster::default()
    }
}

/// The name of the cluster of which this line tells something, if it does.
fn of_older_envoy(line: &str) -> Option<&str> {
    let ends = OF_CLUSTER.iter().filter_map(|key| {
        let at = line.find(key)?;
        line[..at].strip_suffix("::")
    });
    ends.min_by_key(|name| name.len())
        .filter(|name| !name.is_empty())
}

/// What a line was taken for.
enum Line {
    /// A value of a host.
    Read,
    /// A value of a host that is none.
    Wrong,
    /// Nothing that is known.
    Unknown,
}

/// Reads `<host>::<key>::<value>`: of the last host, or of a new one.
fn of_host(hosts: &mut Vec<Host>, line: &str) -> Line {
    if let Some(host) = hosts.last_mut()
        && let Some(rest) = line.strip_prefix(host.address.as_str())
        && let Some((key, value)) = rest
            .strip_prefix("::")
            .and_then(|rest| rest.split_once("::"))
    {
        let is_next = host.counters.contains_key(key);
        match set(host, key, value) {
            Some(_) if is_next => {}
            Some(true) => return Line::Read,
            Some(false) => return Line::Wrong,
            None => {}
        }
    }
    let Some((rest, value)) = line.rsplit_once("::") else {
        return Line::Unknown;
    };
    let Some((address, key)) = rest.rsplit_once("::").filter(|(_, key)| is_counter(key)) else {
        return Line::Unknown;
    };
    let Ok(value) = value.parse() else {
        return Line::Wrong;
    };
    hosts.push(Host {
        address: address.to_owned(),
        counters: BTreeMap::from([(key.to_owned(), value)]),
        ..Host::default()
    });
    Line::Read
}

/// Takes over what a line says of a host, if its key is known, and tells whether its value could be read.
fn set(host: &mut Host, key: &str, value: &str) -> Option<bool> {
    fn number<T: std::str::FromStr>(field: &mut T, value: &str) -> bool {
        value.parse().map(|value| *field = value).is_ok()
    }
    // -1: nothing was measured.
    fn rate(field: &mut Option<f64>, value: &str) -> bool {
        let rate = value.parse::<f64>().ok();
        *field = rate.filter(|rate| *rate >= 0.0);
        rate.is_some()
    }
    let text = |field: &mut String| {
        value.clone_into(field);
        true
    };
    Some(match key {
        "hostname" => text(&mut host.hostname),
        "region" => text(&mut host.locality.region),
        "zone" => text(&mut host.locality.zone),
        "sub_zone" => text(&mut host.locality.sub_zone),
        "weight" => number(&mut host.weight, value),
        "priority" => number(&mut host.priority, value),
        "success_rate" => rate(&mut host.success_rate, value),
        "local_origin_success_rate" => rate(&mut host.local_origin_success_rate, value),
        "canary" => {
            host.canary = value.parse().ok();
            host.canary.is_some()
        }
        "health_flags" => {
            let flags = value.split('/').filter(|flag| !flag.is_empty());
            let flags = flags.filter(|flag| *flag != "healthy");
            host.flags = flags.map(str::to_owned).collect();
            !value.is_empty()
        }
        counter if is_counter(counter) => match value.parse() {
            Ok(value) => {
                host.counters.entry(counter.to_owned()).or_insert(value);
                true
            }
            Err(_) => false,
        },
        _ => return None,
    })
}

fn is_counter(key: &str) -> bool {
    (key.starts_with("cx_") || key.starts_with("rq_")) && is_key(key)
}

fn is_key(key: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !key.is_empty() && key.bytes().all(is_letter)
}
