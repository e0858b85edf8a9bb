"""Following a list of objects by watch, over everything that cuts a watch short."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

from ..errors import ApiError
from ..kube.objects import Obj
from .port import Event

GONE = 410
LONGEST_PAUSE_S = 2.0

Key = tuple[str, str]  # (namespace, name)
Snapshot = Callable[[], Awaitable[tuple[str, Sequence[Obj]]]]
Stream = Callable[[str], AsyncGenerator[dict[str, Any], None]]


async def follow(snapshot: Snapshot, stream: Stream, *, first_pause_s: float = 0.05) -> AsyncGenerator[Event, None]:
    """`snapshot()` answers the list's resourceVersion and objects, `stream(version)` a watch's raw events from there on, ending
    where the watch ends. Yields every object as ADDED, then what changes, without end.

    A watch that ended is opened again from the last version seen (bookmarks count). One whose version has expired, or that told
    an error, begins with a new list, of which only the differences are told. One that brings nothing is reopened with a pause.
    """
    known: dict[Key, Obj] = {}
    version, barren = "", 0
    while True:
        if not version:
            version, objects = await snapshot()
            for event in differences(known, objects):
                yield event
            known = {_key(obj): obj for obj in objects}
        try:
            async with contextlib.aclosing(stream(version)) as events:
                async for raw in events:
                    if raw["type"] == "ERROR":
                        version = ""
                        break
                    obj, barren = raw["object"], 0
                    version = obj["metadata"].get("resourceVersion") or version
                    if raw["type"] != "BOOKMARK":
                        yield _taken(known, raw["type"], obj)
        except ApiError as error:
            if error.code != GONE:
                raise
            version = ""
        if barren:
            await asyncio.sleep(min(first_pause_s * 2**barren, LONGEST_PAUSE_S))
        barren += 1


def differences(known: dict[Key, Obj], objects: Iterable[Obj]) -> Iterator[Event]:
    """What has happened between what was known and a new list."""
    listed = {_key(obj): obj for obj in objects}
    for key, obj in known.items():
        if key not in listed or listed[key]["metadata"].get("uid") != obj["metadata"].get("uid"):
            yield Event("DELETED", obj)
    for key, obj in listed.items():
        before = known.get(key)
        if before is None or before["metadata"].get("uid") != obj["metadata"].get("uid"):
            yield Event("ADDED", obj)
        elif before["metadata"].get("resourceVersion") != obj["metadata"].get("resourceVersion"):
            yield Event("MODIFIED", obj)


def _taken(known: dict[Key, Obj], type_: Any, obj: Obj) -> Event:
    if type_ == "DELETED":
        known.pop(_key(obj), None)
    else:
        known[_key(obj)] = obj
    return Event(type_, obj)


def _key(obj: Obj) -> Key:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]
