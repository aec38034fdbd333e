//! What a document is, read from its content and never from its name.

use std::{
    collections::BTreeSet,
    fmt,
    io::{self, Read},
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::MapAccessDeserializer,
    },
};

use super::{BLOCK, Blocks, Form, Vectors, Widest, WithVectors, envelope::is_element};
use crate::model::{Document, ProxyId, Source};

/// What a document turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Which document.
    pub document: Document,
    /// How it is printed.
    pub form: Form,
    /// Who printed it.
    pub source: Source,
    /// The proxy that it is about, if it says so.
    pub proxy: Option<ProxyId>,
    /// The version of the Envoy that printed it, if it says so.
    pub envoy_version: Option<String>,
    /// The version of Istio that the proxy was started with, if it says so.
    pub istio_version: Option<String>,
}

/// How deep a document may be nested: a value of it that is too deep to be read costs no other.
const MAX_DEPTH: usize = 1 << 20;

/// How long a text of a document may be, in bytes: as long as a value that redaction takes.
const MAX_TEXT: usize = 64 << 20;

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
/// Where reading fails, or what is read is not JSON, or nested deeper than any document is.
pub fn recognize(mut input: impl Read) -> Result<Option<Content>, serde_json::Error> {
    let mut start = Vec::new();
    let read = input.by_ref().take(SHORT).read_to_end(&mut start);
    match read.map_err(serde_json::Error::io)? as u64 {
        SHORT => Ok(content(serde_json::from_reader(Bounded::new(
            start.chain(input),
        ))?)),
        _ => recognize_slice(&start),
    }
}

/// [`recognize`], of a document that is in memory: that takes a tenth of the time.
///
/// # Errors
///
/// Where it is not JSON, or nested deeper than any document is.
pub fn recognize_slice(document: &[u8]) -> Result<Option<Content>, serde_json::Error> {
    check_bounds(document).map_err(serde_json::Error::io)?;
    Ok(content(serde_json::from_slice(document)?))
}

fn content(top: Top) -> Option<Content> {
    // What Envoy and istiod serve goes before what istioctl makes of it.
    let form = match top.document {
        Some(_) => Form::Page,
        None => top.form.unwrap_or_default(),
    };
    let document = top.document.or(form.document())?;
    let source = match document {
        Document::Syncz => Source::Istiod,
        Document::ConfigDump if form == Form::Page && top.node.is_none() && !top.by_envoy => {
            Source::Istiod
        }
        _ => Source::Envoy,
    };
    let node = top.node.unwrap_or_default();
    let build = node
        .user_agent_build_version
        .0
        .and_then(|build| build.version.0);
    let build = build.map(
        |SemanticVersion {
             major_number,
             minor_number,
             patch,
         }| {
            let [major, minor, patch] =
                [major_number, minor_number, patch].map(|n| n.0.unwrap_or(0));
            format!("{major}.{minor}.{patch}")
        },
    );
    Some(Content {
        document,
        form,
        source,
        proxy: node.id.0.and_then(|id| ProxyId::from_node_id(&id).ok()),
        envoy_version: top.version.as_deref().and_then(server_version).or(build),
        istio_version: node
            .metadata
            .0
            .and_then(|metadata| metadata.istio_version.0),
    })
}

/// How long a document may be to be held in memory whoever asks, in bytes.
const SHORT: u64 = 16 << 20;

/// JSON that must not be nested deeper than [`MAX_DEPTH`] or hold a longer text than [`MAX_TEXT`]: what passes it over
/// keeps something for each level, and may hold one text.
struct Bounded<R> {
    input: R,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
    /// How long the text, number or word is by now.
    length: usize,
}

impl<R> Bounded<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            depth: 0,
            in_text: false,
            is_escaped: false,
            length: 0,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        for byte in &buffer[..length] {
            self.length += 1;
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' | b'[' => (self.depth, self.length) = (self.depth + 1, 0),
                b'}' | b']' => (self.depth, self.length) = (self.depth.saturating_sub(1), 0),
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => self.length = 0,
                _ => {}
            }
            if self.depth > MAX_DEPTH || self.length > MAX_TEXT {
                return Err(io::Error::other(match self.depth > MAX_DEPTH {
                    true => TOO_DEEP,
                    false => TOO_LONG,
                }));
            }
        }
        Ok(length)
    }
}

const TOO_DEEP: &str = "nested deeper than 1,048,576 levels, which no dump is";
const TOO_LONG: &str = "it holds a text of more than 64 MiB, which no dump does";

