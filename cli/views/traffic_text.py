"""Where requests reach what is in the sandbox, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import BadInput


def traffic_lines(standing: Mapping[str, Any]) -> list[str]:
    """One line a Service's port and a host, after one about the proxy."""
    if "missing" in standing:
        return [str(standing["missing"])]
    envoy, edge = standing["envoy"], standing["ingress"]
    runs = f"Envoy is process {envoy['pid']}" if envoy["pid"] else "Envoy is down, and will be back"
    lines = [f"requests by Ingresses and Gateways: {edge['url']} · {runs}, {_restarts(envoy['restarts'])}"]
    lines += [f"  {envoy['problem']}"] if "problem" in envoy else []
    lines += [f"  {edge['url']} is not served: {edge['problem']}"] if "problem" in edge else []
    rows = [(f"{each['namespace']}/{each['name']}:{each['port']}", each["url"], _state(each)) for each in standing["services"]]
    rows += [(each["host"], each["url"], _by(each)) for each in standing["hosts"]]
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(2)]
    return lines + [f"  {row[0]:<{widths[0]}}   {row[1]:<{widths[1]}}   {row[2]}" for row in rows]


def _by(host: Mapping[str, Any]) -> str:
    return f"not served: {host['problem']}" if "problem" in host else f"by {host['by']}"


def _state(service: Mapping[str, Any]) -> str:
    if "problem" in service:
        return f"not served: {service['problem']}"
    pods, modelled = service["endpoints"], service["modelled"]
    if not modelled:
        return _pods(pods)
    who = "all are" if pods == modelled else f"{modelled} of them {'is' if modelled == 1 else 'are'}"
    return f"{_pods(pods)}; {'it is' if pods == modelled == 1 else who} modelled: nobody answers there"


def _pods(count: int) -> str:
    return f"{count} pod{'' if count == 1 else 's'}"


def _restarts(count: int) -> str:
    return f"brought back {count} time{'' if count == 1 else 's'}" if count else "never had to be brought back"


def reached(standing: Mapping[str, Any], name: str | None, namespace: str | None) -> Sequence[dict[str, Any]]:
    """The rows of that Service or host, or all; a host has a `hint`. Raises BadInput where there is none, or several."""
    space, slash, short = (name or "").rpartition("/")
    wanted, space = (short, space) if slash else (name, namespace or "")
    services = [
        {"service": each["name"], "namespace": each["namespace"], "port": each["port"], "url": each["url"]}
        for each in standing["services"]
        if wanted in (None, each["name"]) and space in ("", each["namespace"])
    ]
    hosts = [] if space else [_host(each, standing) for each in standing["hosts"] if wanted in (None, each["host"])]
    if name is not None and not services and not hosts:
        known = [f"{each['namespace']}/{each['name']}" for each in standing["services"]]
        known += [each["host"] for each in standing["hosts"]]
        raise BadInput(
            f"{name} is neither a Service nor a host of an Ingress or a Gateway in the sandbox",
            detail=f"there are: {', '.join(dict.fromkeys(known)) or 'none'}",
        )
    spaces = list(dict.fromkeys(each["namespace"] for each in services))
    if name is not None and len(spaces) > 1:
        raise BadInput(f"{name} is a Service in several namespaces: {', '.join(spaces)}", hint=f"{spaces[0]}/{name}")
    return [*services, *hosts]


def _host(row: Mapping[str, Any], standing: Mapping[str, Any]) -> dict[str, Any]:
    out = {"host": row["host"], "url": row["url"]}
    address, port = row.get("address", "127.0.0.1"), row.get("port", standing["ingress"]["port"])
    if row["host"] == "*":
        return out
    if "*" in row["host"]:
        return out | {"hint": f"its name goes into the Host header: curl -H 'Host: {row['host']}' {row['url']}"}
    return out | {"hint": f"curl --resolve {row['host']}:{port}:{address} {row['url']}"}
