"""What the tests of real clients share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rollway.sandbox import daemon


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state of a sandbox in the background, which stands as long as the module's tests run."""
    path = tmp_path_factory.mktemp("sandbox")
    daemon.up(path)
    yield path
    daemon.down(path)
