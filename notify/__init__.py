"""Who is told of what becomes of a release: one notifier a file, behind one port, and one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cluster.port import Cluster
    from ..release.notify import Notify
    from .port import Notifier

NotifierOf = Callable[["Notify", "Cluster", str], "Notifier"]
"""Makes the notifier of an entry, for a release in the namespace."""

NOTIFIERS: Mapping[str, str] = {
    "slack": "slack.Slack",
    "teams": "teams.Teams",
    "webhook": "webhook.Webhook",
    "github": "github.Github",
    "gitlab": "gitlab.Gitlab",
    "apprise": "apprise.AppriseUrl",
}
"""An entry's key, and the notifier behind it: imported when there is something to tell."""


def notifier_of(entry: Notify, cluster: Cluster, namespace: str) -> Notifier:
    module, _, name = NOTIFIERS[entry.sink].rpartition(".")
    factory: NotifierOf = getattr(import_module(f".{module}", __name__), name)
    return factory(entry, cluster, namespace)


PIPELINE: Mapping[str, tuple[str, ...]] = {
    "github": ("GITHUB_REPOSITORY", "GITHUB_API_URL", "GITHUB_SHA"),
    "gitlab": ("CI_PROJECT_ID", "CI_API_V4_URL", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_COMMIT_TAG"),
}
"""What of a pipeline's environment a receiver falls back on, where its options do not say it."""
