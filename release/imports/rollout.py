"""Argo Rollouts' Rollout: its pods as a plain Deployment, its strategy's steps, its analyses as gates."""

from __future__ import annotations

import math
from typing import Any

from . import analysis, routes
from .draft import Draft, Foreign, Shelf, begun, deployment
from .ledger import Field
from .steps import Steps

SERVICES = "rollway points the application's own Services at both versions: no Service of one version has to be there"
PODS_FOLLOW = "pods follow the share: so many of the new version as the share asks for"
SIDE_LABELS = "rollway labels the two versions itself, by rollway.dev/track"
SPREAD = "where pods are scheduled is the pod template's own affinity"
ALL_KEPT = "the old version's pods are kept until the new one is promoted, and taken back to at once"
OTHER_PODS = "gates compare with the version that serves: no pods are made beside the two versions"
_OF_CONTROLLER = {
    "analysis": "of AnalysisRuns, which rollway has none of: what gates measured is kept beside the revision",
    "paused": "a release begins when you run it, and `deploy rollback` ends it",
    "restartAt": "kubectl rollout restart restarts a Deployment's pods",
    "rollbackWindow": "a rollback of rollway's runs no steps in any case",
    "resourcePlugin": "rollway releases Deployments",
}


def imported(doc: Foreign, shelf: Shelf) -> Draft:
    draft = begun(doc, "rollout")
    spec = doc.root["spec"]
    for key, reason in _OF_CONTROLLER.items():
        spec[key].name(reason)
    draft.workload = deployment(doc.root, draft)
    if draft.workload is None:
        _refers(spec, draft, shelf)
    _abort(spec)
    strategy = spec["strategy"]
    if strategy["blueGreen"].is_there:
        _blue_green(strategy["blueGreen"], draft, shelf)
        strategy["canary"].name("a Rollout has one strategy: this one is blueGreen")
    elif strategy["canary"].is_there:
        _canary(strategy["canary"], draft, shelf)
    draft.wait_for(spec["progressDeadlineSeconds"])
    return draft


def _refers(spec: Field, draft: Draft, shelf: Shelf) -> None:
    """The pods are another object's."""
    ref = spec["workloadRef"]
    ref["scaleDown"].name("the Deployment itself is what rollway releases: it keeps its pods")
    _beside(spec, draft.refer(ref, shelf) or "the Deployment")


def _beside(spec: Field, name: str) -> None:
    """What a Rollout with a workloadRef says of the pods, which rollway takes from the Deployment."""
    for key in ("replicas", "minReadySeconds", "revisionHistoryLimit", "selector"):
        spec[key].name(f"of the pods themselves: it belongs into the manifest of {name}")


def _abort(spec: Field) -> None:
    if spec["progressDeadlineAbort"].flag() is False:
        spec["progressDeadlineAbort"].remark("a release that makes no progress is taken back, but with --no-rollback")


# canary


def _canary(canary: Field, draft: Draft, shelf: Shelf) -> None:
    _named(canary)
    routing = canary["trafficRouting"]
    stable, beside = (str(canary[key].value or "") for key in ("stableService", "canaryService"))
    draft.router = routes.chosen(routing, stable, beside, shelf)
    steps = Steps()
    most = routing["maxTrafficWeight"].count(1) if routing["maxTrafficWeight"].is_there else 100
    weights: list[int] = []  # the share that holds at each of the original's steps
    for step in canary["steps"].items():
        _step(step, steps, draft, shelf, most or 100)
        weights.append(steps.weight)
    steps.end()
    routes.managed(routing["managedRoutes"], draft.router)
    if steps.stops:
        draft.strategy = "canary"
        draft.blocks["canary"] = {"steps": steps.written, **_surge(canary)}
    elif steps.waits_at_none:
        draft.strategy = "blue-green"
        draft.blocks["blueGreen"] = {"autoPromote": False}
        draft.said.append("its steps hold the new version ready without requests, then give it all of them: that is blue-green")
        _surge_named(canary)
    else:
        draft.strategy = "ramped"
        if limits := _limits(canary):
            draft.blocks["ramped"] = limits
    background = canary["analysis"]
    if background.is_there:
        analysis.referred(background, draft, shelf, _from_step(background["startingStep"], weights, steps))


def _from_step(field: Field, weights: list[int], steps: Steps) -> Any:
    """The shares at which a background analysis is under way that starts with that step, counted from 0."""
    start = field.count()
    if not start:
        return "always"
    reached = weights[start - 1] if start <= len(weights) else 100
    if shares := [stop.weight for stop in steps.stops if stop.weight >= reached]:
        return shares
    field.name("no step with a share is left there: its gates are measured from the first pod on")
    return "always"


def _named(canary: Field) -> None:
    for key in ("canaryService", "stableService", "pingPong"):
        canary[key].name(SERVICES)
    for key in ("canaryMetadata", "stableMetadata"):
        canary[key].name(SIDE_LABELS)
    canary["antiAffinity"].name(SPREAD)
    for key in ("dynamicStableScale", "minPodsPerReplicaSet", "replicaProgressThreshold"):
        canary[key].name(PODS_FOLLOW)
    for key in ("scaleDownDelaySeconds", "abortScaleDownDelaySeconds", "scaleDownDelayRevisionLimit"):
        canary[key].name(ALL_KEPT)


