"""Fixes as changes of the user's own files: texts in, texts out. What was not found stays as it is, to the last blank."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import BadInput
from ..kube.objects import DEPLOYMENT
from ..release import yamledit
from ..release.model import Key, Release
from ..release.rendering import renderer_of
from ..release.web import WRITTEN_AS
from ..release.yamledit import CannotEdit
from ..release.yamlfile import Document, Path, documents
from .model import Edit, Finding
from .patch import applied


class Rewritten(NamedTuple):
    """`texts` holds the new text of each file that changes, `before` the old one; `done` is what is mended in them; `left` what
    is not, and why."""

    texts: dict[str, str]
    before: dict[str, str]
    done: tuple[Finding, ...]
    left: tuple[tuple[Finding, str], ...]


class _Place(NamedTuple):
    """Where an object is written: the document of a file, and the path in it."""

    document: Document
    path: Path


def rewritten(release: Release, findings: Sequence[Finding], read: Callable[[str], str]) -> Rewritten:
    """The files with the fixes of these findings. `read` answers the present text of a file.

    Raises BadInput where a file is no longer what was checked.
    """
    before: dict[str, str] = {}
    now: dict[str, str] = {}
    done: list[Finding] = []
    left: list[tuple[Finding, str]] = []

    def text_of(source: str) -> str:
        if source not in before:
            before[source] = read(source)
        return now.get(source, before[source])

    # until the second of two alike is gone, a change of the first would leave two that differ
    for finding in sorted(findings, key=lambda one: not any(edit.is_twin for edit in one.fix)):
        try:
            now.update(_with(release, finding, text_of, before))
        except CannotEdit as cannot:
            left.append((finding, str(cannot)))
        else:
            done.append(finding)
    changed = [source for source, text in now.items() if text != before[source]]
    return Rewritten(
        {source: now[source] for source in changed}, {source: before[source] for source in changed}, tuple(done), tuple(left)
    )


def _with(release: Release, finding: Finding, text_of: Callable[[str], str], before: Mapping[str, str]) -> dict[str, str]:
    """The texts with one finding's fix, all of its edits."""
    if not finding.fix:
        raise CannotEdit(finding.hint or "there is nothing to write")
    out: dict[str, str] = {}
    for edits in _by_document(release, finding.fix).values():
        place = edits[0][0]
        source = place.document.source
        if source == "<stdin>":
            raise CannotEdit("it comes from standard input")
        if program := renderer_of(source):
            raise CannotEdit(f"it is rendered by {program}: change what it is rendered from")
        text = out[source] if source in out else text_of(source)
        number = _number(place.document, before[source])
        out[source] = _edited(text, number, [edit for _, edit in edits])
    return out


def _by_document(release: Release, edits: Sequence[Edit]) -> dict[tuple[str, tuple[int, int]], list[tuple[_Place, Edit]]]:
    """The edits with their paths from the documents' roots; those of what `web:` renders become the release file's."""
    out: dict[tuple[str, tuple[int, int]], list[tuple[_Place, Edit]]] = {}
    for edit in edits:
        place = _place_of(release, edit.target)
        if place.document.data is None and release.sources.file:
            document, path = release.sources.file, ()
            edit = _for_web(edit)
            place = _Place(document, path)
        at = (place.document.source, place.document.marks.get((), (1, 1)))
        out.setdefault(at, []).append((place, edit._replace(path=(*place.path, *edit.path))))
    return out


def _place_of(release: Release, target: Key | None) -> _Place:
    if target is None and release.sources.file:
        return _Place(release.sources.file, ())
    located = release.sources.objects.get(target) if target else None
    if located is None:
        raise CannotEdit("it is written in no file")
    return _Place(located.document, located.path)


def _for_web(edit: Edit) -> Edit:
    """The key of `web:` that renders this part of the Deployment."""
    is_deployment = edit.target is not None and edit.target[:2] == (DEPLOYMENT.group, DEPLOYMENT.name)
    known = next((path for path in WRITTEN_AS if edit.path[: len(path)] == path), None) if is_deployment else None
    if known is None or edit.is_removal:
        raise CannotEdit("web: has no key for it")
    value: Any = edit.value
    if known[-1] == "lifecycle":
        while isinstance(value, dict) and len(value) == 1:
            value = next(iter(value.values()))
        if not isinstance(value, int):
            raise CannotEdit("web: has no key for it")
        return Edit(None, ("web", "preStopSeconds"), value)
    if str(known[-1]).endswith("Probe") and isinstance(value, dict):
        if "httpGet" not in value:
            # a port that listens is all that is known of it; the template asks for a page
            return Edit(None, ("web", *WRITTEN_AS[known]), {"path": "/"})
        value = {**{key: value[key] for key in value if key != "httpGet"}, "path": value["httpGet"].get("path", "/")}
    return Edit(None, ("web", *WRITTEN_AS[known], *edit.path[len(known) :]), value)


def _number(document: Document, text: str) -> int:
    """Which of the file's documents it is. Raises BadInput where the file has changed since it was read."""
    try:
        for number, found in enumerate(documents(text, document.source)):
            if found.marks == document.marks and found.data == document.data:
                return number
    except BadInput:
        pass
    raise BadInput("the file has changed while it was checked", where=document.source, hint="check again; nothing was written")


def _edited(text: str, number: int, edits: Sequence[Edit]) -> str:
    """Raises CannotEdit where the text would not come to hold exactly what was meant."""
    wanted = [document.data for document in documents(text, "")]
    was, wanted[number] = wanted[number], applied(wanted[number], edits)
    pending = list(edits)
    while pending:
        edit = pending.pop(0)
        twin = _renamed_to(edit, pending, was)
        if edit.is_twin:
            text = yamledit.remove(text, number, edit.path, place=1)
        elif twin is not None:
            pending.remove(twin)
            text = yamledit.rename(text, number, edit.path, str(twin.path[-1]))
        elif edit.is_removal:
            text = yamledit.remove(text, number, edit.path)
        else:
            text = yamledit.put(text, number, edit.path, edit.value)
    try:
        is_meant = [document.data for document in documents(text, "")] == wanted
    except BadInput:
        is_meant = False
    if not is_meant:
        raise CannotEdit("it cannot be written without touching something else, such as an anchor: write it by hand")
    return text


def _renamed_to(edit: Edit, others: Sequence[Edit], data: Any) -> Edit | None:
    """The edit that puts back, beside it and unchanged, what this one takes away."""
    if not edit.is_removal:
        return None
    value = data
    for key in edit.path:
        value = value[key]
    beside = (other for other in others if other.path[:-1] == edit.path[:-1] and not other.is_removal)
    return next((other for other in beside if other.value == value and isinstance(other.path[-1], str)), None)
