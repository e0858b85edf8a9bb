"""ab: two versions side by side, told apart by what a request carries; Istio routes."""

from __future__ import annotations

from ..errors import BadInput
from ..kube.objects import GATEWAY, SERVICE, Obj, get
from ..plan.observed import APP_LABEL
from ..plan.plan import Split
from ..plan.revision import Revision
from ..release.model import Release
from ..routing import istio, selector
from ..routing.istio import VARIANT, Traffic
from . import manifests
from .base import Strategy
from .draft import Draft
from .home import track_of
from .manifests import Rolling


class Ab(Strategy):
    """The rule before the routes when adding, after them when removing; the variant's pods are there before anything is routed
    to them, and leave when nothing is. A released application keeps its routes, all to the stable subset, for the next test.
    """

    name = "ab"
    suffix = VARIANT

    @property
    def rolling(self) -> Rolling:
        return Rolling(deadline_s=self.deadline_s)

    @property
    def deadline_s(self) -> int:
        return self.release.options.ab.progress_deadline_seconds

    def first_weight(self) -> int:
        return self.release.options.ab.weight or 0

    def check_weight(self, weight: int) -> None:
        if not 0 <= weight <= 100:
            raise BadInput(f"{weight}% is no share", hint="a whole number from 0 to 100")

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        release = self.release
        own = manifests.stable(release, replicas or release.replicas, self.rolling)
        others = [obj for obj in release.others if not self._is_routing(obj)]
        variant = self._variant(self._variant_pods(replicas or release.replicas or 1))
        routes = self._routes(release, Traffic(self.first_weight(), self._matches))
        return (*others, *release.services, own, self._rule(release), *self._gateway(release), variant, *routes)

    @property
    def _matches(self) -> tuple[Obj, ...]:
        return tuple(dict(match) for match in self.release.options.ab.match)

    def _needs_tracks(self, weight: int) -> bool:
        return weight < 100

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        release = self.release
        self._support(draft, release)
        self._lay_routes(draft, release)
        if draft.deployment(self._variant_name) is None:
            self._routes_home(draft, release)  # somebody deleted it, and its share of the requests goes nowhere
        self._bind_others(draft)
        pods = self._variant_pods(replicas)
        draft.apply(self._variant(pods), "the second variant, beside the first", is_made=True)
        draft.notes.append(f"requests that reach Service {self.app.host.name} past Istio's proxies are spread over both versions")
        draft.wait(self._variant_name, "rolled-out", pods, "nothing is routed to it before")
        why = f"{weight}% of all requests" if weight else "requests that match"
        self._apply_routes(draft, release, Traffic(weight, self._matches), f"{why} to {release.version}")
        return Split(stable=draft.replicas(self.app.name), canary=pods, percent=float(weight))

    def _finish(self, draft: Draft, replicas: int) -> Split:
        """The variant takes everybody at full size, while the application's own Deployment is rolled behind its back."""
        release = self.release
        if draft.deployment(self._variant_name) is not None:
            draft.apply(self._variant(replicas), "at full size before it takes everybody")
            draft.wait(self._variant_name, "rolled-out", replicas, "until all of it is ready")
            self._apply_routes(draft, release, Traffic(100), f"{release.version} for everybody")
        else:
            self._routes_home(draft, release)
        return super()._finish(draft, replicas)

    def _bind_others(self, draft: Draft) -> None:
        """Services that Istio does not route here reach the stable pods only, before the variant's appear."""
        for name in (name for name in self.app.service_names if name != self.app.host.name):
            live = draft.find(SERVICE, name)
            if live is not None:
                ready = draft.ready(self.app.name)
                draft.route(
                    name, selector.pinned(live, selector.STABLE), ready, "only the routed Service tells the variants apart"
                )

    def _lay_routes(self, draft: Draft, release: Release) -> None:
        """Rule, gateway and routes with everything on the stable subset, where there are none yet."""
        wanted = self._routes(release, Traffic(0))
        if all(istio.uses_subsets(draft.find_like(routes), self.app.host) for routes in wanted):
            return
        draft.apply(
            self._rule(release),
            "the subsets, before any route names them",
            is_made=not istio.rule_of(release.others, self.app.host),
        )
        for gateway in self._gateway(release):
            draft.apply(gateway, "where requests from outside come in", is_made=True)
        self._apply_routes(draft, release, Traffic(0), "all requests to the stable subset, before the variant's pods appear")

    def _apply_routes(self, draft: Draft, release: Release, traffic: Traffic, why: str) -> None:
        is_made = istio.routes_to(release.others, self.app.host) is None
        for routes in self._routes(release, traffic):
            draft.apply(routes, why, is_made=is_made)

    def _routes_settled(self, draft: Draft, release: Release) -> None:
        for service in release.services:
            draft.apply(service, "as in the manifests")
        self._lay_routes(draft, release)
        draft.apply(self._rule(release), "as in the manifests, with the subsets")
        self._apply_routes(draft, release, Traffic(0), "as in the manifests, all requests to the stable subset")

    def _split_now(self, draft: Draft, weight: int, replicas: int) -> Split:
        shares = [istio.variant_weight(vs, self.app.host) for vs in self._virtual_services(draft)]
        stable, variant = draft.replicas(self.app.name), draft.replicas(self._variant_name)
        return Split(stable=stable, canary=variant, percent=float(max(shares, default=0))) if variant else self._all(replicas)

    def _refuse_unfit(self) -> None:
        if not self.release.services:
            raise BadInput(
                "ab has no Service to route to: the manifests hold none that selects the application's pods",
                hint="add the Service, or choose ramped or canary",
            )

    def _start_clean(self, draft: Draft, live: Revision) -> None:
        """Its routes may stay, if they send everything to the stable subset; seconds and pinned Services may not."""
        has_second = any(track_of(deployment) for deployment in draft.project().deployments(self.release.app))
        if has_second or any(selector.track_of(service) for service in self._services(draft)):
            super()._start_clean(draft, live)

    def _rule(self, release: Release) -> Obj:
        user = istio.rule_of(release.others, self.app.host)
        return self._placed(istio.destination_rule(self.app.name, self.app.host, user=user))

    def _routes(self, release: Release, traffic: Traffic) -> list[Obj]:
        """Every VirtualService of the manifests that routes to the Service; one of our own where there is none."""
        options, host = self.release.options.ab, self.app.host
        gateway = (options.gateway if options.hosts or options.gateway else None) or self._own_gateway
        users: list[Obj | None] = [obj for obj in release.others if istio.routes_to([obj], host)]
        made = [
            istio.virtual_service(self.app.name, host, traffic, hosts=options.hosts, gateway=gateway, user=user)
            for user in users or [None]
        ]
        return [self._placed(routes) for routes in made]

    @property
    def _own_gateway(self) -> str | None:
        return self.app.name if self.release.options.ab.hosts else None

    def _gateway(self, release: Release) -> list[Obj]:
        """A Gateway of our own, where hosts are given and no gateway of somebody else's is named."""
        options = self.release.options.ab
        is_theirs = options.gateway is not None and any(obj["kind"] == GATEWAY.name for obj in release.others)
        if not options.hosts or is_theirs:
            return []
        return [self._placed(istio.gateway(options.gateway or self.app.name, options.hosts))]

    def _placed(self, obj: Obj) -> Obj:
        labels = {**get(obj, "metadata", "labels", default={}), APP_LABEL: self.release.app}
        return {**obj, "metadata": {**obj["metadata"], "namespace": self.release.namespace, "labels": labels}}

    def _variant_pods(self, replicas: int) -> int:
        return self.release.options.ab.replicas or replicas

    def _variant(self, replicas: int) -> Obj:
        return manifests.second(self.release, VARIANT, VARIANT, replicas, deadline_s=self.deadline_s)

    @property
    def _variant_name(self) -> str:
        return manifests.second_name(self.release, VARIANT)
