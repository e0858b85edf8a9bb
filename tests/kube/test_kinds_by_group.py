"""Kinds are told apart by group and name: everybody may define a Service, a Gateway or a Deployment of their own."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import rollway
from rollway.kube.objects import SERVICE, Kind, Obj
from rollway.plan.observed import scales
from rollway.release.model import Release, in_apply_order
from rollway.sandbox.store.customs import definition_of
from rollway.ship.status import status
from shop import NAMESPACE_NAME, World, in_world, release

ROOT = Path(rollway.__file__).parent
STAGES = ("cli", "cluster", "compare", "health", "load", "plan", "preflight", "release", "routing", "ship", "strategies")
BY_NAME_ALONE = re.compile(r"(\[.kind.\]|\bref\.kind|\btarget\.kind) (==|!=|in|not in) \(?[A-Z_]+\.name")


def test_no_object_is_taken_for_another_by_its_kinds_name_alone() -> None:
    """`kube.objects.is_a`, of an object and of a reference, asks for both; nobody compares a known kind's name by itself."""
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


@pytest.mark.parametrize("kind", ["Deployment", "Service", "HorizontalPodAutoscaler", "Secret", "Job", "Ingress"])
def test_a_release_with_a_namesake_goes_all_the_way(kind: str) -> None:
    """Of somebody's own kind that is called like one of Kubernetes: there, on, and back."""
    meta = {"name": "theirs", "namespace": NAMESPACE_NAME}
    namesake: Obj = {"apiVersion": "example.com/v1", "kind": kind, "metadata": meta, "spec": {"size": "large"}}
    custom = Kind("example.com/v1", kind, f"{kind.lower()}s", namespaced=True)

    def wanted(tag: str) -> Release:
        plain = release(tag, strategy="blue-green")
        return dataclasses.replace(plain, others=(*plain.others, namesake))

    async def story(world: World) -> None:
        await world.cluster.apply(definition_of(custom))
        for tag in ("v1", "v2"):
            assert (await world.ship("apply", wanted(tag))).failure is None
        await status(world.cluster, wanted("v2"))
        assert (await world.ship("rollback", wanted("v2"))).failure is None
        assert world.routed_versions() == {"v1"}

    in_world(story)
