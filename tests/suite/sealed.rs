//! Sealed bundles: what a diff makes of their digests is what it makes of all that they hold; and no digest is believed
//! where anything was altered, or somebody else sealed it.

use std::{
    collections::BTreeMap,
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use xdsnap::{
    bundle::{Derive, Derived, Head, MemberPath, Provenance, Reader, Writer},
    capture::{digests, resources},
    dump::Dump,
    redact::Key,
};

use crate::support::{
    desk::Desk,
    program::{AFTER, BEFORE, recording, run, testdata, xdsnap},
};

impl Desk {
    /// A diff by this key, which sealed what the tests capture: status and all output.
    fn by_digests(&self, args: &str) -> (i32, String, String) {
        let ran = self.run(&format!("diff {args}"));
        (ran.status, ran.out, ran.err)
    }

    /// The same by a key that sealed nothing, so that everything is read.
    fn by_reading(&self, args: &str) -> (i32, String, String) {
        let ran = self.run(&format!("diff --redaction-key none {args}"));
        (ran.status, ran.out, ran.err)
    }

    fn check_law(&self, args: &str) {
        assert_eq!(self.by_digests(args), self.by_reading(args), "{args}");
    }
}

/// The key of the tests.
fn key() -> Key {
    Key::from_hexadecimal(&"5a".repeat(32)).unwrap()
}

/// The folders in a folder, sorted.
pub(crate) fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

#[test]
fn digests_of_all_recordings_tell_what_reading_them_tells() {
    let desk = Desk::new();
    let mut firsts = Vec::new();
    for story in folders(&testdata("corpus")) {
        let mut names = Vec::new();
        for step in folders(&story) {
            let text = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            let name = format!("{}-{}.xdsnap", text(&story), text(&step));
            let ran = run(xdsnap(["capture", "-q", "--allow-missing", "-o"])
                .arg(desk.path(&name))
                .arg(&step));
            if ran.status == 0 {
                names.push(name);
            }
        }
        for pair in names.windows(2) {
            desk.check_law(&format!("--source both -o json {} {}", pair[0], pair[1]));
        }
        if let [first, .., last] = &names[..] {
            desk.check_law(&format!("--source both {last} {first}"));
            desk.check_law(&format!("--live --oneline {first} {last}"));
            desk.check_law(&format!("{first} {first}"));
            firsts.push(first.clone());
        }
    }
    assert!(firsts.len() > 12, "{firsts:?}");
    for pair in firsts.windows(2) {
        desk.check_law(&format!("-o json {} {}", pair[0], pair[1]));
    }
}

/// What the bundles of [`lying`] say of their resources.
static LIE: OnceLock<Vec<u8>> = OnceLock::new();

fn lying(_: &mut Writer) -> Vec<Derived> {
    vec![Derived {
        kind: resources::KIND,
        extension: "bin",
        rules: resources::RULES,
        bytes: LIE.get().unwrap().clone(),
    }]
}

/// Writes a bundle of the dumps of Envoys in `folder`, with derived data, and sealed where there is a key.
fn write(folder: &str, to: &Path, derive: impl Derive + 'static, key: Option<&Key>) {
    let mut writer = Writer::create(to)
        .unwrap()
        .deriving(derive)
        .sealing(key.and_then(Key::sealer));
    for proxy in folders(&testdata(&format!("{folder}/envoy"))) {
        let proxy = proxy.file_name().unwrap().to_str().unwrap();
        let path = format!("envoy/{proxy}/config_dump.json");
        let member: MemberPath = path.parse().unwrap();
        let body = recording(&format!("{folder}/{path}"));
        let provenance = Provenance::of_file(&path);
        writer.member(member, provenance, &mut &body[..]).unwrap();
    }
    writer.finish(Head::default()).unwrap();
}

fn reader(bytes: &[u8]) -> Reader<Cursor<&[u8]>> {
    Reader::open("x.xdsnap", Cursor::new(bytes)).unwrap()
}

#[test]
fn only_what_the_users_own_key_sealed_is_believed_and_nothing_that_was_altered() {
    let desk = Desk::new();
    write(
        BEFORE,
        &desk.path("before.xdsnap"),
        digests::derive(),
        Some(&key()),
    );
    let before = fs::read(desk.path("before.xdsnap")).unwrap();
    let lie = reader(&before).read("derived/resources.bin").unwrap();
    LIE.set(lie).unwrap();
    let diff = |name: &str| desk.run(&format!("diff before.xdsnap {name}"));

    // Who has the key vouches for the digests: that they are used at all shows where they lie.
    write(AFTER, &desk.path("lie.xdsnap"), lying, Some(&key()));
    assert_eq!(diff("lie.xdsnap").status, 0);
    // By another key, or none, everything is read.
    let none = desk.run("diff --redaction-key none before.xdsnap lie.xdsnap");
    assert_eq!(none.status, 1);
    fs::write(desk.path("other.key"), "0f".repeat(32)).unwrap();
    let other = desk.run("diff --redaction-key-file other.key before.xdsnap lie.xdsnap");
    assert_eq!(other.status, 1);
    let shown = desk.run("diff --show-secrets=yes-it-holds-secrets before.xdsnap lie.xdsnap");
    assert_eq!(shown.status, 1);
    let other = Key::new([0x0f; 32]);
    let thrown_away = Key::random().unwrap();
    for (name, key) in [
        ("other", Some(&other)),
        ("thrown-away", Some(&thrown_away)),
        ("none", None),
    ] {
        let name = format!("{name}.xdsnap");
        write(AFTER, &desk.path(&name), lying, key);
        assert_eq!(diff(&name).status, 1, "{name}");
    }
    // The key is asked for the rest, too: where not all resources are compared, or it is explained what is.
    for flags in [
        "--why",
        "--type route",
        "--no-rule last-updated",
        "--strict",
        "-o json-patch",
        "--ignore $.x",
    ] {
        let ran = desk.run(&format!("diff before.xdsnap lie.xdsnap {flags}"));
        assert_eq!(ran.status, 1, "{flags}: {}", ran.err);
    }

    // Wherever a bit is another one, nothing is believed: of the frames, the seal and the seek table.
    let sealed = fs::read(desk.path("lie.xdsnap")).unwrap();
    let sealer = key().sealer().unwrap();
    assert!(reader(&sealed).is_sealed_by(&sealer).unwrap());
    assert_eq!(reader(&sealed).sealed_with(), Some(key().fingerprint()));
    let mut at = 0;
    while at < sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1 << (at % 8);
        // Some bits have no meaning, or hide all else.
        if let Ok(mut reader) = Reader::open("x.xdsnap", Cursor::new(&altered[..])) {
            assert!(!reader.is_sealed_by(&sealer).unwrap(), "byte {at}");
        }
        // All of the end, and some of what is before it.
        at += if at + 400 < sealed.len() { 997 } else { 1 };
    }
    let longer = [&sealed[..], b"x"].concat();
    assert!(!reader(&longer).is_sealed_by(&sealer).unwrap());
    let flip = |at: usize, name: &str| {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        fs::write(desk.path(name), altered).unwrap();
        let ran = diff(name);
        assert_eq!(ran.status, 1, "{name}: {}", ran.err);
    };
    let seal = sealed
        .windows(12)
        .position(|bytes| bytes == b"xdsnap seal1")
        .unwrap();
    flip(seal, "no-seal.xdsnap");
    flip(seal + 12, "other-fingerprint.xdsnap");
    flip(seal + 20, "other-tag.xdsnap");
    flip(sealed.len() - 3, "no-table.xdsnap");

    // `info` says which it is.
    for (name, told) in [
        ("before", ", sealed with your key"),
        ("other-tag", ", ALTERED since it was sealed with your key"),
        ("other", ", sealed with another key"),
        ("none", ", every checksum holds captured"),
    ] {
        let ran = desk.run(&format!("info {name}.xdsnap"));
        let words: Vec<&str> = ran.out.split_whitespace().collect();
        assert!(words.join(" ").contains(told), "{name}: {}", ran.out);
    }

    // Stock tools read it, and what they pack is not sealed.
    let stock = |tool: &str, args: &[&str]| {
        let ran = Command::new(tool)
            .args(args)
            .current_dir(desk.0.path())
            .output();
        assert!(ran.unwrap().status.success(), "{tool} {args:?}");
    };
    stock("zstd", &["-q", "-t", "lie.xdsnap"]);
    stock("mkdir", &["lie"]);
    stock("tar", &["--zstd", "-xf", "lie.xdsnap", "-C", "lie"]);
    stock("tar", &["--zstd", "-cf", "packed.xdsnap", "-C", "lie", "."]);
    assert_eq!(diff("packed.xdsnap").status, 1);
    let ran = desk.run("verify before.xdsnap");
    assert_eq!(ran.status, 0, "{}", ran.out);
    // It is computed again, and so told.
    let ran = desk.run("verify lie.xdsnap");
    assert_eq!(ran.status, 1, "{}", ran.out);
    assert!(ran.out.contains("derived/resources.bin"), "{}", ran.out);
}

