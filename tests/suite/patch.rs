//! Applying the JSON Patch of two recordings, or of any edit of one, to what was gives what is.

use std::{collections::BTreeMap, sync::LazyLock};

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use xdsnap::{
    diff::{Compared, DocumentPair, Mode, Report},
    model::{ProxyId, ResourceKey, XdsType},
    normalize::{List, Value, normalize},
    render,
    xds::{ListRule, MatchBy},
};

use crate::{
    laws::{
        DUMPS, GATEWAY, PAIRS, REVIEWS, SAMPLES, compare, dice::Dice, edit, edit_anywhere, envoy,
        istiod, parse,
    },
    support::program::{run, testdata, xdsnap},
};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/json-patch.schema.json");

static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = std::fs::read_to_string(SCHEMA).unwrap();
    jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap()
});

#[test]
fn the_committed_schema_of_the_json_patch_is_what_the_code_writes() {
    let schema = serde_json::to_string_pretty(&render::json_patch_schema()).unwrap() + "\n";
    if std::env::var_os("XDSNAP_BLESS").is_some() {
        return std::fs::write(SCHEMA, schema).unwrap();
    }
    assert!(
        std::fs::read_to_string(SCHEMA).unwrap_or_default() == schema,
        "run `XDSNAP_BLESS=1 cargo test schema` to write schema/json-patch.schema.json"
    );
}

/// What `-o json-patch` prints of a report: a document that is valid by its schema.
fn printed(report: &Report) -> Json {
    let mut out = Vec::new();
    render::json_patch(&mut out, report).unwrap();
    let document = serde_json::from_slice(&out).unwrap();
    let errors: Vec<String> = VALIDATOR
        .iter_errors(&document)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(document["format"], "xdsnap.json-patch/v1");
    document
}

/// The operations that make `after` of `before`.
fn patch(before: &Value, after: &Value) -> Json {
    let mut report = Report::new(Mode::Change);
    report.documents.push(DocumentPair {
        proxy: ProxyId::new("web-1.shop").unwrap(),
        before_proxy: None,
        source: Compared::Envoy,
        resource: ResourceKey {
            xds_type: XdsType::Cluster,
            name: "web".into(),
            state: None,
            occurrence: 0,
        },
        before_resource: None,
        before: Some(before.clone()),
        after: Some(after.clone()),
        equated: None,
        has_changes: true,
    });
    printed(&report)["resources"][0]["patch"].take()
}

fn apply(patch: &Json, document: &mut Json) {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone()).unwrap();
    json_patch::patch(document, &patch)
        .unwrap_or_else(|error| panic!("{error}: {patch} on {document}"));
}

pub(crate) fn check(before: &Value, after: &Value) -> Result<Json, TestCaseError> {
    let patch = patch(before, after);
    let mut made = edit::json(before);
    apply(&patch, &mut made);
    prop_assert_eq!(made, edit::json(after), "{}", patch);
    Ok(patch)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_patch_of_any_edits_gives_what_is(which: usize, seed: u64, number in 1..8) {
        let sample = &SAMPLES[which % SAMPLES.len()];
        let mut dice = Dice(seed);
        let mut edited = sample.value.clone();
        for _ in 0..number {
            edit_anywhere(&mut edited, &mut dice);
        }
        let after = sample.again(&edited);
        check(&sample.value, &after)?;
        check(&after, &sample.value)?;
    }

    /// Resources that have nothing to do with each other: many operations of all kinds.
    #[test]
    fn the_patch_between_any_two_resources_gives_the_second(one: usize, other: usize) {
        let [one, other] = [one, other].map(|which| &SAMPLES[which % SAMPLES.len()].value);
        check(one, other)?;
    }

    #[test]
    fn the_patch_of_any_two_lists_gives_the_second_and_keeps_what_stays(
        before in proptest::collection::vec("[a-e]", 0..9),
        after in proptest::collection::vec("[a-e]", 0..9),
        rule in prop::sample::select(vec![&SET, &ORDERED, &KEYED]),
    ) {
        let list = |items: &[String]| {
            let items = items.iter().map(|item| match rule.keys {
                [] => item.as_str().into(),
                _ => object(json!({ "name": item })),
            });
            Value::List(List { items: items.collect(), rule })
        };
        let patch = check(&list(&before), &list(&after))?;
        // Never more than to take all out and put all in.
        prop_assert!(patch.as_array().unwrap().len() <= before.len() + after.len());
    }
}

static SET: ListRule = rule(false, &[]);
static ORDERED: ListRule = rule(true, &[]);
static KEYED: ListRule = rule(true, &["name"]);

const fn rule(ordered: bool, keys: &'static [&'static str]) -> ListRule {
    ListRule {
        ordered,
        match_by: MatchBy::Composite,
        keys,
    }
}

