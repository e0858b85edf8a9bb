"""GitLab: a deployment, which the Environments page shows, and the commit's status.
https://docs.gitlab.com/api/deployments, https://docs.gitlab.com/api/commits"""

from __future__ import annotations

import os
from urllib.parse import quote

from ..cluster.port import Cluster
from ..release.notify import Moment, Notify
from ..release.sources import HttpOptions
from .port import News, Untold
from .posting import Post
from .texts import head

API = "https://gitlab.com/api/v4"
MOST = 255
_COMMIT: dict[Moment, str] = {
    "started": "running", "paused": "running", "promoted": "success", "failed": "failed", "rolledBack": "failed",
    "gateFailed": "running",
}  # fmt: skip


class Gitlab:
    def __init__(self, entry: Notify, cluster: Cluster, namespace: str) -> None:
        assert entry.gitlab is not None
        self._options = entry.gitlab
        asked = HttpOptions(bearer_token=self._options.token, timeout=self._options.timeout)
        self._post = Post(cluster, namespace, asked)

    async def tell(self, news: News) -> None:
        project = self._options.project or os.environ.get("CI_PROJECT_ID")
        commit = self._options.commit or os.environ.get("CI_COMMIT_SHA")
        if not project:
            raise Untold("no project is named, and this is no pipeline of GitLab")
        base = f"{self._options.address or os.environ.get('CI_API_V4_URL') or API}/projects/{quote(project, safe='')}"
        if news.is_test:
            await self._post.send(base, method="GET")  # a deployment cannot be taken away again
            return
        commit = await self._deployed(base, commit, _COMMIT[news.moment], news)
        name = f"rollway/{news.namespace}/{news.app}"
        status = {"state": _COMMIT[news.moment], "name": name, "description": head(news)[:MOST]}
        await self._post.send(f"{base}/statuses/{commit}", status)

    async def close(self) -> None:
        await self._post.close()

    async def _deployed(self, base: str, commit: str | None, status: str, news: News) -> str:
        """Takes the deployment that runs to that status, or a new one; answers its commit. What has succeeded stays so."""
        environment = self._options.environment or news.namespace
        is_over = news.moment == "rolledBack" and news.was_promoted
        asked = {"environment": environment, "status": "success" if is_over else "running", "order_by": "id", "sort": "desc"}
        found = await self._post.send(f"{base}/deployments", method="GET", params=asked)
        own = next((each for each in found or () if isinstance(each, dict) and commit in (None, each.get("sha"))), None)
        commit = commit or (str(own["sha"]) if own else None)
        if commit is None:
            raise Untold("no commit is named, and this is no pipeline of GitLab")
        if is_over:
            return commit
        if own is None:
            ref = os.environ.get("CI_COMMIT_REF_NAME") or commit
            is_tag = bool(os.environ.get("CI_COMMIT_TAG"))
            body = {"environment": environment, "sha": commit, "ref": ref, "tag": is_tag, "status": status}
            await self._post.send(f"{base}/deployments", body)
        elif status != "running":
            await self._post.send(f"{base}/deployments/{own['id']}", {"status": status}, method="PUT")
        return commit
