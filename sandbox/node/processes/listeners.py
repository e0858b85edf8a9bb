"""Whose a port is that a process could not have: on a node each pod has a network of its own, processes share this machine's.

Asked only of a program that has said by itself that its address is taken. (Linux; elsewhere nobody is named.)
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .ledger import mark_of

_TAKEN = re.compile(r"address (already )?in use|EADDRINUSE", re.IGNORECASE)
_PORT = re.compile(r"[: ](\d{2,5})\b")
_TAIL = 4096  # characters of a log
_LISTENS = "0A"
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def clash(log: str, declared: Iterable[int], pods: Mapping[str, str]) -> str:
    """Which port a program has found taken, by what its log ends with, and by whom; empty where it does not say so.

    `declared`: the ports of its container. `pods`: their names by uid. Blocks for milliseconds.
    """
    said = [line for line in log[-_TAIL:].splitlines() if _TAKEN.search(line)]
    if not said:
        return ""
    written = [int(number) for number in _PORT.findall(said[-1].partition(" ")[2])]  # the moment comes first
    for port in (*written, *declared):
        for inode in _listening(port):
            return (
                f"port {port} is taken by {_holder(inode, pods)}: pods that are processes share this machine's network, so "
                f"listen on $POD_IP, which each has of its own, not on all addresses"
            )
    return ""


def _listening(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen at the port of any address, those of all addresses first."""
    found = []
    for table in _TABLES:
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                _, local, _, state, *rest = line.split()
                address, _, number = local.partition(":")
                if state == _LISTENS and int(number, 16) == port:
                    found.append((bool(address.strip("0")), rest[5]))
    yield from (inode for _, inode in sorted(found))


def _holder(inode: str, pods: Mapping[str, str]) -> str:
    wanted = f"socket:[{inode}]"
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            if any(str(each.readlink()) == wanted for each in (path / "fd").iterdir()):
                pod = pods.get(mark_of(int(path.name)).partition("/")[0])
                return f"pod {pod}" if pod else f"process {path.name} ({(path / 'comm').read_text().strip()})"
    return "another process"
