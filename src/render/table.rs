//! Tables of text: columns line up, and a cell that is too wide for its column breaks the line after it.

use std::io;

use unicode_width::UnicodeWidthStr;

use super::page::{Ink, Line, Page, Piece};

/// Spaces between columns.
const GAP: usize = 2;

/// A table in the making.
pub(super) struct Table {
    headings: Vec<String>,
    /// The column that gives way where a line has no room for all.
    flexible: usize,
    rows: Vec<Vec<Piece>>,
}

impl Table {
    pub(super) fn new(headings: Vec<String>, flexible: usize) -> Self {
        Self {
            headings,
            flexible,
            rows: Vec::new(),
        }
    }

    /// Adds a row, of a cell for each heading, escaped.
    pub(super) fn row(&mut self, cells: Vec<Piece>) {
        self.rows.push(cells);
    }

    /// Writes the headings and the rows.
    pub(super) fn write(self, page: &mut Page, indent: usize) -> io::Result<()> {
        let headings = self.headings.into_iter();
        let headings: Vec<Piece> = headings.map(|text| (Ink::Heading, text)).collect();
        let mut widths: Vec<usize> = headings.iter().map(|(_, text)| text.width()).collect();
        for row in &self.rows {
            for (width, (_, text)) in widths.iter_mut().zip(row) {
                *width = text.width().max(*width);
            }
        }
        let all = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let room = page.style.width.saturating_sub(indent);
        if let Some(flexible) = widths.get_mut(self.flexible) {
            *flexible = flexible.saturating_sub(all.saturating_sub(room));
        }
        for row in std::iter::once(headings).chain(self.rows) {
            write_row(page, row, &widths, indent)?;
        }
        Ok(())
    }
}

fn write_row(page: &mut Page, row: Vec<Piece>, widths: &[usize], indent: usize) -> io::Result<()> {
    let mut line = Line::new(indent);
    let mut column = indent;
    for (piece, width) in row.into_iter().zip(widths) {
        if !piece.1.is_empty() {
            // Nothing to keep a distance from stands before the first column.
            let gap = if column > indent { GAP } else { 0 };
            if line.width() + gap > column {
                page.line(line)?;
                line = Line::new(column);
            }
            if column > line.width() {
                let pad = " ".repeat(column - line.width());
                line.push((Ink::Plain, pad));
            }
            line.push(piece);
        }
        column += width + GAP;
    }
    page.line(line)
}

#[test]
fn a_cell_that_is_too_wide_breaks_the_line_after_it() {
    let style = super::Style {
        width: 24,
        ..super::Style::default()
    };
    let mut out = Vec::new();
    let plain = |text: &str| (Ink::Plain, text.to_owned());
    let mut table = Table::new(["TYPE", "NAME", "STATE"].map(str::to_owned).to_vec(), 1);
    table.row(vec![plain("route"), plain("80"), plain("active")]);
    table.row(vec![
        plain("route"),
        plain("a-name-that-is-long"),
        plain("active"),
    ]);
    table.row(vec![plain("secret"), plain("default"), plain("")]);
    table.row(vec![plain("secret"), plain("default"), plain("static")]);
    table.write(&mut Page::new(&mut out, style), 2).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "  TYPE    NAME    STATE\n  \
         route   80      active\n  \
         route   a-name-that-is-long\n                  \
         active\n  \
         secret  default\n  \
         secret  default\n                  \
         static\n"
    );
}
