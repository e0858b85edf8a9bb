"""Whether the cluster knows the kinds that a plan makes: not every one has Istio, which is told before anything is changed."""

from __future__ import annotations

from ..cluster.port import Cluster
from ..errors import ApiError, NotFound
from ..kube.objects import NAMESPACE, VIRTUAL_SERVICE, Obj, is_a, kind_of
from ..plan.plan import Plan
from ..plan.steps import Apply


async def check(cluster: Cluster, plan: Plan) -> None:
    """Raises NotFound, with what to install. A dry run of each kind's first object is one request where a custom resource, or one
    in another namespace, is made for the first time, and none in every other release."""
    made = [step.manifest for step in plan.steps if isinstance(step, Apply) and step.creates]
    if any(obj["kind"] == "CustomResourceDefinition" for obj in made):
        return  # the release brings along what it needs
    asked = (obj for obj in reversed(made) if _is_custom(obj) or _namespace_of(obj) not in ("", plan.namespace))
    for obj in {(obj["kind"], _namespace_of(obj)): obj for obj in asked}.values():
        try:
            await cluster.apply(obj, dry_run=True)
        except NotFound as missing:
            if missing.details.get("kind") == "namespaces" and any(is_a(each, NAMESPACE) for each in made):
                continue  # the release brings that along, too
            raise
        except ApiError:
            continue  # whatever else is wrong with it, the step itself will tell


def _namespace_of(obj: Obj) -> str:
    return str(obj["metadata"].get("namespace") or "")


def _is_custom(obj: Obj) -> bool:
    kind = kind_of(obj["apiVersion"], obj["kind"])
    return kind is None or kind.group == VIRTUAL_SERVICE.group
