//! The table of rules, compiled for the questions that are asked of every object.

use std::collections::HashMap;

use super::{
    labels::{LabelPath, is_camel_of},
    names::{self, Telling},
    rules::{FORMATS, KEYS, Pair, Rule, What},
    text::Language,
};
use crate::xds::{Field, Kind, Message};

/// What happens to the strings of a value, and what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Read as a text of this kind, of which parts may go.
    Read(Language),
    /// Replaced by this rule, and numbers and booleans too.
    Hide(&'static str),
    /// Replaced because of a name.
    Named(Verdict),
    /// The same, unless it is an object of a type that is known.
    Untyped(Verdict),
    /// The same for what a source of data holds, if it is one: `inline_string` and the like.
    IfSource(Verdict),
    /// As [`Treatment::Named`] what is at this path, which has more than no member.
    Toward(Verdict, &'static str),
    /// As [`Treatment::Named`] the keys.
    Keys(Verdict),
}

impl Treatment {
    /// What happens to values that nothing is known of.
    pub(super) const KEEP: Self = Self::Read(Language::Plain);
}

/// What a name says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The rule that it goes by.
    pub(super) rule: &'static str,
    /// Whether only texts go that look random.
    pub(super) if_random: bool,
}

/// A [`Pair`] compiled.
#[derive(Debug)]
pub(super) struct NamedValues {
    rule: &'static str,
    pub(super) names: Vec<LabelPath>,
    pub(super) values: &'static [&'static str],
}

impl NamedValues {
    /// What these names, as an object has them, say of its values.
    pub(super) fn verdict(&self, names: impl Iterator<Item = String>) -> Option<Verdict> {
        // A name that is there twice tells if any of them does.
        let all = names
            .map(|name| tells(&name))
            .fold(Telling::Nothing, |all, name| match (all, name) {
                (Telling::Secret, _) | (_, Telling::Secret) => Telling::Secret,
                (Telling::Hint, _) | (_, Telling::Hint) => Telling::Hint,
                _ => Telling::Nothing,
            });
        verdict(self.rule, all)
    }
}

/// What `verdict` on what is at `path` means for the member called `key`.
pub(super) fn step(path: &'static str, key: &str, verdict: Verdict) -> Option<Treatment> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    (first == key || is_camel_of(key, first)).then_some(match rest {
        "" => Treatment::Named(verdict),
        KEYS => Treatment::Keys(verdict),
        rest => Treatment::Toward(verdict, rest),
    })
}

fn verdict(rule: &'static str, telling: Telling) -> Option<Verdict> {
    let if_random = match telling {
        Telling::Secret => false,
        Telling::Hint => true,
        Telling::Nothing => return None,
    };
    Some(Verdict { rule, if_random })
}

/// What `name` tells: what extensions are called tells nothing, nor does a text that is no name.
pub(super) fn tells(name: &str) -> Telling {
    /// What names of extensions and types begin with, and those of clusters, as Istio calls them and their statistics.
    const OTHERS: [&str; 9] = [
        "envoy.",
        "istio.",
        "io.istio.",
        "type.googleapis.com/",
        "xds.",
        "inbound|",
        "outbound|",
        "inbound_.",
        "outbound_.",
    ];
    let telling = names::telling(name);
    if telling == Telling::Nothing {
        return telling;
    }
    let is_text = name.contains(|c: char| c.is_control() || "=?\";&<>{}".contains(c))
        || [": ", " -", "--", "://"]
            .iter()
            .any(|mark| name.contains(mark));
    match is_text || OTHERS.iter().any(|prefix| name.starts_with(prefix)) {
        true => Telling::Nothing,
        false => telling,
    }
}

/// [`super::RULES`] compiled.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Addresses of fields, sorted.
    fields: Vec<(usize, Treatment)>,
    /// Addresses of fields, sorted.
    opaque: Vec<usize>,
    pairs: Vec<NamedValues>,
    /// Where in `pairs`, by the addresses of messages.
    by_message: HashMap<usize, Vec<usize>>,
    /// Where in `pairs` those are that any object may be.
    of_any: Vec<usize>,
    members: Vec<(&'static str, Treatment)>,
    /// By the label that marks their objects.
    marked: Vec<(LabelPath, &'static [&'static str], &'static str)>,
    /// The rules that these go by.
    annotated: &'static str,
    entries: &'static str,
    by_name: &'static str,
    pub(super) opaque_bytes: &'static str,
}

