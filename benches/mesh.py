#!/usr/bin/env python3
"""Write big, realistic config dumps of one Istio mesh, before and after a known change.

For each of P proxies of a mesh of N services it writes, under OUT:

    before/<proxy>.envoy.json    what Envoy's admin prints at /config_dump?include_eds
    before/<proxy>.istiod.json   what istiod prints at /debug/config_dump?proxyID=<proxy>&include_eds
    after/...                    the same after a change that touches exactly K resources
    truth.json                   the K changes: type, name, field, path, item, kind, before, after
    mesh.json                    what was generated: arguments, proxies, sizes

What is modelled
  * Envoy form: snake_case, 1-space indentation, Envoy's section order; clusters and endpoint assignments sorted by name, listeners
    in arrival order, route configurations and secrets in hash order (one per process); map and Struct entries in random order, which
    stays while the process lives, except in endpoint assignments: Envoy rebuilds them for each request, with weights, health and
    overprovisioning_factor filled in.
  * istiod form: lowerCamelCase, compact (--istiod-pretty: 4 spaces), sorted map keys, no last_updated, resources as sent,
    in istiod's order; no workload secrets; the bootstrap section is empty.
  * One mesh: all proxies hold the same clusters, endpoints and outbound listeners. Per proxy: bootstrap, virtualInbound, inbound
    clusters, workload certificate, and in each route configuration the short host name of services in the proxy's own namespace.
  * Per service: 1 HTTP port out of eight, 15% a TCP port too (a listener of its own on the cluster IP), 10% a gRPC port too; a third has
    a DestinationRule (outlier detection, connection pool, metadata), 5% of all have the subsets v1 and v2 and a weighted
    VirtualService; 3 to 10 endpoints in up to three zones; mutual TLS through transport_socket_matches.
    Certificates are random bytes in PEM dress.
  * Volatile: --volatile all (default): every last_updated and version_info differs between before and after, as when the pod was
    replaced, and so does the order of routes and secrets; --volatile changed: only those of changed resources, as in one Envoy process
    (then only endpoint assignments change their map order, as seen on real dumps); --volatile none: no version or time differs.
    --xds delta (default, as Istio speaks it): only the sections of clusters and listeners, and secrets, carry version_info;
    --xds sotw: each resource does.

Same arguments, same bytes. Only the standard library is needed. Some 100 MB/s on one free core.

Examples
    mesh.py --services 5000 --changes 5 --out mesh5000
    mesh.py --services 1000 --proxies 100 --sides before --forms envoy --out fleet
    mesh.py --services 5000 --changes 0 --volatile all --out nothing-changed
    mesh.py --services 200 --bootstrap config_dump.json --out small
"""
import argparse
import base64
import json
import os
import random
import re
import sys
import time

VARIANTS = 6
HTTP_PORTS = [8080, 80, 9080, 9090, 8000, 3000, 5000, 7070]
GRPC_PORT = 50051
WORDS_A = ("account auction audit basket billing booking cart catalog checkout claims consent coupon credit currency customer "
           "delivery device discount document email events export feed fraud gateway geo identity import inventory invoice "
           "ledger loyalty mailer media merchant message metrics notify offer order packing payment pricing product profile "
           "promo quote rating recommend refund report returns review risk search session shipping stock tax token user wallet").split()
WORDS_B = "api backend cache core engine frontend gateway handler manager processor proxy reader scheduler service store sync worker writer".split()
TEAMS = "atlas beacon cobalt delta ember falcon granite harbor indigo juniper kestrel lagoon maple nimbus onyx pioneer quartz".split()
REGIONS = ["europe-west4", "europe-west1", "us-central1"]
ZONES = ["a", "b", "c"]
MAX32 = 4294967295
T = "type.googleapis.com/"
FM = ("filter_metadata", "typed_extension_protocol_options", "typed_per_filter_config", "typed_filter_metadata", "policies")

# ---------------------------------------------------------------------------------------------- templates to text
#
# A template is a resource in Envoy's form. "@{x}" in a string stands for a value, "@{#x}" as a whole string for a number.


def shuffled(obj, rng, inmap=False):
    """The same document with map and Struct entries in random order (rng None: sorted, as istiod prints them)."""
    if isinstance(obj, list):
        return [shuffled(v, rng, inmap) for v in obj]
    if not isinstance(obj, dict):
        return obj
    items = list(obj.items())
    if inmap and "@type" not in obj:
        items.sort()
        if rng:
            rng.shuffle(items)
    out = {}
    for k, v in items:
        struct = k in FM or (k == "match" and isinstance(v, dict) and "tlsMode" in v) or (k == "value" and "type_url" in obj)
        # inside typed configs (an Any) keys are fields again
        nested = isinstance(v, dict) and "@type" in v
        out[k] = shuffled(v, rng, (struct or inmap) and not nested)
    return out


def camel(key):
    head, *rest = key.split("_")
    return head + "".join(p[:1].upper() + p[1:] for p in rest)


def istiod_form(obj, inmap=False):
    """Field names in lowerCamelCase and in the order of the Go structs; map and Struct keys as they are."""
    if isinstance(obj, list):
        return [istiod_form(v, inmap) for v in obj]
    if not isinstance(obj, dict):
        return obj
    out = {}
    for k, v in obj.items():
        mapped = k in FM or (k == "match" and isinstance(v, dict) and "tlsMode" in v) or (k == "value" and "type_url" in obj)
        nested = isinstance(v, dict) and "@type" in v
        struct = mapped and k in ("match", "value")
        if inmap == "struct":
            out[k] = istiod_form(v, "struct")
        elif inmap == "map":       # an entry of a map: its key stays; its value is a message, or a Struct in filter_metadata
            out[k] = istiod_form(v, False)
        elif inmap == "fm":
            out[k] = istiod_form(v, "struct")
        else:
            kind = "struct" if struct else ("fm" if k == "filter_metadata" else ("map" if mapped else False))
            out[k if k.startswith("@") else camel(k)] = istiod_form(v, False if nested else kind)
    if inmap:
        return out
    # Go struct order where it is not the order of field numbers
    if "transportSocketMatches" in out:
        out = {**({"@type": out["@type"]} if "@type" in out else {}), "transportSocketMatches": out["transportSocketMatches"], **out}
    if "match" in out and "name" in out and ("route" in out or "directResponse" in out):
        out = {"name": out["name"], **out}
    if "altStatName" in out:
        out = {**{k: out[k] for k in ("@type", "transportSocketMatches", "name", "altStatName") if k in out}, **out}
    if "alpnProtocols" in out:
        out["alpnProtocols"] = out.pop("alpnProtocols")
    return out


