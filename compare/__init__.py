"""Rehearsals: a release run on the embedded cluster in virtual time, under modelled traffic, before the real cluster is touched.

```
Release, Scenario ──► rehearse ──► Recording (pods' lives, what proxies are told) ──► traffic ──► Run ──► Outcome ──► Comparison
```
The release is done by the very code that does it on a real cluster. The traffic is computed from the recording, per interval
between changes, so that its cost does not grow with the rate.

`await rehearse(release, strategy, scenario)` answers for one strategy, `compared(release, scenario)` for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparing import compared, rehearse
    from .scenario import Scenario

__all__ = ["Scenario", "compared", "rehearse"]


def __getattr__(name: str) -> Any:
    """The embedded cluster is loaded with the first rehearsal, not with the report of one."""
    if name in ("compared", "rehearse"):
        from . import comparing

        return getattr(comparing, name)
    if name == "Scenario":
        from .scenario import Scenario

        return Scenario
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
