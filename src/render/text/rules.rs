//! The table of rules.

use std::io::{self, Write};

use super::{
    page::{Ink, Line, Page},
    title,
};
use crate::render::{
    RuleEntry, STAYS, Stays, Style,
    approval::{self, ANSWERS},
};

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

/// Writes the rules of redaction, what stays and how to look, for whoever must approve it.
///
/// # Errors
///
/// Where `out` fails.
pub fn redaction_rules(out: &mut dyn Write, rules: &[RuleEntry], style: Style) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    title(page, "taken out")?;
    rules.iter().try_for_each(|rule| one(page, rule))?;
    for (question, answer) in ANSWERS {
        title(page, &question.to_lowercase())?;
        page.sentence(Line::new(2), Ink::Plain, answer, 2)?;
    }
    title(page, "stays")?;
    for Stays { what, why } in STAYS {
        page.sentence(Line::new(2), Ink::Plain, what, 4)?;
        page.sentence(Line::new(6), Ink::Faint, why, 6)?;
    }
    title(page, "how to see it before sending")?;
    for (command, what) in approval::look() {
        page.line(Line::new(2).with(Ink::Plain, command))?;
        page.sentence(Line::new(6), Ink::Faint, what, 6)?;
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
