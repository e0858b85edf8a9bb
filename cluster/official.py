"""The official `kubernetes` package, as far as it is used here: its asyncio side, and aiohttp, which it speaks through.

Importing any part of it imports every other one: the synchronous client with requests, urllib3 and oauthlib, informers, leader
election. Nothing here uses them, and they cost as much time as all the rest of a command's start. So they are imported by
importlib's LazyLoader: there for whoever touches them, and loaded only then.

aiohttp makes two TLS contexts when it is imported, and both read the certificates of all the world's authorities: a tenth of a
release's own time, for a cluster that brings its own authority. So these two read them when they are first used.
"""

from __future__ import annotations

import contextlib
import ssl
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any

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


class _Late(ssl.SSLContext):
    """Becomes what it was made as, with the system's authorities, when it is first to speak."""

    def wrap_bio(self, *given: Any, **named: Any) -> ssl.SSLObject:
        return self._with_authorities().wrap_bio(*given, **named)

    def wrap_socket(self, *given: Any, **named: Any) -> ssl.SSLSocket:
        return self._with_authorities().wrap_socket(*given, **named)

    def _with_authorities(self) -> ssl.SSLContext:
        self.__class__ = ssl.SSLContext  # type: ignore[assignment]
        self.set_default_verify_paths()
        return self


@contextlib.contextmanager
def _authorities_late() -> Iterator[None]:
    """For contexts that are made meanwhile."""

    def later(context: ssl.SSLContext) -> None:
        context.__class__ = _Late

    ssl.SSLContext.set_default_verify_paths = later  # type: ignore[assignment]
    try:
        yield
    finally:
        del ssl.SSLContext.set_default_verify_paths  # it is its base's again


with _unused_lazily(), _authorities_late():
    import aiohttp
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
    "aiohttp",
    "incluster_config",
]
