//! What the outputs must know of the terminal and the environment.

use std::{
    env,
    io::{self, IsTerminal, Write},
    process::{Command, Stdio},
    sync::LazyLock,
};

use anyhow::Context;

use crate::{
    redact::Redactor,
    render::{Style, is_unsafe},
};

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    // On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// The options of every command that prints at length.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct TerminalArgs {
    /// Show everything, fold nothing
    #[arg(long)]
    full: bool,
    /// Colour: auto (on a terminal without NO_COLOR), always, never
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        hide_default_value = true,
        value_name = "WHEN"
    )]
    color: Color,
    /// Do not page the output on a terminal
    #[arg(long)]
    no_pager: bool,
}

impl TerminalArgs {
    /// How text is laid out here.
    pub(super) fn style(self) -> Style {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if is_set("NO_COLOR") => false,
            Color::Auto if is_set("CLICOLOR_FORCE") => true,
            Color::Auto => {
                io::stdout().is_terminal() && env::var_os("TERM").is_some_and(|term| term != "dumb")
            }
        };
        let columns = || env::var("COLUMNS").ok()?.parse().ok();
        let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = match io::stdout().is_terminal() {
            true => terminal().or_else(columns),
            false => columns(),
        };
        Style {
            width: width.unwrap_or(80).max(40),
            color,
            ascii: !is_utf8(),
            full: self.full,
            ..Style::default()
        }
    }

    /// Writes to standard output, through a pager where it is a terminal.
    pub(super) fn page(
        self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        if let Some(mut pager) = (!self.no_pager).then(start_pager).flatten()
            && let Some(stdin) = pager.stdin.take()
        {
            let mut out = io::BufWriter::new(stdin);
            let written = write(&mut out).and_then(|()| out.flush());
            drop(out);
            pager.wait().context("cannot wait for the pager")?;
            return unless_closed(written).context("cannot write to the pager");
        }
        let mut out = io::BufWriter::new(io::stdout().lock());
        let written = write(&mut out).and_then(|()| out.flush());
        unless_closed(written).context("cannot write to standard output")
    }
}

/// A reader that has had enough (`| head`, a pager that was left) is no error, and changes no exit status.
fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Whether an error is that the reader of standard output has had enough.
pub(super) fn is_closed(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let error = cause.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// Starts the user's pager, as git does: `less` leaves at once where one screen is enough.
fn start_pager() -> Option<std::process::Child> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let pager = env::var("XDSNAP_PAGER").or_else(|_| env::var("PAGER"));
    let pager = pager.unwrap_or_else(|_| "less".to_owned());
    let mut words = pager.split_whitespace();
    let program = words.next().filter(|program| *program != "cat")?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    command.spawn().ok()
}

/// Whether the locale's character encoding is UTF-8.
fn is_utf8() -> bool {
    if cfg!(windows) {
        return true;
    }
    let set = |name: &&str| env::var(name).is_ok_and(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find(|name| set(name));
    let value = locale
        .and_then(|name| env::var(name).ok())
        .unwrap_or_default();
    let value = value.to_ascii_uppercase();
    value.contains("UTF-8") || value.contains("UTF8")
}

/// Writes a text to standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    unless_closed(written).context("cannot write to standard output")
}

/// Writes a message on one line of standard error. There is nobody to tell where that fails.
///
/// Messages repeat what was typed, so what looks like a secret is taken out of each.
pub(super) fn tell(text: &str) {
    let line = one_line(&scrubbed(&without_numbers(text)), !is_utf8());
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A message without URLs' credentials and without tokens. Its own words speak of secrets, so names tell nothing here.
fn scrubbed(text: &str) -> String {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::default);
    let scrub = |word: &str| match word.contains("://") || !word.contains([':', '=']) {
        true => REDACTOR.scrub(word).0,
        false => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace)
        .map(scrub)
        .collect()
}

/// Warns of something on one line of standard error.
pub(super) fn warn(text: &str) {
    tell(&format!("xdsnap: warning: {text}"));
}

/// A message without the numbers that Rust puts behind the words of the system: ` (os error 2)`.
fn without_numbers(text: &str) -> String {
    const NUMBER: &str = " (os error ";
    let mut parts = text.split(NUMBER);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.parse::<i32>().is_ok() => plain.push_str(rest),
            _ => plain.extend([NUMBER, part]),
        }
    }
    plain
}

/// A message on one line, without anything that acts on a terminal: parts of it may come from a dump.
pub(super) fn one_line(text: &str, ascii: bool) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' => line.push(' '),
            '…' if ascii => line.push_str("..."),
            c if is_unsafe(c) || (ascii && !c.is_ascii()) => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line
}

#[test]
fn the_number_of_an_error_is_left_out() {
    for (text, expected) in [
        (
            "a: No such file (os error 2), b (os error 13)",
            "a: No such file, b",
        ),
        ("a (os error x)", "a (os error x)"),
        ("a (os error ", "a (os error "),
    ] {
        assert_eq!(without_numbers(text), expected);
    }
}

#[test]
fn a_message_repeats_no_credentials_and_keeps_its_own_words() {
    for (text, expected) in [
        (
            "--envoy `=http://me:hunter2@host:1`: wrong",
            "--envoy `=http://[redacted]@host:1`: wrong",
        ),
        (
            "--show-secrets: shows passwords; write --show-secrets=yes-it-holds-secrets",
            "--show-secrets: shows passwords; write --show-secrets=yes-it-holds-secrets",
        ),
        (
            "unknown command `ghp_16C7e42F292c6912E7710c838347Ae178B4a`",
            "unknown command `[redacted]`",
        ),
        (
            "key /home/a b/redaction.key: gone",
            "key /home/a b/redaction.key: gone",
        ),
    ] {
        assert_eq!(scrubbed(text), expected);
    }
}

#[test]
fn a_message_is_one_harmless_line() {
    for (text, ascii, expected) in [
        ("a\nb\n", false, "a b"),
        ("\u{1b}[2J\u{202e}", false, r"\u{1b}[2J\u{202e}"),
        ("\u{feff}a\u{61c}\u{ad}", false, r"\u{feff}a\u{61c}\u{ad}"),
        ("é…", false, "é…"),
        ("é…", true, r"\u{e9}..."),
    ] {
        assert_eq!(one_line(text, ascii), expected, "{text:?}");
    }
}
