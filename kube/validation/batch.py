"""What the API server refuses in Jobs and CronJobs, in its own words."""

from __future__ import annotations

from ..objects import Obj
from . import checks
from .checks import Problems

_COUNTS = ("active", "ready", "succeeded", "failed", "terminating")


def status_problems(status: Obj) -> Problems:
    """A status that contradicts itself, whoever writes it."""
    for name in _COUNTS:
        yield from checks.not_negative(f"status.{name}", status.get(name))
    ready, active = status.get("ready") or 0, status.get("active") or 0
    if ready > active:
        yield checks.invalid("status.ready", ready, "cannot set more ready pods than active")
