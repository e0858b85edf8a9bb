"""The steps by which Services, and what routes to them, go from one version to the next: never without the pods behind them.

`bridge` before pods of another version appear, so that the Services serve both; `opened`, the routes, `settle` when the new ones
carry all: no backend ever names a port that its Service does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..errors import BadInput
from ..kube.objects import (
    INGRESS,
    POD,
    SERVICE,
    Obj,
    annotations_of,
    digest,
    get,
    is_a,
    labels_of,
    merged,
    ref_of,
    selects,
    template_labels,
)
from ..kube.workload import is_workload, pods_of, workload_of
from ..plan.diff import changes
from ..plan.observed import APP_LABEL, DIGEST_ANNOTATION, TRACK_LABEL
from ..plan.revision import live_of
from ..release.model import Release
from ..routing import fit, selector
from ..routing.fit import Misfit, Side
from .draft import Draft

Shape = Callable[[Obj], Obj]
"""A Service of the manifests as the strategy applies it."""


def bridge(draft: Draft, release: Release) -> None:
    """Services that the versions share take a form that serves all of their pods. One that reaches none of ours yet but others',
    as where another tool has narrowed its selector down to its own pods, serves these too, or them alone until ours are ready.

    Raises BadInput where there is none; a way back that is under way goes on all the same, and says so. Raises FieldsOwned where
    it is somebody else's change that would be undone.
    """
    both = _sides(draft, release)
    wanted = {service["metadata"]["name"]: service for service in release.services}
    for name in dict.fromkeys([*wanted, *(service["metadata"]["name"] for side in both for service in side.services)]):
        live = draft.find(SERVICE, name)
        if live is None or selector.track_of(live) not in (None, selector.STABLE):
            continue  # one that is bound to the other side moves with it, in one patch
        is_ours = any(selects(fit.plain(live), side.labels) for side in both[:-1])
        others = [] if is_ours else _served(draft, live)
        sides = [*others, both[-1]] if others else both
        if len(sides) < 2:
            continue
        needed = fit.bridge(live, wanted.get(name, live), sides, _labels_of_others(draft, release))
        if isinstance(needed, Misfit) and others:
            continue  # the manifests do not mean these pods: they are served until ours are ready
        if not isinstance(needed, Misfit):
            if name in wanted and changes(live, merged(live, needed)):
                draft.tell_taken(fit.stated(live, wanted[name]))
            draft.patch(SERVICE, name, needed, "serves both versions while both run")
        elif draft.is_under_way or name not in wanted:
            draft.notes.append(f"requests are lost on the way: {needed.why}")
        else:
            raise BadInput(needed.why, hint=needed.hint)


def _sides(draft: Draft, release: Release) -> list[Side]:
    """The versions whose pods may run, the release last. Which ones do is known where every Deployment is rolled out; of one that
    is half-way, all may that the history has live or under way."""
    revisions = (live_of(draft.history), draft.observed.live, draft.observed.in_flight)
    running = [each for each in _deployments(draft, release) if _has_pods(each)]
    digests = {_digest_of(each) for each in running}
    is_settled = "" not in digests and all(_is_rolled_out(each) for each in running)
    templates, out = [release.workload["spec"]["template"]], []
    for other in (Release.from_record(revision.release) for revision in revisions if revision):
        template = other.workload["spec"]["template"]
        if template in templates or (is_settled and other.digest not in digests):
            continue
        templates.append(template)
        out.append(Side(other.version, other.workload, other.services))
    return [*out, Side(release.version, release.workload, release.services)]


def _served(draft: Draft, service: Obj) -> list[Side]:
    """The pods of others that a Service reaches, where its selector is to change: one side for each set of labels."""
    found: dict[str, Side] = {}
    for pod in draft.observed.strangers:
        labels = labels_of(pod)
        if is_a(pod, POD) and "deletionTimestamp" not in pod["metadata"] and selects(fit.plain(service), labels):
            template = {"metadata": {"labels": labels}, "spec": pod["spec"]}
            found.setdefault(digest(labels), Side("what serves now", {"spec": {"template": template}}, (service,)))
    return list(found.values())


def _labels_of_others(draft: Draft, release: Release) -> list[dict[str, str]]:
    """The labels of pods that are none of the application's, as far as they are known. Those of a second side are its own, though
    the plan has taken that away by now; and none that leave are reached."""
    own, ours = release.workload["metadata"]["name"], {each["metadata"]["name"] for each in _deployments(draft, release)}
    bodies = (get(obj, "spec", "jobTemplate", default=obj) for obj in release.others)
    written = [template_labels(body) for body in bodies if get(body, "spec", "template")]
    pods = (obj for obj in draft.observed.strangers if is_a(obj, POD) and "deletionTimestamp" not in obj["metadata"])

    def is_ours(pod: Obj) -> bool:
        return _deployment_of(pod) in {*ours, f"{own}-{labels_of(pod).get(TRACK_LABEL)}"}

    return [*written, *(labels_of(pod) for pod in pods if not is_ours(pod))]


def _deployments(draft: Draft, release: Release) -> list[Obj]:
    """The application's: those that carry its label, and its own, which one that is adopted does not carry yet."""
    own = release.workload["kind"], release.workload["metadata"]["name"]
    found = (obj for obj in draft.objects.values() if obj and is_workload(obj))
    return [obj for obj in found if (obj["kind"], obj["metadata"]["name"]) == own or labels_of(obj).get(APP_LABEL) == release.app]


