//! `xdsnap info`

use std::sync::Arc;

use super::{
    Exit, inputs,
    output::{Output, OutputArgs},
    redaction, terminal,
};
use crate::render;
use anyhow::bail;

/// Tell what a bundle or another input is, holds and lacks
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything is read, and every checksum verified. Exit status: 0 intact,
1 something is damaged.

Examples:
  xdsnap info web.xdsnap             the front page
  xdsnap info web.xdsnap --members   every document in it
  xdsnap info http://127.0.0.1:15000 -o json | jq -r '.proxies[].id'")]
pub(super) struct Args {
    /// Bundle, dump, folder, bug report, URL or `-`; several are read as one
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// List every document, with its size and where it came from
    #[arg(long)]
    members: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    terminal: terminal::TerminalArgs,
    #[command(flatten)]
    from: inputs::InputArgs,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let named = args.from.named(&args.inputs)?;
    if named.is_empty() {
        bail!("nothing to look at; give an INPUT");
    }
    let labels: Vec<_> = named.iter().map(|named| named.place.to_string()).collect();
    // Nothing of a secret is told, not even whether it is that of another input: no key is needed.
    let mut input = args.from.open(&named, &Arc::default())?;
    let sealer = redaction::sealer();
    let overview = input.overview(&labels.join(" "), sealer.as_ref())?;
    let style = args.terminal.style();
    args.terminal
        .page(|out| match (args.output.form, args.members) {
            (Output::Json, _) => render::info_json(out, &overview),
            (Output::Text, true) => render::info_members(out, &overview, style),
            (Output::Text, false) => render::info(out, &overview, style),
        })?;
    Ok(match overview.damage.is_empty() {
        true => Exit::Same,
        false => Exit::Differs,
    })
}
