//! `xdsnap redact`

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};

use super::{
    Exit, capture::bundle_path, inputs, missing, output::Output, progress::Progress, redaction,
    terminal,
};
use crate::{
    capture::{self, Input, Named, Options, Place},
    redact::{Counts, Policy, Redactor},
    render,
};

/// Take the secrets out of a bundle or a dump, or tell where they are
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A bundle becomes a bundle: what was taken out before stays as it is, what
today's rules know goes, too. A dump becomes its redacted JSON, here without -o.
--dry-run writes nothing and prints a line for each place: DOCUMENT  PATH  RULE,
never a value. `xdsnap rules --redaction` explains the rules.

Exit status: 0 done; with --dry-run: nothing would be taken out
  1  with --dry-run: something would
  2  an error
  3  something could not be read, and is left out

Examples:
  xdsnap redact --dry-run config_dump.json
  xdsnap redact config_dump.json | jq .configs
  xdsnap redact old.xdsnap -o new.xdsnap")]
pub(super) struct Args {
    /// Bundle, dump or `-`; with --dry-run any INPUT, also a folder or a URL
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// Write the bundle, or the JSON, here
    #[arg(short, long, value_name = "FILE", conflicts_with = "dry_run")]
    output: Option<PathBuf>,
    /// Only tell what would be taken out
    #[arg(long)]
    dry_run: bool,
    /// The form of --dry-run: text, json for a script
    #[arg(long, value_enum, hide_possible_values = true, value_name = "FORMAT")]
    format: Option<Output>,
    /// Print no progress and no summary
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    terminal: terminal::TerminalArgs,
    #[command(flatten)]
    names: redaction::NameArgs,
    #[command(flatten)]
    key: redaction::KeyArgs,
    #[command(flatten)]
    from: inputs::InputArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let named = args.from.named(&args.inputs)?;
    if named.is_empty() {
        bail!("nothing to redact; give an INPUT");
    }
    if args.format.is_some() && !args.dry_run {
        bail!("--format is the form of --dry-run; what is redacted stays what it is");
    }
    match args.dry_run {
        true => look(&args, &named),
        false => redact(&args, &named),
    }
}

/// Takes secrets out of one bundle or one document.
fn redact(args: &Args, named: &[Named]) -> anyhow::Result<Exit> {
    let [one] = named else {
        bail!("one INPUT at a time; `xdsnap capture -o NEW` makes one redacted bundle of several");
    };
    let label = one.place.to_string();
    let instead = |what: &str| {
        anyhow!("{label}: {what}; `xdsnap capture -o NEW {label}` makes a redacted bundle of it")
    };
    match &one.place {
        Place::Endpoint(_) => return Err(instead("a URL, of which nothing is saved yet")),
        Place::Path(path) if path.is_dir() => return Err(instead("a folder")),
        _ => {}
    }
    let redactor = args.names.redactor(&args.key)?;
    let input = args.from.open(named, &redactor)?;
    if input.is_bundle() {
        let options = args.from.options(redactor);
        return bundle(args, &label, input, &options);
    }
    let documents: Vec<_> = input.documents().map(|(path, _)| path.clone()).collect();
    let [path] = &documents[..] else {
        return Err(instead("several documents"));
    };
    let counts = document(args, input, |input, out| input.copy(path, out))?;
    if !args.quiet {
        let total = counts.map_or(0, |counts| counts.total());
        terminal::tell(&format!("{label}: {}", redacted(total)));
    }
    Ok(Exit::Same)
}

