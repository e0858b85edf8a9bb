"""blue-green by routes: a router's weight says which of two sides is live, where the release file names the router."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..kube.objects import HPA, Obj, is_a, merged
from ..plan.marks import digest_of
from ..plan.observed import Observed, scales
from ..plan.plan import Split
from ..plan.revision import Revision
from ..release.model import Release
from ..routing.router import Router
from ..routing.traffic import Traffic
from . import surroundings
from .blue_green import TwoSides
from .draft import Draft
from .routed import Routed


class BlueGreenByRoute(TwoSides, Routed):
    """The new version comes in `<app>-green`, and the routes lead everybody there at once; in the end, when the old side has been
    kept for its time, the user's own Deployment becomes it behind the routes' back, and they are as in the manifests again. So
    going back to the warm side is one change of the routes, and a later way back the same two switches.
    """

    is_sticky = False  # everybody is on one side

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        pods = replicas or self.release.replicas or 1
        return (*self._render_routed(self._router, Traffic(0), replicas, pods), *self._previews(self.suffix))

    def refuse_unfit(self) -> None:
        super().refuse_unfit()
        self._refuse_unfit()

    def other(self, draft: Draft, obj: Obj) -> Obj:
        """An autoscaler of the manifests scales the side that is live."""
        if is_a(obj, HPA) and scales(obj, self.app.name) and self._is_switched(draft):
            return merged(obj, {"spec": {"scaleTargetRef": {"name": self._second_name}}})
        return obj

    def _start_clean(self, draft: Draft, live: Revision, weight: int) -> None:
        super()._start_clean(draft, live, 0)  # also where everybody is to be led: none of its pods is replaced in place

    def _beside(self, observed: Observed, weight: int) -> list[str]:
        live = observed.live
        stays = live.digest == self.release.digest if live else self.app.foreign(observed) is None
        return self._router.beside(observed.elsewhere, splits=not stays)

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        draft.apply(self._preview(self.suffix), "reaches the new version before anybody else does", is_made=True)
        return self._lead(draft, Traffic(weight), replicas)

    def _finish(self, draft: Draft, replicas: int) -> Split:
        if self._has_to_switch(draft):
            self._lead(draft, Traffic(100), replicas)
        else:
            super()._finish(draft, self._needed(draft, replicas))
        return self._all(replicas)

    def _clean_up(self, draft: Draft) -> None:
        """Home from the second side, where everybody is. What a kill cuts off here the next command goes on with."""
        if self._is_at_home(draft):
            return
        if self._has_to_switch(draft):  # who goes on with what was cut off may find no old side any more
            delay = self.release.options.blue_green.scale_down_delay_seconds
            draft.hold(delay, "the old side stays warm: going back is one change")
        super()._finish(draft, self._needed(draft, draft.replicas(self.app.name)))

    def _return_to(self, draft: Draft, target: Revision, replicas: int) -> None:
        """To the own Deployment, where that is what it was; else by the same two switches, so that no two versions are mixed: of
        the routes as the target has them, whose Service may have another name."""
        release = replace(Release.from_record(target.release), router=self.release.router)
        way = self
        if not target.is_adopted and (held := BlueGreenByRoute(release, force=self.force))._has_to_switch(draft):
            way = held
            way._lead(draft, Traffic(100), replicas)
        super(BlueGreenByRoute, way)._return_to(draft, target, way._needed(draft, replicas))

    def _split_now(self, draft: Draft, weight: int, replicas: int) -> Split:
        return self._split_by_route(draft, self._router, replicas) if weight < 100 else self._all(replicas)

    # the two sides

    def _has_to_switch(self, draft: Draft) -> bool:
        """Whether everybody has to be led to the second side: the own one is of another version, and serves, or is the warm one
        of two."""
        own, second = draft.workload(self.app.name), draft.workload(self._second_name)
        if own is None or not draft.replicas(self.app.name) or digest_of(own) == self.release.digest:
            return False
        if self._runs_already(draft, self.release):
            return False
        return not self._is_switched(draft) or digest_of(second) == self.release.digest

    def _is_switched(self, draft: Draft) -> bool:
        """Whether routes lead everybody to the second side."""
        live = [obj for obj in draft.objects.values() if obj]
        is_there = any(router.share(live) == 100 for router in self._routers_there(draft, self.release))
        return is_there and bool(draft.replicas(self._second_name))

    def _needed(self, draft: Draft, replicas: int) -> int:
        """As many pods as the second side has, where everybody is there."""
        return draft.replicas(self._second_name) if self._is_switched(draft) else replicas

    def _lead(self, draft: Draft, traffic: Traffic, replicas: int) -> Split:
        """The second side at full size, and then everybody, or nobody yet, to it."""
        first, pods = draft.replicas(self.app.name), self._needed(draft, replicas)
        if traffic.weight and not draft.is_back:
            surroundings.refuse_owned_autoscaler(draft, self.app.name)
        gets = f"all requests to {self.release.version}, at once" if traffic.weight else "all requests to the version before"
        split = self._share_by_route(draft, self._router, traffic, first, pods, ("the new version at full size", gets))
        if traffic.weight:
            self._retarget(draft, self.app.name, self._second_name)
        return split

    @property
    def _router(self) -> Router:
        return next(router for router in self._routers(self.release) if router.is_chosen)

    def _router_name(self, release: Release) -> str:
        return self.release.router  # a version before may have been released by another one

    def _all_traffic(self) -> Iterator[Traffic]:
        yield from (Traffic(0), Traffic(100))
