//! What is being read, on standard error: one line that changes on a terminal, else a line for each source.

use std::{
    collections::BTreeSet,
    io::{IsTerminal, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::terminal;

/// Says what is being read.
pub(super) enum Progress {
    Quiet,
    /// Shown once there is something to say.
    Bar(Option<ProgressBar>),
    Lines {
        told: BTreeSet<String>,
    },
}

impl Progress {
    /// For a command whose work is reading: says each source even where nobody watches.
    pub(super) fn new(quiet: bool) -> Self {
        match (quiet, is_watched()) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Bar(None),
            (false, false) => Self::Lines {
                told: BTreeSet::new(),
            },
        }
    }

    /// For a command that prints something else: silent unless somebody watches.
    pub(super) fn aside() -> Self {
        match is_watched() {
            true => Self::Bar(None),
            false => Self::Quiet,
        }
    }

    /// `what` is a URL, or the path of a member.
    pub(super) fn at(&mut self, what: &str) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => bar
                .get_or_insert_with(new_bar)
                .set_message(terminal::one_line(what, false)),
            Self::Lines { told } => {
                let source = source_of(what);
                if told.insert(source.to_owned()) {
                    terminal::tell(&format!("reading {source}"));
                }
            }
        }
    }

    pub(super) fn end(&mut self) {
        if let Self::Bar(Some(bar)) = self {
            bar.finish_and_clear();
        }
    }
}

/// Whether standard error is a terminal on which a line can change.
fn is_watched() -> bool {
    stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style.tick_chars("-\\|/ "));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// The part of a URL that all documents of one live source share; `None` for what is no URL.
pub(super) fn live_source(url: &str) -> Option<&str> {
    if let Some((scheme, rest)) = url.split_once("://") {
        let end = rest.find('/').unwrap_or(rest.len());
        return Some(&url[..scheme.len() + 3 + end]);
    }
    let rest = url.strip_prefix("unix:")?;
    let end = rest.find(":/").unwrap_or(rest.len());
    Some(&url[.."unix:".len() + end])
}

/// The part of a URL, or of a member's path, that all documents of one source share.
fn source_of(what: &str) -> &str {
    let folder = || what.rsplit_once('/').map_or(what, |(folder, _)| folder);
    live_source(what).unwrap_or_else(folder)
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
