"""Requests through a real Envoy, to real servers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cluster_with_proxy import (
    endpoint_slice,
    proxied,
    service,
)
from traffic import answers, own_address, servers


def test_connections_go_to_all_endpoints(tmp_path: Path) -> None:
    """A Service's port hands each new connection to a ready endpoint at random."""

    async def story() -> None:
        address = own_address(96)
        async with servers("a", "b") as found, proxied(tmp_path, service(address=address), endpoint_slice("shop", found)):
            assert set(await answers(40, address, 8080)) == {"a", "b"}

    asyncio.run(story())
