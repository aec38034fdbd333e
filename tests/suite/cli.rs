//! The command line: exit statuses, messages, the forms of output, choosing, and the terminal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::pipe,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::support::program::{AFTER, BEFORE, Ran, bare, recording, run, testdata, xdsnap};

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";
const REVIEWS: &str = "reviews-v1-545db77b95-2k8ls.default";

/// A folder with what the tests read: `before.xdsnap` and `after.xdsnap`, and things that are no input. Tests write
/// nothing to it.
static FILES: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
    for path in ["empty-folder", "notes"] {
        fs::create_dir_all(folder.join(path)).unwrap();
    }
    for (name, step) in [("before", BEFORE), ("after", AFTER)] {
        let ran = run(xdsnap(["capture", "-q", "-o", &format!("{name}.xdsnap")])
            .arg(testdata(step))
            .current_dir(&folder));
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    }
    let dump = dump(PRODUCTPAGE);
    for (name, content) in [
        ("dump.json", dump.as_str()),
        ("cut.json", &dump[..dump.len() / 2]),
        ("empty.json", ""),
        ("blank.json", " \n"),
        ("other.json", r#"{"kind": "Pod"}"#),
        ("wrong.json", r#"{"configs": [}"#),
        ("page.html", "<!DOCTYPE html>\n<title>502</title>"),
        ("binary", "\u{1}\u{2}\u{0}"),
        // The magic number of a zstd frame without data.
        ("cut.zst", "P*M\u{18}"),
        (
            "unprintable.json",
            "Failed to convert protobuf message to JSON string: could not find @type 'x.Y'",
        ),
        ("notes/todo.txt", "call Ann"),
        ("queries", "# weights\n\n$..weight\n"),
        ("wrong-queries", "$.name\n$..[\n"),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    let bundle = fs::read(folder.join("before.xdsnap")).unwrap();
    fs::write(folder.join("cut.xdsnap"), &bundle[..bundle.len() / 2]).unwrap();
    damage(&folder);
    folder
});

/// The dump of a proxy's Envoy.
fn dump(proxy: &str) -> String {
    let path = format!("{BEFORE}/envoy/{proxy}/config_dump.json");
    String::from_utf8(recording(&path)).unwrap()
}

/// Makes `damaged.xdsnap` of `before.xdsnap`: a byte of one proxy's dump is another one.
fn damage(folder: &Path) {
    let unpacked = tempfile::tempdir().unwrap();
    let status = Command::new("tar")
        .args(["--zstd", "-xf"])
        .arg(folder.join("before.xdsnap"))
        .arg("-C")
        .arg(unpacked.path())
        .status();
    assert!(status.unwrap().success());
    let member = unpacked
        .path()
        .join(format!("envoy/{REVIEWS}/config_dump.json"));
    let text = fs::read_to_string(&member).unwrap();
    fs::write(
        &member,
        text.replacen("\"weight\": 95", "\"weight\": 59", 1),
    )
    .unwrap();
    let status = Command::new("tar")
        .args(["--zstd", "-cf"])
        .arg(folder.join("damaged.xdsnap"))
        .arg("-C")
        .arg(unpacked.path())
        .args(["manifest.json", "envoy", "istiod"])
        .status();
    assert!(status.unwrap().success());
}

/// Runs the program among the [`FILES`]; `args` are separated by spaces.
fn at(args: &str) -> Ran {
    run(xdsnap(args.split_whitespace()).current_dir(&*FILES))
}

#[test]
fn alone_it_says_what_it_is() {
    let ran = at("");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    insta::assert_snapshot!(ran.out, @r"
    xdsnap saves what Envoy runs and istiod would send, and tells what differs.

      xdsnap capture -o web.xdsnap http://127.0.0.1:15000 http://127.0.0.1:15014
          save what a proxy runs, and what istiod would send it
      xdsnap diff web.xdsnap
          is the proxy in sync with istiod?
      xdsnap diff before.xdsnap after.xdsnap
          what did a change do?

    `xdsnap help` lists all commands, `xdsnap help diff` explains one.
    ");
}

#[test]
fn the_help_of_every_command_fits_80_columns_and_two_screens() {
    for command in [
        "",
        "capture",
        "diff",
        "status",
        "show",
        "normalize",
        "info",
        "verify",
        "extract",
        "rules",
        "redact",
    ] {
        let ran = at(&format!("help {command}"));
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
        assert!(ran.out.is_ascii(), "{}", ran.out);
        assert!(ran.out.lines().count() <= 60, "{}", ran.out);
        assert!(ran.out.lines().all(|line| line.len() <= 80), "{}", ran.out);
        if !command.is_empty() {
            assert!(ran.out.contains("\nExamples:\n  xdsnap "), "{}", ran.out);
            assert_eq!(at(&format!("{command} --help")).out, ran.out);
        }
    }
}

#[test]
fn the_exit_status_tells_what_was_found() {
    for (args, status) in [
        ("", 0),
        ("diff before.xdsnap", 0),
        ("diff before.xdsnap before.xdsnap", 0),
        ("diff dump.json before.xdsnap -p productpage", 0),
        ("diff before.xdsnap after.xdsnap", 1),
        ("diff before.xdsnap after.xdsnap --source istiod", 1),
        ("diff before.xdsnap after.xdsnap --source both -o json", 1),
        // 1 wins over 3.
        ("diff damaged.xdsnap after.xdsnap", 1),
        ("diff damaged.xdsnap before.xdsnap", 3),
        ("diff damaged.xdsnap before.xdsnap --allow-missing", 0),
        ("diff damaged.xdsnap", 3),
        ("diff damaged.xdsnap before.xdsnap -p reviews-", 2),
        (
            "diff damaged.xdsnap before.xdsnap -p reviews- --allow-missing",
            2,
        ),
        ("diff before.xdsnap --type bootstrap", 2),
        ("diff nothing.xdsnap", 2),
        ("normalize before.xdsnap", 0),
        ("normalize damaged.xdsnap", 3),
        ("normalize damaged.xdsnap --allow-missing", 0),
        ("info before.xdsnap", 0),
        ("info damaged.xdsnap", 1),
        ("info nothing.xdsnap", 2),
        ("--version", 0),
    ] {
        let ran = at(args);
        assert_eq!(ran.status, status, "{args}: {}", ran.err);
        // What is wrong is said, and nothing else.
        assert_eq!(
            ran.err.is_empty(),
            status != 2 && !args.starts_with("normalize damaged"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn what_was_typed_wrong_is_answered_with_one_line_and_nothing_else() {
    let mut answers = String::new();
    for args in [
        "dif before.xdsnap after.xdsnap",
        "before.xdsnap after.xdsnap",
        "diff",
        "diff before.xdsnap after.xdsnap dump.json",
        "diff before.xdsnap after.xdsnap --onelin",
        "diff before.xdsnap after.xdsnap -o yaml",
        "diff before.xdsnap after.xdsnap -o json --oneline",
        "diff before.xdsnap after.xdsnap --type routs",
        "diff before.xdsnap after.xdsnap --name 9081",
        "diff before.xdsnap after.xdsnap -p",
        "diff before.xdsnap after.xdsnap -p product",
        "diff before.xdsnap after.xdsnap -n shop",
        "diff before.xdsnap after.xdsnap --pair reviews",
        "diff before.xdsnap after.xdsnap --pair review=reviews",
        "diff before.xdsnap --pair a=b",
        "diff before.xdsnap after.xdsnap --select $..[",
        "diff before.xdsnap after.xdsnap --ignore-file wrong-queries",
        "diff before.xdsnap after.xdsnap --ignore-file no-queries",
        "diff before.xdsnap --timeout 1h",
        "diff - -",
        "diff before.xdsnap nothing.xdsnap",
        "diff before.xdsnap 127.0.0.1:15000",
        "diff before.xdsnap deploy/web",
        "diff before.xdsnap https://127.0.0.1:15000",
        "diff dump.json",
        "diff dump.json cut.json",
        "diff dump.json empty.json",
        "diff dump.json blank.json",
        "diff dump.json other.json",
        "diff dump.json wrong.json",
        "diff dump.json page.html",
        "diff dump.json binary",
        "diff dump.json cut.zst",
        "diff dump.json unprintable.json",
        "diff dump.json /dev/null",
        "diff dump.json empty-folder",
        "diff dump.json notes",
        "diff dump.json before.xdsnap --source istiod",
        "diff dump.json --envoy =dump.json",
        "normalize",
        "normalize before.xdsnap -o yaml",
        "normalize before.xdsnap --source xds",
        "normalize before.xdsnap --name 9081 -o json",
        "info",
        "info before.xdsnap -o yaml",
        "capture",
        "capture -o json dump.json",
        "capture -o - dump.json",
        "capture -o no-folder/x.xdsnap dump.json",
        "capture -o empty-folder dump.json",
        "capture -o x.xdsnap cut.json",
        "capture -o x.xdsnap unix:/no.sock",
    ] {
        let ran = at(args);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{args}");
        // What is being read is no error.
        let err = ran.err.trim_start_matches("reading unix:/no.sock\n");
        assert!(
            err.starts_with("xdsnap: ") && err.lines().count() == 1,
            "{args}: {err}"
        );
        answers.push_str(&format!("$ xdsnap {args}\n{err}"));
    }
    insta::assert_snapshot!(answers, @r#"
    $ xdsnap dif before.xdsnap after.xdsnap
    xdsnap: unknown command `dif`, did you mean `diff` or `info`? (`xdsnap help` lists all)
    $ xdsnap before.xdsnap after.xdsnap
    xdsnap: unknown command `before.xdsnap`, did you mean `xdsnap diff before.xdsnap after.xdsnap`? (`xdsnap help` lists all)
    $ xdsnap diff
    xdsnap: nothing to compare; give one INPUT (istiod against Envoy) or two (before and after)
    $ xdsnap diff before.xdsnap after.xdsnap dump.json
    xdsnap: too many inputs (3); give one (istiod against Envoy) or two (before and after)
    $ xdsnap diff before.xdsnap after.xdsnap --onelin
    xdsnap: unknown option `--onelin`, did you mean `--oneline`? (`xdsnap help diff` lists all)
    $ xdsnap diff before.xdsnap after.xdsnap -o yaml
    xdsnap: --output: `yaml` is none of text, json, unified, json-patch
    $ xdsnap diff before.xdsnap after.xdsnap -o json --oneline
    xdsnap: --output and --oneline exclude each other; give one of them
    $ xdsnap diff before.xdsnap after.xdsnap --type routs
    xdsnap: --type: unknown type `routs` (expected cluster, listener, route, endpoint, secret, extension_config, scoped_route, bootstrap or a full message name)
    $ xdsnap diff before.xdsnap after.xdsnap --name 9081
    xdsnap: there is no such resource: --name 9081
    $ xdsnap diff before.xdsnap after.xdsnap -p
    xdsnap: --proxy needs a value (`xdsnap help diff` lists all)
    $ xdsnap diff before.xdsnap after.xdsnap -p product
    xdsnap: no proxy is called `product` (nearest: `productpage-v1-6b746f74dc-9stvs.default`, `istio-ingressgateway-6d4bd4bc57-v7w5k.istio-system`, `reviews-v1-545db77b95-2k8ls.default`)
    $ xdsnap diff before.xdsnap after.xdsnap -n shop
    xdsnap: no proxy in namespace `shop` (there are `default`, `istio-system`)
    $ xdsnap diff before.xdsnap after.xdsnap --pair reviews
    xdsnap: --pair `reviews`: expected OLD=NEW, a proxy of the first input and one of the second
    $ xdsnap diff before.xdsnap after.xdsnap --pair review=reviews
    xdsnap: --pair `review=reviews`: no proxy on the before side is called `review` (nearest: `reviews-v1-545db77b95-2k8ls.default`, `istio-ingressgateway-6d4bd4bc57-v7w5k.istio-system`, `productpage-v1-6b746f74dc-9stvs.default`)
    $ xdsnap diff before.xdsnap --pair a=b
    xdsnap: --pair and --source belong to two sides; this compares istiod with Envoy
    $ xdsnap diff before.xdsnap after.xdsnap --select $..[
    xdsnap: --select: `$..[` is no JSONPath query (expected for example $.virtual_hosts[*].routes)
    $ xdsnap diff before.xdsnap after.xdsnap --ignore-file wrong-queries
    xdsnap: wrong-queries, line 2: `$..[` is no JSONPath query (expected for example $.virtual_hosts[*].routes)
    $ xdsnap diff before.xdsnap after.xdsnap --ignore-file no-queries
    xdsnap: --ignore-file: cannot read `no-queries`: No such file or directory
    $ xdsnap diff before.xdsnap --timeout 1h
    xdsnap: --timeout: unknown unit `h` (expected ms, s or m)
    $ xdsnap diff - -
    xdsnap: standard input can be read once only; give `-` once
    $ xdsnap diff before.xdsnap nothing.xdsnap
    xdsnap: nothing.xdsnap: No such file or directory
    $ xdsnap diff before.xdsnap 127.0.0.1:15000
    xdsnap: 127.0.0.1:15000: no such file or folder; as an address, write http://127.0.0.1:15000
    $ xdsnap diff before.xdsnap deploy/web
    xdsnap: deploy/web: no such file or folder; of a workload, forward its admin port (`kubectl port-forward deploy/web 15000`) and give http://127.0.0.1:15000
    $ xdsnap diff before.xdsnap https://127.0.0.1:15000
    xdsnap: `https://127.0.0.1:15000`: https is not supported (expected `http://host:port`, for instance through `kubectl port-forward`)
    $ xdsnap diff dump.json
    xdsnap: dump.json: nothing to compare with; give a second file (this input does not hold what istiod would send)
    $ xdsnap diff dump.json cut.json
    xdsnap: cut.json: neither a bundle nor a dump: JSON that is cut off, at line 5379 column 18; take it again
    $ xdsnap diff dump.json empty.json
    xdsnap: empty.json: the file is empty
    $ xdsnap diff dump.json blank.json
    xdsnap: blank.json: neither a bundle nor a dump: nothing but blanks
    $ xdsnap diff dump.json other.json
    xdsnap: other.json: JSON, but none that Envoy, istiod or istioctl prints (expected a config dump: an object with a list `configs`)
    $ xdsnap diff dump.json wrong.json
    xdsnap: wrong.json: neither a bundle nor a dump: invalid JSON: expected value at line 1 column 14
    $ xdsnap diff dump.json page.html
    xdsnap: page.html: neither a bundle nor a dump: no JSON, it begins with `<!DOCTYPE html>`
    $ xdsnap diff dump.json binary
    xdsnap: binary: neither a bundle nor a dump, but binary data; of a bundle with a damaged beginning, `xdsnap verify --recover NEW FILE` saves what is intact
    $ xdsnap diff dump.json cut.zst
    xdsnap: cut.zst: compressed, and cut off or damaged at its beginning (incomplete frame); take it again, or if it is a bundle, save what is intact: xdsnap verify --recover NEW FILE
    $ xdsnap diff dump.json unprintable.json
    xdsnap: unprintable.json: Envoy could not print this dump (Failed to convert protobuf message to JSON string: could not find @type [redacted]); capture the Envoy by its URL, which takes the dump in parts
    $ xdsnap diff dump.json /dev/null
    xdsnap: /dev/null: nothing came; is what writes to it failing?
    $ xdsnap diff dump.json empty-folder
    xdsnap: empty-folder: the folder holds neither a dump nor a bundle
    $ xdsnap diff dump.json notes
    xdsnap: notes: the folder holds neither a dump nor a bundle; of 1 files the first is notes/todo.txt: neither a bundle nor a dump: no JSON, it begins with `call Ann`
    $ xdsnap diff dump.json before.xdsnap --source istiod
    xdsnap: dump.json: holds no dump by istiod, only by envoy (`--source envoy` compares those)
    $ xdsnap diff dump.json --envoy =dump.json
    xdsnap: --envoy `=dump.json`: invalid proxy ID "" (expected 1 to 253 bytes without slash, backslash or control character, not only dots)
    $ xdsnap normalize
    xdsnap: nothing to normalize; give an INPUT
    $ xdsnap normalize before.xdsnap -o yaml
    xdsnap: --output: `yaml` is none of jsonl, json
    $ xdsnap normalize before.xdsnap --source xds
    xdsnap: --source: `xds` is none of envoy, istiod
    $ xdsnap normalize before.xdsnap --name 9081 -o json
    xdsnap: there is no such resource: --name 9081
    $ xdsnap info
    xdsnap: nothing to look at; give an INPUT
    $ xdsnap info before.xdsnap -o yaml
    xdsnap: --output: `yaml` is none of text, json
    $ xdsnap capture
    xdsnap: nothing to capture; give the URL of an Envoy or istiod, or a file (`xdsnap help capture` has examples)
    $ xdsnap capture -o json dump.json
    xdsnap: -o names the bundle here, and `json` is a format; for a file of that name write ./json
    $ xdsnap capture -o - dump.json
    xdsnap: -o -: a bundle is not written to standard output; name a file
    $ xdsnap capture -o no-folder/x.xdsnap dump.json
    xdsnap: cannot write `no-folder/x.xdsnap`: there is no folder `no-folder`; make it first
    $ xdsnap capture -o empty-folder dump.json
    xdsnap: cannot write `empty-folder`: it is not the path of a file; give another one
    $ xdsnap capture -o x.xdsnap cut.json
    xdsnap: cut.json: neither a bundle nor a dump: JSON that is cut off, at line 5379 column 18; take it again
    $ xdsnap capture -o x.xdsnap unix:/no.sock
    xdsnap: no config dump came, so no bundle was written: envoy server_info (unix:/no.sock): cannot connect: No such file or directory
    "#);
    assert!(!FILES.join("x.xdsnap").exists() && !FILES.join("x.xdsnap.partial").exists());
}

#[test]
fn a_query_that_selects_nothing_is_warned_of() {
    let message = "--select `$.nothing` selects nothing on either side";
    let args = "diff before.xdsnap after.xdsnap --select $.nothing";
    let text = at(args);
    assert_eq!((text.status, text.err.as_str()), (0, ""));
    assert!(
        text.out
            .starts_with(&format!("warning: {message}\n\nbefore ")),
        "{}",
        text.out
    );
    for form in ["-o json", "--oneline"] {
        let ran = at(&format!("{args} {form}"));
        assert_eq!(
            (ran.status, ran.err),
            (0, format!("xdsnap: warning: {message}\n"))
        );
    }
    assert_eq!(
        at(&format!("{args} -o json")).json()["warnings"],
        json!([message])
    );
}

#[test]
fn what_cannot_be_read_is_left_out_and_the_rest_compared() {
    let ran = at("diff damaged.xdsnap after.xdsnap -o json");
    let report = ran.json();
    assert_eq!(report["summary"]["proxies"], 2);
    let missing = missing(&report);
    assert_eq!(missing.len(), 1);
    assert_eq!(
        (&missing[0]["proxy"], &missing[0]["cause"]),
        (&json!(REVIEWS), &json!("missing"))
    );
    let reason = missing[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with(&format!(
            "`damaged.xdsnap`: member `envoy/{REVIEWS}/config_dump.json`: altered: "
        )),
        "{reason}"
    );
    assert_eq!(report["proxies_only"], json!([]));
    let proxies: BTreeSet<_> = strings(&report["changes"], "proxy");
    assert_eq!(proxies, BTreeSet::from([PRODUCTPAGE.to_owned()]));
    assert_eq!(
        at("diff damaged.xdsnap before.xdsnap").last_line(),
        "2 of 3 proxies compared, 120 resources: no differences found, 1 not compared"
    );
}

/// What should have been compared, and was not.
fn missing(report: &Value) -> Vec<&Value> {
    let entries = report["not_compared"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["cause"] == "missing")
        .collect()
}

/// A folder with a capture: the documents of one proxy, by name.
fn folder(documents: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in documents {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn diff(before: &Path, after: &Path, args: &str) -> Ran {
    run(xdsnap(["diff"])
        .arg(before)
        .arg(after)
        .args(args.split_whitespace()))
}

#[test]
fn a_proxy_whose_capture_failed_is_neither_added_nor_removed() {
    let [one, two] = [PRODUCTPAGE, REVIEWS].map(dump);
    let whole = folder(&[
        ("envoy/one.shop/config_dump.json", &one),
        ("envoy/two.shop/config_dump.json", &two),
    ]);
    let failed = folder(&[
        ("envoy/one.shop/config_dump.json", &one),
        ("envoy/two.shop/config_dump.json", "upstream connect error"),
        ("envoy/two.shop/certs.json", "{}"),
    ]);
    let gone = folder(&[("envoy/one.shop/config_dump.json", &one)]);
    for (before, after, status, only, uncompared) in [
        (&whole, &failed, 3, 0, 1),
        (&failed, &whole, 3, 0, 1),
        (&whole, &gone, 1, 1, 0),
        (&gone, &whole, 1, 1, 0),
    ] {
        let ran = diff(before.path(), after.path(), "-o json");
        let report = ran.json();
        let proxies_only = report["proxies_only"].as_array().unwrap().len();
        assert_eq!(
            (ran.status, proxies_only, missing(&report).len()),
            (status, only, uncompared),
            "{}",
            ran.out
        );
    }
}

#[test]
fn of_a_dump_in_parts_what_a_missing_part_would_tell_is_not_compared() {
    let part = |list: &str| {
        let bytes = recording(&format!("text_dump/config_dump.{list}.json"));
        String::from_utf8(bytes).unwrap()
    };
    let lists = [
        "bootstrap",
        "static_clusters",
        "dynamic_active_clusters",
        "dynamic_route_configs",
    ];
    let path = |list| format!("envoy/web.shop/config_dump.{list}.json");
    let paths = lists.map(path);
    let texts = lists.map(part);
    let mut documents: Vec<(&str, &str)> = paths
        .iter()
        .zip(&texts)
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let whole = folder(&documents);
    documents[2].1 = "upstream request timeout";
    let failed = folder(&documents);
    let all = diff(whole.path(), whole.path(), "-o json");
    assert_eq!(all.status, 0);
    let all = all.json();
    let count = |report: &Value| report["summary"]["resources"].as_u64().unwrap();
    for (before, after) in [(&whole, &failed), (&failed, &whole)] {
        let ran = diff(before.path(), after.path(), "-o json");
        assert_eq!(ran.status, 3, "{}", ran.out);
        let report = ran.json();
        assert_eq!(report["changes"], json!([]));
        let missing = missing(&report);
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert_eq!(missing[0]["type"], "cluster");
        let side = if before.path() == failed.path() {
            "before"
        } else {
            "after"
        };
        let reason = missing[0]["reason"].as_str().unwrap();
        let lacks = format!("the dump on the {side} side lacks `dynamic_active_clusters`: ");
        assert!(reason.starts_with(&lacks), "{reason}");
        // The static ones are compared.
        let number: u64 = reason[lacks.len()..]
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(count(&report) + number, count(&all), "{reason}");
        let warning = report["warnings"][0].as_str().unwrap();
        assert_eq!(
            warning,
            "web.shop: `dynamic_active_clusters` was not captured: not JSON but text: upstream request timeout"
        );
    }
    // A part in which there would have been nothing is missing all the same.
    documents[2].1 = &texts[2];
    let warming = path("dynamic_warming_clusters");
    documents.push((&warming, "upstream request timeout"));
    let failed = folder(&documents);
    let ran = diff(whole.path(), failed.path(), "-o json");
    let report = ran.json();
    assert_eq!((ran.status, count(&report)), (3, count(&all)));
    assert_eq!(report["changes"], json!([]));
    let reasons: Vec<_> = missing(&report)
        .iter()
        .map(|entry| entry["reason"].clone())
        .collect();
    assert_eq!(
        reasons,
        ["the dump on the after side lacks `dynamic_warming_clusters`"]
    );
}

/// The values of a key, each once.
fn strings(items: &Value, key: &str) -> BTreeSet<String> {
    let items = items.as_array().unwrap().iter();
    items
        .map(|item| item[key].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_folder_a_bundle_and_a_pipe_are_the_same_input() {
    let folder = testdata(BEFORE);
    for (args, stdin) in [
        (vec![folder.as_os_str(), "before.xdsnap".as_ref()], None),
        (vec!["before.xdsnap".as_ref(), folder.as_os_str()], None),
        (
            vec!["-".as_ref(), folder.as_os_str()],
            Some("before.xdsnap"),
        ),
        (vec!["dump.json".as_ref(), "-".as_ref()], Some("dump.json")),
        (
            vec![
                "--envoy".as_ref(),
                "-".as_ref(),
                "--envoy".as_ref(),
                "dump.json".as_ref(),
            ],
            Some("dump.json"),
        ),
    ] {
        let mut command = xdsnap(["diff"]);
        command.args(args).current_dir(&*FILES);
        if let Some(file) = stdin {
            command.write_stdin(fs::read(FILES.join(file)).unwrap());
        }
        let ran = run(&mut command);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{command:?}");
        assert!(ran.last_line().ends_with("no differences"), "{}", ran.out);
    }
    // As bash's `<(…)` has it: a pipe with a name, which can be read once.
    let pipe = tempfile::tempdir().unwrap();
    let path = pipe.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let bytes = fs::read(FILES.join("before.xdsnap")).unwrap();
    let writer = std::thread::spawn({
        let path = path.clone();
        move || fs::write(path, bytes)
    });
    let ran = diff(&path, &folder, "");
    writer.join().unwrap().unwrap();
    assert_eq!(ran.status, 0, "{}", ran.err);
}

#[test]
fn two_inputs_of_which_one_is_istiods_are_istiod_against_envoy_in_any_order() {
    let istiod = testdata(&format!(
        "{BEFORE}/istiod/{PRODUCTPAGE}.config_dump.json.zst"
    ));
    let envoy = FILES.join("dump.json");
    for ran in [
        diff(&istiod, &envoy, "-o json"),
        diff(&envoy, &istiod, "-o json"),
        run(xdsnap(["diff", "-o", "json", "--istiod"])
            .arg(&istiod)
            .arg(&envoy)),
    ] {
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert_eq!(ran.json()["mode"], "sync");
    }
    let bundles = at("diff before.xdsnap before.xdsnap -o json");
    assert_eq!(bundles.json()["mode"], "change");
}

#[test]
fn a_reader_that_has_had_enough_changes_nothing() {
    for (args, status) in [
        ("", 0),
        ("help diff", 0),
        ("--version", 0),
        ("diff before.xdsnap after.xdsnap", 1),
        ("diff before.xdsnap after.xdsnap --oneline", 1),
        ("diff before.xdsnap after.xdsnap -o json", 1),
        ("diff before.xdsnap after.xdsnap -o json-patch", 1),
        ("diff before.xdsnap after.xdsnap -o unified", 1),
        ("diff before.xdsnap", 0),
        ("normalize before.xdsnap", 0),
        ("normalize before.xdsnap -o json", 0),
        ("info before.xdsnap", 0),
        ("info before.xdsnap --members", 0),
        ("info before.xdsnap -o json", 0),
        ("info damaged.xdsnap", 1),
        ("diff nothing.xdsnap", 2),
        ("dif", 2),
    ] {
        let closed = || {
            let (reader, writer) = pipe().unwrap();
            drop(reader);
            writer
        };
        let output = bare()
            .args(args.split_whitespace())
            .current_dir(&*FILES)
            .stdout(closed())
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{args}: {err}");
        assert_eq!(err.is_empty(), status != 2, "{args}: {err}");
        // Standard error may be closed as well.
        let output = bare()
            .args(args.split_whitespace())
            .current_dir(&*FILES)
            .stdout(closed())
            .stderr(closed())
            .status()
            .unwrap();
        assert_eq!(output.code(), Some(status), "{args}");
    }
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let plain = at("diff before.xdsnap after.xdsnap").out;
    let colour = |env: &[(&str, &str)], args: &str| {
        let mut command = xdsnap(["diff", "before.xdsnap", "after.xdsnap"]);
        command
            .args(args.split_whitespace())
            .envs(env.iter().copied())
            .current_dir(&*FILES);
        let out = run(&mut command).out;
        let stripped = anstream::adapter::strip_str(&out).to_string();
        assert_eq!(stripped, plain, "colour only repeats what is there");
        out != plain
    };
    for (env, args, expected) in [
        (&[][..], "", false),
        (&[], "--color auto", false),
        (&[], "--color never", false),
        (&[], "--color always", true),
        (&[("NO_COLOR", "1")], "--color always", true),
        (&[("CLICOLOR_FORCE", "1")], "", true),
        (&[("CLICOLOR_FORCE", "1")], "--color never", false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], "", false),
    ] {
        assert_eq!(colour(env, args), expected, "{env:?} {args}");
    }
}

#[test]
fn a_locale_that_is_not_utf_8_gets_ascii() {
    let folder = folder(&[("envoy/wéb.shop/config_dump.json", &dump(PRODUCTPAGE))]);
    let capture = |locale: &str| {
        run(
            xdsnap(["capture", "--note", "schön", "-o", "x.xdsnap", "envoy"])
                .env("LANG", locale)
                .current_dir(folder.path()),
        )
    };
    assert_eq!(capture("C").status, 0);
    for args in [
        "diff before.xdsnap after.xdsnap",
        "diff before.xdsnap after.xdsnap --oneline",
    ] {
        let utf8 = at(args).out;
        assert!(utf8.contains("95 → 50"), "{utf8}");
        for (name, locale) in [
            ("LANG", "C"),
            ("LC_ALL", "POSIX"),
            ("LC_CTYPE", "de_DE.ISO-8859-1"),
        ] {
            let ran = run(xdsnap(args.split(' '))
                .env(name, locale)
                .current_dir(&*FILES));
            assert!(
                ran.out.is_ascii() && ran.out.contains("95 -> 50"),
                "{}",
                ran.out
            );
        }
    }
    for args in [
        "info x.xdsnap",
        "info x.xdsnap --members",
        "diff x.xdsnap",
        "diff schön.xdsnap",
        "diff x.xdsnap -p ö",
    ] {
        let ascii = run(xdsnap(args.split(' '))
            .env("LANG", "C")
            .current_dir(folder.path()));
        let utf8 = run(xdsnap(args.split(' ')).current_dir(folder.path()));
        assert_eq!(ascii.status, utf8.status);
        assert!(
            ascii.out.is_ascii() && ascii.err.is_ascii(),
            "{args}: {ascii:?}"
        );
    }
    let info = run(xdsnap(["info", "x.xdsnap"]).current_dir(folder.path())).out;
    assert!(info.starts_with("note      schön\n"), "{info}");
}

#[test]
fn lines_keep_to_the_columns_that_there_are() {
    let lines = |columns: &str, args: &str| {
        let ran = run(xdsnap(args.split(' '))
            .env("COLUMNS", columns)
            .current_dir(&*FILES));
        let width: usize = columns.parse().unwrap();
        for line in ran.out.lines() {
            // An identity is not cut.
            let is_one_word = line.split_whitespace().count() == 1;
            assert!(line.width() <= width || is_one_word, "{columns}: {line}");
        }
        ran.out.lines().count()
    };
    for args in [
        "diff before.xdsnap after.xdsnap",
        "diff before.xdsnap",
        "diff damaged.xdsnap before.xdsnap",
        "info before.xdsnap",
        "info damaged.xdsnap",
    ] {
        assert!(lines("120", args) <= lines("80", args), "{args}");
    }
    assert!(
        lines("120", "diff before.xdsnap after.xdsnap")
            < lines("80", "diff before.xdsnap after.xdsnap")
    );
}

#[test]
fn a_change_is_told_in_text_and_on_one_line() {
    let ran = at("diff before.xdsnap after.xdsnap -p productpage --name 9080");
    insta::assert_snapshot!(ran.out, @r"
    before  before.xdsnap  3 proxies  istio 1.30.3  envoy 1.40.0
    after   after.xdsnap   3 proxies  istio 1.30.3  envoy 1.40.0

    productpage-v1-6b746f74dc-9stvs.default
      ~ route 9080  active  updated 2026-11-21T01:52:25Z
          virtual_hosts[reviews.default.svc.cluster.local:9080].routes[0: /].route
            .weighted_clusters
              .clusters[outbound|9080|v1|reviews.default.svc.cluster.local]
                .weight  95 → 50
              .clusters[outbound|9080|v2|reviews.default.svc.cluster.local]
                .weight  5 → 50

    1 of 1 proxy compared, 1 resource: 1 changed, 0 added, 0 removed
    ");
    let ran = at("diff before.xdsnap after.xdsnap -p productpage --name 9080 --oneline");
    insta::assert_snapshot!(ran.out, @r"
    productpage-v1-6b746f74dc-9stvs.default ~ route 9080 active $.virtual_hosts[?@.name=='reviews.default.svc.cluster.local:9080'].routes[0].route.weighted_clusters.clusters[?@.name=='outbound|9080|v1|reviews.default.svc.cluster.local'].weight 95 → 50
    productpage-v1-6b746f74dc-9stvs.default ~ route 9080 active $.virtual_hosts[?@.name=='reviews.default.svc.cluster.local:9080'].routes[0].route.weighted_clusters.clusters[?@.name=='outbound|9080|v2|reviews.default.svc.cluster.local'].weight 5 → 50
    ");
}

#[test]
fn every_json_document_is_valid_against_its_schema() {
    let validator = |path: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        jsonschema::draft202012::new(&schema).unwrap()
    };
    let diff = validator("schema/diff.schema.json");
    for args in [
        "before.xdsnap",
        "before.xdsnap after.xdsnap",
        "before.xdsnap after.xdsnap --source both",
        "damaged.xdsnap after.xdsnap",
        "damaged.xdsnap before.xdsnap -p reviews",
    ] {
        let report = at(&format!("diff {args} -o json")).json();
        let errors: Vec<_> = diff
            .iter_errors(&report)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{args}: {errors:?}");
    }
    let info = jsonschema::draft202012::new(xdsnap::render::info_schema().as_value()).unwrap();
    for args in ["before.xdsnap", "damaged.xdsnap", "dump.json"] {
        let overview = at(&format!("info {args} -o json")).json();
        let errors: Vec<_> = info
            .iter_errors(&overview)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{args}: {errors:?}");
    }
}

/// The files below a folder, by path.
fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let text = fs::read_to_string(&path).unwrap();
                    files.insert(path.strip_prefix(folder).unwrap().to_owned(), text);
                }
            }
        }
    }
    files
}

/// Normalizes a side's bundle into files.
fn normalized(side: &str, folder: &Path) {
    let ran = run(
        xdsnap(["normalize", &format!("{side}.xdsnap"), "--output-dir"])
            .arg(folder)
            .current_dir(&*FILES),
    );
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (0, "", "")
    );
}

#[test]
fn the_patch_turns_one_normalized_tree_into_the_other() {
    let [before, after] = ["before", "after"].map(|side| {
        let folder = tempfile::tempdir().unwrap();
        normalized(side, folder.path());
        folder
    });
    let ran = at("diff before.xdsnap after.xdsnap --source both -o unified");
    assert_eq!(ran.status, 1);
    assert_ne!(tree(before.path()), tree(after.path()));
    let patch = before.path().join("patch");
    fs::write(&patch, ran.out).unwrap();
    let status = Command::new("patch")
        .args(["-p1", "-s", "-i", "patch"])
        .current_dir(before.path())
        .status();
    assert!(status.unwrap().success());
    fs::remove_file(patch).unwrap();
    // Envoy's certificates and live state are in no patch.
    let differing: Vec<_> = tree(before.path())
        .into_iter()
        .filter(|(path, text)| tree(after.path()).get(path) != Some(text))
        .map(|(path, _)| path)
        .collect();
    assert!(differing.is_empty(), "{differing:?}");
}

#[test]
fn what_normalize_prints_is_the_same_in_every_form() {
    let lines: Vec<Value> = at("normalize before.xdsnap")
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let document = at("normalize before.xdsnap -o json").json();
    assert_eq!(document["format"], "xdsnap.normalize/v1");
    assert_eq!(document["resources"], json!(lines));
    assert_eq!(
        at("normalize before.xdsnap --format jsonl").out,
        at("normalize before.xdsnap").out
    );
    let folder = tempfile::tempdir().unwrap();
    normalized("before", folder.path());
    let files = tree(folder.path());
    assert_eq!(files.len(), lines.len());
    let route = &files[Path::new(&format!("{PRODUCTPAGE}/envoy/route/9080.active.json"))];
    let of = |line: &&Value| {
        line["proxy"] == PRODUCTPAGE
            && line["source"] == "envoy"
            && line["name"] == "9080"
            && line["type"] == "route"
    };
    let line = lines.iter().find(of).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(route).unwrap(),
        line["resource"]
    );

    let again = run(xdsnap(["normalize", "before.xdsnap", "--output-dir"])
        .arg(folder.path())
        .current_dir(&*FILES));
    assert_eq!((again.status, again.out.as_str()), (2, ""));
    assert!(
        again
            .err
            .contains("exists; remove it or give another folder"),
        "{}",
        again.err
    );
    let one =
        at("normalize before.xdsnap --source istiod -p deploy/reviews-v1 --type rds --name 9080");
    assert_eq!(one.out.lines().count(), 1);
}

#[test]
fn proxies_and_resources_are_chosen_by_every_name_they_have() {
    let changes = |args: &str| {
        let ran = at(&format!("diff before.xdsnap after.xdsnap -o json {args}"));
        let report = ran.json();
        let changes = report["changes"].as_array().unwrap().len();
        (
            changes,
            report["summary"]["proxies"].as_u64().unwrap(),
            ran.status,
        )
    };
    for (args, expected) in [
        ("", (8, 3, 1)),
        ("--type route", (8, 3, 1)),
        ("--type routes", (8, 3, 1)),
        ("--type rds", (8, 3, 1)),
        ("--type r,cds", (8, 3, 1)),
        ("--type cluster", (0, 3, 0)),
        ("--name 9080", (4, 3, 1)),
        ("--name 9080 --name 80", (8, 3, 1)),
        ("--name 90*", (4, 3, 1)),
        ("-p reviews-v1-545db77b95-2k8ls.default", (4, 1, 1)),
        ("-p reviews-v1-545db77b95-2k8ls", (4, 1, 1)),
        ("-p deploy/reviews-v1", (4, 1, 1)),
        ("-p pod/reviews-v1-545db77b95-2k8ls", (4, 1, 1)),
        ("-p reviews-", (4, 1, 1)),
        ("-p *page*", (4, 1, 1)),
        ("-p reviews -p productpage", (8, 2, 1)),
        ("-n default", (8, 2, 1)),
        ("-n istio-system", (0, 1, 0)),
        ("--ignore $..weight", (0, 3, 0)),
        ("--ignore-file queries", (0, 3, 0)),
        (
            "--ignore $.virtual_hosts[?@.name=='reviews.default.svc.cluster.local:80']",
            (4, 3, 1),
        ),
        ("--select $..weight", (8, 3, 1)),
        (
            "--select $.virtual_hosts[?@.name=='reviews.default.svc.cluster.local:80']",
            (4, 3, 1),
        ),
        ("--select $.validate_clusters", (0, 3, 0)),
        ("--source both", (16, 3, 1)),
        (
            "--pair productpage=reviews -p productpage --type rds --name 9080 --select $..weight",
            (2, 1, 1),
        ),
    ] {
        assert_eq!(changes(args), expected, "{args}");
    }
    assert_eq!(
        at("diff before.xdsnap after.xdsnap --format json").out,
        at("diff before.xdsnap after.xdsnap -o json").out
    );
}

#[test]
fn live_state_counts_where_it_is_asked_to() {
    let before = dump(PRODUCTPAGE);
    let after = before.replacen(
        "\"health_status\": \"HEALTHY\"",
        "\"health_status\": \"UNHEALTHY\"",
        1,
    );
    assert_ne!(before, after);
    let [before, after] = [before, after].map(|dump| folder(&[("dump.json", &dump)]));
    let ran = diff(before.path(), after.path(), "");
    assert_eq!(ran.status, 0);
    assert!(
        ran.out.contains("live state, not counted:") && ran.out.contains("UNHEALTHY"),
        "{}",
        ran.out
    );
    let ran = diff(before.path(), after.path(), "--live");
    assert_eq!(ran.status, 1);
    assert!(
        ran.out.contains("live state:") && ran.out.ends_with(", 1 in live state\n"),
        "{}",
        ran.out
    );
    let ran = diff(before.path(), after.path(), "--live --oneline");
    assert_eq!((ran.status, ran.out.lines().count()), (1, 1), "{}", ran.out);
    assert_eq!(diff(before.path(), before.path(), "--live").status, 0);
}

#[test]
fn the_front_page_of_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xdsnap");
    let ran = run(
        xdsnap(["capture", "-q", "--note", "after the canary", "-o"])
            .arg(&path)
            .arg(FILES.join("dump.json")),
    );
    assert_eq!((ran.status, ran.out), (0, format!("{}\n", path.display())));
    let ran = run(xdsnap(["info", "x.xdsnap"]).current_dir(folder.path()));
    insta::assert_snapshot!(ran.out, @r"
    note      after the canary
    bundle    x.xdsnap  24.7 KB  format 1  by xdsnap 0.1.0
    intact    1 document, all read, every checksum holds, sealed with your key
    captured  from files, at no known time
    proxies   Envoy's dump of 1 of 1, istiod's of 0 of 1
              productpage-v1-6b746f74dc-9stvs.default
    versions  istio 1.30.3, envoy 1.40.0
    redacted  0 values
    lacks     is the proxy in sync with istiod? capture it with --istiod URL
              did the proxy reject a cluster or a route, and why? capture it with
                --istiod URL
              which Envoy is it, since when, and is it live? capture the Envoy by
                its URL, not a dump
              … 4 more (--full)
    ");
    let overview =
        run(xdsnap(["info", "x.xdsnap", "-o", "json"]).current_dir(folder.path())).json();
    assert_eq!(overview["note"], "after the canary");
    assert_eq!(overview["intact"], true);
    assert_eq!(overview["proxies"][0]["id"], PRODUCTPAGE);
    let members = run(xdsnap(["info", "x.xdsnap", "--members"]).current_dir(folder.path())).out;
    assert_eq!(members.lines().count(), 1);
    assert!(
        members.starts_with(&format!("envoy/{PRODUCTPAGE}/config_dump.json ")),
        "{members}"
    );
    for args in [
        "info before.xdsnap",
        "info damaged.xdsnap",
        "info cut.xdsnap",
        "info dump.json",
    ] {
        let ran = at(args);
        assert!(ran.out.lines().count() <= 24, "{}", ran.out);
    }
    for input in [
        BEFORE,
        "corpus/f_nack_istio_filters/3_alpn_too",
        "corpus/n_routes/02_rich",
    ] {
        let ran = run(xdsnap(["info"]).arg(testdata(input)));
        assert_eq!(ran.status, 0);
        assert!(ran.out.lines().count() <= 24, "{}", ran.out);
    }
    let damage = at("info damaged.xdsnap -o json").json();
    assert_eq!(damage["intact"], false);
    assert_eq!(damage["damage"].as_array().unwrap().len(), 1);
}
