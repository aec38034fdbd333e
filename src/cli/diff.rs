//! `xdsnap diff`

mod digests;
mod pairs;
mod raw;
mod updated;

use std::{collections::BTreeSet, sync::Arc};

use anyhow::bail;
use clap::ValueEnum;

use self::{digests::Digests, pairs::Mesh};
use super::{
    Exit,
    both::both,
    inputs,
    proxies::{ProxyArgs, ResourceArgs},
    query, redaction, rules,
    side::{Documents, Side},
    since::Since,
    terminal,
};
use crate::{
    capture::{self, Named, Place},
    diff::{
        Cause, Compared, Comparer, Fingerprints, MatchedBy, Mode, NotCompared, Options, ProxyMatch,
        ProxyPair, Report,
    },
    model::{ProxyId, ResourceKey, Source, XdsType},
    render::{self, Sides, Style},
};

/// Tell what differs: istiod against Envoy (one INPUT), or before against after (two)
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 no differences, 1 differences, 2 an error or nothing could be
compared, 3 no differences found, but something is missing.

Examples:
  xdsnap diff mesh.xdsnap                   is every proxy in sync with istiod?
  xdsnap diff before.xdsnap after.xdsnap    what did a change do?
  xdsnap diff istiod.json envoy.json        one proxy, from two dumps
  xdsnap diff --since 02:40 mesh.xdsnap     what did the Envoys update since?
  xdsnap diff a b -o json | jq -r '.changes[] | [.type,.name,.path] | @tsv'")]
pub(super) struct Args {
    /// Bundle, dump, folder, bug report, URL or `-`
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// The form: text, json for a script, unified or json-patch for a patch
    #[arg(
        short,
        long,
        alias = "format",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "FORMAT"
    )]
    output: Output,
    /// One self-contained line a change, for grep
    #[arg(long, conflicts_with = "output")]
    oneline: bool,
    /// Say how items were paired, and what rules hid
    #[arg(long, conflicts_with = "oneline")]
    why: bool,
    /// Let live state (host health, ...) count for the status
    #[arg(long)]
    live: bool,
    /// Exit with 0 instead of 3 where something is missing
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    terminal: terminal::TerminalArgs,
    /// Of two inputs, whose: envoy, istiod, both
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "SOURCE",
        help_heading = "Choosing"
    )]
    source: Option<Sources>,
    /// Only what Envoy updated since 02:40, a date, 30m
    #[arg(long, value_name = "TIME", help_heading = "Choosing")]
    since: Option<Since>,
    /// Compare the proxy OLD of before with NEW of after
    #[arg(long, value_name = "OLD=NEW", help_heading = "Choosing")]
    pair: Vec<String>,
    #[command(flatten)]
    proxies: ProxyArgs,
    #[command(flatten)]
    resources: ResourceArgs,
    #[command(flatten)]
    queries: query::QueryArgs,
    #[command(flatten)]
    rules: rules::RuleArgs,
    #[command(flatten)]
    show: redaction::ShowArgs,
    #[command(flatten)]
    from: inputs::InputArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    #[default]
    Text,
    Json,
    Unified,
    JsonPatch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sources {
    Envoy,
    Istiod,
    Both,
}

impl Args {
    /// Whose configuration is compared where there are two sides.
    fn sources(&self) -> &'static [Source] {
        match self.source.unwrap_or(Sources::Envoy) {
            Sources::Envoy => &[Source::Envoy],
            Sources::Istiod => &[Source::Istiod],
            Sources::Both => &[Source::Envoy, Source::Istiod],
        }
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let keep = |key: &ResourceKey| args.resources.keeps(key);
    if args.why && matches!(args.output, Output::Unified | Output::JsonPatch) {
        bail!("--why explains text and json, and not a patch");
    }
    let mut rules = args.rules.rules();
    if args.why {
        rules = rules.explained();
    }
    let options = Options {
        keep: &keep,
        select: args.queries.select()?,
        ignore: args.queries.ignore()?,
        documents: matches!(args.output, Output::Unified | Output::JsonPatch),
        rules: &rules,
    };
    if options.documents && !(options.select.is_empty() && options.ignore.is_empty()) {
        bail!(
            "--select and --ignore do not go with a patch, which makes all of a resource; choose with --type and --name"
        );
    }
    let (report, sides) = match (ask(&args)?, args.since) {
        (Question::Sync(side) | Question::TwoDumps(_, side), Some(since)) => {
            return updated::run(&args, since, *side);
        }
        (Question::Change(before, after), _) => change(&args, options, *before, *after)?,
        (Question::Sync(side), None) => {
            if !args.pair.is_empty() || args.source.is_some() {
                bail!("--pair and --source belong to two sides; this compares istiod with Envoy");
            }
            sync(&args, options, *side)?
        }
        (Question::TwoDumps(istiod, envoy), None) => two_dumps(options, *istiod, *envoy)?,
    };
    let any = report.summary.resources > 0 || !report.not_compared.is_empty();
    args.resources.check_found(any)?;

