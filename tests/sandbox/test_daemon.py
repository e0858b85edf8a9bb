"""The sandbox in the background: what it answered survives whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from rollway.sandbox import daemon
from rollway.sandbox.daemon import Endpoint

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    daemon.down(tmp_path)


def ask(endpoint: Endpoint, path: str, body: Any = None, *, token: str = "") -> Any:
    trusted = ssl.create_default_context(cafile=str(endpoint.authority))
    headers = {"Authorization": f"Bearer {token or endpoint.token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with urlopen(Request(endpoint.url + path, data=data, headers=headers), context=trusted) as answer:
        return json.load(answer)


def test_a_killed_daemon_loses_nothing_that_it_answered(home: Path) -> None:
    """kill -9 right after the answer: the objects are there again, with their versions, at the same address."""
    endpoint = daemon.up(home)
    made = [ask(endpoint, CONFIG_MAPS, {"metadata": {"name": f"c{n}"}, "data": {"n": str(n)}}) for n in range(20)]
    os.kill(daemon.status(home).pid, signal.SIGKILL)
    assert daemon._wait_released(home)

    assert not daemon.status(home).is_running
    again = daemon.up(home)
    assert again == endpoint
    assert [ask(again, f"{CONFIG_MAPS}/{obj['metadata']['name']}") for obj in made] == made


def test_up_is_idempotent_and_down_keeps_the_state(home: Path) -> None:
    """A second `up` finds the first one's daemon; `down` and `up` keep the objects, `reset` forgets them."""
    endpoint = daemon.up(home)
    pid = daemon.status(home).pid
    ask(endpoint, CONFIG_MAPS, {"metadata": {"name": "a"}})

    assert daemon.up(home) == endpoint
    assert daemon.status(home).pid == pid
    assert daemon.down(home)
    assert not daemon.down(home)
    assert ask(daemon.up(home), f"{CONFIG_MAPS}/a")["metadata"]["name"] == "a"
    assert daemon.reset(home) == endpoint
    with pytest.raises(HTTPError) as caught:
        ask(endpoint, f"{CONFIG_MAPS}/a")
    caught.value.close()
    assert caught.value.code == 404


def test_only_the_user_gets_in(home: Path) -> None:
    """The kubeconfig, the token and the key are the user's alone, and another token is refused."""
    endpoint = daemon.up(home)
    with pytest.raises(HTTPError) as caught:
        ask(endpoint, CONFIG_MAPS, token="wrong")
    caught.value.close()

    assert caught.value.code == 401
    for name in ("kubeconfig", "token", "server.key", "daemon.log"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600, name
