"""One pod whose containers are processes of this machine: started, probed, stopped. (sandbox.node.runtime.Runtime)"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ....kube.objects import POD, Obj, get
from ...store.store import Store
from ..behaviour import LEAST_GRACE_S, Moment, Stop
from ..runtime import CannotStart, Hears, Notes
from ..spread import PHASE_S
from .account import Accounts
from .environment import Misconfigured, command_line, environment
from .ledger import Ledger, end_group, over
from .listeners import clash
from .output import Output, Outputs
from .probing import ANSWER_BYTES, Failed, Target, look, watch
from .sessions import Attachment, Input, Session, command
from .silence import Silence

SHELL = ("sh",)
"""What an ephemeral container runs that says nothing: its image is not run here."""
HOOK_AGENT = "kube-lifecycle/1.36"
_OCI = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Running:
    """A container that runs. `task` ends once nothing of it is left."""

    spec: Obj
    child: subprocess.Popen[bytes]
    mark: str
    env: Mapping[str, str]
    folder: str
    output: Output
    stdin: Input
    task: asyncio.Task[None] | None = None
    ending: asyncio.Task[None] | None = None
    is_ending: bool = False
    has_hooked: bool = False
    is_over: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """(pod uid, container)"""
        uid, name, _ = self.mark.split("/")
        return uid, name

    def signal(self, number: int) -> None:
        if not self.is_over:
            end_group(self.child.pid, number)

    def session(self, ledger: Ledger, argv: list[str], *, has_stdin: bool, is_terminal: bool) -> Session:
        """A command beside the container, or without one a hold of what it is itself. Raises CannotStart."""
        if not argv:
            is_once = has_stdin and bool(self.spec.get("stdinOnce"))
            return Attachment(self.output, self.stdin if has_stdin else Input(), is_once=is_once)
        program = _program(argv, self.env, self.folder)
        try:
            return command(
                ledger, program, env=self.env, folder=self.folder, mark=self.mark, has_stdin=has_stdin, is_terminal=is_terminal
            )
        except (OSError, ValueError) as error:
            raise CannotStart("RunContainerError", f"{_OCI}{argv[0]}: {_said(error)}", is_over=True) from error


@dataclass(eq=False)
class ProcessPod:
    """`hears` is told what happens, `notes` gets warnings. `all_running` is the node's, of all its pods."""

    store: Store
    ledger: Ledger
    outputs: Outputs
    accounts: Accounts
    all_running: set[Running]
    silence: Silence
    acts: tuple[int, ...]
    hears: Hears
    notes: Notes
    _running: dict[int, Running] = field(default_factory=dict)
    _beside: list[Running] = field(default_factory=list)
    _noted: bool = False
    _is_abandoned: bool = False
    _is_leaving: bool = False

    outlives_node = False

    def start(self, pod: Obj, index: int, restarts: int, started_s: float) -> Iterator[Moment]:
        spec, address = pod["spec"]["containers"][index], pod["status"]["podIP"]
        self._note_limits(pod)
        self.silence.lift(address)
        try:
            env = self.accounts.variables(pod) | environment(self.store, pod, spec, address)
        except Misconfigured as error:
            raise CannotStart("CreateContainerConfigError", str(error), is_over=False) from error
        folder, argv = str(spec.get("workingDir") or "/"), command_line(spec, env)
        if not argv:
            why = "no command specified: the image is not run here, so the container has to say its `command`"
            raise CannotStart("RunContainerError", why, is_over=True)
        key = (pod["metadata"]["uid"], spec["name"], restarts)
        running = self._spawn(spec, _program(argv, env, folder), env, folder, key)
        self._running[index] = running
        self.all_running.add(running)
        running.task = asyncio.create_task(self._live(pod, index, running, started_s))
        return iter(())

    def start_beside(self, pod: Obj, spec: Obj, over: Callable[[int], None]) -> None:
        meant = spec if spec.get("command") else spec | {"command": list(SHELL)}
        try:
            env = self.accounts.variables(pod) | environment(self.store, pod, meant, pod["status"]["podIP"])
        except Misconfigured as error:
            raise CannotStart("CreateContainerConfigError", str(error), is_over=True) from error
        folder = str(meant.get("workingDir") or "/")
        argv = _program(command_line(meant, env), env, folder)
        running = self._spawn(meant, argv, env, folder, (pod["metadata"]["uid"], spec["name"], 0))
        self._beside.append(running)
        self.all_running.add(running)
        running.task = asyncio.create_task(self._live_beside(running, over))

    async def _live_beside(self, running: Running, told: Callable[[int], None]) -> None:
        code = await self._code(running)
        if not self._is_abandoned:
            told(code)

    async def _code(self, running: Running) -> int:
        """How a container has ended, once nothing is left of it."""
        try:
            await over(running.child)
            code = self.ledger.end(running.child)
        finally:
            running.is_over = True
            self.all_running.discard(running)
            running.stdin.close()
            running.output.close()
        return code if code >= 0 else 128 - code

    def stop(self, index: int | None, since_s: float, grace_s: float) -> Stop | None:
        self._is_leaving |= index is None
        for beside in self._beside if index is None else ():
            beside.signal(signal.SIGKILL)
        for running in [self._running[index]] if index is not None else self._running.values():
            if not running.is_over:
                running.is_ending = True
                if running.ending is not None:
                    running.ending.cancel()
                running.ending = asyncio.create_task(self._end(running, since_s + grace_s, grace_s))
        return None

    def abandon(self) -> None:
        self._is_abandoned = True
        for running in (*self._running.values(), *self._beside):
            running.signal(signal.SIGKILL)

    # a container's life

    def _spawn(self, spec: Obj, argv: list[str], env: Mapping[str, str], folder: str, key: tuple[str, str, int]) -> Running:
        output, mark = None, "/".join(map(str, key))
        has_stdin, is_terminal = bool(spec.get("stdin")), bool(spec.get("tty"))
        reading, stdin = os.pipe() if has_stdin and not is_terminal else (-1, -1)
        try:
            output = self.outputs.open(key, is_terminal=is_terminal)
            path = os.ttyname(output.writing) if is_terminal else ""
            surroundings = {"TERM": "xterm", **env} if is_terminal else env
            child = self.ledger.start(
                argv, output=output.writing, stdin=reading if reading >= 0 else None, terminal=path, env=surroundings,
                folder=folder, mark=mark,
            )  # fmt: skip
        except (OSError, ValueError) as error:  # too many files, no space, a null byte in an argument
            if output is not None:
                output.close()
            if stdin >= 0:
                os.close(stdin)
            why = f"{_OCI}unable to start container process: {argv[0]}: {_said(error)}"
            raise CannotStart("RunContainerError", why, is_over=True) from error
        finally:
            if reading >= 0:
                os.close(reading)
        if has_stdin and is_terminal:
            stdin = os.dup(output.reading)
        output.begin()
        return Running(spec, child, mark, env, folder, output, Input(stdin))

    async def _live(self, pod: Obj, index: int, running: Running, started_s: float) -> None:
        loop = asyncio.get_running_loop()
        watching = asyncio.create_task(self._watch(pod, index, running, started_s))
        watching.add_done_callback(_log_failure)
        try:
            code = await self._code(running)
        finally:
            watching.cancel()
            if running.ending is not None:
                running.ending.cancel()
        if self._is_leaving and all(each.is_over for each in self._running.values()):
            self._fall_silent(pod)
        why = await self._clash(running) if code and not running.is_ending else ""
        if not self._is_abandoned:
            self.hears(index, Moment(loop.time(), "exits", message=why, code=code))

    async def _clash(self, running: Running) -> str:
        uid, name, number = running.mark.split("/")
        log = self.outputs.read(uid, name, int(number)) or ""
        declared = [int(port["containerPort"]) for port in running.spec.get("ports") or ()]
        names = {each["metadata"]["uid"]: each["metadata"]["name"] for each in self.store.list(POD)}
        return await asyncio.to_thread(clash, log, declared, names)

    def _fall_silent(self, pod: Obj) -> None:
        """The pod is gone, and its network with it."""
        ports = [port["containerPort"] for each in pod["spec"]["containers"] for port in each.get("ports") or ()]
        self.silence.keep(pod["status"]["podIP"], ports)

    async def _watch(self, pod: Obj, index: int, running: Running, started_s: float) -> None:
        target = self._target(pod, running)
        if hook := get(running.spec, "lifecycle", "postStart"):
            try:
                await _hook(hook, target)
            except Failed as failure:
                self.notes("FailedPostStartHook", f"PostStartHook failed: {failure}")
                self.stop(index, asyncio.get_running_loop().time(), get(pod, "spec", "terminationGracePeriodSeconds", default=30))
                return

        def tell(moment: Moment) -> None:
            if not running.is_over and not self._is_abandoned:
                self.hears(index, moment)

        await watch(running.spec, target, started_s, PHASE_S, tell, is_ending=lambda: running.is_ending)

    async def _end(self, running: Running, deadline_s: float, grace_s: float) -> None:
        """preStop, SIGTERM, SIGKILL. The hook is inside of the grace period; after it two seconds are left at least."""
        loop = asyncio.get_running_loop()
        hook = get(running.spec, "lifecycle", "preStop")
        if hook and not running.has_hooked and grace_s > 0:
            running.has_hooked = True
            try:
                async with asyncio.timeout_at(deadline_s):
                    await _hook(hook, self._target_of(running))
            except TimeoutError:
                self.notes("FailedPreStopHook", f"PreStopHook failed: not over within the grace period of {grace_s:g}s")
            except Failed as failure:
                self.notes("FailedPreStopHook", f"PreStopHook failed: {failure}")
        if grace_s > 0:
            running.signal(signal.SIGTERM)
        least_s = loop.time() + LEAST_GRACE_S if hook and grace_s > 0 else 0.0
        await asyncio.sleep(max(deadline_s, least_s) - loop.time())
        running.signal(signal.SIGKILL)

    # probes and hooks

    def _target(self, pod: Obj, running: Running) -> Target:
        return self._target_of(running, pod["status"]["podIP"])

    def _target_of(self, running: Running, address: str = "") -> Target:
        ports = {port["name"]: int(port["containerPort"]) for port in running.spec.get("ports") or () if port.get("name")}

        async def run(command: list[str], timeout_s: float | None) -> tuple[int, str]:
            return await self._run(running, command, timeout_s)

        return Target(address or running.env["POD_IP"], ports, run)

    async def _run(self, running: Running, command: list[str], timeout_s: float | None) -> tuple[int, str]:
        """A command in the container's surroundings. What it leaves in the background ends with the container."""
        try:
            argv = _program(command, running.env, running.folder)
        except CannotStart as error:
            raise Failed(str(error).replace(_OCI, "OCI runtime exec failed: exec failed: ")) from error
        try:
            with tempfile.TemporaryFile() as output:
                child = self.ledger.start(argv, output=output, env=running.env, folder=running.folder, mark=running.mark)
                return await self._ran(child, output, timeout_s)
        except (OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise Failed(f"OCI runtime exec failed: {argv[0]}: {_said(error)}") from error

    async def _ran(self, child: subprocess.Popen[bytes], output: IO[bytes], timeout_s: float | None) -> tuple[int, str]:
        try:
            async with asyncio.timeout(timeout_s):
                await over(child)
        finally:
            if child.poll() is None:
                end_group(child.pid)
            code = child.wait()
            self.ledger.forget(child.pid)
        output.seek(0)
        return code, output.read(ANSWER_BYTES).decode(errors="replace")

    def _note_limits(self, pod: Obj) -> None:
        """What a process cannot have is said once, not left to be found out."""
        if self._noted:
            return
        self._noted = True
        for spec in pod["spec"]["containers"]:
            paths = [mount["mountPath"] for mount in spec.get("volumeMounts") or ()]
            if paths := [path for path in paths if not path.startswith("/var/run/secrets/")]:
                why = "a process sees this machine's files; give what it needs by its environment"
                self.notes("MountsNotMade", f"container {spec['name']}: not mounted: {', '.join(paths)}: {why}")
            if any(get(spec, f"{kind}Probe", "grpc") for kind in ("startup", "readiness", "liveness")):
                self.notes("ProbeSimplified", f"container {spec['name']}: of a grpc probe only the connection is tried")
            if not spec.get("command") and len(pod["spec"]["containers"]) > 1:
                self.notes("ContainerNotRun", f"container {spec['name']} has no command: it is taken as running and ready")
        if names := [each["name"] for each in pod["spec"].get("initContainers") or ()]:
            self.notes("InitContainersNotRun", f"init containers of a pod that is a process are not run: {', '.join(names)}")


async def _hook(hook: Mapping[str, Any], target: Target) -> None:
    if (seconds := get(hook, "sleep", "seconds")) is not None:
        await asyncio.sleep(float(seconds))
    else:
        await look(hook, target, None, HOOK_AGENT)


def _program(argv: list[str], env: Mapping[str, str], folder: str) -> list[str]:
    """The command line with the program's own path. Raises CannotStart, in the words of containerd."""
    name = argv[0]
    if not Path(folder).is_dir():
        why = f'error during container init: chdir to cwd ("{folder}") set in config.json failed: no such file or directory'
        raise CannotStart("RunContainerError", f"{_OCI}unable to start container process: {why}", is_over=True)
    path = os.path.normpath(Path(folder) / name) if "/" in name else name
    if found := shutil.which(path, path=env.get("PATH", os.defpath)):
        return [found, *argv[1:]]
    why = "executable file not found in $PATH"
    if "/" in name:
        why = "permission denied" if Path(path).exists() else f"stat {name}: no such file or directory"
    message = f'{_OCI}unable to start container process: error during container init: exec: "{name}": {why}'
    raise CannotStart("RunContainerError", message, is_over=True)


def _said(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("probing failed", exc_info=error)
