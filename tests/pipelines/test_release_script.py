"""examples/pipelines/shell/release.sh, run for real against a sandbox."""

from __future__ import annotations

import subprocess

import pytest
from job import PIPELINES, WITHIN_S, Ended, Site

SCRIPT = str(PIPELINES / "shell" / "release.sh")
GOOD = "ghcr.io/acme/shop:2.0.0"
BAD = "ghcr.io/acme/shop:3.0.0"
SOON = ("--set", "strategies.canary.progressDeadlineSeconds=1")


def release(site: Site, *words: str, **environment: str) -> Ended:
    return site.run(["sh", SCRIPT, *words], NAMESPACE=site.namespace, **environment)


def test_a_good_release_ends_promoted(site: Site) -> None:
    """The gate is asked at each pause; when it always opens, the new version is live and the exit code is 0.

    The saved plan, which holds Secrets, is gone then.
    """
    scratch = site.folder / "scratch"
    scratch.mkdir()
    ended = release(site, IMAGE=GOOD, GATE="echo asked >>asked", TMPDIR=str(scratch))

    assert ended.code == 0, ended.err
    assert site.live() == ("2.0.0", "Promoted")
    assert (site.folder / "asked").read_text() == "asked\n" * 2
    assert list(scratch.iterdir()) == []


def test_a_bad_release_ends_rolled_back(site: Site) -> None:
    """A version that never becomes ready: exit 1, the old one serves, and the gate is never asked."""
    ended = release(site, *SOON, IMAGE=BAD, GATE="touch asked")

    assert ended.code == 1, ended.err
    assert site.live() == ("1.4.0", "RolledBack")
    assert not (site.folder / "asked").exists()


def test_a_closed_gate_rolls_back(site: Site) -> None:
    """A gate that opens once and then stays shut: exit 1, and the old version serves alone."""
    ended = release(site, IMAGE=GOOD, GATE="mkdir asked")

    assert ended.code == 1, ended.err
    assert site.live() == ("1.4.0", "RolledBack")


def test_without_a_gate_it_stays_at_the_first_pause(site: Site) -> None:
    """Exit 0, paused; and the same command again, as a job that is run again gives it, changes nothing."""
    first, again = release(site, IMAGE=GOOD), release(site, IMAGE=GOOD)
    paused = site.status()

    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert (paused["phase"], paused["weight"], paused["revision"]) == ("Paused", 10, 2)


def test_another_run_while_the_gate_is_asked_is_left_alone(site: Site) -> None:
    """Whoever promotes by hand during the gate wins: exit 3, whatever the gate says, and nothing of theirs is taken back."""
    ended = release(site, IMAGE=GOOD, GATE=f"deploy promote --full -n {site.namespace}")

    assert ended.code == 3, ended.err
    assert site.live() == ("2.0.0", "Promoted")


def test_a_timeout_is_taken_back(site: Site) -> None:
    """Exit 5 leaves a release half-way, where a pipeline has nobody to look: the script rolls it back, and stays with exit 5."""
    ended = release(site, IMAGE=BAD, TIMEOUT="1s")

    assert ended.code == 5, ended.err
    assert site.live() == ("1.4.0", "RolledBack")


@pytest.mark.parametrize(("environment", "code"), [({"FILE": "nowhere.yaml"}, 2), ({"CONTEXT": "nowhere"}, 4)])
def test_what_never_began_is_not_taken_back(site: Site, environment: dict[str, str], code: int) -> None:
    """A wrong file and a wrong cluster keep deploy's exit code, and nothing is touched."""
    assert release(site, IMAGE=GOOD, **environment).code == code
    assert site.live() == ("1.4.0", "Promoted")


def test_two_jobs_at_once_never_break_anything(site: Site) -> None:
    """Two jobs release and promote the same application: each exits 0 or 3, one at least 0, and one version serves alone."""
    jobs = [
        site.start(["sh", SCRIPT], NAMESPACE=site.namespace, IMAGE=f"ghcr.io/acme/shop:{tag}", GATE="true")
        for tag in ("2.0.0", "2.1.0")
    ]
    ended = [job.communicate(timeout=WITHIN_S)[1] for job in jobs]
    codes = sorted(job.returncode for job in jobs)

    assert codes in ([0, 0], [0, 3]), ended
    version, phase = site.live()
    assert phase == "Promoted"
    assert version in {tag for job, tag in zip(jobs, ("2.0.0", "2.1.0"), strict=True) if job.returncode == 0}


def test_two_promotes_at_once(site: Site) -> None:
    """Both take the same step: one does it, the other is refused (3) or finds it done (0). The release is whole."""
    site.deploy("apply", "--image", GOOD)
    jobs = [site.start(["deploy", "promote", "--full", "-n", site.namespace]) for _ in range(2)]
    ended = [job.communicate(timeout=WITHIN_S)[1] for job in jobs]

    assert sorted(job.returncode for job in jobs) in ([0, 0], [0, 3]), ended
    assert site.live() == ("2.0.0", "Promoted")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_any_shell_reads_it(shell: str) -> None:
    """Plain POSIX: `sh` and bash parse it."""
    assert subprocess.run([shell, "-n", SCRIPT], capture_output=True, check=False).returncode == 0
