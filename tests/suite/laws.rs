//! What must hold of comparing for any recording and any edit of one.
//!
//! Recordings give the values, random numbers the edits and spellings; a law has no expected output.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use jsonpath_rust::JsonPath;
use proptest::{prelude::*, test_runner::TestRng};
use xdsnap::{
    diff::{self, ChangeKind, Compared, Comparer, Edit, Mode, Options, ProxyPair},
    dump::{Dump, Resource, Shape},
    model::{ProxyId, ResourceKey, XdsType},
    normalize::{Number, Object, ObjectKind, Value, normalize, sort},
    xds::{Field, Kind, Message, Special},
};

/// A resource of a recording in canonical form.
struct Recorded {
    key: ResourceKey,
    types: BTreeSet<XdsType>,
    value: Value,
}

/// Every distinct resource of some recordings that between them hold every type.
fn recorded() -> &'static [Recorded] {
    static RECORDED: OnceLock<Vec<Recorded>> = OnceLock::new();
    RECORDED.get_or_init(|| {
        let mut all: Vec<Recorded> = Vec::new();
        for (_, bytes) in dumps() {
            let dump = Dump::parse([(None, bytes.as_slice())]).unwrap();
            for resource in dump
                .resources
                .iter()
                .filter(|resource| resource.body.is_some())
            {
                let value = normalize(resource, &dump.types).unwrap();
                if all.iter().all(|known| known.value != value) {
                    let (key, types) = (resource.key.clone(), dump.types.clone());
                    all.push(Recorded { key, types, value });
                }
            }
        }
        assert!(all.len() > 150, "only {} resources", all.len());
        all
    })
}

/// The config dumps of some cases, of both sources.
fn dumps() -> Vec<(PathBuf, Vec<u8>)> {
    const CASES: [&str; 8] = [
        "corpus/b_canary/1_95_5",
        "corpus/e_destination_rule/4_consistent_hash",
        "corpus/h_jwks/3_jwks_inline",
        "corpus/k_ecds/4_wasm",
        "corpus/n_routes/02_rich",
        "corpus/t_typedstruct/1_before",
        "samples/01_all_dynamic",
        "samples/08_srds_ecds_kinds",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = CASES.iter().map(|case| root.join(case)).collect();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with("config_dump.json.zst") || name.starts_with("dump.json") {
                let bytes = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
                files.push((path, bytes));
            }
        }
    }
    files.sort();
    assert!(files.len() > 15, "only {} dumps", files.len());
    files
}

/// Reads `text` as the body of the resource that `recorded` is.
fn read(recorded: &Recorded, text: &str) -> Value {
    let shape = match &recorded.key.xds_type {
        XdsType::Bootstrap => {
            Shape::Message(Message::find("envoy.config.bootstrap.v3.Bootstrap").unwrap())
        }
        _ => Shape::Any(None),
    };
    let resource = Resource {
        key: recorded.key.clone(),
        shape,
        body: Some(text.as_bytes()),
        last_updated: None,
        error: None,
    };
    normalize(&resource, &recorded.types).unwrap()
}

fn one_of<'a, T>(rng: &mut TestRng, items: &'a [T]) -> &'a T {
    &items[rng.random_range(0..items.len())]
}

fn shuffle<T>(rng: &mut TestRng, items: &mut [T]) {
    for i in (1..items.len()).rev() {
        items.swap(i, rng.random_range(0..=i));
    }
}

/// `value` as JSON that means the same: other names, order, numbers, prefixes, defaults.
fn respell(value: &Value, field: Option<&'static Field>, rng: &mut TestRng) -> String {
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let kind = field.map(Field::kind);
    match (value, kind) {
        (Value::Object(object), _) => respell_object(object, rng),
        (Value::List(list), _) => {
            let mut items: Vec<_> = list
                .items
                .iter()
                .map(|item| respell(item, field, rng))
                .collect();
            if !list.rule.ordered {
                shuffle(rng, &mut items);
            }
            format!("[{}]", items.join(" , "))
        }
        (Value::String(text), Some(Kind::Int64 | Kind::UInt64)) if rng.random() => text.clone(),
        (Value::String(text), Some(Kind::Enum(names))) if rng.random() => names
            .number(text)
            .map_or_else(|| json(text), |number| number.to_string()),
        (Value::String(text), Some(Kind::Bytes)) if rng.random() => {
            json(&text.replace('+', "-").replace('/', "_").replace('=', ""))
        }
        (Value::String(text), Some(Kind::Message(message))) => match message.special() {
            Special::Duration if !text.contains('.') => json(&text.replace('s', ".0s")),
            _ => json(text),
        },
        (Value::Number(Number::Int(number)), Some(Kind::UInt32 | Kind::Int32)) => {
            match rng.random_range(0..3) {
                0 => format!("\"{number}\""),
                1 => format!("{number}.0"),
                _ => number.to_string(),
            }
        }
        (value, _) => serde_json::to_string(value).unwrap(),
    }
}

