"""A verb said twice, or late: a job that was retried, a button pressed again. The second does nothing, and says so."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.errors import BadInput, Refused
from shop import WAYS, World, in_world, promoted, release

EACH = pytest.mark.parametrize("strategy", WAYS)
STAGED: dict[str, Any] = {"blueGreen": {"autoPromote": False, "scaleDownDelaySeconds": 2}}
SHARES = {"ramped": 50, "ramped StatefulSet": 50, "ramped DaemonSet": 50, "canary": 50, "ab": 50, "blue-green": 0}
OURS = {"Lease"}
"""What a command that does nothing may write: the lock, which it gives back."""


def shop(tag: str, strategy: str) -> Any:
    return release(tag, strategy=strategy, options=STAGED)


def stands_at(strategy: str, share: int) -> str:
    """How a pause is told of: a side that is staged has no share."""
    return ", staged, with no request on it" if strategy == "blue-green" else f" at {share}%"


async def full(world: World, tag: str, strategy: str) -> Any:
    result = await world.ship("apply", shop(tag, strategy), strategy=strategy, weight=100, by="alice@ci-7")
    assert result.phase == "Promoted", result.failure
    return result


async def does_nothing(world: World, verb: str, wanted: Any, **how: Any) -> list[str]:
    """What it says instead."""
    pods, version = world.pods(), world.sandbox.store.version
    result = await world.ship(verb, wanted, **how)
    assert result.is_ok
    assert result.plan.is_empty, [step.type for step in result.plan.steps]
    assert (world.changed_since(version) - OURS, world.pods()) == (set(), pods)
    return list(result.plan.notes)


@EACH
def test_promote_with_nothing_under_way_is_never_a_release(strategy: str) -> None:
    """Whatever the file names by now, and whatever share is asked for: what is live, whose, since when, and what goes further."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2"):
            await full(world, tag, strategy)
        for weight in (None, 100):
            said = await does_nothing(world, "promote", shop("v1", strategy), weight=weight)
            assert said[0].startswith("nothing to promote: v2 is live everywhere, promoted 20")
            assert said[0].endswith(" UTC by alice@ci-7")
            assert said[1:] == ["the release file differs from it: `deploy apply` releases v1"]
        changed = await does_nothing(world, "promote", shop("v3", strategy), weight=100, is_override=True)
        assert changed[1:] == ["the release file differs from it: `deploy apply` releases v3"]

    in_world(story)


@EACH
def test_a_promotion_that_was_taken_back_is_not_told_as_done(strategy: str) -> None:
    """By a rollback, by hand or after a failure; and so for what never began. A pipeline that expects one is not to go on."""

    async def story(world: World) -> None:
        with pytest.raises(Refused, match="nothing to promote: no release is under way"):
            await world.ship("promote", shop("v1", strategy), weight=100)
        await full(world, "v1", strategy)
        await full(world, "v2", strategy)
        await world.ship("rollback", shop("v2", strategy), by="bob@desk")
        with pytest.raises(
            Refused, match=r"nothing to promote: revision 2 \(v2\) was rolled back, 20.* UTC by bob@desk"
        ) as refused:
            await world.ship("promote", shop("v2", strategy), weight=100)
        assert refused.value.hint == "`deploy apply` releases v2"
        failed = await world.ship("apply", shop("bad", strategy), strategy=strategy, weight=100)
        assert failed.phase == "RolledBack"
        with pytest.raises(Refused, match=r"revision 3 \(bad\) was rolled back"):
            await world.ship("promote", shop("bad", strategy))

    in_world(story)


@pytest.mark.parametrize("verb", ["apply", "promote"])
@pytest.mark.parametrize("strategy", SHARES)
def test_a_share_that_stands_is_not_made_anew(strategy: str, verb: str) -> None:
    """The same share again, or, said late, a smaller one: the release stays where it is by now."""

    async def story(world: World) -> None:
        await full(world, "v1", strategy)
        stands = SHARES[strategy]
        await world.ship("apply", shop("v2", strategy), strategy=strategy, weight=stands, by="alice@ci-7")
        said = await does_nothing(world, verb, shop("v2", strategy), weight=stands)
        assert said[0].startswith(f"paused already{stands_at(strategy, stands)}, since 20")
        if stands:
            less = await does_nothing(world, verb, shop("v2", strategy), weight=25)
            assert "25% would be less: `deploy rollback` takes it back" in less
        assert [(each.phase, each.weight) for each in await world.history()] == [("Promoted", 100), ("Paused", stands)]

    in_world(story)


