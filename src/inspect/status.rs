//! Whether proxies run what istiod would send them: a verdict for each xDS type.
//!
//! Two witnesses are heard. The comparison of the two dumps tells whether anything differs. Istiod's sync state tells
//! what was sent, acknowledged or rejected; it is believed alone only where there is nothing to compare, for a proxy
//! can acknowledge what it does not run.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diff::{Cause, ONLY_WARMS, Report},
    model::{ProxyId, ResourceKey, XdsType},
};

/// The types that have a verdict for every proxy, in the order of `istioctl proxy-status`.
pub const STATUS_TYPES: [XdsType; 6] = [
    XdsType::Cluster,
    XdsType::Listener,
    XdsType::Route,
    XdsType::Endpoint,
    XdsType::ExtensionConfig,
    XdsType::Secret,
];

/// How far a proxy is with one xDS type; the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncStatus {
    /// Istiod sends nothing of this type.
    NotSent,
    /// It runs what istiod would send.
    Synced,
    /// It runs what istiod would send, but has not acknowledged the last update.
    Behind,
    /// It cannot be told.
    Unknown,
    /// It runs something else.
    Stale,
    /// It rejected the last update.
    Rejected,
}

impl SyncStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::NotSent,
        Self::Synced,
        Self::Behind,
        Self::Unknown,
        Self::Stale,
        Self::Rejected,
    ];

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Synced => "synced",
            Self::Behind => "behind",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
            Self::Rejected => "rejected",
        }
    }

    /// Whether somebody must act.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Stale | Self::Rejected)
    }
}

/// The verdicts on every proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// In the order of their IDs.
    pub proxies: Vec<ProxyStatus>,
    /// What the reader should know before believing the result, one sentence each.
    pub warnings: Vec<String>,
    /// Why istiod alone is believed, and of how many proxies.
    unverified: BTreeMap<String, usize>,
}

/// The verdicts on one proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyStatus {
    /// The proxy.
    pub proxy: ProxyId,
    /// The version of its Istio.
    pub istio_version: Option<String>,
    /// The version of its Envoy.
    pub envoy_version: Option<String>,
    /// Whether its two dumps were compared.
    pub is_compared: bool,
    /// By type: [`STATUS_TYPES`], then others of which there is anything to say.
    pub types: Vec<TypeStatus>,
}

/// The verdict on one type of one proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeStatus {
    /// The type.
    pub xds_type: XdsType,
    /// The verdict.
    pub status: SyncStatus,
    /// How many resources differ; `None` where they were not compared.
    pub differs: Option<usize>,
    /// When the update was sent that the proxy has not acknowledged, as istiod printed it.
    pub waiting_since: Option<String>,
    /// Why it was rejected, or is not known.
    pub reason: Option<String>,
}

/// What istiod's sync state says of one type of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The type.
    pub xds_type: XdsType,
    /// Whether the proxy accepted the last update.
    pub is_acked: bool,
    /// When that was sent, as istiod printed it.
    pub sent_time: Option<String>,
    /// Why the proxy rejected it, if it did.
    pub last_error: Option<String>,
}

/// What is known of one proxy.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// The proxy.
    pub proxy: &'a ProxyId,
    /// The comparison of istiod's dumps with Envoy's, of this proxy and others.
    pub report: &'a Report,
    /// The types of which istiod's dump has a resource; why there is no comparison, where there is none.
    pub sends: Result<BTreeSet<XdsType>, String>,
    /// What Envoy's dump shows as rejected, with the reason, where it could not be compared.
    pub rejected: Vec<(ResourceKey, String)>,
    /// The sync state, where istiod has one of this proxy.
    pub pushed: Option<Vec<Pushed>>,
    /// The version of its Istio.
    pub istio_version: Option<String>,
    /// The version of its Envoy.
    pub envoy_version: Option<String>,
}

/// What a comparison says of one type.
#[derive(Default)]
struct Found<'a> {
    differs: BTreeSet<&'a ResourceKey>,
    /// Why resources were rejected.
    rejected: BTreeSet<String>,
    /// Why the type was not compared.
    missing: Option<&'a str>,
    /// Why one of its resources was not compared.
    missing_resource: Option<String>,
    /// Whether Envoy has a resource that it does not run yet.
    warms: bool,
}

impl Status {
    /// Judges one more proxy.
    pub fn add(&mut self, evidence: Evidence<'_>) {
        let mut found = found(&evidence);
        let pushed = evidence.pushed.as_deref();
        let mut types = STATUS_TYPES.to_vec();
        let mut others: BTreeSet<&XdsType> = found.keys().collect();
        others.extend(pushed.into_iter().flatten().map(|pushed| &pushed.xds_type));
        types.extend(
            others
                .into_iter()
                .filter(|t| !STATUS_TYPES.contains(t))
                .cloned(),
        );
        let mut unverified = BTreeSet::new();
        let types = types.into_iter();
        let types = types.map(|xds_type| {
            let found = found.remove(&xds_type).unwrap_or_default();
            let why = match (&evidence.sends, found.missing) {
                (Err(reason), _) => Some(reason.clone()),
                (Ok(_), missing) => missing.map(|reason| format!("{xds_type}: {reason}")),
            };
            let status = judge(xds_type, &evidence, found);
            if status.status != SyncStatus::Unknown {
                unverified.extend(why);
            }
            status
        });
        let types = types.collect();
        for reason in unverified {
            *self.unverified.entry(reason).or_default() += 1;
        }
        self.proxies.push(ProxyStatus {
            types,
            proxy: evidence.proxy.clone(),
            is_compared: evidence.sends.is_ok(),
            istio_version: evidence.istio_version.clone(),
            envoy_version: evidence.envoy_version.clone(),
        });
    }

