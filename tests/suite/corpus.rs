//! Every recording of `testdata/corpus` and `testdata/samples`, through the binary: exactly the differences that its
//! story has (`testdata/README.md`), no more and no fewer.
//!
//! What is expected stands in tables, judged by the configuration that was applied and by what the printers are known
//! to do. A table is read line by line:
//!
//! ```text
//! sync STEP                            istiod against Envoy
//! change BEFORE AFTER [FLAG…]          one step against another, Envoy's and istiod's each against itself
//!   [live] [envoy|istiod] WHO…: TYPE NAME [STATE]     the resource of these proxies, in both sources if none is named
//!     + PATH  AFTER                    added;   - PATH  BEFORE   removed
//!     ~ PATH [<- BEFORE_PATH]  BEFORE => AFTER          changed;   > PATH  FROM => TO   moved
//!       reason: TEXT                   of the lines above it; `…` stands for the rest
//!       class: CLASS
//!   only SIDE PROXY                    a proxy that only one side has
//!   rejection WHO TYPE: TEXT           a rejection that names no resource
//!   uncompared [SOURCE] WHO…: TYPE NAME [STATE] [PATH]  listed in `not_compared`; what is inherent need not be
//! ```
//!
//! A comparison without lines has no difference and exit status 0. `{a,b}` in a name or a path means each of them, and
//! `%` then the one in the name. `VALUE …` means at least these members, and `"text…"` in it how a text starts.
//! [`SHORT`] and [`PROXIES`] are read first.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fmt::Write as _,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::program::home;
use assert_cmd::prelude::*;
use serde_json::Value;
use xdsnap::model::Token;

/// What stands for a longer text in the tables; a later one may stand in an earlier one.
const SHORT: &[(&str, &str)] = &[
    ("$REVIEWS", "$.virtual_hosts[?@.name=='reviews.SVC:%']"),
    (
        "MESH",
        "outbound|27017||mongodb.SVC,outbound|7070||ledger.SVC,outbound|7071||ledger.SVC,outbound|9080||details.SVC,outbound|9080||productpage.SVC,outbound|9080||ratings.SVC,outbound|80||INGRESS,outbound|443||INGRESS,outbound|15443||INGRESS",
    ),
    ("EXTERNAL", "outbound|3306||legacy-db.corp.example,RESOLVED"),
    (
        "RESOLVED",
        "outbound|443||*.partner.example,outbound|443||api.partner.example,outbound|80||api.partner.example",
    ),
    (
        "INGRESS",
        "istio-ingressgateway.istio-system.svc.cluster.local",
    ),
    ("SVC", "default.svc.cluster.local"),
    (
        "HTTP_FILTERS",
        "filters[?@.name=='envoy.filters.network.http_connection_manager'].typed_config.http_filters",
    ),
    (
        "PEER_ALPN",
        "$.transport_socket_matches[?@.name=='tlsMode-istio'].transport_socket.typed_config.common_tls_context.alpn_protocols[0]  \"istio-peer-exchange\"",
    ),
    (
        "METADATA_EXCHANGE",
        "{\"name\":\"istio.metadata_exchange\",\"typed_config\":{\"type_url\":\"type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange\"}}",
    ),
    (
        "PEER_METADATA",
        "{\"name\":\"istio.metadata_exchange\",\"typed_config\":{\"type_url\":\"type.googleapis.com/io.istio.http.peer_metadata.Config\"}} …",
    ),
    (
        "ALPN_FILTER",
        "{\"name\":\"istio.alpn\",\"typed_config\":{\"@type\":\"type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig\"}} …",
    ),
    ("EXTENSION/", "extensions.istio.io/trafficextension/"),
    (
        "FILTERS/",
        "type.googleapis.com/envoy.extensions.filters.http.",
    ),
    (
        "NO_FILTER",
        "Didn't find a registered implementation for 'istio.metadata_exchange' with type URL: '…",
    ),
    (
        "BROKEN_SCRIPT",
        "script load error: [string [redacted]]:4: 'end' expected (to close 'function' at line 1)…",
    ),
];

/// What the tables call the proxies, by how their names start.
const PROXIES: &[(&str, &str)] = &[
    ("PP", "productpage-v1-"),
    ("RB", "reviews-v1-545db77b95-tq4rz"),
    ("RA", "reviews-v1-"),
    ("GW", "istio-ingressgateway-"),
];

/// Nothing but certificates of restarted proxies, versions, times and the order in which things are
/// listed.
#[test]
fn proxies_in_sync_do_not_differ_from_istiod_nor_from_themselves_an_hour_later() {
    case(
        "a_in_sync",
        r#"
        sync 1_before 2_same_again 3_proxies_restarted 4_after_noop_pushes
        change 1_before 2_same_again
        change 2_same_again 3_proxies_restarted
          live envoy PP GW: secret default active
            ~ $.tls_certificate.certificate_chain.inline_bytes  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t…" … => "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t…" …
        change 3_proxies_restarted 4_after_noop_pushes
        "#,
    );
}

/// Weights of `reviews` v1 and v2; at 100 one cluster is left. Nothing at the gateway.
#[test]
fn a_shifted_weight_is_that_weight_in_both_route_configurations() {
    case(
        "b_canary",
        r#"
        sync 1_95_5 2_50_50 3_0_100
        change 1_95_5 2_50_50
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[0].route.weighted_clusters.clusters[?@.name=='outbound|%|v1|reviews.SVC'].weight  95 => 50
            ~ $REVIEWS.routes[0].route.weighted_clusters.clusters[?@.name=='outbound|%|v2|reviews.SVC'].weight  5 => 50
        change 2_50_50 3_0_100
          PP RA: route {80,9080} active
            - $REVIEWS.routes[0].route.weighted_clusters.clusters[?@.name=='outbound|%|v1|reviews.SVC']  {"name":"outbound|%|v1|reviews.SVC","weight":50}
            ~ $REVIEWS.routes[0].route.weighted_clusters.clusters[?@.name=='outbound|%|v2|reviews.SVC'].weight  50 => 100
        "#,
    );
}

/// STRICT: four of eight filter chains are left. Then a DestinationRule with ISTIO_MUTUAL, and with
/// DISABLE.
#[test]
fn mutual_tls_changes_filter_chains_and_transport_sockets() {
    case(
        "c_mtls",
        r#"
        sync 1_permissive 2_strict 3_strict_dr_istio_mutual 4_strict_dr_disable
        change 1_permissive 2_strict
          PP RA: listener virtualInbound active
            - $.filter_chains[0]  {"filter_chain_match":{"application_protocols":["h2c","http/1.1"],"transport_protocol":"raw_buffer"}} …
            - $.filter_chains[1].filter_chain_match.application_protocols  ["istio","istio-h2","istio-http/1.0","istio-http/1.1","istio-peer-exchange"]
            - $.filter_chains[2]  {"filter_chain_match":{"application_protocols":["istio","istio-peer-exchange"],"transport_protocol":"tls"}} …
            + $.filter_chains[3].transport_socket  {"name":"envoy.transport_sockets.tls","typed_config":{"@type":"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"}} …
            - $.filter_chains[4]  {"filter_chain_match":{"destination_port":9080,"transport_protocol":"raw_buffer"}} …
            - $.filter_chains[6]  {"filter_chain_match":{"transport_protocol":"raw_buffer"}} …
            - $.listener_filters[?@.name=='envoy.filters.listener.http_inspector']  {"name":"envoy.filters.listener.http_inspector","typed_config":{"@type":"type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector"}} …
        change 2_strict 3_strict_dr_istio_mutual
          PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            + $.transport_socket  {"name":"envoy.transport_sockets.tls","typed_config":{"@type":"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"}} …
            - $.transport_socket_matches  [{"name":"tlsMode-istio"},{"name":"tlsMode-disabled"}] …
          RA: cluster inbound|9080|| active
            + $.metadata.filter_metadata.istio.config  "/apis/networking.istio.io/v1/namespaces/default/destination-rule/reviews"
        change 3_strict_dr_istio_mutual 4_strict_dr_disable
          PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            - $.transport_socket  {"name":"envoy.transport_sockets.tls","typed_config":{"@type":"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"}} …
          PP RA GW: endpoint outbound|9080||reviews.SVC
            - $.endpoints[0].lb_endpoints[{0,1,2,3}].metadata.filter_metadata['envoy.transport_socket_match']  {"tlsMode":"istio"}
        "#,
    );
}

