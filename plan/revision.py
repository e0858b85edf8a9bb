"""A revision: what was released, by which strategy, and how it ended. Kept in the cluster, one Secret each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .steps import Frozen, Phase


class Revision(Frozen):
    """`release` is the release's own record (release.model); `replicas` the pods the application had in all when it began.

    `base` is the number of the revision that was live before, 0 for a first release. `weight` is the share asked for, in percent.
    `is_adopted` marks a snapshot of what somebody else had deployed: its pods may lack the labels that ours carry. `was_promoted`
    stays, whatever became of it later. `told` is what the pods said where it failed: reasons, events, the ends of their logs.
    """

    number: int
    app: str
    namespace: str
    strategy: str
    phase: Phase
    weight: int
    version: str
    image: str
    digest: str
    replicas: int
    base: int
    is_adopted: bool = False
    was_promoted: bool = False
    started: str = ""
    ended: str = ""
    message: str = ""
    told: tuple[str, ...] = ()
    release: dict[str, Any]

    @property
    def is_in_flight(self) -> bool:
        """Begun, and neither promoted nor taken back. A failed one that was left standing is still in flight."""
        return self.phase in ("Progressing", "Paused", "Failed")


def live_of(history: Sequence[Revision]) -> Revision | None:
    """The revision that serves: the newest that was promoted and not rolled back."""
    return next((revision for revision in reversed(history) if revision.phase == "Promoted"), None)


def in_flight_of(history: Sequence[Revision]) -> Revision | None:
    """The release under way: the newest revision, if it has not ended."""
    return history[-1] if history and history[-1].is_in_flight else None


def before(history: Sequence[Revision], number: int) -> Revision | None:
    """The promoted revision before that one."""
    return live_of([revision for revision in history if revision.number < number])
