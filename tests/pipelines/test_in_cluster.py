"""--in-cluster from end to end: a real process is the runner, with its service account before a real API."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from job import Site

IMAGE = {"ROLLWAY_IMAGE": "ghcr.io/acme/rollway:1"}
STEPS = "strategies.canary.steps=[{weight: 50, pause: 2s}]"


def words(site: Site, *more: str) -> list[str]:
    return [
        "deploy",
        "apply",
        "canary",
        "--auto",
        "--in-cluster",
        "-n",
        site.namespace,
        "--image",
        ":1.4.1",
        "--set",
        STEPS,
        *more,
    ]


def test_it_is_followed_as_if_it_ran_here(site: Site) -> None:
    """Events on stderr, the result on stdout, the exit code; who acted is the Job, and who has started it."""
    done = site.run(words(site), **IMAGE)

    assert done.code == 0, done.err
    assert "Job shop-apply in namespace" in done.err
    assert "∥ 50% for 2 s" in done.err
    assert "promoted as revision" in done.out
    assert site.live() == ("1.4.1", "Promoted")
    history = json.loads(site.deploy("history", "-o", "json").out)
    assert history["revisions"][-1]["by"].startswith("job shop-apply (started by ")


def test_a_failure_is_one_here_too(site: Site) -> None:
    """What is wrong with its pods is told, and the old version serves."""
    done = site.run([*words(site), "--image", ":3.0.0", "--set", "strategies.canary.progressDeadlineSeconds=3"], **IMAGE)

    assert done.code == 1, done.err
    assert site.live() == ("1.4.0", "RolledBack")


def test_detached_and_taken_up_again(site: Site) -> None:
    """A pipeline's step ends at once; the same command looks on, may be cut off, and says how to go on."""
    begun = site.run(words(site, "--detach"), **IMAGE)
    assert begun.code == 0, begun.err
    assert "`deploy watch shop" in begun.err

    following = site.start(words(site), **IMAGE)
    assert following.stderr
    assert any("runs it already, started by" in line for line in following.stderr)
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=30)
    if following.returncode == 130:  # else it had ended before
        assert "detached: Job shop-apply goes on with it" in err

    ended = site.run(words(site, "-o", "json"), **IMAGE)
    assert ended.code == 0, ended.err
    assert site.live() == ("1.4.1", "Promoted")


def test_it_is_small_while_it_waits(site: Site) -> None:
    """64 MiB at most, in its pause."""
    long = [*words(site, "--detach"), "--set", "strategies.canary.steps=[{weight: 50, pause: 1h}]"]
    assert site.run(long, **IMAGE).code == 0
    end = time.monotonic() + 60
    while json.loads(site.deploy("status", "-o", "json").out)["phase"] != "Paused":
        assert time.monotonic() < end
    (pid,) = [each for each in Path("/proc").glob("[0-9]*") if f"{site.namespace}/shop-apply".encode() in _command(each)]
    (resident,) = [line.split()[1] for line in (pid / "status").read_text().splitlines() if line.startswith("VmRSS")]
    assert int(resident) <= 64 * 1024
    back = site.run(["deploy", "rollback", "-n", site.namespace])
    assert back.code == 0, back.err
    assert site.live() == ("1.4.0", "RolledBack")


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_ticks_need_pauses(site: Site) -> None:
    """A rollback has none."""
    done = site.run(["deploy", "rollback", "--in-cluster=tick", "-n", site.namespace], **IMAGE)

    assert done.code == 2
    assert "--in-cluster=tick is for what goes on through pauses" in done.err


def test_without_an_image_nothing_begins(site: Site) -> None:
    done = site.run(words(site))

    assert done.code == 2
    assert "none is named" in done.err
    assert site.live() == ("1.4.0", "Promoted")