/// Consistent hashing shows in routes too; a port-level setting replaces all others.
#[test]
fn a_destination_rule_changes_the_clusters_of_its_host() {
    case(
        "e_destination_rule",
        r#"
        sync 1_before 2_connection_pool 3_outlier 4_consistent_hash 5_small_edits 6_port_level
        change 1_before 2_connection_pool
          PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            ~ $.circuit_breakers.thresholds[0].max_connections  4294967295 => 100
            ~ $.circuit_breakers.thresholds[0].max_pending_requests  4294967295 => 64
            ~ $.connect_timeout  "10s" => "3s"
            + $.typed_extension_protocol_options  {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions":{"@type":"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"}} …
          RA: cluster inbound|9080|| active
            ~ $.circuit_breakers.thresholds[0].max_connections  4294967295 => 100
            ~ $.circuit_breakers.thresholds[0].max_pending_requests  4294967295 => 64
            ~ $.connect_timeout  "10s" => "3s"
            + $.metadata.filter_metadata.istio.config  "/apis/networking.istio.io/v1/namespaces/default/destination-rule/reviews"
            + $.typed_extension_protocol_options  {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions":{"@type":"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"}} …
        change 2_connection_pool 3_outlier
          PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            + $.common_lb_config.healthy_panic_threshold  {}
            + $.outlier_detection  {"base_ejection_time":"30s","consecutive_5xx":7,"enforcing_consecutive_5xx":100,"enforcing_success_rate":0,"interval":"5s","max_ejection_percent":50} …
        change 3_outlier 4_consistent_hash
          PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            ~ $.lb_policy  "LEAST_REQUEST" => "RING_HASH"
            + $.ring_hash_lb_config  {"minimum_ring_size":"2048"}
          PP RA: route {80,9080} active
            + $REVIEWS.routes[0].route.hash_policy  [{"header":{"header_name":"x-user"}}]
            - $REVIEWS.routes[0].route.retry_policy.retry_host_predicate  [{"name":"envoy.retry_host_predicates.previous_hosts","typed_config":{"@type":"type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}] …
        change 4_consistent_hash 5_small_edits
          PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            ~ $.circuit_breakers.thresholds[0].max_connections  100 => 10
            - $.lb_policy  "RING_HASH"
            ~ $.outlier_detection.consecutive_5xx  7 => 3
            - $.ring_hash_lb_config  {"minimum_ring_size":"2048"}
          PP RA: route {80,9080} active
            - $REVIEWS.routes[0].route.hash_policy  [{"header":{"header_name":"x-user"}}]
            + $REVIEWS.routes[0].route.retry_policy.retry_host_predicate  [{"name":"envoy.retry_host_predicates.previous_hosts","typed_config":{"@type":"type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}] …
          RA: cluster inbound|9080|| active
            ~ $.circuit_breakers.thresholds[0].max_connections  100 => 10
        change 5_small_edits 6_port_level
          PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            ~ $.circuit_breakers.thresholds[0].max_connections  10 => 5
            ~ $.circuit_breakers.thresholds[0].max_pending_requests  64 => 4294967295
            - $.common_lb_config.healthy_panic_threshold  {}
            ~ $.connect_timeout  "3s" => "10s"
            + $.lb_policy  "LEAST_REQUEST"
            - $.outlier_detection  {"base_ejection_time":"30s","consecutive_5xx":3,"enforcing_consecutive_5xx":100,"enforcing_success_rate":0,"interval":"5s","max_ejection_percent":50} …
            - $.typed_extension_protocol_options  {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions":{"@type":"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"}} …
          RA: cluster inbound|9080|| active
            ~ $.circuit_breakers.thresholds[0].max_connections  10 => 5
            ~ $.circuit_breakers.thresholds[0].max_pending_requests  64 => 4294967295
            ~ $.connect_timeout  "3s" => "10s"
            - $.typed_extension_protocol_options  {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions":{"@type":"type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"}} …
        "#,
    );
}

/// Listeners tell it themselves, clusters by sync state; of routes sync state names none.
#[test]
fn a_rejected_update_is_a_difference_with_its_reason() {
    case(
        "f_nack",
        r#"
        sync 1_before
        sync 2_lds_nack
          RA: listener virtualInbound active
            - $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='lab.lua']  {"name":"lab.lua","typed_config":{"@type":"FILTERS/lua.v3.Lua"}} …
              reason: BROKEN_SCRIPT
        sync 3_lds_fixed
        sync 4_cds_nack
          PP: cluster outbound|9080||ratings.SVC active
            ~ $.lb_policy  "CLUSTER_PROVIDED" => "LEAST_REQUEST"
              reason: cluster manager: cluster provided LB specified but cluster 'outbound|9080||ratings.default…
        sync 5_rds_nack
          PP: route 9080 active
            - $.virtual_hosts[?@.name=='details.SVC:9080'].routes[?@.name=='default'].route.regex_rewrite  {"pattern":{"regex":"a(b"},"substitution":"x"}
          rejection PP route: missing ): [redacted]
        sync 6_recovered
        change 1_before 2_lds_nack
          envoy RA: listener virtualInbound rejected
            + $  {"name":"virtualInbound"} …
              reason: BROKEN_SCRIPT
          istiod RA: listener virtualInbound active
            + $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='lab.lua']  {"name":"lab.lua","typed_config":{"@type":"FILTERS/lua.v3.Lua"}} …
        change 2_lds_nack 3_lds_fixed
          envoy RA: listener virtualInbound active
            + $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='lab.lua']  {"name":"lab.lua","typed_config":{"@type":"FILTERS/lua.v3.Lua"}} …
          envoy RA: listener virtualInbound rejected
            - $  {"name":"virtualInbound"} …
              reason: BROKEN_SCRIPT
          istiod RA: listener virtualInbound active
            ~ $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='lab.lua'].typed_config.default_source_code.inline_string  "function envoy_on_request(handle)\n  hand…" … => "function envoy_on_request(handle)\n  handle:headers():add(\"x-lab\", \"1\")\nend\n"
        change 3_lds_fixed 4_cds_nack
          istiod PP: cluster outbound|9080||ratings.SVC active
            ~ $.lb_policy  "LEAST_REQUEST" => "CLUSTER_PROVIDED"
          RA: listener virtualInbound active
            - $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='lab.lua']  {"name":"lab.lua","typed_config":{"@type":"FILTERS/lua.v3.Lua"}} …
        change 4_cds_nack 5_rds_nack
          istiod PP: cluster outbound|9080||ratings.SVC active
            ~ $.lb_policy  "CLUSTER_PROVIDED" => "LEAST_REQUEST"
          istiod PP: route 9080 active
            + $.virtual_hosts[?@.name=='details.SVC:9080'].routes[?@.name=='default'].route.regex_rewrite  {"pattern":{"regex":"a(b"},"substitution":"x"}
        change 5_rds_nack 6_recovered
          istiod PP: route 9080 active
            - $.virtual_hosts[?@.name=='details.SVC:9080'].routes[?@.name=='default'].route.regex_rewrite  {"pattern":{"regex":"a(b"},"substitution":"x"}
        "#,
    );
}

/// An Envoy without Istio's filters; at `3_alpn_too` no dump is JSON, and in its parts the rejected
/// configuration is missing.
#[test]
fn a_dump_in_parts_is_compared_like_a_whole_one() {
    case(
        "f_nack_istio_filters",
        r#"
        sync 1_before
        sync 2_metadata_exchange_on
          PP RA GW: cluster {MESH} active
            - $.filters  [METADATA_EXCHANGE] …
            - PEER_ALPN
              reason: NO_FILTER
          PP RA GW: cluster {EXTERNAL} active
            - $.filters  [METADATA_EXCHANGE] …
              reason: NO_FILTER
          PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            - $.filters  [METADATA_EXCHANGE] …
            - PEER_ALPN
              reason: NO_FILTER
          GW: listener 0.0.0.0_8080 active
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
              reason: NO_FILTER
          PP RA: cluster PassthroughCluster active
            - $.filters  [METADATA_EXCHANGE] …
              reason: NO_FILTER
          PP RA: listener 0.0.0.0_{7070,80,9080} active
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
              reason: NO_FILTER
          PP RA: listener virtualInbound active
            - $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
            - $.filter_chains[{0,1,2,3,4,5,6,7}].filters[?@.name=='istio.metadata_exchange']  METADATA_EXCHANGE …
            - $.filter_chains[2].transport_socket.typed_config.common_tls_context.alpn_protocols[0]  "istio-peer-exchange"
              reason: NO_FILTER
        sync 3_alpn_too
          PP RA GW: cluster {MESH} active
            - $.filters  [METADATA_EXCHANGE] …
            - PEER_ALPN
              reason: NO_FILTER
          PP RA GW: cluster {EXTERNAL} active
            - $.filters  [METADATA_EXCHANGE] …
              reason: NO_FILTER
          PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            - $.filters  [METADATA_EXCHANGE] …
            - PEER_ALPN
              reason: NO_FILTER
          GW: listener 0.0.0.0_8080 active
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.alpn']  ALPN_FILTER
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
              reason: NO_FILTER
          PP RA: cluster PassthroughCluster active
            - $.filters  [METADATA_EXCHANGE] …
              reason: NO_FILTER
          PP RA: listener 0.0.0.0_{7070,80,9080} active
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.alpn']  ALPN_FILTER
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
              reason: NO_FILTER
          PP RA: listener virtualInbound active
            - $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
            - $.filter_chains[{0,1,2,3,4,5,6,7}].filters[?@.name=='istio.metadata_exchange']  METADATA_EXCHANGE …
            - $.filter_chains[2].transport_socket.typed_config.common_tls_context.alpn_protocols[0]  "istio-peer-exchange"
              reason: NO_FILTER
        sync 4_new_proxy
          RA GW: cluster {MESH} active
            - $.filters  [METADATA_EXCHANGE] …
            - PEER_ALPN
              reason: NO_FILTER
          RA GW: cluster {EXTERNAL} active
            - $.filters  [METADATA_EXCHANGE] …
              reason: NO_FILTER
          RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            - $.filters  [METADATA_EXCHANGE] …
            - PEER_ALPN
              reason: NO_FILTER
          PP: cluster {PassthroughCluster,MESH,EXTERNAL} active
            - $  {"name":"%"} …
              reason: NO_FILTER
          PP: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            - $  {"name":"outbound|9080|%|reviews.SVC"} …
              reason: NO_FILTER
          PP: listener 0.0.0.0_{7070,80,9080} active
            - $  {"name":"0.0.0.0_%"} …
              reason: NO_FILTER
          PP: listener virtualInbound active
            - $  {"name":"virtualInbound"} …
              reason: NO_FILTER
          GW: listener 0.0.0.0_8080 active
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.alpn']  ALPN_FILTER
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
              reason: NO_FILTER
          RA: cluster PassthroughCluster active
            - $.filters  [METADATA_EXCHANGE] …
              reason: NO_FILTER
          RA: listener 0.0.0.0_{7070,80,9080} active
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.alpn']  ALPN_FILTER
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
              reason: NO_FILTER
          RA: listener virtualInbound active
            - $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
            - $.filter_chains[{0,1,2,3,4,5,6,7}].filters[?@.name=='istio.metadata_exchange']  METADATA_EXCHANGE …
            - $.filter_chains[2].transport_socket.typed_config.common_tls_context.alpn_protocols[0]  "istio-peer-exchange"
              reason: NO_FILTER
        change 1_before 2_metadata_exchange_on
          envoy GW: listener 0.0.0.0_8080 rejected
            + $  {"name":"0.0.0.0_8080"} …
              reason: NO_FILTER
          istiod PP RA GW: cluster {MESH} active
            + $.filters  [METADATA_EXCHANGE] …
            + PEER_ALPN
          istiod PP RA GW: cluster {EXTERNAL} active
            + $.filters  [METADATA_EXCHANGE] …
          istiod PP RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            + $.filters  [METADATA_EXCHANGE] …
            + PEER_ALPN
          istiod GW: listener 0.0.0.0_8080 active
            + $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
          envoy PP RA: listener 0.0.0.0_{7070,80,9080} rejected
            + $  {"name":"0.0.0.0_%"} …
              reason: NO_FILTER
          envoy PP RA: listener virtualInbound rejected
            + $  {"name":"virtualInbound"} …
              reason: NO_FILTER
          istiod PP RA: cluster PassthroughCluster active
            + $.filters  [METADATA_EXCHANGE] …
          istiod PP RA: listener 0.0.0.0_{7070,80,9080} active
            + $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
          istiod PP RA: listener virtualInbound active
            + $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='istio.metadata_exchange']  PEER_METADATA
            + $.filter_chains[{0,1,2,3,4,5,6,7}].filters[?@.name=='istio.metadata_exchange']  METADATA_EXCHANGE …
            + $.filter_chains[2].transport_socket.typed_config.common_tls_context.alpn_protocols[0]  "istio-peer-exchange"
        change 2_metadata_exchange_on 3_alpn_too
          uncompared envoy GW: listener 0.0.0.0_8080 rejected
          uncompared envoy PP RA: listener {0.0.0.0_7070,0.0.0.0_80,0.0.0.0_9080,virtualInbound} rejected
          istiod GW: listener 0.0.0.0_8080 active
            + $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.alpn']  ALPN_FILTER
          istiod PP RA: listener 0.0.0.0_{7070,80,9080} active
            + $.filter_chains[0].HTTP_FILTERS[?@.name=='istio.alpn']  ALPN_FILTER
        change 3_alpn_too 4_new_proxy
          uncompared envoy GW: listener 0.0.0.0_8080 rejected
          uncompared envoy PP RA: listener {0.0.0.0_7070,0.0.0.0_80,0.0.0.0_9080,virtualInbound} rejected
          envoy PP: cluster {PassthroughCluster,MESH,EXTERNAL} active
            - $  {"name":"%"} …
          envoy PP: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            - $  {"name":"outbound|9080|%|reviews.SVC"} …
          envoy PP: listener 0.0.0.0_{7070,80,9080} active
            - $  {"name":"0.0.0.0_%"} …
          envoy PP: listener virtualInbound active
            - $  {"name":"virtualInbound"} …
          envoy PP: secret {ROOTCA,default} active
            - $  {"name":"%"} …
          PP: endpoint {MESH,outbound|3306||legacy-db.corp.example}
            - $  {"cluster_name":"%"} …
          PP: endpoint outbound|9080|{v1,v2,v3,}|reviews.SVC
            - $  {"cluster_name":"outbound|9080|%|reviews.SVC"} …
          PP: route {7070,80,9080} active
            - $  {"name":"%"} …
          live envoy PP: endpoint {PassthroughCluster,RESOLVED}
            - $  {"cluster_name":"%"} …
        "#,
    );
}

#[test]
fn a_request_authentication_is_a_filter_in_four_filter_chains() {
    case(
        "h_jwks",
        r#"
        sync 1_before 2_jwks_uri_unreachable 3_jwks_inline
        change 1_before 2_jwks_uri_unreachable
          RA: listener virtualInbound active
            + $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='envoy.filters.http.jwt_authn']  {"name":"envoy.filters.http.jwt_authn","typed_config":{"@type":"FILTERS/jwt_authn.v3.JwtAuthentication"}} …
        change 2_jwks_uri_unreachable 3_jwks_inline
          RA: listener virtualInbound active
            ~ $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='envoy.filters.http.jwt_authn'].typed_config.providers['origins-0'].local_jwks.inline_string  "{\n  \"keys\": [\n    {\n      \"kty\": \"RSA\",\n…" … => "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\"…" …
        "#,
    );
}

/// What Envoy answers to queries that leave something out, against what it answers without one: nothing of it is a
/// difference, and what is missing is said by type with how much it is. A number of resources is compared.
#[test]
fn what_a_query_leaves_out_is_neither_added_nor_removed() {
    let cut = |query: &str, types: &str| -> Vec<String> {
        let numbers = types
            .split_whitespace()
            .map(|word| word.split_once('=').unwrap());
        let text = |(xds_type, number): (&str, &str)| {
            let resources = if number == "1" {
                "resource"
            } else {
                "resources"
            };
            let why = match query {
                "" => "was taken without `include_eds`".to_owned(),
                query => format!("was cut (`?{query}`)"),
            };
            let rest = match number {
                "0" => String::new(),
                number => format!(": {number} {resources} that only the other side has"),
            };
            format!("{xds_type}: the dump on the SIDE side {why}{rest}")
        };
        numbers.map(text).collect()
    };
    for (answer, status, resources, expected) in [
        ("no_eds", 3, 8, vec![cut("", "endpoint=3")]),
        (
            "name_regex",
            3,
            3,
            vec![cut("name_regex", "cluster=2 endpoint=2 listener=3 route=1")],
        ),
        (
            "name_regex_none",
            3,
            1,
            vec![
                cut("name_regex", "cluster=3 listener=3 route=1"),
                cut("", "endpoint=3"),
            ],
        ),
        (
            "mask_list",
            3,
            2,
            vec![cut(
                "mask",
                "bootstrap=1 cluster=1 endpoint=3 listener=3 route=3",
            )],
        ),
        (
            "mask_bootstrap",
            3,
            1,
            vec![cut("mask", "cluster=3 endpoint=3 listener=3 route=3")],
        ),
        // Its bootstrap has nothing but a node.
        (
            "mask_node",
            3,
            1,
            vec![cut(
                "mask",
                "bootstrap=0 cluster=3 endpoint=3 listener=3 route=3",
            )],
        ),
        (
            "resource",
            3,
            2,
            vec![cut(
                "resource",
                "bootstrap=1 cluster=1 endpoint=3 listener=3 route=3",
            )],
        ),
        (
            "resource_endpoints",
            3,
            2,
            vec![cut(
                "resource",
                "bootstrap=1 cluster=3 endpoint=1 listener=3 route=3",
            )],
        ),
        (
            "resource_listeners",
            3,
            2,
            vec![cut(
                "resource",
                "bootstrap=1 cluster=3 endpoint=3 listener=1 route=1",
            )],
        ),
    ] {
        let [whole, answer] =
            ["dump", answer].map(|name| data(&format!("samples/20_queries/{name}.json")));
        for (pair, side) in [([&whole, &answer], "after"), ([&answer, &whole], "before")] {
            let report = diff(pair);
            let what = format!("{} {side}", answer.display());
            for list in ["changes", "live", "warnings"] {
                assert_eq!(report.list(list), [] as [Value; 0], "{what}");
            }
            let expected = expected
                .iter()
                .flatten()
                .map(|text| text.replace("SIDE", side));
            assert_eq!(report.missing(), expected.collect(), "{what}");
            assert_eq!(report.status, status, "{what}");
            assert_eq!(report.json["summary"]["resources"], resources, "{what}");
        }
        // What neither side shows is said, and is nobody's fault.
        let report = diff([&answer, &answer]);
        assert_eq!(
            (report.status, report.missing()),
            (0, BTreeSet::new()),
            "{}",
            answer.display()
        );
        let inherent = report.list("not_compared");
        assert_eq!(inherent.len(), 1, "{}: {inherent:?}", answer.display());
    }
    // Nothing of the other side's can be found in these.
    for answer in ["mask_version", "resource_names"] {
        let [whole, answer] =
            ["dump", answer].map(|name| data(&format!("samples/20_queries/{name}.json")));
        let output = xdsnap()
            .arg("diff")
            .args([&whole, &answer])
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            error.contains("nothing could be compared") && error.contains("was cut ("),
            "{error}"
        );
        assert_eq!(output.status.code(), Some(2));
    }
}