/// Little-endian numbers, texts and lists, as the specification has them.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn u32(&mut self) -> usize {
        u32::from_le_bytes(self.take(4).try_into().unwrap()) as usize
    }

    fn u64(&mut self) -> usize {
        u64::from_le_bytes(self.take(8).try_into().unwrap()) as usize
    }

    fn text(&mut self) -> &'a [u8] {
        let length = self.u32();
        self.take(length)
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.u32()).map(|_| item(self)).collect()
    }

    fn varint(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.take(1)[0];
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }

    fn signed(&mut self) -> i64 {
        let value = self.varint();
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }
}

#[test]
fn seals_and_resources_are_what_the_specification_says() {
    let hmac = |key: &[u8], parts: &[&[u8]]| -> [u8; 32] {
        let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        parts.iter().for_each(|part| hmac.update(part));
        hmac.finalize().into_bytes().into()
    };
    let desk = Desk::new();
    write(
        BEFORE,
        &desk.path("x.xdsnap"),
        digests::derive(),
        Some(&key()),
    );
    let file = fs::read(desk.path("x.xdsnap")).unwrap();
    let seal = file
        .windows(12)
        .position(|bytes| bytes == b"xdsnap seal1")
        .unwrap()
        - 8;
    assert_eq!(file[seal..seal + 8], [0x53, 0x2a, 0x4d, 0x18, 48, 0, 0, 0]);
    let fingerprint = &hmac(&[0x5a; 32], &[b"xdsnap redaction key fingerprint"])[..4];
    assert_eq!(&file[seal + 20..seal + 24], fingerprint);
    let (before, after) = (&file[..seal + 24], &file[seal + 56..]);
    let sealing = hmac(&[0x5a; 32], &[b"xdsnap bundle seal"]);
    assert_eq!(file[seal + 24..seal + 56], hmac(&sealing, &[before, after]));
    // What is behind it is the seek table, which lists it last.
    assert_eq!(after[..4], [0x5e, 0x2a, 0x4d, 0x18]);
    let entry = &after[after.len() - 9 - 12..after.len() - 9];
    assert_eq!(entry, [56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

    let bytes = reader(&file).read("derived/resources.bin").unwrap();
    let mut head = Bytes(&bytes);
    assert_eq!(head.take(16), b"xdsnap resources");
    let head_size = head.u64();
    head.0 = &bytes[24..head_size];
    let types = head.list(|head| String::from_utf8(head.text().to_vec()).unwrap());
    assert!(
        types.is_sorted() && types.contains(&"cluster".to_owned()),
        "{types:?}"
    );
    let buckets = head.list(|head| head.text());
    let tables = head.list(|head| (head.u32(), head.list(Bytes::u32)));
    let dumps = head.list(|head| {
        assert_eq!(head.take(1), [0]);
        assert_eq!(head.text(), b"");
        let proxy = String::from_utf8(head.text().to_vec()).unwrap();
        let updated = String::from_utf8(head.text().to_vec()).unwrap();
        let facts: Value = serde_json::from_slice(head.text()).unwrap();
        assert!(
            facts["kind"].is_string() && facts["namespace"].is_string(),
            "{facts}"
        );
        (
            proxy,
            updated,
            head.list(Bytes::u32),
            head.u64(),
            head.u64(),
        )
    });
    assert!(head.0.is_empty());
    assert_eq!(dumps.len(), 3);
    for (proxy, updated, of_types, start, size) in dumps {
        let document = recording(&format!("{BEFORE}/envoy/{proxy}/config_dump.json"));
        let dump = Dump::parse([(None, &document[..])]).unwrap();
        assert_eq!(Some(&updated), dump.last_updated.as_ref());
        // Each leaf of the dump, by its key.
        let mut leaves: BTreeMap<[u8; 5], (u8, &str)> = BTreeMap::new();
        for table in of_types {
            let (xds_type, of_type) = &tables[table];
            for bucket in of_type {
                let mut bucket = Bytes(buckets[*bucket]);
                while !bucket.0.is_empty() {
                    let key = bucket.take(5).try_into().unwrap();
                    bucket.take(20);
                    let flags = bucket.take(1)[0];
                    bucket.take(if flags & 2 == 0 { 0 } else { 16 });
                    assert_eq!(leaves.insert(key, (flags, &types[*xds_type])), None);
                }
            }
        }
        let mut places = Bytes(&bytes[head_size + start..head_size + start + size]);
        let rows = places.u32();
        assert_eq!(
            rows,
            leaves.values().filter(|(flags, _)| flags & 4 == 0).count()
        );
        let keys: Vec<&[u8]> = (0..rows).map(|_| places.take(4)).collect();
        let lists = places.take(rows);
        let gaps: Vec<i64> = (0..rows).map(|_| places.signed()).collect();
        let mut ends = 0;
        let mut elements = BTreeMap::new();
        for ((key, gap), list) in keys.iter().zip(gaps).zip(lists) {
            let start = ends + gap;
            ends = start + places.varint() as i64;
            elements.insert(*key, (*list, &document[start as usize..ends as usize]));
        }
        for resource in &dump.resources {
            let key = &resource.key;
            let state = key.state.map_or("", |state| state.as_str());
            let length = |text: &str| (text.len() as u64).to_be_bytes();
            let hash: [u8; 32] = Sha256::new_with_prefix(b"k")
                .chain_update(length(key.xds_type.as_str()))
                .chain_update(key.xds_type.as_str())
                .chain_update(length(state))
                .chain_update(state)
                .chain_update(&*key.name)
                .finalize()
                .into();
            let Some((_, xds_type)) = leaves.get(&hash[..5]) else {
                // A listener repeats it.
                assert_eq!((key.xds_type.as_str(), state), ("route", "static"));
                continue;
            };
            assert_eq!(*xds_type, key.xds_type.as_str());
            let (list, element) = elements[&hash[..4]];
            assert!(list < 16, "{list}");
            let body = resource.body.unwrap();
            assert!(element.as_ptr_range().contains(&body.as_ptr()), "{key:?}");
            assert!(
                element.starts_with(b"{") && element.ends_with(b"}"),
                "{key:?}"
            );
        }
    }
}

#[test]
fn whatever_stands_in_the_place_of_digests_is_read_or_refused() {
    let desk = Desk::new();
    write(BEFORE, &desk.path("x.xdsnap"), digests::derive(), None);
    let bundle = fs::read(desk.path("x.xdsnap")).unwrap();
    let bytes = reader(&bundle).read("derived/resources.bin").unwrap();
    let size = bytes.len() as u64;
    let head = resources::Index::head_bytes(&bytes).unwrap();
    let head = &bytes[..usize::try_from(head).unwrap()];
    let read = |bytes: &[u8]| resources::Index::read(bytes.to_vec(), size);
    let honest = read(head).unwrap();
    let proxy = xdsnap::model::ProxyId::new("reviews-v1-545db77b95-2k8ls.default").unwrap();
    let source = xdsnap::model::Source::Envoy;
    let of_honest = honest.dump(source, &proxy).unwrap();
    let mut refused = 0;
    for at in 0..head.len() {
        assert!(read(&head[..at]).is_err(), "{at}");
        let mut altered = head.to_vec();
        altered[at] ^= 0x15;
        let Ok(index) = read(&altered) else {
            refused += 1;
            continue;
        };
        if let Some(dump) = index.dump(source, &proxy) {
            let mut both = resources::Indexes::new(&index, &honest);
            both.types([dump, of_honest]);
            both.differing([dump, of_honest]);
        }
    }
    assert!(refused > 100, "{refused}");
}

/// The lists of a dump that hold resources, by their places: section and field.
fn lists(dump: &Value) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, section) in dump["configs"].as_array().unwrap().iter().enumerate() {
        for (field, value) in section.as_object().unwrap() {
            if value.as_array().is_some_and(|list| !list.is_empty()) {
                found.push((at, field.clone()));
            }
        }
    }
    found
}

