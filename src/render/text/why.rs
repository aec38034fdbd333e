//! Why a verdict is what it is: how items were paired, and what rules hid.

use std::io;

use super::{
    page::{Ink, Line, Page, count},
    title,
};
use crate::{
    diff::{Change, Hidden, PairedBy, Pairing},
    render::{Style, escape, rules::reason},
    xds::ListRule,
};

/// The explanations of changes, one after the other: what is the same as for the last one is said once.
#[derive(Default)]
pub(super) struct Said {
    last: Vec<String>,
}

impl Said {
    /// Writes how the items on the way to `change` were paired, unless that was just said.
    pub(super) fn tell(
        &mut self,
        page: &mut Page,
        change: &Change,
        indent: usize,
    ) -> io::Result<()> {
        let lists = pairings(change, page.style);
        if self.last == lists {
            return Ok(());
        }
        self.last.clone_from(&lists);
        let Some((last, others)) = lists.split_last() else {
            return Ok(());
        };
        let others = others.iter().map(|text| format!("{text};"));
        let words: Vec<String> = others.chain([last.clone()]).collect();
        let line = Line::new(indent).with(Ink::Faint, "paired:");
        page.sentence(line, Ink::Faint, &words.join(" "), indent + 2)
    }
}

/// How the items of each list on the way to `change` were paired, in words; none unless it is to be explained.
pub(super) fn pairings(change: &Change, style: Style) -> Vec<String> {
    let pairings = change.pairings.iter();
    pairings.map(|pairing| words(pairing, style)).collect()
}

fn words(pairing: &Pairing, style: Style) -> String {
    let list = escape::name(&pairing.list, style);
    let keys = pairing.rule.keys.join(", ");
    let rule = kind(pairing.rule);
    match pairing.by {
        Some(PairedBy::Keys(keys)) => format!("{list} by {} ({rule})", keys.join(", ")),
        Some(PairedBy::Content) => format!("{list} by content ({rule})"),
        Some(PairedBy::Position) => format!("{list} by position ({rule})"),
        None if keys.is_empty() => format!("{list} without a pair ({rule})"),
        None => format!("{list} without a pair by {keys} ({rule})"),
    }
}

/// What the order of a list means, and whether its items have keys.
fn kind(rule: &ListRule) -> &'static str {
    match (rule.ordered, rule.keys.is_empty()) {
        (false, true) => "set",
        (false, false) => "keyed",
        (true, true) => "ordered",
        (true, false) => "ordered, keyed",
    }
}

/// Writes how many values each rule hid.
pub(super) fn hidden(page: &mut Page, hidden: &[Hidden]) -> io::Result<()> {
    if hidden.is_empty() {
        return Ok(());
    }
    title(page, "hidden by rules:")?;
    let values: Vec<String> = hidden
        .iter()
        .map(|hidden| count(hidden.values, "value", "values"))
        .collect();
    let longest = values.iter().map(String::len).max().unwrap_or(0);
    for (hidden, values) in hidden.iter().zip(values) {
        let lead = format!("{values:longest$}  {}:", hidden.rule);
        let line = Line::new(2).with(Ink::Plain, lead);
        page.sentence(line, Ink::Faint, reason(hidden.rule), longest + 4)?;
    }
    Ok(())
}
