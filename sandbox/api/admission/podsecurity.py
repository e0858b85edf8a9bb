"""PodSecurity: what the level of a namespace forbids pods, said by its labels; of what it only warns of.

`enforce` refuses pods, whoever makes them; `warn` warns of them, and already of the workload that would make them. (`audit`
writes into a log that nobody has here.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ....kube.objects import NAMESPACE, POD, Kind, Obj, get, labels_of
from ...store.store import Store
from .podstandards import BASELINE, RESTRICTED, Check
from .request import Request

_PREFIX = "pod-security.kubernetes.io/"
_LEVELS = ("privileged", "baseline", "restricted")


class Level(NamedTuple):
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"

    @property
    def checks(self) -> Sequence[Check]:
        match self.name:
            case "baseline":
                return BASELINE
            case "restricted":
                # what a stricter check asks about the same thing takes the place of the baseline's
                replaced = {each.replaces for each in RESTRICTED}
                return (*(each for each in BASELINE if each.name not in replaced), *RESTRICTED)
            case _:
                return ()


def check(request: Request) -> None:
    """Raises ApiError (403) with everything that the level does not allow."""
    space = request.store.find(NAMESPACE, "", request.namespace)
    if space is None:
        return
    enforced, warned = _level(space, "enforce"), _level(space, "warn")
    if found := _violations(enforced, request.spec, request.pod):
        raise request.forbidden(f'violates PodSecurity "{enforced}": {found}')
    if found := _violations(warned, request.spec, request.pod):
        request.warnings.append(f'would violate PodSecurity "{warned}": {found}')


def warnings_of(store: Store, kind: Kind, obj: Obj) -> list[str]:
    """What is wrong with the pods that a workload would make, where its namespace warns of it. (A Pod: as it comes in.)"""
    template = _template_of(kind, obj)
    space = store.find(NAMESPACE, "", obj["metadata"].get("namespace", "")) if template is not None else None
    if template is None or space is None:
        return []
    level = _level(space, "warn")
    found = _violations(level, template.get("spec") or {}, template)
    return [f'would violate PodSecurity "{level}": {found}'] if found else []


def _template_of(kind: Kind, obj: Obj) -> Obj | None:
    if kind.is_a(POD):
        return None
    path = ("spec", "jobTemplate", "spec", "template") if kind.name == "CronJob" else ("spec", "template")
    found = get(obj, *path)
    return found if kind.group in ("apps", "batch", "") and isinstance(found, dict) else None


def _level(space: Obj, mode: str) -> Level:
    """What is not said, or not known, is privileged; a version that is none is the latest."""
    labels = labels_of(space)
    name, version = labels.get(_PREFIX + mode, ""), labels.get(f"{_PREFIX}{mode}-version", "latest")
    known = version if re.fullmatch(r"v1\.\d+", version) else "latest"
    return Level(name if name in _LEVELS else "privileged", known)


def _violations(level: Level, spec: Obj, pod: Obj) -> str:
    found = [violation for each in level.checks if (violation := each.look(spec, pod)) is not None]
    return ", ".join(f"{each.reason} ({each.detail})" if each.detail else each.reason for each in found)
