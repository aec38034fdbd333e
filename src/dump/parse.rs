//! From the documents of one proxy and source to its resources.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    JsonError,
    cut::{Cuts, Evidence, index_of},
    envelope::{
        BARE, BOOTSTRAP, BOOTSTRAP_SECTION, Body, DETAILS, ERROR_STATE, LAST_UPDATE_ATTEMPT,
        LAST_UPDATED, LISTS, ListSpec, NAME, Name, SECTION_KNOWN, VERSION_INFO, section_type,
    },
    index::Index,
    json::{self, Walker},
    rules::{REJECTED_COPY, of_field},
};
use crate::{
    model::{ResourceKey, Rule, Rules, Source, State, XdsType},
    xds::Message,
};

/// What one proxy runs, or would be sent: the resources of one config dump.
#[derive(Debug, Default)]
pub struct Dump<'a> {
    /// The resources, in the order of the document.
    pub resources: Vec<Resource<'a>>,
    /// The types whose section the dump has, be it empty: a resource of another type is not absent, but unknown.
    pub types: BTreeSet<XdsType>,
    /// `node.id` in the bootstrap.
    pub node_id: Option<String>,
    /// The latest `last_updated` of any resource, as printed.
    pub last_updated: Option<String>,
    /// What rules left out; empty unless they are to explain what they did.
    pub left_out: Vec<LeftOut>,
    /// The elements of its sections, in the order of the document.
    pub(super) elements: Vec<Element<'a>>,
    rules: Rules,
    /// Whether anything is printed as only Envoy prints it.
    pub(super) by_envoy: bool,
    /// The types whose resources are printed bare, which tells no state.
    pub(super) stateless: BTreeSet<XdsType>,
    /// Positions of rejected resources whose element has no name.
    nameless: BTreeSet<usize>,
    /// The endpoint assignments that come by EDS, by the clusters that were read.
    eds_names: BTreeSet<String>,
    /// Why these are not all.
    no_cluster: Option<JsonError>,
    /// What it does not tell.
    pub(super) cuts: Cuts,
}

/// What holds resources, with all that is said of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    /// Its list; `None` for the section of the bootstrap, which has none.
    pub(super) list: Option<&'static ListSpec>,
    pub(super) raw: &'a [u8],
}

/// One resource of a dump.
#[derive(Clone, Debug)]
pub struct Resource<'a> {
    /// Its name.
    pub key: ResourceKey,
    /// What the body is.
    pub shape: Shape,
    /// The resource as it was printed; `None` for a rejected listener of which the dump tells only the error.
    pub body: Option<&'a [u8]>,
    /// When Envoy last updated it, as it printed it; of a rejected one, when it last tried to.
    pub last_updated: Option<String>,
    /// Why Envoy refused it, for a rejected one.
    pub error: Option<String>,
}

/// A value that a rule left out of a dump.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// The rule.
    pub rule: &'static Rule,
    /// The type of the resource around which it stood.
    pub xds_type: XdsType,
    /// That resource's name; `None` for what a section says of all its resources.
    pub name: Option<String>,
}

/// How a resource's body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A `google.protobuf.Any` that names its own type; without a name, a message of this type.
    Any(Option<&'static Message>),
    /// A message of a known type.
    Message(&'static Message),
    /// JSON of which nothing is known.
    Unknown,
}

/// A document that is no config dump.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DumpError {
    /// It is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is JSON of another kind.
    #[error("not a config dump (expected an object with a list `configs`)")]
    NotADump,
}

impl<'a> Dump<'a> {
    /// Reads the documents that together are one config dump: the whole of it, or the answers to `?resource=` and
    /// `?mask=` with the part that each was asked for (`dynamic_active_clusters`, …).
    ///
    /// # Errors
    ///
    /// Where a document is not JSON, or no config dump.
    pub fn parse(
        documents: impl IntoIterator<Item = (Option<&'a str>, &'a [u8])>,
    ) -> Result<Self, DumpError> {
        Self::parse_by(documents, Rules::all())
    }

