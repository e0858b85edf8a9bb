"""`pods/NAME/exec`, `attach` and `portforward`: of pods that are processes. In modelled ones nothing runs, and they say so."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Protocol

from aiohttp import web

from ....kube.objects import Obj, get
from ...node.runtime import CannotStart
from ...store.refusals import bad_request
from ..queries import is_true
from . import upgrade
from .channels import BY_SOCKET, BY_SPDY, ERROR, RESIZE, STDERR, STDIN, STDOUT, Channels, Socket, size_of, streams_of
from .forward import forwarded

VERBS = ("exec", "attach", "portforward")
_DRAIN_S = 1.0
"""What a command that has ended left running may still print; then nobody listens."""
_OUTPUTS = {"stdout": STDOUT, "stderr": STDERR}


class Session(Protocol):
    """(sandbox.node.processes.sessions)"""

    @property
    def outputs(self) -> Mapping[str, AsyncIterator[bytes]]: ...

    async def feed(self, data: bytes) -> None: ...

    def resize(self, width: int, height: int) -> None: ...

    async def ended(self) -> int | None: ...

    def close(self) -> None: ...


class Sessions(Protocol):
    """What runs processes. (sandbox.node.processes.node)"""

    def session(self, uid: str, container: str, argv: list[str], *, has_stdin: bool, is_terminal: bool) -> Session | None: ...

    def is_process(self, uid: str) -> bool: ...


class _Asked(NamedTuple):
    container: str
    argv: list[str]
    has_stdin: bool
    is_terminal: bool
    streams: list[str]


async def answered(request: web.Request, verb: str, pod: Obj, node: Sessions | None) -> web.StreamResponse:
    """Raises ApiError where there is nothing to reach."""
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    if not get(pod, "spec", "nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")
    asked = _asked(request, verb, pod) if verb != "portforward" else None
    upgrade.check(request)
    if node is None or not node.is_process(uid):
        phase = get(pod, "status", "phase")
        if phase in ("Succeeded", "Failed"):
            raise bad_request(f"cannot {verb} a container in a completed pod; current phase is {phase}")
        why = "it is modelled, nothing runs in it; a pod whose container has a `command` of this machine is a process"
        raise bad_request(f"no {verb} into pod {name}: {why}")
    if asked is None:
        return await forwarded(request, pod)
    try:
        session = node.session(uid, asked.container, asked.argv, has_stdin=asked.has_stdin, is_terminal=asked.is_terminal)
    except CannotStart as error:
        return await _over(request, asked, _Refused(error.message))
    if session is None:
        raise bad_request(f'unable to upgrade connection: container not found ("{asked.container}")')
    try:
        return await _over(request, asked, session)
    finally:
        session.close()


def _asked(request: web.Request, verb: str, pod: Obj) -> _Asked:
    query, spec = request.query, pod["spec"]
    named = {
        each["name"]: each for key in ("containers", "initContainers", "ephemeralContainers") for each in spec.get(key) or ()
    }
    container = query.get("container") or _only(pod)
    if container not in named:
        raise bad_request(f"container {container} is not valid for pod {pod['metadata']['name']}")
    argv = query.getall("command", []) if verb == "exec" else []
    if verb == "exec" and not argv:
        raise bad_request("you must specify at least 1 command for the container")
    is_terminal = is_true(query, "tty") and (verb == "exec" or bool(named[container].get("tty")))
    wanted = [each for each in ("stdin", "stdout", "stderr") if is_true(query, each)]
    if not wanted:
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    if is_terminal:
        wanted = [each for each in wanted if each != "stderr"] + ["resize"]
    return _Asked(container, argv, "stdin" in wanted, is_terminal, ["error", *wanted])


def _only(pod: Obj) -> str:
    names = [each["name"] for each in pod["spec"]["containers"]]
    if len(names) > 1:
        said = f"choose one of: [{' '.join(names)}]"
        raise bad_request(f"a container name must be specified for pod {pod['metadata']['name']}, {said}")
    return str(names[0])


async def _over(request: web.Request, asked: _Asked, session: Session) -> web.StreamResponse:
    if upgrade.is_socket(request):
        socket = await upgrade.socket_of(request, BY_SOCKET)
        await _joined(Socket(socket), session, asked)
        return socket
    async with upgrade.spdy_of(request, BY_SPDY) as spdy:
        if (channels := await streams_of(spdy, asked.streams)) is not None:
            await _joined(channels, session, asked)
    return upgrade.Taken()


async def _joined(channels: Channels, session: Session, asked: _Asked) -> None:
    """Until the command has ended, or the client is gone."""
    wanted = [name for name in session.outputs if name in asked.streams]
    await channels.send(STDOUT, b"")  # the client sees that it goes on
    reading = asyncio.create_task(_fed(channels, session))
    writing = [asyncio.create_task(_printed(channels, session, name)) for name in wanted]
    ending = asyncio.create_task(session.ended())
    try:
        await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            if writing:
                await asyncio.wait(writing, timeout=_DRAIN_S)
            said = status_of(ending.result(), asked.argv, getattr(session, "why", ""), is_json=channels.is_told_codes)
            if said:
                await channels.send(ERROR, said)
            await channels.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_S):
                    await reading  # until the client has taken it all, and goes
    finally:
        for task in (reading, ending, *writing):
            task.cancel()
        await asyncio.gather(reading, ending, *writing, return_exceptions=True)


async def _fed(channels: Channels, session: Session) -> None:
    async for channel, data in channels.heard():
        if channel == STDIN:
            await session.feed(data)
        elif channel == RESIZE and (size := size_of(data)) is not None:
            session.resize(*size)


async def _printed(channels: Channels, session: Session, name: str) -> None:
    async for piece in session.outputs[name]:
        await channels.send(_OUTPUTS[name], piece)


def status_of(code: int | None, argv: list[str], why: str, *, is_json: bool) -> bytes:
    """How it ended, in the words of the container runtime: a Status, or before v4 a text, which is empty where all is well."""
    if why:
        text = f"error executing command in container: failed to exec in container: {why}: unknown"
        status: Obj = {"status": "Failure", "message": f"Internal error occurred: {text}", "reason": "InternalError"}
        status |= {"details": {"causes": [{"message": text}]}, "code": 500}
    elif code:
        text = f"command terminated with non-zero exit code: error executing command [{' '.join(argv)}], exit code {code}"
        status = {"status": "Failure", "message": text, "reason": "NonZeroExitCode"}
        status |= {"details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}
    else:
        text, status = "", {"status": "Success"}
    return json.dumps({"metadata": {}} | status).encode() if is_json else text.encode()


class _Refused:
    """A command that cannot be started, and why."""

    outputs: Mapping[str, AsyncIterator[bytes]] = {}

    def __init__(self, why: str) -> None:
        said = why.partition("OCI runtime create failed: runc create failed: ")[2] or why
        self.why = f"OCI runtime exec failed: exec failed: {said.replace('error during container init: ', '')}"

    async def feed(self, data: bytes) -> None:
        pass

    def resize(self, width: int, height: int) -> None:
        pass

    async def ended(self) -> int:
        return 126

    def close(self) -> None:
        pass
