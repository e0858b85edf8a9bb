"""What a set of ready-made queries holds."""

from __future__ import annotations

from typing import NamedTuple


class Ready(NamedTuple):
    """PromQL templates of one side. `requests` and `errors` count over the interval; `latency` answers the interval's histogram,
    a sample for each `le`, cumulative, of which `seconds` is the unit of a bound (Istio and Linkerd count milliseconds).
    `of` says what is counted, for whoever reads of it."""

    of: str
    requests: str
    errors: str
    latency: str
    seconds: float = 1.0