    let exit = exit(&args, &report);
    if let (Err(_), false) = (&exit, report.not_compared.iter().any(is_missing)) {
        // There is nothing to read in the report.
        return exit;
    }
    let style = Style {
        counts_live: args.live,
        ..args.terminal.style()
    };
    args.terminal.page(|out| match args.output {
        _ if args.oneline => render::oneline(out, &report, style),
        Output::Text => render::text(out, &report, &sides, style),
        Output::Json => render::json(out, &report, &sides),
        Output::Unified => render::unified(out, &report),
        Output::JsonPatch => render::json_patch(out, &report),
    })?;
    if args.output != Output::Text || args.oneline {
        report
            .warnings
            .iter()
            .for_each(|warning| terminal::warn(warning));
    }
    exit
}

/// What is asked.
enum Question {
    /// Before against after.
    Change(Box<Side>, Box<Side>),
    /// Istiod against Envoy, both in one input or in all of them together.
    Sync(Box<Side>),
    /// Istiod against Envoy, each in a dump of its own, whatever the proxies are called.
    TwoDumps(Box<Side>, Box<Side>),
}

/// Tells from the inputs, and from what is in them, what is asked.
fn ask(args: &Args) -> anyhow::Result<Question> {
    let mut named = args.from.named(&args.inputs)?;
    if named.is_empty() {
        bail!(
            "nothing to compare; give one INPUT (istiod against Envoy) or two (before and after)"
        );
    }
    if args.inputs.len() > 2 || (args.inputs.len() == 2 && named.len() > 2) {
        bail!(
            "too many inputs ({}); give one (istiod against Envoy) or two (before and after)",
            named.len()
        );
    }
    let redactor = args.show.redactor(redaction::prints_to_terminal())?;
    let open = |named: &[Named]| {
        Ok::<_, anyhow::Error>(Box::new(Side::open(
            &args.from, &args.show, &redactor, named,
        )?))
    };
    let sync = |named: &[Named]| Ok(Question::Sync(open(named)?));
    let [first, second] = &mut named[..] else {
        return sync(&named);
    };
    // An istiod has nothing to say without the proxies of the other input.
    for named in [&mut *first, &mut *second] {
        if let (Place::Endpoint(endpoint), None) = (&named.place, named.source) {
            let source = capture::source_of(endpoint, &args.from.options(Arc::clone(&redactor)));
            named.source = Some(source.map_err(|error| inputs::with_reasons(error, ""))?);
        }
    }
    let is_live_istiod = |named: &Named| {
        named.source == Some(Source::Istiod) && matches!(named.place, Place::Endpoint(_))
    };
    if is_live_istiod(first) != is_live_istiod(second) {
        return sync(&named);
    }
    let is_file = |named: &Named| matches!(named.place, Place::Path(_));
    let [before, after] = match is_file(first) && is_file(second) {
        true => both(
            || open(std::slice::from_ref(first)),
            || open(std::slice::from_ref(second)),
        )
        .into(),
        // Live ones show their progress.
        false => [&*first, &*second].map(|named| open(std::slice::from_ref(named))),
    };
    let (before, after) = (before?, after?);
    let has =
        |side: &Side| [Source::Istiod, Source::Envoy].map(|source| side.proxies(source).len());
    Ok(match (has(&before), has(&after)) {
        ([1, 0], [0, 1]) => Question::TwoDumps(before, after),
        ([0, 1], [1, 0]) => Question::TwoDumps(after, before),
        _ => Question::Change(before, after),
    })
}

fn is_missing(entry: &NotCompared) -> bool {
    entry.cause == Cause::Missing
}

