"""What a runner is sent to do: packed, marked, and what is left of it when a pod before this one was killed."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from rollway.errors import BadInput
from rollway.plan.revision import Entry, Revision
from rollway.release.gates import Gate
from rollway.release.notify import Notify
from rollway.ship.errand import Errand, Stood, asked_of, environment_of, packed, turn_of, unpacked
from rollway.strategies.base import Request
from shop import release

WANTED = release("v2", strategy="canary")
EARLIER = Entry(at="2026-01-02T03:04:05Z", by="alice", phase="Failed", weight=10)


def errand(action: str = "apply", **how: object) -> Errand:
    asked = asked_of(WANTED, request=Request(action), strategy=None, is_override=False, force=False)  # type: ignore[arg-type]
    return Errand(job="shop-apply", asked=asked, revision=2, by="alice@ci", **how)  # type: ignore[arg-type]


def revision(phase: str, *, message: str = "", at: str = "2026-01-02T05:00:00Z", digest: str = WANTED.digest) -> Revision:
    entry = Entry(at=at, by="somebody", phase=phase, weight=10)  # type: ignore[arg-type]
    return Revision(
        number=2, app="shop", namespace="shop", strategy="canary", phase=phase, weight=10, version="v2", image="", digest=digest,
        replicas=4, base=1, entries=(entry,), message=message, release={},
    )  # type: ignore[arg-type]  # fmt: skip


def test_it_comes_back_as_it_was_packed() -> None:
    sent = errand(until="2026-01-02T03:04:05Z", goes_back=False)

    assert unpacked(packed(sent)) == sent
    assert unpacked(packed(sent)).release == WANTED


@pytest.mark.parametrize("data", ["", "e30=", "???", base64.b64encode(b"{}").decode()])
def test_what_is_none_is_told(data: str) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        unpacked(data)


def test_a_release_that_no_secret_can_hold() -> None:
    """Refused before anything is made."""
    import random

    noise = base64.b64encode(random.Random(1).randbytes(1_200_000)).decode()
    large = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "large"}, "data": {"noise": noise}}
    asked = asked_of(
        dataclasses.replace(WANTED, others=(large,)), request=Request("apply"), strategy=None, is_override=False, force=False
    )

    with pytest.raises(BadInput, match="too large to run in the cluster"):
        packed(errand().model_copy(update={"asked": asked}))


def test_the_same_command_again_is_the_same_errand() -> None:
    """Whoever gives it, and whatever has become of the release meanwhile; another flag makes another one."""
    again = errand(until="2027-01-01T00:00:00Z", stood=Stood(entry=EARLIER)).model_copy(update={"by": "bob", "revision": 3})

    assert again.mark == errand().mark
    assert errand(goes_back=False).mark != errand().mark
    assert errand("promote").mark != errand().mark


@pytest.mark.parametrize(
    ("found", "turn"),
    [
        (None, "on"),
        (revision("Progressing"), "on"),
        (revision("Paused"), "on"),
        (revision("Promoted"), "on"),
        (revision("Promoted", message="a hook failed"), "on"),
        (revision("Progressing", message="0 of 1 pods ready"), "back"),
        (revision("Paused", message="gate errors: too many"), "back"),
        (revision("Failed", message="0 of 1 pods ready"), "over"),
        (revision("RolledBack"), "over"),
        (revision("RolledBack", digest="of somebody else"), "on"),
    ],
)
def test_what_is_left_of_it(found: Revision | None, turn: str) -> None:
    """A release that failed is never begun again by itself."""
    assert turn_of(errand(), [found] if found else []) == turn


def test_a_failure_of_before_is_none_of_its_own() -> None:
    """Whoever applies what failed once means it; a failure since is one."""
    failed = revision("Failed", message="0 of 1 pods ready", at=EARLIER.at)
    sent = errand(stood=Stood(entry=failed.entries[-1], message=failed.message))

    assert turn_of(sent, [failed]) == "on"
    assert turn_of(sent, [revision("Failed", message="0 of 1 pods ready")]) == "over"


def test_a_way_back_that_nobody_wants_is_not_taken() -> None:
    assert turn_of(errand(goes_back=False), [revision("Progressing", message="0 of 1 pods ready")]) == "on"


def test_a_rollback_is_done_again() -> None:
    """It asks for nothing new."""
    assert turn_of(errand("rollback"), [revision("RolledBack")]) == "on"


@pytest.mark.parametrize("action", ["apply", "promote", "rollback"])
@pytest.mark.parametrize(
    ("phase", "digest", "turn"),
    [
        ("Promoted", "of v3", "over"),
        ("Paused", "of v3", "over"),
        ("RolledBack", "of v3", "on"),
    ],
)
def test_what_was_released_after_it_is_left_alone(action: str, phase: str, digest: str, turn: str) -> None:
    """Else a runner whose pod comes late would release the older version over the newer one, or take the newer one back."""
    later = revision(phase, digest=digest).model_copy(update={"number": 3, "version": "v3"})

    assert turn_of(errand(action), [revision("Promoted"), later]) == turn


def test_its_own_that_has_a_later_number_is_no_follower() -> None:
    """Somebody else's release has had the number that it was to have."""
    own = revision("Progressing").model_copy(update={"number": 3})

    assert turn_of(errand(), [revision("RolledBack", digest="of somebody else"), own]) == "on"


def test_only_what_the_release_names_travels() -> None:
    """Of gates, of those that are told, and what a forge's receiver reads of the pipeline."""
    gate = Gate.model_validate(
        {"name": "errors", "url": {"address": "http://metrics/", "bearerToken": {"env": "METRICS_TOKEN"}}, "max": 1}
    )
    told = Notify.model_validate({"github": {"token": {"env": "GH_TOKEN"}}})
    here = {"METRICS_TOKEN": "a", "GH_TOKEN": "b", "GITHUB_SHA": "c0ffee", "AWS_SECRET_ACCESS_KEY": "d", "GITHUB_API_URL": ""}

    found = environment_of(dataclasses.replace(WANTED, gates=(gate,), notify=(told,)), here)

    assert found == {"METRICS_TOKEN": "a", "GH_TOKEN": "b", "GITHUB_SHA": "c0ffee"}