/// Refuses what [`Bounded`] refuses, of a document that is there.
fn check_bounds(document: &[u8]) -> io::Result<()> {
    match Widest::default().run(Check(document)) {
        None => Ok(()),
        Some(problem) => Err(io::Error::other(problem)),
    }
}

/// What is wrong with a document.
struct Check<'a>(&'a [u8]);

impl WithVectors for Check<'_> {
    type Output = Option<&'static str>;

    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) -> Self::Output {
        let mut blocks = Blocks::default();
        let (mut depth, mut outside) = (0_i64, 0);
        let (texts, rest) = self.0.as_chunks::<BLOCK>();
        let mut last = [b' '; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        for (index, block) in texts.iter().chain([&last]).enumerate() {
            let marks = blocks.read(vectors, block);
            let opening = i64::from(marks.opening.count_ones());
            if depth + opening > MAX_DEPTH as i64 {
                return Some(TOO_DEEP);
            }
            depth += opening - i64::from(marks.closing.count_ones());
            // A text that is short enough ends before so many blocks without anything around one.
            if marks.outside & !marks.scalars != 0 {
                outside = index;
            }
            if (index - outside) * BLOCK > MAX_TEXT {
                return Some(TOO_LONG);
            }
        }
        None
    }
}

/// The version in a server info: `<commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn server_version(text: &str) -> Option<String> {
    text.split('/').nth(1).map(str::to_owned)
}

/// What the top of a document tells.
#[derive(Default)]
struct Top {
    document: Option<Document>,
    /// What it is, if it is no document as it is served.
    form: Option<Form>,
    /// In the bootstrap of a config dump or at the top of a server info.
    node: Option<Node>,
    /// At the top of a server info.
    version: Option<String>,
    /// Whether a section is printed as only Envoy prints it.
    by_envoy: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Node {
    id: Scalar<String>,
    metadata: Object<Metadata>,
    #[serde(alias = "userAgentBuildVersion")]
    user_agent_build_version: Object<BuildVersion>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default, rename = "ISTIO_VERSION")]
    istio_version: Scalar<String>,
}

#[derive(Deserialize)]
struct BuildVersion {
    #[serde(default)]
    version: Object<SemanticVersion>,
}

/// `envoy.type.v3.SemanticVersion`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SemanticVersion {
    #[serde(alias = "majorNumber")]
    major_number: Scalar<u32>,
    #[serde(alias = "minorNumber")]
    minor_number: Scalar<u32>,
    patch: Scalar<u32>,
}

/// One item of `configs`, which is a section, or an element of one.
#[derive(Default)]
struct Section {
    node: Option<Node>,
    /// Whether a name is in snake_case, or this is what only Envoy prints by itself: an element of a list.
    by_envoy: bool,
}

#[derive(Deserialize)]
struct Bootstrap {
    #[serde(default)]
    node: Option<Node>,
}

/// An item of a list at the top: the names of its members.
struct Item(Vec<String>);

/// An object that is read as `T`; anything else is passed over.
type Object<T> = Lenient<T, true>;

/// A scalar that is read as `T`; anything else is passed over.
type Scalar<T> = Lenient<T, false>;

/// A value that is read as `T` if it has its shape, and passed over, without being held, if not.
struct Lenient<T, const IS_OBJECT: bool>(Option<T>);

impl<T, const IS_OBJECT: bool> Default for Lenient<T, IS_OBJECT> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>, const IS_OBJECT: bool> Deserialize<'de> for Lenient<T, IS_OBJECT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape: Shape<T, IS_OBJECT> = Shape(PhantomData);
        deserializer.deserialize_any(shape).map(Self)
    }
}

struct Shape<T, const IS_OBJECT: bool>(PhantomData<T>);

/// Reads one kind of scalar.
macro_rules! scalar {
    ($($visit:ident: $type:ty),+) => {$(
        fn $visit<E: de::Error>(self, value: $type) -> Result<Self::Value, E> {
            let read: Result<T, de::value::Error> = T::deserialize(value.into_deserializer());
            Ok(read.ok())
        }
    )+};
}

