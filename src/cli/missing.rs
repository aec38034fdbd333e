//! What a capture missed, for a person: a line for each source and reason, however many documents.

use std::collections::HashMap;

use super::progress::live_source;
use crate::bundle::Failure;

/// Lines that are shown.
const MOST: usize = 20;

/// `envoy web-1.shop config_dump, certs (http://127.0.0.1:15000): connection refused`, one for all documents that
/// one source did not give for one reason.
pub(super) fn lines(failures: &[Failure]) -> Vec<String> {
    let mut groups: Vec<(String, String, Vec<String>)> = Vec::new();
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    for failure in failures {
        let origin = failure.origin.to_string();
        let origin = live_source(&origin).unwrap_or(&origin);
        let mut who = vec![failure.source.to_string()];
        who.extend(failure.proxy.as_ref().map(ToString::to_string));
        let who = who.join(" ");
        let why = format!("({origin}): {}", failure.reason);
        let document = failure.document.map(|document| match &failure.part {
            Some(part) => format!("{document}.{part}"),
            None => document.to_string(),
        });
        let group = *known.entry((who.clone(), why.clone())).or_insert_with(|| {
            groups.push((who, why, Vec::new()));
            groups.len() - 1
        });
        groups[group].2.extend(document);
    }
    let more = groups.len().saturating_sub(MOST);
    let shown = groups.into_iter().take(MOST);
    let mut lines: Vec<String> = shown
        .map(|(who, why, documents)| match documents.is_empty() {
            true => format!("{who} {why}"),
            false => format!("{who} {} {why}", documents.join(", ")),
        })
        .collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

#[test]
fn documents_that_one_source_did_not_give_for_one_reason_share_a_line() {
    use crate::{
        bundle::Origin,
        model::{Document, ProxyId, Source},
    };
    let failure = |document, reason: &str| Failure {
        source: Source::Envoy,
        proxy: Some(ProxyId::new("web-1.shop").unwrap()),
        document: Some(document),
        part: None,
        origin: Origin::url(format!("http://127.0.0.1:15000/{document}")),
        time: None,
        status: None,
        reason: reason.to_owned(),
    };
    let failures = [
        failure(Document::Clusters, "connection refused"),
        failure(Document::Stats, "timed out after 60s"),
        failure(Document::Certs, "connection refused"),
    ];
    assert_eq!(
        lines(&failures),
        [
            "envoy web-1.shop clusters, certs (http://127.0.0.1:15000): connection refused",
            "envoy web-1.shop stats (http://127.0.0.1:15000): timed out after 60s",
        ]
    );
    let many: Vec<_> = (0..30)
        .map(|i| failure(Document::Stats, &format!("reason {i}")))
        .collect();
    assert_eq!(lines(&many).len(), MOST + 1);
    assert_eq!(lines(&many)[MOST], "and 10 more");
}