impl Rules {
    pub(super) fn new(table: &'static [Rule]) -> Self {
        let mut rules = Self::default();
        for rule in table {
            let all = Verdict {
                rule: rule.name,
                if_random: false,
            };
            match rule.what {
                // Field by field, as the table of the API has it; texts are looked at in any case.
                What::Annotated => rules.annotated = rule.name,
                What::Shapes(_) | What::Unreadable => {}
                What::Fields(fields) => rules.add_fields(fields, Treatment::Named(all)),
                What::Lua(fields) => rules.add_fields(fields, Treatment::Read(Language::Lua)),
                What::Plugins(fields) => rules.add_fields(fields, Treatment::Read(Language::Wasm)),
                What::Reasons { fields, members } => {
                    rules.add_fields(fields, Treatment::Read(Language::Reason));
                    rules.add_members(members, Treatment::Read(Language::Reason));
                }
                What::Named(pairs) => {
                    // The first such rule is that of values.
                    if rules.entries.is_empty() {
                        rules.entries = rule.name;
                    }
                    pairs
                        .iter()
                        .for_each(|pair| rules.add_pair(pair, rule.name));
                }
                What::Members { names, sources } => {
                    rules.by_name = rule.name;
                    rules.add_members(names, Treatment::Named(all));
                    rules.add_members(sources, Treatment::IfSource(all));
                }
                What::Marked { by, members } => {
                    let marks = LabelPath::new(by).map(|mark| (mark, members, rule.name));
                    rules.marked.extend(marks);
                }
                What::Opaque(fields) => {
                    rules.opaque_bytes = rule.name;
                    rules.opaque = fields
                        .iter()
                        .filter_map(|path| field(path).map(address))
                        .collect();
                    rules.opaque.sort_unstable();
                }
            }
        }
        rules.add_fields(FORMATS, Treatment::Read(Language::Format));
        rules.fields.sort_unstable_by_key(|(field, _)| *field);
        rules
    }

    fn add_fields(&mut self, fields: &[&str], treatment: Treatment) {
        let found = fields.iter().filter_map(|path| field(path));
        self.fields
            .extend(found.map(|field| (address(field), treatment)));
    }

    fn add_members(&mut self, members: &[&'static str], treatment: Treatment) {
        self.members
            .extend(members.iter().map(|name| (*name, treatment)));
    }

    fn add_pair(&mut self, pair: &'static Pair, rule: &'static str) {
        let at = self.pairs.len();
        let names = pair.names.iter().filter_map(|path| LabelPath::new(path));
        self.pairs.push(NamedValues {
            rule,
            names: names.collect(),
            values: pair.values,
        });
        for message in pair.messages.iter().filter_map(|name| Message::find(name)) {
            self.by_message
                .entry(address(message))
                .or_default()
                .push(at);
        }
        if pair.messages.is_empty() {
            self.of_any.push(at);
        }
    }

    /// What happens to the value of `field`.
    pub(super) fn of_field(&self, field: &'static Field) -> Treatment {
        if field.is_sensitive() {
            return Treatment::Hide(self.annotated);
        }
        self.fields
            .binary_search_by_key(&address(field), |(field, _)| *field)
            .map_or(Treatment::KEEP, |found| self.fields[found].1)
    }

    /// Whether `field` holds bytes of no known meaning.
    pub(super) fn is_opaque(&self, field: &'static Field) -> bool {
        self.opaque.binary_search(&address(field)).is_ok()
    }

    /// What happens to the value of a member called `key` where there is no schema.
    pub(super) fn of_member(&self, key: &str) -> Treatment {
        let listed = self
            .members
            .iter()
            .find(|(name, _)| is_same_name(name, key));
        match listed {
            Some((_, treatment)) => *treatment,
            None => verdict(self.by_name, tells(key)).map_or(Treatment::KEEP, Treatment::Named),
        }
    }

    /// What happens to the value of the entry called `key` of the map `field`: only what is free form is judged.
    pub(super) fn of_entry(&self, field: &'static Field, key: &str) -> Treatment {
        let is_free = match field.kind() {
            Kind::String => true,
            Kind::Message(message) => {
                message.name() == "envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelArgs.Value"
            }
            _ => false,
        };
        match is_free {
            true => verdict(self.entries, tells(key)).map_or(Treatment::KEEP, Treatment::Named),
            false => Treatment::KEEP,
        }
    }

    /// Members that go of objects that have a label: the label, the members and the rule.
    pub(super) fn marked(
        &self,
    ) -> impl Iterator<Item = &(LabelPath, &'static [&'static str], &'static str)> {
        self.marked.iter()
    }

    /// Where values stand beside names in `message`, or in any object.
    pub(super) fn pairs(
        &self,
        message: Option<&'static Message>,
    ) -> impl Iterator<Item = &NamedValues> {
        let at: &[usize] = match message {
            Some(message) => self
                .by_message
                .get(&address(message))
                .map_or(&[], Vec::as_slice),
            None => &self.of_any,
        };
        at.iter().map(|at| &self.pairs[*at])
    }
}

