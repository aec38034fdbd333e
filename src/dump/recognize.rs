//! What a document is, read from its content and never from its name.

use super::json::{self, Walker};
use crate::model::{Document, Source};

/// What a document turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Which document.
    pub document: Document,
    /// Who printed it.
    pub source: Source,
}

/// Members that only one document has at its top.
const MARKS: [(&str, Document); 5] = [
    ("command_line_options", Document::ServerInfo),
    ("cluster_statuses", Document::Clusters),
    ("listener_statuses", Document::Listeners),
    ("certificates", Document::Certs),
    ("stats", Document::Stats),
];

/// Tells what `bytes` hold, or `None` where they are nothing that xdsnap knows. A config dump's source is read
/// from its resources, see [`super::Dump::source`].
pub fn recognize(bytes: &[u8]) -> Option<Content> {
    let root = json::document(bytes).ok()?;
    let walker = Walker(bytes);
    let mut found = None;
    if root.first() == Some(&b'[') {
        let mut proxies = false;
        walker
            .items(root, |item| {
                proxies |= walker.find(item, &[["proxy", "proxy"]])?.is_some();
                Ok::<_, super::JsonError>(())
            })
            .ok()?;
        return proxies.then_some(Content {
            document: Document::Syncz,
            source: Source::Istiod,
        });
    }
    walker
        .members(root, |key, value| {
            if key == "configs" && value.first() == Some(&b'[') {
                found = Some(Document::ConfigDump);
            }
            if let Some((_, document)) = MARKS.iter().find(|(mark, _)| *mark == key) {
                found = found.or(Some(*document));
            }
            Ok::<_, super::JsonError>(())
        })
        .ok()?;
    let document = found?;
    let source = match document {
        Document::ConfigDump => super::Dump::parse([(None, bytes)]).ok()?.source(),
        _ => Source::Envoy,
    };
    Some(Content { document, source })
}
