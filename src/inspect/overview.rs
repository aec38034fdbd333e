//! The front page of an input: what it is, what it holds, and which questions it cannot answer.

use std::collections::BTreeMap;

use super::PageOverview;
use crate::model::{Document, ProxyId, Source};

/// What an input is, holds and lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// The input as it was named.
    pub label: String,
    /// The version of the bundle format; `None` for what is no bundle.
    pub format: Option<String>,
    /// The program that wrote the bundle.
    pub tool: Option<String>,
    /// The size of the bundle, in bytes.
    pub size_bytes: Option<u64>,
    /// The words of the person who made it.
    pub note: Option<String>,
    /// From the first request to the last answer: RFC 3339.
    pub captured: Option<(String, String)>,
    /// Every proxy that it is about.
    pub proxies: Vec<ProxyOverview>,
    /// The istiods that it is from.
    pub istiods: Vec<IstiodOverview>,
    /// Every document.
    pub documents: Vec<DocumentOverview>,
    /// What could not be captured.
    pub failures: Vec<FailureOverview>,
    /// The rules by which values were redacted.
    pub redaction_rules: Vec<String>,
    /// How many values were redacted.
    pub redacted: u64,
    /// How many of them by each rule, where that is known.
    pub redacted_by: BTreeMap<String, u64>,
    /// The fingerprints of the keys that they were redacted with.
    pub redaction_keys: Vec<String>,
    /// Whether its maker wished that nothing be redacted.
    pub holds_secrets: bool,
    /// By whose key it was sealed; `None` where it was not.
    pub seal: Option<SealOverview>,
    /// What is wrong with the file, a sentence each; empty where it is intact.
    pub damage: Vec<String>,
    /// Whether some of it is a bug report of istioctl, which never holds what istiod would send.
    pub is_bug_report: bool,
}

/// The seal of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealOverview {
    /// The fingerprint of the key.
    pub key: String,
    /// Whether nothing was altered since; `None` where that takes another key than the user's.
    pub holds: Option<bool>,
}

/// What an input holds of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyOverview {
    /// The proxy.
    pub id: ProxyId,
    /// The version of its Envoy.
    pub envoy_version: Option<String>,
    /// The version of its Istio.
    pub istio_version: Option<String>,
}

/// An istiod that an input is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IstiodOverview {
    /// Its name, where there are several.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

/// One document of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentOverview {
    /// Its path in a bundle.
    pub path: String,
    /// Who printed it.
    pub source: Source,
    /// Which document it is.
    pub document: Document,
    /// The proxy that it is about.
    pub proxy: Option<ProxyId>,
    /// Its size in bytes; `None` where it cannot be read.
    pub size_bytes: Option<u64>,
    /// Where it came from.
    pub origin: String,
    /// When it was asked for: RFC 3339.
    pub requested: Option<String>,
    /// How many values were redacted in it.
    pub redacted: Option<u64>,
    /// Whether it is a config dump that has endpoints, if it is one.
    pub has_endpoints: Option<bool>,
    /// What it says beside configuration.
    pub page: PageOverview,
}

/// Something that could not be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureOverview {
    /// What: source, proxy, document and part.
    pub what: String,
    /// Where it would have come from.
    pub origin: String,
    /// When it was asked for: RFC 3339.
    pub time: Option<String>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why.
    pub reason: String,
}

/// A question that an input cannot answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The question.
    pub question: &'static str,
    /// For how many proxies it cannot be answered.
    pub proxies: usize,
    /// How to capture it.
    pub remedy: &'static str,
}

/// What each document is good for, and how it is captured.
struct Need {
    source: Source,
    document: Document,
    question: &'static str,
    remedy: &'static str,
}