@EACH
def test_a_rollback_goes_back_once(strategy: str) -> None:
    """From 3 to 2, and there it stays, whether the revision is named or not; further back only by its number."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2", "v3"):
            await full(world, tag, strategy)
        first = await world.ship("rollback", shop("v3", strategy), by="bob@desk")
        for back in (None, 2):
            said = await does_nothing(world, "rollback", shop("v3", strategy), to_revision=back)
            assert said[0].startswith("revision 3 (v3) was rolled back to revision 2 (v2), 20")
            assert said[0].endswith(" UTC by bob@desk")
            assert said[1] == "further back: `deploy rollback --to-revision 1`"
        again = await world.ship("rollback", shop("v3", strategy))
        assert (again.phase, again.plan.revision, again.weight) == (first.phase, first.plan.revision, first.weight)
        await world.ship("rollback", shop("v3", strategy), to_revision=1)
        assert world.routed_versions() == {"v1"}
        said = await does_nothing(world, "rollback", shop("v3", strategy))
        assert len(said) == 1

    in_world(story)


@EACH
def test_after_a_failed_release_a_rollback_takes_nothing_more_back(strategy: str) -> None:
    """The run went back by itself; a pipeline that always rolls back after a failure does not lose the version before, too."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2"):
            await full(world, tag, strategy)
        failed = await world.ship("apply", shop("bad", strategy), strategy=strategy, weight=100)
        assert failed.phase == "RolledBack"
        said = await does_nothing(world, "rollback", shop("bad", strategy))
        assert said[0].startswith("revision 3 (bad) was rolled back to revision 2 (v2)")

    in_world(story)


@EACH
def test_apply_said_twice(strategy: str) -> None:
    """Live, or paused: nothing. Taken back: it is released once more, for that is what is asked for."""

    async def story(world: World) -> None:
        await full(world, "v1", strategy)
        assert await does_nothing(world, "apply", shop("v1", strategy)) == ["v1 is live already"]
        if strategy in SHARES:
            await world.ship("apply", shop("v2", strategy), strategy=strategy, weight=SHARES[strategy])
            said = await does_nothing(world, "apply", shop("v2", strategy))
            assert said[0].startswith(f"paused already{stands_at(strategy, SHARES[strategy])}, since")
        await full(world, "v2", strategy)
        await world.ship("rollback", shop("v2", strategy))
        await full(world, "v2", strategy)
        assert [(each.version, each.phase) for each in await world.history()] == [
            ("v1", "Promoted"), ("v2", "RolledBack"), ("v2", "Promoted"),
        ]  # fmt: skip

    in_world(story)


def test_promoting_something_else_than_what_is_under_way_is_refused_with_both() -> None:
    """By another image on the command line, or by another strategy: what is under way is not taken for it."""

    async def story(world: World) -> None:
        await full(world, "v1", "canary")
        await world.ship("apply", shop("v2", "canary"), weight=50)
        for tag, strategy, is_override, asked in (
            ("v3", None, True, "a canary one of v3"),
            ("v2", "ab", False, "an ab one of v2"),
        ):
            with pytest.raises(BadInput, match=f"a canary release of v2 is paused at 50%, not {asked}"):
                await world.ship("promote", shop(tag, "canary"), strategy=strategy, is_override=is_override)

    in_world(story)


@pytest.mark.parametrize("other", ["the same strategy", "recreate"])
@pytest.mark.parametrize("strategy", SHARES)
def test_somebodys_release_is_replaced_only_when_asked(strategy: str, other: str) -> None:
    """Another version, or what is live: refused with what is under way, whose and since when; `--replace` takes it back first."""

    async def story(world: World) -> None:
        await full(world, "v1", strategy)
        await world.ship("apply", shop("v2", strategy), strategy=strategy, weight=SHARES[strategy], by="alice@ci-7")
        name = strategy if other == "the same strategy" else " ".join([other, *strategy.split()[1:]])
        for tag in ("v3", "v1"):
            version = world.sandbox.store.version
            with pytest.raises(
                Refused, match=rf"release of v2 is paused{stands_at(strategy, SHARES[strategy])}, since 20.* by alice@ci-7"
            ):
                await world.ship("apply", shop(tag, name), strategy=name)
            assert world.changed_since(version) <= OURS
        result = await world.ship("apply", shop("v3", name), strategy=name, weight=100, replace=True)

        assert (result.phase, world.routed_versions()) == ("Promoted", {"v3"})
        assert [each.phase for each in await world.history()] == ["Promoted", "RolledBack", "Promoted"]

    in_world(story)


@pytest.mark.parametrize("strategy", SHARES)
def test_a_failed_release_that_was_left_standing_may_be_replaced(strategy: str) -> None:
    """Nobody waits for it: the next version need not say so."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        left = await world.ship("apply", shop("bad", strategy), strategy=strategy, weight=SHARES[strategy], goes_back=False)
        assert left.phase == "Failed"
        assert (await full(world, "v2", strategy)).phase == "Promoted"

    in_world(story)
