"""The work queue of the controllers: keys to look at, once each, in a fixed order, on the event loop.

Level-triggered, as in Kubernetes: a change of the store makes controllers put keys into the queue, and a sync looks at what
is there then. There is no polling and no task: the queue asks the loop to be called when it gets its first key. Controllers
that stand first are always served first, so a run is the same every time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ...kube.objects import Kind
from ..store.store import Change, Store
from .index import everything

BATCH = 200  # keys handled before other callbacks of the loop get their turn


def _nothing() -> None:
    pass


Key = tuple[str, str, str]  # (controller, namespace, name)


class Controller(Protocol):
    @property
    def name(self) -> str: ...

    def note(self, change: Change) -> None:
        """Puts keys into the queue. Never writes."""
        ...

    def sync(self, namespace: str, name: str) -> None:
        """Brings the cluster nearer to what the object wants. An object that is gone is no error."""
        ...


_log = logging.getLogger(__name__)


class Queue:
    """Keys that wait, by controller. `start` binds it to the running loop; before that keys are only collected.

    `lag` says how many seconds a controller takes to hear of a change; without it they hear at once. `outlives` errors of
    controllers, which are logged: whoever has a cluster in the background loses one object's turn, and not the cluster.
    """

    def __init__(self, store: Store, lag: Callable[[str], float] | None = None, *, outlives: bool = False) -> None:
        self._store, self._lag, self._outlives = store, lag, outlives
        self._late: set[Key] = set()  # on their way to a controller
        self._controllers: dict[str, Controller] = {}
        self._asleep: Mapping[Kind, Sequence[str]] = {}
        self._noting: list[Callable[[Change], None]] = []
        self._waiting: dict[str, dict[Key, None]] = {}  # dicts as ordered sets
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._called = False
        self._unsubscribe: Callable[[], None] = _nothing
        self._failure: Exception | None = None
        self._idle: list[asyncio.Future[None]] = []

    def start(self, controllers: Sequence[Controller], asleep: Mapping[Kind, Sequence[str]] | None = None) -> None:
        """Begins with everything that the store holds already, as a controller does after its restart. Those that are `asleep`
        hear of nothing until the first change of their kind: most clusters here never see one."""
        self._loop = asyncio.get_running_loop()
        self._controllers = {controller.name: controller for controller in controllers}
        self._asleep = dict(asleep or {})
        self._listen()
        self._waiting = {name: {} for name in self._controllers}
        self._unsubscribe = self._store.subscribe(self._note)
        for kind, obj in everything(self._store):
            self._note(Change(0, "ADDED", kind, obj, None))

    def stop(self) -> None:
        self._unsubscribe()
        self._unsubscribe = _nothing
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._late.clear()
        self._waiting = {name: {} for name in self._controllers}
        self._loop = None
        self._release()

    def add(self, controller: str, namespace: str, name: str) -> None:
        if controller not in self._waiting:
            return
        key = (controller, namespace, name)
        lag_s = self._lag(controller) if self._lag is not None and key not in self._late else 0.0
        if lag_s and self._loop is not None:
            self._late.add(key)
            self._loop.call_later(lag_s, self._arrive, key)
        elif key not in self._late:
            self._waiting[controller][key] = None
            self._wake()

    def after(self, seconds: float, controller: str, namespace: str, name: str) -> None:
        """Adds the key later. A key has one timer: the newest."""
        key = (controller, namespace, name)
        self.forget(controller, namespace, name)
        if self._loop is not None:
            self._timers[key] = self._loop.call_later(max(seconds, 0.0), self._due, key)

    def forget(self, controller: str, namespace: str, name: str) -> None:
        if timer := self._timers.pop((controller, namespace, name), None):
            timer.cancel()

    async def settle(self) -> None:
        """Until nothing is left to do at this moment. Raises what a controller raised."""
        while any(self._waiting.values()) and self._loop is not None and self._failure is None:
            future = self._loop.create_future()
            self._idle.append(future)
            await future
        self.check()

    def check(self) -> None:
        """Raises the first error of a controller, which stopped the queue."""
        if self._failure is not None:
            raise self._failure

    # inside

    def _listen(self) -> None:
        asleep = {name for names in self._asleep.values() for name in names}
        self._noting = [controller.note for name, controller in self._controllers.items() if name not in asleep]

    def _note(self, change: Change) -> None:
        if change.kind in self._asleep:
            awake = self._asleep[change.kind]
            still = {kind: [name for name in names if name not in awake] for kind, names in self._asleep.items()}
            self._asleep = {kind: names for kind, names in still.items() if names}
            self._listen()
        for note in self._noting:
            note(change)

    def _arrive(self, key: Key) -> None:
        if key in self._late:
            self._late.discard(key)
            self._waiting[key[0]][key] = None
            self._wake()

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self.add(*key)

    def _wake(self) -> None:
        if self._loop is not None and not self._called and self._failure is None:
            self._called = True
            self._loop.call_soon(self._pump)

    def guarded(self, call: Callable[..., None], *args: object) -> None:
        """Calls. Without one of its controllers the cluster would behave by half: an error stops it, for who waits to see."""
        try:
            call(*args)
        except Exception as error:
            if self._outlives:
                _log.exception("a controller failed at %s", ", ".join(map(str, args)))
                return
            self._failure = self._failure or error
            self._release()
            raise

    def _pump(self) -> None:
        self._called = False
        for _ in range(BATCH):
            key = self._next()
            if key is None:
                break
            self.guarded(self._controllers[key[0]].sync, key[1], key[2])
        if any(self._waiting.values()):
            self._wake()
        else:
            self._release()

    def _next(self) -> Key | None:
        for waiting in self._waiting.values():
            if waiting:
                key = next(iter(waiting))
                del waiting[key]
                return key
        return None

    def _release(self) -> None:
        idle, self._idle = self._idle, []
        for future in idle:
            if not future.done():
                future.set_result(None)
