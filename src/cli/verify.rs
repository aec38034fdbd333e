//! `xdsnap verify`

use std::{
    collections::HashSet,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::bail;

use super::{
    Exit,
    bundle_file::{self, Bytes},
    inputs,
    output::{Output, OutputArgs},
    terminal,
};
use crate::{
    bundle::{self, Finding, Level, Manifest, Reader, Reason, Rule},
    capture::digests,
    render::{self, Contents, Recovered, Verified},
};

/// Tell whether bundles are intact, or save what is intact of a damaged one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
All of a bundle is read, and every digest and rule of its format checked: what
`info` reads, and also the frames, the seek table, the offsets and the order.
Digests of what dumps hold are computed again.
--recover also takes FILE.partial, which an interrupted capture leaves.

Exit status:
  0  intact; with --recover: nothing was lost
  1  something is damaged or against a rule; with --recover: something was lost
  2  an error, or no bundle at all; with --recover: nothing could be saved, and
     there is no NEW

Examples:
  xdsnap verify before.xdsnap after.xdsnap
  xdsnap verify web.xdsnap -o json | jq -r '.files[].findings[].text'
  xdsnap verify --recover web.xdsnap web.xdsnap.partial")]
pub(super) struct Args {
    /// Bundle, or `-`
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Write what is intact in FILE as a bundle, over no file that is there
    #[arg(long, value_name = "NEW")]
    recover: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    terminal: terminal::TerminalArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if args.files.iter().filter(|file| *file == "-").count() > 1 {
        bail!(inputs::STDIN_TWICE);
    }
    if let Some(new) = &args.recover {
        let [file] = &args.files[..] else {
            bail!("--recover takes what is intact in one file; give one FILE");
        };
        let verified = recover(file, new)?;
        print(&args, std::slice::from_ref(&verified))?;
        return Ok(exit(&verified, Level::Error));
    }
    if args.files.is_empty() {
        bail!("nothing to verify; give a FILE");
    }
    let mut verified = Vec::new();
    let mut errors = Vec::new();
    for file in &args.files {
        match verify(file) {
            Ok(found) => verified.push(found),
            Err(error) => errors.push(error),
        }
    }
    if !verified.is_empty() {
        print(&args, &verified)?;
    }
    if let Some(last) = errors.pop() {
        for error in errors {
            terminal::tell(&format!("xdsnap: {error:#}"));
        }
        return Err(last);
    }
    let exits = verified.iter().map(|found| exit(found, Level::Warning));
    Ok(exits
        .into_iter()
        .find(|exit| *exit != Exit::Same)
        .unwrap_or(Exit::Same))
}

fn print(args: &Args, verified: &[Verified]) -> anyhow::Result<()> {
    let style = args.terminal.style();
    args.terminal.page(|out| match args.output.form {
        Output::Json => render::verify_json(out, verified),
        Output::Text => print_text(out, verified, style),
    })
}

fn print_text(
    out: &mut dyn Write,
    verified: &[Verified],
    style: render::Style,
) -> std::io::Result<()> {
    for found in verified {
        render::verify(out, found, style)?;
    }
    if verified.len() > 1 {
        render::verify_total(out, verified)?;
    }
    Ok(())
}

/// Whether anything was found that is `bad`, or worse.
fn exit(verified: &Verified, bad: Level) -> Exit {
    match verified.findings.iter().any(|found| found.level >= bad) {
        true => Exit::Differs,
        false => Exit::Same,
    }
}

fn verify(text: &str) -> anyhow::Result<Verified> {
    let mut file = bundle_file::open(text)?;
    let (findings, contents) = match bundle::verify(text, &mut file) {
        Ok(mut findings) => {
            let mut reader = Reader::open(text, &mut file)?;
            findings.extend(digests::check(&mut reader)?);
            let contents = contents(reader.manifest(), &findings);
            (findings, Some(contents))
        }
        Err(error) => match error.reason {
            Reason::Io(_) | Reason::UnsupportedVersion { .. } | Reason::Unfinished => {
                return Err(error.into());
            }
            Reason::NotABundle(_) if !holds_members(text, file) => {
                return Err(bundle_file::refusal(text, error));
            }
            Reason::NotABundle(_) => {
                let finding = Finding {
                    level: Level::Error,
                    rule: Rule::Archive,
                    member: None,
                    text: "damaged: it does not begin as a bundle, but holds documents".to_owned(),
                };
                (vec![finding], None)
            }
            // Its manifest cannot be read.
            _ => (vec![Finding::from(error)], None),
        },
    };
    Ok(Verified {
        file: text.to_owned(),
        contents,
        findings,
        recovered: None,
    })
}

/// Whether what does not begin as a bundle was one.
fn holds_members(text: &str, file: Box<dyn Bytes>) -> bool {
    let Ok(mut recovery) = bundle::recover(text, file) else {
        return false;
    };
    recovery.members().any(|member| member.is_ok())
}

fn contents(manifest: &Manifest, findings: &[Finding]) -> Contents {
    let damaged: HashSet<&str> = findings
        .iter()
        .filter(|finding| finding.level == Level::Error)
        .filter_map(|finding| finding.member.as_deref())
        .collect();
    let is_intact = |path: &str| !damaged.contains(path);
    let members = manifest.members.iter();
    Contents {
        version: manifest.version.to_string(),
        tool: manifest.tool.clone(),
        members: manifest.members.len(),
        intact: members.filter(|entry| is_intact(&entry.path)).count(),
    }
}

fn recover(text: &str, new: &Path) -> anyhow::Result<Verified> {
    let mut file = bundle_file::open(text)?;
    let opened = Reader::open(text, &mut file).map(|_| ());
    let recovery = match bundle::recover(text, file) {
        Ok(recovery) => recovery,
        Err(error) => return Err(bundle_file::refusal(text, error)),
    };
    let manifest = recovery.manifest().cloned();
    let writer = bundle::Writer::create_new(new)?.deriving(digests::derive());
    let salvage = recovery.write(writer, inputs::TOOL)?;
    let Some(written) = salvage.written else {
        let is_unfinished =
            matches!(&opened, Err(error) if matches!(error.reason, Reason::Unfinished));
        if is_unfinished && salvage.findings.iter().all(|f| f.level < Level::Error) {
            bail!(
                "{text}: it holds no document: the capture ended before the first one came; there is nothing to save, \
                 and the next capture to this place takes it over"
            );
        }
        if let Err(error) = opened
            && matches!(error.reason, Reason::NotABundle(_))
        {
            return Err(bundle_file::refusal(text, error));
        }
        let why = match salvage.findings.iter().find(|f| f.level == Level::Error) {
            Some(finding) => format!(" ({finding})"),
            None => String::new(),
        };
        bail!("{text}: nothing in it is intact, so no bundle was written{why}");
    };
    Ok(Verified {
        file: text.to_owned(),
        contents: manifest.map(|manifest| Contents {
            intact: salvage.members,
            ..contents(&manifest, &[])
        }),
        findings: salvage.findings,
        recovered: Some(Recovered {
            file: written.path.display().to_string(),
            members: salvage.members,
            size_bytes: written.size_bytes,
        }),
    })
}
