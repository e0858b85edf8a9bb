"""What of the official package is loaded: what is used."""

from __future__ import annotations

import subprocess
import sys


def _printed(source: str) -> str:
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_its_synchronous_half_is_not_loaded() -> None:
    """Which costs as much as all the rest of a start."""
    half = (
        "requests",
        "requests_oauthlib",
        "urllib3",
        "websocket",
        "kubernetes.client.api_client",
        "kubernetes.aio.dynamic.client",
    )

    assert _printed(f"import sys, rollway.cluster.wire; print([name for name in {half} if name in sys.modules])") == "[]"


def test_whoever_wants_it_has_it() -> None:
    """Another library in the same process, before or after."""
    source = "import rollway.cluster.wire, kubernetes; print(kubernetes.config.load_kube_config.__name__, {})"

    assert _printed(source.format("kubernetes.client.ApiClient.__name__")) == "load_kube_config ApiClient"
    assert _printed("import kubernetes.config, rollway.cluster.wire as w; print(w.ApiClient.__module__)").startswith(
        "kubernetes.aio"
    )
