//! `xdsnap status`

use std::collections::BTreeSet;

use anyhow::bail;

use super::{
    Exit, inputs,
    inventories::Inventories,
    output::{Output, OutputArgs},
    proxies::ProxyArgs,
    redaction,
    side::Side,
    since::Since,
    terminal,
};
use crate::{
    diff::{Compared, Comparer, Mode, Options, ProxyPair},
    dump::{Dump, SyncState},
    inspect::{Evidence, Pushed, Status, SyncStatus},
    model::{ProxyId, ResourceKey, Rules, Source, State, XdsType},
    render,
};

/// Tell which proxies run what istiod would send them, type by type
#[derive(Debug, clap::Args)]
#[command(after_help = "\
SYNCED    runs what istiod would send
STALE n   runs something else: n resources differ (`xdsnap diff` tells how)
BEHIND    runs what istiod would send, but has not acknowledged it
REJECTED  refused what istiod sent; the reason is below
NOT SENT  istiod sends it nothing of this type
UNKNOWN   cannot be told; the reason is below

Exit status: 0 all is well, 1 something is STALE or REJECTED, 2 an error or
nothing could be told, 3 nothing of these, but something is UNKNOWN.

Examples:
  xdsnap status mesh.xdsnap
  xdsnap status http://127.0.0.1:15000 http://127.0.0.1:15014
  xdsnap status --since 30m mesh.xdsnap     which Envoys were updated since?")]
pub(super) struct Args {
    /// Bundle, dump, folder, bug report, URL or `-`; several are read as one
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
    /// Instead, how many resources Envoy updated since: 02:40 (UTC), RFC 3339, or 30m ago
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Exit with 0 instead of 3 where something is unknown
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    terminal: terminal::TerminalArgs,
    #[command(flatten)]
    proxies: ProxyArgs,
    #[command(flatten)]
    show: redaction::ShowArgs,
    #[command(flatten)]
    from: inputs::InputArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let named = args.from.named(&args.inputs)?;
    if named.is_empty() {
        bail!("nothing to look at; give an INPUT");
    }
    let redactor = args.show.redactor(redaction::prints_to_terminal())?;
    let side = Side::open(&args.from, &args.show, &redactor, &named)?;
    match args.since {
        Some(since) => updated(&args, since, side),
        None => status(&args, side),
    }
}

/// How many resources Envoys updated since a time.
fn updated(args: &Args, since: Since, mut side: Side) -> anyhow::Result<Exit> {
    side.check_has(Source::Envoy)?;
    let proxies = args.proxies.choose(&side.all_proxies())?;
    let updated = Inventories::read(&mut side, &proxies, Source::Envoy).updated(since)?;
    let head = side.head(Source::Envoy, None);
    let style = args.terminal.style();
    args.terminal.page(|out| match args.output.form {
        Output::Json => render::updated_json(out, &updated, &head),
        Output::Text => render::updated_table(out, &updated, &head, style),
    })?;
    if args.output.form == Output::Json {
        let warnings = updated.warnings.iter();
        warnings.for_each(|warning| terminal::warn(warning));
    }
    Ok(match updated.lacks() && !args.allow_missing {
        true => Exit::Missing,
        false => Exit::Same,
    })
}

