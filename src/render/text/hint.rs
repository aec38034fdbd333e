//! What tells a resource from others at a glance.

use super::page::count;
use crate::{
    model::XdsType,
    normalize::Value,
    render::{Style, escape},
};

/// A few words about the content of a resource, where its type has something to tell.
pub(super) fn hint(xds_type: &XdsType, resource: &Value, style: Style) -> Option<String> {
    match xds_type {
        XdsType::Cluster => {
            let discovery = at(resource, &["type"]).or(at(resource, &["cluster_type", "name"]))?;
            Some(escape::name(discovery.as_str()?, style))
        }
        XdsType::Endpoint => {
            let hosts = items(resource, &["endpoints"])
                .iter()
                .map(|locality| items(locality, &["lb_endpoints"]).len())
                .sum();
            Some(count(hosts, "host", "hosts"))
        }
        XdsType::Listener => {
            let socket = at(resource, &["address", "socket_address"])?;
            let address = escape::name(socket.get("address")?.as_str()?, style);
            match socket.get("port_value") {
                Some(Value::Number(crate::normalize::Number::Int(port))) => {
                    Some(format!("{address}:{port}"))
                }
                _ => Some(address),
            }
        }
        XdsType::Route => {
            let hosts = items(resource, &["virtual_hosts"]).len();
            Some(count(hosts, "virtual host", "virtual hosts"))
        }
        XdsType::Secret => match resource {
            Value::Object(object) => object
                .members
                .iter()
                .find(|(key, _)| key != "name" && key != "@type")
                .map(|(key, _)| escape::name(key, style)),
            _ => None,
        },
        XdsType::ExtensionConfig => {
            let type_url = at(resource, &["typed_config", "@type"])?.as_str()?;
            let name = type_url.rsplit(['.', '/']).next().unwrap_or(type_url);
            Some(escape::name(name, style))
        }
        XdsType::Bootstrap | XdsType::ScopedRoute | XdsType::Other(_) => None,
    }
}

fn at<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

fn items<'a>(value: &'a Value, keys: &[&str]) -> &'a [Value] {
    match at(value, keys) {
        Some(Value::List(list)) => &list.items,
        _ => &[],
    }
}
