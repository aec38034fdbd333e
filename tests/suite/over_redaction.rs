//! What redaction takes out of recordings in which hardly anything is secret: every place is listed in
//! `testdata/canary/replaced.txt`, which somebody has read, and everything else is byte for byte as it was.
//!
//! `XDSNAP_BLESS=1` writes the list anew.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use xdsnap::{
    model::{Document, Token},
    redact::{Key, Policy, Redactor},
};

use crate::support::program::{recording, testdata};

const LIST: &str = "canary/replaced.txt";

/// The paths of all recordings, below `testdata`, without `.zst`.
fn recordings() -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["corpus", "samples", "istioctl", "text_dump"] {
        walk(&testdata(folder), &mut found);
    }
    let root = testdata("");
    let name = |path: PathBuf| {
        let name = path
            .strip_prefix(&root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        name.trim_end_matches(".zst").to_owned()
    };
    let mut names: Vec<String> = found
        .into_iter()
        .map(name)
        .filter(|name| !name.ends_with(".md"))
        .collect();
    names.sort();
    names
}

/// What a recording is, by its name.
fn document(name: &str) -> Document {
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.split('.').next().unwrap_or(file) {
        "server_info" => Document::ServerInfo,
        "clusters" => Document::Clusters,
        "listeners" => Document::Listeners,
        "certs" => Document::Certs,
        "stats" => Document::Stats,
        "syncz" => Document::Syncz,
        "version" => Document::Version,
        _ => Document::ConfigDump,
    }
}

/// A string, punctuation and space, or any other scalar of JSON.
fn lexeme(text: &str) -> Option<(&str, &str)> {
    let first = text.bytes().next()?;
    let end = match first {
        b'"' => {
            let mut escaped = false;
            let end = text.bytes().skip(1).position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            end.map_or(text.len(), |end| end + 2)
        }
        b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => text
            .bytes()
            .position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(&byte))
            .unwrap_or(text.len()),
        _ => text
            .find(|c: char| c == '"' || c.is_ascii_alphanumeric() || "+-.".contains(c))
            .unwrap_or(text.len()),
    };
    Some(text.split_at(end))
}

/// What a token stands for, if `after` is `before` with some parts replaced by tokens.
fn replaced<'a>(before: &'a str, after: &str) -> Option<Vec<&'a str>> {
    let mut found = Vec::new();
    let mut rest = before;
    let mut at = 0;
    let tokens: Vec<_> = Token::all_in(after).collect();
    for (number, (range, _)) in tokens.iter().enumerate() {
        rest = rest.strip_prefix(&after[at..range.start])?;
        at = range.end;
        let next = tokens
            .get(number + 1)
            .map_or(after.len(), |(range, _)| range.start);
        let between = &after[at..next];
        let end = match (between.is_empty(), number + 1 == tokens.len()) {
            (true, true) => rest.len(),
            (false, true) => rest.len().checked_sub(between.len())?,
            (_, false) => rest.find(between)?,
        };
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
    (rest == &after[at..]).then_some(found)
}

fn string(lexeme: &str) -> Option<String> {
    serde_json::from_str(lexeme).ok()
}

/// The string that holds tokens as bytes fields do, decoded.
fn decoded(text: &str) -> Option<String> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Everything but what tokens stand for is the same: what they stand for.
fn compare(name: &str, before: &str, after: &str) -> Vec<String> {
    if !before.trim_start().starts_with(['{', '[']) {
        let found =
            replaced(before, after).unwrap_or_else(|| panic!("{name}: more than tokens differs"));
        return found.into_iter().map(str::to_owned).collect();
    }
    // No string goes over the end of a line, and most lines are the same.
    let (old, new) = (before.split('\n'), after.split('\n'));
    assert_eq!(old.clone().count(), new.clone().count(), "{name}");
    let differing = old.zip(new).filter(|(old, new)| old != new);
    differing
        .flat_map(|(old, new)| compare_line(name, old, new))
        .collect()
}

