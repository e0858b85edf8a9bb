"""The addresses of pods that are gone: who still sends there gets no answer, as on a node, where the pod's network is gone, too.

On the loopback a port that nobody listens at refuses at once. What is silent is a queue that is full: Linux drops what comes
then, and the caller waits for as long as it cares to.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

HOLD_S = 30.0
"""Proxies and load balancers have heard of it by then; and the port is free again for others."""
MOST = 256  # addresses


class Silence:
    def __init__(self) -> None:
        self._held: dict[str, list[socket.socket]] = {}

    def keep(self, address: str, ports: Iterable[int]) -> None:
        """From now on, for a while. A port that cannot be had is left alone."""
        self.lift(address)
        if held := [each for port in ports for each in _silent(address, port)]:
            self._held[address] = held
            asyncio.get_running_loop().call_later(HOLD_S, self.lift, address)
        while len(self._held) > MOST:
            self.lift(next(iter(self._held)))

    def lift(self, address: str) -> None:
        """Somebody may listen there again."""
        for held in self._held.pop(address, ()):
            held.close()

    def close(self) -> None:
        for address in tuple(self._held):
            self.lift(address)


def _silent(address: str, port: int) -> list[socket.socket]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
    except OSError:  # another's port, or no address of this machine: the pod was only modelled
        listener.close()
        return []
    caller = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    caller.setblocking(False)
    caller.connect_ex((address, port))  # the one that a queue of length 0 takes
    return [listener, caller]
