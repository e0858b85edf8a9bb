"""Whether anything answers at all, before figures are made of it."""

from __future__ import annotations

import asyncio

from ..errors import RollwayError, Silent
from .client import Answer, Client, Unsent
from .generator import Load
from .report import Report
from .target import Target
from .verdict import counted

TRIAL_S = 1.0
EVERY_S = 0.5
FEWEST_A_SECOND = 5.0

PORT_FORWARD = (
    "probe by the way that users take (Ingress, LoadBalancer, NodePort) from where that is open; `kubectl port-forward` is tied "
    "to one pod, and shows other losses than theirs"
)
HINTS = {
    "refused": f"is that the port? {PORT_FORWARD}",
    "dns": f"a name inside of the cluster is known there alone: {PORT_FORWARD}",
    "timeout": PORT_FORWARD,
    "unreachable": PORT_FORWARD,
    "tls": "is it http? otherwise name the certificate's host with --host, or leave it unchecked with --insecure",
    "protocol": "is it https, or another port?",
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
    while True:
        if (await once(target)).lost is None:
            return
        await asyncio.sleep(EVERY_S)


async def once(target: Target) -> Answer:
    """One request."""
    client = Client(target)
    try:
        return await client.ask()
    except Unsent as error:
        return Answer(0, lost="other", detail=str(error))
    finally:
        await client.close()


def is_silent(report: Report) -> bool:
    """Not one complete answer, of whatever status, though some requests have ended."""
    return report.lost > 0 and not report.statuses


def silence(url: str, report: Report) -> RollwayError:
    """What to say of a URL that answers nothing."""
    kind = next(iter(report.errors), "other")
    return Silent(
        f"{url} answers nothing: {counted(report.lost, report.lost, report.errors)}",
        detail=report.examples.get(kind, ""),
        hint=HINTS.get(kind, PORT_FORWARD),
    )