/// Every recording is the answer to a request for all.
#[test]
fn no_whole_dump_is_taken_for_a_cut_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut folders = vec![folder.join("corpus"), folder.join("samples")];
    let mut dumps = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if name != "20_queries" && name != "x_errors" {
                    folders.push(path);
                }
                continue;
            }
            let is_dump = name.starts_with("dump") || name.ends_with("config_dump.json.zst");
            if !is_dump {
                continue;
            }
            let bytes = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
            let Ok(dump) = xdsnap::dump::Dump::parse([(None, bytes.as_slice())]) else {
                continue;
            };
            dumps += 1;
            assert_eq!(dump.query(), None, "{}", path.display());
            for resource in &dump.resources {
                let key = &resource.key;
                assert_eq!(
                    dump.cut(&key.xds_type, key.state),
                    None,
                    "{}: {key:?}",
                    path.display()
                );
            }
        }
    }
    assert!(dumps > 300, "{dumps} dumps");
}

/// A rotated key does not show where both sides are redacted: each such value is named, equal bytes or not.
#[test]
fn a_value_that_is_redacted_on_both_sides_never_counts_as_equal() {
    let dump = data("samples/09_sensitive/dump.json");
    let value: Value = serde_json::from_slice(&bytes("samples/09_sensitive/dump.json")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&file, &value).unwrap();
    let reports = [dump.as_path(), file.path()].map(|other| diff([dump.as_path(), other]));
    for report in &reports {
        report.assert_same("09_sensitive");
        let entries = report.list("not_compared");
        assert!(entries.len() > 30, "{} entries", entries.len());
        for entry in entries {
            assert_eq!(entry["cause"], "inherent", "{entry}");
            assert_eq!(
                entry["reason"], "the value is redacted on both sides: a rotation would not show",
                "{entry}"
            );
            assert!(text(&entry["path"]).starts_with("$."), "{entry}");
        }
    }
    assert_eq!(
        reports[0].list("not_compared"),
        reports[1].list("not_compared")
    );
    // What is left out of the comparison, or not chosen, is not spoken of.
    for (flag, query) in [("--ignore", "$"), ("--select", "$.nothing")] {
        let report = diff([
            dump.as_os_str(),
            dump.as_os_str(),
            flag.as_ref(),
            query.as_ref(),
        ]);
        assert_eq!(
            report.list("not_compared"),
            [] as [Value; 0],
            "{flag} {query}"
        );
    }
}

