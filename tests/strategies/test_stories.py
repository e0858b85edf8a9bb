"""Each strategy's way, from the first version to a rollback, on the embedded cluster."""

from __future__ import annotations

import asyncio

import pytest
from rollway.errors import BadInput, Refused, StalePlan, TimedOut
from rollway.kube.objects import SERVICE
from rollway.release.model import Release
from rollway.strategies import by_name
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_from_one_version_to_the_next_and_back(strategy: str) -> None:
    """Apply, promote and roll back end where they should, and only recreate ever leaves the Service empty."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await promoted(world, "v2", strategy)
        assert {name.split()[1] for name, pods in world.pods().items() if pods} == {"v2"}
        assert world.ready_endpoints() == 4

        result = await world.ship("rollback", release("v2", strategy=strategy))

        assert result.phase == "RolledBack"
        assert {name.split()[1] for name, pods in world.pods().items() if pods} == {"v1"}
        assert world.ready_endpoints() == 4
        assert bool(world.emptied) == (strategy == "recreate")

    in_world(story)


@pytest.mark.parametrize("tag", ["bad", "crash"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_bad_version_is_taken_back(strategy: str, tag: str) -> None:
    """The run fails with the pods' own words, goes back by itself, and the old version serves as before."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        before = world.standing()

        result = await world.ship("apply", release(tag, strategy=strategy))

        assert result.phase == "RolledBack"
        assert result.failure is not None
        said = " ".join(f"{pod.reason} {pod.detail}" for pod in result.failure.pods)
        assert "statuscode: 503" in said if tag == "bad" else "exit 1" in said
        assert tag == "bad" or "KeyError: 'PAYMENT_URL'" in dict(result.failure.logs).popitem()[1]
        assert world.ready_endpoints() == 4
        assert bool(world.emptied) == (strategy == "recreate")
        history = await world.history()
        assert [(revision.version, revision.phase) for revision in history] == [("v1", "Promoted"), (tag, "RolledBack")]
        after = world.standing()
        idle = {"Deployment shop-green"}  # blue-green keeps the idle side, without pods
        assert {key: value for key, value in after.items() if key not in idle} == before

    in_world(story)


@pytest.mark.parametrize(
    ("tag", "reason", "within_s"),
    [
        ("gone", "the image cannot be pulled: ghcr.io/acme/shop:gone", 5),
        ("unset", "the container cannot be created", 5),
        ("crash", "crash loop, exit 1", 60),
        ("nowhere", "cannot be scheduled", 25),
        ("bad", "running, but not ready", 25),
    ],
)
def test_why_it_failed_is_said_in_the_pods_words(tag: str, reason: str, within_s: float) -> None:
    """What can no longer come good fails at once; what may, at the end of its patience. The history remembers why."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        result = await world.ship("apply", release(tag, strategy="canary"))

        assert result.failure is not None
        assert result.failure.pods[0].reason.startswith(reason)
        assert result.failure.after_s < within_s
        assert reason.partition(":")[0] in (await world.history())[-1].message

    in_world(story)


def test_no_rollback_leaves_the_failed_release_standing() -> None:
    """It is Failed and still in flight, `rollback` then takes it back."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")

        failed = await world.ship("apply", release("bad", strategy="canary"), goes_back=False)
        assert (failed.phase, failed.way_back) == ("Failed", None)
        assert world.pods() == {"shop v1": 4, "shop-canary bad": 1}

        back = await world.ship("rollback", release("bad", strategy="canary"))
        assert back.phase == "RolledBack"
        assert world.pods() == {"shop v1": 4}

    in_world(story)


def test_a_canary_walks_through_its_steps() -> None:
    """10%, 50%, everybody: the splits of the arithmetic, and never fewer than four pods ready."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        wanted = release("v2", strategy="canary", options={"canary": {"steps": [{"weight": 10}, {"weight": 50}]}})
        seen = []
        for _ in range(3):
            result = await world.ship("apply" if not seen else "promote", wanted)
            seen.append((result.phase, result.weight, dict(world.pods())))

        assert seen == [
            ("Paused", 10, {"shop v1": 4, "shop-canary v2": 1}),
            ("Paused", 50, {"shop v1": 2, "shop-canary v2": 2}),
            ("Promoted", 100, {"shop v2": 4}),
        ]
        assert world.emptied == []

    in_world(story)


def test_a_canary_that_was_cut_off_goes_down_as_well_as_up() -> None:
    """A lower share than the one it was on its way to is reached by bringing old pods back first."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        wanted = release("v2", strategy="canary", replicas=4)
        await world.ship("apply", wanted, weight=50)
        with pytest.raises(TimedOut):
            await world.ship("promote", wanted, weight=75, timeout_s=1)
        assert world.pods()["shop-canary v2"] == 3
        await asyncio.sleep(60)

        result = await world.ship("promote", wanted, weight=25)

        assert (result.phase, result.weight) == ("Paused", 25)
        assert world.pods() == {"shop v1": 3, "shop-canary v2": 1}

    in_world(story)


