"""Clusters that go wrong half-way: the user dies, is stopped, or one call of many fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from rollway.errors import Conflict, Unreachable

WRITES = frozenset({"apply", "create", "delete", "patch", "replace"})


class Killed(BaseException):
    """What a SIGKILL looks like from inside: nothing may catch it, and nothing done after it reaches the cluster."""


class Counted(NamedTuple):
    """How many calls and, of these, writes a run has done, and the numbers of the calls that it is worth dying after: where it
    has only read since the call before, at the same moment, a death leaves the same cluster, and the same comes of it. And of
    those that it is worth failing at: of several that one line of one call of a function asks so, as of a list, the first."""

    calls: int
    writes: int
    deaths: tuple[int, ...]
    faults: tuple[int, ...]


class Mortal:
    """Passes calls on, and dies once `lives` of them are done. `calls` counts them."""

    def __init__(self, cluster: Any, lives: int | None = None) -> None:
        self._cluster = cluster
        self._lives = lives
        self._begun = self._writes = 0
        self._left = (-1, 0, 0.0)
        self._deaths: list[int] = []
        self._asked: list[tuple[Any, ...]] = []
        self.calls = 0

    @property
    def counted(self) -> Counted:
        faults = (at + 1 for at, asked in enumerate(self._asked) if not at or asked != self._asked[at - 1])
        return Counted(self.calls, self._writes, tuple(self._deaths), tuple(faults))

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._cluster, name)
        is_write = name in WRITES
        asks = sys._getframe(1)
        line = asks.f_lasti

        async def passed_on(*args: Any, **kwargs: Any) -> Any:
            self._check()
            self._asked.append((asks, line, self._begun, self._writes, asyncio.get_running_loop().time(), is_write))
            self._begun += is_write
            answer = await call(*args, **kwargs)
            self._writes += is_write
            self._count()
            return answer

        return passed_on

    async def watch(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        self._check()
        self._asked.append((object(),))  # each for itself
        self._begun += 1  # whoever follows dies by itself, and is missed by the others later only
        self._count()
        async for event in self._cluster.watch(*args, **kwargs):
            yield event

    def _check(self) -> None:
        if self._lives is not None and self.calls >= self._lives:
            raise Killed

    def _count(self) -> None:
        self.calls += 1
        left = self._begun, self._writes, asyncio.get_running_loop().time()
        if left != self._left:
            self._deaths.append(self.calls)
        self._left = left
        self._check()


class Faulty:
    """Passes calls on, but for one: that is `refused`, or as a write meets a `conflict` before it is done or has its answer
    `dropped`. (Nobody who reads meets a conflict, and where the answer is lost a read is refused.) `calls` counts those that may
    be the one."""

    def __init__(self, cluster: Any, at: int, fault: str) -> None:
        self._cluster = cluster
        self._at = at
        self._fault = fault
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._cluster, name)

        async def passed_on(*args: Any, **kwargs: Any) -> Any:
            is_hit = (name in WRITES or self._fault == "refused") and self._is_hit()
            if is_hit and self._fault == "refused":
                raise Unreachable("the API server answered 503 to the last of 5 attempts")
            if is_hit and self._fault == "conflict":
                raise Conflict(
                    409, "Conflict", "the object has been modified; please apply your changes to the latest version", {}
                )
            answer = await call(*args, **kwargs)
            if is_hit:
                raise Unreachable("the connection was closed before the answer came")
            return answer

        return passed_on

    async def watch(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        if self._fault == "refused" and self._is_hit():
            raise Unreachable("the API server does not answer")
        async for event in self._cluster.watch(*args, **kwargs):
            yield event

    def _is_hit(self) -> bool:
        self.calls += 1
        return self.calls == self._at


class Stands:
    """How clusters stood after their run was disturbed, in one test. One that stands, at the same moment and to the byte, as
    another did is no other cluster: the same comes of the same command."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int, Any]] = []

    def is_new(self, world: Any) -> bool:
        now, store = asyncio.get_running_loop().time(), world.sandbox.store.snapshot()
        stand = (now, store.version, store.objects)
        if stand in self._seen:
            return False
        self._seen.append(stand)
        return True


class Stopped:
    """Passes calls on, and cancels the task that made it at one of them, as a signal does: that call is done, its answer lost."""

    def __init__(self, cluster: Any, at: int) -> None:
        self._cluster = cluster
        self._at = at
        self._task = asyncio.current_task()
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._cluster, name)

        async def passed_on(*args: Any, **kwargs: Any) -> Any:
            answer = await call(*args, **kwargs)
            await self._count()
            return answer

        return passed_on

    async def watch(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        await self._count()
        async for event in self._cluster.watch(*args, **kwargs):
            yield event

    async def _count(self) -> None:
        self.calls += 1
        if self.calls == self._at and self._task:
            self._task.cancel()
            await asyncio.sleep(0)


class Away:
    """Passes calls on, but not from the call number `at` until `seconds` later: nothing answers then, and watches break off."""

    def __init__(self, cluster: Any, at: int, seconds: float) -> None:
        self._cluster = cluster
        self._at = at
        self._seconds = seconds
        self._gone = asyncio.Event()
        self._back_at = 0.0
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._cluster, name)

        async def passed_on(*args: Any, **kwargs: Any) -> Any:
            self._check()
            return await call(*args, **kwargs)

        return passed_on

    async def watch(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        self._check()
        source = self._cluster.watch(*args, **kwargs)
        while True:
            gone = asyncio.ensure_future(self._gone.wait())
            following = asyncio.ensure_future(anext(source))
            try:
                await asyncio.wait({gone, following}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    self._raise()
                yield following.result()
            finally:
                gone.cancel()
                following.cancel()

    def _check(self) -> None:
        self.calls += 1
        now = asyncio.get_running_loop().time()
        if self.calls == self._at:
            self._back_at = now + self._seconds
            self._gone.set()
        if now < self._back_at:
            self._raise()
        if self.calls > self._at:
            self._gone.clear()

    @staticmethod
    def _raise() -> None:
        raise Unreachable("the API server cannot be reached: connection refused", may_pass=True)