/// Where the code cannot be fetched, Envoy runs an RBAC filter instead.
#[test]
fn what_the_agent_does_to_a_wasm_extension_is_no_difference_but_its_stand_in_is() {
    case(
        "k_ecds",
        r#"
        sync 1_before 2_ecds_ratelimit 3_ecds_ratelimit_changed 4_wasm 5_wasm_changed 6_lua_extension
        sync 7_wasm_unfetchable
          RA: extension_config EXTENSION/default.lab-plugin
            ~ $.typed_config  {"@type":"FILTERS/wasm.v3.Wasm"} … => {"@type":"FILTERS/rbac.v3.RBAC"} …
              class: wasm_stand_in
        sync 8_wasm_unfetchable_fail_open
          RA: extension_config EXTENSION/default.lab-plugin
            ~ $.typed_config  {"@type":"FILTERS/wasm.v3.Wasm"} … => {"@type":"FILTERS/rbac.v3.RBAC"} …
              class: wasm_stand_in
        change 1_before 2_ecds_ratelimit
          PP RA: extension_config lab.ratelimit
            + $  {"name":"lab.ratelimit","typed_config":{"@type":"FILTERS/local_ratelimit.v3.LocalRateLimit"}} …
          PP RA: listener virtualInbound active
            + $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='lab.ratelimit']  {"name":"lab.ratelimit"} …
        change 2_ecds_ratelimit 3_ecds_ratelimit_changed
          PP RA: extension_config lab.ratelimit
            ~ $.typed_config.token_bucket.max_tokens  1000 => 500
        change 3_ecds_ratelimit_changed 4_wasm
          envoy RA: extension_config EXTENSION/default.lab-plugin
            + $  {"name":"EXTENSION/default.lab-plugin","typed_config":{"@type":"FILTERS/wasm.v3.Wasm"}} …
          RA: listener 0.0.0.0_{7070,80,9080} active
            + $.filter_chains[0].HTTP_FILTERS[?@.name=='EXTENSION/default.lab-plugin']  {"name":"EXTENSION/default.lab-plugin"} …
          RA: listener virtualInbound active
            + $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='EXTENSION/default.lab-plugin']  {"name":"EXTENSION/default.lab-plugin"} …
          istiod RA: extension_config default.lab-plugin
            + $  {"name":"default.lab-plugin","typed_config":{"@type":"FILTERS/wasm.v3.Wasm"}} …
        change 4_wasm 5_wasm_changed
          envoy RA: extension_config EXTENSION/default.lab-plugin
            ~ $.typed_config.config.configuration.value  "{\"header\":\"x-lab\",\"value\":\"1\"}" => "{\"header\":\"x-lab\",\"value\":\"2\"}"
          istiod RA: extension_config default.lab-plugin
            ~ $.typed_config.config.configuration.value  "{\"header\":\"x-lab\",\"value\":\"1\"}" => "{\"header\":\"x-lab\",\"value\":\"2\"}"
        change 5_wasm_changed 6_lua_extension
          PP: listener 0.0.0.0_{7070,80,9080} active
            + $.filter_chains[0].HTTP_FILTERS[?@.name=='EXTENSION/default.lab-lua']  {"name":"EXTENSION/default.lab-lua","typed_config":{"@type":"FILTERS/lua.v3.Lua"}} …
          PP: listener virtualInbound active
            + $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='EXTENSION/default.lab-lua']  {"name":"EXTENSION/default.lab-lua","typed_config":{"@type":"FILTERS/lua.v3.Lua"}} …
        change 6_lua_extension 7_wasm_unfetchable
          PP RA: extension_config lab.ratelimit
            - $  {"name":"lab.ratelimit","typed_config":{"@type":"FILTERS/local_ratelimit.v3.LocalRateLimit"}} …
          PP: listener 0.0.0.0_{7070,80,9080} active
            - $.filter_chains[0].HTTP_FILTERS[?@.name=='EXTENSION/default.lab-lua']  {"name":"EXTENSION/default.lab-lua","typed_config":{"@type":"FILTERS/lua.v3.Lua"}} …
          PP: listener virtualInbound active
            - $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='EXTENSION/default.lab-lua']  {"name":"EXTENSION/default.lab-lua","typed_config":{"@type":"FILTERS/lua.v3.Lua"}} …
            - $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='lab.ratelimit']  {"name":"lab.ratelimit"} …
          RA: listener virtualInbound active
            - $.filter_chains[{0,1,3,4}].HTTP_FILTERS[?@.name=='lab.ratelimit']  {"name":"lab.ratelimit"} …
          envoy RA: extension_config EXTENSION/default.lab-plugin
            ~ $.typed_config  {"@type":"FILTERS/wasm.v3.Wasm"} … => {"@type":"FILTERS/rbac.v3.RBAC"} …
              class: wasm_stand_in
          istiod RA: extension_config default.lab-plugin
            ~ $.typed_config.config.failure_policy  "FAIL_OPEN" => "FAIL_CLOSED"
            ~ $.typed_config.config.vm_config.code.remote.http_uri.uri  "http://10.44.0.3:8000/plugin.wasm" => "http://10.44.0.3:8000/missing.wasm"
        change 7_wasm_unfetchable 8_wasm_unfetchable_fail_open
          envoy RA: extension_config EXTENSION/default.lab-plugin
            - $.typed_config.rules  {}
            ~ $.typed_config.rules_stat_prefix  "wasm-default-deny" => "wasm-default-allow"
          istiod RA: extension_config default.lab-plugin
            ~ $.typed_config.config.failure_policy  "FAIL_CLOSED" => "FAIL_OPEN"
        "#,
    );
}

/// From `03` on each step takes the edit before it back.
#[test]
fn an_edited_route_is_that_edit_and_the_one_taken_back() {
    case(
        "n_routes",
        r#"
        sync 01_before 02_rich 03_timeout 04_retries 05_fault 06_mirror 07_cors 08_headers 09_rewrite 10_regex 11_order 12_redirect
        change 01_before 02_rich
          PP RA: route {80,9080} active
            + $REVIEWS.routes[0]  {"match":{"case_sensitive":true,"headers":[{"name":"x-user","string_match":{"exact":"alice"}}],"query_parameters":[{"name":"debug","string_match":{"exact":"1"}}],"safe_regex":{"regex":"/api/v[0-9]+/.*"}},"name":"admin"} …
            + $REVIEWS.routes[1]  {"match":{"case_sensitive":true,"prefix":"/admin/"},"name":"admin"} …
            + $REVIEWS.routes[?@.name=='default'].name  "default"
            + $REVIEWS.routes[?@.name=='default'].route.request_mirror_policies  [{"cluster":"outbound|%|v3|reviews.SVC","disable_shadow_host_suffix_append":true,"runtime_fraction":{"default_value":{"denominator":"MILLION","numerator":100000}},"trace_sampled":false}] …
            + $REVIEWS.routes[?@.name=='default'].typed_per_filter_config  {"envoy.filters.http.cors":{"@type":"FILTERS/cors.v3.CorsPolicy"}} …
            + $REVIEWS.routes[?@.name=='faulty']  {"match":{"case_sensitive":true,"path":"/faulty"},"name":"faulty"} …
            + $REVIEWS.routes[?@.name=='old']  {"match":{"case_sensitive":true,"prefix":"/old"},"name":"old"} …
        change 02_rich 03_timeout
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[{0,1}].route.max_grpc_timeout  "10s" => "15s"
            ~ $REVIEWS.routes[{0,1}].route.timeout  "10s" => "15s"
        change 03_timeout 04_retries
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[{0,1}].route.max_grpc_timeout  "15s" => "10s"
            ~ $REVIEWS.routes[{0,1}].route.retry_policy.num_retries  3 => 2
            ~ $REVIEWS.routes[{0,1}].route.timeout  "15s" => "10s"
        change 04_retries 05_fault
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[{0,1}].route.retry_policy.num_retries  2 => 3
            ~ $REVIEWS.routes[?@.name=='faulty'].typed_per_filter_config['envoy.filters.http.fault'].delay.percentage.numerator  15000 => 500000
        change 05_fault 06_mirror
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[?@.name=='default'].route.request_mirror_policies[?@.cluster=='outbound|%|v3|reviews.SVC'].runtime_fraction.default_value.numerator  100000 => 1000000
            ~ $REVIEWS.routes[?@.name=='faulty'].typed_per_filter_config['envoy.filters.http.fault'].delay.percentage.numerator  500000 => 15000
        change 06_mirror 07_cors
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[?@.name=='default'].route.request_mirror_policies[?@.cluster=='outbound|%|v3|reviews.SVC'].runtime_fraction.default_value.numerator  1000000 => 100000
            ~ $REVIEWS.routes[?@.name=='default'].typed_per_filter_config['envoy.filters.http.cors'].allow_methods  "GET,POST" => "GET,PUT"
        change 07_cors 08_headers
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[{0,1}].request_headers_to_add[?@.header.key=='x-env'].header.value  "prod" => "stage"
            ~ $REVIEWS.routes[?@.name=='default'].typed_per_filter_config['envoy.filters.http.cors'].allow_methods  "GET,PUT" => "GET,POST"
        change 08_headers 09_rewrite
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[{0,1}].request_headers_to_add[?@.header.key=='x-env'].header.value  "stage" => "prod"
            ~ $REVIEWS.routes[{0,1}].route.prefix_rewrite  "/internal/" => "/internal-v2/"
        change 09_rewrite 10_regex
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[0].decorator.operation  "reviews.SVC:%/api/v[0-9]+/.*" => "reviews.SVC:%/api/v[12]/.*"
            ~ $REVIEWS.routes[0].match.safe_regex.regex  "/api/v[0-9]+/.*" => "/api/v[12]/.*"
            ~ $REVIEWS.routes[{0,1}].route.prefix_rewrite  "/internal-v2/" => "/internal/"
        change 10_regex 11_order
          PP RA: route {80,9080} active
            ~ $REVIEWS.routes[0].decorator.operation  "reviews.SVC:%/api/v[12]/.*" => "reviews.SVC:%/api/v[0-9]+/.*"
            ~ $REVIEWS.routes[0].match.safe_regex.regex  "/api/v[12]/.*" => "/api/v[0-9]+/.*"
            > $REVIEWS.routes[?@.name=='faulty']  2 => 3
        change 11_order 12_redirect
          PP RA: route {80,9080} active
            > $REVIEWS.routes[?@.name=='old']  2 => 3
            ~ $REVIEWS.routes[?@.name=='old'].redirect.host_redirect  "new.example" => "www.example"
        "#,
    );
}

