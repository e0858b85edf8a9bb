"""The model in Envoy's syntax (its v3 API, as JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...kube.objects import Obj, digest
from .ingress import ROLE as INGRESS
from .model import (
    Answer,
    Certificate,
    Cluster,
    Cors,
    Edits,
    Fault,
    Forward,
    Headers,
    Host,
    Listener,
    Match,
    Named,
    Redirect,
    Retries,
    Rewrite,
    Text,
)
from .model import Route as ModelRoute

_TYPE = "type.googleapis.com/"
_HTTP = f"{_TYPE}envoy.extensions.filters.http."
_NETWORK = f"{_TYPE}envoy.extensions.filters.network."
_UNLIMITED = 2**32 - 1
_MILLION = 1_000_000

LISTENERS, CLUSTERS = "listeners.json", "clusters.json"
_DISCOVERY = "discovery"
_PROTOCOLS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_HTTP2: Obj = {
    "typed_extension_protocol_options": {
        _PROTOCOLS: {"@type": f"{_TYPE}{_PROTOCOLS}", "explicit_http_config": {"http2_protocol_options": {}}}
    }
}


def endpoints_name(each: Cluster) -> str:
    """By which its endpoints are asked for. A cluster that is made anew asks by another name: by one that is known already Envoy
    would not ask, and would wait for an answer."""
    return f"{each.name}@{digest((each.balancing, each.is_http2, each.connect_timeout_s))}"


def routes_name(routes: str) -> str:
    """As Envoy's statistics call them."""
    return f"routes-{digest(routes)}"


def routes_file(routes: str) -> str:
    return f"{routes_name(routes)}.json"


def bootstrap(folder: Path, admin: str, discovery: str) -> Obj:
    """What Envoy starts with. `admin` and `discovery` are paths of unix sockets: its own, and where it asks for endpoints."""
    endpoint = {"endpoint": {"address": {"pipe": {"path": discovery}}}}
    asked: Obj = {
        "name": _DISCOVERY,
        "type": "STATIC",
        "load_assignment": {"cluster_name": _DISCOVERY, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    endpoints = {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [{"envoy_grpc": {"cluster_name": _DISCOVERY}}],
    }
    files = {"lds_config": _from(folder / LISTENERS), "cds_config": _from(folder / CLUSTERS)}
    return {
        "node": {"id": "rollway-sandbox", "cluster": "rollway-sandbox"},
        "admin": {"address": {"pipe": {"path": admin, "mode": 0o600}}},
        "static_resources": {"clusters": [asked | _HTTP2]},
        "dynamic_resources": files | {"ads_config": endpoints},
    }


def _from(path: Path) -> Obj:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


# listeners


def listener(each: Listener, folder: Path, tables: Mapping[str, Obj]) -> Obj:
    """`tables`: route tables that are no files in `folder`, but parts of the listener."""
    out: Obj = {
        "@type": f"{_TYPE}envoy.config.listener.v3.Listener",
        "name": each.name,
        "address": {"socket_address": {"address": each.address, "port_value": each.port}},
        # Without it the address of another Envoy would be shared with it, instead of being in use.
        "enable_reuse_port": False,
    }
    if each.certificates:
        inspector = f"{_TYPE}envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
        out["listener_filters"] = [{"name": "tls_inspector", "typed_config": {"@type": inspector}}]
        out["filter_chains"] = [_encrypted(each, certificate, folder, tables) for certificate in each.certificates]
    else:
        filters = [_requests(each, each.routes, folder, tables)] if each.routes else [_connections(each)]
        out["filter_chains"] = [{"filters": filters}]
    return out


def _encrypted(each: Listener, certificate: Certificate, folder: Path, tables: Mapping[str, Obj]) -> Obj:
    """A filter chain for a name; that of `*` is for who names none of the others."""
    pair = {"certificate_chain": {"inline_string": certificate.chain}, "private_key": {"inline_string": certificate.key}}
    context = {
        "@type": f"{_TYPE}envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"tls_certificates": [pair], "alpn_protocols": ["h2", "http/1.1"]},
    }
    out: Obj = {
        "name": certificate.routes,
        "filters": [_requests(each, certificate.routes, folder, tables)],
        "transport_socket": {"name": "tls", "typed_config": context},
    }
    return out if certificate.host == "*" else out | {"filter_chain_match": {"server_names": [certificate.host]}}


def _connections(each: Listener) -> Obj:
    config = {
        "@type": f"{_NETWORK}tcp_proxy.v3.TcpProxy",
        "stat_prefix": "service",
        "cluster": each.cluster,
        "idle_timeout": "0s",
    }
    return {"name": "tcp", "typed_config": config}


def _requests(each: Listener, routes: str, folder: Path, tables: Mapping[str, Obj]) -> Obj:
    followed = {"rds": {"route_config_name": routes_name(routes), "config_source": _from(folder / routes_file(routes))}}
    config: Obj = {
        "@type": f"{_NETWORK}http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "http_filters": [
            {"name": "fault", "typed_config": {"@type": f"{_HTTP}fault.v3.HTTPFault"}},
            {"name": "router", "typed_config": {"@type": f"{_HTTP}router.v3.Router", "suppress_envoy_headers": True}},
        ],
        "use_remote_address": True,
        "server_header_transformation": "PASS_THROUGH",
        "stream_idle_timeout": "0s",  # the routes say how long an answer may take
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "local_reply_config": {"mappers": [_bad_gateway()]},
    }
    config |= {"route_config": tables[routes]} if routes in tables else followed
    if each.is_gateway:
        config["strip_any_host_port"] = True
        config["http_filters"].insert(0, {"name": "cors", "typed_config": {"@type": f"{_HTTP}cors.v3.Cors"}})
    return {"name": "http", "typed_config": config}


def _bad_gateway() -> Obj:
    """What could not be got from a pod is a 503 to Envoy, and so at an Istio gateway; load balancers for Ingresses say 502."""
    failed = {"response_flag_filter": {"flags": ["UF", "UC", "UR", "UPE"]}}
    at = {
        "@type": f"{_TYPE}envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        "expression": f"xds.route_name.startsWith('{INGRESS}/')",
    }
    filters = [failed, {"extension_filter": {"name": "cel", "typed_config": at}}]
    return {"filter": {"and_filter": {"filters": filters}}, "status_code": 502}


# clusters and endpoints


def cluster(each: Cluster) -> Obj:
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), _UNLIMITED)
    out: Obj = {
        "@type": f"{_TYPE}envoy.config.cluster.v3.Cluster",
        "name": each.name,
        "type": "EDS",
        "eds_cluster_config": {
            "service_name": endpoints_name(each),
            "eds_config": {"ads": {}, "resource_api_version": "V3"},
        },
        "connect_timeout": _duration(each.connect_timeout_s),
        "lb_policy": each.balancing,
        "circuit_breakers": {"thresholds": [limits]},
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
    }
    return out | (_HTTP2 if each.is_http2 else {})


