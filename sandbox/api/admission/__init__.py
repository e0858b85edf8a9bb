"""What admission adds to a new pod, and why it is refused, whoever makes it: a file a plugin, in the real server's order.

First each adds what it has to add, then each looks at the result, as in Kubernetes. Nobody owns these fields.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from ....kube.objects import Obj
from ...store.store import Store
from . import limitranger, podsecurity, priority, quota, serviceaccount, tolerations
from .quality import qos_class
from .request import Request


class Plugin(NamedTuple):
    """Both are given the pod on its way in, and raise ApiError (403) to refuse it. `add` writes into its spec and metadata."""

    name: str
    add: Callable[[Request], None] | None = None
    check: Callable[[Request], None] | None = None


PLUGINS = (
    Plugin("LimitRanger", limitranger.add, limitranger.check),
    Plugin("ServiceAccount", serviceaccount.add),
    Plugin("PodSecurity", check=podsecurity.check),
    Plugin("Priority", priority.add),
    Plugin("DefaultTolerationSeconds", tolerations.add),
    Plugin("ResourceQuota", check=quota.check),
)


def admitted(store: Store, pod: Obj, random: Random, *, presumes: bool = False, warnings: list[str] | None = None) -> Obj:
    """The pod as it is let in; the given one is left as it is. Raises ApiError (403) where it is not."""
    request = Request(store, _own(pod), random, presumes, warnings if warnings is not None else [])
    for plugin in PLUGINS:
        if plugin.add is not None:
            plugin.add(request)
    request.pod["status"] = {"phase": "Pending", "qosClass": qos_class(request.spec)}
    for plugin in PLUGINS:
        if plugin.check is not None:
            plugin.check(request)
    return request.pod


def keep(pod: Obj, live: Obj) -> None:
    """What admission once added, and whoever replaces the pod by his manifest does not say, stays. Writes into its spec."""
    spec, was = pod["spec"], live["spec"]
    spec |= {key: was[key] for key in ("priority", "preemptionPolicy") if spec.get(key) is None and was.get(key) is not None}
    tolerations.complete(spec)


def check_again(store: Store, pod: Obj, random: Random, subresource: str, *, warnings: list[str]) -> None:
    """A pod that is there is still held to what its namespace allows: with another container beside, as with more of what it
    asks for (`resize`). Raises ApiError (403)."""
    plugin = limitranger if subresource == "resize" else podsecurity
    plugin.check(Request(store, pod, random, warnings=warnings))


def _own(pod: Obj) -> Obj:
    """With a spec and metadata that may be written into: pods of one controller share them."""
    spec = dict(pod["spec"])
    for part in ("containers", "initContainers"):
        if spec.get(part):
            spec[part] = [dict(each) for each in spec[part]]
    return pod | {"metadata": copy.copy(pod["metadata"]), "spec": spec}