/// `reviews-v1-b` is removed and comes back, and istiod then takes the inbound side of that proxy away
/// for a while.
#[test]
fn endpoints_are_compared_host_by_host() {
    case(
        "o_endpoints",
        r#"
        sync 1_before 2_added 3_removed 4_weight 5_locality 6_network_labels 7_empty_subset 8_locality_failover
        change 1_before 2_added
          PP RA RB GW: endpoint outbound|9080|v2|reviews.SVC
            + $.endpoints[0].lb_endpoints[1]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].load_balancing_weight  1 => 2
          PP RA RB GW: endpoint outbound|9080||reviews.SVC
            + $.endpoints[0].lb_endpoints[4]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].load_balancing_weight  4 => 5
        change 2_added 3_removed
          PP RA RB GW: endpoint outbound|9080|v1|reviews.SVC
            - $.endpoints[0].lb_endpoints[1]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.22"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].load_balancing_weight  2 => 1
          PP RA RB GW: endpoint outbound|9080|v2|reviews.SVC
            - $.endpoints[0].lb_endpoints[0]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].load_balancing_weight  2 => 1
          PP RA RB GW: endpoint outbound|9080||reviews.SVC
            - $.endpoints[0].lb_endpoints[1]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.22"}}},"load_balancing_weight":1} …
            - $.endpoints[0].lb_endpoints[2]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].load_balancing_weight  5 => 3
        change 3_removed 4_weight
          PP RA RB GW: endpoint outbound|9080|v1|reviews.SVC
            + $.endpoints[0].lb_endpoints[1]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.22"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].load_balancing_weight  1 => 2
          PP RA RB GW: endpoint outbound|9080|v2|reviews.SVC
            + $.endpoints[0].lb_endpoints[0]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":2} …
            ~ $.endpoints[0].lb_endpoints[1].load_balancing_weight <- $.endpoints[0].lb_endpoints[0].load_balancing_weight  1 => 7
            ~ $.endpoints[0].load_balancing_weight  1 => 9
          PP RA RB GW: endpoint outbound|9080||reviews.SVC
            + $.endpoints[0].lb_endpoints[1]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.22"}}},"load_balancing_weight":1} …
            + $.endpoints[0].lb_endpoints[2]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":2} …
            ~ $.endpoints[0].lb_endpoints[4].load_balancing_weight <- $.endpoints[0].lb_endpoints[2].load_balancing_weight  1 => 7
            ~ $.endpoints[0].load_balancing_weight  3 => 12
          RB: cluster inbound|9080|| active
            - $  {"name":"inbound|9080||"} …
          RB: listener virtualInbound active
            - $.filter_chains[1]  {"filter_chain_match":{"application_protocols":["istio","istio-h2","istio-http/1.0","istio-http/1.1","istio-peer-exchange"],"destination_port":9080,"transport_protocol":"tls"}} …
            - $.filter_chains[4]  {"filter_chain_match":{"destination_port":9080,"transport_protocol":"raw_buffer"}} …
            + $.listener_filters[?@.name=='envoy.filters.listener.http_inspector'].filter_disabled.destination_port_range  {"end":15007,"start":15006}
            - $.listener_filters[?@.name=='envoy.filters.listener.http_inspector'].filter_disabled.or_match  {"rules":[{"destination_port_range":{"end":9081,"start":9080}},{"destination_port_range":{"end":15007,"start":15006}}]} …
          live envoy RB: endpoint inbound|9080||
            - $  {"cluster_name":"inbound|9080||"} …
        change 4_weight 5_locality
          PP RA RB GW: endpoint outbound|9080|v2|reviews.SVC
            - $.endpoints[0].lb_endpoints[1]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":7} …
            ~ $.endpoints[0].load_balancing_weight  9 => 2
            + $.endpoints[1]  {"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":7}],"load_balancing_weight":7,"locality":{"region":"region-b","sub_zone":"rack-1","zone":"zone-9"}} …
          PP RA RB GW: endpoint outbound|9080||reviews.SVC
            - $.endpoints[0].lb_endpoints[4]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":7} …
            ~ $.endpoints[0].load_balancing_weight  12 => 5
            + $.endpoints[1]  {"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":7}],"load_balancing_weight":7,"locality":{"region":"region-b","sub_zone":"rack-1","zone":"zone-9"}} …
        change 5_locality 6_network_labels
        change 6_network_labels 7_empty_subset
          PP RA RB GW: endpoint outbound|9080|v2|reviews.SVC
            - $.endpoints  [{"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":2}],"load_balancing_weight":2,"locality":{"region":"region-a","zone":"zone-1"}},{"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":7}],"load_balancing_weight":7,"locality":{"region":"region-b","sub_zone":"rack-1","zone":"zone-9"}}] …
          PP RA RB GW: endpoint outbound|9080||reviews.SVC
            - $.endpoints[0].lb_endpoints[2]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":2} …
            ~ $.endpoints[0].load_balancing_weight  5 => 3
            - $.endpoints[1]  {"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":7}],"load_balancing_weight":7,"locality":{"region":"region-b","sub_zone":"rack-1","zone":"zone-9"}} …
        change 7_empty_subset 8_locality_failover
          PP RA RB GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            + $.common_lb_config.healthy_panic_threshold  {}
            + $.common_lb_config.locality_weighted_lb_config  {}
            + $.outlier_detection  {"consecutive_5xx":5,"enforcing_consecutive_5xx":100,"enforcing_success_rate":0}
          PP RA GW: endpoint outbound|9080|v2|reviews.SVC
            + $.endpoints  [{"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":1}],"load_balancing_weight":1,"locality":{"region":"region-a","zone":"zone-1"}},{"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":1}],"load_balancing_weight":1,"locality":{"region":"region-b","zone":"zone-9"},"priority":1}] …
          PP RA GW: endpoint outbound|9080||reviews.SVC
            + $.endpoints[0].lb_endpoints[2]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].load_balancing_weight  3 => 4
            + $.endpoints[1]  {"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":1}],"load_balancing_weight":1,"locality":{"region":"region-b","zone":"zone-9"},"priority":1} …
          RB: endpoint outbound|9080|v2|reviews.SVC
            + $.endpoints  [{"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":1}],"load_balancing_weight":1,"locality":{"region":"region-a","zone":"zone-1"}},{"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":1}],"load_balancing_weight":1,"locality":{"region":"region-b","zone":"zone-9"}}] …
          RB: endpoint outbound|9080||reviews.SVC
            + $.endpoints[0].lb_endpoints[2]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.23"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].load_balancing_weight  3 => 4
            + $.endpoints[1]  {"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"10.44.1.25"}}},"load_balancing_weight":1}],"load_balancing_weight":1,"locality":{"region":"region-b","zone":"zone-9"}} …
          RB: cluster inbound|9080|| active
            + $  {"name":"inbound|9080||"} …
          RB: listener virtualInbound active
            + $.filter_chains[1]  {"filter_chain_match":{"application_protocols":["istio","istio-h2","istio-http/1.0","istio-http/1.1","istio-peer-exchange"],"destination_port":9080,"transport_protocol":"tls"}} …
            + $.filter_chains[4]  {"filter_chain_match":{"destination_port":9080,"transport_protocol":"raw_buffer"}} …
            - $.listener_filters[?@.name=='envoy.filters.listener.http_inspector'].filter_disabled.destination_port_range  {"end":15007,"start":15006}
            + $.listener_filters[?@.name=='envoy.filters.listener.http_inspector'].filter_disabled.or_match  {"rules":[{"destination_port_range":{"end":9081,"start":9080}},{"destination_port_range":{"end":15007,"start":15006}}]} …
          RA: cluster inbound|9080|| active
            + $.metadata.filter_metadata.istio.config  "/apis/networking.istio.io/v1/namespaces/default/destination-rule/reviews"
          live envoy RB: endpoint inbound|9080||
            + $  {"cluster_name":"inbound|9080||"} …
        "#,
    );
}

/// Hosts that only changed addresses are told apart.
#[test]
fn pods_that_were_replaced_are_compared_with_those_of_their_workload() {
    case(
        "s_proxy_replaced",
        r#"
        sync 1_before 2_after
        change 1_before 2_after
          PP RA GW: endpoint outbound|9080|v1|reviews.SVC
            - $.endpoints[0].lb_endpoints[0]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.21"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].lb_endpoints[0].metadata.filter_metadata.istio.workload <- $.endpoints[0].lb_endpoints[1].metadata.filter_metadata.istio.workload  "reviews-v1-b;default;reviews;v1;Kubernetes" => "reviews-v1-a;default;reviews;v1;Kubernetes"
            ~ $.endpoints[0].load_balancing_weight  2 => 1
          PP RA GW: endpoint outbound|9080||productpage.SVC
            + $.endpoints[0].lb_endpoints[0]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.12"}}},"load_balancing_weight":1} …
            - $.endpoints[0].lb_endpoints[0]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.11"}}},"load_balancing_weight":1} …
              class: endpoints_replaced
          PP RA GW: endpoint outbound|9080||reviews.SVC
            - $.endpoints[0].lb_endpoints[0]  {"endpoint":{"address":{"socket_address":{"address":"10.44.1.21"}}},"load_balancing_weight":1} …
            ~ $.endpoints[0].lb_endpoints[0].metadata.filter_metadata.istio.workload <- $.endpoints[0].lb_endpoints[1].metadata.filter_metadata.istio.workload  "reviews-v1-b;default;reviews;v1;Kubernetes" => "reviews-v1-a;default;reviews;v1;Kubernetes"
            ~ $.endpoints[0].load_balancing_weight  4 => 3
          live envoy PP RA: secret default active
            ~ $.tls_certificate.certificate_chain.inline_bytes  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t…" … => "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t…" …
        "#,
    );
}

