"""The live scenarios themselves, on the embedded cluster: what is seldom run must not rot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from rollway.sandbox import daemon

ROOT = Path(__file__).parents[2]
ANNOTATIONS = {
    "sandbox.rollway.dev/behaviour": "{pull: 1ms, start: 300ms, stop: 50ms}",
    "sandbox.rollway.dev/versions": "bad: {fails: bad-image}",
}


def pytest_live(*words: str, **environment: str) -> str:
    """What `pytest -m live` prints at its end; it has to succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLWAY_LIVE", "PYTEST", "KUBECONFIG"))}
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-m", "live", "tests/live", *words]
    done = subprocess.run(command, cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_without_images_they_are_skipped_with_a_reason(tmp_path: Path) -> None:
    """What is not set is named."""
    said = pytest_live(KUBECONFIG=str(tmp_path / "config"), ROLLWAY_LIVE_IMAGE_V1="shop:1")

    assert "15 skipped" in said
    assert "not set: ROLLWAY_LIVE_IMAGE_V2, ROLLWAY_LIVE_IMAGE_BAD" in said


def test_they_run_on_the_sandbox_and_leave_nothing(tmp_path: Path) -> None:
    """One scenario of one strategy; images and annotations come from the environment."""
    home = tmp_path / "sandbox"
    images = {"ROLLWAY_LIVE_IMAGE_V1": "shop:1", "ROLLWAY_LIVE_IMAGE_V2": "shop:2", "ROLLWAY_LIVE_IMAGE_BAD": "shop:bad"}
    patch = json.dumps({"metadata": {"annotations": ANNOTATIONS}})
    daemon.up(home)
    try:
        said = pytest_live(
            "-k", "killed and canary", KUBECONFIG=str(daemon.kubeconfig_path(home)), ROLLWAY_LIVE_POD_PATCH=patch, **images
        )
    finally:
        daemon.down(home)

    assert "1 passed" in said
