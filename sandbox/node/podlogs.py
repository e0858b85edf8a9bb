"""What the containers of a pod printed, and how `pods/NAME/log` answers with it.

A process' output is kept with the moment of each line (`Kept`); a modelled container has printed its behaviour's `log` when it
started, if it is the pod's first, and last of all what its end says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from ...kube.clock import now, parse_timestamp
from ...kube.objects import POD, Obj, get
from ..store.refusals import bad_request
from ..store.store import Change, Store
from .behaviour import life_of
from .podstatus import Container, container_of


class Kept(Protocol):
    """Where the output of processes is kept, lines with their moments before them. (sandbox.node.processes.output)"""

    def read(self, uid: str, container: str, number: int) -> str | None: ...

    def follow(self, uid: str, container: str, number: int) -> AsyncIterator[str]: ...


class Line(NamedTuple):
    at: str  # RFC 3339
    text: str


@dataclass(frozen=True)
class Wanted:
    """Which lines, and how: those since a moment, of them the last ones, of these so many bytes."""

    tail_lines: int | None = None
    since: datetime | None = None
    limit_bytes: int | None = None
    has_timestamps: bool = False

    def of(self, lines: list[Line]) -> str:
        chosen = [line for line in lines if self.since is None or parse_timestamp(line.at) >= self.since]
        if self.tail_lines is not None:
            chosen = chosen[len(chosen) - min(self.tail_lines, len(chosen)) :]
        text = "".join(f"{line.at} {line.text}\n" if self.has_timestamps else f"{line.text}\n" for line in chosen)
        return text if self.limit_bytes is None else text.encode()[: self.limit_bytes].decode(errors="ignore")


class PodLogs:
    """The logs of a sandbox's pods."""

    def __init__(self, store: Store, kept: Kept | None = None) -> None:
        self._store, self._kept = store, kept

    def __call__(
        self,
        namespace: str,
        pod: str,
        container: str = "",
        *,
        previous: bool = False,
        tail_lines: int | None = None,
        since_s: int | None = None,
        timestamps: bool = False,
    ) -> str:
        """What the container printed. Raises NotFound for an unknown pod. `previous` asks for the run before the last restart."""
        found = self._store.get(POD, namespace, pod)
        name = container or found["spec"]["containers"][0]["name"]
        since = None if since_s is None else now() - timedelta(seconds=since_s)
        wanted = Wanted(tail_lines=tail_lines, since=since, has_timestamps=timestamps)
        return wanted.of(self._lines(found, name, is_previous=previous))

    def read(self, pod: Obj, query: Mapping[str, str]) -> str:
        """The text, whole lines. Raises ApiError (400) where the container is unknown, has not started or had no former life."""
        container, wanted = _container(pod, query.get("container", "")), _wanted(query)
        is_previous = query.get("previous") in ("true", "1")
        if not get(pod, "spec", "nodeName"):
            return ""  # not on a node yet: nothing to read, and no error
        _check_has_run(pod, container, is_previous=is_previous)
        return wanted.of(self._lines(pod, container, is_previous=is_previous))

    async def follow(self, pod: Obj, query: Mapping[str, str]) -> AsyncIterator[str]:
        """The text so far, then what comes, until the container of this run no longer runs. Raises as `read` does, at once."""
        text = self.read(pod, query)
        container = _container(pod, query.get("container", ""))
        status = _status(pod, container)
        uid = pod["metadata"]["uid"]
        if self._kept is None or not status.is_running or self._kept.read(uid, container, status.restarts) is None:
            yield text
            await ended(self._store, pod, container)
            return
        wanted, is_first = _wanted(query), True
        async for piece in self._kept.follow(uid, container, status.restarts):
            yield (wanted if is_first else Wanted(has_timestamps=wanted.has_timestamps)).of(_stamped(piece))
            is_first = False

    def _lines(self, pod: Obj, container: str, *, is_previous: bool) -> list[Line]:
        if not get(pod, "status", "containerStatuses"):
            return []
        status = _status(pod, container)
        has_run = status.is_running or "terminated" in status.state or bool(status.last)
        if not has_run or (is_previous and not status.last):
            return []
        # While it waits for its next start, the last run is both the newest and the one before.
        number = status.restarts - (is_previous and "waiting" not in status.state)
        kept = self._kept.read(pod["metadata"]["uid"], container, number) if self._kept is not None else None
        return list(_modelled(pod, status, container) if kept is None else _stamped(kept))


