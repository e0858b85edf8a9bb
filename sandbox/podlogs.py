"""What the containers of a pod printed, and how `pods/NAME/log` answers with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from ..kube.objects import POD, Obj, get
from .behaviour import life_of
from .podstatus import Container, container_of
from .refusals import bad_request
from .store import Change, Store

Logs = Callable[..., str]


def printed(
    store: Store, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail_lines: int | None = None
) -> str:
    """What the container printed before it ended: its behaviour's `log`, if it is the pod's first and has run.

    Raises NotFound for an unknown pod. `previous` asks for the run before the last restart.
    """
    found = store.get(POD, namespace, pod)
    first = found["spec"]["containers"][0]["name"]
    if not get(found, "status", "containerStatuses") or container not in ("", first):
        return ""
    status = _status(found, first)
    has_run = status.is_running or "terminated" in status.state or bool(status.last)
    if not has_run or (previous and not status.last):
        return ""
    lines = life_of(found).behaviour.log.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join(lines if tail_lines is None else lines[len(lines) - min(tail_lines, len(lines)) :])


def read(logs: Logs, pod: Obj, query: Mapping[str, str]) -> str:
    """The text, whole lines. Raises ApiError (400) where the container is unknown, has not started or has had no former life."""
    container = _container(pod, query.get("container", ""))
    is_previous = query.get("previous") in ("true", "1")
    if not get(pod, "spec", "nodeName"):
        return ""  # not on a node yet: nothing to read, and no error
    _check_has_run(pod, container, is_previous=is_previous)
    meta, tail = pod["metadata"], query.get("tailLines", "")
    if tail and not tail.isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{tail}": invalid syntax')
    return logs(meta["namespace"], meta["name"], container, previous=is_previous, tail_lines=int(tail) if tail else None)


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
    known = {each["name"]: each for each in get(pod, "status", "containerStatuses", default=())}
    return container_of(known.get(container, {}))
