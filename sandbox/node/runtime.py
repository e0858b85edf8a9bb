"""What makes a pod's containers run: the seam between the kubelet, which writes down what happens, and what makes it happen.

Two kinds: `Modelled` computes beforehand what a pod's annotations and probes lead to, on any clock; processes
(sandbox.node.processes.pod) are programs of this machine, on the wall clock. Which one a pod gets is `chosen`.

    sandbox.rollway.dev/runtime: process     or model

Without the annotation a pod is a process if its first container has a `command` that this machine has, in a sandbox that runs
processes: the daemon at its real pace, unless it was told not to (`--no-processes`). What only asks for a Service of
modelled pods is modelled, too (sandbox.node.asking). In virtual time all pods are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from ...kube.objects import Obj, annotations_of, get
from .behaviour import Life, Moment, Stop, moments, stop_of

RUNTIME = "sandbox.rollway.dev/runtime"


class CannotStart(Exception):
    """The container does not come to run. `reason` and `message` are those of its state.

    `is_over`: it counts as a start that failed, with an exit code; otherwise it is tried again as it is.
    """

    def __init__(self, reason: str, message: str, *, is_over: bool) -> None:
        super().__init__(message)
        self.reason, self.message, self.is_over = reason, message, is_over


class Runtime(Protocol):
    """One pod's containers. What is not known beforehand is told later, by a callback that the runtime was made with."""

    @property
    def acts(self) -> Sequence[int]:
        """The containers with a life of their own. The others run, and are ready, as soon as a first one runs."""
        ...

    @property
    def outlives_node(self) -> bool:
        """Whether containers still run when the node comes back. What does not has ended, nobody knows how."""
        ...

    def start(self, pod: Obj, index: int, restarts: int, started_s: float) -> Iterator[Moment]:
        """A container starts, or has started at that moment. Answers what is known to happen. Raises CannotStart."""
        ...

    def start_beside(self, pod: Obj, spec: Obj, over: Callable[[int], None]) -> None:
        """An ephemeral container starts; `over` is told its exit code, if it ever ends. Raises CannotStart."""
        ...

    def stop(self, index: int | None, since_s: float, grace_s: float) -> Stop | None:
        """One container or all have to end; again with less grace. Answers how, if that is known, relative to `since_s`."""
        ...

    def abandon(self) -> None:
        """The pod is looked after no more: nothing of it may stay."""
        ...


class Modelled:
    """Containers that are computed. The first one acts for all."""

    acts = (0,)
    outlives_node = True

    def __init__(self, life: Life, phase_s: float) -> None:
        self._life, self._phase_s = life, phase_s

    def start(self, pod: Obj, index: int, restarts: int, started_s: float) -> Iterator[Moment]:
        return moments(self._life, started_s, self._phase_s)

    def start_beside(self, pod: Obj, spec: Obj, over: Callable[[int], None]) -> None:
        pass

    def stop(self, index: int | None, since_s: float, grace_s: float) -> Stop | None:
        return stop_of(self._life, grace_s)

    def abandon(self) -> None:
        pass


Hears = Callable[[int, Moment], None]
"""Is told what happens to which container."""
Notes = Callable[[str, str], None]
"""Is told a warning about the pod: the Event's reason and message."""


class Node(Protocol):
    """What runs processes, where there is such a thing. (sandbox.node.processes.node)"""

    @property
    def unable(self) -> str:
        """Why this machine cannot run pods as processes; empty where it can."""
        ...

    @property
    def addresses_from(self) -> int:
        """The number after which the addresses of processes begin."""
        ...

    def has_program(self, command: str) -> bool: ...

    def runtime(self, pod: Obj, hears: Hears, notes: Notes) -> Runtime: ...

    def pod_gone(self, uid: str) -> None:
        """Nothing of it needs to be kept."""
        ...


class Choice(NamedTuple):
    kind: Literal["model", "process"]
    reason: str = ""  # of an Event about a choice that may not be what was meant
    message: str = ""
    is_warning: bool = False


def chosen(pod: Obj, node: Node | None, asks: str = "") -> Choice:
    """Which kind of runtime a new pod gets, and what is to be said about it.

    `asks`: the Service that all it does is to ask for, behind which no process answers. (sandbox.node.asking)
    """
    asked = annotations_of(pod).get(RUNTIME, "")
    if asked not in ("", "process", "model"):
        known = f"{RUNTIME}: {asked!r} is neither process nor model; the annotation is ignored"
        return Choice(chosen(_without_choice(pod), node, asks).kind, "RuntimeIgnored", known, is_warning=True)
    command = get(pod, "spec", "containers", default=[{}])[0].get("command") or []
    if asked == "model" or node is None or not (asked or command):
        return Choice("model")
    if node.unable:
        return Choice("model", "Modelled", f"the pod is modelled, not run: {node.unable}", is_warning=bool(asked))
    if not asked and asks:
        why = f"it asks for Service {asks}, and no process is behind it"
        return Choice("model", "Modelled", f"the pod is modelled, not run: {why}")
    if not asked and not node.has_program(str(command[0])):
        why = f"this machine has no program {command[0]}; to insist: the annotation {RUNTIME}: process"
        return Choice("model", "Modelled", f"the pod is modelled, not run: {why}")
    return Choice("process")


def _without_choice(pod: Obj) -> Obj:
    annotations = {key: value for key, value in annotations_of(pod).items() if key != RUNTIME}
    return pod | {"metadata": pod["metadata"] | {"annotations": annotations}}
