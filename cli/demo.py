"""`deploy demo`: a release that succeeds, one that never gets ready and one that a gate finds, both taken back, on an embedded
cluster in this process.

The verbs are the real ones: the same use cases, the same manifests (examples/shop), the same view; only the cluster is made up.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..cluster.history import load as load_history
from ..kube.objects import NAMESPACE
from ..plan.plan import Action
from ..release.load import load
from ..sandbox.world import Sandbox
from ..ship import run as ship
from ..strategies.base import Request

if TYPE_CHECKING:
    from ..cluster.port import Cluster
    from ..release.gates import Gate
    from ..release.model import Release
    from .views import View

# next to the package's own folders: in a checkout and in an installed wheel alike
FILE = Path(__file__).parent.parent / "examples" / "shop" / "deploy.yaml"
SETS = (
    *(f"strategies.{name}.progressDeadlineSeconds=6" for name in ("recreate", "ramped", "blueGreen", "canary", "ab")),
    "strategies.blueGreen.scaleDownDelaySeconds=3",
    "strategies.canary.maxSurge=2",
)
GATES = ({"name": "log", "pods": {"log": "Traceback"}, "max": 0, "interval": "1s"},)
"""Of what a pod prints no probe knows; and it needs no Prometheus."""
READING_S = 1.0  # between two commands, for whoever reads along


@dataclass(frozen=True)
class Act:
    """One command of the story. `command` is what a user would type."""

    says: str
    command: str
    action: Action
    weight: int | None = None
    has_gates: bool = False


IMAGE = "--image ghcr.io/acme/shop"
STORIES: dict[str, tuple[Act, ...]] = {
    "canary": (
        Act("One pod of 2.0.0 first, behind the same Service.", f"apply canary {IMAGE}:2.0.0", "apply"),
        Act("It does well: half of the requests.", "promote", "promote"),
        Act("And all of them.", "promote --full", "promote", 100),
    ),
    "ramped": (
        Act("Pod by pod, and a stop half-way.", f"apply ramped {IMAGE}:2.0.0 --to 50%", "apply", 50),
        Act("The other half.", "promote", "promote"),
    ),
    "blue-green": (
        Act("2.0.0 at full size beside 1.0.0, with no request on it.", f"apply blue-green {IMAGE}:2.0.0 --to 0%", "apply", 0),
        Act("All requests at once; the old side stays warm for 3 s.", "promote", "promote"),
    ),
    "recreate": (
        Act("The old pods stop, then the new ones start: nobody answers in between.", f"apply recreate {IMAGE}:2.0.0", "apply"),
    ),
    "ab": (
        Act("2.0.0 for requests with the header x-api-version: v2, by Istio.", f"apply ab {IMAGE}:2.0.0", "apply"),
        Act("It does well: everybody.", "promote --full", "promote", 100),
    ),
}  # fmt: skip


async def tell(strategy: str, view: View) -> int:
    """Answers 0 where everything went as told, the ways back of 3.0.0 and 4.0.0 included."""
    view.document({}, "A cluster in this process: nothing is installed, nothing stays. The real commands, at a real pace.")
    async with Sandbox(seed=7) as sandbox:
        story = Story(strategy, sandbox.client(), view)
        await story.prepare()
        is_told = await story.succeeds() and await story.fails() and await story.is_found_out()
        await story.ends()
    return 0 if is_told else 1


class Story:
    """The acts on one cluster."""

    def __init__(self, strategy: str, cluster: Cluster, view: View) -> None:
        self._strategy = strategy
        self._cluster = cluster
        self._view = view

    async def prepare(self) -> None:
        """The namespace, and version 1.0.0 as what is live."""
        name = {"name": _release("1.0.0").namespace}
        await self._cluster.apply({"apiVersion": NAMESPACE.api_version, "kind": NAMESPACE.name, "metadata": name})
        first = Act("The first version.", f"apply {self._strategy} {IMAGE}:1.0.0", "apply", 100)
        await self._act(first, "1.0.0")

    async def succeeds(self) -> bool:
        """The way of 2.0.0, by the strategy."""
        acts = STORIES[self._strategy]
        await self._plan(acts[0], "2.0.0")
        results = [await self._act(act, "2.0.0") for act in acts]
        return all(result.is_ok for result in results) and results[-1].phase == "Promoted"

    async def fails(self) -> bool:
        """3.0.0 never becomes ready."""
        act = Act("3.0.0 is broken: it never becomes ready.", f"apply {self._strategy} {IMAGE}:3.0.0", "apply")
        result = await self._act(act, "3.0.0")
        return result.phase == "RolledBack"

    async def is_found_out(self) -> bool:
        """4.0.0 is ready, and a gate reads what it prints."""
        import yaml

        gates = yaml.safe_dump(list(GATES), default_flow_style=True, sort_keys=False).strip()
        says = f"4.0.0 gets ready, and fails all the same. deploy.yaml has a gate now, so nobody has to watch:\n# gates: {gates}"
        act = Act(says, f"apply {self._strategy} --auto {IMAGE}:4.0.0", "apply", has_gates=True)
        result = await self._act(act, "4.0.0")
        return result.phase == "RolledBack"

    async def ends(self) -> None:
        release = _release("2.0.0")
        self._say("", "history")
        self._view.history(release.app, release.namespace, await load_history(self._cluster, release.app, release.namespace))
        others = " ".join(name for name in STORIES if name != self._strategy)
        next_lines = (
            "",
            "Now your own application:",
            "  deploy init k8s/        writes a deploy.yaml for your manifests",
            "  deploy sandbox up       an embedded cluster in the background, to try it on",
            "  deploy plan             what a release would do, and its way back",
            f"The other strategies: deploy demo {{{others.replace(' ', '|')}}}",
        )
        self._view.document({}, "\n".join(next_lines))

    async def _plan(self, act: Act, tag: str) -> None:
        self._say("What would happen, before anything does:", act.command.replace("apply", "plan", 1))
        made = await ship.plan(self._cluster, _release(tag), Request(act.action, act.weight), strategy=self._strategy)
        self._view.plan(made, where="the sandbox")
        await asyncio.sleep(2 * READING_S)

    async def _act(self, act: Act, tag: str) -> ship.Result:
        self._say(act.says, act.command)
        options = ship.Options(emit=self._view.event, goes_on=act.has_gates)
        request = Request(act.action, act.weight)
        release = replace(_release(tag), gates=_gates()) if act.has_gates else _release(tag)
        result = await ship.run(self._cluster, release, request, strategy=self._strategy, options=options)
        self._view.result(result)
        await asyncio.sleep(READING_S)
        return result

    def _say(self, says: str, command: str) -> None:
        comment = f"\n# {says}" if says else ""
        self._view.document({}, f"{comment}\n$ deploy {command}")


def _gates() -> tuple[Gate, ...]:
    from ..release.gates import Gate

    return tuple(map(Gate.model_validate, GATES))


def _release(tag: str) -> Release:
    return load(str(FILE), image=f":{tag}", sets=SETS)
