"""The five release styles, one file each: `(release, observed) -> Plan`. No I/O, no clock, nothing of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..release.model import Release
    from .base import Strategy

NAMES = ("recreate", "ramped", "blue-green", "canary", "ab")


def by_name(name: str) -> type[Strategy]:
    """The class of a strategy, as a Deployment has it. Raises KeyError for a name that is not in NAMES."""
    from .ab import Ab
    from .blue_green import BlueGreen
    from .canary import Canary
    from .ramped import Ramped
    from .recreate import Recreate

    found: dict[str, type[Strategy]] = {cls.name: cls for cls in (Recreate, Ramped, BlueGreen, Canary, Ab)}
    return found[name]


def of_release(name: str, release: Release, *, force: bool = False) -> Strategy:
    """The strategy of a release, as its kind of workload has it, and its router where that is named; one that its kind cannot
    have refuses it. Raises KeyError as `by_name`."""
    from ..kube.workload import workload_of

    if workload_of(release.workload).is_set:
        from .sets import RampedDaemonSet, RampedStatefulSet, RecreateDaemonSet, RecreateStatefulSet

        for cls in (RampedStatefulSet, RampedDaemonSet, RecreateStatefulSet, RecreateDaemonSet):
            if cls.name == name and release.workload["kind"] in {kind.name for kind in cls.workloads}:
                return cls(release, force=force)
    if name == "blue-green" and release.router not in ("auto", "replicas"):
        from .by_route import BlueGreenByRoute

        return BlueGreenByRoute(release, force=force)
    return by_name(name)(release, force=force)


def possible(names: Iterable[str], release: Release) -> tuple[str, ...]:
    """Those of the strategies that the release's kind of workload can have."""
    return tuple(name for name in names if of_release(name, release).fits)
