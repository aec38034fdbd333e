//! `-o unified`: a patch of the normalized form, for a review or for `patch -p1`.

use std::io::{self, Write};

use similar::TextDiff;

use super::{layout, names};
use crate::{diff::Report, normalize::Value};

/// Writes a patch that makes the *after* of the report's documents out of their *before*; documents without changes
/// are left out.
///
/// It goes by [`names::resource_path`] and the bytes of [`document`](super::document), so that it applies in a folder that
/// `normalize --output-dir` wrote of *before*, where proxies have the same name on both sides. A report without
/// documents is an empty patch.
pub fn unified(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for pair in report.documents.iter().filter(|pair| pair.has_changes) {
        let path = names::resource_path(&pair.proxy, pair.source.as_str(), &pair.resource);
        let (before, after) = match &pair.equated {
            Some([before, after]) => (Some(before), Some(after)),
            None => (pair.before.as_ref(), pair.after.as_ref()),
        };
        let (before, after) = (text(before)?, text(after)?);
        let header = |side: &str, value: &Option<Value>| match value {
            Some(_) => format!("{side}/{path}"),
            None => "/dev/null".to_owned(),
        };
        TextDiff::from_lines(before.as_str(), after.as_str())
            .unified_diff()
            .context_radius(3)
            .header(&header("a", &pair.before), &header("b", &pair.after))
            .to_writer(&mut *out)?;
    }
    Ok(())
}

fn text(value: Option<&Value>) -> io::Result<String> {
    let mut out = Vec::new();
    if let Some(value) = value {
        layout::document(&mut out, value)?;
    }
    String::from_utf8(out).map_err(io::Error::other)
}
