//! The digests that a bundle holds of its dumps: what is written, that no command believes it, that `verify` computes it
//! again, and that its rules have a new version when they make something else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use xdsnap::{
    dump::Dump,
    normalize::{DIGEST_RULES, KnownDigests, dump_digests},
};

use crate::support::{
    desk::Desk,
    program::{AFTER, BEFORE, recording, run, testdata, xdsnap},
};

const DIGESTS: &str = "derived/digests.json";

/// Dumps of all kinds of resources, by both printers, of several versions.
const RECORDINGS: [&str; 26] = [
    "corpus/b_canary/1_95_5/envoy/productpage-v1-6b746f74dc-9stvs.default/config_dump.json",
    "corpus/b_canary/1_95_5/envoy/reviews-v1-545db77b95-2k8ls.default/config_dump.json",
    "corpus/b_canary/1_95_5/istiod/productpage-v1-6b746f74dc-9stvs.default.config_dump.json",
    "corpus/b_canary/2_50_50/istiod/reviews-v1-545db77b95-2k8ls.default.config_dump.json",
    "samples/01_all_dynamic/dump.json",
    "samples/01_all_dynamic/istiod_form.json",
    "samples/03_order_many/dump_run2.json",
    "samples/05_error_states/dump_1_lds_nack.json",
    "samples/05_error_states/dump_2_cds_nack.json",
    "samples/05_error_states/dump_6_ecds_nack.json",
    "samples/06_warming_draining/dump_1_cluster_warming.json",
    "samples/06_warming_draining/dump_4_listener_updated.json",
    "samples/08_srds_ecds_kinds/dump.json",
    "samples/09_sensitive/dump.json",
    "samples/17_presence/dump.json",
    "samples/18_enum_alias/dump.json",
    "samples/20_queries/dump.json",
    "samples/20_queries/mask_list.json",
    "samples/20_queries/resource.json",
    "samples/20_queries/name_regex.json",
    "samples/go_forms/01_protojson.json",
    "samples/go_forms/08_istiod.json",
    "samples/go_forms/17_istiod.json",
    "redact/sensitive.config_dump.json",
    "redact/rejected.config_dump.json",
    "text_dump/config_dump.static_clusters.json",
];

impl Desk {
    fn digests(&self, name: &str) -> String {
        self.run(&format!("extract {name} --stdout {DIGESTS}")).out
    }

    /// Packs the bundle `from` again as `to`, with stock tools, and changed.
    fn repack(&self, from: &str, to: &str, change: impl FnOnce(&Path)) {
        let folder = tempfile::tempdir().unwrap();
        let tar = |args: &[&str]| {
            let status = Command::new("tar").args(args).current_dir(&folder).status();
            assert!(status.unwrap().success());
        };
        tar(&["--zstd", "-xf", self.path(from).to_str().unwrap()]);
        change(folder.path());
        tar(&["--zstd", "-cf", self.path(to).to_str().unwrap(), "."]);
    }
}

fn edit_manifest(folder: &Path, edit: impl FnOnce(&mut Value)) {
    let path = folder.join("manifest.json");
    let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut manifest);
    fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
}

/// Puts other derived bytes in a folder, with what makes them what the manifest lists.
fn lie(folder: &Path, bytes: &[u8]) {
    fs::write(folder.join(DIGESTS), bytes).unwrap();
    edit_manifest(folder, |manifest| {
        manifest["derived"][0]["size"] = json!(bytes.len());
        manifest["derived"][0]["sha256"] = json!(sha256_of(bytes));
    });
}

fn sha256_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digests with another one for the clusters of the first dump.
fn lies(digests: &str) -> Vec<u8> {
    let mut content: Value = serde_json::from_str(digests).unwrap();
    content["dumps"][0]["types"]["cluster"]["configuration"] = json!("0".repeat(64));
    serde_json::to_vec(&content).unwrap()
}

