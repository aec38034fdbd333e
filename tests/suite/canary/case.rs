//! One document with a secret in it, and what must hold of its copy.

use std::{collections::HashSet, sync::LazyLock};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json, value::RawValue};
use xdsnap::{
    model::Document,
    redact::{Counts, Key, Policy, Redactor},
};

use super::search::{HEAD, Needles, TAIL};

/// A document with planted secrets.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// What is planted where.
    pub(super) name: String,
    pub(super) document: Document,
    pub(super) text: String,
    /// Texts that are no secrets and must be left.
    pub(super) kept: Vec<String>,
}

/// A secret that nothing but its place tells: it looks like nothing in particular.
pub(super) fn plain() -> String {
    format!("{HEAD}0417{TAIL}")
}

/// A secret with all that ends strings, lines and messages in it.
pub(super) fn awkward() -> String {
    format!("{HEAD}'\"}}]\\\n\u{e9}{{\r\t</{TAIL}")
}

/// A private key as OpenSSL writes it, with line ends.
pub(super) fn pem() -> String {
    format!(
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEA{HEAD}MBMGByqGSM49AgEG\nCCqGSM49AwEHBG0wawIB{TAIL}\n-----END PRIVATE KEY-----\n"
    )
}

/// A signed JSON Web Token.
pub(super) fn jwt() -> String {
    format!(
        "eyJhbGciOiJIUzI1NiJ9.{}.{HEAD}hR2eT9{TAIL}",
        base64(&json!({"sub": plain()}).to_string()).trim_end_matches('=')
    )
}

pub(super) fn base64(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}

impl Case {
    pub(super) fn new(name: impl Into<String>, document: Document, text: impl ToString) -> Self {
        Self {
            name: name.into(),
            document,
            text: text.to_string(),
            kept: Vec::new(),
        }
    }

    /// A config dump.
    pub(super) fn dump(name: impl Into<String>, dump: &Value) -> Self {
        Self::new(name, Document::ConfigDump, dump)
    }

    /// A config dump with a cluster that holds `message`, an Any.
    pub(super) fn message(name: impl Into<String>, message: Value) -> Self {
        Self::dump(
            name,
            &cluster(json!({"metadata": {"typed_filter_metadata": {"m": message}}})),
        )
    }

    pub(super) fn keeping(mut self, kept: &[&str]) -> Self {
        self.kept = kept.iter().map(|text| (*text).to_owned()).collect();
        self
    }

    /// What is wrong with the copy of it, if anything.
    fn problem(&self) -> Option<String> {
        REDACTORS.iter().find_map(|redactor| {
            let copy = match Copy::of(redactor, self.document, &self.text) {
                Ok(copy) => copy,
                Err(problem) => return Some(problem),
            };
            if copy.counts.total() == 0 && is_planted(&self.text) {
                return Some("a secret is gone and not counted".to_owned());
            }
            self.lost(&copy.text)
        })
    }

    /// What is no secret and is not in its copy any more.
    fn lost(&self, copy: &str) -> Option<String> {
        let mut kept = self.kept.iter();
        let lost = kept.find(|kept| !copy.contains(kept.as_str()))?;
        Some(format!("`{lost}` is lost: {copy:.600}"))
    }

    /// The section that it is a dump of, if that is all.
    fn section(&self) -> Option<&str> {
        let section = self.text.strip_prefix(BEGIN)?.strip_suffix(END)?;
        let is_one = serde_json::from_str::<IgnoredAny>(section).is_ok();
        (self.document == Document::ConfigDump && is_one).then_some(section)
    }
}

/// What is around the sections of a dump.
const BEGIN: &str = "{\"configs\":[";
const END: &str = "]}";

/// How many sections are one dump.
const SECTIONS: usize = 64;

static REDACTORS: LazyLock<[Redactor; 2]> = LazyLock::new(|| {
    let tokens = Policy::Tokens(Key::new([7; 32]));
    [Redactor::new(tokens), Redactor::new(Policy::Alike)]
});

fn is_planted(text: &str) -> bool {
    Needles::planted().find(text.as_bytes()).is_some()
}

/// A document without secrets.
struct Copy {
    text: String,
    counts: Counts,
}

