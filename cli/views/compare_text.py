"""A comparison on the screen: a table, traffic over time as bands on one axis, the recommendation. Pure: data in, lines out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from ...compare.axis import Slice, ends_s, slices, ticks
from ...compare.figures import Cell, Column, causes, cell, columns, improvements, notes, seconds, title
from ...compare.outlooks import told
from ...compare.results import Comparison, Mark, Outcome
from .paint import Paint, Style

GAP = 2
WIDTH_OF_PIPES = 100
WIDEST_BANDS = 120

# old, both, new, lost: each by a glyph of its own, as there may be no colour
_OLD, _LESS, _MORE, _NEW, _SOME_LOST, _MOST_LOST = "░▒▓█×✗"
_STYLES: dict[str, Style] = {_OLD: "faint", _LESS: "waiting", _MORE: "waiting", _NEW: "new", _SOME_LOST: "bad", _MOST_LOST: "bad"}
_MARK = "╵"


def compare_lines(
    comparison: Comparison, *, measured: Comparison | None = None, width: int | None, paint: Paint
) -> Iterator[str]:
    """The lines of `deploy compare`; `width` None: nobody's terminal. `measured`, below each row: at real pace."""
    width = width or WIDTH_OF_PIPES
    yield from _title(comparison, width, paint)
    yield ""
    yield from _table(comparison, measured, width, paint)
    yield ""
    yield from _bands(comparison, width, paint)
    yield from _gates(comparison, width, paint)
    yield from _advice(comparison, width, paint)


def known_lines(comparison: Comparison, *, width: int | None, paint: Paint) -> Iterator[str]:
    """The table of what is known so far, strategy by strategy."""
    known = tuple(outcome for outcome in comparison.outcomes if outcome.runs or outcome.refused)
    yield from _table(replace(comparison, outcomes=known), None, width or WIDTH_OF_PIPES, paint)


def _title(comparison: Comparison, width: int, paint: Paint) -> Iterator[str]:
    what, scenario = title(comparison)
    if len(what) + 3 + len(scenario) <= width:
        yield f"{paint(what, 'strong')} · {scenario}"
    else:
        yield paint(what, "strong")
        yield from (f"  {line}" for line in _wrapped(scenario, width - 2))


def _wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """Never within a strategy's name; at least 20 columns, so that a narrow terminal still gets words."""
    return textwrap.wrap(text, max(width, 20), break_on_hyphens=False, subsequent_indent=" " * indent)


# the table


class _Row(NamedTuple):
    name: str
    outcome: Outcome
    cells: dict[str, Cell]  # by the column's key; empty where the strategy is refused


def _table(comparison: Comparison, measured: Comparison | None, width: int, paint: Paint) -> Iterator[str]:
    rows = _rows(comparison, measured)
    indent = 4 + max((len(row.name) for row in rows), default=0)
    shown, dropped = _fitting(columns(comparison), rows, width - indent)
    sizes = {column.key: _size(column, rows) for column in shown}
    yield " " * indent + paint("".join(f"{' ' * GAP}{column.heading:>{sizes[column.key]}}" for column in shown), "faint")
    for row in rows:
        head = _head(row, indent - 4, is_recommended=row.name == comparison.recommended, paint=paint)
        if row.outcome.refused:
            yield from _refused(head, row.outcome.refused, indent + GAP, width, paint)
            continue
        yield head + "".join(" " * GAP + _painted(row.cells[key], size, paint) for key, size in sizes.items())
        spreads = "".join(f"{' ' * GAP}{row.cells[key].spread:>{size}}" for key, size in sizes.items())
        if spreads.strip():
            yield " " * indent + paint(spreads.rstrip(), "faint")
        yield from _remarks(row.outcome, width, paint)
    if dropped:
        left_out = f"a wider terminal shows {', '.join(column.heading for column in dropped)} too; -o json has everything"
        yield from (paint(f"  {line}", "faint") for line in _wrapped(left_out, width - 2))


