//! How JSON is laid out on lines.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::escape;
use crate::normalize::Value;

/// Writes a normalized resource as a document: pretty JSON, two spaces, a newline at the end.
///
/// These are the bytes that `normalize --output-dir` writes and that a patch of [`unified`](super::unified()) applies to.
pub fn document(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    write(out, value, Layout::pretty())?;
    out.write_all(b"\n")
}

/// Writes `value` on lines as `layout` has it.
pub(super) fn write(out: &mut dyn Write, value: &impl Serialize, layout: Layout) -> io::Result<()> {
    value
        .serialize(&mut Serializer::with_formatter(out, layout))
        .map_err(io::Error::from)
}

/// JSON on one line.
pub(super) fn compact(value: &Value) -> String {
    let mut out = Vec::new();
    write(&mut out, value, Layout::breaking(0, 0)).expect("a Vec takes all");
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Where JSON is broken into lines, two spaces a level.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Objects nested less deep than this have a line per member.
    objects: usize,
    /// Lists nested less deep than this have a line per item.
    lists: usize,
    depth: usize,
    empty: bool,
}

impl Layout {
    /// Everything has its line.
    pub(super) fn pretty() -> Self {
        Self::breaking(usize::MAX, usize::MAX)
    }

    /// A line per member of the document, and per item of its lists.
    pub(super) fn item_per_line() -> Self {
        Self::breaking(1, 2)
    }

    pub(super) fn breaking(objects: usize, lists: usize) -> Self {
        Self {
            objects,
            lists,
            depth: 0,
            empty: true,
        }
    }

    fn begin(&mut self, out: &mut (impl Write + ?Sized), bracket: u8) -> io::Result<()> {
        self.depth += 1;
        self.empty = true;
        out.write_all(&[bracket])
    }

    fn next(
        &mut self,
        out: &mut (impl Write + ?Sized),
        first: bool,
        limit: usize,
    ) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        if self.depth <= limit {
            self.newline(out)?;
        }
        self.empty = false;
        Ok(())
    }

    fn end(
        &mut self,
        out: &mut (impl Write + ?Sized),
        bracket: u8,
        limit: usize,
    ) -> io::Result<()> {
        let broken = self.depth <= limit && !self.empty;
        self.depth -= 1;
        if broken {
            self.newline(out)?;
        }
        self.empty = false;
        out.write_all(&[bracket])
    }

    fn newline(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        out.write_all(b"\n")?;
        for _ in 0..self.depth {
            out.write_all(b"  ")?;
        }
        Ok(())
    }
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b'[')
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first, self.lists)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b']', self.lists)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b'{')
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first, self.objects)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let broken = self.depth <= self.objects;
        out.write_all(if broken { b": " } else { b":" })
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b'}', self.objects)
    }

    /// JSON's own escapes leave DEL, C1 and direction overrides as they are.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        out.write_all(escape::json(text, false).as_bytes())
    }
}

#[test]
fn a_document_is_pretty_json_without_a_character_that_acts_on_a_terminal() {
    let number = |value| Value::Number(crate::normalize::Number::Int(value));
    let list = |items| {
        Value::List(crate::normalize::List {
            items,
            rule: &crate::xds::ORDERED,
        })
    };
    let value = list(vec![
        list(vec![]),
        number(1),
        Value::String("\u{9b}\u{7f}\n".into()),
    ]);
    let mut out = Vec::new();
    document(&mut out, &value).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "[\n  [],\n  1,\n  \"\\u009b\\u007f\\n\"\n]\n"
    );
    assert_eq!(compact(&value), "[[],1,\"\\u009b\\u007f\\n\"]");
}
