//! Where secrets are found: the places that are listed are those that a copy replaces.

use serde_json::json;
use xdsnap::{
    model::Document,
    redact::{Counts, Found, Key, Policy, Redactor},
};

use super::{PEM, recording, redact};

/// The places in `text`, each with its rule, and how many were counted.
fn find(redactor: &Redactor, document: Document, text: &str) -> (Vec<String>, Counts) {
    let mut places = Vec::new();
    let counts = redactor
        .find(document, &mut text.as_bytes(), &mut |found: &Found| {
            places.push(format!("{} {}", found.rule, found.path));
        })
        .unwrap();
    (places, counts)
}

#[test]
fn places_are_listed_in_the_order_of_the_document() {
    let dump = json!({"configs": [
        {"@type": "x/envoy.admin.v3.RoutesConfigDump"},
        {
            "@type": "x/envoy.admin.v3.ListenersConfigDump",
            "dynamic_listeners": [{"name": "l", "error_state": {"details": "'SECRET' and \"SECRET\""}}],
            "new.field": [[{"x": PEM}]],
        },
    ]});
    let redactor = Redactor::default();
    let (places, counts) = find(&redactor, Document::ConfigDump, &dump.to_string());
    assert_eq!(
        places,
        [
            "error-details configs[1].dynamic_listeners[0].error_state.details",
            "error-details configs[1].dynamic_listeners[0].error_state.details",
            r#"private-key-pem configs[1]["new.field"][0][0].x"#,
        ]
    );
    assert_eq!(counts.total(), 3);
}

#[test]
fn a_key_that_is_a_secret_stands_as_its_token() {
    let key = Key::new([7; 32]);
    let token = key.token(PEM.as_bytes());
    let redactor = Redactor::new(Policy::Tokens(key));
    let dump = json!([{PEM: {"y": [PEM]}}]).to_string();
    let (places, _) = find(&redactor, Document::Syncz, &dump);
    assert_eq!(
        places,
        [
            format!("private-key-pem [0][\"{token}\"]"),
            format!("private-key-pem [0][\"{token}\"].y[0]"),
        ]
    );
}

#[test]
fn places_in_a_text_are_lines() {
    let page = format!("error\n{PEM} in\na\n{PEM}");
    let (places, counts) = find(&Redactor::default(), Document::ConfigDump, &page);
    assert_eq!(places, ["private-key-pem line 2", "private-key-pem line 6"]);
    assert_eq!(counts.total(), 2);
}

#[test]
fn what_is_found_is_what_a_copy_counts() {
    for (name, document) in [
        ("sensitive.config_dump.json", Document::ConfigDump),
        ("rejected.config_dump.json", Document::ConfigDump),
        ("rejected.syncz.json", Document::Syncz),
    ] {
        let text = recording(name);
        let (places, counts) = find(&Redactor::default(), document, &text);
        let (_, replaced) = redact(document, &text);
        assert_eq!((places.len() as u64, counts.total()), (replaced, replaced));
        let (places, _) = find(&Redactor::new(Policy::Off), document, &text);
        assert_eq!(places, [""; 0]);
    }
}
