//! The rules by which something does not count: one shape for all of them, wherever they are applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::XdsType;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Why it holds.
    pub reason: &'static str,
    /// Where it applies.
    pub scope: Scope,
    /// Members to go through from there; `*` stands for every item of a list, and no member for all of it. There is no
    /// path where only code finds the node.
    pub paths: &'static [&'static [&'static str]],
    /// What is done to the node.
    pub action: Action,
}

/// Where a rule applies.
#[derive(Debug)]
pub enum Scope {
    /// From the root of every resource of a type.
    Type(XdsType),
    /// From the root of every resource of the first type, where the dump has a section of the second.
    TypeBeside(XdsType, XdsType),
    /// From every message of that full name.
    Message(&'static str),
    /// From the sections of a dump, and from the elements in which their resources stand.
    Envelope,
    /// From every object of a section of which no schema is known.
    UnknownSection,
    /// In every resource.
    Everywhere,
}

/// What a rule does to a node.
#[derive(Debug)]
pub enum Action {
    /// Leaves it out.
    Drop,
    /// Leaves it out where it is a number of that value.
    DropNumber(i128),
    /// Leaves it out where it is that text.
    DropText(&'static str),
    /// Leaves it out where it is an empty message.
    DropEmpty,
    /// Writes that number where it is absent.
    Fill(i128),
    /// What only code can say, in words.
    Code(&'static str),
}

/// Which rules are on.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    off: BTreeSet<&'static str>,
    explain: bool,
}

/// How many values the rules that are on have hidden.
#[derive(Debug)]
pub struct Tally<'a> {
    rules: &'a Rules,
    hidden: BTreeMap<&'static str, usize>,
}

impl Rule {
    /// Its paths as they are printed: `endpoints[*].priority`; `$` is all of it.
    pub fn printed_paths(&self) -> Vec<String> {
        let printed = |path: &&[&str]| match path {
            [] => "$".to_owned(),
            path => path.join(".").replace(".*", "[*]"),
        };
        self.paths.iter().map(printed).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(xds_type) => write!(f, "{xds_type}"),
            Self::TypeBeside(xds_type, beside) => {
                write!(f, "{xds_type}, beside a section of type {beside}")
            }
            Self::Message(name) => write!(f, "{name}"),
            Self::Envelope => write!(f, "around resources"),
            Self::UnknownSection => write!(f, "sections without a schema"),
            Self::Everywhere => write!(f, "everywhere"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop => write!(f, "left out"),
            Self::DropNumber(number) => write!(f, "left out where it is {number}"),
            Self::DropText(text) => write!(f, "left out where it is {text}"),
            Self::DropEmpty => write!(f, "left out where it is empty"),
            Self::Fill(number) => write!(f, "{number} where it is absent"),
            Self::Code(words) => write!(f, "{words}"),
        }
    }
}

impl Rules {
    /// All of them.
    pub fn all() -> &'static Self {
        static ALL: Rules = Rules {
            off: BTreeSet::new(),
            explain: false,
        };
        &ALL
    }

    /// All but those of these names.
    pub fn without(names: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            off: names.into_iter().collect(),
            explain: false,
        }
    }

    /// The same rules, which tell what they did: how items were paired, and how many values were hidden.
    pub fn explained(self) -> Self {
        Self {
            explain: true,
            ..self
        }
    }

    /// Whether `rule` is on.
    pub fn has(&self, rule: &Rule) -> bool {
        !self.off.contains(rule.name)
    }

    /// Whether any rule is off.
    pub fn any_off(&self) -> bool {
        !self.off.is_empty()
    }

    /// Whether it is to be told what they did.
    pub fn explain(&self) -> bool {
        self.explain
    }
}

impl<'a> Tally<'a> {
    /// Nothing hidden yet by `rules`.
    pub fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            hidden: BTreeMap::new(),
        }
    }

    /// Whether `rule` is on.
    pub fn has(&self, rule: &Rule) -> bool {
        self.rules.has(rule)
    }

    /// Notes that `rule` hid so many `values`.
    pub fn hid(&mut self, rule: &Rule, values: usize) {
        if values > 0 {
            *self.hidden.entry(rule.name).or_default() += values;
        }
    }

    /// How many values each rule hid, in byte order of their names; only rules that hid any.
    pub fn hidden(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.hidden.iter().map(|(name, values)| (*name, *values))
    }

    /// Adds what `other` counted.
    pub fn add(&mut self, other: &Tally<'_>) {
        for (name, values) in other.hidden() {
            *self.hidden.entry(name).or_default() += values;
        }
    }
}