#[test]
fn a_proxy_that_was_cut_off_differs_from_istiod_until_it_is_back() {
    case(
        "stale",
        r#"
        sync 1_before
        sync 2_stale
          PP: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            ~ $.circuit_breakers.thresholds[0].max_connections  3 => 4294967295
          PP: route {80,9080} active
            ~ $REVIEWS.routes[0].route.cluster  "outbound|%|v3|reviews.SVC" => "outbound|%|v1|reviews.SVC"
        sync 3_recovered
        change 1_before 2_stale
          istiod PP: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            ~ $.circuit_breakers.thresholds[0].max_connections  4294967295 => 3
          istiod PP: route {80,9080} active
            ~ $REVIEWS.routes[0].route.cluster  "outbound|%|v1|reviews.SVC" => "outbound|%|v3|reviews.SVC"
          RA GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            ~ $.circuit_breakers.thresholds[0].max_connections  4294967295 => 3
          RA: route {80,9080} active
            ~ $REVIEWS.routes[0].route.cluster  "outbound|%|v1|reviews.SVC" => "outbound|%|v3|reviews.SVC"
          RA: cluster inbound|9080|| active
            ~ $.circuit_breakers.thresholds[0].max_connections  4294967295 => 3
            + $.metadata.filter_metadata.istio.config  "/apis/networking.istio.io/v1/namespaces/default/destination-rule/reviews"
        change 2_stale 3_recovered
          envoy PP: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            ~ $.circuit_breakers.thresholds[0].max_connections  4294967295 => 3
          envoy PP: route {80,9080} active
            ~ $REVIEWS.routes[0].route.cluster  "outbound|%|v1|reviews.SVC" => "outbound|%|v3|reviews.SVC"
        "#,
    );
}

#[test]
fn a_typed_struct_is_compared_in_the_shape_of_its_type() {
    case(
        "t_typedstruct",
        r#"
        sync 1_before 2_after
        change 1_before 2_after
          PP RA: listener virtualInbound active
            ~ $.filter_chains[{0,1,3,4}].HTTP_FILTERS[3].typed_config.value.max_active_faults  5 => 6
        "#,
    );
}

#[test]
fn state_of_the_world_differs_from_delta_in_nothing() {
    case(
        "u_sotw",
        r#"
        sync 1_before 2_after
        change 1_before 2_after
          PP GW: cluster outbound|9080|{v1,v2,v3,}|reviews.SVC active
            ~ $.circuit_breakers.thresholds[0].max_connections  4294967295 => 3
          PP: route {80,9080} active
            ~ $REVIEWS.routes[0].decorator.operation  "reviews.SVC:%/*" => "reviews:%/*"
            - $REVIEWS.routes[0].route.cluster  "outbound|%|v1|reviews.SVC"
            + $REVIEWS.routes[0].route.weighted_clusters  {"clusters":[{"name":"outbound|%|v1|reviews.SVC"},{"name":"outbound|%|v2|reviews.SVC"}]} …
        "#,
    );
}

#[test]
fn the_health_of_a_host_is_live_state() {
    case(
        "v_outlier",
        r#"
        sync 1_before
        sync 2_ejected
          uncompared GW: endpoint outbound|9080||productpage.SVC $.endpoints[0].lb_endpoints[0].health_status
        change 1_before 2_ejected
          live envoy GW: endpoint outbound|9080||productpage.SVC
            + $.endpoints[0].lb_endpoints[0].health_status  "UNHEALTHY"
        "#,
    );
}

/// Listeners tell a rejection; clusters, routes and endpoints keep what they had, and a rejected secret shows as if it
/// were in use.
#[test]
fn envoy_tells_of_rejected_updates_what_it_tells() {
    sample(
        "05_error_states",
        r#"
        change dump_0_ok dump_1_lds_nack
          -: listener l2 rejected
            + $  {"name":"l2"} …
              reason: script load error: [string [redacted]]:1: '=' expected near…
          -: listener l3 rejected
            + $  {"name":"l3"} …
              reason: Only a single wildcard domain is permitted in route in…
        change dump_1_lds_nack dump_2_cds_nack
          -: cluster c active
            ~ $.connect_timeout  "1s" => "2s"
          -: cluster newc active
            + $  {"name":"newc"} …
          live -: endpoint newc
            + $  {"cluster_name":"newc"} …
        change dump_2_cds_nack dump_3_rds_nack
        change dump_3_rds_nack dump_4_eds_nack
          -: endpoint e
            - $.endpoints[0]  {"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"port_value":19901}}}}]} …
            + $.endpoints[?@.priority==5 && !@.locality]  {"priority":5} …
        change dump_4_eds_nack dump_5_sds_nack
          -: secret s active
            ~ $.tls_certificate.certificate_chain.inline_string  "-----BEGIN CERTIFICATE-----…" … => "garbage"
        change dump_5_sds_nack dump_6_ecds_nack
        change dump_6_ecds_nack dump_7_lds_unparsable
        change dump_7_lds_unparsable dump_8_lds_recovered
          -: listener l2 rejected
            - $  {"name":"l2"} …
              reason: script load error: [string [redacted]]:1: '=' expected near…
          -: listener l3 rejected
            - $  {"name":"l3"} …
              reason: Only a single wildcard domain is permitted in route in…
        "#,
    );
}

#[test]
fn a_resource_that_waits_or_drains_is_one_of_its_own() {
    sample(
        "06_warming_draining",
        r#"
        change dump_0_ok dump_1_cluster_warming
          -: cluster {c,new-eds,new-sds} warming
            + $  {"name":"%"} …
          -: secret unreach warming
            + $  {"name":"unreach"} …
        change dump_1_cluster_warming dump_2_cluster_warming_and_active
          -: cluster c warming
            - $.load_assignment  {"cluster_name":"c"} …
        change dump_2_cluster_warming_and_active dump_3_listener_warming
          -: listener {l1,l3} warming
            + $  {"name":"%"} …
        change dump_3_listener_warming dump_4_listener_updated
          -: listener l1 warming
            - $  {"name":"l1"} …
          -: listener l2 active
            + $.per_connection_buffer_limit_bytes  1000
          -: listener ltcp active
            ~ $.filter_chains[0].name  "a" => "b"
          live -: listener l2 draining
            + $  {"name":"l2"} …
        change dump_4_listener_updated dump_5_listener_removed
          -: listener {l2,ltcp} active
            - $  {"name":"%"} …
          live -: listener ltcp draining
            + $  {"name":"ltcp"} …
        change dump_5_listener_removed dump_6_address_changed
          -: listener l1 active
            ~ $.address.socket_address.port_value  19011 => 19021
          live -: listener l1 draining
            + $  {"name":"l1"} …
        "#,
    );
}

#[test]
fn a_dump_printed_by_another_printer_is_no_difference() {
    for (dump, other) in [
        ("01_all_dynamic/dump", "01_istiod"),
        ("01_all_dynamic/dump", "01_origname"),
        ("01_all_dynamic/dump", "01_protojson"),
        ("08_srds_ecds_kinds/dump", "08_istiod"),
        ("17_presence/dump", "17_istiod"),
    ] {
        let dump = data(&format!("samples/{dump}.json"));
        let other = data(&format!("samples/go_forms/{other}.json"));
        diff([&dump, &other]).assert_same(&other.display().to_string());
        diff([&other, &dump]).assert_same(&other.display().to_string());
    }
}

#[test]
fn a_sample_in_other_words_is_no_difference() {
    for sample in [
        "01_all_dynamic/dump",
        "03_order_many/dump_run2",
        "08_srds_ecds_kinds/dump",
        "09_sensitive/dump",
        "17_presence/dump",
        "18_enum_alias/dump",
    ] {
        let dump = data(&format!("samples/{sample}.json"));
        // Equal bytes are not looked into; members in another order and other blanks are.
        let value: Value =
            serde_json::from_slice(&bytes(&format!("samples/{sample}.json"))).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        serde_json::to_writer(&file, &value).unwrap();
        diff([&dump, file.path()]).assert_same(sample);
    }
}

/// The resources as istiod would send them, with everything that endpoint assignments can have.
#[test]
fn what_envoy_rebuilds_of_endpoint_assignments_is_no_difference() {
    let sample = |name: &str| data(&format!("samples/01_all_dynamic/{name}.json"));
    diff([sample("istiod_form"), sample("dump")]).assert_same("istiod_form");
}

#[test]
fn a_dump_without_endpoints_is_compared_without_them() {
    let sample = |name: &str| data(&format!("samples/01_all_dynamic/{name}.json"));
    for pair in [["dump", "dump_no_eds"], ["dump_no_eds", "dump"]] {
        let report = diff(pair.map(sample));
        assert_eq!(report.status, 3, "{pair:?}");
        assert_eq!(report.list("changes"), [] as [Value; 0]);
        let entries = report.list("not_compared").iter();
        let missing: Vec<&Value> = entries.filter(|e| e["cause"] == "missing").collect();
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert_eq!(missing[0]["type"], "endpoint");
        let side = if pair[1] == "dump" { "before" } else { "after" };
        let reason = format!(
            "the dump on the {side} side was taken without `include_eds`: 7 resources that only the other side has"
        );
        assert_eq!(missing[0]["reason"], reason);
    }
}

#[test]
fn scoped_routes_and_extensions_of_every_kind_are_resources() {
    let dump = data("samples/08_srds_ecds_kinds/dump.json");
    let output = xdsnap()
        .args(["normalize", "-o", "jsonl"])
        .arg(dump)
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found: Vec<String> = lines
        .map(|line| {
            ["type", "name", "state"]
                .map(|member| text(&line[member]))
                .join(" ")
        })
        .filter(|line| !line.starts_with("endpoint"))
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "bootstrap  ",
            "cluster c active",
            "extension_config hf ",
            "extension_config lf ",
            "extension_config nf ",
            "listener ec active",
            "listener s_dyn active",
            "listener s_inline active",
            "route in static",
            "route r active",
            "scoped_route a active",
            "scoped_route inl_a static",
            "scoped_route inl_b static",
            "scoped_route z active",
        ]
    );
}

