"""Revisions as Secrets: what cannot be read or written is told, and fills no memory."""

from __future__ import annotations

import asyncio
import base64
import gzip
import os
from typing import Any, cast

import pytest
from rollway.cluster import history
from rollway.cluster.port import Cluster
from rollway.errors import BadInput, ClusterError
from rollway.kube.objects import Obj, Ref
from rollway.plan.revision import Revision


def revision(number: int, phase: str, **kw: Any) -> Revision:
    given = {"version": "1", "image": "shop:1", "digest": "", "replicas": 1, "base": 0, "release": {}, "weight": 0} | kw
    return Revision.model_validate(
        given | {"number": number, "app": "shop", "namespace": "shop", "strategy": "ramped", "phase": phase}
    )


class Emptied:
    """A cluster that takes what is to be deleted."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def delete(self, ref: Ref) -> None:
        self.deleted.append(ref.name)


class OneSecret:
    """A cluster that holds this, and takes whatever is applied."""

    def __init__(self, packed: bytes = b"") -> None:
        self.applied: list[Obj] = []
        self._secret = {
            "metadata": {"name": "rollway.shop.v1"},
            "type": history.SECRET_TYPE,
            "data": {"revision": base64.b64encode(packed).decode()},
        }

    async def list(self, *_: Any, **__: Any) -> list[Obj]:
        return [self._secret]

    async def apply(self, obj: Obj, **_: Any) -> Obj:
        self.applied.append(obj)
        return obj


def test_a_record_that_unpacks_without_end_is_not_unpacked() -> None:
    """A hundred kilobytes may stand for a hundred megabytes."""
    bomb = gzip.compress(b" " * (history.MAX_BYTES + 1))

    with pytest.raises(ClusterError) as error:
        asyncio.run(history.load(cast(Cluster, OneSecret(bomb)), "shop", "shop"))

    assert "rollway.shop.v1 is no readable revision" in error.value.summary


def test_a_record_that_no_secret_holds_is_refused() -> None:
    """Before it is sent: the API server would say so in its own words, in the middle of a run."""
    noise = {"data": {"blob": os.urandom(2**20).hex() + os.urandom(2**20).hex()}}
    revision = Revision(
        number=1, app="shop", namespace="shop", strategy="ramped", phase="Progressing", weight=0, version="1", image="shop:1",
        digest="", replicas=1, base=0, release={"others": [noise]},
    )  # fmt: skip
    cluster = OneSecret()

    with pytest.raises(BadInput, match="a Secret holds 1 MiB"):
        asyncio.run(history.write(cast(Cluster, cluster), revision))

    assert cluster.applied == []


def test_what_is_live_and_what_it_came_from_are_never_pruned() -> None:
    """Also where more than ten releases failed since: a rollback goes there."""
    past = [revision(1, "Promoted"), revision(2, "RolledBack"), revision(3, "Promoted", base=1)]
    cluster = Emptied()

    asyncio.run(history.prune(cast(Cluster, cluster), [*past, *(revision(number, "RolledBack") for number in range(4, 15))]))

    assert {name for name in cluster.deleted if not name.endswith(".gates")} == {"rollway.shop.v2", "rollway.shop.v4"}