def _stamped(text: str) -> list[Line]:
    return [Line(*line.split(" ", 1)) for line in text.split("\n") if line]


def _modelled(pod: Obj, status: Container, container: str) -> Iterator[Line]:
    runs = (run for state in (status.state, status.last) for run in state.values() if "startedAt" in run)
    run: Obj = next(runs, {})
    if container == pod["spec"]["containers"][0]["name"]:
        for text in life_of(pod).behaviour.log.splitlines():
            yield Line(run.get("startedAt") or get(pod, "status", "startTime", default=""), text)
        if "message" in run:
            yield Line(run["finishedAt"], run["message"])


def _wanted(query: Mapping[str, str]) -> Wanted:
    """From a request's query. Raises ApiError (400) where a number is none."""
    since_s, since = _number(query, "sinceSeconds"), query.get("sinceTime", "")
    try:
        moment = parse_timestamp(since) if since else None
    except ValueError as error:
        raise bad_request(f'parsing time "{since}": {error}') from error
    return Wanted(
        tail_lines=_number(query, "tailLines"),
        since=moment if since_s is None else now() - timedelta(seconds=since_s),
        limit_bytes=_number(query, "limitBytes"),
        has_timestamps=query.get("timestamps") in ("true", "1"),
    )


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if text and not text.isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text) if text else None


async def ended(store: Store, pod: Obj, container: str) -> None:
    """Until the container of this run no longer runs: whoever follows a log waits for that."""
    meta, over = pod["metadata"], asyncio.Event()
    name = _container(pod, container)
    restarts = _status(pod, name).restarts

    def is_over(now: Obj | None) -> bool:
        if now is None or now["metadata"]["uid"] != meta["uid"]:
            return True
        status = _status(now, name)
        return not status.is_running or status.restarts != restarts

    def note(change: Change) -> None:
        of = change.obj["metadata"]
        is_meant = change.kind == POD and (of["namespace"], of["name"]) == (meta["namespace"], meta["name"])
        if is_meant and is_over(None if change.type == "DELETED" else change.obj):
            over.set()

    unsubscribe = store.subscribe(note)
    try:
        if not is_over(store.find(POD, meta["namespace"], meta["name"])):
            await over.wait()
    finally:
        unsubscribe()


def _container(pod: Obj, asked: str) -> str:
    """The only one where none is asked for."""
    name = pod["metadata"]["name"]
    names = [container["name"] for container in pod["spec"].get("containers") or ()]
    if asked in {each["name"] for each in pod["spec"].get("ephemeralContainers") or ()}:
        return asked
    if not asked and len(names) > 1:
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")
    if asked and asked not in names:
        raise bad_request(f"container {asked} is not valid for pod {name}")
    return asked or str(names[0])


def _check_has_run(pod: Obj, container: str, *, is_previous: bool) -> None:
    status, name = _status(pod, container), pod["metadata"]["name"]
    if is_previous and not status.last:
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    if not is_previous and "waiting" in status.state and not status.last:
        reason = status.state["waiting"].get("reason", "")
        why = _WAITING.get(reason, reason)
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {why}')


_WAITING = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}


def _status(pod: Obj, container: str) -> Container:
    parts = ("containerStatuses", "ephemeralContainerStatuses")
    known = {each["name"]: each for part in parts for each in get(pod, "status", part, default=())}
    return container_of(known.get(container, {}))
