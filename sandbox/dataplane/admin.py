"""What Envoy says of itself, through its admin socket."""

from __future__ import annotations

import json
from collections.abc import Mapping

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

    async def untaken(self, wanted: Mapping[str, str]) -> list[str]:
        """Those of its statistics that do not say this, or not yet. An Envoy that does not answer will read everything anew when
        it starts: there is nothing to wait for."""
        text = await self._get("/stats?filter=version_text|warming_clusters")
        pairs = (line.partition(": ") for line in text.splitlines())
        known = {name: value.strip('"') for name, _, value in pairs}
        return [name for name, value in wanted.items() if text and known.get(name) != value]

    async def is_live(self) -> bool:
        """Whether it has begun to serve."""
        return (await self._get("/ready")).strip() == "LIVE"

    async def refusals(self) -> dict[str, str]:
        """Why it does not have listeners that it was given, by their names."""
        text = await self._get("/config_dump?resource=dynamic_listeners")
        failed = [each["error_state"] for each in json.loads(text or "{}").get("configs", ()) if "error_state" in each]
        return {each["failed_configuration"]["name"]: each.get("details", "") for each in failed}

    async def _get(self, path: str) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(self._path), timeout=_ANSWER_WITHIN)
        try:
            async with self._session.get(f"http://envoy{path}") as answer:
                return await answer.text() if answer.status == 200 else ""
        except (aiohttp.ClientError, TimeoutError, OSError):
            return ""
