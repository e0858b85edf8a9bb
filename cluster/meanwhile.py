"""What others may have done while a run waited with its lock given back: they have the say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import StalePlan
from ..kube.objects import SERVICE, Obj, Ref, labels_of, ref_of
from ..kube.workload import names_workload
from ..plan.observed import APP_LABEL
from ..plan.revision import Revision
from ..routing.selector import reaching_only
from .journal import standing
from .port import Cluster


def refuse_acted(known: Sequence[Revision], before: Sequence[Revision]) -> None:
    """Raises StalePlan where the history is no longer as this run left it."""
    if standing(known) != standing(before):
        raise StalePlan(
            "another run has acted on the release while this one waited",
            detail="this run stops here and leaves the rest to that one",
            hint="see `deploy status`",
        )


async def refuse_reached(cluster: Cluster, ref: Ref, known: Iterable[Ref]) -> None:
    """Raises StalePlan where a Service leads to a workload again which was to lose its pods, and to no other that has pods:
    a Service that was patched by hand, or the same version released by a strategy without sides, is in no history. `known` are
    the objects that the plan was made from."""
    workload = await cluster.get(ref)
    if workload is None:
        return
    known = list(known)
    services = await _live(cluster, (each for each in known if each.is_a(SERVICE)))
    reaching = [each for each in reaching_only(workload, services) if APP_LABEL not in labels_of(each)]  # but for our preview
    others = await _live(cluster, (each for each in known if names_workload(each) and each != ref) if reaching else ())
    for service in reaching_only(workload, [*reaching, *others]):
        raise StalePlan(
            f"{ref_of(service)} leads to {ref.name} again: somebody changed that while this run waited",
            detail=f"{ref.name} keeps its pods, and the rest of this run is left undone",
            hint="`deploy status` says what is live, and who has changed it",
        )


async def _live(cluster: Cluster, refs: Iterable[Ref]) -> list[Obj]:
    return [obj for ref in refs if (obj := await cluster.get(ref)) is not None]
