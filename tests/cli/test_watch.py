"""`deploy watch`: looking on, on a terminal of any width, in a log, and as data."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rollway.cli.views.json import JsonView
from rollway.cli.views.paint import Paint
from rollway.cli.views.sink import styled
from rollway.cli.views.watch_live import WatchScreen
from rollway.cli.views.watch_text import changes, facts, watch_document, watch_lines
from rollway.cli.views.watching import Log
from rollway.cluster.lock import Held
from rollway.gates.figures import Phase
from rollway.plan.evidence import Evidence, Point
from rollway.plan.revision import Entry, Revision
from rollway.ship.sides import Side
from rollway.ship.sight import Sight
from rollway.ship.status import Status
from rollway.ship.tree import Branch, Leaf, Stem
from shell import Shell, shell

HOSTILE = "boom \x1b]0;title\x07 \x1b[2J \x9b31m \r \x08 \u202egnp.exe \u200b \u2028 \n::error::by a pod \x00"
SEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\u2028]")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GATE = Evidence(
    gate="errors", digest="d", began_s=0, until_s=0, number=3, measured=3, phase=Phase.RUNNING, wanted="at most 0.01",
    why="0.2% of 1,000 requests", points=(Point(0.0, 0.002, "0.2%"),),
)  # fmt: skip


def revision(number: int, version: str, phase: Any, weight: int = 100) -> Revision:
    entry = Entry(at="2026-01-02T03:00:00Z", by="alice@laptop", phase=phase, weight=weight)
    return Revision(
        number=number, app="shop", namespace="shop", strategy="canary", phase=phase, weight=weight, version=version,
        image=f"shop:{version}", digest=version, replicas=4, base=0, entries=(entry,), release={},
    )  # fmt: skip


def leaf(name: str, *, is_ready: bool = True, trouble: str = "", restarts: int = 0, status: str = "Running") -> Leaf:
    return Leaf(name, status, int(is_ready), 1, restarts, "2026-01-02T03:03:00Z", is_ready, trouble)


def side(name: str, ready: int, wanted: int, message: str = "") -> Side:
    return Side(name, "stable", "", "", ready, wanted, "requests", message)


def sight(*, pods: int = 2, trouble: str = "", lost: str = "", phase: Any = "Progressing") -> Sight:
    last, live = revision(2, "1.1.0", phase, 50), revision(1, "1.0.0", "Promoted")
    new, old = side("shop-canary", 1, 2, "1 of 2 pods available"), side("shop", pods, pods)
    news = [
        leaf("shop-canary-5d8f7c9b4f-abcde"),
        leaf("shop-canary-5d8f7c9b4f-fghij", is_ready=False, trouble=trouble, restarts=3),
    ]
    olds = [leaf(f"shop-689896bcb9-{number:05}") for number in range(pods)]
    status = Status(
        "shop", "shop", live, last, (old, new), Held("bob@ci-7/4711", "2026-01-02T03:04:00Z", False), given=33.3, gates=(GATE,)
    )  # fmt: skip
    stems = (
        Stem(last, False, (Branch.of(new, news, is_newest=True),)),
        Stem(live, True, (Branch.of(old, olds, is_newest=True),)),
    )
    return Sight(status, stems, "shop-canary: 1 of 2 pods available", AT, lost)


@pytest.fixture
def deploy() -> Iterator[Shell]:
    """Version 1.0.0 of the shop is live, half of the requests go to 2.0.0."""
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        deploy("apply", "canary", "--image", ":2.0.0", "--to", "50")
        deploy.file = None
        yield deploy


def test_once_it_is_a_picture(deploy: Shell) -> None:
    """Revisions, Deployments, pods; what stands, since when and by whom, what is waited for. Nothing is changed."""
    moment = deploy.moment
    outcome = deploy("watch", "shop", "-n", "shop", "--once")
    head, tree = outcome.out.split("\n\n")

    assert (outcome.code, deploy.changed_since(moment)) == (0, set())
    assert "∥ 1.0.0 → 2.0.0 by canary: paused at 50%" in head
    assert "waits for `deploy promote`" in head
    assert "since 2026-01-01 " in head
    lines = [line.split() for line in tree.splitlines()]
    assert lines[0] == ["NAME", "STATUS", "READY", "AGE"]
    assert [line[:3] for line in lines if line[1] == "revision"] == [["∥", "revision", "2"], ["✓", "revision", "1"]]
    assert [line[1:3] for line in lines if line[1] == "Deployment"] == [["Deployment", "shop-canary"], ["Deployment", "shop"]]
    assert sum("Running" in line for line in lines) == 4


def test_as_data(deploy: Shell) -> None:
    """One document, with what `deploy status` has."""
    document = deploy("watch", "shop", "-n", "shop", "-o", "json").document
    status = deploy("status", "shop", "-n", "shop", "-o", "json").document

    assert {key: document[key] for key in status} == {**status, "action": "watch"}
    assert (document["waitsFor"], document["run"]) == ("`deploy promote`", None)
    new, old = document["tree"]
    assert (new["isLive"], old["isLive"], new["revision"]["version"]) == (False, True, "2.0.0")
    assert [(each["name"], each["ready"], each["wanted"]) for each in new["deployments"]] == [("shop-canary", 2, 2)]
    assert [pod["status"] for pod in new["deployments"][0]["pods"]] == ["Running", "Running"]


def test_of_one_application(deploy: Shell, tmp_path: Any) -> None:
    assert deploy("watch", "-f", str(tmp_path)).code == 2
    assert "did you mean shop?" in deploy("watch", "shpo", "-n", "shop", "--once").err


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "trouble", ["", "crash loop, exit 1, 3 restarts: KeyError: 'PAYMENT_URL' is what it said last, at length"]
)
def test_it_fits_the_terminal(width: int, trouble: str) -> None:
    """No line is wider; of names the ends stay, which tell pods apart."""
    lines = watch_lines(sight(trouble=trouble), AT, Paint(False), width)

    assert max(map(len, lines)) <= width
    assert any("-abcde" in line for line in lines)
    assert any("-fghij" in line for line in lines)
    assert any("gate errors" in line for line in lines)
    assert bool(trouble) == any("crash loop, exit 1" in line for line in lines)


@pytest.mark.parametrize("height", [8, 14, 20, 40])
def test_it_fits_the_terminals_height(height: int) -> None:
    """Of a hundred pods as many are shown as there is room for, and how many more there are."""
    lines = watch_lines(sight(pods=100), AT, Paint(False), 100, height)
    named = [line for line in lines if "shop-689896bcb9-" in line]

    assert len(lines) <= height
    if height >= 20:
        assert len(lines) >= height - 2
        assert any(f"and {100 - len(named)} pods more" in line for line in lines)


def test_where_nothing_newer_can_be_seen_it_says_so() -> None:
    lines = watch_lines(sight(lost="no route to host"), AT + timedelta(seconds=90), Paint(False), 60)

    assert "  ! as it was 90s ago: no route to host" in lines


def test_a_log_tells_what_has_changed() -> None:
    """Each thing once; the passing of time is no news."""
    before, later = facts(sight(), AT), facts(sight(), AT + timedelta(minutes=5))
    after = facts(sight(trouble="crash loop", phase="Paused", pods=1), AT)

    assert list(changes(before, later)) == []
    told = list(changes(before, after))
    assert "1.0.0 → 1.1.0 by canary: paused at 50%; 33.3% of requests reach it" in told
    assert "pod shop-canary-5d8f7c9b4f-fghij: Running, 0/1 ready, 3 restarts: crash loop" in told
    assert "pod shop-689896bcb9-00001 is gone" in told


def test_a_log_begins_with_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Then a line for each change, with the time."""
    from rollway.cli.views.human import HumanView

    async def story() -> None:
        log = Log(HumanView())
        log.show(sight())
        log.show(sight())
        log.show(sight(phase="Failed"))
        log.close()

    asyncio.run(story())
    out = capsys.readouterr().out.splitlines()
    picture = watch_lines(sight(), AT, Paint(False))

    assert out[: len(picture)] == picture
    assert [line[10:] for line in out[len(picture) :]] == [
        "1.0.0 → 1.1.0 by canary: failed at 50%; 33.3% of requests reach it", "revision 2 · 1.1.0: failed at 50%",
    ]  # fmt: skip
    assert "\x1b" not in "".join(out)


