"""From what `manifests:` names to objects, each with its place: files, folders, globs and standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, TextIO

from ..errors import BadInput
from ..kube.objects import Obj
from .file import shown, sort_of
from .reading import read_stream, read_text
from .rendering import Names, Rendering, source_of, text_of
from .yamlfile import Document, Path, documents

NAMELESS = Names()
MAX_FILES = 500
MAX_OBJECTS = 2000
_ENDINGS = (".yaml", ".yml", ".json")


class Located(NamedTuple):
    """An object of the manifests, and where it is written."""

    obj: Obj
    document: Document
    path: Path = ()

    def where(self, *below: str | int) -> str:
        return self.document.where((*self.path, *below))

    def __str__(self) -> str:
        return f"{self.obj['kind']} {self.obj['metadata']['name']}"


def read(
    entries: Sequence[str | Rendering],
    folder: str,
    where: str,
    *,
    skip: Collection[str] = (),
    exclude: Sequence[str] = (),
    names: Names = NAMELESS,
    stdin: TextIO | None = None,
) -> list[Located]:
    """All objects that the entries name, in their order; `folder` is what they are relative to, `where` the place of the list.

    `skip` are files that are no manifests, such as the release file itself, though they may lie in a folder that is named.
    `exclude` are kinds, or kind/name, of objects that are none of the release's. Raises BadInput.
    """
    found = [
        item for item in raw(entries, folder, where, skip=skip, names=names, stdin=stdin) if not _is_excluded(item.obj, exclude)
    ]
    for item in found:
        check_head(item)
    return found


def raw(
    entries: Sequence[str | Rendering],
    folder: str,
    where: str,
    *,
    skip: Collection[str] = (),
    names: Names = NAMELESS,
    stdin: TextIO | None = None,
) -> list[Located]:
    """The same, of mappings that may be no objects: nothing is known of their kind and name. Raises BadInput."""
    out: list[Located] = []
    seen = {os.path.realpath(each) for each in skip}
    files = 0
    for entry in entries:
        if not isinstance(entry, str):
            out += _of_text(text_of(entry, folder, where, names), source_of(entry, folder), len(out))
            continue
        for path in _files(entry, folder, where):
            real = path if path == "-" else os.path.realpath(path)
            if real in seen:
                continue
            seen.add(real)
            files += 1
            if files > MAX_FILES:
                raise BadInput(f"more than {MAX_FILES} files", where=where, hint="name the folder of one application")
            source = "<stdin>" if path == "-" else path
            text = _stdin_text(stdin, where) if path == "-" else read_text(path, source)
            out += _of_text(text, source, len(out))
    return out


def _of_text(text: str, source: str, so_far: int) -> list[Located]:
    found: list[Located] = []
    for document in documents(text, source):
        found.extend(_objects(document))
        if so_far + len(found) > MAX_OBJECTS:
            raise BadInput(f"more than {MAX_OBJECTS} objects", where=source, hint="release one application at a time")
    return found


def _stdin_text(stdin: TextIO | None, where: str) -> str:
    if stdin is None:
        raise BadInput("- asks for standard input, and there is none", where=where)
    return read_stream(stdin)


def _files(entry: str, folder: str, where: str) -> list[str]:
    if entry == "-":
        return ["-"]
    path = os.path.normpath(os.path.join(folder, os.path.expanduser(entry)))
    if "\0" in path or not entry:
        raise BadInput(f"{entry!r} is no path", where=where)
    if os.path.isdir(path):
        found = sorted(_walk(path))
        if not found:
            raise BadInput(f"the folder {path} holds no *.yaml, *.yml or *.json", where=where)
        return found
    if os.path.exists(path) or not glob.has_magic(entry):
        if not os.path.exists(path):
            raise BadInput(f"no such file or folder: {path}", where=where)
        return [path]
    found = sorted(match for match in glob.glob(path, recursive=True) if os.path.isfile(match))
    if not found:
        raise BadInput(f"no file matches {path}", where=where)
    return found


def files_below(folder: str) -> list[str]:
    """The files of a folder that may be manifests, in order."""
    return sorted(_walk(folder or "."))


def _walk(path: str) -> Iterator[str]:
    """Hidden files and folders (.git) hold no manifests."""
    for root, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(root, name) for name in names if name.endswith(_ENDINGS) and not name.startswith("."))


def _objects(document: Document) -> Iterator[Located]:
    """The objects of one document: none, one, or a List's items."""
    if document.data is not None:
        yield from _flat(Located(document.data, document))


def _flat(item: Located) -> Iterator[Located]:
    data: Any = item.obj
    if not isinstance(data, dict):
        raise BadInput(f"an object is a mapping with apiVersion, kind and metadata; this is {sort_of(data)}", where=item.where())
    kind = data.get("kind")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(data.get("items"), list):
        for index, below in enumerate(data["items"]):
            yield from _flat(Located(below, item.document, (*item.path, "items", index)))
        return
    yield item


def _is_excluded(data: Obj, exclude: Sequence[str]) -> bool:
    kind, meta = data.get("kind"), data.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    return bool(exclude) and isinstance(kind, str) and (kind in exclude or f"{kind}/{name}" in exclude)


def check_head(item: Located) -> None:
    """apiVersion, kind, metadata and its name: everything else here relies on them."""
    data = item.obj
    hint = 'a release file? name it with -f; under "manifests" stand Kubernetes objects' if "manifests" in data else ""
    for key in ("apiVersion", "kind"):
        if key not in data:
            raise BadInput(f"no {key}: this is no Kubernetes object", where=item.where(), hint=hint or _HINTS.get(key, ""))
        if not isinstance(data[key], str) or not data[key]:
            raise BadInput(f"{key} is {shown(data[key])}; it takes a text", where=item.where(key))
    if data["kind"] == "Kustomization":
        hint = "name its folder so: manifests: [{kustomize: FOLDER}]"
        raise BadInput("a kustomization is no object", where=item.where(), hint=hint)
    meta = data.get("metadata")
    if not isinstance(meta, dict):
        raise BadInput(f"{data['kind']}: metadata is {shown(meta)}; it takes a mapping with a name", where=item.where("metadata"))
    if meta.get("name") is None:
        hint = "a release needs fixed names, not generateName" if "generateName" in meta else ""
        raise BadInput(f"{data['kind']}: no metadata.name", where=item.where("metadata"), hint=hint)
    for key in ("name", "namespace"):
        if meta.get(key) is not None and not isinstance(meta[key], str):
            raise BadInput(
                f"metadata.{key} is {shown(meta[key])}; it takes a text", where=item.where("metadata", key), hint="quote it"
            )


_HINTS = {"apiVersion": "every object starts with apiVersion and kind"}
