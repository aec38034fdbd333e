//! Addresses, as Envoy writes them in a text.

use serde::Deserialize;

/// `envoy.config.core.v3.Address`, as far as admin pages print it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    #[serde(alias = "socketAddress")]
    socket_address: Option<SocketAddress>,
    pipe: Option<Pipe>,
    #[serde(alias = "envoyInternalAddress")]
    envoy_internal_address: Option<InternalAddress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SocketAddress {
    address: String,
    #[serde(alias = "portValue")]
    port_value: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pipe {
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InternalAddress {
    #[serde(alias = "serverListenerName")]
    server_listener_name: String,
    #[serde(alias = "endpointId")]
    endpoint_id: String,
}

impl Address {
    /// `10.0.0.1:80`, `[::1]:80`, `/path/of.sock`, `envoy://listener/endpoint`; empty where there is none.
    pub(super) fn text(self) -> String {
        if let Some(SocketAddress {
            address,
            port_value,
        }) = self.socket_address
        {
            return match address.contains(':') {
                true => format!("[{address}]:{port_value}"),
                false => format!("{address}:{port_value}"),
            };
        }
        if let Some(internal) = self.envoy_internal_address {
            let InternalAddress {
                server_listener_name,
                endpoint_id,
            } = internal;
            return format!("envoy://{server_listener_name}/{endpoint_id}");
        }
        self.pipe.map(|pipe| pipe.path).unwrap_or_default()
    }
}
