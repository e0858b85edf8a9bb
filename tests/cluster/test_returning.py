"""What a release has taken of others' fields goes back in a write of its own, whoever comes between; no release fails by it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from rollway.cluster.events import Failure, Noticed, RunEvent
from rollway.cluster.execute import Executor
from rollway.cluster.journal import Journal
from rollway.cluster.lock import Lock
from rollway.cluster.port import Cluster
from rollway.cluster.returning import TRIES, give_back
from rollway.errors import ApiError, Conflict
from rollway.kube.objects import DEPLOYMENT, Obj, Ref
from rollway.plan.lending import fingerprint
from rollway.plan.observed import FIELD_MANAGER
from rollway.plan.plan import Plan
from rollway.plan.steps import GiveBack, Loan

SHOP = Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, "shop", "shop")
REPLICAS = ("f:spec", "f:replicas")
LOAN = Loan(ref=SHOP, manager="kubectl", operation="Update", api_version="apps/v1", path=REPLICAS, was=fingerprint(3))
STEP = GiveBack(ref=SHOP, why="", loans=(LOAN,))
CONFLICT = Conflict(409, "Conflict", "the object has been modified; please apply your changes to the latest version", {})


class Disputed:
    """A Deployment that we hold the replicas of. Somebody writes it after each of our reads, so many times: our patch is refused
    with that error. One that is taken is there at the next look."""

    def __init__(self, times: int = 0, error: ApiError = CONFLICT, replicas: int = 3) -> None:
        self._left, self._error, self._replicas = times, error, replicas
        self.read = 0
        self._entries: list[Obj] = [
            {
                "manager": FIELD_MANAGER, "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            }
        ]  # fmt: skip
        self.patched: list[Any] = []

    async def get(self, ref: Ref) -> Obj | None:
        self.read += 1
        return self._as_it_stands()

    def _as_it_stands(self) -> Obj:
        meta = {"name": "shop", "namespace": "shop", "resourceVersion": str(self.read), "managedFields": self._entries}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": self._replicas}}

    async def patch(self, ref: Ref, patch: Any, **_: Any) -> Obj:
        if self._left:
            self._left -= 1
            raise self._error
        self.patched.append(patch)
        self._entries = patch[1]["value"]
        return self._as_it_stands()


class Held:
    """A lock that is ours."""

    def check(self) -> None:
        return


def carried_out(live: Disputed) -> tuple[Failure | None, list[str]]:
    told: list[str] = []

    def emit(event: RunEvent) -> None:
        if isinstance(event, Noticed):
            told.append(event.message)

    executor = Executor(cast(Cluster, live), cast(Lock, Held()), Journal({}), emit)
    plan = Plan.model_construct(app="shop", namespace="shop", steps=(STEP,))
    return asyncio.run(executor.run(plan)), told


@pytest.mark.parametrize("times", range(TRIES))
def test_whoever_comes_between_is_read_anew(times: int) -> None:
    """The patch is tied to what was read last, makes kubectl the manager of its field again, and is no news."""
    live = Disputed(times)

    assert carried_out(live) == (None, [])
    assert live.read == times + 1  # what the API server answers to the patch is the look after it
    [[tie, written]] = live.patched
    assert (tie["op"], tie["path"], tie["value"]) == ("test", "/metadata/resourceVersion", str(times + 1))
    assert written["path"] == "/metadata/managedFields"
    [entry] = written["value"]
    assert (entry["manager"], entry["fieldsV1"]) == ("kubectl", {"f:spec": {"f:replicas": {}}})


def test_what_cannot_be_given_back_is_told_and_no_failure() -> None:
    live = Disputed(TRIES)

    assert carried_out(live) == (None, [f"{SHOP} keeps rollway as a manager of 1 fields that were others' before"])
    assert (live.read, live.patched) == (TRIES + 1, [])


def test_a_field_of_another_value_is_nobodys_to_give() -> None:
    live = Disputed(replicas=5)

    assert carried_out(live) == (None, [])
    assert live.patched == []


def test_an_api_server_that_is_away_is_the_executors_to_wait_for() -> None:
    """It is asked once: whoever calls knows for how long it may be waited for."""
    live = Disputed(TRIES, ApiError(503, "ServiceUnavailable", "the server is shutting down"))

    with pytest.raises(ApiError, match="shutting down"):
        asyncio.run(give_back(cast(Cluster, live), STEP))
    assert live.read == 1
