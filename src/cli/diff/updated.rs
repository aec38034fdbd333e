//! `xdsnap diff --since`: what Envoy updated since a time.

use std::collections::BTreeMap;

use anyhow::bail;
use jiff::Timestamp;

use super::{Args, Output};
use crate::{
    cli::{Exit, inventories::Inventories, side::Side, since::Since, terminal},
    diff::{Change, Report},
    inspect::{Updated, envoy_time, young},
    model::{Path, ProxyId, Source},
    render,
};

/// Of one input: what its Envoys updated at `since` and later, whatever istiod has.
pub(super) fn run(args: &Args, since: Since, mut side: Side) -> anyhow::Result<Exit> {
    check(args)?;
    side.check_has(Source::Envoy)?;
    let proxies = args.proxies.choose(&side.all_proxies())?;
    let mut inventories = Inventories::read(&mut side, &proxies, Source::Envoy);
    let any = inventories.retain(|key| args.resources.keeps(key));
    args.resources.check_found(any)?;
    let updated = inventories.updated(since)?;
    let is_told = updated.resources > 0 || updated.unknown.iter().any(|u| u.started.is_some());
    if let (false, Some(unknown)) = (is_told, updated.unknown.first()) {
        bail!("nothing can be told: {}: {}", unknown.proxy, unknown.reason);
    }
    let head = side.head(Source::Envoy, None);
    let style = args.terminal.style();
    args.terminal.page(|out| match args.output {
        _ if args.oneline => render::updated_lines(out, &updated, style),
        Output::Json => render::updated_json(out, &updated, &head),
        _ => render::updated(out, &updated, &head, style),
    })?;
    if args.output == Output::Json || args.oneline {
        updated
            .warnings
            .iter()
            .for_each(|text| terminal::warn(text));
    }
    Ok(exit(&updated, args.allow_missing))
}

/// Fails where something was asked for that only a comparison can give.
fn check(args: &Args) -> anyhow::Result<()> {
    let asked = [
        (args.output == Output::Unified, "-o unified"),
        (args.output == Output::JsonPatch, "-o json-patch"),
        (args.why, "--why"),
        (args.rules.are_given(), "--strict and --no-rule"),
        (args.source.is_some(), "--source"),
        (!args.pair.is_empty(), "--pair"),
        (args.live, "--live"),
        (!args.queries.is_empty(), "--select and --ignore"),
    ];
    match asked.iter().find(|(is_asked, _)| *is_asked) {
        Some((_, flag)) => bail!(
            "{flag}: --since of one input compares nothing, it lists what Envoy updated; give before and after to compare"
        ),
        None => Ok(()),
    }
}

fn exit(updated: &Updated, allow_missing: bool) -> Exit {
    match (
        updated.updated.is_empty(),
        updated.lacks() && !allow_missing,
    ) {
        (false, _) => Exit::Differs,
        (true, true) => Exit::Missing,
        (true, false) => Exit::Same,
    }
}

/// Of two inputs: leaves out the changes of resources that the Envoys of `after` last updated before `since`.
///
/// What carries no time there (endpoint assignments, what is gone) stays, and is said: nothing tells that it is older.
pub(super) fn narrow(
    report: &mut Report,
    since: Since,
    after: &mut Side,
    sources: &[Source],
) -> anyhow::Result<()> {
    if sources != [Source::Envoy] {
        bail!(
            "--since goes by the times that Envoy prints; it cannot be used with --source istiod or both"
        );
    }
    let proxies = after.proxies(Source::Envoy);
    let inventories = Inventories::read(after, &proxies, Source::Envoy);
    let (since, note) = inventories.resolve(since)?;
    let started: BTreeMap<ProxyId, Timestamp> = inventories
        .found
        .iter()
        .filter(|(inventory, _)| inventory.is_younger_than(since))
        .filter_map(|(inventory, _)| Some((inventory.proxy.clone(), inventory.started?)))
        .collect();
    let age = |change: &Change| {
        // A resource that is gone has no time in `after`.
        let is_gone = change.path == Path::root() && change.after.is_none();
        let updated = change.updated.as_ref().filter(|_| !is_gone);
        let time = updated.and_then(|text| text.parse::<Timestamp>().ok());
        match (started.get(&change.proxy), time) {
            (Some(_), _) => Age::OfYoung,
            (None, None) => Age::Unknown,
            (None, Some(time)) if time < since => Age::Before,
            (None, Some(_)) => Age::Since,
        }
    };
    let count = |wanted| {
        report
            .changes
            .iter()
            .filter(|change| age(change) == wanted)
            .count()
    };
    let (before, timeless) = (count(Age::Before), count(Age::Unknown));
    let mut warnings: Vec<String> = note.into_iter().collect();
    if before > 0 {
        warnings.push(format!(
            "left out: {before} changes of resources that Envoy last updated before {}",
            envoy_time(since)
        ));
    }
    if timeless > 0 {
        warnings.push(format!(
            "kept: {timeless} changes of resources without a time in `after` (endpoint assignments, what is gone)"
        ));
    }
    for (proxy, time) in &started {
        if report.changes.iter().any(|change| change.proxy == *proxy) {
            let young = young(*time);
            warnings.push(format!("kept: all changes of {proxy}: {young}"));
        }
    }
    report.retain(|change| age(change) != Age::Before);
    report.warnings.extend(warnings);
    Ok(())
}

/// What the time of a changed resource tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Before,
    Since,
    /// There is none.
    Unknown,
    /// Nothing, as its Envoy started later.
    OfYoung,
}
