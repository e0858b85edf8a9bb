"""One rehearsal: a release run on the embedded cluster in virtual time, by the code that would release it, with its traffic."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

from ..errors import RollwayError
from ..kube.clock import now
from ..kube.objects import (
    DEPLOYMENT,
    NAMESPACE,
    POD,
    REPLICA_SET,
    SERVICE,
    Kind,
    Obj,
    annotations_of,
    digest,
    get,
    is_a,
    labels_of,
    ref_of,
)
from ..kube.workload import SET_HASH, is_workload, pods_of, workload_of
from ..release.image import split_image
from ..release.model import Release
from ..sandbox.node.behaviour import BEHAVIOUR
from ..sandbox.node.nodes import widen
from ..sandbox.node.spread import Measured
from ..sandbox.store.store import Snapshot, Store
from ..sandbox.timeline import run_virtual
from ..sandbox.world import Sandbox
from ..ship import run as shipping
from ..strategies.app import App
from ..strategies.base import Request
from . import requests
from .bystanders import NOTHING, Aside
from .calls import Counted
from .lives import STARTING
from .record import Recorder
from .results import Run, Toll, Version
from .scenario import Scenario
from .series import Steps, bands_of, steps_of
from .story import HOLDER, NO_GATES, WHOLE, Plot, Story, Turns, goes_on
from .traffic import Load, Mixtures, Segment, count

NODES = 3  # of a DaemonSet of which nobody says how many it has
REST_S = 30.0  # of the old version, before anything is released
READY_WITHIN_S = 900.0
DRAIN_S = 90.0  # for pods that still terminate when the command is done
BANDS = 240


@dataclass(frozen=True)
class Base:
    """The old version at rest, from which every rehearsal of a comparison starts. `service` is empty where none selects the pods:
    then nobody asks, and nothing can be lost."""

    snapshot: Snapshot
    at_s: float
    namespace: str
    service: str
    replicas: int
    said: Mapping[str, str] = field(
        default_factory=dict
    )  # how pods behave that do not say it themselves, as the annotation has it


def base_of(before: Release, seed: int, pods: int | None = None) -> Base:
    """Releases the old version onto an empty cluster, scales it to so many `pods` (None: what the release says), and lets it
    rest. Raises RollwayError where it does not get ready."""
    return run_virtual(_settled(before, seed, pods))


async def _settled(before: Release, seed: int, pods: int | None) -> Base:
    async with Sandbox(seed=seed, presumes=True) as sandbox:
        namespace, known = before.namespace, workload_of(before.workload)
        if not known.is_scaled:
            on_nodes(sandbox.store, before, NODES if pods is None else pods)
        if not any(is_a(obj, NAMESPACE) for obj in before.others):
            _make_namespaces(sandbox, (namespace, *before.elsewhere))
        options = shipping.Options(holder=HOLDER, goes_back=False, skip_gates=NO_GATES)
        result = await shipping.run(
            Counted(sandbox.client()), before, Request("apply", has_undo=False), strategy="ramped", options=options
        )
        if result.failure:
            raise RollwayError(
                f"the version before cannot be rehearsed: {result.failure.summary}",
                hint="its pods have to get ready on the embedded cluster: look at its sandbox.rollway.dev annotations",
            )
        if pods is not None and pods != before.replicas and known.is_scaled:
            # as an autoscaler does: the number is not the release's
            ref = ref_of(before.workload)._replace(namespace=namespace)
            await sandbox.client().patch(ref, {"spec": {"replicas": pods}}, subresource="scale")
            if not await are_whole(sandbox.store, namespace, known.kind):
                raise RollwayError(f"the version before cannot be rehearsed: {before.app} does not get {pods} pods ready")
        await asyncio.sleep(REST_S)
        unsaid = 1 if known.is_scaled else NODES
        replicas = pods if pods is not None else unsaid if before.replicas is None else before.replicas
        return Base(sandbox.store.snapshot(), asyncio.get_running_loop().time(), namespace, service_of(before), replicas)


def _make_namespaces(sandbox: Sandbox, names: Sequence[str]) -> None:
    """Those that are not there yet."""
    for name in names:
        if sandbox.store.find(NAMESPACE, "", name) is None:
            namespace: Obj = {"apiVersion": NAMESPACE.api_version, "kind": NAMESPACE.name, "metadata": {"name": name}}
            sandbox.api.create(NAMESPACE, "", namespace)


def on_nodes(store: Store, release: Release, count: int) -> None:
    """So many nodes for a DaemonSet, which are such as it asks for."""
    widen(store, count, now(), get(release.workload, "spec", "template", "spec", "nodeSelector"))


async def are_whole(store: Store, namespace: str, kind: Kind = DEPLOYMENT) -> bool:
    """Whether all Deployments there, and what else is of the application's kind, get all of their pods ready in time."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + READY_WITHIN_S
    while not all(_is_whole(live) for each in {DEPLOYMENT, kind} for live in store.list(each, namespace)):
        if loop.time() > until_s:
            return False
        await asyncio.sleep(1)
    return True


