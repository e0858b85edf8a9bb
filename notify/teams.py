"""Microsoft Teams, by a workflow that posts what a webhook gets: an Adaptive Card.
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using"""

from __future__ import annotations

from ..cluster.port import Cluster
from ..release.notify import Notify
from .port import News
from .posting import Post
from .texts import facts, head, text_of


class Teams:
    def __init__(self, entry: Notify, cluster: Cluster, namespace: str) -> None:
        assert entry.teams is not None
        self._address, self._template, self._post = entry.teams, entry.template, Post(cluster, namespace)

    async def tell(self, news: News) -> None:
        await self._post.send(await self._post.address(self._address), message(news, self._template))

    async def close(self) -> None:
        await self._post.close()


def message(news: News, template: str | None) -> dict[str, object]:
    if template is not None:
        body: list[dict[str, object]] = [{"type": "TextBlock", "text": text_of(news, template), "wrap": True}]
    else:
        pairs = [{"title": word, "value": text} for word, text in facts(news)]
        title = {"type": "TextBlock", "text": head(news), "weight": "Bolder", "wrap": True}
        body = [title, {"type": "FactSet", "facts": pairs}]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}
