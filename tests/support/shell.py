"""A user at the command line, before an embedded cluster in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rollway.cli.context import Connected, Note, Surroundings
from rollway.cli.main import main
from rollway.cli.options import Where
from rollway.kube.objects import NAMESPACE, Kind, Obj
from rollway.sandbox.timeline import VirtualLoop
from rollway.sandbox.world import Sandbox

EXAMPLE = Path(__file__).parents[2] / "examples" / "shop" / "deploy.yaml"


class Outcome(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Shell:
    """`deploy("status", "-o", "json")`. Verbs that read a release file get `file` unless they name one."""

    def __init__(
        self, runner: asyncio.Runner, sandbox: Sandbox, file: Path | None, context: str, *, is_sandbox: bool = False
    ) -> None:
        self._runner = runner
        self.sandbox = sandbox
        self.file = file
        self._context = context
        self._is_sandbox = is_sandbox

    def __call__(self, verb: str, *words: str) -> Outcome:
        needs_file = verb not in ("version", "schema", "init", "demo", "sandbox") and "-f" not in words and self.file
        arguments = [verb, *words, *(["-f", str(self.file)] if needs_file else [])]
        return run(*arguments, surroundings=self._surroundings)

    def main(self) -> int:
        """No words at all, as a shell asks that completes one."""
        return main([], self._surroundings)

    @property
    def _surroundings(self) -> Surroundings:
        return Surroundings(connect=self._connect, run=self._runner.run)

    @property
    def moment(self) -> int:
        """For `changed_since`."""
        return self.sandbox.store.version

    def changed_since(self, moment: int) -> set[str]:
        """The kinds of the objects written since."""
        return {change.kind.name for change in self.sandbox.store.since(moment) or ()}

    def runs(self, doing: Coroutine[Any, Any, Any]) -> Any:
        """Something on the cluster's own loop."""
        return self._runner.run(doing)

    def create(self, kind: Kind, obj: Obj) -> None:
        """What somebody else does, in the namespace `shop`."""

        async def create() -> None:
            self.sandbox.api.create(kind, "shop", obj, manager="somebody")

        self._runner.run(create())

    @contextlib.asynccontextmanager
    async def _connect(self, where: Where, note: Note) -> AsyncIterator[Connected]:
        yield Connected(self.sandbox.client(), f"context {self._context}", "default", is_sandbox=self._is_sandbox)


@contextlib.contextmanager
def shell(file: Path = EXAMPLE, *, context: str = "test", is_sandbox: bool = False) -> Iterator[Shell]:
    """With the namespace `shop`, and nothing in it. `is_sandbox`: the cluster is one that the user asked for by --sandbox."""
    sandbox = Sandbox(seed=7)

    async def start() -> None:
        await sandbox.start()
        sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(start())
        yield Shell(runner, sandbox, file, context, is_sandbox=is_sandbox)
        runner.run(sandbox.stop())


def run(*arguments: str, surroundings: Surroundings | None = None) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments, surroundings)
    return Outcome(code, out.getvalue(), err.getvalue())
