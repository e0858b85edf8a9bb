"""A canary's steps: shares of pods can be only so fine."""

from __future__ import annotations

from collections.abc import Iterator

from ..routing.ratio import Pods
from ..routing.routers import BY_PODS
from .case import Case
from .model import Found

TOLERATED = 5.0
"""Percentage points between the share that is asked for and the one that is reached."""


def unreachable(case: Case) -> Iterator[Found]:
    if case.strategy != "canary" or case.router != BY_PODS or not case.replicas:
        return
    options = case.release.options.canary
    is_written = "steps" in options.model_fields_set
    before: Pods | None = None
    for place, step in enumerate(options.steps):
        pods = case.pods_at(step.weight, case.replicas)
        off = abs(pods.percent - step.weight)
        if step.weight < 100 and (off > TOLERATED or pods == before):
            again = ", the same as the step before" if pods == before else ""
            beside = f"{pods.canary} {'pod' if pods.canary == 1 else 'pods'} beside {pods.stable}"
            of = f"{pods.canary} of {sum(pods)} pods" if sum(pods) <= case.replicas else beside
            yield Found(
                None,
                ("strategies", "canary", "steps", place, "weight"),
                f"the step of {step.weight}% is {pods.percent:g}% ({of}){again}",
                hint=_advice(case, step.weight),
                severity=None if is_written else "info",
            )
        before = pods


def _advice(case: Case, weight: int) -> str:
    """The fewest pods with which the step is near enough."""
    enough = next((count for count in range(1, 101) if abs(case.pods_at(weight, count).percent - weight) <= TOLERATED), None)
    by_weight = "routes of the manifests (HTTPRoute, VirtualService) give any share, with any number of pods"
    return f"{enough} pods reach it; {by_weight}" if enough else by_weight
