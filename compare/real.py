"""A comparison at real pace: each strategy releases onto a sandbox of its own, with pods that are processes, requests that are
sent, and Envoy between them. What is measured stands beside what was predicted.

```
fresh sandbox ──► the version before ──► watches, load ──► the story of a rehearsal ──► samples, census ──► Run ──► Comparison
```
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ..cluster.client import connect
from ..cluster.port import Cluster
from ..errors import RollwayError, Unreachable
from ..kube.objects import NAMESPACE, get, is_a
from ..load.generator import Load
from ..load.origin import Here
from ..load.report import Report, Sample
from ..load.target import DEFAULT_RATE, Target
from ..release.model import Release
from ..sandbox import daemon
from ..sandbox.dataplane import traffic as dataplane
from ..sandbox.durations import Lag
from ..ship import run as shipping
from ..strategies.base import Request
from .asked import Share, shares_of
from .census import Census
from .fit import broken, refuse_unfit
from .proxies import KUBE_PROXY
from .rehearsal import BANDS, earlier, service_of
from .results import Comparison, Outcome, Run, Version
from .scenario import Scenario
from .story import HOLDER, NO_GATES, Story
from .tolls import Traffic, bands_of, toll_of
from .walking import Variant
from .watching import watched

READY_WITHIN_S = 300.0
ANSWERS_WITHIN_S = 8.0
CALM_WITHIN_S = 10.0
LOOK_EVERY_S = 0.1
AROUND_S = 10.0  # a sandbox' start and end, and the first start of the pods, more or less
TELL_EVERY_S = 1.0
LAG = Lag(KUBE_PROXY.lag_s[0], KUBE_PROXY.least_interval_s)
"""How far Envoy is behind the API, each change for itself; kube-proxy is so late where changes follow each other."""
MESH_LAG = Lag()
"""Of A/B: a mesh is told of endpoints before the routes that lead to them, which only a proxy without lag does here."""


class Moment(NamedTuple):
    """How far a strategy has come, in seconds. `about_s` is what it will take in all, 0 where nobody knows."""

    strategy: str
    seconds: float
    about_s: float


Tell = Callable[[Moment], None]


def about_s(outcome: Outcome, scenario: Scenario) -> float:
    """How long a strategy takes to be measured, by what was predicted; 0 where it cannot be."""
    if not outcome.runs:
        return 0.0
    return outcome.range(lambda run: run.command_s).median + 2 * scenario.settle_s + AROUND_S


async def measured(
    release: Release,
    scenario: Scenario,
    variants: Sequence[Variant],
    before: Release | None = None,
    *,
    predicted: Sequence[Outcome] = (),
    tell: Tell = lambda moment: None,
) -> Comparison:
    """The variants, one after the other. `before` is what runs until then; without it the same manifests with another image do.
    `predicted` are the same variants' rehearsals, to tell how long each takes.

    Raises BadInput where this machine cannot run it, or cannot have it as the scenario wants it.
    """
    refuse_unfit(release, scenario)
    release = release if release.namespace else release.with_namespace("default")
    old = (before or earlier(release)).with_namespace(release.namespace)
    known = {outcome.strategy: outcome for outcome in predicted}
    outcomes: list[Outcome] = []
    remarks: dict[str, None] = {}
    for variant in variants:
        expected = known.get(variant.label, Outcome(variant.label))
        shares = shares_of(variant.release, variant.strategy, scenario)
        if expected.refused or isinstance(shares, str):
            outcomes.append(Outcome(variant.label, refused=expected.refused or str(shares)))
            continue
        placed = variant._replace(release=broken(variant.release.with_namespace(release.namespace), scenario.bad))
        async with _telling(tell, variant.label, about_s(expected, scenario)):
            outcome, said = await _outcome(old, placed, scenario, shares)
        outcomes.append(outcome)
        remarks.update(dict.fromkeys(said))
    return Comparison(
        app=release.app,
        from_version=old.version,
        to_version=release.version,
        replicas=_replicas(old),
        seed=0,
        outcomes=tuple(outcomes),
        rate=scenario.rate,
        bad=scenario.wrong,
        assumed=(f"Envoy knows of endpoints {LAG.low_s * 1000:g} ms to {LAG.high_s:g} s late, of A/B's at once", *remarks),
    )


def _replicas(release: Release) -> int:
    return int(get(release.workload, "spec", "replicas", default=1))


@asynccontextmanager
async def _telling(tell: Tell, label: str, known_s: float) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    async def ticking() -> None:
        while True:
            tell(Moment(label, loop.time() - began_s, known_s))
            await asyncio.sleep(TELL_EVERY_S)

    task = asyncio.ensure_future(ticking())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _outcome(old: Release, variant: Variant, scenario: Scenario, shares: Sequence[Share]) -> tuple[Outcome, list[str]]:
    with _sandbox(MESH_LAG if variant.strategy == "ab" else LAG) as home:
        async with await connect(kubeconfig=str(daemon.kubeconfig_path(home))) as cluster:
            await _settled(cluster, old)
            url = await _address(home, old)
            targets = [(share.target(url, scenario.timeout_s), share.part) for share in shares]
            for target, _ in targets:
                await _answering(target)
            try:
                run, remarks = await _measured(cluster, old, variant, scenario, targets)
            except Unreachable:
                raise
            except RollwayError as error:
                return Outcome(variant.label, refused=error.summary), []
            return Outcome(variant.label, (run,)), remarks


# the sandbox


@contextmanager
def _sandbox(lag: Lag) -> Iterator[Path]:
    """A sandbox of its own, that is gone afterwards; also if this process is killed, but for its folder.

    Blocks while it starts and while it ends: neither is to be cut short by Ctrl-C.
    """
    home = Path(tempfile.mkdtemp(prefix="rollway-compare-"))
    theirs, ours = os.pipe()
    try:
        daemon.up(home, lifeline=theirs, ingress_port=0, endpoint_lag=lag, processes=True)
        yield home
    finally:
        os.close(ours)
        os.close(theirs)
        daemon.down(home)
        shutil.rmtree(home, ignore_errors=True)


async def _settled(cluster: Cluster, old: Release) -> None:
    """The version before is live, and nothing moves."""
    if not any(is_a(obj, NAMESPACE) for obj in old.others):
        for name in (old.namespace, *old.elsewhere):
            await cluster.apply({"apiVersion": NAMESPACE.api_version, "kind": NAMESPACE.name, "metadata": {"name": name}})
    options = shipping.Options(holder=HOLDER, goes_back=False, force=True, timeout_s=READY_WITHIN_S, skip_gates=NO_GATES)
    result = await shipping.run(cluster, old, Request("apply"), strategy="ramped", options=options)
    if result.failure:
        raise RollwayError(
            f"the version before does not run here: {result.failure.summary}",
            detail="\n".join(result.failure.told),
            hint="with --real its pods are processes of this machine: try them with `deploy sandbox up` and `deploy apply`",
        )


async def _address(home: Path, release: Release) -> str:
    """Where the Service is reached. Raises Unreachable."""
    service, row = service_of(release), None
    loop = asyncio.get_running_loop()
    until_s = loop.time() + ANSWERS_WITHIN_S
    while loop.time() < until_s:
        rows = dataplane.standing(home).get("services", ())
        row = next((each for each in rows if (each["namespace"], each["name"]) == (release.namespace, service)), None)
        if row is not None and not row.get("problem"):
            return "http://" + str(row["url"]).partition("://")[2]
        await asyncio.sleep(0.1)
    why = row["problem"] if row else "it has no address of its own, or no TCP port"
    raise Unreachable(f"Service {service} cannot be asked in the sandbox: {why}")


async def _answering(target: Target) -> None:
    """Raises Unreachable where the version before does not answer well: what came of a release could not be told."""
    origin = Here(target, DEFAULT_RATE)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            await origin.until_good()
    except TimeoutError:
        answer = await origin.once()
        seen = answer.detail or f"status {answer.status}"
        raise Unreachable(
            f"the version before does not answer {target.method} {target.path} well: {seen}",
            hint="what clients ask for, and what a good answer is, is said by `probe:` in the release file; see --client-timeout",
        ) from None


# one release under traffic


async def _measured(
    cluster: Cluster, old: Release, variant: Variant, scenario: Scenario, targets: Sequence[tuple[Target, float]]
) -> tuple[Run, list[str]]:
    loop = asyncio.get_running_loop()
    zero_s = loop.time() + scenario.settle_s
    async with AsyncExitStack() as stack:
        census = await stack.enter_async_context(watched(cluster, old.namespace, service_of(old), zero_s))
        loads = await stack.enter_async_context(_under(targets, scenario, zero_s))
        await asyncio.sleep(max(zero_s - loop.time(), 0))
        story = Story(cluster, variant.release, variant.strategy, scenario, zero_s, asyncio.Event())
        await story.play()
        done_s = loop.time() - zero_s
        await asyncio.sleep(scenario.settle_s)
        await loads.until_well(CALM_WITHIN_S)
        to_s = loop.time() - zero_s
        reports = await loads.end(scenario.timeout_s + 0.5)
    return _summed(old, scenario, census, loads.traffic(), story, done_s, to_s), _remarks(reports, loads.traffic(), story)


class _Loads:
    """Generators side by side, whose requests are taken as those of one."""

    def __init__(self, targets: Sequence[tuple[Target, float]], rate: float, zero_s: float) -> None:
        self._rate, self._zero_s = rate, zero_s
        self._samples: list[list[Sample]] = [[] for _ in targets]
        self._loads = [
            Load(target, rate * part, taken=taken.append) for (target, part), taken in zip(targets, self._samples, strict=True)
        ]
        self._sending = [asyncio.ensure_future(load.run()) for load in self._loads]
        self._offsets: list[float] = []

    async def begin(self) -> None:
        await asyncio.sleep(0)  # each has taken its moment
        now_s = asyncio.get_running_loop().time() - self._zero_s
        self._offsets = [now_s - load.elapsed_s for load in self._loads]

    async def until_well(self, within_s: float) -> None:
        """The last request to end was answered well. A busy machine's proxy may be later than it was meant to be."""
        for _ in range(int(within_s / LOOK_EVERY_S)):
            if not any(samples and samples[-1].lost for samples in self._samples):
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def end(self, patience_s: float) -> list[Report]:
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        return [await load.close(patience_s) for load in self._loads]

    def traffic(self) -> Traffic:
        """All samples in the order of sending. What answered before the command began is the old version."""
        placed = [
            replace(sample, due_s=sample.due_s + offset)
            for samples, offset in zip(self._samples, self._offsets, strict=True)
            for sample in samples
        ]
        placed.sort(key=lambda sample: sample.due_s)
        old = {sample.version for sample in placed if sample.lost is None and sample.ended_s < 0}
        return Traffic(placed, self._rate, frozenset(old))


