"""Live progress on a terminal: what is under way moves in place, what is over stays above it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ...cluster.events import RunEvent
from .paint import Paint
from .progress import Line, Progress, Section
from .sink import styled
from .words import cut, stopwatch

BAR_CELLS = 20
SHORTEST_BAR = 4
BESIDE_BARS = 2 + 2 + 5 + 2 * len("▏100%")  # the indent, the blanks behind the versions and between the bars, the shares
NARROWEST = 8
FIXED = len("  ✓ ") + 3 * 3  # of a line: its mark, and what stands between its columns
REFRESHES_A_SECOND = 8


class Screen:
    """Shows a Progress on a terminal until `close`."""

    def __init__(self, progress: Progress, clock: Callable[[], float], stream: TextIO) -> None:
        self._progress = progress
        self._clock = clock
        self._settled = 0  # sections that are over, and printed
        self._paint = Paint(True)
        self._console = Console(file=stream, highlight=False, soft_wrap=False)
        # what a resized or a small terminal cannot show is cut at its end, so that the cursor finds back
        self._live = Live(
            console=self._console, get_renderable=self._render, refresh_per_second=REFRESHES_A_SECOND, transient=False,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._live.start()

    def update(self, event: RunEvent) -> None:
        self._progress.take(event)
        sections = self._progress.sections
        while self._settled < len(sections) - 1:
            done = sections[self._settled]
            self._settled += 1
            self._console.print(self._text(list(section_lines(done, self._clock(), self._width, self._paint))))
        self._live.refresh()

    def note(self, text: str) -> None:
        """Above what moves; stays."""
        self._console.print(self._text([self._paint(f"note: {text}", "faint")]))

    def remark(self, line: str) -> None:
        """As it is, above what moves."""
        self._console.print(self._text([self._paint(line, "faint")]))

    def close(self, *, is_done: bool) -> None:
        self._progress.finish(is_done=is_done)
        self._live.stop()

    @property
    def _width(self) -> int:
        return self._console.width

    def _render(self) -> Text:
        current = self._progress.sections[self._settled :]
        lines = [line for section in current for line in section_lines(section, self._clock(), self._width, self._paint)]
        return self._text(lines)

    def _text(self, lines: list[str]) -> Text:
        text = Text.from_ansi("\n".join(styled(line) for line in lines))
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


def section_lines(section: Section, now: float, width: int, paint: Paint) -> Iterator[str]:
    """A plan under way: its title with the time, a line an object, and how requests are shared."""
    seconds = (now if section.ended is None else section.ended) - section.began
    clock = stopwatch(seconds)
    columns = min(width, 100)
    room = max(columns - len(clock) - len(section.title), 1)
    lines = section.lines
    yield paint(section.title, "strong") + " " * room + paint(clock, "faint")
    names = max((len(line.name) for line in lines), default=0)
    times = max((len(stopwatch(line.seconds(now))) for line in lines), default=0)
    # what is done gives way first in a narrow terminal: how far it has come, and for how long, is what one looks for
    room = max(columns - names - times - FIXED, 2 * NARROWEST)
    counts = min(max((len(line.counts or line.message) for line in lines), default=0), room - NARROWEST)
    whats = min(max((len(line.what) for line in lines), default=0), room - counts)
    for line in lines:
        yield _line(line, (names, whats, counts), now, paint)
        if line.hindrance and line.counts:
            yield "      " + paint(cut(line.hindrance, columns - 6), "waiting")
    if section.is_shared:
        yield "  " + _bar(section, columns, paint)


def _line(line: Line, widths: tuple[int, int, int], now: float, paint: Paint) -> str:
    glyph = {"running": "…", "done": "✓", "failed": "✗", "stopped": "∥"}[line.state]
    cells = zip((line.name, line.what, line.counts or line.message), widths, strict=True)
    name, what, counts = (f"{cut(text, width):<{width}}" for text, width in cells)
    return f"  {paint.glyph(glyph)} {name}   {what}   {counts}   {paint(stopwatch(line.seconds(now)), 'faint')}".rstrip()


def _bar(section: Section, columns: int, paint: Paint) -> str:
    """Both versions' shares beside each other, as long as there is room."""
    old, new = section.versions
    cells = min(BAR_CELLS, max((columns - len(old) - len(new) - BESIDE_BARS) // 2, SHORTEST_BAR))
    return f"{old} {_cells(100 - section.percent, cells, paint)}     {new} {_cells(section.percent, cells, paint)}"


def _cells(percent: float, cells: int, paint: Paint) -> str:
    full = round(cells * percent / 100)
    if 0 < percent < 100:  # a share is neither nothing nor everything
        full = min(max(full, 1), cells - 1)
    return paint("█" * full, "good") + paint("░" * (cells - full), "faint") + f"▏{percent:>3.0f}%"