def test_auto_goes_through_every_step() -> None:
    """Timed pauses are waited out, the others passed."""

    async def story(world: World) -> float:
        await promoted(world, "v1", "canary")
        steps = [{"weight": 10, "pause": "5m"}, {"weight": 50}]
        began = asyncio.get_running_loop().time()
        result = await world.ship("apply", release("v2", strategy="canary", options={"canary": {"steps": steps}}), goes_on=True)
        assert result.phase == "Promoted"
        return asyncio.get_running_loop().time() - began

    assert 300 < in_world(story) < 360


@pytest.mark.parametrize(("weight", "old", "new"), [(25, 3, 1), (50, 2, 2), (75, 1, 3)])
def test_ramped_holds_a_share(weight: int, old: int, new: int) -> None:
    """`promote --to` stops the rolling update at exactly that share of the pods, ready, and goes on from there."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")

        held = await world.ship("apply", release("v2"), weight=weight)

        assert (held.phase, held.weight) == ("Paused", weight)
        assert (held.plan.split.stable, held.plan.split.canary) == (old, new)
        assert world.versions() == {"v1": old, "v2": new}
        done = await world.ship("promote", release("v2"), weight=100)
        assert done.phase == "Promoted"
        assert world.versions() == {"v2": 4}
        assert world.emptied == []

    in_world(story)


def test_blue_green_waits_behind_the_preview() -> None:
    """With autoPromote off the new version is staged, reached by the preview Service only, and promote switches."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        wanted = release("v2", strategy="blue-green", options={"blueGreen": {"autoPromote": False}})

        staged = await world.ship("apply", wanted)

        assert (staged.phase, staged.weight) == ("Paused", 0)
        assert (world.ready_endpoints(), world.ready_endpoints("shop-preview")) == (4, 4)
        assert world.routed_versions() == {"v1"}
        switched = await world.ship("promote", wanted)
        assert switched.phase == "Promoted"
        assert world.routed_versions() == {"v2"}

    in_world(story)


def test_blue_green_rolls_back_from_warm_in_one_patch() -> None:
    """While the old side is warm, going back to it is the Service's patch; its pods are not touched."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        wanted = release("v2", strategy="blue-green", options={"blueGreen": {"scaleDownDelaySeconds": 300}})
        forward = asyncio.create_task(world.ship("apply", wanted))
        await asyncio.sleep(30)
        assert world.routed_versions() == {"v2"}

        back = await world.ship("rollback", wanted, holder="other@nowhere/1")

        assert back.phase == "RolledBack"
        assert world.routed_versions() == {"v1"}
        routed = [step.type for step in back.plan.steps if step.type in ("apply", "route", "wait")]
        assert routed[0] == "route"
        with pytest.raises(Exception, match="another run has acted"):
            await forward
        assert world.emptied == []

    in_world(story)


@pytest.mark.parametrize("who", ["another run", "kubectl"])
def test_what_has_become_live_again_is_not_scaled_away(who: str) -> None:
    """While the old side is warm, somebody releases the same version by a strategy without sides, or leads the Service back by
    hand: the old side has all requests then, and the history reads as before."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        wanted = release("v2", strategy="blue-green", options={"blueGreen": {"scaleDownDelaySeconds": 300}})
        forward = asyncio.create_task(world.ship("apply", wanted))
        await asyncio.sleep(30)
        if who == "kubectl":
            back = {"spec": {"selector": {"rollway.dev/track": "stable"}}}
            world.sandbox.api.patch(SERVICE, NAMESPACE_NAME, "shop", back, manager="kubectl-patch")
        else:
            other = await world.ship("apply", release("v2", strategy="ramped"), holder="other@nowhere/1")
            assert (other.phase, world.pods()) == ("Promoted", {"shop v2": 4})

        with pytest.raises(StalePlan, match="Service shop leads to shop again"):
            await forward
        assert (world.ready_endpoints(), world.emptied) == (4, [])
        again = await world.ship("apply", wanted, force=who == "kubectl")  # which is somebody's change
        assert (again.phase, world.routed_versions(), world.emptied) == ("Promoted", {"v2"}, [])

    in_world(story)


