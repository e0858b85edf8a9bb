"""News in words, for people. Pure."""

from __future__ import annotations

from ..gates.templates import filled
from ..release.notify import Moment
from .port import News

_HEADS: dict[Moment, str] = {
    "started": "is being released",
    "paused": "paused{where}",
    "promoted": "is live",
    "failed": "failed, and was left as it is",
    "rolledBack": "was taken back",
    "gateFailed": "a gate failed",
}
SIGNS: dict[Moment, str] = {
    "started": "▸", "paused": "∥", "promoted": "✓", "failed": "✗", "rolledBack": "↩", "gateFailed": "✗",
}  # fmt: skip


def head(news: News) -> str:
    """`✓ shop 1.4.0 → 1.5.0 is live`"""
    if news.is_test:
        return f"{news.app} {news.new}: a test, nothing is released"
    versions = " → ".join(filter(None, (news.old, news.new)))
    where = news.where or f" at {news.weight}%"
    return f"{SIGNS[news.moment]} {news.app} {versions} {_HEADS[news.moment].format(where=where)}"


def facts(news: News) -> list[tuple[str, str]]:
    """What stands below it, in pairs: a word, and what it is."""
    how = f"{news.strategy}, revision {news.revision}, namespace {news.namespace}"
    pairs = [("why", news.why), ("how", how), ("who", news.who), ("on", news.on), ("back", news.back)]
    return [(word, text) for word, text in pairs if text]


def text_of(news: News, template: str | None = None) -> str:
    """The usual text, or what a template makes of it."""
    usual = "\n".join([head(news), *(f"{word}: {text}" for word, text in facts(news))])
    if template is None:
        return usual
    values = {
        "event": news.moment, "app": news.app, "namespace": news.namespace, "from": news.old, "to": news.new,
        "strategy": news.strategy, "weight": str(news.weight), "revision": str(news.revision), "why": news.why, "who": news.who,
        "on": news.on, "back": news.back, "text": usual,
    }  # fmt: skip
    return filled(template, values)