/// Changes a leaf of a value, the `at`-th as far as there is one.
fn change_leaf(value: &mut Value, at: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let count = members.len();
            let (name, member) = members.iter_mut().nth(at % count).unwrap();
            match name.as_str() {
                "@type" => {}
                _ => change_leaf(member, at / count),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let count = items.len();
            change_leaf(&mut items[at % count], at / count);
        }
        Value::String(text) if text == "EDS" => *value = json!("STATIC"),
        Value::String(text) if text.ends_with('Z') => *value = json!("2026-11-21T09:00:00.120Z"),
        Value::String(text) => text.push('x'),
        Value::Number(number) => *value = json!(number.as_f64().unwrap_or_default() + 1.0),
        Value::Bool(yes) => *value = json!(!*yes),
        other => *other = json!("[redacted]"),
    }
}

/// An edit of a dump: what is done, and to what.
pub(crate) type Edit = (u8, u16, u16, u32);

pub(crate) fn edit(dump: &mut Value, (what, list, item, leaf): Edit) {
    if what == 0 {
        return change_leaf(&mut dump["configs"][0], leaf as usize);
    }
    if (5..8).contains(&what) {
        return edit_hosts(dump, item, leaf as usize);
    }
    let lists = lists(dump);
    let (section, field) = &lists[usize::from(list) % lists.len()];
    let items = dump["configs"][*section][field.as_str()]
        .as_array_mut()
        .unwrap();
    let at = usize::from(item) % items.len();
    match what {
        1 => _ = items.remove(at),
        2 => items.push(items[at].clone()),
        3 => items.reverse(),
        _ => change_leaf(&mut items[at], leaf as usize),
    }
}

