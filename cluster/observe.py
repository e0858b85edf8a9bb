"""Reading what a plan starts from."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence

from ..errors import ApiError, Forbidden
from ..kube.objects import DEPLOYMENT, HPA, Kind, Obj, Ref, get, known_as, labels_of, merged, ref_of
from ..kube.workload import is_workload
from ..plan.marks import applied_by_us, track_of
from ..plan.observed import APP_LABEL, Observed
from ..plan.revision import Revision
from .port import Cluster


async def observe(
    cluster: Cluster, app: str, namespace: str, refs: Iterable[Ref], history: Sequence[Revision], *, seconds: Collection[Ref]
) -> Observed:
    """The objects of `refs`, the namespace's autoscalers, and, where there may be `seconds` (second Deployments, by name), those
    with the app's label.

    All at once where the reads do not depend on each other. Labelled Deployments are asked for as well where the history is lost
    though the application's own Deployment carries the label.
    """
    ordered = sorted(set(refs))
    labels = {APP_LABEL: app}
    taken: frozenset[Ref] = frozenset()
    if seconds:
        found, autoscalers, labelled, taken = await _with_seconds(cluster, labels, namespace, ordered, seconds)
    elif history:
        (found, autoscalers), labelled = await asyncio.gather(_gets(cluster, ordered), cluster.list(HPA, namespace)), []
    else:
        found = await _gets(cluster, ordered)
        workloads = [obj for obj in found if obj and is_workload(obj)]
        # what is not there yet is scaled by nobody
        autoscalers = await cluster.list(HPA, namespace) if workloads else []
        is_ours = any(APP_LABEL in labels_of(obj) for obj in workloads)
        labelled = await cluster.list(DEPLOYMENT, namespace, labels=labels) if is_ours else []
    objects: dict[Ref, Obj | None] = dict(zip(ordered, found, strict=True))
    known = {known_as(ref) for ref in objects}
    # what is asked for in a version of its own is not there once more in another
    listed = {ref_of(obj): obj for obj in (*labelled, *autoscalers)}
    objects |= {ref: obj for ref, obj in listed.items() if ref in objects or known_as(ref) not in known}
    return Observed(objects=objects, history=tuple(history), taken=taken)


async def _gets(cluster: Cluster, refs: Iterable[Ref]) -> list[Obj | None]:
    return await asyncio.gather(*(cluster.get(ref) for ref in refs))


async def _with_seconds(
    cluster: Cluster, labels: dict[str, str], namespace: str, ordered: Sequence[Ref], seconds: Collection[Ref]
) -> tuple[list[Obj | None], Sequence[Obj], Sequence[Obj], frozenset[Ref]]:
    """What is at `ordered`, the autoscalers, the labelled Deployments, and those of `seconds` that are somebody else's.

    A Deployment that the list has told of is not asked for again: mostly that is both of them.
    """
    others = [ref for ref in ordered if not ref.is_a(DEPLOYMENT)]
    lists = asyncio.gather(cluster.list(HPA, namespace), cluster.list(DEPLOYMENT, namespace, labels=labels))
    first, (autoscalers, labelled) = await asyncio.gather(_gets(cluster, others), lists)
    known: dict[Ref, Obj | None] = dict(zip(others, first, strict=True)) | {ref_of(obj): obj for obj in labelled}
    unknown = sorted({ref for ref in (*ordered, *seconds) if ref not in known})
    known |= dict(zip(unknown, await _gets(cluster, unknown), strict=True))
    there = [obj for ref in seconds if (obj := known[ref]) and labels_of(obj).get(APP_LABEL) != labels[APP_LABEL]]
    strays = [merged(obj, {"metadata": {"labels": labels}}) for obj in there if _is_stray(obj)]
    taken = frozenset(ref_of(obj) for obj in there if not _is_stray(obj))
    return [known[ref] for ref in ordered], autoscalers, [*labelled, *strays], taken


def _is_stray(second: Obj) -> bool:
    """Whether rollway has made it, and somebody has taken the application's label from it, or written another into it: it counts
    as though it had it. Another application's has its own from rollway."""
    fields = applied_by_us(second)
    is_given = get(fields, "f:metadata", "f:labels", f"f:{APP_LABEL}") is not None
    return fields is not None and track_of(second) is not None and (APP_LABEL not in labels_of(second) or not is_given)


async def listed(cluster: Cluster, kind: Kind, namespace: str) -> Sequence[Obj] | None:
    """The objects of a kind in all namespaces, or in this one where no more may be read; None where not even that may. Of a kind
    that the cluster does not know there are none."""
    for where in ("", namespace):
        try:
            return await cluster.list(kind, where)
        except Forbidden:
            continue
        except ApiError as error:
            if error.code == 404:
                return []
            raise
    return None
