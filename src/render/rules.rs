//! The table of rules as it is printed: those that can be switched off, and those of redaction.
//!
//! The structs that are serialized are a contract with scripts: a field may be added, and never be renamed, retyped or
//! removed.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::layout;
use crate::{
    diff::{self, Group},
    redact::{self, Pair, What},
};

/// The format's name and major version; a minor version only adds fields.
const FORMAT: &str = "xdsnap.rules/v1";

/// One rule.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RuleEntry {
    /// Its name.
    pub name: &'static str,
    /// `normalize`: applied to each side alone. `compare`: applied to two sides. `live`: tells live state from
    /// configuration. `redact`: takes secrets out.
    #[schemars(extend("enum" = ["normalize", "compare", "live", "redact"]))]
    pub group: &'static str,
    /// What happens to the values, in words.
    pub does: String,
    /// Why, in words.
    pub reason: &'static str,
    /// Where, in words: a type of resources, a message, …
    pub scope: String,
    /// Members to go through from there; `$` is all of it. Empty where only the scope tells.
    pub paths: Vec<String>,
    /// Whether `--no-rule` can switch it off.
    pub switchable: bool,
}

/// The rules by which values do not count, or are taken out.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.rules/v1")]
struct Document<'a> {
    /// The name and major version of this format. A minor version only adds fields.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The rules, group by group.
    #[schemars(with = "Vec<RuleEntry>")]
    rules: &'a [RuleEntry],
}

/// Writes the rules as one JSON document, a rule per line.
pub fn json(out: &mut dyn Write, rules: &[RuleEntry]) -> io::Result<()> {
    let document = Document {
        format: FORMAT,
        rules,
    };
    layout::write(out, &document, layout::Layout::item_per_line())?;
    out.write_all(b"\n")
}

/// The JSON Schema of what [`json`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document>()
}

/// Every rule, group by group.
pub fn table() -> Vec<RuleEntry> {
    let switchable = diff::rules().map(|(group, rule)| RuleEntry {
        name: rule.name,
        group: match group {
            Group::Normalize => "normalize",
            Group::Compare => "compare",
            Group::Live => "live",
        },
        does: rule.action.to_string(),
        reason: rule.reason,
        scope: rule.scope.to_string(),
        paths: rule.printed_paths(),
        switchable: true,
    });
    let redact = redact::RULES.iter().map(|rule| {
        let (scope, paths) = place(&rule.what);
        RuleEntry {
            name: rule.name,
            group: "redact",
            does: "taken out".to_owned(),
            reason: rule.reason,
            scope,
            paths,
            switchable: false,
        }
    });
    switchable.chain(redact).collect()
}

/// Where a rule of redaction looks.
fn place(what: &What) -> (String, Vec<String>) {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let (scope, paths) = match what {
        What::Annotated => ("fields annotated as sensitive", Vec::new()),
        What::Fields(fields) => ("fields", owned(fields)),
        What::Reasons { fields, members } => (
            "fields, and members without a schema",
            owned(&[*fields, *members].concat()),
        ),
        What::Lua(fields) => ("programs in fields", owned(fields)),
        What::Plugins(fields) => ("configuration of plugins in fields", owned(fields)),
        What::Shapes(scope) => (*scope, Vec::new()),
        What::Named(pairs) => (
            "values beside names, and entries of maps",
            pairs.iter().map(pair).collect(),
        ),
        What::Members { names, sources } => (
            "members without a schema, by the words of their names, or called",
            owned(&[*names, *sources].concat()),
        ),
        What::Marked { by, members } => {
            let scope = format!("members without a schema beside {by}");
            return (scope, owned(members));
        }
        What::Opaque(fields) => (
            "fields of bytes, and what an Any of unknown type holds",
            owned(fields),
        ),
        What::Unreadable => ("everything", Vec::new()),
    };
    (scope.to_owned(), paths)
}

/// Names and values, in words.
fn pair(pair: &Pair) -> String {
    let messages = match pair.messages {
        [] => "any object without a schema".to_owned(),
        messages => messages.join(", "),
    };
    let [names, values] = [pair.names, pair.values].map(|paths| paths.join(", "));
    format!("{messages}: {values} by {names}")
}

/// Why the rule `name` holds; empty for a name that is none.
pub(super) fn reason(name: &str) -> &'static str {
    let mut rules = diff::rules();
    let found = rules.find(|(_, rule)| rule.name == name);
    found.map_or("", |(_, rule)| rule.reason)
}
