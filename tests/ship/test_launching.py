"""Putting a runner into the cluster: all that it needs and no more, gone with it, and nothing where something forbids it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from permitted import Permitted
from rollway.cli.verbs.runner import carried
from rollway.cli.views.lines import LinesView
from rollway.cluster import jobs
from rollway.cluster.port import Right
from rollway.errors import ApiError, BadInput, Forbidden, Invalid, MissingRights, Refused
from rollway.kube.objects import (
    CRON_JOB,
    JOB,
    POD,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE_ACCOUNT,
    Obj,
    Ref,
)
from rollway.release.model import Release
from rollway.release.runner import RunnerOptions
from rollway.ship import carrying, delegation, errand, following, launching
from rollway.ship import run as shipping
from rollway.ship.errand import Errand, asked_of
from rollway.ship.run import Options, Result
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, World, in_world, promoted, release

IMAGE = "ghcr.io/acme/rollway:1"
KINDS = (JOB, CRON_JOB, SECRET, SERVICE_ACCOUNT, ROLE, ROLE_BINDING, POD)


def wanted(tag: str = "v2", **how: Any) -> Release:
    return dataclasses.replace(release(tag, strategy="canary"), **how)


def errand_of(made: Release, action: str = "apply") -> Errand:
    asked = asked_of(made, request=Request(action), strategy=None, is_override=False, force=False)  # type: ignore[arg-type]
    return Errand(job=f"shop-{action}", asked=asked, by="alice@ci")


async def launch(cluster: Any, sent: Errand, told: list[str] | None = None) -> launching.Launched:
    made = await shipping.plan(cluster, sent.release, sent.asked.request)
    sent = await launching.begun(cluster, sent, made)
    return await launching.launch(cluster, sent, made, IMAGE, (told if told is not None else []).append)


def made_of(world: World) -> dict[str, Obj]:
    """The runner's objects, by kind."""
    found = ((kind.name, obj) for kind in KINDS for obj in world.sandbox.store.list(kind, NAMESPACE_NAME))
    return {kind: obj for kind, obj in found if obj["metadata"]["name"] == "shop-apply"}


def story(of: Callable[[World], Awaitable[Any]]) -> Any:
    async def begun(world: World) -> Any:
        await promoted(world, release("v1", strategy="canary"))
        return await of(world)

    return in_world(begun)


