//! Whatever a document is: redacting it twice is redacting it once, how it is cut into reads does not matter, what is found
//! is what is replaced, and a secret under an annotated field is never in the copy.
//!
//! Input: a byte that chooses the document and what is done with the rest, then
//!
//! - the document;
//! - or, where the byte is odd, JSON that is put around a secret: for each letter of the first line a list, an object, an
//!   Any or a TypedStruct, then members that stand beside it.

#![no_main]

use std::{
    io::{self, Read},
    sync::LazyLock,
};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use xdsnap::{
    model::Document,
    redact::{Counts, Key, Policy, Redactor},
};

static REDACTORS: LazyLock<[Redactor; 2]> = LazyLock::new(|| {
    let tokens = Policy::Tokens(Key::new([7; 32]));
    [Redactor::new(tokens), Redactor::new(Policy::Alike)]
});

const DOCUMENTS: [Document; 8] = [
    Document::ConfigDump,
    Document::ServerInfo,
    Document::Clusters,
    Document::Listeners,
    Document::Certs,
    Document::Stats,
    Document::Syncz,
    Document::Version,
];

/// How the secret begins, and how it ends.
const SECRET: [&str; 2] = ["Xq7vKz9b", "Wj4pTd8r"];

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    let redactor = &REDACTORS[usize::from(choice >> 4 & 1)];
    if choice & 1 == 0 {
        let document = DOCUMENTS[usize::from(choice >> 1 & 7)];
        check(redactor, document, rest, 1 + usize::from(choice >> 5) * 7);
    } else if let Some(text) = around_a_secret(rest) {
        let copy = check(redactor, Document::ConfigDump, text.as_bytes(), 64);
        let copy = copy.expect("it is JSON, and not deep");
        let copy = String::from_utf8(copy).expect("text stays text");
        for part in SECRET {
            assert!(!copy.contains(part), "{text} is {copy}");
        }
        serde_json::from_str::<serde::de::IgnoredAny>(&copy).expect("JSON stays JSON");
    }
});

/// Holds the laws of copying; the copy, if there is one.
fn check(redactor: &Redactor, document: Document, data: &[u8], chunk: usize) -> Option<Vec<u8>> {
    let (result, copy) = copied(redactor, document, &mut &data[..]);
    let mut pieces = Pieces { data, chunk };
    let (pieced, pieced_copy) = copied(redactor, document, &mut pieces);
    assert_eq!(result, pieced, "in pieces of {chunk}");
    let mut found = 0_u64;
    let counts = redactor.find(document, &mut &data[..], &mut |_| found += 1);
    let Ok(counts) = counts else {
        assert!(result.is_err());
        return None;
    };
    assert_eq!(result.as_ref(), Ok(&counts));
    assert_eq!(counts.total(), found);
    assert_eq!(copy, pieced_copy, "in pieces of {chunk}");
    let (again, twice) = copied(redactor, document, &mut copy.as_slice());
    assert_eq!(
        again,
        Ok(Counts::default()),
        "{}",
        String::from_utf8_lossy(&copy)
    );
    assert_eq!(copy, twice);
    if found == 0 {
        assert_eq!(copy, data);
    }
    Some(copy)
}

/// What became of the document, an error as its text, and the copy.
fn copied(
    redactor: &Redactor,
    document: Document,
    input: &mut dyn Read,
) -> (Result<Counts, String>, Vec<u8>) {
    let mut copy = Vec::new();
    let result = redactor.copy(document, input, &mut copy);
    (result.map_err(|error| error.to_string()), copy)
}

/// Gives so many bytes at a time.
struct Pieces<'a> {
    data: &'a [u8],
    chunk: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.chunk.min(buffer.len()).min(self.data.len());
        let (piece, rest) = self.data.split_at(length);
        buffer[..length].copy_from_slice(piece);
        self.data = rest;
        Ok(length)
    }
}

/// Messages with an annotated field, and the field.
const ANNOTATED: [(&str, &str); 8] = [
    (
        "envoy.extensions.transport_sockets.tls.v3.TlsCertificate",
        "private_key",
    ),
    (
        "envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys",
        "keys",
    ),
    (
        "envoy.extensions.transport_sockets.tls.v3.GenericSecret",
        "secret",
    ),
    (
        "envoy.extensions.transport_sockets.tls.v3.PrivateKeyProvider",
        "typed_config",
    ),
    (
        "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
        "credentials",
    ),
    (
        "envoy.extensions.filters.http.basic_auth.v3.BasicAuth",
        "users",
    ),
    (
        "envoy.extensions.filters.http.ext_authz.v3.CheckSettings",
        "context_extensions",
    ),
    ("envoy.config.trace.v3.ClientConfig", "backend_token"),
];

/// A document with the secret below an annotated field, in what the input says.
fn around_a_secret(data: &[u8]) -> Option<String> {
    let end = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (ways, beside) = data.split_at(end);
    let beside = beside.get(1..).unwrap_or_default();
    let beside: Value =
        serde_json::from_slice(beside).unwrap_or_else(|_| json!(String::from_utf8_lossy(beside)));
    // What stands beside the secret is none.
    if SECRET.iter().any(|part| beside.to_string().contains(part)) {
        return None;
    }
    let (number, ways) = ways.split_first()?;
    let (message, field) = ANNOTATED[usize::from(*number) % ANNOTATED.len()];
    // What breaks strings, and whatever the input has.
    let secret = format!(
        "{}\"'}}\n{}{}",
        SECRET[0],
        String::from_utf8_lossy(data),
        SECRET[1]
    );
    let inside = match number / 8 % 4 {
        0 => json!(secret),
        1 => json!({"inline_string": secret}),
        2 => json!([{"a": [secret, 1, true, null]}, secret]),
        _ => json!({"beside": beside, "x": secret}),
    };
    let mut value = json!({"@type": format!("type.googleapis.com/{message}"), field: inside});
    if let (Value::Object(value), Value::Object(more)) = (&mut value, &beside) {
        for (name, more) in more {
            // A second type would be another message.
            if name != "@type" && name != field {
                value.insert(name.clone(), more.clone());
            }
        }
    }
    for way in ways.iter().take(30) {
        value = match way % 6 {
            0 => json!([value]),
            1 => json!([beside, value]),
            2 => json!({"z": value, "a": beside}),
            3 => json!({"@type": "type.googleapis.com/google.protobuf.Any", "value": value}),
            4 => {
                json!({"@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": "x/new.Type", "value": {"v": value}})
            }
            _ => json!({"configs": [value]}),
        };
    }
    Some(value.to_string())
}
