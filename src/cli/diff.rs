//! `xdsnap diff`

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::{
    Exit, inputs,
    proxies::{ProxyArgs, ResourceArgs},
    query, terminal,
};
use crate::{
    capture::{DumpDocument, Input, InputError, Named},
    diff::{Cause, Compared, Comparer, Mode, Options, ProxyPair, Report, SideName},
    dump::Dump,
    model::{ProxyId, ResourceKey, Source, XdsType},
    render::{self, Side, Sides},
};

/// Tell what differs: istiod against Envoy (one INPUT), or before against after (two)
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  xdsnap diff mesh.xdsnap                     is every proxy in sync with istiod?
  xdsnap diff before.xdsnap after.xdsnap      what did a change do?
  xdsnap diff istiod.json envoy.json          one proxy, from two dumps
  xdsnap diff a b --type route --oneline      one line a change, for grep
  xdsnap diff a b -o json | jq -r '.changes[] | [.type,.name,.path] | @tsv'")]
pub(super) struct Args {
    /// Bundle, dump, folder, URL or `-`: one is istiod against Envoy, two are before and after
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    from: inputs::InputArgs,
    /// Before and after: whose configuration is compared
    #[arg(long, value_enum, default_value_t, value_name = "SOURCE")]
    source: Sources,
    /// Compare the proxy OLD of the first input with NEW of the second; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    pair: Vec<String>,
    #[command(flatten)]
    proxies: ProxyArgs,
    #[command(flatten)]
    resources: ResourceArgs,
    #[command(flatten)]
    queries: query::QueryArgs,
    /// The form of the output
    #[arg(
        short,
        long,
        alias = "format",
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    output: Output,
    /// One self-contained line a change, for grep
    #[arg(long, conflicts_with = "output")]
    oneline: bool,
    /// Let live state (host health, rotated certificates) count for the exit status
    #[arg(long)]
    live: bool,
    /// Exit with 0 instead of 3 where something is missing
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    terminal: terminal::TerminalArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For a person
    #[default]
    Text,
    /// For a script: `xdsnap.diff/v1`
    Json,
    /// A patch of the normalized resources
    Unified,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Sources {
    /// What the proxies run
    #[default]
    Envoy,
    /// What istiod would send them
    Istiod,
    /// Both, each against itself
    Both,
}

impl Sources {
    fn each(self) -> &'static [Source] {
        match self {
            Self::Envoy => &[Source::Envoy],
            Self::Istiod => &[Source::Istiod],
            Self::Both => &[Source::Envoy, Source::Istiod],
        }
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let keep = |key: &ResourceKey| args.resources.keeps(key);
    let options = Options {
        keep: &keep,
        select: args.queries.select()?,
        ignore: args.queries.ignore()?,
        documents: args.output == Output::Unified,
    };
    let (report, sides) = match &args.inputs[..] {
        [] if !args.from.has_flags() => bail!(
            "nothing to compare; give one INPUT (istiod against Envoy) or two (before and after)"
        ),
        [before, after] if !args.from.has_flags() => {
            let mut before = open(&args, before)?;
            let mut after = open(&args, after)?;
            match istiod_and_envoy(&before.input, &after.input) {
                Some((proxy, istiod_first)) => {
                    if !istiod_first {
                        std::mem::swap(&mut before, &mut after);
                    }
                    two_dumps(options, &proxy, before, after)?
                }
                None => change(&args, options, before, after)?,
            }
        }
        inputs if inputs.len() > 2 => {
            bail!(
                "too many inputs ({}); give one (istiod against Envoy) or two (before and after)",
                inputs.len()
            )
        }
        inputs => {
            let named = args.from.named(inputs)?;
            sync(&args, options, Opened::new(&args, &named)?)?
        }
    };

