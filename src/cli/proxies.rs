//! Choosing proxies and resources by name.

use std::collections::BTreeSet;

use anyhow::bail;
use wildmatch::WildMatch;

use crate::model::{ProxyId, ResourceKey, XdsType};

/// Which proxies are wanted.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Choosing")]
pub(super) struct ProxyArgs {
    /// Only this proxy (repeatable): ID, pod, workload (`deploy/web`), glob, or prefix ending at `-` or `.`
    #[arg(short, long, value_name = "NAME")]
    proxy: Vec<String>,
    /// Only proxies of this namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
}

/// Which resources are wanted.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Choosing")]
pub(super) struct ResourceArgs {
    /// Only this type: cluster (cds), listener, route, endpoint, secret, bootstrap, ...
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<XdsType>,
    #[command(flatten)]
    names: NameArgs,
}

/// What the resources that are wanted are called.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Choosing")]
pub(super) struct NameArgs {
    /// Only resources of this name; `*` is any text
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
}

impl NameArgs {
    /// Fails where names were asked for and not `any` resource was found.
    pub(super) fn check_found(&self, any: bool) -> anyhow::Result<()> {
        let asked: Vec<String> = self.asked().collect();
        if !any && !asked.is_empty() {
            bail!("there is no such resource: {}", asked.join(" "));
        }
        Ok(())
    }

    /// Whether a resource is wanted.
    pub(super) fn keeps(&self, key: &ResourceKey) -> bool {
        let is_name =
            |pattern: &String| **pattern == *key.name || WildMatch::new(pattern).matches(&key.name);
        self.name.is_empty() || self.name.iter().any(is_name)
    }

    /// The flags as they were typed.
    fn asked(&self) -> impl Iterator<Item = String> {
        self.name.iter().map(|name| format!("--name {name}"))
    }
}

impl ResourceArgs {
    /// Whether every resource is wanted.
    pub(super) fn keeps_all(&self) -> bool {
        self.types.is_empty() && self.names.name.is_empty()
    }

    /// Fails where resources were asked for and not `any` was found.
    pub(super) fn check_found(&self, any: bool) -> anyhow::Result<()> {
        let types = self.types.iter().map(|t| format!("--type {t}"));
        let asked: Vec<String> = types.chain(self.names.asked()).collect();
        if !any && !asked.is_empty() {
            bail!("there is no such resource: {}", asked.join(" "));
        }
        Ok(())
    }

    /// Whether a resource is wanted.
    pub(super) fn keeps(&self, key: &ResourceKey) -> bool {
        let is_type = self.types.is_empty() || self.types.contains(&key.xds_type);
        is_type && self.names.keeps(key)
    }
}

impl ProxyArgs {
    /// The proxies of `found` that are wanted.
    ///
    /// # Errors
    ///
    /// Where a name matches none of them.
    pub(super) fn choose(&self, found: &BTreeSet<ProxyId>) -> anyhow::Result<BTreeSet<ProxyId>> {
        let in_namespace = |id: &&ProxyId| match &self.namespace {
            Some(namespace) => id.namespace() == Some(namespace),
            None => true,
        };
        let all = found;
        let found: BTreeSet<ProxyId> = all.iter().filter(in_namespace).cloned().collect();
        if let (Some(namespace), true) = (&self.namespace, found.is_empty()) {
            let there: BTreeSet<&str> = all.iter().filter_map(ProxyId::namespace).collect();
            let there: Vec<&str> = there.into_iter().collect();
            bail!("no proxy in namespace `{namespace}`{}", among(&there));
        }
        if self.proxy.is_empty() {
            return Ok(found);
        }
        let mut chosen = BTreeSet::new();
        for name in &self.proxy {
            let matching: Vec<_> = found
                .iter()
                .filter(|id| matches(name, id))
                .cloned()
                .collect();
            if matching.is_empty() {
                bail!("no proxy is called `{name}`{}", nearest(name, &found));
            }
            chosen.extend(matching);
        }
        Ok(chosen)
    }
}

/// What there is instead, for an error message.
fn among(names: &[&str]) -> String {
    const MOST: usize = 5;
    let mut quoted: Vec<_> = names
        .iter()
        .take(MOST)
        .map(|name| format!("`{name}`"))
        .collect();
    if names.len() > MOST {
        quoted.push(format!("{} more", names.len() - MOST));
    }
    match quoted.is_empty() {
        true => String::new(),
        false => format!(" (there are {})", quoted.join(", ")),
    }
}

/// Whether `name` means the proxy `id`.
pub(super) fn matches(name: &str, id: &ProxyId) -> bool {
    let id = id.as_str();
    let (kind, name) = name.split_once('/').unwrap_or(("", name));
    let is_prefix = id.strip_prefix(name).is_some_and(|rest| {
        name.ends_with(['-', '.']) || rest.is_empty() || rest.starts_with(['-', '.'])
    });
    match kind {
        "pod" => id == name || id.rsplit_once('.').is_some_and(|(pod, _)| pod == name),
        _ => is_prefix || (name.contains('*') && WildMatch::new(name).matches(id)),
    }
}

/// The names nearest to one that was not found, for an error message.
pub(super) fn nearest(name: &str, found: &BTreeSet<ProxyId>) -> String {
    nearest_of(name, found.iter().map(ProxyId::as_str))
}

/// As [`nearest`], of whatever has names.
pub(super) fn nearest_of<'a>(name: &str, found: impl Iterator<Item = &'a str>) -> String {
    let mut near: Vec<(usize, &str)> = found
        .map(|id| {
            // A pod's name is long; what was typed is often its beginning.
            let end = id
                .char_indices()
                .nth(name.chars().count())
                .map_or(id.len(), |(at, _)| at);
            let distance = strsim::damerau_levenshtein(name, id)
                .min(strsim::damerau_levenshtein(name, &id[..end]));
            (distance, id)
        })
        .collect();
    near.sort();
    let names: Vec<_> = near
        .iter()
        .take(3)
        .map(|(_, id)| format!("`{id}`"))
        .collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" (nearest: {})", names.join(", ")),
    }
}

#[test]
fn a_proxy_is_meant_by_id_pod_workload_glob_or_prefix() {
    let id = ProxyId::new("reviews-v1-545db77b95-2k8ls.default").unwrap();
    for (name, expected) in [
        ("reviews-v1-545db77b95-2k8ls.default", true),
        ("reviews-v1-545db77b95-2k8ls", true),
        ("pod/reviews-v1-545db77b95-2k8ls", true),
        ("deploy/reviews-v1", true),
        ("reviews-v1", true),
        ("reviews-", true),
        ("*-2k8ls.*", true),
        ("rev", false),
        ("reviews-v", false),
        ("pod/reviews-v1", false),
    ] {
        assert_eq!(matches(name, &id), expected, "{name}");
    }
}
