"""What an object may not become is told before anything is touched: such a release could never be promoted."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from rollway.errors import BadInput
from rollway.kube.objects import SERVICE, Obj
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release


def job(tag: str) -> Obj:
    spec = {"restartPolicy": "Never", "containers": [{"name": "migrate", "image": f"ghcr.io/acme/migrate:{tag}"}]}
    meta = {"name": "migrate", "namespace": NAMESPACE_NAME}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"template": {"spec": spec}}}


def binding(role: str) -> Obj:
    group = "rbac.authorization.k8s.io"
    meta, ref = {"name": "b", "namespace": NAMESPACE_NAME}, {"apiGroup": group, "kind": "Role", "name": role}
    return {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": meta, "roleRef": ref}


def frozen(value: str) -> Obj:
    meta = {"name": "frozen", "namespace": NAMESPACE_NAME}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "immutable": True, "data": {"a": value}}


OBJECTS = {"Job migrate": job, "RoleBinding b": binding, "ConfigMap frozen": frozen}


def with_other(plain: Release, obj: Obj) -> Release:
    return dataclasses.replace(plain, others=(*plain.others, obj))


async def refused(world: World, wanted: Release, what: str) -> None:
    """By plan and apply, with nothing touched."""
    await asyncio.sleep(60)
    moment = world.sandbox.store.version
    for act in (shipping.plan(world.cluster, wanted, Request("apply")), world.ship("apply", wanted)):
        with pytest.raises(BadInput, match=f"refuses what is to change of {what}") as error:
            await act
        assert "another name" in error.value.hint
    assert world.changed_since(moment) <= {"Lease"}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", OBJECTS)
def test_a_field_that_is_for_life_is_refused_at_once(strategy: str, name: str) -> None:
    make: Any = OBJECTS[name]

    async def story(world: World) -> None:
        await world.ship("apply", with_other(release("v1", strategy=strategy), make("one")), weight=100)
        await refused(world, with_other(release("v2", strategy=strategy), make("two")), name)

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_service_that_would_lose_its_address_is_refused_before_its_share_begins(strategy: str) -> None:
    """Also where the Service is only applied with the promotion."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        plain = release("v2", strategy=strategy)
        headless = {**plain.services[0], "spec": {**plain.services[0]["spec"], "clusterIP": "None"}}
        await refused(world, dataclasses.replace(plain, services=(headless,)), "Service shop")

        assert world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")["spec"]["clusterIP"] != "None"

    in_world(story)


def test_most_releases_ask_nothing_more() -> None:
    """Where only the application's own Deployment changes there is no dry run."""

    async def story(world: World) -> list[str]:
        await promoted(world, "v1", "blue-green")
        await promoted(world, "v2", "blue-green")
        asked: list[str] = []

        class Listening:
            def __getattr__(self, name: str) -> Any:
                return getattr(world.cluster, name)

            async def apply(self, obj: Obj, *, force: bool = False, dry_run: bool = False) -> Obj:
                asked.extend([obj["kind"]] if dry_run else [])
                return await world.cluster.apply(obj, force=force, dry_run=dry_run)

        await world.ship("apply", release("v3", strategy="blue-green"), cluster=Listening())
        return asked

    assert in_world(story) == []
