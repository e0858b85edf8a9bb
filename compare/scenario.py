"""What a release is rehearsed under: the traffic, how the application behaves, what may be wrong with the new version."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any, Literal

import yaml

from ..errors import BadInput
from ..kube.objects import Obj, merged
from ..release.model import Release
from ..sandbox.node.behaviour import BEHAVIOUR, behaviour_of
from .lives import Answers, Latency
from .pace import Pace
from .results import Version

Bad = Literal["500s", "never-ready", "crash", "slow"]
BAD: tuple[Bad, ...] = ("500s", "never-ready", "crash", "slow")
_FAILS = {"never-ready": "never-ready", "crash": "crash"}
_SLOWER = 100.0  # what a slow version takes, times what a good one takes
LATENCY_POINTS = 16


@dataclass(frozen=True)
class Scenario:
    """`rate` in requests a second, each on a new connection, given up after `timeout_s`. `latency` is the application's own.

    `start_s`, `stop_s`: from a process' start until it listens, and from SIGTERM to its exit; `node_s`: from a pod's place on a
    node until its process starts. None leaves what the manifests' annotations say (else at once, and on a quiet node). `bad` is
    what is wrong with the new version, of 500s with a `bad_share` of its answers; nobody sees wrong or slow answers before
    `notice_s`, then it is taken back (a version that does not get ready is noticed by the release itself). `matching` is the
    share of the requests that an A/B rule catches. A pause without an end lasts `gate_s`. `settle_s` of traffic lie before and
    after. A release that is not done after `bound_s` is cut, and the result says so. With `is_each_request` every request is
    simulated by itself, to check what is computed per interval. Raises BadInput for figures without sense.
    """

    rate: float = 100.0
    latency: Latency = field(default_factory=lambda: Latency((0.05,)))
    timeout_s: float = 2.0
    start_s: float | None = None
    stop_s: float | None = None
    node_s: float | None = None
    bad: Bad | None = None
    bad_share: float = 1.0
    notice_s: float = 60.0
    matching: float = 0.1
    gate_s: float = 30.0
    settle_s: float = 5.0
    bound_s: float = 4 * 3600.0
    is_each_request: bool = False

    def __post_init__(self) -> None:
        for name, value, least in (
            ("rate", self.rate, 0.0),
            ("timeout", self.timeout_s, 0.0),
            ("bound", self.bound_s, 0.0),
            ("latency", self.latency.values[0], 0.0),
        ):
            if not least < value < math.inf:
                raise BadInput(f"a {name} of {value:g} makes no sense", hint=f"give a {name} above {least:g}")
        if not 0 < self.matching < 1:
            raise BadInput(f"a matching share of {self.matching:g} makes no sense", hint="between 0% and 100%")

    def answers(self) -> dict[Version, Answers]:
        good = Answers(self.latency)
        match self.bad:
            case "500s":
                return {"old": good, "new": replace(good, error_share=self.bad_share)}
            case "slow":
                return {"old": good, "new": Answers(Latency(tuple(value * _SLOWER for value in self.latency.values)))}
        return {"old": good, "new": good}

    @property
    def wrong(self) -> str:
        """What is wrong with the new version, in words; empty where nothing is."""
        return f"{100 * self.bad_share:.3g}% {self.bad}" if self.bad == "500s" and self.bad_share < 1 else self.bad or ""

    @property
    def is_noticed_by_others(self) -> bool:
        """The release itself cannot see that the version is bad."""
        return self.bad in ("500s", "slow")

    @property
    def said(self) -> dict[str, str]:
        """How every pod behaves, as the annotation `sandbox.rollway.dev/behaviour` has it."""
        stop = {} if self.stop_s is None else {"stop": f"{self.stop_s:g}s"}
        return Pace(self.start_s, self.node_s).said | stop

    def behaving(self, release: Release, *, is_new: bool) -> Release:
        """The release with pods that behave as the scenario has it."""
        said = self.said
        if is_new and self.bad in _FAILS:
            said["fails"] = _FAILS[self.bad]
        return replace(release, workload=_annotated(release.workload, said)) if said else release


def _annotated(workload: Obj, said: dict[str, Any]) -> Obj:
    meta = workload["spec"]["template"].get("metadata") or {}
    text = (meta.get("annotations") or {}).get(BEHAVIOUR, "")
    known: dict[str, Any] = {}
    if not behaviour_of(text, "", "").problems and text.strip():
        known = yaml.load(text, Loader=yaml.BaseLoader)
    note = yaml.safe_dump({**known, **said}, default_flow_style=True, sort_keys=True).strip()
    return merged(workload, {"spec": {"template": {"metadata": {"annotations": {BEHAVIOUR: note}}}}})


def latency_of(median_s: float, p99_s: float | None = None) -> Latency:
    """A lognormal latency with that median and 99th percentile; without the latter always the median."""
    if p99_s is None or p99_s <= median_s:
        return Latency((median_s,))
    normal = NormalDist()
    sigma = math.log(p99_s / median_s) / normal.inv_cdf(0.99)
    places = ((index + 0.5) / LATENCY_POINTS for index in range(LATENCY_POINTS))
    return Latency(tuple(median_s * math.exp(sigma * normal.inv_cdf(place)) for place in places))
