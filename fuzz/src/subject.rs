//! A resource of any type, by its body alone, and a dump around it.

use std::collections::BTreeSet;

use xdsnap::{
    dump::{Resource, Shape},
    model::{ResourceKey, State, XdsType},
    normalize::{NormalizeError, Value, normalize},
    xds::Message,
};

/// A type of resource, and where a dump has it.
pub struct Subject {
    xds_type: XdsType,
    /// The message of a resource that is no `Any`.
    message: Option<&'static str>,
    /// A dump with one such resource: what stands before and behind its body.
    around: [&'static str; 2],
}

macro_rules! dump {
    ($section:literal, $before:literal, $behind:literal) => {
        [
            concat!(
                r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3."#,
                $section,
                r#"","#,
                $before
            ),
            concat!($behind, "}]}"),
        ]
    };
}

/// Every type, each by one letter.
pub const LETTERS: &[u8] = b"clresxpbu";

impl Subject {
    /// The type of that letter of [`LETTERS`]; any other byte stands for one of them, too.
    pub fn of(letter: u8) -> Self {
        let at = LETTERS.iter().position(|known| *known == letter);
        let letter = LETTERS[at.unwrap_or(usize::from(letter) % LETTERS.len())];
        let (xds_type, message, around) = match letter {
            b'c' => (
                XdsType::Cluster,
                None,
                dump!(
                    "ClustersConfigDump",
                    r#""dynamic_active_clusters":[{"cluster":"#,
                    "}]"
                ),
            ),
            b'l' => (
                XdsType::Listener,
                None,
                dump!(
                    "ListenersConfigDump",
                    r#""dynamic_listeners":[{"name":"l","active_state":{"listener":"#,
                    "}}]"
                ),
            ),
            b'r' => (
                XdsType::Route,
                None,
                dump!(
                    "RoutesConfigDump",
                    r#""dynamic_route_configs":[{"route_config":"#,
                    "}]"
                ),
            ),
            b'e' => (
                XdsType::Endpoint,
                None,
                dump!(
                    "EndpointsConfigDump",
                    r#""dynamic_endpoint_configs":[{"endpoint_config":"#,
                    "}]"
                ),
            ),
            b's' => (
                XdsType::Secret,
                None,
                dump!(
                    "SecretsConfigDump",
                    r#""dynamic_active_secrets":[{"name":"s","secret":"#,
                    "}]"
                ),
            ),
            b'x' => (
                XdsType::ExtensionConfig,
                None,
                dump!("EcdsConfigDump", r#""ecds_filters":[{"ecds_filter":"#, "}]"),
            ),
            b'p' => (
                XdsType::ScopedRoute,
                None,
                dump!(
                    "ScopedRoutesConfigDump",
                    r#""dynamic_scoped_route_configs":[{"name":"p","scoped_route_configs":["#,
                    "]}]"
                ),
            ),
            b'b' => (
                XdsType::Bootstrap,
                Some("envoy.config.bootstrap.v3.Bootstrap"),
                dump!("BootstrapConfigDump", r#""bootstrap":"#, ""),
            ),
            _ => (
                XdsType::Other("envoy.admin.v9.NewConfigDump".to_owned()),
                Some(""),
                [r#"{"configs":["#, "]}"],
            ),
        };
        Self {
            xds_type,
            message,
            around,
        }
    }

    /// The normal form of `body`.
    pub fn normal(&self, body: &[u8]) -> Result<Value, NormalizeError> {
        let shape = match self.message {
            None => Shape::Any(None),
            Some(name) => Message::find(name).map_or(Shape::Unknown, Shape::Message),
        };
        let resource = Resource {
            key: self.key(),
            shape,
            body: Some(body),
            last_updated: None,
            error: None,
        };
        normalize(&resource, &BTreeSet::from([self.xds_type.clone()]))
    }

    /// What names the resource.
    pub fn key(&self) -> ResourceKey {
        let is_stateless = matches!(
            self.xds_type,
            XdsType::Endpoint | XdsType::ExtensionConfig | XdsType::Bootstrap | XdsType::Other(_)
        );
        ResourceKey {
            xds_type: self.xds_type.clone(),
            name: "web".into(),
            state: (!is_stateless).then_some(State::Active),
            occurrence: 0,
        }
    }

    /// A dump that holds `body` alone.
    pub fn dump(&self, body: &[u8]) -> Vec<u8> {
        let [before, behind] = self.around;
        [before.as_bytes(), body, behind.as_bytes()].concat()
    }
}
