"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cluster.events import Failure
from ..plan.evidence import Evidence
from ..plan.plan import Plan
from ..plan.revision import Revision
from ..plan.steps import Phase

if TYPE_CHECKING:
    from ..load.verdict import Verdict


@dataclass(frozen=True)
class Result:
    """`plan` is the last one that was executed; `way_back` what was done about a failure, if anything;
    `stands` the plan's revision, as the history has it by now; `noticed` what others did to the application meanwhile; `verdict`
    what the run's watch has seen, where there was something to do; `gates` what was measured."""

    plan: Plan
    phase: Phase
    weight: int
    failure: Failure | None = None
    way_back: Plan | None = None
    way_back_failure: Failure | None = None
    seconds: float = 0.0
    noticed: tuple[str, ...] = ()
    stands: Revision | None = None
    verdict: Verdict | None = None
    gates: tuple[Evidence, ...] = ()

    @property
    def is_ok(self) -> bool:
        return self.failure is None
