//! What redaction takes out and what it leaves, for whoever must approve that a file is handed over.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::RuleEntry;

/// Something that redaction leaves where it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Stays {
    /// What.
    pub what: &'static str,
    /// Why it stays, or how it goes.
    pub why: &'static str,
}

/// What redaction leaves.
pub static STAYS: &[Stays] = &[
    Stays {
        what: "host names and the names of services, namespaces, pods and nodes",
        why: "a diagnosis goes by them; --redact-hostnames replaces host names, consistently, and certificates",
    },
    Stays {
        what: "IP addresses and ports",
        why: "a diagnosis goes by them; --redact-ips replaces addresses, consistently, and certificates",
    },
    Stays {
        what: "paths, and the names of headers, cookies and query parameters",
        why: "routes are matched by them; values under telling names go",
    },
    Stays {
        what: "policies: routes, retries, rate limits, authorization, JWT issuers and audiences",
        why: "they are what is compared",
    },
    Stays {
        what: "certificates, with their subjects, names and times",
        why: "each connection shows them; their private keys go",
    },
    Stays {
        what: "identities: SPIFFE IDs, service accounts, principals, user names beside a secret such as an OAuth client_id",
        why: "they name somebody, and prove nothing",
    },
    Stays {
        what: "the programs of Lua and Wasm filters, and formats of access logs",
        why: "a diagnosis needs them; what looks like a secret in them goes",
    },
    Stays {
        what: "versions, labels, metadata under names that tell nothing, health and statistics",
        why: "a diagnosis goes by them",
    },
    Stays {
        what: "your own --note and the names of the files and URLs that were captured",
        why: "they say what the file is; what looks like a secret in them goes, and user names and passwords in URLs",
    },
    Stays {
        what: "what has neither a telling name nor a telling shape: a password that is a plain word in a field called `value`",
        why: "nothing tells it from configuration: look before you send, and search for what you know",
    },
];

/// How to see what goes and what stays before anything is sent: what to type, and what it does.
const LOOK: [(&str, &str); 4] = [
    (
        "xdsnap redact --dry-run INPUT",
        "each place that would be taken out, by document, path and rule; never a value",
    ),
    (
        "xdsnap redact config_dump.json | less",
        "what is left of a dump, as plain JSON",
    ),
    (
        "xdsnap extract FILE --output-dir DIR",
        "what a bundle holds, as plain files, to be read and searched",
    ),
    (
        "xdsnap info FILE",
        "how many values each rule took out of a bundle, and with which key",
    ),
];

/// What stands in the place of a value.
const TOKENS: &str = "Each value is replaced by [redacted:KEY-TAG]. TAG is a keyed hash of the value \
    (HMAC-SHA-256, cut to 64 bits) and KEY names the key, so equal secrets stay equal and a changed one shows as \
    changed. Without the key a token tells nothing of its secret, not even of a short one. The key never enters a \
    file: it is the user's own, made on first use, or a file that a team shares (--redaction-key-file).";

/// When it is done.
const WHEN: &str = "Whenever a document is read: before the first byte of a bundle is written, before anything is \
    compared, and before anything is printed. Nothing is written to a temporary file before it.";

/// What nobody should overlook.
const OFF: &str = "--no-redact keeps everything. It asks first, the file says so, and `xdsnap info` says it in words: \
    do not send such a file; `xdsnap redact` takes the secrets out.";

/// The texts that stand between the rules and what stays, by what they answer.
pub(super) const ANSWERS: [(&str, &str); 3] = [
    ("When values are taken out", WHEN),
    ("What stands in their place", TOKENS),
    ("When nothing is taken out", OFF),
];

/// The steps to see it before sending.
pub(super) fn look() -> impl Iterator<Item = (&'static str, &'static str)> {
    LOOK.into_iter()
}

/// Writes the rules of redaction, what stays and how to look, as Markdown.
///
/// # Errors
///
/// Where `out` fails.
pub fn markdown(out: &mut dyn Write, rules: &[RuleEntry]) -> io::Result<()> {
    writeln!(out, "# What xdsnap takes out, and what stays\n")?;
    writeln!(out, "By xdsnap {}.\n", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "## What is taken out\n")?;
    writeln!(out, "| rule | takes out | where |")?;
    writeln!(out, "|---|---|---|")?;
    for rule in rules {
        let RuleEntry {
            name,
            reason,
            scope,
            ..
        } = rule;
        let paths = match rule.paths.len() {
            0 => String::new(),
            // A page is not made longer than it is read: the lists are below.
            1..=MOST => format!(": {}", code(&rule.paths)),
            more => format!(": {more} listed below"),
        };
        writeln!(
            out,
            "| `{name}` | {} | {}{paths} |",
            cell(reason),
            cell(scope)
        )?;
    }
    for (question, answer) in ANSWERS {
        writeln!(
            out,
            "\n## {question}\n\n{}",
            answer.split_whitespace().collect::<Vec<_>>().join(" ")
        )?;
    }
    writeln!(out, "\n## What stays\n")?;
    writeln!(out, "| stays | why |\n|---|---|")?;
    for Stays { what, why } in STAYS {
        writeln!(out, "| {} | {} |", cell(what), cell(why))?;
    }
    writeln!(out, "\n## How to see it before sending\n")?;
    for (command, what) in look() {
        writeln!(out, "- `{command}`: {what}")?;
    }
    for rule in rules.iter().filter(|rule| rule.paths.len() > MOST) {
        writeln!(out, "\n## All of `{}`\n", rule.name)?;
        for path in &rule.paths {
            writeln!(out, "- `{path}`")?;
        }
    }
    Ok(())
}

/// The most places that stand in a row of a table.
const MOST: usize = 6;

fn code(paths: &[String]) -> String {
    let quoted: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    quoted.join(", ")
}

/// A text that ends no cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