impl Copy {
    /// The copy, or what is wrong with it.
    fn of(redactor: &Redactor, document: Document, text: &str) -> Result<Self, String> {
        let copy = |text: &[u8]| {
            let mut output = Vec::new();
            let counts = redactor.copy(document, &mut &*text, &mut output);
            (counts, output)
        };
        let (counts, output) = copy(text.as_bytes());
        let counts = counts.map_err(|error| {
            let told = format!("{error:?} {error}");
            match Needles::planted().find(told.as_bytes()) {
                Some(hit) => format!("its error tells: {hit:?}"),
                None => format!("not copied: {error}"),
            }
        })?;
        if let Some(hit) = Needles::planted().find(&output) {
            return Err(format!("{hit:?}"));
        }
        let is_json = text.trim_start().starts_with(['{', '[']);
        if is_json && let Err(error) = serde_json::from_slice::<IgnoredAny>(&output) {
            return Err(format!("no JSON any more: {error}"));
        }
        let (again, twice) = copy(&output);
        let again = again.map_or(u64::MAX, |counts| counts.total());
        if again != 0 || twice != output {
            let twice = String::from_utf8_lossy(&twice);
            return Err(format!("redacted twice it is another: {twice:.600}"));
        }
        let text = String::from_utf8_lossy(&output).into_owned();
        Ok(Self { text, counts })
    }
}

/// What is wrong with the copy of a dump of all these sections, if anything: the same that would be wrong with one.
fn problem_of_all(cases: &[(&Case, &str)]) -> Option<String> {
    let sections: Vec<&str> = cases.iter().map(|(_, section)| *section).collect();
    let dump = format!("{BEGIN}{}{END}", sections.join(","));
    let mut counted = HashSet::new();
    let found = REDACTORS[0].find(Document::ConfigDump, &mut dump.as_bytes(), &mut |found| {
        let number = found.path.split(['[', ']']).nth(1);
        counted.extend(number.and_then(|number| number.parse::<usize>().ok()));
    });
    let mut numbers = 0..cases.len();
    if let Some(number) =
        numbers.find(|number| !counted.contains(number) && is_planted(sections[*number]))
    {
        return Some(format!(
            "a secret is gone and not counted: {}",
            cases[number].0.name
        ));
    }
    REDACTORS.iter().find_map(|redactor| {
        let copy = match Copy::of(redactor, Document::ConfigDump, &dump) {
            Ok(copy) => copy,
            Err(problem) => return Some(problem),
        };
        if found.as_ref().ok() != Some(&copy.counts) {
            return Some("other secrets are found than go".to_owned());
        }
        let copied: Sections = serde_json::from_str(&copy.text).unwrap();
        let mut copied = cases.iter().zip(copied.configs);
        copied.find_map(|((case, _), copy)| case.lost(copy.get()))
    })
}

/// The sections of a dump, as they are.
#[derive(Deserialize)]
struct Sections<'a> {
    #[serde(borrow)]
    configs: Vec<&'a RawValue>,
}

/// A list of them.
pub(super) fn cases(cases: impl IntoIterator<Item = Case>) -> Vec<Case> {
    cases.into_iter().collect()
}

/// Fails with all that is wrong with any of `cases`. Those that are a section of a dump are looked at as sections of one.
pub(super) fn check(cases: impl IntoIterator<Item = Case>) {
    let cases: Vec<Case> = cases.into_iter().collect();
    assert!(!cases.is_empty(), "nothing was checked");
    let (dumps, others): (Vec<_>, Vec<_>) = cases
        .iter()
        .map(|case| (case, case.section()))
        .partition(|(_, section)| section.is_some());
    let dumps: Vec<(&Case, &str)> = dumps
        .into_iter()
        .filter_map(|(case, section)| Some((case, section?)))
        .collect();
    let mut wrong = Vec::new();
    let mut check = |case: &Case| {
        let problem = case.problem();
        wrong.extend(problem.map(|problem| format!("{}: {problem:.900}", case.name)));
    };
    for (case, _) in others {
        check(case);
    }
    let mut together = Vec::new();
    for cases in dumps.chunks(SECTIONS) {
        if let Some(problem) = problem_of_all(cases) {
            cases.iter().for_each(|(case, _)| check(case));
            together.push(problem);
        }
    }
    // What is wrong with none of them alone.
    if wrong.is_empty() {
        wrong = together;
    }
    let list = wrong
        .iter()
        .take(40)
        .map(|problem| format!("- {problem:.900}\n"));
    let list: String = list.collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{list}",
        wrong.len(),
        cases.len()
    );
}

