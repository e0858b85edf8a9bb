"""What goes wrong on the way: said in words, with what was lost meanwhile, and nothing of it left behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

import pytest
from lab import Lab, wait_for
from pace import stretched
from rollway.kube.objects import POD
from rollway.sandbox import daemon
from rollway.sandbox.dataplane.traffic import standing

pytestmark = pytest.mark.real_time
SERVE = "Server((os.environ"


@pytest.fixture
def shop(example: Callable[..., Lab]) -> Lab:
    quicker = {
        "sleep: {seconds: 2}": f"sleep: {{seconds: {stretched(1)}}}",
        "replicas: 4": "replicas: 1",
        "ramped:    {": f"ramped:    {{progressDeadlineSeconds: {stretched(3)}, ",
        'behaviour: "pull: 0s"': 'behaviour: "pull: 0s"\n        sandbox.rollway.dev/runtime: process',
    }
    shop = example("five-strategies", quicker)
    shop.release("apply", "ramped", "--image", ":1.0.0")
    return shop


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("app.yaml", "command: [python3,", "command: [/no/such/program,", "no such file or directory"),
        ("server.yaml", SERVE, f"time.sleep(600)\n    {SERVE}", "connection refused"),
        ("server.yaml", SERVE, f"taken = {SERVE}.get('POD_IP', ''), 8080), Answer)\n    {SERVE}", "Address already in use"),
    ],
    ids=["no-such-command", "never-listens", "port-in-use"],
)
def test_a_version_that_cannot_serve(shop: Lab, file: str, old: str, new: str, says: str) -> None:
    """It goes back with the reason, loses nothing, and of its processes none is left."""
    with (shop.folder / file).open("r+") as written:
        text = written.read()
        assert old in text
        written.seek(0)
        written.write(text.replace(old, new))
    with shop.probed(shop.url("act")) as report:
        ended = shop.deploy("apply", "ramped", "--image", ":2.0.0", "--sandbox")
        wait_for(lambda: len(shop.pods()) == 1)

    assert ended.code == 1
    assert says in ended.out + ended.err
    assert (report["figures"]["lost"], set(report["figures"]["versions"])) == (0, {"1.0.0"})
    wait_for(lambda: daemon.status(shop.home).processes == len(shop.ask(lambda client: client.list(POD, ""))))


def test_a_proxy_that_dies(shop: Lab) -> None:
    """It is brought back, the release goes on, and the verdict tells what was lost meanwhile."""
    url, before = shop.url("act"), standing(shop.home)["envoy"]
    with shop.start("apply", "ramped", "--image", ":2.0.0", "--sandbox", "--probe", url, "-o", "json") as process:
        assert process.stderr
        assert process.stdout
        while "requests a second" not in (line := process.stderr.readline()):
            assert line
        os.kill(before["pid"], signal.SIGKILL)
        process.stderr.read()
        out = process.stdout.read()
    document = json.loads(out)
    after = standing(shop.home)["envoy"]
    assert document["phase"] == "Promoted"
    assert document["probe"]["figures"]["lost"] > 0
    assert document["probe"]["summary"].startswith(f"{document['probe']['figures']['lost']} of ")
    assert set(document["probe"]["figures"]["versions"]) == {"1.0.0", "2.0.0"}
    assert after["restarts"] == before["restarts"] + 1
    assert after["pid"] not in (0, before["pid"])
