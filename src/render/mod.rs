//! A [`Report`](crate::diff::Report) in, bytes out: text for a person, JSON for a script, lines for grep, patches.
//!
//! Pure: no terminal, environment or clock is looked at. What the outputs must know of them comes in a [`Style`];
//! what the report does not hold of the two inputs comes in [`Sides`].
//!
//! Whatever comes from a dump is hostile: no output holds a character that acts on a terminal.

mod approval;
mod clip;
mod escape;
mod head;
mod info;
mod info_json;
mod info_pages;
mod json;
mod json_patch;
mod layout;
pub mod names;
mod oneline;
mod page;
mod places;
mod resource;
mod rules;
mod show;
mod status;
mod table;
mod text;
mod unified;
mod updated;
mod verify;

pub use approval::{STAYS, Stays, markdown as redaction_markdown};
pub(crate) use escape::is_unsafe;
pub use info::{info, info_members, size};
pub use info_json::{info_json, schema as info_schema};
pub use json::{json, schema as diff_schema};
pub use json_patch::{json_patch, schema as json_patch_schema};
pub use layout::document;
pub use oneline::oneline;
pub use places::{Places, PlacesForm, schema as redaction_schema};
pub use resource::{
    ResourceWriter, document_schema as normalize_document_schema, schema as normalize_schema,
};
pub use rules::{
    RuleEntry, json as rules_json, redaction_table, schema as rules_schema, table as rule_table,
};
pub use show::{schema as show_schema, show, show_json};
pub use status::{schema as status_schema, status, status_json};
pub use text::{redaction_rules, rules, summary_line, text};
pub use unified::unified;
pub use updated::{schema as updated_schema, updated, updated_json, updated_lines, updated_table};
pub use verify::{
    Contents, Recovered, Verified, schema as verify_schema, verify, verify_json, verify_total,
};

/// How text is laid out, and what counts in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of a line. An identity or a value longer than that still stands on one line.
    pub width: usize,
    /// Whether to repeat signs and states in colour, by ANSI escapes.
    pub color: bool,
    /// Whether only ASCII may be written; other characters are escaped.
    pub ascii: bool,
    /// Whether everything is shown; else much output is folded, and says so.
    pub full: bool,
    /// Whether live state counts as a difference.
    pub counts_live: bool,
}

impl Default for Style {
    /// 80 columns of UTF-8, no colour, folded, live state told apart.
    fn default() -> Self {
        Self {
            width: 80,
            color: false,
            ascii: false,
            full: false,
            counts_live: false,
        }
    }
}

impl Style {
    fn arrow(self) -> &'static str {
        if self.ascii { "->" } else { "→" }
    }

    fn ellipsis(self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }
}

/// What was compared, for the head of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// The first side; istiod where it is compared with Envoy.
    pub before: Side,
    /// The second side; Envoy where istiod is compared with it.
    pub after: Side,
}

/// One side of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// The file or URL as it was typed.
    pub label: String,
    /// When it was captured: RFC 3339.
    pub captured: Option<String>,
    /// How many proxies it holds.
    pub proxies: usize,
    /// The version of istiod.
    pub istio_version: Option<String>,
    /// The version of Envoy.
    pub envoy_version: Option<String>,
    /// What else the reader should know of this side, a sentence each; shown in text only.
    pub notes: Vec<String>,
}
