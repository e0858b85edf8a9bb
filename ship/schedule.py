"""What may be released now, given what ended how: pure, so that it can be tested without releasing anything."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Skipped(NamedTuple, Generic[Name]):
    """What will not be started, and why."""

    name: Name
    reason: str


class Schedule(Generic[Name]):
    """At most `at_once` run together, each after all it depends on; otherwise in the order of `after`.

    `after` holds every name with those it depends on, which are names of it, too, without a circle. The caller alternates between
    `start` and `ended` until nothing runs: then each name has ended, or was skipped.
    """

    def __init__(self, after: Mapping[Name, Sequence[Name]], at_once: int) -> None:
        self._open_links = {name: len(set(links)) for name, links in after.items()}
        self._behind: dict[Name, list[Name]] = {}
        for name, links in after.items():
            for link in dict.fromkeys(links):
                self._behind.setdefault(link, []).append(name)
        self._ready = deque(name for name, links in self._open_links.items() if not links)
        self._waiting = dict.fromkeys(after)
        self._running: set[Name] = set()
        self._at_once = at_once

    @property
    def is_over(self) -> bool:
        return not self._running and not self._ready

    def start(self) -> list[Name]:
        """Those to start now. They count as running until `ended`."""
        started: list[Name] = []
        while self._ready and len(self._running) < self._at_once:
            name = self._ready.popleft()
            self._running.add(name)
            del self._waiting[name]
            started.append(name)
        return started

    def ended(self, name: Name, but: str = "") -> list[Skipped[Name]]:
        """One that ran is over. Those behind it may start; or, where it came to less than they need (`but`, such as "failed"),
        they never will: they are answered, with all behind them."""
        self._running.remove(name)
        if but:
            return self._without(name, but)
        for follower in self._behind.get(name, ()):
            self._open_links[follower] -= 1
            if not self._open_links[follower] and follower in self._waiting:
                self._ready.append(follower)
        return []

    def stop(self, reason: str) -> list[Skipped[Name]]:
        """Nothing is started any more. Answers what has not been."""
        stopped = [Skipped(name, reason) for name in self._waiting]
        self._waiting.clear()
        self._ready.clear()
        return stopped

    def _without(self, name: Name, but: str) -> list[Skipped[Name]]:
        skipped: list[Skipped[Name]] = []
        reasons = deque([(name, but)])
        while reasons:
            cause, why = reasons.popleft()
            for follower in self._behind.get(cause, ()):
                if follower in self._waiting:
                    del self._waiting[follower]
                    skipped.append(Skipped(follower, f"depends on {cause}, which {why}"))
                    reasons.append((follower, "was skipped"))
        return skipped
