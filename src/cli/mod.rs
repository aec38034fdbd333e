//! The command line: arguments, terminal, environment, exit status. One file per command.

mod both;
mod bundle_file;
mod capture;
mod crash;
mod diff;
mod extract;
mod info;
mod inputs;
mod interrupt;
mod inventories;
mod missing;
mod normalize;
mod output;
mod progress;
mod proxies;
mod query;
mod redact;
mod redaction;
mod rules;
mod show;
mod side;
mod since;
mod status;
mod terminal;
mod usage;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Capture what Envoy proxies run and what istiod would send them, and tell what differs.
#[derive(Debug, Parser)]
#[command(
    name = "xdsnap",
    version,
    max_term_width = 100,
    after_help = ABOUT
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Save Envoy's and istiod's configuration in a bundle
    Capture(capture::Args),
    /// Tell what differs: istiod against Envoy (one INPUT), or before against after (two)
    Diff(diff::Args),
    /// Tell which proxies run what istiod would send them, type by type
    Status(status::Args),
    /// List the resources of each proxy, with state and time
    Show(show::Args),
    /// Print the canonical form of what an input holds
    Normalize(normalize::Args),
    /// Tell what a bundle or another input is, holds and lacks
    Info(info::Args),
    /// Tell whether bundles are intact, or save what is intact of a damaged one
    Verify(verify::Args),
    /// Unpack a bundle, or some of its documents
    Extract(extract::Args),
    /// Take the secrets out of a bundle or a dump, or tell where they are
    Redact(redact::Args),
    /// Print the rules by which values do not count, or are taken out
    Rules(rules::Args),
}

const ABOUT: &str = "\
INPUT is a bundle, a dump (plain, gzip or zstd), a folder of these, the archive
of `istioctl bug-report` or what `istioctl proxy-config -o json` prints, `-` for
standard input, or the URL of an Envoy admin or istiod debug interface
(http://127.0.0.1:15000, unix:/path). What it is, is read from its content.

Exit status:
  0  nothing differs, everything was captured
  1  differences
  2  an error, or nothing at all could be compared or captured
  3  no differences, but something is missing that should have been there

`xdsnap help COMMAND` explains one, with examples.";

const INTRODUCTION: &str = "\
xdsnap saves what Envoy runs and istiod would send, and tells what differs.

  xdsnap capture -o web.xdsnap http://127.0.0.1:15000 http://127.0.0.1:15014
      save what a proxy runs, and what istiod would send it
  xdsnap diff web.xdsnap
      is the proxy in sync with istiod?
  xdsnap diff before.xdsnap after.xdsnap
      what did a change do?

`xdsnap help` lists all commands, `xdsnap help diff` explains one.
";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Nothing differs, nothing was found.
    Same,
    /// There are differences.
    Differs,
    /// Nothing was found, but something is missing that should have been there.
    Missing,
}

impl Exit {
    /// The status of an error, and of a command line that cannot be understood.
    const ERROR: u8 = 2;
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Same => 0,
            Exit::Differs => 1,
            Exit::Missing => 3,
        })
    }
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    crash::keep_quiet();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::answer(&error),
    };
    let result = match cli.command {
        None => terminal::print(INTRODUCTION).map(|()| Exit::Same),
        Some(Command::Capture(args)) => capture::run(args),
        Some(Command::Diff(args)) => diff::run(args),
        Some(Command::Status(args)) => status::run(args),
        Some(Command::Show(args)) => show::run(args),
        Some(Command::Normalize(args)) => normalize::run(args),
        Some(Command::Info(args)) => info::run(args),
        Some(Command::Verify(args)) => verify::run(args),
        Some(Command::Extract(args)) => extract::run(args),
        Some(Command::Redact(args)) => redact::run(args),
        Some(Command::Rules(args)) => rules::run(args),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            terminal::tell(&format!("xdsnap: {error:#}"));
            ExitCode::from(Exit::ERROR)
        }
    }
}

#[test]
fn the_arguments_are_well_formed() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}