def test_what_is_put_in_place() -> None:
    """A Job as strict as Pod Security Standards know it; all else is its own, and goes with it."""

    async def of(world: World) -> None:
        launched = await launch(world.cluster, errand_of(wanted()))
        found = made_of(world)
        assert set(found) == {"Job", "Secret", "ServiceAccount", "Role", "RoleBinding"}
        for kind, obj in found.items():
            if kind != "Job":
                assert [each["uid"] for each in obj["metadata"]["ownerReferences"]] == [launched.uid]
        spec = found["Job"]["spec"]
        assert (spec["suspend"], spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (False, 20, 3600)
        assert [rule["action"] for rule in spec["podFailurePolicy"]["rules"]] == ["Ignore", "FailJob"]
        pod = spec["template"]["spec"]
        assert (pod["restartPolicy"], pod["serviceAccountName"]) == ("Never", "shop-apply")
        assert pod["securityContext"]["runAsNonRoot"]
        (container,) = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert found["RoleBinding"]["subjects"] == [{"kind": "ServiceAccount", "name": "shop-apply", "namespace": NAMESPACE_NAME}]

        await world.cluster.delete(launched.ref)
        await asyncio.sleep(60)
        assert not made_of(world)

    story(of)


def test_the_runner_may_do_what_it_has_to_and_no_more_is_needed() -> None:
    """With the rights of its Role alone it releases, and takes back what fails; its errand comes out of its Secret."""

    async def of(world: World) -> None:
        for tag, code in (("v2", True), ("bad", False)):
            launched = await launch(world.cluster, errand_of(wanted(tag)))
            granted = [
                Right(verb, group, resource, name)
                for rule in made_of(world)["Role"]["rules"]
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
                for name in rule.get("resourceNames") or [""]
            ]
            inside = Permitted(world.cluster, granted)
            sent = await errand.read(inside, NAMESPACE_NAME, "shop-apply")
            result = await carrying.carry(inside, sent, Options())
            assert result.is_ok is code
            await world.cluster.delete(launched.ref)
            await asyncio.sleep(30)

    story(of)


def test_said_twice() -> None:
    """The same again is the one that runs; another one is refused until that has ended; then it is put away."""

    async def of(world: World) -> None:
        first = await launch(world.cluster, errand_of(wanted()))
        there = await launching.running(world.cluster, errand_of(wanted()).model_copy(update={"by": "bob@laptop"}))
        assert there is not None
        assert (there.uid, there.by, there.is_ours) == (first.uid, "alice@ci", False)
        with pytest.raises(Refused, match=r"Job shop-apply runs something else of shop already, started by alice@ci"):
            await launching.running(world.cluster, errand_of(wanted("v3")))

        await asyncio.sleep(30)  # a modelled pod ends at once
        job = await jobs.found(world.cluster, first.ref)
        assert jobs.end_of(job)
        assert await launching.running(world.cluster, errand_of(wanted("v3"))) is None
        assert (await launch(world.cluster, errand_of(wanted("v3")))).uid != first.uid

    story(of)


def test_what_the_runner_before_has_left_is_in_nobodys_way() -> None:
    """What belongs to a Job goes a moment after it: until then it has the name, and an API server lets nobody change what is
    immutable."""

    async def of(world: World) -> None:
        class Strict(Passing):
            async def delete(self, ref: Ref, *, uid: str = "") -> None:
                self.left = made_of(world)["Secret"]
                await self._cluster.delete(ref, uid=uid)

            async def apply(self, obj: Obj, *, force: bool = False, dry_run: bool = False) -> Obj:
                if obj["kind"] == SECRET.name and self.left.get("immutable") and obj["data"] != self.left["data"]:
                    raise Invalid(422, "Invalid", "data: Forbidden: field is immutable when `immutable` is set")
                found: Obj = await self._cluster.apply(obj, force=force, dry_run=dry_run)
                return found

        first = await launch(world.cluster, errand_of(wanted()))
        await asyncio.sleep(30)  # a modelled pod ends at once
        assert jobs.end_of(await jobs.found(world.cluster, first.ref))
        assert (await launch(Strict(world.cluster), errand_of(wanted("v3")))).uid != first.uid

    story(of)


def test_somebodys_objects_of_its_name_are_left_alone() -> None:
    """Else they would get the rights of a release, and go with the runner."""

    async def of(world: World) -> None:
        theirs = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "shop-apply", "namespace": NAMESPACE_NAME}}
        await world.cluster.apply(theirs)
        with pytest.raises(BadInput, match="ServiceAccount shop-apply is there already, and is no runner's; nothing was changed"):
            await launch(world.cluster, errand_of(wanted()))
        assert set(made_of(world)) == {"ServiceAccount"}

    story(of)


def test_whoever_was_killed_while_making_one() -> None:
    """A Job that was never let run is young: somebody is at it. Left so, it is in nobody's way."""

    async def of(world: World) -> None:
        launched = await launch(world.cluster, errand_of(wanted()))
        await world.cluster.patch(launched.ref, {"spec": {"suspend": True}})
        assert await launching.running(world.cluster, errand_of(wanted())) is not None
        await asyncio.sleep(90)
        if jobs.end_of(await jobs.found(world.cluster, launched.ref)) is None:
            assert await launching.running(world.cluster, errand_of(wanted())) is None
        assert (await launch(world.cluster, errand_of(wanted()))).uid != launched.uid

    story(of)


