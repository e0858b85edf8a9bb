"""A second Deployment that a router sends requests to: what ab, and canary by weight, have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from ..errors import BadInput
from ..kube.objects import SERVICE, Kind, Obj, kind_of, ref_of, selects, template_labels
from ..plan.observed import Observed
from ..plan.plan import Split
from ..plan.revision import Revision, in_flight_of
from ..release.model import Release
from ..routing import fit, selector, sticky
from ..routing.router import Router
from ..routing.routers import AUTO, BY_PODS, kinds_beside, refuse_unable, told_unseen, why_chosen
from ..routing.traffic import Sticky, Traffic
from . import fitting, manifests
from .base import Strategy
from .draft import Draft


class Routed(Strategy):
    """The second side's pods are ready before anything is routed to them, and leave when nothing is."""

    makes_room = True

    @property
    @abstractmethod
    def is_sticky(self) -> bool:
        """Whether users keep their side while the share grows."""

    @property
    @abstractmethod
    def _router(self) -> Router | None:
        """What splits the requests; None where the share is one of pods."""

    @abstractmethod
    def _all_traffic(self) -> Iterator[Traffic]:
        """What will be asked of the router below 100%, one after another."""

    def routes_asked(self) -> Iterator[Obj]:
        """The routes as they will stand at each share; none where pods share requests. Raises BadInput as `refuse_unfit` does."""
        if router := self._router:
            for traffic in self._all_traffic():
                yield from router.routes(traffic)

    @property
    def kinds_beside(self) -> tuple[Kind, ...]:
        return kinds_beside(self._router_name(self.release)) if self.release.router == AUTO else ()

    def unseen(self, observed: Observed) -> list[str]:
        name = self._router_name(self.release) or BY_PODS
        return told_unseen(self.release, self.app.host, name, observed.elsewhere or ())

    def _sticky(self, weight: int, history: Sequence[Revision] = ()) -> Sticky | None:
        """What users are known by at that share, in the release that the history has under way; without one, in its first."""
        if not self.is_sticky:
            return None
        current = in_flight_of(history)
        before = {entry.weight for entry in current.entries} - {weight} if current else set()
        return Sticky(sticky.cookie_of(self.release.app, current.number if current else 1), tuple(sorted(before)))

    def _share_by_route(
        self, draft: Draft, router: Router, traffic: Traffic, replicas: int, pods: int, words: tuple[str, str]
    ) -> Split:
        """`replicas` on the first side, `pods` on the second. `words`: why the second Deployment comes, and what it gets."""
        self._make_ready(draft, self.release)
        self._refuse_early_ports(draft, router)
        self._fill_first(draft, replicas)
        if draft.workload(self._second_name) is None:
            self._routes_home(draft, self.release)  # somebody deleted it, and its share of the requests goes nowhere
        router.lay(draft, self._sides(draft, self.release))
        self._bind(draft, router)
        why, gets = words
        if traffic.mirror:
            draft.notes.append(f"{traffic.mirror}% of the requests reach {self.release.version}, too: those that write, twice")
        draft.resume(self._second_name)
        now = draft.replicas(self._second_name)
        draft.apply(self._second(max(pods, now)), why, is_made=True)
        draft.notes += [*why_chosen(self.release, self.app.host, router.name), *self.unseen(draft.observed), router.past]
        if traffic.sticky and traffic.weight:
            draft.notes.append(f"users keep their version, by the cookie {traffic.sticky.cookie}")
        draft.wait(self._second_name, "rolled-out", max(pods, now), "nothing is routed to it before")
        router.send(draft, traffic, gets)
        if now > pods:
            draft.apply(self._second(pods), "as many as its share needs")
            draft.wait(self._second_name, "rolled-out", pods, "its surplus pods leave")
        stable = draft.replicas(self.app.name)
        return Split(stable=stable, canary=pods, percent=float(traffic.weight), copied=traffic.mirror)

    def _finish_by_route(self, draft: Draft, router: Router, replicas: int) -> Split:
        """The second side takes everybody at full size, while the application's own Deployment is rolled behind its back; what
        an HPA scales is never without requests."""
        if draft.workload(self._second_name) is None:
            self._routes_home(draft, self.release)
        elif draft.observed.is_autoscaled(self.app.name) and not draft.has_other_selector(self.release.workload):
            # pods that get no requests would be scaled away before everybody comes back to them
            draft.notes.append(f"an HPA scales {self.app.name}: it is rolled in place, while the share stays as it is")
        else:
            draft.resume(self._second_name)
            draft.apply(self._second(replicas), "at full size before it takes everybody")
            draft.wait(self._second_name, "rolled-out", replicas, "until all of it is ready")
            router.lay(draft, self._sides(draft, self.release))
            router.send(draft, Traffic(100), f"{self.release.version} for everybody")
        return super()._finish(draft, replicas)

    def _stand_in(self, draft: Draft, release: Release, replicas: int) -> None:
        """The second side carries everybody meanwhile: as it is where it serves, else made of the release."""
        name = self._second_name
        if draft.ready(name):
            draft.scale(name, replicas, "at full size before it takes everybody")
        else:
            made = manifests.second(release, self.suffix, self.suffix, replicas, deadline_s=self.deadline_s)
            if draft.has_other_selector(made):
                draft.scale(name, 0, "none of its pods is ready, and its selector becomes another one")
                draft.wait(name, "drained", 0, "its pods leave")
            draft.resume(name)
            draft.apply(made, f"{release.version} for everybody, while {self.app.name} is made anew", is_made=True)
        draft.wait(name, "rolled-out", replicas, "until all of it is ready")
        if (router := self._router) and self._is_tracked(draft):
            router.lay(draft, self._sides(draft, release))
            router.send(draft, Traffic(100), f"everybody to {name}, while {self.app.name} is made anew")
            draft.hold(max(release.traffic.proxy_sync, router.late_s), "until no proxy sends requests to the other part")

    def _split_by_route(self, draft: Draft, router: Router, replicas: int) -> Split:
        """Pods on each side as they are, and the share that routes give."""
        stable, second = draft.replicas(self.app.name), draft.replicas(self._second_name)
        share = router.share(filter(None, draft.objects.values())) or 0.0
        return Split(stable=stable, canary=second, percent=share) if second else self._all(replicas)

    def _refuse_early_ports(self, draft: Draft, router: Router) -> None:
        """The routes are the new version's from the first step on, the Service's ports only when all pods are."""
        if router.share(filter(None, draft.objects.values())) == 100:
            return  # a run that was cut off has asked before, and by now they lead to the second side alone
        for routes in router.routes(Traffic(0)):
            if not fitting.fits(draft, self.release, routes):
                raise BadInput(
                    f"{routes['kind']} {routes['metadata']['name']} sends requests to a port that Service {self.app.host.name} "
                    "only has when the release is done",
                    hint="add the port to the Service in a release of its own, or leave the port out of the route",
                )

    def _fill_first(self, draft: Draft, replicas: int) -> None:
        """A share of pods has taken some of the first side's, and now it is to carry all that is not routed to the second."""
        own = draft.workload(self._second_name) and self.app.name
        if own and draft.replicas(own) < replicas and not draft.observed.is_autoscaled(own):
            draft.scale(own, replicas, "its share is no longer one of pods")
            draft.wait(own, "rolled-out", replicas, "before the Services are bound to it alone")

    def _bind(self, draft: Draft, router: Router) -> None:
        """Services by which the router does not tell the sides apart reach the stable pods only, before the second side's
        appear; not those that mean the second side's alone, as one that the new version brings."""
        stable = template_labels(draft.workload(self.app.name) or {})
        routed = "only the routed Service tells the variants apart" if router.reaches_both else "routes alone lead to the new one"
        for name in (name for name in self.app.service_names if name not in router.reaches_both):
            live = draft.find(SERVICE, name)
            if live is not None and selects(fit.plain(live), stable):
                draft.route(name, selector.pinned(live, selector.STABLE), draft.ready(self.app.name), routed)

    def _refuse_unfit(self) -> None:
        """Raises BadInput for what the router, or without one how many pods there are, cannot do of all that will be asked."""
        router = self._router
        for traffic in self._all_traffic():
            refuse_unable(router.name if router else BY_PODS, traffic)
            if router:
                router.refuse_unfit(traffic)
                self._refuse_refused(router.routes(traffic))

    def _refuse_refused(self, routes: Sequence[Obj]) -> None:
        """Raises BadInput for what the API server would refuse of routes that are split, and takes of the user's own: a route may
        hold so many of a thing, and a share, a match or copies take one more."""
        from ..kube.validation.manifest import mistakes

        own = {ref_of(obj): obj for obj in self.release.others}
        for route in routes:
            kind = kind_of(route["apiVersion"], route["kind"])
            found = mistakes(kind, route) if kind else []
            before = own.get(ref_of(route))
            if found and not (kind and before and mistakes(kind, before)):
                raise BadInput(
                    f"{route['kind']} {route['metadata']['name']} would be refused once it is split: {found[0].text}",
                    hint="leave room for the share, the match or the copies, which take one more of these",
                )

    def _second(self, replicas: int) -> Obj:
        return manifests.second(self.release, self.suffix, self.suffix, replicas, deadline_s=self.deadline_s)

    @property
    def _second_name(self) -> str:
        return manifests.second_name(self.release, self.suffix)

    def _render_routed(self, router: Router, traffic: Traffic, replicas: int | None, pods: int) -> tuple[Obj, ...]:
        release: Release = self.release
        own = manifests.stable(release, replicas or release.replicas, self.rolling)
        others = [obj for obj in release.others if not router.is_route(obj)]
        return (*others, *release.services, own, *router.parts(), self._second(pods), *router.routes(traffic))
