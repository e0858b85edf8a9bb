"""Plans and manifests as text: a changed behaviour reads as a diff. `make golden` rewrites them."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rollway.cli.views.paint import Paint
from rollway.cli.views.plan_text import plan_lines
from rollway.kube.objects import kind_of
from rollway.plan.plan import Plan
from rollway.release.load import load
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.strategies import by_name
from rollway.strategies.base import Request
from rollway.templates.render import as_yaml
from shop import NAMESPACE_NAME, World, in_world

HERE = Path(__file__).parent
OLD, NEW = ":1.4.0", ":1.4.1"


def read(case: str, image: str) -> Release:
    return load(str(HERE / case / "deploy.yaml"), image=image).with_namespace(NAMESPACE_NAME)


Prepare = Callable[[World, str], Awaitable[None]]


async def nothing(world: World, case: str) -> None:
    """An empty namespace."""


async def old_version(world: World, case: str) -> None:
    """The old version, released by the case's own strategy."""
    await world.ship("apply", read(case, OLD), weight=100)


async def under_way(world: World, case: str) -> None:
    """The new version at its first pause."""
    await old_version(world, case)
    await world.ship("apply", read(case, NEW))


async def by_hand(world: World, case: str) -> None:
    """The old version, as `kubectl apply` would have left it."""
    for manifest in read(case, OLD).manifests:
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        assert kind is not None
        world.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(manifest), manager="kubectl-client-side-apply")
    await asyncio.sleep(20)


async def on_green(world: World, case: str) -> None:
    """The old version, live on the green side after two blue-green releases."""
    for image in (":1.3.0", OLD):
        await world.ship("apply", read("blue-green", image))


@dataclass(frozen=True)
class Case:
    """What is live before, and what is asked for then."""

    prepare: Prepare
    request: Request


APPLY = Request("apply")
CASES = {
    "first": Case(nothing, APPLY),
    "recreate": Case(old_version, APPLY),
    "ramped": Case(old_version, APPLY),
    "ramped-50": Case(old_version, Request("apply", 50)),
    "blue-green": Case(old_version, APPLY),
    "blue-green-staged": Case(old_version, APPLY),
    "canary": Case(old_version, APPLY),
    "canary-50": Case(old_version, Request("apply", 50)),
    "canary-full": Case(under_way, Request("promote", 100)),
    "canary-abort": Case(under_way, Request("rollback")),
    "ab": Case(old_version, APPLY),
    "ab-hosts": Case(old_version, APPLY),
    "ab-full": Case(under_way, Request("promote", 100)),
    "adopted-blue-green": Case(by_hand, APPLY),
    "from-blue-green-to-canary": Case(on_green, APPLY),
    "hooks": Case(old_version, Request("apply", 100)),
    "hooks-back": Case(under_way, Request("rollback")),
}


def plan_of(case: str) -> Plan:
    async def story(world: World) -> Plan:
        await CASES[case].prepare(world, case)
        return await shipping.plan(world.cluster, read(case, NEW), CASES[case].request)

    plan: Plan = in_world(story)
    return plan


def compare(path: Path, text: str, *, is_rewriting: bool) -> None:
    if is_rewriting:
        path.write_text(text)
    assert path.exists(), f"no {path.name} yet: make golden"
    assert text == path.read_text()


@pytest.mark.parametrize("case", CASES)
def test_plan(case: str, request: pytest.FixtureRequest) -> None:
    """One line a step, the way back, the peak, and what changes in which object."""
    lines = plan_lines(plan_of(case), where="", width=140, paint=Paint(False), diff=True, verbose=False)
    text = "\n".join(line.rstrip() for line in lines) + "\n"

    compare(HERE / case / "plan.txt", text, is_rewriting=request.config.getoption("--update-golden"))
    assert "do-not-show-me" not in text


@pytest.mark.parametrize("case", ["recreate", "ramped", "blue-green", "canary", "ab", "ab-hosts"])
def test_manifests(case: str, request: pytest.FixtureRequest) -> None:
    """What `deploy render` answers."""
    release = read(case, NEW)
    text = as_yaml(list(by_name(release.strategy)(release).render()))

    compare(HERE / case / "manifests.yaml", text, is_rewriting=request.config.getoption("--update-golden"))
