"""Following a list of objects by watch, over everything that cuts a watch short."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from typing import Any, Protocol

from ..errors import ApiError
from ..kube.objects import Obj, annotations_of
from .port import Event

GONE = 410
NOT_UNDERSTOOD = (400, 422)
INITIAL_END = "k8s.io/initial-events-end"
LONGEST_PAUSE_S = 2.0

Key = tuple[str, str]  # (namespace, name)


class Source(Protocol):
    """What is followed. `tells_initial`: the server begins a watch with what there is, and a bookmark at its end, which spares
    the list; set to False here when it says that it does not."""

    tells_initial: bool

    async def snapshot(self) -> tuple[str, Sequence[Obj]]:
        """The list's resourceVersion and objects."""
        ...

    def stream(self, version: str) -> AsyncGenerator[dict[str, Any], None]:
        """A watch's raw events from there on, ending where the watch ends; without a version, what there is comes first."""
        ...


async def follow(source: Source, *, first_pause_s: float = 0.05) -> AsyncGenerator[Event, None]:
    """Yields every object as ADDED, then what changes, without end.

    A watch that ended is opened again from the last version seen (bookmarks count). One whose version has expired, or that told
    an error, begins anew, and only the differences are told. One that brings nothing is reopened with a pause.
    """
    known: dict[Key, Obj] = {}
    version, barren = "", 0
    while True:
        if not version and not source.tells_initial:
            version, objects = await source.snapshot()
            for event in differences(known, objects):
                yield event
            known = {_key(obj): obj for obj in objects}
        initial = None if version else Initial(known)
        try:
            async with contextlib.aclosing(source.stream(version)) as events:
                async for raw in events:
                    if raw["type"] == "ERROR":
                        version = ""
                        break
                    if initial:
                        for event in initial.take(raw):
                            yield event
                        if initial.is_over:
                            initial, barren, version = None, 0, raw["object"]["metadata"]["resourceVersion"]
                        continue
                    barren, version = 0, raw["object"]["metadata"].get("resourceVersion") or version
                    if raw["type"] != "BOOKMARK":
                        yield _taken(known, raw["type"], raw["object"])
        except ApiError as error:
            if initial and error.code in NOT_UNDERSTOOD:
                source.tells_initial = False
                continue
            if error.code != GONE:
                raise
            version = ""
        if barren:
            await asyncio.sleep(min(first_pause_s * 2**barren, LONGEST_PAUSE_S))
        barren += 1


class Initial:
    """The beginning of a watch without a version: what there is, in any order, so that it has no version to go on from until its
    end. Told are the differences to what was `known`, which is kept up to date; what vanished is known at the end only."""

    def __init__(self, known: dict[Key, Obj]) -> None:
        self.is_over = False
        self._known = known
        self._seen: set[Key] = set()

    def take(self, raw: dict[str, Any]) -> Iterator[Event]:
        type_, obj = raw["type"], raw["object"]
        if type_ == "BOOKMARK":
            if annotations_of(obj).get(INITIAL_END) == "true":
                self.is_over = True
                yield from [_taken(self._known, "DELETED", self._known[key]) for key in self._known.keys() - self._seen]
            return
        key = _key(obj)
        self._seen.add(key)
        if type_ == "DELETED":
            yield _taken(self._known, type_, obj)
            return
        was = {key: self._known[key]} if key in self._known else {}
        for event in differences(was, [obj]):
            yield _taken(self._known, event.type, event.obj)


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