def fill(text):
    """Template text to a %-format string."""
    text = text.replace("%", "%%")
    text = re.sub(r'"@\{#(\w+)\}"', r"%(\1)s", text)
    return re.sub(r"@\{(\w+)\}", r"%(\1)s", text)


def escape(text):
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def envoy_text(obj, depth):
    pad = " " * depth
    return pad + escape(json.dumps(obj, indent=1, ensure_ascii=False)).replace("\n", "\n" + pad)


class Form:
    """How resources are printed by one of the two sources."""

    def __init__(self, envoy, pretty=False, fixed=False, sotw=False):
        self.envoy, self.pretty, self.variants = envoy, pretty, 1 if (not envoy or fixed) else VARIANTS
        self.versions = sotw or not envoy
        self.sep = ",\n" if envoy or pretty else ","

    def text(self, obj, depth, rng):
        if self.envoy:
            return envoy_text(shuffled(obj, rng), depth)
        obj = shuffled(istiod_form(obj), None)
        if self.pretty:
            pad = "    " * depth
            return pad + escape(json.dumps(obj, indent=4, ensure_ascii=False)).replace("\n", "\n" + pad)
        return escape(json.dumps(obj, separators=(",", ":"), ensure_ascii=False)).replace("&", "\\u0026")

    def compile(self, obj, depth, name):
        """The %-format strings of a template: one per map order."""
        return [fill(self.text(obj, depth, random.Random("%s/%d" % (name, v)) if self.variants > 1 else None))
                for v in range(self.variants)]


def fake_pem(seed, size):
    """What a certificate looks like in a dump: base64 of PEM. The bytes are random, no certificate."""
    der = base64.b64encode(random.Random(seed).getrandbits(size * 8).to_bytes(size, "big")).decode()
    lines = [der[i:i + 64] for i in range(0, len(der), 64)]
    pem = "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % "\n".join(lines)
    return base64.b64encode(pem.encode()).decode()


def ads():
    return {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}


def sds():
    return {"api_config_source": {"api_type": "GRPC", "grpc_services": [{"envoy_grpc": {"cluster_name": "sds-grpc"}}],
                                  "set_node_on_first_message_only": True, "transport_api_version": "V3"},
            "initial_fetch_timeout": "0s", "resource_api_version": "V3"}


def tls_context(kind, sans=None, sni=None, alpn=("istio-peer-exchange", "istio"), client_cert=False):
    ctx = {"@type": T + "envoy.extensions.transport_sockets.tls.v3." + kind,
           "common_tls_context": {
               "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3",
                              "cipher_suites": ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
                                                "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                                                "AES256-GCM-SHA384", "AES128-GCM-SHA256"]} if client_cert else
               {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
               "alpn_protocols": list(alpn),
               "tls_certificate_sds_secret_configs": [{"name": "default", "sds_config": sds()}],
               "combined_validation_context": {
                   "default_validation_context": ({"match_subject_alt_names": [{"exact": s} for s in sans]} if sans else
                                                  {"match_subject_alt_names": [{"prefix": "spiffe://cluster.local/"}]}),
                   "validation_context_sds_secret_config": {"name": "ROOTCA", "sds_config": sds()}}}}
    if sni:
        ctx["sni"] = sni
    if client_cert:
        ctx["require_client_certificate"] = True
    return ctx


def cluster(dr, subset, grpc):
    c = {"@type": T + "envoy.config.cluster.v3.Cluster", "name": "@{name}", "type": "EDS",
         "eds_cluster_config": {"eds_config": ads(), "service_name": "@{name}"},
         "connect_timeout": "@{connect_timeout}", "lb_policy": "LEAST_REQUEST",
         "circuit_breakers": {"thresholds": [
             {"max_connections": "@{#max_connections}", "max_pending_requests": MAX32, "max_requests": MAX32, "max_retries": MAX32}]}}
    if dr:
        c["outlier_detection"] = {"consecutive_5xx": "@{#consecutive}", "interval": "@{interval}", "base_ejection_time": "30s",
                                  "max_ejection_percent": 50, "enforcing_consecutive_5xx": 100, "enforcing_success_rate": 0}
    meta = {"services": [{"name": "@{host}", "host": "@{host}", "namespace": "@{ns}"}]}
    if dr:
        meta["config"] = "/apis/networking.istio.io/v1/namespaces/@{ns}/destination-rule/@{svc}"
    if subset:
        meta["subset"] = "@{subset}"
    c["metadata"] = {"filter_metadata": {"istio": meta}}
    if dr:
        c["metadata"]["filter_metadata"]["envoy.lb.policy"] = {"owner": "@{ns}", "tier": "standard"}
    c["common_lb_config"] = {}
    c["alt_stat_name"] = "@{name};"
    if grpc or dr:
        o = {"@type": T + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"}
        if dr:
            o["common_http_protocol_options"] = {"idle_timeout": "900s", "max_requests_per_connection": 1024}
        o["explicit_http_config"] = {"http2_protocol_options": {}} if grpc else {"http_protocol_options": {}}
        c["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": o}
    c["filters"] = [{"name": "istio.metadata_exchange",
                     "typed_config": {"@type": T + "udpa.type.v1.TypedStruct",
                                      "type_url": T + "envoy.tcp.metadataexchange.config.MetadataExchange",
                                      "value": {"protocol": "istio-peer-exchange", "enable_discovery": True}}}]
    c["transport_socket_matches"] = [
        {"name": "tlsMode-istio", "match": {"tlsMode": "istio"},
         "transport_socket": {"name": "envoy.transport_sockets.tls",
                              "typed_config": tls_context("UpstreamTlsContext", ["spiffe://cluster.local/ns/@{ns}/sa/@{sa}"],
                                                          "outbound_.@{port}_.@{subset}_.@{host}",
                                                          ("istio-peer-exchange", "istio", "h2") if grpc else ("istio-peer-exchange", "istio"))}},
        {"name": "tlsMode-disabled", "match": {},
         "transport_socket": {"name": "envoy.transport_sockets.raw_buffer",
                              "typed_config": {"@type": T + "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"}}}]
    return c


def plain_cluster(name, kind, port=None, timeout="10s"):
    c = {"@type": T + "envoy.config.cluster.v3.Cluster", "name": name, "type": kind, "connect_timeout": timeout}
    if timeout == "10s":
        c["alt_stat_name"] = name + ";"
    if kind == "ORIGINAL_DST":
        c["lb_policy"] = "CLUSTER_PROVIDED"
        c["circuit_breakers"] = {"thresholds": [{"max_connections": MAX32, "max_pending_requests": MAX32, "max_requests": MAX32,
                                                 "max_retries": MAX32}]}
        c["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": T + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "common_http_protocol_options": {"idle_timeout": "300s"},
            "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}}}
    if port:
        c["load_assignment"] = {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}]}]}
    return c


