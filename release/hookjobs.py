"""From the release file's hooks to the Jobs that they run: read, checked, and with the release's own image and configuration.

Everything the user can get wrong in them ends here, as one BadInput at the user's own line.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BadInput
from ..kube.objects import JOB, Obj, annotations_of, get, is_a, labels_of
from . import checks, manifests
from .config import CONTENT_LABEL, is_pinned, uses, written_name
from .file import PlainFile, named, shown
from .hookoptions import HookOptions
from .hooks import LIMITS_S, LONGEST_NAME, Hook, When, WrittenHook
from .image import checked, split_image
from .manifests import Located
from .model import app_container
from .names import wrong_label
from .wrong import Wrong
from .yamlfile import Document

_OF_POD = (
    "serviceAccountName", "serviceAccount", "automountServiceAccountToken", "imagePullSecrets", "securityContext", "nodeSelector",
    "tolerations", "runtimeClassName", "priorityClassName", "schedulerName", "dnsPolicy", "dnsConfig", "hostAliases",
    "enableServiceLinks",
)  # fmt: skip
_OF_CONTAINER = (
    "image", "imagePullPolicy", "env", "envFrom", "workingDir", "volumeMounts", "volumeDevices", "securityContext", "resources",
)  # fmt: skip
"""What a command in short has of the application's pods: no probe, no port and no label, so that no Service sends it requests."""
RUNTIME = "sandbox.rollway.dev/runtime"


@dataclass(frozen=True)
class Ground:
    """What hooks are made from: the release file in its `folder`, and the release as it has been read so far. `place` is its
    namespace, empty where it is the context's."""

    file: PlainFile
    document: Document
    folder: str
    workload: Obj
    others: Sequence[Obj]
    app: str
    container: str
    place: str

    @property
    def own(self) -> Obj:
        """The application's container."""
        return app_container(self.workload, self.app, self.container)


def options_of(file: PlainFile) -> Iterator[tuple[When, int, HookOptions]]:
    for when, options in file.hooks.items():
        yield from ((when, place, each) for place, each in enumerate(options))


def files_of(file: PlainFile, folder: str) -> list[str]:
    return [_path(each.manifest, folder) for _, _, each in options_of(file) if each.manifest]


def written_hooks(ground: Ground) -> tuple[WrittenHook, ...]:
    """Raises BadInput."""
    found: list[WrittenHook] = []
    for when, place, options in options_of(ground.file):
        item = _read(ground, when, place, options.manifest) if options.manifest else None
        name = options.name or _name_of(item)
        if any((each.hook.when, each.hook.name) == (when, name) for each in found):
            raise BadInput(f"two hooks of {when} are called {name}", where=ground.document.where((when, place)))
        job = _short(ground, when, place, options) if item is None else _own(ground, item)
        timeout = options.timeout or get(job, "spec", "activeDeadlineSeconds") or LIMITS_S[when]
        job["spec"]["activeDeadlineSeconds"] = timeout
        found.append(WrittenHook(Hook(when, name, job, timeout), place, item, options.timeout is not None))
    return tuple(found)


def _path(manifest: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder, os.path.expanduser(manifest)))


# a manifest of the user's


def _read(ground: Ground, when: When, place: int, manifest: str) -> Located:
    where = ground.document.where((when, place, "manifest"))
    if manifest == "-":
        raise BadInput("a hook's Job is a file, not standard input", where=where)
    items = checks.objects(manifests.read([manifest], ground.folder, where))
    if len(items) != 1:
        seen = ", ".join(str(item) for item in items[:5]) or "nothing"
        raise BadInput(f"a hook is one Job; in {manifest} is {seen}", where=where, hint="give each hook a file of its own")
    _check(items[0], ground)
    return items[0]


def _check(item: Located, ground: Ground) -> None:
    """What of it would be refused by the API server in the middle of a release, or has no pods."""
    if not is_a(item.obj, JOB):
        raise BadInput(f"{item}: a hook is a Job", where=item.where("kind"), hint=f"apiVersion: {JOB.api_version}, kind: Job")
    for path in (("spec",), ("spec", "template"), ("spec", "template", "spec")):
        value = _at(item.obj, path)
        if not isinstance(value, dict):
            missing = f"no {'.'.join(path)}: there would be no pod" if value is None else f"{'.'.join(path)} is {shown(value)}"
            raise BadInput(f"{item}: {missing}; it takes a mapping", where=item.where(*path))
    _check_containers(item)
    for field in ("backoffLimit", "activeDeadlineSeconds"):
        value = item.obj["spec"].get(field)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            text = f"{item}: spec.{field} is {shown(value)}; it takes a whole number from 0"
            raise BadInput(text, where=item.where("spec", field))
    namespace = item.obj["metadata"].get("namespace")
    if namespace and ground.place and namespace != ground.place:
        raise BadInput(
            f"{item} is in namespace {namespace}, the release in {ground.place}",
            where=item.where("metadata", "namespace"),
            hint="a hook runs where the application does: take the namespace out of it",
        )