def test_what_is_live_already_needs_nothing() -> None:
    """Applying it again changes nothing and says so."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        version = world.sandbox.store.version
        result = await world.ship("apply", release("v1", strategy="canary"))

        assert result.plan.is_empty
        assert result.plan.notes == ("v1 is live already",)
        assert world.changed_since(version) == {"Lease"}

    in_world(story)


def test_a_newer_version_replaces_the_one_under_way() -> None:
    """The canary of v2 goes, v3 starts from its first step, and v2 is rolled back in the history."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=50)

        result = await world.ship("apply", release("v3", strategy="canary"), replace=True)

        assert result.phase == "Paused"
        assert world.pods() == {"shop v1": 4, "shop-canary v3": 1}
        assert [(r.version, r.phase) for r in await world.history()] == [
            ("v1", "Promoted"), ("v2", "RolledBack"), ("v3", "Paused"),
        ]  # fmt: skip
        assert world.emptied == []

    in_world(story)


def test_another_strategy_in_mid_release_is_refused() -> None:
    """What is under way is named, and by whom since when; and nothing changes."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), by="alice@ci-7")
        version = world.sandbox.store.version
        with pytest.raises(Refused, match=r"a canary release of v2 is paused at 10%, since 20.* UTC by alice@ci-7"):
            await world.ship("apply", release("v2", strategy="blue-green"), strategy="blue-green")
        assert world.changed_since(version) <= {"Lease"}

    in_world(story)


@pytest.mark.parametrize(
    ("strategy", "weight"), [("recreate", 50), ("blue-green", 50), ("canary", 101), ("ramped", 0), ("ab", -1)]
)
def test_shares_that_a_strategy_cannot_hold(strategy: str, weight: int) -> None:
    """Refused before anything is changed, the lock included."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        version = world.sandbox.store.version
        with pytest.raises(BadInput):
            await world.ship("apply", release("v2", strategy=strategy), weight=weight)
        assert world.changed_since(version) == set()

    in_world(story)


def test_rollback_to_a_revision() -> None:
    """Any promoted revision can be gone back to; the ones after it are rolled back in the history."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2", "v3"):
            await promoted(world, tag, "ramped")

        await world.ship("rollback", release("v3"), to_revision=1)

        assert world.versions() == {"v1": 4}
        assert [r.phase for r in await world.history()] == ["Promoted", "RolledBack", "RolledBack"]
        again = await world.ship("rollback", release("v3"))
        assert again.plan.is_empty
        assert again.plan.notes[0].startswith("revision 3 (v3) was rolled back to revision 1 (v1), 2")

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_rollback_is_taken_back(strategy):
    """To the revision that was rolled back: from the version before to it, and all of it is live then."""

    async def story(world):
        await promoted(world, "v1", strategy)
        await promoted(world, "v2", strategy)
        await world.ship("rollback", release("v2", strategy=strategy))
        result = await world.ship("rollback", release("v2", strategy=strategy), to_revision=2)
        plan = result.plan
        assert (plan.from_version, plan.to_version, plan.revision) == ("v1", "v2", 2)
        assert (result.phase, result.weight, world.routed_versions()) == ("Promoted", 100, {"v2"})

    in_world(story)


def test_the_manifests_own_limits_are_the_default() -> None:
    """A Deployment that says how it rolls is rolled so, unless the release file says otherwise; the record remembers which."""

    def limits(wanted: Release) -> dict[str, object]:
        manifest = by_name("ramped")(Release.from_record(wanted.to_record())).render()[-1]
        return manifest["spec"]["strategy"]["rollingUpdate"]

    own = release("v1")
    own.workload["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}}
    told = release("v1", options={"ramped": {"maxSurge": 3}})
    told.workload["spec"]["strategy"] = own.workload["spec"]["strategy"]

    assert limits(own) == {"maxSurge": 2, "maxUnavailable": 1}
    assert limits(told) == {"maxSurge": 3, "maxUnavailable": 0}
    assert limits(release("v1")) == {"maxSurge": "25%", "maxUnavailable": 0}


def test_promote_says_what_is_under_way_instead() -> None:
    """Asked for another version or another style in mid-release, it names what there is."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=50)
        with pytest.raises(BadInput, match="a canary release of v2 is paused at 50%, not a canary one of v3"):
            await world.ship("promote", release("v3", strategy="canary"), is_override=True)
        superseding = await world.ship("apply", release("v3", strategy="canary"), replace=True)
        assert "takes back v2 first (revision 2, canary at 50%)" in superseding.plan.notes

    in_world(story)
