"""What `deploy watch` sees, shown as it changes: on a terminal in place, elsewhere as a log."""

from __future__ import annotations

import os
import sys
from typing import Protocol

from ...kube.clock import now, timestamp
from ...ship.sight import Sight
from . import View
from .sink import put
from .watch_text import changes, facts


class Follower(Protocol):
    def show(self, sight: Sight) -> None: ...

    def close(self) -> None:
        """Leaves a terminal as it was found."""
        ...


def follower(view: View) -> Follower:
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb" or os.environ.get("CI"):
        return Log(view)
    from .watch_live import WatchScreen

    return WatchScreen(sys.stdout)


class Log:
    """The first look in full, then a line for each thing that has changed, with the time."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[tuple[str, ...], str] | None = None

    def show(self, sight: Sight) -> None:
        moment = now()
        before, self._known = self._known, facts(sight, moment)
        if before is None:
            self._view.sight(sight)
        elif lines := [f"{timestamp(moment)[11:19]}  {said}" for said in changes(before, self._known)]:
            put(lines)

    def close(self) -> None:
        pass
