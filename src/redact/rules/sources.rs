//! Where texts stand that are written in a language of their own.

/// Programs in Lua.
pub(super) static LUA: &[&str] = &[
    "envoy.config.filter.http.lua.v2.Lua.inline_code",
    "envoy.extensions.filters.http.lua.v3.Lua.default_source_code",
    "envoy.extensions.filters.http.lua.v3.Lua.inline_code",
    "envoy.extensions.filters.http.lua.v3.Lua.source_codes",
    "envoy.extensions.filters.http.lua.v3.LuaPerRoute.source_code",
    "envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig.source_code",
    "envoy.extensions.string_matcher.lua.v3.Lua.source_code",
];

/// What configures plugins.
pub(super) static PLUGINS: &[&str] = &[
    "envoy.extensions.access_loggers.dynamic_modules.v3.DynamicModuleAccessLog.logger_config",
    "envoy.extensions.bootstrap.dynamic_modules.v3.DynamicModuleBootstrapExtension.extension_config",
    "envoy.extensions.clusters.dynamic_modules.v3.ClusterConfig.cluster_config",
    "envoy.extensions.config.validators.dynamic_modules.v3.DynamicModuleConfigValidator.extension_config",
    "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter.filter_config",
    "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute.filter_config",
    "envoy.extensions.filters.listener.dynamic_modules.v3.DynamicModuleListenerFilter.filter_config",
    "envoy.extensions.filters.network.dynamic_modules.v3.DynamicModuleNetworkFilter.filter_config",
    "envoy.extensions.filters.udp.dynamic_modules.v3.DynamicModuleUdpListenerFilter.filter_config",
    "envoy.extensions.formatter.dynamic_modules.v3.DynamicModuleFormatter.formatter_config",
    "envoy.extensions.health_checkers.dynamic_modules.v3.DynamicModuleHealthCheck.health_checker_config",
    "envoy.extensions.http.early_header_mutation.dynamic_modules.v3.DynamicModuleEarlyHeaderMutation.early_header_mutation_config",
    "envoy.extensions.http.header_formatters.dynamic_modules.v3.DynamicModuleHeaderFormatter.header_formatter_config",
    "envoy.extensions.load_balancing_policies.dynamic_modules.v3.DynamicModulesLoadBalancerConfig.lb_policy_config",
    "envoy.extensions.matching.http.dynamic_modules.v3.DynamicModuleDataInput.input_config",
    "envoy.extensions.matching.input_matchers.dynamic_modules.v3.DynamicModuleMatcher.matcher_config",
    "envoy.extensions.router.cluster_specifiers.dynamic_modules.v3.DynamicModuleClusterSpecifier.specifier_config",
    "envoy.extensions.router.route_specifiers.dynamic_modules.v3.DynamicModuleRouteSpecifier.specifier_config",
    "envoy.extensions.stat_sinks.dynamic_modules.v3.DynamicModuleStatsSink.sink_config",
    "envoy.extensions.tracers.dynamic_modules.v3.DynamicModuleTracer.tracer_config",
    "envoy.extensions.transport_sockets.dynamic_modules.v3.DynamicModuleTransportSocket.transport_socket_config",
    "envoy.extensions.transport_sockets.tls.cert_validator.dynamic_modules.v3.DynamicModuleCertValidatorConfig.validator_config",
    "envoy.extensions.transport_sockets.tls.handshakers.dynamic_modules.v3.DynamicModuleTlsHandshaker.handshaker_config",
    "envoy.extensions.upstreams.http.dynamic_modules.v3.Config.bridge_config",
    "envoy.extensions.wasm.v3.PluginConfig.configuration",
    "envoy.extensions.wasm.v3.VmConfig.configuration",
];

/// Formats of access logs and the like.
pub(in crate::redact) static FORMATS: &[&str] = &[
    "envoy.config.accesslog.v2.FileAccessLog.format",
    "envoy.config.accesslog.v2.FileAccessLog.json_format",
    "envoy.config.accesslog.v2.FileAccessLog.typed_json_format",
    "envoy.config.bootstrap.v3.Bootstrap.ApplicationLogConfig.LogFormat.json_format",
    "envoy.config.bootstrap.v3.Bootstrap.ApplicationLogConfig.LogFormat.text_format",
    "envoy.config.core.v3.SubstitutionFormatString.json_format",
    "envoy.config.core.v3.SubstitutionFormatString.text_format",
    "envoy.config.core.v3.SubstitutionFormatString.text_format_source",
    "envoy.extensions.access_loggers.file.v3.FileAccessLog.format",
    "envoy.extensions.access_loggers.file.v3.FileAccessLog.json_format",
    "envoy.extensions.access_loggers.file.v3.FileAccessLog.typed_json_format",
    "envoy.extensions.access_loggers.fluentd.v3.FluentdAccessLogConfig.record",
    "envoy.extensions.access_loggers.stats.v3.Config.Counter.value_format",
    "envoy.extensions.access_loggers.stats.v3.Config.Gauge.value_format",
    "envoy.extensions.access_loggers.stats.v3.Config.Histogram.value_format",
    "envoy.extensions.access_loggers.stats.v3.Config.Tag.value_format",
];
