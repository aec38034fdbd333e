//! `xdsnap capture`

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use super::{Exit, inputs, interrupt, missing, progress::Progress, redaction, terminal};
use crate::{
    capture::{self, Outcome, Target},
    render,
};

/// Save Envoy's and istiod's configuration in a bundle
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Secrets are taken out before anything is written. What fails is recorded in the
bundle, the rest is saved, and the exit status is 3. So it is with Ctrl-C: what
came by then is the bundle, the rest is missing; once more ends at once. Until
the bundle is whole, what came is in FILE.partial, of which `verify --recover`
makes a bundle whatever happens. The path of the bundle goes to standard output,
all else to standard error.

Examples:
  xdsnap capture -o web.xdsnap http://127.0.0.1:15000 http://127.0.0.1:15014
  xdsnap capture -o web.xdsnap config_dump.json --note 'after the canary'
  xdsnap capture --envoy a.shop=http://127.0.0.1:15000 --envoy b.shop=b.json
  kubectl exec deploy/web -c istio-proxy -- pilot-agent request GET \\
    'config_dump?include_eds' | xdsnap capture -o web.xdsnap -")]
pub(super) struct Args {
    /// URL of an Envoy or istiod, dump, folder, bundle, bug report or `-`; several make one bundle
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// Write the bundle here, over a file that is there; the default, `xdsnap-<UTC>.xdsnap`, goes over none
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Your own words about the capture; `info` shows them first
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print no progress and no summary, only what is missing
    #[arg(short, long)]
    quiet: bool,
    /// Exit with 0 instead of 3 where something is missing
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    redaction: redaction::KeepArgs,
    #[command(flatten)]
    from: inputs::InputArgs,
}

/// What `-o` means on every other command.
const FORMATS: [&str; 7] = [
    "json",
    "json-patch",
    "jsonl",
    "text",
    "unified",
    "markdown",
    "html",
];

/// Where a bundle is to go, unless that was meant for something else.
pub(super) fn bundle_path(path: &Path) -> anyhow::Result<&Path> {
    if path == Path::new("-") {
        bail!("-o -: a bundle is not written to standard output; name a file");
    }
    if path.to_string_lossy().contains("://") {
        bail!("-o names the file that the bundle is written to, and this is a URL");
    }
    if FORMATS.iter().any(|format| path == Path::new(format)) {
        bail!(
            "-o names the bundle here, and `{0}` is a format; for a file of that name write ./{0}",
            path.display()
        );
    }
    Ok(path)
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let named = args.from.named(&args.inputs)?;
    if named.is_empty() {
        bail!(
            "nothing to capture; give the URL of an Envoy or istiod, or a file (`xdsnap help capture` has examples)"
        );
    }
    let default = default_name();
    let target = match &args.output {
        Some(path) => Target::Replace(bundle_path(path)?),
        None => Target::New(&default),
    };
    let (Target::Replace(path) | Target::New(path)) = target;
    let options = capture::Options {
        note: args.note.clone(),
        ..args.from.options(args.redaction.redactor()?)
    };
    let mut progress = Progress::new(args.quiet);
    interrupt::listen(options.stop.clone());
    let result = capture::capture(&named, target, &options, &mut |what| progress.at(what));
    progress.end();
    let outcome = result.map_err(|error| match error.kept() {
        Some(kept) => anyhow!("{error}; {}", interrupt::keeping(kept)),
        None => inputs::with_reasons(error, ", so no bundle was written"),
    })?;
    if let Some(warning) = warning(&outcome.earlier) {
        terminal::warn(&warning);
    }
    if outcome.scrubbed > 0 {
        terminal::warn("--note: what looked like a secret in it was taken out");
    }
    inputs::tell_skipped(&outcome.skipped);
    if !args.quiet {
        terminal::tell(&summary(path, &outcome, options.redactor.is_off()));
        for line in missing::lines(&outcome.inherent) {
            terminal::tell(&format!("  never there: {line}"));
        }
    }
    for line in missing::lines(&outcome.failures) {
        terminal::tell(&format!("  missing: {line}"));
    }
    terminal::print(&format!("{}\n", path.display()))?;
    Ok(match outcome.failures.is_empty() || args.allow_missing {
        true => Exit::Same,
        false => Exit::Missing,
    })
}

/// What is said of captures that left these.
fn warning(earlier: &[PathBuf]) -> Option<String> {
    let first = earlier.first()?.display();
    let more = match earlier.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more, numbered)"),
    };
    Some(format!(
        "`{first}`{more} is of an earlier capture that did not end; `xdsnap verify --recover NEW {first}` makes a bundle \
         of it; then remove it"
    ))
}

fn summary(path: &Path, outcome: &Outcome, is_off: bool) -> String {
    let plural = |count: u64, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    };
    let missing = match outcome.failures.len() {
        0 => "nothing missing".to_owned(),
        count => format!("{} missing", plural(count as u64, "document", "documents")),
    };
    let redacted = match is_off {
        true => "NOT REDACTED: it holds secrets in clear".to_owned(),
        false => format!("{} redacted", plural(outcome.redacted, "value", "values")),
    };
    format!(
        "{}: {}, {}, {missing}, {redacted}",
        path.display(),
        render::size(outcome.size_bytes),
        plural(outcome.proxies as u64, "proxy", "proxies"),
    )
}

/// A name that no file has.
fn default_name() -> PathBuf {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let mut name = PathBuf::from(format!("xdsnap-{now}.xdsnap"));
    // Of several captures within a second.
    let mut number = 2;
    while name.exists() {
        name = PathBuf::from(format!("xdsnap-{now}-{number}.xdsnap"));
        number += 1;
    }
    name
}