@asynccontextmanager
async def _under(targets: Sequence[tuple[Target, float]], scenario: Scenario, zero_s: float) -> AsyncIterator[_Loads]:
    loads = _Loads(targets, scenario.rate, zero_s)
    await loads.begin()
    try:
        yield loads
    except BaseException:
        await loads.end(0.0)
        raise


def _summed(old: Release, scenario: Scenario, census: Census, traffic: Traffic, story: Story, done_s: float, to_s: float) -> Run:
    stays: Version = "new" if story.phase == "Promoted" else "old"
    is_told = traffic.tells_versions or stays == "old"
    alone_s = traffic.alone_from_s(stays) if is_told else _last_ready_s(census, "old")
    return Run(
        seed=0,
        phase=story.phase,
        failure=story.failure,
        duration_s=done_s if story.is_cut else alone_s,
        command_s=done_s,
        toll=toll_of(traffic, census),
        peak_pods=max(census.everything.between(0.0, to_s)),
        peak_not_terminating=max(census.active.between(0.0, to_s)),
        pod_seconds=census.everything.area(0.0, to_s) - _replicas(old) * to_s,
        min_ready=min(census.endpoints.between(0.0, to_s)),
        api_requests=story.cluster.requests,
        bands=bands_of(traffic, census, -scenario.settle_s, to_s, BANDS),
        marks=tuple(story.marks),
        steps_s=story.each_s,
        back_s=story.back_s,
        lost_going_back=sum(sample.lost is not None and sample.due_s >= story.back_s for sample in traffic.samples),
        is_cut=story.is_cut,
    )


def _last_ready_s(census: Census, version: Version) -> float:
    """Where answers name no version: until when a pod of it was ready."""
    ready = census.ready[version]
    return max(ready.moments[-1], 0.0) if math.isfinite(ready.moments[-1]) else 0.0


def _remarks(reports: Sequence[Report], traffic: Traffic, story: Story) -> list[str]:
    said = []
    if story.phase == "Promoted" and not traffic.tells_versions:
        said.append("answers do not name their version, so all count as the old one's: the header X-Version would tell")
    if any(report.is_behind for report in reports):
        late_s = max(report.late_max_s for report in reports)
        said.append(f"this machine was busy: requests were sent up to {late_s:.1f} s late")
    return said
