"""Whether the cluster knows the kinds that a plan makes: not every one has Istio, which is told before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable

from ..cluster.port import Cluster
from ..errors import ApiError, NotFound
from ..kube.objects import NAMESPACE, VIRTUAL_SERVICE, Obj, is_a, kind_of
from ..kube.removed import home_of
from ..plan.plan import Plan
from ..plan.steps import Apply


async def check(cluster: Cluster, plan: Plan, *, learns: bool = False) -> None:
    """Raises NotFound, with what to install. A dry run of each kind's first object is one request where a custom resource, or one
    in another namespace, is made for the first time, and none in every other release. `learns`: what the cluster does not know
    it is taught before the plan is carried out."""
    made = [step.manifest for step in plan.steps if isinstance(step, Apply) and step.creates]
    if any(obj["kind"] == "CustomResourceDefinition" for obj in made):
        return  # the release brings along what it needs
    asked = (obj for obj in reversed(made) if _is_custom(obj) or _namespace_of(obj) not in ("", plan.namespace))
    for obj in {(obj["kind"], _namespace_of(obj)): obj for obj in asked}.values():
        if (missing := await _missing(cluster, obj)) is None:
            continue
        if _is_of_namespace(missing) and any(is_a(each, NAMESPACE) for each in made):
            continue  # the release brings that along, too
        if _is_of_namespace(missing) or not (learns and _is_nobodys(obj)):
            raise missing


async def unknown(cluster: Cluster, objects: Iterable[Obj]) -> list[Obj]:
    """Of custom resources whose kind the cluster does not know, the first of each."""
    first: dict[tuple[str, str], Obj] = {}
    for obj in filter(_is_nobodys, objects):
        first.setdefault((obj["apiVersion"], obj["kind"]), obj)
    asked = [(obj, await _missing(cluster, obj)) for obj in first.values()]
    return [obj for obj, missing in asked if missing is not None and not _is_of_namespace(missing)]


async def _missing(cluster: Cluster, obj: Obj) -> NotFound | None:
    try:
        await cluster.apply(obj, dry_run=True)
    except NotFound as missing:
        return missing
    except ApiError:
        pass  # whatever else is wrong with it, the step itself will tell
    return None


def _is_of_namespace(missing: NotFound) -> bool:
    return missing.details.get("kind") == "namespaces"


def _namespace_of(obj: Obj) -> str:
    return str(obj["metadata"].get("namespace") or "")


def _is_custom(obj: Obj) -> bool:
    kind = kind_of(obj["apiVersion"], obj["kind"])
    return kind is None or kind.group == VIRTUAL_SERVICE.group


def _is_nobodys(obj: Obj) -> bool:
    """A kind that rollway does not know, of a group that may be anybody's: a custom resource, and none that Kubernetes would have
    in a group of its own, whose names are without a dot or known with all that is in them."""
    version, kind = obj["apiVersion"], obj["kind"]
    return kind_of(version, kind) is None and "." in version.rpartition("/")[0] and home_of(version, kind) is None
