"""Steps of other tools as a canary's: which share for how long, and who meets the new version besides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .gate import duration
from .ledger import Field

DOWN = "shares only rise in a release: the way down is `deploy rollback`"
DONE = "with all requests on the new version the release is done: there is nothing to wait for, and `deploy rollback` remains"
BEFORE = "before the first share nothing of the new version runs: begin the release when you mean it"
NEVER_HELD = "no step holds it: what follows gives everybody the new version"


@dataclass
class Stop:
    """A share that is held for `pause` seconds; None waits for a person. `match` are the requests that have the new version
    from here on, `mirror` the percentage of them that is copied."""

    weight: int
    pause: int | None = 0
    match: list[dict[str, Any]] = field(default_factory=list)
    mirror: int | None = None

    @property
    def written(self) -> dict[str, Any]:
        beside = {key: value for key, value in (("match", self.match), ("mirror", self.mirror)) if value}
        weight = {"weight": self.weight} if self.weight else {}
        return {**weight, **beside, **({"pause": duration(self.pause)} if self.pause is not None else {})}


class Steps:
    """Grows by shares and pauses in the order of the original. A pause of None waits for a person."""

    def __init__(self) -> None:
        self.stops: list[Stop] = []
        self.weight = 0
        self.waits_at_none = False
        self._coming = Stop(0)  # what the next share, or the next pause, begins with
        self._places: list[Field] = []

    def share(self, field: Field, weight: int) -> None:
        """A share is reached, and held no longer than what follows says."""
        if weight < self.weight:
            field.name(DOWN)
        elif weight > self.weight:
            self.weight = weight
            if weight < 100:
                self._begin(Stop(weight))

    def match(self, place: Field, rules: list[dict[str, Any]]) -> None:
        """These requests go to the new version from the next thing that is held on."""
        self._coming.match += rules
        self._places.append(place)

    def mirror(self, place: Field, percent: int) -> None:
        """So many of the requests are copied before there is any share."""
        self._coming.mirror = percent
        self._places.append(place)

    def hold(self) -> None:
        """Something waits here: what is coming begins no later."""
        if not self._places:
            return
        if not self.stops:
            self._begin(Stop(0))
        elif self.weight < 100:
            self._into(self.stops[-1])

    def pause(self, field: Field, seconds: int | None) -> None:
        """`field` is what is told about where there is nothing to pause at."""
        self.hold()
        if self.weight >= 100:
            field.name(DONE)
        elif not self.stops:
            self.waits_at_none = True
            field.name(BEFORE)
        else:
            last = self.stops[-1]
            so_far = last.pause
            last.pause = None if seconds is None or so_far is None else so_far + seconds
            if seconds is None and so_far:
                field.remark(f"added to a pause of {duration(so_far)}: the step waits for `deploy promote` only")
            elif seconds and so_far is None:
                field.remark("added to a pause without an end: the step waits for `deploy promote` only")

    def end(self) -> None:
        """Nothing follows any more: what is coming still meets nobody."""
        for place in self._places:
            place.name(NEVER_HELD)
        self._coming, self._places = Stop(0), []

    def _begin(self, stop: Stop) -> None:
        self._into(stop)
        self.stops.append(stop)

    def _into(self, stop: Stop) -> None:
        """What is coming, as part of a stop; a share takes no copies along."""
        for place in self._places:
            if stop.pause != 0:
                place.remark(f"from the beginning of {stop.weight}% on, whose pauses are one")
        stop.match += self._coming.match
        if self._coming.mirror and not stop.weight:
            stop.mirror = self._coming.mirror
        elif self._coming.mirror:
            for place in self._places:
                place.name("copies are held before the first share only, and nothing holds these")
        self._coming, self._places = Stop(0), []

    @property
    def written(self) -> list[dict[str, Any]]:
        return [stop.written for stop in self.stops]
