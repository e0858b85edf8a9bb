"""Whatever Apprise knows: a hundred services by one address each. https://github.com/caronc/apprise, an optional extra."""

from __future__ import annotations

import asyncio
from importlib import import_module

from ..cluster.port import Cluster
from ..release.notify import TIMEOUT_S, Notify
from .port import News, Untold
from .posting import Post
from .texts import head, text_of


class AppriseUrl:
    def __init__(self, entry: Notify, cluster: Cluster, namespace: str) -> None:
        assert entry.apprise is not None
        self._address, self._template, self._post = entry.apprise, entry.template, Post(cluster, namespace)

    async def tell(self, news: News) -> None:
        try:
            library = import_module("apprise")
        except ImportError:
            raise Untold("Apprise is not installed: pip install 'rollway[apprise]'") from None
        server = library.Apprise()
        if not server.add(await self._post.secret(self._address)):
            raise Untold("Apprise does not understand the address that is kept")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                is_taken = await server.async_notify(title=head(news), body=text_of(news, self._template))
        except TimeoutError:
            raise Untold(f"no answer within {TIMEOUT_S} s") from None
        if not is_taken:
            raise Untold("Apprise could not send it")

    async def close(self) -> None:
        await self._post.close()
