"""Slack, by an incoming webhook. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""

from __future__ import annotations

from ..cluster.port import Cluster
from ..release.notify import Notify
from .incoming import Incoming
from .port import News
from .texts import facts, head, text_of


class Slack(Incoming):
    def __init__(self, entry: Notify, cluster: Cluster, namespace: str) -> None:
        super().__init__(entry.slack, entry.template, cluster, namespace)

    def message(self, news: News, template: str | None) -> dict[str, object]:
        """`text` is what a notification shows; commands stand as code."""
        if template is not None:
            return {"text": _plain(text_of(news, template))}
        code = {"on", "back"}
        lines = [f"*{word}* `{_plain(text)}`" if word in code else f"*{word}* {_plain(text)}" for word, text in facts(news)]
        body = "\n".join([f"*{_plain(head(news))}*", *lines])
        return {"text": _plain(head(news)), "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": body}}]}


def _plain(text: str) -> str:
    """The three signs that Slack reads as its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
