"""The sandbox as helm sees it: every verb of the chart that `helm create` writes, by the program itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from kubectls import VERSIONS, fetched
from rollway.sandbox import daemon

Helm = Callable[..., str]


@pytest.fixture(params=VERSIONS)
def helm(home: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Helm:
    """helm in a folder and a namespace of the test's own. Answers what it prints."""
    program = fetched(request.param, "helm")
    if program is None:
        pytest.skip(f"{request.param} was not fetched: make kubectl")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(daemon.kubeconfig_path(home))}

    def run(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [program, *words, "--namespace", request.param],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            timeout=300,
        )
        assert done.returncode == code, done
        return done.stdout + done.stderr

    return run


def test_the_default_chart_lives_a_whole_life(helm: Helm) -> None:
    """Installed, tested, upgraded, looked at, rolled back and uninstalled; its test fails once no pod is there to answer."""
    helm("create", "chart")
    helm("install", "demo", "chart", "--create-namespace", "--wait")
    assert "demo-chart:80 is answered by pod demo-chart-" in helm("test", "demo", "--logs")
    helm("upgrade", "demo", "chart", "--set", "replicaCount=2", "--wait")
    assert "deployed" in helm("list")
    assert "STATUS: deployed" in helm("status", "demo")
    helm("rollback", "demo", "1", "--wait")
    assert "Rollback to 1" in helm("history", "demo")
    helm("upgrade", "demo", "chart", "--set", "replicaCount=0", "--wait")
    assert "failed" in helm("test", "demo", code=1)
    helm("uninstall", "demo", "--wait")
    assert helm("list", "--short") == ""