@pytest.mark.parametrize("resource", ["jobs", "secrets", "roles", "serviceaccounts"])
def test_missing_rights_are_told_before_anything_is_made(resource: str) -> None:
    async def of(world: World) -> None:
        held = delegation.of_starter(makes_account=True)

        class Poor(Passing):
            async def missing_rights(self, rights: Any, namespace: str) -> list[Right]:
                return [right for right in rights if right.resource == resource]

        sent, made = errand_of(wanted()), await shipping.plan(world.cluster, wanted(), Request("apply"))
        assert any(right.resource == resource for right in held)
        with pytest.raises(MissingRights, match=f"may not .*{resource}.* in namespace shop; nothing was changed"):
            await launching.launch(Poor(world.cluster), sent, made, IMAGE, lambda line: None)
        assert not made_of(world)

    story(of)


class Passing:
    """Passes calls on."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)


class Forbidding(Passing):
    """Lets no pod in, as an admission plugin does."""

    def __init__(self, cluster: Any, why: str) -> None:
        super().__init__(cluster)
        self._why = why

    async def apply(self, obj: Obj, *, force: bool = False, dry_run: bool = False) -> Obj:
        if obj["kind"] == POD.name:
            raise Forbidden(403, "Forbidden", self._why)
        found: Obj = await self._cluster.apply(obj, force=force, dry_run=dry_run)
        return found


def test_a_policy_that_forbids_its_pod() -> None:
    """Found by trying a pod, as the Job itself would be let in."""

    async def of(world: World) -> None:
        why = 'pods "shop-apply" is forbidden: violates PodSecurity "restricted:latest"'
        with pytest.raises(BadInput, match=r"does not let the runner in: pods .*PodSecurity.*; nothing was changed"):
            await launch(Forbidding(world.cluster, why), errand_of(wanted()))
        assert not made_of(world)

    story(of)


def test_what_fails_half_way_leaves_nothing() -> None:
    """Such as a Role that this account may not grant."""

    async def of(world: World) -> None:
        class NoGrants(Passing):
            async def apply(self, obj: Obj, *, force: bool = False, dry_run: bool = False) -> Obj:
                if obj["kind"] == ROLE.name:
                    raise Forbidden(403, "Forbidden", "user may not escalate: attempting to grant RBAC permissions not held")
                found: Obj = await self._cluster.apply(obj, force=force, dry_run=dry_run)
                return found

        with pytest.raises(MissingRights, match="may not give the runner the rights of a release") as caught:
            await launch(NoGrants(world.cluster), errand_of(wanted()))
        assert "deploy rbac --in-cluster" in caught.value.hint
        await asyncio.sleep(30)
        assert not made_of(world)

    story(of)


def test_rights_beyond_its_namespace_are_an_administrators_to_give() -> None:
    """An account that has them is named; then none is made."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "shop-reads", "namespace": "kube-system"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"}, "subjects": [],
    }  # fmt: skip

    async def of(world: World) -> None:
        away = wanted(others=(*wanted().others, binding))
        with pytest.raises(BadInput, match="takes rights beyond namespace shop") as caught:
            await launch(world.cluster, errand_of(away))
        assert "serviceAccount" in caught.value.hint
        assert not made_of(world)
        await world.cluster.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "releaser", "namespace": NAMESPACE_NAME}}
        )
        named = dataclasses.replace(away, runner=RunnerOptions(image=IMAGE, service_account="releaser"))
        await launch(world.cluster, errand_of(named))
        found = made_of(world)
        assert set(found) - {"Pod"} == {"Job", "Secret"}
        assert found["Job"]["spec"]["template"]["spec"]["serviceAccountName"] == "releaser"

    story(of)


def test_a_job_that_is_deleted_ends_who_follows() -> None:
    """The release stands as it left it."""

    async def of(world: World) -> None:
        heard: list[Any] = []
        launched = await launch(world.cluster, errand_of(wanted()))
        follower = asyncio.create_task(following.Follower(world.cluster, launched, heard.append).end())
        await asyncio.sleep(0.05)
        await world.cluster.delete(launched.ref)
        with pytest.raises(ApiError, match="is gone: somebody deleted it"):
            await follower

    story(of)


