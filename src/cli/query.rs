//! `--select` and `--ignore`: JSONPath queries, checked before anything is compared.

use std::path::PathBuf;

use anyhow::{Context, anyhow};

/// Which parts of resources are wanted.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Choosing")]
pub(super) struct QueryArgs {
    /// Only changes in what this JSONPath query selects
    #[arg(long, value_name = "QUERY")]
    select: Vec<String>,
    /// Leave out what this query selects, on both sides
    #[arg(long, value_name = "QUERY")]
    ignore: Vec<String>,
    /// Queries to ignore, a line each; `#` comments out
    #[arg(long, value_name = "FILE")]
    ignore_file: Vec<PathBuf>,
}

impl QueryArgs {
    pub(super) fn is_empty(&self) -> bool {
        self.select.is_empty() && self.ignore.is_empty() && self.ignore_file.is_empty()
    }

    pub(super) fn select(&self) -> anyhow::Result<Vec<String>> {
        self.select
            .iter()
            .map(|query| check("--select", query))
            .collect()
    }

    pub(super) fn ignore(&self) -> anyhow::Result<Vec<String>> {
        let mut queries: Vec<String> = self
            .ignore
            .iter()
            .map(|query| check("--ignore", query))
            .collect::<anyhow::Result<_>>()?;
        for file in &self.ignore_file {
            let name = file.display();
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("--ignore-file: cannot read `{name}`"))?;
            for (number, line) in text.lines().enumerate() {
                let query = line.trim();
                if !query.is_empty() && !query.starts_with('#') {
                    queries.push(check(&format!("{name}, line {}", number + 1), query)?);
                }
            }
        }
        Ok(queries)
    }
}

fn check(origin: &str, query: &str) -> anyhow::Result<String> {
    match jsonpath_rust::parser::parse_json_path(query) {
        Ok(_) => Ok(query.to_owned()),
        Err(_) => Err(anyhow!(
            "{origin}: `{query}` is no JSONPath query (expected for example $.virtual_hosts[*].routes)"
        )),
    }
}
