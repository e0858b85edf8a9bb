"""Which pods are the new version's and which are not, as gates ask of them now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..cluster.port import Cluster
from ..health.pods import is_of_template, is_ready
from ..kube.clock import now
from ..kube.objects import POD, Obj, annotations_of, get, labels_of, ref_of, selects
from ..kube.workload import kind_of_workload, labels_of_all, workload_of
from ..measure.port import Side, Window
from ..plan.marks import track_of
from ..plan.observed import APP_LABEL, DIGEST_ANNOTATION, TRACK_LABEL
from ..plan.revision import Revision
from ..release.model import Release, app_container
from ..routing.selector import STABLE
from ..strategies import of_release
from ..strategies.app import App


async def window_of(
    cluster: Cluster,
    release: Release,
    revision: Revision | None,
    stable_version: str,
    *,
    weight: int,
    seconds: float,
    number: int,
    is_first: bool = False,
) -> Window | None:
    """What would be measured now; None as long as no pod of the new version is ready. Without a revision what runs is taken for
    both versions."""
    kind = kind_of_workload(release.workload)
    found = {ref_of(each): each for each in await cluster.list(kind, release.namespace, labels={APP_LABEL: release.app})}
    if (own := ref_of(release.workload)) not in found and (live := await cluster.get(own)) is not None:
        found[own] = live
    pods = await cluster.list(POD, release.namespace, labels=labels_of_all([release.workload, *found.values()]))
    new, stable = _sides(found.values(), pods, revision, stable_version)
    if revision is None:
        new = stable
    if new is None:
        return None
    primary = App(release).primary
    return Window(
        app=release.app,
        namespace=release.namespace,
        service=primary["metadata"]["name"] if primary else "",
        container=str(app_container(release.workload, release.app, release.container).get("name", "")),
        revision=revision.number if revision else 0,
        weight=weight,
        seconds=seconds,
        number=number,
        new=new,
        stable=stable,
        share=_share(release, revision.strategy, weight, pods, new, stable) if revision else None,
        until_s=now().timestamp(),
        is_first=is_first,
    )


def _share(release: Release, strategy: str, weight: int, pods: Sequence[Obj], new: Side, stable: Side | None) -> float | None:
    """What the new version should get of the requests."""
    if stable is None:
        return None
    ready = {pod["metadata"]["name"] for pod in pods if is_ready(pod)}
    fresh, rest = len(ready.intersection(new.names)), len(ready.intersection(stable.names))
    return of_release(strategy, release).due_share(weight, fresh, rest)


def is_of(pod: Obj, deployment: Obj) -> bool:
    """By the Deployment's selector, and by the track, which tells `shop` from `shop-canary`."""
    track = labels_of(pod).get(TRACK_LABEL, STABLE)
    is_selected = selects(get(deployment, "spec", "selector", "matchLabels"), labels_of(pod))
    return is_selected and track == (track_of(deployment) or STABLE)


def _sides(
    deployments: Iterable[Obj], pods: Sequence[Obj], revision: Revision | None, stable_version: str
) -> tuple[Side | None, Side | None]:
    new: tuple[Obj, list[Obj]] | None = None
    stable: tuple[Obj, list[Obj]] | None = None
    for deployment in deployments:
        own = [pod for pod in pods if is_of(pod, deployment)]
        is_new = revision is not None and annotations_of(deployment).get(DIGEST_ANNOTATION) == revision.digest
        fresh = [pod for pod in own if is_new and is_of_template(pod, deployment)]
        rest = [pod for pod in own if pod not in fresh]
        new = (deployment, fresh) if any(map(is_ready, fresh)) else new
        # the side with most of its pods is the one that serves
        stable = (deployment, rest) if rest and (stable is None or len(rest) > len(stable[1])) else stable
    return (_side(*new, revision.version) if new and revision else None), (_side(*stable, stable_version) if stable else None)


def _side(deployment: Obj, pods: Sequence[Obj], version: str) -> Side:
    names = tuple(sorted(pod["metadata"]["name"] for pod in pods))
    return Side(
        deployment=deployment["metadata"]["name"],
        track=track_of(deployment) or STABLE,
        version=version,
        pods=_several(names) if workload_of(deployment).is_set else _all_of(names),
        names=names,
    )


def _all_of(names: Sequence[str]) -> str:
    """The pods of their ReplicaSets, those too that come and go between two looks."""
    return f"{_several(sorted({name.rpartition('-')[0] for name in names}))}-[a-z0-9]+"


def _several(names: Sequence[str]) -> str:
    """These names: of a set both versions' pods are called alike."""
    several = "|".join(each.replace(".", "[.]") for each in names)
    return f"(?:{several})" if len(names) > 1 else several
