"""The release file's notify: what is taken, and every mistake at its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from rollway.errors import BadInput
from rollway.release.conduct import as_recorded
from rollway.release.load import load
from rollway.release.model import Release
from rollway.release.notify import MOMENTS, USUAL, Notify
from rollway.release.sources import secrets_of
from shop import MANIFESTS


def loaded(folder: Path, *notify: Any) -> Release:
    (folder / "app.yaml").write_text(MANIFESTS)
    (folder / "deploy.yaml").write_text(yaml.safe_dump({"manifests": ["app.yaml"], "notify": list(notify)}))
    return load(str(folder / "deploy.yaml"))


def test_it_is_kept_beside_a_version(tmp_path: Path) -> None:
    """A rollback without the file tells the same people; and it is no part of what is released."""
    entry = {"slack": {"env": "HOOK"}, "on": ["failed"]}
    told, silent = loaded(tmp_path, entry), loaded(tmp_path)
    record = told.to_record()
    assert as_recorded(Release.from_record(record), record).notify == told.notify
    assert told.digest == silent.digest


def test_what_they_are_told_of() -> None:
    """A deployment's state is of use only where all of it is told."""
    slack, github = (Notify.model_validate(each) for each in ({"slack": {"env": "A"}}, {"github": {"token": {"env": "A"}}}))
    assert [moment for moment in MOMENTS if slack.wants(moment)] == [*USUAL]
    assert [moment for moment in MOMENTS if github.wants(moment)] == [*MOMENTS]


def test_the_secrets_that_are_read() -> None:
    entries = (
        {"slack": {"secret": "a", "key": "url"}},
        {"github": {"token": {"secret": "b", "key": "token"}}},
        {"webhook": {"address": "https://x", "bearerToken": {"secret": "c", "key": "token"}}},
        {"teams": {"env": "URL"}},
        {"webhook": {"address": "https://y", "headers": {"X-Key": {"secret": "d", "key": "key"}, "X-Scope-OrgID": "7"}}},
    )
    assert [*secrets_of(*(Notify.model_validate(each) for each in entries))] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"on": ["failed"]}, "nobody to be told"),
        ({"slack": {"env": "A"}, "teams": {"env": "B"}}, "two to be told: slack and teams"),
        ({"slack": "https://hooks.slack.com/services/T0/B0/xyz"}, "notify"),
        ({"slack": {"env": "A"}, "on": ["done"]}, "notify"),
        ({"slack": {"env": "A"}, "template": "{{ versoin }}"}, "nothing is called"),
        ({"webhook": "https://user:pass@example.com/"}, "an address holds no password"),
        ({"github": {"environment": "production"}}, "token is missing"),
        ({"slack": {"env": "A"}, "name": "A b"}, "no valid name"),
    ],
)
def test_mistakes_are_told_at_their_line(entry: dict[str, Any], message: str, tmp_path: Path) -> None:
    """A secret's own text is not among them."""
    with pytest.raises(BadInput, match=message) as bad:
        loaded(tmp_path, entry)
    assert "deploy.yaml:" in bad.value.where


def test_two_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="two are called slack"):
        loaded(tmp_path, {"slack": {"env": "A"}}, {"slack": {"env": "B"}})


def test_a_bare_on_is_the_word(tmp_path: Path) -> None:
    """YAML, as Kubernetes reads it, takes it for true."""
    (tmp_path / "app.yaml").write_text(MANIFESTS)
    (tmp_path / "deploy.yaml").write_text("manifests: [app.yaml]\nnotify:\n- slack: {env: A}\n  on: [failed]\n")
    assert load(str(tmp_path / "deploy.yaml")).notify[0].on == ("failed",)
