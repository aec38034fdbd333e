//! What a document is, read from its content and never from its name.

use std::{fmt, io::Read};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::model::{Document, ProxyId, Source};

/// What a document turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Which document.
    pub document: Document,
    /// Who printed it.
    pub source: Source,
    /// The proxy that it is about, if it says so.
    pub proxy: Option<ProxyId>,
    /// The version of the Envoy that printed it, if it says so.
    pub envoy_version: Option<String>,
    /// The version of Istio that the proxy was started with, if it says so.
    pub istio_version: Option<String>,
}

/// Members that only one document has at its top.
const MARKS: [(&str, Document); 5] = [
    ("command_line_options", Document::ServerInfo),
    ("cluster_statuses", Document::Clusters),
    ("listener_statuses", Document::Listeners),
    ("certificates", Document::Certs),
    ("stats", Document::Stats),
];

/// Reads a document to its end, holding next to nothing of it, and tells what it is: `None` for JSON that is none
/// of ours.
///
/// # Errors
///
/// Where reading fails, or what is read is not JSON.
pub fn recognize(input: impl Read) -> Result<Option<Content>, serde_json::Error> {
    let top: Top = serde_json::from_reader(input)?;
    let Some(document) = top.document else {
        return Ok(None);
    };
    let source = match document {
        Document::Syncz => Source::Istiod,
        Document::ConfigDump if top.node.is_none() && !top.snake_case => Source::Istiod,
        _ => Source::Envoy,
    };
    let node = top.node.unwrap_or_default();
    let build = node
        .user_agent_build_version
        .and_then(|build| build.version);
    Ok(Some(Content {
        document,
        source,
        proxy: node.id.and_then(|id| ProxyId::from_node_id(&id).ok()),
        envoy_version: top
            .version
            .as_deref()
            .and_then(server_version)
            .or(build.map(|v| format!("{}.{}.{}", v.major_number, v.minor_number, v.patch))),
        istio_version: node.metadata.and_then(|metadata| metadata.istio_version),
    }))
}

/// The version in a server info: `<commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn server_version(text: &str) -> Option<String> {
    text.split('/').nth(1).map(str::to_owned)
}

/// What the top of a document tells.
#[derive(Default)]
struct Top {
    document: Option<Document>,
    /// In the bootstrap of a config dump or at the top of a server info.
    node: Option<Node>,
    /// At the top of a server info.
    version: Option<String>,
    /// Whether a section spells a name as only Envoy's own printer does.
    snake_case: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Node {
    id: Option<String>,
    metadata: Option<Metadata>,
    #[serde(alias = "userAgentBuildVersion")]
    user_agent_build_version: Option<BuildVersion>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default, rename = "ISTIO_VERSION")]
    istio_version: Option<String>,
}

#[derive(Deserialize)]
struct BuildVersion {
    version: Option<SemanticVersion>,
}

/// `envoy.type.v3.SemanticVersion`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SemanticVersion {
    #[serde(alias = "majorNumber")]
    major_number: u32,
    #[serde(alias = "minorNumber")]
    minor_number: u32,
    patch: u32,
}

/// A string; any other value is passed over.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrOther {
    Text(String),
    Other(IgnoredAny),
}

/// One item of `configs`, which is a section, or an element of one.
#[derive(Default)]
struct Section {
    node: Option<Node>,
    snake_case: bool,
}

#[derive(Deserialize)]
struct Bootstrap {
    #[serde(default)]
    node: Option<Node>,
}

/// An item of a list at the top.
#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    proxy: Option<IgnoredAny>,
}

/// A value that is read as `T` if it has its shape, and passed over if not.
struct Lenient<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = Lenient<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(|value| Lenient(Some(value)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Lenient(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Lenient(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Lenient(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Lenient(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Lenient(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Lenient(None))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Lenient(None))
            }
        }
        deserializer.deserialize_any(Shape(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Section {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Section;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a section of a config dump")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Section, A::Error> {
                let mut section = Section::default();
                while let Some(key) = map.next_key::<String>()? {
                    section.snake_case |= key.contains('_');
                    if key == "bootstrap" {
                        let bootstrap: Lenient<Bootstrap> = map.next_value()?;
                        section.node = bootstrap.0.and_then(|bootstrap| bootstrap.node);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(section)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Top;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or a list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top, A::Error> {
                let mut top = Top::default();
                while let Some(key) = map.next_key::<String>()? {
                    let mark = MARKS.iter().find(|(mark, _)| *mark == key);
                    if let Some((_, document)) = mark {
                        top.document = top.document.or(Some(*document));
                    }
                    match key.as_str() {
                        "configs" => {
                            let sections: Vec<Lenient<Section>> = map.next_value()?;
                            top.document = Some(Document::ConfigDump);
                            for section in sections.into_iter().filter_map(|section| section.0) {
                                top.snake_case |= section.snake_case;
                                top.node = top.node.or(section.node);
                            }
                        }
                        "node" => {
                            let node: Lenient<Node> = map.next_value()?;
                            top.node = top.node.or(node.0);
                        }
                        "version" => {
                            if let TextOrOther::Text(text) = map.next_value()? {
                                top.version = Some(text);
                            }
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(top)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Top, A::Error> {
                let mut top = Top::default();
                while let Some(item) = seq.next_element::<Lenient<Item>>()? {
                    if item.0.is_some_and(|item| item.proxy.is_some()) {
                        top.document = Some(Document::Syncz);
                    }
                }
                Ok(top)
            }
        }
        deserializer.deserialize_any(Members)
    }
}

#[test]
fn a_document_is_known_by_its_content() {
    let recognized = |text: &str| recognize(text.as_bytes()).unwrap();
    let found =
        |document, source, proxy: Option<&str>| Some((document, source, proxy.map(str::to_owned)));
    for (text, expected) in [
        (
            r#"{"configs":[{"@type":"x","bootstrap":{"node":{"id":"sidecar~10.0.0.1~web-1.shop~x"}}}]}"#,
            found(Document::ConfigDump, Source::Envoy, Some("web-1.shop")),
        ),
        (
            r#"{"configs":[{"@type":"x"},{"dynamicActiveClusters":[]}]}"#,
            found(Document::ConfigDump, Source::Istiod, None),
        ),
        (
            r#"{"configs":[{"dynamic_active_clusters":[{"a":[1,null,"x",{}]}]},7,"x",null]}"#,
            found(Document::ConfigDump, Source::Envoy, None),
        ),
        (
            r#"{"version":"x","command_line_options":{},"node":{"id":"lab"}}"#,
            found(Document::ServerInfo, Source::Envoy, Some("lab")),
        ),
        (
            r#"[{"cluster_id":"Kubernetes","proxy":"web-1.shop"}]"#,
            found(Document::Syncz, Source::Istiod, None),
        ),
        (r#"{"kind":"Pod"}"#, None),
        ("[1, 2]", None),
    ] {
        let found =
            recognized(text).map(|c| (c.document, c.source, c.proxy.map(|id| id.to_string())));
        assert_eq!(found, expected, "{text}");
    }
    let info = recognized(
        r#"{"version":"c0ffee/1.40.0/Clean","command_line_options":{},
            "node":{"id":"lab","metadata":{"ISTIO_VERSION":"1.30.3"}}}"#,
    );
    let info = info.unwrap();
    assert_eq!(info.envoy_version.as_deref(), Some("1.40.0"));
    assert_eq!(info.istio_version.as_deref(), Some("1.30.3"));
    assert!(recognize("Failed to convert".as_bytes()).is_err());
}