def _is_whole(live: Obj) -> bool:
    counts, wanted = workload_of(live).counts(live), pods_of(live)
    return not counts.is_behind and counts.ready >= wanted and counts.all == wanted


def service_of(release: Release) -> str:
    """The Service that clients ask; nothing where there is none."""
    service = App(release).primary
    return str(service["metadata"]["name"]) if service else ""


def saying(said: Mapping[str, str], pod: Obj) -> Obj:
    """A pod that behaves as is `said`, unless it says something of its own."""
    annotations = annotations_of(pod)
    if not said or BEHAVIOUR in annotations:
        return pod
    note = f"{{{', '.join(f'{key}: {value}' for key, value in said.items())}}}"
    return {**pod, "metadata": {**pod["metadata"], "annotations": {**annotations, BEHAVIOUR: note}}}


def earlier(release: Release) -> Release:
    """The release as it may have been before: the same manifests with another image. Where nothing is known of the old one."""
    repository, tag, _ = split_image(release.image)
    workload = _with_image(release, f"{repository}:{'before' if tag != 'before' else 'earlier'}")
    return replace(release, workload=workload)


def _with_image(release: Release, image: str) -> Obj:
    template = release.workload["spec"]["template"]
    containers = [
        {**each, "image": image} if each.get("image") == release.image else each for each in template["spec"]["containers"]
    ]
    spec = {**release.workload["spec"], "template": {**template, "spec": {**template["spec"], "containers": containers}}}
    return {**release.workload, "spec": spec}


def rehearse_once(base: Base, release: Release, strategy: str, scenario: Scenario, seed: int, plot: Plot = WHOLE) -> Run:
    """The same arguments give the same result, to the byte. Raises RollwayError where the strategy cannot release it."""
    return walked(base, release, strategy, scenario, seed, plot)[0]


def walked(
    base: Base,
    release: Release,
    strategy: str,
    scenario: Scenario,
    seed: int,
    plot: Plot = WHOLE,
    *,
    draws: int = 1,
    turns: Turns = goes_on,
    aside: Aside = NOTHING,
) -> tuple[Run, ...]:
    """The release is done once, and its proxies and traffic are drawn so often: the seed decides the first draw as it decides
    everything else, and the others' proxies and traffic alone. `turns` may send it back. The requests for what is left `aside`
    are counted. Raises as `rehearse_once`."""
    runs = run_virtual(_rehearsed(base, release, strategy, scenario, seed, plot, draws, turns), begin_s=base.at_s)
    return tuple(replace(run, api_requests=run.api_requests + aside.requests(run.plans)) for run in runs)


async def _rehearsed(
    base: Base, release: Release, strategy: str, scenario: Scenario, seed: int, plot: Plot, draws: int, turns: Turns
) -> tuple[Run, ...]:
    random = Random(seed)
    loop = asyncio.get_running_loop()
    async with Sandbox(
        store=Store(snapshot=base.snapshot, seed=seed, forgets=True),
        seed=seed,
        spread=Measured(seed),
        admit=partial(saying, base.said),
        presumes=True,
    ) as sandbox:
        # Where in the node's seconds and probes the command comes is chance.
        lead_s = scenario.settle_s + 1 + random.random()
        zero_s = loop.time() + lead_s
        _make_namespaces(sandbox, release.elsewhere)
        recorder = Recorder(
            sandbox.store, base.namespace, base.service, _versions(sandbox.store),
            zero_s=zero_s, matching=scenario.matching, services=_services(sandbox.store, base.namespace, release, plot),
        )  # fmt: skip
        await asyncio.sleep(lead_s)
        load = Load(scenario.rate, scenario.timeout_s, scenario.answers())
        gauges = None
        release = release.without_experiment()  # it lasts for days, and nobody can model what users like
        if release.gates and plot.request is None:
            from .answering import Answering, rehearsed

            release = replace(release, gates=rehearsed(release.gates))
            gauges = Answering(recorder.so_far, load, Random(f"{seed}, gates"))
        story = Story(sandbox.client(), release, strategy, scenario, zero_s, recorder.new_is_asked, turns, gauges)
        await story.play(plot)
        done_s = loop.time() - zero_s
        await asyncio.sleep(scenario.settle_s)
        to_s = loop.time() - zero_s
        await _drained(recorder)
        recorder.stop()
        writes = sandbox.store.version - base.snapshot.version
        times = 1 if story.has_turned else draws  # a way back is told of by its first
        chances = [random, *(Random(f"{seed}, draw {draw}") for draw in range(1, times))]
        mixtures = Mixtures(recorder.recording(-scenario.settle_s, to_s), load)
        steps = steps_of(recorder, -scenario.settle_s, to_s, BANDS)
        runs = (_summed(base, scenario, mixtures, steps, seed, chance, recorder, story, done_s, to_s) for chance in chances)
        return tuple(replace(run, draw=draw, writes=writes) for draw, run in enumerate(runs))