def vhost(weighted):
    if weighted:
        action = {"weighted_clusters": {"clusters": [
            {"name": "outbound|@{port}|v1|@{host}", "weight": "@{#w1}"}, {"name": "outbound|@{port}|v2|@{host}", "weight": "@{#w2}"}],
            "total_weight": 100}}
    else:
        action = {"cluster": "outbound|@{port}||@{host}"}
    action.update({"timeout": "@{timeout}",
                   "retry_policy": {"retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes", "num_retries": 2,
                                    "retry_host_predicate": [{"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {
                                        "@type": T + "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}],
                                    "host_selection_retry_max_attempts": "5"}, "max_grpc_timeout": "0s"})
    route = {"match": {"prefix": "/"}, "route": action}
    if weighted:
        route["metadata"] = {"filter_metadata": {"istio": {
            "config": "/apis/networking.istio.io/v1/namespaces/@{ns}/virtual-service/@{svc}"}}}
    route["decorator"] = {"operation": "@{host}:@{port}/*"}
    route["name"] = "default"
    return {"name": "@{host}:@{port}", "domains": "@{#domains}", "routes": [route], "include_request_attempt_count": True}


def allow_any():
    return {"name": "allow_any", "domains": ["*"],
            "routes": [{"match": {"prefix": "/"},
                        "route": {"cluster": "PassthroughCluster", "timeout": "0s", "max_grpc_timeout": "0s"},
                        "name": "allow_any"}], "include_request_attempt_count": True}


def access_log(listener=False):
    fmt = ('[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
           '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% '
           '%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" '
           '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% '
           '%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n')
    log = {"name": "envoy.access_loggers.file", "typed_config": {
        "@type": T + "envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": "/dev/stdout",
        "log_format": {"text_format_source": {"inline_string": fmt}}}}
    if listener:
        log = {"name": log["name"], "filter": {"response_flag_filter": {"flags": ["NR"]}}, "typed_config": log["typed_config"]}
    return [log]


def stats_filter(tcp=False):
    return {"name": "istio.stats", "typed_config": {
        "@type": T + "udpa.type.v1.TypedStruct", "type_url": T + "stats.PluginConfig",
        "value": {"disable_host_header_fallback": True} if not tcp else {}}}


def http_filters(inbound=False):
    alpn = [{"upstream_protocol": "HTTP10", "alpn_override": ["istio-http/1.0", "istio", "http/1.0"]},
            {"upstream_protocol": "HTTP11", "alpn_override": ["istio-http/1.1", "istio", "http/1.1"]},
            {"upstream_protocol": "HTTP2", "alpn_override": ["istio-h2", "istio", "h2"]}]
    pre = [] if inbound else [{"name": "istio.alpn", "typed_config": {
        "@type": T + "udpa.type.v1.TypedStruct", "type_url": T + "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig",
        "value": {"alpn_override": alpn}}}]
    if inbound:
        pre = [{"name": "envoy.filters.http.rbac", "typed_config": {
            "@type": T + "envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"policies": {"ns[@{ns}]-policy[allow-@{svc}]-rule[%d]" % i: {
                "permissions": [{"and_rules": {"rules": [{"or_rules": {"rules": [{"destination_port": p}]}}]}}],
                "principals": [{"and_ids": {"ids": [{"or_ids": {"ids": [
                    {"authenticated": {"principal_name": {"exact": "spiffe://cluster.local/ns/%s/sa/%s" % (TEAMS[i], w)}}}
                    for w in ("frontend", "gateway")]}}]}}]} for i, p in enumerate((8080, 8443, 9090))}}}}]
    return pre + [
        {"name": "envoy.filters.http.fault", "typed_config": {"@type": T + "envoy.extensions.filters.http.fault.v3.HTTPFault"}},
        {"name": "envoy.filters.http.cors", "typed_config": {"@type": T + "envoy.extensions.filters.http.cors.v3.Cors"}},
        {"name": "envoy.filters.http.grpc_stats", "typed_config": {
            "@type": T + "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig", "emit_filter_state": True, "stats_for_all_methods": False}},
        stats_filter(),
        {"name": "envoy.filters.http.router", "typed_config": {"@type": T + "envoy.extensions.filters.http.router.v3.Router"}}]


