"""Istio as a router: its VirtualServices split requests over the parts of a DestinationRule's subsets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ...errors import BadInput, Refused
from ...kube.objects import DESTINATION_RULE, GATEWAY, VIRTUAL_SERVICE, Kind, Obj, Ref, as_manifest, get, is_a
from ...plan.marks import applied_by_us, is_ours
from .. import claims, istio
from ..matches import Undecided
from ..router import Labels, Router, Steps, there
from ..traffic import Feature, Traffic
from ..unfit import unfits


class Istio(Router):
    """The rule before the routes when parts are added, after them when they go. A released application has its routes as the
    manifests have them; without any, the Service alone routes again."""

    name: ClassVar[str] = "istio"
    kinds: ClassVar[tuple[Kind, ...]] = (VIRTUAL_SERVICE, DESTINATION_RULE)
    can: ClassVar[frozenset[Feature]] = frozenset({"mirror", "sticky"})

    @property
    def found(self) -> Sequence[Obj]:
        return self._users

    def unseen(self, live: Iterable[Obj]) -> list[Obj]:
        found = claims.foreign(live, self.release.others, self.host, self.release.app)
        return [obj for obj in found if is_a(obj, VIRTUAL_SERVICE)]

    def refs(self) -> set[Ref]:
        names = {kind: {self.app} for kind in (VIRTUAL_SERVICE, DESTINATION_RULE, GATEWAY)}
        names[VIRTUAL_SERVICE].add(claims.own_name(self.app, self.release.others))
        namespace = self.release.namespace
        return {Ref(kind.api_version, kind.name, namespace, name) for kind, found in names.items() for name in found}

    def deletes(self) -> set[Ref]:
        """Routes that reach outside stay, without variants."""
        namespace, own = self.release.namespace, claims.own_name(self.app, self.release.others)
        route = Ref(VIRTUAL_SERVICE.api_version, VIRTUAL_SERVICE.name, namespace, own)
        rule = Ref(DESTINATION_RULE.api_version, DESTINATION_RULE.name, namespace, self.app)
        stands = bool(self.outside.hosts or self.outside.gateway) and not self._users
        has_own = claims.needs_own(self._users, self.host) and not stands
        return {*([route] if has_own else []), *([] if self._rules else [rule])}

    def refuse_unfit(self, traffic: Traffic) -> None:
        for unfit in unfits(self.release.others, self.host):
            raise BadInput(unfit.message, hint=unfit.hint)
        self._refuse_unknown_subsets()
        self.routes(traffic)

    def _refuse_unknown_subsets(self) -> None:
        """A subset that no rule of the manifests has cannot be split."""
        known = {subset["name"] for rule in self._rules for subset in get(rule, "spec", "subsets", default=[])}
        for routes in self._users:
            for name in istio.subsets_named(routes, self.host):
                if name not in known:
                    raise BadInput(
                        f"VirtualService {routes['metadata']['name']} routes to subset {name} of {self.host.name}, "
                        "which no DestinationRule of the manifests has",
                        hint="add the DestinationRule to the manifests, so that ab can split its subsets",
                    )

    def beside(self, elsewhere: Sequence[Obj] | None, *, splits: bool) -> list[str]:
        """Whoever else routes the host would send requests to both versions."""
        host, others = self.host, self.release.others
        if elsewhere is None:
            where = f"namespace {host.namespace}"
            return [f"whether others route host {host.name} is not known: the VirtualServices of {where} may not be listed"]
        found = claims.foreign(elsewhere, others, host, self.release.app)
        if found and (splits or self.standing):
            first, *rest = (claims.told(obj, host) for obj in found)
            raise Refused(
                f"{first} already, and is not in the manifests",
                detail="\n".join(rest),
                hint="take it into the manifests, so that it is split as well, or delete it; canary and ramped need no routes",
            )
        notes = [f"{claims.told(obj, host)} already: ab will be refused until it is in the manifests" for obj in found]
        if splits and not self._rules:
            wild = (f"{rule['metadata']['namespace']}/{rule['metadata']['name']}" for rule in claims.outranked(elsewhere, host))
            notes += [f"DestinationRule {name} does not hold for {host.name} as long as there is one of its own" for name in wild]
        return notes

    def is_route(self, obj: Mapping[str, Any]) -> bool:
        return bool(istio.routes_of([obj], self.host) or istio.rules_of([obj], self.host))

    def routes(self, traffic: Traffic) -> list[Obj]:
        """Every VirtualService of the manifests that routes to the Service, split; one of our own where none does inside the
        mesh."""
        own = [self._own] if claims.needs_own(self._users, self.host) else []
        try:
            return [istio.split(routes, self.host, traffic) for routes in (*self._users, *own)]
        except Undecided as both:
            raise BadInput(
                f"a match of ab and one of the manifests' routes cannot be written as one: {both}",
                hint="let ab tell requests apart by something that the route does not ask for, such as another header",
            ) from both

    def parts(self) -> list[Obj]:
        return [self._rule(), *self._gateways]

    @property
    def past(self) -> str:
        return f"requests that reach Service {self.host.name} past Istio's proxies are spread over both versions"

    @property
    def reaches_both(self) -> frozenset[str]:
        return frozenset({self.host.name})

    @property
    def standing(self) -> list[Obj]:
        """What stays beside the user's own, so that the application is reached from outside."""
        has_own = bool(self.outside.hosts or self.outside.gateway) and not self._users
        return [*self._gateways, *([self._own] if has_own else [])]

    # as steps

    def lay(self, steps: Steps, sides: Sequence[Labels]) -> None:
        self._lay_rule(steps, sides)
        for gateway in self._gateways:
            steps.apply(gateway, "where requests from outside come in", is_made=True)
        routes = self.routes(Traffic(0))
        for each in routes:
            if not istio.uses_parts(steps.find_like(each), self.host):
                self._apply(steps, [each], "all requests to the stable part, before the variant's pods appear")
        wanted = {each["metadata"]["name"] for each in routes}
        for live in self._live_routes(there(steps)):
            if is_ours(live, self.release.app) and live["metadata"]["name"] not in wanted:
                steps.delete(VIRTUAL_SERVICE, live["metadata"]["name"], "the manifests' own route")

    def send(self, steps: Steps, traffic: Traffic, why: str) -> None:
        self._apply(steps, self.routes(traffic), why)

    def end_copies(self, steps: Steps) -> None:
        for live in self._live_routes(there(steps)):
            plain = istio.unmirrored(as_manifest(live), self.host)
            if istio.uses_parts(live, self.host) and plain != as_manifest(live):
                steps.apply(plain, "no copies any more, before anything else")

    def home(self, steps: Steps) -> None:
        """And until proxies know: they hear of endpoints before routes, and a part whose pods leave would be answered 503."""
        is_changed = False
        for live in self._live_routes(there(steps)):
            if istio.uses_parts(live, self.host):
                plain = istio.without_parts(as_manifest(live), self.host)
                is_changed |= steps.apply(istio.split(plain, self.host, Traffic(0)), "all requests to the stable part")
        if is_changed:
            steps.hold(self.release.traffic.proxy_sync, "until no proxy sends requests to the other part")

    def give_back(self, steps: Steps) -> None:
        """Istio's objects as in the manifests. What a rule gets comes before the routes that name it, and what it loses goes
        after them, when every proxy knows."""
        for rule in self._rules:
            wide = istio.widened(rule, steps.find_like(rule))
            steps.apply(wide, "as in the manifests" if wide == rule else "its subsets, before any route names them")
        for each in self.standing:
            steps.apply(each, "by which it is reached from outside", is_made=True)
        split = [live for live in self._live_routes(there(steps)) if istio.uses_parts(live, self.host)]
        if split:
            # endpoints come later than a Deployment is said to have no pods: a plain route would lead to these once more
            steps.hold(self.release.traffic.proxy_sync, "until no proxy knows the pods that have left")
        for live in self._live_routes(there(steps)):
            self._settle(steps, live)
        for routes in self._users:
            steps.apply(routes, "as in the manifests")
        self._narrow(steps)

    def ease(self, steps: Steps, sides: Sequence[Labels]) -> None:
        """Subsets by what differs between the versions would lose their pods, or never reach the new ones."""
        written = {rule["metadata"]["name"] for rule in self._rules}
        for live in self._live_rules(there(steps)):
            if live["metadata"]["name"] in written or applied_by_us(live):
                wide = istio.eased(as_manifest(live), sides)
                steps.apply(wide, "its subsets reach the pods of both versions")

    # what is live

    def is_split(self, live: Iterable[Obj]) -> bool:
        objects = list(live)
        is_routed = any(istio.uses_parts(vs, self.host) for vs in self._live_routes(objects))
        return is_routed or any(istio.has_parts(rule) for rule in self._live_rules(objects))

    def share(self, live: Iterable[Obj]) -> float | None:
        routes = [vs for vs in self._live_routes(live) if istio.uses_parts(vs, self.host)]
        return float(max(istio.variant_weight(vs, self.host) for vs in routes)) if routes else None

    # inside

    def _lay_rule(self, steps: Steps, sides: Sequence[Labels]) -> None:
        rule = self._rule(sides)
        wide = istio.widened(rule, steps.find_like(rule))
        is_made = is_ours(rule, self.release.app)
        steps.apply(wide, "the parts of its subsets, before any route names them", is_made=is_made)

    def _apply(self, steps: Steps, routes: list[Obj], why: str) -> None:
        for each in routes:
            steps.apply(each, why, is_made=is_ours(each, self.release.app))

    def _settle(self, steps: Steps, live: Obj) -> None:
        """A live route that the manifests do not have: ours goes, unless it is how the application is reached from outside."""
        name, users = live["metadata"]["name"], self._users
        if any(routes["metadata"]["name"] == name for routes in users):
            return  # as in the manifests, after this
        if is_ours(live, self.release.app) and (users or not get(live, "spec", "gateways")):
            steps.delete(VIRTUAL_SERVICE, name, "the manifests' own route" if users else "the Service alone routes again")
        elif istio.uses_parts(live, self.host):
            steps.apply(istio.without_parts(as_manifest(live), self.host), "a route without variants")

    def _narrow(self, steps: Steps) -> None:
        rules, names = self._rules, {rule["metadata"]["name"] for rule in self._rules}
        others = [live for live in self._live_rules(there(steps)) if live["metadata"]["name"] not in names]
        ours = [live for live in others if is_ours(live, self.release.app)]
        left = [
            istio.without_parts(as_manifest(live), self.host) for live in others if live not in ours and istio.has_parts(live)
        ]
        if ours or any(istio.widened(rule, steps.find_like(rule)) != rule for rule in (*rules, *left)):
            steps.hold(self.release.traffic.proxy_sync, "until no proxy routes to these subsets any more")
        for rule in (*rules, *left):
            steps.apply(rule, "after the routes that named its subsets")
        for rule in ours:
            steps.delete(DESTINATION_RULE, rule["metadata"]["name"], "after the routes that named its subsets")

    def _rule(self, sides: Sequence[Labels] = ()) -> Obj:
        """The host's rule with the parts: the user's own, or one beside."""
        users = self._rules
        made = istio.destination_rule(self.app, self.host, sides, user=users[0] if users else None, second=self.track)
        return made if users else self.made(made)

    @property
    def _users(self) -> list[Obj]:
        return istio.routes_of(self.release.others, self.host)

    @property
    def _rules(self) -> list[Obj]:
        return istio.rules_of(self.release.others, self.host)

    @property
    def _own(self) -> Obj:
        """From inside, and, where the manifests have no route from outside, by the hosts and the gateway that are asked for."""
        name = claims.own_name(self.app, self.release.others)
        if self._users:
            return self.made(istio.virtual_service(name, self.host, hosts=(), gateway=None))
        gateway = self.outside.gateway or (self.app if self.outside.hosts else None)
        return self.made(istio.virtual_service(name, self.host, hosts=self.outside.hosts, gateway=gateway))

    @property
    def _gateways(self) -> list[Obj]:
        """A Gateway of our own, where hosts are given and no gateway of somebody else's is named."""
        hosts, named = self.outside.hosts, self.outside.gateway
        is_theirs = named is not None and any(is_a(obj, GATEWAY) for obj in self.release.others)
        return [self.made(istio.gateway(named or self.app, hosts))] if hosts and not is_theirs else []

    def _live_routes(self, live: Iterable[Obj]) -> list[Obj]:
        """The live routes to the application, of the manifests now or before, or our own."""
        return istio.routes_of(live, self.host)

    def _live_rules(self, live: Iterable[Obj]) -> list[Obj]:
        return istio.rules_of(live, self.host)
