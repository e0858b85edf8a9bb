"""Whether the pods at a release's peak fit the namespace's quotas and the cluster's nodes. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..kube.objects import Obj, get
from ..kube.quantity import amount, of_a_pod


def shortage(workload: Obj, peak: int, quotas: Sequence[Obj], nodes: Sequence[Obj]) -> str | None:
    """Empty where they fit; what is short where they do not; None where neither quotas nor nodes are known.

    Nodes are taken as if nothing else ran on them: what does not fit then never fits.
    """
    if not quotas and not nodes:
        return None
    return next(_short(workload, peak, quotas, nodes), "")


def _short(workload: Obj, peak: int, quotas: Sequence[Obj], nodes: Sequence[Obj]) -> Iterator[str]:
    containers = get(workload, "spec", "template", "spec", "containers", default=[])
    for quota in quotas:
        for resource, limit in get(quota, "spec", "hard", default={}).items():
            each = of_a_pod(containers, str(resource))
            if each and each * peak > amount(limit) + 1e-9:
                yield f"ResourceQuota {quota['metadata']['name']}: {resource} is for {int(amount(limit) / each)} of {peak} pods"
    if nodes:
        room = sum(_held(node, containers) for node in nodes)
        if room < peak:
            yield f"the nodes have room for {room} of {peak} pods, even with nothing else on them"


def _held(node: Obj, containers: Sequence[Obj]) -> int:
    if get(node, "spec", "unschedulable"):
        return 0
    has = get(node, "status", "allocatable", default={})
    counts = [amount(has[name]) / each for name in ("cpu", "memory") if name in has and (each := of_a_pod(containers, name))]
    counts.append(amount(has["pods"]) if "pods" in has else math.inf)
    least = min(counts)
    return 10**6 if math.isinf(least) else int(least + 1e-9)
