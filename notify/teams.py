"""Microsoft Teams, by a workflow that posts what a webhook gets: an Adaptive Card.
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using"""

from __future__ import annotations

from ..cluster.port import Cluster
from ..release.notify import Notify
from .incoming import Incoming
from .port import News
from .texts import facts, head, text_of


class Teams(Incoming):
    def __init__(self, entry: Notify, cluster: Cluster, namespace: str) -> None:
        super().__init__(entry.teams, entry.template, cluster, namespace)

    def message(self, news: News, template: str | None) -> dict[str, object]:
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
