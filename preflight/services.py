"""Services and budgets: whom they choose, and at which port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..kube.intstr import resolve
from ..kube.objects import HPA, INGRESS, PDB, SERVICE, Obj, get, matches
from ..kube.printed import labels_text
from ..release.model import key_of
from .case import Case, main_port, mapping, mappings, named
from .makers import chooses, has_others
from .model import Edit, Found

_VERSIONS = ("version", "app.kubernetes.io/version", "track", "rollway.dev/track", "release", "slot", "color", "variant")
"""Labels by which two Deployments are told apart that are meant to stand behind one Service."""


def selects_nothing(case: Case) -> Iterator[Found]:
    """An error where the Service was meant for the released pods. Whose pods another one waits for cannot be known from here."""
    for service in case.lost:
        selector = service["spec"]["selector"]
        if case.is_meant(service):
            yield _mistyped(service, selector, case)
        elif not has_others(case.release.manifests):
            yield Found(
                service,
                ("spec", "selector"),
                f"{named(service)} selects pods that nothing here makes: {labels_text(selector)}",
                hint="nothing to do where an operator, another release or somebody by hand makes them",
                severity="info",
            )


def _mistyped(service: Obj, selector: Mapping[str, Any], case: Case) -> Found:
    meant, hint = _meant(selector, case.labels)
    edits = [Edit(key_of(service), ("spec", "selector", key), is_removal=True) for key in selector if key not in meant]
    edits += [Edit(key_of(service), ("spec", "selector", key), meant[key]) for key in meant if selector.get(key) != meant[key]]
    return Found(
        service,
        ("spec", "selector"),
        f"{named(service)} selects no pods: its selector is {labels_text(selector)}, "
        f"the pods of {named(case.workload)} are {labels_text(case.labels) or 'without labels'}",
        tuple(edits) if meant else (),
        hint=hint,
    )


def selects_too_much(case: Case) -> Iterator[Found]:
    for service in case.selecting:
        selector = service["spec"]["selector"]
        if service not in case.release.services:
            continue
        for maker in case.makers:
            if maker.obj is case.workload or not maker.is_sure or not chooses(selector, maker):
                continue
            if _is_another(maker.obj, maker.labels, case.labels):
                yield Found(
                    service,
                    ("spec", "selector"),
                    f"{named(service)} selects the pods of {named(case.workload)} and of {named(maker.obj)}, "
                    "which is something else",
                    hint=f"add a label to the selector that only the pods of {named(case.workload)} have",
                )


def _is_another(other: Obj, labels: Mapping[str, str], own: Mapping[str, str]) -> bool:
    """A job is never a server; two Deployments that differ in nothing but the version are one application."""
    if other["apiVersion"].startswith("batch/"):
        return True
    return any(labels.get(key) != own.get(key) for key in {*labels, *own} if key not in _VERSIONS)


def port_missing(case: Case) -> Iterator[Found]:
    for service in (each for each in case.services if case.is_written(each)):
        for place, port in mappings(service, "spec", "ports"):
            target = port.get("targetPort", port.get("port"))
            if not any(each.declares(target) for each in case.containers):
                yield from _unserved(case, service, place, port)
    yield from _routed_to_nothing(case)


def _unserved(case: Case, service: Obj, place: int, port: Obj) -> Iterator[Found]:
    """A target that no container declares: a name leads nowhere, a number is only doubtful."""
    declared = [each for container in case.containers for each in container.ports]
    target = port.get("targetPort", port.get("port"))
    is_name = isinstance(target, str) and not target.isdecimal()
    if not is_name and not declared:
        return
    known = ", ".join(str(each.get("name") or each.get("containerPort")) for each in declared) or "no port"
    only = main_port(case.app_container) if len(declared) == 1 else None
    key = "targetPort" if "targetPort" in port else "port"
    yield Found(
        service,
        ("spec", "ports", place, key),
        f"{named(service)} sends to port {target} of the pods, which declare {known}",
        (Edit(key_of(service), ("spec", "ports", place, "targetPort"), only),) if only is not None else (),
        hint="name a port that the container has",
        severity="error" if is_name else "warning",
    )


def _routed_to_nothing(case: Case) -> Iterator[Found]:
    """Backends of an Ingress at a port that their Service does not have."""
    ports = {
        service["metadata"]["name"]: [each for _, each in mappings(service, "spec", "ports")] for service in case.all(SERVICE)
    }
    for ingress in case.written(INGRESS):
        for rule, spec in mappings(ingress, "spec", "rules"):
            for place, path in mappings(spec, "http", "paths"):
                name, port = get(path, "backend", "service", "name"), get(path, "backend", "service", "port", default={})
                wanted = port.get("name", port.get("number")) if isinstance(port, dict) else None
                known = ports.get(name) if isinstance(name, str) else None
                if known is None or wanted is None or any(wanted in (one.get("name"), one.get("port")) for one in known):
                    continue
                listed = ", ".join(str(one.get("port")) for one in known) or "none"
                yield Found(
                    ingress,
                    ("spec", "rules", rule, "http", "paths", place, "backend", "service", "port"),
                    f"{named(ingress)} sends to port {wanted} of Service {name}, which has {listed}",
                    hint="name a port of the Service, not of the container",
                    severity="error",
                )


def budget_blocks(case: Case) -> Iterator[Found]:
    for budget in case.all(PDB):
        spec = mapping(budget, "spec")
        if not _is_chosen(spec.get("selector"), case.labels):
            continue
        key = "maxUnavailable" if spec.get("maxUnavailable") is not None else "minAvailable"
        if (allowed := _allowed(spec.get(key), key, case.replicas)) is None or allowed > 0:
            continue
        pods = "however many pods there are" if case.replicas is None else f"of {case.replicas} pods"
        is_own = case.is_written(budget)
        # of a single pod none can be spared: there is nothing to write but another number of pods
        edits = _loosened(budget, key) if is_own and (case.replicas is None or case.replicas > 1) else ()
        yield Found(
            budget if is_own else case.workload,
            ("spec", key) if is_own else ("spec", "replicas"),
            f"{named(budget)} ({key}: {spec.get(key)}) lets none {pods} be evicted",
            edits,
            hint="run two pods or more, or do without the budget",
        )


def _loosened(budget: Obj, key: str) -> tuple[Edit, ...]:
    target = key_of(budget)
    gone = (Edit(target, ("spec", key), is_removal=True),) if key == "minAvailable" else ()
    return (*gone, Edit(target, ("spec", "maxUnavailable"), 1))


def _allowed(value: Any, key: str, replicas: int | None) -> int | None:
    """Pods that a budget lets go; None where that cannot be told."""
    try:
        if key == "maxUnavailable":
            return resolve(value, 100 if replicas is None else replicas, round_up=True)
        if replicas is None:
            return 0 if value == "100%" else None
        return replicas - resolve(value, replicas, round_up=True) if replicas else None
    except (ValueError, AttributeError, TypeError):
        return None


def _is_chosen(selector: Any, labels: Mapping[str, str]) -> bool:
    try:
        return isinstance(selector, dict) and matches(selector, labels)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def autoscaled_count(case: Case) -> Iterator[Found]:
    written = [each for each in case.autoscalers if case.is_written(each)]
    if written and get(case.workload, "spec", "replicas") is not None:
        yield Found(
            case.workload,
            ("spec", "replicas"),
            f"replicas: {case.release.replicas}, and {HPA.name} {written[0]['metadata']['name']} scales {named(case.workload)}",
            (Edit(case.key, ("spec", "replicas"), is_removal=True),),
        )


def _meant(selector: Mapping[str, Any], labels: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """(selector, hint): what was probably meant, where a single label is wrong in its key or in its value; else nothing."""
    right = {key: str(value) for key, value in selector.items() if labels.get(key) == value}
    wrong = {key: value for key, value in selector.items() if key not in right}
    key, value = next(iter(wrong.items()))
    near = key if key in labels else next((label for label, text in labels.items() if text == value), None)
    if near is None:
        others = f"add it to the template, or select {labels_text(labels, ': ')}"
        return {}, f"the pods have no label {key}: {others}" if labels else ""
    hint = f'did you mean "{near}: {labels[near]}"?'
    return ({**right, near: labels[near]} if len(wrong) == 1 else {}), hint
