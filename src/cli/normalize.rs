//! `xdsnap normalize`

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::{
    Exit, inputs,
    proxies::{ProxyArgs, ResourceArgs},
    redaction, rules, terminal,
};
use crate::{
    capture::Input,
    dump::Dump,
    model::{ProxyId, ResourceKey, Rules, Source, Tally, XdsType},
    normalize::{Value, normalize_by},
    render::{self, ResourceWriter},
};

/// Print the canonical form of what an input holds
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Equal configuration gives equal bytes, whatever its spelling and its order.

Examples:
  xdsnap normalize dump.json --type route --name 9080 | jq .resource
  xdsnap normalize mesh.xdsnap --output-dir mesh   a file for each resource")]
pub(super) struct Args {
    /// Bundle, dump, folder, bug report, URL or `-`; several are read as one
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// The form: jsonl is a line for each resource, json one document
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
    /// Write a file for each resource below this folder instead of printing
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    output_dir: Option<PathBuf>,
    /// Exit with 0 instead of 3 where something is missing
    #[arg(long)]
    allow_missing: bool,
    /// Only what this source says
    #[arg(long, value_name = "SOURCE", value_parser = ["envoy", "istiod"], help_heading = "Choosing")]
    source: Option<String>,
    #[command(flatten)]
    proxies: ProxyArgs,
    #[command(flatten)]
    resources: ResourceArgs,
    #[command(flatten)]
    rules: rules::RuleArgs,
    #[command(flatten)]
    show: redaction::ShowArgs,
    #[command(flatten)]
    from: inputs::InputArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    #[default]
    Jsonl,
    Json,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let named = args.from.named(&args.inputs)?;
    if named.is_empty() {
        bail!("nothing to normalize; give an INPUT");
    }
    let to_terminal = args.output_dir.is_none() && redaction::prints_to_terminal();
    let redactor = args.show.redactor(to_terminal)?;
    let mut input = args.from.open(&named, &redactor)?;
    let labels: Vec<_> = named.iter().map(|named| named.place.to_string()).collect();
    args.show.tell_lost(&labels.join(" "), &input);
    let dumps = choose(&args, &input)?;
    let mut pass = Pass {
        input: &mut input,
        resources: &args.resources,
        rules: args.rules.rules(),
        found: 0,
        unread: Vec::new(),
    };
    match &args.output_dir {
        Some(folder) => {
            for (proxy, source) in &dumps {
                check_new(folder, proxy, *source)?;
            }
            pass.run(&dumps, &mut |proxy, source, key, value| {
                write_file(folder, proxy, source, key, value)
            })?;
            pass.check()?;
        }
        None => match print(args.output, &mut pass, &dumps) {
            // Whoever reads our output has had enough.
            Err(error) if terminal::is_closed(&error) => {}
            printed => printed?,
        },
    }
    Ok(match pass.unread.is_empty() || args.allow_missing {
        true => Exit::Same,
        false => Exit::Missing,
    })
}

/// The dumps that are wanted.
fn choose(args: &Args, input: &Input) -> anyhow::Result<Vec<(ProxyId, Source)>> {
    let wanted = |source: &Source| {
        let name = args.source.as_deref();
        name.is_none_or(|name| name == source.as_str())
    };
    let mut dumps: BTreeSet<(ProxyId, Source)> = BTreeSet::new();
    for source in [Source::Envoy, Source::Istiod].into_iter().filter(wanted) {
        let proxies = input.proxies_of(source).into_iter();
        dumps.extend(proxies.map(|proxy| (proxy, source)));
    }
    if dumps.is_empty() {
        let by = args.source.iter().map(|source| format!(" by {source}"));
        bail!("the input holds no config dump{}", by.collect::<String>());
    }
    let found: BTreeSet<ProxyId> = dumps.iter().map(|(proxy, _)| proxy.clone()).collect();
    let chosen = args.proxies.choose(&found)?;
    let dumps = dumps.into_iter();
    Ok(dumps.filter(|(proxy, _)| chosen.contains(proxy)).collect())
}

