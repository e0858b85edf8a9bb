"""ingress-nginx as a router: an Ingress of our own beside the user's, marked as its canary, leads to the second Service
(beside.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ...errors import BadInput, Refused
from ...kube.objects import INGRESS, Kind, Obj, Ref
from ...plan.marks import is_ours
from .. import nginx
from ..router import Steps, there
from ..traffic import TRACKS, Traffic
from .beside import Beside


class Nginx(Beside):
    """Nobody says when nginx has heard of a change, so what it names outlives it for as long as proxies may be late."""

    name: ClassVar[str] = "nginx"
    kinds: ClassVar[tuple[Kind, ...]] = (INGRESS,)
    late_s: ClassVar[int] = 5

    def refuse_unfit(self, traffic: Traffic) -> None:
        if not self._users:
            raise BadInput(
                f"no Ingress of the manifests has a rule to Service {self.host.name}: there is nothing to share its requests by",
                hint="add the Ingress to the manifests; or let the router be another one: replicas shares by pods",
            )
        if theirs := nginx.canaries_of(self.release.others, [self.host.name]):
            raise BadInput(
                f"Ingress {theirs[0]['metadata']['name']} of the manifests is a canary already: ingress-nginx heeds one",
                hint="take it out of the manifests: the release makes its own",
            )
        self.routes(traffic)

    @property
    def found(self) -> Sequence[Obj]:
        return [ingress for ingress in self._users if nginx.is_served(ingress)]

    def unseen(self, live: Iterable[Obj]) -> list[Obj]:
        return [ingress for ingress in super().unseen(live) if nginx.is_served(ingress)]

    @property
    def shared_by(self) -> str:
        return "a canary of " + ", ".join(f"Ingress {ingress['metadata']['name']}" for ingress in self._users)

    def leading(self, live: Iterable[Obj]) -> list[Obj]:
        return nginx.ingresses_of(live, self.host)

    def beside(self, elsewhere: Sequence[Obj] | None, *, splits: bool) -> list[str]:
        """Of two canaries of one path ingress-nginx heeds one: perhaps nobody would ever meet the new version."""
        theirs = [obj for obj in elsewhere or () if not is_ours(obj, self.release.app)]
        if splits and (rival := nginx.rival(theirs, self._users, self.host)):
            raise Refused(
                f"Ingress {rival['metadata']['name']}, not in the manifests, is a canary of the same host and path already",
                hint="ingress-nginx heeds one: delete it first, or share by pods (router: replicas)",
            )
        return super().beside(elsewhere, splits=splits)

    def is_route(self, obj: Mapping[str, Any]) -> bool:
        return False  # the user's own Ingresses stay as they are

    def routes(self, traffic: Traffic) -> list[Obj]:
        try:
            return [self._canary(ingress, traffic) for ingress in self._users]
        except nginx.Unspoken as unspoken:
            raise BadInput(
                str(unspoken), hint="HTTPRoutes and Istio's routes tell more apart; ingress-nginx is retired"
            ) from unspoken

    def refs(self) -> set[Ref]:
        return super().refs() | {
            Ref(INGRESS.api_version, INGRESS.name, self.host.namespace, f"{ingress['metadata']['name']}-{track}")
            for ingress in self._users
            for track in TRACKS
        }

    # as steps

    def lay_routes(self, steps: Steps) -> None:
        """The user's Ingresses lead to the first side by themselves."""

    def send_routes(self, steps: Steps, traffic: Traffic, why: str) -> None:
        for ingress in self.routes(traffic):
            steps.apply(ingress, why, is_made=True)

    def home(self, steps: Steps) -> None:
        for ingress in [obj for obj in there(steps) if self.names_second(obj, self.seconds)]:
            steps.delete(INGRESS, ingress["metadata"]["name"], "all requests to the application's own")

    def give_routes_back(self, steps: Steps) -> None:
        """None was taken."""

    # what is live

    def share(self, live: Iterable[Obj]) -> float | None:
        found = [nginx.share(obj) for obj in live if self.names_second(obj, self.seconds)]
        return max(found) if found else None

    def names_second(self, obj: Obj, names: Collection[str]) -> bool:
        return is_ours(obj, self.release.app) and bool(nginx.canaries_of([obj], names))

    def _canary(self, ingress: Obj, traffic: Traffic) -> Obj:
        name = f"{ingress['metadata']['name']}-{self.track}"
        return self.made(nginx.canary(ingress, self.host, self.second, name, traffic))

    @property
    def _users(self) -> list[Obj]:
        return nginx.ingresses_of(self.release.others, self.host)
