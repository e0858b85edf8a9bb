"""The view of a runner in the cluster: a JSON line an event on stdout, for whoever follows its log (ship.lines)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import RollwayError
from .sink import put_line

if TYPE_CHECKING:
    from ...cluster.events import RunEvent
    from ...ship.lines import Line
    from ...ship.run import Result


class LinesView:
    """Of results only a run's: a runner does nothing else, and is to be small while it waits."""

    def note(self, line: str) -> None:
        from ...ship.lines import Said

        _tell(Said(line))

    def event(self, event: RunEvent) -> None:
        _tell(event)

    def result(self, result: Result) -> None:
        _tell(result)

    def error(self, error: RollwayError) -> None:
        from ...ship.lines import Erred

        _tell(Erred(error.exit_code, error.summary, error.detail, error.hint))


def _tell(line: Line) -> None:
    from ...ship.lines import encoded

    put_line(encoded(line))
