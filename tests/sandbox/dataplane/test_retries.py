"""How often a listener is tried whose address another one has, as that of the API's own Service beside another sandbox."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from unittest.mock import AsyncMock, MagicMock

from rollway.sandbox.dataplane.plane import MOST_RETRY_S, DataPlane
from rollway.sandbox.dataplane.translate import Edge
from rollway.sandbox.store.store import Store
from rollway.sandbox.timeline import run_virtual


def test_an_address_in_use_is_tried_less_and_less_often(tmp_path: Path) -> None:
    """Each try is logged, by two. What is refused anew is tried soon."""

    async def story() -> None:
        plane = DataPlane(Store(), tmp_path, Path("/bin/false"), Edge("127.0.0.1", 8080))
        tried: list[float] = []
        in_use = {"service/default/kubernetes/443": "in use"}
        plane._loop = asyncio.get_running_loop()
        renewed = MagicMock(wraps=lambda: tried.append(plane._loop.time()))
        plane._publisher = MagicMock(refused=(), settled=AsyncMock(), stop=AsyncMock(), renew_listeners=renewed)
        refusals = AsyncMock(wraps=in_use.copy)
        plane._admin = MagicMock(is_live=AsyncMock(return_value=True), close=AsyncMock(), refusals=refusals)
        plane._look()
        await asyncio.sleep(600)
        gaps = [later - earlier for earlier, later in pairwise(tried)]
        assert gaps == sorted(gaps)
        assert gaps[0] < gaps[-1]
        assert gaps[-1] >= MOST_RETRY_S
        in_use["service/shop/web/80"] = "in use"
        until = len(tried) + 3
        await asyncio.sleep(3 * gaps[-1])
        assert len(tried) > until
        await plane.stop()

    run_virtual(story())
