"""What the originals do, step by step: the shares that Argo Rollouts and Flagger give the new version, and for how long each.

Written down from their documentation, apart from the importers, so that both can be wrong in different ways only.
"""

from __future__ import annotations

from typing import Any

FOREVER = None
Stay = tuple[int, float | None]
_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: Any) -> float:
    """Of the durations that examples have: 10, "10", "10s", "5m", "2h"."""
    if isinstance(text, int) or text.isdigit():
        return float(text)
    return float(text[:-1]) * _UNITS[text[-1]]


def argo(steps: list[dict[str, Any]]) -> list[Stay]:
    """The shares of a canary between 0 and 100%, each with the seconds that its pauses and experiments last; None where one of
    them waits for a person."""
    weight, stays = 0, []
    for step in steps:
        if "setWeight" in step:
            weight = step["setWeight"]
            if 0 < weight < 100:
                stays.append([weight, 0.0])
        lasts = 0.0
        if "pause" in step:
            length = (step["pause"] or {}).get("duration")
            lasts = FOREVER if length is None else seconds(length)
        elif "experiment" in step and "duration" in step["experiment"]:
            lasts = seconds(step["experiment"]["duration"])
        elif "experiment" in step and "analyses" not in step["experiment"]:
            lasts = FOREVER
        if stays and weight < 100:
            stays[-1][1] = FOREVER if lasts is FOREVER or stays[-1][1] is FOREVER else stays[-1][1] + lasts
    return [(weight, lasts) for weight, lasts in stays]


def flagger(analysis: dict[str, Any]) -> list[Stay]:
    """The shares of a Canary that goes by weights: one each interval, up to the first that is not below maxWeight."""
    interval = seconds(analysis.get("interval", "60s"))
    shares = list(analysis.get("stepWeights", []))
    if not shares and analysis.get("stepWeight"):
        share = 0
        while share < analysis.get("maxWeight", 100):
            share += analysis["stepWeight"]
            shares.append(share)
    return [(share, interval) for share in shares if share < 100]