const PRODUCTPAGE: &str = "productpage-v1-6b746f74dc-9stvs.default";

#[test]
fn of_two_dumps_the_content_tells_which_is_istiods_however_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let gzip = |name: &str, bytes: &[u8]| {
        let level = flate2::Compression::fast();
        let mut file = Vec::new();
        flate2::read::GzEncoder::new(bytes, level)
            .read_to_end(&mut file)
            .unwrap();
        write(name, &file)
    };
    let zstd = |name: &str, bytes: &[u8]| write(name, &zstd::encode_all(bytes, 1).unwrap());
    let step = "corpus/stale/2_stale";
    let envoy = bytes(&format!("{step}/envoy/{PRODUCTPAGE}/config_dump.json"));
    let istiod = bytes(&format!("{step}/istiod/{PRODUCTPAGE}.config_dump.json"));

    let [plain_envoy, plain_istiod] = [write("e.json", &envoy), write("i.json", &istiod)];
    let expected = diff([&plain_istiod, &plain_envoy]);
    assert_eq!((expected.status, expected.list("changes").len()), (1, 6));
    assert_eq!(expected.json["mode"], "sync");
    for [first, second] in [
        [&plain_envoy, &plain_istiod],
        [&gzip("e.json.gz", &envoy), &zstd("i.json.zst", &istiod)],
        [&zstd("i", &istiod), &gzip("e", &envoy)],
        // Names say nothing.
        [
            &write("envoy.json", &istiod),
            &write("istiod.json.gz", &envoy),
        ],
    ] {
        let report = diff([first, second]);
        assert_eq!(report.status, 1, "{}", first.display());
        assert_eq!(report.json["mode"], "sync");
        assert_eq!(report.list("changes"), expected.list("changes"));
    }
    for (stdin, arguments) in [
        (&envoy, [Path::new("-"), &plain_istiod]),
        (&istiod, [&plain_envoy, Path::new("-")]),
    ] {
        let mut command = assert_cmd::Command::from_std(xdsnap());
        command
            .args(["diff", "-o", "json"])
            .args(arguments)
            .write_stdin(stdin.clone());
        let output = command.output().unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(json["changes"], expected.json["changes"]);
    }
}

#[test]
fn one_dump_has_nothing_to_be_compared_with() {
    for (dump, lacks) in [
        (
            format!("envoy/{PRODUCTPAGE}/config_dump"),
            "what istiod would send",
        ),
        (
            format!("istiod/{PRODUCTPAGE}.config_dump"),
            "what Envoy runs",
        ),
    ] {
        let dump = data(&format!("corpus/a_in_sync/1_before/{dump}.json"));
        let output = xdsnap().arg("diff").arg(&dump).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        let expected = format!(
            "{}: nothing to compare with; give a second file (this input does not hold {lacks})",
            dump.display()
        );
        assert!(error.contains(&expected), "{error}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
}

#[test]
fn swapped_sides_are_compared_with_a_warning() {
    let [old, new] = ["1_95_5", "2_50_50"].map(|step| {
        data(&format!(
            "corpus/b_canary/{step}/envoy/{PRODUCTPAGE}/config_dump.json"
        ))
    });
    assert_eq!(diff([&old, &new]).list("warnings"), [] as [Value; 0]);
    let report = diff([&new, &old]);
    assert_eq!((report.status, report.list("changes").len()), (1, 4));
    let warnings = report.list("warnings");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        text(&warnings[0]).ends_with("are the two swapped?"),
        "{warnings:?}"
    );
}

/// What istiod and Envoy answer to odd requests, against the dump of an Envoy in sync.
#[test]
fn odd_answers_are_compared_as_far_as_they_go() {
    let envoy = data(&format!(
        "corpus/a_in_sync/1_before/envoy/{PRODUCTPAGE}/config_dump.json"
    ));
    let answer = |name: &str| data(&format!("corpus/x_errors/{name}"));
    for (name, status, missing) in [
        ("no_eds.json", 3, &["endpoint"][..]),
        ("types_cds.json", 3, &["endpoint", "listener", "route"]),
        ("edsz.json", 3, &["cluster", "listener", "route"]),
        // Envoy keeps what it has when istiod is gone.
        ("envoy_without_istiod.config_dump.json", 0, &[]),
    ] {
        let report = diff([&answer(name), &envoy]);
        assert_eq!(report.list("changes"), [] as [Value; 0], "{name}");
        assert_eq!(report.status, status, "{name}");
        let entries = report.list("not_compared").iter();
        let entries = entries.filter(|entry| entry["cause"] == "missing");
        let types: Vec<String> = entries.map(|entry| text(&entry["type"])).collect();
        assert_eq!(types, missing, "{name}");
    }
    for (name, why) in [
        ("prefix_match.json", "neither a bundle nor a dump"),
        ("unknown_proxy.txt", "neither a bundle nor a dump"),
        ("no_proxy_id.txt", "neither a bundle nor a dump"),
        ("envoy_bad_mask.txt", "neither a bundle nor a dump"),
        ("types_bad.txt", "expected a config dump"),
        ("debug_list.json", "expected a config dump"),
        ("envoy_frozen.txt", "the file is empty"),
    ] {
        let output = xdsnap()
            .arg("diff")
            .args([&answer(name), &envoy])
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(name) && error.contains(why), "{error}");
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{name}"
        );
    }
}

/// Compares the steps of a case of the corpus as `table` says.
fn case(name: &str, table: &str) {
    check(table, |step| data(&format!("corpus/{name}/{step}")));
}

/// Compares the dumps of one sample as `table` says.
fn sample(name: &str, table: &str) {
    check(table, |step| data(&format!("samples/{name}/{step}.json")));
}

