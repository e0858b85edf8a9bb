"""Ephemeral containers of modelled pods, and what the API lets be written of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from rollway.errors import ApiError
from rollway.kube.objects import POD, Obj
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

BESIDE = "ephemeralcontainers"


def on_a_pod(story: Callable[[Sandbox], Awaitable[None]]) -> None:
    async def told() -> None:
        async with Sandbox() as sandbox:
            pod: Obj = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
            sandbox.api.create(POD, "default", pod)
            await story(sandbox)

    run_virtual(told())


def added(sandbox: Sandbox, *containers: Obj) -> Obj:
    return sandbox.api.patch(POD, "default", "web", {"spec": {"ephemeralContainers": list(containers)}}, subresource=BESIDE)


def test_one_stays_running_beside_a_modelled_pod() -> None:
    """With defaults as of any container; it changes nothing of the pod's own state, and stays in its status."""

    async def story(sandbox: Sandbox) -> None:
        made = added(sandbox, {"name": "debug", "image": "busybox"})
        assert made["spec"]["ephemeralContainers"][0]["terminationMessagePolicy"] == "File"
        await asyncio.sleep(20)
        live = sandbox.store.get(POD, "default", "web")
        (status,) = live["status"]["ephemeralContainerStatuses"]
        assert (status["name"], list(status["state"]), live["status"]["phase"]) == ("debug", ["running"], "Running")
        sandbox.api.delete(POD, "default", "web")
        await asyncio.sleep(60)
        assert sandbox.store.find(POD, "default", "web") is None

    on_a_pod(story)


@pytest.mark.parametrize(
    ("containers", "why"),
    [
        ([], 'existing ephemeral containers "debug" may not be removed'),
        ([{"name": "debug", "image": "other"}], 'existing ephemeral containers "debug" may not be changed'),
        ([{"name": "app", "image": "a"}], r"spec.ephemeralContainers\[0\].name: Duplicate value: \"app\""),
        ([{"name": "b"}], r"spec.ephemeralContainers\[0\].image: Required value"),
        ([{"name": "b", "image": "a", "ports": [{"containerPort": 1}]}], "cannot be set for an Ephemeral Container"),
    ],
)
def test_they_are_only_added(containers: list[Obj], why: str) -> None:
    async def story(sandbox: Sandbox) -> None:
        added(sandbox, {"name": "debug", "image": "busybox"})
        with pytest.raises(ApiError, match=why):
            added(sandbox, *containers)

    on_a_pod(story)


def test_this_way_nothing_else_is_written() -> None:
    async def story(sandbox: Sandbox) -> None:
        patch = {"metadata": {"labels": {"a": "b"}}, "spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox"}]}}
        made = sandbox.api.patch(POD, "default", "web", patch, subresource=BESIDE)
        assert "labels" not in made["metadata"]
        with pytest.raises(ApiError, match="pod updates may not change fields"):
            sandbox.api.patch(POD, "default", "web", {"spec": {"ephemeralContainers": None}})

    on_a_pod(story)
