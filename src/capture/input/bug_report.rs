//! The layout of what `istioctl bug-report` writes: which of its files hold a document of ours, and whose.
//!
//! From `tools/bug-report` of Istio: `proxies/<namespace>/<pod>/<page>` and `istio/<namespace>/<pod>/<page>`, in a
//! folder `bug-report` where it is an archive. The pages are named after their URLs, and are as `curl` gives them:
//! `/clusters`, `/listeners` and `/stats/prometheus` are text. What istiod would send (`/debug/config_dump?proxyID=`)
//! is never among them.

use crate::{
    bundle::{FailureEntry, Origin},
    model::{Document, ProxyId, Source},
};

/// Why no bug report answers what istiod would send.
pub(super) const NOTHING_EXPECTED: &str = "a bug report does not hold what istiod would send";

/// What is said where a bug report has [`NOT_KEPT`].
const REST: &str = "; its custom resources are not kept, for they cannot be redacted yet";

/// A file that would be worth keeping, by how its path ends: YAML of any kind, for which redaction has no rules yet.
const NOT_KEPT: &str = "cluster/crs";

/// Whether the file at that path, which has slashes, would be worth keeping and is not kept.
pub(super) fn is_not_kept(path: &str) -> bool {
    path.ends_with(NOT_KEPT)
}

/// What no bug report holds, as a capture notes it: `leaves_out` where there are files that are not kept.
pub(super) fn inherent(origin: Origin, leaves_out: bool) -> FailureEntry {
    FailureEntry {
        source: Source::Istiod.to_string(),
        proxy: None,
        document: Some(Document::ConfigDump.to_string()),
        part: None,
        origin,
        time: None,
        status: None,
        reason: match leaves_out {
            true => format!("{NOTHING_EXPECTED}{REST}"),
            false => NOTHING_EXPECTED.to_owned(),
        },
    }
}

/// Whether nothing failed but a bug report was captured, which never holds more.
pub(super) fn is_inherent(failure: &FailureEntry) -> bool {
    failure.source == Source::Istiod.as_str() && failure.reason.starts_with(NOTHING_EXPECTED)
}

/// A file of a bug report that holds a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReportFile {
    /// The folder that the bug report is in; empty where it is in none.
    pub(super) root: String,
    /// Whose document it is.
    pub(super) of: Of,
    /// Which document.
    pub(super) document: Document,
    /// Which of the names for that document it has: the lower, the better.
    pub(super) rank: usize,
}

/// Whose a document is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// A proxy's.
    Proxy(ProxyId),
    /// The istiod's of that name, which is `<pod>.<namespace>`, too.
    Istiod(ProxyId),
}

/// The pages of an Envoy; of two names for one document the better is first.
const PROXY_PAGES: [(&str, Document); 8] = [
    ("config_dump?include_eds", Document::ConfigDump),
    // Of older releases.
    ("config_dump", Document::ConfigDump),
    ("server_info", Document::ServerInfo),
    ("clusters", Document::Clusters),
    ("listeners", Document::Listeners),
    ("certs", Document::Certs),
    ("stats/prometheus", Document::Stats),
    ("istio-proxy.log", Document::Log),
];

const ISTIOD_PAGES: [(&str, Document); 1] = [("debug/syncz", Document::Syncz)];

impl ReportFile {
    /// The document at that path, which has slashes, if there is one.
    pub(super) fn at(path: &str) -> Option<Self> {
        let (root, path) = match path.split_once('/')? {
            ("proxies" | "istio", _) => ("", path),
            (root, path) => (root, path),
        };
        let mut parts = path.splitn(4, '/');
        let (kind, namespace, pod, page) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let id = ProxyId::new(format!("{pod}.{namespace}")).ok()?;
        let (of, pages) = match kind {
            "proxies" => (Of::Proxy(id), &PROXY_PAGES[..]),
            "istio" => (Of::Istiod(id), &ISTIOD_PAGES[..]),
            _ => return None,
        };
        let rank = pages.iter().position(|(name, _)| *name == page)?;
        Some(Self {
            root: root.to_owned(),
            of,
            document: pages[rank].1,
            rank,
        })
    }

