"""The Gateway API's rules beyond its schema: those that its definitions write in CEL, as functions, by the type that they are of.

Each is told at the place and in the words of the API server (compared with recordings, tests/conformance)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..durations import seconds
from ..objects import Obj
from ..types_gateway import GATEWAY_SCALARS
from . import checks
from .checks import Problem, Problems

Rule = Callable[[str, Mapping[str, Any]], Problems]


def _broken(path: str, message: str) -> Problem:
    return Problem(path, "FieldValueInvalid", f"Invalid value: {message}")


# Gateways


def _spec(path: str, spec: Mapping[str, Any]) -> Problems:
    yield from _listeners(f"{path}.listeners", spec.get("listeners") or ())
    for type_ in ("IPAddress", "Hostname"):
        values = [each["value"] for each in spec.get("addresses") or () if each.get("type") == type_ and "value" in each]
        if len(values) != len(set(values)):
            yield _broken(f"{path}.addresses", f"{type_} values must be unique")


def _listeners(path: str, listeners: Sequence[Obj]) -> Problems:
    if any(each["protocol"] in ("HTTP", "TCP", "UDP") and "tls" in each for each in listeners):
        yield _broken(path, "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']")
    modes = [each["tls"].get("mode") for each in listeners if each["protocol"] == "HTTPS" and "tls" in each]
    if any(mode not in ("", "Terminate") for mode in modes):
        yield _broken(path, "tls mode must be Terminate for protocol HTTPS")
    if any(each["protocol"] == "TLS" and not (each.get("tls") or {}).get("mode") for each in listeners):
        yield _broken(path, "tls mode must be set for protocol TLS")
    if any(each["protocol"] in ("TCP", "UDP") and each.get("hostname") for each in listeners):
        yield _broken(path, "hostname must not be specified for protocols ['TCP', 'UDP']")
    if not _are_unique([each["name"] for each in listeners]):
        yield _broken(path, "Listener name must be unique within the Gateway")
    if not _are_unique([(each["port"], each["protocol"], each.get("hostname")) for each in listeners]):
        yield _broken(path, "Combination of port, protocol and hostname must be unique for each listener")


def _are_unique(values: Sequence[Any]) -> bool:
    return len(set(values)) == len(values)


def _listener_tls(path: str, tls: Mapping[str, Any]) -> Problems:
    if tls.get("mode") != "Terminate" or tls.get("certificateRefs") or tls.get("options"):
        return
    rule = "certificateRefs or options must be specified when mode is Terminate"
    missing = next((key for key in ("certificateRefs", "options") if key not in tls), None)
    if missing is None:
        yield _broken(path, rule)
    else:  # the rule itself stumbles
        yield checks.invalid(path, "object", f"no such key: {missing} evaluating rule: {rule}")


def _frontend_tls(path: str, tls: Mapping[str, Any]) -> Problems:
    if not _are_unique([each["port"] for each in tls.get("perPort") or ()]):
        yield _broken(f"{path}.perPort", "Port for TLS configuration must be unique within the Gateway")


_HOSTNAME = next(line.split()[-1] for line in GATEWAY_SCALARS.splitlines() if line.startswith("GwHostname "))


def _address(path: str, address: Mapping[str, Any]) -> Problems:
    if address.get("type") == "Hostname" and "value" in address and not re.search(_HOSTNAME, address["value"]):
        yield _broken(path, f"Hostname value must be empty or contain only valid characters (matching {_HOSTNAME})")


def _status_address(path: str, address: Mapping[str, Any]) -> Problems:
    if address.get("type") == "Hostname" and not re.search(_HOSTNAME, address["value"]):
        yield _broken(path, f"Hostname value must only contain valid characters (matching {_HOSTNAME})")


_KEY = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$"


def _infrastructure(path: str, given: Mapping[str, Any]) -> Problems:
    for name, word in (("annotations", "annotation"), ("labels", "label")):
        keys = given.get(name) or {}
        if not all(re.search(_KEY, key) for key in keys):
            form = "an optional DNS subdomain prefix followed by a required name segment of up to 63 characters."
            yield _broken(f"{path}.{name}", f"{word.capitalize()} keys must be in the form of {form}")
        if any(len(key.split("/")[0]) >= 253 for key in keys):
            why = f"If specified, the {word} key's prefix must be a DNS subdomain not longer than 253 characters in total."
            yield _broken(f"{path}.{name}", why)


def _most(**limits: int) -> Rule:
    """How many keys the maps of a type may have."""

    def rule(path: str, given: Mapping[str, Any]) -> Problems:
        for name, most in limits.items():
            count = len(given.get(name) or ())
            if count > most:
                yield Problem(f"{path}.{name}", "FieldValueTooMany", f"Too many: {count}: must have at most {most} items")

    return rule


def _address_schema(path: str, address: Mapping[str, Any]) -> Problems:
    value = address.get("value")
    if address.get("type") != "IPAddress" or not isinstance(value, str) or _is_address(value):
        return
    yield checks.invalid("<nil>", "", f'"{path}" must validate one and only one schema (oneOf). Found none valid')
    yield checks.invalid("<nil>", "", f'"{path}.value" must validate at least one schema (anyOf)')
    seen = checks.shown(value)
    why = f"Invalid value: {seen}: {path}.value in body must be of type ipv4: {seen}"
    yield Problem(f"{path}.value", "FieldValueTypeInvalid", why)


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


# routes


def _route_spec(path: str, spec: Mapping[str, Any]) -> Problems:
    parents = spec.get("parentRefs") or ()
    whose = [(each.get("group"), each.get("kind"), each["name"], each.get("namespace") or "") for each in parents]
    sections = [each.get("sectionName") or "" for each in parents]
    by_parent: dict[Any, list[str]] = {}
    for parent, section in zip(whose, sections, strict=True):
        by_parent.setdefault(parent, []).append(section)
    several = "when parentRefs includes 2 or more references to the same parent"
    if any(any(named) and not all(named) for named in by_parent.values()):
        yield _broken(f"{path}.parentRefs", f"sectionName must be specified {several}")
    if not all(map(_are_unique, by_parent.values())):
        yield _broken(f"{path}.parentRefs", f"sectionName must be unique {several}")
    if sum(len(rule.get("matches") or ()) for rule in spec.get("rules") or ()) > 128:
        why = (
            "While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be "
        )
        yield _broken(f"{path}.rules", f"{why}less than 128")


def _http_rule(path: str, rule: Mapping[str, Any]) -> Problems:
    filters, backends = rule.get("filters") or [], rule.get("backendRefs") or []
    if backends and any("requestRedirect" in each for each in filters):
        yield _broken(path, "RequestRedirect filter must not be used together with backendRefs")
    inside = [each for backend in backends for each in backend.get("filters") or ()]
    for key, name in (("requestRedirect", "RequestRedirect"), ("urlRewrite", "URLRewrite")):
        rest = f"using {name} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified"
        if _replaces_prefix(filters, key) and not _has_one_prefix(rule):
            yield _broken(path, f"When {rest}")
        if _replaces_prefix(inside, key) and not _has_one_prefix(rule):
            yield _broken(path, f"Within backendRefs, {'when' if key == 'requestRedirect' else 'When'} {rest}")
    yield from _http_filters(path, rule)


def _replaces_prefix(filters: Iterable[Obj], key: str) -> bool:
    paths = [(each.get(key) or {}).get("path") or {} for each in filters]
    return len([each for each in paths if each.get("type") == "ReplacePrefixMatch" and "replacePrefixMatch" in each]) == 1


def _has_one_prefix(rule: Mapping[str, Any]) -> bool:
    matches = rule.get("matches") or []
    return [(each.get("path") or {}).get("type") for each in matches] == ["PathPrefix"]


def _http_filters(path: str, holder: Mapping[str, Any]) -> Problems:
    types = [each["type"] for each in holder.get("filters") or ()]
    if "RequestRedirect" in types and "URLRewrite" in types:
        why = "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both"
        yield _broken(f"{path}.filters", why)
    yield from _once(path, types, ("CORS", "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite"))


def _grpc_filters(path: str, holder: Mapping[str, Any]) -> Problems:
    types = [each["type"] for each in holder.get("filters") or ()]
    yield from _once(path, types, ("RequestHeaderModifier", "ResponseHeaderModifier"))


def _once(path: str, types: Sequence[str], single: Iterable[str]) -> Problems:
    for type_ in single:
        if types.count(type_) > 1:
            yield _broken(f"{path}.filters", f"{type_} filter cannot be repeated")


_FILTERS = {
    "cors": "CORS", "requestHeaderModifier": "RequestHeaderModifier", "responseHeaderModifier": "ResponseHeaderModifier",
    "requestMirror": "RequestMirror", "requestRedirect": "RequestRedirect", "urlRewrite": "URLRewrite",
    "extensionRef": "ExtensionRef",
}  # fmt: skip


def _filter(path: str, given: Mapping[str, Any]) -> Problems:
    for key, type_ in _FILTERS.items():
        if key in given and given["type"] != type_:
            yield _broken(path, f"filter.{key} must be nil if the filter.type is not {type_}")
        if key not in given and given["type"] == type_:
            yield _broken(path, f"filter.{key} must be specified for {type_} filter.type")


def _backend(path: str, backend: Mapping[str, Any]) -> Problems:
    if not backend.get("group") and backend.get("kind") == "Service" and "port" not in backend:
        yield _broken(path, "Must have port for Service reference")


def _http_backend(path: str, backend: Mapping[str, Any]) -> Problems:
    yield from _backend(path, backend)
    yield from _http_filters(path, backend)


def _grpc_backend(path: str, backend: Mapping[str, Any]) -> Problems:
    yield from _backend(path, backend)
    yield from _grpc_filters(path, backend)


_PATH_SIGNS = r"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$"


def _path(path: str, match: Mapping[str, Any]) -> Problems:
    if match.get("type") not in ("Exact", "PathPrefix"):
        return
    value, when = match.get("value") or "", "when type one of ['Exact', 'PathPrefix']"
    if not value.startswith("/"):
        yield _broken(path, f"value must be an absolute path and start with '/' {when}")
    for part in ("//", "/./", "/../", "%2f", "%2F", "#"):
        if part in value:
            yield _broken(path, f"must not contain '{part}' {when}")
    for end in ("/..", "/."):
        if value.endswith(end):
            yield _broken(path, f"must not end with '{end}' {when}")
    if not re.search(_PATH_SIGNS, value):
        yield _broken(path, f"must only contain valid characters (matching {_PATH_SIGNS}) for types ['Exact', 'PathPrefix']")


def _new_path(path: str, given: Mapping[str, Any]) -> Problems:
    for key, type_ in (("replaceFullPath", "ReplaceFullPath"), ("replacePrefixMatch", "ReplacePrefixMatch")):
        if given["type"] == type_ and key not in given:
            yield _broken(path, f"{key} must be specified when type is set to '{type_}'")
        if given["type"] != type_ and key in given:
            yield _broken(path, f"type must be '{type_}' when {key} is set")


def _timeouts(path: str, given: Mapping[str, Any]) -> Problems:
    try:
        request, backend = (seconds(given.get(key) or "0s") for key in ("request", "backendRequest"))
    except ValueError:  # which the schema has told
        return
    if request and backend > request:
        yield _broken(path, "backendRequest timeout cannot be longer than request timeout")


def _mirror(path: str, given: Mapping[str, Any]) -> Problems:
    if "percent" in given and "fraction" in given:
        yield _broken(path, "Only one of percent or fraction may be specified in HTTPRequestMirrorFilter")


def _fraction(path: str, given: Mapping[str, Any]) -> Problems:
    if given["numerator"] > given.get("denominator", 100):
        yield _broken(path, "numerator must be less than or equal to denominator")


def _cors(path: str, given: Mapping[str, Any]) -> Problems:
    for key, name, what in (
        ("allowHeaders", "AllowHeaders", "methods"),
        ("allowMethods", "AllowMethods", "methods"),
        ("allowOrigins", "AllowOrigins", "origins"),
    ):
        values = given.get(key) or ()
        if "*" in values and len(values) > 1:
            yield _broken(f"{path}.{key}", f"{name} cannot contain '*' alongside other {what}")


_SERVICE, _METHOD = r"^(?i)\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$", "^[A-Za-z_][A-Za-z_0-9]*$"


def _grpc_method(path: str, given: Mapping[str, Any]) -> Problems:
    if "service" not in given and "method" not in given:
        yield _broken(path, "One or both of 'service' or 'method' must be specified")
    if given.get("type", "Exact") != "Exact":
        return
    for key, pattern in (("service", _SERVICE), ("method", _METHOD)):
        # Python wants the flag before everything
        if key in given and not re.search(pattern.replace("(?i)", ""), given[key], re.IGNORECASE):
            yield _broken(path, f"{key} must only contain valid characters (matching {pattern})")


RULES: Mapping[str, Rule] = {
    "GwSpec": _spec,
    "GwListenerTls": _listener_tls,
    "GwFrontendTls": _frontend_tls,
    "GwAddress": _address,
    "GwStatusAddress": _status_address,
    "GwInfrastructure": _infrastructure,
    "GwHttpRouteSpec": _route_spec,
    "GwGrpcRouteSpec": _route_spec,
    "GwHttpRule": _http_rule,
    "GwGrpcRule": _grpc_filters,
    "GwHttpFilter": _filter,
    "GwGrpcFilter": _filter,
    "GwHttpBackendRef": _http_backend,
    "GwGrpcBackendRef": _grpc_backend,
    "GwBackendRef": _backend,
    "GwPathMatch": _path,
    "GwNewPath": _new_path,
    "GwTimeouts": _timeouts,
    "GwMirror": _mirror,
    "GwFraction": _fraction,
    "GwCors": _cors,
    "GwGrpcMethod": _grpc_method,
}
"""Asked only of what fits its schema."""

SCHEMA_RULES: Mapping[str, Rule] = {
    "GwAddress": _address_schema,
    "GwStatusAddress": _address_schema,
    "GwInfrastructure": _most(annotations=16, labels=8),
    "GwListenerTls": _most(options=16),
}
"""What the schema itself says of a type beyond its fields."""

WITHOUT_RULES = ("ReferenceGrant",)
"""Kinds whose definition has no rule at all."""


def same_controller(obj: Obj, before: Obj) -> Problems:
    if obj["spec"].get("controllerName") != before["spec"].get("controllerName"):
        yield checks.immutable("spec.controllerName", obj["spec"].get("controllerName"))