# routes


def route_configuration(name: str, hosts: Iterable[Host]) -> Obj:
    return {
        "@type": f"{_TYPE}envoy.config.route.v3.RouteConfiguration",
        "name": routes_name(name),
        "ignore_port_in_host_matching": True,
        "virtual_hosts": [
            {"name": host.domains[0], "domains": list(host.domains), "routes": [route(each) for each in host.routes]}
            for host in hosts
        ],
    }


def route(each: ModelRoute) -> Obj:
    out: Obj = {"name": each.name, "match": _match(each.match)} | _headers(each.headers)
    match each.action:
        case Forward() as forward:
            host = dict(each.headers.request.to_set)
            out["route"] = _forward(forward, next((host[key] for key in host if key.lower() in ("host", ":authority")), ""))
        case Redirect() as redirect:
            out["redirect"] = _redirect(redirect)
        case Answer() as answer:
            out["direct_response"] = {"status": answer.status} | ({"body": {"inline_string": answer.body}} if answer.body else {})
    own = {"fault": _fault(each.fault)} if each.fault is not None else {}
    own |= {"cors": _cors(each.cors)} if each.cors is not None else {}
    return out | ({"typed_per_filter_config": own} if own else {})


def _match(match: Match) -> Obj:
    out: Obj = {}
    match match.path:
        case Text("exact", value):
            out["path"] = value
        case Text("regex", value):
            out["safe_regex"] = {"regex": value}
        case Text(_, value):
            out["path_separated_prefix" if match.at_segments else "prefix"] = value
    if match.path.ignores_case:
        out["case_sensitive"] = False
    if match.headers:
        out["headers"] = [_header(each) for each in match.headers]
    if match.query:
        out["query_parameters"] = [_parameter(each) for each in match.query]
    if match.part < 1:
        out["runtime_fraction"] = {"default_value": _fraction(match.part * 100)}
    return out


def _header(each: Named) -> Obj:
    if each.text.how == "present":
        return {"name": each.name, "present_match": True} | ({"invert_match": True} if each.is_inverted else {})
    out = {"name": each.name, "string_match": _string(each.text)}
    return out | ({"invert_match": True, "treat_missing_header_as_empty": True} if each.is_inverted else {})


def _parameter(each: Named) -> Obj:
    is_presence = each.text.how == "present"
    return {"name": each.name} | ({"present_match": True} if is_presence else {"string_match": _string(each.text)})


def _string(text: Text) -> Obj:
    if text.how == "regex":
        return {"safe_regex": {"regex": text.value}}
    return {"exact": text.value} if text.how == "exact" else {"prefix": text.value}


