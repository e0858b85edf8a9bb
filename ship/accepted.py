"""Whether the API server takes what is to change of objects that are there: some of their fields are for their whole life."""

from __future__ import annotations

import asyncio

from ..cluster.port import Cluster
from ..errors import ApiError, BadInput, Invalid
from ..kube.conversion import converted
from ..kube.defaults import declared
from ..kube.objects import DESTINATION_RULE, VIRTUAL_SERVICE, Obj, is_a, ref_of
from ..plan import foreseen
from ..plan.diff import changes
from ..plan.observed import Observed
from ..plan.plan import Plan
from ..release.model import Release

_OURS = (".spec.selector", ".spec.scaleTargetRef", ".spec.replicas")
"""What strategies make of the manifests' own objects from one step to the next."""
_FOR_LIFE = ("immutable", "may not change", "cannot change", "are forbidden", "can not be less than")
LONGEST = 200


async def check(cluster: Cluster, release: Release, observed: Observed, plan: Plan) -> None:
    """Raises BadInput with all that may not change, before anything is touched: what cannot be promoted must not begin.

    A dry run is one request for each object beside the application's own Deployment that changes, which is none in most
    releases. What is taken back is not asked about, and whatever else an answer says the step itself will tell.
    """
    if plan.action == "rollback" or plan.is_empty:
        return
    asked = [obj for obj in (*release.services, *release.others) if _is_changed(observed.objects.get(ref_of(obj)), obj)]
    answers = await asyncio.gather(*(_refusal(cluster, obj) for obj in asked))
    found = [f"{ref_of(obj)}: {_brief(answer)}" for obj, answer in zip(asked, answers, strict=True) if answer]
    if not found:
        return
    raise BadInput(
        f"the API server refuses what is to change of {found[0]}",
        detail="\n".join(found[1:]),
        hint="what is there cannot become that: give it another name, or delete it first; nothing was changed",
    )


def _is_changed(live: Obj | None, manifest: Obj) -> bool:
    if live is None or is_a(manifest, VIRTUAL_SERVICE) or is_a(manifest, DESTINATION_RULE):
        return False
    there = converted(live, manifest["apiVersion"])
    after = foreseen.applied(there, manifest, force=True)
    return any(not change.path.startswith(_OURS) for change in changes(there, declared(after)))


async def _refusal(cluster: Cluster, obj: Obj) -> str:
    try:
        await cluster.apply(obj, force=True, dry_run=True)
    except Invalid as invalid:
        return invalid.message if any(word in invalid.message for word in _FOR_LIFE) else ""
    except ApiError:
        pass
    return ""


def _brief(message: str) -> str:
    """Servers quote whole templates."""
    return message if len(message) <= LONGEST else f"{message[: LONGEST // 2]} … {message[-LONGEST // 4 :]}"
