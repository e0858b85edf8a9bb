"""Who else keeps the live objects as they want them: a GitOps tool that writes back what a release changes, or a chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..kube.objects import Obj, annotations_of, labels_of, ref_of
from .case import Case
from .model import Found, Severity


class Keeper(NamedTuple):
    """Who keeps an object, by name where it says so; what that means for a release, and what leaves rollway's fields alone."""

    who: str
    does: str
    hint: str
    severity: Severity = "warning"


ARGO_CD = (
    "in the Application: ignoreDifferences: [{group: '*', kind: '*', managedFieldsManagers: [rollway]}] and "
    "syncPolicy: {syncOptions: [RespectIgnoreDifferences=true]}"
)
FLUX = "on the object in Git: metadata: {annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}}"
FLUX_HELM = "on the object in the chart: metadata: {annotations: {helm.toolkit.fluxcd.io/driftDetection: disabled}}"
HELM = "release it by one of the two alone: `manifests: [{helm: chart/}]` has rollway render the chart"
WRITES_BACK = "may write back what a release changes"


def kept(case: Case) -> Iterator[Found]:
    """Of each who keeps any of the release's objects, the first of these: the workload, Services, the others."""
    release, told = case.release, set()
    for obj in (release.workload, *release.services, *release.others):
        live = case.observed.objects.get(ref_of(obj))
        keeper = keeper_of(live) if live else None
        if keeper is not None and keeper.who not in told:
            told.add(keeper.who)
            message = f"{ref_of(obj)} is {keeper.who}'s as well, which {keeper.does}"
            yield Found(obj, ("metadata",), message, hint=keeper.hint, severity=keeper.severity)


def keeper_of(live: Obj) -> Keeper | None:
    """By the marks that each leaves on what it applies."""
    marks = {**labels_of(live), **annotations_of(live)}
    if tracked := marks.get("argocd.argoproj.io/tracking-id") or marks.get("argocd.argoproj.io/instance"):
        return Keeper(f"Argo CD application {tracked.partition(':')[0]}", WRITES_BACK, ARGO_CD)
    if kustomization := _flux(marks, "kustomize"):
        is_left = marks.get("kustomize.toolkit.fluxcd.io/ssa") in LEFT
        return None if is_left else Keeper(f"Flux Kustomization {kustomization}", WRITES_BACK, FLUX)
    if chart := _flux(marks, "helm"):
        is_left = marks.get("helm.toolkit.fluxcd.io/driftDetection") == "disabled"
        return None if is_left else Keeper(f"Flux HelmRelease {chart}", WRITES_BACK, FLUX_HELM)
    if name := marks.get("meta.helm.sh/release-name"):
        return Keeper(f"Helm release {name}", "writes its own version back at the next `helm upgrade`", HELM, "info")
    return None


LEFT = ("IfNotPresent", "Ignore")
"""With these Flux leaves an object that is there as it is."""


def _flux(marks: Mapping[str, str], tool: str) -> str:
    name, namespace = marks.get(f"{tool}.toolkit.fluxcd.io/name", ""), marks.get(f"{tool}.toolkit.fluxcd.io/namespace", "")
    return f"{namespace}/{name}" if name and namespace else name
