"""ab: two versions side by side, told apart by what a request carries; a router sends each to its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import BadInput
from ..kube.objects import Obj
from ..plan.observed import Observed
from ..plan.plan import Split
from ..plan.revision import Revision
from ..release.model import Release
from ..routing.router import Outside, Router
from ..routing.routers import BY_PODS, chosen
from ..routing.routers.istio import Istio
from ..routing.traffic import VARIANT, Traffic
from .draft import Draft
from .manifests import Rolling
from .refusals import refuse_no_service
from .routed import Routed


class Ab(Routed):
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

    def due_share(self, weight: int, fresh: int, rest: int) -> float | None:
        """Whom a match catches nobody knows, but where whoever marks the requests says how many they are."""
        options = self.release.options.ab
        if options.asks is not None and options.asks.caller_assigns is not None:
            return options.asks.caller_assigns / 100
        return None if options.match else weight / 100

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        pods = self._variant_pods(replicas or self.release.replicas or 1)
        return self._render_routed(self._router, self._traffic(self.first_weight()), replicas, pods)

    def _needs_tracks(self, weight: int) -> bool:
        return weight < 100

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        why = f"{weight}% of all requests" if weight else "requests that match"
        words = "the second variant, beside the first", f"{why} to {self.release.version}"
        pods = self._variant_pods(replicas)
        return self._share_by_route(draft, self._router, self._traffic(weight, draft.history), replicas, pods, words)

    def _finish(self, draft: Draft, replicas: int) -> Split:
        return self._finish_by_route(draft, self._router, replicas)

    def _split_now(self, draft: Draft, weight: int, replicas: int) -> Split:
        return self._split_by_route(draft, self._router, replicas)

    def refuse_unfit(self) -> None:
        super().refuse_unfit()
        if self.release.router == BY_PODS:
            raise BadInput(
                "ab tells requests apart by what they carry, and replicas, how many pods there are, cannot",
                hint="let the router be gateway or istio; canary shares requests by pods",
            )
        refuse_no_service(self.app, f"{self.name} has no Service to route to")
        self._refuse_unfit()

    def _beside(self, observed: Observed, weight: int) -> list[str]:
        return self._router.beside(observed.elsewhere, splits=weight < 100)

    @property
    def is_sticky(self) -> bool:
        return self.release.options.ab.sticky

    def _traffic(self, weight: int, history: Sequence[Revision] = ()) -> Traffic:
        matches = tuple(dict(match) for match in self.release.options.ab.match)
        return Traffic(weight, matches, sticky=self._sticky(weight, history))

    def _all_traffic(self) -> Iterator[Traffic]:
        yield from map(self._traffic, dict.fromkeys((0, self.first_weight())))

    @property
    def _router(self) -> Router:
        return next(router for router in self._routers(self.release) if router.is_chosen)

    def _router_name(self, release: Release) -> str:
        found = chosen(release, self.app.host)
        return Istio.name if found == BY_PODS else found

    def _outside(self, release: Release) -> Outside:
        return Outside(release.options.ab.hosts, release.options.ab.gateway)

    def _variant_pods(self, replicas: int) -> int:
        """At least one: what matches is routed to it, whether the first variant sleeps or not."""
        return self.release.options.ab.replicas or max(replicas, 1)
