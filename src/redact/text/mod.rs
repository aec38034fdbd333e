//! Secrets in texts: which parts of one go, by what the text is.

mod pem;
mod reason;

use super::cut::{Cut, Hider};

pub(super) use pem::is_in_base64;
pub use reason::scrub_reason;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// Any.
    Plain,
    /// Why Envoy rejected an update.
    Reason,
    /// A program in Lua: it loses its literals and stays a program.
    Lua,
    /// What configures a Wasm plugin, mostly JSON: it loses its literals.
    Wasm,
    /// A format of an access log: literals with `%COMMANDS%` in between.
    Format,
    /// Lines of a log of Envoy or pilot-agent.
    Log,
}

/// What goes of `text`: in order, none in another.
pub(super) fn find(text: &str, language: Language, hider: &Hider) -> Vec<Cut> {
    match language {
        Language::Plain | Language::Lua | Language::Wasm | Language::Format | Language::Log => {
            pem::find(text, hider)
        }
        Language::Reason => reason::find(text, hider),
    }
}

/// The same where `known` tells names that a [reason](Language::Reason) may quote.
pub(super) fn find_knowing(
    text: &str,
    language: Language,
    known: &dyn Fn(&str) -> bool,
    hider: &Hider,
) -> Vec<Cut> {
    let cuts = find(text, language, hider);
    let quoted = |cut: &Cut| text[cut.range.clone()].trim_matches(['\'', '"']).to_owned();
    cuts.into_iter()
        .filter(|cut| !known(&quoted(cut)))
        .collect()
}
