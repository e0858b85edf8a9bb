"""What a worker is told: the requests, the rate of all, and when the first of them was due. Each finds its own share by itself.

There is one schedule: request n is due n/rate seconds after the epoch, a moment on the cluster's clock. Of `workers` the one of
index i sends those with n = i modulo `workers`: its slot k is the number k * workers + i. Nobody has to say when to begin.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from typing import Any

from ..errors import BadInput
from .target import VERSION_HEADERS, Expected, Target, rate_of

FORMAT = "rollway.dev/load.v1"
MOST_WORKERS = 100
HIGHEST_SHARED = 20_000.0
"""Requests a second of all workers together: each is counted by one process, in some 30 µs."""
IMAGE = "the workers' image has to be of the rollway that starts them"


def workers_of(count: int, rate: float) -> int:
    """Raises BadInput for a number of workers that cannot share a rate: each sends at least a request a second, so that one
    that is lost is missed at once."""
    if not 1 <= count <= MOST_WORKERS:
        raise BadInput(f"from 1 to {MOST_WORKERS} workers can share a load, and not {count}")
    if rate < count:
        raise BadInput(
            f"{rate:g} requests a second cannot be shared by {count}: each worker sends at least one",
            hint=f"at most {max(int(rate), 1)} workers, or a rate of {count}" if rate >= 1 else f"a rate of at least {count}",
        )
    if rate > HIGHEST_SHARED:
        raise BadInput(
            f"{rate:g} requests a second are more than one command can count of workers",
            hint=f"at most {HIGHEST_SHARED:g}, or several probes",
        )
    return count


@dataclass(frozen=True)
class Share:
    """`rate` is that of all `workers` together; `epoch_s` counts from 1970."""

    target: Target
    rate: float
    workers: int
    epoch_s: float
    index: int = 0

    def due_s(self, slot: int) -> float:
        """After the epoch."""
        return (slot * self.workers + self.index) / self.rate

    def slot_after(self, seconds: float) -> int:
        """The first that is due then, or later."""
        return max(math.ceil((seconds * self.rate - self.index) / self.workers), 0)


def encoded(share: Share) -> bytes:
    """For all of them. There may be secrets in it: the headers, and the body."""
    target = share.target
    named = () if target.version_headers == VERSION_HEADERS else target.version_headers
    record = {
        "format": FORMAT,
        "url": target.url,
        "method": target.method,
        "headers": [f"{name}: {value}" for name, value in target.headers],
        "body": base64.b64encode(target.body).decode(),
        "host": target.authority,
        "expect": target.expected.text,
        "timeoutSeconds": target.timeout_s,
        "keepAlive": target.keeps_alive,
        "insecure": target.is_insecure,
        "versionHeader": next(iter(named), ""),
        "rate": share.rate,
        "workers": share.workers,
        "epoch": share.epoch_s,
    }
    return json.dumps(record, separators=(",", ":")).encode()


def decoded(data: str | bytes, index: int) -> Share:
    """The share of one. Raises BadInput for what `encoded` does not write."""
    try:
        record: dict[str, Any] = json.loads(data)
        target = Target.of(
            record["url"], method=record["method"], headers=record["headers"], body=base64.b64decode(record["body"]),
            host=record["host"], expected=Expected.of(record["expect"]), timeout_s=float(record["timeoutSeconds"]),
            keeps_alive=bool(record["keepAlive"]), is_insecure=bool(record["insecure"]), version_header=record["versionHeader"],
        )  # fmt: skip
        rate = rate_of(record["rate"])
        found = Share(target, rate, workers_of(int(record["workers"]), rate), float(record["epoch"]), index)
        is_known = record["format"] == FORMAT
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(
            f"what this worker is to send cannot be read: {error}",
            hint=IMAGE,
        ) from error
    if not is_known or not 0 <= index < found.workers:
        raise BadInput(f"{record['format']!r} is no load, or share {index} none of its {found.workers}", hint=IMAGE)
    return found