/// A dump with one section, of this type and these members.
fn section(name: &str, members: Value) -> Value {
    let mut section = json!({"@type": format!("type.googleapis.com/envoy.admin.v3.{name}")});
    merge(&mut section, members);
    json!({"configs": [section]})
}

fn merge(object: &mut Value, more: Value) {
    let Value::Object(more) = more else {
        panic!("an object: {more}")
    };
    object.as_object_mut().unwrap().extend(more);
}

/// A dump with one cluster that has these members.
pub(super) fn cluster(members: Value) -> Value {
    let mut cluster =
        json!({"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "backend"});
    merge(&mut cluster, members);
    section(
        "ClustersConfigDump",
        json!({"version_info": "1", "dynamic_active_clusters": [{"version_info": "1", "cluster": cluster}]}),
    )
}

/// A dump with one listener that has these members.
pub(super) fn listener(members: Value) -> Value {
    let mut listener =
        json!({"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "http"});
    merge(&mut listener, members);
    section(
        "ListenersConfigDump",
        json!({"dynamic_listeners": [{"name": "http", "active_state": {"listener": listener}}]}),
    )
}

/// A dump with a listener whose connection manager has these members.
pub(super) fn manager(members: Value) -> Value {
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
    });
    merge(&mut manager, members);
    listener(json!({"filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}]}))
}

/// A dump with an HTTP filter of this type and these members.
pub(super) fn filter(message: &str, members: Value) -> Value {
    let mut config =
        json!({"@type": format!("type.googleapis.com/envoy.extensions.filters.http.{message}")});
    merge(&mut config, members);
    manager(json!({"http_filters": [{"name": "f", "typed_config": config}]}))
}

/// A dump with a route configuration of one virtual host that has these members.
pub(super) fn virtual_host(members: Value) -> Value {
    let mut host = json!({"name": "all", "domains": ["*"]});
    merge(&mut host, members);
    section(
        "RoutesConfigDump",
        json!({"dynamic_route_configs": [{"route_config": {
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            "name": "http",
            "virtual_hosts": [host],
        }}]}),
    )
}

/// A dump with a route that has these members.
pub(super) fn route(members: Value) -> Value {
    virtual_host(json!({"routes": [members]}))
}

/// A dump with a bootstrap that has these members.
pub(super) fn bootstrap(members: Value) -> Value {
    section("BootstrapConfigDump", json!({"bootstrap": members}))
}

/// A dump with endpoints.
pub(super) fn endpoints(members: Value) -> Value {
    let mut config = json!({
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": "backend",
    });
    merge(&mut config, members);
    section(
        "EndpointsConfigDump",
        json!({"dynamic_endpoint_configs": [{"endpoint_config": config}]}),
    )
}

/// A dump with a listener that was rejected for these reasons.
pub(super) fn rejected(details: &str) -> Value {
    section(
        "ListenersConfigDump",
        json!({"dynamic_listeners": [{"name": "http", "error_state": {
            "last_update_attempt": "2026-11-20T10:00:00.000Z",
            "details": details,
        }}]}),
    )
}

/// istiod's page of what proxies rejected.
pub(super) fn syncz(last_error: &str) -> Case {
    let listeners = json!({"sent": "2026-11-21T01:53:15Z/1", "lastError": last_error});
    let proxy = json!({
        "cluster_id": "Kubernetes",
        "proxy": "web-1.shop",
        "resources": {"type.googleapis.com/envoy.config.listener.v3.Listener": listeners},
    });
    Case::new("syncz", Document::Syncz, json!([proxy]))
        .keeping(&["web-1.shop", "2026-11-21T01:53:15Z/1"])
}

/// An HTTP header.
pub(super) fn header(name: &str, value: &str) -> Value {
    json!({"header": {"key": name, "value": value}})
}
