//! Every form of an INPUT in every command that takes one: what each pair gives, in one table.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    capture::{envoy_routes, istiod_routes},
    support::{
        http::Server,
        program::{BEFORE, Ran, recording, run, testdata, xdsnap},
        report::{NACK, PRODUCTPAGE, REVIEWS, packed, report_files, unpacked},
    },
};

/// A file of a dump by Envoy.
const DUMP: [&str; 5] = [
    "dump.json",
    "dump.json.gz",
    "dump.json.zst",
    // What `istioctl proxy-config all -o json` prints: Envoy's own bytes.
    "all.json",
    "-",
];

/// A recording with all documents: as a bundle, as a folder of two bundles, as a folder of documents.
const WHOLE: [&str; 3] = ["x.xdsnap", "bundles", "folder"];

/// The same, as two bundles. To `diff` these are before and after.
const SEVERAL: [&str; 1] = ["productpage.xdsnap reviews.xdsnap"];

/// A bug report, of a proxy that rejected a listener.
const REPORT: [&str; 2] = ["report.tar.gz", "report"];

const ENVOY: [&str; 1] = ["ENVOY"];
const ISTIOD: [&str; 1] = ["ISTIOD"];
const BOTH: [&str; 1] = ["ENVOY ISTIOD"];

/// What is given, to which command, with which status, and what is said then (of all that is printed).
const CELLS: &[(&[&str], &str, i32, &str)] = &[
    (
        &WHOLE,
        "capture -o new.xdsnap",
        0,
        "2 proxies, nothing missing",
    ),
    (&WHOLE, "diff", 0, "2 of 2 proxies compared"),
    (&WHOLE, "diff reference", 0, "2 of 2 proxies compared"),
    (
        &WHOLE,
        "diff --source both reference",
        0,
        "2 of 2 proxies compared",
    ),
    (&WHOLE, "normalize -o jsonl", 0, "\"source\":\"istiod\""),
    (&WHOLE, "info", 0, "lacks     nothing"),
    (&WHOLE, "status", 0, "2 of 2 proxies compared: 2 synced"),
    (&WHOLE, "show", 0, "2 of 2 proxies read"),
    (&["x.xdsnap"], "verify", 0, "intact, 16 documents"),
    (
        &["bundles", "folder"],
        "verify",
        2,
        "a folder, and no bundle; `xdsnap capture -o NEW ",
    ),
    (&["x.xdsnap"], "extract --output-dir new", 0, "new"),
    (
        &["bundles", "folder"],
        "extract --output-dir new",
        2,
        "a folder, and no bundle; `xdsnap capture -o NEW ",
    ),
    (
        &SEVERAL,
        "capture -o new.xdsnap",
        0,
        "2 proxies, nothing missing",
    ),
    (&SEVERAL, "diff", 1, "1 of 1 proxy compared"),
    (&SEVERAL, "normalize -o jsonl", 0, "\"source\":\"istiod\""),
    (
        &SEVERAL,
        "info",
        0,
        "Envoy's dump of 2 of 2, istiod's of 2 of 2",
    ),
    (&SEVERAL, "status", 0, "2 of 2 proxies compared: 2 synced"),
    (&SEVERAL, "show", 0, "2 of 2 proxies read"),
    (&SEVERAL, "verify", 0, "reviews.xdsnap: intact, 9 documents"),
    (&SEVERAL, "extract --output-dir new", 2, "`reviews.xdsnap`"),
    (
        &DUMP,
        "capture -o new.xdsnap",
        0,
        "1 proxy, nothing missing",
    ),
    (
        &DUMP,
        "diff",
        2,
        "give a second file (this input does not hold what istiod would send)",
    ),
    (
        &DUMP,
        "diff -p productpage-v1 reference",
        0,
        "1 of 1 proxy compared",
    ),
    (&DUMP, "normalize -o jsonl", 0, "\"source\":\"envoy\""),
    (
        &DUMP,
        "info",
        0,
        "Envoy's dump of 1 of 1, istiod's of 0 of 1",
    ),
    (&DUMP, "status", 2, "no dump by istiod"),
    (&DUMP, "show", 0, "1 of 1 proxy read"),
    (&DUMP, "verify", 2, "; `xdsnap capture -o NEW "),
    (
        &DUMP,
        "extract --output-dir new",
        2,
        "; `xdsnap capture -o NEW ",
    ),
    (
        &REPORT,
        "capture -o new.xdsnap",
        0,
        "2 proxies, nothing missing",
    ),
    (
        &REPORT,
        "diff",
        2,
        "(a bug report does not hold what istiod would send); give a second file or --istiod URL",
    ),
    (&REPORT, "diff rejected", 0, "2 of 2 proxies compared"),
    (&REPORT, "normalize -o jsonl", 0, "\"source\":\"envoy\""),
    (
        &REPORT,
        "info",
        0,
        "Envoy's dump of 2 of 2, istiod's of 0 of 2",
    ),
    (&REPORT, "status", 1, "1 rejected"),
    (&REPORT, "show", 0, "2 of 2 proxies read"),
    (
        &["report.tar.gz"],
        "verify",
        2,
        "no bundle; `xdsnap capture -o NEW report.tar.gz` makes a bundle",
    ),
    (
        &["report"],
        "verify",
        2,
        "no bundle; `xdsnap capture -o NEW report` makes a bundle",
    ),
    (
        &REPORT,
        "extract --output-dir new",
        2,
        "no bundle; `xdsnap capture -o NEW report",
    ),
    (
        &ENVOY,
        "capture -o new.xdsnap",
        0,
        "1 proxy, nothing missing",
    ),
    (
        &ENVOY,
        "diff",
        2,
        "give a second file (this input does not hold what istiod would send)",
    ),
    (
        &ENVOY,
        "diff -p productpage-v1 reference",
        0,
        "1 of 1 proxy compared",
    ),
    (&ENVOY, "normalize -o jsonl", 0, "\"source\":\"envoy\""),
    (
        &ENVOY,
        "info",
        0,
        "Envoy's dump of 1 of 1, istiod's of 0 of 1",
    ),
    (&ENVOY, "status", 2, "no dump by istiod"),
    (&ENVOY, "show", 0, "1 of 1 proxy read"),
    (
        &ENVOY,
        "verify",
        2,
        "a URL, and no bundle; `xdsnap capture -o NEW http://",
    ),
    (
        &ENVOY,
        "extract --output-dir new",
        2,
        "a URL, and no bundle; `xdsnap capture -o NEW http://",
    ),
    (
        &BOTH,
        "capture -o new.xdsnap",
        0,
        "1 proxy, nothing missing",
    ),
    (
        &BOTH,
        "info",
        0,
        "Envoy's dump of 1 of 1, istiod's of 1 of 1",
    ),
    (&BOTH, "status", 0, "1 of 1 proxy compared: 1 synced"),
    (&BOTH, "show", 0, "1 of 1 proxy read"),
    // Which proxies an istiod is asked about, other inputs tell.
    (
        &ISTIOD,
        "capture -o new.xdsnap",
        2,
        "give the URL or a dump of an Envoy, too",
    ),
    (
        &ISTIOD,
        "diff",
        2,
        "give the URL or a dump of an Envoy, too",
    ),
    (
        &ISTIOD,
        "normalize -o jsonl",
        2,
        "give the URL or a dump of an Envoy, too",
    ),
    (
        &ISTIOD,
        "info",
        2,
        "give the URL or a dump of an Envoy, too",
    ),
    (
        &ISTIOD,
        "status",
        2,
        "give the URL or a dump of an Envoy, too",
    ),
    (
        &ISTIOD,
        "show",
        2,
        "give the URL or a dump of an Envoy, too",
    ),
    (&ISTIOD, "diff dump.json", 0, "1 of 1 proxy compared"),
    (
        &ISTIOD,
        "verify",
        2,
        "a URL, and no bundle; `xdsnap capture -o NEW http://",
    ),
    (
        &ISTIOD,
        "extract --output-dir new",
        2,
        "a URL, and no bundle; `xdsnap capture -o NEW http://",
    ),
];

