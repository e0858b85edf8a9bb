"""A comparison as a picture for a chat message: each strategy's traffic over time, its key figures, the recommendation.

Drawn with Pillow and its own typeface, so it looks the same on every machine, and the same comparison gives the same picture.
"""

from __future__ import annotations

import io
import unicodedata
from bisect import bisect_right
from typing import TYPE_CHECKING

from .axis import ends_s, slices, ticks
from .figures import cell, columns, seconds, title
from .results import Comparison, Outcome

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, MARGIN = 1200, 630, 44
_BAND_LEFT, _ROWS_TOP, _AXIS_ROOM = 350, 138, 30
_PAPER, _INK, _SOFT, _RULE = "#ffffff", "#1b1f24", "#5c6570", "#dfe3e8"
_OLD, _NEW, _LOST = "#c3c9d1", "#1d6fb8", "#d9480f"
_LEAST_LOSS = 3  # pixels; a loss is never too small to be seen
_ARROW = 26  # pixels that an arrow takes in a line of text, per 20 pixels of its size
_REPLACED = str.maketrans({"–": "-", "−": "-", "×": "x", "“": '"', "”": '"', "’": "'", "≥": ">=", "≤": "<="})


def png(comparison: Comparison) -> bytes:
    """1200 × 630 pixels, on white."""
    from PIL import Image

    image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    page = _Page(image)
    _head(page, comparison)
    advice = page.wrapped(comparison.reason, 18, WIDTH - 2 * MARGIN - 20, lines=3)
    bottom = HEIGHT - MARGIN + 12 - 25 * len(advice) - (16 if advice else 0)
    _rows(page, comparison, bottom)
    for number, line in enumerate(advice):
        page.text(MARGIN + 20, bottom + 16 + 25 * number, line, 18)
    if advice:
        page.box(MARGIN, bottom + 16, MARGIN + 5, bottom + 12 + 25 * len(advice), _NEW)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _head(page: _Page, comparison: Comparison) -> None:
    what, scenario = title(comparison)
    page.text(MARGIN, 30, page.cut(what, 38, WIDTH - 2 * MARGIN), 38)
    entries = [(comparison.from_version or "old version", _OLD), (comparison.to_version, _NEW), ("lost", _LOST)]
    left = float(WIDTH - MARGIN)
    for text, colour in reversed(entries):
        short = page.cut(text, 18, 160)
        left -= page.width(short, 18)
        page.text(left, 86, short, 18, _SOFT)
        left -= 26
        page.box(left, 88, left + 18, 104, colour)
        if colour == _LOST:
            page.hatch(left, 88, left + 18, 104)
        left -= 22
    page.text(MARGIN, 86, page.cut(scenario, 18, left - MARGIN), 18, _SOFT)
    page.box(MARGIN, 120, WIDTH - MARGIN, 122, _INK)


def _rows(page: _Page, comparison: Comparison, bottom: float) -> None:
    outcomes = comparison.outcomes
    if not outcomes:
        return
    from_s, to_s = ends_s(comparison)
    row = min((bottom - _AXIS_ROOM - _ROWS_TOP) / len(outcomes), 84)
    foot = _ROWS_TOP + row * len(outcomes)
    if any(outcome.runs for outcome in outcomes):
        _axis(page, from_s, to_s, foot)
    for number, outcome in enumerate(outcomes):
        top = _ROWS_TOP + row * number
        is_recommended = outcome.strategy == comparison.recommended
        if is_recommended:
            page.box(MARGIN - 14, top + 6, MARGIN - 9, top + row - 8, _NEW)
        _label(page, outcome, comparison, top, row)
        if outcome.runs:
            _band(page, outcome, from_s, to_s, top + 6, top + row - 8)
        else:
            page.text(_BAND_LEFT, top + 6, page.cut(outcome.refused, 17, WIDTH - MARGIN - _BAND_LEFT), 17, _SOFT)


def _label(page: _Page, outcome: Outcome, comparison: Comparison, top: float, row: float) -> None:
    """The name, and as many lines of figures below it as the row has room for."""
    room = _BAND_LEFT - MARGIN - 16
    page.text(MARGIN, top + 2, page.cut(outcome.strategy, 22, room), 22)
    if outcome.refused:
        return
    said = {column.key: cell(column, outcome, comparison).text for column in columns(comparison)}
    begun = f"{'gone in' if comparison.bad else 'done in'} {said['duration']} · "
    is_lossy = outcome.range(lambda run: run.toll.failed).high > 0
    if row >= 50:
        page.text(MARGIN, top + 28, begun, 16, _SOFT)
        page.text(MARGIN + page.width(begun, 16), top + 28, f"{said['lost']} lost", 16, _LOST if is_lossy else _SOFT)
    if row >= 70:
        back = f" · back in {said['back']}" if outcome.ways_back else ""
        page.text(MARGIN, top + 48, page.cut(f"{said['peak']} pods at most{back}", 16, room), 16, _SOFT)


