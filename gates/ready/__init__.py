"""Ready-made queries: what of a Prometheus counts the requests of one side, the bad ones among them, and how long they took.

One file each, and one row here. A new one: `Ready` with three templates (`gates.templates`), each of which must name something
that tells the two versions apart.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import envoy, http, istio, linkerd, nginx
from .model import Ready

READY: Mapping[str, Ready] = {
    "istio": istio.QUERIES,
    "envoy": envoy.QUERIES,
    "nginx": nginx.QUERIES,
    "linkerd": linkerd.QUERIES,
    "http": http.QUERIES,
}