def containers_of(replicaset: Obj) -> str:
    """What its pods run, as a digest: by it a version is known again, whichever Deployment it belongs to."""
    return digest(replicaset["spec"]["template"]["spec"]["containers"])


def _services(store: Store, namespace: str, release: Release, plot: Plot) -> dict[Version, Sequence[Obj]]:
    """Each version's own: of what runs now the live ones, of what comes the release's, unless it is one of the history."""
    own: dict[Version, Sequence[Obj]] = {"old": list(store.list(SERVICE, namespace))}
    return own if plot.request and plot.request.action == "rollback" else own | {"new": release.services}


def _versions(store: Store) -> Callable[[Obj], Version]:
    """A pod is old where its containers are those of a ReplicaSet that was there at the beginning, whoever runs it by now; one of
    a set's where its revision is that of one that was there."""

    known: dict[str, Version] = {}
    old = {containers_of(each) for each in store.list(REPLICA_SET) if get(each, "spec", "replicas")}
    revisions = {labels_of(pod).get(SET_HASH, "") for pod in store.list(POD)}

    def version_of(pod: Obj) -> Version:
        owner = next((each for each in pod["metadata"].get("ownerReferences") or () if each.get("controller")), None)
        if owner is not None and is_workload(owner):
            return "old" if labels_of(pod).get(SET_HASH, "") in revisions else "new"
        if owner is None or not is_a(owner, REPLICA_SET):
            return "old"
        if owner["uid"] not in known:
            replicaset = store.get(REPLICA_SET, pod["metadata"]["namespace"], owner["name"])
            known[owner["uid"]] = "old" if containers_of(replicaset) in old else "new"
        return known[owner["uid"]]

    return version_of


async def _drained(recorder: Recorder) -> None:
    """What still terminates decides over requests that were sent before."""
    for _ in range(int(DRAIN_S)):
        if not recorder.is_draining:
            return
        await asyncio.sleep(1)


def _summed(
    base: Base,
    scenario: Scenario,
    mixtures: Mixtures,
    steps: Steps,
    seed: int,
    random: Random,
    recorder: Recorder,
    story: Story,
    done_s: float,
    to_s: float,
) -> Run:
    load, before = mixtures.load, random.getstate()
    parts = mixtures.segments(random) if base.service else []
    toll = count(parts, load, random) if parts else Toll(0, {"old": 0, "new": 0}, {}, 0.0, 0.0, math.nan)
    if parts and scenario.is_each_request:
        random.setstate(before)  # the proxies are those of the intervals
        toll = replace(requests.count(mixtures.recording, load, random), dark_s=toll.dark_s)
    everything = recorder.everything
    stays: Version = "new" if story.phase == "Promoted" else "old"
    alone_s = done_s if story.is_cut or not parts else _alone_from(parts, stays)
    return Run(
        seed=seed,
        phase=story.phase,
        failure=story.failure,
        duration_s=max(alone_s, 0.0),
        command_s=done_s,
        toll=toll,
        peak_pods=max(everything.between(0.0, to_s)),
        peak_not_terminating=max(recorder.active.between(0.0, to_s)),
        pod_seconds=everything.area(0.0, to_s) - base.replicas * to_s,
        min_ready=min((recorder.endpoints if base.service else recorder.all_ready).between(0.0, to_s)),
        api_requests=story.cluster.requests,
        plans=story.plans,
        bands=bands_of(parts, steps, load),
        marks=tuple(story.marks),
        steps_s=story.each_s,
        back_s=story.back_s,
        lost_going_back=_lost_from(story.back_s, parts, load, seed),
        is_cut=story.is_cut,
    )


def _lost_from(moment: float, parts: list[Segment], load: Load, seed: int) -> int:
    later = [segment._replace(from_s=max(segment.from_s, moment)) for segment in parts if segment.to_s > moment]
    return count(later, load, Random(seed)).failed if later else 0


def _alone_from(parts: list[Segment], version: Version) -> float:
    """From when on requests meet nothing but that version: neither the other one, nor nobody, nor what does not listen yet."""
    for segment in reversed(parts):
        if any(which != version or fate == STARTING for fate, which in segment.mixture):
            return segment.to_s
    return 0.0


__all__ = ["Base", "base_of", "earlier", "rehearse_once"]