    /// [`parse`](Self::parse), but for what [`RULES`](super::RULES) that are off leave out. A field that stands around
    /// resources is then one itself, as one that is not known is: of the type of the message that has it, and called
    /// `<resource>.<field>`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_by(
        documents: impl IntoIterator<Item = (Option<&'a str>, &'a [u8])>,
        rules: &Rules,
    ) -> Result<Self, DumpError> {
        Self::read(documents, false, rules)
    }

    /// [`parse_by`](Self::parse_by), of one document that was [recognized](super::recognize_slice()).
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_recognized(document: &'a [u8], rules: &Rules) -> Result<Self, DumpError> {
        Self::read([(None, document)], true, rules)
    }

    fn read(
        documents: impl IntoIterator<Item = (Option<&'a str>, &'a [u8])>,
        are_recognized: bool,
        rules: &Rules,
    ) -> Result<Self, DumpError> {
        let mut dump = Self {
            rules: rules.clone(),
            ..Self::default()
        };
        let mut evidence = Evidence::default();
        for (part, bytes) in documents {
            dump.document(part, bytes, are_recognized, &mut evidence)?;
        }
        dump.drop_repeated();
        dump.number();
        dump.note_cuts(&evidence)?;
        Ok(dump)
    }

    /// Who printed this dump, as far as it shows.
    ///
    /// Only Envoy fills the bootstrap and the times, answers `?resource`, and has a printer that writes snake_case.
    pub fn source(&self) -> Source {
        if self.node_id.is_some() || self.last_updated.is_some() || self.by_envoy {
            Source::Envoy
        } else {
            Source::Istiod
        }
    }

    /// Takes resources that are printed bare, and so are taken for active, for static where `other` says that those of
    /// their name are.
    ///
    /// `istioctl proxy-config cluster -o json` lists both, and nothing tells which is which.
    pub fn take_states_of(&mut self, other: &Self) {
        let mut others: BTreeMap<(&XdsType, &str), BTreeSet<Option<State>>> = BTreeMap::new();
        for Resource { key, .. } in &other.resources {
            if self.stateless.contains(&key.xds_type) && !other.stateless.contains(&key.xds_type) {
                let states = others.entry((&key.xds_type, &key.name)).or_default();
                states.insert(key.state);
            }
        }
        for Resource { key, .. } in &mut self.resources {
            if let Some(states) = others.get(&(&key.xds_type, &*key.name))
                && self.stateless.contains(&key.xds_type)
                && states.contains(&Some(State::Static))
                && !states.contains(&Some(State::Active))
            {
                key.state = Some(State::Static);
            }
        }
    }

    /// The names of the endpoint assignments that come by EDS: those of the clusters of type `EDS`.
    ///
    /// Envoy prints an assignment for every cluster, whatever its type.
    ///
    /// # Errors
    ///
    /// Where a cluster is no JSON object.
    pub fn eds_names(&self) -> Result<BTreeSet<String>, JsonError> {
        match &self.no_cluster {
            Some(error) => Err(error.clone()),
            None => Ok(self.eds_names.clone()),
        }
    }

    /// Notes which endpoint assignments of the clusters from the resource `first` on come by EDS.
    fn note_eds_names(&mut self, walker: Walker<'a, '_>, first: usize) -> Result<(), JsonError> {
        const SERVICE_NAME: [Name; 2] = [
            ["eds_cluster_config", "edsClusterConfig"],
            ["service_name", "serviceName"],
        ];
        let resources = &self.resources[first..];
        for cluster in resources
            .iter()
            .filter(|r| r.key.xds_type == XdsType::Cluster)
        {
            let Some(body) = cluster.body else { continue };
            let is_eds = match walker.find(body, &[["type", "type"]])? {
                Some(kind) => {
                    json::text(kind).as_deref() == Some("EDS") || matches!(kind, b"3" | b"3.0")
                }
                None => false,
            };
            if is_eds {
                let service = walker.find(body, &SERVICE_NAME)?.and_then(json::text);
                let service = service.filter(|name| !name.is_empty());
                let name = service.unwrap_or_else(|| cluster.key.name.to_string());
                self.eds_names.insert(name);
            }
        }
        Ok(())
    }

    fn document(
        &mut self,
        part: Option<&'a str>,
        bytes: &'a [u8],
        is_recognized: bool,
        evidence: &mut Evidence<'a>,
    ) -> Result<(), DumpError> {
        let first = self.resources.len();
        let index = Index::new(bytes);
        let root = match is_recognized {
            true => json::recognized(bytes, &index)?,
            false => json::document(bytes)?,
        };
        let walker = Walker::indexed(bytes, &index);
        let mut configs = None;
        let mut others = Vec::new();
        walker.members(root, |key, value| {
            match (key, value.first()) {
                ("configs", Some(b'[')) => {
                    if configs.replace(value).is_some() {
                        return Err(JsonError {
                            offset: json::offset_in(bytes, value),
                            message: "`configs` is given twice".to_owned(),
                        });
                    }
                }
                (_, Some(b'n')) => {}
                _ => others.push((key.to_owned(), value)),
            }
            Ok(())
        })?;
        // `dynamic_listeners.masked` is that list with fewer fields.
        let asked = part.map(|part| part.split('.').next().unwrap_or(part));
        let asked = LISTS.iter().find(|spec| Some(spec.list[0]) == asked);
        if let Some(spec) = asked {
            self.types.insert(spec.xds_type.clone());
        }
        // What a part lacks, it was not asked for.
        let mut of_part = Evidence::default();
        let shown = match part {
            Some(_) => &mut of_part,
            None => &mut *evidence,
        };
        let read = match configs {
            Some(configs) => walker.items(configs, |raw| self.config(walker, asked, raw, shown)),
            // Envoy answers `{}` where a list that was asked for is empty.
            None if root.first() == Some(&b'{') && part.is_some() => Ok(()),
            None => Err(DumpError::NotADump),
        };
        evidence.elements.extend(of_part.elements);
        if configs.is_some() {
            // What a newer dump holds beside its sections.
            for (name, value) in others {
                let unknown = XdsType::unknown("envoy.admin.v3.ConfigDump");
                self.push(&unknown, name, None, Shape::Unknown, Some(value));
            }
        }
        // Here, where the index is at hand.
        if let Err(error) = self.note_eds_names(walker, first) {
            self.no_cluster = Some(error);
        }
        read
    }

    /// Reads one item of `configs`: a section, an element of one, or a bare resource.
    fn config(
        &mut self,
        walker: Walker<'a, '_>,
        asked: Option<&'static ListSpec>,
        raw: &'a [u8],
        evidence: &mut Evidence<'a>,
    ) -> Result<(), DumpError> {
        let type_url = walker
            .find(raw, &[["@type", "@type"]])?
            .and_then(json::text);
        let type_url = type_url.as_deref().unwrap_or_default();
        // Envoys that took API v2 call sections and resources by its names.
        let message = match Message::find_url(type_url) {
            Some(message) => message.current().name(),
            None => type_url.rsplit_once('/').map_or(type_url, |(_, name)| name),
        };
        if section_type(message).is_some() {
            evidence.sections.insert(message.to_owned());
            return self.section(walker, message, raw, evidence);
        }
        let element = asked
            .filter(|spec| spec.element == message)
            .or_else(|| {
                LISTS
                    .iter()
                    .find(|spec| spec.element == message && !is_static(spec))
            })
            .or_else(|| LISTS.iter().find(|spec| spec.element == message));
        if let Some(spec) = element {
            self.types.insert(spec.xds_type.clone());
            self.by_envoy = true;
            evidence.bare_elements = true;
            return self.element(walker, spec, raw, evidence);
        }
        if let Some((_, xds_type, state)) = BARE.iter().find(|(name, ..)| *name == message) {
            self.types.insert(xds_type.clone());
            self.stateless.insert(xds_type.clone());
            let name = body_name(walker, xds_type, raw)?.unwrap_or_default();
            self.push(xds_type, name, *state, Shape::Any(None), Some(raw));
            return Ok(());
        }
        let xds_type = XdsType::unknown(message);
        evidence.sections.insert(message.to_owned());
        self.types.insert(xds_type.clone());
        self.push(&xds_type, String::new(), None, Shape::Unknown, Some(raw));
        Ok(())
    }

    fn section(
        &mut self,
        walker: Walker<'a, '_>,
        message: &str,
        raw: &'a [u8],
        evidence: &mut Evidence<'a>,
    ) -> Result<(), DumpError> {
        self.types.extend(section_type(message));
        let first = self.resources.len();
        let mut updated = None;
        let mut bootstrap = None;
        let mut volatile = Vec::new();
        walker.members(raw, |key, value| {
            let list = LISTS
                .iter()
                .find(|spec| spec.section == message && spec.list.contains(&key));
            if let Some(spec) = list.filter(|_| value.first() == Some(&b'[')) {
                self.note_spelling(spec.list, key);
                return walker.items(value, |element| {
                    self.elements.push(Element {
                        list: Some(spec),
                        raw: element,
                    });
                    self.element(walker, spec, element, evidence)
                });
            }
            if value == b"null" {
                return Ok(());
            }
            if message == BOOTSTRAP_SECTION && BOOTSTRAP.contains(&key) {
                bootstrap = Some(value);
                return self.bootstrap(walker, value);
            }
            if LAST_UPDATED.contains(&key) {
                updated = json::text(value);
                self.note_update(updated.as_ref());
            }
            if VERSION_INFO.contains(&key) {
                self.note_spelling(VERSION_INFO, key);
            }
            if let Some(found) = of_field(None, key).filter(|_| is_any_of(SECTION_KNOWN, key)) {
                volatile.push((found, value));
            }
            if !is_any_of(SECTION_KNOWN, key) {
                let unknown = XdsType::unknown(message);
                self.push(&unknown, key.to_owned(), None, Shape::Unknown, Some(value));
            }
            Ok::<_, DumpError>(())
        })?;
        if let Some(bootstrap) = bootstrap {
            self.elements.push(Element { list: None, raw });
            evidence.bootstrap = Some((bootstrap, updated.is_some()));
        }
        // Only the bootstrap's section tells its time outside of an element.
        if let (Some(updated), Some(resource)) = (updated, self.resources.get_mut(first)) {
            resource.last_updated.get_or_insert(updated);
        }
        if let Some(xds_type) = section_type(message) {
            for ((name, rule), value) in volatile {
                let path = name.to_owned();
                self.volatile(rule, message, path, (&xds_type, None), value);
            }
        }
        Ok(())
    }

    fn bootstrap(&mut self, walker: Walker<'a, '_>, raw: &'a [u8]) -> Result<(), DumpError> {
        let id = walker.find(raw, &[["node", "node"], ["id", "id"]])?;
        self.node_id = id.and_then(json::text);
        let shape = Message::find("envoy.config.bootstrap.v3.Bootstrap")
            .map_or(Shape::Unknown, Shape::Message);
        self.push(&XdsType::Bootstrap, String::new(), None, shape, Some(raw));
        Ok(())
    }

    fn element(
        &mut self,
        walker: Walker<'a, '_>,
        spec: &'static ListSpec,
        raw: &'a [u8],
        evidence: &mut Evidence<'a>,
    ) -> Result<(), DumpError> {
        let mut name = None;
        let mut updated = None;
        let mut unknown = Vec::new();
        walker.members(raw, |key, value| {
            if NAME.contains(&key) {
                name = json::text(value).filter(|name| !name.is_empty());
            } else if LAST_UPDATED.contains(&key) {
                updated = json::text(value);
                self.note_spelling(LAST_UPDATED, key);
            } else if key != "@type"
                && !is_any_of(spec.known, key)
                && !spec.bodies.iter().any(|body| body.path[0].contains(&key))
            {
                unknown.push((key.to_owned(), value));
            }
            Ok::<_, DumpError>(())
        })?;
        self.note_update(updated.as_ref());

        let first = self.resources.len();
        for body in spec.bodies {
            self.body(walker, spec, body, raw, name.as_deref())?;
        }
        for resource in &mut self.resources[first..] {
            if resource.last_updated.is_none() {
                resource.last_updated.clone_from(&updated);
            }
        }
        let found = &self.resources[first..];
        let (without_body, has_time) = evidence.elements.entry(index_of(spec)).or_default();
        *without_body += usize::from(found.is_empty());
        // A rejected update has the time of the attempt.
        *has_time |= found
            .iter()
            .any(|r| r.last_updated.is_some() || r.error.is_some());
        let owner = self
            .resources
            .get(first)
            .map(|resource| resource.key.name.to_string());
        let owner = owner.or(name).unwrap_or_default();
        for (key, value) in unknown {
            let name = format!("{owner}.{key}");
            let xds_type = XdsType::unknown(spec.element);
            self.push(&xds_type, name, None, Shape::Unknown, Some(value));
        }
        if self.rules.any_off() || self.rules.explain() {
            self.envelope(walker, spec, &owner, raw)?;
        }
        Ok(())
    }

    /// Keeps or counts what rules are about in an element of the resource `owner`.
    fn envelope(
        &mut self,
        walker: Walker<'a, '_>,
        spec: &'static ListSpec,
        owner: &str,
        element: &'a [u8],
    ) -> Result<(), DumpError> {
        let of = (&spec.xds_type, Some(owner));
        walker.members(element, |key, value| {
            if let Some((name, rule)) = of_field(None, key) {
                let path = format!("{owner}.{name}");
                self.volatile(rule, spec.element, path, of, value);
            }
            let bodies = spec.bodies.iter().filter(|body| body.path.len() > 1);
            let mut containers = bodies.map(|body| body.path[0]).chain([ERROR_STATE]);
            let Some(container) = containers.find(|container| container.contains(&key)) else {
                return Ok(());
            };
            walker.members(value, |key, value| {
                if let Some((name, rule)) = of_field(Some(container), key) {
                    let path = format!("{owner}.{}.{name}", container[0]);
                    self.volatile(rule, spec.element, path, of, value);
                }
                Ok::<_, DumpError>(())
            })
        })
    }

    /// Leaves out a field that stands around resources, or keeps it as a resource of its own where its rule is off.
    fn volatile(
        &mut self,
        rule: &'static Rule,
        message: &str,
        path: String,
        (xds_type, name): (&XdsType, Option<&str>),
        value: &'a [u8],
    ) {
        if value == b"null" {
            return;
        }
        if !self.rules.has(rule) {
            let unknown = XdsType::unknown(message);
            self.push(&unknown, path, None, Shape::Unknown, Some(value));
        } else if self.rules.explain() {
            self.left_out.push(LeftOut {
                rule,
                xds_type: xds_type.clone(),
                name: name.map(str::to_owned),
            });
        }
    }

    /// Adds the resources that an element holds in one of its places.
    fn body(
        &mut self,
        walker: Walker<'a, '_>,
        spec: &'static ListSpec,
        body: &'static Body,
        element: &'a [u8],
        envelope_name: Option<&str>,
    ) -> Result<(), DumpError> {
        let Some(raw) = walker.find(element, &body.path[..1])? else {
            return Ok(());
        };
        // Of what Envoy rejected, it prints when it was last tried.
        let time = match body.path[0] == ERROR_STATE {
            true => LAST_UPDATE_ATTEMPT,
            false => LAST_UPDATED,
        };
        let updated = walker.find(raw, &[time])?.and_then(json::text);
        self.note_update(updated.as_ref());
        let found = walker
            .find(raw, &body.path[1..])?
            .filter(|found| *found != b"null");
        let error = match body.path[0] == ERROR_STATE {
            true => walker.find(raw, &[DETAILS])?.and_then(json::text),
            false => None,
        };
        let mut bodies = Vec::new();
        match found {
            Some(list) if list.first() == Some(&b'[') => walker.items(list, |raw| {
                bodies.push(Some(raw));
                Ok::<_, JsonError>(())
            })?,
            Some(raw) => bodies.push(Some(raw)),
            None if error.is_some() => bodies.push(None),
            None => {}
        }
        for raw in bodies {
            let inner = match raw {
                Some(raw) => body_name(walker, &spec.xds_type, raw)?,
                None => None,
            };
            // Envoy calls a listener without a name by a random UUID, so there the inside decides; what an
            // envelope of scoped routes has is the name of the group.
            let name = match spec.xds_type {
                XdsType::Listener | XdsType::ScopedRoute => {
                    inner.or(envelope_name.map(str::to_owned))
                }
                _ => envelope_name.map(str::to_owned).or(inner),
            };
            if body.state == Some(State::Rejected) && envelope_name.is_none() {
                self.nameless.insert(self.resources.len());
            }
            self.push(
                &spec.xds_type,
                name.unwrap_or_default(),
                body.state,
                Shape::Any(default_message(&spec.xds_type)),
                raw,
            );
            if let Some(resource) = self.resources.last_mut() {
                resource.last_updated.clone_from(&updated);
                resource.error.clone_from(&error);
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        xds_type: &XdsType,
        name: String,
        state: Option<State>,
        shape: Shape,
        body: Option<&'a [u8]>,
    ) {
        self.resources.push(Resource {
            key: ResourceKey {
                xds_type: xds_type.clone(),
                name: name.into(),
                state,
                occurrence: 0,
            },
            shape,
            body,
            last_updated: None,
            error: None,
        });
    }

    /// Leaves out what Envoy prints twice.
    ///
    /// A rejected listener has an element with its name and one without, both with the same error.
    fn drop_repeated(&mut self) {
        if !self.rules.has(&REJECTED_COPY) {
            return;
        }
        // The error need not be the same text: it holds a marker that changes.
        let nameless = std::mem::take(&mut self.nameless);
        let named: BTreeSet<_> = self
            .resources
            .iter()
            .enumerate()
            .filter(|(at, resource)| {
                resource.key.state == Some(State::Rejected) && !nameless.contains(at)
            })
            .map(|(_, resource)| resource.key.name.to_string())
            .collect();
        let mut at = 0;
        self.resources.retain(|resource| {
            at += 1;
            let is_copy = nameless.contains(&(at - 1))
                && (resource.key.name.is_empty() || named.contains(&*resource.key.name));
            if is_copy && self.rules.explain() {
                self.left_out.push(LeftOut {
                    rule: &REJECTED_COPY,
                    xds_type: resource.key.xds_type.clone(),
                    name: Some(resource.key.name.to_string()),
                });
            }
            !is_copy
        });
    }

    /// Tells resources of one type, name and state apart by their number.
    fn number(&mut self) {
        let mut counts: BTreeMap<ResourceKey, u32> = BTreeMap::new();
        for resource in &mut self.resources {
            let count = counts.entry(resource.key.clone()).or_default();
            resource.key.occurrence = *count;
            *count += 1;
        }
    }

    fn note_update(&mut self, updated: Option<&String>) {
        // Envoy prints all of them in UTC with three decimals or none, so that text order is near enough to time.
        if updated > self.last_updated.as_ref() {
            self.last_updated = updated.cloned();
        }
    }

    fn note_spelling(&mut self, names: Name, key: &str) {
        self.by_envoy |= key == names[0] && names[0] != names[1];
    }
}

/// The message that a resource of that type is.
fn default_message(xds_type: &XdsType) -> Option<&'static Message> {
    let (name, ..) = BARE.iter().find(|(_, of, _)| of == xds_type)?;
    Message::find(name)
}