/// The exit status, and the error where nothing could be compared.
fn exit(args: &Args, report: &Report) -> anyhow::Result<Exit> {
    if report.differs() || (args.live && !report.live.is_empty()) {
        return Ok(Exit::Differs);
    }
    let missing = report.not_compared.iter().find(|entry| is_missing(entry));
    if report.summary.resources == 0 {
        match missing.or(report.not_compared.first()) {
            Some(entry) => bail!(
                "nothing could be compared: {}: {}",
                entry.proxy,
                entry.reason
            ),
            None => bail!("nothing could be compared: no side holds a resource"),
        }
    }
    Ok(match missing.is_some() && !args.allow_missing {
        true => Exit::Missing,
        false => Exit::Same,
    })
}

/// One dump of istiod against one of Envoy.
fn two_dumps(
    options: Options<'_>,
    mut istiod: Side,
    mut envoy: Side,
) -> anyhow::Result<(Report, Sides)> {
    let sides = Sides {
        before: istiod.head(Source::Istiod, None),
        after: envoy.head(Source::Envoy, None),
    };
    let only = |side: &Side, source| side.proxies(source).pop_first();
    let mut comparer = Comparer::new(Mode::Sync, options);
    if let (Some(other), Some(proxy)) = (only(&istiod, Source::Istiod), only(&envoy, Source::Envoy))
    {
        let dumps = (|| {
            Ok((
                istiod.dump(&other, Source::Istiod)?,
                envoy.dump(&proxy, Source::Envoy)?,
            ))
        })();
        compare(
            &mut comparer,
            [&proxy; 2],
            Compared::IstiodEnvoy,
            dumps,
            &[],
        );
    }
    Ok((comparer.finish(), sides))
}

/// Istiod against Envoy, for each proxy that has both.
fn sync(args: &Args, options: Options<'_>, mut side: Side) -> anyhow::Result<(Report, Sides)> {
    let (expected, running) = (side.proxies(Source::Istiod), side.proxies(Source::Envoy));
    for (found, source, what) in [
        (&expected, Source::Istiod, "istiod would send"),
        (&running, Source::Envoy, "Envoy runs"),
    ] {
        if !found.is_empty() {
            continue;
        }
        match side.any_failure(source) {
            Some(why) => bail!("{}: what {what} was not captured: {why}", side.label),
            None => match side.input.never_holds(source) {
                Some(why) => bail!(
                    "{}: nothing to compare with ({why}); give a second file or --istiod URL",
                    side.label
                ),
                None => bail!(
                    "{}: nothing to compare with; give a second file (this input does not hold what {what})",
                    side.label
                ),
            },
        }
    }
    let istio: BTreeSet<&str> = side
        .input
        .manifest
        .iter()
        .flat_map(|manifest| &manifest.istiods)
        .filter_map(|istiod| istiod.version.as_deref())
        .collect();
    let istio = istio.into_iter().collect::<Vec<_>>().join(", ");
    let istio = (!istio.is_empty()).then_some(istio);
    let sides = Sides {
        before: side.head(Source::Istiod, istio.as_deref()),
        after: side.head(Source::Envoy, None),
    };
    let all: BTreeSet<ProxyId> = expected.union(&running).cloned().collect();
    let mut comparer = Comparer::new(Mode::Sync, options);
    for proxy in args.proxies.choose(&all)? {
        let last_errors: Vec<(XdsType, String)> = match side.input.sync_state(&proxy, None) {
            Ok(state) => state.map(|state| state.last_errors()).unwrap_or_default(),
            // It only explains what differs.
            Err(error) => {
                comparer.warn(format!(
                    "no reason for a rejected update can be given: {error}"
                ));
                Vec::new()
            }
        };
        compare(
            &mut comparer,
            [&proxy; 2],
            Compared::IstiodEnvoy,
            side.both(&proxy),
            &last_errors,
        );
    }
    Ok((comparer.finish(), sides))
}