/// An edit of the virtual hosts of a route configuration.
fn edit_hosts(dump: &mut Value, route: u16, leaf: usize) {
    let mut sections = dump["configs"].as_array_mut().unwrap().iter_mut();
    let section = sections.find(|section| section.get("dynamic_route_configs").is_some());
    let Some(Value::Array(routes)) = section.map(|section| &mut section["dynamic_route_configs"])
    else {
        return;
    };
    let count = routes.len().max(1);
    let Some(route) = routes.get_mut(usize::from(route) % count) else {
        return;
    };
    let hosts = &mut route["route_config"]["virtual_hosts"];
    let Some(hosts) = hosts.as_array_mut().filter(|hosts| !hosts.is_empty()) else {
        return;
    };
    let (what, at, leaf) = (leaf % 6, leaf / 6 % hosts.len(), leaf / 60);
    match what {
        0 => _ = hosts.remove(at),
        1 => hosts.push(hosts[at].clone()),
        2 => hosts[at]["name"] = hosts[0]["name"].clone(),
        3 => hosts.truncate(1),
        _ => change_leaf(&mut hosts[at], leaf),
    }
}

pub(crate) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec((0..10_u8, any::<u16>(), any::<u16>(), any::<u32>()), 0..4)
}

/// Gives every resource a time of its own, another one in each proxy.
fn set_times(value: &mut Value, proxy: usize, count: &mut usize) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == "last_updated" && member.is_string() {
                    *count += 1;
                    *member = json!(format!(
                        "2026-11-21T0{proxy}:00:{:02}.{:03}Z",
                        *count % 60,
                        *count % 7
                    ));
                } else {
                    set_times(member, proxy, count);
                }
            }
        }
        Value::Array(items) => {
            let each = items.iter_mut();
            each.for_each(|item| set_times(item, proxy, count));
        }
        _ => {}
    }
}