def _check_containers(item: Located) -> None:
    path = ("spec", "template", "spec", "containers")
    containers = _at(item.obj, path)
    if not isinstance(containers, list) or not containers:
        raise BadInput(f"{item}: no containers: there is nothing to run", where=item.where(*path))
    for index, container in enumerate(containers):
        if not isinstance(container, dict) or not isinstance(container.get("name"), str):
            raise BadInput(f"{item}: container {index + 1} has no name", where=item.where(*path, index))
        image = container.get("image")
        if image is not None and not isinstance(image, str):
            raise BadInput(f"{item}: image is {shown(image)}; it takes a text", where=item.where(*path, index, "image"))
        try:
            checked(image if image is not None else "any")
        except Wrong as wrong:
            raise BadInput(f"{item}: {wrong}", where=item.where(*path, index, "image"), hint=wrong.hint) from wrong


def _at(obj: Any, path: Sequence[str]) -> Any:
    for key in path:
        obj = obj.get(key) if isinstance(obj, dict) else None
    return obj


def _name_of(item: Located | None) -> str:
    assert item is not None
    name = str(item.obj["metadata"]["name"])
    if wrong := wrong_label(name, LONGEST_NAME):
        raise BadInput(
            f"{item}: its name cannot be the hook's: {wrong}", where=item.where("metadata", "name"),
            hint="give the hook another one in the release file: name: migrate",
        )  # fmt: skip
    return name


def _own(ground: Ground, item: Located) -> Obj:
    """Its labels, annotations and spec, with the release's image where it names one of that repository or none, and with the
    configuration that is this version's. It stays to be read when it has ended, until its revision leaves the history."""
    meta, spec = item.obj["metadata"], copy.deepcopy(item.obj["spec"])
    for field in ("ttlSecondsAfterFinished", "suspend"):
        spec.pop(field, None)
    if spec.get("backoffLimit") is None:
        spec["backoffLimit"] = 0  # no retries but those that are asked for
    pod = spec["template"]["spec"]
    _follow(pod, ground.own["image"])
    _pin(pod, ground.others)
    job: Obj = {"spec": spec}
    kept = {key: meta[key] for key in ("labels", "annotations") if meta.get(key)}
    return {"metadata": kept, **job} if kept else job


def _follow(pod: Obj, image: str) -> None:
    repository = split_image(image)[0]
    for group in ("containers", "initContainers"):
        for container in pod.get(group) or ():
            if not container.get("image") or split_image(container["image"])[0] == repository:
                container["image"] = image


def _pin(pod: Obj, others: Sequence[Obj]) -> None:
    """Configuration that is named by its content is asked for by that name. (release.config)"""
    names: Mapping[tuple[str, str], str] = {
        (obj["kind"], written_name(obj)): obj["metadata"]["name"]
        for obj in others
        if is_pinned(obj) and labels_of(obj).get(CONTENT_LABEL)
    }
    for use in list(uses(pod)):
        use.holder[use.field] = names.get((use.kind.name, use.name), use.name)


# in short


def _short(ground: Ground, when: When, place: int, options: HookOptions) -> Obj:
    template, own = ground.workload["spec"]["template"], ground.own
    container: Obj = {"name": options.name, **{key: copy.deepcopy(own[key]) for key in _OF_CONTAINER if key in own}}
    if options.image is not None:
        try:
            container["image"] = checked(options.image)
        except Wrong as wrong:
            path = (when, place, "image")
            raise BadInput(f"{named(path)}: {wrong}", where=ground.document.where(path), hint=wrong.hint) from wrong
    container |= {key: list(words) for key, words in (("command", options.command), ("args", options.args)) if words}
    if options.env:
        kept = [each for each in container.get("env") or () if each.get("name") not in options.env]
        container["env"] = [*kept, *({"name": name, "value": text} for name, text in options.env.items())]
    pod: Obj = {key: copy.deepcopy(template["spec"][key]) for key in _OF_POD if key in template["spec"]}
    if options.service_account is not None:
        pod.pop("serviceAccount", None)
        pod["serviceAccountName"] = options.service_account
    mounted = {each.get("name") for key in ("volumeMounts", "volumeDevices") for each in container.get(key) or ()}
    if volumes := [copy.deepcopy(each) for each in template["spec"].get("volumes") or () if each.get("name") in mounted]:
        pod["volumes"] = volumes
    pod |= {"restartPolicy": "Never", "containers": [container]}
    runtime = annotations_of(template).get(RUNTIME)
    meta = {"metadata": {"annotations": {RUNTIME: runtime}}} if runtime else {}
    return {"spec": {"backoffLimit": options.backoff_limit, "template": {**meta, "spec": pod}}}
