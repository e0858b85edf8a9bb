"""The Gateway API as a router: the user's HTTPRoutes and GRPCRoutes split requests over two Services (beside.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ...errors import BadInput
from ...kube.objects import GRPC_ROUTE, HTTP_ROUTE, REFERENCE_GRANT, Kind, Obj, as_manifest, ref_of
from .. import gateway
from ..matches import Undecided
from ..precedence import Unspoken
from ..router import Steps, there
from ..traffic import Feature, Traffic
from .beside import Beside


class Gateway(Beside):
    """A backend that is missing is answered 500 for its share, so the second Service comes before the routes and goes after them,
    when they are taken up."""

    name: ClassVar[str] = "gateway"
    kinds: ClassVar[tuple[Kind, ...]] = (HTTP_ROUTE, GRPC_ROUTE)
    can: ClassVar[frozenset[Feature]] = frozenset({"mirror", "sticky"})

    def refuse_unfit(self, traffic: Traffic) -> None:
        if not self._users:
            raise BadInput(
                f"no HTTPRoute of the manifests leads to Service {self.host.name}: there is nothing to share its requests by",
                hint="add the route to the manifests; or let the router be another one: replicas shares by pods",
            )
        for route in self._users:
            if not gateway.parents_of(route):
                raise BadInput(
                    f"{route['kind']} {route['metadata']['name']} has no parentRefs: no Gateway serves it",
                    hint="name its Gateway in spec.parentRefs",
                )
        self._refuse_narrow_grant(self.release.others)
        self.routes(traffic)

    @property
    def looked_at(self) -> tuple[Kind, ...]:
        """Routes of another namespace lead to the second Service only where somebody lets them."""
        is_away = any((route["metadata"].get("namespace") or self.host.namespace) != self.host.namespace for route in self._users)
        return (*self.kinds, REFERENCE_GRANT) if is_away else self.kinds

    def beside(self, elsewhere: Sequence[Obj] | None, *, splits: bool) -> list[str]:
        if splits and elsewhere:
            self._refuse_narrow_grant((*self.release.others, *elsewhere))
        return super().beside(elsewhere, splits=splits)

    def _refuse_narrow_grant(self, grants: Sequence[Mapping[str, Any]]) -> None:
        """Raises BadInput where a share would be answered 500."""
        for route in self._users:
            if grant := gateway.narrow_grant(route, self.host, self.second, grants):
                raise BadInput(
                    f"ReferenceGrant {grant['metadata']['name']} lets {route['kind']} {route['metadata']['name']} lead to "
                    f"Service {self.host.name} alone: what goes to {self.second} beside it would be answered 500",
                    hint=f"leave the name out of the grant's `to`, or add {self.second} there",
                )

    @property
    def found(self) -> Sequence[Obj]:
        return self._users

    @property
    def shared_by(self) -> str:
        return ", ".join(f"{route['kind']} {route['metadata']['name']}" for route in self._users)

    def leading(self, live: Iterable[Obj]) -> list[Obj]:
        return gateway.routes_of(live, self.host)

    def is_route(self, obj: Mapping[str, Any]) -> bool:
        return self.is_chosen and bool(gateway.routes_of([obj], self.host))

    def routes(self, traffic: Traffic) -> list[Obj]:
        try:
            return [gateway.split(route, gateway.Pair(self.host, self.second), traffic) for route in self._users]
        except Undecided as both:
            raise BadInput(
                f"a match and one of the manifests' routes cannot be written as one: {both}",
                hint="tell requests apart by something that the route does not ask for, such as another header",
            ) from both
        except Unspoken as unspoken:
            raise BadInput(
                str(unspoken), hint="headers, queryParams, cookies, exact methods and paths it can; Istio's routes can the rest"
            ) from unspoken

    # as steps

    def lay_routes(self, steps: Steps) -> None:
        names = self.own_seconds(there(steps))
        for route in self._users:
            live = steps.find_like(route)
            if live is None or not self.names_second(live, names):
                self._apply(steps, route, "all requests to the version before, until the new one is there")

    def send_routes(self, steps: Steps, traffic: Traffic, why: str) -> None:
        for route in self.routes(traffic):
            self._apply(steps, route, why)

    def end_copies(self, steps: Steps) -> None:
        names = self.own_seconds(there(steps))
        for live in [live for live in there(steps) if gateway.mirrors_to(live, self.host, names)]:
            steps.apply(gateway.unmirrored(as_manifest(live), self.host, names), "no copies any more, before anything else")

    def home(self, steps: Steps) -> None:
        written, names = {ref_of(route): route for route in self._users}, self.own_seconds(there(steps))
        for live in [live for live in there(steps) if self.names_second(live, names)]:
            plain = written.get(ref_of(live)) or gateway.joined(as_manifest(live), self.host, names)
            steps.apply(plain, "all requests to the application's own")

    def give_routes_back(self, steps: Steps) -> None:
        for route in self._users if self.is_chosen else []:
            steps.apply(route, "as in the manifests")

    def await_given_back(self, steps: Steps) -> None:
        for route in self.leading(there(steps)):
            steps.await_seen(ref_of(route), "before what it has named goes")

    # what is live

    def share(self, live: Iterable[Obj]) -> float | None:
        objects = list(live)
        names = self.own_seconds(objects)
        routes = [obj for obj in objects if self.names_second(obj, names)]
        return max(gateway.share(route, self.host, names) for route in routes) if routes else None

    def names_second(self, obj: Obj, names: Collection[str]) -> bool:
        return gateway.names_one_of(obj, self.host, names) or gateway.mirrors_to(obj, self.host, names)

    # inside

    def _apply(self, steps: Steps, route: Obj, why: str) -> None:
        """And waits until it is taken up: before that the requests go as they went."""
        is_changed = steps.apply(route, why)
        steps.await_route(ref_of(route), "before that, requests go as they went", is_changed=is_changed)

    @property
    def _users(self) -> list[Obj]:
        return gateway.routes_of(self.release.others, self.host)
