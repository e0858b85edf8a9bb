"""The end of every command: an exit code by the error's class, and nothing that frightens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rollway.cli.context import Connected, Interrupted, Note, Surroundings, Terminated, connect, interruptible
from rollway.cli.options import Where
from rollway.errors import BadInput, Locked, RollwayError, TimedOut, Unreachable
from rollway.kube.objects import LEASE
from shell import EXAMPLE, run, shell


def failing(error: BaseException) -> Surroundings:
    def connect(where: Where, note: Note) -> contextlib.AbstractAsyncContextManager[Connected]:
        raise error

    return Surroundings(connect=connect)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RollwayError("it failed"), 1),
        (BadInput("no such thing", where="deploy.yaml:3:1"), 2),
        (Locked("somebody is at it", hint="wait"), 3),
        (Unreachable("nobody answers", detail="tried twice\nand again"), 4),
        (TimedOut("not done"), 5),
    ],
)
def test_each_class_of_error_has_its_exit_code(error: RollwayError, code: int) -> None:
    """✗ and the summary; the detail indented; what to try."""
    outcome = run("status", "-f", str(EXAMPLE), surroundings=failing(error))

    hint = [f"  try: {error.hint}"] if error.hint else []
    assert outcome.code == code
    assert outcome.out == ""
    assert outcome.err.splitlines() == [f"✗ {error.summary}", *(f"  {line}" for line in error.detail.splitlines()), *hint]


def test_a_bug_is_one_line_unless_debug_is_asked_for() -> None:
    """Exit 1; the traceback only with --debug, wherever that stands."""
    surroundings = failing(KeyError("spec"))
    plain = run("status", "-f", str(EXAMPLE), surroundings=surroundings)
    debug = run("status", "--debug", "-f", str(EXAMPLE), surroundings=surroundings)

    assert plain.code == debug.code == 1
    assert plain.err.splitlines()[0] == "✗ this is a bug in rollway: KeyError: 'spec'"
    assert "--debug" in plain.err
    assert "Traceback" not in plain.err
    assert "Traceback" in debug.err


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, Interrupted), (signal.SIGTERM, Terminated)])
def test_a_signal_cancels_and_cleans_up_first(number: signal.Signals, kind: type[RollwayError]) -> None:
    """So the lock is given back. Who has only looked says nothing of a release."""
    cleaned: list[str] = []

    async def release() -> None:
        try:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0)
            cleaned.append("lock")

    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    try:
        with pytest.raises(kind) as caught:
            interruptible(release())
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])

    assert cleaned == ["lock"]
    assert caught.value.exit_code == 128 + number
    assert (caught.value.summary, caught.value.hint) == ("stopped", "")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """`deploy schema | head -1`: quiet."""
    source = "import sys; from rollway.cli.main import main; sys.exit(main(['schema']))"
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()

    assert process.wait(30) == 141
    assert said == b""


def test_a_mistake_in_the_file_is_told_of_without_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text("manifests: [gone/]\n", encoding="utf-8")

    outcome = run("apply", "-f", str(tmp_path / "deploy.yaml"), surroundings=failing(Unreachable("not asked for")))

    assert outcome.code == 2
    assert "not asked for" not in outcome.err


def test_without_a_kubeconfig_the_sandbox_is_not_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks on: it is asked for by name, and where it does not run then, exit 4 says how to start it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ROLLWAY_SANDBOX_HOME", str(tmp_path / "sandbox"))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    silent = run("status", "-f", str(EXAMPLE))
    outcome = run("status", "-f", str(EXAMPLE), "--sandbox")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "gone"))
    named = run("status", "-f", str(EXAMPLE))

    assert silent.code == outcome.code == named.code == 4
    assert silent.err.startswith("✗ there is no kubeconfig")
    assert outcome.err == "✗ the sandbox is not running\n  try: deploy sandbox up\n"
    # a file that was named and is missing is a mistake, not a reason to go elsewhere
    assert str(tmp_path / "gone") in named.err


def test_two_clusters_at_once_are_refused() -> None:
    async def both() -> None:
        async with connect(Where(context="prod", is_sandbox=True), print):
            pass

    with pytest.raises(BadInput, match="contradict"):
        asyncio.run(both())


def test_a_lock_of_somebody_else_is_exit_3() -> None:
    """With who holds it; nothing is changed."""
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "rollway-shop", "namespace": "shop"},
            "spec": {"holderIdentity": "alice@ci/1", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T01:00:00.000000Z"},
        }
        deploy.create(LEASE, lease)
        before = deploy.moment
        outcome = deploy("apply", "--image", ":2.0.0")

        assert outcome.code == 3
        assert "locked by alice@ci/1" in outcome.err
        assert not deploy.changed_since(before)
