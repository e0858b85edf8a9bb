"""What differs from pod to pod and from run to run on a real cluster: nothing, or as much as was measured, drawn from a seed."""

from __future__ import annotations

from random import Random

from .behaviour import GONE_S

PHASE_S = 0.48  # where in each second a node looks at its containers; any value is as good, one must be chosen
START_SPREAD, STOP_SPREAD = 0.05, 0.2  # of starting and of stopping, as a share of them; lognormal
PROBED_S = 0.03  # what a probe's round trip adds on average
GONE_EARLIER_S = 0.12  # an object goes so much earlier than the latest it may, on average
LAG_S, LAG_SPREAD = 0.012, 0.5  # from a change until a controller has heard of it through the API server; lognormal


class Even:
    """Controllers answer at once, and nodes take what they take in the middle."""

    phase_s = PHASE_S

    def start_s(self, typical_s: float) -> float:
        return typical_s

    def stop_s(self, typical_s: float) -> float:
        return typical_s

    def gone_s(self) -> float:
        """From a pod's exit to the end of its object."""
        return GONE_S

    def probed_s(self) -> float:
        """From the moment at which a probe is due to that at which its success is known."""
        return 0.0

    def lag_s(self) -> float:
        """From a change to a controller that hears of it."""
        return 0.0


class Measured(Even):
    """With the spread that a real node and its control plane showed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.phase_s = self._random.random()

    def start_s(self, typical_s: float) -> float:
        return typical_s * self._random.lognormvariate(0, START_SPREAD)

    def stop_s(self, typical_s: float) -> float:
        return typical_s * self._random.lognormvariate(0, STOP_SPREAD)

    def gone_s(self) -> float:
        return max(GONE_S + GONE_EARLIER_S * (0.7 - self._random.expovariate(1)), 0.0)

    def probed_s(self) -> float:
        return self._random.expovariate(1 / PROBED_S)

    def lag_s(self) -> float:
        return LAG_S * self._random.lognormvariate(0, LAG_SPREAD)