def _rows(comparison: Comparison, measured: Comparison | None) -> list[_Row]:
    rows: list[_Row] = []
    for outcome in comparison.outcomes:
        rows.append(_Row(outcome.strategy, outcome, _cells(outcome, comparison)))
        if measured:
            beside = (other for other in measured.outcomes if other.runs and other.strategy == outcome.strategy)
            rows += [_Row("measured", other, _cells(other, measured)) for other in beside]
    return rows


def _cells(outcome: Outcome, comparison: Comparison) -> dict[str, Cell]:
    return {} if outcome.refused else {column.key: cell(column, outcome, comparison) for column in columns(comparison)}


def _fitting(wanted: Sequence[Column], rows: Sequence[_Row], room: int) -> tuple[list[Column], list[Column]]:
    """(those that there is room for, the others), the least important left out first."""
    kept = list(wanted)
    while len(kept) > 1 and sum(GAP + _size(column, rows) for column in kept) > room:
        kept.remove(max(kept, key=lambda column: column.rank))
    return kept, [column for column in wanted if column not in kept]


def _size(column: Column, rows: Sequence[_Row]) -> int:
    cells = [row.cells[column.key] for row in rows if row.cells]
    return max(len(text) for text in (column.heading, *(text for of in cells for text in (of.text, of.spread))))


def _head(row: _Row, size: int, *, is_recommended: bool, paint: Paint) -> str:
    name = f"{row.name:<{size}}"
    if is_recommended:
        return f"  {paint('▸', 'strong')} {paint(name, 'strong')}"
    if row.name != row.outcome.strategy:  # measured, below the predicted one
        return f"    {paint(name, 'faint')}"
    return f"  {paint.glyph('–' if row.outcome.refused else _glyph(row.outcome))} {name}"


def _refused(head: str, why: str, indent: int, width: int, paint: Paint) -> Iterator[str]:
    first, *more = _wrapped(why, width - indent) or [""]
    yield f"{head}{' ' * GAP}{paint(first, 'faint')}"
    yield from (" " * indent + paint(line, "faint") for line in more)


def _remarks(outcome: Outcome, width: int, paint: Paint) -> Iterator[str]:
    lost = causes(outcome)
    said: list[tuple[str, Style]] = [(f"lost: {lost}", "faint")] if lost else []
    said += [(note.text, "bad" if note.tone == "bad" else "changed") for note in notes(outcome)]
    for text, style in said:
        yield from (f"      {paint(line, style)}" for line in _wrapped(text, width - 6))


def _glyph(outcome: Outcome) -> str:
    """Whether it is done, and whether that was without a loss."""
    phases = {run.phase for run in outcome.runs}
    if phases != {"Promoted"} or any(run.is_cut for run in outcome.runs):
        return "✗"
    return "!" if outcome.range(lambda run: run.toll.failed).median >= 0.5 else "✓"


def _painted(of: Cell, size: int, paint: Paint) -> str:
    return " " * (size - len(of.text)) + paint(of.text, of.tone or None)


# the bands


def _bands(comparison: Comparison, width: int, paint: Paint) -> Iterator[str]:
    drawn = [outcome for outcome in comparison.outcomes if outcome.runs]
    if not drawn:
        return
    from_s, to_s = ends_s(comparison)
    name_width = max(len(outcome.strategy) for outcome in drawn)
    indent = 4 + name_width + GAP
    room = max(min(width - indent - 2, WIDEST_BANDS), 10)
    yield from _legend(comparison, width, paint)
    for outcome in drawn:
        run = outcome.typical
        glyphs = "".join(_glyph_of(piece) for piece in slices(run.bands, from_s, to_s, room)).rstrip()
        yield f"    {outcome.strategy:<{name_width}}{' ' * GAP}{_coloured(glyphs, paint)}"
        marks = mark_line(run.marks, from_s, to_s, room)
        if marks:
            yield " " * indent + paint(marks, "faint")
    yield " " * indent + paint(_axis(from_s, to_s, room), "faint")


