"""Whether anything answers at all, before figures are made of it."""

from __future__ import annotations

import asyncio

from ..errors import RollwayError, Unreachable
from .client import Answer, Client, Unsent
from .generator import Load
from .report import Report
from .target import Target
from .verdict import by_kind

TRIAL_S = 1.0
EVERY_S = 0.5
FEWEST_A_SECOND = 5.0

PORT_FORWARD = (
    "the probe needs the way that users take: an Ingress, a LoadBalancer or a NodePort; `kubectl port-forward` is tied to one "
    "pod and breaks with it, so it shows losses that nobody has, and misses those that they have"
)
HINTS = {
    "refused": "nothing listens there: is the port right, and is it reachable from here? " + PORT_FORWARD,
    "dns": "check the name; one inside of the cluster is known there alone: " + PORT_FORWARD,
    "timeout": "is it reachable from here? " + PORT_FORWARD,
    "unreachable": PORT_FORWARD,
    "tls": "check the certificate and its name (--host), or leave it unchecked with --insecure",
    "protocol": "is it http or https, and is it that port?",
}


async def tried(target: Target, rate: float) -> Report:
    """A second of requests, with all their answers."""
    load = Load(target, max(rate, FEWEST_A_SECOND))
    try:
        await load.run(TRIAL_S)
    finally:
        report = await load.close(target.timeout_s)
    return report


async def until_good(target: Target) -> None:
    """Returns with the first good answer."""
    client = Client(target)
    try:
        while True:
            try:
                answer = await client.ask()
            except Unsent as error:
                answer = Answer(0, lost="other", detail=str(error))
            if answer.lost is None:
                return
            await asyncio.sleep(EVERY_S)
    finally:
        await client.close()


def is_silent(report: Report) -> bool:
    """Not one complete answer, of whatever status, though some requests have ended."""
    return report.lost > 0 and not report.statuses


def silence(url: str, report: Report) -> RollwayError:
    """What to say of a URL that answers nothing."""
    kind = next(iter(report.errors), "other")
    return Unreachable(
        f"{url} answers nothing: {by_kind(report.errors)} of {report.lost:,} requests",
        detail=report.examples.get(kind, ""),
        hint=HINTS.get(kind, "is it reachable from here? " + PORT_FORWARD),
    )