/// What the digests of each type of a dump are, in one line.
fn line(path: &str) -> String {
    let bytes = recording(path);
    let dump = Dump::parse([(None, &bytes[..])]).unwrap();
    let mut text = String::new();
    for (xds_type, digests) in dump_digests(&dump, &KnownDigests::default()).unwrap() {
        writeln!(
            text,
            "{xds_type} {:?} {:?}",
            digests.configuration, digests.live
        )
        .unwrap();
    }
    format!("{} {path}", sha256_of(text.as_bytes()))
}

#[test]
fn digests_that_change_have_a_new_version_of_their_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("tests/suite/derived/digests.txt");
    let table = fs::read(root.join("src/xds/table.rs")).unwrap();
    let mut now = format!(
        "rules {DIGEST_RULES}\n{} the table of the xDS API\n",
        sha256_of(&table)
    );
    for path in RECORDINGS {
        writeln!(now, "{}", line(path)).unwrap();
    }
    let before = fs::read_to_string(&file).unwrap_or_default();
    if now == before {
        return;
    }
    let is_new_version = before.lines().next() != now.lines().next();
    if is_new_version && std::env::var_os("XDSNAP_BLESS").is_some() {
        fs::write(&file, now).unwrap();
        return;
    }
    let old: BTreeSet<&str> = before.lines().collect();
    let changed: Vec<&str> = now.lines().filter(|line| !old.contains(line)).collect();
    panic!(
        "the digests of these have changed, or are new:\n{}\nBundles in the world hold the old ones, which must not be \
         taken for wrong: add 1 to `DIGEST_RULES` in src/normalize/digest.rs and then run `XDSNAP_BLESS=1 cargo test \
         --test suite derived`",
        changed.join("\n")
    );
}

