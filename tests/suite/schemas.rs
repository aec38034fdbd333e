//! The JSON Schemas in `schema/` of all outputs but `diff`: they are what the code says, accept what the program
//! prints and reject what it never will; and the samples in `schema/outputs.md` are documents of their formats.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use jsonschema::Validator;
use serde_json::{Value, json};
use xdsnap::render;

use crate::support::program::bare;

const ENVOY_DUMP: &str = "testdata/text_dump/config_dump.static_clusters.json";

fn schema_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schema")
        .join(name)
}

fn validator(name: &str) -> Validator {
    let schema = serde_json::from_str(&fs::read_to_string(schema_file(name)).unwrap()).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[track_caller]
fn assert_valid(validator: &Validator, document: &Value) {
    if let Err(problem) = validator.validate(document) {
        panic!("{problem} at `{}`", problem.instance_path());
    }
}

fn xdsnap(arguments: &[&str]) -> Output {
    bare()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .unwrap()
}

/// What `xdsnap` prints, whatever its exit status.
fn printed(arguments: &[&str]) -> String {
    let output = xdsnap(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(2), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// What is done to a document, and how.
type Edit = (&'static str, fn(&mut Value));

fn remove(object: &mut Value, key: &str) {
    let removed = object.as_object_mut().unwrap().remove(key);
    assert!(removed.is_some(), "no `{key}` to remove");
}

#[track_caller]
fn assert_rejected(validator: &Validator, good: &Value, edits: &[Edit]) {
    assert_valid(validator, good);
    for (what, edit) in edits {
        let mut bad = good.clone();
        edit(&mut bad);
        assert!(!validator.is_valid(&bad), "{what}");
    }
}

#[test]
fn the_committed_schemas_are_what_the_code_writes() {
    for (name, schema) in [
        ("normalize.schema.json", render::normalize_schema()),
        (
            "normalize-document.schema.json",
            render::normalize_document_schema(),
        ),
        ("info.schema.json", render::info_schema()),
        ("updated.schema.json", render::updated_schema()),
        ("status.schema.json", render::status_schema()),
        ("show.schema.json", render::show_schema()),
        ("rules.schema.json", render::rules_schema()),
        ("redaction.schema.json", render::redaction_schema()),
        ("verify.schema.json", render::verify_schema()),
        ("digests.schema.json", xdsnap::capture::digests::schema()),
    ] {
        let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let file = schema_file(name);
        if std::env::var_os("XDSNAP_BLESS").is_some() {
            fs::write(file, schema).unwrap();
            continue;
        }
        assert!(
            fs::read_to_string(file).unwrap_or_default() == schema,
            "schema/{name} is not the schema of the code; run `XDSNAP_BLESS=1 cargo test schema`"
        );
    }
}

#[test]
fn the_schema_of_normalize_accepts_every_line_and_every_item_of_the_document() {
    let validator = validator("normalize.schema.json");
    let lines = printed(&["normalize", ENVOY_DUMP]);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!lines.is_empty());
    for line in &lines {
        assert_valid(&validator, line);
    }
    let document = printed(&["normalize", ENVOY_DUMP, "-o", "json"]);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["format"], "xdsnap.normalize/v1");
    assert_eq!(document["resources"], json!(lines));
}

/// Each command and form that prints JSON, and the schema of that.
#[test]
fn the_schema_of_every_document_rejects_another_type_or_null_in_any_field_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = bundle(folder.path());
    let whole = path.to_str().unwrap();
    let bytes = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.xdsnap");
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let cut = cut.to_str().unwrap();
    let new = folder.path().join("new.xdsnap");
    let new = new.to_str().unwrap();
    let before = "testdata/corpus/b_canary/1_95_5";
    let after = "testdata/corpus/b_canary/2_50_50";
    let rejected = "testdata/corpus/f_nack/2_lds_nack";
    let since = "2026-11-21T01:52:21Z";
    for (schema, arguments, least) in [
        ("diff", &["diff", before, after][..], 30),
        ("diff", &["diff", rejected], 25),
        ("updated", &["diff", "--since", since, after], 15),
        ("updated", &["status", "--since", since, after], 15),
        ("status", &["status", rejected], 25),
        ("show", &["show", "all", rejected], 12),
        ("normalize-document", &["normalize", ENVOY_DUMP], 6),
        ("info", &["info", whole], 30),
        ("info", &["info", whole, "--members"], 30),
        ("info", &["info", cut], 10),
        ("verify", &["verify", cut, whole], 10),
        ("verify", &["verify", "--recover", new, cut], 10),
        ("rules", &["rules"], 6),
        ("json-patch", &["diff", before, after], 12),
    ] {
        let validator = validator(&format!("{schema}.schema.json"));
        let form = match schema {
            "json-patch" => schema,
            _ => "json",
        };
        let document = printed(&[arguments, &["-o", form]].concat());
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_valid(&validator, &document);
        let mut fields = std::collections::BTreeSet::new();
        reject_each_field(&validator, &document, "", "", &mut fields);
        assert!(fields.len() >= least, "{arguments:?}: {fields:?}");
    }
}

/// Fields whose values are configuration, and so may be anything.
const FREE: [&str; 4] = ["before", "after", "resource", "value"];

/// Makes each field below `pointer` null and of another type, once for each `place`: the pointer without positions.
fn reject_each_field(
    validator: &Validator,
    whole: &Value,
    pointer: &str,
    place: &str,
    seen: &mut std::collections::BTreeSet<String>,
) {
    let (keys, is_list): (Vec<String>, bool) = match whole.pointer(pointer).unwrap() {
        Value::Object(fields) => (fields.keys().cloned().collect(), false),
        // The first tell enough.
        Value::Array(items) => (
            (0..items.len().min(5)).map(|at| at.to_string()).collect(),
            true,
        ),
        _ => return,
    };
    for key in keys {
        if FREE.contains(&&*key) && !place.is_empty() {
            continue;
        }
        let field = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        let place = match is_list {
            true => format!("{place}[]"),
            false => format!("{place}.{key}"),
        };
        if seen.insert(place.clone()) {
            for wrong in [Value::Null, json!([[[]]]), json!(-1.5)] {
                let mut other = whole.clone();
                *other.pointer_mut(&field).unwrap() = wrong.clone();
                assert!(!validator.is_valid(&other), "{field}: {wrong}");
            }
        }
        reject_each_field(validator, whole, &field, &place, seen);
    }
}

#[test]
fn the_schema_of_the_normalized_document_rejects_what_is_none() {
    let good = printed(&["normalize", ENVOY_DUMP, "-o", "json"]);
    let good = serde_json::from_str(&good).unwrap();
    let edits: [Edit; 5] = [
        ("another format", |doc| {
            doc["format"] = json!("xdsnap.normalize/v2");
        }),
        ("no format", |doc| remove(doc, "format")),
        ("no resources", |doc| remove(doc, "resources")),
        ("a resource without a name", |doc| {
            remove(&mut doc["resources"][0], "name");
        }),
        ("an unknown source", |doc| {
            doc["resources"][0]["source"] = json!("pilot");
        }),
    ];
    assert_rejected(&validator("normalize-document.schema.json"), &good, &edits);
}

#[test]
fn the_schema_of_normalize_rejects_what_is_no_line_of_it() {
    let validator = validator("normalize.schema.json");
    let good = json!({
        "proxy": "web-1.shop", "source": "envoy", "type": "route", "name": "9080",
        "state": "active", "occurrence": 1, "resource": {"name": "9080"},
    });
    let edits: [Edit; 13] = [
        ("no proxy", |line| remove(line, "proxy")),
        ("a proxy that is no text", |line| line["proxy"] = json!(1)),
        ("no source", |line| remove(line, "source")),
        ("no type", |line| remove(line, "type")),
        ("no name", |line| remove(line, "name")),
        ("no resource", |line| remove(line, "resource")),
        ("a state that is no text", |line| {
            line["state"] = json!(true);
        }),
        ("an unknown source", |line| line["source"] = json!("pilot")),
        ("an unknown state", |line| line["state"] = json!("idle")),
        ("a null state", |line| line["state"] = json!(null)),
        ("occurrence 0", |line| line["occurrence"] = json!(0)),
        ("an occurrence that is text", |line| {
            line["occurrence"] = json!("1");
        }),
        ("a negative occurrence", |line| {
            line["occurrence"] = json!(-1);
        }),
    ];
    assert_rejected(&validator, &good, &edits);
    let mut later = good;
    later["from_a_later_version"] = json!(1);
    assert_valid(&validator, &later);
}

/// A bundle that holds a note, a failure and documents, in `folder`.
fn bundle(folder: &Path) -> PathBuf {
    let path = folder.join("x.xdsnap");
    // Nobody listens on port 1.
    let output = xdsnap(&[
        "capture",
        "--output",
        path.to_str().unwrap(),
        "--note",
        "as it was",
        "--timeout",
        "1s",
        ENVOY_DUMP,
        "testdata/text_dump/server_info.json.zst",
        "--envoy",
        "http://127.0.0.1:1",
    ]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    path
}

fn info(input: &Path) -> Value {
    let text = printed(&["info", input.to_str().unwrap(), "-o", "json"]);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_schema_of_info_accepts_a_dump_a_bundle_and_a_damaged_one() {
    let validator = validator("info.schema.json");
    let dump = info(Path::new(ENVOY_DUMP));
    assert_valid(&validator, &dump);
    assert!(dump.get("bundle").is_none());

    let folder = tempfile::tempdir().unwrap();
    let path = bundle(folder.path());
    let whole = info(&path);
    assert_valid(&validator, &whole);
    assert_eq!(whole["intact"], true);
    assert_eq!(whole["note"], "as it was");
    assert_eq!(
        whole["failures"][0]["origin"],
        "http://127.0.0.1:1/server_info"
    );

    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let damaged = info(&path);
    assert_valid(&validator, &damaged);
    assert_eq!(damaged["intact"], false);
}

#[test]
fn the_schema_of_info_rejects_what_is_not_the_contract() {
    let validator = validator("info.schema.json");
    let folder = tempfile::tempdir().unwrap();
    let good = info(&bundle(folder.path()));
    let edits: [Edit; 18] = [
        ("another format", |doc| {
            doc["format"] = json!("xdsnap.info/v2");
        }),
        ("no format", |doc| remove(doc, "format")),
        ("no input", |doc| remove(doc, "input")),
        ("intact as text", |doc| doc["intact"] = json!("yes")),
        ("no damage", |doc| remove(doc, "damage")),
        ("damage that is no text", |doc| doc["damage"] = json!([{}])),
        ("a bundle without a version", |doc| {
            remove(&mut doc["bundle"], "version");
        }),
        ("a negative size", |doc| {
            doc["bundle"]["size_bytes"] = json!(-1);
        }),
        ("a null note", |doc| doc["note"] = json!(null)),
        ("a null version", |doc| {
            doc["proxies"][0]["envoy_version"] = json!(null);
        }),
        ("half a span", |doc| {
            doc["captured"] = json!({"start": "2026-11-21T01:52:22Z"});
        }),
        ("a proxy without an ID", |doc| {
            remove(&mut doc["proxies"][0], "id");
        }),
        ("a document without a path", |doc| {
            remove(&mut doc["documents"][0], "path");
        }),
        ("a failure without a reason", |doc| {
            remove(&mut doc["failures"][0], "reason");
        }),
        ("a status that is none", |doc| {
            doc["failures"][0]["status"] = json!(70000);
        }),
        ("a count of values as text", |doc| {
            doc["redaction"]["values"] = json!("0");
        }),
        ("no redaction", |doc| remove(doc, "redaction")),
        ("a lack without a remedy", |doc| {
            remove(&mut doc["lacks"][0], "remedy");
        }),
    ];
    assert_rejected(&validator, &good, &edits);
    let mut later = good;
    later["documents"][0]["from_a_later_version"] = json!(1);
    assert_valid(&validator, &later);
}

#[test]
fn the_schema_of_verify_accepts_what_is_found_and_recovered_and_rejects_what_is_not_the_contract() {
    let validator = validator("verify.schema.json");
    let folder = tempfile::tempdir().unwrap();
    let whole = bundle(folder.path());
    let cut = folder.path().join("cut.xdsnap");
    let bytes = fs::read(&whole).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let [whole, cut] = [&whole, &cut].map(|path| path.to_str().unwrap());
    let new = folder.path().join("new.xdsnap");
    let verified = |arguments: &[&str]| -> Value {
        let arguments = [&["verify", "-o", "json"], arguments].concat();
        serde_json::from_str(&printed(&arguments)).unwrap()
    };
    let good = verified(&[cut, whole]);
    assert_eq!(good["files"][0]["verdict"], "damaged");
    assert_eq!(good["files"][1]["verdict"], "intact");
    let edits: [Edit; 11] = [
        ("another format", |doc| {
            doc["format"] = json!("xdsnap.verify/v2");
        }),
        ("no files", |doc| remove(doc, "files")),
        ("a file without a name", |doc| {
            remove(&mut doc["files"][0], "file");
        }),
        ("another verdict", |doc| {
            doc["files"][0]["verdict"] = json!("fine");
        }),
        ("no findings", |doc| {
            remove(&mut doc["files"][1], "findings");
        }),
        ("a null bundle", |doc| {
            doc["files"][1]["bundle"] = json!(null);
        }),
        ("a bundle without a version", |doc| {
            remove(&mut doc["files"][1]["bundle"], "version");
        }),
        ("another level", |doc| {
            doc["files"][0]["findings"][0]["level"] = json!("fatal");
        }),
        ("another rule", |doc| {
            doc["files"][0]["findings"][0]["rule"] = json!("x");
        }),
        ("a finding without words", |doc| {
            remove(&mut doc["files"][0]["findings"][0], "text");
        }),
        ("a null member", |doc| {
            doc["files"][0]["findings"][0]["member"] = json!(null);
        }),
    ];
    assert_rejected(&validator, &good, &edits);
    let recovered = verified(&["--recover", new.to_str().unwrap(), cut]);
    let edits: [Edit; 2] = [
        ("a negative count", |doc| {
            doc["files"][0]["recovered"]["members"] = json!(-1);
        }),
        ("no new file", |doc| {
            remove(&mut doc["files"][0]["recovered"], "file");
        }),
    ];
    assert_rejected(&validator, &recovered, &edits);
    let mut later = recovered;
    later["files"][0]["from_a_later_version"] = json!(1);
    assert_valid(&validator, &later);
}

#[test]
fn the_schema_of_rules_accepts_the_table_and_rejects_what_is_none() {
    let validator = validator("rules.schema.json");
    let good: Value = serde_json::from_str(&printed(&["rules", "-o", "json"])).unwrap();
    let edits: [Edit; 6] = [
        ("another format", |doc| {
            doc["format"] = json!("xdsnap.rules/v2");
        }),
        ("no rules", |doc| remove(doc, "rules")),
        ("no name", |doc| remove(&mut doc["rules"][0], "name")),
        ("an unknown group", |doc| {
            doc["rules"][0]["group"] = json!("magic");
        }),
        ("a path that is no list", |doc| {
            doc["rules"][0]["paths"] = json!("$");
        }),
        ("switchable as text", |doc| {
            doc["rules"][0]["switchable"] = json!("yes");
        }),
    ];
    assert_rejected(&validator, &good, &edits);
    let mut later = good;
    later["rules"][0]["from_a_later_version"] = json!(1);
    assert_valid(&validator, &later);
}

#[test]
fn the_schemas_of_updated_status_and_show_accept_what_is_printed_and_reject_what_is_not_the_contract()
 {
    const CANARY: &str = "testdata/corpus/b_canary/2_50_50";
    const REJECTED: &str = "testdata/corpus/f_nack/2_lds_nack";
    let checked = |schema: &str, arguments: &[&str], edits: &[Edit]| {
        let validator = validator(schema);
        let document = serde_json::from_str(&printed(arguments)).unwrap();
        assert_rejected(&validator, &document, edits);
        let mut later = document;
        later["from_a_later_version"] = json!(1);
        assert_valid(&validator, &later);
    };
    let since = "2026-11-21T01:52:21Z";
    checked(
        "updated.schema.json",
        &["diff", "--since", since, CANARY, "-o", "json"],
        &[
            ("another format", |doc| {
                doc["format"] = json!("xdsnap.updated/v2")
            }),
            ("no time", |doc| remove(doc, "since")),
            ("a null state", |doc| {
                doc["updated"][0]["state"] = json!(null)
            }),
            ("no update", |doc| remove(&mut doc["updated"][0], "updated")),
            ("another cause", |doc| {
                doc["unknown"][0]["cause"] = json!("x")
            }),
            ("no reason", |doc| remove(&mut doc["unknown"][0], "reason")),
            ("a null start", |doc| {
                doc["unknown"][0]["started"] = json!(null)
            }),
        ],
    );
    checked(
        "status.schema.json",
        &["status", REJECTED, "-o", "json"],
        &[
            ("another format", |doc| {
                doc["format"] = json!("xdsnap.status/v2")
            }),
            ("another status", |doc| {
                doc["proxies"][0]["status"] = json!("fine")
            }),
            ("a proxy to which nothing is sent", |doc| {
                doc["proxies"][0]["status"] = json!("not_sent");
            }),
            ("no types", |doc| remove(&mut doc["proxies"][0], "types")),
            ("a negative count", |doc| {
                doc["proxies"][0]["types"][0]["differs"] = json!(-1);
            }),
            ("no count of the stale", |doc| {
                remove(&mut doc["summary"], "stale")
            }),
        ],
    );
    checked(
        "show.schema.json",
        &["show", CANARY, "-o", "json"],
        &[
            ("another format", |doc| {
                doc["format"] = json!("xdsnap.show/v2")
            }),
            ("no source", |doc| {
                remove(&mut doc["resources"][0], "source")
            }),
            ("another state", |doc| {
                doc["resources"][0]["state"] = json!("x")
            }),
            ("occurrence 0", |doc| {
                doc["resources"][0]["occurrence"] = json!(0)
            }),
            ("a null time", |doc| doc["since"] = json!(null)),
        ],
    );
}

#[test]
fn the_samples_in_the_specification_of_the_outputs_are_documents_of_their_formats() {
    let page = fs::read_to_string(schema_file("outputs.md")).unwrap();
    let mut formats = Vec::new();
    for block in page.split("```json\n").skip(1) {
        let (sample, _) = block.split_once("```").unwrap();
        let sample: Value = serde_json::from_str(sample).unwrap();
        let format = sample["format"].as_str().unwrap();
        match format {
            "xdsnap.diff/v1" => assert_valid(&validator("diff.schema.json"), &sample),
            "xdsnap.info/v1" => assert_valid(&validator("info.schema.json"), &sample),
            "xdsnap.rules/v1" => assert_valid(&validator("rules.schema.json"), &sample),
            "xdsnap.redaction/v1" => assert_valid(&validator("redaction.schema.json"), &sample),
            "xdsnap.verify/v1" => assert_valid(&validator("verify.schema.json"), &sample),
            "xdsnap.json-patch/v1" => {
                assert_valid(&validator("json-patch.schema.json"), &sample);
            }
            "xdsnap.updated/v1" => assert_valid(&validator("updated.schema.json"), &sample),
            "xdsnap.status/v1" => assert_valid(&validator("status.schema.json"), &sample),
            "xdsnap.show/v1" => assert_valid(&validator("show.schema.json"), &sample),
            "xdsnap.normalize/v1" => {
                assert_valid(&validator("normalize-document.schema.json"), &sample);
                for resource in sample["resources"].as_array().unwrap() {
                    assert_valid(&validator("normalize.schema.json"), resource);
                }
            }
            other => panic!("unknown format `{other}`"),
        }
        formats.push(format.to_owned());
    }
    formats.sort();
    assert_eq!(
        formats,
        [
            "xdsnap.diff/v1",
            "xdsnap.info/v1",
            "xdsnap.json-patch/v1",
            "xdsnap.normalize/v1",
            "xdsnap.redaction/v1",
            "xdsnap.rules/v1",
            "xdsnap.show/v1",
            "xdsnap.status/v1",
            "xdsnap.updated/v1",
            "xdsnap.verify/v1",
        ]
    );
}