/// A folder with each of the forms.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    let at = |name: &str| desk.path().join(name);
    for proxy in [PRODUCTPAGE, REVIEWS] {
        let (name, _) = proxy.split_once('-').unwrap();
        for folder in ["folder", "reference", name] {
            for (path, bytes) in laid_out(proxy) {
                let file = at(folder).join(path);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, bytes).unwrap();
            }
        }
        capture(&at(name), &at(&format!("{name}.xdsnap")));
    }
    capture(&at("folder"), &at("x.xdsnap"));
    fs::create_dir(at("bundles")).unwrap();
    for name in ["productpage.xdsnap", "reviews.xdsnap"] {
        fs::copy(at(name), at("bundles").join(name)).unwrap();
    }
    let dump = recording(&format!("{BEFORE}/envoy/{PRODUCTPAGE}/config_dump.json"));
    let level = flate2::Compression::fast();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
    std::io::Write::write_all(&mut gzip, &dump).unwrap();
    fs::write(at("dump.json.gz"), gzip.finish().unwrap()).unwrap();
    fs::write(at("dump.json.zst"), zstd::encode_all(&*dump, 1).unwrap()).unwrap();
    for name in ["dump.json", "all.json"] {
        fs::write(at(name), &dump).unwrap();
    }
    let files = report_files("config_dump?include_eds");
    fs::write(at("report.tar.gz"), packed(&[], &files)).unwrap();
    unpacked(&at("report"), &files);
    capture(&testdata(NACK), &at("rejected"));
    desk
}

