"""Events that controllers and the kubelet write: what is one story, and what is many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rollway.kube.objects import EVENT, POD, Obj
from rollway.sandbox.events import COMBINED, record
from rollway.sandbox.store.store import Store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def told(*messages: str, store: Store, at: datetime = NOON, name: str = "web") -> list[tuple[str, int]]:
    """Each message in turn, as of a pod of that name; answers what is kept of them: message, count."""
    about: Obj = {"metadata": {"name": name, "namespace": "default", "uid": name}}
    for message in messages:
        record(store, POD, about, reason="Tried", message=message, now=at, component="test", type_="Warning")
    kept = [each for each in store.list(EVENT) if each["involvedObject"]["name"] == name]
    return [(each["message"], each["count"]) for each in kept]


def test_what_differs_in_its_message_alone_is_combined_from_the_tenth_on() -> None:
    """It is counted, with the newest message; what has stood for itself goes on so."""
    store, first = Store(), [f"try {n}" for n in range(9)]
    told(*first, "try 9", "try 10", "try 0", store=store)

    kept = told("try 11", store=store)
    assert kept == [("try 0", 2), *((each, 1) for each in first[1:]), (f"{COMBINED}try 11", 3)]


def test_stories_of_others_and_of_long_ago_do_not_count() -> None:
    """Each object has its own, and ten minutes of silence end one; until then no time does."""
    store, first = Store(), [f"try {n}" for n in range(9)]
    told(*first, store=store)
    assert told("try 9", store=store, name="other") == [("try 9", 1)]
    assert told("try 9", store=store, at=NOON + timedelta(minutes=10))[-1] == (f"{COMBINED}try 9", 1)
    assert told("try 10", store=store, at=NOON + timedelta(minutes=20, seconds=1))[-1] == ("try 10", 1)
