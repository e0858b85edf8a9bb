"""docs/notify.md and examples/notify speak of what there is."""

from __future__ import annotations

import re
from pathlib import Path

from rollway.release.load import load
from rollway.release.notify import MOMENTS, SINKS, VARIABLES
from shell import shell

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "notify.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "notify" / "deploy.yaml"


def test_the_page_names_all_of_them() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == [*SINKS, *MOMENTS]
    assert set(re.findall(r"\{\{ (\w+) \}\}", PAGE)) == set(VARIABLES)


def test_the_page_shows_a_release_file_that_is_one(tmp_path: Path) -> None:
    [text] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "deploy.yaml").write_text(text)
    (tmp_path / "k8s").symlink_to(ROOT / "examples" / "shop" / "k8s")
    assert [each.called for each in load(str(tmp_path / "deploy.yaml")).notify] == ["slack", "teams", "webhook", "github"]


def test_the_example_is_understood_and_holds_no_release_up() -> None:
    """Nobody can be told from here: each is named with the reason, and the release goes on."""
    with shell(EXAMPLE) as deploy:
        assert deploy("check").code == 0
        shown = deploy("notify").out
        assert [line.split()[0] for line in shown.splitlines()] == ["slack", "operations", "github", "duty"]
