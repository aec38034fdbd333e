//! What `istioctl proxy-config … -o json` prints of a dump, and the document that it stands for.
//!
//! `cluster`, `listener` and `route` print the resources of the dump's static and active ones in one list, without
//! their types and states; `endpoint` the items of `/clusters`; `bootstrap`, `secret` and `ecds` a section without its
//! type. `all` prints Envoy's own bytes.

use std::{
    collections::BTreeSet,
    io::{self, Read},
};

use super::{
    envelope::{BOOTSTRAP, BOOTSTRAP_SECTION, LISTS},
    json::{self, JsonError, Walker},
};
use crate::{model::Document, xds::Message};

/// How a document is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As Envoy or istiod serve it.
    #[default]
    Page,
    /// A section of a config dump, by itself.
    Section(&'static str),
    /// A list of resources that are messages of this name.
    Resources(&'static str),
    /// The list that `/clusters?format=json` holds.
    ClusterStatuses,
}

/// The messages of the lists.
const ITEMS: [(&str, Form); 5] = [
    items("envoy.config.cluster.v3.Cluster"),
    items("envoy.config.listener.v3.Listener"),
    items("envoy.config.route.v3.RouteConfiguration"),
    items("envoy.config.endpoint.v3.ClusterLoadAssignment"),
    ("envoy.admin.v3.ClusterStatus", Form::ClusterStatuses),
];

const fn items(message: &'static str) -> (&'static str, Form) {
    (message, Form::Resources(message))
}

/// The most that is put into its envelope, for which it is held in memory, in bytes.
const MAX_BYTES: u64 = 200 << 20;

impl Form {
    /// The form of an object that has this member.
    pub(super) fn of_member(key: &str) -> Option<Self> {
        if BOOTSTRAP.contains(&key) {
            return Some(Self::Section(BOOTSTRAP_SECTION));
        }
        let list = LISTS.iter().find(|spec| spec.list.contains(&key))?;
        Some(Self::Section(list.section))
    }

    /// The form of a list whose items have these members; `None` where they tell no message from the others.
    pub(super) fn of_items(keys: &BTreeSet<String>) -> Option<Self> {
        let known = |message: &str| {
            let fields = Message::find(message)?.fields();
            let is_known = |key: &&String| {
                let mut names = fields.iter();
                names.any(|field| field.name() == **key || field.json_name() == **key)
            };
            Some(keys.iter().filter(is_known).count())
        };
        let counts = ITEMS.map(|(message, form)| (known(message).unwrap_or(0), form));
        let (most, form) = counts.into_iter().max_by_key(|(count, _)| *count)?;
        let is_only = counts.iter().filter(|(count, _)| *count == most).count() == 1;
        // A newer Envoy may have fields that are not known here; any other list has more of them.
        (is_only && most * 4 >= keys.len() * 3).then_some(form)
    }

    /// Which document it is a part of.
    pub(super) fn document(self) -> Option<Document> {
        match self {
            Self::Page => None,
            Self::Section(_) | Self::Resources(_) => Some(Document::ConfigDump),
            Self::ClusterStatuses => Some(Document::Clusters),
        }
    }

    /// The document that `input`, which has this form, stands for: with what Envoy prints around it.
    ///
    /// # Errors
    ///
    /// Where reading fails, or what is read is not JSON, or more than 200 MiB that are no [`Form::Page`].
    pub fn enclose<'a>(self, mut input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        if self == Self::Page {
            return Ok(Box::new(input));
        }
        let mut bytes = Vec::new();
        input.by_ref().take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::other("a list of more than 200 MiB"));
        }
        let enclosed = self.enclosed(&bytes).map_err(io::Error::other)?;
        Ok(Box::new(io::Cursor::new(enclosed)))
    }

    fn enclosed(self, bytes: &[u8]) -> Result<Vec<u8>, JsonError> {
        let walker = Walker::new(bytes);
        let root = json::document(bytes)?;
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 4);
        match self {
            Self::Page => out.extend_from_slice(root),
            Self::Section(message) => {
                out.extend_from_slice(b"{\"configs\":[");
                typed(&mut out, message, walker, root)?;
                out.extend_from_slice(b"]}");
            }
            Self::Resources(message) => {
                out.extend_from_slice(b"{\"configs\":[");
                let start = out.len();
                walker.items(root, |item| {
                    if out.len() > start {
                        out.push(b',');
                    }
                    typed(&mut out, message, walker, item)
                })?;
                out.extend_from_slice(b"]}");
            }
            Self::ClusterStatuses => {
                out.extend_from_slice(b"{\"cluster_statuses\":");
                out.extend_from_slice(root);
                out.push(b'}');
            }
        }
        Ok(out)
    }
}

