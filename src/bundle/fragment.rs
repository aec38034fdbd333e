//! What a partial file says, bit by bit, of the manifest to come.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    about::Head,
    error::Reason,
    format::{Captured, FORMAT, FailureEntry, IstiodEntry, MAX_JSON_DEPTH, ProxyEntry, Version},
    reader::check_depth,
};

/// The largest fragment that is read, in bytes.
pub(super) const MAX_FRAGMENT_BYTES: u64 = 1 << 20;

/// What is known of a whole bundle. The fields are those of the manifest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Known {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tool: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) captured: Option<Captured>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) proxies: Vec<ProxyEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) istiods: Vec<IstiodEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failures: Vec<FailureEntry>,
    /// Those of `redaction`; how many values they replaced, the members tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rules: Vec<String>,
    /// Those of `redaction`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) keys: BTreeSet<String>,
    /// That of `redaction`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) off: bool,
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.tool.is_empty()
            && self.note.is_none()
            && self.captured.is_none()
            && self.proxies.is_empty()
            && self.istiods.is_empty()
            && self.failures.is_empty()
            && self.rules.is_empty()
            && self.keys.is_empty()
            && !self.off
    }

    /// Adds what became known later: it stands instead of what was known before, but lists grow.
    pub(super) fn add(&mut self, later: Self) {
        if !later.tool.is_empty() {
            self.tool = later.tool;
        }
        self.note = later.note.or(self.note.take());
        self.captured = later.captured.or(self.captured);
        self.proxies.extend(later.proxies);
        self.istiods.extend(later.istiods);
        self.failures.extend(later.failures);
        if !later.rules.is_empty() {
            self.rules = later.rules;
        }
        self.keys.extend(later.keys);
        self.off |= later.off;
    }
}

impl From<Head> for Known {
    fn from(head: Head) -> Self {
        Self {
            tool: head.tool,
            note: head.note,
            captured: head.captured,
            proxies: head.proxies,
            istiods: head.istiods,
            failures: Vec::new(),
            rules: head.redaction.rules,
            keys: head.redaction.keys,
            off: head.redaction.off,
        }
    }
}

impl From<FailureEntry> for Known {
    fn from(failure: FailureEntry) -> Self {
        Self {
            failures: vec![failure],
            ..Self::default()
        }
    }
}

/// The JSON of a fragment: what is `known`, and what the manifest will say of the `member` behind it.
pub(super) fn to_json(known: &Known, member: Option<&impl Serialize>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Fragment<'a, M> {
        format: &'a str,
        version: Version,
        #[serde(flatten)]
        known: &'a Known,
        #[serde(skip_serializing_if = "Option::is_none")]
        member: Option<&'a M>,
    }
    let fragment = Fragment {
        format: FORMAT,
        version: Version::CURRENT,
        known,
        member,
    };
    serde_json::to_vec(&fragment).expect("what bundles hold is JSON")
}

/// What a fragment tells of the bundle, and of the member behind it.
pub(super) fn from_json(bytes: &[u8]) -> Result<(Known, Option<Box<RawValue>>), Reason> {
    #[derive(Deserialize)]
    struct Envelope {
        format: String,
        version: Version,
        member: Option<Box<RawValue>>,
    }
    // What it says of its member stands one level deeper in the manifest.
    check_depth(bytes, MAX_JSON_DEPTH - 1)?;
    let invalid =
        |err: serde_json::Error| Reason::InvalidManifest(crate::model::json_problem(&err));
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(invalid)?;
    if envelope.format != FORMAT || !envelope.version.is_supported() {
        return Err(Reason::InvalidManifest(
            "a fragment of another format".to_owned(),
        ));
    }
    let known = serde_json::from_slice(bytes).map_err(invalid)?;
    Ok((known, envelope.member))
}

#[test]
fn what_is_told_later_stands_and_lists_grow() {
    let known = |json: &str| -> Known { serde_json::from_str(json).unwrap() };
    let mut sum = known(r#"{"note":"a","rules":["x"],"proxies":[{"id":"p"}]}"#);
    sum.add(known(r#"{"istiods":[{}],"added_later":1}"#));
    sum.add(known(
        r#"{"note":"b","proxies":[{"id":"p","envoy_version":"1"}]}"#,
    ));
    assert_eq!(sum.note.as_deref(), Some("b"));
    assert_eq!((sum.rules.len(), sum.istiods.len()), (1, 1));
    assert_eq!(sum.proxies.len(), 2);
    assert!(Known::default().is_empty() && !sum.is_empty());
}