    /// Whether this is what no bug report lacks.
    pub(super) fn is_dump(&self) -> bool {
        self.document == Document::ConfigDump
    }
}

/// Whether a text that begins so is the page of that document, and no error message in its place.
pub(super) fn is_page(document: Document, start: &str) -> bool {
    if document == Document::Log {
        return true;
    }
    let mut lines = start.lines().filter(|line| !line.trim().is_empty());
    let Some(line) = lines.next() else {
        return false;
    };
    match document {
        // `<cluster>::<host>::<counter>::<value>`, `<listener>::<address>`.
        Document::Clusters | Document::Listeners => line.contains("::") && !line.contains(": "),
        // `# TYPE envoy_x counter`, then `envoy_x{labels} 5`.
        Document::Stats => ["# HELP ", "# TYPE ", "envoy_", "istio_"]
            .iter()
            .any(|start| line.starts_with(start)),
        _ => false,
    }
}

#[test]
fn a_file_is_known_by_its_place() {
    let proxy = Of::Proxy(ProxyId::new("web-1.shop").unwrap());
    let istiod = Of::Istiod(ProxyId::new("istiod-7.istio-system").unwrap());
    for (path, expected) in [
        (
            "proxies/shop/web-1/config_dump",
            Some(("", &proxy, Document::ConfigDump)),
        ),
        (
            "bug-report/proxies/shop/web-1/config_dump?include_eds",
            Some(("bug-report", &proxy, Document::ConfigDump)),
        ),
        (
            "bug-report/proxies/shop/web-1/stats/prometheus",
            Some(("bug-report", &proxy, Document::Stats)),
        ),
        (
            "istio/istio-system/istiod-7/debug/syncz",
            Some(("", &istiod, Document::Syncz)),
        ),
        ("istio/istio-system/istiod-7/debug/configz", None),
        (
            "bug-report/proxies/shop/web-1/istio-proxy.log",
            Some(("bug-report", &proxy, Document::Log)),
        ),
        ("bug-report/cluster/crs", None),
        ("a/b/proxies/shop/web-1/config_dump", None),
        ("proxies/shop/config_dump", None),
        ("proxies//web-1/memory", None),
        ("config_dump", None),
    ] {
        let found = ReportFile::at(path);
        let found = found
            .as_ref()
            .map(|file| (file.root.as_str(), &file.of, file.document));
        assert_eq!(found, expected, "{path}");
    }
    let rank = |name| ReportFile::at(name).unwrap().rank;
    assert!(rank("proxies/a/b/config_dump?include_eds") < rank("proxies/a/b/config_dump"));
}

#[test]
fn a_page_of_text_is_told_from_an_error_message() {
    for (document, start, expected) in [
        (Document::Clusters, "web::10.0.0.1:80::cx_active::0\n", true),
        (
            Document::Clusters,
            "error: unable to upgrade connection: x::y\n",
            false,
        ),
        (Document::Clusters, "", false),
        (Document::Listeners, "virtualInbound::0.0.0.0:15006\n", true),
        (
            Document::Stats,
            "# TYPE envoy_x counter\nenvoy_x{} 0\n",
            true,
        ),
        (Document::Stats, "\nenvoy_x{a=\"b\"} 0\n", true),
        (
            Document::Stats,
            "command terminated with exit code 7\n",
            false,
        ),
        (Document::Stats, "upstream connect error\n", false),
        (Document::Log, "2026-11-20T10:00:00Z\tinfo\tready\n", true),
        (Document::Log, "", true),
        (Document::ConfigDump, "a::b\n", false),
    ] {
        assert_eq!(is_page(document, start), expected, "{start}");
    }
}
