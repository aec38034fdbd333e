//! What is printed as a path selects the one node that it is of, member paths are printed as they are read, and a query
//! selects of a normal form what it selects of its JSON.
//!
//! Input: a text and a document, between them a newline. The text is taken for a member's path, for a query, and for
//! what names the members of the document.

#![no_main]

use jsonpath_rust::JsonPath;
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;
use xdsnap::{
    bundle::MemberPath,
    model::{Path, Predicate, ProxyId, Scalar, Step, XdsType},
    normalize::Value,
};
use xdsnap_fuzz::subject::Subject;

/// How many nodes of a document are looked for.
const MAX_NODES: usize = 64;

fuzz_target!(|data: &[u8]| {
    let Ok(data) = std::str::from_utf8(data) else {
        return;
    };
    let (text, document) = data.split_once('\n').unwrap_or((data, "{}"));
    check_names(text);
    check_key(text);
    let Ok(document) = serde_json::from_str::<Json>(document) else {
        return;
    };
    let mut left = MAX_NODES;
    check_nodes(&document, &document, &Path::root(), &mut left);
    if let Ok(value) = Subject::of(b'u').normal(document.to_string().as_bytes()) {
        check_query(text, &value);
    }
});

fn check_names(text: &str) {
    if let Ok(path) = text.parse::<MemberPath>() {
        assert_eq!(path.to_string(), text);
        let again = match (path.proxy().cloned(), path.istiod_name()) {
            (Some(proxy), None) if text.starts_with("envoy/") => {
                MemberPath::envoy(proxy, path.document(), path.part())
            }
            (proxy, istiod) => MemberPath::istiod(istiod, proxy, path.document()),
        };
        assert_eq!(again.as_ref(), Ok(&path));
        assert!(path.proxy().is_none_or(|id| text.contains(id.as_str())));
    }
    if let Ok(id) = ProxyId::from_node_id(text) {
        assert_eq!(ProxyId::new(id.as_str()).as_ref(), Ok(&id));
        id.workload();
    }
    if let Ok(xds_type) = text.parse::<XdsType>() {
        assert_eq!(xds_type.as_str().parse(), Ok(xds_type.clone()));
    }
}

/// A member of any name is found by the path that is printed for it, and so is the item that has it.
fn check_key(key: &str) {
    let document = serde_json::json!({ key: [{ key: { key: key } }, { key: key }, {}, 1] });
    let of = |keys: &[&str], value| Predicate {
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        value,
    };
    let text = || Some(Scalar::String(key.to_owned()));
    let list = Path::root().join(Step::Key(key.to_owned()));
    let items = &document[key];
    for (filter, expected) in [
        (vec![of(&[key, key], text())], &items[0]),
        (vec![of(&[key], text())], &items[1]),
        (vec![of(&[key], text()), of(&["no"], None)], &items[1]),
    ] {
        // Where the name is "no", that is there.
        if key != "no" {
            let path = list.join(Step::Filter(filter)).to_string();
            assert_selects(&document, &path, expected);
        }
    }
    assert_selects(&document, &list.to_string(), items);
}

fn check_nodes(document: &Json, node: &Json, path: &Path, left: &mut usize) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    assert_selects(document, &path.to_string(), node);
    match node {
        Json::Object(members) => {
            for (name, member) in members {
                let path = path.join(Step::Key(name.clone()));
                check_nodes(document, member, &path, left);
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let label = Some("a label".to_owned());
                let path = path.join(Step::Index { index, label });
                check_nodes(document, item, &path, left);
            }
        }
        _ => {}
    }
}

fn assert_selects(document: &Json, path: &str, node: &Json) {
    let found = document
        .query(path)
        .unwrap_or_else(|error| panic!("{path:?}: {error}"));
    assert!(
        matches!(found[..], [found] if std::ptr::eq(found, node)),
        "{path} selects {found:?} and not {node} of {document}"
    );
}

fn check_query(query: &str, value: &Value) {
    let Ok(document) = serde_json::to_value(value) else {
        return;
    };
    let of_value = value.query(query).ok();
    let of_document = document.query(query).ok();
    let json = |value: &Value| serde_json::to_value(value).expect("all of it is JSON");
    assert_eq!(
        of_value.map(|found| found.into_iter().map(json).collect()),
        of_document.map(|found| found.into_iter().cloned().collect::<Vec<_>>()),
        "{query} on {document}"
    );
}
