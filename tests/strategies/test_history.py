"""What the history says: who, when, how long a pause is, and what became of a revision."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from rollway.cluster.who import this_person
from rollway.errors import StalePlan, TimedOut
from rollway.plan.revision import Revision
from shop import World, in_world, promoted, release

HOUR_S = 3600
BAKES: dict[str, Any] = {"canary": {"steps": [{"weight": 25, "pause": "1h"}, {"weight": 50, "pause": "1h"}]}}


def shop(tag: str) -> Any:
    return release(tag, strategy="canary", options=BAKES)


@pytest.mark.parametrize("verb", ["apply", "promote"])
@pytest.mark.parametrize("waited_s", [0, 1800, 2 * HOUR_S])
def test_a_pause_is_waited_out_by_whoever_comes_next(verb: str, waited_s: float) -> None:
    """A run that went on by itself was cut off in a pause: the next one waits for what is left, and begins no pause anew."""

    async def story(world: World) -> float:
        await promoted(world, "v1", "canary")
        with pytest.raises(TimedOut):
            await world.ship("apply", shop("v2"), goes_on=True, timeout_s=60)
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(waited_s)
        result = await world.ship(verb, shop("v2"), goes_on=True)
        assert result.phase == "Promoted", result.failure
        return asyncio.get_running_loop().time() - began

    assert in_world(story) == pytest.approx(max(2 * HOUR_S - 60, waited_s + HOUR_S), abs=60)


def test_a_word_of_ones_own_does_not_wait() -> None:
    """`promote` without --auto, and any share that is named, is somebody's decision that it has baked enough."""

    async def story(world: World) -> float:
        await promoted(world, "v1", "canary")
        await world.ship("apply", shop("v2"))
        began = asyncio.get_running_loop().time()
        await world.ship("promote", shop("v2"))
        await world.ship("promote", shop("v2"), weight=75, goes_on=True)
        await world.ship("promote", shop("v2"), weight=100)
        return asyncio.get_running_loop().time() - began

    assert in_world(story) < 60


def test_who_waits_gives_way_to_who_acts() -> None:
    """A colleague promotes by hand while a retried job waits for the rest of a pause: the job stops, and takes nothing on."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", shop("v2"))
        waiting = asyncio.create_task(world.ship("promote", shop("v2"), goes_on=True))
        await asyncio.sleep(60)
        await world.ship("promote", shop("v2"))
        with pytest.raises(StalePlan):
            await waiting
        assert [(each.phase, each.weight) for each in await world.history()] == [("Promoted", 100), ("Paused", 50)]

    in_world(story)


def test_what_became_of_a_revision_is_told() -> None:
    """Each turn with who and when, a rollback with where it led; what is live again does not say that it was rolled back."""

    async def story(world: World) -> list[Revision]:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=50, by="alice@ci-7")
        await world.ship("promote", release("v2", strategy="canary"), weight=100, by="bob@desk")
        await world.ship("rollback", release("v2", strategy="canary"), by="carol@desk")
        taken_back = (await world.history())[-1]
        assert (taken_back.message, taken_back.by) == ("rolled back to revision 1", "alice@ci-7")
        await world.ship("rollback", release("v2", strategy="canary"), to_revision=2, by="dave@desk")
        return await world.history()

    live = in_world(story)[-1]
    told = [(each.by, each.phase, each.weight, each.to) for each in live.entries]
    assert told == [
        ("alice@ci-7", "Progressing", 50, 0),
        ("alice@ci-7", "Paused", 50, 0),
        ("bob@desk", "Progressing", 100, 0),
        ("bob@desk", "Promoted", 100, 0),
        ("carol@desk", "RolledBack", 0, 1),
        ("dave@desk", "Promoted", 100, 0),
    ]
    assert (live.phase, live.message, live.told) == ("Promoted", "", ())
    assert all(each.at.startswith("20") for each in live.entries)


def test_a_record_of_an_older_rollway_is_read() -> None:
    """Without the pause, without who: both are unknown then, and nothing waits for what nobody has written down."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", shop("v2"))
        newer = {"by", "paused_at", "pause_s", "entries"}
        old = Revision.model_validate_json((await world.history())[-1].model_dump_json(exclude=newer))
        assert (old.by, old.standing, old.pause_s) == ("", f"{old.started[:19].replace('T', ' ')} UTC", None)

    in_world(story)


@pytest.mark.parametrize(
    ("environment", "who"),
    [
        ({"GITHUB_RUN_ID": "77", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_ACTOR": "alice"}, "alice (GitHub acme/shop run 77)"),
        (
            {"CI_PIPELINE_ID": "9", "CI_JOB_ID": "41", "CI_PROJECT_PATH": "acme/shop", "GITLAB_USER_LOGIN": "bob"},
            "bob (GitLab acme/shop pipeline 9 job 41)",
        ),
        (
            {"JENKINS_URL": "https://ci/", "JOB_NAME": "shop/main", "BUILD_NUMBER": "12", "USER": "jenkins"},
            "Jenkins shop/main build 12",
        ),
        ({"BUILD_NUMBER": "12", "JOB_NAME": "a", "USER": "alice", "GITHUB_RUN_ID": ""}, "alice@"),
        (
            {"TF_BUILD": "True", "BUILD_BUILDID": "5", "BUILD_REPOSITORY_NAME": "shop", "BUILD_REQUESTEDFOR": "Carol C"},
            "Carol C (Azure shop build 5)",
        ),
        ({"BITBUCKET_BUILD_NUMBER": "3", "BITBUCKET_REPO_FULL_NAME": "acme/shop"}, "Bitbucket acme/shop build 3"),
        (
            {"CIRCLECI": "true", "CIRCLE_BUILD_NUM": "8", "CIRCLE_PROJECT_REPONAME": "shop", "CIRCLE_USERNAME": "dan"},
            "dan (CircleCI shop build 8)",
        ),
        (
            {
                "BUILDKITE": "true",
                "BUILDKITE_BUILD_NUMBER": "6",
                "BUILDKITE_PIPELINE_SLUG": "shop",
                "BUILDKITE_BUILD_CREATOR": "Eve",
            },
            "Eve (Buildkite shop build 6)",
        ),
        ({"GITHUB_RUN_ID": "1", "GITHUB_ACTOR": "eve\x1b[2J\n::error::"}, "eve [2J ::error:: (GitHub run 1)"),
    ],
)
def test_who_acts_is_named_by_the_pipeline(tmp_path: Path, environment: dict[str, str], who: str) -> None:
    """Its run where there is one, on one line whatever it is called."""
    assert this_person(environment, tmp_path / "nowhere").startswith(who)


def test_who_acts_outside_of_a_pipeline(tmp_path: Path) -> None:
    """The account and its machine; in a cluster the pod and its namespace."""
    inside = tmp_path / "namespace"
    inside.write_text("ci\n")

    assert this_person({"USER": "alice"}, tmp_path / "nowhere").startswith("alice@")
    assert this_person({"USER": "root"}, inside).endswith(" of namespace ci")
