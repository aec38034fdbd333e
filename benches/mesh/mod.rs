//! Dumps of an Envoy in a mesh of any size, after the recording of a small one.

use std::path::Path;

use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

/// The service of the recording that is repeated, with its clusters, endpoints and virtual host.
const SERVICE: &str = "reviews.default.svc.cluster.local";

/// What an Envoy printed before and after a change of five resources, in a mesh of `services` services.
///
/// Two requests for one dump never give the same bytes, so all times differ, and the entries of maps in what Envoy
/// rebuilds for each request, endpoint assignments, stand in another order.
pub(crate) fn dumps(services: usize) -> [Vec<u8>; 2] {
    let file = "testdata/corpus/b_canary/1_95_5/envoy/productpage-v1-6b746f74dc-9stvs.default/config_dump.json.zst";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = zstd::decode_all(std::fs::File::open(file).unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let mut dump: Json = serde_json::from_str(&text).unwrap();
    for (list, name) in [
        ("dynamic_active_clusters", "/cluster/name"),
        ("dynamic_endpoint_configs", "/endpoint_config/cluster_name"),
    ] {
        repeat(member(&mut dump, list), services, name);
    }
    let routes = member(&mut dump, "dynamic_route_configs").as_array_mut();
    for route in routes.unwrap() {
        repeat(
            &mut route["route_config"]["virtual_hosts"],
            services,
            "/name",
        );
    }
    let mut after = dump.clone();
    change(&mut after);
    let after = print(&after, true).replace("\"2026-11-21T", "\"2026-11-22T");
    [print(&dump, false), after].map(String::into_bytes)
}

/// Repeats the items of `list` that are about the service, `services` times under other names.
fn repeat(list: &mut Json, services: usize, name: &str) {
    let items = list.as_array_mut().unwrap();
    let is_of_service = |item: &&Json| {
        let name = item.pointer(name).and_then(Json::as_str);
        name.is_some_and(|name| name.contains(SERVICE))
    };
    let templates: Vec<String> = items
        .iter()
        .filter(is_of_service)
        .map(Json::to_string)
        .collect();
    for i in 0..services {
        let other = format!("service-{i:04}.team-{:02}.svc.cluster.local", i / 25);
        for template in &templates {
            items.push(serde_json::from_str(&template.replace(SERVICE, &other)).unwrap());
        }
    }
}

/// Changes a value in five resources.
fn change(dump: &mut Json) {
    let clusters = member(dump, "dynamic_active_clusters");
    for i in [20, 40, 60] {
        clusters[i]["cluster"]["connect_timeout"] = json!("3s");
    }
    let assignment = &mut member(dump, "dynamic_endpoint_configs")[30]["endpoint_config"];
    assignment["endpoints"][0]["lb_endpoints"][0]["load_balancing_weight"] = json!(5);
    let route = &mut member(dump, "dynamic_route_configs")[0]["route_config"];
    route["virtual_hosts"][10]["routes"][0]["route"]["timeout"] = json!("15s");
}

/// The first member called `name`, of an item of `configs`.
fn member<'a>(dump: &'a mut Json, name: &str) -> &'a mut Json {
    let configs = dump["configs"].as_array_mut().unwrap();
    let section = configs
        .iter_mut()
        .find(|section| section.get(name).is_some());
    &mut section.unwrap()[name]
}

/// Prints as Envoy does, with one space of indentation; endpoint assignments in another order of members if asked to.
fn print(dump: &Json, other_order: bool) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    let printed = Printed {
        value: dump,
        other_order,
        reversed: false,
    };
    printed.serialize(&mut serializer).unwrap();
    String::from_utf8(out).unwrap()
}

struct Printed<'a> {
    value: &'a Json,
    other_order: bool,
    reversed: bool,
}

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = |key: &str, value| Printed {
            value,
            reversed: self.reversed || (self.other_order && key == "dynamic_endpoint_configs"),
            ..*self
        };
        match self.value {
            Json::Object(members) => {
                let pairs = members.iter().map(|(key, value)| (key, inner(key, value)));
                match self.reversed {
                    true => serializer.collect_map(pairs.rev()),
                    false => serializer.collect_map(pairs),
                }
            }
            Json::Array(items) => serializer.collect_seq(items.iter().map(|item| inner("", item))),
            other => other.serialize(serializer),
        }
    }
}
