"""Images that do not say which version they are."""

from __future__ import annotations

from collections.abc import Iterator

from ..kube.objects import Obj, get
from ..release.image import split_image
from ..release.model import key_of
from ..release.yamlfile import Path
from .case import POD, Case, mappings
from .model import Found


def untagged(case: Case) -> Iterator[Found]:
    for group in ("containers", "initContainers"):
        for place, container in mappings(case.pod, group):
            image = container.get("image")
            if not isinstance(image, str) or not image:
                continue
            _, tag, digest = split_image(image)
            if digest or (tag and tag != "latest"):
                continue
            obj, path = _written(case, (*POD, group, place, "image"), image)
            what = "is tagged latest" if tag else "has no tag, which means latest"
            yield Found(obj, path, f"image {image} {what}", hint="name the version, or the digest (@sha256:…)")


def _written(case: Case, path: Path, image: str) -> tuple[Obj | None, Path]:
    """The manifest, or where something was laid over it the release file."""
    located = case.release.sources.objects.get(key_of(case.workload))
    group, place = path[3], path[4]
    if located is not None:
        items = get(located.obj, *POD, str(group), default=[])
        if items[int(place)].get("image") != image:
            return None, ("image",)
    return case.workload, path