fn object(json: Json) -> Value {
    use xdsnap::normalize::{Object, ObjectKind};
    let Json::Object(members) = json else {
        panic!("no object: {json}")
    };
    let members = members.into_iter();
    let member = |(key, value): (String, Json)| (key.into(), value.as_str().unwrap().into());
    Value::Object(Object {
        members: members.map(member).collect(),
        kind: ObjectKind::Plain,
    })
}

#[test]
fn a_patch_is_as_small_as_the_change() {
    let names = |text: &str| {
        let items = text.split_whitespace().map(|item| {
            let (name, content) = item.split_once('=').unwrap_or((item, ""));
            object(json!({ "name": name, "x": content }))
        });
        Value::List(List {
            items: items.collect(),
            rule: &KEYED,
        })
    };
    for (before, after, expected) in [
        ("a b c", "a b c", ""),
        ("a b c", "a new b c", "add /1"),
        ("a b c", "a b c new", "add /3"),
        ("a b c d", "a d", "remove /2, remove /1"),
        ("a b c d", "d a b c", "move /3 /0"),
        ("a b c d", "b c d a", "move /0 /3"),
        (
            "a b c d e",
            "a e b=1 x d",
            "remove /2, move /3 /1, add /3, replace /2/x",
        ),
        ("a b c", "c b a", "move /2 /0, move /2 /1"),
        ("a=1 a=2", "a=2", "remove /0"),
    ] {
        let patch = check(&names(before), &names(after)).unwrap();
        let words = patch.as_array().unwrap().iter().map(|operation| {
            let fields = ["op", "from", "path"].map(|field| operation[field].as_str());
            fields.into_iter().flatten().collect::<Vec<_>>().join(" ")
        });
        let words = words.collect::<Vec<_>>().join(", ");
        assert_eq!(words, expected, "{before} | {after}");
    }
    let [before, after] = [
        json!({"a/b": "1", "m~n": "1", "": "1", "é": "1"}),
        json!({"a/b": "2", "m~1n": "1", "": "2", "é": "1"}),
    ];
    assert_eq!(
        check(&object(before), &object(after)).unwrap(),
        json!([
            {"op": "remove", "path": "/m~0n"},
            {"op": "replace", "path": "/", "value": "2"},
            {"op": "replace", "path": "/a~1b", "value": "2"},
            {"op": "add", "path": "/m~01n", "value": "1"},
        ])
    );
}

/// Every resource of a dump, by what names it.
fn resources(bytes: &[u8]) -> BTreeMap<ResourceKey, Json> {
    let dump = parse(bytes);
    let resources = dump.resources.iter().map(|resource| {
        let value = normalize(resource, &dump.types).unwrap();
        (resource.key.clone(), edit::json(&value))
    });
    resources.collect()
}

/// Every resource of the dump before, patched, is one of the dump after.
fn check_dumps(before: &[u8], after: &[u8]) {
    let (mut old, mut new) = (resources(before), resources(after));
    let report = compare(Mode::Change, before, after);
    let document = printed(&report);
    assert_eq!(
        document["resources"].as_array().unwrap().len(),
        report.documents.len()
    );
    let patches = document["resources"].as_array().unwrap().iter();
    for (pair, patched) in report.documents.iter().zip(patches) {
        let key = pair.before_resource.as_ref().unwrap_or(&pair.resource);
        let mut made = match patched["kind"].as_str() {
            Some("added") => Json::Null,
            _ => old.remove(key).unwrap(),
        };
        apply(&patched["patch"], &mut made);
        let wanted = match patched["kind"].as_str() {
            Some("removed") => Json::Null,
            _ => new.remove(&pair.resource).unwrap(),
        };
        assert_eq!(made, wanted, "{:?}", pair.resource);
    }
    // The rest is what is not compared, or equal, be it at another number of one name.
    let types = [before, after].map(|bytes| parse(bytes).types);
    let counted = |side: BTreeMap<ResourceKey, Json>| {
        let mut counts: BTreeMap<(XdsType, String, String), usize> = BTreeMap::new();
        for (key, json) in side {
            let is_compared = types.iter().all(|types| types.contains(&key.xds_type));
            // Static route configurations stand in their listeners.
            if is_compared && key.xds_type != XdsType::Route {
                *counts
                    .entry((key.xds_type, key.name.to_string(), json.to_string()))
                    .or_default() += 1;
            }
        }
        counts
    };
    assert_eq!(counted(old), counted(new));
}

#[test]
fn the_patch_of_two_steps_gives_every_resource_of_the_second() {
    for [before, after] in PAIRS.iter() {
        check_dumps(before, after);
    }
    // Two pods of one workload: what tells them apart does not count, but it is in the patch.
    let [one, other] = ["2k8ls", "tq4rz"].map(|pod| {
        envoy(
            "a_in_sync/1_before",
            &format!("reviews-v1-545db77b95-{pod}.default"),
        )
    });
    check_dumps(&one, &other);
    for bytes in DUMPS.iter() {
        let same = compare(Mode::Change, bytes, bytes);
        assert_eq!(printed(&same)["resources"], json!([]));
    }
}

