"""A pipeline's job: a checkout with the shop in it, before a sandbox that really runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "examples" / "pipelines"
DEPLOY = Path(sys.executable).with_name("deploy")
WITHIN_S = 60


class Ended(NamedTuple):
    code: int
    out: str
    err: str


class Site:
    """A checkout with the shop in it, whose cluster is the sandbox."""

    def __init__(self, folder: Path, namespace: str, environment: dict[str, str]) -> None:
        self.folder = folder
        self.namespace = namespace
        self.environment = environment

    def run(self, command: list[str], **environment: str) -> Ended:
        done = self.start(command, **environment)
        out, err = done.communicate(timeout=WITHIN_S)
        return Ended(done.returncode, out, err)

    def start(self, command: list[str], **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def deploy(self, *words: str) -> Ended:
        return self.run(["deploy", *words, "-n", self.namespace])

    def status(self) -> dict[str, Any]:
        return json.loads(self.deploy("status", "-o", "json").out)

    def live(self) -> tuple[str, str]:
        """The version that serves alone, and the phase of the newest revision. Nothing else may be left of any release."""
        status = self.status()
        sides = [(side["name"], side["version"], side["ready"] == side["wanted"] == 2) for side in status["sides"]]
        assert sides == [("shop", status["live"]["version"], True)], status
        assert status["lock"] == ""
        return status["live"]["version"], status["phase"]
