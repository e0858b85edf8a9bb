"""`deploy probe`, and `--probe` around a release: real requests to real servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rollway.cli.context import Connected, Note, Surroundings
from rollway.cli.options import Where
from rollway.kube.objects import NAMESPACE
from rollway.sandbox.world import Sandbox
from shell import EXAMPLE, Outcome, run

DEPLOY = Path(sys.executable).with_name("deploy")
QUICK = {
    "start: 1.5s, stop: 0.5s": "pull: 1ms, start: 100ms, stop: 50ms",
    "sleep: {seconds: 2}": "sleep: {seconds: 0}",
    "replicas: 4": "replicas: 2",
}


@dataclass
class Site:
    """A web server on a thread of its own. `answer` says with which status the n-th request is answered."""

    url: str = ""
    answer: Any = lambda number: 200
    seen: list[int] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = found.answer(len(found.seen))
            found.seen.append(status)
            self.send_response(status)
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


@pytest.fixture
def nobody() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


def test_the_report_in_words(site: Site) -> None:
    """The verdict is the last line."""
    outcome = run("probe", site.url, "--rate", "50", "--duration", "1s")

    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == f"{site.url} · 50/s for 1 s · a new connection each"
    assert lines[-1] == "0 of 50 requests lost"
    for line in ("50 sent · 50 good · 0 lost · 100% good", "status    200: 50", "version   1.0.0: 50"):
        assert line in outcome.out


def test_the_report_as_a_document(site: Site) -> None:
    """One document on stdout; its timeline adds up."""
    site.answer = lambda number: 503 if number in (20, 21) else 200
    document = run("probe", site.url, "--rate", "50", "--duration", "1s", "-o", "json").document

    figures = document["figures"]
    assert (figures["sent"], figures["good"], figures["lost"]) == (50, 48, 2)
    assert figures["errors"] == {"5xx": 2}
    assert figures["statuses"] == {"200": 48, "503": 2}
    assert figures["outage"]["requests"] in (1, 2)  # two in a row, where the server took them in order
    assert sum(step["lost"].get("5xx", 0) for step in document["timeline"]["steps"]) == 2
    assert (document["isExceeded"], document["maxLost"]) == (False, None)
    assert document["summary"] == "2 of 50 requests lost (2 5xx)"


def test_too_many_lost_fail_the_command(site: Site) -> None:
    """Exit 1, with the report all the same."""
    site.answer = lambda number: 500 if number == 5 else 200

    assert run("probe", site.url, "--duration", "1s", "--max-lost", "0").code == 1
    assert run("probe", site.url, "--duration", "1s", "--max-lost", "5%").code == 0


def test_an_expected_status(site: Site) -> None:
    """Whatever is expected is good."""
    site.answer = lambda number: 201 + number % 2

    assert run("probe", site.url, "--duration", "1s", "--expect", "201,202", "--max-lost", "0").code == 0
    assert run("probe", site.url, "--duration", "1s", "--expect", "201", "--max-lost", "0").code == 1


@pytest.mark.parametrize("output", ["text", "json"])
def test_what_answers_nothing_is_told_of_at_once(nobody: str, output: str) -> None:
    """Exit 4 after a second of requests, not after the whole duration."""
    began = time.monotonic()
    outcome = run("probe", nobody, "--duration", "1h", "-o", output)

    assert outcome.code == 4
    assert time.monotonic() - began < 8
    said = outcome.document["error"]["summary"] + outcome.document["error"]["hint"] if output == "json" else outcome.err
    assert "answers nothing" in said
    assert "kubectl port-forward" in said


def test_it_waits_for_a_first_answer(site: Site, nobody: str) -> None:
    """--wait begins with the first good one; what never comes is exit 4."""
    site.answer = lambda number: 503 if number < 3 else 200
    outcome = run("probe", site.url, "--duration", "1s", "--wait", "20s", "--max-lost", "0")

    assert (outcome.code, site.seen[:4]) == (0, [503, 503, 503, 200])
    assert "has not answered well within 1 s" in run("probe", nobody, "--wait", "1s").err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["shop"], "no URL"),
        (["http://shop", "--rate", "0"], "--rate 0"),
        (["http://shop", "--duration", "soon"], "--duration"),
        (["http://shop", "--expect", "ok"], "--expect ok"),
        (["http://shop", "--max-lost", "many"], "--max-lost many"),
        (["http://shop", "-H", "X"], "no header"),
        (["http://shop", "--body", "@/nowhere"], "cannot be read"),
        (["http://shop", "--method", "GET /"], "no HTTP method"),
    ],
)
def test_bad_flags(words: list[str], says: str) -> None:
    """Exit 2, with what was written; nothing is sent."""
    outcome = run("probe", *words)

    assert outcome.code == 2
    assert says in outcome.err


def test_a_body_that_never_ends_is_not_read() -> None:
    outcome = run("probe", "http://shop", "--body", "@/dev/zero")

    assert (outcome.code, "--body @/dev/zero: this is a pipe or a device" in outcome.err) == (2, True), outcome.err


def test_a_token_is_not_shown() -> None:
    """A header whose colon was forgotten is told of by its beginning, with what the release's flag is."""
    for words in (["probe", "http://shop", "-H"], ["apply", "--probe", "http://shop", "--probe-header"]):
        outcome = run(*words, "Authorization Bearer s3cret")

        assert outcome.code == 2
        assert "no header" in outcome.err
        assert "s3cret" not in outcome.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_report(site: Site, number: signal.Signals) -> None:
    """Without a duration that is how it ends; the exit code is the verdict's."""
    with subprocess.Popen(
        [DEPLOY, "probe", site.url, "-o", "json", "--max-lost", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 20
        while len(site.seen) < 10 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, number)
        out, _ = process.communicate(timeout=20)

    figures = json.loads(out)["figures"]
    assert process.returncode == 0
    assert figures["sent"] >= 10
    assert figures["lost"] == 0


@contextlib.contextmanager
def quick_shop(tmp_path: Path) -> Iterator[Any]:
    """The shop on an embedded cluster at real pace, with pods that are quick."""
    folder = tmp_path / "shop"
    (folder / "k8s").mkdir(parents=True)
    for path in EXAMPLE.parent.rglob("*.yaml"):
        text = path.read_text()
        for old, new in QUICK.items():
            text = text.replace(old, new)
        (folder / path.relative_to(EXAMPLE.parent)).write_text(text)

    with asyncio.Runner() as runner:
        sandbox = Sandbox(seed=1)

        async def start() -> None:
            await sandbox.start()
            sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

        @contextlib.asynccontextmanager
        async def connect(where: Where, note: Note) -> AsyncIterator[Connected]:
            yield Connected(sandbox.client(), "context test", "default")

        def deploy(verb: str, *words: str) -> Outcome:
            surroundings = Surroundings(connect=connect, run=runner.run)
            return run(verb, *words, "-f", str(folder / "deploy.yaml"), surroundings=surroundings)

        runner.run(start())
        yield deploy
        runner.run(sandbox.stop())


def test_a_release_with_its_verdict(site: Site, tmp_path: Path) -> None:
    """Probed from before the first change until the old pods are gone; the figures are in the document, too."""
    with quick_shop(tmp_path) as deploy:
        first = deploy("apply", "ramped", "--image", ":1.0.0", "--probe", site.url)
        second = deploy("apply", "ramped", "--image", ":2.0.0", "--probe", site.url, "--max-lost", "0", "-o", "json")

    assert first.code == second.code == 0, first.err + second.err
    assert "promoted as revision 1 · 0 of " in first.out
    probe = second.document["probe"]
    assert (probe["isExceeded"], probe["maxLost"], probe["parts"]) == (False, "0", [])
    assert probe["figures"]["sent"] > 80, "it went on for the settling time"
    assert probe["summary"] == f"0 of {probe['figures']['good']} requests lost"


def test_a_loss_takes_the_release_back(site: Site, tmp_path: Path) -> None:
    """--max-lost 0: abandoned at the first loss, taken back, and told of with its step; the history keeps the reason."""
    with quick_shop(tmp_path) as deploy:
        deploy("apply", "ramped", "--image", ":1.0.0")
        trial = 60  # requests that are answered well: the trial's second, and a few more
        site.answer = lambda number: 503 if number == trial else 200
        failed = deploy("apply", "ramped", "--image", ":2.0.0", "--probe", site.url, "--max-lost", "0", "-o", "json")
        history = deploy("history", "-o", "json").document["revisions"]

    assert failed.code == 1
    document = failed.document
    assert document["phase"] == "RolledBack"
    assert document["failure"]["summary"].endswith("(1 5xx); none may be")
    assert [part["lost"] for part in document["probe"]["parts"]] == [{"5xx": 1}]
    assert [(each["version"], each["phase"]) for each in history] == [("1.0.0", "Promoted"), ("2.0.0", "RolledBack")]
    assert "none may be" in history[-1]["message"]


def test_nothing_is_changed_where_nothing_answers(nobody: str, site: Site, tmp_path: Path) -> None:
    """A URL that answers nothing is exit 4, one that loses requests already exit 3; neither has touched anything."""
    with quick_shop(tmp_path) as deploy:
        deploy("apply", "ramped", "--image", ":1.0.0")
        silent = deploy("apply", "ramped", "--image", ":2.0.0", "--probe", nobody)
        site.answer = lambda number: 503
        broken = deploy("apply", "ramped", "--image", ":2.0.0", "--probe", site.url)
        history = deploy("history", "-o", "json").document["revisions"]

    assert (silent.code, broken.code) == (4, 3)
    assert "nothing was changed" in silent.err
    assert "status 503" in broken.err
    assert [each["version"] for each in history] == ["1.0.0"]


def test_the_release_file_names_a_probe(site: Site, tmp_path: Path) -> None:
    """`probe:` in the file does as the flags do, which override it; a mistake in it is told of at its line."""
    with quick_shop(tmp_path) as deploy:
        file = tmp_path / "shop" / "deploy.yaml"
        written = file.read_text()
        file.write_text(f"{written}\nprobe: {{url: {site.url}, rate: 20, maxLost: 0}}\n")
        outcome = deploy("apply", "ramped", "--image", ":1.0.0", "--max-lost", "5%", "-o", "json")
        file.write_text(f"{written}\nprobe: {{url: shop, rate: 0}}\n")
        bad = deploy("apply", "ramped", "--image", ":1.0.0")

    assert outcome.document["probe"]["figures"]["rate"]["wanted"] == 20
    assert outcome.document["probe"]["maxLost"] == "5%"
    assert bad.code == 2
    assert "deploy.yaml:" in bad.err


def test_what_is_down_is_not_kept_from_its_cure(nobody: str, tmp_path: Path) -> None:
    """The release file's probe answers nothing: refused, with the way out; which is no way to set bounds."""
    with quick_shop(tmp_path) as deploy:
        file = tmp_path / "shop" / "deploy.yaml"
        deploy("apply", "ramped", "--image", ":1.0.0")
        file.write_text(f"{file.read_text()}\nprobe: {{url: {nobody}, maxLost: 0}}\n")
        refused = deploy("apply", "ramped", "--image", ":2.0.0")
        both = deploy("apply", "ramped", "--image", ":2.0.0", "--probe", "off", "--max-lost", "0")
        cured = deploy("apply", "ramped", "--image", ":2.0.0", "--probe", "off", "-o", "json")

    assert (refused.code, both.code, cured.code) == (4, 2, 0)
    assert "--probe off" in refused.err
    assert "--probe off leaves it out" in both.err
    assert (cured.document["phase"], cured.document["probe"]) == ("Promoted", None)


def test_a_saved_plan_is_probed_as_the_release_file_says(site: Site, tmp_path: Path) -> None:
    """The probe is no part of a plan, and is not lost with it; where the file is somewhere else, it is the one of then."""
    with quick_shop(tmp_path) as deploy:
        file, plan = tmp_path / "shop" / "deploy.yaml", str(tmp_path / "plan.json")
        file.write_text(f"{file.read_text()}\nprobe: {{url: {site.url}, rate: 20, maxLost: 0}}\n")
        deploy("plan", "ramped", "--image", ":1.0.0", "--no-forecast", "--out", plan)
        applied = deploy("apply", plan, "-o", "json")
        deploy("plan", "ramped", "--image", ":2.0.0", "--no-forecast", "--out", plan)
        file.unlink()
        elsewhere = deploy("apply", plan, "-o", "json")

    assert (applied.code, applied.document["probe"]["maxLost"]) == (0, "0")
    assert (elsewhere.code, elsewhere.document["probe"]["maxLost"]) == (0, "0")


def test_flags_without_a_probe(tmp_path: Path) -> None:
    """They would promise what nobody looks at."""
    with quick_shop(tmp_path) as deploy:
        outcome = deploy("apply", "ramped", "--image", ":1.0.0", "--max-lost", "0")

    assert outcome.code == 2
    assert "--max-lost is about a probe" in outcome.err


def test_the_files_bound_is_for_releases_not_for_the_way_back() -> None:
    """What a version loses that is being taken back is no failure of the way back; a bound on the command line is meant."""
    from rollway.cli.probing import ProbeFlags
    from rollway.release.load import load
    from rollway.release.probe import ProbeOptions

    release = replace(load(str(EXAMPLE)), probe=ProbeOptions(url="http://127.0.0.1:9/", max_lost=0))

    async def bound(flags: ProbeFlags, *, is_back: bool) -> object:
        watch = flags.watch(release, SimpleNamespace(), SimpleNamespace(note=print), is_back=is_back)  # type: ignore[arg-type]
        assert watch is not None
        return watch._bound

    assert asyncio.run(bound(ProbeFlags(), is_back=False)) is not None
    assert asyncio.run(bound(ProbeFlags(), is_back=True)) is None
    assert asyncio.run(bound(ProbeFlags(max_lost="3"), is_back=True)) is not None
