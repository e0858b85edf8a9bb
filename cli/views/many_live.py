"""The table of several releases, moving on a terminal. More of them than it has lines: then those that matter most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from .live import REFRESHES_A_SECOND
from .many_text import Row, Table, count_line, table_lines
from .paint import Paint
from .sink import styled

FRAME_LINES = 3  # the head, the counts, and the line where the cursor stands


class ManyScreen:
    """Shows a Table on a terminal until `close`, which leaves all of it there.

    It is drawn at a pace of its own, not at each event: two hundred releases have many.
    """

    def __init__(self, table: Table, stream: TextIO) -> None:
        self._table = table
        self._paint = Paint(True)
        self._console = Console(file=stream, highlight=False, soft_wrap=False)
        self._shows_all = False
        self._live = Live(
            console=self._console, get_renderable=self._render, refresh_per_second=REFRESHES_A_SECOND, transient=False,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._live.start()

    def close(self) -> None:
        self._shows_all = True
        self._live.vertical_overflow = "visible"
        self._live.stop()

    def _render(self) -> Text:
        rows, now = list(self._table.rows.values()), self._table.clock()
        shown = rows if self._shows_all else visible(rows, self._console.height - FRAME_LINES)
        lines = list(table_lines(shown, now, self._paint, self._console.width))
        if not self._shows_all:
            lines.append(self._paint(f"    {count_line(rows, now - self._table.began)}", "faint"))
        text = Text.from_ansi("\n".join(styled(line) for line in lines))
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


def visible(rows: Sequence[Row], room: int) -> list[Row]:
    """The rows that fit, in their order: first what runs, then what went wrong, then what was over last, then what waits."""
    if len(rows) <= room:
        return list(rows)
    chosen = sorted(range(len(rows)), key=lambda index: (_urgency(rows[index]), index))[: max(room, 1)]
    return [rows[index] for index in sorted(chosen)]


def _urgency(row: Row) -> tuple[int, float]:
    if row.is_running:
        return 0, 0.0
    if row.has_gone_wrong and row.fate != "skipped":
        return 1, 0.0
    return (2, -row.ended) if row.ended is not None else (3, 0.0)