    /// Ends the judging.
    pub fn finish(mut self) -> Self {
        for (reason, proxies) in std::mem::take(&mut self.unverified) {
            let proxies = match proxies {
                1 => "1 proxy".to_owned(),
                more => format!("{more} proxies"),
            };
            self.warnings.push(format!(
                "nothing to compare on {proxies} ({reason}): istiod's sync state alone is believed"
            ));
        }
        self
    }
}

impl ProxyStatus {
    /// The gravest verdict of all types.
    pub fn worst(&self) -> SyncStatus {
        let all = self.types.iter().map(|found| found.status);
        all.max().unwrap_or(SyncStatus::Unknown)
    }
}

/// What the comparison, or Envoy's dump alone, says of each type.
fn found<'a>(evidence: &'a Evidence<'_>) -> BTreeMap<XdsType, Found<'a>> {
    let mut found: BTreeMap<XdsType, Found<'a>> = BTreeMap::new();
    let mut of = |xds_type: &XdsType, add: &mut dyn FnMut(&mut Found<'a>)| {
        add(found.entry(xds_type.clone()).or_default());
    };
    let report = evidence.report;
    for change in report.changes.iter().filter(|c| c.proxy == *evidence.proxy) {
        of(&change.resource.xds_type, &mut |found| {
            found.differs.insert(&change.resource);
            let reason = change.reason.as_ref();
            let reason = reason.map(|reason| format!("{}: {reason}", change.resource.name));
            found.rejected.extend(reason);
        });
    }
    for (key, reason) in &evidence.rejected {
        of(&key.xds_type, &mut |found| {
            found.rejected.insert(format!("{}: {reason}", key.name));
        });
    }
    let of_proxy = report.not_compared.iter();
    let of_proxy = of_proxy.filter(|not| not.proxy == *evidence.proxy);
    for not in of_proxy.clone().filter(|not| not.reason == ONLY_WARMS) {
        if let Some(xds_type) = &not.xds_type {
            of(xds_type, &mut |found| found.warms = true);
        }
    }
    for not in of_proxy.filter(|not| not.cause == Cause::Missing) {
        match (&not.resource, &not.xds_type) {
            (Some(key), _) => of(&key.xds_type, &mut |found| {
                found.missing_resource = Some(format!("{}: {}", key.name, not.reason));
            }),
            (None, Some(xds_type)) => of(xds_type, &mut |found| {
                found.missing = Some(&not.reason);
            }),
            (None, None) => {}
        }
    }
    found
}

/// The verdict on one type.
fn judge(xds_type: XdsType, evidence: &Evidence<'_>, found: Found<'_>) -> TypeStatus {
    let pushed = evidence.pushed.as_deref();
    let pushed_type = pushed.and_then(|all| all.iter().find(|p| p.xds_type == xds_type));
    let not_compared = match (&evidence.sends, found.missing) {
        (Err(reason), _) => Some(reason.as_str()),
        (Ok(_), missing) => missing,
    };
    let sends = evidence.sends.as_ref();
    let sends = sends.is_ok_and(|types| types.contains(&xds_type));
    let last_error = pushed_type.and_then(|pushed| pushed.last_error.clone());
    let rejected: Vec<String> = found.rejected.into_iter().collect();
    let error = last_error.or((!rejected.is_empty()).then(|| rejected.join("; ")));
    let is_acked = pushed_type.map(|pushed| pushed.is_acked);
    let differs = found.differs.len();
    let (status, reason) = match (error, not_compared, found.missing_resource) {
        (Some(error), ..) => (SyncStatus::Rejected, Some(error)),
        (None, None, _) if differs > 0 => (SyncStatus::Stale, None),
        (None, None, Some(reason)) => (SyncStatus::Unknown, Some(reason)),
        (None, None, None) if found.warms => (SyncStatus::Behind, Some(ONLY_WARMS.to_owned())),
        (None, None, None) => match is_acked {
            Some(true) => (SyncStatus::Synced, None),
            Some(false) => (SyncStatus::Behind, None),
            None if sends => (SyncStatus::Synced, None),
            None => (SyncStatus::NotSent, None),
        },
        (None, Some(reason), _) => match is_acked {
            Some(true) => (SyncStatus::Synced, None),
            Some(false) => (SyncStatus::Stale, None),
            None if pushed.is_some() => (SyncStatus::NotSent, None),
            None => (SyncStatus::Unknown, Some(reason.to_owned())),
        },
    };
    TypeStatus {
        xds_type,
        status,
        differs: not_compared.is_none().then_some(differs),
        waiting_since: match is_acked {
            Some(false) => pushed_type.and_then(|pushed| pushed.sent_time.clone()),
            _ => None,
        },
        reason,
    }
}

