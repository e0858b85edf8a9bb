"""GitHub: a deployment and its statuses, which the Environments page shows, and the commit's status.
https://docs.github.com/rest/deployments"""

from __future__ import annotations

import os

from ..cluster.port import Cluster
from ..release.notify import Moment, Notify
from ..release.sources import HttpOptions
from .port import News, Untold
from .posting import Post
from .texts import head

API = "https://api.github.com"
MOST = 140
"""Of a description."""
_COMMIT: dict[Moment, str] = {
    "started": "pending", "paused": "pending", "promoted": "success", "failed": "failure", "rolledBack": "failure",
    "gateFailed": "pending",
}  # fmt: skip


class Github:
    def __init__(self, entry: Notify, cluster: Cluster, namespace: str) -> None:
        assert entry.github is not None
        self._options = entry.github
        asked = HttpOptions(bearer_token=self._options.token, timeout=self._options.timeout)
        self._post = Post(cluster, namespace, asked, Accept="application/vnd.github+json")

    async def tell(self, news: News) -> None:
        repository = self._options.repository or os.environ.get("GITHUB_REPOSITORY")
        if not repository:
            raise Untold("no repository is named, and this is no run of GitHub Actions")
        base = f"{self._options.address or os.environ.get('GITHUB_API_URL') or API}/repos/{repository}"
        if news.is_test:
            await self._post.send(base, method="GET")  # a deployment cannot be taken away again
            return
        told = {"description": head(news)[:MOST]}
        number, commit = await self._deployment(base, news)
        status = {"state": state(news), "environment": self._environment(news), **told}
        await self._post.send(f"{base}/deployments/{number}/statuses", status)
        context = {"context": f"rollway/{news.namespace}/{news.app}", "state": _COMMIT[news.moment], **told}
        await self._post.send(f"{base}/statuses/{commit}", context)

    async def close(self) -> None:
        await self._post.close()

    def _environment(self, news: News) -> str:
        return self._options.environment or news.namespace

    async def _deployment(self, base: str, news: News) -> tuple[int, str]:
        """The number of the revision's deployment and its commit: found by its task, from wherever the news comes, or made."""
        task, environment = f"rollway:{news.app}:{news.revision}", self._environment(news)
        asked = {"task": task, "environment": environment}
        found = await self._post.send(f"{base}/deployments", method="GET", params=asked)
        if not found:
            commit = self._options.commit or os.environ.get("GITHUB_SHA")
            if not commit:
                raise Untold("no commit is named, and this is no run of GitHub Actions")
            body = {
                "ref": commit, "task": task, "environment": environment, "auto_merge": False, "required_contexts": [],
                "description": head(news)[:MOST], "payload": {"app": news.app, "version": news.new, "revision": news.revision},
            }  # fmt: skip
            found = [await self._post.send(f"{base}/deployments", body)]
        try:
            return int(found[0]["id"]), str(found[0]["sha"])
        except (LookupError, TypeError, ValueError):
            raise Untold("it answered without a deployment") from None


def state(news: News) -> str:
    """What was live and is no more was no failure of its deployment."""
    match news.moment:
        case "promoted":
            return "success"
        case "failed":
            return "failure"
        case "rolledBack":
            return "inactive" if news.was_promoted else "failure"
        case "paused":
            return "queued" if news.weight == 0 else "in_progress"
        case _:
            return "in_progress"
