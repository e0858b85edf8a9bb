"""Whether a release can be measured on this machine, and how its new version is broken where the scenario wants that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..kube.clock import now
from ..release.model import Release, app_container
from ..sandbox.dataplane.supervisor import binary, missing
from ..sandbox.node.processes.node import ProcessNode
from ..sandbox.node.runtime import RUNTIME, chosen
from ..sandbox.store.store import Store
from .rehearsal import service_of
from .scenario import Bad, Scenario

_BROKEN: dict[Bad, dict[str, Any]] = {
    "never-ready": {"readinessProbe": {"exec": {"command": ["false"]}}},
    "crash": {"command": ["false"], "args": []},
}


def refuse_unfit(release: Release, scenario: Scenario) -> None:
    """Raises BadInput, with what to do, where nothing true could be measured. Starts nothing."""
    if scenario.bad is not None and scenario.bad not in _BROKEN:
        raise BadInput(
            f"--real with --bad {scenario.bad}: pods that are processes answer as the program does",
            hint="leave out --real, or measure a version that answers so",
        )
    if not service_of(release):
        raise BadInput(
            "--real needs a Service that selects the pods: without one nobody could be asked",
            hint="add it to the manifests, or leave out --real",
        )
    if binary() is None:
        raise BadInput("--real needs Envoy between clients and pods, and it is not installed", hint=missing())
    choice = chosen(_pod(release), ProcessNode(Store(), Path("/nonexistent"), now))
    if choice.kind != "process":
        why = choice.message or f"its first container has no `command`, or {RUNTIME} forbids it"
        raise BadInput(
            f"--real runs pods as processes of this machine, and {release.app}'s would not be one",
            detail=why,
            hint="give the container a command that this machine has (see docs/processes.md), or leave out --real",
        )


def _pod(release: Release) -> dict[str, Any]:
    template: dict[str, Any] = release.workload["spec"]["template"]
    return {"metadata": template.get("metadata") or {}, "spec": template["spec"]}


def broken(release: Release, bad: Bad | None) -> Release:
    """With pods that do not get ready, or end at once, as processes."""
    if bad is None:
        return release
    template = release.workload["spec"]["template"]
    own = app_container(release.workload, release.app, release.container)
    containers = [{**each, **_BROKEN[bad]} if each is own else each for each in template["spec"]["containers"]]
    spec = {**release.workload["spec"], "template": {**template, "spec": {**template["spec"], "containers": containers}}}
    return replace(release, workload={**release.workload, "spec": spec})
