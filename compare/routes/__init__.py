"""Where requests for a Service go: to its endpoints, or as the objects of a router say, each read by a file of its own. Pure."""

from __future__ import annotations

from . import gateway, istio, nginx
from .model import Group, Objects, Routes

READERS = (istio.read, gateway.read, nginx.read)
"""Of each router's objects: what they say of a Service's requests, None where they say nothing. The first that says something
counts: a mesh's proxies choose before any gateway's Service is asked."""


def routed(store: Objects, namespace: str, service: str, matching: float) -> Routes:
    """Where requests for the Service go. `matching` is the share of the requests that a rule with conditions on
    headers, cookies or queries catches; rules by path alone are taken to catch all, as what clients ask for is not known."""
    for read in READERS:
        if routes := read(store, namespace, service, matching):
            return routes
    return Routes([(1.0, Group(service, {}))])
