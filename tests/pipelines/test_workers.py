"""A load from inside the cluster with real processes: pods send real requests, and are heard through a real API."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from job import DEPLOY, Site

from tests.support.pages import DOCS, blocks

pytestmark = pytest.mark.real_time
IMAGE = {"ROLLWAY_IMAGE": "ghcr.io/acme/rollway:1"}


@dataclass
class Web:
    """A server on a thread of its own that loses every so many requests; 0: none."""

    url: str = ""
    every: int = 0
    count: int = 0
    token: str = ""


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.count += 1
            found.token = self.headers.get("Authorization", "")
            self.send_response(503 if found.every and found.count % found.every == 0 else 200)
            self.send_header("X-Version", "1.0.0")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 200

    server = Server(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def probe(site: Site, web: Web, *words: str) -> list[str]:
    return ["deploy", "probe", web.url, "-n", site.namespace, "--in-cluster", "--rate", "40", *words]


def processes(site: Site) -> list[int]:
    """Of workers, by the program and the verb: those of this namespace, as other tests run beside."""
    ours = f"POD_NAMESPACE={site.namespace}".encode()
    found = [each for each in Path("/proc").glob("[0-9]*") if _words(each, "cmdline")[-2:-1] == [b"worker"]]
    return sorted(int(each.name) for each in found if ours in _words(each, "environ"))


def like(line: str) -> str:
    """Without what differs from run to run: numbers and names."""
    return re.sub(r"[\d,]+", "0", re.sub(r"(namespace|Job) [\w-]+", r"\1", line)).strip()


def assert_gone(site: Site) -> None:
    """The Job is deleted before the command ends; what its pods run is ended by their node soon after."""
    end = time.monotonic() + 30
    while left := processes(site):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def _words(process: Path, name: str) -> list[bytes]:
    try:
        return (process / name).read_bytes().split(b"\0")
    except OSError:
        return []


@pytest.mark.parametrize("count", ["1", "4"])
def test_four_give_the_verdict_of_one(site: Site, web: Web, count: str) -> None:
    """A tenth is lost, whoever sends; a header is sent and stands in no Job."""
    web.every = 10
    done = site.run(
        probe(
            site, web, "--workers", count, "--duration", "5s", "--max-lost", "12%", "-H", "Authorization: s3cret", "-o", "json"
        ),
        **IMAGE,
    )

    assert done.code == 0, done.err
    document = json.loads(done.out)
    figures = document["figures"]
    assert (figures["sent"] + figures["unsent"], figures["unanswered"]) == (200, 0)
    assert abs(figures["lost"] - figures["sent"] / 10) <= 1  # every tenth of all, of which some came before
    assert figures["versions"] == {"1.0.0": figures["good"]}
    assert figures["workers"] == {"count": int(count), "missing": []}
    assert (document["isExceeded"], web.token) == (False, "s3cret")
    assert_gone(site)


def test_one_that_is_killed_is_told_and_is_no_loss(site: Site, web: Web) -> None:
    """In the middle, by SIGKILL; the others go on, and a bound of none holds."""
    running = site.start(probe(site, web, "--workers", "3", "--duration", "6s", "--max-lost", "0", "-o", "json"), **IMAGE)
    assert running.stderr
    assert any("3 workers in namespace" in line for line in running.stderr)
    time.sleep(2)
    os.kill(processes(site)[0], signal.SIGKILL)
    out, err = running.communicate(timeout=60)

    assert running.returncode == 0, err
    figures = json.loads(out)["figures"]
    (missing,) = figures["workers"]["missing"]
    assert "is missing: it crashed, exit 137; the others go on" in err
    assert missing["reason"] == "it crashed, exit 137"
    assert (figures["lost"], figures["unsent"]) == (0, 0)
    assert figures["sent"] + missing["requests"] == 240


def test_where_nobody_is_left_it_could_not_be_found_out(site: Site, web: Web) -> None:
    """Exit code 4, with the report of until then; it does not wait for its hour."""
    running = site.start(probe(site, web, "--workers", "2", "--duration", "1h", "--max-lost", "0"), **IMAGE)
    assert running.stderr
    assert any("2 workers in namespace" in line for line in running.stderr)
    time.sleep(1)
    for pid in processes(site):
        os.kill(pid, signal.SIGKILL)
    out, err = running.communicate(timeout=60)

    assert running.returncode == 4, err
    assert "nobody sends any more" in err
    assert "worker 1 of 2 is missing from 0:0" in out
    assert out.splitlines()[-1].startswith("0 of ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_ended_with_its_report(site: Site, web: Web, number: signal.Signals) -> None:
    """What there is by then is shown, and the Job goes with its pods. It reads as docs/in-cluster.md has it."""
    running = site.start([str(DEPLOY), *probe(site, web, "--workers", "2")[1:]], **IMAGE)
    assert running.stderr
    began = next(line for line in running.stderr if "2 workers in namespace" in line)
    time.sleep(1)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)

    assert running.returncode == 0, err
    assert "· 2 workers" in out.splitlines()[0]
    [_, *shown] = blocks(DOCS / "in-cluster.md", "text")[0].text.splitlines()
    assert [like(began), "…", like(out.splitlines()[-1])] == [like(line) for line in shown]
    assert_gone(site)


def test_a_release_is_probed_from_inside(site: Site, web: Web) -> None:
    """By a run here, and by one that is a Job itself, which starts them with its own account; said again it is done."""
    file = site.folder / "deploy.yaml"
    file.write_text(f"{file.read_text()}\nprobe: {{url: '{web.url}', rate: 20, workers: 2, maxLost: 0}}\n")
    here = site.run(["deploy", "apply", "recreate", "-n", site.namespace, "--image", ":1.4.1", "-o", "json"], **IMAGE)
    words = ["deploy", "apply", "recreate", "--auto", "--in-cluster", "-n", site.namespace, "--image", ":1.4.2", "-o", "json"]
    inside = site.run(words, **IMAGE)
    again = site.run(words, **IMAGE)

    for done in (here, inside):
        assert done.code == 0, done.err
        figures = json.loads(done.out)["probe"]["figures"]
        assert (figures["lost"], figures["workers"]) == (0, {"count": 2, "missing": []})
        assert figures["good"] > 40
    assert again.code == 0, again.err
    assert site.live() == ("1.4.2", "Promoted")
    assert_gone(site)


def test_without_an_image_nothing_begins(site: Site, web: Web) -> None:
    """Told with how it is named, and before anything is touched."""
    file = site.folder / "deploy.yaml"
    file.write_text(f"{file.read_text()}\nprobe: {{url: '{web.url}', workers: 2}}\n")
    refused = site.run(["deploy", "apply", "recreate", "-n", site.namespace, "--image", ":1.4.1"])
    alone = site.run(probe(site, web, "--workers", "2"))

    assert (refused.code, alone.code) == (2, 2)
    assert "is an image of yours, and none is named" in refused.err
    assert "runner:" in refused.err
    assert "--image" in alone.err
    assert web.count == 0
    back = site.run(["deploy", "rollback", "-n", site.namespace])
    assert "none is named; it goes on without" in back.err or "nothing" in (back.err + back.out)
