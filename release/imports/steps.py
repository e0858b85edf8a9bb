"""Steps of other tools as a canary's: which share for how long."""

from __future__ import annotations

from typing import Any

from .gate import duration
from .ledger import Field

DOWN = "shares only rise in a release: the way down is `deploy rollback`"
DONE = "with all requests on the new version the release is done: there is nothing to wait for, and `deploy rollback` remains"
BEFORE = "before the first share nothing of the new version runs: begin the release when you mean it"


class Steps:
    """Grows by shares and pauses in the order of the original. A pause of None waits for a person."""

    def __init__(self) -> None:
        self.stops: list[tuple[int, int | None]] = []
        self.weight = 0
        self.waits_at_none = False

    def share(self, field: Field, weight: int) -> None:
        """A share is reached, and held no longer than what follows says."""
        if weight < self.weight:
            field.name(DOWN)
        elif weight > self.weight:
            self.weight = weight
            if weight < 100:
                self.stops.append((weight, 0))

    def pause(self, field: Field, seconds: int | None) -> None:
        """`field` is what is told about where there is nothing to pause at."""
        if self.weight >= 100:
            field.name(DONE)
        elif not self.stops:
            self.waits_at_none = True
            field.name(BEFORE)
        else:
            weight, so_far = self.stops[-1]
            self.stops[-1] = (weight, None if seconds is None or so_far is None else so_far + seconds)
            if seconds is None and so_far:
                field.remark(f"added to a pause of {duration(so_far)}: the step waits for `deploy promote` only")
            elif seconds and so_far is None:
                field.remark("added to a pause without an end: the step waits for `deploy promote` only")

    @property
    def written(self) -> list[dict[str, Any]]:
        return [{"weight": weight} | ({"pause": duration(pause)} if pause is not None else {}) for weight, pause in self.stops]
