"""Who is told of a release, and how a test went: text and JSON. No secret is in it, only where it is read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...release.model import Release
from ...release.notify import MOMENTS
from .paint import Paint


def notify_lines(release: Release, found: Mapping[str, str] | None, paint: Paint) -> Iterator[str]:
    """A line each; `found` has by name why somebody could not be told, empty where they were."""
    width = max(len(each.called) for each in release.notify)
    for each in release.notify:
        if found is None:
            wanted = ", ".join(moment for moment in MOMENTS if each.wants(moment))
            yield f"{each.called:<{width}}   {each.sink}: {wanted}"
            continue
        why = found[each.called]
        glyph, said = ("✗", paint(why, "bad")) if why else ("✓", paint("told", "faint"))
        yield f"{paint.glyph(glyph)} {each.called:<{width}}   {said}"


def notify_document(release: Release, found: Mapping[str, str] | None) -> dict[str, Any]:
    told = [
        {
            "name": each.called,
            "kind": each.sink,
            "on": [moment for moment in MOMENTS if each.wants(moment)],
            **({} if found is None else {"isTold": not found[each.called], "why": found[each.called]}),
        }
        for each in release.notify
    ]
    return {"app": release.app, "namespace": release.namespace, "notify": told}