fn check(table: &str, input: impl Fn(&str) -> PathBuf) {
    let mut wrong = String::new();
    for comparison in parse(table) {
        let mut command = xdsnap();
        command.args(["diff", "-o", "json"]).args(&comparison.flags);
        let inputs: Vec<PathBuf> = comparison.steps.iter().map(|step| input(step)).collect();
        // A folder of a case holds what both sources say, a sample is one dump.
        if inputs.len() == 2 && inputs[0].is_dir() {
            command.args(["--source", "both"]);
        }
        let report = Report::of(command.args(inputs));
        let differences = comparison.differences(&report);
        if !differences.is_empty() {
            writeln!(wrong, "{}\n{differences}", comparison.steps.join(" ")).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What a table expects of one comparison.
#[derive(Default)]
struct Comparison {
    steps: Vec<String>,
    flags: Vec<String>,
    /// What is expected where; the keys are those of [`key`].
    changes: BTreeMap<String, Expected>,
    /// What must be listed as not compared, and what else must be said.
    others: BTreeSet<String>,
}

/// What a change must be.
#[derive(Default)]
struct Expected {
    before: Option<String>,
    after: Option<String>,
    reason: Option<String>,
    class: Option<String>,
}

/// The resources that the lines below a heading are about.
#[derive(Default)]
struct Heading {
    /// Section, source, proxy and resource of each, and what `%` stands for in it.
    subjects: Vec<(String, String)>,
}

impl Heading {
    /// Reads `[live] [envoy|istiod] WHO…: TYPE NAME [STATE]` and gives what follows that.
    fn parse(line: &str, comparison: &Comparison) -> (Self, String) {
        let (who, what) = line
            .split_once(": ")
            .unwrap_or_else(|| panic!("no heading: {line}"));
        let mut who: Vec<&str> = who.split(' ').collect();
        let section = match who[0] {
            "live" => who.remove(0),
            _ => "changes",
        };
        let sources = match (who[0], &comparison.steps[..]) {
            ("envoy" | "istiod", _) => vec![who.remove(0)],
            (_, [_]) => vec!["istiod-envoy"],
            ("-", _) => vec!["envoy"],
            _ => vec!["envoy", "istiod"],
        };
        let mut words = what.split(' ');
        let [xds_type, names] = [words.next().unwrap(), words.next().unwrap()];
        let mut rest: Vec<&str> = words.collect();
        let state = match rest.first() {
            Some(word) if !word.starts_with('$') => rest.remove(0),
            _ => "",
        };
        let mut subjects = Vec::new();
        for (name, alternative) in alternatives(names) {
            for source in &sources {
                for who in &who {
                    let resource = format!("{section} {source} {who}: {xds_type} {name} {state}");
                    subjects.push((resource.trim_end().to_owned(), alternative.clone()));
                }
            }
        }
        (Self { subjects }, rest.join(" "))
    }
}

fn parse(table: &str) -> Vec<Comparison> {
    let table = SHORT.iter().fold(table.to_owned(), |table, (short, long)| {
        table.replace(short, long)
    });
    let mut comparisons: Vec<Comparison> = Vec::new();
    let mut heading = Heading::default();
    // The keys of the lines since the last `reason:` or heading.
    let mut keys: Vec<String> = Vec::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap();
        let words = || rest.split(' ').map(str::to_owned);
        match (word, comparisons.last_mut()) {
            ("sync", _) => comparisons.extend(words().map(|step| Comparison {
                steps: vec![step],
                ..Comparison::default()
            })),
            ("change", _) => comparisons.push(Comparison {
                steps: words().take(2).collect(),
                flags: words().skip(2).collect(),
                ..Comparison::default()
            }),
            ("only" | "rejection", Some(current)) => {
                current.others.insert(line.to_owned());
            }
            ("uncompared", Some(current)) => {
                let (heading, path) = Heading::parse(rest, current);
                let entries = heading.subjects.iter();
                let entries = entries.map(|(subject, _)| uncompared(subject, &path));
                current.others.extend(entries);
            }
            ("+" | "-" | "~" | ">", Some(current)) => {
                let (places, value) = rest.split_once("  ").unwrap();
                let (before, after) = match (word, value.split_once(" => ")) {
                    ("+", _) => (None, Some(value)),
                    ("-", _) => (Some(value), None),
                    (_, Some((before, after))) => (Some(before), Some(after)),
                    _ => panic!("no value after: {line}"),
                };
                for (place, _) in alternatives(places) {
                    for (subject, alternative) in &heading.subjects {
                        let fill = |text: &str| text.replace('%', alternative);
                        let key = fill(&format!("{subject} {word} {place}"));
                        let expected = Expected {
                            before: before.map(fill),
                            after: after.map(fill),
                            ..Expected::default()
                        };
                        let twice = current.changes.insert(key.clone(), expected);
                        assert!(twice.is_none(), "expected twice: {key}");
                        keys.push(key);
                    }
                }
            }
            ("reason:" | "class:", Some(current)) => {
                for key in keys.drain(..) {
                    let expected = current.changes.get_mut(&key).unwrap();
                    match word {
                        "reason:" => expected.reason = Some(rest.to_owned()),
                        _ => expected.class = Some(rest.to_owned()),
                    }
                }
            }
            (_, Some(current)) => {
                keys.clear();
                heading = Heading::parse(line, current).0;
            }
            (_, None) => panic!("a table begins with `sync` or `change`: {line}"),
        }
    }
    comparisons
}

/// `a{b,c}d` is `abd`, where `b` is the alternative, and `acd`.
fn alternatives(text: &str) -> Vec<(String, String)> {
    let Some((start, rest)) = text.split_once('{') else {
        return vec![(text.to_owned(), String::new())];
    };
    let (inside, end) = rest.split_once('}').unwrap();
    let each = inside.split(',');
    each.map(|one| (format!("{start}{one}{end}"), one.to_owned()))
        .collect()
}

impl Comparison {
    /// What the report lacks or has too much, a line each.
    fn differences(&self, report: &Report) -> String {
        let mut lines = String::new();
        let mut line = |text: String| lines.push_str(&format!("  {text}\n"));
        let mut missing: BTreeMap<&String, &Expected> = self.changes.iter().collect();
        for section in ["changes", "live"] {
            for change in report.list(section) {
                let key = key(section, change);
                match missing.remove(&key) {
                    None => line(format!("not expected: {key}  {change}")),
                    Some(expected) => {
                        for what in expected.differences(change) {
                            line(format!("{key}: {what}"));
                        }
                    }
                }
            }
        }
        missing
            .keys()
            .for_each(|key| line(format!("missing: {key}")));

        let (required, other) = report.others();
        for entry in &required {
            if !self.others.contains(entry) {
                line(format!("not expected: {entry}"));
            }
        }
        for entry in &self.others {
            if !required.contains(entry) && !other.contains(entry) {
                line(format!("missing: {entry}"));
            }
        }
        let twice = report.list("proxies_only").iter().enumerate();
        for (i, entry) in twice {
            if report.list("proxies_only")[..i].contains(entry) {
                line(format!("said twice: {entry}"));
            }
        }

        let differs = self.changes.keys().any(|key| key.starts_with("changes"))
            || self.others.iter().any(|entry| entry.starts_with("only"));
        if report.status != i32::from(differs) {
            line(format!("exit status {}", report.status));
        }
        let warnings = report.list("warnings");
        if !warnings.is_empty() {
            line(format!("warnings: {warnings:?}"));
        }
        if report.json["summary"]["proxies"] == 0 {
            line("no proxy was compared".to_owned());
        }
        lines
    }
}

impl Expected {
    fn differences(&self, change: &Value) -> Vec<String> {
        let mut found = Vec::new();
        for (name, expected) in [("before", &self.before), ("after", &self.after)] {
            let fits = match (expected, change.get(name)) {
                (None, None) => true,
                (Some(expected), Some(value)) => fits_text(expected, value),
                _ => false,
            };
            if !fits {
                let expected = expected.as_deref().unwrap_or("none");
                found.push(format!("{name} is {}, expected {expected}", change[name]));
            }
        }
        for (name, expected) in [("reason", &self.reason), ("class", &self.class)] {
            let value = change.get(name).and_then(Value::as_str);
            let fits = match (expected, value) {
                (None, None) => true,
                (Some(expected), Some(value)) => starts(expected, &without_tokens(value)),
                _ => false,
            };
            if !fits {
                found.push(format!("{name} is {value:?}, expected {expected:?}"));
            }
        }
        found
    }
}

/// `text` with every token that stands for a secret as it would be without a key.
fn without_tokens(text: &str) -> String {
    let mut short = text.to_owned();
    loop {
        let token = Token::all_in(&short).next();
        let Some((range, _)) = token else {
            return short;
        };
        short.replace_range(range, "[redacted]");
    }
}

/// Whether `value` is what `expected` says, with all its members or, before `…`, at least with these.
fn fits_text(expected: &str, value: &Value) -> bool {
    let (json, is_whole) = match expected.trim().strip_suffix(" …") {
        Some(json) => (json, false),
        None => (expected.trim(), true),
    };
    let expected: Value =
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error} in {json}"));
    match is_whole {
        true => expected == *value,
        false => includes(&expected, value),
    }
}

fn includes(expected: &Value, value: &Value) -> bool {
    match (expected, value) {
        (Value::Object(expected), Value::Object(value)) => {
            let mut members = expected.iter();
            members.all(|(name, expected)| {
                value
                    .get(name)
                    .is_some_and(|value| includes(expected, value))
            })
        }
        (Value::Array(expected), Value::Array(value)) => {
            let mut pairs = expected.iter().zip(value);
            expected.len() == value.len()
                && pairs.all(|(expected, value)| includes(expected, value))
        }
        (Value::String(expected), Value::String(value)) => starts(expected, value),
        _ => expected == value,
    }
}

fn starts(expected: &str, value: &str) -> bool {
    match expected.strip_suffix('…') {
        Some(start) => value.starts_with(start),
        None => expected == value,
    }
}

/// Where a change is: `SECTION SOURCE WHO: TYPE NAME STATE SIGN PATH [<- BEFORE_PATH]`.
fn key(section: &str, change: &Value) -> String {
    let sign = match change["kind"].as_str() {
        Some("added") => '+',
        Some("removed") => '-',
        Some("changed") => '~',
        Some("moved") => '>',
        _ => '?',
    };
    let mut key = format!(
        "{section} {} {sign} {}",
        subject(change),
        text(&change["path"])
    );
    if let Some(before_path) = change.get("before_path") {
        write!(key, " <- {}", text(before_path)).unwrap();
    }
    key
}

fn uncompared(subject: &str, path: &str) -> String {
    let subject = subject.strip_prefix("changes ").unwrap_or(subject);
    format!("uncompared {subject} {path}").trim_end().to_owned()
}

/// `SOURCE WHO: TYPE NAME STATE` of a change, or of what was not compared.
fn subject(entry: &Value) -> String {
    let mut words = vec![text(&entry["source"]), format!("{}:", who(&entry["proxy"]))];
    for member in ["type", "name", "state"] {
        words.extend(entry[member].as_str().map(str::to_owned));
    }
    words.extend(
        entry["occurrence"]
            .as_u64()
            .map(|number| format!("#{number}")),
    );
    words.join(" ")
}

fn who(proxy: &Value) -> &'static str {
    let mut known = PROXIES.iter();
    let found = known.find(|(_, start)| text(proxy).starts_with(start));
    found.map_or("-", |(who, _)| who)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What the binary printed as JSON.
struct Report {
    status: i32,
    json: Value,
}

impl Report {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        Self {
            status: output.status.code().unwrap(),
            json: serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| panic!("no report: {error}")),
        }
    }

    fn list(&self, name: &str) -> &[Value] {
        self.json[name].as_array().map_or(&[], Vec::as_slice)
    }

    /// What should have been compared: its type, and why it was not.
    fn missing(&self) -> BTreeSet<String> {
        let entries = self.list("not_compared").iter();
        let missing = entries.filter(|entry| entry["cause"] == "missing");
        missing
            .map(|entry| format!("{}: {}", text(&entry["type"]), text(&entry["reason"])))
            .collect()
    }

    /// What a table must name beside changes, and what it may.
    fn others(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let mut required = BTreeSet::new();
        for only in self.list("proxies_only") {
            required.insert(format!(
                "only {} {}",
                text(&only["side"]),
                text(&only["proxy"])
            ));
        }
        for entry in self.list("rejections") {
            let [xds_type, reason] = [text(&entry["type"]), text(&entry["reason"])];
            required.insert(format!(
                "rejection {} {xds_type}: {}",
                who(&entry["proxy"]),
                without_tokens(&reason)
            ));
        }
        let mut other = BTreeSet::new();
        for entry in self.list("not_compared") {
            let line = uncompared(&subject(entry), &text(&entry["path"]));
            match entry["cause"] == "missing" {
                true => required.insert(line),
                false => other.insert(line),
            };
        }
        (required, other)
    }

    fn assert_same(&self, what: &str) {
        assert_eq!(self.list("changes"), [] as [Value; 0], "{what}");
        assert_eq!(self.list("live"), [] as [Value; 0], "{what}");
        assert_eq!(self.status, 0, "{what}");
        assert_ne!(self.json["summary"]["resources"], 0, "{what}");
    }
}

fn xdsnap() -> Command {
    let mut command = Command::cargo_bin("xdsnap").unwrap();
    command.env("HOME", home()).env("XDG_STATE_HOME", home());
    command
}

fn diff<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Report {
    Report::of(xdsnap().args(["diff", "-o", "json"]).args(arguments))
}

/// A file or folder of `testdata`, whether it is compressed or not.
fn data(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    let compressed = path.with_file_name(format!("{}.zst", path.file_name().unwrap().display()));
    match path.exists() {
        true => path,
        false => compressed,
    }
}

/// The bytes of a file of `testdata`, decompressed.
fn bytes(name: &str) -> Vec<u8> {
    let path = data(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match path.extension() {
        Some(extension) if extension == "zst" => zstd::decode_all(bytes.as_slice()).unwrap(),
        _ => bytes,
    }
}