fn write_mesh(folder: &Path, proxies: &BTreeMap<&str, Value>, has_own_times: bool) {
    for (at, (proxy, dump)) in proxies.iter().enumerate() {
        let mut dump = dump.clone();
        if has_own_times {
            set_times(&mut dump, at, &mut 0);
        }
        let folder = folder.join("envoy").join(proxy);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config_dump.json"), dump.to_string()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Edits of one proxy, and others of all.
    #[test]
    fn digests_tell_of_any_edit_what_reading_tells(
        of_before in edits(),
        of_one in edits(),
        of_all in edits(),
        is_alone in any::<bool>(),
        has_own_times in any::<bool>(),
    ) {
        let desk = Desk::new();
        let dump = recording(&format!("{BEFORE}/envoy/reviews-v1-545db77b95-2k8ls.default/config_dump.json"));
        let mut before: Value = serde_json::from_slice(&dump).unwrap();
        of_before.iter().for_each(|of| edit(&mut before, *of));
        let mut after = before.clone();
        of_all.iter().for_each(|of| edit(&mut after, *of));
        let mut one = after.clone();
        of_one.iter().for_each(|of| edit(&mut one, *of));
        let names = ["reviews-v1-545db77b95-2k8ls.default", "reviews-v1-545db77b95-zzzzz.default", "web-1.shop"];
        let names = &names[..if is_alone { 1 } else { 3 }];
        let old = names.iter().map(|name| (*name, before.clone())).collect();
        let mut new: BTreeMap<_, _> = names.iter().map(|name| (*name, after.clone())).collect();
        new.insert(names[0], one);
        write_mesh(&desk.path("old"), &old, has_own_times);
        write_mesh(&desk.path("new"), &new, has_own_times);
        for side in ["old", "new"] {
            desk.keep(&format!("{side}.xdsnap"), &desk.path(side));
        }
        for flags in ["-o json", "", "--oneline --live"] {
            let args = format!("{flags} old.xdsnap new.xdsnap");
            prop_assert_eq!(desk.by_digests(&args), desk.by_reading(&args));
        }
    }
}
