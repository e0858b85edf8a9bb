"""Flagger's Canary: its analysis' weights as a canary's steps, its metrics as gates, the Service that it makes as a manifest."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ...kube.objects import SERVICE, get, is_a, selects, template_labels, texts
from ..matching import normal
from ..options import AbOptions
from ..strict import LONGEST_S
from ..wrong import Wrong
from . import flagger_routes, metrics
from .draft import Draft, Foreign, Shelf, begun
from .gate import duration
from .ledger import Field
from .rollout import SIDE_LABELS

INTERVAL_S = 60
"""Flagger's own, where an analysis names none."""
_HOOKS = {
    "confirm-rollout": "a release begins when you run it",
    "pre-rollout": "a gate with job runs a test at a pause: {name: acceptance, job: IMAGE, when: pauses}",
    "rollout": "a gate with job runs a test at a pause: {name: load, job: IMAGE, when: pauses}",
    "confirm-traffic-increase": "a step without a pause waits for `deploy promote`",
    "confirm-promotion": "a step without a pause waits for `deploy promote`",
    "post-rollout": "whatever runs `deploy apply` goes on by its exit code",
    "rollback": "`deploy rollback` is what takes a release back by hand",
    "event": "`-o json` and `deploy history` tell what happened",
}
_REFS = {
    "revertOnDeletion": "rollway leaves the Deployment as it is anyhow: there is no second, primary one",
    "suspend": "a release begins when you run it",
}
NO_ALERTS = "rollway sends no alerts: whatever runs it tells by its exit code and `-o json`"
MIRROR = "a step `mirror: 10` copies requests, where an HTTPRoute or a VirtualService of the manifests splits them"
STICKY = "`sticky: true` keeps users on their version, where an HTTPRoute or a VirtualService of the manifests splits requests"
_ANALYSIS = {
    "alerts": NO_ALERTS,
    "sessionAffinity": STICKY,
    "mirror": MIRROR,
    "mirrorWeight": MIRROR,
    "primaryReadyThreshold": "all pods are ready before anything goes on",
    "canaryReadyThreshold": "all pods are ready before anything goes on",
    "stepWeightPromotion": "the user's own Deployment becomes the new version pod by pod, as its rolling update says",
}


def imported(doc: Foreign, shelf: Shelf) -> Draft:
    draft = begun(doc, "canary")
    root = doc.root
    for key in ("labels", "annotations"):
        root.at("metadata", key).name("a release file has neither labels nor annotations")
    spec = root["spec"]
    for key, reason in _REFS.items():
        spec[key].name(reason)
    draft.refer(spec["targetRef"], shelf)
    _autoscaler(spec["autoscalerRef"], shelf)
    _service(spec["service"], draft, shelf)
    flagger_routes.taken(spec, draft, shelf)
    analysis = spec["analysis"] if spec["analysis"].is_there else spec["canaryAnalysis"]
    skipped = spec["skipAnalysis"].flag()
    provider = spec["provider"].text() or "istio"
    if skipped:
        analysis.name("skipAnalysis is true: new versions go through without")
    else:
        _analysis(analysis, spec, draft, shelf, provider)
    draft.wait_for(spec["progressDeadlineSeconds"])
    return draft


def _autoscaler(ref: Field, shelf: Shelf) -> None:
    kind, name = ref["kind"].value, ref["name"].value
    held = any(item.obj["kind"] == kind and item.obj["metadata"]["name"] == name for item in shelf.objects)
    if held:
        ref.take()
    else:
        ref.name("it scales the user's own Deployment, and is heeded where it is live: add its file to manifests")
    for key in ("primaryScalerQueries", "primaryScalerReplicas"):
        ref[key].name("there is no second, primary Deployment to be scaled")


# the analysis