#[test]
fn a_capture_holds_the_digests_of_every_dump_in_it() {
    let desk = Desk::new();
    desk.keep("x.xdsnap", &testdata(BEFORE));
    desk.keep("y.xdsnap", &testdata(BEFORE));
    let text = desk.digests("x.xdsnap");
    assert_eq!(text, desk.digests("y.xdsnap"));
    let content: Value = serde_json::from_str(&text).unwrap();
    let dumps = content["dumps"].as_array().unwrap();
    assert_eq!(text.lines().count(), dumps.len() + 2);
    let mut seen = BTreeMap::new();
    for dump in dumps {
        let proxy = dump["proxy"].as_str().unwrap();
        let source = dump["source"].as_str().unwrap();
        let path = match source {
            "envoy" => format!("envoy/{proxy}/config_dump.json"),
            _ => format!("istiod/{proxy}.config_dump.json"),
        };
        let bytes = recording(&format!("{BEFORE}/{path}"));
        let digests = dump_digests(
            &Dump::parse([(None, &bytes[..])]).unwrap(),
            &KnownDigests::default(),
        )
        .unwrap();
        assert_eq!(dump["types"].as_object().unwrap().len(), digests.len());
        for (xds_type, digests) in digests {
            let found = &dump["types"][xds_type.as_str()];
            let text = |digest: Option<_>| digest.map(|digest| format!("{digest:?}"));
            assert_eq!(
                found["configuration"].as_str(),
                text(digests.configuration).as_deref()
            );
            assert_eq!(found["live"].as_str(), text(digests.live).as_deref());
        }
        *seen.entry(source).or_insert(0) += 1;
    }
    assert_eq!(seen, BTreeMap::from([("envoy", 3), ("istiod", 3)]));

    let schema = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/digests.schema.json"));
    let schema = serde_json::from_slice(&schema.unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    assert!(validator.is_valid(&content));
    for edit in ["proxy", "source", "types"] {
        let mut bad = content.clone();
        bad["dumps"][0].as_object_mut().unwrap().remove(edit);
        assert!(!validator.is_valid(&bad), "{edit}");
    }

    // What differs between two steps of a canary is told by the digests alone.
    desk.keep("after.xdsnap", &testdata(AFTER));
    let after: Value = serde_json::from_str(&desk.digests("after.xdsnap")).unwrap();
    let mut differing = BTreeSet::new();
    for (a, b) in dumps.iter().zip(after["dumps"].as_array().unwrap()) {
        for (xds_type, digests) in a["types"].as_object().unwrap() {
            if digests["configuration"] != b["types"][xds_type]["configuration"] {
                differing.insert(xds_type.as_str());
            }
        }
    }
    assert_eq!(differing, BTreeSet::from(["route"]));
}

#[test]
fn a_dump_in_parts_has_digests_and_what_is_no_dump_has_none() {
    let desk = Desk::new();
    let folder = desk.path("in/envoy/web-1.shop");
    fs::create_dir_all(&folder).unwrap();
    for entry in testdata("text_dump").read_dir().unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "README.md" {
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
    let broken = desk.path("in/envoy/web-2.shop");
    fs::create_dir_all(&broken).unwrap();
    let twice = r#"{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "dynamic_active_clusters": [{"cluster": {
            "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            "name": "web", "type": "EDS", "type": "STATIC"}}]}]}"#;
    fs::write(broken.join("config_dump.json"), twice).unwrap();
    desk.keep("x.xdsnap", &desk.path("in"));
    let content: Value = serde_json::from_str(&desk.digests("x.xdsnap")).unwrap();
    let dumps = content["dumps"].as_array().unwrap();
    assert_eq!(dumps.len(), 1);
    assert_eq!(dumps[0]["proxy"], "web-1.shop");
    assert!(dumps[0]["types"]["cluster"]["configuration"].is_string());
    assert!(dumps[0]["types"]["listener"]["configuration"].is_string());
    let ran = desk.run("verify x.xdsnap");
    assert_eq!((ran.status, ran.out.lines().count()), (0, 1), "{}", ran.out);

    // Packed in another order, the parts stand apart.
    desk.repack("x.xdsnap", "y.xdsnap", |_| {});
    let ran = desk.run("verify y.xdsnap -o json");
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(!ran.out.contains("\"rule\":\"derived\""), "{}", ran.out);

    // Of nothing that can be digested there is nothing.
    fs::remove_dir_all(folder).unwrap();
    desk.keep("z.xdsnap", &desk.path("in"));
    let ran = desk.run(&format!("extract z.xdsnap --stdout {DIGESTS}"));
    assert_eq!(ran.status, 2, "{}", ran.out);
    assert_eq!(desk.run("verify z.xdsnap").status, 0);
}

#[test]
fn no_command_says_anything_else_with_other_derived_data_or_without() {
    let desk = Desk::new();
    desk.keep("x.xdsnap", &testdata(BEFORE));
    desk.keep("after.xdsnap", &testdata(AFTER));
    let honest = desk.digests("x.xdsnap");
    let of_after = desk.digests("after.xdsnap");
    type Other<'a> = (&'a str, &'a dyn Fn(&Path));
    let others: [Other<'_>; 7] = [
        ("packed again", &|_| {}),
        ("without", &|folder| {
            fs::remove_dir_all(folder.join("derived")).unwrap();
            edit_manifest(folder, |manifest| {
                manifest.as_object_mut().unwrap().remove("derived");
            });
        }),
        ("missing", &|folder| {
            fs::remove_dir_all(folder.join("derived")).unwrap()
        }),
        ("altered", &|folder| {
            fs::write(folder.join(DIGESTS), "{}").unwrap()
        }),
        ("that lies", &|folder| lie(folder, &lies(&honest))),
        // As if nothing had changed.
        ("of the other side", &|folder| {
            lie(folder, of_after.as_bytes())
        }),
        ("of later rules", &|folder| {
            edit_manifest(folder, |manifest| {
                manifest["derived"][0]["rules"] = json!(7)
            });
        }),
    ];
    let commands = [
        "diff FILE after.xdsnap",
        "diff after.xdsnap FILE --live -o json",
        "diff FILE",
        "status FILE",
        "show cluster FILE",
        "normalize FILE",
        "info FILE --members",
        "info FILE -o json",
    ];
    let outputs = || {
        commands.map(|command| {
            let ran = desk.run(&command.replace("FILE", "x.xdsnap"));
            let mut out = ran.out;
            if command == "info FILE -o json" {
                let mut json: Value = serde_json::from_str(&out).unwrap();
                // What stock tools packed has no seal.
                for field in ["size_bytes", "seal"] {
                    json["bundle"].as_object_mut().unwrap().remove(field);
                }
                out = json.to_string();
            }
            (command, ran.status, out, ran.err)
        })
    };
    let expected = outputs();
    assert_eq!((expected[0].1, expected[2].1, expected[7].1), (1, 0, 0));
    fs::rename(desk.path("x.xdsnap"), desk.path("honest.xdsnap")).unwrap();
    for (what, change) in others {
        desk.repack("honest.xdsnap", "x.xdsnap", change);
        for (found, expected) in outputs().iter().zip(&expected) {
            assert_eq!(found, expected, "{what}");
        }
    }
}

#[test]
fn verify_computes_it_again_and_tells_what_is_wrong_or_cannot_be_checked() {
    let desk = Desk::new();
    desk.keep("x.xdsnap", &testdata(BEFORE));
    let honest = desk.digests("x.xdsnap");
    let mut fewer: Value = serde_json::from_str(&honest).unwrap();
    let first = fewer["dumps"].as_array_mut().unwrap().remove(0);
    let mut more = fewer.clone();
    for proxy in ["web-9.shop", "a/b"] {
        let mut added = first.clone();
        added["proxy"] = json!(proxy);
        more["dumps"].as_array_mut().unwrap().push(added);
    }
    let mut twice: Value = serde_json::from_str(&honest).unwrap();
    twice["dumps"].as_array_mut().unwrap().push(first.clone());
    let spelled = serde_json::to_vec_pretty(&serde_json::from_str::<Value>(&honest).unwrap());
    let deep = [&b"[".repeat(100_000)[..], &b"]".repeat(100_000)[..]].concat();
    let of_lines = |bytes: Vec<u8>| move |folder: &Path| lie(folder, &bytes);
    let of = "of envoy's dump of `istio-ingressgateway-6d4bd4bc57-v7w5k.istio-system`";
    type Change = Box<dyn Fn(&Path)>;
    let cases: Vec<(&str, Change, i32, Vec<String>)> = vec![
        ("honest", Box::new(|_: &Path| {}), 0, vec![]),
        (
            "a lie",
            Box::new(of_lines(lies(&honest))),
            1,
            vec![format!(
                "wrong digests {of}: computed again, they differ for cluster"
            )],
        ),
        (
            "fewer",
            Box::new(of_lines(fewer.to_string().into_bytes())),
            1,
            vec![format!("the digests {of} are missing")],
        ),
        (
            "more",
            Box::new(of_lines(more.to_string().into_bytes())),
            1,
            vec![
                "envoy's dump of `web-9.shop` has no digests".to_owned(),
                "an entry names no dump".to_owned(),
                format!("the digests {of} are missing"),
            ],
        ),
        (
            "twice",
            Box::new(of_lines(twice.to_string().into_bytes())),
            1,
            vec!["a dump is listed twice".to_owned()],
        ),
        (
            "spelled in another way",
            Box::new(of_lines(spelled.unwrap())),
            1,
            vec!["it is not spelled as its rules spell it".to_owned()],
        ),
        (
            "deep",
            Box::new(of_lines(deep)),
            1,
            vec!["it is no list of digests".to_owned()],
        ),
        (
            "no JSON",
            Box::new(of_lines(b"\0".to_vec())),
            1,
            vec!["no list of digests".to_owned()],
        ),
        (
            "missing",
            Box::new(|folder: &Path| fs::remove_file(folder.join(DIGESTS)).unwrap()),
            1,
            vec!["missing: the manifest lists it".to_owned()],
        ),
        (
            "later rules",
            Box::new(|folder: &Path| {
                edit_manifest(folder, |manifest| {
                    manifest["derived"][0]["rules"] = json!(7)
                });
            }),
            0,
            vec![format!(
                "not checked: made by rules version 7, and this release has version {DIGEST_RULES}"
            )],
        ),
        (
            "another kind",
            Box::new(|folder: &Path| {
                edit_manifest(folder, |manifest| {
                    manifest["derived"][0]["kind"] = json!("index")
                });
            }),
            0,
            vec!["not checked: this release does not know the kind `index`".to_owned()],
        ),
        (
            "other members",
            Box::new(|folder: &Path| {
                let path = folder.join("istiod/version.json");
                fs::write(&path, "1.30.4-x").unwrap();
                edit_manifest(folder, |manifest| {
                    let members = manifest["members"].as_array_mut().unwrap();
                    let entry = members
                        .iter_mut()
                        .find(|entry| entry["path"] == "istiod/version.json")
                        .unwrap();
                    entry["size"] = json!(8);
                    entry["sha256"] = json!(sha256_of(b"1.30.4-x"));
                });
            }),
            1,
            vec!["it was made from other members than these".to_owned()],
        ),
    ];
    for (what, change, status, told) in cases {
        desk.repack("x.xdsnap", "y.xdsnap", change);
        let ran = desk.run("verify y.xdsnap -o json");
        assert_eq!(ran.status, status, "{what}: {}", ran.out);
        let json = ran.json();
        let findings = json["files"][0]["findings"].as_array().unwrap();
        let texts: Vec<&Value> = findings
            .iter()
            .filter(|finding| finding["rule"] == "derived" && finding["member"] == DIGESTS)
            .map(|finding| &finding["text"])
            .collect();
        assert_eq!(texts.len(), told.len(), "{what}: {texts:?}");
        for (text, told) in texts.iter().zip(&told) {
            assert!(text.as_str().unwrap().contains(told), "{what}: {text}");
        }
        let verdict = if status == 0 { "intact" } else { "irregular" };
        assert_eq!(json["files"][0]["verdict"], verdict, "{what}");
        // Its members are all there.
        assert_eq!(json["files"][0]["bundle"]["intact"], 23, "{what}");
    }

    // A damaged dump is told once, and the others are checked.
    desk.repack("x.xdsnap", "y.xdsnap", |folder| {
        lie(folder, &lies(&honest));
        let dump = "envoy/reviews-v1-545db77b95-2k8ls.default/config_dump.json";
        fs::write(folder.join(dump), "{}").unwrap();
    });
    let ran = desk.run("verify y.xdsnap");
    assert_eq!(ran.status, 1);
    let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("not checked for 1 dumps"), "{text}");
    assert!(text.contains(&format!("wrong digests {of}")), "{text}");
    assert!(
        !text.contains("reviews-v1-545db77b95-2k8ls.default` are missing"),
        "{text}"
    );
}

#[test]
fn what_is_written_again_has_the_digests_of_what_it_holds() {
    let desk = Desk::new();
    desk.keep("x.xdsnap", &testdata(BEFORE));
    let honest = desk.digests("x.xdsnap");

    desk.repack("x.xdsnap", "lying.xdsnap", |folder| {
        lie(folder, &lies(&honest))
    });
    assert_eq!(desk.run("verify lying.xdsnap").status, 1);
    let ran = desk.run("verify --recover true.xdsnap lying.xdsnap");
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert_eq!(desk.digests("true.xdsnap"), honest);
    assert_eq!(desk.run("verify true.xdsnap").status, 0);

    // Cut, a bundle has the digests of what is left.
    let whole = fs::read(desk.path("x.xdsnap")).unwrap();
    fs::write(desk.path("cut.xdsnap"), &whole[..whole.len() / 2]).unwrap();
    let ran = desk.run("verify --recover saved.xdsnap cut.xdsnap");
    assert_eq!(ran.status, 1, "{}", ran.out);
    let ran = desk.run("verify saved.xdsnap");
    assert_eq!((ran.status, ran.out.lines().count()), (0, 1), "{}", ran.out);

    // Unpacked, whatever stands below `derived/` is nobody's input.
    assert_eq!(desk.run("extract x.xdsnap").status, 0);
    assert_eq!(
        fs::read_to_string(desk.path("x").join(DIGESTS)).unwrap(),
        honest
    );
    fs::write(desk.path("x").join(DIGESTS), lies(&honest)).unwrap();
    desk.keep("y.xdsnap", &desk.path("x"));
    assert_eq!(desk.digests("y.xdsnap"), honest);

    // Several bundles have those of all their dumps.
    let split = |name: &str, proxies: &str| {
        desk.repack("x.xdsnap", name, |folder| {
            for entry in folder.join("envoy").read_dir().unwrap() {
                let path = entry.unwrap().path();
                let file = path.file_name().unwrap().to_str().unwrap();
                if !file.starts_with(proxies) {
                    fs::remove_dir_all(path).unwrap();
                }
            }
            fs::remove_dir_all(folder.join("istiod")).unwrap();
            edit_manifest(folder, |manifest| {
                let members = manifest["members"].as_array_mut().unwrap();
                let prefix = format!("envoy/{proxies}");
                members.retain(|entry| entry["path"].as_str().unwrap().starts_with(&prefix));
            });
        });
    };
    split("a.xdsnap", "productpage");
    split("b.xdsnap", "reviews");
    let ran = desk.run("capture -q -o both.xdsnap a.xdsnap b.xdsnap");
    assert_eq!(ran.status, 0, "{}", ran.err);
    let found = desk.digests("both.xdsnap");
    let expected: Vec<&str> = (honest.lines())
        .filter(|line| line.contains("\"source\":\"envoy\"") && !line.contains("ingressgateway"))
        .map(|line| line.trim_end_matches(','))
        .collect();
    let found: Vec<&str> = (found.lines())
        .filter(|line| line.contains("proxy"))
        .map(|line| line.trim_end_matches(','))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(desk.run("verify both.xdsnap").status, 0);
}

#[test]
fn a_missing_derived_member_is_told_when_it_is_unpacked_and_no_document_is_left_out() {
    let desk = Desk::new();
    desk.keep("x.xdsnap", &testdata(BEFORE));
    desk.repack("x.xdsnap", "y.xdsnap", |folder| {
        fs::remove_dir_all(folder.join("derived")).unwrap();
    });
    let ran = desk.run("extract y.xdsnap");
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("passed over"), "{}", ran.err);
    assert!(ran.err.contains(DIGESTS), "{}", ran.err);
    let ran = desk.run(&format!("extract y.xdsnap --stdout {DIGESTS}"));
    assert_eq!(ran.status, 1, "{}", ran.err);
}

