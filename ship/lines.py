"""What a run tells, a JSON line each: how a run in the cluster is heard where its command was given.

One home for both ways, so that whoever reads shows what would have been shown where it ran. No Secret's data is in a line.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..cluster.events import (
    Measured,
    Noticed,
    RunBegan,
    RunEvent,
    RunFailed,
    StepBegan,
    StepEnded,
    StepMoved,
    Waiting,
)
from ..errors import BadInput, ClusterError, Refused, RollwayError, TimedOut
from ..kube.objects import SECRET
from ..kube.secrecy import MASK, masked
from ..load.verdict import Verdict
from ..plan.plan import Plan
from ..plan.steps import Apply, Patch, Run, Step
from .run import Result

KEY = "rollway"
"""Of each line: what it is."""


@dataclass(frozen=True)
class Said:
    """A remark on the way."""

    text: str


@dataclass(frozen=True)
class Erred:
    """How a run ended that could not find out, or did not start. `code` is its exit code."""

    code: int
    summary: str
    detail: str = ""
    hint: str = ""

    @property
    def error(self) -> RollwayError:
        return _BY_CODE.get(self.code, RollwayError)(self.summary, detail=self.detail, hint=self.hint)


Line = RunEvent | Result | Said | Erred
_KINDS: dict[str, type[Line]] = {
    kind.__name__: kind
    for kind in (RunBegan, StepBegan, StepMoved, StepEnded, RunFailed, Waiting, Noticed, Measured, Result, Said, Erred)
}
_BY_CODE: dict[int, type[RollwayError]] = {
    kind.exit_code: kind for kind in (RollwayError, BadInput, Refused, ClusterError, TimedOut)
}


def encoded(line: Line) -> str:
    """One line of text."""
    kind = type(line).__name__
    data = _adapter(kind).dump_python(_shown(line), mode="json")
    return json.dumps({KEY: kind, **data}, separators=(",", ":"), ensure_ascii=True)


def decoded(text: str) -> Line | None:
    """None for a line that is none of these: a pod's log may hold any."""
    try:
        data = json.loads(text)
        kind = data.pop(KEY, "")
        return _with_marks(_adapter(kind).validate_python(data)) if kind in _KINDS else None
    except (ValueError, AttributeError, TypeError, RecursionError, ValidationError):
        return None


@functools.cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(_KINDS[kind])
    adapter.rebuild(
        _types_namespace={"Verdict": Verdict}
    )  # a run without a probe does not load it, so its Result does not know it
    return adapter


def _with_marks(line: Any) -> Any:
    """What was lost is told by the step it was lost in."""
    if not isinstance(line, Result) or line.verdict is None:
        return line
    step: TypeAdapter[Step] = TypeAdapter(Step)
    parts = [replace(part, mark=step.validate_python(part.mark)) for part in line.verdict.parts]
    return replace(line, verdict=replace(line.verdict, parts=tuple(parts)))


def _shown(line: Line) -> Line:
    """As it may be shown to whoever may read the log."""
    match line:
        case RunBegan(plan=plan):
            return replace(line, plan=_plan(plan))
        case StepBegan(step=step) | StepMoved(step=step) | StepEnded(step=step):
            return replace(line, step=_step(step))
        case Result(plan=plan, way_back=back, stands=stands):
            kept = stands.model_copy(update={"release": {}}) if stands else None
            return replace(line, plan=_plan(plan), way_back=_plan(back) if back else None, stands=kept)
    return line


def _plan(plan: Plan) -> Plan:
    """Without what goes into the history, which holds the release's Secrets."""
    bare = [each.model_copy(update={"release": {}}) for each in plan.new_revisions]
    steps, undo = tuple(map(_step, plan.steps)), tuple(map(_step, plan.undo))
    return plan.model_copy(update={"steps": steps, "undo": undo, "new_revisions": tuple(bare)})


def _step(step: Step) -> Step:
    match step:
        case Apply() | Run():
            return step.model_copy(update={"manifest": masked(step.manifest)})
        case Patch() if step.ref.is_a(SECRET):
            return step.model_copy(update={"patch": {MASK: MASK}})
    return step
