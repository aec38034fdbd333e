//! `--oneline`: a line per change that says all by itself, for grep.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{
    Style,
    clip::{Tail, clip, clip_pair},
    escape, layout,
};
use crate::{
    diff::{Change, ChangeKind, Compared, Mode, Report},
    normalize::Value,
};

/// How much of a value is shown, in characters.
const LIMIT: usize = 200;

/// Writes a line per change: proxy, source if it is istiod's, sign, type, name, state, path, values.
///
/// Values are compact JSON. Proxies of one side and what was not compared have no line here, nor has live state that
/// does not count.
pub fn oneline(out: &mut dyn Write, report: &Report, style: Style) -> io::Result<()> {
    let live = report.live.iter().filter(|_| style.counts_live);
    for change in report.changes.iter().chain(live) {
        writeln!(out, "{}", line(change, report.mode, style))?;
    }
    Ok(())
}

fn line(change: &Change, mode: Mode, style: Style) -> String {
    let resource = &change.resource;
    let mut line = escape::name(change.proxy.as_str(), style);
    let mut field = |text: &str| {
        line.push(' ');
        line.push_str(text);
    };
    if change.source == Compared::Istiod {
        field("istiod");
    }
    field(change.kind.sign().encode_utf8(&mut [0; 4]));
    field(&escape::name(resource.xds_type.as_str(), style));
    if !resource.name.is_empty() {
        field(&escape::name(&resource.name, style));
    }
    if let Some(state) = resource.state {
        field(state.as_str());
    }
    if resource.occurrence > 0 {
        field(&format!("#{}", resource.occurrence));
    }
    field(&escape::json(&change.path.to_string(), style.ascii));
    field(&values(change, mode, style));
    line
}

fn values(change: &Change, mode: Mode, style: Style) -> String {
    let json = |value: &Value| escape::json(&layout::compact(value), style.ascii).into_owned();
    let (before, after) = match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            let (before, after) = clip_pair(&json(before), &json(after), LIMIT, Tail::Plain, style);
            (Some(before), Some(after))
        }
        (before, after) => {
            let one = |value: &Option<Value>| {
                let value = value.as_ref()?;
                Some(clip(&json(value), LIMIT, Tail::Plain, style))
            };
            (one(before), one(after))
        }
    };
    let absent = || match &change.default {
        Some(default) => format!("{} (default)", json(default)),
        None => "(absent)".to_owned(),
    };
    let mut text = String::new();
    if change.kind == ChangeKind::Moved {
        text.push_str("position ");
    }
    match (mode, before, after) {
        (Mode::Sync, before, after) => write!(
            text,
            "istiod {}, envoy {}",
            before.unwrap_or_else(absent),
            after.unwrap_or_else(absent)
        ),
        (Mode::Change, Some(before), Some(after)) => {
            write!(text, "{before} {} {after}", style.arrow())
        }
        (Mode::Change, before, after) => {
            write!(text, "{}", before.or(after).unwrap_or_else(absent))
        }
    }
    .expect("a String takes all");
    text
}
