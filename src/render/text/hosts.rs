//! Hosts of clusters: how many there are where there are more or fewer, and once for all where only addresses changed.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{
    items,
    page::{Ink, Line, Page, count},
    title,
    who::{Everyone, joined},
};
use crate::{
    diff::{Change, ChangeKind, Class, Compared, Mode},
    model::{ProxyId, ResourceKey, Step},
    normalize::{Number, Value},
    render::escape,
};

/// Hosts of a cluster that are named.
const HOSTS: usize = 3;

/// What a change says that is not said by how many hosts there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Anything.
    More,
    /// That hosts came or went, or what follows from that.
    Number,
    /// That hosts have other addresses.
    Addresses,
}

/// What `change` says.
pub(super) fn says(change: &Change) -> Says {
    if let Some(Class::EndpointsReplaced | Class::HostReplaced) = change.class {
        return Says::Addresses;
    }
    let Some([before, after]) = change.hosts else {
        return Says::More;
    };
    let steps = change.path.0.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        _ => None,
    });
    let steps: Vec<&str> = steps.collect();
    let is_lone = matches!(change.kind, ChangeKind::Added | ChangeKind::Removed);
    match steps[..] {
        ["endpoints"] | ["endpoints", "lb_endpoints"] if is_lone => Says::Number,
        ["endpoints", "load_balancing_weight"] => match (&change.before, &change.after) {
            // The sum of its hosts' weights.
            (Some(Value::Number(Number::Int(old))), Some(Value::Number(Number::Int(new))))
                if new - old == after as i128 - before as i128 =>
            {
                Says::Number
            }
            _ => Says::More,
        },
        _ => Says::More,
    }
}

/// A cluster that has more or fewer hosts, in the same way on some proxies.
#[derive(Default)]
struct Counted<'a> {
    proxies: BTreeSet<&'a ProxyId>,
    /// The hosts of any proxy.
    gone: BTreeSet<Cow<'a, str>>,
    come: BTreeSet<Cow<'a, str>>,
    /// How many changes say that one took the place of another.
    replaced: usize,
}

/// Writes the clusters that have more or fewer hosts: first those that have none left.
pub(super) fn numbers(
    page: &mut Page,
    everyone: &Everyone,
    mode: Mode,
    changes: &[&Change],
) -> io::Result<()> {
    let style = page.style;
    let mut found: BTreeMap<(Compared, &ResourceKey, [usize; 2]), Counted> = BTreeMap::new();
    for change in changes {
        let Some(hosts) = change.hosts else { continue };
        let counted = found
            .entry((change.source, &change.resource, hosts))
            .or_default();
        counted.proxies.insert(&change.proxy);
        let hosts = addresses(change);
        match change.kind {
            _ if change.class == Some(Class::HostReplaced) => counted.replaced += 1,
            ChangeKind::Removed => counted.gone.extend(hosts),
            ChangeKind::Added => counted.come.extend(hosts),
            _ => {}
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|((_, _, [before, after]), counted)| {
        (*after > 0, after > before, Reverse(counted.proxies.len()))
    });
    let heading = match mode {
        Mode::Change => "hosts lost or gained:",
        Mode::Sync => "hosts of which one side has more:",
    };
    title(page, heading)?;
    items(
        page,
        found,
        "more clusters",
        |page, ((source, key, [before, after]), counted)| {
            let numbers = match mode {
                Mode::Change => format!("{before} {} {after}", style.arrow()),
                Mode::Sync => format!("istiod {before}, envoy {after}"),
            };
            let ink = match after {
                0 => Ink::Removed,
                _ => Ink::Plain,
            };
            let line = Line::new(2)
                .with(Ink::Plain, escape::name(&key.name, style))
                .with(Ink::Plain, "  ")
                .with(ink, numbers);
            page.line(line)?;
            let proxies: Vec<&ProxyId> = counted.proxies.into_iter().collect();
            let mut words = everyone.words(&proxies, source, 1, style);
            words.insert(0, "on".to_owned());
            let hosts = [('-', &counted.gone), ('+', &counted.come)];
            let hosts: Vec<String> = hosts
                .into_iter()
                .flat_map(|(sign, hosts)| hosts.iter().map(move |host| (sign, host)))
                .map(|(sign, host)| format!("{sign} {}", escape::name(host, style)))
                .collect();
            let shown = match style.full || hosts.len() <= HOSTS + 1 {
                true => hosts.len(),
                false => HOSTS,
            };
            let more = hosts.len() - shown;
            if let (Some(last), true) = (words.last_mut(), shown + counted.replaced > 0) {
                last.push(':');
            }
            let mut hosts: Vec<String> = hosts.into_iter().take(shown).collect();
            hosts.extend((more > 0).then(|| format!("and {more} more (--full)")));
            hosts.extend((counted.replaced > 0).then(|| "others replaced (--full)".to_owned()));
            let pieces = words
                .into_iter()
                .chain(joined(hosts))
                .map(|text| (Ink::Faint, text));
            page.flow(Line::new(6), " ", pieces, 8)
        },
    )
}

/// The hosts that a change adds or removes.
fn addresses(change: &Change) -> Vec<Cow<'_, str>> {
    if let Some(Step::Index {
        label: Some(label), ..
    }) = change.path.0.last()
        && change
            .path
            .0
            .iter()
            .any(|step| *step == Step::Key("lb_endpoints".into()))
    {
        return vec![label.into()];
    }
    let mut found = Vec::new();
    if let Some(value) = change.before.as_ref().or(change.after.as_ref()) {
        collect(value, &mut found);
    }
    found
}

/// The addresses anywhere in a value.
fn collect<'a>(value: &'a Value, found: &mut Vec<Cow<'a, str>>) {
    match value {
        Value::List(list) => list.items.iter().for_each(|item| collect(item, found)),
        Value::Object(object) => {
            for (name, member) in &object.members {
                match (name.as_ref(), member.get("address").and_then(Value::as_str)) {
                    ("socket_address", Some(address)) => {
                        found.push(match member.get("port_value") {
                            Some(Value::Number(port)) => format!("{address}:{port}").into(),
                            _ => address.into(),
                        })
                    }
                    _ => collect(member, found),
                }
            }
        }
        _ => {}
    }
}

/// Writes once, for all of them, that hosts only changed their addresses.
pub(super) fn replaced(page: &mut Page, changes: &[&Change]) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let clusters: BTreeSet<&str> = changes.iter().map(|c| &*c.resource.name).collect();
    let proxies: BTreeSet<&str> = changes.iter().map(|c| c.proxy.as_str()).collect();
    let text = format!(
        "endpoints: addresses replaced in {} on {}, counts equal (--full)",
        count(clusters.len(), "cluster", "clusters"),
        count(proxies.len(), "proxy", "proxies")
    );
    page.gap()?;
    page.sentence(Line::new(0), Ink::Plain, &text, 4)
}