/// A bundle out of a bundle.
fn bundle(args: &Args, label: &str, input: Input, options: &Options) -> anyhow::Result<Exit> {
    let Some(path) = &args.output else {
        bail!(
            "{label}: a bundle becomes a bundle, which is not written to standard output; name a file: -o FILE"
        );
    };
    let path = bundle_path(path)?;
    let is_own = is_same_file(path, Path::new(label));
    let unknown = input.unknown_members();
    if is_own && unknown > 0 {
        bail!(
            "{label}: {unknown} of its documents are of a later release, and would be lost; name another file, or use that release"
        );
    }
    if unknown > 0 {
        terminal::warn(&format!(
            "{label}: left out what only a later release knows how to redact: {unknown} of its documents"
        ));
    }
    let mut progress = Progress::new(args.quiet);
    let outcome = capture::redact(input, path, is_own, options, &mut |what| progress.at(what));
    progress.end();
    let outcome = outcome.map_err(|error| match is_own {
        true => anyhow!("{error}; `{}` stays as it is", path.display()),
        false => inputs::with_reasons(error, ", so no bundle was written"),
    })?;
    if !args.quiet {
        let path = path.display();
        terminal::tell(&format!("{path}: {}", redacted(outcome.redacted)));
    }
    for line in missing::lines(&outcome.failures) {
        terminal::tell(&format!("  left out: {line}"));
    }
    terminal::print(&format!("{}\n", path.display()))?;
    Ok(match outcome.failures.is_empty() && unknown == 0 {
        true => Exit::Same,
        false => Exit::Missing,
    })
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// One redacted document, to where it is wanted: whole or not at all, where that is a file.
fn document<T>(
    args: &Args,
    mut input: Input,
    copy: impl FnOnce(&mut Input, &mut dyn Write) -> Result<T, capture::InputError>,
) -> anyhow::Result<T> {
    let path = args.output.as_deref();
    let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
        let mut out = Unclosed(io::BufWriter::new(io::stdout().lock()));
        let copied = copy(&mut input, &mut out)?;
        out.flush().context("cannot write to standard output")?;
        return Ok(copied);
    };
    let failed = || format!("cannot write `{}`", path.display());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if path.exists() && !path.is_file() {
        bail!("{}: no regular file", path.display());
    }
    let mut file = tempfile::Builder::new()
        .prefix(".xdsnap-redact.")
        .tempfile_in(folder)
        .with_context(failed)?;
    let mut out = io::BufWriter::new(file.as_file_mut());
    let copied = copy(&mut input, &mut out)?;
    out.flush().with_context(failed)?;
    drop(out);
    file.as_file().sync_all().with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(copied)
}

/// A reader that has had enough (`| head`) is no error.
struct Unclosed<W>(W);

impl<W: Write> Write for Unclosed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

fn redacted(values: u64) -> String {
    match values {
        1 => "1 value redacted".to_owned(),
        _ => format!("{values} values redacted"),
    }
}

/// Tells every place that would be redacted.
fn look(args: &Args, named: &[Named]) -> anyhow::Result<Exit> {
    // What comes from a live source is looked at as it came, in memory.
    let as_it_is = Arc::new(Redactor::new(Policy::Off));
    let mut input = args.from.open(named, &as_it_is)?;
    // No token is printed, so no key is needed.
    let redactor = Redactor::new(Policy::Alike);
    let mut unread: Vec<String> = (input.failures.iter())
        .map(|failure| format!("{}: {}", failure.origin, failure.reason))
        .filter(|_| !input.is_bundle())
        .collect();
    let documents: Vec<_> = input.documents().map(|(path, _)| path.clone()).collect();
    let form = match args.format.unwrap_or_default() {
        Output::Text => render::PlacesForm::Text(args.terminal.style()),
        Output::Json => render::PlacesForm::Json,
    };
    let mut read = 0;
    let mut found = 0;
    args.terminal.page(|out| {
        let mut places = render::Places::begin(out, form)?;
        for path in &documents {
            let name = path.to_string();
            let mut written = Ok(());
            let counts: Result<Counts, _> = input.find(path, &redactor, &mut |place| {
                if written.is_ok() {
                    written = places.place(&name, place);
                }
            });
            written?;
            match counts {
                Ok(_) => read += 1,
                Err(error) => unread.push(error.to_string()),
            }
        }
        found = places.finish()?;
        Ok(())
    })?;
    for reason in &unread {
        let reason = redactor.scrub_reason(reason);
        terminal::warn(&format!("not looked at: {reason}"));
    }
    if args.names.is_any() {
        terminal::warn(
            "--dry-run lists secrets alone, not the host names and addresses that would be replaced beside them",
        );
    }
    if read == 0 {
        bail!("nothing could be read");
    }
    Ok(match (found, unread.is_empty()) {
        (1.., _) => Exit::Differs,
        (0, true) => Exit::Same,
        (0, false) => Exit::Missing,
    })
}