def _analysis(analysis: Field, spec: Field, draft: Draft, shelf: Shelf, provider: str) -> None:
    for key, reason in _ANALYSIS.items():
        analysis[key].name(reason)
    interval = analysis["interval"].seconds() or INTERVAL_S
    iterations = analysis["iterations"].count()
    match = analysis["match"]
    copied = _copied(analysis, draft)
    when: Any = "always"
    if iterations and match.value:
        _ab(match, spec["service"], draft)
    elif iterations and copied:
        draft.strategy, when = "canary", [0]
        draft.blocks["canary"] = {"steps": [{"mirror": copied, "pause": duration(min(iterations * interval, LONGEST_S))}]}
        match.take()
    elif iterations:
        draft.strategy, when = "blue-green", "before"
        draft.blocks["blueGreen"] = {}
        match.take()
    else:
        match.name("requests are told apart where there are iterations, not weights")
        _weights(analysis, interval, draft, copied)
    if draft.strategy == "canary":
        _affinity(analysis["sessionAffinity"], draft)
    if iterations:
        for key in ("stepWeight", "stepWeights", "maxWeight"):
            analysis[key].name("there are iterations, which Flagger puts first")
    source = metrics.Source(provider, spec, interval, iterations or None, _threshold(analysis["threshold"]), when)
    for metric in analysis["metrics"].items():
        metrics.add_gate(metric, source, draft, shelf)
    for hook in analysis["webhooks"].items():
        kind = hook["type"].value
        hook.name(_HOOKS.get(kind if isinstance(kind, str) else "rollout", _HOOKS["rollout"]))
    if iterations and when == "before" and not draft.gates:
        draft.said.append(
            f"Flagger looks {iterations} times, {duration(interval)} apart, before it switches; no gate does so here"
        )


def _threshold(field: Field) -> int:
    """How many failed measurements a gate bears. Flagger goes back at the one of that number, counted over all metrics."""
    threshold = field.count()
    if threshold:
        field.remark(
            f"goes back at {threshold} failed checks, counted over all metrics by Flagger and for each gate by itself here"
        )
    return max((threshold or 1) - 1, 0)


def _copied(analysis: Field, draft: Draft) -> int:
    """The share of the requests that is copied before there are any others, where a router can; 0 for none."""
    mirror, share = analysis["mirror"], analysis["mirrorWeight"]
    if draft.router not in ("gateway", "istio") or analysis["match"].value:
        return 0
    if not mirror.flag():
        share.name("mirror is not true")
        return 0
    found = share.count(1, 100) if share.is_there else 100
    return found or 100


def _affinity(field: Field, draft: Draft) -> None:
    if draft.router in ("gateway", "istio") and isinstance(field.value, Mapping):
        field.take()
        for key, below in field.pairs():
            below.name(
                f"{key} of Flagger's cookie: rollway's own is called rollway-APP-REVISION, and goes with the browser's session"
            )
        draft.blocks["canary"]["sticky"] = True


def _weights(analysis: Field, interval: int, draft: Draft, copied: int) -> None:
    """One step each `interval`, after one of copies. stepWeights as they are; else by stepWeight up to the first that is not
    below maxWeight."""
    listed = [item.count(1, 100) for item in analysis["stepWeights"].items()]
    weights = [weight for weight in listed if weight is not None]
    if weights:
        for key in ("stepWeight", "maxWeight"):
            analysis[key].name("there are stepWeights, which Flagger puts first")
    elif step := analysis["stepWeight"].count(1, 100):
        most = analysis["maxWeight"].count(1, 100) or 100
        weights = [*range(step, most, step)]
        weights.append((weights[-1] if weights else 0) + step)
    rising = [weight for place, weight in enumerate(weights) if weight > max(weights[:place], default=0)]
    if len(rising) < len(weights):
        analysis["stepWeights"].name("shares only rise in a release")
    stops: list[dict[str, Any]] = [{"weight": weight, "pause": duration(interval)} for weight in rising if weight < 100]
    if copied:
        stops.insert(0, {"mirror": copied, "pause": duration(interval)})
    if stops:
        draft.strategy = "canary"
        draft.blocks["canary"] = {"steps": stops}