fn respell_object(object: &Object, rng: &mut TestRng) -> String {
    let message = match object.kind {
        ObjectKind::Message(message) | ObjectKind::Any(Some(message)) => Some(message),
        _ => None,
    };
    let mut members = Vec::new();
    for (key, value) in &object.members {
        let field = message.and_then(|message| message.field(key));
        let name = match field {
            Some(field) if rng.random() => field.json_name(),
            _ => key.as_ref(),
        };
        let text = match (key.as_ref(), value) {
            ("@type" | "type_url", Value::String(url)) if rng.random() => {
                format!("{:?}", url.replace("type.googleapis.com/", "any.example/"))
            }
            // A map's values are of the field's kind, and its keys are data.
            (_, value) => respell(value, field, rng),
        };
        members.push(format!("{}:{text}", serde_json::to_string(name).unwrap()));
    }
    // What is absent may be said: as null, or as the default where that means the same.
    let absent = message.filter(|message| message.special() == Special::No);
    let mut absent: Vec<_> = absent
        .into_iter()
        .flat_map(|message| message.fields())
        .filter(|field| object.get(field.name()).is_none())
        .collect();
    shuffle(rng, &mut absent);
    for field in absent.into_iter().take(2) {
        let default = match (
            field.is_repeated(),
            field.is_map(),
            field.has_presence(),
            field.kind(),
        ) {
            (true, ..) => "[]",
            (_, true, ..) => "{}",
            (_, _, true, Kind::Message(m)) if m.special() == Special::Value => continue,
            (_, _, true, _) => "null",
            (.., Kind::Bool) => "false",
            (.., Kind::String | Kind::Bytes) => "\"\"",
            _ => "0",
        };
        members.push(format!("{:?}:{default}", field.name()));
    }
    shuffle(rng, &mut members);
    format!("{{{}}}", members.join(","))
}

/// Where an edit was made, and whether it must read as a change of just that place.
#[derive(Debug, Default)]
struct Made {
    keys: Vec<String>,
    /// It changed what identifies an item of a list, or the content of one that nothing else identifies.
    changes_identity: bool,
}

/// Changes one scalar of `value` at a random place.
fn edit_scalar(value: &mut Value, rng: &mut TestRng, made: &mut Made) -> bool {
    match value {
        Value::Object(object) => {
            let mut order: Vec<usize> = (0..object.members.len()).collect();
            shuffle(rng, &mut order);
            for at in order {
                let (key, member) = &mut object.members[at];
                if key == "@type" || key == "type_url" {
                    continue;
                }
                made.keys.push(key.to_string());
                if edit_scalar(member, rng, made) {
                    return true;
                }
                made.keys.pop();
            }
            false
        }
        Value::List(list) => {
            let mut order: Vec<usize> = (0..list.items.len()).collect();
            shuffle(rng, &mut order);
            for at in order {
                let depth = made.keys.len();
                if edit_scalar(&mut list.items[at], rng, made) {
                    let inner = made.keys[depth..].join(".");
                    let is_key = |key: &&str| inner.starts_with(*key) || key.starts_with(&inner);
                    made.changes_identity |=
                        list.rule.keys.is_empty() || list.rule.keys.iter().any(is_key);
                    return true;
                }
            }
            false
        }
        Value::String(text) => {
            text.push('~');
            true
        }
        Value::Number(Number::Int(number)) => {
            *number += 1;
            true
        }
        Value::Bool(flag) => {
            *flag = !*flag;
            true
        }
        _ => false,
    }
}

/// The node that a query selects, which must be one.
fn select<'a>(json: &'a serde_json::Value, path: &str) -> &'a serde_json::Value {
    let found = json
        .query(path)
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(found.len(), 1, "{path} selects {} nodes", found.len());
    found[0]
}