def hcm(prefix, route, inbound=False):
    h = {"@type": T + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": prefix}
    if isinstance(route, str):
        h["rds"] = {"config_source": ads(), "route_config_name": route}
    else:
        h["route_config"] = route
    h["http_filters"] = http_filters(inbound)
    h["tracing"] = {"client_sampling": {"value": 100}, "random_sampling": {"value": 1}, "overall_sampling": {"value": 100},
                    "custom_tags": [{"tag": "istio.canonical_revision", "literal": {"value": "latest"}},
                                    {"tag": "istio.mesh_id", "literal": {"value": "cluster.local"}},
                                    {"tag": "istio.namespace", "literal": {"value": "@{ns}"}}]}
    if inbound:
        h["server_name"] = "istio-envoy"
    h["access_log"] = access_log()
    h["use_remote_address"] = False
    h["upgrade_configs"] = [{"upgrade_type": "websocket"}]
    h["stream_idle_timeout"] = "@{idle}"
    h["normalize_path"] = True
    h["request_id_extension"] = {"typed_config": {
        "@type": T + "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", "use_request_id_for_trace_sampling": True}}
    h["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED"
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": h}


def tcp_proxy(cluster_name, prefix=None, idle=None):
    t = {"@type": T + "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": prefix or cluster_name, "cluster": cluster_name}
    if idle:
        t["idle_timeout"] = idle
    t["access_log"] = access_log()
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": t}


def inspector(which):
    return {"name": "envoy.filters.listener." + which, "typed_config": {
        "@type": T + "envoy.extensions.filters.listener.%s.v3.%s" % (which, "".join(p.title() for p in which.split("_")))}}


def sock(address, port):
    return {"socket_address": {"address": address, "port_value": port}}


def listener_http():
    return {"@type": T + "envoy.config.listener.v3.Listener", "name": "0.0.0.0_@{port}", "address": sock("0.0.0.0", "@{#port}"),
            "filter_chains": [{"filter_chain_match": {"transport_protocol": "raw_buffer", "application_protocols": ["http/1.1", "h2c"]},
                               "filters": [hcm("outbound_0.0.0.0_@{port};", "@{port}")], "transport_socket_connect_timeout": "15s"}],
            "listener_filters": [inspector("tls_inspector"), inspector("http_inspector")],
            "listener_filters_timeout": "0s", "traffic_direction": "OUTBOUND", "continue_on_listener_filters_timeout": True,
            "access_log": access_log(True),
            "default_filter_chain": {"filters": [stats_filter(True), tcp_proxy("PassthroughCluster")], "name": "PassthroughFilterChain"},
            "bind_to_port": False}


def listener_tcp():
    return {"@type": T + "envoy.config.listener.v3.Listener", "name": "@{ip}_@{port}", "address": sock("@{ip}", "@{#port}"),
            "filter_chains": [{"filters": [stats_filter(True), tcp_proxy("outbound|@{port}||@{host}", idle="@{idle}")], "transport_socket_connect_timeout": "15s"}],
            "traffic_direction": "OUTBOUND", "access_log": access_log(True), "bind_to_port": False}


def listener_virtual_outbound():
    return {"@type": T + "envoy.config.listener.v3.Listener", "name": "virtualOutbound", "address": sock("0.0.0.0", 15001),
            "filter_chains": [{"filter_chain_match": {"destination_port": 15001},
                               "filters": [stats_filter(True), tcp_proxy("BlackHoleCluster")], "name": "virtualOutbound-blackhole"},
                              {"filters": [stats_filter(True), tcp_proxy("PassthroughCluster")], "name": "virtualOutbound-catchall-tcp"}],
            "use_original_dst": True, "traffic_direction": "OUTBOUND", "access_log": access_log(True)}


def listener_virtual_inbound():
    chains = []
    for port, name in (("@{#inport}", "0.0.0.0_@{inport}"), (None, "virtualInbound-catchall-http")):
        for mode in ("tls", "raw_buffer"):
            match = {}
            if port:
                match["destination_port"] = port
            else:
                match["prefix_ranges"] = [{"address_prefix": "0.0.0.0", "prefix_len": 0}]
            match["transport_protocol"] = mode
            if mode == "tls":
                match["application_protocols"] = ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"]
            rc = {"name": "inbound|%s||" % ("@{inport}" if port else ""), "virtual_hosts": [{
                "name": "inbound|http|%s" % ("@{inport}" if port else "0"), "domains": ["*"],
                "routes": [{"match": {"prefix": "/"},
                            "route": {"cluster": "inbound|@{inport}||" if port else "InboundPassthroughCluster", "timeout": "0s",
                                      "max_grpc_timeout": "0s"},
                            "decorator": {"operation": "@{host}:@{inport}/*"}, "name": "default"}]}], "validate_clusters": False}
            chain = {"filter_chain_match": match, "filters": [
                {"name": "istio.metadata_exchange", "typed_config": {
                    "@type": T + "udpa.type.v1.TypedStruct", "type_url": T + "envoy.tcp.metadataexchange.config.MetadataExchange",
                    "value": {"protocol": "istio-peer-exchange", "enable_discovery": True}}},
                hcm("inbound_" + name, rc, True)]}
            if mode == "tls":
                chain["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": tls_context(
                    "DownstreamTlsContext", alpn=("h2", "http/1.1"), client_cert=True)}
            chain["name"] = name
            chains.append(chain)
    chains.insert(0, {"filter_chain_match": {"destination_port": 15006}, "filters": [tcp_proxy("BlackHoleCluster")],
                      "name": "virtualInbound-blackhole"})
    return {"@type": T + "envoy.config.listener.v3.Listener", "name": "virtualInbound", "address": sock("0.0.0.0", 15006),
            "filter_chains": chains, "use_original_dst": True,
            "listener_filters": [inspector("original_dst"), inspector("tls_inspector"), inspector("http_inspector")],
            "listener_filters_timeout": "0s", "traffic_direction": "INBOUND", "continue_on_listener_filters_timeout": True,
            "access_log": access_log(True)}


def host_entry(envoy, tls):
    e = {"endpoint": {"address": sock("@{ip}", "@{#port}")}, **({"health_status": "HEALTHY"} if envoy else {}),
         "metadata": {"filter_metadata": {"istio": {"workload": "@{workload}"}}}, "load_balancing_weight": "@{#weight}"}
    if envoy:
        e["endpoint"]["health_check_config"] = {}
    if tls:
        e["metadata"]["filter_metadata"]["envoy.transport_socket_match"] = {"tlsMode": "istio"}
    return e


# ---------------------------------------------------------------------------------------------- the mesh


class Service:
    __slots__ = "index name ns host ip sa http tcp grpc dr subsets hosts values".split()


def make_services(n, seed):
    rng = random.Random("services/%s/%d" % (seed, n))
    namespaces = ["%s-%02d" % (TEAMS[i % len(TEAMS)], i) for i in range(max(1, n // 25))]
    out, addr = [], 0
    for i in range(n):
        s = Service()
        s.index, s.ns = i, namespaces[rng.randrange(len(namespaces))]
        s.name = "%s-%s-%04d" % (rng.choice(WORDS_A), rng.choice(WORDS_B), i)
        s.host = "%s.%s.svc.cluster.local" % (s.name, s.ns)
        s.ip = "10.%d.%d.%d" % (96 + (i >> 16), (i >> 8) & 255, i & 255)
        s.sa = s.name
        s.http = HTTP_PORTS[min(int(rng.expovariate(0.45)), len(HTTP_PORTS) - 1)]
        s.tcp = rng.choice((5432, 6379, 9092, 27017)) if rng.random() < 0.15 else None
        s.grpc = rng.random() < 0.10
        s.dr = rng.random() < 1 / 3
        s.subsets = ("v1", "v2") if s.dr and rng.random() < 0.15 else ()
        region, hosts = rng.choice(REGIONS), []
        pod = "%s-%08x" % (s.name, rng.getrandbits(32))
        for j in range(rng.randint(3, 10)):
            addr += 1
            hosts.append(("10.%d.%d.%d" % (128 + (addr >> 16), (addr >> 8) & 255, addr & 255), region, region + "-" + ZONES[rng.randrange(3)],
                          "v%d" % (1 + (j & 1)), pod))
        hosts.sort(key=lambda h: (h[1], h[2]))
        s.hosts = hosts
        s.values = {"svc": s.name, "host": s.host, "ns": s.ns, "sa": s.sa, "connect_timeout": "10s", "max_connections": MAX32,
                    "consecutive": rng.choice((5, 7, 10)), "interval": rng.choice(("5s", "10s", "30s")), "timeout": "0s", "w1": 90, "w2": 10}
        out.append(s)
    return out, namespaces


def clusters_of(s):
    """(port, subset, grpc) of each outbound cluster of a service."""
    ports = [(s.http, False)]
    if s.tcp:
        ports.append((s.tcp, False))
    if s.grpc and s.http != GRPC_PORT:
        ports.append((GRPC_PORT, True))
    return [(p, sub, g) for p, g in ports for sub in ("",) + tuple(s.subsets)]


def cname(s, port, subset):
    return "outbound|%d|%s|%s" % (port, subset, s.host)


class Mesh:
    def __init__(self, args):
        self.a = args
        self.services, self.namespaces = make_services(args.services, args.seed)
        self.by_route = {}
        for s in self.services:
            self.by_route.setdefault(s.http, []).append(s)
            if s.grpc:
                self.by_route.setdefault(GRPC_PORT, []).append(s)
        self.tcp = [s for s in self.services if s.tcp]
        self.over, self.truth, self.ver = {}, [], {}
        self.make_changes(args.changes)
        self.proxies = [self.make_proxy(i) for i in range(args.proxies)]
        self.forms = {"envoy": Templates(Form(True, fixed=args.map_order == "fixed", sotw=args.xds == "sotw")), "istiod": Templates(Form(False, args.istiod_pretty))}

    def make_proxy(self, i):
        rng = random.Random("proxy/%s/%d" % (self.a.seed, i))
        s = self.services[rng.randrange(len(self.services))]
        pod = "%s-%s-%s" % (s.name, "%09x" % rng.getrandbits(36), "".join(rng.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5)))
        return {"id": "%s.%s" % (pod, s.ns), "pod": pod, "ns": s.ns, "svc": s.name, "host": s.host, "sa": s.sa, "inport": s.http,
                "ip": s.hosts[0][0], "idle": "0s", "index": i}

    def make_changes(self, k):
        rng = random.Random("changes/%s/%d/%d" % (self.a.seed, len(self.services), k))
        done = set()

        def add(type_, name, key, value, old, field, path, item=None):
            self.over.setdefault((type_, name, item), {})[key] = value
            done.add((type_, name))
            self.truth.append({"type": type_, "name": name, "kind": "changed", "field": field, "path": path, "item": item,
                               "before": old, "after": value})

        kinds = ["cluster", "route", "endpoint", "listener", "outlier"]
        i = misses = 0
        while len(self.truth) < k and misses < 50 * (k + 1):
            kind = kinds[i % len(kinds)]
            i += 1
            s = rng.choice(self.services)
            if kind == "cluster":
                n = cname(s, s.http, "")
                if ("cluster", n) not in done:
                    add("cluster", n, "connect_timeout", "3s", "10s", "connect_timeout", "$.connect_timeout")
                    continue
            elif kind == "outlier":
                n = cname(s, s.http, "")
                if s.dr and ("cluster", n) not in done:
                    add("cluster", n, "consecutive", 3, s.values["consecutive"], "outlier_detection.consecutive_5xx",
                        "$.outlier_detection.consecutive_5xx")
                    continue
                i -= 1
            elif kind == "endpoint":
                n = cname(s, s.http, "")
                if ("endpoint", n) not in done:
                    j = rng.randrange(len(s.hosts))
                    h = s.hosts[j]
                    addr = "%s:%d" % (h[0], s.http)
                    add("endpoint", n, "weight", 5, 1, "endpoints.lb_endpoints.load_balancing_weight",
                        "$.endpoints[?@.locality.zone=='%s'].lb_endpoints[?@.endpoint.address.socket_address.address=='%s'].load_balancing_weight"
                        % (h[2], h[0]), addr)
                    continue
            elif kind == "route":
                n = str(s.http)
                if ("route", n) not in done:
                    vh = "%s:%d" % (s.host, s.http)
                    p = "$.virtual_hosts[?@.name=='%s'].routes[0].route" % vh
                    if s.subsets:
                        i -= 1
                    else:
                        add("route", n, "timeout", "15s", "0s", "virtual_hosts.routes.route.timeout", p + ".timeout", vh)
                        continue
            elif kind == "listener":
                if self.tcp:
                    s = rng.choice(self.tcp)
                    n = "%s_%d" % (s.ip, s.tcp)
                    if ("listener", n) not in done:
                        add("listener", n, "idle", "600s", "0s", "filter_chains.filters.typed_config.idle_timeout",
                            "$.filter_chains[0].filters[?@.name=='envoy.filters.network.tcp_proxy'].typed_config.idle_timeout")
                        continue
            misses += 1
        if len(self.truth) < k:
            sys.exit("mesh.py: a mesh of %d services has no %d distinct resources to change" % (len(self.services), k))

    # -- one dump

    def write(self, proxy, side, form, path):
        t = self.forms[form]
        a = self.a
        rng = random.Random("dump/%s/%s/%s" % (a.seed, proxy["id"], side))           # one per dump
        order = random.Random("process/%s/%s/%s" % (a.seed, proxy["id"], side if a.volatile == "all" else ""))     # hash order: one per process
        after = side == "after"
        over = self.over if after else {}
        moved = after and a.volatile == "all"
        base_ver = "2026-11-20T09:14:02Z/%d" % 341
        new_ver = "2026-11-20T10:48:33Z/%d" % 358
        top_ver = (new_ver if after and a.volatile != "none" else base_ver)
        clock0 = 32400000 + proxy["index"] * 37123 % 3600000 + (5400000 if moved else 0)
        envoy = form == "envoy"
        nvar = t.form.variants

        def stamp(n, changed=False):
            ms = clock0 + n // 40
            if changed and a.volatile == "changed":
                ms = 38913000 + n
            h, ms = divmod(ms, 3600000)
            m, ms = divmod(ms, 60000)
            sec, ms = divmod(ms, 1000)
            return "2026-11-20T%02d:%02d:%02d.%03dZ" % (h, m, sec, ms)

        def ver(changed=False):
            return new_ver if moved or (changed and after and a.volatile == "changed") else base_ver

        # stored messages keep their map order while the process lives; endpoint assignments are rebuilt, and so reordered, for each request
        stored = random.Random("maps/%s/%s/%s" % (a.seed, proxy["id"], side if a.volatile == "all" else ""))

        def var():
            return stored.randrange(nvar) if nvar > 1 else 0

        def var_eds():
            return rng.randrange(nvar) if nvar > 1 else 0

        out = []
        w = out.append
        sep = t.form.sep
        count = 0

        # clusters
        rows = []
        for s in self.services:
            for port, subset, grpc in clusters_of(s):
                name = cname(s, port, subset)
                v = dict(s.values)
                v.update(name=name, port=port, subset=subset)
                o = over.get(("cluster", name, None))
                if o:
                    v.update(o)
                rows.append((name, t.cluster[s.dr, bool(subset), grpc], v, bool(o)))
        pv = dict(proxy)
        for name in ("BlackHoleCluster", "PassthroughCluster", "InboundPassthroughCluster", "inbound|%d||" % proxy["inport"]):
            rows.append((name, t.other[name.split("|")[0]], pv, False))
        if envoy:
            rows.sort(key=lambda r: r[0])
        clusters = []
        for name, tmpl, v, changed in rows:
            v["ver"] = ver(changed)
            v["ts"] = stamp(count, changed)
            count += 1
            clusters.append(tmpl[var()] % v)

        # endpoints; a locality's weight is the number of its hosts, so that a changed host weight is one changed value
        eps = []
        for s in self.services:
            for port, subset, grpc in clusters_of(s):
                name = cname(s, port, subset)
                zones, last = [], None
                for h in s.hosts:
                    if subset and h[3] != subset:
                        continue
                    v = {"ip": h[0], "port": port, "weight": 1, "workload": "%s-%s;%s;%s;%s;Kubernetes" % (s.name, h[3], s.ns, s.name, h[3])}
                    if over:
                        o = over.get(("endpoint", name, "%s:%d" % (h[0], port)))
                        if o:
                            v.update(o)
                    if h[2] != last:
                        zones.append((h[1], h[2], []))
                        last = h[2]
                    zones[-1][2].append(t.host[var_eds()] % v)
                eps.append((name, t.cla % {"name": name, "ver": base_ver, "localities": sep.join(
                    t.locality % {"region": r, "zone": z, "hosts": sep.join(hs), "weight": len(hs)}
                    for r, z, hs in zones)}))
        if envoy:
            for name in ("BlackHoleCluster", "PassthroughCluster", "InboundPassthroughCluster"):
                eps.append((name, t.cla_empty % {"name": name}))
            eps.sort()
        eps = [e[1] for e in eps]

        # listeners
        lis = [t.v_out[var()] % {"ver": ver(), "ts": stamp(count)}, t.v_in[var()] % {**pv, "ver": ver(), "ts": stamp(count)}]
        for port in sorted(self.by_route):
            lis.append(t.l_http[var()] % {"port": port, "idle": "0s", "ns": proxy["ns"], "ver": ver(), "ts": stamp(count)})
        for s in self.tcp:
            name = "%s_%d" % (s.ip, s.tcp)
            v = {"ip": s.ip, "port": s.tcp, "host": s.host, "idle": "0s"}
            o = over.get(("listener", name, None))
            if o:
                v.update(o)
            v["ver"], v["ts"] = ver(bool(o)), stamp(count, bool(o))
            count += 1
            lis.append(t.l_tcp[var()] % v)

        # routes
        routes = []
        changed_routes = {k[1] for k in over if k[0] == "route"}
        for port in sorted(self.by_route):
            vhs = []
            for s in self.by_route[port]:
                v = dict(s.values)
                v["port"] = port
                v["domains"] = (t.dom_near if s.ns == proxy["ns"] else t.dom_far) % (
                    {"host": s.host, "svc": s.name, "ns": s.ns, "ip": s.ip})
                o = over.get(("route", str(port), "%s:%d" % (s.host, port))) if over else None
                if o:
                    v.update(o)
                vhs.append(t.vhost[bool(s.subsets)][var()] % v)
            vhs.append(t.allow_any)
            c = str(port) in changed_routes
            routes.append(t.route % {"name": port, "ver": ver(c), "ts": stamp(count, c), "vhosts": sep.join(vhs)})
        if envoy:
            order.shuffle(routes)

        # the document
        cert = fake_pem("cert/%s/%s" % (a.seed, proxy["id"]), 1100)
        if envoy:
            w('{\n "configs": [\n')
            w(self.bootstrap(proxy, stamp(0)))
            w(',\n')
            w(t.open["clusters"] % {"ver": top_ver})
            w(t.statics % {"ts": stamp(0)})
            w('\n   ],\n   "dynamic_active_clusters": [\n')
            w(sep.join(clusters))
            w('\n   ]\n  },\n  {\n   "@type": "' + T + 'envoy.admin.v3.EndpointsConfigDump",\n   "dynamic_endpoint_configs": [\n')
            w(sep.join(eps))
            w('\n   ]\n  },\n')
            w(t.open["listeners"] % {"ver": top_ver})
            w(sep.join(lis))
            w('\n   ]\n  },\n  {\n   "@type": "' + T + 'envoy.admin.v3.ScopedRoutesConfigDump"\n  },\n')
            w('  {\n   "@type": "' + T + 'envoy.admin.v3.RoutesConfigDump",\n   "static_route_configs": [\n')
            statics = [t.inline_in % {**pv, "ts": stamp(count)} for _ in range(2)] + [t.inline_any % {**pv, "ts": stamp(count)} for _ in range(2)]
            order.shuffle(statics)
            w(sep.join(statics))
            w('\n   ],\n   "dynamic_route_configs": [\n')
            w(sep.join(routes))
            w('\n   ]\n  },\n')
            w('  {\n   "@type": "' + T + 'envoy.admin.v3.SecretsConfigDump",\n   "dynamic_active_secrets": [\n')
            secrets = [t.secret % {"ver": ver(), "ts": stamp(0), "cert": cert}, t.rootca % {"ver": ver(), "ts": stamp(0)}]
            order.shuffle(secrets)
            w(sep.join(secrets))
            w('\n   ]\n  }\n ]\n}\n')
        else:
            doc = t.istiod_doc(top_ver)
            w(doc[0]); w(sep.join(clusters)); w(doc[1]); w(sep.join(eps)); w(doc[2]); w(sep.join(lis)); w(doc[3])
            w(sep.join(routes)); w(doc[4])
        with open(path, "w", encoding="utf-8", newline="\n") as f:
            f.writelines(out)
        return os.path.getsize(path)

    def bootstrap(self, proxy, ts):
        if not hasattr(self, "_boot"):
            if self.a.bootstrap:
                doc = json.load(open(self.a.bootstrap, encoding="utf-8"))
                b = next(c for c in doc["configs"] if c["@type"].endswith("BootstrapConfigDump"))
            else:
                ext = [{"name": "envoy.%s.%s" % (c, n), "category": "envoy." + c, "type_urls": ["envoy.extensions.%s.%s.v3.Config" % (c, n)]}
                       for c in ("filters.http", "filters.network", "filters.listener", "access_loggers", "transport_sockets", "clusters", "resource_monitors")
                       for n in ("adaptive_concurrency admission_control buffer cache cdn_loop compressor cors csrf dynamic_forward_proxy "
                                 "ext_authz ext_proc fault file grpc_stats gzip header_to_metadata health_check jwt_authn local_ratelimit lua "
                                 "oauth2 on_demand original_src ratelimit rbac router set_metadata stateful_session tap wasm").split()]
                b = {"@type": T + "envoy.admin.v3.BootstrapConfigDump", "bootstrap": {
                    "node": {"id": "x", "cluster": "x", "metadata": {}, "user_agent_name": "envoy", "user_agent_build_version": {
                        "version": {"major_number": 1, "minor_number": 38, "patch": 1}}, "extensions": ext},
                    "static_resources": {}, "dynamic_resources": {"lds_config": ads(), "cds_config": ads(), "ads_config": {
                        "api_type": "DELTA_GRPC", "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}], "transport_api_version": "V3"}},
                    "admin": {"address": sock("127.0.0.1", 15000)}}}
            node = b["bootstrap"].setdefault("node", {})
            node["id"] = "sidecar~@{ip}~@{pod}.@{ns}~@{ns}.svc.cluster.local"
            node["cluster"] = "@{svc}.@{ns}"
            node["metadata"] = {"NAME": "@{pod}", "NAMESPACE": "@{ns}", "INSTANCE_IPS": "@{ip}", "ISTIO_VERSION": "1.30.3", "CLUSTER_ID": "Kubernetes",
                                "SERVICE_ACCOUNT": "@{sa}", "WORKLOAD_NAME": "@{svc}", "MESH_ID": "cluster.local",
                                "LABELS": {"app": "@{svc}", "version": "v1", "service.istio.io/canonical-name": "@{svc}"}}
            b["last_updated"] = "@{ts}"
            self._boot = fill(envoy_text(b, 2))
        return self._boot % {**proxy, "ts": ts}


class Templates:
    """Everything compiled for one form."""

    def __init__(self, form):
        self.form = form
        e = form.envoy

        def res(key, obj):
            """A section element: version_info, the resource, last_updated."""
            d = {"version_info": "@{ver}", key: obj}
            if (key == "cluster" and not e) or not form.versions:
                d.pop("version_info")
            if e:
                d["last_updated"] = "@{ts}"
            return d

        def lis(obj):
            d = {"name": obj["name"], "active_state": {"version_info": "@{ver}", "listener": obj}}
            if not form.versions:
                d["active_state"].pop("version_info")
            if e:
                d["active_state"]["last_updated"] = "@{ts}"
            return d

        depth = 4
        self.cluster = {}
        for dr in (False, True):
            for sub in (False, True):
                for grpc in (False, True):
                    self.cluster[dr, sub, grpc] = form.compile(res("cluster", cluster(dr, sub, grpc)), depth, "c%d%d%d" % (dr, sub, grpc))
        inbound = plain_cluster("inbound|@{inport}||", "ORIGINAL_DST")
        inbound["metadata"] = {"filter_metadata": {"istio": {"services": [{"name": "@{host}", "host": "@{host}", "namespace": "@{ns}"}]}}}
        inbound["upstream_bind_config"] = {"source_address": {"address": "127.0.0.6", "port_value": 0}}
        self.other = {"BlackHoleCluster": form.compile(res("cluster", plain_cluster("BlackHoleCluster", "STATIC")), depth, "bh"),
                      "PassthroughCluster": form.compile(res("cluster", plain_cluster("PassthroughCluster", "ORIGINAL_DST")), depth, "pt"),
                      "InboundPassthroughCluster": form.compile(res("cluster", plain_cluster("InboundPassthroughCluster", "ORIGINAL_DST")), depth, "ip"),
                      "inbound": form.compile(res("cluster", inbound), depth, "in")}
        self.statics = form.sep.join(fill(form.text({"cluster": plain_cluster(n, "STATIC", p, "1s"), "last_updated": "@{ts}"}, depth, None))
                                     for n, p in (("agent", 15020), ("prometheus_stats", 15000), ("sds-grpc", 15010), ("xds-grpc", 15012))) if e else ""
        self.l_http = form.compile(lis(listener_http()), depth, "lh")
        self.l_tcp = form.compile(lis(listener_tcp()), depth, "lt")
        vo = listener_virtual_outbound()
        self.v_out = form.compile(lis(vo), depth, "vo")
        self.v_in = form.compile(lis(listener_virtual_inbound()), depth, "vi")

        def holed(obj, depth):
            return fill(form.text(obj, depth, None))

        def strip_pad(s):
            return s.lstrip(" ")

        # endpoints: assignment > localities > hosts, each text at its own depth
        cla = {"@type": T + "envoy.config.endpoint.v3.ClusterLoadAssignment", "cluster_name": "@{name}", "endpoints": ["@{#localities}"]}
        if e:
            cla["policy"] = {"overprovisioning_factor": 140}
        el = {"endpoint_config": cla} if e else {"version_info": "@{ver}", "endpoint_config": cla}
        self.cla = self.hole(holed(el, depth), "localities")
        self.cla_empty = fill(form.text({"endpoint_config": {"@type": cla["@type"], "cluster_name": "@{name}", "policy": {"overprovisioning_factor": 140}}}, depth, None))
        loc = {"locality": {"region": "@{region}", "zone": "@{zone}"}, "lb_endpoints": ["@{#hosts}"], "load_balancing_weight": "@{#weight}"}
        self.locality = self.hole(holed(loc, depth + 3), "hosts")
        self.host = form.compile(host_entry(e, True), depth + 5, "h")

        self.vhost = {w: form.compile(vhost(w), depth + 3, "v%d" % w) for w in (False, True)}
        self.allow_any = fill(form.text(allow_any(), depth + 3, None)) % {}
        rc = {"@type": T + "envoy.config.route.v3.RouteConfiguration", "name": "@{name}", "virtual_hosts": ["@{#vhosts}"],
              "validate_clusters": False, "max_direct_response_body_size_bytes": 1048576, "ignore_port_in_host_matching": True}
        self.route = self.hole(holed(res("route_config", rc), depth), "vhosts")
        far = ["@{svc}.@{ns}.svc", "@{svc}.@{ns}", "@{ip}"]
        dom = [["@{host}", "@{host}.", "@{svc}"] + far, ["@{host}", "@{host}."] + far]
        self.dom_near, self.dom_far = (strip_pad(fill(form.text(list(d), depth + 4, None))) for d in dom)
        if e:
            vi = listener_virtual_inbound()
            chains = [c for c in vi["filter_chains"] if c["filters"][-1]["name"].endswith("http_connection_manager")]
            rcs = [c["filters"][-1]["typed_config"]["route_config"] for c in chains]
            self.inline_in, self.inline_any = (fill(form.text({"route_config": {"@type": T + "envoy.config.route.v3.RouteConfiguration", **r},
                                                               "last_updated": "@{ts}"}, depth, None)) for r in (rcs[0], rcs[2]))
            kind = T + "envoy.extensions.transport_sockets.tls.v3.Secret"
            self.secret = fill(form.text({"name": "default", "version_info": "@{ver}", "last_updated": "@{ts}", "secret": {
                "@type": kind, "name": "default", "tls_certificate": {"certificate_chain": {"inline_bytes": "@{cert}"},
                                                                      "private_key": {"inline_bytes": "W3JlZGFjdGVkXQ=="}}}}, depth, None))
            root = fake_pem("root", 1060)
            self.rootca = fill(form.text({"name": "ROOTCA", "version_info": "@{ver}", "last_updated": "@{ts}", "secret": {
                "@type": kind, "name": "ROOTCA", "validation_context": {"trusted_ca": {"inline_bytes": root}}}}, depth, None))
            self.open = {
                "clusters": '  {\n   "@type": "' + T + 'envoy.admin.v3.ClustersConfigDump",\n   "version_info": "%(ver)s",\n   "static_clusters": [\n',
                "listeners": '  {\n   "@type": "' + T + 'envoy.admin.v3.ListenersConfigDump",\n   "version_info": "%(ver)s",\n   "dynamic_listeners": [\n'}

    @staticmethod
    def hole(text, name):
        """Drop the padding before a list's only element: the elements bring their own."""
        return re.sub(r" *%%\(%s\)s" % name, "%%(%s)s" % name, text)

    def istiod_doc(self, ver):
        """The text around the sections of istiod's document."""
        doc = {"configs": [
            {"@type": T + "envoy.admin.v3.BootstrapConfigDump"},
            {"@type": T + "envoy.admin.v3.ClustersConfigDump", "versionInfo": ver, "dynamicActiveClusters": ["@{#x}"]},
            {"@type": T + "envoy.admin.v3.EndpointsConfigDump", "dynamicEndpointConfigs": ["@{#x}"]},
            {"@type": T + "envoy.admin.v3.ListenersConfigDump", "versionInfo": ver, "dynamicListeners": ["@{#x}"]},
            {"@type": T + "envoy.admin.v3.ScopedRoutesConfigDump"},
            {"@type": T + "envoy.admin.v3.RoutesConfigDump", "dynamicRouteConfigs": ["@{#x}"]},
            {"@type": T + "envoy.admin.v3.SecretsConfigDump"},
            {"@type": T + "envoy.admin.v3.EcdsConfigDump"}]}
        text = json.dumps(doc, indent=4) if self.form.pretty else json.dumps(doc, separators=(",", ":"))
        return re.split(r' *"@\{#x\}"', text)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--services", type=int, default=1000, metavar="N", help="services in the mesh (default 1000; about 18 kB of Envoy JSON each)")
    p.add_argument("--proxies", type=int, default=1, metavar="P", help="proxies to write (default 1)")
    p.add_argument("--seed", default="1", metavar="S", help="any text (default 1); the same arguments give the same bytes")
    p.add_argument("--changes", type=int, default=5, metavar="K", help="resources that differ between before and after (default 5)")
    p.add_argument("--out", required=True, metavar="DIR", help="where to write; made if missing, files are replaced")
    p.add_argument("--sides", default="before,after", help="before,after (default), or one of them")
    p.add_argument("--forms", default="envoy,istiod", help="envoy,istiod (default), or one of them")
    p.add_argument("--volatile", choices=("all", "changed", "none"), default="all", help="which last_updated and version_info differ after (default all)")
    p.add_argument("--xds", choices=("delta", "sotw"), default="delta", help="sotw: version_info on each resource (default delta)")
    p.add_argument("--map-order", choices=("random", "fixed"), default="random", help="order of map and Struct entries in Envoy's form (default random)")
    p.add_argument("--istiod-pretty", action="store_true", help="istiod's form as with ?pretty")
    p.add_argument("--bootstrap", metavar="DUMP", help="an Envoy dump whose bootstrap section is the template of every proxy's")
    p.add_argument("--quiet", action="store_true")
    a = p.parse_args()
    sides, forms = a.sides.split(","), a.forms.split(",")
    if set(sides) - {"before", "after"} or set(forms) - {"envoy", "istiod"}:
        p.error("--sides takes before,after and --forms envoy,istiod")
    if a.services < 1 or a.proxies < 1 or a.changes < 0:
        p.error("numbers must be positive")
    start = time.time()
    mesh = Mesh(a)
    files, total = {}, 0
    for side in sides:
        os.makedirs(os.path.join(a.out, side), exist_ok=True)
        for proxy in mesh.proxies:
            for form in forms:
                rel = "%s/%s.%s.json" % (side, proxy["id"], form)
                files[rel] = mesh.write(proxy, side, form, os.path.join(a.out, rel))
                total += files[rel]
    dump = lambda name, obj: json.dump(obj, open(os.path.join(a.out, name), "w", encoding="utf-8"), indent=1)
    dump("truth.json", {"proxies": [x["id"] for x in mesh.proxies], "changes": mesh.truth})
    dump("mesh.json", {"services": a.services, "proxies": [x["id"] for x in mesh.proxies], "seed": a.seed, "changes": a.changes,
                       "volatile": a.volatile, "xds": a.xds, "map_order": a.map_order, "files": files})
    if not a.quiet:
        took = time.time() - start
        print("%d files, %.1f MB, %.1f s (%.0f MB/s)" % (len(files), total / 1e6, took, total / 1e6 / max(took, 1e-9)))


if __name__ == "__main__":
    main()
