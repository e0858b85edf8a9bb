"""What chats have in common that take messages at an address which is itself the secret."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..cluster.port import Cluster
from ..release.sources import Credential
from .port import News
from .posting import Post


class Incoming(ABC):
    """Posts the message of one chat to the address that its credential holds."""

    def __init__(self, address: Credential | None, template: str | None, cluster: Cluster, namespace: str) -> None:
        assert address is not None
        self._address, self._template, self._post = address, template, Post(cluster, namespace)

    async def tell(self, news: News) -> None:
        await self._post.send(await self._post.address(self._address), self.message(news, self._template))

    async def close(self) -> None:
        await self._post.close()

    @abstractmethod
    def message(self, news: News, template: str | None) -> dict[str, object]:
        """What is posted; `template` is the user's own text."""
