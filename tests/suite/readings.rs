//! Long strings as a person reads them, certificates by what they say, and resources that are likely renamed: in text
//! and in JSON.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use xdsnap::{inspect::certificate, normalize::Value};

use crate::support::program::{Ran, run, testdata, xdsnap};

fn pem(name: &str) -> String {
    std::fs::read_to_string(testdata("certificates").join(name)).unwrap()
}

/// A dump of secrets, each with its trusted CA, in `folder`.
fn dump(folder: &Path, name: &str, secrets: &[(&str, Json)]) -> std::path::PathBuf {
    const TYPE: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    let secrets = secrets.iter().map(|(name, ca)| {
        let mut secret = json!({"@type": TYPE, "name": name});
        if !ca.is_null() {
            secret["validation_context"] = json!({ "trusted_ca": ca });
        }
        json!({"name": name, "secret": secret})
    });
    let dump = json!({"configs": [{
        "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
        "dynamic_active_secrets": secrets.collect::<Vec<_>>(),
    }]});
    let path = folder.join(name);
    std::fs::write(&path, dump.to_string()).unwrap();
    path
}

fn diff(before: &[(&str, Json)], after: &[(&str, Json)], args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let before = dump(folder.path(), "web-1.shop.json", before);
    let after = dump(folder.path(), "web-1.shop.after.json", after);
    let ran = run(xdsnap(["diff"]).args([before, after]).args(args));
    assert_eq!(ran.status, 1, "{ran:?}");
    ran
}

/// The text about the one secret whose CA is changed: without the heads, the path and the count.
fn text(before: Json, after: Json, args: &[&str]) -> String {
    let ran = diff(&[("x", before)], &[("x", after)], args);
    let mut lines: Vec<&str> = ran.out.lines().collect();
    let path = lines.iter().position(|line| line.contains("inline_"));
    lines.drain(..=path.unwrap_or_else(|| panic!("{}", ran.out)));
    lines.truncate(lines.len() - 2);
    lines.join("\n")
}

fn string(text: &str) -> Json {
    json!({ "inline_string": text })
}

fn bytes(text: &str) -> Json {
    json!({"inline_bytes": STANDARD.encode(text)})
}

