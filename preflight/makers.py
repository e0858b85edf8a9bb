"""Who makes the pods that a Service selects, and whether a Service that selects none was meant for the release's own.

A Service is the application's if it selects its pods, here or live, or did; or if it is nobody else's to all appearance and has
been mistyped. Of any other it cannot be known whether its pods are made by an operator, another release or by hand.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..kube.objects import POD, Obj, get, is_a, selects, template_labels
from ..plan.revision import Revision

MADE_BY_CONTROLLERS = (
    "pod-template-hash", "controller-revision-hash", "pod-template-generation", "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index", "job-name", "controller-uid", "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-completion-index", "rollouts-pod-template-hash",
    "apps.kubernetes.io/instance-id",
)  # fmt: skip
"""Labels that pods are given beyond their template's."""
_ALIKE = 0.75


class Maker(NamedTuple):
    """An object that makes pods, with the labels that they are written with; `is_sure` where it is seen to run containers."""

    obj: Obj
    labels: dict[str, str]
    is_sure: bool = True


def makers(objects: Iterable[Obj]) -> Iterator[Maker]:
    """Of any kind: what makes pods has a template of them."""
    for obj in objects:
        if is_a(obj, POD):
            yield Maker(obj, _labels(obj, "metadata"))
            continue
        for above in (("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
            labels, containers = _below(obj, *above, "metadata", "labels"), _below(obj, *above, "spec", "containers")
            if isinstance(labels, dict) or isinstance(containers, list):  # a Job's template needs no labels: its pods have them
                yield Maker(obj, _labels(obj, *above, "metadata"), isinstance(containers, list))


def chooses(selector: Mapping[str, Any], maker: Maker) -> bool:
    """Whether a Service's selector chooses pods of the maker's, by what is written and what its controller adds."""
    written = {key: value for key, value in selector.items() if key not in MADE_BY_CONTROLLERS}
    own = [str(value) for key, value in selector.items() if key.endswith(("pod-name", "job-name"))]
    name = maker.obj["metadata"]["name"]
    return written.items() <= maker.labels.items() and all(re.fullmatch(rf"{re.escape(name)}(-[0-9]+)?", each) for each in own)


def has_others(objects: Iterable[Obj]) -> bool:
    """Whether there are custom resources, by which an operator may make pods."""
    groups = (str(obj["apiVersion"]).rpartition("/")[0] for obj in objects)
    return any("." in group and not group.endswith((".k8s.io", ".istio.io")) for group in groups)


def is_meant(service: Obj, workload: Obj, app: str, others: Sequence[Obj], history: Sequence[Revision]) -> bool:
    """Whether a Service that selects nothing was meant for the workload. `others` are the other Services, written and live."""
    labels, name = template_labels(workload), service["metadata"]["name"]
    if _selected(name, labels, others) or any(_did(name, revision) for revision in history):
        return True
    if any(selects(get(each, "spec", "selector"), labels) for each in others):
        return False
    selector = get(service, "spec", "selector", default={})
    if name in (app, workload["metadata"]["name"]):
        return True
    wrong = [str(value) for key, value in selector.items() if labels.get(key) != value]
    return name not in wrong and any(_is_alike(value, own) for value in wrong for own in labels.values())


def _selected(name: str, labels: Mapping[str, str], others: Iterable[Obj]) -> bool:
    return any(each["metadata"]["name"] == name and selects(get(each, "spec", "selector"), labels) for each in others)


def _did(name: str, revision: Revision) -> bool:
    """By the record of what was released."""
    return _selected(name, template_labels(revision.release.get("workload") or {}), revision.release.get("services") or ())


def _is_alike(value: str, own: str) -> bool:
    return value.startswith(f"{own}-") or difflib.SequenceMatcher(None, value, own).ratio() >= _ALIKE


def _labels(obj: Obj, *path: str) -> dict[str, str]:
    found = _below(obj, *path, "labels")
    return found if isinstance(found, dict) else {}


def _below(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
