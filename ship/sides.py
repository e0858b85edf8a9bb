"""How an application stands, from what is observed: what its pods run, who changed that since, and what share of requests
they get.

Pure: objects in, answers out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..health.deployment import paused_by
from ..health.pods import is_of_template, is_ready
from ..health.workloads import progress
from ..kube.defaults import declared
from ..kube.objects import (
    DEPLOYMENT,
    SERVICE,
    Obj,
    annotations_of,
    get,
    is_a,
    kind_of,
    labels_of,
    ref_of,
    selects,
    template_labels,
)
from ..kube.workload import pods_of, workload_of
from ..plan.drift import Changed, changed_since, kept_of_others, says_the_same
from ..plan.marks import track_of
from ..plan.observed import DIGEST_ANNOTATION, FIELD_MANAGER, VERSION_ANNOTATION, Observed
from ..plan.revision import Revision
from ..release.image import split_image
from ..release.model import Release, app_container
from ..routing.ratio import Pods
from ..routing.router import Outside, Router
from ..routing.routers import ROUTERS, every
from ..routing.selector import STABLE
from ..strategies import of_release, stands, surroundings
from ..strategies.app import App
from ..strategies.stands import Gets
from .windows import is_of

WAYS = tuple(kind for router in ROUTERS for kind in router.kinds)
"""What requests come by, beside Services."""
MOST_FIELDS = 3


@dataclass(frozen=True)
class Side:
    """A Deployment of the application, or the set that it is. `version` and `image` are of what its pods run, `other_than` what
    the history says that they should; `kept` is what others had added before, and no revision says. `message` says how far it has
    come; `gets` is what comes to its pods; `percent` of the requests reach it, None where nothing of its pods tells."""

    name: str
    track: str
    version: str
    image: str
    ready: int
    wanted: int
    gets: Gets
    message: str
    other_than: str = ""
    changed: tuple[Changed, ...] = ()
    kept: tuple[Changed, ...] = ()
    percent: float | None = None
    kind: str = DEPLOYMENT.name

    @property
    def is_routed(self) -> bool:
        """Whether users meet it."""
        return self.gets == "requests"

    @property
    def told(self) -> str:
        """What is to be said of it first."""
        words = {"requests": "receives requests", "copies": "receives copies of requests", "nothing": "receives no requests"}
        return self.message or words[self.gets]


def sides(release: Release, observed: Observed, pods: Sequence[Obj]) -> tuple[Side, ...]:
    services = _services(release, observed)
    found = deployments(release, observed)
    reached = [sum(_is_reached(pod, services) for pod in pods if is_of(pod, each)) for each in found]
    shares = [Pods(sum(reached) - mine, mine).percent if sum(reached) else None for mine in reached]
    if (routed := _routed_share(release, observed)) is not None:
        services += _made_services(release, observed)
        shares = [routed if track_of(each) else 100 - routed for each in found]
    made = (_side(release, observed, each, services, share) for each, share in zip(found, shares, strict=True))
    current = observed.in_flight
    if routed != 0 or current is None:
        return tuple(made)
    # without a share of all requests the second side is there for those that match, for copies, or for nobody yet
    return tuple(replace(side, gets=stands.gets(current)) if side.is_routed and side.track != STABLE else side for side in made)


def given(release: Release, observed: Observed, pods: Sequence[Obj]) -> float | None:
    """The share of requests that the release under way really gets, in percent: by routes, else by the ready pods that its
    Services reach. None where nothing is under way, or nothing answers."""
    current = observed.in_flight
    if current is None:
        return None
    if (share := _routed_share(release, observed)) is not None:
        return share
    services = _services(release, observed)
    new = old = 0
    for deployment in deployments(release, observed):
        is_new = annotations_of(deployment).get(DIGEST_ANNOTATION) == current.digest
        for pod in (pod for pod in pods if is_of(pod, deployment) and _is_reached(pod, services)):
            new, old = (new + 1, old) if is_new and is_of_template(pod, deployment) else (new, old + 1)
    return Pods(old, new).percent if old + new else None


def remarks(release: Release, observed: Observed, found: Sequence[Side]) -> Iterator[str]:
    """What one would not see of the numbers alone."""
    yield from App(release).unrecorded(observed)
    yield from _changed_others(release, observed)
    yield from surroundings.told_standing(observed)
    yield from surroundings.told_unready(release, observed)
    current = observed.in_flight
    if current is None:
        for side in found:
            if side.wanted and not side.is_routed and any(other.is_routed for other in found):
                count = f"{side.wanted} pod{'s' if side.wanted != 1 else ''}"
                yield f"{side.name} still runs {count} of {side.version}, and gets no request: `deploy apply` again puts it away"
        return
    own = observed.workload(release.namespace, release.workload["metadata"]["name"])
    if current.phase == "Paused" and (loose := of_release(current.strategy, release).loosened(own, current.weight)):
        yield (
            f"somebody has loosened what holds the share ({', '.join(loose)}): more than {current.weight}% may come; "
            "`deploy promote` holds it anew, `deploy rollback` takes it back"
        )
    if current.phase == "Paused":
        yield from of_release(current.strategy, Release.from_record(current.release)).unseen(observed)
    second = [side for side in found if side.track != STABLE]
    for side in second if current.strategy in ("canary", "ab") else []:
        if not side.wanted:
            yield f"{side.name} has no pod: nothing of {current.version} runs"
    if current.phase == "Paused" and current.strategy in ("canary", "ramped") and _routed_share(release, observed) is None:
        yield from stands.of_clients(_services(release, observed))


def _changed_others(release: Release, observed: Observed) -> Iterator[str]:
    """What others have made of what stands beside the Deployments, since the release: of the ways that requests take, and of all
    kinds that every cluster has. Of custom resources nobody knows whether their operator writes them itself."""
    beside = [
        obj for obj in release.others
        if kind_of(obj["apiVersion"], obj["kind"]) or any(is_a(obj, kind) for kind in WAYS)
    ]  # fmt: skip
    written = {ref_of(obj): obj for obj in observed.live.others} if observed.live and observed.in_flight is None else {}
    for live in filter(None, (observed.objects.get(ref_of(obj)) for obj in (*release.services, *beside))):
        as_released = declared(written[ref_of(live)]) if ref_of(live) in written else {}
        for changed in changed_since(live, _released_at(observed), as_released):
            # who applies what was released, as Argo CD, has written it and changed nothing
            fields = tuple(field for field in changed.fields if not says_the_same(live, as_released, field))
            if fields:
                named = changed._replace(fields=fields).named(MOST_FIELDS)
                yield f"{ref_of(live)} has been changed since the release by {changed.by}: {named}"


def _released_at(observed: Observed) -> str:
    """When the history was last written; empty where there is none."""
    return max((entry.at for revision in observed.history for entry in revision.entries[-1:]), default="")


def _side(release: Release, observed: Observed, deployment: Obj, services: Sequence[Obj], percent: float | None) -> Side:
    wanted = pods_of(deployment)
    # of a set that a share or OnDelete holds it counts how many pods are new
    state = progress(deployment, "held" if workload_of(deployment).is_set else "rolled-out", wanted)
    image = str(app_container(deployment, release.app, release.container).get("image", ""))
    expected = [each for each in (observed.live, observed.in_flight) if each]
    released = _released(deployment, observed.history)
    is_expected = not expected or image in {each.image for each in expected}
    is_routed = wanted > 0 and any(selects(get(service, "spec", "selector"), template_labels(deployment)) for service in services)
    return Side(
        name=deployment["metadata"]["name"],
        track=track_of(deployment) or STABLE,
        version=_version(deployment, image, observed.history),
        image=image,
        ready=workload_of(deployment).counts(deployment).ready,
        kind=deployment["kind"],
        wanted=wanted,
        gets="requests" if is_routed else "nothing",
        message="" if state.is_done else f"{state.message}{_stopped(deployment)}",
        other_than="" if is_expected or not is_routed else f"revision {expected[0].number} is {expected[0].image}",
        changed=changed_since(deployment, _released_at(observed), released),
        kept=kept_of_others(deployment, released) if released else (),
        percent=percent,
    )


def _stopped(deployment: Obj) -> str:
    by = paused_by(deployment)
    return f"; paused by {by}" if by not in ("", FIELD_MANAGER) else ""


def _released(deployment: Obj, history: Sequence[Revision]) -> Obj | None:
    """The manifest of the revision that it is of; None where that is not known any more."""
    digest = annotations_of(deployment).get(DIGEST_ANNOTATION)
    return next((revision.release["workload"] for revision in reversed(history) if revision.digest == digest), None)


def _version(deployment: Obj, image: str, history: Sequence[Revision]) -> str:
    """What was noted, if the image is still the one that it was noted of; else the image's tag."""
    marks = annotations_of(deployment)
    known = {revision.image for revision in history if revision.digest == marks.get(DIGEST_ANNOTATION)}
    _, tag, digest = split_image(image)
    return marks.get(VERSION_ANNOTATION, "") if image in known else tag or digest or image


