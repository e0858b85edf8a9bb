"""What a release is refused for: before anything of it is planned, where it may not be released over what is live; then, where
somebody's objects or requests are in the way of a step. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import BadInput, FieldsOwned
from ..kube.objects import SERVICE, Obj, get, is_a, labels_of, ref_of, template_labels
from ..kube.printed import labels_text
from ..plan.marks import track_of
from ..plan.observed import APP_LABEL, FIELD_MANAGER, Observed
from ..release.image import split_image
from ..routing import selector
from . import lifelong
from .app import App
from .hotfix import owners_of


def refuse_renamed(app: App, observed: Observed) -> None:
    """Raises BadInput where it is live under another name: two workloads of one application would share its requests for ever."""
    known = observed.live.release["workload"]["kind"] if observed.live else app.kind.name
    names = [] if known == app.kind.name else [(known, app.name)]  # it is no way back to what is of another kind
    own = (each for each in observed.workloads(app.release.app) if track_of(each) is None)
    names += [(each["kind"], each["metadata"]["name"]) for each in own]
    for kind, name in names:
        if (kind, name) != (app.kind.name, app.name):
            is_same = kind == app.kind.name
            wanted = app.name if is_same else f"{app.kind.name} {app.name}"
            keep = f"`workloadName: {name}` in the release file keeps that name" if is_same else "keep its name"
            raise BadInput(
                f"{app.release.app} is live as {kind} {name}, and the manifests call it {wanted}",
                hint=f"{keep}; to start anew, give the release file another `app` and remove the old one afterwards",
            )


def refuse_others(app: App, observed: Observed) -> None:
    """Raises FieldsOwned where the workload is released as another application: each would undo what the other does; or where it
    is found, and is another one to all appearance: it would be taken away with its pods, to be made anew."""
    live, own = observed.workload(app.release.namespace, app.name), app.release.app
    if live and not observed.history and _is_another(live, app):
        raise FieldsOwned(
            f"{app.kind.name} {app.name} is there already, and seems to be another application: it selects its pods otherwise, "
            f"and runs {' and '.join(_images(live))}",
            hint="give the manifests' another name; to take it over for good: --force-conflicts",
        )
    other = labels_of(live).get(APP_LABEL, own) if live else own
    if other != own:
        raise FieldsOwned(
            f"{app.kind.name} {app.name} is released as {other}, not as {own}",
            hint=f"`app: {other}` in the release file goes on with it; to take it over for good: --force-conflicts",
        )


def _is_another(live: Obj, app: App) -> bool:
    """By what it selects and what it runs: of a next version at least the image's repository is the same."""
    wanted = split_image(app.release.image)[0]
    return lifelong.has_other_selector(live, app.release.workload) and all(
        split_image(image)[0] != wanted for image in _images(live)
    )


def _images(live: Obj) -> list[str]:
    return [str(each.get("image", "")) for each in get(live, "spec", "template", "spec", "containers", default=[])]


def refuse_paused(app: App, observed: Observed) -> None:
    """Raises FieldsOwned where somebody else has paused the live Deployment: they had a reason. Ours hold a share."""
    name = app.live_name(observed)
    live = observed.workload(app.release.namespace, name)
    if not live or not get(live, "spec", "paused", default=False):
        return
    owners = owners_of(live, "paused")
    if FIELD_MANAGER not in owners:
        raise FieldsOwned(
            f"Deployment {name} is live, and somebody has paused it",
            detail="\n".join(f".spec.paused is managed by {owner}" for owner in owners),
            hint=f"resume it, `kubectl rollout resume deployment/{name}`, or overrule it with --force-conflicts",
        )


def refuse_lone_share(app: App, observed: Observed) -> None:
    """Raises BadInput for a share where there is nothing to share requests with: nothing is live, or somebody has deleted it."""
    live, name = observed.live, app.live_name(observed)
    if live is None and app.foreign(observed) is None:
        raise BadInput("there is nothing live to share requests with", hint="release the first version with `deploy apply`")
    if live and name in app.gone(observed):
        back = "deploy rollback" if observed.in_flight else f"deploy rollback --to-revision {live.number}"
        raise BadInput(
            f"{app.kind.name} {name} is gone: somebody deleted it, and nothing of {live.version} is there to share requests with",
            hint=f"`{back}` brings {live.version} back; `deploy promote --full` gives {app.release.version} to everybody",
        )


def refuse_empty(app: App, weight: int, replicas: int) -> None:
    """Raises BadInput where a share is one of pods, and there is none."""
    if weight and not replicas:
        raise BadInput(
            f"{app.name} has 0 pods: there is nothing of which {app.release.version} could have {weight}%",
            hint="wait until it is scaled up; `--full` gives the new version to everybody, whenever that is",
        )


def refuse_no_service(app: App, what: str) -> None:
    """Raises BadInput where no Service of the manifests selects the application's pods; `what` is in the way then."""
    if app.release.services:
        return
    own = template_labels(app.release.workload)
    hint = "add the Service, or choose ramped or canary"
    for service in (obj for obj in app.release.others if is_a(obj, SERVICE)):
        chosen = get(service, "spec", "selector", default={})
        apart = {key: value for key, value in chosen.items() if own.get(key, value) != value}
        if apart and chosen.keys() <= own.keys() and len(apart) < len(chosen):
            carried = labels_text({key: own[key] for key in apart})
            hint = f"{ref_of(service)} selects {labels_text(apart)}, and the pods carry {carried}: leave that out of its selector"
    raise BadInput(f"{what}: the manifests hold none that selects the application's pods", hint=hint)


def refuse_theirs(observed: Observed, app: str, live: Obj | None, manifest: Obj) -> None:
    """Raises BadInput where what we would make beside the user's own objects is there already, and somebody else's."""
    is_theirs = live is not None and labels_of(live).get(APP_LABEL) != app
    if is_theirs or ref_of(manifest) in observed.taken:
        elsewhere = ", or choose a strategy without a second Deployment: recreate, ramped" if live is None else ""
        raise BadInput(
            f"{ref_of(manifest)} is there already, and not of {app}",
            hint=f"rename it, or release the application under another name{elsewhere}",
        )


def refuse_emptying(objects: Iterable[Obj], app: str, live: Obj) -> None:
    """Raises BadInput where a side is scaled away while a Service reaches it and nothing else of the application."""
    for service in selector.reaching_only(live, objects):
        if labels_of(service).get(APP_LABEL) != app:  # but for the preview that we made
            raise BadInput(
                f"{ref_of(service)} reaches nothing but {live['metadata']['name']}, which would be scaled to 0",
                hint="this is a mistake in rollway if the Service is in the manifests; nothing was changed",
            )
