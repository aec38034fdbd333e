//! Dumps as they were received: what a diff makes of what differs is what it makes of all.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    sealed::{edit, edits, folders},
    support::{
        desk::Desk,
        program::{BEFORE, Ran, recording, testdata},
    },
};

const PROXY: &str = "reviews-v1-545db77b95-2k8ls.default";

/// Writes a dump into folders of `desk` from which it is compared by what differs, and as a whole: with another document
/// beside it, it is not kept in memory.
fn write(desk: &Desk, side: &str, dump: &[u8]) {
    for folder in ["parts", "whole"] {
        let folder = desk.path(folder).join(side);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("dump"), dump).unwrap();
    }
    let other = desk.path("whole").join(side).join("other");
    fs::write(other, r#"{"certificates": []}"#).unwrap();
}

impl Desk {
    fn in_parts_and_as_a_whole(&self, args: &str) -> [(i32, String, String); 2] {
        ["parts", "whole"].map(|folder| {
            let Ran { status, out, err } = self.run_in(folder, &format!("diff {args}"));
            (status, out, err)
        })
    }
}

#[test]
fn two_steps_of_all_recordings_differ_by_parts_as_they_do_as_a_whole() {
    let mut compared = [0, 0];
    for story in folders(&testdata("corpus")) {
        for pair in folders(&story).windows(2) {
            for (at, source) in ["envoy", "istiod"].into_iter().enumerate() {
                for (before, after) in dumps_of_both(pair, source) {
                    let desk = Desk::new();
                    write(&desk, "old", &before);
                    write(&desk, "new", &after);
                    let args = format!("--live -o json --source {source} old new");
                    let [parts, whole] = desk.in_parts_and_as_a_whole(&args);
                    assert_eq!(parts, whole, "{pair:?}");
                    compared[at] += 1;
                }
            }
        }
    }
    assert!(compared.iter().all(|count| *count > 20), "{compared:?}");
}

/// What two steps have of each proxy that both have.
fn dumps_of_both(steps: &[PathBuf], source: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let dumps = |step: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        let root = step.join(source);
        let files = walk(&root).into_iter();
        let dumps = files.filter(|file| file.to_string_lossy().ends_with("config_dump.json.zst"));
        let name = |file: &Path| file.strip_prefix(&root).unwrap().to_owned();
        dumps
            .map(|file| (name(&file), fs::read(&file).unwrap()))
            .collect()
    };
    let mut after = dumps(&steps[1]);
    let pairs = dumps(&steps[0]).into_iter();
    pairs
        .filter_map(|(name, before)| Some((before, after.remove(&name)?)))
        .collect()
}

/// The files in a folder, and in those in it.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let each = paths.flat_map(|path| match path.is_dir() {
        true => walk(&path),
        false => vec![path],
    });
    each.collect()
}

/// Gives the first virtual host of a route configuration a header.
fn add_secret(dump: &mut Value, secret: &str) {
    let mut sections = dump["configs"].as_array_mut().unwrap().iter_mut();
    let routes = sections.find_map(|section| section.get_mut("dynamic_route_configs"));
    let route = routes.and_then(|routes| routes.get_mut(0));
    if let Some(host) = route.and_then(|of| of.pointer_mut("/route_config/virtual_hosts/0"))
        && host.is_object()
    {
        let header = json!({"header": {"key": "authorization", "value": secret}});
        host["request_headers_to_add"] = json!([header]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_edit_is_told_by_parts_as_it_is_by_the_whole(
        of_before in edits(),
        of_after in edits(),
        secrets in (0..3, 0..3),
    ) {
        let desk = Desk::new();
        let dump = recording(&format!("{BEFORE}/envoy/{PROXY}/config_dump.json"));
        let mut before: Value = serde_json::from_slice(&dump).unwrap();
        of_before.iter().for_each(|of| edit(&mut before, *of));
        let mut after = before.clone();
        of_after.iter().for_each(|of| edit(&mut after, *of));
        for (dump, secret) in [(&mut before, secrets.0), (&mut after, secrets.1)] {
            if secret > 0 {
                add_secret(dump, &format!("Bearer s3cr3t-{secret}"));
            }
        }
        write(&desk, "old", before.to_string().as_bytes());
        write(&desk, "new", after.to_string().as_bytes());
        for flags in ["-o json", "", "--oneline --live"] {
            let [parts, whole] = desk.in_parts_and_as_a_whole(&format!("{flags} old new"));
            prop_assert!(!parts.1.contains("s3cr3t"), "{}", parts.1);
            prop_assert_eq!(parts, whole);
        }
    }
}
