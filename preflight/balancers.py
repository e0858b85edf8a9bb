"""Load balancers of a cloud, which register pods later than Kubernetes does."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..kube.objects import INGRESS, NAMESPACE, Obj, annotations_of, get, labels_of
from ..release.model import key_of
from .case import Case, mappings, named
from .model import Edit, Found

ALB = "alb.ingress.kubernetes.io/"
INJECT = "elbv2.k8s.aws/pod-readiness-gate-inject"
NEG = "cloud.google.com/neg"


def without_gates(case: Case) -> Iterator[Found]:
    gates = [str(gate.get("conditionType", "")) for _, gate in mappings(case.pod, "readinessGates")]
    if not any(gate.startswith("target-health") for gate in gates):
        yield from _behind_alb(case)
    if "cloud.google.com/load-balancer-neg-ready" not in gates:
        yield from _behind_neg(case)


def _behind_alb(case: Case) -> Iterator[Found]:
    """Only with targets of type ip does the balancer know pods; as instances it knows nodes, which stay."""
    for ingress in case.written(INGRESS):
        marks = annotations_of(ingress)
        is_alb = get(ingress, "spec", "ingressClassName") == "alb" or marks.get("kubernetes.io/ingress.class") == "alb"
        if not is_alb or marks.get(f"{ALB}target-type") != "ip":
            continue
        space = _namespace(case)
        if space is not None and labels_of(space).get(INJECT) == "enabled":
            continue
        name = case.release.namespace or "NAMESPACE"
        is_own = space is not None and case.is_written(space)
        edits = (Edit(key_of(space), ("metadata", "labels", INJECT), "enabled"),) if is_own and space else ()
        seen = f"namespace {name} is not labelled {INJECT}" if space else f"nothing here labels the namespace {INJECT}"
        yield Found(
            ingress,
            ("metadata", "annotations", f"{ALB}target-type"),
            f"{named(ingress)} is an ALB with the pods as its targets, and {seen}",
            edits,
            hint=f"kubectl label namespace {name} {INJECT}=enabled; pods get the gate when they are made",
        )


def _behind_neg(case: Case) -> Iterator[Found]:
    for service in case.release.services:
        try:
            wanted = json.loads(annotations_of(service).get(NEG, "{}"))
        except ValueError:
            continue
        if isinstance(wanted, dict) and (wanted.get("ingress") or wanted.get("exposed_ports")):
            yield Found(
                service,
                ("metadata", "annotations", NEG),
                f"{named(service)} is a network endpoint group, whose gate GKE gives only to pods made after the Service",
                hint="`kubectl get pods -o wide` shows under READINESS GATES whether they have it; if not: a restart",
                severity="info",
            )


def _namespace(case: Case) -> Obj | None:
    return next((obj for obj in case.all(NAMESPACE) if obj["metadata"]["name"] == case.release.namespace), None)
