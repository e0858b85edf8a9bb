"""Completion in the shells themselves: installed into a home folder, then TAB pressed at a terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from shell import EXAMPLE
from warmed import warmed

from tests.support.terminals import terminal

DEPLOY = [sys.executable, "-m", "rollway"]
LINES = {
    "a verb": ("deploy prom", "deploy promote"),
    "a strategy": ("deploy apply blue", "deploy apply blue-green"),
    "a rule": ("deploy check RW", "deploy check RW0"),  # several: as far as they agree
    "a context": ("deploy status --context san", "deploy status --context sandbox"),
    "a namespace": ("deploy list -n ware", "deploy list -n warehouse"),
    "an application": ("deploy promote -n warehouse sh", "deploy promote -n warehouse shop"),
    "a revision": ("deploy rollback shop -n warehouse --to-revision ", "deploy rollback shop -n warehouse --to-revision 1"),
    "an option": ("deploy apply --skip", "deploy apply --skip-gates"),
}
OF_THE_CLUSTER = ("a namespace", "an application", "a revision")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A sandbox in the background, with shop in the namespace warehouse; `deploy` is on the PATH, and starts quickly."""
    folder = tmp_path_factory.mktemp("shells")
    given = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "ROLLWAY"))}
    given |= {"ROLLWAY_SANDBOX_HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}

    def deploy(*words: str) -> None:
        done = subprocess.run([*DEPLOY, *words], env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    deploy("sandbox", "up", "--no-processes", "--ingress-port", "0")
    try:
        deploy("apply", "ramped", "-f", str(EXAMPLE), "-n", "warehouse", "--sandbox")
        with warmed(folder, given) as caller:
            yield given | {"KUBECONFIG": str(folder / "home" / "kubeconfig"), "PATH": f"{caller.parent}:{given['PATH']}"}
    finally:
        deploy("sandbox", "down")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab_completes_in_the_shell_itself(shell: str, environment: Mapping[str, str], tmp_path: Path) -> None:
    """From its next start on, the first time already: verbs, options, strategies, rules, contexts, and what the cluster knows."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    given = {**environment, "HOME": str(tmp_path)}
    installed = subprocess.run([*DEPLOY, "--install-completion", shell], env=given, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr

    with terminal(shell, tmp_path, environment) as keys:
        found = {what: keys.completed(line) for what, (line, _) in LINES.items()}
        # a cluster that does not answer at once completes nothing, and people press the key again
        late = [what for what in OF_THE_CLUSTER if found[what] != LINES[what][1]]
        found |= {what: keys.completed(LINES[what][0]) for what in late}

    assert found == {what: wanted for what, (_, wanted) in LINES.items()}
