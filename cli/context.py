"""Which cluster a command speaks to, and running it so that Ctrl-C leaves nothing locked.

`Surroundings` is what tests replace: how a cluster is come by, and on what event loop the command runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ..errors import BadInput, RollwayError, Unreachable
from .options import Where

if TYPE_CHECKING:
    from ..cluster.port import Cluster


class Connected(NamedTuple):
    """`name` is for people: "context prod" or "the sandbox". `namespace` is what the context defaults to."""

    cluster: Cluster
    name: str
    namespace: str
    is_sandbox: bool = False


SANDBOX_CONTEXT = "sandbox"
"""Of the kubeconfig that the sandbox writes."""

Note = Callable[[str], None]
Connect = Callable[[Where, Note], AbstractAsyncContextManager[Connected]]


class Interrupted(RollwayError):
    """Ctrl-C. The run was cancelled in good order: its lock is given back."""

    exit_code: ClassVar[int] = 130


class HungUp(RollwayError):
    """SIGHUP: the terminal is gone."""

    exit_code: ClassVar[int] = 129


class Terminated(RollwayError):
    """SIGTERM, as a pipeline that is cancelled sends it."""

    exit_code: ClassVar[int] = 143


@asynccontextmanager
async def connect(where: Where, note: Note) -> AsyncIterator[Connected]:
    """The cluster that the flags and the environment name. Raises ClusterError, BadInput."""
    # what the command line says comes before the environment
    if where.is_sandbox and where.context and where.context != os.environ.get("ROLLWAY_CONTEXT"):
        raise BadInput(f"{_asked_by()} and --context contradict each other", hint="leave one of them out")
    from ..cluster.client import connect as to_cluster

    if not where.is_sandbox and not where.context and not _has_kubeconfig() and not _is_attended():
        raise Unreachable(
            "there is no kubeconfig: KUBECONFIG is not set, and ~/.kube/config is not there",
            hint="set KUBECONFIG; the embedded cluster is used only where it is asked for: --sandbox, or ROLLWAY_SANDBOX=1",
        )
    if not where.is_sandbox and (where.context or _has_kubeconfig()):
        async with await to_cluster(context=where.context) as cluster:
            in_cluster = cluster.context == "in-cluster"
            name = "in-cluster" if in_cluster else f"context {cluster.context}"
            with _sandbox_down_told():
                yield Connected(cluster, name, cluster.default_namespace, is_sandbox=_is_sandboxs(cluster.context))
        return
    path = _sandbox_kubeconfig(is_asked_for=where.is_sandbox)
    note(f"using the sandbox ({_asked_by() if where.is_sandbox else 'there is no kubeconfig'})")
    async with await to_cluster(kubeconfig=path) as cluster:
        yield Connected(cluster, "the sandbox", cluster.default_namespace, is_sandbox=True)


def _asked_by() -> str:
    """What asks for the sandbox."""
    return "ROLLWAY_SANDBOX" if os.environ.get("ROLLWAY_SANDBOX") else "--sandbox"


def _is_attended() -> bool:
    """Whether a person sees what the first line says: that a release goes to the embedded cluster, for want of another."""
    return not os.environ.get("CI") and all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _has_kubeconfig() -> bool:
    # A $KUBECONFIG whose file is missing is a mistake to be told of, not a reason to release somewhere else.
    is_named = bool(os.environ.get("KUBECONFIG") or os.environ.get("KUBERNETES_SERVICE_HOST"))
    return is_named or Path("~/.kube/config").expanduser().exists()


def _is_sandboxs(context: str) -> bool:
    """Whether it is the sandbox by its own kubeconfig: what holds there, as that namespaces are made, holds so, too."""
    return context == SANDBOX_CONTEXT and _names_sandbox()


def _names_sandbox() -> bool:
    """Whether $KUBECONFIG is the sandbox's own."""
    from ..sandbox import daemon

    return os.environ.get("KUBECONFIG") == str(daemon.kubeconfig_path(daemon.default_state_dir()))


@contextmanager
def _sandbox_down_told() -> Iterator[None]:
    """$KUBECONFIG may be the sandbox's own: what helps where that was killed is known."""
    try:
        yield
    except Unreachable as error:
        from ..sandbox import daemon

        if not _names_sandbox() or daemon.status(daemon.default_state_dir()).is_running:
            raise
        raise Unreachable("the sandbox is not running", detail=error.summary, hint="deploy sandbox up") from error


def _sandbox_kubeconfig(*, is_asked_for: bool) -> str:
    """Of the sandbox that runs. Whoever has not asked for it lacks a cluster, and may never have heard of a sandbox."""
    from ..sandbox import daemon

    state_dir = daemon.default_state_dir()
    if daemon.status(state_dir).is_running:
        return str(daemon.kubeconfig_path(state_dir))
    if is_asked_for:
        raise Unreachable("the sandbox is not running", hint="deploy sandbox up")
    raise Unreachable(
        "there is no cluster: KUBECONFIG is not set, ~/.kube/config is not there, and the sandbox is not running",
        hint="set KUBECONFIG; or `deploy sandbox up`, an embedded cluster to try it on",
    )


def interruptible(main: Coroutine[Any, Any, Any]) -> Any:
    """`asyncio.run`, where Ctrl-C, SIGTERM and SIGHUP cancel the coroutine once and let it clean up; a second one ends it.
    What `nohup` has told to be ignored is.

    Raises Interrupted, Terminated or HungUp.
    """
    import asyncio
    import signal

    async def guarded() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        seen: list[signal.Signals] = []
        kinds = {signal.SIGINT: Interrupted, signal.SIGTERM: Terminated, signal.SIGHUP: HungUp}
        heeded = [each for each in kinds if signal.getsignal(each) != signal.SIG_IGN]

        def stop(number: signal.Signals) -> None:
            seen.append(number)
            for each in heeded:
                loop.remove_signal_handler(each)
                signal.signal(each, signal.SIG_DFL)
            if task:
                task.cancel()

        for number in heeded:
            loop.add_signal_handler(number, stop, number)
        try:
            return await main
        except asyncio.CancelledError as cancelled:
            if not seen:
                raise
            # who was stopped may know what has become of it; who has only looked has nothing to say
            summary, hint = cancelled.args if len(cancelled.args) == 2 else ("stopped", "")
            raise kinds[seen[0]](summary, hint=hint) from None

    return asyncio.run(guarded())


@dataclass(frozen=True)
class Surroundings:
    connect: Connect = connect
    run: Callable[[Coroutine[Any, Any, Any]], Any] = interruptible
