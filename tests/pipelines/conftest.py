"""A sandbox that really runs, and pipelines before it: each in a namespace of its own, with the shop at 1.4.0."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from job import DEPLOY, ROOT, WITHIN_S, Site
from warm import CALLER

WARM = ROOT / "tests" / "support" / "warm.py"


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a job whose cluster is a sandbox of its own, with a `deploy` that starts quickly."""
    home = tmp_path_factory.mktemp("home")
    caller = home / "bin" / "deploy"
    caller.parent.mkdir()
    caller.write_text(CALLER.format(python=sys.executable, path=str(home / "socket")))
    caller.chmod(0o755)
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    environment = {
        **kept,
        "PATH": f"{caller.parent}:{DEPLOY.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "ROLLWAY_SANDBOX_HOME": str(home / "sandbox"),
    }
    server = subprocess.Popen([sys.executable, WARM, str(home / "socket")], env=environment, stdout=subprocess.PIPE)
    try:
        subprocess.run([DEPLOY, "sandbox", "up"], env=environment, check=True, capture_output=True, timeout=WITHIN_S)
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        yield {**environment, "KUBECONFIG": str(home / "sandbox" / "kubeconfig")}
        subprocess.run([DEPLOY, "sandbox", "down"], env=environment, check=True, capture_output=True, timeout=WITHIN_S)
    finally:
        server.kill()
        server.communicate()


@pytest.fixture
def site(sandbox: dict[str, str], tmp_path: Path) -> Site:
    """Two quick pods of the shop, released as 1.4.0."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "examples" / "shop", folder)
    deployment = folder / "k8s" / "deployment.yaml"
    quick = {
        "start: 1.5s, stop: 0.5s": "pull: 1ms, start: 50ms, stop: 50ms",
        "replicas: 4": "replicas: 2",
        "sleep: {seconds: 2}": "sleep: {seconds: 0}",
        # a second between two probes is a second for each pod
        "          readinessProbe:\n            httpGet: {path: /healthz, port: http}\n            periodSeconds: 1\n": "",
    }
    text = deployment.read_text()
    for slow, fast in quick.items():
        assert slow in text
        text = text.replace(slow, fast)
    deployment.write_text(text)
    made = Site(folder, f"shop-{tmp_path.name.strip('_').replace('_', '-').lower()}"[:60], sandbox)
    without = {name: value for name, value in sandbox.items() if name != "KUBECONFIG"}  # the first apply makes the namespace
    first = Site(folder, made.namespace, without).deploy("apply", "recreate")
    assert first.code == 0, first.err
    return made