/// The documents of a proxy and of its istiod.
fn laid_out(proxy: &str) -> Vec<(String, Vec<u8>)> {
    let documents = [
        "config_dump",
        "server_info",
        "clusters",
        "listeners",
        "certs",
        "stats",
    ];
    let mut paths: Vec<_> = documents
        .iter()
        .map(|document| format!("envoy/{proxy}/{document}.json"))
        .collect();
    paths.push(format!("istiod/{proxy}.config_dump.json"));
    paths.extend(["syncz", "version"].map(|document| format!("istiod/{document}.json")));
    let read = |path: String| {
        let bytes = recording(&format!("{BEFORE}/{path}"));
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

fn capture(input: &Path, bundle: &PathBuf) {
    let ran = run(xdsnap(["capture", "-q", "-o"]).arg(bundle).arg(input));
    assert_eq!((ran.status, &*ran.err), (0, ""));
}

#[test]
fn every_form_works_in_every_command_or_is_told_what_to_do() {
    let desk = desk();
    let envoy = Server::start(envoy_routes(BEFORE, PRODUCTPAGE));
    let istiod = Server::start(istiod_routes(BEFORE));
    let mut wrong = Vec::new();
    for (forms, command, status, said) in CELLS {
        for form in *forms {
            let form = form.replace("ENVOY", &envoy.url());
            let form = form.replace("ISTIOD", &istiod.url());
            let ran = ask(desk.path(), command, &form);
            let text = format!("{}\n{}", ran.out, ran.err);
            if ran.status != *status || !text.contains(said) {
                let start: String = text.chars().take(1000).collect();
                wrong.push(format!("{command} {form}: {}\n{start}", ran.status));
            }
            for made in ["new.xdsnap", "new"] {
                let made = desk.path().join(made);
                let _ = fs::remove_file(&made);
                let _ = fs::remove_dir_all(&made);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Runs the command on an input of this form; of a `diff` of two, it is the first.
fn ask(desk: &Path, command: &str, form: &str) -> Ran {
    let mut args: Vec<&str> = command.split(' ').collect();
    let second = (args[0] == "diff" && args.len() > 1).then(|| args.pop());
    args.extend(form.split(' '));
    args.extend(second.flatten());
    let mut program = xdsnap(&args);
    if form == "-" {
        program.write_stdin(recording(&format!(
            "{BEFORE}/envoy/{PRODUCTPAGE}/config_dump.json"
        )));
    }
    run(program.current_dir(desk))
}
