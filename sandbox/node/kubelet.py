"""The node of the embedded cluster: schedules pods and walks each through its life, on the event loop's time.

What happens to containers, and when, is their runtime's (sandbox.node.runtime): computed beforehand, or told as it happens. What
is written is `podstatus`'s. A container waits for one step at a time, the node for the first of all. State that matters is in the
pods' statuses, so a new kubelet takes the pods up where they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from ...kube.clock import parse_timestamp
from ...kube.objects import POD, Obj, get
from ..agenda import Agenda
from ..api.deletion import delete
from ..controllers.engine import Queue
from ..controllers.index import is_terminal
from ..events import record
from ..store.store import Change, Store
from .behaviour import REPORTED_S, SANDBOX_S, Moment, life_of
from .binding import Binder
from .node import Addresses, full_image_name, missing_config
from .nodes import ensure
from .podrun import BACK_OFF_S, Run, back_off_s, go_duration, mount_back_off_s
from .podstatus import containers_of, ended, pod_status, running
from .references import has_references, unmounted
from .runtime import CannotStart, Modelled, Node, Runtime, chosen
from .spread import Even

CROWDED_START_S, CROWDED_STOP_S, CROWD = 0.1, 0.08, 2  # starting and stopping several at once takes longer
RESTART_S = 1.0  # the first restart follows at the node's next look
CALM_S = 600
NEVER_RAN_S = 0.5  # to end a pod whose container never ran
START_ERROR, LOST = 128, 255  # exit codes of containers that did not start, and of those that ended while no node looked

Place = tuple[str, str]  # (namespace, name)


class Kubelet:
    name = "kubelet"

    def __init__(
        self,
        store: Store,
        queue: Queue,
        now: Callable[[], datetime],
        processes: Node | None = None,
        spread: Even | None = None,
        *,
        presumes: bool = False,
    ) -> None:
        """`presumes`: nobody said what else the cluster has: some node always fits, and what pods refer to is there."""
        self._store, self._queue, self._now, self._processes = store, queue, now, processes
        self._spread = spread or Even()
        self._runs: dict[Place, Run] = {}
        self._stages = {"creating": 0, "running": 0, "stopping": 0}
        self._loop = asyncio.get_running_loop()
        self._agenda = Agenda(self._loop)
        self._addresses = Addresses(store, processes.addresses_from if processes is not None else 1)
        ensure(store, now())
        self._presumes = presumes
        self._binder = Binder(store, now, presumes=presumes)

    def note(self, change: Change) -> None:
        for place in self._binder.note(change):
            self._queue.add(self.name, *place)
        if change.kind == POD:
            meta = change.obj["metadata"]
            if change.type != "MODIFIED" or self._is_concerned(change.obj, meta["namespace"], meta["name"]):
                self._queue.add(self.name, meta["namespace"], meta["name"])
            if change.type == "DELETED" and self._processes is not None:
                self._processes.pod_gone(meta["uid"])

    def _is_concerned(self, pod: Obj, namespace: str, name: str) -> bool:
        """Most changes of a pod that runs are this node's own."""
        run = self._runs.get((namespace, name))
        if run is None or self._binder.is_pending((namespace, name)) or pod["spec"].get("readinessGates"):
            return True
        meta = pod["metadata"]
        return "deletionTimestamp" in meta and meta.get("deletionGracePeriodSeconds") != run.grace_s

    def stop(self) -> None:
        """Looks after no pod any more. They stay as they are."""
        self._runs.clear()
        self._agenda.clear()

    def sync(self, namespace: str, name: str) -> None:
        place, pod = (namespace, name), self._store.find(POD, namespace, name)
        run = self._runs.get(place)
        if run is not None and (pod is None or pod["metadata"]["uid"] != run.uid):
            self._drop(place)
            run = None
        if pod is None or (is_terminal(pod) and (run is None or run.stage != "stopping")):
            return
        if run is not None and self._binder.is_pending(place) and "deletionTimestamp" not in pod["metadata"]:
            self._schedule(place, run, pod)
            return
        if run is None:
            run = self._runs[place] = Run(pod["metadata"]["uid"], life_of(pod), containers_of(pod))
            run.runtime = self._runtime(place, run, pod)
            self._stages[run.stage] += 1
            self._take_up(place, run, pod)
        grace_s = pod["metadata"].get("deletionGracePeriodSeconds")
        if "deletionTimestamp" in pod["metadata"] and grace_s != run.grace_s:
            self._end(place, run, pod, int(grace_s or 0))
        elif run.stage == "running" and get(pod, "spec", "readinessGates"):
            self._write(place, run)

    # the beginning

    def _runtime(self, place: Place, run: Run, pod: Obj) -> Runtime:
        """What the pod's containers run by. One that has been modelled stays so."""
        choice = chosen(pod, self._processes)
        if not get(pod, "status", "containerStatuses") and choice.reason:
            self._tell(pod, choice.reason, choice.message, "Warning" if choice.is_warning else "Normal")
        if choice.kind == "model" or self._processes is None or self._addresses.is_modelled(pod):
            return Modelled(run.life, self._spread.phase_s)

        def hears(index: int, moment: Moment) -> None:
            if self._is_current(place, run):
                self._queue.guarded(self._happen, place, run, index, moment)

        def notes(reason: str, message: str) -> None:
            if self._is_current(place, run):
                self._tell(self._store.get(POD, *place), reason, message, "Warning")

        return self._processes.runtime(pod, hears, notes)

    def _take_up(self, place: Place, run: Run, pod: Obj) -> None:
        """Where the status says that the pod is: a new one at its beginning."""
        if not get(pod, "status", "containerStatuses"):
            for problem in run.life.behaviour.problems:
                self._tell(pod, "BehaviourIgnored", problem, "Warning")
            self._schedule(place, run, pod)
            return
        states = [run.containers[index].state for index in run.runtime.acts]
        has_begun = any("waiting" not in state or state["waiting"].get("reason") == "CrashLoopBackOff" for state in states)
        if not has_begun:
            self._create(place, run)
            return
        for index, state in zip(run.runtime.acts, states, strict=True):
            if "running" in state:
                self._take_up_running(place, run, index, parse_timestamp(state["running"]["startedAt"]))
            else:
                run.failures[index] = run.containers[index].restarts + 1
                wait_s = back_off_s(max(run.failures[index] - 1, 1))
                self._at(place, run, self._loop.time() + wait_s, self._start, index, slot=index)

    def _take_up_running(self, place: Place, run: Run, index: int, since: datetime) -> None:
        run.started_s[index] = self._loop.time() - (self._now() - since).total_seconds()
        pod, restarts = self._store.get(POD, *place), run.containers[index].restarts
        if run.runtime.outlives_node and self._addresses.is_modelled(pod):
            self._follow(place, run, index, run.runtime.start(pod, index, restarts, run.started_s[index]))
        else:
            self._exit(place, run, index, LOST, reason="Unknown")

    def _schedule(self, place: Place, run: Run, pod: Obj) -> None:
        if self._binder.binds(pod, run.containers, never=run.life.behaviour.fails == "unschedulable"):
            self._create(place, run)

    def _create(self, place: Place, run: Run) -> None:
        crowded_s = CROWDED_START_S * min(self._stages["creating"] - 1, CROWD)
        delay_s = self._spread.start_s(run.life.process_start_s + crowded_s)
        match run.life.behaviour.fails:
            case "bad-image":
                self._at(place, run, self._loop.time() + delay_s, self._pull_failed)
            case "config-error":
                self._at(place, run, self._loop.time() + SANDBOX_S, self._config_failed)
            case _:
                self._at(place, run, self._loop.time() + delay_s, self._begin)

    def _pull_failed(self, place: Place, run: Run) -> None:
        pod = self._store.get(POD, *place)
        image = pod["spec"]["containers"][0].get("image", "")
        full = full_image_name(image)
        cause = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": {full}: not found'
        cause = f"rpc error: code = NotFound desc = {cause}"
        run.failures[0] += 1
        self._wait(place, run, 0, "ErrImagePull", cause)
        self._tell(pod, "Failed", f'Failed to pull image "{image}": {cause}', "Warning")
        self._tell(pod, "Failed", "Error: ErrImagePull", "Warning")
        self._at(place, run, self._loop.time() + RESTART_S, self._pull_waits, cause)

    def _pull_waits(self, place: Place, run: Run, cause: str) -> None:
        pod = self._store.get(POD, *place)
        message = f'Back-off pulling image "{pod["spec"]["containers"][0].get("image", "")}"'
        self._wait(place, run, 0, "ImagePullBackOff", f"{message}: ErrImagePull: {cause}")
        self._tell(pod, "BackOff", message)
        self._tell(pod, "Failed", "Error: ImagePullBackOff", "Warning")
        wait_s = back_off_s(run.failures[0]) - RESTART_S + run.life.behaviour.pull_s
        self._at(place, run, self._loop.time() + wait_s, self._pull_failed)

    def _config_failed(self, place: Place, run: Run) -> None:
        pod = self._store.get(POD, *place)
        message = f"{missing_config(self._store, pod)} not found"
        self._wait(place, run, 0, "CreateContainerConfigError", message)
        self._tell(pod, "Failed", f"Error: {message}", "Warning")

    def _wait(self, place: Place, run: Run, index: int, reason: str, message: str) -> None:
        waiting = {"waiting": {"reason": reason, "message": message}}
        run.containers[index] = replace(run.containers[index], state=waiting, is_ready=False)
        # The others have images of their own and run.
        run.containers = [
            running(self._now(), is_ready=True) if run.follows(each) and not container.is_running else container
            for each, container in enumerate(run.containers)
        ]
        self._write(place, run)

    # running

    def _begin(self, place: Place, run: Run) -> None:
        """All containers start, the pod's address being known to them; before that, what they mount has to be there."""
        pod = self._store.get(POD, *place)
        if missing := [] if self._presumes else list(unmounted(self._store, pod)):
            for message in missing:
                self._tell(pod, "FailedMount", message, "Warning")
            run.mounts += 1
            self._at(place, run, self._loop.time() + mount_back_off_s(run.mounts), self._begin)
            return
        if not run.runtime.outlives_node:
            self._write(place, run, address=self._addresses.of(self._store.get(POD, *place), is_modelled=False))
        for index in run.runtime.acts:
            self._start(place, run, index)

    def _start(self, place: Place, run: Run, index: int) -> None:
        pod, before = self._store.get(POD, *place), run.containers[index]
        has_run = bool(before.last) or "terminated" in before.state
        last = {"terminated": before.state["terminated"]} if "terminated" in before.state else before.last
        restarts = before.restarts + has_run
        begun = running(self._now())
        has_startup = bool(pod["spec"]["containers"][index].get("startupProbe"))
        run.containers[index] = replace(begun, last=last, restarts=restarts, is_started=not has_startup)
        for other, container in enumerate(run.containers):
            if run.follows(other) and not run.life.others and not container.is_running:
                run.containers[other] = replace(begun, is_ready=True, is_started=True)
            elif run.follows(other) and run.life.others and not (container.is_ready and has_run):
                run.containers[other] = replace(container if container.is_running else begun, is_ready=False, is_started=True)
        try:
            self._check_references(run, pod, index)
            known = run.runtime.start(pod, index, restarts, self._loop.time())
        except CannotStart as error:
            run.containers[index] = replace(before, restarts=restarts, last=last)
            self._not_started(place, run, index, error)
            return
        self._write(place, run, address=self._addresses.of(pod, is_modelled=run.runtime.outlives_node))
        self._tell(pod, "Started", f"Container started: {pod['spec']['containers'][index]['name']}")
        run.started_s[index] = self._loop.time()
        self._follow(place, run, index, known)

    def _check_references(self, run: Run, pod: Obj, index: int) -> None:
        """A modelled container is told no environment, yet must have one. Raises CannotStart."""
        container = pod["spec"]["containers"][index]
        if self._presumes or not run.runtime.outlives_node or not has_references(container):
            return
        from .processes.environment import Misconfigured, environment

        try:
            environment(self._store, pod, container, get(pod, "status", "podIP", default=""))
        except Misconfigured as error:
            raise CannotStart("CreateContainerConfigError", str(error), is_over=False) from error

    def _not_started(self, place: Place, run: Run, index: int, error: CannotStart) -> None:
        pod = self._store.get(POD, *place)
        self._tell(pod, "Failed", f"Error: {error.message}", "Warning")
        self._stage(run, "running")
        if error.is_over:
            run.started_s[index] = self._loop.time()
            self._exit(place, run, index, START_ERROR, reason="StartError", message=error.message, waits_as=error.reason)
        else:
            self._wait(place, run, index, error.reason, error.message)
            self._at(place, run, self._loop.time() + BACK_OFF_S, self._start, index, slot=index)

    def _follow(self, place: Place, run: Run, index: int, known: Iterator[Moment]) -> None:
        self._stage(run, "running")
        run.moments[index] = known
        self._next(place, run, index)

    def _next(self, place: Place, run: Run, index: int) -> None:
        now_s = self._loop.time()
        for moment in run.moments[index]:
            # After a restart of this node: failed probes of the past were told of then.
            if moment.what != "unhealthy" or moment.at_s >= now_s:
                late_s = self._spread.probed_s() if moment.what == "ready" else 0.0
                self._at(place, run, moment.at_s + late_s, self._happen, index, moment, slot=index)
                return

    def _happen(self, place: Place, run: Run, index: int, moment: Moment) -> None:
        match moment.what:
            case "started":
                run.containers[index] = replace(run.containers[index], is_started=True)
                self._write(place, run)
            case "ready" | "unready":
                is_ready = moment.what == "ready"
                run.containers = [
                    replace(container, is_ready=is_ready) if each == index or (run.follows(each) and is_ready) else container
                    for each, container in enumerate(run.containers)
                ]
                self._write(place, run)
            case "unhealthy":
                self._tell(self._store.get(POD, *place), "Unhealthy", moment.message, "Warning")
            case "killed":
                self._kill(place, run, index, moment.message)
                return
            case "exits":
                self._exit(place, run, index, moment.code)
                return
        self._next(place, run, index)

    def _kill(self, place: Place, run: Run, index: int, message: str) -> None:
        """A startup or liveness probe failed too often: the container is stopped and started again."""
        pod, now_s = self._store.get(POD, *place), self._loop.time()
        name, probe = pod["spec"]["containers"][index]["name"], message.partition(" ")[0].lower()
        self._tell(pod, "Unhealthy", message, "Warning")
        self._tell(pod, "Killing", f"Container {name} failed {probe} probe, will be restarted")
        if stop := run.runtime.stop(index, now_s, run.life.grace_s):
            self._at(place, run, now_s + stop.exit_s, self._exit, index, stop.exit_code, slot=index)

    def _exit(
        self, place: Place, run: Run, index: int, code: int, *, reason: str = "", message: str = "", waits_as: str = ""
    ) -> None:
        """A container has ended, by itself, by a probe or with its pod. While the pod stays it comes back, later and later."""
        pod, before = self._store.get(POD, *place), run.containers[index]
        name = pod["spec"]["containers"][index]["name"]
        is_over = ended(pod, name, before, code, self._now(), reason=reason, message=message)
        run.containers[index] = replace(before, state=is_over, is_ready=False, is_started=False)
        if run.stage == "stopping":
            if not any(run.containers[each].is_running for each in run.runtime.acts):
                now_s = self._loop.time()
                self._at(place, run, now_s + REPORTED_S + CROWDED_STOP_S * run.crowd, self._stopped, 0, now_s)
            return
        policy = get(pod, "spec", "restartPolicy", default="Always")
        ran_s = self._loop.time() - run.started_s[index]
        run.failures[index] = 1 if ran_s >= CALM_S else run.failures[index] + 1
        if policy == "Never" or (policy == "OnFailure" and not code):
            self._over(place, run, is_over)
            return
        if run.failures[index] == 1 and not waits_as:
            self._write(place, run)
            self._at(place, run, self._loop.time() + RESTART_S, self._start, index, slot=index)
            return
        run.containers[index] = replace(run.containers[index], last=is_over)
        wait_s = back_off_s(max(run.failures[index] - 1, 1))
        self._at(place, run, self._loop.time() + wait_s, self._start, index, slot=index)
        where = f"{place[1]}_{place[0]}({run.uid})"
        if run.failures[index] == 1:
            self._wait(place, run, index, waits_as, message)
            return
        back_off = f"back-off {go_duration(wait_s)} restarting failed container={name} pod={where}"
        self._wait(place, run, index, "CrashLoopBackOff", back_off)
        self._tell(pod, "BackOff", f"Back-off restarting failed container {name} in pod {where}", "Warning")

    def _over(self, place: Place, run: Run, state: Obj) -> None:
        """A container ended for good. Once all have that act, those that follow them end as well, and the pod is done."""
        if not any(run.containers[each].is_running or run.next_.get(each) for each in run.runtime.acts):
            follower = replace(run.containers[0], state=state, is_ready=False, is_started=False)
            run.containers = [each if "terminated" in each.state else follower for each in run.containers]
            self._write(place, run)
            self._drop(place)
            return
        self._write(place, run)

    # the end

    def _end(self, place: Place, run: Run, pod: Obj, grace_s: int) -> None:
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
        run.next_.clear()  # nothing starts again
        if not run.is_running:
            self._stage(run, "stopping")
            self._at(place, run, run.deleted_s + NEVER_RAN_S, self._gone)
            return
        run.crowd = min(self._stages["stopping"] - (run.stage == "stopping"), CROWD)
        self._stage(run, "stopping")
        if stop := run.runtime.stop(None, run.deleted_s, float(grace_s)):
            exit_s = max(run.deleted_s + stop.exit_s, now_s)
            told_s = exit_s + self._spread.stop_s(REPORTED_S + CROWDED_STOP_S * run.crowd)
            self._at(place, run, told_s, self._stopped, stop.exit_code, exit_s)

    def _stopped(self, place: Place, run: Run, code: int, exit_s: float) -> None:
        """All have ended; those whose own end is not known yet with this code."""
        pod = self._store.get(POD, *place)
        at = self._now() - timedelta(seconds=self._loop.time() - exit_s)
        for index, (spec, each) in enumerate(zip(pod["spec"]["containers"], run.containers, strict=True)):
            state = each.state if "terminated" in each.state else ended(pod, spec["name"], each, code, at)
            run.containers[index] = replace(each, state=state, is_ready=False, is_started=False)
        self._write(place, run)
        self._at(place, run, exit_s + self._spread.gone_s(), self._gone)

    def _gone(self, place: Place, run: Run) -> None:
        self._drop(place)
        delete(self._store, POD, *place, now=self._now(), grace_s=0, uid=run.uid)

    # bookkeeping

    def _write(self, place: Place, run: Run, *, address: str = "") -> None:
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

    def _at(self, place: Place, run: Run, when_s: float, do: Callable[..., None], *args: object, slot: int = 0) -> None:
        """What happens to the container next, instead of anything that was to happen."""
        run.next_[slot] = self._agenda.add(when_s, self._step, place, run, slot, do, args)

    def _step(self, number: int, place: Place, run: Run, slot: int, do: Callable[..., None], args: tuple[object, ...]) -> None:
        # Deleted a moment ago, and not looked at since: the queue's turn comes first.
        if run.next_.get(slot) == number and self._is_current(place, run):
            del run.next_[slot]
            self._queue.guarded(do, place, run, *args)

    def _is_current(self, place: Place, run: Run) -> bool:
        return self._runs.get(place) is run and self._store.find(POD, *place) is not None

    def _stage(self, run: Run, stage: Literal["creating", "running", "stopping"]) -> None:
        self._stages[run.stage] -= 1
        self._stages[stage] += 1
        run.stage = stage

    def _drop(self, place: Place) -> None:
        run = self._runs.pop(place)
        self._binder.forget(place)
        self._stages[run.stage] -= 1
        run.next_.clear()
        run.runtime.abandon()