/// Writes the object `raw` with the type that it is, unless it names one itself.
fn typed<'a>(
    out: &mut Vec<u8>,
    message: &str,
    walker: Walker<'a, '_>,
    raw: &'a [u8],
) -> Result<(), JsonError> {
    let mut is_empty = true;
    let mut is_typed = false;
    walker.members(raw, |key, _| {
        is_empty = false;
        is_typed |= key == "@type";
        Ok::<_, JsonError>(())
    })?;
    if is_typed {
        out.extend_from_slice(raw);
        return Ok(());
    }
    out.extend_from_slice(b"{\"@type\":\"type.googleapis.com/");
    out.extend_from_slice(message.as_bytes());
    out.push(b'"');
    if !is_empty {
        out.push(b',');
    }
    out.extend_from_slice(raw.get(1..).unwrap_or_default());
    Ok(())
}

#[test]
fn a_list_is_known_by_the_members_of_its_items() {
    let of = |keys: &[&str]| {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Form::of_items(&keys)
    };
    for (keys, expected) in [
        (
            &["name", "type", "edsClusterConfig"][..],
            Some("envoy.config.cluster.v3.Cluster"),
        ),
        (&["name", "filterChains", "new"], None),
        (
            &["name", "address", "filterChains", "new"],
            Some("envoy.config.listener.v3.Listener"),
        ),
        (
            &["name", "virtual_hosts"],
            Some("envoy.config.route.v3.RouteConfiguration"),
        ),
        (
            &["clusterName", "endpoints"],
            Some("envoy.config.endpoint.v3.ClusterLoadAssignment"),
        ),
        (&["name"], None),
        (&["name", "metadata"], None),
        (&["apiVersion", "kind", "metadata", "spec"], None),
        (&[], None),
    ] {
        let expected = expected.map(Form::Resources);
        assert_eq!(of(keys), expected, "{keys:?}");
    }
    assert_eq!(of(&["name", "hostStatuses"]), Some(Form::ClusterStatuses));
}

#[test]
fn what_is_printed_alone_gets_what_envoy_prints_around_it() {
    let enclosed = |form: Form, text: &str| {
        let mut out = String::new();
        form.enclose(text.as_bytes())?.read_to_string(&mut out)?;
        io::Result::Ok(out)
    };
    for (form, text, expected) in [
        (Form::Page, "{ }", "{ }"),
        (
            Form::Section("x.Y"),
            " {\"a\": 1} ",
            r#"{"configs":[{"@type":"type.googleapis.com/x.Y","a": 1}]}"#,
        ),
        (
            Form::Section("x.Y"),
            r#"{"a":1,"@type":"z"}"#,
            r#"{"configs":[{"a":1,"@type":"z"}]}"#,
        ),
        (
            Form::Resources("x.Y"),
            r#"[{},{"a":1}]"#,
            r#"{"configs":[{"@type":"type.googleapis.com/x.Y"},{"@type":"type.googleapis.com/x.Y","a":1}]}"#,
        ),
        (
            Form::ClusterStatuses,
            "[{}]",
            r#"{"cluster_statuses":[{}]}"#,
        ),
    ] {
        assert_eq!(enclosed(form, text).unwrap(), expected);
    }
    assert!(enclosed(Form::Section("x.Y"), "{\"a\":").is_err());
}
