"""`# rollway: ignore RW003 because …`: what it covers, and what is wrong with it."""

from __future__ import annotations

import sys

import pytest
from checked import SOUND, loaded
from rollway import preflight

HOOK = "        lifecycle: {preStop: {sleep: {seconds: 5}}}\n"
BARE = SOUND.replace(HOOK, "")
WHY = "# rollway: ignore RW004 because the proxy retries"


def ids(manifests: str, **file: object) -> list[str]:
    return [finding.id for finding in preflight.findings(loaded(manifests, **file))]


PLACES = {
    "above the container": BARE.replace("      - name: shop\n", f"      {WHY}\n      - name: shop\n"),
    "on the container's line": BARE.replace("      - name: shop\n", f"      - name: shop   {WHY}\n"),
    "above the list of containers": BARE.replace("      containers:\n", f"      {WHY}\n      containers:\n"),
    "above the object": BARE.replace("apiVersion: apps/v1\n", f"{WHY}\napiVersion: apps/v1\n"),
    "above the object, before its ---": BARE.replace("---\napiVersion: apps/v1\n", f"{WHY}\n---\napiVersion: apps/v1\n"),
    "on the object's first line": BARE.replace("apiVersion: apps/v1\n", f"apiVersion: apps/v1 {WHY}\n"),
    "among other comments": BARE.replace("      - name: shop\n", f"      {WHY}\n\n      # the shop\n      - name: shop\n"),
    "with others": BARE.replace("      - name: shop\n", f"      {WHY.replace('RW004', 'RW004,RW004')}\n      - name: shop\n"),
}


@pytest.mark.parametrize("place", PLACES)
def test_it_covers_what_is_below(place: str) -> None:
    """On or above the line of a field, all below that field; of an object's first line, the object."""
    assert ids(BARE) == ["RW004"]
    assert ids(PLACES[place]) == []


def test_it_covers_nothing_else() -> None:
    """Not what stands beside it, nor another rule, nor another object."""
    beside = BARE.replace("        image:", f"        {WHY}\n        image:")
    other = BARE.replace("      - name: shop\n", f"      {WHY.replace('RW004', 'RW001')}\n      - name: shop\n")
    service = BARE.replace("apiVersion: v1\n", f"{WHY}\napiVersion: v1\n")

    for text in (beside, other, service):
        assert ids(text) == ["RW004", "RW031"]


def test_without_a_reason_it_is_told_itself() -> None:
    """It counts, and is a warning of its own, at its own line."""
    release = loaded(BARE.replace("      - name: shop\n", "      - name: shop # rollway: ignore RW004\n"))

    [finding] = preflight.findings(release)

    assert (finding.id, finding.severity, finding.message) == ("RW030", "warning", "RW004 is ignored without a reason")
    assert finding.line == 1 + release.sources.objects[next(iter(release.sources.objects))].document.notes[0].line - 1


@pytest.mark.parametrize(
    ("comment", "message", "hint"),
    [
        ("# rollway: ignore RW004 because it may", "nothing here breaks RW004", "take the comment out"),
        ("# rollway: ignore RWO07 because it may", "there is no rule RWO07", "`deploy check --rules` lists them"),
        ("# rollway: ignore", "not understood: rollway: ignore", "write # rollway: ignore RW003 because …"),
        ("# rollway: please", "not understood: rollway: please", "write # rollway: ignore RW003 because …"),
    ],
)
def test_one_that_hides_nothing_is_told(comment: str, message: str, hint: str) -> None:
    """For information: with it, the next mistake of that kind would go unseen."""
    [finding] = preflight.findings(loaded(f"{comment}\n{SOUND.lstrip()}"))

    assert (finding.id, finding.severity, finding.message, finding.hint) == ("RW031", "info", message, hint)


def test_a_text_is_no_comment() -> None:
    """What a ConfigMap holds may look like one."""
    config = f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  a: |\n    {WHY}\n  b: "x {WHY}"\n---'

    assert ids(config + SOUND) == []


def test_in_the_release_file() -> None:
    """A step of a canary is written there."""
    text = (
        "manifests: [app.yaml]\nstrategies:\n  # rollway: ignore RW028 because it is a demo\n  canary: {steps: [{weight: 1}]}\n"
    )
    import tempfile
    from pathlib import Path

    from rollway.release.load import load

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "app.yaml").write_text(SOUND)
        (Path(folder) / "deploy.yaml").write_text(text)
        release = load(f"{folder}/deploy.yaml")

    assert preflight.findings(release, "canary") == ()
    assert [finding.id for finding in preflight.findings(release, "ramped")] == ["RW031"]


def test_twice_as_many_comments_are_twice_the_work() -> None:
    """Counted in calls: a file of 1.9 MB of them took a minute once, as each looked through all that stands in the file."""

    def calls(comments: int) -> int:
        count = 0

        def counted(frame: object, event: str, arg: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        values = "".join(f"  key-{number}: text {WHY}\n" for number in range(comments))
        text = f"{BARE}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: many}}\ndata:\n{values}"
        sys.setprofile(counted)
        try:
            found = preflight.findings(loaded(text))
        finally:
            sys.setprofile(None)
        assert [finding.id for finding in found].count("RW031") == comments
        return count

    few, more = calls(200), calls(800)
    assert more < 4.5 * few
