//! What the pages of an Envoy say at a glance: how its hosts are, and whether it took its updates.

use std::collections::BTreeMap;

use crate::{
    dump::admin::{self, Health, PageError, Stats},
    model::Document,
};

/// What a document says beside configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PageOverview {
    /// Nothing that is told here.
    #[default]
    Silent,
    /// `/clusters`.
    Hosts(HostsOverview),
    /// The statistics.
    Stats(Stats),
    /// It is no such page, and why.
    Unreadable(String),
}

/// How the hosts of a proxy are. A host counts once in each cluster that it is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostsOverview {
    /// Those that requests go to.
    pub healthy: u64,
    /// Those that requests go to where too few are healthy.
    pub degraded: u64,
    /// Those that requests do not go to.
    pub unhealthy: u64,
    /// Why hosts are not healthy, in Envoy's words (`failed_outlier_check`), and how many of them; a host may have
    /// several reasons.
    pub reasons: BTreeMap<String, u64>,
    /// How many hosts are not healthy in each cluster that has such.
    pub clusters: BTreeMap<String, u64>,
}

impl PageOverview {
    /// What these `bytes` say, which are that document.
    pub fn of(document: Document, bytes: &[u8]) -> Self {
        let read = match document {
            Document::Clusters => HostsOverview::read(bytes).map(Self::Hosts),
            Document::Stats => Stats::parse(bytes).map(Self::Stats),
            Document::Listeners => admin::listeners(bytes).map(|_| Self::Silent),
            _ => Ok(Self::Silent),
        };
        read.unwrap_or_else(|error| Self::Unreadable(error.to_string()))
    }
}

impl HostsOverview {
    /// Reads `/clusters`, of which only the counts are held.
    fn read(bytes: &[u8]) -> Result<Self, PageError> {
        let mut overview = Self::default();
        admin::clusters(bytes, |cluster| {
            for host in &cluster.hosts {
                match host.health() {
                    Health::Healthy => {
                        overview.healthy += 1;
                        continue;
                    }
                    Health::Degraded => overview.degraded += 1,
                    Health::Unhealthy => overview.unhealthy += 1,
                }
                for reason in host.reasons() {
                    *overview.reasons.entry(reason.to_owned()).or_default() += 1;
                }
                *overview.clusters.entry(cluster.name.clone()).or_default() += 1;
            }
        })?;
        Ok(overview)
    }
}
