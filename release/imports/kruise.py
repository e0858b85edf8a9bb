"""OpenKruise's Rollout: steps of shares and pauses beside a Deployment that stays what it is."""

from __future__ import annotations

import re

from .draft import Draft, Foreign, Shelf, begun
from .ledger import Field
from .routes import ROUTER
from .steps import Steps


def imported(doc: Foreign, shelf: Shelf) -> Draft:
    draft = begun(doc, "rollout")
    root = doc.root
    for key in ("labels", "annotations"):
        root.at("metadata", key).name("a release file has neither labels nor annotations")
    spec = root["spec"]
    spec["disabled"].name("a release begins when you run it")
    spec.at("strategy", "paused").name("a release begins when you run it")
    draft.refer(spec["workloadRef"] if spec["workloadRef"].is_there else spec.at("objectRef", "workloadRef"), shelf)
    if draft.wanted:
        draft.name = draft.wanted
    _strategy(spec["strategy"], draft)
    return draft


def _strategy(strategy: Field, draft: Draft) -> None:
    is_blue_green = strategy["blueGreen"].is_there
    field = strategy["blueGreen" if is_blue_green else "canary"]
    field["trafficRoutings"].name(ROUTER)
    for key in ("enableExtraWorkloadForCanary", "disableGenerateCanaryService", "patchPodTemplateMetadata", "failureThreshold"):
        field[key].name("rollway makes the second version's Deployment itself, and takes it away")
    steps = Steps()
    for step in field["steps"].items():
        _step(step, steps)
    if is_blue_green or (steps.waits_at_none and not steps.stops):
        draft.strategy = "blue-green"
        draft.blocks["blueGreen"] = {"autoPromote": not steps.waits_at_none}
        if steps.stops:
            at = ", ".join(f"{stop.weight}%" for stop in steps.stops)
            draft.said.append(f"blue-green gives the new version all requests at once: the steps at {at} are not taken over")
            field["steps"].name("rollway's blue-green has no steps: a canary has")
    elif steps.stops:
        draft.strategy = "canary"
        draft.blocks["canary"] = {"steps": steps.written}


def _step(step: Field, steps: Steps) -> None:
    share = next((step[key] for key in ("traffic", "weight", "replicas") if _percent(step[key]) is not None), None)
    if share is not None:
        weight = _percent(share) or 0
        share.take()
        steps.share(share, weight)
    for key in ("weight", "replicas"):
        if share is None or key != share.path[-1]:
            step[key].name("pods follow the share: so many of the new version as the share asks for")
    step["matches"].name("an ab release tells requests apart: see `deploy schema`, strategies.ab.match")
    step["requestHeaderModifier"].name(ROUTER)
    pause = step["pause"]
    length = pause["duration"]
    if length.is_there:
        if (seconds := length.seconds()) is not None:
            steps.pause(length, seconds)
        return
    pause.take()
    steps.pause(pause, None)  # also where none is written: somebody has to approve each step


def _percent(field: Field) -> int | None:
    value = field.value
    if isinstance(value, int) and not isinstance(value, bool) and field.path[-1] == "weight" and 0 <= value <= 100:
        return value
    found = re.fullmatch(r"([0-9]{1,3})%", value, re.ASCII) if isinstance(value, str) else None
    return int(found[1]) if found and int(found[1]) <= 100 else None