/// Compares one proxy, or notes why it cannot be: `dumps` are those of both sides, or why one cannot be read.
fn compare(
    comparer: &mut Comparer<'_>,
    [before_id, after_id]: [&ProxyId; 2],
    compared: Compared,
    dumps: anyhow::Result<(Documents, Documents)>,
    last_errors: &[(XdsType, String)],
) {
    let result = dumps.and_then(|(before, after)| {
        for (part, reason) in before.missing.iter().chain(&after.missing) {
            comparer.warn(format!("{after_id}: `{part}` was not captured: {reason}"));
        }
        let rules = comparer.rules();
        let (before, after) = both(|| before.parse(rules), || after.parse(rules));
        let (mut before, mut after) = (before?, after?);
        if compared == Compared::Envoy {
            before.take_states_of(&after);
            after.take_states_of(&before);
        }
        before.check_cut(&after);
        after.check_cut(&before);
        comparer.proxy(&ProxyPair {
            before_id,
            after_id,
            before: &before,
            after: &after,
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
    mut before: Side,
    mut after: Side,
) -> anyhow::Result<(Report, Sides)> {
    let sources = args.sources();
    let sides = Sides {
        before: before.head(sources[0], None),
        after: after.head(sources[0], None),
    };
    let mut mesh = Mesh {
        before: &mut before,
        after: &mut after,
        rules: options.rules,
        keep: options.keep,
        fingerprints: Fingerprints::default(),
    };
    // What is the same on both sides need not be read; but nothing else is told of it then.
    let is_told_by_parts = args.resources.keeps_all()
        && options.select.is_empty()
        && options.ignore.is_empty()
        && !options.documents
        && !options.rules.any_off()
        && !options.rules.explain()
        && args.since.is_none();
    let digests = match is_told_by_parts {
        true => Digests::of(mesh.before, mesh.after),
        false => None,
    };
    let mut reading = digests.as_ref().map(Digests::reading);
    let mut comparer = Comparer::new(Mode::Change, options);
    for &source in sources {
        for side in [&*mesh.before, &*mesh.after] {
            if side.proxies(source).is_empty() {
                bail!("{}", holds_none(side, source));
            }
        }
        let compared = match source {
            Source::Envoy => Compared::Envoy,
            Source::Istiod => Compared::Istiod,
        };
        let found = mesh.pairs(&args.pair, &args.proxies, source)?;
        let mut then = |comparer: &mut Comparer<'_>,
                        [before, after]: [&mut Side; 2],
                        matched: ProxyMatch,
                        is_done: bool| {
            let (old, new) = (&matched.before, &matched.after);
            let is_done = is_done
                || is_told_by_parts
                    && raw::compare(
                        comparer,
                        [&mut *before, &mut *after],
                        [old, new],
                        (source, compared),
                    );
            if !is_done {
                let (before, after) = both(|| before.dump(old, source), || after.dump(new, source));
                let dumps = before.and_then(|before| Ok((before, after?)));
                compare(comparer, [old, new], compared, dumps, &[]);
            }
            if matched.by != MatchedBy::Id {
                comparer.matched(matched);
            }
        };
        let sides = [&mut *mesh.before, &mut *mesh.after];
        match &mut reading {
            Some(reading) => reading.compare(
                &mut comparer,
                sides,
                found.matches,
                (source, compared),
                &mut then,
            ),
            None => {
                let [before, after] = sides;
                for matched in found.matches {
                    let sides = [&mut *before, &mut *after];
                    then(&mut comparer, sides, matched, false);
                }
            }
        }
        for (proxy, why) in found.missing {
            comparer.not_compared(&proxy, compared, why);
        }
        for (side, lone) in found.lone {
            comparer.only(lone, side);
        }
    }
    for more in comparer.replicas() {
        comparer.runs(more.side, mesh.runs(&more));
    }
    let mut report = comparer.finish();
    if let Some(since) = args.since {
        updated::narrow(&mut report, since, &mut after, sources)?;
    }
    Ok((report, sides))
}

/// What is wrong with a side without a dump by `source`.
fn holds_none(side: &Side, source: Source) -> String {
    let other = match source {
        Source::Envoy => Source::Istiod,
        Source::Istiod => Source::Envoy,
    };
    let label = &side.label;
    match side.any_failure(source) {
        Some(why) => format!("{label}: {source}'s dump was not captured: {why}"),
        None if side.proxies(other).is_empty() => format!("{label}: holds no config dump"),
        None => {
            let never = side.input.never_holds(source);
            let why = never.map(|why| format!(": {why}")).unwrap_or_default();
            format!(
                "{label}: holds no dump by {source}, only by {other} (`--source {other}` compares those){why}"
            )
        }
    }
}

/// Why `side` has no dump of `proxy`, although the proxy was there: then that is no difference.
fn why_absent(side: &Side, proxy: &ProxyId, source: Source) -> Option<String> {
    if let Some(why) = side.failure(proxy, source) {
        return Some(format!("it was not captured: {why}"));
    }
    let is_there = side.input.proxies.contains_key(proxy);
    is_there.then(|| format!("it holds no dump of it by {source}"))
}

/// Why `side` may have no dump of any proxy that it does not name.
fn why_perhaps_absent(side: &Side, source: Source) -> Option<String> {
    let why = side.nameless_failure(source)?;
    Some(format!(
        "it does not hold it, perhaps because of a failure ({why})"
    ))
}
