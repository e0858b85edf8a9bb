"""The node of the embedded cluster: schedules pods and walks each through its life, on the event loop's time.

What happens to containers, and when, is their runtime's (sandbox.node.runtime): computed beforehand, or told as it happens. What
is written is `podstatus`'s; what is under way, `podworkers` keep. State that matters is in the pods' statuses, so a new kubelet
takes the pods up where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import chain

from ...kube.clock import parse_timestamp
from ...kube.objects import POD, Obj, get
from ..api.deletion import delete
from ..controllers.engine import Queue
from ..controllers.index import is_terminal
from ..store.store import Change, Store
from .asking import Asking, question
from .behaviour import READY_S, REPORTED_S, SANDBOX_S, Moment, life_of
from .binding import Binder
from .ephemeral import Ephemerals, to_start
from .node import Addresses, missing_config, no_such_image
from .nodes import ensure
from .podrun import BACK_OFF_S, Run, back_off_s, go_duration, mount_back_off_s
from .podstatus import containers_of, ended
from .podworkers import PodWorkers
from .references import has_references, unmounted
from .runtime import CannotStart, Modelled, Node, Runtime, chosen
from .scheduler import Place
from .spread import Even

CROWDED_START_S, CROWDED_STOP_S, CROWD = 0.1, 0.08, 2  # starting and stopping several at once takes longer
RESTART_S = 1.0  # the first restart follows at the node's next look
CALM_S = 600
NEVER_RAN_S = 0.5  # to end a pod whose container never ran
START_ERROR, LOST = 128, 255  # exit codes of containers that did not start, and of those that ended while no node looked


class Kubelet(PodWorkers):
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
        super().__init__(store, queue, now)
        self._processes, self._spread = processes, spread or Even()
        self._addresses = Addresses(store, processes.addresses_from if processes is not None else 1)
        ensure(store, now())
        self._presumes = presumes
        self._binder = Binder(store, now, presumes=presumes)
        self._beside = Ephemerals(store, now)

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
        if pod["spec"].get("ephemeralContainers") and to_start(pod):
            return True
        meta = pod["metadata"]
        return "deletionTimestamp" in meta and meta.get("deletionGracePeriodSeconds") != run.grace_s

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
            run = Run(pod["metadata"]["uid"], life_of(pod), containers_of(pod))
            self._add(place, run)
            run.runtime = self._runtime(place, run, pod)
            self._take_up(place, run, pod)
        grace_s = pod["metadata"].get("deletionGracePeriodSeconds")
        if "deletionTimestamp" in pod["metadata"] and grace_s != run.grace_s:
            self._end(place, run, pod, int(grace_s or 0))
        elif run.stage == "running":
            if get(pod, "spec", "readinessGates"):
                self._write(place, run)
            if pod["spec"].get("ephemeralContainers"):
                self._beside.start(*place, run.uid, run.runtime)

    # the beginning

    def _runtime(self, place: Place, run: Run, pod: Obj) -> Runtime:
        """What the pod's containers run by. One that has been modelled stays so."""
        asked = question(self._store, pod) if self._processes is not None else None
        choice = chosen(pod, self._processes, asked.service["metadata"]["name"] if asked is not None else "")
        if not get(pod, "status", "containerStatuses") and choice.reason:
            self._tell(pod, choice.reason, choice.message, "Warning" if choice.is_warning else "Normal")
        if choice.kind == "model" or self._processes is None or self._addresses.is_modelled(pod):
            phase_s = self._spread.phase_s
            return Modelled(run.life, phase_s) if asked is None else Asking(run.life, phase_s, self._store, asked)

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
        cause = no_such_image(image)
        run.failures[0] += 1
        self._wait(place, run, 0, "ErrImagePull", cause)
        self._tell(pod, "Failed", f'Failed to pull image "{image}": {cause}', "Warning", container=0)
        self._tell(pod, "Failed", "Error: ErrImagePull", "Warning", container=0)
        self._at(place, run, self._loop.time() + RESTART_S, self._pull_waits, cause)

    def _pull_waits(self, place: Place, run: Run, cause: str) -> None:
        pod = self._store.get(POD, *place)
        message = f'Back-off pulling image "{pod["spec"]["containers"][0].get("image", "")}"'
        self._wait(place, run, 0, "ImagePullBackOff", f"{message}: ErrImagePull: {cause}")
        self._tell(pod, "BackOff", message, container=0)
        self._tell(pod, "Failed", "Error: ImagePullBackOff", "Warning", container=0)
        wait_s = back_off_s(run.failures[0]) - RESTART_S + run.life.behaviour.pull_s
        self._at(place, run, self._loop.time() + wait_s, self._pull_failed)

    def _config_failed(self, place: Place, run: Run) -> None:
        pod = self._store.get(POD, *place)
        message = f"{missing_config(self._store, pod)} not found"
        self._wait(place, run, 0, "CreateContainerConfigError", message)
        self._tell(pod, "Failed", f"Error: {message}", "Warning", container=0)

    def _wait(self, place: Place, run: Run, index: int, reason: str, message: str) -> None:
        run.wait(index, reason, message, self._now())
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
        pod = self._store.get(POD, *place)
        unstarted = run.start(index, self._now(), has_startup=bool(pod["spec"]["containers"][index].get("startupProbe")))
        try:
            self._check_references(run, pod, index)
            known = run.runtime.start(pod, index, unstarted.restarts, self._loop.time())
        except CannotStart as error:
            run.containers[index] = unstarted
            self._not_started(place, run, index, error)
            return
        known = self._ready_at_once(run, index, known)
        self._write(place, run, address=self._addresses.of(pod, is_modelled=run.runtime.outlives_node))
        self._tell(pod, "Started", f"Container started: {pod['spec']['containers'][index]['name']}", container=index)
        run.started_s[index] = self._loop.time()
        self._follow(place, run, index, known)

    def _ready_at_once(self, run: Run, index: int, known: Iterator[Moment]) -> Iterator[Moment]:
        """Who has no probe is ready in the first status that says that it runs. (kubelet: prober_manager.UpdatePodStatus)"""
        first = next(known, None)
        if first is None:
            return known
        if first.what != "ready" or first.at_s > self._loop.time() + READY_S:
            return chain((first,), known)
        run.set_ready(index, is_ready=True)
        return known

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
        self._tell(pod, "Failed", f"Error: {error.message}", "Warning", container=index)
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
                run.containers[index] = run.containers[index]._replace(is_started=True)
                self._write(place, run)
            case "ready" | "unready":
                run.set_ready(index, is_ready=moment.what == "ready")
                self._write(place, run)
            case "unhealthy":
                self._tell(self._store.get(POD, *place), "Unhealthy", moment.message, "Warning", container=index)
            case "killed":
                self._kill(place, run, index, moment.message)
                return
            case "exits":
                self._exit(place, run, index, moment.code, message=moment.message)
                return
        self._next(place, run, index)

    def _kill(self, place: Place, run: Run, index: int, message: str) -> None:
        """A startup or liveness probe failed too often: the container is stopped and started again."""
        pod, now_s = self._store.get(POD, *place), self._loop.time()
        name, probe = pod["spec"]["containers"][index]["name"], message.partition(" ")[0].lower()
        self._tell(pod, "Unhealthy", message, "Warning", container=index)
        self._tell(pod, "Killing", f"Container {name} failed {probe} probe, will be restarted", container=index)
        if stop := run.runtime.stop(index, now_s, run.life.grace_s):
            self._at(place, run, now_s + stop.exit_s, self._exit, index, stop.exit_code, slot=index)

    def _exit(
        self, place: Place, run: Run, index: int, code: int, *, reason: str = "", message: str = "", waits_as: str = ""
    ) -> None:
        """A container has ended, by itself, by a probe or with its pod. While the pod stays it comes back, later and later."""
        pod, before = self._store.get(POD, *place), run.containers[index]
        name = pod["spec"]["containers"][index]["name"]
        is_over = ended(pod, name, before, code, self._now(), reason=reason, message=message)
        run.end(index, is_over)
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
        run.containers[index] = run.containers[index]._replace(last=is_over)
        wait_s = back_off_s(max(run.failures[index] - 1, 1))
        self._at(place, run, self._loop.time() + wait_s, self._start, index, slot=index)
        where = f"{place[1]}_{place[0]}({run.uid})"
        if run.failures[index] == 1:
            self._wait(place, run, index, waits_as, message)
            return
        back_off = f"back-off {go_duration(wait_s)} restarting failed container={name} pod={where}"
        self._wait(place, run, index, "CrashLoopBackOff", back_off)
        self._tell(pod, "BackOff", f"Back-off restarting failed container {name} in pod {where}", "Warning", container=index)

    def _over(self, place: Place, run: Run, state: Obj) -> None:
        """A container ended for good. Once all have that act, those that follow them end as well, and the pod is done."""
        if not any(run.containers[each].is_running or run.next_.get(each) for each in run.runtime.acts):
            run.end_followers(state)
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
            for index, spec in enumerate(pod["spec"]["containers"]):
                self._tell(pod, "Killing", f"Stopping container {spec['name']}", container=index)
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
            run.end(index, each.state if each.is_over else ended(pod, spec["name"], each, code, at))
        self._write(place, run)
        self._at(place, run, exit_s + self._spread.gone_s(), self._gone)

    def _gone(self, place: Place, run: Run) -> None:
        self._drop(place)
        delete(self._store, POD, *place, now=self._now(), grace_s=0, uid=run.uid)

    def _drop(self, place: Place) -> None:
        self._binder.forget(place)
        self._remove(place)
