"""Kinds are told apart by group and name: everybody may define a Service, a Gateway or a Deployment of their own."""

from __future__ import annotations

import re
from pathlib import Path

import rollway
from rollway.kube.objects import SERVICE, Obj
from rollway.plan.observed import scales
from rollway.release.model import in_apply_order

ROOT = Path(rollway.__file__).parent
STAGES = ("cli", "cluster", "compare", "health", "load", "plan", "preflight", "release", "routing", "ship", "strategies")
BY_NAME_ALONE = re.compile(r"\[.kind.\] (==|!=) [A-Z_]+\.name")


def test_no_object_is_taken_for_another_by_its_kinds_name_alone() -> None:
    """`kube.objects.is_a` asks for both; nobody compares a known kind's name by itself."""
    files = [path for stage in STAGES for path in (ROOT / stage).rglob("*.py")]

    assert files
    assert [str(path) for path in files if BY_NAME_ALONE.search(path.read_text())] == []


def test_an_autoscaler_of_somebody_elses_kind_scales_nothing_of_ours() -> None:
    """One whose target says no version means the Deployment of Kubernetes."""

    def autoscaler(**target: str) -> Obj:
        return {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "shop", **target}}}

    assert scales(autoscaler(), "shop")
    assert scales(autoscaler(apiVersion="apps/v1"), "shop")
    assert not scales(autoscaler(apiVersion="acme.example/v1"), "shop")


def test_a_namesake_comes_with_the_kinds_that_are_not_known() -> None:
    """Knative's Service needs what is before it, not the place of the core one."""
    knative: Obj = {"apiVersion": "serving.knative.dev/v1", "kind": SERVICE.name, "metadata": {"name": "k"}}
    core: Obj = {"apiVersion": "v1", "kind": SERVICE.name, "metadata": {"name": "c"}}

    assert in_apply_order((knative, core)) == (core, knative)
