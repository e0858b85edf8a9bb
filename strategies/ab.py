"""ab: two versions side by side, told apart by what a request carries; Istio routes."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BadInput, Refused
from ..kube.objects import GATEWAY, SERVICE, VIRTUAL_SERVICE, Obj, get, is_a
from ..plan.observed import APP_LABEL, Observed
from ..plan.plan import Split
from ..release.model import Release
from ..routing import claims, istio, selector
from ..routing.istio import VARIANT, Traffic
from ..routing.matches import Undecided
from ..routing.unfit import unfits
from . import fitting, manifests
from .base import Strategy
from .draft import Draft
from .manifests import Rolling
from .marks import is_ours


class Ab(Strategy):
    """The rule before the routes when adding, after them when removing; the variant's pods are there before anything is routed
    to them, and leave when nothing is. A released application has its routes as the manifests have them.
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
        self._make_ready(draft, release)
        self._refuse_early_ports(draft, release)
        self._lay_routes(draft, release)
        if draft.deployment(self._variant_name) is None:
            self._routes_home(draft, release)  # somebody deleted it, and its share of the requests goes nowhere
        self._bind_others(draft)
        pods = self._variant_pods(replicas)
        draft.resume(self._variant_name)
        draft.apply(self._variant(pods), "the second variant, beside the first", is_made=True)
        draft.notes.append(f"requests that reach Service {self.app.host.name} past Istio's proxies are spread over both versions")
        draft.wait(self._variant_name, "rolled-out", pods, "nothing is routed to it before")
        why = f"{weight}% of all requests" if weight else "requests that match"
        self._apply_routes(draft, self._routes(release, Traffic(weight, self._matches)), f"{why} to {release.version}")
        return Split(stable=draft.replicas(self.app.name), canary=pods, percent=float(weight))

    def _finish(self, draft: Draft, replicas: int) -> Split:
        """The variant takes everybody at full size, while the application's own Deployment is rolled behind its back."""
        release = self.release
        if draft.deployment(self._variant_name) is not None:
            draft.resume(self._variant_name)
            draft.apply(self._variant(replicas), "at full size before it takes everybody")
            draft.wait(self._variant_name, "rolled-out", replicas, "until all of it is ready")
            self._lay_rule(draft, release)
            self._apply_routes(draft, self._routes(release, Traffic(100)), f"{release.version} for everybody")
        else:
            self._routes_home(draft, release)
        return super()._finish(draft, replicas)

    def _refuse_early_ports(self, draft: Draft, release: Release) -> None:
        """The routes are the new version's from the first step on, the Service's ports only when all pods are."""
        for routes in self._routes(release, Traffic(0)):
            if not fitting.fits(draft, release, routes):
                raise BadInput(
                    f"VirtualService {routes['metadata']['name']} sends requests to a port that Service {self.app.host.name} "
                    "only has when the release is done",
                    hint="add the port to the Service in a release of its own, or leave the port out of the route",
                )

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
        """Rule, gateway and routes with everything on the stable part, where they are not split yet."""
        self._lay_rule(draft, release)
        for gateway in self._gateway(release):
            draft.apply(gateway, "where requests from outside come in", is_made=True)
        for routes in self._routes(release, Traffic(0)):
            if not istio.uses_parts(draft.find_like(routes), self.app.host):
                self._apply_routes(draft, [routes], "all requests to the stable part, before the variant's pods appear")
        wanted = {routes["metadata"]["name"] for routes in self._routes(release, Traffic(0))}
        for live in self._virtual_services(draft):
            if is_ours(live, release.app) and live["metadata"]["name"] not in wanted:
                draft.delete(VIRTUAL_SERVICE, live["metadata"]["name"], "the manifests' own route")

    def _lay_rule(self, draft: Draft, release: Release) -> None:
        rule = self._rule(release, self._sides(draft, release))
        wide = istio.widened(rule, draft.find_like(rule))
        draft.apply(wide, "the parts of its subsets, before any route names them", is_made=is_ours(rule, release.app))

    def _apply_routes(self, draft: Draft, routes: list[Obj], why: str) -> None:
        for each in routes:
            draft.apply(each, why, is_made=is_ours(each, self.release.app))

    def _standing_routes(self, release: Release) -> list[Obj]:
        options = self.release.options.ab
        if not (options.hosts or options.gateway) or istio.routes_of(release.others, self.app.host):
            return self._gateway(release)
        return [*self._gateway(release), self._own_routes(release)]

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
        for unfit in unfits(self.release.others, self.app.host):
            raise BadInput(unfit.message, hint=unfit.hint)
        self._refuse_unknown_subsets(self.release)
        self._routes(self.release, Traffic(0, self._matches))

    def _beside(self, observed: Observed, weight: int) -> list[str]:
        """Whoever else routes the host would send requests to both versions."""
        host, others, live = self.app.host, self.release.others, observed.elsewhere
        if live is None:
            where = f"namespace {host.namespace}"
            return [f"whether others route host {host.name} is not known: the VirtualServices of {where} may not be listed"]
        found = claims.foreign(live, others, host, self.release.app)
        if found and (weight < 100 or self._standing_routes(self.release)):
            first, *rest = (claims.told(obj, host) for obj in found)
            raise Refused(
                f"{first} already, and is not in the manifests",
                detail="\n".join(rest),
                hint="take it into the manifests, so that ab splits it as well, or delete it; canary and ramped need no routes",
            )
        notes = [f"{claims.told(obj, host)} already: ab will be refused until it is in the manifests" for obj in found]
        if weight < 100 and not istio.rules_of(others, host):
            wild = (f"{rule['metadata']['namespace']}/{rule['metadata']['name']}" for rule in claims.outranked(live, host))
            notes += [
                f"DestinationRule {name} does not hold for {host.name} as long as ab has a rule of its own" for name in wild
            ]
        return notes

    def _refuse_unknown_subsets(self, release: Release) -> None:
        """A subset that no rule of the manifests has cannot be split."""
        host = self.app.host
        known = {
            subset["name"] for rule in istio.rules_of(release.others, host) for subset in get(rule, "spec", "subsets", default=[])
        }
        for routes in istio.routes_of(release.others, host):
            for name in istio.subsets_named(routes, host):
                if name not in known:
                    raise BadInput(
                        f"VirtualService {routes['metadata']['name']} routes to subset {name} of {host.name}, "
                        "which no DestinationRule of the manifests has",
                        hint="add the DestinationRule to the manifests, so that ab can split its subsets",
                    )

    def _rule(self, release: Release, sides: Sequence[istio.Pods] = ()) -> Obj:
        """The host's rule with the parts: the user's own, or one beside."""
        users = istio.rules_of(release.others, self.app.host)
        made = istio.destination_rule(self.app.name, self.app.host, sides, user=users[0] if users else None)
        return made if users else self._made(made)

    def _routes(self, release: Release, traffic: Traffic) -> list[Obj]:
        """Every VirtualService of the manifests that routes to the Service, split; one of our own where none does inside the
        mesh."""
        users = istio.routes_of(release.others, self.app.host)
        own = [self._own_routes(release)] if claims.needs_own(users, self.app.host) else []
        try:
            return [istio.split(routes, self.app.host, traffic) for routes in (*users, *own)]
        except Undecided as both:
            raise BadInput(
                f"a match of ab and one of the manifests' routes cannot be written as one: {both}",
                hint="let ab tell requests apart by something that the route does not ask for, such as another header",
            ) from both

    def _own_routes(self, release: Release) -> Obj:
        """From inside, and, where the manifests have no route from outside, by the hosts and the gateway that are asked for."""
        options, name = self.release.options.ab, claims.own_name(self.app.name, release.others)
        if istio.routes_of(release.others, self.app.host):
            return self._made(istio.virtual_service(name, self.app.host, hosts=(), gateway=None))
        gateway = options.gateway or self._own_gateway
        return self._made(istio.virtual_service(name, self.app.host, hosts=options.hosts, gateway=gateway))

    @property
    def _own_gateway(self) -> str | None:
        return self.app.name if self.release.options.ab.hosts else None

    def _gateway(self, release: Release) -> list[Obj]:
        """A Gateway of our own, where hosts are given and no gateway of somebody else's is named."""
        options = self.release.options.ab
        is_theirs = options.gateway is not None and any(is_a(obj, GATEWAY) for obj in release.others)
        if not options.hosts or is_theirs:
            return []
        return [self._made(istio.gateway(options.gateway or self.app.name, options.hosts))]

    def _made(self, obj: Obj) -> Obj:
        """Beside the user's own objects: it carries the application's label."""
        labels = {**get(obj, "metadata", "labels", default={}), APP_LABEL: self.release.app}
        return {**obj, "metadata": {**obj["metadata"], "namespace": self.release.namespace, "labels": labels}}

    def _variant_pods(self, replicas: int) -> int:
        """At least one: what matches is routed to it, whether the first variant sleeps or not."""
        return self.release.options.ab.replicas or max(replicas, 1)

    def _variant(self, replicas: int) -> Obj:
        return manifests.second(self.release, VARIANT, VARIANT, replicas, deadline_s=self.deadline_s)

    @property
    def _variant_name(self) -> str:
        return manifests.second_name(self.release, VARIANT)
