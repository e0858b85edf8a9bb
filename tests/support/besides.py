"""What a release has beside the shop: another Deployment, a ConfigMap, an Ingress."""

from __future__ import annotations

import copy
import dataclasses

from rollway.kube.objects import Obj
from rollway.release.model import Release
from shop import NAMESPACE_NAME, release


def api(tag: str, *, deadline_s: int | None = 15) -> Obj:
    """Another Deployment, beside the shop."""
    made = copy.deepcopy(release(tag, replicas=2).workload)
    labels = {"app": "api"}
    made["metadata"] = {"name": "api", "namespace": NAMESPACE_NAME}
    made["spec"]["selector"] = {"matchLabels": labels}
    made["spec"]["template"]["metadata"]["labels"] = labels
    made["spec"]["template"]["spec"]["containers"][0]["image"] = f"ghcr.io/acme/api:{tag}"
    if deadline_s:
        made["spec"]["progressDeadlineSeconds"] = deadline_s
    return made


def config(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE_NAME}, "data": {"a": "1"}}


def ingress() -> Obj:
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    spec = {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    meta = {"name": "shop", "namespace": NAMESPACE_NAME}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}


def with_others(tag: str, *others: Obj, strategy: str = "ramped") -> Release:
    return dataclasses.replace(release(tag, strategy=strategy), others=others)
