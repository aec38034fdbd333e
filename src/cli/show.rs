//! `xdsnap show`

use std::path::Path;

use anyhow::bail;
use clap::ValueEnum;

use super::{
    Exit, inputs,
    inventories::Inventories,
    output::{Output, OutputArgs},
    proxies::{NameArgs, ProxyArgs},
    redaction,
    side::Side,
    since::Since,
    terminal,
};
use crate::{
    inspect::{Listing, Missing},
    model::{Source, XdsType},
    render,
};

/// List the resources of each proxy, with state and time
#[derive(Debug, clap::Args)]
#[command(after_help = "\
TYPE is cluster, listener, route, endpoint, secret, ecds, bootstrap or all;
plural, short and xDS names (clusters, c, cds) mean the same.

Examples:
  xdsnap show routes mesh.xdsnap -p web
  xdsnap show http://127.0.0.1:15000 listeners
  xdsnap show --since 02:40 mesh.xdsnap     what was updated since 02:40 UTC?
  xdsnap show all mesh.xdsnap -o json | jq -r '.resources[].name'")]
pub(super) struct Args {
    /// Bundle, dump, folder, bug report, URL or `-`, several as one; before or after it the TYPE of resources, or all without one
    #[arg(value_name = "[TYPE] INPUT")]
    words: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
    /// Exit with 0 instead of 3 where something is missing
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    terminal: terminal::TerminalArgs,
    /// Whose dumps [default: envoy, if there is one]
    #[arg(long, value_enum, value_name = "SOURCE", help_heading = "Choosing")]
    source: Option<SourceArg>,
    /// Only what Envoy updated since 02:40, a date, 30m
    #[arg(long, value_name = "TIME", help_heading = "Choosing")]
    since: Option<Since>,
    #[command(flatten)]
    proxies: ProxyArgs,
    #[command(flatten)]
    names: NameArgs,
    #[command(flatten)]
    show: redaction::ShowArgs,
    #[command(flatten)]
    from: inputs::InputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SourceArg {
    Envoy,
    Istiod,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Words { xds_type, inputs } = words(&args.words)?;
    let named = args.from.named(&inputs)?;
    if named.is_empty() {
        bail!("nothing to show; give an INPUT");
    }
    let redactor = args.show.redactor(redaction::prints_to_terminal())?;
    let mut side = Side::open(&args.from, &args.show, &redactor, &named)?;
    let source = match args.source {
        Some(SourceArg::Envoy) => Source::Envoy,
        Some(SourceArg::Istiod) => Source::Istiod,
        None if side.proxies(Source::Envoy).is_empty()
            && !side.proxies(Source::Istiod).is_empty() =>
        {
            Source::Istiod
        }
        None => Source::Envoy,
    };
    side.check_has(source)?;
    if args.since.is_some() && source == Source::Istiod {
        bail!("--since goes by the times that Envoy prints; istiod prints none");
    }
    let proxies = args.proxies.choose(&side.all_proxies())?;
    let mut inventories = Inventories::read(&mut side, &proxies, source);
    let is_type = |found: &XdsType| xds_type.as_ref().is_none_or(|wanted| wanted == found);
    let any = inventories.retain(|key| is_type(&key.xds_type) && args.names.keeps(key));
    if let (true, Some((proxy, reason))) =
        (inventories.found.is_empty(), inventories.unread.first())
    {
        bail!("nothing could be read: {proxy}: {reason}");
    }
    args.names.check_found(any)?;

    let since = args
        .since
        .map(|since| inventories.resolve(since))
        .transpose()?;
    let (since, note) = since.map_or((None, None), |(since, note)| (Some(since), note));
    let mut listing = Listing::new(source, xds_type, since);
    listing.warnings.extend(note);
    for (inventory, missing) in &inventories.found {
        listing.add(inventory);
        for (part, reason) in missing {
            listing.missing.push(Missing {
                proxy: inventory.proxy.clone(),
                reason: format!("`{part}` was not captured: {reason}"),
            });
        }
    }
    for (proxy, reason) in inventories.unread {
        listing.missing.push(Missing { proxy, reason });
    }
    let listing = listing.finish();

    let head = side.head(source, None);
    let style = args.terminal.style();
    args.terminal.page(|out| match args.output.form {
        Output::Json => render::show_json(out, &listing, &head),
        Output::Text => render::show(out, &listing, &head, style),
    })?;
    if args.output.form == Output::Json {
        listing
            .warnings
            .iter()
            .for_each(|warning| terminal::warn(warning));
    }
    Ok(match listing.missing.is_empty() || args.allow_missing {
        true => Exit::Same,
        false => Exit::Missing,
    })
}

/// What was typed, sorted out.
#[derive(Debug, PartialEq, Eq)]
struct Words {
    /// `None` for all.
    xds_type: Option<XdsType>,
    inputs: Vec<String>,
}

/// Tells the TYPE from the inputs, in whichever order they are: it is the first word that names one, unless a file of
/// that name is all there is.
fn words(words: &[String]) -> anyhow::Result<Words> {
    let is_file = |word: &str| word == "-" || Path::new(word).exists();
    let is_input = |word: &str| is_file(word) || word.contains([':', '/', '.']);
    // A name with a dot would be a full message name.
    let known = |word: &&String| {
        let is_type = *word == "all" || word.parse::<XdsType>().is_ok();
        is_type && !word.contains('.')
    };
    let at = words
        .iter()
        .position(|word| known(&word))
        .filter(|_| words.len() > 1 || !is_file(&words[0]));
    let mut inputs = words.to_vec();
    let typed = at.map(|at| inputs.remove(at));
    if typed.is_none()
        && inputs.len() > 1
        && let Some(wrong) = inputs.iter().find(|word| !is_input(word))
        && let Err(error) = wrong.parse::<XdsType>()
    {
        bail!("{error}, or all; nor is there a file of that name");
    }
    Ok(Words {
        xds_type: typed.and_then(|word| word.parse().ok()),
        inputs,
    })
}

#[test]
fn the_type_stands_before_or_after_the_input() {
    for (typed, xds_type, inputs) in [
        (
            &["routes", "a.json"][..],
            Some(XdsType::Route),
            &["a.json"][..],
        ),
        (&["a.json", "rds"], Some(XdsType::Route), &["a.json"]),
        (&["all", "a.json"], None, &["a.json"]),
        (&["a.json"], None, &["a.json"]),
        (&["cluster"], Some(XdsType::Cluster), &[]),
        (&["a.json", "b.json"], None, &["a.json", "b.json"]),
    ] {
        let typed: Vec<String> = typed.iter().map(ToString::to_string).collect();
        let inputs = inputs.iter().map(ToString::to_string).collect();
        let expected = Words { xds_type, inputs };
        assert_eq!(words(&typed).unwrap(), expected, "{typed:?}");
    }
    let wrong = ["clutser", "a.json"].map(str::to_owned);
    let error = words(&wrong).unwrap_err().to_string();
    assert!(error.starts_with("unknown type `clutser`"), "{error}");
}
