//! The table of rules.

use std::io::{self, Write};

use super::{
    page::{Ink, Line, Page},
    title,
};
use crate::render::{RuleEntry, Style};

/// What stands above each group.
const GROUPS: [(&str, &str); 4] = [
    ("normalize", "normalize: on each side alone"),
    ("compare", "compare: between two sides"),
    ("live", "live state: told apart, counted with --live only"),
    (
        "redact",
        "redact: whenever a document is read; these cannot be switched off",
    ),
];

/// Writes the rules, group by group.
pub fn rules(out: &mut dyn Write, rules: &[RuleEntry], style: Style) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    for (group, heading) in GROUPS {
        let mut found = rules.iter().filter(|rule| rule.group == group).peekable();
        if found.peek().is_some() {
            title(page, heading)?;
        }
        found.try_for_each(|rule| one(page, rule))?;
    }
    Ok(())
}

fn one(page: &mut Page, rule: &RuleEntry) -> io::Result<()> {
    page.line(Line::new(2).with(Ink::Heading, rule.name))?;
    let does = match rule.switchable {
        true => format!("{}, because {}", rule.does, rule.reason),
        false => rule.reason.to_owned(),
    };
    page.sentence(Line::new(6), Ink::Plain, &does, 6)?;
    let colon = if rule.paths.is_empty() { "" } else { ":" };
    let place = format!("{}{colon} {}", rule.scope, rule.paths.join(", "));
    page.sentence(Line::new(6), Ink::Faint, &place, 8)
}
