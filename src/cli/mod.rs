//! The command line: arguments, terminal, environment, exit status. One file per command.

mod capture;
mod diff;
mod info;
mod inputs;
mod normalize;
mod proxies;
mod query;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Capture what Envoy proxies run and what istiod would send them, and tell what differs.
#[derive(Debug, Parser)]
#[command(name = "xdsnap", version, max_term_width = 100, after_help = EXIT_STATUS)]
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
    /// Print the canonical form of what an input holds
    Normalize(normalize::Args),
    /// Tell what a bundle or another input is, holds and lacks
    Info(info::Args),
}

const EXIT_STATUS: &str = "\
Exit status: 0 nothing differs, 1 differences, 2 an error or nothing could be compared,
3 nothing was found but something is missing that should have been there.

An INPUT is a bundle, a dump (plain, gzip or zstd), a folder of these, `-` for standard input,
or the URL of an Envoy admin or istiod debug interface (http://127.0.0.1:15000, unix:/path).";

const INTRODUCTION: &str = "\
xdsnap captures what Envoy proxies run and what istiod would send them, and tells what differs.

  xdsnap capture -o before.xdsnap --envoy http://127.0.0.1:15000 --istiod http://127.0.0.1:15014
                            save a proxy's configuration, and what istiod would send it
  xdsnap diff before.xdsnap is the proxy in sync with istiod?
  xdsnap diff before.xdsnap after.xdsnap
                            what did a change do to the proxy?

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
    let cli = Cli::parse();
    let result = match cli.command {
        None => terminal::print(INTRODUCTION).map(|()| Exit::Same),
        Some(Command::Capture(args)) => capture::run(args),
        Some(Command::Diff(args)) => diff::run(args),
        Some(Command::Normalize(args)) => normalize::run(args),
        Some(Command::Info(args)) => info::run(args),
    };
    match result {
        Ok(exit) => exit.into(),
        // Whoever read our output has had enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("xdsnap: {}", terminal::one_line(&format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

#[test]
fn the_arguments_are_well_formed() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}