def _ab(match: Field, service: Field, draft: Draft) -> None:
    draft.strategy = "ab"
    block: dict[str, Any] = {}
    if rules := [rule for item in match.items() if (rule := _rule(item))]:
        block["match"] = rules
    is_routed = draft.router == "istio"  # by a route of the manifests, which has hosts and gateways
    if not is_routed and (hosts := flagger_routes.hosts_of(service["hosts"])):
        block["hosts"] = hosts
    for item in service["gateways"].items() if not is_routed else []:
        name = item.value
        if name == "mesh":
            item.name("requests of the mesh itself match in any case")
        elif not isinstance(name, str) or not _holds({"gateway": name}):
            item.name("it is no gateway's name")
        elif "gateway" in block:
            item.name("ab takes one gateway: the others have to lead to the same routes")
        else:
            block["gateway"] = item.take()
    draft.blocks["ab"] = block
    draft.said.append("requests that match see the new version until `deploy promote`: rollway's ab has no end by itself")


def _rule(item: Field) -> dict[str, Any]:
    """One HTTPMatchRequest; a `suffix`, which Istio has not, as a regular expression. Empty where rollway takes it for none."""
    made: dict[str, Any] = copy.deepcopy(item.take()) if isinstance(item.value, Mapping) else {}
    headers: Any = made.get("headers")
    for name, header in headers.items() if isinstance(headers, dict) else ():
        if isinstance(header, Mapping) and isinstance(header.get("suffix"), str) and len(header) == 1:
            headers[name] = {"regex": f".*{re.escape(header['suffix'])}"}
    try:
        normal(made)
    except Wrong as wrong:
        item.name(str(wrong))
        return {}
    return made


def _holds(block: dict[str, Any]) -> bool:
    """Whether an ab block takes these options."""
    try:
        AbOptions.model_validate(block)
    except ValidationError:
        return False
    return True


# the Service


def _service(service: Field, draft: Draft, shelf: Shelf) -> None:
    """Flagger makes the Service itself; here it has to be in the manifests."""
    for key in ("primary", "canary", "unmanagedMetadata"):
        service[key].name(SIDE_LABELS)
    if not service.is_there:
        return
    target = shelf.deployment(draft.wanted)
    fields = ("name", "port", "portName", "targetPort", "appProtocol", "portDiscovery", "headless", "apex", "trafficDistribution")
    if target is None:
        for key in fields:
            service[key].name("of the Service that Flagger makes for the Deployment: write it into your manifests")
        return
    labels = texts(template_labels(target.obj))
    if any(is_a(item.obj, SERVICE) and selects(texts(get(item.obj, "spec", "selector")), labels) for item in shelf.objects):
        for key in fields:
            service[key].name("of the Service that Flagger makes: the manifests have one of their own")
        return
    made = _made(service, draft, texts(get(target.obj, "spec", "selector", "matchLabels")))
    if made is not None:
        draft.beside.append(made)


def _made(service: Field, draft: Draft, labels: Mapping[str, str]) -> dict[str, Any] | None:
    number = service["port"].count(1, 65535)
    selector = next(({key: labels[key]} for key in ("app", "name", "app.kubernetes.io/name") if key in labels), labels)
    if number is None or not selector:
        return None
    port: dict[str, Any] = {"name": service["portName"].text() or "http", "port": number}
    target = service["targetPort"].value
    if isinstance(target, str | int) and not isinstance(target, bool):
        port["targetPort"] = service["targetPort"].take()
    if protocol := service["appProtocol"].text():
        port["appProtocol"] = protocol
    if service["portDiscovery"].flag():
        service["portDiscovery"].name("the Service has the port that is named: add the others to it")
    meta: dict[str, Any] = {"name": service["name"].text() or draft.wanted}
    if draft.namespace:
        meta["namespace"] = draft.namespace
    for key in ("labels", "annotations"):
        texts = {name: text for name, field in service.at("apex", key).pairs() if (text := field.text()) is not None}
        meta |= {key: texts} if texts else {}
    spec: dict[str, Any] = {"selector": selector, "ports": [port]}
    if service["headless"].flag():
        spec["clusterIP"] = "None"
    if distribution := service["trafficDistribution"].text():
        spec["trafficDistribution"] = distribution
    return {"apiVersion": SERVICE.api_version, "kind": SERVICE.name, "metadata": meta, "spec": spec}
