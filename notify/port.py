"""The port: what is told, and how a notifier says that it could not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..release.notify import Moment


class Untold(Exception):
    """Nobody was told: its text says why, and holds no secret."""


@dataclass(frozen=True)
class News:
    """What has become of a release. `id` is the same whenever it is told, so that a receiver knows what it has. `old` and `new`
    are versions: of a rollback from where and to where it leads. `was_promoted`: the revision had been live for everybody. `at`
    is a timestamp; `on` and `back` are commands, empty where there is none. `is_test`: nothing has happened. `where` says
    where it is paused, behind that word; empty: at its weight."""

    id: str
    moment: Moment
    app: str
    namespace: str
    strategy: str
    revision: int
    weight: int
    old: str
    new: str
    why: str
    who: str
    at: str
    on: str = ""
    back: str = ""
    was_promoted: bool = False
    is_test: bool = False
    where: str = ""


class Notifier(Protocol):
    async def tell(self, news: News) -> None:
        """Raises Untold."""
        ...

    async def close(self) -> None: ...
