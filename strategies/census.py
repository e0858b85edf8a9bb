"""How many pods there are on the way of a plan, as far as its steps lead to them; those that terminate do not count."""

from __future__ import annotations

from collections.abc import Mapping

from ..kube.objects import Obj, Ref, get, known_as, ref_of
from ..kube.workload import is_workload, pods_of, workload_of


class Census:
    """`found` are the objects as they are before the plan."""

    def __init__(self, found: Mapping[Ref, Obj | None]) -> None:
        workloads = {ref: obj for ref, obj in found.items() if obj is not None and is_workload(obj)}
        self._pods = {ref: workload_of(obj).counts(obj).all for ref, obj in workloads.items()}
        self.peak = sum(self._pods.values())

    def of(self, ref: Ref) -> int:
        return self._pods.get(known_as(ref), 0)

    def set(self, ref: Ref, pods: int) -> None:
        self._pods[known_as(ref)] = pods
        self.peak = max(self.peak, sum(self._pods.values()))

    def applied(self, live: Obj | None, after: Obj) -> None:
        """The most that an apply of this workload leads to."""
        ref, wanted = ref_of(after), pods_of(after)
        before = self.of(ref)
        is_rolling = live is not None and get(live, "spec", "template") != get(after, "spec", "template")
        surge = workload_of(after).limits(after, wanted).surge if is_rolling else 0
        self.set(ref, min(before + wanted, max(before, wanted + surge)) if is_rolling else max(before, wanted))


def newer(after: Obj, live: Obj | None) -> Obj:
    """The next generation, so that the old status no longer speaks for the object."""
    generation = get(live, "metadata", "generation", default=0) + 1
    return {**after, "metadata": {**after["metadata"], "generation": generation}}
