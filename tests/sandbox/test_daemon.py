"""The sandbox in the background: what it answered survives whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from realnode import guardians
from rollway.errors import BadInput
from rollway.sandbox import daemon
from rollway.sandbox.daemon import Endpoint
from rollway.sandbox.node.processes.ledger import _entries, _marked

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
FAMILY = "echo begun; setsid sleep 600 & sleep 600 & exec sleep 600"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    daemon.down(tmp_path)


def ask(endpoint: Endpoint, path: str, body: Any = None, *, token: str = "", method: str | None = None) -> Any:
    trusted = ssl.create_default_context(cafile=str(endpoint.authority))
    headers = {"Authorization": f"Bearer {token or endpoint.token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with urlopen(Request(endpoint.url + path, data=data, headers=headers, method=method), context=trusted) as answer:
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


def test_a_daemon_with_a_lifeline_ends_with_who_holds_it(home: Path) -> None:
    """However they went: the system closes the other end of the pipe."""
    theirs, ours = os.pipe()
    daemon.up(home, lifeline=theirs)
    os.close(theirs)
    assert daemon.status(home).is_running

    os.close(ours)

    assert daemon._wait_released(home)


KILLED = """
import os, signal, sys
from pathlib import Path
from rollway.sandbox import daemon
held = os.open(sys.argv[2], os.O_RDWR)
daemon.up(Path(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_named_lifeline_ends_it_with_who_is_killed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a job that is cut off: whoever could have said `down` is gone."""
    pipe = tmp_path / "lifeline"
    os.mkfifo(pipe)
    monkeypatch.setenv("ROLLWAY_SANDBOX_LIFELINE", str(pipe))

    done = subprocess.run([sys.executable, "-c", KILLED, home, pipe], check=False)

    assert done.returncode == -signal.SIGKILL
    assert (home / "port").exists()  # it was up
    assert daemon._wait_released(home)


def test_a_lifeline_that_is_no_pipe_is_told(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would ever be heard of it."""
    (tmp_path / "file").touch()
    for name in ("file", "nothing"):
        monkeypatch.setenv("ROLLWAY_SANDBOX_LIFELINE", str(tmp_path / name))
        with pytest.raises(BadInput, match=f"names no pipe: .*{name}"):
            daemon.up(home)
    assert not daemon.status(home).is_running


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


def running(endpoint: Endpoint, restarts: int = 0) -> Any:
    """The pod `web`, once it runs after so many restarts."""
    pause = threading.Event()
    for _ in range(1000):
        found = ask(endpoint, f"{PODS}/web")
        status = found["status"].get("containerStatuses", [{}])[0]
        if "running" in status.get("state", {}) and status["restartCount"] == restarts:
            return found
        pause.wait(0.02)
    raise AssertionError(f"it never ran: {found}")


def family(home: Path) -> set[int]:
    """The processes of the sandbox's pods, wherever they are."""
    marks = {entry.mark for folder in (home / "processes").glob("*") for entry in _entries(folder) if "/app/" in entry.mark}
    return {pid for pid, mark in _marked() if mark in marks}


def process_pod() -> Any:
    container = {"name": "app", "image": "shop:1.0.0", "command": ["sh", "-c", FAMILY]}
    annotations = {"sandbox.rollway.dev/behaviour": "pull: 0s"}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    return {"metadata": {"name": "web", "annotations": annotations}, "spec": spec}


def alive(pids: set[int]) -> set[int]:
    return {pid for pid, _ in _marked()} & pids


def test_processes_do_not_outlive_a_killed_daemon(home: Path) -> None:
    """kill -9 of the daemon and of who guards its processes: once it is back the old ones are gone, and the pod was restarted."""
    endpoint = daemon.up(home)
    ask(endpoint, PODS, process_pod())
    address = running(endpoint)["status"]["podIP"]
    wait_for(lambda: len(family(home)) == 3)
    old = family(home)
    assert daemon.status(home).processes == 1
    for pid in (*guardians(home), daemon.status(home).pid):
        os.kill(pid, signal.SIGKILL)
    assert daemon._wait_released(home)
    assert alive(old) == old

    endpoint = daemon.up(home)
    assert not alive(old)
    again = running(endpoint, restarts=1)
    over = again["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (over["exitCode"], over["reason"]) == (255, "Unknown")
    assert again["status"]["podIP"] == address
    wait_for(lambda: len(family(home)) == 3)
    new = family(home)
    assert daemon.down(home)
    assert not alive(new)


def test_down_and_reset_leave_no_process(home: Path) -> None:
    """Nor does `down` after the daemon was killed; and the logs of pods that were forgotten go."""
    endpoint = daemon.up(home)
    ask(endpoint, PODS, process_pod())
    running(endpoint)
    wait_for(lambda: len(family(home)) == 3)
    old = family(home)
    assert daemon.reset(home)
    assert not alive(old)
    assert not list(home.glob("logs/*"))
    ask(endpoint, PODS, process_pod())
    running(endpoint)
    old = family(home)
    os.kill(daemon.status(home).pid, signal.SIGKILL)
    assert daemon._wait_released(home)

    assert not daemon.down(home)
    assert not alive(old)


def test_a_sandbox_may_be_told_to_run_nothing(home: Path) -> None:
    """`--no-processes` is kept until it is taken back, said of the pods, and taken up by a sandbox that runs."""
    daemon.up(home, processes=False)
    assert daemon.status(home).processes is None
    daemon.down(home)
    endpoint = daemon.up(home)
    ask(endpoint, PODS, process_pod())
    assert running(endpoint)["status"]["podIP"].startswith("10.244.")
    events = ask(endpoint, "/api/v1/namespaces/default/events")["items"]
    told = {event["reason"]: event["message"] for event in events}
    assert told["Modelled"] == "the pod is modelled, not run: this sandbox was told --no-processes"
    assert daemon.status(home).processes is None
    assert daemon.up(home, processes=True) == endpoint
    assert daemon.status(home).processes == 0

    ask(endpoint, f"{PODS}/web?gracePeriodSeconds=0", method="DELETE")
    ask(endpoint, PODS, process_pod())
    assert running(endpoint)["status"]["podIP"].startswith("127.")


def test_the_log_of_a_process_is_followed(home: Path) -> None:
    """Lines come as they are printed, until the process has ended; tail, since and timestamps choose and show."""
    endpoint = daemon.up(home)
    made = process_pod()
    script = "echo one; echo two; while ! test -e go; do sleep 0.05; done; echo three"
    made["spec"] |= {"restartPolicy": "Never"}
    made["spec"]["containers"][0] |= {"command": ["sh", "-c", script], "workingDir": str(home)}
    ask(endpoint, PODS, made)
    running(endpoint)
    with read(endpoint, f"{PODS}/web/log?follow=true&tailLines=1") as following:
        assert following.readline() == b"two\n"
        (home / "go").touch()
        assert following.read() == b"three\n"
    with read(endpoint, f"{PODS}/web/log?timestamps=true&sinceSeconds=60&limitBytes=32") as log:
        stamp, _, text = log.read().partition(b" ")
    assert (stamp[-1:], text) == (b"Z", b"one\n")
    with read(endpoint, f"{PODS}/web/log?sinceTime=2999-01-01T00:00:00Z") as log:
        assert log.read() == b""


def read(endpoint: Endpoint, path: str) -> Any:
    trusted = ssl.create_default_context(cafile=str(endpoint.authority))
    return urlopen(Request(endpoint.url + path, headers={"Authorization": f"Bearer {endpoint.token}"}), context=trusted)


def wait_for(holds: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError("it never came so far")


def test_a_folder_that_was_open_to_others_is_closed(home: Path) -> None:
    """Whoever made it: at each start it, and all in it, are the user's alone; so is what is written later."""
    (home / "logs").mkdir(mode=0o755)
    (home / "logs" / "old").touch(mode=0o644)
    (home / "token").write_text("x" * 43)
    home.chmod(0o755)
    for path in (home / "token", home / "logs", home / "logs" / "old"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    ask(daemon.up(home), CONFIG_MAPS, {"metadata": {"name": "c"}})

    found = [home, *home.rglob("*")]
    assert [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_link_in_place_of_a_file_is_not_followed(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Somebody who could write into the folder before might have laid it: nothing is written through it."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "log"
    elsewhere.write_text("kept")
    (home / "daemon.log").symlink_to(elsewhere)

    with pytest.raises(BadInput, match="symbolic link"):
        daemon.up(home)
    assert elsewhere.read_text() == "kept"


def test_only_the_user_gets_in(home: Path) -> None:
    """The kubeconfig, the token and the key are the user's alone, and another token is refused."""
    endpoint = daemon.up(home)
    with pytest.raises(HTTPError) as caught:
        ask(endpoint, CONFIG_MAPS, token="wrong")
    caught.value.close()

    assert caught.value.code == 401
    for name in ("kubeconfig", "token", "server.key", "daemon.log"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600, name
