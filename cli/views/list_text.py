"""Every application, and how it stands: `deploy list`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...strategies import stands
from .paint import Paint, Style
from .table import columns
from .words import cut

if TYPE_CHECKING:
    from ...ship.listing import Listed, State

LONGEST_BY = 32
BETWEEN = 3
_STYLES: dict[State, Style] = {
    "unreadable": "bad", "failed": "bad", "paused": "waiting", "interrupted": "bad", "progressing": "changed",
    "rolledBack": "faint", "promoted": "good",
}  # fmt: skip


def list_lines(found: Sequence[Listed], paint: Paint, width: int | None = None, *, everywhere: bool = False) -> Iterator[str]:
    """A line each, in their order; where a terminal of `width` columns is too narrow for that, two."""
    rows = [_row(each, everywhere=everywhere, by=None if width is None else LONGEST_BY) for each in found]
    head = ("NAMESPACE", "APP", "VERSION", "STRATEGY", "PHASE", "SINCE (UTC)", "BY")
    shown = [head[0 if everywhere else 1 :], *rows]
    widths = [max(len(cells[index]) for cells in shown) for index in range(len(shown[0]))]
    if width is not None and sum(widths) + BETWEEN * (len(widths) - 1) > width:
        yield from _stacked(found, paint, everywhere=everywhere)
        return
    yield paint(columns(shown[0], widths), "faint")
    at = len(widths) - 3  # the phase
    for cells, each in zip(rows, found, strict=True):
        # padded before it is painted: colour has no width
        phase = paint(f"{cells[at]:<{widths[at]}}", _STYLES[each.state])
        yield columns((*cells[:at], phase, *cells[at + 1 :]), [*widths[:at], 0, *widths[at + 1 :]])


def _stacked(found: Sequence[Listed], paint: Paint, *, everywhere: bool) -> Iterator[str]:
    """For a narrow terminal: what stands how, and below it by which strategy, since when and by whom."""
    for each, name in zip(found, list_names(found, everywhere=everywhere), strict=True):
        _, version, strategy, phase, since, by = _row(each, everywhere=False, by=LONGEST_BY)
        yield "   ".join(filter(None, (paint(name, "strong"), version, paint(phase, _STYLES[each.state]))))
        yield paint(f"  {strategy}, since {since} UTC by {by}" if each.last else f"  {each.unreadable}", "faint")


def _row(each: Listed, *, everywhere: bool, by: int | None) -> tuple[str, ...]:
    last = each.last
    place = (each.namespace, each.app) if everywhere else (each.app,)
    if last is None:
        return (*place, "", "", "its history cannot be read", "", "")
    entry = last.entries[-1] if last.entries else None
    since = (entry.at if entry else last.ended or last.started)[:19].replace("T", " ")
    who = each.held.holder if each.held and each.state == "progressing" else entry.by if entry else last.by
    return (*place, versions(each), last.strategy, phase_words(each), since, cut(who, by))


def versions(each: Listed) -> str:
    """What serves; with what is on its way."""
    if each.last is None:
        return ""
    if each.live is None or each.live is each.last:
        return each.last.version
    return f"{each.live.version} → {each.last.version}" if each.last.is_in_flight else each.live.version


def phase_words(each: Listed) -> str:
    if each.last is None:
        return each.state
    at, to = stands.at(each.last), stands.to(each.last)
    return {
        "failed": f"failed{at}", "paused": f"paused{at}", "progressing": f"on its way{to}",
        "interrupted": f"interrupted on its way{to}", "rolledBack": f"rolled back from {each.last.version}",
        "promoted": "promoted",
    }[each.state]  # fmt: skip


def list_names(found: Sequence[Listed], *, everywhere: bool = False) -> Iterator[str]:
    """As other verbs take them: APP, or NAMESPACE/APP."""
    yield from (f"{each.namespace}/{each.app}" if everywhere else each.app for each in found)


def list_document(found: Sequence[Listed]) -> dict[str, Any]:
    return {"releases": [_document(each) for each in found]}


def _document(each: Listed) -> dict[str, Any]:
    last, live = each.last, each.live
    entry = last.entries[-1] if last and last.entries else None
    return {
        "app": each.app,
        "namespace": each.namespace,
        "state": each.state,
        "phase": last.phase if last else None,
        "strategy": last.strategy if last else "",
        "revision": last.number if last else 0,
        "version": last.version if last else "",
        "weight": last.weight if last else 0,
        "liveRevision": live.number if live else 0,
        "liveVersion": live.version if live else "",
        "since": (entry.at if entry else last.ended or last.started) if last else "",
        "by": (entry.by if entry else last.by) if last else "",
        "message": last.message if last else each.unreadable,
        "lock": each.held.holder if each.held else "",
    }
