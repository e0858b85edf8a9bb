"""Any server that takes JSON, plain or as a CloudEvent in structured mode. https://github.com/cloudevents/spec (1.0.2)"""

from __future__ import annotations

from ..cluster.port import Cluster
from ..release.notify import Notify
from .port import News
from .posting import Post
from .texts import text_of


class Webhook:
    def __init__(self, entry: Notify, cluster: Cluster, namespace: str) -> None:
        assert entry.webhook is not None
        self._options, self._template = entry.webhook, entry.template
        is_event = self._options.format == "cloudevents"
        kind = {"Content-Type": "application/cloudevents+json; charset=utf-8"} if is_event else {}
        self._post = Post(cluster, namespace, self._options, **kind)

    async def tell(self, news: News) -> None:
        body = document(news, self._template)
        await self._post.send(self._options.address, event(news, body) if self._options.format == "cloudevents" else body)

    async def close(self) -> None:
        await self._post.close()


def document(news: News, template: str | None) -> dict[str, object]:
    return {
        "id": news.id, "event": news.moment, "app": news.app, "namespace": news.namespace, "strategy": news.strategy,
        "revision": news.revision, "weight": news.weight, "from": news.old, "to": news.new, "why": news.why, "who": news.who,
        "at": news.at, "on": news.on, "back": news.back, "text": text_of(news, template),
    }  # fmt: skip


def event(news: News, data: dict[str, object]) -> dict[str, object]:
    return {
        "specversion": "1.0", "id": news.id, "source": f"/namespaces/{news.namespace}/applications/{news.app}",
        "type": f"dev.rollway.release.{news.moment}", "subject": news.app, "time": news.at,
        "datacontenttype": "application/json", "data": data,
    }  # fmt: skip