    let style = args.terminal.style();
    args.terminal.page(|out| match args.output {
        _ if args.oneline => render::oneline(out, &report, style),
        Output::Text => render::text(out, &report, &sides, style),
        Output::Json => render::json(out, &report, &sides),
        Output::Unified => render::unified(out, &report),
    })?;
    exit(&args, &report)
}

fn exit(args: &Args, report: &Report) -> anyhow::Result<Exit> {
    if args.output != Output::Text || args.oneline {
        for warning in &report.warnings {
            anstream::eprintln!("xdsnap: warning: {}", terminal::one_line(warning));
        }
    }
    let is_missing = |cause| cause == Cause::Missing;
    let missing = report
        .not_compared
        .iter()
        .any(|entry| is_missing(entry.cause));
    let differs = !report.changes.is_empty()
        || !report.proxies_only.is_empty()
        || (args.live && !report.live.is_empty());
    if differs {
        return Ok(Exit::Differs);
    }
    if report.summary.proxies == 0 {
        let why = report
            .not_compared
            .iter()
            .find(|entry| is_missing(entry.cause));
        match why {
            Some(entry) => bail!(
                "nothing could be compared: {}: {}",
                entry.proxy,
                entry.reason
            ),
            None => bail!("nothing could be compared"),
        }
    }
    Ok(match missing && !args.allow_missing {
        true => Exit::Missing,
        false => Exit::Same,
    })
}

/// An input, and what it is called in the head of the output.
struct Opened {
    input: Input,
    label: String,
}

impl Opened {
    fn new(args: &Args, named: &[Named]) -> anyhow::Result<Self> {
        let labels: Vec<_> = named.iter().map(|named| named.place.to_string()).collect();
        let input = args.from.open(named)?;
        Ok(Self {
            label: labels.join(" "),
            input,
        })
    }

    fn dump(&mut self, proxy: &ProxyId, source: Source) -> Result<Documents, InputError> {
        self.input.dump(proxy, source).map(Documents)
    }

    /// What the head says of this side.
    fn side(&self, source: Source, istio: Option<&str>) -> Side {
        let proxies = self.input.proxies_of(source);
        let versions = |of: fn(&crate::capture::Versions) -> &Option<String>| {
            let mut found: BTreeSet<&str> = BTreeSet::new();
            found.extend(self.input.proxies.values().filter_map(|v| of(v).as_deref()));
            (!found.is_empty()).then(|| found.into_iter().collect::<Vec<_>>().join(", "))
        };
        let manifest = self.input.manifest.as_ref();
        let mut notes = Vec::new();
        if let Some(note) = manifest.and_then(|manifest| manifest.note.clone()) {
            notes.push(format!("note: {note}"));
        }
        Side {
            label: self.label.clone(),
            captured: manifest
                .and_then(|m| m.captured)
                .map(|span| span.end.to_string()),
            proxies: proxies.len(),
            istio_version: istio.map(str::to_owned).or_else(|| versions(|v| &v.istio)),
            envoy_version: versions(|v| &v.envoy),
            notes,
        }
    }

    /// Why the input has no dump of `proxy` by `source`, as its capture noted.
    fn failure(&self, proxy: &ProxyId, source: Source) -> Option<String> {
        let failures = self.input.failures.iter();
        let of_dump = |failure: &&crate::bundle::FailureEntry| {
            failure.source == source.as_str()
                && failure.proxy.as_deref() == Some(proxy.as_str())
                && failure
                    .document
                    .as_deref()
                    .is_none_or(|document| document == "config_dump")
        };
        failures
            .filter(of_dump)
            .map(|failure| failure.reason.clone())
            .next()
    }
}

/// The documents that together are one config dump.
struct Documents(Vec<DumpDocument>);

impl Documents {
    fn parse(&self, proxy: &ProxyId, source: Source) -> anyhow::Result<Dump<'_>> {
        let documents = self
            .0
            .iter()
            .map(|(part, bytes)| (part.as_deref(), bytes.as_slice()));
        Dump::parse(documents).with_context(|| format!("{source}'s dump of `{proxy}`"))
    }
}

fn open(args: &Args, input: &str) -> anyhow::Result<Opened> {
    Opened::new(args, &args.from.named(&[input.to_owned()])?)
}

/// Of two raw dumps one of which is istiod's: the proxy, and whether istiod's is the first.
fn istiod_and_envoy(first: &Input, second: &Input) -> Option<(ProxyId, bool)> {
    let only = |input: &Input, source| match &input.proxies_of(source)[..] {
        [proxy] if input.manifest.is_none() && input.documents().count() == 1 => {
            Some(proxy.clone())
        }
        _ => None,
    };
    let pair = |istiod: &Input, envoy: &Input| {
        only(istiod, Source::Istiod)?;
        only(envoy, Source::Envoy)
    };
    pair(first, second)
        .map(|proxy| (proxy, true))
        .or_else(|| pair(second, first).map(|proxy| (proxy, false)))
}

