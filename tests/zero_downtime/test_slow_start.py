"""A server that is slow to start and ends at once, behind a cloud load balancer that is slow, too: in four stages.

Inside is the Service; outside is the Ingress, whose load balancer takes LAGS to register and deregister a pod. A request that
is sent to a pod that is gone is not answered, and times out; one to a pod that does not listen yet is refused: outside, a 502.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from lab import Lab, wait_for
from pace import stretched
from rollway.sandbox.dataplane.model import CONNECT_TIMEOUT_S

pytestmark = pytest.mark.real_time
LAGS = {"lb_lag": 3, "lb_leave_lag": 1}
RATE = 40
NAMED = {
    "websvr.example.com": "NAMESPACE.example.com",
    "namespace: websvr": "namespace: NAMESPACE",
    "name: websvr\n  labels:": "name: NAMESPACE\n  labels:",
}
PRE_STOP = 'command: [sleep, "10"]'
START = 'START_SECONDS, value: "10"'


def wait_s() -> float:
    """For an answer: less than the proxy waits for a connection, after which it answers itself."""
    return min(stretched(1), CONNECT_TIMEOUT_S - 1)


class Seen(NamedTuple):
    """What became of requests from outside and inside while a version came in, and the rules that the stage breaks."""

    outside: dict[str, Any]
    inside: dict[str, Any]
    rules: list[str]

    @property
    def bad_gateways(self) -> int:
        return int(self.outside["statuses"].get("502", 0))

    @property
    def timeouts(self) -> int:
        return int(self.outside["errors"].get("timeout", 0))


def quicker(start_s: int) -> dict[str, str]:
    """The example with shorter times: of the hook, and of a pod's start."""
    pre_stop = f'command: [sleep, "{stretched(2)}"]'
    return NAMED | {PRE_STOP: pre_stop, START: f'START_SECONDS, value: "{stretched(start_s)}"'}


@pytest.fixture
def released(example: Callable[..., Lab]) -> Callable[[str, int], Seen]:
    def release(stage: str, start_s: int) -> Seen:
        """With pods that take so long to start."""
        shop = example("slow-start", quicker(start_s))
        wait = f"{wait_s():g}s"
        file, target = f"{stage}/deploy.yaml", (shop.ingress, "--host", f"{shop.namespace}.example.com", "--timeout", wait)
        shop.release("apply", "--image", ":10001", file=file)
        with shop.probed(*target) as outside, shop.probed(shop.url("websvr"), "--timeout", wait) as inside:
            shop.release("apply", "--image", ":10002", file=file)
            wait_for(lambda: len(shop.pods()) == 3)
            with shop.probed(*target) as after:
                pass  # once it answers again, and a second more
        assert set(after["figures"]["versions"]) == {"10002"}
        found = shop.deploy("check", "-f", file, "-o", "json").document["findings"]
        return Seen(outside["figures"], inside["figures"], sorted({each["id"] for each in found}))

    return release


def test_without_probes(released: Callable[[str, int], Seen]) -> None:
    """Timeouts for as long as the load balancer sends to pods that are gone, then 502 until the new ones listen."""
    seen = released("1-bare", 6)

    assert seen.timeouts > RATE / 2
    assert seen.bad_gateways > RATE
    assert seen.inside["lost"] > RATE
    assert seen.rules == ["RW001", "RW004", "RW021"]


def test_with_a_readiness_probe(released: Callable[[str, int], Seen], late: Callable[[], float]) -> None:
    """No pod is asked before it listens: the seconds of 502 are gone. Old ones are asked when they are no more: timeouts stay.

    What is under way when a process ends, and what comes before its address falls silent, are some 502 still. So is, where a slow
    machine's times are long, what waits for a connection that the proxy has given up.
    """
    seen = released("2-probe", 1)
    given_up_s = max(0.0, stretched(LAGS["lb_leave_lag"]) + wait_s() - CONNECT_TIMEOUT_S)

    assert seen.timeouts > RATE / 2
    assert seen.bad_gateways < RATE * (0.5 + given_up_s + late())
    assert seen.rules == ["RW004", "RW021"]


def test_with_a_prestop_hook(released: Callable[[str, int], Seen]) -> None:
    """Old pods serve until everybody has let go of them: none is lost inside. Outside, the new ones are not registered yet."""
    seen = released("3-prestop", 1)

    assert seen.inside["lost"] == 0
    assert seen.outside["lost"] > RATE / 2
    assert seen.timeouts == seen.bad_gateways == 0
    assert seen.rules == ["RW021"]


def test_with_readiness_gates(released: Callable[[str, int], Seen]) -> None:
    """Old pods wait for the load balancer to have the new ones: none is lost anywhere."""
    seen = released("4-gates", 1)

    assert (seen.inside["lost"], seen.outside["lost"]) == (0, 0)
    assert seen.rules == []
