//! The layers of `src/`: a folder imports only from lower ones, and the tables here say which those are.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Every folder of `src/` and its layer.
const LAYERS: [(&str, u8); 11] = [
    ("model", 0),
    ("xds", 0),
    ("bundle", 1),
    ("diff", 1),
    ("dump", 1),
    ("inspect", 1),
    ("normalize", 1),
    ("redact", 1),
    ("capture", 2),
    ("render", 2),
    ("cli", 3),
];

/// What a folder may import from its own layer: a consumer its producer.
const WITHIN_LAYER: [(&str, &str); 6] = [
    ("diff", "normalize"),
    ("inspect", "diff"),
    ("inspect", "dump"),
    ("inspect", "normalize"),
    ("normalize", "dump"),
    ("redact", "dump"),
];

#[test]
fn folders_import_only_from_lower_layers() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find_files(&src, &mut files);
    files.sort();
    let mut folders = BTreeSet::new();
    let mut offences = Vec::new();
    for file in files {
        let path = file.strip_prefix(&src).unwrap();
        // The crate's roots declare the folders and may name any.
        if ["lib.rs", "main.rs"].map(Path::new).contains(&path) {
            continue;
        }
        let module = module_of(path);
        offences.extend(offences_in(
            &format!("src/{}", path.display()),
            &module,
            &fs::read_to_string(&file).unwrap(),
        ));
        folders.extend(module.into_iter().next());
    }
    let known: BTreeSet<String> = LAYERS.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(
        folders, known,
        "the folders of src/ and those that have a layer"
    );
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn an_import_from_a_wrong_layer_is_found_wherever_it_stands() {
    let code = r##"
//! crate::cli in a comment of the file
/// crate::cli in the doc of an item
use crate::capture;
use crate::{
    model::ProxyId,
    render::{self, Style},
    diff,
};
pub(crate) fn f() -> crate::dump::Dump { // crate::cli
    let text = "crate::cli";
    print!("{}", crate::inspect::x());
    use super::{model, cli::main};
    super::helper()
}
mod tests {
    use super::super::bundle;
    use super::helper;
}
use crate::*;
"##;
    let module = ["diff"].map(String::from);
    assert_eq!(
        offences_in("src/diff/mod.rs", &module, code),
        [
            "src/diff/mod.rs:4: diff imports capture",
            "src/diff/mod.rs:7: diff imports render",
            "src/diff/mod.rs:10: diff imports dump",
            "src/diff/mod.rs:12: diff imports inspect",
            "src/diff/mod.rs:13: diff imports cli",
            "src/diff/mod.rs:14: diff imports helper",
            "src/diff/mod.rs:17: diff imports bundle",
            "src/diff/mod.rs:20: diff imports *",
        ]
    );
    let module = ["diff", "align"].map(String::from);
    let deeper = "use super::{cli, render}; use super::super::cli;";
    assert_eq!(
        offences_in("x.rs", &module, deeper),
        ["x.rs:1: diff imports cli"]
    );
}

#[test]
fn a_folder_may_import_itself_lower_layers_and_its_producer() {
    for (folder, imported, expected) in [
        ("diff", "diff", true),
        ("diff", "model", true),
        ("diff", "normalize", true),
        ("diff", "dump", false),
        ("diff", "render", false),
        ("bundle", "dump", false),
        ("xds", "model", false),
        ("model", "xds", false),
        ("render", "capture", false),
        ("cli", "render", true),
        ("cli", "elsewhere", false),
        ("elsewhere", "model", false),
    ] {
        assert_eq!(
            may_import(folder, imported),
            expected,
            "{folder}: {imported}"
        );
    }
}

fn may_import(folder: &str, imported: &str) -> bool {
    let layer = |name| LAYERS.iter().find(|(known, _)| *known == name);
    let (Some((_, from)), Some((_, to))) = (layer(folder), layer(imported)) else {
        return false;
    };
    folder == imported || to < from || WITHIN_LAYER.contains(&(folder, imported))
}

/// What `code`, the module `module` in the file `file`, imports and should not: a sentence each.
fn offences_in(file: &str, module: &[String], code: &str) -> Vec<String> {
    let tokens = code
        .parse()
        .unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut imports = Vec::new();
    find_imports(tokens, module.len(), &mut imports);
    imports
        .into_iter()
        .filter(|import| !may_import(&module[0], &import.name))
        .map(|import| {
            format!(
                "{file}:{}: {} imports {}",
                import.line, module[0], import.name
            )
        })
        .collect()
}

/// A path that begins at the root of the crate.
struct Import {
    line: usize,
    /// Its first name, which is a folder; or `*`.
    name: String,
}

/// Finds the paths in `tokens`, in a module `depth` levels below the root. Comments are no tokens, and what macros
/// are given is.
fn find_imports(tokens: TokenStream, depth: usize, imports: &mut Vec<Import>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_path_separator =
        |at: usize| is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':');
    let mut at = 0;
    while at < tokens.len() {
        let mut supers = 0;
        while is_ident(tokens.get(at), "super") && is_path_separator(at + 1) {
            supers += 1;
            at += 3;
        }
        if is_ident(tokens.get(at), "crate") && is_path_separator(at + 1) {
            supers = depth;
            at += 3;
        }
        if supers > 0 {
            if supers >= depth {
                first_names(&tokens[at..], imports);
            }
            continue;
        }
        if let TokenTree::Group(group) = &tokens[at] {
            let is_module = at > 1 && is_ident(tokens.get(at - 2), "mod");
            find_imports(group.stream(), depth + usize::from(is_module), imports);
        }
        at += 1;
    }
}

/// The names that follow the root of the crate: one, or each of `{a, b::c}`.
fn first_names(path: &[TokenTree], imports: &mut Vec<Import>) {
    let Some(first) = path.first() else { return };
    match first {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
            for path in tokens.split(|token| is_punct(Some(token), ',')) {
                first_names(path, imports);
            }
        }
        other => imports.push(Import {
            line: other.span().start().line,
            name: other.to_string(),
        }),
    }
}

fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == name)
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// The path of the module in the file `path`, relative to `src/`: `diff/mod.rs` is `diff`.
fn module_of(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = path
        .with_extension("")
        .iter()
        .map(|name| name.to_str().unwrap().to_owned())
        .collect();
    names.pop_if(|name| name == "mod");
    names
}

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