const NEEDS: [Need; 8] = [
    Need {
        source: Source::Envoy,
        document: Document::ConfigDump,
        question: "what does the proxy run?",
        remedy: "capture it with --envoy URL",
    },
    Need {
        source: Source::Istiod,
        document: Document::ConfigDump,
        question: "is the proxy in sync with istiod?",
        remedy: "capture it with --istiod URL",
    },
    Need {
        source: Source::Istiod,
        document: Document::Syncz,
        question: "did the proxy reject a cluster or a route, and why?",
        remedy: "capture it with --istiod URL",
    },
    Need {
        source: Source::Envoy,
        document: Document::ServerInfo,
        question: "which Envoy is it, since when, and is it live?",
        remedy: "capture the Envoy by its URL, not a dump",
    },
    Need {
        source: Source::Envoy,
        document: Document::Clusters,
        question: "why is a host unhealthy?",
        remedy: "capture the Envoy by its URL, not a dump",
    },
    Need {
        source: Source::Envoy,
        document: Document::Listeners,
        question: "which addresses are listened on?",
        remedy: "capture the Envoy by its URL, not a dump",
    },
    Need {
        source: Source::Envoy,
        document: Document::Certs,
        question: "when do certificates expire?",
        remedy: "capture the Envoy by its URL, not a dump",
    },
    Need {
        source: Source::Envoy,
        document: Document::Stats,
        question: "were updates rejected, is istiod connected?",
        remedy: "capture the Envoy by its URL, not a dump",
    },
];

impl Overview {
    /// How many proxies have a dump by `source`.
    pub fn dumps(&self, source: Source) -> usize {
        let has = |proxy: &&ProxyOverview| self.has(&proxy.id, source, Document::ConfigDump);
        self.proxies.iter().filter(has).count()
    }

    /// The questions that the input cannot answer, for all proxies or for some.
    pub fn lacks(&self) -> Vec<Lack> {
        let mut lacks = Vec::new();
        for need in &NEEDS {
            let lacking = match need.document {
                Document::Syncz if self.documents.iter().any(|d| d.document == Document::Syncz) => {
                    0
                }
                Document::Syncz => self.proxies.len(),
                document => {
                    let has = |proxy: &&ProxyOverview| self.has(&proxy.id, need.source, document);
                    self.proxies.len() - self.proxies.iter().filter(has).count()
                }
            };
            if lacking > 0 {
                let is_it = |found: &&DocumentOverview| {
                    found.source == need.source && found.document == need.document
                };
                let mut unanswered = self.documents.iter().filter(is_it).filter(|d| !d.answers());
                let unanswered = unanswered.next().map(|document| &document.page);
                let never_holds = self.is_bug_report
                    && (need.source, need.document) == (Source::Istiod, Document::ConfigDump);
                let was_tried = self.failures.iter().any(|failure| {
                    let mut words = failure.what.split(' ');
                    words.next() == Some(need.source.as_str())
                        && words.any(|word| word == need.document.as_str())
                });
                lacks.push(Lack {
                    question: need.question,
                    proxies: lacking,
                    remedy: match unanswered {
                        Some(PageOverview::Unreadable(_)) => "the page cannot be read: see there",
                        Some(_) => "the statistics that are there do not count updates",
                        None if never_holds => {
                            "a bug report does not hold what istiod would send; capture with --istiod URL"
                        }
                        None if was_tried => "capturing it failed: see there",
                        None => need.remedy,
                    },
                });
            }
        }
        let without = self
            .documents
            .iter()
            .filter(|d| d.has_endpoints == Some(false));
        let without = without.filter(|document| document.source == Source::Envoy);
        let without = without.count().min(self.proxies.len());
        if without > 0 {
            lacks.push(Lack {
                question: "which hosts does a cluster have?",
                proxies: without,
                remedy: "take the dump with ?include_eds",
            });
        }
        lacks
    }

    fn has(&self, proxy: &ProxyId, source: Source, document: Document) -> bool {
        self.documents.iter().any(|found| {
            found.source == source
                && found.document == document
                && found.proxy.as_ref() == Some(proxy)
                && found.answers()
        })
    }

    /// What the pages say of each proxy that has such.
    pub fn pages(&self) -> impl Iterator<Item = (&ProxyId, &PageOverview)> {
        let pages = self.documents.iter();
        pages.filter_map(|document| Some((document.proxy.as_ref()?, &document.page)))
    }

    /// The documents that are none, and why.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.documents.iter().filter_map(|document| {
            let PageOverview::Unreadable(reason) = &document.page else {
                return None;
            };
            Some((document.path.as_str(), reason.as_str()))
        })
    }
}

impl DocumentOverview {
    /// Whether it tells what it is there to tell.
    fn answers(&self) -> bool {
        match &self.page {
            PageOverview::Unreadable(_) => false,
            PageOverview::Stats(stats) => !stats.updates.is_empty(),
            PageOverview::Silent | PageOverview::Hosts(_) => true,
        }
    }
}
