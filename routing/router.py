"""What splits an application's requests by itself, beside how many pods there are: one interface, one file a router.

A strategy asks for `Traffic` and does not know who carries it out. The order is always the same: pods ready, what a route names,
the route; on the way back the other way round.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ..kube.objects import Kind, Obj, Ref, get
from ..plan.observed import APP_LABEL
from ..release.model import Release
from .traffic import Feature, Host, Traffic

Labels = Mapping[str, str]
"""Those of one version's pods."""


class Steps(Protocol):
    """The plan in the making (strategies.draft), as far as a router writes into it."""

    objects: dict[Ref, Obj | None]

    def find(self, kind: Kind, name: str) -> Obj | None: ...

    def find_like(self, manifest: Mapping[str, Any]) -> Obj | None: ...

    def apply(self, manifest: Obj, why: str, *, is_made: bool = False) -> bool: ...

    def delete(self, kind: Kind, name: str, why: str) -> None: ...

    def hold(self, seconds: int, why: str) -> None: ...

    def await_route(self, ref: Ref, why: str, *, is_changed: bool) -> None: ...

    def await_seen(self, ref: Ref, why: str) -> None: ...


@dataclass(frozen=True)
class Outside:
    """By which hosts, and which gateway, an application is reached whose manifests have no route from outside."""

    hosts: tuple[str, ...] = ()
    gateway: str | None = None


@dataclass(frozen=True)
class Router(ABC):
    """`app` is the name of the application's own Deployment, `track` that of the second side."""

    release: Release
    host: Host
    app: str
    track: str
    outside: Outside = Outside()
    is_chosen: bool = True
    """Whether the release's requests are to be split by it; what another one has left is put away all the same."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[Kind, ...]]
    """Those of which objects that are not in the manifests, of any namespace, may have a say in where requests go."""

    can: ClassVar[frozenset[Feature]] = frozenset()
    """What beside shares and matches."""

    late_s: ClassVar[int] = 0
    """How long who serves the routes may take to hear of a change, where nobody says when it has."""

    @property
    def looked_at(self) -> tuple[Kind, ...]:
        """Of which the live objects are asked for by this release."""
        return self.kinds

    @property
    @abstractmethod
    def found(self) -> Sequence[Obj]:
        """The routes of the manifests that it could split."""

    @property
    def has_routes(self) -> bool:
        return bool(self.found)

    @abstractmethod
    def unseen(self, live: Iterable[Obj]) -> list[Obj]:
        """The live routes to the Service that it could split, were they in the manifests."""

    @abstractmethod
    def refs(self) -> set[Ref]:
        """What it may have made beside the user's own objects, now or in a release before."""

    @abstractmethod
    def deletes(self) -> set[Ref]:
        """What of that goes when a release has ended."""

    @abstractmethod
    def refuse_unfit(self, traffic: Traffic) -> None:
        """Raises BadInput for manifests, or for traffic, that it cannot split."""

    @abstractmethod
    def beside(self, elsewhere: Sequence[Obj] | None, *, splits: bool) -> list[str]:
        """Notes on what others have live of its kinds (None: it may not be read), whether it `splits` now or not. Raises Refused
        where that would take requests past the split."""

    @abstractmethod
    def is_route(self, obj: Mapping[str, Any]) -> bool:
        """Whether a manifest is one that it splits, or that belongs to one: those have their own place in a plan."""

    @abstractmethod
    def routes(self, traffic: Traffic) -> list[Obj]:
        """The routes as they are to be."""

    @abstractmethod
    def parts(self) -> list[Obj]:
        """What the routes name, beside pods: there before them, and gone after them."""

    @property
    @abstractmethod
    def past(self) -> str:
        """What becomes of requests that do not come by it, in a sentence."""

    @property
    def reaches_both(self) -> frozenset[str]:
        """The Services that go on reaching the pods of both sides, as it tells them apart behind these."""
        return frozenset()

    # as steps

    @abstractmethod
    def lay(self, steps: Steps, sides: Sequence[Labels]) -> None:
        """All that is needed before pods of the second side appear, with every request on the first. `sides` are the pods that
        there are, and those that come."""

    @abstractmethod
    def send(self, steps: Steps, traffic: Traffic, why: str) -> None:
        """The routes for this traffic, where `lay` has been, and pods of both sides are ready."""

    @abstractmethod
    def end_copies(self, steps: Steps) -> None:
        """No request is copied to the second side any more: before anything else of the way home. Nobody waits for it, as no
        user is answered by them."""

    @abstractmethod
    def home(self, steps: Steps) -> None:
        """Every request to the first side, whatever was asked before, while the pods of the second are there still."""

    @abstractmethod
    def give_back(self, steps: Steps) -> None:
        """Routes and all that belongs to them as in the manifests, after `home` of every router, when the first side alone has
        pods."""

    @abstractmethod
    def ease(self, steps: Steps, sides: Sequence[Labels]) -> None:
        """Lets what routes already reach the pods of a version to come, whatever the strategy."""

    # what is live

    @abstractmethod
    def is_split(self, live: Iterable[Obj]) -> bool:
        """Whether what is live tells the two sides apart."""

    @abstractmethod
    def share(self, live: Iterable[Obj]) -> float | None:
        """The percentage of requests that live routes give the second side, of those that match nothing; None where no route
        tells the sides apart."""

    # for those who write one

    def made(self, obj: Obj) -> Obj:
        """Beside the user's own objects: it carries the application's label."""
        labels = {**get(obj, "metadata", "labels", default={}), APP_LABEL: self.release.app}
        return {**obj, "metadata": {**obj["metadata"], "namespace": self.release.namespace, "labels": labels}}


def there(steps: Steps) -> Iterable[Obj]:
    return filter(None, steps.objects.values())
