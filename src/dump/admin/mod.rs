//! The other pages of Envoy's admin interface, in each of the forms in which it prints them, as one model:
//! `/clusters` and `/listeners` as text or as JSON, the statistics as JSON or as Prometheus reads them.
//!
//! Nothing is built as a tree here: a text is read line by line, JSON item by item. From `envoy/admin/v3/*.proto`, and
//! of the texts, which no document specifies, from what Envoy 1.40 prints.

mod address;
mod clusters;
mod clusters_text;
mod listeners;
mod stats;

pub use clusters::{Cluster, Health, Host, Locality, clusters};
pub use listeners::{Listener, listeners};
pub use stats::{Stats, UpdateCounts};

use super::{
    JsonError,
    json::{self, Walker},
};

/// A page that cannot be read: never with a part of the page, which may hold a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PageError {
    /// A line of a text is none of that page.
    #[error("line {line} is none of this page: expected {expected}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What every line of the page is.
        expected: &'static str,
    },
    /// The text is not UTF-8.
    #[error("no text: byte {offset} is not UTF-8")]
    NotText {
        /// The first byte that is not.
        offset: usize,
    },
    /// The JSON is none, or not that of the page.
    #[error(transparent)]
    Json(#[from] JsonError),
}

/// A page by its form.
enum Page<'a> {
    /// The page's root, and the document that it is of.
    Json(Walker<'a, 'a>, &'a [u8]),
    Text(&'a str),
}

impl<'a> Page<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, PageError> {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if let Some(b'{' | b'[') = first {
            return Ok(Self::Json(Walker::new(bytes), json::document(bytes)?));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::Text(text)),
            Err(error) => Err(PageError::NotText {
                offset: error.valid_up_to(),
            }),
        }
    }
}

/// Calls `each` with every line that is not empty; where it cannot read one, that line is named.
fn lines<'a>(
    text: &'a str,
    expected: &'static str,
    mut each: impl FnMut(&'a str) -> Option<()>,
) -> Result<(), PageError> {
    for (at, line) in text.lines().enumerate() {
        if !line.is_empty() && each(line).is_none() {
            return Err(PageError::Line {
                line: at + 1,
                expected,
            });
        }
    }
    Ok(())
}

/// Calls `each` with every item of the list that the page `root` holds, under either of these names.
fn list<'a>(
    walker: Walker<'a, '_>,
    root: &'a [u8],
    names: [&str; 2],
    each: impl FnMut(&'a [u8]) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    match walker.find(root, &[names])? {
        Some(items) if items.first() == Some(&b'[') => walker.items(items, each),
        // Envoy leaves out a list without items.
        None if json::is_empty_object(root) => Ok(()),
        _ => Err(invalid(
            walker,
            root,
            format!("expected an object with a list `{}`", names[0]),
        )),
    }
}

/// An item of a list, as this type.
fn item<T: serde::de::DeserializeOwned>(
    walker: Walker<'_, '_>,
    raw: &[u8],
) -> Result<T, JsonError> {
    serde_json::from_slice(raw).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "a field of another type than it should be",
            _ => "malformed, or nested too deep",
        };
        invalid(walker, raw, format!("the item that begins here: {what}"))
    })
}

fn invalid(walker: Walker<'_, '_>, raw: &[u8], message: String) -> JsonError {
    JsonError {
        offset: walker.offset_of(raw),
        message,
    }
}
