"""What gates have measured, as a Secret: what cannot be read counts for nothing, and stops no release."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, cast

import pytest
from rollway.cluster import findings
from rollway.cluster.history import packed
from rollway.cluster.port import Cluster
from rollway.kube.objects import Obj
from rollway.plan.evidence import Evidence

FOUND = (Evidence(gate="errors", digest="d", began_s=1.0, until_s=2.0, measured=3),)


class OneSecret:
    """A cluster that holds what was applied last, or these data."""

    def __init__(self, data: Any = None) -> None:
        self.secret: Obj = {"metadata": {"name": "rollway.shop.v1.gates"}, "type": findings.SECRET_TYPE, "data": data}

    async def list(self, *_: Any, **__: Any) -> list[Obj]:
        return [self.secret]

    async def apply(self, obj: Obj, **_: Any) -> Obj:
        self.secret = obj
        return obj


def test_what_is_written_is_read_again() -> None:
    async def story() -> tuple[Evidence, ...]:
        cluster = cast(Cluster, OneSecret())
        await findings.write(cluster, "shop", "shop", 1, FOUND)
        return await findings.load(cluster, "shop", "shop", 1)

    assert asyncio.run(story()) == FOUND


WHOLE = packed(b"[]" + b" " * 200)
BROKEN = {
    "no-data": None,
    "no-key": {},
    "no-text": {"gates": 7},
    "no-base64": {"gates": "="},
    "empty": {"gates": ""},
    "not-packed": {"gates": base64.b64encode(b"hello").decode()},
    "corrupt": {"gates": base64.b64encode(WHOLE[:12] + b"\xff" * 8 + WHOLE[20:]).decode()},
    "cut-off": {"gates": base64.b64encode(WHOLE[:-9]).decode()},
    "no-json": {"gates": base64.b64encode(packed(b"{")).decode()},
    "another-shape": {"gates": base64.b64encode(packed(b'[{"gate": 7}]')).decode()},
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_read_is_nothing(data: Any) -> None:
    assert asyncio.run(findings.load(cast(Cluster, OneSecret(data)), "shop", "shop", 1)) == ()