def _forward(forward: Forward, host: str) -> Obj:
    out: Obj = {"timeout": _duration(forward.timeout_s)}
    if len(forward.shares) == 1 and forward.shares[0].headers == Headers():
        out["cluster"] = forward.shares[0].cluster
    else:
        shares = [{"name": each.cluster, "weight": each.weight} | _headers(each.headers) for each in forward.shares]
        out["weighted_clusters"] = {"clusters": shares}
    if forward.mirrors:
        out["request_mirror_policies"] = [
            {"cluster": each.cluster, "runtime_fraction": {"default_value": _fraction(each.percent)}}
            | ({"disable_shadow_host_suffix_append": True} if each.keeps_host else {})
            for each in forward.mirrors
        ]
    if forward.retries:
        out["retry_policy"] = _retries(forward.retries)
    return out | _rewrite(forward.rewrite) | ({"host_rewrite_literal": host} if host else {})


def _retries(retries: Retries) -> Obj:
    out: Obj = {
        "retry_on": retries.conditions,
        "num_retries": retries.attempts,
        # another try is for another pod
        "retry_host_predicate": [{
            "name": "previous_hosts",
            "typed_config": {"@type": f"{_TYPE}envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }],
        "host_selection_retry_max_attempts": 5,
    }  # fmt: skip
    if retries.codes:
        out["retriable_status_codes"] = list(retries.codes)
    if retries.per_try_timeout_s:
        out["per_try_timeout"] = _duration(retries.per_try_timeout_s)
    if retries.backoff_s:
        out["retry_back_off"] = {"base_interval": _duration(retries.backoff_s)}
    return out


def _rewrite(rewrite: Rewrite) -> Obj:
    out: Obj = {}
    if rewrite.pattern:
        out["regex_rewrite"] = {"pattern": {"regex": rewrite.pattern}, "substitution": rewrite.substitution}
    elif rewrite.prefix:
        out["prefix_rewrite"] = rewrite.prefix
    return out | ({"host_rewrite_literal": rewrite.host} if rewrite.host else {})


def _redirect(redirect: Redirect) -> Obj:
    codes = {301: "MOVED_PERMANENTLY", 302: "FOUND", 303: "SEE_OTHER", 307: "TEMPORARY_REDIRECT", 308: "PERMANENT_REDIRECT"}
    given = {
        "path_redirect": redirect.path,
        "prefix_rewrite": redirect.prefix,
        "host_redirect": redirect.host,
        "scheme_redirect": redirect.scheme,
        "port_redirect": redirect.port,
    }
    out: Obj = {"response_code": codes[redirect.code]} | {key: value for key, value in given.items() if value}
    if redirect.pattern:
        out["regex_rewrite"] = {"pattern": {"regex": redirect.pattern}, "substitution": redirect.substitution}
    return out


def _headers(headers: Headers) -> Obj:
    return _edits("request", headers.request) | _edits("response", headers.response)


def _edits(side: str, edits: Edits) -> Obj:
    append, overwrite = "APPEND_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS_OR_ADD"
    written = (lambda value: value.replace("%", "%%")) if edits.is_plain else _plain
    added = [{"header": {"key": key, "value": written(value)}, "append_action": append} for key, value in edits.to_add]
    added += [
        {"header": {"key": key, "value": written(value)}, "append_action": overwrite}
        for key, value in edits.to_set
        if key.lower() not in ("host", ":authority")  # those are the route's to rewrite
    ]
    out: Obj = {f"{side}_headers_to_add": added} if added else {}
    return out | ({f"{side}_headers_to_remove": list(edits.to_remove)} if edits.to_remove else {})


def _plain(value: str) -> str:
    """The percent sign begins Envoy's own variables, which Istio lets through: only what is none is made plain."""
    parts = value.split("%")
    looks_right = len(parts) % 2 and all(part[:1].isupper() for part in parts[1::2])
    return value if looks_right else value.replace("%", "%%")


def _cors(cors: Cors) -> Obj:
    out: Obj = {
        "@type": f"{_HTTP}cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"safe_regex": {"regex": each}} for each in cors.origins],
        "max_age": str(cors.max_age_s),
        "allow_credentials": cors.with_credentials,
        # what is not allowed is answered here, and troubles nobody
        "forward_not_matching_preflights": False,
    }
    lists = {"allow_methods": cors.methods, "allow_headers": cors.headers, "expose_headers": cors.exposed}
    return out | {key: ",".join(values) for key, values in lists.items() if values}


def _fault(fault: Fault) -> Obj:
    out: Obj = {"@type": f"{_HTTP}fault.v3.HTTPFault"}
    if fault.abort_status:
        out["abort"] = {"http_status": fault.abort_status, "percentage": _fraction(fault.abort_percent)}
    if fault.delay_s:
        out["delay"] = {"fixed_delay": _duration(fault.delay_s), "percentage": _fraction(fault.delay_percent)}
    return out


def _fraction(percent: float) -> Mapping[str, Any]:
    return {"numerator": round(percent * _MILLION / 100), "denominator": "MILLION"}


def _duration(seconds: float) -> str:
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"
