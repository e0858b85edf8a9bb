"""The embedded cluster's state on disk: it follows the store and keeps every object, in SQLite.

Changes are collected and written in one transaction at `flush`, which whoever answers a request calls first: what was answered
survives a killed process. Objects are kept as JSON, one row each; the history of changes is not kept, so watchers list anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from ...errors import ApiError
from ...kube.objects import HOMES, Kind, Obj
from .store import Change, Store

FLUSH_AFTER_S = 0.05
"""How long a change that nobody asked for (a controller's) may wait for company."""

_SCHEMA = """
create table if not exists objects (
    api_group text not null, kind text not null, namespace text not null, name text not null, body text not null,
    primary key (api_group, kind, namespace, name)
);
create table if not exists state (key text primary key, value integer not null);
"""
_PUT = """
insert into objects (api_group, kind, namespace, name, body) values (?, ?, ?, ?, ?)
on conflict (api_group, kind, namespace, name) do update set body = excluded.body
"""
_DELETE = "delete from objects where api_group = ? and kind = ? and namespace = ? and name = ?"
_VERSION = "insert into state values ('version', ?) on conflict (key) do update set value = excluded.value"

_Key = tuple[str, str, str, str]


class Disk:
    """One database file. Opened by one process at a time (the daemon sees to that)."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(_SCHEMA)
        self._waiting: dict[_Key, Obj | None] = {}
        self._newborn: set[_Key] = set()
        self._version = 0
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def restore(self, store: Store) -> None:
        """Fills an empty store with what was kept, with its versions."""
        rows = self._db.execute("select api_group, kind, body from objects order by rowid").fetchall()
        found = [(HOMES.get((group, name)) or _custom(json.loads(body)), json.loads(body)) for group, name, body in rows]
        row = self._db.execute("select value from state where key = 'version'").fetchone()
        store.restore(found, row[0] if row else 0)

    def follow(self, store: Store) -> None:
        """Takes note of every change from now on."""
        self._unsubscribe = store.subscribe(self._note)

    def flush(self) -> None:
        """Writes what is waiting. When it returns, it is kept."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiting:
            return
        self._db.execute("begin immediate")
        try:
            for key, obj in self._waiting.items():
                if obj is None or key in self._newborn:
                    self._db.execute(_DELETE, key)  # made again, it is younger than what stands between
                if obj is not None:
                    self._db.execute(_PUT, (*key, json.dumps(obj, separators=(",", ":"), ensure_ascii=False)))
            self._db.execute(_VERSION, (self._version,))
            self._db.execute("commit")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back by itself
                self._db.execute("rollback")
            raise ApiError(507, "InsufficientStorage", f"the sandbox cannot keep its state on disk: {error}") from error
        self._waiting.clear()
        self._newborn.clear()

    def close(self) -> None:
        self._unsubscribe()
        self.flush()
        self._db.close()

    def _note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        key = (change.kind.group, change.kind.name, meta.get("namespace", ""), meta["name"])
        if change.type == "ADDED":
            self._waiting.pop(key, None)
            self._newborn.add(key)
        self._waiting[key] = None if change.type == "DELETED" else change.obj
        self._version = change.version
        if self._timer is None and (loop := _running_loop()) is not None:
            self._timer = loop.call_later(FLUSH_AFTER_S, self.flush)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _custom(obj: Obj) -> Kind:
    """Of a kind that a definition makes: what tells its objects apart is its group and its name."""
    return Kind(obj["apiVersion"], obj["kind"], "", namespaced="namespace" in obj["metadata"])
