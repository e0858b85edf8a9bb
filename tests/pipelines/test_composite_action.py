"""examples/pipelines/github/action.yml: its steps, run for real against a sandbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from composite import Composite, Job
from job import PIPELINES, Site

GOOD = "ghcr.io/acme/shop:2.0.0"
BAD = "ghcr.io/acme/shop:3.0.0"
SOON = "strategies.canary.progressDeadlineSeconds=1\n"
Release = Callable[..., Job]


@pytest.fixture
def release(site: Site) -> Release:
    """The action on the site's checkout, with the sandbox's kubeconfig as its secret."""
    kubeconfig = Path(site.environment["KUBECONFIG"]).read_text()
    action = Composite(PIPELINES / "github" / "action.yml")
    return lambda **inputs: action.run(site, kubeconfig=kubeconfig, namespace=site.namespace, **inputs)


def test_a_good_release_ends_promoted(site: Site, release: Release) -> None:
    """The plan is in the summary and an artifact, the pause asks the gate, and the outputs say what is live."""
    job = release(image=GOOD, to="50%", gate="echo asked >>asked")

    assert job.code == 0, job.log
    assert site.live() == ("2.0.0", "Promoted")
    assert job.outputs == {"phase": "Promoted", "revision": "2", "weight": "100"}
    assert job.summary.startswith("### shop 1.4.0 → 2.0.0 · canary")
    assert [(each["name"], each["path"].rpartition("/")[2]) for each in job.used] == [("plan-shop-2", "plan.txt")]
    assert (site.folder / "asked").read_text() == "asked\n"
    assert "Roll back" not in job.ran


def test_a_bad_release_ends_rolled_back(site: Site, release: Release) -> None:
    """Exit 1, an annotation, the gate is not asked, and the old version serves alone."""
    job = release(image=BAD, set=SOON, gate="touch asked")

    assert (job.code, job.ran["Apply"]) == (1, 1), job.log
    assert site.live() == ("1.4.0", "RolledBack")
    assert job.outputs["phase"] == "RolledBack"
    assert "::error title=shop 3.0.0 rolled back::" in job.log
    assert "Gate and promote" not in job.ran
    assert not (site.folder / "asked").exists()


def test_a_closed_gate_rolls_back(site: Site, release: Release) -> None:
    """The job fails, and the old version serves alone."""
    job = release(image=GOOD, gate="mkdir asked")

    assert (job.ran["Gate and promote"], job.ran["Roll back"]) == (1, 0), job.log
    assert site.live() == ("1.4.0", "RolledBack")


def test_auto_goes_through_every_pause(site: Site, release: Release) -> None:
    """No gate is asked, and the outputs say that it is done."""
    job = release(image=GOOD, auto="true", set="strategies.canary.maxSurge=1")

    assert (job.code, job.outputs["phase"]) == (0, "Promoted"), job.log
    assert site.live() == ("2.0.0", "Promoted")


def test_what_another_run_has_done_is_not_taken_back(site: Site, release: Release) -> None:
    """Somebody promotes while the gate is asked: exit 3, and `Roll back` does not run."""
    job = release(image=GOOD, gate=f"deploy promote --full -n {site.namespace}")

    assert job.ran["Gate and promote"] == 3, job.log
    assert "Roll back" not in job.ran
    assert site.live() == ("2.0.0", "Promoted")


def test_a_wrong_file_ends_at_the_check(site: Site, release: Release) -> None:
    """Exit 2, annotated, before a cluster is asked, with nothing to clean up but the job's own folder."""
    job = release(file="nowhere.yaml")

    assert job.ran == {"Set up": 0, "Check": 2, "Clean up": 0}
    assert "::error title=deploy%2C exit 2::" in job.log
    assert not list((site.folder.parent / "runner").glob("rollway.*"))


def test_inputs_are_never_code(site: Site, release: Release) -> None:
    """An input that looks like shell is a name that does not exist, and runs nothing."""
    code = '"; touch broken; $(touch broken) `touch broken`'
    jobs = [release(file=code), release(context=code, to=code, image=f"shop:{code}")]

    assert all(job.code in (2, 4) for job in jobs), [job.log for job in jobs]
    assert not (site.folder / "broken").exists()
