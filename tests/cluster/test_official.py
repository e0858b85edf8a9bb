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


def test_the_system_s_authorities_are_read_by_whoever_asks_for_them() -> None:
    """And by nobody else: aiohttp makes two contexts that a cluster with an authority of its own never uses."""
    source = """
import rollway.cluster.wire, ssl
from aiohttp import connector
made = [each for each in vars(connector).values() if isinstance(each, ssl.SSLContext)]
before = [each.cert_store_stats()["x509"] for each in made]
for each in made:
    each.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="example.com" if each.check_hostname else None)
system = ssl.create_default_context()
after = [(type(each), each.cert_store_stats()) for each in made]
print(len(made), sum(before), after == [(type(system), system.cert_store_stats())] * len(made))
"""

    assert _printed(source) == "2 0 True"
