"""Pods that ask: what they run is wget or curl, and whom they ask is a Service of this cluster, by its name.

Behind a Service whose pods are modelled nobody answers on this machine, and only a cluster's DNS knows its name. So such a pod is
modelled as well, and ends as the answer would let it: with 0 if a pod behind the Service is ready as it asks, else as its program
does whom nobody lets in. (The test that `helm create` writes; a Job that looks whether the release answers.)

What is asked for beyond the port is nobody's to know here, and options are not looked at: what is ready answers.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from ...kube.objects import ENDPOINT_SLICE, SERVICE, SERVICE_NAME, Obj, get, labels_of
from ..store.store import Store
from .behaviour import RUN_S, Life, Moment
from .node import process_address_number
from .runtime import Modelled

_REFUSED = {
    "wget": (1, "wget: can't connect to remote host ({address}:{port}): Connection refused"),
    "curl": (7, "curl: (7) Failed to connect to {host} port {port}: Connection refused"),
}
"""How each ends whom nobody lets in, and what it prints; wget as busybox has it."""
_SHELLS = ("sh", "bash", "ash")
_BEYOND_WORDS = re.compile(r"[|&;<>()`$*?\n]")  # what makes a shell's line more than one command of plain words
_NAME = re.compile(r"(?P<name>[a-z][a-z0-9-]*)(?:\.(?P<namespace>[a-z0-9][a-z0-9-]*)(?:\.svc(?:\.cluster\.local\.?)?)?)?")


class Question(NamedTuple):
    """Who asks, for which Service, at which of its ports (as in its spec), by which name."""

    program: str
    service: Obj
    port: Obj
    host: str


def question(store: Store, pod: Obj) -> Question | None:
    """What the pod's first container asks; None where it is no such pod, or a process answers."""
    program, *words = _command(pod) or [""]
    if program not in _REFUSED:
        return None
    namespace = pod["metadata"]["namespace"]
    for word in words:
        found = None if word.startswith("-") else _asked(store, namespace, program, word)
        if found is not None:
            return None if any(process_address_number(address) for address, _ in _ready(store, found)) else found
    return None


def _command(pod: Obj) -> list[str]:
    """The program, without its folder, and its words; also of a shell's line that is nothing but that."""
    first = pod["spec"]["containers"][0]
    words = [str(word) for word in [*(first.get("command") or ()), *(first.get("args") or ())]]
    if len(words) == 3 and PurePosixPath(words[0]).name in _SHELLS and words[1] == "-c" and not _BEYOND_WORDS.search(words[2]):
        try:
            words = shlex.split(words[2])
        except ValueError:  # quotes that are not closed
            return []
    return [PurePosixPath(words[0]).name, *words[1:]] if words else []


def _asked(store: Store, namespace: str, program: str, word: str) -> Question | None:
    """The Service's port that a URL, or a host and a port, is of; None where it is of none."""
    try:
        url = urlsplit(word if "://" in word else f"http://{word}")
        host, number = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    except ValueError:  # no port, or no address in brackets
        return None
    named = _NAME.fullmatch(host)
    if named is None or url.scheme not in ("http", "https"):
        return None
    service = store.find(SERVICE, named["namespace"] or namespace, named["name"])
    for port in get(service or {}, "spec", "ports", default=()):
        if service is not None and port["port"] == number and port.get("protocol", "TCP") == "TCP":
            return Question(program, service, port, host)
    return None


def _ready(store: Store, asked: Question) -> Iterator[tuple[str, str]]:
    """(address, pod's name) of those behind the port that are ready."""
    meta = asked.service["metadata"]
    for obj in store.list(ENDPOINT_SLICE, meta["namespace"]):
        has_port = any((each.get("name") or "") == asked.port.get("name", "") for each in obj.get("ports") or ())
        for point in obj.get("endpoints") or () if has_port and labels_of(obj).get(SERVICE_NAME) == meta["name"] else ():
            if get(point, "conditions", "ready") is not False:
                yield point["addresses"][0], get(point, "targetRef", "name", default="")


def answered(store: Store, asked: Question) -> tuple[int, str]:
    """(exit code, what is printed) of asking now."""
    number = asked.port["port"]
    if (found := next(_ready(store, asked), None)) is not None:
        who = f"pod {found[1]}" if found[1] else found[0]
        return 0, f"{asked.host}:{number} is answered by {who}, as far as the model goes: it is ready, and nothing was sent"
    code, said = _REFUSED[asked.program]
    address = get(asked.service, "spec", "clusterIP", default="None")
    return code, said.format(address=asked.host if address == "None" else address, host=asked.host, port=number)


class Asking(Modelled):
    """Its container ends by itself, each time as the answer is when it starts. (sandbox.node.runtime.Runtime)"""

    def __init__(self, life: Life, phase_s: float, store: Store, asked: Question) -> None:
        super().__init__(life, phase_s)
        self._run_s, self._store, self._asked = min(life.run_s, RUN_S), store, asked

    def start(self, pod: Obj, index: int, restarts: int, started_s: float) -> Iterator[Moment]:
        code, said = answered(self._store, self._asked)
        return iter((Moment(started_s + self._run_s, "exits", message=said, code=code),))
