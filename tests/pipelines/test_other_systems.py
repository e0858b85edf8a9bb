"""The scripts of GitLab, Tekton, Argo and Jenkins, run for real in the order in which their systems would run them."""

from __future__ import annotations

import json
from pathlib import Path

from job import Ended, Site
from shellparts import scripts

SCRIPTS = scripts()
GOOD = "ghcr.io/acme/shop:2.0.0"


class Runner:
    """Runs scripts by their names, with an environment that they share."""

    def __init__(self, site: Site, tmp_path: Path, **environment: str) -> None:
        self._site = site
        self._file = tmp_path / "script"
        self._environment = environment

    def __call__(self, name: str, shell: str = "sh", **environment: str) -> Ended:
        self._file.write_text(SCRIPTS[name])
        return self._site.run([shell, "-e", str(self._file)], **{**self._environment, **environment})


def test_gitlab(site: Site, tmp_path: Path) -> None:
    """check, plan, apply, promote; the plan that was applied does nothing the second time, and a rollback takes it all back."""
    run = Runner(
        site, tmp_path, ROLLWAY_FILE="deploy.yaml", ROLLWAY_NAMESPACE=site.namespace, ROLLWAY_IMAGE=GOOD, ROLLWAY_TIMEOUT="1m"
    )
    ended = [run(f"gitlab: .rollway-{name}", "bash") for name in ("check", "plan", "apply", "promote", "apply")]

    assert [each.code for each in ended] == [0, 0, 0, 0, 0], ended
    assert (site.folder / "plan.txt").read_text().startswith("shop 1.4.0 → 2.0.0")
    assert site.live() == ("2.0.0", "Promoted")
    assert run("gitlab: .rollway-rollback", "bash").code == 0
    assert site.live()[0] == "1.4.0"


def test_tekton(site: Site, tmp_path: Path) -> None:
    """A gate that opens once and then stays shut ends rolled back, with exit 1; the revision is a result."""
    results = {name: str(tmp_path / name) for name in ("REVISION_RESULT", "PHASE_RESULT", "PLAN")}
    unset = dict.fromkeys(("STRATEGY", "CONTEXT", "TO", "MOUNTED"), "")
    run = Runner(
        site,
        tmp_path,
        **results,
        **unset,
        FILE="deploy.yaml",
        NAMESPACE=site.namespace,
        IMAGE=GOOD,
        TIMEOUT="1m",
        GATE="mkdir asked",
    )
    ended = [run(f"tekton: {name}") for name in ("check", "plan", "release")]

    assert [each.code for each in ended] == [0, 0, 1], ended
    assert site.live() == ("1.4.0", "RolledBack")
    assert (tmp_path / "REVISION_RESULT").read_text() == "2"


def test_argo(site: Site, tmp_path: Path) -> None:
    """The verdict is carried out, once: the second time the revision is no longer at its pause (3)."""
    run = Runner(
        site, tmp_path, FILE="deploy.yaml", STRATEGY="", IMAGE=GOOD, NAMESPACE=site.namespace, TIMEOUT="1m", VERB="promote"
    )
    ended = [run("argo: plan", OUT=str(tmp_path / "plan.json")), run("argo: apply", OUT=str(tmp_path))]
    revision = (tmp_path / "revision").read_text()
    ended += [run("argo: act", REVISION=revision), run("argo: act", REVISION=revision)]

    assert [each.code for each in ended] == [0, 0, 0, 3], ended
    assert site.live() == ("2.0.0", "Promoted")


def test_jenkins(site: Site, tmp_path: Path) -> None:
    """Its scripts in their order; the one that rolls back after a refusal is left out, and refuses once all is promoted."""
    text = (site.folder / "deploy.yaml").read_text()
    (site.folder / "deploy.yaml").write_text(text.replace("namespace: shop", f"namespace: {site.namespace}"))
    run = Runner(site, tmp_path, FILE="deploy.yaml", STRATEGY="", IMAGE=GOOD, CONTEXT="")
    check, plan, apply, ask, roll_back, promote, tidy = (name for name in SCRIPTS if name.startswith("jenkins"))
    ended = [run(check), run(plan, "bash"), run(apply), run(ask)]
    asked = ended[-1].out.strip()
    ended += [run(promote, "bash", ASKED=asked), run(roll_back, "bash", ASKED=asked), run(tidy)]

    assert [each.code for each in ended] == [0, 0, 0, 0, 0, 3, 0], ended
    assert asked.split() == ["2", "Paused", "10"]
    assert site.live() == ("2.0.0", "Promoted")
    assert not (site.folder / "plan.json").exists()
    assert json.loads(site.deploy("history", "-o", "json").out)["revision"] == 2