def _legend(comparison: Comparison, width: int, paint: Paint) -> Iterator[str]:
    old = comparison.from_version or "the old version"
    entries = [
        (_OLD, old), (_LESS + _MORE, "both"), (_NEW, comparison.to_version), (_SOME_LOST, "some lost"), (_MOST_LOST, "most lost"),
        (_MARK, "step, and the share held from then on"),
    ]  # fmt: skip
    line, used = "", 0
    for glyph, text in entries:
        size = len(glyph) + 1 + len(text) + 3
        if line and 4 + used + size - 3 > width:
            yield f"    {line}".rstrip()
            line, used = "", 0
        line += f"{_coloured(glyph, paint)} {paint(text, 'faint')}{' ' * 3}"
        used += size
    yield f"    {line}".rstrip()
    yield ""


def _glyph_of(piece: Slice | None) -> str:
    """What a piece of the axis looks like. A loss shows, however small: it is what one looks for."""
    if piece is None or not piece.total:
        return " "
    if piece.lost > 0:
        return _MOST_LOST if piece.lost >= piece.total / 2 else _SOME_LOST
    share = piece.new / piece.total
    return _OLD if share == 0 else _NEW if share == 1 else _LESS if share < 0.5 else _MORE


def _coloured(glyphs: str, paint: Paint) -> str:
    return "".join(paint("".join(run), _STYLES.get(glyph)) for glyph, run in groupby(glyphs))


def mark_line(marks: Sequence[Mark], from_s: float, to_s: float, room: int) -> str:
    """`╵      ╵20%       ╵50%`: what the release did, and the shares that it held where they changed."""
    line, held = [" "] * room, None
    for mark in marks:
        place = min(int((mark.at_s - from_s) / (to_s - from_s) * room), room - 1)
        if place < 0:
            continue
        line[place] = _MARK
        label = f"{mark.weight}%" if mark.weight is not None and mark.weight != held else ""
        held = held if mark.weight is None else mark.weight
        for begin in (place + 1, place - len(label)):  # after the mark, or, at the edge, before it
            spot = slice(max(begin, 0), begin + len(label))
            if begin >= 0 and spot.stop <= room and all(sign == " " for sign in line[spot]):
                line[spot] = list(label)
                break
    return "".join(line).rstrip()


def _axis(from_s: float, to_s: float, room: int) -> str:
    line = [" "] * room
    for tick in ticks(from_s, to_s, room // 10 + 1):
        place = int((tick - from_s) / (to_s - from_s) * room)
        label = f"|{seconds(tick)}" if tick else "|0"
        if place + len(label) <= room and (not place or line[place - 1] == " "):
            line[place : place + len(label)] = list(label)
    return "".join(line).rstrip()


# gates


def _gates(comparison: Comparison, width: int, paint: Paint) -> Iterator[str]:
    if found := told(comparison):
        yield ""
        yield f"  {found.traffic}"
        for does in found.does:
            yield from _indented(does, width)
        yield from (paint(line, "faint") for why in found.silent for line in _indented(why, width))


def _indented(text: str, width: int) -> Iterator[str]:
    yield from (f"    {line}" for line in _wrapped(text, width - 4, indent=2))


# what to do


def _advice(comparison: Comparison, width: int, paint: Paint) -> Iterator[str]:
    if comparison.reason:
        yield ""
        lines = _wrapped(comparison.reason, width - 4)
        yield from (f"  {paint('▸', 'strong') if number == 0 else ' '} {line}" for number, line in enumerate(lines))
    found = improvements(comparison)
    if found:
        yield ""
    for rule, fix, changes in found:
        lines = _wrapped(f"{rule}  {fix}: {changes}", width - 4, indent=len(rule) + 2)
        yield from (f"  {paint('+', 'new') if number == 0 else ' '} {line}" for number, line in enumerate(lines))
