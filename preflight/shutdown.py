"""Stopping: what a pod does between the order to stop and its end, while proxies still send requests to it.

A proxy hears of a leaving pod up to `traffic.proxySync` late, and what comes then takes up to `traffic.slowestRequest`. The pod
has to serve for as long as both together before it gets its SIGTERM, and to have time left within its grace period then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..kube.objects import Obj, get
from ..release.yamlfile import Path
from .case import POD, Case, Container, mappings, number
from .model import Edit, Found

GRACE_S = 30  # Kubernetes' default
PRE_STOP_S = 5  # what a fix asks for at least: proxies other than kube-proxy take longer
ROOM_S = 10
_SLEEP = re.compile(r"(?<![\w-])sleep\s+(\d+(?:\.\d+)?)(?![\w.])")
_DRAINS = re.compile(r"shutdown|drain|lame.?duck|graceful", re.IGNORECASE)


class Hook(NamedTuple):
    """A preStop hook: how long it takes, None where that cannot be seen, and where the number stands."""

    seconds: float | None
    path: Path = ()
    text: str = ""
    """Of a shell's command, all of it."""


def pre_stop_missing(case: Case) -> Iterator[Found]:
    if case.strategy == "recreate":
        return
    for container in case.serving:
        if hook_of(container) is None and not drains(container.spec) and not _is_misspelt(container):
            hook = Edit(case.key, (*container.path, "lifecycle", "preStop"), {"sleep": {"seconds": enough_s(case)}})
            yield Found(
                case.workload,
                (*container.path, "lifecycle", "preStop"),
                f"container {container.name} has no preStop, and nothing shows that it goes on serving after SIGTERM",
                (hook, *_grace(case)),
                severity="info" if _leaves_in_peace(case) else None,
            )


def _is_misspelt(container: Container) -> bool:
    return not container.spec.get("lifecycle") and container.has("lifecycle")


def _leaves_in_peace(case: Case) -> bool:
    """Whether a release stops pods only after requests have long gone elsewhere; an eviction still does not."""
    return case.strategy == "blue-green" and case.release.options.blue_green.scale_down_delay_seconds >= needed_s(case)


def pre_stop_short(case: Case) -> Iterator[Found]:
    if case.strategy == "recreate":
        return
    for container in case.serving:
        hook = hook_of(container)
        path = (*container.path, "lifecycle", "preStop")
        if hook is None:
            continue
        if hook.seconds is None:
            if not drains(container.spec):
                kind = next(
                    (name for name in ("httpGet", "exec", "tcpSocket") if get(container.spec, "lifecycle", "preStop", name)), ""
                )
                yield Found(
                    case.workload, path, f"how long the preStop hook ({kind}) takes cannot be seen: it should be {_needed(case)}",
                    hint="nothing to do where the hook itself waits, or the application serves on after SIGTERM", severity="info",
                )  # fmt: skip
        elif hook.seconds < needed_s(case):
            yield Found(
                case.workload,
                path,
                f"preStop takes {hook.seconds:g} s; it should be {_needed(case)}",
                (*_longer(case, hook), *_grace(case)),
                severity="info" if _leaves_in_peace(case) else None,
            )


def grace_short(case: Case) -> Iterator[Found]:
    if not case.serving:
        return
    grace, slowest = grace_s(case), case.release.traffic.slowest_request
    waits = max((hook.seconds or 0 for each in case.containers if (hook := hook_of(each))), default=0)
    if grace <= waits + slowest:
        yield Found(
            case.workload,
            (*POD, "terminationGracePeriodSeconds"),
            f"the grace period is {grace} s; preStop ({waits:g} s) and the slowest request ({slowest} s) take as long",
            (Edit(case.key, (*POD, "terminationGracePeriodSeconds"), _enough_grace_s(case)),),
        )


def needed_s(case: Case) -> int:
    return case.release.traffic.proxy_sync + case.release.traffic.slowest_request


def enough_s(case: Case) -> int:
    return max(PRE_STOP_S, needed_s(case))


def grace_s(case: Case) -> int:
    return number(get(case.pod, "terminationGracePeriodSeconds"), GRACE_S)


def _needed(case: Case) -> str:
    traffic = case.release.traffic
    return (
        f"{needed_s(case)} s: proxies take {traffic.proxy_sync} s to hear of it, and the slowest request "
        f"{traffic.slowest_request} s (traffic.slowestRequest)"
    )


def _grace(case: Case) -> tuple[Edit, ...]:
    """Makes room for a longer hook, where there is none."""
    wanted = _enough_grace_s(case)
    too_short = grace_s(case) <= wanted - ROOM_S
    return (Edit(case.key, (*POD, "terminationGracePeriodSeconds"), wanted),) if too_short else ()


def _enough_grace_s(case: Case) -> int:
    """For the longest hook, as it is or as it is to be, and the slowest request, and some room."""
    waits = [hook.seconds or 0 for each in case.containers if (hook := hook_of(each))]
    if any((hook := hook_of(each)) is None or (hook.seconds or 0) < needed_s(case) for each in case.serving):
        waits.append(enough_s(case))
    return int(-(-max(waits, default=0) // 1)) + case.release.traffic.slowest_request + ROOM_S


def hook_of(container: Container) -> Hook | None:
    path: Path = (*container.path, "lifecycle", "preStop")
    hook = get(container.spec, "lifecycle", "preStop")
    if not isinstance(hook, dict) or not hook:
        return None
    if "sleep" in hook:
        seconds = get(hook, "sleep", "seconds")
        return Hook(number(seconds, 0), (*path, "sleep", "seconds"))
    return _command_hook(get(hook, "exec", "command"), (*path, "exec", "command"))


def _command_hook(command: Any, path: Path) -> Hook:
    """`[sleep, "10"]`, and `sleep 10` in a shell's command: the sum, should there be several."""
    words = [str(word) for word in command] if isinstance(command, list) else []
    if len(words) == 2 and words[0].rpartition("/")[2] == "sleep" and (found := re.fullmatch(r"(\d+(?:\.\d+)?)s?", words[1])):
        return Hook(float(found[1]), (*path, 1))
    sleeping = [(place, word) for place, word in enumerate(words) if _SLEEP.search(word)]
    if len(sleeping) != 1:
        return Hook(None)
    [(place, text)] = sleeping
    naps = _SLEEP.findall(text)
    return Hook(sum(float(nap) for nap in naps), (*path, place), text) if len(naps) == 1 else Hook(sum(map(float, naps)))


def _longer(case: Case, hook: Hook) -> tuple[Edit, ...]:
    if not hook.path:
        return ()
    wanted = enough_s(case)
    if hook.path[-1] == "seconds":
        return (Edit(case.key, hook.path, wanted),)
    text = _SLEEP.sub(lambda found: found[0].replace(found[1], str(wanted)), hook.text) if hook.text else str(wanted)
    return (Edit(case.key, hook.path, text),)


def drains(container: Obj) -> bool:
    """Whether its command or its environment says that it shuts down in an orderly way by itself."""
    lists = (container.get(key) for key in ("command", "args"))
    words = [str(word) for each in lists if isinstance(each, list) for word in each]
    words += [str(variable.get("name", "")) for _, variable in mappings(container, "env")]
    return any(_DRAINS.search(word) for word in words)
