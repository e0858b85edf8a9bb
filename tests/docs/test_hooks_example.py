"""examples/hooks does what docs/hooks.md says."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from rollway.release.load import load
from shell import shell

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "hooks" / "deploy.yaml"
PAGE = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")


def test_the_example_migrates_once_a_version() -> None:
    """Nothing is found in it; the plan shows its Jobs; the history knows that they ran; a rollback says what stays."""
    with shell(file=EXAMPLE) as deploy:
        assert deploy("check").code == 0
        assert deploy("apply", "--image", ":1.4.0").code == 0
        plan = deploy("plan", "--image", ":1.5.0").out
        assert re.search(r"before migrate .* 1\.5\.0 is run once, before any pod of it", plan)
        assert "run beforeRollback drain" in plan
        assert deploy("apply", "--image", ":1.5.0", "--full").code == 0
        assert deploy("promote").code == 0
        hooks = deploy("history", "-o", "json").document["revisions"][-1]["hooks"]
        assert [(run["moment"], run["name"], run["phase"]) for run in hooks] == [
            ("before", "migrate", "Complete"),
            ("after", "warm-up", "Complete"),
        ]
        assert "the schema stays as 1.5.0 left it" in deploy("plan", "--rollback").out
        assert deploy("rollback").code == 0


def test_a_migration_that_fails_is_told_with_its_log() -> None:
    """The release ends with nothing touched, says what the Job said, and how to go on."""
    with shell(file=EXAMPLE) as deploy:
        assert deploy("apply", "--image", ":1.4.0").code == 0
        failed = deploy("apply", "--image", ":6.6.6")
        assert failed.code == 1
        assert 'column "total" of relation "orders" already exists' in failed.err + failed.out
        assert "before migrate (Job shop-migrate-v2-" in failed.err + failed.out
        again = deploy("apply", "--image", ":6.6.6")
        assert again.code == 3
        assert "--rerun-hooks" in again.err
        assert deploy("plan", "--rerun-hooks", "--image", ":6.6.6").code == 0
        assert deploy("plan", "--rerun-hooks", "--promote").code == 2


def test_the_page_shows_a_release_file_that_is_one(tmp_path: Path) -> None:
    """Its keys are understood, and its rules are those that there are."""
    [text] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "deploy.yaml").write_text(text)
    (tmp_path / "k8s").symlink_to(ROOT / "examples" / "shop" / "k8s")
    (tmp_path / "jobs").mkdir()
    job = yaml.safe_load((ROOT / "examples" / "hooks" / "jobs" / "migrate.yaml").read_text())
    (tmp_path / "jobs" / "warm-up.yaml").write_text(yaml.safe_dump(job | {"metadata": {"name": "warm-up"}}))
    assert [hook.name for hook in load(str(tmp_path / "deploy.yaml")).hooks] == ["migrate", "warm-up", "drain"]
