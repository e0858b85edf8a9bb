"""What gates would do at a given traffic: in words, and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...compare.outlooks import percent, share, size
from ...release.model import Release
from ...ship.foreseeing import Assumed, Outlook
from ...ship.power import Foreseen, Stage
from .paint import Paint
from .words import duration

_SIZES = {"errors": "its errors", "slow": "slow answers", "times": "its values"}
_HEAD = ("found", "half within", "9 of 10", "bad answers")


def outlook_lines(
    release: Release, assumed: Assumed, stages: Mapping[int, Stage], found: Sequence[Outlook], paint: Paint
) -> Iterator[str]:
    clumps = f", {assumed.clump} at once" if assumed.clump > 1 else ""
    traffic = f"{assumed.rate:g} requests/s, {percent(assumed.errors)} of them errors{clumps}"
    yield f"{paint(release.app, 'strong')} · {release.strategy} · {traffic}"
    parts = [f"{percent(stage.share)} for {duration(stage.seconds)}" for stage in stages.values()]
    yield f"  the new version gets {', '.join(parts)}" if parts else "  there is no stage in which both versions get requests"
    for each in found:
        yield f"  gate {paint(each.gate, 'strong')}   wanted {each.wanted}"
        if each.good is None:
            yield f"      {each.says or each.why_not}"
            continue
        good = each.good
        yield f"      a good version is taken back in {share(good)} of releases ({good.taken_back} of {good.releases:,})"
        head = (_SIZES[each.kind], *(_HEAD if each.kind != "times" else _HEAD[:-1]))
        yield f"      {paint('  '.join(head), 'faint')}"
        for one in each.bad:
            answers = "–" if one.bad_answers is None else f"{one.bad_answers:,.0f}"
            cells = (size(one, each.kind), share(one), _time(one.median_s), _time(one.ninetieth_s), answers)
            yield "      " + "  ".join(f"{cell:>{len(word)}}" for cell, word in zip(cells, head, strict=False))


def outlook_document(release: Release, assumed: Assumed, stages: Mapping[int, Stage], found: Sequence[Outlook]) -> dict[str, Any]:
    return {
        "app": release.app,
        "strategy": release.strategy,
        "assumed": {
            "rate": assumed.rate,
            "errors": assumed.errors,
            "clump": assumed.clump,
            "spread": assumed.spread,
            "conversion": assumed.conversion,
        },
        "stages": [
            {"weight": weight, "share": round(stage.share, 4), "seconds": stage.seconds} for weight, stage in stages.items()
        ],
        "gates": [
            {
                "name": each.gate,
                "wanted": each.wanted,
                "whyNot": each.why_not,
                "says": each.says,
                "good": _data(each.good, each.kind) if each.good else None,
                "bad": [_data(one, each.kind) for one in each.bad],
            }
            for each in found
        ],
    }


def _data(one: Foreseen, kind: str) -> dict[str, Any]:
    return {
        kind: round(one.size, 6),
        "releases": one.releases,
        "takenBack": one.taken_back,
        "medianSeconds": one.median_s,
        "ninetiethSeconds": one.ninetieth_s,
        "badAnswers": one.bad_answers,
    }


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else duration(seconds)