def test_the_screen_is_left_as_it_was() -> None:
    """On a screen of its own, which is gone at the end, as the cursor is back; also while it is suspended."""
    stream = io.StringIO()
    was = signal.getsignal(signal.SIGTSTP)

    async def story() -> None:
        screen = WatchScreen(stream)
        screen.show(sight())
        await asyncio.sleep(0)
        screen.close()

    asyncio.run(story())
    written = stream.getvalue()

    assert written.count("\x1b[?1049h") == written.count("\x1b[?1049l") == 1
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
    assert written.index("\x1b[?1049h") < written.index("shop-canary") < written.index("\x1b[?1049l")
    assert signal.getsignal(signal.SIGTSTP) == was


@pytest.mark.parametrize(
    "shown", [lambda seen: watch_lines(seen, AT, Paint(False), 80), lambda seen: [*facts(seen, AT).values()]]
)
def test_text_of_the_cluster_is_escaped(shown: Callable[[Sight], list[str]]) -> None:
    seen = sight(trouble=HOSTILE, lost=HOSTILE)
    seen = replace(seen, waits_for=HOSTILE, status=replace(seen.status, held=Held(HOSTILE, "2026-01-02T03:04:00Z", False)))

    for line in shown(seen):
        assert not SEEN.search(styled(line))


def test_hostile_text_leaves_a_document_whole(capsys: pytest.CaptureFixture[str]) -> None:
    JsonView().sight(sight(trouble=HOSTILE))
    out = capsys.readouterr().out

    assert json.loads(out) == json.loads(json.dumps(watch_document(sight(trouble=HOSTILE))))
    assert not SEEN.search(out.replace("\n", ""))
