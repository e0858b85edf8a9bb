"""Where a strategy stops on its way, as far as its release says."""

from __future__ import annotations

from typing import NamedTuple

from .base import Strategy


class Stop(NamedTuple):
    """At that share in percent, for so many seconds (None: until it is promoted); `is_last`: after it comes the whole."""

    weight: int
    pause_s: int | None
    is_last: bool


def stops_of(strategy: Strategy) -> list[Stop]:
    weights = [strategy.first_weight()]
    while weights[-1] < 100:
        weights.append(strategy.next_weight(weights[-1]))
    stopping = weights[:-1]
    return [Stop(weight, strategy.pause_s(weight), weight == stopping[-1]) for weight in stopping]
