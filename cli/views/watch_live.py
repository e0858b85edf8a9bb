"""`deploy watch` on a terminal: a screen of its own, which is gone when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ...kube.clock import now
from ...ship.sight import Sight
from .paint import Paint, is_lively
from .sink import styled
from .watch_text import watch_lines

REFRESHES_A_SECOND = 4


class WatchScreen:
    """Shows what is seen, with the time that passes, until `close`, which leaves the terminal as it was."""

    def __init__(self, stream: TextIO) -> None:
        self._paint = Paint(is_lively(stream))
        self._console = Console(file=stream, highlight=False, soft_wrap=False, force_terminal=True)
        self._loop = asyncio.get_running_loop()
        self._sight: Sight | None = None
        self._live: Live | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._loop.add_signal_handler(signal.SIGTSTP, self._suspend)

    def show(self, sight: Sight) -> None:
        self._sight = sight
        self._begin()
        self._draw()

    def close(self) -> None:
        self._loop.remove_signal_handler(signal.SIGTSTP)
        self._end()

    def _begin(self) -> None:
        if self._live is None:
            self._live = Live(
                console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
            )  # fmt: skip
            self._live.start()

    def _end(self) -> None:
        if self._ticking:
            self._ticking.cancel()
        if self._live:
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        if self._ticking:
            self._ticking.cancel()
        if self._live and self._sight:
            size = self._console.size
            lines = watch_lines(self._sight, now(), self._paint, size.width, size.height)
            text = Text.from_ansi("\n".join(styled(line) for line in lines))
            text.no_wrap, text.overflow = True, "ellipsis"
            self._live.update(text, refresh=True)
            self._ticking = self._loop.call_later(1 / REFRESHES_A_SECOND, self._draw)

    def _suspend(self) -> None:
        """Ctrl-Z: the shell gets its screen back meanwhile."""
        self._end()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._begin()
        self._draw()
