//! What one input is, on the first lines of a text.

use std::io;

use super::{
    Side, escape,
    page::{Ink, Line, Page},
    text::facts,
};

/// Columns before the text of a field.
const INDENT: usize = 8;

/// Writes what an input is, after a `name` of at most six characters.
pub(super) fn head(page: &mut Page, name: &str, side: &Side) -> io::Result<()> {
    let style = page.style;
    let label = escape::name(&side.label, style);
    let line = start(name).with(Ink::Plain, label);
    let facts = facts(side, style);
    let facts = facts.into_iter().map(|fact| (Ink::Plain, fact));
    page.flow(line, "  ", facts, INDENT)?;
    for note in &side.notes {
        let note = escape::sentence(note, style);
        page.sentence(Line::new(INDENT), Ink::Faint, &note, INDENT)?;
    }
    Ok(())
}

/// Writes one more field below it.
pub(super) fn field(page: &mut Page, name: &str, text: &str) -> io::Result<()> {
    let text = escape::sentence(text, page.style);
    page.line(start(name).with(Ink::Plain, text))
}

fn start(name: &str) -> Line {
    let pad = " ".repeat(INDENT.saturating_sub(name.len()));
    let line = Line::new(0).with(Ink::Heading, name);
    line.with(Ink::Plain, pad)
}

/// Writes the sentences that a reader should know before believing the rest.
pub(super) fn warnings(page: &mut Page, warnings: &[String]) -> io::Result<()> {
    for warning in warnings {
        let line = Line::new(0).with(Ink::Warning, "warning:");
        let warning = escape::sentence(warning, page.style);
        page.sentence(line, Ink::Plain, &warning, 4)?;
    }
    page.gap()
}
