"""Objects that are in no namespace are the same ones to every release."""

from __future__ import annotations

import copy
import dataclasses

import pytest
from besides import with_others
from rollway.kube.objects import DEFINITION, NAMESPACE, Kind, Obj
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world

EACH = pytest.mark.parametrize("strategy", STRATEGIES)


WIDGET = Kind("example.com/v1", "Widget", "widgets", namespaced=False)


DEFINED: Obj = {
    "apiVersion": DEFINITION.api_version, "kind": DEFINITION.name, "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com", "scope": "Cluster", "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }],
    },
}  # fmt: skip


def widget(size: int) -> Obj:
    """As loading its file gives it: whether the kind is in a namespace is known to the cluster alone."""
    meta = {"name": "wheel", "namespace": NAMESPACE_NAME}
    return {"apiVersion": WIDGET.api_version, "kind": WIDGET.name, "metadata": meta, "spec": {"size": size}}


def elsewhere(wanted: Release, namespace: str) -> Release:
    def placed(obj: Obj) -> Obj:
        return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}

    workload, others = placed(wanted.workload), tuple(map(placed, wanted.others))
    return dataclasses.replace(wanted, namespace=namespace, workload=workload, services=(), others=others)


def with_widgets(world: World) -> None:
    """The kind, and one of it that somebody has made."""
    world.sandbox.api.create(DEFINITION, "", copy.deepcopy(DEFINED), manager="kubectl-create")
    found = {**widget(3), "metadata": {"name": "wheel"}}
    world.sandbox.api.create(WIDGET, "", found, manager="kubectl-client-side-apply")


@EACH
def test_what_is_in_no_namespace_is_the_same_object_to_every_release(strategy: str) -> None:
    """Found with the application, changed by a release, gone back to as it was; and never "no longer in the manifests"."""

    async def story(world: World) -> None:
        with_widgets(world)
        await world.deploy_by_hand(tag="v1")
        same = with_others("v1", widget(3), strategy=strategy)
        made = await shipping.plan(world.cluster, same, Request("apply"))
        await world.ship("apply", same, weight=100)
        again = await world.ship("apply", same, weight=100, prune=True)
        grown = await world.ship("apply", with_others("v2", widget(5), strategy=strategy), weight=100, prune=True)
        size = world.sandbox.store.get(WIDGET, "", "wheel")["spec"]["size"]
        await world.ship("rollback", same)

        assert not any(step.type == "apply" and step.ref.is_a(WIDGET) for step in made.undo)
        assert (again.plan.is_empty, size) == (True, 5)
        assert not any("no longer in the manifests" in note for result in (again, grown) for note in result.plan.notes)
        assert world.sandbox.store.get(WIDGET, "", "wheel")["spec"]["size"] == 3

    in_world(story)


def test_what_is_in_no_namespace_may_be_another_namespaces_application_s() -> None:
    """Whoever has it in its manifests holds it, wherever: --prune leaves it."""

    async def story(world: World) -> None:
        world.sandbox.api.create(DEFINITION, "", copy.deepcopy(DEFINED), manager="kubectl-create")
        await world.ship("apply", with_others("v1", widget(3)))
        world.sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "else"}})
        await world.ship("apply", elsewhere(with_others("v1", widget(3)), "else"))
        result = await world.ship("apply", with_others("v2"), prune=True)

        assert [step for step in result.plan.steps if step.type == "delete"] == []
        assert not any("no longer in the manifests" in note for note in result.plan.notes)
        assert world.sandbox.store.get(WIDGET, "", "wheel")

    in_world(story)
