"""What a release's gates have measured: in words, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...gates.figures import Phase
from ...gates.schedule import worst
from ...gates.shares import Split
from ...kube.clock import timestamp
from ...plan.evidence import Evidence
from .experiment_text import experiment_lines
from .paint import Paint

if TYPE_CHECKING:
    from ...ship.gauging import Gauged, Reading

_GLYPHS = {Phase.PASSED: "✓", Phase.FAILED: "✗", Phase.RUNNING: "·", Phase.INCONCLUSIVE: "!", Phase.ERROR: "!"}


def gates_lines(found: Sequence[Evidence], paint: Paint, *, summary: str = "") -> Iterator[str]:
    """A line a gate; of one that failed, or cannot be measured, what was asked as well. What the `summary` above says already is
    not said again."""
    yield from (f"  {paint.glyph('!')} {said}" for said in shares_told(found))
    width = max((len(each.gate) for each in found), default=0)
    for each in found:
        glyph = "!" if each.missed and each.phase == Phase.RUNNING else _GLYPHS[each.phase]
        said = f"wanted {each.wanted}" if each.why and summary.endswith(each.why) else told(each)
        yield f"  {paint.glyph(glyph)} gate {each.gate:<{width}}   {said}"
        yield from experiment_lines(each, paint)
        if each.phase == Phase.FAILED or each.missed:
            yield from (f"      {paint(ask, 'faint')}" for ask in each.asks)


def shares_told(found: Sequence[Evidence]) -> Iterator[str]:
    """That a version gets more or fewer requests than it should, once, whichever gates have counted them. Before any result."""
    by_share = {each.split.wanted: each.split.told for each in reversed(found) if each.split.is_off}
    yield from by_share.values()


def told(each: Evidence) -> str:
    """How it stands, seen against wanted."""
    if each.missed and not each.measured:
        return f"not measured: {each.missed}"
    if not each.measured:
        return each.why or "not measured yet"
    last = each.points[-1].said if each.points else ""
    seen = each.why if each.phase != Phase.PASSED or not last else f"{last}: {each.why}"
    said = f"{seen}; wanted {each.wanted}" if each.phase == Phase.FAILED and each.wanted and "wanted" not in seen else seen
    return f"{said} (now: {each.missed})" if each.missed else said


def gate_document(each: Evidence) -> dict[str, Any]:
    return {
        "name": each.gate,
        "phase": str(each.phase),
        "why": each.why,
        "wanted": each.wanted,
        "measured": each.measured,
        "notMeasured": each.missed,
        "asks": list(each.asks),
        "figures": dict(each.shown),
        "share": _share(each.split),
        "until": _at(each.until_s) if each.number else "",
        "points": [
            {
                "at": _at(point.at_s),
                "figure": point.figure,
                "stable": point.stable,
                "interval": dict(zip(("estimate", "low", "high"), point.interval, strict=True)) if point.interval else None,
                "said": point.said,
            }
            for point in each.points
        ],
    }


def _share(split: Split) -> dict[str, Any] | None:
    """Of the requests, the new version's: what it should get, what it gets, and whether that is more than chance makes of it."""
    return {"wanted": round(split.wanted, 4), "given": round(split.given, 4), "off": split.is_off} if split.whole else None


def _at(seconds: float) -> str:
    return timestamp(datetime.fromtimestamp(seconds, UTC))


def gauged_lines(found: Gauged, paint: Paint) -> Iterator[str]:
    """What each gate sees now, and what would be said of that."""
    against = f"{found.new} against {found.stable}" if found.new != found.stable else f"{found.stable}, taken for both versions"
    yield f"{paint(found.app, 'strong')} · namespace {found.namespace} · {against}"
    for each in found.readings:
        yield f"  {paint.glyph(_glyph(each))} gate {paint(each.gate.name, 'strong')}   {_read(each)}"
        yield f"      wanted {each.gate.wanted}"
        yield from (f"      {paint(ask, 'faint')}" for ask in each.asks)


def _glyph(reading: Reading) -> str:
    return "!" if reading.verdict is None else _GLYPHS[reading.verdict.phase]


def _read(reading: Reading) -> str:
    if reading.verdict is None:
        return f"not measured: {reading.missed}"
    word = "nothing against it" if reading.verdict.phase == Phase.RUNNING else str(reading.verdict.phase)
    return f"{reading.seen}: {word}"


def gauged_document(found: Gauged) -> dict[str, Any]:
    return {
        "app": found.app,
        "namespace": found.namespace,
        "new": found.new,
        "stable": found.stable,
        "phase": str(worst(each.verdict.phase if each.verdict else Phase.ERROR for each in found.readings)),
        "gates": [
            {
                "name": each.gate.name,
                "wanted": each.gate.wanted,
                "asks": list(each.asks),
                "seen": each.seen,
                "notMeasured": each.missed,
                "phase": str(each.verdict.phase) if each.verdict else "",
                "why": each.verdict.why if each.verdict else "",
            }
            for each in found.readings
        ],
    }
