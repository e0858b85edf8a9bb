"""The Jobs around a release: what retries, hangs, is refused or gets requests where nobody expects it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..kube.objects import annotations_of, get, ref_of, selects
from ..release.hooks import LIMITS_S, WrittenHook
from ..release.image import split_image
from .case import POD, Case, mapping, mappings
from .model import Found

if TYPE_CHECKING:
    from ..release.manifests import Located


def _written(case: Case) -> Iterator[tuple[WrittenHook, Located]]:
    """Those that are manifests of the user's, each once."""
    seen: set[str] = set()
    for each in case.release.sources.hooks:
        if each.manifest is not None and each.manifest.where() not in seen:
            seen.add(each.manifest.where())
            yield each, each.manifest


def no_backoff_limit(case: Case) -> Iterator[Found]:
    for each, item in _written(case):
        if get(item.obj, "spec", "backoffLimit") is None:
            message = f"{item} ({_called(each)}) has no backoffLimit: as a hook it is not retried, by itself 6 times"
            yield Found(item.obj, ("spec",), message, hint="backoffLimit: 0, or as many retries as it bears")


def no_deadline(case: Case) -> Iterator[Found]:
    for each, item in _written(case):
        if get(item.obj, "spec", "activeDeadlineSeconds") is None and not each.has_timeout:
            message = f"{item} ({_called(each)}) has no deadline: it is ended after {LIMITS_S[each.hook.when]} s"
            hint = "activeDeadlineSeconds in the Job, or timeout beside it in the release file"
            yield Found(item.obj, ("spec",), message, hint=hint)


def restarts_always(case: Case) -> Iterator[Found]:
    for each, item in _written(case):
        if get(item.obj, *POD, "restartPolicy") == "Always":
            message = f"{item} ({_called(each)}) is to be restarted always, and would never end: the API server refuses it"
            yield Found(item.obj, (*POD, "restartPolicy"), message, hint="restartPolicy: Never, or OnFailure")


def other_image(case: Case) -> Iterator[Found]:
    """None of its containers runs the version that is released."""
    own = split_image(case.release.image)[0]
    for each in case.release.sources.hooks:
        images = [str(container.get("image", "")) for _, container in mappings(each.hook.job, *POD, "containers")]
        if any(split_image(image)[0] == own for image in images):
            continue
        message = f"{_called(each)} runs {', '.join(images)}, not the release's {case.release.image}"
        hint = f"leave its image out, or name one of {own}: it gets the version that is released"
        if each.manifest is not None:
            yield Found(each.manifest.obj, (*POD, "containers", 0, "image"), message, hint=hint)
        else:
            yield Found(None, (each.hook.when, each.place, "image"), message, hint=hint)


def gets_requests(case: Case) -> Iterator[Found]:
    for each, item in _written(case):
        labels = mapping(item.obj, "spec", "template", "metadata", "labels")
        for service in case.services:
            if selects(mapping(service, "spec", "selector"), labels):
                name = service["metadata"]["name"]
                message = f"Service {name} chooses the pods of {item} ({_called(each)}), which would get requests"
                yield Found(item.obj, ("spec", "template", "metadata", "labels"), message, hint="give its pods other labels")


OTHERS = {"helm.sh/hook": "Helm", "argocd.argoproj.io/hook": "Argo CD"}
"""By the annotation that says when they run it."""


def of_others(case: Case) -> Iterator[Found]:
    """A Job of another tool's, written for a moment of its own."""
    for obj in case.release.others:
        marks = annotations_of(obj)
        mark = next((each for each in OTHERS if each in marks), "")
        if mark:
            message = f"{ref_of(obj)} is a hook of {OTHERS[mark]}'s ({marks[mark]}): here it is applied as all others are"
            hint = "leave it out (`helm template --no-hooks`), or name the Job under `before` or `after` in the release file"
            yield Found(obj, ("metadata", "annotations", mark), message, hint=hint)


def _called(each: WrittenHook) -> str:
    return f"{each.hook.when} {each.hook.name}"
