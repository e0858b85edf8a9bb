"""A pod's binding to a node, as another scheduler than the cluster's own asks for it. (Kubernetes 1.36)"""

from __future__ import annotations

from datetime import datetime

from ...errors import Conflict
from ...kube.clock import timestamp
from ...kube.objects import POD, Kind, Obj, annotations_of, get
from ...kube.validation import checks
from ..store.refusals import bad_request, other_uid
from ..store.store import Store
from .options import Options
from .registry import Rules
from .shape import BuiltIn
from .typed import decoded

BINDING = Kind("v1", "Binding", "bindings")
DEFAULT_SCHEDULER = "default-scheduler"
_ON = "pods/binding"
_BOUND = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}


def check_binding(body: Obj, name: str = "") -> Obj:
    """The body as a Binding. Raises ApiError (400) for another kind of object, and for another pod than the address's `name`."""
    asked = decoded(BuiltIn(BINDING, Rules()), body, Options())
    if name and asked["metadata"].get("name") != name:
        raise bad_request("name in URL does not match name in Binding object")
    return asked


def bind(store: Store, namespace: str, asked: Obj, now: datetime, *, dry_run: bool = False) -> None:
    """Raises NotFound, Invalid where it names no node, Conflict where the pod has one, is leaving, or may not have one yet."""
    name, node = asked["metadata"].get("name", ""), get(asked, "target", "name", default="")
    if found := list(_problems(asked["target"])):
        raise checks.refusal(_ON, "", name, found)
    pod = store.get(POD, namespace, name)
    if (uid := asked["metadata"].get("uid")) and uid != pod["metadata"]["uid"]:
        raise other_uid(POD, pod, uid, is_custom=False)
    if why := _refusal(pod, name):
        text = f'Operation cannot be fulfilled on {_ON} "{name}": {why}'
        raise Conflict(409, "Conflict", text, {"name": name, "kind": _ON})
    if dry_run:
        return
    status = pod.get("status") or {}
    others = [each for each in status.get("conditions") or () if each["type"] != _BOUND["type"]]
    bound = pod | {
        "spec": pod["spec"] | {"nodeName": node},
        "status": status | {"conditions": [*others, _BOUND | {"lastTransitionTime": timestamp(now)}]},
    }
    if notes := annotations_of(asked):
        bound["metadata"] = pod["metadata"] | {"annotations": {**annotations_of(pod), **notes}}
    store.update(POD, bound)


def _problems(target: Obj) -> checks.Problems:
    if target.get("kind") not in (None, "", "Node"):
        yield checks.unsupported("target.kind", target["kind"], ("Node", "<empty>"))
    if not target.get("name"):
        yield checks.required("target.name")


def _refusal(pod: Obj, name: str) -> str:
    if "deletionTimestamp" in pod["metadata"]:
        return f"pod {name} is being deleted, cannot be assigned to a host"
    if node := pod["spec"].get("nodeName"):
        return f'pod {name} is already assigned to node "{node}"'
    return f"pod {name} has non-empty .spec.schedulingGates" if pod["spec"].get("schedulingGates") else ""
