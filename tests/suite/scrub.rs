//! What goes of texts wherever they stand in a document, and what stays: by the library, as its callers see it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use xdsnap::{
    model::{Document, Token},
    redact::{Key, Policy, Redactor, scrub_reason},
};

fn redactor() -> Redactor {
    Redactor::new(Policy::Tokens(Key::new([7; 32])))
}

/// The text of a page, as it is kept, and how much was replaced by rule.
fn keep(text: &str) -> (String, BTreeMap<String, u64>) {
    let mut output = Vec::new();
    let counts = redactor()
        .copy(Document::Stats, &mut text.as_bytes(), &mut output)
        .unwrap();
    let counts = counts.iter().map(|(rule, count)| (rule.to_owned(), count));
    (String::from_utf8(output).unwrap(), counts.collect())
}

#[test]
fn equal_secrets_have_equal_tokens_however_they_stand() {
    let places = [
        "a password=hunter2 b",
        "  password: hunter2\n",
        r#"{"password":"hunter2"}"#,
        r#"{\"password\":\"hunter2\"}"#,
        "run --password hunter2 -x",
        "x Bearer hunter2 y",
        "/a?password=hunter2&b=c",
    ];
    let token = Key::new([7; 32]).token(b"hunter2");
    for text in places {
        let text = format!("page: {text}");
        let (kept, _) = keep(&text);
        assert_eq!(kept, text.replace("hunter2", &token.to_string()));
    }
    let reason = redactor().scrub_reason("no such field: 'hunter2'");
    assert_eq!(reason, format!("no such field: {token}"));
}

#[test]
fn what_is_replaced_is_counted_by_rule() {
    let page = "page\nx-api-key: a b\nhttps://a:b@host/ eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.\n\
        -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n";
    let (kept, counts) = keep(page);
    let expected = [
        "named-values",
        "private-key-pem",
        "token-shapes",
        "url-credentials",
    ];
    assert_eq!(counts, expected.map(|rule| (rule.to_owned(), 1)).into());
    assert_eq!(Token::all_in(&kept).count(), 4);
    let rest: String = Token::all_in(&kept).fold(kept.clone(), |rest, (_, token)| {
        rest.replace(&token.to_string(), "*")
    });
    assert_eq!(rest, "page\nx-api-key: *\nhttps://*@host/ *\n*\n");
}

#[test]
fn strings_of_a_dump_lose_what_any_text_loses() {
    let dump = json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "dynamic_active_clusters": [{"cluster": {
            "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            "name": "outbound|80||reviews.default.svc.cluster.local",
            "alt_stat_name": "redis://user:hunter2@cache:6379/0",
        }}],
    }]});
    let mut output = Vec::new();
    redactor()
        .copy(
            Document::ConfigDump,
            &mut dump.to_string().as_bytes(),
            &mut output,
        )
        .unwrap();
    let kept: Value = serde_json::from_slice(&output).unwrap();
    let cluster = &kept["configs"][0]["dynamic_active_clusters"][0]["cluster"];
    let token = Key::new([7; 32]).token(b"user:hunter2");
    assert_eq!(
        cluster["alt_stat_name"],
        format!("redis://{token}@cache:6379/0")
    );
    assert_eq!(
        cluster["name"],
        "outbound|80||reviews.default.svc.cluster.local"
    );
}

#[test]
fn reasons_of_every_form_lose_what_they_quote() {
    // What Envoy says of configuration that it cannot take, form by form, with a secret where it quotes any.
    let reasons = [
        "Duplicated credential key: 'hunter2'",
        "Unable to parse JSON as proto (INVALID_ARGUMENT: invalid value \"hunter2\" for type TYPE_INT32): {\"users\":\"hunter2\"}",
        "Proto constraint validation failed (ClusterValidationError.Name: value length must be at least 1 characters): \
         metadata { filter_metadata { key: \"a\" value { fields { key: \"b\" value { string_value: \"hun\\\"hunter2\" } } } } }",
        "Proto constraint validation failed (A.B: x): goo.gle/debugstr name: \"a\"\nport: hunter2\n",
        "script load error: [string \"local k = 'hunter2'\"]:1: unexpected symbol near 'hunter2'",
        "script load error: [string \"local k = 1\"]:1: hunter2 is wrong",
        "script load error: [string \"local k = 1\"]:1: unfinished string near '\"hunter2'",
        "missing ): a(hunter2",
        "Incorrect configuration: %REQ(x)% hunter2 %bad. Couldn't find valid command at position 17",
        "Unable to convert YAML as JSON: password: hunter2",
        "Invalid header value \\\"hunter2\\\" in \\\"x\\\"",
        "filter 'envoy.filters.http.lua' has token: hunter2",
    ];
    for reason in reasons {
        for reason in [
            reason.to_owned(),
            format!("Error adding/updating listener(s) 0.0.0.0_80: {reason}\n"),
        ] {
            let (scrubbed, is_changed) = scrub_reason(&reason);
            assert!(is_changed && !scrubbed.contains("hunter2"), "{scrubbed}");
            let tokens = redactor().scrub_reason(&reason);
            assert!(!tokens.contains("hunter2"), "{tokens}");
            assert_eq!(redactor().scrub_reason(&tokens), tokens);
            assert_eq!(scrub_reason(&scrubbed), (scrubbed, false));
        }
    }
}
