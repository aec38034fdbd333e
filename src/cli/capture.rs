//! `xdsnap capture`

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Exit, inputs, terminal};
use crate::{
    capture::{self, Outcome, Target},
    render,
};

/// Save Envoy's and istiod's configuration in a bundle
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Secrets are taken out before anything is written. A source that fails is recorded in the bundle, the rest
is saved, and the exit status is 3. The path of the bundle is printed on standard output.

Examples:
  xdsnap capture -o web.xdsnap --envoy http://127.0.0.1:15000 --istiod http://127.0.0.1:15014
  xdsnap capture -o web.xdsnap config_dump.json --note 'after the canary'
  kubectl exec deploy/web -c istio-proxy -- pilot-agent request GET 'config_dump?include_eds' |
    xdsnap capture -o web.xdsnap -")]
pub(super) struct Args {
    /// Dump, folder, bundle, URL of an Envoy or istiod, or `-`
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    from: inputs::InputArgs,
    /// Write the bundle here; default: `xdsnap-<UTC>.xdsnap`, never over a file that exists
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Your own words about the capture; `info` shows them first
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print no progress and no summary, only the path and errors
    #[arg(short, long)]
    quiet: bool,
}

/// What `-o` means on every other command.
const FORMATS: [&str; 6] = ["json", "jsonl", "text", "unified", "markdown", "html"];

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let named = args.from.named(&args.inputs)?;
    if named.is_empty() {
        bail!("nothing to capture; give an INPUT, --envoy or --istiod");
    }
    let default = default_name();
    let target = match &args.output {
        Some(path) if FORMATS.iter().any(|format| path == Path::new(format)) => bail!(
            "-o names the bundle here, and `{0}` is a format; for a file of that name write ./{0}",
            path.display()
        ),
        Some(path) => Target::Replace(path),
        None => Target::New(&default),
    };
    let (Target::Replace(path) | Target::New(path)) = target;
    let mut progress = Progress::new(args.quiet);
    let options = args.from.options(args.note.clone());
    let result = capture::capture(&named, target, &options, &mut |what| progress.at(what));
    progress.end();
    let outcome = result.map_err(inputs::with_reasons)?;
    for skipped in &outcome.skipped {
        anstream::eprintln!("xdsnap: warning: skipped {}", terminal::one_line(skipped));
    }
    if !args.quiet {
        anstream::eprintln!("{}", summary(path, &outcome));
    }
    for failure in &outcome.failures {
        let mut words = vec![failure.source.to_string()];
        words.extend(failure.proxy.as_ref().map(ToString::to_string));
        words.extend(failure.document.map(|document| document.to_string()));
        words.extend(failure.part.clone());
        let line = format!(
            "  missing: {} ({}): {}",
            words.join(" "),
            failure.origin,
            failure.reason
        );
        anstream::eprintln!("{}", terminal::one_line(&line));
    }
    terminal::print(&format!("{}\n", path.display()))?;
    Ok(match outcome.failures.is_empty() {
        true => Exit::Same,
        false => Exit::Missing,
    })
}

fn summary(path: &Path, outcome: &Outcome) -> String {
    let plural = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    };
    let missing = match outcome.failures.len() {
        0 => "nothing missing".to_owned(),
        count => format!("{count} missing"),
    };
    let line = format!(
        "{}: {}, {}, {missing}, {} redacted",
        path.display(),
        render::size(outcome.size_bytes),
        plural(outcome.proxies, "proxy", "proxies"),
        plural(
            usize::try_from(outcome.redacted).unwrap_or(usize::MAX),
            "value",
            "values"
        ),
    );
    terminal::one_line(&line)
}

fn default_name() -> PathBuf {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    PathBuf::from(format!("xdsnap-{now}.xdsnap"))
}

/// Says on standard error what is being read: one line that changes on a terminal, else a line for each source.
enum Progress {
    Quiet,
    Bar(ProgressBar),
    Lines { last: String },
}

impl Progress {
    fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines {
                last: String::new(),
            };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self::Bar(bar)
    }

    /// `what` is a URL, or the path of a member.
    fn at(&mut self, what: &str) {
        let what = terminal::one_line(what);
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => bar.set_message(what),
            Self::Lines { last } => {
                let source = source_of(&what);
                if source != *last {
                    anstream::eprintln!("reading {source}");
                    *last = source.to_owned();
                }
            }
        }
    }

    fn end(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// The part of a URL or of a member's path that all documents of one source share.
fn source_of(what: &str) -> &str {
    match what.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            &what[..scheme.len() + 3 + end]
        }
        None if what.starts_with("unix:") => {
            let end = what[5..].find(':').map_or(what.len(), |at| at + 5);
            &what[..end]
        }
        None => what.rsplit_once('/').map_or(what, |(folder, _)| folder),
    }
}

#[test]
fn documents_of_one_source_share_a_line() {
    for (what, source) in [
        (
            "http://127.0.0.1:15000/config_dump?include_eds",
            "http://127.0.0.1:15000",
        ),
        ("unix:/a.sock:/certs", "unix:/a.sock"),
        ("envoy/web-1.shop/certs.json", "envoy/web-1.shop"),
    ] {
        assert_eq!(source_of(what), source);
    }
}
