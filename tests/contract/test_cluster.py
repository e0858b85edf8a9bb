"""The contract of the `Cluster` port: every sentence of its docstrings, held by each implementation."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from rollway.cluster.port import Cluster, Event, Right, Tail
from rollway.errors import ApiError, ApplyConflict, Conflict, Invalid, NotFound
from rollway.kube.objects import CONFIG_MAP, DEPLOYMENT, EVENT, POD, REPLICA_SET, SECRET, SERVICE, Kind, Obj, Ref

PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def _on_its_own_loop(runner: asyncio.Runner) -> None:
    """Every test of this file runs on the place's event loop."""


def config(namespace: str, name: str = "a", labels: dict[str, str] | None = None, **data: str) -> Obj:
    meta = {"name": name, "namespace": namespace, "labels": labels or {"app": "shop"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def deployment(namespace: str, name: str = "web", replicas: int = 0, app: str = "web") -> Obj:
    template = {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "web", "image": "example.com/shop:1"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def named(namespace: str, name: str = "a") -> Ref:
    return Ref("v1", "ConfigMap", namespace, name)


def web(namespace: str) -> Ref:
    return Ref("apps/v1", "Deployment", namespace, "web")


async def gone(cluster: Cluster, kind: Kind, namespace: str) -> None:
    """Until nothing of the kind is left."""
    left: set[str] = {obj["metadata"]["name"] for obj in await cluster.list(kind, namespace)}
    if not left:
        return
    async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(cluster.watch(kind, namespace)) as events:
        seen = False
        async for event in events:
            seen = True
            name = event.obj["metadata"]["name"]
            left = left - {name} if event.type == "DELETED" else left | {name}
            if seen and not left:
                return


async def take(events: AsyncIterator[Event], count: int) -> list[tuple[str, str]]:
    async with asyncio.timeout(PATIENCE_S):
        taken = [await anext(events) for _ in range(count)]
    return [(event.type, event.obj["metadata"]["name"]) for event in taken]


# get and list


async def test_get_answers_the_object_or_none(cluster: Cluster, namespace: str) -> None:
    """An object that is not there is no error; nor is one of a kind, or in a namespace, that is not there."""
    await cluster.create(config(namespace, k="1"))

    found = await cluster.get(named(namespace))
    assert found is not None
    assert (found["kind"], found["data"]) == ("ConfigMap", {"k": "1"})
    assert await cluster.get(named(namespace, "b")) is None
    assert await cluster.get(named("rollway-no-such-namespace")) is None
    assert await cluster.get(Ref("nowhere.example.com/v1", "Widget", namespace, "a")) is None


async def test_list_chooses_by_labels(cluster: Cluster, namespace: str) -> None:
    """All of the kind in the namespace whose labels equal the given ones; each has its apiVersion and kind."""
    await cluster.create(config(namespace, "a", {"app": "shop", "tier": "1"}))
    await cluster.create(config(namespace, "b", {"app": "shop", "tier": "2"}))
    await cluster.create(config(namespace, "c", {"app": "blog"}))

    shop = await cluster.list(CONFIG_MAP, namespace, labels={"app": "shop"})

    assert {obj["metadata"]["name"] for obj in shop} == {"a", "b"}
    assert {(obj["apiVersion"], obj["kind"]) for obj in shop} == {("v1", "ConfigMap")}
    assert [o["metadata"]["name"] for o in await cluster.list(CONFIG_MAP, namespace, labels={"app": "shop", "tier": "2"})] == [
        "b"
    ]
    assert {"a", "b", "c"} <= {obj["metadata"]["name"] for obj in await cluster.list(CONFIG_MAP, namespace)}
    assert list(await cluster.list(SERVICE, namespace)) == []
    assert list(await cluster.list(CONFIG_MAP, "rollway-no-such-namespace")) == []


async def test_list_chooses_by_fields(cluster: Cluster, namespace: str) -> None:
    """A field selector, such as the object that an Event is about."""
    for name in ("web-1", "web-2"):
        await cluster.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{name}.1", "namespace": namespace},
                "involvedObject": {"kind": "Pod", "name": name, "namespace": namespace},
                "reason": "Failed",
                "message": "no",
                "type": "Warning",
            }
        )

    events = await cluster.list(EVENT, namespace, fields={"involvedObject.name": "web-1"})

    assert [event["metadata"]["name"] for event in events] == ["web-1.1"]


# apply


async def test_apply_creates_and_merges(cluster: Cluster, namespace: str) -> None:
    """What was applied before and is so no longer goes; what others wrote stays; the answer is what is live."""
    created = await cluster.apply(config(namespace, k="1", old="x"))
    await cluster.patch(named(namespace), {"data": {"theirs": "y"}})
    merged = await cluster.apply(config(namespace, k="2"))

    assert created["metadata"]["uid"]
    assert merged["data"] == {"k": "2", "theirs": "y"}
    assert await cluster.get(named(namespace)) == merged


async def test_apply_of_the_same_is_no_change(cluster: Cluster, namespace: str) -> None:
    """A step done twice is the step done once."""
    first = await cluster.apply(deployment(namespace))
    await asyncio.sleep(0)
    again = await cluster.apply(deployment(namespace))

    assert again["metadata"]["generation"] == first["metadata"]["generation"]
    assert again["spec"] == first["spec"]
    assert again["spec"]["strategy"]["type"] == "RollingUpdate"


async def test_apply_never_takes_silently(cluster: Cluster, namespace: str) -> None:
    """A field that another writer owns is a conflict which names manager and field, and nothing changes; forced, it is ours."""
    await cluster.create(config(namespace, k="1"))  # rollway's own, but by Update and not by Apply: another manager to the server

    with pytest.raises(ApplyConflict) as caught:
        await cluster.apply(config(namespace, k="2"))

    assert [tuple(conflict) for conflict in caught.value.conflicts] == [("rollway", ".data.k")]
    assert caught.value.code == 409
    assert (await cluster.get(named(namespace)) or {})["data"] == {"k": "1"}
    assert (await cluster.apply(config(namespace, k="2"), force=True))["data"] == {"k": "2"}
    assert (await cluster.apply(config(namespace, k="3")))["data"] == {"k": "3"}


async def test_a_scaled_deployment_has_its_replicas_owned(cluster: Cluster, namespace: str) -> None:
    """Who scaled owns the count, as an autoscaler does; what an apply leaves out is not contended."""
    await cluster.apply(deployment(namespace, replicas=0))
    await cluster.patch(web(namespace), {"spec": {"replicas": 1}}, subresource="scale")

    with pytest.raises(ApplyConflict) as caught:
        await cluster.apply(deployment(namespace, replicas=2))

    assert [conflict.field for conflict in caught.value.conflicts] == [".spec.replicas"]
    without = deployment(namespace)
    del without["spec"]["replicas"]
    assert (await cluster.apply(without))["spec"]["replicas"] == 1


async def test_apply_can_be_tried(cluster: Cluster, namespace: str) -> None:
    """A dry run answers what would be, checks as the real one does, and changes nothing."""
    tried = await cluster.apply(config(namespace, k="1"), dry_run=True)

    assert tried["data"] == {"k": "1"}
    assert await cluster.get(named(namespace)) is None
    await cluster.create(config(namespace, k="1"))
    with pytest.raises(ApplyConflict):
        await cluster.apply(config(namespace, k="2"), dry_run=True)
    await cluster.apply(config(namespace, k="2"), dry_run=True, force=True)
    assert (await cluster.get(named(namespace)) or {})["data"] == {"k": "1"}


async def test_what_is_invalid_is_refused(cluster: Cluster, namespace: str) -> None:
    """With the server's words, and nothing is created."""
    for write in (cluster.apply, cluster.create):
        with pytest.raises(Invalid, match="does not match template"):
            await write(deployment(namespace, app="other"))

    assert await cluster.get(web(namespace)) is None


@pytest.mark.parametrize("verb", ["apply", "create"])
async def test_a_missing_namespace_is_told(cluster: Cluster, namespace: str, verb: str) -> None:
    """What is missing is the namespace, not the object."""
    with pytest.raises(NotFound, match="rollway-no-such-namespace") as caught:
        await getattr(cluster, verb)(config("rollway-no-such-namespace"))

    assert caught.value.code == 404
    assert caught.value.details["kind"] == "namespaces"


# create and replace


async def test_create_refuses_a_name_that_is_taken(cluster: Cluster, namespace: str) -> None:
    """Conflict, reason AlreadyExists; the object that has the name stays as it is."""
    created = await cluster.create(config(namespace, k="1"))

    with pytest.raises(Conflict) as caught:
        await cluster.create(config(namespace, k="2"))

    assert (caught.value.code, caught.value.reason) == (409, "AlreadyExists")
    assert await cluster.get(named(namespace)) == created


async def test_replace_is_optimistic(cluster: Cluster, namespace: str) -> None:
    """With the live resourceVersion it succeeds, with an older one it is a Conflict, without one it is unconditional."""
    first = await cluster.create(config(namespace, k="1"))
    second = await cluster.replace({**first, "data": {"k": "2"}})

    with pytest.raises(Conflict) as caught:
        await cluster.replace({**first, "data": {"k": "3"}})

    assert caught.value.reason == "Conflict"
    assert second["data"] == {"k": "2"}
    assert second["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    assert (await cluster.replace(config(namespace, k="4")))["data"] == {"k": "4"}
    with pytest.raises(NotFound):
        await cluster.replace(config(namespace, "none"))


# patch


async def test_a_mapping_is_a_merge_patch(cluster: Cluster, namespace: str) -> None:
    """Null removes, the rest is laid over."""
    await cluster.create(config(namespace, k="1", old="x"))

    patched = await cluster.patch(named(namespace), {"data": {"old": None, "new": "y"}})

    assert patched["data"] == {"k": "1", "new": "y"}
    assert await cluster.get(named(namespace)) == patched


async def test_a_sequence_is_a_json_patch(cluster: Cluster, namespace: str) -> None:
    """Operations, all or none of them; one that cannot be done is refused."""
    await cluster.create(config(namespace, k="1"))
    replace = {"op": "replace", "path": "/data", "value": {"k": "2"}}

    assert (await cluster.patch(named(namespace), [replace]))["data"] == {"k": "2"}
    with pytest.raises(ApiError) as caught:
        await cluster.patch(named(namespace), [{**replace, "value": {}}, {"op": "test", "path": "/data/k", "value": "1"}])
    assert caught.value.code == 422
    assert (await cluster.get(named(namespace)) or {})["data"] == {"k": "2"}


async def test_what_is_not_there_cannot_be_patched(cluster: Cluster, namespace: str) -> None:
    """NotFound, of the object and of its subresource."""
    with pytest.raises(NotFound):
        await cluster.patch(named(namespace), {"data": {}})
    with pytest.raises(NotFound):
        await cluster.patch(web(namespace), {"spec": {"replicas": 1}}, subresource="scale")


async def test_a_deployment_is_scaled_by_its_subresource(cluster: Cluster, namespace: str) -> None:
    """The answer is the Scale; the Deployment has the count."""
    await cluster.apply(deployment(namespace))

    scale = await cluster.patch(web(namespace), {"spec": {"replicas": 2}}, subresource="scale")

    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 2)
    assert (await cluster.get(web(namespace)) or {})["spec"]["replicas"] == 2


# delete


async def test_delete_is_idempotent(cluster: Cluster, namespace: str) -> None:
    """What is not there is as it should be."""
    await cluster.create(config(namespace))

    await cluster.delete(named(namespace))
    await cluster.delete(named(namespace))

    assert await cluster.get(named(namespace)) is None
    await cluster.delete(named("rollway-no-such-namespace"))


async def test_delete_knows_whom(cluster: Cluster, namespace: str) -> None:
    """Another object of that name is not deleted: its uid is not the one asked for."""
    first = await cluster.create(config(namespace, k="1"))
    await cluster.delete(named(namespace))
    second = await cluster.create(config(namespace, k="2"))

    with pytest.raises(Conflict):
        await cluster.delete(named(namespace), uid=first["metadata"]["uid"])
    assert await cluster.get(named(namespace)) == second
    await cluster.delete(named(namespace), uid=second["metadata"]["uid"])
    assert await cluster.get(named(namespace)) is None


async def test_delete_takes_what_is_owned(cluster: Cluster, namespace: str) -> None:
    """In the background: the Deployment is gone at once, its ReplicaSets soon."""
    await cluster.apply(deployment(namespace))
    async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(cluster.watch(REPLICA_SET, namespace)) as events:
        assert (await anext(events)).type == "ADDED"

    await cluster.delete(web(namespace))

    assert await cluster.get(web(namespace)) is None
    await gone(cluster, REPLICA_SET, namespace)


# watch


async def test_watch_tells_what_is_there_and_then_what_changes(cluster: Cluster, namespace: str) -> None:
    """First every object as ADDED, then each change with the object as it was left."""
    await cluster.create(config(namespace, "a", {"app": "w"}))
    await cluster.create(config(namespace, "b", {"app": "w"}))
    async with contextlib.aclosing(cluster.watch(CONFIG_MAP, namespace, labels={"app": "w"})) as events:
        assert set(await take(events, 2)) == {("ADDED", "a"), ("ADDED", "b")}

        await cluster.create(config(namespace, "c", {"app": "w"}))
        await cluster.patch(named(namespace), {"data": {"k": "2"}})
        await cluster.delete(named(namespace, "b"))

        async with asyncio.timeout(PATIENCE_S):
            added, changed, deleted = [await anext(events) for _ in range(3)]
    assert [event.type for event in (added, changed, deleted)] == ["ADDED", "MODIFIED", "DELETED"]
    assert changed.obj["data"] == {"k": "2"}
    assert {(event.obj["apiVersion"], event.obj["kind"]) for event in (added, changed, deleted)} == {("v1", "ConfigMap")}
    assert (added.obj["metadata"]["name"], deleted.obj["metadata"]["name"]) == ("c", "b")


async def test_watch_by_name(cluster: Cluster, namespace: str) -> None:
    """Only that object, which need not be there yet."""
    async with contextlib.aclosing(cluster.watch(CONFIG_MAP, namespace, name="b")) as events:
        first = asyncio.create_task(take(events, 1))
        await asyncio.sleep(0.05)  # so that the watch is open before the object is there
        await cluster.create(config(namespace, "a"))
        await cluster.create(config(namespace, "b"))

        assert await first == [("ADDED", "b")]


async def test_watch_by_fields(cluster: Cluster, namespace: str) -> None:
    """Only objects whose fields are so, as in a list."""
    of_type = {"type": "rollway.dev/test"}
    async with contextlib.aclosing(cluster.watch(SECRET, namespace, fields=of_type)) as events:
        first = asyncio.create_task(take(events, 1))
        await asyncio.sleep(0.05)
        for name, type_ in (("a", "Opaque"), ("b", "rollway.dev/test")):
            meta = {"name": name, "namespace": namespace}
            await cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": type_})

        assert await first == [("ADDED", "b")]


async def test_watch_by_labels(cluster: Cluster, namespace: str) -> None:
    """An object that gains the labels is ADDED, one that loses them is DELETED."""
    await cluster.create(config(namespace, "a", {"app": "shop"}))
    await cluster.create(config(namespace, "b", {"app": "blog"}))
    async with contextlib.aclosing(cluster.watch(CONFIG_MAP, namespace, labels={"app": "shop"})) as events:
        seen: list[Any] = await take(events, 1)
        await cluster.patch(named(namespace, "b"), {"metadata": {"labels": {"app": "shop"}}})
        await cluster.patch(named(namespace, "a"), {"metadata": {"labels": {"app": "blog"}}})
        seen += await take(events, 2)

    assert seen == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


async def test_two_watches_see_the_same(cluster: Cluster, namespace: str) -> None:
    """Each watch is its own; one that is closed does not end another."""
    one = cluster.watch(DEPLOYMENT, namespace)
    async with contextlib.aclosing(cluster.watch(DEPLOYMENT, namespace)) as two:
        await cluster.apply(deployment(namespace))
        assert await take(one, 1) == await take(two, 1) == [("ADDED", "web")]
        await one.aclose()
        await cluster.patch(web(namespace), {"metadata": {"labels": {"x": "y"}}})
        async with asyncio.timeout(PATIENCE_S):
            while (await anext(two)).obj["metadata"].get("labels") != {"x": "y"}:
                pass


# logs


async def test_logs_of_nobody_are_empty(cluster: Cluster, namespace: str) -> None:
    """A pod that is not there has none, nor had one before."""
    assert await cluster.logs(namespace, "none", "web") == ""
    assert await cluster.logs(namespace, "none", "web", Tail(previous=True)) == ""
    assert list(await cluster.list(POD, namespace)) == []


async def test_a_log_of_nobody_is_followed_to_its_end(cluster: Cluster, namespace: str) -> None:
    """Which is at once: whoever follows a pod that has not started looks again."""
    async with asyncio.timeout(PATIENCE_S):
        assert [line async for line in cluster.follow_log(namespace, "none", "web")] == []


# rights


async def test_nothing_is_missing_where_all_is_allowed(cluster: Cluster, namespace: str) -> None:
    """Whoever may do everything in a namespace, as in the sandbox and as a live cluster's administrator, lacks nothing."""
    asked = [Right("list", "", "pods"), Right("patch", "apps", "deployments/scale", "web")]

    assert list(await cluster.missing_rights(asked, namespace)) == []
