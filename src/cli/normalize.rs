//! `xdsnap normalize`

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::{
    Exit, inputs,
    proxies::{ProxyArgs, ResourceArgs},
    terminal,
};
use crate::{
    capture::Input,
    dump::Dump,
    model::{ProxyId, ResourceKey, Source},
    normalize::{Value, normalize},
    render::{self, ResourceWriter},
};

/// Print the canonical form of what an input holds
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Equal configuration gives equal bytes, whatever its spelling, its order and the process that printed it.

Examples:
  xdsnap normalize dump.json --type route --name 9080 | jq .resource
  xdsnap normalize mesh.xdsnap --output-dir mesh/     a file for each resource, for any diff tool")]
pub(super) struct Args {
    /// Bundle, dump, folder, URL or `-`
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    from: inputs::InputArgs,
    /// Only what this source says
    #[arg(long, value_name = "SOURCE", value_parser = ["envoy", "istiod"])]
    source: Option<String>,
    #[command(flatten)]
    proxies: ProxyArgs,
    #[command(flatten)]
    resources: ResourceArgs,
    /// The form of the output
    #[arg(
        short,
        long,
        alias = "format",
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    output: Output,
    /// Write a file for each resource below this folder instead of printing
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    output_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line for each resource
    #[default]
    Jsonl,
    /// One document: `xdsnap.normalize/v1`
    Json,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let named = args.from.named(&args.inputs)?;
    if named.is_empty() {
        bail!("nothing to normalize; give an INPUT");
    }
    let mut input = args.from.open(&named)?;
    if let Some(folder) = &args.output_dir {
        return run_all(&args, &mut input, &mut |proxy, source, key, value| {
            write_file(folder, proxy, source, key, value)
        });
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let failed = "cannot write to standard output";
    let mut writer = match args.output {
        Output::Jsonl => ResourceWriter::lines(&mut out),
        Output::Json => ResourceWriter::document(&mut out).context(failed)?,
    };
    let exit = run_all(&args, &mut input, &mut |proxy, source, key, value| {
        writer.write(proxy, source, key, value).context(failed)
    })?;
    writer.finish().context(failed)?;
    out.flush().context(failed)?;
    Ok(exit)
}

/// What becomes of each resource.
type Each<'a> = dyn FnMut(&ProxyId, Source, &ResourceKey, &Value) -> anyhow::Result<()> + 'a;

fn run_all(args: &Args, input: &mut Input, each: &mut Each<'_>) -> anyhow::Result<Exit> {
    let sources = [Source::Envoy, Source::Istiod];
    let wanted = |source: &Source| {
        args.source
            .as_deref()
            .is_none_or(|name| name == source.as_str())
    };
    let mut dumps: BTreeMap<ProxyId, Vec<Source>> = BTreeMap::new();
    for source in sources.into_iter().filter(wanted) {
        for proxy in input.proxies_of(source) {
            dumps.entry(proxy).or_default().push(source);
        }
    }
    if dumps.is_empty() {
        bail!("the input holds no such config dump");
    }
    let found: BTreeSet<ProxyId> = dumps.keys().cloned().collect();
    let mut exit = Exit::Same;
    for proxy in args.proxies.choose(&found)? {
        for &source in &dumps[&proxy] {
            let documents = input.dump(&proxy, source)?;
            let parts = documents
                .iter()
                .map(|(part, bytes)| (part.as_deref(), bytes.as_slice()));
            let dump =
                Dump::parse(parts).with_context(|| format!("{source}'s dump of `{proxy}`"))?;
            let mut resources: Vec<_> = dump.resources.iter().collect();
            resources.sort_by(|a, b| a.key.cmp(&b.key));
            for resource in resources
                .into_iter()
                .filter(|r| args.resources.keeps(&r.key))
            {
                match normalize(resource, &dump.types) {
                    Ok(value) => each(&proxy, source, &resource.key, &value)?,
                    Err(error) => {
                        let key = &resource.key;
                        let text = format!("{proxy}: {} `{}`: {error}", key.xds_type, key.name);
                        anstream::eprintln!("xdsnap: warning: {}", terminal::one_line(&text));
                        exit = Exit::Missing;
                    }
                }
            }
        }
    }
    Ok(exit)
}

fn write_file(
    folder: &Path,
    proxy: &ProxyId,
    source: Source,
    key: &ResourceKey,
    value: &Value,
) -> anyhow::Result<()> {
    let path = folder.join(render::names::resource_path(proxy, source.as_str(), key));
    let failed = || format!("cannot write `{}`", path.display());
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(failed)?;
    }
    let mut out = io::BufWriter::new(File::create(&path).with_context(failed)?);
    render::document(&mut out, value)
        .and_then(|()| out.flush())
        .with_context(failed)
}
