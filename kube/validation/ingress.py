"""What the API server refuses in Ingresses, in its own words."""

from __future__ import annotations

from ..objects import Obj
from . import checks
from .checks import Problems

_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
_ENDINGS = ("/..", "/.")


def ingress(obj: Obj) -> Problems:
    spec = obj["spec"]
    rules, default, class_ = spec.get("rules"), spec.get("defaultBackend"), spec.get("ingressClassName")
    if not rules and default is None:
        yield checks.invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if default is not None:
        yield from _backend("spec.defaultBackend", default)
    for place, rule in enumerate(rules or ()):
        yield from _rule(f"spec.rules[{place}]", rule)
    for place, tls in enumerate(spec.get("tls") or ()):
        for at, host in enumerate(tls.get("hosts") or ()):
            yield from _host(f"spec.tls[{place}].hosts[{at}]", host)
        if secret := tls.get("secretName"):
            yield from checks.by_rule(f"spec.tls[{place}].secretName", secret, checks.subdomain_name)
    if class_ is not None:
        yield from checks.by_rule("spec.ingressClassName", class_, checks.subdomain_name)


def _host(field: str, host: str) -> Problems:
    yield from checks.by_rule(field, host, checks.wildcard_subdomain if "*" in host else checks.subdomain_name)


def _rule(field: str, rule: Obj) -> Problems:
    if host := rule.get("host"):
        if checks.is_address(host):
            yield checks.invalid(f"{field}.host", host, "must be a DNS name, not an IP address")
        yield from _host(f"{field}.host", host)
    if (http := rule.get("http")) is None:
        return
    if not http.get("paths"):
        yield checks.required(f"{field}.http.paths")
    for number, path in enumerate(http.get("paths") or ()):
        here = f"{field}.http.paths[{number}]"
        kind = path.get("pathType")
        if kind is None:
            yield checks.required(f"{here}.pathType", "pathType must be specified")
        elif kind not in _TYPES:
            yield checks.unsupported(f"{here}.pathType", kind, _TYPES)
        else:
            yield from _path(f"{here}.path", path.get("path", ""), is_free=kind == "ImplementationSpecific")
        yield from _backend(f"{here}.backend", path.get("backend") or {})


def _path(field: str, path: str, *, is_free: bool) -> Problems:
    """What a path means to an implementation of its own is nobody's business; else it is a URL's, written plainly."""
    if not path.startswith("/") and (path or not is_free):
        yield checks.invalid(field, path, "must be an absolute path")
    if is_free:
        return
    for sequence in _SEQUENCES:
        if sequence in path:
            yield checks.invalid(field, path, f"must not contain '{sequence}'")
    for ending in _ENDINGS:
        if path.endswith(ending):
            yield checks.invalid(field, path, f"cannot end with '{ending}'")


def _backend(field: str, backend: Obj) -> Problems:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield checks.invalid(field, "", "cannot set both resource and service backends")
    elif resource is not None:
        for name in ("kind", "name"):
            if not resource.get(name):
                yield checks.required(f"{field}.resource.{name}")
    elif service is None:
        yield checks.invalid(field, "", "resource or service backend is required")
    else:
        yield from _service(field, service)


def _service(field: str, service: Obj) -> Problems:
    if not (name := service.get("name")):
        yield checks.required(f"{field}.service.name")
    else:
        yield from checks.by_rule(f"{field}.service.name", name, checks.label_1035)
    port = service.get("port") or {}
    called, number = port.get("name"), port.get("number")
    if called and number:
        yield checks.invalid(field, "", "cannot set both port name & port number")
    elif called:
        yield from checks.by_rule(f"{field}.service.port.name", called, checks.port_name)
    elif number:
        yield from checks.port_number(f"{field}.service.port.number", number)
    else:
        yield checks.required(field, "port name or number is required")
