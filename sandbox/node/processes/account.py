"""What a pod knows the API by: its service account's token, the cluster's authority and its namespace, and where the API is.

In a container these are files at a place of their own; a process shares this machine's, so that it is told by
ROLLWAY_SERVICE_ACCOUNT in which folder they are. The sandbox allows everybody everything, and has one token.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ....kube.objects import Obj, get
from .environment import HOST

VARIABLE = "ROLLWAY_SERVICE_ACCOUNT"


class Accounts:
    """Kept in the sandbox's own folder, which is its user's alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def variables(self, pod: Obj) -> dict[str, str]:
        """None where the sandbox is not served, or the pod wants no token."""
        port = self._folder / "port"
        if not port.exists() or get(pod, "spec", "automountServiceAccountToken") is False:
            return {}
        number = port.read_text().strip()
        account = self._made(pod["metadata"]["namespace"], get(pod, "spec", "serviceAccountName", default="default"))
        return {"KUBERNETES_SERVICE_HOST": HOST, "KUBERNETES_SERVICE_PORT": number, VARIABLE: str(account)}

    def _made(self, namespace: str, name: str) -> Path:
        place = self._folder / "accounts" / namespace / name
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in ("token", "ca.crt"):
            fresh = place / f"{file}.new"
            shutil.copyfile(self._folder / file, fresh)
            fresh.chmod(0o600)
            os.replace(fresh, place / file)
        (place / "namespace").write_text(namespace)
        return place
