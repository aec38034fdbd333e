//! What the text of a rejected update says of each resource in it.

use std::collections::BTreeSet;

/// What the text of a rejection says of the resource `name`, one of `names`, if it names it:
/// `Error adding/updating listener(s) NAME: …, NAME: …`.
pub(super) fn error_of(text: &str, name: &str, names: &BTreeSet<&str>) -> Option<String> {
    let starts_at = |name: &str| -> Option<usize> {
        let named = format!("{name}: ");
        let mut found = text.match_indices(&named).map(|(at, _)| at);
        found.find(|at| text[..*at].ends_with(' '))
    };
    let start = starts_at(name)? + name.len() + 2;
    let next = names
        .iter()
        .filter_map(|name| starts_at(name))
        .filter(|at| *at > start)
        .min();
    let end = next.map_or(text.len(), |next| next.saturating_sub(2).max(start));
    Some(text[start..end].trim_end().to_owned())
}

#[test]
fn a_rejection_is_told_apart_by_the_names_in_it() {
    let text = "Error adding/updating cluster(s) a|80: no such thing, b.c: bad: worse, 80: last\n";
    let names = BTreeSet::from(["a|80", "b.c", "80", "d"]);
    for (name, expected) in [
        ("a|80", Some("no such thing")),
        ("b.c", Some("bad: worse")),
        ("80", Some("last")),
        ("d", None),
    ] {
        assert_eq!(error_of(text, name, &names).as_deref(), expected, "{name}");
    }
}