/// One dump of istiod against one of Envoy.
fn two_dumps(
    options: Options<'_>,
    proxy: &ProxyId,
    mut istiod: Opened,
    mut envoy: Opened,
) -> anyhow::Result<(Report, Sides)> {
    let sides = Sides {
        before: istiod.side(Source::Istiod, None),
        after: envoy.side(Source::Envoy, None),
    };
    let other = istiod.input.proxies_of(Source::Istiod);
    let other = other.first().unwrap_or(proxy);
    let (before, after) = (
        istiod.dump(other, Source::Istiod)?,
        envoy.dump(proxy, Source::Envoy)?,
    );
    let mut comparer = Comparer::new(Mode::Sync, options);
    comparer.proxy(&ProxyPair {
        before_id: proxy,
        after_id: proxy,
        before: &before.parse(other, Source::Istiod)?,
        after: &after.parse(proxy, Source::Envoy)?,
        compared: Compared::IstiodEnvoy,
        last_errors: &[],
    });
    Ok((comparer.finish(), sides))
}

/// Istiod against Envoy, for each proxy that has both.
fn sync(args: &Args, options: Options<'_>, mut opened: Opened) -> anyhow::Result<(Report, Sides)> {
    let by =
        |source| -> BTreeSet<ProxyId> { opened.input.proxies_of(source).into_iter().collect() };
    let (expected, running) = (by(Source::Istiod), by(Source::Envoy));
    if expected.is_empty() || running.is_empty() {
        let lacks = if expected.is_empty() {
            "istiod would send"
        } else {
            "Envoy runs"
        };
        bail!(
            "{}: nothing to compare with; give a second file (this input does not hold what {lacks})",
            opened.label
        );
    }
    let istio: BTreeSet<String> = opened
        .input
        .manifest
        .iter()
        .flat_map(|manifest| &manifest.istiods)
        .filter_map(|istiod| istiod.version.clone())
        .collect();
    let istio = istio.into_iter().collect::<Vec<_>>().join(", ");
    let istio = (!istio.is_empty()).then_some(istio);
    let sides = Sides {
        before: opened.side(Source::Istiod, istio.as_deref()),
        after: opened.side(Source::Envoy, None),
    };
    let all: BTreeSet<ProxyId> = expected.union(&running).cloned().collect();
    let mut comparer = Comparer::new(Mode::Sync, options);
    for proxy in args.proxies.choose(&all)? {
        for (has, source) in [(&expected, Source::Istiod), (&running, Source::Envoy)] {
            if !has.contains(&proxy) {
                let why = opened.failure(&proxy, source);
                let reason = format!(
                    "no dump by {source}{}",
                    why.map_or(String::new(), |why| format!(": {why}"))
                );
                comparer.not_compared(&proxy, Compared::IstiodEnvoy, reason);
            }
        }
        if !expected.contains(&proxy) || !running.contains(&proxy) {
            continue;
        }
        let last_errors: Vec<(XdsType, String)> = opened
            .input
            .sync_state(&proxy, None)?
            .map(|state| state.last_errors())
            .unwrap_or_default();
        let before = opened.dump(&proxy, Source::Istiod);
        let after = opened.dump(&proxy, Source::Envoy);
        let dumps = both(before, after, &proxy, [Source::Istiod, Source::Envoy]);
        compare(
            &mut comparer,
            &proxy,
            &proxy,
            Compared::IstiodEnvoy,
            dumps,
            &last_errors,
        );
    }
    Ok((comparer.finish(), sides))
}

/// The documents of both sides, or why one cannot be read.
type Both = anyhow::Result<([Documents; 2], [Source; 2])>;

fn both(
    before: Result<Documents, InputError>,
    after: Result<Documents, InputError>,
    proxy: &ProxyId,
    sources: [Source; 2],
) -> Both {
    let before = before.with_context(|| format!("{}'s dump of `{proxy}`", sources[0]))?;
    let after = after.with_context(|| format!("{}'s dump of `{proxy}`", sources[1]))?;
    Ok(([before, after], sources))
}

/// Compares one proxy, or notes why it cannot be.
fn compare(
    comparer: &mut Comparer<'_>,
    before_id: &ProxyId,
    after_id: &ProxyId,
    compared: Compared,
    dumps: Both,
    last_errors: &[(XdsType, String)],
) {
    let result = dumps.and_then(|([before, after], sources)| {
        comparer.proxy(&ProxyPair {
            before_id,
            after_id,
            before: &before.parse(before_id, sources[0])?,
            after: &after.parse(after_id, sources[1])?,
            compared,
            last_errors,
        });
        Ok(())
    });
    if let Err(error) = result {
        comparer.not_compared(after_id, compared, format!("{error:#}"));
    }
}