fn compare_line(name: &str, mut before: &str, mut after: &str) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let (Some((old, old_rest)), Some((new, new_rest))) = (lexeme(before), lexeme(after)) else {
            assert_eq!((before, after), ("", ""), "{name}: one goes on");
            return found;
        };
        if old != new {
            let new = string(new).unwrap_or_else(|| panic!("{name}: `{old}` is `{new}`"));
            let of = string(old).unwrap_or_else(|| old.to_owned());
            match (replaced(&of, &new), decoded(&new)) {
                (Some(parts), _) if !parts.is_empty() => {
                    found.extend(parts.into_iter().map(str::to_owned))
                }
                (_, Some(token)) if Token::of(&token).is_some() => found.push(of),
                _ => panic!("{name}: `{of}` is `{new}`"),
            }
        }
        (before, after) = (old_rest, new_rest);
    }
}

/// A path without the numbers of items.
fn place(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |place, part| {
        place + "[" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

#[test]
fn nothing_but_secrets_is_taken_out_of_recordings() {
    let redactor = Redactor::new(Policy::Tokens(Key::new([7; 32])));
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut values: BTreeMap<(String, String), BTreeMap<String, usize>> = BTreeMap::new();
    let mut files = 0;
    for name in recordings() {
        let bytes = recording(&name);
        let Ok(before) = String::from_utf8(bytes) else {
            continue;
        };
        let document = document(&name);
        let mut output = Vec::new();
        let counts = match redactor.copy(document, &mut before.as_bytes(), &mut output) {
            Ok(counts) => counts,
            // What ended in the middle is refused.
            Err(error) => {
                assert_eq!(name, "corpus/x_errors/prefix_match.json", "{error}");
                continue;
            }
        };
        let after = String::from_utf8(output).unwrap();
        let mut paths = Vec::new();
        let found = redactor.find(document, &mut before.as_bytes(), &mut |found| {
            paths.push((found.rule.to_owned(), place(&found.path)))
        });
        assert_eq!(found.unwrap(), counts, "{name}");
        let gone = compare(&name, &before, &after);
        assert_eq!(gone.len() as u64, counts.total(), "{name}");
        for (key, value) in paths.into_iter().zip(gone) {
            *places.entry(key.clone()).or_default() += 1;
            *values.entry(key).or_default().entry(value).or_default() += 1;
        }
        files += 1;
    }
    assert!(files > 300, "{files}");
    let mut list = String::new();
    for ((rule, place), count) in &places {
        writeln!(list, "{count:>6}  {rule}  {place}").unwrap();
    }
    if let Some(path) = env::var_os("XDSNAP_SHOW_REPLACED") {
        let mut shown = String::new();
        for ((rule, place), values) in &values {
            writeln!(shown, "{rule}  {place}").unwrap();
            for (value, count) in values.iter().take(30) {
                writeln!(shown, "    {count} {value:?}").unwrap();
            }
        }
        fs::write(path, shown).unwrap();
    }
    let path = testdata(LIST);
    if env::var_os("XDSNAP_BLESS").is_some() {
        fs::write(&path, &list).unwrap();
    }
    let listed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        listed == list,
        "other places than {LIST} has (read what is new, then XDSNAP_BLESS=1 writes it):\n{list}"
    );
}

#[test]
fn a_difference_besides_tokens_is_noticed() {
    let token = "[redacted:1a2b3c4d-0123456789abcdef]";
    let before = r#"{"a": "x s\u003c y", "b": 1, "c": "s"}"#;
    let after = format!(r#"{{"a": "x {token} y", "b": 1, "c": "{token}"}}"#);
    assert_eq!(compare("", before, &after), ["s<", "s"]);
    for changed in [
        after.replace("x [", "z ["),
        after.replace("1,", "2,"),
        after.replace(" \"b\"", "\"b\""),
        after.replace("\"c\"", "\"C\""),
        after.replace(" y", " z"),
    ] {
        let result = std::panic::catch_unwind(|| compare("", before, &changed));
        assert!(result.is_err(), "{changed}");
    }
}