#[test]
fn istiod_against_envoy_a_patch_gives_what_envoy_runs() {
    for (case, [sent, running], proxy) in [
        ("k_ecds", ["4_wasm", "5_wasm_changed"], REVIEWS),
        ("o_endpoints", ["2_added", "8_locality_failover"], GATEWAY),
        ("t_typedstruct", ["1_before", "2_after"], REVIEWS),
    ] {
        let sent = istiod(&format!("{case}/{sent}"), proxy);
        let running = envoy(&format!("{case}/{running}"), proxy);
        let (old, new) = (resources(&sent), resources(&running));
        let report = compare(Mode::Sync, &sent, &running);
        assert!(!report.documents.is_empty(), "{case}");
        let document = printed(&report);
        for (pair, patched) in report
            .documents
            .iter()
            .zip(document["resources"].as_array().unwrap())
        {
            let before_key = pair.before_resource.as_ref().unwrap_or(&pair.resource);
            let of = |side: &BTreeMap<ResourceKey, Json>, key| {
                side.get(key).cloned().unwrap_or(Json::Null)
            };
            let mut made = match patched["kind"].as_str() {
                Some("added") => Json::Null,
                _ => of(&old, before_key),
            };
            apply(&patched["patch"], &mut made);
            let wanted = match patched["kind"].as_str() {
                Some("removed") => Json::Null,
                _ => of(&new, &pair.resource),
            };
            assert_eq!(made, wanted, "{case} {:?}", pair.resource);
            let is_other = |field: &str| patched.get(field).is_some();
            assert_eq!(
                is_other("before_name"),
                before_key.name != pair.resource.name
            );
        }
    }
}

#[test]
fn the_program_patches_what_it_normalizes() {
    let [before, after] = ["1_before", "3_ecds_ratelimit_changed"]
        .map(|step| testdata(&format!("corpus/k_ecds/{step}")));
    let normal = |side: &std::path::Path| {
        let ran = run(xdsnap(["normalize", "-o", "json", "--source", "envoy"]).arg(side));
        let resources = ran.json()["resources"].take();
        let mut found = BTreeMap::new();
        for mut resource in resources.as_array().unwrap().clone() {
            let document = resource["resource"].take();
            found.insert(key_of(&resource), document);
        }
        found
    };
    let (mut made, wanted) = (normal(&before), normal(&after));
    let ran = run(xdsnap(["diff", "-o", "json-patch"]).args([&before, &after]));
    assert_eq!(ran.status, 1, "{}", ran.err);
    let patches = ran.json()["resources"].take();
    assert!(!patches.as_array().unwrap().is_empty());
    for patch in patches.as_array().unwrap() {
        let key = key_of(patch);
        let mut document = made.remove(&key).unwrap_or(Json::Null);
        assert_eq!(document.is_null(), patch["kind"] == "added");
        apply(&patch["patch"], &mut document);
        assert_eq!(document.is_null(), patch["kind"] == "removed");
        if !document.is_null() {
            made.insert(key, document);
        }
    }
    assert_eq!(made, wanted);
}

fn key_of(resource: &Json) -> String {
    let fields = ["proxy", "source", "type", "name", "state", "occurrence"];
    json!(fields.map(|field| resource.get(field))).to_string()
}

#[test]
fn a_patch_of_a_part_of_a_resource_is_refused() {
    let dump = testdata("text_dump/config_dump.static_clusters.json");
    for query in ["--select", "--ignore"] {
        let mut command = xdsnap(["diff", "-o", "json-patch", query, "$.name"]);
        let ran = run(command.args([&dump, &dump]));
        assert_eq!((ran.status, ran.out.as_str()), (2, ""));
        assert!(ran.err.contains("do not go with a patch"), "{}", ran.err);
    }
}

#[test]
fn the_schema_of_the_json_patch_rejects_what_is_not_the_contract() {
    let good = json!({"format": "xdsnap.json-patch/v1", "resources": [{
        "proxy": "web-1.shop", "source": "envoy", "type": "cluster", "name": "web", "state": "active",
        "before_occurrence": 0, "occurrence": 1, "kind": "changed",
        "patch": [{"op": "move", "from": "/a/1", "path": "/a/0"}, {"op": "add", "path": "/b", "value": null}],
    }]});
    assert!(VALIDATOR.is_valid(&good));
    for (pointer, bad) in [
        ("/format", json!("xdsnap.json-patch/v2")),
        ("/resources", json!({})),
        ("/resources/0/source", json!("pilot")),
        ("/resources/0/kind", json!("moved")),
        ("/resources/0/state", json!(null)),
        ("/resources/0/occurrence", json!(0)),
        ("/resources/0/patch", json!("")),
        ("/resources/0/patch/0/op", json!("test")),
        ("/resources/0/patch/0/from", json!(1)),
        ("/resources/0/patch/0", json!({"op": "remove"})),
    ] {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = bad;
        assert!(!VALIDATOR.is_valid(&document), "{pointer}");
    }
}