/// Every path of every edit selects the node that the edit says it does.
fn check_paths(edits: &[Edit], before: &Value, after: &Value) {
    let json = |value: &Value| serde_json::to_value(value).unwrap();
    let (before, after) = (json(before), json(after));
    for edit in edits {
        let path = edit.path.to_string();
        let before_path = edit
            .before_path
            .as_ref()
            .map_or(path.clone(), ToString::to_string);
        let is = |found: &serde_json::Value, value: &Option<Value>| {
            assert_eq!(*found, json_of(value.as_ref().unwrap()), "{path}");
        };
        match edit.kind {
            ChangeKind::Added => is(select(&after, &path), &edit.after),
            ChangeKind::Removed => is(select(&before, &path), &edit.before),
            ChangeKind::Changed => {
                is(select(&after, &path), &edit.after);
                is(select(&before, &before_path), &edit.before);
            }
            ChangeKind::Moved => {
                select(&after, &path);
                select(&before, &before_path);
            }
        }
    }
}

fn json_of(value: &Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}

/// How many edits there are of each kind: added, changed, moved, removed.
fn counts(edits: &[Edit]) -> [usize; 4] {
    [
        ChangeKind::Added,
        ChangeKind::Changed,
        ChangeKind::Moved,
        ChangeKind::Removed,
    ]
    .map(|kind| edits.iter().filter(|edit| edit.kind == kind).count())
}

#[test]
fn a_recording_does_not_differ_from_itself_printed_again() {
    let keep = |_: &ResourceKey| true;
    let id = ProxyId::new("web-1.shop").unwrap();
    for (path, bytes) in dumps() {
        // Other white space and member order, so that no byte comparison settles it.
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let again = serde_json::to_vec(&json).unwrap();
        let before = Dump::parse([(None, bytes.as_slice())]).unwrap();
        let after = Dump::parse([(None, again.as_slice())]).unwrap();
        let mut comparer = Comparer::new(
            Mode::Change,
            Options {
                keep: &keep,
                select: Vec::new(),
                ignore: Vec::new(),
                documents: false,
            },
        );
        comparer.proxy(&ProxyPair {
            before_id: &id,
            after_id: &id,
            before: &before,
            after: &after,
            compared: Compared::Envoy,
            last_errors: &[],
        });
        let report = comparer.finish();
        assert_eq!(report.changes, [], "{}", path.display());
        assert_eq!(report.live, [], "{}", path.display());
        assert!(report.not_compared.is_empty(), "{}", path.display());
        let keys: BTreeSet<_> = before
            .resources
            .iter()
            .map(|resource| &resource.key)
            .collect();
        assert_eq!(keys.len(), before.resources.len(), "{}", path.display());
    }
}

#[test]
fn normalizing_twice_is_normalizing_once() {
    for recorded in recorded() {
        let text = serde_json::to_string(&recorded.value).unwrap();
        let again = read(recorded, &text);
        assert_eq!(
            serde_json::to_string(&again).unwrap(),
            text,
            "{:?}",
            recorded.key
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_spelling_that_keeps_the_meaning_has_one_normal_form(mut rng in any::<u64>().prop_perturb(|_, rng| rng)) {
        let recorded = one_of(&mut rng, recorded());
        let text = respell(&recorded.value, None, &mut rng);
        let again = read(recorded, &text);
        prop_assert_eq!(diff::diff(&recorded.value, &again), vec![], "{}", text);
        prop_assert_eq!(&recorded.value, &again);
    }

    #[test]
    fn one_edit_is_one_change_at_its_place(mut rng in any::<u64>().prop_perturb(|_, rng| rng)) {
        let before = &one_of(&mut rng, recorded()).value;
        let mut after = before.clone();
        let mut made = Made::default();
        prop_assume!(edit_scalar(&mut after, &mut rng, &mut made));
        sort(&mut after);
        let edits = diff::diff(before, &after);
        prop_assert!(!edits.is_empty(), "{:?}", made);
        check_paths(&edits, before, &after);
        if !made.changes_identity {
            prop_assert_eq!(edits.len(), 1, "{:?} {:?}", made, edits);
            prop_assert_eq!(edits[0].kind, ChangeKind::Changed);
        }
    }

    #[test]
    fn the_way_back_mirrors_the_way_there(mut rng in any::<u64>().prop_perturb(|_, rng| rng)) {
        let before = &one_of(&mut rng, recorded()).value;
        let mut after = before.clone();
        for _ in 0..rng.random_range(1..6) {
            edit_scalar(&mut after, &mut rng, &mut Made::default());
        }
        sort(&mut after);
        let (there, back) = (diff::diff(before, &after), diff::diff(&after, before));
        check_paths(&there, before, &after);
        check_paths(&back, &after, before);
        let [added, changed, moved, removed] = counts(&there);
        prop_assert_eq!(counts(&back), [removed, changed, moved, added]);
    }
}
