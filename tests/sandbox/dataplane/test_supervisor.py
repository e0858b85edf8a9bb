"""An Envoy that ends again and again."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from rollway.sandbox.dataplane.supervisor import TOLD_AFTER, Supervisor, trouble
from rollway.sandbox.node.processes.ledger import Ledger
from traffic import eventually, run

SAID = """\
[2026-11-28 18:33:18.001][41][warning][main] [source/server/server.cc:922] There is no configured limit
[2026-11-28 18:33:18.123][41][critical][assert] [source/common/filesystem/inotify/watcher_impl.cc:24] \
assert failure: inotify_fd_ >= 0. \
Details: Consider increasing value of user.max_inotify_watches via sysctl
[2026-11-28 18:33:18.124][41][critical][backtrace] [./source/server/backtrace.h:129] Caught Aborted, suspect faulting address 0x1
"""


def test_it_is_told_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In one line, after a few ends, with what it said last and what to try; nothing more is logged, and it goes on."""
    program = tmp_path / "envoy"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{SAID}END\nkill -ABRT $$\n")
    program.chmod(0o700)

    async def story() -> None:
        supervisor = Supervisor(program, tmp_path, str(tmp_path / "a"), str(tmp_path / "d"), Ledger(tmp_path / "p"), lambda: None)
        supervisor.start()

        async def is_on() -> bool:
            return supervisor.starts >= TOLD_AFTER + 2

        await eventually(is_on)
        assert supervisor.trouble == trouble(-6, SAID, tmp_path / "envoy.log")
        await supervisor.stop()

    with caplog.at_level(logging.WARNING):
        run(story())
    assert [each.levelname for each in caplog.records] == ["WARNING"] * (TOLD_AFTER - 1) + ["ERROR"]


def test_what_is_told() -> None:
    """The signal, the fault without where in its source it is, and what helps against this one; else what always does."""
    told = trouble(-6, SAID, Path("/s/envoy.log"))
    assert told.startswith("Envoy ends again and again, by SIGABRT: assert failure: inotify_fd_ >= 0. Details: Consider")
    assert told.endswith("try: sudo sysctl fs.inotify.max_user_instances=512: your programs have used up what a user may have")
    other = trouble(1, "", Path("/s/envoy.log"))
    assert other == "Envoy ends again and again, with exit code 1; try: deploy sandbox reset begins anew; more is in /s/envoy.log"
