"""The shop with Jobs around its releases, and how often each of them ran."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from disturbed import QUICK
from rollway.kube.objects import JOB, POD, Obj, get, labels_of
from rollway.plan.revision import Revision
from rollway.release.hooks import Hook
from rollway.release.model import Release
from shop import NAMESPACE_NAME, World, release

TIMEOUT_S = 60
ALL_OF = [("before", "migrate", "Complete"), ("after", "tidy", "Complete")]
"""What has run of a version by the usual hooks."""


def job(tag: str, behaviour: str = "{pull: 0.1s, run: 3s}", *, limit: int = 0, env: list[Obj] | None = None) -> Obj:
    container: Obj = {"name": "work", "image": f"ghcr.io/acme/shop:{tag}", "command": ["/work"]}
    if env:
        container["env"] = env
    template = {
        "metadata": {"annotations": {"sandbox.rollway.dev/behaviour": behaviour}},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    return {"spec": {"backoffLimit": limit, "activeDeadlineSeconds": TIMEOUT_S, "template": template}}


def hook(when: str, name: str, tag: str, behaviour: str = "{pull: 0.1s, run: 3s}", **how: Any) -> Hook:
    return Hook(when, name, job(tag, behaviour, **how), TIMEOUT_S)  # type: ignore[arg-type]


def hooked(tag: str, strategy: str, *hooks: Hook) -> Release:
    """The shop at a version, with a hook of each kind where none is named."""
    usual = (hook("before", "migrate", tag), hook("after", "tidy", tag), hook("beforeRollback", "drain", tag))
    return dataclasses.replace(release(tag, strategy=strategy, options=QUICK), hooks=hooks or usual)


class Ran:
    """Pods that Jobs have made, by "hook version": counted as they come."""

    def __init__(self, world: World) -> None:
        self.pods: Counter[str] = Counter()
        self.moments: list[str] = []
        """What was begun, in order: "migrate v2" of a hook's pod, "pod v2" of a Deployment's first one of that version."""
        self._world = world
        world.sandbox.store.subscribe(self._look)

    def _look(self, change: Any) -> None:
        if change.kind != POD or change.type != "ADDED":
            return
        tag = change.obj["spec"]["containers"][0]["image"].rpartition(":")[2]
        owner = labels_of(change.obj).get("batch.kubernetes.io/job-name")
        if owner is not None:
            name = labels_of(self._world.sandbox.store.get(JOB, NAMESPACE_NAME, owner))["rollway.dev/hook"]
            self.pods[f"{name} {tag}"] += 1
        told = f"{name if owner is not None else 'pod'} {tag}"
        if told not in self.moments:
            self.moments.append(told)


def told(revision: Revision) -> list[tuple[str, str, str]]:
    return [(run.moment, run.name, run.phase) for run in revision.hooks]


def jobs(world: World) -> list[Obj]:
    return [each for each in world.sandbox.store.list(JOB, NAMESPACE_NAME) if get(each, "metadata", "labels", "rollway.dev/hook")]
