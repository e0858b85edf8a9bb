"""The official `kubernetes` package, as far as it is used here: its asyncio side.

Importing any part of it imports every other one: the synchronous client with requests, urllib3 and oauthlib, informers, leader
election. Nothing here uses them, and they cost as much time as all the rest of a command's start. So they are imported by
importlib's LazyLoader: there for whoever touches them, and loaded only then.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

_SYNC = ("client", "config", "dynamic", "informer", "leaderelection", "stream", "utils", "watch")
_AIO = ("dynamic", "leaderelection", "stream", "watch")
UNUSED = frozenset({f"kubernetes.{part}" for part in _SYNC} | {f"kubernetes.aio.{part}" for part in _AIO})


class _Lazily(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in UNUSED else None
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextlib.contextmanager
def _unused_lazily() -> Iterator[None]:
    finder = _Lazily()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


with _unused_lazily():
    from kubernetes.aio.client import ApiClient, Configuration
    from kubernetes.aio.config import ConfigException, incluster_config
    from kubernetes.aio.config.exec_provider import ExecProvider
    from kubernetes.aio.config.kube_config import ConfigNode, FileOrData, KubeConfigLoader, KubeConfigMerger

__all__ = [
    "ApiClient",
    "ConfigException",
    "ConfigNode",
    "Configuration",
    "ExecProvider",
    "FileOrData",
    "KubeConfigLoader",
    "KubeConfigMerger",
    "incluster_config",
]