#[test]
fn a_verdict_hears_the_comparison_before_istiod() {
    use crate::diff::{Change, ChangeKind, Compared, Mode, NotCompared};
    use crate::model::Path;

    let proxy = ProxyId::new("web-1.shop").unwrap();
    let key = ResourceKey {
        xds_type: XdsType::Cluster,
        name: "web".into(),
        state: None,
        occurrence: 0,
    };
    let change = |reason: Option<&str>| Change {
        proxy: proxy.clone(),
        before_proxy: None,
        source: Compared::IstiodEnvoy,
        resource: key.clone(),
        kind: ChangeKind::Changed,
        path: Path::root(),
        before_path: None,
        before: None,
        after: None,
        updated: None,
        reason: reason.map(str::to_owned),
        class: None,
        hosts: None,
        default: None,
        no_schema: false,
        pairings: Vec::new(),
    };
    let missing = |resource: Option<&ResourceKey>| NotCompared {
        proxy: proxy.clone(),
        source: None,
        resource: resource.cloned(),
        xds_type: Some(XdsType::Cluster),
        path: None,
        cause: Cause::Missing,
        reason: "gone".to_owned(),
    };
    let pushed = |is_acked, last_error: Option<&str>| Pushed {
        xds_type: XdsType::Cluster,
        is_acked,
        sent_time: None,
        last_error: last_error.map(str::to_owned),
    };
    type Case<'a> = (
        &'a str,
        Vec<Change>,
        Vec<NotCompared>,
        Result<BTreeSet<XdsType>, String>,
        Option<Vec<Pushed>>,
    );
    let sends = || Ok(BTreeSet::from([XdsType::Cluster]));
    let nothing = || Ok(BTreeSet::new());
    let none = || Err("no dump by istiod".to_owned());
    let cases: [Case; 18] = [
        (
            "synced",
            vec![],
            vec![],
            sends(),
            Some(vec![pushed(true, None)]),
        ),
        ("synced", vec![], vec![], sends(), None),
        (
            "behind",
            vec![],
            vec![],
            sends(),
            Some(vec![pushed(false, None)]),
        ),
        ("stale", vec![change(None)], vec![], sends(), None),
        (
            "stale",
            vec![change(None)],
            vec![],
            sends(),
            Some(vec![pushed(true, None)]),
        ),
        (
            "stale",
            vec![change(None)],
            vec![missing(Some(&key))],
            sends(),
            None,
        ),
        ("rejected", vec![change(Some("bad"))], vec![], sends(), None),
        (
            "rejected",
            vec![],
            vec![],
            sends(),
            Some(vec![pushed(false, Some("bad"))]),
        ),
        (
            "rejected",
            vec![],
            vec![],
            none(),
            Some(vec![pushed(false, Some("bad"))]),
        ),
        ("not_sent", vec![], vec![], nothing(), None),
        ("not_sent", vec![], vec![], nothing(), Some(vec![])),
        ("not_sent", vec![], vec![], none(), Some(vec![])),
        (
            "unknown",
            vec![],
            vec![missing(Some(&key))],
            sends(),
            Some(vec![pushed(true, None)]),
        ),
        ("unknown", vec![], vec![missing(None)], sends(), None),
        ("unknown", vec![], vec![], none(), None),
        (
            "synced",
            vec![],
            vec![missing(None)],
            sends(),
            Some(vec![pushed(true, None)]),
        ),
        (
            "synced",
            vec![],
            vec![],
            none(),
            Some(vec![pushed(true, None)]),
        ),
        (
            "stale",
            vec![],
            vec![],
            none(),
            Some(vec![pushed(false, None)]),
        ),
    ];
    for (at, (expected, changes, not_compared, sends, pushed)) in cases.into_iter().enumerate() {
        let report = Report {
            changes,
            not_compared,
            ..Report::new(Mode::Sync)
        };
        let mut status = Status::default();
        let is_compared = sends.is_ok() && report.not_compared.iter().all(|n| n.resource.is_some());
        status.add(Evidence {
            proxy: &proxy,
            report: &report,
            sends,
            rejected: Vec::new(),
            pushed,
            istio_version: None,
            envoy_version: None,
        });
        let status = status.finish();
        let found = &status.proxies[0].types[0];
        assert_eq!(found.status.as_str(), expected, "case {at}");
        assert_eq!(found.differs.is_some(), is_compared, "case {at}");
        let is_believed = !is_compared && found.status != SyncStatus::Unknown;
        assert_eq!(
            !status.warnings.is_empty(),
            is_believed,
            "case {at}: {:?}",
            status.warnings
        );
    }
}
