//! Lines of styled text.

use std::io::{self, Write};

use anstyle::AnsiColor;
use unicode_width::UnicodeWidthStr;

use crate::{diff::ChangeKind, render::Style};

/// What a piece of text is; colour repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Heading,
    Faint,
    Added,
    Removed,
    Changed,
    Moved,
    Warning,
}

impl Ink {
    pub(super) fn of(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Added => Self::Added,
            ChangeKind::Changed => Self::Changed,
            ChangeKind::Moved => Self::Moved,
            ChangeKind::Removed => Self::Removed,
        }
    }

    fn style(self) -> anstyle::Style {
        let style = anstyle::Style::new();
        match self {
            Self::Plain => style,
            Self::Heading => style.bold(),
            Self::Faint => style.dimmed(),
            Self::Added => AnsiColor::Green.on_default(),
            Self::Removed => AnsiColor::Red.on_default(),
            Self::Changed => AnsiColor::Yellow.on_default(),
            Self::Moved => AnsiColor::Cyan.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
        }
    }
}

/// A piece of a line, already escaped.
pub(super) type Piece = (Ink, String);

/// The columns of pieces one after the other.
pub(super) fn columns(pieces: &[Piece]) -> usize {
    pieces.iter().map(|(_, text)| text.width()).sum()
}

/// A line in the making.
#[derive(Clone, Debug)]
pub(super) struct Line {
    indent: usize,
    pieces: Vec<Piece>,
    width: usize,
}

impl Line {
    pub(super) fn new(indent: usize) -> Self {
        Self {
            indent,
            pieces: Vec::new(),
            width: indent,
        }
    }

    /// This line and `text`.
    pub(super) fn with(mut self, ink: Ink, text: impl Into<String>) -> Self {
        self.push((ink, text.into()));
        self
    }

    pub(super) fn push(&mut self, piece: Piece) {
        self.width += piece.1.width();
        self.pieces.push(piece);
    }

    /// Its columns so far, with its indentation.
    pub(super) fn width(&self) -> usize {
        self.width
    }
}

/// Where lines go.
pub(super) struct Page<'w> {
    out: &'w mut dyn Write,
    pub(super) style: Style,
    started: bool,
}

impl<'w> Page<'w> {
    pub(super) fn new(out: &'w mut dyn Write, style: Style) -> Self {
        Self {
            out,
            style,
            started: false,
        }
    }

    pub(super) fn line(&mut self, line: Line) -> io::Result<()> {
        self.started = true;
        if line.width > line.indent {
            write!(self.out, "{:1$}", "", line.indent)?;
        }
        for (ink, text) in &line.pieces {
            if self.style.color && *ink != Ink::Plain {
                let style = ink.style();
                write!(self.out, "{style}{text}{style:#}")?;
            } else {
                self.out.write_all(text.as_bytes())?;
            }
        }
        self.out.write_all(b"\n")
    }

    /// An empty line, except at the top.
    pub(super) fn gap(&mut self) -> io::Result<()> {
        if self.started {
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// `line` and then the pieces, each after `separator`; what does not fit goes on a line indented by `hang`.
    pub(super) fn flow(
        &mut self,
        mut line: Line,
        separator: &str,
        pieces: impl IntoIterator<Item = Piece>,
        hang: usize,
    ) -> io::Result<()> {
        for piece in pieces {
            if line.pieces.is_empty() {
                line.push(piece);
            } else if line.width + separator.len() + piece.1.width() <= self.style.width {
                line = line.with(Ink::Plain, separator);
                line.push(piece);
            } else {
                self.line(line)?;
                line = Line::new(hang);
                line.push(piece);
            }
        }
        self.line(line)
    }

    /// `line` and then a sentence, broken between words.
    pub(super) fn sentence(
        &mut self,
        line: Line,
        ink: Ink,
        text: &str,
        hang: usize,
    ) -> io::Result<()> {
        let words = text.split_whitespace().map(|word| (ink, word.to_owned()));
        self.flow(line, " ", words, hang)
    }

    /// The line that says what is folded, and how to see it.
    pub(super) fn folded(&mut self, indent: usize, what: &str) -> io::Result<()> {
        let ellipsis = self.style.ellipsis();
        self.line(Line::new(indent).with(Ink::Faint, format!("{ellipsis} {what} (--full)")))
    }
}

/// `1 proxy`, `2 proxies`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{number} {noun}")
}
