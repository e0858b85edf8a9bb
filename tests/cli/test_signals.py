"""A real process before a real sandbox, stopped in the middle: what it leaves, and what the same command then makes of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from rollway.sandbox import daemon
from shell import EXAMPLE, Outcome, run

DEPLOY = Path(sys.executable).with_name("deploy")
WITHIN_S = 20
QUICK = {
    "start: 1.5s, stop: 0.5s": "pull: 1ms, start: 300ms, stop: 50ms",
    "replicas: 4": "replicas: 2",
    "sleep: {seconds: 2}": "sleep: {seconds: 0}",
    "          readinessProbe:\n            httpGet: {path: /healthz, port: http}\n            periodSeconds: 1\n": "",
}
SOON = "strategies.blueGreen.scaleDownDelaySeconds=1"
TAG = "2.0.0"


class Shop:
    """The shop in a namespace of its own. The second version of it is what commands release."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self._words = ["-f", str(folder / "deploy.yaml"), "-n", namespace, "--sandbox"]

    def __call__(self, verb: str, *words: str) -> Outcome:
        """In this process: what is not to be stopped need not start anew."""
        return run(verb, *words, *self._words)

    def start(self, verb: str, *words: str, ignores: Collection[signal.Signals] = ()) -> subprocess.Popen[str]:
        """As from a terminal, whatever this process ignores; `ignores` as by nohup."""

        def begin() -> None:
            for number in {number for number, *_ in VERBS}:
                signal.signal(number, signal.SIG_IGN if number in ignores else signal.SIG_DFL)

        command = [DEPLOY, verb, *words, *self._words]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0, preexec_fn=begin
        )

    def status(self) -> dict[str, Any]:
        return self("status", "-o", "json").document

    def is_at(self, tag: str) -> bool:
        """Whether that version serves alone, with all its pods, and nothing is under way."""
        status = self.status()
        sides = [(side["version"], side["ready"]) for side in status["sides"] if side["wanted"]]
        return (status["phase"], status["lock"], sides) == ("Promoted", "", [(tag, 2)])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLWAY_SANDBOX_HOME", str(path / "sandbox"))
        daemon.up(path / "sandbox")
        yield path
        daemon.down(path / "sandbox")


@pytest.fixture(scope="module")
def folder(home: Path) -> Path:
    folder = home / "checkout"
    shutil.copytree(EXAMPLE.parent, folder)
    manifest = folder / "k8s" / "deployment.yaml"
    text = manifest.read_text()
    for slow, fast in QUICK.items():
        assert slow in text
        text = text.replace(slow, fast)
    manifest.write_text(text)
    return folder


@pytest.fixture
def shop(folder: Path, request: pytest.FixtureRequest) -> Shop:
    """At its first version."""
    shop = Shop(folder, f"shop-{abs(hash(request.node.name)):x}")
    assert shop("apply", "recreate").code == 0
    return shop


def until(process: subprocess.Popen[str], words: str) -> None:
    """Reads what the process tells of its progress until it says that."""
    assert process.stderr
    said: list[str] = []
    for line in process.stderr:
        said.append(line)
        if words in line:
            return
    pytest.fail(f"it never said {words!r}: {''.join(said)}, {process.communicate()}")


def stopped(process: subprocess.Popen[str], *signals: int) -> Outcome:
    for number in signals:
        process.send_signal(number)
    out, err = process.communicate(timeout=WITHIN_S)
    return Outcome(process.returncode, out, err)


VERBS = [
    (signal.SIGINT, ["apply", "ramped"], "… shop:"),
    (signal.SIGTERM, ["promote", "canary", "--full"], "… shop:"),
    (signal.SIGTERM, ["apply", "blue-green", "--set", SOON], "… hold"),
    (signal.SIGINT, ["apply", "ab", "--auto"], "… shop-b:"),
    (signal.SIGHUP, ["apply", "recreate"], "… shop:"),
    (signal.SIGTERM, ["apply", "canary", "--auto", "--set", "strategies.canary.steps=[{weight: 50, pause: 2s}]"], "∥ 50%"),
]


@pytest.mark.parametrize(("number", "words", "when"), VERBS, ids=[" ".join(words[:2]) for _, words, _ in VERBS])
def test_a_signal_leaves_nothing_locked_and_says_how_to_go_on(
    shop: Shop, number: signal.Signals, words: list[str], when: str
) -> None:
    """Exit 128 + its number; the lock is free at once, the last line names the way on, and the same command ends right."""
    command = [*words, "--image", f":{TAG}"]
    if words[0] == "promote":
        assert shop("apply", "canary", "--image", f":{TAG}").code == 0
    process = shop.start(*command)
    until(process, when)

    outcome = stopped(process, number)

    assert outcome.code == 128 + number
    assert "the same command goes on" in outcome.err.splitlines()[-1]
    assert "Traceback" not in outcome.err
    assert shop.status()["lock"] == ""
    assert shop(*command).code == 0
    assert shop.is_at(TAG)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_who_only_looks_on_speaks_of_no_release(shop: Shop, number: signal.Signals, code: int) -> None:
    """Nothing is under way that would stop with it, and nothing to be taken back."""
    process = shop.start("watch")
    assert process.stdout
    process.stdout.readline()

    outcome = stopped(process, number)

    assert outcome.code == code
    assert "rollback" not in outcome.err
    assert "the same command" not in outcome.err


def test_a_program_is_told_in_json(shop: Shop) -> None:
    """One document on stdout, the error; this one is stopped before or as it takes the lock."""
    process = shop.start("apply", "ramped", "--image", f":{TAG}", "-o", "json")
    until(process, "using the sandbox")

    outcome = stopped(process, signal.SIGTERM)

    assert outcome.code == 143
    assert json.loads(outcome.out)["error"]["exit"] == 143
    assert shop.status()["lock"] == ""


@pytest.mark.parametrize("strategy", ["recreate", "ramped", "blue-green", "canary", "ab"])
def test_whoever_comes_after_a_kill_goes_on_at_once(shop: Shop, strategy: str) -> None:
    """The lock of a process of this machine that is no more is not waited for, and the same command ends right."""
    command = ["apply", strategy, "--full", "--set", SOON, "--image", f":{TAG}"]
    process = shop.start(*command)
    until(process, "… shop")

    assert stopped(process, signal.SIGKILL).code == -signal.SIGKILL
    assert str(process.pid) in shop.status()["lock"]

    again = shop(*command)
    assert again.code == 0, again.err
    assert shop.is_at(TAG)


def test_what_nohup_ignores_is_ignored(shop: Shop) -> None:
    """Whoever closes the terminal has said before that it goes on."""
    process = shop.start("apply", "ramped", "--image", f":{TAG}", ignores=[signal.SIGHUP])
    until(process, "… shop:")

    assert stopped(process, signal.SIGHUP).code == 0
    assert shop.is_at(TAG)


def test_a_second_signal_ends_it_at_once(shop: Shop) -> None:
    """Whatever it hangs in; as after a kill, the next one takes over."""
    process = shop.start("apply", "ramped", "--image", f":{TAG}")
    until(process, "… shop:")
    os.kill(process.pid, signal.SIGSTOP)  # so that both are there when it looks

    code = stopped(process, signal.SIGINT, signal.SIGTERM, signal.SIGCONT).code

    assert code in (130, 143, -signal.SIGTERM)
    assert shop("apply", "ramped", "--image", f":{TAG}").code == 0
    assert shop.is_at(TAG)
