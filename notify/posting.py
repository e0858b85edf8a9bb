"""Sending JSON over HTTP: bounded, with secrets that are read when they are needed and shown nowhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..cluster.port import Cluster
from ..measure.port import Unmeasured
from ..measure.web import Web
from ..release.notify import TIMEOUT_S
from ..release.sources import Credential, HttpOptions
from .port import Untold


class Post:
    """A server that is told something. `options` say how it is asked: headers, credentials, how long it may take."""

    def __init__(self, cluster: Cluster, namespace: str, options: HttpOptions | None = None, **headers: str) -> None:
        base = options or HttpOptions(timeout=TIMEOUT_S)
        kept = {"User-Agent": "rollway", "Content-Type": "application/json", **headers, **base.headers}
        self._web = Web(base.model_copy(update={"headers": kept}), cluster, namespace)

    async def secret(self, credential: Credential) -> str:
        try:
            return await self._web.secret(credential)
        except Unmeasured as missing:
            raise Untold(str(missing)) from None

    async def address(self, credential: Credential) -> str:
        """One that is a secret itself, as a webhook's."""
        url = await self.secret(credential)
        if urlsplit(url).scheme not in ("http", "https"):
            raise Untold("what is kept as its address is none of http or https")
        return url

    async def send(
        self, url: str, body: Mapping[str, Any] | None = None, *, method: str = "POST", params: Mapping[str, str] | None = None
    ) -> Any:
        """The answer's JSON, None where it is none. Raises Untold where it was not taken."""
        text = None if body is None else json.dumps(body, ensure_ascii=False)
        try:
            status, data = await self._web.ask(url, method=method, params=params, body=text)
        except Unmeasured as failed:
            raise Untold(str(failed)) from None
        if status >= 300:
            raise Untold(f"it answered with status {status}{_said(data)}")
        try:
            return json.loads(data)
        except ValueError:
            return None

    async def close(self) -> None:
        await self._web.close()


def _said(data: bytes) -> str:
    """What a JSON answer says is wrong."""
    try:
        found = json.loads(data)
    except ValueError:
        return ""
    message = found.get("message") if isinstance(found, dict) else None
    return f": {message[:200]}" if isinstance(message, str) else f": {json.dumps(message)[:200]}" if message else ""
