//! Some resources of a dump, without the rest: where each stands in its document, and a dump made of them alone.
//!
//! The resources of an excerpt are those of the whole: an element is taken with all that it says of them. What the dump as
//! a whole tells (which sections it has, whether anything is missing) has to be known from elsewhere.

use std::{collections::BTreeSet, ops::Range};

use super::{
    Dump, DumpError,
    cut::{Cuts, index_of},
    envelope::{LISTS, NAME, Name, ROUTE_CONFIG},
    index::Index,
    json::{JsonError, Walker, offset_in, text},
};
use crate::model::{Rules, State, XdsType};

/// The number of the list of a bootstrap, which stands in none.
pub const BOOTSTRAP_LIST: u8 = LISTS.len() as u8;

/// Where an element, which holds resources, stands in the document of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementAt {
    /// The number of its list, as the specification counts them; [`BOOTSTRAP_LIST`] for a bootstrap's section.
    pub list: u8,
    /// Its bytes.
    pub range: Range<usize>,
}

impl<'a> Dump<'a> {
    /// For each resource of the dump, which was read from the one `document`, where the element stands that holds it.
    ///
    /// There is none of a rejected resource, which may be printed twice, and of one in a place that is not known.
    pub fn elements_in(&self, document: &'a [u8]) -> Vec<Option<ElementAt>> {
        let starts: Vec<usize> = (self.elements.iter())
            .map(|element| offset_in(document, element.raw))
            .collect();
        let each = self.resources.iter().map(|resource| {
            let is_other = matches!(resource.key.xds_type, XdsType::Other(_));
            if is_other || resource.key.state == Some(State::Rejected) {
                return None;
            }
            let body = offset_in(document, resource.body?);
            let at = starts
                .partition_point(|start| *start <= body)
                .checked_sub(1)?;
            let (start, element) = (starts[at], &self.elements[at]);
            let range = start..start + element.raw.len();
            let list = element.list.map_or(LISTS.len(), index_of);
            range.contains(&body).then_some(ElementAt {
                list: u8::try_from(list).ok()?,
                range,
            })
        });
        each.collect()
    }

    /// Reads an [`excerpt`] of a dump that [is whole](Self::is_whole) and has sections of `types`; `last_updated` is that
    /// of the whole.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_excerpt(
        excerpt: &'a [u8],
        types: BTreeSet<XdsType>,
        last_updated: Option<String>,
        rules: &Rules,
    ) -> Result<Self, DumpError> {
        let mut dump = Self::parse_by([(None, excerpt)], rules)?;
        dump.types = types;
        dump.last_updated = last_updated;
        dump.cuts = Cuts::default();
        Ok(dump)
    }
}

/// A dump that holds these elements and nothing else, each with the number of its list.
pub fn excerpt<'e>(elements: impl IntoIterator<Item = (u8, &'e [u8])>) -> Vec<u8> {
    let mut text = b"{\"configs\":[".to_vec();
    let mut is_first = true;
    for (list, element) in elements {
        if !std::mem::take(&mut is_first) {
            text.push(b',');
        }
        // A section may stand several times, here with one element each.
        match LISTS.get(usize::from(list)) {
            Some(spec) => {
                let section = format!(
                    "{{\"@type\":\"type.googleapis.com/{}\",\"{}\":[",
                    spec.section, spec.list[0]
                );
                text.extend(section.as_bytes());
                text.extend(element);
                text.extend(b"]}");
            }
            None => text.extend(element),
        }
    }
    text.extend(b"]}");
    text
}

/// A route configuration, as far as its virtual hosts are told apart.
pub struct RouteHosts {
    /// Its name.
    pub name: String,
    /// The names of its virtual hosts, and where each stands in the element.
    pub hosts: Vec<(String, Range<usize>)>,
}

impl RouteHosts {
    /// The route configuration in an element; `None` where there is none, or something in it has no name.
    pub fn of(element: &[u8]) -> Option<Self> {
        const HOSTS: Name = ["virtual_hosts", "virtualHosts"];
        let index = Index::new(element);
        let walker = Walker::indexed(element, &index);
        let route = walker.find(element, &[ROUTE_CONFIG]).ok()??;
        let mut route_name = None;
        let mut hosts = Vec::new();
        let mut has_all_names = true;
        let walked = walker.members(route, |key, value| {
            if NAME.contains(&key) {
                route_name = text(value);
            }
            if !HOSTS.contains(&key) || value.first() != Some(&b'[') {
                return Ok(());
            }
            walker.items(value, |item| {
                let start = offset_in(element, item);
                match walker.find(item, &[NAME])?.and_then(text) {
                    Some(name) => hosts.push((name, start..start + item.len())),
                    None => has_all_names = false,
                }
                Ok::<_, JsonError>(())
            })
        });
        walked.ok().filter(|()| has_all_names)?;
        Some(Self {
            name: route_name?,
            hosts,
        })
    }
}

/// Takes items out of a list: `items` are all of it, with whether each is to stay.
pub fn keep_items(element: &mut Vec<u8>, items: &[(Range<usize>, bool)]) {
    let (Some((first, _)), Some((last, _))) = (items.first(), items.last()) else {
        return;
    };
    let mut kept = element[..first.start].to_vec();
    let mut is_first = true;
    for (range, _) in items.iter().filter(|(_, stays)| *stays) {
        if !std::mem::take(&mut is_first) {
            kept.push(b',');
        }
        kept.extend(&element[range.clone()]);
    }
    kept.extend(&element[last.end..]);
    *element = kept;
}
