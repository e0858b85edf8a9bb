"""A revision's conduct as its record holds it (release.conduct): made only where there is some."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from .gates import Gate
from .notify import Notify
from .probe import ProbeOptions
from .runner import RunnerOptions


class Conduct(BaseModel):
    """What a newer rollway keeps besides is passed over; a gate that it cannot read is not."""

    model_config = ConfigDict(frozen=True)

    probe: ProbeOptions | None = None
    gates: tuple[Gate, ...] = ()
    notify: tuple[Notify, ...] = ()
    runner: RunnerOptions | None = None
