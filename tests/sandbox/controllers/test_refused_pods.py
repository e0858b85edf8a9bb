"""Pods that a controller makes are let in as anybody's: a missing account and a full quota refuse them, in the real words."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal
from typing import Any

import pytest
from rollway.kube.objects import (
    DAEMON_SET,
    DEPLOYMENT,
    EVENT,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    RESOURCE_QUOTA,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Kind,
    Obj,
    get,
)
from rollway.sandbox.api.admission.quota import shown, status_of
from rollway.sandbox.controllers.index import condition_of
from rollway.sandbox.events import COMBINED
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from shop import STRATEGIES, in_world, release


def deployment(replicas: int = 2, resources: Obj | None = None, **spec: Any) -> Obj:
    labels = {"app": "web"}
    container = {"name": "app", "image": "shop:1", "resources": resources or {}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]} | spec}
    return {
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def quota(**hard: str) -> Obj:
    return {"metadata": {"name": "team"}, "spec": {"hard": {key.replace("_", "."): value for key, value in hard.items()}}}


def told(sandbox: Sandbox) -> tuple[Obj, list[str]]:
    """The Deployment's condition, and what FailedCreate says, with the pods' suffixes left out."""
    condition = condition_of(sandbox.store.get(DEPLOYMENT, "default", "web"), "ReplicaFailure") or {}
    events = [each["message"].removeprefix(COMBINED) for each in sandbox.store.list(EVENT) if each["reason"] == "FailedCreate"]
    return condition, sorted({re.sub(r'"web-\w+-\w+"', '"web"', message) for message in events})


def test_a_missing_account_refuses_pods_until_it_is_there() -> None:
    async def run() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(DEPLOYMENT, "default", deployment(serviceAccountName="robot"))
            await asyncio.sleep(3)
            condition, messages = told(sandbox)
            why = 'error looking up service account default/robot: serviceaccount "robot" not found'
            assert messages == [f'Error creating: pods "web" is forbidden: {why}']
            assert (condition["status"], condition["reason"]) == ("True", "FailedCreate")
            assert condition["message"].endswith(f"is forbidden: {why}")
            sandbox.api.create(SERVICE_ACCOUNT, "default", {"metadata": {"name": "robot"}})
            await asyncio.sleep(20)
            found = sandbox.store.get(DEPLOYMENT, "default", "web")
            assert found["status"]["availableReplicas"] == 2
            assert condition_of(found, "ReplicaFailure") is None

    run_virtual(run())


@pytest.mark.parametrize(
    ("hard", "resources", "pods", "why"),
    [
        ({"pods": "1"}, {}, 1, "exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1"),
        (
            {"requests_cpu": "700m", "memory": "1Gi"},
            {"requests": {"cpu": "500m", "memory": "512Mi"}},
            1,
            "exceeded quota: team, requested: requests.cpu=500m, used: requests.cpu=500m, limited: requests.cpu=700m",
        ),
        (
            {"cpu": "1", "memory": "1Gi"},
            {"limits": {"cpu": "2", "memory": "2Gi"}},
            0,
            "exceeded quota: team, requested: cpu=2,memory=2Gi, used: cpu=0,memory=0, limited: cpu=1,memory=1Gi",
        ),
        ({"limits_cpu": "1"}, {}, 0, "failed quota: team: must specify limits.cpu for: app"),
    ],
)
def test_a_quota(hard: dict[str, str], resources: Obj, pods: int, why: str) -> None:
    async def run() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(RESOURCE_QUOTA, "default", quota(**hard))
            sandbox.api.create(DEPLOYMENT, "default", deployment(resources=resources))
            await asyncio.sleep(3)
            assert len(list(sandbox.store.list(POD))) == pods
            assert told(sandbox)[1] == [f'Error creating: pods "web" is forbidden: {why}']
            replicaset = next(sandbox.store.list(REPLICA_SET))
            assert get(replicaset, "status", "conditions")[0]["reason"] == "FailedCreate"

    run_virtual(run())


def test_quantities_as_the_server_writes_them() -> None:
    assert shown("cpu", Decimal("1.5")) == "1500m"
    assert shown("limits.memory", Decimal(1024**3)) == "1Gi"
    assert shown("pods", Decimal(3)) == "3"
    assert status_of(quota(pods="4"), []) == {"hard": {"pods": "4"}, "used": {"pods": "0"}}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("spec", "resources", "words"),
    [
        ({"nodeSelector": {"no": "such"}}, {}, "didn't match Pod's node affinity/selector"),
        ({}, {"requests": {"cpu": "4000"}}, "Insufficient cpu"),
        ({"serviceAccountName": "robot"}, {}, 'serviceaccount "robot" not found'),
        ({"volumes": [{"name": "v", "secret": {"secretName": "db"}}]}, {}, 'secret "db" not found'),
    ],
    ids=["selector", "cpu", "account", "volume"],
)
def test_a_release_stops_with_the_reason(strategy: str, spec: Obj, resources: Obj, words: str) -> None:
    """What a cluster would never start is no release here either."""

    async def story(world: Any) -> None:
        result = await world.ship("apply", release("v1"))
        assert result.failure is None
        wanted = release("v2", strategy=strategy)
        pod = wanted.workload["spec"]["template"]["spec"]
        pod |= spec
        pod["containers"][0]["resources"] = resources
        result = await world.ship("apply", wanted, strategy=strategy)
        assert result.failure is not None
        assert words in result.failure.summary + str(result.failure)

    in_world(story)


MAKERS = pytest.mark.parametrize("kind", [STATEFUL_SET, DAEMON_SET, REPLICATION_CONTROLLER], ids=lambda kind: kind.name)


def other(kind: Kind, **spec: Any) -> Obj:
    made = deployment(**spec)
    if kind == DAEMON_SET:
        del made["spec"]["replicas"]
    elif kind == REPLICATION_CONTROLLER:
        made["spec"]["selector"] = {"app": "web"}
    return made


def refusals(sandbox: Sandbox) -> set[str]:
    events = [each["message"].removeprefix(COMBINED) for each in sandbox.store.list(EVENT) if each["reason"] == "FailedCreate"]
    return {re.sub(r"web-\w+", "web", message) for message in events}


@MAKERS
def test_what_others_make_is_refused_as_well(kind: Kind) -> None:
    """And comes as soon as there is room and an account: nothing has to be touched."""

    async def story() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(RESOURCE_QUOTA, "default", quota(pods="0"))
            sandbox.api.create(kind, "default", other(kind, serviceAccountName="shopkeeper"))
            await asyncio.sleep(30)
            named = "create Pod web in StatefulSet web failed error" if kind == STATEFUL_SET else "Error creating"
            account = 'error looking up service account default/shopkeeper: serviceaccount "shopkeeper" not found'
            assert refusals(sandbox) == {f'{named}: pods "web" is forbidden: {account}'}

            sandbox.api.create(SERVICE_ACCOUNT, "default", {"metadata": {"name": "shopkeeper"}})
            await asyncio.sleep(120)
            full = "exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0"
            assert f'{named}: pods "web" is forbidden: {full}' in refusals(sandbox)
            assert list(sandbox.store.list(POD, "default")) == []

            sandbox.api.patch(RESOURCE_QUOTA, "default", "team", {"spec": {"hard": {"pods": "5"}}})
            await asyncio.sleep(600)
            wanted = 1 if kind == DAEMON_SET else 2
            assert len(list(sandbox.store.list(POD, "default"))) == wanted

    run_virtual(story())


@MAKERS
def test_where_accounts_are_presumed_none_is_missed(kind: Kind) -> None:
    async def story() -> None:
        async with Sandbox(presumes=True) as sandbox:
            sandbox.api.create(kind, "default", other(kind, serviceAccountName="shopkeeper"))
            await asyncio.sleep(60)
            assert len(list(sandbox.store.list(POD, "default"))) == (1 if kind == DAEMON_SET else 2)

    run_virtual(story())
