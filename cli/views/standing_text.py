"""What is live, and what was: `deploy status` and `deploy history` on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...plan.drift import Changed
from ...plan.revision import Entry, Revision, live_of
from ...ship.sides import Side
from ...ship.status import Status
from ...strategies import stands
from .gates_text import gates_lines
from .paint import Paint, Style
from .table import columns
from .words import cut, duration

MOST_FIELDS = 4
NARROWEST_MESSAGE = 24
_PHASES: dict[str, Style] = {
    "Promoted": "good", "Paused": "waiting", "Progressing": "changed", "RolledBack": "faint", "Failed": "bad",
}  # fmt: skip


def status_lines(status: Status, paint: Paint) -> Iterator[str]:
    last, live = status.last, status.live
    yield f"{paint(status.app, 'strong')} · namespace {status.namespace}"
    if live:
        yield f"  live        revision {live.number}   {live.version}   by {live.strategy}"
    if last and last is not live:
        label = "under way" if last.is_in_flight else "last"
        given = share(last, status.given) if last.is_in_flight else ""
        yield f"  {label:<11} revision {last.number}   {last.version}   by {last.strategy}: {painted_phase(last, paint)}{given}"
        if status.pause_left_s >= 1:
            yield f"              left of its pause: {duration(status.pause_left_s)} (deploy promote --auto waits for it)"
        if last.message:
            yield f"              {last.message}"
        yield from (f"                {line}" for line in last.told)
    if not last:
        yield "  nothing has been released here by rollway yet"
    if status.sides:
        yield ""
        yield from _side_lines(status.sides, paint)
    for name in status.gone:
        yield f"  {paint.glyph('✗')} {name} is gone: somebody deleted it"
    yield from (f"  {paint.glyph('!')} {remark}" for remark in status.remarks)
    yield from gates_lines(status.gates, paint)
    if status.held:
        silent = "; nothing was heard of it since, and whoever acts next takes over" if status.held.is_silent else ""
        yield f"  locked by {status.lock}{silent}"
    if last and last.is_in_flight and (status.held is None or status.held.is_silent):
        yield ""
        yield "  on: deploy promote · back: deploy rollback"


def history_lines(
    app: str, namespace: str, revisions: Sequence[Revision], paint: Paint, width: int | None = None, *, every: bool = False
) -> Iterator[str]:
    """The newest first. Messages are cut where a terminal of `width` columns ends; where hardly anything of them
    would be left, a revision takes several lines. `every` turn that it took stands below, else those that its line hides."""
    if not revisions:
        yield f"{app} has no history in namespace {namespace}: nothing has been released here by rollway yet"
        return
    live = live_of(revisions)
    rows = [_history_row(each, is_live=each is live, room=None if width is None else 32) for each in reversed(revisions)]
    head = ("REVISION", "VERSION", "STRATEGY", "PHASE", "SINCE (UTC)", "BY", "")
    widths = [max(len(cells[index]) for cells in (head, *rows)) for index in range(len(head))]
    messages = 3 + NARROWEST_MESSAGE if any(cells[6] for cells in rows) else 0
    if width is not None and sum(widths[:6]) + 3 * 5 + messages > width:
        yield from _stacked(rows, [*reversed(revisions)], paint, every=every)
        return
    yield paint(columns(head, widths), "faint")
    for cells, each in zip(rows, reversed(revisions), strict=True):
        # padded before it is painted: colour has no width
        phase = paint(f"{cells[3]:<{widths[3]}}", _PHASES.get(each.phase))
        room = None if width is None else width - sum(widths[:6]) - 3 * 6
        coloured = (*cells[:3], phase, *cells[4:6], cut(cells[6], room))
        yield columns(coloured, [*widths[:3], 0, *widths[4:6], 0])
        yield from _turns(each, " " * (widths[0] + 3), paint, every=every)


def _stacked(rows: Sequence[Sequence[str]], revisions: Sequence[Revision], paint: Paint, *, every: bool) -> Iterator[str]:
    """For a narrow terminal: what was released, and below it when, by whom, and why it ended so."""
    widths = [max(len(cells[index]) for cells in rows) for index in range(3)]
    for cells, each in zip(rows, revisions, strict=True):
        yield columns((*cells[:3], paint(cells[3], _PHASES.get(each.phase))), [*widths, 0])
        indent = " " * (widths[0] + 3)
        yield f"{indent}{paint(f'{cells[4]} UTC by {cells[5]}', 'faint')}"
        if cells[6]:
            yield f"{indent}{cells[6]}"
        yield from _turns(each, indent, paint, every=every)


def _turns(revision: Revision, indent: str, paint: Paint, *, every: bool) -> Iterator[str]:
    """What became of it, the newest first: every turn; else only a rollback that another one followed, and what somebody said."""
    for place, entry in reversed([*enumerate(revision.entries, 1)]):
        is_hidden = entry.phase == "RolledBack" and place < len(revision.entries)
        if every or is_hidden or entry.note:
            note = f"; its gates were not asked: {entry.note}" if entry.note else ""
            yield indent + paint(f"{_moment(entry.at)} UTC {_turn(revision, entry)} by {entry.by}{note}", "faint")
    for run in revision.hooks if every else ():
        why = f": {run.message}" if run.message else ""
        yield indent + paint(f"{_moment(run.began)} UTC {run.moment} {run.name} {_RUNS[run.phase]} (Job {run.job}){why}", "faint")


_RUNS = {"Complete": "ran", "Failed": "failed", "Running": "was begun"}


def _turn(revision: Revision, entry: Entry) -> str:
    then = revision.model_copy(update={"weight": entry.weight})
    match entry.phase:
        case "RolledBack":
            return f"rolled back to revision {entry.to}" if entry.to else "taken back"
        case "Progressing":
            return f"on its way{stands.to(then)}"
        case "Promoted":
            return "promoted"
        case _:
            return f"{entry.phase.lower()}{stands.at(then)}"


def _history_row(each: Revision, *, is_live: bool, room: int | None) -> tuple[str, ...]:
    last = each.entries[-1] if each.entries else None
    phase = _word(each) + (stands.brief(each) if each.phase in ("Paused", "Progressing") else "")
    since = last.at if last else each.ended or each.started
    return (
        str(each.number), each.version, each.strategy, f"{phase}, live" if is_live else phase, _moment(since),
        cut(last.by if last else each.by, room), each.message,
    )  # fmt: skip


def _side_lines(sides: Sequence[Side], paint: Paint) -> Iterator[str]:
    names = max(len(side.name) for side in sides)
    versions = max(len(side.version) for side in sides)
    counts = max(len(f"{side.ready}/{side.wanted}") for side in sides)
    for side in sides:
        is_well = side.ready == side.wanted and not side.message
        count = f"{side.ready}/{side.wanted}"
        yield (
            f"  {paint.glyph('✓' if is_well else '…')} {side.name:<{names}}   {side.version:<{versions}}"
            f"   {count:>{counts}} ready   {paint(side.told, 'faint')}"
        )
        yield from (f"    {paint(line, 'waiting')}" for line in drift_lines(side))


def drift_lines(side: Side) -> Iterator[str]:
    """What is not as it was released, and by whom."""
    if side.other_than:
        yield f"runs {side.image}; {side.other_than}"
    yield from (f"changed since the release by {_by(changed)}" for changed in side.changed)
    yield from (f"not of the release, and kept by it: added by {_by(changed)}" for changed in side.kept)


def _by(changed: Changed) -> str:
    at = f" ({_moment(changed.at)} UTC)" if changed.at else ""
    return f"{changed.by}{at}: {changed.named(MOST_FIELDS)}"


def share(last: Revision, given: float | None) -> str:
    """Where it stands by what was asked for, and what requests it really gets."""
    if last.weight == 0:
        return stands.to(last) if last.phase == "Progressing" else stands.at(last)
    asked = f" {'to' if last.phase == 'Progressing' else 'at'} {last.weight}%"
    if given is None:
        return f"{asked}, and nothing of it answers"
    return asked if abs(given - last.weight) < 0.05 else f"{asked}; {given:g}% of requests reach it"


def painted_phase(revision: Revision, paint: Paint) -> str:
    return paint(_word(revision), _PHASES.get(revision.phase))


def _word(revision: Revision) -> str:
    return {"RolledBack": "rolled back"}.get(revision.phase, revision.phase.lower())


def _moment(timestamp: str) -> str:
    return timestamp[:19].replace("T", " ")
