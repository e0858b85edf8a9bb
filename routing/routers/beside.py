"""What routers have in common that split requests over two Services.

The application's own Service is bound to the first side, and one of our own beside it reaches the second; so a route that nobody
has split yet, or has given back already, sends everything to the first. On the way home the second Service is bound to the first
side as well, before any pod leaves: whoever serves the routes may be as late as it likes, or gone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence

from ...kube.objects import SERVICE, Obj, Ref, is_a, known_as, ref_of
from ...plan.marks import is_ours
from .. import selector
from ..router import Labels, Router, Steps
from ..traffic import TRACKS, Traffic


class Beside(Router):
    """The second Service is there before anything names it, and goes after."""

    def parts(self) -> list[Obj]:
        service = next((each for each in self.release.services if each["metadata"]["name"] == self.host.name), None)
        return [self.made(selector.preview(service, self.second, self.track))] if service else []

    def refs(self) -> set[Ref]:
        return {Ref(SERVICE.api_version, SERVICE.name, self.host.namespace, name) for name in self.seconds}

    def deletes(self) -> set[Ref]:
        return {ref for ref in self.refs() if ref.name.endswith(f"-{self.track}")}

    @property
    def past(self) -> str:
        others = f"those that reach Service {self.host.name} otherwise stay with the version before"
        return f"requests are shared by {self.shared_by}; {others}"

    def beside(self, elsewhere: Sequence[Obj] | None, *, splits: bool) -> list[str]:
        """Others' routes lead to the first side by themselves: nothing is lost by them, and nothing shared."""
        if elsewhere is None:
            return [f"whether other routes lead to Service {self.host.name} is not known: they may not be listed"]
        found = map(ref_of, self._others(elsewhere))
        what = f"leads to Service {self.host.name}, and is not in the manifests: its requests stay with the version before"
        return [f"{ref} of namespace {ref.namespace} {what}" for ref in found if splits]

    def unseen(self, live: Iterable[Obj]) -> list[Obj]:
        return self._others(live)

    def _others(self, live: Iterable[Obj]) -> list[Obj]:
        """Live routes to the Service that are not in the manifests."""
        mine = {known_as(ref_of(obj)) for obj in self.release.others}
        return [route for route in self.leading(live) if known_as(ref_of(route)) not in mine]

    def lay(self, steps: Steps, sides: Sequence[Labels]) -> None:
        for service in self.parts():
            # one that is there already may be bound to the first side still, and routes name it: not before pods are ready
            live = steps.find_like(service)
            if live is None or not self.is_second(live):
                steps.apply(service, "reaches the new version, before any route names it", is_made=True)
        self.lay_routes(steps)

    def send(self, steps: Steps, traffic: Traffic, why: str) -> None:
        for service in self.parts():
            steps.apply(service, "reaches the new version, whose pods are ready", is_made=True)
        self.send_routes(steps, traffic, why)

    def end_copies(self, steps: Steps) -> None:
        """Where it can make any."""

    def give_back(self, steps: Steps) -> None:
        self.give_routes_back(steps)
        made = [name for name in self.seconds if (obj := steps.find(SERVICE, name)) and self.is_second(obj)]
        if made:
            self.await_given_back(steps)
            steps.hold(max(self.release.traffic.proxy_sync, self.late_s), "until no proxy sends requests there any more")
        for name in made:
            steps.delete(SERVICE, name, "no route names it any more")

    def ease(self, steps: Steps, sides: Sequence[Labels]) -> None:
        """A Service's own selector is eased where it has to be (strategies.fitting)."""

    def is_split(self, live: Iterable[Obj]) -> bool:
        objects = list(live)
        names = self.own_seconds(objects)
        return any(self.names_second(obj, names) or self.is_second(obj) for obj in objects)

    # what is each one's own

    @property
    @abstractmethod
    def shared_by(self) -> str:
        """The routes that share the requests, as they are told of."""

    @abstractmethod
    def leading(self, live: Iterable[Obj]) -> list[Obj]:
        """The live routes that lead to the application's own Service."""

    @abstractmethod
    def lay_routes(self, steps: Steps) -> None:
        """Routes that send everything to the first side."""

    @abstractmethod
    def send_routes(self, steps: Steps, traffic: Traffic, why: str) -> None:
        """Routes for this traffic."""

    @abstractmethod
    def give_routes_back(self, steps: Steps) -> None:
        """Routes as in the manifests; none names the second Service any more."""

    def await_given_back(self, steps: Steps) -> None:
        """Until whoever serves them says so, where it does."""

    @abstractmethod
    def names_second(self, obj: Obj, names: Collection[str]) -> bool:
        """Whether a live object is a route that leads to a second Service, of one of these names."""

    @property
    def second(self) -> str:
        """The name of the second Service."""
        return f"{self.host.name}-{self.track}"

    @property
    def seconds(self) -> tuple[str, ...]:
        """The names that one may have, whichever strategy made it."""
        return tuple(f"{self.host.name}-{track}" for track in TRACKS)

    def own_seconds(self, live: Iterable[Obj]) -> tuple[str, ...]:
        """Those of the names that no Service of somebody else's has: users may call one so, and lead requests to it."""
        known = {obj["metadata"]["name"]: obj for obj in live if is_a(obj, SERVICE)}
        return tuple(name for name in self.seconds if name not in known or self.is_second(known[name]))

    def is_second(self, obj: Obj) -> bool:
        return is_a(obj, SERVICE) and obj["metadata"]["name"] in self.seconds and is_ours(obj, self.release.app)
