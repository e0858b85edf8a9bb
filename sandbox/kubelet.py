"""The node of the embedded cluster: schedules pods and walks each through its life, on the event loop's time.

A pod waits for one step at a time, the node for the first of all. What happens when is `behaviour`'s, what is written is
`podstatus`'s. State that matters is in the pods' statuses, so a new kubelet takes the pods up where they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from ..kube.clock import parse_timestamp, timestamp
from ..kube.objects import NODE, POD, Obj, get
from .agenda import Agenda
from .behaviour import (
    GONE_S,
    REPORTED_S,
    SANDBOX_S,
    Life,
    Moment,
    life_of,
    moments,
    stop_of,
)
from .controllers.engine import Queue
from .controllers.index import is_terminal
from .deletion import delete
from .events import record
from .node import NO_NODE, NODE_NAME, address_number, address_of, full_image_name, missing_config, node_object
from .podstatus import Container, container_id, container_of, pod_status, unschedulable
from .store import Change, Store

PHASE_S = 0.48  # where in each second this node looks at its containers; any value is as good, one must be chosen
CROWDED_START_S, CROWDED_STOP_S, CROWD = 0.1, 0.08, 2  # starting and stopping several at once takes longer
RESTART_S = 1.0  # the first restart follows at the node's next look
BACK_OFF_S, MOST_BACK_OFF_S, CALM_S = 10, 300, 600
NEVER_RAN_S = 0.5  # to end a pod whose container never ran

Place = tuple[str, str]  # (namespace, name)


@dataclass
class _Run:
    """A pod on this node. `deleted_s` and `grace_s` are set once it has to stop."""

    uid: str
    life: Life
    containers: list[Container]
    stage: Literal["creating", "running", "stopping"] = "creating"
    started_s: float = 0.0
    moments: Iterator[Moment] = field(default_factory=lambda: iter(()))
    failures: int = 0
    deleted_s: float = 0.0
    grace_s: int = -1
    next_: int = 0  # the step that it waits for; earlier ones are void


def back_off_s(failures: int) -> int:
    """The wait before the next try: 10, 20, 40 … 300 seconds."""
    return int(min(BACK_OFF_S * 2 ** min(failures - 1, 10), MOST_BACK_OFF_S))


def go_duration(seconds: int) -> str:
    """As Go prints it: 10s, 1m20s, 5m0s."""
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"


class Kubelet:
    name = "kubelet"

    def __init__(self, store: Store, queue: Queue, now: Callable[[], datetime]) -> None:
        self._store, self._queue, self._now = store, queue, now
        self._runs: dict[Place, _Run] = {}
        self._stages = {"creating": 0, "running": 0, "stopping": 0}
        self._loop = asyncio.get_running_loop()
        self._agenda = Agenda(self._loop)
        addresses = (get(pod, "status", "podIP", default="") for pod in store.list(POD))
        self._last_address = max((address_number(address) for address in addresses), default=1)
        if store.find(NODE, "", NODE_NAME) is None:
            store.create(NODE, node_object(now()))

    def note(self, change: Change) -> None:
        if change.kind == POD:
            meta = change.obj["metadata"]
            self._queue.add(self.name, meta["namespace"], meta["name"])

    def stop(self) -> None:
        """Looks after no pod any more. They stay as they are."""
        for place in tuple(self._runs):
            self._drop(place)
        self._agenda.clear()

    def sync(self, namespace: str, name: str) -> None:
        place, pod = (namespace, name), self._store.find(POD, namespace, name)
        run = self._runs.get(place)
        if run is not None and (pod is None or pod["metadata"]["uid"] != run.uid):
            self._drop(place)
            run = None
        if pod is None or (is_terminal(pod) and (run is None or run.stage != "stopping")):
            return
        if run is None:
            run = self._runs[place] = _Run(pod["metadata"]["uid"], life_of(pod), _containers(pod))
            self._stages[run.stage] += 1
            self._take_up(place, run, pod)
        grace_s = pod["metadata"].get("deletionGracePeriodSeconds")
        if "deletionTimestamp" in pod["metadata"] and grace_s != run.grace_s:
            self._end(place, run, pod, int(grace_s or 0))
        elif run.stage == "running" and get(pod, "spec", "readinessGates"):
            self._write(place, run)

    # the beginning

    def _take_up(self, place: Place, run: _Run, pod: Obj) -> None:
        """Where the status says that the pod is: a new one at its beginning."""
        state = run.containers[0].state
        if not get(pod, "status", "containerStatuses"):
            for problem in run.life.behaviour.problems:
                self._tell(pod, "BehaviourIgnored", problem, "Warning")
            self._schedule(place, run, pod)
        elif "running" in state:
            age = self._now() - parse_timestamp(state["running"]["startedAt"])
            self._follow(place, run, self._loop.time() - age.total_seconds())
        elif "terminated" in state or get(state, "waiting", "reason") == "CrashLoopBackOff":
            run.failures = run.containers[0].restarts + 1
            self._at(place, run, self._loop.time() + back_off_s(max(run.failures - 1, 1)), self._start)
        else:
            self._create(place, run)

    def _schedule(self, place: Place, run: _Run, pod: Obj) -> None:
        if run.life.behaviour.fails == "unschedulable":
            status = unschedulable(pod, NO_NODE, self._now())
            self._store.update(POD, pod | {"status": status})
            self._tell(pod, "FailedScheduling", NO_NODE, "Warning", "default-scheduler")
            return
        placed = pod | {"spec": pod["spec"] | {"nodeName": get(pod, "spec", "nodeName", default=NODE_NAME)}}
        self._store.update(POD, placed | {"status": pod_status(placed, run.containers, self._now())})
        self._tell(pod, "Scheduled", f"Successfully assigned {'/'.join(place)} to {NODE_NAME}", component="default-scheduler")
        self._create(place, run)

    def _create(self, place: Place, run: _Run) -> None:
        delay_s = run.life.process_start_s + CROWDED_START_S * min(self._stages["creating"] - 1, CROWD)
        match run.life.behaviour.fails:
            case "bad-image":
                self._at(place, run, self._loop.time() + delay_s, self._pull_failed)
            case "config-error":
                self._at(place, run, self._loop.time() + SANDBOX_S, self._config_failed)
            case _:
                self._at(place, run, self._loop.time() + delay_s, self._start)

    def _pull_failed(self, place: Place, run: _Run) -> None:
        pod = self._store.get(POD, *place)
        image = pod["spec"]["containers"][0].get("image", "")
        full = full_image_name(image)
        cause = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": {full}: not found'
        cause = f"rpc error: code = NotFound desc = {cause}"
        run.failures += 1
        self._wait(place, run, "ErrImagePull", cause)
        self._tell(pod, "Failed", f'Failed to pull image "{image}": {cause}', "Warning")
        self._tell(pod, "Failed", "Error: ErrImagePull", "Warning")
        self._at(place, run, self._loop.time() + RESTART_S, self._pull_waits, cause)

    def _pull_waits(self, place: Place, run: _Run, cause: str) -> None:
        pod = self._store.get(POD, *place)
        message = f'Back-off pulling image "{pod["spec"]["containers"][0].get("image", "")}"'
        self._wait(place, run, "ImagePullBackOff", f"{message}: ErrImagePull: {cause}")
        self._tell(pod, "BackOff", message)
        self._tell(pod, "Failed", "Error: ImagePullBackOff", "Warning")
        wait_s = back_off_s(run.failures) - RESTART_S + run.life.behaviour.pull_s
        self._at(place, run, self._loop.time() + wait_s, self._pull_failed)

    def _config_failed(self, place: Place, run: _Run) -> None:
        pod = self._store.get(POD, *place)
        message = f"{missing_config(self._store, pod)} not found"
        self._wait(place, run, "CreateContainerConfigError", message)
        self._tell(pod, "Failed", f"Error: {message}", "Warning")

    def _wait(self, place: Place, run: _Run, reason: str, message: str) -> None:
        first = replace(run.containers[0], state={"waiting": {"reason": reason, "message": message}}, is_ready=False)
        # The others have images of their own and run.
        others = [_running(self._now(), is_ready=True) for _ in run.containers[1:]]
        run.containers = [
            first,
            *(each if each.is_running else new for each, new in zip(run.containers[1:], others, strict=True)),
        ]
        self._write(place, run)

    # running

    def _start(self, place: Place, run: _Run) -> None:
        pod = self._store.get(POD, *place)
        first = run.containers[0]
        has_run = bool(first.last) or "terminated" in first.state
        last = {"terminated": first.state["terminated"]} if "terminated" in first.state else first.last
        is_started = run.life.startup is None
        restarts = first.restarts + has_run
        begun = _running(self._now())
        first = replace(begun, last=last, restarts=restarts, is_started=is_started)
        others = [each if each.is_running else replace(begun, is_ready=True, is_started=True) for each in run.containers[1:]]
        if not run.life.others:
            run.containers = [first, *others]
        else:
            run.containers = [first, *(each if each.is_ready and has_run else replace(each, is_ready=False) for each in others)]
        self._stage(run, "running")
        address = get(pod, "status", "podIP", default="") or self._address()
        self._write(place, run, address=address)
        self._tell(pod, "Started", f"Container started: {pod['spec']['containers'][0]['name']}")
        self._follow(place, run, self._loop.time())

    def _follow(self, place: Place, run: _Run, started_s: float) -> None:
        self._stage(run, "running")
        run.started_s = started_s
        run.moments = moments(run.life, started_s, PHASE_S)
        self._next(place, run)

    def _next(self, place: Place, run: _Run) -> None:
        now_s = self._loop.time()
        for moment in run.moments:
            # After a restart of this node: failed probes of the past were told of then.
            if moment.what != "unhealthy" or moment.at_s >= now_s:
                self._at(place, run, moment.at_s, self._happen, moment)
                return

    def _happen(self, place: Place, run: _Run, moment: Moment) -> None:
        pod = self._store.get(POD, *place)
        match moment.what:
            case "started":
                run.containers[0] = replace(run.containers[0], is_started=True)
                self._write(place, run)
            case "ready":
                run.containers = [replace(each, is_ready=True) for each in run.containers]
                self._write(place, run)
            case "unhealthy":
                self._tell(pod, "Unhealthy", moment.message, "Warning")
            case "killed":
                self._kill(place, run, pod, moment.message)
                return
            case "exits":
                self._exit(place, run, run.life.behaviour.exit_code)
                return
        self._next(place, run)

    def _kill(self, place: Place, run: _Run, pod: Obj, message: str) -> None:
        """A startup or liveness probe failed too often: the container is stopped and started again."""
        name, probe = pod["spec"]["containers"][0]["name"], message.partition(" ")[0].lower()
        self._tell(pod, "Unhealthy", message, "Warning")
        self._tell(pod, "Killing", f"Container {name} failed {probe} probe, will be restarted")
        stop = stop_of(run.life, run.life.grace_s)
        self._at(place, run, self._loop.time() + stop.exit_s, self._exit, stop.exit_code)

    def _exit(self, place: Place, run: _Run, code: int) -> None:
        """The first container has ended by itself or a probe: it comes back, later and later."""
        pod, first = self._store.get(POD, *place), run.containers[0]
        ended = self._ended(pod, first, code, self._now())
        policy = get(pod, "spec", "restartPolicy", default="Always")
        ran_s = self._loop.time() - run.started_s
        run.failures = 1 if ran_s >= CALM_S else run.failures + 1
        first = replace(first, state=ended, is_ready=False, is_started=False)
        run.containers[0] = first
        if policy == "Never" or (policy == "OnFailure" and not code):
            run.containers = [each if "terminated" in each.state else first for each in run.containers]
            self._write(place, run)
            self._drop(place)
            return
        if run.failures == 1:
            self._write(place, run)
            self._at(place, run, self._loop.time() + RESTART_S, self._start)
            return
        wait_s, name = back_off_s(run.failures - 1), pod["spec"]["containers"][0]["name"]
        where = f"{place[1]}_{place[0]}({run.uid})"
        run.containers[0] = replace(first, last=ended)
        message = f"back-off {go_duration(wait_s)} restarting failed container={name} pod={where}"
        self._wait(place, run, "CrashLoopBackOff", message)
        self._tell(pod, "BackOff", f"Back-off restarting failed container {name} in pod {where}", "Warning")
        self._at(place, run, self._loop.time() + wait_s, self._start)

    # the end

    def _end(self, place: Place, run: _Run, pod: Obj, grace_s: int) -> None:
        """The pod is deleted, or its grace period was shortened."""
        now_s = self._loop.time()
        if run.grace_s < 0:
            asked = parse_timestamp(pod["metadata"]["deletionTimestamp"]) - timedelta(seconds=grace_s)
            age_s = (self._now() - asked).total_seconds()
            # Timestamps have whole seconds: below one, the deletion is now.
            run.deleted_s = now_s - (age_s if age_s >= 1 else 0.0)
            for spec in pod["spec"]["containers"]:
                self._tell(pod, "Killing", f"Stopping container {spec['name']}")
        run.grace_s = grace_s
        if not any(each.is_running for each in run.containers):
            self._stage(run, "stopping")
            self._at(place, run, run.deleted_s + NEVER_RAN_S, self._gone)
            return
        stop = stop_of(run.life, float(grace_s))
        exit_s = max(run.deleted_s + stop.exit_s, now_s)
        crowd = min(self._stages["stopping"] - (run.stage == "stopping"), CROWD)
        self._stage(run, "stopping")
        told_s = exit_s + REPORTED_S + CROWDED_STOP_S * crowd
        self._at(place, run, told_s, self._stopped, stop.exit_code, exit_s)

    def _stopped(self, place: Place, run: _Run, code: int, exit_s: float) -> None:
        pod = self._store.get(POD, *place)
        at = self._now() - timedelta(seconds=self._loop.time() - exit_s)
        run.containers = [
            replace(each, state=self._ended(pod, each, code, at), is_ready=False, is_started=False) for each in run.containers
        ]
        self._write(place, run)
        self._at(place, run, exit_s + GONE_S, self._gone)

    def _gone(self, place: Place, run: _Run) -> None:
        self._drop(place)
        delete(self._store, POD, *place, now=self._now(), grace_s=0, uid=run.uid)

    # bookkeeping

    def _ended(self, pod: Obj, container: Container, code: int, at: datetime) -> Obj:
        started = get(container.state, "running", "startedAt")
        reason = "Error" if code else "Completed"
        ended = {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": timestamp(at)}
        name = pod["spec"]["containers"][0]["name"]
        return {"terminated": ended | {"containerID": container_id(pod, name, container.restarts)}}

    def _write(self, place: Place, run: _Run, *, address: str = "") -> None:
        pod = self._store.get(POD, *place)
        status = pod_status(pod, run.containers, self._now(), address=address)
        if status != pod.get("status"):
            self._store.update(POD, pod | {"status": status})

    def _tell(
        self,
        pod: Obj,
        reason: str,
        message: str,
        type_: Literal["Normal", "Warning"] = "Normal",
        component: str = "kubelet",
    ) -> None:
        now = self._now()
        record(self._store, POD, pod, reason=reason, message=message, now=now, component=component, type_=type_)

    def _at(self, place: Place, run: _Run, when_s: float, do: Callable[..., None], *args: object) -> None:
        """What happens to the pod next, instead of anything that was to happen."""
        run.next_ = self._agenda.add(when_s, self._step, place, run, do, args)

    def _step(self, number: int, place: Place, run: _Run, do: Callable[..., None], args: tuple[object, ...]) -> None:
        # Deleted a moment ago, and not looked at since: the queue's turn comes first.
        is_void = run.next_ != number or self._runs.get(place) is not run
        if not is_void and self._store.find(POD, *place) is not None:
            self._queue.guarded(do, place, run, *args)

    def _stage(self, run: _Run, stage: Literal["creating", "running", "stopping"]) -> None:
        self._stages[run.stage] -= 1
        self._stages[stage] += 1
        run.stage = stage

    def _drop(self, place: Place) -> None:
        run = self._runs.pop(place)
        self._stages[run.stage] -= 1
        run.next_ = 0

    def _address(self) -> str:
        self._last_address += 1
        return address_of(self._last_address)


def _containers(pod: Obj) -> list[Container]:
    known = {each["name"]: each for each in get(pod, "status", "containerStatuses", default=())}
    return [container_of(known.get(spec["name"], {})) for spec in pod["spec"]["containers"]]


def _running(now: datetime, *, is_ready: bool = False) -> Container:
    return Container(state={"running": {"startedAt": timestamp(now)}}, is_ready=is_ready, is_started=is_ready)
