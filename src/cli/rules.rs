//! `xdsnap rules`, and the options that switch rules off.

use anyhow::bail;
use clap::ValueEnum;

use super::{Exit, terminal};
use crate::{diff, model::Rules, redact, render};

/// Which rules are on.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Rules")]
pub(super) struct RuleArgs {
    /// Switch off this rule of `xdsnap rules` (repeatable)
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = switchable)]
    no_rule: Vec<&'static str>,
    /// Switch all rules off: whatever differs counts
    #[arg(long)]
    strict: bool,
}

impl RuleArgs {
    pub(super) fn are_given(&self) -> bool {
        self.strict || !self.no_rule.is_empty()
    }

    pub(super) fn rules(&self) -> Rules {
        match self.strict {
            true => Rules::without(diff::rules().map(|(_, rule)| rule.name)),
            false => Rules::without(self.no_rule.iter().copied()),
        }
    }
}

/// The rule called `name`, if it can be switched off.
fn switchable(name: &str) -> Result<&'static str, String> {
    let names: Vec<&'static str> = diff::rules().map(|(_, rule)| rule.name).collect();
    if let Some(found) = names.iter().find(|found| **found == name) {
        return Ok(found);
    }
    match redact::RULES.iter().any(|rule| rule.name == name) {
        true => Err(format!(
            "`{name}` is a rule of redaction, which cannot be switched off"
        )),
        false => Err(unknown(name, names)),
    }
}

/// Says that there is no rule `name`, and which of `names` are nearest.
fn unknown(name: &str, mut names: Vec<&str>) -> String {
    names.sort_by_key(|known| strsim::damerau_levenshtein(name, known));
    let nearest: Vec<_> = names
        .iter()
        .take(3)
        .map(|name| format!("`{name}`"))
        .collect();
    format!(
        "there is no rule `{name}` (nearest: {}; `xdsnap rules` lists all)",
        nearest.join(", ")
    )
}

/// Print the rules by which values do not count, or are taken out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
`--no-rule NAME` of `diff` and `normalize` switches a rule off, `--strict` all
of them; what redaction takes out is never written. `xdsnap diff --why` says
how many values each rule hid.

Examples:
  xdsnap rules                  all of them
  xdsnap rules host-health      this one
  xdsnap rules --redaction -o markdown   for who must approve it
  xdsnap rules -o json | jq -r '.rules[].name'")]
pub(super) struct Args {
    /// Only these rules
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Only those of redaction, with what stays and how to look before sending
    #[arg(long)]
    redaction: bool,
    /// The form: text, json for a script, with --redaction also markdown
    #[arg(
        short,
        long,
        alias = "format",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "FORMAT"
    )]
    output: Output,
    #[command(flatten)]
    terminal: terminal::TerminalArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    #[default]
    Text,
    Json,
    Markdown,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let mut table = match args.redaction {
        true => render::redaction_table(),
        false => render::rule_table(),
    };
    if args.output == Output::Markdown && !args.redaction {
        bail!(
            "-o markdown is the page for whoever must approve redaction; give --redaction with it"
        );
    }
    for name in &args.names {
        if !table.iter().any(|rule| rule.name == name) {
            bail!(unknown(name, table.iter().map(|rule| rule.name).collect()));
        }
    }
    table.retain(|rule| args.names.is_empty() || args.names.iter().any(|name| rule.name == name));
    let style = args.terminal.style();
    args.terminal.page(|out| match args.output {
        Output::Text if args.redaction => render::redaction_rules(out, &table, style),
        Output::Text => render::rules(out, &table, style),
        Output::Json => render::rules_json(out, &table, args.redaction),
        Output::Markdown => render::redaction_markdown(out, &table),
    })?;
    Ok(Exit::Same)
}

#[test]
fn a_name_that_is_no_rule_is_answered_with_the_nearest() {
    assert_eq!(switchable("host-health"), Ok("host-health"));
    let error = switchable("host-helth").unwrap_err();
    assert!(
        error.starts_with("there is no rule `host-helth` (nearest: `host-health`, "),
        "{error}"
    );
    let error = switchable("secret-names").unwrap_err();
    assert!(error.contains("cannot be switched off"), "{error}");
}
