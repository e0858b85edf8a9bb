"""The view of a runner in the cluster: a JSON line an event on stdout, for whoever follows its log (ship.lines)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import RollwayError
from .json import JsonView
from .sink import put_line

if TYPE_CHECKING:
    from ...cluster.events import RunEvent
    from ...ship.checking import Checked
    from ...ship.lines import Line
    from ...ship.run import Result


class LinesView(JsonView):
    """Of results only a run's: a runner does nothing else."""

    def note(self, line: str) -> None:
        from ...ship.lines import Said

        _tell(Said(line))

    def findings(self, checked: Sequence[Checked], *, is_refused: bool = False) -> None:
        pass

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