def _step(step: Field, steps: Steps, draft: Draft, shelf: Shelf, most: int) -> None:
    """One step, which may have several keys. A weight is one of `most`."""
    if (weight := step["setWeight"].count(0, most)) is not None:
        share = math.ceil(100 * weight / most)
        if 100 * weight % most:
            step["setWeight"].remark(f"of {most}, rounded up to {share}%")
        steps.share(step["setWeight"], share)
    if isinstance(step["setHeaderRoute"].value, dict):
        routes.header_route(step["setHeaderRoute"], steps, draft.router)
    if isinstance(step["setMirrorRoute"].value, dict):
        routes.mirror_route(step["setMirrorRoute"], steps, draft.router)
    if isinstance(step["pause"].value, dict):
        _pause(step["pause"], steps)
    if isinstance(step["analysis"].value, dict):
        _hold(step["analysis"], steps)
        analysis.referred(step["analysis"], draft, shelf, _moment(steps))
    if isinstance(step["experiment"].value, dict):
        _experiment(step["experiment"], steps, draft, shelf)
    for key, reason in (
        ("setCanaryScale", PODS_FOLLOW), ("replicaProgressThreshold", PODS_FOLLOW),
        ("plugin", "rollway runs no plugins: a gate with job runs what you like at a pause"),
    ):  # fmt: skip
        step[key].name(reason)


def _pause(pause: Field, steps: Steps) -> None:
    length = pause["duration"]
    if not length.is_there:
        pause.take()
        steps.pause(pause, None)
    elif (seconds := length.seconds()) is not None:
        steps.pause(length, seconds)


def _moment(steps: Steps) -> Any:
    return [steps.weight] if steps.stops and steps.weight < 100 else "after" if steps.weight >= 100 else "before"


def _hold(field: Field, steps: Steps) -> None:
    """A step that lasts as long as its measurements do: the pause of the share that holds already ends with its gates."""
    steps.hold()
    if not steps.stops and steps.weight < 100:
        steps.waits_at_none = True


def _experiment(experiment: Field, steps: Steps, draft: Draft, shelf: Shelf) -> None:
    for key in ("analysisRunMetadata", "dryRun", "measurementRetention", "scaleDownDelaySeconds", "templates"):
        experiment[key].name(OTHER_PODS)
    for ref in experiment["analyses"].items():
        analysis.of_ref(ref, draft, shelf, _moment(steps))
    if experiment["duration"].is_there:
        if (seconds := experiment["duration"].seconds()) is not None:
            steps.pause(experiment["duration"], seconds)
    elif experiment["analyses"].is_there:
        _hold(experiment, steps)
    elif steps.stops:
        # without an end and with nothing that is measured, it runs until somebody goes on
        steps.pause(experiment["templates"], None)
        draft.said.append(f"an experiment without an end at {steps.weight}%: the step waits for `deploy promote`")
    else:
        steps.waits_at_none = True


def _surge(canary: Field) -> dict[str, Any]:
    """Of a canary: how many pods may come above `replicas`."""
    _unavailable_named(canary)
    surge = _int_or_percent(canary["maxSurge"])
    return {"maxSurge": surge if surge is not None else "25%"}


def _surge_named(canary: Field) -> None:
    canary["maxSurge"].name("both versions have all of their pods in blue-green")
    _unavailable_named(canary)


def _unavailable_named(canary: Field) -> None:
    field = canary["maxUnavailable"]
    if field.value in (0, "0", "0%"):
        field.take()  # as it is in rollway anyhow
    else:
        field.name("rollway's canary makes new pods ready before old ones go")


def _limits(canary: Field) -> dict[str, Any]:
    """Of a Rollout without steps, which is a rolling update; Argo's defaults are 25% each."""
    surge, unavailable = _int_or_percent(canary["maxSurge"]), _int_or_percent(canary["maxUnavailable"])
    made = {"maxSurge": "25%" if surge is None else surge, "maxUnavailable": "25%" if unavailable is None else unavailable}
    if {str(value).removesuffix("%") for value in made.values()} == {"0"}:
        for key in made:
            canary[key].name("both are 0, with which no pod could ever be replaced")
        return {}
    return made


def _int_or_percent(field: Field) -> int | str | None:
    value = field.value
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdecimal() and value.isascii() and int(value[:-1]) <= 100:
        return str(field.take())
    return field.count()


# blue-green

_BLUE_GREEN = {
    "activeService": SERVICES,
    "previewService": "rollway makes a Service for the new version itself: NAME-preview, while it waits",
    "previewReplicaCount": "the new version has all of its pods before it gets a request",
    "autoPromotionSeconds": "rollway switches at once, or waits for `deploy promote`",
    "scaleDownDelayRevisionLimit": ALL_KEPT,
    "abortScaleDownDelaySeconds": "a release that is taken back leaves no pods of the new version",
    "antiAffinity": SPREAD,
    "activeMetadata": SIDE_LABELS,
    "previewMetadata": SIDE_LABELS,
    "maxUnavailable": "the new side is ready as a whole before it gets a request",
}


def _blue_green(field: Field, draft: Draft, shelf: Shelf) -> None:
    for key, reason in _BLUE_GREEN.items():
        field[key].name(reason)
    draft.strategy = "blue-green"
    block: dict[str, Any] = {}
    if (delay := field["scaleDownDelaySeconds"].seconds()) is not None:
        block["scaleDownDelaySeconds"] = delay
    if (auto := field["autoPromotionEnabled"].flag()) is not None:
        block["autoPromote"] = auto
    draft.blocks["blueGreen"] = block
    for key, when in (("prePromotionAnalysis", "before"), ("postPromotionAnalysis", "after")):
        if field[key].is_there:
            analysis.referred(field[key], draft, shelf, when)
