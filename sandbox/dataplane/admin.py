"""What Envoy says of itself, through its admin socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

_ANSWER_WITHIN = aiohttp.ClientTimeout(total=1.0)


class Admin:
    """`path` is that of the unix socket. An Envoy that does not answer has nothing to say."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def has(self, wanted: Mapping[str, str]) -> bool:
        """Whether its statistics say just this; those that it does not have yet differ. An Envoy that does not answer will read
        everything anew when it starts: there is nothing to wait for."""
        text = await self._get("/stats?filter=version_text|warming_clusters")
        pairs = (line.partition(": ") for line in text.splitlines())
        known = {name: value.strip('"') for name, _, value in pairs}
        return not text or all(known.get(name) == value for name, value in wanted.items())

    async def refusals(self) -> dict[str, str]:
        """Why Envoy does not have what it was given, by listener; under "" what concerns no single one."""
        text = await self._get("/config_dump?include_eds=off&resource=dynamic_listeners")
        found: dict[str, str] = {}
        for each in json.loads(text or "{}").get("configs", ()):
            if ("error_state" in each and "active_state" not in each) or "error_state" in each:
                found[each["name"]] = str(each["error_state"].get("details", ""))
        return found

    async def _get(self, path: str) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(self._path), timeout=_ANSWER_WITHIN)
        try:
            async with self._session.get(f"http://envoy{path}") as answer:
                return await answer.text() if answer.status == 200 else ""
        except (aiohttp.ClientError, TimeoutError, OSError):
            return ""

    async def version(self) -> str:
        """As 1.40.0; empty where it does not answer."""
        info: dict[str, Any] = json.loads(await self._get("/server_info") or "{}")
        return str(info.get("version", "//")).split("/")[1]
