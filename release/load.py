"""From the release file and the flags to a Release. Everything the user can get wrong ends here, as one BadInput."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TextIO

from ..errors import BadInput
from ..kube.objects import Obj, get
from . import checks, manifests
from .config import pinned
from .file import PlainFile, named, nearest, parsed, shown, sort_of, unknown_strategy
from .hooks import WrittenHook
from .image import checked, replaced
from .manifests import Located
from .model import Release, Sources, app_container, in_apply_order, key_of, readable
from .names import MAX_APP, refuse_namespace, safe_name, wrong_label
from .options import STRATEGIES, StrategyName
from .reading import read_text
from .renaming import renamed
from .rendering import Names
from .wrong import Wrong
from .yamlfile import Document, Path, documents


def load(
    path: str,
    *,
    image: str | None = None,
    sets: Sequence[str] = (),
    strategy: str | None = None,
    namespace: str | None = None,
    stdin: TextIO | None = None,
) -> Release:
    """The release that the file at `path` describes, with the flags laid over it.

    `image` is a whole reference, or only `:tag` or `@digest` (see release.image). `sets` are `key=value` with a dotted path and a
    YAML value, `strategies.canary.maxSurge=2`; an item of a list by its number. Raises BadInput.
    """
    document = _with_sets(_release_document(path), sets)
    file = parsed(document)
    refuse_namespace(namespace)
    items = _from_web(file, document, image) if file.web_app else _from_manifests(file, document, path, namespace, stdin)
    items = checks.objects(items)
    list_of = document.where(("manifests",))
    chosen = checks.chosen_workload(items, file.workload, document.where(("workload",)) if file.workload else list_of)
    checks.workload(chosen)
    items, chosen = renamed(items, chosen, file.workload_name, document.where(("workloadName",)))
    app = file.app or _app_of(chosen)
    selecting = checks.services(items, chosen)
    place = checks.namespace(items, chosen, namespace or file.namespace)
    workload = _with_image(chosen, app, file, document, image)
    services = tuple(item.obj for item in selecting)
    others = in_apply_order(tuple(readable(item.obj) for item in items if item is not chosen and item not in selecting))
    if file.pin_config:
        workload, others = pinned(workload, services, others)
    container = _container(chosen, app, file, document)
    hooks: Sequence[WrittenHook] = ()
    if file.hooks:
        from . import hookjobs

        ground = hookjobs.Ground(file, document, os.path.dirname(path), workload, others, app, container, place)
        hooks = hookjobs.written_hooks(ground)
    release = Release(
        app=app,
        namespace=place,
        workload=workload,
        services=services,
        others=others,
        strategy=_strategy(strategy) if strategy else file.strategy,
        router=file.router,
        options=file.strategies,
        container=container,
        hooks=tuple(each.hook for each in hooks),
        depends_on=file.depends_on,
        **file.conduct,
        traffic=file.traffic,
        sources=_sources(document, items, hooks, place),
    )
    return release.with_namespace(place) if place else release


def beside(path: str, release: Release) -> Release:
    """The release with the probe, the gates, the experiment and the traffic of the release file at `path`, which are no part of a
    version, over those that it was released with. As it is where there is no such file, or it is another application's.

    Raises BadInput.
    """
    if not os.path.exists(path):
        return release
    file = parsed(_release_document(path))
    if file.app not in (None, release.app):
        return release
    options = release.options
    if (experiment := file.strategies.ab.asks) != options.ab.asks:
        from .abtests import asking

        options = asking(options, experiment)
    return replace(release, **file.conduct, traffic=file.traffic, options=options)


def called(path: str) -> tuple[str | None, str | None]:
    """The application and the namespace that a release file names, whatever else is wrong with it."""
    try:
        data = _release_document(path).data
    except BadInput:
        return None, None
    app, namespace = (data.get(key) if isinstance(data.get(key), str) else None for key in ("app", "namespace"))
    return app, None if namespace and wrong_label(namespace) else namespace


def _release_document(path: str) -> Document:
    """The one document of the release file, a mapping."""
    try:
        text = read_text(path, path)
    except BadInput as bad:
        bad.hint = bad.hint or _instead_of(path)
        raise
    found = [document for document in documents(text, path) if document.data is not None]
    if not found:
        raise BadInput("the file is empty", where=path, hint="write one with `deploy init`")
    first, *more = found
    if not isinstance(first.data, dict):
        seen = sort_of(first.data)
        raise BadInput(f"a release file is a mapping; this is {seen}", where=first.where(), hint="see `deploy schema`")
    if "apiVersion" in first.data and "kind" in first.data:
        hint = f"write a release file that names it: manifests: [{os.path.basename(path)}]"
        raise BadInput(f"this is a Kubernetes {first.data['kind']}, not a release file", where=first.where(), hint=hint)
    if more:
        raise BadInput(
            "a second document: a release file has one", where=more[0].where(), hint="manifests go into files of their own"
        )
    return first


def _instead_of(path: str) -> str:
    """What is said where there is no release file at `path`: which is in it, or beside it, or how one comes to be."""
    inside = os.path.join(path, "deploy.yaml")
    if os.path.isfile(inside):
        return f"name a file in it, such as -f {inside}"
    folder = os.path.dirname(path)
    with contextlib.suppress(OSError):
        if beside := sorted(name for name in os.listdir(folder or ".") if name.endswith(".deploy.yaml")):
            every = f", or all of them: -f {folder or '.'}" if len(beside) > 1 else ""
            return f"name one with -f, such as -f {os.path.join(folder, beside[0])}{every}"
    return "write one with `deploy init`, or name it with -f"


def _with_sets(document: Document, sets: Sequence[str]) -> Document:
    if not sets:
        return document
    data, flags = copy.deepcopy(document.data), dict(document.flags)
    for text in sets:
        flag = f"--set {text}"
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise BadInput("not of the form key=value", where=flag, hint="such as --set strategies.canary.maxSurge=2")
        parts = [part.replace("\0", ".") for part in key.replace("\\.", "\0").split(".")]
        flags[_put(data, parts, _value(value, flag), flag)] = flag
    return Document(data, document.source, document.marks, flags, document.notes)


def _value(text: str, flag: str) -> Any:
    try:
        found = list(documents(text, flag))
    except BadInput as bad:
        reason = bad.summary.removeprefix(f"{bad.where}: ")
        raise BadInput(reason, where=flag, hint="quote the value if it is a text") from bad
    return found[0].data if found else None


def _put(data: Any, parts: Sequence[str], value: Any, flag: str) -> Path:
    """Sets the value in place and answers its path; blocks that are missing on the way appear."""
    path: list[str | int] = []
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        key: str | int = part
        if isinstance(data, list):
            if not (part.isascii() and part.isdecimal()) or int(part[:6]) >= len(data):
                raise BadInput(f"{named(path)} is a list of {len(data)}: it has no item {part!r}", where=flag)
            key = int(part[:6])
        elif not isinstance(data, dict):
            raise BadInput(f"{named(path)} is {shown(data)}, not a mapping", where=flag)
        path.append(key)
        if is_last:
            data[key] = value
        else:
            if isinstance(data, dict) and data.get(part) is None:
                data[key] = {}
            data = data[key]
    return tuple(path)


def _from_manifests(file: PlainFile, document: Document, path: str, namespace: str | None, stdin: TextIO | None) -> list[Located]:
    if not file.manifests:
        place = document.where(("manifests",))
        raise BadInput(
            "neither manifests nor web: nothing to release", where=place, hint="name your manifests: manifests: [k8s/]"
        )
    where, folder = document.where(("manifests",)), os.path.dirname(path)
    names = Names(file.app or "", namespace or file.namespace or "")
    skip = [path, *_files_of_hooks(file, folder)]
    return manifests.read(file.manifests, folder, where, skip=skip, exclude=file.exclude, names=names, stdin=stdin)


def _files_of_hooks(file: PlainFile, folder: str) -> list[str]:
    """They hold no manifests of the release, though they may lie in a folder that is named."""
    if not file.hooks:
        return []
    from . import hookjobs

    return hookjobs.files_of(file, folder)


def _from_web(file: PlainFile, document: Document, image: str | None) -> list[Located]:
    """The template's objects; their places are the `web:` block's."""
    from ..templates.render import web

    assert file.web_app is not None
    from .web import rendered

    where = document.where(("web",))
    if file.manifests is not None:
        raise BadInput("both manifests and web: a release is one of them", where=where)
    if not file.app:
        raise BadInput("app is missing: it names the objects of web", where=where, hint="such as app: shop")
    spec = file.web_app.spec(file.app)
    spec.setdefault("image", file.image or (image if image and not image.startswith((":", "@")) else None))
    if not spec["image"]:
        raise BadInput("web.image is missing", where=where, hint="such as image: ghcr.io/acme/shop:1.4.0")
    return [Located(obj, rendered(document, obj["kind"])) for obj in web(spec)]


def _sources(document: Document, items: list[Located], hooks: Sequence[WrittenHook], place: str) -> Sources:
    objects = {key_of(item.obj): item for item in sorted(items, key=lambda item: not _is_away(item, place))}
    for item in (each.manifest for each in hooks if each.manifest):
        if (other := objects.setdefault(key_of(item.obj), item)) is not item and other.where() != item.where():
            raise BadInput(f"{item} is a hook's, and there is another one at {other.where()}", where=item.where())
    return Sources(document, objects, tuple(hooks))


def _is_away(item: Located, place: str) -> bool:
    return item.obj["metadata"].get("namespace") not in (None, "", place)


def _app_of(chosen: Located) -> str:
    name = chosen.obj["metadata"]["name"]
    if wrong := wrong_label(name, MAX_APP):
        raise BadInput(
            f"{chosen}: its name cannot be the application's: {wrong}",
            where=chosen.where("metadata", "name"),
            hint=f"name the application: app: {safe_name(name) or 'shop'}",
        )
    return str(name)


def _container(chosen: Located, app: str, file: PlainFile, document: Document) -> str:
    names = [container["name"] for container in get(chosen.obj, "spec", "template", "spec", "containers")]
    if file.container and file.container not in names:
        hint = nearest(file.container, names) or f"one of {', '.join(names)}"
        raise BadInput(f"{chosen} has no container {file.container}", where=document.where(("container",)), hint=hint)
    return str(app_container(chosen.obj, app, file.container or "")["name"])


def _with_image(chosen: Located, app: str, file: PlainFile, document: Document, flag: str | None) -> Obj:
    """The workload with the application's image: the flag's, else the file's, else its own."""
    workload = copy.deepcopy(chosen.obj)
    container = app_container(workload, app, _container(chosen, app, file, document))
    if not container.get("image") and not file.image and flag is None:
        place = chosen.where("spec", "template", "spec", "containers")
        raise BadInput(f"{chosen}: container {container['name']} has no image", where=place, hint="add it, or give --image")
    where = chosen.where("spec", "template", "spec", "containers")
    try:
        if file.image:
            where = document.where(("image",))
            container["image"] = replaced(container.get("image") or "", file.image)
        if flag is not None:
            where = "--image"
            container["image"] = replaced(container.get("image") or "", flag)
        checked(container.get("image") or "")
    except Wrong as wrong:
        raise BadInput(str(wrong), where=where, hint=wrong.hint) from wrong
    return workload


def _strategy(name: str) -> StrategyName:
    if name not in STRATEGIES:
        raise unknown_strategy(name)
    return name
