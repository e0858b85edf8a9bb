"""A cloud load balancer in front of Ingresses, as the AWS load balancer controller runs it: with targets that are pods.

A target group has the pods behind one port of a Service. A pod is registered once its containers are ready, and takes requests
after the lag and its first good health; one that leaves takes requests for a lag's time still. In namespaces labelled for it,
new pods get a readiness gate, which is met when they take requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Literal

from ...kube.clock import timestamp
from ...kube.objects import ENDPOINT_SLICE, INGRESS, NAMESPACE, POD, SERVICE, Obj, digest, get, labels_of, selects
from ..controllers.engine import Queue
from ..controllers.index import condition_of
from ..durations import Lag
from ..store.store import Change, Store
from .endpoints import Endpoint, Place, slice_of
from .ingress import backends
from .model import Target

INJECT_LABEL = "elbv2.k8s.aws/pod-readiness-gate-inject"
GATE_PREFIX = "target-health.elbv2.k8s.aws/"
CHECK_AGAIN_S = 1.0
CHECK_WITHIN_S = 1.0

Reach = Callable[[Target], Awaitable[bool]]
Group = tuple[str, str, str]  # (namespace, service, name of the port)


def gate_of(group: Group) -> str:
    """The condition type: its second part is what the controller would call the group."""
    namespace, service, _ = group
    short = "-".join("".join(sign for sign in part if sign.isalnum())[:8] for part in (namespace, service))
    return f"{GATE_PREFIX}k8s-{short}-{digest(group)[:10]}"


def groups(ingresses: Iterable[Obj], services: Callable[[Place], Obj | None]) -> list[Group]:
    """The ports of Services that Ingresses refer to, each once."""
    found: dict[Group, None] = {}
    for backend in (each for ingress in ingresses for each in backends(ingress)):
        for port in get(services(backend.service), "spec", "ports", default=()):
            if backend.port in (port["port"], port.get("name") or None):
                found[(*backend.service, port.get("name", ""))] = None
    return list(found)


def with_gates(store: Store, pod: Obj) -> Obj:
    """A new pod as the admission webhook lets it in: with a gate for each group it will be in, if its namespace asks for it."""
    namespace = pod["metadata"]["namespace"]
    if labels_of(store.find(NAMESPACE, "", namespace) or {}).get(INJECT_LABEL) != "enabled":
        return pod
    known = groups(store.list(INGRESS, namespace), lambda place: store.find(SERVICE, *place))
    labels = labels_of(pod)
    types = [gate_of(each) for each in known if selects(get(store.find(SERVICE, *each[:2]), "spec", "selector"), labels)]
    given = [gate["conditionType"] for gate in get(pod, "spec", "readinessGates", default=())]
    gates = [{"conditionType": each} for each in (*given, *(each for each in types if each not in given))]
    return pod | {"spec": pod["spec"] | {"readinessGates": gates}} if gates else pod


async def connects(target: Target) -> bool:
    """Whether something listens there."""
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            _, writer = await asyncio.open_connection(target.address, target.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


@dataclass
class _Member:
    """A registered pod. `until_s`: when the lag of its state is over. `is_checked`: the answer of a health check is awaited."""

    pod: str
    is_modelled: bool
    state: Literal["initial", "unhealthy", "healthy", "draining"]
    until_s: float
    is_checked: bool = False


@dataclass
class _Known:
    members: dict[Target, _Member] = field(default_factory=dict)


class LoadBalancerController:
    name = "loadbalancer"

    def __init__(
        self,
        store: Store,
        queue: Queue,
        now: Callable[[], datetime],
        random: Random,
        lag: Lag,
        reach: Reach = connects,
    ) -> None:
        self._store, self._queue, self._now, self._random, self._reach = store, queue, now, random, reach
        self.lag = lag
        self.leave_lag: Lag | None = None  # as the other one
        self.changed: Callable[[Place], None] = lambda _: None
        self._loop = asyncio.get_running_loop()
        self._groups: dict[Group, _Known] = {}
        self._checks: set[asyncio.Task[None]] = set()
        # What served before this controller began has been registered for long.
        self._settled = set(groups(store.list(INGRESS), self._service))

    def stop(self) -> None:
        for task in self._checks:
            task.cancel()

    def targets(self, group: Group) -> tuple[Target, ...]:
        """Those that get requests. Where none is healthy, all that are registered do, as with AWS."""
        members = self._groups[group].members if group in self._groups else {}
        serving = [target for target, each in members.items() if each.state in ("healthy", "draining")]
        serving = serving or [target for target, each in members.items() if each.state == "unhealthy"]
        return tuple(sorted(target for target in serving if not members[target].is_modelled))

    def note(self, change: Change) -> None:
        namespace, name = change.obj["metadata"].get("namespace", ""), change.obj["metadata"]["name"]
        if change.kind.is_a(INGRESS):
            for each in (change.obj, change.before):
                for backend in backends(each) if each else ():
                    self._queue.add(self.name, *backend.service)
        elif change.kind.is_a(SERVICE):
            self._queue.add(self.name, namespace, name)
        elif change.kind.is_a(ENDPOINT_SLICE):
            if service := _service_of(change.obj):
                self._queue.add(self.name, *service)
        elif change.kind.is_a(POD) and get(change.obj, "spec", "readinessGates"):
            for group in self._groups:
                if group[0] == namespace and any(each.get("conditionType") == gate_of(group) for each in _gates(change.obj)):
                    self._queue.add(self.name, group[0], group[1])

    def sync(self, namespace: str, name: str) -> None:
        place, now_s = (namespace, name), self._loop.time()
        wanted = [each for each in groups(self._store.list(INGRESS, namespace), self._service) if each[:2] == place]
        for group in [each for each in self._groups if each[:2] == place and each not in wanted]:
            del self._groups[group]
        for group in wanted:
            known = self._groups.setdefault(group, _Known())
            self._register(group, known, now_s)
            self._advance(group, known, now_s)
        self._settled -= set(wanted)
        due = [
            each.until_s
            for group in wanted
            for each in self._groups[group].members.values()
            if each.state != "healthy" and not each.is_checked
        ]
        if due:
            self._queue.after(min(due) - now_s, self.name, namespace, name)
        self.changed(place)

    # inside

    def _register(self, group: Group, known: _Known, now_s: float) -> None:
        """Takes in who is there, and lets those go who are not any more."""
        present = self._present(group)
        for target, endpoint in present.items():
            member = known.members.get(target)
            if member is None or member.pod != endpoint.pod:
                until_s = now_s + self.lag.draw_s(self._random)
                known.members[target] = _Member(endpoint.pod, endpoint.is_modelled, "initial", until_s)
                if group in self._settled and endpoint.is_ready:
                    known.members[target].state = "healthy"
            elif member.state == "draining":
                member.state = "healthy"
        for target in [target for target in known.members if target not in present]:
            member = known.members[target]
            if member.state == "initial":
                del known.members[target]
            elif member.state != "draining":
                member.state, member.until_s = "draining", now_s + (self.leave_lag or self.lag).draw_s(self._random)

    def _advance(self, group: Group, known: _Known, now_s: float) -> None:
        """What is due happens: first health checks, and the end of draining."""
        for target, member in list(known.members.items()):
            is_due = member.until_s <= now_s
            if member.state == "draining" and is_due:
                del known.members[target]
            elif member.state in ("initial", "unhealthy") and is_due and not member.is_checked:
                member.state = "healthy" if member.is_modelled else "unhealthy"
                if not member.is_modelled:
                    self._check(group, target, member)
            self._tell(group, member)

    def _check(self, group: Group, target: Target, member: _Member) -> None:
        async def checked() -> None:
            is_healthy = await self._reach(target)
            member.is_checked = False
            if member.state == "unhealthy":
                member.state = "healthy" if is_healthy else "unhealthy"
                member.until_s = self._loop.time() + CHECK_AGAIN_S
            self._queue.add(self.name, group[0], group[1])

        member.is_checked = True
        task = self._loop.create_task(checked())
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    def _tell(self, group: Group, member: _Member) -> None:
        """Writes the pod's condition, if it has the gate."""
        pod, type_ = self._store.find(POD, group[0], member.pod), gate_of(group)
        if pod is None or member.state == "draining" or type_ not in {gate["conditionType"] for gate in _gates(pod)}:
            return
        condition: Obj = {"type": type_, "status": "True"}
        if member.state == "initial":
            reason = {"reason": "Elb.RegistrationInProgress", "message": "Target registration is in progress"}
            condition = {"type": type_, "status": "False"} | reason
        elif member.state == "unhealthy":
            reason = {"reason": "Target.FailedHealthChecks", "message": "Health checks failed"}
            condition = {"type": type_, "status": "False"} | reason
        live = condition_of(pod, type_) or {}
        if {key: live.get(key) for key in ("status", "reason")} == {key: condition.get(key) for key in ("status", "reason")}:
            return
        is_same = live.get("status") == condition["status"]
        condition["lastTransitionTime"] = live["lastTransitionTime"] if is_same else timestamp(self._now())
        others = [each for each in get(pod, "status", "conditions", default=()) if each["type"] != type_]
        self._store.update(POD, pod | {"status": pod.get("status", {}) | {"conditions": [condition, *others]}})

    def _present(self, group: Group) -> dict[Target, Endpoint]:
        """The pods that should be registered: ready, or kept from it by readiness gates alone."""
        found: dict[Target, Endpoint] = {}
        for obj in self._store.list(ENDPOINT_SLICE, group[0]):
            known = slice_of(obj, lambda *_: {})
            if known is not None and known.service == group[:2] and (port := known.ports.get(group[2])):
                for endpoint in known.endpoints:
                    if endpoint.is_ready or self._waits_for_gates(group, endpoint):
                        found[Target(endpoint.address, port)] = endpoint
        return found

    def _waits_for_gates(self, group: Group, endpoint: Endpoint) -> bool:
        pod = self._store.find(POD, group[0], endpoint.pod)
        if pod is None or endpoint.is_terminating or gate_of(group) not in {gate["conditionType"] for gate in _gates(pod)}:
            return False
        return (condition_of(pod, "ContainersReady") or {}).get("status") == "True"

    def _service(self, place: Place) -> Obj | None:
        return self._store.find(SERVICE, *place)


def _gates(pod: Obj) -> list[Obj]:
    return list(get(pod, "spec", "readinessGates", default=()))


def _service_of(obj: Obj) -> Place | None:
    known = slice_of(obj, lambda *_: {})
    return known.service if known is not None else None
