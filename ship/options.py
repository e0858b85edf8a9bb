"""How a run is to go: what its command, or whoever else begins it, decides besides the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..cluster.events import RunEvent
from ..cluster.lock import this_process
from ..cluster.who import this_person
from ..measure import SourceOf, source_of
from .watch import Watch
from .watches import Watches

if TYPE_CHECKING:
    from ..notify import NotifierOf
    from .telling import Teller
    from .tracing import Tracer


@dataclass(frozen=True)
class Options:
    """How to run. `holder` is this process, for the lock; `by` who acts, for the history. `goes_on`: through every pause.
    `goes_back`: a failed release ends in its way back. `is_override`: the release was changed on the command line, so a promote
    speaks of it and not of the one under way. `prune`: as the request says, in all that follows. `timeout_s` bounds the whole
    run. `watch` looks on from outside; a rollback is watched, too, but never abandoned because of what is seen. `skip_gates`
    is why the release's gates are not asked, for the history; `source_of` where they measure. `is_asked`: a person asks for this
    very promotion, so that an experiment's result does not wait for one. `notifier_of` makes those that are
    told what becomes of it (None: nobody is, as in a rehearsal); `tellers` are then the runs' own, to be ended when all is shown
    (ship.telling), `teller` this one's. `watches` are all that look on. `tracer` has a trace of each run."""

    emit: Callable[[RunEvent], None] = lambda event: None
    holder: str = field(default_factory=this_process)
    by: str = field(default_factory=this_person)
    goes_on: bool = False
    goes_back: bool = True
    force: bool = False
    is_override: bool = False
    prune: bool = False
    timeout_s: float | None = None
    watch: Watch | None = None
    skip_gates: str = ""
    is_asked: bool = False
    source_of: SourceOf = source_of
    notifier_of: NotifierOf | None = None
    tellers: list[Teller] = field(default_factory=list)
    teller: Teller | None = None
    watches: Watches = field(default_factory=lambda: Watches())
    tracer: Tracer | None = None
