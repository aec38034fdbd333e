//! What redaction would take out: a line for each place, never what stands there.
//!
//! Places are written as they are found, for there can be many. What is written as JSON is a contract with scripts: a
//! field may be added, and never be renamed, retyped or removed.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{Style, escape, info::count, layout};
use crate::redact::Found;

/// The format of the JSON document.
const FORMAT: &str = "xdsnap.redaction/v1";

/// A place that would be redacted.
#[derive(Serialize, JsonSchema)]
struct Place<'a> {
    /// The path of the document in a bundle.
    document: &'a str,
    /// Where in the document; `line 12` of what is no JSON.
    path: &'a str,
    /// The rule by which it goes, as `xdsnap rules` lists it.
    rule: Cow<'a, str>,
}

/// What `redact --dry-run --format json` prints.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.redaction/v1")]
#[allow(dead_code, reason = "what is written piece by piece")]
struct Document<'a> {
    /// Always `xdsnap.redaction/v1`. A minor version only adds fields.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The places, in the order of the documents and of what is in them.
    places: Vec<Place<'a>>,
    /// How many values each rule would take out.
    by_rule: BTreeMap<&'a str, u64>,
    /// How many values would be taken out.
    values: u64,
}

/// How places are written.
#[derive(Clone, Copy, Debug)]
pub enum PlacesForm {
    /// `DOCUMENT  PATH  RULE`, and counts.
    Text(Style),
    /// One JSON document.
    Json,
}

/// Writes places as they are found.
pub struct Places<'a> {
    out: &'a mut dyn Write,
    form: PlacesForm,
    by_rule: BTreeMap<&'static str, u64>,
    documents: BTreeSet<String>,
    values: u64,
}

impl<'a> Places<'a> {
    /// Begins to write to `out`.
    ///
    /// # Errors
    ///
    /// Where `out` fails.
    pub fn begin(out: &'a mut dyn Write, form: PlacesForm) -> io::Result<Self> {
        if let PlacesForm::Json = form {
            write!(out, "{{\n  \"format\": \"{FORMAT}\",\n  \"places\": [")?;
        }
        Ok(Self {
            out,
            form,
            by_rule: BTreeMap::new(),
            documents: BTreeSet::new(),
            values: 0,
        })
    }

    /// Writes one place, in the document at the path `document` of a bundle.
    ///
    /// # Errors
    ///
    /// Where writing fails.
    pub fn place(&mut self, document: &str, found: &Found) -> io::Result<()> {
        match self.form {
            PlacesForm::Text(style) => {
                let line = format!("{document}  {}  {}", found.path, found.rule);
                writeln!(self.out, "{}", escape::sentence(&line, style))?;
            }
            PlacesForm::Json => {
                let comma = if self.values == 0 { "" } else { "," };
                write!(self.out, "{comma}\n    ")?;
                let place = Place {
                    document,
                    path: &found.path,
                    rule: found.rule.into(),
                };
                layout::write(self.out, &place, layout::Layout::breaking(0, 0))?;
            }
        }
        self.values += 1;
        *self.by_rule.entry(found.rule).or_default() += 1;
        if !self.documents.contains(document) {
            self.documents.insert(document.to_owned());
        }
        Ok(())
    }

    /// Writes the counts; returns how many places there were.
    ///
    /// # Errors
    ///
    /// Where writing fails.
    pub fn finish(self) -> io::Result<u64> {
        match self.form {
            PlacesForm::Text(_) if self.values == 0 => {
                writeln!(self.out, "nothing would be taken out")?;
            }
            PlacesForm::Text(_) => {
                writeln!(self.out)?;
                for (rule, values) in &self.by_rule {
                    writeln!(self.out, "{values:>6}  {rule}")?;
                }
                let documents = self.documents.len() as u64;
                writeln!(
                    self.out,
                    "{:>6}  in {}, would be taken out",
                    self.values,
                    count(documents, "document", "documents")
                )?;
            }
            PlacesForm::Json => {
                let end = if self.values == 0 { "" } else { "\n  " };
                write!(self.out, "{end}],\n  \"by_rule\": ")?;
                layout::write(self.out, &self.by_rule, layout::Layout::breaking(0, 0))?;
                writeln!(self.out, ",\n  \"values\": {}\n}}", self.values)?;
            }
        }
        Ok(self.values)
    }
}

/// The JSON Schema of the document.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document<'static>>()
}