def deployments(release: Release, observed: Observed) -> list[Obj]:
    """Those of the application: the user's own first. `sides` has them in this order."""
    own = observed.workload(release.namespace, release.workload["metadata"]["name"])
    seconds = [obj for obj in observed.workloads(release.app) if track_of(obj)]
    return [obj for obj in (own, *seconds) if obj is not None]


def _services(release: Release, observed: Observed) -> list[Obj]:
    names = (service["metadata"]["name"] for service in release.services)
    return [live for name in names if (live := observed.find(SERVICE, release.namespace, name))]


def _made_services(release: Release, observed: Observed) -> list[Obj]:
    """Those beside them that routes name."""
    refs = (ref for router in _routers(release) for ref in router.refs() if ref.is_a(SERVICE))
    return [live for ref in refs if (live := observed.objects.get(ref))]


def _routers(release: Release) -> list[Router]:
    """All that may split its requests."""
    app = App(release)
    return every(release, app.host, app.name, "", Outside(), "")


def _routed_share(release: Release, observed: Observed) -> float | None:
    """What live routes give the second side, whichever router they are of; None where none tells the sides apart."""
    live = [obj for obj in observed.objects.values() if obj]
    found = (router.share(live) for router in _routers(release))
    return next((share for share in found if share is not None), None)


def _is_reached(pod: Obj, services: Iterable[Obj]) -> bool:
    return is_ready(pod) and any(selects(get(service, "spec", "selector"), labels_of(pod)) for service in services)
