"""A pod's resize: what its containers ask for changes while they run, and what may not."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.errors import ApiError
from rollway.kube.objects import POD, Obj
from rollway.sandbox.api.admission.limitranger import LIMIT_RANGE
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "default"
ASKS = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m"}}


def container(name: str = "app", **resources: Any) -> Obj:
    return {"name": name, "image": "shop:1", "resources": resources or ASKS}


def resized(patch: Obj, *, spec: Obj | None = None, limits: Obj | None = None) -> tuple[Obj, str]:
    """The pod after the patch of its resize, and why it was refused; empty where it was not."""

    async def story() -> tuple[Obj, str]:
        async with Sandbox(kubelet=False) as sandbox:
            sandbox.api.create(POD, SPACE, {"metadata": {"name": "web"}, "spec": {"containers": [container()]} | (spec or {})})
            if limits is not None:
                item = {"type": "Container", **limits}
                sandbox.api.create(LIMIT_RANGE, SPACE, {"metadata": {"name": "sizes"}, "spec": {"limits": [item]}})
            why = ""
            try:
                sandbox.api.patch(POD, SPACE, "web", patch, "strategic", subresource="resize")
            except ApiError as error:
                why = error.message
            return sandbox.api.get(POD, SPACE, "web"), why

    out: tuple[Obj, str] = run_virtual(story())
    return out


def of_app(**resources: Any) -> Obj:
    return {"spec": {"containers": [{"name": "app", "resources": resources}]}}


def test_cpu_and_memory_change_and_nothing_else() -> None:
    """The pod is of another generation; labels, images and whatever else is said on the way stay as they were."""
    patch = of_app(requests={"cpu": "150m"}, limits={"cpu": "300m"})
    patch["metadata"] = {"labels": {"a": "b"}}
    patch["spec"]["containers"][0]["image"] = "shop:2"
    live, why = resized(patch)
    assert why == ""
    (app,) = live["spec"]["containers"]
    assert app["resources"] == {"requests": {"cpu": "150m", "memory": "64Mi"}, "limits": {"cpu": "300m"}}
    assert app["image"] == "shop:1"
    assert "labels" not in live["metadata"]
    assert live["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (
            of_app(requests={"memory": None}),
            "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
        ),
        (of_app(limits=None), "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed"),
        (of_app(requests={"ephemeral-storage": "1Gi"}), "spec: Forbidden: only cpu and memory resources are mutable"),
        (
            of_app(requests={"cpu": "200m"}, limits={"memory": "64Mi"}),
            'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
        ),
        (
            {"spec": {"containers": [{"name": "another", "image": "shop:1"}]}},
            "spec: Forbidden: containers may not be renamed or reordered on resize",
        ),
        (
            of_app(requests={"cpu": "1"}),
            'spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to',
        ),
    ],
    ids=["requests go", "limits go", "storage", "quality", "another container", "more than the limit"],
)
def test_what_may_not_become_of_a_pod(patch: Obj, why: str) -> None:
    live, said = resized(patch)
    assert said.startswith(f'Pod "web" is invalid: {why}')
    assert live["spec"]["containers"] == [live["spec"]["containers"][0] | {"resources": ASKS}]


def test_containers_that_are_done_keep_what_they_had() -> None:
    """Those that start before the others and end; one that stays beside is resized like any other."""
    first, beside = container("first"), container("beside") | {"restartPolicy": "Always"}
    spec = {"initContainers": [first, beside]}

    def of(name: str) -> Obj:
        return {"spec": {"initContainers": [{"name": name, "resources": {"requests": {"cpu": "120m"}}}]}}

    assert resized(of("first"), spec=spec)[1].endswith("resources for non-sidecar init containers are immutable")
    live, why = resized(of("beside"), spec=spec)
    assert why == ""
    assert live["spec"]["initContainers"][1]["resources"]["requests"]["cpu"] == "120m"


def test_the_limits_of_the_namespace_hold() -> None:
    _, why = resized(of_app(limits={"cpu": "3"}), limits={"max": {"cpu": "2"}})
    assert why.startswith('pods "web" is forbidden: maximum cpu usage per Container is 2, but limit is 3')
