//! Command lines that cannot be understood: one line that says what to write instead.

use std::{path::Path, process::ExitCode};

use clap::{
    CommandFactory, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{Cli, Exit, terminal};

/// Answers what is no command to run: prints the help that was asked for, or says what is wrong.
pub(super) fn answer(error: &Error) -> ExitCode {
    if !error.use_stderr() {
        // Whoever reads the help may stop anywhere.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let typed: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    terminal::tell(&format!("xdsnap: {}", explain(error, &typed)));
    ExitCode::from(Exit::ERROR)
}

/// The error in one line, where these arguments were `typed`.
fn explain(error: &Error, typed: &[String]) -> String {
    let text = |kind| texts(error, kind).into_iter().next().unwrap_or_default();
    let argument = text(ContextKind::InvalidArg);
    // `--output <FORMAT>`
    let flag = argument.split(' ').next().unwrap_or_default();
    let value = text(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = text(ContextKind::InvalidSubcommand);
            // The likeliest is the last.
            let mut similar = texts(error, ContextKind::SuggestedSubcommand);
            similar.reverse();
            let meant = match Path::new(&name).exists() || name.contains("://") {
                true => vec![format!("xdsnap diff {}", typed.join(" "))],
                false => similar,
            };
            let help = "(`xdsnap help` lists all)";
            format!("unknown command `{name}`{} {help}", did_you_mean(&meant))
        }
        ErrorKind::UnknownArgument => {
            let meant = texts(error, ContextKind::SuggestedArg);
            let what = match argument.starts_with('-') {
                true => "unknown option",
                false => "unexpected argument",
            };
            let help = help(typed);
            format!("{what} `{argument}`{} {help}", did_you_mean(&meant))
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("{flag} needs a value {}", help(typed))
        }
        ErrorKind::InvalidValue => {
            let valid = texts(error, ContextKind::ValidValue).join(", ");
            format!("{flag}: `{value}` is none of {valid}")
        }
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string);
            format!("{flag}: {}", why.unwrap_or(format!("`{value}` is invalid")))
        }
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg);
            let other = other.split(' ').next().unwrap_or_default();
            match other == flag {
                true => format!("{flag} can be given once only"),
                false => format!("{flag} and {other} exclude each other; give one of them"),
            }
        }
        _ => {
            let text = error.render().to_string();
            let line = text.lines().next().unwrap_or_default();
            line.trim_start_matches("error: ").to_owned()
        }
    }
}

fn texts(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

fn did_you_mean(texts: &[String]) -> String {
    let quoted: Vec<_> = texts.iter().map(|text| format!("`{text}`")).collect();
    match quoted.is_empty() {
        true => String::new(),
        false => format!(", did you mean {}?", quoted.join(" or ")),
    }
}

/// Where to read on: the help of the command that was typed.
fn help(typed: &[String]) -> String {
    let cli = Cli::command();
    let command = typed.iter().find(|arg| cli.find_subcommand(arg).is_some());
    match command {
        Some(command) => format!("(`xdsnap help {command}` lists all)"),
        None => "(`xdsnap help` lists all)".to_owned(),
    }
}

#[test]
fn what_cannot_be_understood_is_explained_on_one_line() {
    use clap::Parser;
    for (typed, expected) in [
        (
            "dif a b",
            "unknown command `dif`, did you mean `diff` or `info`? (`xdsnap help` lists all)",
        ),
        (
            "frobnicate",
            "unknown command `frobnicate` (`xdsnap help` lists all)",
        ),
        (
            "http://127.0.0.1:15000 b",
            "unknown command `http://127.0.0.1:15000`, did you mean `xdsnap diff http://127.0.0.1:15000 b`? \
             (`xdsnap help` lists all)",
        ),
        (
            "diff --onelin a b",
            "unknown option `--onelin`, did you mean `--oneline`? (`xdsnap help diff` lists all)",
        ),
        (
            "--frob",
            "unknown option `--frob` (`xdsnap help` lists all)",
        ),
        (
            "diff a -p",
            "--proxy needs a value (`xdsnap help diff` lists all)",
        ),
        (
            "diff a -o yaml",
            "--output: `yaml` is none of text, json, unified, json-patch",
        ),
        (
            "capture --timeout 3h a",
            "--timeout: unknown unit `h` (expected ms, s or m)",
        ),
        (
            "diff a b -o json --oneline",
            "--output and --oneline exclude each other; give one of them",
        ),
        (
            "diff a b --source envoy --source istiod",
            "--source can be given once only",
        ),
    ] {
        let typed: Vec<String> = typed.split(' ').map(str::to_owned).collect();
        let args = std::iter::once("xdsnap".to_owned()).chain(typed.clone());
        let error = Cli::try_parse_from(args).unwrap_err();
        assert_eq!(explain(&error, &typed), expected);
    }
}
