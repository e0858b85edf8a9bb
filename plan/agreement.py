"""Whether two plans would do the same, and what they would do differently: a saved one and the one that is computed now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from ..kube.objects import DEPLOYMENT, Ref, get
from .diff import changes
from .plan import Plan
from .steps import Apply, Record, Run, Step, Wait

_HEAD = ("app", "namespace", "strategy", "action", "revision", "from_version", "to_version", "weight", "phase")
_TOLD = {"why", "message", "was"}
"""For the reader: executing never uses them."""
_COUNTS = {"replicas", "pods", "min_ready", "former_pods"}
LONGEST = 60


def differences(saved: Plan, now: Plan, *, is_autoscaled: bool) -> tuple[str, ...]:
    """A line for each thing that `now` would do and `saved` would not, or differently; none where they are the same.

    What surrounds the steps (notes, the undo) follows from them. Where an autoscaler says how many pods there are
    (`is_autoscaled`), their number is not what was agreed on.
    """
    return (*_heads(saved, now), *_steps(saved, now, is_autoscaled))


def is_rest(saved: Plan, now: Plan, *, is_autoscaled: bool) -> bool:
    """Whether `now` is what a run of `saved` that was cut off has left to do: some of its steps, as they are, in their order. To
    wait changes nothing: it may come elsewhere."""
    if any(getattr(saved, name) != getattr(now, name) for name in _HEAD if name != "from_version"):  # it may be promoted by now
        return False
    waits = [_essence(step, is_autoscaled) for step in saved.steps if isinstance(step, Wait)]
    ahead = iter([_essence(step, is_autoscaled) for step in saved.steps])

    def is_agreed(left: Step) -> bool:
        return _essence(left, is_autoscaled) in (waits if isinstance(left, Wait) else ahead)

    return all(is_agreed(left) for left in now.steps)


def _heads(saved: Plan, now: Plan) -> Iterator[str]:
    for name in _HEAD:
        before, after = getattr(saved, name), getattr(now, name)
        if before != after:
            yield f"{name.replace('_', ' ')}: {_shown(before)} in the plan, {_shown(after)} now"


def _steps(saved: Plan, now: Plan, is_autoscaled: bool) -> Iterator[str]:
    before, after = saved.steps, now.steps
    names = [_named(step, saved.namespace) for step in before], [_named(step, now.namespace) for step in after]
    for tag, i, i_end, j, j_end in SequenceMatcher(None, *names, autojunk=False).get_opcodes():
        if tag == "equal":
            for old, new, name in zip(before[i:i_end], after[j:j_end], names[0][i:i_end], strict=True):
                yield from (f"{name}: {line}" for line in _step(old, new, is_autoscaled))
        else:
            yield from (f"{name}: in the plan alone" for name in names[0][i:i_end])
            yield from (f"{name}: now, and not in the plan" for name in names[1][j:j_end])


def _step(saved: Step, now: Step, is_autoscaled: bool) -> Iterator[str]:
    before, after = (_essence(step, is_autoscaled) for step in (saved, now))
    if before == after:
        return
    if isinstance(saved, Apply) and isinstance(now, Apply):
        if saved.ref != now.ref:  # `changes` compares what an object holds, and not which one it is
            yield f"of {_place(saved.ref)} in the plan, of {_place(now.ref)} now"
        for path, old, new in changes(saved.manifest, now.manifest):
            yield f"{path}: {_shown(old)} in the plan, {_shown(new)} now"
    for key in after:
        if key != "manifest" and before[key] != after[key]:
            yield from _leaves(key, before[key], after[key])


def _leaves(key: str, before: Any, after: Any) -> Iterator[str]:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        yield f"{key}: {_shown(before)} in the plan, {_shown(after)} now"
        return
    for name in [*after, *(name for name in before if name not in after)]:
        if before.get(name) != after.get(name):
            yield f"{name}: {_shown(before.get(name))} in the plan, {_shown(after.get(name))} now"


def _essence(step: Step, is_autoscaled: bool) -> dict[str, Any]:
    """What a step does, JSON-shaped: to what, and from what to what."""
    data = step.model_dump(mode="json", exclude=_TOLD)
    if isinstance(step, Apply):
        data["changes"] = {path: f"{_shown(old)} → {_shown(new)}" for path, old, new in step.changes}
        if step.ref.is_a(DEPLOYMENT) and get(data["manifest"], "spec", "paused") is False:
            del data["manifest"]["spec"]["paused"]  # what it is without a word
    if not is_autoscaled:
        return data
    if isinstance(step, Apply) and step.ref.is_a(DEPLOYMENT):
        spec = {key: value for key, value in get(data["manifest"], "spec", default={}).items() if key != "replicas"}
        data["manifest"] = {**data["manifest"], "spec": spec}
        data["changes"].pop(".spec.replicas", None)
    return {key: value for key, value in data.items() if key not in _COUNTS}


def _named(step: Step, namespace: str) -> str:
    if isinstance(step, Record):
        return f"record revision {step.number}"
    if isinstance(step, Run):
        return f"{step.moment} {step.hook}"
    ref = getattr(step, "ref", None)
    if ref is None:
        return step.type
    place = "" if ref.namespace in ("", namespace) else f"{ref.namespace}/"
    return f"{step.type} {ref.kind} {place}{ref.name}"


def _place(ref: Ref) -> str:
    return "/".join(part for part in (ref.api_version, ref.namespace, ref.kind, ref.name) if part)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
