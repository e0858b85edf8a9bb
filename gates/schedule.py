"""When a gate is measured next, and what several gates come to together (Argo Rollouts 1.10, analysis). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from .figures import Phase

RETRY_S = 10.0
"""After an attempt that measured nothing, whatever the interval."""

_WORSE = (Phase.PASSED, Phase.RUNNING, Phase.INCONCLUSIVE, Phase.ERROR, Phase.FAILED)


def worst(phases: Iterable[Phase]) -> Phase:
    """Of several: the worst. Of none: passed."""
    return max(phases, key=_WORSE.index, default=Phase.PASSED)


def due_in(
    *,
    interval_s: float | None,
    initial_delay_s: float = 0.0,
    started_ago_s: float | None = 0.0,
    last: Phase | None = None,
    last_ago_s: float = 0.0,
    is_done: bool = False,
) -> float | None:
    """Seconds until the next measurement: 0 or less is now, None never. Without an interval there is one, tried again until it
    measures something. `started_ago_s` None: it has not begun."""
    if is_done:
        return None
    if last is None:
        return initial_delay_s - (started_ago_s or 0.0) if initial_delay_s else 0.0
    if last == Phase.ERROR:
        return RETRY_S - last_ago_s
    return None if interval_s is None else interval_s - last_ago_s
