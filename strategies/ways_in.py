"""What leads requests to an application: its Services, and what routes them. Which of it is live, how a strategy leaves it, and
how it is given back on the way home."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from ..kube.objects import SERVICE, Kind, Obj, Ref, get, selects, template_labels
from ..plan.marks import is_ours
from ..plan.observed import TRACK_LABEL, Observed
from ..plan.revision import live_of, unsettled_of
from ..release.model import Release
from ..routing import selector
from ..routing.router import Outside, Router
from ..routing.routers import every
from . import fitting
from .app import App
from .draft import Draft


class WaysIn:
    """What every strategy knows of an application's Services and routes, whichever strategy a release before may have had."""

    suffix: ClassVar[str] = ""
    """Of the second Deployment's name, where the strategy uses one; its track is the same word."""

    def __init__(self, release: Release, *, force: bool = False) -> None:
        self.release = release
        self.app = App(release)
        self.force = force

    # Services

    def _services(self, draft: Draft) -> list[Obj]:
        """The live Services of the application: those of the manifests, and those that an earlier version's had and that are
        bound to one of its tracks still."""
        found = [obj for ref, obj in draft.objects.items() if ref.is_a(SERVICE) and obj]
        names = self.app.service_names
        live = draft.observed.live or live_of(draft.history)
        running = [live.release["workload"]] if live else []
        pods = [template_labels(workload) for workload in (self.release.workload, *running)]

        def is_of_app(service: Obj) -> bool:
            name, chosen = service["metadata"]["name"], get(service, "spec", "selector", default={})
            rest = {key: value for key, value in chosen.items() if key != TRACK_LABEL}
            is_made = is_ours(service, self.release.app)
            return name in names or (not is_made and TRACK_LABEL in chosen and any(selects(rest, labels) for labels in pods))

        return [service for service in found if is_of_app(service)]

    def _made_services(self, draft: Draft) -> list[Obj]:
        """Those beside them that a router's routes name."""
        routers = self._routers_there(draft, self.release)
        names = {ref.name for router in routers for ref in router.refs() if ref.is_a(SERVICE)}
        found = [obj for ref, obj in draft.objects.items() if ref.is_a(SERVICE) and ref.name in names and obj]
        return [service for service in found if is_ours(service, self.release.app)]

    def _live_track(self, draft: Draft) -> str:
        """The track that gets the requests."""
        return selector.live_track(self._services(draft))

    def _is_tracked(self, draft: Draft) -> bool:
        """Whether routing tells the sides apart by label."""
        return any(selector.track_of(service) for service in self._services(draft)) or self._has_parts(draft)

    def _bound(self, draft: Draft, release: Release, track: str) -> dict[str, Obj]:
        """The Services by name as they are to be, reaching one track: as in the manifests, with ports that are routed to still.
        One that the manifests no longer have goes along if it can."""
        opened = fitting.opened(draft, release, lambda service: selector.pinned(service, track))
        wanted = {service["metadata"]["name"] for service in release.services}
        former = [live for live in self._services(draft) if live["metadata"]["name"] not in wanted]
        left = {live["metadata"]["name"]: selector.pinned(fitting.led_along(draft, release, live), track) for live in former}
        return left | {service["metadata"]["name"]: service for service in opened}

    def _is_routing(self, obj: Obj) -> bool:
        """Whether a manifest is a router's: those have their own place in a plan."""
        return any(router.is_route(obj) for router in self._routers(self.release))

    def other(self, draft: Draft, obj: Obj) -> Obj:
        """One of the release's other objects as this strategy applies it."""
        return obj

    def service(self, draft: Draft, service: Obj) -> Obj:
        """A Service as this strategy leaves it."""
        return service

    # what routes them

    def _routers(self, release: Release) -> list[Router]:
        """All that may split the application's requests, whichever a strategy before may have used."""
        return self._own_routers if release is self.release else self._routers_of(release)

    @cached_property
    def _own_routers(self) -> list[Router]:
        """Asked of every object of the manifests: which one is chosen is looked for once."""
        return self._routers_of(self.release)

    def _routers_of(self, release: Release) -> list[Router]:
        return every(release, self.app.host, self.app.name, self.suffix, self._outside(release), self._router_name(release))

    def _routers_there(self, draft: Draft, release: Release) -> list[Router]:
        """And those of the Services that a release which is given up was routed by, where it had them under other names, or the
        live one is, which may not have been cleared up after."""
        live = draft.observed.live
        others = [
            each
            for each in (*unsettled_of(draft.observed.history), *([live] if live else []))
            if each.digest != self.release.digest
        ]
        hosts = dict.fromkeys(App(Release.from_record(each.release)).host for each in others)
        former = [host for host in hosts if host != self.app.host]
        theirs = [every(release, host, self.app.name, self.suffix, Outside(), "") for host in former]
        return [router for routers in theirs for router in routers] + self._routers(release)

    @property
    def routing_kinds(self) -> tuple[Kind, ...]:
        """Of which other objects have a say in where the release's requests go."""
        return next((router.looked_at for router in self._routers(self.release) if router.is_chosen), ())

    @property
    def kinds_beside(self) -> tuple[Kind, ...]:
        """Of which it is told, where they may be read, that they lead to the application past the router."""
        return ()

    def unseen(self, observed: Observed) -> list[str]:
        """What is to be told of those, in sentences."""
        return []

    @property
    def routing_refs(self) -> set[Ref]:
        """What may stand beside the user's own routes: of the router that splits them, and of others that the manifests have
        routes of, which a release before may have used."""
        routers = [router for router in self._routers(self.release) if router.is_chosen or router.has_routes]
        return {ref for router in routers for ref in router.refs()}

    @property
    def routing_deletes(self) -> set[Ref]:
        """What of that goes when a release has ended."""
        return {ref for router in self._routers(self.release) if router.is_chosen for ref in router.deletes()}

    def _router_name(self, release: Release) -> str:
        """Which of them this strategy splits the release's requests by; empty for none."""
        return ""

    def _outside(self, release: Release) -> Outside:
        """By what this strategy lets the application be reached from outside, where the manifests have no route."""
        return Outside()

    def _routes_home(self, draft: Draft, release: Release) -> None:
        """Routes that tell the sides apart send everything to the stable one, before the other's pods go."""
        for router in self._routers_there(draft, release):
            router.home(draft)

    def _routes_settled(self, draft: Draft, release: Release) -> None:
        """Services as the strategy leaves them; the preview and the routes of other strategies go."""
        self._open(draft, release)
        draft.delete(SERVICE, self.app.preview_name, "there is nothing to preview")
        self._give_routes_back(draft, release)
        self._close_ports(draft, release)

    def _give_routes_back(self, draft: Draft, release: Release) -> None:
        """That of the chosen router first: it knows how late who serves its routes may be. What they name goes when none of them
        names it any more."""
        routers = sorted(self._routers_there(draft, release), key=lambda router: not router.is_chosen)
        for router in routers:
            router.home(draft)
        for router in routers:
            router.give_back(draft)

    def _open(self, draft: Draft, release: Release) -> None:
        """Services as in the manifests, beside them ports that are routed to still; then whatever routes there."""
        fitting.settle(draft, fitting.opened(draft, release, lambda service: self.service(draft, service)))
        for obj in release.others:
            if not self._is_routing(obj) and fitting.routes(release, obj):
                draft.apply(self.other(draft, obj), "as in the manifests")

    def _close_ports(self, draft: Draft, release: Release) -> None:
        """Services as in the manifests, when nothing routes to their former ports any more."""
        fitting.settle(draft, (self.service(draft, service) for service in release.services))

    def _has_parts(self, draft: Draft) -> bool:
        """Whether what routes tells two sides apart."""
        live = [obj for obj in draft.objects.values() if obj]
        return any(router.is_split(live) for router in self._routers_there(draft, self.release))
