"""canary: a second Deployment that gets a share of the requests: as routes say, or else its share of ready pods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import BadInput
from ..kube.objects import Obj
from ..plan.observed import Observed
from ..plan.plan import Split
from ..plan.revision import Revision
from ..release.model import Release
from ..release.options import is_none
from ..routing.ratio import Pods, beside, by_pods, needed, split
from ..routing.router import Router
from ..routing.routers import BY_PODS, chosen, why_chosen
from ..routing.traffic import CANARY, Traffic
from . import manifests
from .draft import Draft
from .manifests import Rolling
from .refusals import refuse_empty, refuse_no_service
from .routed import Routed


class Canary(Routed):
    """The new pods are ready before old ones go, and old ones are back before new ones go. Where a router has the say, old ones
    stay as they are until the new version is everybody's."""

    name = "canary"
    suffix = CANARY

    @property
    def rolling(self) -> Rolling:
        """Where nothing else carries requests: by the release file's surge, else the manifest's own."""
        options = self.release.options.canary
        if not options.may_surge:
            return Rolling(0, 1, None, self.deadline_s)
        own = manifests.rolling_of(self.release.workload) or Rolling()
        is_asked = "max_surge" in options.model_fields_set or is_none(own.max_surge)
        return Rolling(options.max_surge if is_asked else own.max_surge, 0, None, self.deadline_s)

    @property
    def deadline_s(self) -> int:
        return self.release.options.canary.progress_deadline_seconds

    def first_weight(self) -> int:
        return self.next_weight(-1)

    def next_weight(self, weight: int) -> int:
        return next((step.weight for step in self.release.options.canary.steps if step.weight > weight), 100)

    def pause_s(self, weight: int) -> int | None:
        return next((step.pause for step in self.release.options.canary.steps if step.weight == weight), None)

    def check_weight(self, weight: int) -> None:
        if not 0 <= weight <= 100:
            raise BadInput(f"{weight}% is no share", hint="a whole number from 0 to 100")

    def due_share(self, weight: int, fresh: int, rest: int) -> float | None:
        if self._router is None:
            return by_pods(fresh, rest)
        traffic = self._traffic(weight)
        # a copy is one request more: whoever counts at the pods sees it beside the one that it is of
        return None if traffic.matches else (weight + traffic.mirror) / (100 + traffic.mirror)

    def likely_share(self, weight: int) -> float | None:
        pods = split(self.release.replicas or 1, weight, may_surge=self.release.options.canary.may_surge)
        return self.due_share(weight, pods.canary, pods.stable)

    @property
    def is_sticky(self) -> bool:
        return self.release.options.canary.sticky

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        release, total = self.release, replicas or self.release.replicas or 1
        if router := self._router:
            weight = self.first_weight()
            return self._render_routed(router, self._traffic(weight), replicas, self._pods_beside(weight, total))
        pods = split(total, self.first_weight(), may_surge=self.release.options.canary.may_surge)
        own = manifests.stable(release, replicas or release.replicas, self.rolling)
        return (*release.others, *release.services, self._second(pods.canary), own)

    def _needs_tracks(self, weight: int) -> bool:
        return weight < 100 and self._router is not None

    def refuse_unfit(self) -> None:
        super().refuse_unfit()
        router = self._router
        if router:
            refuse_no_service(self.app, f"{self.name} has no Service to route to")
        self._refuse_unfit()
        if not router and any(step.match for step in self.release.options.canary.steps):
            raise BadInput(
                "a step of the canary tells requests apart by what they carry, and no route of the manifests splits them",
                hint="add the HTTPRoute or the VirtualService of the Service to the manifests, or leave the match out",
            )

    def _beside(self, observed: Observed, weight: int) -> list[str]:
        return self._router.beside(observed.elsewhere, splits=weight < 100) if self._router else []

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        refuse_empty(self.app, weight, replicas)
        if router := self._router:
            words = "the new version, beside the old", f"{self._asked(weight)} to {self.release.version}"
            pods, traffic = self._pods_beside(weight, replicas), self._traffic(weight, draft.history)
            return self._share_by_route(draft, router, traffic, replicas, pods, words)
        self._leave_routes(draft)
        draft.notes += [*why_chosen(self.release, self.app.host), *self.unseen(draft.observed)]
        parts = self._pods(draft, weight, replicas)
        self._make_ready(draft, self.release)
        self._raise(draft, parts)
        self._lower(draft, parts)
        return Split(stable=parts.stable, canary=parts.canary, percent=parts.percent)

    def _finish(self, draft: Draft, replicas: int) -> Split:
        router = self._router
        return self._finish_by_route(draft, router, replicas) if router else super()._finish(draft, replicas)

    def _split_now(self, draft: Draft, weight: int, replicas: int) -> Split:
        if weight < 100 and (router := self._router):
            return self._split_by_route(draft, router, replicas)
        return super()._split_now(draft, weight, replicas)

    # by routes

    @property
    def _router(self) -> Router | None:
        return next((router for router in self._routers(self.release) if router.is_chosen), None)

    def _router_name(self, release: Release) -> str:
        found = chosen(release, self.app.host)
        return "" if found == BY_PODS else found

    def _traffic(self, weight: int, history: Sequence[Revision] = ()) -> Traffic:
        """With the matches of all steps that the weight has come to: who has met the new version stays with it."""
        steps = self.release.options.canary.steps
        matches: list[Obj] = []
        for match in (dict(match) for step in steps if step.weight <= weight for match in step.match):
            matches += [match] if match not in matches else []
        mirror = next((step.mirror for step in steps if step.weight == weight and step.mirror), 0)
        return Traffic(weight, tuple(matches), mirror, self._sticky(weight, history))

    def _all_traffic(self) -> Iterator[Traffic]:
        before: tuple[int, ...] = ()
        for step in self.release.options.canary.steps:
            traffic = self._traffic(step.weight)
            yield traffic._replace(sticky=traffic.sticky and traffic.sticky._replace(before=before))
            before += (step.weight,)

    def _asked(self, weight: int) -> str:
        traffic = self._traffic(weight)
        words = (
            "requests that match" if traffic.matches else "",
            f"copies of {traffic.mirror}% of the requests" if traffic.mirror else "",
            f"{weight}% of all requests" if weight else "",
        )
        return " and ".join(filter(None, words)) or "none of the requests"

    def _pods_beside(self, weight: int, replicas: int) -> int:
        pods = self.release.options.canary.pods
        if pods == "all":
            return max(replicas, 1)
        return needed(replicas, max(weight, self._traffic(weight).mirror)) if pods == "share" else pods

    # by pods

    def _leave_routes(self, draft: Draft) -> None:
        """A share that routes have held until now becomes one of pods. Services are those of the version that runs, until they
        are to serve the new one's pods, too."""
        if self._is_tracked(draft):
            live = draft.observed.live
            running = Release.from_record(live.release) if live else self.release
            self._routes_home(draft, running)
            self._routes_settled(draft, running)

    def _pods(self, draft: Draft, weight: int, replicas: int) -> Pods:
        if draft.observed.is_autoscaled(self.app.name):
            draft.notes.append(f"an HPA scales {self.app.name}: its pods stay, the canary's share is reached beside them")
            return beside(draft.replicas(self.app.name), weight)
        return split(replicas, weight, may_surge=self.release.options.canary.may_surge)

    def _raise(self, draft: Draft, pods: Pods) -> None:
        name = self._second_name
        now = draft.replicas(name)
        why = "more of the new version" if now else "the new version, beside the old"
        draft.resume(name)
        draft.apply(self._second(max(pods.canary, now)), why, is_made=True)
        draft.wait(name, "rolled-out", max(pods.canary, now), "nothing shrinks before")
        if draft.replicas(self.app.name) < pods.stable:
            draft.scale(self.app.name, pods.stable, "the old version takes its share back")
            draft.wait(self.app.name, "rolled-out", pods.stable, "before the new one shrinks")

    def _lower(self, draft: Draft, pods: Pods) -> None:
        total = sum(pods)
        share = f"{pods.canary} of {total} pods: {pods.percent:g}% of requests"
        if draft.replicas(self._second_name) > pods.canary:
            draft.apply(self._second(pods.canary), share)
            draft.wait(self._second_name, "rolled-out", pods.canary, "its surplus pods leave")
        if draft.replicas(self.app.name) > pods.stable:
            draft.scale(self.app.name, pods.stable, share)
            draft.wait(self.app.name, "rolled-out", pods.stable, "the surplus pods leave")