impl<'de, T: Deserialize<'de>, const IS_OBJECT: bool> Visitor<'de> for Shape<T, IS_OBJECT> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if IS_OBJECT {
            return T::deserialize(MapAccessDeserializer::new(map)).map(Some);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    scalar!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
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
                    section.by_envoy |= key.contains('_');
                    if key == "@type" {
                        let type_url: Scalar<String> = map.next_value()?;
                        section.by_envoy |= type_url.0.is_some_and(|url| is_element(&url));
                    } else if key == "bootstrap" {
                        let bootstrap: Object<Bootstrap> = map.next_value()?;
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

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item of a list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry::<String, _>()? {
                    if keys.len() < MAX_KEYS {
                        keys.push(key);
                    }
                }
                Ok(Item(keys))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// How many names of members are looked at: no message has as many fields.
const MAX_KEYS: usize = 200;

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
                            let sections: Vec<Object<Section>> = map.next_value()?;
                            // Envoy and istiod print the empty sections, too.
                            if !sections.is_empty() {
                                top.document = Some(Document::ConfigDump);
                            }
                            for section in sections.into_iter().filter_map(|section| section.0) {
                                top.by_envoy |= section.by_envoy;
                                top.node = top.node.or(section.node);
                            }
                        }
                        "node" => {
                            let node: Object<Node> = map.next_value()?;
                            top.node = top.node.or(node.0);
                        }
                        "bootstrap" => {
                            let bootstrap: Object<Bootstrap> = map.next_value()?;
                            let node = bootstrap.0.and_then(|bootstrap| bootstrap.node);
                            if node.is_some() {
                                top.form = Form::of_member(&key);
                            }
                            top.node = top.node.or(node);
                        }
                        "version" => top.version = map.next_value::<Scalar<String>>()?.0,
                        _ => {
                            top.form = top.form.or(Form::of_member(&key));
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(top)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Top, A::Error> {
                let mut top = Top::default();
                let mut keys = BTreeSet::new();
                let mut is_of_objects = true;
                while let Some(item) = seq.next_element::<Object<Item>>()? {
                    let Some(Item(found)) = item.0 else {
                        is_of_objects = false;
                        continue;
                    };
                    if found.iter().any(|key| key == "proxy") {
                        top.document = Some(Document::Syncz);
                    }
                    if keys.len() < MAX_KEYS {
                        keys.extend(found);
                    }
                }
                if is_of_objects {
                    top.form = Form::of_items(&keys);
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
            r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ListenersConfigDump.DynamicListener","name":"a"}]}"#,
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
        (
            r#"[{"name":"a","type":"EDS","edsClusterConfig":{}}]"#,
            found(Document::ConfigDump, Source::Envoy, None),
        ),
        (
            r#"[{"name":"a","hostStatuses":[]}]"#,
            found(Document::Clusters, Source::Envoy, None),
        ),
        (
            r#"{"bootstrap":{"node":{"id":"lab"}},"lastUpdated":"2026-11-21T01:52:21Z"}"#,
            found(Document::ConfigDump, Source::Envoy, Some("lab")),
        ),
        (
            r#"{"dynamicActiveSecrets":[{"name":"default"}]}"#,
            found(Document::ConfigDump, Source::Envoy, None),
        ),
        (
            r#"[{"name":"a","type":"EDS","edsClusterConfig":{}}, 7]"#,
            None,
        ),
        (r#"{"bootstrap":true}"#, None),
        ("[]", None),
        (r#"{"kind":"Pod"}"#, None),
        (r#"{"configs":[]}"#, None),
        ("[1, 2]", None),
    ] {
        let found =
            recognized(text).map(|c| (c.document, c.source, c.proxy.map(|id| id.to_string())));
        assert_eq!(found, expected, "{text}");
    }
    let odd = recognized(
        r#"{"configs":[{"bootstrap":{"node":{"id":5,"metadata":{"ISTIO_VERSION":[{}]}}}}]}"#,
    );
    assert_eq!(odd.unwrap().istio_version, None);
    let info = recognized(
        r#"{"version":"c0ffee/1.40.0/Clean","command_line_options":{},
            "node":{"id":"lab","metadata":{"ISTIO_VERSION":"1.30.3"}}}"#,
    );
    let info = info.unwrap();
    assert_eq!(info.envoy_version.as_deref(), Some("1.40.0"));
    assert_eq!(info.istio_version.as_deref(), Some("1.30.3"));
    assert!(recognize("Failed to convert".as_bytes()).is_err());
}

#[test]
fn what_is_nested_without_an_end_is_given_up_before_it_takes_memory() {
    let brackets = "[".repeat(MAX_DEPTH + 1);
    let error = recognize(brackets.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("nested deeper"), "{error}");
    let text = format!(r#"{{"configs":[{{"bootstrap":{{"node":{{"id":"\\\"{brackets}"}}}}}}]}}"#);
    assert!(recognize(text.as_bytes()).unwrap().is_some());
    let endless = br#"{"configs":[""#.chain(io::repeat(b'x'));
    let error = recognize(endless).unwrap_err();
    assert!(error.to_string().contains("more than 64 MiB"), "{error}");
}
