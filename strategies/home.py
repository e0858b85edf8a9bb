"""Coming home: the one sequence that everything converges on.

The user's Deployment carries a version alone, the Services reach it, and nothing else is left. It finishes a canary, aborts it,
undoes a failed run, and lets the next strategy start clean from whatever another one left behind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..kube.objects import (
    DEPLOYMENT,
    DESTINATION_RULE,
    HPA,
    SERVICE,
    VIRTUAL_SERVICE,
    Obj,
    as_manifest,
    get,
    labels_of,
    template_labels,
)
from ..plan.observed import DIGEST_ANNOTATION, FIELD_MANAGER, TRACK_LABEL
from ..plan.revision import Revision
from ..release.model import Release
from ..routing import istio, selector
from . import manifests
from .app import App
from .draft import Draft
from .manifests import Rolling

ROUTING_KINDS = (VIRTUAL_SERVICE.name, DESTINATION_RULE.name)


class Homecoming(ABC):
    def __init__(self, release: Release, *, force: bool = False) -> None:
        self.release = release
        self.app = App(release)
        self.force = force

    @property
    @abstractmethod
    def rolling(self) -> Rolling:
        """How the user's own Deployment is rolled in place."""

    @property
    @abstractmethod
    def deadline_s(self) -> int:
        """How long a wait may see no progress."""

    def _start_clean(self, draft: Draft, live: Revision) -> None:
        """Brings the live version home, if another strategy or an abandoned release left something of itself."""
        if self._is_at_home(draft):
            return
        release = Release.from_record(live.release)
        replicas = self.app.pods_now(draft.project(), live.replicas)
        self._come_home(draft, release, replicas, is_adopted=live.is_adopted)

    def _is_at_home(self, draft: Draft) -> bool:
        if any(True for _ in draft.project().deployments(self.release.app) if track_of(_)):
            return False
        if any(selector.track_of(draft.find(SERVICE, name)) for name in self.app.service_names):
            return False
        return not istio.uses_subsets(self._live_virtual_service(draft), self.app.host)

    def _adopt(self, draft: Draft) -> None:
        """Adds the track to running pods that lack it, by an ordinary ramped restart."""
        name = self.app.name
        live = draft.deployment(name)
        if live is None or not draft.replicas(name) or template_labels(live).get(TRACK_LABEL):
            return
        labelled = as_manifest(live)
        meta = labelled["spec"]["template"].setdefault("metadata", {})
        meta["labels"] = {**(meta.get("labels") or {}), TRACK_LABEL: selector.STABLE}
        labelled["spec"]["strategy"] = Rolling().spec
        draft.apply(labelled, "once: routing tells the versions apart by this label")
        draft.wait(name, "rolled-out", draft.replicas(name), "an ordinary ramped restart, no request lost")

    def _come_home(
        self,
        draft: Draft,
        release: Release,
        replicas: int,
        *,
        is_adopted: bool = False,
        final: Rolling | None = None,
    ) -> None:
        """The user's Deployment carries `release` alone; Services and routes reach it; nothing else is left."""
        self._support(draft, release)
        self._roll(draft, release, replicas, is_adopted=is_adopted, final=final)
        for service in release.services:
            live = draft.find(SERVICE, service["metadata"]["name"])
            if selector.track_of(live) not in (None, selector.STABLE):
                draft.route(
                    service["metadata"]["name"],
                    selector.pinned(service, selector.STABLE),
                    replicas,
                    "all requests to the app's own",
                )
        self._routes_home(draft, release)
        self._retire_seconds(draft)
        self._routes_settled(draft, release)

    def _roll(self, draft: Draft, release: Release, replicas: int, *, is_adopted: bool, final: Rolling | None) -> None:
        name = self.app.name
        live = draft.deployment(name)
        is_exact = is_adopted and TRACK_LABEL not in template_labels(live or {})
        count = self._count(draft, name, replicas)

        def manifest(rolling: Rolling) -> Obj:
            return manifests.stable(release, count, rolling, is_exact=is_exact, paused=paused_off(live))

        in_place = manifest(self.rolling)
        if final and not draft.rolls(in_place):
            in_place = manifest(final)
        why, why_wait = self._why_roll(draft, release, rolls=draft.rolls(in_place))
        self._apply_own(draft, in_place, why)
        draft.wait(name, "rolled-out", replicas, why_wait)
        if final:
            self._apply_own(draft, manifest(final), "its own way of rolling, as it was")

    def _apply_own(self, draft: Draft, manifest: Obj, why: str) -> None:
        """Applies the user's own Deployment.

        The API server refuses a Recreate that still carries a rolling update's limits, and an apply cannot take away what it does
        not own, as the defaults of an object that somebody else created: they go first.
        """
        if manifest["spec"]["strategy"]["type"] == "Recreate":
            limits = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
            draft.patch(DEPLOYMENT, self.app.name, limits, "the limits of its rolling update go")
        draft.apply(manifest, why)

    def _why_roll(self, draft: Draft, release: Release, *, rolls: bool) -> tuple[str, str]:
        """Why the user's own Deployment is applied, and what the wait after it is for."""
        if draft.deployment(self.app.name) is None:
            return "the application's first version", "until all of it is ready"
        if not draft.replicas(self.app.name):
            return f"{release.version} comes back to the application's own Deployment", "until all of it is ready"
        if not rolls:
            return f"{release.version} at full size again", "before anything else goes"
        seconds = [d for d in draft.project().deployments(self.release.app) if track_of(d) and get(d, "spec", "replicas")]
        carried = f"{seconds[0]['metadata']['name']} carries its share meanwhile" if seconds else self.why_wait
        return f"its own pods become {release.version}", carried

    @property
    def why_wait(self) -> str:
        """What users should know of the time in which the user's own Deployment is rolled alone."""
        return "old pods go only as new ones are ready"

    def _retire_seconds(self, draft: Draft) -> None:
        for deployment in list(draft.project().deployments(self.release.app)):
            if track_of(deployment):
                self._retarget(draft, deployment["metadata"]["name"], self.app.name)
                self._retire(draft, deployment["metadata"]["name"])

    def _retarget(self, draft: Draft, old: str, new: str) -> None:
        """Autoscalers go with the requests."""
        for autoscaler in draft.project().autoscalers_of(old):
            target = {"spec": {"scaleTargetRef": {"name": new}}}
            draft.patch(HPA, autoscaler["metadata"]["name"], target, f"it scales {new}, which gets the requests now")

    def _retire(self, draft: Draft, name: str) -> None:
        draft.scale(name, 0, "nothing is routed to it any more")
        draft.wait(name, "drained", 0, "its pods leave before the Deployment does")
        draft.delete(DEPLOYMENT, name, "no longer needed")

    def _support(self, draft: Draft, release: Release) -> None:
        """What the pods need, before them; and Services that are not there yet."""
        for obj in release.others:
            if obj["kind"] not in ROUTING_KINDS:
                draft.apply(self.other(draft, obj), "the release's own")
        for service in release.services:
            if draft.find(SERVICE, service["metadata"]["name"]) is None:
                draft.apply(self.service(service), "the release's own")

    def other(self, draft: Draft, obj: Obj) -> Obj:
        """One of the release's other objects as this strategy applies it."""
        return obj

    def service(self, service: Obj) -> Obj:
        """A Service as this strategy leaves it."""
        return service

    # routes of other strategies, on the way home

    def _routes_home(self, draft: Draft, release: Release) -> None:
        """Istio routes that know subsets send everything to the stable one, before the variant's pods go."""
        live = self._live_virtual_service(draft)
        if live and istio.uses_subsets(live, self.app.host):
            plain = istio.without_subsets(as_manifest(live), self.app.host)
            all_stable = istio.virtual_service("", self.app.host, istio.Traffic(0), hosts=(), gateway=None, user=plain)
            draft.apply(all_stable, "all requests to the stable subset")

    def _routes_settled(self, draft: Draft, release: Release) -> None:
        """Services as the strategy leaves them; the preview and the subsets of other strategies go, the route before the rule."""
        for service in release.services:
            draft.apply(self.service(service), "as in the manifests")
        draft.delete(SERVICE, f"{self.app.name}-preview", "there is nothing to preview")
        live = self._live_virtual_service(draft)
        if live is not None:
            own = istio.routes_to(release.others, self.app.host)
            if own:
                draft.apply(own, "as in the manifests")
            elif get(live, "spec", "gateways"):
                draft.apply(istio.without_subsets(as_manifest(live), self.app.host), "a route without variants")
            else:
                draft.delete(VIRTUAL_SERVICE, live["metadata"]["name"], "the Service alone routes again")
        own_rule = istio.rule_of(release.others, self.app.host)
        if own_rule:
            draft.apply(own_rule, "as in the manifests")
        else:
            draft.delete(DESTINATION_RULE, self.app.name, "after the routes that named its subsets")

    def _live_virtual_service(self, draft: Draft) -> Obj | None:
        own = istio.routes_to(self.release.others, self.app.host)
        return draft.find_like(own) if own else draft.find(VIRTUAL_SERVICE, self.app.name)

    def _count(self, draft: Draft, name: str, replicas: int) -> int | None:
        """The number of pods to write into a manifest: none where an HPA decides, unless we own the field and dropping it would
        reset it to 1."""
        if not draft.observed.is_autoscaled(name):
            return replicas
        live = draft.deployment(name)
        if live is None or not draft.replicas(name):
            return replicas
        return draft.replicas(name) if owns_replicas(live) else None


def track_of(deployment: Obj) -> str | None:
    """The track of a second Deployment; None for the user's own."""
    return labels_of(deployment).get(TRACK_LABEL)


def owns_replicas(live: Obj) -> bool:
    """Whether rollway's own apply holds spec.replicas."""
    for entry in get(live, "metadata", "managedFields", default=[]):
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply":
            return get(entry, "fieldsV1", "f:spec", "f:replicas") is not None
    return False


def paused_off(live: Obj | None) -> bool | None:
    """False where a paused rollout has to be resumed; None where the manifest need not speak of it."""
    return False if get(live, "spec", "paused") else None


def own_rolling(revision: Revision) -> Rolling:
    """How the strategy that released a revision rolls its Deployment."""
    from . import by_name

    release = Release.from_record(revision.release)
    if revision.is_adopted:
        return manifests.rolling_of(release.workload) or Rolling()
    return by_name(revision.strategy)(release).rolling


def digest_of(deployment: Obj | None) -> str:
    return str(get(deployment, "metadata", "annotations", default={}).get(DIGEST_ANNOTATION, ""))
