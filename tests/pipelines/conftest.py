"""A sandbox that really runs, and pipelines before it: each in a namespace of its own, with the shop at 1.4.0."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from job import DEPLOY, ROOT, WITHIN_S, Site
from warmed import warmed

QUICK = {
    "start: 1.5s, stop: 0.5s": "pull: 1ms, start: 50ms, stop: 50ms",
    "replicas: 4": "replicas: 2",
    "sleep: {seconds: 2}": "sleep: {seconds: 0}",
    # a second between two probes is a second for each pod
    "          readinessProbe:\n            httpGet: {path: /healthz, port: http}\n            periodSeconds: 1\n": "",
}


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a job whose cluster is a sandbox of its own, with a `deploy` that starts quickly."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR", "ROLLWAY_SANDBOX_LIFELINE") if name in os.environ}
    plain = {**kept, "HOME": str(home), "ROLLWAY_SANDBOX_HOME": str(home / "sandbox")}
    path = f"{DEPLOY.parent}:{os.environ['PATH']}"
    with warmed(home, {**plain, "PATH": path}) as caller:
        environment = {**plain, "PATH": f"{caller.parent}:{path}"}
        subprocess.run([DEPLOY, "sandbox", "up"], env=environment, check=True, capture_output=True, timeout=WITHIN_S)
        yield {**environment, "KUBECONFIG": str(home / "sandbox" / "kubeconfig")}
        subprocess.run([DEPLOY, "sandbox", "down"], env=environment, check=True, capture_output=True, timeout=WITHIN_S)


class Yard:
    """Sites in namespaces of their own, each with two quick pods of the shop at 1.4.0. While one is in use, the next is made."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._count = 0
        self._coming = self._begin()

    def site(self) -> Site:
        (ready, first), self._coming = self._coming, self._begin()
        _, err = first.communicate(timeout=WITHIN_S)
        assert first.returncode == 0, err
        return ready

    def close(self) -> None:
        self._coming[1].communicate(timeout=WITHIN_S)

    def _begin(self) -> tuple[Site, subprocess.Popen[str]]:
        self._count += 1
        site = Site(self._folder / str(self._count) / "checkout", f"shop-{self._count}", self._environment)
        shutil.copytree(ROOT / "examples" / "shop", site.folder)
        deployment = site.folder / "k8s" / "deployment.yaml"
        text = deployment.read_text()
        for slow, fast in QUICK.items():
            assert slow in text
            text = text.replace(slow, fast)
        deployment.write_text(text)
        # chosen by name, the sandbox is given the namespace by the first apply
        return site, site.start(["deploy", "apply", "recreate", "--sandbox", "-n", site.namespace])


@pytest.fixture(scope="session")
def yard(sandbox: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    yard = Yard(tmp_path_factory.mktemp("sites"), sandbox)
    yield yard
    yard.close()


@pytest.fixture
def site(yard: Yard) -> Site:
    return yard.site()
