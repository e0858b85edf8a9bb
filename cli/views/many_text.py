"""Several releases at a time, on the screen: a table with a row each, followed by its events. No terminal in here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ...cluster.events import RunBegan, RunFailed, StepMoved, Waiting
from ...errors import TimedOut
from ...plan.plan import Plan
from ...release.model import Release
from ...release.several import App
from ...ship.many import Began, Ended, ManyEvent, Outcome, Planned, Started, Told
from .errors_text import error_lines
from .failure_text import failure_lines
from .paint import Paint, Style
from .plan_text import plan_lines
from .progress import Progress
from .words import duration, stop, stopwatch, title, waits

HEAD = ("APP", "VERSION", "STRATEGY", "PHASE", "PODS", "TIME")
FATES = ("promoted", "paused", "rolled back", "failed", "timed out", "refused", "skipped")


@dataclass
class Row:
    """A release: `fate` is one of FATES once it is over. `began` and `ended` are moments of the clock."""

    label: str
    version: str
    strategy: str
    progress: Progress
    glyph: str = " "
    phase: str = "waiting"
    fate: str = ""
    pods: str = ""
    note: str = ""
    began: float | None = None
    ended: float | None = None

    @property
    def is_running(self) -> bool:
        return self.began is not None and not self.fate

    @property
    def has_gone_wrong(self) -> bool:
        return bool(self.fate) and self.fate not in ("promoted", "paused") and self.glyph != "✓"

    def seconds(self, now: float) -> float | None:
        return None if self.began is None else (now if self.ended is None else self.ended) - self.began


@dataclass
class Table:
    """Takes events; `rows` is what there is to show, in the order of the releases. `clock` answers seconds."""

    clock: Callable[[], float]
    rows: dict[App, Row] = field(default_factory=dict)
    began: float = 0.0

    def take(self, event: ManyEvent) -> None:
        match event:
            case Began(releases=releases):
                self.began = self.clock()
                self.rows = {
                    App(r.namespace, r.app): self._row(r, label) for r, label in zip(releases, labels(releases), strict=True)
                }
            case Started(app=app):
                row = self.rows[app]
                row.glyph, row.phase, row.began = "…", "starting", self.clock()
            case Told(app=app):
                _told(self.rows[app], event)
            case Ended(app=app, outcome=outcome):
                row = self.rows[app]
                row.glyph, row.fate, row.note = ending(outcome)
                result = outcome.result
                row.phase = stop(result.plan, result.stands) if result and row.fate == "paused" else row.fate
                row.ended = self.clock()

    def _row(self, release: Release, label: str) -> Row:
        return Row(label, release.version, release.strategy, Progress(self.clock))

    def cut_off(self) -> None:
        """The run ends before its releases do."""
        for row in self.rows.values():
            if row.is_running:
                row.glyph, row.phase, row.ended = "∥", "stopped", self.clock()


def labels(releases: Sequence[Release]) -> list[str]:
    """Their names; with the namespace where they are in several."""
    is_one = len({release.namespace for release in releases}) == 1
    return [release.app if is_one else f"{release.namespace}/{release.app}" for release in releases]


def ending(outcome: Outcome) -> tuple[str, str, str]:
    """(glyph, one of FATES, a note) of a release that is over."""
    result, error = outcome.result, outcome.error
    if outcome.skipped:
        return "–", "skipped", outcome.skipped
    if error:
        return "✗", "timed out" if isinstance(error, TimedOut) else "refused", error.summary
    if result is None or result.failure:
        is_back = result is not None and result.phase == "RolledBack"
        return "✗", "rolled back" if is_back else "failed", result.failure.summary if result and result.failure else ""
    said = "; ".join(result.plan.notes) or "nothing needed doing" if result.plan.is_empty else ""
    if result.phase == "Paused":
        return "∥", "paused", said or "on: deploy promote"
    return "✓", "rolled back" if result.phase == "RolledBack" else "promoted", said


def table_lines(rows: Sequence[Row], now: float, paint: Paint, width: int | None = None) -> Iterator[str]:
    """Columns for these rows; what a terminal of `width` columns cannot show of a note is cut."""
    cells = [(row.label, row.version, row.strategy, row.phase, row.pods, _clock(row, now)) for row in rows]
    widths = [max(len(line[column]) for line in (HEAD, *cells)) for column in range(len(HEAD))]
    yield paint("    " + _columns(HEAD, widths).rstrip(), "faint")
    for row, line in zip(rows, cells, strict=True):
        room = None if width is None else max(width - sum(widths) - 3 * len(HEAD) - 4, 0)
        note = row.note if room is None or len(row.note) <= room else f"{row.note[: room - 1]}…" if room else ""
        style: Style = "bad" if row.has_gone_wrong and row.fate != "skipped" else "faint"
        yield f"  {paint.glyph(row.glyph)} {_columns(line, widths)}   {paint(note, style)}".rstrip()


def count_line(rows: Sequence[Row], seconds: float) -> str:
    """`12 promoted, 1 failed, 4 running, 183 waiting · 0:41`"""
    said = [f"{count} {fate}" for fate in FATES if (count := sum(row.fate == fate for row in rows))]
    running = sum(row.is_running for row in rows)
    waiting = sum(row.began is None and not row.fate for row in rows)
    said += [f"{count} {word}" for count, word in ((running, "running"), (waiting, "waiting")) if count]
    return f"{', '.join(said)} · {stopwatch(seconds)}"


def event_lines(event: ManyEvent, table: Table, *, is_verbose: bool) -> Iterator[str]:
    """For a log: a line where a release begins, fails, pauses and ends; with `is_verbose` one for each count, too."""
    match event:
        case Told(app=app, event=RunBegan(plan=plan, is_way_back=is_way_back)):
            begun = f"going back to {plan.to_version}" if is_way_back else title(plan).removeprefix(f"{plan.app} ")
            yield f"  {table.rows[app].label}: {begun}"
        case Told(app=app, event=RunFailed(failure=failure)):
            yield f"  {table.rows[app].label}: ✗ {failure.summary}"
        case Told(app=app, event=Waiting(seconds=seconds, weight=weight)) if seconds:
            yield f"  {table.rows[app].label}: ∥ {waits(weight, seconds)}"
        case Told(app=app, event=StepMoved(message=message)) if is_verbose:
            yield f"  {table.rows[app].label}: {message}"
        case Ended(app=app, outcome=outcome):
            yield f"  {table.rows[app].label}: {_ended(outcome)}"


def wrong_lines(outcomes: Sequence[Outcome], table: Table | None, paint: Paint) -> Iterator[str]:
    """What each that went wrong has to say for itself."""
    names = labels([outcome.release for outcome in outcomes])
    for outcome, label in zip(outcomes, names, strict=True):
        if outcome.error:
            yield paint(label, "strong")
            yield from (f"  {line}" for line in error_lines(outcome.error, paint))
        elif outcome.result and outcome.result.failure:
            row = table.rows.get(outcome.app) if table else None
            yield paint(label, "strong")
            never_left = row is not None and row.progress.percent_peak == 0
            yield from (f"  {line}" for line in failure_lines(outcome.result, never_left=never_left, paint=paint))


def plans_lines(
    planned: Sequence[Planned], *, where: str, width: int | None, paint: Paint, diff: bool, verbose: bool
) -> Iterator[str]:
    """The plans one after the other, and what there is no plan for."""
    for index, one in enumerate(planned):
        if index:
            yield ""
        if one.plan:
            yield from plan_lines(one.plan, where=where, width=width, paint=paint, diff=diff, verbose=verbose)
        elif one.error:
            yield f"{paint(one.release.app, 'strong')} · namespace {one.release.namespace}"
            yield from (f"  {line}" for line in error_lines(one.error, paint))
    yield ""
    yield _plan_count([one.plan for one in planned])


def _plan_count(plans: Sequence[Plan | None]) -> str:
    idle = sum(plan is not None and plan.is_empty for plan in plans)
    missing = sum(plan is None for plan in plans)
    said = [f"{len(plans) - idle - missing} to release"]
    said += [f"{count} {word}" for count, word in ((idle, "as wanted already"), (missing, "that cannot be planned")) if count]
    return ", ".join(said)


def _told(row: Row, event: Told) -> None:
    row.progress.take(event.event)
    match event.event:
        case RunBegan(is_way_back=is_way_back):
            row.phase, row.note = "going back" if is_way_back else "releasing", ""
        case StepMoved(ready=ready, wanted=wanted, message=message):
            row.pods = f"{ready}/{wanted}" if wanted else row.pods
            row.note = message
        case RunFailed(failure=failure):
            row.note = failure.summary
        case Waiting(seconds=seconds, weight=weight):
            row.phase, row.note = f"waits at {weight}%" if weight else "waits", f"for {duration(seconds)}" if seconds else ""


def _ended(outcome: Outcome) -> str:
    glyph, fate, note = ending(outcome)
    if outcome.result and not outcome.result.failure:
        plan, stands = outcome.result.plan, outcome.result.stands
        told = note if plan.is_empty else f"{stop(plan, stands) if fate == 'paused' else fate} as revision {plan.revision}"
        return f"{glyph} {told} after {duration(outcome.seconds)}" if not plan.is_empty else f"{glyph} {told}"
    return f"{glyph} {fate}" if outcome.result else f"{glyph} {fate}: {note}"


def _clock(row: Row, now: float) -> str:
    seconds = row.seconds(now)
    return "" if seconds is None else stopwatch(seconds)


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "   ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