/// Before against after, proxy by proxy.
fn change(
    args: &Args,
    options: Options<'_>,
    mut before: Opened,
    mut after: Opened,
) -> anyhow::Result<(Report, Sides)> {
    let source = args.source.each()[0];
    let sides = Sides {
        before: before.side(source, None),
        after: after.side(source, None),
    };
    let mut comparer = Comparer::new(Mode::Change, options);
    for &source in args.source.each() {
        let pairs = pairs(args, &before, &after, source)?;
        let compared = match source {
            Source::Envoy => Compared::Envoy,
            Source::Istiod => Compared::Istiod,
        };
        for (old, new) in pairs {
            match (old, new) {
                (Some(old), Some(new)) => {
                    let dumps = both(
                        before.dump(&old, source),
                        after.dump(&new, source),
                        &new,
                        [source; 2],
                    );
                    compare(&mut comparer, &old, &new, compared, dumps, &[]);
                }
                (Some(old), None) => lone(
                    &mut comparer,
                    &old,
                    SideName::Before,
                    &after,
                    source,
                    compared,
                ),
                (None, Some(new)) => lone(
                    &mut comparer,
                    &new,
                    SideName::After,
                    &before,
                    source,
                    compared,
                ),
                (None, None) => {}
            }
        }
    }
    Ok((comparer.finish(), sides))
}

/// Notes a proxy that only one side has: as a difference, unless the other side failed to capture it.
fn lone(
    comparer: &mut Comparer<'_>,
    proxy: &ProxyId,
    side: SideName,
    other: &Opened,
    source: Source,
    compared: Compared,
) {
    let name = match side {
        SideName::Before => SideName::After,
        SideName::After => SideName::Before,
    };
    let known = other.input.proxies.contains_key(proxy);
    match other.failure(proxy, source) {
        Some(reason) => {
            let reason = format!("not captured on the {} side: {reason}", name.as_str());
            comparer.not_compared(proxy, compared, reason);
        }
        None if known => {
            let reason = format!("the {} side holds no dump of it by {source}", name.as_str());
            comparer.not_compared(proxy, compared, reason);
        }
        None => comparer.only(proxy, side),
    }
}

/// The proxies of both sides in pairs: as `--pair` says, the only one with the only one, then by ID.
fn pairs(
    args: &Args,
    before: &Opened,
    after: &Opened,
    source: Source,
) -> anyhow::Result<Vec<(Option<ProxyId>, Option<ProxyId>)>> {
    let of = |opened: &Opened| -> BTreeSet<ProxyId> {
        opened.input.proxies_of(source).into_iter().collect()
    };
    let (mut old, mut new) = (of(before), of(after));
    for (found, opened) in [(&old, before), (&new, after)] {
        if found.is_empty() {
            bail!("{}: holds no config dump by {source}", opened.label);
        }
    }
    let mut pairs = Vec::new();
    let mut given: BTreeMap<ProxyId, ProxyId> = BTreeMap::new();
    for pair in &args.pair {
        let Some((first, second)) = pair.split_once('=') else {
            bail!("--pair `{pair}`: expected OLD=NEW");
        };
        let one = |name: &str, found: &BTreeSet<ProxyId>| -> anyhow::Result<ProxyId> {
            let matching: Vec<_> = found
                .iter()
                .filter(|id| super::proxies::matches(name, id))
                .collect();
            match matching[..] {
                [id] => Ok(id.clone()),
                [] => bail!("--pair `{pair}`: no proxy is called `{name}` on that side"),
                _ => bail!(
                    "--pair `{pair}`: `{name}` means {} proxies on that side",
                    matching.len()
                ),
            }
        };
        given.insert(one(first, &old)?, one(second, &new)?);
    }
    if args.pair.is_empty() && old.len() == 1 && new.len() == 1 {
        given.extend(old.first().cloned().zip(new.first().cloned()));
    }
    let chosen = args.proxies.choose(&old.union(&new).cloned().collect())?;
    for (first, second) in given {
        if !old.remove(&first) || !new.remove(&second) {
            bail!("--pair: a proxy is paired twice");
        }
        if chosen.contains(&first) || chosen.contains(&second) {
            pairs.push((Some(first), Some(second)));
        }
    }
    for id in old.union(&new).filter(|id| chosen.contains(id)) {
        let on = |found: &BTreeSet<ProxyId>| found.get(id).cloned();
        pairs.push((on(&old), on(&new)));
    }
    Ok(pairs)
}
