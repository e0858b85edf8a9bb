"""Plans and runs in full, as lines to read: each field of each step, what becomes of the objects, what is told on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from rollway.cluster.events import RunBegan, RunEvent, RunFailed, StepBegan, StepEnded, StepMoved
from rollway.errors import RollwayError
from rollway.plan.plan import Plan
from rollway.plan.revision import Revision
from rollway.plan.steps import Apply, Frozen, Record, Run
from rollway.ship.run import Result

WIDE = 140
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
"""By the clock of the cluster: what is told of it differs from run to run."""


def plan_lines(plan: Plan) -> Iterator[str]:
    """What is asked, every step with what it changes, the way back, and what is said beside it."""
    split = plan.split
    yield (
        f"{plan.action} {plan.strategy}{' by ' + plan.router if plan.router else ''}: revision {plan.revision}, "
        f"{plan.from_version} {plan.from_weight}% -> {plan.to_version} {plan.weight}%, {plan.phase}; pods {split.stable} + "
        f"{split.canary}, {split.percent:g}%, copied {split.copied}%; peak {plan.peak_pods}, steady {plan.steady_pods}"
    )
    for step in plan.steps:
        yield from step_lines(step, is_whole=True)
    yield from (f"  undo: {line}" for step in plan.undo for line in step_lines(step, is_whole=False))
    yield from (f"  undo: {plan.undo_note}" for _ in range(bool(plan.undo_note)))
    yield from (f"  note: {note}" for note in plan.notes)
    yield from (f"  new:  {revision_line(each)}" for each in plan.new_revisions)
    yield from (f"  loan: {loan.ref} {'.'.join(loan.path)} of {loan.manager}, {loan.operation}" for loan in plan.loans)


def step_lines(step: Frozen, *, is_whole: bool) -> Iterator[str]:
    known = step.model_dump(mode="json", exclude={"type", "manifest", "changes", "ref", "why", "loans", "takes_over"})
    what = ", ".join(f"{key} {_short(value)}" for key, value in known.items() if value not in (None, "", (), [], 0, False))
    ref = getattr(step, "ref", None)
    why = "" if isinstance(step, Record) else getattr(step, "why", "")
    yield f"  {type(step).__name__.lower()}{f' {ref}' if ref else ''}{f': {what}' if what else ''}{f' ({why})' if why else ''}"
    if not is_whole:
        return
    if isinstance(step, Apply):
        yield from (f"      takes {each.field} of {each.manager}" for each in step.takes_over)
    if isinstance(step, Run):
        yield f"      {_short(step.manifest)}"
    seen = (change for change in getattr(step, "changes", ()) if "sandbox.rollway.dev" not in change.path)
    yield from (f"      {path}: {_short(was)} -> {_short(now)}" for path, was, now in seen)


def revision_line(revision: Revision) -> str:
    marks = [word for word in ("is_adopted", "was_promoted") if getattr(revision, word)]
    return (
        f"revision {revision.number}: {revision.version} by {revision.strategy}, {revision.phase} {revision.weight}%, "
        f"{revision.replicas} pods, base {revision.base}{''.join(f', {mark}' for mark in marks)}"
        f"{f', {revision.message}' if revision.message else ''}"
    )


def refusal_lines(error: RollwayError) -> Iterator[str]:
    yield f"{type(error).__name__}: {error.summary}"
    yield from (f"  {line}" for line in (error.detail or "").splitlines())
    yield from (f"  try: {error.hint}" for _ in range(bool(error.hint)))


def event_lines(events: Iterable[RunEvent]) -> Iterator[str]:
    """What is told while it runs; of the steps how each got on and ended."""
    for event in events:
        match event:
            case StepBegan():
                continue
            case RunBegan(plan=plan):
                yield f"  run: {plan.action} revision {plan.revision}{', the way back' if event.is_way_back else ''}"
            case StepMoved():
                yield f"  {event.index}: {event.message}{f' ({event.ready}/{event.wanted})' if event.wanted else ''}"
            case StepEnded(step=step):
                yield f"  {event.index}: done, {type(step).__name__.lower()} {getattr(step, 'ref', None) or ''}".rstrip()
            case RunFailed(failure=failure):
                yield f"  failed: {failure.summary}"
            case _:
                yield f"  told: {_short(str(event))}"


def result_lines(result: Result) -> Iterator[str]:
    """How the run ended."""
    failures = [each.summary for each in (result.failure, result.way_back_failure) if each]
    back = f"; back by {len(result.way_back.steps)} steps" if result.way_back else ""
    yield f"  ended: {result.phase} {result.weight}%{''.join(f'; {each}' for each in (*failures, *result.noticed))}{back}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= WIDE else f"{text[:WIDE]}…"