/// A set of keys on one line.
fn keys(id: &str) -> String {
    json!({"keys": [{"crv": "P-256", "kid": id, "kty": "EC", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]})
        .to_string()
}

#[test]
fn a_set_of_keys_is_compared_key_by_key() {
    insta::assert_snapshot!(text(string(&keys("a")), string(&keys("b")), &[]), @r#"
    (JSON, laid out)
          {
            "crv": "P-256",
    -       "kid": "a",
    +       "kid": "b",
            "kty": "EC",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    "#);
    insta::assert_snapshot!(text(bytes(&keys("a")), bytes(&keys("b")), &[]), @r#"
    (base64 of JSON, laid out)
          {
            "crv": "P-256",
    -       "kid": "a",
    +       "kid": "b",
            "kty": "EC",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    "#);
    // White space is all that differs: then that is said, and shown.
    let spaced = keys("a").replace(r#""crv":"#, r#""crv": "#);
    insta::assert_snapshot!(text(string(&keys("a")), string(&spaced), &[]), @r#"
    (same JSON, other layout)
    - {"keys":[{"crv":"P-256","kid":"a","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]}
    + {"keys":[{"crv": "P-256","kid":"a","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]}
    "#);
}

#[test]
fn a_script_in_base64_is_compared_as_text() {
    let script = |number: u32| format!("function f()\n  return {number}\nend -- of the function\n");
    insta::assert_snapshot!(text(bytes(&script(1)), bytes(&script(2)), &[]), @"
    (base64 of this text)
      function f()
    -   return 1
    +   return 2
      end -- of the function
    ");
    // One side is no text.
    let binary = json!({"inline_bytes": STANDARD.encode([0; 40])});
    insta::assert_snapshot!(text(bytes(&script(1)), binary, &[]), @"
    - ZnVuY3Rpb24gZigpCiAgcmV0dXJuIDEKZW5kIC0tIG9mIHRoZSBmdW5jdGlvbgo=
    + AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==
    ");
}

#[test]
fn a_certificate_is_told_by_what_it_says() {
    let (old, new) = (pem("web.pem"), pem("web_renewed.pem"));
    insta::assert_snapshot!(text(bytes(&old), bytes(&new), &[]), @"
    (base64 of this text)
    - certificate  subject O=shop, CN=web
    -   SANs DNS:web.shop, DNS:*.web.shop, IP:10.0.0.1, IP:::1,
    -     URI:spiffe://cluster.local/ns/shop/sa/web,
    -     email:ops@shop.example
    -   valid 2026-11-21T07:40:08Z to 2027-11-21T07:40:08Z
    -   sha256 fefe1f857813b73284a20c46139c8450231f248583f5f6ec1fd95d9999007af1
    + certificate  subject O=shop, CN=web
    +   SANs DNS:web.shop
    +   valid 2026-11-21T07:40:50Z to 2027-02-19T07:40:50Z
    +   sha256 851abfca8232d45fbe4183532f1fb3fea7f9b75437a90e7b3b2701d46b74864a
    ");
    // A chain: the second certificate went to the front.
    let [before, after] = [format!("{new}{old}"), format!("{old}{new}")];
    insta::assert_snapshot!(text(string(&before), string(&after), &[]), @"
    + certificate  subject O=shop, CN=web
    +   SANs DNS:web.shop, DNS:*.web.shop, IP:10.0.0.1, IP:::1,
    +     URI:spiffe://cluster.local/ns/shop/sa/web,
    +     email:ops@shop.example
    +   valid 2026-11-21T07:40:08Z to 2027-11-21T07:40:08Z
    +   sha256 fefe1f857813b73284a20c46139c8450231f248583f5f6ec1fd95d9999007af1
      certificate  subject O=shop, CN=web
        SANs DNS:web.shop
        valid 2026-11-21T07:40:50Z to 2027-02-19T07:40:50Z
        sha256 851abfca8232d45fbe4183532f1fb3fea7f9b75437a90e7b3b2701d46b74864a
    - certificate  subject O=shop, CN=web
    -   SANs DNS:web.shop, DNS:*.web.shop, IP:10.0.0.1, IP:::1,
    -     URI:spiffe://cluster.local/ns/shop/sa/web,
    -     email:ops@shop.example
    -   valid 2026-11-21T07:40:08Z to 2027-11-21T07:40:08Z
    -   sha256 fefe1f857813b73284a20c46139c8450231f248583f5f6ec1fd95d9999007af1
    ");
    let full = text(string(&old), string(&new), &["--full"]);
    for line in old.lines().filter(|line| !line.starts_with('-')) {
        assert!(full.contains(&format!("- {line}")), "{line}");
    }
    // What is no certificate stays as it is, and so do line ends that are all that differs.
    let broken = old.replace("MIIB", "AAAA");
    let said = text(string(&broken), string(&old), &[]);
    assert!(said.contains("- AAAA") && said.contains("+ certificate  subject O=shop, CN=web"));
    let said = text(string(&old), string(&old.replace('\n', "\r\n")), &[]);
    assert!(
        said.contains(r"+ -----BEGIN CERTIFICATE-----\u{d}"),
        "{said}"
    );
}

#[test]
fn a_secret_that_came_is_told_by_its_certificates_and_by_the_name_it_likely_had() {
    let ca = string(&pem("web_renewed.pem"));
    let ran = diff(&[("old", ca.clone())], &[("new", ca)], &[]);
    let body = ran.out.split_once("shop)\n").unwrap().1;
    insta::assert_snapshot!(body, @"
      + secret new  active  validation_context
          likely renamed from old
          certificate  subject O=shop, CN=web
            SANs DNS:web.shop
            valid 2026-11-21T07:40:50Z to 2027-02-19T07:40:50Z
            sha256 851abfca8232d45fbe4183532f1fb3fea7f9b75437a90e7b3b2701d46b74864a
      - secret old  active  validation_context
          likely renamed to new
          certificate  subject O=shop, CN=web
            SANs DNS:web.shop
            valid 2026-11-21T07:40:50Z to 2027-02-19T07:40:50Z
            sha256 851abfca8232d45fbe4183532f1fb3fea7f9b75437a90e7b3b2701d46b74864a

    1 of 1 proxy compared, 2 resources: 0 changed, 1 added, 1 removed
    ");
}

#[test]
fn certificates_stand_beside_their_bytes_in_json() {
    let (old, new) = (pem("web.pem"), pem("web_renewed.pem"));
    let (before, after) = (bytes(&format!("# CA\n{old}{new}")), bytes(&new));
    let ran = diff(&[("x", before.clone())], &[("x", after)], &["-o", "json"]);
    let change = ran.json()["changes"][0].take();
    assert_eq!(change["before"], before["inline_bytes"]);
    // As `openssl x509 -noout -subject -issuer -serial -dates -fingerprint -sha256 -ext subjectAltName` has it.
    let renewed = json!({
        "subject": "O=shop, CN=web",
        "sans": ["DNS:web.shop"],
        "issuer": "O=shop, CN=web",
        "serial": "07",
        "not_before": "2026-11-21T07:40:50Z",
        "not_after": "2027-02-19T07:40:50Z",
        "sha256": "851abfca8232d45fbe4183532f1fb3fea7f9b75437a90e7b3b2701d46b74864a",
    });
    assert_eq!(change["after_certificates"], json!([renewed]));
    assert_eq!(
        change["before_certificates"],
        json!([{
            "subject": "O=shop, CN=web",
            "sans": [
                "DNS:web.shop", "DNS:*.web.shop", "IP:10.0.0.1", "IP:::1",
                "URI:spiffe://cluster.local/ns/shop/sa/web", "email:ops@shop.example",
            ],
            "issuer": "O=shop, CN=web",
            "serial": "f1",
            "not_before": "2026-11-21T07:40:08Z",
            "not_after": "2027-11-21T07:40:08Z",
            "sha256": "fefe1f857813b73284a20c46139c8450231f248583f5f6ec1fd95d9999007af1",
        }, renewed])
    );
    let ran = diff(
        &[("x", string("a"))],
        &[("x", string("b"))],
        &["-o", "json"],
    );
    let change = ran.json()["changes"][0].take();
    assert_eq!(
        (
            change.get("before_certificates"),
            change.get("after_certificates")
        ),
        (None, None)
    );
}

#[test]
fn only_the_one_resource_that_is_equal_but_for_its_name_is_taken_for_it() {
    let (a, b) = (string("a"), string("b"));
    for (before, after, expected) in [
        (vec![("old", &a)], vec![("new", &a)], "new<old old>new"),
        (vec![("old", &a)], vec![("new", &b)], "new old"),
        // Either may be the one: nothing is said.
        (
            vec![("old", &a)],
            vec![("new1", &a), ("new2", &a)],
            "new1 new2 old",
        ),
        (vec![("o1", &a), ("o2", &a)], vec![("new", &a)], "new o1 o2"),
        // What stays is no candidate.
        (
            vec![("x", &a), ("old", &a)],
            vec![("x", &a), ("new", &a)],
            "new<old old>new",
        ),
        (
            vec![("o1", &a), ("o2", &b)],
            vec![("n1", &b), ("n2", &a)],
            "n1<o2 n2<o1 o1>n2 o2>n1",
        ),
        // Nothing but a name.
        (
            vec![("old", &Json::Null)],
            vec![("new", &Json::Null)],
            "new old",
        ),
    ] {
        let owned = |side: Vec<(&'static str, &Json)>| -> Vec<(&str, Json)> {
            side.into_iter()
                .map(|(name, ca)| (name, ca.clone()))
                .collect()
        };
        let ran = diff(&owned(before), &owned(after), &["-o", "json"]);
        let document = ran.json();
        let words = document["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| {
                let name = change["name"].as_str().unwrap();
                match (
                    change["renamed_from"].as_str(),
                    change["renamed_to"].as_str(),
                ) {
                    (Some(from), None) if change["kind"] == "added" => format!("{name}<{from}"),
                    (None, Some(to)) if change["kind"] == "removed" => format!("{name}>{to}"),
                    (None, None) => name.to_owned(),
                    _ => panic!("{change}"),
                }
            });
        assert_eq!(words.collect::<Vec<_>>().join(" "), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is wrong with a certificate, it is read as another one or as none.
    #[test]
    fn a_damaged_certificate_is_another_or_none(
        damage in prop::collection::vec((0..900usize, "[ -~\n]"), 1..6), cut in 0..2000usize,
    ) {
        let mut text: Vec<u8> = (pem("web.pem") + &pem("web_renewed.pem")).into_bytes();
        for (at, byte) in damage {
            text[at] = byte.as_bytes()[0];
        }
        text.truncate(cut.max(1));
        let text = String::from_utf8(text).unwrap();
        let found = certificate::in_text(&text);
        prop_assert!(found.len() <= 2);
        let in_base64 = certificate::in_value(&Value::String(STANDARD.encode(&text)));
        prop_assert_eq!(in_base64, found.into_iter().map(|(_, found)| found).collect::<Vec<_>>());
    }
}