def _band(page: _Page, outcome: Outcome, from_s: float, to_s: float, top: float, bottom: float) -> None:
    """A column of pixels a slice of time, of the old version's answers, the new one's, and what was lost."""
    pieces = list(slices(outcome.typical.bands, from_s, to_s, WIDTH - MARGIN - _BAND_LEFT))
    most = max((piece.total for piece in pieces if piece), default=0) or 1.0
    per_request = (bottom - top) / most
    for number, piece in enumerate(pieces):
        if piece is None or not piece.total:
            continue
        left = _BAND_LEFT + number
        lost = max(piece.lost * per_request, _LEAST_LOSS if piece.lost else 0)
        answered = min((piece.old + piece.new) * per_request, bottom - top - lost)
        old = answered * piece.old / (piece.old + piece.new) if answered else 0
        page.box(left, bottom - answered - lost, left + 1, bottom - answered, _LOST)
        if lost > 2 * _LEAST_LOSS:  # of less, the hatching would leave too little
            page.hatch(left, bottom - answered - lost, left + 1, bottom - answered)
        page.box(left, bottom - answered, left + 1, bottom - old, _NEW)
        page.box(left, bottom - old, left + 1, bottom, _OLD)


def _axis(page: _Page, from_s: float, to_s: float, foot: float) -> None:
    width = WIDTH - MARGIN - _BAND_LEFT
    for tick in ticks(from_s, to_s, 9):
        at = _BAND_LEFT + (tick - from_s) / (to_s - from_s) * width
        page.box(at, _ROWS_TOP, at + 1, foot + 3, _RULE)
        text = seconds(tick) if tick else "0"
        half = page.width(text, 15) / 2
        page.text(min(max(at - half, _BAND_LEFT), WIDTH - MARGIN - 2 * half), foot + 6, text, 15, _SOFT)


class _Page:
    """What is drawn with. Places are pixels from the upper left; a text's is its line's upper left corner."""

    def __init__(self, image: Image.Image) -> None:
        from PIL import ImageDraw

        self._draw: ImageDraw.ImageDraw = ImageDraw.Draw(image)
        self._image = image
        self._fonts: dict[int, ImageFont.FreeTypeFont | ImageFont.ImageFont] = {}

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        """Up to, not including, right and bottom."""
        x0, y0, x1, y1 = round(left), round(top), round(right) - 1, round(bottom) - 1
        if x1 >= x0 and y1 >= y0:
            self._draw.rectangle((x0, y0, x1, y1), fill=colour)

    def hatch(self, left: float, top: float, right: float, bottom: float) -> None:
        """Thin diagonals, so that what was lost is told apart without its colour."""
        for x in range(round(left), round(right)):
            self._draw.point([(x, y) for y in range(round(top), round(bottom)) if (x + y) % 7 < 2], fill=_PAPER)

    def text(self, left: float, top: float, text: str, size: int, colour: str = _INK) -> None:
        for number, part in enumerate(_sayable(text).split("→")):
            if number:
                self._arrow(left, top, size, colour)
                left += _ARROW * size / 20
            self._draw.text((left, top), part, font=self._font(size), fill=colour)
            left += self._font(size).getlength(part)

    def width(self, text: str, size: int) -> float:
        parts = _sayable(text).split("→")
        return sum(self._font(size).getlength(part) for part in parts) + (len(parts) - 1) * _ARROW * size / 20

    def cut(self, text: str, size: int, room: float) -> str:
        """As much of a text as fits."""
        if self.width(text, size) <= room:
            return text
        fitting = bisect_right(range(len(text)), room, key=lambda length: self.width(f"{text[:length]}…", size)) - 1
        return f"{text[: max(fitting, 0)].rstrip()}…"

    def wrapped(self, text: str, size: int, room: float, lines: int) -> list[str]:
        """In at most so many lines; what does not fit into the last is cut."""
        out: list[str] = []
        for word in text.split():
            longer = f"{out[-1]} {word}" if out else word
            fits = self.width(longer, size) <= room
            if out and (fits or len(out) == lines):
                out[-1] = longer
            else:
                out.append(word)
            if len(out) == lines and not fits:
                break
        return [self.cut(line, size, room) for line in out]

    def _font(self, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        from PIL import ImageFont

        if size not in self._fonts:
            self._fonts[size] = ImageFont.load_default(size)
        return self._fonts[size]

    def _arrow(self, left: float, top: float, size: int, colour: str) -> None:
        """The typeface has none."""
        y, tip, from_x = round(top + size * 0.64), left + size * 1.2, left + size * 0.1
        thick, head = max(round(size / 12), 1), size * 0.26
        self._draw.line((from_x, y, tip, y), fill=colour, width=thick)
        for end in (y - head, y + head):
            self._draw.line((tip - head, end, tip, y), fill=colour, width=thick)


def _sayable(text: str) -> str:
    """What the typeface can show: it holds ASCII and little more. Accents go, what is left of the rest is a question mark."""
    plain = unicodedata.normalize("NFKD", text.translate(_REPLACED))
    kept = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return "".join(sign if sign.isascii() or sign in "→·…" else "?" for sign in kept)