#[test]
fn a_bundle_of_each_version_of_the_rules_and_one_without_digests_are_intact() {
    let bundles = testdata("bundles");
    for (name, rules) in [
        ("1-rc-mesh", None),
        ("1-draft-mesh", None),
        ("1-rc-derived", Some(1)),
        ("1-mesh", Some(2)),
    ] {
        let file = bundles.join(format!("{name}.xdsnap"));
        let ran = run(xdsnap(["verify"]).arg(&file));
        assert_eq!(ran.status, 0, "{}", ran.out);
        let is_unchecked = ran.out.contains("not checked");
        let is_older = rules.is_some_and(|rules| rules != DIGEST_RULES);
        assert_eq!(is_unchecked, is_older, "{}", ran.out);
        // Made again, it has digests by the rules of today.
        let desk = Desk::new();
        desk.keep("x.xdsnap", &file);
        let content: Value = serde_json::from_str(&desk.digests("x.xdsnap")).unwrap();
        assert_eq!(content["dumps"].as_array().unwrap().len(), 6);
    }
}

#[test]
fn the_entry_in_the_specification_is_that_of_the_bundle_that_it_names() {
    let ran = run(xdsnap(["extract", "--stdout"])
        .arg(testdata("bundles/1-rc-derived.xdsnap"))
        .arg("manifest.json"));
    let manifest: Value = serde_json::from_str(&ran.out).unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/bundle.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("```\n\"derived\": ").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let example: Value = serde_json::from_str(example).unwrap();
    assert_eq!(example, manifest["derived"]);
}
