"""The view for people: plans in columns, live progress on a terminal, one plain line an event in a pipeline."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...cluster.events import Measured, Noticed, RunBegan, RunEvent, RunFailed, StepBegan, StepEnded, StepMoved, Waiting
from ...errors import RollwayError
from ...plan.steps import Pause, Record, Run, Wait
from .errors_text import error_lines
from .failure_text import ended, failure_lines
from .gates_text import gates_lines
from .paint import Paint, is_lively, width_of
from .progress import Progress
from .sink import put, put_document, say
from .words import duration, row, title, waits

if TYPE_CHECKING:
    from ...compare.results import Comparison, Forecast
    from ...plan.plan import Plan
    from ...plan.revision import Revision
    from ...ship.checking import Checked
    from ...ship.listing import Listed
    from ...ship.many import ManyEvent, Outcome, Planned
    from ...ship.run import Result
    from ...ship.sight import Sight
    from ...ship.status import Status
    from .live import Screen
    from .many_live import ManyScreen
    from .many_text import Table


class HumanView:
    """Results on stdout, everything else on stderr; each is coloured only where it is a terminal."""

    def __init__(self, *, is_verbose: bool = False) -> None:
        self._is_verbose = is_verbose
        self._is_live = is_lively(sys.stderr)
        self._out = Paint(is_lively(sys.stdout))
        self._err = Paint(self._is_live)
        self._progress: Progress | None = None
        self._screen: Screen | None = None
        self._told = ""
        self._gates: dict[str, str] = {}
        self._found = ""
        self._table: Table | None = None
        self._many_screen: ManyScreen | None = None

    def note(self, line: str) -> None:
        if self._screen:
            self._screen.remark(line)
        else:
            say(self._err(line, "faint"))

    def findings(self, checked: Sequence[Checked], *, is_refused: bool = False) -> None:
        if any(one.findings for one in checked) and not is_refused:
            from .check_text import brief_lines, ids_text

            self._found = ids_text(checked)
            for line in brief_lines(checked, self._err):
                say(line)

    def check(self, checked: Sequence[Checked], *, strategy: str | None = None) -> None:
        from .check_text import check_lines

        put(check_lines(checked, self._out, strategy))

    def plan(self, plan: Plan, *, where: str = "", diff: bool = False, forecast: Forecast | None = None) -> None:
        from .plan_text import plan_lines

        width = width_of(sys.stdout)
        lines = plan_lines(
            plan,
            where=where,
            width=width,
            paint=self._out,
            diff=diff,
            verbose=self._is_verbose,
            found=self._found,
            forecast=forecast,
        )
        put(lines)

    def event(self, event: RunEvent) -> None:
        if self._progress is None:
            self._progress = Progress(asyncio.get_running_loop().time)
        if not self._is_live:
            self._progress.take(event)
            for line in self._plain(event):
                say(line)
            return
        if isinstance(event, Noticed) and self._screen:
            self._screen.note(event.message)
            return
        if isinstance(event, Measured):
            if self._screen and (line := self._of_gate(event)):
                self._screen.note(line)
            return
        if self._screen is None:
            from .live import Screen

            self._screen = Screen(self._progress, asyncio.get_running_loop().time, sys.stderr)
        self._screen.update(event)
        if isinstance(event, RunBegan) and not event.is_way_back:
            for note in event.plan.notes:
                self._screen.note(note)

    def result(self, result: Result) -> None:
        self._end(is_done=not (result.way_back_failure if result.way_back else result.failure))
        progress, self._progress = self._progress, None
        if result.failure:
            never_left = progress is not None and progress.percent_peak == 0
            for line in failure_lines(result, never_left=never_left, paint=self._err):
                say(line)
            return
        put([self._out(line, None) for line in result_lines(result, self._out)])

    def plans(self, planned: Sequence[Planned], *, where: str = "", diff: bool = False) -> None:
        from .many_text import plans_lines

        width = width_of(sys.stdout)
        lines = plans_lines(planned, where=where, width=width, paint=self._out, diff=diff, verbose=self._is_verbose)
        put(lines)

    def many_event(self, event: ManyEvent) -> None:
        from .many_text import Table, event_lines

        if self._table is None:
            self._table = Table(asyncio.get_running_loop().time)
        self._table.take(event)
        if not self._is_live:
            for line in event_lines(event, self._table, is_verbose=self._is_verbose):
                say(line)
        elif self._many_screen is None:
            from .many_live import ManyScreen

            self._many_screen = ManyScreen(self._table, sys.stderr)

    def many_result(self, outcomes: Sequence[Outcome]) -> None:
        from .many_text import count_line, table_lines, wrong_lines

        table, was_shown = self._table, self._is_live and self._out.is_on
        self._end(is_done=True)
        for line in wrong_lines(outcomes, table, self._err):
            say(line)
        if table is None or not table.rows:  # nothing was left to be done: that is told
            return
        rows, now = list(table.rows.values()), table.clock()
        lines = [] if was_shown else list(table_lines(rows, now, self._out, width_of(sys.stdout)))
        put([*lines, count_line(rows, now - table.began)])

    def status(self, status: Status, *, action: str = "status", strategy: str = "") -> None:
        from .standing_text import status_lines

        put(status_lines(status, self._out))

    def history(self, app: str, namespace: str, revisions: Sequence[Revision]) -> None:
        from .standing_text import history_lines

        put(history_lines(app, namespace, revisions, self._out, width_of(sys.stdout), every=self._is_verbose))

    def statuses(self, found: Sequence[tuple[Status, str]], *, action: str = "status") -> None:
        for number, (status, strategy) in enumerate(found):
            if number:
                put([""])
            self.status(status, action=action, strategy=strategy)

    def listed(self, found: Sequence[Listed], *, everywhere: bool = False) -> None:
        from .list_text import list_lines

        put(list_lines(found, self._out, width_of(sys.stdout), everywhere=everywhere))

    def sight(self, sight: Sight) -> None:
        from .watch_text import watch_lines

        put(watch_lines(sight, sight.at, self._out, width_of(sys.stdout)))

    def histories(self, found: Sequence[tuple[str, str, Sequence[Revision]]]) -> None:
        for number, (app, namespace, revisions) in enumerate(found):
            put([*([""] if number else []), f"{self._out(app, 'strong')} · namespace {namespace}"])
            self.history(app, namespace, revisions)

    def comparison(self, comparison: Comparison, *, measured: Comparison | None = None, bands: bool = False) -> None:
        from .compare_text import compare_lines

        self.close()
        put(compare_lines(comparison, measured=measured, width=width_of(sys.stdout), paint=self._out))

    def document(self, data: Mapping[str, Any], text: str) -> None:
        put_document(text.rstrip("\n"))

    def error(self, error: RollwayError) -> None:
        self.close()
        for line in error_lines(error, self._err):
            say(line)

    def close(self) -> None:
        self._end(is_done=False)

    def _of_gate(self, event: Measured) -> str:
        """What a gate has measured is told the first time, and whenever it comes to another verdict."""
        gate = event.gate
        if self._gates.get(gate.gate) == gate.phase:
            return ""
        self._gates[gate.gate] = gate.phase
        return f"gate {gate.gate}: {gate.why or event.said}"

    def _end(self, *, is_done: bool) -> None:
        screen, self._screen = self._screen, None
        if screen:
            screen.close(is_done=is_done)
        many, self._many_screen = self._many_screen, None
        if many and self._table:
            self._table.cut_off()
            many.close()

    def _plain(self, event: RunEvent) -> Iterator[str]:
        """One line an event, for a log."""
        match event:
            case RunBegan(plan=plan, is_way_back=is_way_back):
                yield f"going back to {plan.to_version}" if is_way_back else title(plan)
                yield from (f"  note: {note}" for note in plan.notes if not is_way_back)
            case Noticed(message=message):
                yield f"  note: {message}"
            case Measured() if line := self._of_gate(event):
                yield f"  {line}"
            case StepBegan(step=step) if not isinstance(step, Record | Pause):
                each = row(step)
                yield f"  {each.glyph} {each.object}: {each.what} ({each.why})"
            case StepMoved(step=step, message=message):
                line = f"    {row(step).name}: {message}"
                # a count that comes back is told again, the same one twice running is not
                if line != self._told:
                    yield line
                self._told = line
            case StepEnded(step=step, seconds=seconds) if isinstance(step, Wait | Run):
                self._told = ""
                yield f"  ✓ {row(step).name}: done after {duration(seconds)}"
            case RunFailed(failure=failure):
                yield f"  ✗ {failure.summary}"
            case Waiting(seconds=seconds, weight=weight) if seconds:
                yield f"  ∥ {waits(weight, seconds)}"


def result_lines(result: Result, paint: Paint) -> list[str]:
    """How a run that did not fail ended, where to go from there, and what requests met meanwhile."""
    first, *more = ended(result)
    measured = gates_lines(result.gates, paint)
    if not result.verdict:
        return [first, *more, *measured]
    from .probe_text import verdict_lines

    return [f"{first} · {result.verdict.summary}", *more, *verdict_lines(result.verdict, paint), *measured]