def test_an_image_that_cannot_be_pulled_is_told_of() -> None:
    """As what is waited for, once: somebody may push it, and then it goes on."""

    async def of(world: World) -> None:
        heard: list[Any] = []
        behaviour = {"sandbox.rollway.dev/behaviour": "{fails: bad-image}"}

        class Unpushed(Passing):
            async def create(self, obj: Obj) -> Any:
                obj["spec"]["template"]["metadata"]["annotations"] = behaviour
                return await self._cluster.create(obj)

        launched = await launch(Unpushed(world.cluster), errand_of(wanted()))
        follower = asyncio.create_task(following.Follower(world.cluster, launched, heard.append).end())
        await asyncio.sleep(300)
        assert not follower.done()
        told = [each.text for each in heard]
        assert len(told) == len(set(told)) <= 3
        assert any(IMAGE in text and text.startswith("the runner waits: shop-apply-") for text in told), told
        follower.cancel()

    story(of)


def test_a_runner_that_ticks() -> None:
    """A CronJob, never two at once, that may take itself away; said twice it is the one that is there."""

    async def of(world: World) -> None:
        sent = errand_of(wanted()).model_copy(update={"job": "shop-tick", "ticks": True})
        launched = await launch(world.cluster, sent)
        (found,) = world.sandbox.store.list(CRON_JOB, NAMESPACE_NAME)
        assert (found["spec"]["concurrencyPolicy"], found["spec"]["suspend"]) == ("Forbid", False)
        assert found["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
        (role,) = world.sandbox.store.list(ROLE, NAMESPACE_NAME)
        assert {"apiGroups": ["batch"], "resources": ["cronjobs"], "resourceNames": ["shop-tick"], "verbs": ["delete"]} in role[
            "rules"
        ]
        there = await launching.running(world.cluster, sent)
        assert there is not None
        assert there.uid == launched.uid

        await world.cluster.delete(launched.ref)
        await asyncio.sleep(60)
        left = [obj for kind in KINDS for obj in world.sandbox.store.list(kind, NAMESPACE_NAME)]
        assert not [obj for obj in left if obj["metadata"]["name"].startswith("shop-tick")]

    story(of)


def test_an_errand_whose_secret_is_gone() -> None:
    async def of(world: World) -> None:
        with pytest.raises(BadInput, match="there is no errand: Secret shop-apply of namespace shop is gone"):
            await errand.read(world.cluster, NAMESPACE_NAME, "shop-apply")

    story(of)


@pytest.mark.parametrize("left", ["nothing", "what is no errand"])
def test_a_ticking_runner_without_its_errand_ends(left: str) -> None:
    """It would find no more at its next look, five minutes later, and fail so for ever: its CronJob goes, with all that is its
    own."""

    async def of(world: World) -> None:
        sent = errand_of(wanted()).model_copy(update={"job": "shop-tick", "ticks": True})
        launched = await launch(world.cluster, sent)
        secret = Ref(SECRET.api_version, SECRET.name, NAMESPACE_NAME, "shop-tick")
        if left == "nothing":
            await world.cluster.delete(secret)
        else:
            await world.cluster.patch(secret, {"data": {errand.KEY: "bm9uZQ=="}})
        with pytest.raises(BadInput, match="errand"):
            await carried(world.cluster, NAMESPACE_NAME, "shop-tick", LinesView())
        await asyncio.sleep(60)

        assert await world.cluster.get(launched.ref) is None
        assert not [
            obj for kind in KINDS for obj in world.sandbox.store.list(kind, NAMESPACE_NAME) if "tick" in obj["metadata"]["name"]
        ]

    story(of)


def test_following_a_run() -> None:
    """Every pod's log from its first line, where the connection drops again without what was heard, to the run's end."""
    from rollway.cluster.events import Noticed
    from rollway.ship.lines import encoded

    async def of(world: World) -> tuple[list[Any], Any]:
        sent = errand_of(wanted())
        launched = await launch(world.cluster, sent)
        made = await shipping.plan(world.cluster, wanted(), Request("apply"))
        end = Result(made, "Promoted", 100)
        pieces = [
            [encoded(Noticed("one")), "not ours"],
            [encoded(Noticed("one")), "not ours", encoded(Noticed("two")), encoded(end)],
        ]

        class Logged(Passing):
            async def follow_log(self, namespace: str, pod: str, container: str) -> Any:
                for line in pieces.pop(0):
                    yield line

            async def list(self, kind: Any, namespace: str, **chosen: Any) -> Any:
                found = await self._cluster.list(kind, namespace, **chosen)
                running = [{**each, "status": {"phase": "Running"}} for each in found]
                return running if kind == POD and "fields" in chosen else found

        heard: list[Any] = []
        return heard, await following.Follower(Logged(world.cluster), launched, heard.append).end()

    heard, end = story(of)
    assert [getattr(each, "message", getattr(each, "text", "")) for each in heard] == ["one", "not ours", "two"]
    assert end.phase == "Promoted"


def test_a_log_that_was_rotated_meanwhile_is_heard_to_its_end() -> None:
    """Its kept part is shorter than what was heard: rather told twice than the end of a run that went well never known."""
    from rollway.cluster.events import Noticed
    from rollway.ship.lines import encoded

    async def of(world: World) -> Any:
        launched = await launch(world.cluster, errand_of(wanted()))
        end = Result(await shipping.plan(world.cluster, wanted(), Request("apply")), "Promoted", 100)
        pieces = [
            [encoded(Noticed(each)) for each in "abc"],
            [encoded(Noticed("c")), encoded(end)],
            [encoded(Noticed("c")), encoded(end)],
        ]

        class Logged(Passing):
            async def follow_log(self, namespace: str, pod: str, container: str) -> Any:
                for line in pieces.pop(0):
                    yield line

            async def list(self, kind: Any, namespace: str, **chosen: Any) -> Any:
                found = await self._cluster.list(kind, namespace, **chosen)
                phase = "Running" if len(pieces) == 3 else "Succeeded"
                seen = [{**each, "status": {"phase": phase}} for each in found]
                return seen if kind == POD and "fields" in chosen else found

        async with asyncio.timeout(600):
            return await following.Follower(Logged(world.cluster), launched, lambda line: None).end()

    assert story(of).phase == "Promoted"


def test_lines_that_do_not_fit_are_shown_as_they_are(capfd: pytest.CaptureFixture[str]) -> None:
    """A log may have lost its first lines, be of another rollway, or say whatever looks like a run's: none ends who follows."""
    from rollway.cli.views.human import HumanView
    from rollway.cluster.events import StepEnded
    from rollway.ship.lines import Erred, Said, encoded

    async def of(world: World) -> Any:
        launched = await launch(world.cluster, errand_of(wanted()))
        made = await shipping.plan(world.cluster, wanted(), Request("apply"))
        view = HumanView()

        class Logged(Passing):
            async def follow_log(self, namespace: str, pod: str, container: str) -> Any:
                yield encoded(StepEnded(7, made.steps[1], 0.5))  # of a run of whose beginning nobody has heard
                yield encoded(Erred(1, "that is its end"))

        def hear(line: Any) -> None:
            if isinstance(line, Said):
                view.note(line.text)
            else:
                view.event(line)

        return await following.Follower(Logged(world.cluster), launched, hear).end()

    end = story(of)
    assert end.summary == "that is its end"
    assert '"rollway":"StepEnded"' in capfd.readouterr().err


def test_no_variable_takes_the_errands_place() -> None:
    """They lie beside it in the Secret, by the names that users give them."""
    sent = errand_of(wanted())
    owner = launching.runner.job(sent, IMAGE, "shop-apply", ["errand"])
    owner["metadata"]["uid"] = "1"
    (secret,) = launching.runner.beside(sent, owner, errand.packed(sent), {"errand": "x", "rollway_errand": "y"}, None)
    assert errand.unpacked(secret["data"][errand.KEY]) == sent
    assert set(secret["data"]) == {errand.KEY, "errand", "rollway_errand"}


def test_ref_is_of_the_release() -> None:
    assert launching.runner.ref_of_runner(wanted(), "apply") == Ref("batch/v1", "Job", NAMESPACE_NAME, "shop-apply")
