"""Where requests are sent from: this machine, or workers somewhere else (load.afar). What measures asks either the same."""

from __future__ import annotations

import asyncio
from typing import Protocol

from .client import Answer, Client, Unsent
from .generator import Load, Taken
from .report import Report
from .tally import Tally
from .target import Target

EVERY_S = 0.5


class Sending(Protocol):
    """Requests at a constant rate: `load.generator.Load`, or a share of time of what workers send."""

    @property
    def rate(self) -> float: ...

    @property
    def tally(self) -> Tally: ...

    @property
    def elapsed_s(self) -> float: ...

    async def run(self, seconds: float | None = None) -> None:
        """For so long, or until it is cancelled. Does not wait for the last answers."""
        ...

    async def answered(self) -> None:
        """Every request that has been sent by now has ended."""
        ...

    async def close(self, patience_s: float = 0.0) -> Report:
        """Waits so long for the answers that are still out."""
        ...


class Origin(Protocol):
    """`open` comes first and `close` last, whatever happened in between; both may be called again."""

    @property
    def target(self) -> Target: ...

    @property
    def rate(self) -> float: ...

    @property
    def is_inside(self) -> bool:
        """Whether requests come from within the cluster."""
        ...

    async def open(self) -> None:
        """Returns when everything is there that it takes to send. Raises RollwayError, with nothing left behind."""
        ...

    async def close(self) -> None: ...

    def load(self, taken: Taken = lambda sample: None, *, at_least: float = 0.0) -> Sending:
        """`at_least` so many a second, where the rate can be chosen now."""
        ...

    async def until_good(self) -> None:
        """Returns with the first good answer."""
        ...

    async def once(self) -> Answer:
        """What a request meets now."""
        ...


class Here:
    """This machine."""

    is_inside = False

    def __init__(self, target: Target, rate: float) -> None:
        self.target, self.rate = target, rate

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def load(self, taken: Taken = lambda sample: None, *, at_least: float = 0.0) -> Sending:
        return Load(self.target, max(self.rate, at_least), taken=taken)

    async def until_good(self) -> None:
        while True:
            if (await self.once()).lost is None:
                return
            await asyncio.sleep(EVERY_S)

    async def once(self) -> Answer:
        client = Client(self.target)
        try:
            return await client.ask()
        except Unsent as error:
            return Answer(0, lost="other", detail=str(error))
        finally:
            await client.close()
