//! Normalized resources for a script: `xdsnap normalize`.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    json::STATES,
    layout::{self, Layout},
};
use crate::{
    model::{ProxyId, ResourceKey, Source},
    normalize::Value,
};

/// The format of the document that [`ResourceWriter::document`] begins.
const FORMAT: &str = "xdsnap.normalize/v1";

/// One normalized resource; a line of `-o jsonl`.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "a line of `xdsnap normalize`")]
struct Line<'a> {
    /// The proxy's ID.
    proxy: &'a str,
    /// Who says so.
    #[schemars(extend("enum" = ["envoy", "istiod"]))]
    source: &'static str,
    /// The xDS type, or the full name of the message of an unknown section.
    #[serde(rename = "type")]
    xds_type: &'a str,
    /// The resource's name; empty for the bootstrap.
    name: &'a str,
    /// Absent where dumps tell none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = STATES))]
    state: Option<&'static str>,
    /// Its number among those of one type, name and state; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1))]
    occurrence: Option<u32>,
    /// The resource in canonical form.
    #[schemars(with = "serde_json::Value")]
    resource: &'a Value,
}

/// What [`ResourceWriter`] writes piece by piece as one document: only its schema is made of this.
#[derive(JsonSchema)]
#[schemars(title = "xdsnap.normalize/v1")]
#[expect(dead_code, reason = "a document is never held as a whole")]
struct Document<'a> {
    /// The name and major version of this format. A minor version only adds fields.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The resources, by proxy and source, in the order of the dumps.
    resources: Vec<Line<'a>>,
}

/// The JSON Schema of one line.
pub fn schema() -> Schema {
    schema_of::<Line<'static>>()
}

/// The JSON Schema of the document.
pub fn document_schema() -> Schema {
    schema_of::<Document<'static>>()
}

fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
}

/// Writes resources one by one.
pub struct ResourceWriter<'a> {
    out: &'a mut dyn Write,
    /// Whether one document is written, and not a line each.
    is_document: bool,
    is_first: bool,
}

impl<'a> ResourceWriter<'a> {
    /// Begins a line for each resource.
    pub fn lines(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            is_document: false,
            is_first: true,
        }
    }

    /// Begins one document with all resources.
    ///
    /// # Errors
    ///
    /// Where `out` fails.
    pub fn document(out: &'a mut dyn Write) -> io::Result<Self> {
        write!(out, "{{\n  \"format\": \"{FORMAT}\",\n  \"resources\": [")?;
        Ok(Self {
            out,
            is_document: true,
            is_first: true,
        })
    }

    /// Writes one resource.
    ///
    /// # Errors
    ///
    /// Where `out` fails.
    pub fn write(
        &mut self,
        proxy: &ProxyId,
        source: Source,
        key: &ResourceKey,
        resource: &Value,
    ) -> io::Result<()> {
        if self.is_document {
            let separator = if self.is_first { "\n    " } else { ",\n    " };
            self.out.write_all(separator.as_bytes())?;
        }
        self.is_first = false;
        let line = Line {
            proxy: proxy.as_str(),
            source: source.as_str(),
            xds_type: key.xds_type.as_str(),
            name: &key.name,
            state: key.state.map(|state| state.as_str()),
            occurrence: (key.occurrence > 0).then_some(key.occurrence),
            resource,
        };
        layout::write(self.out, &line, Layout::breaking(0, 0))?;
        match self.is_document {
            true => Ok(()),
            false => self.out.write_all(b"\n"),
        }
    }

    /// Ends the output.
    ///
    /// # Errors
    ///
    /// Where `out` fails.
    pub fn finish(self) -> io::Result<()> {
        match (self.is_document, self.is_first) {
            (true, true) => self.out.write_all(b"]\n}\n"),
            (true, false) => self.out.write_all(b"\n  ]\n}\n"),
            (false, _) => Ok(()),
        }
    }
}
