"""From the model to what Envoy follows, in an order in which no request meets a cluster that is not there.

Endpoints are told at once (see `discovery`). The rest is files, each replaced as a whole, by rename, and only where it says
something new. It goes in steps: clusters that are new, then the routes and listeners that use them, then clusters that nothing
uses any more are taken away; each step waits for Envoy's word that it has taken the one before. Route tables beyond the first few
are parts of their listeners: whoever is connected meanwhile has one more request by the old one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from pathlib import Path

from ...kube.objects import Obj
from . import render
from .discovery import Discovery
from .model import Cluster, Config, Target

_log = logging.getLogger(__name__)

ASK_EVERY_S = 0.004
TAKEN_WITHIN_S = 2.0
FILES = 32  # of route tables: each is watched, and that is an inotify instance, of which a user has 128 in all

Untaken = Callable[[Mapping[str, str]], Awaitable[Collection[str]]]
"""Asks Envoy which of these versions it does not have, by the name of its statistic."""


class Publisher:
    """`publish` and `endpoints` may be called at any time, from the loop; the newest wins."""

    def __init__(self, folder: Path, discovery: Discovery, untaken: Untaken) -> None:
        self._folder, self._discovery, self._untaken = folder, discovery, untaken
        self.refused: set[str] = set()  # names of routes that Envoy does not take
        self._written: dict[str, str] = {}  # file name -> the resources in it
        self._versions: dict[str, str] = {}
        self._clusters: dict[str, Cluster] = {}
        self._followed: list[str] = []  # the route tables that are files
        self._version = 0
        self._wanted: Config | None = None
        self._targets: dict[str, tuple[Target, ...]] = {}
        self._task: asyncio.Task[None] | None = None

    def endpoints(self, targets: Mapping[str, tuple[Target, ...]]) -> None:
        """Tells the endpoints of these clusters, at once."""
        self._targets |= targets
        self._tell(name for name in targets if name in self._clusters)

    def publish(self, config: Config, targets: Mapping[str, tuple[Target, ...]]) -> None:
        self.endpoints(targets)
        self._wanted = config
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def settled(self) -> None:
        """Until all that was given is with Envoy."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def renew_listeners(self) -> None:
        """Has Envoy try again those that it could not open, with the next `publish`."""
        self._written.pop(render.LISTENERS, None)

    # inside

    async def _work(self) -> None:
        try:
            while (config := self._wanted) is not None:
                self._wanted = None
                await self._carry_out(config)
        finally:
            self._task = None

    async def _carry_out(self, config: Config) -> None:
        leaving = {name: each for name, each in self._clusters.items() if name not in config.clusters}
        self._clusters = leaving | dict(config.clusters)
        if self._write_clusters():
            await self._wait({"cluster_manager.cds.version_text": render.CLUSTERS}, "cluster_manager.warming_clusters")
        if self._write_routes(config) or leaving:
            followed = self._followed
            files = {f"http.http.rds.{render.routes_name(name)}.version_text": render.routes_file(name) for name in followed}
            untaken = await self._wait(files | {"listener_manager.lds.version_text": render.LISTENERS})
            self.refused = {name for name in followed if render.routes_file(name) in untaken}
        if leaving:
            self._clusters = dict(config.clusters)
            self._write_clusters()
            await self._wait({"cluster_manager.cds.version_text": render.CLUSTERS})
        if self._wanted is None:  # else what is next may use what this one does not
            self._tidy(config)

    def _write_clusters(self) -> bool:
        self._tell(self._clusters)
        return self._write(render.CLUSTERS, [render.cluster(each) for each in self._clusters.values()])

    def _tell(self, clusters: Iterable[str]) -> None:
        self._discovery.put({render.endpoints_name(self._clusters[name]): self._targets.get(name, ()) for name in clusters})

    def _write_routes(self, config: Config) -> bool:
        tables = {name: render.route_configuration(name, hosts) for name, hosts in config.routes.items()}
        stay = [name for name in self._followed if name in tables]
        self._followed = [*stay, *(name for name in tables if name not in stay)][:FILES]
        is_new = [self._write(render.routes_file(name), [tables.pop(name)]) for name in self._followed]
        listeners = [render.listener(each, self._folder, tables) for each in config.listeners]
        return self._write(render.LISTENERS, listeners) or any(is_new)

    def _write(self, name: str, resources: list[Obj]) -> bool:
        text = json.dumps(resources)
        if self._written.get(name) == text:
            return False
        self._version += 1
        fresh = self._folder / f".{name}.new"
        fresh.write_text(json.dumps({"version_info": str(self._version), "resources": resources}))
        fresh.replace(self._folder / name)
        self._written[name], self._versions[name] = text, str(self._version)
        return True

    async def _wait(self, files: Mapping[str, str], at_zero: str = "") -> set[str]:
        """Until Envoy has taken these files. One that refuses is not waited for long: answers what it has not taken."""
        wanted = {statistic: self._versions[name] for statistic, name in files.items()} | ({at_zero: "0"} if at_zero else {})
        loop = asyncio.get_running_loop()
        until_s = loop.time() + TAKEN_WITHIN_S
        while untaken := await self._untaken(wanted):
            if loop.time() >= until_s:
                break
            await asyncio.sleep(ASK_EVERY_S)
        names = {files[statistic] for statistic in untaken if statistic in files}
        if names:
            _log.warning("Envoy has not taken %s", ", ".join(sorted(names)))
        return names

    def _tidy(self, config: Config) -> None:
        """Removes the files of routes that are gone, and the endpoints of clusters."""
        used = {render.LISTENERS, render.CLUSTERS, *map(render.routes_file, self._followed)}
        for name in [name for name in self._written if name not in used]:
            del self._written[name], self._versions[name]
            (self._folder / name).unlink(missing_ok=True)
        self._targets = {name: found for name, found in self._targets.items() if name in config.clusters}
        self._discovery.keep(set(map(render.endpoints_name, config.clusters.values())))
