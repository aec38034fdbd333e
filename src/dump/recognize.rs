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
        Document::ConfigDump if top.node_id.is_none() && !top.snake_case => Source::Istiod,
        _ => Source::Envoy,
    };
    let proxy = top.node_id.and_then(|id| ProxyId::from_node_id(&id).ok());
    Ok(Some(Content {
        document,
        source,
        proxy,
    }))
}

/// What the top of a document tells.
#[derive(Default)]
struct Top {
    document: Option<Document>,
    /// `node.id`, in the bootstrap of a config dump or at the top of a server info.
    node_id: Option<String>,
    /// Whether a section spells a name as only Envoy's own printer does.
    snake_case: bool,
}

#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    id: Option<String>,
}

/// One item of `configs`, which is a section, or an element of one.
#[derive(Default)]
struct Section {
    node_id: Option<String>,
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
                        let node = bootstrap.0.and_then(|bootstrap| bootstrap.node);
                        section.node_id = node.and_then(|node| node.id);
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
                                top.node_id = top.node_id.or(section.node_id);
                            }
                        }
                        "node" => {
                            let node: Lenient<Node> = map.next_value()?;
                            top.node_id = top.node_id.or(node.0.and_then(|node| node.id));
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
    let found = |document, source, proxy: Option<&str>| {
        Some(Content {
            document,
            source,
            proxy: proxy.map(|id| ProxyId::new(id).unwrap()),
        })
    };
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
        assert_eq!(recognized(text), expected, "{text}");
    }
    assert!(recognize("Failed to convert".as_bytes()).is_err());
}
