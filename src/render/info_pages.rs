//! What the pages of Envoys say, for their front page: how hosts are, and what was rejected.

use std::collections::BTreeMap;

use super::{Style, info::count, status::heading};
use crate::{
    dump::admin::UpdateCounts,
    inspect::{HostsOverview, Overview, PageOverview},
    model::{ProxyId, XdsType},
};

/// How many proxies a line names.
const NAMED: usize = 3;

/// How hosts are, then each cluster of which some are not well: those with most first. Nothing where no page tells.
pub(super) fn hosts(overview: &Overview) -> Vec<String> {
    let of_proxies: Vec<(&ProxyId, &HostsOverview)> = overview
        .pages()
        .filter_map(|(proxy, page)| match page {
            PageOverview::Hosts(hosts) => Some((proxy, hosts)),
            _ => None,
        })
        .collect();
    if of_proxies.is_empty() {
        return Vec::new();
    }
    let mut sum = HostsOverview::default();
    // By cluster: the most that one proxy sees, and who sees any.
    let mut clusters: BTreeMap<&str, (u64, Vec<&ProxyId>)> = BTreeMap::new();
    for (proxy, hosts) in &of_proxies {
        sum.healthy += hosts.healthy;
        sum.degraded += hosts.degraded;
        sum.unhealthy += hosts.unhealthy;
        for (reason, number) in &hosts.reasons {
            *sum.reasons.entry(reason.clone()).or_default() += number;
        }
        for (cluster, number) in &hosts.clusters {
            let (most, proxies) = clusters.entry(cluster).or_default();
            *most = (*most).max(*number);
            proxies.push(proxy);
        }
    }
    let mut words = vec![format!("{} healthy", sum.healthy)];
    for (number, what) in [(sum.degraded, "degraded"), (sum.unhealthy, "unhealthy")] {
        if number > 0 {
            words.push(format!("{number} {what}"));
        }
    }
    let mut line = words.join(", ");
    if !clusters.is_empty() {
        let mut reasons: Vec<(&String, &u64)> = sum.reasons.iter().collect();
        reasons.sort_by_key(|(reason, number)| (std::cmp::Reverse(**number), *reason));
        let reasons: Vec<String> = reasons
            .into_iter()
            .map(|(reason, number)| format!("{reason} {number}"))
            .collect();
        let clusters = count(clusters.len() as u64, "cluster", "clusters");
        line.push_str(&format!(" ({}) in {clusters}", reasons.join(", ")));
    }
    if of_proxies.len() > 1 {
        line.push_str(&format!(
            ", counted by each of {} proxies",
            of_proxies.len()
        ));
    }
    let mut clusters: Vec<_> = clusters.into_iter().collect();
    clusters.sort_by_key(|(name, (most, _))| (std::cmp::Reverse(*most), *name));
    let lines = clusters
        .into_iter()
        .map(|(name, (most, proxies))| format!("{most} in {name}, by {}", named(&proxies)));
    std::iter::once(line).chain(lines).collect()
}

/// The updates that were rejected, by type, and who is without a control plane. Nothing where no page tells.
pub(super) fn updates(overview: &Overview, style: Style) -> Vec<String> {
    let mut is_counted = false;
    let mut disconnected = Vec::new();
    let mut rejected: BTreeMap<XdsType, (UpdateCounts, Vec<&ProxyId>)> = BTreeMap::new();
    for (proxy, page) in overview.pages() {
        let PageOverview::Stats(stats) = page else {
            continue;
        };
        is_counted |= !stats.updates.is_empty();
        if stats.connected == Some(false) {
            disconnected.push(proxy);
        }
        for (xds_type, counts) in &stats.updates {
            if counts.rejected > 0 {
                let (sum, proxies) = rejected.entry(xds_type.clone()).or_default();
                sum.rejected = sum.rejected.saturating_add(counts.rejected);
                sum.accepted = sum.accepted.saturating_add(counts.accepted);
                proxies.push(proxy);
            }
        }
    }
    let mut lines: Vec<String> = rejected
        .iter()
        .map(
            |(xds_type, (UpdateCounts { accepted, rejected }, proxies))| {
                format!(
                    "{} rejected {rejected} of {} since the start, on {}",
                    heading(xds_type, style),
                    accepted.saturating_add(*rejected),
                    named(proxies)
                )
            },
        )
        .collect();
    if lines.is_empty() && is_counted {
        lines.push("none rejected since the start".to_owned());
    }
    if !disconnected.is_empty() {
        let proxies = named(&disconnected);
        lines.push(format!("not connected to the control plane: {proxies}"));
    }
    lines
}

/// `a.shop, b.shop, c.shop and 4 more`
fn named(proxies: &[&ProxyId]) -> String {
    let shown = proxies.iter().take(NAMED).map(|proxy| proxy.as_str());
    let shown = shown.collect::<Vec<_>>().join(", ");
    match proxies.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