fn is_any_of(names: &[Name], key: &str) -> bool {
    names.iter().any(|name| name.contains(&key))
}

fn is_static(spec: &ListSpec) -> bool {
    spec.list[0].starts_with("static_") || spec.list[0].starts_with("inline_")
}

/// The name that a resource gives itself.
pub(super) fn body_name<'a>(
    walker: Walker<'a, '_>,
    xds_type: &XdsType,
    raw: &'a [u8],
) -> Result<Option<String>, JsonError> {
    let text_at = |path: &[Name]| -> Result<Option<String>, JsonError> {
        let found = walker.find(raw, path)?.and_then(json::text);
        Ok(found.filter(|name| !name.is_empty()))
    };
    let name = match xds_type {
        XdsType::Endpoint => text_at(&[["cluster_name", "clusterName"]])?,
        _ => text_at(&[NAME])?,
    };
    match xds_type {
        XdsType::Listener if name.is_none() => listener_address(walker, raw),
        // Istiod prints a Wasm extension without the TypedExtensionConfig around it.
        XdsType::ExtensionConfig if name.is_none() => text_at(&[["config", "config"], NAME]),
        _ => Ok(name),
    }
}

/// `<address>_<port>`, or the path of a pipe: what a listener without a name is called.
fn listener_address<'a>(
    walker: Walker<'a, '_>,
    raw: &'a [u8],
) -> Result<Option<String>, JsonError> {
    const ADDRESS: Name = ["address", "address"];
    const SOCKET: Name = ["socket_address", "socketAddress"];
    const PORT: Name = ["port_value", "portValue"];
    let find = |path: &[Name]| walker.find(raw, path);
    if let Some(address) = find(&[ADDRESS, SOCKET, ADDRESS])?.and_then(json::text) {
        let port = find(&[ADDRESS, SOCKET, PORT])?.map(String::from_utf8_lossy);
        // `8080`, `"8080"` and `8080.0` are one port.
        let number = port.and_then(|port| port.trim_matches('"').parse::<f64>().ok());
        let port = number.unwrap_or(0.0);
        return Ok(Some(format!("{address}_{port}")));
    }
    Ok(find(&[ADDRESS, ["pipe", "pipe"], ["path", "path"]])?.and_then(json::text))
}
