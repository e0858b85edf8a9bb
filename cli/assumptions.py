"""What a comparison takes for granted of users, pods and whoever looks on: flags, and the scenario that they make."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BadInput
from . import options as given

if TYPE_CHECKING:
    from ..compare.lives import Latency as LatencyOf
    from ..compare.pace import Pace
    from ..compare.scenario import Bad as Fault
    from ..compare.scenario import Scenario
    from ..release.model import Release

Rate = Annotated[
    str | None, typer.Option("--rate", metavar="N", help="requests a second; default: the release file's traffic.rate")
]
Bad = Annotated[
    str | None, typer.Option("--bad", metavar="500s|5%|never-ready|crash|slow", help="what is wrong with the new version")
]
Latency = Annotated[
    str, typer.Option("--latency", metavar="50ms[,p99=400ms]", help="how long the application works on a request")
]
Wait = Annotated[str, typer.Option("--client-timeout", metavar="DURATION", help="when clients give up")]
Start = Annotated[
    str | None, typer.Option("--start", metavar="DURATION", help="from a process' start until it listens; default: what it says")
]
Stop = Annotated[str | None, typer.Option("--stop", metavar="DURATION", help="from SIGTERM to the exit; default: what it says")]
Notice = Annotated[str, typer.Option("--notice", metavar="DURATION", help="until somebody sees that a version answers wrongly")]
Gate = Annotated[str, typer.Option("--gate", metavar="DURATION", help="how long a pause lasts that waits for promote")]
Matching = Annotated[str, typer.Option("--matching", metavar="PERCENT", help="the share of requests that A/B rules catch")]
Bound = Annotated[str, typer.Option("--bound", metavar="DURATION", help="a release that is not done by then is cut")]
EachRequest = Annotated[
    bool, typer.Option("--each-request", help="simulates every request by itself, as a check: slower, same figures within chance")
]


@dataclass(frozen=True)
class Assumptions:
    """Each as it is written on the command line."""

    rate: Rate = None
    bad: Bad = None
    latency: Latency = "50ms"
    client_timeout: Wait = "2s"
    start: Start = None
    stop: Stop = None
    notice: Notice = "60s"
    gate: Gate = "30s"
    matching: Matching = "10%"
    bound: Bound = "4h"
    each_request: EachRequest = False

    @property
    def fault(self) -> Fault | None:
        """Raises BadInput for one that is not known."""
        from ..compare.scenario import BAD

        found: Fault | None = next((each for each in BAD if each == self.bad), None)
        if self.bad is not None and self.bad.endswith("%"):
            return "500s"
        if found or self.bad is None:
            return found
        raise BadInput(f"--bad {self.bad}: no such fault", hint=given.did_you_mean(self.bad, BAD) or f"one of {', '.join(BAD)}")

    def scenario(self, release: Release, learnt: Pace | None = None) -> Scenario:
        """`learnt`: how quickly pods that run have started, where that was asked. Raises BadInput."""
        from ..compare.pace import UNSAID
        from ..compare.scenario import Scenario

        learnt = learnt or UNSAID
        return Scenario(
            rate=rate_of(self.rate) if self.rate is not None else float(release.traffic.rate),
            latency=_latency(self.latency),
            timeout_s=duration_of(self.client_timeout, "--client-timeout"),
            start_s=duration_of(self.start, "--start") if self.start else learnt.start_s,
            node_s=learnt.node_s,
            stop_s=duration_of(self.stop, "--stop") if self.stop else None,
            bad=self.fault,
            bad_share=share_of(self.bad, "--bad") if self.bad and self.bad.endswith("%") else 1.0,
            notice_s=duration_of(self.notice, "--notice"),
            gate_s=duration_of(self.gate, "--gate"),
            matching=share_of(self.matching, "--matching"),
            bound_s=duration_of(self.bound, "--bound"),
            is_each_request=self.each_request,
        )


def rate_of(text: str) -> float:
    """Requests a second. Raises BadInput."""
    try:
        value = float(text.removesuffix("/s"))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise BadInput(f"--rate {text}: not a number of requests a second above 0", hint="such as --rate 200")
    return value


def share_of(text: str, option: str) -> float:
    """`10%` and `10` are 0.1. Raises BadInput."""
    digits = text.strip().removesuffix("%")
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]+)?", digits) or not 0 < float(digits) < 100:
        raise BadInput(f"{option} {text}: not a share of the requests between 0% and 100%", hint=f"such as {option} 10%")
    return float(digits) / 100


def duration_of(text: str, option: str) -> float:
    """Seconds. Raises BadInput."""
    from ..sandbox.node.behaviour import duration_s

    try:
        return duration_s(text)
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from error


def _latency(text: str) -> LatencyOf:
    """`50ms`, or `50ms,p99=400ms`."""
    from ..compare.scenario import latency_of

    found = re.fullmatch(r"(?:p50=)?([^,=]+)(?:,\s*p99=(.+))?", text)
    if not found:
        raise BadInput(f"--latency {text}: not a latency", hint="such as 50ms, or 50ms,p99=400ms")
    median_s = duration_of(found[1], "--latency")
    return latency_of(median_s, duration_of(found[2], "--latency") if found[2] else None)