/// The field at `<message>.<field>`.
fn field(path: &str) -> Option<&'static Field> {
    let (message, field) = path.rsplit_once('.')?;
    Message::find(message)?.field(field)
}

/// Entries of the table are statics, so an address is an identity.
fn address<T>(entry: &'static T) -> usize {
    std::ptr::from_ref(entry).addr()
}

/// `privateKey` and `PRIVATE_KEY` are `private_key`.
fn is_same_name(left: &str, right: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = u8> {
        let bytes = name.bytes().filter(|byte| *byte != b'_');
        bytes.map(|byte| byte.to_ascii_lowercase())
    }
    letters(left).eq(letters(right))
}

#[cfg(test)]
use super::RULES;

#[test]
fn what_a_cluster_is_called_does_not_tell() {
    for name in ["token", "x-api-token", "session.token", "token|80"] {
        assert_ne!(tells(name), Telling::Nothing, "{name}");
    }
    for name in [
        "outbound|80|v1|token.shop.svc.cluster.local",
        "inbound|8080||",
        "outbound_.80_._.session-token.shop.svc.cluster.local",
    ] {
        assert_eq!(tells(name), Telling::Nothing, "{name}");
    }
}

#[test]
fn the_table_names_only_what_the_api_has() {
    let is_path_of = |message: &'static Message, path: &str| {
        let mut message = Some(message);
        for step in path.split('.').filter(|step| *step != KEYS) {
            let Some(field) = message.and_then(|message| message.field(step)) else {
                return false;
            };
            message = match field.kind() {
                Kind::Message(message) => Some(message),
                _ => None,
            };
        }
        true
    };
    for rule in RULES {
        match rule.what {
            What::Fields(fields)
            | What::Lua(fields)
            | What::Plugins(fields)
            | What::Opaque(fields)
            | What::Reasons { fields, .. } => {
                for path in fields {
                    assert!(field(path).is_some(), "{path}");
                }
            }
            What::Named(pairs) => {
                for pair in pairs {
                    let firsts = pair.values.iter().map(|path| path.split('.').next());
                    let firsts: std::collections::BTreeSet<_> = firsts.collect();
                    assert_eq!(firsts.len(), pair.values.len(), "{:?}", pair.values);
                    for path in pair.names {
                        assert!(LabelPath::new(path).is_some(), "{path}");
                    }
                    for name in pair.messages {
                        let message = Message::find(name).unwrap_or_else(|| panic!("{name}"));
                        let is_any =
                            |paths: &[&str]| paths.iter().any(|path| is_path_of(message, path));
                        assert!(is_any(pair.values), "{name} has none of the values");
                        assert!(
                            pair.names[0].starts_with("input.") || is_any(pair.names),
                            "{name} has none of the names"
                        );
                    }
                }
            }
            What::Annotated
            | What::Shapes(_)
            | What::Members { .. }
            | What::Marked { .. }
            | What::Unreadable => {}
        }
    }
    for path in FORMATS {
        assert!(field(path).is_some(), "{path}");
    }
}

#[test]
fn members_are_found_in_any_spelling() {
    let rules = Rules::new(RULES);
    let by_name = |if_random| {
        Treatment::Named(Verdict {
            rule: "secret-names",
            if_random,
        })
    };
    for name in [
        "private_key",
        "privateKey",
        "PRIVATE_KEY",
        "auth_username",
        "authUsername",
    ] {
        assert_eq!(rules.of_member(name), by_name(false), "{name}");
    }
    assert_eq!(rules.of_member("key"), by_name(true));
    assert_eq!(
        rules.of_member("lastError"),
        Treatment::Read(Language::Reason)
    );
    for name in ["private_key_provider", "envoy.filters.http.jwt_authn", ""] {
        assert_eq!(rules.of_member(name), Treatment::KEEP, "{name}");
    }
}

#[test]
fn a_path_is_gone_through_step_by_step() {
    let verdict = Verdict {
        rule: "r",
        if_random: false,
    };
    let path = "exact_match_map.map.<key>";
    let toward = Treatment::Toward(verdict, "map.<key>");
    assert_eq!(step(path, "exactMatchMap", verdict), Some(toward));
    assert_eq!(
        step("map.<key>", "map", verdict),
        Some(Treatment::Keys(verdict))
    );
    assert_eq!(
        step("value", "value", verdict),
        Some(Treatment::Named(verdict))
    );
    assert_eq!(step("value", "values", verdict), None);
}
