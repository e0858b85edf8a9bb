"""A plan on the screen: its steps in columns, the way back, the peak, and what changes of each object."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...plan.plan import Plan
from ...plan.steps import Apply, Label, Patch, Record, Route, Run, Scale, Step, Wait
from .paint import GLYPHS, Paint
from .words import Row, back, changed_rows, pods, reached, row, title

if TYPE_CHECKING:
    from ...compare.results import Forecast

GAP = 3
NARROWEST_WHY = 24


def plan_lines(
    plan: Plan,
    *,
    where: str,
    width: int | None,
    paint: Paint,
    diff: bool,
    verbose: bool,
    found: str = "",
    forecast: Forecast | None = None,
) -> Iterator[str]:
    """The lines of `deploy plan`. `width` None: as wide as it comes. `found` is what there is to check, in a few words;
    `forecast` what it is going to take."""
    place = f"namespace {plan.namespace}" + (f", {where}" if where else "")
    yield f"{paint(title(plan), 'strong')} · {place}"
    if not plan.is_empty:
        yield ""
        took = dict(enumerate(forecast.steps_s if forecast else ()))
        shown = [(step, took.get(place, 0.0)) for place, step in enumerate(plan.steps) if verbose or not isinstance(step, Record)]
        yield from _step_lines(shown, width, paint)
        if not shown:
            yield from textwrap.wrap(
                "only the history is written: all else is as it is to be", width or 10**6, initial_indent="  "
            )
    yield ""
    yield from _summary(plan, width, paint)
    if forecast and not plan.is_empty:
        yield from _labelled("takes", expected(forecast), width, paint)
        yield from _gates(forecast, width, paint)
    yield from _labelled("check", found, width, paint)
    if diff and not plan.is_empty:
        yield from _diff(plan.steps, paint)


def expected(forecast: Forecast) -> str:
    """ "about 14 s; no request lost, of 1,400 at 100/s" """
    from ...compare.figures import seconds

    lost, sent = round(forecast.lost.median), round(forecast.sent.median)
    toll = f"{lost:,} of {sent:,} requests lost at {forecast.rate:g}/s" if lost else f"no request lost at {forecast.rate:g}/s"
    known = "" if forecast.start_s is None else f", with pods that listen after {seconds(forecast.start_s)}"
    known += "" if forecast.node_s is None else f", on nodes that take {seconds(forecast.node_s)} until a process starts"
    more = "; `deploy compare` says what would help" if lost else ""
    return f"about {seconds(forecast.seconds.median)}" + (f"; {toll}{known}{more}" if sent else known)


def _gates(forecast: Forecast, width: int | None, paint: Paint) -> Iterator[str]:
    """What they would do at that traffic; nothing of those of which nothing can be said, but of an experiment, why."""
    if not forecast.gates:
        return
    from ...compare.outlooks import brief
    from ...release.experiment import NAME as EXPERIMENT

    for each in forecast.gates:
        if each.good is not None or each.gate == EXPERIMENT:
            yield from _labelled("gate", f"{each.gate} {brief(each)}", width, paint)


def _step_lines(steps: Sequence[tuple[Step, float]], width: int | None, paint: Paint) -> Iterator[str]:
    rows = [_timed(row(step), took_s) if isinstance(step, Wait | Run) else row(step) for step, took_s in steps]
    number_width = len(str(len(rows)))
    object_width = max((len(each.object) for each in rows), default=0)
    # a pause's "what" may be long, and has no why beside it
    what_width = max((len(each.what) for each in rows if each.why), default=0)
    indent = 2 + number_width + 2 + 3 + object_width + GAP + what_width + GAP
    room = None if width is None else width - indent
    for number, each in enumerate(rows, start=1):
        head = f"  {number:>{number_width}}  {paint.glyph(each.glyph)}  {each.object:<{object_width}}{' ' * GAP}"
        yield from _row_lines(head, each, what_width, indent, room, paint)


def _timed(each: Row, took_s: float) -> Row:
    """With how long it is expected to take, where that is worth a word."""
    if took_s < 1:
        return each
    from ...compare.figures import seconds  # a plan without a forecast needs nothing of a rehearsal

    return each._replace(what=f"{each.what}   ~{seconds(took_s)}")


def _row_lines(head: str, each: Row, what_width: int, indent: int, room: int | None, paint: Paint) -> Iterator[str]:
    if not each.why:
        yield f"{head}{each.what}".rstrip()
    elif room is None:
        yield f"{head}{each.what:<{what_width}}{' ' * GAP}{paint(each.why, 'faint')}"
    elif room >= NARROWEST_WHY:
        first, *more = textwrap.wrap(each.why, room) or [""]
        yield f"{head}{each.what:<{what_width}}{' ' * GAP}{paint(first, 'faint')}"
        yield from (" " * indent + paint(line, "faint") for line in more)
    else:
        below, left = " " * (indent - what_width - GAP), max(room + what_width + GAP, NARROWEST_WHY)
        first, *more = textwrap.wrap(each.what, left) or [""]
        yield f"{head}{first}"
        yield from (below + line for line in more)
        yield from (below + paint(line, "faint") for line in textwrap.wrap(each.why, left))


def _summary(plan: Plan, width: int | None, paint: Paint) -> Iterator[str]:
    if plan.is_empty:
        yield from (f"  {note}" for note in plan.notes or ("nothing needs doing",))
        return
    yield from _labelled("back", back(plan), width, paint)
    if 0 < plan.weight < 100:
        yield from _labelled("share", reached(plan), width, paint)
    if plan.peak_pods:
        more = plan.peak_pods - plan.steady_pods
        yield from _labelled("peak", f"{pods(plan.peak_pods)} (+{more})" if more > 0 else pods(plan.peak_pods), width, paint)
    for note in plan.notes:
        yield from _labelled("note", note, width, paint)


def _labelled(label: str, text: str, width: int | None, paint: Paint) -> Iterator[str]:
    if not text:
        return
    lines = textwrap.wrap(text, max(width - 10, NARROWEST_WHY)) if width else [text]
    yield f"  {paint(label, 'faint')}{' ' * (8 - len(label))}{lines[0]}"
    yield from (" " * 10 + line for line in lines[1:])


def _diff(steps: Sequence[Step], paint: Paint) -> Iterator[str]:
    for step in steps:
        found = diff_of(step)
        if not found:
            continue
        yield ""
        yield f"  {paint(row(step).object, 'strong')}"
        for sign, path, text in found:
            yield f"    {paint(f'{sign} {path}: {text}', GLYPHS[sign])}"


def diff_of(step: Step) -> list[tuple[str, str, str]]:
    """(sign, path, text) of what a step changes of its object. The planner has masked what Secrets hold."""
    match step:
        case Apply() | Patch() | Route():
            return changed_rows(step.changes)
        case Label():
            return [("+", f'.spec.template.metadata.labels["{key}"]', text) for key, text in step.labels.items()]
        case Scale():
            return [("~", ".spec.replicas", f"{step.was} → {step.replicas}")]
        case _:
            return []