/// Which proxies are in sync.
fn status(args: &Args, mut side: Side) -> anyhow::Result<Exit> {
    let mut found = Status::default();
    let states = side.input.sync_states().unwrap_or_else(|error| {
        found
            .warnings
            .push(format!("istiod's sync state is not heard: {error}"));
        Vec::new()
    });
    let mut all = side.all_proxies();
    if all.is_empty() {
        // A sync state by itself tells of every proxy of the istiod.
        all.extend(states.iter().filter_map(|s| ProxyId::new(&*s.proxy).ok()));
    } else {
        let others = states
            .iter()
            .filter(|state| !all.iter().any(|id| id.as_str() == state.proxy));
        match others.count() {
            0 => {}
            1 => found
                .warnings
                .push("istiod has 1 more proxy, which this input does not hold".into()),
            more => found.warnings.push(format!(
                "istiod has {more} more proxies, which this input does not hold"
            )),
        }
    }
    if all.is_empty() {
        bail!("{}: holds nothing of any proxy", side.label);
    }
    let mut comparer = Comparer::new(Mode::Sync, Options::default());
    let mut gathered = Vec::new();
    for proxy in args.proxies.choose(&all)? {
        let state = states.iter().find(|state| state.proxy == proxy.as_str());
        let compared = compare(&mut comparer, &mut side, &proxy, state);
        gathered.push((proxy, state, compared));
    }
    let report = comparer.finish();
    for (proxy, state, compared) in &gathered {
        let versions = side.input.proxies.get(proxy);
        let istio_version = versions.and_then(|versions| versions.istio.clone());
        found.add(Evidence {
            proxy,
            report: &report,
            sends: compared.sends.clone(),
            rejected: compared.rejected.clone(),
            pushed: state.map(pushed),
            istio_version: istio_version.or_else(|| state.and_then(|s| s.istio_version.clone())),
            envoy_version: versions.and_then(|versions| versions.envoy.clone()),
        });
    }
    let mut found = found.finish();
    found.warnings.extend(report.warnings);
    if let Some(proxy) = found.proxies.first()
        && found
            .proxies
            .iter()
            .all(|p| p.types.iter().all(|t| t.status == SyncStatus::Unknown))
    {
        let reason = proxy.types.iter().find_map(|found| found.reason.as_deref());
        bail!(
            "{}: nothing can be told: {}: {}",
            side.label,
            proxy.proxy,
            reason.unwrap_or_default()
        );
    }

    let head = side.head(Source::Envoy, None);
    let style = args.terminal.style();
    args.terminal.page(|out| match args.output.form {
        Output::Json => render::status_json(out, &found, &head),
        Output::Text => render::status(out, &found, &head, style),
    })?;
    if args.output.form == Output::Json {
        found
            .warnings
            .iter()
            .for_each(|warning| terminal::warn(warning));
    }
    let any = |wanted: fn(SyncStatus) -> bool| {
        let mut types = found.proxies.iter().flat_map(|proxy| &proxy.types);
        types.any(|found| wanted(found.status))
    };
    Ok(
        match any(|status| status == SyncStatus::Unknown) && !args.allow_missing {
            _ if any(SyncStatus::is_bad) => Exit::Differs,
            true => Exit::Missing,
            false => Exit::Same,
        },
    )
}

/// What the dumps of one proxy tell beside the report.
struct Gathered {
    /// The types of which istiod's dump has a resource, or why nothing was compared.
    sends: Result<BTreeSet<XdsType>, String>,
    /// What Envoy's dump shows as rejected, where nothing was compared.
    rejected: Vec<(ResourceKey, String)>,
}

/// Compares istiod's dump of one proxy with Envoy's; where that cannot be, looks at Envoy's alone.
fn compare(
    comparer: &mut Comparer<'_>,
    side: &mut Side,
    proxy: &ProxyId,
    state: Option<&SyncState>,
) -> Gathered {
    let last_errors = state.map(SyncState::last_errors).unwrap_or_default();
    let compared = side.both(proxy).and_then(|(istiod, envoy)| {
        for (part, reason) in istiod.missing.iter().chain(&envoy.missing) {
            comparer.warn(format!("{proxy}: `{part}` was not captured: {reason}"));
        }
        let istiod = istiod.parse(Rules::all())?;
        let mut envoy = envoy.parse(Rules::all())?;
        envoy.check_cut(&istiod);
        comparer.proxy(&ProxyPair {
            before_id: proxy,
            after_id: proxy,
            before: &istiod,
            after: &envoy,
            compared: Compared::IstiodEnvoy,
            last_errors: &last_errors,
        });
        let types = istiod.resources.into_iter();
        Ok(types.map(|resource| resource.key.xds_type).collect())
    });
    match compared {
        Ok(sends) => Gathered {
            sends: Ok(sends),
            rejected: Vec::new(),
        },
        Err(error) => Gathered {
            sends: Err(format!("{error:#}")),
            rejected: match side.dump(proxy, Source::Envoy) {
                Ok(documents) => documents
                    .parse(Rules::all())
                    .map(|dump| rejected(&dump))
                    .unwrap_or_default(),
                Err(_) => Vec::new(),
            },
        },
    }
}

fn rejected(dump: &Dump<'_>) -> Vec<(ResourceKey, String)> {
    let resources = dump.resources.iter();
    let rejected = resources.filter(|resource| resource.key.state == Some(State::Rejected));
    rejected
        .map(|resource| {
            (
                resource.key.clone(),
                resource.error.clone().unwrap_or_default(),
            )
        })
        .collect()
}

/// What istiod's sync state says of each type.
fn pushed(state: &SyncState) -> Vec<Pushed> {
    let types = state.types().into_iter();
    types
        .map(|state| Pushed {
            xds_type: state.xds_type,
            is_acked: state.is_acked,
            sent_time: state.sent_time,
            last_error: state.last_error,
        })
        .collect()
}
