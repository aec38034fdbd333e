//! Envoy's `/listeners`: the addresses that each listener is bound to.

use std::net::SocketAddr;

use serde::Deserialize;

use super::{Page, PageError, address::Address, item, lines, list};

/// A listener with its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Where it listens, as the text has it: `0.0.0.0:15006`, `[::1]:80`, `/path/of.sock`, `envoy://listener/`.
    pub addresses: Vec<String>,
}

/// What every line of the text is. A listener with several addresses has several.
const EXPECTED: &str = "`<listener>::<address>`";

/// Reads the page, as text or as JSON, in its order.
///
/// # Errors
///
/// Where the page is none.
pub fn listeners(bytes: &[u8]) -> Result<Vec<Listener>, PageError> {
    let mut found: Vec<Listener> = Vec::new();
    match Page::open(bytes)? {
        Page::Text(text) => lines(text, EXPECTED, |line| {
            let (name, address) = split(line)?;
            match found.last_mut().filter(|last| last.name == name) {
                Some(last) => last.addresses.push(address.to_owned()),
                None => found.push(Listener {
                    name: name.to_owned(),
                    addresses: vec![address.to_owned()],
                }),
            }
            Some(())
        })?,
        Page::Json(walker, root) => {
            let names = ["listener_statuses", "listenerStatuses"];
            list(walker, root, names, |raw| {
                let status: ListenerStatus = item(walker, raw)?;
                let mut addresses = vec![status.local_address.text()];
                let additional = status.additional_local_addresses.into_iter();
                addresses.extend(additional.map(Address::text));
                found.push(Listener {
                    name: status.name,
                    addresses,
                });
                Ok(())
            })?;
        }
    }
    Ok(found)
}

/// `envoy.admin.v3.ListenerStatus`
#[derive(Default, Deserialize)]
#[serde(default)]
struct ListenerStatus {
    name: String,
    #[serde(alias = "localAddress")]
    local_address: Address,
    #[serde(alias = "additionalLocalAddresses")]
    additional_local_addresses: Vec<Address>,
}

/// Name and address of a line; both may hold `::`.
fn split(line: &str) -> Option<(&str, &str)> {
    let is_address = |text: &str| {
        text.starts_with(['/', '@'])
            || text.starts_with("envoy://")
            || text.parse::<SocketAddr>().is_ok()
    };
    let splits = line.rmatch_indices("::");
    let mut splits = splits.map(|(at, colons)| (&line[..at], &line[at + colons.len()..]));
    splits.find(|(_, address)| is_address(address))
}

#[test]
fn both_forms_tell_of_the_same_listeners() {
    let text = "\
a::127.0.0.1:45789
a::[::1]:37057
x::y::/tmp/a::b.sock
int::envoy://int/
0.0.0.0_80::0.0.0.0:80
";
    let json = r#"{"listener_statuses": [
        {"name": "a", "local_address": {"socket_address": {"address": "127.0.0.1", "port_value": 45789}},
         "additional_local_addresses": [{"socket_address": {"address": "::1", "port_value": 37057}}]},
        {"name": "x::y", "local_address": {"pipe": {"path": "/tmp/a::b.sock"}}},
        {"name": "int", "localAddress": {"envoy_internal_address": {"server_listener_name": "int"}}},
        {"name": "0.0.0.0_80", "local_address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}}}]}"#;
    let found = listeners(text.as_bytes()).unwrap();
    assert_eq!(found, listeners(json.as_bytes()).unwrap());
    assert_eq!(found[0].addresses, ["127.0.0.1:45789", "[::1]:37057"]);
    assert_eq!(found[1].name, "x::y");
    for (page, said) in [
        (
            "a::127.0.0.1:1\nno such page\n",
            "line 2 is none of this page",
        ),
        ("a::b\n", "line 1"),
        (r#"{"listener_statuses": [{"name": 1}]}"#, "byte 23"),
        (r#"{"cluster_statuses": []}"#, "a list `listener_statuses`"),
    ] {
        let error = listeners(page.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(said), "{page}: {error}");
    }
}