/// What becomes of each resource.
type Each<'a> = dyn FnMut(&ProxyId, Source, &ResourceKey, &Value) -> anyhow::Result<()> + 'a;

/// One pass over dumps.
struct Pass<'a> {
    input: &'a mut Input,
    resources: &'a ResourceArgs,
    rules: Rules,
    /// How many resources there were.
    found: usize,
    /// What could not be read, and why.
    unread: Vec<String>,
}

impl Pass<'_> {
    /// Calls `each` with every resource that is wanted. What cannot be read is warned of and left out.
    fn run(&mut self, dumps: &[(ProxyId, Source)], each: &mut Each<'_>) -> anyhow::Result<()> {
        for (proxy, source) in dumps {
            let documents = match self.input.dump(proxy, *source) {
                Ok(documents) => documents,
                Err(error) => {
                    self.miss(error.to_string());
                    continue;
                }
            };
            let parts = documents.iter();
            let parts = parts.map(|(part, bytes)| (part.as_deref(), bytes.as_slice()));
            let dump = match Dump::parse_by(parts, &self.rules) {
                Ok(dump) => dump,
                Err(error) => {
                    self.miss(format!("{source}'s dump of `{proxy}`: {error}"));
                    continue;
                }
            };
            let mut resources: Vec<_> = dump.resources.iter().collect();
            resources.retain(|resource| self.resources.keeps(&resource.key));
            resources.sort_by(|a, b| a.key.cmp(&b.key));
            for resource in resources {
                let key = &resource.key;
                match normalize_by(resource, &dump.types, &mut Tally::new(&self.rules)) {
                    Ok(value) => {
                        self.found += 1;
                        each(proxy, *source, key, &value)?;
                    }
                    Err(error) => self.miss(format!(
                        "{source}'s dump of `{proxy}`: {} `{}`: {error}",
                        key.xds_type, key.name
                    )),
                }
            }
        }
        Ok(())
    }

    fn miss(&mut self, reason: String) {
        terminal::warn(&format!("left out: {reason}"));
        self.unread.push(reason);
    }

    /// Fails where there was nothing.
    fn check(&self) -> anyhow::Result<()> {
        match (self.found, self.unread.first()) {
            (0, Some(reason)) => bail!("nothing could be read: {reason}"),
            (found, _) => self.resources.check_found(found > 0),
        }
    }
}

fn print(output: Output, pass: &mut Pass<'_>, dumps: &[(ProxyId, Source)]) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let failed = "cannot write to standard output";
    let mut writer = match output {
        Output::Jsonl => ResourceWriter::lines(&mut out),
        Output::Json => ResourceWriter::document(&mut out).context(failed)?,
    };
    pass.run(dumps, &mut |proxy, source, key, value| {
        writer.write(proxy, source, key, value).context(failed)
    })?;
    if let Err(error) = pass.check() {
        // The begin of a document that will have nothing in it.
        let _ = out.into_parts();
        return Err(error);
    }
    writer.finish().context(failed)?;
    out.flush().context(failed)
}

/// Fails where a folder holds a proxy's files already: what is left of an earlier run would be taken for
/// configuration.
fn check_new(folder: &Path, proxy: &ProxyId, source: Source) -> anyhow::Result<()> {
    let any = ResourceKey {
        xds_type: XdsType::Bootstrap,
        name: "".into(),
        state: None,
        occurrence: 0,
    };
    let file = folder.join(render::names::resource_path(proxy, source.as_str(), &any));
    // `<proxy>/<source>`, without the type and the name.
    match file.ancestors().nth(2) {
        Some(path) if path.exists() => {
            bail!(
                "`{}` exists; remove it or give another folder",
                path.display()
            )
        }
        _ => Ok(()),
    }
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