def _deployment_of(pod: Obj) -> str:
    """The name of the Deployment whose ReplicaSet a pod belongs to, or of the set that it belongs to."""
    owner = next((each["name"] for each in pod["metadata"].get("ownerReferences") or () if each.get("controller")), "")
    return str(owner).removesuffix(f"-{labels_of(pod).get('pod-template-hash')}")


def _digest_of(deployment: Obj) -> str:
    return annotations_of(deployment).get(DIGEST_ANNOTATION, "")


def _has_pods(deployment: Obj) -> bool:
    return bool(pods_of(deployment) or workload_of(deployment).counts(deployment).all)


def _is_rolled_out(deployment: Obj) -> bool:
    counts = workload_of(deployment).counts(deployment)
    return not counts.is_behind and counts.updated == counts.all


# when the new version carries all


def opened(draft: Draft, release: Release, shape: Shape) -> list[Obj]:
    """The Services as they are to be, with what is still routed to beside it; what names a port by a name that goes is led there
    by number first.

    Raises BadInput where somebody else's Ingress would lose its port.
    """
    wanted = {service["metadata"]["name"]: service for service in release.services}
    live = {name: found for name in wanted if (found := draft.find(SERVICE, name))}
    _refuse_orphans(draft, live, wanted)
    for router in _routers(draft, wanted):
        for name in dict.fromkeys(each.service for each in fit.backends(router) if each.service in live):
            if is_a(router, INGRESS) and (now := draft.find_like(router)):
                numbered = fit.by_number(now, live[name], wanted[name])
                draft.patch(INGRESS, router["metadata"]["name"], numbered, "by number: the port's name changes")
    _note_left_behind(draft, release, wanted)
    return [shape(fit.opened(live.get(name, service), service, _routers(draft, wanted))) for name, service in wanted.items()]


def settle(draft: Draft, services: Iterable[Obj]) -> None:
    """Services as given, and with those ports alone."""
    for service in services:
        live = draft.find_like(service)
        said = service if live is None else fit.stated(live, service)
        if live is not None:
            _close(draft, live, said)
        draft.apply(said, "as in the manifests")


def _close(draft: Draft, live: Obj, wanted: Obj) -> None:
    """An apply leaves the ports, and what is said of them, that others or a patch have set: what the manifests do not have goes
    first, and with it the name that a port without one was given beside it."""
    former, said = ({fit.number_of(port): port for port in fit.ports_of(service)} for service in (live, wanted))
    coming = {fit.number_of(port): port for port in fit.as_written(live, wanted)}
    shared = former.keys() & coming.keys()
    named = [each for each in shared if "name" not in said[each] and fit.is_named_here(former[each])]
    coming |= {each: merged(coming[each], {"name": None}) for each in named}
    if former.keys() - coming.keys() or any(fit.loses(former[each], coming[each]) for each in shared):
        draft.tell_taken(wanted)  # a patch takes what it writes without asking whose it is
        why = f"the ports of the manifests, and no others{fit.unanswered(live, wanted)}"
        draft.patch(SERVICE, live["metadata"]["name"], {"spec": {"ports": list(coming.values())}}, why)


def routes(release: Release, obj: Obj) -> bool:
    """Whether a manifest routes to one of the release's Services."""
    names = {service["metadata"]["name"] for service in release.services}
    return any(each.service in names for each in fit.backends(obj))


def fits(draft: Draft, release: Release, obj: Obj) -> bool:
    """Whether a manifest routes by ports that are there already, and to the Services that it routes to now: others may not reach
    all pods yet."""
    names = {service["metadata"]["name"] for service in release.services}
    known = {name: found for name in names if (found := draft.find(SERVICE, name))}
    live = draft.find_like(obj)
    moves = {each.service for each in fit.backends(obj)} - {each.service for each in fit.backends(live)} if live else set()
    return not fit.lacks(obj, known) and not moves & names


def led_along(draft: Draft, release: Release, live: Obj) -> Obj:
    """A Service that only an earlier version's manifests have, as it reaches the pods of the release, too, if it can."""
    needed = fit.bridge(live, live, _sides(draft, release), _labels_of_others(draft, release))
    return live if isinstance(needed, Misfit) else merged(live, needed)


def _routers(draft: Draft, services: Iterable[str]) -> list[Obj]:
    """What routes to the Services now, as far as it is the application's."""
    names = set(services)
    found = (obj for obj in draft.objects.values() if obj)
    return [obj for obj in found if any(each.service in names for each in fit.backends(obj))]


def _note_left_behind(draft: Draft, release: Release, wanted: dict[str, Obj]) -> None:
    """What an earlier version's manifests had stays, and is told of where it leads nowhere from now on."""
    written = {ref_of(obj) for obj in release.others}
    for router in (each for each in _routers(draft, wanted) if ref_of(each) not in written):
        for lost in fit.lacks(router, wanted):
            note = (
                f"{ref_of(router)}, no longer in the manifests, sends requests to a port that goes: {lost.port} of {lost.service}"
            )
            if note not in draft.notes:
                draft.notes.append(note)


def _refuse_orphans(draft: Draft, live: dict[str, Obj], wanted: dict[str, Obj]) -> None:
    for ingress in (obj for obj in draft.observed.strangers if is_a(obj, INGRESS)):
        found = [each for each in fit.lacks(ingress, wanted) if each.service in live and fit.has(live[each.service], each.port)]
        if found and not draft.is_under_way:
            raise BadInput(
                f"Ingress {ingress['metadata']['name']}, which is not in the manifests, sends requests to port {found[0].port} "
                f"of Service {found[0].service}, and the release takes that port away",
                hint="take the Ingress into the manifests, or keep the port until it is changed",
            )
